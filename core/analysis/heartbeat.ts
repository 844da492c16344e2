import { type Instant, WINDOW_MS } from '../units.ts';

/**
 * Newest windows in which one version's counts may still be on their way: until they are older, a canary that is not seen
 * is broken and not guilty. Assumed; a canary that swallows every request is found about three minutes after them.
 */
export const LATE_WINDOWS = 10;

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
