import type { Percent, Seconds } from '../units.ts';
import type { Segment } from './segments.ts';

/** One weight, held while it is watched. */
export interface Step {
  /** Share of the traffic; of a step inside a segment, by which it is told from others: that of the whole step before it and thousandths more, which draw nobody. */
  weight: Percent;
  /** The segment whose visitors alone this step raises, and their share. */
  within?: { segment: string; weight: Percent } | undefined;
  /** Least time at this weight, counted in whole metric windows. */
  bakeSeconds: Seconds;
  /** Longest time at this weight before `onInconclusive` applies; at least `bakeSeconds`. */
  maxBakeSeconds: Seconds;
  /** Canary requests that make the step complete, if the file asks for a number instead of a time. */
  untilRequests?: number | undefined;
  /** True for the part of verify in which a rest of the traffic stays on the stable version, as the control. */
  isHoldout?: true | undefined;
}

/** How a release goes out. Steps rise strictly within 1 to 99, of which the last may be a holdout; 100 % follows the last one. */
export interface Plan {
  steps: Step[];
  /** Who is in the segments that steps name; absent if none does. */
  segments?: Segment[] | undefined;
  /** Bake at 100 %, in which a revert is still armed: of verify what a holdout leaves. */
  verifySeconds: Seconds;
  /** How long after each raise its new environments may fail a few requests; not at all if it is absent, as in rollouts of earlier versions. */
  warmUpSeconds?: Seconds | undefined;
  onInconclusive: 'pause' | 'promote' | 'revert';
  /** What follows if the canary still looks worse, without proof, at the end of the longest bake; `pause` if it is absent. */
  onSuspect?: 'pause' | 'revert' | undefined;
  /** Probability, over the whole rollout, of reverting a release that is within its watch rules; 0.01 if it is absent. */
  alpha?: number | undefined;
  /** False if doubt may not return the canary to a lower weight for a while. */
  recall?: false | undefined;
  /** True if a step that is proven safe is left before its bake ends. */
  promoteEarly?: boolean | undefined;
}
