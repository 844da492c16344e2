import { describe, expect, test } from 'vitest';
import { SPILLWAY } from '../../../core/rollout/actor.ts';
import { type Command, decide, RAISES_MAX } from '../../../core/rollout/decide.ts';
import type { Gate, Opening, RevertedTarget, RolloutEvent } from '../../../core/rollout/event.ts';
import type { Rollout } from '../../../core/rollout/state.ts';
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
  promotionOrdered,
  proven,
  ROLLOUT_ID,
  reverted,
  revertOrdered,
  shifted,
  stateAfter,
  TWO_TARGETS,
  target,
} from './given.ts';

const ada = actor('ada');
const COMMANDS: Record<string, Command> = {
  pause: { type: 'Pause', by: ada, reason: 'lunch' },
  resume: { type: 'Resume', by: ada },
  promote: { type: 'Promote', by: ada, full: false },
  approve: { type: 'Approve', by: proven('ada'), gate: 50 },
  abort: { type: 'Abort', by: ada, reason: 'it looks odd' },
};
const rollsBack = { release: 'r8', rolloutId: 'checkout-api--r8--1', reason: 'odd', made: {} };
const gone = (on = 'api', minutes = 9): RolloutEvent => ({
  ...{ type: 'StableGone', at: minute(minutes), target: on },
});
const ended = [...onFirstStep(), reverted(3), closed(3)];
const leaving = [...onFirstStep(), aborted(2)];

describe('a person is refused', () => {
  test.each(Object.entries(COMMANDS))(
    '%s of what has ended, is a rollback, or is being reverted',
    (verb, command) => {
      given(ended)
        .when(command, 4)
        .thenRefused(
          'CommandRefused',
          `${ROLLOUT_ID} has ended (reverted); there is nothing left to ${verb}.`,
        );
      given(opened({ rollsBack, targets: TWO_TARGETS }))
        .when(command, 4)
        .thenRefused(
          'CommandRefused',
          `${ROLLOUT_ID} is a rollback: it leads to version 7 of api and version 3 of worker in one write and cannot ${verb}; to serve r8 again, retry checkout-api--r8--1 once it has ended.`,
        );
      if (verb === 'abort') given(leaving).when(command, 4).thenNothing();
      else
        given(leaving)
          .when(command, 4)
          .thenRefused(
            'CommandRefused',
            `${ROLLOUT_ID} is being reverted (its status says why) and cannot ${verb}; upload a new release.`,
          );
    },
  );

  const gate = (before: number, more: Partial<Gate> = {}): Gate => ({
    ...{ before, approvers: 2, by: [], timeoutSeconds: 3_600, onTimeout: 'revert' },
    ...more,
  });
  const gates = [gate(10), gate(50, { by: ['grace', 'joan'] })];
  const open = (before: number): RolloutEvent => ({
    ...{ type: 'GateOpened', at: minute(1), gate: before, until: minute(61) },
  });
  const wayBackGone: Command = { type: 'Abort', by: ada, reason: 'it looks odd', isUnanswered: true };

  test.each<[string, RolloutEvent[], Command, string]>([
    [
      'a second pause',
      [...onFirstStep(), paused(2)],
      COMMANDS.pause as Command,
      'is paused already (its status says why); resume, promote or abort it.',
    ],
    [
      'a resume of what goes on',
      onFirstStep(),
      COMMANDS.resume as Command,
      'is not paused; there is nothing to resume.',
    ],
    [
      'a promotion of what serves all',
      inVerify(),
      COMMANDS.promote as Command,
      'serves 100 % already; it is being verified.',
    ],
    [
      'a promotion of a step that was left',
      onSecondStep(),
      { type: 'Promote', by: ada, full: false, step: 0 },
      'is at step 2, not 1; look again and promote that step if you still want to.',
    ],
    [
      'an approval of no gate',
      [opened({ gates })],
      { type: 'Approve', by: ada, gate: 10 },
      'has no open gate before 10 %; look again and approve the one that is asked for.',
    ],
    [
      'an approval of another gate',
      [opened({ gates }), open(10), open(50)],
      { type: 'Approve', by: ada, gate: 42 },
      'has no open gate before 42 %, only before 10 %, 50 %; look again and approve the one that is asked for.',
    ],
    [
      'an abort that nothing would follow',
      [...inVerify({ targets: TWO_TARGETS }), gone(), gone('worker')],
      wayBackGone,
      'cannot be reverted: version 7 of api does not exist any more; version 3 of worker does not exist any more. Point alias live of checkout-prod-api and alias live of checkout-prod-worker at a version that you trust, or release a repaired one.',
    ],
  ])('%s', (_what, history, command, message) => {
    given(history).when(command, 10).thenRefused('CommandRefused', `${ROLLOUT_ID} ${message}`);
  });

  test('an approval that is for others, and one name more than are asked for changes nothing', () => {
    given(opened({ gates }), open(50))
      .when({ type: 'Approve', by: { ...proven('ada'), name: 'Ada L.', person: 'lovelace' }, gate: 50 }, 2)
      .thenRefused(
        'CommandRefused',
        `The approval of the gate before 50 % of ${ROLLOUT_ID} does not count: lovelace may not: grace, joan may.`,
      );
    const approved = (id: string): RolloutEvent => ({
      type: 'Approved',
      at: minute(2),
      gate: 10,
      by: proven(id),
    });
    const approve: Command = { type: 'Approve', by: proven('ada'), gate: 10 };
    const asked = [opened({ gates }), open(10), approved('grace')];
    given(asked).when(approve, 2).then(approved('ada'));
    given(asked, approved('joan')).when(approve, 2).thenNothing();
  });

  test('no abort, while AWS answers or one target has a way back', () => {
    const both = [...inVerify({ targets: TWO_TARGETS }), gone(), gone('worker')];
    for (const answered of [{ ...wayBackGone, isUnanswered: false } as Command, COMMANDS.abort as Command])
      given(both).when(answered, 12).then(aborted(12));
    given(both.slice(0, -1)).when(wayBackGone, 12).then(aborted(12));
  });

  test('no promotion of what serves all while it is paused or looks worse', () => {
    for (const why of [paused(11), measured('suspect', [9, 11])])
      given(inVerify(), why)
        .when(COMMANDS.promote as Command, 12)
        .then(promotionOrdered(12));
  });

  test('no answer by callback that is waited for, and each of what has ended or was not asked', () => {
    const called: Command = {
      type: 'AnswerHook',
      hook: 'load',
      status: 'pass',
      reason: 'ok',
      isCallback: true,
    };
    given(ended)
      .when(called, 4)
      .thenRefused('CommandRefused', `${ROLLOUT_ID} has ended (reverted); it waits for no answer any more.`);
    given(onFirstStep())
      .when(called, 4)
      .thenRefused(
        'CommandRefused',
        `${ROLLOUT_ID} has not asked "load"; answer with the occurrence that the question named.`,
      );
  });
});

describe('what is found of versions and moves', () => {
  const pin = (pinned: Extract<Command, { type: 'RecordPin' }>['pinned'], on = 'api'): Command => ({
    ...{ type: 'RecordPin', target: on, pinned },
  });
  const refused: RolloutEvent = { type: 'PinRefused', at: minute(9), target: 'api', reason: 'no right' };
  const notPinned = pin({ result: 'refused', why: 'no right' });
  const reported: Command = { type: 'ReportGone', target: 'api' };
  const failed: Command = { type: 'FailShift', target: 'api', reason: 'version 8 is gone' };
  const refuse: Command = { type: 'Refuse', reason: 'its image is gone' };
  const defer: Command = { type: 'Defer', until: minute(10), reason: 'many move' };
  const recall: RolloutEvent = {
    ...{ type: 'RecallOrdered', at: minute(8.6), nth: 1, weight: 25, reason: 'odd', remaining: 60 },
  };
  const back: RolloutEvent = {
    ...{ type: 'RecallEnded', at: minute(9) },
    reason: 'version 7 of api does not exist any more, so there is nothing to compare with',
  };
  const environment = { cause: 'environment' as const };

  test.each<[string, Command, RolloutEvent[], RolloutEvent[]]>([
    ['a pin that is refused', notPinned, inVerify(), [refused]],
    ['the same again', notPinned, [...inVerify(), refused], []],
    ['the same of another target', notPinned, [...inVerify(), { ...refused, target: 'worker' }], [refused]],
    ['the same while it leaves', notPinned, leaving, [refused]],
    ['the same after the end', notPinned, ended, []],
    ['no version to pin', pin({ result: 'gone' }), inVerify(), [gone()]],
    ['no version to go back to', reported, inVerify(), [gone()]],
    ['the same again', reported, [...inVerify(), gone()], []],
    ['the same of another target', reported, [...inVerify(), gone('worker')], [gone()]],
    ['the same in a recall', reported, [...inVerify(), recall], [gone(), back]],
    ['the same while it leaves', reported, leaving, []],
    ['the same after the end', reported, ended, []],
    ['no version to move to, at 100 %', failed, inVerify(), [gone()]],
    [
      'no version to move to, below that',
      failed,
      onFirstStep(),
      [revertOrdered(9, { ...environment, reason: 'version 8 is gone' })],
    ],
    [
      'no version to move to, of no target',
      { ...failed, target: 'other' } as Command,
      inVerify(),
      [revertOrdered(9, { ...environment, reason: 'version 8 is gone' })],
    ],
    ['the same while it leaves', failed, leaving, []],
    [
      'a release that cannot serve',
      refuse,
      onFirstStep(),
      [revertOrdered(9, { reason: 'its image is gone' })],
    ],
    [
      'the same for a fault of the account',
      { ...refuse, cause: 'environment' } as Command,
      [opened()],
      [revertOrdered(9, { ...environment, reason: 'its image is gone', outcome: 'refused' })],
    ],
    ['the same while it leaves', refuse, leaving, []],
    ['the same after the end', refuse, ended, []],
    [
      'a move that has no room',
      defer,
      onFirstStep(),
      [{ type: 'Deferred', at: minute(9), until: minute(10), reason: 'many move' }],
    ],
    ['the same while it leaves', defer, leaving, []],
    ['the same after the end', defer, ended, []],
    ['an execution that goes on after the end', { type: 'Continue' }, ended, []],
    [
      'a hook that is asked',
      { type: 'StartHook', hook: 'load', seconds: 90 },
      onFirstStep(),
      [{ type: 'HookStarted', at: minute(9), hook: 'load', until: minute(10.5) }],
    ],
  ])('%s', (_what, command, history, events) => {
    given(history)
      .when(command, 9)
      .then(...events);
  });

  test('a raise that is given up says why it was deferred last, until traffic moves', () => {
    const tries = Array.from({ length: RAISES_MAX }, (_, nth) => intended(50, nth + 2, 3));
    const deferred: RolloutEvent = { type: 'Deferred', at: minute(2), until: minute(3), reason: 'many move' };
    const raise: Command = { type: 'IntendShift', target: 'api', weight: 50, expiresAt: minute(9.2) };
    const givenUp = (...events: RolloutEvent[]) =>
      decided(raise, 9, onFirstStep(), events, tries).at(-1) as Extract<
        RolloutEvent,
        { type: 'RevertOrdered' }
      >;
    expect(givenUp(deferred).reason).toBe('api could not be raised to 50 % in 30 tries: many move');
    expect(givenUp(deferred, shifted(11, 2, 2.5)).reason).toBe('api could not be raised to 50 % in 30 tries');
  });
});

describe('a revert says what a person has to do', () => {
  const found = (more: Partial<RevertedTarget> = {}): RevertedTarget => ({
    ...{ name: 'api', primary: '7', changed: true, drifted: false },
    ...more,
  });
  const ends = (targets: RevertedTarget[], history: RolloutEvent[]) => {
    const command: Command = { type: 'RecordRevert', targets, cause: 'environment', reason: 'odd' };
    const event = decided(command, 12, history).at(-1);
    return event?.type === 'RolloutClosed' ? [event.outcome, event.reason] : undefined;
  };
  const drift: RolloutEvent = { type: 'DriftDetected', at: minute(9), target: 'api', found: 'version 9' };
  const two = { targets: TWO_TARGETS };
  const beside = [target('api', { stable: '7' }), target('cron', { stable: '8' })];
  const kept = 'which this rollout did not put there, so it was left as it is';

  test.each<[string, RevertedTarget[], RolloutEvent[], string, string]>([
    ['nothing', [found()], onFirstStep(), 'reverted', 'odd'],
    ['nothing where the canary was never raised', [found()], [opened()], 'refused', 'odd'],
    [
      'stable is gone',
      [found({ primary: '8', isStableGone: true })],
      inVerify(),
      'halted',
      'odd; version 7 of api does not exist any more, so version 8 still serves; point alias live of checkout-prod-api at a version that you trust',
    ],
    [
      'the canary has traffic again',
      [found({ regained: true, drifted: true })],
      onFirstStep(),
      'halted',
      'odd; somebody else gave version 8 of api traffic after the revert',
    ],
    [
      'the alias is gone',
      [found({ primary: 'none', drifted: true })],
      onFirstStep(),
      'halted',
      'odd; alias live of checkout-prod-api does not exist any more; create it again, on a version that you trust',
    ],
    [
      'another version serves',
      [found({ primary: '9', drifted: true })],
      onFirstStep(),
      'halted',
      'odd; api serves version 9, which this rollout did not put there',
    ],
    [
      'the same, which was told before',
      [found({ primary: '9', drifted: true })],
      [...onFirstStep(), drift],
      'halted',
      'version 9',
    ],
    [
      'the alias is gone, whatever was told before',
      [found({ primary: 'none', drifted: true })],
      [...onFirstStep(), drift],
      'halted',
      'version 9; alias live of checkout-prod-api does not exist any more; create it again, on a version that you trust',
    ],
    [
      'another version keeps a share',
      [found({ foreign: { 5: 20 } })],
      onFirstStep(),
      'halted',
      `odd; version 5 keeps 20 % of api, ${kept}; remove it from alias live of checkout-prod-api if nobody needs it`,
    ],
    [
      'the same, which was told before',
      [found({ foreign: { 5: 20 } })],
      [...onFirstStep(), drift],
      'halted',
      'version 9',
    ],
    [
      'the canary keeps a share',
      [found({ foreign: { 8: 20 } })],
      [opened({ reversible: false })],
      'halted',
      `odd; version 8 keeps 20 % of api, ${kept}; the release is not reversible, so a person must decide whether it stays`,
    ],
    [
      'another version serves, or keeps a share, for which it was reverted',
      [found(), found({ name: 'worker', primary: '9', drifted: true })],
      [...onFirstStep(two), revertOrdered(9, { cause: 'drift', reason: 'version 9' })],
      'halted',
      'version 9',
    ],
    [
      'another version keeps a share, for which it was reverted',
      [found({ foreign: { 5: 20 } }), found({ name: 'worker', primary: '3' })],
      [...onFirstStep(two), revertOrdered(9, { cause: 'drift', reason: 'version 5' })],
      'halted',
      'version 5',
    ],
    [
      'a rollback did not lead back',
      [found({ primary: '8' })],
      [opened({ rollsBack })],
      'halted',
      'odd; api still serves version 8, since another rollout moves alias live of checkout-prod-api',
    ],
    ['a rollback led back', [found()], [opened({ rollsBack })], 'completed', 'odd'],
    [
      'what something else had put there before stays',
      [found()],
      onFirstStep({ adopted: { reason: 'drift', beside } }),
      'halted',
      'odd; something else had put api on version 8 of this release before it came, so it was not reverted; point alias live of checkout-prod-api at version 7, which completed here last; something else had put cron on version 8 of this release before it came, so it was not reverted; point alias live of checkout-prod-cron at a version that you trust',
    ],
  ])('%s', (_what, targets, history, outcome, reason) => {
    expect(ends(targets, history)).toEqual([outcome, reason]);
  });

  test.each<[string, Partial<RevertedTarget>, Partial<Opening>, boolean]>([
    ['the canary serves and nothing was changed', {}, {}, true],
    ['something was changed', { changed: true }, {}, false],
    ['somebody gave it traffic again', { regained: true }, {}, false],
    ['stable is gone', { isStableGone: true }, {}, false],
    ['the canary is kept for a person', { foreign: { 8: 100 } }, {}, false],
    ['it has no other version', {}, { targets: [target('api', { stable: '8' })] }, false],
    ['it is a rollback', {}, { rollsBack }, false],
    ['stable serves', { primary: '7' }, {}, false],
  ])('or completes, where the close was lost: %s', (_what, more, opening, isComplete) => {
    const end = ends([found({ primary: '8', changed: false, ...more })], inVerify(opening));
    expect(end?.[0] === 'completed' && end[1]?.startsWith('proven')).toBe(isComplete);
  });
});

describe('what a completion is called', () => {
  const proven = [...inVerify(), measured('pass', [9, 11])];
  const named = (more: Partial<Rollout> = {}, history = proven) => {
    const [event] = decide({ ...stateAfter(history), ...more }, { type: 'Close' }, minute(12));
    return event?.type === 'RolloutClosed' ? event.reason : undefined;
  };
  const alarms = [
    { name: 'late', red: false },
    { name: 'orders', red: false },
  ];
  const seen = (late: 'ok' | 'insufficient' | 'gone', orders: typeof late) => [
    { name: 'late', state: late, since: minute(9) },
    { name: 'orders', state: orders, since: minute(9) },
  ];
  const timeouts = { api: 901, worker: 121, cron: 120 };
  const held = plan({
    steps: [
      { weight: 10, bakeSeconds: 120, maxBakeSeconds: 600 },
      { weight: 50, bakeSeconds: 480, maxBakeSeconds: 480, isHoldout: true },
    ],
  });

  test.each<[string, Parameters<typeof named>, string]>([
    ['by its verdict', [], 'proven: it is pass'],
    ['without one', [{ verdict: undefined }], 'proven: every step passed'],
    ['by the probes of a step', [{ byProbes: true }], 'proven by probes: it is pass'],
    [
      'by the probes of verify',
      [{ verdict: { ...measured('pass', [9, 11]).verdict, byProbes: true } }],
      'proven by probes: it is pass',
    ],
    [
      'with a loss that did not show',
      [{ lossSeen: { api: 0.125, worker: 0.5 } }],
      "proven: it is pass; api: uncounted losses below 13 % of the canary's requests are not visible; worker: uncounted losses below 50 % of the canary's requests are not visible",
    ],
    [
      'with a loss of most of it that no count would show, unless probes do',
      [{ lossSeen: { api: 0.51, worker: 0.5 } }],
      "unproven: api: uncounted losses below 51 % of the canary's requests are not visible",
    ],
    [
      'with the least share of failures that its steps find',
      [{}, [...inVerify({ leastFound: 0.0065 }), measured('pass', [9, 11])]],
      'proven: it is pass; no step finds a release that fails less than 0.65 %',
    ],
    [
      'with steps that find none',
      [{ byProbes: true }, [...inVerify({ leastFound: 1 }), measured('pass', [9, 11])]],
      'proven by probes: it is pass; no step could find failures at the traffic of its opening',
    ],
    [
      'with time-outs that are longer than each bake',
      [{}, [...inVerify({ timeouts }), measured('pass', [9, 11])]],
      'proven: it is pass; what runs for longer than 2 min is not counted in it: api may run for 15 min, worker may run for 2 min',
    ],
    [
      'with time-outs that are longer than the holdout and verify together',
      [{}, [...inVerify({ timeouts, plan: held }), measured('pass', [9, 11])]],
      'proven: it is pass; 4 min of its verify had stable beside it; what runs for longer than 10 min is not counted in it: api may run for 15 min',
    ],
    [
      'after a doubt that nothing answered',
      [{ unanswered: 'half of it failed' }],
      'unproven: half of it failed; no share of the traffic went back to stable to find out why',
    ],
    [
      'after one that a recall did not answer',
      [{ unanswered: 'half of it failed', recalls: [{ from: minute(9), to: minute(10) }] }],
      'unproven: half of it failed; the recall before it did not show why',
    ],
    [
      'after one that two recalls did not answer',
      [{ unanswered: 'half of it failed', recalls: [{ from: minute(9) }, { from: minute(10) }] }],
      'unproven: half of it failed; the 2 recalls before it did not show why',
    ],
    [
      'where verify could not say',
      [{}, [...inVerify(), measured('inconclusive', [9, 11])]],
      'unproven: its verify could not say: it is inconclusive',
    ],
    [
      'where there was no verify',
      [{}, [...inVerify({ plan: plan({ verifySeconds: 0 }) }), measured('inconclusive', [9, 11])]],
      'proven: it is inconclusive',
    ],
    [
      'where nothing was promoted',
      [{ promotedAt: undefined }, [...inVerify(), measured('inconclusive', [9, 11])]],
      'proven: it is inconclusive',
    ],
    [
      'after alarms that lost their data or their names, and after all that was doubted',
      [
        { unproven: ['it was odd'], unanswered: 'half failed', lossSeen: { api: null } },
        [...inVerify({ alarms }), measured('inconclusive', [9, 11], seen('insufficient', 'gone'))],
      ],
      "unproven: it was odd; half failed; no share of the traffic went back to stable to find out why; its verify could not say: it is inconclusive; alarm late has had too little data since the first raise; alarm orders was deleted or renamed during the rollout; api: uncounted losses of the canary's requests are not visible, however large",
    ],
    [
      'where it looked worse at the end',
      [{}, [...inVerify(), measured('suspect', [9, 11])]],
      'unproven: at 100 % it looked worse: it is suspect',
    ],
  ])('%s', (_what, asked, reason) => {
    expect(named(...asked)).toBe(reason);
  });

  test.each<[number, number, number, string]>([
    [0, 59, 0, ''],
    [0, 60, 0, '; 60 s of its verify had stable beside it'],
    [0, 179, 0, '; 2 min of its verify had stable beside it'],
    [60, 179, 1, '; 60 s of its verify had stable beside it, after a recall'],
    [0, 300, 2, '; 5 min of its verify had stable beside it, after 2 recalls'],
    [0, 59, 1, ''],
  ])(
    'with the whole minutes that had stable beside it: alone for %d of %d s, %d recalls',
    (alone, seconds, recalls, said) => {
      const to = minute(11);
      const verifySince = to - seconds * 1000;
      expect(
        named({
          verifySince,
          alone: alone === 0 ? [] : [{ from: verifySince, to: verifySince + alone * 1000 }],
          recalls: Array.from({ length: recalls }, () => ({ from: verifySince, to: verifySince })),
        }),
      ).toBe(`proven: it is pass${said}`);
    },
  );

  test('is nothing while it is paused, leaves or has ended', () => {
    expect(decide(stateAfter(proven), { type: 'Close' }, minute(12))).toHaveLength(1);
    for (const event of [paused(11.5, { by: SPILLWAY }), aborted(11.5), closed(11.5, 'completed')])
      given(proven, event).when({ type: 'Close' }, 12).thenNothing();
  });
});
