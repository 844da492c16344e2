import type { Plan } from '../plan/plan.ts';
import { weightText } from '../plan/segments.ts';
import { compared, duration, number } from '../words.ts';
import { ALPHA, FAILURE_BETS, FLOOR } from './evidence.ts';
import type { Answer, Asked } from './finding/asked.ts';
import { suspicionOf } from './finding/worse.ts';
import { metricsWith } from './metrics.ts';
import { logMeanExp } from './mixture.ts';
import { fewest, tenfold, wouldShow } from './power.ts';
import { NO_PROBES, withProbes } from './probe-counts.ts';
import type { Count, Finding, Metric, ProbeCounts, Probing, WatchRule } from './types.ts';
import { weightsOf } from './weights.ts';

/** What a probe can stand in for. */
const SEEN_BY_PROBES: readonly Metric[] = metricsWith(({ isSeenByProbes }) => isSeenByProbes);

/** Requests to AWS Lambda in dollars each, without their duration (Lambda price list: 0.20 for a million). */
const DOLLARS_EACH = 0.2e-6;

/** Pairs of which only one side failed. */
interface Discordant {
  canaryOnly: number;
  stableOnly: number;
}

/**
 * Log evidence that the canary fails probes with more than `w0` times stable's odds: under that odds, at every moment a pair
 * was run, its mean is at most 1. Both probes of a pair run at once, so an outage that meets both says nothing.
 * The order of the pairs does not matter, and a pair that both pass or both fail leaves it as it is.
 * Source: of the pairs with one failure the canary's are at most w0 / (1 + w0) (McNemar 1947); mean of likelihood ratios, Ville 1939.
 */
export function logEPairs({ canaryOnly, stableOnly }: Discordant, w0: number): number {
  const chance = w0 / (1 + w0);
  return logMeanExp(
    FAILURE_BETS.map(
      (bet) => canaryOnly * Math.log(bet) - (canaryOnly + stableOnly) * Math.log1p(chance * (bet - 1)),
    ),
  );
}

/** What the probes of one target say, those of this tick included; `rules` say how much worse the canary may be. */
export function probeAnswer(
  { trial, target, required, label }: Omit<Asked, 'rule'>,
  rules: readonly WatchRule[],
  tick: Record<string, ProbeCounts> | undefined,
): Answer {
  const w0 = toleratedOdds(rules);
  const probes = withProbes(trial.probes, tick, trial.isStanding);
  const { all, step } = probes?.[target.name] ?? { all: NO_PROBES, step: NO_PROBES };
  const evidence = logEPairs(discordant(all), w0);
  const here = sidesOf(step);
  const wanting = probesNeeded(here, w0, required);
  const suspicion = suspicionOf(evidence);
  const needed = suspicion ?? wanting;
  const skipped =
    all.skipped === 0
      ? []
      : [`${number(all.skipped)} pairs could not be run, last because ${all.skippedWhy}`];
  const said = (counts: typeof here, ...more: (string | undefined)[]) =>
    [`${label}probes: ${compared(counts.canary, counts.stable)}`, ...more].filter(Boolean).join('; ');
  const failure = all.failure && `last: ${all.failure}`;
  const finding: Finding = {
    ...{ target: target.name, metric: 'probes' },
    status: suspicion !== undefined ? 'suspect' : wanting !== undefined ? 'inconclusive' : 'pass',
    ...{ ...here, windows: step.ticks, evidence, needed, skipped },
    reason: said(here, needed, ...skipped),
  };
  const covered: Finding = { ...finding, status: 'pass', needed: undefined, reason: said(here, ...skipped) };
  return {
    finding,
    against: { ...sidesOf(all), reason: said(sidesOf(all), failure) },
    isCertified: true,
    ...(finding.status === 'inconclusive' ? { covered } : {}),
  };
}

/**
 * Lets probes make up for too few requests, and requests for too few probes; if neither is enough, both say what is
 * missing. `byProbes` is true if a rule passes by probes alone.
 */
export function covered<Given extends Answer>(
  answers: readonly Given[],
  probes: Given | undefined,
): { answers: Given[]; byProbes: boolean } {
  if (probes === undefined) return { answers: [...answers], byProbes: false };
  const isShort = ({ finding, covered }: Answer) =>
    covered !== undefined && SEEN_BY_PROBES.includes(finding.metric);
  if (!answers.some(isShort))
    return {
      answers: [...answers, { ...probes, finding: probes.covered ?? probes.finding }],
      byProbes: false,
    };
  const byProbes = probes.finding.status === 'pass';
  const made = answers.map((answer) =>
    byProbes && isShort(answer) && answer.covered !== undefined
      ? { ...answer, finding: answer.covered }
      : answer,
  );
  return { answers: [probes, ...made], byProbes };
}

/** What is put to both versions, and how often. */
export function eachProbe({ everySeconds, smoke }: Probing): string {
  const tests = smoke.length === 1 ? 'one smoke test' : `${smoke.length} smoke tests in turn`;
  return `${tests} through both versions every ${duration(everySeconds)}`;
}

/**
 * What is known of a plan's probes before a rollout: how many, how long they take by themselves, and what they cost.
 * `isEnough` is true if some step has that time.
 */
export function probeSight(
  { everySeconds, smoke }: Probing,
  { alpha = ALPHA, steps, verifySeconds }: Plan,
  rules: readonly WatchRule[],
): { lines: string[]; isEnough: boolean } {
  const weight = weightsOf([...rules.map(({ metric }) => metric), 'traffic', 'probes']).get('probes') ?? 1;
  const none = { canary: { bad: 0, total: 0 }, stable: { bad: 0, total: 0 } };
  const pairs = pairsNeeded(none, toleratedOdds(rules), -Math.log(alpha * weight)) ?? 0;
  const seconds = pairs * everySeconds;
  const anHour = Math.round((2 * 3600) / everySeconds);
  const dollars = (anHour * DOLLARS_EACH).toPrecision(1);
  const tooShort = [
    ...steps
      .filter(({ maxBakeSeconds }) => maxBakeSeconds < seconds)
      .map(
        ({ weight, maxBakeSeconds }) =>
          `${weightText(steps, weight)} for ${duration(maxBakeSeconds)} at most`,
      ),
    ...(verifySeconds > 0 && verifySeconds < seconds ? [`verify for ${duration(verifySeconds)}`] : []),
  ];
  const lines = [
    `Probes: ${eachProbe({ everySeconds, smoke })}; a step passes by probes alone after about ${number(pairs)} pairs without a failure, ${duration(seconds)}.`,
    `They are about ${number(anHour)} invocations an hour and target while the canary has traffic: $${dollars} for the requests, and what their duration costs.`,
    ...(tooShort.length === 0 ? [] : [`Too short to pass by probes alone: ${tooShort.join(', ')}.`]),
  ];
  return { lines, isEnough: steps.some(({ maxBakeSeconds }) => maxBakeSeconds >= seconds) };
}

function toleratedOdds(rules: readonly WatchRule[]): number {
  const ratios = rules.flatMap((rule) =>
    rule.metric !== 'throttles' && SEEN_BY_PROBES.includes(rule.metric) && 'ratio' in rule
      ? [rule.ratio]
      : [],
  );
  return Math.max(1, ...ratios);
}

function discordant({ canary, stable, both }: ProbeCounts): Discordant {
  return { canaryOnly: canary - both, stableOnly: stable - both };
}

function sidesOf({ pairs, canary, stable }: ProbeCounts): { canary: Count; stable: Count } {
  return { canary: { bad: canary, total: pairs }, stable: { bad: stable, total: pairs } };
}

function probesNeeded(
  sides: { canary: Count; stable: Count },
  w0: number,
  required: number,
): string | undefined {
  const pairs = pairsNeeded(sides, w0, required);
  if (pairs === undefined)
    return 'stable fails so many of them itself that no number could tell; write `probe: false` at tests of what is new';
  return sides.canary.total >= pairs ? undefined : `a pass by probes needs about ${number(pairs)} of them`;
}

/** Pairs after which a canary that fails ten times as many as stable, and 5 % at least, would have shown; undefined if none would do. */
function pairsNeeded(
  { canary, stable }: { canary: Count; stable: Count },
  w0: number,
  required: number,
): number | undefined {
  const share = stable.total === 0 ? 0 : stable.bad / stable.total;
  const isEnough = (total: number) =>
    wouldShow(total, tenfold(stable, FLOOR), (bad) => {
      const pairs = { canaryOnly: bad * (1 - share), stableOnly: share * (total - bad) };
      return logEPairs(pairs, w0) >= required;
    });
  if (isEnough(canary.total)) return canary.total;
  return fewest((total) => total >= canary.total && isEnough(total));
}
