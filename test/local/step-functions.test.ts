import {
  ExecutionAlreadyExists,
  SendTaskSuccessCommand,
  SFNClient,
  StartExecutionCommand,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn';
import { describe, expect, test } from 'vitest';
import { PAYLOAD_BYTES_MAX } from '../../local/asl/interpreter.ts';
import { virtualClock } from '../../local/clock.ts';
import { seededRandom } from '../../local/random.ts';
import { attach } from '../../local/sdk.ts';
import type { AwsEvent } from '../../local/services/eventbridge.ts';
import { SimulatedStepFunctions } from '../../local/services/step-functions.ts';

const LAMBDA = 'arn:aws:states:::lambda:invoke';
const MACHINE = 'arn:aws:states:eu-west-1:111122223333:stateMachine:rollout';
const EXECUTION = 'arn:aws:states:eu-west-1:111122223333:execution:rollout';

/** Holds until its token is completed, or reverts. */
const hold = {
  QueryLanguage: 'JSONata',
  StartAt: 'Hold',
  States: {
    Hold: {
      Type: 'Task',
      Resource: `${LAMBDA}.waitForTaskToken`,
      Arguments: { FunctionName: 'hold', Payload: '{% $states.context.Task.Token %}' },
      TimeoutSeconds: 60,
      Retry: [{ ErrorEquals: ['States.Timeout'], IntervalSeconds: 1, MaxAttempts: 1 }],
      Catch: [{ ErrorEquals: ['States.ALL'], Next: 'Revert' }],
      Next: 'Completed',
    },
    Completed: { Type: 'Succeed' },
    Revert: { Type: 'Task', Resource: LAMBDA, Arguments: { FunctionName: 'revert' }, Next: 'Reverted' },
    Reverted: { Type: 'Fail', Error: 'reverted', Cause: 'the canary failed' },
  },
};

function worldOf() {
  const clock = virtualClock();
  const events: AwsEvent[] = [];
  const invoked: string[] = [];
  const tokens: string[] = [];
  const stepFunctions = new SimulatedStepFunctions({
    clock,
    random: seededRandom(1),
    region: 'eu-west-1',
    account: '111122223333',
    async task(_resource, args, { token }) {
      invoked.push((args as { FunctionName: string }).FunctionName);
      if (token !== undefined) tokens.push(token);
      return { StatusCode: 200, ExecutedVersion: '1', Payload: null };
    },
    onStatus: (event) => events.push(event),
  });
  stepFunctions.create('rollout', hold);
  const start = (name: string, input?: string) =>
    stepFunctions.startExecution({ stateMachineArn: MACHINE, name, ...(input !== undefined && { input }) });
  const execution = (name: string) => {
    const found = stepFunctions.execution(name);
    if (found === undefined) throw new Error(`There is no execution ${name}.`);
    return found;
  };
  /** Ends the execution and lets it come to rest. */
  const complete = async (name: string, token = tokens.at(-1)) => {
    await stepFunctions.sendTaskSuccess({ taskToken: token, output: '{"woken":true}' });
    await execution(name).done;
  };
  return { clock, events, invoked, tokens, stepFunctions, start, execution, complete };
}

const awsError = (name: string) =>
  expect.objectContaining({ name, $fault: 'client', $metadata: { httpStatusCode: 400 } });

describe('StartExecution', () => {
  test('runs the machine, and what happened can be read', async () => {
    const { clock, start, execution, complete, stepFunctions } = worldOf();
    const started = await start('checkout--2--1-1', '{"epoch":1}');
    expect(started).toEqual({
      executionArn: `${EXECUTION}:checkout--2--1-1`,
      startDate: new Date(clock.now()),
    });
    await clock.advance(5000);
    await complete('checkout--2--1-1');
    expect(execution('checkout--2--1-1')).toMatchObject({
      status: 'SUCCEEDED',
      input: '{"epoch":1}',
      output: '{"woken":true}',
      path: ['Hold', 'Completed'],
      // Start, the hold with its TaskSubmitted, Completed, end.
      historyEvents: 1 + 6 + 2 + 1,
      transitions: 2,
    });
    expect(await stepFunctions.describeExecution({ executionArn: started.executionArn })).toEqual({
      executionArn: started.executionArn,
      stateMachineArn: MACHINE,
      name: 'checkout--2--1-1',
      status: 'SUCCEEDED',
      startDate: started.startDate,
      stopDate: new Date(clock.now()),
      input: '{"epoch":1}',
      inputDetails: { included: true },
      output: '{"woken":true}',
      outputDetails: { included: true },
    });
  });

  test('again with the same name and input while it runs gives the same answer and starts nothing', async () => {
    const { start, clock, invoked, events } = worldOf();
    const first = await start('a', '{"n":1}');
    await clock.advance(5000);
    expect(await start('a', '{"n":1}')).toEqual(first);
    await clock.advance(5000);
    expect(invoked).toEqual(['hold']);
    expect(events).toHaveLength(1);
  });

  test('with another input, or after the end, is refused with ExecutionAlreadyExists', async () => {
    const { start, clock, complete } = worldOf();
    await start('a', '{"n":1}');
    await expect(start('a', '{"n":2}')).rejects.toEqual(awsError('ExecutionAlreadyExists'));
    await clock.advance(0);
    await complete('a');
    await expect(start('a', '{"n":1}')).rejects.toEqual(awsError('ExecutionAlreadyExists'));
  });

  test('refuses names and inputs that AWS refuses', async () => {
    const { start } = worldOf();
    await start('x'.repeat(80));
    await start('release-1.2_β@(x)+=!');
    for (const name of ['', 'x'.repeat(81), 'a b', 'a/b', 'a:b', 'a#b', 'a*', 'a,b', 'a\u0007']) {
      await expect(start(name)).rejects.toEqual(awsError('InvalidName'));
    }
    await expect(start('a', 'no json')).rejects.toEqual(awsError('InvalidExecutionInput'));
    await expect(start('a', JSON.stringify('x'.repeat(PAYLOAD_BYTES_MAX)))).rejects.toEqual(
      awsError('InvalidExecutionInput'),
    );
  });

  test('refuses a machine that does not exist, and fields that are not simulated', async () => {
    const { stepFunctions } = worldOf();
    const other = { stateMachineArn: `${MACHINE}2`, name: 'a' };
    await expect(stepFunctions.startExecution(other)).rejects.toEqual(awsError('StateMachineDoesNotExist'));
    const traced = { stateMachineArn: MACHINE, name: 'a', traceHeader: 'x' };
    await expect(stepFunctions.startExecution(traced)).rejects.toThrow('traceHeader');
    await expect(stepFunctions.startExecution({ stateMachineArn: MACHINE })).rejects.toThrow(
      'without a name',
    );
  });
});

describe('StopExecution', () => {
  test('ends the execution as ABORTED and runs no Catch', async () => {
    const { stepFunctions, start, clock, invoked, execution } = worldOf();
    const { executionArn } = await start('a');
    await clock.advance(5000);
    const stopped = await stepFunctions.stopExecution({ executionArn, error: 'TookOver', cause: 'epoch 2' });
    expect(stopped).toEqual({ stopDate: new Date(clock.now()) });
    expect(execution('a')).toMatchObject({
      status: 'ABORTED',
      error: 'TookOver',
      cause: 'epoch 2',
      path: ['Hold'],
    });
    await clock.advance(200_000);
    expect(invoked).toEqual(['hold']);
    expect(execution('a').status).toBe('ABORTED');
  });

  test('of an ended execution changes nothing, of an unknown one is refused', async () => {
    const { stepFunctions, start, clock, complete, execution } = worldOf();
    const { executionArn } = await start('a');
    await clock.advance(0);
    await complete('a');
    const endedAt = new Date(clock.now());
    await clock.advance(9000);
    expect(await stepFunctions.stopExecution({ executionArn })).toEqual({ stopDate: endedAt });
    expect(execution('a').status).toBe('SUCCEEDED');
    const unknown = { executionArn: `${EXECUTION}:b` };
    await expect(stepFunctions.stopExecution(unknown)).rejects.toEqual(awsError('ExecutionDoesNotExist'));
    await expect(stepFunctions.describeExecution(unknown)).rejects.toEqual(awsError('ExecutionDoesNotExist'));
  });
});

describe('task tokens', () => {
  test('that were completed, timed out or belong to a stopped execution give TaskTimedOut', async () => {
    const { stepFunctions, start, clock, tokens, complete, execution } = worldOf();
    const late = (taskToken: string | undefined) =>
      stepFunctions.sendTaskSuccess({ taskToken, output: '{}' });
    await start('a');
    await clock.advance(70_000);
    expect(tokens).toHaveLength(2);
    await expect(late(tokens[0])).rejects.toEqual(awsError('TaskTimedOut'));
    expect(execution('a').status).toBe('RUNNING');
    await complete('a', tokens[1]);
    await expect(late(tokens[1])).rejects.toEqual(awsError('TaskTimedOut'));

    const { executionArn } = await start('b');
    await clock.advance(1000);
    await stepFunctions.stopExecution({ executionArn });
    await expect(late(tokens[2])).rejects.toEqual(awsError('TaskTimedOut'));
  });

  test('can be completed once, however fast the second call comes', async () => {
    const { stepFunctions, start, clock, tokens } = worldOf();
    await start('a');
    await clock.advance(0);
    const first = stepFunctions.sendTaskSuccess({ taskToken: tokens[0], output: '{}' });
    const second = stepFunctions.sendTaskFailure({ taskToken: tokens[0] });
    await expect(second).rejects.toEqual(awsError('TaskTimedOut'));
    expect(await first).toEqual({});
  });

  test('that never existed give TaskDoesNotExist', async () => {
    const { stepFunctions } = worldOf();
    for (const taskToken of ['task-token-1', 'something', undefined]) {
      await expect(stepFunctions.sendTaskFailure({ taskToken })).rejects.toEqual(
        awsError('TaskDoesNotExist'),
      );
    }
  });

  test('that are failed fail their state, so that its Catch runs', async () => {
    const { stepFunctions, start, clock, tokens, invoked, execution } = worldOf();
    await start('a');
    await clock.advance(1000);
    await stepFunctions.sendTaskFailure({ taskToken: tokens[0], error: 'HookFailed', cause: 'no' });
    await execution('a').done;
    expect(invoked).toEqual(['hold', 'revert']);
    expect(execution('a')).toMatchObject({ status: 'FAILED', error: 'reverted', cause: 'the canary failed' });
    expect(execution('a')).toMatchObject({ path: ['Hold', 'Revert', 'Reverted'], transitions: 3 });
  });

  test('take JSON only, and one that was refused stays in use', async () => {
    const { stepFunctions, start, clock, tokens, complete, execution } = worldOf();
    await start('a');
    await clock.advance(0);
    const wrong = stepFunctions.sendTaskSuccess({ taskToken: tokens[0], output: 'no json' });
    await expect(wrong).rejects.toEqual(awsError('InvalidOutput'));
    await complete('a');
    expect(execution('a').status).toBe('SUCCEEDED');
  });
});

test('a retry is one more transition', async () => {
  const { start, clock, complete, execution } = worldOf();
  await start('a');
  await clock.advance(70_000);
  await complete('a');
  expect(execution('a').transitions).toBe(3);
});

test('status events tell the start and the end, in the form of EventBridge', async () => {
  const { start, clock, complete, events } = worldOf();
  await start('a', '{"n":1}');
  await clock.advance(61_500);
  await complete('a');
  const startDate = Date.UTC(2026, 0, 5, 9);
  const detail = {
    executionArn: `${EXECUTION}:a`,
    stateMachineArn: MACHINE,
    name: 'a',
    startDate,
    input: '{"n":1}',
  };
  const event = {
    version: '0',
    id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    'detail-type': 'Step Functions Execution Status Change',
    source: 'aws.states',
    account: '111122223333',
    region: 'eu-west-1',
    resources: [`${EXECUTION}:a`],
  };
  const running = {
    ...detail,
    status: 'RUNNING',
    stopDate: null,
    inputDetails: { included: true },
    output: null,
    outputDetails: null,
  };
  const ended = {
    ...detail,
    status: 'SUCCEEDED',
    stopDate: startDate + 61_500,
    inputDetails: { included: true },
    output: '{"woken":true}',
    outputDetails: { included: true },
  };
  expect(events).toEqual([
    { ...event, time: '2026-01-05T09:00:00Z', detail: running },
    { ...event, time: '2026-01-05T09:01:01Z', detail: ended },
  ]);
  expect(events[0]?.id).not.toBe(events[1]?.id);
});

test('only ended executions can be forgotten, and then their name is free', async () => {
  const { start, clock, complete, stepFunctions, tokens } = worldOf();
  await start('a');
  await clock.advance(0);
  stepFunctions.forget('a');
  expect(stepFunctions.executions).toHaveLength(1);
  await complete('a');
  stepFunctions.forget('a');
  expect(stepFunctions.executions).toEqual([]);
  const late = stepFunctions.sendTaskSuccess({ taskToken: tokens[0], output: '{}' });
  await expect(late).rejects.toEqual(awsError('TaskTimedOut'));
  await start('a');
  expect(stepFunctions.executions).toHaveLength(1);
});

test('a machine is refused for its definition, and for a name that is taken', () => {
  const { stepFunctions } = worldOf();
  expect(() => stepFunctions.create('late', { ...hold, TimeoutSeconds: 5 })).toThrow('TimeoutSeconds');
  expect(() => stepFunctions.create('rollout', hold)).toThrow(awsError('StateMachineAlreadyExists'));
});

test('the SDK client gets its answers and exceptions', async () => {
  const { stepFunctions, clock, tokens, execution } = worldOf();
  const client = new SFNClient({ region: 'eu-west-1', cacheMiddleware: true });
  attach(client, stepFunctions.operations, { clock });
  const start = { stateMachineArn: MACHINE, name: 'a', input: '{}' };
  const { executionArn, startDate } = await client.send(new StartExecutionCommand(start));
  expect(startDate).toEqual(new Date(clock.now()));
  await clock.advance(0);
  await client.send(new SendTaskSuccessCommand({ taskToken: tokens[0], output: '{}' }));
  await execution('a').done;
  await client.send(new StopExecutionCommand({ executionArn }));
  const again = client.send(new StartExecutionCommand(start));
  await expect(again).rejects.toBeInstanceOf(ExecutionAlreadyExists);
});
