import { describe, expect, test } from 'vitest';
import { judge } from '../../../core/analysis/judge.ts';
import type { Finding, WatchRule, Window } from '../../../core/analysis/types.ts';
import { trialOf } from '../../../core/rollout/trial.ts';
import { minute, onFirstStep, plan, stateAfter } from '../rollout/given.ts';
import { window } from './given.ts';

const custom = { bad: { namespace: 'Shop', name: 'Lost' }, total: { namespace: 'Shop', name: 'Orders' } };
const orders = (lost?: number): WatchRule => ({ metric: 'custom.orders', ratio: 1.5, lost, custom });

/** What a step at 25 % says of orders: minutes before it and in it, each with the share that is bad on each version. */
function said(rule: WatchRule, windows: Window[], minutes: number): Finding | undefined {
  const steps = [{ weight: 25, bakeSeconds: 600, maxBakeSeconds: 600 }];
  const state = stateAfter(onFirstStep({ watch: [rule], plan: plan({ steps }) }));
  const series = { 'custom.orders': windows };
  const reading = { series: { api: series }, alarms: [] };
  return judge(trialOf(state), reading, minute(minutes + 2)).findings.find(
    ({ metric }) => metric === rule.metric,
  );
}

/** Minutes with so many orders of stable, of which so many in a thousand are bad on canary and on stable. */
const shares = (minutes: number, perMinute: number, canary: number, stable: number): Window[] => [
  ...Array.from({ length: 15 }, (_, nth) =>
    window(nth - 15, undefined, [Math.round((perMinute * stable) / 1_000), perMinute]),
  ),
  ...Array.from({ length: minutes }, (_, nth) => {
    const own = Math.round(perMinute / 3);
    return window(
      nth + 1,
      [Math.round((own * canary) / 1_000), own],
      [Math.round((perMinute * stable) / 1_000), perMinute],
    );
  }),
];

describe("a count of the user's own", () => {
  test.each([1, 220, 500, 950, 990, 1_000])(
    'that is bad %d times in a thousand on both versions speaks against neither',
    (bad) => {
      const finding = said(orders(), shares(10, 1_800, bad, bad), 10);
      expect(finding?.evidence).toBeLessThan(0.5);
      expect(finding?.status).not.toBe('suspect');
    },
  );

  test.each([
    [400, 520],
    [900, 950],
    [990, 1_000],
  ])('that goes from %d to %d bad in a thousand speaks against the canary', (stable, canary) => {
    const finding = said(orders(), shares(10, 1_800, canary, stable), 10);
    expect(finding?.status).toBe('fail');
  });

  test('passes only if it could show far fewer good ones', () => {
    // 52 of 100 bad beside 40 of 100: too few to be told from what is tolerated.
    const few = said(orders(), shares(10, 60, 520, 400), 10);
    expect(few).toMatchObject({
      status: 'inconclusive',
      needed: expect.stringContaining('a pass needs about'),
    });
    expect(said(orders(), shares(10, 1_800, 400, 400), 10)?.status).toBe('pass');
  });

  test('is never passed by its odds alone where twice the odds are most of what was good', () => {
    expect(said(orders(), shares(10, 30, 900, 900), 10)?.status).toBe('inconclusive');
  });

  test('is held to a smaller loss if the file says so', () => {
    const lost = shares(10, 1_800, 460, 400);
    const by = (part?: number) => said(orders(part), lost, 10)?.evidence ?? 0;
    expect(by()).toBeLessThan(1);
    expect(by(0.05)).toBeGreaterThan(3);
    expect(by(0.02)).toBeGreaterThan(by(0.05));
  });

  test('that nobody sends is told as such', () => {
    const state = stateAfter(onFirstStep({ watch: [orders()] }));
    const errors = Array.from({ length: 10 }, (_, nth) => window(nth + 1, [0, 60], [0, 540]));
    const reading = { series: { api: { errors, 'custom.orders': [] } }, alarms: [] };
    expect(judge(trialOf(state), reading, minute(12)).findings[0]).toMatchObject({
      status: 'inconclusive',
      needed:
        'neither version sends Shop/Orders by FunctionName, Resource, ExecutedVersion, though the canary ran 600 times',
    });
  });
});
