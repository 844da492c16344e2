import { describe, expect, test } from 'vitest';
import { plannedWindows } from '../../../core/analysis/finding/asked.ts';
import { LATENCY_EDGES } from '../../../core/analysis/histogram.ts';
import { judge } from '../../../core/analysis/judge.ts';
import type { Series, Spread, WatchRule, Window } from '../../../core/analysis/types.ts';
import type { Opening, RolloutEvent } from '../../../core/rollout/event.ts';
import { trialOf } from '../../../core/rollout/trial.ts';
import { inVerify, minute, onFirstStep, opened, plan, raised, stateAfter } from '../rollout/given.ts';
import { type Pair, window } from './given.ts';

const errors: WatchRule = { metric: 'errors', ratio: 1.5 };
const verdictOf = (history: RolloutEvent[], series: Series, at: number) =>
  judge(trialOf(stateAfter(history)), { series: { api: series }, alarms: [] }, minute(at));
/** What is said of the first rule. */
const said = (history: RolloutEvent[], series: Series, at = 4) => {
  const found = verdictOf(history, series, at).findings.find(({ metric }) => metric !== 'traffic');
  if (found === undefined) throw new Error('Nothing was found.');
  return found;
};
const watching = (rule: WatchRule, more: Partial<Opening> = {}) => onFirstStep({ watch: [rule], ...more });

test('the windows of a plan are those of every step at its longest, with the wait for their data, and two at least', () => {
  const steps = (...longest: number[]) =>
    longest.map((maxBakeSeconds, at) => ({ weight: at + 1, bakeSeconds: 60, maxBakeSeconds }));
  const planned = (settleSeconds: number, ...longest: number[]) =>
    plannedWindows(stateAfter(opened({ settleSeconds, plan: plan({ steps: steps(...longest) }) })));
  expect(planned(60, 600, 600)).toBe(22);
  expect(planned(61, 600, 600)).toBe(23);
  expect(planned(60, 60)).toBe(2);
  expect(planned(60)).toBe(2);
});

describe('what a pass still needs is told', () => {
  test('where no window of the step has settled', () => {
    expect(said(watching(errors), { errors: [window(-3, undefined, [1, 900])] }, 1.5)).toMatchObject({
      needed: 'no window of this step has settled yet',
      status: 'inconclusive',
    });
  });

  test('where stable had no requests; a rule of a share needs none of them', () => {
    const alone = (total: number) => ({ errors: [window(1, [0, total]), window(2, [0, total])] });
    expect(said(watching(errors), alone(50)).needed).toBe('stable had no requests to compare with');
    expect(said(watching({ metric: 'errors', share: 0.01 }), alone(5_000))).toMatchObject({ status: 'pass' });
  });

  test.each<[string, WatchRule, number]>([
    ['a ratio', errors, 9],
    ['a share', { metric: 'errors', share: 0.02 }, 0],
  ])('of %s as the fewest requests that pass', (_, rule, beside) => {
    const on = (total: number) =>
      said(watching(rule), { errors: [window(1, [0, total], [0, total * beside])] });
    const needed = Number(/about ([\d,]+) canary/.exec(on(20).needed ?? '')?.[1]?.replace(',', ''));
    expect(needed).toBeGreaterThan(20);
    expect(on(needed).status).toBe('pass');
    expect(on(needed - 1).status).toBe('inconclusive');
    expect(on(needed - 1).needed).toBe(on(20).needed);
  });

  test('by the weight where the canary has met nobody yet: the more of the traffic it gets, the fewer it needs', () => {
    const needed = (weight: number) => {
      const steps = [{ weight, bakeSeconds: 120, maxBakeSeconds: 600 }];
      const history = [opened({ watch: [errors], plan: plan({ steps }) }), ...raised(weight, 1, 0.5)];
      const text = said(history, { errors: [window(1, [0, 0], [0, 9])] }).needed ?? '';
      return Number(/about ([\d,]+) canary/.exec(text)?.[1]?.replace(',', ''));
    };
    expect(needed(1)).toBeGreaterThan(0);
    expect(needed(80)).toBeGreaterThan(needed(1));
  });
});

describe('after promotion what a pass still needs is told', () => {
  const verifying = (watch: WatchRule) => inVerify({ watch: [watch] });
  const before = [window(5, [0, 500], [5, 500]), window(6, [0, 500], [5, 500])];

  test('where nobody called', () => {
    expect(said(verifying(errors), { errors: before }, 12).needed).toBe(
      'no window with requests has settled since promotion',
    );
  });

  test.each<[string, WatchRule]>([
    ['a ratio', errors],
    ['a share', { metric: 'errors', share: 0.02 }],
  ])('of %s as the fewest requests that pass', (_, rule) => {
    const on = (total: number) => said(verifying(rule), { errors: [...before, window(9, [0, total])] }, 12);
    const needed = Number(
      /^a pass needs about ([\d,]+) canary requests$/.exec(on(5).needed ?? '')?.[1]?.replace(',', ''),
    );
    expect(needed).toBeGreaterThan(5);
    expect(on(needed).status).toBe('pass');
    expect(on(needed - 1).status).toBe('inconclusive');
  });
});

test('after promotion an outage that met stable raises no share that a pass allows', () => {
  const before = [window(5, undefined, [9, 9_000]), window(6, undefined, [9, 9_000])];
  const outage = window(7, undefined, [2_000, 4_000]);
  const of = (...more: Window[]) =>
    said(inVerify({ watch: [errors] }), { errors: [...before, ...more, window(9, [0, 20])] }, 12).needed;
  expect(of()).toMatch(/^a pass needs about/);
  expect(of(outage)).toBe(of());
});

test('an absolute tolerance counts what the canary did since the first raise, and nothing before', () => {
  const rule: WatchRule = { metric: 'errors', share: 0.01 };
  const healthy = [window(1, [0, 900], [0, 900]), window(2, [0, 900], [0, 900])];
  const evidence = (...more: Window[]) => said(watching(rule), { errors: [...more, ...healthy] }).evidence;
  expect(evidence(window(-3, [300, 300], [0, 900]))).toBe(evidence());
  expect(evidence(window(0, [300, 300], [0, 900]))).toBeGreaterThan(evidence() + 5);
  const onTheMinute = [opened({ watch: [rule] }), ...raised(10, 1, 1)];
  const sick = said(onTheMinute, { errors: [window(0, [300, 300], [0, 900]), ...healthy] });
  expect(sick.evidence).toBe(said(onTheMinute, { errors: healthy }).evidence);
});

describe('a canary that is silent', () => {
  test('is blamed for uncounted responses only by what ran since it fell silent', () => {
    const rule: WatchRule = { metric: 'http5xx', ratio: 1.5 };
    const answers = [window(1, [0, 100], [0, 900]), window(2, undefined, [0, 900])];
    const runs = (second: Pair) => [window(1, [0, 100], [0, 900]), window(2, second, [0, 900])];
    const on = (second: Pair) => said(watching(rule), { http5xx: answers, errors: runs(second) });
    expect(on([0, 100]).reason).toContain('the canary ran 100 times but counts no responses');
    expect(on([0, 0]).reason).toContain(
      'the canary was due about 100 requests at 10 % and CloudWatch shows none',
    );
  });
});

describe('throttled requests', () => {
  const throttles: WatchRule = { metric: 'throttles', ratio: 1.5 };
  const earlier = (bad: number) => [window(-3, undefined, [bad, 3_600]), window(-2, undefined, [bad, 3_600])];
  const both = (share: number) =>
    [1, 2, 3].map((at) => window(at, [400 * share, 400], [3_600 * share, 3_600]));
  const alone = (share: number) => [9, 10].map((at) => window(at, [4_000 * share, 4_000]));

  test.each([0.05, 0.15, 0.24, 0.3])(
    'of %d of both versions are suspect beside stable, and reason for doubt in verify, if stable turned away none before the first raise',
    (share) => {
      const beside = said(watching(throttles), { throttles: [...earlier(0), ...both(share)] });
      expect(beside).toMatchObject({ status: 'suspect' });
      expect(beside.reason).toContain('and 0 of 7,200 before the first raise');
      const verify = said(
        inVerify({ watch: [throttles] }),
        { throttles: [...earlier(0), ...both(share), ...alone(share)] },
        12,
      );
      expect(verify).toMatchObject({
        status: 'inconclusive',
        needed: expect.stringContaining('and up to 1 % is usual for api'),
      });
    },
  );

  test('are no reason for doubt if stable turned away as many before the first raise', () => {
    const shared = said(watching(throttles), { throttles: [...earlier(720), ...both(0.2)] });
    expect(shared.status).toBe('pass');
  });
});

describe('a count of the function itself of which more went wrong than was counted in all', () => {
  const custom: WatchRule = { metric: 'custom.orders', ratio: 1.5 };
  const orders = (canary: Pair, stable: Pair) =>
    said(watching(custom), {
      errors: [1, 2, 3].map((at) => window(at, [0, 400], [0, 3_600])),
      'custom.orders': [1, 2, 3].map((at) => window(at, canary, stable)),
    });

  test('is held against the canary as if all had gone wrong', () => {
    expect(orders([600, 400], [0, 3_600])).toMatchObject({ status: 'fail' });
    expect(orders([600, 400], [0, 3_600]).canary).toEqual({ bad: 800, total: 800 });
  });

  test('is not believed of stable, nor if it is no number', () => {
    expect(orders([0, 400], [3_700, 3_600]).status).toBe('broken');
    expect(orders([Number.NaN, 400], [0, 3_600]).status).toBe('broken');
  });
});

describe('answers that nobody counted before the opening', () => {
  const blind: WatchRule = { metric: 'http5xx', ratio: 1.5, blind: ['api'] };
  const runs = [1, 2, 3].map((at) => window(at, [0, 400], [0, 3_600]));
  const rules = [errors, blind];
  const history = onFirstStep({ watch: rules });
  const on = (http5xx: Window[]) => verdictOf(history, { errors: runs, http5xx }, 4);
  const minutes = (canary: Pair | undefined, stable: Pair | undefined) =>
    [1, 2, 3].map((at) => window(at, canary, stable));
  const unproven = (http5xx: Window[]) => {
    const measured: RolloutEvent = { type: 'Measured', at: minute(4), verdict: on(http5xx), alarms: [] };
    return stateAfter(history, measured).unproven;
  };
  const doubt = 'nothing counted the answers of api with a status of 500 or more (http5xx)';

  test('hold nothing as long as neither version counts any, and leave the outcome unproven', () => {
    expect(on([])).toMatchObject({ status: 'pass' });
    expect(on([]).findings.map(({ metric }) => metric)).toEqual(['errors', 'traffic']);
    expect(unproven([])).toEqual([doubt]);
  });

  test('are judged as any other once stable counts them', () => {
    expect(on(minutes([400, 400], [0, 3_600]))).toMatchObject({ status: 'fail' });
    expect(on(minutes([0, 400], [0, 3_600]))).toMatchObject({ status: 'pass' });
    expect(unproven(minutes([0, 400], [0, 3_600]))).toEqual([]);
    expect(on(minutes(undefined, [0, 3_600]))).toMatchObject({ status: 'broken' });
  });

  test('are no reason to revert a canary that alone counts them, but to suspect it if it surely fails many', () => {
    expect(on(minutes([8, 400], undefined))).toMatchObject({ status: 'pass' });
    expect(unproven(minutes([8, 400], undefined))).toEqual([doubt]);
    const worse = on(minutes([400, 400], undefined));
    expect(worse).toMatchObject({ status: 'suspect' });
    expect(worse.reason).toContain('stable counts no responses to compare with');
    const alone = inVerify({ watch: rules });
    const late = [9, 10].map((at) => window(at, [400, 400]));
    const ran = [5, 6].map((at) => window(at, [0, 400], [0, 3_600]));
    const series = { errors: [...ran, ...[9, 10].map((at) => window(at, [0, 400]))], http5xx: late };
    expect(verdictOf(alone, series, 12)).toMatchObject({ status: 'suspect' });
  });
});

describe('answers that are not all counted', () => {
  const rule: WatchRule = { metric: 'http5xx', ratio: 1.5 };
  const minutes = (canary: Pair, stable: Pair) => [1, 2, 3].map((at) => window(at, canary, stable));
  const on = (answers: Window[], runs: Window[]) => said(watching(rule), { http5xx: answers, errors: runs });

  test('on either version never pass', () => {
    const silent = on([], minutes([0, 100], [0, 900]));
    expect(silent).toMatchObject({ status: 'inconclusive' });
    expect(silent.needed).toContain('neither version counts responses, though the canary ran 200 times');
    expect(on([], minutes([0, 5], [0, 45])).needed).not.toContain('neither');
  });

  test('on the canary alone make the verdict broken', () => {
    const part = on(minutes([0, 60], [0, 900]), minutes([0, 100], [0, 900]));
    expect(part).toMatchObject({ status: 'broken' });
    expect(part.reason).toContain(
      'the canary counts only 120 answers of 200 invocations, where stable counts',
    );
  });

  test('are no fault where stable counts as few, where chance explains it, or where the rest ended in errors', () => {
    const status = (answers: Window[], runs: Window[]) => on(answers, runs).status;
    expect(status(minutes([0, 50], [0, 450]), minutes([0, 100], [0, 900]))).not.toBe('broken');
    expect(status(minutes([0, 94], [0, 900]), minutes([0, 100], [0, 900]))).not.toBe('broken');
    expect(status(minutes([0, 60], [0, 900]), minutes([40, 100], [0, 900]))).not.toBe('broken');
  });

  test('of a minute that is late on the canary are not held against it', () => {
    const answers = [window(1, [0, 100], [0, 900]), window(2, undefined, [0, 15])];
    expect(on(answers, [window(1, [0, 100], [0, 900]), window(2, [0, 100], [0, 15])]).status).not.toBe(
      'broken',
    );
  });
});

describe('slow requests of the rule `latency`', () => {
  /** Over 8, 16, 32, 64 and 128 ms; both parts of an octave alike. */
  const of = (total: number, ...counts: number[]): Spread => ({
    ...{ total, edges: LATENCY_EDGES },
    over: LATENCY_EDGES.map((edge) => (edge < 8 ? total : (counts[Math.floor(Math.log2(edge / 8))] ?? 0))),
  });
  const before = Array.from({ length: 14 }, (_, at) => ({
    start: minute(at - 15),
    stable: of(1000, 500, 100, 10, 0, 0),
  }));
  const since = (canary: Spread, from = 1, to = 7) =>
    Array.from({ length: to - from }, (_, at) => ({
      start: minute(from + at),
      canary,
      stable: of(1000, 500, 100, 10, 0, 0),
    }));
  const verdict = (canary: Spread, to = 7, at = 8) =>
    verdictOf(
      watching({ metric: 'latency', ratio: 1.25 }),
      { latency: [...before, ...since(canary, 1, to)] },
      at,
    );

  test('are told at the percentile where the canary differs most, once it is reverted', () => {
    const tail = verdict(of(200, 100, 20, 20, 20, 0));
    expect(tail).toMatchObject({ status: 'fail', reason: expect.stringContaining('took over 40 ms') });
    const middle = verdict(of(200, 200, 20, 2, 0, 0));
    expect(middle).toMatchObject({ status: 'fail', reason: expect.stringContaining('took over 10 ms') });
  });

  test('count once their window has settled', () => {
    const slow = of(200, 200, 200, 200, 200, 0);
    expect(verdict(slow, 7, 3.5).findings[0]?.canary.total).toBeLessThanOrEqual(200);
    expect(verdict(slow, 7, 8).findings[0]?.canary.total).toBeGreaterThan(800);
  });
});

describe('the interval of a long comparison', () => {
  const long = (minutes: number, canary: Pair, stable: Pair, isUneven = false) => {
    // An hour is even, so that the first and the last one of a bake keep their sums too.
    const part = ([bad, total]: Pair, nth: number): Pair =>
      isUneven ? [nth % 2 === 0 ? 2 * bad : 0, total] : [bad, total];
    return said(
      onFirstStep({
        watch: [errors],
        plan: plan({ steps: [{ weight: 10, bakeSeconds: 86_400, maxBakeSeconds: 86_400 }] }),
      }),
      {
        errors: Array.from({ length: minutes }, (_, nth) =>
          window(nth + 1, part(canary, nth), part(stable, nth)),
        ),
      },
      minutes + 2.5,
    );
  };

  test('is the same if the failures of an hour fall into other minutes of it', () => {
    expect(long(300, [3, 100], [9, 900], true).odds).toEqual(long(300, [3, 100], [9, 900]).odds);
    expect(long(240, [3, 100], [9, 900], true).odds).not.toEqual(long(240, [3, 100], [9, 900]).odds);
  });

  test('stays about what the minutes say', () => {
    const byMinutes = long(240, [3, 100], [9, 900]).odds;
    const byHours = long(241, [3, 100], [9, 900]).odds;
    expect(byHours?.low).toBeGreaterThan((byMinutes?.low ?? 0) * 0.95);
    expect(byHours?.low).toBeLessThan(3.06);
    expect(byHours?.high).toBeGreaterThan(3.0);
    expect(byHours?.high).toBeLessThan((byMinutes?.high ?? 0) * 1.1);
  });

  test('leaves the evidence itself to the minutes', () => {
    const before = long(240, [3, 100], [9, 900]).evidence;
    expect(long(241, [3, 100], [9, 900]).evidence - before).toBeCloseTo(
      before - long(239, [3, 100], [9, 900]).evidence,
      2,
    );
  });
});
