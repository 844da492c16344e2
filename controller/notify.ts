import { RolloutError } from '../core/errors.ts';
import type { Route } from '../core/people/access.ts';
import type { Errand } from '../core/people/errand.ts';
import { type LinkClaims, linkUrl } from '../core/people/link.ts';
import type { Links, Memo, News, Notice, Sink } from '../core/people/notice.ts';
import { isAskedFor, linksOf, routesOf, widest } from '../core/people/route.ts';
import { aheadOf, isPausable, phaseOf } from '../core/people/standing.ts';
import type { Rollout } from '../core/rollout/state.ts';
import { viewOf } from '../core/rollout/view.ts';
import type { Instant } from '../core/units.ts';
import { historyOf } from './histories.ts';
import { pageForDeath, pageNow } from './page.ts';
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
  /** How often in a row it has failed, if it was not only too early then since when, and when it is tried again. */
  failing?: { since?: Instant | undefined; times: number; retryAt: Instant } | undefined;
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
export async function notify(errand: Errand, ports: Needs<Notifies>): Promise<{ delivered: string[] }> {
  const { access, agenda, clock } = ports;
  const { rolloutId, died, tries = 0 } = errand;
  if (Object.keys(access.notify).length === 0) return { delivered: [] };
  try {
    if (died !== undefined) await pageForDeath(died, ports);
    return await report(rolloutId, ports);
  } catch (error) {
    // Lambda would try it again for three minutes only.
    if (!RolloutError.is(error, 'Unavailable') || tries >= UNREADABLE_TRIES) throw error;
    await agenda.wake({ ...errand, tries: tries + 1 }, clock.now() + pauseAfter(tries));
    return { delivered: [] };
  }
}

async function report(rolloutId: string, ports: Needs<Notifies>): Promise<{ delivered: string[] }> {
  const history = await historyOf(rolloutId, ports);
  if (history === undefined) return { delivered: [] };
  const page = await pageNow(history.rollout, ports);
  const wanted: Place = { n: history.rollout.version, k: page.besides.at(-1)?.k ?? 0 };
  const sinks = await sinksOf(history.rollout, ports);
  const ends = await Promise.all(
    sinks.map(async ({ sink, route }) => ({
      key: sink.key,
      retryAt: await serve(sink, route, rolloutId, wanted, ports),
    })),
  );
  const next = Math.min(...ends.map(({ retryAt }) => retryAt ?? Infinity), page.nextAt ?? Infinity);
  if (Number.isFinite(next)) await wakeAt(rolloutId, next, ports);
  return { delivered: ends.flatMap(({ key, retryAt }) => (retryAt === undefined ? [key] : [])) };
}

/** Puts a rollout on the agenda, which has one entry for it: of several reports at once the earliest moment counts. */
async function wakeAt(
  rolloutId: string,
  at: Instant,
  { agenda, clock, notes }: Needs<'agenda' | 'clock' | 'notes'>,
): Promise<void> {
  const now = clock.now();
  const earliest = async () => {
    const note = await notes.change<{ at: Instant }>(rolloutId, 'AGENDA', (before) =>
      before !== undefined && before.at > now && before.at <= at ? before : { at },
    );
    return note?.at ?? at;
  };
  let arranged: Instant | undefined;
  // Somebody else may have written the entry since the note was read, so it is read again after each.
  for (let next = await earliest(); next !== arranged; next = await earliest()) {
    await agenda.wake({ rolloutId }, next);
    arranged = next;
  }
}

/** The sinks of a rollout's service, each once: with several routes to one, the widest counts. */
async function sinksOf(
  { opening: { rolloutId, service } }: Rollout,
  { access, observer, sinks }: Needs<'access' | 'observer' | 'sinks'>,
) {
  const found = new Map<string, { sink: Sink; route: Route }>();
  for (const route of routesOf(access, service)) {
    const sink = await sinks(route);
    if (sink === undefined) {
      observer.count({ NotificationsLost: 1 });
      observer.warn('nothing to post with', { rolloutId });
      continue;
    }
    const before = found.get(sink.key);
    found.set(sink.key, { sink, route: before === undefined ? route : widest(before.route, route) });
  }
  return [...found.values()];
}

/** Delivers to one sink, unless somebody is doing so: then they do it when they see that it was wanted. Answers when it has to be tried again. */
async function serve(
  sink: Sink,
  route: Route,
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
      const { news, through } = await newsFor(rolloutId, note.delivered, route, ports);
      for await (const { upTo, memo } of sink.deliver(news, note.memo))
        await notes.change<SinkNote>(
          rolloutId,
          name,
          (before) =>
            before && {
              ...before,
              ...(upTo === undefined ? {} : { delivered: later(before.delivered, within(upTo, through)) }),
              // Who takes something is there again.
              failing: undefined,
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
  const note = await notes.change<SinkNote>(rolloutId, name, (found) => {
    isLost = false;
    if (found === undefined) return found;
    const { lease: _, failing, ...rest } = found;
    const { since = now, times = 0, retryAt: before = now } = failing ?? {};
    // Who is only too early has not failed.
    if (RolloutError.is(error, 'RateLimited'))
      return {
        ...rest,
        failing: { since: failing?.since, times, retryAt: now + (error.retryAfter ?? 0) * 1000 },
      };
    isLost = now - since > GIVE_UP_MS;
    if (isLost) return { ...rest, delivered: rest.wanted, through: rest.wanted };
    // News in between is tried at once, and makes nobody wait longer.
    return before > now
      ? { ...rest, failing: { since, times, retryAt: before } }
      : { ...rest, failing: { since, times: times + 1, retryAt: now + pauseAfter(times) } };
  });
  if (isLost) observer.count({ NotificationsLost: 1 });
  return note?.failing?.retryAt;
}

/** What a sink has not delivered yet, with the rollout as it is now, and up to where that is everything. */
async function newsFor(
  rolloutId: string,
  delivered: Place,
  route: Route,
  ports: Needs<Notifies>,
): Promise<{ news: News; through: Place }> {
  const history = await historyOf(rolloutId, ports);
  if (history === undefined) throw new Error(`${rolloutId} is not in the journal.`);
  const { rollout, transitions, since } = history;
  const page = await pageNow(rollout, ports);
  const fresh = [
    ...transitions.map(ofTransition).filter(({ n }) => n > delivered.n),
    ...page.besides
      .filter(({ k }) => k > delivered.k)
      .map((each): Notice => ({ ...each, id: `${rolloutId}#${each.n}.${each.k}` })),
  ];
  const news: News = {
    notices: fresh
      .filter((notice) => isAskedFor(route, notice))
      // Not by the clocks of those who wrote them: what is delivered up to a place must be all that stands before it.
      .sort((a, b) => a.n - b.n || a.k - b.k),
    view: viewOf(rollout),
    phase: phaseOf(rollout),
    weight: transitions.at(-1)?.weight ?? 0,
    ahead: aheadOf(rollout),
    paged: page.paged,
    since,
    links: await linksTo(rollout, linksOf(route), ports),
  };
  return { news, through: { n: rollout.version, k: page.besides.at(-1)?.k ?? 0 } };
}

async function linksTo(
  rollout: Rollout,
  links: ReturnType<typeof linksOf>,
  { access, clock, publicUrl, tokens }: Needs<'access' | 'clock' | 'publicUrl' | 'tokens'>,
): Promise<Links> {
  const { rolloutId, deadline, service, commit, author } = rollout.opening;
  const { '*': all, [service]: own } = access.links ?? {};
  const source = {
    commit: filled(own?.commit ?? all?.commit, 'commit', commit),
    author: filled(own?.author ?? all?.author, 'author', author),
  };
  if (publicUrl === undefined || links === 'none') return source;
  const to = async (action: LinkClaims['action'], until: Instant) =>
    linkUrl(publicUrl, await tokens.sign('link', { rolloutId, action }, until));
  const until = clock.now() + LINK_MS;
  const acting = Math.max(clock.now() + 3600_000, Math.min(until, deadline));
  const mayAct = links === 'abort' && rollout.outcome === undefined;
  return {
    ...source,
    details: await to('view', until),
    abort: mayAct ? await to('abort', acting) : undefined,
    pause: mayAct && isPausable(rollout) ? await to('pause', acting) : undefined,
  };
}

/** An address with what a release says in its place, which can be nothing but a part of its path or query. */
const filled = (address: string | undefined, hole: string, value: string | undefined): string | undefined =>
  value === undefined ? undefined : address?.replaceAll(`{${hole}}`, encodeURIComponent(value));

const ofTransition = (transition: Notice['transition'] & object): Notice => {
  const { id, n, kind, at, line, importance, by } = transition;
  return { id, n, k: 0, kind, at, line, importance, by, transition };
};

const later = (one: Place, other: Place): Place => ({
  n: Math.max(one.n, other.n),
  k: Math.max(one.k, other.k),
});

/** A place, if there is not more before it than was known: what was said besides can be newer than the history that was read. */
const within = ({ n, k }: Place, through: Place): Place => ({ n: Math.min(n, through.n), k });

const isThrough = ({ wanted, through }: SinkNote): boolean => through.n >= wanted.n && through.k >= wanted.k;

/** What kind of sink it is; the rest of its key may be a secret. */
const kindOf = ({ key }: Sink): string => key.split(' ')[0] ?? '';
