import type { Target } from './event.ts';
import type { Stamp } from './stamp.ts';

/** What a claim finds on a target: it `may` be written, it `stands` already, another rollout has it (`held`), or somebody `touched` it since the opening. */
type Claim = 'may' | 'stands' | 'held' | 'touched';

/**
 * Says whether the first stamp of a rollout may be written. A claim that is repeated, because nobody knows whether the
 * first one was made, may be only where nobody has written since the opening looked: a stamp that is missing may have
 * been wiped, and what it said of an abort or a revert that the journal never heard of would be covered up.
 */
export function claimOf(
  seen: { stamp: Stamp | undefined; revision: string | undefined },
  target: Pick<Target, 'revision'>,
  { rolloutId }: Stamp,
  isRepeated: boolean,
): Claim {
  if (seen.stamp?.rolloutId === rolloutId) return 'stands';
  if (seen.stamp?.open) return 'held';
  const isUntouched = target.revision !== undefined && seen.revision === target.revision;
  return isRepeated && !isUntouched ? 'touched' : 'may';
}
