/** A value as a share of the length of an axis, from 0 to 1. */
export type Scale = (value: number) => number;

/** Lengths between two labels of a time axis, in minutes. */
const MINUTES = [1, 2, 5, 10, 15, 30, 60, 120, 240, 720, 1440, 2880];

/** Moments between two others at which an axis of time is labelled: whole minutes, at most so many. */
export function timeTicks(from: number, to: number, most: number): number[] {
  const length = MINUTES.map((minutes) => minutes * 60_000).find((each) => (to - from) / each <= most);
  const each = length ?? Math.ceil((to - from) / most / 86_400_000) * 86_400_000;
  const ticks: number[] = [];
  for (let at = Math.ceil(from / each) * each; at <= to; at += each) ticks.push(at);
  return ticks;
}

/** The least round number of 1, 2, 3, 5 or 10 times a power of ten that is not below a value. */
export function roundUp(value: number): number {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return (
    [1, 2, 3, 5, 10].map((each) => each * power).find((each) => each >= value * (1 - 1e-9)) ?? 10 * power
  );
}

/** An axis from one value to another. */
export const linear =
  (least: number, most: number): Scale =>
  (value) =>
    most === least ? 0 : Math.min(1, Math.max(0, (value - least) / (most - least)));

/** An axis on which each tenfold is as long as the one before; nothing below the least is drawn lower. */
export const logarithmic =
  (least: number, most: number): Scale =>
  (value) =>
    linear(Math.log10(least), Math.log10(most))(Math.log10(Math.max(least, value)));

/** One point of a line; without a value there is a gap. */
export interface Dot {
  at: number;
  value?: number | undefined;
}

const coordinate = (share: number): string => String(Math.round(share * 10_000) / 100);

/** A line through points, broken where nothing is known, in a square of 100 by 100. A point alone is a dot. */
export function linePath(dots: readonly Dot[], x: Scale, y: Scale): string {
  const points = dots.map(({ at, value }) =>
    value === undefined ? undefined : `${coordinate(x(at))} ${coordinate(1 - y(value))}`,
  );
  return points
    .map((point, at) => {
      if (point === undefined) return '';
      if (points[at - 1] !== undefined) return `L${point}`;
      return points[at + 1] === undefined ? `M${point}L${point}` : `M${point}`;
    })
    .join('');
}

/** Longest time between two points of a line that is whole. */
const GAP_MS = 5 * 60_000;

/** Points without a value left out where others are near, and one of them where the line is to be broken. */
export function joined(dots: readonly Dot[]): Dot[] {
  const known = dots.filter(({ value }) => value !== undefined);
  return known.flatMap((dot, index) => {
    const before = known[index - 1];
    return before !== undefined && dot.at - before.at > GAP_MS ? [{ at: before.at + 1 }, dot] : [dot];
  });
}

/** A line that keeps its value until the next point, to a last moment. */
export function stepPath(dots: readonly Dot[], to: number, x: Scale, y: Scale): string {
  const known = dots.flatMap(({ at, value }) => (value === undefined ? [] : [{ at, value }]));
  const corners = known.flatMap(({ at, value }, index) => {
    const end = known[index + 1]?.at ?? to;
    return [
      { at, value },
      { at: end, value },
    ];
  });
  return linePath(corners, x, y);
}

/** Keeps of labels on a line those that have room beside each other; the later ones of two that are too near give way. */
export function spaced<Label extends { place: number }>(labels: readonly Label[], least: number): Label[] {
  const kept: Label[] = [];
  for (const label of labels)
    if (kept.every((each) => Math.abs(each.place - label.place) >= least)) kept.push(label);
  return kept;
}
