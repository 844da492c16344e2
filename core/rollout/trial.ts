import type { Trial } from '../analysis/trial.ts';
import { probesOf } from './probing.ts';
import { canRecall } from './recall.ts';
import { isStanding, isVerifying, type Rollout } from './state.ts';
import { bakeOf } from './timing.ts';

/** The trial that a rollout is: its course, and what the policies of rollouts ask of its canary now. */
export function trialOf(rollout: Rollout): Trial {
  const names = rollout.opening.targets.map(({ name }) => name);
  return {
    ...rollout,
    bake: bakeOf(rollout),
    isStanding: isStanding(rollout),
    isVerifying: isVerifying(rollout),
    canRecall: canRecall(rollout),
    probed: names.filter((name) => probesOf(rollout, name).length > 0),
  };
}
