import {
  CloudWatchClient,
  PutCompositeAlarmCommand,
  PutMetricAlarmCommand,
} from '@aws-sdk/client-cloudwatch';
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  CreateEventSourceMappingCommand,
  CreateFunctionCommand,
  LambdaClient,
  waitUntilFunctionActiveV2,
} from '@aws-sdk/client-lambda';
import {
  CreateBucketCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import {
  CreateScheduleCommand,
  CreateScheduleGroupCommand,
  SchedulerClient,
} from '@aws-sdk/client-scheduler';
import { CreateStateMachineCommand, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { strToU8, zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { type Account, cloud, cloudAccount, freshAccount } from './account.ts';
import { assertAccount, type Cloud, cloudFrom, madeBy, makeRole, prefixOf, sweep } from './cloud.ts';
import { jsonCall } from './json-call.ts';

describe.runIf(cloud !== undefined)('a run on an account', () => {
  test('is in the account that was named', async () => {
    if (cloud !== undefined) await assertAccount(cloud, cloudAccount(cloud, ''));
  });
});

describe.skipIf(cloud !== undefined)('a run on an account, before anything is made,', () => {
  const good = { CLOUD: '1', CLOUD_ACCOUNT: '123456789012/eu-west-1', CLOUD_RUN: 'cloudab12c3' };

  test('is none if nobody asks for it, and has what it is asked for', () => {
    expect(cloudFrom({ ...good, CLOUD: undefined })).toBeUndefined();
    expect(cloudFrom(good)).toEqual({
      run: 'cloudab12c3',
      id: '123456789012',
      region: 'eu-west-1',
      endpoint: undefined,
    });
    // What is swept is the run that was named, not the one that sweeps.
    expect(cloudFrom({ ...good, CLOUD_SWEEP: 'cloudzz99z9' })?.run).toBe('cloudzz99z9');
  });

  test.each([
    [{ CLOUD_ACCOUNT: undefined }, /Set CLOUD_ACCOUNT .* it is not set/],
    [{ CLOUD_ACCOUNT: '123456789012' }, /account and region .* it is "123456789012"/],
    [{ CLOUD_ACCOUNT: 'prod/eu-west-1' }, /it is "prod\/eu-west-1"/],
    [{ CLOUD_ACCOUNT: '123456789012/cn-north-1' }, /another partition .* take a region of "aws"/],
    [{ AWS_ENDPOINT_URL_S3: 'http://127.0.0.1' }, /unset it, or set CLOUD_ENDPOINT/],
    [{ CLOUD_RUN: 'production' }, /"production" is no name of a run/],
    [{ CLOUD_SWEEP: 'c' }, /"c" is no name of a run/],
  ])('is refused with %o, with the fix', (more, says) => {
    expect(() => cloudFrom({ ...good, ...more })).toThrow(says);
  });

  test('is refused where nobody is logged in, or in another account', async () => {
    const account = freshAccount();
    const named = { run: 'cloudab12c3', id: '123456789012', region: account.region };
    await expect(assertAccount(named, account)).rejects.toThrow(
      `the credentials are of account ${account.id}, and CLOUD_ACCOUNT names 123456789012`,
    );
    await expect(assertAccount({ ...named, id: account.id }, account)).resolves.toBeUndefined();
    const none = () => Promise.reject(Object.assign(new Error('none'), { name: 'CredentialsProviderError' }));
    const out = { ...account, config: { ...account.config, credentials: none as never } };
    await expect(assertAccount(named, out)).rejects.toThrow('no credentials were found; log in');
  });
});

const NO_RIGHTS =
  '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:GetObject","Resource":"*"}]}';

/** One of each kind that a run makes. */
async function makeOne({ id, region, config }: Account, name: string): Promise<void> {
  const roleArn = `arn:aws:iam::${id}:role/${name}`;
  const account = { region, config };
  const lambda = new LambdaClient(config);
  const dynamodb = new DynamoDBClient(config);
  const s3 = new S3Client(config);
  const sfn = new SFNClient(config);
  const scheduler = new SchedulerClient(config);
  const cloudwatch = new CloudWatchClient(config);
  await makeRole(account, { RoleName: name, policy: NO_RIGHTS, run: 'x' });
  await lambda.send(
    new CreateFunctionCommand({
      FunctionName: name,
      Runtime: 'nodejs22.x',
      Handler: 'index.handler',
      Role: roleArn,
      Code: { ZipFile: zipSync({ 'index.mjs': strToU8('export const handler = () => 1;') }) },
    }),
  );
  await waitUntilFunctionActiveV2({ client: lambda, maxWaitTime: 20, minDelay: 0.1 }, { FunctionName: name });
  const { TableDescription } = await dynamodb.send(
    new CreateTableCommand({
      TableName: name,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_IMAGE' },
    }),
  );
  await lambda.send(
    new CreateEventSourceMappingCommand({
      FunctionName: name,
      EventSourceArn: TableDescription?.LatestStreamArn,
      StartingPosition: 'LATEST',
    }),
  );
  await s3.send(
    new CreateBucketCommand({ Bucket: name, CreateBucketConfiguration: { LocationConstraint: region } }),
  );
  await s3.send(
    new PutBucketVersioningCommand({ Bucket: name, VersioningConfiguration: { Status: 'Enabled' } }),
  );
  for (const Body of ['1', '2']) await s3.send(new PutObjectCommand({ Bucket: name, Key: 'k', Body }));
  const definition = JSON.stringify({
    StartAt: 'W',
    States: { W: { Type: 'Wait', Seconds: 600, End: true } },
  });
  const { stateMachineArn } = await sfn.send(new CreateStateMachineCommand({ name, roleArn, definition }));
  await sfn.send(new StartExecutionCommand({ stateMachineArn }));
  await scheduler.send(new CreateScheduleGroupCommand({ Name: name }));
  await scheduler.send(
    new CreateScheduleCommand({
      Name: 'look',
      GroupName: name,
      ScheduleExpression: 'rate(1 hour)',
      FlexibleTimeWindow: { Mode: 'OFF' },
      Target: { Arn: `arn:aws:lambda:${region}:${id}:function:${name}`, RoleArn: roleArn },
    }),
  );
  await cloudwatch.send(
    new PutMetricAlarmCommand({
      AlarmName: name,
      ...{ Namespace: 'Shop', MetricName: 'Orders', Statistic: 'Sum', Period: 60, EvaluationPeriods: 1 },
      ...{ Threshold: 1, ComparisonOperator: 'LessThanThreshold' },
    }),
  );
  await cloudwatch.send(
    new PutCompositeAlarmCommand({ AlarmName: `${name}-whole`, AlarmRule: `ALARM("${name}")` }),
  );
  const { QueueUrl } = await jsonCall(account, 'AmazonSQS.CreateQueue', { QueueName: name });
  expect(QueueUrl).toBeDefined();
  await jsonCall(account, 'AWSEvents.PutRule', { Name: name, EventPattern: '{"source":["aws.s3"]}' });
  await jsonCall(account, 'AWSEvents.PutTargets', {
    Rule: name,
    Targets: [{ Id: 'one', Arn: `arn:aws:lambda:${region}:${id}:function:${name}` }],
  });
  await jsonCall(account, 'Logs_20140328.CreateLogGroup', { logGroupName: `/aws/lambda/${name}` });
  await jsonCall(account, 'secretsmanager.CreateSecret', {
    ...{ Name: `${name}/PeopleKeys`, SecretString: 'x' },
    ClientRequestToken: '11111111-1111-4111-8111-111111111111',
  });
}

describe.skipIf(cloud !== undefined)('what a run leaves behind', () => {
  const KINDS = [
    ...['rule', 'event source mapping', 'function', 'state machine', 'schedule group', 'composite alarm'],
    ...['alarm', 'table', 'bucket', 'queue', 'secret', 'log group', 'role'],
  ];
  const kindsIn = (found: string[]) =>
    KINDS.filter((kind) => found.some((line) => line.startsWith(`${kind} `)));

  test('is found, each kind of it, and swept; what is not its own stays', async () => {
    const account = freshAccount();
    const mine: Cloud = {
      run: 'cloudab12c3',
      id: account.id,
      region: account.region,
      endpoint: 'a stand-in',
    };
    const other: Cloud = { ...mine, run: 'cloudzz99z9' };
    await makeOne(account, `${prefixOf(mine)}-${account.id}`);
    await makeOne(account, `${prefixOf(other)}-${account.id}`);
    expect(kindsIn(await madeBy(mine, account))).toEqual(KINDS);
    const others = await madeBy(other, account);
    await sweep(mine, account);
    expect(await madeBy(mine, account)).toEqual([]);
    expect(await madeBy(other, account)).toEqual(others);
    expect(kindsIn(others)).toEqual(KINDS);
    // What had gone already is no error.
    await sweep(mine, account);
    await sweep(other, account);
    expect(await madeBy(other, account)).toEqual([]);
  }, 60_000);

  test('is named, with how to go on, where it cannot be swept', async () => {
    const account = freshAccount();
    const mine: Cloud = {
      run: 'cloudab12c3',
      id: account.id,
      region: account.region,
      endpoint: 'a stand-in',
    };
    const gone = {
      ...account,
      config: { ...account.config, endpoint: 'http://127.0.0.1:1', maxAttempts: 1 },
    };
    await expect(sweep(mine, gone, 0)).rejects.toThrow(
      /Left behind by cloudab12c3; .* CLOUD_SWEEP=cloudab12c3 npm run test:wire[\s\S]*tables could not be listed/,
    );
  });
});
