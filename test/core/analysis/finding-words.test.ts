import { describe, expect, test } from 'vitest';
import { FLOOR, SUSPICIOUS } from '../../../core/analysis/evidence.ts';
import type { Asked } from '../../../core/analysis/finding/asked.ts';
import { isCertified, safeAfter } from '../../../core/analysis/finding/safe.ts';
import { words } from '../../../core/analysis/finding/shown.ts';
import { uncomparedOf, withoutHistory } from '../../../core/analysis/finding/uncompared.ts';
import {
  evidenceBeyond,
  shareAlone,
  suspicionOf,
  turnsAway,
  whyUnlike,
} from '../../../core/analysis/finding/worse.ts';
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
  {
    history = onFirstStep({ watch: [rule] }),
    from = 1,
    more = {},
    folded,
  }: { history?: RolloutEvent[]; from?: number; more?: object; folded?: object | undefined } = {},
) =>
  ({
    ...{ trial: { ...trialOf(stateAfter(history)), ...more }, rule, target: target(), folded },
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
  [
    ruleOf('latency'),
    { canary: 0.417, stable: 9.96 },
    'latency: canary 9 of 1,412 took over 0.42 ms, stable 3 of 8,120 took over 10 ms',
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
  [ruleOf('errors'), [20, 1_000], 0.03 / 1.01],
  [ruleOf('errors', { ratio: 3 }), [20, 1_000], 0.06 / 1.04],
  [ruleOf('errors'), [900, 1_000], 1.35 / 1.45],
  [ruleOf('errors'), [1_000, 1_000], (1.5 * (1 - 0.25 / 1_001)) / (1 + 0.5 * (1 - 0.25 / 1_001))],
  [ruleOf('custom.orders'), [990, 1_000], 0.995_611_398_055],
  [ruleOf('errors', { share: 0.02 }), [900, 1_000], 0.02],
  [ruleOf('throttles'), [20, 1_000], 0.25],
  [ruleOf('throttles'), [200, 1_000], 0.3 / 1.1],
  [ruleOf('p95', { ratio: 3 }), [100, 1_000], 0.1 * LATENCY_ODDS],
  [ruleOf('latency', { ratio: 3 }), [100, 1_000], 0.1 * LATENCY_ODDS],
])('without a control %j allows, where stable had %j, a share of %d', (rule, [bad, total], share) => {
  expect(shareAlone(rule, { bad, total })).toBeCloseTo(share, 12);
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
    expect(told(400, undefined, [window(-3, undefined, [3_600, 3_600])])).toBeUndefined();
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
    isCertified(askedOf(rule, options), rule.metric, windows, windows);

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

describe('what bets on a safe canary is kept', () => {
  const errors = ruleOf('errors');
  const read = [1, 2, 3, 4].map((at) => window(at, [0, 100], [1, 900]));
  const keptOf = (windows: Window[], from: number, folded?: object) =>
    safeAfter(askedOf(errors, { from, more: { moves: [minute(1)] }, folded }), 'errors', windows);

  test('since the first move, and of the step alone', () => {
    const [all, late] = [keptOf(read, 1), keptOf(read, 3)];
    expect(all?.step).toEqual(all?.first);
    expect(late?.first).toEqual(all?.first);
    expect(late?.step).toEqual(keptOf(read.slice(2), 1)?.first);
    expect(late?.step).not.toEqual(late?.first);
    const unmoved = safeAfter(askedOf(errors, { more: { moves: [] } }), 'errors', read);
    expect(unmoved?.first).toEqual(keptOf([], 1)?.first);
  });

  test('with what a fold kept before, of the same step', () => {
    const kept = { first: keptOf(read.slice(0, 2), 1)?.first, step: keptOf(read.slice(0, 2), 2)?.step };
    const folded = (from: number) => ({
      ...{ end: minute(3), from: minute(from) },
      targets: { api: { tests: { errors: { safe: kept } } } },
    });
    const close = (logs?: readonly (number | null)[]) =>
      logs?.map((log) => expect.closeTo(log ?? Number.NaN, 9));
    // The fold stood in this step, in an earlier one, or before the step began.
    expect(keptOf(read, 2, folded(2))?.step).toEqual(close(keptOf(read.slice(1), 2)?.step));
    expect(keptOf(read, 2, folded(2))?.first).toEqual(close(keptOf(read, 1)?.first));
    expect(keptOf(read, 3, folded(2))?.step).toEqual(close(keptOf(read.slice(2), 3)?.step));
    // Of another step that it reached into nothing is known, which proves nothing.
    expect(keptOf(read, 2, folded(1.5))?.step).not.toEqual(close(keptOf(read.slice(1), 2)?.step));
    expect(keptOf(read, 2, { ...folded(2), targets: {} })?.step).toEqual(keptOf(read.slice(2), 2)?.step);
  });
});

describe('a canary in verify that fails more than is usual', () => {
  const errors = ruleOf('errors');
  const usual = (typical?: number[]) => ({
    usual: { api: { errors: { mean: 0.001, strength: 1, worst: [0.3, 0.3, 0.3], ever: 0.3, typical } } },
  });
  const unlike = (windows: Window[], { rule = errors, opening = usual([0.002, 0.001]) as object } = {}) => {
    const history = inVerify({ watch: [rule], ...opening } as never);
    return whyUnlike(askedOf(rule, { history, from: 9 }), sides([0, 0], [0, 0]), windows);
  };
  const bad = [9, 10, 11].map((at) => window(at, [20, 1_000]));

  test('is told by what it failed since verify began, and by what is usual', () => {
    expect(unlike(bad)).toBe(
      '60 of 3,000 requests to it since verify began failed, and up to 0.3 % is usual in half of the stretches of the day before; nothing tells whether it is the canary',
    );
    expect(
      unlike([window(8, [900, 1_000]), ...[9, 10, 11].map((at) => window(at, [2, 1_000]))]),
    ).toBeUndefined();
    // Without its worst minutes it fails more than is usual without them.
    expect(unlike([9, 10, 11].map((at) => window(at, [5, 1_000])))).toContain('10 of 2,000 requests');
  });

  test('is not told if stable beside it does as badly, or nothing is known of what is usual', () => {
    expect(unlike([9, 10, 11].map((at) => window(at, [20, 1_000], [20, 1_000])))).toBeUndefined();
    expect(unlike(bad, { opening: usual() })).toBeUndefined();
    for (const opening of [{}, { usual: {} }, { usual: { api: {} } }])
      expect(unlike(bad, { opening })).toBeUndefined();
  });

  test.each([[ruleOf('errors', { share: 0.1 })], [ruleOf('p95')], [ruleOf('throttles')]])(
    'is not asked of %j',
    (rule) => {
      const past = usual([0.002, 0.001]).usual.api.errors;
      expect(unlike(bad, { rule, opening: { usual: { api: { [rule.metric]: past } } } })).toBeUndefined();
    },
  );

  test('is not asked before verify, and alone is held to what stable did as well', () => {
    expect(whyUnlike(askedOf(errors), sides([90, 100], [0, 0]), bad)).toBeUndefined();
    const history = inVerify({ watch: [errors] });
    const alone = (canary: Pair) =>
      whyUnlike(askedOf(errors, { history, from: 9 }), sides(canary, [9, 9_000]), [
        window(-3, undefined, [9, 9_000]),
        window(9, canary),
      ]);
    expect(alone([60, 1_000])).toBe(
      'it fails more often than stable did, as this target does at times; nothing tells which it is',
    );
    expect(alone([5, 1_000])).toBeUndefined();
  });

  test('is told also after an outage that met stable, beside the canary or before it', () => {
    const calm = { mean: 0.001, strength: 1, worst: [0.001, 0.001, 0.001], ever: 0.001 };
    const history = inVerify({ watch: [errors], usual: { api: { errors: calm } } });
    const met = (stable: Pair, canary?: Pair) =>
      whyUnlike(askedOf(errors, { history, from: 9 }), sides([100, 1_000], stable), [
        window(-3, undefined, [9, 9_000]),
        window(5, canary, stable),
        window(9, [100, 1_000]),
      ]);
    expect(met([2_000, 4_000])).toContain('it fails more often than stable did');
    expect(met([2_000, 4_000], [2_000, 4_000])).toContain('it fails more often than stable did');
    expect(met([4_000, 40_000])).toBeUndefined();
  });
});
