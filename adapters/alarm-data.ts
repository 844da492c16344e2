import type { Instant } from '../core/units.ts';

/**
 * The end of the first data point that breached, by what CloudWatch keeps of a change to ALARM (`StateReasonData` of DescribeAlarms,
 * `reasonData` of the event); undefined for composite alarms, if missing data breached, and for text that is none of it.
 * A breach is outside the anomaly band, or on the side of the threshold that the alarm's comparison says; if that is not known, on
 * the side of the newest data point. Without dates of the data points they are taken to be the newest ones before the query, which
 * holds more against the canary.
 */
export function breachedAt(reasonData: string | undefined, comparison = ''): Instant | undefined {
  const data = fieldsOf(reasonData);
  const { period } = data;
  if (!(isNumber(period) && period > 0)) return undefined;
  const points = pointsOf(data, period * 1000);
  const newest = points.at(-1);
  if (newest === undefined || Number.isNaN(newest.start)) return undefined;
  const { threshold: level } = newest;
  const side = /^greater/i.test(comparison)
    ? 1
    : /^less/i.test(comparison)
      ? -1
      : Math.sign((newest.value ?? Number.NaN) - (level ?? newest.value ?? Number.NaN));
  if (Number.isNaN(side)) return undefined;
  const first = points.find(({ value, threshold, lower, upper }) => {
    if (value === undefined) return false;
    if (threshold === undefined) return value < (lower ?? value) || value > (upper ?? value);
    return side === 0 || [0, side].includes(Math.sign(value - threshold));
  });
  return first && first.start + period * 1000;
}

/** `greater` or `less`, as the reason of a change to ALARM says it; undefined if it does not. */
export function comparisonIn(reason = ''): string | undefined {
  return /\bw(?:as|ere) (greater|less) than/i.exec(reason)?.[1];
}

/** A data point that an alarm was evaluated on, and what it was held against. */
interface Point {
  start: Instant;
  /** Absent if there was no data. */
  value?: number | undefined;
  threshold?: number | undefined;
  lower?: number | undefined;
  upper?: number | undefined;
}

/**
 * The data points, oldest first. Shapes seen on AWS: `evaluatedDatapoints`, newest first, have no `value` if there was no data
 * (fixture of `aws_lambda_events`, 2023-08-04), and a `threshold` of their own for an anomaly band with one edge (recorded 2024-07-25);
 * `recentDatapoints` and their `recentLowerThresholds` and `recentUpperThresholds` are oldest first (CloudWatch user guide, "Alarm
 * events and EventBridge"; their order is assumed).
 */
function pointsOf(data: Record<string, unknown>, periodMs: number): Point[] {
  const { threshold, queryDate } = data;
  const listOf = (list: unknown): unknown[] => (Array.isArray(list) ? list : []);
  const numberFrom = (value: unknown) => (isNumber(value) ? value : undefined);
  const asked = instantFrom(queryDate) ?? Number.NaN;
  const end = Math.floor(asked / periodMs) * periodMs;
  const values = listOf(data.recentDatapoints);
  const [lower, upper] = [listOf(data.recentLowerThresholds), listOf(data.recentUpperThresholds)];
  const recent = values.map(
    (value, at): Point => ({
      start: end - (values.length - at) * periodMs,
      value: numberFrom(value),
      threshold: numberFrom(threshold),
      lower: numberFrom(lower[at]),
      upper: numberFrom(upper[at]),
    }),
  );
  const dated = listOf(data.evaluatedDatapoints)
    .map((point) => Object(point) as Record<string, unknown>)
    .flatMap((point) => {
      const start = instantFrom(point.timestamp);
      return start === undefined ? [] : [{ ...point, start, value: numberFrom(point.value) }];
    })
    .sort((a, b) => a.start - b.start);
  if (dated.length === 0) return recent.filter(({ value }) => value !== undefined);
  const edges = recent.filter(({ value }) => value !== undefined);
  let nth = dated.filter(({ value }) => value !== undefined).length === edges.length ? 0 : edges.length;
  return dated.map(({ start, value, ...point }) => ({
    ...{ threshold: numberFrom(threshold), ...(value === undefined ? {} : edges[nth++]) },
    ...('threshold' in point ? { threshold: numberFrom(point.threshold) } : {}),
    start,
    value,
  }));
}

/** A metric that an alarm reads, by its dimensions, or what it computes of others. */
interface Reads {
  dimensions?: Record<string, string> | undefined;
  expression?: string | undefined;
}

/**
 * The versions whose requests alone these metrics count, as `function:version`; undefined if any of them counts more or cannot be
 * told. Lambda counts the runs of a version with `ExecutedVersion`, or by the version as `Resource` (Lambda developer guide, "Viewing
 * metrics for functions"). An expression with a text in it, or a query, reads metrics of its own.
 */
export function versionsOf(reads: readonly Reads[]): string[] | undefined {
  const versions = reads.flatMap(({ dimensions, expression }) => {
    if (expression !== undefined) return /["']|\bSELECT\b/i.test(expression) ? [undefined] : [];
    const { FunctionName: name, ExecutedVersion, Resource = '' } = dimensions ?? {};
    const version = ExecutedVersion ?? /:(\d+)$/.exec(Resource)?.[1];
    return [name === undefined || version === undefined ? undefined : `${name}:${version}`];
  });
  const known = [...new Set(versions)].filter((version) => version !== undefined);
  return known.length === 0 || versions.includes(undefined) ? undefined : known;
}

function fieldsOf(text: string | undefined): Record<string, unknown> {
  try {
    const data: unknown = JSON.parse(text ?? '');
    return typeof data === 'object' && data !== null ? (data as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)$/;

/**
 * The instant of a date that CloudWatch writes; undefined if it cannot be read. CloudWatch writes `+0000`, Date.parse wants
 * `+00:00`; by itself Date.parse would take "1" for a day in 2001.
 */
export function instantFrom(timestamp: unknown): Instant | undefined {
  const text = typeof timestamp === 'string' && ISO.test(timestamp) ? timestamp : '';
  const at = Date.parse(text.replace(/([+-]\d\d)(\d\d)$/, '$1:$2'));
  return Number.isNaN(at) ? undefined : at;
}
