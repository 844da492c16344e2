import middy from '@middy/core';
import { en } from 'zod/locales';
import * as z from 'zod/mini';
import { observed } from '../controller/observe.ts';
import type { Needs, Ports } from '../controller/ports.ts';
import { LIMITS } from '../core/analysis/types.ts';
import { RolloutError } from '../core/errors.ts';
import type { ExecutionInput } from '../core/ports.ts';
import { type Actor, WAYS } from '../core/rollout/actor.ts';
import { type Publishing, SOURCES, type Target } from '../core/target.ts';
import { type LambdaContext, observer, observing, runsOut } from './_observe.ts';

/** One function of the controller: what it accepts, and what it does with the ports it needs. */
export interface Task<Input, Output, Names extends keyof Ports> {
  input: z.ZodMiniType<Input>;
  run(input: Input, ports: Needs<Names>): Promise<Output>;
}

/** A Lambda handler; Lambda alone gives a context. */
export type Handler = (event: unknown, context?: LambdaContext) => Promise<unknown>;

/** Most fields of a bad event that are named: the message goes into a log. */
const FAULTS_MAX = 20;

/** How long before Lambda ends a function that one says so: long enough for a line and its counts. Assumed. */
const LAST_WORDS_MS = 250;

/** Puts the shared middleware around a task: what happens is logged and counted, the event is checked, and the ports are made at the first call and kept. A quiet one logs only what fails. */
export function lambda<Input, Output, Names extends keyof Ports>(
  task: Task<Input, Output, Names>,
  makePorts: () => Needs<Names>,
  how: { isQuiet?: boolean } = {},
): Handler {
  let ports: Needs<Names> | undefined;
  let present: unknown;
  const timeoutEarlyResponse = () => {
    runsOut(present);
    // What still comes in time is answered. Else Lambda ends the function with all that is under way; an answer here would leave that to go on in the next call.
    return new Promise<never>(() => {});
  };
  const handler = middy<unknown, unknown>({ timeoutEarlyInMillis: LAST_WORDS_MS, timeoutEarlyResponse })
    .use(observing(how))
    .before((request) => {
      present = request.event = inputFrom(task.input, request.event);
    })
    .handler(async (event: unknown) => {
      ports ??= withObservedJournal(makePorts());
      return task.run(event as Input, ports);
    });
  // The embedded world has no context to give.
  return (event, context = {} as LambdaContext) => handler(event, context);
}

/** Inputs have no words of their own; those of zod are not in zod/mini. */
const ENGLISH = { error: en().localeError };

/**
 * What a function takes of an event. What stands in a bad one is not repeated: it may be a secret, and the message is logged.
 * @throws RolloutError EventInvalid with a line for each field
 */
export function inputFrom<Input>(schema: z.ZodMiniType<Input>, event: unknown): Input {
  const { data, error } = schema.safeParse(event, ENGLISH);
  if (error === undefined) return data;
  const lines = linesOf(error.issues, ['event']);
  const sentence = 'The event is not what this function takes; correct what sends it:';
  throw new RolloutError('EventInvalid', [sentence, ...lines.slice(0, FAULTS_MAX)].join('\n'));
}

/** A line for each field. If a function takes several forms, the fields of each form, since none of them says which one was meant. */
function linesOf(issues: readonly z.core.$ZodIssue[], root: readonly PropertyKey[]): string[] {
  return issues.flatMap((issue) => {
    const path = [...root, ...issue.path];
    if (issue.code !== 'invalid_union' || issue.errors.length === 0)
      return [`${path.map(String).join('.')}: ${issue.message}`];
    return issue.errors.flatMap((form, nth) => {
      const [first = '', ...others] = linesOf(form, path);
      return [nth === 0 ? first : `or, in another form: ${first}`, ...others];
    });
  });
}

function withObservedJournal<Names extends keyof Ports>(ports: Needs<Names>): Needs<Names> {
  const { journal } = ports as Partial<Ports>;
  return journal === undefined ? ports : { ...ports, journal: observed(journal, observer) };
}

const Artifact = { revision: z.string(), was: z.optional(z.string()) };
const PublishingShape: z.ZodMiniType<Publishing> = z.discriminatedUnion('from', [
  z.object({ from: z.literal('await') }),
  z.object({
    ...{ from: z.literal('zip'), ...Artifact },
    ...{ bucket: z.string(), key: z.string(), versionId: z.string(), sha256: z.string() },
  }),
  z.object({ from: z.literal('image'), uri: z.string(), ...Artifact }),
]);

/** A target, as functions pass it on. */
const TargetShape: z.ZodMiniType<Target> = z.object({
  name: z.string(),
  kind: z.string(),
  key: z.string(),
  ref: z.record(z.string(), z.string()),
  stable: z.string(),
  canary: z.string(),
  source: z.enum(SOURCES),
  traits: z.object({
    burst: z.number(),
    isSticky: z.boolean(),
    counts: z.array(z.enum(['answers', 'batches'])),
    limits: z.partialRecord(z.enum(LIMITS), z.enum(['queue', 'dlq', 'nothing'])),
    noun: z.string(),
  }),
  publish: z.optional(PublishingShape),
});

/** Who gave a command, as functions pass it on. */
export const ActorShape: z.ZodMiniType<Actor> = z.object({
  id: z.string(),
  name: z.optional(z.string()),
  via: z.enum(WAYS),
  isVerified: z.boolean(),
  person: z.optional(z.string()),
});

/** What every state of the machine passes on. */
export const ExecutionRef: z.ZodMiniType<ExecutionInput> = z.object({
  rolloutId: z.string(),
  epoch: z.number(),
  closed: z.string(),
  targets: z.array(TargetShape),
});
