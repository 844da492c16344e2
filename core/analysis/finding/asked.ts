import type { Target } from '../../target.ts';
import { type Instant, WINDOW_MS } from '../../units.ts';
import { CUSTOM_BETS, FAILURE_BETS, LATENCY_BETS, type Question } from '../evidence.ts';
import type { Carried, Folded } from '../folded.ts';
import { agesOf, type GroupedWindow, grouped } from '../groups.ts';
import { LATENCY_ODDS } from '../latency.ts';
import { isOfAnswers, isOfFailures } from '../metrics.ts';
import type { Part } from '../parts.ts';
import { knownOf, type Settled } from '../settled.ts';
import { isSettling, SETTLING_STAKE, settleOdds, stableBefore } from '../settling.ts';
import type { Course, Trial } from '../trial.ts';
import type { Count, Doubt, Finding, Metric, WatchRule, Window } from '../types.ts';
import { isLatency } from '../weights.ts';
import { type ComparedWindow, sum } from '../windows.ts';
import { isOfCommon } from './tolerated.ts';

/** A metric whose windows are counts. */
export type Counted = Exclude<Metric, 'latency' | 'probes'>;

/** A rule of one target, and what is known of the windows before those that are read. */
export interface Rule {
  trial: Trial;
  target: Target;
  rule: WatchRule;
  /** The settled stretch of the present step. */
  step: { from: Instant; to: Instant };
  /** What earlier ticks read; absent if this one reads it all. */
  folded?: Folded | undefined;
}

/** A rule as it is put to one target. */
export interface Asked extends Rule {
  /** The settled stretch of the present step; counts after `until`, where its bake ends, may be late without holding it. */
  step: { from: Instant; to: Instant; until: Instant };
  /** Evidence that this metric alone must reach to revert the release. */
  required: number;
  label: string;
}

/** What one rule says by itself. Whether it fails is decided by the evidence of all rules together. */
export interface Answer {
  finding: Finding;
  /** The counts that the evidence rests on, and the words for them, for the case that it reverts the release. */
  against: Pick<Finding, 'canary' | 'stable' | 'reason'>;
  /** True if this step's counts prove the canary safe by themselves. */
  isCertified: boolean;
  /** Why the target is in doubt by this rule; absent if it is not. */
  doubt?: Doubt | undefined;
  /** True if an earlier reading showed more, and by the least of what both show the canary may be no worse than the rule allows. */
  isShort?: boolean | undefined;
  /** The finding as it stands if something else makes up for too few samples; absent if that is not what is missing. */
  covered?: Finding | undefined;
}

/** Counts of both versions. */
export interface Sides {
  canary: Count;
  stable: Count;
}

/** The counts of the canary in some windows and of stable in some, which may be others. */
export function sides(canary: readonly Window[], stable: readonly Window[]): Sides {
  return {
    canary: sum(canary.map((window) => window.canary)),
    stable: sum(stable.map((window) => window.stable)),
  };
}

/** What is bet with: the tolerated odds and how the failures of this target come together. */
export function questionOf(
  { trial, rule, target }: Pick<Rule, 'trial' | 'rule' | 'target'>,
  part?: Part,
): Question {
  const isSlow = isLatency(rule.metric);
  const isExact = isOfCommon(rule);
  return {
    w0: isSlow ? LATENCY_ODDS : 'ratio' in rule ? rule.ratio : 1,
    planned: part?.planned ?? plannedWindows(trial),
    bets: isSlow ? LATENCY_BETS : isExact ? CUSTOM_BETS : (part?.bets ?? FAILURE_BETS),
    clustering: target.traits,
    head: part?.head,
    ...(isExact ? { isExact } : {}),
  };
}

/**
 * The windows of a rule about failures with what is tolerated in them while environments are new, and with who answered. `all` are those
 * of which stable's history is.
 */
export function aged(
  { trial, rule }: Pick<Rule, 'trial' | 'rule'>,
  windows: readonly ComparedWindow[],
  { all, settled }: { all: readonly Window[]; settled: Settled },
): GroupedWindow[] {
  if (!('ratio' in rule) || !isOfFailures(rule.metric)) return [...windows];
  const w0 = settleOdds(stableBefore(trial, all), rule.ratio);
  const tolerant = windows.map((window) =>
    isSettling(trial, window.start) ? { ...window, w0, stake: SETTLING_STAKE } : window,
  );
  return grouped(tolerant, agesOf(knownOf(settled.http5xx)), isOfAnswers(rule.metric));
}

/** Windows this plan takes at its longest; fixed before the start, as the evidence needs it to be. */
export function plannedWindows({ opening }: Course): number {
  const seconds = opening.plan.steps
    .filter(({ isHoldout }) => isHoldout !== true)
    .reduce((total, step) => total + step.maxBakeSeconds + opening.settleSeconds, 0);
  return Math.max(2, Math.ceil((seconds * 1000) / WINDOW_MS));
}

/** What earlier windows left of the evidence under this key. */
export const carriedOf = ({ folded, target }: Rule, key: string): Carried | undefined =>
  folded?.targets[target.name]?.tests[key];

/** The windows after those whose evidence is carried. */
export function sinceFolded<W extends { start: Instant }>({ folded }: Rule, windows: readonly W[]): W[] {
  return windows.filter(({ start }) => start >= (folded?.end ?? Number.NEGATIVE_INFINITY));
}

/** True at a step that its plan wants to see so many requests in; nothing else can make up for them. */
export const isCounted = ({ opening, step }: Trial) => opening.plan.steps[step]?.untilRequests !== undefined;

/** Whether the canary serves this target alone, where stable beside it is no control; others may still be on their way. */
export const servesAlone = ({ trial: { traffic }, target }: Asked): boolean =>
  traffic[target.name]?.weight === 100;

/** The counts of windows in which the canary was counted, as the evidence takes them. */
export function countsIn(windows: readonly Window[]): ComparedWindow[] {
  return windows.flatMap(({ start, canary, stable }) =>
    canary === undefined
      ? []
      : [{ start, c: canary.bad, nc: canary.total, s: stable?.bad ?? 0, ns: stable?.total ?? 0 }],
  );
}
