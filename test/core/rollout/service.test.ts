import { describe, expect, test } from 'vitest';
import type { ServiceRecord } from '../../../core/ports.ts';
import type { Cause, Quarantined } from '../../../core/rollout/event.ts';
import { rolloutIdParts, serviceAfter, waitingIn } from '../../../core/rollout/service.ts';
import {
  aborted,
  closed,
  inVerify,
  onFirstStep,
  opened,
  ROLLOUT_ID,
  reverted,
  revertOrdered,
  stateAfter,
  TWO_TARGETS,
} from './given.ts';

const r7 = { release: 'r7', order: 7, rolloutId: 'checkout-api--r7--1' };
const r8 = { release: 'r8', order: 8, rolloutId: ROLLOUT_ID, made: { api: { version: '8' } } };
const waiting = {
  release: 'r9',
  attempt: 1,
  order: 9,
  manifest: { bucket: 'releases', key: 'releases/checkout-api/r9/manifest.json', versionId: 'v1' },
};
const done = (more = {}) => stateAfter(inVerify(more), closed(12, 'completed'));
const bad = (release: string): Quarantined => ({
  release,
  rolloutId: `checkout-api--${release}--1`,
  reason: 'it is fail',
  made: { api: { version: release } },
});

describe('after a completion', () => {
  test('a service remembers the release, and the one before it', () => {
    expect(serviceAfter({ completed: r7, waiting }, done())).toEqual({
      completed: r8,
      previous: r7,
      waiting,
    });
    expect(serviceAfter({}, done())).toEqual({ completed: r8, previous: undefined });
  });

  test('the same end that is told twice does not make a release its own predecessor', () => {
    const once = serviceAfter({ completed: r7 }, done());
    expect(serviceAfter(once, done())).toEqual(once);
  });

  test('of a rollback what was rolled back is quarantined, and there is nothing to roll back to', () => {
    const record: ServiceRecord = { completed: r8, previous: r7, quarantined: [bad('r5')] };
    const rollsBack = bad('r8');
    expect(serviceAfter(record, done({ release: 'r7', order: 7, rollsBack }))).toEqual({
      completed: { ...r8, release: 'r7', order: 7 },
      previous: undefined,
      quarantined: [bad('r5'), bad('r8')],
    });
  });
});

describe('after a release was taken back', () => {
  const left = (cause: Cause) =>
    stateAfter(onFirstStep({ targets: TWO_TARGETS }), revertOrdered(2, { cause }), reverted(3), closed(3));

  test.each<Cause>(['canary', 'human'])('for the cause %s it is quarantined with its versions', (cause) => {
    expect(serviceAfter({ completed: r7 }, left(cause))).toEqual({
      completed: r7,
      quarantined: [
        {
          release: 'r8',
          rolloutId: ROLLOUT_ID,
          reason: 'it is fail',
          made: { api: { version: '8' }, worker: { version: '4' } },
        },
      ],
    });
  });

  test.each<Cause>(['environment', 'stranger', 'timeout'])('for the cause %s it may come again', (cause) => {
    expect(serviceAfter({ completed: r7 }, left(cause))).toEqual({ completed: r7 });
  });

  test('a release is in quarantine once, for the latest reason', () => {
    const { quarantined } = serviceAfter({ quarantined: [bad('r8'), bad('r5')] }, left('canary'));
    expect(quarantined?.map(({ release, made }) => [release, made.worker?.version])).toEqual([
      ['r5', undefined],
      ['r8', '4'],
    ]);
  });

  test('the oldest of more than fifty is forgotten', () => {
    const many = Array.from({ length: 50 }, (_, index) => bad(`old-${index}`));
    const { quarantined = [] } = serviceAfter({ quarantined: many }, left('canary'));
    expect(quarantined).toHaveLength(50);
    expect(quarantined[0]?.release).toBe('old-1');
    expect(quarantined.at(-1)?.release).toBe('r8');
  });

  test('a rollback that was itself aborted blames nobody', () => {
    const rollsBack = bad('r8');
    const state = stateAfter(onFirstStep({ release: 'r7', rollsBack }), aborted(2), reverted(3), closed(3));
    expect(serviceAfter({ completed: r8 }, state)).toEqual({ completed: r8 });
  });
});

describe('a rollout id', () => {
  test('is taken apart into what it was made of', () => {
    expect(rolloutIdParts('checkout-api--2026-01-05.3--12')).toEqual({
      service: 'checkout-api',
      release: '2026-01-05.3',
      attempt: 12,
    });
  });

  test.each([
    '',
    'checkout-api',
    'checkout-api--r8',
    '--r8--1',
    'a--r8--0',
    'a--r8--1x',
    'a--r8--01',
    'a--r8--',
  ])('%j is none', (id) => {
    expect(rolloutIdParts(id)).toBeUndefined();
  });

  test('finds the release that waits to become it, by release and attempt', () => {
    const manifest = { bucket: 'releases', key: 'k', versionId: 'v' };
    const waiting = { release: 'r8', order: 8, manifest, attempt: 2 };
    expect(waitingIn({ waiting }, 'a--r8--2')).toBe(waiting);
    for (const other of ['a--r8--1', 'a--r9--2', 'no id', ''])
      expect(waitingIn({ waiting }, other)).toBeUndefined();
    expect(waitingIn({}, 'a--r8--2')).toBeUndefined();
  });
});

test('a rollout that ended without an order to leave blames nobody', () => {
  expect(serviceAfter({ completed: r7 }, stateAfter(opened(), closed(1, 'refused')))).toEqual({
    completed: r7,
  });
});
