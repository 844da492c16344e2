// One tick of a long rollout in a process of its own, for `npm run bench -- tick`: prints its cost as JSON.

import { readFileSync } from 'node:fs';
import type { CloudWatchClient, GetMetricDataCommandInput } from '@aws-sdk/client-cloudwatch';
import { cloudwatchMetrics } from '../../adapters/cloudwatch-metrics.ts';
import { FOLDED_MIN_MS, foldedAfter, KEPT_MS } from '../../core/analysis/fold.ts';
import type { Folded } from '../../core/analysis/folded.ts';
import { judge, stretch } from '../../core/analysis/judge.ts';
import type { Series, WatchRule, Window } from '../../core/analysis/types.ts';
import { rulesFor } from '../../core/analysis/weights.ts';
import { settledUntil } from '../../core/analysis/windows.ts';
import type { RolloutEvent } from '../../core/rollout/event.ts';
import { fold, type Rollout } from '../../core/rollout/state.ts';
import { trialOf } from '../../core/rollout/trial.ts';
import { type Instant, WINDOW_MS } from '../../core/units.ts';
import { traitsOf } from '../../targets/lambda-alias/kind.ts';
import { lambdaMetrics } from '../../targets/lambda-alias/metrics.ts';
// All that Measure loads is held in memory, too.
import '../../functions/measure.ts';
import type { Tick } from './tick.ts';

const [days, count, latency] = [
  Number(process.argv[2]),
  Number(process.argv[3]),
  process.argv[4] === 'latency',
];
const given: { now: Instant; folded?: Folded } | undefined = process.argv[6]
  ? JSON.parse(readFileSync(process.argv[6], 'utf8'))
  : undefined;
const now = given?.now ?? Math.floor(Date.now() / WINDOW_MS) * WINDOW_MS;
const began = now - days * 24 * 3600_000;
const names = Array.from({ length: count }, (_, nth) => `target-${nth}`);
const watch: WatchRule[] = [
  { metric: 'errors', ratio: 1.5 },
  { metric: 'http5xx', ratio: 1.5 },
  ...(latency ? [{ metric: 'latency' as const, ratio: 1.25 }] : []),
];
const bake = days * 24 * 3600;
const identity = { rolloutId: 's--r--1', service: 's', environment: 'production', release: 'r', attempt: 1 };
const token = (seq: number) => ({ rolloutId: identity.rolloutId, epoch: 1, seq, open: true });
const history: RolloutEvent[] = [
  {
    ...{ type: 'RolloutOpened', at: began, ...identity, manifest: { bucket: 'b', key: 'k', versionId: 'v' } },
    ...{ order: 1, hooks: [], gates: [], watch, limits: [], reversible: true, alarms: [], notices: [] },
    targets: names.map((name) => ({
      ...{ name, kind: 'lambda-alias', key: name, ref: { functionName: name, alias: 'live' } },
      ...{ stable: '7', canary: '8', source: 'http' as const, traits: traitsOf('http', {}) },
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
      token: token(index + 1),
      expiresAt: began,
    },
    { type: 'Shifted', at: began + 2_000, target, weight: 10, token: token(index + 1) },
  ]),
];
const rollout = fold(history);
if (rollout === undefined) throw new Error('The history opens no rollout.');

/** Part of the requests that a bucket of the histogram holds: a heavy tail about a median of 100 ms. */
const over = (edge: number) => 1 / (1 + (edge / 100) ** 3);
const startOf = (metric: number) => 2 ** (metric - 4);
const shareOf = (metric: number) =>
  (metric === 0 ? 1 : over(startOf(metric))) - (metric < 23 ? over(startOf(metric + 1)) : 0);
const upperOf = (metric: number) =>
  metric === 0 ? 0 : over(1.25 * startOf(metric)) - (metric < 23 ? over(startOf(metric + 1)) : 0);

let points = 0;
let stubMs = 0;
const answered = ({ StartTime, EndTime, MetricDataQueries = [] }: GetMetricDataCommandInput) => ({
  MetricDataResults: MetricDataQueries.map(({ Id, MetricStat }) => {
    const { MetricName: name = '', Dimensions = [] } = MetricStat?.Metric ?? {};
    const isCanary = Dimensions[2]?.Value === '8';
    const total = isCanary ? 600 : 5_400;
    const isBad = name === 'Errors' || name === 'Faults';
    const value = name.startsWith('Latency')
      ? Math.round(
          total * (MetricStat?.Stat === 'Sum' ? upperOf : shareOf)(Number(name.slice('Latency'.length))),
        )
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

const metrics = cloudwatchMetrics(client, lambdaMetrics);
const tickAt = async (present: Rollout, at: Instant) => {
  const { from, to } = stretch(present, at);
  const series = Object.fromEntries(
    await Promise.all(
      rollout.opening.targets.map(
        async (target) =>
          [target.name, await metrics.read(target, rulesFor(target, watch), from, to, [])] as const,
      ),
    ),
  );
  const reading = { series, alarms: [] };
  const verdict = judge(trialOf(present), reading, at);
  return { series, verdict, folded: foldedAfter(trialOf(present), { ...reading, verdict }, at) };
};

// What the ticks before this one folded is made in another process, so that this one is cold. Six hours are read once, and moved on,
// so far that this one reads as much as any and folds again.
if (process.argv[5] === 'fold') {
  const SIX_HOURS = 6 * 3600_000;
  let present = { ...rollout, ...(await tickAt(rollout, began + SIX_HOURS)) };
  const { series } = await tickAt({ ...present, folded: undefined }, began + 2 * SIX_HOURS);
  const from = began + SIX_HOURS;
  const last = settledUntil(rollout, now) - KEPT_MS - FOLDED_MIN_MS;
  while (present.folded !== undefined && present.folded.end < last) {
    const { end } = present.folded;
    const hops = Math.ceil((last - end) / (SIX_HOURS - KEPT_MS));
    const next = end + Math.ceil((last - end) / hops / WINDOW_MS) * WINDOW_MS;
    const movedOn = Object.fromEntries(
      Object.entries(series).map(([name, each]) => [
        name,
        Object.fromEntries(
          Object.entries(each).map(([metric, windows]) => [
            metric,
            (windows as Window[])
              .filter(({ start }) => start >= from)
              .map((window) => ({ ...window, start: window.start - from + end })),
          ]),
        ) as Series,
      ]),
    );
    const settleMs = rollout.opening.settleSeconds * 1000;
    const folded = foldedAfter(
      trialOf(present),
      { series: movedOn, verdict: { findings: [] } },
      next + KEPT_MS + settleMs,
    );
    if (folded === undefined) throw new Error('A tick folded nothing.');
    present = { ...present, folded };
  }
  console.log(JSON.stringify({ now, folded: present.folded }));
  process.exit(0);
}

const before = process.cpuUsage();
// As HEAD holds it, and as a tick writes it.
const head = JSON.stringify({ ...rollout, folded: given?.folded });
const { verdict, folded } = await tickAt(JSON.parse(head), now);
JSON.stringify({ ...rollout, folded: folded ?? given?.folded, verdict });
const used = process.cpuUsage(before);
const { status } = verdict;
const told: Tick = {
  headKB: head.length / 1024,
  cpuMs: (used.user + used.system) / 1000 - stubMs,
  peakMB: process.resourceUsage().maxRSS / 1024,
  points,
  status,
};
console.log(JSON.stringify(told));
