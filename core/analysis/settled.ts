import { type Instant, WINDOW_MS } from '../units.ts';
import { type Gauge, isGauge } from './packed.ts';
import type { Count, Level, ReadWindow, Series, SpreadWindow, Window } from './types.ts';

/** No function is called more often in a minute; a larger count is a counting fault. */
const COUNT_MAX = 1e9;

/** Reasons that are reported one by one; a verdict travels in the journal, whose items are limited. */
const REASONS_MAX = 5;

/** What can be believed of the minutes of one metric. */
export interface Believed {
  /** The known windows, oldest first. */
  windows: Window[];
  /** Minutes of which something was said and nothing is known, each with why: they are neither zero nor without data. */
  unknown: ReadonlyMap<Instant, string>;
  /** Why each of them is not used, in words. */
  skipped: string[];
}

/** What is believed of a metric that was not read. */
export const NOTHING: Believed = { windows: [], unknown: new Map(), skipped: [] };

/** What was read of one target, as every rule may use it: settled minutes alone, parted once into what can be believed and what cannot. A metric that was not read is absent. */
export type Settled = {
  readonly [Name in keyof Series]: Name extends 'latency'
    ? readonly SpreadWindow[]
    : Name extends Gauge
      ? readonly Level[]
      : Believed;
};

/** The settled part of what was read of one target; all of it if no end is given. */
export function settle(series: Series, to: Instant = Number.POSITIVE_INFINITY): Settled {
  const isSettled = ({ start }: { start: Instant }) => start + WINDOW_MS <= to;
  const of = (name: keyof Series) => {
    if (name === 'latency') return series.latency?.filter(isSettled);
    if (isGauge(name)) return levelsIn(series[name] ?? []).filter(isSettled);
    // What stands at no time is kept, so that it is reported.
    const read = (series[name] ?? []).filter((window) => isSettled(window) || Number.isNaN(window.start));
    return believable(name.startsWith('custom.') ? read.map(atMostAll) : read);
  };
  const names = (Object.keys(series) as (keyof Series)[]).filter((name) => series[name] !== undefined);
  return Object.fromEntries(names.map((name) => [name, of(name)])) as Settled;
}

/** The points that can be believed, oldest first. */
function levelsIn(read: readonly Level[]): Level[] {
  return read.filter(({ value }) => value >= 0 && Number.isFinite(value)).sort((a, b) => a.start - b.start);
}

/** Parts the windows that can be believed from those that cannot. */
export function believable(windows: readonly ReadWindow[]): Believed {
  const kept: Window[] = [];
  const unknown = new Map<Instant, string>();
  const skipped: string[] = [];
  const times = isRising(windows) ? undefined : timesOf(windows);
  let newest = Number.NEGATIVE_INFINITY;
  for (const window of windows) {
    const why = whyNotAt(window.start, times?.get(window.start) ?? 1, newest);
    if (Number.isFinite(window.start)) newest = Math.max(newest, window.start);
    if (why === undefined && window.unknown === undefined && whyNotCounted(window) === undefined) {
      kept.push(window);
      continue;
    }
    const minute = Math.floor(window.start / WINDOW_MS) * WINDOW_MS;
    if (window.unknown !== undefined && window.start === minute) unknown.set(minute, window.unknown);
    else if (!unknown.has(minute)) unknown.set(minute, 'its counts could not be used');
    const what = why ?? (window.unknown === undefined ? whyNotCounted(window) : window.unknown);
    skipped.push(`the window of ${clockTime(window.start)} is not used: ${what}`);
  }
  return { windows: kept, unknown, skipped: shortened([...new Set(skipped)]) };
}

/** True if each window is later than the one before it, as sources answer but for a fault: then none was given twice. */
const isRising = (windows: readonly ReadWindow[]): boolean =>
  windows.every(({ start }, at) => at === 0 || start > (windows[at - 1]?.start ?? start));

function timesOf(windows: readonly ReadWindow[]): ReadonlyMap<Instant, number> {
  const times = new Map<Instant, number>();
  for (const { start } of windows) times.set(start, (times.get(start) ?? 0) + 1);
  return times;
}

/** A canary of which more went wrong than was counted in all, as by a counter in a retry loop, failed all of it: its bad counts are never dropped. */
function atMostAll(window: ReadWindow): ReadWindow {
  if (window.unknown !== undefined || window.canary === undefined) return window;
  const { bad, total } = window.canary;
  return Number.isSafeInteger(bad) && total >= 0 && bad > total && bad <= COUNT_MAX
    ? { ...window, canary: { bad: total, total } }
    : window;
}

/** The windows of one metric that can be believed; none if it was not read. */
export function knownWindows(read: readonly ReadWindow[] | undefined): Window[] {
  return believable(read ?? []).windows;
}

/** The same of what was parted already. */
export const knownOf = (believed: Believed | undefined): readonly Window[] => believed?.windows ?? [];

function whyNotAt(start: Instant, times: number, newest: Instant): string | undefined {
  if (!Number.isSafeInteger(start) || start % WINDOW_MS !== 0) return 'it does not begin on a whole minute';
  if (times > 1) return 'it was given more than once';
  return start < newest ? 'it came after a later one' : undefined;
}

const whyNotCounted = ({ minutes = 1, canary, stable }: Window) =>
  whyNot('canary', canary, minutes) ?? whyNot('stable', stable, minutes);

function whyNot(side: 'canary' | 'stable', count: Count | undefined, minutes: number): string | undefined {
  if (count === undefined) return undefined;
  const { bad, total } = count;
  const most = COUNT_MAX * minutes;
  const isOdd = (value: number) => !Number.isSafeInteger(value) || value < 0 || value > most;
  const odd = isOdd(bad) ? bad : isOdd(total) ? total : undefined;
  if (odd !== undefined) return `${side} counts ${odd} requests, which is no count`;
  return bad > total ? `${side} counts ${bad} bad requests of ${total}` : undefined;
}

/** True if these counts can be parts of one. */
export function addsUpTo(parts: readonly Count[], { bad, total }: Count): boolean {
  const rest = parts.reduce((left, part) => ({ bad: left.bad - part.bad, total: left.total - part.total }), {
    bad,
    total,
  });
  return [...parts, rest].every(
    (part) => Number.isSafeInteger(part.bad) && part.bad >= 0 && part.bad <= part.total,
  );
}

function shortened(reasons: string[]): string[] {
  return reasons.length <= REASONS_MAX
    ? reasons
    : [...reasons.slice(0, REASONS_MAX), `and ${reasons.length - REASONS_MAX} more windows are not used`];
}

/** Hour and minute, UTC. */
function clockTime(at: Instant): string {
  if (!Number.isFinite(at)) return String(at);
  const minutes = (((Math.floor(at / WINDOW_MS) % 1440) + 1440) % 1440) | 0;
  const two = (value: number) => String(value).padStart(2, '0');
  return `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}
