import { verifyMinutesOf } from '../plan/holdout.ts';
import type { Target } from '../target.ts';
import { type Instant, WINDOW_MS } from '../units.ts';
import { duration, number, percent } from '../words.ts';
import { DOUBT_FLOOR, FLOOR, REFUSED_FLOOR, THROTTLE_FLOOR } from './evidence.ts';
import { oddsOf } from './finding/tolerated.ts';
import { isOfClients } from './metrics.ts';
import {
  boundsOf,
  doubtOf,
  type Doubt as Found,
  isOutage,
  NO_FAILURE_PAST,
  OUTAGE_LEAST,
  outsideOutages,
  ownWorstOf,
  steadyDoubtOf,
} from './past.ts';
import type { Believed } from './settled.ts';
import { LOOK_MINUTES } from './silence.ts';
import type { Trial } from './trial.ts';
import type { Doubt, WatchRule, Window } from './types.ts';
import { isLatency } from './weights.ts';
import { sum } from './windows.ts';

/** Fewest minutes of steady harm where no recall can answer the doubt: no single outage fills most of them. Assumed. */
const STEADY_ALONE = 10;

/** Minutes at a recall's weight in which doubt must be over before it ends. */
const CALM_MINUTES = 2;

/** Newest minutes that are asked again, since their counts may have come late; a recall answers for all before it. */
const AGAIN_MINUTES = 10;

/**
 * Whether a target fails in a way that it never did in the day before nor beside the canary; undefined if it does not. Both versions
 * are counted together, so it says that something is wrong and not who is to blame.
 * @param believed known counts of the rule, oldest first, and the minutes of which nothing is known; `to` is the end of the newest settled minute
 */
export function doubtAbout(
  trial: Trial,
  { target, rule }: { target: Target; rule: WatchRule },
  { windows, unknown }: Pick<Believed, 'windows' | 'unknown'>,
  to: Instant,
): Doubt | undefined {
  const { opening, recall, recalls, moves, raisedAt, verdict } = trial;
  const since = recall === undefined ? Math.max(moves.at(-1) ?? 0, recalls?.at(-1)?.to ?? 0) : recall.since;
  if (!('ratio' in rule) || isLatency(rule.metric) || since === undefined || !trial.isVerifying)
    return undefined;
  const past = opening.usual?.[target.name]?.[rule.metric] ?? NO_FAILURE_PAST;
  const isThrottled = rule.metric === 'throttles';
  const isRefused = isOfClients(rule.metric);
  const from = to - LOOK_MINUTES * WINDOW_MS;
  // The versions share their function's concurrency, so that stable throttled beside the canary excuses nothing.
  const until = isThrottled ? (raisedAt ?? to) : to;
  const mine = windows.filter(({ start }) => start >= from && start + WINDOW_MS <= until);
  const own = ownWorstOf(past, mine);
  const tolerated = {
    ratio: rule.ratio,
    oddsAt: (share: number) => oddsOf(rule, share),
    floor: isThrottled ? THROTTLE_FLOOR : isRefused ? REFUSED_FLOOR : DOUBT_FLOOR,
  };
  const verifyMinutes = verifyMinutesOf(opening.plan);
  const asked = { since, to, verifyMinutes, burst: target.traits.burst };
  const looked = lookedTo(trial, target.name) ?? since;
  const missed = verdict === undefined ? 1 : Math.max(1, Math.round((to - looked) / WINDOW_MS));
  const newest =
    recall !== undefined ? CALM_MINUTES : trial.canRecall ? Math.max(AGAIN_MINUTES, missed) : missed;
  const isSteadyAsked = recall === undefined && !isThrottled && !isRefused;
  const fewest = trial.canRecall ? undefined : STEADY_ALONE;
  const found =
    doubtOf(windows, boundsOf(past, own, tolerated), {
      ...asked,
      ...(recall === undefined ? {} : { lengths: [1] }),
      newest: Math.min(LOOK_MINUTES, newest),
    }) ??
    (isSteadyAsked
      ? steadyDoubtOf(past, outsideOutages(past, mine, { ...asked, ratio: rule.ratio }), {
          ...asked,
          ...tolerated,
          fewest,
        })
      : undefined);
  // What is not known of a recall's last minutes is not calm, nor are the minutes since a doubt or an outage that no recall answers.
  const by = { target: target.name, metric: rule.metric };
  const before = verdict?.doubt;
  const isMine = before?.by?.target === by.target && before.by.metric === by.metric;
  const isOpen = recall === undefined && isMine && (!trial.canRecall || before.isOutage === true);
  const isLost =
    recall !== undefined
      ? minutesBack(to, CALM_MINUTES).some((start) => unknown.has(start))
      : isOpen && !minutesBack(to, missed).some((start) => windows.some((window) => window.start === start));
  if (found === undefined && isLost)
    return {
      by,
      reason: `${rule.metric}: nothing is known of the last minutes of ${target.name}, so that nothing shows whether the doubt is over`,
      ...(isOpen && before.isOutage === true ? { isOutage: true } : {}),
    };
  if (found === undefined && isUnanswered(recall, by, windows, to))
    return {
      by,
      reason: `${rule.metric}: no requests came to both versions of ${target.name} since the canary went back, so that nothing was compared`,
    };
  // A flood of refused requests may last, and speaks against no release by itself.
  if (found === undefined && isRefused) return undefined;
  if (found === undefined) {
    // Nothing else tells an outage that goes on from a canary that fails as much once it serves alone.
    const large = { ...tolerated, floor: OUTAGE_LEAST };
    const present = windows.filter(({ start }) => start >= since);
    const outage =
      doubtOf(windows, boundsOf(past, [], large), { ...asked, lengths: [1], newest: CALM_MINUTES }) ??
      (isSteadyAsked && trial.canRecall
        ? steadyDoubtOf(past, present, { ...asked, ...large, fewest: 1 })
        : undefined);
    return (
      outage && {
        by,
        reason: `${rule.metric}: ${number(outage.bad)} of ${number(outage.total)} requests to both versions failed in ${whenOf(outage)}, as stable did beside the canary before; verify continues until that outage is over`,
        isOutage: true,
      }
    );
  }
  const { bad, total, bound } = found;
  // It reverts, so that what is never held against a release is none.
  const floor = Math.max(FLOOR, tolerated.floor);
  const isSure =
    !trial.canRecall && !isRefused && isOutage(past, own, windows, { ...asked, ...tolerated, floor });
  return {
    by,
    reason: `${rule.metric}: ${number(bad)} of ${number(total)} requests to both versions ${isThrottled ? 'were throttled' : isRefused ? 'were refused' : 'failed'} in ${whenOf(found)}, and up to ${percent(bound)} is usual for ${target.name}`,
    ...(isSure ? { isSure } : {}),
  };
}

const whenOf = ({ minutes, best }: Found) =>
  best === undefined ? duration(minutes * 60) : `the best ${best} of ${minutes} minutes`;

/** True for the rule that ordered a recall in which one of the versions has had no request: if nothing was compared, nothing speaks for the canary either. */
function isUnanswered(
  recall: Trial['recall'],
  { target, metric }: NonNullable<Doubt['by']>,
  windows: readonly Window[],
  to: Instant,
): boolean {
  const { since = to, by } = recall ?? {};
  if (to < since + WINDOW_MS || by?.target !== target || by.metric !== metric) return false;
  const within = windows.filter(({ start }) => start >= since);
  return (['canary', 'stable'] as const).some((side) => sum(within.map((each) => each[side])).total === 0);
}

/** The end of the newest minute of a target that the look before this one knew: requests that hang are counted when they end, many minutes late. Undefined if it knew none. */
function lookedTo({ verdict }: Trial, name: string): Instant | undefined {
  const arrived = verdict?.findings.find(({ metric, target }) => metric === 'traffic' && target === name);
  if (verdict === undefined || arrived === undefined) return verdict?.to;
  return arrived.newest === undefined ? undefined : Math.min(verdict.to, arrived.newest + WINDOW_MS);
}

/** The starts of so many minutes before `to`. */
const minutesBack = (to: Instant, length: number): Instant[] =>
  Array.from({ length }, (_, back) => to - (back + 1) * WINDOW_MS);
