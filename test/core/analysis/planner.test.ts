import { describe, expect, test } from 'vitest';
import { ALPHA, evidenceOfRatio, FAILURE_BETS } from '../../../core/analysis/evidence.ts';
import { STEPS_STAKE } from '../../../core/analysis/parts.ts';
import { type Expected, outlookOf, sightOf, sightText, withoutPass } from '../../../core/analysis/planner.ts';
import { weightsOf } from '../../../core/analysis/weights.ts';
import type { Step } from '../../../core/plan/plan.ts';
import { seededRandom } from '../../../local/random.ts';
import { traitsOf } from '../../../targets/lambda-alias/kind.ts';

const traffic = (requestsPerSecond: number, more: Partial<Expected> = {}): Expected => ({
  ...{ requestsPerSecond, errorRate: 0.001, ratio: 1.5 },
  ...more,
});

/** Part of 200 canaries that fail this share of their requests of which the judge finds each within so many minutes. */
function foundIn(minutes: number, share: number, weight: number, expected: Expected): number {
  const { requestsPerSecond, errorRate, ratio } = expected;
  const random = seededRandom(7);
  const required = -Math.log(ALPHA * (weightsOf(['errors', 'traffic']).get('errors') ?? 1) * STEPS_STAKE);
  const question = { w0: ratio, planned: 60, bets: FAILURE_BETS, clustering: { burst: 1, isSticky: false } };
  const runs = 200;
  let found = 0;
  for (let run = 0; run < runs; run++) {
    const windows = [];
    while (windows.length < minutes) {
      const requests = random.poisson(requestsPerSecond * 60);
      const nc = random.binomial(requests, weight / 100);
      const ns = requests - nc;
      windows.push({ nc, ns, c: random.binomial(nc, share), s: random.binomial(ns, errorRate) });
      if (evidenceOfRatio(windows, question) < required) continue;
      found += 1;
      break;
    }
  }
  return found / runs;
}

describe('the smallest share that a step finds', () => {
  test.each([
    [10, 10, 10, {}],
    [5, 5, 20, {}],
    [10, 25, 20, {}],
    [5, 5, 200, {}],
    [10, 25, 2, { errorRate: 0.002 }],
    [5, 10, 50, { errorRate: 0.01, ratio: 1.25 }],
  ] as const)(
    'in %s min at %s percent and %s a second is found by four of five in a simulation',
    (minutes, weight, rps, more) => {
      const expected = traffic(rps, more);
      const { smallest = 1, found } = sightOf({ weight, bakeSeconds: minutes * 60 }, expected);
      expect(foundIn(minutes, smallest, weight, expected)).toBeGreaterThan(0.68);
      expect(foundIn(minutes, smallest, weight, expected)).toBeLessThan(0.98);
      expect(foundIn((found?.minutes ?? 0) + 1, found?.share ?? 0, weight, expected)).toBeGreaterThan(0.7);
    },
  );

  test('falls with traffic, weight and time', () => {
    const smallest = (weight: number, rps: number, bakeSeconds = 600) =>
      sightOf({ weight, bakeSeconds }, traffic(rps)).smallest ?? Number.NaN;
    expect(smallest(5, 40)).toBeLessThan(smallest(5, 20));
    expect(smallest(10, 20)).toBeLessThan(smallest(5, 20));
    expect(smallest(5, 20, 900)).toBeLessThan(smallest(5, 20));
  });
});

describe('a step', () => {
  test('says what it sees, and what it does not', () => {
    const sight = sightOf({ weight: 5, bakeSeconds: 600 }, traffic(100));
    expect(sightText(sight, traffic(100))).toEqual([
      expect.stringMatching(
        /^5 % for 10 min: about 3,000 canary requests; a release that fails [\d.]+ % of its requests is found within \d min; below 0\.\d+ % is not visible in this step$/,
      ),
    ]);
  });

  test('that is too short or too light suggests a longer bake and a larger weight, and these see it', () => {
    const sight = sightOf({ weight: 1, bakeSeconds: 600 }, traffic(20));
    expect(sight.suggestedMinutes).toBeGreaterThan(10);
    expect(sight.suggestedWeight).toBeGreaterThan(1);
    const longer = sightOf({ weight: 1, bakeSeconds: (sight.suggestedMinutes ?? 0) * 60 }, traffic(20));
    expect(longer.suggestedMinutes).toBeUndefined();
    const heavier = sightOf({ weight: sight.suggestedWeight ?? 0, bakeSeconds: 600 }, traffic(20));
    expect(heavier.suggestedMinutes).toBeUndefined();
  });

  test.each([
    [
      20,
      5,
      5,
      'a release that fails 7.3 % of its requests is found within 2 min; below 2.4 % is not visible',
    ],
    [
      20,
      25,
      10,
      'a release that fails 2.3 % of its requests is found within 2 min; below 0.74 % is not visible',
    ],
    [
      200,
      5,
      5,
      'a release that fails 1.9 % of its requests is found within 1 min; below 0.61 % is not visible',
    ],
  ])('at %s a second, %s percent for %s min: %s', (rps, weight, minutes, text) => {
    const expected = traffic(rps);
    const [line = ''] = sightText(sightOf({ weight, bakeSeconds: minutes * 60 }, expected), expected);
    expect(line).toContain(`; ${text} in this step`);
  });

  test('beside a holdout is one of verify, and sees less than a step at which as much stays on stable', () => {
    const expected = traffic(100);
    const holdout = sightOf({ weight: 90, bakeSeconds: 480, isHoldout: true }, expected);
    expect(sightText(holdout, expected)[0]).toMatch(
      /^90 % for 8 min beside a holdout of 10 %: about 43,200 canary requests; .*; below [\d.]+ % is not visible in verify$/,
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
    const at = { requestsPerSecond: 100, errorRate: 12.5 / 12_001, ratio: 1.5 };
    const [first] = said([5], 1.5);
    const sight = sightOf({ weight: 5, bakeSeconds: 600 }, at);
    expect(first?.details[1]).toBe(sightText(sight, at).join('; '));
    expect(first?.found).toMatch(
      /^api: a release that fails [\d.]+ % of its requests is found within \d min at 5 %; below 0\.\d+ % is not visible in any step$/,
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
      /is not visible in any step; the step at 5 % gets about 90 .*`onInconclusive: pause` applies$/,
    );
    expect(outlook(1, 1_200)).not.toContain('onInconclusive');
    expect(outlook(0, 120, true)).not.toContain('onInconclusive');
  });

  test('is not spoken of where nothing is compared', () => {
    expect(said([], 1.5)).toEqual([]);
  });

  test('in a count of the user is told with the step that cannot show what a pass must show', () => {
    const of = (perMinute: number, bad: number) =>
      outlookOf(
        {
          plan: { steps: [step(5), step(25)], verifySeconds: 600, onInconclusive: 'pause' },
          watch: [
            { metric: 'errors', ratio: 1.5 },
            {
              ...{ metric: 'custom.orders', ratio: 1.5 },
              custom: {
                bad: { namespace: 'Shop', name: 'Lost' },
                total: { namespace: 'Shop', name: 'Orders' },
              },
            },
          ],
          targets: [target('api', 'invoke')],
        },
        {
          api: {
            ...history.api,
            'custom.orders': Array.from({ length: 15 }, (_, nth) => ({
              ...{ start: nth * 60_000, stable: { bad: (perMinute * bad) / 100, total: perMinute } },
            })),
          },
        },
      )[0]?.details.find((line) => line.startsWith('custom.orders'));
    expect(of(2_000, 40)).toMatch(
      /^custom\.orders: 12,000 of 30,000 were bad on stable lately; a canary that is less than 5\d % bad is not visible in any step$/,
    );
    expect(of(1_000, 99)).toMatch(
      /; a pass must be able to show one that is 99.3 % bad, which 10 min at 5 % cannot; then `onInconclusive: pause` applies$/,
    );
  });
});
