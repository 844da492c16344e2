import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { logFactorExact } from '../../../core/analysis/exact.ts';
import { enough, minutesTo, share80, visible } from '../../../core/analysis/visible.ts';

const BETS = [1.5, 2, 3, 4, 6, 12, 40, 200];
const asked = { w0: 1.5, bets: BETS, head: 0.7, required: 5.586 };
const scene = { ...asked, perMinute: 1200, weight: 0.05, p: 18.5 / 18_001 };
const digits = (share: number | undefined) => Number(((share ?? Number.NaN) * 100).toPrecision(2));

describe('what a step can see', () => {
  it.each([
    [{}, 5, 2.5],
    [{ weight: 0.25 }, 10, 0.77],
    [{ perMinute: 12_000, p: 180.5 / 180_001 }, 5, 0.62],
    [{ perMinute: 12_000, p: 0.5 / 180_001 }, 5, 0.14],
    [{ perMinute: 120, p: 0.5 / 1801 }, 5, 14],
    [{ perMinute: 120, p: 0.5 / 1801, weight: 0.25 }, 10, 3.1],
  ])('%j for %d min: %d %% of requests', (given, minutes, percent) => {
    expect(digits(visible({ ...scene, ...given }, minutes))).toBe(percent);
  });

  it('is nothing of few requests, and then no time is too short to say so', () => {
    expect(visible({ ...scene, perMinute: 6, weight: 0.01 }, 1)).toBeUndefined();
    expect(minutesTo(1e-9, scene)).toBeUndefined();
    expect(minutesTo(0.05, { ...scene, perMinute: 0 })).toBeUndefined();
    expect(enough({ ...asked, nc: 100, ns: 0, p: 0.1 })).toBeUndefined();
  });

  it('is more with more requests and with more time, and what is worse is found no later', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 100, max: 20_000 }),
        fc.integer({ min: 2, max: 30 }),
        fc.double({ min: 0, max: 0.2, noNaN: true }),
        (perMinute, minutes, p) => {
          const at = (more: object, of = minutes) => visible({ ...scene, perMinute, p, ...more }, of) ?? 1;
          expect(at({ perMinute: 2 * perMinute })).toBeLessThanOrEqual(at({}));
          expect(at({}, 2 * minutes)).toBeLessThanOrEqual(at({}));
          const worst = minutesTo(0.9, { ...scene, perMinute, p }) ?? Number.POSITIVE_INFINITY;
          expect(worst).toBeLessThanOrEqual(
            minutesTo(0.5, { ...scene, perMinute, p }) ?? Number.POSITIVE_INFINITY,
          );
        },
      ),
      { numRuns: 20 },
    );
  });

  it('is a share that comes with a chance of 80 %', () => {
    const chance = (least: number, n: number, p: number) => {
      let term = (1 - p) ** n;
      let below = 0;
      for (let count = 0; count < least; count++) {
        below += term;
        term *= ((n - count) / (count + 1)) * (p / (1 - p));
      }
      return 1 - below;
    };
    for (const [c, n] of [
      [1, 30],
      [4, 300],
      [12, 60],
      [100, 800],
    ] as const)
      expect(Math.abs(chance(c, n, share80(c, n)) - 0.8)).toBeLessThan(0.02);
  });

  it('is more by the exact factor where bad requests are common', () => {
    const common = { ...asked, nc: 200, ns: 200, p: 0.4, w0: 1.28 };
    expect(enough({ ...common, factor: logFactorExact })).toBeLessThan(enough(common) ?? 0);
  });
});
