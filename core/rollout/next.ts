import type { Instant, Percent, Seconds } from '../units.ts';
import {
  type Checkpoint,
  checkpointsAfterPromotion,
  checkpointsBefore,
  isHeldByAlarm,
  isPromoted,
  isSuspect,
  lateGate,
  type Waiting,
  waitingAt,
} from './checkpoint.ts';
import { HOLD_SECONDS_MAX, hasCanaryTraffic, PUBLISH_SECONDS_MAX, tickDue } from './due.ts';
import type { Cause, Gate, LeavingOutcome } from './event.ts';
import { inOrder, mayMoveFrom } from './leaders.ts';
import { isDoubted } from './recall.ts';
import { isVerifying, isWayBackGone, outOf, type Rollout, weightNow } from './state.ts';
import { bakeOf, heardTo, TICKS_MAX } from './timing.ts';

/** What must be done next. The state machine's one Choice knows exactly these kinds. */
export type Directive =
  | { kind: 'publish'; target: string }
  | { kind: 'hook'; checkpoint: Checkpoint }
  | { kind: 'shift'; target: string; weight: Percent }
  | { kind: 'hold'; seconds: Seconds }
  | { kind: 'measure' }
  | { kind: 'promote'; target: string }
  | { kind: 'close' }
  | { kind: 'done' }
  | { kind: 'continue' }
  /** The targets were reverted: the execution says so and ends. Only RevertTraffic gives it, since it must not need the journal. */
  | { kind: 'left' }
  | { kind: 'revert'; cause: Cause; reason: string; outcome: LeavingOutcome };

/** All kinds of directive. */
export const DIRECTIVE_KINDS = [
  'publish',
  'hook',
  'shift',
  'hold',
  'measure',
  'promote',
  'close',
  'done',
  'continue',
  'left',
  'revert',
] as const satisfies Directive['kind'][];

/**
 * Says what must be done next. Pure: the same rollout at the same instant gives the same directive, so that a lost
 * execution is resumed by asking again. Every policy of a rollout is here, in `decide`, or in a function they call.
 */
export function next(rollout: Rollout, now: Instant): Directive {
  const ended = ending(rollout, now);
  if (ended !== undefined) return ended;
  const unpublished = rollout.opening.targets.find(({ publish }) => publish !== undefined);
  if (unpublished !== undefined) return publish(rollout, unpublished.name, now);
  // An execution knows the versions it was started with; a fresh one can revert the new ones even without a function.
  if (rollout.ticks >= TICKS_MAX || rollout.publishedIn === rollout.epoch) return { kind: 'continue' };
  if (hasCanaryTraffic(rollout) && tickDue(rollout) <= now) return { kind: 'measure' };
  // A pause keeps the weight from rising; a recall lowers it.
  if (rollout.recall !== undefined) return recalled(rollout, now);
  if (rollout.pause !== undefined) return hold(rollout, now);
  return forward(rollout, now);
}

function publish(rollout: Rollout, target: string, now: Instant): Directive {
  const isLate = now > rollout.openedAt + PUBLISH_SECONDS_MAX * 1000;
  return isLate ? late(rollout, `${target} could not be published in time`) : { kind: 'publish', target };
}

function ending(rollout: Rollout, now: Instant): Directive | undefined {
  const { outcome, leaving, pause, opening } = rollout;
  if (outcome === 'completed' || outcome === 'superseded') return { kind: 'done' };
  if (leaving !== undefined)
    return { kind: 'revert', cause: leaving.cause, reason: leaving.reason, outcome: leaving.outcome };
  if (outcome !== undefined)
    return { kind: 'revert', cause: 'environment', reason: rollout.reason ?? outcome, outcome: 'reverted' };
  if (isHeld(rollout)) return undefined;
  if (pause !== undefined && pause.until <= now) return late(rollout, `the pause (${pause.reason}) ran out`);
  if (opening.deadline <= now) return late(rollout, 'the deadline of the whole rollout has passed');
  return undefined;
}

/**
 * An irreversible release waits for a human indefinitely; paging repeats. If there is nothing left that an
 * order could revert, because every version to go back to was deleted or somebody took the canary out, to wait would only
 * lock the targets against the next release.
 */
export function isHeld(rollout: Rollout): boolean {
  return !rollout.opening.reversible && isServed(rollout) && !isWayBackGone(rollout);
}

/** True while the canary has traffic as far as is known, or a raise of it is under way. */
function isServed({ left, traffic, intents }: Rollout): boolean {
  return (
    left === undefined && (intents.length > 0 || Object.values(traffic).some(({ weight }) => weight > 0))
  );
}

function late(rollout: Rollout, reason: string): Directive {
  return {
    kind: 'revert',
    cause: 'timeout',
    reason,
    outcome: outOf(rollout),
  };
}

/** Traffic goes down to the weight of the recall, where the canary stays until an event ends it. */
function recalled(rollout: Rollout, now: Instant): Directive {
  if ((rollout.deferred ?? 0) > now) return hold(rollout, now, rollout.deferred);
  return move(rollout, weightNow(rollout), now) ?? hold(rollout, now);
}

/** What brings the rollout on: a checkpoint, a move of traffic, the close; or a hold at the present weight. */
function forward(rollout: Rollout, now: Instant): Directive {
  const demanded = checked(rollout, standing(rollout, now), now);
  if (demanded !== undefined) return demanded;
  if ((rollout.deferred ?? 0) > now) return hold(rollout, now, rollout.deferred);
  if (rollout.promotedAt !== undefined) return isVerified(rollout) ? { kind: 'close' } : hold(rollout, now);
  // A suspect canary that comes back from a wait is judged at the weight at which it looked worse.
  if (isSuspect(rollout)) {
    const isBack = rollout.remaining !== undefined;
    return (isBack ? move(rollout, weightNow(rollout), now) : undefined) ?? hold(rollout, now);
  }
  return move(rollout, goalOf(rollout).weight, now) ?? hold(rollout, now);
}

/** The step that the traffic is at, or moves to once it may leave that one. */
function goalOf(rollout: Rollout): { step: number; weight: Percent } {
  const step = mayGoOn(rollout) ? following(rollout) : rollout.step;
  return { step, weight: rollout.opening.plan.steps[step]?.weight ?? 100 };
}

/** What stands between the rollout and its next move now. */
function standing(rollout: Rollout, now: Instant): Waiting {
  if (rollout.promotedAt !== undefined) return waitingAt(rollout, checkpointsAfterPromotion(rollout), now);
  if (!mayGoOn(rollout)) return undefined;
  const { step, weight } = goalOf(rollout);
  return waitingAt(rollout, checkpointsBefore(rollout, step, weight), now);
}

/** True if this is what the rollout would ask now, or waits for: an answer may come before its question is recorded. */
export function isAwaited(rollout: Rollout, occurrence: string, now: Instant): boolean {
  if (rollout.pause !== undefined || rollout.opening.targets.some(({ publish }) => publish !== undefined))
    return false;
  return standing(rollout, now)?.checkpoint.id === occurrence;
}

/** The gate that ran out while an irreversible release holds its weight: only a person can go on, so one has to be paged. */
export function gateRunOut(rollout: Rollout, now: Instant): Gate | undefined {
  return isHeld(rollout) ? lateGate(standing(rollout, now), now) : undefined;
}

/** What a checkpoint demands; undefined if there is none left. */
function checked(rollout: Rollout, waiting: Waiting, now: Instant): Directive | undefined {
  if (waiting === undefined) return undefined;
  const gate = lateGate(waiting, now);
  if (gate !== undefined && isHeld(rollout)) return hold(rollout, now);
  if (gate !== undefined) return late(rollout, `the gate before ${gate.before} % was not approved in time`);
  return waiting.kind === 'ask'
    ? { kind: 'hook', checkpoint: waiting.checkpoint }
    : hold(rollout, now, waiting.until);
}

function move(rollout: Rollout, weight: Percent, now: Instant): Directive | undefined {
  const target = inOrder(rollout, weight).find(({ name }) => rollout.traffic[name]?.weight !== weight);
  if (target === undefined) return undefined;
  const from = mayMoveFrom(rollout, target, weight);
  if (from > now) return hold(rollout, now, from);
  return weight === 100
    ? { kind: 'promote', target: target.name }
    : { kind: 'shift', target: target.name, weight };
}

function following({ promotion, step, opening }: Rollout): number {
  return promotion?.full ? opening.plan.steps.length : step + 1;
}

/** A step is left on a verdict `pass` that covers the whole bake (or proves it safe, if the plan takes that), or on a command to promote; if the canary is suspect, only on a person's. */
function mayGoOn(rollout: Rollout): boolean {
  const { step, verdict } = rollout;
  if (isSuspect(rollout)) return false;
  if (isPromoted(rollout)) return true;
  if (step === -1) return true;
  if (isVerifying(rollout)) return isVerified(rollout);
  const bake = bakeOf(rollout);
  if (bake === undefined || verdict === undefined || verdict.from !== bake.from) return false;
  const isProven = rollout.opening.plan.promoteEarly === true && verdict.certified === true;
  return verdict.status === 'pass' && (isProven || verdict.to >= bake.to);
}

function isVerified(rollout: Rollout): boolean {
  const { verdict, opening, step } = rollout;
  if (isSuspect(rollout)) return false;
  // What a plan does not verify is measured all the same while a hook after promotion is asked.
  if (step >= opening.plan.steps.length && opening.plan.verifySeconds === 0)
    return verdict === undefined || !isDoubted(rollout, verdict);
  const bake = bakeOf(rollout);
  if (
    bake === undefined ||
    verdict === undefined ||
    verdict.from !== bake.from ||
    heardTo(rollout, verdict.to) < bake.to
  )
    return false;
  if (isDoubted(rollout, verdict)) return false;
  return verdict.status !== 'broken' && verdict.status !== 'fail' && !isHeldByAlarm(rollout);
}

function hold(rollout: Rollout, now: Instant, answerDue = Number.POSITIVE_INFINITY): Directive {
  const until = Math.min(
    hasCanaryTraffic(rollout) ? tickDue(rollout) : Number.POSITIVE_INFINITY,
    rollout.pause?.until ?? Number.POSITIVE_INFINITY,
    answerDue,
  );
  const seconds = Math.ceil((until - now) / 1000);
  return { kind: 'hold', seconds: Math.min(HOLD_SECONDS_MAX, Math.max(1, seconds)) };
}
