import type { Trial } from '../analysis/trial.ts';
import { shareAt } from '../plan/segments.ts';
import type { Percent } from '../units.ts';
import { partsOf } from './among.ts';
import { probesOf } from './probing.ts';
import { canRecall } from './recall.ts';
import { isStanding, isVerifying, type Rollout } from './state.ts';
import { bakeOf } from './timing.ts';

/** The trial that a rollout is: its course, and what the policies of rollouts ask of its canary now. */
export function trialOf(rollout: Rollout): Trial {
  const names = rollout.opening.targets.map(({ name }) => name);
  return {
    ...rollout,
    ...insideSegments(rollout),
    bake: bakeOf(rollout),
    isStanding: isStanding(rollout),
    isVerifying: isVerifying(rollout),
    canRecall: canRecall(rollout),
    probed: names.filter((name) => probesOf(rollout, name).length > 0),
  };
}

/** Analysis compares those among whom a weight was drawn, so each weight is their share; nothing if no step is inside a segment. */
function insideSegments(rollout: Rollout): Partial<Trial> {
  const { opening, traffic, heights, stood, recall } = rollout;
  const { steps, segments } = opening.plan;
  if (segments === undefined) return {};
  const shareOf = (weight: Percent) => shareAt(steps, weight);
  const shared = <T extends { weight: Percent }>(each: T): T => ({ ...each, weight: shareOf(each.weight) });
  // What is counted of a minute with a move is of those who stood before it, or of those after it.
  const atMost = (weight: Percent) => {
    const at = steps.findIndex((step) => step.weight === weight);
    return Math.max(shareOf(weight), shareOf(steps[at - 1]?.weight ?? 0));
  };
  return {
    parts: partsOf(rollout),
    opening: { ...opening, plan: { ...opening.plan, steps: steps.map(shared) } },
    traffic: Object.fromEntries(Object.entries(traffic).map(([name, each]) => [name, shared(each)])),
    ...(heights === undefined ? {} : { heights: heights.map(atMost) }),
    ...(stood === undefined ? {} : { stood: stood.map(shared) }),
    ...(recall === undefined ? {} : { recall: shared(recall) }),
  };
}
