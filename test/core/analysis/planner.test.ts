import { describe, expect, test } from 'vitest';
import { ALPHA, evidenceOfRatio, FAILURE_BETS } from '../../../core/analysis/evidence.ts';
import { STEPS_STAKE } from '../../../core/analysis/parts.ts';
import {
  type Expected,
  minutesUntil,
  outlookOf,
  sightOf,
  sightText,
  withoutPass,
} from '../../../core/analysis/planner.ts';
import { weightsOf } from '../../../core/analysis/weights.ts';
import type { Step } from '../../../core/plan/plan.ts';
import { seededRandom } from '../../../local/random.ts';
import { traitsOf } from '../../../targets/lambda-alias/kind.ts';

const traffic = (requestsPerSecond: number, more: Partial<Expected> = {}): Expected => ({
  ...{ requestsPerSecond, errorRate: 0.001, ratio: 1.5 },
  ...more,
});

/** Mean minutes until the judge finds a canary that fails so many times as often. */
function simulated(times: number, weight: number, { requestsPerSecond, errorRate, ratio }: Expected): number {
  const random = seededRandom(7);
  const required = -Math.log(ALPHA * (weightsOf(['errors', 'traffic']).get('errors') ?? 1) * STEPS_STAKE);
  const question = { w0: ratio, planned: 60, bets: FAILURE_BETS, clustering: { burst: 1, isSticky: false } };
  const runs = 300;
  let minutes = 0;
  for (let run = 0; run < runs; run++) {
    const windows = [];
    for (;;) {
      const requests = random.poisson(requestsPerSecond * 60);
      const nc = random.binomial(requests, weight / 100);
      const ns = requests - nc;
      windows.push({ nc, ns, c: random.binomial(nc, errorRate * times), s: random.binomial(ns, errorRate) });
      if (windows.length >= 120 || evidenceOfRatio(windows, question) >= required) break;
    }
    minutes += windows.length;
  }
  return minutes / runs;
}

describe('minutes until a regression is found', () => {
  test.each([
    [10, 10, 10, {}],
    [10, 1, 100, {}],
    [10, 5, 100, {}],
    [5, 5, 100, {}],
    [5, 10, 100, {}],
    [50, 10, 1, {}],
    [3, 5, 1000, {}],
    [10, 10, 10, { ratio: 1 }],
    [5, 5, 100, { ratio: 1 }],
    [20, 1, 50, {}],
    [500, 1, 1, {}],
    [10, 25, 2, { errorRate: 0.002 }],
    [3, 10, 50, { errorRate: 0.01 }],
    [100, 10, 10, {}],
    [10, 90, 60, {}],
    [4, 2, 1000, { ratio: 1.25 }],
  ] as const)('of %d times at %d %% and %d a second are as in a simulation', (times, weight, rps, more) => {
    const expected = traffic(rps, more);
    const planned = minutesUntil(times, { weight }, expected) ?? Number.NaN;
    const real = simulated(times, weight, expected);
    if (real > 3) expect(Math.abs(planned / real - 1)).toBeLessThan(0.15);
    else expect(Math.abs(planned - real)).toBeLessThan(0.6);
  });

  test('fall with traffic, weight and the size of the regression, and are one at least', () => {
    const base = minutesUntil(10, { weight: 5 }, traffic(20)) ?? 0;
    expect(minutesUntil(10, { weight: 5 }, traffic(40))).toBeLessThan(base);
    expect(minutesUntil(10, { weight: 10 }, traffic(20))).toBeLessThan(base);
    expect(minutesUntil(20, { weight: 5 }, traffic(20))).toBeLessThan(base);
    expect(minutesUntil(500, { weight: 10 }, traffic(1000))).toBe(1);
    expect(minutesUntil(1.4, { weight: 10 }, traffic(1000))).toBeUndefined();
  });
});

describe('a step', () => {
  test('says what it sees, and what it does not', () => {
    const sight = sightOf({ weight: 5, bakeSeconds: 600 }, traffic(100));
    expect(sightText(sight, traffic(100))).toEqual([
      expect.stringMatching(
        /^5 % for 10 min: about 3,000 canary requests; a release that fails [\d.]+ % of its requests is found within 2 min; one that fails less than 0\.\d+ % is not found in this step$/,
      ),
    ]);
  });

  test('that is too short or too light suggests a longer bake and a larger weight, and these see it', () => {
    const sight = sightOf({ weight: 1, bakeSeconds: 300 }, traffic(20));
    expect(sight.suggestedMinutes).toBeGreaterThan(5);
    expect(sight.suggestedWeight).toBeGreaterThan(1);
    const longer = sightOf({ weight: 1, bakeSeconds: (sight.suggestedMinutes ?? 0) * 60 }, traffic(20));
    expect(longer.suggestedMinutes).toBeUndefined();
    const heavier = sightOf({ weight: sight.suggestedWeight ?? 0, bakeSeconds: 300 }, traffic(20));
    expect(heavier.suggestedMinutes).toBeUndefined();
  });

  test('names shares that it finds in that time and at the end, and none just below', () => {
    const expected = traffic(100);
    const sight = sightOf({ weight: 5, bakeSeconds: 600 }, expected);
    const [, soon = '', least = ''] =
      /fails ([\d.]+) % of its requests is found within 2 min; one that fails less than ([\d.]+) %/.exec(
        sightText(sight, expected)[0] ?? '',
      ) ?? [];
    const found = (percent: number) =>
      minutesUntil(percent / 100 / expected.errorRate, { weight: 5 }, expected) ?? Number.POSITIVE_INFINITY;
    expect(found(Number(soon) * 1.05)).toBeLessThanOrEqual(2);
    expect(found(Number(soon) * 0.95)).toBeGreaterThan(2);
    expect(found(Number(least) * 1.05)).toBeLessThanOrEqual(10);
    expect(found(Number(least) * 0.95)).toBeGreaterThan(10);
  });

  test('beside a holdout is one of verify, and sees less than a step at which as much stays on stable', () => {
    const expected = traffic(100);
    const holdout = sightOf({ weight: 90, bakeSeconds: 480, isHoldout: true }, expected);
    expect(sightText(holdout, expected)[0]).toMatch(
      /^90 % for 8 min beside a holdout of 10 %: about 43,200 canary requests; .*; one that fails less than [\d.]+ % is not found in verify$/,
    );
    const step = sightOf({ weight: 90, bakeSeconds: 480 }, expected);
    expect(holdout.smallest).toBeGreaterThan(step.smallest ?? Number.NaN);
  });

  test('beside a holdout that is too short suggests a longer verify, and no weight', () => {
    const expected = traffic(2);
    const sight = sightOf({ weight: 75, bakeSeconds: 120, isHoldout: true }, expected);
    const text = sightText(sight, expected).join();
    expect(text).toMatch(/it would find ten times stable's errors with `verify: \d+m`$/);
    const minutes = Number(/verify: (\d+)m/.exec(text)?.[1]);
    const longer = sightOf({ weight: 75, bakeSeconds: minutes * 48, isHoldout: true }, expected);
    expect(longer.suggestedMinutes).toBeUndefined();
  });

  test('that cannot see even total breakage says so', () => {
    const expected = traffic(1 / 60);
    expect(sightText(sightOf({ weight: 1, bakeSeconds: 300 }, expected), expected)[0]).toBe(
      '1 % for 5 min: about 0 canary requests; nothing can be seen here, not even that every request fails',
    );
  });

  test.each([0, 0.5, 0.99])('of a service that fails with a share of %d is told something', (errorRate) => {
    const expected = traffic(50, { errorRate });
    const text = sightText(sightOf({ weight: 10, bakeSeconds: 600 }, expected), expected).join();
    expect(text).toMatch(/^10 % for 10 min: about 3,000 canary requests; /);
    expect(text).not.toMatch(/NaN|Infinity|undefined/);
  });
});

describe('what a plan can see by what stable did', () => {
  const step = (weight: number) => ({ weight, bakeSeconds: 600, maxBakeSeconds: 600 });
  const target = (name: string, source: 'async' | 'invoke') => ({
    ...{ name, kind: 'lambda-alias', key: name, ref: {}, stable: '1', canary: '2' },
    source,
    traits: traitsOf(source, {}),
  });
  const history = {
    api: { errors: [0, 60_000].map((start) => ({ start, stable: { bad: 6, total: 6_000 } })) },
  };
  const said = (weights: number[], ratio: number, source: 'async' | 'invoke' = 'invoke') =>
    outlookOf(
      {
        plan: { steps: weights.map(step), verifySeconds: 600, onInconclusive: 'pause' },
        watch: [{ metric: 'errors', ratio }],
        targets: [target('api', source)],
      },
      history,
    );

  test('is what a sight at that traffic is, and begins with what is found in absolute terms', () => {
    const at = { requestsPerSecond: 100, errorRate: 0.001, ratio: 1.5 };
    const [first] = said([5], 1.5);
    const sight = sightOf({ weight: 5, bakeSeconds: 600 }, at);
    expect(first?.details[1]).toBe(sightText(sight, at).join('; '));
    expect(first?.found).toMatch(
      /^api: a release that fails [\d.]+ % of its requests is found within 2 min at 5 %; one that fails less than 0\.\d+ % is found at no step$/,
    );
  });

  test('is less where three failures may be one', () => {
    const smallest = (source: 'async' | 'invoke') => said([5], 1.5, source)[0]?.smallest ?? Number.NaN;
    expect(smallest('async')).toBeGreaterThan(smallest('invoke'));
  });

  test('is told for the first five of many steps', () => {
    const all = said([1, 2, 3, 4, 5, 6, 7], 1.5)[0]?.details ?? [];
    expect(all).toHaveLength(8);
    expect(all.at(-2)).toBe('and 2 more steps');
    expect(all.at(-1)).toMatch(
      /^all steps together: uncounted losses below \d+ % of the canary's requests are not visible; no loss is told from late counts in its first 10 min$/,
    );
  });

  test('of users alone is nothing at too little traffic, where probes are told to stand in', () => {
    const [lately] = outlookOf(
      {
        plan: { steps: [step(5)], verifySeconds: 600, onInconclusive: 'pause' },
        watch: [{ metric: 'errors', ratio: 1.5 }],
        targets: [target('api', 'invoke')],
        isProbed: true,
      },
      { api: { errors: [{ start: 0, stable: { bad: 0, total: 1 } }] } },
    );
    expect(lately).toMatchObject({
      found:
        'errors: version 1 of api had 1 request in 1 min, of which 0 failed; at this rate no step can see anything, and the verdicts rest on probes',
      smallest: 1,
    });
  });

  test('names the first step that will not have the requests of a pass, and what follows', () => {
    const steps = [
      { weight: 5, bakeSeconds: 300, maxBakeSeconds: 900 },
      { weight: 25, bakeSeconds: 600, maxBakeSeconds: 1800 },
      { weight: 75, bakeSeconds: 480, maxBakeSeconds: 480, isHoldout: true as const },
    ];
    const at = (requestsPerSecond: number, more: Partial<Step> = {}) =>
      withoutPass(
        { steps: steps.map((step) => ({ ...step, ...more })), onInconclusive: 'revert' },
        { requestsPerSecond, errorRate: 0.001, ratio: 1.5 },
      );
    expect(at(2)).toBe(
      'the step at 5 % gets about 90 requests in 15 min at the most, and a pass needs about 140; then `onInconclusive: revert` applies',
    );
    expect(at(20)).toBeUndefined();
    expect(at(0.3, { weight: 75 })).toMatch(/^the step at 75 % gets about 202 requests/);
    expect(at(2, { untilRequests: 50 })).toBeUndefined();
    const outlook = (bad: number, total: number, isProbed = false) =>
      outlookOf(
        {
          plan: { steps, verifySeconds: 600, onInconclusive: 'pause' },
          watch: [{ metric: 'errors', ratio: 1.5 }],
          targets: [target('api', 'invoke')],
          isProbed,
        },
        { api: { errors: [{ start: 0, stable: { bad, total } }] } },
      )[0]?.found;
    expect(outlook(0, 120)).toMatch(
      /is found at no step; the step at 5 % gets about 90 .*`onInconclusive: pause` applies$/,
    );
    expect(outlook(1, 1_200)).not.toContain('onInconclusive');
    expect(outlook(0, 120, true)).not.toContain('onInconclusive');
  });

  test('is not spoken of where nothing is compared', () => {
    expect(said([], 1.5)).toEqual([]);
  });
});
