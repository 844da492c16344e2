import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  LATENCY_EDGES,
  LATENCY_METRICS,
  latencyMetric,
  latencyName,
  overs,
  spreadOf,
} from '../../../core/analysis/histogram.ts';
import { addsUp } from '../../../core/analysis/latency.ts';
import tails from './tails-vectors.json' with { type: 'json' };

const vectors = (fn: string) => tails.vectors.filter((each) => each.fn === fn);

test('the edges reach from an eighth of a millisecond to more than half of the longest run of a Lambda function, an octave in two parts', () => {
  expect(LATENCY_EDGES[0]).toBe(0.125);
  expect(LATENCY_EDGES.at(-1)).toBe(655_360);
  for (const [at, edge] of LATENCY_EDGES.entries())
    if (at > 0) expect(edge / (LATENCY_EDGES[at - 1] ?? 0)).toBe(at % 2 === 1 ? 1.25 : 1.6);
});

test('each metric has a name of its own', () => {
  const names = Array.from({ length: LATENCY_METRICS }, (_, metric) => latencyName(metric));
  expect(names[7]).toBe('Latency7');
  expect(new Set(names).size).toBe(24);
});

test.each(vectors('latencyMetric'))('$input ms are counted as $expected', ({ input, expected }) => {
  expect(latencyMetric(input as number)).toEqual(expected);
});

test.each(vectors('overs'))('counts over each edge are those of the vector', ({ input, expected }) => {
  expect(overs(input as Parameters<typeof overs>[0])).toEqual(expected);
});

test('two exact counts in each metric say how many durations are over each edge', () => {
  const duration = fc.oneof(
    fc.double({ min: 0, max: 1e7, noNaN: true }),
    fc.constantFrom(...LATENCY_EDGES),
    fc.double({ min: 0.01, max: 2, noNaN: true }),
  );
  fc.assert(
    fc.property(fc.array(duration, { maxLength: 50 }), (durations) => {
      const counts = { samples: new Array(24).fill(0), sums: new Array(24).fill(0) };
      for (const { metric, value } of durations.map(latencyMetric)) {
        counts.samples[metric] += 1;
        counts.sums[metric] += value;
      }
      const spread = spreadOf(counts);
      expect(spread.total).toBe(durations.length);
      expect(addsUp(spread)).toBe(true);
      expect(spread.over).toEqual(LATENCY_EDGES.map((edge) => durations.filter((ms) => ms > edge).length));
    }),
  );
});

test('counts of which more were in an upper part than in all do not add up', () => {
  const [samples, sums] = [new Array(24).fill(0), new Array(24).fill(0)];
  samples[5] = 3;
  sums[5] = 4;
  expect(addsUp(spreadOf({ samples, sums }))).toBe(false);
  sums[5] = 3;
  expect(addsUp(spreadOf({ samples, sums }))).toBe(true);
});
