import type { SmokeCheck } from '../analysis/types.ts';
import type { Instant, Percent, Seconds } from '../units.ts';
import type { Cause, LeavingOutcome } from './event.ts';
import { hasCanaryTraffic, type Rollout } from './state.ts';
import { bakeOf, TICKS_MAX, tickDue } from './timing.ts';

/** What must be done next. The state machine's one Choice knows exactly these kinds. */
export type Directive =
  | { kind: 'hook'; index: number; check: SmokeCheck }
  | { kind: 'shift'; target: string; weight: Percent }
  | { kind: 'hold'; seconds: Seconds }
  | { kind: 'measure' }
  | { kind: 'promote'; target: string }
  | { kind: 'close' }
  | { kind: 'continue' }
  | { kind: 'revert'; cause: Cause; reason: string; outcome: LeavingOutcome };

export const DIRECTIVE_KINDS = [
  'hook',
  'shift',
  'hold',
  'measure',
  'promote',
  'close',
  'continue',
  'revert',
] as const satisfies Directive['kind'][];

/**
 * Says what must be done next. Pure: the same rollout at the same instant gives the same directive, so that a lost
 * execution is resumed by asking again. Every policy of a rollout is here, in `decide`, or in a function they call.
 */
export function next(rollout: Rollout, now: Instant): Directive {
  const ended = ending(rollout, now);
  if (ended !== undefined) return ended;
  if (rollout.ticks >= TICKS_MAX) return { kind: 'continue' };
  const check = rollout.opening.smoke[rollout.smoke.index];
  if (check !== undefined && rollout.pause === undefined)
    return { kind: 'hook', index: rollout.smoke.index, check };
  if (isWatched(rollout) && tickDue(rollout) <= now) return { kind: 'measure' };
  return (rollout.pause === undefined ? move(rollout) : undefined) ?? hold(rollout, now);
}

function ending(rollout: Rollout, now: Instant): Directive | undefined {
  const { outcome, leaving, pause, opening } = rollout;
  if (outcome === 'completed' || outcome === 'superseded') return { kind: 'close' };
  if (leaving !== undefined)
    return { kind: 'revert', cause: leaving.cause, reason: leaving.reason, outcome: leaving.outcome };
  if (outcome !== undefined)
    return { kind: 'revert', cause: 'environment', reason: rollout.reason ?? outcome, outcome: 'reverted' };
  if (pause !== undefined && pause.until <= now) return late(rollout, `the pause (${pause.reason}) ran out`);
  if (opening.deadline <= now) return late(rollout, 'the deadline of the whole rollout has passed');
  return undefined;
}

function late(rollout: Rollout, reason: string): Directive {
  return {
    kind: 'revert',
    cause: 'timeout',
    reason,
    outcome: hasCanaryTraffic(rollout) ? 'reverted' : 'refused',
  };
}

/** Traffic is watched from the first confirmed raise on. */
function isWatched(rollout: Rollout): boolean {
  return rollout.moves.length > 0;
}

/** The next thing that changes traffic, or closes; undefined while the present weight has to be held. */
function move(rollout: Rollout): Directive | undefined {
  if (rollout.promotedAt !== undefined) return isVerified(rollout) ? { kind: 'close' } : undefined;
  const step = mayGoOn(rollout) ? following(rollout) : rollout.step;
  const weight = rollout.opening.plan.steps[step]?.weight ?? 100;
  const target = rollout.opening.targets.find(({ name }) => rollout.traffic[name]?.weight !== weight)?.name;
  if (target === undefined) return undefined;
  return weight === 100 ? { kind: 'promote', target } : { kind: 'shift', target, weight };
}

function following({ promotion, step, opening }: Rollout): number {
  return promotion?.full ? opening.plan.steps.length : step + 1;
}

/** A step is left on a verdict `pass` that covers the whole bake, or on an order to promote. */
function mayGoOn(rollout: Rollout): boolean {
  const { step, stepSince, verdict, promotion } = rollout;
  if (promotion !== undefined && (promotion.full || promotion.step === step)) return true;
  if (step === -1) return true;
  const bake = bakeOf(rollout);
  if (stepSince === undefined || bake === undefined || verdict === undefined || verdict.from !== bake.from)
    return false;
  if (verdict.status === 'pass') return verdict.to >= bake.to;
  return (
    verdict.status === 'inconclusive' &&
    verdict.to >= bake.max &&
    rollout.opening.plan.onInconclusive === 'promote'
  );
}

function isVerified(rollout: Rollout): boolean {
  const { verdict, opening } = rollout;
  if (opening.plan.verifySeconds === 0) return true;
  const bake = bakeOf(rollout);
  if (bake === undefined || verdict === undefined || verdict.from !== bake.from || verdict.to < bake.to)
    return false;
  return verdict.status === 'pass' || verdict.status === 'inconclusive';
}

/** Longest single hold where nothing has to be measured; each one starts over, so a pause may last far longer. */
const HOLD_SECONDS_MAX: Seconds = 3600;

function hold(rollout: Rollout, now: Instant): Directive {
  const until = Math.min(
    isWatched(rollout) ? tickDue(rollout) : Number.POSITIVE_INFINITY,
    rollout.pause?.until ?? Number.POSITIVE_INFINITY,
  );
  const seconds = Math.ceil((until - now) / 1000);
  return { kind: 'hold', seconds: Math.min(HOLD_SECONDS_MAX, Math.max(1, seconds)) };
}
