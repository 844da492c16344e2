import { describe, expect, test } from 'vitest';
import {
  joined,
  linear,
  linePath,
  logarithmic,
  roundUp,
  spaced,
  stepPath,
  timeTicks,
} from '../../page/scale.ts';

const MINUTE = 60_000;

describe('an axis of time', () => {
  test.each([
    ['minutes', 5, [0, 1, 2, 3, 4, 5]],
    ['half an hour', 27, [0, 5, 10, 15, 20, 25]],
    ['three days', 3 * 1440, [0, 720, 1440, 2160, 2880, 3600, 4320]],
  ])('is labelled at round moments, over %s', (_, length, ticks) => {
    expect(timeTicks(0, length * MINUTE, 6).map((at) => at / MINUTE)).toEqual(ticks);
  });

  test('has few labels however long it is', () => {
    for (const days of [1, 10, 100, 1000])
      expect(timeTicks(MINUTE, days * 1440 * MINUTE, 6).length).toBeLessThan(8);
  });
});

test.each([
  [0, 1],
  [0.3, 0.3],
  [4.1, 5],
  [11, 20],
  [31, 50],
])('%f ends at %f', (value, end) => {
  expect(roundUp(value)).toBeCloseTo(end);
});

describe('a line', () => {
  const x = linear(0, 10);
  const y = linear(0, 100);

  test('goes through its points, and breaks where nothing is known', () => {
    const dots = [{ at: 0, value: 0 }, { at: 5, value: 50 }, { at: 6 }, { at: 10, value: 100 }];
    expect(linePath(dots, x, y)).toBe('M0 100L50 50M100 0L100 0');
  });

  test('of steps keeps its value until the next one, and the last to the end', () => {
    const dots = [
      { at: 0, value: 0 },
      { at: 5, value: 10 },
    ];
    expect(stepPath(dots, 10, x, y)).toBe('M0 100L50 100L50 90L100 90');
  });

  test('on an axis of powers of ten rises alike with each of them', () => {
    const log = logarithmic(1, 1000);
    expect([0, 1, 10, 100, 1000, 5000].map((value) => Math.round(300 * log(value)))).toEqual([
      0, 0, 100, 200, 300, 300,
    ]);
  });

  test('is whole where a minute near is not counted, and broken where many are not', () => {
    const at = (minute: number, value?: number) => ({ at: minute * MINUTE, value });
    const dots = [at(1, 5), at(2), at(3, 6), at(20, 7)];
    expect(joined(dots).map(({ value }) => value)).toEqual([5, 6, undefined, 7]);
  });
});

test('of labels that have no room beside each other the first stays', () => {
  const labels = [{ place: 0.9 }, { place: 0.85 }, { place: 0.1 }];
  expect(spaced(labels, 0.2).map(({ place }) => place)).toEqual([0.9, 0.1]);
});
