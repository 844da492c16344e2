import type { Target } from '../target.ts';
import type { FencingToken } from './fencing-token.ts';

/** What a claim finds on a target: it `may` be written, it `stands` already, another rollout has it (`held`), or somebody `touched` it since the opening. */
type Claim = 'may' | 'stands' | 'held' | 'touched';

/**
 * Says whether the first token of a rollout may be written. A claim that is repeated, because nobody knows whether the
 * first one was made, may be only if nobody has written since the opening looked: a token that is missing may have
 * been wiped, and what it said of an abort or a revert that the journal never learned of would be covered up.
 */
export function claimOf(
  seen: { token: FencingToken | undefined; revision: string | undefined },
  target: Pick<Target, 'revision'>,
  { rolloutId }: FencingToken,
  isRepeated: boolean,
): Claim {
  if (seen.token?.rolloutId === rolloutId) return 'stands';
  if (seen.token?.open) return 'held';
  const isUntouched = target.revision !== undefined && seen.revision === target.revision;
  return isRepeated && !isUntouched ? 'touched' : 'may';
}
