import { createHash } from 'node:crypto';
import type { Cause as LeavingCause } from '../core/rollout/event.ts';
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
  /** How a release as good as stable ended: completed, taken back by a tick or for another cause, or refused at opening; undefined for others. */
  good: 'completed' | 'error test' | 'too little evidence' | LeavingCause | 'refused' | undefined;
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
  /** How many releases as good as stable ended how, the most frequent first. */
  good: Record<string, number>;
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
    good: tally(ordered.flatMap(({ good }) => good ?? [])),
    struck,
    digest: hash.digest('hex'),
  };
}

function tally(words: string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return Object.fromEntries(Object.entries(counts).toSorted(([, a], [, b]) => b - a));
}

const WRONGED = 'error test';

/** The error test is told of even where it took nothing back. */
const goodOf = ({ good }: Report) =>
  Object.entries({ [WRONGED]: 0, ...good })
    .toSorted(([, a], [, b]) => b - a)
    .map(([how, count]) => `${how} ${count}`)
    .join(', ');

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
    `refused ${report.refused}, superseded ${report.superseded}, halted ${report.halted}, unfinished ${report.unfinished}.`,
    `${report.perSecond} rollouts a second. Histories: \`${report.digest.slice(0, 16)}\`.`,
    '',
    `Releases as good as stable ended so: ${goodOf(report)}.`,
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
    `  releases as good as stable: ${goodOf(report)}`,
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
