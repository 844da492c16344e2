import { expect, test } from 'vitest';
import { executionInput } from '../../controller/execution.ts';
import { continueAsNew } from '../../functions/continue-as-new.ts';
import { decide } from '../../functions/decide.ts';
import { FIRST, setUp, unreachable } from '../controller/set-up.ts';

test('a rollout goes on in a fresh execution of the next epoch, at the same weight', async () => {
  const stage = setUp();
  const ref = await stage.openRaised();
  expect(await stage.call(continueAsNew, ref)).toEqual({});
  const rollout = await stage.rollout();
  expect(rollout).toMatchObject({ epoch: 2, ticks: 0 });
  expect(stage.started.at(-1)).toEqual(executionInput(rollout));
  expect(stage.standing()).toMatchObject({ weights: { '2': 10 }, token: `spillway ${FIRST} 1 1 open` });
});

test('a second call starts no second one', async () => {
  const stage = setUp();
  const ref = await stage.openRaised();
  for (let times = 0; times < 3; times++) await stage.call(continueAsNew, ref);
  expect((await stage.history()).filter((type) => type === 'Continued')).toHaveLength(1);
  expect(stage.started.map(({ epoch }) => epoch)).toEqual([1, 2]);
});

test('a crash before the start is finished by the next try', async () => {
  const stage = setUp();
  const ref = await stage.openRaised();
  const ports = { ...stage.ports, executions: { ...stage.ports.executions, start: unreachable } };
  await expect(stage.call(continueAsNew, ref, ports)).rejects.toMatchObject({ name: 'Unavailable' });
  await stage.call(continueAsNew, ref);
  expect((await stage.rollout()).epoch).toBe(2);
  expect(stage.started.map(({ epoch }) => epoch)).toEqual([1, 2]);
});

test('the old execution is told to end, and the new one goes on', async () => {
  const stage = setUp();
  const ref = await stage.openRaised();
  await stage.call(continueAsNew, ref);
  expect(await stage.call(decide, ref)).toMatchObject({ kind: 'continue' });
  expect(await stage.call(decide, { ...ref, epoch: 2 })).toMatchObject({ kind: 'hold' });
});

test('a schedule that cannot be written keeps no rollout from going on', async () => {
  const stage = setUp();
  const ref = await stage.openRaised();
  const ports = { ...stage.ports, watchdog: { ...stage.ports.watchdog, arm: unreachable } };
  expect(await stage.call(continueAsNew, ref, ports)).toEqual({});
  expect(stage.started.map(({ epoch }) => epoch)).toEqual([1, 2]);
});
