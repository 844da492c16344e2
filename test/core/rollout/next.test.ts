import { describe, expect, test } from 'vitest';
import type { Opening, RolloutEvent } from '../../../core/rollout/event.ts';
import { DIRECTIVE_KINDS, isAwaited, isHeld } from '../../../core/rollout/next.ts';
import { TICKS_MAX } from '../../../core/rollout/timing.ts';
import {
  aborted,
  closed,
  decided,
  directiveAt,
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
  tookOver,
} from './given.ts';

const hooks = smokeHooks('/health', '/checkout');
const ask = (index: number) => ({
  kind: 'hook',
  checkpoint: { kind: 'hook', id: `smoke.${index + 1}`, hook: hooks[index] },
});
const shift = (weight: number, on = 'api') => ({ kind: 'shift', target: on, weight });
const promote = (on = 'api') => ({ kind: 'promote', target: on });

test('the kinds of directive are those that the state machine chooses by', () => {
  expect([...DIRECTIVE_KINDS].sort()).toEqual(
    [
      ...['close', 'continue', 'done', 'hold', 'hook', 'left', 'measure', 'promote', 'publish', 'revert'],
      'shift',
    ].sort(),
  );
});

describe('before the first raise', () => {
  test('every smoke test has to pass, in its order', () => {
    expect(directiveAt(0.1, opened({ hooks }))).toEqual(ask(0));
    expect(directiveAt(0.2, opened({ hooks }), smokeAnswered(0, 'broken'))).toEqual(ask(0));
    expect(directiveAt(0.1, opened({ hooks }), smokeAnswered(0, 'pass'))).toEqual(ask(1));
    const passed = [smokeAnswered(0, 'pass'), smokeAnswered(1, 'pass')];
    expect(directiveAt(0.1, opened({ hooks }), passed)).toEqual(shift(10));
  });

  test('a command to promote does not skip the smoke tests', () => {
    expect(directiveAt(0.1, opened({ hooks }), promotionOrdered(0, { full: true })).kind).toBe('hook');
  });

  test('a pause holds the smoke tests back', () => {
    expect(directiveAt(1, opened({ hooks }), paused(0))).toEqual({ kind: 'hold', seconds: 3600 });
  });
});

describe('a step', () => {
  test('is raised again while its raise was not confirmed', () => {
    expect(directiveAt(0.6, opened(), intended(10, 1, 0.5))).toEqual(shift(10));
  });

  test('is held until the next window has settled', () => {
    expect(directiveAt(0.5, onFirstStep())).toEqual({ kind: 'hold', seconds: 30 });
    expect(directiveAt(1, onFirstStep())).toEqual({ kind: 'measure' });
    expect(directiveAt(2.25, onFirstStep(), measured('pass', [1, 1]))).toEqual({ kind: 'hold', seconds: 45 });
  });

  test('is left on a pass that covers its whole bake', () => {
    expect(directiveAt(4, onFirstStep(), measured('pass', [1, 3]))).toEqual(shift(50));
    expect(directiveAt(8, onSecondStep(), measured('pass', [5, 7]))).toEqual(promote());
  });

  test('is held on a pass that covers a part of its bake', () => {
    expect(directiveAt(3, onFirstStep(), measured('pass', [1, 2])).kind).toBe('hold');
  });

  test.each(['inconclusive', 'broken'] as const)('is held on a verdict %s', (status) => {
    expect(directiveAt(4, onFirstStep(), measured(status, [1, 3])).kind).toBe('hold');
  });

  test('is held on a pass whose bake began at another moment', () => {
    expect(directiveAt(5, onFirstStep(), measured('pass', [0, 4])).kind).toBe('hold');
    expect(directiveAt(8, onSecondStep(), measured('pass', [1, 7])).kind).toBe('hold');
  });

  test('forgets the verdict of the step before', () => {
    expect(directiveAt(4.3, onSecondStep()).kind).toBe('hold');
  });

  test('is left on an inconclusive verdict at its longest where that means promote', () => {
    const patient = { plan: plan({ onInconclusive: 'promote' }) };
    const ends = (status: 'inconclusive' | 'broken', to: number, more: Partial<Opening> = patient) =>
      directiveAt(to + 1, decided(record(status, [1, to]), to + 1, onFirstStep(more)));
    expect(ends('inconclusive', 11)).toEqual(shift(50));
    expect(ends('inconclusive', 10).kind).toBe('hold');
    expect(ends('broken', 11).kind).toBe('hold');
    expect(ends('inconclusive', 11, {}).kind).toBe('hold');
  });

  test('is left on a command to promote, once', () => {
    expect(directiveAt(0.8, onFirstStep(), promotionOrdered(0.7))).toEqual(shift(50));
    const onward = [promotionOrdered(0.7), ...raised(50, 2, 0.8)];
    expect(directiveAt(0.9, onFirstStep(), onward).kind).toBe('hold');
  });

  test('and all that follow are left on a command to promote to 100 %', () => {
    const order = promotionOrdered(0.7, { full: true });
    expect(directiveAt(0.8, onFirstStep(), order)).toEqual(promote());
    expect(directiveAt(0.2, opened(), promotionOrdered(0.1, { full: true }))).toEqual(promote());
    expect(directiveAt(0.9, onFirstStep(), order, raised(100, 2, 0.8)).kind).toBe('hold');
  });

  test('that is to be measured is measured before anything is raised', () => {
    expect(directiveAt(2, onFirstStep(), promotionOrdered(1.5)).kind).toBe('measure');
  });

  test('is not left because time went by', () => {
    expect(directiveAt(3_000, onFirstStep(), measured('inconclusive', [1, 2_998])).kind).toBe('measure');
  });
});

describe('several targets', () => {
  const two = { targets: TWO_TARGETS };
  const both = [opened(two), ...raised(10, 1, 0.5), ...raised(10, 2, 0.6, 'worker')];

  test('are raised in their order', () => {
    expect(directiveAt(0.1, opened(two))).toEqual(shift(10));
    expect(directiveAt(0.6, opened(two), raised(10, 1, 0.5))).toEqual(shift(10, 'worker'));
    expect(directiveAt(0.7, both).kind).toBe('hold');
  });

  test('start their bake when the last of them has arrived', () => {
    const late = [opened(two), ...raised(10, 1, 0.5), ...raised(10, 2, 1.5, 'worker')];
    expect(directiveAt(4, late, measured('pass', [1, 3])).kind).toBe('hold');
    expect(directiveAt(5, late, measured('pass', [2, 4]))).toEqual(shift(50));
  });

  test('are all brought to a step that one of them was raised to', () => {
    const partly = [...both, measured('pass', [1, 3]), ...raised(50, 3, 4.1)];
    expect(directiveAt(4.2, partly)).toEqual(shift(50, 'worker'));
  });

  test('are reverted together when the raise of one stands alone', () => {
    expect(directiveAt(0.7, opened(two), raised(10, 1, 0.5), aborted(0.6)).kind).toBe('revert');
  });

  test('are promoted one after the other, and verified when both serve the canary', () => {
    const ready = [...both, ...raised(50, 3, 0.7), ...raised(50, 4, 0.8, 'worker')];
    const order = promotionOrdered(0.85);
    expect(directiveAt(0.86, ready, order)).toEqual(promote());
    expect(directiveAt(0.9, ready, order, raised(100, 5, 0.88))).toEqual(promote('worker'));
    const done = [...ready, order, ...raised(100, 5, 0.88), ...raised(100, 6, 0.9, 'worker')];
    expect(directiveAt(0.95, done).kind).toBe('hold');
  });

  test('go from 0 to 100 % in their order where the plan has no steps', () => {
    const once = { ...two, plan: plan({ steps: [] }) };
    expect(directiveAt(0.1, opened(once))).toEqual(promote());
    expect(directiveAt(0.6, opened(once), intended(100, 1, 0.5))).toEqual(promote());
    expect(directiveAt(0.6, opened(once), raised(100, 1, 0.5))).toEqual(promote('worker'));
  });
});

describe('after promotion', () => {
  test('the canary is measured before anything is closed', () => {
    expect(directiveAt(8.6, inVerify())).toEqual({ kind: 'hold', seconds: 24 });
    expect(directiveAt(9, inVerify())).toEqual({ kind: 'measure' });
  });

  test('the rollout closes only after a verdict on the whole verify', () => {
    expect(directiveAt(11, inVerify(), measured('pass', [9, 10])).kind).toBe('hold');
    expect(directiveAt(12, inVerify(), measured('pass', [9, 11]))).toEqual({ kind: 'close' });
    expect(directiveAt(12, inVerify(), measured('inconclusive', [9, 11]))).toEqual({ kind: 'close' });
  });

  test('an alarm that is red since before the first raise keeps it open, until it recovers or a person promotes there', () => {
    const alarms = [{ name: 'orders-low', red: false }];
    const seen = (state: 'ok' | 'alarm') => [{ name: 'orders-low', state, since: minute(0.4) }];
    const red = [...inVerify({ alarms }), measured('inconclusive', [9, 11], seen('alarm'))];
    expect(directiveAt(12, red).kind).toBe('hold');
    expect(directiveAt(13, red, measured('pass', [9, 12], seen('ok')))).toEqual({ kind: 'close' });
    expect(directiveAt(12, red, promotionOrdered(11.5))).toEqual({ kind: 'close' });
  });

  test('the verdict of another stretch closes nothing', () => {
    expect(directiveAt(12, inVerify(), measured('pass', [5, 11])).kind).toBe('hold');
  });

  test('what cannot be measured closes nothing', () => {
    expect(directiveAt(12, inVerify(), measured('broken', [9, 11])).kind).toBe('hold');
  });

  test('a fail reverts the release', () => {
    expect(directiveAt(11, inVerify(), measured('fail', [9, 10]), revertOrdered(11)).kind).toBe('revert');
  });

  test('a pause keeps it open', () => {
    expect(directiveAt(12, inVerify(), paused(10), measured('pass', [9, 11])).kind).toBe('hold');
  });

  test('it closes at once where the plan has no verify', () => {
    expect(directiveAt(8.6, inVerify({ plan: plan({ verifySeconds: 0 }) }))).toEqual({ kind: 'close' });
  });

  test('it does not close a plan without verify while what was measured beside a hook is in doubt', () => {
    const unverified = inVerify({ plan: plan({ verifySeconds: 0 }) });
    const seen = measured('inconclusive', [9, 10]);
    const doubted = { ...seen, verdict: { ...seen.verdict, doubt: { reason: 'all of it fails' } } };
    expect(directiveAt(11, unverified, seen)).toEqual({ kind: 'close' });
    expect(directiveAt(11, unverified, doubted).kind).toBe('hold');
  });
});

describe('a pause', () => {
  test('keeps measuring, and raises nothing', () => {
    expect(directiveAt(3, onFirstStep(), paused(2))).toEqual({ kind: 'measure' });
    expect(directiveAt(4.5, onFirstStep(), paused(2), measured('pass', [1, 3]))).toEqual({
      kind: 'hold',
      seconds: 30,
    });
  });

  test('ends with a resume, and what was proven meanwhile counts', () => {
    expect(directiveAt(4.5, onFirstStep(), paused(2), measured('pass', [1, 3]), resumed(4.4))).toEqual(
      shift(50),
    );
  });

  test('ends with a command to promote', () => {
    expect(
      directiveAt(2.1, onFirstStep(), measured('inconclusive', [1, 1]), paused(2), promotionOrdered(2.1)),
    ).toEqual(shift(50));
  });

  test('that runs out reverts the release', () => {
    expect(directiveAt(1, onFirstStep(), paused(0.6, { until: minute(1) }))).toEqual({
      kind: 'revert',
      cause: 'timeout',
      reason: 'the pause (lunch) ran out',
      outcome: 'reverted',
    });
    expect(directiveAt(1, opened(), paused(0.6, { until: minute(1) }))).toMatchObject({ outcome: 'refused' });
  });

  test('is held no longer than it lasts', () => {
    expect(directiveAt(0.5, opened(), paused(0.2, { until: minute(10) }))).toEqual({
      kind: 'hold',
      seconds: 570,
    });
  });

  test('before the first raise is confirmed is watched too: the raise may have arrived', () => {
    const unconfirmed = [opened(), intended(10, 1, 0.5), paused(0.6)];
    expect(directiveAt(1.5, unconfirmed).kind).toBe('measure');
  });
});

describe('the revert path', () => {
  const out = { kind: 'revert', cause: 'canary', reason: 'it is fail', outcome: 'reverted' };

  test('comes before everything else once somebody has ordered it', () => {
    expect(directiveAt(1, onFirstStep(), revertOrdered(0.8))).toEqual(out);
    expect(directiveAt(1, onFirstStep(), promotionOrdered(0.7, { full: true }), aborted(0.8))).toMatchObject({
      kind: 'revert',
      cause: 'human',
      reason: 'ada aborted: it looks odd',
    });
    expect(directiveAt(1, onFirstStep(), aborted(0.8), paused(0.9)).kind).toBe('revert');
    expect(directiveAt(5_761, onFirstStep(), revertOrdered(0.8))).toEqual(out);
  });

  test('is the answer to an older execution too, after the end', () => {
    expect(directiveAt(5, onFirstStep(), revertOrdered(3), reverted(3), closed(3))).toEqual(out);
    expect(directiveAt(5, onFirstStep(), closed(3, 'halted'))).toMatchObject({ kind: 'revert' });
  });

  test('is not the answer to a completed rollout: there is nothing left to do', () => {
    expect(directiveAt(15, inVerify(), closed(12, 'completed'))).toEqual({ kind: 'done' });
    expect(directiveAt(15, opened(), closed(12, 'superseded'))).toEqual({ kind: 'done' });
  });

  test('is taken when the deadline of the whole rollout has passed', () => {
    const short = { deadline: minute(20) };
    expect(directiveAt(19.99, onFirstStep(short), measured('inconclusive', [1, 18.5])).kind).toBe('hold');
    expect(directiveAt(20, onFirstStep(short))).toEqual({
      kind: 'revert',
      cause: 'timeout',
      reason: 'the deadline of the whole rollout has passed',
      outcome: 'reverted',
    });
    expect(directiveAt(20, inVerify(short)).kind).toBe('revert');
  });

  test('is not left by an effect that comes late', () => {
    for (const late of [shifted(10, 2, 4), promoted(2, 4)])
      expect(directiveAt(5, onFirstStep(), aborted(2), late).kind).toBe('revert');
  });
});

describe('a long rollout', () => {
  const ticks = (count: number) =>
    Array.from({ length: count }, (_, index) => measured('inconclusive', [1, index + 2]));

  test('goes on in a fresh execution after 300 ticks', () => {
    expect(TICKS_MAX).toBe(300);
    expect(directiveAt(301, onFirstStep(), ticks(299)).kind).not.toBe('continue');
    expect(directiveAt(302, onFirstStep(), ticks(300))).toEqual({ kind: 'continue' });
    expect(directiveAt(302, onFirstStep(), paused(1), ticks(300))).toEqual({ kind: 'continue' });
  });

  test('is reverted before it goes on', () => {
    expect(directiveAt(302, onFirstStep(), ticks(300), aborted(302)).kind).toBe('revert');
  });

  test.each([
    ['continuation', { type: 'Continued' as const, at: minute(302), epoch: 2 }],
    ['takeover', tookOver(2, 302)],
  ])('is held as before after a %s', (_, event) => {
    expect(directiveAt(302.5, onFirstStep(), ticks(300), event)).toEqual({ kind: 'hold', seconds: 30 });
  });
});

test('a rollout that ended without its canary having been ordered out takes it out all the same', () => {
  expect(directiveAt(4, onFirstStep(), closed(3, 'halted'))).toEqual({
    kind: 'revert',
    cause: 'environment',
    reason: 'it is over',
    outcome: 'reverted',
  });
});

describe('a move that was put off', () => {
  const deferred: RolloutEvent = { type: 'Deferred', at: minute(0.1), until: minute(3), reason: 'many move' };

  test('waits until its turn, and is made then', () => {
    expect(directiveAt(1, opened(), deferred)).toMatchObject({ kind: 'hold', seconds: 120 });
    expect(directiveAt(3, opened(), deferred)).toMatchObject({ kind: 'shift', target: 'api', weight: 10 });
  });

  test('does not keep a canary from leaving', () => {
    expect(directiveAt(1, opened(), deferred, aborted(0.5)).kind).toBe('revert');
  });
});

describe('a release that is not reversible is held', () => {
  const more = { reversible: false };
  const first = onFirstStep(more);
  const gone: RolloutEvent = { type: 'StableGone', at: minute(2), target: 'api' };
  test.each<[string, RolloutEvent[], boolean]>([
    ['not before its first raise', [opened(more)], false],
    ['once that is announced', [opened(more), intended(10, 1, 0.4)], true],
    ['while the canary has traffic', first, true],
    ['not where it can be reverted', onFirstStep(), false],
    ['not once it was reverted', [...first, aborted(2), reverted(3)], false],
    ['not once it has no way back', [...first, gone], false],
    [
      'not once somebody took all of it',
      [...first, { type: 'Lowered', at: minute(2), target: 'api', weight: 0 }],
      false,
    ],
  ])('%s', (_what, history, held) => {
    expect(isHeld(stateAfter(history))).toBe(held);
  });

  test('and asks what stands before its next step all the same', () => {
    const gates = [{ before: 50, approvers: 1, by: [], timeoutSeconds: 60, onTimeout: 'revert' as const }];
    expect(directiveAt(4, onFirstStep({ ...more, gates }), measured('pass', [1, 3]))).toMatchObject({
      kind: 'hook',
      checkpoint: { id: 'gate@50' },
    });
  });
});

test('an answer is awaited for what is asked now, but for a pause and what has still to be published', () => {
  const awaited = (...history: RolloutEvent[]) => isAwaited(stateAfter(history), 'smoke.1', minute(1));
  const unpublished = { publish: { from: 'await' as const } };
  expect(awaited(opened({ hooks }))).toBe(true);
  expect(awaited(opened())).toBe(false);
  expect(awaited(opened({ hooks }), smokeAnswered(0, 'pass'))).toBe(false);
  expect(awaited(opened({ hooks }), paused(0.5))).toBe(false);
  expect(awaited(opened({ hooks, targets: [target('api', unpublished)] }))).toBe(false);
  expect(awaited(opened({ hooks, targets: [target('api'), target('worker', unpublished)] }))).toBe(false);
});

test('a move that is deferred in a recall waits until then', () => {
  const recall = { type: 'RecallOrdered' as const, nth: 1, weight: 25, reason: 'odd', remaining: 180 };
  const deferred = { type: 'Deferred' as const, at: minute(9.6), until: minute(9.8), reason: 'many move' };
  const history = [...inVerify(), { ...recall, at: minute(9.5) }, measured('broken', [8, 8.6]), deferred];
  expect(directiveAt(9.7, history)).toEqual({ kind: 'hold', seconds: 6 });
  expect(directiveAt(9.8, history)).toEqual(shift(25));
  expect(directiveAt(9.7, history.slice(0, -1))).toEqual(shift(25));
});

describe('a step is left', () => {
  const early = { plan: plan({ promoteEarly: true }) };
  const said = (to: number, certified: boolean) => {
    const event = measured('pass', [1, to]);
    return { ...event, verdict: { ...event.verdict, certified } };
  };
  test.each<[string, Partial<Opening>, number, boolean, object]>([
    ['on a pass of the whole bake', {}, 3, false, shift(50)],
    ['on no pass of less', {}, 2, true, { kind: 'hold' }],
    ['on proof, where the plan takes that', early, 2, true, shift(50)],
    ['on no pass of less without proof', early, 2, false, { kind: 'hold' }],
  ])('%s', (_what, more, to, certified, directive) => {
    expect(directiveAt(to + 1.1, onFirstStep(more), said(to, certified))).toMatchObject(directive);
  });

  test('on no pass that looked worse before, and nobody is asked about it', () => {
    const beforeStep = [{ ...(hooks[0] as (typeof hooks)[number]), point: 'beforeStep' as const }];
    const history = [...onFirstStep({ hooks: beforeStep }), measured('suspect', [1, 3])];
    expect(directiveAt(5.1, history, measured('pass', [1, 4])).kind).toBe('hold');
    expect(directiveAt(5.1, onFirstStep({ hooks: beforeStep }), measured('pass', [1, 4])).kind).toBe('hook');
  });
});

describe('verify ends', () => {
  const lowered: RolloutEvent = { type: 'Lowered', at: minute(12), target: 'api', weight: 90 };
  test.each<[string, RolloutEvent[], string]>([
    ['on a pass', [measured('pass', [9, 11])], 'close'],
    ['on no fail', [measured('fail', [9, 11])], 'hold'],
    ['on nothing that could not be measured', [measured('broken', [9, 11])], 'hold'],
    ['on no pass before somebody else took traffic', [measured('pass', [9, 11]), lowered], 'promote'],
  ])('%s', (_what, events, kind) => {
    expect(directiveAt(12.1, inVerify(), events).kind).toBe(kind);
  });
});
