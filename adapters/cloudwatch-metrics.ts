import {
  type CloudWatchClient,
  type Metric as CloudWatchMetric,
  type Dimension,
  GetMetricDataCommand,
  type MetricDataQuery,
  type MetricDataResult,
} from '@aws-sdk/client-cloudwatch';
import { GROUPS } from '../core/analysis/groups.ts';
import { LATENCY_METRICS, latencyName, spreadOf } from '../core/analysis/histogram.ts';
import { limitsOf } from '../core/analysis/limits.ts';
import { joined, pairedWindows } from '../core/analysis/pairing.ts';
import type {
  Count as Counts,
  Limit,
  LimitRule,
  Metric,
  ReadWindow,
  Series,
  SpreadWindow,
  WatchRule,
  Window,
} from '../core/analysis/types.ts';
import { isLatency } from '../core/analysis/weights.ts';
import { RolloutError } from '../core/errors.ts';
import type { MetricSource, TargetMetrics } from '../core/ports.ts';
import type { Target } from '../core/target.ts';
import { type Instant, WINDOW_MS } from '../core/units.ts';
import { reach } from './_aws.ts';

/** One metric on CloudWatch. */
export interface Count {
  namespace: string;
  name: string;
  /** The dimension that holds the version; as `Kept` says if it is absent. */
  versionDimension?: string | undefined;
  /** Further dimensions, by name. */
  dimensions?: Readonly<Record<string, string>> | undefined;
  /** True if it is of the target as a whole, whatever version ran. */
  isWhole?: boolean | undefined;
  /** What is read of it; the sum of its values if absent. */
  stat?: 'SampleCount' | undefined;
}

/** Where CloudWatch keeps what is known of a kind of target. */
export interface Kept {
  /** The counts of the known metrics, by metric. */
  counts: Record<string, { bad: Count; total: Count }>;
  /** The same count of the target as a whole; itself if it is kept by version alone. */
  wholeOf(count: Count): Count;
  /** The dimensions of a count that says nothing of them itself. */
  dimensionsOf(target: Target, version: string | undefined): Dimension[];
  /** What a limit is read from, if it is read as one number a minute. */
  gaugeOf(target: Target, limit: Limit): Gauge | undefined;
}

/** A limit that is read as one number a minute, of no version, and what its unit on CloudWatch is worth in that of the limit. */
interface Gauge {
  metric: CloudWatchMetric;
  worth: number;
}

/** What functions count themselves. */
export const counted = (name: string): Count => ({ namespace: 'Spillway', name });

const SIDES = ['canary', 'stable'] as const;
type Side = (typeof SIDES)[number];

/** A queried series is kept under what it is of. */
type Point = { key: string; side: Side; source: Count };

/** Queries in one call of GetMetricData (CloudWatch API reference). */
const QUERIES_MAX = 500;

/** Datapoints in one answer of GetMetricData (CloudWatch API reference). */
const POINTS_MAX = 100_800;

/** The stretch of one read; the day before a rollout is read in several. */
const PART_MS = 6 * 3600_000;

/** Parts that are read side by side: at most 100,800 datapoints each, which must be held at once. */
const TOGETHER = 4;

/** Counts of both versions of a target, minute by minute, from CloudWatch, and the levels of what feeds it. */
export function cloudwatchMetrics(client: CloudWatchClient, kept: Kept): TargetMetrics {
  const readAll = async (
    target: Target,
    question: Question,
    { from, to, partMs = PART_MS }: { from: Instant; to: Instant; partMs?: number },
  ): Promise<Series> => {
    if (question.queries.length === 0) return {};
    const read = (start: Instant): Promise<Series> => {
      const end = Math.min(start + partMs, to);
      return readPart(client, target, question, { start, end });
    };
    const starts = Array.from({ length: Math.ceil((to - from) / partMs) }, (_, nth) => from + nth * partMs);
    const parts: Series[] = [];
    for (let at = 0; at < starts.length; at += TOGETHER)
      parts.push(...(await Promise.all(starts.slice(at, at + TOGETHER).map(read))));
    return joined(parts);
  };

  return {
    read: (target, rules, from, to, limits = []) =>
      readAll(target, questionOf(kept, target, rules, limits), { from, to }),
    past(target, rules, from, to) {
      const counting = rules.filter(({ metric }) => !isLatency(metric));
      const question = questionOf(kept, target, counting, [], true);
      // Each metric of each call is paid for (CloudWatch pricing), so a day is one call if it fits into one.
      const minutes = Math.max(1, Math.floor(POINTS_MAX / Math.max(1, question.queries.length)));
      return readAll(target, question, { from, to, partMs: minutes * WINDOW_MS });
    },
  };
}

/** The newest minute in which any function of the region was counted. */
export function cloudwatchHeartbeat(client: CloudWatchClient): MetricSource['heartbeat'] {
  return async (from, to) => {
    const answers: Answers = new Map();
    await fetchAll(client, 'metrics of this region', [HEARTBEAT], { start: from, end: to }, answers);
    const starts = [...(answers.get(HEARTBEAT.Id)?.values.keys() ?? [])];
    return starts.length === 0 ? undefined : Math.max(...starts);
  };
}

/** Without dimensions, Lambda's metrics are of all functions of the region (Lambda developer guide, "Viewing metrics for functions"). The controller's own run each minute. */
const HEARTBEAT = {
  Id: 'm0',
  MetricStat: {
    Metric: { Namespace: 'AWS/Lambda', MetricName: 'Invocations' },
    Period: WINDOW_MS / 1000,
    Stat: 'Sum',
  },
} satisfies MetricDataQuery;

/** What is asked of CloudWatch, and what each answer is of. */
interface Question {
  rules: WatchRule[];
  limits: LimitRule[];
  /** What each count of each metric is read from, and those of them that differ. */
  all: Point[];
  points: Point[];
  /** Which of `points` a count is read from, by what `nameOf` says of it. */
  at: ReadonlyMap<string, number>;
  gauges: (Gauge & { limit: Limit })[];
  queries: MetricDataQuery[];
  /** The counts of a rule, if it is counted here. */
  countsOf(rule: WatchRule): { bad: Count; total: Count } | undefined;
}

/** @param isWhole true for the counts of the target as a whole */
function questionOf(
  kept: Kept,
  target: Target,
  rules: WatchRule[],
  asked: LimitRule[],
  isWhole = false,
): Question {
  const limits = limitsOf(target, asked);
  const countsOf = ({ metric, custom }: WatchRule) => {
    if (custom === undefined) return kept.counts[metric];
    const { bad, total, ...where } = custom;
    return { bad: { ...bad, ...where }, total: { ...total, ...where } };
  };
  const all = pointsOf(rules, limits, countsOf).flatMap(({ key, side, source }) =>
    isWhole
      ? side === 'stable' && !key.startsWith('ages/')
        ? [{ key, side, source: kept.wholeOf(source) }]
        : []
      : [{ key, side, source }],
  );
  const points: Point[] = [];
  const [at, known] = [new Map<string, number>(), new Map<string, number>()];
  for (const point of all) {
    const series = seriesOf(point);
    const nth = known.get(series) ?? points.push(point) - 1;
    known.set(series, nth);
    at.set(nameOf(point.key, point.side), nth);
  }
  const gauges = limits.flatMap(({ limit }) => {
    const gauge = kept.gaugeOf(target, limit);
    return gauge === undefined ? [] : [{ ...gauge, limit }];
  });
  const queries = [
    // Two metrics of one rule file may have a count in common, which is asked for once.
    ...points.map((point) => countQuery(kept, target, point)),
    ...gauges.map(({ metric }) => ({ Metric: metric, Stat: 'Maximum' })),
  ].map((stat, index) => ({ Id: `m${index}`, MetricStat: { ...stat, Period: WINDOW_MS / 1000 } }));
  return { rules, limits, all, points, at, gauges, queries, countsOf };
}

async function readPart(
  client: CloudWatchClient,
  target: Target,
  { rules, limits, all, points, at, gauges, queries, countsOf }: Question,
  { start, end }: Record<'start' | 'end', Instant>,
): Promise<Series> {
  const answers: Answers = new Map();
  for (let at = 0; at < queries.length; at += QUERIES_MAX)
    await fetchAll(
      client,
      `metrics of ${target.traits.noun}`,
      queries.slice(at, at + QUERIES_MAX),
      { start, end },
      answers,
    );
  const valuesOf = (index: number) => answers.get(`m${index}`)?.values ?? new Map();
  const counts = seriesFrom(
    rules.filter((rule) => countsOf(rule) !== undefined || isLatency(rule.metric)),
    limits,
    (key, side) => valuesOf(at.get(nameOf(key, side)) ?? -1),
  );
  for (const { key } of unitless(answers, { all, points })) {
    const metric = key.slice(0, key.lastIndexOf('/')) as Exclude<Metric, 'latency'>;
    counts[metric] = unknownFrom(start, end, `metric ${key} ${MIXED}`);
  }
  const levels = gauges.map(({ limit, worth }, index) => [
    limit,
    [...valuesOf(points.length + index)].map(([at, value]) => ({ start: at, value: value * worth })),
  ]);
  return { ...counts, ...Object.fromEntries(levels) };
}

/** The counts that came in several units, of which GetMetricData adds up one and leaves the others out: seen on AWS with `StatusCode` Complete and this message alone (LocalStack's recorded answers of AWS, test_cloudwatch.py, 2025-09-19). */
const MULTIPLE_UNITS = 'MultipleUnits';
const MIXED =
  'was sent in several units, of which CloudWatch adds up one alone; send it in one unit, such as Count';

/** @throws RolloutError Unavailable if what came in several units is no count of a rule */
function unitless(answers: Answers, { all, points }: Pick<Question, 'all' | 'points'>): Point[] {
  const mixed = [...answers].filter(([, { isMixed }]) => isMixed);
  return mixed.flatMap(([Id]) => {
    const point = points[Number(Id.slice(1))];
    if (point === undefined || /^(?:latency|ages)\//.test(point.key))
      throw new RolloutError('Unavailable', `Metric ${point?.key ?? Id} ${MIXED}.`);
    return all.filter((each) => seriesOf(each) === seriesOf(point));
  });
}

const nameOf = (key: string, side: Side) => `${side} ${key}`;

/** The series of CloudWatch that a count is: the same text for two counts that are one. */
const seriesOf = ({
  side,
  source: { namespace, name, versionDimension, dimensions = {}, isWhole, stat },
}: Point) =>
  [side, namespace, name, versionDimension, isWhole, stat, ...Object.entries(dimensions).flat()].join('\n');

/** A stretch of which nothing is known. */
function unknownFrom(start: Instant, end: Instant, unknown: string): ReadWindow[] {
  return Array.from({ length: Math.ceil((end - start) / WINDOW_MS) }, (_, nth) => ({
    start: start + nth * WINDOW_MS,
    unknown,
  }));
}

function pointsOf(rules: WatchRule[], limits: LimitRule[], countsOf: Question['countsOf']): Point[] {
  const sources = new Map<string, Count>();
  for (const rule of rules) {
    const counts = countsOf(rule);
    if (counts !== undefined)
      for (const kind of ['bad', 'total'] as const) sources.set(`${rule.metric}/${kind}`, counts[kind]);
  }
  // What functions count themselves they count by who answered too.
  if (
    rules.some((rule) => countsOf(rule)?.bad.namespace === counted('').namespace && rule.metric === 'http5xx')
  )
    for (const [at, name] of ANSWERED.entries()) {
      sources.set(`ages/sum${at}`, counted(name));
      sources.set(`ages/all${at}`, { ...counted(name), stat: 'SampleCount' });
    }
  if (rules.some(({ metric }) => isLatency(metric)))
    for (let metric = 0; metric < LATENCY_METRICS; metric++) {
      const source = counted(latencyName(metric));
      sources.set(`latency/sum${metric}`, source);
      sources.set(`latency/all${metric}`, { ...source, stat: 'SampleCount' });
    }
  if (limits.some(({ limit }) => limit === 'batchFailures')) {
    sources.set('batchFailures/bad', counted('BatchFailures'));
    sources.set('batchFailures/total', counted('BatchItems'));
  }
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

function countQuery(kept: Kept, target: Target, { side, source }: Point) {
  const version = source.isWhole ? undefined : target[side];
  const further = Object.entries(source.dimensions ?? {}).map(([Name, Value]) => ({ Name, Value }));
  const Dimensions = [
    ...further,
    ...(source.versionDimension === undefined
      ? kept.dimensionsOf(target, version)
      : [{ Name: source.versionDimension, Value: target[side] }]),
  ];
  return {
    Metric: { Namespace: source.namespace, MetricName: source.name, Dimensions },
    Stat: source.stat ?? 'Sum',
  };
}

/** An incomplete answer is no answer: what is missing in it is unknown, and would read as health. */
async function fetchAll(
  client: CloudWatchClient,
  /** What is read, in words. */
  what: string,
  queries: MetricDataQuery[],
  { start, end }: Record<'start' | 'end', Instant>,
  answers: Answers,
): Promise<void> {
  let bad: MetricDataResult | undefined;
  let NextToken: string | undefined;
  do {
    const page = await reach(what, () =>
      client.send(
        new GetMetricDataCommand({
          MetricDataQueries: queries,
          StartTime: new Date(start),
          EndTime: new Date(end),
          ScanBy: 'TimestampAscending',
          ...(NextToken === undefined ? {} : { NextToken }),
        }),
      ),
    );
    for (const result of page.MetricDataResults ?? []) if (!take(answers, result)) bad ??= result;
    NextToken = page.NextToken;
  } while (NextToken !== undefined);
  const missing = queries.find(({ Id = '' }) => !answers.get(Id)?.isComplete);
  if (bad === undefined && missing === undefined) return;
  throw new RolloutError(
    'Unavailable',
    `${what.replace('metrics', 'Metrics')} came back incomplete (${bad?.StatusCode ?? `nothing for ${missing?.Id}`}); the next tick reads them again.`,
  );
}

type Values = Map<Instant, number>;

/** What has come of one query so far. Each page is taken into it as it comes, so that no answer of CloudWatch is held as a whole. */
interface Answer {
  values: Values;
  isComplete: boolean;
  isMixed: boolean;
}
type Answers = Map<string, Answer>;

/** Takes a result into the answers; false if it says that something is missing. */
function take(
  answers: Answers,
  { Id = '', StatusCode, Messages = [], Timestamps = [], Values = [] }: MetricDataResult,
): boolean {
  const answer = answers.get(Id) ?? { values: new Map(), isComplete: false, isMixed: false };
  answers.set(Id, answer);
  answer.isComplete ||= StatusCode === 'Complete';
  answer.isMixed ||= Messages.some(({ Code }) => Code === MULTIPLE_UNITS);
  Timestamps.forEach((at, i) => {
    const start = at.getTime();
    const [value, before] = [Values[i] ?? Number.NaN, answer.values.get(start)];
    // A time without a value, or with two of them, says nothing; an invalid count is unknown to the judge.
    answer.values.set(start, before === undefined || before === value ? value : Number.NaN);
  });
  return StatusCode === 'Complete' || StatusCode === 'PartialData';
}

/** Who answered: groups of environments or of whose the requests were, and last environments in their first minute. */
const ANSWERED = [...Array.from({ length: GROUPS }, (_, group) => `Group${group}`), 'Young'];

type ReadValues = (key: string, side: Side) => Values;

function seriesFrom(rules: WatchRule[], limits: LimitRule[], read: ReadValues): Series {
  const series: Series = {};
  const pairOf = (metric: string, side: Side) => ({
    bad: read(`${metric}/bad`, side),
    total: read(`${metric}/total`, side),
  });
  const windowsOf = (metric: Metric | Limit) =>
    pairedWindows(metric, { canary: pairOf(metric, 'canary'), stable: pairOf(metric, 'stable') });
  for (const { metric } of rules)
    if (!isLatency(metric)) {
      const windows = windowsOf(metric);
      series[metric] = metric === 'http5xx' ? windows.map((window) => withAges(window, read)) : windows;
    }
  if (rules.some(({ metric }) => isLatency(metric))) series.latency = spreadsFrom(read);
  if (limits.some(({ limit }) => limit === 'batchFailures'))
    series.batchFailures = windowsOf('batchFailures');
  return series;
}

/** The window with who answered on each side, if anything of that was counted. */
function withAges(window: ReadWindow, read: ReadValues): ReadWindow {
  if (window.unknown !== undefined) return window;
  const of = (side: Side): Pick<Window, Side> => {
    const count = window[side];
    const [young, ...groups] = ANSWERED.map(
      (_, at): Counts => ({
        bad: read(`ages/sum${at}`, side).get(window.start) ?? 0,
        total: read(`ages/all${at}`, side).get(window.start) ?? 0,
      }),
    ).reverse();
    const isCounted = [young, ...groups].some((each) => each !== undefined && each.total > 0);
    return count === undefined || young === undefined || !isCounted
      ? {}
      : { [side]: { ...count, ages: { young, groups: groups.reverse() } } };
  };
  return { ...window, ...of('canary'), ...of('stable') };
}

/** Each metric of durations carries two counts: how often it was sent, and how often its value was 1. */
function spreadsFrom(read: ReadValues): SpreadWindow[] {
  const windows = new Map<Instant, SpreadWindow>();
  for (const side of SIDES) {
    const of = (kind: 'all' | 'sum') =>
      Array.from({ length: LATENCY_METRICS }, (_, metric) => read(`latency/${kind}${metric}`, side));
    const [all, sums] = [of('all'), of('sum')];
    const at = (values: readonly Values[], start: Instant) => values.map((each) => each.get(start) ?? 0);
    for (const start of new Set([...all, ...sums].flatMap((each) => [...each.keys()]))) {
      const window = windows.get(start) ?? { start };
      window[side] = spreadOf({ samples: at(all, start), sums: at(sums, start) });
      windows.set(start, window);
    }
  }
  return [...windows.values()].sort((a, b) => a.start - b.start);
}
