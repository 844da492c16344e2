import type { Hidden } from './models.ts';

/** True if an opening names this very harm as one that its plan does not find, whatever else it says. */
export function isSaid(outlook: readonly string[], hidden: Hidden): boolean {
  return outlook.some((line) => {
    if ('share' in hidden) return BLIND.test(line) || hidden.share < shareIn(line, UNFOUND);
    if ('above' in hidden) return hidden.above >= numberIn(line, ABOVE, Number.POSITIVE_INFINITY);
    if ('lost' in hidden) return LOST_ALL.test(line) || hidden.lost < shareIn(line, LOST);
    return LONG.test(line) && hidden.runsSeconds > 60 * numberIn(line, LONG, Number.POSITIVE_INFINITY);
  });
}

/** True if an outcome itself says that such harm is too small for any of its steps to find, so that what it calls proven does not deny it. */
export function isDisclaimed(reason: string, hidden: Hidden): boolean {
  return 'share' in hidden && (FOUND_NOTHING.test(reason) || hidden.share < shareIn(reason, NOT_FOUND));
}

const FOUND_NOTHING = /no step could find failures at the traffic of its opening/;
const NOT_FOUND = /no step finds a release that fails less than ([\d.]+) %/;
const BLIND = /this plan cannot see anything/;
const UNFOUND = /below ([\d.]+) % is not visible in any step/;
const ABOVE = /^not seen by this plan: .*harm that shows only above ([\d.]+) % of the traffic/;
const LOST_ALL = /uncounted losses of the canary's requests are not visible, however large/;
const LOST = /uncounted losses below ([\d.]+) % of the canary's requests are not visible/;
const LONG = /^not seen by this plan: .*requests that run longer than ([\d.]+) min/;

const numberIn = (line: string, pattern: RegExp, otherwise: number): number =>
  Number(pattern.exec(line)?.[1] ?? otherwise);

const shareIn = (line: string, pattern: RegExp): number => numberIn(line, pattern, 0) / 100;
