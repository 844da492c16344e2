import type { MovedWindow, WindowCounts } from './evalue.ts';
import { addsUpTo } from './settled.ts';
import type { Ages, Count, Window } from './types.ts';
import type { ComparedWindow } from './windows.ts';

/** Groups that answers are parted into. */
export const GROUPS = 8;

/** So many groups with an equal number of requests are as uneven as these: 1 if one has them all, 0 of none. */
export function effective(counts: readonly number[]): number {
  const squares = counts.reduce((sum, count) => sum + count * count, 0);
  return squares === 0 ? 0 : counts.reduce((sum, count) => sum + count, 0) ** 2 / squares;
}

/** A window with what is known of who answered in it. */
export type GroupedWindow = ComparedWindow & {
  /** The window with each of the groups left out on both sides, and without what young environments answered. */
  without?: MovedWindow[] | undefined;
  /** Requests of the canary in each of the groups. */
  met?: readonly number[] | undefined;
};

/** Both sides of a minute by who answered, if it is known of both. */
type Known = Record<'canary' | 'stable', Ages>;

/** What is known of who answered, by the start of its minute. `answers` are the counts that the handler makes. */
export function agesOf(answers: readonly Window[]): Map<number, Known> {
  return new Map(
    answers.flatMap(({ start, canary, stable }) =>
      canary?.ages && stable?.ages && isPartOf(canary) && isPartOf(stable)
        ? [[start, { canary: canary.ages, stable: stable.ages }] as const]
        : [],
    ),
  );
}

/** True if what is counted by who answered can be a part of the count. */
function isPartOf({ ages, ...count }: Count): boolean {
  return ages !== undefined && addsUpTo([ages.young, ...ages.groups], count);
}

/**
 * The windows with what is known of who answered. Of a metric that the handler does not count itself, such as errors, only that is known which
 * the handler saw too, so that of a group all its faults are left out of the canary and none out of stable.
 */
export function grouped(
  windows: readonly ComparedWindow[],
  ages: ReadonlyMap<number, Known>,
  isOwn: boolean,
): GroupedWindow[] {
  return windows.map((window) => {
    const known = ages.get(window.start);
    if (known === undefined) return window;
    const young = countsOf(known.canary.young, known.stable.young);
    const groups = known.canary.groups.map((canary, at) => countsOf(canary, known.stable.groups[at]));
    const inGroups = groups.reduce((all, each) => plus(all, each), NONE);
    const isWhole =
      inGroups.nc > 0 &&
      inGroups.ns > 0 &&
      (!isOwn || (inGroups.nc + young.nc === window.nc && inGroups.ns + young.ns === window.ns));
    return {
      ...window,
      // Of a minute in which traffic moved the part of the canary is bounded among all requests, not among those of new environments.
      ...(isOwn && window.share === undefined ? { young } : {}),
      ...(isWhole
        ? {
            without: groups.map((group) => leftOut(window, plus(young, group), isOwn)),
            met: groups.map(({ nc }) => nc),
          }
        : {}),
    };
  });
}

const NONE: WindowCounts = { c: 0, s: 0, nc: 0, ns: 0 };

const countsOf = (canary: Count, stable: Count | undefined): WindowCounts => ({
  ...{ c: canary.bad, nc: canary.total, s: stable?.bad ?? 0, ns: stable?.total ?? 0 },
});

const plus = (a: WindowCounts, b: WindowCounts): WindowCounts => ({
  ...{ c: a.c + b.c, s: a.s + b.s, nc: a.nc + b.nc, ns: a.ns + b.ns },
});

function leftOut(window: ComparedWindow, part: WindowCounts, isOwn: boolean): MovedWindow {
  const c = Math.max(0, window.c - part.c);
  const s = isOwn ? window.s - part.s : window.s;
  const { share, w0, stake } = window;
  return {
    c,
    s,
    nc: Math.max(c, window.nc - part.nc),
    ns: Math.max(s, window.ns - part.ns),
    share,
    w0,
    stake,
  };
}

/** Requests of the canary by group, with those of before. */
export function metIn(windows: readonly GroupedWindow[], before: readonly number[] = []): number[] {
  const met = Array.from({ length: GROUPS }, (_, at) => before[at] ?? 0);
  for (const window of windows)
    for (const [at, count] of (window.met ?? []).entries()) met[at] = (met[at] ?? 0) + count;
  return met;
}

/** Groups that the canary met: fewer than two cannot be told apart. */
export const groupsMet = (met: readonly number[]): number => met.filter((count) => count > 0).length;

/** The windows that are left without a group. */
export const withoutGroup = (windows: readonly GroupedWindow[], group: number): MovedWindow[] =>
  windows.flatMap(({ without }) => without?.[group] ?? []);
