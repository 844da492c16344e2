import type { Alarm, LimitRule, SecretRef, Series, WatchRule } from './analysis/types.ts';
import type { Artifact } from './config/artifact.ts';
import type { Errand } from './people/errand.ts';
import type { Click } from './people/slack-click.ts';
import type { Plan } from './plan/plan.ts';
import type { Actor } from './rollout/actor.ts';
import type { CommandRequest, Once } from './rollout/command-request.ts';
import type {
  Hook,
  HookStatus,
  Made,
  Opening,
  Quarantined,
  RevertBy,
  RevertedTarget,
  RolloutEvent,
} from './rollout/event.ts';
import type { FencingToken } from './rollout/fencing-token.ts';
import type { Rollout } from './rollout/state.ts';
import type { LiveSite } from './site/report.ts';
import type { Target } from './target.ts';
import type { Instant, Percent, Seconds } from './units.ts';

/** The time as everybody in the controller sees it. */
export interface Clock {
  now(): Instant;
  /** Resolves once `ms` have passed; never if `signal` is aborted before. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** What a service last did and what it waits for. */
export interface ServiceRecord {
  /** Releases that were reverted for a fault of their own; automation does not retry them. */
  quarantined?: Quarantined[] | undefined;
  /** The newest release of this service that completed here. */
  completed?: Completed | undefined;
  /** Good releases that served before that one, newest first, ten at most: a rollback goes to the first of them that can still serve. */
  earlier?: Completed[] | undefined;
  /** The one release that waits for the present rollout to end. */
  waiting?: Waiting | undefined;
  /** When canaries that did not stay had traffic in the day before, oldest first; absent if there were none. */
  tried?: Tried[] | undefined;
  /** Which state of this it is, but for who waits: every end of a rollout raises it, and every lifted quarantine. Absent before the first. */
  seq?: number | undefined;
}

/** When the canary of an attempt had traffic. */
export interface Tried {
  from: Instant;
  to: Instant;
}

/** A release that completed, the rollout that brought it, and what then served each target of its service. */
export interface Completed {
  release: string;
  order: number;
  /** Absent if no rollout of this controller brought it: it served before the first one, or somebody else put it there. */
  rolloutId?: string | undefined;
  /** The manifest that asked for it; absent as the rollout is. */
  manifest?: Opening['manifest'] | undefined;
  /** What each of its targets served when it completed; absent in a record from before this was remembered. */
  made?: Record<string, Made> | undefined;
  /** Absent as well in a record from before. */
  targets?: Served[] | undefined;
}

/** A target and the version that served it alone. */
export interface Served
  extends Pick<Target, 'name' | 'kind' | 'key' | 'ref' | 'source' | 'traits' | 'replaced'> {
  version: string;
}

/** A release that waits for the present rollout to end. */
export interface Waiting {
  release: string;
  attempt: number;
  order: number;
  manifest: Opening['manifest'];
}

/** A wait's way to be woken early. */
export interface HoldToken {
  /** The version of the rollout that is being waited on. */
  version: number;
  token: string;
}

/** The command that used up what can be used once, and the rollout that it led to. */
export interface Used {
  fingerprint: string;
  rolloutId: string;
}

/** Some events of a rollout, in order. */
interface EventPage {
  events: RolloutEvent[];
  isMore: boolean;
}

/** Which rollouts of a service are asked for. */
export interface RecentQuery {
  service: string;
  /** The id of the last rollout of the page before. */
  before?: string | undefined;
  /** At least 1. */
  limit: number;
}

/**
 * The truth about rollouts: events, appended by version, and their fold. Every read is consistent.
 * All methods reject with RolloutError `Unavailable` if the store cannot be reached.
 */
export interface Journal {
  /** The folded rollout, or undefined if none of this id was ever opened or refused. */
  read(rolloutId: string): Promise<Rollout | undefined>;
  /** All events of a rollout, oldest first. */
  events(rolloutId: string): Promise<RolloutEvent[]>;
  /**
   * Its oldest events after version `after`: at most `limit`, as many as fit into about 1 MB, and at least one if there is one.
   * `isMore` says that others may follow.
   */
  eventsAfter(rolloutId: string, after: number, limit?: number): Promise<EventPage>;
  /**
   * Appends the first events of a rollout and takes the lock of each of its targets, all or nothing.
   * `exists`: this rollout is in the journal already. `locked`: another rollout holds one of the targets. `outdated`: its
   * service does not remember what `decidedOn` says any more, if that is given.
   */
  open(
    events: RolloutEvent[],
    decidedOn?: ServiceRecord,
  ): Promise<
    | { result: 'opened' | 'exists'; rollout: Rollout }
    | { result: 'locked'; by: string }
    | { result: 'outdated' }
  >;
  /**
   * Appends events after `rollout.version` and answers the new fold. An event that ends the rollout releases its
   * locks and updates its service in the same write. `once` is used up in it too, also if there are no events.
   * @throws RolloutError JournalConflict if another writer was first, CommandRepeated if `once` was used up before: nothing was appended.
   */
  append(rollout: Rollout, events: RolloutEvent[], once?: Once): Promise<Rollout>;
  /** What used an id up that can be used once; undefined if nothing has. */
  used(onceId: string): Promise<Used | undefined>;
  /** Rollouts that have not ended. */
  running(): Promise<Rollout[]>;
  /** Rollouts of a service, ended ones included, the newest first: at most `limit` of those that were opened before the rollout `before`, or of all. One that was opened just now may be missing. */
  recent(query: RecentQuery): Promise<Rollout[]>;
  /** About how many have not ended; costs less than reading them. */
  countRunning(): Promise<number>;
  service(name: string): Promise<ServiceRecord>;
  /** Makes a release wait for its service; answers the one that waited before and gave way, if any. @throws nothing */
  wait(service: string, waiting: Waiting): Promise<{ superseded?: Waiting }>;
  /** Forgets the waiting release if it is still this one. */
  unwait(service: string, release: string): Promise<void>;
  /** Takes a release out of quarantine. */
  lift(service: string, release: string): Promise<void>;
  /** Keeps a token and forgets those of older versions: their holds have moved on. */
  putToken(rolloutId: string, token: HoldToken): Promise<void>;
  /** Takes all tokens out of the journal and answers them. */
  takeTokens(rolloutId: string): Promise<HoldToken[]>;
}

/** What a target looks like now. */
export interface Observed {
  primary: string;
  /** Further versions and their share, in percent; empty if the primary takes all. */
  weights: Record<string, Percent>;
  token: FencingToken | undefined;
}

/** One raise as it is announced: what must stand there, what is written, and until when. */
export interface Raise {
  /** The fencing token that the target must carry for this raise to be allowed. */
  expect: FencingToken;
  write: FencingToken;
  /** The share of the canary that must stand there: somebody else's hand on it is not to be overruled. */
  from: Percent;
  /** 100 makes the canary the primary version. */
  weight: Percent;
  /** Nothing is written after this moment. */
  expiresAt: Instant;
}

/** Outcome of a raise. */
export type RaiseResult =
  | { result: 'raised' }
  /** Nothing was written: another token, another writer in between, or too late. `observed` is what stood there. */
  | { result: 'fenced'; why: string; observed: Observed }
  /** Nothing was written, since the version that was to be raised does not exist any more. */
  | { result: 'gone'; why: string };

/** Outcome of a pin. */
export type PinResult =
  | { result: 'pinned' }
  /** It is not pinned and trying again does not help: a right or a quota is missing, or something else has its name. */
  | { result: 'refused'; why: string }
  /** The version to pin does not exist any more. */
  | { result: 'gone' };

/** What a rollout file says of one target, before anything is looked up. */
export interface TargetRequest {
  name: string;
  service: string;
  spec: Record<string, string>;
  /** What it is to serve, as the manifest says. */
  artifact: Artifact;
  /** The bucket that the release was uploaded to. */
  bucket: string;
  /** The version that the last release that completed here left on it, if that is known. */
  completed?: string | undefined;
  /** The plan of its rollout file; absent if nothing is raised by steps. */
  plan?: Pick<Plan, 'steps' | 'segments'> | undefined;
}

/** Another tool that seems to deploy a target. */
export interface Habit {
  tool: string;
  /** What was seen, for the reader to judge. */
  evidence: string;
  /** What stops it from moving the target. */
  fix: string;
}

/** A target with everything looked up that an opening freezes. */
export interface ResolvedTarget {
  target: Target;
  /** What its canary is made of, whatever its version is called: the SHA-256 of its code as Lambda tells it, or the digest of its image. Absent if nobody can say. */
  digest?: string | undefined;
  /** A digest of the configuration that its canary runs with, environment variables included. Absent if nobody can say. */
  config?: string | undefined;
  /** The version that completed here last, if the canary serves already in its place and it still exists: where a failed check leads back to. */
  before?: string | undefined;
  /** The other tool that seems to deploy it, if one does. */
  habit?: Habit | undefined;
  /** The target as it moves by itself, for a release in which nothing leads its callers; absent if nothing ever does. */
  alone?: Target | undefined;
  /** Longest time one request may take, so that late metrics are waited for. */
  timeoutSeconds: Seconds;
  /** Why what its handler counts and prints reaches no metric, if that is known, such as `version 8 logs only WARN and above`. */
  uncounted?: string | undefined;
  notices: string[];
}

/** What a version is good for as a place to go back to. */
export type VersionState = 'usable' | 'inactive' | 'failed' | 'gone';

/** Calls of the shared quota that each move of one target makes; 0 of a kind that makes none. */
interface MoveCalls {
  /** Of a target that its file says this of. */
  opening(spec: Readonly<Record<string, string>>): number;
  raise: number;
  promotion: number;
  close: number;
}

/** Moves traffic between two versions of one kind of target. */
export interface TrafficRouter {
  calls: MoveCalls;
  /** Looks everything up that can be refused now. @throws RolloutError TargetInvalid naming the field and the fix */
  resolve(request: TargetRequest): Promise<ResolvedTarget>;
  /** Whether a version of it can serve; an `inactive` one serves once its first request has made Lambda prepare it again. @throws RolloutError Unavailable if nobody can say just now */
  has(target: Target, version: string): Promise<VersionState>;
  /** What it looks like now; if there is no room for the call, it is made again until this moment, or for a few seconds. @throws RolloutError Unavailable */
  observe(target: Target, until?: Instant): Promise<Observed>;
  /**
   * Writes the first token (seq 0) and never touches traffic. Done again it is `isRepeated`, and only writes what was never
   * written. @throws RolloutError TargetInvalid if another rollout's open token stands, or a repeated claim finds that somebody wrote since the opening
   */
  claim(target: Target, token: FencingToken, isRepeated?: boolean): Promise<void>;
  /** One attempt to raise, never repeated by itself. */
  raise(target: Target, raise: Raise): Promise<RaiseResult>;
  /** Removes the canary and nothing else, closes the fence and reads back. Idempotent; the only write that may retry on conflict. @throws RolloutError RevertFailed */
  revert(target: Target, by: RevertBy): Promise<RevertedTarget>;
  /** Keeps its stable version from being deleted until `unpin`, for this rollout. Repeatable; what another rollout has left is taken over. @throws RolloutError Unavailable if it could not be written just now */
  pin(target: Target, rolloutId: string): Promise<PinResult>;
  /** Removes what `pin` made for this rollout, and nothing else. Repeatable. @throws RolloutError Unavailable, or the error of AWS */
  unpin(target: Target, rolloutId: string): Promise<void>;
  /** Closes the fence after completion, so that no late raise or revert of this rollout can act. */
  closeFence(target: Target, by: { rolloutId: string; epoch: number }): Promise<Observed>;
}

/** Reads both versions of one kind of target in the same windows, and the queues and streams that feed it. */
export interface TargetMetrics {
  /** Whole windows from `from` (inclusive) to `to` (exclusive); of the limits those that the target's source has. @throws RolloutError Unavailable */
  read(target: Target, rules: WatchRule[], from: Instant, to: Instant, limits?: LimitRule[]): Promise<Series>;
  /**
   * The same of the target as a whole, whichever version ran, as counts of stable; of what is counted by version alone, those of
   * stable. Rules about durations are left out. @throws RolloutError Unavailable
   */
  past(target: Target, rules: WatchRule[], from: Instant, to: Instant): Promise<Series>;
}

/** The same of targets of any kind. */
export interface MetricSource extends TargetMetrics {
  /** Start of the newest minute, from `from` on and before `to`, in which any function of the region was counted; undefined if there is none. @throws RolloutError Unavailable */
  heartbeat(from: Instant, to: Instant): Promise<Instant | undefined>;
}

/** Reads the states of alarms. */
export interface AlarmSource {
  /** The named alarms, composite ones included; one that does not exist is missing from the answer. @throws RolloutError Unavailable */
  read(names: string[]): Promise<Alarm[]>;
}

/** What a change of an alarm reports. */
export interface AlarmChange extends Pick<Alarm, 'breachedAt' | 'versions'> {
  alarm: string;
  /** False of a change to another state, and of a report that is no change. */
  wentOff: boolean;
  /** Absent if it does not say when, so that it can be read. */
  since?: Instant | undefined;
}

/** What a hook receives. */
export interface HookQuestion {
  hook: Hook;
  target: Target;
  /** The same for every try of one asking, so that a hook can tell a repeat. */
  idempotencyKey: string;
  /** Which asking this is; an answer by callback names it. */
  occurrence: string;
  about: {
    service: string;
    environment: string;
    rolloutId: string;
    release: string;
    step: number;
    weight: Percent;
  };
}

/** `pending`: the answer comes later, by callback. */
export type HookReply = { status: HookStatus | 'pending'; reason: string };

/** Asks other code whether the rollout may go on. */
export interface HookRunner {
  /** Never throws: what went wrong is `broken`. Once `signal` is aborted, nothing more is sent, and nobody waits for the answer. */
  ask(question: HookQuestion, signal?: AbortSignal): Promise<HookReply>;
}

/** Looks up what can be refused of a hook before a rollout opens. @throws RolloutError OpeningRefused naming the field and the fix */
export type HookCheck = (hook: Hook, service: string) => Promise<void>;

/** Makes the version that a target is to serve, or waits for it. */
export interface Publisher {
  /** Goes on where the last call stopped, for a few seconds at most. @throws RolloutError TargetInvalid if it can never succeed, AccountRefused if that is not the release's fault */
  publish(target: Target): Promise<Made | 'pending'>;
  /** Puts the code that stable runs back into `$LATEST`, if publishing had replaced it. */
  restore(target: Target): Promise<void>;
}

/** What an execution of the state machine is started with; holds everything that a revert needs. */
export interface ExecutionInput {
  rolloutId: string;
  epoch: number;
  /** The closed fencing token that RevertDirectly writes. */
  closed: string;
  targets: Target[];
}

/** Starts, stops and wakes executions of the state machine. */
export interface Executions {
  /** Starts the execution of this epoch; starting it again changes nothing. */
  start(input: ExecutionInput): Promise<void>;
  /** Stops the execution of an epoch, if it still runs. */
  stop(rolloutId: string, epoch: number, reason: string): Promise<void>;
  /** Completes a hold's token; one that is gone or timed out is no error. */
  wake(token: string): Promise<void>;
}

/** The watchdog's frozen input: enough to revert without a journal. */
export interface WatchdogInput extends ExecutionInput {
  deadline: Instant;
  armedAt: Instant;
  /** When the journal was first found unreadable; absent while it can be read. */
  unreadableSince?: Instant | undefined;
}

/** The watchdog outside the execution. */
export interface Watchdog {
  /** Arms it: a recurring look, the first one in two minutes, and a last one at the deadline that needs no function. Arming again replaces what was frozen. */
  arm(input: WatchdogInput): Promise<void>;
  /** What it was armed with, or undefined if it is not armed. */
  frozen(rolloutId: string): Promise<WatchdogInput | undefined>;
  disarm(rolloutId: string): Promise<void>;
}

/** Outcome of some artifacts in one environment, as its own controller published it. */
export interface Completion {
  environment: string;
  service: string;
  /** What each target of the service is made of. */
  digests: Record<string, string>;
  /** The rollout that published it. */
  rolloutId: string;
  /** False once they were rolled back. */
  completed: boolean;
  at: Instant;
}

/** What completed where. Only the controller of an environment can publish for it; a release cannot. */
export interface Completions {
  /** Publishes the outcome of artifacts here, in place of what was published of them before. @throws RolloutError Unavailable */
  publish(completion: Completion): Promise<void>;
  /** What was published last of exactly these artifacts; undefined if nothing was. @throws RolloutError Unavailable */
  find(wanted: Pick<Completion, 'environment' | 'service' | 'digests'>): Promise<Completion | undefined>;
}

/**
 * Shares out the calls of a control plane among all services of a region, first come, first served. A revert never asks.
 * A service with more than `DEBT_MS` of calls reserved is charged nothing more, so no service can starve another.
 * Rejects with RolloutError `Unavailable` if it cannot be reached, which is no reason to wait.
 */
export interface Budget {
  /** Reserves so many calls for a service and answers from when on they may be made; a moment that has passed if there is room. */
  take(calls: number, service: string): Promise<Instant>;
}

/** What is opened without an upload. It names what the journal knows; all else is read there, so that the caller cannot make anything up. */
export type Handed =
  /** The release that waits for its service. */
  | { open: 'waiting'; service: string }
  /** A release that was reverted, once more. */
  | { open: 'retry'; rolloutId: string }
  /** The way back from a release that completed. */
  | { open: 'rollback'; rolloutId: string; by: Actor; reason: string };

/** Hands an opening to the one function that opens rollouts. */
export interface Openings {
  /**
   * Answers once it is opened, with the id of the rollout; undefined if nothing waits. Handing it over again is safe.
   * @throws RolloutError as the opening itself refuses it; Unavailable if nobody can say whether it was opened
   */
  open(handed: Handed): Promise<string | undefined>;
}

/** Hands commands to the one function that takes them. */
export interface Commands {
  /**
   * Answers the rollout that it led to, and whether it had been carried out before; to be called as its giver was proven.
   * @throws RolloutError as that function refuses it; Unavailable if nobody can say whether it was carried out
   */
  give(request: CommandRequest): Promise<{ rolloutId: string; isRepeated?: true | undefined }>;
}

/** Hands clicks in Slack to whoever carries them out. */
export interface Clicks {
  /** Resolves once it is certain to be carried out, and before it is. @throws if that is not certain */
  hand(click: Click): Promise<void>;
}

/** Answers people who have clicked in Slack. */
export interface SlackReplies {
  /** Shows a text to that person alone, where they clicked. @throws Error if Slack does not take it */
  reply(responseUrl: string, text: string): Promise<void>;
}

/** Where the secrets of smoke tests stand. */
export interface Secrets {
  /** The value, read now. @throws Error that names the reference and the fix, never what it holds */
  read(ref: SecretRef): Promise<string>;
}

/** Where releases are uploaded. */
export interface ReleaseStore {
  /** The exact object version, as bytes. @throws RolloutError ManifestInvalid over `limit` bytes or if it is gone */
  read(object: Opening['manifest'], limit: number): Promise<Uint8Array>;
  /** Looks whether the exact object version is a zip that can be the code of a function. @throws RolloutError ManifestInvalid naming the key and the fix */
  assertCode(object: Opening['manifest'], sha256: string): Promise<void>;
}

/** What a token is for: one of another type is never taken in its place. */
export type TokenType = 'click' | 'link' | 'login' | 'command' | 'session';

/** Signs what this controller says, so that it knows its own words when they come back. */
export interface Tokens {
  /** The claims in a token that nobody else can make, of this environment, with an id of its own (`jti`). */
  sign(type: TokenType, claims: object, expiresAt: Instant): Promise<string>;
  /** The claims of a token of this type and environment that has not expired, `jti` and `exp` (seconds) included. @throws RolloutError TokenInvalid naming the reason */
  read(type: TokenType, token: string): Promise<Record<string, unknown>>;
}

/**
 * One of the controller's own secrets. `isDoubted`: what it was does not fit, so it may have been replaced.
 * @throws RolloutError Unavailable if it was never read, and cannot be now
 */
export type OwnSecret = (isDoubted?: boolean) => Promise<string>;

/**
 * Small records of what was reported of rollouts, and to whom, apart from the journal: no decision about a rollout reads them.
 * All methods reject with RolloutError `Unavailable` if they cannot be reached.
 */
export interface Notes {
  /**
   * Changes the note of this name about something. `how` is given what stands there, and is asked again if somebody else wrote
   * in between; nothing is written if it answers what it was given. Answers what stands there afterwards.
   */
  change<Note extends object>(
    about: string,
    name: string,
    how: (before: Note | undefined) => Note | undefined,
  ): Promise<Note | undefined>;
}

/** Has people reported to later. */
export interface Agenda {
  /**
   * Has everything that is new about a rollout reported at this moment or within a minute after it, in place of what was arranged
   * for it before; a death, for which somebody is paged first, is arranged apart. @throws RolloutError Unavailable
   */
  wake(errand: Errand, at: Instant): Promise<void>;
}

/** Has people reported to now. */
export interface Reports {
  /** Has everything that is new about a rollout reported, and does not wait for that. @throws RolloutError Unavailable */
  ask(rolloutId: string): Promise<void>;
}

/** Keeps what could not be done, for a person to look at. */
export interface DeadLetters {
  /** @throws RolloutError Unavailable */
  put(letter: object): Promise<void>;
}

/** What sites say of themselves, for whoever takes reports of their visitors. */
export interface LiveSites {
  /** A site by its name; undefined if there is none, or its owner wants no reports. @throws RolloutError Unavailable */
  find(site: string): Promise<LiveSite | undefined>;
}

/** Where visits of sites are counted. */
export interface Visits {
  /** Adds to the metrics of a release of a site. */
  add(site: string, release: string, counts: Record<string, number>): void;
}
