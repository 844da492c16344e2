import { SEVERITY } from '../analysis/judge.ts';
import type { Count, Finding, Verdict } from '../analysis/types.ts';
import type { RolloutEvent } from '../rollout/event.ts';

/** Why a rollout ended as it did, or what speaks most against its canary now. */
export interface Explanation {
  /** The verdict that decided, or the newest one. */
  verdict: Verdict | undefined;
  /** What speaks most against the canary in it. */
  decisive: Finding | undefined;
  /** What the same verdict says of everything else. */
  others: Finding[];
  /** The share of failures on both sides at each measuring that counted some requests on either, in order. */
  shares: { at: number; canary?: number | undefined; stable?: number | undefined }[];
}

/** Explains a rollout by its events; `newest` is its newest verdict. */
export function explanationOf(events: readonly RolloutEvent[], newest: Verdict | undefined): Explanation {
  const measured = events.flatMap((event) => (event.type === 'Measured' ? [event] : []));
  const verdict = measured.findLast(({ verdict: { status } }) => status === 'fail')?.verdict ?? newest;
  const [decisive, ...others] = [...(verdict?.findings ?? [])].sort(
    (a, b) => SEVERITY.indexOf(b.status) - SEVERITY.indexOf(a.status) || b.evidence - a.evidence,
  );
  const shares = measured.flatMap(({ at, verdict: { findings } }) =>
    findings
      .filter(({ target, metric }) => target === decisive?.target && metric === decisive.metric)
      .map(({ canary, stable }) => ({ at, canary: shareOf(canary), stable: shareOf(stable) }))
      .filter(({ canary, stable }) => canary !== undefined || stable !== undefined),
  );
  return { verdict, decisive, others, shares };
}

/** The share of bad ones; undefined if nothing was counted. */
export const shareOf = ({ bad, total }: Count): number | undefined => (total === 0 ? undefined : bad / total);
