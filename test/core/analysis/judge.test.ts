import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { judge, type Reading, stretch, worst } from '../../../core/analysis/judge.ts';
import type { Alarm, Series, UnknownWindow, VerdictStatus, Window } from '../../../core/analysis/types.ts';
import { HISTORY_MS } from '../../../core/analysis/windows.ts';
import { decide } from '../../../core/rollout/decide.ts';
import type { RolloutEvent } from '../../../core/rollout/event.ts';
import { next } from '../../../core/rollout/next.ts';
import { trialOf } from '../../../core/rollout/trial.ts';
import { WINDOW_MS } from '../../../core/units.ts';
import {
  intended,
  inVerify,
  measured,
  minute,
  onFirstStep,
  onSecondStep,
  opened,
  paused,
  plan,
  raised,
  stateAfter,
  TWO_TARGETS,
  target,
  token,
  verdict,
} from '../rollout/given.ts';
import { type Pair, window } from './given.ts';

const errors = { watch: [{ metric: 'errors' as const, ratio: 1.5 }] };
const on = (...windows: Window[]): Reading => ({ series: { api: { errors: windows } }, alarms: [] });
const at = (minutes: number, history: RolloutEvent[], reading: Reading) => {
  const verdict = judge(trialOf(stateAfter(history)), reading, minute(minutes));
  // Whether the requests were split as they should be has tests of its own.
  return { ...verdict, findings: verdict.findings.filter(({ metric }) => metric !== 'traffic') };
};

const HEALTHY = [window(1, [0, 200], [1, 1_800]), window(2, [0, 212], [2, 1_820])];
const SICK = [window(1, [4, 200], [1, 4_000]), window(2, [5, 212], [2, 4_120])];

describe('on a step', () => {
  const first = onFirstStep(errors);

  test('a canary as good as stable passes, with the windows and counts it rests on', () => {
    expect(at(4, first, on(...HEALTHY))).toMatchObject({
      status: 'pass',
      reason: 'errors: canary 0 of 412 failed, stable 3 of 3,620',
      from: minute(1),
      to: minute(3),
      findings: [
        { target: 'api', metric: 'errors', status: 'pass', canary: { bad: 0, total: 412 }, windows: 2 },
      ],
    });
  });

  test('a canary that fails far more often than stable fails, with the counts it rests on', () => {
    expect(at(4, first, on(...SICK))).toMatchObject({
      status: 'fail',
      reason: 'errors: canary 9 of 412 failed, stable 3 of 8,120',
      findings: [{ canary: { bad: 9, total: 412 }, stable: { bad: 3, total: 8_120 } }],
    });
  });

  test('a canary that looks worse is not passed while it is not failed either: it is watched longer', () => {
    expect(at(4, onFirstStep(), on(window(1, [3, 118], [1, 2_216]))).findings[0]).toMatchObject({
      status: 'suspect',
      reason: expect.stringMatching(
        /^errors: canary 3 of 118 failed, stable 1 of 2,216; the canary looks worse/,
      ),
    });
    expect(at(4, onFirstStep(), on(window(1, [1, 118], [1, 2_216]))).findings[0]).toMatchObject({
      status: 'pass',
    });
  });

  test('a canary is not passed that fails far more than stable ever did, where stable has too little traffic left to compare', () => {
    const before = [-3, -2, -1].map((start) => window(start, undefined, [30, 3_000]));
    const step = (stable: Pair) => [1, 2, 3].map((start) => window(start, [415, 3_000], stable));
    expect(at(5, first, on(...before, ...step([1, 33]))).findings[0]).toMatchObject({
      status: 'suspect',
      reason: expect.stringContaining('it fails more often than stable did, before and beside it'),
    });
    // Whoever writes a share has said how much is too much.
    const share = onFirstStep({ watch: [{ metric: 'errors', share: 0.2 }] });
    expect(at(5, share, on(...before, ...step([1, 33]))).findings[0]?.status).toBe('pass');
    // A few failures of the few requests beside it may be chance; where they cannot be, it is the weather.
    expect(at(5, first, on(...before, ...step([2, 33]))).findings[0]?.status).toBe('suspect');
    expect(at(5, first, on(...before, ...step([5, 33]))).findings[0]?.status).toBe('pass');
  });

  test('an outage excuses what the canary fails in its minutes, and no minute in which stable surely did better', () => {
    const before = [-3, -2, -1].map((start) => window(start, undefined, [3, 3_000]));
    const outage = [window(2, [2_059, 3_033], [11, 27]), window(3, [2_016, 3_012], [16, 30])];
    const step = (canary: Pair, stable: Pair) =>
      at(5, first, on(...before, window(1, canary, stable), ...outage)).findings[0]?.status;
    expect(step([986, 2_987], [0, 35])).toBe('suspect');
    // Chance may have spared the few requests of stable.
    const excused: [Pair, Pair][] = [
      [
        [986, 2_987],
        [0, 6],
      ],
      [
        [300, 2_987],
        [0, 35],
      ],
      [
        [986, 2_987],
        [5, 35],
      ],
      [
        [3, 2_987],
        [0, 35],
      ],
    ];
    for (const each of excused) expect(step(...each)).not.toBe('suspect');
  });

  test('a canary that fails as often as stable passes, however often that is', () => {
    expect(at(4, first, on(window(1, [60, 200], [540, 1_800]))).status).toBe('pass');
  });

  test('two questions share one alpha: what one of them would take for proof is none for both', () => {
    const reading = on(window(1, [9, 206], [3, 1_000]));
    const [alone] = at(4, first, reading).findings;
    const [shared] = at(4, onFirstStep(), reading).findings;
    expect(alone).toMatchObject({ status: 'fail' });
    expect(shared).toMatchObject({ status: 'suspect', evidence: alone?.evidence });
  });

  test('a plan may ask for more or less certainty', () => {
    const sure = (alpha: number) =>
      at(4, onFirstStep({ ...errors, plan: plan({ alpha }) }), on(window(1, [8, 200], [3, 1_000]))).status;
    expect(sure(0.05)).toBe('fail');
    expect(sure(0.001)).not.toBe('fail');
  });

  test('a pass needs so many requests that ten times the failures would have shown', () => {
    expect(at(4, first, on(window(1, [0, 300], [0, 2_700]))).status).toBe('pass');
    const few = at(4, first, on(window(1, [0, 49], [0, 450])));
    expect(few).toMatchObject({
      status: 'inconclusive',
      reason: 'errors: canary 0 of 49 failed, stable 0 of 450; a pass needs about 110 canary requests',
      findings: [{ needed: 'a pass needs about 110 canary requests' }],
    });
    expect(at(4, first, on(window(1, [0, 110], [0, 1_010]))).status).toBe('pass');
    const alone = at(4, first, on(window(1, [0, 300])));
    expect(alone.findings[0]).toMatchObject({
      status: 'inconclusive',
      reason: expect.stringContaining('stable had no requests to compare with'),
    });
    expect(alone).toMatchObject({
      status: 'inconclusive',
      reason: expect.stringContaining(
        'stable was due about 2,700 requests at 90 % and CloudWatch shows none',
      ),
    });
  });

  test('a metric with a small part of the stake needs more requests for a pass', () => {
    const windows = [window(1, [0, 110], [0, 1_010])];
    const reading = { series: { api: { errors: windows, 'custom.orders': windows } }, alarms: [] };
    const two = onFirstStep({ watch: [...errors.watch, { metric: 'custom.orders', ratio: 1.5 }] });
    expect(at(4, first, reading).status).toBe('pass');
    expect(at(4, two, reading)).toMatchObject({
      status: 'inconclusive',
      reason: expect.stringMatching(/^orders: .*; a pass needs about 1[2-9]0 canary requests$/),
    });
  });

  test('throttles, which callers try again, need no more requests than errors do', () => {
    const windows = [window(1, [0, 130], [0, 1_200])];
    const reading = { series: { api: { errors: windows, throttles: windows } }, alarms: [] };
    const two = onFirstStep({ watch: [...errors.watch, { metric: 'throttles', ratio: 1.5 }] });
    expect(at(4, two, reading).status).toBe('pass');
    const throttled = [window(1, [20, 130], [0, 1_200])];
    expect(
      at(4, two, { series: { api: { errors: windows, throttles: throttled } }, alarms: [] }),
    ).toMatchObject({
      status: 'fail',
      reason: 'throttles: canary 20 of 130 throttled, stable 0 of 1,200',
    });
    const both = [window(1, [20, 130], [180, 1_200])];
    expect(at(4, two, { series: { api: { errors: windows, throttles: both } }, alarms: [] }).status).not.toBe(
      'fail',
    );
  });

  test('a step that waits for a number of canary requests passes with exactly that many', () => {
    const steps = [{ weight: 10, bakeSeconds: 60, maxBakeSeconds: 600, untilRequests: 20 }];
    const waits = onFirstStep({ ...errors, plan: plan({ steps }) });
    expect(at(4, waits, on(window(1, [0, 20], [0, 180]))).status).toBe('pass');
    expect(at(4, waits, on(window(1, [0, 19], [0, 180])))).toMatchObject({
      status: 'inconclusive',
      reason: 'errors: canary 0 of 19 failed, stable 0 of 180; this step waits for 20 canary requests',
    });
    expect(at(4, waits, on(window(1, [19, 19], [0, 180]))).status).toBe('fail');
  });

  test('a step that waits for a number of canary requests waits for them also if fewer have proven it safe', () => {
    const steps = [{ weight: 10, bakeSeconds: 60, maxBakeSeconds: 600, untilRequests: 5_000 }];
    for (const more of [{ steps }, { steps, promoteEarly: true }])
      expect(
        at(4, onFirstStep({ ...errors, plan: plan(more) }), on(window(1, [0, 1_500], [1, 13_500]))),
      ).toMatchObject({ status: 'inconclusive', reason: expect.stringContaining('waits for 5,000') });
  });

  test('a step is certified once its own counts prove the canary safe, and only then', () => {
    const few = at(4, first, on(window(1, [0, 400], [0, 3_600])));
    expect(few.status).toBe('pass');
    expect(few.certified).toBeUndefined();
    expect(at(4, first, on(window(1, [0, 1_500], [1, 13_500]))).certified).toBe(true);
  });

  test('failures that come in bursts of three from one cause need more of them', () => {
    const reading = on(window(1, [8, 200], [3, 1_800]));
    const by = (source: 'invoke' | 'async' | 'sqs') =>
      at(4, onFirstStep({ ...errors, targets: [target('api', { source })] }), reading).status;
    expect([by('invoke'), by('async'), by('sqs')]).toEqual(['fail', 'inconclusive', 'inconclusive']);
  });

  test('on a target whose visitors stay on one version a burst within a window is no proof', () => {
    const traits = { ...target().traits, burst: 10, isSticky: true };
    const sticky = onFirstStep({ ...errors, targets: [target('api', { traits })] });
    const reading = (...windows: Window[]): Reading => ({
      series: { api: { errors: windows } },
      alarms: [],
    });
    expect(at(4, sticky, reading(window(1, [40, 200], [1, 1_800]))).status).not.toBe('fail');
    const lasting = [1, 2, 3, 4, 5, 6].map((start) => window(start, [40, 200], [1, 1_800]));
    expect(at(9, sticky, reading(...lasting)).status).toBe('fail');
  });

  test('on such a target a good canary passes at a small weight, once enough windows would have shown a bad one', () => {
    const traits = { ...target().traits, burst: 10, isSticky: true };
    const sticky = onFirstStep({ ...errors, targets: [target('api', { traits })] });
    const minutes = (n: number): Reading => ({
      series: {
        api: { errors: Array.from({ length: n }, (_, each) => window(each + 1, [0, 120], [2, 1_080])) },
      },
      alarms: [],
    });
    const early = at(6, sticky, minutes(3));
    expect(early).toMatchObject({
      status: 'inconclusive',
      reason: expect.stringMatching(/a pass needs about [\d,]+ canary requests$/),
    });
    expect(at(40, sticky, minutes(36)).status).toBe('pass');
  });

  test('the verdict says how many times as often the canary fails, at least and at most', () => {
    const [bad] = at(4, first, on(...SICK)).findings;
    expect(bad?.odds?.low).toBeGreaterThan(3);
    const [good] = at(
      4,
      first,
      on(window(1, [3, 3_000], [27, 27_000]), window(2, [3, 3_000], [27, 27_000])),
    ).findings;
    expect(good?.odds).toMatchObject({ low: 0 });
    expect(good?.odds?.high).toBeGreaterThan(1);
    expect(good?.odds?.high).toBeLessThan(20);
  });

  test('an absolute tolerance looks at the canary alone', () => {
    const share = onFirstStep({ watch: [{ metric: 'errors', share: 0.01 }] });
    expect(at(4, share, on(window(1, [30, 200], [270, 1_800]))).status).toBe('fail');
    expect(at(4, share, on(window(1, [2, 200], [0, 1_800]))).status).toBe('pass');
    expect(at(4, share, on(window(1, [0, 30], [0, 270]))).status).toBe('inconclusive');
  });

  test('samples of the step before count for nothing', () => {
    const second = onSecondStep(errors);
    expect(at(6, second, on(...HEALTHY))).toMatchObject({
      status: 'inconclusive',
      findings: [{ windows: 0 }],
    });
    expect(at(8, second, on(...HEALTHY, window(5, [0, 400], [0, 400])))).toMatchObject({
      status: 'pass',
      from: minute(5),
      findings: [{ canary: { bad: 0, total: 400 } }],
    });
  });

  test('failures of the step before count against it', () => {
    const late = [window(1, [20, 200], [1, 4_000]), window(5, [0, 100], [0, 100])];
    expect(at(8, onSecondStep(errors), on(...late)).status).toBe('fail');
  });

  test('what cannot be read is broken, with the reason', () => {
    const reading = { ...on(...HEALTHY), broken: 'CloudWatch does not answer' };
    expect(at(4, first, reading)).toMatchObject({ status: 'broken', reason: 'CloudWatch does not answer' });
  });

  test('a step of which nothing is known is broken, and is neither a canary without failures nor one without requests', () => {
    const why = 'sent in several units';
    const unknown = [1, 2].map((start) => ({ start: minute(start), unknown: why }));
    const reading: Reading = { series: { api: { errors: unknown } }, alarms: [] };
    expect(at(4, first, reading)).toMatchObject({
      status: 'broken',
      reason: expect.stringMatching(/nothing is known of 2 minutes of this step.*sent in several units/),
    });
    const partly: Reading = {
      series: { api: { errors: [...HEALTHY, unknown[1] as UnknownWindow] } },
      alarms: [],
    };
    expect(at(4, first, partly).status).not.toBe('fail');
  });

  test('what could be read counts against it, whatever else could not', () => {
    const broken = 'CloudWatch does not answer';
    expect(at(4, first, { ...on(...SICK), broken }).status).toBe('fail');
    expect(at(4, first, { ...on(...SICK), alarmsBroken: broken }).status).toBe('fail');
    expect(at(4, first, { ...on(...HEALTHY), alarmsBroken: broken })).toMatchObject({
      status: 'broken',
      reason: broken,
    });
    const watched = onFirstStep({ ...errors, alarms: [{ name: 'orders-low', red: false }] });
    const off: Alarm[] = [{ name: 'orders-low', state: 'alarm', since: minute(2) }];
    expect(at(4, watched, { series: {}, alarms: off, broken }).status).toBe('fail');
  });
});

describe('a window that cannot be believed', () => {
  const first = onFirstStep(errors);
  const GOOD: Pair = [0, 4_000];
  const odd = (canary: Pair, why: string): [string, Window[], string] => [
    why,
    [window(1, canary, GOOD)],
    why,
  ];

  test.each<[string, Window[], string]>([
    odd([90, 60], 'canary counts 90 bad requests of 60'),
    odd([-1, 200], 'canary counts -1 requests, which is no count'),
    odd([0.5, 200], 'canary counts 0.5 requests, which is no count'),
    odd([0, Number.NaN], 'canary counts NaN requests, which is no count'),
    odd([0, Number.POSITIVE_INFINITY], 'canary counts Infinity requests, which is no count'),
    odd([0, 1e300], 'canary counts 1e+300 requests, which is no count'),
    [
      'is not whole',
      [window(1.5, [0, 200], GOOD)],
      'the window of 12:01 is not used: it does not begin on a whole minute',
    ],
    [
      'is given twice',
      [window(1, [200, 200], GOOD), window(1, [0, 200], GOOD)],
      'it was given more than once',
    ],
    [
      'comes after a later one',
      [window(2, [0, 9], [0, 90]), window(1, [200, 200], GOOD)],
      'it came after a later one',
    ],
    ['has no time', [{ ...window(1, [200, 200], GOOD), start: Number.NaN }], 'the window of NaN is not used'],
  ])('because it %s is not used, is told with its reason, and makes no pass', (_, windows, why) => {
    const verdict = at(4, first, on(...windows));
    // Where nothing else of the step is known, that is a measuring fault and no want of requests.
    expect(verdict.status).toMatch(/^(broken|inconclusive)$/);
    expect(verdict.reason).toContain(why);
    expect(verdict.findings[0]?.skipped).toHaveLength(1);
    expect(JSON.parse(JSON.stringify(verdict))).toEqual(JSON.parse(JSON.stringify({ ...verdict })));
  });

  test('does not hide the others', () => {
    const mixed = on(window(1, [90, 60], GOOD), window(2, [0, 412], [0, 3_700]));
    expect(at(4, first, mixed)).toMatchObject({
      status: 'pass',
      findings: [{ canary: { bad: 0, total: 412 } }],
    });
  });

  test('is one of few that are told one by one', () => {
    const many = Array.from({ length: 50 }, (_, index) => window(index + 1, [9, 1], GOOD));
    expect(at(60, first, on(...many)).findings[0]?.skipped).toHaveLength(6);
  });
});

describe('windows', () => {
  const BAD: Pair = [200, 200];
  const GOOD: Pair = [0, 4_000];

  test('that lie before the first raise are not compared', () => {
    expect(at(9, onFirstStep(errors), on(window(-1, BAD, GOOD))).status).not.toBe('fail');
  });

  test.each([
    ['the first raise', onFirstStep(errors), 0, [10, 5, 10]],
    ['a later raise', onSecondStep(errors), 4, [30, 5, 30]],
  ] as const)(
    'that %s moved within are compared by the larger weight, since a burst may have met it alone',
    (_, history, start, [c, nc, s]) => {
      // By its realised share of 5 in 4,000 the canary would have far too many of the bad requests.
      const burst = window(start, [nc, nc], [s, 4_000]);
      const unmoved = window(start + 1, [nc, nc], [s, 4_000]);
      expect(at(9, history, on(burst)).status).not.toBe('fail');
      expect(at(9, history, on(unmoved)).status).toBe('fail');
      expect(at(9, history, on(window(start, [4 * c, 200], [0, 4_000]))).status).toBe('fail');
    },
  );

  test('that traffic moved within blame nobody for an outage while stable is counted in part', () => {
    // Everything fails once the canary has 50 %, and a tenth of the counts of stable is there.
    const before = window(3, [0, 400], [0, 360]);
    const outage = window(4, [600, 1_200], [60, 1_300]);
    expect(at(6, onSecondStep(errors), on(before, outage)).status).not.toBe('fail');
    expect(at(6, onSecondStep(errors), on(window(3, [0, 400], [0, 3_600]), outage)).status).toBe('fail');
    const worse = window(5, [400, 2_000], [2, 200]);
    expect(at(7, onSecondStep(errors), on(before, outage, worse)).status).toBe('fail');
    // The canary has 50 % since 4:54, everything fails from then on, and a fifth of the counts of stable is there.
    const raise = [...onFirstStep(errors), measured('pass', [1, 3]), ...raised(50, 2, 4.9)];
    expect(at(6, raise, on(window(4, [500, 900], [100, 1_620]))).status).not.toBe('fail');
    expect(at(6, raise, on(window(4, [500, 900], [100, 8_500]))).status).toBe('fail');
  });

  test.each([
    ['of failures', errors],
    ['of a share', { watch: [{ metric: 'errors' as const, share: 0.05 }] }],
  ])(
    'of a retry count %s from its own first raise on, and not what its earlier attempt left in that minute',
    (_, rules) => {
      const left = window(0, [200, 220], GOOD);
      expect(at(9, onFirstStep(rules), on(left)).status).toBe('fail');
      expect(at(9, onFirstStep({ ...rules, attempt: 2 }), on(left)).status).not.toBe('fail');
      expect(at(9, onFirstStep(rules), on(window(-1, BAD, GOOD), left)).status).not.toBe('fail');
      expect(at(9, onFirstStep({ ...rules, attempt: 2 }), on(left, window(1, BAD, GOOD))).status).toBe(
        'fail',
      );
    },
  );

  test('between two raises that each stand in a window of their own are compared', () => {
    expect(at(9, onSecondStep(errors), on(window(3, BAD, GOOD))).status).toBe('fail');
  });

  test('in which a second move followed one at their very start are compared by the larger weight', () => {
    const history = [
      opened({ ...errors, targets: TWO_TARGETS }),
      ...raised(10, 1, 1),
      ...raised(10, 2, 1.5, 'worker'),
    ];
    const reading = { series: { worker: { errors: [window(1, [5, 5], [40, 4_000])] } }, alarms: [] };
    expect(at(5, history, reading).status).not.toBe('fail');
  });

  test('that have not settled are not used, neither for nor against', () => {
    const first = onFirstStep(errors);
    expect(at(3.99, first, on(window(2, BAD, GOOD))).status).toBe('inconclusive');
    expect(at(4, first, on(window(2, BAD, GOOD))).status).toBe('fail');
    expect(at(3.99, first, on(window(2, [0, 200], GOOD))).status).toBe('inconclusive');
  });

  test('that are restated count as they stand now', () => {
    const first = onFirstStep(errors);
    expect(at(4, first, on(...HEALTHY)).status).toBe('pass');
    const restated = at(5, first, on(...SICK));
    expect(restated).toMatchObject({ status: 'fail', findings: [{ canary: { bad: 9, total: 412 } }] });
    expect(at(5, first, on(...HEALTHY)).status).toBe('pass');
  });

  test('that come late change the verdict', () => {
    const first = onFirstStep(errors);
    expect(at(5, first, on(window(2, [0, 80], [0, 720]))).status).toBe('inconclusive');
    expect(at(5, first, on(window(1, [0, 80], [0, 720]), window(2, [0, 80], [0, 720]))).status).toBe('pass');
    expect(at(5, first, on(window(1, BAD, GOOD), window(2, [0, 80], [0, 720]))).status).toBe('fail');
  });

  test('are asked for from a quarter of an hour before the first raise until what has settled', () => {
    expect(stretch(stateAfter(onSecondStep()), minute(7.5))).toEqual({ from: minute(-15), to: minute(6) });
    expect(HISTORY_MS).toBe(15 * WINDOW_MS);
    expect(stretch(stateAfter(opened()), minute(2.5)).from).toBe(minute(-13));
  });
});

describe('a canary without samples', () => {
  const first = onFirstStep();
  const of = (series: Series): Reading => ({ series: { api: series }, alarms: [] });

  test('is broken where it was due traffic by that of stable', () => {
    const due = window(1, undefined, [0, 180]);
    expect(at(4, first, of({ errors: [due], http5xx: [due] }))).toMatchObject({
      status: 'broken',
      reason: expect.stringContaining(
        'the canary was due about 20 requests at 10 % and CloudWatch shows none',
      ),
    });
  });

  test('is inconclusive below that: chance may explain it, or counts that are late', () => {
    const quiet = window(1, undefined, [0, 170]);
    expect(at(4, first, of({ errors: [quiet], http5xx: [quiet] })).status).toBe('inconclusive');
    const few = window(1, undefined, [0, 30]);
    expect(at(4, first, of({ errors: [few], http5xx: [few] })).status).toBe('inconclusive');
  });

  test('is due the more the higher its weight', () => {
    const quiet = window(5, undefined, [0, 20]);
    expect(at(8, onSecondStep(errors), of({ errors: [quiet] })).reason).toContain(
      'due about 20 requests at 50 %',
    );
  });

  test('that runs but counts no responses is broken, and says what is missing', () => {
    const series = {
      errors: [window(1, [0, 412], [0, 3_700])],
      http5xx: [window(1, undefined, [0, 3_700])],
    };
    expect(at(4, first, of(series))).toMatchObject({
      status: 'broken',
      reason:
        'http5xx: canary 0 of 0 failed, stable 0 of 3,700; the canary ran 412 times but counts no responses; wrap its handler with withSpillway',
    });
  });

  test('is not broken by a rule of which stable has no samples either', () => {
    expect(at(4, first, of({ errors: HEALTHY })).status).toBe('inconclusive');
  });
});

describe('questions', () => {
  const invoked = [target('api', { source: 'invoke' })];

  test('about handled 5xx are put to what answers requests only', () => {
    const metrics = (targets: typeof invoked) =>
      at(4, onFirstStep({ targets }), on(...HEALTHY)).findings.map(({ metric }) => metric);
    expect(metrics([target()])).toEqual(['errors', 'http5xx']);
    expect(metrics(invoked)).toEqual(['errors']);
    expect(at(4, onFirstStep({ targets: invoked }), on(...HEALTHY)).status).toBe('pass');
  });

  test('are put to every target, and the worst answer counts and is named', () => {
    const two = [
      opened({ ...errors, targets: TWO_TARGETS }),
      ...raised(10, 1, 0.5),
      ...raised(10, 2, 0.6, 'worker'),
    ];
    const reading = (worker: Window[]): Reading => ({
      series: { api: { errors: HEALTHY }, worker: { errors: worker } },
      alarms: [],
    });
    expect(at(4, two, reading(HEALTHY)).status).toBe('pass');
    expect(at(4, two, reading([])).status).toBe('inconclusive');
    expect(at(4, two, reading(SICK))).toMatchObject({
      status: 'fail',
      reason: 'worker errors: canary 9 of 412 failed, stable 3 of 8,120',
    });
  });
});

describe('after promotion', () => {
  const verifying = inVerify(errors);
  const history = Array.from({ length: 15 }, (_, index) => window(index - 15, undefined, [4, 4_000]));
  const served = [window(1, [0, 400], [4, 4_000]), window(5, [2, 2_000], [2, 2_000])];

  test('a canary as good as stable was before passes without a control beside it', () => {
    expect(
      at(12, verifying, on(...history, ...served, window(9, [4, 4_000]), window(10, [5, 4_000]))),
    ).toMatchObject({
      status: 'pass',
      from: minute(9),
      to: minute(11),
    });
  });

  test.each([
    ['far more often', 400, verifying],
    ['more often', 50, verifying],
    [
      'far more often, where nothing is to be verified',
      400,
      inVerify({ ...errors, plan: plan({ verifySeconds: 0 }) }),
    ],
  ])('a target that fails %s than it ever did is in doubt, which is no proof', (_, bad, history_) => {
    const verdict = at(12, history_, on(...history, ...served, window(9, [bad, 4_000])));
    expect(verdict).toMatchObject({
      status: 'inconclusive',
      doubt: {
        reason: `errors: ${bad} of 4,000 requests to both versions failed in 60 s, and up to 0.15 % is usual for api`,
      },
    });
    expect(verdict.evidence).toBeLessThan(Math.log(20));
  });

  test('of one target alone it is held to what stable did before while another is still to be raised', () => {
    const half = [
      opened({ ...errors, targets: TWO_TARGETS }),
      ...raised(10, 1, 0.5),
      ...raised(10, 2, 0.6, 'worker'),
      ...raised(100, 3, 3.5),
    ];
    const healthy = [1, 2, 3, 4, 5, 6].map((start) => window(start, [0, 400], [4, 3_600]));
    const alone = (bad: number) => [
      ...healthy.slice(0, 2),
      ...[4, 5, 6].map((start) => window(start, [bad, 4_000])),
    ];
    const said = (bad: number) =>
      at(8, half, { series: { api: { errors: alone(bad) }, worker: { errors: healthy } }, alarms: [] });
    // No step is under way that could pass.
    expect(said(4)).toMatchObject({
      ...{ status: 'inconclusive', findings: [{ status: 'pass' }, { status: 'pass' }] },
      reason: expect.stringMatching(/^traffic is still moving; api errors: /),
    });
    expect(said(4).doubt).toBeUndefined();
    expect(said(400)).toMatchObject({
      status: 'inconclusive',
      doubt: { reason: expect.stringContaining('and up to 0.1 % is usual for api') },
    });
  });

  test('failures of less than one in a thousand are not held against it, and of two hundred put it in doubt', () => {
    const spotless = history.map(({ start }) => ({ start, stable: { bad: 0, total: 4_000 } }));
    expect(at(12, verifying, on(...spotless, window(9, [4, 4_000]))).status).toBe('pass');
    expect(at(12, verifying, on(...spotless, window(9, [20, 4_000]))).doubt).toBeDefined();
  });

  test('an outage as bad as one that stable has shown is waited for, and blames nobody', () => {
    const outage = [window(1, [200, 400], [2_000, 4_000]), window(5, [2, 2_000], [2, 2_000])];
    const said = (bad: number) => at(12, verifying, on(...history, ...outage, window(9, [bad, 4_000])));
    expect(said(2_000).doubt).toMatchObject({
      isOutage: true,
      reason: expect.stringContaining('as stable did'),
    });
    expect(said(300).doubt).toBeUndefined();
    expect(said(3_000).doubt).toMatchObject({ reason: expect.stringContaining('is usual for api') });
    expect(said(3_000).doubt?.isOutage).toBeUndefined();
  });

  describe('harm that is too small for a doubt', () => {
    const usual = (typical: number[]) => ({
      api: { errors: { mean: 0.001, strength: 0, worst: [0.01, 0.01, 0.01], ever: 0.01, typical } },
    });
    const said = (bad: number, typical = [0.001, 0.001]) =>
      at(12, inVerify({ ...errors, usual: usual(typical) }), on(...history, window(9, [bad, 4_000])));

    test('is not proven, and nobody is to blame', () => {
      expect(said(16)).toMatchObject({
        status: 'inconclusive',
        reason: expect.stringContaining(
          '16 of 4,000 requests to it since verify began failed, and up to 0.15 % is usual in half of the stretches of the day before; nothing tells whether it is the canary',
        ),
      });
      expect(said(16).doubt).toBeUndefined();
    });

    test('is proven if it is as usual, or nothing is known of what is', () => {
      expect(said(5).status).toBe('pass');
      expect(said(16, []).status).toBe('pass');
      expect(said(16, [0.004, 0.004]).status).toBe('pass');
    });
  });

  test('what stable still answers is no control of the same windows', () => {
    const leftovers = history.map(({ start }) => ({ start, stable: { bad: 0, total: 4_000 } }));
    expect(at(12, verifying, on(...leftovers, window(9, [16, 4_000], [0, 4_000]))).status).toBe('pass');
  });

  test('an absolute tolerance still stands', () => {
    const share = inVerify({ watch: [{ metric: 'errors', share: 0.001 }] });
    expect(at(12, share, on(...history, window(9, [40, 4_000]))).status).toBe('fail');
    expect(at(12, share, on(...history, window(9, [4, 4_000]))).status).toBe('pass');
  });

  test('a canary that hardly ever fails is certified by that alone', () => {
    expect(at(12, verifying, on(...history, ...served, window(9, [0, 4_000]))).findings[0]?.status).toBe(
      'pass',
    );
    const certified = (bad: number) =>
      judge(trialOf(stateAfter(verifying)), on(...history, ...served, window(9, [bad, 4_000])), minute(12))
        .certified;
    expect([certified(0), certified(16)]).toEqual([true, undefined]);
  });

  test('a canary that no one calls proves nothing, and is a measuring fault if its target was called before', () => {
    expect(at(12, verifying, on(...served)).status).toBe('inconclusive');
    expect(judge(trialOf(stateAfter(verifying)), on(...history, ...served), minute(12)).status).toBe(
      'broken',
    );
  });

  test('errors that arrive after the last step passed revert the release', () => {
    const late = on(...history, window(5, [60, 2_000], [2, 2_000]), window(6, [70, 2_000], [1, 2_000]));
    const state = stateAfter(verifying);
    const verdict = judge(trialOf(state), late, minute(10));
    expect(verdict).toMatchObject({ status: 'fail' });
    expect(verdict.findings[0]).toMatchObject({ metric: 'errors', canary: { bad: 130, total: 4_000 } });
    const events = decide(state, { type: 'RecordMeasure', verdict, alarms: [] }, minute(10));
    expect(events.map(({ type }) => type)).toEqual(['Measured', 'RevertOrdered']);
    expect(next(stateAfter(verifying, events), minute(10)).kind).toBe('revert');
  });

  test('a release that went from 0 to 100 % at once is measured against what its target did before', () => {
    const once = [opened({ ...errors, plan: plan({ steps: [] }) }), ...raised(100, 1, 0.5)];
    expect(at(4, once, on(...history, window(1, [400, 4_000]))).doubt).toBeDefined();
    expect(at(4, once, on(...history, window(1, [4, 4_000]))).status).toBe('pass');
  });
});

describe('in a recall', () => {
  const recalled: RolloutEvent[] = [
    ...inVerify(errors),
    { type: 'RecallOrdered', at: minute(12), nth: 1, weight: 25, reason: 'it failed', remaining: 180 },
    intended(25, 9, 12),
    { type: 'Shifted', at: minute(12.5), target: 'api', weight: 25, token: token(9) },
  ];
  const calm = [13, 14, 15, 16].map((start) => window(start, [1, 1_000], [3, 3_000]));
  const said = (last: Window | UnknownWindow) =>
    judge(
      trialOf(stateAfter(recalled)),
      { series: { api: { errors: [...calm, last] } }, alarms: [] },
      minute(19),
    );

  test('the last minutes are calm only if something is known of them', () => {
    expect(said(window(17, [1, 1_000], [3, 3_000])).doubt).toBeUndefined();
    expect(said({ start: minute(17), unknown: 'stable was counted by half' }).doubt?.reason).toMatch(
      /^errors: nothing is known of the last minutes of api/,
    );
  });
});

describe('without a recall, a doubt', () => {
  const verifying = inVerify({ ...errors, plan: plan({ recall: false }) });
  const doubtedBy = (name: string): RolloutEvent[] => [
    ...verifying,
    {
      ...measured('inconclusive', [9, 11]),
      verdict: {
        ...verdict('inconclusive', 9, 11),
        doubt: { reason: 'half of them fail', by: { target: name, metric: 'errors' } },
      },
    },
  ];
  const doubted = doubtedBy('api');
  const said = (events: RolloutEvent[], ...read: (Window | UnknownWindow)[]) =>
    judge(trialOf(stateAfter(events)), { series: { api: { errors: read } }, alarms: [] }, minute(13)).doubt;

  test('stays until something is known of a minute after it', () => {
    const nothing = {
      reason: expect.stringContaining('errors: nothing is known of the last minutes of api'),
    };
    expect(said(doubted)).toMatchObject(nothing);
    expect(said(doubted, { start: minute(11), unknown: 'it was counted by half' })).toMatchObject(nothing);
    expect(said(doubted, window(11, [1, 1_000]))).toBeUndefined();
  });

  test('about one target is none about another, of which nothing came', () => {
    expect(said(doubtedBy('worker'))).toBeUndefined();
  });

  test('does not begin because nothing is known', () => {
    expect(said(verifying, window(9, [1, 1_000]))).toBeUndefined();
  });
});

describe('alarms', () => {
  const named = (red = false) => onFirstStep({ ...errors, alarms: [{ name: 'orders-low', red }] });
  const seen = (state: Alarm['state'], since: number, ...windows: Window[]): Reading => ({
    ...on(...(windows.length > 0 ? windows : HEALTHY)),
    alarms: [{ name: 'orders-low', state, since: minute(since) }],
  });

  test.each<[string, boolean, Reading, VerdictStatus]>([
    ['that are green let a good canary pass', false, seen('ok', 0), 'pass'],
    ['that went off after the first raise fail it', false, seen('alarm', 2), 'fail'],
    ['that went off before it leave it inconclusive', false, seen('alarm', 0.2), 'inconclusive'],
    ['that are red since before the opening never fail it', true, seen('alarm', -2), 'pass'],
    ['that cannot be evaluated are broken', false, seen('unknown', 2), 'broken'],
    ['that are gone are broken', false, on(...HEALTHY), 'broken'],
    ['that are gone do not save a bad canary', false, on(...SICK), 'fail'],
    ['that are green do not save a bad canary', false, seen('ok', 0, ...SICK), 'fail'],
    [
      'that are green are no evidence beside an empty metric',
      false,
      { ...seen('ok', 0), series: {} },
      'inconclusive',
    ],
  ])('%s', (_, red, reading, status) => {
    expect(at(4, named(red), reading).status).toBe(status);
  });

  test('that fail a canary give the reason', () => {
    expect(at(4, named(), seen('alarm', 2)).reason).toBe('alarm orders-low is alarm');
    expect(at(4, named(), on(...HEALTHY)).reason).toBe('alarm orders-low was not read');
  });
});

describe('the worst of several statuses', () => {
  test.each<[VerdictStatus[], VerdictStatus]>([
    [[], 'inconclusive'],
    [['pass', 'pass'], 'pass'],
    [['pass', 'inconclusive'], 'inconclusive'],
    [['inconclusive', 'suspect', 'pass'], 'suspect'],
    [['broken', 'suspect'], 'broken'],
    [['broken', 'inconclusive'], 'broken'],
    [['broken', 'fail', 'pass'], 'fail'],
  ])('of %j is %s', (statuses, expected) => {
    expect(worst(statuses)).toBe(expected);
  });
});

const PHASES: Record<string, RolloutEvent[]> = {
  'on the first step': onFirstStep(),
  'on the second step': onSecondStep(),
  'in verify': inVerify(),
  'in verify after one step from 0 to 100 %': [opened({ plan: plan({ steps: [] }) }), ...raised(100, 1, 0.5)],
  'while a raise is under way': [...onFirstStep(), intended(50, 2, 3)],
  'with one target raised': [opened({ targets: TWO_TARGETS }), ...raised(10, 1, 0.5)],
  'before any raise': [opened()],
  'while it is paused': [...onFirstStep(), paused(2)],
  'after a pass': [...onFirstStep(), measured('pass', [1, 3])],
};
const pair = fc
  .integer({ min: 0, max: 5_000 })
  .chain((total) => fc.integer({ min: 0, max: total }).map((bad): Pair => [bad, total]));
const minutes = fc.integer({ min: -20, max: 60 });
const alarms = (states: fc.Arbitrary<Alarm['state']>) =>
  fc
    .tuple(states, minutes)
    .map(([state, since]): Alarm[] => [{ name: 'orders-low', state, since: minute(since) }]);

describe.each(Object.entries(PHASES))('zero evidence %s', (_, history) => {
  const [opening, ...rest] = history;
  const watched = [{ ...opening, alarms: [{ name: 'orders-low', red: false }] } as RolloutEvent, ...rest];

  test('is never a pass, whatever stable does and the alarms say', () => {
    const none = fc.array(
      fc
        .tuple(minutes, fc.option(pair, { nil: undefined }), fc.boolean())
        .map(([start, stable, isZero]) => window(start, isZero ? [0, 0] : undefined, stable)),
    );
    const states = fc.constantFrom<Alarm['state'][]>('ok', 'alarm', 'insufficient', 'unknown');
    fc.assert(
      fc.property(none, alarms(states), minutes, (windows, seen, now) => {
        const series = { errors: windows, http5xx: windows };
        const reading = { series: { api: series, worker: series }, alarms: seen };
        for (const events of [history, watched]) expect(at(now, events, reading).status).not.toBe('pass');
      }),
    );
  });
});

test('green alarms alone are no evidence: a target that no rule can be asked of does not pass', () => {
  const history = onFirstStep({
    targets: [target('api', { source: 'invoke' })],
    watch: [{ metric: 'http5xx', ratio: 1.5 }],
    alarms: [{ name: 'orders-low', red: false }],
  });
  const green: Alarm[] = [{ name: 'orders-low', state: 'ok', since: minute(0) }];
  expect(at(4, history, { series: {}, alarms: green }).status).not.toBe('pass');
});

test('without anything to watch nothing passes, and the reason says so', () => {
  expect(at(4, onFirstStep({ watch: [] }), on(...HEALTHY))).toMatchObject({
    status: 'inconclusive',
    reason: 'nothing was watched',
  });
});

test('the same reading gives the same verdict, and a number for its evidence', () => {
  const series = fc.array(
    fc
      .tuple(minutes, fc.option(pair, { nil: undefined }), fc.option(pair, { nil: undefined }))
      .map((each) => window(...each)),
  );
  fc.assert(
    fc.property(fc.constantFrom(...Object.values(PHASES)), series, minutes, (history, windows, now) => {
      const verdict = at(now, history, on(...windows));
      expect(at(now, structuredClone(history), structuredClone(on(...windows)))).toEqual(verdict);
      expect(Number.isFinite(verdict.evidence)).toBe(true);
      for (const { evidence, canary, stable } of verdict.findings) {
        expect(Number.isFinite(evidence)).toBe(true);
        expect([canary, stable].every(({ bad, total }) => bad >= 0 && bad <= total)).toBe(true);
      }
    }),
  );
});

describe('a canary whose counts stop after its bake', () => {
  const first = onFirstStep({
    ...errors,
    plan: plan({ steps: [{ weight: 10, bakeSeconds: 120, maxBakeSeconds: 7_200 }] }),
  });
  const until = (last: number) =>
    on(
      ...[1, 2].map((start) => window(start, [0, 200], [1, 1_800])),
      ...Array.from({ length: last - 2 }, (_, nth) => window(nth + 3, undefined, [1, 1_800])),
    );

  test('holds it once they are a quarter of an hour late', () => {
    expect(at(19, first, until(17)).findings[0]?.status).toBe('pass');
    expect(at(20, first, until(18)).findings[0]).toMatchObject({
      status: 'broken',
      reason: expect.stringContaining('the canary was due about 3,200 requests'),
    });
  });
});

test('what no rule has any evidence of is as likely as before, whatever part of the stake is not asked', () => {
  const evidence = (watch: object[], series: Series) =>
    judge(
      trialOf(stateAfter(onFirstStep({ watch: watch as never }))),
      { series: { api: series }, alarms: [] },
      minute(4),
    ).evidence;
  const blind = { metric: 'http5xx', ratio: 1.5, blind: ['api'] };
  expect(evidence(errors.watch, {})).toBeCloseTo(0, 12);
  expect(evidence([...errors.watch, blind], {})).toBeCloseTo(0, 12);
  // Of the stake of errors, http5xx and traffic (5/12, 5/12 and 2/12) the rule that is not asked bets nothing.
  const [found] = at(4, onFirstStep(errors), on(...SICK)).findings;
  expect(evidence([...errors.watch, blind], { errors: SICK })).toBeCloseTo(
    Math.log((7 + 5 * Math.exp(found?.evidence ?? 0)) / 12),
    6,
  );
});
