import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient, UpdateTimeToLiveCommand } from '@aws-sdk/client-dynamodb';
import {
  AddPermissionCommand,
  CreateEventSourceMappingCommand,
  CreateFunctionCommand,
  CreateFunctionUrlConfigCommand,
  LambdaClient,
  PutFunctionEventInvokeConfigCommand,
  waitUntilFunctionActiveV2,
} from '@aws-sdk/client-lambda';
import {
  CreateBucketCommand,
  PutBucketNotificationConfigurationCommand,
  PutBucketVersioningCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { CreateScheduleGroupCommand, SchedulerClient } from '@aws-sdk/client-scheduler';
import { CreateStateMachineCommand, SFNClient } from '@aws-sdk/client-sfn';
import { zipSync } from 'fflate';
import type { Graph, Resource } from '../infra/graph/graph.ts';
import { type Account, cloud, connect } from './account.ts';
import { CLOUD_TAG, makeRole, prefixOf, ROLES_KNOWN_MS } from './cloud.ts';
import { jsonCall } from './json-call.ts';
import { makeTable } from './table.ts';

// biome-ignore lint/suspicious/noExplicitAny: the inputs of a resource are what Pulumi's provider takes, which no type here names
type Inputs = any;

/** Clients of the account that a graph is made real in. */
function clientsOf(account: Account) {
  return {
    account,
    dynamodb: connect(DynamoDBClient, account),
    lambda: connect(LambdaClient, account),
    s3: connect(S3Client, account),
    scheduler: connect(SchedulerClient, account),
    sfn: connect(SFNClient, account),
  };
}

type Clients = ReturnType<typeof clientsOf>;
type Resources = Pick<Graph, 'resources'>;
type Made = { streams: Map<string, string>; graph: Resources };

/** How each type of resource is made, in the order in which they need each other. */
const MAKERS: Record<string, (clients: Clients, inputs: Inputs, made: Made) => Promise<void>> = {
  'aws:sqs/queue:Queue': async ({ account }, { name }) =>
    void (await jsonCall(account, 'AmazonSQS.CreateQueue', { QueueName: name, ...tags() })),
  'aws:s3/bucket:Bucket': async ({ s3, account }, { bucket }) =>
    void (await s3.send(
      new CreateBucketCommand({
        Bucket: bucket,
        CreateBucketConfiguration: { LocationConstraint: account.region },
      }),
    )),
  'aws:s3/bucketVersioning:BucketVersioning': async ({ s3 }, { bucket, versioningConfiguration }) =>
    void (await s3.send(
      new PutBucketVersioningCommand({
        Bucket: bucket,
        VersioningConfiguration: { Status: versioningConfiguration.status },
      }),
    )),
  'aws:s3/bucketNotification:BucketNotification': async ({ s3 }, { bucket, eventbridge }) =>
    void (await s3.send(
      new PutBucketNotificationConfigurationCommand({
        Bucket: bucket,
        NotificationConfiguration: eventbridge ? { EventBridgeConfiguration: {} } : {},
      }),
    )),
  'aws:secretsmanager/secretVersion:SecretVersion': async ({ account }, { secretId, secretString }) =>
    void (await jsonCall(account, 'secretsmanager.CreateSecret', {
      ...{ Name: secretId, SecretString: secretString, ClientRequestToken: randomUUID() },
      ...(cloud === undefined ? {} : { Tags: [{ Key: CLOUD_TAG, Value: cloud.run }] }),
    })),
  'aws:dynamodb/table:Table': makeJournal,
  'aws:scheduler/scheduleGroup:ScheduleGroup': async ({ scheduler }, { name }) =>
    void (await scheduler.send(new CreateScheduleGroupCommand({ Name: name }))),
  'aws:lambda/function:Function': makeFunction,
  'aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig': async ({ lambda }, inputs) =>
    void (await lambda.send(
      new PutFunctionEventInvokeConfigCommand({
        FunctionName: inputs.functionName,
        MaximumEventAgeInSeconds: inputs.maximumEventAgeInSeconds,
        MaximumRetryAttempts: inputs.maximumRetryAttempts,
        DestinationConfig: { OnFailure: { Destination: inputs.destinationConfig.onFailure.destination } },
      }),
    )),
  'aws:lambda/functionUrl:FunctionUrl': async ({ lambda }, { functionName, authorizationType }) =>
    void (await lambda.send(
      new CreateFunctionUrlConfigCommand({ FunctionName: functionName, AuthType: authorizationType }),
    )),
  'aws:sfn/stateMachine:StateMachine': async ({ sfn }, { name, definition, roleArn }) =>
    void (await sfn.send(new CreateStateMachineCommand({ name, definition, roleArn }))),
  'aws:lambda/permission:Permission': async ({ lambda }, inputs) =>
    void (await lambda.send(
      new AddPermissionCommand({
        FunctionName: inputs.function,
        StatementId: String(inputs.sourceArn ?? inputs.action)
          .split(/[/:]/)
          .at(-1),
        Action: inputs.action,
        Principal: inputs.principal,
        SourceArn: inputs.sourceArn,
        SourceAccount: inputs.sourceAccount,
        FunctionUrlAuthType: inputs.functionUrlAuthType,
        InvokedViaFunctionUrl: inputs.invokedViaFunctionUrl,
      }),
    )),
  'aws:cloudwatch/eventRule:EventRule': async ({ account }, { name, eventPattern }) =>
    void (await jsonCall(account, 'AWSEvents.PutRule', { Name: name, EventPattern: eventPattern })),
  'aws:cloudwatch/eventTarget:EventTarget': async (clients, inputs) =>
    void (await jsonCall(clients.account, 'AWSEvents.PutTargets', {
      Rule: inputs.rule,
      Targets: [
        {
          Id: 'target',
          Arn:
            inputs.arn.endsWith('-OpenRollout') && clients.account.config.endpoint !== undefined
              ? await relayTo(inputs.arn, clients)
              : inputs.arn,
          DeadLetterConfig: { Arn: inputs.deadLetterConfig.arn },
          RetryPolicy: {
            MaximumEventAgeInSeconds: inputs.retryPolicy.maximumEventAgeInSeconds,
            MaximumRetryAttempts: inputs.retryPolicy.maximumRetryAttempts,
          },
        },
      ],
    })),
  'aws:lambda/eventSourceMapping:EventSourceMapping': makeMapping,
};

/** What is left out, and why the rollouts do not need it. */
const LEFT_OUT: Record<string, string> = {
  'aws:cloudwatch/dashboard:Dashboard': 'is looked at',
  'aws:cloudwatch/logGroup:LogGroup': 'the program makes them itself',
  'aws:cloudwatch/metricAlarm:MetricAlarm': 'page people about the controller',
  'aws:iam/role:Role': 'the program checks no rights; test/infra evaluates them',
  'aws:iam/rolePolicy:RolePolicy': 'the program checks no rights; test/infra evaluates them',
  'aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration': 'acts after days',
  'aws:s3/bucketObjectv2:BucketObjectv2': 'the zips are given with the functions',
  'aws:s3/bucketPolicy:BucketPolicy': 'the program checks no rights',
  'aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock': 'the program checks no rights',
  'aws:secretsmanager/secret:Secret': 'is made with its value',
  'aws:sns/topic:Topic': 'pages people',
  'aws:sns/topicPolicy:TopicPolicy': 'pages people',
  'aws:sqs/queuePolicy:QueuePolicy': 'the program checks no rights',
  'random:index/randomBytes:RandomBytes': 'is no resource of AWS',
};

const tags = () => (cloud === undefined ? {} : { tags: { [CLOUD_TAG]: cloud.run } });

const RELAY = cloud === undefined ? 'relay' : `${prefixOf(cloud)}-relay`;

/** Where rights are checked, or are to be as if. */
const RIGHTS: typeof MAKERS = {
  'aws:iam/role:Role': async ({ account }, { name, assumeRolePolicy }, { graph }) => {
    const policy = graph.resources.find(
      ({ type, inputs }) => type === 'aws:iam/rolePolicy:RolePolicy' && inputs.role === name,
    );
    if (policy === undefined) throw new Error(`The role ${name} has no rights.`);
    const rights = { RoleName: name, trust: assumeRolePolicy, policy: policy.inputs.policy };
    await makeRole(account, { ...rights, run: cloud?.run ?? '' });
  },
  'aws:cloudwatch/logGroup:LogGroup': async ({ account }, { name }) =>
    void (await jsonCall(account, 'Logs_20140328.CreateLogGroup', { logGroupName: name, ...tags() })),
};

/** A graph as it is for a run: of its account and region, and with names for roles, which Pulumi would have drawn. */
export function madeFor(
  { id, region }: Pick<Account, 'id' | 'region'>,
  graph: Resources,
  prefix: string,
): Resources {
  let text = JSON.stringify(graph).replaceAll('111122223333', id).replaceAll('eu-west-1', region);
  const roles = graph.resources.filter(({ type }) => type === 'aws:iam/role:Role');
  for (const { name, inputs } of roles)
    text = text.replaceAll(`role/${name}"`, `role/${inputs.name ?? `${prefix}-${name}`}"`);
  const made = JSON.parse(text) as Resources;
  for (const { type, name, inputs } of made.resources) {
    if (type === 'aws:iam/role:Role') inputs.name ??= `${prefix}-${name}`;
    if (type !== 'aws:iam/rolePolicy:RolePolicy') continue;
    const role = name.replace(/Rights$/, 'Role');
    inputs.role = roles.find((each) => each.name === role)?.inputs.name ?? `${prefix}-${role}`;
  }
  return made;
}

/** Targets of rules that are left out with what they call. */
const isLeftOut = ({ type, inputs }: Resource) =>
  (type in LEFT_OUT && !(type in makers)) ||
  (type.includes('eventTarget') && String(inputs.arn).includes(':sns:'));

/** With rights first, where they are made. */
const makers = cloud === undefined ? MAKERS : { ...RIGHTS, ...MAKERS };

/** Makes the resources of a graph, one after another. @throws Error for a type that nobody said how to make, or why not */
export async function apply(graph: Resources, account: Account): Promise<void> {
  const clients = clientsOf(account);
  const made: Made = { streams: new Map(), graph };
  const wanted = graph.resources.filter((each) => each.type.startsWith('aws:') && !isLeftOut(each));
  const unknown = wanted.filter(({ type }) => !(type in makers)).map(({ type }) => type);
  if (unknown.length > 0)
    throw new Error(
      `${[...new Set(unknown)].join(', ')}: say in test/wire/apply.ts how it is made, or why not.`,
    );
  for (const [type, make] of Object.entries(makers)) {
    for (const { inputs } of wanted.filter((each) => each.type === type)) await make(clients, inputs, made);
    if (type === 'aws:iam/role:Role' && cloud?.endpoint === undefined) await sleep(ROLES_KNOWN_MS);
  }
}

async function makeJournal({ dynamodb }: Clients, table: Inputs, { streams }: Made): Promise<void> {
  const keyOf = ({ hashKey, rangeKey }: Inputs) => [
    { AttributeName: hashKey, KeyType: 'HASH' as const },
    { AttributeName: rangeKey, KeyType: 'RANGE' as const },
  ];
  const made = await makeTable(dynamodb, {
    TableName: table.name,
    BillingMode: table.billingMode,
    AttributeDefinitions: table.attributes.map(({ name, type }: Inputs) => ({
      AttributeName: name,
      AttributeType: type,
    })),
    KeySchema: keyOf(table),
    GlobalSecondaryIndexes: table.globalSecondaryIndexes.map((index: Inputs) => ({
      IndexName: index.name,
      KeySchema: keyOf(index),
      Projection: { ProjectionType: index.projectionType },
    })),
    StreamSpecification: { StreamEnabled: table.streamEnabled, StreamViewType: table.streamViewType },
  });
  streams.set(table.name, made?.LatestStreamArn ?? '');
  await dynamodb.send(
    new UpdateTimeToLiveCommand({
      TableName: table.name,
      TimeToLiveSpecification: { AttributeName: table.ttl.attributeName, Enabled: table.ttl.enabled },
    }),
  );
}

async function makeFunction({ lambda }: Clients, fn: Inputs, { graph }: Made): Promise<void> {
  const code = graph.resources.find(
    ({ type, inputs }) => type === 'aws:s3/bucketObjectv2:BucketObjectv2' && inputs.key === fn.s3Key,
  );
  await lambda.send(
    new CreateFunctionCommand({
      FunctionName: fn.name,
      Runtime: fn.runtime,
      Handler: fn.handler,
      Role: fn.role,
      Timeout: fn.timeout,
      MemorySize: fn.memorySize,
      Architectures: fn.architectures,
      Environment: { Variables: fn.environment.variables },
      Code: { ZipFile: readFileSync(String(code?.inputs.source)) },
    }),
  );
  await activeOf(lambda, fn.name);
}

/** Makes the function that completes events of S3 before the one of this ARN gets them, and answers its own ARN. */
async function relayTo(arn: string, { lambda, account }: Clients): Promise<string> {
  const { FunctionArn = '' } = await lambda.send(
    new CreateFunctionCommand({
      FunctionName: RELAY,
      Runtime: 'nodejs24.x',
      Handler: 'relay.handler',
      Role: `arn:aws:iam::${account.id}:role/relay`,
      Timeout: 60,
      Environment: {
        Variables: { ENDPOINT: account.config.endpoint ?? '', TARGET: arn.split(':').at(-1) ?? '' },
      },
      Code: { ZipFile: zipSync({ 'relay.mjs': readFileSync(new URL('relay.mjs', import.meta.url)) }) },
    }),
  );
  await activeOf(lambda, RELAY);
  return FunctionArn;
}

const activeOf = (client: LambdaClient, FunctionName: string) =>
  waitUntilFunctionActiveV2({ client, maxWaitTime: 30, minDelay: 0.05, maxDelay: 0.5 }, { FunctionName });

async function makeMapping({ lambda }: Clients, mapping: Inputs, { streams }: Made): Promise<void> {
  const [, table = ''] = /:table\/([^/]+)\//.exec(mapping.eventSourceArn) ?? [];
  await lambda.send(
    new CreateEventSourceMappingCommand({
      FunctionName: mapping.functionName,
      EventSourceArn: streams.get(table),
      StartingPosition: mapping.startingPosition,
      BatchSize: mapping.batchSize,
      FunctionResponseTypes: mapping.functionResponseTypes,
      BisectBatchOnFunctionError: mapping.bisectBatchOnFunctionError,
      MaximumRetryAttempts: mapping.maximumRetryAttempts,
      MaximumRecordAgeInSeconds: mapping.maximumRecordAgeInSeconds,
      FilterCriteria: {
        Filters: mapping.filterCriteria.filters.map(({ pattern }: Inputs) => ({ Pattern: pattern })),
      },
      DestinationConfig: {
        OnFailure: { Destination: mapping.destinationConfig.onFailure.destinationArn },
      },
    }),
  );
}
