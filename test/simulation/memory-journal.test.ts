import { expect, test } from 'vitest';
import type { Rollout } from '../../core/rollout/state.ts';
import type { JournalRecord } from '../../local/controller.ts';
import { memoryJournal } from '../../simulation/memory-journal.ts';
import { closedEvent, declinedEvent, noted, openedEvent } from '../contract/rollouts.ts';

test('those who follow a journal hear of each append once, in order, and of nothing that was not written', async () => {
  const told: JournalRecord[] = [];
  const journal = memoryJournal((record) => void told.push(structuredClone(record)));
  const opened = await journal.open([openedEvent()]);
  const { rollout } = opened as { rollout: Rollout };
  const after = await journal.append(rollout, [noted('a'), noted('b')]);
  await journal.append(after, []);
  await journal.append(rollout, [noted('stale')]).catch(() => {});
  await journal.open([openedEvent()]);
  await journal.open([openedEvent({ release: 'r2' })]);
  await journal.open([declinedEvent('refused', 'r3')]);
  await journal.append(after, [closedEvent()]);
  expect(told.map(({ rollout, events }) => [rollout.opening.release, rollout.version, events])).toEqual([
    ['r1', 1, [openedEvent()]],
    ['r1', 3, [noted('a'), noted('b')]],
    ['r3', 1, [declinedEvent('refused', 'r3')]],
    ['r1', 4, [closedEvent()]],
  ]);
});

test('an append or a token for a rollout that was never opened is refused by its id', async () => {
  const opened = await memoryJournal().open([openedEvent()]);
  const { rollout } = opened as { rollout: Rollout };
  const empty = memoryJournal();
  for (const call of [
    empty.append(rollout, [noted('a')]),
    empty.putToken('checkout--r1--1', { version: 1, token: 't' }),
  ])
    await expect(call).rejects.toMatchObject({
      code: 'RolloutUnknown',
      message: expect.stringContaining('checkout--r1--1'),
    });
});

test('what is kept is as JSON would give it back, and parts that an append leaves alone are not copied', async () => {
  const journal = memoryJournal();
  await journal.open([openedEvent()]);
  const before = (await journal.read('checkout--r1--1')) as Rollout;
  const after = await journal.append(before, [
    { ...noted('a'), extra: undefined, gap: [undefined], nan: Number.NaN, zero: -0 } as never,
  ]);
  expect(after.opening).toBe(before.opening);
  expect(await journal.read('checkout--r1--1')).toStrictEqual(JSON.parse(JSON.stringify(after)));
  expect((await journal.events('checkout--r1--1')).at(-1)).toStrictEqual({
    ...noted('a'),
    gap: [null],
    nan: null,
    zero: 0,
  });
});
