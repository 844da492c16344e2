import { setTimeout as sleep } from 'node:timers/promises';
import { CloudWatchClient, DeleteAlarmsCommand, paginateDescribeAlarms } from '@aws-sdk/client-cloudwatch';
import { DeleteTableCommand, DynamoDBClient, paginateListTables } from '@aws-sdk/client-dynamodb';
import {
  DeleteEventSourceMappingCommand,
  DeleteFunctionCommand,
  LambdaClient,
  paginateListEventSourceMappings,
  paginateListFunctions,
} from '@aws-sdk/client-lambda';
import {
  DeleteBucketCommand,
  DeleteObjectCommand,
  ListBucketsCommand,
  ListObjectVersionsCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import {
  DeleteScheduleGroupCommand,
  paginateListScheduleGroups,
  SchedulerClient,
} from '@aws-sdk/client-scheduler';
import {
  DeleteStateMachineCommand,
  paginateListExecutions,
  paginateListStateMachines,
  SFNClient,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn';
import type { Account } from './account.ts';
import { formCall, jsonCall, valuesOf } from './json-call.ts';

/** One run of the tests in an account that is not theirs alone. */
export interface Cloud {
  /** Begins the name of everything that the run makes, after `spillway-`, and is the value of its tag. */
  run: string;
  id: string;
  region: string;
  /** A stand-in for AWS; absent if it is AWS itself. */
  endpoint?: string | undefined;
}

/** The tag of everything that a run makes, for who finds it. */
export const CLOUD_TAG = 'spillway:cloud-run';

/** How the name of everything begins that a run makes. */
export const prefixOf = ({ run }: Pick<Cloud, 'run'>): string => `spillway-${run}`;

/** The role that everything is given which needs one and is no part of a controller. */
export const roleNameOf = (cloud: Cloud, name = 'service'): string => `${prefixOf(cloud)}-${name}`;

/** What the environment says of the run; undefined if the tests have a program of their own. @throws Error saying what is missing, before anything is called */
export function cloudFrom(env: Record<string, string | undefined>): Cloud | undefined {
  if (env.CLOUD !== '1') return undefined;
  const refuse = (why: string) => new Error(`The tests on an account of AWS did not run: ${why}`);
  const [, id, region] = /^(\d{12})\/([a-z]{2}(?:-[a-z]+)+-\d)$/.exec(env.CLOUD_ACCOUNT ?? '') ?? [];
  if (id === undefined || region === undefined)
    throw refuse(
      `they make and delete resources, and cost money. Set CLOUD_ACCOUNT to the account and region that are meant for that, like 123456789012/eu-west-1; it is ${env.CLOUD_ACCOUNT === undefined ? 'not set' : `"${env.CLOUD_ACCOUNT}"`}.`,
    );
  if (/^(cn|us-gov|us-iso)/.test(region))
    throw refuse(`${region} is in another partition of AWS, which they do not know; take a region of "aws".`);
  if (Object.keys(env).some((name) => name.startsWith('AWS_ENDPOINT_URL')))
    throw refuse(
      'AWS_ENDPOINT_URL leads some of their calls elsewhere; unset it, or set CLOUD_ENDPOINT for all of them.',
    );
  const run = env.CLOUD_SWEEP ?? env.CLOUD_RUN ?? '';
  if (!/^cloud[a-z0-9]{6}$/.test(run))
    throw refuse(`"${run}" is no name of a run; start them with CLOUD=1 npm run test:wire.`);
  return { run, id, region, endpoint: env.CLOUD_ENDPOINT };
}

/** @throws Error if nobody is logged in, or in another account than was named */
export async function assertAccount(
  { id, region }: Cloud,
  account: Pick<Account, 'region' | 'config'>,
): Promise<void> {
  const refuse = (why: string) => new Error(`The tests on an account of AWS did not run: ${why}`);
  const xml = await formCall(account, 'sts', 'GetCallerIdentity').catch((error: Error) => {
    throw error.name === 'CredentialsProviderError'
      ? refuse('no credentials were found; log in (aws sso login) or set AWS_PROFILE.')
      : refuse(`AWS does not know the credentials or cannot be reached; log in again. ${error.message}`);
  });
  const [found = 'unknown'] = valuesOf(xml, 'Account');
  if (found !== id)
    throw refuse(
      `the credentials are of account ${found}, and CLOUD_ACCOUNT names ${id} in ${region}; nothing was made. Take the other credentials or name this account.`,
    );
}

const TRUSTED = ['lambda', 'states', 'scheduler'].map((service) => `${service}.amazonaws.com`);

/** A role that services may take, with rights on what the run makes. @throws Error with what IAM said */
export async function makeRole(
  account: Pick<Account, 'region' | 'config'>,
  { RoleName, trust, policy, run }: { RoleName: string; trust?: string; policy: string; run: string },
): Promise<void> {
  const AssumeRolePolicyDocument =
    trust ??
    JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Principal: { Service: TRUSTED }, Action: 'sts:AssumeRole' }],
    });
  await formCall(account, 'iam', 'CreateRole', {
    ...{ RoleName, AssumeRolePolicyDocument },
    ...{ 'Tags.member.1.Key': CLOUD_TAG, 'Tags.member.1.Value': run },
  });
  await formCall(account, 'iam', 'PutRolePolicy', { RoleName, PolicyName: 'rights', PolicyDocument: policy });
}

/** What the contracts' own roles may do: keep tokens and dead letters in what the run has made. */
export async function makeRoles(cloud: Cloud, account: Pick<Account, 'region' | 'config'>): Promise<void> {
  const { id, region, run } = cloud;
  const on = (service: string, kind: string) =>
    `arn:aws:${service}:${region}:${id}:${kind}${prefixOf(cloud)}-*`;
  const policy = JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Action: ['dynamodb:PutItem'], Resource: [on('dynamodb', 'table/')] },
      { Effect: 'Allow', Action: ['sqs:SendMessage'], Resource: [on('sqs', '')] },
    ],
  });
  for (const name of ['service', 'other'])
    await makeRole(account, { RoleName: roleNameOf(cloud, name), policy, run });
  // IAM tells every service within seconds, and says to whom it has not (IAM user guide, "Troubleshoot IAM").
  if (cloud.endpoint === undefined) await sleep(ROLES_KNOWN_MS);
}

/** Assumed: IAM promises no time. */
export const ROLES_KNOWN_MS = 15_000;

interface Kind {
  list(): Promise<string[]>;
  remove(name: string): Promise<unknown>;
}

async function all<Page>(
  pages: AsyncIterable<Page>,
  of: (page: Page) => (string | undefined)[],
): Promise<string[]> {
  const names: string[] = [];
  for await (const page of pages) names.push(...of(page).filter((name) => name !== undefined));
  return names;
}

/** Everything that a run can make, in the order in which it can go. */
function kindsOf(
  { region, config, id }: Pick<Account, 'region' | 'config' | 'id'>,
  prefix: string,
): Record<string, Kind> {
  const account = { region, config };
  const lambda = new LambdaClient(config);
  const sfn = new SFNClient(config);
  const dynamodb = new DynamoDBClient(config);
  const s3 = new S3Client(config);
  const scheduler = new SchedulerClient(config);
  const cloudwatch = new CloudWatchClient(config);
  const strings = (value: unknown) => (value ?? []) as string[];
  const alarms = (AlarmTypes: ('MetricAlarm' | 'CompositeAlarm')[]): Kind => ({
    list: () =>
      all(paginateDescribeAlarms({ client: cloudwatch }, { AlarmNamePrefix: prefix, AlarmTypes }), (page) =>
        [...(page.MetricAlarms ?? []), ...(page.CompositeAlarms ?? [])].map(({ AlarmName }) => AlarmName),
      ),
    remove: (name) => cloudwatch.send(new DeleteAlarmsCommand({ AlarmNames: [name] })),
  });
  const machineArn = (name: string) => `arn:aws:states:${region}:${id}:stateMachine:${name}`;
  return {
    rule: {
      list: async () => {
        const { Rules } = await jsonCall(account, 'AWSEvents.ListRules', { NamePrefix: prefix });
        return ((Rules ?? []) as { Name: string }[]).map(({ Name }) => Name);
      },
      async remove(Rule) {
        const { Targets } = await jsonCall(account, 'AWSEvents.ListTargetsByRule', { Rule });
        const Ids = ((Targets ?? []) as { Id: string }[]).map(({ Id }) => Id);
        if (Ids.length > 0) await jsonCall(account, 'AWSEvents.RemoveTargets', { Rule, Ids });
        await jsonCall(account, 'AWSEvents.DeleteRule', { Name: Rule });
      },
    },
    'event source mapping': {
      list: () =>
        all(paginateListEventSourceMappings({ client: lambda }, {}), ({ EventSourceMappings = [] }) =>
          EventSourceMappings.filter(
            ({ FunctionArn = '', State }) => FunctionArn.includes(`:${prefix}`) && State !== 'Deleting',
          ).map(({ UUID }) => `${prefix}/${UUID}`),
        ),
      remove: (name) => lambda.send(new DeleteEventSourceMappingCommand({ UUID: name.split('/')[1] })),
    },
    function: {
      list: () =>
        all(paginateListFunctions({ client: lambda }, {}), ({ Functions = [] }) =>
          Functions.map(({ FunctionName }) => FunctionName),
        ),
      remove: (FunctionName) => lambda.send(new DeleteFunctionCommand({ FunctionName })),
    },
    'state machine': {
      list: () =>
        all(paginateListStateMachines({ client: sfn }, {}), ({ stateMachines = [] }) =>
          stateMachines.map(({ name }) => name),
        ),
      async remove(name) {
        const stateMachineArn = machineArn(name);
        const pages = paginateListExecutions({ client: sfn }, { stateMachineArn, statusFilter: 'RUNNING' });
        const running = await all(pages, ({ executions = [] }) =>
          executions.map(({ executionArn }) => executionArn),
        );
        for (const executionArn of running) await sfn.send(new StopExecutionCommand({ executionArn }));
        await sfn.send(new DeleteStateMachineCommand({ stateMachineArn }));
      },
    },
    'schedule group': {
      list: () =>
        all(
          paginateListScheduleGroups({ client: scheduler }, { NamePrefix: prefix }),
          ({ ScheduleGroups = [] }) => ScheduleGroups.map(({ Name }) => Name),
        ),
      // With all schedules in it.
      remove: (Name) => scheduler.send(new DeleteScheduleGroupCommand({ Name })),
    },
    'composite alarm': alarms(['CompositeAlarm']),
    alarm: alarms(['MetricAlarm']),
    table: {
      list: () => all(paginateListTables({ client: dynamodb }, {}), ({ TableNames = [] }) => TableNames),
      remove: (TableName) => dynamodb.send(new DeleteTableCommand({ TableName })),
    },
    bucket: {
      list: async () =>
        ((await s3.send(new ListBucketsCommand({}))).Buckets ?? []).map(({ Name = '' }) => Name),
      async remove(Bucket) {
        for (;;) {
          const { Versions = [], DeleteMarkers = [] } = await s3.send(
            new ListObjectVersionsCommand({ Bucket }),
          );
          const left = [...Versions, ...DeleteMarkers];
          if (left.length === 0) break;
          for (const { Key, VersionId } of left)
            await s3.send(new DeleteObjectCommand({ Bucket, Key, VersionId }));
        }
        await s3.send(new DeleteBucketCommand({ Bucket }));
      },
    },
    queue: {
      list: async () => {
        const { QueueUrls } = await jsonCall(account, 'AmazonSQS.ListQueues', { QueueNamePrefix: prefix });
        return strings(QueueUrls).map((url) => url.split('/').at(-1) ?? '');
      },
      async remove(QueueName) {
        const { QueueUrl } = await jsonCall(account, 'AmazonSQS.GetQueueUrl', { QueueName });
        await jsonCall(account, 'AmazonSQS.DeleteQueue', { QueueUrl });
      },
    },
    secret: {
      async list() {
        const found: string[] = [];
        for (let NextToken: unknown, more = true; more; more = NextToken !== undefined) {
          const page = await jsonCall(account, 'secretsmanager.ListSecrets', {
            ...(NextToken === undefined ? {} : { NextToken }),
          });
          found.push(...((page.SecretList ?? []) as { Name: string }[]).map(({ Name }) => Name));
          NextToken = page.NextToken;
        }
        return found;
      },
      remove: (SecretId) =>
        jsonCall(account, 'secretsmanager.DeleteSecret', { SecretId, ForceDeleteWithoutRecovery: true }),
    },
    'log group': {
      async list() {
        const names = ['/aws/lambda/', '/aws/vendedlogs/states/'].map(async (folder) => {
          const { logGroups } = await jsonCall(account, 'Logs_20140328.DescribeLogGroups', {
            logGroupNamePrefix: `${folder}${prefix}`,
          });
          return ((logGroups ?? []) as { logGroupName: string }[]).map(({ logGroupName }) => logGroupName);
        });
        return (await Promise.all(names)).flat();
      },
      remove: (logGroupName) => jsonCall(account, 'Logs_20140328.DeleteLogGroup', { logGroupName }),
    },
    role: {
      async list() {
        const names: string[] = [];
        for (let Marker: string | undefined, more = true; more; ) {
          const xml = await formCall(account, 'iam', 'ListRoles', Marker === undefined ? {} : { Marker });
          names.push(...valuesOf(xml, 'RoleName'));
          [Marker] = valuesOf(xml, 'Marker');
          more = Marker !== undefined;
        }
        return names;
      },
      async remove(RoleName) {
        const policies = valuesOf(await formCall(account, 'iam', 'ListRolePolicies', { RoleName }), 'member');
        for (const PolicyName of policies)
          await formCall(account, 'iam', 'DeleteRolePolicy', { RoleName, PolicyName });
        await formCall(account, 'iam', 'DeleteRole', { RoleName });
      },
    },
  };
}

/** What of a run is there, as `kind name`. */
export async function madeBy(
  cloud: Cloud,
  account: Pick<Account, 'region' | 'config' | 'id'>,
): Promise<string[]> {
  const prefix = prefixOf(cloud);
  const found: string[] = [];
  for (const [kind, { list }] of Object.entries(kindsOf(account, prefix)))
    found.push(...(await list()).filter((name) => name.includes(prefix)).map((name) => `${kind} ${name}`));
  return found;
}

/** Longest wait for what AWS deletes in its own time: tables, groups of schedules, machines with executions. */
const SWEPT_WITHIN_MS = 5 * 60_000;

/** Deletes everything that a run has made, and nothing else. @throws Error naming what is left, and how to go on */
export async function sweep(
  cloud: Cloud,
  account: Pick<Account, 'region' | 'config' | 'id'>,
  withinMs = SWEPT_WITHIN_MS,
): Promise<void> {
  const prefix = prefixOf(cloud);
  const kinds = Object.entries(kindsOf(account, prefix));
  const giveUpAt = performance.now() + withinMs;
  for (;;) {
    const problems: string[] = [];
    for (const [kind, { list, remove }] of kinds) {
      const names = await list().catch((error: Error) => {
        problems.push(`${kind}s could not be listed: ${error.message}`);
        return [];
      });
      for (const name of names.filter((each) => each.includes(prefix))) {
        const said = await remove(name).then(
          () => 'is being deleted',
          (error: Error) => error.message,
        );
        problems.push(`${kind} ${name}: ${said}`);
      }
    }
    if (problems.length === 0) return;
    if (performance.now() > giveUpAt)
      throw new Error(
        `Left behind by ${cloud.run}; delete it by CLOUD=1 CLOUD_ACCOUNT=${cloud.id}/${cloud.region} CLOUD_SWEEP=${cloud.run} npm run test:wire, or by hand:\n${problems.join('\n')}`,
      );
    await sleep(cloud.endpoint === undefined ? 5_000 : 200);
  }
}
