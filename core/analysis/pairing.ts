import type { Instant } from '../units.ts';
import { metricsWith } from './metrics.ts';
import type { Limit, Metric, ReadWindow, Series, Window } from './types.ts';

/** What a source counted, by the beginning of each minute; minutes of which it says nothing are absent. */
type Counts = ReadonlyMap<Instant, number>;

/** The two counts of one version: what went wrong, and everything. */
export interface Pair {
  bad: Counts;
  total: Counts;
}

/** As much as was due in a minute cannot have come to nothing: chance explains it once in e^20. */
export const EXPECTED_MIN = 20;

/** Counts of which both are sent with each request, 0 included. */
const SENT_TOGETHER: readonly string[] = [
  ...metricsWith(({ isSentTogether }) => isSentTogether),
  'batchFailures',
];

/**
 * Puts the counts of both versions together, window by window, oldest first. A window of which either version was counted by
 * half is unknown: requests without their failures would read as health, and failures without their requests as a version
 * that got none.
 */
export function pairedWindows(
  metric: Metric | Limit,
  { canary, stable }: Record<'canary' | 'stable', Pair>,
): ReadWindow[] {
  // A throttled request is counted as nothing else, so its minute may have no other, and both are added up.
  if (metric === 'throttles' || metric === 'traffic')
    return together({ canary: added(canary), stable: added(stable) });
  const isSent = SENT_TOGETHER.includes(metric);
  // A release that no longer sends what stable sends with each request has not got better by that.
  const like = canary.bad.size === 0 ? stable.bad : canary.bad;
  const halves = new Map([
    ...halvesOf(stable, isSent, stable.bad).map((start) => [start, 'stable'] as const),
    ...halvesOf(canary, isSent, like).map((start) => [start, 'the canary'] as const),
  ]);
  const told = together({ canary, stable });
  if (halves.size === 0) return told;
  const whole = told.filter(({ start }) => !halves.has(start));
  const unknown = [...halves].map(([start, side]) => ({ start, unknown: `${side} was counted by half` }));
  return [...whole, ...unknown].sort((a, b) => a.start - b.start);
}

function added({ bad, total }: Pair): Pair {
  const sums = new Map(total);
  for (const [start, count] of bad) sums.set(start, (sums.get(start) ?? 0) + count);
  return { bad, total: sums };
}

function together({ canary, stable }: Record<'canary' | 'stable', Pair>): Window[] {
  const windows: Window[] = [];
  for (const [start, total] of canary.total)
    windows.push({ start, canary: { bad: canary.bad.get(start) ?? 0, total } });
  const known = new Map(windows.map((window) => [window.start, window]));
  for (const [start, total] of stable.total) {
    const count = { bad: stable.bad.get(start) ?? 0, total };
    const beside = known.get(start);
    if (beside === undefined) windows.push({ start, stable: count });
    else beside.stable = count;
  }
  return windows.sort((a, b) => a.start - b.start);
}

/**
 * The minutes that have one of the two counts, and were due the other. Many systems send a bad count only when something went
 * wrong; that others send it always shows in a 0 of it, or in gaps that chance does not explain: each by itself, or all together.
 */
function halvesOf({ bad, total }: Pair, isSent: boolean, like: Counts): Instant[] {
  const without = (counts: Counts, other: Counts) => [...counts.keys()].filter((start) => !other.has(start));
  const lone = [...without(total, bad), ...without(bad, total)];
  if (lone.length === 0) return [];
  const told = [...total.keys()].filter((start) => bad.has(start));
  const sum = (counts: Counts) => told.reduce((all, start) => all + (counts.get(start) ?? 0), 0);
  const share = told.length === 0 ? 0 : sum(bad) / Math.max(1, sum(total));
  const due = (start: Instant) => share * (total.get(start) ?? 0);
  // That just these minutes of all have none: chance has as many choices for each of them as there are minutes (union bound).
  const gaps = lone.reduce(
    (all, start) => all + Math.max(0, due(start) - Math.log(told.length + lone.length)),
    0,
  );
  const isAlways = isSent || gaps >= EXPECTED_MIN || [...like.values()].includes(0);
  return lone.filter((start) => isAlways || due(start) >= EXPECTED_MIN);
}

/** Parts of a reading, one after the other; all have the same members. */
export function joined(parts: readonly Series[]): Series {
  const names = Object.keys(parts[0] ?? {}) as (keyof Series)[];
  return Object.fromEntries(names.map((name) => [name, parts.flatMap((part) => part[name] as ReadWindow[])]));
}
