import { alarmsAgainst, isBlamed, isCanarysDoing } from '../analysis/alarms.ts';
import type { Exposure } from '../analysis/exposure.ts';
import type { Folded } from '../analysis/folded.ts';
import { unseenLoss } from '../analysis/loss.ts';
import type { Alarm, ProbeCounts, Verdict } from '../analysis/types.ts';
import { RETRY_LATER_SECONDS } from '../budget.ts';
import { RolloutError } from '../errors.ts';
import { withPlainTexts } from '../plain-text.ts';
import { verifySecondsOf } from '../plan/holdout.ts';
import { weightText } from '../plan/segments.ts';
import type { Observed, PinResult } from '../ports.ts';
import type { Target } from '../target.ts';
import type { Instant, Percent, Seconds } from '../units.ts';
import { duration, percent } from '../words.ts';
import { type Actor, nameOf, PLANS, SPILLWAY } from './actor.ts';
import { bytesOf, foldedBytesMax, isPastAsking } from './bounded.ts';
import { checkpointOf, HOOK_TRIES_MAX, isHeldByAlarm, isPromoted, isSuspect } from './checkpoint.ts';
import type {
  Cause,
  Gate,
  HookStatus,
  Made,
  PauseReason,
  Quarantined,
  RevertedTarget,
  RolloutEvent,
} from './event.ts';
import { type FencingToken, isSameToken } from './fencing-token.ts';
import { approved, type GateState, missingAt, type Voice, whyAuthor, whyNoVoice } from './gate.ts';
import { gateRunOut, isAwaited, isHeld } from './next.ts';
import { keptOut, keptOutBy, madeOf } from './quarantine.ts';
import {
  canRecall,
  comparedSeconds,
  isDoubted,
  isInDoubt,
  isLastRecall,
  recallFor,
  waitFor,
  whyReturns,
} from './recall.ts';
import { reconcile } from './reconcile.ts';
import { isGone, isKept, sharesOf } from './revert-plan.ts';
import {
  evolve,
  isAbortRead,
  isEnded,
  isStuck,
  isVerifying,
  isWayBackGone,
  outOf,
  RECALLS_MAX,
  type Rollout,
  recoveredAt,
  targetNamed,
  tokenOf,
  withSuspicion,
} from './state.ts';
import { BROKEN_PAUSE_SECONDS, bakeOf, heardTo, longestBakeOf, PAUSE_SECONDS_MAX } from './timing.ts';

/** What somebody wants, in the imperative. Those of people are pause, resume, promote and abort. */
export type Command =
  | {
      type: 'RecordPublished';
      target: string;
      version: string;
      made?: Omit<Made, 'version'> | undefined;
      /** What the service keeps in quarantine now: the opening could not ask about a version that did not exist. */
      quarantined?: Quarantined[] | undefined;
    }
  | { type: 'Refuse'; reason: string; cause?: Extract<Cause, 'canary' | 'environment'> }
  | { type: 'StartHook'; hook: string; seconds: number }
  | { type: 'AnswerHook'; hook: string; status: HookStatus; reason: string; isCallback?: boolean }
  | { type: 'OpenGate'; gate: Percent; seconds: number }
  | { type: 'IntendShift'; target: string; weight: Percent; expiresAt: Instant }
  | { type: 'ConfirmShift'; target: string; weight: Percent; token: FencingToken }
  | { type: 'FailShift'; target: string; reason: string }
  | { type: 'Defer'; until: Instant; reason: string }
  | { type: 'Reconcile'; target: string; seen: Observed }
  | {
      type: 'RecordMeasure';
      verdict: Verdict;
      alarms: Alarm[];
      probes?: Record<string, ProbeCounts> | undefined;
      folded?: Folded | undefined;
    }
  | { type: 'RecordPin'; target: string; pinned: Exclude<PinResult, { result: 'pinned' }> }
  | { type: 'ReportGone'; target: string }
  | ({ type: 'ReportAlarm'; alarm: string } & Pick<Alarm, 'since' | 'breachedAt' | 'versions'>)
  | {
      type: 'RecordRevert';
      targets: RevertedTarget[];
      cause: Cause;
      reason: string;
      exposure?: Exposure | undefined;
    }
  | { type: 'Close' }
  | { type: 'TakeOver'; reason: string }
  | { type: 'Continue' }
  | { type: 'Pause'; by: Actor; reason: string }
  | { type: 'Resume'; by: Actor }
  | { type: 'Promote'; by: Actor; step?: number | undefined; full: boolean }
  | ({ type: 'Approve'; gate: Percent } & Voice)
  | ({ type: 'Reject'; gate: Percent; reason: string } & Voice)
  /** `isUnanswered`: AWS did not say in time where the targets stand, so that only the journal knows whether they have a way back. */
  | { type: 'Abort'; by: Actor; reason: string; isUnanswered?: boolean };

/** Consecutive ticks without a measurement before someone is paged. */
export const BROKEN_TICKS_MAX = 5;

/** Raises of one target to one weight that may come to nothing before the rollout gives up: a quarter of an hour of them, in which the canary is measured at the weight that it has. */
export const RAISES_MAX = (15 * 60) / RETRY_LATER_SECONDS;

/** Executions that may die before the rollout gives up. */
export const TAKEOVERS_MAX = 5;

/**
 * Says what a command makes happen, with everything that follows from it at once. Pure; an empty answer means that
 * nothing is to be written.
 * @throws RolloutError CommandRefused if a person asked for what is not possible now
 */
export function decide(rollout: Rollout, command: Command, at: Instant): RolloutEvent[] {
  return eventsOf(rollout, withPlainTexts(command), at);
}

function eventsOf(rollout: Rollout, command: Command, at: Instant): RolloutEvent[] {
  switch (command.type) {
    case 'RecordPublished':
      return publish(rollout, command, at);
    case 'Refuse':
      return isEnded(rollout) || rollout.leaving !== undefined
        ? []
        : orderRevert(rollout, at, command.cause ?? 'canary', command.reason);
    case 'StartHook':
      return [{ type: 'HookStarted', at, hook: command.hook, until: at + command.seconds * 1000 }];
    case 'AnswerHook':
      return answer(rollout, command, at);
    case 'OpenGate':
      return [{ type: 'GateOpened', at, gate: command.gate, until: at + command.seconds * 1000 }];
    case 'IntendShift':
      return intend(rollout, command, at);
    case 'ConfirmShift': {
      const { target, weight, token } = command;
      return [
        weight === 100
          ? { type: 'Promoted', at, target, token }
          : { type: 'Shifted', at, target, weight, token },
      ];
    }
    case 'FailShift':
      return missingVersion(rollout, command, at);
    case 'Defer':
      return isEnded(rollout) || rollout.leaving !== undefined ? [] : [{ ...command, type: 'Deferred', at }];
    case 'Reconcile':
      return found(rollout, targetNamed(rollout, command.target), command.seen, at);
    case 'RecordMeasure':
      return withConsequences(
        rollout,
        { ...foldedToFit(rollout, command), type: 'Measured', at },
        measureConsequence,
      );
    case 'RecordPin':
      return command.pinned.result === 'gone'
        ? stableGone(rollout, command.target, at)
        : pinRefused(rollout, command.target, command.pinned.why, at);
    case 'ReportGone':
      return stableGone(rollout, command.target, at);
    case 'ReportAlarm':
      return withConsequences(rollout, { ...command, type: 'AlarmRaised', at }, alarmConsequence);
    case 'RecordRevert':
      return recordRevert(rollout, command, at);
    case 'Close':
      // What the last look at the targets found may have paused it.
      return isEnded(rollout) || rollout.leaving !== undefined || rollout.pause !== undefined
        ? []
        : [{ type: 'RolloutClosed', at, outcome: 'completed', reason: completion(rollout) }];
    case 'TakeOver':
      return withConsequences(
        rollout,
        { type: 'TookOver', at, epoch: rollout.epoch + 1, reason: command.reason },
        takeoverConsequence,
      );
    case 'Continue':
      return isEnded(rollout) ? [] : [{ type: 'Continued', at, epoch: rollout.epoch + 1 }];
    case 'Pause':
    case 'Resume':
    case 'Promote':
    case 'Approve':
    case 'Reject':
    case 'Abort':
      return obey(rollout, command, at);
  }
}

/** A published version that turns out to be a quarantined artifact is refused before any user meets it. */
function publish(
  rollout: Rollout,
  { target, version, made, quarantined }: Extract<Command, { type: 'RecordPublished' }>,
  at: Instant,
): RolloutEvent[] {
  const event: RolloutEvent = {
    type: 'Published',
    at,
    target,
    version,
    ...(made === undefined ? {} : { made }),
  };
  const after = evolve(rollout, event);
  const { rolloutId, release, targets } = after.opening;
  if (isEnded(after) || after.leaving !== undefined) return [event];
  const offered = { release, made: madeOf(after.opening), changed: targets.map(({ name }) => name) };
  const [bad] = keptOutBy(offered, { quarantined });
  return bad === undefined
    ? [event]
    : [event, ...orderRevert(after, at, 'environment', keptOut(release, rolloutId, bad))];
}

/** A rollout that cannot keep its way back goes on, and says so once: the release is not to blame. */
function pinRefused(rollout: Rollout, target: string, reason: string, at: Instant): RolloutEvent[] {
  const isKnown = isEnded(rollout) || rollout.unpinned?.includes(target);
  return isKnown ? [] : [{ type: 'PinRefused', at, target, reason }];
}

/** A version never comes back under its number. If the canary serves alone, the one that a move needs and does not find is stable. */
function missingVersion(
  rollout: Rollout,
  { target, reason }: Extract<Command, { type: 'FailShift' }>,
  at: Instant,
): RolloutEvent[] {
  return rollout.traffic[target]?.weight === 100
    ? stableGone(rollout, target, at)
    : eventsOf(rollout, { type: 'Refuse', reason, cause: 'environment' }, at);
}

/** Pages someone while all is well: the rollout goes on as declared, since neither a pause nor an end would bring the version back. */
function stableGone(rollout: Rollout, target: string, at: Instant): RolloutEvent[] {
  const isKnown = isEnded(rollout) || rollout.leaving !== undefined || rollout.gone?.includes(target);
  if (isKnown) return [];
  const reason = `version ${targetNamed(rollout, target).stable} of ${target} does not exist any more, so there is nothing to compare with`;
  return [
    { type: 'StableGone', at, target },
    ...(rollout.recall === undefined ? [] : [{ type: 'RecallEnded' as const, at, reason }]),
  ];
}

type Consequence<E extends RolloutEvent> = (after: Rollout, event: E) => RolloutEvent[];

/** A fact and what follows from it stand in one append, so that no crash can part them. Facts after the end are dropped. */
function withConsequences<E extends RolloutEvent>(
  rollout: Rollout,
  event: E,
  consequence: Consequence<E>,
): RolloutEvent[] {
  if (isEnded(rollout)) return [];
  return rollout.leaving === undefined ? [event, ...consequence(evolve(rollout, event), event)] : [event];
}

/** Orders a revert. An irreversible release is held at its weight and someone is paged. */
function orderRevert(rollout: Rollout, at: Instant, cause: Cause, reason: string): RolloutEvent[] {
  if (!isHeld(rollout)) {
    return [
      {
        type: 'RevertOrdered',
        at,
        cause,
        reason,
        outcome: outOf(rollout),
      },
    ];
  }
  // Who was paged for the canary does not know yet that somebody else moves the traffic.
  const isNews = cause === 'drift' && rollout.pause?.reason.startsWith(reason) !== true;
  if (rollout.pause?.why === 'irreversible' && at < rollout.pause.until && !isNews) return [];
  return [
    pause(at, `${reason}; it is not reversible, so the weight is held`, 'irreversible', PAUSE_SECONDS_MAX),
  ];
}

/**
 * What was found on a target reverts an irreversible release as little as anything else does; a person's own abort does. Traffic that
 * somebody else took from its canary is gone, so what is left of it is held, judged and moved from there.
 */
function found(rollout: Rollout, target: Target, seen: Observed, at: Instant): RolloutEvent[] {
  const events = reconcile(rollout, target, seen, at);
  if (!isHeld(rollout)) return events;
  return events.flatMap((event) => {
    if (event.type !== 'DriftDetected' && (event.type !== 'RevertOrdered' || event.cause === 'human'))
      return [event];
    const lost = lowered(rollout, target, seen, at);
    const after = lost.reduce(evolve, rollout);
    const [cause, reason] =
      event.type === 'DriftDetected' ? (['drift', event.found] as const) : [event.cause, event.reason];
    return [...lost, ...orderRevert(after, at, cause, reason)];
  });
}

/** That the canary was found with less traffic than was written under what stands there; nothing if it was not. */
function lowered(
  { opening: { rolloutId }, traffic, intents }: Rollout,
  { name, canary }: Target,
  { primary, weights, token }: Observed,
  at: Instant,
): RolloutEvent[] {
  const weight = primary === canary ? 100 : (weights[canary] ?? 0);
  const arrived = intents.find((intent) => intent.target === name && isSameToken(intent.token, token));
  const written = (arrived ?? traffic[name])?.weight ?? 0;
  const isOurs = token?.rolloutId === rolloutId && token.open;
  return weight < written
    ? [{ type: 'Lowered', at, target: name, weight, ...(isOurs ? { token } : {}) }]
    : [];
}

/** An answer counts once, and only while it is waited for. */
function answer(
  rollout: Rollout,
  command: Extract<Command, { type: 'AnswerHook' }>,
  at: Instant,
): RolloutEvent[] {
  const { hook, status, reason, isCallback = false } = command;
  const isKnown = Object.hasOwn(rollout.hooks, hook);
  // An answer that comes again after its step was left; nothing is kept of the first one.
  const where = { asked: rollout.opening.hooks, step: rollout.step };
  if (isCallback && !isKnown && !isEnded(rollout) && isPastAsking(hook, where)) return [];
  if (isCallback) assertAsked(rollout, hook, at);
  const said = rollout.hooks[hook]?.status;
  if (said === 'pass' || (isCallback && (said === 'fail' || said === 'inconclusive'))) return [];
  const called = isCallback ? { isCallback } : {};
  return withConsequences(
    rollout,
    { type: 'HookAnswered', at, hook, status, reason, ...called },
    hookConsequence,
  );
}

/** A callback answers a question that was asked, or is being asked just now. */
function assertAsked(rollout: Rollout, hook: string, at: Instant): void {
  const id = rollout.opening.rolloutId;
  if (isEnded(rollout))
    throw refused(`${id} has ended (${rollout.outcome}); it waits for no answer any more.`);
  if (!Object.hasOwn(rollout.hooks, hook) && !isAwaited(rollout, hook, at))
    throw refused(`${id} has not asked "${hook}"; answer with the occurrence that the question named.`);
}

const hookConsequence: Consequence<Extract<RolloutEvent, { type: 'HookAnswered' }>> = (
  after,
  { at, hook, status, reason },
) => {
  const checkpoint = checkpointOf(after, hook);
  if (checkpoint?.kind !== 'hook') return [];
  if (status === 'fail') return orderRevert(after, at, 'canary', reason);
  if (status === 'inconclusive')
    return after.opening.plan.onInconclusive === 'promote'
      ? []
      : inconclusive(after, at, `hook ${hook} could not say: ${reason}`);
  if ((after.hooks[hook]?.brokenInRow ?? 0) < HOOK_TRIES_MAX) return [];
  const broken = `hook ${hook} could not be asked ${HOOK_TRIES_MAX} times: ${reason}`;
  switch (checkpoint.hook.onBroken) {
    case 'revert':
      return orderRevert(after, at, 'environment', broken);
    case 'pause':
      return [pause(at, broken, 'inconclusive', PAUSE_SECONDS_MAX)];
    case 'ignore':
      return [];
  }
};

/** What a tick would keep of older minutes beyond the room of the journal is not kept: later ticks read more, and judge the same. */
function foldedToFit({ opening }: Rollout, command: Extract<Command, { type: 'RecordMeasure' }>) {
  const { folded, ...rest } = command;
  const isKept = folded === undefined || bytesOf(folded) <= foldedBytesMax(bytesOf(opening));
  return isKept ? command : rest;
}

/** At the end of the longest bake a verdict that says nothing, or that the canary looks worse, becomes the declared action; unmeasurable traffic pauses sooner. */
const measureConsequence: Consequence<Extract<RolloutEvent, { type: 'Measured' }>> = (
  after,
  { at, verdict },
) => {
  if (verdict.status === 'fail') return orderRevert(after, at, causeOf(after, verdict), verdict.reason);
  const doubted = doubtConsequence(after, verdict, at);
  if (doubted !== undefined) return doubted;
  const wait = after.pause === undefined ? waitFor(after, verdict, at) : undefined;
  if (wait !== undefined) return [wait];
  if (after.pause !== undefined) {
    const { why } = after.pause;
    // What shows less than the reading before is not what was waited for.
    const isShort = verdict.findings.some(({ shown }) => shown !== undefined);
    const isCured =
      (why === 'broken' && verdict.status !== 'broken' && !isShort) ||
      (why === 'suspect' && after.suspicion === undefined) ||
      (why === 'inconclusive' && isAnswered(after, verdict)) ||
      (why === 'doubt' && hasPassed(after, verdict));
    if (isCured) return [{ type: 'Resumed', at, by: SPILLWAY }];
    return paging(after, at);
  }
  const gate = gateRunOut(after, at);
  if (gate !== undefined)
    return [
      pause(
        at,
        `the gate before ${gate.before} % was not approved in time; the release is not reversible, so the weight is held`,
        'irreversible',
        PAUSE_SECONDS_MAX,
      ),
    ];
  // A command to go on has answered what the end of a bake would ask. It has not answered for a canary that nobody can see, which waits at a gate or serves alone.
  const isOrdered = isPromoted(after) && !isVerifying(after);
  const bake = bakeOf(after);
  // The longest bake is over once the counts of all of it are there, which may come as late as others did.
  const isOver = bake !== undefined && heardTo(after, verdict.to) >= bake.max && !isOrdered;
  if (after.brokenInRow >= BROKEN_TICKS_MAX || (isOver && verdict.status === 'broken')) {
    return [pause(at, `nothing could be measured: ${verdict.reason}`, 'broken', BROKEN_PAUSE_SECONDS)];
  }
  if (isSuspect(after)) {
    // One that passes again is given the time in which it can recover.
    const until = verdict.status === 'pass' ? recoveredAt(after) : 0;
    return verdict.to >= Math.max(longestBakeOf(after), until) ? suspected(after, at) : [];
  }
  if (!isOver || verdict.status !== 'inconclusive') return [];
  if (isVerifying(after) && !isHeldByAlarm(after)) return [];
  return inconclusive(after, at, `the longest bake ended without enough evidence: ${verdict.reason}`);
};

/** An alarm that sees both versions reverts, as its owner declared, and blames the release only if the comparison shows the canary worse. */
function causeOf(after: Rollout, verdict: Verdict): Extract<Cause, 'canary' | 'environment'> {
  const { findings, limits = [] } = verdict;
  const isShown = [...findings, ...limits].some(({ status }) => status === 'fail');
  const red = (after.alarms ?? []).filter((alarm) => alarm.state === 'alarm' && isCanarysDoing(after, alarm));
  return red.length === 0 || isShown || red.some((alarm) => isBlamed(after, alarm, verdict))
    ? 'canary'
    : 'environment';
}

/** True if a verdict answers what a pause for want of evidence asked: it passes, and covers the bake. What a hook could not say only that hook can. */
function isAnswered({ hooks, ...rollout }: Rollout, { status, from, to }: Verdict): boolean {
  const bake = bakeOf({ hooks, ...rollout });
  const isSettled = Object.values(hooks).every((hook) => hook.status === 'pass' || hook.status === 'started');
  return status === 'pass' && bake !== undefined && from === bake.from && to >= bake.to && isSettled;
}

/** True if the doubt that a person was asked about is over, and no recall is under way that would say more. */
function hasPassed(rollout: Rollout, verdict: Verdict): boolean {
  const { status, from } = verdict;
  const isKnown = (status === 'pass' || status === 'inconclusive') && from === bakeOf(rollout)?.from;
  return rollout.recall === undefined && !isInDoubt(rollout, verdict) && isKnown;
}

/** A pause that has run out ends a rollout, unless its weight is held: then it waits for a human, and someone is paged again. */
function paging(rollout: Rollout, at: Instant): RolloutEvent[] {
  const { pause: paused } = rollout;
  const isOver = paused !== undefined && paused.until <= at;
  return isOver && isHeld(rollout) ? [pause(at, paused.reason, paused.why, PAUSE_SECONDS_MAX)] : [];
}

/**
 * What follows from doubt and during a recall; undefined if a verdict has neither. Doubt returns the canary to a weight at
 * which stable beside it decides; the third doubt waits there for a person. Only if nothing can be recalled does doubt that
 * lasts revert, and it blames nobody.
 */
function doubtConsequence(after: Rollout, verdict: Verdict, at: Instant): RolloutEvent[] | undefined {
  const bake = bakeOf(after);
  if (after.recall !== undefined) {
    const reason = whyReturns(after, verdict);
    // The answer came after all; the last recall's is for the person who was asked.
    if (reason !== undefined && after.pause?.why === 'doubt' && after.recall.nth < RECALLS_MAX)
      return [
        { type: 'RecallEnded', at, reason },
        { type: 'Resumed', at, by: SPILLWAY },
      ];
    if (after.pause !== undefined || after.brokenInRow >= BROKEN_TICKS_MAX) return undefined;
    if (reason !== undefined) return [{ type: 'RecallEnded', at, reason }];
    if (bake === undefined || verdict.to < bake.max) return [];
    return isSuspect(after)
      ? suspected(after, at)
      : inDoubt(
          after,
          at,
          `a recall to ${weightText(after.opening.plan.steps, after.recall.weight)} gave no answer: ${after.recall.reason}`,
        );
  }
  const { doubt } = verdict;
  if (doubt === undefined || !isDoubted(after, verdict) || after.pause?.why === 'doubt') return undefined;
  if (canRecall(after) && doubt.isOutage !== true) {
    const recall = recallFor(after, verdict, at);
    if (!isLastRecall(after)) return [recall];
    const reason = `doubt came again after ${recall.nth - 1} recalls: ${doubt.reason}`;
    return [recall, ...inDoubt(after, at, reason)];
  }
  if (doubt.isSure)
    return orderRevert(
      after,
      at,
      'environment',
      `${doubt.reason}; no share of the traffic can go back to stable to find out why`,
    );
  return bake !== undefined && verdict.to >= bake.max ? inDoubt(after, at, doubt.reason) : undefined;
}

/** What the plan declares if a doubt was not answered. */
function inDoubt(after: Rollout, at: Instant, reason: string): RolloutEvent[] {
  return after.opening.plan.onInconclusive === 'revert'
    ? orderRevert(after, at, 'environment', `${reason}; that is no proof, so the release is not quarantined`)
    : [pause(at, reason, 'doubt', PAUSE_SECONDS_MAX)];
}

/** What the plan declares for the case that nobody can say whether the canary is good. */
function inconclusive(after: Rollout, at: Instant, reason: string): RolloutEvent[] {
  switch (after.opening.plan.onInconclusive) {
    case 'pause':
      return [pause(at, reason, 'inconclusive', PAUSE_SECONDS_MAX)];
    case 'revert':
      return orderRevert(after, at, 'environment', reason);
    case 'promote':
      return [{ type: 'PromotionOrdered', at, by: PLANS, full: false }];
  }
}

/** What the plan declares for a canary that still looks worse. That is no proof, so a revert does not hold it against the release. */
function suspected(after: Rollout, at: Instant): RolloutEvent[] {
  const reason = `the longest bake ended while the canary looked worse: ${after.suspicion}`;
  return after.opening.plan.onSuspect === 'revert'
    ? orderRevert(after, at, 'environment', `${reason}; that is no proof, so the release is not quarantined`)
    : [pause(at, `${reason}; ${recovery(after)}`, 'suspect', PAUSE_SECONDS_MAX)];
}

/** How a pause on suspicion ends. */
function recovery({ opening: { plan }, step }: Rollout): string {
  const seconds = Math.max(60, plan.steps[step]?.bakeSeconds ?? plan.verifySeconds);
  return `it resumes by itself only after ${duration(seconds)} in which nothing looks worse and no evidence is left; otherwise order promote or abort`;
}

function pause(at: Instant, reason: string, why: PauseReason, seconds: number): RolloutEvent {
  return { type: 'Paused', at, by: SPILLWAY, reason, until: at + seconds * 1000, why };
}

const alarmConsequence: Consequence<Extract<RolloutEvent, { type: 'AlarmRaised' }>> = (
  after,
  { at, alarm, ...breach },
) =>
  isCanarysDoing(after, breach)
    ? orderRevert(
        after,
        at,
        isBlamed(after, breach, after.verdict) ? 'canary' : 'environment',
        `alarm ${alarm} went off`,
      )
    : [];

const takeoverConsequence: Consequence<Extract<RolloutEvent, { type: 'TookOver' }>> = (
  after,
  { at, reason },
) =>
  after.takeovers >= TAKEOVERS_MAX
    ? orderRevert(
        after,
        at,
        'environment',
        `its execution died ${TAKEOVERS_MAX} times, last because ${reason}`,
      )
    : [];

function intend(
  rollout: Rollout,
  { target, weight, expiresAt }: Extract<Command, { type: 'IntendShift' }>,
  at: Instant,
): RolloutEvent[] {
  if (isEnded(rollout) || rollout.leaving !== undefined) return [];
  const tries = rollout.intents.filter(
    (intent) => intent.target === target && intent.weight === weight,
  ).length;
  if (tries >= RAISES_MAX) {
    return orderRevert(
      rollout,
      at,
      'environment',
      `${target} could not be raised to ${weightText(rollout.opening.plan.steps, weight)} in ${tries} tries${rollout.deferredFor === undefined ? '' : `: ${rollout.deferredFor}`}`,
    );
  }
  return [{ type: 'ShiftIntended', at, target, weight, token: tokenOf(rollout, rollout.seq + 1), expiresAt }];
}

function recordRevert(
  rollout: Rollout,
  { targets, cause, reason, exposure }: Extract<Command, { type: 'RecordRevert' }>,
  at: Instant,
): RolloutEvent[] {
  if (isEnded(rollout)) return [];
  // A closed fence round the canary is a completion whose last event was lost, and nothing was reverted.
  const isComplete = (found: RevertedTarget) => {
    const { name, primary, changed, regained, isStableGone } = found;
    const target = targetNamed(rollout, name);
    if (changed || regained || isStableGone || isKept(found, target)) return false;
    return primary === target.canary && !isStuck(target);
  };
  if (rollout.opening.rollsBack === undefined && targets.every(isComplete)) {
    return [{ type: 'RolloutClosed', at, outcome: 'completed', reason: completion(rollout) }];
  }
  const why = rollout.leaving ?? {
    cause,
    reason,
    outcome: outOf(rollout),
  };
  const faults = [...targets.flatMap((target) => faultOf(rollout, target)), ...leftBehind(rollout)];
  const isHalted = faults.length > 0 || targets.some(({ drifted, foreign }) => drifted || foreign);
  const isBack = rollout.opening.rollsBack !== undefined;
  const outcome = isHalted ? 'halted' : isBack ? 'completed' : why.outcome;
  return [
    {
      type: 'Reverted',
      at,
      targets,
      cause: why.cause,
      reason: why.reason,
      ...(exposure === undefined ? {} : { exposure }),
    },
    { type: 'RolloutClosed', at, outcome, reason: [why.reason, ...faults].join('; ') },
  ];
}

/** Targets that something else had put on this release before it came: no revert of this rollout writes them, so a person must know that they still serve it. */
function leftBehind({ opening }: Rollout): string[] {
  return (opening.adopted?.beside ?? []).map(({ name, traits, stable, canary }) => {
    const good =
      stable === canary ? 'a version that you trust' : `version ${stable}, which completed here last`;
    return `something else had put ${name} on version ${canary} of this release before it came, so it was not reverted; point ${traits.noun} at ${good}`;
  });
}

/** Why a person has to look at a reverted target; nothing if it serves what it should. */
function faultOf(
  rollout: Rollout,
  { name, primary, drifted, regained, isStableGone, foreign }: RevertedTarget,
): string[] {
  const { opening, leaving } = rollout;
  const { stable, canary, traits } = targetNamed(rollout, name);
  if (isStableGone)
    return [
      `version ${stable} of ${name} does not exist any more, so version ${canary} still serves; point ${traits.noun} at a version that you trust`,
    ];
  if (regained) return [`somebody else gave version ${canary} of ${name} traffic after the revert`];
  if (isGone({ primary }))
    return [`${traits.noun} does not exist any more; create it again, on a version that you trust`];
  if (drifted && leaving?.cause !== 'drift')
    return [`${name} serves version ${primary}, which this rollout did not put there`];
  if (foreign !== undefined && leaving?.cause !== 'drift')
    return [
      `${sharesOf(foreign)} of ${name}, which this rollout did not put there, so it was left as it is; ${foreign[canary] === undefined ? `remove it from ${traits.noun} if nobody needs it` : 'the release is not reversible, so a person must decide whether it stays'}`,
    ];
  if (opening.rollsBack !== undefined && primary !== stable)
    return [`${name} still serves version ${primary}, since another rollout moves ${traits.noun}`];
  // Whatever led it there: a release that still serves is not reverted.
  if (opening.rollsBack === undefined && primary === canary && primary !== stable && foreign === undefined)
    return [
      `${traits.noun} serves version ${canary} again, and the token in it says that it was reverted; point it at version ${stable}`,
    ];
  return [];
}

function completion(rollout: Rollout): string {
  const { verdict, promotedAt, opening } = rollout;
  const unproven = withSuspicion(rollout);
  const unanswered =
    rollout.unanswered === undefined ? [] : [`${rollout.unanswered}; ${whyUnanswered(rollout)}`];
  const isSilent =
    promotedAt !== undefined && opening.plan.verifySeconds > 0 && verdict?.status === 'inconclusive';
  const against = alarmsAgainst(rollout);
  const silent = [
    ...against.silent.map((name) => `alarm ${name} has had too little data since the first raise`),
    ...against.gone.map((name) => `alarm ${name} was deleted or renamed during the rollout`),
  ];
  // A probe's own answers show that requests arrive.
  const isByProbes = rollout.byProbes === true || verdict?.byProbes === true;
  const doubts = [
    ...unproven,
    ...unanswered,
    ...(isSilent ? [`its verify could not say: ${verdict.reason}`] : []),
    ...silent,
    ...(isByProbes ? [] : mostlyUnseen(rollout)),
  ];
  const how = isByProbes ? 'proven by probes' : 'proven';
  return doubts.length > 0
    ? `unproven: ${doubts.join('; ')}`
    : `${how}: ${verdict?.reason ?? 'every step passed'}${besideStable(rollout)}${unfound(rollout)}${uncounted(rollout)}${unseen(rollout)}`;
}

/** Why nothing has answered the last doubt. */
const whyUnanswered = ({ recalls = [] }: Rollout) =>
  recalls.length === 0
    ? 'no share of the traffic went back to stable to find out why'
    : `${recalls.length === 1 ? 'the recall' : `the ${recalls.length} recalls`} before it did not show why`;

/** What is called proven names how long it had a control since the first steps. */
function besideStable(rollout: Rollout): string {
  const seconds = comparedSeconds(rollout, rollout.verdict?.to ?? 0);
  const { recalls = [] } = rollout;
  const often =
    recalls.length === 0 ? '' : `, after ${recalls.length === 1 ? 'a recall' : `${recalls.length} recalls`}`;
  return seconds < 60
    ? ''
    : `; ${duration(Math.floor(seconds / 60) * 60)} of its verify had stable beside it${often}`;
}

/** What is called proven claims no more than its plan could show. */
function unfound({ opening: { leastFound } }: Rollout): string {
  if (leastFound === undefined) return '';
  return leastFound === 1
    ? '; no step could find failures at the traffic of its opening'
    : `; no step finds a release that fails less than ${percent(leastFound)}`;
}

/** What is called proven names what nobody could see: requests that ran longer than any bake. */
function uncounted(rollout: Rollout): string {
  const longest = longestBake(rollout);
  const slow = Object.entries(rollout.opening.timeouts ?? {}).filter(([, seconds]) => seconds > longest);
  return slow.length === 0
    ? ''
    : `; what runs for longer than ${duration(longest)} is not counted in it: ${slow.map(([name, seconds]) => `${name} may run for ${duration(seconds)}`).join(', ')}`;
}

const longestBake = ({ opening: { plan } }: Rollout): Seconds =>
  Math.max(verifySecondsOf(plan), ...plan.steps.map(({ bakeSeconds }) => bakeSeconds));

/** Share of lost requests from which on a canary must be seen to lose them if it is to be called proven; the same of one whose requests may hang for longer than any bake, and are lost to it then. Assumed. */
const UNSEEN_MOST = 0.5;
const UNSEEN_HANGING = 0.1;

function mostlyUnseen(rollout: Rollout): string[] {
  const { lossSeen = {}, opening } = rollout;
  const longest = longestBake(rollout);
  return Object.entries(lossSeen).flatMap(([target, share]) => {
    const seconds = opening.timeouts?.[target] ?? 0;
    const most = seconds > longest ? UNSEEN_HANGING : UNSEEN_MOST;
    if (share !== null && share <= most) return [];
    const hangs =
      most === UNSEEN_HANGING
        ? `; its requests may hang for ${duration(seconds)}, and none of its bakes was longer than ${duration(longest)}`
        : '';
    return [`${target}: ${unseenLoss(share)}${hangs}`];
  });
}

/** What is called proven also names the loss that was too small to show in the counts of its steps. */
function unseen({ lossSeen = {} }: Rollout): string {
  const said = Object.entries(lossSeen).map(([target, share]) => `; ${target}: ${unseenLoss(share)}`);
  return said.join('');
}

type HumanCommand = Extract<
  Command,
  { type: 'Pause' | 'Resume' | 'Promote' | 'Approve' | 'Reject' | 'Abort' }
>;

function obey(rollout: Rollout, command: HumanCommand, at: Instant): RolloutEvent[] {
  const id = rollout.opening.rolloutId;
  // Somebody else read it off the target meanwhile: it did what it was to do, and says who gave it and why.
  if (command.type === 'Abort' && isAbortRead(rollout, command.by))
    return isEnded(rollout) ? [] : [{ type: 'Aborted', at, by: command.by, reason: command.reason }];
  if (isEnded(rollout))
    throw refused(`${id} has ended (${rollout.outcome}); there is nothing left to ${verb(command)}.`);
  const { rollsBack, targets } = rollout.opening;
  if (rollsBack !== undefined) {
    const leads = targets.map(({ name, stable }) => `version ${stable} of ${name}`).join(' and ');
    throw refused(
      `${id} is a rollback: it leads to ${leads} in one write and cannot ${verb(command)}; to serve ${rollsBack.release} again, retry ${rollsBack.rolloutId} once it has ended.`,
    );
  }
  if (rollout.leaving !== undefined) {
    if (command.type === 'Abort') return [];
    throw refused(
      `${id} is being reverted (its status says why) and cannot ${verb(command)}; upload a new release.`,
    );
  }
  switch (command.type) {
    case 'Abort':
      return abort(rollout, command, at);
    case 'Pause':
      if (rollout.pause !== undefined)
        throw refused(`${id} is paused already (its status says why); resume, promote or abort it.`);
      return [humanPause(at, command.by, command.reason)];
    case 'Resume':
      if (rollout.pause === undefined) throw refused(`${id} is not paused; there is nothing to resume.`);
      return [{ type: 'Resumed', at, by: command.by }];
    case 'Promote':
      return promote(rollout, command, at);
    case 'Approve':
      return approve(rollout, command, at);
    case 'Reject':
      return reject(rollout, command, at);
  }
}

/** A deleted version never comes back: if none of the targets has a way back, no command can be accepted that nothing would follow. */
function abort(
  rollout: Rollout,
  { by, reason, isUnanswered = false }: Extract<Command, { type: 'Abort' }>,
  at: Instant,
): RolloutEvent[] {
  if (isUnanswered && isWayBackGone(rollout)) {
    const { rolloutId, targets } = rollout.opening;
    const lost = targets.map(({ name, stable }) => `version ${stable} of ${name} does not exist any more`);
    throw refused(
      `${rolloutId} cannot be reverted: ${lost.join('; ')}. Point ${targets.map(({ traits }) => traits.noun).join(' and ')} at a version that you trust, or release a repaired one.`,
    );
  }
  return [{ type: 'Aborted', at, by, reason }];
}

function approve(
  rollout: Rollout,
  { gate, ...voice }: Extract<Command, { type: 'Approve' }>,
  at: Instant,
): RolloutEvent[] {
  const { declared, state } = openGate(rollout, gate, 'approve');
  const { rolloutId, author } = rollout.opening;
  const why =
    whyNoVoice(voice, declared, { command: 'approve', rolloutId }) ??
    (declared.notAuthor === true ? whyAuthor(voice, author) : undefined);
  if (why !== undefined) throw noVoice(rolloutId, gate, 'approval', why);
  // More names than are asked for would only fill the journal.
  const isPassed = missingAt(declared, state) === 0;
  return isPassed || approved(state, voice.by) === state
    ? []
    : [{ type: 'Approved', at, gate, by: voice.by }];
}

/** A rejection stops the rollout, or ends it if the file says so; an author may reject too. */
function reject(
  rollout: Rollout,
  { gate, reason, ...voice }: Extract<Command, { type: 'Reject' }>,
  at: Instant,
): RolloutEvent[] {
  const { declared } = openGate(rollout, gate, 'reject');
  const { rolloutId } = rollout.opening;
  const why = whyNoVoice(voice, declared, { command: 'reject', rolloutId });
  if (why !== undefined) throw noVoice(rolloutId, gate, 'rejection', why);
  const { by } = voice;
  const rejected: RolloutEvent = { type: 'Rejected', at, gate, by, reason };
  const said = `${nameOf(by)} rejected the gate before ${gate} %: ${reason}`;
  if (declared.reject === 'ends')
    return [rejected, { type: 'RevertOrdered', at, cause: 'human', reason: said, outcome: outOf(rollout) }];
  return rollout.pause === undefined ? [rejected, humanPause(at, by, said)] : [rejected];
}

/** @throws RolloutError CommandRefused if the gate is not open */
function openGate(
  { opening, gates }: Rollout,
  gate: Percent,
  verb: string,
): { declared: Gate; state: GateState } {
  const declared = opening.gates.find(({ before }) => before === gate);
  const state = gates[gate];
  if (declared !== undefined && state !== undefined) return { declared, state };
  const open = Object.keys(gates).map((before) => `${before} %`);
  throw refused(
    `${opening.rolloutId} has no open gate before ${gate} %${open.length > 0 ? `, only before ${open.join(', ')}` : ''}; look again and ${verb} the one that is asked for.`,
  );
}

const noVoice = (id: string, gate: Percent, what: string, why: string) =>
  refused(`The ${what} of the gate before ${gate} % of ${id} does not count: ${why}.`);

function humanPause(at: Instant, by: Actor, reason: string): RolloutEvent {
  return { type: 'Paused', at, by, reason, until: at + PAUSE_SECONDS_MAX * 1000, why: 'human' };
}

function promote(
  rollout: Rollout,
  { by, step, full }: Extract<Command, { type: 'Promote' }>,
  at: Instant,
): RolloutEvent[] {
  const id = rollout.opening.rolloutId;
  if (rollout.promotedAt !== undefined && rollout.pause === undefined && !isSuspect(rollout))
    throw refused(`${id} serves 100 % already; it is being verified.`);
  if (step !== undefined && step !== rollout.step) {
    throw refused(
      `${id} is at step ${rollout.step + 1}, not ${step + 1}; look again and promote that step if you still want to.`,
    );
  }
  return [{ type: 'PromotionOrdered', at, by, full }];
}

const verb = (command: HumanCommand) => command.type.toLowerCase();

function refused(message: string): RolloutError {
  return new RolloutError('CommandRefused', message);
}
