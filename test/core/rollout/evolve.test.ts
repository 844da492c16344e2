import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { Folded } from '../../../core/analysis/folded.ts';
import type { Finding, Metric, Verdict, VerdictStatus } from '../../../core/analysis/types.ts';
import type { Actor } from '../../../core/rollout/actor.ts';
import { PLANS } from '../../../core/rollout/actor.ts';
import type { Opening, RolloutEvent } from '../../../core/rollout/event.ts';
import {
  emptyOpening,
  evolve,
  isReplaced,
  isStanding,
  type Rollout,
  recoveredAt,
  targetNamed,
} from '../../../core/rollout/state.ts';
import {
  aborted,
  actor,
  closed,
  intended,
  inVerify,
  measured,
  minute,
  onFirstStep,
  onSecondStep,
  opened,
  opening,
  paused,
  plan,
  promoted,
  promotionOrdered,
  raised,
  resumed,
  reverted,
  revertOrdered,
  shifted,
  smokeAnswered,
  smokeHooks,
  stateAfter,
  TWO_TARGETS,
  target,
  token,
  tookOver,
} from './given.ts';

/** What an event changes in the fold of a history; a field that it takes away is undefined. Every event counts in these three, as other tests say. */
const changeOf = (history: RolloutEvent[], event: RolloutEvent): Partial<Rollout> => {
  const [before, after] = [stateAfter(history), stateAfter(history, event)] as unknown as Record<
    string,
    unknown
  >[];
  const counted = ['version', 'lastEventAt', 'silentSince'];
  const keys = new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})]);
  const changed = [...keys].filter(
    (key) => !counted.includes(key) && !isDeepStrictEqual(before?.[key], after?.[key]),
  );
  return Object.fromEntries(changed.map((key) => [key, after?.[key]]));
};

const finding = (more: Partial<Finding> = {}): Finding => ({
  ...{ target: 'api', metric: 'errors', status: 'pass', windows: 1, evidence: 0, reason: 'errors went up' },
  ...{ canary: { bad: 1, total: 10 }, stable: { bad: 1, total: 90 } },
  ...more,
});
const said = (
  status: VerdictStatus,
  [from, to]: [number, number],
  more: Partial<Verdict> = {},
  alarms: Parameters<typeof measured>[2] = [],
) => {
  const event = measured(status, [from, to], alarms);
  return { ...event, verdict: { ...event.verdict, ...more } };
};
const recall = (weight: number, more: object = {}): RolloutEvent => ({
  ...{ type: 'RecallOrdered', at: minute(9.5), nth: 1, weight, reason: 'odd', remaining: 300 },
  ...more,
});
const back = (minutes: number): RolloutEvent => ({
  type: 'RecallEnded',
  at: minute(minutes),
  reason: 'safe',
});
const lowered = (weight: number, more: object = {}): RolloutEvent => ({
  ...{ type: 'Lowered', at: minute(10), target: 'api', weight },
  ...more,
});
const deferred: RolloutEvent = { type: 'Deferred', at: minute(0.2), until: minute(2), reason: 'many move' };
const intent = (weight: number, seq: number, on = 'api') => ({ target: on, weight, token: token(seq) });
const recallStands = { nth: 1, weight: 25, reason: 'odd', orderedAt: minute(9.5), remaining: 300 };
const STOOD = [
  { weight: 10, from: minute(0.5), until: minute(4.2) },
  { weight: 50, from: minute(4.2), until: minute(8.5) },
];
/** What the last verdict had counted of these rules, each like `finding()`. */
const counts = ([from, to]: [number, number], ...rules: [target: string, metric: Metric][]) => ({
  counted: {
    ...{ from: minute(from), to: minute(to) },
    findings: rules.map(([target, metric]) => {
      const { canary, stable } = finding();
      return { target, metric, canary, stable };
    }),
  },
});
const two = { targets: TWO_TARGETS };
const twoOnFirst = [...onFirstStep(two), ...raised(10, 2, 0.6, 'worker')];
const HELD_OUT = plan({
  steps: [
    { weight: 10, bakeSeconds: 120, maxBakeSeconds: 600 },
    { weight: 90, bakeSeconds: 480, maxBakeSeconds: 480, isHoldout: true },
  ],
});

describe('a rollout begins', () => {
  const fresh = {
    ...{
      schema: 1,
      version: 1,
      epoch: 1,
      openedAt: minute(0),
      lastEventAt: minute(0),
      silentSince: minute(0),
    },
    ...{ hooks: {}, gates: {}, step: -1, intents: [], seq: 0, moves: [], heights: [], ticks: 0 },
    ...{ brokenInRow: 0, redAlarms: [], unproven: [], takeovers: 0 },
  };

  test('with nothing but what it was opened with', () => {
    expect(stateAfter(opened(two))).toStrictEqual({
      ...fresh,
      opening: opening(two),
      traffic: { api: { weight: 0, token: token(0) }, worker: { weight: 0, token: token(0) } },
    });
  });

  test('at 100 % and past its steps where it raises nothing, and there alone', () => {
    const adopted = { reason: 'api was moved' };
    const more = { adopted, watch: [] };
    expect(stateAfter(opened(more))).toStrictEqual({
      ...fresh,
      opening: opening(more),
      step: 2,
      traffic: { api: { weight: 100, token: token(0) } },
      ...{ raisedAt: minute(0), promotedAt: minute(0), verifySince: minute(0) },
      alone: [{ from: minute(0) }],
      unproven: ['api was moved'],
    });
    const beside = { ...adopted, beside: [target('worker')] };
    expect(stateAfter(opened({ adopted: beside }))).toMatchObject({ step: -1, unproven: ['api was moved'] });
    const atOnce = { adopted, plan: plan({ steps: [] }) };
    expect(stateAfter(opened(atOnce)).unproven).toEqual(['api was moved']);
  });

  test('or not at all, and has ended with as little', () => {
    const { rolloutId, service, environment, release, attempt, manifest } = opening();
    const identity = { rolloutId, service, environment, release, attempt, manifest };
    const declined = { type: 'RolloutDeclined' as const, at: minute(0), outcome: 'superseded' as const };
    expect(stateAfter({ ...declined, ...identity, reason: 'r9 came' })).toStrictEqual({
      ...fresh,
      opening: emptyOpening(identity, minute(0)),
      traffic: {},
      ...{ outcome: 'superseded', reason: 'r9 came' },
    });
    expect(emptyOpening(identity, minute(0))).toStrictEqual({
      ...identity,
      ...{ order: 0, targets: [], hooks: [], gates: [], watch: [], limits: [], alarms: [], notices: [] },
      plan: { steps: [], verifySeconds: 0, onInconclusive: 'pause' },
      ...{ reversible: true, settleSeconds: 0, deadline: minute(0) },
    });
  });

  const http5xx = 'nothing counted the answers of api with a status of 500 or more (http5xx)';
  const batches = (name: string) =>
    `nothing counted what ${name} hands back as failed (limits.batchFailures)`;
  const atOnce = 'it went from 0 to 100 % in one step';
  test.each<[string, Partial<Opening>, string[]]>([
    ['answers that a rule counts', {}, []],
    ['answers that no rule counts', { watch: [{ metric: 'errors', ratio: 2 }] }, [http5xx]],
    [
      'answers that are blind so far',
      { watch: [{ metric: 'http5xx', ratio: 2, blind: ['api'] }] },
      [http5xx],
    ],
    [
      'answers of another target that are',
      { watch: [{ metric: 'http5xx', ratio: 2, blind: ['worker'] }] },
      [],
    ],
    [
      'batches of one target, answers of the other',
      { targets: [target('api'), target('worker', { source: 'sqs' })] },
      [batches('worker')],
    ],
    [
      'batches that a rule of the user counts',
      {
        targets: [target('worker', { source: 'sqs' })],
        watch: [
          { metric: 'errors', ratio: 2 },
          { metric: 'custom.orders', ratio: 2 },
        ],
      },
      [],
    ],
    ['neither answers nor batches', { targets: [target('api', { source: 'invoke' })], watch: [] }, []],
    ['no steps', { plan: plan({ steps: [] }) }, [atOnce]],
    ['no steps, nor answers', { plan: plan({ steps: [] }), watch: [] }, [atOnce, http5xx]],
  ])('and is doubted for what nobody can see: %s', (_what, more, unproven) => {
    expect(stateAfter(opened(more)).unproven).toEqual(unproven);
  });
});

describe('each event changes this, and nothing else', () => {
  const hooks = smokeHooks('/a', '/b');
  const started: RolloutEvent = { type: 'HookStarted', at: minute(0.1), hook: 'smoke.1', until: minute(1) };
  const gateOpened = (gate: number): RolloutEvent => ({
    type: 'GateOpened',
    at: minute(1),
    gate,
    until: minute(61),
  });
  const approved = (by: string, gate = 50): RolloutEvent => ({
    type: 'Approved',
    at: minute(2),
    gate,
    by: actor(by),
  });
  const gates = { 50: { until: minute(61), approvedBy: [] as Actor[] } };
  const drift: RolloutEvent = { type: 'DriftDetected', at: minute(3), target: 'api', found: 'version 9' };
  const state = (status: 'started' | 'pass' | 'broken' | 'inconclusive', until: number, brokenInRow = 0) => ({
    'smoke.1': { status, until: until === 0 ? 0 : minute(until), brokenInRow },
  });
  const made = { api: { version: '', code: 'c', config: 'd' }, worker: { version: '3' } };
  const zip = { from: 'zip' as const, bucket: 'b', key: 'k', versionId: 'v', sha256: 'c', revision: 'r' };
  const publishing = opened({
    targets: [target('api', { canary: '', publish: zip }), target('worker')],
    made,
  });
  const publishedAs = (more: object, canary: object, of: object = publishing) => ({
    opening: {
      ...stateAfter(of as RolloutEvent).opening,
      targets: [{ ...target('api'), publish: undefined, ...canary }, target('worker')],
      made: { ...made, api: { version: '8', ...more } },
    },
    publishedIn: 1,
  });
  const seen = (name: string, at: 'ok' | 'alarm' | 'insufficient' | 'unknown' | 'gone') => ({
    ...{ name, state: at, since: minute(1) },
  });
  const alarms = [{ name: 'late', red: true }];
  const leaving = (minutes: number, cause: string, reason: string, outcome = 'reverted') => ({
    leaving: { at: minute(minutes), cause, reason, outcome } as Rollout['leaving'],
  });
  const verdictOf = (event: ReturnType<typeof said>, ticks = 1) => ({
    ...{ verdict: event.verdict, measuredAt: event.at, ticks },
  });
  const suspect = said('suspect', [1, 3], {
    findings: [finding({ status: 'suspect', evidence: 1.5 }), finding({ metric: 'http5xx' })],
  });
  const doubted = { to: minute(3), by: [{ target: 'api', metric: 'errors' as const }] };
  const full = said('pass', [5, 7], {
    findings: [
      finding({ evidence: 0.4 }),
      finding({ metric: 'http5xx', evidence: -0.1 }),
      finding({ metric: 'traffic', lossSeen: 0.3 }),
      finding({ target: 'worker', metric: 'traffic', lossSeen: null }),
    ],
    byProbes: true,
  });
  const pass = said('pass', [1, 3]);
  const folded: Folded = { end: minute(1), from: minute(0), targets: {} };
  const reason = 'ada promoted it before its evidence was complete';

  test.each<[string, RolloutEvent[], RolloutEvent, Partial<Rollout>]>([
    [
      'Published',
      [publishing],
      { type: 'Published', at: minute(1), target: 'api', version: '8' },
      publishedAs({ code: 'c', config: 'd' }, { replaced: true }),
    ],
    [
      'Published, with what it was found to be made of',
      [publishing],
      { type: 'Published', at: minute(1), target: 'api', version: '8', made: { code: 'e' } },
      publishedAs({ code: 'e' }, { replaced: true }),
    ],
    [
      'Published, which had only to be waited for',
      [
        opened({
          targets: [target('api', { canary: '', publish: { from: 'await' } }), target('worker')],
          made,
        }),
      ],
      { type: 'Published', at: minute(1), target: 'api', version: '8' },
      publishedAs({ code: 'c', config: 'd' }, { replaced: false }),
    ],
    [
      'Published, of which nothing was known',
      [opened({ targets: [target('api', { canary: '' })] })],
      { type: 'Published', at: minute(1), target: 'api', version: '8' },
      {
        opening: {
          ...opening(),
          targets: [{ ...target(), publish: undefined, replaced: true }],
          made: { api: { version: '8' } },
        },
        publishedIn: 1,
      },
    ],
    ['HookStarted', [opened({ hooks })], started, { hooks: state('started', 1) }],
    [
      'HookStarted again',
      [opened({ hooks }), smokeAnswered(0, 'broken', 0.2)],
      started,
      { hooks: state('started', 1, 1) },
    ],
    [
      'HookAnswered',
      [opened({ hooks }), started],
      smokeAnswered(0, 'pass', 0.5),
      { hooks: state('pass', 1) },
    ],
    ['HookAnswered unasked', [opened({ hooks })], smokeAnswered(0, 'pass', 0.5), { hooks: state('pass', 0) }],
    [
      'HookAnswered broken',
      [opened({ hooks }), started, smokeAnswered(0, 'broken', 0.2)],
      smokeAnswered(0, 'broken', 0.5),
      { hooks: { 'smoke.1': { status: 'broken', until: minute(0.5) + 10_000, brokenInRow: 2 } } },
    ],
    [
      'HookAnswered after it was broken',
      [opened({ hooks }), smokeAnswered(0, 'broken', 0.2)],
      smokeAnswered(0, 'inconclusive', 0.5),
      {
        hooks: { 'smoke.1': { status: 'inconclusive', until: minute(0.2) + 10_000, brokenInRow: 0 } },
        unproven: ['hook smoke.1 could not say: GET /0 was put'],
      },
    ],
    ['GateOpened', onFirstStep(), gateOpened(50), { gates }],
    [
      'Approved',
      [...onFirstStep(), gateOpened(50), gateOpened(100), approved('ada')],
      approved('joan'),
      {
        gates: {
          ...gates,
          50: { until: minute(61), approvedBy: [actor('ada'), actor('joan')] },
          100: gates[50],
        },
      },
    ],
    ['Approved twice', [...onFirstStep(), gateOpened(50), approved('ada')], approved('ada'), {}],
    ['Approved of no gate', onFirstStep(), approved('ada'), {}],
    [
      'ShiftIntended, the first one',
      [opened(), deferred],
      intended(10, 1, 0.5),
      { step: 0, intents: [intent(10, 1)], seq: 1, raisedAt: minute(0.5), deferred: undefined },
    ],
    [
      'ShiftIntended again',
      [opened(), intended(10, 1, 0.5)],
      intended(10, 2, 0.6),
      { intents: [intent(10, 1), intent(10, 2)], seq: 2 },
    ],
    [
      'ShiftIntended to a weight below',
      [...onSecondStep(), measured('pass', [5, 6])],
      intended(10, 3, 7),
      { intents: [intent(10, 3)], seq: 3 },
    ],
    [
      'ShiftIntended to the next step, after it looked worse',
      [...onFirstStep(), suspect, promotionOrdered(3.5)],
      intended(50, 2, 4),
      {
        ...{
          step: 1,
          intents: [intent(50, 2)],
          seq: 2,
          stood: [{ weight: 10, from: minute(0.5), until: minute(4) }],
        },
        ...counts([1, 3], ['api', 'errors'], ['api', 'http5xx']),
        ...{ stepSince: undefined, verdict: undefined, suspicion: undefined, doubted: undefined },
        ...{ unproven: [reason, 'at 10 % it looked worse: it is suspect'], promotion: undefined },
      },
    ],
    [
      'ShiftIntended to 100 %, with what was seen last',
      [...onSecondStep(), full, gateOpened(100), promotionOrdered(7.5, { full: true })],
      intended(100, 3, 8),
      {
        ...{
          step: 2,
          intents: [intent(100, 3)],
          seq: 3,
          stood: [STOOD[0], { ...STOOD[1], until: minute(8) }] as Rollout['stood'],
        },
        ...counts([5, 7], ['api', 'errors'], ['api', 'http5xx'], ['api', 'traffic'], ['worker', 'traffic']),
        ...{ stepSince: undefined, verdict: undefined, gates: {}, byProbes: true },
        ...{ alone: [{ from: minute(8) }], lossSeen: { api: 0.3, worker: null } },
        evidenceLeft: [{ target: 'api', metric: 'errors', evidence: 0.4 }],
      },
    ],
    [
      'ShiftIntended of the second target to 100 %, whose verdict is another one',
      [...onSecondStep(two), full, intended(100, 3, 8), measured('pass', [9, 10])],
      intended(100, 4, 11, 'worker'),
      { intents: [intent(100, 3), intent(100, 4, 'worker')], seq: 4 },
    ],
    [
      'Shifted',
      [opened(), deferred, intended(10, 1, 0.5)],
      shifted(10, 1, 0.6),
      {
        traffic: { api: { weight: 10, token: token(1) } },
        ...{
          intents: [],
          moves: [minute(0.6)],
          heights: [10],
          stepSince: minute(0.6),
          deferredFor: undefined,
        },
      },
    ],
    [
      'Shifted, one target of two',
      [opened(two), intended(10, 1, 0.5)],
      shifted(10, 1, 0.6),
      {
        traffic: { api: { weight: 10, token: token(1) }, worker: { weight: 0, token: token(0) } },
        ...{ intents: [], moves: [minute(0.6)], heights: [10] },
      },
    ],
    [
      'Shifted off the weight at which all stood',
      twoOnFirst,
      shifted(5, 3, 4),
      {
        traffic: { api: { weight: 5, token: token(3) }, worker: { weight: 10, token: token(2) } },
        ...{ moves: [minute(0.5), minute(4)], heights: [10, 10], stepSince: undefined },
      },
    ],
    [
      'Shifted to the holdout, which verify begins with',
      [opened({ plan: HELD_OUT }), intended(90, 1, 0.5)],
      shifted(90, 1, 0.6),
      {
        traffic: { api: { weight: 90, token: token(1) } },
        ...{
          intents: [],
          moves: [minute(0.6)],
          heights: [90],
          stepSince: minute(0.6),
          verifySince: minute(0.6),
        },
      },
    ],
    [
      'Promoted',
      [...onSecondStep(), intended(100, 3, 8)],
      promoted(3, 8.2),
      {
        traffic: { api: { weight: 100, token: token(3) } },
        ...{ intents: [], moves: [minute(0.5), minute(4.2), minute(8.2)], heights: [10, 50, 100] },
        ...{ promotedAt: minute(8.2), verifySince: minute(8.2) },
      },
    ],
    [
      'Promoted after the holdout',
      [opened({ plan: HELD_OUT }), ...raised(90, 1, 0.6), intended(100, 2, 9)],
      promoted(2, 9.1),
      {
        traffic: { api: { weight: 100, token: token(2) } },
        ...{ intents: [], moves: [minute(0.6), minute(9.1)], heights: [90, 100], promotedAt: minute(9.1) },
      },
    ],
    ['Deferred', onFirstStep(), deferred, { deferred: minute(2), deferredFor: 'many move' }],
    ['Measured', onFirstStep(), pass, verdictOf(pass)],
    [
      'Measured worse',
      [...onFirstStep(), said('pass', [1, 2])],
      suspect,
      { ...verdictOf(suspect, 2), suspicion: 'it is suspect', doubted },
    ],
    [
      'Measured broken',
      [...onFirstStep(), said('broken', [1, 2])],
      said('broken', [1, 3]),
      { ...verdictOf(said('broken', [1, 3]), 2), brokenInRow: 2 },
    ],
    [
      'Measured after that',
      [...onFirstStep(), said('broken', [1, 2])],
      pass,
      { ...verdictOf(pass, 2), brokenInRow: 0 },
    ],
    [
      'Measured, with targets that are silent for a reason',
      [...onFirstStep(), said('pass', [1, 2], { explained: ['api'] })],
      said('pass', [1, 3], { explained: ['worker', 'api'] }),
      {
        ...verdictOf(said('pass', [1, 3], { explained: ['worker', 'api'] }), 2),
        explained: ['api', 'worker'],
      },
    ],
    [
      'Measured, with alarms',
      onFirstStep({ alarms }),
      said('pass', [1, 3], {}, [seen('late', 'unknown'), seen('orders', 'ok'), seen('stock', 'gone')]),
      { ...verdictOf(pass), alarms: [seen('late', 'unknown'), seen('stock', 'gone')] },
    ],
    [
      'Measured, with an alarm that has recovered',
      [...onFirstStep({ alarms }), said('pass', [1, 2], {}, [seen('late', 'alarm')])],
      said('pass', [1, 3], {}, [seen('late', 'ok')]),
      { ...verdictOf(pass, 2), alarms: [], redAlarms: [] },
    ],
    [
      'Measured, with none',
      [...onFirstStep({ alarms }), said('pass', [1, 2], {}, [seen('late', 'alarm')])],
      pass,
      verdictOf(pass, 2),
    ],
    [
      'Measured in a doubt that recalls nothing',
      inVerify(),
      said('pass', [9, 10], { doubt: { reason: 'half of it failed' } }),
      {
        ...verdictOf(said('pass', [9, 10], { doubt: { reason: 'half of it failed' } }), 3),
        ...{ unanswered: 'half of it failed', doubtedUntil: minute(10) },
      },
    ],
    [
      'Measured in an outage',
      inVerify(),
      said('pass', [9, 10], { doubt: { reason: 'all of it failed', isOutage: true } }),
      verdictOf(said('pass', [9, 10], { doubt: { reason: 'all of it failed', isOutage: true } }), 3),
    ],
    [
      'Measured, with answers that nobody had counted so far',
      onFirstStep({ watch: [{ metric: 'http5xx', ratio: 2, blind: ['api'] }] }),
      said('pass', [1, 3], { findings: [finding({ metric: 'http5xx' })] }),
      { ...verdictOf(said('pass', [1, 3], { findings: [finding({ metric: 'http5xx' })] })), unproven: [] },
    ],
    [
      'RecallOrdered, of a doubt about a rule',
      [
        ...inVerify(),
        deferred,
        said('broken', [9, 10], {
          doubt: { reason: 'half failed', by: { target: 'api', metric: 'errors' } },
        }),
      ],
      recall(25),
      {
        recall: { ...recallStands, by: { target: 'api', metric: 'errors' } },
        ...counts([9, 10]),
        ...{
          promotedAt: undefined,
          verdict: undefined,
          ...{ unanswered: undefined, doubtedUntil: undefined },
          brokenInRow: 0,
          deferred: undefined,
        },
      },
    ],
    [
      'RecallOrdered to where the canary stands',
      onFirstStep(),
      recall(10),
      {
        recall: { ...recallStands, weight: 10, since: minute(9.5) },
        recalls: [{ from: minute(9.5) }],
        ...{ stood: [{ weight: 10, from: minute(0.5), until: minute(9.5) }], stepSince: undefined },
      },
    ],
    [
      'RecallOrdered to where one of two stands',
      [...twoOnFirst, lowered(1)],
      recall(1),
      { recall: { ...recallStands, weight: 1 } },
    ],
    [
      'RecallOrdered as a wait',
      [
        ...onFirstStep(),
        said('pass', [1, 2], { doubt: { reason: 'odd', by: { target: 'api', metric: 'errors' } } }),
      ],
      recall(1, { nth: 0, waitsFor: 'api' }),
      {
        recall: { ...recallStands, nth: 0, weight: 1, waitsFor: 'api' },
        ...{ stood: [{ weight: 10, from: minute(0.5), until: minute(9.5) }], stepSince: undefined, waits: 1 },
        ...counts([1, 2]),
        ...{ verdict: undefined, unanswered: undefined, doubtedUntil: undefined },
      },
    ],
    [
      'Shifted to a recall',
      [...inVerify(), recall(25), intended(25, 4, 9.6)],
      shifted(25, 4, 9.7),
      {
        traffic: { api: { weight: 25, token: token(4) } },
        ...{
          intents: [],
          moves: [minute(0.5), minute(4.2), minute(8.5), minute(9.7)],
          heights: [10, 50, 100, 100],
        },
        ...{ alone: [{ from: minute(8.5), to: minute(9.7) }], recalls: [{ from: minute(9.7) }] },
        recall: { ...recallStands, since: minute(9.7) },
      },
    ],
    [
      'Shifted to a wait',
      [...onFirstStep(), recall(1, { nth: 0, waitsFor: 'api' })],
      shifted(1, 2, 9.7),
      {
        traffic: { api: { weight: 1, token: token(2) } },
        ...{ moves: [minute(0.5), minute(9.7)], heights: [10, 10] },
        recall: { ...recallStands, nth: 0, weight: 1, waitsFor: 'api', since: minute(9.7) },
      },
    ],
    [
      'RecallEnded',
      [...inVerify(), suspect, recall(25), ...raised(25, 4, 9.7), deferred, pass],
      back(12),
      {
        stood: [...STOOD, { weight: 25, from: minute(9.7), until: minute(12) }],
        ...{ recall: undefined, recalls: [{ from: minute(9.7), to: minute(12) }], remaining: 300 },
        ...counts([1, 3]),
        ...{ verdict: undefined, deferred: undefined, suspicion: undefined, doubted: undefined },
      },
    ],
    [
      'RecallEnded of a wait, which forgives nothing',
      [...onFirstStep(), suspect, recall(1, { nth: 0, waitsFor: 'api' }), shifted(1, 2, 9.7)],
      back(12),
      {
        stood: [
          { weight: 10, from: minute(0.5), until: minute(9.5) },
          { weight: 1, from: minute(9.7), until: minute(12) },
        ],
        ...{ recall: undefined, remaining: 300 },
      },
    ],
    [
      'RecallEnded before the canary had left',
      [...onFirstStep(), recall(5)],
      back(10),
      { recall: undefined, remaining: 300, stepSince: minute(10) },
    ],
    [
      'RecallEnded where one of two had come back',
      [...twoOnFirst, recall(5), shifted(5, 3, 9.7)],
      back(10),
      { recall: undefined, remaining: 300 },
    ],
    [
      'ShiftIntended to 100 % again after a recall',
      [...inVerify(), recall(25), ...raised(25, 4, 9.7), back(12)],
      intended(100, 5, 12.5),
      {
        ...{ intents: [intent(100, 5)], seq: 5 },
        alone: [{ from: minute(8.5), to: minute(9.7) }, { from: minute(12.5) }],
      },
    ],
    [
      'ShiftIntended to a step, with gates that are still ahead and what probes have shown',
      [...onFirstStep(), said('pass', [1, 3], { byProbes: true }), gateOpened(50), gateOpened(100)],
      intended(50, 2, 4),
      {
        ...{ step: 1, intents: [intent(50, 2)], seq: 2 },
        stood: [{ weight: 10, from: minute(0.5), until: minute(4) }],
        ...counts([1, 3]),
        ...{ stepSince: undefined, verdict: undefined, byProbes: true, gates: { 100: gates[50] } },
      },
    ],
    [
      'ShiftIntended to the next one, which forgets nothing of that',
      [
        ...onFirstStep(),
        said('pass', [1, 3], { byProbes: true }),
        ...raised(50, 2, 4.2),
        said('pass', [5, 7], { byProbes: false }),
      ],
      intended(100, 3, 8),
      {
        ...{ step: 2, intents: [intent(100, 3)], seq: 3, alone: [{ from: minute(8) }] },
        stood: [STOOD[0], { ...STOOD[1], until: minute(8) }] as Rollout['stood'],
        ...counts([5, 7]),
        ...{ stepSince: undefined, verdict: undefined, evidenceLeft: [] },
      },
    ],
    [
      'Measured, with what is kept of older minutes',
      [...onFirstStep(), { ...said('pass', [1, 2]), folded }],
      { ...pass, folded: { ...folded, end: minute(2) } },
      { ...verdictOf(pass, 2), folded: { ...folded, end: minute(2) } },
    ],
    [
      'Measured, with nothing new of them',
      [...onFirstStep(), { ...said('pass', [1, 2]), folded }],
      pass,
      verdictOf(pass, 2),
    ],
    [
      'PromotionOrdered to 100 % while the first raise is made',
      [opened(), intended(10, 1, 0.5)],
      promotionOrdered(0.6, { full: true }),
      { promotion: { step: -1, full: true }, unproven: [reason] },
    ],
    [
      'PromotionOrdered to 100 % on a step',
      onFirstStep(),
      promotionOrdered(2, { full: true }),
      { promotion: { step: 0, full: true }, unproven: [reason] },
    ],
    [
      'AlarmRaised',
      onFirstStep(),
      { type: 'AlarmRaised', at: minute(2), alarm: 'late', since: minute(1) },
      {},
    ],
    ['DriftDetected', onFirstStep(), drift, leaving(3, 'drift', 'version 9', 'halted')],
    [
      'DriftDetected while it leaves',
      [...onFirstStep(), aborted(2)],
      drift,
      leaving(3, 'drift', 'version 9', 'halted'),
    ],
    [
      'Lowered',
      [...inVerify(), intended(25, 4, 9.9)],
      lowered(20),
      {
        traffic: { api: { weight: 20, token: token(3) } },
        ...{
          intents: [],
          moves: [minute(0.5), minute(4.2), minute(8.5), minute(10)],
          heights: [10, 50, 100, 100],
        },
        alone: [
          { from: minute(8.5), to: minute(10) },
          { from: minute(10), to: minute(10) },
        ],
        promotedAt: undefined,
      },
    ],
    [
      'Lowered below 100 %, with the token that is found there',
      [...twoOnFirst, intended(10, 3, 9, 'worker'), intended(10, 4, 9)],
      lowered(5, { token: token(7) }),
      {
        traffic: { api: { weight: 5, token: token(7) }, worker: { weight: 10, token: token(2) } },
        ...{ moves: [minute(0.5), minute(10)], heights: [10, 100], stepSince: undefined },
        intents: [intent(10, 3, 'worker')],
        alone: [{ from: minute(0.5), to: minute(10) }],
      },
    ],
    ['Lowered, of no target', onFirstStep(), lowered(5, { target: 'other' }), {}],
    [
      'Lowered before anything moved',
      [opened()],
      lowered(0),
      { moves: [minute(10)], heights: [100], alone: [{ from: minute(10), to: minute(10) }] },
    ],
    ['RevertOrdered', onFirstStep(), revertOrdered(3), leaving(3, 'canary', 'it is fail')],
    ['Aborted', onFirstStep(), aborted(3), leaving(3, 'human', 'ada aborted: it looks odd')],
    [
      'Aborted before the first raise',
      [opened()],
      aborted(3),
      leaving(3, 'human', 'ada aborted: it looks odd', 'refused'),
    ],
    [
      'Aborted of what has no way back',
      inVerify({ targets: [target('api'), target('worker', { stable: '8' })] }),
      aborted(12),
      leaving(12, 'human', 'ada aborted: it looks odd', 'halted'),
    ],
    ['Aborted twice', [...onFirstStep(), revertOrdered(2)], aborted(3), {}],
    [
      'PinRefused',
      inVerify(),
      { type: 'PinRefused', at: minute(9), target: 'api', reason: 'no' },
      { unpinned: ['api'] },
    ],
    [
      'PinRefused of the second target',
      [...inVerify(two), { type: 'PinRefused', at: minute(9), target: 'api', reason: 'no' }],
      { type: 'PinRefused', at: minute(9), target: 'worker', reason: 'no' },
      { unpinned: ['api', 'worker'] },
    ],
    ['StableGone', inVerify(), { type: 'StableGone', at: minute(9), target: 'api' }, { gone: ['api'] }],
    [
      'StableGone of the second target',
      [...inVerify(two), { type: 'StableGone', at: minute(9), target: 'api' }],
      { type: 'StableGone', at: minute(9), target: 'worker' },
      { gone: ['api', 'worker'] },
    ],
    [
      'Paused',
      onFirstStep(),
      paused(2),
      {
        pause: {
          since: minute(2),
          until: minute(2 + 24 * 60),
          by: actor('ada'),
          reason: 'lunch',
          why: 'human',
        },
      },
    ],
    [
      'Resumed',
      [...onFirstStep({ hooks }), smokeAnswered(0, 'inconclusive', 1), said('broken', [1, 2]), paused(3)],
      resumed(4),
      { pause: undefined, resumedAt: minute(4), brokenInRow: 0, hooks: {} },
    ],
    [
      'PromotionOrdered',
      [...onFirstStep(), said('broken', [1, 2]), paused(3)],
      promotionOrdered(4),
      { pause: undefined, brokenInRow: 0, promotion: { step: 0, full: false }, unproven: [reason] },
    ],
    [
      'PromotionOrdered by the plan',
      onFirstStep(),
      promotionOrdered(4, { by: PLANS }),
      {
        promotion: { step: 0, full: false, isPlans: true },
        unproven: ['onInconclusive promoted it before its evidence was complete'],
      },
    ],
    [
      'PromotionOrdered to 100 % while traffic moves',
      [...onFirstStep(), intended(50, 2, 4)],
      promotionOrdered(4, { full: true }),
      { promotion: { step: 0, full: true }, unproven: [reason] },
    ],
    [
      'PromotionOrdered past this step while traffic moves',
      [...onFirstStep(), intended(50, 2, 4)],
      promotionOrdered(4),
      { promotion: { step: 1, full: false }, unproven: [reason] },
    ],
    [
      'PromotionOrdered to 100 % before the first raise',
      [opened()],
      promotionOrdered(0.2, { full: true }),
      { promotion: { step: -1, full: true }, unproven: [reason] },
    ],
    [
      'PromotionOrdered to 100 % in a recall',
      [...inVerify(), recall(25), ...raised(25, 4, 9.7)],
      promotionOrdered(12, { full: true }),
      {
        stood: [...STOOD, { weight: 25, from: minute(9.7), until: minute(12) }],
        ...{ recall: undefined, recalls: [{ from: minute(9.7), to: minute(12) }], remaining: 300 },
        ...{ promotion: { step: 2, full: true }, unproven: [reason] },
      },
    ],
    [
      'PromotionOrdered after the last recall',
      [
        ...inVerify(),
        ...[1, 2, 3].flatMap((nth) => [
          recall(25, { nth, at: minute(9 + nth) }),
          ...raised(25, 2 + 2 * nth, 9.2 + nth),
          ...(nth < 3 ? [back(9.5 + nth), ...raised(100, 3 + 2 * nth, 9.7 + nth)] : []),
        ]),
      ],
      promotionOrdered(14),
      {
        stood: [
          ...STOOD,
          ...[10, 11, 12].map((at) => ({
            weight: 25,
            from: minute(at + 0.2),
            until: minute(at === 12 ? 14 : at + 0.5),
          })),
        ],
        recall: undefined,
        recalls: [10, 11, 12].map((at) => ({
          from: minute(at + 0.2),
          to: minute(at === 12 ? 14 : at + 0.5),
        })),
        ...{ promotion: { step: 2, full: false }, unproven: [reason], overruled: true },
      },
    ],
    ['TookOver', [...onFirstStep(), pass], tookOver(2, 5), { epoch: 2, ticks: 0, takeovers: 1 }],
    [
      'Continued',
      [...onFirstStep(), pass],
      { type: 'Continued', at: minute(5), epoch: 2 },
      { epoch: 2, ticks: 0 },
    ],
    [
      'Reverted',
      [...onFirstStep(), revertOrdered(2), intended(50, 2, 3)],
      { ...reverted(3), exposure: { requests: 9, failed: 1, seconds: 60 } } as RolloutEvent,
      {
        left: [{ name: 'api', primary: '7', changed: true, drifted: false }],
        ...{ exposure: { requests: 9, failed: 1, seconds: 60 }, intents: [] },
      },
    ],
    [
      'Reverted without a command',
      onFirstStep(),
      reverted(3),
      {
        left: [{ name: 'api', primary: '7', changed: true, drifted: false }],
        ...leaving(3, 'canary', 'it is fail'),
      },
    ],
    ['RolloutClosed', onFirstStep(), closed(3), { outcome: 'reverted', reason: 'it is over' }],
  ])('%s', (_what, history, event, change) => {
    expect(changeOf(history, event)).toStrictEqual(change);
  });
});

describe('a suspicion', () => {
  const by = (...metrics: Finding['metric'][]) => metrics.map((metric) => ({ target: 'api', metric }));
  const worse = (to: number, ...metrics: Finding['metric'][]) =>
    said('suspect', [1, to], { findings: metrics.map((metric) => finding({ metric, status: 'suspect' })) });
  const looked = [...onFirstStep(), worse(3, 'errors')];
  const withLast = (event: RolloutEvent, history: RolloutEvent[] = looked) => stateAfter(history, event);
  const passed = (to: number, more: Partial<Verdict> = {}) =>
    said('pass', [1, to], { findings: [finding()], ...more });

  test('is about each rule that looked worse, once, and up to the newest stretch', () => {
    expect(withLast(worse(4, 'http5xx', 'errors')).doubted).toEqual({
      to: minute(4),
      by: by('errors', 'http5xx'),
    });
    const other = said('suspect', [1, 4], { findings: [finding({ target: 'worker', status: 'suspect' })] });
    expect(withLast(other).doubted?.by).toEqual([...by('errors'), { target: 'worker', metric: 'errors' }]);
  });

  test.each<[string, RolloutEvent, boolean, RolloutEvent[]?]>([
    ['passes for as long as the step bakes', passed(5), true],
    ['passes for less', passed(4.99), false],
    ['says nothing', said('inconclusive', [1, 9], { findings: [finding()] }), false],
    ['has evidence left', passed(9, { findings: [finding({ evidence: 1e-8 })] }), false],
    ['has as little as rounding leaves', passed(9, { findings: [finding({ evidence: 1e-10 })] }), true],
    ['has doubt left', passed(9, { findings: [finding({ doubt: 1e-8 })] }), false],
    [
      'has as much as rounding may leave',
      passed(9, { findings: [finding({ evidence: 1e-9, doubt: 1e-9 })] }),
      true,
    ],
    [
      'has evidence of another rule',
      passed(9, { findings: [finding({ metric: 'http5xx', evidence: 3 }), finding()] }),
      true,
    ],
    [
      'has evidence of another target',
      passed(9, { findings: [finding({ target: 'worker', evidence: 3 }), finding()] }),
      true,
    ],
    ['leaves out what it found, with evidence in all', passed(9, { findings: [], evidence: 1 }), false],
    ['leaves out what it found, with none in all', passed(9, { findings: [], evidence: 0 }), true],
    ['leaves out what it found, and says nothing of it', passed(9, { findings: [] }), true],
    ['counts fewer than before', passed(9, { findings: [finding({ canary: { bad: 0, total: 9 } })] }), false],
    ['counts as many as before', passed(9, { findings: [finding({ canary: { bad: 0, total: 10 } })] }), true],
    [
      'counts fewer of another rule and another target',
      passed(9, {
        findings: [
          finding({ metric: 'http5xx', canary: { bad: 0, total: 1 } }),
          finding({ target: 'worker', canary: { bad: 0, total: 1 } }),
          finding(),
        ],
      }),
      true,
      [
        ...looked,
        said('pass', [1, 4], {
          findings: [finding({ metric: 'http5xx' }), finding({ target: 'worker' }), finding()],
        }),
      ],
    ],
    [
      'counts fewer on another stretch',
      said('pass', [2, 9], { findings: [finding({ canary: { bad: 0, total: 1 } })] }),
      true,
    ],
    [
      'stands between two weights, and says nothing',
      said('inconclusive', [1, 3], { findings: [finding()] }),
      true,
      [...looked, lowered(5)],
    ],
    ['stands between two weights, and passes', passed(3), true, [...looked, lowered(5)]],
    [
      'stands between two weights, and cannot be measured',
      said('broken', [1, 9], { findings: [finding()] }),
      false,
      [...looked, lowered(5)],
    ],
    [
      'stands between two weights, with evidence',
      said('inconclusive', [1, 3], { findings: [finding({ evidence: 1 })] }),
      false,
      [...looked, lowered(5)],
    ],
  ])('is over once a canary %s', (_what, event, isOver, history) => {
    const { suspicion, doubted } = withLast(event, history);
    expect([suspicion === undefined, doubted === undefined]).toEqual([isOver, isOver]);
  });

  test('rests on no evidence that was left at promotion', () => {
    const left = said('pass', [5, 7], { findings: [finding({ evidence: 0.5 })] });
    const history = [...onSecondStep(), left, ...raised(100, 3, 8.5), worse(10, 'errors')];
    const later = (evidence: number) =>
      withLast(passed(20, { findings: [finding({ evidence })] }), history).suspicion;
    expect([0.5, 0.6].map((evidence) => later(evidence) === undefined)).toEqual([true, false]);
    const other = said('pass', [5, 7], { findings: [finding({ target: 'worker', evidence: 0.5 })] });
    const none = [...onSecondStep(), other, ...raised(100, 3, 8.5), worse(10, 'errors')];
    expect(withLast(passed(20, { findings: [finding({ evidence: 0.5 })] }), none).suspicion).toBe(
      'it is suspect',
    );
  });

  test('lasts a bake of whole minutes, and one at least', () => {
    const until = (bakeSeconds: number, history = looked) => {
      const state = stateAfter(history);
      const steps = state.opening.plan.steps.map((step) => ({ ...step, bakeSeconds }));
      const own = { ...state.opening, plan: { ...state.opening.plan, steps, verifySeconds: 240 } };
      return (recoveredAt({ ...state, opening: own }) - minute(0)) / 60_000;
    };
    expect([30, 60, 119, 120, 600].map((seconds) => until(seconds))).toEqual([4, 4, 4, 5, 13]);
    expect(until(600, [...inVerify(), worse(10, 'errors')])).toBe(14);
  });

  test('that a command goes past is kept as a doubt, at the largest weight that any target has', () => {
    const at = [...twoOnFirst, worse(3, 'errors'), lowered(5), intended(50, 3, 11)];
    expect(stateAfter(at).unproven).toEqual(['at 10 % it looked worse: it is suspect']);
  });
});

describe('counts that come late', () => {
  const tick = (
    to: number,
    newest: Record<string, number | undefined>,
    metric: Finding['metric'] = 'traffic',
  ) =>
    said('inconclusive', [1, to], {
      findings: Object.entries(newest).map(([on, at]) =>
        finding({ target: on, metric, ...(at === undefined ? {} : { newest: minute(at) }) }),
      ),
    });
  const lateness = (...events: RolloutEvent[]) => stateAfter(twoOnFirst, ...events).lateness;

  test.each<[string, RolloutEvent[], Rollout['lateness']]>([
    ['a minute that an earlier tick missed', [tick(6, { api: 2 }), tick(7, { api: 3 })], { api: 3 }],
    ['the newest minute that had settled', [tick(6, { api: 2 }), tick(7, { api: 5 })], { api: 1 }],
    ['a minute that had not settled then', [tick(6, { api: 2 }), tick(7, { api: 6 })], undefined],
    ['no newer minute', [tick(6, { api: 2 }), tick(7, { api: 2 })], undefined],
    ['an older one', [tick(6, { api: 2 }), tick(7, { api: 1 })], undefined],
    ['no tick before', [tick(6, { api: 2 })], undefined],
    ['nothing counted before', [tick(6, { api: undefined }), tick(7, { api: 3 })], undefined],
    ['nothing counted now', [tick(6, { api: 2 }), tick(7, { api: undefined })], undefined],
    ['another metric before', [tick(6, { api: 2 }, 'errors'), tick(7, { api: 3 })], undefined],
    ['more than is believed', [tick(30, { api: 2 }), tick(31, { api: 3 })], { api: 10 }],
    ['the most of several', [tick(6, { api: 2 }), tick(7, { api: 3 }), tick(8, { api: 6 })], { api: 3 }],
    [
      'a later one that is more',
      [tick(6, { api: 4 }), tick(7, { api: 5 }), tick(9, { api: 5 }), tick(10, { api: 6 })],
      { api: 3 },
    ],
    [
      'one target of which a newer minute came, and not the other',
      [tick(6, { api: 2, worker: 5 }), tick(7, { api: 3, worker: 5 })],
      { api: 3 },
    ],
    [
      'each target',
      [tick(6, { api: 2, worker: 3 }), tick(7, { api: 3, worker: 5 }), tick(8, { api: 6, worker: 7 })],
      { api: 3, worker: 1 },
    ],
  ])('are as late as %s', (_what, events, expected) => {
    expect(lateness(...events)).toEqual(expected);
  });
});

describe('doubts at the last step', () => {
  const steps = { plan: plan({ verifySeconds: 0 }) };
  const closes = (history: RolloutEvent[]) => stateAfter(history, intended(100, 9, 8)).unproven;
  const last = (...findings: Finding[]) => [...onSecondStep(steps), said('pass', [5, 7], { findings })];
  const unlike = (text: string) => `at its last step it failed more often than stable: ${text}`;

  test('are those of each rule that was not alike, from an evidence of 3 on', () => {
    const [below, at] = [Math.log(3) - 1e-9, Math.log(3)];
    expect(closes(last(finding({ evidence: at, reason: 'a' })))).toEqual([unlike('a')]);
    expect(closes(last(finding({ doubt: at, reason: 'a' })))).toEqual([unlike('a')]);
    expect(closes(last(finding({ evidence: below, doubt: below })))).toEqual([]);
    expect(closes(last(finding({ metric: 'traffic', evidence: 9, doubt: 9 })))).toEqual([]);
    expect(
      closes(last(finding({ evidence: 2, reason: 'a' }), finding({ evidence: 2, reason: 'b' }))),
    ).toEqual([unlike('a'), unlike('b')]);
  });

  test('are none where there was no verdict, a verify follows, or another step', () => {
    expect(closes(onSecondStep(steps))).toEqual([]);
    expect(
      closes([...onSecondStep(), said('pass', [5, 7], { findings: [finding({ evidence: 9 })] })]),
    ).toEqual([]);
    const first = [...onFirstStep(steps), said('pass', [1, 3], { findings: [finding({ evidence: 9 })] })];
    expect(stateAfter(first, intended(50, 9, 8)).unproven).toEqual([]);
  });

  test('are the suspicion alone where there is one', () => {
    const event = said('suspect', [5, 7], { findings: [finding({ status: 'suspect', evidence: 9 })] });
    expect(closes([...onSecondStep(steps), event])).toEqual(['at 50 % it looked worse: it is suspect']);
  });
});

test('a target is replaced once its own code was, or may have been', () => {
  const zip = { from: 'zip' as const, bucket: 'b', key: 'k', versionId: 'v', sha256: 'c', revision: 'r' };
  expect(isReplaced(target())).toBe(false);
  expect(isReplaced(target('api', { replaced: false }))).toBe(false);
  expect(isReplaced(target('api', { replaced: true }))).toBe(true);
  expect(isReplaced(target('api', { publish: { from: 'await' } }))).toBe(false);
  expect(isReplaced(target('api', { publish: zip }))).toBe(true);
});

test('a target is found by its name, or is a fault of the caller', () => {
  expect(targetNamed(stateAfter(opened(two)), 'worker')).toEqual(TWO_TARGETS[1]);
  expect(() => targetNamed(stateAfter(opened(two)), 'other')).toThrow(
    'Rollout checkout-api--r8--1 has no target other.',
  );
});

test('answers that nobody counted at first are doubted until both versions have some', () => {
  const blind = { watch: [{ metric: 'http5xx' as const, ratio: 2, blind: ['api'] }] };
  const isDoubted = (more: Partial<Finding>) =>
    stateAfter(
      onFirstStep(blind),
      said('pass', [1, 3], { findings: [finding({ metric: 'http5xx', ...more })] }),
    ).unproven.length > 0;
  const none = { bad: 0, total: 0 };
  expect([{}, { canary: none }, { stable: none }, { metric: 'errors' as const }].map(isDoubted)).toEqual([
    ...[false, true, true, true],
  ]);
});

test('of several moves in one window the one is remembered, at the largest weight that any of them left', () => {
  const heights = (...weights: number[]) => {
    const moves = weights.map((weight, nth) => shifted(weight, 2 + nth, 0.6 + nth / 10));
    const { moves: at, heights: high } = stateAfter(onFirstStep(), moves);
    return [at.length, high];
  };
  expect(heights(50)).toEqual([1, [50]]);
  expect(heights(50, 5)).toEqual([1, [50]]);
  expect(heights(5)).toEqual([1, [10]]);
  const { heights: _, ...earlier } = stateAfter(onFirstStep());
  expect(evolve(earlier as Rollout, shifted(20, 2, 2)).heights).toEqual([100, 20]);
});

test('a rollout stands once all targets are at the weight of its step, of a recall, or serve the canary alone', () => {
  const stands = (...events: RolloutEvent[]) => isStanding(stateAfter(...events));
  expect([
    stands(opened()),
    stands(...onFirstStep()),
    stands(...onFirstStep(), intended(50, 2, 4)),
    stands(...onSecondStep(), intended(100, 3, 8)),
    stands(...inVerify()),
    stands(...inVerify(), recall(25)),
    stands(...inVerify(), recall(25), ...raised(25, 4, 9.7)),
    stands(...twoOnFirst, lowered(5)),
  ]).toEqual([false, true, false, false, true, false, true, false]);
});
