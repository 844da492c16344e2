import type { Rollout } from '../rollout/state.ts';
import { type Instant, WINDOW_MS } from '../units.ts';
import { duration, number } from '../words.ts';
import { logEStarved, logETraffic } from './evalue.ts';
import { clusteringOf, SUSPICIOUS } from './evidence.ts';
import { suspicionOf } from './finding.ts';
import { dueOf, evidenceOfLoss, LOST, leastLossSeen, type Split } from './loss.ts';
import { EXPECTED_MIN } from './pairing.ts';
import { pastFrom, whyCliff, whySilent, whyThin } from './silence.ts';
import type { Finding, Metric, Past, WatchRule, Window } from './types.ts';
import { type Believed, minutesOf, sum } from './windows.ts';

/** Metrics of which the totals are the requests that arrived: with those that were throttled, or without them. */
const ARRIVALS = ['throttles', 'errors'] as const satisfies readonly Metric[];

/** The metric by which requests are seen to arrive; whatever is watched, a tick reads what Lambda itself counts. */
export function arrivalMetric(rules: readonly WatchRule[]): (typeof ARRIVALS)[number] {
  return ARRIVALS.find((metric) => rules.some((rule) => rule.metric === metric)) ?? 'errors';
}

/** How far the odds of reaching the canary may be from what the weight says. */
const TAU = 1.1;
const GRID = [1.1, 1.25, 1.5, 2, 4, 10, 50];

/** Probability, in each step, of doubting the counts of a rollout whose traffic is split as it should be. */
const ALPHA_TRAFFIC = 0.001;

/** A canary below half of its due odds has collapsed. Counts that come lower than before cost a good one up to a third of its own, so less than this is only a suspicion. */
const COLLAPSED = 2;

/**
 * Newest windows in which one version's counts may still be on their way: until they are older, a canary that is not seen
 * is broken and not guilty. Assumed; a canary that swallows every request is found about three minutes after them.
 */
export const LATE_WINDOWS = 10;

/** A function that may run for long is compared with the weight more closely: requests that hang are a small part of all. */
const TAU_SLOW = 1.005;
const GRID_SLOW = [1.08, 1.25, 2];

/** What arrived at a target, as Lambda itself counts it. */
export interface Arrived {
  believed: Believed;
  step: { from: Instant; to: Instant; until: Instant };
  isRead: boolean;
}

/**
 * Compares how the requests were split since the last move with the weight that stood, and all of them with what was due by
 * the target's own past. A split that is off puts all counts in doubt. A canary that gets far too few, while those of
 * stable are counted, swallows requests, which is evidence against it. Requests that no longer come at all are a measuring fault.
 */
export function arrivalFinding(
  rollout: Rollout,
  target: string,
  { believed, step, isRead }: Arrived,
  label: string,
): Finding {
  const { windows } = believed;
  const inStep = windows.filter(({ start }) => start >= step.from);
  const w = (rollout.traffic[target]?.weight ?? 0) / 100;
  // While a raise is on its way there is no step yet, and the windows reach back over moves from other weights.
  const since = rollout.moves.at(-1) ?? Number.POSITIVE_INFINITY;
  const present = inStep.filter(({ start }) => start >= since);
  const counts = toldOf(present).map(({ canary, stable }) => ({
    nc: canary?.total ?? 0,
    ns: stable?.total ?? 0,
  }));
  const canary = { bad: 0, total: sum(inStep.map((window) => window.canary)).total };
  const stable = { bad: 0, total: sum(inStep.map((window) => window.stable)).total };
  const isSplit = w > 0 && w < 1;
  const doubt = isSplit ? logETraffic({ windows: counts, w, tau: TAU, grid: GRID }) : 0;
  const starved = isSplit ? logEStarved({ windows: heard(present), w, tau: COLLAPSED, grid: GRID }) : 0;
  const reached = counts.reduce((all, { nc }) => all + nc, 0);
  const all = counts.reduce((all, { nc, ns }) => all + nc + ns, 0);
  const splits = isSplit ? splitsOf(rollout, windows, present, w) : [];
  const loss = evidenceOfLoss(splits, burstOf(rollout, target));
  const lacking = whyLost(splits, loss);
  const isOff = doubt >= -Math.log(ALPHA_TRAFFIC);
  const past = isRead ? (rollout.opening.past?.[target] ?? pastOf(rollout, target, windows)) : undefined;
  // What came late counts once it is there, and what comes again after the bake is silent no more.
  const silent =
    whySilent(rollout, past, believed, step.until) && whySilent(rollout, past, believed, step.to);
  const late = isSplit ? whyStableLate(present, { w, until: step.until }) : undefined;
  const thin =
    w === 1
      ? (whyThin(rollout, past, believed, step.until) ?? whyCliff(rollout, past, believed, step.until))
      : undefined;
  const hanging = isSplit ? whyUncounted(rollout, target, present, { w, to: step.to }) : undefined;
  const due = `about ${number(Math.round(all * w))} were due at ${Math.round(w * 100)} %`;
  const said = `${label}traffic: canary ${number(reached)} of ${number(all)} requests, ${due}`;
  const evidence = oneStepOf(rollout, starved);
  const finding = {
    ...{ target, metric: 'traffic' as const, canary, stable, windows: minutesOf(inStep) },
    ...{ evidence, skipped: [] },
    ...(isSplit
      ? { doubt: Math.max(doubt, loss), lossSeen: leastLossSeen(splits, burstOf(rollout, target)) }
      : {}),
  };
  const lost = silent ?? late;
  if (lost !== undefined) return { ...finding, status: 'broken', reason: `${label}traffic: ${lost}` };
  if (thin !== undefined)
    return { ...finding, status: 'inconclusive', needed: thin, reason: `${label}traffic: ${thin}` };
  const needed =
    hanging ?? (isOff ? 'the split of the requests has to be explained' : (lacking ?? suspicionOf(evidence)));
  if (needed === undefined) return { ...finding, status: 'pass', reason: said };
  const why =
    hanging === undefined && isOff ? 'while the split is off, no comparison can be trusted' : needed;
  return { ...finding, status: 'suspect', needed, reason: `${said}; ${why}` };
}

/**
 * Why requests that were due may hang: AWS counts a request in the minute in which it began, but only when it ends (Lambda
 * developer guide, "Types of metrics"), so those of a canary that hang are not there until its time-out has passed. What stable
 * shows for the same minutes says how many were due. Undefined if the function ends soon enough, or chance may explain it.
 */
function whyUncounted(
  { opening }: Rollout,
  target: string,
  present: readonly Window[],
  { w, to }: { w: number; to: Instant },
): string | undefined {
  const timeout = opening.timeouts?.[target];
  if (timeout === undefined) return undefined;
  const young = present
    .filter(({ start, canary }) => start + WINDOW_MS + timeout * 1000 > to && (canary?.total ?? 0) > 0)
    .map(({ canary, stable }) => ({ nc: canary?.total ?? 0, ns: stable?.total ?? 0 }));
  if (logEStarved({ windows: young, w, tau: TAU_SLOW, grid: GRID_SLOW }) < SUSPICIOUS) return undefined;
  const due = young.reduce((all, { ns }) => all + (ns * w) / (1 - w), 0);
  const uncounted = Math.round(due - young.reduce((all, { nc }) => all + nc, 0));
  return `about ${number(uncounted)} of its requests have not been counted yet: they may run for ${duration(timeout)}, and AWS counts a request only when it ends`;
}

/**
 * The counts of all steps so far, each with the weight that stood. The first minute after a move is left out, because the weight
 * may still be on its way, and so is a minute in which traffic moved.
 */
function splitsOf(
  { stood = [] }: Rollout,
  windows: readonly Window[],
  present: readonly Window[],
  w: number,
) {
  const earlier = stood.map(({ weight, ...step }) => ({
    w: weight / 100,
    met: windows.filter((window) => isWithin(step, window)),
  }));
  const steps = [...earlier, { w, met: present.slice(1) }];
  const told = new Set(toldOf(steps.flatMap(({ met }) => met)));
  return steps.map(({ w, met }): Split => {
    const windows = met.filter((window) => told.has(window));
    return {
      nc: sum(windows.map(({ canary }) => canary)).total,
      ns: sum(windows.map(({ stable }) => stable)).total,
      w,
    };
  });
}

/** True for a window in which the weight of a step stood from its beginning to its end. */
const isWithin = ({ from, until }: { from: Instant; until: Instant }, { start }: Window) =>
  start >= from + WINDOW_MS && start + WINDOW_MS <= until;

/** The stretches of the steps so far whose splits are compared, the present one included. */
export const stretchesOf = ({ stood = [], stepSince }: Rollout): { from: Instant; until: Instant }[] => [
  ...stood,
  ...(stepSince === undefined ? [] : [{ from: stepSince, until: Number.POSITIVE_INFINITY }]),
];

/** The windows whose splits are compared, now or at a later step. */
export const splitWindows = (rollout: Rollout, windows: readonly Window[]): Window[] =>
  windows.filter((window) => stretchesOf(rollout).some((step) => isWithin(step, window)));

/** Why a canary that surely gets less than the weights give it loses requests that AWS counts nowhere. */
function whyLost(splits: readonly Split[], evidence: number): string | undefined {
  if (evidence < LOST) return undefined;
  const due = dueOf(splits);
  const lost = Math.round(due - splits.reduce((all, { nc }) => all + nc, 0));
  return `about ${number(lost)} of ${number(Math.round(due))} requests that were due at it were counted nowhere, which chance does not explain`;
}

const burstOf = ({ opening }: Rollout, target: string): number => {
  const known = opening.targets.find(({ name }) => name === target);
  return known === undefined ? 1 : clusteringOf(known).burst;
};

/** What the last quarter of an hour before the first raise says, if the day before could not be read. */
export function pastOf(
  { raisedAt = 0, folded }: Rollout,
  target: string,
  windows: readonly Window[],
): Past | undefined {
  if (folded !== undefined) return folded.targets[target]?.past;
  const to = Math.floor(raisedAt / WINDOW_MS) * WINDOW_MS;
  return pastFrom(
    windows.filter(({ start }) => start < to),
    to,
  );
}

/** Why stable's newest counts are a measuring fault: the canary's are there, so that stable was due some too. It is never its guilt. */
function whyStableLate(
  present: readonly Window[],
  { w, until }: { w: number; until: Instant },
): string | undefined {
  const last = present.findLastIndex(({ stable }) => stable !== undefined);
  const silent = present.slice(last + 1).filter(({ start }) => start + WINDOW_MS <= until);
  const due = Math.round((sum(silent.map(({ canary }) => canary)).total * (1 - w)) / w);
  return due < EXPECTED_MIN
    ? undefined
    : `stable was due about ${number(due)} requests at ${Math.round(100 * (1 - w))} % and CloudWatch shows none; its counts may be late`;
}

/** The windows that can tell of the split: none of the newest in which the counts of one version are not there yet. */
function toldOf(present: readonly Window[]): Window[] {
  const whole = present.findLastIndex(({ canary, stable }) => canary !== undefined && stable !== undefined);
  return present.slice(0, Math.max(whole + 1, present.length - LATE_WINDOWS));
}

/** The windows that can tell of a collapse: not the newest, and none in which only the canary's counts are missing, since it was seen again later. */
export function heard(present: readonly Window[]): { nc: number; ns: number }[] {
  const counts = present.map(({ canary, stable }) => ({ nc: canary?.total ?? 0, ns: stable?.total ?? 0 }));
  const last = counts.findLastIndex(({ nc }) => nc > 0);
  return counts.slice(0, -LATE_WINDOWS).filter(({ nc }, index) => nc > 0 || index > last);
}

/** Each step bets an equal part of the stake; what steps before this one have won or lost is not counted. */
function oneStepOf({ opening, step }: Rollout, evidence: number): number {
  const steps = opening.plan.steps.length;
  if (steps === 0) return 0;
  const toCome = Math.max(0, steps - 1 - step);
  const present = step < steps ? Math.exp(Math.min(evidence, 600)) : 0;
  return Math.log((present + toCome + Number.EPSILON) / steps);
}
