import { type Percent, WINDOW_MS } from '../units.ts';
import { logFactorWorse } from './evalue.ts';
import { ALPHA, FAILURE_BETS } from './evidence.ts';

/** What may stay on the stable version while a promoted canary is verified, least first. */
export const HOLDOUTS: readonly Percent[] = [5, 10, 25];

/** Share of all requests that a release fails beyond stable's and must show within `SHOWN_MINUTES`. Assumed. */
const SHOWN_SHARE = 0.05;
const SHOWN_MINUTES = 2;

/** Least minutes at 100 % before a rollout closes: what shows only without a holdout needs them. */
const REST_MINUTES = 2;

/** Weight that a doubted canary goes back to first: what a minute tells, w ln((1.5 w + 1 - w) / (1.5 w)) at the weight w for each canary failure times their number, is greatest near it. */
export const RECALL_WEIGHT: Percent = 25;

/** Weight of the second recall: what shows only under load may show there. */
export const RECALL_WEIGHT_UNDER_LOAD: Percent = 75;

/** Weight of a recall because requests no longer come: the split alone tells, and nearly all of them may be lost. */
export const RECALL_WEIGHT_SILENT: Percent = 5;

/** Weight at which a canary waits for counts of its own that are missing: if it loses its requests, few users meet it, and what is counted there tells it from one whose minutes CloudWatch lost. Assumed. */
export const WAIT_WEIGHT: Percent = 1;

/** Part of the stake that a comparison since promotion has. Assumed. */
export const VERIFY_STAKE = 0.2;
/** What of it bets on a difference from the first minute on: most that is found only there comes later. Assumed. */
export const VERIFY_HEAD = 0.3;

/** One rule that compares one target, by what it had lately. */
export interface HeldOut {
  /** Requests of the target a minute. */
  perMinute: number;
  /** Share of them that is bad, 0 to 1. */
  share: number;
  /** Tolerated odds ratio, at least 1. */
  ratio: number;
  /** Failures that may share one cause; 1 if absent. */
  burst?: number | undefined;
  /** Evidence it needs, as `requiredInVerify` says. */
  required: number;
}

/** How a promoted canary is verified, in whole minutes. */
interface VerifySplit {
  /** With the holdout on stable. */
  holdoutMinutes: number;
  /** At 100 % after it. */
  restMinutes: number;
}

/** Natural logarithm of the evidence that one rule needs to revert on minutes since promotion alone, on any of them but the first. */
export function requiredInVerify({
  alpha = ALPHA,
  part,
  verifyMinutes,
}: {
  alpha?: number | undefined;
  /** The rule's part of the stake, 0 to 1. */
  part: number;
  verifyMinutes: number;
}): number {
  const later = (1 - VERIFY_HEAD) / Math.max(1, verifyMinutes - 1);
  return Math.log(FAILURE_BETS.length) - Math.log(alpha * part * VERIFY_STAKE) - Math.log(later);
}

/**
 * The share of traffic that stays on stable while a promoted canary is verified: the least at which each rule sees, within two minutes,
 * a release that fails 5 % more, and the largest if there is none or nothing is known.
 * @param rules those that compare with stable; `lastWeight` is the plan's last step, above which the canary cannot leave more
 */
export function holdoutOf(rules: readonly HeldOut[], lastWeight: Percent): Percent {
  const least = HOLDOUTS.find((holdout) => rules.length > 0 && rules.every((rule) => shows(rule, holdout)));
  return Math.min(least ?? Math.max(...HOLDOUTS), 100 - lastWeight);
}

function shows({ perMinute, share, ratio, burst = 1, required }: HeldOut, holdout: Percent): boolean {
  const [nc, ns] = [perMinute * (1 - holdout / 100), (perMinute * holdout) / 100];
  const minute = { c: nc * Math.min(1, share + SHOWN_SHARE), nc, s: ns * share, ns };
  const each = FAILURE_BETS.map((r) => logFactorWorse({ ...minute, r, w0: ratio }) / burst);
  return SHOWN_MINUTES * Math.max(...each) >= required;
}

/** How long the holdout stays, of a verify of so many seconds: four fifths of it, and two minutes at 100 % remain at least; a plan that goes to 100 % at once has none. */
export function verifySplitOf(verifySeconds: number, isAtOnce: boolean): VerifySplit {
  const minutes = Math.ceil((verifySeconds * 1000) / WINDOW_MS);
  if (minutes <= 0) return { holdoutMinutes: 0, restMinutes: 0 };
  if (isAtOnce) return { holdoutMinutes: 0, restMinutes: minutes };
  const holdoutMinutes = Math.ceil((minutes * 4) / 5);
  return { holdoutMinutes, restMinutes: Math.max(REST_MINUTES, minutes - holdoutMinutes) };
}
