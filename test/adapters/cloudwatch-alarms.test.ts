import { CloudWatchClient, DescribeAlarmsCommand, type MetricAlarm } from '@aws-sdk/client-cloudwatch';
import { mockClient } from 'aws-sdk-client-mock';
import 'aws-sdk-client-mock-vitest/extend';
import { beforeEach, describe, expect, test } from 'vitest';
import { cloudwatchAlarms } from '../../adapters/cloudwatch-alarms.ts';
import { FINAL, PASSING, refusal, stubbed } from './stub.ts';

const client = new CloudWatchClient({ region: 'eu-west-1' });
const cloudwatch = mockClient(client);
const source = cloudwatchAlarms(client);
const AT = new Date('2026-01-05T09:00:00Z');
const metric = (changes: Partial<MetricAlarm>): MetricAlarm => ({
  AlarmName: 'a',
  StateValue: 'OK',
  StateUpdatedTimestamp: new Date(0),
  StateTransitionedTimestamp: AT,
  ...changes,
});

beforeEach(() => void cloudwatch.reset());

describe('DescribeAlarms', () => {
  test('is asked by name for both types: left out, composite alarms would be missing in silence', async () => {
    cloudwatch.on(DescribeAlarmsCommand).resolves({});
    await source.read(['a', 'b']);
    expect(cloudwatch.commandCalls(DescribeAlarmsCommand).map(({ args }) => args[0].input)).toEqual([
      { AlarmNames: ['a', 'b'], AlarmTypes: ['MetricAlarm', 'CompositeAlarm'], MaxRecords: 100 },
    ]);
  });

  test('is asked for a hundred names at a time', async () => {
    cloudwatch.on(DescribeAlarmsCommand).resolves({});
    await source.read(Array.from({ length: 201 }, (_, index) => `alarm ${index}`));
    const sizes = cloudwatch
      .commandCalls(DescribeAlarmsCommand)
      .map(({ args }) => args[0].input.AlarmNames?.length);
    expect(sizes).toEqual([100, 100, 1]);
  });

  test.each(['PARTIAL_DATA', 'EVALUATION_ERROR', 'EVALUATION_FAILURE'] as const)(
    'that says %s makes an alarm unknown, whatever state it shows',
    async (EvaluationState) => {
      for (const StateValue of ['OK', 'ALARM', 'INSUFFICIENT_DATA'] as const) {
        cloudwatch
          .on(DescribeAlarmsCommand)
          .resolves({ MetricAlarms: [metric({ StateValue, EvaluationState })] });
        expect(await source.read(['a'])).toEqual([{ name: 'a', state: 'unknown', since: AT.getTime() }]);
      }
    },
  );

  test('that shows a state nobody knows makes an alarm unknown', async () => {
    cloudwatch.on(DescribeAlarmsCommand).resolves({ MetricAlarms: [metric({ StateValue: 'NEW' as 'OK' })] });
    expect(await source.read(['a'])).toMatchObject([{ state: 'unknown' }]);
  });

  test('tells the change of state apart from later updates of its reason', async () => {
    cloudwatch.on(DescribeAlarmsCommand).resolves({
      MetricAlarms: [metric({ StateUpdatedTimestamp: new Date(AT.getTime() + 90_000) })],
      CompositeAlarms: [{ AlarmName: 'b', StateValue: 'ALARM', StateUpdatedTimestamp: AT }],
    });
    expect(await source.read(['a', 'b'])).toEqual([
      { name: 'a', state: 'ok', since: AT.getTime() },
      { name: 'b', state: 'alarm', since: AT.getTime() },
    ]);
  });

  test.each(PASSING)('that meets %s is Unavailable', async (_what, error) => {
    cloudwatch.on(DescribeAlarmsCommand).rejects(error);
    await expect(source.read(['a'])).rejects.toMatchObject({ code: 'Unavailable' });
  });

  test.each(FINAL)('that meets %s fails with that same error', async (_what, error) => {
    cloudwatch.on(DescribeAlarmsCommand).rejects(error);
    await expect(source.read(['a'])).rejects.toBe(error);
  });
});

describe('over the wire', () => {
  test('the question is sent whole and states come back with their time', async () => {
    const alarm = { AlarmName: 'a', StateValue: 'ALARM', StateTransitionedTimestamp: AT.getTime() / 1000 };
    const { config, sent } = stubbed({
      body: JSON.stringify({ MetricAlarms: [alarm], CompositeAlarms: [] }),
    });
    expect(await cloudwatchAlarms(new CloudWatchClient(config)).read(['a'])).toEqual([
      { name: 'a', state: 'alarm', since: AT.getTime() },
    ]);
    expect(sent[0]?.headers['x-amz-target']).toMatch(/DescribeAlarms$/);
    expect(sent[0]?.body).toEqual({
      AlarmNames: ['a'],
      AlarmTypes: ['MetricAlarm', 'CompositeAlarm'],
      MaxRecords: 100,
    });
  });

  test('a server fault is Unavailable', async () => {
    const { config } = stubbed(refusal(500, 'InternalServiceFault'));
    await expect(cloudwatchAlarms(new CloudWatchClient(config)).read(['a'])).rejects.toMatchObject({
      code: 'Unavailable',
    });
  });
});
