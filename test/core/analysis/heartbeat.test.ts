import { describe, expect, test } from 'vitest';
import {
  heardUntil,
  isAwaited,
  lateOrGone,
  type OneSided,
  oneSidedOf,
  type Whereabouts,
} from '../../../core/analysis/heartbeat.ts';
import type { ReadWindow } from '../../../core/analysis/types.ts';
import type { Instant } from '../../../core/units.ts';
import { minute } from '../rollout/given.ts';

const at = (start: number | undefined): Instant | undefined =>
  start === undefined ? undefined : minute(start);

describe('counts that are missing', () => {
  test.each<[string, number | undefined, number | undefined, Whereabouts]>([
    ['are not, if both are up to date', 9, 9, 'here'],
    ['are not, if the target is counted before the region is', 7, 9, 'here'],
    ['are late if nothing newer came of any function', 6, 6, 'late'],
    ['are late if the target was counted later than the region', 5, 6, 'late'],
    ['are late if the region was not read', undefined, 6, 'late'],
    ['are late if nothing was ever counted', undefined, undefined, 'late'],
    ['are gone if others were counted since', 9, 6, 'gone'],
    ['are gone if others were counted a minute later', 7, 6, 'gone'],
    ['are gone if others are counted and the target never was', 9, undefined, 'gone'],
    ['are not gone by minutes in the future', 30, 9, 'here'],
    ['are late if the region has no time', Number.NaN, 6, 'late'],
  ])('%s', (_, region, target, whereabouts) => {
    expect(lateOrGone({ region: at(region), target: at(target) }, minute(10))).toBe(whereabouts);
  });

  test('mean silence only up to the newest minute of the region', () => {
    expect(heardUntil(minute(9), minute(10))).toBe(minute(10));
    expect(heardUntil(minute(6), minute(10))).toBe(minute(7));
    expect(heardUntil(minute(40), minute(10))).toBe(minute(10));
    expect(heardUntil(undefined, minute(10))).toBe(Number.NEGATIVE_INFINITY);
  });
});

describe('one version whose counts are missing', () => {
  /** Minutes from 1 on, with the requests of canary and stable; the move was in minute 0. */
  const seen = (
    ...counts: ([canary: number | undefined, stable: number | undefined] | 'unknown')[]
  ): ReadWindow[] =>
    counts.map((each, nth) => {
      if (each === 'unknown') return { start: minute(1 + nth), unknown: 'no answer' };
      const [canary, stable] = each.map((total) => (total === undefined ? undefined : { bad: 0, total }));
      return { start: minute(1 + nth), canary, stable };
    });
  const both: [number, number] = [300, 900];

  test.each<[string, ReadWindow[], OneSided | undefined]>([
    ['is not if both are there', seen(both, both, both), undefined],
    ['is not if nothing came', seen(both, [undefined, undefined], [0, 0]), undefined],
    ['is not if it was seen last', seen([undefined, 900], [undefined, 900], both), undefined],
    [
      'is the canary',
      seen(both, [undefined, 900], [0, 900], [undefined, 900]),
      { side: 'canary', minutes: 3, due: 900 },
    ],
    ['is stable', seen(both, [300, undefined], [300, undefined]), { side: 'stable', minutes: 2, due: 1_800 }],
    ['is not if chance explains it', seen([0, 12], [0, 12], [0, 12]), undefined],
    [
      'is the canary over a minute of which nothing is known',
      seen(both, [0, 900], 'unknown', [0, 900]),
      { side: 'canary', minutes: 3, due: 600 },
    ],
    ['is not by minutes of which nothing is known', seen(both, 'unknown', 'unknown'), undefined],
    [
      'is the canary that was never seen',
      seen([undefined, 900], [undefined, 900]),
      { side: 'canary', minutes: 2, due: 600 },
    ],
    ['is not at its own move', [{ start: minute(0), stable: { bad: 0, total: 9_000 } }], undefined],
  ])('%s', (_, windows, found) => {
    const to = minute(Math.max(1, ...windows.map(({ start }) => (start - minute(0)) / 60_000 + 1)));
    expect(oneSidedOf(windows, { since: minute(0.5), to, weight: 25 })).toEqual(found);
  });

  test.each([0, 100])('is never one at a weight of %i %%', (weight) => {
    const alone =
      weight === 0 ? seen([undefined, 900], [undefined, 900]) : seen([900, undefined], [900, undefined]);
    expect(oneSidedOf(alone, { since: minute(0.5), to: minute(3), weight })).toBeUndefined();
  });

  test('is waited for from three minutes on', () => {
    const missing = (minutes: number): OneSided => ({ side: 'canary', minutes, due: 900 });
    expect(isAwaited(missing(3))).toBe(true);
    expect(isAwaited(missing(2))).toBe(false);
  });
});
