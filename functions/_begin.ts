import { type Rollout, stampOf } from '../core/rollout/state.ts';
import { executionInput, type Ports } from './_task.ts';

/** Claims the targets of a rollout and starts its execution; both may be repeated at any time. */
export async function begin(rollout: Rollout, ports: Ports): Promise<void> {
  for (const target of rollout.opening.targets)
    await ports.router(target.kind).claim(target, stampOf(rollout, 0));
  await ports.executions.start(executionInput(rollout));
}
