import type { Rollout } from '../rollout/state.ts';
import { bakeOf, settledUntil } from '../rollout/timing.ts';
import { type Instant, WINDOW_MS } from '../units.ts';
import { compared, number } from '../words.ts';
import { alarmFindings } from './alarms.ts';
import { logEAbsoluteWorse, logEWorse } from './evalue.ts';
import type { Alarm, Count, Finding, Series, Verdict, VerdictStatus, WatchRule, Window } from './types.ts';

/** What a tick saw: the windows of each target and the alarms, or why they could not be read. */
export interface Reading {
  series: Record<string, Series>;
  alarms: Alarm[];
  broken?: string | undefined;
}

/** Probability, over a whole rollout, of taking back a release that is no worse than the watch rules allow. */
export const ALPHA = 0.01;

/** Canary samples without which a step is not passed: a version that fails one request in ten shows a failure among 50 with probability 99.5 % (1 - 0.9^50). */
export const SAMPLES_MIN = 50;

/** Requests that the canary must have been due, by the traffic of stable, before receiving none counts as broken: chance explains it once in e^20. */
const EXPECTED_MIN = 20;

/** Where there is no control (100 %), shares of bad requests below this are not held against a release. */
const GUARD_FLOOR = 0.005;

const RATIO_GRID = [1.5, 2, 3, 5, 10, 30, 100, 500];
const SHARE_GRID = [1.5, 2, 3, 5, 10, 20, 50, 100];

const SEVERITY: VerdictStatus[] = ['pass', 'inconclusive', 'broken', 'fail'];

/** The worst of several statuses; nothing at all is inconclusive, never a pass. */
export function worst(statuses: VerdictStatus[]): VerdictStatus {
  if (statuses.length === 0) return 'inconclusive';
  return SEVERITY[Math.max(...statuses.map((status) => SEVERITY.indexOf(status)))] ?? 'fail';
}

/** How far back a tick reads: the history of stable that stands in as control after promotion. */
export const HISTORY_MS = 15 * WINDOW_MS;

/** The stretch of windows that a tick at `now` reads. */
export function stretch(rollout: Rollout, now: Instant): { from: Instant; to: Instant } {
  const first = Math.floor((rollout.raisedAt ?? now) / WINDOW_MS) * WINDOW_MS;
  return { from: first - HISTORY_MS, to: settledUntil(rollout, now) };
}

/**
 * Judges what a tick saw, on settled windows alone, recomputed from scratch each time: the same reading gives the same
 * verdict, and a late or restated window counts as soon as it is read. A fail may rest on any window since the first
 * raise; a pass rests on the windows of the present step only.
 */
export function judge(rollout: Rollout, reading: Reading, now: Instant): Verdict {
  const bake = bakeOf(rollout);
  const { to } = stretch(rollout, now);
  const from = bake?.from ?? rollout.moves[0] ?? now;
  if (reading.broken !== undefined)
    return { status: 'broken', reason: reading.broken, findings: [], from, to };
  const findings = questions(rollout).map(({ target, rule }) =>
    judgeRule(rollout, target, rule, reading.series[target] ?? {}, { from, to }),
  );
  const alarms = alarmFindings(rollout, reading.alarms);
  const status = worst([...findings, ...alarms].map((finding) => finding.status));
  const reasons = [...alarms, ...findings]
    .filter((finding) => finding.status === status)
    .map((finding) => finding.reason);
  return { status, reason: reasons.join('; ') || 'nothing was watched', findings, from, to };
}

type Stretch = { from: Instant; to: Instant };

function judgeRule(
  rollout: Rollout,
  target: string,
  rule: WatchRule,
  series: Series,
  step: Stretch,
): Finding {
  const windows = (series[rule.metric] ?? []).filter((window) => window.start + WINDOW_MS <= step.to);
  const inStep = windows.filter((window) => window.start >= step.from);
  const isGuarded = rollout.promotedAt !== undefined;
  const here = sides(inStep, isGuarded ? windows : inStep);
  const strongest = against(rollout, rule, windows, isGuarded ? here : undefined);
  const answer = (status: VerdictStatus, { canary, stable }: Sides, more = ''): Finding => ({
    target,
    metric: rule.metric,
    status,
    canary,
    stable,
    windows: inStep.length,
    evidence: strongest.evidence,
    reason: `${label(rollout, target)}${rule.metric}: ${compared(canary, stable)}${more}`,
  });
  if (strongest.evidence >= limit(rollout)) return answer('fail', strongest);
  const missing = whyMissing(rollout, target, here, series);
  if (missing !== undefined) return answer('broken', here, `; ${missing}`);
  const isEnough = here.canary.total >= SAMPLES_MIN && (isGuarded || here.stable.total > 0);
  if (isEnough) return answer('pass', here);
  const why =
    inStep.length === 0
      ? 'no window of this step has settled yet'
      : `a pass needs ${SAMPLES_MIN} canary requests`;
  return answer('inconclusive', here, `; ${why}`);
}

interface Sides {
  canary: Count;
  stable: Count;
}

/** The strongest evidence against the canary, with the counts it rests on: from all compared windows, and after promotion from the guard. */
function against(
  rollout: Rollout,
  rule: WatchRule,
  windows: Window[],
  guarded: Sides | undefined,
): Sides & { evidence: number } {
  const compared = comparable(rollout, windows);
  const ratio = {
    ...sides(compared, compared),
    evidence: evidenceOf(rule, compared, plannedWindows(rollout)),
  };
  if (guarded === undefined) return ratio;
  const absolute = {
    ...guarded,
    evidence: absoluteEvidence(guarded.canary, guardShare(rule, guarded.stable)),
  };
  return absolute.evidence > ratio.evidence ? absolute : ratio;
}

function sides(canary: Window[], stable: Window[]): Sides {
  return {
    canary: sum(canary.map((window) => window.canary)),
    stable: sum(stable.map((window) => window.stable)),
  };
}

function label(rollout: Rollout, target: string): string {
  return rollout.opening.targets.length > 1 ? `${target} ` : '';
}

/** Every rule of every target that can be asked: only HTTP targets answer with a status. */
function questions({ opening }: Rollout): { target: string; rule: WatchRule }[] {
  return opening.targets.flatMap(({ name, source }) =>
    opening.watch
      .filter((rule) => rule.metric !== 'http5xx' || source === 'http')
      .map((rule) => ({ target: name, rule })),
  );
}

/** One alpha for the whole rollout, shared evenly by its questions (union bound). */
function limit(rollout: Rollout): number {
  return Math.log(questions(rollout).length / ALPHA);
}

/** Windows since the first raise, before promotion, with both sides, in which no traffic moved and the reads agree. */
function comparable(rollout: Rollout, windows: Window[]): Window[] {
  const end = rollout.promotedAt ?? Number.POSITIVE_INFINITY;
  return windows.filter(
    ({ start, canary, stable }) =>
      start >= (rollout.moves[0] ?? Number.POSITIVE_INFINITY) &&
      start + WINDOW_MS <= end &&
      isCoherent(canary) &&
      isCoherent(stable) &&
      !rollout.moves.some((at) => at > start && at < start + WINDOW_MS),
  );
}

function isCoherent(count: Count | undefined): boolean {
  return count !== undefined && count.total > 0 && count.bad >= 0 && count.bad <= count.total;
}

function sum(counts: (Count | undefined)[]): Count {
  const coherent = counts.filter((count): count is Count => isCoherent(count));
  return {
    bad: coherent.reduce((total, count) => total + count.bad, 0),
    total: coherent.reduce((total, count) => total + count.total, 0),
  };
}

/** Evidence that the canary breaks the rule, from windows in which both versions met the same minute. */
function evidenceOf(rule: WatchRule, windows: Window[], planned: number): number {
  if ('share' in rule) return absoluteEvidence(sum(windows.map((window) => window.canary)), rule.share);
  return logEWorse({
    windows: windows.map(({ canary, stable }) => ({
      c: canary?.bad ?? 0,
      nc: canary?.total ?? 0,
      s: stable?.bad ?? 0,
      ns: stable?.total ?? 0,
    })),
    grid: RATIO_GRID,
    T: planned,
    head: 0.5,
    w0: rule.ratio,
    m: 1,
  });
}

function absoluteEvidence({ bad, total }: Count, share: number): number {
  if (total === 0) return 0;
  const shares = SHARE_GRID.map((factor) => Math.min(0.999, share * factor)).filter((p) => p > share);
  return shares.length === 0 ? 0 : logEAbsoluteWorse({ c: bad, n: total, p0: share, p1: shares });
}

function guardShare(rule: WatchRule, stable: Count): number {
  if ('share' in rule) return rule.share;
  return Math.min(
    0.99,
    Math.max(GUARD_FLOOR, stable.total === 0 ? 0 : (rule.ratio * stable.bad) / stable.total),
  );
}

/** Windows this plan takes at its longest; fixed before the start, as the evidence needs it to be. */
function plannedWindows({ opening }: Rollout): number {
  const seconds = opening.plan.steps.reduce(
    (total, step) => total + step.maxBakeSeconds + opening.settleSeconds,
    0,
  );
  return Math.max(2, Math.ceil((seconds * 1000) / WINDOW_MS));
}

/** Why a canary without samples is a measuring fault rather than a quiet service; undefined where it may be either. */
function whyMissing(
  rollout: Rollout,
  target: string,
  { canary, stable }: Sides,
  series: Series,
): string | undefined {
  const weight = rollout.traffic[target]?.weight ?? 0;
  if (canary.total > 0 || weight === 0 || weight === 100) return undefined;
  const due = Math.round((stable.total * weight) / (100 - weight));
  if (due < EXPECTED_MIN) return undefined;
  const invocations = sum((series.errors ?? []).map((window) => window.canary)).total;
  return invocations > 0
    ? `the canary ran ${number(invocations)} times but counts no responses; wrap its handler with withSpillway`
    : `the canary was due about ${number(due)} requests at ${weight} % and CloudWatch shows none; look at its metrics and at the alias`;
}
