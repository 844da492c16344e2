import { createHash } from 'node:crypto';
import type { Cause as LeavingCause } from '../core/rollout/event.ts';
import { counted } from '../core/words.ts';
import type { Bound, Cause } from './bounds.ts';
import { FAULTS, type FaultName } from './faults.ts';

/** How a release ended: completed, reverted by a tick or for another cause, or refused at opening. */
export type End =
  | 'completed as proven'
  | 'completed as unproven'
  | 'failed verdict'
  | 'too little evidence'
  | 'alarm or hook'
  | Exclude<LeavingCause, 'canary'>
  | 'refused';

/** What came of one seed, small enough to be kept for each of many. */
export interface SeedResult {
  seed: number;
  /** One for each rollout of this world. */
  outcomes: string[];
  bounds: Bound[];
  struck: Partial<Record<FaultName, number>>;
  violations: { promise: string; what: string }[];
  /** Whether its release was as good as stable, or failed at least five times as often from its first request on; undefined if it was neither. */
  release: 'good' | 'bad' | undefined;
  end: End;
  /** Verdicts that found a canary to look worse. */
  suspicions: number;
  /** Recalls that doubt led to. */
  recalls: number;
  digest: string;
}

/** Percentiles of virtual seconds. */
interface Times {
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
  /** Each canary that took longer than 30 s from the abort, the alarm or the verdict on, and its seed, which needs a reason. */
  slow: { seed: number; cause: Cause; seconds: number }[];
  /** How many releases ended how, of those as good as stable and of those that fail at least five times as often from their first request on, the most frequent first. */
  ends: Record<'good' | 'bad', Partial<Record<End, number>>>;
  struck: Partial<Record<FaultName, number>>;
  /** Worlds in which a canary looked worse to a verdict. */
  suspicious: number;
  /** Worlds in which doubt returned a canary to less traffic. */
  recalled: number;
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
    p99RevertSeconds: times(bounds.map(sinceDecided)).p99,
    bounds: { abort: timesOf('abort'), alarm: timesOf('alarm'), failing: timesOf('failing') },
    slow: ordered.flatMap(({ seed, bounds }) =>
      bounds
        .map((bound) => ({ seed, cause: bound.cause, seconds: round(sinceDecided(bound)) }))
        .filter(({ seconds }) => seconds > SLOW_SECONDS),
    ),
    ends: { good: endsOf('good', ordered), bad: endsOf('bad', ordered) },
    struck,
    suspicious: ordered.filter(({ suspicions }) => suspicions > 0).length,
    recalled: ordered.filter(({ recalls }) => recalls > 0).length,
    digest: hash.digest('hex'),
  };
}

/** Past this a revert needs a reason (docs/safety.md names them). */
const SLOW_SECONDS = 30;

/** From the abort, the alarm or the verdict on. */
const sinceDecided = ({ cause, seconds, moved }: Bound) => (cause === 'failing' ? moved : seconds);

function endsOf(kind: SeedResult['release'], results: readonly SeedResult[]): Report['ends']['good'] {
  const counts: Partial<Record<End, number>> = {};
  for (const { release, end } of results) if (release === kind) counts[end] = (counts[end] ?? 0) + 1;
  return Object.fromEntries(Object.entries(counts).toSorted(([, a], [, b]) => b - a));
}

/** What must not be, or hardly ever, is reported even if it never was. */
function told(ends: Partial<Record<End, number>>, unwanted: End): string {
  return Object.entries({ [unwanted]: 0, ...ends })
    .toSorted(([, a], [, b]) => b - a)
    .map(([how, count]) => `${how} ${count}`)
    .join(', ');
}

function times(values: number[]): Times {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => round(sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0);
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) };
}

const round = (value: number) => Math.round(value * 1000) / 1000;

/** The table of reverts, for the page about safety. */
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
    `\`${command}\`: ${counted(report.rollouts, 'rollout')}, **${counted(report.violations, 'violation')}**; completed ${report.completed}, reverted ${report.reverted},`,
    `refused ${report.refused}, superseded ${report.superseded}, halted ${report.halted}, unfinished ${report.unfinished}.`,
    `${report.perSecond} rollouts a second. Histories: \`${report.digest.slice(0, 16)}\`.`,
    '',
    `Releases as good as stable ended so: ${told(report.ends.good, 'failed verdict')}.`,
    `Releases that fail at least five times as often as stable from their first request on: ${told(report.ends.bad, 'completed as proven')}.`,
  ];
}

/** The figures for people. */
export function textOf(report: Report): string[] {
  const row = (name: string, { count, p50, p99, max }: Times) =>
    `  ${name.padEnd(44)} ${[p50, p99, max].map((value) => String(value).padStart(10)).join('')}   of ${count}`;
  const { abort, alarm, failing } = report.bounds;
  const struck = Object.entries(report.struck).toSorted(([, a], [, b]) => b - a);
  return [
    `${counted(report.rollouts, 'rollout')} of ${counted(report.seeds, 'seed')} in ${report.seconds} s, ${report.perSecond} a second: ${counted(report.violations, 'violation')}`,
    `  completed ${report.completed}, reverted ${report.reverted}, refused ${report.refused}, superseded ${report.superseded}, halted ${report.halted}, unfinished ${report.unfinished}, never opened ${report.neverOpened}`,
    `  releases as good as stable: ${told(report.ends.good, 'failed verdict')}`,
    `  releases that fail five times as often: ${told(report.ends.bad, 'completed as proven')}`,
    `  worlds in which doubt recalled a canary: ${report.recalled}`,
    `${'virtual seconds until all traffic is on stable'.padEnd(46)} ${['p50', 'p99', 'max'].map((name) => name.padStart(10)).join('')}`,
    row('from the arrival of an abort', abort),
    row('from an alarm', alarm),
    row('  of these, until the journal knows', alarm.decided),
    row('  of these, until traffic has moved', alarm.moved),
    row('from the end of the first failing window', failing),
    row('  of these, until a verdict says so', failing.decided),
    row('  of these, until traffic has moved', failing.moved),
    ...(report.slow.length === 0
      ? []
      : [
          `longer than ${SLOW_SECONDS} s from the abort, the alarm or the verdict on: ${report.slow.map(({ seed, seconds }) => `seed ${seed} (${seconds} s)`).join(', ')}`,
        ]),
    ...(struck.length === 0 ? [] : ['faults that struck:']),
    ...struck.map(
      ([fault, times]) => `  ${String(times).padStart(8)}  ${fault}: ${FAULTS[fault as FaultName].what}`,
    ),
  ];
}
