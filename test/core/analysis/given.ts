import type { Count, Window } from '../../../core/analysis/types.ts';
import { minute } from '../rollout/given.ts';

/** What was counted of one version in a window. */
export type Pair = [bad: number, total: number];

export const count = ([bad, total]: Pair): Count => ({ bad, total });

/** The window that begins so many minutes after the opening. */
export const window = (start: number, canary?: Pair, stable?: Pair): Window => ({
  start: minute(start),
  ...(canary === undefined ? {} : { canary: count(canary) }),
  ...(stable === undefined ? {} : { stable: count(stable) }),
});
