import { type Transition, transitionOf } from '../core/people/transition.ts';
import type { Journal } from '../core/ports.ts';
import { servedBefore } from '../core/rollout/service.ts';
import { evolve, type Rollout } from '../core/rollout/state.ts';
import { unread } from './observe.ts';
import type { Needs } from './ports.ts';

/** A rollout as it is, and everything that has happened to it. */
interface History {
  rollout: Rollout;
  /** The commit that served before it, as far as its service remembers. */
  since?: string | undefined;
  transitions: readonly Transition[];
}

/** A history in memory. */
interface Kept {
  history: History;
  /** Length of its transitions in JSON, and of it all. */
  said: number;
  length: number;
}

/** Histories in memory, the one that was asked for longest ago first. */
interface Memory {
  kept: Map<string, Kept>;
  length: number;
}

/**
 * Events never change, so of a rollout that is kept only new ones are read. A usual history is 12,000 characters long in JSON: these
 * are 1,300 rollouts. Strings and objects of a character take 2 to 4 bytes, so they are at most 64 MB of a function's 256.
 */
const KEPT_CHARACTERS = 16_000_000;

const memories = new WeakMap<Journal, Memory>();

/** What has happened to a rollout, at least up to its event `n`, if that was written; everything if `n` is not given. */
export async function historyOf(
  rolloutId: string,
  ports: Needs<'journal' | 'observer'>,
  n = Number.POSITIVE_INFINITY,
): Promise<History | undefined> {
  const memory = memories.get(ports.journal) ?? { kept: new Map(), length: 0 };
  memories.set(ports.journal, memory);
  const before = memory.kept.get(rolloutId);
  let { rollout, since } = before?.history ?? {};
  let said = before?.said ?? 0;
  let isWhole = true;
  // Others may hold the array that is kept.
  const transitions = [...(before?.history.transitions ?? [])];
  let isMore = (rollout?.version ?? 0) < n;
  while (isMore) {
    const page = await ports.journal.eventsAfter(rolloutId, rollout?.version ?? 0);
    for (const event of page.events) {
      const earlier = rollout;
      rollout = evolve(earlier, event);
      if (earlier === undefined) ({ since, isWhole } = await commitBefore(rollout, ports));
      const transition = transitionOf(event, earlier, rollout, since);
      if (transition === undefined) continue;
      transitions.push(transition);
      said += JSON.stringify(transition).length;
    }
    isMore = page.isMore && (rollout?.version ?? 0) < n;
  }
  if (rollout === undefined) return undefined;
  const isNew = rollout !== before?.history.rollout;
  const history = isNew ? { rollout, since, transitions } : before.history;
  if (isWhole)
    keep(memory, rolloutId, {
      ...{ history, said },
      length: isNew ? said + JSON.stringify(rollout).length : before.length,
    });
  return history;
}

function keep(memory: Memory, rolloutId: string, entry: Kept): void {
  const forget = (id: string) => {
    memory.length -= memory.kept.get(id)?.length ?? 0;
    memory.kept.delete(id);
  };
  forget(rolloutId);
  memory.kept.set(rolloutId, entry);
  memory.length += entry.length;
  for (const id of memory.kept.keys()) {
    if (memory.length <= KEPT_CHARACTERS) break;
    forget(id);
  }
}

/** The commit that served before a rollout, as far as its service remembers; not `isWhole` if that could not be read: a report without it is better than none, but is not to stay so. */
async function commitBefore(
  { opening }: Rollout,
  { journal, observer }: Needs<'journal' | 'observer'>,
): Promise<{ since?: string | undefined; isWhole: boolean }> {
  if (opening.commit === undefined) return { isWhole: true };
  try {
    const before = servedBefore(await journal.service(opening.service), opening);
    const rollout = before?.rolloutId === undefined ? undefined : await journal.read(before.rolloutId);
    return { since: rollout?.opening.commit, isWhole: true };
  } catch (error) {
    unread(opening.rolloutId, 'the commit that served before', error, { observer });
    return { isWhole: false };
  }
}
