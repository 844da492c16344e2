import { SFNClient } from '@aws-sdk/client-sfn';
import { stepFunctions } from '../../adapters/step-functions.ts';
import { virtualClock } from '../../local/clock.ts';
import { seededRandom } from '../../local/random.ts';
import { attach, awsError } from '../../local/sdk.ts';
import { SimulatedStepFunctions } from '../../local/services/step-functions.ts';
import { describeExecutions, type ExecutionStage } from './executions.ts';

const REGION = 'eu-west-1';
const HOLD_SECONDS = 60;

const machine = {
  QueryLanguage: 'JSONata',
  StartAt: 'Hold',
  States: {
    Hold: {
      Type: 'Task',
      Resource: 'arn:aws:states:::lambda:invoke.waitForTaskToken',
      Arguments: { FunctionName: 'Hold', Payload: { token: '{% $states.context.Task.Token %}' } },
      TimeoutSeconds: HOLD_SECONDS,
      End: true,
    },
  },
};

function stepFunctionsStage(): ExecutionStage {
  const clock = virtualClock();
  const tokens: string[] = [];
  let isReachable = true;
  const sfn = new SimulatedStepFunctions({
    clock,
    random: seededRandom(7),
    region: REGION,
    account: '111122223333',
    task: async (_resource, args) => {
      tokens.push((args as { Payload: { token: string } }).Payload.token);
      return {};
    },
  });
  const machineArn = sfn.create('rollout', machine);
  const client = new SFNClient({ region: REGION, cacheMiddleware: true });
  attach(client, sfn.operations, {
    clock,
    intercept: (_command, _input, call) => {
      if (!isReachable) throw awsError('ServiceUnavailable', 'try again', 503);
      return call();
    },
  });
  return {
    executions: stepFunctions(client, machineArn),
    arrange: {
      pass: (ms) => clock.advance(ms),
      disconnect: () => {
        isReachable = false;
      },
    },
    started: async () =>
      [...sfn.executions.values()].map(({ name, input, status, cause }) => ({
        name,
        input: JSON.parse(input) as unknown,
        status: status === 'RUNNING' ? 'running' : status === 'ABORTED' ? 'stopped' : 'ended',
        why: cause,
      })),
    tokens: async () => tokens,
    holdMs: HOLD_SECONDS * 1000,
  };
}

describeExecutions({ name: 'step-functions', make: stepFunctionsStage });
