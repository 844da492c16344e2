import { PAST_MS } from '../analysis/silence.ts';
import type { Series } from '../analysis/types.ts';
import type { Tried } from '../ports.ts';
import { WINDOW_MS } from '../units.ts';
import type { Rollout } from './state.ts';

/** Attempts that a service remembers; the next one displaces the oldest. */
const TRIED_MAX = 20;

/**
 * When canaries that did not stay had traffic, of the day before the end of this rollout, oldest first: what they failed is not what
 * is usual of their targets. Undefined if there were none.
 */
export function triedAfter(
  tried: readonly Tried[] = [],
  { outcome, raisedAt, lastEventAt }: Rollout,
): Tried[] | undefined {
  const own = outcome === 'completed' || raisedAt === undefined ? [] : [{ from: raisedAt, to: lastEventAt }];
  const others = tried.filter(({ from, to }) => to > lastEventAt - PAST_MS && from !== own[0]?.from);
  const all = [...others, ...own].slice(-TRIED_MAX);
  return all.length === 0 ? undefined : all;
}

/** What targets did in the minutes in which none of those canaries had traffic. How many requests came is as usual in all of them. */
export function withoutTried(
  day: Record<string, Series>,
  tried: readonly Tried[] = [],
): Record<string, Series> {
  const isUsual = ({ start }: { start: number }) =>
    !tried.some(({ from, to }) => start + WINDOW_MS > from && start < to);
  const usualOf = ({ traffic, ...failing }: Series): Series => ({
    ...Object.fromEntries(
      Object.entries(failing).map(([metric, read]) => [
        metric,
        (read as { start: number }[] | undefined)?.filter(isUsual),
      ]),
    ),
    ...(traffic === undefined ? {} : { traffic }),
  });
  return tried.length === 0
    ? day
    : Object.fromEntries(Object.entries(day).map(([name, series]) => [name, usualOf(series)]));
}
