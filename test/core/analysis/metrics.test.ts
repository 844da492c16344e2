import { describe, expect, test } from 'vitest';
import { logEStarved, logEWorse, orUpperBound } from '../../../core/analysis/evalue.ts';
import { LATENCY_EDGES } from '../../../core/analysis/histogram.ts';
import { judge } from '../../../core/analysis/judge.ts';
import type { Series, Spread, SpreadWindow, WatchRule } from '../../../core/analysis/types.ts';
import type { RolloutEvent } from '../../../core/rollout/event.ts';
import { next } from '../../../core/rollout/next.ts';
import { trialOf } from '../../../core/rollout/trial.ts';
import { intended, minute, onFirstStep, onSecondStep, plan, stateAfter } from '../rollout/given.ts';
import { count, window } from './given.ts';

const watching = (...watch: WatchRule[]): RolloutEvent[] => onFirstStep({ watch });
const verdict = (history: RolloutEvent[], series: Series, at = 4) =>
  judge(trialOf(stateAfter(history)), { series: { api: series }, alarms: [] }, minute(at));
const finding = (history: RolloutEvent[], series: Series, metric: string, at = 4) =>
  verdict(history, series, at).findings.find((each) => each.metric === metric);

describe('throttles and counts of the user’s own', () => {
  const custom = { bad: { namespace: 'Shop', name: 'Failed' }, total: { namespace: 'Shop', name: 'Orders' } };
  const orders: WatchRule = { metric: 'custom.orders', ratio: 1.5, custom };

  test('are judged like errors and told in their own words', () => {
    const bad = [window(1, [20, 200], [1, 1_800])];
    const good = [window(1, [0, 800], [4, 7_200])];
    const rules = watching({ metric: 'throttles', ratio: 1.5 }, orders);
    expect(verdict(rules, { throttles: bad, 'custom.orders': good })).toMatchObject({
      status: 'fail',
      reason: 'throttles: canary 20 of 200 throttled, stable 1 of 1,800',
    });
    expect(verdict(rules, { throttles: good, 'custom.orders': bad }).reason).toBe(
      'orders: canary 20 of 200 bad, stable 1 of 1,800',
    );
    expect(verdict(rules, { throttles: good, 'custom.orders': good }).status).toBe('pass');
  });

  test('that disappear while the function goes on are broken', () => {
    const errors = [1, 2, 3].map((start) => window(start, [0, 400], [0, 3_600]));
    const lost = [window(1, [0, 400], [0, 3_600]), window(2, undefined, [0, 3_600])];
    const rules = watching({ metric: 'errors', ratio: 1.5 }, orders);
    expect(finding(rules, { errors, 'custom.orders': lost }, 'custom.orders')).toMatchObject({
      status: 'broken',
    });
    expect(verdict(rules, { errors, 'custom.orders': lost }).status).toBe('broken');
  });
});

describe('a metric that stopped reporting, on either version, while the function goes on', () => {
  const custom = { bad: { namespace: 'Shop', name: 'Failed' }, total: { namespace: 'Shop', name: 'Orders' } };
  const rules = watching({ metric: 'errors', ratio: 1.5 }, { metric: 'custom.orders', ratio: 1.5, custom });
  const errors = [-3, -2, -1, 1, 2, 3].map((start) => window(start, [0, 400], [0, 3_600]));
  /** Orders until a minute, one for so many invocations. */
  const orders = (until: number, one: number) =>
    errors.slice(0, errors.findIndex(({ start }) => start === minute(until)) + 1).map(({ start }) => ({
      ...{ start, canary: count([0, 400 / one]), stable: count([0, 3_600 / one]) },
    }));

  test('is broken and says so', () => {
    const said = verdict(rules, { errors, 'custom.orders': orders(1, 1) }, 5);
    expect(said.status).toBe('broken');
    expect(said.reason).toContain(
      'metric stopped reporting: 8,000 invocations since, about 8,000 samples expected',
    );
  });

  test('is none if so few are due that chance may explain it, or none was ever counted', () => {
    for (const rare of [orders(2, 400), []])
      expect(finding(rules, { errors, 'custom.orders': rare }, 'custom.orders', 5)).toMatchObject({
        status: 'inconclusive',
      });
  });

  test('still going on is not broken', () => {
    expect(verdict(rules, { errors, 'custom.orders': orders(3, 1) }, 5).status).toBe('pass');
  });
});

describe('the split of the requests', () => {
  const rules = watching({ metric: 'errors', ratio: 1.5 });
  const even = (start: number) => window(start, [0, 400], [0, 3_600]);

  test('that is as the weight says is not mentioned', () => {
    const said = verdict(rules, { errors: [even(1), even(2)] });
    expect(said).toMatchObject({ status: 'pass' });
    expect(said.reason).not.toContain('traffic');
  });

  test('that is off holds the rollout and says so, in both directions', () => {
    for (const canary of [250, 600]) {
      const off = [1, 2].map((start) => window(start, [0, canary], [0, 4_000 - canary]));
      expect(verdict(rules, { errors: off })).toMatchObject({
        status: 'suspect',
        reason:
          `traffic: canary ${canary * 2} of 8,000 requests, about 800 were due at 10 %; while the split is off, no comparison can be trusted`.replace(
            '1200',
            '1,200',
          ),
      });
    }
  });

  const minutes = (from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, index) => from + index);

  test('that collapses is evidence against the canary, once its counts are older than any that come late', () => {
    const fallen = [even(1), ...minutes(2, 14).map((start) => window(start, [0, 20], [0, 3_980]))];
    const [before, after] = [verdict(rules, { errors: fallen }, 9), verdict(rules, { errors: fallen }, 17)];
    expect(before.status).not.toBe('fail');
    expect(after).toMatchObject({
      status: 'fail',
      reason: expect.stringContaining('traffic: canary 660 of 56,000 requests, about 5,600 were due at 10 %'),
    });
  });

  test.each([0.08, 0.2])(
    'of which %d of the canary are counted nowhere is suspect at many requests',
    (lost) => {
      const short = minutes(1, 6).map((start) =>
        window(start, [0, Math.round(1_000 * (1 - lost))], [0, 9_000]),
      );
      const found = verdict(rules, { errors: short }, 8);
      expect(found).toMatchObject({ status: 'suspect' });
      expect(found.reason).toMatch(/counted nowhere|the split is off/);
    },
  );

  test('that is as little off as chance makes it passes', () => {
    const near = [985, 1_012, 970, 1_020, 990].map((canary, at) =>
      window(at + 1, [0, canary], [0, 10_000 - canary]),
    );
    expect(verdict(rules, { errors: near }, 8)).toMatchObject({ status: 'pass' });
  });

  test('that seems to collapse where windows of the canary are missing is no evidence: it holds the rollout', () => {
    const silent = (start: number) => window(start, undefined, [0, 3_600]);
    const gaps = [1, 4, 7, 8]
      .map(even)
      .concat([2, 3, 5, 6].map(silent))
      .sort((a, b) => a.start - b.start);
    expect(verdict(rules, { errors: gaps }, 11)).toMatchObject({
      status: 'suspect',
      reason: expect.stringContaining('while the split is off'),
    });
    const gone = [...[1, 2].map(even), ...minutes(3, 19).map(silent)];
    expect(verdict(rules, { errors: gone }, 11).status).not.toBe('fail');
    expect(verdict(rules, { errors: gone }, 22).status).toBe('fail');
  });

  test('is held against the weight that it stood at, not against one of another step, while the next raise is on its way', () => {
    const rules = {
      plan: plan({
        steps: [10, 50, 80].map((weight) => ({ weight, bakeSeconds: 120, maxBakeSeconds: 600 })),
      }),
    };
    const onItsWay = [...onSecondStep(rules), intended(80, 3, 7.5)];
    const half = (start: number) => window(start, [0, 2_000], [0, 2_000]);
    const said = verdict(onItsWay, { errors: [even(1), even(2), even(3), half(5), half(6), half(7)] }, 9);
    expect(said.status).not.toBe('fail');
    expect(said.reason).not.toContain('traffic');
    const gone = minutes(5, 17).map((start) => window(start, [0, 20], [0, 3_980]));
    expect(verdict(onItsWay, { errors: [even(1), even(2), even(3), ...gone] }, 20).status).toBe('fail');
  });

  test('of a canary that was never seen is a measuring fault, and evidence once its counts cannot be late any more', () => {
    const never = minutes(1, 13).map((start) => window(start, undefined, [0, 4_000]));
    expect(verdict(rules, { errors: never }, 9).status).toBe('broken');
    expect(verdict(rules, { errors: never }, 16)).toMatchObject({
      status: 'fail',
      reason: expect.stringContaining('traffic: canary 0 of'),
    });
  });

  test('below its due share moves the evidence, and above it does not', () => {
    const grid = [1.5, 4];
    const evidence = (nc: number) => logEStarved({ windows: [{ nc, ns: 900 }], w: 0.1, tau: 2, grid });
    expect(evidence(5)).toBeGreaterThan(5);
    expect(evidence(100)).toBeLessThan(0);
    expect(evidence(5)).toBeGreaterThan(evidence(6));
  });
});

/** Requests spread evenly over a decade of durations that begins at `least`. */
function spread(total: number, least: number): Spread {
  const over = LATENCY_EDGES.map((edge) => {
    const below = Math.min(1, Math.max(0, Math.log10(edge / least)));
    return Math.round(total * (1 - below));
  });
  return { total, edges: LATENCY_EDGES, over };
}

describe('slow requests', () => {
  const rules = watching({ metric: 'p50', ratio: 1.25 }, { metric: 'p95', ratio: 1.25 });
  const before = Array.from(
    { length: 14 },
    (_, at): SpreadWindow => ({ start: minute(at - 15), stable: spread(3_000, 30) }),
  );
  const since = (least: number, windows = [1, 2, 3, 4, 5, 6]) =>
    windows.map((at) => ({ start: minute(at), canary: spread(300, least), stable: spread(2_700, 30) }));

  test('are counted from what was slow for stable before the raise', () => {
    expect(finding(rules, { latency: [...before, ...since(60)] }, 'p50', 9)).toMatchObject({
      status: 'fail',
      reason: expect.stringMatching(
        /^p50: canary [\d,]+ of 1,500 took over 160 ms, stable [\d,]+ of 13,500 took over 128 ms$/,
      ),
    });
    expect(verdict(rules, { latency: [...before, ...since(30)] }, 9).status).toBe('pass');
  });

  test('may be slower by what is tolerated', () => {
    expect(verdict(rules, { latency: [...before, ...since(33)] }, 9).status).toBe('pass');
  });

  test('of the first minute after a raise are the cold starts of new environments', () => {
    expect(verdict(rules, { latency: [...before, ...since(300, [0, 1])] }, 9).status).not.toBe('fail');
    expect(verdict(rules, { latency: [...before, ...since(300, [2])] }, 9).status).toBe('fail');
  });

  test('without a history of stable cannot be told, and it is said', () => {
    const said = verdict(rules, { latency: since(60) }, 9);
    expect(said).toMatchObject({
      status: 'inconclusive',
      reason: expect.stringContaining('p50: no threshold'),
    });
    expect(said.findings.every(({ evidence }) => Number.isFinite(evidence))).toBe(true);
  });

  test('of a histogram that does not add up are not used', () => {
    const torn = since(60).map((each) => ({ ...each, canary: { ...spread(300, 60), total: 3 } }));
    expect(finding(rules, { latency: [...before, ...torn] }, 'p50', 9)).toMatchObject({
      status: 'broken',
    });
  });
});

describe('proof of safety', () => {
  const proven = { errors: [window(1, [0, 1_500], [1, 13_500])] };
  const directiveFor = (promoteEarly: boolean) => {
    const steps = [{ weight: 10, bakeSeconds: 600, maxBakeSeconds: 600 }];
    const history = onFirstStep({
      watch: [{ metric: 'errors', ratio: 1.5 }],
      plan: plan({ steps, promoteEarly }),
    });
    const said = verdict(history, proven, 3);
    return next(
      stateAfter(history, { type: 'Measured', at: minute(3), verdict: said, alarms: [] }),
      minute(3),
    ).kind;
  };

  test('ends a bake early where the plan takes it, and only there', () => {
    expect([directiveFor(true), directiveFor(false)]).toEqual(['promote', 'hold']);
  });
});

describe('windows in which the weight moved', () => {
  const moved = { c: 5, s: 45, nc: 10, ns: 990 };
  const grid = [2, 10, 100];

  test('are compared with the larger share, which makes the same counts weaker', () => {
    const evidence = (share?: number) =>
      logEWorse({ windows: [{ ...moved, share }], grid, T: 10, head: 0.5 });
    expect(evidence(0.1)).toBeLessThan(evidence(0.01));
    expect(evidence(0.01)).toBeLessThanOrEqual(evidence());
    expect(evidence(1)).toBeLessThanOrEqual(0);
  });
});

test('the upper end of the odds is above the lower one and falls with more good requests', () => {
  const high = (n: number) =>
    orUpperBound({
      windows: [{ c: n / 1000, s: n / 100, nc: n, ns: 10 * n }],
      grid: [0.125, 0.5],
      beta: 0.05,
    });
  expect(high(1_000)).toBeGreaterThan(high(10_000) ?? Number.NaN);
  expect(high(10_000)).toBeGreaterThan(1);
  expect(orUpperBound({ windows: [], grid: [0.5], beta: 0.05 })).toBeUndefined();
});
