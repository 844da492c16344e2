import type { Instant } from '../units.ts';
import type { Answer } from './finding.ts';
import type { Course } from './trial.ts';
import type { Finding, ReadWindow, Series } from './types.ts';
import { isLatency } from './weights.ts';
import { believable } from './windows.ts';

/** What a rule that could not be measured still needs. */
const NO_MORE = 'no more of it is counted than when it could not be measured';

/**
 * A rule that could not be measured stays broken until more of it is counted than was before. A reading in which minutes are missing
 * shows less than there is, so that only the canary's own counts end it there.
 */
export function unlessUncounted<Given extends Answer>(
  { verdict }: Course,
  answer: Given,
  { series, from }: { series: Series; from: Instant },
): Given {
  const { covered: _, ...rest } = answer;
  const { target, metric, status, canary, stable, reason } = answer.finding;
  const before =
    verdict?.from === from
      ? verdict.findings.find((each) => each.target === target && each.metric === metric)
      : undefined;
  if (before?.status !== 'broken' || (status !== 'pass' && status !== 'inconclusive')) return answer;
  const counted = before.canary.total + before.stable.total;
  // If nobody calls there is no more to count, so that a whole reading says what there is.
  const isMore =
    canary.total > before.canary.total ||
    (isWhole(series, metric, from) && (counted === 0 || canary.total + stable.total > counted));
  if (isMore) return answer;
  const kept = { ...answer.finding, canary: before.canary, stable: before.stable, needed: NO_MORE };
  return { ...rest, finding: { ...kept, status: 'broken', reason: `${reason}; ${NO_MORE}` } } as Given;
}

/** True if a rule was read and nothing is unknown of its minutes, nor of how often its function ran in them. */
function isWhole(series: Series, metric: Finding['metric'], from: Instant): boolean {
  const own = series[isLatency(metric) ? 'latency' : (metric as 'errors')];
  const counted = isLatency(metric) ? [] : ((own ?? []) as ReadWindow[]);
  const unknown = [counted, series.errors ?? []].flatMap((read) => [...believable(read).unknown]);
  return own !== undefined && !unknown.some((start) => start >= from);
}
