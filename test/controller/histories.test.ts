import { expect, test } from 'vitest';
import { historyOf } from '../../controller/histories.ts';
import { RolloutError } from '../../core/errors.ts';
import type { RolloutEvent } from '../../core/rollout/event.ts';
import { memoryJournal } from '../../simulation/memory-journal.ts';
import { closed, inVerify, ROLLOUT_ID } from '../core/rollout/given.ts';

/** A journal with a rollout in it that has a commit, as has the one that served before, and what was warned of. */
async function stage(events: RolloutEvent[] = [...inVerify({ commit: 'c3d4' }), closed(12, 'completed')]) {
  const memory = memoryJournal();
  const opened = await memory.open(events.slice(0, 1));
  if (opened.result !== 'opened') throw new Error('It was not opened.');
  let { rollout } = opened;
  const before = { release: 'r7', order: 7, rolloutId: 'checkout-api--r7--1', targets: [] };
  const earlier = { ...rollout, opening: { ...rollout.opening, commit: 'a1b2' } };
  const stage = { isAway: false, read: [] as number[], warned: [] as string[] };
  const journal = {
    ...memory,
    service: async () => ({ completed: before }),
    read: async () => {
      if (stage.isAway) throw new RolloutError('Unavailable', 'The journal is away.');
      return earlier;
    },
    eventsAfter: (id: string, version: number) => {
      stage.read.push(version);
      return memory.eventsAfter(id, version);
    },
  };
  const observer = {
    count: () => {},
    log: () => {},
    warn: (_: string, { what }: object & { what?: unknown }) => void stage.warned.push(String(what)),
  };
  const append = async (more: RolloutEvent[]) => {
    rollout = await memory.append(rollout, more);
  };
  return Object.assign(stage, {
    append,
    rest: events.slice(1),
    history: (n?: number) => historyOf(ROLLOUT_ID, { journal, observer }, n),
  });
}

test('of a rollout that is known only what is new is read, and what was answered before stays what it was', async () => {
  const { append, history, read, rest } = await stage();
  await append(rest.slice(0, 3));
  const first = await history();
  const shown = structuredClone(first);
  await append(rest.slice(3));
  const second = await history();
  expect(first).toEqual(shown);
  expect(second?.transitions.slice(0, first?.transitions.length)).toEqual(first?.transitions);
  expect(second?.transitions.at(-1)?.line).toContain('commits a1b2..c3d4');
  expect(await history(4)).toBe(second);
  expect(read).toEqual([0, 4]);
});

test('a history without what served before, because that could not be read, is not kept', async () => {
  const at = await stage();
  await at.append(at.rest);
  at.isAway = true;
  expect((await at.history())?.transitions.at(-1)?.line).toContain('; commit c3d4');
  expect(at.warned).toEqual(['the commit that served before']);
  at.isAway = false;
  expect((await at.history())?.transitions.at(-1)?.line).toContain('commits a1b2..c3d4');
});
