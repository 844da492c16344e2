import { describe, expect, test } from 'vitest';
import { historyOf, isYoung, slowFrom, slowWindows } from '../../../core/analysis/latency.ts';
import type { Spread } from '../../../core/analysis/types.ts';
import {
  minute,
  onFirstStep,
  onSecondStep,
  opened,
  raised,
  stateAfter,
  TWO_TARGETS,
} from '../rollout/given.ts';

const edges = [10, 20, 40, 80];
const of = (total: number, ...over: number[]): Spread => ({ total, edges, over });
const state = stateAfter(onFirstStep());
const earlier = (...history: Spread[]) =>
  historyOf(
    state,
    history.map((stable, at) => ({ start: minute(at - history.length), stable })),
  );
const rule = (percentile: number, ratio = 1) => ({ percentile, ratio });

describe('a request is slow', () => {
  test('from the first edge on that no more of stable passed than the percentile leaves', () => {
    const history = earlier(of(1000, 500, 100, 10, 0));
    expect(slowFrom(history, rule(50))).toEqual({ stable: 10, canary: 10 });
    expect(slowFrom(history, rule(90))).toEqual({ stable: 20, canary: 20 });
    expect(slowFrom(history, rule(95))).toEqual({ stable: 40, canary: 40 });
    expect(slowFrom(history, rule(99, 1.5))).toEqual({ stable: 40, canary: 80 });
    expect(slowFrom(history, rule(99, 2))).toEqual({ stable: 40, canary: 80 });
    expect(slowFrom(history, rule(99, 2.1))).toBeUndefined();
  });

  test('by all minutes of the history together, where those make five slow ones', () => {
    const half = of(500, 250, 50, 5, 0);
    expect(slowFrom(earlier(half, half), rule(99))).toEqual({ stable: 40, canary: 40 });
    expect(slowFrom(earlier(of(100, 50, 10, 1, 0)), rule(95))).toEqual({ stable: 40, canary: 40 });
    expect(slowFrom(earlier(of(99, 50, 10, 1, 0)), rule(95))).toBeUndefined();
    expect(slowFrom([], rule(95))).toBeUndefined();
    expect(slowFrom(earlier(of(100, 100, 100, 100, 100)), rule(95))).toBeUndefined();
  });
});

test('the history is what stable did before the first raise, in minutes that can be believed', () => {
  const good = of(10, 4, 3, 2, 1);
  const history = (stable: Spread | undefined, start: number) =>
    historyOf(state, [{ start: minute(start), ...(stable === undefined ? {} : { stable }) }]);
  expect(history(good, -1)).toEqual([good]);
  expect(history(good, 0)).toEqual([]);
  for (const bad of [
    undefined,
    of(0, 0, 0, 0, 0),
    of(10, 4, 3, 2),
    of(10, 4, 5, 2, 1),
    of(10, 11, 3, 2, 1),
    of(10, 4, 3, 2, -1),
    of(10, 4, 3, 2, 0.5),
    of(10, Number.NaN, 3, 2, 1),
  ])
    expect(history(bad, -1)).toEqual([]);
  const onTheMinute = stateAfter(opened(), ...raised(10, 1, 1));
  expect(
    historyOf(
      onTheMinute,
      [0, 1].map((at) => ({ start: minute(at), stable: good })),
    ),
  ).toHaveLength(1);
  expect(historyOf(stateAfter(opened()), [{ start: minute(5), stable: good }])).toEqual([good]);
});

test('environments are young in the minute of a raise and in the one after it, after each raise anew', () => {
  const young = (of: ReturnType<typeof stateAfter>) =>
    [-1, 0, 1, 2, 3, 4, 5, 6].filter((at) => isYoung(of, minute(at)));
  expect(young(state)).toEqual([0, 1]);
  expect(young(stateAfter(onSecondStep()))).toEqual([0, 1, 4, 5]);
  expect(young(stateAfter(opened(), ...raised(10, 1, 2)))).toEqual([2]);
  expect(young(stateAfter(opened({ targets: TWO_TARGETS })))).toEqual([]);
});

test('slow requests are counted by each side at its own edge, and not at all where they do not add up', () => {
  const window = (canary: Spread | undefined, stable: Spread) => ({
    start: minute(3),
    stable,
    ...(canary === undefined ? {} : { canary }),
  });
  const counts = (canary: Spread | undefined, stable: Spread) =>
    slowWindows(state, [window(canary, stable)], { stable: 20, canary: 40 })[0];
  const good = of(10, 4, 3, 2, 1);
  expect(counts(good, good)).toEqual({
    start: minute(3),
    canary: { bad: 2, total: 10 },
    stable: { bad: 3, total: 10 },
  });
  expect(counts(of(10, 1, 2, 3, 4), good)?.canary).toEqual({ bad: Number.NaN, total: 10 });
  expect(counts(undefined, good)?.canary).toBeUndefined();
  expect(
    slowWindows(state, [{ ...window(good, good), start: minute(1) }], { stable: 20, canary: 40 }),
  ).toEqual([]);
});
