import type { Instant } from '../../units.ts';
import { FLOOR, THROTTLE_FLOOR } from '../evidence.ts';
import { mustShow, toleratedOdds, withOdds } from '../tolerance.ts';
import type { Count, WatchRule, Window } from '../types.ts';
import { sum } from '../windows.ts';

/** Counts of the user's own may be common on both versions, or nearly all bad, so that no number of times can be tolerated of them. */
export const isOfCommon = (
  rule: WatchRule,
): rule is WatchRule & { metric: `custom.${string}`; ratio: number } =>
  rule.metric.startsWith('custom.') && 'ratio' in rule;

/** The odds ratio that a rule tolerates of a canary beside a stable version of which the share `p` is bad. */
export function oddsOf(rule: WatchRule & { ratio: number }, p: number): number {
  return isOfCommon(rule) ? toleratedOdds(p, rule.ratio, rule.lost) : rule.ratio;
}

/** The share of bad ones that stable is taken to have by so many, never 0 or 1. */
export const likelyShare = ({ bad, total }: Count): number => (bad + 0.5) / (total + 1);

/** The share of bad ones that stable is taken to have at each start, by what it counted before that alone; asked in order. */
function shareBefore(windows: readonly Window[]): (start: Instant) => number {
  let at = 0;
  let stable: Count = { bad: 0, total: 0 };
  return (start) => {
    for (; at < windows.length; at++) {
      const window = windows[at];
      if (window === undefined || window.start >= start) break;
      stable = sum([stable, window.stable]);
    }
    return likelyShare(stable);
  };
}

/** The windows of a comparison with what is tolerated in each; as they are, if that is the same in all. Both lists are oldest first. */
export function withTolerated<W extends { start: Instant }>(
  rule: WatchRule,
  windows: readonly Window[],
  compared: readonly W[],
): (W & { w0?: number })[] {
  if (!isOfCommon(rule)) return [...compared];
  const shareAt = shareBefore(windows);
  return compared.map((window) => ({ ...window, w0: oddsOf(rule, shareAt(window.start)) }));
}

/** The same windows with the odds ratio from which on a canary is unsafe in each: at most `unsafe`, and no more than a step must be able to show. */
export function withUnsafe<W extends { start: Instant }>(
  rule: WatchRule,
  windows: readonly Window[],
  { counted, unsafe }: { counted: readonly W[]; unsafe: number },
): (W & { wm?: number })[] {
  if (!isOfCommon(rule)) return [...counted];
  const shareAt = shareBefore(windows);
  return counted.map((window) => {
    const p = shareAt(window.start);
    const shown = shareToShow(rule, p);
    return { ...window, wm: Math.min(unsafe, (shown * (1 - p)) / (p * (1 - shown))) };
  });
}

/** As many times stable's odds as a failure of its service has to show at least, and as what its rule tolerates. */
const FAR = 10;
const FAR_BEYOND = 2;

/** No share has to show only beyond so many times stable's odds. */
const FARTHEST = 100;

/** The share of bad requests of a canary that must not go unseen beside a stable version of which the share `p` is bad: far above what its rule tolerates, and below 1. */
export function shareToShow(rule: WatchRule, p: number): number {
  const floor = 'share' in rule ? rule.share : rule.metric === 'throttles' ? THROTTLE_FLOOR : FLOOR;
  const shown = mustShow(p, 'ratio' in rule ? rule.ratio : 1, floor, rule.lost);
  const most = withOdds(Math.max(p, floor), FARTHEST);
  if ('share' in rule || isOfCommon(rule)) return Math.min(shown, most);
  // What is tolerated of failures is a number of times at every share.
  return Math.max(Math.min(shown, most), withOdds(p, Math.max(FAR, FAR_BEYOND * rule.ratio)));
}
