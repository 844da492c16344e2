import { expect, test } from 'vitest';
import { LATENCY_EDGES, latencyBucket } from '../../../core/analysis/histogram.ts';

test('the edges reach from a millisecond past the longest run of a Lambda function, two of them a quarter apart', () => {
  expect(LATENCY_EDGES[0]).toBe(1);
  expect(LATENCY_EDGES.at(-1)).toBeGreaterThan(15 * 60_000);
  for (const [at, edge] of LATENCY_EDGES.entries())
    if (at >= 2) expect(edge / (LATENCY_EDGES[at - 2] ?? 0)).toBeCloseTo(1.25, 9);
});

test('each bucket has a name of its own, and the names are in the order of the buckets', () => {
  const names = Array.from({ length: LATENCY_EDGES.length + 1 }, (_, bucket) => latencyBucket(bucket));
  expect(names[7]).toBe('Latency007');
  expect(new Set(names).size).toBe(names.length);
  expect(names.toSorted()).toEqual(names);
});
