import { hasCanaryTraffic, type Rollout } from '../core/rollout/state.ts';
import { executionInput, type Needs } from './_task.ts';

/** Arms the dead man with what he needs to take this rollout back by himself. Arming again replaces it. */
export function arm(rollout: Rollout, ports: Needs<'clock' | 'deadMan'>): Promise<void> {
  const { deadline } = rollout.opening;
  return ports.deadMan.arm({ ...executionInput(rollout), deadline, armedAt: ports.clock.now() });
}

/** Claims the targets of a rollout and starts its execution; both may be repeated at any time. */
export async function begin(rollout: Rollout, ports: Needs<'executions' | 'router'>): Promise<void> {
  // Once traffic has been raised the stamps are there, and a missing one is news that must not be covered up.
  const unclaimed = hasCanaryTraffic(rollout) ? [] : rollout.opening.targets;
  for (const target of unclaimed) {
    const stamp = rollout.traffic[target.name]?.stamp;
    if (stamp !== undefined) await ports.router(target.kind).claim(target, stamp);
  }
  await ports.executions.start(executionInput(rollout));
}
