import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { judge } from '../../../core/analysis/judge.ts';
import { type Cells, evidenceOfSlowdown } from '../../../core/analysis/slowdown.ts';
import type { Series, Spread, SpreadWindow } from '../../../core/analysis/types.ts';
import { minute, onFirstStep, stateAfter } from '../rollout/given.ts';

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
    const counts = fc.array(fc.nat(20), { minLength: 5, maxLength: 5 });
    fc.assert(
      fc.property(counts, counts, fc.nat(3), (canary, stable, at) => {
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
    judge(stateAfter(history), { series: { api: { latency } }, alarms: [] }, minute(10));

  test('takes back what is slower than tolerated, told in counts over one percentile', () => {
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
    expect(verdict.status).toBe('inconclusive');
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
