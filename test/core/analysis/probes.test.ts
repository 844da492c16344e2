import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { judge, type Reading } from '../../../core/analysis/judge.ts';
import { NO_PROBES } from '../../../core/analysis/probe-counts.ts';
import { logEPairs, probeSight } from '../../../core/analysis/probes.ts';
import type { Count, ProbeCounts } from '../../../core/analysis/types.ts';
import { decide } from '../../../core/rollout/decide.ts';
import type { Opening, RolloutEvent } from '../../../core/rollout/event.ts';
import { trialOf } from '../../../core/rollout/trial.ts';
import {
  inVerify,
  measured,
  minute,
  onFirstStep,
  onSecondStep,
  plan,
  raised,
  smokeHooks,
  stateAfter,
  TWO_TARGETS,
} from '../rollout/given.ts';

const PROBED: Partial<Opening> = {
  watch: [{ metric: 'errors', ratio: 1.5 }],
  hooks: smokeHooks('/health'),
  probe: { everySeconds: 2, smoke: ['smoke.1'] },
};

describe('the evidence of pairs', () => {
  test('has a mean of at most 1 for a canary within the odds, for all outcomes of a few pairs', () => {
    const mean = (pairs: number, stable: number, odds: number, w0: number): number => {
      const canary = (odds * stable) / (1 - stable + odds * stable);
      const outcomes = [
        { chance: canary * (1 - stable), canaryOnly: 1, stableOnly: 0 },
        { chance: (1 - canary) * stable, canaryOnly: 0, stableOnly: 1 },
        { chance: canary * stable + (1 - canary) * (1 - stable), canaryOnly: 0, stableOnly: 0 },
      ];
      const total = (left: number, chance: number, canaryOnly: number, stableOnly: number): number =>
        left === 0
          ? chance * Math.exp(logEPairs({ canaryOnly, stableOnly }, w0))
          : outcomes.reduce(
              (sum, each) =>
                sum +
                total(
                  left - 1,
                  chance * each.chance,
                  canaryOnly + each.canaryOnly,
                  stableOnly + each.stableOnly,
                ),
              0,
            );
      return total(pairs, 1, 0, 0);
    };
    for (const w0 of [1, 1.5, 3])
      for (const stable of [0.001, 0.05, 0.5, 0.95])
        for (const part of [0.2, 1]) {
          const found = mean(7, stable, Math.max(0.2, part * w0), w0);
          expect(found).toBeLessThanOrEqual(1 + 1e-9);
        }
    // The same with a canary beyond the odds is above 1, so that the test can fail.
    expect(mean(7, 0.05, 6, 1)).toBeGreaterThan(1);
  });

  test('grows with failures of the canary, falls with those of stable, and is a number for any counts', () => {
    fc.assert(
      fc.property(fc.nat(1e9), fc.nat(1e9), fc.double({ min: 1, max: 100, noNaN: true }), (c, s, w0) => {
        const here = logEPairs({ canaryOnly: c, stableOnly: s }, w0);
        expect(Number.isFinite(here)).toBe(true);
        expect(logEPairs({ canaryOnly: c + 1, stableOnly: s }, w0)).toBeGreaterThanOrEqual(here);
        expect(logEPairs({ canaryOnly: c, stableOnly: s + 1 }, w0)).toBeLessThanOrEqual(here);
      }),
    );
  });

  test('says nothing of an outage that meets both', () => {
    expect(logEPairs({ canaryOnly: 0, stableOnly: 0 }, 1.5)).toBe(0);
  });
});

const put = (pairs: number, canary = 0, stable = 0, both = 0): ProbeCounts => ({
  ...{ ...NO_PROBES, ticks: 1, pairs, canary, stable, both },
  ...(canary > 0 ? { failure: 'GET /health answered 500 instead of 200: no' } : {}),
});
const count = (bad: number, total: number): Count => ({ bad, total });

/** A verdict on a few requests, or many, and these probes. */
function judged(probes: ProbeCounts | undefined, more: Partial<Given> = {}) {
  const { history = onFirstStep(PROBED), canary = count(0, 3), stable = count(0, 27), minutes = 4 } = more;
  const windows = [{ start: minute(Math.floor(minutes) - 3), canary, stable }];
  const reading: Reading = {
    series: { api: { errors: windows } },
    alarms: [],
    ...(probes === undefined ? {} : { probes: { api: probes } }),
  };
  return judge(trialOf(stateAfter(history)), reading, minute(minutes));
}

interface Given {
  history: RolloutEvent[];
  canary: Count;
  stable: Count;
  minutes: number;
}

describe('a verdict with probes', () => {
  test('passes a step of three requests on them, counts first, and says what it rests on', () => {
    expect(judged(put(400))).toMatchObject({
      status: 'pass',
      byProbes: true,
      reason:
        'probes: canary 0 of 400 failed, stable 0 of 400; errors: canary 0 of 3 failed, stable 0 of 27; it rests on probes, because too few requests came',
    });
    expect(judged(put(400)).certified).toBeUndefined();
  });

  test('says what is missing of both where neither is enough', () => {
    expect(judged(put(40))).toMatchObject({
      status: 'inconclusive',
      reason: expect.stringMatching(
        /^probes: canary 0 of 40 failed, stable 0 of 40; a pass by probes needs about \d+ of them; errors: canary 0 of 3 failed, stable 0 of 27; a pass needs about/,
      ),
    });
    expect(judged(undefined).status).toBe('inconclusive');
  });

  test('does not wait for probes where requests are enough, and does not rest on them then', () => {
    for (const probes of [undefined, put(4), put(400)]) {
      const verdict = judged(probes, { canary: count(0, 400), stable: count(1, 3_600) });
      expect(verdict.status).toBe('pass');
      expect(verdict.byProbes).toBeUndefined();
      expect(verdict.reason).toMatch(
        /^errors: canary 0 of 400 failed, stable 1 of 3,600; probes: canary 0 of/,
      );
    }
  });

  test('fails where the canary fails probes that stable passes, with what the last one said', () => {
    expect(judged(put(30, 16))).toMatchObject({
      status: 'fail',
      reason:
        'probes: canary 16 of 30 failed, stable 0 of 30; last: GET /health answered 500 instead of 200: no',
    });
    expect(judged(put(30, 16, 16, 16)).status).toBe('inconclusive');
  });

  test('does not pass a canary that looks worse by its probes, however many requests there were', () => {
    const enough = { canary: count(0, 400), stable: count(1, 3_600) };
    expect(judged(put(300, 9), enough)).toMatchObject({
      status: 'suspect',
      reason: expect.stringContaining('the canary looks worse than the rule allows'),
    });
  });

  test('does not pass on probes a canary that looks worse by its requests', () => {
    const worse = { canary: count(3, 4), stable: count(0, 36) };
    expect(judged(put(400), worse).status).not.toBe('pass');
  });

  test('does not pass on probes that stable itself fails', () => {
    expect(judged(put(4_000, 4_000, 4_000, 4_000))).toMatchObject({
      status: 'inconclusive',
      reason: expect.stringContaining('stable fails so many of them itself'),
    });
  });

  test('adds up the ticks of a step, and takes those of other steps for a fail alone', () => {
    const tick = (probes: ProbeCounts): RolloutEvent => ({
      ...measured('inconclusive', [1, 2]),
      probes: { api: probes },
    });
    const history = [...onFirstStep(PROBED), tick(put(200, 6)), tick(put(200, 6))];
    expect(judged(put(2, 2), { history }).findings[0]).toMatchObject({ canary: { bad: 14, total: 402 } });
    const later = [...history, ...raised(50, 2, 4.2)];
    const verdict = judged(put(2, 2), { history: later, minutes: 8 });
    expect(verdict).toMatchObject({
      status: 'fail',
      findings: expect.arrayContaining([
        expect.objectContaining({ metric: 'probes', canary: { bad: 14, total: 402 } }),
      ]),
    });
    const good = [...onFirstStep(PROBED), tick(put(400)), ...raised(50, 2, 4.2)];
    const [probes] = judged(put(10), { history: good, minutes: 8 }).findings;
    expect(probes).toMatchObject({ metric: 'probes', status: 'inconclusive' });
  });

  test('compares after promotion too, where requests have no control any more', () => {
    const verify = { history: inVerify(PROBED), minutes: 12, stable: count(0, 0) };
    expect(judged(put(400), verify)).toMatchObject({ status: 'pass', byProbes: true });
    expect(judged(put(40, 16), verify).status).toBe('fail');
  });

  test('does not pass on probes a canary in verify that fails more than is usual', () => {
    // Its worst minutes were as bad, so that there is no doubt.
    const errors = { mean: 0.001, strength: 1, worst: [0.3, 0.3, 0.3], ever: 0.3, typical: [0.002, 0.001] };
    const history = inVerify({ ...PROBED, usual: { api: { errors } } });
    const verify = { history, minutes: 12, stable: count(0, 0) };
    expect(judged(put(400), { ...verify, canary: count(0, 100) })).toMatchObject({ byProbes: true });
    expect(judged(put(400), { ...verify, canary: count(20, 100) })).toMatchObject({
      status: 'inconclusive',
      reason: expect.stringContaining('nothing tells which it is'),
    });
  });

  test('does not let probes stand in for invocations that the plan counts, or for slow requests', () => {
    const steps = [{ weight: 10, bakeSeconds: 120, maxBakeSeconds: 600, untilRequests: 20 }];
    const counted = onFirstStep({ ...PROBED, plan: plan({ steps }) });
    expect(judged(put(400), { history: counted }).status).toBe('inconclusive');
    const slow = onFirstStep({ ...PROBED, watch: [{ metric: 'p95', ratio: 1.25 }] });
    expect(judged(put(400), { history: slow }).status).toBe('inconclusive');
  });

  test('rests on the probes of a target for that target alone', () => {
    const history = onFirstStep({ ...PROBED, targets: TWO_TARGETS });
    const verdict = judged(put(400), { history });
    expect(verdict.status).toBe('inconclusive');
    expect(verdict.findings.filter(({ metric }) => metric === 'probes').map(({ target }) => target)).toEqual([
      'api',
    ]);
  });

  test('does not stand in for answers that neither version counts', () => {
    const watch = [...(PROBED.watch ?? []), { metric: 'http5xx' as const, ratio: 1.5 }];
    const given = { history: onFirstStep({ ...PROBED, watch }), canary: count(0, 30), stable: count(0, 270) };
    const verdict = judged(put(400), given);
    expect(verdict.status).toBe('inconclusive');
    expect(verdict.reason).toContain('neither version counts responses, though the canary ran 30 times');
  });

  test('names pairs that could not be put, and counts none of them', () => {
    const lost = { ...put(10), skipped: 5, skippedWhy: 'GET /health could not be put: Rate Exceeded.' };
    expect(judged(lost).findings[0]).toMatchObject({
      canary: { total: 10 },
      skipped: ['5 pairs could not be run, last because GET /health could not be put: Rate Exceeded.'],
    });
  });
});

test('a completion says that it was proven by probes, whichever step rested on them', () => {
  const passed = (from: number, to: number, byProbes: boolean): RolloutEvent => {
    const { verdict, ...event } = measured('pass', [from, to]);
    return { ...event, verdict: byProbes ? { ...verdict, byProbes } : verdict };
  };
  const reason = (step: boolean, verify: boolean) => {
    const history = [
      ...onSecondStep({ ...PROBED, watch: [...(PROBED.watch ?? []), { metric: 'http5xx', ratio: 1.5 }] }),
      passed(5, 7, step),
      ...raised(100, 3, 8.5),
      passed(9, 11, verify),
    ];
    const [closed] = decide(stateAfter(history), { type: 'Close' }, minute(13));
    return closed?.type === 'RolloutClosed' ? closed.reason : undefined;
  };
  expect(reason(true, false)).toBe('proven by probes: it is pass');
  expect(reason(false, true)).toBe('proven by probes: it is pass');
  expect(reason(false, false)).toBe('proven: it is pass');
});

test('a plan is told how long probes take by themselves, what they cost, and where they have too little time', () => {
  const rules = PROBED.watch ?? [];
  const probing = { everySeconds: 2, smoke: ['smoke.1'] };
  const { lines, isEnough } = probeSight(probing, plan({ verifySeconds: 600 }), rules);
  expect(isEnough).toBe(false);
  expect(probeSight({ ...probing, everySeconds: 1 }, plan(), rules).isEnough).toBe(true);
  expect(lines).toEqual([
    'Probes: one smoke test through both versions every 2 s; a step passes by probes alone after about 340 pairs without a failure, 11 min.',
    'They are about 3,600 invocations an hour and target while the canary has traffic: $0.0007 for the requests, and what their duration costs.',
    'Too short to pass by probes alone: 10 % for 10 min at most, 50 % for 10 min at most, verify for 10 min.',
  ]);
});

test('what is long enough for probes is not called too short, and several tests are counted', () => {
  const step = (weight: number, maxBakeSeconds: number) => ({ weight, bakeSeconds: 60, maxBakeSeconds });
  const probing = { everySeconds: 2, smoke: ['smoke.1', 'smoke.2', 'smoke.3'] };
  const rules = PROBED.watch ?? [];
  const told = (verifySeconds: number, ...longest: number[]) =>
    probeSight(probing, plan({ verifySeconds, steps: longest.map((max, at) => step(at + 1, max)) }), rules);
  const [first = ''] = told(0, 600).lines;
  expect(first).toContain('3 smoke tests in turn');
  const needed = Number(/about (\d+) pairs/.exec(first)?.[1]) * 2;
  expect(told(needed, needed, needed)).toMatchObject({ isEnough: true });
  expect(told(needed, needed, needed).lines).toHaveLength(2);
  expect(told(needed - 1, needed).lines[2]).toMatch(/by probes alone: verify for/);
  expect(told(0, needed - 1, needed)).toMatchObject({ isEnough: true });
  expect(told(0, needed - 1, needed).lines[2]).toMatch(/: 1 % for [^,]*\.$/);
  expect(told(0, needed - 1)).toMatchObject({ isEnough: false });
});

test('what probes tolerate is what the rules tolerate that they can see, and no less than the odds of stable', () => {
  const pairs = (...rules: Opening['watch']) => {
    const [line = ''] = probeSight({ everySeconds: 1, smoke: ['smoke.1'] }, plan(), rules).lines;
    return Number(/about ([\d,]+) pairs/.exec(line)?.[1]?.replace(',', ''));
  };
  const strict = pairs({ metric: 'errors', ratio: 1 });
  const loose = pairs({ metric: 'errors', ratio: 5 });
  expect(loose).toBeGreaterThan(strict);
  expect(pairs({ metric: 'errors', share: 0.02 })).toBe(strict);
});
