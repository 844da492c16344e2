import { expect, test } from 'vitest';
import type { HookStatus } from '../../core/rollout/event.ts';
import { runHook } from '../../functions/run-hook.ts';
import { actor } from '../core/rollout/given.ts';
import { FIRST, type Stage, setUp } from './set-up.ts';

const smoke = [{ get: '/health', expect: { status: 200 } }];

function answering(stage: Stage, status: HookStatus) {
  let asked = 0;
  const ports = {
    ...stage.ports,
    hooks: () => ({
      ask: async () => {
        asked += 1;
        return { status, reason: `it was a ${status}` };
      },
    }),
  };
  return { ports, asked: () => asked };
}

test('a smoke test is put once, its answer written down, and its own state woken', async () => {
  const stage = setUp({ rollout: { smoke } });
  const ref = await stage.open();
  const { ports, asked } = answering(stage, 'pass');
  expect(await stage.call(runHook, { ref, version: 1, token: 'mine' }, ports)).toEqual({});
  expect(asked()).toBe(1);
  expect((await stage.rollout()).hooks).toMatchObject({ 'smoke.1': { status: 'pass' } });
  expect(stage.woken).toEqual(['mine']);
});

test('a failed one reverts the release before any request, and its state is woken too', async () => {
  const stage = setUp({ rollout: { smoke } });
  const ref = await stage.open();
  await stage.call(runHook, { ref, version: 1, token: 'mine' }, answering(stage, 'fail').ports);
  expect((await stage.rollout()).leaving).toMatchObject({
    cause: 'canary',
    outcome: 'refused',
    reason: 'it was a fail',
  });
  expect(stage.standing().weights).toEqual({});
  expect(stage.woken).toEqual(['mine']);
});

test('a broken one is put three times, and never a pass', async () => {
  const stage = setUp({ rollout: { smoke } });
  const ref = await stage.open();
  const { ports, asked } = answering(stage, 'broken');
  for (let version = 1; version <= 3; version++) {
    expect((await stage.rollout()).leaving).toBeUndefined();
    await stage.call(runHook, { ref, version, token: `t${version}` }, ports);
    await stage.clock.advance(10_000);
  }
  expect(asked()).toBe(3);
  expect((await stage.rollout()).leaving).toMatchObject({ cause: 'environment', outcome: 'refused' });
});

test('a call whose turn it is not puts nothing, and still wakes its state', async () => {
  const stage = setUp();
  const ref = await stage.open();
  const { ports, asked } = answering(stage, 'pass');
  await stage.call(runHook, { ref, version: 1, token: 'mine' }, ports);
  expect(asked()).toBe(0);
  expect(await stage.history()).toEqual(['RolloutOpened']);
  expect(stage.woken).toEqual(['mine']);
});

test('an abort while the test runs is not deaf: the token is there to be taken, and the answer is dropped', async () => {
  const stage = setUp({ rollout: { smoke } });
  const ref = await stage.open();
  const ports = {
    ...stage.ports,
    hooks: () => ({
      ask: async () => {
        expect(await stage.ports.journal.takeTokens(FIRST)).toEqual([{ version: 1, token: 'mine' }]);
        const at = stage.clock.now();
        await stage.ports.journal.append(await stage.rollout(), [
          { type: 'Aborted', at, by: actor('ada'), reason: 'odd' },
        ]);
        return { status: 'pass' as const, reason: 'too late' };
      },
    }),
  };
  await stage.call(runHook, { ref, version: 1, token: 'mine' }, ports);
  expect(await stage.history()).toEqual(['RolloutOpened', 'Aborted']);
  expect(stage.woken).toEqual(['mine']);
});
