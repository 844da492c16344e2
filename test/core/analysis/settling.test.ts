import { describe, expect, test } from 'vitest';
import { logEWorse } from '../../../core/analysis/evalue.ts';
import { judge } from '../../../core/analysis/judge.ts';
import { isSettling, SETTLING_STAKE, settleOdds } from '../../../core/analysis/settling.ts';
import type { Window } from '../../../core/analysis/types.ts';
import type { RolloutEvent } from '../../../core/rollout/event.ts';
import { trialOf } from '../../../core/rollout/trial.ts';
import { minute, onFirstStep, onSecondStep, plan, stateAfter } from '../rollout/given.ts';
import { window } from './given.ts';
import tails from './tails-vectors.json' with { type: 'json' };

test.each(tails.vectors.filter(({ fn }) => fn === 'settleOdds'))(
  '$input tolerate $expected',
  ({ input, expected }) => {
    const [before, ratio] = input as unknown as Parameters<typeof settleOdds>;
    expect(settleOdds(before, ratio)).toBeCloseTo(expected as number, 9);
  },
);

test('what is tolerated meanwhile is never less than the rule, and no more than a twentieth', () => {
  for (const [bad, total] of [
    [0, 0],
    [0, 1e6],
    [50, 1_000],
    [500, 1_000],
    [1_000, 1_000],
  ] as const) {
    const w0 = settleOdds({ bad, total }, 1.5);
    expect(w0).toBeGreaterThanOrEqual(1.5);
    const stable = (bad + 0.5) / (total + 1);
    const odds = (w0 * stable) / (1 - stable);
    expect(w0 === 1.5 || Math.abs(odds / (1 + odds) - 0.05) < 1e-9).toBe(true);
  }
});

const warm = (more = {}) => plan({ warmUpSeconds: 60, ...more });
const first = onFirstStep({ plan: warm() });

test('environments settle in the minute of a raise, and in the next one if the most of it lies within', () => {
  const minutes = (history: RolloutEvent[], more = {}) => {
    const state = { ...stateAfter(history), ...more };
    return [-1, 0, 1, 2, 3, 4, 5, 6].filter((at) => isSettling(state, minute(at)));
  };
  const [at = 0] = stateAfter(first).moves;
  expect(minutes(first)).toContain(Math.floor((at - minute(0)) / 60_000));
  expect(minutes(onFirstStep())).toEqual([]);
  expect(minutes(first, { moves: [minute(2) + 2_000] })).toEqual([2]);
  expect(minutes(first, { moves: [minute(2) + 58_000] })).toEqual([2, 3]);
  expect(minutes(first, { moves: [minute(1)], recalls: [{ from: minute(1) }] })).toEqual([]);
  expect(minutes(onSecondStep({ plan: warm({ warmUpSeconds: 180 }) })).length).toBeGreaterThan(4);
});

test('a minute on which little is staked costs other minutes little, and total breakage in it is seen all the same', () => {
  const of = (c: number, stake?: number) => {
    const window = { c, s: 6, nc: 600, ns: 11_400, w0: 51, stake };
    return logEWorse({ windows: [window], T: 20, head: 0.7, grid: [1.5, 2, 4, 12, 200] });
  };
  expect(of(1)).toBeLessThan(-1);
  expect(of(1, SETTLING_STAKE)).toBeGreaterThan(-0.1);
  expect(of(600, SETTLING_STAKE)).toBeGreaterThan(50);
  expect(of(600, 1)).toBe(of(600));
});

describe('a canary in the minute after its raise', () => {
  const before = Array.from({ length: 14 }, (_, at) => window(at - 15, undefined, [4, 6_000]));
  const state = { ...stateAfter(first), moves: [minute(1)] };
  const judged = (minutes: Window[], to: number, of = state) =>
    judge(trialOf(of), { series: { api: { errors: [...before, ...minutes] } }, alarms: [] }, minute(to))
      .status;
  const each = (at: number, bad: number) => window(at, [bad, 600], [4, 5_400]);

  test('may fail 2 % of its requests, which reverts it later, and without a time to settle', () => {
    expect(judged([each(1, 12)], 4)).not.toBe('fail');
    expect(judged([each(2, 12)], 5)).toBe('fail');
    const { warmUpSeconds: _, ...without } = state.opening.plan;
    expect(judged([each(1, 12)], 4, { ...state, opening: { ...state.opening, plan: without } })).toBe('fail');
  });

  test('is reverted at once if it fails most of them', () => {
    expect(judged([each(1, 300)], 4)).toBe('fail');
    expect(judged([each(1, 600)], 4)).toBe('fail');
  });
});
