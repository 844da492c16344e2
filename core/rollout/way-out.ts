import type { Observed } from '../ports.ts';
import type { Percent } from '../units.ts';
import type { RevertBy, Target } from './event.ts';
import { SEQ_MAX, type Stamp } from './stamp.ts';

/** What a revert must write on one target, or that nothing of this rollout is there to be taken back. */
export type WayOut =
  | { write: { primary: string; weights: Record<string, Percent>; stamp: Stamp } }
  | { leave: 'sealed' | 'left already' | 'another rollout' };

/**
 * Takes our canary out of what stands there and touches nothing else. A target that another rollout has stamped, or
 * that this one sealed after completion, is no longer ours to change.
 */
export function wayOut(seen: Observed, target: Target, by: RevertBy): WayOut {
  const { primary, weights, stamp } = seen;
  if (stamp !== undefined && stamp.rolloutId !== by.rolloutId) return { leave: 'another rollout' };
  const { [target.canary]: share, ...others } = weights;
  if (stamp?.open === false && share === undefined) {
    if (primary !== target.canary) return { leave: 'left already' };
    if (!by.unseal) return { leave: 'sealed' };
  }
  const serving = primary === target.canary ? target.stable : primary;
  const { [serving]: _, ...weightsLeft } = others;
  const { rolloutId, epoch } = by;
  const seq = Math.min(SEQ_MAX, (stamp?.seq ?? 0) + 1);
  return { write: { primary: serving, weights: weightsLeft, stamp: { rolloutId, epoch, seq, open: false } } };
}

/** True where the version that serves is none of this rollout's. */
export function isStranger(primary: string, target: Target): boolean {
  return primary !== target.stable && primary !== target.canary;
}
