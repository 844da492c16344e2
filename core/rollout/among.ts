import type { Stretch } from '../analysis/trial.ts';
import { amongAt } from '../plan/segments.ts';
import { type Instant, WINDOW_MS } from '../units.ts';
import { type Rollout, weightNow } from './state.ts';

/** A stretch of time, and whose counts are compared in it: everybody's if it does not say. */
interface Among {
  from: Instant;
  to: Instant;
  among?: string | undefined;
}

/**
 * Whose counts a reading takes, stretch by stretch: a step inside a segment rests on visitors of that segment alone, on both
 * versions, and while a segment has a share of its own other steps rest on those whom no segment names. A minute in which traffic
 * moved is of those who stood before.
 */
export function askedAmong(rollout: Rollout, from: Instant, to: Instant): Among[] {
  return standings(rollout).flatMap(({ among, ...each }) => {
    const [begin, end] = [Math.max(from, each.from), Math.min(to, each.to)];
    return begin < end ? [{ from: begin, to: end, ...(among === undefined ? {} : { among }) }] : [];
  });
}

/** The stretches in which not everybody is counted. */
export const partsOf = (rollout: Rollout): Stretch[] =>
  standings(rollout).flatMap(({ among, from, to }) => (among === undefined ? [] : [{ from, to }]));

/** All time, by whose counts are compared; in whole minutes. */
function standings(rollout: Rollout): Among[] {
  const { opening, stood = [], stepSince, promotedAt, recall, raisedAt } = rollout;
  const { steps, segments } = opening.plan;
  const all = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };
  if (segments === undefined || raisedAt === undefined) return [all];
  const since = recall === undefined ? (stepSince ?? promotedAt) : recall.since;
  const begun = [
    { weight: steps[0]?.weight ?? 100, from: Math.floor(raisedAt / WINDOW_MS) * WINDOW_MS },
    ...stood,
    ...(since === undefined ? [] : [{ weight: weightNow(rollout), from: since }]),
  ].map(({ weight, from }) => ({
    from: Math.ceil(from / WINDOW_MS) * WINDOW_MS,
    among: amongAt(steps, weight),
  }));
  return [{ from: all.from, among: undefined }, ...begun].map((each, nth) => ({
    ...each,
    to: begun[nth]?.from ?? all.to,
  }));
}
