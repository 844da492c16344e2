import type * as z from 'zod/mini';
import type { Limit } from './analysis/types.ts';
import type { ArtifactForm } from './config/artifact.ts';
import { own } from './config/plain.ts';
import { RolloutError } from './errors.ts';
import type { Source } from './target.ts';
import type { Percent } from './units.ts';

/** What a rollout file says of one target: texts by field. `source` is always among them. */
export type TargetSpec = Record<string, string> & { source: Source };

/** What a rollout file may say of a kind of target, before anything is looked up. */
export interface TargetKind {
  /** What journals call it, such as `lambda-alias`. */
  kind: string;
  /** The field that each of its targets has in a rollout file, and no target of another kind. */
  field: string;
  /** Such a target as somebody may write it. */
  example: string;
  /** All the fields of such a target. */
  spec: z.ZodMiniType<TargetSpec>;
  /** The forms that a manifest may offer it a release in. */
  artifacts: readonly ArtifactForm[];
  /** The fields that no two targets of a file may have alike, and what is then said to be the same. */
  identity: { fields: readonly string[]; noun: string };
  /** The sources by which its answers have a status that is counted. */
  answersBy: readonly Source[];
  /** The share of which each of its weights is a multiple, in percent. */
  weightUnit: Percent;
  /** True if steps may raise a segment of its visitors alone. */
  hasSegments?: true | undefined;
  /** How a person takes the canary's traffic away without the controller, as a command to copy. */
  byHand: string;
  /** Which sources have each limit, and the field that names the queue which is read for it. */
  limits: Record<Limit, { [S in Source]?: 'queue' | 'dlq' | 'nothing' }>;
}

/** The kinds that are known. */
export type TargetKinds = readonly [TargetKind, ...TargetKind[]];

/** The kind of a target by what a rollout file says of it; undefined if that names none. */
export const kindIn = (kinds: TargetKinds, spec: unknown): TargetKind | undefined =>
  kinds.find(({ field }) => own(spec, field) !== undefined);

/** The same of a target of an accepted file. @throws RolloutError TargetInvalid if the file was accepted with other kinds */
export function kindOf(kinds: TargetKinds, spec: TargetSpec): TargetKind {
  const kind = kindIn(kinds, spec);
  if (kind !== undefined) return kind;
  const known = kinds.map(({ field }) => field).join(', ');
  throw new RolloutError(
    'TargetInvalid',
    `A target has none of the fields ${known}, so its kind is unknown.`,
  );
}

/** Makes something of the kinds once, however often it is asked for: a schema costs more to make than to use. */
export function perKinds<Made>(make: (kinds: TargetKinds) => Made): (kinds: TargetKinds) => Made {
  const made = new WeakMap<TargetKinds, Made>();
  return (kinds) => {
    const known = made.get(kinds) ?? make(kinds);
    made.set(kinds, known);
    return known;
  };
}
