import type { Exposure } from '../analysis/exposure.ts';
import type { Folded } from '../analysis/folded.ts';
import type { Terms } from '../analysis/trial.ts';
import type { Alarm, ProbeCounts, Probing, SmokeChain, SmokeCheck, Verdict } from '../analysis/types.ts';
import type { Target } from '../target.ts';
import type { Instant, Percent, Seconds } from '../units.ts';
import type { Actor } from './actor.ts';
import type { FencingToken } from './fencing-token.ts';

/** Where in a rollout other code can be asked. */
export const HOOK_POINTS = [
  'beforeTraffic',
  'beforeStep',
  'afterStep',
  'beforePromotion',
  'afterPromotion',
  'onRevert',
] as const;
/** One of the points. */
export type HookPoint = (typeof HOOK_POINTS)[number];

/** Other code that is asked at a point of the rollout. `spec` belongs to the adapter of its kind. */
export interface Hook {
  /** Unique in the rollout, such as `beforeTraffic.1`. */
  id: string;
  point: HookPoint;
  kind: string;
  /** The target it is asked about. */
  target: string;
  spec: SmokeCheck | SmokeChain | Record<string, string>;
  /** How long an answer may take in all, callbacks included. */
  timeoutSeconds: Seconds;
  /** What a hook that cannot be asked, even after its retries, means. */
  onBroken: 'revert' | 'pause' | 'ignore';
}

/** A human's word that is needed before the weight rises to `before` or above. */
export interface Gate {
  before: Percent;
  /** How many different people must approve. */
  approvers: number;
  /** Who may; everybody who may give commands if it is empty. */
  by: string[];
  /** Groups of the deployment's settings whose members may as well. */
  from?: string[] | undefined;
  /** The author of the release does not count. */
  notAuthor?: true | undefined;
  /** A rejection reverts the release; without it, it pauses the rollout. */
  reject?: 'ends' | undefined;
  timeoutSeconds: Seconds;
  onTimeout: 'revert' | 'promote';
}

/** What names a rollout, also one that was rejected before it was opened. */
export interface Identity {
  /** `<service>--<release>--<attempt>`, at most 60 characters. */
  rolloutId: string;
  service: string;
  environment: string;
  release: string;
  attempt: number;
  /** The exact object that asked for this rollout. */
  manifest: { bucket: string; key: string; versionId: string };
}

/** A version of a target and what it is made of, by which the same artifact is recognized under another name. */
export interface Made {
  /** Empty until it is published. */
  version: string;
  /** The SHA-256 of its code, or the digest of its image; absent if nobody could look it up. */
  code?: string | undefined;
  /** A digest of its configuration, environment variables included; absent if nobody could look it up. */
  config?: string | undefined;
}

/** A release that was reverted for a fault of its own, or by a person's command. */
export interface Quarantined {
  release: string;
  rolloutId: string;
  reason: string;
  /** The artifacts that are blamed, by target: those that the evidence names, or all that the release changed. */
  made: Record<string, Made>;
}

/** Everything a rollout was opened with. It never changes afterwards: edits of a rollout file apply to the next release. */
export interface Opening extends Identity, Terms {
  /** Monotone per service: a release older than the one serving is refused. */
  order: number;
  commit?: string | undefined;
  author?: string | undefined;
  /** Targets of the service that serve this release's version already; nothing happens to them. */
  unchanged?: Target[] | undefined;
  /** What each target of the release is made of, unchanged ones included: what is published of it once it has completed. */
  digests?: Record<string, string> | undefined;
  /** What each target of the release serves, unchanged ones included; absent in an opening from before this was looked up. */
  made?: Record<string, Made> | undefined;
  hooks: Hook[];
  gates: Gate[];
  /** Smoke tests that are repeated while the canary has traffic; absent if none are. */
  probe?: Probing | undefined;
  /** False if a failure must not be reverted by itself, such as after a migration: then the weight is held and someone is paged. */
  reversible: boolean;
  /** Past this moment whatever has not ended is reverted. */
  deadline: Instant;
  /** How many rollouts ran when this one opened: among many it ticks and reads back as they all can. */
  running?: number | undefined;
  /**
   * Present if something else had put versions of this release on their targets before it came. `reason` says so; `beside` are
   * the targets that this rollout does not move, and it is absent if there are no others: then nothing is raised.
   */
  adopted?: { reason: string; beside?: Target[] | undefined } | undefined;
  /**
   * The release that a person ordered to leave after its completion; it is quarantined in exchange. Then `stable` of each
   * target is the older version to go back to and `canary` the one to leave, so that every revert leads where the person wants.
   */
  rollsBack?: Quarantined | undefined;
  /** Who ordered it, if nobody uploaded a release for it. */
  by?: Actor | undefined;
  /** What a person should know although nothing is wrong, such as an alarm that was red before. */
  notices: string[];
  /** What the plan can find and what it cannot: the two lines to read first, then step by step; absent if nothing was looked up. */
  outlook?: string[] | undefined;
  /** Smallest share of failing requests, 0 to 1, that any step finds at the traffic of the opening; 1 if none finds any. Absent if nothing was looked up. */
  leastFound?: number | undefined;
}

/** Why a canary is leaving. Only `canary` says something about the release; the others do not hold it against it. */
export type Cause = 'canary' | 'human' | 'environment' | 'drift' | 'timeout';

/** How a rollout can end once its canary has to leave. */
export type LeavingOutcome = 'reverted' | 'refused' | 'halted';

/** Every way in which a rollout can end. */
export const OUTCOMES = ['completed', 'reverted', 'refused', 'superseded', 'halted'] as const;
/** One of them. */
export type Outcome = (typeof OUTCOMES)[number];

/** What one target looked like after its revert. */
export interface RevertedTarget {
  name: string;
  /** The version that serves now. */
  primary: string;
  /** True if this revert had to change traffic; false if the canary was out already. */
  changed: boolean;
  /** True if the version that serves is neither stable nor canary of this rollout, so that it was left alone. */
  drifted: boolean;
  /** True if somebody else gave the canary traffic after the revert and before the end was written. */
  regained?: boolean | undefined;
  /** True if `stable` does not exist any more, so that nothing could be restored and the canary still serves. */
  isStableGone?: boolean | undefined;
  /** What others gave to versions and was left alone, in percent: to foreign ones, and to a canary that may not be reverted. Absent if there is none. */
  foreign?: Record<string, Percent> | undefined;
}

/** Whose revert it is. `evenIfClosed`: the journal says that the rollout has not ended, so a target whose fence is closed is only half a completion. */
export interface RevertBy {
  rolloutId: string;
  epoch: number;
  evenIfClosed?: boolean | undefined;
  /** The release is not reversible, was never raised and nobody ordered it to leave: what somebody else gave it stays. */
  keep?: boolean | undefined;
  /** Who ordered it; the target keeps it for a journal that could not be written. */
  person?: string | undefined;
}

/** What a hook can answer; `broken` if it could not be asked. */
export type HookStatus = 'pass' | 'fail' | 'inconclusive' | 'broken';

/** What happened, in the past tense. Events are the truth about a rollout; its state is their fold. */
export type RolloutEvent =
  | ({ type: 'RolloutOpened'; at: Instant } & Opening)
  | ({
      type: 'RolloutDeclined';
      at: Instant;
      outcome: 'refused' | 'superseded' | 'completed';
      reason: string;
    } & Identity)
  | {
      type: 'Published';
      at: Instant;
      target: string;
      version: string;
      /** What the published version was found to be made of. */
      made?: Omit<Made, 'version'> | undefined;
    }
  | { type: 'HookStarted'; at: Instant; hook: string; until: Instant }
  | {
      type: 'HookAnswered';
      at: Instant;
      hook: string;
      status: HookStatus;
      reason: string;
      /** True if the answer was called in, and not written by the execution that asked. */
      isCallback?: true | undefined;
    }
  | { type: 'GateOpened'; at: Instant; gate: Percent; until: Instant }
  | { type: 'Approved'; at: Instant; gate: Percent; by: Actor }
  /** `Paused` or `RevertOrdered` follows, unless it was paused already. */
  | { type: 'Rejected'; at: Instant; gate: Percent; by: Actor; reason: string }
  | {
      type: 'ShiftIntended';
      at: Instant;
      target: string;
      weight: Percent;
      token: FencingToken;
      expiresAt: Instant;
    }
  | { type: 'Shifted'; at: Instant; target: string; weight: Percent; token: FencingToken }
  | { type: 'Deferred'; at: Instant; until: Instant; reason: string }
  | { type: 'Promoted'; at: Instant; target: string; token: FencingToken }
  | {
      type: 'Measured';
      at: Instant;
      verdict: Verdict;
      alarms: Alarm[];
      /** Probes that this tick ran, by target; absent if it put none. */
      probes?: Record<string, ProbeCounts> | undefined;
      /** What is kept of the minutes before `folded.end`, of which no later tick reads any; absent if this tick folded none. */
      folded?: Folded | undefined;
    }
  /**
   * Doubt returns the canary to this weight, at which stable beside it decides; or it waits there for the counts of the target
   * `waitsFor`, which is no recall by doubt and has the number 0. `remaining`: how long it is judged again afterwards.
   */
  | {
      type: 'RecallOrdered';
      at: Instant;
      nth: number;
      weight: Percent;
      reason: string;
      remaining: Seconds;
      waitsFor?: string | undefined;
    }
  /** The canary goes back to the weight that it was recalled from. */
  | { type: 'RecallEnded'; at: Instant; reason: string }
  | {
      type: 'AlarmRaised';
      at: Instant;
      alarm: string;
      since: Instant;
      breachedAt?: Instant | undefined;
      versions?: string[] | undefined;
    }
  | { type: 'DriftDetected'; at: Instant; target: string; found: string }
  /** Somebody else left the canary of an irreversible release less traffic than this rollout gave it; `token` is the one it is found under, if it is this rollout's. */
  | { type: 'Lowered'; at: Instant; target: string; weight: Percent; token?: FencingToken | undefined }
  | { type: 'PinRefused'; at: Instant; target: string; reason: string }
  | { type: 'StableGone'; at: Instant; target: string }
  | { type: 'Paused'; at: Instant; by: Actor; reason: string; until: Instant; why: PauseReason }
  | { type: 'Resumed'; at: Instant; by: Actor }
  | { type: 'PromotionOrdered'; at: Instant; by: Actor; full: boolean }
  | { type: 'Aborted'; at: Instant; by: Actor; reason: string }
  | {
      type: 'RevertOrdered';
      at: Instant;
      cause: Cause;
      reason: string;
      outcome: LeavingOutcome;
      /** The name in the token of an abort that was read off a target. */
      signedBy?: string | undefined;
    }
  | { type: 'TookOver'; at: Instant; epoch: number; reason: string }
  | { type: 'Continued'; at: Instant; epoch: number }
  | {
      type: 'Reverted';
      at: Instant;
      targets: RevertedTarget[];
      cause: Cause;
      reason: string;
      exposure?: Exposure | undefined;
    }
  | { type: 'RolloutClosed'; at: Instant; outcome: Outcome; reason: string };

/** `broken`: paused because nothing could be measured, and resumed by itself once it can. `suspect`: the canary looks worse; resumed by itself once it passes. `doubt`: the target did what it never did before and the comparison cannot tell why; a person decides. */
export type PauseReason = 'human' | 'inconclusive' | 'suspect' | 'doubt' | 'broken' | 'irreversible';

/**
 * Of each type of event, whether it shows that the rollout's execution lives, and whether it wakes a hold. It lives if its own
 * functions wrote the event, or if a fresh execution was started by it. What may also be written by people, alarms or hooks
 * shows nothing, and neither does what only follows from another event in the same append. What people, alarms and the
 * watchdog write wakes a hold; what an execution writes itself needs no wake.
 */
const SHOWS: Record<RolloutEvent['type'], { isLife: boolean; isWake: boolean }> = {
  RolloutOpened: { isLife: true, isWake: false },
  RolloutDeclined: { isLife: true, isWake: false },
  Published: { isLife: true, isWake: false },
  HookStarted: { isLife: true, isWake: false },
  HookAnswered: { isLife: true, isWake: true },
  GateOpened: { isLife: true, isWake: false },
  Approved: { isLife: false, isWake: true },
  Rejected: { isLife: false, isWake: true },
  ShiftIntended: { isLife: true, isWake: false },
  Shifted: { isLife: true, isWake: false },
  Deferred: { isLife: true, isWake: false },
  Promoted: { isLife: true, isWake: false },
  Measured: { isLife: true, isWake: false },
  RecallOrdered: { isLife: true, isWake: false },
  RecallEnded: { isLife: true, isWake: false },
  AlarmRaised: { isLife: false, isWake: true },
  DriftDetected: { isLife: true, isWake: true },
  Lowered: { isLife: true, isWake: false },
  PinRefused: { isLife: true, isWake: false },
  StableGone: { isLife: true, isWake: false },
  Paused: { isLife: false, isWake: true },
  Resumed: { isLife: false, isWake: true },
  PromotionOrdered: { isLife: false, isWake: true },
  Aborted: { isLife: false, isWake: true },
  RevertOrdered: { isLife: false, isWake: false },
  TookOver: { isLife: true, isWake: true },
  Continued: { isLife: true, isWake: false },
  Reverted: { isLife: true, isWake: false },
  RolloutClosed: { isLife: true, isWake: false },
};

/** True for an event that only a living execution writes, or that a fresh one starts with; what a newer version may write besides is none. */
export function isSignOfLife(event: RolloutEvent): boolean {
  if (event.type === 'HookAnswered' && event.isCallback) return false;
  return SHOWS[event.type]?.isLife === true;
}

/** Events that wake a hold. */
export const WAKING: ReadonlySet<string> = new Set(
  Object.entries(SHOWS).flatMap(([type, { isWake }]) => (isWake ? [type] : [])),
);
