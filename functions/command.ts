import * as z from 'zod/mini';
import { obey } from '../controller/obey.ts';
import { REASON_MAX } from '../core/hook-answer.ts';
import { plainText } from '../core/plain-text.ts';
import type { Order } from '../core/rollout/order.ts';
import { cut } from '../core/words.ts';
import { aws, clock } from './_aws.ts';
import { lambda, type Task } from './_lambda.ts';
import { environmentOn, executionsOn, journalOn, openingsOn, routersOn, watchdogOn } from './_ports.ts';

/** Texts that people give go into the journal, which has room for 400 KB: what is longer is cut, since an abort must not fail for its reason. */
const atMost = (most: number) => z.overwrite<string>((said) => cut(plainText(said), most));
const Reason = z.string().check(atMost(REASON_MAX));
const Who = { rolloutId: z.string(), by: z.string().check(z.minLength(1), atMost(200)) };
const Input = z.discriminatedUnion('command', [
  z.strictObject({ ...Who, command: z.literal('pause'), reason: Reason }),
  z.strictObject({ ...Who, command: z.literal('resume') }),
  z.strictObject({
    ...Who,
    command: z.literal('promote'),
    step: z.optional(z.int()),
    full: z._default(z.boolean(), false),
  }),
  z.strictObject({ ...Who, command: z.literal('approve'), gate: z.int() }),
  z.strictObject({
    ...Who,
    command: z.literal('answer'),
    hook: z.string(),
    status: z.enum(['pass', 'fail', 'inconclusive']),
    reason: z.string().check(z.maxLength(REASON_MAX)),
  }),
  z.strictObject({ ...Who, command: z.literal('abort'), reason: Reason }),
  z.strictObject({ ...Who, command: z.literal('rollback'), reason: Reason }),
  z.strictObject({ ...Who, command: z.literal('retry') }),
]);

/** Carries out what a person, or a hook that answers late, wants of a rollout. */
export const command: Task<
  Order,
  { rolloutId: string; accepted: true },
  'clock' | 'environment' | 'executions' | 'journal' | 'openings' | 'router' | 'watchdog'
> = {
  input: Input,
  run: async (order, ports) => ({ rolloutId: await obey(order, ports), accepted: true }),
};

/** The function on AWS. */
export const handler = lambda(command, () => ({
  clock,
  watchdog: watchdogOn(aws),
  environment: environmentOn(aws),
  executions: executionsOn(aws),
  journal: journalOn(aws),
  openings: openingsOn(aws),
  router: routersOn(aws),
}));
