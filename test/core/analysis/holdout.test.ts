import { describe, expect, test } from 'vitest';
import {
  type HeldOut,
  holdoutOf,
  RECALL_WEIGHT,
  requiredInVerify,
  verifySplitOf,
} from '../../../core/analysis/holdout.ts';

const required = requiredInVerify({ part: 5 / 12, verifyMinutes: 10 });
const rule = (perSecond: number, more: Partial<HeldOut> = {}): HeldOut => ({
  ...{ perMinute: perSecond * 60, share: 0.001, ratio: 1.5, required },
  ...more,
});

describe('a holdout', () => {
  test.each<[string, HeldOut[], number]>([
    ['67.5 requests/s', [rule(67.5)], 10],
    ['67.6 requests/s', [rule(67.6)], 5],
    ['34.5 requests/s', [rule(34.5)], 10],
    ['34.4 requests/s', [rule(34.4)], 25],
    ['124 requests/s of which 1 % fail', [rule(124, { share: 0.01 })], 5],
    ['123 requests/s of which 1 % fail', [rule(123, { share: 0.01 })], 10],
    ['64 requests/s of which 1 % fail', [rule(64, { share: 0.01 })], 10],
    ['63 requests/s of which 1 % fail', [rule(63, { share: 0.01 })], 25],
    ['no request', [rule(0)], 25],
    ['one request an hour', [rule(1 / 3_600)], 25],
    ['requests that all fail', [rule(1_000, { share: 1 })], 25],
    ['failures that come in threes', [rule(68, { burst: 3 })], 25],
    ['nothing that is compared', [], 25],
    ['two targets, of which one is called rarely', [rule(2_000), rule(40)], 10],
  ])(
    'of %s is the least that shows a release that fails 5 % more within two minutes',
    (_, rules, percent) => {
      expect(holdoutOf(rules, 50)).toBe(percent);
    },
  );

  test('leaves no less than the last step did: traffic never falls at promotion', () => {
    expect(holdoutOf([rule(2)], 50)).toBe(25);
    expect(holdoutOf([rule(2)], 90)).toBe(10);
    expect(holdoutOf([rule(2)], 99)).toBe(1);
  });

  test('leaves a control beside a recall', () => {
    expect(100 - RECALL_WEIGHT).toBeGreaterThan(0);
  });

  test('needs less evidence, the shorter verify is, and a number for any length', () => {
    const at = (verifyMinutes: number) => requiredInVerify({ part: 5 / 12, verifyMinutes });
    expect(at(10)).toBeCloseTo(11.7234, 3);
    expect(at(2)).toBeLessThan(at(60));
    for (const minutes of [0, 1, 1_440]) expect(Number.isFinite(at(minutes))).toBe(true);
  });
});

describe('verify', () => {
  test.each<[number, boolean, number, number]>([
    [600, false, 8, 2],
    [900, false, 12, 3],
    [61, false, 2, 2],
    [60, false, 1, 2],
    [180, false, 3, 2],
    [3_600, false, 48, 12],
    [600, true, 0, 10],
    [0, false, 0, 0],
    [0, true, 0, 0],
  ])(
    'of %i s, at once %s, keeps its holdout for %i min and stands at 100 %% for %i min',
    (seconds, isAtOnce, holdoutMinutes, restMinutes) => {
      expect(verifySplitOf(seconds, isAtOnce)).toEqual({ holdoutMinutes, restMinutes });
    },
  );
});
