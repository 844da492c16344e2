import type { ProbeCounts } from '../analysis/types.ts';
import type { Instant, Seconds } from '../units.ts';
import type { Hook } from './event.ts';
import { hasCanaryTraffic, type Rollout } from './state.ts';

/** How often smoke tests are repeated through both versions while the canary has traffic, and which. */
export interface Probing {
  /** Time between two pairs of one target, on average: those of a tick are put together. */
  everySeconds: Seconds;
  /** Ids of the smoke tests that may be repeated, in the order of the file. */
  smoke: string[];
}

/** Probes that were put to one target: since the first raise, and at the present step alone. */
export interface Probed {
  all: ProbeCounts;
  step: ProbeCounts;
}

/** What stands where nothing was put yet. */
export const NO_PROBES: ProbeCounts = { ticks: 0, pairs: 0, canary: 0, stable: 0, both: 0, unput: 0 };

/** Most pairs of one target in a tick, however long the last one is ago. */
const PAIRS_MAX = 60;

/** The smoke tests that are repeated on a target; none where the file asks for no probes. */
export function probesOf({ opening }: Pick<Rollout, 'opening'>, target: string): Hook[] {
  const { probe, hooks } = opening;
  return hooks.filter((hook) => hook.target === target && probe?.smoke.includes(hook.id));
}

/** The probes of a target that are due at `now`, one after the other; each is for a pair. */
export function probesDue(rollout: Rollout, target: string, now: Instant): Hook[] {
  const probes = probesOf(rollout, target);
  if (rollout.opening.probe === undefined || probes.length === 0 || !hasCanaryTraffic(rollout)) return [];
  const last = Math.max(rollout.measuredAt ?? 0, rollout.moves.at(-1) ?? 0, rollout.raisedAt ?? 0);
  const due = Math.floor((now - last) / (rollout.opening.probe.everySeconds * 1000));
  const { pairs, unput } = rollout.probes?.[target]?.all ?? NO_PROBES;
  return Array.from(
    { length: Math.min(PAIRS_MAX, Math.max(0, due)) },
    (_, index) => probes[(pairs + unput + index) % probes.length],
  ).filter((hook) => hook !== undefined);
}

/** The probes so far with those of another tick; those of a tick in which traffic still moved belong to no step. */
export function withProbes(
  rollout: Rollout,
  tick: Record<string, ProbeCounts> | undefined,
): Record<string, Probed> | undefined {
  if (tick === undefined) return rollout.probes;
  const { stepSince, promotedAt, step, opening } = rollout;
  const isStanding = step < opening.plan.steps.length ? stepSince !== undefined : promotedAt !== undefined;
  const counted = Object.entries(tick).map(([target, counts]) => {
    const before = rollout.probes?.[target] ?? { all: NO_PROBES, step: NO_PROBES };
    const here = isStanding ? added(before.step, counts) : before.step;
    return [target, { all: added(before.all, counts), step: here }] as const;
  });
  return { ...rollout.probes, ...Object.fromEntries(counted) };
}

/** The probes as a new step finds them. */
export function atNewStep(probes: Record<string, Probed> | undefined): Record<string, Probed> | undefined {
  return (
    probes &&
    Object.fromEntries(Object.entries(probes).map(([name, { all }]) => [name, { all, step: NO_PROBES }]))
  );
}

function added(before: ProbeCounts, more: ProbeCounts): ProbeCounts {
  return {
    ticks: before.ticks + more.ticks,
    pairs: before.pairs + more.pairs,
    canary: before.canary + more.canary,
    stable: before.stable + more.stable,
    both: before.both + more.both,
    unput: before.unput + more.unput,
    ...latest('failure', before, more),
    ...latest('unputWhy', before, more),
  };
}

function latest(key: 'failure' | 'unputWhy', before: ProbeCounts, more: ProbeCounts): Partial<ProbeCounts> {
  const text = more[key] ?? before[key];
  return text === undefined ? {} : { [key]: text };
}
