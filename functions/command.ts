import { LambdaClient } from '@aws-sdk/client-lambda';
import * as z from 'zod/mini';
import { type Obeyed, type Obeys, obeyCaller, type SignedRequest } from '../controller/obey.ts';
import { REASON_MAX } from '../core/hook-answer.ts';
import { plainText } from '../core/plain-text.ts';
import type { CommandRequest, UnsignedRequest } from '../core/rollout/command-request.ts';
import { cut } from '../core/words.ts';
import { aws, clock } from './_aws.ts';
import { ActorShape, inputFrom, lambda, type Task } from './_lambda.ts';
import {
  environmentOn,
  executionsOn,
  journalOn,
  notesOn,
  openingsOn,
  reportsOn,
  routersOn,
  tokensOn,
  watchdogOn,
} from './_ports.ts';
import { keeping } from './_secrets.ts';

/** Texts that people give go into the journal, which has room for 400 KB: what is longer is cut, since an abort must not fail for its reason. */
const atMost = (most: number) => z.overwrite<string>((said) => cut(plainText(said), most));
const Reason = z.string().check(atMost(REASON_MAX));

/** Longest name of what somebody is paged for; of an execution it has some 70 characters. */
const PAGE_MAX = 200;

/** What can be wanted of a rollout, each with what says who wants it. */
const wishes = <Who extends z.core.$ZodLooseShape>(who: Who) =>
  [
    z.strictObject({ ...who, command: z.literal('pause'), reason: Reason }),
    z.strictObject({ ...who, command: z.literal('resume') }),
    z.strictObject({
      ...who,
      command: z.literal('promote'),
      step: z.optional(z.int()),
      full: z._default(z.boolean(), false),
    }),
    z.strictObject({ ...who, command: z.literal('approve'), gate: z.int() }),
    z.strictObject({ ...who, command: z.literal('reject'), gate: z.int(), reason: Reason }),
    z.strictObject({
      ...who,
      command: z.literal('answer'),
      hook: z.string(),
      status: z.enum(['pass', 'fail', 'inconclusive']),
      reason: z.string().check(z.maxLength(REASON_MAX)),
    }),
    z.strictObject({ ...who, command: z.literal('abort'), reason: Reason }),
    z.strictObject({ ...who, command: z.literal('rollback'), reason: Reason }),
    z.strictObject({ ...who, command: z.literal('retry') }),
    z.strictObject({
      ...who,
      command: z.literal('acknowledge'),
      page: z.optional(z.string().check(z.maxLength(PAGE_MAX))),
    }),
  ] as const;

/** The emergency door: whoever may call this function says who he is, and nobody believes it. */
const Said = { rolloutId: z.string(), by: z.string().check(z.minLength(1), atMost(200)) };
const Input: z.ZodMiniType<UnsignedRequest | SignedRequest> = z.discriminatedUnion('command', [
  ...wishes(Said),
  z.strictObject({ command: z.optional(z.undefined()), signed: z.string() }),
]);

/** What a token of a command holds: the API has proven who gives it. */
const Names = z.optional(z.array(z.string()));
const Proven = {
  rolloutId: z.string(),
  by: ActorShape,
  groups: Names,
  aka: Names,
  // An id is part of a key in DynamoDB, which has at most 2,048 bytes.
  once: z.optional(
    z.strictObject({
      id: z.string().check(z.minLength(1), z.maxLength(500)),
      fingerprint: z.string().check(z.maxLength(500)),
      expiresAt: z.number(),
    }),
  ),
};
const Signed: z.ZodMiniType<{ request: CommandRequest }> = z.object({
  request: z.discriminatedUnion('command', [...wishes(Proven)]),
});

/** Carries out what a person, or a hook that answers late, wants of a rollout. */
export const command: Task<z.infer<typeof Input>, Obeyed & { accepted: true }, Obeys | 'tokens'> = {
  input: Input,
  async run(input, ports) {
    const obeyed = await obeyCaller(input, (claims) => inputFrom(Signed, claims).request, ports);
    return { ...obeyed, accepted: true };
  },
};

/** The function on AWS. */
export const handler = lambda(command, () => ({
  clock,
  watchdog: watchdogOn(aws),
  environment: environmentOn(aws),
  executions: executionsOn(aws),
  journal: journalOn(aws),
  notes: notesOn(aws),
  openings: openingsOn(aws),
  reports: reportsOn(aws),
  router: routersOn(aws),
  tokens: tokensOn(keeping(LambdaClient)),
}));
