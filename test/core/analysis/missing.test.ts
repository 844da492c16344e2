import { describe, expect, test } from 'vitest';
import type { Asked } from '../../../core/analysis/finding/asked.ts';
import { countsNone, whyUnmeasured } from '../../../core/analysis/finding/missing.ts';
import { EXPECTED_MIN } from '../../../core/analysis/pairing.ts';
import { NOTHING, settle } from '../../../core/analysis/settled.ts';
import type { Metric, ReadWindow, Series, SpreadWindow, WatchRule } from '../../../core/analysis/types.ts';
import { sum } from '../../../core/analysis/windows.ts';
import { trialOf } from '../../../core/rollout/trial.ts';
import { minute, onFirstStep, stateAfter, target } from '../rollout/given.ts';
import { type Pair, window } from './given.ts';

/** A step at 10 % of the minutes from 1 on, of which 6 have settled, and 6 have baked. */
function why(
  metric: Metric,
  series: Series,
  { weight = 10, until = 7, late = 0 }: { weight?: number; until?: number; late?: number } = {},
): string | undefined {
  const custom = { bad: { namespace: 'n', name: 'b' }, total: { namespace: 'n', name: 't' } };
  const rule = { metric, ratio: 1.5, ...(metric.startsWith('custom.') ? { custom } : {}) } as WatchRule;
  const trial = {
    ...trialOf(stateAfter(onFirstStep({ watch: [rule] }))),
    traffic: { api: { weight } },
    lateness: { api: late },
  } as Asked['trial'];
  const settled = settle(series);
  const read = metric === 'latency' ? 'errors' : (metric as 'errors');
  const believed = settled[read] ?? NOTHING;
  const inStep = believed.windows.filter(({ start }) => start >= minute(1));
  return whyUnmeasured(
    {
      ...{ trial, rule, target: target(), required: 5, label: '' },
      step: { from: minute(1), to: minute(7), until: minute(until) },
    },
    settled,
    { believed, inStep, canary: sum(inStep.map(({ canary }) => canary)) },
  );
}

/** The same in each minute from one to another. */
const each = (from: number, to: number, canary?: Pair, stable?: Pair) =>
  Array.from({ length: to - from }, (_, nth) => window(from + nth, canary, stable));

describe('a canary without requests', () => {
  const silent = (stable: number) => ({ errors: [window(1, undefined, [0, stable])] });
  const due = (requests: number, weight = 10) =>
    `the canary was due about ${requests} requests at ${weight} % and CloudWatch shows none; look at its metrics and at what routes its requests`;

  test('is missed from as many on as surely were due to it', () => {
    expect(why('errors', silent(9 * EXPECTED_MIN))).toBe(due(EXPECTED_MIN));
    expect(why('errors', silent(9 * EXPECTED_MIN - 4))).toBe(due(EXPECTED_MIN));
    expect(why('errors', silent(9 * EXPECTED_MIN - 5))).toBeUndefined();
    expect(why('errors', { errors: [] })).toBeUndefined();
  });

  test('is missed by its weight, and not where it gets nothing or all', () => {
    expect(why('errors', silent(9 * EXPECTED_MIN), { weight: 50 })).toBe(due(9 * EXPECTED_MIN, 50));
    for (const weight of [0, 100]) expect(why('errors', silent(90_000), { weight })).toBeUndefined();
  });

  test('is missed from its last request on', () => {
    const silentFor = (minutes: number) => ({
      errors: [...each(1, 7 - minutes, [0, 50], [0, 450]), ...each(7 - minutes, 7, [0, 0], [0, 450])],
    });
    expect(why('errors', silentFor(2))).toBe(due(100));
    expect(why('errors', silentFor(0))).toBeUndefined();
  });

  test('is not missed by minutes that its bake does not ask, or that are known to come late, nor once it is back', () => {
    const errors = [...each(1, 4, [0, 50], [0, 450]), ...each(4, 7, undefined, [0, 450])];
    expect(why('errors', { errors })).toBe(due(150));
    expect(why('errors', { errors }, { until: 4 })).toBeUndefined();
    expect(why('errors', { errors }, { until: 5 })).toBe(due(150));
    expect(why('errors', { errors }, { late: 3 })).toBeUndefined();
    expect(why('errors', { errors }, { late: 2 })).toBe(due(150));
    const back = [...each(1, 6, undefined, [0, 450]), window(6, [0, 50], [0, 450])];
    expect(why('errors', { errors: back }, { until: 6 })).toBeUndefined();
  });

  test('that runs all the same counts no responses', () => {
    const http5xx = each(1, 7, undefined, [0, 450]);
    expect(why('http5xx', { http5xx, errors: each(1, 7, [0, 250], [0, 450]) })).toBe(
      'the canary ran 1,500 times but counts no responses; wrap its handler with withSpillway',
    );
    expect(why('http5xx', { http5xx, errors: each(1, 7, undefined, [0, 450]) })).toBe(due(300));
  });
});

describe('a metric that stopped reporting', () => {
  const until = (last: number, of: Pair = [0, 40]) => each(-3, last + 1, of, [0, 9 * of[1]]);
  const running = { errors: each(-3, 7, [0, 40], [0, 360]) };
  const gone = (runs: string, due: string) =>
    `metric stopped reporting: ${runs} invocations since, about ${due} samples expected; look at its metrics`;

  test.each<[Metric, Series, string | undefined]>([
    ['custom.orders', { ...running, 'custom.orders': until(3) }, gone('1,200', '1,200')],
    ['custom.orders', { ...running, 'custom.orders': until(6) }, undefined],
    ['custom.orders', { ...running, 'custom.orders': until(3, [0, 10]) }, gone('1,200', '300')],
    ['custom.orders', { ...running, 'custom.orders': [] }, undefined],
    ['custom.orders', { 'custom.orders': until(3) }, undefined],
    [
      'http5xx',
      { ...running, http5xx: [...until(3), ...each(4, 7, [0, 0], [0, 0])] },
      gone('1,200', '1,200'),
    ],
    ['throttles', { ...running, throttles: until(3) }, undefined],
    ['traffic', { ...running }, undefined],
  ])('%s: %#', (metric, series, said) => {
    expect(why(metric, series)).toBe(said);
  });

  test('is told of durations too', () => {
    const spread = (total: number) => ({ total, edges: [20], over: [0] });
    const latency: SpreadWindow[] = until(3).map(({ start }) => ({
      ...{ start, canary: spread(40), stable: spread(360) },
    }));
    expect(why('latency', { ...running, latency })).toBe(gone('1,200', '1,200'));
  });

  test('is a fault from as many samples on as cannot have come to nothing', () => {
    const ranSince = (runs: number): Series => ({
      errors: [...each(-3, 4, [0, 40], [0, 360]), window(4, [0, runs])],
      'custom.orders': each(-3, 4, [0, 4], [0, 36]),
    });
    expect(why('custom.orders', ranSince(10 * EXPECTED_MIN))).toBe(
      gone(String(10 * EXPECTED_MIN), String(EXPECTED_MIN)),
    );
    expect(why('custom.orders', ranSince(10 * EXPECTED_MIN - 6))).toBeUndefined();
  });

  test('is measured by the minutes that both were known in', () => {
    const orders = [...each(-3, 3, [0, 4], [0, 36]), window(3, [0, 40_000], [0, 0])];
    const errors = each(-3, 7, [0, 40], [0, 360]).filter(({ start }) => start !== minute(3));
    expect(why('custom.orders', { errors, 'custom.orders': orders })).toBe(gone('1,200', '120'));
  });
});

describe('answers that neither version counts', () => {
  const none = (runs: number, http5xx: ReadWindow[] = [], metric: Metric = 'http5xx') =>
    countsNone(
      { metric },
      settle({ http5xx, errors: [window(0, [0, 900]), window(1, [0, runs], [0, 900])] }),
      {
        from: minute(1),
      },
    );

  test('are missed by what the canary ran in the step', () => {
    expect(none(EXPECTED_MIN)).toBe(
      `neither version counts responses, though the canary ran ${EXPECTED_MIN} times; wrap the handler with withSpillway`,
    );
    expect(none(EXPECTED_MIN - 1)).toBeUndefined();
    expect(none(1_500, [], 'errors')).toBeUndefined();
    expect(none(1_500, [window(-3, undefined, [0, 1])])).toBeUndefined();
    expect(none(1_500, [window(-3, [0, 1])])).toBeUndefined();
    expect(none(1_500, [window(-3, [0, 0], [0, 0])])).toContain('the canary ran 1,500 times');
  });
});

describe('a canary that counts fewer of its answers than stable does', () => {
  const runs = (bad = 0) => each(1, 7, [bad, 100], [0, 900]);
  const fewer = (counted: number, stable = 900, bad = 0) =>
    why('http5xx', { errors: runs(bad), http5xx: each(1, 7, [0, counted], [0, stable]) });

  test('is a fault from four deviations on', () => {
    // Of 600 that are due four deviations are 98.
    expect(fewer(83)).toBe(
      'the canary counts only 498 answers of 600 invocations, where stable counts 5,400 of 5,400; wrap the whole handler with withSpillway',
    );
    expect(fewer(84)).toBeUndefined();
    expect(fewer(40, 450)).toBeUndefined();
    expect(fewer(30, 450)).toContain('stable counts 2,700 of 5,400');
    expect(fewer(83, 950)).toContain('stable counts 5,700 of 5,400');
    expect(fewer(70, 900, 20)).toBeUndefined();
  });

  test('is none in few requests, nor by minutes in which either was not counted', () => {
    const few = (times: number) =>
      why('http5xx', { errors: [window(1, [0, times], [0, 900])], http5xx: [window(1, [0, 1], [0, 900])] });
    expect(few(EXPECTED_MIN + 1)).toContain('counts only 1 answers');
    expect(few(EXPECTED_MIN)).toBeUndefined();
    const young = (stable: number) =>
      why('http5xx', {
        errors: [window(1, [0, 100], [0, stable])],
        http5xx: [window(1, [0, 1], [0, stable])],
      });
    expect(young(EXPECTED_MIN)).toContain('counts only 1 answers');
    expect(young(EXPECTED_MIN - 1)).toBeUndefined();
    const lost = [...each(1, 4, [0, 100], [0, 900]), ...each(4, 7, [0, 0], [0, 900])];
    expect(why('http5xx', { errors: runs(), http5xx: lost }, { until: 4 })).toBeUndefined();
    const before = [...each(-3, 0, [0, 1], [0, 900]), ...each(1, 7, [0, 100], [0, 900])];
    expect(
      why('http5xx', { errors: [...each(-3, 0, [0, 100], [0, 900]), ...runs()], http5xx: before }),
    ).toBeUndefined();
  });
});

describe('a step of which nothing is known', () => {
  const unknown = (...minutes: number[]): ReadWindow[] =>
    minutes.map((at) => ({ start: minute(at), unknown: 'no answer' }));

  test.each<[string | undefined, ReadWindow[]]>([
    ['nothing is known of 1 minute of this step', unknown(1)],
    ['nothing is known of 3 minutes of this step', unknown(-2, 0, 1, 2, 3)],
    [undefined, unknown(-2, 0)],
    [undefined, [...unknown(1, 2), window(3, [0, 1])]],
    [undefined, []],
  ])('%s', (said, errors) => {
    expect(why('errors', { errors })).toBe(said);
  });
});
