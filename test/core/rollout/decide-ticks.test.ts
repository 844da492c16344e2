import { describe, expect, test } from 'vitest';
import type { Alarm, Finding, Verdict } from '../../../core/analysis/types.ts';
import { SPILLWAY } from '../../../core/rollout/actor.ts';
import { type Command, decide } from '../../../core/rollout/decide.ts';
import type { HookStatus, Opening, RolloutEvent } from '../../../core/rollout/event.ts';
import { BROKEN_PAUSE_SECONDS } from '../../../core/rollout/timing.ts';
import {
  given,
  intended,
  inVerify,
  measured,
  minute,
  onFirstStep,
  opened,
  paused,
  plan,
  raised,
  resumed,
  revertOrdered,
  smokeAnswered,
  smokeHooks,
  stateAfter,
  token,
  verdict,
} from './given.ts';

const X = '90 of 100 requests failed';
const doubt = { reason: X };
const missing = { target: 'api', reason: '0 of about 100 requests are counted' };
type Said = Partial<Verdict> & { alarms?: Alarm[] };

/** What follows from a tick, beside the tick itself, a minute after the end of its stretch. */
const follows = (
  history: RolloutEvent[],
  status: Verdict['status'],
  [from, to]: [number, number],
  said: Said = {},
) => {
  const { alarms = [], ...more } = said;
  const command: Command = {
    type: 'RecordMeasure',
    verdict: { ...verdict(status, from, to), ...more },
    alarms,
  };
  const [tick, ...others] = decide(stateAfter(history), command, minute(to + 1));
  expect(tick).toStrictEqual({ ...command, type: 'Measured', at: minute(to + 1) });
  return others;
};
const held = (minutes: number, why: 'doubt' | 'broken' | 'suspect', reason: string) =>
  paused(minutes, {
    ...{ by: SPILLWAY, why, reason },
    ...(why === 'broken' ? { until: minute(minutes) + BROKEN_PAUSE_SECONDS * 1000 } : {}),
  });
const recall = (at: number, more: object = {}): RolloutEvent => ({
  ...{ type: 'RecallOrdered', at: minute(at), nth: 1, weight: 25, reason: X, remaining: 180 },
  ...more,
});
const back = (at: number, reason: string): RolloutEvent => ({ type: 'RecallEnded', at: minute(at), reason });
const calm = 'beside stable at 25 % showed nothing against the canary, and the last minutes were as before';
const environment = (minutes: number, reason: string) =>
  revertOrdered(minutes, { cause: 'environment', reason });
const noProof = 'that is no proof, so the release is not quarantined';

/** At 100 % since 0:30, so verify is the windows from 1:00 to 11:00, and at the longest to 71:00. */
const at100 = (more: Partial<Opening['plan']> = {}) => [
  opened({ plan: plan({ steps: [], verifySeconds: 600, ...more }) }),
  ...raised(100, 1, 0.5),
];
const measuredIn = (stretch: [number, number], more: Partial<Verdict>): RolloutEvent => {
  const event = measured('inconclusive', stretch);
  return { ...event, verdict: { ...event.verdict, ...more } };
};
/** Recalled to 25 % since 7:30, so it is the windows from 8:00 to 13:00, and at the longest to 38:00. */
const inRecall = (more: Partial<Opening['plan']> = {}, nth = 1) => [
  ...at100(more),
  recall(7, { nth }),
  ...raised(25, 2, 7.5),
];
const twice = (more: Partial<Opening['plan']> = {}) => [
  ...inRecall(more),
  ...[back(14, calm), ...raised(100, 3, 14.5)],
  ...[recall(15, { nth: 2, weight: 75 }), ...raised(75, 4, 15.5)],
  ...[back(26, calm), ...raised(100, 5, 26.5)],
];

describe('a tick in doubt', () => {
  test.each<[string, RolloutEvent[], Parameters<typeof follows>[1], [number, number], Said, RolloutEvent[]]>([
    [
      'recalls the canary, for what was left of verify',
      at100(),
      'pass',
      [1, 6],
      { doubt },
      [recall(7, { remaining: 300 })],
    ],
    ['recalls it for three minutes at least', at100(), 'pass', [1, 10], { doubt }, [recall(11)]],
    ['recalls nothing in an outage', at100(), 'pass', [1, 6], { doubt: { ...doubt, isOutage: true } }, []],
    [
      'asks a person at its third recall',
      twice(),
      'pass',
      [27, 29],
      { doubt },
      [recall(30, { nth: 3 }), held(30, 'doubt', `doubt came again after 2 recalls: ${X}`)],
    ],
    [
      'does then what the plan declares',
      twice({ onInconclusive: 'revert' }),
      'pass',
      [27, 29],
      { doubt },
      [recall(30, { nth: 3 }), environment(30, `doubt came again after 2 recalls: ${X}; ${noProof}`)],
    ],
    [
      'that is sure reverts where nothing can be recalled',
      at100({ recall: false }),
      'pass',
      [1, 6],
      { doubt: { ...doubt, isSure: true } },
      [environment(7, `${X}; no share of the traffic can go back to stable to find out why`)],
    ],
    ['waits where nothing can be recalled', at100({ recall: false }), 'pass', [1, 70.99], { doubt }, []],
    [
      'and asks a person after an hour',
      at100({ recall: false }),
      'pass',
      [1, 71],
      { doubt },
      [held(72, 'doubt', X)],
    ],
    [
      'or reverts then, as the plan declares',
      at100({ recall: false, onInconclusive: 'revert' }),
      'pass',
      [1, 71],
      { doubt },
      [environment(72, `${X}; ${noProof}`)],
    ],
    [
      'asks nobody twice',
      [...at100({ recall: false }), held(72, 'doubt', X)],
      'pass',
      [1, 73],
      { doubt },
      [],
    ],
    [
      'recalls it also from the pause of a person',
      [...at100(), paused(5)],
      'pass',
      [1, 6],
      { doubt },
      [recall(7, { remaining: 300 })],
    ],
  ])('%s', (_what, history, status, stretch, said, events) => {
    expect(follows(history, status, stretch, said)).toStrictEqual(events);
  });
});

describe('a tick in a recall', () => {
  const broken = [8, 9, 10, 11].map((to) => measured('broken', [8, to]));
  const asked = held(39, 'doubt', `a recall to 25 % gave no answer: ${X}`);
  test.each<[string, RolloutEvent[], Parameters<typeof follows>[1], [number, number], Said, RolloutEvent[]]>([
    ['says nothing yet', inRecall(), 'pass', [8, 12.99], {}, []],
    ['ends it after five minutes', inRecall(), 'pass', [8, 13], {}, [back(14, `5 min ${calm}`)]],
    [
      'ends it on proof',
      inRecall(),
      'pass',
      [8, 10],
      { certified: true },
      [back(11, '2 min beside stable at 25 % proved the canary safe')],
    ],
    ['waits for half an hour', inRecall(), 'pass', [8, 37.99], { doubt }, []],
    ['asks a person then', inRecall(), 'pass', [8, 38], { doubt }, [asked]],
    [
      'or reverts then, as the plan declares',
      inRecall({ onInconclusive: 'revert' }),
      'pass',
      [8, 38],
      { doubt },
      [environment(39, `a recall to 25 % gave no answer: ${X}; ${noProof}`)],
    ],
    ['says nothing while it is on its way', [...at100(), recall(7)], 'pass', [1, 90], { doubt }, []],
    [
      'asks about what looks worse rather than about the doubt',
      inRecall(),
      'suspect',
      [8, 38],
      {},
      [
        held(
          39,
          'suspect',
          'the longest bake ended while the canary looked worse: it is suspect; it resumes by itself only after 10 min in which nothing looks worse and no evidence is left; otherwise order promote or abort',
        ),
      ],
    ],
    ['ends nothing in the pause of a person', [...inRecall(), paused(9)], 'pass', [8, 13], {}, []],
    [
      'ends its own pause with it, where the answer came after all',
      [...inRecall(), asked],
      'pass',
      [8, 40],
      {},
      [back(41, `32 min ${calm}`), resumed(41, SPILLWAY)],
    ],
    ['but not of the last recall', [...inRecall({}, 3), asked], 'pass', [8, 40], {}, []],
    ['asks nobody twice', [...inRecall(), asked], 'pass', [8, 40], { doubt }, []],
    ['that cannot measure waits for four', [...inRecall(), ...broken.slice(1)], 'broken', [8, 12], {}, []],
    [
      'that cannot measure pages at the fifth',
      [...inRecall(), ...broken],
      'broken',
      [8, 12],
      {},
      [held(13, 'broken', 'nothing could be measured: it is broken')],
    ],
  ])('%s', (_what, history, status, stretch, said, events) => {
    expect(follows(history, status, stretch, said)).toStrictEqual(events);
  });
});

describe('a tick that misses counts of the canary', () => {
  const waits = recall(3, { nth: 0, weight: 1, reason: missing.reason, waitsFor: 'api' });
  test.each<[string, RolloutEvent[], RolloutEvent[]]>([
    ['waits for them', onFirstStep(), [waits]],
    ['does not in a pause', [...onFirstStep(), paused(2)], []],
    ['does not twice', [...onFirstStep(), waits, back(3.5, 'they came')], []],
  ])('%s', (_what, history, events) => {
    expect(follows(history, 'broken', [1, 2], { missing })).toStrictEqual(events);
  });
});

describe('a tick in a pause', () => {
  const hooks = smokeHooks('/a', '/b');
  const started: RolloutEvent = { type: 'HookStarted', at: minute(1), hook: 'smoke.1', until: minute(9) };
  const answers = (...statuses: HookStatus[]) => statuses.map((status, nth) => smokeAnswered(nth, status, 1));
  const resumes = (
    history: RolloutEvent[],
    stretch: [number, number],
    status: Verdict['status'] = 'pass',
    said = {},
  ) => follows(history, status, stretch, said).length > 0;
  const lacking = [...onFirstStep({ hooks }), paused(12, { why: 'inconclusive' })];
  const doubting = [...onFirstStep(), paused(12, { why: 'doubt' })];
  /** At 100 % without a recall, paused for a doubt that was seen last in a verdict up to then. */
  const quiet = (until: number, more: object = {}) => [
    ...at100({ recall: false }),
    held(72, 'doubt', X),
    measuredIn([1, until], { doubt: { ...doubt, ...more } }),
  ];

  test.each<[string, RolloutEvent[], [number, number], Verdict['status'], Said, boolean]>([
    ['for want of evidence, that passes the bake', lacking, [1, 3], 'pass', {}, true],
    ['for want of evidence, that passes less', lacking, [1, 2.99], 'pass', {}, false],
    ['for want of evidence, that passes on another stretch', lacking, [2, 9], 'pass', {}, false],
    ['for want of evidence, that says nothing', lacking, [1, 9], 'inconclusive', {}, false],
    [
      'for want of evidence, between two weights',
      [...lacking, recall(12.5, { weight: 5 })],
      [1, 9],
      'pass',
      {},
      false,
    ],
    ['after a hook that passed', [...lacking, ...answers('pass')], [1, 3], 'pass', {}, true],
    ['while a hook is asked', [...lacking, started], [1, 3], 'pass', {}, true],
    [
      'after a hook that could not say',
      [...lacking, ...answers('pass', 'inconclusive')],
      [1, 3],
      'pass',
      {},
      false,
    ],
    ['after a hook that was broken', [...lacking, ...answers('broken')], [1, 3], 'pass', {}, false],
    ['in doubt, that passes', doubting, [1, 12], 'pass', {}, true],
    ['in doubt, that says nothing against it', doubting, [1, 12], 'inconclusive', {}, true],
    ['in doubt, on another stretch', doubting, [2, 12], 'pass', {}, false],
    ['in doubt, that looks worse', doubting, [1, 10], 'suspect', {}, false],
    ['in doubt, that is in doubt', doubting, [1, 10], 'pass', { doubt }, false],
    ['in doubt, a moment after it was', quiet(90), [1, 99.99], 'pass', {}, false],
    ['in doubt, ten minutes after it was', quiet(90), [1, 100], 'pass', {}, true],
    [
      'in doubt of an outage, as soon as it is over',
      quiet(90, { isOutage: true }),
      [1, 91],
      'pass',
      {},
      true,
    ],
    ['in doubt of silence, as soon as it is over', quiet(90, { isSilence: true }), [1, 91], 'pass', {}, true],
    ['in doubt, between two weights', [...doubting, intended(50, 2, 12.5)], [1, 12], 'pass', {}, false],
  ])('%s', (_what, history, stretch, status, said, isResumed) => {
    expect(resumes(history, stretch, status, said)).toBe(isResumed);
  });

  test('pages again once it has run out, where the weight is held, and ends nothing otherwise', () => {
    const over = (until: number, more: Partial<Opening> = {}) =>
      follows([...onFirstStep(more), paused(2, { until: minute(12) + until })], 'pass', [1, 11]);
    const again = paused(12, { by: SPILLWAY });
    expect(over(0, { reversible: false })).toStrictEqual([again]);
    expect(over(1, { reversible: false })).toStrictEqual([]);
    expect(over(0)).toStrictEqual([]);
  });
});

describe('a tick that fails blames the release', () => {
  const alarms = ['late', 'orders'].map((name) => ({ name, red: false }));
  const alarm = (more: Partial<Alarm> = {}): Alarm => ({
    ...{ name: 'late', state: 'alarm', since: minute(1) },
    ...more,
  });
  const finding = (more: Partial<Finding>): Finding => ({
    ...{ target: 'api', metric: 'errors', status: 'pass', windows: 1, evidence: 0, reason: '' },
    ...{ canary: { bad: 0, total: 9 }, stable: { bad: 0, total: 9 } },
    ...more,
  });
  const limit = { limit: 'dlqNew' as const, max: 0, target: 'api', value: 1, reason: '' };
  const red = alarm();
  const canarys = alarm({ name: 'orders', versions: ['checkout-prod-api:8'] });

  test.each<[string, Said, boolean]>([
    ['where no alarm is red', {}, true],
    ['not for an alarm alone', { alarms: [red] }, false],
    [
      'not for an alarm, and a comparison that shows little',
      { alarms: [red], findings: [finding({ evidence: 2.9 })] },
      false,
    ],
    ['for a comparison that shows much', { alarms: [red], findings: [finding({ evidence: 3 })] }, true],
    [
      'for a comparison that fails',
      { alarms: [red], findings: [finding({}), finding({ status: 'fail' })] },
      true,
    ],
    ['for a limit that is broken', { alarms: [red], limits: [{ ...limit, status: 'fail' }] }, true],
    ['not for a limit that is kept', { alarms: [red], limits: [{ ...limit, status: 'pass' }] }, false],
    ['for an alarm of the canary alone', { alarms: [red, canarys] }, true],
    ['where the alarm is red since before', { alarms: [alarm({ since: minute(0.4) })] }, true],
    ['where the alarm is not red', { alarms: [alarm({ state: 'insufficient' })] }, true],
    [
      'not for one red alarm of two',
      { alarms: [red, alarm({ name: 'orders', state: 'insufficient' })] },
      false,
    ],
  ])('%s', (_what, said, isBlamed) => {
    expect(follows(onFirstStep({ alarms }), 'fail', [1, 3], said)).toStrictEqual([
      revertOrdered(4, { cause: isBlamed ? 'canary' : 'environment' }),
    ]);
  });
});

test('an answer of a hook that the rollout does not have is written down, and nothing follows', () => {
  const answered = (status: HookStatus): RolloutEvent => ({
    ...{ type: 'HookAnswered', at: minute(2), hook: 'nobody', status, reason: 'x' },
  });
  for (const status of ['pass', 'fail', 'inconclusive', 'broken'] as const)
    given(onFirstStep(), answered('broken'), answered('broken'))
      .when({ type: 'AnswerHook', hook: 'nobody', status, reason: 'x' }, 2)
      .then(answered(status));
});

describe('what is found of an irreversible release that somebody else moves', () => {
  const held = (found: string): RolloutEvent =>
    paused(12, {
      by: SPILLWAY,
      why: 'irreversible',
      reason: `${found}; it is not reversible, so the weight is held`,
    });
  const lost = (weight: number, more: object = {}): RolloutEvent => ({
    ...{ type: 'Lowered', at: minute(12), target: 'api', weight },
    ...more,
  });
  const alias = 'alias live of checkout-prod-api';
  const other = { ...token(1), rolloutId: 'checkout-api--r9--1' };
  const first = onFirstStep({ reversible: false });

  test.each<
    [
      string,
      RolloutEvent[],
      { primary: string; weights: Record<string, number>; token?: typeof other },
      RolloutEvent[],
    ]
  >([
    [
      'a version beside the promoted canary takes nothing from it',
      inVerify({ reversible: false }),
      { primary: '8', weights: { 9: 10 }, token: token(3) },
      [held(`${alias} serves version 8 and version 9 at 10 %, which this rollout did not write`)],
    ],
    [
      'nor does one beside the canary at its weight, while a raise is announced',
      [...first, measured('pass', [1, 3]), intended(50, 2, 4)],
      { primary: '7', weights: { 8: 10, 9: 5 }, token: token(1) },
      [
        held(
          `${alias} serves version 7 and version 8 at 10 % and version 9 at 5 %, which this rollout did not write`,
        ),
      ],
    ],
    [
      'less under the token of another rollout',
      first,
      { primary: '7', weights: { 8: 4 }, token: other },
      [
        lost(4),
        held(
          `${alias} carries the token "spillway checkout-api--r9--1 1 1 open" instead of this rollout's, and serves version 7 and version 8 at 4 %`,
        ),
      ],
    ],
    [
      'less without a token',
      first,
      { primary: '7', weights: { 8: 4 } },
      [
        lost(4),
        held(
          `${alias} lost the token of this rollout to another write, and serves version 7 and version 8 at 4 %`,
        ),
      ],
    ],
  ])('%s', (_what, history, { token: found, ...seen }, events) => {
    given(history)
      .when({ type: 'Reconcile', target: 'api', seen: { ...seen, token: found } }, 12)
      .then(...events);
  });
});
