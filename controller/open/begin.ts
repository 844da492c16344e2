import { RolloutError } from '../../core/errors.ts';
import { pinnedAtOpening } from '../../core/rollout/pin.ts';
import type { Rollout } from '../../core/rollout/state.ts';
import type { Target } from '../../core/target.ts';
import { executionInput } from '../execution.ts';
import { pinNow } from '../pins.ts';
import type { Needs } from '../ports.ts';

/** What beginning takes. */
export type Begins = 'clock' | 'executions' | 'journal' | 'router';

/** Arms the watchdog with everything it needs to revert this rollout by itself. Arming again replaces it. */
export function arm(rollout: Rollout, ports: Needs<'clock' | 'watchdog'>): Promise<void> {
  const { deadline } = rollout.opening;
  return ports.watchdog.arm({ ...executionInput(rollout), deadline, armedAt: ports.clock.now() });
}

/** Claims the targets of a rollout that was opened just now and starts its execution. */
export async function begin(rollout: Rollout, ports: Needs<Begins>): Promise<void> {
  await claimAndStart(rollout, false, ports);
}

/** Begins a rollout once more, at any time: what was done stays as it is, and only what never was is done. */
export async function restart(rollout: Rollout, ports: Needs<Begins>): Promise<void> {
  await claimAndStart(rollout, true, ports);
}

async function claimAndStart(rollout: Rollout, isRepeated: boolean, ports: Needs<Begins>): Promise<void> {
  await pinNow(rollout, pinnedAtOpening(rollout), ports);
  // Once a raise was announced the tokens are there, and a missing one is news that must not be covered up. A rollback
  // raises nothing: whatever a missing token may have said, it led to the version that the rollback leads to.
  const isBack = rollout.opening.rollsBack !== undefined;
  const isClaimable = isBack || (rollout.seq === 0 && rollout.leaving === undefined);
  if (isClaimable) await claimTargets(rollout, rollout.opening.targets, ports, isRepeated && !isBack);
  await ports.executions.start(executionInput(rollout));
}

/** Claims targets, one after another: together they would be more calls at once than Lambda's control plane takes. */
export async function claimTargets(
  rollout: Rollout,
  targets: Target[],
  ports: Needs<'router'>,
  isRepeated = false,
): Promise<void> {
  for (const target of targets) await claim(rollout, target, isRepeated, ports);
}

/** A target that cannot be claimed cannot be raised either, which its execution finds out and ends; without one nobody would. */
async function claim(
  rollout: Rollout,
  target: Target,
  isRepeated: boolean,
  ports: Needs<'router'>,
): Promise<void> {
  const token = rollout.traffic[target.name]?.token;
  if (token === undefined) return;
  try {
    await ports.router(target.kind).claim(target, token, isRepeated);
  } catch (error) {
    if (!RolloutError.is(error, 'TargetInvalid') && !RolloutError.is(error, 'AccountRefused')) throw error;
  }
}
