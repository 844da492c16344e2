import { WINDOW_MS } from '../../units.ts';
import { compared, number } from '../../words.ts';
import { type MovedWindow, orLowerBound, orUpperBound } from '../evalue.ts';
import { ALPHA, BETA, HEAD, INTERVAL_BETS } from '../evidence.ts';
import type { SlowFrom } from '../latency.ts';
import { metricTraits } from '../metrics.ts';
import type { Count, OddsInterval, WatchRule, Window } from '../types.ts';
import type { ComparedWindow } from '../windows.ts';
import { type Asked, countsIn, questionOf, type Sides } from './asked.ts';

/** The counts of a rule in words. */
export function words(rule: WatchRule, { canary, stable }: Sides, slow: SlowFrom | undefined): string {
  const { metric } = rule;
  if (slow !== undefined) {
    const over = (count: Count, ms: number) =>
      `${number(count.bad)} of ${number(count.total)} took over ${ms < 10 ? Number(ms.toPrecision(2)) : number(Math.round(ms))} ms`;
    return `${metric}: canary ${over(canary, slow.canary)}, stable ${over(stable, slow.stable)}`;
  }
  const name = metric.startsWith('custom.') ? metric.slice('custom.'.length) : metric;
  const verb = metricTraits(metric)?.verb ?? (metric.startsWith('custom.') ? 'bad' : 'failed');
  return `${name}: ${compared(canary, stable, verb)}`;
}

const HOUR_MS = 60 * WINDOW_MS;

/** Precision of the logarithm of an interval's ends: about 1 % of the ratio. */
const INTERVAL_PRECISION = 0.01;

/** How many times the canary's odds are those of stable, for people to see. */
export function oddsOf(
  asked: Asked,
  compared: readonly ComparedWindow[],
  inStep: readonly Window[],
): OddsInterval {
  const { planned, bets, clustering } = questionOf(asked);
  const alpha = asked.trial.opening.plan.alpha ?? ALPHA;
  const m = clustering.burst;
  const low = orLowerBound({
    ...{ windows: coarse(compared), grid: bets, T: planned, head: HEAD, m, alpha },
    precision: INTERVAL_PRECISION,
  });
  const windows = coarse(countsIn(inStep));
  const high = orUpperBound({ windows, grid: INTERVAL_BETS, m, beta: BETA, precision: INTERVAL_PRECISION });
  return { low, high };
}

/** Windows up to which an interval is computed minute by minute; it is only shown, and inverting a test costs as much as 20 of them. */
const INTERVAL_WINDOWS = 240;

/** Windows for an interval: what is folded already as it is kept, and of a long comparison the sums of each hour, in which the weight stood still. Under the same odds in each minute the sums have them too. */
function coarse(windows: readonly ComparedWindow[]): MovedWindow[] {
  if (windows.length <= INTERVAL_WINDOWS) return [...windows];
  const hours = new Map<string, MovedWindow>();
  for (const { start, c, s, nc, ns, share } of windows) {
    const key = share === undefined ? `${Math.floor(start / HOUR_MS)}` : `at ${start}`;
    const sums = hours.get(key) ?? { c: 0, s: 0, nc: 0, ns: 0, share };
    hours.set(key, { c: sums.c + c, s: sums.s + s, nc: sums.nc + nc, ns: sums.ns + ns, share });
  }
  return [...hours.values()];
}
