import {
  CreateScheduleCommand,
  DeleteScheduleCommand,
  GetScheduleCommand,
  SchedulerClient,
  UpdateScheduleCommand,
} from '@aws-sdk/client-scheduler';
import { mockClient } from 'aws-sdk-client-mock';
import 'aws-sdk-client-mock-vitest/extend';
import { beforeEach, describe, expect, test } from 'vitest';
import { schedulerWatchdog } from '../../adapters/scheduler-watchdog.ts';
import type { WatchdogInput } from '../../core/ports.ts';
import { targetOf } from '../contract/rollouts.ts';
import { FINAL, PASSING, refusal, stubbed } from './stub.ts';

const client = new SchedulerClient({ region: 'eu-west-1' });
const scheduler = mockClient(client);
const TARGETS = { functionArn: 'arn:f', stateMachineArn: 'arn:m', roleArn: 'arn:r', groupName: 'spillway' };
const watchdog = schedulerWatchdog(client, TARGETS);

const frozen: WatchdogInput = {
  rolloutId: 'checkout--r1--1',
  epoch: 1,
  closed: 'spillway checkout--r1--1 1 999999999 closed',
  targets: [targetOf('api')],
  deadline: Date.UTC(2026, 0, 6, 9, 0, 0, 500),
  armedAt: Date.UTC(2026, 0, 5, 9),
};
const { deadline: _, ...forMachine } = frozen;

const recurring = {
  Name: 'checkout--r1--1',
  GroupName: 'spillway',
  ScheduleExpression: 'rate(2 minutes)',
  StartDate: new Date('2026-01-05T09:02:00Z'),
  EndDate: new Date('2026-01-07T09:00:00.500Z'),
  FlexibleTimeWindow: { Mode: 'OFF' },
  Target: { Arn: 'arn:f', RoleArn: 'arn:r', Input: JSON.stringify(frozen) },
};
const last = {
  Name: 'checkout--r1--1-end',
  GroupName: 'spillway',
  ScheduleExpression: 'at(2026-01-06T09:00:00)',
  FlexibleTimeWindow: { Mode: 'OFF' },
  ActionAfterCompletion: 'DELETE',
  Target: { Arn: 'arn:m', RoleArn: 'arn:r', Input: JSON.stringify(forMachine) },
};

const named = (name: string, status: number) =>
  Object.assign(new Error(name), { name, $metadata: { httpStatusCode: status } });

beforeEach(() => void scheduler.reset());

describe('arming', () => {
  test('after the deadline goes on looking for another day, and makes no last look in the past', async () => {
    scheduler.on(CreateScheduleCommand).resolves({});
    const armedAt = frozen.deadline + 5 * 24 * 3600_000;
    await watchdog.arm({ ...frozen, armedAt });
    const made = scheduler.commandCalls(CreateScheduleCommand).map(({ args }) => args[0].input);
    expect(made.map(({ Name, EndDate }) => ({ Name, EndDate }))).toEqual([
      { Name: 'checkout--r1--1', EndDate: new Date(armedAt + 24 * 3600_000) },
    ]);
  });

  test('makes the recurring entry and the one at the deadline', async () => {
    scheduler.on(CreateScheduleCommand).resolves({});
    await watchdog.arm(frozen);
    expect(scheduler.commandCalls(CreateScheduleCommand).map(({ args }) => args[0].input)).toEqual([
      recurring,
      last,
    ]);
    expect(scheduler).not.toHaveReceivedCommand(UpdateScheduleCommand);
  });

  test('replaces each entry that is there already, whole', async () => {
    scheduler.on(CreateScheduleCommand).rejects(named('ConflictException', 409));
    scheduler.on(UpdateScheduleCommand).resolves({});
    await watchdog.arm(frozen);
    expect(scheduler.commandCalls(UpdateScheduleCommand).map(({ args }) => args[0].input)).toEqual([
      recurring,
      last,
    ]);
  });

  test('makes the second entry also where only the first is there', async () => {
    scheduler.on(CreateScheduleCommand).rejectsOnce(named('ConflictException', 409)).resolves({});
    scheduler.on(UpdateScheduleCommand).resolves({});
    await watchdog.arm(frozen);
    expect(scheduler).toHaveReceivedCommandTimes(CreateScheduleCommand, 2);
    expect(scheduler).toHaveReceivedCommandTimes(UpdateScheduleCommand, 1);
  });

  test.each(PASSING)('is Unavailable where it meets %s', async (_what, error) => {
    scheduler.on(CreateScheduleCommand).rejects(error);
    await expect(watchdog.arm(frozen)).rejects.toMatchObject({ code: 'Unavailable' });
  });

  test.each(FINAL)('fails with that same error where it meets %s', async (_what, error) => {
    scheduler.on(CreateScheduleCommand).rejects(error);
    await expect(watchdog.arm(frozen)).rejects.toBe(error);
  });
});

describe('disarming', () => {
  test('deletes both entries, also where one is gone', async () => {
    scheduler.on(DeleteScheduleCommand).rejectsOnce(named('ResourceNotFoundException', 404)).resolves({});
    await watchdog.disarm('checkout--r1--1');
    expect(scheduler.commandCalls(DeleteScheduleCommand).map(({ args }) => args[0].input)).toEqual([
      { Name: 'checkout--r1--1', GroupName: 'spillway' },
      { Name: 'checkout--r1--1-end', GroupName: 'spillway' },
    ]);
  });

  test.each(PASSING)('is Unavailable where it meets %s', async (_what, error) => {
    scheduler.on(DeleteScheduleCommand).rejects(error);
    await expect(watchdog.disarm('checkout--r1--1')).rejects.toMatchObject({ code: 'Unavailable' });
  });
});

describe('what is frozen', () => {
  test('is read from the recurring entry', async () => {
    scheduler
      .on(GetScheduleCommand)
      .resolves({ Target: { Arn: 'arn:f', RoleArn: 'arn:r', Input: JSON.stringify(frozen) } });
    expect(await watchdog.frozen('checkout--r1--1')).toEqual(frozen);
    expect(scheduler.commandCalls(GetScheduleCommand).map(({ args }) => args[0].input)).toEqual([
      { Name: 'checkout--r1--1', GroupName: 'spillway' },
    ]);
  });

  test.each(PASSING)('is Unavailable, and not absent, where it meets %s', async (_what, error) => {
    scheduler.on(GetScheduleCommand).rejects(error);
    await expect(watchdog.frozen('checkout--r1--1')).rejects.toMatchObject({ code: 'Unavailable' });
  });
});

describe('over the wire', () => {
  test('entries are sent with times in seconds, and a conflict leads to an update', async () => {
    const { config, sent } = stubbed(refusal(409, 'ConflictException'), { body: '{}' });
    await schedulerWatchdog(new SchedulerClient(config), TARGETS).arm(frozen);
    expect(sent.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'POST /schedules/checkout--r1--1',
      'PUT /schedules/checkout--r1--1',
      'POST /schedules/checkout--r1--1-end',
    ]);
    expect(sent[1]?.body).toMatchObject({
      GroupName: 'spillway',
      ScheduleExpression: 'rate(2 minutes)',
      StartDate: recurring.StartDate.getTime() / 1000,
      Target: { Input: JSON.stringify(frozen) },
    });
    expect(sent[2]?.body).toMatchObject({
      ActionAfterCompletion: 'DELETE',
      ScheduleExpression: 'at(2026-01-06T09:00:00)',
    });
  });

  test('an entry that is gone comes back as nothing', async () => {
    const { config, sent } = stubbed(refusal(404, 'ResourceNotFoundException'));
    const armed = schedulerWatchdog(new SchedulerClient(config), TARGETS);
    expect(await armed.frozen('checkout--r1--1')).toBeUndefined();
    await armed.disarm('checkout--r1--1');
    expect(sent.map(({ method, query }) => [method, query.groupName])).toEqual([
      ['GET', 'spillway'],
      ['DELETE', 'spillway'],
      ['DELETE', 'spillway'],
    ]);
  });
});
