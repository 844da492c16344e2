import type { GetMetricDataCommandInput } from '@aws-sdk/client-cloudwatch';
import type { UpdateAliasCommandInput } from '@aws-sdk/client-lambda';
import { OTHERS } from '../core/plan/segments.ts';
import { countedAmong, type SegmentLine } from '../core/site/segment.ts';
import type { TokenReading } from './asl/interpreter.ts';
import { type Clients, connect } from './clients.ts';
import type { WorldClock } from './clock.ts';
import { LATENCY_MS } from './latency.ts';
import { queueTraffic } from './queue.ts';
import { type Random, seededRandom } from './random.ts';
import type { Intercept, Operations } from './sdk.ts';
import { SimulatedKeyValueStore } from './services/cloudfront-kvs.ts';
import { SimulatedCloudWatch } from './services/cloudwatch.ts';
import { type ChangeRecord, SimulatedDynamoDB } from './services/dynamodb.ts';
import { SimulatedEventBridge } from './services/eventbridge.ts';
import { codeHost, SimulatedLambda } from './services/lambda.ts';
import { SimulatedS3 } from './services/s3.ts';
import { SimulatedScheduler } from './services/scheduler.ts';
import { type SimulatedSecrets, secretServers } from './services/secrets.ts';
import { SimulatedSlack } from './services/slack.ts';
import { SimulatedSNS } from './services/sns.ts';
import { type SimulatedQueues, sqsServer } from './services/sqs.ts';
import { SimulatedStepFunctions } from './services/step-functions.ts';
import { type AroundStep, runTask } from './task.ts';
import { type ModelTraffic, modelTraffic, type Routing } from './traffic.ts';
import type { WebServer } from './web-server.ts';

/** The alias that traffic calls. */
export const ALIAS = 'live';
/** The limit of concurrent executions of an account that has not just been made (Lambda quotas). */
const CONCURRENCY = 1_000;
/** Times that a batch of a stream is sent before it is given up: over ten minutes in all; assumed. */
const STREAM_TRIES_MAX = 15;

/** With what a bot posts to the simulated Slack, and where its incoming webhook is. */
export const SLACK_TOKEN = 'xoxb-simulated';
export const SLACK_WEBHOOK = 'https://hooks.slack.com/services/T1/B1/simulated';

/** How an account and region behaves. */
export interface AccountOptions {
  clock: WorldClock;
  seed?: number;
  /** The account's number, of twelve digits. */
  account?: string | undefined;
  region?: string | undefined;
  /** Stands around every simulated AWS call. */
  intercept?: Intercept | undefined;
  aroundStep?: AroundStep | undefined;
  /** Further services that Step Functions may call itself, by their names in a resource. */
  services?: Readonly<Record<string, Operations>> | undefined;
  /** Share of events that arrive twice. */
  duplicates?: number | undefined;
  /** How much later than usual each copy of an event arrives, by what delivers it: a rule, or a stream. */
  copies?: ((by: string) => readonly number[]) | undefined;
  /** How much later than usual all metrics of the region are just now. */
  regionLateMs?: (() => number) | undefined;
  rateLimits?: boolean | undefined;
  /** The account's limit of concurrent executions, on which depends who has some of its own; 1,000 unless said otherwise. */
  accountConcurrency?: number | undefined;
  /** What the region's control plane of Lambda takes in a second; as on AWS unless said otherwise. */
  controlPlane?: { perSecond: number } | undefined;
  /** When a task token counts that is completed before its call has ended; `at once` unless said otherwise. */
  tokens?: TokenReading | undefined;
  /** Calls reach the services without the SDK's clients, for worlds by the thousand. */
  isDirect?: boolean | undefined;
  /** Web servers by host; HTTP hooks may ask each of them. */
  web?: Record<string, WebServer> | undefined;
}

/** One account of AWS in one region: its services, and whatever calls their functions. */
export interface Account {
  account: string;
  region: string;
  clock: WorldClock;
  random: Random;
  concurrency: number;
  lambda: SimulatedLambda;
  cloudwatch: SimulatedCloudWatch;
  kvs: SimulatedKeyValueStore;
  s3: SimulatedS3;
  events: SimulatedEventBridge;
  scheduler: SimulatedScheduler;
  stepFunctions: SimulatedStepFunctions;
  dynamodb: SimulatedDynamoDB;
  secrets: SimulatedSecrets;
  queues: SimulatedQueues;
  /** Slack, where a bot posts with `SLACK_TOKEN`. */
  slack: SimulatedSlack;
  sns: SimulatedSNS;
  /** The clients of everybody here: the controllers, people and pipelines. */
  clients: Clients;
  /** Node's fetch, in a world of these servers only. */
  fetch: typeof fetch;
  /** Hears of each request that is made by it. */
  readonly requests: { heard?: (request: Request) => void };
  /** The hosts that hooks may ask. */
  hosts: string[];
  /** The ARN of something here. */
  arnOf(service: string, resource: string): string;
  /** Gives a function its code, for rules, schedules, streams and state machines to call. @throws Error if there is one of that name */
  deploy(functionName: string, code: (event: unknown) => Promise<unknown>): void;
  /** Calls such a function as AWS would: with copies of what goes in and comes out. */
  call(functionName: string, event: unknown): Promise<unknown>;
  /** Calls a function for each record of a table's stream, until it has taken it. */
  stream(tableName: string, listener: (change: ChangeRecord) => void): void;
  /** Hands a batch of a stream to a function as an event source mapping does: one that fails is sent again, for so long if it is said. */
  feed(by: string, functionName: string, batch: unknown, forMs?: number): void;
  /** Batches of streams that their functions have not taken yet, and that come again. */
  undelivered(): number;
  /** Traffic that is counted, each with the name of its function. */
  readonly traffics: readonly (readonly [functionName: string, traffic: ModelTraffic])[];
  /** Adds traffic that is counted, not sent; its versions need no code. */
  addTraffic(spec: TrafficSpec): ModelTraffic;
  /** Adds visitors of a site, who are led by what the edge reads of its store; they are counted, and ask for nothing. */
  addSite(spec: SiteSpec): ModelTraffic;
  /** Visitors of sites, each with the name of the site. */
  readonly sites: readonly (readonly [site: string, traffic: ModelTraffic])[];
  /** Adds a queue that feeds an alias, with its dead-letter queue, and binds it; its messages are counted, not sent. */
  addQueue(spec: QueueSpec): ModelTraffic;
  close(): Promise<void>;
}

type TrafficSpec = Omit<
  Parameters<typeof modelTraffic>[0],
  'clock' | 'random' | 'cloudwatch' | 'alias' | 'routing'
>;

type SiteSpec = SiteVisitors & {
  site: string;
  /** Visitors who are in a segment of the rollout file, besides those who are in none. */
  segments?: Record<string, SiteVisitors>;
};

type SiteVisitors = Pick<Parameters<typeof modelTraffic>[0], 'requestsPerSecond' | 'errorRate' | 'weather'>;

type QueueSpec = Omit<
  Parameters<typeof queueTraffic>[0],
  'clock' | 'random' | 'cloudwatch' | 'alias' | 'routing'
>;

/** Makes the services of an account and region, with nothing in them. */
export function createAccount(options: AccountOptions): Account {
  const { clock, account = '111122223333', region = 'eu-west-1' } = options;
  const random = seededRandom(options.seed ?? 1);
  const here = { clock, region, account };
  const arnOf = (service: string, resource: string) => `arn:aws:${service}:${region}:${account}:${resource}`;
  const code = new Map<string, (event: unknown) => Promise<unknown>>();
  let undelivered = 0;
  const call = async (name: string, event: unknown): Promise<unknown> => {
    await clock.sleep(LATENCY_MS.lambdaInvoke);
    const run = code.get(name);
    if (run === undefined) throw new Error(`There is no function ${name} in ${account}, ${region}.`);
    const result = await run(event);
    return result === undefined ? undefined : JSON.parse(JSON.stringify(result));
  };

  const events = new SimulatedEventBridge({
    ...here,
    random: random.fork('events'),
    duplicates: options.duplicates ?? 0,
    copies: options.copies,
  });
  const delays = random.fork('emission');
  const { metricEmissionMin, metricEmissionMax } = LATENCY_MS;
  const { regionLateMs } = options;
  const cloudwatch = new SimulatedCloudWatch({
    ...here,
    emissionDelayMs: () => metricEmissionMin + delays.next() * (metricEmissionMax - metricEmissionMin),
    ...(regionLateMs === undefined ? {} : { regionLateMs }),
    onAlarm: (event) => events.put(event),
  });
  const kvs = new SimulatedKeyValueStore(here);
  const s3 = new SimulatedS3({ ...here, onEvent: (event) => events.put(event) });
  const lambda = new SimulatedLambda({
    ...here,
    random: random.fork('routing'),
    rateLimits: options.rateLimits,
    controlPlaneRate: options.controlPlane?.perSecond,
    fetchObject: (bucket, key, versionId) => s3.bytes(bucket, key, versionId),
    onInvocation: (invocation) => cloudwatch.invocation(invocation),
  });
  const requests: Account['requests'] = {};
  const traffics: [string, ModelTraffic][] = [];
  const sites: [string, ModelTraffic][] = [];
  const edges = sitesAtEdge(kvs, clock, sites);
  const lambdaOperations = settling(() => traffics, lambda.operations as Operations, [
    'UpdateAliasCommand',
    'DeleteAliasCommand',
  ]);
  const stepFunctions = new SimulatedStepFunctions({
    ...here,
    random,
    tokens: options.tokens,
    onStatus: (event) => events.put(event),
    task: (resource, args) =>
      runTask(resource, args, {
        ...{ clock, call, aroundStep: options.aroundStep },
        services: { lambda: lambdaOperations, cloudfrontkeyvaluestore: kvs.service, ...options.services },
      }),
  });
  const scheduler = new SimulatedScheduler({
    ...here,
    invoke: async ({ Arn, Input }) => {
      const [, functionName] = /:function:([^:]+)$/.exec(Arn) ?? [];
      if (functionName !== undefined) return void (await call(functionName, JSON.parse(Input)));
      const name = `scheduled-${random.fork(`${clock.now()}`).int(1e9)}`;
      await stepFunctions.startExecution({ stateMachineArn: Arn, name, input: Input });
    },
  });
  const streams: [tableName: string, listener: (change: ChangeRecord) => void][] = [];
  const dynamodb = new SimulatedDynamoDB({
    clock,
    onRecord: (change, tableName) => {
      for (const [name, listener] of streams) if (name === tableName) listener(change);
    },
  });
  const secrets: SimulatedSecrets = { secrets: new Map(), parameters: new Map() };
  const sns = new SimulatedSNS();
  const queues: SimulatedQueues = new Map();
  const slack = new SimulatedSlack(clock, { token: SLACK_TOKEN, webhook: SLACK_WEBHOOK });
  const { web = {} } = options;

  return {
    ...here,
    random,
    concurrency: options.accountConcurrency ?? CONCURRENCY,
    ...{
      lambda,
      cloudwatch,
      kvs,
      s3,
      events,
      scheduler,
      stepFunctions,
      dynamodb,
      secrets,
      queues,
      slack,
      sns,
    },
    clients: connect(
      {
        dynamodb: dynamodb.operations,
        lambda: lambdaOperations,
        cloudwatch: settling(() => [...traffics, ...sites], cloudwatch.operations, ['GetMetricDataCommand']),
        events: events.operations,
        kvs: kvs.service,
        s3: s3.operations as Operations,
        scheduler: scheduler.operations as Operations,
        sfn: stepFunctions.operations,
        sns: sns.operations,
      },
      { ...options, region },
    ),
    fetch: simulatedFetch(
      {
        ...web,
        [codeHost(region)]: codeServer(lambda),
        ...secretServers(secrets, region, options.intercept),
        ...sqsServer(queues, region),
        ...slack.servers(),
      },
      clock,
      requests,
    ),
    requests,
    hosts: Object.keys(web),
    arnOf,
    deploy(functionName, run) {
      if (code.has(functionName)) throw new Error(`There is a function ${functionName} already.`);
      code.set(functionName, run);
    },
    call,
    stream: (tableName, listener) => void streams.push([tableName, listener]),
    feed(by, functionName, batch, forMs) {
      const deliver = async (laterMs: number) => {
        await clock.sleep(LATENCY_MS.eventDelivery + laterMs);
        const taken = async () => {
          const answer = (await call(functionName, batch)) as { batchItemFailures?: unknown[] } | undefined;
          // The whole batch comes again: what was done of it already must not matter.
          if ((answer?.batchItemFailures?.length ?? 0) > 0)
            throw new Error(`${functionName} did not take all.`);
        };
        await insist(clock, taken, forMs);
      };
      for (const laterMs of options.copies?.(by) ?? [0]) {
        undelivered += 1;
        void deliver(laterMs)
          .catch(() => {})
          .finally(() => {
            undelivered -= 1;
          });
      }
    },
    undelivered: () => undelivered,
    traffics,
    sites,
    addSite({ site, segments = {}, ...spec }) {
      const visitors = (visits: SiteVisitors, segment?: string) => {
        const made = modelTraffic({
          ...{ clock, functionName: site, alias: '' },
          random: random.fork(segment === undefined ? `site ${site}` : `site ${site} ${segment}`),
          cloudwatch: {
            invocations({ version, ...of }) {
              cloudwatch.visits({ site, release: version, ...of });
              const among = edges.among(site, segment);
              if (among !== undefined)
                cloudwatch.visitsAmong({ site, release: countedAmong(version, among), ...of });
            },
          },
          routing: () => edges.routing(site, segment),
          ...visits,
        });
        sites.push([site, made]);
        return made;
      };
      for (const [segment, visits] of Object.entries(segments)) visitors(visits, segment);
      return visitors(spec);
    },
    addTraffic(spec) {
      const { functionName } = spec;
      const made = modelTraffic({
        ...{ clock, cloudwatch, alias: ALIAS, random: random.fork(`traffic ${functionName}`) },
        routing: () => lambda.helpers.routing(functionName, ALIAS),
        ...spec,
      });
      traffics.push([functionName, made]);
      return made;
    },
    addQueue(spec) {
      const { functionName, queue } = spec;
      lambda.helpers.bindEventSource(functionName, arnOf('sqs', queue), ALIAS);
      const made = queueTraffic({
        ...{ clock, cloudwatch, alias: ALIAS, random: random.fork(`queue ${queue}`) },
        routing: () => lambda.helpers.routing(functionName, ALIAS),
        ...spec,
      });
      traffics.push([functionName, made]);
      return made;
    },
    close: () => lambda.close(),
  };
}

async function insist(clock: WorldClock, call: () => Promise<unknown>, forMs?: number): Promise<void> {
  const until = clock.now() + (forMs ?? 0);
  const isOver = (tries: number) => (forMs === undefined ? tries >= STREAM_TRIES_MAX : clock.now() >= until);
  for (let tries = 1; !isOver(tries); tries++) {
    try {
      return void (await call());
    } catch {
      await clock.sleep(Math.min(60_000, 1_000 * 2 ** tries));
    }
  }
  await call();
}

/** Where the edge leads the visitors of a site now. Who waits for the edge to read a write is drawn as it was until then. */
function sitesAtEdge(
  kvs: SimulatedKeyValueStore,
  clock: WorldClock,
  sites: Account['sites'],
): {
  routing(site: string, segment: string | undefined): Routing;
  /** What visits are counted as besides; undefined while no segment has a share of its own. */
  among(site: string, segment: string | undefined): string | undefined;
} {
  kvs.onTaken = (name) => {
    const wait = clock.after(LATENCY_MS.kvsPropagation - 1);
    void wait.done.then(() => {
      for (const [site, traffic] of sites) if (site === name) traffic.settle();
    });
  };
  const last = new Map<string, Routing>();
  return {
    routing(site, segment) {
      const routing = routingFrom(kvs.helpers.atEdge(site, 'spillway'), segment);
      // What it cannot read leads everybody to the pages at their plain paths, which are those of stable.
      const { primary = '' } = last.get(site) ?? {};
      const found = routing ?? { primary, weights: {} };
      last.set(site, found);
      return found;
    },
    among(site, segment) {
      const names = (valueFrom(kvs.helpers.atEdge(site, 'spillway')).g ?? []).map(([, , , , name]) => name);
      return names.length === 0
        ? undefined
        : segment !== undefined && names.includes(segment)
          ? segment
          : OTHERS;
    },
  };
}

interface Led {
  s?: string;
  c?: string;
  w?: number;
  g?: SegmentLine[];
}

function valueFrom(text = '{}'): Led {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}

/** The value as `edge/` reads it for visitors of a segment, or of none. */
function routingFrom(text = '', segment?: string): Routing | undefined {
  try {
    const { s, c, w, g = [] } = JSON.parse(text) as Led;
    if (typeof s !== 'string') return undefined;
    const line = segment === undefined ? undefined : g.find(([, , , , name]) => name === segment);
    // As `weightFor` of the edge: in whole hundredths.
    const share = Math.floor(line === undefined ? (w ?? 0) : line[3]);
    return { primary: s, weights: c === undefined || share === 0 ? {} : { [c]: share / 100 } };
  } catch {
    return undefined;
  }
}

/** Draws the traffic up to now before one of the commands changes it or counts it; a deleted alias has none from then on. */
function settling(
  all: () => Account['traffics'],
  operations: Operations,
  commands: readonly string[],
): Operations {
  return {
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
          const traffics = all();
          const named = traffics.filter(([name]) => names.has(name));
          // A metric of somebody's own says nothing about the function it is of.
          for (const [, each] of named.length > 0 ? named : traffics)
            if (command === 'DeleteAliasCommand' && 'Name' in input && input.Name === ALIAS) each.stop();
            else each.settle();
          return operations[command]?.(input as never) as object;
        },
      ]),
    ),
  };
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

/** Where the code of functions is downloaded from. */
function codeServer({ helpers }: SimulatedLambda): WebServer {
  return ({ url }) => {
    const zip = helpers.download(url);
    return zip === undefined ? new Response(null, { status: 404 }) : new Response(Uint8Array.from(zip));
  };
}

function simulatedFetch(
  web: Record<string, WebServer>,
  clock: WorldClock,
  requests: Account['requests'],
): typeof fetch {
  return async (input, init) => {
    const request = new Request(input, init);
    const { host } = new URL(request.url);
    const server = web[host];
    requests.heard?.(request);
    await clock.sleep(LATENCY_MS.web);
    if (server === undefined)
      throw new TypeError('fetch failed', { cause: new Error(`getaddrinfo ENOTFOUND ${host}`) });
    return server(request);
  };
}
