import { describe, expect, test } from 'vitest';
import { believable, settle } from '../../../core/analysis/settled.ts';
import type { ReadWindow, Window } from '../../../core/analysis/types.ts';
import { minute } from '../rollout/given.ts';

/** A window of so many requests on each side, of which each side failed one. */
const window = (at: number, canary = 10, stable = 90): Window => ({
  start: minute(at),
  canary: { bad: 1, total: canary },
  stable: { bad: 1, total: stable },
});
const all = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => window(from + index));

describe('windows are believed', () => {
  const why = (...windows: Window[]) => believable(windows).skipped.map((line) => line.split(': ')[1]);

  test('that begin on whole minutes, once each, in the order of time', () => {
    expect(believable(all(1, 4)).windows).toHaveLength(3);
    expect(why({ start: minute(1) + 1 })).toEqual(['it does not begin on a whole minute']);
    expect(why({ start: Number.NaN }, window(1))).toEqual(['it does not begin on a whole minute']);
    expect(why(window(2), window(1))).toEqual(['it came after a later one']);
    expect(why(window(1), window(1))).toEqual(['it was given more than once']);
  });

  test('whose counts can be: stable is looked at as well as the canary', () => {
    expect(why(window(1, 10, Number.NaN))).toEqual(['stable counts NaN requests, which is no count']);
    expect(why(window(1, -1))).toEqual(['canary counts -1 requests, which is no count']);
    expect(why({ start: minute(1), stable: { bad: 2, total: 1 } })).toEqual([
      'stable counts 2 bad requests of 1',
    ]);
    expect(why(window(1, 1e15))).toHaveLength(1);
    expect(believable([window(1, 1e6)]).windows).toHaveLength(1);
  });

  test('and of many that are not, the first few are named and the rest counted', () => {
    const bad = (count: number) => all(1, 1 + count).map((each) => ({ ...each, start: each.start + 1 }));
    const lines = believable(bad(100)).skipped;
    expect(lines.at(-1)).toBe(`and ${100 - (lines.length - 1)} more windows are not used`);
    expect(believable(bad(lines.length - 1)).skipped.at(-1)).toContain('it does not begin on a whole minute');
    expect(lines.length).toBeLessThan(50);
  });

  test('and of each minute that is not it is kept why, in the words of its source if it gave any', () => {
    const half: ReadWindow = { start: minute(2), unknown: 'it was counted by half' };
    const { windows, unknown } = believable([
      window(1),
      half,
      window(3, -1),
      { ...window(4), start: minute(4) + 1 },
    ]);
    expect(windows).toEqual([window(1)]);
    expect([...unknown]).toEqual([
      [minute(2), 'it was counted by half'],
      [minute(3), 'its counts could not be used'],
      [minute(4), 'its counts could not be used'],
    ]);
  });
});

describe('what was read is settled', () => {
  test('up to its end, metric by metric, and what was not read stays absent', () => {
    const spread = { total: 1, edges: [20], over: [0] };
    const series = {
      errors: all(1, 5),
      dlqNew: undefined,
      latency: [1, 2, 3].map((at) => ({ start: minute(at), stable: spread })),
      oldestMessage: [1, 2, 3].map((at) => ({ start: minute(at), value: at })),
    };
    const settled = settle(series, minute(3));
    expect(Object.keys(settled)).toEqual(['errors', 'latency', 'oldestMessage']);
    expect(settled.errors?.windows).toEqual(all(1, 3));
    expect(settled.latency?.map(({ start }) => start)).toEqual([minute(1), minute(2)]);
    expect(settled.oldestMessage?.map(({ value }) => value)).toEqual([1, 2]);
    expect(settle(series).errors?.windows).toEqual(all(1, 5));
  });

  test('with levels in the order of time, and without those that are no level', () => {
    const at = (minutes: number, value: number) => ({ start: minute(minutes), value });
    const read = [at(3, 2), at(1, 0), at(2, -1), at(4, Number.NaN)];
    expect(settle({ dlqNew: read }).dlqNew).toEqual([at(1, 0), at(3, 2)]);
  });

  test("with the user's own bad counts of the canary held to its totals, and no others", () => {
    const retried = { start: minute(1), canary: { bad: 3, total: 2 } };
    const settled = settle({ 'custom.orders': [retried], errors: [retried] });
    expect(settled['custom.orders']?.windows).toEqual([{ start: minute(1), canary: { bad: 2, total: 2 } }]);
    expect(settled.errors).toMatchObject({
      windows: [],
      skipped: [expect.stringContaining('3 bad requests of 2')],
    });
  });

  test('with a window at no time reported and not used', () => {
    const { windows, skipped } = settle({ errors: [{ start: Number.NaN }] }, minute(9)).errors ?? {};
    expect(windows).toEqual([]);
    expect(skipped).toHaveLength(1);
  });
});
