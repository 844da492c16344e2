import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  logEAbsoluteSafe,
  logEAbsoluteWorse,
  logETraffic,
  logEWindowBet,
  logEWorse,
  logFactorSafe,
  logFactorTilt,
  logFactorWorse,
  orLowerBound,
  type WindowCounts,
} from '../../../core/analysis/evalue.ts';
import { times } from '../../deep.ts';

const GRID = [1.5, 2, 3, 5, 10, 30, 100, 500];
const STAKES = [0.1, 0.25, 0.5, 0.75, 1];
const ALTERNATIVES = { p0: 0.01, p1: [0.015, 0.05, 0.5, 0.999] };
const BETTER = { p0: 0.01, p1: [0.0002, 0.001, 0.007] };

const side = (largest: number) =>
  fc
    .integer({ min: 0, max: largest })
    .chain((total) => fc.tuple(fc.integer({ min: 0, max: total }), fc.constant(total)));

const windowUpTo = (largest: number): fc.Arbitrary<WindowCounts> =>
  fc.tuple(side(largest), side(largest)).map(([[c, nc], [s, ns]]) => ({ c, s, nc, ns }));

const windowsUpTo = (largest: number) => fc.array(windowUpTo(largest), { maxLength: 12 });
const ratio = fc.double({ min: 1, max: 50, noNaN: true });
const above = fc.constantFrom(1.01, ...GRID);
const below = fc.constantFrom(0.01, 0.125, 0.25, 0.375, 0.5, 0.625, 0.99);
const starts = fc.record({ T: fc.integer({ min: 1, max: 40 }), head: fc.constantFrom(0.1, 0.5, 1) });
const burst = fc.constantFrom(1, 3, 10);

/** What rounding may take away: a few units in the last place of the largest term that is added up. */
const rounding = (windows: WindowCounts[]) =>
  1e-12 + 1e-14 * windows.reduce((total, { c, s }) => total + (c + s) * Math.log(500), 0);

/** Every function on the same counts, by name. */
const readings = (windows: WindowCounts[], common: { T: number; head: number; m: number; w0: number }) => {
  const [{ c, s, nc, ns } = { c: 0, s: 0, nc: 0, ns: 0 }] = windows;
  return {
    factorWorse: { call: logFactorWorse, input: { c, s, nc, ns, r: 5, w0: common.w0 } },
    factorSafe: { call: logFactorSafe, input: { c, s, nc, ns, r: 0.25, wm: common.w0 } },
    worse: { call: logEWorse, input: { windows, grid: GRID, ...common } },
    absoluteWorse: { call: logEAbsoluteWorse, input: { c, n: nc, ...ALTERNATIVES } },
    absoluteSafe: { call: logEAbsoluteSafe, input: { c, n: nc, ...BETTER } },
    windowBet: { call: logEWindowBet, input: { windows, U: STAKES, ...common } },
    traffic: { call: logETraffic, input: { windows, w: 0.1, tau: 1.1, grid: [1.1, 4, 50] } },
    tilt: { call: logFactorTilt, input: { xc: [nc - c, c], xs: [ns - s, s], v: [1, 8] } },
    lowerBound: { call: orLowerBound, input: { windows, grid: GRID, ...common, alpha: 0.01 } },
  } as Record<string, { call: (input: object) => number; input: object }>;
};

const anyCounts = fc.tuple(
  windowsUpTo(1e9),
  fc.record({ T: fc.integer({ min: 1, max: 40 }), head: fc.constantFrom(0.1, 0.5, 1), m: burst, w0: ratio }),
);

const deepFreeze = <T>(value: T): T => {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(deepFreeze);
  return value;
};

describe('any counts', () => {
  it('give a finite number, up to a thousand million requests', () => {
    fc.assert(
      fc.property(anyCounts, above, below, ([windows, common], r, safe) => {
        for (const [name, { call, input }] of Object.entries(readings(windows, common))) {
          expect(Number.isFinite(call(input)), name).toBe(true);
        }
        for (const window of windows) {
          expect(logFactorWorse({ ...window, r, w0: common.w0 })).toSatisfy(Number.isFinite);
          expect(logFactorSafe({ ...window, r: safe, wm: common.w0 })).toSatisfy(Number.isFinite);
        }
      }),
      { numRuns: times(300, 3_000) },
    );
  });

  it('give the same number after a trip through JSON, and are left as they were', () => {
    fc.assert(
      fc.property(anyCounts, ([windows, common]) => {
        for (const [name, { call, input }] of Object.entries(deepFreeze(readings(windows, common)))) {
          const answer = call(input);
          expect(call(JSON.parse(JSON.stringify(input))), name).toBe(answer);
          expect(JSON.parse(JSON.stringify(answer)) === answer, name).toBe(true);
        }
      }),
    );
  });

  it('say nothing if the canary or the stable version had no requests', () => {
    const oneSided = side(1e9).chain(([bad, total]) =>
      fc.constantFrom({ c: bad, nc: total, s: 0, ns: 0 }, { c: 0, nc: 0, s: bad, ns: total }),
    );
    fc.assert(
      fc.property(oneSided, windowsUpTo(1e4), fc.nat(), ratio, starts, (empty, windows, place, w0, when) => {
        expect(logFactorWorse({ ...empty, r: 5, w0 })).toBe(0);
        expect(logFactorSafe({ ...empty, r: 0.5, wm: w0 })).toBe(0);
        const longer = windows.toSpliced(place % (windows.length + 1), 0, empty);
        const worse = (list: WindowCounts[]) => logEWorse({ windows: list, grid: GRID, ...when, w0 });
        const bet = (list: WindowCounts[]) => logEWindowBet({ windows: list, U: STAKES, ...when, w0 });
        expect([worse(longer), bet(longer)]).toEqual([worse(windows), bet(windows)]);
      }),
    );
  });
});

describe('one more bad request on the canary', () => {
  /** A window whose canary had one more request that could have been bad. */
  const window = windowUpTo(1e4).filter(({ c, nc }) => c < nc);

  it('never lowers the evidence that it is worse, whether one more was bad in all or the same number', () => {
    fc.assert(
      fc.property(window, above, ratio, (fewer, r, w0) => {
        const slack = rounding([fewer]);
        const before = logFactorWorse({ ...fewer, r, w0 });
        expect(logFactorWorse({ ...fewer, c: fewer.c + 1, r, w0 })).toBeGreaterThanOrEqual(before - slack);
        if (fewer.s === 0) return;
        const moved = { ...fewer, c: fewer.c + 1, s: fewer.s - 1 };
        expect(logFactorWorse({ ...moved, r, w0 })).toBeGreaterThanOrEqual(before + Math.log(r) - slack);
      }),
      { numRuns: times(1000, 10_000) },
    );
  });

  it('lowers the evidence that it is safe where the same number was bad in all', () => {
    fc.assert(
      fc.property(window, below, ratio, (fewer, r, wm) => {
        fc.pre(fewer.s > 0);
        const moved = { ...fewer, c: fewer.c + 1, s: fewer.s - 1 };
        const before = logFactorSafe({ ...fewer, r, wm });
        expect(logFactorSafe({ ...moved, r, wm })).toBeLessThanOrEqual(
          before + Math.log(r) + rounding([fewer]),
        );
      }),
    );
  });

  it('never lowers the evidence of all windows, nor the lower bound', () => {
    fc.assert(
      fc.property(windowsUpTo(1e3), window, starts, burst, ratio, (others, fewer, when, m, w0) => {
        const [before, after] = [fewer, { ...fewer, c: fewer.c + 1 }].map((each) => [...others, each]);
        if (before === undefined || after === undefined) return;
        const slack = rounding(after);
        const worse = { grid: GRID, ...when, m, w0 };
        const bet = { U: STAKES, ...when, w0 };
        const least = logEWorse({ windows: before, ...worse }) - slack;
        expect(logEWorse({ windows: after, ...worse })).toBeGreaterThanOrEqual(least);
        const leastBet = logEWindowBet({ windows: before, ...bet }) - slack;
        expect(logEWindowBet({ windows: after, ...bet })).toBeGreaterThanOrEqual(leastBet);
        const [low, high] = [before, after].map((windows) =>
          orLowerBound({ windows, ...worse, alpha: 0.01 }),
        );
        expect(high).toBeGreaterThanOrEqual((low ?? Number.NaN) * (1 - 1e-6));
      }),
    );
  });

  it('moves the evidence against an absolute share', () => {
    fc.assert(
      fc.property(window, ({ c, nc }) => {
        const worse = (bad: number) => logEAbsoluteWorse({ c: bad, n: nc, ...ALTERNATIVES });
        const safe = (bad: number) => logEAbsoluteSafe({ c: bad, n: nc, ...BETTER });
        expect(worse(c + 1)).toBeGreaterThan(worse(c));
        expect(safe(c + 1)).toBeLessThan(safe(c));
      }),
    );
  });
});

describe('order', () => {
  const added = (parts: WindowCounts[]): WindowCounts =>
    parts.reduce((a, b) => ({ c: a.c + b.c, s: a.s + b.s, nc: a.nc + b.nc, ns: a.ns + b.ns }), {
      ...{ c: 0, s: 0, nc: 0, ns: 0 },
    });

  const partsInTwoOrders = fc
    .array(windowUpTo(1e4), { minLength: 1, maxLength: 8 })
    .chain((parts) => fc.tuple(fc.constant(parts), fc.shuffledSubarray(parts, { minLength: parts.length })));

  it('of the batches inside a window does not matter', () => {
    fc.assert(
      fc.property(partsInTwoOrders, windowsUpTo(1e4), ratio, ([parts, shuffled], others, w0) => {
        const common = { T: 30, head: 0.5, m: 1, w0 };
        const inOrder = readings([added(parts), ...others], common);
        for (const [name, { call, input }] of Object.entries(
          readings([added(shuffled), ...others], common),
        )) {
          expect(call(input), name).toBe(inOrder[name]?.call(inOrder[name].input));
        }
      }),
    );
  });

  it('of the windows does not matter where everything was staked from the first one on', () => {
    fc.assert(
      fc.property(partsInTwoOrders, ratio, burst, ([windows, shuffled], w0, m) => {
        const common = { T: 30, head: 1, w0 };
        const worse = (list: WindowCounts[]) => logEWorse({ windows: list, grid: GRID, ...common, m });
        const bet = (list: WindowCounts[]) => logEWindowBet({ windows: list, U: STAKES, ...common });
        expect(Math.abs(worse(shuffled) - worse(windows))).toBeLessThan(rounding(windows));
        expect(Math.abs(bet(shuffled) - bet(windows))).toBeLessThan(1e-9);
      }),
    );
  });
});

describe('a larger margin', () => {
  it('never raises the evidence that the canary is worse', () => {
    fc.assert(
      fc.property(windowsUpTo(1e4), ratio, ratio, starts, (windows, one, other, when) => {
        const e = (w0: number) => logEWorse({ windows, grid: GRID, ...when, w0 });
        const slack = rounding(windows);
        expect(e(Math.max(one, other))).toBeLessThanOrEqual(e(Math.min(one, other)) + slack);
      }),
    );
  });
});
