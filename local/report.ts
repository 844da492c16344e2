import { createHash } from 'node:crypto';
import type { Bound, Cause } from './bounds.ts';
import { FAULTS, type FaultName } from './faults.ts';

/** What came of one seed, small enough to be kept for each of many. */
export interface SeedResult {
  seed: number;
  /** One for each rollout of this world. */
  outcomes: string[];
  bounds: Bound[];
  struck: Partial<Record<FaultName, number>>;
  violations: { promise: string; what: string }[];
  /** Whether a release as good as stable was taken back by the error test; undefined for others, and where its metrics were tampered with. */
  wronged: boolean | undefined;
  digest: string;
}

/** Percentiles of virtual seconds. */
export interface Times {
  count: number;
  p50: number;
  p99: number;
  max: number;
}

/** What the whole simulation came to; a line of JSON. */
export interface Report {
  seeds: number;
  rollouts: number;
  violations: number;
  completed: number;
  reverted: number;
  refused: number;
  superseded: number;
  halted: number;
  unfinished: number;
  /** Uploads of which no rollout came, since no event of them could be handled. */
  neverOpened: number;
  seconds: number;
  perSecond: number;
  /** From an abort's arrival, an alarm's change of state, or a verdict, to 100 % on stable. */
  p99RevertSeconds: number;
  /** By what the canary left for; `decided` is the part until the journal says so, `moved` the part after that. */
  bounds: Record<Cause, Times & { decided: Times; moved: Times }>;
  /** Releases as good as stable whose metrics nothing tampered with. */
  goodReleases: number;
  /** Those of them that the error test took back. */
  wronged: number;
  struck: Partial<Record<FaultName, number>>;
  /** SHA-256 over the histories of all seeds in order. */
  digest: string;
}

/** Puts what came of all seeds together. */
export function reportOf(results: readonly SeedResult[], seconds: number): Report {
  const ordered = results.toSorted((a, b) => a.seed - b.seed);
  const outcomes = ordered.flatMap((result) => result.outcomes);
  const count = (outcome: string) => outcomes.filter((each) => each === outcome).length;
  const bounds = ordered.flatMap((result) => result.bounds);
  const good = ordered.filter(({ wronged }) => wronged !== undefined);
  const struck: Report['struck'] = {};
  for (const result of ordered)
    for (const [fault, times] of Object.entries(result.struck) as [FaultName, number][])
      struck[fault] = (struck[fault] ?? 0) + times;
  const hash = createHash('sha256');
  for (const { digest } of ordered) hash.update(digest);
  const timesOf = (cause: Cause) => {
    const own = bounds.filter((bound) => bound.cause === cause);
    return {
      ...times(own.map((bound) => bound.seconds)),
      decided: times(own.map((bound) => bound.known)),
      moved: times(own.map((bound) => bound.moved)),
    };
  };
  return {
    seeds: ordered.length,
    rollouts: outcomes.length,
    violations: ordered.reduce((sum, { violations }) => sum + violations.length, 0),
    completed: count('completed'),
    reverted: count('reverted'),
    refused: count('refused'),
    superseded: count('superseded'),
    halted: count('halted'),
    unfinished: count('unfinished'),
    neverOpened: ordered.filter((result) => result.outcomes.length === 0).length,
    seconds: round(seconds),
    perSecond: round(outcomes.length / seconds),
    p99RevertSeconds: times(
      bounds.map(({ cause, seconds, moved }) => (cause === 'failing' ? moved : seconds)),
    ).p99,
    bounds: { abort: timesOf('abort'), alarm: timesOf('alarm'), failing: timesOf('failing') },
    goodReleases: good.length,
    wronged: good.filter(({ wronged }) => wronged === true).length,
    struck,
    digest: hash.digest('hex'),
  };
}

function times(values: number[]): Times {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => round(sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0);
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) };
}

const round = (value: number) => Math.round(value * 1000) / 1000;

/** The table of the way out, for the page about safety. */
export function tableOf(report: Report, command: string): string[] {
  const { abort, alarm, failing } = report.bounds;
  const row = (name: string, { count, p50, p99, max }: Times) =>
    `| ${name} | ${p50} | ${p99} | ${max} | ${count} |`;
  return [
    `| virtual seconds | p50 | p99 | max | of |`,
    '|---|---|---|---|---|',
    row('from the arrival of an abort', abort),
    row('from an alarm', alarm),
    row('of these, until the journal knows', alarm.decided),
    row('from the end of the first failing window', failing),
    row('of these, from the verdict on', failing.moved),
    '',
    `\`${command}\`: ${report.rollouts} rollouts, **${report.violations} violations**; completed ${report.completed}, reverted ${report.reverted},`,
    `refused ${report.refused}, superseded ${report.superseded}, halted ${report.halted}, unfinished ${report.unfinished}. Good releases taken back by the`,
    `error test: ${report.wronged} of ${report.goodReleases}. ${report.perSecond} rollouts a second. Histories: \`${report.digest.slice(0, 16)}\`.`,
  ];
}

/** The figures for people. */
export function textOf(report: Report): string[] {
  const row = (name: string, { count, p50, p99, max }: Times) =>
    `  ${name.padEnd(44)} ${[p50, p99, max].map((value) => String(value).padStart(10)).join('')}   of ${count}`;
  const { abort, alarm, failing } = report.bounds;
  const struck = Object.entries(report.struck).toSorted(([, a], [, b]) => b - a);
  return [
    `${report.rollouts} rollouts of ${report.seeds} seeds in ${report.seconds} s, ${report.perSecond} a second: ${report.violations} violations`,
    `  completed ${report.completed}, reverted ${report.reverted}, refused ${report.refused}, superseded ${report.superseded}, halted ${report.halted}, unfinished ${report.unfinished}, never opened ${report.neverOpened}`,
    `  good releases taken back by the error test: ${report.wronged} of ${report.goodReleases}`,
    `${'virtual seconds until all traffic is on stable'.padEnd(46)} ${['p50', 'p99', 'max'].map((name) => name.padStart(10)).join('')}`,
    row('from the arrival of an abort', abort),
    row('from an alarm', alarm),
    row('  of these, until the journal knows', alarm.decided),
    row('  of these, until traffic has moved', alarm.moved),
    row('from the end of the first failing window', failing),
    row('  of these, until a verdict says so', failing.decided),
    row('  of these, until traffic has moved', failing.moved),
    ...(struck.length === 0 ? [] : ['faults that struck:']),
    ...struck.map(
      ([fault, times]) => `  ${String(times).padStart(8)}  ${fault}: ${FAULTS[fault as FaultName].what}`,
    ),
  ];
}
