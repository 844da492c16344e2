import { historyOf, type SlowFrom, slowFrom, slowWindows } from '../latency.ts';
import { type Believed, believable, NOTHING, type Settled } from '../settled.ts';
import { type Cells, cellsFrom, slowdownWindows } from '../slowdown.ts';
import type { SpreadWindow } from '../types.ts';
import { isLatency } from '../weights.ts';
import { type Counted, type Rule, sinceFolded } from './asked.ts';

/** Percentiles of stable at which all durations are counted, the one that a verdict shows first. */
const TOLD = [90, 50, 99];

/** The percentiles at which the durations of a rule are counted. */
export const percentilesOf = (metric: 'latency' | `p${number}`): readonly number[] =>
  metric === 'latency' ? TOLD : [Number(metric.slice(1))];

/** Counts that a rule is judged by; `key` is what the evidence in them is carried on under. */
export interface Tally {
  key: string;
  believed: Believed;
  slow?: SlowFrom | undefined;
}

/** The whole of the durations of a rule, in cells that are compared. */
export interface Slowdown {
  windows: readonly SpreadWindow[];
  cells: Cells;
}

/** What a rule is judged by: counts, the ones that a verdict shows first, and for `latency` the whole of the durations. */
interface Tallies {
  told: readonly Tally[];
  slowdown?: Slowdown | undefined;
}

/** What is judged of a rule; no counts if stable did too little before the raise to know what is slow. */
export function talliesOf(asked: Rule, settled: Settled): Tallies {
  const { trial, target, rule, folded } = asked;
  const { metric } = rule;
  if (!isLatency(metric)) return { told: [{ key: metric, believed: settled[metric as Counted] ?? NOTHING }] };
  const spreads = settled.latency ?? [];
  const history = folded?.targets[target.name]?.history ?? historyOf(trial, spreads);
  const ratio = 'ratio' in rule ? rule.ratio : 1;
  const told = percentilesOf(metric).flatMap((percentile): Tally[] => {
    const slow = slowFrom(history, { percentile, ratio });
    if (slow === undefined) return [];
    // They are counts only once it is known what is slow.
    const believed = believable(slowWindows(trial, spreads, slow));
    return [{ key: `${metric}@${percentile}`, believed, slow }];
  });
  if (metric !== 'latency') return { told };
  const cells = cellsFrom(history, ratio);
  const [first] = told;
  if (first === undefined || cells === undefined) return { told: [] };
  // If clients stick to a version its requests are not dealt one by one, and the counts over one percentile take the careful way.
  if (target.traits.isSticky) return { told };
  const believed = new Set(first.believed.windows.map(({ start }) => start));
  const windows = sinceFolded(asked, slowdownWindows(trial, spreads)).filter(({ start }) =>
    believed.has(start),
  );
  return { told, slowdown: { windows, cells } };
}
