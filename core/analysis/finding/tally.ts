import { agesOf, effective, grouped, metIn } from '../groups.ts';
import { historyOf, type SlowFrom, slowFrom, slowWindows, together } from '../latency.ts';
import { type Believed, believable, knownOf, NOTHING, type Settled } from '../settled.ts';
import { type Comparison, comparisonFrom, slownessWindows, TAIL_MIN_MS } from '../slowdown.ts';
import type { SpreadWindow } from '../types.ts';
import { isLatency } from '../weights.ts';
import { comparedWindows } from '../windows.ts';
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
  /** True while so few environments have served the canary that more is tolerated. */
  isFew: boolean;
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
  const comparison = comparisonFrom(before, { ratio, percentile, shortest: TAIL_MIN_MS });
  const windows = sinceFolded(asked, slownessWindows(trial, spreads)).filter(({ start }) =>
    believed.has(start),
  );
  const isFew = servedByFew(asked, settled);
  return {
    told,
    slowness: {
      windows: windows.map((window) => (isFew(window.start) ? { ...window, isFew: true } : window)),
      comparison,
      isFew: isFew(Number.POSITIVE_INFINITY),
    },
  };
}

/** Groups of environments below which their own luck may be what is seen of durations. A judgement. */
const FEW = 2;

/**
 * Whether so few environments served the canary in the minutes before one that their own speed may be what is seen in it. Answers are
 * counted by environment, or else nothing is known of how many there are.
 */
function servedByFew({ trial, target, folded }: Rule, settled: Settled): (start: number) => boolean {
  const answers = knownOf(settled.http5xx);
  const windows = grouped(comparedWindows(trial, answers), agesOf(answers), true).filter(
    ({ start }) => start >= (folded?.end ?? Number.NEGATIVE_INFINITY),
  );
  const before = folded?.targets[target.name]?.met;
  const isCounted =
    before !== undefined ||
    answers.some(({ stable }) => (stable?.ages?.groups ?? []).some(({ total }) => total > 0));
  return (start) =>
    isCounted &&
    effective(
      metIn(
        windows.filter((window) => window.start < start),
        before,
      ),
    ) < FEW;
}
