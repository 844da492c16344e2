import { RolloutError } from '../core/errors.ts';
import type { Death } from '../core/people/errand.ts';
import {
  acknowledged,
  type Page,
  type PageNote,
  pageAfter,
  pageAfterDeath,
  pageOf,
  revertDue,
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
  const page = pageOf(note);
  const due = revertDue(rollout) ?? now;
  return now < due ? { ...page, nextAt: Math.min(due, page.nextAt ?? due) } : page;
}

/** Keeps a page from being repeated. @throws RolloutError CommandRefused if nobody is paged for that any more */
export async function acknowledge(
  rollout: Rollout,
  { page, by }: { page?: string | undefined; by: Actor },
  { clock, notes }: Needs<'clock' | 'notes'>,
): Promise<void> {
  const { rolloutId } = rollout.opening;
  let isPaged = false;
  await notes.change<PageNote>(rolloutId, NAME, (before) => {
    const after = acknowledged(before, rollout, { page, by, at: clock.now() });
    isPaged = after !== undefined;
    return after;
  });
  if (isPaged) return;
  const what = page === undefined ? '' : ' for that';
  throw new RolloutError(
    'CommandRefused',
    `Nobody is paged${what} about ${rolloutId} now; there is nothing to acknowledge.`,
  );
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
