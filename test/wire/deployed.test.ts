import { randomBytes } from 'node:crypto';
import { CloudWatchClient, PutMetricDataCommand } from '@aws-sdk/client-cloudwatch';
import {
  GetAliasCommand,
  GetFunctionUrlConfigCommand,
  InvokeCommand,
  LambdaClient,
} from '@aws-sdk/client-lambda';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { type HistoryEvent, paginateGetExecutionHistory, SFNClient } from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { awsClient } from '../../client/aws.ts';
import type { Readings } from '../../core/readings.ts';
import type { UrlAnswer } from '../../functions/_url.ts';
import { iam, urlEvent } from '../functions/url-event.ts';
import { openProject, type Project } from '../infra/cli/sst.ts';
import { play } from '../simulation/stage.ts';
import { accountOf, cloud, cloudAccount, connect } from './account.ts';
import { apply, madeFor } from './apply.ts';
import { prefixOf } from './cloud.ts';
import { handsOn } from './lambda-stage.ts';

/** The account that the graph is made for. */
const account = cloud === undefined ? accountOf('111122223333') : cloudAccount(cloud, '');
const environment = cloud?.run ?? 'production';
const lambda = connect(LambdaClient, account);
const sfn = connect(SFNClient, account);
const s3 = connect(S3Client, account);
const cloudwatch = connect(CloudWatchClient, account);
/** True on AWS itself, which counts what it invokes; nobody else can write its metrics. */
const isAws = cloud !== undefined && cloud.endpoint === undefined;
const hands = handsOn(lambda, account);

const SECOND = 1000;
const TEN_MINUTES = 600 * SECOND;
let project: Project;

/** Everything bakes for one minute: the program has no clock that could be advanced. */
const ROLLOUT = {
  steps: [{ weight: 50, bake: '1m', ...(isAws ? { maxBake: '3m' } : {}) }],
  watch: { errors: '1.5x' },
  verify: '0s',
  // What real invocations can be paid for proves little.
  ...(isAws ? { onInconclusive: 'promote' } : {}),
};

const prefix = prefixOf({ run: environment });
const bucket = `${prefix}-releases-${account.id}-${account.region}`;
const machine = `arn:aws:states:${account.region}:${account.id}:execution:${prefix}`;

beforeAll(async () => {
  project = await openProject();
  // Keys that nobody knows, since the account may be a real one.
  const keys = JSON.stringify({ current: 'k1', keys: { k1: randomBytes(32).toString('hex') } });
  await project.sst(environment, 'secret', 'set', 'PeopleKeys', keys);
  const deployed = await project.sst(environment, 'deploy');
  expect(deployed.status, deployed.text).toBe(0);
  await apply(madeFor(account, project.graph(), prefix), account);
}, TEN_MINUTES);

afterAll(() => project.close());

describe.concurrent('the deployed shape', () => {
  test.each([
    { service: 'good', errors: 0.001, outcome: 'completed', serves: '2' },
    { service: 'bad', errors: 0.5, outcome: 'reverted', serves: '1' },
  ])(
    'a $service release, deployed as SST would and with the zips that it built, is $outcome on the path of the embedded world',
    async ({ service: name, errors, outcome, serves }) => {
      const service = cloud === undefined ? name : `${prefix}-${name}`;
      await hands.createFunction({ name: service, tags: { 'spillway:service': service } });
      await hands.createAlias(service, 'live', await hands.publishSource(service, failing(0.001)));
      const canary = await hands.publishSource(service, failing(errors));
      const traffic = isAws ? invoke(service) : send(service, { '1': 0.001, [canary]: errors });
      await upload(service, canary);
      const ended = await end(`${service}--r1--1`);
      clearInterval(traffic);
      expect(ended.outcome, JSON.stringify(ended)).toBe(outcome);
      const alias = await lambda.send(new GetAliasCommand({ FunctionName: service, Name: 'live' }));
      expect(alias.FunctionVersion).toBe(serves);
      expect(alias.RoutingConfig?.AdditionalVersionWeights ?? {}).toEqual({});
      const embedded = await play({ rollout: ROLLOUT, canaries: { 2: { errors } } });
      expect(folded(await pathOf(`${service}--r1--1`))).toEqual(folded(unfolded(embedded.path)));
      if (outcome !== 'reverted') return;
      // A command to try again is handed from one function to another; its answer comes back the same way.
      const again = { rolloutId: `${service}--r1--2`, accepted: true };
      expect(await ordered({ command: 'retry', rolloutId: `${service}--r1--1` })).toEqual(again);
      const url = await lambda.send(new GetFunctionUrlConfigCommand({ FunctionName: API }));
      expect(url.AuthType).toBe('AWS_IAM');
      expect(await aborted(again.rolloutId)).toMatchObject({ rolloutId: again.rolloutId });
      // It is refused where it had no traffic yet.
      expect(['refused', 'reverted']).toContain((await end(again.rolloutId)).outcome);
      const { events } = (await invoked(`${prefix}-ReadRollout`, {
        ...{ read: 'events', rolloutId: again.rolloutId },
      })) as Readings['events'];
      const [abort] = events.flatMap((event) => (event.type === 'Aborted' ? [event] : []));
      expect(abort?.by).toMatchObject({ via: 'iam', isVerified: true });
    },
    TEN_MINUTES,
  );
});

/** Fails so often; what it was told is part of the code, so that no two versions are the same. */
const failing = (share: number) =>
  `export async function handler() { if (Math.random() < ${share}) throw new Error('as planned'); }\n`;

/** Ten invocations a second, and never more at once than a new account has room for besides the controller. */
function invoke(service: string): NodeJS.Timeout {
  let atOnce = 0;
  return setInterval(() => {
    if (atOnce >= 5) return;
    atOnce += 1;
    void lambda
      .send(new InvokeCommand({ FunctionName: service, Qualifier: 'live' }))
      .catch((error: unknown) => console.error(error))
      .finally(() => {
        atOnce -= 1;
      });
  }, 100);
}

/** Counts as Lambda would send them, each ten seconds, in the shares that the alias gives. */
function send(service: string, errors: Record<string, number>): NodeJS.Timeout {
  const rate = 1000;
  const counts = async () => {
    const alias = await lambda.send(new GetAliasCommand({ FunctionName: service, Name: 'live' }));
    const weights = Object.entries(alias.RoutingConfig?.AdditionalVersionWeights ?? {});
    const rest = 1 - weights.reduce((sum, [, share]) => sum + share, 0);
    for (const [version, share] of [...weights, [alias.FunctionVersion ?? '', rest] as const]) {
      const requests = Math.round(rate * share);
      if (requests === 0) continue;
      const Dimensions = [
        { Name: 'FunctionName', Value: service },
        { Name: 'Resource', Value: `${service}:live` },
        { Name: 'ExecutedVersion', Value: version },
      ];
      const count = (MetricName: string, Value: number) => ({
        MetricName,
        Dimensions,
        Timestamp: new Date(),
        Value,
      });
      await cloudwatch.send(
        new PutMetricDataCommand({
          Namespace: 'AWS/Lambda',
          MetricData: [
            count('Invocations', requests),
            count('Errors', Math.round(requests * (errors[version] ?? 0))),
          ],
        }),
      );
    }
  };
  return setInterval(() => void counts().catch((error: unknown) => console.error(error)), 10 * SECOND);
}

async function upload(service: string, version: string): Promise<void> {
  await s3.send(
    new PutObjectCommand({
      Bucket: bucket,
      Key: `releases/${service}/r1/manifest.json`,
      IfNoneMatch: '*',
      Body: JSON.stringify({
        schema: 1,
        service,
        environment,
        release: 'r1',
        order: 1,
        targets: { api: { version } },
        rollout: { service, targets: { api: { lambda: service, alias: 'live' } }, ...ROLLOUT },
      }),
    }),
  );
}

/** What a person orders, and what comes of it. */
async function ordered(order: { command: string; rolloutId: string; reason?: string }): Promise<unknown> {
  const { Payload } = await lambda.send(
    new InvokeCommand({
      FunctionName: `${prefix}-Command`,
      Payload: JSON.stringify({ ...order, by: 'ada' }),
    }),
  );
  return JSON.parse(new TextDecoder().decode(Payload));
}

interface Told {
  outcome?: string;
  reason?: string;
}

const API = `${prefix}-ApiIam`;

/** Aborts a rollout through the API: at its address on AWS, as the command line does; the program keeps addresses and serves none, so there with what Lambda would make of the request. */
async function aborted(rolloutId: string): Promise<unknown> {
  const reason = 'enough';
  if (isAws) return awsClient(environment).command({ command: 'abort', rolloutId, by: 'ada', reason });
  const event = urlEvent('POST', `/rollouts/${rolloutId}/abort`, {
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ reason }),
    authorizer: iam(`arn:aws:iam::${account.id}:user/ada`),
  });
  const answer = (await invoked(API, event)) as UrlAnswer;
  expect(answer).toMatchObject({ statusCode: 202 });
  return JSON.parse(answer.body);
}

/** Asks until the rollout has ended. */
async function end(rolloutId: string): Promise<Told> {
  for (;;) {
    const { Payload, FunctionError } = await lambda.send(
      new InvokeCommand({
        FunctionName: `${prefix}-ReadRollout`,
        Payload: JSON.stringify({ read: 'rollout', rolloutId }),
      }),
    );
    const told = JSON.parse(new TextDecoder().decode(Payload)) as { view?: Told };
    if (FunctionError === undefined && told.view?.outcome !== undefined) return told.view;
    await new Promise((resolve) => setTimeout(resolve, 5 * SECOND));
  }
}

/** @throws Error with what the function failed with */
async function invoked(FunctionName: string, event: object): Promise<unknown> {
  const { Payload, FunctionError } = await lambda.send(
    new InvokeCommand({ FunctionName, Payload: JSON.stringify(event) }),
  );
  const text = new TextDecoder().decode(Payload);
  if (FunctionError !== undefined) throw new Error(`${FunctionError}: ${text}`);
  return JSON.parse(text);
}

/** The states that the execution entered, but Dispatch. */
async function pathOf(rolloutId: string): Promise<string[]> {
  const events: HistoryEvent[] = [];
  const pages = paginateGetExecutionHistory({ client: sfn }, { executionArn: `${machine}:${rolloutId}-1` });
  for await (const page of pages) events.push(...(page.events ?? []));
  return events.flatMap(({ stateEnteredEventDetails }) => {
    const name = stateEnteredEventDetails?.name;
    return name === undefined || name === 'Dispatch' ? [] : [name];
  });
}

const unfolded = (path: string[]) => path.flatMap((line) => line.replace(/ x\d+$/, '').split(' '));

/** Holds are cut short here (see the corrections), so how often a hold and its measuring follow each other says nothing. */
function folded(path: string[]): string[] {
  return path.filter(
    (name, at) =>
      !(name === 'Hold' && path[at - 1] === 'Measure' && path[at - 2] === 'Hold') &&
      !(name === 'Measure' && path[at - 2] === 'Measure'),
  );
}
