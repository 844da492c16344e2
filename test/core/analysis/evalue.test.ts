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
import evidence from './evidence-vectors.json' with { type: 'json' };

const GRID = [1.5, 2, 3, 5, 10, 30, 100, 500];
const STARTS = { T: 30, head: 0.5 };
const ROUNDING = 1e-12;

/** A way something can come out, with the logarithm of its probability. */
interface Way<T> {
  value: T;
  log: number;
}

const logSum = (logs: number[]) => {
  const largest = Math.max(...logs);
  return largest + Math.log(logs.reduce((total, log) => total + Math.exp(log - largest), 0));
};

const normalised = (ways: Way<number>[]): Way<number>[] => {
  const whole = logSum(ways.map(({ log }) => log));
  return ways.map(({ value, log }) => ({ value, log: log - whole }));
};

/** Fisher's noncentral hypergeometric distribution, by the ratios of neighbouring terms. */
const badOnCanary = (nc: number, ns: number, bad: number, odds: number): Way<number>[] => {
  const ways: Way<number>[] = [];
  let log = 0;
  for (let c = Math.max(0, bad - ns); c <= Math.min(nc, bad); c += 1) {
    ways.push({ value: c, log });
    log += Math.log(((nc - c) * (bad - c) * odds) / ((c + 1) * (ns - bad + c + 1)));
  }
  return normalised(ways);
};

const binomial = (n: number, p: number): Way<number>[] => {
  const ways: Way<number>[] = [];
  let log = 0;
  for (let k = 0; k <= n; k += 1) {
    ways.push({ value: k, log });
    log += Math.log((((n - k) / (k + 1)) * p) / (1 - p));
  }
  return normalised(ways);
};

const pairs = <A, B>(first: Way<A>[], second: Way<B>[]): Way<[A, B]>[] =>
  first.flatMap((a) => second.map((b) => ({ value: [a.value, b.value] as [A, B], log: a.log + b.log })));

const mean = <T>(ways: Way<T>[], logValue: (value: T) => number): number =>
  ways.reduce((total, { value, log }) => total + Math.exp(log + logValue(value)), 0);

const windowOf = (nc: number, ns: number, bad: number, c: number): WindowCounts => ({
  c,
  s: bad - c,
  nc,
  ns,
});

const TOTALS = [1, 2, 5, 20, 60].flatMap((nc) => [1, 3, 20, 150, 600].map((ns) => ({ nc, ns })));

const MARGINS = TOTALS.flatMap(({ nc, ns }) => {
  const all = nc + ns;
  const some = [1, 2, 3, all / 20, all / 3, all / 2, ns + 1, all - 2, all - 1, all].map(Math.round);
  return [...new Set(some)].filter((bad) => bad >= 1 && bad <= all).map((bad) => ({ nc, ns, bad }));
});

const FUNCTIONS: Record<string, (input: never) => number> = {
  logFactorWorse,
  logEWorse,
  logFactorSafe,
  logEAbsoluteWorse,
  logEAbsoluteSafe,
  logEWindowBet,
  logETraffic,
  logFactorTilt,
  orLowerBound,
  /** Not shipped: these vectors check the enumeration that the tests below rest on. */
  logFactorExact: ({ c, s, nc, ns, w }: WindowCounts & { w: number }) =>
    c * Math.log(w) - Math.log(mean(badOnCanary(nc, ns, c + s, 1), (count) => count * Math.log(w))),
};

describe('the test vectors', () => {
  it.each(evidence.vectors)('$id: $fn agrees to nine digits', ({ fn, input, expected }) => {
    const wanted = Number(expected);
    const off = Math.abs((FUNCTIONS[fn]?.(input as never) ?? Number.NaN) - wanted);
    expect(off).toBeLessThanOrEqual(wanted === 0 ? 1e-12 : 1e-9 * Math.abs(wanted));
  });

  it('cover every function', () => {
    expect(new Set(evidence.vectors.map(({ fn }) => fn))).toEqual(new Set(Object.keys(FUNCTIONS)));
  });
});

describe('one window', () => {
  const largest = (means: { mean: number }[]) =>
    means.reduce((worst, each) => (each.mean > worst.mean ? each : worst), { mean: 0 });

  it('is enumerated on more than 120 margins', () => {
    expect(MARGINS.length).toBeGreaterThan(120);
  });

  it.each([1, 1.2, 1.5, 2, 5])(
    'proves worse with a mean of at most 1 while the odds ratio is up to %d',
    (w0) => {
      const means = MARGINS.flatMap(({ nc, ns, bad }) =>
        [w0, 0.8 * w0, 1, 0.3].flatMap((odds) => {
          const ways = badOnCanary(nc, ns, bad, odds);
          return [1.1, 1.5, 2, 5, 30, 500].map((r) => ({
            ...{ nc, ns, bad, odds, r },
            mean: mean(ways, (c) => logFactorWorse({ ...windowOf(nc, ns, bad, c), r, w0 })),
          }));
        }),
      );
      expect(largest(means).mean, JSON.stringify(largest(means))).toBeLessThanOrEqual(1 + ROUNDING);
    },
  );

  it.each([1, 1.2, 2, 5])('proves safe with a mean of at most 1 while the odds ratio is %d or more', (wm) => {
    const means = MARGINS.flatMap(({ nc, ns, bad }) =>
      [wm, 1.2 * wm, 3 * wm, 20 * wm].flatMap((odds) => {
        const ways = badOnCanary(nc, ns, bad, odds);
        return [0.05, 0.125, 0.25, 0.375, 0.5, 0.625, 0.9].map((r) => ({
          ...{ nc, ns, bad, odds, r },
          mean: mean(ways, (c) => logFactorSafe({ ...windowOf(nc, ns, bad, c), r, wm })),
        }));
      }),
    );
    expect(largest(means).mean, JSON.stringify(largest(means))).toBeLessThanOrEqual(1 + ROUNDING);
  });

  it('gives nothing away: for one bad request at the boundary the mean is 1, in both directions', () => {
    for (const { nc, ns } of TOTALS) {
      const worse = (c: number) => logFactorWorse({ ...windowOf(nc, ns, 1, c), r: 5, w0: 1.5 });
      const safe = (c: number) => logFactorSafe({ ...windowOf(nc, ns, 1, c), r: 0.5, wm: 1 });
      expect(mean(badOnCanary(nc, ns, 1, 1.5), worse)).toBeCloseTo(1, 12);
      expect(mean(badOnCanary(nc, ns, 1, 1), safe)).toBeCloseTo(1, 12);
    }
  });

  it('has a mean far above 1 once the odds ratio is the one bet on', () => {
    expect(
      mean(badOnCanary(60, 600, 20, 5), (c) => logFactorWorse({ ...windowOf(60, 600, 20, c), r: 5, w0: 1 })),
    ).toBeGreaterThan(10);
    expect(
      mean(badOnCanary(300, 300, 40, 0.5), (c) =>
        logFactorSafe({ ...windowOf(300, 300, 40, c), r: 0.25, wm: 2 }),
      ),
    ).toBeGreaterThan(10);
  });

  it('says nothing if the canary or the stable version had no requests', () => {
    expect(logFactorWorse({ c: 0, s: 7, nc: 0, ns: 10, r: 5, w0: 1 })).toBe(0);
    expect(logFactorWorse({ c: 7, s: 0, nc: 10, ns: 0, r: 5, w0: 1 })).toBe(0);
    expect(logFactorSafe({ c: 0, s: 7, nc: 0, ns: 10, r: 0.5, wm: 2 })).toBe(0);
    expect(logFactorSafe({ c: 7, s: 0, nc: 10, ns: 0, r: 0.5, wm: 2 })).toBe(0);
    expect(logFactorTilt({ xc: [0, 0], xs: [3, 4], v: [1, 2] })).toBe(0);
    expect(logFactorTilt({ xc: [3, 4], xs: [0, 0], v: [1, 2] })).toBe(0);
  });
});

describe('several windows', () => {
  const TWO = pairs(badOnCanary(20, 150, 6, 1.5), badOnCanary(60, 100, 4, 1.5));
  const windowsOf = ([first, second]: [number, number]) => [
    windowOf(20, 150, 6, first),
    windowOf(60, 100, 4, second),
  ];

  it.each([1, 2, 30])('prove worse with a mean of at most 1 when %d windows were planned', (T) => {
    const result = mean(TWO, (c) => logEWorse({ windows: windowsOf(c), grid: GRID, T, head: 0.5, w0: 1.5 }));
    expect(result).toBeLessThanOrEqual(1 + ROUNDING);
    expect(result).toBeGreaterThan(0.5);
  });

  it('keep the mean exactly 1 if each has one bad request at the boundary', () => {
    const ways = pairs(badOnCanary(20, 150, 1, 2), badOnCanary(60, 100, 1, 2));
    const windows = ([first, second]: [number, number]) => [
      windowOf(20, 150, 1, first),
      windowOf(60, 100, 1, second),
    ];
    expect(mean(ways, (c) => logEWorse({ windows: windows(c), grid: GRID, ...STARTS, w0: 2 }))).toBeCloseTo(
      1,
      12,
    );
    expect(
      mean(ways, (c) => logEWindowBet({ windows: windows(c), U: [0.25, 1], ...STARTS, w0: 2 })),
    ).toBeCloseTo(1, 12);
  });

  it('bet on the window with a mean of at most 1', () => {
    const bet = (c: [number, number]) =>
      logEWindowBet({ windows: windowsOf(c), U: [0.1, 0.5, 1], ...STARTS, w0: 1.5 });
    expect(mean(TWO, bet)).toBeLessThanOrEqual(1 + ROUNDING);
    expect(mean(TWO, bet)).toBeGreaterThan(0.9);
  });

  it('bet on the window with a mean of at most 1 even where all bad requests of a window fall together', () => {
    const together = pairs(binomial(1, 0.25), binomial(1, 0.25));
    const windows = ([first, second]: [number, number]) => [
      windowOf(100, 300, 40, 40 * first),
      windowOf(100, 300, 40, 40 * second),
    ];
    const bet = (c: [number, number]) => logEWindowBet({ windows: windows(c), U: [0.1, 0.5, 1], ...STARTS });
    expect(mean(together, bet)).toBeLessThanOrEqual(1 + ROUNDING);
    expect(mean(together, (c) => logEWorse({ windows: windows(c), grid: GRID, ...STARTS }))).toBeGreaterThan(
      1e6,
    );
  });

  it('allow for bad requests that come in threes when the burst divisor is 3, and only then', () => {
    const clusters = binomial(4, 100 / 400);
    const e = (m: number) => (count: number) =>
      logEWorse({ windows: [windowOf(100, 300, 12, 3 * count)], grid: GRID, ...STARTS, m });
    expect(mean(clusters, e(3))).toBeLessThanOrEqual(1 + ROUNDING);
    expect(mean(clusters, e(1))).toBeGreaterThan(2);
  });

  it('are not counted where one side had no requests', () => {
    const window = { c: 6, s: 2, nc: 60, ns: 540 };
    const empty = [
      { c: 0, s: 9, nc: 0, ns: 60 },
      { c: 9, s: 0, nc: 60, ns: 0 },
    ];
    const e = (windows: WindowCounts[]) => logEWorse({ windows, grid: GRID, ...STARTS });
    const bet = (windows: WindowCounts[]) => logEWindowBet({ windows, U: [0.1, 1], ...STARTS });
    expect(e([...empty, window, ...empty, window])).toBe(e([window, window]));
    expect(bet([...empty, window, ...empty, window])).toBe(bet([window, window]));
    expect([e([]), e(empty), bet([]), bet(empty)]).toEqual([0, 0, 0, 0]);
  });

  it('find a late regression sooner for having kept some of the stake', () => {
    const quiet = Array.from({ length: 10 }, () => ({ c: 1, s: 90, nc: 60, ns: 5400 }));
    const windows = [...quiet, { c: 12, s: 90, nc: 60, ns: 5400 }];
    const late = logEWorse({ windows, grid: GRID, ...STARTS });
    expect(late).toBeGreaterThan(logEWorse({ windows, grid: GRID, T: 30, head: 1 }));
  });
});

describe('the other e-values', () => {
  it('hold against an absolute share with a mean of at most 1 on the null, exactly 1 at its boundary', () => {
    const worse = (c: number) => logEAbsoluteWorse({ c, n: 40, p0: 0.05, p1: [0.075, 0.1, 0.5, 0.999] });
    const safe = (c: number) => logEAbsoluteSafe({ c, n: 40, p0: 0.05, p1: [0.001, 0.01, 0.04] });
    expect(mean(binomial(40, 0.05), worse)).toBeCloseTo(1, 12);
    expect(mean(binomial(40, 0.05), safe)).toBeCloseTo(1, 12);
    expect(mean(binomial(40, 0.02), worse)).toBeLessThan(1);
    expect(mean(binomial(40, 0.1), safe)).toBeLessThan(1);
    expect(mean(binomial(40, 0.1), worse)).toBeGreaterThan(1);
    expect(mean(binomial(40, 0.02), safe)).toBeGreaterThan(1);
  });

  const routed = (share: number, tilt: number) => (share * tilt) / (1 - share + share * tilt);
  const traffic = ([first, second]: [number, number]) =>
    logETraffic({
      windows: [
        { nc: first, ns: 30 - first },
        { nc: second, ns: 20 - second, w: 0.4 },
      ],
      w: 0.1,
      tau: 1.1,
      grid: [1.1, 1.5, 4],
    });

  it.each([1 / 1.1, 0.95, 1, 1.05, 1.1])(
    'accept traffic %d times the weight with a mean of at most 1',
    (tilt) => {
      const ways = pairs(binomial(30, routed(0.1, tilt)), binomial(20, routed(0.4, tilt)));
      expect(mean(ways, traffic)).toBeLessThanOrEqual(1 + ROUNDING);
    },
  );

  it('see traffic far from the weight, above and below, and a canary that gets none', () => {
    const far = (tilt: number) =>
      mean(pairs(binomial(30, routed(0.1, tilt)), binomial(20, routed(0.4, tilt))), traffic);
    expect(far(3)).toBeGreaterThan(2);
    expect(far(1 / 3)).toBeGreaterThan(1.5);
    expect(logETraffic({ windows: [{ nc: 0, ns: 600 }], w: 0.05, tau: 1.1, grid: [1.5, 4] })).toBeGreaterThan(
      10,
    );
  });

  /** Chooses `n` requests without replacement out of a pooled histogram. */
  const drawn = (pool: number[], n: number): Way<number[]>[] => {
    const [first = 0, ...others] = pool;
    if (others.length === 0) return n <= first ? [{ value: [n], log: logChoose(first, n) }] : [];
    return Array.from({ length: Math.min(first, n) + 1 }, (_, k) => k).flatMap((k) =>
      drawn(others, n - k).map(({ value, log }) => ({
        value: [k, ...value],
        log: log + logChoose(first, k),
      })),
    );
  };
  const logChoose = (n: number, k: number): number =>
    Array.from({ length: k }, (_, i) => Math.log((n - i) / (i + 1))).reduce((total, log) => total + log, 0);

  it('tilt a histogram with a mean of at most 1 if both sides draw from the same pool', () => {
    const pool = [9, 6, 4, 1];
    for (const [n, v] of [
      [1, [1, 1, 2, 8]],
      [3, [1, 2, 4, 8]],
      [7, [5, 1, 3, 2]],
    ] as const) {
      const ways = drawn(pool, n).map(({ value, log }) => ({ value, log: log - logChoose(20, n) }));
      const result = mean(ways, (xc) =>
        logFactorTilt({ xc, xs: pool.map((all, i) => all - (xc[i] ?? 0)), v }),
      );
      if (n === 1) expect(result).toBeCloseTo(1, 12);
      expect(result).toBeLessThanOrEqual(1 + ROUNDING);
      expect(result).toBeGreaterThan(0.2);
    }
  });

  it('give no number where a histogram and its bucket values differ in length', () => {
    expect(logFactorTilt({ xc: [1, 2], xs: [3, 4], v: [1] })).toBeNaN();
  });
});

describe('the lower bound of the odds ratio', () => {
  const window = { c: 30, s: 54, nc: 3000, ns: 57000 };
  const input = { windows: [window, window, window], grid: GRID, ...STARTS, alpha: 0.01 };

  it('is where the evidence is exactly 1/alpha', () => {
    const bound = orLowerBound(input);
    expect(logEWorse({ ...input, w0: bound })).toBeCloseTo(Math.log(100), 9);
    expect(logEWorse({ ...input, w0: 1.001 * bound })).toBeLessThan(Math.log(100));
  });

  it('allows for bursts like the evidence does', () => {
    const bound = orLowerBound({ ...input, m: 3 });
    expect(bound).toBeLessThan(orLowerBound(input));
    expect(logEWorse({ ...input, m: 3, w0: bound })).toBeCloseTo(Math.log(100), 9);
  });

  it('is 0 if not even a ratio of 1 is excluded', () => {
    expect(orLowerBound({ ...input, windows: [] })).toBe(0);
    expect(orLowerBound({ ...input, windows: [{ c: 1, s: 0, nc: 10, ns: 90 }] })).toBe(0);
  });

  it('is found and finite when only the canary fails, at any size', () => {
    const bound = orLowerBound({ ...input, windows: [{ c: 1e9, s: 0, nc: 1e9, ns: 1e9 }] });
    expect(bound).toBeGreaterThan(1e6);
    expect(bound).toBeLessThan(Infinity);
  });
});
