import { RolloutError } from '../core/errors.ts';
import type { Access, Route } from '../core/people/access.ts';
import type { Links, Memo, News, Notice, Sink } from '../core/people/notice.ts';
import { aheadOf, phaseOf } from '../core/people/standing.ts';
import type { Rollout } from '../core/rollout/state.ts';
import { viewOf } from '../core/rollout/view.ts';
import type { Instant } from '../core/units.ts';
import { historyOf } from './histories.ts';
import { type Page, pageNow } from './page.ts';
import type { Needs } from './ports.ts';

/** What reporting takes. */
export type Notifies =
  | 'access'
  | 'agenda'
  | 'clock'
  | 'journal'
  | 'notes'
  | 'observer'
  | 'publicUrl'
  | 'sinks'
  | 'tokens';

/** A place among what is reported of a rollout: the number of its event, and of what was said besides. */
interface Place {
  n: number;
  k: number;
}

/** How far one sink is with one rollout. */
interface SinkNote {
  /** Somebody asked for everything up to here. */
  wanted: Place;
  /** Delivered up to here. */
  delivered: Place;
  /** Everything was done, the state in its message included, as it was here. */
  through: Place;
  /** Until when somebody is delivering. */
  lease?: Instant | undefined;
  memo?: Memo | undefined;
  /** Since when, and how often in a row, it has failed; when it is tried again. */
  failing?: { since: Instant; times: number; retryAt: Instant } | undefined;
}

const NOWHERE: Place = { n: 0, k: 0 };

/** How long a delivery may take before somebody else takes it over: longer than the function may run. */
const LEASE_MS = 90_000;

/** Pauses before a delivery that failed is tried again, the last one for all further ones. */
const RETRIES_MS = [60_000, 120_000, 300_000, 600_000, 1_800_000];

/** How often a report is tried again for which the journal could not be read: about a day. */
const UNREADABLE_TRIES = 50;

const pauseAfter = (tries: number): number => RETRIES_MS[Math.min(tries, RETRIES_MS.length - 1)] ?? 0;

/** How long a delivery is tried again. */
const GIVE_UP_MS = 24 * 3600_000;

/** How long links in messages work; nobody aborts a rollout after its deadline. */
const LINK_MS = 7 * 24 * 3600_000;

/**
 * Reports everything that is new about a rollout to every sink that its service's routes name. Each sink gets it in order and once,
 * as far as it can know; what it cannot take now is put on the agenda. Events and repeats only say that there may be something.
 */
export async function notify(
  rolloutId: string,
  ports: Needs<Notifies>,
  tries = 0,
): Promise<{ delivered: string[] }> {
  if (Object.keys(ports.access.notify).length === 0) return { delivered: [] };
  try {
    return await report(rolloutId, ports);
  } catch (error) {
    // Lambda would try it again for three minutes only.
    if (!RolloutError.is(error, 'Unavailable') || tries >= UNREADABLE_TRIES) throw error;
    await ports.agenda.wake(rolloutId, ports.clock.now() + pauseAfter(tries), tries + 1);
    return { delivered: [] };
  }
}

async function report(rolloutId: string, ports: Needs<Notifies>): Promise<{ delivered: string[] }> {
  const history = await historyOf(rolloutId, ports);
  if (history === undefined) return { delivered: [] };
  const page = await pageNow(history, ports);
  const wanted: Place = { n: history.rollout.version, k: page.besides.at(-1)?.k ?? 0 };
  const routes = routesOf(history.rollout.opening.service, ports);
  const ends = await Promise.all(
    routes.map(async ({ sink, only }) => ({
      key: sink.key,
      retryAt: await serve(sink, only, rolloutId, wanted, ports),
    })),
  );
  const next = Math.min(...ends.map(({ retryAt }) => retryAt ?? Infinity), page.nextAt ?? Infinity);
  if (Number.isFinite(next)) await ports.agenda.wake(rolloutId, next);
  return { delivered: ends.flatMap(({ key, retryAt }) => (retryAt === undefined ? [key] : [])) };
}

/** The sinks of a service, each once: with several routes to one, the widest counts. */
function routesOf(service: string, { access, sinks }: Needs<'access' | 'sinks'>) {
  const found = new Map<string, { sink: Sink; only: Route['only'] }>();
  for (const route of routesIn(access, service)) {
    const sink = sinks(route);
    if (sink === undefined) continue;
    const before = found.get(sink.key);
    const only = before === undefined ? route.only : wider(before.only, route.only);
    found.set(sink.key, { sink, only });
  }
  return [...found.values()];
}

function routesIn({ notify }: Access, service: string): Route[] {
  return ['*', service].flatMap((key) => (Object.hasOwn(notify, key) ? (notify[key] ?? []) : []));
}

function wider(one: Route['only'], other: Route['only']): Route['only'] {
  if (one === undefined || other === undefined) return undefined;
  return one === 'important' || other === 'important' ? 'important' : 'pages';
}

/** Delivers to one sink, unless somebody is doing so: then they do it when they see that it was wanted. Answers when it has to be tried again. */
async function serve(
  sink: Sink,
  only: Route['only'],
  rolloutId: string,
  wanted: Place,
  ports: Needs<Notifies>,
): Promise<Instant | undefined> {
  const { clock, notes, observer } = ports;
  const name = `SINK ${sink.key}`;
  const claimed = await claim(rolloutId, name, wanted, ports);
  // Whoever is at it may have died.
  if (claimed !== undefined && 'busyUntil' in claimed) return claimed.busyUntil;
  let note: SinkNote | undefined = claimed;
  while (note !== undefined) {
    try {
      const { news, through } = await newsFor(rolloutId, note.delivered, only, ports);
      for await (const { upTo, memo } of sink.deliver(news, note.memo))
        await notes.change<SinkNote>(
          rolloutId,
          name,
          (before) =>
            before && {
              ...before,
              delivered: later(before.delivered, upTo ?? NOWHERE),
              memo: memo ?? before.memo,
            },
        );
      note = await finish(rolloutId, name, through, ports);
    } catch (error) {
      const retryAt = await putBack(rolloutId, name, error, ports);
      observer.warn('not delivered', { rolloutId, sink: kindOf(sink), error: Object(error).name });
      return retryAt ?? clock.now();
    }
  }
  return undefined;
}

/** Takes the delivery on, if there is something to deliver and nobody else is at it. */
async function claim(
  rolloutId: string,
  name: string,
  wanted: Place,
  { clock, notes }: Needs<'clock' | 'notes'>,
): Promise<SinkNote | { busyUntil: Instant } | undefined> {
  const now = clock.now();
  let isMine = false;
  let busyUntil: Instant | undefined;
  const note = await notes.change<SinkNote>(rolloutId, name, (before) => {
    const all = before ?? { wanted: NOWHERE, delivered: NOWHERE, through: NOWHERE };
    const asked = { ...all, wanted: later(all.wanted, wanted) };
    [isMine, busyUntil] = [false, undefined];
    if (isThrough(asked)) return before;
    if ((all.lease ?? 0) > now) {
      busyUntil = all.lease;
      return asked;
    }
    isMine = true;
    return { ...asked, lease: now + LEASE_MS };
  });
  if (busyUntil !== undefined) return { busyUntil };
  return isMine ? note : undefined;
}

/** Lets the delivery go, unless more was asked for meanwhile; then answers the note to go on with. */
async function finish(
  rolloutId: string,
  name: string,
  through: Place,
  { clock, notes }: Needs<'clock' | 'notes'>,
): Promise<SinkNote | undefined> {
  const note = await notes.change<SinkNote>(rolloutId, name, (before) => {
    if (before === undefined) return before;
    const { lease: _, failing: __, ...rest } = before;
    const done = {
      ...rest,
      delivered: later(rest.delivered, through),
      through: later(rest.through, through),
    };
    return isThrough(done) ? done : { ...done, lease: clock.now() + LEASE_MS };
  });
  return note === undefined || isThrough(note) ? undefined : note;
}

/** Lets a delivery go that failed; answers when it is tried again. One that has failed for a day is given up. */
async function putBack(
  rolloutId: string,
  name: string,
  error: unknown,
  { clock, notes, observer }: Needs<'clock' | 'notes' | 'observer'>,
): Promise<Instant | undefined> {
  const now = clock.now();
  let isLost = false;
  const note = await notes.change<SinkNote>(rolloutId, name, (before) => {
    if (before === undefined) return before;
    const { lease: _, failing, ...rest } = before;
    const { since = now, times = 0 } = failing ?? {};
    isLost = now - since > GIVE_UP_MS;
    if (isLost) return { ...rest, delivered: rest.wanted, through: rest.wanted };
    const asked = RolloutError.is(error) ? (error.retryAfter ?? 0) * 1000 : 0;
    // Who is only too early has not failed.
    const isEarly = RolloutError.is(error, 'RateLimited');
    const retryAt = now + (isEarly ? asked : Math.max(pauseAfter(times), asked));
    return {
      ...rest,
      failing: { since: isEarly ? now : since, times: isEarly ? times : times + 1, retryAt },
    };
  });
  if (isLost) observer.count({ NotificationsLost: 1 });
  return note?.failing?.retryAt;
}

/** What a sink has not delivered yet, with the rollout as it is now, and up to where that is everything. */
async function newsFor(
  rolloutId: string,
  delivered: Place,
  only: Route['only'],
  ports: Needs<Notifies>,
): Promise<{ news: News; through: Place }> {
  const history = await historyOf(rolloutId, ports);
  if (history === undefined) throw new Error(`${rolloutId} is not in the journal.`);
  const { rollout, transitions, since } = history;
  const page = await pageNow(history, ports);
  const fresh = [
    ...transitions.map(ofTransition).filter(({ n }) => n > delivered.n),
    ...page.besides.map((each) => besides(rolloutId, page, each)).filter(({ k }) => k > delivered.k),
  ];
  const news: News = {
    notices: fresh
      .filter((notice) => isFor(only, notice))
      .sort((a, b) => a.at - b.at || a.n - b.n || a.k - b.k),
    view: viewOf(rollout),
    phase: phaseOf(rollout),
    weight: transitions.at(-1)?.weight ?? 0,
    ahead: aheadOf(rollout),
    paged: page.paged,
    since,
    links: linksTo(rollout, ports),
  };
  return { news, through: { n: rollout.version, k: page.besides.at(-1)?.k ?? 0 } };
}

const ofTransition = (transition: Notice['transition'] & object): Notice => {
  const { id, n, kind, at, line, importance, by } = transition;
  return { id, n, k: 0, kind, at, line, importance, by, transition };
};

const besides = (rolloutId: string, { n }: Page, each: Page['besides'][number]): Notice => ({
  ...each,
  id: `${rolloutId}#${n}.${each.k}`,
  n,
});

/** True for a notice that a route asks for. */
function isFor(only: Route['only'], { importance, kind }: Notice): boolean {
  if (only === undefined || importance === 'page' || kind === 'acknowledged') return true;
  return only === 'important' && importance === 'important';
}

function linksTo(
  { opening: { rolloutId, deadline, service, commit, author }, outcome }: Rollout,
  { access, clock, publicUrl, tokens }: Needs<'access' | 'clock' | 'publicUrl' | 'tokens'>,
): Links {
  const { '*': all, [service]: own } = access.links ?? {};
  const source = {
    commit: filled(own?.commit ?? all?.commit, 'commit', commit),
    author: filled(own?.author ?? all?.author, 'author', author),
  };
  if (publicUrl === undefined) return source;
  const to = (action: 'view' | 'abort', until: Instant) => {
    const url = new URL('/link', publicUrl);
    // In the fragment, which no server and no log gets to see.
    url.hash = tokens.sign('link', { rolloutId, action }, until);
    return url.href;
  };
  const until = clock.now() + LINK_MS;
  const abort = Math.max(clock.now() + 3600_000, Math.min(until, deadline));
  return {
    ...source,
    details: to('view', until),
    abort: outcome === undefined ? to('abort', abort) : undefined,
  };
}

/** An address with what a release says in its place, which can be nothing but a part of its path or query. */
const filled = (address: string | undefined, hole: string, value: string | undefined): string | undefined =>
  value === undefined ? undefined : address?.replaceAll(`{${hole}}`, encodeURIComponent(value));

const later = (one: Place, other: Place): Place => ({
  n: Math.max(one.n, other.n),
  k: Math.max(one.k, other.k),
});

const isThrough = ({ wanted, through }: SinkNote): boolean => through.n >= wanted.n && through.k >= wanted.k;

/** What kind of sink it is; the rest of its key may be a secret. */
const kindOf = ({ key }: Sink): string => key.split(' ')[0] ?? '';
