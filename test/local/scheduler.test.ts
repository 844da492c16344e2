import {
  ConflictException,
  CreateScheduleCommand,
  type CreateScheduleCommandInput,
  DeleteScheduleCommand,
  GetScheduleCommand,
  ResourceNotFoundException,
  SchedulerClient,
  UpdateScheduleCommand,
} from '@aws-sdk/client-scheduler';
import { describe, expect, test } from 'vitest';
import { virtualClock } from '../../local/clock.ts';
import { attach } from '../../local/sdk.ts';
import { type ScheduleTarget, SimulatedScheduler } from '../../local/services/scheduler.ts';

const START = Date.UTC(2026, 0, 5, 9);
const MINUTE = 60_000;
const at = (minutes: number) => new Date(START + minutes * MINUTE);

const SCHEDULE: CreateScheduleCommandInput = {
  Name: 'rollout-1-watchdog',
  ScheduleExpression: 'rate(2 minutes)',
  FlexibleTimeWindow: { Mode: 'OFF' },
  Target: {
    Arn: 'arn:aws:lambda:eu-west-1:123456789012:function:watchdog',
    RoleArn: 'arn:aws:iam::123456789012:role/s',
    Input: '{"n":1}',
  },
};
const NAME = { Name: SCHEDULE.Name };

function world(invoke: (target: ScheduleTarget) => Promise<void> = async () => {}) {
  const clock = virtualClock(START);
  const fired: [minute: number, input: string][] = [];
  const scheduler = new SimulatedScheduler({
    clock,
    region: 'eu-west-1',
    account: '123456789012',
    invoke: async (target) => {
      fired.push([(clock.now() - START) / MINUTE, target.Input]);
      await invoke(target);
    },
  });
  const credentials = { accessKeyId: 'simulated', secretAccessKey: 'simulated' };
  const client = new SchedulerClient({ region: 'eu-west-1', credentials, cacheMiddleware: true });
  attach(client, scheduler.operations, { clock });
  const create = (change: Partial<CreateScheduleCommandInput> = {}) =>
    client.send(new CreateScheduleCommand({ ...SCHEDULE, ...change }));
  const minutes = () => fired.map(([minute]) => minute);
  return { clock, client, create, fired, minutes, scheduler };
}

describe('times', () => {
  test('a rate fires at once and then at its interval, until its end', async () => {
    const { clock, create, minutes } = world();
    await create({ EndDate: at(7) });
    await clock.advance(60 * MINUTE);
    expect(minutes()).toEqual([0, 2, 4, 6]);
  });

  test('a rate with a start date first fires then', async () => {
    const { clock, create, minutes } = world();
    await create({ StartDate: at(3), EndDate: at(8) });
    await clock.advance(60 * MINUTE);
    expect(minutes()).toEqual([3, 5, 7]);
  });

  test('a schedule fires on a whole minute, up to a minute late, and does not drift', async () => {
    const { clock, create, minutes } = world();
    await clock.advance(20_000);
    await create({ EndDate: at(6) });
    await clock.advance(60 * MINUTE);
    expect(minutes()).toEqual([1, 3, 5]);
  });

  test('a one-time schedule fires once, within a minute of its time, and is deleted if it says so', async () => {
    const { clock, client, create, fired } = world();
    await create({ ScheduleExpression: 'at(2026-01-05T09:10:30)', ActionAfterCompletion: 'DELETE' });
    await clock.advance(10 * MINUTE);
    expect(fired).toEqual([]);
    await clock.advance(60 * MINUTE);
    expect(fired).toEqual([[11, '{"n":1}']]);
    await expect(client.send(new GetScheduleCommand(NAME))).rejects.toBeInstanceOf(ResourceNotFoundException);
  });

  test('a one-time schedule stays after it fired where nothing else was said', async () => {
    const { clock, client, create } = world();
    await create({ ScheduleExpression: 'at(2026-01-05T09:10:00)' });
    await clock.advance(60 * MINUTE);
    expect(await client.send(new GetScheduleCommand(NAME))).toMatchObject({ ActionAfterCompletion: 'NONE' });
  });

  test('a rate that is to be deleted after completion is gone after its last firing', async () => {
    const { clock, client, create, minutes } = world();
    await create({ EndDate: at(3), ActionAfterCompletion: 'DELETE' });
    await clock.advance(MINUTE);
    await client.send(new GetScheduleCommand(NAME));
    await clock.advance(2 * MINUTE);
    await expect(client.send(new GetScheduleCommand(NAME))).rejects.toThrow('does not exist');
    expect(minutes()).toEqual([0, 2]);
  });

  test('a disabled schedule does not fire until it is enabled', async () => {
    const { clock, client, create, minutes } = world();
    await create({ State: 'DISABLED', EndDate: at(14) });
    await clock.advance(10 * MINUTE);
    expect(minutes()).toEqual([]);
    await client.send(new UpdateScheduleCommand({ ...SCHEDULE, EndDate: at(14) }));
    await clock.advance(10 * MINUTE);
    expect(minutes()).toEqual([12, 14]);
  });

  test('once it is deleted nothing waits any more', async () => {
    const { clock, client, create, minutes } = world(async () => {
      throw new Error('busy');
    });
    await create();
    await clock.advance(3 * MINUTE);
    const before = minutes().length;
    await client.send(new DeleteScheduleCommand(NAME));
    await expect(clock.run(new Promise(() => {}))).rejects.toThrow('The world stands still');
    expect(minutes()).toHaveLength(before);
  });
});

describe('delivery', () => {
  test('a failing invoke is tried twice more and then given up', async () => {
    const { clock, create, minutes, scheduler } = world(async () => {
      throw new Error('busy');
    });
    await create({ ScheduleExpression: 'at(2026-01-05T09:10:00)', ActionAfterCompletion: 'DELETE' });
    await clock.advance(60 * MINUTE);
    expect(minutes()).toEqual([10, 11, 12]);
    expect(scheduler.deadLetters).toMatchObject([
      { schedule: 'rollout-1-watchdog', target: { Input: '{"n":1}' } },
    ]);
  });

  test('a retry policy of none is kept', async () => {
    const { clock, create, minutes } = world(async () => {
      throw new Error('busy');
    });
    const Target = {
      ...SCHEDULE.Target,
      RetryPolicy: { MaximumRetryAttempts: 0 },
    } as CreateScheduleCommandInput['Target'];
    await create({ ScheduleExpression: 'at(2026-01-05T09:10:00)', Target });
    await clock.advance(60 * MINUTE);
    expect(minutes()).toEqual([10]);
  });
});

describe('calls', () => {
  test('a schedule is read back as it was made', async () => {
    const { client, create } = world();
    const { ScheduleArn } = await create({ GroupName: 'spillway', EndDate: at(60) });
    expect(ScheduleArn).toBe('arn:aws:scheduler:eu-west-1:123456789012:schedule/spillway/rollout-1-watchdog');
    const found = await client.send(new GetScheduleCommand({ ...NAME, GroupName: 'spillway' }));
    expect(found).toMatchObject({
      ...SCHEDULE,
      Arn: ScheduleArn,
      State: 'ENABLED',
      CreationDate: at(0),
      EndDate: at(60),
    });
    await expect(client.send(new GetScheduleCommand(NAME))).rejects.toThrow('does not exist');
  });

  test('a name that exists is a conflict, unless the same call is repeated', async () => {
    const { client, create } = world();
    const first = await create({ ClientToken: 'a' });
    expect((await create({ ClientToken: 'a' })).ScheduleArn).toBe(first.ScheduleArn);
    const conflict = await create({ ClientToken: 'b' }).catch((error) => error);
    expect(conflict).toBeInstanceOf(ConflictException);
    expect(conflict.$metadata.httpStatusCode).toBe(409);
    await client.send(new DeleteScheduleCommand(NAME));
    await create();
  });

  test('an update replaces everything, keeps the rhythm and does not fire at once', async () => {
    const { clock, client, create, fired } = world();
    await create({ EndDate: at(60), Description: 'old', ActionAfterCompletion: 'DELETE' });
    await clock.advance(4 * MINUTE);
    const Target = { ...SCHEDULE.Target, Input: '{"n":2}' } as CreateScheduleCommandInput['Target'];
    await client.send(new UpdateScheduleCommand({ ...SCHEDULE, Target, EndDate: at(9) }));
    const found = await client.send(new GetScheduleCommand(NAME));
    expect(found).toMatchObject({
      ActionAfterCompletion: 'NONE',
      LastModificationDate: at(4),
      CreationDate: at(0),
    });
    expect(found.Description).toBeUndefined();
    await clock.advance(60 * MINUTE);
    expect(fired).toEqual([
      [0, '{"n":1}'],
      [2, '{"n":1}'],
      [4, '{"n":1}'],
      [6, '{"n":2}'],
      [8, '{"n":2}'],
    ]);
  });

  test('what is missing or wrong is refused', async () => {
    const { client, create } = world();
    await expect(create({ Name: 'a b' })).rejects.toMatchObject({ name: 'ValidationException' });
    await expect(create({ Name: 'a'.repeat(65) })).rejects.toMatchObject({ name: 'ValidationException' });
    await expect(create({ ScheduleExpression: 'rate(0 minutes)' })).rejects.toThrow(
      'Invalid Schedule Expression',
    );
    await expect(create({ ScheduleExpression: 'at(2026-01-05T09:10:00Z)' })).rejects.toThrow(
      'Invalid Schedule Expression',
    );
    await expect(create({ StartDate: at(-6) })).rejects.toThrow('5 minutes ago');
    await create();
    for (const field of ['ScheduleExpression', 'Target', 'FlexibleTimeWindow']) {
      const update = new UpdateScheduleCommand({ ...SCHEDULE, [field]: undefined });
      await expect(client.send(update)).rejects.toMatchObject({ name: 'ValidationException' });
    }
  });

  test('what is not simulated is refused', async () => {
    const { create } = world();
    await expect(
      create({ FlexibleTimeWindow: { Mode: 'FLEXIBLE', MaximumWindowInMinutes: 5 } }),
    ).rejects.toThrow('not simulated');
    await expect(create({ ScheduleExpressionTimezone: 'Europe/Berlin' })).rejects.toThrow('not simulated');
    await expect(create({ KmsKeyArn: 'arn' })).rejects.toThrow('KmsKeyArn');
    const Target = { ...SCHEDULE.Target, SqsParameters: {} } as CreateScheduleCommandInput['Target'];
    await expect(create({ Target })).rejects.toThrow('SqsParameters');
  });

  test('an unknown schedule can be neither updated nor deleted', async () => {
    const { client } = world();
    await expect(client.send(new UpdateScheduleCommand(SCHEDULE))).rejects.toBeInstanceOf(
      ResourceNotFoundException,
    );
    await expect(client.send(new DeleteScheduleCommand(NAME))).rejects.toBeInstanceOf(
      ResourceNotFoundException,
    );
  });
});
