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
    expect(cloudwatch.commandCalls(DescribeAlarmsCommand)[0]?.args[0].input).toEqual({
      AlarmNames: ['a', 'b'],
      AlarmTypes: ['MetricAlarm', 'CompositeAlarm'],
      MaxRecords: 100,
    });
  });

  test('is asked for a hundred names at a time', async () => {
    const names = Array.from({ length: 201 }, (_, index) => `alarm ${index}`);
    cloudwatch.on(DescribeAlarmsCommand).callsFake(({ AlarmNames = [] }: { AlarmNames?: string[] }) => ({
      MetricAlarms: AlarmNames.map((AlarmName) => metric({ AlarmName })),
    }));
    await source.read(names);
    const sizes = cloudwatch
      .commandCalls(DescribeAlarmsCommand)
      .map(({ args }) => args[0].input.AlarmNames?.length);
    expect(sizes).toEqual([100, 100, 1]);
  });

  test.each([
    ['PARTIAL_DATA', 'ok', 'alarm', 'insufficient'],
    ['IN_WARM_UP', 'ok', 'alarm', 'insufficient'],
    ['EVALUATION_ERROR', 'unknown', 'alarm', 'unknown'],
    ['EVALUATION_FAILURE', 'unknown', 'alarm', 'unknown'],
  ])('that says %s makes OK %s, ALARM %s and INSUFFICIENT_DATA %s', async (evaluation, ...expected) => {
    const states: (string | undefined)[] = [];
    for (const StateValue of ['OK', 'ALARM', 'INSUFFICIENT_DATA'] as const) {
      const alarm = metric({ StateValue, EvaluationState: evaluation as 'PARTIAL_DATA' });
      cloudwatch.on(DescribeAlarmsCommand).resolves({ MetricAlarms: [alarm] });
      states.push((await source.read(['a']))[0]?.state);
    }
    expect(states).toEqual(expected);
  });

  test.each([
    ['its period times its evaluation periods', { Period: 300, EvaluationPeriods: 3 }, 900],
    [
      'the longest period of its metrics',
      {
        EvaluationPeriods: 2,
        Metrics: [
          { Id: 'a', MetricStat: { Metric: {}, Period: 60, Stat: 'Sum' } },
          { Id: 'b', MetricStat: { Metric: {}, Period: 120, Stat: 'Sum' } },
        ],
      },
      240,
    ],
    ['nothing that CloudWatch does not say', {}, undefined],
  ])('looks at as much data as %s', async (_, more, expected) => {
    cloudwatch.on(DescribeAlarmsCommand).resolves({ MetricAlarms: [metric(more)] });
    expect((await source.read(['a']))[0]?.spanSeconds).toBe(expected);
  });

  const ofLogs = { AlarmNames: ['b'], AlarmTypes: ['LogAlarm' as const], MaxRecords: 100 };

  test('is asked for log alarms if a name is no other alarm, and only then', async () => {
    cloudwatch.on(DescribeAlarmsCommand).resolves({ MetricAlarms: [metric({})] });
    cloudwatch.on(DescribeAlarmsCommand, ofLogs).resolves({
      LogAlarms: [{ AlarmName: 'b', StateValue: 'ALARM', StateTransitionedTimestamp: AT }],
    });
    expect(await source.read(['a', 'b'])).toEqual([
      { name: 'a', state: 'ok', since: AT.getTime() },
      { name: 'b', state: 'alarm', since: AT.getTime() },
    ]);
    await source.read(['a']);
    expect(cloudwatch.commandCalls(DescribeAlarmsCommand)).toHaveLength(3);
  });

  test('for log alarms in a Region that does not know them finds none', async () => {
    cloudwatch.on(DescribeAlarmsCommand).resolves({});
    cloudwatch.on(DescribeAlarmsCommand, ofLogs).rejects(
      Object.assign(new Error('AlarmTypes'), {
        name: 'ValidationError',
        $metadata: { httpStatusCode: 400 },
      }),
    );
    expect(await source.read(['b'])).toEqual([]);
  });

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
