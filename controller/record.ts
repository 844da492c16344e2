import { RolloutError } from '../core/errors.ts';
import type { Once } from '../core/rollout/command-request.ts';
import { type Command, decide } from '../core/rollout/decide.ts';
import type { RolloutEvent } from '../core/rollout/event.ts';
import type { Rollout } from '../core/rollout/state.ts';
import { readRollout } from './execution.ts';
import type { Needs } from './ports.ts';

/** Writers that may be first before an effect gives up; each conflict means that another writer made progress. */
const CONFLICTS_MAX = 20;

/**
 * Announces what is about to be done, as a judgement: undefined if somebody else was first, or core says no, so that
 * nothing may be done.
 */
export async function announce(
  rollout: Rollout,
  command: Command,
  ports: Needs<'clock' | 'journal'>,
): Promise<Rollout | undefined> {
  const events = decide(rollout, command, ports.clock.now());
  try {
    return events.length === 0 ? undefined : await ports.journal.append(rollout, events);
  } catch (error) {
    if (!RolloutError.is(error, 'JournalConflict')) throw error;
    return undefined;
  }
}

/**
 * Writes a judgement: it holds for the version it was made for, and is dropped when anything has happened since.
 * Answers the rollout as it stands afterwards, with or without it.
 */
export async function recordJudgement(
  rollout: Rollout,
  command: Command,
  ports: Needs<'clock' | 'journal'>,
): Promise<Rollout> {
  return (await announce(rollout, command, ports)) ?? readRollout(rollout.opening.rolloutId, ports);
}

/** Writes an effect or a command: it has happened, so it is decided again on what stands there until it is in. What can be given `once` is used up by it. */
export function recordEffect(
  rollout: Rollout,
  command: Command,
  ports: Needs<'clock' | 'journal'>,
  once?: Once,
): Promise<Rollout> {
  return written(rollout, (present) => decide(present, command, ports.clock.now()), ports, once);
}

/** Uses up what can be given once, for a command that led to this rollout and wrote it by other means. */
export async function useUp(
  once: Once | undefined,
  rollout: Rollout,
  ports: Needs<'journal'>,
): Promise<void> {
  if (once !== undefined) await written(rollout, () => [], ports, once);
}

async function written(
  rollout: Rollout,
  eventsOn: (present: Rollout) => RolloutEvent[],
  ports: Needs<'journal'>,
  once: Once | undefined,
): Promise<Rollout> {
  let present = rollout;
  for (let conflicts = 0; ; conflicts++) {
    try {
      return await ports.journal.append(present, eventsOn(present), once);
    } catch (error) {
      if (!RolloutError.is(error, 'JournalConflict') || conflicts >= CONFLICTS_MAX) throw error;
      present = await readRollout(rollout.opening.rolloutId, ports);
    }
  }
}
