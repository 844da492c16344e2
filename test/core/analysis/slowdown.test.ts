import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LATENCY_EDGES, spreadOf } from '../../../core/analysis/histogram.ts';
import { judge } from '../../../core/analysis/judge.ts';
import {
  type Comparison,
  comparisonFrom,
  evidenceOfSlowness,
  pairsFrom,
  slownessWindows,
  TAIL_MIN_MS,
  toleranceOf,
} from '../../../core/analysis/slowdown.ts';
import type { Series, Spread, SpreadWindow } from '../../../core/analysis/types.ts';
import type { RolloutEvent } from '../../../core/rollout/event.ts';
import { trialOf } from '../../../core/rollout/trial.ts';
import { inVerify, minute, onFirstStep, onSecondStep, opened, raised, stateAfter } from '../rollout/given.ts';
import tails from './tails-vectors.json' with { type: 'json' };

/** The octave from 64 ms on. */
const OCTAVE = 9;

/** Requests by the parts of octaves that they fall into: below 64 ms, in the two parts of the octave from there on, in those of the next, and so on. */
function spread(counts: readonly number[]): Spread {
  const after = (at: number) => counts.slice(Math.max(0, at)).reduce((sum, count) => sum + count, 0);
  return {
    ...{ total: after(0), edges: LATENCY_EDGES },
    over: LATENCY_EDGES.map((_, at) => after(at - 2 * OCTAVE + 1)),
  };
}
const window = (canary: readonly number[], stable: readonly number[], start = 1): SpreadWindow => ({
  ...{ start: minute(start), canary: spread(canary), stable: spread(stable) },
});
const history = spread([200, 150, 150, 150, 150, 100, 70, 20, 10]);
const alone = { planned: 1, burst: 1 };
/** Without any tolerance, so that chance alone is left. */
const even = { offset: 0, later: 0, ratio: 1 } as const;
const compared: Comparison = {
  usual: { tolerance: even, ...pairsFrom(history) },
  few: { tolerance: even, ...pairsFrom(history) },
  tails: pairsFrom(history).tails,
};

describe('evidence of a slower canary', () => {
  /** All ways to deal `n` of a pool of requests to the canary, with how many there are of each. */
  function deals(pool: readonly number[], n: number): { canary: number[]; ways: number }[] {
    const [here, ...rest] = pool;
    if (here === undefined) return n === 0 ? [{ canary: [], ways: 1 }] : [];
    return Array.from({ length: Math.min(here, n) + 1 }, (_, taken) =>
      deals(rest, n - taken).map(({ canary, ways }) => ({
        canary: [taken, ...canary],
        ways: ways * choose(here, taken),
      })),
    ).flat();
  }
  const choose = (n: number, k: number): number => (k === 0 ? 1 : (choose(n - 1, k - 1) * n) / k);

  test.each([
    [[3, 4, 3, 1, 1], 2],
    [[3, 4, 3, 1, 1], 6],
    [[0, 0, 0, 0, 9], 3],
    [[10, 5, 2, 1, 2], 1],
    [[2, 1, 1, 1, 12], 5],
  ])('is one on average where the requests %j are dealt %i to the canary by chance', (pool, n) => {
    const all = deals(pool, n);
    const ways = all.reduce((sum, deal) => sum + deal.ways, 0);
    const mean = all.reduce((sum, { canary, ways: each }) => {
      const rest = pool.map((count, at) => count - (canary[at] ?? 0));
      return sum + (each / ways) * Math.exp(evidenceOfSlowness([window(canary, rest)], compared, alone));
    }, 0);
    expect(mean).toBeLessThanOrEqual(1 + 1e-9);
    expect(mean).toBeGreaterThan(0.5);
  });

  test('never falls where a request of the canary takes longer', () => {
    const upTo = (most: number) => fc.array(fc.nat(most), { minLength: 5, maxLength: 5 });
    // A canary with nearly all the requests is where a bet would have to be cut off to keep this.
    const counts = fc.oneof(fc.tuple(upTo(20), upTo(20)), fc.tuple(upTo(300), upTo(1)));
    fc.assert(
      fc.property(counts, fc.nat(3), ([canary, stable], at) => {
        const slower = canary.map((count, cell) => count + (cell === at ? -1 : cell === at + 1 ? 1 : 0));
        fc.pre((canary[at] ?? 0) > 0);
        const evidence = (of: readonly number[]) => evidenceOfSlowness([window(of, stable)], compared, alone);
        expect(evidence(slower)).toBeGreaterThanOrEqual(evidence(canary) - 1e-9);
      }),
    );
  });

  test('is none in minutes in which both versions are slow alike, or one has no requests', () => {
    const slow = [0, 0, 0, 0, 1];
    const times = (n: number) => slow.map((count) => count * n);
    expect(evidenceOfSlowness([window(times(50), times(950))], compared, alone)).toBeCloseTo(0, 9);
    expect(
      evidenceOfSlowness([window(times(50), times(0)), window(times(0), times(9))], compared, alone),
    ).toBe(0);
    const { start, canary, stable } = window(times(50), times(950));
    expect(evidenceOfSlowness([{ start, canary }, { start, stable }, { start }], compared, alone)).toBe(0);
  });
});

describe('the rule `latency`', () => {
  const watched = onFirstStep({ watch: [{ metric: 'latency', ratio: 1.25 }] });
  /** Durations spread over five parts of octaves in the same shares whatever their number; so many edges later where slower. */
  const dealt = (total: number, shift = 0, from = 20) => {
    const shares = [0.3, 0.4, 0.2, 0.08, 0.02];
    const over = LATENCY_EDGES.map((_, at) =>
      Math.round(total * shares.slice(Math.max(0, at - from - shift)).reduce((sum, share) => sum + share, 0)),
    );
    return { total, edges: LATENCY_EDGES, over };
  };
  const earlier = (from?: number) =>
    Array.from({ length: 14 }, (_, at) => ({ start: minute(at - 15), stable: dealt(900, 0, from) }));
  const since = (canary: Spread, from?: number) =>
    [0, 1, 2, 3, 4, 5, 6, 7].map((at) => ({ start: minute(at), canary, stable: dealt(1_800, 0, from) }));
  const said = (latency: Series['latency'], history = watched) =>
    judge(trialOf(stateAfter(history)), { series: { api: { latency } }, alarms: [] }, minute(10));

  test('reverts what is slower than tolerated, told in counts over one percentile', () => {
    expect(said([...earlier(), ...since(dealt(200, 2))])).toMatchObject({
      status: 'fail',
      reason: expect.stringMatching(
        /^latency: canary \d+ of 1,200 took over [\d,]+ ms, stable \d+ of 10,800 took over [\d,]+ ms$/,
      ),
    });
  });

  test('lets pass what is as fast, or slower by what is tolerated', () => {
    for (const shift of [0, 1]) expect(said([...earlier(), ...since(dealt(200, shift))]).status).toBe('pass');
  });

  test('reverts a few requests that take a hundred times as long, which no bet on all of them sees', () => {
    const slow = dealt(200);
    const tail = { ...slow, over: slow.over.map((over, at) => (at < 34 ? Math.max(over, 5) : over)) };
    expect(said([...earlier(), ...since(tail)]).status).toBe('fail');
    const rule = onFirstStep({ watch: [{ metric: 'p99', ratio: 1.25 }] });
    expect(said([...earlier(), ...since(tail)], rule).status).toBe('fail');
    expect(said([...earlier(), ...since(slow)], rule).status).not.toBe('fail');
  });

  test('judges answers that take less than any edge', () => {
    const below = { total: 200, edges: LATENCY_EDGES, over: LATENCY_EDGES.map(() => 0) };
    const quick = { ...below, total: 900 };
    const past = Array.from({ length: 14 }, (_, at) => ({ start: minute(at - 15), stable: quick }));
    const now = (canary: Spread) =>
      [0, 1, 2, 3, 4, 5, 6, 7].map((at) => ({ start: minute(at), canary, stable: quick }));
    expect(said([...past, ...now(below)]).status).toBe('pass');
    expect(said([...past, ...now(dealt(200, 0, 8))]).status).toBe('fail');
  });

  test('has no evidence from counts that do not add up, and says which', () => {
    const torn = since({ ...dealt(200, 2), over: dealt(200, 2).over.toReversed() });
    const verdict = said([...earlier(), ...torn]);
    expect(verdict.status).toBe('broken');
    expect(verdict.reason).toContain('which is no count');
    expect(verdict.findings[0]?.evidence).toBeCloseTo(0, 9);
  });

  test('without a history of stable cannot be told, and it is said', () => {
    expect(said(since(dealt(200, 2)))).toMatchObject({
      status: 'inconclusive',
      reason: expect.stringContaining('latency: no threshold'),
    });
  });
});

/** Vectors of the rule; all bet on the usual tolerance. */
const vectors = (fn: string) => tails.vectors.filter((each) => each.fn === fn);
type Octaves = Parameters<typeof spreadOf>[0];

test.each(vectors('pairsFrom'))(
  'where versions are compared is that of the vector',
  ({ input, expected }) => {
    const { ranks, ...rest } = expected as { ranks: number[] };
    const close = ranks.map((rank) => expect.closeTo(rank, 9));
    expect(pairsFrom(spreadOf(input as Octaves))).toEqual({ ...rest, ranks: close });
  },
);

test.each(vectors('evidenceOfSlowness'))('evidence is $expected as in the vector', ({ input, expected }) => {
  const given = input as unknown as {
    history: Octaves;
    windows: { canary: Octaves; stable: Octaves }[];
    planned: number;
  };
  const windows = given.windows.map(({ canary, stable }, at) => ({
    ...{ start: minute(at), canary: spreadOf(canary), stable: spreadOf(stable) },
  }));
  const comparison = comparisonFrom(spreadOf(given.history), { ratio: 1.25 });
  const question = { planned: given.planned, burst: 1 };
  expect(evidenceOfSlowness(windows, comparison, question)).toBeCloseTo(expected as number, 9);
});

test('tolerances are what edges can tell apart, rounded up', () => {
  const of = (ratio: number) => toleranceOf(ratio).ratio;
  expect([1, 1.25, 1.26, 1.6, 1.7, 2, 2.1, 2.5, 2.6, 3.2, 4, 4.1].map(of)).toEqual([
    1.25, 1.25, 1.6, 1.6, 2, 2, 2.5, 2.5, 3.2, 3.2, 4, 5,
  ]);
  expect(toleranceOf(1e12).ratio).toBeGreaterThan(1e6);
});

test('cells hold five requests of the history at least; tails go to the third edge that nobody crossed', () => {
  const of = (...counts: number[]) => pairsFrom(spread(counts));
  expect(of(100, 5, 0, 4, 0, 5)).toEqual({
    cells: [OCTAVE, OCTAVE + 1],
    ranks: [100 / 228, 102.5 / 114, 109.5 / 114].map((rank) => expect.closeTo(rank, 9)),
    tails: [9, 10, 11, 12, 13, 14],
  });
  expect(of(100, 4).cells).toEqual([]);
  expect(of(10, 89).tails).toEqual([9, 10, 11, 12]);
  expect(of(9, 90).tails).toEqual([10, 11, 12]);
  expect(of()).toEqual({ cells: [], ranks: [], tails: [] });
});

test('a rule about slow requests alone asks for edges that few of stable crossed', () => {
  const { usual, tails } = comparisonFrom(spread([500, 440, 0, 40, 0, 15, 0, 5]), {
    ...{ ratio: 1.25, percentile: 99 },
  });
  expect(usual.cells).toEqual([]);
  expect(tails).toEqual([11, 12, 13, 14, 15]);
});

test('an edge that is crossed until code is compiled is no tail, unless all are', () => {
  const upTo = (ms: number) => ({
    ...{ total: 1_000, edges: LATENCY_EDGES, over: LATENCY_EDGES.map((edge) => (edge < ms ? 20 : 0)) },
  });
  const shortest = (ms: number) => {
    const { tails } = comparisonFrom(upTo(ms), { ratio: 1.25, shortest: TAIL_MIN_MS });
    return tails.map((octave) => LATENCY_EDGES[2 * octave]);
  };
  expect(shortest(100)).toEqual([4, 8, 16, 32, 64, 128, 256, 512]);
  expect(shortest(1)).toEqual([4]);
  expect(shortest(0.2)).toEqual([1]);
});

test('few environments are given more, whatever the rule gives', () => {
  const slower = window([0, 0, 40, 120, 40], [0, 400, 1_200, 400, 0], 3);
  const comparison = comparisonFrom(history, { ratio: 1.25 });
  const of = (isFew?: boolean) => evidenceOfSlowness([{ ...slower, isFew }], comparison, alone);
  expect(of(true)).toBeLessThan(of());
  expect(of(false)).toBe(of());
  const wide = comparisonFrom(history, { ratio: 2 });
  expect(wide.few).toEqual(wide.usual);
});

describe('evidence of a slower canary from few requests', () => {
  test('is bounded by its part of the requests, so that one slow request is never proof', () => {
    const one = (stable: number) =>
      evidenceOfSlowness([window([0, 0, 0, 0, 1], [0, 0, stable, 0, 0])], compared, alone);
    expect(one(1)).toBeGreaterThan(0);
    expect(one(1)).toBeLessThanOrEqual(Math.log(2));
    expect(one(3)).toBeLessThanOrEqual(Math.log(4));
    expect(one(1000)).toBeGreaterThan(one(1));
  });

  test('is divided by the burst in which requests come', () => {
    const slow = [window([0, 0, 10, 30, 60], [100, 300, 400, 100, 10])];
    const single = evidenceOfSlowness(slow, compared, alone);
    const burst = evidenceOfSlowness(slow, compared, { ...alone, burst: 3 });
    expect(single).toBeGreaterThan(5);
    expect(burst).toBeGreaterThan(0);
    expect(burst).toBeLessThan(single / 2);
  });
});

test('windows of the comparison lie between the first raise and promotion, without the minutes in which environments are new', () => {
  const spreads = Array.from({ length: 14 }, (_, at) => window([1, 1, 1, 1, 1], [9, 9, 9, 9, 9], at - 1));
  const used = (...history: RolloutEvent[]) =>
    slownessWindows(stateAfter(history), spreads).map(({ start }) => (start - minute(0)) / 60_000);
  expect(used(opened())).toEqual([]);
  expect(used(...onFirstStep())).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  expect(used(...onSecondStep())).toEqual([2, 3, 6, 7, 8, 9, 10, 11, 12]);
  expect(used(...inVerify())).toEqual([2, 3, 6, 7]);
  expect(used(opened(), ...raised(10, 1, 2))).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
});
