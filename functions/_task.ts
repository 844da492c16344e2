import middy from '@middy/core';
import { en } from 'zod/locales';
import * as z from 'zod/mini';
import { LIMITS } from '../core/analysis/types.ts';
import { RolloutError } from '../core/errors.ts';
import type {
  AlarmSource,
  Budget,
  Clock,
  Completions,
  DeadMan,
  ExecutionInput,
  Executions,
  HookCheck,
  HookRunner,
  Journal,
  MetricSource,
  Openings,
  Publisher,
  ReleaseStore,
  TrafficRouter,
} from '../core/ports.ts';
import { type Actor, WAYS } from '../core/rollout/actor.ts';
import { type Publishing, SOURCES, type Target } from '../core/rollout/event.ts';
import { type Directive, next } from '../core/rollout/next.ts';
import { SEQ_MAX, stampText } from '../core/rollout/stamp.ts';
import { isEnded, type Rollout } from '../core/rollout/state.ts';
import { began, failed, flush, type LambdaContext, observed, succeeded } from './_observe.ts';

/** Everything a function may use. Which one may touch what on AWS stands in the infrastructure's table of grants. */
export interface Ports {
  /** The environment this controller serves. */
  environment: string;
  /** Where the parts of this controller are, for the command line. */
  about: { environment: string; bucket: string; scheduleGroup: string };
  clock: Clock;
  journal: Journal;
  budget: Budget;
  router(kind: string): TrafficRouter;
  publisher(kind: string): Publisher;
  /** Puts the code of stable back into `$LATEST`: by the function that publishes, since whoever reverts may change no code. */
  restoreCode(rolloutId: string, target: string): Promise<void>;
  metrics: MetricSource;
  alarms: AlarmSource;
  hooks(kind: string): HookRunner;
  hookCheck(kind: string): HookCheck;
  executions: Executions;
  /** Hands an opening to OpenRollout, which alone may start a rollout's first execution. */
  openings: Openings;
  deadMan: DeadMan;
  releases: ReleaseStore;
  completions: Completions;
}

/** Some of the ports: a function gets those it names and can touch nothing else. */
export type Needs<Names extends keyof Ports> = Pick<Ports, Names>;

/** What opening a rollout takes. */
export type Opens =
  | 'alarms'
  | 'budget'
  | 'clock'
  | 'completions'
  | 'deadMan'
  | 'environment'
  | 'executions'
  | 'hookCheck'
  | 'journal'
  | 'metrics'
  | 'releases'
  | 'router';

/** One function of the controller: what it accepts, and what it does with the ports it needs. */
export interface Task<Input, Output, Names extends keyof Ports> {
  input: z.ZodMiniType<Input>;
  run(input: Input, ports: Needs<Names>): Promise<Output>;
}

/** A Lambda handler; Lambda alone gives a context. */
export type Handler = (event: unknown, context?: LambdaContext) => Promise<unknown>;

/** Most fields of a bad event that are named: the message goes into a log. */
const FAULTS_MAX = 20;

/** Puts the shared middleware around a task: the event is checked, the ports are made at the first call and kept, and what happens is logged and counted. */
export function lambda<Input, Output, Names extends keyof Ports>(
  task: Task<Input, Output, Names>,
  makePorts: () => Needs<Names>,
): Handler {
  let ports: Needs<Names> | undefined;
  const handler = middy<unknown, unknown>()
    .before((request) => {
      request.event = inputFrom(task.input, request.event);
    })
    .after(({ event, response }) => succeeded(event, response))
    .onError(({ event, error }) => failed(event, error))
    .handler(async (event: unknown) => {
      ports ??= withObservedJournal(makePorts());
      return task.run(event as Input, ports);
    });
  return async (event, context) => {
    began(context);
    try {
      // Middy wants Lambda's own context, which no task reads.
      return await handler(event, {} as never);
    } finally {
      flush();
    }
  };
}

/** Inputs have no words of their own; those of zod are not in zod/mini. */
const ENGLISH = { error: en().localeError };

/**
 * What a function takes of an event. What stands in a bad one is not repeated: it may be a secret, and the message is logged.
 * @throws RolloutError EventInvalid with a line for each field
 */
function inputFrom<Input>(schema: z.ZodMiniType<Input>, event: unknown): Input {
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
  return journal === undefined ? ports : { ...ports, journal: observed(journal) };
}

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
  publish: z.optional(z.custom<Publishing>()),
});

/** Who gave an order, as functions pass it on. */
export const ActorShape: z.ZodMiniType<Actor> = z.object({
  id: z.string(),
  name: z.optional(z.string()),
  via: z.enum(WAYS),
  isVerified: z.boolean(),
});

/** What every state of the machine passes on. */
export const ExecutionRef: z.ZodMiniType<ExecutionInput> = z.object({
  rolloutId: z.string(),
  epoch: z.number(),
  closed: z.string(),
  targets: z.array(TargetShape),
});

/** What every state of the machine gets back: bare values that `Assign` binds and one Choice compares. */
export interface Answer {
  kind: Directive['kind'];
  /** How long a hold lasts; 1 where the directive is another. */
  seconds: number;
  /** The version of the rollout that this answer was given for. */
  version: number;
}

/** Answers with the next directive of a rollout. */
export function answer(rollout: Rollout, { clock }: Needs<'clock'>): Answer {
  const directive = next(rollout, clock.now());
  return {
    kind: directive.kind,
    seconds: directive.kind === 'hold' ? directive.seconds : 1,
    version: rollout.version,
  };
}

/** What the execution of a rollout's present epoch is started with; an irreversible release names nothing that an error may take back. */
export function executionInput({ opening, epoch }: Rollout): ExecutionInput {
  const { rolloutId } = opening;
  const targets = opening.reversible ? opening.targets : [];
  return { rolloutId, epoch, closed: stampText({ rolloutId, epoch, seq: SEQ_MAX, open: false }), targets };
}

/**
 * Reads the rollout for an execution and does the directive's work if it is this state's turn; every other answer is
 * passed on untouched, so a duplicate, late or resumed call does nothing by itself.
 * An execution of an older epoch gets `continue`, which ends it: another one acts.
 */
export async function turn<Kind extends Directive['kind']>(
  ref: ExecutionInput,
  ports: Needs<'clock' | 'journal'>,
  kind: Kind,
  work: (rollout: Rollout, directive: Extract<Directive, { kind: Kind }>) => Promise<Rollout>,
): Promise<Answer> {
  const rollout = await readRollout(ref.rolloutId, ports);
  if (isSuperseded(rollout, ref)) return { kind: 'continue', seconds: 1, version: rollout.version };
  const directive = next(rollout, ports.clock.now());
  if (directive.kind !== kind) return answer(rollout, ports);
  return answer(await work(rollout, directive as Extract<Directive, { kind: Kind }>), ports);
}

/** True where another execution has taken this rollout over. An ended rollout has no present execution to defer to. */
export function isSuperseded(rollout: Rollout, ref: ExecutionInput): boolean {
  return rollout.epoch > ref.epoch && !isEnded(rollout);
}

/** @throws RolloutError RolloutUnknown */
export async function readRollout(rolloutId: string, { journal }: Needs<'journal'>): Promise<Rollout> {
  const rollout = await journal.read(rolloutId);
  if (rollout === undefined)
    throw new RolloutError('RolloutUnknown', `Rollout ${rolloutId} is not in the journal; check its id.`);
  return rollout;
}

/** An answer if it comes within `ms`; undefined where it fails or hangs, for what must not be waited for. */
export async function soon<T>(
  answer: Promise<T>,
  ms: number,
  { clock }: Needs<'clock'>,
): Promise<T | undefined> {
  return Promise.race([answer.catch(() => undefined), clock.sleep(ms).then(() => undefined)]);
}
