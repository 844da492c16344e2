import { describe, expect, test } from 'vitest';
import { FLOOR, SUSPICIOUS } from '../../../core/analysis/evidence.ts';
import type { Asked } from '../../../core/analysis/finding/asked.ts';
import { isCertified } from '../../../core/analysis/finding/safe.ts';
import { words } from '../../../core/analysis/finding/shown.ts';
import { uncomparedOf, withoutHistory } from '../../../core/analysis/finding/uncompared.ts';
import { evidenceBeyond, guardShare, suspicionOf, turnsAway } from '../../../core/analysis/finding/worse.ts';
import { LATENCY_ODDS } from '../../../core/analysis/latency.ts';
import { settle } from '../../../core/analysis/settled.ts';
import type { Metric, WatchRule, Window } from '../../../core/analysis/types.ts';
import type { RolloutEvent } from '../../../core/rollout/event.ts';
import { trialOf } from '../../../core/rollout/trial.ts';
import { inVerify, minute, onFirstStep, stateAfter, target } from '../rollout/given.ts';
import { count, type Pair, window } from './given.ts';

const ruleOf = (metric: Metric, more: object = { ratio: 1.5 }) => ({ metric, ...more }) as WatchRule;
const sides = (canary: Pair, stable: Pair) => ({ canary: count(canary), stable: count(stable) });
const askedOf = (
  rule: WatchRule,
  { history = onFirstStep({ watch: [rule] }) as RolloutEvent[], from = 1, more = {} } = {},
) =>
  ({
    ...{ trial: { ...trialOf(stateAfter(history)), ...more }, rule, target: target() },
    ...{ step: { from: minute(from), to: minute(7), until: minute(7) }, required: 5, label: 'api ' },
  }) as Asked;

test.each<[WatchRule, object | undefined, string]>([
  [ruleOf('errors'), undefined, 'errors: canary 9 of 1,412 failed, stable 3 of 8,120'],
  [ruleOf('http5xx'), undefined, 'http5xx: canary 9 of 1,412 failed, stable 3 of 8,120'],
  [ruleOf('throttles'), undefined, 'throttles: canary 9 of 1,412 throttled, stable 3 of 8,120'],
  [ruleOf('custom.orders'), undefined, 'orders: canary 9 of 1,412 bad, stable 3 of 8,120'],
  [
    ruleOf('p95'),
    { canary: 1_249.6, stable: 1_000.4 },
    'p95: canary 9 of 1,412 took over 1,250 ms, stable 3 of 8,120 took over 1,000 ms',
  ],
])('counts of %j are told with what is slow (%j)', (rule, slow, text) => {
  expect(words(rule, sides([9, 1_412], [3, 8_120]), slow as never)).toBe(text);
});

test('a canary is suspect from the evidence of 20 to 1 on', () => {
  const looksWorse = 'the canary looks worse than the rule allows, not yet conclusively';
  expect(suspicionOf(SUSPICIOUS)).toBe(looksWorse);
  expect(suspicionOf(SUSPICIOUS + 1)).toBe(looksWorse);
  expect(suspicionOf(SUSPICIOUS - 1e-9)).toBeUndefined();
});

test.each<[WatchRule, Pair, number]>([
  [ruleOf('errors'), [0, 0], FLOOR],
  [ruleOf('errors'), [0, 1_000], FLOOR],
  [ruleOf('errors'), [20, 1_000], 0.03],
  [ruleOf('errors', { ratio: 3 }), [20, 1_000], 0.06],
  [ruleOf('errors'), [900, 1_000], 0.95],
  [ruleOf('errors', { share: 0.02 }), [900, 1_000], 0.02],
  [ruleOf('throttles'), [20, 1_000], 0.25],
  [ruleOf('throttles'), [200, 1_000], 0.3],
  [ruleOf('p95', { ratio: 3 }), [100, 1_000], 0.1 * LATENCY_ODDS],
  [ruleOf('latency', { ratio: 3 }), [100, 1_000], 0.1 * LATENCY_ODDS],
])('without a control %j allows, where stable had %j, a share of %d', (rule, [bad, total], share) => {
  expect(guardShare(rule, { bad, total })).toBeCloseTo(share, 12);
});

describe('a rule that had nothing to compare with at the opening', () => {
  const blind = ruleOf('http5xx', { ratio: 1.5, blind: ['api'] });
  const on = (http5xx: Window[], rule = blind, asked = askedOf(rule)) =>
    uncomparedOf(asked, settle({ http5xx }));
  const alone = (bad: number, at = 1) => window(at, [bad, 100]);

  test('is compared where it is not blind, or stable counts by now, or something is unknown', () => {
    const compared = { isCompared: true };
    expect(on([], ruleOf('http5xx'))).toEqual(compared);
    expect(on([], ruleOf('http5xx', { ratio: 1.5, blind: ['worker'] }))).toEqual(compared);
    expect(on([window(1, undefined, [0, 1])])).toEqual(compared);
    expect(on([{ start: minute(1), unknown: 'no answer' } as never])).toEqual(compared);
    expect(on([window(1, [0, 9], [0, 0])])).toEqual({ isCompared: false, answer: undefined });
    expect(uncomparedOf(askedOf(blind), settle({}))).toEqual({ isCompared: false, answer: undefined });
  });

  test('says nothing of a canary that does not surely fail many, nor of what it did before its raise', () => {
    const nothing = { isCompared: false, answer: undefined };
    expect(on([alone(8)])).toEqual(nothing);
    expect(on([alone(90, 0)])).toEqual(nothing);
    expect(on([alone(90)], blind, askedOf(blind, { more: { raisedAt: undefined } }))).toEqual(nothing);
  });

  test('suspects one that does, with its counts', () => {
    const needed =
      'stable counts no responses to compare with, and the canary fails more than 5 % of its own';
    const counts = sides([90, 100], [0, 0]);
    const reason = `api http5xx: canary 90 of 100 failed, stable 0 of 0; ${needed}`;
    expect(on([window(1, [90, 100])])).toEqual({
      isCompared: false,
      answer: {
        finding: {
          ...{ target: 'api', metric: 'http5xx', status: 'suspect', ...counts, windows: 1 },
          ...{ evidence: 0, needed, skipped: [], reason },
        },
        against: { ...counts, reason },
        isCertified: false,
      },
    });
  });
});

test('a rule of durations without a history has no threshold, and says how to get one', () => {
  const needed =
    'stable must have answered enough requests before the raise to know what is slow; look at its metric Latency, which withSpillway(handler, { latency: true }) counts';
  const nothing = sides([0, 0], [0, 0]);
  const reason = `api p95: no threshold; ${needed}`;
  expect(withoutHistory(askedOf(ruleOf('p95')))).toEqual({
    finding: {
      ...{ target: 'api', metric: 'p95', status: 'inconclusive', ...nothing },
      ...{ windows: 0, evidence: 0, needed, skipped: [], reason },
    },
    against: { ...nothing, reason },
    isCertified: false,
  });
});

describe('requests that both versions turn away', () => {
  const throttles = ruleOf('throttles');
  const past = [window(-3, undefined, [36, 3_600]), window(0, [900, 900], [900, 900])];
  const told = (bad: number, asked = askedOf(throttles), windows = past) => {
    const present = [window(1, [bad, 400], [9 * bad, 3_600])];
    return turnsAway(asked, present, [...windows, ...present]);
  };

  test('are told beside what stable turned away before the first raise, in whole minutes', () => {
    expect(told(40)).toBe(
      '400 of 4,000 requests to both versions were throttled, and 36 of 3,600 before the first raise',
    );
    expect(told(6)).toBeUndefined();
    expect(told(40, undefined, [])).toContain('and 0 of 0 before the first raise');
    expect(told(40, undefined, [window(-3, undefined, [400, 3_600])])).toBeUndefined();
    expect(told(400, undefined, [window(-3, undefined, [3_600, 3_600])])).toContain('4,000 of 4,000');
  });

  test('are no reason for other rules, by a share, or in verify', () => {
    expect(told(40, askedOf(ruleOf('errors')))).toBeUndefined();
    expect(told(40, askedOf(ruleOf('throttles', { share: 0.01 })))).toBeUndefined();
    expect(told(40, askedOf(throttles, { history: inVerify({ watch: [throttles] }) }))).toBeUndefined();
  });
});

describe('a canary that fails more than stable ever did', () => {
  const beyond = (rule: WatchRule, ...windows: Window[]) => {
    const all = [window(-3, undefined, [9, 900]), ...windows];
    const here = { canary: { bad: 0, total: 0 }, stable: { bad: 0, total: 0 } };
    for (const { canary, stable } of windows)
      for (const [side, counted] of [
        ['canary', canary],
        ['stable', stable],
      ] as const) {
        here[side].bad += counted?.bad ?? 0;
        here[side].total += counted?.total ?? 0;
      }
    return evidenceBeyond(askedOf(rule), here, all);
  };

  test('is suspect by its own counts, if stable beside it is too quiet to be compared', () => {
    expect(beyond(ruleOf('errors'), window(1, [40, 200]))).toBeGreaterThan(SUSPICIOUS);
    expect(beyond(ruleOf('errors'), window(1, [2, 200]))).toBeLessThan(SUSPICIOUS);
    expect(beyond(ruleOf('errors'), window(1, [0, 0]))).toBeLessThan(SUSPICIOUS);
  });

  test('is excused by a stable that surely does as badly, but not in a minute in which it surely did better', () => {
    expect(beyond(ruleOf('errors'), window(1, [40, 200], [20, 100]))).toBeLessThan(SUSPICIOUS);
    expect(
      beyond(ruleOf('errors'), window(1, [40, 200], [0, 100]), window(2, [40, 200], [60, 100])),
    ).toBeGreaterThan(SUSPICIOUS);
    expect(
      beyond(ruleOf('errors'), window(1, undefined, [0, 100]), window(2, [40, 200], [60, 100])),
    ).toBeLessThan(SUSPICIOUS);
  });

  test.each<[WatchRule]>([
    [ruleOf('throttles')],
    [ruleOf('p95')],
    [ruleOf('latency')],
    [ruleOf('errors', { share: 0.01 })],
  ])('is not asked of %j', (rule) => {
    expect(beyond(rule, window(1, [200, 200]))).toBe(0);
  });
});

describe('a canary is proven safe', () => {
  const safe = (rule: WatchRule, windows: Window[], options = {}) =>
    isCertified(askedOf(rule, options), rule.metric, windows);

  test('by its own counts, without any bad one from some 600 requests on', () => {
    expect(safe(ruleOf('errors'), [])).toBe(false);
    expect(safe(ruleOf('errors'), [window(1, [0, 0], [0, 9_000])])).toBe(false);
    expect(safe(ruleOf('errors'), [window(1, [0, 300], [0, 2_700])])).toBe(false);
    expect(safe(ruleOf('errors'), [window(1, [0, 3_000], [0, 27_000])])).toBe(true);
    expect(safe(ruleOf('errors'), [window(1, [60, 3_000], [0, 27_000])])).toBe(false);
  });

  test('beside a stable that fails as much, from the odds on that are tolerated', () => {
    const both = [window(1, [150, 3_000], [1_350, 27_000])];
    const more = [window(1, [270, 3_000], [1_350, 27_000])];
    expect(safe(ruleOf('errors'), both)).toBe(true);
    expect(safe(ruleOf('errors'), more)).toBe(false);
    expect(safe(ruleOf('errors', { ratio: 4 }), more)).toBe(true);
    expect(safe(ruleOf('errors'), [window(1, [150, 3_000])])).toBe(false);
  });

  test('by a share of its own rule', () => {
    expect(safe(ruleOf('errors', { share: 0.05 }), [window(1, [60, 3_000])])).toBe(true);
    expect(safe(ruleOf('errors', { share: 0.01 }), [window(1, [60, 3_000])])).toBe(false);
  });

  test('alone by its own counts, whatever stable did beside it', () => {
    const both = [window(1, [150, 3_000], [1_350, 27_000])];
    const alone = { more: { traffic: { api: { weight: 100 } } } };
    expect(safe(ruleOf('errors'), both, alone)).toBe(false);
    expect(safe(ruleOf('errors'), [window(1, [0, 3_000], [1_350, 27_000])], alone)).toBe(true);
  });

  test('in a recall of less than on a step', () => {
    const some = [window(1, [1, 3_000])];
    expect(safe(ruleOf('errors'), some)).toBe(true);
    expect(safe(ruleOf('errors'), some, { more: { recall: { weight: 25 } } })).toBe(false);
  });
});
