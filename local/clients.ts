import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { S3Client } from '@aws-sdk/client-s3';
import { SchedulerClient } from '@aws-sdk/client-scheduler';
import { SFNClient } from '@aws-sdk/client-sfn';
import { SNSClient } from '@aws-sdk/client-sns';
import type { WorldClock } from './clock.ts';
import { LATENCY_MS } from './latency.ts';
import { attach, directClient, type Intercept, type Operations } from './sdk.ts';

/** The clients of one account and region. */
export interface Clients {
  dynamodb: DynamoDBClient;
  lambda: LambdaClient;
  cloudwatch: CloudWatchClient;
  events: EventBridgeClient;
  /** It has no client of the SDK in the product either. */
  kvs: { send(command: { input: object }): Promise<object> };
  s3: S3Client;
  scheduler: SchedulerClient;
  sfn: SFNClient;
  sns: SNSClient;
}

const latencyOf: Record<keyof Clients, (command: string) => number> = {
  // What an invocation takes is the code's own time.
  lambda: (command) =>
    command === 'InvokeCommand' ? LATENCY_MS.lambdaInvoke : LATENCY_MS.lambdaControlPlane,
  cloudwatch: (command) => (command === 'GetMetricDataCommand' ? LATENCY_MS.metricRead : LATENCY_MS.alarms),
  dynamodb: () => LATENCY_MS.dynamodb,
  events: () => LATENCY_MS.putEvents,
  kvs: () => LATENCY_MS.kvs,
  s3: () => LATENCY_MS.s3,
  scheduler: () => LATENCY_MS.schedulerApi,
  sfn: () => LATENCY_MS.stepFunctionsApi,
  sns: () => LATENCY_MS.snsPublish,
};

/** The client of a service by its class in the SDK. */
export function clientOf<Client>(clients: Clients, kind: new (...given: never[]) => Client): Client {
  const { cloudwatch, dynamodb, events, lambda, s3, scheduler, sfn, sns } = clients;
  const made = new Map<unknown, unknown>([
    [CloudWatchClient, cloudwatch],
    [DynamoDBClient, dynamodb],
    [EventBridgeClient, events],
    [LambdaClient, lambda],
    [S3Client, s3],
    [SchedulerClient, scheduler],
    [SFNClient, sfn],
    [SNSClient, sns],
  ]).get(kind);
  if (made === undefined) throw new Error(`${kind.name} is not simulated.`);
  return made as Client;
}

/** Clients of the SDK that these operations answer; with `isDirect` objects that send as they do and are none. */
export function connect(
  operations: Record<keyof Clients, Operations>,
  options: {
    clock: WorldClock;
    region: string;
    intercept?: Intercept | undefined;
    isDirect?: boolean | undefined;
  },
): Clients {
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
    region: options.region,
    credentials: { accessKeyId: 'simulated', secretAccessKey: 'simulated' },
    cacheMiddleware: true,
  };
  const clients: Clients = {
    dynamodb: new DynamoDBClient(config),
    lambda: new LambdaClient(config),
    cloudwatch: new CloudWatchClient(config),
    events: new EventBridgeClient(config),
    kvs: directClient(operations.kvs, simulation('kvs')),
    s3: new S3Client(config),
    scheduler: new SchedulerClient(config),
    sfn: new SFNClient(config),
    sns: new SNSClient(config),
  };
  for (const name of names) if (name !== 'kvs') attach(clients[name], operations[name], simulation(name));
  return clients;
}
