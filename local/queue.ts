import type { Clock } from '../core/ports.ts';
import { type Instant, type Seconds, WINDOW_MS } from '../core/units.ts';
import { LATENCY_MS } from './latency.ts';
import type { Random } from './random.ts';
import type { SimulatedCloudWatch } from './services/cloudwatch.ts';
import type { ModelTally, ModelTraffic, Rate, Routing } from './traffic.ts';

/** Messages of one age that were received equally often and wait for their next try. */
interface Waiting {
  sentAt: Instant;
  dueAt: Instant;
  receives: number;
  count: number;
}

/** Messages in one batch (Lambda developer guide, "Using Lambda with Amazon SQS": the default). */
const BATCH_SIZE = 10;

/**
 * A standard SQS queue that feeds one alias, as counts: each message is routed by its own dice, what is handed back is
 * received again after its visibility timeout, and what was received too often goes to the dead-letter queue. CloudWatch
 * gets what SQS reports of both queues: no age of a queue without messages, and nothing of an inactive one.
 */
export function queueTraffic(world: {
  clock: Clock;
  random: Random;
  cloudwatch: SimulatedCloudWatch;
  functionName: string;
  alias: string;
  routing: () => Routing;
  queue: string;
  dlq: string;
  messagesPerSecond: number;
  /** Share of the messages that are handed back in `batchItemFailures`. */
  failRate: Rate;
  /** Whether the function counts its batches; it does if it is not said. */
  counters?: boolean;
  /** Messages that are in the dead-letter queue from the start, so that it is active. */
  deadLettered?: number;
  /** Age of a backlog that nobody drains; there is none if it is not said. */
  backlog?: (at: Instant) => Seconds;
  maxReceiveCount?: number;
  visibilitySeconds?: Seconds;
}): ModelTraffic {
  const { clock, random, cloudwatch, functionName, alias, counters = true, backlog } = world;
  const { maxReceiveCount = 3, visibilitySeconds = 30 } = world;
  const tally: Record<string, ModelTally> = {};
  let waiting: Waiting[] = [];
  let dead = world.deadLettered ?? 0;
  let activeAt = dead > 0 ? 0 : Number.POSITIVE_INFINITY;
  let settledTo = clock.now();
  let stopped = false;

  const draw = (from: Instant, to: Instant) => {
    const at = (from + to) / 2;
    const sent = random.poisson((world.messagesPerSecond * (to - from)) / 1000);
    const due = [
      { sentAt: at, dueAt: at, receives: 0, count: sent },
      ...waiting.filter(({ dueAt }) => dueAt < to),
    ];
    waiting = waiting.filter(({ dueAt }) => dueAt >= to);
    const batches = new Map<string, { items: number; failures: number }>();
    for (const group of due)
      for (const [version, count, weight] of split(random, world.routing(), group.count)) {
        const failures = random.binomial(count, world.failRate(version, at, weight));
        const before = batches.get(version) ?? { items: 0, failures: 0 };
        batches.set(version, { items: before.items + count, failures: before.failures + failures });
        handBack({ ...group, count: failures }, at);
      }
    for (const [version, batch] of batches) ran(version, from, batch);
    report(from);
  };

  const handBack = ({ sentAt, receives, count }: Waiting, at: Instant) => {
    if (count === 0) return;
    if (receives + 1 < maxReceiveCount) {
      waiting.push({ sentAt, dueAt: at + visibilitySeconds * 1000, receives: receives + 1, count });
      return;
    }
    dead += count;
    activeAt = Math.min(activeAt, at + LATENCY_MS.sqsActivation);
  };

  const ran = (version: string, minute: Instant, batch: { items: number; failures: number }) => {
    const before = tally[version] ?? { requests: 0, errors: 0, faults: 0, weather: 0, counted: 0 };
    tally[version] = {
      ...before,
      requests: before.requests + batch.items,
      faults: before.faults + batch.failures,
      counted: before.counted + (counters ? batch.items : 0),
    };
    const count = Math.ceil(batch.items / BATCH_SIZE);
    const counted = counters ? { faults: 0, batch } : {};
    cloudwatch.invocations({ functionName, alias, version, minute, count, errors: 0, ...counted });
  };

  const report = (minute: Instant) => {
    const start = minute - (minute % WINDOW_MS);
    const put = (name: string, QueueName: string, value: number) =>
      cloudwatch.put({
        ...{ namespace: 'AWS/SQS', name, dimensions: { QueueName }, timestamp: start, value },
        availableAt: start + WINDOW_MS + LATENCY_MS.metricEmissionMax,
      });
    const ages = waiting.map(({ sentAt }) => (minute - sentAt) / 1000);
    if (backlog !== undefined) ages.push(backlog(minute));
    if (ages.length > 0)
      put('ApproximateAgeOfOldestMessage', world.queue, Math.max(0, Math.round(Math.max(...ages))));
    if (minute >= activeAt) put('ApproximateNumberOfMessagesVisible', world.dlq, dead);
  };

  const settle = () => {
    while (!stopped && settledTo < clock.now()) {
      const to = Math.min(clock.now(), settledTo - (settledTo % WINDOW_MS) + WINDOW_MS);
      draw(settledTo, to);
      settledTo = to;
    }
  };

  return {
    settle,
    tally,
    stop() {
      settle();
      stopped = true;
    },
  };
}

/** Which version gets how many of some messages, and by which weight. */
function split(random: Random, { primary, weights }: Routing, count: number): [string, number, number][] {
  let [left, weightLeft] = [count, 100];
  const shares = Object.entries(weights).map(([version, weight]): [string, number, number] => {
    const share = random.binomial(left, weight / weightLeft);
    left -= share;
    weightLeft -= weight;
    return [version, share, weight];
  });
  return [...shares, [primary, left, weightLeft] as [string, number, number]].filter(
    ([, share]) => share > 0,
  );
}
