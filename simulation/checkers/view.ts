import type { Actor } from '../../core/rollout/actor.ts';
import type { RolloutEvent } from '../../core/rollout/event.ts';
import type { FencingToken } from '../../core/rollout/fencing-token.ts';
import type { Rollout } from '../../core/rollout/state.ts';
import type { Target } from '../../core/target.ts';
import type { Instant, Percent } from '../../core/units.ts';
import type { Met, Standing } from '../../local/witness.ts';
import { type Append, idOf, type RoutingWrite, type Run } from '../recording.ts';

/** What the users of a version of a target had met; undefined if nobody counted. */
export const metBy = (met: Append['met'], { key }: Target, version: string): Met | undefined =>
  met[`${key}:${version}`];

interface Entry {
  index: number;
  at: Instant;
}
type Written = RoutingWrite & Entry & { target: Target; from: Percent; to: Percent };
type Happened = Entry & { event: RolloutEvent; append: Append };

/** What is looked at of one rollout. */
export interface View {
  id: string;
  opening: Rollout['opening'];
  happened: Happened[];
  /** Changes of its targets, by anybody. */
  writes: Written[];
  /** Those of its own under an open token: the claim of each target, then its raises. */
  opens: (Written & { by: FencingToken })[];
  /** Those of them that gave the canary more. */
  raises: (Written & { by: FencingToken })[];
}

/** The canary's share of such a routing: the alias' own version takes what the others leave. */
export const shareOf = (at: Standing | undefined, canary: string): Percent => {
  if (at === undefined) return 0;
  if (at.primary !== canary) return at.weights[canary] ?? 0;
  return Object.values(at.weights).reduce((left, weight) => left - weight, 100);
};

/** Every checker looks at the same views, and a run no longer changes once it has been recorded. */
const known = new WeakMap<Run, View[]>();

/** Each rollout of a run by itself. */
export function views(run: Run): View[] {
  const all = known.get(run) ?? viewsOf(run);
  known.set(run, all);
  return all;
}

function viewsOf({ timeline, heads }: Run): View[] {
  return heads.map(({ opening }) => {
    const id = opening.rolloutId;
    const happened = timeline.flatMap((entry, index) =>
      entry.kind === 'append' && idOf(entry) === id
        ? entry.events.map((event) => ({ index, at: entry.at, event, append: entry }))
        : [],
    );
    const writes = timeline.flatMap((entry, index): Written[] => {
      if (entry.kind !== 'write') return [];
      const target = opening.targets.find(({ key }) => key === entry.key);
      if (target === undefined) return [];
      const [from, to] = [shareOf(entry.before, target.canary), shareOf(entry.after, target.canary)];
      return [{ ...entry, index, target, from, to }];
    });
    const own = writes.flatMap((write) => (write.by?.rolloutId === id ? [{ ...write, by: write.by }] : []));
    const raises = own.filter(({ from, to }) => to > from);
    return { id, opening, happened, writes, opens: own.filter(({ by }) => by.open), raises };
  });
}

export type EventOf<Type extends RolloutEvent['type']> = Extract<RolloutEvent, { type: Type }>;

/** True for a target whose only version was there before the rollout, which moved nothing: there is no other one to go back to. */
export const hasNoWayBack = ({ stable, canary }: Target): boolean => stable === canary;

/** Its events of these types, in order. */
export function those<Type extends RolloutEvent['type']>(view: View, ...types: Type[]) {
  return view.happened.filter((each): each is Happened & { event: EventOf<Type> } =>
    (types as string[]).includes(each.event.type),
  );
}

/** True for an event that voids what was approved before: somebody looked closer, or it is not what goes on. */
const isLapse = ({ event }: Happened): boolean =>
  event.type === 'Rejected' ||
  (event.type === 'PromotionOrdered' && event.full) ||
  (event.type === 'RecallOrdered' && event.waitsFor === undefined) ||
  (event.type === 'Paused' && event.why !== 'broken' && event.why !== 'inconclusive');

/** Who had approved a gate before the entry of this index, with a proven identity, since what voids that. */
function approvalsOf(view: View, gate: Percent, index: number): Actor[] {
  const before = view.happened.filter((each) => each.index <= index);
  const since = before.slice(before.findLastIndex(isLapse) + 1);
  return since.flatMap(({ index: at, event }) =>
    event.type === 'Approved' && event.gate === gate && event.by.isVerified && at < index ? [event.by] : [],
  );
}

/** How many people had approved, each once, whatever ways they came: the run knows who is who. */
export function approversOf(view: View, { humans }: Run, gate: Percent, index: number): number {
  const approvals = approvalsOf(view, gate, index);
  return new Set(approvals.map(({ id, person = id }) => humans[id] ?? person)).size;
}

/** How many of them a controller must tell apart: those that the settings name, or that came the same way. */
export function sureApproversOf(view: View, gate: Percent, index: number): number {
  const approvals = approvalsOf(view, gate, index);
  const named = new Set(approvals.flatMap(({ person = [] }) => person));
  const ways = Object.values(Object.groupBy(approvals, ({ via }) => via)).map(
    (same = []) => new Set(same.map(({ id, person = id }) => person)).size,
  );
  return Math.max(named.size, ...ways);
}

/** Events after which a canary leaves. */
export const LEAVING = ['RevertOrdered', 'Aborted', 'DriftDetected', 'Reverted'] as const;

/** The version of a target that a completed rollout leaves serving: a rollback leads to the older one. */
export const arriving = ({ opening }: View, { stable, canary }: Target): string =>
  opening.rollsBack === undefined ? canary : stable;

/**
 * True if a rollout pages people because the version that served before was deleted by somebody else, so that nothing can
 * be restored: the alias is on the canary, just before the entry of this index, and the rollout's last look came after the deletion.
 */
export function isStuck(view: View, { deleted, looks }: Run, target: Target, index: number): boolean {
  const closed = those(view, 'RolloutClosed')[0];
  if (closed?.event.outcome !== 'halted') return false;
  if (standingAt(view, target, index)?.primary !== target.canary) return false;
  const until = Math.min(index, closed.index);
  const look = looks[target.key]?.findLast((at) => at <= until) ?? -1;
  const version = `${target.key}:${target.stable}`;
  return deleted.some((each) => each.version === version && each.index <= look);
}

/**
 * True if a rollout pages people because somebody else gave traffic to its release, which is not reversible and which it never
 * raised on this target itself: nobody but a person may revert that, and none ordered it.
 */
export function isKept(view: View, { key }: Target): boolean {
  const isOrdered = those(view, 'Aborted').length > 0;
  const isRaised = view.raises.some((raise) => raise.key === key);
  const isPaged = those(view, 'RolloutClosed').some(({ event }) => event.outcome === 'halted');
  return !view.opening.reversible && !isRaised && !isOrdered && isPaged;
}

/** Where a target stood just before the entry of this index. */
export function standingAt(view: View, target: Target, index: number): Standing | undefined {
  const last = view.writes.findLast((write) => write.index < index && write.key === target.key);
  if (last !== undefined) return last.after;
  const first = view.writes.find((write) => write.key === target.key);
  return first?.before ?? { primary: target.stable, weights: {} };
}

/**
 * True if the canary has traffic, just before the entry of this index, because somebody else gave it some, and either
 * nobody can know or someone is paged. Nobody can if the last look that was answered came after this rollout's last write and found it
 * out, or if none that it made since was answered. Someone is paged if the rollout ends halted and he made it the version that serves, or the rollout never had the
 * target, so that its traffic is not ours to change.
 */
export function isGivenByOthers(
  view: View,
  { looks, lostLooks }: Run,
  target: Target,
  index: number,
): boolean {
  const last = view.writes.findLast((write) => write.index < index && write.key === target.key);
  const own = lastOwn(view, target, index);
  const isCalled = those(view, 'RolloutClosed')[0]?.event.outcome === 'halted';
  if (own === undefined) return last !== undefined && isCalled;
  if (own.to > 0) return false;
  const lastOf = (all: Run['looks']) => all[target.key]?.findLast((at) => at <= index) ?? 0;
  const [look, lost] = [lastOf(looks), lastOf(lostLooks)];
  const hasLooked = Math.max(look, lost) > own.index;
  const isUnseen =
    hasLooked && shareOf(standingAt(view, target, Math.max(look, own.index + 1)), target.canary) === 0;
  return isUnseen || (isCalled && last?.after?.primary === target.canary);
}

/** The last write of this rollout to a target before the entry of this index; none if it never had it. */
export function lastOwn({ id, writes }: View, { key }: Target, index: number) {
  return writes.findLast((write) => write.index < index && write.key === key && write.by?.rolloutId === id);
}

/** True if every target stands at the weight that was announced last: a bake counts from the raise that was made, not from one that was put off. */
export function isStanding(view: View, index: number): boolean {
  const due = those(view, 'ShiftIntended').findLast((each) => each.index < index)?.event.weight;
  return view.opening.targets.every(
    (target) => shareOf(standingAt(view, target, index), target.canary) === due,
  );
}

/** The recall that holds the canary at a lower weight just before the entry of this index. */
export function recallAt(view: View, index: number) {
  const last = those(view, 'RecallOrdered', 'RecallEnded', 'PromotionOrdered').findLast(
    (each) => each.index < index,
  );
  const { event } = last ?? {};
  return last !== undefined && event?.type === 'RecallOrdered' ? { ...last, event } : undefined;
}

/** Writes of this rollout that left a target at a weight, before the entry of this index. */
export function ownWritesTo({ id, writes }: View, weight: Percent, index: number) {
  return writes.filter(
    ({ by, to, ...write }) => write.index < index && by?.rolloutId === id && by.open && to === weight,
  );
}

/** True if a tick found an alarm that its owner declared, and no rule that fails. */
export const isByAlarm = (event: RolloutEvent): boolean =>
  event.type === 'Measured' &&
  event.alarms.some(({ state }) => state === 'alarm') &&
  event.verdict.findings.every(({ status }) => status !== 'fail');

/** What a checker found. */
export interface Fault {
  at: Instant;
  what: string;
}

/** What a run may take its time for; the defaults hold if nothing is disturbed. */
export interface Limits {
  /** Longest time between two measurements while the canary has traffic, in milliseconds. */
  tickMs?: number;
  /** Longest time from the decision to leave until the canary is out, in milliseconds. */
  outMs?: number;
  /** How far two clocks may be apart, in milliseconds. */
  skewMs?: number;
  /** Whether every release of the run is known to be as good as stable; not known if it is absent. */
  isGood?: boolean;
}

/** Finds every place in a run where one promise is broken. */
export type Checker = (run: Run, limits: Required<Limits>) => Fault[];

/** A checker that looks at each rollout by itself. */
export const perRollout =
  (checker: (view: View, run: Run, limits: Required<Limits>) => Fault[]): Checker =>
  (run, limits) =>
    views(run).flatMap((view) =>
      checker(view, run, limits).map(({ at, what }) => ({ at, what: `${view.id}: ${what}` })),
    );
