import { type Rollout, stampOf } from '../core/rollout/state.ts';
import { executionInput, type Needs } from './_task.ts';

/** Arms the dead man with what he needs to take this rollout back by himself. Arming again replaces it. */
export function arm(rollout: Rollout, ports: Needs<'clock' | 'deadMan'>): Promise<void> {
  const { deadline } = rollout.opening;
  return ports.deadMan.arm({ ...executionInput(rollout), deadline, armedAt: ports.clock.now() });
}

/** Claims the targets of a rollout and starts its execution; both may be repeated at any time. */
export async function begin(rollout: Rollout, ports: Needs<'executions' | 'router'>): Promise<void> {
  for (const target of rollout.opening.targets) {
    await ports.router(target.kind).claim(target, stampOf(rollout, 0));
  }
  await ports.executions.start(executionInput(rollout));
}
