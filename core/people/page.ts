import { type Actor, nameOf } from '../rollout/actor.ts';
import { GRACE_SECONDS } from '../rollout/due.ts';
import type { Rollout } from '../rollout/state.ts';
import type { Instant } from '../units.ts';
import { cut } from '../words.ts';
import type { Death } from './errand.ts';
import type { Besides, Paged } from './notice.ts';
import { type Call, callOf } from './transition.ts';

/** Time between two pages about the same need. */
const REPEATED_MS = 15 * 60_000;

/** What was said lately besides transitions; older ones are of no use to a sink that comes back after hours. */
const BESIDES_MAX = 10;

/** The need for a revert that has failed so far, whoever carries it: its next execution may fail as well. */
const REVERT = 'revert';

/** Longest reason in a page, in characters. */
const REASON_MAX = 700;

/** What a rollout needs a person for, and how often somebody was paged for it. */
interface Need {
  key: string;
  reason: string;
  times: number;
  nextAt: Instant;
  acknowledged?: Actor | undefined;
}

/** What is known of the pages about a rollout. */
export interface PageNote {
  /** The most urgent one first: they are repeated, acknowledged and over each by itself. */
  needs: readonly Need[];
  died?: { name: string; epoch: number; reason: string; at: Instant } | undefined;
  besides: readonly Besides[];
}

/** What somebody is paged for, when that is repeated next, and what was said besides transitions. */
export interface Page {
  paged?: Paged | undefined;
  nextAt?: Instant | undefined;
  besides: readonly Besides[];
}

const NOTHING: PageNote = { needs: [], besides: [] };

/** Brings pages up to date: begins, repeats what is due, or ends with the state that paged. The same note if nothing has changed. */
export function pageAfter(
  before: PageNote | undefined,
  rollout: Rollout,
  { now, isOver }: { now: Instant; isOver: boolean },
): PageNote | undefined {
  const note = before ?? NOTHING;
  let { besides } = note;
  const calls = isOver ? [] : callsIn(note, rollout, now);
  const needs = calls.map(({ key, reason }): Need => {
    const need = note.needs.find((each) => each.key === key);
    const begun = { key, reason: cut(reason, REASON_MAX), nextAt: now + REPEATED_MS };
    if (need === undefined) {
      // Nothing else says that it takes too long: no event of the rollout, and no execution that died.
      if (key === REVERT && !isDeathOfRevert(note, rollout))
        besides = said(besides, rollout, { kind: 'stuck', at: now, line: begun.reason, importance: 'page' });
      return { ...begun, times: 1 };
    }
    if (need.acknowledged !== undefined || now < need.nextAt) return need;
    const times = need.times + 1;
    const line = `it still needs a person, paged ${times} times by now: ${begun.reason}`;
    besides = said(besides, rollout, { kind: 'repeated', at: now, line, importance: 'page' });
    return { ...begun, times };
  });
  const isSame = needs.length === note.needs.length && needs.every((each, at) => each === note.needs[at]);
  return isSame ? before : { ...note, needs, besides };
}

/** Pages for an execution that died, unless the rollout has ended or another execution carries it: the journal cannot say so, or not yet. */
export function pageAfterDeath(
  before: PageNote | undefined,
  rollout: Rollout,
  { epoch, name, how, at }: Death & { at: Instant },
): PageNote | undefined {
  const note = before ?? NOTHING;
  if (rollout.outcome !== undefined || rollout.epoch > epoch || note.died?.name === name) return before;
  const reason = `its execution ended ${how}; if the canary still has traffic, the watchdog reverts or replaces it within minutes`;
  // Whoever was paged for the revert knows that it fails; an acknowledgement lasts through further deaths.
  const importance = note.needs.some(({ key }) => key === REVERT) ? 'important' : 'page';
  return {
    ...note,
    died: { name, epoch, reason, at },
    besides: said(note.besides, rollout, { kind: 'died', at, line: reason, importance }),
  };
}

/** Keeps pages from being repeated: that of this key, or all of them. Undefined if nobody is paged for that any more. */
export function acknowledged(
  before: PageNote | undefined,
  rollout: Rollout,
  { page, by, at }: { page?: string | undefined; by: Actor; at: Instant },
): PageNote | undefined {
  const meant = before?.needs.filter(({ key }) => page === undefined || key === page) ?? [];
  if (before === undefined || meant.length === 0) return undefined;
  const fresh = meant.filter((each) => each.acknowledged === undefined);
  if (fresh.length === 0) return before;
  const line = `${nameOf(by)} acknowledged it: the page is not repeated`;
  return {
    ...before,
    needs: before.needs.map((each) => (fresh.includes(each) ? { ...each, acknowledged: by } : each)),
    besides: said(before.besides, rollout, { kind: 'acknowledged', at, line, importance: 'important', by }),
  };
}

/** What a note says to people: of several needs that which nobody has acknowledged. */
export function pageOf({ needs, besides }: PageNote = NOTHING): Page {
  const open = needs.filter((each) => each.acknowledged === undefined);
  const [need] = [...open, ...needs];
  if (need === undefined) return { besides };
  const { key, reason, acknowledged: by } = need;
  return {
    paged: { key, reason, ...(by === undefined ? {} : { acknowledgedBy: by }) },
    ...(open.length === 0 ? {} : { nextAt: Math.min(...open.map(({ nextAt }) => nextAt)) }),
    besides,
  };
}

/** With what was said now: its place is after everything that has happened and was said, whatever is said later. */
function said(
  besides: readonly Besides[],
  { version }: Rollout,
  what: Omit<Besides, 'n' | 'k'>,
): readonly Besides[] {
  const { n = 0, k = 0 } = besides.at(-1) ?? {};
  return [...besides, { ...what, n: Math.max(n, version), k: k + 1 }].slice(-BESIDES_MAX);
}

/** When somebody is paged for a revert, unless it is done: the watchdog replaces its execution then. Undefined if nothing is to be reverted any more. */
export function revertDue({ leaving, left, outcome }: Rollout): Instant | undefined {
  return leaving === undefined || left !== undefined || outcome !== undefined
    ? undefined
    : leaving.at + GRACE_SECONDS * 1000;
}

function callsIn(note: PageNote, rollout: Rollout, now: Instant): Call[] {
  return [revertIn(note, rollout, now) ?? deathIn(note, rollout), callOf(rollout)].filter(
    (each) => each !== undefined,
  );
}

/** The need for a revert that is late or whose execution died: one, until it is done. */
function revertIn(note: PageNote, rollout: Rollout, now: Instant): Call | undefined {
  const due = revertDue(rollout);
  if (due === undefined || (now < due && !isDeathOfRevert(note, rollout))) return undefined;
  const reason = `its revert has failed so far, so the canary may still have traffic; the watchdog goes on trying, and you can point each target at its stable version yourself: ${rollout.leaving?.reason}`;
  return { key: REVERT, reason };
}

/** True if an execution died after the canary was to leave. */
const isDeathOfRevert = ({ died }: PageNote, { leaving }: Rollout): boolean =>
  died !== undefined && leaving !== undefined && died.at >= leaving.at;

/** The need that a dead execution leaves, until another one has taken over or the rollout has ended. */
function deathIn({ died }: PageNote, { epoch, outcome }: Rollout): Call | undefined {
  if (died === undefined || outcome !== undefined || epoch > died.epoch) return undefined;
  return { key: `died ${died.name}`, reason: died.reason };
}
