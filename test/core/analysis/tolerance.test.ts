import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  guardBets,
  guardShare,
  mustShow,
  shareAtMost,
  toleratedOdds,
} from '../../../core/analysis/tolerance.ts';

const share = fc.double({ min: 0, max: 1, noNaN: true });
const ratio = fc.double({ min: 1, max: 20, noNaN: true });

it('tolerates odds up to a fifth of bad requests, and a lost tenth of the good ones above, under 1.5x', () => {
  const shareAt = (p: number) => (toleratedOdds(p, 1.5) * p) / (1 - p + toleratedOdds(p, 1.5) * p);
  expect([0.05, 0.2].map((p) => toleratedOdds(p, 1.5))).toEqual([1.5, 1.5]);
  expect([0.4, 0.6, 0.9, 0.99].map((p) => Number(shareAt(p).toFixed(4)))).toEqual([0.46, 0.64, 0.91, 0.991]);
});

it('tolerates what a rule about lost ones says, from the share on at which that is less', () => {
  expect(toleratedOdds(0.1, 1.5, 0.05)).toBe(1.5);
  expect(toleratedOdds(0.4, 1.5, 0.05)).toBeCloseTo((0.43 / 0.57) * (0.6 / 0.4), 12);
});

it('is above 1 at every share, under every ratio above 1', () => {
  fc.assert(
    fc.property(share, ratio, (p, most) => {
      const odds = toleratedOdds(p, most);
      expect(odds).toBeLessThanOrEqual(most);
      expect(odds).toBeGreaterThanOrEqual(1);
      if (p < 0.999 && most > 1.01) expect(odds).toBeGreaterThan(1);
    }),
  );
});

it('holds a canary without a control to a share below 1, and bets on larger ones, whatever stable did', () => {
  fc.assert(
    fc.property(fc.nat(1e9), share, ratio, (total, part, most) => {
      const stable = { bad: Math.round(part * total), total };
      expect(shareAtMost(stable)).toBeLessThan(1);
      expect(shareAtMost(stable)).toBeGreaterThanOrEqual(
        Math.min(part, 1 - 0.26 / (total + 1)) - 0.6 / (total + 1),
      );
      const held = guardShare(stable, most, 0.005);
      expect(held).toBeGreaterThanOrEqual(shareAtMost(stable) - 1e-12);
      const bets = guardBets(held);
      expect(Math.max(...bets)).toBeLessThan(1);
      expect(Math.min(...bets)).toBeGreaterThan(held);
    }),
  );
});

it('asks a step to show a share that is above what the rule tolerates, and below 1', () => {
  fc.assert(
    fc.property(share, fc.double({ min: 1, max: 2.5, noNaN: true }), (p, most) => {
      const odds = toleratedOdds(p, most);
      const shown = mustShow(p, most, 0.005);
      expect(shown).toBeLessThanOrEqual(1);
      expect(shown).toBeGreaterThanOrEqual(Math.min(0.999, (odds * p) / (1 - p + odds * p)) - 1e-9);
    }),
  );
});
