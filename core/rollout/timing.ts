import { verifyMinutesOf } from '../plan/holdout.ts';
import { type Instant, type Seconds, WINDOW_MS } from '../units.ts';
import { HOOK_TRIES_MAX } from './checkpoint.ts';
import { isVerifying, RECALLS_MAX, type Rollout } from './state.ts';

/** Ticks after which a rollout goes on in a fresh execution: a tick costs 13 history events, so 300 of them under 4,000 of the 25,000 that Step Functions allows (Step Functions quotas, Standard); the rest is for retries and wakes. */
export const TICKS_MAX = 300;

/** How long a human's or an inconclusive pause lasts before the release is reverted. */
export const PAUSE_SECONDS_MAX: Seconds = 24 * 3600;

/** How long nothing may be measurable, canary in traffic, before the release is reverted. */
export const BROKEN_PAUSE_SECONDS: Seconds = 3600;

/** How long a canary that stands in doubt is watched further without an answer, before a person decides. */
export const DOUBT_SECONDS: Seconds = 3600;

/** Longest time of one recall without an answer, after which a person decides. */
export const RECALL_SECONDS_MAX: Seconds = 30 * 60;

/** Least time of the first recall, and of later ones, without proof that the canary is safe. */
const RECALL_SECONDS: [Seconds, Seconds] = [5 * 60, 10 * 60];

/** Least time of a recall without proof that the canary is safe; `nth` is 1 for the first one. */
export const leastRecallSeconds = (nth: number): Seconds => RECALL_SECONDS[nth === 1 ? 0 : 1];

const ceilWindow = (at: Instant) => Math.ceil(at / WINDOW_MS) * WINDOW_MS;
const floorWindow = (at: Instant) => Math.floor(at / WINDOW_MS) * WINDOW_MS;

/** The end of the newest minute whose counts are there: of those before `to` nothing is known yet that are as new as counts of a target are known to come late. */
export function heardTo({ lateness = {} }: Rollout, to: Instant): Instant {
  return to - Math.max(0, ...Object.values(lateness)) * WINDOW_MS;
}

/** The whole windows of a stretch that began at `since` and lasts `seconds`: at least one. */
export function windowsOf(since: Instant, seconds: Seconds): { from: Instant; to: Instant } {
  const from = ceilWindow(since);
  return { from, to: from + Math.max(WINDOW_MS, floorWindow(seconds * 1000)) };
}

/** When all visitors are led by what was written at `since`: only then a clock of a step starts. */
function spreadFrom({ opening }: Rollout, since: Instant): Instant {
  return since + 1000 * Math.max(0, ...opening.targets.map(({ traits }) => traits.spreadSeconds ?? 0));
}

/** The stretch on which the present step is judged, and how long it may be stretched for want of evidence. */
export function bakeOf(rollout: Rollout): { from: Instant; to: Instant; max: Instant } | undefined {
  const { plan } = rollout.opening;
  const { recall, promotedAt, stepSince, resumedAt = 0 } = rollout;
  if (recall !== undefined) {
    if (recall.since === undefined) return undefined;
    const { from, to } = windowsOf(spreadFrom(rollout, recall.since), leastRecallSeconds(recall.nth));
    return { from, to, max: Math.max(from, resumedAt) + RECALL_SECONDS_MAX * 1000 };
  }
  const step = plan.steps[rollout.step];
  if (isVerifying(rollout)) {
    const since = step === undefined ? promotedAt : stepSince;
    if (since === undefined) return undefined;
    const seconds = rollout.remaining ?? step?.bakeSeconds ?? restSeconds(rollout);
    const { from, to } = windowsOf(spreadFrom(rollout, since), seconds);
    return { from, to, max: Math.max(to, resumedAt) + DOUBT_SECONDS * 1000 };
  }
  if (step === undefined || stepSince === undefined) return undefined;
  // After a wait for counts the rest of the bake may be longer than what the file allows a short step.
  const begun = spreadFrom(rollout, stepSince);
  const { from, to } = windowsOf(begun, rollout.remaining ?? step.bakeSeconds);
  return { from, to, max: Math.max(to, windowsOf(Math.max(begun, resumedAt), step.maxBakeSeconds).to) };
}

/** How long a canary that serves alone is verified there: for all of verify if a command took it past the holdout. */
function restSeconds({ opening: { plan }, verifySince, promotedAt }: Rollout): Seconds {
  const isPastHoldout = verifySince === promotedAt && plan.steps.some(({ isHoldout }) => isHoldout);
  return isPastHoldout ? verifyMinutesOf(plan) * 60 : plan.verifySeconds;
}

/** How long a canary that looks worse is watched longer: to the end of the longest bake, or an hour if a raise is half done. */
export function longestBakeOf(rollout: Rollout): Instant {
  const since = Math.max(rollout.moves.at(-1) ?? 0, rollout.resumedAt ?? 0);
  return bakeOf(rollout)?.max ?? since + BROKEN_PAUSE_SECONDS * 1000;
}

/** When the plan must have ended: every step at its longest, everybody who is asked at their latest, with room for three pauses. */
export function deadlineOf(
  plan: Rollout['opening']['plan'],
  settleSeconds: Seconds,
  at: Instant,
  { gates, hooks }: Pick<Rollout['opening'], 'gates' | 'hooks'> = { gates: [], hooks: [] },
): Instant {
  const each = settleSeconds + 2 * 60;
  const steps = plan.steps.reduce((sum, step) => sum + step.maxBakeSeconds + each, 0);
  // A hook may be asked at every step, and each time until it counts as broken.
  const askings = HOOK_TRIES_MAX * (plan.steps.length + 1);
  const answers = hooks.reduce((sum, hook) => sum + askings * hook.timeoutSeconds, 0);
  const approvals = gates.reduce((sum, gate) => sum + gate.timeoutSeconds, 0);
  const doubts = RECALLS_MAX * (RECALL_SECONDS_MAX + 2 * each) + 2 * DOUBT_SECONDS;
  return (
    at + (steps + plan.verifySeconds + each + answers + approvals + doubts + 3 * PAUSE_SECONDS_MAX) * 1000
  );
}
