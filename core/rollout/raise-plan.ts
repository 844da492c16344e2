import type { Observed, Raise } from '../ports.ts';
import type { Target } from '../target.ts';
import type { Instant, Percent } from '../units.ts';
import { type FencingToken, isSameToken, tokenText } from './fencing-token.ts';

/** What is written to a target: who gets its traffic, and the fencing token. */
export interface Routing {
  primary: string;
  weights: Record<string, Percent>;
  token: FencingToken;
}

/** What a raise must write on one target, or why it may not: only what was announced, on what was announced, in time. */
export function raisePlan(
  seen: Observed,
  { stable, canary }: Pick<Target, 'stable' | 'canary'>,
  { expect, write: token, from, weight, expiresAt }: Raise,
  now: Instant,
): { write: Routing } | { fenced: string } {
  if (!isSameToken(seen.token, expect))
    return { fenced: `its token is ${seen.token === undefined ? 'gone' : tokenText(seen.token)}` };
  const { [canary]: share = seen.primary === canary ? 100 : 0, ...others } = seen.weights;
  const primary = from === 100 ? canary : stable;
  if (seen.primary !== primary || share !== from || Object.keys(others).length > 0)
    return { fenced: 'somebody else moved its traffic' };
  if (now > expiresAt) return { fenced: 'the raise came too late' };
  return {
    write:
      weight === 100
        ? { primary: canary, weights: {}, token }
        : { primary: stable, weights: { [canary]: weight }, token },
  };
}
