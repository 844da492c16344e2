import { type Instant, type Percent, WINDOW_MS } from '../units.ts';
import type { MovedWindow } from './evalue.ts';
import {
  type Clustering,
  capitalOfRatio,
  combined,
  evidenceOfRatio,
  FAILURE_BETS,
  HEAD,
  type Question,
} from './evidence.ts';
import { VERIFY_HEAD, VERIFY_STAKE } from './holdout.ts';
import type { RatioCapital } from './mixture.ts';
import type { Window } from './types.ts';

/** Odds ratios that are bet on in a recall, which has few minutes, as multiples of the tolerated one. */
export const RECALL_BETS = [2, 4, 12, 60];

/** Minutes that a recall lasts before it is held. */
export const RECALL_MINUTES_MAX = 30;

/** Part of the stake that bets on all compared minutes, and on those of recalls. Assumed, as is what bets on a recall's first minute. */
const STEPS_STAKE = 0.6;
const RECALL_STAKE = 0.2;
const RECALL_HEAD = 0.5;

/** One move of a target's traffic, and what the canary is there for at its weight. */
export interface Move {
  at: Instant;
  weight: Percent;
  /** `step` before promotion, `verify` with a holdout or at 100 %, `recall` to a weight at which stable is a control again. */
  as: 'step' | 'verify' | 'recall';
}

/** What a minute can say of a canary's guilt. */
export interface Place {
  /** The largest weight in force if traffic moved in it, and absent otherwise. */
  movedTo?: Percent | undefined;
  /** True from the first whole minute since promotion on. */
  isSincePromotion: boolean;
  /** True if the whole of it was at a recall's weight. */
  isRecall: boolean;
}

/**
 * What the minute that begins at `start` can say of a target's canary; undefined if it has no control: before the first raise, and if
 * 100 % stood for any part of it, since nothing says which requests met that part.
 * @param moves of one target, oldest first
 */
export function placeOf(start: Instant, moves: readonly Move[]): Place | undefined {
  const before = moves.findLast(({ at }) => at < start);
  const within = moves.filter(({ at }) => at >= start && at < start + WINDOW_MS);
  const weights = [before, ...within].flatMap((move) => (move === undefined ? [] : [move.weight]));
  const largest = Math.max(0, ...weights);
  if (largest === 0 || largest >= 100) return undefined;
  const promotedAt = moves.find(({ as }) => as !== 'step')?.at ?? Number.POSITIVE_INFINITY;
  return {
    movedTo: within.length > 0 ? largest : undefined,
    isSincePromotion: start >= promotedAt,
    isRecall: within.length === 0 && before?.as === 'recall',
  };
}

/** What three starts of the comparison rest on, or what they say. */
export interface Stretches<Of> {
  /** All compared minutes since the first raise. */
  steps: Of;
  /** Those since promotion. */
  verify: Of;
  /** Those that were at a recall's weight throughout. */
  recall: Of;
}

/** Minutes in which both versions had requests, for each start; those with a move in them carry the largest share that the canary can have had. */
export function comparedStretches(
  windows: readonly Window[],
  moves: readonly Move[],
): Stretches<(MovedWindow & { start: Instant })[]> {
  const compared = windows.flatMap(({ start, canary, stable }) => {
    const place = placeOf(start, moves);
    if (place === undefined || !canary?.total || !stable?.total) return [];
    const counts = { start, c: canary.bad, nc: canary.total, s: stable.bad, ns: stable.total };
    const realised = counts.nc / (counts.nc + counts.ns);
    const share = place.movedTo === undefined ? undefined : Math.max(realised, place.movedTo / 100);
    return [{ place, window: share === undefined ? counts : { ...counts, share } }];
  });
  const of = (isIn: (place: Place) => boolean) =>
    compared.flatMap(({ place, window }) => (isIn(place) ? [window] : []));
  return {
    steps: of(() => true),
    verify: of(({ isSincePromotion }) => isSincePromotion),
    recall: of(({ isRecall }) => isRecall),
  };
}

/** What a canary is compared with stable by. */
export interface GuiltQuestion {
  /** Tolerated odds ratio, at least 1. */
  w0: number;
  /** Minutes that the steps take at their longest, and those of verify; fixed before the start. */
  planned: number;
  verifyMinutes: number;
  clustering: Clustering;
  /** Odds ratios that are bet on; those of failures if absent. */
  bets?: readonly number[] | undefined;
  recallBets?: readonly number[] | undefined;
}

/** The question of each start. Starts are whole minutes: for a part of one, the stake would be given twice. */
function questionsOf(question: GuiltQuestion): Stretches<Question> {
  const { w0, planned, verifyMinutes, clustering } = question;
  const { bets = FAILURE_BETS, recallBets = RECALL_BETS } = question;
  const common = { w0, clustering, bets };
  return {
    steps: { ...common, planned: Math.ceil(planned + verifyMinutes), head: HEAD },
    verify: { ...common, planned: Math.ceil(verifyMinutes), head: VERIFY_HEAD },
    recall: { ...common, bets: recallBets, planned: RECALL_MINUTES_MAX, head: RECALL_HEAD },
  };
}

/**
 * Log evidence of each start that the canary's odds of a bad request are above `w0` times those of stable, in these minutes and in
 * those of `before`.
 */
export function evidenceOfStretches(
  { steps, verify, recall }: Stretches<readonly MovedWindow[]>,
  question: GuiltQuestion,
  before?: Stretches<RatioCapital>,
): Stretches<number> {
  const questions = questionsOf(question);
  return {
    steps: evidenceOfRatio(steps, questions.steps, before?.steps),
    verify: evidenceOfRatio(verify, questions.verify, before?.verify),
    recall: evidenceOfRatio(recall, questions.recall, before?.recall),
  };
}

/** What the bets of each start hold after these minutes, which follow those of `before`: all that later minutes need of them. */
export function capitalOfStretches(
  { steps, verify, recall }: Stretches<readonly MovedWindow[]>,
  question: GuiltQuestion,
  before?: Stretches<RatioCapital>,
): Stretches<RatioCapital> {
  const questions = questionsOf(question);
  return {
    steps: capitalOfRatio(steps, questions.steps, before?.steps),
    verify: capitalOfRatio(verify, questions.verify, before?.verify),
    recall: capitalOfRatio(recall, questions.recall, before?.recall),
  };
}

/**
 * Log evidence of a rule against the canary: under "its odds of a bad request are at most those tolerated" it ever reaches ln(1/alpha)
 * with probability at most alpha, whatever moved the weights, a recall by the weather itself included.
 * @param isAtOnce true for a plan without steps: only a recall gives it a control
 * Source: a mean of e-processes with parts fixed before the start; a recall begins at a stopping time and counts only minutes after it; Ville 1939.
 */
export function guiltOf({ steps, verify, recall }: Stretches<number>, isAtOnce: boolean): number {
  if (isAtOnce) return recall;
  return combined([
    { weight: STEPS_STAKE, evidence: steps },
    { weight: VERIFY_STAKE, evidence: verify },
    { weight: RECALL_STAKE, evidence: recall },
  ]);
}
