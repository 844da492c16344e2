import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  ALPHA,
  HISTORY_MS,
  judge,
  type Reading,
  SAMPLES_MIN,
  stretch,
  worst,
} from '../../../core/analysis/judge.ts';
import type { Alarm, Count, Series, VerdictStatus, Window } from '../../../core/analysis/types.ts';
import { decide } from '../../../core/rollout/decide.ts';
import type { RolloutEvent } from '../../../core/rollout/event.ts';
import { next } from '../../../core/rollout/next.ts';
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
  smokeCheck,
  stateAfter,
  TWO_TARGETS,
  target,
} from '../rollout/given.ts';

type Pair = [bad: number, total: number];

const count = ([bad, total]: Pair): Count => ({ bad, total });
/** The window that begins so many minutes after the opening. */
const window = (start: number, canary?: Pair, stable?: Pair): Window => ({
  start: minute(start),
  ...(canary === undefined ? {} : { canary: count(canary) }),
  ...(stable === undefined ? {} : { stable: count(stable) }),
});

const errors = { watch: [{ metric: 'errors' as const, ratio: 1.5 }] };
const on = (...windows: Window[]): Reading => ({ series: { api: { errors: windows } }, alarms: [] });
const at = (minutes: number, history: RolloutEvent[], reading: Reading) =>
  judge(stateAfter(history), reading, minute(minutes));

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

  test('a canary that fails as often as stable passes, however often that is', () => {
    expect(at(4, first, on(window(1, [60, 200], [540, 1_800]))).status).toBe('pass');
  });

  test('two questions share one alpha: what one of them would take for proof is none for both', () => {
    const reading = on(window(1, [9, 200], [3, 1_000]));
    const [alone] = at(4, first, reading).findings;
    const [shared] = at(4, onFirstStep(), reading).findings;
    expect(alone).toMatchObject({ status: 'fail' });
    expect(shared).toMatchObject({ status: 'pass', evidence: alone?.evidence });
    expect(alone?.evidence).toBeGreaterThan(Math.log(1 / ALPHA));
    expect(alone?.evidence).toBeLessThan(Math.log(2 / ALPHA));
  });

  test('a pass needs 50 canary requests, and stable ones in the same windows', () => {
    expect(SAMPLES_MIN).toBe(50);
    expect(at(4, first, on(window(1, [0, 50], [0, 450]))).status).toBe('pass');
    expect(at(4, first, on(window(1, [0, 49], [0, 450])))).toMatchObject({
      status: 'inconclusive',
      reason: 'errors: canary 0 of 49 failed, stable 0 of 450; a pass needs 50 canary requests',
    });
    expect(at(4, first, on(window(1, [0, 50]))).status).toBe('inconclusive');
  });

  test('an absolute tolerance looks at the canary alone', () => {
    const share = onFirstStep({ watch: [{ metric: 'errors', share: 0.01 }] });
    expect(at(4, share, on(window(1, [30, 200], [270, 1_800]))).status).toBe('fail');
    expect(at(4, share, on(window(1, [2, 200], [0, 1_800]))).status).toBe('pass');
  });

  test('samples of the step before count for nothing', () => {
    const second = onSecondStep(errors);
    expect(at(6, second, on(...HEALTHY))).toMatchObject({
      status: 'inconclusive',
      findings: [{ windows: 0 }],
    });
    expect(at(8, second, on(...HEALTHY, window(5, [0, 100], [0, 100])))).toMatchObject({
      status: 'pass',
      from: minute(5),
      findings: [{ canary: { bad: 0, total: 100 } }],
    });
  });

  test('failures of the step before count against it', () => {
    const late = [window(1, [20, 200], [1, 4_000]), window(5, [0, 100], [0, 100])];
    expect(at(8, onSecondStep(errors), on(...late)).status).toBe('fail');
  });

  test('what cannot be read is broken, with the reason', () => {
    const reading = { ...on(...HEALTHY), broken: 'CloudWatch does not answer' };
    expect(at(4, first, reading)).toEqual({
      status: 'broken',
      reason: 'CloudWatch does not answer',
      findings: [],
      from: minute(1),
      to: minute(3),
    });
  });

  test('counts that contradict themselves are not used', () => {
    const torn = [window(1, [90, 60], [0, 4_000]), window(2, [-1, 200], [0, 4_000])];
    expect(at(4, first, on(...torn))).toMatchObject({ findings: [{ canary: { bad: 0, total: 0 } }] });
    expect(at(4, first, on(...torn)).status).not.toBe('fail');
  });
});

describe('windows', () => {
  const BAD: Pair = [200, 200];
  const GOOD: Pair = [0, 4_000];

  test.each([
    ['that a raise moved within', onSecondStep(errors), 4],
    ['that the first raise moved within', onFirstStep(errors), 0],
    ['that lie before the first raise', onFirstStep(errors), -1],
  ])('%s are not compared', (_, history, start) => {
    expect(at(9, history, on(window(start, BAD, GOOD))).status).not.toBe('fail');
    expect(at(9, history, on(window(start + 1, BAD, GOOD))).status).toBe(
      start === -1 ? 'inconclusive' : 'fail',
    );
  });

  test('between two raises that each stand in a window of their own are compared', () => {
    expect(at(9, onSecondStep(errors), on(window(3, BAD, GOOD))).status).toBe('fail');
  });

  test.fails('in which a second move followed one at their very start are not compared', () => {
    const history = [
      opened({ ...errors, targets: TWO_TARGETS }),
      ...raised(10, 1, 1),
      ...raised(10, 2, 1.5, 'worker'),
    ];
    const reading = { series: { worker: { errors: [window(1, BAD, GOOD)] } }, alarms: [] };
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
    expect(at(5, first, on(window(2, [0, 40], [0, 360]))).status).toBe('inconclusive');
    expect(at(5, first, on(window(1, [0, 40], [0, 360]), window(2, [0, 40], [0, 360]))).status).toBe('pass');
    expect(at(5, first, on(window(1, BAD, GOOD), window(2, [0, 40], [0, 360]))).status).toBe('fail');
  });

  test('are read oldest first: in another order the same counts are other evidence', () => {
    const windows = [window(1, [0, 200], [0, 4_000]), window(2, [6, 200], [0, 4_000])];
    const evidence = (...each: Window[]) => at(4, onFirstStep(errors), on(...each)).findings[0]?.evidence;
    expect(evidence(...windows)).toBeCloseTo(evidence(...windows) ?? Number.NaN, 12);
    expect(evidence(...windows.toReversed())).not.toBeCloseTo(evidence(...windows) ?? Number.NaN, 3);
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

  test('is inconclusive where chance may explain it', () => {
    const quiet = window(1, undefined, [0, 170]);
    expect(at(4, first, of({ errors: [quiet], http5xx: [quiet] })).status).toBe('inconclusive');
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

  test('a canary that fails far more often than stable did fails', () => {
    const { status, reason } = at(12, verifying, on(...history, ...served, window(9, [400, 4_000])));
    expect(status).toBe('fail');
    expect(reason).toContain('canary 400 of 4,000 failed, stable 66 of 66,000');
  });

  test('failures of less than one in two hundred are not held against it', () => {
    const spotless = history.map(({ start }) => ({ start, stable: { bad: 0, total: 4_000 } }));
    expect(at(12, verifying, on(...spotless, window(9, [16, 4_000]))).status).toBe('pass');
    expect(at(12, verifying, on(...spotless, window(9, [100, 4_000]))).status).toBe('fail');
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

  test('a canary that no one calls proves nothing', () => {
    expect(at(12, verifying, on(...history, ...served)).status).toBe('inconclusive');
  });

  test('errors that arrive after the last step passed take the release back', () => {
    const late = on(...history, window(5, [60, 2_000], [2, 2_000]), window(6, [70, 2_000], [1, 2_000]));
    const state = stateAfter(verifying);
    const verdict = judge(state, late, minute(10));
    expect(verdict).toMatchObject({ status: 'fail', findings: [{ canary: { bad: 130, total: 4_000 } }] });
    const events = decide(state, { type: 'RecordMeasure', verdict, alarms: [] }, minute(10));
    expect(events.map(({ type }) => type)).toEqual(['Measured', 'RevertOrdered']);
    expect(next(stateAfter(verifying, events), minute(10)).kind).toBe('revert');
  });

  test('a release that went from 0 to 100 % at once is measured against what stable did before', () => {
    const once = [opened({ ...errors, plan: plan({ steps: [] }) }), ...raised(100, 1, 0.5)];
    expect(at(4, once, on(...history, window(1, [400, 4_000]))).status).toBe('fail');
    expect(at(4, once, on(...history, window(1, [4, 4_000]))).status).toBe('pass');
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
    ['that were red at opening never fail it', true, seen('alarm', 2), 'pass'],
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
    expect(at(4, named(), on(...HEALTHY)).reason).toBe('alarm orders-low no longer exists');
  });
});

describe('the worst of several statuses', () => {
  test.each<[VerdictStatus[], VerdictStatus]>([
    [[], 'inconclusive'],
    [['pass', 'pass'], 'pass'],
    [['pass', 'inconclusive'], 'inconclusive'],
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
  'before any raise': [opened({ smoke: [smokeCheck('/health')] })],
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

test.fails('green alarms alone are no evidence: a target that no rule can be asked of does not pass', () => {
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
      for (const { evidence, canary, stable } of verdict.findings) {
        expect(Number.isFinite(evidence)).toBe(true);
        expect([canary, stable].every(({ bad, total }) => bad >= 0 && bad <= total)).toBe(true);
      }
    }),
  );
});
