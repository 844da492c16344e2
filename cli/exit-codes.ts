import type { Outcome } from '../core/rollout/event.ts';

/** What a pipeline sees of each outcome. 13 is left to Node, which ends with it if something is never answered. */
export const EXIT_CODES: Record<Outcome, number> = {
  completed: 0,
  reverted: 10,
  refused: 11,
  superseded: 12,
  halted: 14,
};

/** Everything that the command line can end with, but for an outcome. */
export const FAILED = 1;
/** The call is wrong, or nobody is there to confirm it. */
export const WRONG_CALL = 2;
