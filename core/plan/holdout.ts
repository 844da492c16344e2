import { verifySplitOf } from '../analysis/holdout.ts';
import type { Percent, Seconds } from '../units.ts';
import type { Plan, Step } from './plan.ts';

/**
 * The plan with most of its verify beside a holdout: a last step at which so many percent stay on the stable version. The plan
 * as it is if it has no steps, if it verifies nothing, or if nothing is to be held out.
 */
export function withHoldout(plan: Plan, percent: Percent): Plan {
  const last = plan.steps.at(-1);
  if (last === undefined || percent === 0 || plan.verifySeconds === 0) return plan;
  const { holdoutMinutes, restMinutes } = verifySplitOf(plan.verifySeconds, false);
  const seconds = holdoutMinutes * 60;
  const verifySeconds = restMinutes * 60;
  if (last.weight < 100 - percent) {
    const step: Step = {
      weight: 100 - percent,
      bakeSeconds: seconds,
      maxBakeSeconds: seconds,
      isHoldout: true,
    };
    return { ...plan, steps: [...plan.steps, step], verifySeconds };
  }
  // The last step leaves no more on stable than a holdout would, so it is one.
  const longer = {
    ...last,
    bakeSeconds: last.bakeSeconds + seconds,
    maxBakeSeconds: last.maxBakeSeconds + seconds,
  };
  return { ...plan, steps: [...plan.steps.slice(0, -1), longer], verifySeconds };
}

/** Minutes of verify that are reckoned with if a plan declares none: a canary that waits at 100 % is looked at all the same. */
const UNDECLARED_MINUTES = 10;

/** Minutes that a plan verifies in all, the holdout included. */
export function verifyMinutesOf({ steps, verifySeconds }: Plan): number {
  const seconds = verifySecondsOf({ steps, verifySeconds });
  return seconds === 0 ? UNDECLARED_MINUTES : Math.ceil(seconds / 60);
}

/** Seconds that a plan verifies in all, the holdout included; 0 if it declares none. */
export function verifySecondsOf({ steps, verifySeconds }: Pick<Plan, 'steps' | 'verifySeconds'>): Seconds {
  return steps.reduce(
    (all, { isHoldout, bakeSeconds }) => all + (isHoldout === true ? bakeSeconds : 0),
    verifySeconds,
  );
}
