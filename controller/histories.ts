import { type Transition, transitionOf } from '../core/people/transition.ts';
import type { Journal } from '../core/ports.ts';
import type { RolloutEvent } from '../core/rollout/event.ts';
import { evolve, type Rollout } from '../core/rollout/state.ts';

/** A rollout as it is, and everything that has happened to it, each with the rollout as it was then. */
export interface History {
  rollout: Rollout;
  /** The commit that served before it, as far as its service remembers. */
  since?: string | undefined;
  transitions: readonly { transition: Transition; rollout: Rollout }[];
}

/** Rollouts whose history is kept in memory: events never change, so of a known rollout only new ones are read. */
const KEPT_MAX = 100;

const known = new WeakMap<Journal, Map<string, History>>();

/** What has happened to a rollout, at least up to its event `n`, if that was written; everything if `n` is not given. */
export async function historyOf(
  rolloutId: string,
  journal: Journal,
  n = Number.POSITIVE_INFINITY,
): Promise<History | undefined> {
  const kept = known.get(journal) ?? new Map<string, History>();
  known.set(journal, kept);
  let history = kept.get(rolloutId);
  let isMore = (history?.rollout.version ?? 0) < n;
  while (isMore) {
    const page = await journal.eventsAfter(rolloutId, history?.rollout.version ?? 0);
    for (const event of page.events) history = await after(history, event, journal);
    isMore = page.isMore && (history?.rollout.version ?? 0) < n;
  }
  // Put at the end, so that the one that was asked for longest ago is forgotten first.
  kept.delete(rolloutId);
  if (history !== undefined) kept.set(rolloutId, history);
  for (const id of [...kept.keys()].slice(0, -KEPT_MAX)) kept.delete(id);
  return history;
}

async function after(before: History | undefined, event: RolloutEvent, journal: Journal): Promise<History> {
  const rollout = evolve(before?.rollout, event);
  const since = before === undefined ? await commitBefore(rollout, journal) : before.since;
  const transition = transitionOf(event, before?.rollout, rollout, since);
  const transitions = before?.transitions ?? [];
  return {
    ...{ rollout, since },
    transitions: transition === undefined ? transitions : [...transitions, { transition, rollout }],
  };
}

/** The commit that served before a rollout, as far as its service remembers; a report without it is better than none. */
async function commitBefore({ opening }: Rollout, journal: Journal): Promise<string | undefined> {
  if (opening.commit === undefined) return undefined;
  try {
    const { completed, earlier = [] } = await journal.service(opening.service);
    const before = [completed, ...earlier].find(
      (each) => each?.rolloutId !== undefined && each.order < opening.order,
    );
    return before?.rolloutId === undefined
      ? undefined
      : (await journal.read(before.rolloutId))?.opening.commit;
  } catch {
    return undefined;
  }
}
