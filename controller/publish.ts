import { RolloutError } from '../core/errors.ts';
import { isReplaced, type Rollout, targetNamed } from '../core/rollout/state.ts';
import type { Target } from '../core/target.ts';
import { readRollout } from './execution.ts';
import type { Needs } from './ports.ts';
import { recordEffect } from './record.ts';

/** Publishes the version that one target is to serve, or waits a few seconds for it. */
export async function publish(
  rollout: Rollout,
  name: string,
  ports: Needs<'clock' | 'journal' | 'publisher'>,
): Promise<Rollout> {
  const target = targetNamed(rollout, name);
  try {
    const published = await ports.publisher(target.kind).publish(target);
    if (published === 'pending') return rollout;
    const { quarantined } = await ports.journal.service(rollout.opening.service);
    const { version, ...made } = published;
    return await recordEffect(
      rollout,
      { type: 'RecordPublished', target: target.name, version, made, quarantined },
      ports,
    );
  } catch (error) {
    if (RolloutError.is(error, 'TargetInvalid'))
      return recordEffect(rollout, { type: 'Refuse', reason: error.message }, ports);
    // A quota, a right or a key of the account says nothing about the release.
    if (RolloutError.is(error, 'AccountRefused'))
      return recordEffect(rollout, { type: 'Refuse', reason: error.message, cause: 'environment' }, ports);
    throw error;
  }
}

/**
 * Puts the code of stable back, of a target that the journal names: no other function may change code, and no input says which.
 * @throws RolloutError CommandRefused if the rollout replaced none there
 */
export async function restoreCode(
  rolloutId: string,
  name: string,
  ports: Needs<'journal' | 'publisher'>,
): Promise<void> {
  const rollout = await readRollout(rolloutId, ports);
  const target = replacedBy(rollout).find((each) => each.name === name);
  if (target === undefined)
    throw new RolloutError(
      'CommandRefused',
      `${rolloutId} (${rollout.outcome ?? 'under way'}) put no code into ${name} that could be restored; look at its status.`,
    );
  await ports.publisher(target.kind).restore(target);
}

/** The targets whose code this rollout replaced, or was to, and that do not serve it: what completed stays. */
function replacedBy({ opening, outcome }: Rollout): Target[] {
  return outcome === 'completed' ? [] : opening.targets.filter(isReplaced);
}
