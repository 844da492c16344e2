import { expect, test } from 'vitest';
import type { Ports } from '../../controller/ports.ts';
import { decide } from '../../functions/decide.ts';
import { revertTraffic } from '../../functions/revert-traffic.ts';
import { FIRST, setUp, unreachable, withJournal } from './set-up.ts';

test('a new rollout first shifts, or asks its smoke test where it has one', async () => {
  const plain = setUp();
  expect(await plain.call(decide, await plain.open())).toEqual({ kind: 'shift', seconds: 1, version: 1 });
  const smoked = setUp({ rollout: { smoke: [{ get: '/health', expect: { status: 200 } }] } });
  expect(await smoked.call(decide, await smoked.open())).toMatchObject({ kind: 'hook', version: 1 });
});

test('a rollout at a weight holds for whole seconds until its next tick', async () => {
  const stage = setUp();
  const answer = await stage.call(decide, await stage.openRaised());
  expect(answer.kind).toBe('hold');
  expect(Number.isInteger(answer.seconds)).toBe(true);
  expect(answer.seconds).toBeGreaterThanOrEqual(1);
  expect(answer.seconds).toBeLessThanOrEqual(120);
});

test('asking again changes nothing', async () => {
  const stage = setUp();
  const ref = await stage.openRaised();
  const before = [await stage.history(), stage.standing()];
  for (let times = 0; times < 3; times++) await stage.call(decide, ref);
  expect([await stage.history(), stage.standing()]).toEqual(before);
});

test('a closed token that the journal does not know means that the canary is out: it is written down, and never raised', async () => {
  const stage = setUp();
  const ref = await stage.openRaised();
  await stage.meddle({ weights: {}, Description: `spillway ${FIRST} 1 2 closed` });
  expect(await stage.call(decide, ref)).toMatchObject({ kind: 'revert' });
  expect((await stage.history()).at(-1)).toBe('RevertOrdered');
  expect(stage.standing().weights).toEqual({});
});

test('a canary that somebody took out leaves', async () => {
  const stage = setUp();
  const ref = await stage.openRaised();
  await stage.meddle({ weights: {} });
  expect(await stage.call(decide, ref)).toMatchObject({ kind: 'revert' });
  expect((await stage.rollout()).leaving).toMatchObject({ cause: 'drift', outcome: 'reverted' });
});

test.each([
  ['a stranger’s primary', { FunctionVersion: '3', weights: {} }],
  ['more weight than was written', { weights: { '2': 60 } }],
  ['the token of another rollout', { Description: 'spillway checkout-api--r0--1 1 4 open' }],
  ['no token', { Description: 'the team’s own words' }],
  ['a token of ours that the journal never gave out', { Description: `spillway ${FIRST} 1 9 open` }],
])('%s is a stranger: the rollout leaves and ends halted', async (_what, change) => {
  const stage = setUp();
  const ref = await stage.openRaised();
  stage.scenario.lambda.helpers.publishCounted('checkout-prod-Api');
  await stage.meddle(change);
  expect(await stage.call(decide, ref)).toMatchObject({ kind: 'revert' });
  expect((await stage.rollout()).leaving).toMatchObject({ cause: 'drift', outcome: 'halted' });
  expect((await stage.history()).at(-1)).toBe('DriftDetected');
});

test('a raise that arrived although nobody wrote it down is written down now', async () => {
  const stage = setUp();
  const ref = await stage.open();
  const at = stage.clock.now();
  const token = { rolloutId: FIRST, epoch: 1, seq: 1, open: true };
  const intent = {
    type: 'ShiftIntended' as const,
    at,
    target: 'api',
    weight: 10,
    token,
    expiresAt: at + 10_000,
  };
  await stage.ports.journal.append(await stage.rollout(), [intent]);
  await stage.meddle({ weights: { '2': 10 }, Description: `spillway ${FIRST} 1 1 open` });
  expect(await stage.call(decide, ref)).toMatchObject({ kind: 'hold' });
  expect(await stage.history()).toEqual(['RolloutOpened', 'ShiftIntended', 'Shifted']);
});

test('an execution of an older epoch is told to end, and does not even look', async () => {
  const stage = setUp();
  const ref = await stage.openRaised();
  const at = stage.clock.now();
  await stage.ports.journal.append(await stage.rollout(), [
    { type: 'TookOver', at, epoch: 2, reason: 'it died' },
  ]);
  await stage.meddle({ weights: {} });
  expect(await stage.call(decide, ref)).toMatchObject({ kind: 'continue' });
  expect((await stage.history()).at(-1)).toBe('TookOver');
  expect(await stage.call(decide, { ...ref, epoch: 2 })).toMatchObject({ kind: 'revert' });
});

test('a rollout that was reverted stays so, whoever asks', async () => {
  const stage = setUp();
  const ref = await stage.openRaised();
  await stage.call(revertTraffic, { ref, came: {} });
  expect(await stage.call(decide, ref)).toMatchObject({ kind: 'revert' });
  expect(await stage.call(decide, { ...ref, epoch: 0 })).toMatchObject({ kind: 'revert' });
});

test('a journal that cannot be read, or does not know the rollout, is an error under its name', async () => {
  const stage = setUp();
  const ref = await stage.open();
  const blind = stage.call(decide, ref, withJournal(stage.ports, { read: unreachable }));
  await expect(blind).rejects.toMatchObject({ name: 'Unavailable' });
  const unknown = stage.call(decide, { ...ref, rolloutId: 'checkout-api--r9--1' });
  await expect(unknown).rejects.toMatchObject({ name: 'RolloutUnknown' });
});

test('a target that takes too long to be read keeps nobody from going on, and what it says then is not written down', async () => {
  const stage = setUp();
  const ref = await stage.openRaised();
  const before = await stage.history();
  const began = stage.clock.now();
  const router: Ports['router'] = (kind) => ({
    ...stage.ports.router(kind),
    observe: async () => {
      await stage.clock.sleep(30_000);
      return { primary: '1', weights: {}, token: undefined };
    },
  });
  expect(await stage.call(decide, ref, { ...stage.ports, router })).toMatchObject({ kind: 'measure' });
  expect(stage.clock.now() - began).toBeLessThanOrEqual(6_000);
  await stage.clock.advance(60_000);
  expect(await stage.history()).toEqual(before);
});
