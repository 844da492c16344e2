import { historyOf, type SlowFrom, slowFrom, slowWindows, together } from '../latency.ts';
import { type Believed, believable, NOTHING, type Settled } from '../settled.ts';
import { type Comparison, comparisonFrom, slownessWindows } from '../slowdown.ts';
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

/** The durations of a rule, and what of them is compared. */
export interface Slowness {
  windows: readonly SpreadWindow[];
  comparison: Comparison;
}

/** What a rule is judged by: counts, the ones that a verdict shows first, and of a rule about durations those themselves. */
interface Tallies {
  told: readonly Tally[];
  slowness?: Slowness | undefined;
}

/** What is judged of a rule; no counts if stable did too little before the raise to know what is slow. */
export function talliesOf(asked: Rule, settled: Settled): Tallies {
  const { trial, target, rule, folded } = asked;
  const { metric } = rule;
  if (!isLatency(metric)) return { told: [{ key: metric, believed: settled[metric as Counted] ?? NOTHING }] };
  const spreads = settled.latency ?? [];
  const history = folded?.targets[target.name]?.history ?? together(historyOf(trial, spreads));
  const ratio = 'ratio' in rule ? rule.ratio : 1;
  const told = percentilesOf(metric).flatMap((percentile): Tally[] => {
    const slow = slowFrom(history, { percentile, ratio });
    if (slow === undefined) return [];
    // They are counts only once it is known what is slow.
    const believed = believable(slowWindows(trial, spreads, slow));
    return [{ key: `${metric}@${percentile}`, believed, slow }];
  });
  const [[first], [before]] = [told, history];
  if (first === undefined || before === undefined) return { told: [] };
  // If clients stick to a version its requests are not dealt one by one, and the counts over one percentile take the careful way.
  if (target.traits.isSticky) return { told };
  const believed = new Set(first.believed.windows.map(({ start }) => start));
  const [percentile] = metric === 'latency' ? [] : percentilesOf(metric);
  const comparison = comparisonFrom(before, { ratio, percentile });
  const windows = sinceFolded(asked, slownessWindows(trial, spreads)).filter(({ start }) =>
    believed.has(start),
  );
  return { told, slowness: { windows, comparison } };
}
