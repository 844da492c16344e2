import type { Client } from '../client/client.ts';
import type { Clock } from '../core/ports.ts';
import type { Readings } from '../core/readings.ts';
import type { RolloutEvent } from '../core/rollout/event.ts';
import type { Instant } from '../core/units.ts';

/** What can be read through the API. */
export type Reads = Pick<Client, 'running' | 'recent' | 'service' | 'rollout' | 'events'>;

/** How old an answer may be, in milliseconds: whatever is watched is read once in this time, however many watch. */
const FRESH_MS = 1_000;

/** Most answers, and rollouts with their events, that are kept. */
const [KEPT_MAX, FEEDS_MAX] = [200, 20];

/** Most events of a rollout that are kept: who asks for older ones is answered from the journal. */
const EVENTS_MAX = 300;

/** One thing that was read, or is being read. */
interface Kept {
  at: Instant;
  answer: Promise<unknown>;
}

/** The newest events of one rollout, without a gap: those after version `from`. */
interface Feed {
  from: number;
  events: RolloutEvent[];
  last: Omit<Readings['events'], 'events' | 'isMore'>;
  /** True if the journal had more of them than it could answer at once. */
  isCut: boolean;
}

/** Reads in front of the journal, and a way to forget what a command has changed. */
interface CachedReads extends Reads {
  /** Lets the next readings see what a command has done. */
  forget(): void;
}

/** The same reads; each is made at most once a second, and the events of a rollout as well, wherever in them its readers are. */
export function cachedReads(reads: Reads, clock: Clock): CachedReads {
  const kept = new Map<string, Kept>();
  const feeds = new Map<string, Feed>();

  /** A failure is kept as well: a journal that is down is not asked more often. */
  const once = <Answer>(key: string, read: () => Promise<Answer>): Promise<Answer> => {
    const present = kept.get(key);
    if (present !== undefined && clock.now() - present.at < FRESH_MS)
      return present.answer as Promise<Answer>;
    const answer = read();
    // Whoever asked meets it; it must not end the process if they have gone.
    answer.catch(() => {});
    keep(kept, key, { at: clock.now(), answer }, KEPT_MAX);
    return answer;
  };

  /** Reads on from the newest event that is known. */
  const follow = async (rolloutId: string, after: number): Promise<Feed> => {
    const { from, events: known } = feeds.get(rolloutId) ?? { from: after, events: [] };
    const {
      events: news,
      isMore: isCut = false,
      ...last
    } = await reads.events(rolloutId, from + known.length);
    const events = [...known, ...news].slice(-Math.max(EVENTS_MAX, news.length));
    const begin = from + known.length + news.length - events.length;
    // Who asks for what is still to come begins at what there is.
    const feed = { from: Math.min(begin, last.version ?? 0), events, last, isCut };
    keep(feeds, rolloutId, feed, FEEDS_MAX);
    return feed;
  };

  return {
    running: () => once('running', () => reads.running()),
    recent: (query) => once(`recent ${JSON.stringify(query)}`, () => reads.recent(query)),
    service: (name) => once(`service ${name}`, () => reads.service(name)),
    rollout: (rolloutId) => once(`rollout ${rolloutId}`, () => reads.rollout(rolloutId)),
    async events(rolloutId, after, limit) {
      const key = `events ${rolloutId}`;
      const { from, events, last, isCut } = await once(key, () => follow(rolloutId, after));
      const { version = 0 } = last;
      if (after < from) return once(`${key} ${after} ${limit}`, () => reads.events(rolloutId, after, limit));
      if (isCut && after === from + events.length) {
        // The next page of a long history is no news that anybody could wait for.
        kept.delete(key);
        return this.events(rolloutId, after, limit);
      }
      const page = events.slice(after - from).slice(0, limit);
      const isMore = page.length > 0 && after + page.length < version;
      return { ...last, events: page, ...(isMore ? { isMore } : {}) };
    },
    forget: () => kept.clear(),
  };
}

/** Puts the newest last, and drops the oldest once there are too many. */
function keep<Value>(map: Map<string, Value>, key: string, value: Value, most: number): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > most && oldest !== undefined) map.delete(oldest);
}
