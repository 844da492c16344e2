import type { ResolvedTarget, ServiceRecord } from '../ports.ts';
import type { Target } from '../target.ts';
import type { Hook } from './event.ts';

/** Where all of this is written out. */
const GUIDE = 'docs/guides/coming-from.md';

/** The version that the last release that completed here left on a target; undefined if nothing is known. */
export function completedVersion({ completed }: ServiceRecord, name: string): string | undefined {
  return completed?.made?.[name]?.version;
}

/** True if this controller completed the version that a target serves. */
export function isOwn({ target }: ResolvedTarget, service: ServiceRecord): boolean {
  return completedVersion(service, target.name) === target.canary;
}

/** A target as it is adopted: the version that completed here last, if there is one, is where a failed check leads back to. */
export function adopted({ target, before }: ResolvedTarget): Target {
  return { ...target, stable: before ?? target.canary };
}

/** The hooks of an adoption: all that would be asked before traffic are asked now, since the version has all of it. */
export function askedNow(hooks: Hook[]): Hook[] {
  return hooks.map((hook) => (hook.point === 'onRevert' ? hook : { ...hook, point: 'afterPromotion' }));
}

/** Why nobody can say that a version is proven that something else had put on its target before the release came. */
export function foreignlyMoved(targets: ResolvedTarget[], service: ServiceRecord): string {
  return targets
    .map((each) => {
      const { target } = each;
      const last = completedVersion(service, target.name);
      const known =
        last === undefined ? 'which has completed no release of it yet' : `which left version ${last}`;
      return `${target.name} served version ${target.canary} before this release came, and it was not this controller that put it there, ${known}; ${advice(each)}`;
    })
    .join('; ');
}

/** What a person should know if a target serves another version than the last release that completed here left. */
export function driftNotices(targets: ResolvedTarget[], service: ServiceRecord): string[] {
  return targets.flatMap((each) => {
    const { target } = each;
    const last = completedVersion(service, target.name);
    if (last === undefined || last === target.stable) return [];
    return [
      `${target.traits.noun} serves version ${target.stable}, but ${service.completed?.rolloutId}, which completed last, left version ${last}: something else moved it since, and this controller never checked version ${target.stable}, to which a revert of this rollout leads back; ${advice(each)}`,
    ];
  });
}

function advice({ habit }: ResolvedTarget): string {
  return habit === undefined
    ? `see who else writes it (${GUIDE})`
    : `it looks like one of ${habit.tool} (${habit.evidence}): ${habit.fix} (${GUIDE})`;
}
