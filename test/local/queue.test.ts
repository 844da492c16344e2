import { describe, expect, test } from 'vitest';
import { virtualClock } from '../../local/clock.ts';
import { queueTraffic } from '../../local/queue.ts';
import { seededRandom } from '../../local/random.ts';
import { SimulatedCloudWatch } from '../../local/services/cloudwatch.ts';
import type { Routing } from '../../local/traffic.ts';

const START = Date.UTC(2026, 0, 5, 9);
const MINUTE = 60_000;

function world(options: Partial<Parameters<typeof queueTraffic>[0]> = {}) {
  const clock = virtualClock(START);
  const cloudwatch = new SimulatedCloudWatch({ clock, region: 'eu-west-1', account: '1' });
  const routing: Routing = { primary: '1', weights: {} };
  const traffic = queueTraffic({
    ...{ clock, cloudwatch, random: seededRandom(7), functionName: 'worker', alias: 'live' },
    ...{ routing: () => routing, queue: 'orders', dlq: 'lost', messagesPerSecond: 10, failRate: () => 0 },
    ...options,
  });
  /** What can be read now, by minute. */
  const read = async (
    Namespace: string,
    MetricName: string,
    dimensions: Record<string, string>,
    Stat = 'Sum',
  ) => {
    traffic.settle();
    const Dimensions = Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value }));
    const MetricStat = { Metric: { Namespace, MetricName, Dimensions }, Period: 60, Stat };
    const answer = (await cloudwatch.operations.GetMetricDataCommand?.({
      MetricDataQueries: [{ Id: 'q', MetricStat }],
      StartTime: new Date(START),
      EndTime: new Date(START + 60 * MINUTE),
      ScanBy: 'TimestampAscending',
    } as never)) as { MetricDataResults: { Timestamps: Date[]; Values: number[] }[] };
    const { Timestamps = [], Values = [] } = answer.MetricDataResults[0] ?? {};
    return Timestamps.map((time, at) => [(time.getTime() - START) / MINUTE, Values[at] ?? Number.NaN]);
  };
  const queue = (name: string, of: string) => read('AWS/SQS', name, { QueueName: of }, 'Maximum');
  const batches = (name: string, version: string) =>
    read('Spillway', name, { FunctionName: 'worker', Resource: 'worker:live', ExecutedVersion: version });
  return { clock, routing, traffic, queue, batches };
}
const total = (points: number[][]) => points.reduce((sum, [, value = 0]) => sum + value, 0);

describe('a queue', () => {
  test('without failures shows neither an age nor dead letters', async () => {
    const { clock, traffic, queue, batches } = world();
    await clock.advance(10 * MINUTE);
    expect(await queue('ApproximateAgeOfOldestMessage', 'orders')).toEqual([]);
    expect(await queue('ApproximateNumberOfMessagesVisible', 'lost')).toEqual([]);
    traffic.stop();
    await clock.advance(5 * MINUTE);
    expect(total(await batches('BatchItems', '1'))).toBe(traffic.tally['1']?.requests);
    expect(total(await batches('BatchFailures', '1'))).toBe(0);
  });

  test('tries what is handed back again, and gives up after as many receives as it allows', async () => {
    const { clock, traffic, queue, batches } = world({
      failRate: () => 1,
      deadLettered: 5,
      maxReceiveCount: 3,
    });
    await clock.advance(10 * MINUTE);
    traffic.stop();
    await clock.advance(5 * MINUTE);
    const [items, failures] = [
      total(await batches('BatchItems', '1')),
      total(await batches('BatchFailures', '1')),
    ];
    expect(failures).toBe(items);
    const dead = ((await queue('ApproximateNumberOfMessagesVisible', 'lost')).at(-1)?.[1] ?? 0) - 5;
    // What was sent in the last minute or so still waits; all else was received three times.
    expect(dead).toBeGreaterThan(10 * 60 * 7);
    expect(items).toBeGreaterThan(3 * dead);
    expect(
      Math.max(...(await queue('ApproximateAgeOfOldestMessage', 'orders')).map(([, age = 0]) => age)),
    ).toBeLessThan(180);
  });

  test('routes each message by the weights, also on its next try', async () => {
    const { clock, routing, traffic } = world({ failRate: (version) => (version === '2' ? 0.5 : 0) });
    routing.weights = { '2': 20 };
    await clock.advance(30 * MINUTE);
    traffic.settle();
    const [one, two] = [traffic.tally['1'], traffic.tally['2']];
    const share = (two?.requests ?? 0) / ((one?.requests ?? 0) + (two?.requests ?? 0));
    expect(share).toBeGreaterThan(0.18);
    expect(share).toBeLessThan(0.22);
    expect(one?.faults).toBe(0);
    expect((two?.faults ?? 0) / (two?.requests ?? 1)).toBeCloseTo(0.5, 1);
  });

  test('that was inactive shows its dead letters 15 minutes late, and one that was active at once', async () => {
    const first = async (deadLettered: number) => {
      const { clock, queue } = world({ failRate: () => 1, maxReceiveCount: 1, deadLettered });
      await clock.advance(30 * MINUTE);
      return (await queue('ApproximateNumberOfMessagesVisible', 'lost'))[0]?.[0];
    };
    expect(await first(0)).toBe(16);
    expect(await first(1)).toBe(0);
  });

  test('shows the age of a backlog', async () => {
    const { clock, queue } = world({ backlog: (at) => (at - START) / 1000 + 600 });
    await clock.advance(4 * MINUTE);
    expect((await queue('ApproximateAgeOfOldestMessage', 'orders'))[1]).toEqual([1, 660]);
  });
});
