import type { Target } from '../target.ts';
import { isOfAnswers, isOfClients, isOfFailures, metricTraits } from './metrics.ts';
import type { Metric, WatchRule } from './types.ts';

/** How the stake against a release is split, before absent groups give theirs to the others. */
const GROUPS: { share: number; has: (metric: Metric) => boolean }[] = [
  { share: 0.5, has: isOfFailures },
  { share: 0.2, has: isLatency },
  { share: 0.05, has: isOfClients },
  { share: 0.1, has: (metric) => metricTraits(metric)?.stake === 'throttles' },
  { share: 0.1, has: (metric) => metric === 'traffic' },
  { share: 0.2, has: (metric) => metric === 'probes' },
  { share: 0.1, has: (metric) => metric.startsWith('custom.') },
];

/** True for a rule about slow requests: `latency`, or a percentile such as `p95`. */
export function isLatency(metric: Metric): metric is 'latency' | `p${number}` {
  return metric === 'latency' || /^p\d/.test(metric);
}

/** The rules of a target: not all of them answer with a status. */
export function rulesFor({ traits }: Pick<Target, 'traits'>, rules: readonly WatchRule[]): WatchRule[] {
  return rules.filter(({ metric }) => !isOfAnswers(metric) || traits.counts.includes('answers'));
}

/** What a tick reads of a target: what it is watched by, and what Lambda itself counts, by which requests are seen to arrive. */
export function readFor(target: Target, rules: readonly WatchRule[]): WatchRule[] {
  const asked = rulesFor(target, rules);
  const isCounted = asked.some(({ metric }) => metric === 'errors');
  return asked.length === 0 || isCounted ? asked : [...asked, { metric: 'errors', ratio: 1 }];
}

/**
 * Each metric's part of the stake of one target; the parts add up to 1. A mean of e-values with weights fixed before the
 * start is an e-value, whatever the metrics have to do with one another, so that one alpha stands for all.
 */
export function weightsOf(metrics: readonly Metric[]): Map<Metric, number> {
  const groups = GROUPS.map(({ share, has }) => ({ share, members: metrics.filter(has) }));
  const present = groups.filter(({ members }) => members.length > 0);
  const total = present.reduce((sum, { share }) => sum + share, 0);
  return new Map(
    present.flatMap(({ share, members }) =>
      members.map((metric) => [metric, share / total / members.length] as const),
    ),
  );
}
