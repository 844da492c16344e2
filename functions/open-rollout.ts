import * as z from 'zod/mini';
import { s3Releases } from '../adapters/s3-releases.ts';
import { readRollout } from '../controller/execution.ts';
import { openRelease } from '../controller/open/release.ts';
import type { Opened } from '../controller/open/repeat.ts';
import { retry } from '../controller/open/retry.ts';
import { rollBack } from '../controller/open/roll-back.ts';
import { openWaiting } from '../controller/open/waiting.ts';
import type { Opens } from '../controller/ports.ts';
import { KINDS } from '../targets/kinds.ts';
import { aws, awsS3, clock } from './_aws.ts';
import { ActorShape, lambda, type Task } from './_lambda.ts';
import { observer } from './_observe.ts';
import {
  alarmsOn,
  budgetOn,
  completionsOn,
  environmentOn,
  executionsOn,
  hookCheckOn,
  journalOn,
  metricsOn,
  routersOn,
  watchdogOn,
} from './_ports.ts';

/** What starts an opening: an upload, or what Command and JournalStream hand over. */
const Input = z.discriminatedUnion('open', [
  // The parts of S3's "Object Created" event that count; everything else in it may change.
  z.object({
    open: z.optional(z.undefined()),
    detail: z.object({
      bucket: z.object({ name: z.string() }),
      object: z.object({
        key: z.string(),
        'version-id': z.string({
          error: () => 'it is missing: turn versioning on for the bucket of releases.',
        }),
      }),
    }),
  }),
  z.strictObject({ open: z.literal('waiting'), service: z.string() }),
  z.strictObject({ open: z.literal('retry'), rolloutId: z.string() }),
  z.strictObject({
    open: z.literal('rollback'),
    rolloutId: z.string(),
    by: ActorShape,
    reason: z.string(),
  }),
]);

/** Opens the rollout that an uploaded manifest asks for, or that was handed over. A duplicate repeats every step and changes nothing. */
export const openRollout: Task<z.infer<typeof Input>, Opened, Opens> = {
  input: Input,
  async run(input, ports) {
    switch (input.open) {
      case undefined: {
        const { bucket, object } = input.detail;
        const manifest = { bucket: bucket.name, key: object.key, versionId: object['version-id'] };
        return openRelease(manifest, ports);
      }
      case 'waiting':
        return openWaiting(input.service, ports);
      case 'retry':
        return retry(await readRollout(input.rolloutId, ports), ports);
      case 'rollback': {
        const rolloutId = await rollBack(await readRollout(input.rolloutId, ports), input, ports);
        return { rolloutId, result: 'opened', reason: input.reason };
      }
    }
  },
};

/** The function on AWS. */
export const handler = lambda(openRollout, () => ({
  alarms: alarmsOn(aws),
  budget: budgetOn(aws),
  clock,
  completions: completionsOn(aws, awsS3()),
  watchdog: watchdogOn(aws),
  environment: environmentOn(aws),
  executions: executionsOn(aws),
  hookCheck: hookCheckOn(aws),
  journal: journalOn(aws),
  kinds: KINDS,
  metrics: metricsOn(aws),
  observer,
  releases: s3Releases(awsS3()),
  router: routersOn(aws),
}));
