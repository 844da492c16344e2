import { expect, describe as group, test } from 'vitest';
import { hasCanaryTraffic } from '../../../core/rollout/due.ts';
import type { RolloutEvent } from '../../../core/rollout/event.ts';
import { next } from '../../../core/rollout/next.ts';
import { evolve, fold } from '../../../core/rollout/state.ts';
import { describe } from '../../../core/rollout/story.ts';
import {
  aborted,
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
  ROLLOUT_ID,
  raised,
  resumed,
  reverted,
  shifted,
  smokeAnswered,
  smokeHooks,
  stateAfter,
  TWO_TARGETS,
  target,
  token,
} from './given.ts';

const declined: RolloutEvent = {
  type: 'RolloutDeclined',
  at: minute(0),
  outcome: 'completed',
  reason: 'already serving',
  rolloutId: ROLLOUT_ID,
  service: 'checkout-api',
  environment: 'prod',
  release: 'r8',
  attempt: 1,
  manifest: { bucket: 'releases', key: 'releases/checkout-api/r8/manifest.json', versionId: 'v1' },
};

test('a history that never began is no rollout', () => {
  expect(fold([])).toBeUndefined();
});

test('a history starts with an opening and has only one', () => {
  expect(() => evolve(undefined, aborted(1))).toThrow('A history cannot start with Aborted.');
  expect(() => stateAfter(opened(), opened())).toThrow('was opened twice');
  expect(() => stateAfter(opened(), declined)).toThrow('was opened twice');
});

test.each(['sqs', 'stream'] as const)(
  'a worker of source %s is unproven unless what it hands back is counted',
  (source) => {
    const targets = [target('api', { source })];
    const limits = [{ limit: 'batchFailures' as const, max: 5 }];
    const doubt = 'nothing counted what api hands back as failed (limits.batchFailures)';
    expect(stateAfter(opened({ targets })).unproven).toEqual([doubt]);
    expect(stateAfter(opened({ targets, limits: [{ limit: 'dlqNew', max: 5 }] })).unproven).toEqual([doubt]);
    expect(stateAfter(opened({ targets, limits })).unproven).toEqual([]);
    expect(
      stateAfter(opened({ targets, watch: [{ metric: 'custom.orders', ratio: 1.5 }] })).unproven,
    ).toEqual([]);
  },
);

test('every event counts in the version, also one that changes nothing', () => {
  expect(stateAfter(onSecondStep()).version).toBe(onSecondStep().length);
  expect(stateAfter(onFirstStep(), reverted(3), shifted(10, 9, 4)).version).toBe(5);
});

test('the last event is the latest, not the one that was written last', () => {
  expect(stateAfter(onFirstStep(), measured('pass', [1, 3]), shifted(10, 1, 0.5)).lastEventAt).toBe(
    minute(4),
  );
});

test('alarms that were red at opening are remembered until they are seen green', () => {
  const alarms = [
    { name: 'a', red: true },
    { name: 'b', red: true },
    { name: 'c', red: false },
  ];
  const seen = (state: 'ok' | 'alarm' | 'insufficient' | 'unknown') => [
    { name: 'a', state, since: minute(1) },
    { name: 'c', state: 'ok' as const, since: minute(1) },
  ];
  expect(stateAfter(onFirstStep({ alarms })).redAlarms).toEqual(['a', 'b']);
  expect(stateAfter(onFirstStep({ alarms }), measured('pass', [1, 2], seen('unknown'))).redAlarms).toEqual([
    'a',
    'b',
  ]);
  const green = [...onFirstStep({ alarms }), measured('pass', [1, 2], seen('ok'))];
  expect(stateAfter(green).redAlarms).toEqual(['b']);
  expect(stateAfter(green, measured('pass', [1, 3], seen('alarm'))).redAlarms).toEqual(['b']);
  const silent = [...onFirstStep({ alarms }), measured('pass', [1, 2], seen('insufficient'))];
  expect(stateAfter(silent).redAlarms).toEqual(['b']);
});

test('a smoke answer for a test that is not due passes no other', () => {
  const state = stateAfter(opened({ hooks: smokeHooks('/a', '/b') }), smokeAnswered(1, 'pass'));
  expect(next(state, minute(1))).toMatchObject({ kind: 'hook', checkpoint: { id: 'smoke.1' } });
});

test('the canary counts as in traffic from the moment its first raise is announced until it was taken out', () => {
  expect(hasCanaryTraffic(stateAfter(opened()))).toBe(false);
  expect(hasCanaryTraffic(stateAfter(opened(), intended(10, 1, 0.5)))).toBe(true);
  expect(hasCanaryTraffic(stateAfter(onFirstStep(), aborted(2)))).toBe(true);
  expect(hasCanaryTraffic(stateAfter(onFirstStep(), aborted(2), reverted(2)))).toBe(false);
});

test('a confirmed raise settles its intents and moves its target', () => {
  const state = stateAfter(opened(), intended(10, 1, 0.5), intended(10, 2, 0.6), shifted(10, 2, 0.7));
  expect(state).toMatchObject({
    intents: [],
    seq: 2,
    step: 0,
    raisedAt: minute(0.5),
    stepSince: minute(0.7),
    traffic: { api: { weight: 10, token: token(2) } },
  });
});

test('a confirmed raise leaves the intents of other targets alone', () => {
  const state = stateAfter(
    opened({ targets: TWO_TARGETS }),
    intended(10, 1, 0.5),
    intended(10, 2, 0.6, 'worker'),
    shifted(10, 1, 0.7),
  );
  expect(state.intents.map(({ target }) => target)).toEqual(['worker']);
  expect(state.stepSince).toBeUndefined();
});

test('a confirmation that comes twice, or after a newer one, changes nothing', () => {
  const before = stateAfter(onSecondStep());
  for (const late of [shifted(50, 2, 6), shifted(10, 1, 6)]) {
    const { version, lastEventAt, silentSince, ...after } = stateAfter(onSecondStep(), late);
    expect({
      ...after,
      version: before.version,
      lastEventAt: before.lastEventAt,
      silentSince: before.silentSince,
    }).toEqual(before);
  }
});

test.each([
  ['Shifted', shifted(50, 2, 6)],
  ['Promoted', promoted(2, 6)],
])('%s that is confirmed after the canary was taken out changes nothing', (_, late) => {
  const before = stateAfter(onFirstStep(), intended(50, 2, 2.9), aborted(3), reverted(3));
  const { version, lastEventAt, silentSince, ...after } = stateAfter(
    onFirstStep(),
    intended(50, 2, 2.9),
    aborted(3),
    reverted(3),
    late,
  );
  expect({
    ...after,
    version: before.version,
    lastEventAt: before.lastEventAt,
    silentSince: before.silentSince,
  }).toEqual(before);
});

test('a confirmation that comes after the abort and before the revert is believed', () => {
  const state = stateAfter(onFirstStep(), intended(50, 2, 2.9), aborted(3), shifted(50, 2, 3.1));
  expect(state.traffic.api).toEqual({ weight: 50, token: token(2) });
});

test('a confirmation for a target that the rollout does not have changes nothing', () => {
  expect(stateAfter(onFirstStep(), shifted(50, 2, 3, 'other')).traffic).toEqual(
    stateAfter(onFirstStep()).traffic,
  );
});

test('all targets on the canary is promoted, one of them is not', () => {
  const two = [
    opened({ targets: TWO_TARGETS, plan: plan({ steps: [] }) }),
    ...raised(100, 1, 0.5),
    intended(100, 2, 0.6, 'worker'),
  ];
  expect(stateAfter(two).promotedAt).toBeUndefined();
  expect(stateAfter(two, promoted(2, 0.7, 'worker')).promotedAt).toBe(minute(0.7));
});

test('moves of one window are remembered once, those of two windows twice', () => {
  const at = (second: number) =>
    stateAfter(
      opened({ targets: TWO_TARGETS }),
      intended(10, 1, 0.4),
      shifted(10, 1, 0.5),
      intended(10, 2, 0.5, 'worker'),
      shifted(10, 2, second, 'worker'),
    ).moves;
  expect(at(0.9)).toEqual([minute(0.5)]);
  expect(at(1)).toEqual([minute(0.5), minute(1)]);
});

group('moves spoil the windows in which they fall', () => {
  const moves = (...minutes: number[]) => {
    const raises = minutes.map((at, index) => raised(index + 1, index + 1, at));
    const steps = minutes.map((_, index) => ({ weight: index + 1, bakeSeconds: 60, maxBakeSeconds: 600 }));
    return stateAfter(opened({ plan: plan({ steps }) }), ...raises).moves;
  };

  test('so that a second one in the same window adds nothing', () => {
    expect(moves(0.5, 0.7)).toEqual([minute(0.5)]);
    expect(moves(0.5, 1.7)).toEqual([minute(0.5), minute(1.7)]);
  });

  test('but one at the very start of a window does not spoil it, and the next one does', () => {
    expect(moves(1, 1.5)).toEqual([minute(1), minute(1.5)]);
  });
});

test('a resume asks those hooks again that said nothing, and no other', () => {
  const hooks = smokeHooks('/passed', '/asked', '/unsure', '/broken');
  const asked: RolloutEvent = { type: 'HookStarted', at: minute(1), hook: 'smoke.2', until: minute(9) };
  const before = [
    opened({ hooks }),
    smokeAnswered(0, 'pass'),
    asked,
    smokeAnswered(2, 'inconclusive'),
    smokeAnswered(3, 'broken'),
  ];
  expect(Object.keys(stateAfter(before).hooks)).toHaveLength(4);
  expect(Object.keys(stateAfter(before, paused(2), resumed(3)).hooks)).toEqual(['smoke.1', 'smoke.2']);
});

test('a command to 100 % that comes while the canary is on its way there is none to go past what verify says', () => {
  const ordered = promotionOrdered(8.2, { full: true });
  const onItsWay = [...onSecondStep(), measured('pass', [5, 7]), intended(100, 3, 8)];
  const before = stateAfter([...onItsWay, ordered, promoted(3, 8.5)]);
  expect(before.promotion).toMatchObject({ full: true, step: before.step - 1 });
  const after = stateAfter([...inVerify(), ordered]);
  expect(after.promotion).toMatchObject({ full: true, step: after.step });
});

const HOLDOUT = [
  { weight: 10, bakeSeconds: 180, maxBakeSeconds: 360 },
  { weight: 90, bakeSeconds: 480, maxBakeSeconds: 480, isHoldout: true as const },
];

test('nor past what the holdout says, if it comes before it stands', () => {
  const ordered = promotionOrdered(4.3);
  const onItsWay = [...onFirstStep({ plan: plan({ steps: HOLDOUT }) }), intended(90, 2, 4.2), ordered];
  const before = stateAfter([...onItsWay, shifted(90, 2, 4.5)]);
  expect(before.promotion?.step).toBe(before.step - 1);
  const after = stateAfter([...onItsWay.slice(0, -1), shifted(90, 2, 4.5), promotionOrdered(5)]);
  expect(after.promotion?.step).toBe(after.step);
});

test('it counts if the canary looked worse already, or verify had begun before: then people know what they go past', () => {
  const onItsWay = stateAfter([...onSecondStep(), measured('pass', [5, 7]), intended(100, 3, 8)]);
  const ordered = promotionOrdered(8.2, { full: true });
  expect(evolve(onItsWay, ordered).promotion?.step).toBe(onItsWay.step - 1);
  const suspicion = 'it looks worse';
  expect(evolve({ ...onItsWay, suspicion }, ordered).promotion?.step).toBe(onItsWay.step);
  expect(evolve({ ...onItsWay, recalls: [] }, ordered).promotion?.step).toBe(onItsWay.step);
});

test('nor is one past the step to 100 % there, though one past any other step counts from when it was given', () => {
  const past = promotionOrdered(0.6);
  const atOnce = stateAfter([
    opened({ plan: plan({ steps: [] }) }),
    intended(100, 1, 0.5),
    past,
    promoted(1, 0.7),
  ]);
  expect(atOnce.promotion?.step).toBe(atOnce.step - 1);
  const toFirst = stateAfter([opened(), intended(10, 1, 0.5), past, shifted(10, 1, 0.7)]);
  expect(toFirst.promotion?.step).toBe(toFirst.step);
});

test('an event of a newer version takes nothing of the state away, and is told by its type', () => {
  const newer = { type: 'Postponed', at: minute(9), until: minute(20) } as unknown as RolloutEvent;
  const before = stateAfter(onSecondStep());
  const after = evolve(before, newer);
  const { silentSince } = after;
  expect(after).toEqual({ ...before, version: before.version + 1, lastEventAt: minute(9), silentSince });
  expect(describe(newer, after)).toBe('Postponed (of a newer version)');
});
