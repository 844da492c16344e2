import { describe, expect, test } from 'vitest';
import type { Finding, Metric } from '../../core/analysis/types.ts';
import { type Actor, PLANS, SPILLWAY } from '../../core/rollout/actor.ts';
import type { RolloutEvent } from '../../core/rollout/event.ts';
import type { Source } from '../../core/target.ts';
import type { Percent } from '../../core/units.ts';
import { served } from '../../local/witness.ts';
import { caseOf } from '../../simulation/case.ts';
import { check, type Limits } from '../../simulation/checkers/checkers.ts';
import type { FaultName } from '../../simulation/faults.ts';
import { limitsOf } from '../../simulation/play.ts';
import type { MetWindow, Run } from '../../simulation/recording.ts';
import {
  aborted,
  actor,
  closed,
  type Event,
  intended,
  measured,
  minute,
  opened,
  paused,
  plan,
  promoted,
  promotionOrdered,
  proven,
  resumed,
  reverted,
  revertOrdered,
  shifted,
  smokeAnswered,
  smokeHooks,
  target,
  token,
  tookOver,
} from '../core/rollout/given.ts';
import { type Happened, left, moved, runOf, standing, windowsOf } from './handmade.ts';
import { broken } from './stage.ts';

// Each excuse of a checker in the smallest history that needs it, and in others as near as can be that break the promise.

/** A promise is kept in the first history, and broken in each of the others. */
function excuse(promise: string, right: Run, wrong: Record<string, Run>, limits?: Limits) {
  test('is needed', () => expect(broken(right, limits)).not.toContain(promise));
  test.each(Object.entries(wrong))('excuses nothing %s', (_, run) =>
    expect(broken(run, limits)).toContain(promise),
  );
}

/** A move that was announced, made and confirmed. */
const move = (from: Percent, to: Percent, seq: number, minutes: number): Happened[] => [
  intended(to, seq, minutes),
  moved(from, to, seq, minutes),
  to === 100 ? promoted(seq, minutes) : shifted(to, seq, minutes),
];

const serving = (more: Parameters<typeof opened>[0] = {}): Happened[] => [
  opened(more),
  ...move(0, 10, 1, 0.5),
  measured('pass', [1, 3]),
  ...move(10, 50, 2, 4.2),
  measured('pass', [5, 7]),
  ...move(50, 100, 3, 8.5),
];

const recallOrdered = (minutes: number, more: Partial<Event<'RecallOrdered'>> = {}): RolloutEvent => ({
  ...{ type: 'RecallOrdered', at: minute(minutes), nth: 1, weight: 25, reason: 'doubt', remaining: 180 },
  ...more,
});

describe("a recall that a person's command ended before traffic moved", () => {
  const often = (count: number, each: (minutes: number) => Happened[]) =>
    runOf([
      ...serving(),
      ...Array.from({ length: count }, (_, nth) => each(10 + nth)).flat(),
      moved(100, 100, 99, 20),
    ]);
  excuse(
    'recallEnds',
    often(4, (at) => [recallOrdered(at), promotionOrdered(at + 0.1)]),
    {
      "that the plan's own command ended": often(4, (at) => [
        recallOrdered(at),
        promotionOrdered(at + 0.1, { by: PLANS }),
      ]),
      'once traffic has moved for it': often(4, (at) => [
        recallOrdered(at),
        moved(100, 25, at * 10, at + 0.05),
        promotionOrdered(at + 0.1),
        moved(25, 100, at * 10 + 1, at + 0.2),
      ]),
      'of those that one order ended together': runOf([
        ...serving(),
        ...[10, 10.1, 10.2, 10.3, 10.4].map((at) => recallOrdered(at)),
        promotionOrdered(11),
      ]),
    },
  );
});

describe('a fourth recall', () => {
  const fourth = (by: Actor, ...held: RolloutEvent[]) =>
    runOf([
      ...[...serving(), recallOrdered(10), recallOrdered(11), [recallOrdered(12), paused(12)]],
      ...[resumed(13, by), [recallOrdered(14), ...held], paused(14.1)],
    ]);
  const atOnce = paused(14, { by: SPILLWAY, why: 'doubt' });
  excuse('recallEnds', fourth(actor('ada'), atOnce), {
    'that is not held at once': fourth(actor('ada')),
    'if it went on by itself from the third': fourth(SPILLWAY, atOnce),
  });
});

describe('requests that were throttled', () => {
  const answered = (metric: Metric, met: { requests?: number; lost?: number }) => {
    const by = { target: 'api', metric };
    const doubt = { reason: 'doubt', by };
    const doubted = measured('inconclusive', [9, 11]);
    return runOf(
      [
        ...serving(),
        { ...doubted, verdict: { ...doubted.verdict, doubt } },
        recallOrdered(12),
        ...move(100, 25, 4, 12.1),
        measured('inconclusive', [13, 19]),
        { type: 'RecallEnded', at: minute(20.1), reason: 'nothing stood against it' },
      ],
      { windows: windowsOf({ 8: [[13, 19, met]] }) },
    );
  };
  excuse('recallEnds', answered('throttles', { lost: 60 }), {
    'if nothing was asked': answered('throttles', {}),
    'if the doubt was of something else, which they do not show': answered('errors', { lost: 60 }),
  });
});

describe('a raise on its way when a person aborts', () => {
  const late = (order: number, announced: number, seq: number, written: number) =>
    runOf([
      ...[opened(), ...move(0, 10, 1, 0.5)],
      ...[
        { at: announced, each: intended(50, 2, announced) },
        { at: order, each: aborted(order) },
        { at: written, each: moved(10, 50, seq, written) },
      ]
        .sort((a, b) => a.at - b.at)
        .map(({ each }) => each),
    ]);
  excuse('goingBackArrives', late(4.1, 4, 2, 4.15), {
    'that was sent too late': late(4.1, 4, 2, 4.25),
    'that was announced after the command': late(4, 4.1, 2, 4.15),
    'that was never announced': late(4.1, 4, 3, 4.15),
  });
});

describe('requests that the canary lost', () => {
  /** A target whose requests had stopped before is told by its split alone, one in steady use also by its fall. */
  const completed = (met: Parameters<typeof windowsOf>[0]) =>
    runOf([...serving(), measured('pass', [9, 11]), closed(20, 'completed')], {
      windows: windowsOf(met),
    });
  const stable = { requests: 900 };
  excuse(
    'worseNeverCompletes',
    completed({ 7: [[-9, 5, stable]], 8: [[5, 16, { requests: 300, lost: 150 }]] }),
    {
      'if the split beside stable showed them': completed({
        ...{ 7: [[-9, 12, stable]], 8: [[5, 16, { requests: 300, lost: 150 }]] },
      }),
      'if next to none of its requests were left': completed({
        ...{ 7: [[-9, 5, stable]], 8: [[5, 16, { requests: 100, lost: 350 }]] },
      }),
      'if it also failed those that came': completed({
        ...{ 7: [[-9, 5, stable]], 8: [[5, 16, { requests: 300, failed: 60, lost: 150 }]] },
      }),
    },
  );
  // The canary is alone from 8.5 on.
  const half = { requests: 10, lost: 60 };
  excuse(
    'worseNeverCompletes',
    completed({
      7: [
        [-9, 5, stable],
        [8, 9, stable],
      ],
      8: [
        [5, 8, { requests: 300 }],
        [8, 9, half],
        [9, 16, { requests: 300, lost: 150 }],
      ],
    }),
    {
      'if the split of a minute without a move showed them': completed({
        ...{
          7: [
            [-9, 5, stable],
            [7, 8, stable],
          ],
        },
        ...{
          8: [
            [5, 7, { requests: 300 }],
            [7, 8, half],
            [8, 16, { requests: 300, lost: 150 }],
          ],
        },
      }),
    },
  );
  const crowd = { requests: 800, lost: 16_000 };
  excuse('worseNeverCompletes', completed({ 7: [[-9, 5, stable]], 8: [[5, 16, crowd]] }), {
    'if less were left of a crowd than is usual': completed({
      ...{ 7: [[-9, 5, stable]], 8: [[5, 16, { ...crowd, requests: 200 }]] },
    }),
  });
});

/** Why a rollback leaves a release. */
const BACK = { release: 'r7', rolloutId: 'checkout-api--r7--1', reason: 'it is bad', made: {} };

/** A rule that fails on so many requests of the canary. */
const failingOf = (requests: number): Finding => ({
  ...{ target: 'api', metric: 'errors', status: 'fail', windows: 1, evidence: 9, reason: '' },
  ...{ canary: { bad: requests, total: requests }, stable: { bad: 0, total: 9 } },
});

/** What the plan orders by itself. */
const byPlan = { by: PLANS };

describe("a person's command past a hook before traffic that broke", () => {
  const met = (...between: Happened[]) =>
    runOf([opened({ hooks: smokeHooks('/health') }), ...between, ...move(0, 10, 1, 0.5)]);
  const answer = smokeAnswered(0, 'broken', 0.1);
  excuse('hooksBeforeTraffic', met(answer, promotionOrdered(0.2)), {
    'that was given before the answer': met(promotionOrdered(0.05), answer),
    'if it is the own one of the plan': met(answer, promotionOrdered(0.2, byPlan)),
    'if it comes only after the raise': runOf([
      opened({ hooks: smokeHooks('/health') }),
      answer,
      ...move(0, 10, 1, 0.5),
      promotionOrdered(0.6),
    ]),
  });
});

describe.each([
  ["a person's command", undefined, [promotionOrdered(0.2)]],
  ['a plan that says so', 'promote' as const, []],
])('%s past a hook before traffic that did not know', (_, onInconclusive, orders) => {
  const met = (status: 'inconclusive' | 'fail', how: typeof onInconclusive, ...between: Happened[]) =>
    runOf([
      opened({
        hooks: smokeHooks('/health'),
        plan: plan(how === undefined ? {} : { onInconclusive: how }),
      }),
      smokeAnswered(0, status, 0.1),
      ...between,
      ...move(0, 10, 1, 0.5),
    ]);
  excuse('hooksBeforeTraffic', met('inconclusive', onInconclusive, ...orders), {
    'without it': met('inconclusive', undefined),
    'if it failed': met('fail', onInconclusive, ...orders),
    'if only the plan orders it by itself': met('inconclusive', undefined, promotionOrdered(0.2, byPlan)),
  });
});

describe("a person's command past a hook that failed", () => {
  const hooks = smokeHooks('/health').map((hook) => ({ ...hook, point: 'afterStep' as const }));
  const failed = smokeAnswered(0, 'fail', 3.5);
  const past = (...orders: Happened[]) =>
    runOf([opened({ hooks }), ...move(0, 10, 1, 0.5), ...orders, ...move(10, 50, 2, 4.2)]);
  excuse('failedHookStops', past(failed, promotionOrdered(4)), {
    'that was given before it failed': past(promotionOrdered(3), failed),
    'if it is the own one of the plan': past(failed, promotionOrdered(4, byPlan)),
  });
});

describe("a person's command to 100 %", () => {
  const past = (order: RolloutEvent) =>
    runOf([opened(), ...move(0, 10, 1, 0.5), order, ...move(10, 50, 2, 1.5), ...move(50, 100, 3, 2)]);
  excuse('noRaiseWithoutVerdict', past(promotionOrdered(1, { full: true })), {
    'of the next step if it was to the next one only': past(promotionOrdered(1)),
    'if it is the own one of the plan': past(promotionOrdered(1, { full: true, ...byPlan })),
  });
});

describe('a certified canary of a plan that promotes early', () => {
  const passed = (promoteEarly: boolean, isCertified: boolean) => {
    const tick = measured('pass', [1, 2]);
    return runOf([
      opened({ plan: plan(promoteEarly ? { promoteEarly } : {}) }),
      ...move(0, 10, 1, 0.5),
      { ...tick, verdict: { ...tick.verdict, ...(isCertified ? { certified: true } : {}) } },
      ...move(10, 50, 2, 3.2),
    ]);
  };
  excuse('noRaiseWithoutVerdict', passed(true, true), {
    'before it is certified': passed(true, false),
    'if the plan does not say so': passed(false, true),
  });
});

describe('a holdout that nothing was found out about', () => {
  const passed = (isHoldout: boolean, doubt?: { reason: string }) => {
    const tick = measured('inconclusive', [1, 3]);
    const [first, ...rest] = plan().steps;
    if (first === undefined) throw new Error('The plan has no step.');
    return runOf([
      opened({ plan: plan({ steps: [isHoldout ? { ...first, isHoldout } : first, ...rest] }) }),
      ...move(0, 10, 1, 0.5),
      { ...tick, verdict: { ...tick.verdict, doubt } },
      ...move(10, 50, 2, 4.2),
    ]);
  };
  excuse('noRaiseWithoutVerdict', passed(true), {
    'if there is doubt': passed(true, { reason: 'doubt' }),
    'of another step': passed(false),
  });
});

describe("a person's command past a step that waits for requests", () => {
  const waiting = plan({ steps: plan().steps.map((step) => ({ ...step, untilRequests: 5_000 })) });
  const windows = windowsOf({ 8: [[0, 9, { requests: 10 }]] });
  const passed = (...orders: [Happened[], Happened[]]) =>
    runOf(
      [
        ...[opened({ plan: waiting }), ...move(0, 10, 1, 0.5), measured('pass', [1, 3]), ...orders[0]],
        ...[...move(10, 50, 2, 4.2), measured('pass', [5, 7]), ...orders[1], ...move(50, 100, 3, 8.5)],
      ],
      { windows },
    );
  excuse('untilMeansMade', passed([promotionOrdered(4.1)], [promotionOrdered(8.1)]), {
    'of a later step': passed([promotionOrdered(4.1)], []),
    'if it is the own one of the plan, on a pass': passed(
      [promotionOrdered(4.1, byPlan)],
      [promotionOrdered(8.1, byPlan)],
    ),
  });
  test('excuses all of them if it was to 100 %', () =>
    expect(broken(passed([promotionOrdered(4.1, { full: true })], []))).not.toContain('untilMeansMade'));
});

describe("a person's command to revert what is not reversible", () => {
  const taken = (...happened: Happened[]) =>
    runOf([opened({ reversible: false }), ...move(0, 10, 1, 0.5), ...happened]);
  excuse('irreversibleHeld', taken(revertOrdered(2, { cause: 'human' }), left(10, 2.1)), {
    'that went out before it': taken(left(10, 1.9), revertOrdered(2, { cause: 'human' })),
    'if the controller ordered it': taken(revertOrdered(2), left(10, 2.1)),
  });
  excuse('irreversibleHeld', taken(aborted(2), left(10, 2.1)), { 'without it': taken(left(10, 2.1)) });
  excuse('irreversibleHeld', taken({ ...left(10, 2.1), by: undefined }), {
    'as if somebody else had taken it': taken(left(10, 2.1)),
  });
});

describe('what went wrong before', () => {
  const failing = { requests: 900, failed: 450 };
  const well = { requests: 900 };
  const completed = (more: Parameters<typeof opened>[0], canary: [number, number, object][]) =>
    runOf(
      [
        ...serving(more),
        ...[9, 10, 11, 12, 13, 14].map((to) => measured('pass', [8, to])),
        closed(20, 'completed'),
      ],
      { windows: windowsOf({ 7: [[-9, 20, well]], 8: canary }) },
    );
  describe('is for the one who orders a retry to judge', () => {
    excuse(
      'worseNeverCompletes',
      completed({ attempt: 2 }, [
        [-9, 0, failing],
        [0, 16, well],
      ]),
      {
        'of the retry itself': completed({ attempt: 2 }, [
          [-9, 0, well],
          [0, 16, failing],
        ]),
        'of a first attempt': completed({}, [
          [-9, 0, failing],
          [0, 16, well],
        ]),
      },
    );
  });
  describe('is why somebody orders a rollback', () => {
    excuse('worseNeverCompletes', completed({ rollsBack: BACK }, [[-9, 16, failing]]), {
      'of a release': completed({}, [[-9, 16, failing]]),
    });
  });
});

/** A function that had as many requests a minute all day, without a fall. */
const past = { api: { lately: 200, hours: [200], falls: [1, 1] } };
/** Those whose requests stop for what is no fault of a canary. */
const UNSTEADY: [string, (typeof past)['api']][] = [
  ['stopped at times', { ...past.api, falls: [1, 0.1] }],
  ['were few lately', { ...past.api, lately: 20 }],
  ['were few at this hour', { ...past.api, hours: [20] }],
];

describe("a person's command to go on without requests", () => {
  const ended = (known: typeof past | undefined, ...orders: [Happened[], Happened[]]) =>
    runOf(
      [
        ...[...serving({ past: known }).slice(0, -3), ...orders[0], ...move(50, 100, 3, 8.5)],
        ...[measured('pass', [9, 11]), ...orders[1], closed(12.5, 'completed')],
      ],
      { windows: windowsOf({ 7: [[-9, 9, { requests: 200 }]], 8: [[0, 9, { requests: 100 }]] }) },
    );
  excuse('silenceNeverCompletes', ended(past, [], [promotionOrdered(12.1)]), {
    'if it was given before the canary served alone': ended(past, [promotionOrdered(8)], []),
    'if it is the own one of the plan': ended(past, [], [promotionOrdered(12.1, byPlan)]),
  });
  describe('that ends a recall', () => {
    const recalled = (order: RolloutEvent[]) => [
      ...[...move(50, 100, 4, 8), recallOrdered(8.1), ...move(100, 25, 5, 8.2), ...order],
    ];
    excuse('silenceNeverCompletes', ended(past, recalled([promotionOrdered(8.4)]), []), {
      'if it is the own one of the plan': ended(past, recalled([promotionOrdered(8.4, byPlan)]), []),
      'if the recall ended by itself': ended(
        past,
        recalled([{ type: 'RecallEnded', at: minute(8.4), reason: 'over' }]),
        [],
      ),
    });
  });
  test('is not needed where nothing is known of the time before', () =>
    expect(broken(ended(undefined, [], []))).not.toContain('silenceNeverCompletes'));
  test.each(UNSTEADY)('is not needed of requests that %s before', (_, api) =>
    expect(broken(ended({ api }, [], []))).not.toContain('silenceNeverCompletes'),
  );
});

describe('what somebody else does once a target is sealed', () => {
  const sealed = (share: Percent): Happened => ({ ...moved(100, share, 4, 11.5), by: token(4, 1, false) });
  const byOthers: Happened = { ...moved(100, 50, 0, 11.6), by: undefined };
  const ended = (...before: Happened[]) => runOf([...serving(), ...before, closed(12, 'completed')]);
  excuse('endsAtZeroOrHundred', ended(sealed(100), byOthers), {
    'of a seal that is not whole': ended(sealed(50)),
    'where nothing was sealed': ended(byOthers),
  });
});

describe('a target with only one version', () => {
  const only = (stable: string, outcome: 'halted' | 'reverted' = 'halted') =>
    runOf(
      [
        opened({ targets: [target('api', { stable })] }),
        ...move(0, 100, 1, 0.5),
        aborted(2),
        { ...reverted(2.1), at: minute(2.1) },
        closed(3, outcome),
      ],
      {
        commands: [{ does: 'abort', rolloutId: opened().rolloutId, at: minute(2), acceptedAt: minute(2) }],
      },
    );
  excuse('abortActs', only('8'), { 'if there are two': only('7') });
  excuse('revertFirst', only('8'), { 'if there are two': only('7') });
  excuse('outInTime', only('8'), { 'if there are two': only('7') });
  excuse('endsAtZeroOrHundred', only('8'), {
    'if there are two': only('7'),
    'if nobody is called': only('8', 'reverted'),
  });
});

describe('a write of somebody else that changes nothing', () => {
  const written = (to: Percent) =>
    runOf([
      ...[opened(), ...move(0, 10, 1, 0.5), measured('inconclusive', [1, 2])],
      { ...moved(10, to, 0, 3.5), by: undefined },
      measured('inconclusive', [1, 9]),
    ]);
  excuse('driftNoticed', written(10), { 'if it does': written(20) });
});

describe('a pause for what somebody else did to what is not reversible', () => {
  const held = (why: 'irreversible' | 'human') =>
    runOf([
      ...[opened({ reversible: false }), ...move(0, 10, 1, 0.5), { ...moved(10, 20, 0, 2), by: undefined }],
      ...[paused(3, { why }), measured('inconclusive', [1, 9])],
    ]);
  excuse('driftNoticed', held('irreversible'), { 'if a person paused it': held('human') });
});

test('a second rollout that raises a target which another one holds is seen', () => {
  const second: Happened[] = [
    { ...opened({ rolloutId: 'b' }), at: minute(1) },
    { ...moved(10, 20, 1, 2), by: { ...token(1), rolloutId: 'b' } },
  ];
  const first = [opened(), ...move(0, 10, 1, 0.5)];
  expect(broken(runOf([...first, ...second]))).toContain('atMostOneRaiser');
  expect(broken(runOf([...first, closed(0.9), ...second]))).not.toContain('atMostOneRaiser');
});

test('a version of somebody else that a rollout gives another share is seen', () => {
  const beside = { primary: '7', weights: { 9: 10 } };
  const taken = { ...moved(0, 10, 1, 0.5), before: beside, after: { primary: '7', weights: { 8: 10 } } };
  expect(broken(runOf([opened(), intended(10, 1, 0.5), taken]))).toContain('foreignUntouched');
});

describe('a command to go on at a gate that waits for approvals', () => {
  const opensGate: RolloutEvent = { type: 'GateOpened', at: minute(1), gate: 50, until: minute(20) };
  const gates = [{ before: 50, approvers: 1, by: [], timeoutSeconds: 1_140, onTimeout: 'revert' as const }];
  const approved = (id: string): RolloutEvent => ({
    ...{ type: 'Approved', at: minute(1.5), by: proven(id), gate: 50 },
  });
  const waiting = (...happened: Happened[]) =>
    runOf([opened({ gates }), ...move(0, 10, 1, 0.5), ...happened, measured('pass', [1, 24])]);
  excuse('commandsHeard', waiting(opensGate, promotionOrdered(2)), {
    'that opens only later': waiting(promotionOrdered(2), { ...opensGate, at: minute(7) }),
    'whose time is over': waiting({ ...opensGate, until: minute(1.5) }, promotionOrdered(2)),
    'that has its approvals': waiting(opensGate, approved('ada'), promotionOrdered(2)),
  });
  const two = (...by: string[]) =>
    runOf([
      ...[opened({ gates: gates.map((gate) => ({ ...gate, approvers: 2 })) }), ...move(0, 10, 1, 0.5)],
      ...[opensGate, ...by.map(approved), promotionOrdered(2), measured('pass', [1, 24])],
    ]);
  excuse('commandsHeard', two('ada', 'ada'), { 'that two have approved': two('ada', 'bob') });
});

describe('an answer of a hook to the one who asked it', () => {
  const answered = (more: { isCallback?: true }): Happened => ({ ...smokeAnswered(0, 'pass', 2.5), ...more });
  const asked = (...happened: Happened[]) =>
    runOf([opened({ hooks: smokeHooks('/health') }), promotionOrdered(2), ...happened, ...move(0, 10, 1, 9)]);
  excuse('commandsHeard', asked(answered({})), {
    'if the hook calls it in': asked(answered({ isCallback: true })),
  });
});

describe('traffic that somebody else gave to a version that was rolled back', () => {
  const rolledBack = (looks: number[], to: Percent, ...then: Happened[]) =>
    runOf([opened({ rollsBack: BACK }), { ...moved(100, to, 1, 0.1), by: token(1, 1, false) }, ...then], {
      looks: { [target().key]: looks },
      commands: [
        {
          ...{ does: 'rollback', rolloutId: BACK.rolloutId, at: minute(0), acceptedAt: minute(0.2) },
          opened: opened().rolloutId,
        },
      ],
    });
  const given: Happened = { ...moved(0, 50, 0, 0.11), by: undefined };
  excuse('goingBackArrives', rolledBack([2], 0, given), {
    'that the rollback never took out itself': rolledBack([2], 50),
    'before its last look': rolledBack([3], 0, given),
  });
  test('is no reason to end a rollback as reverted', () =>
    expect(broken(rolledBack([2], 0, aborted(0.5), closed(1)))).toContain('goingBackArrives'));
});

describe('a deletion of the version to revert to', () => {
  const deleted = (more: Parameters<typeof opened>[0], ...happened: Happened[]) =>
    runOf([opened(more), ...move(0, 10, 1, 0.5), ...happened, closed(5)], {
      deleted: [{ version: served(target().key, '7'), index: 4 + happened.length }],
    });
  const refused: RolloutEvent = { type: 'PinRefused', at: minute(1), target: 'api', reason: 'no right' };
  const byOthers: Happened = { ...moved(10, 20, 0, 1), by: undefined };
  const touched: Happened = { ...moved(10, 10, 0, 1), by: undefined };
  excuse('stablePinned', deleted({}, refused), {
    'that was never said not to be pinned': deleted({}),
    'if that was said of another target': deleted({}, { ...refused, target: 'worker' }),
  });
  excuse('stablePinned', deleted({}, byOthers), { 'if they moved nothing': deleted({}, touched) });
  excuse('stablePinned', deleted({ rollsBack: BACK }), { 'of a release': deleted({}) });
  excuse('stablePinned', deleted({}, left(10, 1)), { 'while the canary serves': deleted({}) });
});

describe('a pause, and what else waits meanwhile', () => {
  const asked: RolloutEvent = { type: 'HookStarted', at: minute(2), hook: 'smoke.1', until: minute(4) };
  const waiting = (...happened: Happened[]) =>
    runOf([opened({ hooks: smokeHooks('/health') }), ...happened, resumed(50)]);
  excuse('waitsEnd', waiting(asked, paused(3)), {
    'of a question that was put later': waiting(paused(1), asked),
    'of a question after whose time it came': waiting(asked, { ...smokeAnswered(0, 'pass', 30) }, paused(31)),
  });
  test('is not answered by traffic that goes down in a recall', () => {
    const short = paused(9, { until: minute(12) });
    expect(broken(runOf([...serving(), short, recallOrdered(10), ...move(100, 25, 4, 10.1)]))).toContain(
      'waitsEnd',
    );
  });
});

describe("an owner's word against a canary as good as stable", () => {
  const blamed = (...events: RolloutEvent[]) =>
    runOf([
      opened(),
      ...move(0, 10, 1, 0.5),
      [...events, revertOrdered(3, { reason: 'alarm orders went off' })],
    ]);
  const alarm = (state: 'alarm' | 'ok') =>
    measured('fail', [1, 2], [{ name: 'orders', state, since: minute(2) }]);
  const raised = (since: number): RolloutEvent => ({
    ...{ type: 'AlarmRaised', at: minute(3), alarm: 'orders', since: minute(since) },
  });
  const failing = alarm('alarm');
  const shown = { ...failing, verdict: { ...failing.verdict, findings: [failingOf(9)] } };
  excuse(
    'goodNeverBlamed',
    blamed(failing),
    { 'if the alarm is not red': blamed(alarm('ok')), 'if a rule of its own fails': blamed(shown) },
    { isGood: true },
  );
  excuse('goodNeverBlamed', blamed(raised(2)), { 'if nothing was raised': blamed() }, { isGood: true });
  const red = { alarms: [{ name: 'orders', red: true }] };
  const again = (since: number) =>
    runOf([opened(red), ...move(0, 10, 1, 0.5), [raised(since), revertOrdered(3)]]);
  excuse('redBeforeNeverBlames', again(2), { 'if it went red before the first raise': again(0.2) });
});

describe('a canary that looks worse', () => {
  const worse = measured('suspect', [1, 3]);
  const past = (more: Parameters<typeof opened>[0], ...orders: RolloutEvent[]) =>
    runOf([
      ...[opened(more), ...move(0, 10, 1, 0.5), worse, ...orders, ...move(10, 50, 2, 4.2)],
      ...[measured('suspect', [5, 7]), ...move(50, 100, 3, 8.5)],
    ]);
  excuse('suspicionHolds', past({}, promotionOrdered(4.1, { full: true })), {
    'at a step that the command is not for': past({}, promotionOrdered(4.1)),
    "by the plan's own command": past({}, promotionOrdered(4.1, { full: true, ...byPlan })),
  });
  excuse('suspicionHolds', past({ rollsBack: BACK }), { 'in a release': past({}) });
  /** It looked worse before the raise to 50 % was made, and the next verdict came before that raise or after it. */
  const looked = (...then: Happened[]) =>
    runOf([
      ...[opened(), ...move(0, 10, 1, 0.5), measured('pass', [1, 3]), intended(50, 2, 4.2)],
      ...[measured('suspect', [1, 4]), ...then, ...move(50, 100, 3, 9)],
    ]);
  const [made, cleared] = [moved(10, 50, 2, 5.5), measured('inconclusive', [1, 5])];
  excuse('suspicionHolds', looked(cleared, made), {
    'once traffic stands there': looked(made, cleared),
    'if nothing cleared it': looked(made),
    'if it was not measured in between': looked(measured('broken', [1, 5]), made),
  });
});

describe('a bake that another execution went on with', () => {
  const over = (...after: Happened[]) =>
    runOf([
      ...[opened(), ...move(0, 10, 1, 0.5), measured('inconclusive', [1, 3])],
      ...[tookOver(2, 4.5), ...after],
    ]);
  const anew = measured('inconclusive', [2, 5]);
  const otherwise = { 'that is measured': over(anew) };
  excuse('bakeSurvivesTakeover', over(measured('broken', [2, 5]), measured('inconclusive', [1, 6])), {
    ...otherwise,
    'once it can be measured again': over(measured('broken', [2, 5]), measured('inconclusive', [2, 6])),
  });
  excuse('bakeSurvivesTakeover', over(shifted(10, 1, 5), anew), otherwise);
  excuse('bakeSurvivesTakeover', over(intended(50, 2, 5), anew), otherwise);
  const theirs: Happened = { ...moved(10, 40, 0, 5), by: undefined };
  excuse('bakeSurvivesTakeover', over(theirs, anew), {
    'if it was put back': over(theirs, { ...moved(40, 10, 0, 5.5), by: undefined }, anew),
  });
  const late: Happened = { ...moved(10, 10, 0, 5), by: undefined };
  excuse('bakeSurvivesTakeover', over(measured('inconclusive', [1, 5])), { 'that is not': over(late, anew) });
});

describe('a canary that nobody can measure', () => {
  const ticks = (count: number, from = 0) =>
    Array.from({ length: count }, (_, nth) => measured('broken', [from, from + nth + 1]));
  const blind = (between: Happened, then = 5) =>
    runOf([...serving(), ...ticks(5), between, ...ticks(then, 10)]);
  excuse('brokenIsBounded', blind(recallOrdered(10)), { 'for six ticks': blind(recallOrdered(10), 6) });
  excuse('brokenIsBounded', blind(promotionOrdered(10)), {
    "by the plan's own command": blind(promotionOrdered(10, byPlan)),
  });
  excuse('brokenIsBounded', blind(resumed(10)), { 'if it resumes by itself': blind(resumed(10, SPILLWAY)) });
});

describe('an artifact that was reverted', () => {
  const bad = (...between: Happened[]) => [
    ...[
      opened(),
      ...move(0, 10, 1, 0.5),
      revertOrdered(3),
      left(10, 3.1),
      reverted(3.1),
      closed(3.2),
      ...between,
    ],
  ];
  const again = (rolloutId: string, more: Parameters<typeof opened>[0] = {}): Happened[] => [
    { ...opened({ rolloutId, ...more }), at: minute(20) },
    { ...moved(0, 10, 1, 21), by: { ...token(1), rolloutId } },
  ];
  const retry = { does: 'retry', rolloutId: opened().rolloutId, at: minute(10), acceptedAt: minute(10) };
  const ordered = (more: object) => runOf([...bad(), ...again('b')], { commands: [{ ...retry, ...more }] });
  excuse('quarantineHolds', ordered({}), {
    'that was refused': ordered({ isRefused: true, acceptedAt: undefined }),
    'of another rollout': ordered({ rolloutId: 'c' }),
    'before it was blamed': ordered({ at: minute(1) }),
    'after it met users': ordered({ at: minute(22) }),
    'if something else was ordered': ordered({ does: 'promote' }),
    'of other code': runOf(
      [
        ...bad(),
        { ...opened({ rolloutId: 'b', targets: [target('api', { canary: '9' })] }), at: minute(8) },
        closed(9),
        ...again('c'),
      ],
      { commands: [{ ...retry, rolloutId: 'b' }] },
    ),
  });
  excuse('quarantineHolds', runOf([...bad(), ...again('b', { attempt: 2 })]), {
    'of a rollback, which counts attempts too': runOf([
      ...bad(),
      {
        ...opened({
          rolloutId: 'b',
          attempt: 2,
          rollsBack: BACK,
          targets: [target('api', { stable: '8', canary: '9' })],
        }),
        at: minute(20),
      },
    ]),
  });
  const retried = (version: string, outcome: 'completed' | 'reverted') => [
    ...[
      {
        ...opened({ rolloutId: 'b', attempt: 1, targets: [target('api', { canary: version })] }),
        at: minute(8),
      },
      closed(9, outcome),
    ],
  ];
  excuse('quarantineHolds', runOf([...bad(), ...retried('8', 'completed'), ...again('c')]), {
    'if what completed since is another one': runOf([...bad(), ...retried('9', 'completed'), ...again('c')]),
    'if it did not complete': runOf([...bad(), ...retried('8', 'reverted'), ...again('c')]),
  });
});

describe('a raise on its way when a recall is ordered', () => {
  const late = (...happened: Happened[]) => runOf([...serving().slice(0, -3), ...happened]);
  const [announced, made] = [intended(100, 3, 8.5), moved(50, 100, 3, 8.65)];
  const [recall, lowers] = [recallOrdered(8.6), intended(25, 4, 8.62)];
  excuse('weightsOnlyRise', late(announced, recall, lowers, made), {
    'that was announced only after it': late(recall, announced, made),
    'once the canary has been lowered': late(...[announced, recall, lowers, moved(50, 25, 4, 8.63)], {
      ...made,
      before: standing(25),
    }),
  });
});

describe('a recall', () => {
  const tick = (more: object, from = 13, to = 15) => {
    const seen = measured('inconclusive', [from, to]);
    return { ...seen, verdict: { ...seen.verdict, ...more } };
  };
  const certified = { certified: true };
  const doubt = { doubt: { reason: 'doubt' } };
  const back: RolloutEvent = { type: 'RecallEnded', at: minute(20.1), reason: 'nothing stood against it' };
  const ended = (verdict: RolloutEvent, ...last: RolloutEvent[]) =>
    runOf([...serving(), recallOrdered(12), ...move(100, 25, 4, 12.1), verdict, [back, ...last]]);
  describe('whose canary is certified', () => {
    excuse('recallEnds', ended(tick(certified)), {
      'that is over before two minutes are': ended(tick(certified, 13, 14)),
      'without it': ended(tick({})),
    });
    excuse('recallEnds', ended(tick({ ...certified, ...doubt })), {
      'without it, in doubt': ended(tick(doubt, 13, 19)),
    });
  });
  describe('from which stable was deleted', () => {
    const gone: RolloutEvent = { type: 'StableGone', at: minute(20.1), target: 'api' };
    excuse('recallEnds', ended(tick({}), gone), { 'if it was not': ended(tick({})) });
  });
  describe('that is ordered in a pause', () => {
    const resumedLate = (...happened: Happened[]) =>
      runOf([...serving(), ...happened, resumed(200), { ...back, at: minute(201) }]);
    const late = (run: Run) => check(run).filter(({ what }) => what.includes('without an answer')).length;
    test('waits for its end, and no other does', () => {
      expect(late(resumedLate([recallOrdered(12), paused(12)]))).toBe(0);
      expect(late(resumedLate(paused(11), recallOrdered(12)))).toBe(0);
      expect(late(resumedLate(recallOrdered(12)))).toBe(1);
    });
  });
  test("is not ended by the plan's own command", () => {
    const promoted = (order: RolloutEvent) =>
      runOf([...serving(), recallOrdered(12), ...move(100, 25, 4, 12.1), order, ...move(25, 100, 5, 12.4)]);
    expect(broken(promoted(promotionOrdered(12.3)))).not.toContain('recallEnds');
    expect(broken(promoted(promotionOrdered(12.3, byPlan)))).toContain('recallEnds');
  });
});

describe('a revert for the environment', () => {
  const well = { requests: 900 };
  const failing = { requests: 900, failed: 450 };
  const out = (
    more: Parameters<typeof opened>[0],
    verdict: object,
    bad: number,
    [before, during]: [Partial<MetWindow>, Partial<MetWindow>] = [well, failing],
  ) => {
    const seen = measured('inconclusive', [9, 19]);
    return runOf(
      [
        ...serving(more),
        [{ ...seen, verdict: { ...seen.verdict, ...verdict } }, revertOrdered(20, { cause: 'environment' })],
      ],
      {
        windows: windowsOf({
          7: [[-9, 9, before]],
          8: [
            [0, 19 - bad, well],
            [19 - bad, 19, during],
          ],
        }),
      },
    );
  };
  const doubt = { reason: 'doubt' };
  const suspect = { doubt, status: 'suspect' };
  const reverting = { plan: plan({ onSuspect: 'revert' }) };
  describe('without doubt', () => {
    excuse('historyNeverReverts', out({}, {}, 0), { 'with it': out({}, { doubt }, 9) });
  });
  describe('of a canary that looks worse, as the plan says', () => {
    excuse('historyNeverReverts', out(reverting, suspect, 0), {
      'if it does not': out(reverting, { doubt }, 9),
      'if the plan does not say so': out({}, suspect, 9),
    });
  });
  describe.each<[string, Parameters<typeof opened>[0]]>([
    ['of a rollback', { rollsBack: BACK }],
    ['of an adoption', { adopted: { reason: 'it is the first one' } }],
    ['of what is not reversible', { reversible: false }],
    ['of a plan without recalls', { plan: plan({ recall: false }) }],
    ['of a target with only one version', { targets: [target('api', { stable: '8' })] }],
  ])('%s that was in doubt', (_, more) => {
    excuse('historyNeverReverts', out(more, { doubt }, 6), {
      'after five bad minutes': out(more, { doubt }, 5),
      'of what could be recalled': out({}, { doubt }, 6),
    });
  });
  describe('of what failed beyond what it answered before, though most was turned away then', () => {
    const storm = { requests: 900, weather: 450 };
    const away = { requests: 900, lost: 9_000 };
    const alone = { plan: plan({ recall: false }) };
    excuse('historyNeverReverts', out(alone, { doubt }, 6, [away, storm]), {
      'if that failed as much': out(alone, { doubt }, 6, [{ ...away, weather: 450 }, storm]),
    });
  });
});

describe('an alias on a canary whose stable version was deleted', () => {
  const stuck = (outcome: 'halted' | 'reverted') =>
    runOf([opened(), ...move(0, 100, 1, 0.5), aborted(1), reverted(1.1), closed(2, outcome)], {
      deleted: [{ version: served(target().key, '7'), index: 4 }],
      looks: { [target().key]: [5] },
    });
  for (const promise of ['endsAtZeroOrHundred', 'revertFirst', 'outInTime', 'ourWeightRemoved'])
    excuse(promise, stuck('halted'), { 'if nobody is called': stuck('reverted') });
});

describe('traffic that somebody else gave', () => {
  const byOthers = (share: Percent): Happened => ({ ...moved(0, share, 0, 2.2), by: undefined });
  const ended = (look: number, outcome: 'halted' | 'reverted', ...last: Happened[]) =>
    runOf([opened(), ...move(0, 10, 1, 0.5), aborted(2), ...last, reverted(2.5), closed(3, outcome)], {
      looks: { [target().key]: [look] },
    });
  const out = left(10, 2.1);
  excuse('endsAtZeroOrHundred', ended(6, 'reverted', out, byOthers(20)), {
    'before the last look': ended(7, 'reverted', out, byOthers(20)),
    'to what was never taken out': ended(6, 'reverted', byOthers(20)),
    'if nobody but the rollout did': ended(6, 'reverted', moved(10, 20, 2, 2.2)),
  });
  excuse('endsAtZeroOrHundred', ended(7, 'halted', out, byOthers(100)), {
    'if nobody is called': ended(7, 'reverted', out, byOthers(100)),
    'beside the version that serves': ended(7, 'halted', out, byOthers(20)),
    'to what was never taken out': ended(6, 'halted', byOthers(100)),
    'after a look from before it went out': ended(1, 'reverted', out, byOthers(20)),
  });
  const unheard = (more: Partial<Run>) => ({ ...ended(0, 'reverted', out, byOthers(20)), ...more });
  excuse('endsAtZeroOrHundred', unheard({ lostLooks: { [target().key]: [7] } }), {
    'if nobody looked again': unheard({}),
    'if a look after it was answered': unheard({
      looks: { [target().key]: [7] },
      lostLooks: { [target().key]: [7] },
    }),
  });
  const never = (outcome: 'halted' | 'reverted') =>
    runOf([opened(), byOthers(20), aborted(2), reverted(2.5), closed(3, outcome)]);
  excuse('endsAtZeroOrHundred', never('halted'), {
    'of a target that the rollout never had, if nobody is called': never('reverted'),
  });
});

describe('requests that were lost where they had stopped before', () => {
  const completed = (api: (typeof past)['api']) =>
    runOf([...serving({ past: { api } }), measured('pass', [9, 15]), closed(20, 'completed')], {
      windows: windowsOf({
        7: [[-9, 12, { requests: 200 }]],
        8: [[5, 16, { requests: 100, lost: 100 }]],
      }),
    });
  describe.each(UNSTEADY)('as they %s', (_, api) => {
    excuse('worseNeverCompletes', completed(api), { 'if they never did': completed(past.api) });
  });
});

describe('an outage that both versions met', () => {
  const completed = (more: Parameters<typeof opened>[0], stable: object) =>
    runOf([...serving(more), measured('pass', [9, 15]), closed(20, 'completed')], {
      windows: windowsOf({
        7: [
          [-9, 5, { requests: 900 }],
          [5, 16, stable],
        ],
        8: [[5, 16, { requests: 900, failed: 300, weather: 60 }]],
      }),
    });
  const hit = { requests: 900, weather: 360 };
  excuse('worseNeverCompletes', completed({}, hit), {
    'if stable beside it was well': completed({}, { requests: 900 }),
    'if it was far worse': completed({}, { requests: 900, weather: 60 }),
  });
});

describe('messages that the file lets the canary hand back', () => {
  const completed = (max: number, failed: number, source: Source = 'sqs') => {
    const limits = [{ limit: 'batchFailures' as const, max }];
    const begun = serving({ targets: [target('api', { source })], limits });
    return runOf([...begun, measured('pass', [9, 15]), closed(20, 'completed')], {
      windows: windowsOf({ 7: [[-9, 16, { requests: 60 }]], 8: [[5, 16, { requests: 60, failed }]] }),
    });
  };
  excuse('worseNeverCompletes', completed(50, 6), {
    'if it allows none': completed(0, 6),
    'if they are more': completed(50, 9),
    'of a target that hands nothing back': completed(50, 6, 'http'),
  });
});

describe('failures as usual of a plan without steps', () => {
  const tick = measured('pass', [9, 15]);
  const read = { ...tick, verdict: { ...tick.verdict, findings: [failingOf(5_400)] } };
  const completed = (steps: ReturnType<typeof plan>['steps'], usual: object) =>
    runOf(
      [...[opened({ plan: plan({ steps }) }), ...move(0, 100, 1, 8.5)], ...[read, closed(20, 'completed')]],
      {
        windows: windowsOf({
          7: [
            [-20, -1, { requests: 900 }],
            [-1, 0, usual],
          ],
          8: [[9, 15, { requests: 900, failed: 300 }]],
        }),
      },
    );
  const bad = { requests: 900, failed: 400 };
  for (const promise of ['worseNeverCompletes', 'passMeansWell'])
    excuse(promise, completed([], bad), {
      'that stable never showed': completed([], { requests: 900, failed: 90 }),
      'of so few requests that they are chance': completed([], { requests: 40, failed: 20 }),
      'of a plan that has steps': completed(plan().steps, bad),
    });
});

describe('what was judged before a recall', () => {
  /** A step of twenty minutes that is recalled after eleven, and left after so many more. */
  const left = (judged: number, again: number, ...before: Happened[]) => {
    const steps = [{ weight: 50, bakeSeconds: 1_200, maxBakeSeconds: 3_600 }];
    return runOf([
      ...[opened({ plan: plan({ steps }) }), ...move(0, 50, 1, 0.5)],
      ...[measured('inconclusive', [1, 1 + judged]), ...before, recallOrdered(14), ...move(50, 25, 2, 14.1)],
      ...[{ type: 'RecallEnded' as const, at: minute(22), reason: 'it is over' }, ...move(25, 50, 3, 22.1)],
      ...[measured('pass', [23, 23 + again]), ...move(50, 100, 4, 50)],
    ]);
  };
  excuse('noRaiseWithoutVerdict', left(11, 8), {
    'beyond it': left(11, 7),
    'of what was judged for less long': left(5, 8),
    'once somebody else has moved it': left(11, 8, { ...moved(50, 20, 0, 13.5), by: undefined }),
  });
});

describe('answers that nobody counted', () => {
  const completed = (requests: number, source: 'http' | 'async' = 'http') =>
    runOf(
      [
        ...serving({ targets: [target('api', { source })] }),
        { ...closed(20, 'completed'), reason: 'proven: it is well' } as RolloutEvent,
      ],
      {
        windows: windowsOf({ 8: [[5, 15, { requests }]] }),
      },
    );
  excuse('uncountedNeverProven', completed(49), { 'if there were many': completed(50) });
  excuse('uncountedNeverProven', completed(50, 'async'), { 'of an HTTP target': completed(50) });
});

describe('a version that completed in an earlier rollout', () => {
  const changed = target('worker', { stable: '3', canary: '4' });
  const proven = (at: number, id: string): Happened =>
    ({ ...closed(at, 'completed'), reason: `proven: ${id}` }) as RolloutEvent;
  const completed = (before: 'completed' | 'reverted', version = '8') =>
    runOf(
      [
        ...[opened({ targets: [target('api', { canary: version })] }), closed(1, before)],
        { ...opened({ rolloutId: 'b', targets: [changed], unchanged: [target()] }), at: minute(2) },
        proven(20, 'b'),
      ],
      {
        windows: windowsOf({ 7: [[-9, 0, { requests: 900 }]], 8: [[2, 9, { requests: 900, failed: 300 }]] }),
      },
    );
  excuse('provenMeansWell', completed('completed'), {
    'that was reverted': completed('reverted'),
    'if it was another one': completed('completed', '9'),
  });
});

describe('an opening whose every try was struck', () => {
  const tickMs = (...struck: [seconds: number, fault?: FaultName, where?: string][]) =>
    limitsOf(
      { ...caseOf(1, []), noise: 1, troubles: [] },
      struck.map(([seconds, fault = 'throttled', where = 'OpenRollout journal.open'], nth) => ({
        ...{ id: `${nth}`, fault, where, at: minute(seconds / 60) },
      })),
    ).tickMs ?? 0;
  const known = tickMs();

  test('excuses the time until the watchdog begins', () =>
    expect(tickMs([0], [61], [182])).toBeGreaterThan(known));
  test.each<[string, Parameters<typeof tickMs>]>([
    ['two tries', [[0], [61]]],
    ['calls of one try', [[0], [1], [2], [61]]],
    ['tries that only came twice', [[0], [61], [182, 'invokedTwice']]],
    ['another function', [[0], [61], [182, 'throttled', 'Measure journal.read']]],
  ])('excuses nothing if it was %s', (_, struck) => expect(tickMs(...struck)).toBe(known));
});

describe('what somebody else did and undid before the next look', () => {
  const theirs = (from: Percent, to: Percent, minutes: number): Happened => ({
    ...moved(from, to, 0, minutes),
    by: undefined,
  });
  const drifted = (...writes: Happened[]) =>
    runOf([opened(), ...move(0, 10, 1, 0.5), ...writes, closed(9, 'completed')]);
  const undone = drifted(theirs(10, 0, 1), theirs(0, 10, 2));
  const lookedAt = (look: number, often: number): Run => ({
    ...undone,
    looks: { [target().key]: Array.from({ length: often }, () => look) },
  });
  const first = undone.timeline.findIndex((entry) => entry.kind === 'write' && entry.by === undefined);
  excuse('driftNoticed', lookedAt(first, 9), {
    'that so many looks showed that no late read could be meant': lookedAt(first + 1, 4),
    'that was left so': drifted(theirs(10, 0, 1)),
    'that was undone later': drifted(theirs(10, 0, 1), theirs(0, 10, 5)),
    'that was undone to something else': drifted(theirs(10, 0, 1), theirs(0, 20, 2)),
    'that the rollout undid itself': drifted(theirs(10, 0, 1), moved(0, 10, 2, 2)),
  });
  test('is needed also if fewer looks showed it', () =>
    expect(broken(lookedAt(first + 1, 3))).not.toContain('driftNoticed'));
  const struck = (...deaf: Run['deaf']): Run => ({ ...lookedAt(first + 1, 4), deaf });
  const lost = { at: minute(1.5), fn: 'Measure' as const, op: 'journal.append' };
  excuse('driftNoticed', struck(lost), {
    'if what the looks found could be written': struck(),
    'for a write that another function lost': struck({ ...lost, fn: 'Notify' }),
    'for another call that failed': struck({ ...lost, op: 'GetMetricDataCommand' }),
    'for a write of another tick': struck({ ...lost, at: minute(3) }),
  });
});

describe('a closed fence that somebody else wrote over', () => {
  const raisedAfter = (...between: Happened[]) =>
    runOf([opened(), left(0, 0.2), ...between, ...move(0, 10, 2, 1)]);
  const over: Happened = { ...moved(0, 0, 0, 0.5), by: undefined };
  excuse('neverRaisedAfterLeaving', raisedAfter(over), {
    'if it stood': raisedAfter(),
    'if the rollout itself wrote over it': raisedAfter(moved(0, 0, 1, 0.5)),
    'if the journal had said that the canary left': raisedAfter(over, aborted(0.6), reverted(0.7)),
  });
});

describe('an end that a revert could not write', () => {
  const tickMs = (where: string) =>
    limitsOf({ ...caseOf(1, []), noise: 1, troubles: [] }, [
      { id: '1', fault: 'throttled', where, at: minute(1) },
    ]).tickMs ?? 0;
  const known = tickMs('Measure journal.append');

  test.each(['RevertTraffic journal.append', 'RevertTraffic journal.read'])(
    'excuses the time until the watchdog begins, by %s',
    (where) => expect(tickMs(where)).toBeGreaterThan(known),
  );
  test.each(['RevertTraffic UpdateAliasCommand', 'ShiftTraffic journal.append', 'Measure journal.read'])(
    'excuses nothing if it was %s',
    (where) => expect(tickMs(where)).toBe(known),
  );
});

describe('what somebody else gave a release that is not reversible and was never raised', () => {
  const given: Happened = { ...moved(0, 20, 0, 1), by: undefined };
  const kept = (reversible: boolean, outcome: 'halted' | 'reverted', ...happened: Happened[]) =>
    runOf([
      opened({ reversible }),
      moved(0, 0, 0, 0.2),
      ...happened,
      revertOrdered(2),
      reverted(2.5),
      closed(3, outcome),
    ]);
  for (const promise of ['endsAtZeroOrHundred', 'revertFirst'])
    excuse(promise, kept(false, 'halted', given), {
      'if nobody is called': kept(false, 'reverted', given),
      'of what the rollout raised': kept(false, 'halted', ...move(0, 10, 1, 0.5), moved(10, 20, 0, 1)),
      'if a person aborted it': kept(false, 'halted', given, aborted(1.5)),
    });
  excuse('revertFirst', kept(false, 'halted', given), {
    'of what can be reverted': kept(true, 'reverted', given),
  });
});
