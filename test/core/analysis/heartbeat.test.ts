import { describe, expect, test } from 'vitest';
import { heardUntil, lateOrGone, type Whereabouts } from '../../../core/analysis/heartbeat.ts';
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
