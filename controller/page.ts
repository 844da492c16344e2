import type { Besides, Paged } from '../core/people/notice.ts';
import { callOf } from '../core/people/transition.ts';
import { type Actor, nameOf } from '../core/rollout/actor.ts';
import type { Rollout } from '../core/rollout/state.ts';
import type { Instant } from '../core/units.ts';
import { cut } from '../core/words.ts';
import type { History } from './histories.ts';
import type { Needs } from './ports.ts';

/** Time between two pages about the same need. */
const REPEATED_MS = 15 * 60_000;

/** What was said lately besides transitions; older ones are of no use to a sink that comes back after hours. */
const BESIDES_MAX = 10;

/** Longest reason in a page, in characters. */
const REASON_MAX = 700;

/** What somebody is paged for, how often they were, and what else was said. */
interface PageNote {
  key?: string | undefined;
  reason: string;
  /** The event that paged. */
  n: number;
  times: number;
  nextAt: Instant;
  acknowledged?: Actor | undefined;
  /** The execution that ended otherwise than a rollout ends, and its epoch. */
  died?: { name: string; epoch: number } | undefined;
  besides: Besides[];
}

/** What is to be said besides transitions, and when a page is repeated next. */
export interface Page {
  paged?: Paged | undefined;
  n: number;
  nextAt?: Instant | undefined;
  besides: Besides[];
}

const NAME = 'PAGE';
const NOTHING: PageNote = { reason: '', n: 0, times: 0, nextAt: 0, besides: [] };

/** Brings what somebody is paged for up to date: begins, repeats what is due, or ends with the state that paged. */
export async function pageNow(history: History, ports: Needs<'clock' | 'journal' | 'notes'>): Promise<Page> {
  const { rollout, transitions } = history;
  const now = ports.clock.now();
  const isHalted = rollout.outcome === 'halted';
  // Whoever has released again since has looked.
  const isOver = isHalted && (await isSucceeded(rollout, ports));
  const note = await ports.notes.change<PageNote>(rollout.opening.rolloutId, NAME, (before) => {
    const call = isOver ? undefined : (callOf(rollout) ?? deathIn(before, rollout));
    if (call === undefined) return before?.key === undefined ? before : { ...before, key: undefined };
    if (before?.key !== call.key) {
      const n = transitions.findLast(({ importance }) => importance === 'page')?.n;
      const { besides } = before ?? NOTHING;
      return { ...begun(call, n ?? rollout.version, now), died: before?.died, besides };
    }
    if (before.acknowledged !== undefined || now < before.nextAt) return before;
    const times = before.times + 1;
    const line = `it still needs a person, paged ${times} times by now: ${cut(call.reason, REASON_MAX)}`;
    return said(
      { ...before, times, nextAt: now + REPEATED_MS },
      { kind: 'repeated', at: now, line, importance: 'page' },
    );
  });
  return pageOf(note ?? NOTHING);
}

/** Keeps a page from being repeated; false if nobody is paged for that any more. */
export async function acknowledge(
  { rolloutId, page, by }: { rolloutId: string; page?: string | undefined; by: Actor },
  { clock, notes }: Needs<'clock' | 'notes'>,
): Promise<boolean> {
  let isTaken = false;
  await notes.change<PageNote>(rolloutId, NAME, (before) => {
    isTaken = before?.key !== undefined && (page === undefined || before.key === page);
    if (!isTaken || before === undefined || before.acknowledged !== undefined) return before;
    const line = `${nameOf(by)} acknowledged it: the page is not repeated`;
    return said(
      { ...before, acknowledged: by },
      { kind: 'acknowledged', at: clock.now(), line, importance: 'important', by },
    );
  });
  return isTaken;
}

/** Pages for an execution that ended otherwise than a rollout ends: the journal cannot say so, or not yet. */
export async function pageForDeath(
  { rolloutId, epoch, name, how }: { rolloutId: string; epoch: number; name: string; how: string },
  { clock, journal, notes }: Needs<'clock' | 'journal' | 'notes'>,
): Promise<void> {
  const rollout = await journal.read(rolloutId);
  if (rollout === undefined || rollout.outcome !== undefined || rollout.epoch > epoch) return;
  const at = clock.now();
  await notes.change<PageNote>(rolloutId, NAME, (before = NOTHING) => {
    if (before.died?.name === name) return before;
    const reason = `its execution ended ${how}; if the canary still has traffic, the watchdog reverts or replaces it within minutes`;
    const call = { key: `died ${name}`, reason };
    const isCalled = before.key !== undefined;
    const page = isCalled ? before : { ...begun(call, rollout.version, at), besides: before.besides };
    return said({ ...page, died: { name, epoch } }, { kind: 'died', at, line: reason, importance: 'page' });
  });
}

const begun = ({ key, reason }: { key: string; reason: string }, n: number, now: Instant): PageNote => ({
  ...{ key, reason: cut(reason, REASON_MAX), n },
  ...{ times: 1, nextAt: now + REPEATED_MS, besides: [] },
});

function said(note: PageNote, what: Omit<Besides, 'k'>): PageNote {
  const k = (note.besides.at(-1)?.k ?? 0) + 1;
  return { ...note, besides: [...note.besides, { ...what, k }].slice(-BESIDES_MAX) };
}

/** The need that a dead execution leaves, until another one has taken over or the rollout has ended. */
function deathIn(note: PageNote | undefined, { epoch, outcome }: Rollout) {
  const { died, reason = '' } = note ?? {};
  if (died === undefined || outcome !== undefined || epoch > died.epoch) return undefined;
  return { key: `died ${died.name}`, reason };
}

async function isSucceeded({ opening, openedAt }: Rollout, { journal }: Needs<'journal'>): Promise<boolean> {
  const [newest] = await journal.recent({ service: opening.service, limit: 1 });
  return newest !== undefined && newest.openedAt > openedAt;
}

function pageOf({ key, reason, n, nextAt, acknowledged, besides }: PageNote): Page {
  if (key === undefined) return { n, besides };
  return {
    paged: { key, reason, ...(acknowledged === undefined ? {} : { acknowledgedBy: acknowledged }) },
    ...(acknowledged === undefined ? { nextAt } : {}),
    ...{ n, besides },
  };
}
