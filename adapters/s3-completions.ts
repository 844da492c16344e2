import { createHash } from 'node:crypto';
import * as z from 'zod/mini';
import { RolloutError } from '../core/errors.ts';
import type { Completion, Completions } from '../core/ports.ts';
import { nameOf, reach } from './_aws.ts';
import type { S3Calls } from './s3-client.ts';

type Wanted = Parameters<Completions['find']>[0];

const Stored = z.object({
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
 * If there is no such bucket, every call rejects with RolloutError `OpeningRefused`.
 */
export function s3Completions(s3: S3Calls, bucket: string | undefined): Completions {
  return {
    async publish(completion) {
      const key = keyOf(completion);
      const body = JSON.stringify({ schema: 1, ...completion });
      await reach(key, async () => s3.putObject({ bucket: known(bucket), key }, body, 'application/json'));
    },
    async find(wanted) {
      const key = keyOf(wanted);
      try {
        const text = await reach(key, async () => {
          const { bytes } = await s3.getObject({ bucket: known(bucket), key });
          return new TextDecoder().decode(await bytes());
        });
        return completionIn(text, wanted);
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

/** The completion in an object, if it is of what was asked for; anything else there counts as none. */
function completionIn(text: string, wanted: Wanted): Completion | undefined {
  const { data } = Stored.safeParse(jsonOf(text));
  if (data === undefined || keyOf(data) !== keyOf(wanted)) return undefined;
  const { schema: _, ...completion } = data;
  return completion;
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
