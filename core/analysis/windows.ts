import { type Instant, type Percent, WINDOW_MS } from '../units.ts';
import { logEStarved, type MovedWindow } from './evalue.ts';
import { SUSPICIOUS } from './evidence.ts';
import type { Course } from './trial.ts';
import type { Count, Window } from './types.ts';

/** How far back a tick reads: the history of stable that stands in as control after promotion, and says what is slow. */
export const HISTORY_MS = 15 * WINDOW_MS;

/** The end of the newest window whose data is complete at `now`. */
export function settledUntil({ opening }: Course, now: Instant): Instant {
  return Math.floor((now - opening.settleSeconds * 1000) / WINDOW_MS) * WINDOW_MS;
}

/** The first minute that a tick at `now` reads: those before it are folded, or from before the history of stable. */
export function readSince({ folded, raisedAt }: Course, now: Instant): Instant {
  return folded?.end ?? Math.floor((raisedAt ?? now) / WINDOW_MS) * WINDOW_MS - HISTORY_MS;
}

/** True if traffic moved while the window was open, its very start included. */
export function isMoved({ moves }: Course, { start }: { start: Instant }): boolean {
  return moves.some((at) => at >= start && at < start + WINDOW_MS);
}

/** True if the canary served alone in any part of a minute, or may have: what stable did in it is no control. */
export function isAlone({ alone = [] }: Course, { start }: { start: Instant }): boolean {
  return alone.some(({ from, to = Number.POSITIVE_INFINITY }) => start + WINDOW_MS > from && start < to);
}

/**
 * From when on all that is counted of the canary is this rollout's: from the minute of its first raise on, or from the next one if
 * the version may have had traffic at the beginning of that minute, as by an earlier attempt.
 */
export function ownSince(
  { opening, moves }: Course,
  windows: readonly Window[],
  raisedAt: Instant = moves[0] ?? Number.POSITIVE_INFINITY,
): Instant {
  const minute = Math.floor(raisedAt / WINDOW_MS) * WINDOW_MS;
  const isBefore = opening.attempt > 1 || windows.some((window) => isServed(window, minute - WINDOW_MS));
  return isBefore && raisedAt > minute ? minute + WINDOW_MS : minute;
}

/** Least share of a minute's requests that is traffic, in percent: less may be smoke tests. Assumed. */
const SERVED_PERCENT = 1;

const isServed = ({ start, canary, stable }: Window, minute: Instant): boolean => {
  const served = canary?.total ?? 0;
  return start === minute && served > 0 && served * 100 >= SERVED_PERCENT * (served + (stable?.total ?? 0));
};

/** The counts of both versions in one window, with what the weight says of them if traffic moved in it. */
export type ComparedWindow = MovedWindow & { start: Instant };

/**
 * The windows in which both versions met the same minutes: since the first raise, never alone, with requests on both sides. Of `late`,
 * the target's minutes whose counts may not all be there, one in which traffic moved is left out if counts of stable are missing.
 */
export function comparedWindows(
  trial: Course,
  windows: readonly Window[],
  late?: { target: string; from: Instant },
): ComparedWindow[] {
  const first = ownSince(trial, windows);
  return windows.flatMap((window, at) => {
    const { start, canary, stable } = window;
    if (start < first || isAlone(trial, window)) return [];
    if (canary === undefined || stable === undefined || canary.total === 0 || stable.total === 0) return [];
    const counts = { start, c: canary.bad, nc: canary.total, s: stable.bad, ns: stable.total };
    if (!isMoved(trial, window)) return [counts];
    if (late !== undefined && start >= late.from && isStableShort(trial, late.target, windows, at)) return [];
    const realised = counts.nc / (counts.nc + counts.ns);
    return [{ ...counts, share: Math.max(realised, weightAtMost(trial, start) / 100) }];
  });
}

/** Odds of reaching the canary above what the weight says that are tolerated, and those that are bet on. Assumed. */
export const CROWDED = { tau: 1.1, grid: [1.25, 2, 4, 10] };

/**
 * True if counts of stable are missing in a minute in which traffic moved, by itself or by the whole minutes beside it. A minute of one
 * weight compares what both versions failed of what is counted; here the weight only bounds the canary's part of the failures
 * if the counts of both sides are there.
 */
function isStableShort(trial: Course, target: string, windows: readonly Window[], at: number): boolean {
  const beside = [
    windows.slice(0, at).findLast((window) => !isMoved(trial, window)),
    windows[at],
    windows.slice(at + 1).find((window) => !isMoved(trial, window)),
  ];
  return beside.some((window) => {
    if (window === undefined) return false;
    const { start, canary, stable } = window;
    const weight = isMoved(trial, window)
      ? meanWeightAtMost(trial, target, start)
      : (weightIn(trial, target, start) ?? 100);
    const counted = { nc: stable?.total ?? 0, ns: canary?.total ?? 0 };
    return logEStarved({ windows: [counted], w: 1 - weight / 100, ...CROWDED }) >= SUSPICIOUS;
  });
}

/** The weight that stood throughout a minute; undefined if none did. */
function weightIn(
  { stood = [], moves, traffic }: Course,
  target: string,
  start: Instant,
): Percent | undefined {
  const stretch = stood.find(({ from, until }) => from <= start && start + WINDOW_MS <= until);
  if (stretch !== undefined) return stretch.weight;
  return start >= (moves.at(-1) ?? Number.POSITIVE_INFINITY) ? traffic[target]?.weight : undefined;
}

/** The largest weight that any target can have had in a minute in which traffic moved. */
function weightAtMost({ moves, heights = moves.map(() => 100) }: Course, start: Instant): Percent {
  const within = moves.map((at) => at >= start && at < start + WINDOW_MS);
  return Math.max(0, ...heights.filter((_, nth) => within[nth]));
}

/** How far a move takes effect from when it was recorded, at most; one that is further off only delays what its minute says. Assumed. */
const MOVING_MS = 5_000;

/**
 * The largest mean that the weight of a target can have had over a minute in which traffic moved: up to the first of the moves what
 * stood before, if nothing moved in between, and from the last on what stood after, as far as either is known.
 */
function meanWeightAtMost(trial: Course, target: string, start: Instant): Percent {
  const { moves, stood = [], traffic, stepSince, recall } = trial;
  const most = weightAtMost(trial, start);
  const end = start + WINDOW_MS;
  const first = moves.find((at) => at >= start) ?? start;
  const since = recall === undefined ? stepSince : recall.since;
  const present = since === undefined ? [] : [{ weight: traffic[target]?.weight ?? most, from: since }];
  const stretches = [{ weight: 0, from: Number.NEGATIVE_INFINITY }, ...stood, ...present];
  const before = stretches.findLast(({ from }) => from < first);
  const isBefore = before !== undefined && !moves.some((at) => at > before.from && at < first);
  const after = stretches.findLast(({ from }) => from >= first && from < end);
  const less = ({ weight }: { weight: Percent }, ms: number) =>
    ((most - weight) * Math.max(0, ms)) / WINDOW_MS;
  return (
    most -
    (isBefore ? less(before, first - MOVING_MS - start) : 0) -
    (after === undefined ? 0 : less(after, end - after.from - MOVING_MS))
  );
}

/** How many minutes windows stand for. */
export function minutesOf(windows: readonly Pick<Window, 'minutes'>[]): number {
  return windows.reduce((all, { minutes = 1 }) => all + minutes, 0);
}

/** All counts of one side together. */
export function sum(counts: readonly (Count | undefined)[]): Count {
  return counts.reduce<Count>(
    (total, count) => ({
      bad: total.bad + (count?.bad ?? 0),
      total: total.total + (count?.total ?? 0),
    }),
    { bad: 0, total: 0 },
  );
}
