import { expect, test } from 'vitest';
import { cachedReads, type Reads } from '../../api/cache.ts';
import type { Readings } from '../../core/readings.ts';
import type { RolloutEvent } from '../../core/rollout/event.ts';
import { virtualClock } from '../../local/clock.ts';

const ID = 'checkout-api--r1--1';
const event = (n: number): RolloutEvent => ({ type: 'Continued', at: n, epoch: n });

/** A journal in which one rollout has so many events, of which an answer holds `page` at most. */
function journal({ page = 1_000 } = {}) {
  const events: RolloutEvent[] = [];
  const read: string[] = [];
  let isDown = false;
  const noted = async <Answer>(what: string, answer: Answer): Promise<Answer> => {
    read.push(what);
    if (isDown) throw new Error('no journal');
    return answer;
  };
  const reads: Reads = {
    running: () => noted('running', []),
    recent: ({ service }) => noted(`recent ${service}`, []),
    service: (name) => noted(`service ${name}`, {}),
    rollout: (id) => noted(`rollout ${id}`, {}),
    events: (id, after, limit = page): Promise<Readings['events']> => {
      const found = events.slice(after, after + Math.min(limit, page));
      const isMore = after + found.length < events.length;
      const version = id === ID ? events.length : undefined;
      return noted(`events ${after}`, { version, events: found, ...(isMore ? { isMore } : {}) });
    },
  };
  return {
    reads,
    read,
    grow(count: number) {
      for (let n = 0; n < count; n++) events.push(event(events.length + 1));
    },
    fail() {
      isDown = true;
    },
  };
}

const versions = ({ events }: Readings['events']) => events.map(({ at }) => at);

test('however many watch, the journal is read once a second, and each sees all events in order', async () => {
  const clock = virtualClock();
  const { reads, read, grow } = journal();
  const cached = cachedReads(reads, clock);
  const watchers = Array.from({ length: 200 }, () => ({ seen: [] as number[] }));
  grow(3);
  for (let second = 0; second < 30; second++) {
    for (let part = 0; part < 10; part++) {
      // Each asks every two seconds, at a moment of its own.
      for (const [index, { seen }] of watchers.entries())
        if ((second * 10 + part) % 20 === index % 20)
          seen.push(...versions(await cached.events(ID, seen.length)));
      await clock.advance(100);
    }
    if (second % 3 === 0) grow(second % 5);
  }
  expect(read.length).toBeLessThanOrEqual(31);
  for (const { seen } of watchers) expect(seen).toEqual(seen.map((_, index) => index + 1));
  const least = Math.min(...watchers.map(({ seen }) => seen.length));
  expect(least).toBeGreaterThan(15);
});

test('those who ask at once share one reading', async () => {
  const clock = virtualClock();
  const { reads, read } = journal();
  const cached = cachedReads(reads, clock);
  const asked = [() => cached.running(), () => cached.service('a'), () => cached.rollout(ID)];
  await Promise.all([...asked, ...asked, ...asked].map((each) => each()));
  await Promise.all([
    cached.recent({ service: 'a' }),
    cached.recent({ service: 'a' }),
    cached.recent({ service: 'b' }),
  ]);
  expect(read).toEqual(['running', 'service a', `rollout ${ID}`, 'recent a', 'recent b']);
  await clock.advance(999);
  await cached.running();
  expect(read).toHaveLength(5);
  await clock.advance(1);
  await cached.running();
  expect(read).toHaveLength(6);
});

test('a long history is read page by page, without a wait and without a gap, wherever a reader begins', async () => {
  const clock = virtualClock();
  const { reads, grow } = journal({ page: 100 });
  const cached = cachedReads(reads, clock);
  grow(1_050);
  const whole = async (from: number, limit?: number) => {
    const seen: number[] = [];
    for (let isMore = true; isMore; ) {
      const page = await cached.events(ID, from + seen.length, limit);
      expect(page.version).toBe(1_050);
      seen.push(...versions(page));
      isMore = page.isMore ?? false;
    }
    return seen;
  };
  const from = (first: number) => Array.from({ length: 1_050 - first }, (_, index) => first + index + 1);
  expect(await whole(0)).toEqual(from(0));
  for (const [first, limit] of [[0], [500], [1_040], [1_050], [3, 7], [700, 1_000]] as [number, number?][])
    expect([first, await whole(first, limit)]).toEqual([first, from(first)]);
});

test('who asks for what is still to come is given it once it is there', async () => {
  const clock = virtualClock();
  const { reads, grow } = journal();
  const cached = cachedReads(reads, clock);
  grow(2);
  expect(await cached.events(ID, 5)).toEqual({ version: 2, events: [] });
  grow(4);
  await clock.advance(1_000);
  expect(versions(await cached.events(ID, 5))).toEqual([6]);
  expect(versions(await cached.events(ID, 0))).toEqual([1, 2, 3, 4, 5, 6]);
});

test('what is not there is kept as briefly as everything else', async () => {
  const clock = virtualClock();
  const { reads, read, grow } = journal();
  const cached = cachedReads(reads, clock);
  expect(await cached.events(ID, 0)).toEqual({ version: 0, events: [] });
  expect(await cached.events('other--r1--1', 0)).toEqual({ version: undefined, events: [] });
  grow(1);
  await clock.advance(1_000);
  expect(versions(await cached.events(ID, 0))).toEqual([1]);
  expect(read).toHaveLength(3);
});

test('a command lets the next readings see what it did', async () => {
  const clock = virtualClock();
  const { reads, read, grow } = journal();
  const cached = cachedReads(reads, clock);
  await cached.rollout(ID);
  await cached.events(ID, 0);
  grow(1);
  cached.forget();
  expect(versions(await cached.events(ID, 0))).toEqual([1]);
  await cached.rollout(ID);
  expect(read).toHaveLength(4);
});

test('a journal that is down is asked no more often', async () => {
  const clock = virtualClock();
  const { reads, read, fail } = journal();
  fail();
  const cached = cachedReads(reads, clock);
  for (let n = 0; n < 10; n++) await expect(cached.events(ID, n)).rejects.toThrow('no journal');
  expect(read).toHaveLength(1);
  await clock.advance(1_000);
  await expect(cached.rollout(ID)).rejects.toThrow('no journal');
  await expect(cached.events(ID, 0)).rejects.toThrow('no journal');
  expect(read).toHaveLength(3);
});
