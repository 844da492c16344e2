import {
  SendTaskSuccessCommand,
  SFNClient,
  StartExecutionCommand,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn';
import { mockClient } from 'aws-sdk-client-mock';
import 'aws-sdk-client-mock-vitest/extend';
import { beforeEach, describe, expect, test } from 'vitest';
import { stepFunctions } from '../../adapters/step-functions.ts';
import { targetOf } from '../contract/rollouts.ts';
import { FINAL, PASSING, refusal, stubbed } from './stub.ts';

const MACHINE = 'arn:aws:states:eu-west-1:111122223333:stateMachine:rollout';
const client = new SFNClient({ region: 'eu-west-1' });
const sfn = mockClient(client);
const executions = stepFunctions(client, MACHINE);
const input = { rolloutId: 'checkout--r1--1', epoch: 2, closed: 'spillway x', targets: [targetOf('api')] };
const named = (name: string) => Object.assign(new Error(name), { name, $metadata: { httpStatusCode: 400 } });

beforeEach(() => void sfn.reset());

describe('what is sent', () => {
  test('an execution is started under the name of its rollout and epoch', async () => {
    sfn.on(StartExecutionCommand).resolves({});
    await executions.start(input);
    expect(sfn.commandCalls(StartExecutionCommand).map(({ args }) => args[0].input)).toEqual([
      { stateMachineArn: MACHINE, name: 'checkout--r1--1-2', input: JSON.stringify(input) },
    ]);
  });

  test('an execution is stopped by the ARN that follows from its name', async () => {
    sfn.on(StopExecutionCommand).resolves({});
    await executions.stop('checkout--r1--1', 2, 'the watchdog took over');
    expect(sfn.commandCalls(StopExecutionCommand).map(({ args }) => args[0].input)).toEqual([
      {
        executionArn: 'arn:aws:states:eu-west-1:111122223333:execution:rollout:checkout--r1--1-2',
        error: 'TakenOver',
        cause: 'the watchdog took over',
      },
    ]);
  });

  test('a token is completed with an empty answer, which nobody reads', async () => {
    sfn.on(SendTaskSuccessCommand).resolves({});
    await executions.wake('token');
    expect(sfn.commandCalls(SendTaskSuccessCommand).map(({ args }) => args[0].input)).toEqual([
      { taskToken: 'token', output: '{}' },
    ]);
  });
});

describe('what has happened before', () => {
  test('is no error', async () => {
    sfn.on(StartExecutionCommand).rejects(named('ExecutionAlreadyExists'));
    await expect(executions.start(input)).resolves.toBeUndefined();
    sfn.on(StopExecutionCommand).rejects(named('ExecutionDoesNotExist'));
    await expect(executions.stop('checkout--r1--1', 1, 'why')).resolves.toBeUndefined();
    for (const name of ['TaskTimedOut', 'TaskDoesNotExist', 'InvalidToken']) {
      sfn.on(SendTaskSuccessCommand).rejects(named(name));
      await expect(executions.wake('token')).resolves.toBeUndefined();
    }
  });

  test('is told apart from what is wrong', async () => {
    sfn.on(StartExecutionCommand).rejects(named('StateMachineDoesNotExist'));
    await expect(executions.start(input)).rejects.toThrow('StateMachineDoesNotExist');
    sfn.on(StartExecutionCommand).rejects(named('ExecutionDoesNotExist'));
    await expect(executions.start(input)).rejects.toThrow('ExecutionDoesNotExist');
    sfn.on(SendTaskSuccessCommand).rejects(named('InvalidOutput'));
    await expect(executions.wake('token')).rejects.toThrow('InvalidOutput');
  });
});

const calls: [string, () => Promise<void>][] = [
  ['a start', () => executions.start(input)],
  ['a stop', () => executions.stop('checkout--r1--1', 1, 'why')],
  ['a wake', () => executions.wake('token')],
];

describe.each(calls)('%s', (_call, send) => {
  test.each(PASSING)('is Unavailable where it meets %s', async (_what, error) => {
    sfn.onAnyCommand().rejects(error);
    await expect(send()).rejects.toMatchObject({ code: 'Unavailable' });
  });

  test.each(FINAL)('fails with that same error where it meets %s', async (_what, error) => {
    sfn.onAnyCommand().rejects(error);
    await expect(send()).rejects.toBe(error);
  });
});

describe('over the wire', () => {
  test('a start is sent whole, and one that exists is none the worse', async () => {
    const { config, sent } = stubbed(refusal(400, 'ExecutionAlreadyExists'));
    await stepFunctions(new SFNClient(config), MACHINE).start(input);
    expect(sent[0]?.headers['x-amz-target']).toBe('AWSStepFunctions.StartExecution');
    expect(sent[0]?.body).toEqual({
      stateMachineArn: MACHINE,
      name: 'checkout--r1--1-2',
      input: JSON.stringify(input),
    });
  });

  test('a token that is gone is none the worse, and a throttle is Unavailable', async () => {
    const { config } = stubbed(refusal(400, 'TaskTimedOut'), refusal(400, 'ThrottlingException'));
    const real = stepFunctions(new SFNClient(config), MACHINE);
    await real.wake('token');
    await expect(real.wake('token')).rejects.toMatchObject({ code: 'Unavailable' });
  });
});
