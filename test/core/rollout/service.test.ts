import { describe, expect, test } from 'vitest';
import { rolloutIdFrom } from '../../../core/config/manifest.ts';
import type { ServiceRecord } from '../../../core/ports.ts';
import type { Cause, Quarantined } from '../../../core/rollout/event.ts';
import { rolloutIdParts, servedBefore, serviceAfter, waitingIn } from '../../../core/rollout/service.ts';
import { evolve } from '../../../core/rollout/state.ts';
import {
  aborted,
  closed,
  inVerify,
  minute,
  onFirstStep,
  opened,
  opening,
  ROLLOUT_ID,
  reverted,
  revertOrdered,
  stateAfter,
  TWO_TARGETS,
  target,
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

const served = (version: string, name = 'api') => {
  const { stable: _, canary: __, ...rest } = target(name);
  return { ...rest, version };
};
const ofR8 = { ...r8, manifest: opening().manifest, targets: [served('8')] };
const ofR7 = { ...r7, targets: [served('7')] };
const ofR6 = { release: 'r6', order: 6, rolloutId: 'checkout-api--r6--1', targets: [served('6')] };

describe('after a completion', () => {
  test('a service remembers the release with its versions, and the good ones before it', () => {
    expect(serviceAfter({ completed: ofR7, earlier: [ofR6], waiting }, done())).toEqual({
      completed: ofR8,
      earlier: [ofR7, ofR6],
      waiting,
    });
  });

  test('what served before a rollout is the newest release of an earlier order that a rollout brought', () => {
    const record = { completed: ofR8, earlier: [ofR7, ofR6] };
    expect(servedBefore(record, opening({ order: 9 }))).toBe(ofR8);
    expect(servedBefore(record, opening({ order: 8 }))).toBe(ofR7);
    const { rolloutId: _, ...found } = ofR6;
    expect(servedBefore({ completed: ofR8, earlier: [found] }, opening({ order: 8 }))).toBeUndefined();
    expect(servedBefore({}, opening())).toBeUndefined();
  });

  test('what served before the first release is a place to go back to', () => {
    expect(serviceAfter({}, done())).toEqual({
      completed: ofR8,
      earlier: [{ release: 'before-r8', order: 0, targets: [served('7')] }],
    });
  });

  test('so is what somebody else had put there since the last one', () => {
    const { earlier } = serviceAfter({ completed: { ...ofR7, targets: [served('5')] } }, done());
    expect(earlier).toMatchObject([
      { release: 'before-r8', order: 7, targets: [{ version: '7' }] },
      { release: 'r7', targets: [{ version: '5' }] },
    ]);
  });

  test('nothing was put there if each target serves what it left, and something was if one does not', () => {
    const two = { targets: TWO_TARGETS };
    const [api, worker] = [served('7'), served('3', 'worker')];
    const earlierOf = (...targets: (typeof api)[]) =>
      serviceAfter({ completed: { ...ofR7, targets } }, done(two)).earlier?.map(({ release }) => release);
    expect(earlierOf(api, worker)).toEqual(['r7']);
    expect(earlierOf(worker, api)).toEqual(['r7']);
    expect(earlierOf(api, { ...worker, version: '2' })).toEqual(['before-r8', 'r7']);
    expect(earlierOf({ ...api, version: '3' }, { ...worker, version: '7' })).toEqual(['before-r8', 'r7']);
    expect(earlierOf(api)).toEqual(['before-r8', 'r7']);
    const { targets: _, ...unnamed } = ofR7;
    expect(serviceAfter({ completed: unnamed }, done()).earlier?.map(({ release }) => release)).toEqual([
      ...['before-r8', 'r7'],
    ]);
  });

  test('a target whose own code was replaced stays known as such, and nothing is said of another', () => {
    const replaced = serviceAfter({}, done({ targets: [target('api', { replaced: true })] })).completed
      ?.targets;
    expect(replaced).toStrictEqual([{ ...served('8'), replaced: true }]);
    expect(serviceAfter({}, done()).completed?.targets).toStrictEqual([served('8')]);
    expect(serviceAfter({ waiting }, done())).not.toHaveProperty('quarantined');
  });

  test.each([
    ['r8', 'before-r8'],
    ['v1.0-', 'before-v1.0'],
    ['v1--.', 'before-v1'],
  ])('what served before %s is called %s', (release, name) => {
    expect(serviceAfter({}, done({ release })).earlier?.[0]?.release).toBe(name);
  });

  test('the name of what served before fits into the id of a rollout, however long the release is called', () => {
    const release = `${'a'.repeat(22)}-${'b'.repeat(20)}`;
    const name = serviceAfter({}, done({ release })).earlier?.[0]?.release ?? '';
    expect(() => rolloutIdFrom('checkout-api', name, 100)).not.toThrow();
    expect(name).toMatch(/^before-a{22}-b+$/);
  });

  test('the targets that did not change are remembered too', () => {
    const unchanged = [target('worker', { stable: '3', canary: '3' })];
    expect(serviceAfter({ completed: ofR7 }, done({ unchanged })).completed?.targets).toEqual([
      served('8'),
      served('3', 'worker'),
    ]);
  });

  test('ten earlier ones are remembered, and each release once', () => {
    const many = Array.from({ length: 12 }, (_, n) => ({ ...ofR6, release: n === 3 ? 'r8' : `old-${n}` }));
    const { earlier = [] } = serviceAfter({ completed: ofR7, earlier: many }, done());
    expect(earlier).toHaveLength(10);
    expect(earlier.map(({ release }) => release)).not.toContain('r8');
  });

  test('the same end that is told twice does not make a release its own predecessor', () => {
    const once = serviceAfter({ completed: ofR7 }, done());
    expect(serviceAfter(once, done())).toEqual(once);
  });
});

describe('after a rollback', () => {
  const rollsBack = bad('r8');
  const record: ServiceRecord = {
    completed: { ...ofR8, targets: [served('8'), served('3', 'worker')] },
    earlier: [ofR7, ofR6],
    quarantined: [bad('r5')],
  };
  const to = (release: string, stable: string) =>
    stateAfter(
      opened({
        ...{ rolloutId: 'checkout-api--r7--2', release, rollsBack },
        targets: [target('api', { stable, canary: '8' })],
        made: { api: { version: stable, code: 'older' } },
      }),
      aborted(1),
    );

  test('what it went to serves, what is older is left to go back to, and what it left is in quarantine', () => {
    const after = serviceAfter(record, evolve(to('r7', '7'), closed(2, 'completed')));
    expect(after).toEqual({
      completed: {
        ...{ release: 'r7', order: 8, rolloutId: 'checkout-api--r7--2', manifest: opening().manifest },
        made: { api: { version: '7', code: 'older' }, worker: { version: '3' } },
        targets: [served('7'), served('3', 'worker')],
      },
      earlier: [ofR6],
      quarantined: [bad('r5'), bad('r8')],
    });
  });

  test('what another version was made of is not taken for what serves now', () => {
    const made = { api: { version: '8', code: 'bad' }, worker: { version: '2', code: 'older' } };
    const known = { ...record, completed: { ...ofR8, made, targets: [served('8'), served('3', 'worker')] } };
    const rollout = stateAfter(
      opened({
        rolloutId: 'checkout-api--r7--2',
        release: 'r7',
        rollsBack,
        targets: [target('api', { stable: '7', canary: '8' })],
      }),
      aborted(1),
      closed(2, 'completed'),
    );
    expect(serviceAfter(known, rollout).completed?.made).toEqual({
      api: { version: '7' },
      worker: { version: '3' },
    });
  });

  test('of several targets moves each, and leaves what it has no version for', () => {
    const rollout = stateAfter(
      opened({
        ...{ rolloutId: 'checkout-api--r7--2', release: 'r7', rollsBack },
        targets: [target('api'), target('worker', { stable: '3', canary: '4' })],
      }),
      aborted(1),
      closed(2, 'completed'),
    );
    const targets = [served('8'), served('4', 'worker'), served('1', 'mailer')];
    const { completed } = serviceAfter({ ...record, completed: { ...ofR8, targets } }, rollout);
    expect(completed?.targets).toEqual([served('7'), served('3', 'worker'), served('1', 'mailer')]);
    const { completed: alone } = serviceAfter({ earlier: [ofR7] }, rollout);
    expect(alone?.targets).toEqual([served('7'), served('3', 'worker')]);
    expect(alone?.made).toEqual({ api: { version: '7' }, worker: { version: '3' } });
  });

  test('past a release to an older one, what was passed over is no place to go back to', () => {
    expect(serviceAfter(record, evolve(to('r6', '6'), closed(2, 'completed'))).earlier).toEqual([]);
  });

  test('that was halted, the release is in quarantine and can be rolled back once more', () => {
    expect(serviceAfter(record, evolve(to('r7', '7'), closed(2, 'halted')))).toEqual({
      ...record,
      quarantined: [bad('r5'), bad('r8')],
    });
  });
});

describe('after a release was reverted', () => {
  const left = (cause: Cause) =>
    stateAfter(onFirstStep({ targets: TWO_TARGETS }), revertOrdered(2, { cause }), reverted(3), closed(3));

  const tried = [{ from: minute(0.5), to: minute(3) }];

  test.each<Cause>(['canary', 'human'])('for the cause %s it is quarantined with its versions', (cause) => {
    expect(serviceAfter({ completed: r7 }, left(cause))).toEqual({
      completed: r7,
      tried,
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

  test.each<Cause>(['environment', 'drift', 'timeout'])('for the cause %s it may come again', (cause) => {
    expect(serviceAfter({ completed: r7 }, left(cause))).toEqual({ completed: r7, tried });
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
    '\na--r8--1',
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

test('a rollout that ended without a command to leave blames nobody', () => {
  expect(serviceAfter({ completed: r7 }, stateAfter(opened(), closed(1, 'refused')))).toEqual({
    completed: r7,
  });
});
