import type { Observed } from '../ports.ts';
import type { Percent } from '../units.ts';
import type { Target } from './event.ts';
import type { Stamp } from './stamp.ts';

/** What a revert must write on one target, or that nothing of this rollout is there to be taken back. */
export type WayOut =
  | { write: { primary: string; weights: Record<string, Percent>; stamp: Stamp } }
  | { leave: 'sealed' | 'left already' | 'another rollout' };

/**
 * Takes our canary out of what stands there and touches nothing else. A target that another rollout has stamped, or
 * that this one sealed after completion, is no longer ours to change.
 */
export function wayOut(seen: Observed, target: Target, by: { rolloutId: string; epoch: number }): WayOut {
  const { primary, weights, stamp } = seen;
  if (stamp !== undefined && stamp.rolloutId !== by.rolloutId) return { leave: 'another rollout' };
  const { [target.canary]: share, ...others } = weights;
  if (stamp?.open === false && share === undefined)
    return { leave: primary === target.canary ? 'sealed' : 'left already' };
  return {
    write: {
      primary: primary === target.canary ? target.stable : primary,
      weights: others,
      stamp: { ...by, seq: (stamp?.seq ?? 0) + 1, open: false },
    },
  };
}

/** True where the version that serves is none of this rollout's. */
export function isStranger(primary: string, target: Target): boolean {
  return primary !== target.stable && primary !== target.canary;
}
