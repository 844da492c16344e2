import { SUSPICIOUS } from '../analysis/evidence.ts';
import { RECALL_MINUTES_MAX } from '../analysis/guilt.ts';
import { RECALL_WEIGHT, RECALL_WEIGHT_SILENT, RECALL_WEIGHT_UNDER_LOAD } from '../analysis/holdout.ts';
import type { Percent } from '../units.ts';

/** Whole minutes at a recall's weight before the canary may return: on proof that it is safe, or on calm at the first recall and at later ones. */
const RECALL_MINUTES_MIN = 2;
const CALM_MINUTES = 5;
const CALM_MINUTES_LATER = 10;

/** Recalls of one rollout; the last one is held for people. */
const RECALLS_MAX = 3;

/** Least minutes that a canary is judged anew after a recall. */
const JUDGED_ANEW_MINUTES = 3;

/** Minutes beyond the planned ones that verify is prolonged while a canary looks worse, or is in doubt and cannot be recalled. */
const PROLONGED_MINUTES_MAX = 60;

/** A stretch of verify: with the holdout on stable, or the rest of it at 100 %. */
export interface VerifyStretch {
  kind: 'holdout' | 'rest';
  weight: Percent;
  /** Whole minutes at this weight that have settled. */
  minutes: number;
  /** Whole minutes that it takes. */
  planned: number;
}

/** A stretch at a lower weight, at which stable is a control. */
export interface RecallStretch {
  kind: 'recall';
  /** Which recall of this rollout it is, from 1 on. */
  nth: number;
  /** Whole minutes at this weight that have settled. */
  minutes: number;
  /** Minutes since it was ordered. */
  elapsed: number;
  /** Requests of the canary in its whole minutes. */
  requests: number;
  /** True if every rule of every target certifies the canary by the minutes of this recall. */
  isCertified: boolean;
  /** True if the target's newest two minutes are known and not in doubt by themselves. */
  isCalm: boolean;
  /** What it was recalled from. */
  from: VerifyStretch;
}

/** What one look after promotion says, over all targets. */
export interface GuardLook {
  stretch: VerifyStretch | RecallStretch;
  /** True if nothing newer than at the look before can be known of any metric. */
  isBroken: boolean;
  /** True if the evidence of all rules together reverts. */
  isGuilty: boolean;
  /** Natural logarithm of the evidence of each rule. */
  evidence: readonly number[];
  /** True if more requests fail than the past explains. */
  isDoubted: boolean;
  /** True if far fewer requests come than were due, while those of others are counted. */
  isSilent: boolean;
  /** True if six minutes in a row were worse than any that the past showed. */
  isOutage: boolean;
  /** Recalls so far, the present one included. */
  recalls: number;
  /** False if the versions cannot share the traffic, if the release is not reversible, or if the file says `recall: off`. */
  canRecall: boolean;
  /** True if the file reverts what stays inconclusive, in place of asking people. */
  revertsHeld: boolean;
}

/** Why a rollout is held for people: no proof in a recall, a third doubt, a canary that looks worse, or a doubt without a control. */
export type HeldWhy = 'recall' | 'doubted' | 'suspect' | 'uncontrolled';

/** What follows from a look after promotion. */
export type GuardDecision =
  /** Nothing new: measure again. */
  | { kind: 'wait' }
  /** Nothing can be measured; it goes on by itself once counts come. */
  | { kind: 'broken' }
  /** A control spoke: revert and quarantine. */
  | { kind: 'fail' }
  /** Back to a lower weight, at which a control decides. */
  | { kind: 'recall'; nth: number; weight: Percent; pages: boolean }
  /** Back to where the recall came from, to be judged anew for so many minutes. */
  | { kind: 'return'; to: VerifyStretch['kind']; weight: Percent; minutes: number }
  /** Verify does not end yet. */
  | { kind: 'prolong'; pages: boolean }
  /** Pause as suspect and page somebody. */
  | { kind: 'held'; why: HeldWhy }
  /** Revert without blame and without quarantine. */
  | { kind: 'revert'; why: HeldWhy | 'outage' }
  /** The holdout has passed: to 100 %. */
  | { kind: 'full' }
  /** All of verify has passed. */
  | { kind: 'close' };

/** What follows from one look after promotion. Only a comparison with stable convicts a canary; its target's past brings it back to a control at most. */
export function guardDecision(look: GuardLook): GuardDecision {
  if (look.isBroken) return { kind: 'broken' };
  if (look.isGuilty) return { kind: 'fail' };
  const { stretch } = look;
  if (stretch.kind === 'recall') return inRecall(look, stretch);
  if (look.isDoubted || look.isSilent)
    return look.canRecall ? recalled(look, stretch) : uncontrolled(look, stretch);
  if (isSuspect(look)) return prolonged(look, stretch, { why: 'suspect', pages: false });
  if (stretch.minutes < stretch.planned) return { kind: 'wait' };
  return stretch.kind === 'holdout' ? { kind: 'full' } : { kind: 'close' };
}

function inRecall(look: GuardLook, stretch: RecallStretch): GuardDecision {
  const { nth, minutes, elapsed, requests, isCertified, isCalm, from } = stretch;
  if (nth >= RECALLS_MAX) return held(look, 'doubted');
  const isPassed = minutes >= (nth === 1 ? CALM_MINUTES : CALM_MINUTES_LATER) && requests > 0 && isCalm;
  if (minutes >= RECALL_MINUTES_MIN && !isSuspect(look) && !look.isSilent && (isCertified || isPassed)) {
    const left = Math.max(JUDGED_ANEW_MINUTES, from.planned - from.minutes);
    return { kind: 'return', to: from.kind, weight: from.weight, minutes: left };
  }
  return elapsed >= RECALL_MINUTES_MAX ? held(look, 'recall') : { kind: 'wait' };
}

function recalled({ recalls, isSilent }: GuardLook, { weight }: VerifyStretch): GuardDecision {
  const nth = recalls + 1;
  const least = isSilent ? RECALL_WEIGHT_SILENT : nth === 2 ? RECALL_WEIGHT_UNDER_LOAD : RECALL_WEIGHT;
  return { kind: 'recall', nth, weight: Math.min(weight, least), pages: nth > 1 };
}

/** A doubt that no control can answer reverts only if nothing like it was ever seen; otherwise people decide. */
function uncontrolled(look: GuardLook, stretch: VerifyStretch): GuardDecision {
  return look.isOutage
    ? { kind: 'revert', why: 'outage' }
    : prolonged(look, stretch, { why: 'uncontrolled', pages: true });
}

function prolonged(
  look: GuardLook,
  { minutes, planned }: VerifyStretch,
  { why, pages }: { why: HeldWhy; pages: boolean },
): GuardDecision {
  return minutes - planned >= PROLONGED_MINUTES_MAX ? held(look, why) : { kind: 'prolong', pages };
}

const held = ({ revertsHeld }: GuardLook, why: HeldWhy): GuardDecision =>
  revertsHeld ? { kind: 'revert', why } : { kind: 'held', why };

/** What is not known to be less is suspect. */
const isSuspect = ({ evidence }: GuardLook): boolean => evidence.some((log) => !(log < SUSPICIOUS));
