import { RolloutError } from '../core/errors.ts';
import type { Target } from '../core/rollout/event.ts';
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
  const isClaimable = !hasCanaryTraffic(rollout) && rollout.leaving === undefined;
  for (const target of isClaimable ? rollout.opening.targets : []) await claim(rollout, target, ports);
  await ports.executions.start(executionInput(rollout));
}

/** A target that cannot be claimed cannot be raised either, which its execution finds out and ends; without one nobody would. */
async function claim(rollout: Rollout, target: Target, ports: Needs<'router'>): Promise<void> {
  const stamp = rollout.traffic[target.name]?.stamp;
  if (stamp === undefined) return;
  try {
    await ports.router(target.kind).claim(target, stamp);
  } catch (error) {
    if (!RolloutError.is(error, 'TargetInvalid')) throw error;
  }
}
