import { RolloutError } from '../core/errors.ts';
import type { RevertBy, RevertedTarget, Target } from '../core/rollout/event.ts';
import { hasCanaryTraffic, type Rollout } from '../core/rollout/state.ts';
import { recordEffect } from './_journal.ts';
import type { Needs } from './_task.ts';

/**
 * Takes the canary out of every target at once; one that fails does not keep the others waiting.
 * Needs neither journal nor metrics. @throws RolloutError RevertFailed naming the targets that may still serve the canary, Unavailable where all that failed passes by itself
 */
export async function revertTargets(
  targets: Target[],
  by: RevertBy,
  ports: Needs<'router'>,
): Promise<RevertedTarget[]> {
  const results = await Promise.allSettled(
    targets.map((target) => ports.router(target.kind).revert(target, by)),
  );
  const failures = results.flatMap((result, index) =>
    result.status === 'rejected' ? [{ name: targets[index]?.name, reason: result.reason as unknown }] : [],
  );
  if (failures.length > 0) {
    // What passes by itself is worth coming again for; the last way out would meet the same.
    const isPassing = failures.every(({ reason }) => RolloutError.is(reason, 'Unavailable'));
    throw new RolloutError(
      isPassing ? 'Unavailable' : 'RevertFailed',
      `${by.rolloutId}: ${failures.length} of ${targets.length} targets could not be taken back (${failures.map(({ name, reason }) => `${name}: ${reason}`).join('; ')}); the canary may still have traffic there.`,
    );
  }
  return results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
}

/** Reads every target and writes down what the journal had not heard of. Comes before anything a resumed rollout does. */
export async function reconcileTargets(
  rollout: Rollout,
  ports: Needs<'clock' | 'journal' | 'router'>,
): Promise<Rollout> {
  if (rollout.leaving !== undefined || rollout.outcome !== undefined || !hasCanaryTraffic(rollout))
    return rollout;
  let present = rollout;
  for (const target of rollout.opening.targets) {
    const seen = await ports.router(target.kind).observe(target);
    present = await recordEffect(present, { type: 'Reconcile', target: target.name, seen }, ports);
  }
  return present;
}
