import {
  CloudWatchClient,
  DeleteAlarmsCommand,
  DescribeAlarmsCommand,
  GetMetricDataCommand,
  type MetricDataQuery,
  PutCompositeAlarmCommand,
  PutMetricAlarmCommand,
  type PutMetricAlarmCommandInput,
  SetAlarmStateCommand,
} from '@aws-sdk/client-cloudwatch';
import { describe, expect, test } from 'vitest';
import { virtualClock } from '../../local/clock.ts';
import { attach } from '../../local/sdk.ts';
import { SimulatedCloudWatch } from '../../local/services/cloudwatch.ts';
import type { AwsEvent } from '../../local/services/eventbridge.ts';

const START = Date.UTC(2026, 0, 5, 9);
const MINUTE = 60_000;
const BY_VERSION = { FunctionName: 'api', Resource: 'api:live', ExecutedVersion: '2' };
const run = {
  functionName: 'api',
  alias: 'live',
  version: '2',
  durationMs: 80,
  error: false,
  throttled: false,
  logs: [],
};

function world() {
  const clock = virtualClock(START);
  const events: AwsEvent[] = [];
  const cloudwatch = new SimulatedCloudWatch({
    clock,
    region: 'eu-west-1',
    account: '123456789012',
    emissionDelayMs: () => 30_000,
    onAlarm: (event) => events.push(event),
  });
  const client = new CloudWatchClient({
    region: 'eu-west-1',
    credentials: { accessKeyId: 'simulated', secretAccessKey: 'simulated' },
    cacheMiddleware: true,
  });
  attach(client, cloudwatch.operations, { clock });
  const read = async (query: MetricDataQuery, from = START, to = START + 10 * MINUTE) => {
    const answer = await client.send(
      new GetMetricDataCommand({
        MetricDataQueries: [query],
        StartTime: new Date(from),
        EndTime: new Date(to),
        ScanBy: 'TimestampAscending',
      }),
    );
    const [result] = answer.MetricDataResults ?? [];
    return result?.Timestamps?.map((time, at) => [(time.getTime() - START) / MINUTE, result.Values?.[at]]);
  };
  const states = async (...names: string[]) => {
    const types = ['MetricAlarm', 'CompositeAlarm'] as const;
    const answer = await client.send(
      new DescribeAlarmsCommand({ AlarmNames: names, AlarmTypes: [...types] }),
    );
    const alarms = [...(answer.MetricAlarms ?? []), ...(answer.CompositeAlarms ?? [])];
    return Object.fromEntries(alarms.map(({ AlarmName, StateValue }) => [AlarmName, StateValue]));
  };
  return { clock, cloudwatch, client, events, read, states };
}

function query(name: string, stat = 'Sum', dimensions: Record<string, string> = BY_VERSION): MetricDataQuery {
  const Dimensions = Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value }));
  const Namespace = ['Responses', 'Faults'].includes(name) ? 'Spillway' : 'AWS/Lambda';
  return {
    Id: 'q',
    MetricStat: { Metric: { Namespace, MetricName: name, Dimensions }, Period: 60, Stat: stat },
  };
}

describe('metrics', () => {
  test('a count belongs to the minute of its invocation and is seen only after the emission delay', async () => {
    const { clock, cloudwatch, read } = world();
    await clock.advance(50_000);
    cloudwatch.invocation({ ...run, at: START + 20_000, durationMs: 30_000, error: true });
    expect(await read(query('Errors'))).toEqual([]);
    await clock.advance(29_000);
    expect(await read(query('Errors'))).toEqual([]);
    await clock.advance(1_000);
    expect(await read(query('Errors'))).toEqual([[0, 1]]);
  });

  test('a late failure changes a minute that was read before', async () => {
    const { clock, cloudwatch, read } = world();
    cloudwatch.invocation({ ...run, at: START });
    cloudwatch.invocation({ ...run, at: START + 1000, durationMs: 300_000, error: true });
    await clock.advance(120_000);
    expect(await read(query('Errors'))).toEqual([[0, 0]]);
    await clock.advance(240_000);
    expect(await read(query('Errors'))).toEqual([[0, 1]]);
  });

  test('a minute without traffic has no datapoint, and one with good traffic has zero errors', async () => {
    const { clock, cloudwatch, read } = world();
    cloudwatch.invocation({ ...run, at: START + MINUTE });
    cloudwatch.invocation({ ...run, at: START + 3 * MINUTE });
    await clock.advance(5 * MINUTE);
    expect(await read(query('Errors'))).toEqual([
      [1, 0],
      [3, 0],
    ]);
  });

  test('throttled requests are neither invocations nor errors', async () => {
    const { clock, cloudwatch, read } = world();
    cloudwatch.invocation({ ...run, at: START, throttled: true, error: true, durationMs: 0 });
    await clock.advance(5 * MINUTE);
    expect(await read(query('Invocations'))).toEqual([]);
    expect(await read(query('Errors'))).toEqual([]);
    expect(await read(query('Throttles'))).toEqual([[0, 1]]);
  });

  test('each set of dimensions is a metric of its own', async () => {
    const { clock, cloudwatch, read } = world();
    cloudwatch.invocation({ ...run, at: START, version: '1' });
    cloudwatch.invocation({ ...run, at: START, version: '2' });
    cloudwatch.invocation({ ...run, at: START, version: '2', alias: undefined });
    await clock.advance(5 * MINUTE);
    expect(await read(query('Invocations', 'Sum', { FunctionName: 'api' }))).toEqual([[0, 3]]);
    expect(await read(query('Invocations', 'Sum', { FunctionName: 'api', Resource: 'api:live' }))).toEqual([
      [0, 2],
    ]);
    expect(await read(query('Invocations', 'Sum', { FunctionName: 'api', Resource: 'api:2' }))).toEqual([
      [0, 1],
    ]);
    expect(await read(query('Invocations'))).toEqual([[0, 1]]);
  });

  test('durations are averaged, and the longest and their number are known', async () => {
    const { clock, cloudwatch, read } = world();
    for (const durationMs of [100, 200, 600]) cloudwatch.invocation({ ...run, at: START, durationMs });
    await clock.advance(5 * MINUTE);
    expect(await read(query('Duration', 'Average'))).toEqual([[0, 300]]);
    expect(await read(query('Duration', 'Maximum'))).toEqual([[0, 600]]);
    expect(await read(query('Duration', 'SampleCount'))).toEqual([[0, 3]]);
  });

  test('log lines in the embedded metric format become metrics of their own timestamp', async () => {
    const { clock, cloudwatch, read } = world();
    const line = JSON.stringify({
      _aws: {
        Timestamp: START + MINUTE,
        CloudWatchMetrics: [
          {
            Namespace: 'Spillway',
            Dimensions: [Object.keys(BY_VERSION)],
            Metrics: [{ Name: 'Responses' }, { Name: 'Faults' }],
          },
        ],
      },
      ...BY_VERSION,
      Responses: 1,
      Faults: [1, 0],
    });
    cloudwatch.invocation({ ...run, at: START, logs: ['START', '{"_aws": broken', line] });
    await clock.advance(5 * MINUTE);
    expect(await read(query('Responses'))).toEqual([[1, 1]]);
    expect(await read(query('Faults', 'SampleCount'))).toEqual([[1, 2]]);
  });

  test('counts of a minute are seen after the minute has ended', async () => {
    const { clock, cloudwatch, read } = world();
    cloudwatch.invocations({ ...run, minute: START, count: 40, errors: 3, faults: 2 });
    await clock.advance(89_000);
    expect(await read(query('Invocations'))).toEqual([]);
    await clock.advance(1_000);
    expect(await read(query('Invocations'))).toEqual([[0, 40]]);
    expect(await read(query('Errors'))).toEqual([[0, 3]]);
    expect(await read(query('Errors', 'SampleCount'))).toEqual([[0, 40]]);
    expect(await read(query('Responses'))).toEqual([[0, 40]]);
    expect(await read(query('Faults'))).toEqual([[0, 2]]);
  });

  test('the start is rounded down to the minute and the end is exclusive', async () => {
    const { clock, cloudwatch, read } = world();
    for (const minute of [0, 1, 2]) cloudwatch.invocation({ ...run, at: START + minute * MINUTE });
    await clock.advance(5 * MINUTE);
    expect(await read(query('Invocations'), START + 59_000, START + 2 * MINUTE)).toEqual([
      [0, 1],
      [1, 1],
    ]);
  });

  test('the newest datapoint comes first unless the other order is asked for', async () => {
    const { clock, cloudwatch, client } = world();
    for (const minute of [0, 1]) cloudwatch.invocation({ ...run, at: START + minute * MINUTE });
    await clock.advance(5 * MINUTE);
    const answer = await client.send(
      new GetMetricDataCommand({
        MetricDataQueries: [query('Invocations')],
        StartTime: new Date(START),
        EndTime: new Date(START + 10 * MINUTE),
      }),
    );
    expect(answer.MetricDataResults?.[0]).toMatchObject({
      Id: 'q',
      StatusCode: 'Complete',
      Timestamps: [new Date(START + MINUTE), new Date(START)],
    });
  });

  test('a query that is not simulated or not allowed is refused', async () => {
    const { read } = world();
    await expect(read({ Id: 'q', Expression: 'e / i' })).rejects.toThrow('Expression');
    await expect(read({ ...query('Errors'), Id: 'Q' })).rejects.toThrow('must match');
    await expect(read(query('Errors', 'p95'))).rejects.toThrow('p95 is not simulated');
    await expect(read({ ...query('Errors'), ReturnData: false })).rejects.toThrow('At least one');
    const metric = query('Errors').MetricStat?.Metric;
    await expect(read({ Id: 'q', MetricStat: { Metric: metric, Period: 30, Stat: 'Sum' } })).rejects.toThrow(
      'multiple of 60',
    );
  });

  test('501 queries in one call are refused', async () => {
    const { client } = world();
    const MetricDataQueries = Array.from({ length: 501 }, (_, at) => ({ ...query('Errors'), Id: `q${at}` }));
    const times = { StartTime: new Date(START), EndTime: new Date(START + MINUTE) };
    await expect(client.send(new GetMetricDataCommand({ MetricDataQueries, ...times }))).rejects.toThrow(
      '501',
    );
  });
});

const ALARM: PutMetricAlarmCommandInput = {
  AlarmName: 'errors',
  Namespace: 'AWS/Lambda',
  MetricName: 'Errors',
  Dimensions: [{ Name: 'FunctionName', Value: 'api' }],
  Statistic: 'Sum',
  Period: 60,
  EvaluationPeriods: 3,
  Threshold: 0,
  ComparisonOperator: 'GreaterThanThreshold',
};

type World = ReturnType<typeof world>;

/** Puts one minute per sign, the newest last: X breaches, 0 does not, - is missing. The clock then stands after the last. */
async function draw({ cloudwatch, clock }: World, signs: string): Promise<void> {
  for (const [minute, sign] of [...signs.replaceAll(' ', '')].entries()) {
    if (sign === '-') continue;
    cloudwatch.put({
      namespace: 'AWS/Lambda',
      name: 'Errors',
      dimensions: { FunctionName: 'api' },
      timestamp: START + minute * MINUTE,
      value: sign === 'X' ? 1 : 0,
      availableAt: START,
    });
  }
  await clock.advance(5 * MINUTE);
}

async function stateAfter(
  signs: string,
  TreatMissingData: string,
  DatapointsToAlarm: number,
): Promise<string> {
  const at = world();
  await at.client.send(new PutMetricAlarmCommand({ ...ALARM, TreatMissingData, DatapointsToAlarm }));
  await at.client.send(
    new SetAlarmStateCommand({ AlarmName: 'errors', StateValue: 'OK', StateReason: 'test' }),
  );
  await draw(at, signs);
  at.events.length = 0;
  at.cloudwatch.evaluate();
  const { errors = 'none' } = await at.states('errors');
  return errors;
}

describe('alarms', () => {
  const INSUFFICIENT = 'INSUFFICIENT_DATA';
  // The tables of the CloudWatch user guide, "Configuring how alarms treat missing data"; the state before is OK.
  test.each([
    // signs, datapoints to alarm, missing, ignore, breaching, notBreaching
    ['0 - X - X', 3, 'OK', 'OK', 'OK', 'OK'],
    ['0 - - - -', 3, 'OK', 'OK', 'OK', 'OK'],
    ['- - - - -', 3, INSUFFICIENT, 'OK', 'ALARM', 'OK'],
    ['0 X X - X', 3, 'ALARM', 'ALARM', 'ALARM', 'ALARM'],
    ['- - X - -', 3, 'ALARM', 'OK', 'ALARM', 'OK'],
    ['- - - - X', 3, 'OK', 'OK', 'ALARM', 'OK'],
    ['- - - X -', 3, 'OK', 'OK', 'ALARM', 'OK'],
    ['0 - X - X', 2, 'ALARM', 'ALARM', 'ALARM', 'ALARM'],
    ['0 0 X 0 X', 2, 'ALARM', 'ALARM', 'ALARM', 'ALARM'],
    ['0 - X - -', 2, 'OK', 'OK', 'ALARM', 'OK'],
    ['- - - - 0', 2, 'OK', 'OK', 'ALARM', 'OK'],
    ['- - - X -', 2, 'ALARM', 'OK', 'ALARM', 'OK'],
  ])('%s with %i of 3 gives the state that the user guide says', async (signs, toAlarm, ...expected) => {
    const treatments = ['missing', 'ignore', 'breaching', 'notBreaching'];
    const states = await Promise.all(treatments.map((treatment) => stateAfter(signs, treatment, toAlarm)));
    expect(states).toEqual(expected);
  });

  test('a new alarm has insufficient data, and an ignored gap keeps the state it had', async () => {
    const at = world();
    await at.client.send(new PutMetricAlarmCommand({ ...ALARM, TreatMissingData: 'ignore' }));
    expect(await at.states('errors')).toEqual({ errors: 'INSUFFICIENT_DATA' });
    await draw(at, 'XXX--');
    at.cloudwatch.evaluate();
    expect(await at.states('errors')).toEqual({ errors: 'ALARM' });
    await at.clock.advance(30 * MINUTE);
    at.cloudwatch.evaluate();
    expect(await at.states('errors')).toEqual({ errors: 'ALARM' });
    expect(at.events).toHaveLength(1);
  });

  test('an alarm cannot see what has not been emitted yet', async () => {
    const at = world();
    await at.client.send(new PutMetricAlarmCommand({ ...ALARM, EvaluationPeriods: 1 }));
    at.cloudwatch.invocation({ ...run, at: START + 59_000, durationMs: 0, error: true });
    await at.clock.advance(MINUTE);
    at.cloudwatch.evaluate();
    expect(await at.states('errors')).toEqual({ errors: 'INSUFFICIENT_DATA' });
    await at.clock.advance(MINUTE);
    at.cloudwatch.evaluate();
    expect(await at.states('errors')).toEqual({ errors: 'ALARM' });
  });

  test.each([
    ['--XXX', 3, ['4 1', '3 1', '2 1']],
    ['-X0X-', 2, ['3 1', '2 0']],
    ['----X', 3, ['4 1', '3', '2']],
  ])(
    '%s of %i shows the data points that it was evaluated on, newest first',
    async (signs, periods, points) => {
      const at = world();
      const input = {
        ...ALARM,
        EvaluationPeriods: periods,
        TreatMissingData: 'breaching',
        DatapointsToAlarm: 1,
      };
      await at.client.send(new PutMetricAlarmCommand(input));
      await draw(at, signs);
      at.cloudwatch.evaluate();
      const { MetricAlarms: [alarm] = [] } = await at.client.send(new DescribeAlarmsCommand({}));
      const { evaluatedDatapoints } = JSON.parse(alarm?.StateReasonData ?? '{}');
      expect(
        evaluatedDatapoints.map(({ timestamp, value }: { timestamp: string; value?: number }) =>
          [(Date.parse(timestamp.replace('+0000', 'Z')) - START) / MINUTE, value].join(' ').trim(),
        ),
      ).toEqual(points);
    },
  );

  test('a change of state is the event that EventBridge carries', async () => {
    const at = world();
    const AlarmDescription = 'Orders fail.';
    await at.client.send(new PutMetricAlarmCommand({ ...ALARM, AlarmDescription, EvaluationPeriods: 1 }));
    await draw(at, '----X');
    at.cloudwatch.evaluate();
    at.cloudwatch.evaluate();
    expect(at.events).toEqual([
      {
        version: '0',
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        'detail-type': 'CloudWatch Alarm State Change',
        source: 'aws.cloudwatch',
        account: '123456789012',
        time: '2026-01-05T09:05:00Z',
        region: 'eu-west-1',
        resources: ['arn:aws:cloudwatch:eu-west-1:123456789012:alarm:errors'],
        detail: {
          alarmName: 'errors',
          configuration: {
            description: 'Orders fail.',
            metrics: [
              {
                id: expect.any(String),
                metricStat: {
                  metric: { dimensions: { FunctionName: 'api' }, name: 'Errors', namespace: 'AWS/Lambda' },
                  period: 60,
                  stat: 'Sum',
                },
                returnData: true,
              },
            ],
          },
          previousState: {
            reason: expect.any(String),
            timestamp: '2026-01-05T09:00:00.000+0000',
            value: 'INSUFFICIENT_DATA',
          },
          state: {
            reason: expect.stringContaining('Threshold Crossed'),
            reasonData: expect.stringContaining('"recentDatapoints":[1],"threshold":0'),
            timestamp: '2026-01-05T09:05:00.000+0000',
            value: 'ALARM',
          },
        },
      },
    ]);
  });

  test('composite alarms are absent from DescribeAlarms unless their type is asked for', async () => {
    const { client } = world();
    await client.send(new PutMetricAlarmCommand(ALARM));
    await client.send(new PutCompositeAlarmCommand({ AlarmName: 'any', AlarmRule: 'ALARM(errors)' }));
    const names = { AlarmNames: ['errors', 'any', 'gone'] };
    const byDefault = await client.send(new DescribeAlarmsCommand(names));
    expect(byDefault.MetricAlarms?.map(({ AlarmName }) => AlarmName)).toEqual(['errors']);
    expect(byDefault.CompositeAlarms).toEqual([]);
    const asked = await client.send(new DescribeAlarmsCommand({ ...names, AlarmTypes: ['CompositeAlarm'] }));
    expect(asked.MetricAlarms).toEqual([]);
    expect(asked.CompositeAlarms?.map(({ AlarmName }) => AlarmName)).toEqual(['any']);
  });

  test('101 names in one DescribeAlarms are refused', async () => {
    const AlarmNames = Array.from({ length: 101 }, (_, at) => `a${at}`);
    await expect(world().client.send(new DescribeAlarmsCommand({ AlarmNames }))).rejects.toThrow(
      'at most 100',
    );
  });

  test('alarms come in pages', async () => {
    const { client } = world();
    for (const AlarmName of ['a', 'b', 'c'])
      await client.send(new PutMetricAlarmCommand({ ...ALARM, AlarmName }));
    const first = await client.send(new DescribeAlarmsCommand({ MaxRecords: 2 }));
    const second = await client.send(
      new DescribeAlarmsCommand({ MaxRecords: 2, NextToken: first.NextToken }),
    );
    const names = [first, second].map(({ MetricAlarms = [] }) =>
      MetricAlarms.map(({ AlarmName }) => AlarmName),
    );
    expect(names).toEqual([['a', 'b'], ['c']]);
    expect(second.NextToken).toBeUndefined();
  });

  test('a composite alarm follows its children, also through another composite', async () => {
    const at = world();
    const set = (AlarmName: string, StateValue: 'OK' | 'ALARM') =>
      at.client.send(new SetAlarmStateCommand({ AlarmName, StateValue, StateReason: 'test' }));
    for (const AlarmName of ['a', 'b', 'deploying'])
      await at.client.send(new PutMetricAlarmCommand({ ...ALARM, AlarmName }));
    const composite = (AlarmName: string, AlarmRule: string) =>
      at.client.send(new PutCompositeAlarmCommand({ AlarmName, AlarmRule }));
    await composite('inner', 'OK(a) AND ALARM("b") OR ALARM(a) AND NOT ALARM(deploying)');
    await composite('outer', "(ALARM('inner'))");
    await set('a', 'OK');
    expect(await at.states('inner', 'outer')).toEqual({ inner: 'OK', outer: 'OK' });
    at.events.length = 0;
    await set('b', 'ALARM');
    expect(await at.states('inner', 'outer')).toEqual({ inner: 'ALARM', outer: 'ALARM' });
    expect(at.events.map(({ detail }) => detail.alarmName)).toEqual(['b', 'inner', 'outer']);
    expect(at.events[2]?.detail).toMatchObject({
      configuration: { alarmRule: "(ALARM('inner'))" },
      state: { value: 'ALARM', reasonData: expect.stringContaining('"triggeringAlarms":[{"arn"') },
    });
    await set('deploying', 'ALARM');
    await set('a', 'ALARM');
    expect(await at.states('inner')).toEqual({ inner: 'OK' });
  });

  test('a composite alarm that was set by hand stays so until a child changes', async () => {
    const at = world();
    await at.client.send(new PutMetricAlarmCommand({ ...ALARM, TreatMissingData: 'notBreaching' }));
    await at.client.send(new PutCompositeAlarmCommand({ AlarmName: 'any', AlarmRule: 'ALARM(errors)' }));
    at.cloudwatch.evaluate();
    await at.client.send(
      new SetAlarmStateCommand({ AlarmName: 'any', StateValue: 'ALARM', StateReason: 'test' }),
    );
    await at.clock.advance(MINUTE);
    at.cloudwatch.evaluate();
    expect(await at.states('any')).toEqual({ any: 'ALARM' });
    await at.client.send(
      new SetAlarmStateCommand({ AlarmName: 'errors', StateValue: 'ALARM', StateReason: 'test' }),
    );
    await at.clock.advance(MINUTE);
    at.cloudwatch.evaluate();
    expect(await at.states('any')).toEqual({ any: 'OK' });
  });

  test('a rule that cannot be read, or names an unknown alarm, is refused', async () => {
    const { client } = world();
    const put = (AlarmRule: string) =>
      client.send(new PutCompositeAlarmCommand({ AlarmName: 'any', AlarmRule }));
    await client.send(new PutMetricAlarmCommand(ALARM));
    await expect(put('ALARM(gone)')).rejects.toThrow('gone');
    await expect(put('ALARM(errors) AND')).rejects.toThrow('cannot be read');
    await expect(put('ALARM(errors) ALARM(errors)')).rejects.toThrow('cannot be read');
    await expect(put('SOMETIMES(errors)')).rejects.toThrow('cannot be read');
  });

  test('a deleted alarm is absent, and an unknown one cannot be deleted', async () => {
    const { client, states } = world();
    await client.send(new PutMetricAlarmCommand(ALARM));
    await expect(
      client.send(new DeleteAlarmsCommand({ AlarmNames: ['errors', 'gone'] })),
    ).rejects.toMatchObject({
      name: 'ResourceNotFound',
    });
    expect(await states('errors')).toEqual({ errors: 'INSUFFICIENT_DATA' });
    await client.send(new DeleteAlarmsCommand({ AlarmNames: ['errors'] }));
    expect(await states('errors')).toEqual({});
  });

  test('an alarm on what is not simulated is refused', async () => {
    const { client } = world();
    const put = (change: object) => client.send(new PutMetricAlarmCommand({ ...ALARM, ...change }));
    await expect(put({ Statistic: 'Minimum' })).rejects.toThrow('Minimum');
    await expect(put({ Statistic: undefined, ExtendedStatistic: 'p95' })).rejects.toThrow(
      'ExtendedStatistic',
    );
    await expect(put({ DatapointsToAlarm: 4 })).rejects.toThrow('DatapointsToAlarm (4)');
    await expect(put({ ComparisonOperator: 'LessThanLowerThreshold' })).rejects.toThrow('not simulated');
  });
});
