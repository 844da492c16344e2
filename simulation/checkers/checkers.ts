import { isDeepStrictEqual } from 'node:util';
import { type Actor, isPlans } from '../../core/rollout/actor.ts';
import type { RolloutEvent } from '../../core/rollout/event.ts';
import { isSameToken, tokenText } from '../../core/rollout/fencing-token.ts';
import { fold, type Rollout } from '../../core/rollout/state.ts';
import type { Target } from '../../core/target.ts';
import { type Instant, type Percent, WINDOW_MS } from '../../core/units.ts';
import type { Met } from '../../local/witness.ts';
import type { Append, MetWindow, Run } from '../recording.ts';
import {
  abortActs,
  bakeSurvivesTakeover,
  blameHasEvidence,
  brokenIsBounded,
  everyRaiseConditional,
  gatesHeld,
  goingBackArrives,
  goodNeverBlamed,
  lostRoutingLandsOnStable,
  quarantineHolds,
  reasonsAreWords,
  redBeforeNeverBlames,
  revertedToWhatServed,
  shiftedMeansStands,
  stablePinned,
  suspicionHolds,
  unverifiedApprovesNothing,
  waitsEnd,
} from './incidents.ts';
import { historyNeverReverts, recallEnds, segmentsOnlyRise, stillDue, weightsOnlyRise } from './recalls.ts';
import {
  arriving,
  type Checker,
  type Fault,
  hasNoWayBack,
  isGivenByOthers,
  isKept,
  isStuck,
  LEAVING,
  type Limits,
  lastOwn,
  metBy,
  ownWritesTo,
  perRollout,
  recallAt,
  shareOf,
  standingAt,
  sureApproversOf,
  those,
  type View,
  views,
} from './view.ts';
import {
  answersAreTrue,
  everyTransitionTold,
  linksOnlyStop,
  nothingWaitsForVoices,
  toldOnceEach,
} from './voices.ts';

export type { Limits } from './view.ts';

export interface Violation {
  /** Name of the checker. */
  promise: string;
  at: Instant;
  what: string;
}

/** Every promise that was broken in a run; empty is what a run has to be. */
export function check(run: Run, limits: Limits = {}): Violation[] {
  const all = { tickMs: 120_000, outMs: 2_000, skewMs: 0, isGood: false, ...limits };
  return Object.entries(CHECKERS).flatMap(([promise, checker]) =>
    checker(run, all).map((fault) => ({ promise, ...fault })),
  );
}

/** Once a rollout's canary has to leave, no raise of it is announced; once it has left, none succeeds. */
const neverRaisedAfterLeaving = perRollout((view) => {
  const leaving = those(view, ...LEAVING)[0];
  const announced = those(view, 'ShiftIntended')
    .filter(({ index }) => leaving !== undefined && index > leaving.index)
    .map(({ at, event }) => ({ at, what: `announced ${event.weight} % although it was leaving` }));
  const left = those(view, 'Reverted', 'RolloutClosed')[0]?.index ?? Number.POSITIVE_INFINITY;
  const raised = view.raises
    .filter(
      (raise) =>
        raise.index > left ||
        view.writes.some(
          ({ key, by, index }) =>
            key === raise.key &&
            by?.rolloutId === view.id &&
            !by.open &&
            index < raise.index &&
            !isWrittenOver(view, key, index, raise.index),
        ),
    )
    .map(({ at, target, to }) => ({ at, what: `${target.name} was raised to ${to} % after its revert` }));
  return [...announced, ...raised];
});

/** True if somebody else wrote to a target between two entries, and with that took away the token that stood there. */
const isWrittenOver = ({ id, writes }: View, key: string, from: number, to: number): boolean =>
  writes.some(
    (write) => write.key === key && write.index > from && write.index < to && write.by?.rolloutId !== id,
  );

/** Nothing is raised, nor lowered in a recall, that the journal did not announce before: target, weight and token. */
const everyRaiseAnnounced = perRollout((view) =>
  view.opens
    .filter(({ from, to }) => from !== to)
    .filter(
      (raise) =>
        !those(view, 'ShiftIntended').some(
          ({ index, event }) =>
            index < raise.index &&
            event.target === raise.target.name &&
            event.weight === raise.to &&
            isSameToken(event.token, raise.by),
        ),
    )
    .map(({ at, target, to, by }) => ({
      at,
      what: `${target.name} was moved to ${to} % under "${tokenText(by)}", which was never announced`,
    })),
);

/** A smoke test or other hook before traffic has passed before the first request of a user, or the plan or a person let the release by without its word. */
const hooksBeforeTraffic = perRollout((view) => {
  const first = view.raises[0];
  if (first === undefined) return [];
  return view.opening.hooks
    .filter(({ point }) => point === 'beforeTraffic')
    .filter(({ id, onBroken }) => {
      const answer = those(view, 'HookAnswered').findLast(
        ({ index, event }) => index < first.index && event.hook === id,
      );
      const last = answer?.event.status;
      // Only a person's command counts, given in the knowledge of the answer.
      const isOrdered = those(view, 'PromotionOrdered').some(
        ({ index, event }) => index > (answer?.index ?? 0) && index < first.index && !isPlans(event.by),
      );
      if (last === 'broken') return !isOrdered && onBroken !== 'ignore';
      if (last === 'inconclusive') return !isOrdered && view.opening.plan.onInconclusive !== 'promote';
      return last !== 'pass';
    })
    .map(({ id }) => ({ at: first.at, what: `was raised before ${id} had passed` }));
});

/**
 * A step is left on a pass that covers its whole bake, measured after traffic stood there, or on a command to promote. A holdout, whose
 * question is no longer whether the release may go on, is also left on an inconclusive verdict that has no doubt.
 */
const noRaiseWithoutVerdict = perRollout((view, _run, { skewMs }) => {
  const { steps } = view.opening.plan;
  const stepOf = (weight: Percent) =>
    weight === 100 ? steps.length : steps.findIndex((step) => step.weight === weight);
  let reached = -1;
  const intents = those(view, 'ShiftIntended').filter(({ index }) => recallAt(view, index) === undefined);
  return intents.flatMap(({ index, at, event }) => {
    const step = stepOf(event.weight);
    if (step <= reached) return [];
    const left = reached;
    reached = step;
    if (left === -1 && step === 0) return [];
    const since = intents.find((each) => stepOf(each.event.weight) === left)?.index ?? -1;
    const isOrdered = those(view, 'PromotionOrdered').some(
      (order) =>
        order.index < index &&
        (order.event.full || order.index > since || left === -1) &&
        isOrderedRightly(view, order),
    );
    if (isOrdered) return [];
    if (step !== left + 1) return [{ at, what: `went to ${event.weight} % past a step` }];
    const why = whyUnproven(view, index, steps[left], {
      skewMs,
      isEarly: view.opening.plan.promoteEarly === true,
    });
    return why === undefined ? [] : [{ at, what: `was raised to ${event.weight} % although ${why}` }];
  });
});

/** True for a command of a person, and for one that the plan gave by itself on an inconclusive verdict: a plan orders nothing on another one. */
const isOrderedRightly = (view: View, { index, event }: { index: number; event: { by: Actor } }): boolean =>
  !isPlans(event.by) ||
  those(view, 'Measured').findLast((each) => each.index <= index)?.event.verdict.status === 'inconclusive';

/** Why what was measured before an entry does not carry a step; undefined if it does. */
function whyUnproven(
  view: View,
  index: number,
  step: { weight: Percent; bakeSeconds: number; isHoldout?: boolean | undefined } | undefined,
  { skewMs, isEarly = false }: { skewMs: number; isEarly?: boolean },
): string | undefined {
  const verdict = those(view, 'Measured').findLast((each) => each.index < index)?.event.verdict;
  const since = step && ownWritesTo(view, step.weight, index).at(-1)?.at;
  if (verdict === undefined || since === undefined || step === undefined) return 'nothing was measured';
  const isUnproven =
    step.isHoldout === true && verdict.status === 'inconclusive' && verdict.doubt === undefined;
  if (verdict.status !== 'pass' && !isUnproven) return `its last verdict was ${verdict.status}`;
  const { weight, bakeSeconds: seconds } = step;
  const due = stillDue(view, { weight, seconds, index }) * 1000;
  const bake = Math.max(WINDOW_MS, Math.floor(due / WINDOW_MS) * WINDOW_MS);
  if (verdict.from < since - skewMs) return 'its verdict began before traffic stood there';
  if (isEarly && verdict.certified === true) return undefined;
  if (verdict.to - verdict.from < bake) return `its verdict covers ${(verdict.to - verdict.from) / 1000} s`;
  return undefined;
}

/** A step that waits for a number of canary requests is not left before as many were made, unless a person ordered it. */
const untilMeansMade = perRollout((view) => {
  const { steps } = view.opening.plan;
  const stepOf = (weight: Percent) =>
    weight === 100 ? steps.length : steps.findIndex((step) => step.weight === weight);
  const intents = those(view, 'ShiftIntended');
  return intents.flatMap(({ index, at, event, append }) => {
    const left = steps[stepOf(event.weight) - 1];
    const until = left?.untilRequests;
    const since = intents.find((each) => each.event.weight === left?.weight)?.index ?? -1;
    const isOrdered = those(view, 'PromotionOrdered').some(
      (order) =>
        order.index < index && (order.event.full || order.index > since) && isOrderedRightly(view, order),
    );
    if (until === undefined || isOrdered) return [];
    return view.opening.targets.flatMap((target) => {
      const made = metBy(append.met, target, target.canary)?.requests;
      const what = `left a step of ${until} canary requests for ${event.weight} % after ${made} on ${target.name}`;
      return made === undefined || made >= until ? [] : [{ at, what }];
    });
  });
});

/** A hook that answered "fail" last lets nothing be raised to a new weight and nothing complete, unless a person ordered it after that. */
const failedHookStops = perRollout((view) => {
  const intents = those(view, 'ShiftIntended');
  const isNew = ({ index, event }: (typeof intents)[number]) =>
    !intents.some((each) => each.index < index && each.event.weight === event.weight);
  const ends = [
    ...intents
      .filter(isNew)
      .map(({ index, at, event }) => ({ index, at, what: `was raised to ${event.weight} %` })),
    ...those(view, 'RolloutClosed')
      .filter(({ event }) => event.outcome === 'completed')
      .map(({ index, at }) => ({ index, at, what: 'completed' })),
  ];
  return ends.flatMap(({ index, at, what }): Fault[] =>
    view.opening.hooks.flatMap(({ id }) => {
      const last = those(view, 'HookAnswered').findLast(
        (each) => each.index < index && each.event.hook.split('@')[0] === id,
      );
      const isOrdered = those(view, 'PromotionOrdered').some(
        (order) => order.index < index && order.index > (last?.index ?? 0) && !isPlans(order.event.by),
      );
      return last?.event.status === 'fail' && !isOrdered
        ? [{ at, what: `${what} although ${id} failed` }]
        : [];
    }),
  );
});

/** A release that its owner called irreversible keeps the traffic that it has, unless a person orders the way back. */
const irreversibleHeld = perRollout((view) => {
  if (view.opening.reversible) return [];
  const ordered = those(view, 'RevertOrdered', 'Aborted').find(
    ({ event }) => event.type === 'Aborted' || event.cause === 'human',
  );
  return (
    view.writes
      // A person's abort writes its name into the token before the journal learns of it.
      .filter(({ by, from, to }) => by?.rolloutId === view.id && by.by === undefined && to < from)
      .filter(({ index }) => ordered === undefined || index < ordered.index)
      .map(({ at, target, from, to }) => ({
        at,
        what: `lowered ${target.name} from ${from} % to ${to} %, which is not reversible, and nobody ordered it`,
      }))
  );
});

/** A verdict speaks of windows that had ended, with time for their data to arrive, when it was given. */
const unsettledNeverJudged = perRollout((view, _run, { skewMs }) =>
  those(view, 'Measured')
    .filter(({ at, event: { verdict } }) => verdict.to > at + skewMs - view.opening.settleSeconds * 1000)
    .map(({ at, event: { verdict } }) => ({
      at,
      what: `judged up to ${new Date(verdict.to).toISOString()}, which had not settled`,
    })),
);

/** A pass rests on canary requests of each target, or on probes and says so, and on no more of either than there were. */
const zeroEvidenceNeverPasses = perRollout((view) =>
  those(view, 'Measured').flatMap(({ at, event: { verdict }, append }) => {
    if (verdict.status !== 'pass') return [];
    return view.opening.targets.flatMap((target) => {
      const { name, canary } = target;
      const own = verdict.findings.filter((finding) => finding.target === name);
      const samples = own.filter(({ metric }) => metric !== 'probes').map((finding) => finding.canary.total);
      const least = samples.length === 0 ? 0 : Math.min(...samples);
      const real = metBy(append.met, target, canary)?.requests;
      const probes = own.find(({ metric }) => metric === 'probes')?.canary.total ?? 0;
      if (least === 0 && (verdict.byProbes !== true || probes === 0))
        return [{ at, what: `passed ${name} without any request on the canary` }];
      if (real !== undefined && Math.max(...samples) > real)
        return [{ at, what: `passed ${name} on ${Math.max(...samples)} requests where ${real} were made` }];
      return [];
    });
  }),
);

/** Each probe counts once, however often its tick came: there are no more in the journal than were put to each version. */
const probesCountOnce = perRollout((view) =>
  view.opening.targets.flatMap(({ name, key, ...versions }) => {
    let counted = 0;
    return those(view, 'Measured').flatMap(({ at, event, append }) => {
      counted += event.probes?.[name]?.pairs ?? 0;
      return (['canary', 'stable'] as const).flatMap((side) => {
        const put = append.put[`${key}:${versions[side]}`] ?? 0;
        const what = `counted ${counted} probes of ${name} where ${put} were put to ${side}`;
        return counted <= put ? [] : [{ at, what }];
      });
    });
  }),
);

/** Requests of which a function that counts its answers has counted some. */
const COUNTED_FROM = 500;

/** Nothing is called proven of an HTTP target whose answers nobody counted, since an answer of 500 is no error to Lambda. */
const uncountedNeverProven = perRollout((view) => {
  const close = those(view, 'RolloutClosed').find(({ event }) => event.outcome === 'completed');
  if (close === undefined || !close.event.reason.startsWith('proven')) return [];
  const { met } = close.append;
  return view.opening.targets
    .filter(({ source }) => source === 'http')
    .flatMap((target) => {
      const { requests, counted } = metBy(met, target, target.canary) ?? { requests: 0, counted: 0 };
      const what = `says that ${target.name} was proven although none of its ${requests} answers was counted`;
      return requests >= COUNTED_FROM && counted === 0 ? [{ at: close.at, what }] : [];
    });
});

/** Whoever says "proven" left every step on a pass and verified with one. */
const provenMeansMeasured = perRollout((view, _run, { skewMs }) => {
  const close = those(view, 'RolloutClosed').find(({ event }) => event.outcome === 'completed');
  if (close === undefined || !close.event.reason.startsWith('proven')) return [];
  const { steps, verifySeconds } = view.opening.plan;
  if (steps.length === 0 || those(view, 'PromotionOrdered').length > 0)
    return [{ at: close.at, what: 'says that it was proven although it was promoted without evidence' }];
  // The end of a recall brings the canary back to a weight that it had earned before, and is followed by a verify of its own.
  const shifts = those(view, 'ShiftIntended');
  const rises = shifts.filter(
    ({ event }, nth) => event.weight > Math.max(0, ...shifts.slice(0, nth).map((each) => each.event.weight)),
  );
  const ends = [...rises.map(({ index }) => index), close.index];
  const isByProbes = ends.some(
    (end) => those(view, 'Measured').findLast(({ index }) => index < end)?.event.verdict.byProbes,
  );
  if (isByProbes && !close.event.reason.startsWith('proven by probes'))
    return [{ at: close.at, what: 'does not say that it was proven by probes' }];
  if (verifySeconds === 0) return [];
  const why = whyUnproven(view, close.index, { weight: 100, bakeSeconds: verifySeconds }, { skewMs });
  return why === undefined ? [] : [{ at: close.at, what: `says that it was proven although ${why}` }];
});

/** Share of failed requests that no release may complete with, beyond three times what stable fails; far above what chance explains. */
const SURELY_WORSE = 0.05;
/** Requests from which on it is counted. */
const SURELY_MANY = 500;
/** Share of the canary's requests that a verdict must have counted to be held to them. */
const MOSTLY = 0.9;
/** What is younger than this at the end may not have been measured yet. */
const UNSETTLED_MS = 4 * WINDOW_MS;

/**
 * Failures of the canary itself that nothing tells from an outage that both versions met in the same minutes: stable beside it failed
 * nearly as often, or had too few requests to tell. In minutes without an outage there are none.
 */
function maskedBy(
  { windows }: Run,
  { key, stable, canary }: Pick<Target, 'key' | 'stable' | 'canary'>,
  from: Instant,
  until: Instant,
): number {
  const beside = windows[`${key}:${stable}`];
  return [...(windows[`${key}:${canary}`] ?? [])]
    .filter(([start, { weather }]) => weather > 0 && start >= from && start + WINDOW_MS <= until)
    .reduce((sum, [start, { requests, failed, weather }]) => {
      const theirs = beside?.get(start);
      const bad = (theirs?.failed ?? 0) + (theirs?.weather ?? 0);
      const most = Math.min(1, (bad + CHANCE * Math.sqrt(bad + 1)) / Math.max(1, theirs?.requests ?? 0));
      const tolerated = (TOLERATED * most) / (1 - most + TOLERATED * most);
      const told = Math.max(0, failed + weather - tolerated * requests);
      return sum + Math.max(0, failed - told);
    }, 0);
}

/** Whoever orders a retry has seen what an earlier attempt did once it had completed; that attempt is no part of this one. */
const isRetry = ({ opening }: View): boolean => opening.attempt > 1 && opening.rollsBack === undefined;

/** Until when CloudWatch had surely shown what users met, when an entry was written: if it shows the whole region late, nobody can know more. */
const shownUntil = ({ at, append }: { at: Instant; append: Append }): Instant =>
  at - UNSETTLED_MS - append.regionLateMs;

/** No release completes whose users were met with failures that the other version did not have, once they could be measured: a person's own command to promote is the only excuse, given in full, or from the last step on. */
const worseNeverCompletes = perRollout((view, run) => {
  const close = those(view, 'RolloutClosed').find(({ event }) => event.outcome === 'completed');
  const last = view.opening.plan.steps.at(-1)?.weight ?? 100;
  const reached = those(view, 'ShiftIntended').find(({ event }) => event.weight === last)?.index;
  const isOrdered = those(view, 'PromotionOrdered').some(
    ({ index, event }) => !isPlans(event.by) && (event.full || (reached !== undefined && index > reached)),
  );
  // Who orders a rollback knows which of the two it wants; whether that one may serve is for `quarantineHolds`.
  if (close === undefined || isOrdered || view.opening.rollsBack !== undefined) return [];
  const until = shownUntil(close);
  const seen = view.happened.findLast(({ at }) => at <= until);
  const met = seen?.append.met ?? {};
  // What users met later is not in it, nor is any loss of theirs.
  const end = Math.ceil((seen?.at ?? 0) / WINDOW_MS) * WINDOW_MS;
  return view.opening.targets.flatMap((target) => {
    const { name, stable, canary } = target;
    const [all, theirs] = [metBy(met, target, canary), metBy(met, target, stable)];
    if (all === undefined || theirs === undefined) return [];
    const before = isRetry(view) ? metBy(view.happened[0]?.append.met ?? {}, target, canary) : undefined;
    const ours = {
      requests: all.requests - (before?.requests ?? 0),
      failed: all.failed - (before?.failed ?? 0),
    };
    // If requests stopped before, too, nothing tells those that are counted nowhere from those that nobody made.
    const isTold = isSteady(view, run, target, close.at) && isLossShown(view, run, target, until);
    const lost = isTold ? 0 : lostBy(run, target, end);
    const masked = maskedBy(run, target, 0, end);
    const unshown = unshownBy(view, run, target, { index: close.index, until });
    const requests = ours.requests - lost - unshown.requests;
    const failed = ours.failed - lost - masked - unshown.failed - allowedBy(view, target);
    const limit = Math.max(
      SURELY_WORSE + (3 * theirs.failed) / theirs.requests,
      usualAtOnce(view, run, target),
    );
    return requests < SURELY_MANY || failed / requests <= limit
      ? []
      : [{ at: close.at, what: `completed although ${failed} of ${requests} failed on ${name}` }];
  });
});

/**
 * What users met after the time that the plan verifies for, and that AWS counted only once the rollout could look no more. It is held
 * to all of that time, however late its counts are.
 */
function unshownBy(
  view: View,
  { late }: Run,
  { key, canary }: Pick<Target, 'key' | 'canary'>,
  { index, until }: { index: number; until: Instant },
): { requests: number; failed: number } {
  const seconds = view.opening.plan.verifySeconds;
  const promoted = ownWritesTo(view, 100, index).at(-1)?.at ?? Number.POSITIVE_INFINITY;
  const verified = promoted + (stillDue(view, { weight: 100, seconds, index }) * 1000 + WINDOW_MS);
  const unshown = (late[`${key}:${canary}`] ?? []).filter(
    ({ start, lateMs }) =>
      start >= verified && start + WINDOW_MS <= until && start + WINDOW_MS + lateMs > until,
  );
  const total = (of: 'requests' | 'failed') => unshown.reduce((sum, each) => sum + each[of], 0);
  return { requests: total('requests'), failed: total('failed') };
}

/** Messages and records that the file itself lets the canary hand back; nothing compares those of its batches with stable's. */
function allowedBy({ opening: { limits } }: View, { traits }: Target): number {
  const rule = limits.find(({ limit }) => limit === 'batchFailures');
  return traits.limits.batchFailures === undefined ? 0 : (rule?.max ?? 0);
}

/** Odds of failures beyond the usual ones that are still tolerated. */
const TOLERATED = 1.5;

/**
 * The share of failures that nothing tells from the weather in a plan without steps: it has no control but in a recall, which it says at
 * its opening, and its outcome is unproven. What stable itself did in its worst minute excuses as much; no excuse for a plan with steps.
 */
function usualAtOnce(
  { opening: { plan } }: View,
  run: Run,
  { key, stable }: Pick<Target, 'key' | 'stable'>,
): number {
  if (plan.steps.length > 0) return 0;
  const minutes = [...(run.windows[`${key}:${stable}`]?.values() ?? [])];
  const worst = Math.max(
    0,
    ...minutes.map(({ requests, failed, weather }) =>
      requests < TOLD_FROM ? 0 : (failed + weather) / requests,
    ),
  );
  return (TOLERATED * worst) / (1 - worst + TOLERATED * worst);
}

/** Requests in a minute from which on its share of failures is more than chance. */
const TOLD_FROM = 50;

/** How many times as often as the other version a part of a proven release may fail, and the deviations that chance may add. */
const PROVEN_TIMES = 3;
const CHANCE = 6;
/** Requests from which on a part of a proven release is held to them. */
const PROVEN_MANY = 200;

/**
 * Whoever says "proven" says it of the whole release: no version of it that users met fails surely more often than what
 * served before, whoever had put it there. A version that completed in an earlier rollout is that one's to answer for.
 */
const provenMeansWell = perRollout((view, run) => {
  const close = those(view, 'RolloutClosed').find(({ event }) => event.outcome === 'completed');
  if (close === undefined || !close.event.reason.startsWith('proven')) return [];
  const isAnswered = ({ key, canary }: Target) =>
    views(run).some((other) =>
      those(other, 'RolloutClosed').some(
        ({ index, event }) =>
          index < close.index &&
          event.outcome === 'completed' &&
          other.opening.targets.some(
            (target) => target.key === key && arriving(other, target) === canary && other !== view,
          ),
      ),
    );
  const { targets, unchanged = [] } = view.opening;
  const until = shownUntil(close);
  const since = isRetry(view) ? (view.happened[0]?.at ?? 0) : 0;
  return [...targets, ...unchanged.filter((target) => !isAnswered(target))].flatMap(
    ({ name, key, canary }) => {
      const own = `${key}:${canary}`;
      const minutesOf = (isOf: (version: string) => boolean) =>
        Object.entries(run.windows)
          .filter(([version]) => version.startsWith(`${key}:`) && isOf(version))
          .flatMap(([, windows]) => [...windows])
          .filter(([start]) => start >= since && start + WINDOW_MS <= until);
      const ours = minutesOf((version) => version === own);
      const others = minutesOf((version) => version !== own);
      const total = (minutes: typeof ours, of: 'requests' | 'failed') =>
        minutes.reduce((sum, [, met]) => sum + met[of], 0);
      const requests = total(ours, 'requests');
      if (requests < PROVEN_MANY || total(others, 'requests') === 0) return [];
      const share = (total(others, 'failed') + 1) / total(others, 'requests');
      // An outage that meets the other version in the same minute is no fault of this one.
      const beside = (start: Instant) => {
        const same = others.filter(([at]) => at === start);
        return Math.max(share, total(same, 'failed') / Math.max(1, total(same, 'requests')));
      };
      const usual = PROVEN_TIMES * ours.reduce((sum, [start, met]) => sum + met.requests * beside(start), 0);
      const failed = total(ours, 'failed');
      return failed <= usual + CHANCE * Math.sqrt(usual)
        ? []
        : [
            {
              at: close.at,
              what: `says that it was proven although ${failed} of ${requests} failed on version ${canary} of ${name}`,
            },
          ];
    },
  );
});

/** No pass is given to a canary whose users surely met more failures, in the very minutes that it judges, than stable's ever did. */
const passMeansWell = perRollout((view, run) =>
  those(view, 'Measured').flatMap(({ at, event: { verdict } }) =>
    (verdict.status === 'pass' ? view.opening.targets : []).flatMap(({ name, key, stable, canary }) => {
      const metFrom = (version: string, from: Instant): Met => {
        const windows = [...(run.windows[`${key}:${version}`] ?? [])];
        const judged = windows.filter(([start]) => start >= from && start + WINDOW_MS <= verdict.to);
        const total = (of: keyof Met) => judged.reduce((sum, [, met]) => sum + met[of], 0);
        return { requests: total('requests'), failed: total('failed'), counted: total('counted') };
      };
      const [ours, theirs] = [metFrom(canary, verdict.from), metFrom(stable, 0)];
      // One that was read while CloudWatch did not show most of it yet says little, and the next tick says more.
      const read = Math.max(
        0,
        ...verdict.findings.filter(({ target }) => target === name).map((each) => each.canary.total),
      );
      if (ours.requests < SURELY_MANY || theirs.requests === 0 || read < MOSTLY * ours.requests) return [];
      const limit = Math.max(
        SURELY_WORSE + (3 * theirs.failed) / theirs.requests,
        usualAtOnce(view, run, { key, stable }),
      );
      const failed = ours.failed - maskedBy(run, { key, stable, canary }, verdict.from, verdict.to);
      return failed / ours.requests <= limit
        ? []
        : [{ at, what: `passed although ${failed} of ${ours.requests} failed on ${name}` }];
    }),
  ),
);

/** Requests a minute before the rollout from which on their absence is no chance, and the share of them that is as good as nothing. */
const SURELY_CALLED = 100;
const NEXT_TO_NOTHING = 0.02;
/** A past in which requests stopped often, that was too short to tell, or that had few lately or at these hours of the day before, says that this is usual. */
const STEADY = 0.3;
const HOUR_MS = 60 * WINDOW_MS;

/** The minutes of a function, both versions together. */
function metIn(
  run: Run,
  { key, stable, canary }: View['opening']['targets'][number],
  from: Instant,
  to: Instant,
) {
  const windows = [canary, stable].flatMap((version) => [...(run.windows[`${key}:${version}`] ?? [])]);
  const within = windows.filter(([start]) => start >= from && start + WINDOW_MS <= to);
  const total = (of: keyof MetWindow) => within.reduce((sum, [, met]) => sum + met[of], 0);
  return { counted: total('requests') + total('late'), lost: total('lost') };
}

function isSteady(view: View, run: Run, target: Target, until: Instant): boolean {
  const past = view.opening.past?.[target.name];
  if (past === undefined) return true;
  const first = view.raises[0]?.at ?? until;
  const hours = past.hours.slice(0, Math.ceil((until - first) / HOUR_MS) + 1);
  const level = STEADY * requestsBefore(run, target, first);
  const isDue = [past.lately, ...hours].every((rate) => rate === null || rate >= level);
  return Math.min(...past.falls) >= STEADY && isDue;
}

/** Requests a minute just before the first raise. */
const requestsBefore = (run: Run, target: Target, first: Instant): number =>
  metIn(run, target, first - 8 * WINDOW_MS, first).counted / 8;

/** Deviations by which stable's part of the counted requests is beyond chance for certain, and the share of the canary's requests that is missing in any traffic. */
const SPLIT_SHOWN = 5;
const FALL_SHOWN = 2 / 3;

/** True if counts can show for certain that the canary loses requests: by how they were split, or since next to none are left of a steady stream. Callers that leave by half may have gone. */
function isLossShown(view: View, run: Run, target: Target, until: Instant): boolean {
  const { windows } = run;
  const { key, stable, canary } = target;
  const [ours, theirs] = [canary, stable].map(
    (version) => windows[`${key}:${version}`] ?? new Map<Instant, MetWindow>(),
  ) as [Map<Instant, MetWindow>, Map<Instant, MetWindow>];
  const [split, all] = [
    { seen: 0, due: 0 },
    { lost: 0, made: 0, minutes: 0 },
  ];
  for (const [start, { requests, late, lost }] of ours) {
    if (start + WINDOW_MS > until) continue;
    const made = requests + late + lost;
    all.lost += lost;
    all.made += made;
    all.minutes += 1;
    const beside = theirs.get(start);
    // In a minute in which traffic moved, the two had their requests one after the other.
    const isMoved = view.writes.some(
      ({ key: moved, at, from, to }) => moved === key && from !== to && at >= start && at < start + WINDOW_MS,
    );
    if (beside === undefined || made === 0 || isMoved) continue;
    const seen = beside.requests + beside.late;
    split.seen += seen;
    split.due += (seen * (requests + late)) / made;
  }
  // What is left in a crowd may be as much as is usual.
  const usual = requestsBefore(run, target, view.raises[0]?.at ?? until) * all.minutes;
  const isFallen = all.lost >= FALL_SHOWN * all.made && all.made - all.lost <= (1 - FALL_SHOWN) * usual;
  return isFallen || split.seen - split.due >= SPLIT_SHOWN * Math.sqrt(split.due + 1);
}

/** Requests of the canary that AWS had not counted by then, those of the minute that was under way included. */
function lostBy({ windows }: Run, { key, canary }: Target, until: Instant): number {
  return [...(windows[`${key}:${canary}`] ?? [])]
    .filter(([start]) => start < until)
    .reduce((sum, [, met]) => sum + met.lost, 0);
}

/** No release completes by itself at the end of whose verify next to no request was counted, although many were before it: only a person's command completes it, not the plan's own. */
const silenceNeverCompletes = perRollout((view, run) => {
  const close = those(view, 'RolloutClosed').find(({ event }) => event.outcome === 'completed');
  const promoted = those(view, 'Promoted').at(-1);
  const first = those(view, 'ShiftIntended')[0];
  const { past = {}, plan, targets } = view.opening;
  if (close === undefined || promoted === undefined || first === undefined) return [];
  const doubted = those(view, 'RecallOrdered').filter(({ event }) => event.waitsFor === undefined);
  const isOrdered = those(view, 'PromotionOrdered').some(
    ({ index, event }) =>
      !isPlans(event.by) &&
      // One in a recall or after it is given once the canary has served alone as well, and in knowledge of the doubt.
      (index > promoted.index || doubted.some((each) => each.index < index)),
  );
  if (isOrdered || plan.verifySeconds < 120) return [];
  const begun = Math.ceil(promoted.at / WINDOW_MS) * WINDOW_MS;
  const seen =
    those(view, 'Measured').findLast(({ index }) => index < close.index)?.event.verdict.to ?? begun;
  // A rollout that waited beyond its verify for requests to come again may complete once they do.
  const to = Math.max(begun + Math.floor(plan.verifySeconds / 60 - 1) * WINDOW_MS, seen);
  // One minute alone may be late, so that silence in the last minute of verify is found by nobody.
  const from = Math.min(begun, to - 2 * WINDOW_MS);
  return targets.flatMap((target) => {
    const known = past[target.name];
    // A queue brings requests at its own pace, and what could not be read before is not known.
    if (target.source === 'sqs' || known === undefined || !isSteady(view, run, target, close.at)) return [];
    const before = requestsBefore(run, target, first.at);
    const { counted } = metIn(run, target, from, to);
    const due = (before * (to - from)) / WINDOW_MS;
    return before < SURELY_CALLED || counted > NEXT_TO_NOTHING * due
      ? []
      : [
          {
            at: close.at,
            what: `completed although ${counted} requests of ${target.name} were counted where about ${Math.round(due)} were due`,
          },
        ];
  });
});

/** Share of the canary's requests in some minute that must have been lost if a verdict blames it for that. */
const SURELY_LOST = 0.25;

/** No canary is blamed for requests that it did not lose: counts that are only late are no guilt. It may lose them in a part of the rollout only, such as from a weight on. */
const lateNeverBlames = perRollout((view, run) =>
  those(view, 'Measured').flatMap(({ at, event: { verdict } }) =>
    verdict.findings
      .filter(({ metric, status }) => metric === 'traffic' && status === 'fail')
      .flatMap(({ target: name }) => {
        const target = view.opening.targets.find((each) => each.name === name);
        const first = those(view, 'ShiftIntended')[0];
        if (target === undefined || first === undefined) return [];
        const key = `${target.key}:${target.canary}`;
        const windows = [...(run.windows[key] ?? [])].filter(([start]) => start + WINDOW_MS <= verdict.to);
        const shares = windows.map(([, { requests, late, lost }]) => lost / (requests + late + lost));
        const worst = Math.max(...shares.filter((share) => !Number.isNaN(share)));
        return worst >= 0 && worst < SURELY_LOST
          ? [{ at, what: `blamed ${name} for lost requests, of which it never lost more than ${worst}` }]
          : [];
      }),
  ),
);

/** When a rollout is closed its canary has everything or nothing, on every target alike, unless somebody else gave it traffic after the last look, or deleted the only version to go back to. A rollback that completed left the older version alone. */
const endsAtZeroOrHundred = perRollout((view, run) =>
  those(view, 'RolloutClosed').flatMap(({ index, at, event }) =>
    view.opening.targets.flatMap((target) => {
      // What somebody else does after the fence is closed, before the journal knows of it, is no longer this rollout's.
      const fenced = view.writes.findLast(
        (write) =>
          write.index < index &&
          write.key === target.key &&
          write.by?.rolloutId === view.id &&
          !write.by.open,
      );
      const standing = standingAt(view, target, index);
      if (event.outcome === 'completed') {
        const version = arriving(view, target);
        // What somebody else puts there in between is the same end if it is the version that was to arrive.
        const isWhole = [fenced === undefined ? standing : fenced.after, standing].some(
          (found) => shareOf(found, version) === 100 && Object.keys(found?.weights ?? {}).length === 0,
        );
        const share = shareOf(fenced?.after ?? standing, version);
        return isWhole
          ? []
          : [{ at, what: `ended completed with ${share} % of ${target.name} on version ${version}` }];
      }
      const share = shareOf(standing, target.canary);
      const isPaged = (event.outcome === 'halted' && hasNoWayBack(target)) || isKept(view, target);
      const isExcused =
        isPaged || isGivenByOthers(view, run, target, index) || isStuck(view, run, target, index);
      return share === 0 || isExcused
        ? []
        : [{ at, what: `ended ${event.outcome} with ${share} % of ${target.name} on the canary` }];
    }),
  ),
);

/** What neither stable nor canary is, is never replaced or reweighted by us. */
const foreignUntouched = perRollout((view) =>
  view.writes.flatMap(({ by, before, after, at, target }) => {
    if (by?.rolloutId !== view.id || after === undefined) return [];
    const { stable, canary } = target;
    const isForeign = (version: string) => version !== stable && version !== canary;
    const moved = isForeign(before.primary) && after.primary !== before.primary;
    const taken = Object.keys(before.weights).find(
      (version) => isForeign(version) && after.weights[version] !== before.weights[version],
    );
    return [
      ...(moved ? [{ at, what: `replaced version ${before.primary}, which somebody else put there` }] : []),
      ...(taken === undefined ? [] : [{ at, what: `changed the weight of version ${taken}, not ours` }]),
    ];
  }),
);

/** While the canary has traffic, a change of it by somebody else ends the rollout no later than the next measurement, or pauses it if it is not reversible. */
const driftNoticed = perRollout((view, run, { tickMs }) => {
  const first = view.raises[0]?.index ?? Number.POSITIVE_INFINITY;
  const ended = [
    ...those(view, ...LEAVING, 'RolloutClosed'),
    ...those(view, 'Paused').filter(({ event }) => event.why === 'irreversible'),
    ...those(view, 'Lowered'),
  ];
  return view.writes
    .filter(
      ({ index, by, before, after }) =>
        index > first && by?.rolloutId !== view.id && !isDeepStrictEqual(before, after),
    )
    .filter(
      ({ index, at }) =>
        !ended.some((end) =>
          end.index < index ? !['Paused', 'Lowered'].includes(end.event.type) : end.at - at <= tickMs,
        ),
    )
    .filter(({ index, key, at, before, after }) => {
      // What others undid themselves is known to nobody if too few looks came in between to tell it from a late read.
      const theirs = view.writes.filter((write) => write.key === key && write.by?.rolloutId !== view.id);
      return !theirs.some(
        (other) =>
          Math.abs(other.at - at) <= tickMs &&
          !isLookedAt(run, key, Math.min(index, other.index), Math.max(index, other.index)) &&
          (other.index > index
            ? isDeepStrictEqual(other.after, before)
            : other.index < index && isDeepStrictEqual(other.before, after)),
      );
    })
    .map(({ at, target }) => ({ at, what: `did not notice who else moved ${target.name}` }));
});

/** Looks after which a state that may be a late read is believed, as in `controller/reconcile.ts`. */
const LOOKS_BELIEVED = 4;

/** True if a target was read so often after one entry and before another, by ticks that could write what they found. */
function isLookedAt({ looks, timeline, deaf }: Run, key: string, from: number, to: number): boolean {
  const isLost = (look: number) => {
    const [since = 0, until = Number.POSITIVE_INFINITY] = [timeline[look - 1]?.at, timeline[look]?.at];
    return deaf.some(
      ({ fn, op, at }) => fn === 'Measure' && op === 'journal.append' && at >= since && at <= until,
    );
  };
  const seen = (looks[key] ?? []).filter((look) => look > from && look <= to && !isLost(look));
  return seen.length >= LOOKS_BELIEVED;
}

/** What a rollout put on an alias is gone when it has ended otherwise than completed, unless somebody else put it back. */
const ourWeightRemoved = perRollout((view, run) => {
  const outcome = run.heads.find(({ opening }) => opening.rolloutId === view.id)?.outcome;
  if (outcome === undefined || outcome === 'completed') return [];
  return view.opening.targets.flatMap((target) => {
    const { key, name } = target;
    const last = view.writes.findLast((write) => write.key === key && write.from !== write.to);
    if (isStuck(view, run, target, run.timeline.length)) return [];
    return last !== undefined && last.by?.rolloutId === view.id && last.to > 0
      ? [{ at: last.at, what: `left ${last.to} % of ${name} on the canary` }]
      : [];
  });
});

/** A target is raised by the rollout that holds it alone, and what a rollout writes has a newer token each time. */
const atMostOneRaiser: Checker = (run) => {
  const all = views(run);
  const raises = all.flatMap((view) =>
    view.opens.filter(({ by }) => by.seq > 0).map((raise) => ({ view, raise })),
  );
  const isOpen = (view: View, index: number) =>
    (those(view, 'RolloutOpened')[0]?.index ?? Number.POSITIVE_INFINITY) < index &&
    (those(view, 'RolloutClosed')[0]?.index ?? Number.POSITIVE_INFINITY) > index;
  return raises.flatMap(({ view, raise }) => {
    const others = all.filter(
      (other) =>
        other !== view &&
        isOpen(other, raise.index) &&
        other.opening.targets.some(({ key }) => key === raise.key),
    );
    const isHolder = isOpen(view, raise.index) && others.length === 0;
    const older = view.opens.find(
      ({ key, index, by }) =>
        key === raise.key &&
        index < raise.index &&
        (by.epoch > raise.by.epoch || (by.epoch === raise.by.epoch && by.seq >= raise.by.seq)),
    );
    const { at, target } = raise;
    return [
      ...(isHolder ? [] : [{ at, what: `${view.id}: raised ${target.name} without holding it alone` }]),
      ...(older === undefined
        ? []
        : [
            {
              at,
              what: `${view.id}: raised ${target.name} under "${tokenText(raise.by)}" after "${tokenText(older.by)}"`,
            },
          ]),
    ];
  });
};

/** An ended rollout holds no lock. */
const lockReleased: Checker = ({ heads, locks }) =>
  Object.entries(locks).flatMap(([key, by]) => {
    const head = heads.find(({ opening }) => opening.rolloutId === by);
    return head?.outcome === undefined
      ? []
      : [{ at: head.lastEventAt, what: `${by} has ended and still holds ${key}` }];
  });

/** If the journal says Reverted, the canary was out before it said so; what somebody else did after the last look nobody knows. */
const revertFirst = perRollout((view, run) =>
  those(view, 'Reverted').flatMap(({ index, at }) =>
    view.opening.targets
      .filter((target) => shareOf(standingAt(view, target, index), target.canary) > 0)
      .filter((target) => !hasNoWayBack(target) && !isKept(view, target))
      .filter((target) => !isGivenByOthers(view, run, target, index))
      .filter((target) => !isStuck(view, run, target, index))
      .map(({ name }) => ({ at, what: `wrote Reverted while ${name} still served the canary` })),
  ),
);

/** From the decision to leave until no request can meet the canary it takes no longer than promised, on each target that the rollout ever had. */
const outInTime = perRollout((view, run, { outMs }) => {
  const leaving = those(view, ...LEAVING)[0];
  if (leaving === undefined) return [];
  return view.opening.targets.flatMap((target) => {
    if (hasNoWayBack(target) || isKept(view, target)) return [];
    if (lastOwn(view, target, leaving.index) === undefined) return [];
    if (shareOf(standingAt(view, target, leaving.index), target.canary) === 0) return [];
    // What others do with it later says nothing of where it stood when it had to be out.
    const late = run.timeline.findIndex(({ at }) => at > leaving.at + outMs);
    if (isStuck(view, run, target, late === -1 ? run.timeline.length : late)) return [];
    const out = view.writes.find(
      (write) => write.index > leaving.index && write.key === target.key && write.to === 0,
    );
    return out !== undefined && out.at - leaving.at <= outMs
      ? []
      : [
          {
            at: leaving.at,
            what: `${target.name} was out ${out === undefined ? 'never' : `only after ${out.at - leaving.at} ms`}`,
          },
        ];
  });
});

/** The fold of a rollout's events is what the journal keeps as its head. */
const sameFoldAsHead: Checker = ({ heads, histories }) =>
  heads
    .filter((head) => {
      const folded = fold(histories[head.opening.rolloutId] ?? []);
      return !isDeepStrictEqual(JSON.parse(JSON.stringify(folded ?? null)), head);
    })
    .map(({ opening, lastEventAt }) => ({
      at: lastEventAt,
      what: `${opening.rolloutId}: its events do not give its head`,
    }));

/** What a rollout was opened with never changes but for the versions it publishes, and nothing is raised to a weight that is not in it. */
const configFrozen = perRollout((view) => {
  const due = frozen(view.opening);
  // Most appends share their opening, which is looked at once.
  const seen = new Set<Rollout['opening']>();
  const changed = view.happened.find(({ append: { rollout } }) => {
    const isNew = !seen.has(rollout.opening);
    seen.add(rollout.opening);
    return isNew && !isDeepStrictEqual(frozen(rollout.opening), due);
  });
  const recalled = those(view, 'RecallOrdered').map(({ event }) => event.weight);
  const weights = [...view.opening.plan.steps.map(({ weight }) => weight), ...recalled, 100];
  return [
    ...(changed === undefined ? [] : [{ at: changed.at, what: 'its opening changed' }]),
    ...view.raises
      .filter(({ to }) => !weights.includes(to))
      .map(({ at, to }) => ({ at, what: `was raised to ${to} %, which is not in its plan` })),
  ];
});

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

const frozen = ({ targets, made = {}, ...opening }: Rollout['opening']): unknown =>
  plain({
    ...opening,
    made: Object.entries(made).filter(([name]) => targets.every((target) => target.name !== name)),
    targets: targets.map(({ canary: _, publish: __, replaced: ___, ...target }) => target),
  });

/** While users can meet the canary it is measured again and again, with no longer gap than allowed. */
const tickAtMostTwoMinutes = perRollout((view, _run, { tickMs }) => {
  const first = view.raises[0];
  const end =
    view.writes.find(({ index, by }) => first !== undefined && index > first.index && by?.open === false) ??
    view.happened.at(-1);
  if (first === undefined || end === undefined) return [];
  const looks = those(view, 'Measured', ...LEAVING)
    .map(({ at }) => at)
    .filter((at) => at > first.at && at < end.at);
  const times = [first.at, ...looks, end.at];
  return times.flatMap((at, index) => {
    const gap = at - (times[index - 1] ?? at);
    return gap > tickMs ? [{ at, what: `was not measured for ${Math.round(gap / 1000)} s` }] : [];
  });
});

/** A command to go on is followed by something of the rollout's own, or reverted, within the time between two measurements, whether or not its wake-up came; no command opens a gate that waits for approvals, and one that has them waits for nothing. */
const commandsHeard = perRollout((view, _run, { tickMs }) =>
  those(view, 'Resumed', 'PromotionOrdered', 'Approved').flatMap(({ index, at, event }) => {
    if (event.type === 'Approved' && !isLastApproval(view, event.gate, index)) return [];
    const heard = view.happened.find((each) => each.index > index && isAnswer(each.event));
    const isGated = those(view, 'GateOpened').some(
      (gate) => gate.index < index && gate.event.until > at && !isApproved(view, gate.event.gate, index),
    );
    return isGated || (heard !== undefined && heard.at - at <= tickMs)
      ? []
      : [{ at, what: `did nothing for ${tickMs / 1000} s after ${event.type} by ${event.by.id}` }];
  }),
);

/** What says nothing of whether a command was heard: other commands to go on, and news from outside. */
const OUTSIDE: readonly RolloutEvent['type'][] = ['Resumed', 'PromotionOrdered', 'Approved', 'AlarmRaised'];
const isAnswer = (event: RolloutEvent): boolean =>
  !OUTSIDE.includes(event.type) && !(event.type === 'HookAnswered' && event.isCallback);

/** True if a gate had enough approvals with that of the entry of this index, and none voided them or held everything. */
const isLastApproval = (view: View, gate: Percent, index: number): boolean =>
  !isApproved(view, gate, index) &&
  isApproved(view, gate, index + 1) &&
  those(view, 'Paused', 'Resumed').findLast((each) => each.index < index)?.event.type !== 'Paused';

/** True if enough people had approved a gate before the entry of this index. */
function isApproved(view: View, gate: Percent, index: number): boolean {
  const due = view.opening.gates.find(({ before }) => before === gate)?.approvers ?? 1;
  return sureApproversOf(view, gate, index) >= due;
}

/** A rollout that was opened has an outcome, no execution of it runs on, and its watchdog is disarmed. */
const everyRolloutEnds: Checker = ({ heads, executions, watched }) => [
  ...heads
    .filter(({ outcome }) => outcome === undefined)
    .map(({ opening, lastEventAt }) => ({ at: lastEventAt, what: `${opening.rolloutId} never ended` })),
  ...executions
    .filter(({ status }) => status === 'RUNNING')
    .map(({ name }) => ({ at: 0, what: `execution ${name} runs on` })),
  ...watched.map((id) => ({ at: 0, what: `${id} is watched by a watchdog for ever` })),
];

/** Completed is a succeeded execution, every other end a failed one: that is what pages people. */
const executionSaysOutcome: Checker = ({ heads, executions, histories }) =>
  heads.flatMap(({ opening, outcome, lastEventAt }) => {
    // One that a person started by hand has a name, and an end, of its own.
    const own = executions.filter(
      ({ name }) => name.startsWith(`${opening.rolloutId}-`) && /-\d+$/.test(name),
    );
    // One that has handed on to the next says nothing of the end, whichever of them ends first.
    const hasHandedOn = (name: string) =>
      (histories[opening.rolloutId] ?? []).some(
        (event) =>
          event.type === 'Continued' &&
          name === `${opening.rolloutId}-${event.epoch - 1}` &&
          own.some((next) => next.name === `${opening.rolloutId}-${event.epoch}`),
      );
    const last = own
      .filter(({ name, status }) => status !== 'ABORTED' && !(status === 'SUCCEEDED' && hasHandedOn(name)))
      .toSorted((a, b) => (a.stoppedAt ?? 0) - (b.stoppedAt ?? 0))
      .at(-1);
    const due = outcome === 'completed' ? 'SUCCEEDED' : 'FAILED';
    // If Step Functions had to write the aliases itself it pages, and the watchdog records later what came of it.
    const isPaged = last?.error === 'halted' && (last.stoppedAt ?? 0) < lastEventAt;
    // It pages as well if a person's execution has ended the rollout, and no function tells it so any more.
    const isEndedByHand =
      last?.error === 'halted' &&
      executions.some(
        (each) => !own.includes(each) && each.name.startsWith(`${opening.rolloutId}-`) && each.status === due,
      );
    return last === undefined || outcome === undefined || last.status === due || isPaged || isEndedByHand
      ? []
      : [{ at: lastEventAt, what: `${last.name} ended ${last.status} although the rollout is ${outcome}` }];
  });

/** The checkers by the name of what they hold. */
export const CHECKERS = {
  neverRaisedAfterLeaving,
  everyRaiseAnnounced,
  hooksBeforeTraffic,
  failedHookStops,
  irreversibleHeld,
  untilMeansMade,
  noRaiseWithoutVerdict,
  unsettledNeverJudged,
  zeroEvidenceNeverPasses,
  probesCountOnce,
  provenMeansMeasured,
  uncountedNeverProven,
  worseNeverCompletes,
  provenMeansWell,
  passMeansWell,
  silenceNeverCompletes,
  lateNeverBlames,
  endsAtZeroOrHundred,
  foreignUntouched,
  driftNoticed,
  ourWeightRemoved,
  atMostOneRaiser,
  lockReleased,
  revertFirst,
  outInTime,
  sameFoldAsHead,
  configFrozen,
  tickAtMostTwoMinutes,
  commandsHeard,
  everyRolloutEnds,
  executionSaysOutcome,
  weightsOnlyRise,
  segmentsOnlyRise,
  recallEnds,
  historyNeverReverts,
  lostRoutingLandsOnStable,
  everyRaiseConditional,
  shiftedMeansStands,
  revertedToWhatServed,
  abortActs,
  goingBackArrives,
  stablePinned,
  gatesHeld,
  unverifiedApprovesNothing,
  suspicionHolds,
  waitsEnd,
  blameHasEvidence,
  goodNeverBlamed,
  redBeforeNeverBlames,
  brokenIsBounded,
  bakeSurvivesTakeover,
  quarantineHolds,
  reasonsAreWords,
  everyTransitionTold,
  toldOnceEach,
  nothingWaitsForVoices,
  linksOnlyStop,
  answersAreTrue,
} satisfies Record<string, Checker>;
