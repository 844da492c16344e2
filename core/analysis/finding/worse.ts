import { verifyMinutesOf } from '../../plan/holdout.ts';
import { WINDOW_MS } from '../../units.ts';
import { number, percent } from '../../words.ts';
import { DOUBT_FLOOR, evidenceOfShare, FLOOR, SUSPICIOUS, THROTTLE_FLOOR, UNLIKE } from '../evidence.ts';
import { LATENCY_ODDS } from '../latency.ts';
import { isOfClients } from '../metrics.ts';
import { bestOf, boundOf, isShared, NO_FAILURE_PAST, outsideOutages, TYPICAL_PARTS } from '../past.ts';
import { guardShare, mostShare, withOdds } from '../tolerance.ts';
import type { Count, WatchRule, Window } from '../types.ts';
import { isLatency } from '../weights.ts';
import { sum } from '../windows.ts';
import { type Asked, type Sides, servesAlone, sides } from './asked.ts';
import { isOfCommon, oddsOf } from './tolerated.ts';

/** Counts that rise by themselves, with the load or with what clients ask for, so that stable beside the canary alone says what they mean. */
const isOfOthers = (metric: string) => metric === 'throttles' || isOfClients(metric);

/**
 * Why a canary is suspect by the evidence of all its answers together; undefined below the threshold. `least` is what is left of it
 * without the group that it rests on the most, `required` what would revert the release.
 */
export function suspicionOf(
  together: number,
  least = together,
  required = Number.POSITIVE_INFINITY,
): string | undefined {
  if (together >= required && least < required)
    return 'what speaks against it rests on one group of its answers, such as one customer or environment';
  return together >= SUSPICIOUS
    ? 'the canary looks worse than the rule allows, not yet conclusively'
    : undefined;
}

/**
 * Why a canary in verify is not proven, though nothing speaks against it: it fails more often than its target does in half of
 * the day's stretches, or than stable did on the whole, and stable beside it does not show that both do. Nothing tells then whether it
 * is the canary or what the target meets at times, so that it neither passes nor is in doubt.
 */
export function whyUnlike(asked: Asked, here: Sides, windows: readonly Window[]): string | undefined {
  const { rule, trial, target } = asked;
  if (!trial.isVerifying) return undefined;
  const calm = withoutOutages(asked, windows);
  const beside = { canary: here.canary, stable: sides(calm, calm).stable };
  if (servesAlone(asked) && evidenceBeyond(asked, beside, calm) >= SUSPICIOUS)
    return 'it fails more often than stable did, as this target does at times; nothing tells which it is';
  const typical = trial.opening.usual?.[target.name]?.[rule.metric]?.typical;
  if (!('ratio' in rule) || isLatency(rule.metric) || isOfOthers(rule.metric) || typical === undefined)
    return undefined;
  const since = calm.filter(({ start }) => start >= (trial.verifySince ?? Number.POSITIVE_INFINITY));
  const found = TYPICAL_PARTS.map((part, nth) => {
    const usual = typical[nth] ?? 1;
    const bound = boundOf(usual, {
      ratio: rule.ratio,
      oddsAt: (share) => oddsOf(rule, share),
      floor: DOUBT_FLOOR,
    });
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

/** The windows by which a canary that serves alone is judged: an outage that met stable before is over. */
export function withoutOutages({ trial, target, rule }: Asked, windows: readonly Window[]): Window[] {
  if (!('ratio' in rule) || isLatency(rule.metric)) return [...windows];
  const past = trial.opening.usual?.[target.name]?.[rule.metric] ?? NO_FAILURE_PAST;
  const verifyMinutes = verifyMinutesOf(trial.opening.plan);
  return outsideOutages(past, windows, { ratio: rule.ratio, verifyMinutes, burst: target.traits.burst });
}

/**
 * Log evidence that a canary fails more than stable ever did, which makes it suspect if stable has too little traffic left to be
 * compared with. If stable surely does as badly beside it, the cause is external, which excuses no minute in which stable surely did
 * better. It has no control, so it reverts nothing.
 */
export function evidenceBeyond(
  { rule, target, step }: Asked,
  here: Sides,
  windows: readonly Window[],
): number {
  if ('share' in rule || isLatency(rule.metric) || isOfOthers(rule.metric)) return 0;
  const share = shareAlone(rule, sides(windows, windows).stable);
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

/** True if the canary does worse than the rule allows by what is least against it of two readings, one of which is short. */
export function isWorseAnyway({ rule, target, required }: Asked, ...readings: [Sides, Sides]): boolean {
  const shares = (side: 'canary' | 'stable') =>
    readings
      .map((each) => each[side])
      .sort((a, b) => a.bad * Math.max(1, b.total) - b.bad * Math.max(1, a.total));
  const [canary] = shares('canary') as [Count, Count];
  const [, stable] = shares('stable') as [Count, Count];
  return evidenceOfShare(canary, allowedShare(rule, stable), target.traits) >= required;
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
export function turnsAway(
  { rule, trial, target }: Asked,
  inStep: readonly Window[],
  windows: readonly Window[],
): string | undefined {
  if (rule.metric !== 'throttles' || !('ratio' in rule) || trial.isVerifying) return undefined;
  const raisedAt = trial.raisedAt ?? Number.POSITIVE_INFINITY;
  const past = sum(windows.filter(({ start }) => start + WINDOW_MS <= raisedAt).map(({ stable }) => stable));
  const share = Math.max(THROTTLE_FLOOR, allowedShare(rule, past));
  const present = sum(inStep.flatMap(({ canary, stable }) => [canary, stable]));
  return evidenceOfShare(present, share, target.traits) < SUSPICIOUS
    ? undefined
    : `${number(present.bad)} of ${number(present.total)} requests to both versions were throttled, and ${number(past.bad)} of ${number(past.total)} before the first raise`;
}

/** A peak of traffic throttles a good release too: without a control, only a canary that turns away this share of its requests is held to it. Assumed. */
const THROTTLED_ALONE = 0.25;

/** The share of bad requests that the canary may have after promotion: by that of stable before, times the rule in odds, and never less than the floor. */
export function shareAlone(rule: WatchRule, stable: Count): number {
  const floor = rule.metric === 'throttles' ? THROTTLED_ALONE : FLOOR;
  if (isOfCommon(rule)) return guardShare(stable, rule.ratio, floor, rule.lost);
  const share = allowedShare(rule, stable);
  return 'share' in rule ? share : Math.max(floor, share);
}

/** The largest share of slow requests that is allowed. */
const SLOW_MOST = 0.95;

/** The share of bad requests that a rule allows a canary beside these of stable; 0 if there are none. */
function allowedShare(rule: WatchRule, stable: Count): number {
  if ('share' in rule) return rule.share;
  if (stable.total === 0) return 0;
  const share = Math.min(stable.bad / stable.total, mostShare(stable));
  return isLatency(rule.metric)
    ? Math.min(SLOW_MOST, LATENCY_ODDS * share)
    : withOdds(share, oddsOf(rule, share));
}
