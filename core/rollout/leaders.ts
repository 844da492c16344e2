import { RolloutError } from '../errors.ts';
import type { ResolvedTarget } from '../ports.ts';
import type { Target } from '../target.ts';
import type { Instant, Percent } from '../units.ts';
import type { Rollout } from './state.ts';

/**
 * Targets in the order in which they are raised: those that follow another come after all others. One whose leader stays as it is
 * moves by itself. @throws RolloutError OpeningRefused naming the field if what one follows leads nobody
 */
export function arranged(targets: readonly ResolvedTarget[]): {
  targets: ResolvedTarget[];
  notices: string[];
} {
  const notices: string[] = [];
  const each = targets.map((resolved): ResolvedTarget => {
    const { name, traits, stable, canary } = resolved.target;
    if (traits.follows === undefined) return resolved;
    const leader = targets.find(({ target }) => target.name === traits.follows)?.target;
    if (leader === undefined)
      throw refused(name, `it follows ${traits.follows}, which is no target of this file; name one that is`);
    if (leader.traits.leads !== true)
      throw refused(
        name,
        `it follows ${leader.name}, but ${leader.traits.noun} leads nobody to other targets; let its owner say which paths are those of functions, or let ${name} follow none`,
      );
    if (leader.stable !== leader.canary || stable === canary || resolved.alone === undefined) return resolved;
    notices.push(
      `${name}: ${leader.name} stays on ${leader.stable} in this release, so ${traits.noun} moves by its own weights`,
    );
    return { ...resolved, target: resolved.alone };
  });
  const isLed = ({ target }: ResolvedTarget) => target.traits.follows !== undefined;
  return { targets: [...each.filter((one) => !isLed(one)), ...each.filter(isLed)], notices };
}

const refused = (name: string, what: string): RolloutError =>
  new RolloutError('OpeningRefused', `targets.${name}: ${what}.`);

/** The targets in the order in which they move to a weight: what follows is raised last, and lowered first. */
export function inOrder({ opening: { targets }, traffic }: Rollout, weight: Percent): readonly Target[] {
  const isLowered = targets.some(({ name }) => (traffic[name]?.weight ?? 0) > weight);
  return isLowered && targets.some(({ traits }) => traits.follows !== undefined)
    ? targets.toReversed()
    : targets;
}

/** From when on a target may move to a weight: one that follows serves alone only once all whom its leader leads have left the version before. */
export function mayMoveFrom({ opening, moves }: Rollout, target: Target, weight: Percent): Instant {
  const leader = opening.targets.find(({ name }) => name === target.traits.follows);
  return weight < 100 || leader === undefined
    ? Number.NEGATIVE_INFINITY
    : (moves.at(-1) ?? 0) + 1000 * (leader.traits.spreadSeconds ?? 0);
}
