import type { Death } from '../core/people/errand.ts';
import {
  acknowledged,
  type Page,
  type PageNote,
  pageAfter,
  pageAfterDeath,
  pageOf,
} from '../core/people/page.ts';
import type { Actor } from '../core/rollout/actor.ts';
import type { Rollout } from '../core/rollout/state.ts';
import type { Needs } from './ports.ts';

/** The name of the note. */
const NAME = 'PAGE';

/** Brings what somebody is paged for up to date. */
export async function pageNow(rollout: Rollout, ports: Needs<'clock' | 'journal' | 'notes'>): Promise<Page> {
  const now = ports.clock.now();
  const isHalted = rollout.outcome === 'halted';
  // Whoever has released again since has looked.
  const isOver = isHalted && (await isSucceeded(rollout, ports));
  const note = await ports.notes.change<PageNote>(rollout.opening.rolloutId, NAME, (before) =>
    pageAfter(before, rollout, { now, isOver }),
  );
  return pageOf(note);
}

/** Keeps a page from being repeated; false if nobody is paged for that any more. */
export async function acknowledge(
  { rolloutId, page, by }: { rolloutId: string; page?: string | undefined; by: Actor },
  { clock, journal, notes }: Needs<'clock' | 'journal' | 'notes'>,
): Promise<boolean> {
  const rollout = await journal.read(rolloutId);
  if (rollout === undefined) return false;
  let isTaken = false;
  await notes.change<PageNote>(rolloutId, NAME, (before) => {
    const after = acknowledged(before, rollout, { page, by, at: clock.now() });
    isTaken = after !== undefined;
    return after;
  });
  return isTaken;
}

/** Pages for an execution that died. */
export async function pageForDeath(
  death: Death,
  { clock, journal, notes }: Needs<'clock' | 'journal' | 'notes'>,
): Promise<void> {
  const rollout = await journal.read(death.rolloutId);
  if (rollout === undefined) return;
  await notes.change<PageNote>(death.rolloutId, NAME, (before) =>
    pageAfterDeath(before, rollout, { ...death, at: clock.now() }),
  );
}

async function isSucceeded({ opening, openedAt }: Rollout, { journal }: Needs<'journal'>): Promise<boolean> {
  const [newest] = await journal.recent({ service: opening.service, limit: 1 });
  return newest !== undefined && newest.openedAt > openedAt;
}
