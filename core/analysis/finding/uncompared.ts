import { evidenceOfShare, SUSPICIOUS } from '../evidence.ts';
import { isOfClients } from '../metrics.ts';
import { NOTHING, type Settled } from '../settled.ts';
import type { Finding } from '../types.ts';
import { minutesOf } from '../windows.ts';
import { type Answer, type Asked, type Counted, sides } from './asked.ts';
import { words } from './shown.ts';

/** Share of handled 5xx that a canary may surely be above only as `suspect`, if stable counts none to compare with: most services answer fewer. Assumed. */
const UNCOMPARED = 0.05;

/** The same of refused requests, which clients and bots make themselves. Assumed. */
const UNCOMPARED_REFUSED = 0.5;

/**
 * What is said of a target whose serving version counted nothing for this rule at the opening, and still counts nothing: such a rule
 * has no control, so it fails and holds nothing, unless the canary counts its answers and surely fails many of them.
 * @returns `isCompared` once stable counts, so that the rule is judged as any other
 */
export function uncomparedOf(
  asked: Asked,
  settled: Settled,
): { isCompared: true } | { isCompared: false; answer: Answer | undefined } {
  const { rule, target, trial, label } = asked;
  if (rule.blind?.includes(target.name) !== true) return { isCompared: true };
  const { windows, unknown } = settled[rule.metric as Counted] ?? NOTHING;
  // A handler that prints its counts itself may count no refused ones, so that what is not known of those is not missing.
  const isLost = unknown.size > 0 && !isOfClients(rule.metric);
  if (isLost || windows.some(({ stable }) => (stable?.total ?? 0) > 0)) return { isCompared: true };
  const since = windows.filter(({ start }) => start >= (trial.raisedAt ?? Number.POSITIVE_INFINITY));
  const counts = sides(since, since);
  const share = isOfClients(rule.metric) ? UNCOMPARED_REFUSED : UNCOMPARED;
  if (evidenceOfShare(counts.canary, share, target.traits) < SUSPICIOUS)
    return { isCompared: false, answer: undefined };
  const needed = `stable counts no responses to compare with, and the canary ${share === UNCOMPARED ? 'fails' : 'refuses'} more than ${Math.round(share * 100)} % of its own`;
  const reason = `${label}${words(rule, counts, undefined)}; ${needed}`;
  const finding: Finding = {
    ...{ target: target.name, metric: rule.metric, status: 'suspect', ...counts },
    ...{ windows: minutesOf(since), evidence: 0, needed, skipped: [], reason },
  };
  return { isCompared: false, answer: { finding, against: { ...counts, reason }, isCertified: false } };
}

/** What is said of a rule about durations if stable did too little before the raise to know what is slow. */
export function withoutHistory({ rule, target, label }: Asked): Answer {
  const nothing = { bad: 0, total: 0 };
  const needed =
    'stable must have answered enough requests before the raise to know what is slow; look at its metric Latency, which withSpillway(handler, { latency: true }) counts';
  const sides = { canary: nothing, stable: nothing };
  const reason = `${label}${rule.metric}: no threshold; ${needed}`;
  const finding: Finding = {
    ...{ target: target.name, metric: rule.metric, status: 'inconclusive', ...sides },
    ...{ windows: 0, evidence: 0, needed, skipped: [], reason },
  };
  return { finding, against: { ...sides, reason }, isCertified: false };
}
