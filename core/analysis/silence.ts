import { type Instant, WINDOW_MS } from '../units.ts';
import { duration, number } from '../words.ts';
import { logMeanExp } from './mixture.ts';
import { type Believed, believable, NOTHING } from './settled.ts';
import type { Course } from './trial.ts';
import type { Past, ReadWindow, Window } from './types.ts';
import { isAlone } from './windows.ts';

/** How long nothing, or almost nothing, must come, in minutes: short for many requests, long for few. */
const LENGTHS = [2, 10] as const;

const HOUR_MINUTES = 60;
const DAY_MINUTES = 24 * HOUR_MINUTES;

/** How much is read at the opening. Minutes are kept for 15 days (CloudWatch user guide, "Metrics concepts"). */
export const PAST_MS = DAY_MINUTES * WINDOW_MS;

/** Newest minutes whose counts may still be on their way, once what is judged has come; assumed. */
export const LATE_MINUTES = 15;

/** Fewest minutes that have a median worth its name. */
const MINUTES_MIN = 5;

/** Minutes whose median says what is due next. */
export const LEVEL_MINUTES = 6;

/** Half of the minutes around one moment of the day before, as many before it as after it. */
const AROUND_MINUTES = 5;

/** Share of what is due that must be missing at least: traffic falls to a tenth by itself, as at night. */
const FALL_MOST = 0.1;

/** A fall that went as deep as this part of the deepest one so far is no fall yet. */
const DEEPER = 1 / 3;

/** A whole day shows how little may come: half of its least ten minutes is less than it ever had. */
const BELOW_LEAST = 0.5;

/** Share of what was due below which a canary that serves alone is not called proven, and the newest minutes that are asked. */
const THIN = 1 / 3;
const THIN_MINUTES = 5;

/** Share of the requests of the minutes before promotion below which those after it fell at a cliff: a night falls by less within minutes. Assumed. */
const CLIFF = 0.6;
/** Fewest minutes before it that say what was due. */
const BEFORE_MIN = 2;
/** Minutes after promotion in which a cliff is looked for. Assumed. */
export const CLIFF_MINUTES = 10;

/** Rates that are bet on, as shares of the least that may come. */
const BETS = [0.5, 0.25, 0.1, 0.02];

/** Least length, in minutes, of the stretches that a past is cut into. */
const STRETCH_MINUTES = 10;

/** How often in a rollout, at most, silence is read into traffic that is only thin: once in so many. */
const ONCE_IN = 20;

/** Minutes that are looked back on: more than silence lasts before its pause reverts. Those that only say what came before it are not tested. */
export const LOOK_MINUTES = 120;
const SEED_MINUTES = 16;

/**
 * What a target's counts before its rollout say of what is due in it; undefined if too little is known.
 * @param read requests of the target as a whole by minute: if its source answered and had none, there were none; minutes of
 * which nothing is known are left out
 * @param to end of the newest minute whose counts have settled
 * @param verifyMinutes length of the stretches it is cut into: a fall that hardly any of them has is not usual
 */
export function pastFrom(
  read: readonly ReadWindow[] | undefined,
  to: Instant,
  verifyMinutes = STRETCH_MINUTES,
): Past | undefined {
  const { windows, unknown } = believable(read ?? []);
  const [first] = windows;
  if (first === undefined) return undefined;
  const counts = new Map(windows.map(({ start, stable }) => [start, stable?.total ?? 0] as const));
  // Newest minutes without any are as likely late; more of them than that are none.
  const end = Math.max(
    to - LATE_MINUTES * WINDOW_MS,
    Math.min(to, (windows.at(-1) ?? first).start + WINDOW_MS),
  );
  const from = Math.max(first.start, end - PAST_MS);
  const length = Math.max(0, Math.round((end - from) / WINDOW_MS));
  if (length < MINUTES_MIN) return undefined;
  const minutes = Array.from({ length }, (_, nth) => {
    const start = from + nth * WINDOW_MS;
    return unknown.has(start) ? undefined : (counts.get(start) ?? 0);
  });
  if (minutes.filter((minute) => minute !== undefined).length < Math.max(MINUTES_MIN, length / 2))
    return undefined;
  const stretch = Math.max(STRETCH_MINUTES, Math.ceil(verifyMinutes));
  const isWholeDay = length >= DAY_MINUTES - HOUR_MINUTES;
  return {
    lately: median(knownOf(minutes.slice(-HOUR_MINUTES))),
    hours: Array.from({ length: 24 }, (_, hour) => {
      const begin = length - DAY_MINUTES + hour * HOUR_MINUTES;
      // The newest minutes are left out as likely late, so that a day falls short of its first hour by as many.
      return begin < -HOUR_MINUTES / 2
        ? null
        : leastMedian(minutes, Math.max(0, begin), begin + HOUR_MINUTES);
    }),
    falls: usualFalls(minutes, stretch),
    ...(isWholeDay ? { least: leastOf(sumsOf(minutes, 10)) / 10 } : {}),
  };
}

/**
 * Why a target that was called before is called no more, in words; undefined if it is, or if chance may explain it.
 * @param to end of the newest minute whose counts have settled
 * @param until end of the bake that is judged: silence that began after it says nothing of it
 */
export function whySilent(
  { opening, openedAt, moves }: Course,
  past: Past | undefined,
  believed: Pick<Believed, 'windows' | 'unknown'>,
  to: Instant,
  until = to,
): string | undefined {
  const asked = { openedAt, raisedAt: moves[0], plannedMinutes: plannedMinutes(opening) };
  const silence = silentOf(past, believed, { ...asked, to });
  if (silence === undefined) return undefined;
  // The least silence is two minutes: one that began in the last minute of the bake shows a minute after it.
  const ends = [until, until + WINDOW_MS].filter((end) => end <= to);
  if (!ends.some((end) => silentOf(past, believed, { ...asked, to: end }) !== undefined)) return undefined;
  const { minutes, came, due } = silence;
  return `${number(came)} ${came === 1 ? 'request' : 'requests'} came in ${duration(minutes * 60)}, where about ${number(Math.round(due))} were due by what it had before; look at its callers, at what routes them and at the version that serves`;
}

/** Newest minutes of a target in which far fewer requests came than its past makes due. */
interface Silence {
  /** How many in a row. */
  minutes: number;
  /** Requests that came in them. */
  came: number;
  /** Requests that were due in them. */
  due: number;
  /** Natural logarithm of the evidence. */
  evidence: number;
}

/**
 * The longest silence of a target in its newest minutes; undefined if requests come, or if chance or the past explains that they do not.
 * It says that requests no longer arrive or are no longer counted, and not who is to blame.
 * @param asked `to` is the end of the newest minute whose counts have settled; chance leads to silence at most once in 20
 * stretches of `plannedMinutes`
 */
export function silentOf(
  past: Past | undefined,
  { windows, unknown }: Pick<Believed, 'windows' | 'unknown'>,
  asked: { openedAt: Instant; raisedAt: Instant | undefined; to: Instant; plannedMinutes: number },
): Silence | undefined {
  const { openedAt, to } = asked;
  const raisedAt = Math.ceil((asked.raisedAt ?? Number.POSITIVE_INFINITY) / WINDOW_MS) * WINDOW_MS;
  if (past === undefined || raisedAt >= to) return undefined;
  const totals = totalsOf(windows);
  const required = Math.log(ONCE_IN * LENGTHS.length * Math.max(1, asked.plannedMinutes));
  const from = Math.max(raisedAt, to - LOOK_MINUTES * WINDOW_MS);
  const seed = windows.filter(({ start }) => start < from && start >= from - SEED_MINUTES * WINDOW_MS);
  /** Minutes that were not silent; those before the first raise are what came before it. */
  const loud = from > raisedAt ? [] : seed.map(({ start }) => totals.get(start) ?? 0);
  const known: Instant[] = [];
  let found: Silence | undefined;
  for (let end = from + WINDOW_MS; end <= to; end += WINDOW_MS) {
    // A minute of which nothing is known neither shows silence nor ends one.
    if (unknown.has(end - WINDOW_MS)) continue;
    known.push(end - WINDOW_MS);
    found = undefined;
    const isSeed = from > raisedAt && end <= from + SEED_MINUTES * WINDOW_MS;
    for (const [index, length] of LENGTHS.entries()) {
      if (isSeed || known.length < length) continue;
      const level = loud.slice(-length - LEVEL_MINUTES, -length);
      const due = dueAt(past, end - openedAt, level);
      const fall = Math.min(FALL_MOST, (past.falls[index] ?? 0) * DEEPER) * due;
      const least = length === 10 ? (past.least ?? 0) * BELOW_LEAST : 0;
      const came = sumOf(totals, known.slice(-length));
      const evidence = evidenceOfSilence(came, Math.max(fall, least) * length);
      if (evidence >= required)
        found = { minutes: length, came, due: Math.max(due, past.least ?? 0) * length, evidence };
    }
    if (found === undefined) loud.push(totals.get(end - WINDOW_MS) ?? 0);
  }
  return found;
}

/**
 * Why a target that the canary serves alone is called far less than was due: its callers may have gone for the night, or may
 * wait for slow answers, which no count can tell apart, so that it is not proven. Undefined if chance or the past explains it.
 */
export function whyThin(
  { openedAt, promotedAt }: Course,
  past: Past | undefined,
  { windows, unknown }: Pick<Believed, 'windows' | 'unknown'>,
  to: Instant,
): string | undefined {
  const from = Math.max(promotedAt ?? Number.POSITIVE_INFINITY, to - LOOK_MINUTES * WINDOW_MS);
  const told = knownMinutes(unknown, Math.ceil(from / WINDOW_MS) * WINDOW_MS, to).slice(-THIN_MINUTES);
  const length = told.length;
  if (past === undefined || length < 1) return undefined;
  const due = dueAt(past, to - openedAt, []) * length;
  const came = sumOf(totalsOf(windows), told);
  const share = Math.min(THIN, ...past.falls);
  return evidenceOfSilence(came, due * share) < Math.log(ONCE_IN)
    ? undefined
    : `only ${number(came)} requests came in ${duration(length * 60)}, where about ${number(Math.round(due))} were due by what it had before`;
}

/**
 * Why the requests of a target fell at its promotion: the callers of a night do not leave in that minute, and what the canary loses
 * alone is counted nowhere. The minutes just before it, of both versions, say how many were due. Undefined if it had fallen as deep before.
 */
export function whyCliff(
  trial: Course,
  past: Past | undefined,
  believed: Pick<Believed, 'windows' | 'unknown'>,
  to: Instant,
): string | undefined {
  const { before, after } = aroundPromotion(trial, believed, to);
  const { length } = after;
  if (past === undefined || length === 0 || before.length < BEFORE_MIN) return undefined;
  const totals = totalsOf(believed.windows);
  const level = before.map((start) => totals.get(start) ?? 0);
  const due = Math.min(...level) * length;
  const came = sumOf(totals, after);
  return evidenceOfSilence(came, due * Math.min(CLIFF, ...past.falls)) < Math.log(ONCE_IN)
    ? undefined
    : `only ${number(came)} requests came in the ${duration(length * 60)} after promotion, where about ${number(Math.round(median(level) * length))} were due by the minutes just before it`;
}

/** True if nothing shows whether requests fell at promotion because too many of the minutes around it are not known. */
export function isCliffHidden(
  trial: Course,
  believed: Pick<Believed, 'windows' | 'unknown'>,
  to: Instant,
): boolean {
  const isTold = (known: Pick<Believed, 'windows' | 'unknown'>) => {
    const { before, after } = aroundPromotion(trial, known, to);
    return after.length > 0 && before.length >= BEFORE_MIN;
  };
  return !isTold(believed) && isTold(NOTHING);
}

/** The known minutes just before promotion, and those after it in which a cliff is looked for. What the canary lost while it served alone before, until a recall, is no measure. */
function aroundPromotion(
  trial: Course,
  { windows, unknown }: Pick<Believed, 'windows' | 'unknown'>,
  to: Instant,
): { before: Instant[]; after: Instant[] } {
  const { promotedAt = Number.POSITIVE_INFINITY } = trial;
  const end = Math.floor(promotedAt / WINDOW_MS) * WINDOW_MS;
  const [begin, from] = [end - LEVEL_MINUTES * WINDOW_MS, end + WINDOW_MS];
  const halves = halvesOf(windows.filter(({ start }) => start >= begin && start < end));
  return {
    before: knownMinutes(unknown, begin, end).filter(
      (start) => !halves.has(start) && !isAlone(trial, { start }),
    ),
    after: knownMinutes(unknown, from, Math.min(to, from + CLIFF_MINUTES * WINDOW_MS)),
  };
}

/** Minutes in which the version with most of the requests is not counted, though the other one is: they do not say how many came. */
function halvesOf(windows: readonly Window[]): ReadonlySet<Instant> {
  const totalOf = (side: 'canary' | 'stable') =>
    windows.reduce((all, { [side]: count }) => all + (count?.total ?? 0), 0);
  const [most, other] =
    totalOf('canary') > totalOf('stable') ? (['canary', 'stable'] as const) : (['stable', 'canary'] as const);
  const halves = windows.filter(
    ({ [most]: count, [other]: beside }) => count === undefined && (beside?.total ?? 0) > 0,
  );
  return new Set(halves.map(({ start }) => start));
}

/**
 * Log e-value of `came` requests against "at least `least` were to come": under that, with Poisson or less spread, its mean
 * is at most 1. Source: mean of likelihood ratios of fixed alternatives; Ville 1939.
 */
export function evidenceOfSilence(came: number, least: number): number {
  return logMeanExp(BETS.map((bet) => came * Math.log(bet) + least * (1 - bet)));
}

/** The least of what the last hour, the same hour of the day before and its own minutes lately make due. */
function dueAt({ lately, hours }: Past, elapsed: number, level: readonly number[]): number {
  const yesterday = hours[Math.floor(Math.max(0, elapsed) / (HOUR_MINUTES * WINDOW_MS)) % hours.length];
  return Math.min(
    lately,
    yesterday ?? Number.POSITIVE_INFINITY,
    level.length < MINUTES_MIN ? Number.POSITIVE_INFINITY : median(level),
  );
}

type Minutes = readonly (number | undefined)[];

const knownOf = (minutes: Minutes): number[] => minutes.filter((minute) => minute !== undefined);

/**
 * How far each of the `LENGTHS` in a row usually fell below the level of the minutes before them: the deepest fall, but for those that
 * are as rare as silence may be read into traffic that is only thin. So a few gaps of a day, be it that nobody called or that nothing
 * was counted, do not make all silence usual. Source: rank of the present stretch among those of the past, as in `usualWorst`.
 */
function usualFalls(minutes: Minutes, stretch: number): number[] {
  const levels = minutes.map((_, begin) => {
    const before = begin - 1 < LEVEL_MINUTES ? [] : minutes.slice(begin - 1 - LEVEL_MINUTES, begin - 1);
    return median(knownOf(before));
  });
  return LENGTHS.map((length) => {
    const deepest: number[] = [];
    for (const [begin, came] of sumsOf(minutes, length).entries()) {
      const due = (levels[begin] ?? 0) * length;
      if (due === 0 || came === undefined) continue;
      const nth = Math.floor((minutes.length - 1 - begin) / stretch);
      deepest[nth] = Math.min(1, came / due, deepest[nth] ?? 1);
    }
    // Stretches in which nothing was due say nothing.
    const falls = deepest.filter((fall) => fall !== undefined).sort((a, b) => a - b);
    return falls[Math.floor((falls.length + 1) / ONCE_IN)] ?? 1;
  });
}

function leastMedian(minutes: Minutes, from: number, to: number): number | null {
  const medians = [];
  for (let at = from; at < to; at++) {
    const around = knownOf(minutes.slice(Math.max(0, at - AROUND_MINUTES), at + AROUND_MINUTES + 1));
    if (around.length >= MINUTES_MIN) medians.push(median(around));
  }
  return medians.length === 0 ? null : Math.min(...medians);
}

/** The sum of each so many minutes in a row; undefined if one of them is not known. */
function sumsOf(minutes: Minutes, length: number): (number | undefined)[] {
  let [present, unknown] = [0, 0];
  const add = (minute: number | undefined, sign: 1 | -1) => {
    present += sign * (minute ?? 0);
    unknown += minute === undefined ? sign : 0;
  };
  return minutes.flatMap((minute, at) => {
    add(minute, 1);
    if (at >= length) add(minutes[at - length], -1);
    return at + 1 < length ? [] : [unknown > 0 ? undefined : present];
  });
}

const leastOf = (sums: readonly (number | undefined)[]): number =>
  sums.reduce<number>((least, sum) => Math.min(least, sum ?? least), Number.POSITIVE_INFINITY);

const totalsOf = (windows: readonly Window[]): ReadonlyMap<Instant, number> =>
  new Map(
    windows.map(({ start, canary, stable }) => [start, (canary?.total ?? 0) + (stable?.total ?? 0)] as const),
  );

const sumOf = (totals: ReadonlyMap<Instant, number>, minutes: readonly Instant[]): number =>
  minutes.reduce((all, start) => all + (totals.get(start) ?? 0), 0);

/** The starts of the minutes of a stretch, but for those of which nothing is known. */
function knownMinutes(unknown: Believed['unknown'], from: Instant, to: Instant): Instant[] {
  const minutes: Instant[] = [];
  for (let at = from; at < to; at += WINDOW_MS) if (!unknown.has(at)) minutes.push(at);
  return minutes;
}

function median(values: readonly number[]): number {
  const sorted = sortedFew(values);
  const middle = Math.floor(sorted.length / 2);
  const [below = 0, above = 0] = [sorted[middle - 1], sorted[middle]];
  return sorted.length % 2 === 1 ? above : (below + above) / 2;
}

/** Sorted by insertion: the fastest way for a dozen numbers, and an opening sorts thousands of dozens. */
function sortedFew(values: readonly number[]): number[] {
  const sorted: number[] = [];
  for (const value of values) {
    let at = sorted.length;
    for (; at > 0 && (sorted[at - 1] ?? value) > value; at--) sorted[at] = sorted[at - 1] ?? value;
    sorted[at] = value;
  }
  return sorted;
}

/** Whole minutes that the plan takes at its longest, verify included. */
function plannedMinutes({ plan }: Course['opening']): number {
  const seconds = plan.steps.reduce((all, step) => all + step.maxBakeSeconds, plan.verifySeconds);
  return Math.max(2, Math.ceil(seconds / 60));
}
