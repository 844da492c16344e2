import { readFileSync } from 'node:fs';
import * as cloudwatchApi from '@aws-sdk/client-cloudwatch';
import * as dynamodbApi from '@aws-sdk/client-dynamodb';
import * as lambdaApi from '@aws-sdk/client-lambda';
import * as s3Api from '@aws-sdk/client-s3';
import * as schedulerApi from '@aws-sdk/client-scheduler';
import * as sfnApi from '@aws-sdk/client-sfn';
import { zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { type AslHistoryEvent, compile, type Machine, run } from '../../local/asl/interpreter.ts';
import { virtualClock } from '../../local/clock.ts';
import { seededRandom } from '../../local/random.ts';
import { SimulatedEventBridge } from '../../local/services/eventbridge.ts';
import { createWorld } from '../../local/world.ts';

/**
 * One answer of AWS, recorded by LocalStack's snapshot tests (public, `*.snapshot.json`), and how the simulated service is
 * asked for the same: by commands through the SDK's client, by a state machine, or by a pattern and an event.
 */
interface Fact {
  id: number;
  service: string;
  operation: string;
  condition: string;
  /** What is there before: a function `fn` with versions 1 and 2, or nothing. */
  setup?: 'function' | 'none';
  steps?: [command: string, input: Record<string, unknown>][];
  /** Whose RevisionId is compared before and after the last step. */
  watch?: 'alias' | '$LATEST' | '1';
  machine?: unknown;
  pattern?: object;
  event?: object;
  expect: {
    errorName?: string;
    httpStatus?: number;
    messageIncludes?: string;
    fields?: Record<string, unknown>;
  };
  /** Fields of the expectation that this world cannot show. */
  ignore?: string[];
  /** When AWS answered so. */
  recorded: string;
  source: string;
  /** Why the simulated service answers otherwise, and whom that concerns. */
  differs?: string;
  /** How it answers then, as `differences` says it: any other answer is a new difference. */
  found?: string[];
  /** Why the simulated service is not asked here. */
  unasked?: string;
}

const ALL = JSON.parse(readFileSync(new URL('recorded.json', import.meta.url), 'utf8')) as Fact[];
const FACTS = ALL.filter(({ unasked }) => unasked === undefined);
const AGREEING = FACTS.filter(({ differs }) => differs === undefined);
const DIFFERING = FACTS.filter(({ differs }) => differs !== undefined);

/** Known differences; a new one has to be corrected, or this number raised with a reason beside the fact. */
const DIFFERENCES_MAX = 20;
/** Facts that nobody asks for here; a new fact is to be asked. */
const UNASKED_MAX = 137;

interface Answer {
  errorName?: string | undefined;
  httpStatus?: number | undefined;
  fields: Record<string, unknown>;
}

const APIS: Record<string, object> = {
  ...{ lambda: lambdaApi, s3: s3Api, scheduler: schedulerApi },
  ...{ cloudwatch: cloudwatchApi, dynamodb: dynamodbApi, 'step-functions': sfnApi },
};

/** Sends the commands of a fact and answers what the last one came to. */
async function sent({ service, setup, steps = [], watch }: Fact): Promise<Answer> {
  const clock = virtualClock();
  const world = createWorld({ clock, seed: 1 });
  if (setup === 'function') {
    const { helpers } = world.lambda;
    helpers.createFunction({ name: 'fn' });
    helpers.publish(
      'fn',
      zipSync({ 'index.mjs': new TextEncoder().encode('export const handler = () => 1;') }),
    );
    helpers.publish(
      'fn',
      zipSync({ 'index.mjs': new TextEncoder().encode('export const handler = () => 2;') }),
    );
  }
  const name = service === 'step-functions' ? 'sfn' : (service as 's3');
  const client = world.clients[name] as { send(command: unknown): Promise<object> };
  const call = (command: string, input: object) => {
    const Command = (APIS[service] as Record<string, new (input: object) => unknown>)[command];
    if (Command === undefined) throw new Error(`There is no ${command} in the client of ${service}.`);
    return client.send(new Command(input));
  };
  const revision = async () => {
    if (watch === undefined) return undefined;
    const read: [string, object] =
      watch === 'alias'
        ? ['GetAliasCommand', { FunctionName: 'fn', Name: 'live' }]
        : ['GetFunctionConfigurationCommand', { FunctionName: 'fn', Qualifier: watch }];
    const { RevisionId } = (await call(...read).catch(() => ({}))) as { RevisionId?: string };
    return RevisionId;
  };
  let before: string | undefined;
  let last: Record<string, unknown> = {};
  /** Only the last command is asked; what comes before it has to succeed. */
  const asAnswer = (index: number) => (error: Error) => {
    throw index === steps.length - 1 ? error : new TypeError(`step ${index + 1} failed: ${error.message}`);
  };
  const play = async () => {
    for (const [index, [command, input]] of steps.entries()) {
      if (index === steps.length - 1 || command === 'wait') before ??= await revision();
      if (command === 'wait') await clock.sleep(Number(input.ms));
      else
        last = (await call(command, filled(input, last)).catch(asAnswer(index))) as Record<string, unknown>;
    }
    return { fields: { ...last, changed: (await revision()) !== before } };
  };
  const answer = await clock.run(
    play().catch((error: Error) => {
      if (error instanceof TypeError) throw error;
      return refusalOf(error);
    }),
  );
  await world.close();
  return answer;
}

/** Puts in what only the answers before can tell. */
function filled(input: Record<string, unknown>, last: Record<string, unknown>): object {
  return Object.fromEntries(
    Object.entries(input).map(([key, value]) => {
      if (value === '$zip')
        return [key, zipSync({ 'index.mjs': new TextEncoder().encode('export const handler = () => 3;') })];
      return [key, value === '$VersionId' ? last.VersionId : value];
    }),
  );
}

function refusalOf(error: Error): Answer {
  const { $metadata } = error as Error & { $metadata?: { httpStatusCode?: number } };
  return { errorName: error.name, httpStatus: $metadata?.httpStatusCode, fields: { ...error } };
}

/** Runs the state machine of a fact. A function is named for what it does: `ok`, `large`, `hangs`, or the error it throws. */
async function executed({ machine }: Fact): Promise<Answer> {
  const clock = virtualClock();
  const history: AslHistoryEvent[] = [];
  const task = async (_resource: string, args: unknown) => {
    const { FunctionName } = args as { FunctionName: string };
    if (FunctionName === 'ok') return { Payload: 1 };
    if (FunctionName === 'large') return { Payload: 'x'.repeat(300_000) };
    if (FunctionName === 'hangs') return new Promise(() => {});
    throw Object.assign(new Error('{}'), { name: FunctionName });
  };
  const host = {
    clock,
    random: () => 0.5,
    task,
    token: () => ({ token: 't', done: new Promise(() => {}), forget: () => {} }),
    record: (event: AslHistoryEvent) => void history.push(event),
  };
  const execution = { Id: 'id', Name: 'n', StartTime: '2026-01-05T09:00:00.000Z' };
  let compiled: Machine;
  try {
    compiled = compile(machine);
  } catch {
    return { errorName: 'InvalidDefinition', fields: {} };
  }
  const outcome = await clock.run(run(compiled, {}, execution, host, new AbortController().signal));
  return { fields: { ...outcome, types: history.map(({ type }) => type).join(' ') } };
}

/** Whether the bus delivers the event of a fact to a rule with its pattern. */
async function matched({ pattern = {}, event = {} }: Fact): Promise<Answer> {
  const clock = virtualClock();
  const bus = new SimulatedEventBridge({ clock, random: seededRandom(1), deliveryMs: () => 1 });
  let matches = false;
  try {
    bus.rule({
      name: 'rule',
      pattern: pattern as never,
      target: async () => {
        matches = true;
      },
    });
    bus.put(event as never);
  } catch (error) {
    return { ...refusalOf(error as Error) };
  }
  await clock.advance(1_000);
  return { fields: { matches } };
}

function asked(fact: Fact): Promise<Answer> {
  if (fact.machine !== undefined) return executed(fact);
  return fact.pattern === undefined ? sent(fact) : matched(fact);
}

/** What of a recorded answer the simulated one lacks; empty if they agree. The words of messages are AWS's own and nobody reads them. */
function differences({ expect: wanted, ignore = [] }: Fact, found: Answer): string[] {
  const { errorName, httpStatus, fields = {} } = wanted;
  const isRefused = errorName !== undefined || httpStatus !== undefined;
  if (!isRefused && found.errorName !== undefined) return [`it refuses with ${found.errorName}`];
  return [
    ...(errorName === undefined || found.errorName === errorName ? [] : [`errorName is ${found.errorName}`]),
    ...(httpStatus === undefined || found.httpStatus === httpStatus
      ? []
      : [`httpStatus is ${found.httpStatus}`]),
    ...Object.entries(isRefused ? {} : fields)
      .filter(([path]) => !ignore.includes(path))
      .flatMap(([path, value]) => {
        const is = at(found.fields, path);
        const holds =
          value === '<absent>'
            ? is === undefined
            : value === '<present>'
              ? is !== undefined
              : same(is, value);
        return holds ? [] : [`${path} is ${JSON.stringify(is)}`];
      }),
  ];
}

const same = (a: unknown, b: unknown) => JSON.stringify(a ?? null) === JSON.stringify(b);

function at(value: unknown, path: string): unknown {
  if (value === undefined || path === '') return value;
  const parts = path.split('.');
  let found: unknown = value;
  for (const part of parts)
    found = part === 'length' && Array.isArray(found) ? found.length : Object(found)[part];
  return found;
}

describe('what AWS was seen to answer', () => {
  test.each(
    AGREEING.map(
      (fact) => [`${fact.service} ${fact.operation}: ${fact.condition} (${fact.recorded})`, fact] as const,
    ),
  )('%s', async (_what, fact) => {
    expect(differences(fact, await asked(fact))).toEqual([]);
  });

  // Whoever corrects one of them takes its reason away; a difference of another kind is a new one.
  test.each(DIFFERING.map((fact) => [`${fact.service} ${fact.operation}: ${fact.condition}`, fact] as const))(
    '%s: differs as it is known to',
    async (_what, fact) => {
      expect(fact.found).not.toEqual([]);
      expect(differences(fact, await asked(fact))).toEqual(fact.found);
    },
  );

  test('differs from the simulated services in no more than is known, each with its reason', () => {
    expect(DIFFERING.length).toBeLessThanOrEqual(DIFFERENCES_MAX);
    for (const { differs } of DIFFERING) expect(differs).toMatch(/\w+ \w+/);
    const unasked = ALL.filter((fact) => fact.unasked !== undefined);
    expect(unasked.length).toBeLessThanOrEqual(UNASKED_MAX);
    for (const fact of unasked) expect(fact.unasked).toMatch(/\w+ \w+/);
    for (const { source, recorded } of ALL) {
      expect(source).toMatch(/^localstack tests\//);
      expect(recorded).toMatch(/^\d{4}-\d\d-\d\d$/);
    }
  });
});

describe('the name of an error that a simulated service answers', () => {
  const MODELS: Record<string, object> = {
    ...{ lambda: lambdaApi, s3: s3Api, scheduler: schedulerApi },
    ...{ cloudwatch: cloudwatchApi, alarms: cloudwatchApi, dynamodb: dynamodbApi, 'step-functions': sfnApi },
  };
  /** Names that no API model has and nobody recorded, with what says so; `assumed` where nothing does. */
  const OTHERWISE: Record<string, string> = {
    BadDigest: 'S3 API reference, "Error responses"',
    IncompleteBody: 'S3 API reference, "Error responses"',
    MalformedXML: 'S3 API reference, "Error responses"',
    ValidationError: 'CloudWatch API reference, "Common Errors"',
    ValidationException:
      'DynamoDB developer guide, "Error handling": a validation error that the model does not name',
  };
  const recorded = new Set(ALL.map(({ service, expect: { errorName } }) => `${service} ${errorName}`));
  const serviceOf = (file: string) => (file === 'alarms' ? 'cloudwatch' : file);
  const names = Object.keys(MODELS).flatMap((service) => {
    const text = readFileSync(new URL(`../../local/services/${service}.ts`, import.meta.url), 'utf8');
    return [...text.matchAll(/awsError\(\s*'(\w+)'/g)].map(([, name = '']) => [service, name] as const);
  });

  test.each([...new Map(names.map((each) => [each.join(' '), each])).values()])(
    '%s %s is recorded, or modelled by its API, or said to be otherwise',
    (service, name) => {
      const isModelled = Object.hasOwn(MODELS[service] ?? {}, name);
      const isRecorded = recorded.has(`${serviceOf(service)} ${name}`);
      expect(isModelled || isRecorded || Object.hasOwn(OTHERWISE, name)).toBe(true);
    },
  );

  test('is found at all, and a name from nowhere would not pass', () => {
    expect(names.length).toBeGreaterThan(25);
    const isKnown = Object.hasOwn(lambdaApi, 'MadeUpException') || recorded.has('lambda MadeUpException');
    expect(isKnown).toBe(false);
  });
});
