import { describe, expect, test } from 'vitest';
import { SPILLWAY } from '../../../core/rollout/actor.ts';
import {
  checkpointOf,
  checkpointsBefore,
  gatesAhead,
  isPromoted,
  lateGate,
} from '../../../core/rollout/checkpoint.ts';
import { type Command, decide } from '../../../core/rollout/decide.ts';
import type {
  Gate,
  Hook,
  HookPoint,
  HookStatus,
  Opening,
  RolloutEvent,
} from '../../../core/rollout/event.ts';
import { next } from '../../../core/rollout/next.ts';
import { evolve } from '../../../core/rollout/state.ts';
import { bakeOf } from '../../../core/rollout/timing.ts';
import {
  aborted,
  closed,
  decided,
  directiveAt,
  given,
  inVerify,
  measured,
  minute,
  onFirstStep,
  onSecondStep,
  opened,
  paused,
  plan,
  promotionOrdered,
  proven,
  raised,
  resumed,
  reverted,
  revertOrdered,
  stateAfter,
  TWO_TARGETS,
} from './given.ts';

const hook = (point: HookPoint, more: Partial<Hook> = {}): Hook => ({
  id: `${point}.1`,
  point,
  kind: 'lambda',
  target: 'api',
  spec: { functionName: 'checkout-prod-Check' },
  timeoutSeconds: 60,
  onBroken: 'revert',
  ...more,
});
const gate = (before: number, more: Partial<Gate> = {}): Gate => ({
  before,
  approvers: 1,
  by: [],
  timeoutSeconds: 3600,
  onTimeout: 'revert',
  ...more,
});
const started = (id: string, minutes: number, forMinutes = 1): RolloutEvent => ({
  type: 'HookStarted',
  at: minute(minutes),
  hook: id,
  until: minute(minutes + forMinutes),
});
const answered = (id: string, status: HookStatus, minutes: number): RolloutEvent => ({
  type: 'HookAnswered',
  at: minute(minutes),
  hook: id,
  status,
  reason: `it is a ${status}`,
});
const gateOpened = (before: number, minutes: number, forMinutes = 60): RolloutEvent => ({
  type: 'GateOpened',
  at: minute(minutes),
  gate: before,
  until: minute(minutes + forMinutes),
});
const approved = (before: number, by: string, minutes: number): RolloutEvent => ({
  type: 'Approved',
  at: minute(minutes),
  gate: before,
  by: proven(by),
});
const answer = (id: string, status: HookStatus, isCallback = false): Command => ({
  type: 'AnswerHook',
  hook: id,
  status,
  reason: `it is a ${status}`,
  isCallback,
});
const asks = (id: string) => ({ kind: 'hook', checkpoint: { id } });

/** Carries a rollout whose hooks, gates and verdicts are all good, and answers what it passed, in order. */
function passed(more: Partial<Opening>, first: RolloutEvent[] = []): string[] {
  let state = stateAfter(opened(more), first);
  let now = minute(0.5);
  const way: string[] = [];
  const act = (command: Command) => {
    for (const event of decide(state, command, now)) state = evolve(state, event);
  };
  for (let acts = 0; acts < 500; acts++) {
    const directive = next(state, now);
    switch (directive.kind) {
      case 'hook': {
        const { checkpoint } = directive;
        way.push(checkpoint.id);
        if (checkpoint.kind === 'hook') act(answer(checkpoint.id, 'pass'));
        else {
          act({ type: 'OpenGate', gate: checkpoint.gate.before, seconds: 60 });
          act({ type: 'Approve', by: proven('ada'), gate: checkpoint.gate.before });
        }
        break;
      }
      case 'shift':
      case 'promote': {
        const weight = directive.kind === 'shift' ? directive.weight : 100;
        const { target } = directive;
        way.push(`${target} ${weight} %`);
        act({ type: 'IntendShift', target, weight, expiresAt: now + 10_000 });
        const token = state.intents.at(-1)?.token;
        if (token !== undefined) act({ type: 'ConfirmShift', target, weight, token });
        break;
      }
      case 'measure': {
        const from = bakeOf(state)?.from ?? now;
        const to = now - 60_000;
        const verdict = { status: 'pass' as const, reason: 'good', findings: [], from, to };
        act({ type: 'RecordMeasure', verdict, alarms: [] });
        break;
      }
      case 'hold':
        now += directive.seconds * 1000;
        break;
      default:
        return [...way, directive.kind];
    }
  }
  throw new Error(`It did not end: ${way.join(', ')}`);
}

const EVERYWHERE = [
  hook('afterPromotion'),
  hook('beforePromotion'),
  hook('afterStep'),
  hook('beforeStep'),
  hook('onRevert'),
  hook('beforeTraffic'),
];

describe('the order of checkpoints', () => {
  test('is that of the moves: after the last step, the gate, before the next one', () => {
    expect(passed({ hooks: EVERYWHERE, gates: [gate(10), gate(50), gate(100)] })).toEqual([
      ...['beforeTraffic.1', 'gate@10', 'beforeStep.1@0', 'api 10 %'],
      ...['afterStep.1@0', 'gate@50', 'beforeStep.1@1', 'api 50 %'],
      ...['afterStep.1@1', 'gate@100', 'beforePromotion.1', 'api 100 %'],
      ...['afterPromotion.1', 'close'],
    ]);
  });

  test('is passed once for all targets, before the first of them is moved', () => {
    expect(passed({ hooks: EVERYWHERE, gates: [gate(50)], targets: TWO_TARGETS })).toEqual([
      ...['beforeTraffic.1', 'beforeStep.1@0', 'api 10 %', 'worker 10 %'],
      ...['afterStep.1@0', 'gate@50', 'beforeStep.1@1', 'api 50 %', 'worker 50 %'],
      ...['afterStep.1@1', 'beforePromotion.1', 'api 100 %', 'worker 100 %'],
      ...['afterPromotion.1', 'close'],
    ]);
  });

  test('has a gate between two weights before the next one up', () => {
    expect(passed({ gates: [gate(30), gate(5), gate(51)] })).toEqual([
      ...['gate@5', 'api 10 %', 'gate@30', 'api 50 %', 'gate@51', 'api 100 %', 'close'],
    ]);
  });

  test('leaves out the hooks of the steps that a full promotion skips, and no gate', () => {
    const way = passed({ hooks: EVERYWHERE, gates: [gate(10), gate(50)] }, [
      promotionOrdered(0, { full: true }),
    ]);
    expect(way).toEqual([
      ...['beforeTraffic.1', 'gate@10', 'gate@50', 'beforePromotion.1', 'api 100 %'],
      ...['afterPromotion.1', 'close'],
    ]);
  });

  test('has nothing between the targets of a full promotion', () => {
    const more = { hooks: EVERYWHERE, gates: [gate(100)], targets: TWO_TARGETS };
    expect(passed(more, [promotionOrdered(0, { full: true })])).toEqual([
      ...['beforeTraffic.1', 'gate@100', 'beforePromotion.1', 'api 100 %', 'worker 100 %'],
      ...['afterPromotion.1', 'close'],
    ]);
  });

  test('of a plan without steps is that before traffic and before promotion', () => {
    const bare = plan({ steps: [], verifySeconds: 0 });
    expect(passed({ hooks: EVERYWHERE, gates: [gate(100)], plan: bare })).toEqual([
      ...['beforeTraffic.1', 'gate@100', 'beforePromotion.1', 'api 100 %', 'afterPromotion.1', 'close'],
    ]);
  });

  test('of two hooks at one point is that in which they are written', () => {
    const two = [hook('beforeTraffic', { id: 'b' }), hook('beforeTraffic', { id: 'a' })];
    expect(passed({ hooks: two }).slice(0, 2)).toEqual(['b', 'a']);
  });
});

describe('a hook', () => {
  const hooks = [hook('beforeTraffic')];
  const id = 'beforeTraffic.1';

  test('that answers later is written down with the end of its time, and waited for', () => {
    given(opened({ hooks })).when({ type: 'StartHook', hook: id, seconds: 60 }, 0.5).then(started(id, 0.5));
    expect(directiveAt(0.5, opened({ hooks }), started(id, 0.5))).toEqual({ kind: 'hold', seconds: 60 });
    expect(directiveAt(1.25, opened({ hooks }), started(id, 0.5))).toEqual({ kind: 'hold', seconds: 15 });
  });

  test('whose time is over is the next thing again, so that it can be found broken', () => {
    expect(directiveAt(1.5, opened({ hooks }), started(id, 0.5))).toMatchObject(asks(id));
  });

  test('that was broken is left alone for ten seconds', () => {
    const history = [opened({ hooks }), answered(id, 'broken', 1)];
    expect(next(stateAfter(history), minute(1) + 1_000)).toEqual({ kind: 'hold', seconds: 9 });
    expect(next(stateAfter(history), minute(1) + 10_000)).toMatchObject(asks(id));
  });

  test('that is broken, started anew and broken again has had two tries, not one', () => {
    const state = stateAfter(
      opened({ hooks }),
      answered(id, 'broken', 1),
      started(id, 2),
      answered(id, 'broken', 3),
    );
    expect(state.hooks[id]).toMatchObject({ status: 'broken', brokenInRow: 2 });
  });

  test('that answers in between has all its tries again', () => {
    const state = stateAfter(opened({ hooks }), answered(id, 'broken', 1), answered(id, 'pass', 2));
    expect(state.hooks[id]).toMatchObject({ status: 'pass', brokenInRow: 0 });
  });

  test('does not keep the canary in traffic from being measured', () => {
    const after = [...onFirstStep({ hooks: [hook('afterStep')] }), measured('pass', [1, 3])];
    expect(directiveAt(4.2, after)).toMatchObject(asks('afterStep.1@0'));
    expect(directiveAt(4.2, after, started('afterStep.1@0', 4.2, 30))).toEqual({ kind: 'hold', seconds: 48 });
    expect(directiveAt(5, after, started('afterStep.1@0', 4.2, 30))).toEqual({ kind: 'measure' });
  });

  test('that fails in traffic reverts the canary, and blames it', () => {
    given(onFirstStep({ hooks: [hook('afterStep')] }), measured('pass', [1, 3]))
      .when(answer('afterStep.1@0', 'fail'), 4.5)
      .then(answered('afterStep.1@0', 'fail', 4.5), revertOrdered(4.5, { reason: 'it is a fail' }));
  });

  test('after promotion that fails takes a promoted canary back', () => {
    const history = inVerify({ hooks: [hook('afterPromotion')] });
    expect(directiveAt(8.6, history)).toMatchObject(asks('afterPromotion.1'));
    given(history)
      .when(answer('afterPromotion.1', 'fail'), 8.6)
      .then(answered('afterPromotion.1', 'fail', 8.6), revertOrdered(8.6, { reason: 'it is a fail' }));
  });

  test('on the revert path is never waited for', () => {
    expect(directiveAt(3, onFirstStep({ hooks: [hook('onRevert')] }), aborted(2)).kind).toBe('revert');
  });
});

describe('a hook that could not be asked three times', () => {
  const id = 'beforeTraffic.1';
  const withPolicy = (onBroken: Hook['onBroken']) => [
    opened({ hooks: [hook('beforeTraffic', { onBroken })] }),
    answered(id, 'broken', 1),
    answered(id, 'broken', 2),
  ];
  const reason = `hook ${id} could not be asked 3 times: it is a broken`;

  test('reverts the release without blaming it where that is declared', () => {
    given(withPolicy('revert'))
      .when(answer(id, 'broken'), 3)
      .then(
        answered(id, 'broken', 3),
        revertOrdered(3, { cause: 'environment', outcome: 'refused', reason }),
      );
  });

  test('calls people where that is declared', () => {
    given(withPolicy('pause'))
      .when(answer(id, 'broken'), 3)
      .then(answered(id, 'broken', 3), paused(3, { by: SPILLWAY, why: 'inconclusive', reason }));
  });

  test('is passed by where that is declared', () => {
    given(withPolicy('ignore'))
      .when(answer(id, 'broken'), 3)
      .then(answered(id, 'broken', 3));
    expect(directiveAt(3, withPolicy('ignore'), answered(id, 'broken', 3)).kind).toBe('shift');
    expect(directiveAt(2.5, withPolicy('ignore'))).toMatchObject(asks(id));
  });
});

describe('a hook that cannot say', () => {
  const id = 'beforeTraffic.1';
  const opening = (onInconclusive: 'pause' | 'revert' | 'promote') =>
    opened({ hooks: [hook('beforeTraffic')], plan: plan({ onInconclusive }) });
  const said = answered(id, 'inconclusive', 1);
  const reason = `hook ${id} could not say: it is a inconclusive`;
  const why = { by: SPILLWAY, why: 'inconclusive', reason } as const;

  test('calls people, or reverts the release, or is passed by, as the plan says', () => {
    given(opening('pause')).when(answer(id, 'inconclusive'), 1).then(said, paused(1, why));
    given(opening('revert'))
      .when(answer(id, 'inconclusive'), 1)
      .then(said, revertOrdered(1, { cause: 'environment', outcome: 'refused', reason }));
    given(opening('promote')).when(answer(id, 'inconclusive'), 1).then(said);
    expect(directiveAt(1, opening('promote'), said).kind).toBe('shift');
  });

  test('leaves a doubt in what the end says', () => {
    expect(stateAfter(opening('promote'), said).unproven).toEqual([reason]);
  });

  test('is passed once somebody promotes in its knowledge', () => {
    expect(directiveAt(2, opening('pause'), said, paused(1, why)).kind).toBe('hold');
    expect(directiveAt(2, opening('pause'), said, paused(1, why), promotionOrdered(2)).kind).toBe('shift');
  });

  test('is asked again once somebody resumes', () => {
    expect(directiveAt(2, opening('pause'), said, paused(1, why), resumed(2))).toMatchObject(asks(id));
  });

  test('is not asked again on a resume where it had passed', () => {
    const history = [opening('pause'), answered(id, 'pass', 1), paused(1), resumed(2)];
    expect(directiveAt(2, history).kind).toBe('shift');
  });
});

describe('an answer by callback', () => {
  const hooks = [hook('beforeTraffic'), hook('beforeTraffic', { id: 'beforeTraffic.2' })];
  const id = 'beforeTraffic.1';
  const pass = answer(id, 'pass', true);
  const called = (minutes: number) => ({ ...answered(id, 'pass', minutes), isCallback: true as const });

  test('counts for what was asked', () => {
    given(opened({ hooks }), started(id, 0.5)).when(pass, 1).then(called(1));
  });

  test('counts before its question is written down: it is being asked just now', () => {
    given(opened({ hooks })).when(pass, 0.5).then(called(0.5));
  });

  test.each(['beforeTraffic.2', 'beforeStep.1@0', 'nobody', '__proto__'])(
    'for %s, which was not asked, is refused',
    (other) => {
      given(opened({ hooks }), started(id, 0.5))
        .when(answer(other, 'pass', true), 1)
        .thenRefused('CommandRefused', /has not asked ".*"; answer with the occurrence/);
    },
  );

  test('counts once: a second one changes nothing, whatever it says', () => {
    for (const first of ['pass', 'inconclusive'] as const)
      for (const second of ['pass', 'fail', 'inconclusive'] as const)
        given(opened({ hooks }), started(id, 0.5), answered(id, first, 1))
          .when(answer(id, second, true), 1.5)
          .thenNothing();
  });

  test('that comes after its time still counts while the hook is found broken', () => {
    given(opened({ hooks }), started(id, 0.5), answered(id, 'broken', 1.5))
      .when(pass, 1.6)
      .then(called(1.6));
  });

  test('after the end is refused', () => {
    given(onFirstStep({ hooks }), reverted(3), closed(3))
      .when(pass, 4)
      .thenRefused('CommandRefused', /has ended \(reverted\)/);
  });
});

describe('a gate', () => {
  const gates = [gate(10, { approvers: 2, by: ['ada', 'grace', 'joan'] }), gate(100)];
  const open = [opened({ gates }), gateOpened(10, 1)];
  const approve = (by: string, before = 10): Command => ({ type: 'Approve', by: proven(by), gate: before });

  test('is opened with the end of its time', () => {
    expect(directiveAt(1, opened({ gates }))).toMatchObject({
      checkpoint: { kind: 'gate', id: 'gate@10', gate: gates[0] },
    });
    given(opened({ gates })).when({ type: 'OpenGate', gate: 10, seconds: 3600 }, 1).then(gateOpened(10, 1));
    expect(directiveAt(31, open)).toEqual({ kind: 'hold', seconds: 1800 });
  });

  test('needs as many different people as it says', () => {
    given(open)
      .when(approve('ada'), 2)
      .then(approved(10, 'ada', 2));
    const once = [...open, approved(10, 'ada', 2)];
    expect(directiveAt(2, once).kind).toBe('hold');
    given(once).when(approve('ada'), 3).thenNothing();
    expect(stateAfter(once, approved(10, 'ada', 3)).gates[10]?.approvedBy).toEqual([proven('ada')]);
    expect(directiveAt(3, once, approved(10, 'grace', 3)).kind).toBe('shift');
  });

  test('is approved only by those who may', () => {
    given(open)
      .when(approve('eve'), 2)
      .thenRefused(
        'CommandRefused',
        /approval of the gate before 10 % of checkout-api--r8--1 does not count: eve may not: ada, grace, joan may/,
      );
  });

  test('that names nobody is approved by everybody who has proven who it is', () => {
    given(opened({ gates: [gate(10)] }), gateOpened(10, 1))
      .when(approve('eve'), 2)
      .then(approved(10, 'eve', 2));
  });

  test('that is not open is not approved, and the open one is named', () => {
    given(open)
      .when(approve('ada', 100), 2)
      .thenRefused('CommandRefused', /has no open gate before 100 %, only before 10 %; look again/);
    given(open)
      .when(approve('ada', 42), 2)
      .thenRefused('CommandRefused', /no open gate before 42 %/);
    given(opened({ gates }))
      .when(approve('ada'), 2)
      .thenRefused('CommandRefused', /no open gate before 10 %; look again/);
  });

  test('is not approved once the rollout is leaving or has ended', () => {
    given(open, aborted(2))
      .when(approve('ada'), 3)
      .thenRefused('CommandRefused', /cannot approve/);
    given(open, aborted(2), reverted(3), closed(3, 'refused'))
      .when(approve('ada'), 4)
      .thenRefused('CommandRefused', /nothing left to approve/);
  });

  test('may be approved during a pause, which goes on', () => {
    const history = [opened({ gates: [gate(10)] }), gateOpened(10, 1), paused(2)];
    given(history)
      .when(approve('ada'), 3)
      .then(approved(10, 'ada', 3));
    expect(directiveAt(3, history, approved(10, 'ada', 3)).kind).toBe('hold');
  });

  test('that nobody approves reverts the release for want of time', () => {
    const reason = 'the gate before 10 % was not approved in time';
    expect(directiveAt(60.9, open).kind).toBe('hold');
    expect(directiveAt(61, open)).toEqual({ kind: 'revert', cause: 'timeout', reason, outcome: 'refused' });
    const late = [...onFirstStep({ gates: [gate(50)] }), measured('pass', [1, 3]), gateOpened(50, 4, 1)];
    expect(directiveAt(5, late, measured('pass', [1, 4]))).toMatchObject({
      cause: 'timeout',
      outcome: 'reverted',
    });
  });

  test('that nobody approves is passed where that is declared', () => {
    const lenient = [opened({ gates: [gate(10, { onTimeout: 'promote' })] }), gateOpened(10, 1)];
    expect(directiveAt(60.9, lenient).kind).toBe('hold');
    expect(directiveAt(61, lenient).kind).toBe('shift');
  });

  test('is passed by no order to promote', () => {
    expect(directiveAt(2, open, promotionOrdered(2, { full: true })).kind).toBe('hold');
  });

  test('that is open lets the canary in traffic be measured', () => {
    const history = [...onFirstStep({ gates: [gate(50)] }), measured('pass', [1, 3]), gateOpened(50, 4.2)];
    expect(directiveAt(4.2, history)).toEqual({ kind: 'hold', seconds: 48 });
    expect(directiveAt(5, history)).toEqual({ kind: 'measure' });
    given(history, approved(50, 'ada', 4.5))
      .when({ type: 'RecordMeasure', verdict: measured('fail', [1, 4]).verdict, alarms: [] }, 5)
      .then(measured('fail', [1, 4]), revertOrdered(5));
    expect(decided(approve('ada', 50), 4.5, history).at(-1)).toEqual(approved(50, 'ada', 4.5));
  });
});

describe('the gates ahead of a rollout', () => {
  const gates = [gate(10), gate(50, { approvers: 2 }), gate(100)];
  const ahead = (...history: RolloutEvent[]) => gatesAhead(stateAfter(history)).map(({ before }) => before);

  test('are those up to the weight that it goes to next', () => {
    expect(ahead(opened({ gates }))).toEqual([10]);
    expect(ahead(...onFirstStep({ gates: [gate(50), gate(100)] }))).toEqual([50]);
    expect(ahead(...onSecondStep({ gates: [gate(100)] }))).toEqual([100]);
    expect(ahead(...onFirstStep({ gates: [gate(50), gate(100)], hooks: [hook('afterStep')] }))).toEqual([50]);
    expect(ahead(...onFirstStep({ gates: [gate(20), gate(40)] }))).toEqual([20, 40]);
  });

  test('are all of them where it was promoted in full', () => {
    expect(
      ahead(...onFirstStep({ gates: [gate(50), gate(100)] }), promotionOrdered(2, { full: true })),
    ).toEqual([50, 100]);
  });

  test('are gone once enough people have approved', () => {
    const waiting = [...onFirstStep({ gates: gates.slice(1) }), gateOpened(50, 3)];
    expect(ahead(...waiting, approved(50, 'ada', 3))).toEqual([50]);
    expect(ahead(...waiting, approved(50, 'ada', 3), approved(50, 'grace', 3))).toEqual([]);
  });
});

describe('a hook that said its last word', () => {
  const id = 'afterStep.1@0';
  const ask = (onBroken: Hook['onBroken'], onInconclusive: 'pause' | 'promote', ...events: RolloutEvent[]) =>
    directiveAt(
      4.2,
      onFirstStep({ hooks: [hook('afterStep', { onBroken })], plan: plan({ onInconclusive }) }),
      measured('pass', [1, 3]),
      events,
    ).kind;
  const broken = [1, 2, 3].map((at) => answered(id, 'broken', at));

  test.each<[string, 'revert' | 'ignore', 'pause' | 'promote', RolloutEvent[], string]>([
    ['a pass', 'revert', 'pause', [answered(id, 'pass', 3)], 'shift'],
    ['a pass of another', 'revert', 'pause', [answered('afterStep.2@0', 'pass', 3)], 'hook'],
    ['nothing', 'revert', 'pause', [], 'hook'],
    [
      'that it could not say, where that promotes',
      'revert',
      'promote',
      [answered(id, 'inconclusive', 3)],
      'shift',
    ],
    [
      'that it could not say, where that pauses',
      'ignore',
      'pause',
      [answered(id, 'inconclusive', 3)],
      'hook',
    ],
    ['nothing in three tries, where that is ignored', 'ignore', 'pause', broken, 'shift'],
    ['nothing in three tries, where that is not', 'revert', 'promote', broken, 'hook'],
    ['nothing in two', 'ignore', 'pause', broken.slice(1), 'hook'],
    ['that it fails', 'ignore', 'promote', [answered(id, 'fail', 3)], 'hook'],
    [
      'that it fails, before somebody ordered to go on',
      'revert',
      'pause',
      [answered(id, 'fail', 3), promotionOrdered(4)],
      'shift',
    ],
    [
      'nothing in two, before somebody ordered to go on',
      'revert',
      'pause',
      [...broken.slice(1), promotionOrdered(4)],
      'hook',
    ],
    ['nothing, before somebody ordered to go on', 'revert', 'pause', [promotionOrdered(4)], 'hook'],
    [
      'nothing yet, before somebody ordered to go on',
      'revert',
      'pause',
      [started(id, 4), promotionOrdered(4)],
      'hold',
    ],
  ])('is passed as that allows: %s', (_what, onBroken, onInconclusive, events, kind) => {
    expect(ask(onBroken, onInconclusive, ...events)).toBe(kind);
  });

  test('is found by the occurrence that was asked, and no other', () => {
    const state = stateAfter(opened({ hooks: [hook('beforeTraffic'), hook('afterStep')] }));
    expect(checkpointOf(state, id)).toEqual({ kind: 'hook', id, hook: hook('afterStep') });
    expect(checkpointOf(state, 'afterStep.2@0')).toBeUndefined();
  });

  test('before promotion is asked before the holdout as before 100 %, and one before a step is not', () => {
    const steps = [
      { weight: 10, bakeSeconds: 120, maxBakeSeconds: 600 },
      { weight: 90, bakeSeconds: 480, maxBakeSeconds: 480, isHoldout: true as const },
    ];
    const hooks = [hook('beforePromotion'), hook('beforeStep'), hook('afterStep')];
    const gates = [gate(95)];
    const ids = (more: Partial<Opening>, step: number, weight: number) =>
      checkpointsBefore(stateAfter(onFirstStep({ hooks, gates, ...more })), step, weight).map(
        (each) => each.id,
      );
    expect(ids({ plan: plan({ steps }) }, 1, 90)).toEqual(['afterStep.1@0', 'gate@95', 'beforePromotion.1']);
    expect(ids({}, 1, 50)).toEqual(['afterStep.1@0', 'beforeStep.1@1']);
    expect(ids({}, 2, 100)).toEqual(['afterStep.1@0', 'gate@95', 'beforePromotion.1']);
  });

  test('a command holds for its own step alone, unless it is to 100 %', () => {
    const promoted = (...events: RolloutEvent[]) => isPromoted(stateAfter(...onFirstStep(), ...events));
    expect(promoted()).toBe(false);
    expect(promoted(promotionOrdered(2))).toBe(true);
    expect(promoted(promotionOrdered(2), ...raised(50, 2, 4.2))).toBe(false);
    expect(promoted(promotionOrdered(2, { full: true }), ...raised(50, 2, 4.2))).toBe(true);
    const later = { ...stateAfter(...onFirstStep(), promotionOrdered(2)), step: 1 };
    expect(isPromoted(later)).toBe(false);
  });

  test('a gate that ran out is late from its last moment on, and a hook is none', () => {
    const until = minute(5);
    const late = {
      kind: 'wait' as const,
      checkpoint: { kind: 'gate' as const, id: 'gate@50', gate: gate(50) },
      until,
    };
    expect([until - 1, until].map((now) => lateGate(late, now))).toEqual([undefined, gate(50)]);
    expect(
      lateGate({ ...late, checkpoint: { kind: 'hook', id, hook: hook('afterStep') } }, until),
    ).toBeUndefined();
    expect(lateGate({ kind: 'ask', checkpoint: late.checkpoint }, until)).toBeUndefined();
    expect(lateGate(undefined, until)).toBeUndefined();
  });
});

describe('an answer that comes twice', () => {
  const check = hook('beforeStep');
  const id = 'beforeStep.1@1';
  const failed = [
    ...onFirstStep({ reversible: false, hooks: [check] }),
    measured('pass', [1, 3]),
    started(id, 4, 60),
  ];

  test.each(['fail', 'inconclusive', 'pass'] as const)(
    'by callback counts once where it was %s',
    (status) => {
      const history = [...failed, answered(id, status, 5)];
      given(...history)
        .when(answer(id, 'pass', true), 6)
        .thenNothing();
    },
  );
});

test('a gate is approved by those whom this gate names, and the refusal names them', () => {
  const gates = [gate(10, { by: ['ada'] }), gate(50, { by: ['grace', 'joan'] })];
  const waiting = [...onFirstStep({ gates }), gateOpened(10, 0), gateOpened(50, 4)];
  const approve = (by: string): Command => ({ type: 'Approve', by: proven(by), gate: 50 });
  given(...waiting)
    .when(approve('ada'), 5)
    .thenRefused('CommandRefused', /ada may not: grace, joan may/);
  given(...waiting)
    .when(approve('grace'), 5)
    .then(approved(50, 'grace', 5));
});
