import { readRolloutFile as read } from '../adapters/rollout-file.ts';
import { type Manifest, manifestFrom as manifest } from '../core/config/manifest.ts';
import {
  rolloutFileFrom as file,
  rolloutFileJsonSchema as jsonSchema,
  type RolloutFile,
} from '../core/config/rollout-file.ts';
import { KINDS } from '../targets/kinds.ts';

// The formats with the kinds of targets that the product knows.

type Others<Of extends (kinds: never, ...others: never) => unknown> = Of extends (
  kinds: never,
  ...others: infer All
) => unknown
  ? All
  : never;

export const rolloutFileFrom = (...given: Others<typeof file>): RolloutFile => file(KINDS, ...given);
export const rolloutFileJsonSchema = () => jsonSchema(KINDS);
export const manifestFrom = (...given: Others<typeof manifest>): Manifest => manifest(KINDS, ...given);
export const readRolloutFile = (path: string) => read(KINDS, path);
