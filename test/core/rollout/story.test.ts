import { expect, describe as group, test } from 'vitest';
import type { Finding, Verdict } from '../../../core/analysis/types.ts';
import type { RolloutEvent } from '../../../core/rollout/event.ts';
import { describe, summary } from '../../../core/rollout/story.ts';
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
  paused,
  plan,
  promoted,
  promotionOrdered,
  raised,
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
  verdict,
} from './given.ts';

const at = minute(1);
/** What is told of the last event of a history. */
const told = (...history: (RolloutEvent | RolloutEvent[])[]) => {
  const events = history.flat();
  return describe(events.at(-1) as RolloutEvent, stateAfter(events));
};
const asked = opened({ hooks: smokeHooks('/health') });
const WHO =
  'find who else writes it (docs/guides/coming-from.md says how), switch that off, then release again';
const drift = (found: string): RolloutEvent => ({ type: 'DriftDetected', at, target: 'api', found });
const recall = (weight: number, nth = 1): RolloutEvent => ({
  ...{ type: 'RecallOrdered', at: minute(9.5), nth, weight, reason: 'odd', remaining: 60 },
});
const HELD_OUT = plan({
  steps: [
    { weight: 10, bakeSeconds: 120, maxBakeSeconds: 600 },
    { weight: 90, bakeSeconds: 480, maxBakeSeconds: 480, isHoldout: true },
  ],
});

group('each event is told in a line that names who, what and until when', () => {
  test.each<[RolloutEvent[], string | undefined]>([
    [[opened()], 'rollout checkout-api--r8--1 opened: version 7 -> 8'],
    [
      [opened({ targets: TWO_TARGETS, notices: ['late', 'red'] })],
      'rollout checkout-api--r8--1 opened: version 7 -> 8, version 3 -> 4\nnotice: late\nnotice: red',
    ],
    [
      [opened({ targets: [target('api', { canary: '' })] })],
      'rollout checkout-api--r8--1 opened: version 7 -> one that is published first',
    ],
    [[opened(), { type: 'Published', at, target: 'api', version: '8' }], 'api published as version 8'],
    [
      [asked, { type: 'HookStarted', at, hook: 'smoke.1', until: at + 90_000 }],
      'smoke.1 was asked; its answer is due in 90 s',
    ],
    [[asked, smokeAnswered(0, 'fail')], 'smoke.1 fail: GET /0 was put'],
    [
      [opened(), { type: 'GateOpened', at, gate: 50, until: at + 600_000 }],
      'waiting for approval before 50 %, for 10 min at most',
    ],
    [[opened(), { type: 'Approved', at, gate: 50, by: actor('ada') }], 'ada approved the gate before 50 %'],
    [[opened(), intended(10, 1, 1)], undefined],
    [[opened(), intended(10, 1, 1), shifted(10, 1, 1)], 'api raised to 10 %'],
    [
      [...onSecondStep({ targets: TWO_TARGETS }), intended(100, 9, 9, 'worker'), promoted(9, 9, 'worker')],
      'worker promoted: version 4 serves 100 %',
    ],
    [[opened(), { type: 'AlarmRaised', at, alarm: 'late', since: at }], 'alarm late went off'],
    [
      [opened(), drift('version 9 on api')],
      `something other than this rollout moved the traffic: version 9 on api; ${WHO}`,
    ],
    [
      [...onSecondStep({ targets: TWO_TARGETS }), { type: 'Lowered', at, target: 'worker', weight: 5 }],
      `something other than this rollout took the canary of worker down to 5 %; ${WHO}`,
    ],
    [
      [
        ...inVerify({ targets: TWO_TARGETS }),
        { type: 'PinRefused', at, target: 'worker', reason: 'no right' },
      ],
      'version 3 of worker could not be pinned: no right; the rollout continues, but a cleanup job may delete the version that it would revert to',
    ],
    [
      [...inVerify({ targets: TWO_TARGETS }), { type: 'StableGone', at, target: 'worker' }],
      'version 3 of worker was deleted, so it cannot be reverted any more: version 4 serves and the rollout continues; if that version fails, point alias live of checkout-prod-worker at a version that you trust, or release a repaired one',
    ],
    [
      [...inVerify(), { type: 'StableGone', at, target: 'other' }],
      'version ? of other was deleted, so it cannot be reverted any more: version ? serves and the rollout continues; if that version fails, point other at a version that you trust, or release a repaired one',
    ],
    [[opened(), shifted(10, 1, 1)], 'api raised to 10 %'],
    [
      [opened({ plan: HELD_OUT }), ...raised(90, 2, 4)],
      'api raised to 90 %; holdout: 10 % stay on stable for 8 min',
    ],
    [[opened({ plan: HELD_OUT }), ...raised(90, 2, 4), shifted(10, 3, 5)], 'api raised to 10 %'],
    [
      [opened({ plan: HELD_OUT }), ...raised(90, 2, 4), recall(90, 2), shifted(90, 3, 10)],
      'api went back to 90 %',
    ],
    [
      [...inVerify(), recall(25)],
      'recall 1: odd; the canary goes back to 25 %, where stable beside it shows whether the release is to blame; it returns after 5 min in which nothing speaks against it, or sooner on proof, and without an answer in 30 min a person decides',
    ],
    [
      [...onFirstStep(), { type: 'RecallEnded', at, reason: 'version 7 of api does not exist any more' }],
      'the canary continues at 10 %: version 7 of api does not exist any more',
    ],
    [
      [...onFirstStep(), paused(2, { until: minute(62) })],
      'paused by ada: lunch; reverts in 60 min unless resumed',
    ],
    [
      [...onFirstStep({ reversible: false }), paused(2, { until: minute(62) })],
      'paused by ada: lunch; no time-out reverts it: resume, promote or abort it',
    ],
    [[...onFirstStep(), paused(2), { type: 'Resumed', at, by: actor('grace') }], 'resumed by grace'],
    [[...onFirstStep(), promotionOrdered(2)], 'ada promoted it past this step'],
    [[...onFirstStep(), promotionOrdered(2, { full: true })], 'ada promoted it to 100 %'],
    [
      [opened(), { type: 'Deferred', at, until: at + 60_000, reason: 'many move' }],
      'next traffic change deferred 60 s: many move',
    ],
    [[...onFirstStep(), aborted(2)], 'ada aborted: it looks odd'],
    [[...onFirstStep(), revertOrdered(2)], 'reverting'],
    [
      [...onFirstStep(), revertOrdered(2, { cause: 'environment', reason: 'nobody answered' })],
      'reverting: nobody answered',
    ],
    [[...onFirstStep(), tookOver(2, 9)], 'another execution took over (nothing happened)'],
    [[...onFirstStep(), { type: 'Continued', at, epoch: 2 }], undefined],
    [[...onFirstStep(), revertOrdered(2), reverted(3)], 'api: version 7 serves again'],
    [
      [
        ...onFirstStep({ targets: TWO_TARGETS }),
        {
          type: 'Reverted',
          at,
          cause: 'canary',
          reason: 'it is fail',
          targets: [
            { name: 'api', primary: '7', changed: true, drifted: false },
            { name: 'worker', primary: '3', changed: false, drifted: false },
          ],
        },
      ],
      'api: version 7 serves again, worker: version 3 serves',
    ],
    [
      [
        ...onFirstStep({ targets: TWO_TARGETS }),
        {
          type: 'Reverted',
          at,
          cause: 'canary',
          reason: 'it is fail',
          targets: [
            { name: 'api', primary: '8', changed: true, drifted: false, regained: true },
            { name: 'worker', primary: '9', changed: true, drifted: true },
          ],
        },
      ],
      'api: version 8 serves, worker: version 9 serves',
    ],
    [
      [
        ...onFirstStep(),
        {
          ...{ type: 'Reverted', at, cause: 'canary', reason: 'it is fail' },
          targets: [{ name: 'api', primary: '7', changed: true, drifted: false, foreign: { 5: 10, 6: 2.5 } }],
        },
      ],
      'api: version 7 serves again, and version 5 keeps 10 % and version 6 keeps 2.5 %',
    ],
  ])('%#', (events, line) => {
    expect(told(events)).toBe(line);
  });

  test('a release that got no rollout is told with its outcome', () => {
    const { rolloutId, service, environment, release, attempt, manifest } = opened();
    const identity = { rolloutId, service, environment, release, attempt, manifest };
    const declined = { type: 'RolloutDeclined' as const, at, ...identity, outcome: 'superseded' as const };
    expect(told({ ...declined, reason: 'r9 came' })).toBe('release r8 is superseded: r9 came');
  });
});

group('a measurement', () => {
  const finding = { metric: 'errors', status: 'inconclusive', windows: 1 } as unknown as Finding;
  const saying = (more: Partial<Verdict>, status: Verdict['status'] = 'inconclusive'): RolloutEvent => ({
    ...measured(status, [1, 2]),
    verdict: { ...verdict(status, 1, 2), ...more },
  });

  test('that passes before the bake is over is only so far', () => {
    expect(told(...onFirstStep(), measured('pass', [1, 2]))).toBe('healthy so far: it is pass');
    expect(told(...onFirstStep(), measured('pass', [1, 3]))).toBe('pass: it is pass');
    expect(told(...onFirstStep(), measured('fail', [1, 2]))).toBe('fail: it is fail');
  });

  test('without a window is waited for, with one it has its reason', () => {
    const waiting = 'waiting for the first minute at this weight to settle';
    expect(told(...onFirstStep(), saying({}))).toBe(waiting);
    expect(told(...onFirstStep(), saying({ findings: [{ ...finding, windows: 0 }] }))).toBe(waiting);
    const mixed = [{ ...finding, windows: 0 }, finding];
    expect(told(...onFirstStep(), saying({ findings: mixed }))).toBe('inconclusive: it is inconclusive');
    expect(told(...onFirstStep(), saying({}, 'broken'))).toBe('broken: it is broken');
    expect(told(opened(), measured('pass', [1, 2]))).toBe('pass: it is pass');
  });

  test('after one that looked worse says so only where it passes', () => {
    const looked = [...onFirstStep(), saying({ to: minute(2) }, 'suspect')];
    const later = (status: Verdict['status']) => told(...looked, { ...measured(status, [1, 4]) });
    const without = (more: Partial<Verdict>) => saying({ findings: [finding], to: minute(3), ...more });
    expect(told(...looked)).toBe('suspect: it is suspect');
    expect(later('broken')).toBe('broken: it is broken');
    expect(told(...looked, without({}))).toBe('inconclusive: it is inconclusive');
    expect(told(...looked, saying({ to: minute(3) }, 'pass'))).toBe(
      'no worse any more, and held at its weight because it looked worse until 60 s before: it is pass',
    );
    expect(later('pass')).toBe('pass: it is pass');
  });

  test('comes with its statistics for who asks for them', () => {
    const events = [
      ...onFirstStep(),
      saying({ findings: [{ ...finding, target: 'api', evidence: 0 }], evidence: 0, limit: Math.log(100) }),
    ];
    const line = 'inconclusive: it is inconclusive';
    expect(describe(events.at(-1) as RolloutEvent, stateAfter(events), true)).toBe(
      `${line}\n  api errors: evidence 1; 1 windows of this step\n  together: evidence 1, reverted at 100`,
    );
    expect(told(...events)).toBe(line);
  });
});

group('the end is told in one sentence', () => {
  const exposure = { requests: 8120, failed: 12, seconds: 150 };
  const left = (more = {}): RolloutEvent => ({ ...reverted(3), ...more }) as RolloutEvent;

  test('of a revert: what users met and what serves again', () => {
    expect(told(...onFirstStep(), revertOrdered(2), left({ exposure }), closed(3))).toBe(
      'r8 reverted: it is over; 12 of 8,120 canary requests failed in 3 min (metrics still arriving); version 7 serves again',
    );
  });

  test('of a halt: who to look for if somebody else moved the traffic, and nobody otherwise', () => {
    const halted = (...events: RolloutEvent[]) => told(...onFirstStep(), ...events, closed(3, 'halted'));
    const foreign = { targets: [{ name: 'api', primary: '9', changed: false, drifted: true }] };
    expect(halted(drift('version 9'))).toBe(`r8 halted: it is over; ${WHO}`);
    expect(halted(drift('version 9'), left(foreign))).toBe(`r8 halted: it is over; ${WHO}; version 9 serves`);
    expect(halted(revertOrdered(2), left(foreign))).toBe('r8 halted: it is over; version 9 serves');
    expect(told(...onFirstStep(), drift('version 9'), left({}), closed(3))).toBe(
      'r8 reverted: it is over; version 7 serves again',
    );
  });

  test('of two targets of which one was taken back: both versions', () => {
    const targets = [
      { name: 'api', primary: '7', changed: true, drifted: false },
      { name: 'worker', primary: '3', changed: false, drifted: false },
    ];
    expect(told(...onFirstStep({ targets: TWO_TARGETS }), left({ targets }), closed(3))).toBe(
      'r8 reverted: it is over; version 7 and 3 serves again',
    );
  });

  test('of a completion: what serves now, each version once', () => {
    expect(told(...inVerify(), closed(12, 'completed'))).toBe('r8 completed: it is over; version 8 serves');
    const same = [target('api'), target('worker')];
    expect(told(...inVerify({ targets: same }), closed(12, 'completed'))).toBe(
      'r8 completed: it is over; version 8 serves',
    );
    expect(told(...inVerify({ targets: TWO_TARGETS }), closed(12, 'completed'))).toContain(
      'version 8 and 4 serves',
    );
  });

  test('of a refusal: that no user met it, and no count', () => {
    const untouched = { targets: [{ name: 'api', primary: '7', changed: false, drifted: false }], exposure };
    expect(
      told(opened(), revertOrdered(2, { outcome: 'refused' }), left(untouched), closed(3, 'refused')),
    ).toBe('r8 refused: it is over; it never received user traffic; version 7 serves');
  });

  group('of a rollout that another one has followed says what serves now', () => {
    const { stable: _, canary: __, ...api } = target();
    const now = (version: string, rolloutId = 'checkout-api--r7--2') => ({
      completed: { release: 'r7', order: 7, rolloutId, targets: [{ ...api, version }] },
    });
    const done = stateAfter(inVerify(), closed(12, 'completed'));

    test('after a rollback, with who ordered it', () => {
      const rolledBack = {
        release: 'r8',
        rolloutId: done.opening.rolloutId,
        reason: 'ada rolled it back: orders are lost',
        made: {},
      };
      expect(summary(done, { ...now('7'), quarantined: [rolledBack] })).toMatch(
        /ada rolled it back: orders are lost; version 8 served then, and version 7 serves now \(checkout-api--r7--2\)$/,
      );
    });

    test('after a newer release', () => {
      expect(summary(done, now('9', 'checkout-api--r9--1'))).toMatch(
        /version 8 served then, and version 9 serves now \(checkout-api--r9--1\)$/,
      );
    });

    test('of two targets names what both served then and serve now', () => {
      const two = stateAfter(inVerify({ targets: TWO_TARGETS }), closed(12, 'completed'));
      const served = (...versions: [string, string]) => ({
        ...now('7').completed,
        targets: TWO_TARGETS.map((each, nth) => ({ ...each, version: versions[nth] as string })),
      });
      const line = (...versions: [string, string]) => summary(two, { completed: served(...versions) });
      expect(line('8', '5')).toBe(
        'r8 completed: it is over; version 8 and 4 served then, and version 8 and 5 serves now (checkout-api--r7--2)',
      );
      expect(line('4', '4')).toMatch(/; version 8 and 4 served then, and version 4 serves now/);
      expect(line('8', '4')).toBe('r8 completed: it is over; version 8 and 4 serves');
    });

    test('and why the release left only if it is this one that completed', () => {
      const bad = (rolloutId: string) => ({
        release: 'r8',
        rolloutId,
        reason: 'ada rolled it back',
        made: {},
      });
      const other = { ...now('9', 'checkout-api--r9--1'), quarantined: [bad('checkout-api--r6--1')] };
      expect(summary(done, other)).toBe(
        'r8 completed: it is over; version 8 served then, and version 9 serves now (checkout-api--r9--1)',
      );
      const gone = stateAfter(onFirstStep(), left({}), closed(3));
      expect(summary(gone, { ...other, quarantined: [bad(done.opening.rolloutId)] })).toBe(
        'r8 reverted: it is over; version 7 served then, and version 9 serves now (checkout-api--r9--1)',
      );
    });

    test('and not if it is the same version, or nobody knows', () => {
      const { targets: ___, ...unnamed } = now('9').completed;
      expect(summary(done, { completed: unnamed })).toMatch(/; version 8 serves$/);
      const elsewhere = { ...now('9').completed, targets: [{ ...api, name: 'worker', version: '9' }] };
      expect(summary(done, { completed: elsewhere })).toMatch(/; version 8 serves$/);
      for (const record of [now('8'), {}, undefined])
        expect(summary(done, record)).toMatch(/; version 8 serves$/);
    });
  });

  test('of a rollback: from which version to which, and that the older one serves again', () => {
    const rollsBack = { release: 'r8', rolloutId: 'checkout-api--r8--1', reason: 'odd', made: {} };
    const back = opened({ release: 'r7', rollsBack });
    expect(told(back)).toContain('version 8 -> version 7');
    expect(told(back, revertOrdered(0, { cause: 'human', reason: 'ada rolled r8 back: odd' }))).toBe(
      'rolling back: ada rolled r8 back: odd',
    );
  });

  test('before the revert path was taken, nothing is said of what serves', () => {
    expect(summary(stateAfter(opened(), closed(3, 'refused')))).toBe('r8 refused: it is over');
    expect(summary(stateAfter(onFirstStep(), closed(3, 'halted')))).toBe('r8 halted: it is over');
  });
});

test('a token is for machines and stands in no line', () => {
  expect(told(opened(), { ...intended(10, 1, 1), token: token(4) })).toBeUndefined();
});
