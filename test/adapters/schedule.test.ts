import { CreateScheduleCommand, SchedulerClient, UpdateScheduleCommand } from '@aws-sdk/client-scheduler';
import { mockClient } from 'aws-sdk-client-mock';
import 'aws-sdk-client-mock-vitest/extend';
import { beforeEach, expect, test } from 'vitest';
import { schedulerAgenda } from '../../adapters/scheduler-agenda.ts';

const client = new SchedulerClient({ region: 'eu-west-1' });
const scheduler = mockClient(client);
const agenda = schedulerAgenda(
  client,
  { functionArn: 'arn:f', roleArn: 'arn:r', groupName: 'spillway' },
  { now: () => Date.UTC(2026, 0, 5, 9), sleep: async () => {} },
);

const refused = (name: string, httpStatusCode: number) =>
  Object.assign(new Error(name), { name, $metadata: { httpStatusCode } });
const CONFLICT = refused('ConflictException', 409);
const MISSING = refused('ResourceNotFoundException', 404);

beforeEach(() => void scheduler.reset());

test('an entry that fires and goes between the two calls is made again', async () => {
  scheduler.on(CreateScheduleCommand).rejectsOnce(CONFLICT).resolves({ ScheduleArn: 'arn:s' });
  scheduler.on(UpdateScheduleCommand).rejects(MISSING);
  await agenda.wake({ rolloutId: 'checkout--r1--1' }, Date.UTC(2026, 0, 5, 10));
  expect(scheduler).toHaveReceivedCommandTimes(CreateScheduleCommand, 2);
});

test('one that others make and delete all the time is unavailable', async () => {
  scheduler.on(CreateScheduleCommand).rejects(CONFLICT);
  scheduler.on(UpdateScheduleCommand).rejects(MISSING);
  await expect(agenda.wake({ rolloutId: 'checkout--r1--1' }, Date.UTC(2026, 0, 5, 10))).rejects.toMatchObject(
    {
      code: 'Unavailable',
    },
  );
});
