import { describe, expect, test } from 'vitest';
import { announce } from '../../controller/announce.ts';
import { historyOf } from '../../controller/histories.ts';
import type { Announcer, Ports } from '../../controller/ports.ts';
import { RolloutError } from '../../core/errors.ts';
import type { Transition } from '../../core/people/transition.ts';
import type { RolloutEvent } from '../../core/rollout/event.ts';
import { virtualClock } from '../../local/clock.ts';
import { memoryJournal } from '../../simulation/memory-journal.ts';
import { memoryNotes } from '../../simulation/memory-notes.ts';
import { createScenario, type ScenarioOptions } from '../../simulation/scenario.ts';
import { closed, inVerify, ROLLOUT_ID } from '../core/rollout/given.ts';

const silent: Ports['observer'] = { count: () => {}, log: () => {}, warn: () => {} };

/** A journal with a whole rollout in it, and somebody who announces it. */
async function stage(announcer: Partial<Announcer> = {}) {
  const journal = memoryJournal();
  const events: RolloutEvent[] = [...inVerify(), closed(12, 'completed')];
  const opened = await journal.open(events.slice(0, 1));
  if (opened.result !== 'opened') throw new Error('It was not opened.');
  await journal.append(opened.rollout, events.slice(1));
  const announced: Transition[] = [];
  const letters: object[] = [];
  const ports = {
    journal,
    notes: memoryNotes(),
    observer: silent,
    deadLetters: { put: async (letter: object) => void letters.push(letter) },
    announcer: {
      announce: async (transitions: Transition[]) => void announced.push(...transitions),
      ...announcer,
    },
  };
  return {
    ports,
    announced,
    letters,
    last: events.length,
    say: (...numbers: number[]) =>
      announce(
        numbers.map((n) => ({ rolloutId: ROLLOUT_ID, n, sequence: `s${n}` })),
        ports,
      ),
  };
}

const numbers = (transitions: Transition[]) => transitions.map(({ n }) => n);

describe('what is announced', () => {
  test('is everything up to the event, in order and once, however the stream repeats and mixes', async () => {
    const { say, announced, last } = await stage();
    expect(await say(3)).toEqual([]);
    expect(numbers(announced)).toEqual([1, 3]);
    await say(last, 6, 3);
    await say(6);
    await say(last);
    const all = numbers(announced);
    expect(all).toEqual([...new Set(all)].sort((a, b) => a - b));
    expect(all.at(-1)).toBe(last);
  });

  test('is nothing for a rollout that the journal does not know', async () => {
    const { ports, announced } = await stage();
    expect(await announce([{ rolloutId: 'x--r1--1', n: 1, sequence: 's' }], ports)).toEqual([]);
    expect(announced).toEqual([]);
  });

  test('comes again from the stream while the bus is away, and nothing is buried', async () => {
    let isAway = true;
    const sent: number[] = [];
    const { say, letters } = await stage({
      announce: async (transitions) => {
        if (isAway) throw new RolloutError('Unavailable', 'The bus is away.');
        sent.push(...numbers(transitions));
      },
    });
    for (let tries = 0; tries < 10; tries++) expect(await say(3)).toEqual(['s3']);
    isAway = false;
    expect(await say(3)).toEqual([]);
    expect([sent, letters]).toEqual([[1, 3], []]);
  });

  test('leaves out what the bus never takes: that goes to the dead letters, and the rest goes on', async () => {
    const sent: number[] = [];
    const { say, letters, last } = await stage({
      announce: async (transitions) => {
        if (transitions.some(({ n }) => n === 3)) throw new Error('MalformedDetail');
        sent.push(...numbers(transitions));
      },
    });
    expect(await say(last)).toEqual([`s${last}`]);
    expect(await say(last)).toEqual([`s${last}`]);
    expect(await say(last)).toEqual([]);
    expect(letters).toMatchObject([
      { transition: { id: `${ROLLOUT_ID}#3` }, error: 'Error: MalformedDetail' },
    ]);
    expect(sent).toContain(1);
    expect(sent.at(-1)).toBe(last);
    expect(sent).not.toContain(3);
  });

  test('of one rollout is not kept back by another', async () => {
    const { ports, announced } = await stage();
    const broken = { ...ports, journal: { ...ports.journal } };
    broken.journal.eventsAfter = async (id, after, limit) => {
      if (id === 'x--r1--1') throw new Error('broken');
      return ports.journal.eventsAfter(id, after, limit);
    };
    const written = [
      { rolloutId: 'x--r1--1', n: 5, sequence: 's1' },
      { rolloutId: ROLLOUT_ID, n: 3, sequence: 's2' },
    ];
    expect(await announce(written, broken)).toEqual(['s1']);
    expect(numbers(announced)).toEqual([1, 3]);
  });
});

describe('a world', () => {
  const heard = async (options: Partial<ScenarioOptions> = {}) => {
    const clock = virtualClock();
    const world = createScenario({ clock, ...options });
    const taken: Transition[] = [];
    world.events.rule({
      name: 'test',
      pattern: { source: ['spillway'] },
      target: async ({ detail }) => void taken.push(detail as unknown as Transition),
    });
    const rollout = await clock.run(world.run());
    await clock.advance(20 * 60_000);
    const { transitions = [] } = (await clock.run(historyOf(rollout.opening.rolloutId, world.ports))) ?? {};
    return { taken, expected: transitions.map(({ id }) => id) };
  };
  const inOrder = (taken: Transition[]) => [...taken].sort((a, b) => a.n - b.n).map(({ id }) => id);

  test.each(['memory', 'dynamodb'] as const)(
    'with its journal in %s announces all transitions, each once',
    async (journal) => {
      const { taken, expected } = await heard({ journal });
      expect(expected.length).toBeGreaterThan(8);
      expect(taken.map(({ id }) => id)).toEqual(expected);
    },
  );

  test('announces all of them where the stream repeats and mixes, and events come twice', async () => {
    let nth = 0;
    const copies = () => [(nth++ * 7_919) % 90_000, (nth++ * 7_919) % 120_000];
    const { taken, expected } = await heard({ copies });
    expect([...new Set(inOrder(taken))]).toEqual(expected);
  });

  test('announces all of them after the bus was away for minutes, while the rollout ran on', async () => {
    let calls = 0;
    const away = Object.assign(new Error('away'), {
      name: 'InternalException',
      $metadata: { httpStatusCode: 500 },
    });
    const { taken, expected } = await heard({
      intercept: (command, _, call) => {
        if (command !== 'PutEventsCommand') return call();
        calls += 1;
        return calls < 20 ? Promise.reject(away) : call();
      },
    });
    expect([...new Set(inOrder(taken))]).toEqual(expected);
  });
});
