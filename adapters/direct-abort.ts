import { RolloutError } from '../core/errors.ts';
import type { TrafficRouter, Watchdog } from '../core/ports.ts';
import type { TargetKinds } from '../core/target-kind.ts';

/**
 * Reverts a rollout by what its watchdog was armed with, without the controller's functions and journal; the
 * token keeps who did it. Answers a line for each target.
 * @throws RolloutError RolloutUnknown if nobody knows its targets, RevertFailed naming those that may still serve the canary
 */
export async function revertFrozen(
  rolloutId: string,
  person: string,
  watchdog: Watchdog,
  kinds: TargetKinds,
  router: (kind: string) => TrafficRouter,
): Promise<string[]> {
  const byHand = `take the weight off by hand: ${kinds.map((kind) => kind.byHand).join(', or ')}.`;
  const frozen = await watchdog.frozen(rolloutId);
  if (frozen === undefined)
    throw new RolloutError(
      'RolloutUnknown',
      `No watchdog is armed for ${rolloutId}: it has ended, or its id is wrong, so its targets are unknown. Look at its targets, check the id, or ${byHand}`,
    );
  if (frozen.targets.length === 0)
    throw new RolloutError(
      'RolloutUnknown',
      `${rolloutId} is not reversible, so only the journal knows its targets; abort it without --direct, or ${byHand}`,
    );
  const results = await Promise.allSettled(
    // A kind that nobody knows here keeps no other target from being reverted.
    frozen.targets.map(async (target) =>
      router(target.kind).revert(target, { rolloutId, epoch: frozen.epoch, person }),
    ),
  );
  const lines = results.map((result, index) =>
    result.status === 'fulfilled'
      ? `${result.value.name}: version ${result.value.primary} serves${result.value.isStableGone ? `, since version ${frozen.targets[index]?.stable} does not exist any more` : ''}`
      : `${frozen.targets[index]?.name}: ${result.reason}`,
  );
  if (results.some((result) => result.status === 'rejected' || result.value.isStableGone))
    throw new RolloutError(
      'RevertFailed',
      `${rolloutId}: not every target could be reverted, and the canary may still have traffic there (${lines.join('; ')}).`,
    );
  return lines;
}
