import type { Rollout } from '../rollout/state.ts';
import { WINDOW_MS } from '../units.ts';
import type { Level, Limit, LimitRule } from './types.ts';

/** Points of a run that are kept at either end: two in a row decide. */
const ENDS = 2;

/**
 * The points of a level that its limits still need, oldest first: all from before the first raise, and of those after it, of
 * each run that is on one side of the limits, the ends and the highest. Two points that stand beside each other did so before.
 */
export function kept(
  { raisedAt = 0 }: Rollout,
  limits: readonly LimitRule[],
  name: Limit,
  read: readonly Level[],
): Level[] {
  const since = Math.floor(raisedAt / WINDOW_MS) * WINDOW_MS;
  const points = read
    .filter(({ start, value }) => value >= 0 && Number.isFinite(value) && Number.isFinite(start))
    .sort((a, b) => a.start - b.start);
  const before = points.filter(({ start }) => start <= since);
  const base = name === 'dlqNew' ? (before.filter(({ start }) => start < since).at(-1)?.value ?? 0) : 0;
  const rules = limits.filter(({ limit }) => limit === name);
  const kindOf = ({ start, value }: Level) =>
    [
      ...rules.map(({ max }) => value - base > max),
      // How long something has waited says whether it was sent after the raise.
      name !== 'dlqNew' && start + WINDOW_MS - value * 1000 >= since,
    ].join();
  const after = points.slice(before.length);
  const runs: Run[] = [];
  for (const point of after) {
    const kind = kindOf(point);
    const run = runs.at(-1);
    if (run?.kind === kind) run.points.push(point);
    else runs.push({ kind, points: [point] });
  }
  return [...before, ...runs.flatMap(({ points }) => shortened(points))];
}

/** Points in a row on the same side of every limit. */
interface Run {
  kind: string;
  points: Level[];
}

function shortened(run: Level[]): Level[] {
  if (run.length <= 2 * ENDS + 1) return run;
  const within = run.slice(ENDS, -ENDS);
  const highest = within.reduce((most, point) => (point.value > most.value ? point : most));
  return [...run.slice(0, ENDS), highest, ...run.slice(-ENDS)];
}
