import * as z from 'zod/mini';
import { between, type Fault, type Says, whole } from '../config/check.ts';
import { DAY, duration, MINUTE } from '../config/duration.ts';
import type { Percent, Seconds } from '../units.ts';
import type { Step } from './plan.ts';

/** A way to carry a release to its users: its name, its options, and the steps it means. */
export interface Strategy {
  /** What stands under the strategy's own key of the rollout file; absent if it is named by `strategy:` alone. */
  options?: z.ZodMiniType;
  /** How the strategy is written, with options of a sensible size. */
  example: string;
  /** The steps of options that were accepted; @throws an error of zod if they were not. */
  steps(options?: unknown): Step[];
  /** CodeDeploy's predefined configurations of this kind, under the names that SAM gives them. */
  presets: Record<string, Step[]>;
  /** What the rest of the rollout file lacks for this strategy; absent if it asks for nothing. */
  faults?(file: unknown): Fault[];
}

/** Shortest bake: CloudWatch keeps AWS/Lambda metrics in windows of a minute, and a bake is judged on whole ones. */
export const BAKE_MIN: Seconds = MINUTE;
/** Longest bake of one step. */
export const BAKE_MAX: Seconds = 7 * DAY;

/** A time that a step is held. */
export const bakeField = duration(BAKE_MIN, BAKE_MAX);

const weightSays: Says = ({ input }) =>
  input === 100
    ? 'promotion to 100 % follows the last step by itself, and `verify` is the time after it; remove this step.'
    : 'a weight is a whole percent from 1 to 99, written without a sign.';

/** A share of traffic within a plan. */
export const weightField = whole(1, 99, weightSays);

/** The smallest unit of weight that any kind of target has. */
const UNIT_MIN: Percent = 0.01;

/** The same where targets may take parts of a percent. */
export const fineWeightField = between(UNIT_MIN, 99, weightSays).check(
  // No `multipleOf`, by which others would refuse 0.29 for what floating point adds.
  z.refine((weight) => isMultiple(weight, UNIT_MIN), { error: weightSays }),
);

/** True for a multiple of a unit, but for what floating point adds. */
export const isMultiple = (weight: Percent, unit: Percent): boolean =>
  Math.abs(weight / unit - Math.round(weight / unit)) < 1e-6;

/** One step; without `maxBakeSeconds` it may wait for traffic three bakes long, and ten minutes more than its bake at least. */
export function step(weight: number, bakeSeconds: Seconds, maxBakeSeconds?: Seconds): Step {
  const patience = Math.min(BAKE_MAX, Math.max(3 * bakeSeconds, bakeSeconds + 10 * MINUTE));
  return { weight, bakeSeconds, maxBakeSeconds: maxBakeSeconds ?? patience };
}
