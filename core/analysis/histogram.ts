import type { Spread } from './types.ts';

/** Octaves that durations are counted in: each begins at twice the duration of the one before. */
const OCTAVES = 23;

/** Where each octave begins, in milliseconds: from 0.125 to 524,288. */
const STARTS: readonly number[] = Array.from({ length: OCTAVES }, (_, octave) => 2 ** (octave - 3));

/** The part of an octave, above its beginning, that is its lower one. */
const LOWER = 1.25;

/** Durations in milliseconds, rising, of which it is known how many requests took longer: where each octave and its upper part begin. */
export const LATENCY_EDGES: readonly number[] = STARTS.flatMap((start) => [start, LOWER * start]);

/** How many metrics count durations: one for each octave, and one for what is below them all. */
export const LATENCY_METRICS = OCTAVES + 1;

/** The metric that counts a duration in milliseconds, and its value: 1 in the upper part of its octave, 0 in the lower one. */
export function latencyMetric(ms: number): { metric: number; value: 0 | 1 } {
  const metric = STARTS.filter((start) => start < ms).length;
  return { metric, value: metric > 0 && ms > LOWER * (STARTS[metric - 1] ?? 0) ? 1 : 0 };
}

/** Name of that metric. */
export const latencyName = (metric: number): string => `Latency${metric}`;

/** How many requests each of the metrics counted, and in how many of them its value was 1. */
export interface Octaves {
  samples: readonly number[];
  sums: readonly number[];
}

/** How many requests took longer than the beginning of each octave, and than that of its upper part. */
export function overs({ samples, sums }: Octaves): { total: number; low: number[]; high: number[] } {
  const total = samples.reduce((all, count) => all + count, 0);
  let left = total;
  const low = STARTS.map((_, octave) => {
    left -= samples[octave] ?? 0;
    return left;
  });
  const high = low.map((over, octave) => over - (samples[octave + 1] ?? 0) + (sums[octave + 1] ?? 0));
  return { total, low, high };
}

/** The durations that the metrics counted, over `LATENCY_EDGES`. */
export function spreadOf(octaves: Octaves): Spread {
  const { total, low, high } = overs(octaves);
  return { total, edges: LATENCY_EDGES, over: low.flatMap((over, octave) => [over, high[octave] ?? 0]) };
}
