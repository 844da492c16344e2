import { describe, expect, test } from 'vitest';
import type { Window } from '../../../core/analysis/types.ts';
import { comparedWindows, isMoved, settledUntil } from '../../../core/analysis/windows.ts';
import type { RolloutEvent } from '../../../core/rollout/event.ts';
import {
  inVerify,
  measured,
  minute,
  onFirstStep,
  onSecondStep,
  opened,
  raised,
  shifted,
  stateAfter,
  TWO_TARGETS,
} from '../rollout/given.ts';

/** A window of so many requests on each side, of which each side failed one. */
const window = (at: number, canary = 10, stable = 90): Window => ({
  start: minute(at),
  canary: { bad: 1, total: canary },
  stable: { bad: 1, total: stable },
});
const starts = (found: readonly { start: number }[]) =>
  found.map(({ start }) => (start - minute(0)) / 60_000);
const all = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => window(from + index));

test('windows are read as complete only when they have settled', () => {
  const state = stateAfter(onFirstStep({ settleSeconds: 63 }));
  expect(settledUntil(state, minute(3) + 2_999)).toBe(minute(1));
  expect(settledUntil(state, minute(3) + 3_000)).toBe(minute(2));
});

describe('both versions are compared', () => {
  test('from the window of the first raise on', () => {
    expect(starts(comparedWindows(stateAfter(onFirstStep()), all(0, 3)))).toEqual([0, 1, 2]);
    const onTheMinute = stateAfter(opened(), ...raised(10, 1, 1));
    expect(starts(comparedWindows(onTheMinute, all(-2, 3)))).toEqual([1, 2]);
    expect(comparedWindows(stateAfter(opened()), all(-2, 3))).toEqual([]);
  });

  test('until promotion: a window in which stable lost its traffic is none', () => {
    expect(starts(comparedWindows(stateAfter(inVerify()), all(6, 12)))).toEqual([6, 7]);
    const onTheMinute = stateAfter(onSecondStep(), measured('pass', [5, 7]), ...raised(100, 3, 8));
    expect(starts(comparedWindows(onTheMinute, all(6, 12)))).toEqual([6, 7]);
  });

  test('from the window after the first raise on if the version may have had traffic in that one before', () => {
    const again = stateAfter(opened({ attempt: 2 }), ...raised(10, 1, 0.5));
    expect(starts(comparedWindows(again, all(0, 3)))).toEqual([1, 2]);
    const onTheMinute = stateAfter(opened({ attempt: 2 }), ...raised(10, 1, 1));
    expect(starts(comparedWindows(onTheMinute, all(0, 3)))).toEqual([1, 2]);
    // Served just before, by whatever; or called by a few smoke tests; or served earlier and no more.
    const first = stateAfter(onFirstStep());
    expect(starts(comparedWindows(first, all(-1, 3)))).toEqual([1, 2]);
    expect(starts(comparedWindows(first, [window(-1, 10, 1_000), ...all(0, 3)]))).toEqual([0, 1, 2]);
    expect(starts(comparedWindows(first, [window(-2), window(-1, 0), ...all(0, 3)]))).toEqual([0, 1, 2]);
  });

  test('where both had requests', () => {
    const state = stateAfter(onFirstStep());
    const { canary: _, ...alone } = window(3);
    expect(comparedWindows(state, [window(1, 0), window(2, 10, 0), alone])).toEqual([]);
    expect(comparedWindows(state, [window(1, 1, 1)])).toEqual([
      { start: minute(1), c: 1, nc: 1, s: 1, ns: 1 },
    ]);
  });
});

describe('the share of the canary in a window in which traffic moved', () => {
  const share = (state: ReturnType<typeof stateAfter>, given: Window) =>
    comparedWindows(state, [given])[0]?.share;

  test('is the largest weight that can have been in force, which later raises do not change', () => {
    expect(share(stateAfter(onFirstStep()), window(0, 1, 99))).toBe(0.1);
    expect(share(stateAfter(onSecondStep()), window(0, 1, 99))).toBe(0.1);
    expect(share(stateAfter(onSecondStep()), window(4, 1, 99))).toBe(0.5);
  });

  test('is what the canary really got, where that is more', () => {
    expect(share(stateAfter(onSecondStep()), window(4, 60, 40))).toBe(0.6);
    expect(share(stateAfter(onSecondStep()), window(0, 20, 80))).toBe(0.2);
  });

  test('is not asked where nothing moved', () => {
    expect(share(stateAfter(onSecondStep()), window(2, 60, 40))).toBeUndefined();
  });

  test('counts a raise of two targets that moved in different minutes as one step', () => {
    const both = [
      opened({ targets: TWO_TARGETS }),
      ...raised(10, 1, 0.5),
      ...raised(10, 2, 1.5, 'worker'),
      measured('pass', [2, 4]),
      ...raised(50, 3, 5.5),
      ...raised(50, 4, 6.5, 'worker'),
    ];
    expect(share(stateAfter(both), window(0, 1, 99))).toBe(0.1);
    expect(share(stateAfter(both), window(1, 1, 99))).toBe(0.1);
    expect(share(stateAfter(both), window(5, 1, 99))).toBe(0.5);
  });
});

describe('a window in which traffic moved, of late counts', () => {
  const late = { target: 'api', from: minute(0) };
  // 10 % since 0:30, and 50 % since 4:12.
  const state = stateAfter(onSecondStep());
  const compared = (...windows: Window[]) => starts(comparedWindows(state, windows, late));

  test('is left out if counts of stable are missing in it, or in the whole minute before or after it', () => {
    expect(compared(window(0, 500, 500))).toEqual([]);
    expect(compared(window(3, 100, 90), window(4, 400, 500))).toEqual([3]);
    expect(compared(window(4, 400, 500), window(5, 500, 50))).toEqual([5]);
  });

  test('counts if they are there, as is a whole minute whatever is missing', () => {
    expect(compared(window(0, 100, 9_000), window(1, 100, 900))).toEqual([0, 1]);
    expect(compared(window(3, 100, 900), window(4, 400, 500), window(5, 500, 500))).toEqual([3, 4, 5]);
    expect(compared(window(5, 500, 5))).toEqual([5]);
  });

  test('is left out also if stable had more of it than the largest weight leaves', () => {
    const compared = (history: RolloutEvent[], ...windows: Window[]) =>
      starts(comparedWindows(stateAfter(history), windows, late));
    // From 10 % to 50 % at 4:54.
    const raise: RolloutEvent[] = [...onFirstStep(), measured('pass', [1, 3]), ...raised(50, 2, 4.9)];
    expect(compared(raise, window(4, 1_400, 8_600))).toEqual([4]);
    expect(compared(raise, window(4, 1_400, 4_300))).toEqual([]);
    // From nothing to 50 % at 0:54.
    const first = [opened(), ...raised(50, 1, 0.9)];
    expect(compared(first, window(0, 700, 9_300))).toEqual([0]);
    expect(compared(first, window(0, 700, 1_860))).toEqual([]);
    // Back from 50 % to 10 % at 8:12.
    const recall: RolloutEvent[] = [
      ...onSecondStep(),
      { type: 'RecallOrdered', at: minute(8.1), nth: 1, weight: 10, reason: 'doubt', remaining: 180 },
      shifted(10, 3, 8.2),
    ];
    expect(compared(recall, window(8, 1_800, 8_200))).toEqual([8]);
    expect(compared(recall, window(8, 1_800, 2_500))).toEqual([]);
  });

  test('counts by the largest weight alone if nothing else is known, and if the move came some seconds before it was recorded', () => {
    const compared = (history: RolloutEvent[], ...windows: Window[]) =>
      starts(comparedWindows(stateAfter(history), windows, late));
    const half: RolloutEvent[] = [
      opened({ targets: TWO_TARGETS }),
      ...raised(50, 1, 3.5),
      ...raised(50, 2, 4.9, 'worker'),
    ];
    expect(compared(half, window(4, 5_000, 5_000))).toEqual([4]);
    const raise: RolloutEvent[] = [...onFirstStep(), measured('pass', [1, 3]), ...raised(50, 2, 4.9)];
    expect(compared(raise, window(4, 1_800, 8_200))).toEqual([4]);
  });

  test('counts if those of the canary are missing, which only speaks for it', () => {
    expect(compared(window(3, 10, 900), window(4, 40, 500), window(5, 50, 500))).toEqual([3, 4, 5]);
  });

  test('counts once all have come', () => {
    const since = { ...late, from: minute(5) };
    expect(starts(comparedWindows(state, [window(3, 100, 90), window(4, 400, 500)], since))).toEqual([3, 4]);
  });
});

test('a move belongs to the window that it opens, not to the one that it ends', () => {
  const state = stateAfter(opened(), ...raised(10, 1, 1));
  expect([0, 1, 2].map((at) => isMoved(state, window(at)))).toEqual([false, true, false]);
});
