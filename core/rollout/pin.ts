import type { Target } from '../target.ts';
import { isAdoption, isStuck, type Rollout } from './state.ts';

/**
 * A pin is an alias of Spillway's own that names the stable version of a target while nothing else does: Lambda refuses to
 * delete a version that an alias references (Lambda developer guide, "Manage Lambda function versions").
 */

/** What a pin says of itself, so that people and later rollouts know whose it is. */
export function pinText(rolloutId: string): string {
  return `Spillway keeps this version while ${rolloutId} may revert to it`;
}

/** The rollout that a pin belongs to; undefined for an alias of somebody else. */
export function pinFrom(text: string | undefined): string | undefined {
  return /^Spillway keeps this version while (\S{1,60}) may revert to it$/.exec(text ?? '')?.[1];
}

/** Announcements of a promotion that wait for a pin that AWS cannot take just now; then it goes on without one, since a good release is not stopped for it. */
const PIN_TRIES_MAX = 3;

/** Whether a promotion is put off because the pin of its target could not be written just now. */
export function waitsForPin({ intents }: Rollout, name: string): boolean {
  return intents.filter(({ target, weight }) => target === name && weight === 100).length < PIN_TRIES_MAX;
}

/** The targets that are pinned when a rollout begins: those that it never promotes, since something else has put its versions there. */
export function pinnedAtOpening({ opening }: Rollout): Target[] {
  return isAdoption(opening) ? opening.targets.filter((target) => !isStuck(target)) : [];
}

/** The targets that may be pinned. Below 100 % the alias itself names stable; a rollback writes once and needs no pin. */
export function mayBePinned({ opening, step }: Rollout): Target[] {
  const isPromoting = opening.rollsBack === undefined && step >= opening.plan.steps.length;
  return isPromoting ? opening.targets.filter((target) => !isStuck(target)) : [];
}

/** The targets that serve the canary alone and of which nobody has reported yet that stable is gone: whether it exists is looked up. */
export function stablesToLookUp({ opening, traffic, gone = [] }: Rollout): Target[] {
  if (opening.rollsBack !== undefined) return [];
  return opening.targets.filter(
    (target) => traffic[target.name]?.weight === 100 && !isStuck(target) && !gone.includes(target.name),
  );
}
