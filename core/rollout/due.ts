import { tickOffset } from '../budget.ts';
import { type Instant, type Seconds, WINDOW_MS } from '../units.ts';
import { isSignOfLife, type Opening, type RolloutEvent } from './event.ts';
import { type GateState, missingAt } from './gate.ts';

/** How long publishing may take before the release is refused; SnapStart alone takes about 3 minutes (pulumi-aws issue 3740). */
export const PUBLISH_SECONDS_MAX: Seconds = 15 * 60;

/** How long after its due time a rollout counts as dead: two lost ticks' worth, so that a slow retry is not a death. */
export const GRACE_SECONDS: Seconds = 120;

/** Longest single hold if nothing has to be measured; each one starts over, so a pause may last far longer. */
export const HOLD_SECONDS_MAX: Seconds = 3600;

/** What of a rollout says when its execution must write next. */
interface Watched {
  opening: Opening;
  openedAt: Instant;
  lastEventAt: Instant;
  silentSince?: Instant | undefined;
  raisedAt?: Instant | undefined;
  measuredAt?: Instant | undefined;
  moves: Instant[];
  hooks: Record<string, { status: string; until: Instant }>;
  gates: Record<string, GateState>;
  deferred?: Instant | undefined;
  pause?: { until: Instant } | undefined;
  leaving?: { at: Instant } | undefined;
  left?: object | undefined;
  outcome?: string | undefined;
}

/** True while a user's request can meet the canary, or could if a raise under way arrived. */
export function hasCanaryTraffic({ left, raisedAt }: Pick<Watched, 'left' | 'raisedAt'>): boolean {
  return left === undefined && raisedAt !== undefined;
}

/** When traffic must be measured next: each time another window has settled, so at most a minute from now; among many a little after that. */
export function tickDue({ opening, measuredAt = 0, moves, raisedAt = 0 }: Watched): Instant {
  const settle = (opening.settleSeconds + tickOffset(opening)) * 1000;
  const last = Math.max(measuredAt, moves.at(-1) ?? 0, raisedAt);
  return Math.floor((last - settle) / WINDOW_MS) * WINDOW_MS + WINDOW_MS + settle;
}

/** When the execution of a rollout must have written next; later than this plus grace, it is dead. */
export function dueAt(rollout: Watched): Instant {
  if (rollout.outcome !== undefined) return Number.POSITIVE_INFINITY;
  return Math.max(silentSince(rollout), expectedAt(rollout));
}

/**
 * Since when an execution is silent once this event is written. Only what it writes itself shows that it lives. What others
 * write wakes it, so it has from then on to answer; but if it was due before, it stays due, or whoever orders again and
 * again would keep a dead one from being noticed.
 */
export function silentAfter(before: Watched, event: RolloutEvent): Instant {
  const heard = isSignOfLife(event) ? event.at : Math.min(event.at, dueAt(before));
  return Math.max(silentSince(before), heard);
}

const silentSince = ({ silentSince, lastEventAt }: Watched): Instant => silentSince ?? lastEventAt;

function expectedAt(rollout: Watched): Instant {
  if (rollout.leaving !== undefined) return rollout.leaving.at;
  if (hasCanaryTraffic(rollout)) return tickDue(rollout);
  return rollout.pause === undefined ? answerDue(rollout) : pauseDue(rollout.pause, rollout.opening);
}

/** People may pause again and again, but past the deadline of the whole rollout no hold is started. */
function pauseDue({ until }: { until: Instant }, { deadline }: Opening): Instant {
  return Math.min(until, deadline + HOLD_SECONDS_MAX * 1000);
}

/** Before there is traffic to watch, the next event may be an answer, an approval, its reserved calls, or a version that becomes Active. */
function answerDue({ opening, openedAt, hooks, gates, deferred = 0 }: Watched): Instant {
  if (opening.targets.some(({ publish }) => publish !== undefined))
    return openedAt + PUBLISH_SECONDS_MAX * 1000;
  const started = Object.values(hooks).filter(({ status }) => status === 'started');
  const unapproved = opening.gates
    .map((gate) => ({ gate, state: gates[gate.before] }))
    .flatMap(({ gate, state }) => (state !== undefined && missingAt(gate, state) > 0 ? [state] : []));
  return Math.max(deferred, ...[...started, ...unapproved].map(({ until }) => until));
}
