import type { Hono } from 'hono';
import { expect, test } from 'vitest';
import { readingsOf } from '../../controller/read.ts';
import type { RolloutEvent } from '../../core/rollout/event.ts';
import type { World } from '../../local/world.ts';
import { apiOf, ask, deployed, ID, released } from './stage.ts';

/** Most events that the journal of these tests answers at once. */
const CUT = 2;

/** The API of a world whose journal answers a history in pages. */
function cutting(world: World): Hono {
  const reads = readingsOf(world.journal);
  return apiOf(world, {
    reads: {
      ...reads,
      events: (rolloutId, after, limit = CUT) => reads.events(rolloutId, after, Math.min(limit, CUT)),
    },
  });
}

type Page = { version: number; events: RolloutEvent[]; isMore?: true; ended?: string };

/** Follows a rollout as docs/reference/api.md says, and asks `asks` times more once it has what there was. */
async function followed(app: Hono, { query = '', from = 0, asks = 1 } = {}) {
  const seen: RolloutEvent[] = [];
  const statuses: number[] = [];
  let tag: string | undefined;
  let ended: string | undefined;
  for (let quiet = 0; quiet < asks; ) {
    const known = tag === undefined ? {} : { 'if-none-match': tag };
    const address = `/rollouts/${ID}/events?after=${from + seen.length}${query}`;
    const { status, headers, body } = await ask(app, 'GET', address, known);
    statuses.push(status);
    if (status === 304) quiet += 1;
    else {
      const page: Page = body;
      tag = headers.get('etag') ?? '';
      seen.push(...page.events);
      ended = page.ended;
    }
    if (statuses.length > 500) throw new Error('It goes on for ever.');
  }
  return { seen, statuses, ended };
}

const QUERIES = ['', '&limit=1', '&limit=2', '&limit=1000'];

test.each(QUERIES)(
  'whoever follows a running rollout%s gets every event, then 304, then what comes',
  async (query) => {
    const world = await deployed();
    await released(world);
    for (const app of [apiOf(world), cutting(world)]) {
      const { seen, statuses } = await followed(app, { query, asks: 2 });
      const all = await world.journal.events(ID);
      expect(seen.length).toBeGreaterThan(CUT);
      expect(seen).toEqual(all.slice(0, seen.length));
      expect(all.slice(seen.length).every(({ type }) => type === 'Measured')).toBe(true);
      expect(statuses.slice(-1)).toEqual([304]);
    }
  },
);

test.each(QUERIES)(
  'whoever follows a rollout that has ended%s gets all of it and how it ended',
  async (query) => {
    const world = await deployed();
    await released(world);
    await world.command({
      command: 'abort',
      rolloutId: ID,
      reason: 'odd',
      by: { id: 'ada', via: 'iam', isVerified: true },
    });
    await world.ended(ID);
    await world.clock.sleep(1_000);
    const all = await world.journal.events(ID);
    for (const app of [apiOf(world), cutting(world)])
      for (const from of [0, 2, all.length]) {
        const { seen, ended, statuses } = await followed(app, { query, from, asks: 2 });
        expect(seen).toEqual(all.slice(from));
        expect(ended).toEqual(expect.any(String));
        expect(statuses.slice(-2)).toEqual([304, 304]);
      }
  },
);

test('a tag of one place hides no events after another', async () => {
  const world = await deployed();
  await released(world);
  await world.command({
    command: 'abort',
    rolloutId: ID,
    reason: 'odd',
    by: { id: 'ada', via: 'iam', isVerified: true },
  });
  await world.ended(ID);
  await world.clock.sleep(1_000);
  const { length } = await world.journal.events(ID);
  const app = apiOf(world);
  const afters = [0, 1, 2, length - 1, length];
  const queries = afters.flatMap((after) => QUERIES.map((query) => `?after=${after}${query}`));
  for (const first of queries) {
    const tag = (await ask(app, 'GET', `/rollouts/${ID}/events${first}`)).headers.get('etag') ?? '';
    for (const second of queries.filter((each) => !each.startsWith(`?after=${length}`) && each !== first)) {
      const fresh = await ask(app, 'GET', `/rollouts/${ID}/events${second}`);
      const { status } = await ask(app, 'GET', `/rollouts/${ID}/events${second}`, { 'if-none-match': tag });
      const isSame = fresh.headers.get('etag') === tag;
      expect([first, second, status]).toEqual([first, second, isSame ? 304 : 200]);
      if (isSame) expect((await ask(app, 'GET', `/rollouts/${ID}/events${first}`)).text).toBe(fresh.text);
    }
  }
});
