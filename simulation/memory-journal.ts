import { RolloutError } from '../core/errors.ts';
import type { HoldToken, Journal, ServiceRecord, Used } from '../core/ports.ts';
import { bounded } from '../core/rollout/bounded.ts';
import type { RolloutEvent } from '../core/rollout/event.ts';
import { serviceAfter } from '../core/rollout/service.ts';
import { evolve, fold, isEnded, type Rollout } from '../core/rollout/state.ts';
import type { JournalRecord } from '../local/controller.ts';

/** What one page of events takes at most, as DynamoDB limits it. */
const PAGE_BYTES = 1024 * 1024;

interface Shelf {
  events: RolloutEvent[];
  head: Rollout;
  tokens: HoldToken[];
}

/** A journal in memory with the promises of the real one: what it keeps is as JSON would give it back, and frozen, so no caller can change it. */
export function memoryJournal(follow: (record: JournalRecord) => void = () => {}): Journal {
  const shelves = new Map<string, Shelf>();
  const locks = new Map<string, string>();
  const services = new Map<string, ServiceRecord>();
  const running = new Set<string>();
  const used = new Map<string, Used>();

  const shelf = (rolloutId: string): Shelf => {
    const found = shelves.get(rolloutId);
    if (found === undefined)
      throw new RolloutError('RolloutUnknown', `Rollout ${rolloutId} is not in the journal; check its id.`);
    return found;
  };

  const remember = (service: string, record: ServiceRecord) =>
    services.set(service, kept({ ...record, seq: (record.seq ?? 0) + 1 }));

  const settle = (rollout: Rollout) => {
    const { rolloutId, service } = rollout.opening;
    running.delete(rolloutId);
    for (const [key, holder] of locks) if (holder === rolloutId) locks.delete(key);
    remember(service, serviceAfter(services.get(service) ?? {}, rollout));
  };

  return {
    async read(rolloutId) {
      return shelves.get(rolloutId)?.head;
    },
    async events(rolloutId) {
      return [...(shelves.get(rolloutId)?.events ?? [])];
    },
    async eventsAfter(rolloutId, after, limit = Number.POSITIVE_INFINITY) {
      const all = shelves.get(rolloutId)?.events.slice(after) ?? [];
      let bytes = 0;
      const fits = all.findIndex((event, index) => {
        bytes += JSON.stringify(event).length;
        return index === limit || (index > 0 && bytes > PAGE_BYTES);
      });
      return fits === -1 ? { events: all, isMore: false } : { events: all.slice(0, fits), isMore: true };
    },
    async open(given, decidedOn) {
      const events = given.map(bounded).map(kept);
      const folded = fold(events);
      if (folded === undefined) throw new Error('A rollout cannot be opened without an event.');
      const rollout = kept(folded);
      const { rolloutId, service, targets } = rollout.opening;
      const present = shelves.get(rolloutId);
      if (present !== undefined) return { result: 'exists', rollout: present.head };
      const by = targets.map((target) => locks.get(target.key)).find((holder) => holder !== undefined);
      if (by !== undefined) return { result: 'locked', by };
      if (decidedOn !== undefined && decidedOn.seq !== services.get(service)?.seq)
        return { result: 'outdated' };
      if (!isEnded(rollout)) {
        running.add(rolloutId);
        for (const target of targets) locks.set(target.key, rolloutId);
      }
      shelves.set(rolloutId, { events: [...events], head: rollout, tokens: [] });
      follow({ rollout, events });
      return { result: 'opened', rollout };
    },
    async append(rollout, given, once) {
      const { rolloutId } = rollout.opening;
      const found = shelf(rolloutId);
      const present = found.head;
      if (present.version !== rollout.version) {
        throw new RolloutError(
          'JournalConflict',
          `${rolloutId} is at version ${present.version}, not ${rollout.version}; read it again and decide again.`,
        );
      }
      if (once !== undefined) {
        if (used.has(once.id))
          throw new RolloutError(
            'CommandRepeated',
            `This command to ${rolloutId} can be given once, and was given before.`,
          );
        used.set(once.id, { fingerprint: once.fingerprint, rolloutId });
      }
      if (given.length === 0) return present;
      const events = given.map(bounded).map(kept);
      const after = kept(events.reduce<Rollout>(evolve, present));
      found.events.push(...events);
      found.head = after;
      if (isEnded(after) && !isEnded(present)) settle(after);
      follow({ rollout: after, events });
      return after;
    },
    async used(onceId) {
      return used.get(onceId);
    },
    async running() {
      return [...running].map((rolloutId) => shelf(rolloutId).head);
    },
    async recent({ service, before, limit }) {
      // As they were opened; those of one moment in any order, but always in the same.
      const all = [...shelves.values()].map(({ head }) => head).reverse();
      const ours = all.filter(({ opening }) => opening.service === service);
      ours.sort((a, b) => b.openedAt - a.openedAt);
      const from =
        before === undefined ? 0 : ours.findIndex(({ opening }) => opening.rolloutId === before) + 1;
      return before !== undefined && from === 0 ? [] : ours.slice(from, from + limit);
    },
    countRunning: async () => running.size,
    async service(name) {
      return services.get(name) ?? {};
    },
    async wait(service, waiting) {
      const before = services.get(service);
      services.set(service, kept({ ...before, waiting }));
      const gaveWay = before?.waiting;
      return gaveWay === undefined || gaveWay.release === waiting.release ? {} : { superseded: gaveWay };
    },
    async unwait(service, release) {
      const before = services.get(service);
      if (before?.waiting?.release === release)
        services.set(service, kept({ ...before, waiting: undefined }));
    },
    async lift(service, release) {
      const before = services.get(service);
      const quarantined = before?.quarantined?.filter((each) => each.release !== release);
      remember(service, { ...before, quarantined });
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

/** What has been kept: each append makes a few parts anew, and the others need no second copy. */
const seen = new WeakSet<object>();

/** A frozen copy as JSON would give it back; parts that were kept before are shared. */
function kept<T>(value: T): T {
  // JSON knows neither NaN and infinity nor a zero below zero.
  if (typeof value === 'number') return (Number.isFinite(value) ? value + 0 : null) as T;
  if (typeof value !== 'object' || value === null || seen.has(value)) return value;
  const copy = Array.isArray(value) ? value.map((each) => kept(each) ?? null) : keptMembers(value);
  seen.add(Object.freeze(copy));
  return copy as T;
}

function keptMembers(value: object): object {
  const copy: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(value)) if (member !== undefined) copy[key] = kept(member);
  return copy;
}
