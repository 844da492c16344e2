import { RolloutError } from '../core/errors.ts';
import type { HoldToken, Journal, ServiceRecord } from '../core/ports.ts';
import type { RolloutEvent } from '../core/rollout/event.ts';
import { serviceAfter } from '../core/rollout/service.ts';
import { evolve, fold, isEnded, type Rollout } from '../core/rollout/state.ts';

/** What a journal tells those who follow it, once per append and in order. */
export interface JournalRecord {
  rollout: Rollout;
  events: RolloutEvent[];
}

interface Shelf {
  events: string[];
  head: string;
  tokens: HoldToken[];
}

/** A journal in memory with the promises of the real one: every item is stored as text, so nothing is shared with a caller. */
export function memoryJournal(follow: (record: JournalRecord) => void = () => {}): Journal {
  const shelves = new Map<string, Shelf>();
  const locks = new Map<string, string>();
  const services = new Map<string, ServiceRecord>();
  const running = new Set<string>();

  const shelf = (rolloutId: string): Shelf => {
    const found = shelves.get(rolloutId);
    if (found === undefined)
      throw new RolloutError('RolloutUnknown', `Rollout ${rolloutId} is not in the journal; check its id.`);
    return found;
  };
  const head = (found: Shelf): Rollout => JSON.parse(found.head) as Rollout;

  const settle = (rollout: Rollout) => {
    const { rolloutId, service } = rollout.opening;
    running.delete(rolloutId);
    for (const [key, holder] of locks) if (holder === rolloutId) locks.delete(key);
    services.set(service, serviceAfter(services.get(service) ?? {}, rollout));
  };

  return {
    async read(rolloutId) {
      const found = shelves.get(rolloutId);
      return found && head(found);
    },
    async events(rolloutId) {
      return (shelves.get(rolloutId)?.events ?? []).map((text) => JSON.parse(text) as RolloutEvent);
    },
    async open(events) {
      const rollout = fold(events);
      if (rollout === undefined) throw new Error('A rollout cannot be opened without an event.');
      const { rolloutId, targets } = rollout.opening;
      const present = shelves.get(rolloutId);
      if (present !== undefined) return { result: 'exists', rollout: head(present) };
      const by = targets.map((target) => locks.get(target.key)).find((holder) => holder !== undefined);
      if (by !== undefined) return { result: 'locked', by };
      if (!isEnded(rollout)) {
        running.add(rolloutId);
        for (const target of targets) locks.set(target.key, rolloutId);
      }
      shelves.set(rolloutId, {
        events: events.map((event) => JSON.stringify(event)),
        head: JSON.stringify(rollout),
        tokens: [],
      });
      follow({ rollout, events });
      return { result: 'opened', rollout };
    },
    async append(rollout, events) {
      const { rolloutId } = rollout.opening;
      const found = shelf(rolloutId);
      const present = head(found);
      if (present.version !== rollout.version) {
        throw new RolloutError(
          'JournalConflict',
          `${rolloutId} is at version ${present.version}, not ${rollout.version}; read it again and decide again.`,
        );
      }
      if (events.length === 0) return present;
      const after = events.reduce<Rollout>(evolve, present);
      found.events.push(...events.map((event) => JSON.stringify(event)));
      found.head = JSON.stringify(after);
      if (isEnded(after) && !isEnded(present)) settle(after);
      follow({ rollout: after, events });
      return after;
    },
    async running() {
      return [...running].map((rolloutId) => head(shelf(rolloutId)));
    },
    crowd: async () => running.size,
    async service(name) {
      return structuredClone(services.get(name) ?? {});
    },
    async wait(service, waiting) {
      const before = services.get(service);
      services.set(service, { ...before, waiting: structuredClone(waiting) });
      const gaveWay = before?.waiting;
      return gaveWay === undefined || gaveWay.release === waiting.release ? {} : { superseded: gaveWay };
    },
    async unwait(service, release) {
      const before = services.get(service);
      if (before?.waiting?.release === release) services.set(service, { ...before, waiting: undefined });
    },
    async lift(service, release) {
      const before = services.get(service);
      services.set(service, {
        ...before,
        quarantined: before?.quarantined?.filter((each) => each.release !== release),
      });
    },
    async putToken(rolloutId, token) {
      const found = shelf(rolloutId);
      found.tokens = [...found.tokens.filter(({ version }) => version >= token.version), { ...token }];
    },
    async takeTokens(rolloutId) {
      return shelf(rolloutId).tokens.splice(0);
    },
  };
}
