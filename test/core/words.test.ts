import { expect, test } from 'vitest';
import { compared, counted, duration, number, timeOfDay } from '../../core/words.ts';

test('numbers are grouped by thousands', () => {
  expect([0, 412, 8_120, 1_234_567].map(number)).toEqual(['0', '412', '8,120', '1,234,567']);
});

test('one thing is told in the singular, any other number in the plural', () => {
  expect([0, 1, 8_120].map((count) => counted(count, 'violation'))).toEqual([
    '0 violations',
    '1 violation',
    '8,120 violations',
  ]);
});

test('two counts are told side by side', () => {
  expect(compared({ bad: 9, total: 412 }, { bad: 3, total: 8_120 })).toBe(
    'canary 9 of 412 failed, stable 3 of 8,120',
  );
});

test.each([
  [0, '0 s'],
  [0.4, '0 s'],
  [38, '38 s'],
  [119, '119 s'],
  [120, '2 min'],
  [240, '4 min'],
  [7_140, '119 min'],
  [7_199, '2 h'],
  [7_200, '2 h'],
  [7_500, '2 h 5 min'],
  [86_400, '24 h'],
])('%d seconds are "%s"', (seconds, text) => {
  expect(duration(seconds)).toBe(text);
});

test.each([
  [0, '00:00 UTC'],
  [Date.UTC(2026, 0, 5, 9, 7, 59), '09:07 UTC'],
  [Date.UTC(2026, 11, 31, 23, 59), '23:59 UTC'],
])('the time of day of %d is "%s"', (at, text) => {
  expect(timeOfDay(at)).toBe(text);
});
