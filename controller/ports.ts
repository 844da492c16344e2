import type { Access, Route } from '../core/people/access.ts';
import type { Sink } from '../core/people/notice.ts';
import type { Transition } from '../core/people/transition.ts';
import type {
  Agenda,
  AlarmSource,
  Budget,
  Clicks,
  Clock,
  Commands,
  Completions,
  DeadLetters,
  Executions,
  HookCheck,
  HookRunner,
  Journal,
  LiveSites,
  MetricSource,
  Notes,
  Openings,
  OwnSecret,
  Publisher,
  ReleaseStore,
  Reports,
  SlackReplies,
  Tokens,
  TrafficRouter,
  Visits,
  Watchdog,
} from '../core/ports.ts';
import type { Counts } from '../core/rollout/counts.ts';
import type { ReportLimits } from '../core/site/report.ts';
import type { TargetKinds } from '../core/target-kind.ts';

/** What may stand in a line of the log. */
export type Line = Record<string, string | number | string[]>;

/** What the controller says of itself. */
export interface Observer {
  /** Adds to the counts of this call; they are written when it ends. A call that is repeated counts again. */
  count(counts: Counts): void;
  /** Writes one line. */
  log(message: string, line: Line): void;
  /** Writes one line that somebody may want to look for. */
  warn(message: string, line: Line): void;
}

/** Where everybody outside of the controller can subscribe to what happens to rollouts. */
export interface Announcer {
  /** Announces them in this order, each at least once. @throws RolloutError Unavailable if some were not taken just now; Error if one never will be */
  announce(transitions: Transition[]): Promise<void>;
}

/** Everything a function may use. Which one may touch what on AWS stands in the infrastructure's table of grants. */
export interface Ports {
  /** The environment this controller serves. */
  environment: string;
  /** Where the parts of this controller are, for the command line. */
  about: { environment: string; bucket: string; scheduleGroup: string };
  /** The kinds of targets that a rollout file may name. */
  kinds: TargetKinds;
  clock: Clock;
  journal: Journal;
  budget: Budget;
  router(kind: string): TrafficRouter;
  publisher(kind: string): Publisher;
  /** Restores the code of stable in `$LATEST`, through the function that publishes: a revert has no right to change code. */
  restoreCode(rolloutId: string, target: string): Promise<void>;
  metrics: MetricSource;
  alarms: AlarmSource;
  hooks(kind: string): HookRunner;
  hookCheck(kind: string): HookCheck;
  executions: Executions;
  /** Hands an opening to OpenRollout, which alone may start a rollout's first execution. */
  openings: Openings;
  watchdog: Watchdog;
  releases: ReleaseStore;
  completions: Completions;
  tokens: Tokens;
  /** Who people are, and what they may do. */
  access: Access;
  commands: Commands;
  clicks: Clicks;
  slackReplies: SlackReplies;
  /** By what Slack signs; empty if there is no app in Slack. */
  slackSecret: OwnSecret;
  /** The address of the public API; absent if there is none, or it knows its own. */
  publicUrl: string | undefined;
  /** How this deployment proves itself to the provider that people sign in at, and how it is asked. */
  provider: { clientSecret: OwnSecret; fetch: typeof globalThis.fetch };
  observer: Observer;
  announcer: Announcer;
  notes: Notes;
  deadLetters: DeadLetters;
  agenda: Agenda;
  reports: Reports;
  liveSites: LiveSites;
  visits: Visits;
  /** What this instance of a function remembers of the reports that it took. */
  reportLimits: ReportLimits;
  /** Where a route leads; undefined if this deployment has nothing to post there with. */
  sinks(route: Route): Promise<Sink | undefined>;
}

/** Some of the ports: a function gets those it names and can touch nothing else. */
export type Needs<Names extends keyof Ports> = Pick<Ports, Names>;

/** What opening a rollout takes. */
export type Opens =
  | 'access'
  | 'alarms'
  | 'budget'
  | 'clock'
  | 'completions'
  | 'environment'
  | 'executions'
  | 'hookCheck'
  | 'journal'
  | 'kinds'
  | 'metrics'
  | 'observer'
  | 'releases'
  | 'router'
  | 'watchdog';
