import { describe, expect, test } from 'vitest';
import type { Folded } from '../../../core/analysis/folded.ts';
import type { Finding } from '../../../core/analysis/types.ts';
import { PLANS, SPILLWAY } from '../../../core/rollout/actor.ts';
import { bytesOf, foldedBytesMax } from '../../../core/rollout/bounded.ts';
import {
  BROKEN_TICKS_MAX,
  type Command,
  decide,
  RAISES_MAX,
  TAKEOVERS_MAX,
} from '../../../core/rollout/decide.ts';
import type { Opening, RolloutEvent } from '../../../core/rollout/event.ts';
import { next } from '../../../core/rollout/next.ts';
import { bakeOf } from '../../../core/rollout/timing.ts';
import {
  aborted,
  actor,
  closed,
  decided,
  given,
  intended,
  inVerify,
  measured,
  minute,
  onFirstStep,
  onSecondStep,
  opened,
  paused,
  plan,
  promoted,
  promotionOrdered,
  raised,
  record,
  resumed,
  reverted,
  revertOrdered,
  shifted,
  smokeAnswered,
  smokeHooks,
  stateAfter,
  TWO_TARGETS,
  target,
  tick,
  token,
  tookOver,
  verdict,
} from './given.ts';

const hooks = smokeHooks('/health', '/checkout');
const answer = (index: number, status: 'pass' | 'fail' | 'broken'): Command => ({
  type: 'AnswerHook',
  hook: `smoke.${index + 1}`,
  status,
  reason: `GET /${index} was put`,
});

describe('a smoke test', () => {
  test('that passes is written down, and nothing else happens', () => {
    given(opened({ hooks }))
      .when(answer(0, 'pass'), 1)
      .then(smokeAnswered(0, 'pass', 1));
  });

  test('that fails refuses the release, because no user has met it', () => {
    given(opened({ hooks }), smokeAnswered(0, 'pass'))
      .when(answer(1, 'fail'), 1)
      .then(smokeAnswered(1, 'fail', 1), revertOrdered(1, { outcome: 'refused', reason: 'GET /1 was put' }));
  });

  test('that could not be put twice is put again', () => {
    given(opened({ hooks }), smokeAnswered(0, 'broken'))
      .when(answer(0, 'broken'), 1)
      .then(smokeAnswered(0, 'broken', 1));
    const waiting = stateAfter(opened({ hooks }), smokeAnswered(0, 'broken', 1));
    expect(next(waiting, minute(1) + 9999)).toEqual({ kind: 'hold', seconds: 1 });
    expect(next(waiting, minute(1) + 10_000)).toMatchObject({ kind: 'hook', checkpoint: { id: 'smoke.1' } });
  });

  test('that could not be put three times refuses the release without blaming it', () => {
    given(opened({ hooks }), smokeAnswered(0, 'broken'), smokeAnswered(0, 'broken'))
      .when(answer(0, 'broken'), 1)
      .then(
        smokeAnswered(0, 'broken', 1),
        revertOrdered(1, {
          cause: 'environment',
          outcome: 'refused',
          reason: 'hook smoke.1 could not be asked 3 times: GET /0 was put',
        }),
      );
  });

  test('has its own three tries: those of the one before are forgotten', () => {
    given(
      opened({ hooks }),
      smokeAnswered(0, 'broken'),
      smokeAnswered(0, 'broken'),
      smokeAnswered(0, 'pass'),
      smokeAnswered(1, 'broken'),
    )
      .when(answer(1, 'broken'), 1)
      .then(smokeAnswered(1, 'broken', 1));
  });

  test('that is answered for the second time does not count for the next one', () => {
    given(opened({ hooks }), smokeAnswered(0, 'pass')).when(answer(0, 'fail'), 1).thenNothing();
    const state = stateAfter(opened({ hooks }), smokeAnswered(0, 'pass'), smokeAnswered(0, 'pass'));
    expect(next(state, minute(1))).toMatchObject({ kind: 'hook', checkpoint: { id: 'smoke.2' } });
  });
});

describe('a raise', () => {
  const intend = (weight = 10, on = 'api'): Command => ({
    type: 'IntendShift',
    target: on,
    weight,
    expiresAt: minute(1.2),
  });
  const announcedTimes = (times: number) =>
    Array.from({ length: times }, (_, index) => intended(10, index + 1, 0.5));

  test('is announced with the next token of the present epoch', () => {
    given(onFirstStep())
      .when(intend(50), 1)
      .then(intended(50, 2, 1));
    given(opened(), tookOver(2, 0.5))
      .when(intend(), 1)
      .then({ ...intended(10, 1, 1), token: token(1, 2) });
  });

  test('of the second target takes the number after that of the first', () => {
    given(opened({ targets: TWO_TARGETS }), raised(10, 1, 0.5))
      .when(intend(10, 'worker'), 1)
      .then(intended(10, 2, 1, 'worker'));
  });

  test('may fail to be confirmed four times', () => {
    given(opened(), announcedTimes(4))
      .when(intend(), 1)
      .then(intended(10, 5, 1));
  });

  test('that was not confirmed for a quarter of an hour is given up, which does not blame the release', () => {
    given(opened(), announcedTimes(RAISES_MAX))
      .when(intend(), 1)
      .then(
        revertOrdered(1, { cause: 'environment', reason: 'api could not be raised to 10 % in 30 tries' }),
      );
  });

  test('that was confirmed forgets the tries before', () => {
    given(opened(), announcedTimes(RAISES_MAX), shifted(10, RAISES_MAX, 0.6))
      .when(intend(), 1)
      .then(intended(10, RAISES_MAX + 1, 1));
  });

  test('of one target does not use up the tries of another', () => {
    given(opened({ targets: TWO_TARGETS }), announcedTimes(RAISES_MAX))
      .when(intend(10, 'worker'), 1)
      .then(intended(10, RAISES_MAX + 1, 1, 'worker'));
  });

  test('that happened is always written down, also when it comes late', () => {
    const confirm = (weight: number): Command => ({
      type: 'ConfirmShift',
      target: 'api',
      weight,
      token: token(1),
    });
    for (const late of [[], [aborted(0.6)], [reverted(0.6)], [reverted(0.6), closed(0.6)]]) {
      given(opened(), intended(10, 1, 0.5), late)
        .when(confirm(10), 1)
        .then(shifted(10, 1, 1));
      given(opened(), intended(100, 1, 0.5), late)
        .when(confirm(100), 1)
        .then(promoted(1, 1));
    }
  });
});

describe('a tick', () => {
  test.each(['pass', 'inconclusive', 'broken'] as const)(
    'with the verdict %s before the longest bake is over is only written down',
    (status) => {
      given(onFirstStep())
        .when(record(status, [1, 3]), 4)
        .then(measured(status, [1, 3]));
      given(onFirstStep())
        .when(record(status, [1, 10.99]), 11.99)
        .then(measured(status, [1, 10.99]));
    },
  );

  test('with the verdict fail reverts the release in the same breath', () => {
    given(onFirstStep())
      .when(record('fail', [1, 2]), 3)
      .then(measured('fail', [1, 2]), revertOrdered(3));
  });

  test.each([
    ['while a person has paused it', [...onSecondStep(), paused(6)]],
    ['while it waits for evidence', [...onSecondStep(), paused(6, { why: 'inconclusive', by: SPILLWAY })]],
    ['while nothing could be measured', [...onSecondStep(), paused(6, { why: 'broken', by: SPILLWAY })]],
    ['after promotion', inVerify()],
    ['after a command to promote', [...onSecondStep(), promotionOrdered(6)]],
  ])('with the verdict fail reverts the release %s', (_, history) => {
    given(history)
      .when(record('fail', [9, 10]), 11)
      .then(measured('fail', [9, 10]), revertOrdered(11));
  });

  test('at the end of the longest bake pauses for a day where inconclusive means pause', () => {
    given(onFirstStep())
      .when(record('inconclusive', [1, 11]), 12)
      .then(
        measured('inconclusive', [1, 11]),
        paused(12, {
          by: SPILLWAY,
          why: 'inconclusive',
          reason: 'the longest bake ended without enough evidence: it is inconclusive',
        }),
      );
  });

  test('at the end of the longest bake reverts the release where inconclusive means revert', () => {
    given(onFirstStep({ plan: plan({ onInconclusive: 'revert' }) }))
      .when(record('inconclusive', [1, 11]), 12)
      .then(
        measured('inconclusive', [1, 11]),
        revertOrdered(12, {
          cause: 'environment',
          reason: 'the longest bake ended without enough evidence: it is inconclusive',
        }),
      );
  });

  test('at the end of the longest bake goes on, unproven, where inconclusive means promote', () => {
    const events = decided(
      record('inconclusive', [1, 11]),
      12,
      onFirstStep({ plan: plan({ onInconclusive: 'promote' }) }),
    );
    expect(events.slice(-2)).toEqual([
      measured('inconclusive', [1, 11]),
      promotionOrdered(12, { by: PLANS }),
    ]);
    expect(stateAfter(events).unproven).toHaveLength(1);
  });

  test.each(['inconclusive', 'broken'] as const)(
    'that is %s at the end of the longest bake has no consequence while counts are as late as others were',
    (status) => {
      const late = [...onFirstStep({ plan: plan({ onInconclusive: 'promote' }) }), tick(2, 6), tick(3, 7)];
      expect(stateAfter(late).lateness).toEqual({ api: 3 });
      expect(decided(record(status, [1, 13]), 14, late).at(-1)?.type).toBe('Measured');
      const type = status === 'broken' ? 'Paused' : 'PromotionOrdered';
      expect(decided(record(status, [1, 14]), 15, late).at(-1)).toMatchObject({ type });
    },
  );

  test('that passes at the end of the longest bake has no consequence but going on', () => {
    given(onFirstStep())
      .when(record('pass', [1, 11]), 12)
      .then(measured('pass', [1, 11]));
  });

  test('that is inconclusive in verify takes no action, however long it lasts', () => {
    given(inVerify())
      .when(record('inconclusive', [9, 90]), 91)
      .then(measured('inconclusive', [9, 90]));
  });

  test('that is inconclusive in verify for a red alarm is what the plan declares, an hour after verify', () => {
    const alarms = [{ name: 'orders-low', red: false }];
    const red = [{ name: 'orders-low', state: 'alarm' as const, since: minute(0.4) }];
    const said = (to: number) => ({ ...record('inconclusive', [9, to]), alarms: red }) as Command;
    const ending = (to: number, onInconclusive: 'pause' | 'revert' | 'promote') =>
      decided(said(to), to + 1, inVerify({ alarms, plan: plan({ onInconclusive }) }));
    expect(ending(70, 'pause').at(-1)?.type).toBe('Measured');
    expect(ending(71, 'pause').at(-1)).toMatchObject({ type: 'Paused', why: 'inconclusive' });
    expect(ending(71, 'revert').at(-1)).toMatchObject({ type: 'RevertOrdered', cause: 'environment' });
    expect(ending(71, 'promote').at(-1)).toMatchObject({ type: 'PromotionOrdered' });
    expect(next(stateAfter(ending(71, 'promote')), minute(72))).toEqual({ kind: 'close' });
  });

  test('that is inconclusive pauses again only when the bake after a resume is over', () => {
    const again = [...onFirstStep(), measured('inconclusive', [1, 11]), paused(12), resumed(20.5)];
    given(again)
      .when(record('inconclusive', [1, 30]), 31)
      .then(measured('inconclusive', [1, 30]));
    expect(decided(record('inconclusive', [1, 31]), 32, again).at(-1)).toMatchObject({ type: 'Paused' });
  });

  test('on a paused rollout does not pause it again', () => {
    given(onFirstStep(), paused(2))
      .when(record('inconclusive', [1, 11]), 12)
      .then(measured('inconclusive', [1, 11]));
  });

  test('between two weights takes no action for want of evidence', () => {
    given(opened({ targets: TWO_TARGETS }), raised(10, 1, 0.5))
      .when(record('inconclusive', [1, 30]), 31)
      .then(measured('inconclusive', [1, 30]));
  });
});

describe('what a tick would keep of older minutes', () => {
  const ticked = (bytes: number, more: Partial<Opening> = {}) => {
    const about = (text: string): Folded => ({
      ...{ end: minute(0), from: minute(0) },
      targets: { api: { series: { counts: {}, levels: {} }, history: [], tests: { [text]: {} } } },
    });
    const folded = about('x'.repeat(bytes - bytesOf(about(''))));
    expect(bytesOf(folded)).toBe(bytes);
    const state = stateAfter(onFirstStep(more));
    const [event] = decide(state, { ...record('inconclusive', [1, 2]), folded } as Command, minute(3));
    return { isKept: event?.type === 'Measured' && event.folded !== undefined, event };
  };

  test('is kept up to the room that the opening leaves in the journal, and no more of it', () => {
    const room = foldedBytesMax(bytesOf(stateAfter(onFirstStep()).opening));
    expect(ticked(room).isKept).toBe(true);
    const { isKept, event } = ticked(room + 1);
    expect(isKept).toBe(false);
    expect(event).toEqual(measured('inconclusive', [1, 2]));
    expect(ticked(room, { author: 'a name that takes room' }).isKept).toBe(false);
  });
});

describe('ticks that cannot measure', () => {
  const broken = (times: number) =>
    Array.from({ length: times }, (_, index) => measured('broken', [1, index + 1]));
  const called = (minutes: number) =>
    paused(minutes, {
      by: SPILLWAY,
      why: 'broken',
      reason: 'nothing could be measured: it is broken',
      until: minute(minutes + 60),
    });

  test('call people when there were five in a row, and the release is reverted after an hour', () => {
    expect(BROKEN_TICKS_MAX).toBe(5);
    given(onFirstStep(), broken(3))
      .when(record('broken', [1, 4]), 5)
      .then(measured('broken', [1, 4]));
    given(onFirstStep(), broken(4))
      .when(record('broken', [1, 5]), 6)
      .then(measured('broken', [1, 5]), called(6));
  });

  test('are counted from anew after one that could', () => {
    given(onFirstStep(), broken(4), measured('inconclusive', [1, 5]))
      .when(record('broken', [1, 6]), 7)
      .then(measured('broken', [1, 6]));
  });

  test('call people at the end of the longest bake, also when it is only one', () => {
    given(onFirstStep())
      .when(record('broken', [1, 11]), 12)
      .then(measured('broken', [1, 11]), called(12));
  });

  test.each(['pass', 'inconclusive'] as const)('end their own pause when one says %s', (status) => {
    given(onFirstStep(), broken(5), called(6))
      .when(record(status, [1, 6]), 7)
      .then(measured(status, [1, 6]), resumed(7, SPILLWAY));
  });

  test('do not end the pause of a person', () => {
    given(onFirstStep(), broken(2), paused(4))
      .when(record('pass', [1, 6]), 7)
      .then(measured('pass', [1, 6]));
  });

  test('have to come five times again after a resume', () => {
    given(onFirstStep(), broken(5), called(6), resumed(8))
      .when(record('broken', [1, 8]), 9)
      .then(measured('broken', [1, 8]));
  });

  test('after promotion call people too', () => {
    given(inVerify(), broken(4))
      .when(record('broken', [9, 10]), 11)
      .then(measured('broken', [9, 10]), called(11));
  });

  test.each([
    ['to 100 %', [...onSecondStep(), promotionOrdered(6, { full: true }), ...raised(100, 3, 8.5)]],
    [
      'on the way to 100 %',
      [...onSecondStep(), intended(100, 3, 8.4), promotionOrdered(8.5), promoted(3, 8.5)],
    ],
  ])('after promotion call people too where it had been ordered %s', (_, history) => {
    given(history, broken(4))
      .when(record('broken', [9, 10]), 11)
      .then(measured('broken', [9, 10]), called(11));
  });

  test.each([
    ['a person', { full: true }],
    ['the plan', { by: PLANS }],
  ])('call people also while what %s ordered waits for a gate', (_, order) => {
    const gates = [{ before: 20, approvers: 1, by: [], timeoutSeconds: 3600, onTimeout: 'promote' as const }];
    const gate = { type: 'GateOpened' as const, at: minute(1.6), gate: 20, until: minute(61.6) };
    given(onFirstStep({ gates }), promotionOrdered(1.5, order), gate, broken(3))
      .when(record('broken', [1, 4]), 5)
      .then(measured('broken', [1, 4]));
    given(onFirstStep({ gates }), promotionOrdered(1.5, order), gate, broken(4))
      .when(record('broken', [1, 5]), 6)
      .then(measured('broken', [1, 5]), called(6));
  });

  test('an hour after the verify was to end page someone, also if the promotion had been ordered', () => {
    given(onSecondStep(), promotionOrdered(6, { full: true }), raised(100, 3, 8.5))
      .when(record('broken', [9, 71]), 72)
      .then(measured('broken', [9, 71]), called(72));
  });

  test('do not ask again what a command to go on has answered: whether the longest bake may end so', () => {
    given(onFirstStep(), promotionOrdered(2))
      .when(record('broken', [1, 11]), 12)
      .then(measured('broken', [1, 11]));
  });

  test('have to come five times again after a command to go on', () => {
    given(inVerify(), broken(5), called(11), promotionOrdered(12))
      .when(record('broken', [9, 12]), 13)
      .then(measured('broken', [9, 12]));
  });
});

describe('an alarm', () => {
  const report = (since: number): Command => ({
    type: 'ReportAlarm',
    alarm: 'orders-low',
    since: minute(since),
  });
  const went = (at: number, since: number): RolloutEvent => ({
    type: 'AlarmRaised',
    at: minute(at),
    alarm: 'orders-low',
    since: minute(since),
  });
  const named = { alarms: [{ name: 'orders-low', red: false }] };

  test('that went off after the first raise reverts the release', () => {
    given(onFirstStep(named))
      .when(report(1), 2)
      .then(went(2, 1), revertOrdered(2, { cause: 'environment', reason: 'alarm orders-low went off' }));
  });

  test('that went off between opening and first raise is only written down', () => {
    given(onFirstStep(named)).when(report(0.4), 2).then(went(2, 0.4));
    given(opened(named)).when(report(0.4), 2).then(went(2, 0.4));
  });

  test('of which the breaching data points ended before the first raise is only written down', () => {
    const events = (breachedAt: number) =>
      decide(
        stateAfter(onFirstStep(named)),
        { type: 'ReportAlarm', alarm: 'orders-low', since: minute(1), breachedAt: minute(breachedAt) },
        minute(2),
      ).map(({ type }) => type);
    expect(events(0.4)).toEqual(['AlarmRaised']);
    expect(events(1)).toEqual(['AlarmRaised', 'RevertOrdered']);
  });

  test('blames the release only if the comparison shows the canary worse', () => {
    const causes = (evidence: number) => {
      const finding = {
        ...{ target: 'api', metric: 'errors', status: 'pass', windows: 2, evidence },
        ...{ canary: { bad: 0, total: 1 }, stable: { bad: 0, total: 1 }, reason: '' },
      };
      const event = measured('inconclusive', [1, 3]) as Extract<RolloutEvent, { type: 'Measured' }>;
      const worse = { ...event, verdict: { ...event.verdict, findings: [finding] } } as RolloutEvent;
      return decide(
        stateAfter([...onFirstStep(named), worse]),
        { type: 'ReportAlarm', alarm: 'orders-low', since: minute(3) },
        minute(4),
      ).flatMap((each) => (each.type === 'RevertOrdered' ? [each.cause] : []));
    };
    expect(causes(0)).toEqual(['environment']);
    expect(causes(10)).toEqual(['canary']);
  });

  const wasRed = { alarms: [{ name: 'orders-low', red: true }] };

  test('that was red at opening and still is is only written down', () => {
    given(onFirstStep(wasRed)).when(report(-1), 2).then(went(2, -1));
  });

  test('that was red at opening and went off again counts, also if nobody saw it recover', () => {
    given(onFirstStep(wasRed))
      .when(report(4), 5)
      .then(went(5, 4), revertOrdered(5, { cause: 'environment', reason: 'alarm orders-low went off' }));
  });
});

describe('once it is leaving', () => {
  test.each<[string, Command, RolloutEvent]>([
    ['a smoke test that fails', answer(0, 'fail'), smokeAnswered(0, 'fail', 4)],
    ['a verdict fail', record('fail', [1, 3]), measured('fail', [1, 3])],
    ['a fifth takeover', { type: 'TakeOver', reason: 'nothing happened' }, tookOver(2, 4)],
  ])('%s changes nothing about the reason', (_, command, event) => {
    given(onFirstStep({ hooks }), aborted(2)).when(command, 4).then(event);
    expect(stateAfter(onFirstStep({ hooks }), aborted(2), event).leaving?.reason).toBe(
      'ada aborted: it looks odd',
    );
  });

  test('a second reason to leave does not replace the first', () => {
    const { leaving } = stateAfter(onFirstStep(), aborted(2), revertOrdered(3));
    expect(leaving).toMatchObject({ cause: 'human', at: minute(2) });
  });

  test('a stranger seen halts it all the same', () => {
    const seen: RolloutEvent = { type: 'DriftDetected', at: minute(3), target: 'api', found: 'version 9' };
    expect(stateAfter(onFirstStep(), aborted(2), seen).leaving).toMatchObject({ outcome: 'halted' });
    expect(stateAfter(onFirstStep(), seen, aborted(4)).leaving).toMatchObject({ outcome: 'halted' });
  });
});

describe('facts after the end', () => {
  test.each<[string, Command]>([
    ['a smoke answer', answer(0, 'fail')],
    ['a verdict', record('fail', [1, 3])],
    ['an alarm', { type: 'ReportAlarm', alarm: 'orders-low', since: minute(3) }],
    ['a takeover', { type: 'TakeOver', reason: 'nothing happened' }],
    ['a second close', { type: 'Close' }],
    [
      'a second revert',
      {
        type: 'RecordRevert',
        cause: 'canary',
        reason: 'again',
        targets: [{ name: 'api', primary: '7', changed: true, drifted: false }],
      },
    ],
    [
      'what a target looks like',
      { type: 'Reconcile', target: 'api', seen: { primary: '9', weights: {}, token: undefined } },
    ],
  ])('are dropped: %s', (_, command) => {
    given(onFirstStep({ hooks }), reverted(3), closed(3)).when(command, 4).thenNothing();
  });
});

describe('a revert', () => {
  const back = { name: 'api', primary: '7', changed: true, drifted: false };
  const recordRevert = (targets: (typeof back)[], more = {}): Command => ({
    type: 'RecordRevert',
    targets,
    cause: 'environment',
    reason: 'reverted',
    ...more,
  });

  test('ends the rollout for the reason it was ordered for', () => {
    given(onFirstStep(), measured('fail', [1, 2]), revertOrdered(3))
      .when(recordRevert([back]), 3)
      .then(
        { type: 'Reverted', at: minute(3), targets: [back], cause: 'canary', reason: 'it is fail' },
        { type: 'RolloutClosed', at: minute(3), outcome: 'reverted', reason: 'it is fail' },
      );
  });

  test('that nobody ordered ends it with the reason it brings, and what users met', () => {
    const exposure = { requests: 412, failed: 9, seconds: 38 };
    given(onFirstStep())
      .when(recordRevert([back], { exposure }), 3)
      .then(
        {
          type: 'Reverted',
          at: minute(3),
          targets: [back],
          cause: 'environment',
          reason: 'reverted',
          exposure,
        },
        { type: 'RolloutClosed', at: minute(3), outcome: 'reverted', reason: 'reverted' },
      );
  });

  test('of a release that never met a request is a refusal', () => {
    const events = decided(recordRevert([{ ...back, changed: false }]), 3, opened());
    expect(stateAfter(events).outcome).toBe('refused');
  });

  test.each([
    ['before the raise was announced', [opened(), aborted(0.4)], 'refused'],
    ['after the raise was announced', [opened(), intended(10, 1, 0.4), aborted(0.5)], 'reverted'],
  ])('after an abort %s ends %s', (_, history, outcome) => {
    expect(stateAfter(decided(recordRevert([back]), 1, history)).outcome).toBe(outcome);
  });

  test('that meets a stranger halts the rollout', () => {
    const events = decided(
      recordRevert([{ ...back, primary: '9', drifted: true }]),
      3,
      onFirstStep(),
      revertOrdered(2),
    );
    expect(stateAfter(events).outcome).toBe('halted');
  });

  test('after which somebody gave the canary traffic again halts the rollout, and says so', () => {
    const again = { ...back, primary: '8', changed: false, regained: true };
    for (const found of [again, { ...again, primary: '7', changed: true }]) {
      const { outcome, reason, leaving } = stateAfter(
        decided(recordRevert([found]), 4, onFirstStep(), measured('fail', [1, 2]), revertOrdered(3)),
      );
      expect(outcome).toBe('halted');
      expect(reason).toMatch(/^it is fail; somebody else gave version 8 of api traffic after the revert/);
      expect(leaving?.cause).toBe('canary');
    }
  });

  test('that finds every target sealed on the canary completes the rollout, whose close was lost', () => {
    given(inVerify(), measured('pass', [9, 11]))
      .when(recordRevert([{ ...back, primary: '8', changed: false }]), 13)
      .then({ type: 'RolloutClosed', at: minute(13), outcome: 'completed', reason: 'proven: it is pass' });
  });

  test('that took one of two targets back is no completion', () => {
    const both = [
      { ...back, primary: '8', changed: false },
      { ...back, name: 'worker', primary: '3' },
    ];
    const events = decided(recordRevert(both), 3, onFirstStep({ targets: TWO_TARGETS }));
    expect(stateAfter(events).outcome).toBe('halted');
  });
});

describe('a close', () => {
  const close: Command = { type: 'Close' };
  const reasonOf = (...history: RolloutEvent[]) => stateAfter(decided(close, 12, history)).reason;

  test('completes the rollout, with the evidence it rests on', () => {
    given(inVerify(), measured('pass', [9, 11]))
      .when(close, 12)
      .then({ type: 'RolloutClosed', at: minute(12), outcome: 'completed', reason: 'proven: it is pass' });
  });

  test('without a verify rests on the steps', () => {
    expect(reasonOf(...inVerify({ plan: plan({ verifySeconds: 0 }) }))).toBe('proven: every step passed');
  });

  test('without a verify calls no release proven that failed more than stable at the last step, though that may be chance', () => {
    const counts = { canary: { bad: 9, total: 109 }, stable: { bad: 161, total: 8_930 } };
    const found = (more: Partial<Finding>): Finding => ({
      ...{ target: 'api', metric: 'http5xx', status: 'pass', ...counts, windows: 3, evidence: 0.2 },
      ...{ skipped: [], reason: 'http5xx: canary 9 of 109 failed', ...more },
    });
    const closes = (verifySeconds: number, ...findings: Finding[]) => {
      const { verdict: passed, ...tick } = measured('pass', [5, 7]);
      const step = [
        ...onSecondStep({ plan: plan({ verifySeconds }) }),
        { ...tick, verdict: { ...passed, findings } },
      ];
      return reasonOf(...step, ...raised(100, 3, 8.5));
    };
    const unlike =
      'unproven: at its last step it failed more often than stable: http5xx: canary 9 of 109 failed';
    expect(closes(0, found({ evidence: 1.2 }))).toBe(unlike);
    expect(closes(0, found({ doubt: 1.2 }))).toBe(unlike);
    expect(closes(0, found({ doubt: 1 }))).toBe('proven: every step passed');
    expect(closes(0, found({ metric: 'traffic', doubt: 1.2 }))).toBe('proven: every step passed');
    expect(closes(120, found({ doubt: 1.2 }))).toBe('proven: every step passed');
  });

  test('says that a release was promoted by a person before its evidence was complete', () => {
    expect(reasonOf(...onFirstStep(), promotionOrdered(2), ...inVerify().slice(4))).toBe(
      'unproven: ada promoted it before its evidence was complete',
    );
  });

  test('says that a release which went from 0 to 100 % was never compared', () => {
    expect(reasonOf(opened({ plan: plan({ steps: [] }) }), ...raised(100, 1, 0.5))).toBe(
      'unproven: it went from 0 to 100 % in one step',
    );
  });

  test('does not call an inconclusive verify a proof', () => {
    expect(reasonOf(...inVerify(), measured('inconclusive', [9, 11]))).not.toContain(
      'proven: it is inconclusive',
    );
  });

  test('does not call a release proven if an alarm has lost its data since the first raise', () => {
    const alarms = [{ name: 'orders-low', red: false }];
    const seen = (state: 'ok' | 'insufficient') => [{ name: 'orders-low', state, since: minute(9) }];
    const reason = (state: 'ok' | 'insufficient') =>
      reasonOf(...inVerify({ alarms }), measured('pass', [9, 11], seen(state)));
    expect(reason('ok')).toBe('proven: it is pass');
    expect(reason('insufficient')).toBe(
      'unproven: alarm orders-low has had too little data since the first raise',
    );
  });

  test('is none while the rollout is paused, as by what the last look at its targets found', () => {
    given(inVerify(), measured('pass', [9, 11]), paused(11.9, { by: SPILLWAY, why: 'irreversible' }))
      .when(close, 12)
      .thenNothing();
  });

  test.each([
    [0.5, /^proven: it is pass; api: uncounted losses below 50 %/],
    [0.51, /^unproven: api: uncounted losses below 51 % of the canary's requests are not visible$/],
    [null, /^unproven: api: uncounted losses of the canary's requests are not visible, however large$/],
  ])('proves nothing of a canary that could lose most of its requests unseen: %s', (share, reason) => {
    const state = { ...stateAfter(inVerify(), measured('pass', [9, 11])), lossSeen: { api: share } };
    const of = (more: object) => decide({ ...state, ...more }, close, minute(12))[0];
    expect(of({})).toMatchObject({ reason: expect.stringMatching(reason) });
    expect(of({ byProbes: true })).toMatchObject({ reason: expect.stringMatching(/^proven by probes/) });
  });

  test.each([
    [900, 0.1, /^proven: /],
    [
      900,
      0.11,
      /^unproven: api: uncounted losses below 11 % of the canary's requests are not visible; its requests may hang for 15 min, and none of its bakes was longer than 2 min$/,
    ],
    // What hangs for no longer than a bake is counted in it.
    [120, 0.11, /^proven: /],
  ])(
    'proves nothing of a canary whose requests could hang unseen: time-out %d s, %s',
    (seconds, share, reason) => {
      const rollout = stateAfter(inVerify({ timeouts: { api: seconds } }), measured('pass', [9, 11]));
      const [closed] = decide({ ...rollout, lossSeen: { api: share } }, close, minute(12));
      expect(closed).toMatchObject({ reason: expect.stringMatching(reason) });
    },
  );

  test('after an abort is no completion: close on a rollout that is leaving', () => {
    given(inVerify(), measured('pass', [9, 11]), aborted(11.9))
      .when(close, 12)
      .thenNothing();
  });
});

describe('a takeover', () => {
  const takeOver: Command = { type: 'TakeOver', reason: 'nothing happened' };

  test('raises the epoch', () => {
    given(onFirstStep()).when(takeOver, 5).then(tookOver(2, 5));
    expect(stateAfter(onFirstStep(), tookOver(2, 5))).toMatchObject({ epoch: 2, takeovers: 1, ticks: 0 });
  });

  test('for the fifth time gives up, which does not blame the release', () => {
    expect(TAKEOVERS_MAX).toBe(5);
    const four = [2, 3, 4, 5].map((epoch) => tookOver(epoch, epoch));
    given(onFirstStep(), four)
      .when(takeOver, 6)
      .then(
        tookOver(6, 6),
        revertOrdered(6, {
          cause: 'environment',
          reason: 'its execution died 5 times, last because nothing happened',
        }),
      );
  });
});

test('a continuation raises the epoch, counts ticks from anew and is no takeover', () => {
  given(onFirstStep(), measured('pass', [1, 2]))
    .when({ type: 'Continue' }, 5)
    .then({ type: 'Continued', at: minute(5), epoch: 2 });
  const after = decided({ type: 'Continue' }, 5, onFirstStep(), measured('pass', [1, 2]));
  expect(stateAfter(after)).toMatchObject({ epoch: 2, ticks: 0, takeovers: 0 });
});

describe('a person', () => {
  const pause: Command = { type: 'Pause', by: actor('ada'), reason: 'lunch' };
  const resume: Command = { type: 'Resume', by: actor('ada') };
  const abort: Command = { type: 'Abort', by: actor('ada'), reason: 'it looks odd' };
  const promote = (more: { step?: number; full?: boolean } = {}): Command => ({
    type: 'Promote',
    by: actor('ada'),
    full: false,
    ...more,
  });

  test('pauses for a day at most', () => {
    given(onFirstStep()).when(pause, 2).then(paused(2));
    given(opened()).when(pause, 0.2).then(paused(0.2));
    given(inVerify()).when(pause, 10).then(paused(10));
  });

  test('resumes what is paused', () => {
    given(onFirstStep(), paused(2)).when(resume, 3).then(resumed(3));
  });

  test('promotes past the present step, or to 100 %', () => {
    given(onFirstStep()).when(promote(), 2).then(promotionOrdered(2));
    given(onFirstStep())
      .when(promote({ full: true }), 2)
      .then(promotionOrdered(2, { full: true }));
  });

  test('promotes a paused rollout, which ends the pause', () => {
    given(onFirstStep(), paused(2)).when(promote(), 3).then(promotionOrdered(3));
    expect(stateAfter(onFirstStep(), paused(2), promotionOrdered(3)).pause).toBeUndefined();
  });

  test('promotes only the step that was looked at', () => {
    given(onSecondStep())
      .when(promote({ step: 1 }), 6)
      .then(promotionOrdered(6));
  });

  test('aborts at any time before the end', () => {
    for (const history of [[opened()], onFirstStep(), [...onFirstStep(), paused(2)], inVerify()])
      given(history).when(abort, 12).then(aborted(12));
  });

  test('aborts although somebody ordered to promote', () => {
    given(onFirstStep(), promotionOrdered(2, { full: true }))
      .when(abort, 3)
      .then(aborted(3));
  });

  test('aborts twice as if it were once', () => {
    given(onFirstStep(), aborted(2)).when(abort, 3).thenNothing();
    given(onFirstStep(), revertOrdered(2)).when(abort, 3).thenNothing();
  });

  test('records who aborted and why, although somebody read it off the target before', () => {
    const read = revertOrdered(2, {
      ...{ cause: 'human', reason: 'ada aborted without the journal', signedBy: 'ada' },
    });
    given(onFirstStep(), read).when(abort, 3).then(aborted(3));
    expect(stateAfter(onFirstStep(), read, aborted(3)).leaving).toMatchObject({
      ...{ at: minute(2), cause: 'human', reason: 'ada aborted: it looks odd', outcome: 'reverted' },
    });
    given(onFirstStep(), read, aborted(3)).when(abort, 4).thenNothing();
    // Of somebody else's it says nothing.
    given(onFirstStep(), read)
      .when({ ...abort, by: actor('bea') }, 3)
      .thenNothing();
  });

  test('has done what it was to do if the rollout has ended by it before it was recorded', () => {
    const read = revertOrdered(2, {
      ...{ cause: 'human', reason: 'ada aborted without the journal', signedBy: 'ada' },
    });
    const ended = [...onFirstStep(), read, reverted(2.1), closed(2.2)];
    given(ended).when(abort, 3).thenNothing();
    given(ended)
      .when({ ...abort, by: actor('bea') }, 3)
      .thenRefused('CommandRefused', /has ended/);
  });
});

test('a command for a target that the rollout does not have is a fault of the caller', () => {
  const seen = { primary: '7', weights: {}, token: token(0) };
  expect(() =>
    given(opened())
      .when({ type: 'Reconcile', target: target('other').name, seen }, 1)
      .thenNothing(),
  ).toThrow('has no target other');
});

describe('a raise is not announced', () => {
  const intend: Command = { type: 'IntendShift', target: 'api', weight: 50, expiresAt: minute(5) };

  test('once the canary has to leave, nor after the end', () => {
    given(...onFirstStep(), aborted(2))
      .when(intend, 4)
      .thenNothing();
    given(...onFirstStep(), revertOrdered(2))
      .when(intend, 4)
      .thenNothing();
    given(...onFirstStep(), closed(3, 'halted'))
      .when(intend, 4)
      .thenNothing();
  });

  test('again after as many tries at this weight as it has; those at another do not count', () => {
    const tries = (weight: number) =>
      Array.from({ length: RAISES_MAX }, (_, before) => intended(weight, before + 2, 3));
    given(...onFirstStep(), ...tries(50))
      .when(intend, 4)
      .then(
        revertOrdered(4, { cause: 'environment', reason: 'api could not be raised to 50 % in 30 tries' }),
      );
    given(...onFirstStep(), ...tries(100))
      .when(intend, 4)
      .then({ ...intended(50, RAISES_MAX + 2, 4), expiresAt: minute(5) });
  });
});

describe('what is measured during a pause', () => {
  const lacking = [...onFirstStep(), paused(12, { why: 'inconclusive' })];

  test('ends a pause for want of evidence once it passes and covers the bake', () => {
    const { to } = bakeOf(stateAfter(lacking)) ?? { to: 0 };
    const end = (to - minute(0)) / 60_000;
    const typesAfter = (command: Command) =>
      decide(stateAfter(lacking), command, minute(13)).map(({ type }) => type);
    expect(typesAfter(record('pass', [1, end - 1]))).toEqual(['Measured']);
    expect(typesAfter(record('inconclusive', [1, 12]))).toEqual(['Measured']);
    expect(typesAfter(record('pass', [1, end]))).toEqual(['Measured', 'Resumed']);
  });

  test('ends a pause in doubt once the doubt is over and something is known', () => {
    const typesAfter = (command: Command) =>
      decide(stateAfter([...onFirstStep(), paused(12, { why: 'doubt' })]), command, minute(13)).map(
        ({ type }) => type,
      );
    expect(typesAfter(record('pass', [1, 12]))).toEqual(['Measured', 'Resumed']);
    expect(typesAfter(record('broken', [1, 12]))).toEqual(['Measured']);
    const doubt = { reason: 'half of them fail' };
    const open = { ...verdict('inconclusive', 1, 12), doubt };
    expect(typesAfter({ type: 'RecordMeasure', verdict: open, alarms: [] })).toEqual(['Measured']);
  });

  test.each(['human', 'irreversible'] as const)('does not end a pause for %s', (why) => {
    const events = decide(
      stateAfter([...onFirstStep(), paused(12, { why })]),
      record('pass', [1, 12]),
      minute(13),
    );
    expect(events.map(({ type }) => type)).toEqual(['Measured']);
  });

  test('does not end the pause of a hook that could not say', () => {
    const asked: RolloutEvent = {
      type: 'HookAnswered',
      at: minute(2),
      hook: 'load',
      status: 'inconclusive',
      reason: '?',
    };
    const events = decide(
      stateAfter([...onFirstStep(), asked, paused(12, { why: 'inconclusive' })]),
      record('pass', [1, 12]),
      minute(13),
    );
    expect(events.map(({ type }) => type)).toEqual(['Measured']);
  });

  test('does not end a pause for want of data while there is none', () => {
    given(...onFirstStep(), paused(3, { why: 'broken' }))
      .when(record('broken', [1, 4]), 5)
      .then(measured('broken', [1, 4]));
  });

  test('does not end such a pause by a reading that shows less than the one before', () => {
    const blind = stateAfter(onFirstStep(), paused(3, { why: 'broken' }));
    const shown = {
      from: minute(1),
      to: minute(4),
      canary: { bad: 0, total: 9 },
      stable: { bad: 0, total: 9 },
    };
    const seen = tick(3, 4);
    const [finding] = seen.verdict.findings;
    if (finding === undefined) throw new Error('A tick has a finding.');
    const short = { ...seen.verdict, findings: [{ ...finding, shown }] };
    const recorded = (verdict: typeof seen.verdict) =>
      ({ ...record('inconclusive', [1, 4]), verdict }) as Command;
    expect(decide(blind, recorded(short), minute(5)).map(({ type }) => type)).toEqual(['Measured']);
    expect(decide(blind, recorded(seen.verdict), minute(5)).map(({ type }) => type)).toEqual([
      'Measured',
      'Resumed',
    ]);
  });

  test('pauses nothing that somebody has promoted already', () => {
    given(...onFirstStep(), promotionOrdered(2))
      .when(record('inconclusive', [1, 11]), 12)
      .then(measured('inconclusive', [1, 11]));
  });
});

describe('a completion', () => {
  const close: Command = { type: 'Close' };
  const completed = (reason: string, minutes = 12): RolloutEvent => ({
    ...(closed(minutes, 'completed') as Extract<RolloutEvent, { type: 'RolloutClosed' }>),
    reason,
  });

  test('is unproven where verify could not say, whatever else was doubted', () => {
    const silent = 'its verify could not say: it is inconclusive';
    given(...inVerify(), measured('inconclusive', [9, 11]))
      .when(close, 12)
      .then(completed(`unproven: ${silent}`));
    const doubted = stateAfter(...onFirstStep(), promotionOrdered(2), ...raised(50, 2, 4.2)).unproven;
    expect(doubted).toHaveLength(1);
    given(...onFirstStep(), promotionOrdered(2), ...raised(50, 2, 4.2), measured('pass', [5, 7]))
      .when(close, 12)
      .then(completed(`unproven: ${doubted[0]}`));
  });

  test('is proven where there was no verify to be silent', () => {
    const more = { plan: plan({ verifySeconds: 0 }) };
    given(...inVerify(more), measured('pass', [9, 10]))
      .when(close, 12)
      .then(completed('proven: it is pass'));
  });
});
