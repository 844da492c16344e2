import {
  type CloudWatchClient,
  GetMetricDataCommand,
  type MetricDataQuery,
  type MetricDataResult,
} from '@aws-sdk/client-cloudwatch';
import type { Metric, Series, WatchRule, Window } from '../core/analysis/types.ts';
import { RolloutError } from '../core/errors.ts';
import type { MetricSource } from '../core/ports.ts';
import type { Target } from '../core/rollout/event.ts';
import { type Instant, WINDOW_MS } from '../core/units.ts';
import { reach } from './_aws.ts';

/** Where each metric's counts stand. Handled 5xx are no Lambda errors, so `withSpillway` counts them in the function itself. */
const SOURCES: Record<Metric, { namespace: string; bad: string; total: string }> = {
  errors: { namespace: 'AWS/Lambda', bad: 'Errors', total: 'Invocations' },
  http5xx: { namespace: 'Spillway', bad: 'Faults', total: 'Responses' },
};

const SIDES = ['canary', 'stable'] as const;
const COUNTS = ['bad', 'total'] as const;

type Point = { metric: Metric; side: (typeof SIDES)[number]; count: (typeof COUNTS)[number] };

/** Counts of both versions behind an alias, minute by minute, from CloudWatch. Traffic that did not come through the alias is not among them. */
export function cloudwatchMetrics(client: CloudWatchClient): MetricSource {
  return {
    async read(target, rules, from, to) {
      const points = pointsOf(rules);
      if (points.length === 0 || to <= from) return {};
      const queries = points.map((point, index) => query(target, point, index));
      const results = await fetchAll(client, target, queries, from, to);
      return seriesFrom(points, results);
    },
  };
}

function pointsOf(rules: WatchRule[]): Point[] {
  const metrics = [...new Set(rules.map((rule) => rule.metric))];
  return metrics.flatMap((metric) =>
    SIDES.flatMap((side) => COUNTS.map((count) => ({ metric, side, count }))),
  );
}

function query({ ref, ...target }: Target, { metric, side, count }: Point, index: number): MetricDataQuery {
  const source = SOURCES[metric];
  return {
    Id: `m${index}`,
    MetricStat: {
      Metric: {
        Namespace: source.namespace,
        MetricName: source[count],
        Dimensions: [
          { Name: 'FunctionName', Value: ref.functionName },
          { Name: 'Resource', Value: `${ref.functionName}:${ref.alias}` },
          { Name: 'ExecutedVersion', Value: target[side] },
        ],
      },
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

function seriesFrom(points: Point[], results: MetricDataResult[]): Series {
  const series: Series = {};
  for (const metric of new Set(points.map((point) => point.metric))) {
    const windows = new Map<Instant, Window>();
    for (const side of SIDES) {
      const at = (count: Point['count']) =>
        valuesOf(
          results,
          points.findIndex(
            (point) => point.metric === metric && point.side === side && point.count === count,
          ),
        );
      const bad = at('bad');
      for (const [start, total] of at('total')) {
        const window = windows.get(start) ?? { start };
        window[side] = { bad: bad.get(start) ?? 0, total };
        windows.set(start, window);
      }
    }
    series[metric] = [...windows.values()].sort((a, b) => a.start - b.start);
  }
  return series;
}

function valuesOf(results: MetricDataResult[], index: number): Map<Instant, number> {
  const values = new Map<Instant, number>();
  for (const { Id, Timestamps = [], Values = [] } of results) {
    if (Id === `m${index}`)
      for (const [i, at] of Timestamps.entries()) values.set(at.getTime(), Values[i] ?? 0);
  }
  return values;
}
