import type { ProbeCounts } from './types.ts';

/** Probes that were run against one target: since the first raise, and at the present step alone. */
export interface Probed {
  all: ProbeCounts;
  step: ProbeCounts;
}

/** The counts before any probe ran. */
export const NO_PROBES: ProbeCounts = { ticks: 0, pairs: 0, canary: 0, stable: 0, both: 0, skipped: 0 };

/** The probes so far with those of another tick; those of a tick in which traffic still moved (`isStanding` is false) belong to no step. */
export function withProbes(
  probes: Record<string, Probed> | undefined,
  tick: Record<string, ProbeCounts> | undefined,
  isStanding: boolean,
): Record<string, Probed> | undefined {
  if (tick === undefined) return probes;
  const counted = Object.entries(tick).map(([target, counts]) => {
    const before = probes?.[target] ?? { all: NO_PROBES, step: NO_PROBES };
    const here = isStanding ? added(before.step, counts) : before.step;
    return [target, { all: added(before.all, counts), step: here }] as const;
  });
  return { ...probes, ...Object.fromEntries(counted) };
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
    skipped: before.skipped + more.skipped,
    ...latest('failure', before, more),
    ...latest('skippedWhy', before, more),
  };
}

function latest(key: 'failure' | 'skippedWhy', before: ProbeCounts, more: ProbeCounts): Partial<ProbeCounts> {
  const text = more[key] ?? before[key];
  return text === undefined ? {} : { [key]: text };
}
