import type { Client } from '../client/client.ts';
import { didYouMean } from '../core/config/nearest.ts';
import { RolloutError } from '../core/errors.ts';
import { rolloutIdParts } from '../core/rollout/service.ts';

const NAMED_MAX = 3;

/** What to say of a rollout that nobody knows: which one may be meant, or which there are. */
export async function unknownRollout(client: Client, rolloutId: string): Promise<RolloutError> {
  const { service = '' } = rolloutIdParts(rolloutId) ?? {};
  // Whoever may not read the list learns at least that there is no such rollout.
  const recent = await client.recent({ service }).catch(() => []);
  const known = recent.map(({ opening }) => opening.rolloutId);
  const meant = didYouMean(rolloutId, known).replaceAll('`', '').trim();
  const newest = known.slice(0, NAMED_MAX).join(', ');
  const hint =
    meant || (newest === '' ? '"status" lists those under way.' : `the newest of ${service}: ${newest}`);
  return new RolloutError('RolloutUnknown', `There is no rollout ${rolloutId} here; ${hint}`);
}
