import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { durationText, millisecondsFrom, secondsFrom } from '../../../core/config/duration.ts';

describe('a duration', () => {
  test.each([
    ['90s', 90],
    ['5m', 300],
    ['2h', 7_200],
    ['1d', 86_400],
    ['1h30m', 5_400],
    ['1d1h1m1s', 90_061],
    ['0s', 0],
    ['007m', 420],
  ])('%s is %d seconds', (text, seconds) => {
    expect(secondsFrom(text)).toBe(seconds);
  });

  test.each(['', '5', '5 m', '-5m', '1.5h', '5M', '30m1h', '5m5m', 'm', '5m ', '9999999999s', '800ms', '٥m'])(
    '"%s" is no time',
    (text) => {
      expect(secondsFrom(text)).toBeUndefined();
    },
  );

  test('what is written from seconds is read as the same seconds', () => {
    fc.assert(
      fc.property(fc.nat(400 * 86_400), (seconds) => {
        expect(secondsFrom(durationText(seconds))).toBe(seconds);
      }),
    );
  });
});

describe('a short duration', () => {
  test.each([
    ['800ms', 800],
    ['2s', 2_000],
    ['0ms', 0],
  ])('%s is %d milliseconds', (text, ms) => {
    expect(millisecondsFrom(text)).toBe(ms);
  });

  test.each(['', '800', '1m', '1s500ms', '1.5s', '-1ms'])('"%s" is no short time', (text) => {
    expect(millisecondsFrom(text)).toBeUndefined();
  });
});
