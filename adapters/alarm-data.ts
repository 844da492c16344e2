import type { Instant } from '../core/units.ts';

/**
 * The end of the first data point that breached, by what CloudWatch keeps of a change to ALARM (`StateReasonData` of DescribeAlarms,
 * `reasonData` of the event); undefined for composite alarms, anomaly bands and expressions, and for text that is none of it.
 * The newest data point says on which side of the threshold a breach is. Without dates of the data points they are taken to be the
 * newest ones before the query, which holds more against the canary.
 */
export function breachedAt(reasonData: string | undefined): Instant | undefined {
  const data = fieldsOf(reasonData);
  const { period, threshold, recentDatapoints, evaluatedDatapoints, queryDate } = data;
  if (!(isNumber(period) && isNumber(threshold) && period > 0)) return undefined;
  const dated = (Array.isArray(evaluatedDatapoints) ? evaluatedDatapoints : []).flatMap(
    (point: { timestamp?: unknown; value?: unknown } | null) => {
      const start = instantFrom(point?.timestamp);
      return start !== undefined && isNumber(point?.value) ? [{ start, value: point.value }] : [];
    },
  );
  const asked = instantFrom(queryDate);
  const values = (Array.isArray(recentDatapoints) ? recentDatapoints : []).filter(isNumber);
  const end = asked === undefined ? Number.NaN : Math.floor(asked / (period * 1000)) * period * 1000;
  const guessed = values.map((value, at) => ({ start: end - (values.length - at) * period * 1000, value }));
  const points = (dated.length > 0 ? dated : guessed).sort((a, b) => a.start - b.start);
  const newest = points.at(-1);
  if (newest === undefined || Number.isNaN(newest.start)) return undefined;
  const side = Math.sign(newest.value - threshold);
  const first = points.find(({ value }) => [0, side].includes(Math.sign(value - threshold)) || side === 0);
  return first && first.start + period * 1000;
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
