import * as z from 'zod/mini';
import { s3Releases } from '../adapters/s3-releases.ts';
import { uploadedManifest } from '../adapters/upload-event.ts';
import { type Asks, openAsAsked } from '../controller/open/asked.ts';
import type { Opened } from '../controller/open/repeat.ts';
import type { Opens } from '../controller/ports.ts';
import { KINDS } from '../targets/kinds.ts';
import { deployedAccess } from './_access.ts';
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

const Input = z.discriminatedUnion('open', [
  uploadedManifest,
  z.strictObject({ open: z.literal('waiting'), service: z.string() }),
  z.strictObject({ open: z.literal('retry'), rolloutId: z.string() }),
  z.strictObject({
    open: z.literal('rollback'),
    rolloutId: z.string(),
    by: ActorShape,
    reason: z.string(),
  }),
]);

/** Opens the rollout that an uploaded manifest asks for, or that was handed over. */
export const openRollout: Task<Asks, Opened, Opens> = { input: Input, run: openAsAsked };

/** The function on AWS. */
export const handler = lambda(openRollout, () => ({
  access: deployedAccess(),
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
