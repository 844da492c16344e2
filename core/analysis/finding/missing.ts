import { type Instant, WINDOW_MS } from '../../units.ts';
import { number } from '../../words.ts';
import { isOfAnswers, metricTraits } from '../metrics.ts';
import { EXPECTED_MIN } from '../pairing.ts';
import { type Believed, knownOf, type Settled } from '../settled.ts';
import type { Count, CustomCounts, Metric, WatchRule, Window } from '../types.ts';
import { isLatency } from '../weights.ts';
import { sum } from '../windows.ts';
import type { Asked, Counted } from './asked.ts';

/** Why the counts of a step are not all there, or cannot be trusted to be; undefined if nothing says so. `canary` is what a verdict shows of it. */
export function whyUnmeasured(
  asked: Asked,
  settled: Settled,
  { believed, inStep, canary }: { believed: Believed; inStep: readonly Window[]; canary: Count },
): string | undefined {
  const { rule, step } = asked;
  return (
    whyLate(asked, inStep, { settled, until: heardOf(asked) }) ??
    whyGone(rule.metric, settled) ??
    whyFewer(rule.metric, settled, step) ??
    whyUnknown([...believed.unknown.keys()].filter((start) => start >= step.from).length, canary)
  );
}

/** The end of the minutes of a bake that must have been counted: what is known to come late is not missing yet. */
const heardOf = ({ trial, target, step }: Asked): Instant =>
  Math.min(step.until, step.to - (trial.lateness?.[target.name] ?? 0) * WINDOW_MS);

/** Why a canary without samples holds this step; undefined if its bake was counted, or if it is counted again by now. */
function whyLate(
  asked: Asked,
  inStep: readonly Window[],
  { settled, until }: { settled: Settled; until: Instant },
): string | undefined {
  const baked = inStep.filter(({ start }) => start + WINDOW_MS <= until);
  const why = whyMissing(asked, baked, settled);
  return why && whyMissing(asked, inStep, settled);
}

/** Why a canary without samples is a measuring fault rather than a quiet service; undefined if it may be either. */
function whyMissing(
  { trial, target: { name }, rule: { custom } }: Asked,
  inStep: readonly Window[],
  settled: Settled,
): string | undefined {
  const weight = trial.traffic[name]?.weight ?? 0;
  if (weight === 0 || weight === 100) return undefined;
  const last = inStep.findLastIndex(({ canary }) => (canary?.total ?? 0) > 0);
  const silent = inStep.slice(last + 1);
  const due = Math.round((sum(silent.map(({ stable }) => stable)).total * weight) / (100 - weight));
  if (due < EXPECTED_MIN) return undefined;
  const since = silent[0]?.start ?? 0;
  const runs = knownOf(settled.errors).filter(({ start }) => start >= since);
  const invocations = sum(runs.map(({ canary }) => canary)).total;
  if (invocations > 0)
    return custom === undefined
      ? `the canary ran ${number(invocations)} times but counts no responses; wrap its handler with withSpillway`
      : `the canary ran ${number(invocations)} times but sends nothing of ${sentAs(custom)}, where stable does`;
  return custom !== undefined
    ? `the canary was due about ${number(due)} counts of ${sentAs(custom)} at ${weight} % and CloudWatch shows none`
    : `the canary was due about ${number(due)} requests at ${weight} % and CloudWatch shows none; look at its metrics and at what routes its requests`;
}

/**
 * Why a metric that stopped reporting is a measuring fault: the function is still invoked, and by what was
 * counted for each invocation before, that much cannot have come to nothing. Undefined if it may have.
 */
function whyGone(metric: Metric, settled: Settled): string | undefined {
  // What AWS itself counts does not stop by the release's doing.
  if (metric === 'traffic' || (metricTraits(metric) !== undefined && !isOfAnswers(metric))) return undefined;
  const counted: readonly { start: Instant; canary?: Total; stable?: Total }[] = isLatency(metric)
    ? (settled.latency ?? [])
    : knownOf(settled[metric as Counted]);
  const last = counted.findLast((window) => totalOf(window) > 0)?.start ?? Number.NEGATIVE_INFINITY;
  const runs = knownOf(settled.errors);
  const before = runs.filter(({ start }) => start <= last);
  const since = runs.filter(({ start }) => start > last);
  const invocations = (windows: readonly Window[]) =>
    windows.reduce((all, window) => all + totalOf(window), 0);
  const known = new Set(before.map(({ start }) => start));
  const each = counted.reduce((all, window) => all + (known.has(window.start) ? totalOf(window) : 0), 0);
  const due = Math.round((each / Math.max(1, invocations(before))) * invocations(since));
  return due >= EXPECTED_MIN
    ? `metric stopped reporting: ${number(invocations(since))} invocations since, about ${number(due)} samples expected; look at its metrics`
    : undefined;
}

/** Standard deviations by which counts may fall short by chance: once in 30,000 looks. */
const SHORT_DEVIATIONS = 4;

/**
 * What is missing if neither version counts its answers: nothing is known of handled errors then, whatever else there is.
 * Undefined if either counts, or too little ran to tell.
 */
export function countsNone(
  { metric, custom }: Pick<WatchRule, 'metric' | 'custom'>,
  settled: Settled,
  { from }: Stretch,
): string | undefined {
  if (!isOfAnswers(metric) && custom === undefined) return undefined;
  if (knownOf(settled[metric as Counted]).some((window) => totalOf(window) > 0)) return undefined;
  const runs = knownOf(settled.errors).filter(({ start }) => start >= from);
  const { total } = sum(runs.map(({ canary }) => canary));
  if (total < EXPECTED_MIN) return undefined;
  return custom === undefined
    ? `neither version counts responses, though the canary ran ${number(total)} times; wrap the handler with withSpillway`
    : `neither version sends ${sentAs(custom)}, though the canary ran ${number(total)} times`;
}

/** The count of the user's own that says how many there were, with its dimensions, as CloudWatch has it. */
export function sentAs({ total, versionDimension, dimensions = {} }: CustomCounts): string {
  const version =
    versionDimension === undefined ? ['FunctionName', 'Resource', 'ExecutedVersion'] : [versionDimension];
  return `${total.namespace}/${total.name} by ${[...Object.keys(dimensions), ...version].join(', ')}`;
}

/**
 * Why a canary that counts clearly fewer of its invocations than stable does is a measuring fault: what it does not count may
 * have failed. What ended in an error may be uncounted, and minutes of which nothing is counted may be late. Undefined if it counts enough.
 */
function whyFewer(metric: Metric, settled: Settled, { from }: Stretch): string | undefined {
  if (!isOfAnswers(metric)) return undefined;
  const runs = new Map(knownOf(settled.errors).map((window) => [window.start, window]));
  const counted = knownOf(settled[metric]);
  const of = (side: 'canary' | 'stable', since: Instant) => {
    const both = counted.filter(
      (window) => window.start >= since && (window[side]?.total ?? 0) > 0 && runs.get(window.start)?.[side],
    );
    const ran = sum(both.map(({ start }) => runs.get(start)?.[side]));
    return { ran, counted: sum(both.map((window) => window[side])).total };
  };
  const canary = of('canary', from);
  const stable = of('stable', Number.NEGATIVE_INFINITY);
  if (stable.ran.total < EXPECTED_MIN) return undefined;
  const due = canary.ran.total * Math.min(1, stable.counted / stable.ran.total) - canary.ran.bad;
  return due - canary.counted >= Math.max(EXPECTED_MIN, SHORT_DEVIATIONS * Math.sqrt(Math.max(0, due)))
    ? `the canary counts only ${number(canary.counted)} answers of ${number(canary.ran.total)} invocations, where stable counts ${number(stable.counted)} of ${number(stable.ran.total)}; wrap the whole handler with withSpillway`
    : undefined;
}

type Stretch = { from: Instant };

/** Why a step without any known count is a measuring fault; undefined if something is known of it. */
function whyUnknown(minutes: number, canary: Count): string | undefined {
  return minutes === 0 || canary.total > 0
    ? undefined
    : `nothing is known of ${number(minutes)} ${minutes === 1 ? 'minute' : 'minutes'} of this step`;
}

type Total = { total: number } | undefined;

const totalOf = ({ canary, stable }: { canary?: Total; stable?: Total }) =>
  (canary?.total ?? 0) + (stable?.total ?? 0);
