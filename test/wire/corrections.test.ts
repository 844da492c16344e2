import { LambdaClient, ListProvisionedConcurrencyConfigsCommand } from '@aws-sdk/client-lambda';
import {
  CreateBucketCommand,
  PutBucketNotificationConfigurationCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  type DescribeExecutionOutput,
  ListExecutionsCommand,
  SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import { expect, test, vi } from 'vitest';
import { FUNCTION } from '../contract/lambda-stage.ts';
import { type Account, freshAccount } from './account.ts';
import { corrections } from './corrections.ts';
import { jsonCall } from './json-call.ts';
import { wiredLambda } from './lambda-stage.ts';

/** For each correction a check that the program itself, asked past it, still needs it. */
const needed: Record<string, () => Promise<void>> = {
  ListProvisionedConcurrencyConfigs: async () => {
    const { others, account } = await wiredLambda((_command, _input, call) => call());
    const { config } = freshAccount();
    const direct = new LambdaClient({ ...config, credentials: others.config.credentials });
    await expect(
      direct.send(new ListProvisionedConcurrencyConfigsCommand({ FunctionName: FUNCTION })),
      account,
    ).rejects.toMatchObject({ name: 'ProvisionedConcurrencyConfigNotFoundException' });
  },
  'TimeoutSeconds of a task that waits for its token': async () => {
    const waits = async (TimeoutSeconds: unknown) => {
      const machine = await machineOf(freshAccount(), {
        Type: 'Task',
        Resource: 'arn:aws:states:::aws-sdk:dynamodb:listTables.waitForTaskToken',
        Arguments: {},
        TimeoutSeconds,
        End: true,
      });
      await machine.start();
      return machine;
    };
    const [number, expression] = [await waits(60), await waits('{% 60 %}')];
    await vi.waitFor(async () => expect((await expression.last()).status).toBe('FAILED'), WITHIN);
    expect((await number.last()).status).toBe('RUNNING');
  },
  'version-id in events of S3': async () => {
    const account = freshAccount();
    const machine = await machineOf(account, { Type: 'Succeed' });
    const Bucket = `releases-${account.id}`;
    const s3 = new S3Client(account.config);
    await s3.send(
      new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint: account.region } }),
    );
    await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
    await s3.send(
      new PutBucketNotificationConfigurationCommand({
        Bucket,
        NotificationConfiguration: { EventBridgeConfiguration: {} },
      }),
    );
    await jsonCall(account, 'AWSEvents.PutRule', { Name: 'made', EventPattern: '{"source":["aws.s3"]}' });
    await jsonCall(account, 'AWSEvents.PutTargets', {
      Rule: 'made',
      Targets: [{ Id: 'machine', Arn: machine.arn, RoleArn: `arn:aws:iam::${account.id}:role/events` }],
    });
    const { VersionId } = await s3.send(new PutObjectCommand({ Bucket, Key: 'manifest.json', Body: '{}' }));
    expect(VersionId).toBeDefined();
    const { input = '' } = await vi.waitFor(() => machine.last(), WITHIN);
    const { object } = (JSON.parse(input) as { detail: { object: object } }).detail;
    expect(object).toMatchObject({ key: 'manifest.json' });
    expect(object).not.toHaveProperty('version-id');
  },
};

const WITHIN = { timeout: 15_000, interval: 200 };

/** A machine of one state. */
async function machineOf({ id, config }: Account, state: object) {
  const client = new SFNClient(config);
  const { stateMachineArn: arn = '' } = await client.send(
    new CreateStateMachineCommand({
      name: 'one',
      roleArn: `arn:aws:iam::${id}:role/one`,
      definition: JSON.stringify({ QueryLanguage: 'JSONata', StartAt: 'One', States: { One: state } }),
    }),
  );
  return {
    arn,
    start: async () => void (await client.send(new StartExecutionCommand({ stateMachineArn: arn }))),
    async last(): Promise<DescribeExecutionOutput> {
      const { executions: [last] = [] } = await client.send(
        new ListExecutionsCommand({ stateMachineArn: arn }),
      );
      return client.send(new DescribeExecutionCommand({ executionArn: last?.executionArn }));
    },
  };
}

test.each(corrections)('the correction of $what is still needed: $why', async ({ what }) => {
  expect(needed).toHaveProperty([what]);
  await needed[what]?.();
});
