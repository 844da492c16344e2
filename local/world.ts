import { readFileSync } from 'node:fs';
import { CloudWatchClient, type GetMetricDataCommandInput } from '@aws-sdk/client-cloudwatch';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import * as lambdaApi from '@aws-sdk/client-lambda';
import { LambdaClient, type UpdateAliasCommandInput } from '@aws-sdk/client-lambda';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { SchedulerClient } from '@aws-sdk/client-scheduler';
import { SFNClient } from '@aws-sdk/client-sfn';
import { awsSecrets } from '../adapters/aws-secrets.ts';
import { cloudwatchAlarms } from '../adapters/cloudwatch-alarms.ts';
import { dynamodbBudget } from '../adapters/dynamodb-budget.ts';
import { eventFrom, rolloutFrom } from '../adapters/dynamodb-items.ts';
import { dynamodbJournal } from '../adapters/dynamodb-journal.ts';
import { type AppendRecord, recordsFromStream } from '../adapters/dynamodb-stream.ts';
import { PREFIX, tableDefinition } from '../adapters/dynamodb-table.ts';
import { lambdaOpenings } from '../adapters/lambda-openings.ts';
import { byKind, hookChecks, hookRunners } from '../adapters/registry.ts';
import { s3Completions } from '../adapters/s3-completions.ts';
import { s3Releases } from '../adapters/s3-releases.ts';
import { schedulerWatchdog } from '../adapters/scheduler-watchdog.ts';
import { stepFunctions } from '../adapters/step-functions.ts';
import type { Ports } from '../controller/ports.ts';
import type { Journal } from '../core/ports.ts';
import type { RolloutEvent } from '../core/rollout/event.ts';
import type { Rollout } from '../core/rollout/state.ts';
import type { Handler } from '../functions/_lambda.ts';
import { observer } from '../functions/_observe.ts';
import {
  type FunctionName,
  factsOf,
  fileOf,
  patternOf,
  RULES,
  reservedFor,
  startedBy,
} from '../infra/facts.ts';
import {
  metricSources,
  metricsByKind,
  publishers,
  routers,
  smokeByKind,
  smokeRunners,
} from '../targets/adapters.ts';
import { KINDS } from '../targets/kinds.ts';
import type { TokenReading } from './asl/interpreter.ts';
import type { WorldClock } from './clock.ts';
import { controllerFunctions } from './controller.ts';
import { LATENCY_MS } from './latency.ts';
import { queueTraffic } from './queue.ts';
import { type Random, seededRandom } from './random.ts';
import { attach, directClient, type Intercept, type Operations } from './sdk.ts';
import { SimulatedCloudWatch } from './services/cloudwatch.ts';
import { type ChangeRecord, SimulatedDynamoDB } from './services/dynamodb.ts';
import { SimulatedEventBridge } from './services/eventbridge.ts';
import { codeHost, type InvocationRecord, SimulatedLambda } from './services/lambda.ts';
import { SimulatedS3, s3Calls } from './services/s3.ts';
import { SimulatedScheduler } from './services/scheduler.ts';
import { type SimulatedSecrets, secretServers } from './services/secrets.ts';
import { SimulatedStepFunctions } from './services/step-functions.ts';
import { type ModelTraffic, modelTraffic } from './traffic.ts';
import type { WebServer } from './web-server.ts';

export const REGION = 'eu-west-1';
export const ACCOUNT = '111122223333';
export const BUCKET = 'releases';
export const ENVIRONMENT = 'production';
export const MACHINE_ARN = `arn:aws:states:${REGION}:${ACCOUNT}:stateMachine:rollout`;
export const ALIAS = 'live';
/** What HTTP hooks are signed with in this environment. */
export const HOOK_SECRET = 'simulated';
/** The group of the watchdog's schedules. */
export const SCHEDULE_GROUP = 'spillway';
/** The table of the journal. */
export const JOURNAL = 'journal';
/** The function of the controller that others of it invoke by Lambda. */
const OPENER: FunctionName = 'OpenRollout';
/** The limit of concurrent executions of an account that has not just been made (Lambda quotas). */
const ACCOUNT_CONCURRENCY = 1_000;
/** Times that a batch of the journal's stream is sent before it is given up: over ten minutes in all; assumed. */
const STREAM_TRIES_MAX = 15;

/** What those who follow the journal learn of each append, in order. */
export interface JournalRecord {
  rollout: Rollout;
  events: RolloutEvent[];
}

/** Keeps the journal and the budget of a controller. `told` is called for each append, with what its stream makes of that. */
export type Store = (world: {
  clock: WorldClock;
  /** Calls a second that the controller shares out; as on AWS where it is not said. */
  perSecond: number | undefined;
  told(record: JournalRecord, appended: AppendRecord[]): void;
}) => Pick<Ports, 'journal' | 'budget'>;

export interface WorldOptions {
  clock: WorldClock;
  seed?: number;
  /** Where the journal and the budget are kept; in the simulated DynamoDB unless said otherwise. */
  store?: Store | undefined;
  /** Stands around every simulated AWS call. */
  intercept?: Intercept | undefined;
  /** Stands around every call of a controller function: where crashes, duplicates and planted faults come in. */
  around?: ((name: FunctionName, event: unknown, call: Handler) => Promise<unknown>) | undefined;
  /** Stands around every call of Lambda that Step Functions makes itself, by the name of its command; what it throws is an error as Lambda names it, or `States.Timeout`. */
  aroundStep?:
    | ((command: string, input: unknown, call: () => Promise<unknown>) => Promise<unknown>)
    | undefined;
  /** Replaces ports, for tests that plant a fault. */
  changePorts?: ((ports: Ports) => Ports) | undefined;
  /** Share of events that arrive twice. */
  duplicates?: number | undefined;
  /** How much later than usual each copy of an event arrives, by what delivers it: a rule, or the journal's stream. */
  copies?: ((rule: string) => readonly number[]) | undefined;
  /** How much later than usual all metrics of the region are just now. */
  regionLateMs?: (() => number) | undefined;
  rateLimits?: boolean | undefined;
  /** The account's limit of concurrent executions, on which depends who has some of its own; 1,000 unless said otherwise. */
  accountConcurrency?: number | undefined;
  /** What the region's control plane of Lambda takes in a second, and how much of that the controller shares out; as on AWS unless said otherwise. */
  controlPlane?: { perSecond: number; budget: number } | undefined;
  /** When a task token counts that is completed before its call has ended; `at once` unless said otherwise. */
  tokens?: TokenReading | undefined;
  /** Calls reach the services without the SDK's clients, for worlds by the thousand. */
  isDirect?: boolean | undefined;
  /** The text of another version's state machine, in place of the present one. */
  machine?: string | undefined;
  /** Web servers by host; HTTP hooks may ask each of them. */
  web?: Record<string, WebServer> | undefined;
}

/** AWS in one process, with the controller deployed into it. */
export interface World {
  clock: WorldClock;
  random: Random;
  lambda: SimulatedLambda;
  cloudwatch: SimulatedCloudWatch;
  s3: SimulatedS3;
  events: SimulatedEventBridge;
  scheduler: SimulatedScheduler;
  stepFunctions: SimulatedStepFunctions;
  dynamodb: SimulatedDynamoDB;
  secrets: SimulatedSecrets;
  ports: Ports;
  journal: Journal;
  /** The clients of a person or pipeline outside the controller. */
  clients: Clients;
  /** Such traffic, each with the name of its function. */
  readonly traffics: readonly (readonly [functionName: string, traffic: ModelTraffic])[];
  /** Adds traffic that is counted, not sent; its versions need no code. */
  addTraffic(spec: TrafficSpec): ModelTraffic;
  /** Adds a queue that feeds an alias, with its dead-letter queue, and binds it; its messages are counted, not sent. */
  addQueue(spec: QueueSpec): ModelTraffic;
  /** Calls a controller function as AWS would: by name, with copies of what goes in and comes out. */
  invoke(name: FunctionName, event: unknown): Promise<unknown>;
  /** Uploads a manifest, which opens a rollout as on AWS: by its event. Text and bytes are uploaded as they are. */
  upload(key: string, manifest: object | string | Uint8Array): Promise<void>;
  /** Resolves with the rollout once it has ended and its execution too. */
  ended(rolloutId: string): Promise<Rollout>;
  /** Calls `listener` for each append to the journal, in order. */
  follow(listener: (record: JournalRecord) => void): void;
  close(): Promise<void>;
}

type TrafficSpec = Pick<
  Parameters<typeof modelTraffic>[0],
  | 'functionName'
  | 'requestsPerSecond'
  | 'errorRate'
  | 'faultRate'
  | 'weather'
  | 'counters'
  | 'lostRate'
  | 'throttleRate'
  | 'uncountedRate'
  | 'hangingRate'
  | 'timeoutMs'
  | 'unaskedRate'
  | 'killedRate'
  | 'mixedUnits'
  | 'aheadMs'
  | 'lateness'
  | 'medianMs'
>;

type QueueSpec = Omit<
  Parameters<typeof queueTraffic>[0],
  'clock' | 'random' | 'cloudwatch' | 'alias' | 'routing'
>;

interface Clients {
  dynamodb: DynamoDBClient;
  lambda: LambdaClient;
  cloudwatch: CloudWatchClient;
  s3: S3Client;
  scheduler: SchedulerClient;
  sfn: SFNClient;
}

/** A state machine by its text, each placeholder replaced by the name of the function that it stands for. */
const definitionFrom = (text: string): unknown =>
  JSON.parse(text.replace(/\$\{(\w+)\}/g, (_, name: string) => named(name)));

const present = definitionFrom(
  readFileSync(new URL('../statemachines/rollout.asl.json', import.meta.url), 'utf8'),
);

/** Builds a world: simulated services, real adapters, handlers and state machine. One seed gives one history where all code is model code. */
export function createWorld(options: WorldOptions): World {
  const { clock } = options;
  const random = seededRandom(options.seed ?? 1);
  const followers: ((record: JournalRecord) => void)[] = [];
  const background = new Set<Promise<unknown>>();
  const inBackground = (work: Promise<unknown>) => {
    const kept = work.catch(() => {}).finally(() => background.delete(kept));
    background.add(kept);
  };

  /** By the name of its function. */
  const traffic: [string, ModelTraffic][] = [];
  /** Draws the traffic up to now before anything changes it or counts it; a deleted alias has none from then on. */
  const settled = (operations: Operations, commands: string[]): Operations => ({
    // Looked up at each call, so that a recorder can intercept it.
    ...Object.fromEntries(
      Object.keys(operations).map((command) => [
        command,
        (input: never) => operations[command]?.(input) as object,
      ]),
    ),
    ...Object.fromEntries(
      commands.map((command) => [
        command,
        (input: Parameters<typeof namedIn>[0]) => {
          const names = namedIn(input);
          const named = traffic.filter(([name]) => names.has(name));
          // A metric of somebody's own says nothing about the function it is of.
          for (const [, each] of named.length > 0 ? named : traffic)
            if (command === 'DeleteAliasCommand' && 'Name' in input && input.Name === ALIAS) each.stop();
            else each.settle();
          return operations[command]?.(input as never) as object;
        },
      ]),
    ),
  });

  const events = new SimulatedEventBridge({
    clock,
    random: random.fork('events'),
    duplicates: options.duplicates ?? 0,
    copies: options.copies,
  });
  const cloudwatch = simulatedCloudWatch(clock, random, events, options.regionLateMs);
  const s3 = new SimulatedS3({
    clock,
    region: REGION,
    account: ACCOUNT,
    onEvent: (event) => events.put(event),
  });
  const lambda = new SimulatedLambda({
    clock,
    random: random.fork('routing'),
    region: REGION,
    account: ACCOUNT,
    rateLimits: options.rateLimits,
    controlPlaneRate: options.controlPlane?.perSecond,
    fetchObject: (bucket, key, versionId) => s3.bytes(bucket, key, versionId),
    onInvocation: (invocation: InvocationRecord) => cloudwatch.invocation(invocation),
  });
  const scheduler: SimulatedScheduler = new SimulatedScheduler({
    clock,
    region: REGION,
    account: ACCOUNT,
    invoke: async ({ Arn, Input }) => {
      if (Arn === MACHINE_ARN) {
        const name = `scheduled-${random.fork(`${clock.now()}`).int(1e9)}`;
        await sfn.operations.StartExecutionCommand?.({ stateMachineArn: Arn, name, input: Input } as never);
      } else await invoke('Watchdog', JSON.parse(Input));
    },
  });
  const invoke = async (name: FunctionName, event: unknown): Promise<unknown> => {
    await clock.sleep(LATENCY_MS.lambdaInvoke);
    const result = await run(name, event);
    return result === undefined ? undefined : JSON.parse(JSON.stringify(result));
  };
  const run = async (name: FunctionName, event: unknown): Promise<unknown> => {
    const call: Handler = (given) => functions[name](JSON.parse(JSON.stringify(given)));
    return options.around === undefined ? call(event) : options.around(name, event, call);
  };
  const sfn: SimulatedStepFunctions = new SimulatedStepFunctions({
    clock,
    random,
    region: REGION,
    account: ACCOUNT,
    machines: { rollout: options.machine === undefined ? present : definitionFrom(options.machine) },
    tokens: options.tokens,
    task: (resource, args) => runTask(resource, args, { invoke, lambda: lambdaOperations, ...options }),
  });
  const lambdaOperations = settled(lambda.operations as Operations, [
    'UpdateAliasCommand',
    'DeleteAliasCommand',
  ]);
  const publish = (record: JournalRecord) => {
    for (const follower of followers) follower(record);
  };
  const stream = (records: AppendRecord[]) => {
    if (records.length === 0) return;
    for (const laterMs of options.copies?.('journal-stream') ?? [0])
      inBackground(
        clock.sleep(LATENCY_MS.eventDelivery + laterMs).then(() => insist('JournalStream', { records })),
      );
  };
  /** As an event source mapping does: a batch that fails is sent again. */
  const insist = async (name: FunctionName, event: unknown): Promise<void> => {
    for (let tries = 1; tries < STREAM_TRIES_MAX; tries++) {
      try {
        return void (await invoke(name, event));
      } catch {
        await clock.sleep(Math.min(60_000, 1_000 * 2 ** tries));
      }
    }
    await invoke(name, event);
  };
  const append = appendOf(publish);
  const dynamodb = new SimulatedDynamoDB({
    clock,
    onRecord: (change) => {
      append(change);
      stream(recordsFromStream({ Records: [change] }).records);
    },
  });
  const operations: Record<keyof Clients, Operations> = {
    dynamodb: dynamodb.operations,
    lambda: lambdaOperations,
    cloudwatch: settled(cloudwatch.operations, ['GetMetricDataCommand']),
    s3: s3.operations as Operations,
    scheduler: scheduler.operations as Operations,
    sfn: sfn.operations,
  };
  const clients = connect(operations, options);
  const perSecond = options.controlPlane?.budget;
  const told = (record: JournalRecord, appended: AppendRecord[]) => {
    publish(record);
    stream(appended);
  };
  const { journal, budget } =
    options.store?.({ clock, perSecond, told }) ?? tableStore(dynamodb, clients.dynamodb, clock, perSecond);
  const { web = {} } = options;
  const secrets: SimulatedSecrets = { secrets: new Map(), parameters: new Map() };
  const fetched = simulatedFetch(
    {
      ...web,
      [codeHost(REGION)]: codeServer(lambda),
      ...secretServers(secrets, REGION, options.intercept),
    },
    clock,
  );
  const smoke = () => smokeByKind(smokeRunners, adapterClients, clock);
  const adapterClients = {
    ...clients,
    fetch: fetched,
    secrets: awsSecrets({ lambda: clients.lambda, fetch: fetched }, clock),
    web: {
      fetch: fetched,
      hosts: Object.keys(web),
      secret: HOOK_SECRET,
    },
  };
  const made: Ports = {
    environment: ENVIRONMENT,
    about: { environment: ENVIRONMENT, bucket: BUCKET, scheduleGroup: SCHEDULE_GROUP },
    clock,
    journal,
    budget,
    kinds: KINDS,
    router: byKind(routers, adapterClients, clock),
    publisher: byKind(publishers, adapterClients, clock),
    restoreCode: async (rolloutId, target) =>
      void (await invoke('PublishRelease', { restore: { rolloutId, target } })),
    hooks: byKind({ ...hookRunners, smoke }, adapterClients, clock),
    hookCheck: byKind(hookChecks, adapterClients, clock),
    metrics: metricsByKind(metricSources, clients, clock),
    alarms: cloudwatchAlarms(clients.cloudwatch),
    executions: stepFunctions(clients.sfn, MACHINE_ARN),
    openings: lambdaOpenings(clients.lambda, clock, OPENER),
    watchdog: schedulerWatchdog(clients.scheduler, {
      functionArn: functionArn('Watchdog'),
      stateMachineArn: MACHINE_ARN,
      roleArn: `arn:aws:iam::${ACCOUNT}:role/scheduler`,
      groupName: SCHEDULE_GROUP,
    }),
    releases: s3Releases(s3Calls(clients.s3)),
    completions: s3Completions(s3Calls(clients.s3), BUCKET),
    observer,
  };
  const ports = options.changePorts?.(made) ?? made;
  const functions = controllerFunctions(() => ports);
  lambda.helpers.createFunction({ name: OPENER, timeout: factsOf(OPENER).seconds });
  lambda.helpers.deployModel(OPENER, (event) => run(OPENER, event));
  const { accountConcurrency = ACCOUNT_CONCURRENCY } = options;
  lambda.helpers.limitConcurrency(OPENER, reservedFor(OPENER, accountConcurrency) ?? accountConcurrency);

  const openings = random.fork('openings');
  for (const rule of RULES)
    for (const name of startedBy(rule)) {
      const call = async (event: unknown) => void (await invoke(name, event));
      events.rule({
        name: fileOf(rule),
        pattern: patternOf(rule, { bucket: BUCKET, machine: MACHINE_ARN }),
        target:
          name === OPENER
            ? (event) => whenFree({ lambda, clock, random: openings }, () => call(event))
            : call,
      });
    }

  return {
    clock,
    random,
    lambda,
    cloudwatch,
    s3,
    events,
    scheduler,
    stepFunctions: sfn,
    dynamodb,
    secrets,
    ports,
    journal,
    clients,
    invoke,
    traffics: traffic,
    addTraffic(spec) {
      const { functionName } = spec;
      const routing = () => lambda.helpers.routing(functionName, ALIAS);
      const made = modelTraffic({
        clock,
        random: random.fork(`traffic ${functionName}`),
        cloudwatch,
        alias: ALIAS,
        routing,
        ...spec,
      });
      traffic.push([functionName, made]);
      return made;
    },
    addQueue(spec) {
      const { functionName, queue } = spec;
      lambda.helpers.bindEventSource(functionName, `arn:aws:sqs:${REGION}:${ACCOUNT}:${queue}`, ALIAS);
      const made = queueTraffic({
        ...{ clock, cloudwatch, alias: ALIAS, random: random.fork(`queue ${queue}`) },
        routing: () => lambda.helpers.routing(functionName, ALIAS),
        ...spec,
      });
      traffic.push([functionName, made]);
      return made;
    },
    async upload(key, manifest) {
      const Body =
        typeof manifest === 'string' || manifest instanceof Uint8Array ? manifest : JSON.stringify(manifest);
      await clients.s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: key, Body }));
    },
    ended: (rolloutId) => ended(rolloutId, journal, sfn, (listener) => followers.push(listener)),
    follow: (listener) => void followers.push(listener),
    async close() {
      await lambda.close();
    },
  };
}

/** The journal and the budget as they are deployed, in one table. */
function tableStore(
  dynamodb: SimulatedDynamoDB,
  client: DynamoDBClient,
  clock: WorldClock,
  perSecond: number | undefined,
): ReturnType<Store> {
  dynamodb.operations.CreateTableCommand(tableDefinition(JOURNAL).table);
  return {
    journal: dynamodbJournal(client, { tableName: JOURNAL, clock }),
    budget: dynamodbBudget(client, { tableName: JOURNAL, clock, perSecond }),
  };
}

/**
 * As Lambda calls a function for an event: if its reserved concurrency has no room, it is tried again later, from one second
 * to five minutes (Lambda developer guide, "How Lambda handles errors and retries with asynchronous invocation"); that the pauses differ is assumed.
 * @throws Error if the event became too old
 */
async function whenFree(
  { lambda, clock, random }: Pick<World, 'lambda' | 'clock' | 'random'>,
  call: () => Promise<void>,
): Promise<void> {
  const { triedForSeconds = 0 } = factsOf(OPENER);
  const until = clock.now() + triedForSeconds * 1_000;
  for (let pauseMs = 1_000; ; pauseMs = Math.min(2 * pauseMs, 300_000)) {
    const giveBack = lambda.helpers.take(OPENER);
    if (giveBack !== undefined) return call().finally(giveBack);
    const waitMs = pauseMs * random.next();
    if (clock.now() + waitMs > until) throw new Error(`${OPENER} had no room for an event.`);
    await clock.sleep(waitMs);
  }
}

/** Where the code of functions is downloaded from. */
function codeServer({ helpers }: SimulatedLambda): WebServer {
  return ({ url }) => {
    const zip = helpers.download(url);
    return zip === undefined ? new Response(null, { status: 404 }) : new Response(Uint8Array.from(zip));
  };
}

/** Node's fetch, in a world of these servers only. */
function simulatedFetch(web: Record<string, WebServer>, clock: WorldClock): typeof fetch {
  return async (input, init) => {
    const request = new Request(input, init);
    const { host } = new URL(request.url);
    const server = web[host];
    await clock.sleep(LATENCY_MS.web);
    if (server === undefined)
      throw new TypeError('fetch failed', { cause: new Error(`getaddrinfo ENOTFOUND ${host}`) });
    return server(request);
  };
}

function functionArn(name: string): string {
  return `arn:aws:lambda:${REGION}:${ACCOUNT}:function:${name}`;
}

/** The functions that a call is about: with a thousand of them, drawing the traffic of all at each call would take longer than all the rest. */
function namedIn({
  FunctionName,
  MetricDataQueries = [],
}: Pick<UpdateAliasCommandInput, 'FunctionName'> & Partial<GetMetricDataCommandInput>): Set<
  string | undefined
> {
  const dimensions = MetricDataQueries.flatMap(({ MetricStat }) => MetricStat?.Metric?.Dimensions ?? []);
  return new Set([FunctionName, ...dimensions.map(({ Value }) => Value)]);
}

/** Puts the changes of one append together: in one transaction its events come before its head. */
function appendOf(publish: (record: JournalRecord) => void): (change: ChangeRecord) => void {
  const events: RolloutEvent[] = [];
  return ({ dynamodb: { NewImage } }) => {
    const key = NewImage?.sk?.S ?? '';
    const item = { body: NewImage?.body?.S };
    if (key.startsWith(PREFIX.event)) events.push(eventFrom(item));
    if (key === 'HEAD') publish({ rollout: rolloutFrom(item), events: events.splice(0) });
  };
}

function named(name: string): string {
  if (!(startedBy('machine') as string[]).includes(name))
    throw new Error(`The state machine names a function ${name} that does not exist.`);
  return name;
}

function simulatedCloudWatch(
  clock: WorldClock,
  random: Random,
  events: SimulatedEventBridge,
  regionLateMs: WorldOptions['regionLateMs'],
): SimulatedCloudWatch {
  const delays = random.fork('emission');
  const { metricEmissionMin, metricEmissionMax } = LATENCY_MS;
  return new SimulatedCloudWatch({
    clock,
    region: REGION,
    account: ACCOUNT,
    emissionDelayMs: () => metricEmissionMin + delays.next() * (metricEmissionMax - metricEmissionMin),
    ...(regionLateMs === undefined ? {} : { regionLateMs }),
    onAlarm: (event) => events.put(event),
  });
}

/** Does what a Task state asks for: a function of the controller, or a call of Lambda by Step Functions itself. */
async function runTask(
  resource: string,
  args: unknown,
  world: Pick<World, 'invoke'> & { lambda: Operations } & Pick<WorldOptions, 'clock' | 'aroundStep'>,
): Promise<unknown> {
  const [, action] = /^arn:aws:states:::aws-sdk:lambda:(\w+)$/.exec(resource) ?? [];
  if (action === undefined) {
    const { FunctionName, Payload } = args as { FunctionName: FunctionName; Payload: unknown };
    try {
      const answer = await world.invoke(FunctionName, Payload);
      return { StatusCode: 200, ExecutedVersion: '$LATEST', Payload: answer };
    } catch (error) {
      throw asTaskError(error);
    }
  }
  await world.clock.sleep(LATENCY_MS.lambdaControlPlane);
  const command = `${action.charAt(0).toUpperCase()}${action.slice(1)}Command`;
  const operation = world.lambda[command];
  if (operation === undefined) throw new Error(`${resource} is not simulated.`);
  const call = async () => operation(args as never);
  try {
    return await (world.aroundStep === undefined ? call() : world.aroundStep(command, args, call));
  } catch (error) {
    throw asStepError(error);
  }
}

/**
 * A handler's error as Step Functions sees it: its name, and a JSON text as the cause. Where Lambda did not run the
 * function, the cause is a text of another form (recorded from AWS, LocalStack snapshot tests, 2024).
 */
function asTaskError(error: unknown): Error {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  if (name.startsWith('States.')) return Object.assign(new Error(''), { name });
  const code = /^Lambda\.(\w+)$/.exec(name)?.[1];
  const cause =
    code === undefined || code === 'Unknown'
      ? JSON.stringify({ errorType: name, errorMessage: message })
      : `${message} (Service: AWSLambda; Status Code: ${statusOf(code)}; Error Code: ${code}; Request ID: 00000000-0000-4000-8000-000000000000; Proxy: null)`;
  return Object.assign(new Error(cause), { name });
}

const statusOf = (code: string) => (code === 'TooManyRequestsException' ? 429 : 500);

/**
 * An error of Lambda's as an SDK integration names it: by its own name if Lambda's API models it, else by the client's
 * (recorded from AWS for DynamoDB and Secrets Manager, LocalStack snapshot tests, 2023; for Lambda by that rule).
 */
function asStepError(error: unknown): Error {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  if (name.startsWith('States.')) return Object.assign(new Error(''), { name });
  const isModelled = Object.hasOwn(lambdaApi, name);
  return Object.assign(
    new Error(`${message} (Service: Lambda, Request ID: simulated) (SDK Attempt Count: 1)`),
    {
      name: `Lambda.${isModelled ? name : 'LambdaException'}`,
    },
  );
}

const latencyOf: Record<keyof Clients, (command: string) => number> = {
  // What an invocation takes is the code's own time.
  lambda: (command) =>
    command === 'InvokeCommand' ? LATENCY_MS.lambdaInvoke : LATENCY_MS.lambdaControlPlane,
  cloudwatch: (command) => (command === 'GetMetricDataCommand' ? LATENCY_MS.metricRead : LATENCY_MS.alarms),
  dynamodb: () => LATENCY_MS.dynamodb,
  s3: () => LATENCY_MS.s3,
  scheduler: () => LATENCY_MS.schedulerApi,
  sfn: () => LATENCY_MS.stepFunctionsApi,
};

function connect(operations: Record<keyof Clients, Operations>, options: WorldOptions): Clients {
  const simulation = (name: keyof Clients) => {
    const { clock, intercept } = options;
    return { clock, latencyMs: latencyOf[name], intercept };
  };
  const names = Object.keys(latencyOf) as (keyof Clients)[];
  if (options.isDirect === true)
    return Object.fromEntries(
      names.map((name) => [name, directClient(operations[name], simulation(name))]),
    ) as unknown as Clients;
  const config = {
    region: REGION,
    credentials: { accessKeyId: 'simulated', secretAccessKey: 'simulated' },
    cacheMiddleware: true,
  };
  const clients: Clients = {
    dynamodb: new DynamoDBClient(config),
    lambda: new LambdaClient(config),
    cloudwatch: new CloudWatchClient(config),
    s3: new S3Client(config),
    scheduler: new SchedulerClient(config),
    sfn: new SFNClient(config),
  };
  for (const name of names) attach(clients[name], operations[name], simulation(name));
  return clients;
}

async function ended(
  rolloutId: string,
  journal: Journal,
  sfn: SimulatedStepFunctions,
  follow: (listener: (record: JournalRecord) => void) => void,
): Promise<Rollout> {
  const present = await journal.read(rolloutId);
  const rollout =
    present?.outcome !== undefined
      ? present
      : await new Promise<Rollout>((resolve) =>
          follow(({ rollout }) => {
            if (rollout.opening.rolloutId === rolloutId && rollout.outcome !== undefined) resolve(rollout);
          }),
        );
  const last = [...sfn.executions.values()].filter(({ name }) => name.startsWith(`${rolloutId}-`));
  await Promise.all(last.map(({ done }) => done));
  return rollout;
}
