import { expect, test } from 'vitest';
import { kept } from '../../../core/analysis/levels.ts';
import type { Limit, LimitRule } from '../../../core/analysis/types.ts';
import { WINDOW_MS } from '../../../core/units.ts';
import { minute, onFirstStep, stateAfter } from '../rollout/given.ts';

/** Raised within minute 0. */
const state = stateAfter(onFirstStep());
const RULES: LimitRule[] = [
  { limit: 'dlqNew', max: 10 },
  { limit: 'oldestMessage', max: 100 },
];

/** The minutes of the points that are kept, of which each has a value from `first` on; one without a value has no point. */
const minutesOf = (limit: Limit, first: number, values: (number | undefined)[], rules = RULES) =>
  kept(
    state,
    rules,
    limit,
    values.flatMap((value, nth) => (value === undefined ? [] : [{ start: minute(first + nth), value }])),
  ).map(({ start }) => (start - minute(0)) / WINDOW_MS);

test.each<[string, Limit, number, (number | undefined)[], number[]]>([
  ['nothing of nothing', 'dlqNew', 0, [], []],
  ['all from before the raise, and its minute', 'dlqNew', -3, [5, 5, 5, 5], [-3, -2, -1, 0]],
  ['the newest, and the first of the highest with the next one', 'dlqNew', 1, [1, 4, 2, 4, 3, 3], [2, 3, 6]],
  ['the first two in a row that are over', 'dlqNew', 1, [1, 11, 1, 12, 13, 1, 14, 15, 1], [4, 5, 6, 8, 9]],
  ['none that are at the limit', 'dlqNew', 1, [0, 10, 10, 10, 0, 0], [2, 3, 6]],
  ['by what was before', 'dlqNew', -1, [5, undefined, 15, 15, 16, 16, 0, 0], [-1, 3, 4, 5, 6]],
  [
    'ages by themselves, whatever was before',
    'oldestMessage',
    -1,
    [50, undefined, 1, 101, 102, 1, 1],
    [-1, 2, 3, 4, 5],
  ],
  [
    'an age that was over from the two on at which it recovered',
    'oldestMessage',
    -1,
    [200, 1, 1, 1, 1, 1],
    [-1, 0, 1, 2, 3, 4],
  ],
])('of a level is kept %s', (_, limit, first, values, minutes) => {
  expect(minutesOf(limit, first, values)).toEqual(minutes);
});

test('of a level without a limit are kept the highest and the newest', () => {
  expect(minutesOf('dlqNew', 1, [1, 90, 2, 95, 3, 4], [])).toEqual([4, 5, 6]);
});
