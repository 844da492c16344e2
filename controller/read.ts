import { rowOf } from '../core/people/standing.ts';
import type { Journal, RecentQuery, ServiceRecord } from '../core/ports.ts';
import type { Readings } from '../core/readings.ts';
import { rolloutIdParts, waitingIn } from '../core/rollout/service.ts';
import type { Rollout } from '../core/rollout/state.ts';
import { summary } from '../core/rollout/story.ts';
import { viewOf } from '../core/rollout/view.ts';
import type { Needs } from './ports.ts';

/** What is to be read. */
export type Asked =
  | { read: 'about' | 'running' }
  | { read: 'recent'; service: string; before?: string | undefined; limit: number }
  | { read: 'service'; service: string }
  | { read: 'rollout'; rolloutId: string }
  | { read: 'events'; rolloutId: string; after: number; limit?: number | undefined };

/** Everything that can be read of a journal; nothing here changes it. */
export const readingsOf = (journal: Journal) => ({
  running: async (): Promise<Readings['running']> => (await journal.running()).map(rowOf),
  recent: async (query: RecentQuery): Promise<Readings['recent']> => (await journal.recent(query)).map(rowOf),
  service: (name: string): Promise<Readings['service']> => journal.service(name),
  rollout: (rolloutId: string) => readView(rolloutId, journal),
  events: (rolloutId: string, after: number, limit?: number) =>
    readEvents({ rolloutId, after, limit }, journal),
});

/** Answers what people, pipelines and pages want to know. */
export async function read(
  asked: Asked,
  { about, journal }: Needs<'about' | 'journal'>,
): Promise<Readings[keyof Readings]> {
  const { running, recent, service, rollout, events } = readingsOf(journal);
  switch (asked.read) {
    case 'about':
      return about;
    case 'running':
      return running();
    case 'recent':
      return recent(asked);
    case 'service':
      return service(asked.service);
    case 'rollout':
      return rollout(asked.rolloutId);
    case 'events':
      return events(asked.rolloutId, asked.after, asked.limit);
  }
}

/** What people may see of a rollout, or what it waits for in the queue. */
async function readView(rolloutId: string, journal: Journal): Promise<Readings['rollout']> {
  const rollout = await journal.read(rolloutId);
  if (rollout === undefined) return { waitsFor: await waitsFor(rolloutId, journal) };
  return { view: viewOf(rollout, await sinceThen(rollout, journal)) };
}

/** Events of a rollout after version `after`, as many as fit into one answer, and how it ended if it has. */
async function readEvents(
  { rolloutId, after, limit }: Omit<Extract<Asked, { read: 'events' }>, 'read'>,
  journal: Journal,
): Promise<Readings['events']> {
  const rollout = await journal.read(rolloutId);
  if (rollout === undefined) return { events: [], waitsFor: await waitsFor(rolloutId, journal) };
  const { version, outcome } = rollout;
  // Who polls has seen everything most of the time, and then nothing but the head is read.
  const { events, isMore } =
    version > after ? await journal.eventsAfter(rolloutId, after, limit) : { events: [], isMore: false };
  return {
    version,
    events,
    ...(isMore ? { isMore } : {}),
    ...(outcome === undefined ? {} : { ended: summary(rollout, await sinceThen(rollout, journal)) }),
  };
}

/** What has completed since a rollout ended, and whether it was rolled back; nothing if it is the last word. */
async function sinceThen(
  { opening, outcome }: Rollout,
  journal: Journal,
): Promise<ServiceRecord | undefined> {
  if (outcome === undefined) return undefined;
  const { completed, quarantined = [] } = await journal.service(opening.service);
  if (completed === undefined || completed.rolloutId === opening.rolloutId) return undefined;
  return { completed, quarantined: quarantined.filter(({ rolloutId }) => rolloutId === opening.rolloutId) };
}

/** What a release that waits in the queue waits for; undefined if it does not wait. */
async function waitsFor(rolloutId: string, journal: Journal): Promise<string[] | undefined> {
  const { service } = rolloutIdParts(rolloutId) ?? {};
  if (service === undefined || waitingIn(await journal.service(service), rolloutId) === undefined)
    return undefined;
  const running = (await journal.running()).map(({ opening }) => opening);
  return running.filter((each) => each.service === service).map((each) => each.rolloutId);
}
