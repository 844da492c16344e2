import { describe, expect, test } from 'vitest';
import { executionInput } from '../../controller/execution.ts';
import type { Ports } from '../../controller/ports.ts';
import { RolloutError } from '../../core/errors.ts';
import type { Publisher } from '../../core/ports.ts';
import type { RolloutEvent } from '../../core/rollout/event.ts';
import type { Target } from '../../core/target.ts';
import { continueAsNew } from '../../functions/continue-as-new.ts';
import { publishRelease } from '../../functions/publish-release.ts';
import { revertTraffic } from '../../functions/revert-traffic.ts';
import { openedEvent, targetOf } from '../contract/rollouts.ts';
import { type Stage, setUp, unreachable } from './set-up.ts';

const ID = 'checkout--r1--1';
const UNPUBLISHED: Target = {
  ...targetOf('api'),
  canary: '',
  publish: { from: 'image', uri: 'i', revision: 'r' },
};

/** A rollout whose canary is not published yet, with a publisher that answers so. */
async function unpublished(publish: Publisher['publish']) {
  const stage = setUp();
  const opening = openedEvent({ targets: [UNPUBLISHED], made: { api: { version: '' } } });
  const at = stage.clock.now();
  const events: RolloutEvent[] = [{ ...opening, at } as RolloutEvent];
  await stage.ports.journal.open(events);
  const restored: string[] = [];
  const ports: Ports = {
    ...stage.ports,
    publisher: () => ({ publish, restore: async () => {} }),
    restoreCode: async (_rolloutId, name) => void restored.push(name),
  };
  const ref = executionInput(await stage.rollout(ID));
  return { stage, ports, ref, restored, call: () => call(stage, ref, ports) };
}

const call = (stage: Stage, ref: object, ports: Ports) =>
  stage.call(publishRelease, { ref, version: 1, token: 'mine' }, ports);

describe('publishing', () => {
  test('that made a version writes it down and wakes its own state', async () => {
    const { stage, call } = await unpublished(async () => ({ version: '9' }));
    expect(await call()).toEqual({});
    expect((await stage.history(ID)).at(-1)).toBe('Published');
    expect((await stage.rollout(ID)).opening.targets[0]).toMatchObject({ canary: '9', replaced: true });
    expect(stage.woken).toEqual(['mine']);
  });

  test('that takes longer writes nothing down, and is gone on with by the next call', async () => {
    const { stage, call } = await unpublished(async () => 'pending');
    await call();
    await call();
    expect(await stage.history(ID)).toEqual(['RolloutOpened']);
    expect(stage.woken).toEqual(['mine', 'mine']);
  });

  test('that can never succeed refuses the release and says why', async () => {
    const { stage, call } = await unpublished(async () => {
      throw new RolloutError('TargetInvalid', 'the image has no entry point');
    });
    await call();
    expect((await stage.rollout(ID)).leaving).toMatchObject({
      cause: 'canary',
      outcome: 'refused',
      reason: 'the image has no entry point',
    });
    expect(stage.woken).toEqual(['mine']);
  });

  test('that the account does not allow ends the rollout without a word against the release', async () => {
    const { stage, call } = await unpublished(async () => {
      throw new RolloutError('AccountRefused', 'the quota for code storage is used up');
    });
    await call();
    expect((await stage.rollout(ID)).leaving).toMatchObject({
      cause: 'environment',
      outcome: 'refused',
      reason: 'the quota for code storage is used up',
    });
  });

  test('of an artifact that is in quarantine under another name gets no traffic', async () => {
    const made = { version: '3', code: 'bad', config: 'x' };
    const { stage, ports, ref } = await unpublished(async () => ({ ...made, version: '9' }));
    const bad = { release: 'r0', rolloutId: 'checkout--r0--1', reason: 'it failed', made: { api: made } };
    const service: Ports['journal']['service'] = async () => ({ quarantined: [bad] });
    await call(stage, ref, { ...ports, journal: { ...ports.journal, service } });
    expect((await stage.rollout(ID)).leaving).toMatchObject({
      cause: 'environment',
      reason: expect.stringMatching(/has the same artifacts .* as release r0, which was reverted/),
    });
  });

  test('that could not be tried is an error, which Step Functions repeats', async () => {
    const { stage, call } = await unpublished(unreachable);
    await expect(call()).rejects.toMatchObject({ name: 'Unavailable' });
    expect(await stage.history(ID)).toEqual(['RolloutOpened']);
  });

  test('leaves word before it begins, so that an abort wakes it', async () => {
    const { stage, call } = await unpublished(async () => {
      expect(await stage.ports.journal.takeTokens(ID)).toEqual([{ version: 1, token: 'mine' }]);
      return 'pending';
    });
    await call();
    expect(stage.woken).toEqual(['mine']);
  });

  test('whose turn it is not publishes nothing, and still wakes its state', async () => {
    let calls = 0;
    const stage = setUp();
    const ref = await stage.open();
    const publisher = () => ({
      publish: async () => {
        calls += 1;
        return 'pending' as const;
      },
      restore: async () => {},
    });
    await call(stage, ref, { ...stage.ports, publisher });
    expect(calls).toBe(0);
    expect(stage.woken).toEqual(['mine']);
  });

  test('is followed by an execution and a watchdog that know the version', async () => {
    const { stage, ref, call } = await unpublished(async () => ({ version: '9' }));
    await call();
    await stage.call(continueAsNew, ref);
    expect(stage.started.at(-1)).toMatchObject({ epoch: 2, targets: [{ name: 'api', canary: '9' }] });
    expect(await stage.clock.run(stage.ports.watchdog.frozen(ID))).toMatchObject({
      epoch: 2,
      targets: [{ name: 'api', canary: '9' }],
    });
  });

  test('that replaced the code is undone on the revert path', async () => {
    const { stage, ref, ports, restored, call } = await unpublished(async () => ({ version: '9' }));
    await call();
    const router = { ...stage.ports.router('lambda-alias') };
    router.revert = async ({ name, stable }) => ({ name, primary: stable, changed: false, drifted: false });
    router.observe = async ({ stable }) => ({ primary: stable, weights: {}, token: undefined });
    const out = { ...ports, router: () => router };
    expect(await stage.call(revertTraffic, { ref, came: {} }, out)).toMatchObject({ outcome: 'refused' });
    expect(restored).toEqual(['api']);
  });
});

test('asked by a revert, it puts the code of stable back and does nothing else', async () => {
  const { stage, ports } = await unpublished(async () => ({ version: '9' }));
  const restored: unknown[] = [];
  const publisher = () => ({
    publish: async () => 'pending' as const,
    restore: async (of: unknown) => void restored.push(of),
  });
  const [target] = (await stage.rollout(ID)).opening.targets;
  const before = await stage.history(ID);
  const asked = { restore: { rolloutId: ID, target: 'api' } };
  await stage.call(publishRelease, asked, { ...ports, publisher });
  expect(restored).toEqual([target]);
  expect(await stage.history(ID)).toEqual(before);
  expect(stage.woken).toEqual([]);
});

test('restores no code that a caller names, and none that no rollout replaced', async () => {
  const { stage, ports } = await unpublished(async () => ({ version: '9' }));
  const restored: unknown[] = [];
  const publisher = () => ({
    publish: async () => 'pending' as const,
    restore: async (of: unknown) => void restored.push(of),
  });
  const restore = (what: object) =>
    stage.call(publishRelease, { restore: what } as never, { ...ports, publisher });
  const other = { ...UNPUBLISHED, ref: { functionName: 'another-service', alias: 'live' }, stable: '1' };
  await expect(restore(other)).rejects.toThrow();
  await expect(restore({ rolloutId: 'checkout--r9--1', target: 'api' })).rejects.toMatchObject({
    code: 'RolloutUnknown',
  });
  await expect(restore({ rolloutId: ID, target: 'worker' })).rejects.toMatchObject({
    code: 'CommandRefused',
  });
  await restore({ ...other, rolloutId: ID, target: 'api' });
  expect(restored).toEqual([(await stage.rollout(ID)).opening.targets[0]]);
});

test('restores no code of a release that completed', async () => {
  const { stage, ports } = await unpublished(async () => ({ version: '9' }));
  const completed: Ports = {
    ...ports,
    journal: {
      ...ports.journal,
      read: async (id) => {
        const rollout = await ports.journal.read(id);
        return rollout && { ...rollout, outcome: 'completed' };
      },
    },
  };
  const asked = { restore: { rolloutId: ID, target: 'api' } };
  await expect(stage.call(publishRelease, asked, completed)).rejects.toMatchObject({
    code: 'CommandRefused',
  });
});
