import { type Instant, type Percent, WINDOW_MS } from '../units.ts';
import { duration, number } from '../words.ts';
import { logEStarved, logEStarvedInMost, logETraffic } from './evalue.ts';
import { SUSPICIOUS } from './evidence.ts';
import { suspicionOf } from './finding/worse.ts';
import { heardUntil, LATE_WINDOWS, lateOrGone } from './heartbeat.ts';
import { dueOf, evidenceOfLoss, LOST, leastLossSeen, type Split } from './loss.ts';
import { logMeanExp } from './mixture.ts';
import { EXPECTED_MIN } from './pairing.ts';
import { type Believed, knownWindows } from './settled.ts';
import { shownBefore } from './short-reading.ts';
import { isCliffHidden, LATE_MINUTES, pastFrom, whyCliff, whySilent, whyThin } from './silence.ts';
import type { Trial } from './trial.ts';
import type { Doubt, Finding, Metric, Past, Series, WatchRule, Window } from './types.ts';
import { CROWDED, minutesOf, sum } from './windows.ts';

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

/**
 * A canary below four fifths of its due odds in most minutes that no count is late for has lost requests for certain, since each
 * is dealt by chance: that is evidence against it. A smaller loss is a suspicion. Assumed.
 */
const COLLAPSED = 1.25;

/**
 * Newest minutes in which a collapse is looked for, those whose counts may be late included: few for one that began during the
 * step, many for few requests. All of them are newer than what is kept as sums. Assumed.
 */
const COLLAPSE_MINUTES = [20, 40, 120];

/** A function that may run for long is compared with the weight more closely: requests that hang are a small part of all. */
const TAU_SLOW = 1.005;
const GRID_SLOW = [1.08, 1.25, 2];

/** What arrived at a target, as Lambda itself counts it. */
interface Arrived {
  believed: Believed;
  step: { from: Instant; to: Instant; until: Instant };
  isRead: boolean;
  /** Start of the newest minute in which any function of the region was counted, if somebody looked. */
  heartbeat?: Instant | undefined;
}

/** What is said of how requests arrive. */
interface Arrival {
  finding: Finding;
  /** Present in verify if they stopped, and the counts of the region did not. */
  doubt?: Doubt | undefined;
  /** True if they were missing for a reason that is not the canary. */
  isExplained?: boolean | undefined;
  /** Why the canary's newest counts are missing beyond the lateness that was seen of them; absent if they are not. */
  missing?: string | undefined;
}

/**
 * Compares how the requests were split since the last move with the weight that stood, and all of them with what was due by
 * the target's own past. A split that is off puts all counts in doubt. A canary that gets far too few, while those of
 * stable are counted, swallows requests, which is evidence against it. Requests that no longer come at all are a measuring fault.
 */
export function arrivalFinding(trial: Trial, target: string, arrived: Arrived, label: string): Arrival {
  const missing = arrived.isRead ? whyMissing(trial, target, arrived) : undefined;
  const reason = missing === undefined ? undefined : `${label}traffic: ${missing}`;
  return {
    ...arrivalOf(trial, target, arrived, label),
    ...(reason === undefined ? {} : { missing: reason }),
  };
}

/** Evidence at which a canary waits for its counts: if they do not come, it is enough to revert. */
const SHORT = Math.log(20_000);

/** Evidence below which it has them again: less of it may also mean that less could be read. */
const SHORT_STILL = Math.log(20);

/** Why the canary's newest counts are missing, in words; the minutes in which they may be as late as was seen are left out. */
function whyMissing(trial: Trial, target: string, { believed, step }: Arrived): string | undefined {
  const { lateness, moves, traffic } = trial;
  const weight = traffic[target]?.weight ?? 0;
  const to = step.to - (lateness?.[target] ?? 0) * WINDOW_MS;
  const present =
    weight < 100 ? { weight, from: moves.at(-1) ?? Number.POSITIVE_INFINITY, until: to } : undefined;
  // A wait ends once the minutes before it are counted as well.
  const waited = stretchBeforeWait(trial, target);
  const stretch = waited ?? present;
  if (stretch === undefined) return undefined;
  const shortage = shortageIn(believed.windows, stretch);
  return shortage.evidence < (waited === undefined ? SHORT : SHORT_STILL)
    ? undefined
    : `${shortOf(shortage)}, though those of stable are; its counts may be late, or it loses its requests`;
}

/** The minutes that show most that fewer of the canary's requests are counted than were due at a weight. */
interface Shortage {
  /** Natural logarithm. */
  evidence: number;
  windows: MinuteCounts[];
  weight: Percent;
}

function shortOf({ windows, weight }: Shortage): string {
  const counted = windows.reduce((all, { nc }) => all + nc, 0);
  const others = windows.reduce((all, { ns }) => all + ns, 0);
  const due = Math.round((others * weight) / (100 - weight));
  return `${number(counted)} of about ${number(due)} requests that were due at the canary in ${duration(windows.length * 60)} at ${weight} % are counted`;
}

/** Minutes, the newest of a stretch, in which a canary may begin to lose its requests. Assumed. */
const SHORT_MINUTES = [2, 3, 5, 10, 20];

/** A stretch of time in which a weight stood. */
type Stood = NonNullable<Trial['stood']>[number];

const stretchBeforeWait = ({ recall, stood }: Trial, target: string): Stood | undefined =>
  recall?.waitsFor === target ? stood?.at(-1) : undefined;

/** Log evidence that far fewer of the canary's requests are counted at the end of a stretch than were due, and the minutes that show it most. */
function shortageIn(all: readonly Window[], { from, until, weight }: Stood): Shortage {
  const within = all.filter(({ start }) => start >= from && start + WINDOW_MS <= until).map(countsOf);
  const found = SHORT_MINUTES.map((length) => {
    const windows = within.slice(-length);
    return {
      windows,
      evidence: evidenceOfSearch(windows, weight / 100, within.length - windows.length),
    };
  });
  const most = found.reduce((best, each) => (each.evidence > best.evidence ? each : best));
  return { windows: most.windows, evidence: logMeanExp(found.map(({ evidence }) => evidence)), weight };
}

function arrivalOf(
  trial: Trial,
  target: string,
  { believed, step, isRead, heartbeat }: Arrived,
  label: string,
): Arrival {
  const { windows } = believed;
  const inStep = windows.filter(({ start }) => start >= step.from);
  const w = (trial.traffic[target]?.weight ?? 0) / 100;
  // While a raise is on its way there is no step yet, and the windows reach back over moves from other weights.
  const since = trial.moves.at(-1) ?? Number.POSITIVE_INFINITY;
  const present = inStep.filter(({ start }) => start >= since);
  const counts = informative(present).map(countsOf);
  const canary = { bad: 0, total: sum(inStep.map((window) => window.canary)).total };
  const stable = { bad: 0, total: sum(inStep.map((window) => window.stable)).total };
  const isSplit = w > 0 && w < 1;
  const doubt = isSplit ? logETraffic({ windows: counts, w, tau: TAU, grid: GRID }) : 0;
  const collapsed = isSplit ? evidenceOfCollapse(present, w, step.to) : 0;
  const waited = isSplit ? shortageBeforeWait(trial, target, windows, step.to) : undefined;
  const starved = isSplit ? logMeanExp([collapsed, waited?.evidence ?? 0]) : 0;
  const reached = counts.reduce((all, { nc }) => all + nc, 0);
  const all = counts.reduce((all, { nc, ns }) => all + nc + ns, 0);
  const splits = isSplit ? splitsOf(trial, windows, present, { w, to: step.to }) : [];
  const loss = evidenceOfLoss(splits, burstOf(trial, target));
  const lacking = whyLost(splits, loss);
  const isOff = doubt >= -Math.log(ALPHA_TRAFFIC);
  const past = isRead ? pastOf(trial, target, windows) : undefined;
  // What came late counts once it is there, and what comes again after the bake is silent no more.
  const shown = heardUntil(heartbeat ?? step.to, step.to - (trial.lateness?.[target] ?? 0) * WINDOW_MS);
  const arrived = withStableDue(trial, believed, { w, since });
  const silent = whySilent(trial, past, whole(trial, arrived, step.to), shown, Math.min(step.until, shown));
  // Its newest minute alone may come with the next tick.
  const late = isSplit
    ? stableLate(present, { w, until: Math.min(step.until, step.to - WINDOW_MS) })
    : undefined;
  const until = Math.min(step.until, shown);
  const cliff = w === 1 ? whyCliff(trial, past, whole(trial, believed, step.to), until) : undefined;
  const thin = w === 1 ? (whyThin(trial, past, whole(trial, believed, step.to), until) ?? cliff) : undefined;
  const open = isRead ? whyStillOpen(trial, target, believed, { from: step.from, until }) : undefined;
  const hanging = isSplit ? whyUncounted(trial, target, present, { w, to: step.to }) : undefined;
  const due = `about ${number(Math.round(all * w))} were due at ${Math.round(w * 100)} %`;
  const longer = waited !== undefined && waited.evidence > collapsed ? `; ${shortOf(waited)}` : '';
  const said = `${label}traffic: canary ${number(reached)} of ${number(all)} requests, ${due}${longer}`;
  const evidence = oneStepOf(trial, starved);
  const newest = windows.findLast(({ canary }) => (canary?.total ?? 0) > 0)?.start;
  const before = shownBefore(trial, { ...{ target, metric: 'traffic' }, canary, stable }, windows, step);
  const finding = {
    ...{ target, metric: 'traffic' as const, canary, stable, windows: minutesOf(inStep) },
    ...{ evidence, skipped: [] },
    ...(newest === undefined ? {} : { newest }),
    ...(before === undefined ? {} : { shown: before }),
    ...(isSplit
      ? { doubt: Math.max(doubt, loss), lossSeen: leastLossSeen(splits, burstOf(trial, target)) }
      : {}),
  };
  const latest = windows.findLast((window) => totalOf(window) > 0)?.start;
  const isOver = step.to >= (trial.bake?.to ?? Number.POSITIVE_INFINITY);
  if (silent === undefined && late !== undefined && mayStillCome(trial, late, step.to))
    return {
      finding: {
        ...{ ...finding, status: 'inconclusive', needed: late.reason },
        reason: `${label}traffic: ${late.reason}`,
      },
    };
  const lost = silent ?? late?.reason ?? whyAllLate(trial, { region: heartbeat, target: latest }, step);
  const isExplained = isSilenceOfAll(trial, silent, step.to);
  const isGone =
    silent !== undefined && lateOrGone({ region: heartbeat, target: latest }, step.to) !== 'late';
  if (isGone && !isExplained && isSilenceDoubted(trial, target)) {
    const reason = `${label}traffic: ${silent}`;
    return {
      finding: { ...finding, status: 'inconclusive', needed: silent, reason },
      doubt: { reason, isSilence: true },
    };
  }
  const explained = isExplained ? { isExplained } : {};
  // What fell as the canary came to serve alone, or is far less than was due at the end, may be lost in it: the split beside stable shows it.
  const fallen = cliff ?? (isOver ? thin : undefined) ?? open;
  if (lost === undefined && fallen !== undefined && isUnexplained(trial, target)) {
    const reason = `${label}traffic: ${fallen}`;
    return { finding: { ...finding, status: 'inconclusive', needed: fallen, reason }, doubt: { reason } };
  }
  if (lost !== undefined)
    return {
      finding: { ...finding, status: 'broken', reason: `${label}traffic: ${lost}${longer}` },
      ...explained,
    };
  if (thin !== undefined)
    return {
      finding: { ...finding, status: 'inconclusive', needed: thin, reason: `${label}traffic: ${thin}` },
      ...explained,
    };
  const needed =
    hanging ?? (isOff ? 'the split of the requests has to be explained' : (lacking ?? suspicionOf(evidence)));
  if (needed === undefined) return { finding: { ...finding, status: 'pass', reason: said }, ...explained };
  const why =
    hanging === undefined && isOff ? 'while the split is off, no comparison can be trusted' : needed;
  return { finding: { ...finding, status: 'suspect', needed, reason: `${said}; ${why}` }, ...explained };
}

/** The minutes in which everybody is counted: of all others it is not known how many came. */
function whole(
  { parts = [] }: Trial,
  { windows, unknown }: Pick<Believed, 'windows' | 'unknown'>,
  until: Instant,
): Pick<Believed, 'windows' | 'unknown'> {
  if (parts.length === 0) return { windows, unknown };
  const partly = new Map(unknown);
  for (const { from, to = until } of parts)
    for (let start = from; start < Math.min(to, until); start += WINDOW_MS)
      partly.set(start, 'only some were counted');
  return { windows, unknown: partly };
}

/** Why a doubt about requests that fell at promotion is still open: too little is known of the minutes around it to ask again. */
function whyStillOpen(
  trial: Trial,
  target: string,
  believed: Believed,
  { from, until }: { from: Instant; until: Instant },
): string | undefined {
  const { verdict } = trial;
  const before = verdict?.findings.find((each) => each.metric === 'traffic' && each.target === target);
  const isOpen =
    verdict?.from === from && verdict.doubt?.by === undefined && verdict.doubt?.reason === before?.reason;
  return before !== undefined && isOpen && isCliffHidden(trial, believed, until)
    ? `nothing is known of the minutes around the promotion of ${target}, so that nothing shows whether the doubt is over`
    : undefined;
}

/** When a stretch ends without an answer: verify once all of it was watched, a step with its longest bake. */
function lastAskedAt(trial: Trial): Instant {
  const bake = trial.bake;
  return (trial.isVerifying ? bake?.to : bake?.max) ?? Number.POSITIVE_INFINITY;
}

/** Why a verify or a step that is over says nothing yet: the counts of the whole region end before it does. */
function whyAllLate(
  trial: Trial,
  newest: { region?: Instant | undefined; target?: Instant | undefined },
  { until, to }: { until: Instant; to: Instant },
): string | undefined {
  if (to < lastAskedAt(trial) || newest.region === undefined || lateOrGone(newest, to) === 'here')
    return undefined;
  const heard = heardUntil(newest.region, to);
  return heard >= Math.min(until, to)
    ? undefined
    : `nothing of any function of this region has been counted in the last ${duration((to - heard) / 1000)}; the counts of CloudWatch are late`;
}

/** True if silence of a target leads to a recall: in verify, as long as no recall showed that the canary is not the reason. */
const isSilenceDoubted = (trial: Trial, target: string): boolean =>
  trial.canRecall && isUnexplained(trial, target);

/** True in verify, as long as no recall showed that the canary is not the reason. */
const isUnexplained = (trial: Trial, target: string): boolean =>
  trial.isVerifying && trial.explained?.includes(target) !== true;

/** True for silence that has lasted so long in a recall that stable, which most requests would meet, is not called either, or is counted as late. */
const isSilenceOfAll = ({ recall }: Trial, silent: string | undefined, to: Instant): boolean =>
  silent !== undefined &&
  recall?.since !== undefined &&
  recall.weight < 50 &&
  to - recall.since >= LATE_WINDOWS * WINDOW_MS;

const totalOf = ({ canary, stable }: Window) => (canary?.total ?? 0) + (stable?.total ?? 0);

/**
 * True if it matters whether the region's functions are still counted: in verify and at the end of a step's longest bake, of a
 * target without a count in its newest settled minutes.
 */
export function needsHeartbeat(trial: Trial, series: readonly Series[], to: Instant): boolean {
  const isDoubted = trial.opening.targets.some(({ name }) => isSilenceDoubted(trial, name));
  if (!isDoubted && to < lastAskedAt(trial)) return false;
  const isHeard = (read: Series) =>
    knownWindows(read[arrivalMetric(trial.opening.watch)]).some(
      (window) => window.start + WINDOW_MS >= to && totalOf(window) > 0,
    );
  return series.some((read) => !isHeard(read));
}

/** How far back the region's counts are looked for: as long as lateness is waited for. */
export const HEARTBEAT_MS = LATE_MINUTES * WINDOW_MS;

/**
 * Why requests that were due may hang: AWS counts a request in the minute in which it began, but only when it ends (Lambda
 * developer guide, "Types of metrics"), so those of a canary that hang are not there until its time-out has passed. What stable
 * shows for the same minutes says how many were due. Undefined if the function ends soon enough, or chance may explain it.
 */
function whyUncounted(
  { opening }: Trial,
  target: string,
  present: readonly Window[],
  { w, to }: { w: number; to: Instant },
): string | undefined {
  const timeout = opening.timeouts?.[target];
  if (timeout === undefined) return undefined;
  const young = withStable(present, { w, to })
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
  { stood = [] }: Trial,
  windows: readonly Window[],
  present: readonly Window[],
  { w, to }: { w: number; to: Instant },
) {
  const earlier = stood.map(({ weight, ...step }) => ({
    w: weight / 100,
    met: windows.filter((window) => isWithin(step, window)),
  }));
  // While a raise is announced and not made, the step that is being left stands among the earlier ones already.
  const until = stood.at(-1)?.until ?? Number.NEGATIVE_INFINITY;
  const met = present.slice(1).filter(({ start }) => start + WINDOW_MS > until);
  const steps = [...earlier, { w, met }];
  const told = new Set(informative(steps.flatMap(({ met }) => met)));
  return steps.map(({ w, met }): Split => {
    const windows = withStable(
      met.filter((window) => told.has(window)),
      { w, to },
    );
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
export function stretchesOf({ stood = [], stepSince, recall }: Trial): { from: Instant; until: Instant }[] {
  const from = recall === undefined ? stepSince : recall.since;
  return [...stood, ...(from === undefined ? [] : [{ from, until: Number.POSITIVE_INFINITY }])];
}

/** The windows whose splits are compared, now or at a later step. */
export const splitWindows = (trial: Trial, windows: readonly Window[]): Window[] =>
  windows.filter((window) => stretchesOf(trial).some((step) => isWithin(step, window)));

/** Why a canary that surely gets less than the weights give it loses requests that AWS counts nowhere. */
function whyLost(splits: readonly Split[], evidence: number): string | undefined {
  if (evidence < LOST) return undefined;
  const due = dueOf(splits);
  const lost = Math.round(due - splits.reduce((all, { nc }) => all + nc, 0));
  return `about ${number(lost)} of ${number(Math.round(due))} requests that were due at it were counted nowhere, which chance does not explain`;
}

const burstOf = ({ opening }: Trial, target: string): number => {
  const known = opening.targets.find(({ name }) => name === target);
  return known === undefined ? 1 : known.traits.burst;
};

/**
 * What was due of a target: by the day before the opening, or by the last quarter of an hour before the first raise if the day could
 * not be read, or if so little of it is known that nothing seems due.
 */
function pastOf(trial: Trial, target: string, windows: readonly Window[]): Past | undefined {
  const opened = trial.opening.past?.[target];
  return saysDue(opened) ? opened : (recentPastOf(trial, target, windows) ?? opened);
}

/** True for a past that says what is due: of a day without a request it is known that none is, of an hour it is not. */
const saysDue = (past: Past | undefined): boolean =>
  past !== undefined && (past.lately > 0 || past.least !== undefined);

/** What the last quarter of an hour before the first raise says; undefined if the day before says enough. */
export function recentPastOf(
  { raisedAt = 0, folded, opening }: Trial,
  target: string,
  windows: readonly Window[],
): Past | undefined {
  if (saysDue(opening.past?.[target])) return undefined;
  if (folded !== undefined) return folded.targets[target]?.past;
  const to = Math.floor(raisedAt / WINDOW_MS) * WINDOW_MS;
  return pastFrom(
    windows.filter(({ start }) => start < to),
    to,
  );
}

/** Newest minutes in which stable is not counted, though the canary's requests show that it was due some. */
interface Late {
  reason: string;
  /** Start of the first of them. */
  from: Instant;
}

/** Whether stable's newest counts are missing: the canary's are there, so that stable was due some too. It is never its guilt. */
function stableLate(
  present: readonly Window[],
  { w, until }: { w: number; until: Instant },
): Late | undefined {
  const last = present.findLastIndex(({ stable }) => stable !== undefined);
  const silent = present.slice(last + 1).filter(({ start }) => start + WINDOW_MS <= until);
  const due = dueAtStable(sum(silent.map(({ canary }) => canary)).total, w);
  const [first] = silent;
  if (first === undefined || due < EXPECTED_MIN) return undefined;
  const reason = `stable was due about ${number(due)} requests at ${Math.round(100 * (1 - w))} % and CloudWatch shows none; its counts may be late`;
  return { reason, from: first.start };
}

/** Requests that were due at stable while so many came to the canary. */
const dueAtStable = (canary: number, w: number): number => Math.round((canary * (1 - w)) / w);

/**
 * True while stable's missing counts are waited for without a person: they are no older than counts that come late, and the
 * stretch has time left. A recall has none to lose.
 */
const mayStillCome = (trial: Trial, { from }: Late, to: Instant): boolean =>
  trial.recall === undefined && to - from <= LATE_WINDOWS * WINDOW_MS && to < lastAskedAt(trial);

/**
 * What arrived at a target, with what the canary's requests show to have been due at stable in its newest minutes, if it is not
 * counted there yet: counts that are late are no silence. Of a minute in which traffic moved they do not say it.
 */
function withStableDue(
  { stood = [], moves }: Trial,
  { windows, unknown }: Believed,
  present: { w: number; since: Instant },
): Pick<Believed, 'windows' | 'unknown'> {
  const last = windows.findLastIndex(({ stable }) => stable !== undefined);
  const moved = new Map<Instant, string>();
  const told = windows.map((window, index): Window => {
    const { start, canary } = window;
    if (index <= last || canary === undefined || canary.total === 0) return window;
    const before = stood.find(({ from, until }) => start >= from && start + WINDOW_MS <= until);
    const w = start >= present.since ? present.w : before && before.weight / 100;
    if (w === undefined && moves.some((at) => at >= start && at < start + WINDOW_MS))
      moved.set(start, 'traffic moved');
    return w === undefined || w === 0 || w === 1
      ? window
      : { ...window, stable: { bad: 0, total: dueAtStable(canary.total, w) } };
  });
  return { windows: told, unknown: moved.size === 0 ? unknown : new Map([...unknown, ...moved]) };
}

/** The windows that can tell of the split: none of the newest in which the counts of one version are not there yet. */
function informative(present: readonly Window[]): Window[] {
  const whole = present.findLastIndex(({ canary, stable }) => canary !== undefined && stable !== undefined);
  return present.slice(0, Math.max(whole + 1, present.length - LATE_WINDOWS));
}

/**
 * Log evidence that a canary has collapsed: most minutes show it, since those of which CloudWatch once answered too little, or
 * counts late or restated, are fewer than half.
 */
function evidenceOfCollapse(present: readonly Window[], w: number, to: Instant): number {
  const [first] = present;
  if (first === undefined) return 0;
  const told = heard(present);
  const evidence = COLLAPSE_MINUTES.map((length) => {
    const from = to - length * WINDOW_MS;
    const later = Math.max(0, Math.ceil((from - first.start) / WINDOW_MS));
    return evidenceOfSearch(
      told.filter(({ start }) => start >= from),
      w,
      later,
    );
  });
  return logMeanExp(evidence);
}

/** What a canary waits for, once it is too old to be late. */
function shortageBeforeWait(
  trial: Trial,
  target: string,
  windows: readonly Window[],
  to: Instant,
): Shortage | undefined {
  const before = stretchBeforeWait(trial, target);
  if (before === undefined || before.until + LATE_WINDOWS * WINDOW_MS > to) return undefined;
  // A canary that is counted since may have been late by more than that: its empty minutes show nothing.
  const isSeen = windows.some(({ start, canary }) => start >= before.until && (canary?.total ?? 0) > 0);
  const told = isSeen ? windows.filter(({ canary }) => (canary?.total ?? 0) > 0) : windows;
  return shortageIn(told, before);
}

/** Log evidence that most of these minutes show a collapse, which was looked for so many minutes `later` than it might have begun: a search that may begin in any minute stakes less on each later one. */
function evidenceOfSearch(windows: readonly MinuteCounts[], w: number, later: number): number {
  return windows.length === 0
    ? 0
    : logEStarvedInMost({ windows, w, tau: COLLAPSED, grid: GRID }) +
        Math.log(STAKED) -
        2 * Math.log1p(later);
}

/** Part of the stake on a search that begins with the step; so much of it divided by the squares of 1, 2, 3 and so on adds up to 1. */
const STAKED = 6 / Math.PI ** 2;

/** The windows that can tell of a collapse: not the newest, and none in which only the canary's counts are missing, since it was seen again later. */
export function heard(present: readonly Window[]): MinuteCounts[] {
  const counts = present.map(countsOf);
  const last = counts.findLastIndex(({ nc }) => nc > 0);
  return counts.slice(0, -LATE_WINDOWS).filter(({ nc }, index) => nc > 0 || index > last);
}

/**
 * Windows in which one weight stood, without the newest ones in which counts of stable are missing: what is late of stable hides what
 * the canary loses. All of them are newer than what is kept as sums.
 */
function withStable(windows: readonly Window[], { w, to }: { w: number; to: Instant }): Window[] {
  const isShort = ({ canary, stable }: Window) =>
    logEStarved({ windows: [{ nc: stable?.total ?? 0, ns: canary?.total ?? 0 }], w: 1 - w, ...CROWDED }) >=
    SUSPICIOUS;
  return windows.filter((window) => window.start < to - LATE_MINUTES * WINDOW_MS || !isShort(window));
}

/** How the requests of a minute were split. */
interface MinuteCounts {
  start: Instant;
  nc: number;
  ns: number;
}

const countsOf = ({ start, canary, stable }: Window): MinuteCounts => ({
  ...{ start, nc: canary?.total ?? 0, ns: stable?.total ?? 0 },
});

/** Recalls by doubt and the wait for counts, at most; each is a search of its own. */
const RETURNS_MAX = 4;

/**
 * Each step bets an equal part of the stake, and all recalls together as much as one step; what steps before this one have won or
 * lost is not counted.
 */
function oneStepOf({ opening, step, recall }: Trial, evidence: number): number {
  const steps = opening.plan.steps.length;
  const present = Math.exp(Math.min(evidence, 600));
  if (recall !== undefined) return Math.log(present / RETURNS_MAX / (steps + 1) + Number.EPSILON);
  if (step >= steps) return 0;
  const toCome = Math.max(0, steps - 1 - step) + 1;
  return Math.log((present + toCome) / (steps + 1));
}
