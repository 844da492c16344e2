import { expect, test } from 'vitest';
import { fewest, tenfold, wouldShow } from '../../../core/analysis/power.ts';

test.each<[number, number, number, number]>([
  [0, 0, 0.01, 0.1],
  [0, 1_000, 0.01, 0.1],
  [1, 1_000, 0.01, 0.1],
  [10, 1_000, 0.01, 0.1],
  [20, 1_000, 0.01, 0.2],
  [20, 1_000, 0.05, 0.5],
  [94, 1_000, 0.01, 0.94],
  [96, 1_000, 0.01, 0.95],
  [900, 1_000, 0.01, 0.95],
  [0, 0, 0.5, 0.95],
])(
  'of stable with %d of %d bad and a floor of %d a share of %d must not go unseen',
  (bad, total, floor, share) => {
    expect(tenfold({ bad, total }, floor)).toBeCloseTo(share, 12);
  },
);

/** The number of bad requests by which it is asked whether a release would show; undefined if none is likely. */
function reached(total: number, share: number): number | undefined {
  let asked: number | undefined;
  wouldShow(total, share, (bad) => {
    asked = bad;
    return true;
  });
  return asked;
}

/** The logarithms of the factorials. */
const FACTORIALS = [0];
for (let of = 1; of <= 2_000; of++) FACTORIALS.push((FACTORIALS[of - 1] ?? 0) + Math.log(of));

/** The chance of at least so many. */
function chanceOf(least: number, total: number, share: number): number {
  const ways = (bad: number) =>
    (FACTORIALS[total] ?? 0) - (FACTORIALS[bad] ?? 0) - (FACTORIALS[total - bad] ?? 0);
  return Array.from({ length: total - least + 1 }, (_, nth) => least + nth).reduce(
    (sum, bad) => sum + Math.exp(ways(bad) + bad * Math.log(share) + (total - bad) * Math.log(1 - share)),
    0,
  );
}

test.each([
  ...[1, 2, 3, 10, 50, 300, 450, 1_000, 2_000].flatMap((total) =>
    [0.01, 0.1, 0.3, 0.5, 0.79, 0.81, 0.95].map((share) => [total, share] as const),
  ),
])(
  'of %d requests at a share of %f as many are taken for bad as there are with a chance of 80 %%',
  (total, share) => {
    const bad = reached(total, share) ?? 0;
    expect(chanceOf(bad, total, share)).toBeGreaterThan(0.795);
    expect(bad === total ? 0 : chanceOf(bad + 1, total, share)).toBeLessThan(0.805);
  },
);

test('a release shows if so many bad requests are found, and never where none is likely', () => {
  const bad = reached(300, 0.1) ?? 0;
  expect(wouldShow(300, 0.1, (found) => found >= bad)).toBe(true);
  expect(wouldShow(300, 0.1, (found) => found > bad)).toBe(false);
  for (const total of [0, 1, 10]) expect(wouldShow(total, 0.01, () => true)).toBe(false);
  expect(wouldShow(200, 0.01, () => true)).toBe(true);
});

test.each<[number, number | undefined]>([
  ...[6, 7, 10, 11, 19, 20, 21, 37, 98, 100].map((each): [number, number] => [each, each]),
  [99, 100],
  [101, 110],
  [999, 1_000],
  [1_310_720, 1_400_000],
  [1_310_721, undefined],
  [Number.POSITIVE_INFINITY, undefined],
])('the fewest that suffice, if %d do, are %d', (enough, told) => {
  expect(fewest((total) => total >= enough)).toBe(told);
});

test('the fewest are never too few, and too many by a digit at most', () => {
  for (let enough = 6; enough < 1e6; enough = Math.ceil(enough * 1.13)) {
    const told = fewest((total) => total >= enough) ?? 0;
    const digit = 10 ** Math.max(0, Math.floor(Math.log10(told)) - 1);
    expect(told).toBeGreaterThanOrEqual(enough);
    expect(told).toBeLessThan(enough * 1.021 + digit);
    expect(told % digit).toBe(0);
  }
});
