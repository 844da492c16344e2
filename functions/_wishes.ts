import * as z from 'zod/mini';
import { REASON_MAX } from '../core/hook-answer.ts';
import { plainText } from '../core/plain-text.ts';
import { cut } from '../core/words.ts';
import { ActorShape } from './_lambda.ts';

// What can be wanted of a rollout, as the functions that take it are called with it.

/** Texts that people give go into the journal, which has room for 400 KB: what is longer is cut, since an abort must not fail for its reason. */
const atMost = (most: number) => z.overwrite<string>((said) => cut(plainText(said), most));
/** Why, for readers of the journal. */
export const Reason = z.string().check(atMost(REASON_MAX));

/** Longest name of what somebody is paged for; of an execution it has some 70 characters. */
const PAGE_MAX = 200;

/** What can be wanted of a rollout, each with what says who wants it. */
export const wishes = <Who extends z.core.$ZodLooseShape>(who: Who) =>
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
export const Said = { rolloutId: z.string(), by: z.string().check(z.minLength(1), atMost(200)) };

const Names = z.optional(z.array(z.string()));
/** What a token of a command holds: the API has proven who gives it. */
export const Proven = {
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

/** By a token, in which its giver is proven. */
export const BySignature = z.strictObject({ command: z.optional(z.undefined()), signed: z.string() });
