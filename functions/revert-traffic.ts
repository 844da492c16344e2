import { LambdaClient } from '@aws-sdk/client-lambda';
import * as z from 'zod/mini';
import { type Left, revert } from '../controller/revert.ts';
import { aws, clock } from './_aws.ts';
import { ExecutionRef, lambda, type Task } from './_lambda.ts';
import { hooksOn, journalOn, metricsOn, restoreCodeOn, routersOn, watchdogOn } from './_ports.ts';
import { keeping } from './_secrets.ts';

/** `came` is the answer that named this directive, or the error that nobody handled. */
const Input = z.object({
  ref: ExecutionRef,
  came: z.object({ Error: z.optional(z.string()), Cause: z.optional(z.string()) }),
});

/** Removes the canary from every target, even if nothing else works. */
export const revertTraffic: Task<
  z.infer<typeof Input>,
  Left,
  'clock' | 'hooks' | 'journal' | 'metrics' | 'restoreCode' | 'router' | 'watchdog'
> = {
  input: Input,
  run: ({ ref, came }, ports) => revert(ref, came, ports),
};

/** The function on AWS. */
export const handler = lambda(revertTraffic, () => ({
  clock,
  watchdog: watchdogOn(aws),
  hooks: hooksOn(keeping(LambdaClient)),
  journal: journalOn(aws),
  metrics: metricsOn(aws),
  restoreCode: restoreCodeOn(aws),
  router: routersOn(aws),
}));
