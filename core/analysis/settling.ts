import { WINDOW_MS } from '../units.ts';
import type { Course } from './trial.ts';
import type { Count, Window } from './types.ts';
import { sum } from './windows.ts';

/** Share of a canary's requests that may fail while the environments of a raise are new. A judgement. */
export const SETTLING_SHARE = 0.05;

/** Part of what bets hold that is staked on a minute in which environments are new: what is tolerated then hardly costs the evidence of other minutes. */
export const SETTLING_STAKE = 0.1;

const odds = (share: number) => share / (1 - share);

/** Tolerated odds ratio while environments are new: what a rule tolerates, or that `SETTLING_SHARE` fails beside what stable failed before. */
export function settleOdds({ bad, total }: Count, ratio: number): number {
  return Math.max(ratio, odds(SETTLING_SHARE) / odds((bad + 0.5) / (total + 1)));
}

/** What stable did before the first raise. */
export const stableBefore = (
  { raisedAt = Number.POSITIVE_INFINITY }: Course,
  windows: readonly Window[],
): Count => sum(windows.filter(({ start }) => start + WINDOW_MS <= raisedAt).map(({ stable }) => stable));

/**
 * True if environments that a raise has started answer in a minute: one in which traffic moved, or whose middle lies in the time to
 * settle after that. At the weight of a recall nothing was raised.
 */
export function isSettling({ opening, moves, recalls = [] }: Course, start: number): boolean {
  const ms = (opening.plan.warmUpSeconds ?? 0) * 1000;
  const middle = start + WINDOW_MS / 2;
  return (
    ms > 0 &&
    moves.some((at) => at < start + WINDOW_MS && (at >= start || middle < at + ms)) &&
    !recalls.some(({ from, to = Number.POSITIVE_INFINITY }) => start >= from && start < to)
  );
}
