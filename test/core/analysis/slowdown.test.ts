import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { judge } from '../../../core/analysis/judge.ts';
import { historyOf } from '../../../core/analysis/latency.ts';
import {
  type Cells,
  cellsFrom,
  evidenceOfSlowdown,
  slowdownWindows,
} from '../../../core/analysis/slowdown.ts';
import type { Series, Spread, SpreadWindow } from '../../../core/analysis/types.ts';
import type { RolloutEvent } from '../../../core/rollout/event.ts';
import { trialOf } from '../../../core/rollout/trial.ts';
import { inVerify, minute, onFirstStep, onSecondStep, opened, raised, stateAfter } from '../rollout/given.ts';

const EDGES = [80, 100, 125, 156];
const cells: Cells = { stable: EDGES, canary: EDGES, ranks: [0.2, 0.5, 0.8, 0.97, 0.995] };
const alone = { planned: 1, burst: 1 };

/** Requests by cell as whoever counts them tells them: how many are over each edge. */
function spread(counts: readonly number[]): Spread {
  const after = (at: number) => counts.slice(at + 1).reduce((sum, count) => sum + count, 0);
  return { total: after(-1), edges: EDGES, over: EDGES.map((_, at) => after(at)) };
}
const window = (canary: readonly number[], stable: readonly number[], start = 1): SpreadWindow => ({
  start: minute(start),
  canary: spread(canary),
  stable: spread(stable),
});

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
      return sum + (each / ways) * Math.exp(evidenceOfSlowdown([window(canary, rest)], cells, alone));
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
        const evidence = (of: readonly number[]) => evidenceOfSlowdown([window(of, stable)], cells, alone);
        expect(evidence(slower)).toBeGreaterThanOrEqual(evidence(canary) - 1e-9);
      }),
    );
  });

  test('is none in minutes in which both versions are slow alike, or one has no requests', () => {
    const slow = [0, 0, 0, 0, 1];
    const times = (n: number) => slow.map((count) => count * n);
    expect(evidenceOfSlowdown([window(times(50), times(950))], cells, alone)).toBeCloseTo(0, 9);
    expect(evidenceOfSlowdown([window(times(50), times(0)), window(times(0), times(9))], cells, alone)).toBe(
      0,
    );
    const { start, canary, stable } = window(times(50), times(950));
    expect(evidenceOfSlowdown([{ start, canary }, { start, stable }, { start }], cells, alone)).toBe(0);
  });
});

describe('the rule `latency`', () => {
  const history = onFirstStep({ watch: [{ metric: 'latency', ratio: 1.25 }] });
  /** Requests spread over the cells in the same shares whatever their number; `shift` cells later where slower. */
  const dealt = (total: number, shift = 0) => {
    const shares = [0, 0, 0.3, 0.4, 0.2, 0.08, 0.02];
    const edges = [
      50, 62.5, 78.125, 97.65625, 122.0703125, 152.587890625, 190.73486328125, 238.4185791015625,
    ];
    const over = edges.map((_, at) => {
      const from = Math.max(0, at + 1 - shift);
      return Math.round(total * shares.slice(from).reduce((sum, share) => sum + share, 0));
    });
    return { total, edges, over };
  };
  const before = Array.from({ length: 14 }, (_, at) => ({ start: minute(at - 15), stable: dealt(900) }));
  const since = (shift: number) =>
    [0, 1, 2, 3, 4, 5, 6, 7].map((at) => ({
      start: minute(at),
      canary: dealt(200, shift),
      stable: dealt(1_800),
    }));
  const said = (latency: Series['latency']) =>
    judge(trialOf(stateAfter(history)), { series: { api: { latency } }, alarms: [] }, minute(10));

  test('reverts what is slower than tolerated, told in counts over one percentile', () => {
    expect(said([...before, ...since(2)])).toMatchObject({
      status: 'fail',
      reason: expect.stringMatching(
        /^latency: canary [\d,]+ of 1,[\d,]+ took over \d+ ms, stable [\d,]+ of 1\d,\d+ took over \d+ ms$/,
      ),
    });
  });

  test('lets pass what is as fast, or slower by what is tolerated', () => {
    for (const shift of [0, 1]) expect(said([...before, ...since(shift)]).status).toBe('pass');
  });

  test('has no evidence from counts that do not add up, and says which', () => {
    const torn = since(2).map((each) => ({
      ...each,
      canary: { ...each.canary, over: each.canary.over.toReversed() },
    }));
    const verdict = said([...before, ...torn]);
    expect(verdict.status).toBe('broken');
    expect(verdict.reason).toContain('which is no count');
    expect(verdict.findings[0]?.evidence).toBeCloseTo(0, 9);
  });

  test('without a history of stable cannot be told, and it is said', () => {
    expect(said(since(2))).toMatchObject({
      status: 'inconclusive',
      reason: expect.stringContaining('latency: no threshold'),
    });
  });
});

describe('the cells of durations', () => {
  const edges = [10, 20, 40, 80];
  const of = (total: number, ...over: number[]): Spread => ({ total, edges, over });
  const cut = (ratio: number, ...history: Spread[]) =>
    cellsFrom(
      historyOf(
        stateAfter(onFirstStep()),
        history.map((stable, at) => ({ start: minute(at - history.length), stable })),
      ),
      ratio,
    );

  test('end for the canary at the first edge that is later by the tolerated ratio', () => {
    expect(cut(2, of(1000, 500, 100, 10, 0))).toEqual({
      stable: [10, 20, 40],
      canary: [20, 40, 80],
      ranks: [0.25, 0.7, 0.945, 0.995].map((rank) => expect.closeTo(rank, 9)),
    });
    expect(cut(1, of(1000, 500, 100, 10, 0))?.canary).toEqual([10, 20, 40]);
    expect(cut(1.5, of(1000, 500, 100, 10, 0))?.canary).toEqual([20, 40, 80]);
    expect(cut(9, of(1000, 500, 100, 10, 0))).toBeUndefined();
  });

  test('hold five requests of the history at least, added up over its minutes; smaller ones are joined', () => {
    expect(cut(1, of(100, 95, 5, 4, 0))?.stable).toEqual([10, 20]);
    expect(cut(1, of(100, 96, 5, 4, 0))?.stable).toEqual([20]);
    expect(cut(1, of(50, 46, 2, 2, 0), of(50, 46, 3, 2, 0))?.stable).toEqual([10, 20]);
    expect(cut(1, of(9, 5, 0, 0, 0))).toBeUndefined();
    expect(cut(1, of(10, 5, 0, 0, 0))).toEqual({ stable: [10], canary: [10], ranks: [0.25, 0.75] });
    expect(cut(1)).toBeUndefined();
  });

  test('have the ranks of their middles, each later than the one before', () => {
    const { ranks = [] } = cut(1, of(1000, 900, 300, 50, 10)) ?? {};
    expect(ranks).toEqual([0.05, 0.4, 0.825, 0.97, 0.995].map((rank) => expect.closeTo(rank, 9)));
  });
});

describe('evidence of a slower canary from few requests', () => {
  test('is bounded by its part of the requests, so that one slow request is never proof', () => {
    const one = (stable: number) =>
      evidenceOfSlowdown([window([0, 0, 0, 0, 1], [0, 0, stable, 0, 0])], cells, alone);
    expect(one(1)).toBeGreaterThan(0);
    expect(one(1)).toBeLessThanOrEqual(Math.log(2));
    expect(one(3)).toBeLessThanOrEqual(Math.log(4));
    expect(one(1000)).toBeGreaterThan(one(1));
  });

  test('is divided by the burst in which requests come', () => {
    const slow = [window([0, 0, 10, 30, 60], [100, 300, 400, 100, 10])];
    const single = evidenceOfSlowdown(slow, cells, alone);
    const burst = evidenceOfSlowdown(slow, cells, { ...alone, burst: 3 });
    expect(single).toBeGreaterThan(5);
    expect(burst).toBeGreaterThan(0);
    expect(burst).toBeLessThan(single / 2);
  });
});

test('windows of the comparison lie between the first raise and promotion, without the minutes in which environments are new', () => {
  const spreads = Array.from({ length: 14 }, (_, at) => window([1, 1, 1, 1, 1], [9, 9, 9, 9, 9], at - 1));
  const used = (...history: RolloutEvent[]) =>
    slowdownWindows(stateAfter(history), spreads).map(({ start }) => (start - minute(0)) / 60_000);
  expect(used(opened())).toEqual([]);
  expect(used(...onFirstStep())).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  expect(used(...onSecondStep())).toEqual([2, 3, 6, 7, 8, 9, 10, 11, 12]);
  expect(used(...inVerify())).toEqual([2, 3, 6, 7]);
  expect(used(opened(), ...raised(10, 1, 2))).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
});
