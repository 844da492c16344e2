import { type Instant, type Percent, WINDOW_MS } from '../units.ts';
import { EXPECTED_MIN } from './pairing.ts';
import type { ReadWindow } from './types.ts';
import { knownWindows, sum } from './windows.ts';

/** Minutes in a row without one version's counts from which on the canary waits for them at the weight of the first step. Assumed. */
const WAITS_MINUTES = 3;

/** Where the newest counts of a target are: `here`, `late` with those of the whole region, or `gone` while others' come. */
export type Whereabouts = 'here' | 'late' | 'gone';

/**
 * Whether counts that are missing are late for everybody. The controller itself runs each minute, so the region's invocations
 * never stop; those of a target do if nobody calls it, if it is not counted, or if it is late alone.
 * @param newest starts of the newest minutes with a count: of the region's functions together, and of the target; absent if there is none
 * @param to end of the newest minute whose counts should have come; minutes from there on are in the future and prove nothing
 * Assumed: CloudWatch counts a region's functions together no later than each of them.
 */
export function lateOrGone(
  newest: { region?: Instant | undefined; target?: Instant | undefined },
  to: Instant,
): Whereabouts {
  const last = to - WINDOW_MS;
  const [region, target] = [startOf(newest.region, last), startOf(newest.target, last)];
  if (target >= last) return 'here';
  return region > target ? 'gone' : 'late';
}

/** The end of the newest minute up to which a missing count means that nothing was counted, and not that it is late. */
export function heardUntil(region: Instant | undefined, to: Instant): Instant {
  return Math.min(to, startOf(region, to - WINDOW_MS) + WINDOW_MS);
}

/** The start of a minute that has settled; the past without end if there is none. */
function startOf(newest: Instant | undefined, last: Instant): Instant {
  return newest === undefined || Number.isNaN(newest)
    ? Number.NEGATIVE_INFINITY
    : Math.min(last, Math.floor(newest / WINDOW_MS) * WINDOW_MS);
}

/** Newest minutes in which one version's counts are missing, though the other's are there and many were due. */
export interface OneSided {
  side: 'canary' | 'stable';
  /** How many in a row. */
  minutes: number;
  /** Requests that were due at it. */
  due: number;
}

/**
 * Which version is missing in the newest minutes; undefined if none is, or if chance may explain it. It may be late or it may lose
 * its requests: this alone is no evidence.
 * @param asked `weight` is the canary's since `since`, whose own minute is left out; `to` is the end of the newest settled minute
 */
export function oneSidedOf(
  windows: readonly ReadWindow[],
  { since, to, weight }: { since: Instant; to: Instant; weight: Percent },
): OneSided | undefined {
  const present = knownWindows(windows).filter(({ start }) => start >= since && start + WINDOW_MS <= to);
  for (const [side, other, part] of [
    ['canary', 'stable', weight],
    ['stable', 'canary', 100 - weight],
  ] as const) {
    const last = present.findLastIndex((window) => (window[side]?.total ?? 0) > 0);
    const silent = present.slice(last + 1);
    const first = silent[0]?.start ?? to;
    const due = (sum(silent.map((window) => window[other])).total * part) / Math.max(1, 100 - part);
    if (due >= EXPECTED_MIN) return { side, minutes: (to - first) / WINDOW_MS, due: Math.round(due) };
  }
  return undefined;
}

/** True if so many minutes are missing that the canary waits for them at the weight of its first step, where fewer users meet it. */
export function isAwaited({ minutes }: OneSided): boolean {
  return minutes >= WAITS_MINUTES;
}
