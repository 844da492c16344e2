import { describe, expect, test } from 'vitest';
import { isAlone, isMoved } from '../../../core/analysis/windows.ts';
import { SPILLWAY } from '../../../core/rollout/actor.ts';
import type { Command } from '../../../core/rollout/decide.ts';
import type { Gate, RolloutEvent } from '../../../core/rollout/event.ts';
import { bakeOf, PAUSE_SECONDS_MAX } from '../../../core/rollout/timing.ts';
import {
  aborted,
  actor,
  directiveAt,
  given,
  intended,
  measured,
  minute,
  onFirstStep,
  opened,
  paused,
  proven,
  raised,
  record,
  resumed,
  revertOrdered,
  shifted,
  smokeAnswered,
  smokeHooks,
  stateAfter,
  TWO_TARGETS,
  token,
} from './given.ts';

const held = (minutes: number, reason: string) =>
  paused(minutes, {
    by: SPILLWAY,
    why: 'irreversible',
    reason: `${reason}; it is not reversible, so the weight is held`,
  });
const DAY = PAUSE_SECONDS_MAX / 60;
const once = (more = {}) => onFirstStep({ reversible: false, ...more });

describe('a release that is not reversible', () => {
  test('keeps its weight where it is worse, and someone is paged', () => {
    given(once())
      .when(record('fail', [1, 3]), 4)
      .then(measured('fail', [1, 3]), held(4, 'it is fail'));
    expect(directiveAt(4, once(), measured('fail', [1, 3]), held(4, 'it is fail')).kind).toBe('hold');
  });

  test('calls people once a day, not at every tick', () => {
    const history = [...once(), measured('fail', [1, 3]), held(4, 'it is fail')];
    given(history)
      .when(record('fail', [1, 4]), 5)
      .then(measured('fail', [1, 4]));
    given(history)
      .when(record('fail', [1, 3 + DAY]), 4 + DAY)
      .then(measured('fail', [1, 3 + DAY]), held(4 + DAY, 'it is fail'));
  });

  test('pages again each day while nothing about it can be measured', () => {
    const reason = 'nothing could be measured: it is broken';
    const blind = paused(6, { by: SPILLWAY, why: 'broken', reason, until: minute(6 + 60) });
    const history = [...once(), blind];
    given(history)
      .when(record('broken', [1, 30]), 31)
      .then(measured('broken', [1, 30]));
    given(history)
      .when(record('broken', [1, 66]), 67)
      .then(
        measured('broken', [1, 66]),
        paused(67, { by: SPILLWAY, why: 'broken', reason, until: minute(67 + DAY) }),
      );
  });

  test('is held also by an alarm and by an execution that dies again and again', () => {
    const alarms = [{ name: 'orders-low', red: false }];
    given(once({ alarms }))
      .when({ type: 'ReportAlarm', alarm: 'orders-low', since: minute(2) }, 3)
      .then(
        { type: 'AlarmRaised', at: minute(3), alarm: 'orders-low', since: minute(2) },
        held(3, 'alarm orders-low went off'),
      );
  });

  test('is not reverted by a pause that ran out or by the deadline', () => {
    const deadline = minute(10);
    expect(directiveAt(5, once(), paused(1, { until: minute(4) })).kind).toBe('measure');
    expect(directiveAt(11, once({ deadline })).kind).toBe('measure');
    expect(directiveAt(11, once({ deadline }), measured('pass', [1, 10])).kind).not.toBe('revert');
  });

  test('is not reverted by a gate that nobody approved, which is waited for without end', () => {
    const gates: Gate[] = [{ before: 50, approvers: 1, by: [], timeoutSeconds: 60, onTimeout: 'revert' }];
    const history = [
      ...once({ gates }),
      measured('pass', [1, 3]),
      { type: 'GateOpened' as const, at: minute(4), gate: 50, until: minute(5) },
      measured('pass', [1, 4]),
    ];
    expect(directiveAt(5.2, history)).toEqual({ kind: 'hold', seconds: 48 });
    const approved = { type: 'Approved' as const, at: minute(5.3), gate: 50, by: proven('ada') };
    given(history)
      .when({ type: 'Approve', by: proven('ada'), gate: 50 }, 5.3)
      .then(approved);
    expect(directiveAt(5.3, history, approved).kind).toBe('shift');
  });

  test('goes on once somebody resumes', () => {
    const history = [...once(), measured('fail', [1, 3]), held(4, 'it is fail'), resumed(4.5)];
    expect(directiveAt(6, history, measured('pass', [1, 5])).kind).toBe('shift');
  });

  describe('of which the version to go back to was deleted', () => {
    const gone = (): RolloutEvent => ({ type: 'StableGone', at: minute(3), target: 'api' });

    test('is held no more, since no order could take anything back, and it only locks its targets', () => {
      given(once(), gone())
        .when(record('fail', [1, 3]), 4)
        .then(measured('fail', [1, 3]), revertOrdered(4));
      expect(directiveAt(5 + DAY, once(), paused(4), gone()).kind).toBe('revert');
    });

    test('is held as long as another target has one', () => {
      given(once({ targets: TWO_TARGETS }), gone())
        .when(record('fail', [1, 3]), 4)
        .then(measured('fail', [1, 3]), held(4, 'it is fail'));
    });

    test('takes no abort that AWS does not answer', () => {
      const abort: Command = { type: 'Abort', by: actor('ada'), reason: 'it looks odd', isUnanswered: true };
      given(once(), gone())
        .when(abort, 4)
        .thenRefused('CommandRefused', /cannot be reverted: version 7 of api does not exist any more/);
      given(once()).when(abort, 4).then(aborted(4));
    });
  });

  test('is reverted where a person aborts', () => {
    const history = [...once(), measured('fail', [1, 3]), held(4, 'it is fail')];
    const abort: Command = { type: 'Abort', by: actor('ada'), reason: 'it looks odd' };
    given(history).when(abort, 5).then(aborted(5));
    expect(directiveAt(5, history, aborted(5))).toMatchObject({ kind: 'revert', outcome: 'reverted' });
  });

  test('is held also where its targets were found changed', () => {
    const seen = { primary: '9', weights: { 8: 10 }, token: token(1) };
    const found =
      'alias live of checkout-prod-api serves version 9 and version 8 at 10 %, which this rollout did not write';
    given(once()).when({ type: 'Reconcile', target: 'api', seen }, 3).then(held(3, found));
    // Who was paged because it is worse is paged once more.
    const worse = [...once(), measured('fail', [1, 3]), held(4, 'it is fail')];
    given(worse).when({ type: 'Reconcile', target: 'api', seen }, 5).then(held(5, found));
    given(worse, held(5, found)).when({ type: 'Reconcile', target: 'api', seen }, 6).thenNothing();
    given(worse, held(5, found))
      .when(record('fail', [1, 5]), 6)
      .then(measured('fail', [1, 5]));
    const arrived = { primary: '7', weights: { 8: 50 }, token: token(2) };
    given(once(), measured('pass', [1, 3]), intended(50, 2, 4))
      .when({ type: 'Reconcile', target: 'api', seen: arrived }, 5)
      .then(shifted(50, 2, 5));
  });

  describe('of which somebody else took traffic', () => {
    const found = (share: number, more = {}): Command => {
      const weights: Record<string, number> = share === 0 ? {} : { 8: share };
      return { type: 'Reconcile', target: 'api', seen: { primary: '7', weights, token: token(1), ...more } };
    };
    const lowered = (weight: number, minutes = 3): Extract<RolloutEvent, { type: 'Lowered' }> => ({
      ...{ type: 'Lowered', at: minute(minutes), target: 'api', weight, token: token(1) },
    });
    const taken = (to: number) => `somebody took the canary of api from 10 % to ${to} %`;

    test('is held at what is left, which is told once each time, and goes back to its weight if a person resumes', () => {
      given(once())
        .when(found(4), 3)
        .then(lowered(4), held(3, taken(4)));
      const history = [...once(), lowered(4), held(3, taken(4))];
      given(history).when(found(4), 4).thenNothing();
      given(history)
        .when(found(1), 4)
        .then(lowered(1, 4), held(4, 'somebody took the canary of api from 4 % to 1 %'));
      expect(directiveAt(3.2, history, resumed(3.1))).toMatchObject({ kind: 'shift', weight: 10 });
    });

    test('is not judged by the weight that it had, nor on minutes in which nobody knows it', () => {
      const state = stateAfter(once(), lowered(4), held(3, taken(4)));
      expect([state.traffic.api?.weight, state.stepSince, bakeOf(state)]).toEqual([4, undefined, undefined]);
      expect([0, 1, 2, 3, 4].map((at) => isAlone(state, { start: minute(at) }))).toEqual([
        ...[true, true, true, false, false],
      ]);
      expect(isMoved(state, { start: minute(3) })).toBe(true);
    });

    test('ends if nothing is left, since there is nothing to hold', () => {
      const ordered = revertOrdered(3, { cause: 'drift', reason: taken(0) });
      given(once()).when(found(0), 3).then(lowered(0), ordered);
      given(once())
        .when(found(0, { token: token(2, 1, false) }), 3)
        .then(
          { type: 'Lowered', at: minute(3), target: 'api', weight: 0 },
          revertOrdered(3, { cause: 'environment', reason: 'api was reverted without the journal' }),
        );
    });

    test('is held while another target has some', () => {
      const both = [opened({ reversible: false, targets: TWO_TARGETS }), ...raised(10, 1, 0.5)];
      given(both, ...raised(10, 2, 0.6, 'worker'))
        .when(found(0), 3)
        .then(lowered(0), held(3, taken(0)));
    });

    test('is held where a raise that arrived was reverted before it was written down', () => {
      const seen = { primary: '7', weights: { 8: 20 }, token: token(2) };
      const reason = 'somebody took the canary of api from 50 % to 20 %';
      const history = [...once(), measured('pass', [1, 3]), intended(50, 2, 4)];
      const left = { ...lowered(20, 5), token: token(2) };
      const again: Command = { type: 'Reconcile', target: 'api', seen };
      given(history).when(again, 5).then(left, held(5, reason));
      given(history, left, held(5, reason)).when(again, 6).thenNothing();
    });
  });

  test('is reverted where a person has aborted without the controller', () => {
    const shut = { primary: '7', weights: {}, token: { ...token(2, 1, false), by: 'ada' } };
    given(once())
      .when({ type: 'Reconcile', target: 'api', seen: shut }, 3)
      .then(revertOrdered(3, { cause: 'human', reason: 'ada aborted without the journal', signedBy: 'ada' }));
  });

  test('is refused like any other before it has traffic', () => {
    const hooks = smokeHooks('/health');
    given(opened({ reversible: false, hooks }))
      .when({ type: 'AnswerHook', hook: 'smoke.1', status: 'fail', reason: 'GET /0 was put' }, 1)
      .then(smokeAnswered(0, 'fail', 1), revertOrdered(1, { outcome: 'refused', reason: 'GET /0 was put' }));
  });
});
