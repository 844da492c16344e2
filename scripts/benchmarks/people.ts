import type { Hono } from 'hono';
import { tokens } from '../../adapters/tokens.ts';
import { api } from '../../api/api.ts';
import type { Reads } from '../../api/cache.ts';
import { readingsOf } from '../../controller/read.ts';
import { iamPrincipal } from '../../core/people/access.ts';
import type { TokenType } from '../../core/ports.ts';
import { scaledClock, virtualClock } from '../../local/clock.ts';
import { createScenario, type Scenario } from '../../simulation/scenario.ts';
import type { Figures } from './figures.ts';

const ABORTS = 100;
const WATCHERS = 200;
/** How often a page asks what is new. */
const POLL_MS = 2_000;
const TOKENS = 100_000;
const DAY_MS = 24 * 3600_000;

/** What people wait for: an abort, news of a rollout that many watch, and how quickly a bad token is refused. */
export async function people(): Promise<Figures> {
  const aborts: number[] = [];
  for (let nth = 0; nth < ABORTS; nth++) aborts.push(await abort(nth));
  const watched = await watching();
  const refused = await tried();
  return {
    'ms from POST to alias on stable, median': round(at(aborts, 0.5)),
    'ms from POST to alias on stable, p99': round(at(aborts, 0.99)),
    [`journal reads in the busiest second, ${WATCHERS} watching`]: watched.busiest,
    [`journal reads a second, ${WATCHERS} watching`]: round(watched.perSecond),
    'answers a second': round(watched.answers),
    'seconds until a watcher sees an event, p99': round(watched.p99),
    'bad tokens tried': refused.tried,
    'bad tokens accepted': refused.accepted,
    'us to refuse one, median': round(refused.median),
    'us to refuse one, the slowest kind': round(refused.slowest),
  };
}

/** The API of a scenario, whose callers sign as the user that they name. */
function apiOf(scenario: Scenario, reads: Reads = readingsOf(scenario.journal)): Hono {
  const { about, access, commands, tokens } = scenario.ports;
  return api({
    ...{ about, access, tokens, reads, clock: scenario.clock, isPublic: false },
    command: (request) => commands.give(request),
    principal: async ({ headers }) =>
      iamPrincipal(`arn:aws:iam::111122223333:user/${headers.get('x-user') ?? 'ada'}`, access),
    failed(error) {
      throw error;
    },
  });
}

/** Real milliseconds from the request to the write that leaves only stable on the alias, simulated latencies included. */
async function abort(seed: number): Promise<number> {
  const scenario = createScenario({ clock: scaledClock(1), warmMinutes: 0, seed });
  const app = apiOf(scenario);
  const rolloutId = await scenario.release();
  const isOut = () => Object.keys(scenario.alias().weights).length === 0;
  while (isOut()) await scenario.clock.sleep(1);
  const began = performance.now();
  const answer = app.request(`/rollouts/${rolloutId}/abort`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"reason": "measured"}',
  });
  while (!isOut()) await scenario.clock.sleep(1);
  const took = performance.now() - began;
  const { status } = await answer;
  if (status !== 202) throw new Error(`The abort was answered ${status}.`);
  await scenario.ended(rolloutId);
  return took;
}

/** Pages that ask every two seconds for what is new, each beginning at another moment, from the opening of a rollout to its end. */
async function watching() {
  const clock = virtualClock();
  const scenario = createScenario({ clock, seed: 1, warmMinutes: 2, requestsPerSecond: 200 });
  const readAt: number[] = [];
  const real = readingsOf(scenario.journal);
  const counted =
    <Args extends unknown[], Answer>(read: (...args: Args) => Answer) =>
    (...args: Args): Answer => {
      readAt.push(clock.now());
      return read(...args);
    };
  const app = apiOf(scenario, {
    ...real,
    rollout: counted(real.rollout),
    events: counted(real.events),
  });
  const writtenAt: number[] = [];
  const seenAfter: number[] = [];
  let answers = 0;
  let isOver = false;

  const page = async (nth: number, rolloutId: string) => {
    await clock.sleep((nth * POLL_MS) / WATCHERS);
    let seen = 0;
    let tag = '';
    while (!isOver || seen < writtenAt.length) {
      const headers = { 'x-user': `user-${nth}`, ...(tag === '' ? {} : { 'if-none-match': tag }) };
      const response = await app.request(`/rollouts/${rolloutId}/events?after=${seen}`, { headers });
      answers += 1;
      if (response.status === 200) {
        tag = response.headers.get('etag') ?? '';
        const { events } = (await response.json()) as { events: unknown[] };
        for (const _ of events) seenAfter.push((clock.now() - (writtenAt[seen++] ?? Number.NaN)) / 1000);
      } else if (response.status !== 304) throw new Error(`A page was answered ${response.status}.`);
      await clock.sleep(POLL_MS);
    }
  };

  const seconds = await clock.run(
    (async () => {
      scenario.follow(({ events }) => void writtenAt.push(...events.map(() => clock.now())));
      const rolloutId = await scenario.release();
      while (writtenAt.length === 0) await clock.sleep(10);
      const began = clock.now();
      const pages = Array.from({ length: WATCHERS }, (_, nth) => page(nth, rolloutId));
      await scenario.ended(rolloutId);
      isOver = true;
      await Promise.all(pages);
      return (clock.now() - began) / 1000;
    })(),
    DAY_MS,
  );
  const busiest = readAt.reduce(
    (most, from, nth) =>
      Math.max(
        most,
        readAt.slice(nth).findIndex((each) => each - from >= 1_000),
      ),
    0,
  );
  return {
    busiest,
    perSecond: readAt.length / seconds,
    answers: answers / seconds,
    p99: at(seenAfter, 0.99),
  };
}

/** Tokens that are forged, altered, cut, expired, of another kind, key or environment: how many are accepted, and how long each takes. */
async function tried() {
  let now = 1_767_600_000_000;
  const clock = { now: () => now, sleep: async () => {} };
  const keys = (key: string) => async () =>
    JSON.stringify({ current: key, keys: { [key]: `${key}`.repeat(32) } });
  const ours = tokens(keys('a1'), { environment: 'production', clock });
  const claims = { rolloutId: 'checkout--r1--1', action: 'abort' };
  const good = await ours.sign('link', claims, now + DAY_MS);
  const [head = '', body = '', signature = ''] = good.split('.');
  const coded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const bad: Record<string, string> = {
    forged: await tokens(keys('b2'), { environment: 'production', clock }).sign('link', claims, now + DAY_MS),
    'of our key id': await tokens(
      async () => JSON.stringify({ current: 'a1', keys: { a1: 'cc'.repeat(32) } }),
      {
        environment: 'production',
        clock,
      },
    ).sign('link', claims, now + DAY_MS),
    'of another environment': await tokens(keys('a1'), { environment: 'staging', clock }).sign(
      'link',
      claims,
      now + DAY_MS,
    ),
    'of another kind': await ours.sign('session', claims, now + DAY_MS),
    expired: await ours.sign('link', claims, now - 1_000),
    altered: `${head}.${coded({ ...claims, rolloutId: 'checkout--r2--1', exp: now, jti: 'x', aud: 'production' })}.${signature}`,
    unsigned: `${coded({ alg: 'none', kid: 'a1', typ: 'spillway-link+jwt' })}.${body}.`,
    cut: good.slice(0, -5),
    'spelt otherwise': `${good}=`,
    'of a strange key id': `${coded({ alg: 'HS256', kid: '__proto__', typ: 'spillway-link+jwt' })}.${body}.${signature}`,
    'no token': 'x'.repeat(300),
  };
  const type: TokenType = 'link';
  await ours.read(type, good);
  now += 1;
  const kinds = Object.values(bad);
  const each = Math.ceil(TOKENS / kinds.length);
  let accepted = 0;
  const took: number[] = [];
  for (const token of kinds) {
    const began = performance.now();
    for (let nth = 0; nth < each; nth++)
      try {
        await ours.read(type, token);
        accepted += 1;
      } catch {
        // As it should be.
      }
    took.push(((performance.now() - began) * 1000) / each);
  }
  return { tried: each * kinds.length, accepted, median: at(took, 0.5), slowest: Math.max(...took) };
}

function at(values: number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

const round = (value: number) => Math.round(value * 100) / 100;
