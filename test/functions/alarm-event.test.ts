import { expect, test } from 'vitest';
import { alarmEvent } from '../../functions/alarm-event.ts';
import type { Stage } from '../controller/set-up.ts';
import { FIRST, setUp } from '../controller/set-up.ts';

const ALARM = 'orders-too-low';

/** As CloudWatch writes it: `+0000`, where other events say `Z`. */
const timestamp = (at: number) => new Date(at).toISOString().replace('Z', '+0000');

const eventOf = (alarmName: string, at: number | string, value = 'ALARM', before = 'OK') => ({
  version: '0',
  source: 'aws.cloudwatch',
  detail: {
    alarmName,
    state: { value, timestamp: typeof at === 'number' ? timestamp(at) : at, reason: 'Threshold Crossed' },
    previousState: { value: before },
  },
});

/** A rollout at 10 % that watches the alarm, with a hold that waits. */
async function watching(): Promise<Stage> {
  const stage = setUp({ rollout: { alarms: [ALARM] } });
  const operations = stage.scenario.cloudwatch.operations;
  const watch = {
    Namespace: 'Shop',
    MetricName: 'Orders',
    Statistic: 'Sum',
    Period: 60,
    EvaluationPeriods: 1,
  };
  await operations.PutMetricAlarmCommand?.({
    AlarmName: ALARM,
    ...watch,
    Threshold: 1,
    ComparisonOperator: 'LessThanThreshold',
  } as never);
  await stage.openRaised();
  await stage.clock.advance(60_000);
  const { version } = await stage.rollout();
  await stage.ports.journal.putToken(FIRST, { version, token: 'hold' });
  return stage;
}

test('an event of an alarm that was red before it is no change, as if its data become partial', async () => {
  const stage = await watching();
  expect(await stage.call(alarmEvent, eventOf(ALARM, stage.clock.now(), 'ALARM', 'ALARM'))).toEqual({
    told: [],
  });
});

test('an alarm that went off after the first raise orders a revert and wakes the hold', async () => {
  const stage = await watching();
  const since = stage.clock.now() - 5000;
  expect(await stage.call(alarmEvent, eventOf(ALARM, since))).toEqual({ told: [FIRST] });
  expect((await stage.ports.journal.events(FIRST)).at(-2)).toMatchObject({
    type: 'AlarmRaised',
    alarm: ALARM,
    since,
  });
  expect((await stage.rollout()).leaving).toMatchObject({
    cause: 'environment',
    reason: `alarm ${ALARM} went off`,
  });
  expect(stage.woken).toEqual(['hold']);
});

test.each([
  ['2026-01-05T09:15:30.250+0000', Date.UTC(2026, 0, 5, 9, 15, 30, 250)],
  ['2026-01-05T09:15:30.250Z', Date.UTC(2026, 0, 5, 9, 15, 30, 250)],
  ['2026-01-05T09:15:30+0000', Date.UTC(2026, 0, 5, 9, 15, 30)],
  ['2026-01-05T10:15:30.000+0100', Date.UTC(2026, 0, 5, 9, 15, 30)],
  ['2026-01-05T04:15:30.000-0500', Date.UTC(2026, 0, 5, 9, 15, 30)],
  ['2026-01-05T10:15:30.000+01:00', Date.UTC(2026, 0, 5, 9, 15, 30)],
])('the time %s is read to the millisecond', async (written, since) => {
  const stage = await watching();
  await stage.call(alarmEvent, eventOf(ALARM, written));
  expect((await stage.ports.journal.events(FIRST)).find(({ type }) => type === 'AlarmRaised')).toMatchObject({
    since,
  });
});

test('an alarm that went off before the first raise is noted, and not held against the canary', async () => {
  const stage = await watching();
  const raisedAt = (await stage.rollout()).raisedAt ?? 0;
  await stage.call(alarmEvent, eventOf(ALARM, raisedAt - 1));
  expect((await stage.history()).at(-1)).toBe('AlarmRaised');
  expect((await stage.rollout()).leaving).toBeUndefined();
});

test.each(['OK', 'INSUFFICIENT_DATA'])('a change to %s tells nobody', async (value) => {
  const stage = await watching();
  const before = await stage.history();
  expect(await stage.call(alarmEvent, eventOf(ALARM, stage.clock.now(), value))).toEqual({ told: [] });
  expect(await stage.history()).toEqual(before);
  expect(stage.woken).toEqual([]);
});

test('an alarm that no rollout names tells nobody', async () => {
  const stage = await watching();
  const before = await stage.history();
  expect(await stage.call(alarmEvent, eventOf('another', stage.clock.now()))).toEqual({ told: [] });
  expect(await stage.history()).toEqual(before);
});

test('a rollout that has ended hears no more of it', async () => {
  const stage = await watching();
  const at = stage.clock.now();
  const closed = { type: 'RolloutClosed' as const, at, outcome: 'completed' as const, reason: 'proven' };
  await stage.ports.journal.append(await stage.rollout(), [closed]);
  expect(await stage.call(alarmEvent, eventOf(ALARM, at))).toEqual({ told: [] });
});

test('the same event twice orders one revert', async () => {
  const stage = await watching();
  const event = eventOf(ALARM, stage.clock.now());
  for (let times = 0; times < 2; times++) await stage.call(alarmEvent, event);
  expect((await stage.history()).filter((type) => type === 'RevertOrdered')).toHaveLength(1);
});

test.each(['yesterday', '', '1', '2026-13-05T09:15:30Z', '2026-01-05'])(
  'a time that cannot be read, like %j, is that of the event: the canary is reverted',
  async (written) => {
    const stage = await watching();
    await stage.call(alarmEvent, eventOf(ALARM, written));
    const since = stage.clock.now();
    expect((await stage.ports.journal.events(FIRST)).at(-2)).toMatchObject({ type: 'AlarmRaised', since });
    expect((await stage.rollout()).leaving).toMatchObject({ cause: 'environment' });
  },
);
