import type { Hono } from 'hono';
import { tokens } from '../../adapters/tokens.ts';
import { api } from '../../api/api.ts';
import type { Reads } from '../../api/cache.ts';
import { readingsOf } from '../../controller/read.ts';
import { useUp } from '../../controller/record.ts';
import { iamPrincipal } from '../../core/people/access.ts';
import { linkCommand, linkFrom } from '../../core/people/link.ts';
import { signedCommand } from '../../core/people/signed-command.ts';
import type { Journal, Tokens, TokenType } from '../../core/ports.ts';
import type { Rollout } from '../../core/rollout/state.ts';
import { command } from '../../functions/command.ts';
import { scaledClock, virtualClock } from '../../local/clock.ts';
import { createScenario, type Scenario } from '../../simulation/scenario.ts';
import type { Figures } from './figures.ts';
import { reporting } from './reporting.ts';

const ABORTS = 100;
const WATCHERS = 200;
/** How often a page asks what is new. */
const POLL_MS = 2_000;
/** Bad tokens that are tried, of all kinds together. */
const TOKENS = 100_000;
const DAY_MS = 24 * 3600_000;

/** What people wait for: an abort, news of a rollout that many watch, and how quickly a bad token is refused. */
export async function people(): Promise<Figures> {
  const aborts: number[] = [];
  for (let nth = 0; nth < ABORTS; nth++) aborts.push(await abort(nth));
  const watched = await watching();
  const refused = await tried();
  const p99 = at(aborts, 0.99);
  return {
    'ms from POST to alias on stable, median': round(at(aborts, 0.5)),
    'ms from POST to alias on stable, p99': round(p99),
    [`readings of the rollout in the busiest second, ${WATCHERS} watching`]: watched.readings,
    [`calls of the journal in the busiest second, ${WATCHERS} watching`]: watched.calls,
    [`calls of the journal a second, ${WATCHERS} watching`]: round(watched.perSecond),
    'answers a second': round(watched.answers),
    'seconds until a watcher sees an event, p99': round(watched.p99),
    'bad tokens tried': refused.tried,
    'bad tokens accepted': refused.accepted,
    'us of processor to refuse one, median': round(refused.median),
    'us of processor to refuse one, the slowest kind': round(refused.slowest),
    'us of processor for a link that was used, through the API and Command': round(refused.throughBoth),
    ...(await reporting()),
    'goal: an abort within 250 ms, p99': p99 < 250,
    'goal: at most one reading a second': watched.readings <= 1,
    'goal: an event is seen within 3 s, p99': watched.p99 < 3,
    'goal: no bad token is accepted': refused.accepted === 0,
    'goal: less than 50 us for each kind of bad token': refused.slowest < 50,
    kinds: refused.kinds.map((kind) => ({ ...kind, us: round(kind.us) })),
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
  const calls: { at: number; name: string }[] = [];
  const journal = new Proxy(scenario.journal, {
    get(port, name: keyof Journal & string) {
      const call = port[name] as (...args: unknown[]) => unknown;
      return (...args: unknown[]) => {
        calls.push({ at: clock.now(), name });
        return call.apply(port, args);
      };
    },
  });
  const app = apiOf(scenario, readingsOf(journal));
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
      let isSeen = false;
      const all = Promise.all(pages).then(() => {
        isSeen = true;
      });
      // The tag of an end is made beside this thread, which no virtual time waits for.
      while (!isSeen) await clock.sleep(1);
      await all;
      return (clock.now() - began) / 1000;
    })(),
    DAY_MS,
  );
  const heads = calls.filter(({ name }) => name === 'read');
  return {
    readings: busiest(heads.map(({ at }) => at)),
    calls: busiest(calls.map(({ at }) => at)),
    perSecond: calls.length / seconds,
    answers: answers / seconds,
    p99: at(seenAfter, 0.99),
  };
}

const LINK = { rolloutId: 'checkout--r1--1', action: 'pause' };
const NOW = 1_767_600_000_000;

/** Tokens that are forged, altered, cut, expired, of another kind, key or environment, or used before, each a fresh one: how many are accepted, and what each costs. */
async function tried() {
  const each = Math.ceil(TOKENS / (Object.keys(BAD).length + 1));
  const kinds: { kind: string; accepted: number; us: number }[] = [];
  for (const [kind, made] of Object.entries(BAD)) {
    const all: string[] = [];
    for (let nth = 0; nth < each; nth++) all.push(await made(nth));
    const { result, us } = await costOf(() => accepting(all, (token) => OURS.read('link', token)));
    kinds.push({ kind, accepted: result, us: us / each });
  }
  const { throughBoth, ...used } = await replayed(each);
  kinds.push(used);
  const us = kinds.map((kind) => kind.us);
  const accepted = kinds.reduce((sum, kind) => sum + kind.accepted, 0);
  return {
    tried: each * kinds.length,
    accepted,
    median: at(us, 0.5),
    slowest: Math.max(...us),
    throughBoth,
    kinds,
  };
}

const clock = { now: () => NOW, sleep: async () => {} };
const signer = (kid: string, byte: string, environment = 'production') =>
  tokens(async () => JSON.stringify({ current: kid, keys: { [kid]: byte.repeat(32) } }), {
    environment,
    clock,
  });
const OURS = signer('a1', 'a1');
const signed = (by: Tokens, type: TokenType = 'link', until = NOW + DAY_MS) => by.sign(type, LINK, until);
const [forger, thief, staging] = [signer('b2', 'b2'), signer('a1', 'c3'), signer('a1', 'a1', 'staging')];

const coded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const headed = async (header: object) => (await signed(OURS)).replace(/^[^.]+/, coded(header));

/** A token with another letter at one place of one of its parts. */
async function altered(part: 0 | 1 | 2, nth: number): Promise<string> {
  const parts = (await signed(OURS)).split('.');
  const text = parts[part] ?? '';
  const place = (nth * 7_919) % text.length;
  const other = text[place] === 'A' ? 'B' : 'A';
  parts[part] = text.slice(0, place) + other + text.slice(place + 1);
  return parts.join('.');
}

/** What nobody may be let in with, a new one at each call. */
const BAD: Record<string, (nth: number) => Promise<string>> = {
  forged: () => signed(forger),
  'of our key id': () => signed(thief),
  'of another environment': () => signed(staging),
  'of another kind': () => signed(OURS, 'session'),
  expired: (nth) => signed(OURS, 'link', NOW - nth * 1_000),
  'with another header': (nth) => altered(0, nth),
  'with other claims': (nth) => altered(1, nth),
  'with another signature': (nth) => altered(2, nth),
  unsigned: async () =>
    (await headed({ alg: 'none', kid: 'a1', typ: 'spillway-link+jwt' })).replace(/[^.]+$/, ''),
  cut: async (nth) => {
    const token = await signed(OURS);
    return token.slice(0, nth % token.length);
  },
  'spelt otherwise': async (nth) => (await signed(OURS)) + '='.repeat(1 + (nth % 3)),
  'of a strange key id': () => headed({ alg: 'HS256', kid: '__proto__', typ: 'spillway-link+jwt' }),
  'no token': async (nth) => `${nth}`.repeat(1 + (nth % 300)),
};

/** Links that were used, pressed once more: each goes all the way to the record of what was used, and must not act again. */
async function replayed(count: number) {
  const clock = virtualClock();
  const scenario = createScenario({ clock, warmMinutes: 0, seed: 3 });
  return clock.run(
    (async () => {
      const { ports, journal } = scenario;
      const rolloutId = await scenario.release();
      while ((await journal.read(rolloutId))?.traffic.api?.weight !== 10) await clock.sleep(1_000);
      const links: string[] = [];
      for (let nth = 0; nth < count; nth++) {
        const claims = { rolloutId, action: 'pause' };
        const link = await ports.tokens.sign('link', claims, clock.now() + DAY_MS);
        const { once } = await pressed(link, rolloutId, ports);
        await useUp(once, (await journal.read(rolloutId)) as Rollout, ports);
        links.push(link);
      }
      const before = (await journal.read(rolloutId))?.version;
      // The API believes the link, and Command finds that it was used.
      const asked: { signed: string }[] = [];
      const passed = await costOf(async () => {
        for (const link of links)
          asked.push(await signedCommand(await pressed(link, rolloutId, ports), ports));
      });
      const { result, us } = await costOf(() =>
        accepting(asked, async (signed) => {
          const { isRepeated } = await command.run(signed, ports);
          if (isRepeated) throw new Error('It was used before.');
        }),
      );
      const isSame = (await journal.read(rolloutId))?.version === before;
      const whole = { kind: 'used before', accepted: isSame ? result : count, us: us / count };
      return { ...whole, throughBoth: (passed.us + us) / count };
    })(),
    DAY_MS,
  );
}

const pressed = async (link: string, rolloutId: string, { tokens }: { tokens: Tokens }) =>
  linkCommand(linkFrom(await tokens.read('link', link), rolloutId), 'measured');

async function accepting<Token>(
  all: readonly Token[],
  use: (token: Token) => Promise<unknown>,
): Promise<number> {
  let accepted = 0;
  for (const token of all)
    try {
      await use(token);
      accepted += 1;
    } catch {
      // As it should be.
    }
  return accepted;
}

/** What something answers, and the time of the processor that it took in microseconds. */
async function costOf<Result>(does: () => Promise<Result>): Promise<{ result: Result; us: number }> {
  const used = process.cpuUsage();
  const result = await does();
  const { user, system } = process.cpuUsage(used);
  return { result, us: user + system };
}

/** The most of these instants that lie within one second. */
const busiest = (all: readonly number[]): number =>
  Math.max(...all.map((from, nth) => all.slice(nth).filter((each) => each - from < 1_000).length));

function at(values: number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

const round = (value: number) => Math.round(value * 100) / 100;
