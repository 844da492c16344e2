import type { Instant } from '../units.ts';
import type { Answer } from './finding/asked.ts';
import type { Settled } from './settled.ts';
import type { Course } from './trial.ts';
import type { Finding } from './types.ts';
import { isLatency } from './weights.ts';

/** What a rule that could not be measured still needs. */
const NO_MORE = 'no more of it is counted than when it could not be measured';

/**
 * A rule that could not be measured stays broken until more of it is counted than was before. A reading in which minutes are missing
 * shows less than there is, so that only the canary's own counts end it there.
 */
export function unlessUncounted<Given extends Answer>(
  { verdict }: Course,
  answer: Given,
  { settled, from }: { settled: Settled; from: Instant },
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
    (isWhole(settled, metric, from) && (counted === 0 || canary.total + stable.total > counted));
  if (isMore) return answer;
  const kept = { ...answer.finding, canary: before.canary, stable: before.stable, needed: NO_MORE };
  return { ...rest, finding: { ...kept, status: 'broken', reason: `${reason}; ${NO_MORE}` } } as Given;
}

/** True if a rule was read and nothing is unknown of its minutes, nor of how often its function ran in them. */
function isWhole(settled: Settled, metric: Finding['metric'], from: Instant): boolean {
  const own = settled[isLatency(metric) ? 'latency' : (metric as 'errors')];
  const counted = isLatency(metric) ? undefined : settled[metric as 'errors'];
  const unknown = [counted, settled.errors].flatMap((each) => [...(each?.unknown.keys() ?? [])]);
  return own !== undefined && !unknown.some((start) => start >= from);
}
