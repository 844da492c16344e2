import {
  type CloudWatchClient,
  GetMetricDataCommand,
  type MetricDataQuery,
  type MetricDataResult,
} from '@aws-sdk/client-cloudwatch';
import { LATENCY_EDGES, latencyBucket } from '../core/analysis/histogram.ts';
import type { Metric, Series, Spread, SpreadWindow, WatchRule, Window } from '../core/analysis/types.ts';
import { isLatency } from '../core/analysis/weights.ts';
import { RolloutError } from '../core/errors.ts';
import type { MetricSource } from '../core/ports.ts';
import type { Target } from '../core/rollout/event.ts';
import { type Instant, WINDOW_MS } from '../core/units.ts';
import { reach } from './_aws.ts';

/** One metric on CloudWatch; of an alias' version where no other dimension says which. */
interface Source {
  namespace: string;
  name: string;
  versionDimension?: string | undefined;
}

const lambda = (name: string): Source => ({ namespace: 'AWS/Lambda', name });
const counted = (name: string): Source => ({ namespace: 'Spillway', name });

/** Where the counts of the known metrics stand. Handled 5xx are no Lambda errors, so `withSpillway` counts them in the function itself. */
const KNOWN: Record<string, { bad: Source; total: Source }> = {
  errors: { bad: lambda('Errors'), total: lambda('Invocations') },
  http5xx: { bad: counted('Faults'), total: counted('Responses') },
  // A throttled request is no invocation (Lambda developer guide, "Types of metrics"), so both are added up.
  throttles: { bad: lambda('Throttles'), total: lambda('Invocations') },
};

const SIDES = ['canary', 'stable'] as const;
type Side = (typeof SIDES)[number];

/** A queried series is kept under what it is of. */
type Point = { key: string; side: Side; source: Source };

/** Queries in one call of GetMetricData (CloudWatch API reference). */
const QUERIES_MAX = 500;

/** Counts of both versions behind an alias, minute by minute, from CloudWatch. Traffic that did not come through the alias is not among them. */
export function cloudwatchMetrics(client: CloudWatchClient): MetricSource {
  return {
    async read(target, rules, from, to) {
      const points = pointsOf(rules);
      if (points.length === 0 || to <= from) return {};
      const queries = points.map((point, index) => query(target, point, index));
      const results: MetricDataResult[] = [];
      for (let at = 0; at < queries.length; at += QUERIES_MAX) {
        results.push(...(await fetchAll(client, target, queries.slice(at, at + QUERIES_MAX), from, to)));
      }
      return seriesFrom(rules, (key, side) => {
        const index = points.findIndex((point) => point.key === key && point.side === side);
        return valuesOf(results, index);
      });
    },
  };
}

function pointsOf(rules: WatchRule[]): Point[] {
  const sources = new Map<string, Source>();
  for (const rule of rules) {
    const counts = countsOf(rule);
    if (counts !== undefined)
      for (const kind of ['bad', 'total'] as const) sources.set(`${rule.metric}/${kind}`, counts[kind]);
  }
  if (rules.some(({ metric }) => isLatency(metric)))
    for (let bucket = 0; bucket <= LATENCY_EDGES.length; bucket++)
      sources.set(`latency/${bucket}`, counted(latencyBucket(bucket)));
  const keys = [...sources];
  const metrics = [...new Set(keys.map(([key]) => key.slice(0, key.lastIndexOf('/'))))];
  return metrics.flatMap((metric) =>
    SIDES.flatMap((side) =>
      keys
        .filter(([key]) => key.slice(0, key.lastIndexOf('/')) === metric)
        .map(([key, source]) => ({ key, side, source })),
    ),
  );
}

function countsOf({ metric, custom }: WatchRule): { bad: Source; total: Source } | undefined {
  if (custom === undefined) return KNOWN[metric];
  const { bad, total, versionDimension } = custom;
  return { bad: { ...bad, versionDimension }, total: { ...total, versionDimension } };
}

function query({ ref, ...target }: Target, { side, source }: Point, index: number): MetricDataQuery {
  const Dimensions =
    source.versionDimension === undefined
      ? [
          { Name: 'FunctionName', Value: ref.functionName },
          { Name: 'Resource', Value: `${ref.functionName}:${ref.alias}` },
          { Name: 'ExecutedVersion', Value: target[side] },
        ]
      : [{ Name: source.versionDimension, Value: target[side] }];
  return {
    Id: `m${index}`,
    MetricStat: {
      Metric: { Namespace: source.namespace, MetricName: source.name, Dimensions },
      Period: WINDOW_MS / 1000,
      Stat: 'Sum',
    },
  };
}

/** An incomplete answer is no answer: what is missing in it would read as health. */
async function fetchAll(
  client: CloudWatchClient,
  target: Target,
  queries: MetricDataQuery[],
  from: Instant,
  to: Instant,
): Promise<MetricDataResult[]> {
  const results: MetricDataResult[] = [];
  let NextToken: string | undefined;
  do {
    const page = await reach(`metrics of ${target.key}`, () =>
      client.send(
        new GetMetricDataCommand({
          MetricDataQueries: queries,
          StartTime: new Date(from),
          EndTime: new Date(to),
          ScanBy: 'TimestampAscending',
          ...(NextToken === undefined ? {} : { NextToken }),
        }),
      ),
    );
    results.push(...(page.MetricDataResults ?? []));
    NextToken = page.NextToken;
  } while (NextToken !== undefined);
  const bad = results.find(({ StatusCode }) => StatusCode !== 'Complete' && StatusCode !== 'PartialData');
  const answered = new Set(results.filter(({ StatusCode }) => StatusCode === 'Complete').map(({ Id }) => Id));
  const missing = queries.find(({ Id }) => !answered.has(Id));
  if (bad === undefined && missing === undefined) return results;
  throw new RolloutError(
    'Unavailable',
    `Metrics of ${target.key} came back incomplete (${bad?.StatusCode ?? `nothing for ${missing?.Id}`}); the next tick reads them again.`,
  );
}

type Values = Map<Instant, number>;
type ReadValues = (key: string, side: Side) => Values;

function seriesFrom(rules: WatchRule[], read: ReadValues): Series {
  const series: Series = {};
  const counts = rules.filter((rule) => countsOf(rule) !== undefined);
  for (const { metric } of counts) series[metric] = windowsFrom(metric, read);
  if (rules.some(({ metric }) => isLatency(metric))) series.latency = spreadsFrom(read);
  return series;
}

function windowsFrom(metric: Metric, read: ReadValues): Window[] {
  const windows = new Map<Instant, Window>();
  for (const side of SIDES) {
    const bad = read(`${metric}/bad`, side);
    const total = read(`${metric}/total`, side);
    const isApart = metric === 'throttles';
    for (const start of isApart ? new Set([...total.keys(), ...bad.keys()]) : total.keys()) {
      const window = windows.get(start) ?? { start };
      const wrong = bad.get(start) ?? 0;
      window[side] = { bad: wrong, total: (total.get(start) ?? 0) + (isApart ? wrong : 0) };
      windows.set(start, window);
    }
  }
  return [...windows.values()].sort((a, b) => a.start - b.start);
}

function spreadsFrom(read: ReadValues): SpreadWindow[] {
  const windows = new Map<Instant, SpreadWindow>();
  for (const side of SIDES) {
    const buckets = Array.from({ length: LATENCY_EDGES.length + 1 }, (_, bucket) =>
      read(`latency/${bucket}`, side),
    );
    for (const start of new Set(buckets.flatMap((bucket) => [...bucket.keys()]))) {
      const window = windows.get(start) ?? { start };
      window[side] = spreadFrom(buckets.map((bucket) => bucket.get(start) ?? 0));
      windows.set(start, window);
    }
  }
  return [...windows.values()].sort((a, b) => a.start - b.start);
}

/** Bucket `i` counts what took longer than edge `i - 1` and not longer than edge `i`. */
function spreadFrom(counts: readonly number[]): Spread {
  const total = counts.reduce((sum, count) => sum + count, 0);
  let left = total;
  const over = LATENCY_EDGES.map((_, index) => {
    left -= counts[index] ?? 0;
    return left;
  });
  return { total, edges: LATENCY_EDGES, over };
}

function valuesOf(results: MetricDataResult[], index: number): Values {
  const values: Values = new Map();
  for (const { Id, Timestamps = [], Values = [] } of results) {
    if (Id === `m${index}`)
      for (const [i, at] of Timestamps.entries()) values.set(at.getTime(), Values[i] ?? 0);
  }
  return values;
}
