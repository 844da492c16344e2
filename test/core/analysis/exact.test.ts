import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { logFactorWorse, type WindowCounts } from '../../../core/analysis/evalue.ts';
import { capitalExact, logFactorExact } from '../../../core/analysis/exact.ts';
import { worthOf } from '../../../core/analysis/mixture.ts';
import { times } from '../../deep.ts';

const choose = (n: number, k: number): number =>
  Array.from({ length: k }, (_, i) => (n - i) / (i + 1)).reduce((product, factor) => product * factor, 1);

/** The mean of the factor at these totals if the odds ratio of the requests is `odds`, term by term. */
function meanOf({ nc, ns, bad, odds, r, w0 }: Record<'nc' | 'ns' | 'bad' | 'odds' | 'r' | 'w0', number>) {
  const least = Math.max(0, bad - ns);
  const each = Array.from({ length: Math.min(nc, bad) - least + 1 }, (_, nth) => {
    const c = least + nth;
    const chance = choose(nc, c) * choose(ns, bad - c) * odds ** c;
    return { chance, factor: Math.exp(logFactorExact({ c, s: bad - c, nc, ns, r, w0 })) };
  });
  const all = each.reduce((sum, { chance }) => sum + chance, 0);
  return each.reduce((sum, { chance, factor }) => sum + (chance / all) * factor, 0);
}

const window = fc
  .tuple(
    fc.nat(60),
    fc.nat(60),
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.double({ min: 0, max: 1, noNaN: true }),
  )
  .map(([nc, ns, c, s]): WindowCounts => ({ nc, ns, c: Math.round(c * nc), s: Math.round(s * ns) }));
const bet = fc.constantFrom(1.1, 1.25, 2, 6, 150);
const tolerated = fc.constantFrom(1, 1.1, 1.278, 1.5, 20);

describe('the exact factor', () => {
  it.each([
    { nc: 5, ns: 95, r: 40, w0: 1.5 },
    { nc: 40, ns: 10, r: 1.25, w0: 1.278 },
    { nc: 19, ns: 1, r: 150, w0: 1 },
    { nc: 30, ns: 30, r: 2, w0: 20 },
  ])('has a mean of 1 at the tolerated odds, and of at most 1 below: $nc and $ns', ({ r, w0, ...totals }) => {
    for (let bad = 0; bad <= totals.nc + totals.ns; bad++) {
      expect(meanOf({ ...totals, bad, odds: w0, r, w0 })).toBeCloseTo(1, 10);
      for (const odds of [w0 / 1.1, w0 / 3, 0.01])
        expect(meanOf({ ...totals, bad, odds, r, w0 })).toBeLessThanOrEqual(1 + 1e-12);
    }
  });

  it('is never below the bound of it, and grows with what is bad on the canary instead of on stable', () => {
    fc.assert(
      fc.property(window, bet, tolerated, ({ nc, ns, c, s }, r, w0) => {
        const exact = logFactorExact({ nc, ns, c, s, r, w0 });
        expect(exact).toBeGreaterThanOrEqual(logFactorWorse({ nc, ns, c, s, r, w0 }) - 1e-9);
        if (nc > 0 && ns > 0 && c < nc && s > 0)
          expect(logFactorExact({ nc, ns, c: c + 1, s: s - 1, r, w0 })).toBeGreaterThan(exact);
      }),
      { numRuns: times(200, 20_000) },
    );
  });

  it('says nothing without both versions, without a bad request, without a good one, and of what is no number', () => {
    const asked = { c: 3, s: 2, nc: 10, ns: 20, r: 4, w0: 1.5 };
    for (const nothing of [
      { nc: 0, c: 0 },
      { ns: 0, s: 0 },
      { c: 0, s: 0 },
      { c: Number.NaN },
      { ns: Number.POSITIVE_INFINITY },
      { nc: -3 },
    ])
      expect(logFactorExact({ ...asked, ...nothing })).toBe(0);
    expect(logFactorExact({ ...asked, c: 10, s: 20 })).toBeCloseTo(0, 12);
  });

  it('takes counts with a fraction for no more against the canary than the whole counts beside them', () => {
    const asked = { c: 12.7, s: 4.2, nc: 20.4, ns: 40.9, r: 4, w0: 1.5 };
    expect(logFactorExact(asked)).toBe(logFactorExact({ ...asked, c: 12, s: 5, nc: 21, ns: 40 }));
  });

  it('takes more bad requests than there are for all', () => {
    const asked = { c: 10, s: 20, nc: 10, ns: 40, r: 4, w0: 1.5 };
    expect(logFactorExact({ ...asked, c: 99 })).toBe(logFactorExact(asked));
  });

  it('is a number for a thousand million requests, and near the bound where bad ones are rare', () => {
    const rare = { c: 300, s: 4_000, nc: 5e7, ns: 9.5e8, r: 1.5, w0: 1.5 };
    expect(Math.abs(logFactorExact(rare) - logFactorWorse(rare))).toBeLessThan(0.1);
    expect(logFactorExact({ c: 3e8, s: 2e8, nc: 5e8, ns: 5e8, r: 150, w0: 1.1 })).toSatisfy(Number.isFinite);
  });
});

it('mixes the exact factors of windows over bets and starts, each at the odds that it tolerates', () => {
  const windows = [
    { c: 60, s: 46, nc: 115, ns: 115, w0: 1.278 },
    { c: 5, s: 0, nc: 5, ns: 0, w0: 1.278 },
    { c: 58, s: 44, nc: 110, ns: 112, w0: 1.3 },
  ];
  const starts = { T: 10, head: 0.7 };
  const [first, , second] = windows.map((each) => logFactorExact({ ...each, r: 2 }) / 3) as [
    number,
    number,
    number,
  ];
  const wanted = 0.7 * Math.exp(first + second) + (0.3 / 9) * Math.exp(second) + (0.3 * 8) / 9;
  const capital = capitalExact({ windows, grid: [2], m: 3, ...starts });
  expect(worthOf(capital, starts)).toBeCloseTo(Math.log(wanted), 10);
  const before = capitalExact({ windows: windows.slice(0, 1), grid: [2], m: 3, ...starts });
  expect(capitalExact({ windows: windows.slice(1), grid: [2], m: 3, before, ...starts })).toEqual(capital);
});
