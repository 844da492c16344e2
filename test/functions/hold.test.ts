import { expect, test } from 'vitest';
import { hold } from '../../functions/hold.ts';
import { FIRST, setUp, withJournal } from '../controller/set-up.ts';
import { actor } from '../core/rollout/given.ts';

test('a hold leaves its token and sleeps', async () => {
  const stage = setUp();
  const ref = await stage.openRaised();
  const { version } = await stage.rollout();
  expect(await stage.call(hold, { ref, version, token: 'mine' })).toEqual({});
  expect(stage.woken).toEqual([]);
  expect(await stage.ports.journal.takeTokens(FIRST)).toEqual([{ version, token: 'mine' }]);
});

test('a hold whose rollout has moved on wakes itself', async () => {
  const stage = setUp();
  const ref = await stage.openRaised();
  const { version } = await stage.rollout();
  await stage.call(hold, { ref, version: version - 1, token: 'mine' });
  expect(stage.woken).toEqual(['mine']);
});

test('a hold of another epoch wakes itself', async () => {
  const stage = setUp();
  const ref = await stage.openRaised();
  const { version } = await stage.rollout();
  await stage.call(hold, { ref: { ...ref, epoch: 2 }, version, token: 'mine' });
  expect(stage.woken).toEqual(['mine']);
});

test('a command between the directive and the token is not slept through', async () => {
  const stage = setUp();
  const ref = await stage.openRaised();
  const rollout = await stage.rollout();
  const { journal } = stage.ports;
  const ports = withJournal(stage.ports, {
    // The command came first and found no token to take.
    async putToken(id, token) {
      const at = stage.clock.now();
      expect(await journal.takeTokens(id)).toEqual([]);
      await journal.append(rollout, [{ type: 'Aborted', at, by: actor('ada'), reason: 'odd' }]);
      await journal.putToken(id, token);
    },
  });
  await stage.call(hold, { ref, version: rollout.version, token: 'mine' }, ports);
  expect(stage.woken).toEqual(['mine']);
});

test('a hold that is retried with another token leaves both', async () => {
  const stage = setUp();
  const ref = await stage.openRaised();
  const { version } = await stage.rollout();
  for (const token of ['first', 'second']) await stage.call(hold, { ref, version, token });
  expect((await stage.ports.journal.takeTokens(FIRST)).map(({ token }) => token)).toEqual([
    'first',
    'second',
  ]);
});
