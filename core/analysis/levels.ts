import { WINDOW_MS } from '../units.ts';
import type { Course } from './trial.ts';
import type { Level, Limit, LimitRule } from './types.ts';

/**
 * The points of a level that its limit still needs, oldest first, and never more of them the longer it lasts: all from before the first
 * raise, and of those after it the first two in a row that the limit asks for, the highest and the newest. Of those that are held
 * against the release each comes with the next one, so that no two over the limit stand beside each other that did not before.
 */
export function kept(
  { raisedAt = 0 }: Course,
  limits: readonly LimitRule[],
  name: Limit,
  points: readonly Level[],
): Level[] {
  const since = Math.floor(raisedAt / WINDOW_MS) * WINDOW_MS;
  const before = points.filter(({ start }) => start < since);
  const after = points.filter(({ start }) => start > since);
  const { max = Number.POSITIVE_INFINITY } = limits.find(({ limit }) => limit === name) ?? {};
  const isAge = name !== 'dlqNew';
  const base = isAge ? 0 : (before.at(-1)?.value ?? 0);
  const isOver = ({ value }: Level) => value - base > max;
  // As `limitFindings` has it: an age that was over the limit before is held against the release once it has recovered.
  const recovered = isAge && before.some(isOver) ? pairIn(after, (point) => !isOver(point)) : undefined;
  const from = recovered === undefined ? since : (recovered[1]?.start ?? Number.POSITIVE_INFINITY);
  const held = after.filter(
    ({ start, value }) => start > from && (!isAge || start + WINDOW_MS - value * 1000 >= since),
  );
  const needed = new Set([
    ...points.filter(({ start }) => start <= since),
    ...(recovered ?? []),
    ...pairIn(held, isOver),
    ...[after, held].flatMap((each) => [...highestOf(each), ...each.slice(-1)]),
  ]);
  const next = held.filter((_, at) => at > 0 && needed.has(held[at - 1] as Level));
  return points.filter((point) => needed.has(point) || next.includes(point));
}

/** The first two points in a row that are as asked. */
function pairIn(points: readonly Level[], isSo: (point: Level) => boolean): Level[] {
  const second = points.findIndex((point, at) => at > 0 && isSo(point) && isSo(points[at - 1] as Level));
  return second === -1 ? [] : points.slice(second - 1, second + 1);
}

function highestOf(points: readonly Level[]): Level[] {
  const [first] = points;
  return first === undefined
    ? []
    : [points.reduce((most, point) => (point.value > most.value ? point : most), first)];
}
