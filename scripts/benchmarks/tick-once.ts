// One tick of a long rollout in a process of its own, for `npm run bench -- tick`: prints its cost as JSON.
import type { CloudWatchClient, GetMetricDataCommandInput } from '@aws-sdk/client-cloudwatch';
import { cloudwatchMetrics } from '../../adapters/cloudwatch-metrics.ts';
import { LATENCY_EDGES } from '../../core/analysis/histogram.ts';
import { judge, stretch } from '../../core/analysis/judge.ts';
import type { WatchRule } from '../../core/analysis/types.ts';
import { rulesFor } from '../../core/analysis/weights.ts';
import type { RolloutEvent } from '../../core/rollout/event.ts';
import { fold } from '../../core/rollout/state.ts';
import { WINDOW_MS } from '../../core/units.ts';
import type { Tick } from './tick.ts';

const [days, count, latency] = [
  Number(process.argv[2]),
  Number(process.argv[3]),
  process.argv[4] === 'latency',
];
const now = Math.floor(Date.now() / WINDOW_MS) * WINDOW_MS;
const began = now - days * 24 * 3600_000;
const names = Array.from({ length: count }, (_, nth) => `target-${nth}`);
const watch: WatchRule[] = [
  { metric: 'errors', ratio: 1.5 },
  { metric: 'http5xx', ratio: 1.5 },
  ...(latency ? [{ metric: 'latency' as const, ratio: 1.25 }] : []),
];
const bake = days * 24 * 3600;
const identity = { rolloutId: 's--r--1', service: 's', environment: 'production', release: 'r', attempt: 1 };
const stamp = (seq: number) => ({ rolloutId: identity.rolloutId, epoch: 1, seq, open: true });
const history: RolloutEvent[] = [
  {
    ...{ type: 'RolloutOpened', at: began, ...identity, manifest: { bucket: 'b', key: 'k', versionId: 'v' } },
    ...{ order: 1, hooks: [], gates: [], watch, limits: [], reversible: true, alarms: [], notices: [] },
    targets: names.map((name) => ({
      ...{ name, kind: 'lambda-alias', key: name, ref: { functionName: name, alias: 'live' } },
      ...{ stable: '7', canary: '8', source: 'http' as const },
    })),
    plan: {
      steps: [{ weight: 10, bakeSeconds: bake * 2, maxBakeSeconds: bake * 2 }],
      ...{ verifySeconds: 600, onInconclusive: 'pause' },
    },
    ...{ settleSeconds: 63, deadline: now + 1e10 },
  },
  ...names.flatMap((target, index): RolloutEvent[] => [
    {
      type: 'ShiftIntended',
      at: began + 1_000,
      target,
      weight: 10,
      stamp: stamp(index + 1),
      expiresAt: began,
    },
    { type: 'Shifted', at: began + 2_000, target, weight: 10, stamp: stamp(index + 1) },
  ]),
];
const rollout = fold(history);
if (rollout === undefined) throw new Error('The history opens no rollout.');

/** Part of the requests that a bucket of the histogram holds: a heavy tail about a median of 100 ms. */
const over = (edge: number) => 1 / (1 + (edge / 100) ** 3);
const shareOf = (bucket: number) =>
  (bucket === 0 ? 1 : over(LATENCY_EDGES[bucket - 1] ?? 0)) -
  (bucket < LATENCY_EDGES.length ? over(LATENCY_EDGES[bucket] ?? 0) : 0);

let points = 0;
let stubMs = 0;
const answered = ({ StartTime, EndTime, MetricDataQueries = [] }: GetMetricDataCommandInput) => ({
  MetricDataResults: MetricDataQueries.map(({ Id, MetricStat }) => {
    const { MetricName: name = '', Dimensions = [] } = MetricStat?.Metric ?? {};
    const isCanary = Dimensions[2]?.Value === '8';
    const total = isCanary ? 600 : 5_400;
    const isBad = name === 'Errors' || name === 'Faults';
    const value = name.startsWith('Latency')
      ? Math.round(total * shareOf(Number(name.slice('Latency'.length))))
      : isBad
        ? isCanary
          ? 1
          : 9
        : total;
    const Timestamps: Date[] = [];
    const Values: number[] = [];
    const until = EndTime?.getTime() ?? 0;
    if (value > 0 || !name.startsWith('Latency'))
      for (let at = StartTime?.getTime() ?? 0; at < until; at += WINDOW_MS) {
        if (isCanary && at < began + WINDOW_MS) continue;
        Timestamps.push(new Date(at));
        Values.push(value);
      }
    points += Values.length;
    return { Id, StatusCode: 'Complete', Timestamps, Values };
  }),
});
const client = {
  async send({ input }: { input: GetMetricDataCommandInput }) {
    const before = process.cpuUsage();
    const answer = answered(input);
    const used = process.cpuUsage(before);
    stubMs += (used.user + used.system) / 1000;
    return answer;
  },
} as unknown as CloudWatchClient;

const metrics = cloudwatchMetrics(client);
const { from, to } = stretch(rollout, now);
const before = process.cpuUsage();
const series = Object.fromEntries(
  await Promise.all(
    rollout.opening.targets.map(
      async (target) =>
        [target.name, await metrics.read(target, rulesFor(target, watch), from, to, [])] as const,
    ),
  ),
);
const { status } = judge(rollout, { series, alarms: [] }, now);
const used = process.cpuUsage(before);
const told: Tick = {
  cpuMs: (used.user + used.system) / 1000 - stubMs,
  peakMB: process.resourceUsage().maxRSS / 1024,
  points,
  status,
};
console.log(JSON.stringify(told));
