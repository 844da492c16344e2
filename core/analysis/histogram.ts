/** Ratio of an edge to the one before it: no finer slowdown than this can be seen. */
const RATIO = Math.sqrt(1.25);

/** Durations in milliseconds, from 1 to above Lambda's longest of 15 minutes, at which `withSpillway` parts its counts. */
export const LATENCY_EDGES: readonly number[] = Array.from({ length: 125 }, (_, index) => RATIO ** index);

/** Name of the metric that counts requests above the edge before `bucket` and not above edge `bucket`. */
export function latencyBucket(bucket: number): string {
  return `Latency${String(bucket).padStart(3, '0')}`;
}
