import type { Plan } from '../plan/plan.ts';
import type { Target } from '../target.ts';
import { type Instant, WINDOW_MS } from '../units.ts';
import { duration, number } from '../words.ts';
import { evidenceOfShare, FLOOR, SUSPICIOUS } from './evidence.ts';
import { metricsWith } from './metrics.ts';
import { knownOf, knownWindows, type Settled } from './settled.ts';
import type { Course } from './trial.ts';
import type { Level, Limit, LimitFinding, LimitRule, Series, VerdictStatus, Window } from './types.ts';
import { ownSince, sum } from './windows.ts';

/** Metrics of which the totals are runs of the function. */
const RUNS = metricsWith(({ isOfRuns }) => isOfRuns);

/** Newest windows in which data may still be on its way. */
const LATE_WINDOWS = 2;

/** Data points in a row that must break a limit: SQS calls its numbers approximate, and one of them alone may be off. */
const IN_A_ROW = 2;

/** The limits that a target keeps. */
export function limitsOf({ traits }: Pick<Target, 'traits'>, limits: readonly LimitRule[]): LimitRule[] {
  return limits.filter(({ limit }) => traits.limits[limit] !== undefined);
}

/**
 * What each limit of a target says of what was read, on settled windows alone. A limit has no control, so it is held
 * against the release only if what breaks it can have begun after the first raise: what was over the limit before,
 * or waited already, was there without it.
 */
export function limitFindings(
  trial: Course,
  target: Target,
  settled: Settled,
  step: { from: Instant; to: Instant },
): LimitFinding[] {
  const { raisedAt = Number.POSITIVE_INFINITY } = trial;
  return limitsOf(target, trial.opening.limits).map((rule) => {
    const since = Math.floor(raisedAt / WINDOW_MS) * WINDOW_MS;
    const ownFrom = ownSince(trial, knownOf(settled.batchFailures), raisedAt);
    const { status, value, said } = judged(rule, target, settled, { since, ownFrom, step });
    const reason = trial.opening.targets.length > 1 ? `${target.name}: ${said}` : said;
    return { ...rule, target: target.name, status, value, reason };
  });
}

/** `since`: the beginning of the window in which traffic was first raised; `ownFrom`: that of the first one whose counts are all of this rollout. */
interface Stretch {
  since: Instant;
  ownFrom: Instant;
  step: { from: Instant; to: Instant };
}

interface Said {
  status: VerdictStatus;
  value: number;
  said: string;
}

function judged(rule: LimitRule, target: Target, settled: Settled, stretch: Stretch): Said {
  const said = saidBy(rule, target, settled, stretch);
  const missing =
    settled[rule.limit] === undefined
      ? `${rule.limit} was not read`
      : said.status === 'fail'
        ? undefined
        : whyMissing(rule.limit, target, settled, stretch.step);
  return missing === undefined ? said : { ...said, status: 'broken', said: missing };
}

function saidBy({ limit, max }: LimitRule, target: Target, settled: Settled, stretch: Stretch): Said {
  switch (limit) {
    case 'batchFailures':
      return batchFailures(max, target, knownOf(settled.batchFailures), stretch);
    case 'dlqNew':
      return deadLetters(max, settled.dlqNew ?? [], stretch);
    case 'oldestMessage':
      return age(max, settled.oldestMessage ?? [], stretch, 'the oldest message has waited');
    case 'iteratorAge':
      return age(max, settled.iteratorAge ?? [], stretch, 'the last record was as old as');
  }
}

/** SQS reports nothing of an inactive queue, and one that holds messages is active: what is absent is zero (SQS developer guide, "Available CloudWatch metrics for Amazon SQS"). */
function deadLetters(max: number, all: readonly Level[], { since }: Stretch): Said {
  // The last point before the raise and not the highest: messages that somebody took out before it are not there to count on.
  const before = all.filter(({ start }) => start < since).at(-1)?.value ?? 0;
  const grown = all
    .filter(({ start }) => start > since)
    .map(({ start, value }) => ({ start, value: value - before }));
  const value = Math.max(0, ...grown.map((point) => point.value));
  const isOver = runs(grown, (point) => point.value > max).length > 0;
  const said = `${number(value)} new in the dead-letter queue, where ${number(before)} were before; at most ${number(max)} may be new`;
  return { ...found(isOver, (grown.at(-1)?.value ?? 0) > max, said), value };
}

/** What waits now may have waited before the first raise; only what was sent after it can be the canary's doing. */
function age(max: number, all: readonly Level[], { since }: Stretch, what: string): Said {
  const after = all.filter(({ start }) => start > since);
  const isTooOld = ({ value }: Level) => value > max;
  const wasOver = all.some((point) => point.start < since && isTooOld(point));
  // As with a red alarm: what was over before is held against the release once it has been seen to recover.
  const from = wasOver ? runs(after, (point) => !isTooOld(point))[0] : since;
  const held = after.filter(
    ({ start, value }) =>
      start > (from ?? Number.POSITIVE_INFINITY) &&
      // Where in its minute an age was taken is not known; with the end of it, what stopped at the raise is never missed.
      start + WINDOW_MS - value * 1000 >= since,
  );
  const isOver = runs(held, isTooOld).length > 0;
  const value = Math.max(0, ...(isOver ? held : after).map((point) => point.value));
  const why = wasOver ? 'it was so before this release too' : 'too little of that is since this release';
  const old = !isOver && value > max ? `; not held against it: ${why}` : '';
  const said = `${what} ${duration(value)}, and ${duration(max)} at most are allowed${old}`;
  const last = held.at(-1);
  return { ...found(isOver, last !== undefined && last === after.at(-1) && isTooOld(last), said), value };
}

/** The newest data point alone proves nothing, because the next one may be back within the limit; until then nothing passes. */
function found(isOver: boolean, isNewestOver: boolean, said: string): Omit<Said, 'value'> {
  if (isOver) return { status: 'fail', said };
  return isNewestOver
    ? { status: 'suspect', said: `${said}; this is the newest data point alone, and the next one decides` }
    : { status: 'pass', said };
}

/** Failures belong to the version that handed them back, so those of stable are never the canary's. */
function batchFailures(
  max: number,
  target: Target,
  windows: readonly Window[],
  { since, ownFrom }: Stretch,
): Said {
  const before = sum(windows.filter(({ start }) => start < since).map(({ stable }) => stable));
  const { bad: value, total } = sum(
    windows.filter(({ start }) => start >= ownFrom).map(({ canary }) => canary),
  );
  const isOver = value > max && before.bad <= max;
  const old =
    value > max && !isOver
      ? `; stable handed back ${number(before.bad)} of ${number(before.total)} just before this release`
      : '';
  // Stable's own failures excuse as many of the canary's as its share makes due, and no more.
  const share = Math.max(FLOOR, before.bad / Math.max(1, before.total));
  const evidence = evidenceOfShare({ bad: value, total }, share, target.traits);
  const isWorse = old !== '' && evidence >= SUSPICIOUS;
  const worse = isWorse ? ', and surely less often than the canary does' : '';
  const said = `canary handed back ${number(value)} of ${number(total)} as failed, and ${number(max)} at most are allowed${old}${worse}`;
  return { status: isOver ? 'fail' : isWorse ? 'suspect' : 'pass', value, said };
}

/**
 * Why a limit says nothing although requests came: if Lambda runs something, it reports the age of it, and the wrapper
 * counts its batch. Only a queue may be silent: one without messages has no age.
 */
function whyMissing(
  limit: Limit,
  target: Target,
  settled: Settled,
  { from, to }: Stretch['step'],
): string | undefined {
  if (target.traits.limits[limit] !== 'nothing') return undefined;
  const isCounted = limit === 'batchFailures';
  const isDue = ({ start }: { start: Instant }) => start >= from && start < to - LATE_WINDOWS * WINDOW_MS;
  const requests = RUNS.map((metric) => knownOf(settled[metric]).filter(isDue)).map(
    (windows) =>
      sum(windows.flatMap(({ canary, stable }) => (isCounted ? [canary] : [canary, stable]))).total,
  );
  const most = Math.max(...requests);
  const isSeen = isCounted
    ? knownOf(settled.batchFailures).some(({ start, canary }) => start >= from && (canary?.total ?? 0) > 0)
    : (settled[limit] ?? []).some(({ start }) => start >= from);
  if (most === 0 || isSeen) return undefined;
  const whose = isCounted ? 'the canary' : 'the target';
  const fix = isCounted ? '; wrap its handler with withSpillway' : '';
  return `${limit}: ${whose} ran ${number(most)} times in this step and nothing was reported${fix}`;
}

/** The moments at which so many points in a row were as asked. */
function runs(points: readonly Level[], isSo: (point: Level) => boolean): Instant[] {
  return points
    .filter((_, index) => index + 1 >= IN_A_ROW && points.slice(index + 1 - IN_A_ROW, index + 1).every(isSo))
    .map(({ start }) => start);
}

/** What a person should know of the limits of a target before its rollout, by what was read of the minutes before it. */
export function limitNotices(
  target: Target,
  limits: readonly LimitRule[],
  plan: Plan,
  series: Series = {},
): string[] {
  const lasts = plan.steps.reduce((seconds, step) => seconds + step.bakeSeconds, plan.verifySeconds);
  return limitsOf(target, limits).flatMap(({ limit, max }) => {
    const of = `limits.${limit} of ${target.name}`;
    if (limit === 'dlqNew')
      return (series.dlqNew ?? []).length > 0
        ? []
        : [
            `${of}: CloudWatch shows nothing of queue ${target.ref.dlq} lately. An inactive queue is empty, but its first message may be seen 15 min late, and a wrong name looks the same`,
          ];
    if (limit === 'batchFailures') return batchNotices(of, max, target, series);
    const isOver = (series[limit] ?? []).some(({ value }) => value > max);
    return [
      ...(isOver
        ? [
            `${of} is over ${duration(max)} already; it is not held against this release until it has recovered`,
          ]
        : []),
      ...(max > lasts
        ? [
            `${of} allows ${duration(max)}, and this plan can be through in ${duration(lasts)}: what is sent during it may not become too old in time`,
          ]
        : []),
    ];
  });
}

function batchNotices(of: string, max: number, { stable, canary }: Target, series: Series): string[] {
  const ran = RUNS.some(
    (metric) => sum(knownWindows(series[metric]).map((window) => window.stable)).total > 0,
  );
  const { bad, total } = sum(knownWindows(series.batchFailures).map((window) => window.stable));
  if (ran && total === 0)
    return [
      `${of}: version ${stable} counts no batches; if ${canary === '' ? 'the new version' : `version ${canary}`} does not either, it cannot be measured and the rollout pauses; wrap the handler with withSpillway`,
    ];
  return bad > max
    ? [`${of}: version ${stable} handed back ${number(bad)} lately, so it is not held against this release`]
    : [];
}
