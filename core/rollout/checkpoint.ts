import { alarmsAgainst } from '../analysis/alarms.ts';
import type { Instant, Percent } from '../units.ts';
import type { Gate, Hook, HookPoint } from './event.ts';
import { missingAt } from './gate.ts';
import { type HookState, isVerifying, type Rollout } from './state.ts';

/** Tries of a hook that cannot be asked before its declared policy applies. */
export const HOOK_TRIES_MAX = 3;

/** One thing that stands between a rollout and its next move; `id` names this occurrence of it. */
export type Checkpoint = { kind: 'hook'; id: string; hook: Hook } | { kind: 'gate'; id: string; gate: Gate };

/** What a rollout waits for at its checkpoints: to ask something now, for an answer until some moment, or nothing. */
export type Waiting =
  | { kind: 'ask'; checkpoint: Checkpoint }
  | { kind: 'wait'; checkpoint: Checkpoint; until: Instant }
  | undefined;

/** The checkpoints before the weight rises from the present step to `weight`, in the order in which they are passed; none is left once a promotion has begun, of which a holdout is the first part. */
export function checkpointsBefore(rollout: Rollout, step: number, weight: Percent): Checkpoint[] {
  if (isVerifying(rollout)) return [];
  const isPromotion = weight === 100 || rollout.opening.plan.steps[step]?.isHoldout === true;
  return [
    ...(rollout.step === -1
      ? hooksAt(rollout, 'beforeTraffic', '')
      : hooksAt(rollout, 'afterStep', `@${rollout.step}`)),
    ...gatesBefore(rollout, isPromotion ? 100 : weight),
    ...(isPromotion ? hooksAt(rollout, 'beforePromotion', '') : hooksAt(rollout, 'beforeStep', `@${step}`)),
  ];
}

/** The checkpoints after promotion, while it is being verified. */
export function checkpointsAfterPromotion(rollout: Rollout): Checkpoint[] {
  return hooksAt(rollout, 'afterPromotion', '');
}

/** The checkpoint of an occurrence's id, wherever in the rollout it stands; undefined for any other text. */
export function checkpointOf(rollout: Rollout, id: string): Checkpoint | undefined {
  const hook = rollout.opening.hooks.find((each) => each.id === id.split('@')[0]);
  return hook && { kind: 'hook', id, hook };
}

/** The first checkpoint that is not passed yet, and what has to be done about it. */
export function waitingAt(rollout: Rollout, checkpoints: Checkpoint[], now: Instant): Waiting {
  const first = checkpoints.find((checkpoint) => !isPassed(rollout, checkpoint, now));
  if (first === undefined) return undefined;
  const until =
    first.kind === 'hook'
      ? pendingUntil(rollout.hooks[first.id], now)
      : rollout.gates[first.gate.before]?.until;
  return until === undefined
    ? { kind: 'ask', checkpoint: first }
    : { kind: 'wait', checkpoint: first, until };
}

/** A hook that was started is waited for until its time is over, then found broken; a broken one is left alone before the next try. */
function pendingUntil(state: HookState | undefined, now: Instant): Instant | undefined {
  const isPending = state?.status === 'started' || state?.status === 'broken';
  return isPending && now < state.until ? state.until : undefined;
}

function isPassed(rollout: Rollout, checkpoint: Checkpoint, now: Instant): boolean {
  if (checkpoint.kind === 'hook') {
    const state = rollout.hooks[checkpoint.id];
    if (state?.status === 'pass') return true;
    if (!isSettled(state)) return false;
    // Whatever did not pass paused the rollout, so a promotion that is in force now was ordered in its knowledge.
    if (isPromoted(rollout)) return true;
    return state?.status === 'inconclusive'
      ? rollout.opening.plan.onInconclusive === 'promote'
      : state?.status === 'broken' && checkpoint.hook.onBroken === 'ignore';
  }
  const { gate } = checkpoint;
  const state = rollout.gates[gate.before];
  if (state === undefined) return false;
  return missingAt(gate, state) === 0 || (gate.onTimeout === 'promote' && now >= state.until);
}

/** True if a hook has said its last word: it answered, or could not be asked as often as is tried. */
function isSettled(state: HookState | undefined): boolean {
  if (state?.status === 'broken') return state.brokenInRow >= HOOK_TRIES_MAX;
  return state !== undefined && state.status !== 'started';
}

/** True while a command to go on holds for the present step. */
export function isPromoted({ promotion, step }: Rollout): boolean {
  return promotion !== undefined && (promotion.full || promotion.step === step);
}

/**
 * True if nothing automatic may go on, because the canary looks worse and nobody has ordered to go past that: below 100 % any
 * command of a person in force here does, in verify only one that was given there. A rollback is such a command itself.
 */
export function isSuspect(rollout: Rollout): boolean {
  const { suspicion, promotion, step, opening } = rollout;
  if (suspicion === undefined || opening.rollsBack !== undefined) return false;
  if (promotion === undefined || promotion.isPlans === true) return true;
  return isVerifying(rollout) ? promotion.step !== step : !isPromoted(rollout);
}

/** True if verify cannot end, because an alarm is red that went off between opening and first raise and nobody has ordered to go past that at 100 %. */
export function isHeldByAlarm(rollout: Rollout): boolean {
  const { promotion, step } = rollout;
  return isVerifying(rollout) && promotion?.step !== step && alarmsAgainst(rollout).red.length > 0;
}

/** A gate that ran out and says so; it reverts the release. */
export function lateGate(waiting: Waiting, now: Instant): Gate | undefined {
  return waiting?.kind === 'wait' && waiting.checkpoint.kind === 'gate' && now >= waiting.until
    ? waiting.checkpoint.gate
    : undefined;
}

/** The gates that still hold a rollout before the weight that it goes to next, or before 100 % if it was promoted in full. */
export function gatesAhead(rollout: Rollout): Gate[] {
  const { step, promotion, opening, gates } = rollout;
  const weight = promotion?.full ? 100 : (opening.plan.steps[step + 1]?.weight ?? 100);
  return checkpointsBefore(rollout, step + 1, weight)
    .flatMap((checkpoint) => (checkpoint.kind === 'gate' ? [checkpoint.gate] : []))
    .filter((gate) => missingAt(gate, gates[gate.before]) > 0);
}

function hooksAt({ opening }: Rollout, point: HookPoint, occurrence: string): Checkpoint[] {
  return opening.hooks
    .filter((hook) => hook.point === point)
    .map((hook) => ({ kind: 'hook', id: `${hook.id}${occurrence}`, hook }));
}

/** Gates between the present weight and the next one: each is passed once. */
function gatesBefore(rollout: Rollout, weight: Percent): Checkpoint[] {
  const present = rollout.opening.plan.steps[rollout.step]?.weight ?? 0;
  return rollout.opening.gates
    .filter(({ before }) => before > present && before <= weight)
    .map((gate) => ({ kind: 'gate', id: `gate@${gate.before}`, gate }));
}
