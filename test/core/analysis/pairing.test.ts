import { describe, expect, test } from 'vitest';
import { type Pair, pairedWindows } from '../../../core/analysis/pairing.ts';
import { knownWindows } from '../../../core/analysis/settled.ts';
import type { Limit, Metric } from '../../../core/analysis/types.ts';
import { minute } from '../rollout/given.ts';

type Points = Record<number, number>;

const counts = (points: Points) =>
  new Map(Object.entries(points).map(([at, value]) => [minute(Number(at)), value] as const));
const pair = (bad: Points, total: Points): Pair => ({ bad: counts(bad), total: counts(total) });
const kept = (metric: Metric | Limit, canary: Pair, stable: Pair) =>
  knownWindows(pairedWindows(metric, { canary, stable })).map(({ start }) => (start - minute(0)) / 60_000);

const ORDERS = { 0: 900, 1: 900, 2: 900 };
const NONE = { 0: 0, 1: 0, 2: 0 };

describe('the counts of both versions', () => {
  test('stand in one window for each minute, oldest first, and a version that is not there is not zero', () => {
    const canary = pair({ 2: 1, 0: 3 }, { 2: 40, 0: 50 });
    const stable = pair({ 1: 0, 2: 4 }, { 1: 300, 2: 310 });
    expect(pairedWindows('errors', { canary, stable })).toStrictEqual([
      { start: minute(0), canary: { bad: 3, total: 50 } },
      { start: minute(1), stable: { bad: 0, total: 300 } },
      { start: minute(2), canary: { bad: 1, total: 40 }, stable: { bad: 4, total: 310 } },
    ]);
  });

  test.each(['throttles', 'traffic'] as const)(
    'of %s are added up, and a minute may have either alone',
    (metric) => {
      const canary = pair({ 0: 5, 1: 7 }, { 0: 95, 2: 80 });
      expect(pairedWindows(metric, { canary, stable: pair({}, { 0: 900 }) })).toStrictEqual([
        { start: minute(0), canary: { bad: 5, total: 100 }, stable: { bad: 0, total: 900 } },
        { start: minute(1), canary: { bad: 7, total: 7 } },
        { start: minute(2), canary: { bad: 0, total: 80 } },
      ]);
    },
  );
});

describe('a window of which a version was counted by half is unknown', () => {
  test('and says so instead of being absent, which would read as a minute without data', () => {
    expect(pairedWindows('errors', { canary: pair({}, { 0: 5 }), stable: pair({}, {}) })).toEqual([
      { start: minute(0), unknown: 'the canary was counted by half' },
    ]);
  });

  test.each(['errors', 'http5xx', 'batchFailures'] as const)('always, for %s', (metric) => {
    const whole = pair(NONE, ORDERS);
    expect(kept(metric, whole, whole)).toEqual([0, 1, 2]);
    expect(kept(metric, pair({ 0: 0, 2: 0 }, ORDERS), whole)).toEqual([0, 2]);
    expect(kept(metric, whole, pair(NONE, { 1: 900, 2: 900 }))).toEqual([1, 2]);
    expect(kept(metric, pair({}, ORDERS), pair({}, ORDERS))).toEqual([]);
  });

  const everyOther = (bad: number): Points => Object.fromEntries([0, 2, 4, 6, 8, 10].map((at) => [at, bad]));
  const TWELVE = Object.fromEntries(Array.from({ length: 12 }, (_, at) => [at, 900]));

  test('for counts of one’s own, if chance does not explain so many gaps together', () => {
    const [even, all] = [[0, 2, 4, 6, 8, 10], [...Array(12).keys()]];
    expect(kept('custom.orders', pair({}, {}), pair(everyOther(12), TWELVE))).toEqual(even);
    expect(kept('custom.orders', pair({}, {}), pair(everyOther(5), TWELVE))).toEqual(all);
    expect(kept('custom.orders', pair({}, {}), pair(everyOther(1), TWELVE))).toEqual(all);
  });

  test.each<[string, Points, number[]]>([
    ['not where a bad count is only sent when something went wrong', { 1: 2 }, [0, 1, 2]],
    ['not where so few were due that chance may explain it', { 1: 9 }, [0, 1, 2]],
    ['where 20 and more were due by the other minutes', { 1: 20 }, [1]],
    ['where it is also sent when nothing went wrong', { 0: 0, 1: 2 }, [0, 1]],
    ['not for a count without any requests beside it', { 1: 2, 7: 900 }, [0, 1, 2]],
  ])('for counts of one’s own, %s', (_, bad, windows) => {
    expect(kept('custom.orders', pair(NONE, ORDERS), pair(bad, ORDERS))).toEqual(windows);
    // Each version is told by what it sends itself.
    expect(kept('custom.orders', pair(bad, ORDERS), pair({ 0: 1, 1: 1, 2: 1 }, ORDERS))).toEqual(windows);
  });

  test('where a canary sends no bad count at all, and stable sends it always', () => {
    expect(kept('custom.orders', pair({}, ORDERS), pair(NONE, ORDERS))).toEqual([]);
    expect(kept('custom.orders', pair({}, ORDERS), pair({ 1: 2 }, ORDERS))).toEqual([0, 1, 2]);
    // A stable that is older than the habit of sending 0 is not held to it.
    expect(kept('custom.orders', pair(NONE, ORDERS), pair({}, ORDERS))).toEqual([0, 1, 2]);
  });
});
