import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  ListExecutionsCommand,
  SFNClient,
} from '@aws-sdk/client-sfn';
import { stepFunctions } from '../../adapters/step-functions.ts';
import { awsError } from '../../local/sdk.ts';
import { describeExecutions, type ExecutionStage, type Started } from '../contract/executions.ts';
import { type Account, cloud, connect, freshAccount } from './account.ts';
import { makeTable } from './table.ts';

const HOLD_SECONDS = 3;

const TABLE = 'tokens';

/** A table that keeps the tokens with which executions hold. */
async function tokenTable(account: Account): Promise<Pick<ExecutionStage, 'tokens'>> {
  const client = connect(DynamoDBClient, account);
  await makeTable(client, {
    TableName: TABLE,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [{ AttributeName: 'token', AttributeType: 'S' }],
    KeySchema: [{ AttributeName: 'token', KeyType: 'HASH' }],
  });
  return {
    tokens: async () => {
      const { Items = [] } = await client.send(new ScanCommand({ TableName: TABLE, ConsistentRead: true }));
      return Items.sort((a, b) => (a.at?.S ?? '').localeCompare(b.at?.S ?? '')).map(
        ({ token }) => token?.S ?? '',
      );
    },
  };
}

async function stepFunctionsStage(): Promise<ExecutionStage> {
  const account = freshAccount();
  const owner = connect(SFNClient, account);
  const table = await tokenTable(account);
  const machine = {
    QueryLanguage: 'JSONata',
    StartAt: 'Hold',
    States: {
      Hold: {
        Type: 'Task',
        Resource: 'arn:aws:states:::aws-sdk:dynamodb:putItem.waitForTaskToken',
        Arguments: {
          TableName: TABLE,
          Item: {
            token: { S: '{% $states.context.Task.Token %}' },
            at: { S: '{% $states.context.State.EnteredTime %}' },
          },
        },
        TimeoutSeconds: HOLD_SECONDS,
        End: true,
      },
    },
  };
  const { stateMachineArn = '' } = await owner.send(
    new CreateStateMachineCommand({
      name: 'rollout',
      definition: JSON.stringify(machine),
      roleArn: `arn:aws:iam::${account.id}:role/rollout`,
    }),
  );
  let isReachable = true;
  const client = connect(SFNClient, account, (_command, _input, call) => {
    if (!isReachable) throw awsError('ServiceUnavailable', 'try again', 503);
    return call();
  });
  const about = async (executionArn: string): Promise<Started> => {
    const {
      name = '',
      input = '',
      status,
      cause,
    } = await owner.send(new DescribeExecutionCommand({ executionArn }));
    return {
      name,
      input: JSON.parse(input),
      status: status === 'RUNNING' ? 'running' : status === 'ABORTED' ? 'stopped' : 'ended',
      why: cause,
    };
  };
  return {
    executions: stepFunctions(client, stateMachineArn),
    arrange: {
      pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      disconnect: () => {
        isReachable = false;
      },
    },
    started: async () => {
      const { executions = [] } = await owner.send(new ListExecutionsCommand({ stateMachineArn }));
      const oldestFirst = executions.sort((a, b) => Number(a.startDate) - Number(b.startDate));
      return Promise.all(oldestFirst.map(({ executionArn = '' }) => about(executionArn)));
    },
    tokens: table.tokens,
    holdMs: HOLD_SECONDS * 1000,
  };
}

describeExecutions({
  name: 'step-functions over the wire',
  make: stepFunctionsStage,
  // AWS itself is held to the whole contract.
  exceptions:
    cloud !== undefined && cloud.endpoint === undefined
      ? {}
      : {
          'stops one that has ended, was stopped or never was, without an error':
            'the program refuses to stop what has ended; AWS takes it and changes nothing (github.com/awslabs/visual-asset-management-system issue 344)',
        },
});
