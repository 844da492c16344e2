import { verifyMinutesOf } from '../plan/holdout.ts';
import { type Instant, WINDOW_MS } from '../units.ts';
import { VERIFY_HEAD, VERIFY_STAKE } from './holdout.ts';
import type { Course } from './trial.ts';
import type { PartName } from './types.ts';

/** One part of the evidence of a rule. */
export interface Part {
  name: PartName;
  /** Its part of the rule's stake; those of all parts add up to 1, and are fixed before the start. */
  stake: number;
  /** Minutes planned, fixed before the start. */
  planned: number;
  /** Part of its stake that bets from its first minute on; that of the rule if absent. */
  head?: number | undefined;
  /** Odds ratios that are bet on in place of the rule's own: at a recall's weight a minute or two must do. */
  bets?: readonly number[] | undefined;
}

/** Part of the stake on the minutes of recalls, what of it bets from their first one on, the minutes planned, and the bets. */
const RECALL_STAKE = 0.2;
const RECALL_HEAD = 0.5;
const RECALL_MINUTES = 30;
const RECALL_BETS = [2, 4, 12, 60];

/** Part of the stake on all minutes with a control, in a plan with steps. */
export const STEPS_STAKE = 1 - VERIFY_STAKE - RECALL_STAKE;

/**
 * The parts of the evidence of a comparison. A weighted mean of them is an e-value if each is: a recall is a stopping time, and
 * its part counts whole minutes after it alone (Ville 1939; Vovk and Wang 2021 for the mean).
 * `steps` is the number of planned minutes of the steps.
 */
export function partsOf({ opening: { plan } }: Course, steps: number): Part[] {
  const verifyMinutes = Math.max(2, verifyMinutesOf(plan));
  const recall = { name: 'recall' as const, planned: RECALL_MINUTES, head: RECALL_HEAD, bets: RECALL_BETS };
  if (plan.steps.length === 0) return [{ ...recall, stake: 1 }];
  return [
    { name: 'steps', stake: STEPS_STAKE, planned: steps + verifyMinutes },
    { name: 'verify', stake: VERIFY_STAKE, planned: verifyMinutes, head: VERIFY_HEAD },
    { ...recall, stake: RECALL_STAKE },
  ];
}

/** The windows that a part rests on, of those in which both versions met the same minutes. */
export function windowsIn<W extends { start: Instant }>(
  { verifySince = Number.POSITIVE_INFINITY, recalls = [] }: Course,
  { name }: Part,
  windows: readonly W[],
): W[] {
  if (name === 'steps') return [...windows];
  if (name === 'verify') return windows.filter(({ start }) => start >= verifySince);
  return windows.filter(({ start }) =>
    recalls.some(({ from, to = Number.POSITIVE_INFINITY }) => start >= from && start + WINDOW_MS <= to),
  );
}
