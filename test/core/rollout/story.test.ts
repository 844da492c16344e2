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
  promoted,
  promotionOrdered,
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
      [opened(), { type: 'DriftDetected', at, target: 'api', found: 'version 9 on api' }],
      'something other than this rollout moved the traffic: version 9 on api; find who else writes this alias (CloudTrail, event UpdateAlias20150331), switch that off (docs/guides/coming-from.md), then release again',
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
    [[...onFirstStep(), promotionOrdered(2)], 'ada ordered promotion past this step'],
    [[...onFirstStep(), promotionOrdered(2, { full: true })], 'ada ordered promotion to 100 %'],
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
    const waiting = 'waiting for the first window of this step to settle';
    expect(told(...onFirstStep(), saying({}))).toBe(waiting);
    expect(told(...onFirstStep(), saying({ findings: [{ ...finding, windows: 0 }] }))).toBe(waiting);
    const mixed = [{ ...finding, windows: 0 }, finding];
    expect(told(...onFirstStep(), saying({ findings: mixed }))).toBe('inconclusive: it is inconclusive');
    expect(told(...onFirstStep(), saying({}, 'broken'))).toBe('broken: it is broken');
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

    test('and not if it is the same version, or nobody knows', () => {
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
