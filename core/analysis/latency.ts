import { type Instant, WINDOW_MS } from '../units.ts';
import type { Course } from './trial.ts';
import type { Count, Spread, SpreadWindow, Window } from './types.ts';

/** Slow requests that stable must have had before the raise, so that its threshold is more than one request's luck. */
const SLOW_MIN = 5;

/** Tolerated odds ratio of slow requests, besides the tolerated slowdown: a canary runs on few and young environments. */
export const LATENCY_ODDS = 1.2;

/** From which duration on a request counts as slow, in milliseconds; the canary may take longer by the tolerated ratio. */
export interface SlowFrom {
  stable: number;
  canary: number;
}

/** Thresholds from what stable did before the first raise, as `historyOf` has it; undefined if that is too little to have any. */
export function slowFrom(
  known: readonly Spread[],
  { percentile, ratio }: { percentile: number; ratio: number },
): SlowFrom | undefined {
  const [first] = known;
  if (first === undefined) return undefined;
  const total = known.reduce((sum, spread) => sum + spread.total, 0);
  const allowed = (total * (100 - percentile)) / 100;
  if (allowed < SLOW_MIN) return undefined;
  const stable = first.edges.find(
    (edge) => known.reduce((sum, spread) => sum + overEdge(spread, edge), 0) <= allowed,
  );
  // Between two edges nothing is known, so the next one above the tolerated duration is taken, in the canary's favour.
  const canary = first.edges.find((edge) => stable !== undefined && edge >= stable * ratio * (1 - 1e-9));
  return stable === undefined || canary === undefined ? undefined : { stable, canary };
}

/** What stable did before the first raise, in the minutes that can be believed. */
export function historyOf(trial: Course, spreads: readonly SpreadWindow[]): Spread[] {
  const raisedAt = trial.raisedAt ?? Number.POSITIVE_INFINITY;
  return spreads
    .filter(({ start }) => start + WINDOW_MS <= raisedAt)
    .flatMap(({ stable }) => (stable !== undefined && stable.total > 0 && addsUp(stable) ? [stable] : []));
}

/** Several spreads as one, none of nothing; they are counted over the edges of the first. */
export function together(spreads: readonly Spread[]): Spread[] {
  const [first] = spreads;
  if (first === undefined) return [];
  const total = spreads.reduce((all, spread) => all + spread.total, 0);
  const over = first.edges.map((edge) => spreads.reduce((all, spread) => all + overEdge(spread, edge), 0));
  return [{ total, edges: first.edges, over }];
}

/** New environments start cold, in the minute of a raise and in the one after it. */
export function isYoung({ moves }: Course, start: Instant): boolean {
  return moves.some((at) => start + WINDOW_MS > at && start < at + WINDOW_MS);
}

/** Counts of slow requests; the first minute after a raise is left out, because new environments start cold. */
export function slowWindows(trial: Course, spreads: readonly SpreadWindow[], from: SlowFrom): Window[] {
  return spreads
    .filter(({ start }) => !isYoung(trial, start))
    .map(({ start, minutes, canary, stable }) => ({
      start,
      ...(minutes === undefined ? {} : { minutes }),
      canary: counted(canary, from.canary),
      stable: counted(stable, from.stable),
    }));
}

function counted(spread: Spread | undefined, edge: number): Count | undefined {
  return spread && { bad: addsUp(spread) ? overEdge(spread, edge) : Number.NaN, total: spread.total };
}

/** Whole numbers of requests over each edge, fewer over each later one. */
export function addsUp({ total, edges, over }: Spread): boolean {
  return (
    over.length === edges.length &&
    over.every((count, at) => Number.isSafeInteger(count) && count >= 0 && count <= (over[at - 1] ?? total))
  );
}

/** How many took longer than an edge; NaN if this edge was not counted, which no window with it survives. */
export function overEdge({ edges, over }: Spread, edge: number): number {
  return over[edges.indexOf(edge)] ?? Number.NaN;
}
