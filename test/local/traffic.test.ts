import { describe, expect, test } from 'vitest';
import { latencyName } from '../../core/analysis/histogram.ts';
import { scaledClock, virtualClock } from '../../local/clock.ts';
import { seededRandom } from '../../local/random.ts';
import { SimulatedCloudWatch } from '../../local/services/cloudwatch.ts';
import { modelTraffic, type Routing, requestTraffic } from '../../local/traffic.ts';

const START = Date.UTC(2026, 0, 5, 9);
const MINUTE = 60_000;

type Options = Partial<Parameters<typeof modelTraffic>[0]>;

function world(options: Options = {}, seed = 7) {
  const clock = virtualClock(START);
  const cloudwatch = new SimulatedCloudWatch({
    clock,
    region: 'eu-west-1',
    account: '1',
    emissionDelayMs: () => 30_000,
  });
  const routing: Routing = { primary: '1', weights: {} };
  const traffic = modelTraffic({
    clock,
    random: seededRandom(seed),
    cloudwatch,
    functionName: 'api',
    alias: 'live',
    requestsPerSecond: 10,
    routing: () => routing,
    errorRate: () => 0,
    ...options,
  });
  const read = async (
    name: string,
    version: string,
    namespace = 'AWS/Lambda',
    Stat = 'Sum',
  ): Promise<[number, number][]> => {
    const dimensions = { FunctionName: 'api', Resource: 'api:live', ExecutedVersion: version };
    const Dimensions = Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value }));
    const Metric = { Namespace: namespace, MetricName: name, Dimensions };
    const input = {
      MetricDataQueries: [{ Id: 'q', MetricStat: { Metric, Period: 60, Stat } }],
      StartTime: new Date(START),
      EndTime: new Date(START + 60 * MINUTE),
      ScanBy: 'TimestampAscending',
    };
    const answer = (await cloudwatch.operations.GetMetricDataCommand?.(input as never)) as {
      MetricDataResults: { Timestamps: Date[]; Values: number[] }[];
    };
    const [{ Timestamps, Values } = { Timestamps: [], Values: [] }] = answer.MetricDataResults;
    return Timestamps.map((time, at) => [(time.getTime() - START) / MINUTE, Values[at] ?? Number.NaN]);
  };
  return { clock, routing, traffic, read };
}

describe('model traffic', () => {
  test('waits for nothing: what happened is drawn when it is asked for', async () => {
    const { clock, traffic } = world();
    await expect(clock.run(new Promise(() => {}))).rejects.toThrow('nothing waits');
    await clock.advance(10 * MINUTE);
    expect(traffic.tally).toEqual({});
    traffic.settle();
    const { requests } = traffic.tally['1'] ?? { requests: 0 };
    expect(Math.abs(requests - 6000)).toBeLessThan(5 * Math.sqrt(6000));
  });

  test('goes by the weights that were in force', async () => {
    const { clock, traffic, routing, read } = world();
    await clock.advance(2 * MINUTE);
    traffic.settle();
    routing.weights = { 2: 10 };
    await clock.advance(2 * MINUTE);
    traffic.settle();
    routing.weights = {};
    await clock.advance(2 * MINUTE);
    traffic.settle();
    const canary = await read('Invocations', '2');
    expect(canary.map(([minute]) => minute)).toEqual([2, 3]);
    const total = canary.reduce((sum, [, count]) => sum + count, 0);
    expect(total).toBe(traffic.tally['2']?.requests);
    expect(Math.abs(total - 120)).toBeLessThan(5 * Math.sqrt(120));
  });

  test('a minute split by a change of routing goes to both versions', async () => {
    const { clock, traffic, routing, read } = world();
    await clock.advance(30_000);
    traffic.settle();
    Object.assign(routing, { primary: '2' });
    await clock.advance(5 * MINUTE);
    traffic.settle();
    const [[minute, stable] = [], [, canary] = []] = [
      ...(await read('Invocations', '1')),
      ...(await read('Invocations', '2')),
    ];
    expect(minute).toBe(0);
    for (const count of [stable, canary])
      expect(Math.abs((count ?? 0) - 300)).toBeLessThan(5 * Math.sqrt(300));
  });

  test('a minute is seen only after its end and the emission delay, however often it was settled', async () => {
    const { clock, traffic, read } = world();
    for (let second = 10; second <= 80; second += 10) {
      await clock.advance(10_000);
      traffic.settle();
    }
    expect(await read('Invocations', '1')).toEqual([]);
    await clock.advance(10_000);
    expect((await read('Invocations', '1')).map(([minute]) => minute)).toEqual([0]);
  });

  test('errors and faults come at their rates, by version, time and weight', async () => {
    const asked = new Set<string>();
    const { clock, traffic, routing, read } = world({
      requestsPerSecond: 100,
      errorRate: (version, at, weight) => {
        asked.add(`${version} at ${weight}`);
        return version === '2' && at >= START + 5 * MINUTE ? 0.1 : 0;
      },
      faultRate: (version) => (version === '2' ? 0.2 : 0),
    });
    routing.weights = { 2: 40 };
    await clock.advance(10 * MINUTE);
    traffic.settle();
    await clock.advance(2 * MINUTE);
    expect(asked).toEqual(new Set(['1 at 60', '2 at 40']));
    expect(traffic.tally['1']).toMatchObject({ errors: 0, faults: 0 });
    const errors = await read('Errors', '2');
    expect(errors.slice(0, 5).every(([, count]) => count === 0)).toBe(true);
    expect(errors.slice(5, 10).every(([, count]) => count > 150 && count < 350)).toBe(true);
    const { requests = 0, errors: thrown = 0, faults = 0 } = traffic.tally['2'] ?? {};
    expect(Math.abs(requests - 24_000)).toBeLessThan(5 * Math.sqrt(24_000));
    expect(Math.abs((faults - thrown) / (requests - thrown) - 0.2)).toBeLessThan(0.02);
    const sum = (points: [number, number][]) => points.reduce((total, [, count]) => total + count, 0);
    expect(sum(await read('Responses', '2', 'Spillway'))).toBe(requests);
    expect(sum(await read('Faults', '2', 'Spillway'))).toBe(faults);
  });

  test('orders that are lost behind a good answer are counted by the functions alone, and met by users', async () => {
    const { clock, traffic, routing, read } = world({
      requestsPerSecond: 100,
      faultRate: () => 0.1,
      lostRate: (version) => (version === '2' ? 0.2 : 0),
    });
    routing.weights = { 2: 50 };
    await clock.advance(5 * MINUTE);
    traffic.settle();
    await clock.advance(2 * MINUTE);
    const sum = async (name: string, version: string, namespace: string) =>
      (await read(name, version, namespace)).reduce((total, [, count]) => total + count, 0);
    for (const [version, share] of [
      ['1', 0],
      ['2', 0.2],
    ] as const) {
      const { requests = 0, faults: failed = 0 } = traffic.tally[version] ?? {};
      const faults = await sum('Faults', version, 'Spillway');
      const lost = await sum('OrdersLost', version, 'Shop');
      expect(await sum('Orders', version, 'Shop')).toBe(requests);
      expect(failed).toBe(faults + lost);
      expect(Math.abs(lost / (requests - faults) - share)).toBeLessThan(0.02);
    }
    expect((await read('OrdersLost', '1', 'Shop')).length).toBe(5);
  });

  test('functions that do not count their responses have no such metric', async () => {
    const { clock, traffic, read } = world({ counters: false });
    await clock.advance(5 * MINUTE);
    traffic.settle();
    expect(await read('Responses', '1', 'Spillway')).toEqual([]);
    expect(await read('Invocations', '1')).not.toEqual([]);
  });

  test('throttled requests are no invocations, and durations are counted in buckets', async () => {
    const { clock, traffic, routing, read } = world({
      requestsPerSecond: 100,
      throttleRate: (version) => (version === '2' ? 0.5 : 0),
      medianMs: () => 100,
    });
    routing.weights = { 2: 50 };
    await clock.advance(10 * MINUTE);
    traffic.settle();
    await clock.advance(2 * MINUTE);
    const sum = (points: [number, number][]) => points.reduce((total, [, count]) => total + count, 0);
    const [ran, throttled] = [sum(await read('Invocations', '2')), sum(await read('Throttles', '2'))];
    expect(Math.abs(throttled / (ran + throttled) - 0.5)).toBeLessThan(0.03);
    expect(traffic.tally['2']?.requests).toBe(ran + throttled);
    const counted = (stat?: string) =>
      Promise.all(
        Array.from({ length: 24 }, async (_, metric) =>
          sum(await read(latencyName(metric), '1', 'Spillway', stat)),
        ),
      );
    const [counts, upper] = [await counted('SampleCount'), await counted()];
    const all = sum(await read('Invocations', '1'));
    expect(counts.reduce((total, each) => total + each, 0)).toBe(all);
    const upTo = (metric: number) =>
      counts.slice(0, metric + 1).reduce((total, each) => total + each, 0) / all;
    // A lognormal of median 100 ms and deviation 0.5 has 18.6 % up to 64 ms, 32.8 % up to 80 ms and 69.0 % up to 128 ms.
    expect(Math.abs(upTo(9) - 0.186)).toBeLessThan(0.02);
    expect(Math.abs(upTo(10) - 0.69)).toBeLessThan(0.02);
    expect(Math.abs(upTo(10) - (upper[10] ?? 0) / all - 0.328)).toBeLessThan(0.02);
  });

  test('the rate may change with time, and none gives no datapoint', async () => {
    const { clock, traffic, read } = world({
      requestsPerSecond: (at) => (at < START + 2 * MINUTE ? 0 : 5),
    });
    await clock.advance(5 * MINUTE);
    traffic.settle();
    expect((await read('Errors', '1')).map(([minute]) => minute)).toEqual([2, 3]);
  });

  test('ends when it is stopped', async () => {
    const { clock, traffic } = world();
    await clock.advance(MINUTE);
    traffic.stop();
    const before = { ...traffic.tally };
    await clock.advance(MINUTE);
    traffic.settle();
    expect(before['1']?.requests).toBeGreaterThan(0);
    expect(traffic.tally).toEqual(before);
  });

  test('one seed gives one history', async () => {
    const tallies = await Promise.all(
      [7, 7, 8].map(async (seed) => {
        const { clock, traffic, routing } = world({ errorRate: () => 0.1 }, seed);
        routing.weights = { 2: 10 };
        await clock.advance(5 * MINUTE);
        traffic.settle();
        return traffic.tally;
      }),
    );
    expect(tallies[0]).toEqual(tallies[1]);
    expect(tallies[0]).not.toEqual(tallies[2]);
  });
});

describe('request traffic', () => {
  test('requests arrive at their rate of the clock’s time and are counted by version', async () => {
    const clock = virtualClock(START);
    let asked = 0;
    const traffic = requestTraffic({
      clock,
      random: seededRandom(7),
      requestsPerSecond: 5,
      request: async () => {
        asked += 1;
        await clock.sleep(100);
        return asked % 10 === 0 ? { version: '2', failed: true } : { version: '1', failed: false };
      },
    });
    await clock.advance(2 * MINUTE);
    await clock.run(traffic.stop());
    const { requests = 0, failed, firstAt = 0, lastAt = 0 } = traffic.tally['1'] ?? {};
    const canary = traffic.tally['2'];
    expect(Math.abs(requests + (canary?.requests ?? 0) - 600)).toBeLessThan(5 * Math.sqrt(600));
    expect(failed).toBe(0);
    expect(canary?.failed).toBe(canary?.requests);
    expect(firstAt).toBeGreaterThanOrEqual(START + 100);
    expect(firstAt).toBeLessThan(START + 5_000);
    expect(lastAt).toBeGreaterThan(START + 115_000);
  });

  test('a fast clock sends several at once, but never more than 64 wait for an answer', async () => {
    let inFlight = 0;
    let most = 0;
    const traffic = requestTraffic({
      clock: scaledClock(60, START),
      random: seededRandom(7),
      requestsPerSecond: 400,
      request: async () => {
        inFlight += 1;
        most = Math.max(most, inFlight);
        await new Promise((resolve) => setTimeout(resolve, 20));
        inFlight -= 1;
        return { version: '1', failed: false };
      },
    });
    await new Promise((resolve) => setTimeout(resolve, 300));
    await traffic.stop();
    expect(most).toBe(64);
    expect(inFlight).toBe(0);
    expect(traffic.tally['1']?.requests).toBeGreaterThan(200);
  });

  test('stopping waits for the last answer', async () => {
    const clock = virtualClock(START);
    let answered = 0;
    const request = async () => {
      await clock.sleep(5_000);
      answered += 1;
      return { version: '1', failed: false };
    };
    const traffic = requestTraffic({ clock, random: seededRandom(7), requestsPerSecond: 2, request });
    await clock.advance(10_000);
    const before = answered;
    await clock.run(traffic.stop());
    expect(answered).toBeGreaterThan(before);
    expect(traffic.tally['1']?.requests).toBe(answered);
    await expect(clock.run(new Promise(() => {}))).rejects.toThrow('nothing waits');
  });

  test('traffic that is stopped between two requests leaves no wait behind', async () => {
    const clock = virtualClock(START);
    const request = async () => ({ version: '1', failed: false });
    const traffic = requestTraffic({ clock, random: seededRandom(7), requestsPerSecond: 0.001, request });
    await traffic.stop();
    await expect(clock.run(new Promise(() => {}))).rejects.toThrow('nothing waits');
    expect([clock.now(), traffic.tally]).toEqual([START, {}]);
  });

  test('a request that throws is told when the traffic stops', async () => {
    const clock = virtualClock(START);
    const request = async () => {
      throw new Error('no such function');
    };
    const traffic = requestTraffic({ clock, random: seededRandom(7), requestsPerSecond: 2, request });
    await clock.advance(10_000);
    await expect(traffic.stop()).rejects.toThrow('ended without an answer');
  });
});
