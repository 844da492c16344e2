import { CloudWatchClient, GetMetricDataCommand, type MetricDataQuery } from '@aws-sdk/client-cloudwatch';
import { mockClient } from 'aws-sdk-client-mock';
import { clockAt } from './stub.ts';
import 'aws-sdk-client-mock-vitest/extend';
import { beforeEach, describe, expect, test } from 'vitest';
import type { WatchRule } from '../../core/analysis/types.ts';
import { metricSources, metricsByKind } from '../../targets/adapters.ts';
import { targetOf } from '../contract/rollouts.ts';
import { FINAL, PASSING, refusal, stubbed } from './stub.ts';

const client = new CloudWatchClient({ region: 'eu-west-1' });
const cloudwatch = mockClient(client);
const source = metricsByKind(metricSources, { cloudwatch: client }, clockAt(0));
const target = { ...targetOf('api'), stable: '7', canary: '8' };
const FROM = Date.UTC(2026, 0, 5, 9);
const TO = FROM + 3 * 60_000;
const ERRORS: WatchRule[] = [{ metric: 'errors', ratio: 1.5 }];

const result = (Id: string, values: [minute: number, value: number][] = [], StatusCode = 'Complete') => ({
  Id,
  Timestamps: values.map(([minute]) => new Date(FROM + minute * 60_000)),
  Values: values.map(([, value]) => value),
  StatusCode: StatusCode as 'Complete',
});

beforeEach(() => void cloudwatch.reset());

describe('GetMetricData', () => {
  test('is asked for sums of a minute, of both versions behind the alias, in one call', async () => {
    cloudwatch.on(GetMetricDataCommand).resolves({
      MetricDataResults: Array.from({ length: 44 }, (_, at) => result(`m${at}`)),
    });
    await source.read(target, [...ERRORS, { metric: 'http5xx', share: 0.01 }], FROM, TO);
    const query = (Id: string, Namespace: string, MetricName: string, version: string, Stat = 'Sum') => ({
      Id,
      MetricStat: {
        Metric: {
          Namespace,
          MetricName,
          Dimensions: [
            { Name: 'FunctionName', Value: 'api' },
            { Name: 'Resource', Value: 'api:live' },
            { Name: 'ExecutedVersion', Value: version },
          ],
        },
        Period: 60,
        Stat,
      },
    });
    const byWho = ['8', '7'].flatMap((version) =>
      [...Array.from({ length: 8 }, (_, group) => `Group${group}`), 'Young'].flatMap((name) =>
        ['Sum', 'SampleCount'].map((stat) => [name, version, stat] as const),
      ),
    );
    expect(cloudwatch.commandCalls(GetMetricDataCommand).map(({ args }) => args[0].input)).toEqual([
      {
        MetricDataQueries: [
          query('m0', 'AWS/Lambda', 'Errors', '8'),
          query('m1', 'AWS/Lambda', 'Invocations', '8'),
          query('m2', 'AWS/Lambda', 'Errors', '7'),
          query('m3', 'AWS/Lambda', 'Invocations', '7'),
          query('m4', 'Spillway', 'Faults', '8'),
          query('m5', 'Spillway', 'Responses', '8'),
          query('m6', 'Spillway', 'Faults', '7'),
          query('m7', 'Spillway', 'Responses', '7'),
          ...byWho.map(([name, version, stat], at) => query(`m${8 + at}`, 'Spillway', name, version, stat)),
        ],
        StartTime: new Date(FROM),
        EndTime: new Date(TO),
        ScanBy: 'TimestampAscending',
      },
    ]);
  });

  test('is asked for page after page, with the same question and the token of the last one', async () => {
    cloudwatch
      .on(GetMetricDataCommand)
      .resolvesOnce({
        MetricDataResults: [result('m0', [[0, 1]], 'PartialData'), result('m1', [[0, 100]], 'PartialData')],
        NextToken: 'second',
      })
      .resolvesOnce({
        MetricDataResults: [result('m0', [[1, 2]]), result('m1', [[1, 200]], 'PartialData')],
        NextToken: 'third',
      })
      .resolves({
        MetricDataResults: [result('m0', [[2, 0]]), result('m1', [[2, 300]]), result('m2'), result('m3')],
      });
    expect(await source.read(target, ERRORS, FROM, TO)).toEqual({
      errors: [
        { start: FROM, canary: { bad: 1, total: 100 } },
        { start: FROM + 60_000, canary: { bad: 2, total: 200 } },
        { start: FROM + 120_000, canary: { bad: 0, total: 300 } },
      ],
    });
    const inputs = cloudwatch.commandCalls(GetMetricDataCommand).map(({ args }) => args[0].input);
    expect(inputs.map(({ NextToken }) => NextToken)).toEqual([undefined, 'second', 'third']);
    for (const { NextToken: _, ...asked } of inputs) expect(asked).toEqual(inputs[0]);
  });

  test('whose window has a total without its bad count, or the other way round, leaves it unknown', async () => {
    cloudwatch.on(GetMetricDataCommand).resolves({
      MetricDataResults: [
        result('m0', [
          [0, 5],
          [2, 7],
          [3, 1],
        ]),
        result('m1', [
          [0, 100],
          [1, 100],
          [3, 50],
        ]),
        result('m2', [
          [1, 0],
          [2, 3],
          [3, 0],
        ]),
        result('m3', [
          [0, 900],
          [1, 900],
          [2, 800],
          [3, 850],
        ]),
      ],
    });
    expect(await source.read(target, ERRORS, FROM, TO)).toEqual({
      errors: [
        { start: FROM, unknown: 'stable was counted by half' },
        { start: FROM + 60_000, unknown: 'the canary was counted by half' },
        { start: FROM + 120_000, unknown: 'the canary was counted by half' },
        { start: FROM + 180_000, canary: { bad: 1, total: 50 }, stable: { bad: 0, total: 850 } },
      ],
    });
  });

  test('of one metric in several units leaves each minute of it unknown, and the other metrics as they are', async () => {
    const orders = {
      bad: { namespace: 'Shop', name: 'Lost' },
      total: { namespace: 'Shop', name: 'All' },
    };
    const whole = ['m1', 'm3', 'm5', 'm7'].map((id) => result(id, [[0, 100]]));
    const zeros = ['m0', 'm2', 'm6'].map((id) => result(id, [[0, 0]]));
    const mixed = {
      ...result('m4', [[0, 0]]),
      Messages: [{ Code: 'MultipleUnits', Value: 'several units' }],
    };
    cloudwatch.on(GetMetricDataCommand).resolves({ MetricDataResults: [...whole, ...zeros, mixed] });
    const read = await source.read(
      target,
      [...ERRORS, { metric: 'custom.orders', ratio: 1.5, custom: orders }],
      FROM,
      TO,
    );
    expect(read.errors).toEqual([
      { start: FROM, canary: { bad: 0, total: 100 }, stable: { bad: 0, total: 100 } },
    ]);
    expect(read['custom.orders']).toEqual(
      [0, 1, 2].map((minute) => ({
        start: FROM + minute * 60_000,
        unknown: expect.stringMatching(/custom.orders.bad was sent in several units.* send it in one unit/),
      })),
    );
  });

  test('of a count in several units leaves each metric unknown that has this count in common', async () => {
    const total = { namespace: 'Shop', name: 'All' };
    const custom = (name: string) => ({ bad: { namespace: 'Shop', name }, total });
    cloudwatch.on(GetMetricDataCommand).callsFake(({ MetricDataQueries = [] }) => ({
      MetricDataResults: (MetricDataQueries as MetricDataQuery[]).map(({ Id = '', MetricStat }) => ({
        ...result(Id, [[0, 10]]),
        ...(MetricStat?.Metric?.MetricName === 'All'
          ? { Messages: [{ Code: 'MultipleUnits', Value: 'several units' }] }
          : {}),
      })),
    }));
    const rules: WatchRule[] = [
      { metric: 'custom.orders', ratio: 1.5, custom: custom('Lost') },
      { metric: 'custom.carts', ratio: 1.5, custom: custom('Left') },
    ];
    const read = await source.read(target, rules, FROM, TO);
    for (const metric of ['custom.orders', 'custom.carts'] as const)
      expect(
        read[metric]?.map(({ unknown }) => unknown !== undefined),
        metric,
      ).toEqual([true, true, true]);
  });

  test('asks for the requests of the whole function beside those of each version', async () => {
    cloudwatch.on(GetMetricDataCommand).callsFake(({ MetricDataQueries = [] }) => ({
      MetricDataResults: (MetricDataQueries as MetricDataQuery[]).map(({ Id = '', MetricStat }) =>
        result(Id, [[0, MetricStat?.Metric?.Dimensions?.length === 3 ? 40 : 100]]),
      ),
    }));
    const both: WatchRule[] = [...ERRORS, { metric: 'traffic', ratio: 1 }];
    const [alone, together] = [
      await source.read(target, [{ metric: 'traffic', ratio: 1 }], FROM, TO),
      await source.read(target, both, FROM, TO),
    ];
    expect(together.traffic).toEqual(alone.traffic);
    expect(together.errors).toMatchObject([{ canary: { total: 40 }, stable: { total: 40 } }]);
  });

  test('with a time without a value, or with two values, has no count there', async () => {
    cloudwatch.on(GetMetricDataCommand).resolves({
      MetricDataResults: [
        result('m0', [
          [0, 1],
          [0, 2],
          [1, 0],
        ]),
        { ...result('m1', [[0, 100]]), Timestamps: [new Date(FROM), new Date(FROM + 60_000)] },
        result('m2'),
        result('m3'),
      ],
    });
    expect(await source.read(target, ERRORS, FROM, TO)).toEqual({
      errors: [
        { start: FROM, canary: { bad: Number.NaN, total: 100 } },
        { start: FROM + 60_000, canary: { bad: 0, total: Number.NaN } },
      ],
    });
  });

  test('that fails on a later page gives nothing at all', async () => {
    cloudwatch
      .on(GetMetricDataCommand)
      .resolvesOnce({ MetricDataResults: [result('m0', [[0, 0]])], NextToken: 'second' })
      .rejects(
        Object.assign(new Error('no'), { name: 'InternalServiceFault', $metadata: { httpStatusCode: 500 } }),
      );
    await expect(source.read(target, ERRORS, FROM, TO)).rejects.toMatchObject({ code: 'Unavailable' });
  });

  test('that breaks one series is Unavailable, also where a later page calls it complete', async () => {
    cloudwatch
      .on(GetMetricDataCommand)
      .resolvesOnce({ MetricDataResults: [result('m0', [], 'InternalError')], NextToken: 'second' })
      .resolves({ MetricDataResults: ['m0', 'm1', 'm2', 'm3'].map((id) => result(id)) });
    await expect(source.read(target, ERRORS, FROM, TO)).rejects.toThrow(/incomplete \(InternalError\)/);
  });

  test('that answers nothing is Unavailable and not calm', async () => {
    cloudwatch.on(GetMetricDataCommand).resolves({});
    await expect(source.read(target, ERRORS, FROM, TO)).rejects.toMatchObject({ code: 'Unavailable' });
  });

  test.each(PASSING)('that meets %s is Unavailable', async (_what, error) => {
    cloudwatch.on(GetMetricDataCommand).rejects(error);
    await expect(source.read(target, ERRORS, FROM, TO)).rejects.toMatchObject({ code: 'Unavailable' });
  });

  test.each(FINAL)('that meets %s fails with that same error', async (_what, error) => {
    cloudwatch.on(GetMetricDataCommand).rejects(error);
    await expect(source.read(target, ERRORS, FROM, TO)).rejects.toBe(error);
  });
});

describe('over the wire', () => {
  test('times are sent as seconds and come back as the starts of windows', async () => {
    const seconds = FROM / 1000;
    const series = (Id: string, Values: number[]) => ({
      Id,
      Timestamps: Values.map((_, i) => seconds + 60 * i),
      Values,
      StatusCode: 'Complete',
    });
    const body = JSON.stringify({
      MetricDataResults: [series('m0', [3, 0]), series('m1', [100, 50]), series('m2', []), series('m3', [])],
    });
    const { config, sent } = stubbed({ body });
    expect(
      await metricsByKind(metricSources, { cloudwatch: new CloudWatchClient(config) }, clockAt(0)).read(
        target,
        ERRORS,
        FROM,
        TO,
      ),
    ).toEqual({
      errors: [
        { start: FROM, canary: { bad: 3, total: 100 } },
        { start: FROM + 60_000, canary: { bad: 0, total: 50 } },
      ],
    });
    expect(sent[0]?.headers['x-amz-target']).toMatch(/GetMetricData$/);
    expect(sent[0]?.body).toMatchObject({
      StartTime: seconds,
      EndTime: TO / 1000,
      ScanBy: 'TimestampAscending',
    });
  });

  test('a throttle is Unavailable', async () => {
    const { config } = stubbed(refusal(400, 'ThrottlingException'));
    const reading = metricsByKind(
      metricSources,
      { cloudwatch: new CloudWatchClient(config) },
      clockAt(0),
    ).read(target, ERRORS, FROM, TO);
    await expect(reading).rejects.toMatchObject({ code: 'Unavailable' });
  });
});

describe('metrics beyond errors', () => {
  /** Answers every query by the name of its metric and its version. */
  function answering(values: Record<string, [minute: number, value: number][]>): void {
    cloudwatch.on(GetMetricDataCommand).callsFake(({ MetricDataQueries = [] }) => ({
      MetricDataResults: MetricDataQueries.map(({ Id, MetricStat }: MetricDataQuery) => {
        const version = MetricStat?.Metric?.Dimensions?.at(-1)?.Value;
        const stat = MetricStat?.Stat === 'Sum' ? '' : `${MetricStat?.Stat} `;
        return result(Id ?? '', values[`${stat}${MetricStat?.Metric?.MetricName} ${version}`]);
      }),
    }));
  }

  test('throttled requests are added to the invocations, since AWS does not count them there', async () => {
    answering({
      'Throttles 8': [
        [0, 5],
        [1, 7],
      ],
      'Invocations 8': [[0, 95]],
      'Invocations 7': [[0, 900]],
    });
    expect(await source.read(target, [{ metric: 'throttles', ratio: 1.5 }], FROM, TO)).toEqual({
      throttles: [
        { start: FROM, canary: { bad: 5, total: 100 }, stable: { bad: 0, total: 900 } },
        { start: FROM + 60_000, canary: { bad: 7, total: 7 } },
      ],
    });
  });

  test('counts of the user’s own are read by the dimension that holds the version', async () => {
    answering({ 'Failed 8': [[0, 2]], 'Orders 8': [[0, 40]] });
    const counts = {
      bad: { namespace: 'Shop/A', name: 'Failed' },
      total: { namespace: 'Shop/A', name: 'Orders' },
    };
    const rule: WatchRule = {
      metric: 'custom.orders',
      ratio: 2,
      custom: { ...counts, versionDimension: 'Release' },
    };
    expect(await source.read(target, [rule], FROM, TO)).toEqual({
      'custom.orders': [{ start: FROM, canary: { bad: 2, total: 40 } }],
    });
    const [call] = cloudwatch.commandCalls(GetMetricDataCommand);
    expect(call?.args[0].input.MetricDataQueries?.[0]?.MetricStat?.Metric).toEqual({
      Namespace: 'Shop/A',
      MetricName: 'Failed',
      Dimensions: [{ Name: 'Release', Value: '8' }],
    });
  });

  test('counts of the user’s own may have further dimensions, each combination a count of its own', async () => {
    answering({ 'Failed 8': [[0, 2]], 'Orders 8': [[0, 40]] });
    const counts = {
      bad: { namespace: 'Shop', name: 'Failed' },
      total: { namespace: 'Shop', name: 'Orders' },
    };
    const rules = ['prod', 'test'].map(
      (Stage): WatchRule => ({
        ...{ metric: `custom.${Stage}`, ratio: 2 },
        custom: { ...counts, versionDimension: 'Release', dimensions: { Stage } },
      }),
    );
    await source.read(target, rules, FROM, TO);
    const [call] = cloudwatch.commandCalls(GetMetricDataCommand);
    const asked = call?.args[0].input.MetricDataQueries?.map(({ MetricStat }) =>
      MetricStat?.Metric?.Dimensions?.map(({ Name, Value }) => `${Name}=${Value}`).join(),
    );
    expect(new Set(asked)).toEqual(
      new Set(['prod', 'test'].flatMap((stage) => ['7', '8'].map((of) => `Stage=${stage},Release=${of}`))),
    );
    expect(asked).toHaveLength(8);
  });

  test('answers are told apart by who gave them', async () => {
    answering({
      'Faults 8': [[0, 3]],
      'Responses 8': [[0, 10]],
      'SampleCount Group2 8': [[0, 6]],
      'Group2 8': [[0, 1]],
      'SampleCount Young 8': [[0, 4]],
      'Young 8': [[0, 2]],
      'Faults 7': [[0, 0]],
      'Responses 7': [[0, 90]],
    });
    const none = { bad: 0, total: 0 };
    const groups = Array.from({ length: 8 }, (_, at) => (at === 2 ? { bad: 1, total: 6 } : none));
    expect(await source.read(target, [{ metric: 'http5xx', ratio: 1.5 }], FROM, TO)).toEqual({
      http5xx: [
        {
          start: FROM,
          canary: { bad: 3, total: 10, ages: { young: { bad: 2, total: 4 }, groups } },
          stable: { bad: 0, total: 90 },
        },
      ],
    });
  });

  test('durations become counts of requests over each edge', async () => {
    // Each metric says how many took from 64 to 128 ms, and of how many that was over 80 ms.
    answering({
      'SampleCount Latency10 8': [[0, 30]],
      'Latency10 8': [[0, 12]],
      'SampleCount Latency13 8': [[0, 10]],
      'Latency13 8': [[0, 0]],
      'SampleCount Latency10 7': [[0, 5]],
      'Latency10 7': [[0, 5]],
    });
    const { latency } = await source.read(target, [{ metric: 'p95', ratio: 1.25 }], FROM, TO);
    const [window] = latency ?? [];
    expect(latency).toHaveLength(1);
    expect(window).toMatchObject({ start: FROM, canary: { total: 40 }, stable: { total: 5 } });
    const over = (ms: number) => window?.canary?.over[window.canary.edges.indexOf(ms)];
    expect([64, 80, 128, 512, 640, 1024].map(over)).toEqual([40, 22, 10, 10, 0, 0]);
  });
});

describe('a rollout of days', () => {
  const HOUR = 3600_000;
  const DAYS = FROM + 72 * HOUR;
  const minutesOf = (start: number, end: number) =>
    Array.from({ length: Math.ceil((end - start) / 60_000) }, (_, at) => new Date(start + at * 60_000));
  const asked = () =>
    cloudwatch.commandCalls(GetMetricDataCommand).map(({ args: [{ input }] }) => {
      const { StartTime, EndTime } = input as { StartTime: Date; EndTime: Date };
      return [StartTime.getTime(), EndTime.getTime()] as const;
    });

  /** CloudWatch with a count in every minute. */
  const counting = (value: (at: number) => number = () => 1) =>
    cloudwatch.on(GetMetricDataCommand).callsFake(({ MetricDataQueries, StartTime, EndTime }) => {
      const Timestamps = minutesOf(StartTime.getTime(), EndTime.getTime());
      const Values = Timestamps.map((at) => value(at.getTime()));
      const each = ({ Id }: MetricDataQuery) => ({ Id, Timestamps, Values, StatusCode: 'Complete' });
      return { MetricDataResults: MetricDataQueries.map(each) };
    });

  test('is read in parts of six hours, each time anew', async () => {
    let factor = 1;
    counting(() => factor);
    const fresh = metricsByKind(metricSources, { cloudwatch: client }, clockAt(0));
    const { errors = [] } = await fresh.read(target, ERRORS, FROM, DAYS);
    expect(errors.map(({ start }) => start)).toEqual(minutesOf(FROM, DAYS).map((at) => at.getTime()));
    expect(asked()).toHaveLength(12);
    for (const [start, end] of asked()) expect(end - start).toBe(6 * HOUR);
    factor = 2;
    const later = await fresh.read(target, ERRORS, FROM, DAYS + 60_000);
    expect(later.errors).toHaveLength(72 * 60 + 1);
    expect(later.errors?.[0]).toMatchObject({ canary: { bad: 2, total: 2 } });
  });
});
