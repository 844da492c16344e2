import type { Plan } from '../plan/plan.ts';
import type { Target } from '../target.ts';
import type { Instant, Percent, Seconds } from '../units.ts';
import type { Folded } from './folded.ts';
import type { Probed } from './probe-counts.ts';
import type { Alarm, Counts, FailurePast, Finding, LimitRule, Past, Verdict, WatchRule } from './types.ts';

/** What a canary is judged by; fixed at the opening. */
export interface Terms {
  /** The first attempt at a release is 1. */
  attempt: number;
  targets: Target[];
  plan: Plan;
  watch: WatchRule[];
  limits: LimitRule[];
  /** The watched alarms as they were at opening. `red`: it was in ALARM already, so it cannot be the canary's doing; `silent`: it had too little data. */
  alarms: { name: string; red: boolean; silent?: true }[];
  /** How long after its end a metric window is read as complete. */
  settleSeconds: Seconds;
  /** How often each target was called before, as it was read at the opening; absent if too little is known of it. */
  past?: Record<string, Past> | undefined;
  /** How each target fails by itself, rule by rule, as it was read at the opening; absent if there is nothing to verify. */
  usual?: Record<string, Record<string, FailurePast>> | undefined;
  /** Time-outs of targets that may run for longer than a settled window waits for. */
  timeouts?: Record<string, Seconds> | undefined;
}

/** A stretch of time; without `to` it goes on. */
export interface Stretch {
  from: Instant;
  to?: Instant | undefined;
}

/** What has happened to a canary so far, and what was seen of it: the part of a rollout's state that judging reads. */
export interface Course {
  opening: Terms;
  openedAt: Instant;
  /** Index of the step that the traffic is at or moving to; -1 before the first. */
  step: number;
  /** Where each target's traffic stands, as far as it was confirmed. Weight 100 is promoted. */
  traffic: Record<string, { weight: Percent }>;
  /** When the first raise was announced: nothing before it can be the canary's doing. */
  raisedAt?: Instant | undefined;
  /** When traffic moved: windows in which it did are not compared. */
  moves: Instant[];
  /** The largest weight of any target just before and after each of the moves, of several in one minute the largest; absent in rollouts of earlier versions, which did not keep it. */
  heights?: Percent[] | undefined;
  /** When all targets stood at the weights of the steps that were left. */
  stood?: { weight: Percent; from: Instant; until: Instant }[] | undefined;
  /** Since when all targets stand at this step's weight; absent while they are being raised. */
  stepSince?: Instant | undefined;
  /** Since when all targets serve the canary alone; absent while a recall has lowered it. */
  promotedAt?: Instant | undefined;
  /** Since when it is verified: when the canary first stood beside the holdout, or served alone. */
  verifySince?: Instant | undefined;
  /** Stretches in which any target served the canary alone, or may have: there is no control in them. */
  alone?: Stretch[] | undefined;
  /** Stretches in which every target stood at the weight of a recall. */
  recalls?: Stretch[] | undefined;
  /** The recall under way: doubt has returned the canary to a lower weight, at which stable beside it decides. */
  recall?: Recalled | undefined;
  /** By target, how many settled minutes the canary's counts were late at the most. */
  lateness?: Record<string, number> | undefined;
  /** Targets whose requests were missing for a reason that is not the canary, as a recall showed. */
  explained?: string[] | undefined;
  /** What is kept of the minutes that are read no more. */
  folded?: Folded | undefined;
  verdict?: Verdict | undefined;
  /** What was counted by the last reading before traffic moved to where it stands now, or was ordered to. */
  counted?: { from: Instant; to: Instant; findings: Counts[] } | undefined;
  /** What came of the probes so far, by target. */
  probes?: Record<string, Probed> | undefined;
  /** Alarms that were red before and have not been seen otherwise since. */
  redAlarms: string[];
  /** Those of the watched alarms that were not OK when they were read last. */
  alarms?: Alarm[] | undefined;
}

/** What judging reads of a recall. */
export interface Recalled {
  /** The target whose canary it waits for to be counted; absent in a recall by doubt. */
  waitsFor?: string | undefined;
  /** The rule whose doubt ordered it; absent if that was about how requests arrive. */
  by?: Pick<Finding, 'target' | 'metric'> | undefined;
  weight: Percent;
  /** Since when every target stands at its weight. */
  since?: Instant | undefined;
}

/** A canary on trial: what has happened to it, and what is asked of it now. Analysis knows no rollout; `trialOf` makes the trial that a rollout is. */
export interface Trial extends Course {
  /** The stretch on which the present step is judged, and how long it may be stretched for want of evidence; absent while a raise is on its way. */
  bake?: { from: Instant; to: Instant; max: Instant } | undefined;
  /** True while all targets stand at the weight of the present step, or serve the canary alone. */
  isStanding: boolean;
  /** True from the holdout on: what is asked is no longer whether the release may go on but whether it may stay. */
  isVerifying: boolean;
  /** True if doubt can return the canary to a lower weight. */
  canRecall: boolean;
  /** Stretches in which visitors of one segment alone are counted, or all but those of some: the past of all of them says nothing of what was due. */
  parts?: Stretch[] | undefined;
  /** Targets that probes run against. */
  probed: readonly string[];
}
