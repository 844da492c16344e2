import { expect, test } from 'vitest';
import { METRIC_NAMES } from '../../../core/analysis/metrics.ts';
import type { Metric, WatchRule } from '../../../core/analysis/types.ts';
import { isLatency, readFor, rulesFor, weightsOf } from '../../../core/analysis/weights.ts';
import { target } from '../rollout/given.ts';

const custom = { bad: { namespace: 'Shop', name: 'Failed' }, total: { namespace: 'Shop', name: 'Orders' } };
const RULES = {
  errors: { metric: 'errors', ratio: 1.5 },
  http5xx: { metric: 'http5xx', ratio: 2 },
  throttles: { metric: 'throttles', share: 0.1 },
  latency: { metric: 'latency', ratio: 1.25 },
  custom: { metric: 'custom.orders', ratio: 1.5, custom },
} satisfies Record<string, WatchRule>;
const { errors, http5xx, throttles, latency } = RULES;
/** What is read for a target that no rule asks its errors of. */
const runs: WatchRule = { metric: 'errors', ratio: 1 };

test.each<[Metric, boolean]>([
  ['latency', true],
  ['p50', true],
  ['p99.9' as Metric, true],
  ['probes', false],
  ['custom.p95', false],
  ['errors', false],
])('a rule of %s is one of slow requests: %s', (metric, is) => {
  expect(isLatency(metric)).toBe(is);
});

test.each<[string, WatchRule[], WatchRule[], WatchRule[]]>([
  ['nothing', [], [], []],
  ['errors', [errors], [errors], [errors]],
  [
    'all',
    Object.values(RULES),
    Object.values(RULES),
    Object.values(RULES).filter((each) => each !== http5xx),
  ],
  ['answers alone', [http5xx], [http5xx, runs], []],
  [
    'something else than errors',
    [throttles, latency],
    [throttles, latency, runs],
    [throttles, latency, runs],
  ],
])(
  'of a target watched by %s its errors are read too, and answers only where they have a status',
  (_, rules, http, invoked) => {
    expect(readFor(target(), rules)).toEqual(http);
    expect(readFor(target('worker', { source: 'invoke' }), rules)).toEqual(invoked);
    expect(rulesFor(target('worker', { source: 'invoke' }), rules)).toEqual(
      rules.filter(({ metric }) => metric !== 'http5xx'),
    );
  },
);

test.each<[Record<string, number>]>([
  [{}],
  [{ errors: 1 }],
  [{ errors: 5 / 6, traffic: 1 / 6 }],
  [{ throttles: 1 / 2, traffic: 1 / 2 }],
  [{ errors: 5 / 8, probes: 2 / 8, 'custom.a': 1 / 8 }],
  [{ p99: 2 / 3, 'custom.a': 1 / 3 }],
  [{ latency: 2 / 4, probes: 2 / 4 }],
  [
    {
      ...{ errors: 0.25, http5xx: 0.25, p50: 0.1, p95: 0.1 },
      ...{ throttles: 0.1, traffic: 0.1, 'custom.a': 0.05, 'custom.b': 0.05 },
    },
  ],
])('the stake is split by what is watched, and what is not leaves its part to the others: %j', (parts) => {
  const split = weightsOf(Object.keys(parts) as Metric[]);
  expect([...split.keys()].sort()).toEqual(Object.keys(parts).sort());
  for (const [metric, part] of Object.entries(parts))
    expect(split.get(metric as Metric), metric).toBeCloseTo(part, 12);
});

test('every metric that a file may name has a part of the stake: without one it could never fail', () => {
  const all: Metric[] = [...METRIC_NAMES, 'latency', 'p95', 'traffic', 'probes', 'custom.orders'];
  const parts = weightsOf(all);
  expect([...parts.keys()].sort()).toEqual(all.toSorted());
  expect(Math.min(...parts.values())).toBeGreaterThan(0);
});
