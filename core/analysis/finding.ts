import type { Target } from '../target.ts';
import { type Instant, WINDOW_MS } from '../units.ts';
import { compared, number, percent } from '../words.ts';
import { doubtAbout } from './doubt.ts';
import { type Logs, type MovedWindow, orLowerBound, orUpperBound } from './evalue.ts';
import {
  ALPHA,
  BETA,
  capitalOfRatio,
  combined,
  DOUBT_FLOOR,
  evidenceOfRatio,
  evidenceOfSafety,
  evidenceOfShare,
  FAILURE_BETS,
  FLOOR,
  HEAD,
  INTERVAL_BETS,
  LATENCY_BETS,
  logsOfSafety,
  type Question,
  SUSPICIOUS,
  safeShare,
  THROTTLE_FLOOR,
  UNLIKE,
  UNSAFE_ODDS,
} from './evidence.ts';
import type { Carried, Folded } from './folded.ts';
import { LATE_WINDOWS } from './heartbeat.ts';
import { historyOf, LATENCY_ODDS, type SlowFrom, slowFrom, slowWindows } from './latency.ts';
import { EXPECTED_MIN } from './pairing.ts';
import { type Part, partsOf, windowsIn } from './parts.ts';
import { bestOf, boundOf, isShared, TYPICAL_PARTS } from './past.ts';
import { fewest, tenfold, wouldShow } from './power.ts';
import { type Believed, believable, knownOf, NOTHING, type Settled } from './settled.ts';
import { type Cells, capitalOfSlowdown, cellsFrom, evidenceOfSlowdown, slowdownWindows } from './slowdown.ts';
import type { Course, Trial } from './trial.ts';
import type {
  Count,
  Doubt,
  Finding,
  Metric,
  OddsInterval,
  PartName,
  SpreadWindow,
  WatchRule,
  Window,
} from './types.ts';
import { isLatency } from './weights.ts';
import { comparedWindows, minutesOf, ownSince, sum } from './windows.ts';

/** A metric whose windows are counts. */
type Counted = Exclude<Metric, 'latency' | 'probes'>;

const HOUR_MS = 60 * WINDOW_MS;

/** Precision of the logarithm of an interval's ends: about 1 % of the ratio. */
const INTERVAL_PRECISION = 0.01;

/** A rule of one target, and what is known of the windows before those that are read. */
interface Rule {
  trial: Trial;
  target: Target;
  rule: WatchRule;
  /** The settled stretch of the present step. */
  step: { from: Instant; to: Instant };
  /** What earlier ticks read; absent if this one reads it all. */
  folded?: Folded | undefined;
}

/** A rule as it is put to one target. */
export interface Asked extends Rule {
  /** The settled stretch of the present step; counts after `until`, where its bake ends, may be late without holding it. */
  step: { from: Instant; to: Instant; until: Instant };
  /** Evidence that this metric alone must reach to revert the release. */
  required: number;
  label: string;
}

/** What one rule says by itself. Whether it fails is decided by the evidence of all rules together. */
export interface Answer {
  finding: Finding;
  /** The counts that the evidence rests on, and the words for them, for the case that it reverts the release. */
  against: Pick<Finding, 'canary' | 'stable' | 'reason'>;
  /** True if this step's counts prove the canary safe by themselves. */
  isCertified: boolean;
  /** Why the target is in doubt by this rule; absent if it is not. */
  doubt?: Doubt | undefined;
  /** The finding as it stands where something else makes up for too few samples; absent if that is not what is missing. */
  covered?: Finding | undefined;
}

/** Counts that a rule is judged by; `key` is what the evidence in them is carried on under. */
interface Reading {
  key: string;
  believed: Believed;
  slow?: SlowFrom | undefined;
}

/** What a rule is judged by: counts, the ones that a verdict shows first, and for `latency` the whole of the durations. */
interface Put {
  told: readonly Reading[];
  slowdown?: { windows: readonly SpreadWindow[]; cells: Cells } | undefined;
}

/** Share of handled 5xx that a canary may surely be above only as `suspect`, if stable counts none to compare with: most services answer fewer. Assumed. */
const UNCOMPARED = 0.05;

/**
 * What is said of a target whose serving version counted nothing for this rule at the opening, and still counts nothing: such a rule
 * has no control, so it fails and holds nothing, unless the canary counts its answers and surely fails many of them.
 * @returns `isCompared` once stable counts, so that the rule is judged as any other
 */
export function uncomparedOf(
  asked: Asked,
  settled: Settled,
): { isCompared: true } | { isCompared: false; answer: Answer | undefined } {
  const { rule, target, trial, label } = asked;
  if (rule.blind?.includes(target.name) !== true) return { isCompared: true };
  const { windows, unknown } = settled[rule.metric as Counted] ?? NOTHING;
  if (unknown.size > 0 || windows.some(({ stable }) => (stable?.total ?? 0) > 0)) return { isCompared: true };
  const since = windows.filter(({ start }) => start >= (trial.raisedAt ?? Number.POSITIVE_INFINITY));
  const counts = sides(since, since);
  if (evidenceOfShare(counts.canary, UNCOMPARED, target.traits) < SUSPICIOUS)
    return { isCompared: false, answer: undefined };
  const needed = `stable counts no responses to compare with, and the canary fails more than ${Math.round(UNCOMPARED * 100)} % of its own`;
  const reason = `${label}${words(rule, counts, undefined)}; ${needed}`;
  const finding: Finding = {
    ...{ target: target.name, metric: rule.metric, status: 'suspect', ...counts },
    ...{ windows: minutesOf(since), evidence: 0, needed, skipped: [], reason },
  };
  return { isCompared: false, answer: { finding, against: { ...counts, reason }, isCertified: false } };
}

/** Percentiles of stable at which all durations are counted, the one that a verdict shows first. */
const TOLD = [90, 50, 99];

/** What one rule of one target says of what was read. */
export function findingOf(given: Asked, settled: Settled): Answer {
  const { metric } = given.rule;
  const isRead = settled[isLatency(metric) ? 'latency' : (metric as Counted)] !== undefined;
  // Of what was not read nothing is known, whatever earlier ticks read of it.
  const asked = isRead ? given : { ...given, folded: undefined };
  const { told, slowdown } = putBy(asked, settled);
  const [first] = told;
  if (first === undefined) return withoutHistory(asked);
  const known =
    slowdown &&
    byPart(asked, (part) =>
      evidenceOfSlowdown(
        windowsIn(asked.trial, part, slowdown.windows),
        slowdown.cells,
        slowdownQuestion(asked, part),
        carriedOf(asked, metric)?.slowdown?.[part.name],
      ),
    );
  const answer = judged(asked, settled, first, known);
  if (told.length === 1 || answer.finding.evidence < SUSPICIOUS) return answer;
  const answers = told.map((each) => judged(asked, settled, each, known));
  const clearest = answers.reduce((most, each) => (gap(each) > gap(most) ? each : most), answer);
  return { ...answer, against: clearest.against };
}

/** What is judged of a rule; no counts where stable did too little before the raise to know what is slow. */
function putBy(asked: Rule, settled: Settled): Put {
  const { trial, target, rule, folded } = asked;
  const { metric } = rule;
  if (!isLatency(metric)) return { told: [{ key: metric, believed: settled[metric as Counted] ?? NOTHING }] };
  const spreads = settled.latency ?? [];
  const history = folded?.targets[target.name]?.history ?? historyOf(trial, spreads);
  const ratio = 'ratio' in rule ? rule.ratio : 1;
  const told = percentilesOf(metric).flatMap((percentile): Reading[] => {
    const slow = slowFrom(history, { percentile, ratio });
    if (slow === undefined) return [];
    // They are counts only once it is known what is slow.
    const believed = believable(slowWindows(trial, spreads, slow));
    return [{ key: `${metric}@${percentile}`, believed, slow }];
  });
  if (metric !== 'latency') return { told };
  const cells = cellsFrom(history, ratio);
  const [first] = told;
  if (first === undefined || cells === undefined) return { told: [] };
  // If clients stick to a version its requests are not dealt one by one, and the counts over one percentile take the careful way.
  if (target.traits.isSticky) return { told };
  const believed = new Set(first.believed.windows.map(({ start }) => start));
  const windows = sinceFolded(asked, slowdownWindows(trial, spreads)).filter(({ start }) =>
    believed.has(start),
  );
  return { told, slowdown: { windows, cells } };
}

/** The percentiles at which the durations of a rule are counted. */
export const percentilesOf = (metric: 'latency' | `p${number}`): readonly number[] =>
  metric === 'latency' ? TOLD : [Number(metric.slice(1))];

/** What each part of the evidence of a rule is. */
function byPart<T>({ trial }: Rule, of: (part: Part) => T): Partial<Record<PartName, T>> {
  return Object.fromEntries(
    partsOf(trial, plannedWindows(trial)).map((part) => [part.name, of(part)] as const),
  );
}

const slowdownQuestion = ({ target }: Rule, { planned, head }: Part) => ({
  ...{ planned, head },
  burst: target.traits.burst,
});

/** What earlier windows left of the evidence under this key. */
const carriedOf = ({ folded, target }: Rule, key: string): Carried | undefined =>
  folded?.targets[target.name]?.tests[key];

/** The windows after those whose evidence is carried. */
function sinceFolded<W extends { start: Instant }>({ folded }: Rule, windows: readonly W[]): W[] {
  return windows.filter(({ start }) => start >= (folded?.end ?? Number.NEGATIVE_INFINITY));
}

/**
 * What the evidence of a rule is after the windows up to the end of `step`, by key: all that later windows need of them. It is
 * empty if the counts that are kept say it all.
 */
export function carriedAfter(asked: Rule, settled: Settled): Record<string, Carried> {
  const { rule } = asked;
  if ('share' in rule) return {};
  const { told, slowdown } = putBy(asked, settled);
  const [first] = told;
  const carried = told.map(({ key, believed: { windows } }): [string, Carried] => {
    const compared = sinceFolded(asked, comparedWindows(asked.trial, windows));
    const ratio = byPart(asked, (part) =>
      capitalOfRatio(
        windowsIn(asked.trial, part, compared),
        questionOf(asked, part),
        carriedOf(asked, key)?.ratio?.[part.name],
      ),
    );
    return [
      key,
      {
        ...(slowdown === undefined ? { ratio } : {}),
        ...(key === first?.key ? { safe: safeAfter(asked, key, windows) } : {}),
      },
    ];
  });
  if (slowdown === undefined) return Object.fromEntries(carried);
  const { windows, cells } = slowdown;
  const before = carriedOf(asked, rule.metric)?.slowdown;
  const after = byPart(asked, (part) =>
    capitalOfSlowdown(
      windowsIn(asked.trial, part, windows),
      cells,
      slowdownQuestion(asked, part),
      before?.[part.name],
    ),
  );
  return Object.fromEntries([...carried, [rule.metric, { slowdown: after }]]);
}

function safeAfter(asked: Rule, key: string, windows: readonly Window[]): Carried['safe'] {
  const { trial, step } = asked;
  const since = (from: Instant) => {
    const inIt = sinceFolded(asked, windows).filter(({ start }) => start >= from);
    return logsOfSafety(
      countsIn(inIt),
      unsafeOf(asked),
      logsBefore({ ...asked, step: { ...step, from } }, key),
    );
  };
  return { first: since(trial.moves[0] ?? Number.POSITIVE_INFINITY), step: since(step.from) };
}

/** What the bets on a safe canary hold of the windows of this step that are folded. */
function logsBefore(asked: Rule, key: string): Logs | undefined {
  const { trial, step, folded } = asked;
  const safe = carriedOf(asked, key)?.safe;
  if (folded === undefined || safe === undefined || step.from >= folded.end) return undefined;
  if (step.from === folded.from) return safe.step;
  // While a raise is on its way the stretch reaches back to the first move. Of any other the past is not known, which proves nothing.
  return step.from === trial.moves[0] ? safe.first : safe.step.map(() => null);
}

/** By how many times the share of bad requests on the canary is above that of stable. */
function gap({ against: { canary, stable } }: Answer): number {
  return canary.bad / Math.max(1, canary.total) / ((stable.bad + 1) / (stable.total + 1));
}

interface Sides {
  canary: Count;
  stable: Count;
}

function judged(
  asked: Asked,
  settled: Settled,
  { key, believed, slow }: Reading,
  known?: Partial<Record<PartName, number>>,
): Answer {
  const { trial, target, rule, step } = asked;
  const { windows, unknown, skipped } = believed;
  const inStep = windows.filter((window) => window.start >= step.from);
  const isGuarded = servesAlone(asked);
  const question = questionOf(asked);
  const lateFrom = step.to - LATE_WINDOWS * WINDOW_MS;
  const compared = comparedWindows(trial, windows, { target: target.name, from: lateFrom });
  const { evidence, rests } = evidenceAgainst(asked, key, { compared, all: windows }, known);
  const here = sides(inStep, isGuarded ? windows : inStep);
  const isSafe = isCertified(asked, key, inStep);
  const uncounted = countsNone(rule.metric, settled, step);
  const doubt = doubtAbout(trial, asked, { windows, unknown }, step.to);
  const wanting =
    doubt?.reason ??
    uncounted ??
    whyUnlike(asked, here, windows) ??
    (isGuarded
      ? guardNeeds(asked, here, sinceVerify(trial, windows))
      : isSafe && !isCounted(trial)
        ? undefined
        : stepNeeds(asked, question, inStep));
  // From the holdout on a doubt asks that, and a recall answers.
  const unlike = trial.isVerifying ? 0 : evidenceBeyond(asked, here, windows);
  const beyond =
    unlike >= SUSPICIOUS ? 'it fails more often than stable did, before and beside it' : undefined;
  const suspicion = suspicionOf(evidence) ?? beyond ?? turnsAway(asked, inStep, windows);
  const needed = suspicion ?? wanting;
  const missing =
    whyLate(trial, target.name, inStep, { settled, until: heardOf(asked) }) ??
    whyGone(rule.metric, settled) ??
    whyFewer(rule.metric, settled, step) ??
    whyUnknown([...unknown.keys()].filter((start) => start >= step.from).length, here.canary);
  const said = (counts: Sides, ...more: (string | undefined)[]) =>
    [`${asked.label}${words(rule, counts, slow)}`, ...more].filter((part) => part !== undefined).join('; ');
  const odds = 'ratio' in rule ? oddsOf(asked, question, compared, inStep) : undefined;
  const finding: Finding = {
    target: target.name,
    metric: rule.metric,
    status:
      missing !== undefined
        ? 'broken'
        : suspicion !== undefined
          ? 'suspect'
          : wanting !== undefined
            ? 'inconclusive'
            : 'pass',
    ...here,
    windows: minutesOf(inStep),
    evidence,
    ...(unlike === 0 ? {} : { doubt: unlike }),
    odds,
    needed,
    skipped,
    reason: said(here, missing, suspicion, missing === undefined ? wanting : undefined, ...skipped),
  };
  const isShort =
    finding.status === 'inconclusive' && uncounted === undefined && doubt === undefined && !isCounted(trial);
  const covered: Finding = { ...finding, status: 'pass', needed: undefined, reason: said(here, ...skipped) };
  return {
    finding,
    ...(isShort ? { covered } : {}),
    against: { ...rests, reason: said(rests) },
    isCertified: isSafe,
    doubt,
  };
}

/** True at a step that its plan wants to see so many requests in; nothing else can make up for them. */
const isCounted = ({ opening, step }: Trial) => opening.plan.steps[step]?.untilRequests !== undefined;

/** Why a canary is suspect by the evidence against it; undefined below the threshold. */
export function suspicionOf(evidence: number): string | undefined {
  return evidence >= SUSPICIOUS
    ? 'the canary looks worse than the rule allows, not yet conclusively'
    : undefined;
}

/**
 * Why a canary in verify is not proven, though nothing speaks against it: it fails more often than its target does in half of
 * the day's stretches, or than stable did on the whole, and stable beside it does not show that both do. Nothing tells then whether it
 * is the canary or what the target meets at times, so that it neither passes nor is in doubt.
 */
function whyUnlike(asked: Asked, here: Sides, windows: readonly Window[]): string | undefined {
  const { rule, trial, target } = asked;
  if (!trial.isVerifying) return undefined;
  if (servesAlone(asked) && evidenceBeyond(asked, here, windows) >= SUSPICIOUS)
    return 'it fails more often than stable did, as this target does at times; nothing tells which it is';
  const typical = trial.opening.usual?.[target.name]?.[rule.metric]?.typical;
  if (!('ratio' in rule) || isLatency(rule.metric) || rule.metric === 'throttles' || typical === undefined)
    return undefined;
  const since = windows.filter(({ start }) => start >= (trial.verifySince ?? Number.POSITIVE_INFINITY));
  const found = TYPICAL_PARTS.map((part, nth) => {
    const usual = typical[nth] ?? 1;
    const bound = boundOf(usual, { ratio: rule.ratio, floor: DOUBT_FLOOR });
    const canary = bestOf(
      since.flatMap((window) => window.canary ?? []),
      part,
    );
    const stable = bestOf(
      since.flatMap((window) => window.stable ?? []),
      part,
    );
    const isUnlike =
      evidenceOfShare(canary, bound, target.traits) >= UNLIKE && !isShared(canary, stable, usual);
    return { ...canary, bound, isUnlike };
  }).find(({ isUnlike }) => isUnlike);
  return (
    found &&
    `${number(found.bad)} of ${number(found.total)} requests to it since verify began failed, and up to ${percent(found.bound)} is usual in half of the stretches of the day before; nothing tells whether it is the canary`
  );
}

/**
 * Log evidence that a canary fails more than stable ever did, which makes it suspect if stable has too little traffic left to be
 * compared with. If stable surely does as badly beside it, the cause is external, which excuses no minute in which stable surely did
 * better. It has no control, so it reverts nothing.
 */
function evidenceBeyond({ rule, target, step }: Asked, here: Sides, windows: readonly Window[]): number {
  if ('share' in rule || isLatency(rule.metric) || rule.metric === 'throttles') return 0;
  const share = guardShare(rule, sides(windows, windows).stable);
  const against = (count: Count) => evidenceOfShare(count, share, target.traits);
  const inStep = windows.filter(({ start }) => start >= step.from);
  const required = SUSPICIOUS + Math.log(Math.max(1, inStep.length));
  const told = inStep.filter(
    (window) => evidenceOfBetter(window, share, rule.ratio) / target.traits.burst >= required,
  );
  const apart = sides(told, told);
  const rest = { canary: without(here.canary, apart.canary), stable: without(here.stable, apart.stable) };
  return against(rest.stable) >= SUSPICIOUS ? against(apart.canary) : against(here.canary);
}

const without = (all: Count, part: Count): Count => ({
  bad: all.bad - part.bad,
  total: all.total - part.total,
});

/**
 * Log evidence that stable failed no more than `share` in a minute, against that it met there what the canary met: failed with odds
 * that are no more than `ratio` times lower. 0 if the canary itself did no worse.
 */
function evidenceOfBetter({ canary, stable }: Window, share: number, ratio: number): number {
  if (canary === undefined || stable === undefined || canary.total === 0) return 0;
  const { bad, total } = canary;
  const same = Math.min(0.999, bad / (bad + ratio * (total - bad)));
  return same <= share
    ? 0
    : stable.bad * Math.log(share / same) + (stable.total - stable.bad) * Math.log((1 - share) / (1 - same));
}

/**
 * Why a canary is suspect under which more requests are turned away than stable turned away before the first raise. The versions of a
 * function share its concurrency, so a canary that uses it up has stable beside it throttled as well, which excuses nothing.
 */
function turnsAway(
  { rule, trial, target }: Asked,
  inStep: readonly Window[],
  windows: readonly Window[],
): string | undefined {
  if (rule.metric !== 'throttles' || !('ratio' in rule) || trial.isVerifying) return undefined;
  const raisedAt = trial.raisedAt ?? Number.POSITIVE_INFINITY;
  const past = sum(windows.filter(({ start }) => start + WINDOW_MS <= raisedAt).map(({ stable }) => stable));
  const share = Math.min(0.95, Math.max(THROTTLE_FLOOR, (rule.ratio * past.bad) / Math.max(1, past.total)));
  const present = sum(inStep.flatMap(({ canary, stable }) => [canary, stable]));
  return evidenceOfShare(present, share, target.traits) < SUSPICIOUS
    ? undefined
    : `${number(present.bad)} of ${number(present.total)} requests to both versions were throttled, and ${number(past.bad)} of ${number(past.total)} before the first raise`;
}

/** What is bet with: the tolerated odds and how the failures of this target come together. */
function questionOf({ trial, rule, target }: Rule, part?: Part): Question {
  const isSlow = isLatency(rule.metric);
  return {
    w0: isSlow ? LATENCY_ODDS : 'ratio' in rule ? rule.ratio : 1,
    planned: part?.planned ?? plannedWindows(trial),
    bets: isSlow ? LATENCY_BETS : (part?.bets ?? FAILURE_BETS),
    clustering: target.traits,
    head: part?.head,
  };
}

/** The evidence of this rule, and the counts that its strongest part rests on; `known` is that of durations. */
function evidenceAgainst(
  asked: Asked,
  key: string,
  { compared, all }: { compared: readonly (MovedWindow & { start: Instant })[]; all: readonly Window[] },
  known: Partial<Record<PartName, number>> | undefined,
): { evidence: number; rests: Sides } {
  const { trial, rule, target } = asked;
  if ('share' in rule) {
    const first = ownSince(trial, all);
    const since = all.filter(({ start }) => start >= first);
    const rests = sides(since, since);
    return { evidence: evidenceOfShare(rests.canary, rule.share, target.traits), rests };
  }
  const carried = carriedOf(asked, key)?.ratio;
  const parts = partsOf(trial, plannedWindows(trial)).map((part) => {
    const windows = windowsIn(trial, part, compared);
    const before = carried?.[part.name];
    const evidence =
      known?.[part.name] ?? evidenceOfRatio(sinceFolded(asked, windows), questionOf(asked, part), before);
    return { weight: part.stake, evidence, windows };
  });
  const strongest = parts.reduce((most, part) =>
    Math.log(part.weight) + part.evidence > Math.log(most.weight) + most.evidence ? part : most,
  );
  return { evidence: combined(parts), rests: countsOf(strongest.windows) };
}

/** Whether the canary serves this target alone, where stable beside it is no control; others may still be on their way. */
const servesAlone = ({ trial: { traffic }, target }: Asked): boolean => traffic[target.name]?.weight === 100;

/** A peak of traffic throttles a good release too: without a control, only a canary that turns away this share of its requests is held to it. Assumed. */
const THROTTLED_ALONE = 0.25;

/** After promotion the canary may fail as often as stable did before, times the rule, and never less than the floor. */
function guardShare(rule: WatchRule, stable: Count): number {
  const ratio = isLatency(rule.metric) ? LATENCY_ODDS : 'ratio' in rule ? rule.ratio : 1;
  const share = stable.total === 0 ? 0 : (ratio * stable.bad) / stable.total;
  return 'share' in rule
    ? rule.share
    : Math.min(0.95, Math.max(rule.metric === 'throttles' ? THROTTLED_ALONE : FLOOR, share));
}

/** What a pass of this step still needs; undefined if nothing is missing. */
function stepNeeds(asked: Asked, question: Question, inStep: readonly Window[]): string | undefined {
  if (inStep.length === 0) return 'no window of this step has settled yet';
  const { trial, rule, target } = asked;
  const { canary, stable } = sides(inStep, inStep);
  const until = trial.opening.plan.steps[trial.step]?.untilRequests;
  if (until !== undefined)
    return canary.total >= until ? undefined : `this step waits for ${number(until)} canary requests`;
  if ('ratio' in rule && canary.total > 0 && stable.total === 0)
    return 'stable had no requests to compare with';
  const floor = 'share' in rule ? rule.share : rule.metric === 'throttles' ? THROTTLE_FLOOR : FLOOR;
  const rate = tenfold('share' in rule ? { bad: 0, total: 0 } : stable, floor);
  const beside = stableBesideOne(sides(inStep, inStep), trial.traffic[target.name]?.weight ?? 0);
  const isEnough = (total: number) =>
    wouldShow(total, rate, (bad) => {
      const control = { bad: stableShare(stable) * beside * total, total: beside * total };
      return evidenceOfOne(asked, question, { bad, total }, control) >= asked.required;
    });
  if (isEnough(canary.total)) return undefined;
  const total = fewest((requests) => requests >= canary.total && isEnough(requests));
  return total === undefined
    ? 'at this weight no number of requests could tell'
    : `a pass needs about ${number(total)} canary requests`;
}

const stableShare = ({ bad, total }: Count) => (total === 0 ? 0 : bad / total);

/** Requests of stable for each one of the canary: as counted, or as the weight says where there is nothing to count yet. */
function stableBesideOne({ canary, stable }: Sides, weight: number): number {
  return canary.total > 0 ? stable.total / canary.total : (100 - weight) / Math.max(1, weight);
}

/** The evidence if all of a step's counts stood in one window. */
function evidenceOfOne({ rule, trial }: Asked, question: Question, canary: Count, stable: Count): number {
  if ('share' in rule) return evidenceOfShare(canary, rule.share, question.clustering);
  const window = { c: canary.bad, nc: canary.total, s: stable.bad, ns: stable.total };
  const [{ stake } = { stake: 1 }] = partsOf(trial, plannedWindows(trial));
  return evidenceOfRatio([window], question) + Math.log(stake);
}

/** What the canary was asked since verify began: the holdout and what is left of verify after it are one stretch. */
const sinceVerify = ({ verifySince = Number.POSITIVE_INFINITY }: Trial, windows: readonly Window[]): Count =>
  sum(windows.filter(({ start }) => start >= verifySince).map(({ canary }) => canary));

function guardNeeds(asked: Asked, { canary, stable }: Sides, verified: Count): string | undefined {
  const { rule, target } = asked;
  if (canary.total === 0) return 'no window with requests has settled since promotion';
  const reached = Math.max(canary.total, verified.total);
  const share = guardShare(rule, stable);
  const rate = tenfold({ bad: 0, total: 0 }, share);
  const isEnough = (total: number) =>
    wouldShow(total, rate, (bad) => evidenceOfShare({ bad, total }, share, target.traits) >= asked.required);
  if (isEnough(reached)) return undefined;
  const total = fewest((requests) => requests >= reached && isEnough(requests));
  return `a pass needs about ${number(total ?? Number.POSITIVE_INFINITY)} canary requests`;
}

/** True if this step's counts prove the canary safe by themselves. */
function isCertified(asked: Asked, key: string, inStep: readonly Window[]): boolean {
  const { rule, target } = asked;
  const clustering = target.traits;
  const { canary } = sides(inStep, []);
  if (canary.total === 0) return false;
  // What stable did beside it earlier says nothing of a canary that serves alone by now.
  const logs = servesAlone(asked)
    ? logsOfSafety([], unsafeOf(asked))
    : logsOfSafety(countsIn(sinceFolded(asked, inStep)), unsafeOf(asked), logsBefore(asked, key));
  const evidence =
    'share' in rule
      ? safeShare(canary, rule.share, clustering)
      : evidenceOfSafety(canary, { logs, floor: floorOf(asked), clustering });
  return evidence >= -Math.log(BETA);
}

/** The share of bad requests below which a canary is safe whatever stable does; a recall answers a doubt about less. */
const floorOf = ({ trial }: Asked) => (trial.recall === undefined ? FLOOR : DOUBT_FLOOR);

/** From which odds on a canary is unsafe. */
function unsafeOf({ rule, target }: Rule) {
  const tolerated = isLatency(rule.metric) ? LATENCY_ODDS : 'ratio' in rule ? rule.ratio : 1;
  return { unsafe: Math.max(UNSAFE_ODDS, tolerated), clustering: target.traits };
}

function oddsOf(
  { trial }: Asked,
  { planned, bets, clustering }: Question,
  compared: readonly (MovedWindow & { start: Instant })[],
  inStep: readonly Window[],
): OddsInterval {
  const alpha = trial.opening.plan.alpha ?? ALPHA;
  const m = clustering.burst;
  const low = orLowerBound({
    ...{ windows: coarse(compared), grid: bets, T: planned, head: HEAD, m, alpha },
    precision: INTERVAL_PRECISION,
  });
  const windows = coarse(countsIn(inStep));
  const high = orUpperBound({ windows, grid: INTERVAL_BETS, m, beta: BETA, precision: INTERVAL_PRECISION });
  return { low, high };
}

/** Windows up to which an interval is computed minute by minute; it is only shown, and inverting a test costs as much as 20 of them. */
const INTERVAL_WINDOWS = 240;

/** Windows for an interval: what is folded already as it is kept, and of a long comparison the sums of each hour, in which the weight stood still. Under the same odds in each minute the sums have them too. */
function coarse(windows: readonly (MovedWindow & { start: Instant })[]): MovedWindow[] {
  if (windows.length <= INTERVAL_WINDOWS) return [...windows];
  const hours = new Map<string, MovedWindow>();
  for (const { start, c, s, nc, ns, share } of windows) {
    const key = share === undefined ? `${Math.floor(start / HOUR_MS)}` : `at ${start}`;
    const sums = hours.get(key) ?? { c: 0, s: 0, nc: 0, ns: 0, share };
    hours.set(key, { c: sums.c + c, s: sums.s + s, nc: sums.nc + nc, ns: sums.ns + ns, share });
  }
  return [...hours.values()];
}

function countsIn(windows: readonly Window[]): (MovedWindow & { start: Instant })[] {
  return windows.flatMap(({ start, canary, stable }) =>
    canary === undefined
      ? []
      : [{ start, c: canary.bad, nc: canary.total, s: stable?.bad ?? 0, ns: stable?.total ?? 0 }],
  );
}

function countsOf(windows: readonly MovedWindow[]): Sides {
  return {
    canary: sum(windows.map(({ c, nc }) => ({ bad: c, total: nc }))),
    stable: sum(windows.map(({ s, ns }) => ({ bad: s, total: ns }))),
  };
}

function sides(canary: readonly Window[], stable: readonly Window[]): Sides {
  return {
    canary: sum(canary.map((window) => window.canary)),
    stable: sum(stable.map((window) => window.stable)),
  };
}

/** Windows this plan takes at its longest; fixed before the start, as the evidence needs it to be. */
export function plannedWindows({ opening }: Course): number {
  const seconds = opening.plan.steps
    .filter(({ isHoldout }) => isHoldout !== true)
    .reduce((total, step) => total + step.maxBakeSeconds + opening.settleSeconds, 0);
  return Math.max(2, Math.ceil((seconds * 1000) / WINDOW_MS));
}

function words(rule: WatchRule, { canary, stable }: Sides, slow: SlowFrom | undefined): string {
  const { metric } = rule;
  if (slow !== undefined) {
    const over = (count: Count, ms: number) =>
      `${number(count.bad)} of ${number(count.total)} took over ${number(Math.round(ms))} ms`;
    return `${metric}: canary ${over(canary, slow.canary)}, stable ${over(stable, slow.stable)}`;
  }
  const name = metric.startsWith('custom.') ? metric.slice('custom.'.length) : metric;
  const verb = metric === 'throttles' ? 'throttled' : metric.startsWith('custom.') ? 'bad' : 'failed';
  return `${name}: ${compared(canary, stable, verb)}`;
}

/** The end of the minutes of a bake that must have been counted: what is known to come late is not missing yet. */
const heardOf = ({ trial, target, step }: Asked): Instant =>
  Math.min(step.until, step.to - (trial.lateness?.[target.name] ?? 0) * WINDOW_MS);

/** Why a canary without samples holds this step; undefined if its bake was counted, or if it is counted again by now. */
function whyLate(
  trial: Trial,
  target: string,
  inStep: readonly Window[],
  { settled, until }: { settled: Settled; until: Instant },
): string | undefined {
  const baked = inStep.filter(({ start }) => start + WINDOW_MS <= until);
  const why = whyMissing(trial, target, baked, settled);
  return why && whyMissing(trial, target, inStep, settled);
}

/** Why a canary without samples is a measuring fault rather than a quiet service; undefined if it may be either. */
function whyMissing(
  trial: Trial,
  target: string,
  inStep: readonly Window[],
  settled: Settled,
): string | undefined {
  const weight = trial.traffic[target]?.weight ?? 0;
  if (weight === 0 || weight === 100) return undefined;
  const last = inStep.findLastIndex(({ canary }) => (canary?.total ?? 0) > 0);
  const silent = inStep.slice(last + 1);
  const due = Math.round((sum(silent.map(({ stable }) => stable)).total * weight) / (100 - weight));
  if (due < EXPECTED_MIN) return undefined;
  const since = silent[0]?.start ?? 0;
  const runs = knownOf(settled.errors).filter(({ start }) => start >= since);
  const invocations = sum(runs.map(({ canary }) => canary)).total;
  return invocations > 0
    ? `the canary ran ${number(invocations)} times but counts no responses; wrap its handler with withSpillway`
    : `the canary was due about ${number(due)} requests at ${weight} % and CloudWatch shows none; look at its metrics and at the alias`;
}

/**
 * Why a metric that stopped reporting is a measuring fault: the function is still invoked, and by what was
 * counted for each invocation before, that much cannot have come to nothing. Undefined if it may have.
 */
function whyGone(metric: Metric, settled: Settled): string | undefined {
  if (metric === 'errors' || metric === 'throttles' || metric === 'traffic') return undefined;
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
function countsNone(metric: Metric, settled: Settled, { from }: Stretch): string | undefined {
  if (metric !== 'http5xx' || knownOf(settled.http5xx).some((window) => totalOf(window) > 0))
    return undefined;
  const runs = knownOf(settled.errors).filter(({ start }) => start >= from);
  const { total } = sum(runs.map(({ canary }) => canary));
  return total >= EXPECTED_MIN
    ? `neither version counts responses, though the canary ran ${number(total)} times; wrap the handler with withSpillway`
    : undefined;
}

/**
 * Why a canary that counts clearly fewer of its invocations than stable does is a measuring fault: what it does not count may
 * have failed. What ended in an error may be uncounted, and minutes of which nothing is counted may be late. Undefined if it counts enough.
 */
function whyFewer(metric: Metric, settled: Settled, { from }: Stretch): string | undefined {
  if (metric !== 'http5xx') return undefined;
  const runs = new Map(knownOf(settled.errors).map((window) => [window.start, window]));
  const counted = knownOf(settled.http5xx);
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

function withoutHistory({ rule, target, label }: Asked): Answer {
  const nothing = { bad: 0, total: 0 };
  const needed =
    'stable must have answered enough requests before the raise to know what is slow; look at its metric Latency, which withSpillway(handler, { latency: true }) counts';
  const sides = { canary: nothing, stable: nothing };
  const reason = `${label}${rule.metric}: no threshold; ${needed}`;
  const finding: Finding = {
    ...{ target: target.name, metric: rule.metric, status: 'inconclusive', ...sides },
    ...{ windows: 0, evidence: 0, needed, skipped: [], reason },
  };
  return { finding, against: { ...sides, reason }, isCertified: false };
}
