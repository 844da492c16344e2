import { createHash } from 'node:crypto';
import * as z from 'zod/mini';
import { RolloutError } from '../core/errors.ts';
import type { Completion, Completions } from '../core/ports.ts';
import { nameOf, reach } from './_aws.ts';
import type { Objects } from './s3-objects.ts';

type Wanted = Parameters<Completions['find']>[0];

const Told = z.object({
  schema: z.literal(1),
  environment: z.string(),
  service: z.string(),
  digests: z.record(z.string(), z.string()),
  rolloutId: z.string(),
  completed: z.boolean(),
  at: z.number(),
});

/**
 * Completions as objects of a bucket that several controllers share, `completions/<environment>/<service>/<digests>.json`.
 * No service's writer may write there, only the controller of that environment, and the reader looks at no other place.
 * Where there is no such bucket, every call rejects with RolloutError `OpeningRefused`.
 */
export function s3Completions(objects: Objects, bucket: string | undefined): Completions {
  return {
    async tell(completion) {
      const object = { bucket: known(bucket), key: keyOf(completion) };
      await reach(object.key, () => objects.put(object, JSON.stringify({ schema: 1, ...completion })));
    },
    async find(wanted) {
      const object = { bucket: known(bucket), key: keyOf(wanted) };
      try {
        const told = await reach(object.key, async () => (await objects.get(object)).bytes());
        return toldOf(new TextDecoder().decode(told), wanted);
      } catch (error) {
        if (nameOf(error) !== 'NoSuchKey') throw error;
        return undefined;
      }
    },
  };
}

function known(bucket: string | undefined): string {
  if (bucket !== undefined) return bucket;
  throw new RolloutError(
    'OpeningRefused',
    'requires.completedIn: this controller has no bucket of completions; its deployment must set COMPLETIONS_BUCKET, or leave requires out.',
  );
}

/** What stands in an object, where it is of what was asked for; anything else there is nothing that was told. */
function toldOf(text: string, wanted: Wanted): Completion | undefined {
  const { data } = Told.safeParse(jsonOf(text));
  if (data === undefined || keyOf(data) !== keyOf(wanted)) return undefined;
  const { schema: _, ...told } = data;
  return told;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The name of an environment may hold slashes, which must not lead into the folder of another one. */
function keyOf({ environment, service, digests }: Wanted): string {
  const sorted = Object.entries(digests).sort(([a], [b]) => (a < b ? -1 : 1));
  const name = createHash('sha256').update(JSON.stringify(sorted)).digest('hex');
  return `completions/${encodeURIComponent(environment)}/${service}/${name}.json`;
}
