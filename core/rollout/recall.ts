import { LATE_WINDOWS } from '../analysis/heartbeat.ts';
import {
  RECALL_WEIGHT,
  RECALL_WEIGHT_SILENT,
  RECALL_WEIGHT_UNDER_LOAD,
  WAIT_WEIGHT,
} from '../analysis/holdout.ts';
import type { Verdict } from '../analysis/types.ts';
import { settledUntil } from '../analysis/windows.ts';
import { weightText } from '../plan/segments.ts';
import { type Instant, WINDOW_MS } from '../units.ts';
import { duration } from '../words.ts';
import type { RolloutEvent } from './event.ts';
import {
  isAdoption,
  isStanding,
  isStuck,
  isVerifying,
  RECALLS_MAX,
  type Recall,
  type Rollout,
  weightNow,
} from './state.ts';
import { bakeOf, DOUBT_SECONDS, heardTo, RECALL_SECONDS_MAX } from './timing.ts';

/** Minutes at a recall's weight from which on proof that the canary is safe counts. */
const CERTIFIED_MS = 2 * 60_000;

/** Least time of a new judgement after a recall, in seconds. */
const AGAIN_MIN = 3 * 60;

/** True if doubt can return the canary to a lower weight: there are shares between the versions, and the plan allows it. */
export function canRecall({ opening, gone = [] }: Rollout): boolean {
  return (
    opening.plan.recall !== false &&
    opening.reversible &&
    opening.rollsBack === undefined &&
    !isAdoption(opening) &&
    gone.length === 0 &&
    !opening.targets.some(isStuck)
  );
}

/** The recall that a doubt leads to. The third one waits for a person at its weight. */
export function recallFor(
  rollout: Rollout,
  { doubt, to }: Verdict,
  at: Instant,
): Extract<RolloutEvent, { type: 'RecallOrdered' }> {
  const nth = (rollout.recalls?.length ?? 0) + 1;
  const weight = doubt?.isSilence
    ? RECALL_WEIGHT_SILENT
    : nth === 2
      ? RECALL_WEIGHT_UNDER_LOAD
      : RECALL_WEIGHT;
  const { plan } = rollout.opening;
  const bake = bakeOf(rollout);
  const remaining =
    bake === undefined
      ? (rollout.remaining ?? plan.steps[rollout.step]?.bakeSeconds ?? plan.verifySeconds)
      : (bake.to - Math.max(bake.from, to)) / 1000;
  return {
    type: 'RecallOrdered',
    at,
    nth,
    weight: Math.min(weight, weightNow(rollout)),
    reason: doubt?.reason ?? '',
    remaining: Math.max(AGAIN_MIN, remaining),
  };
}

/** How often a canary waits for its counts: what comes there and stays away again is not late, and is to be found soon. */
const WAITS_MAX = 1;

/** Minutes that are missing when it begins to wait, at least. */
const MISSING_MS = 2 * WINDOW_MS;

/** Longest wait, in seconds: what has not come by then is not late, and shows at the weight before. */
export const WAIT_SECONDS_MAX = ((LATE_WINDOWS + 2) * WINDOW_MS) / 1000;

/**
 * The wait for counts of the canary that are missing beside those of stable: at a low weight few users meet it if it loses its
 * requests. It is no evidence. Undefined if it stands there already, or cannot go back.
 */
export function waitFor(
  rollout: Rollout,
  verdict: Verdict,
  at: Instant,
): Extract<RolloutEvent, { type: 'RecallOrdered' }> | undefined {
  const { recall, waits = 0, promotion, step } = rollout;
  const { missing } = verdict;
  const isOrdered = promotion?.full === true || promotion?.step === step;
  if (missing === undefined || recall !== undefined || isOrdered || waits >= WAITS_MAX) return undefined;
  if (!canRecall(rollout) || !isStanding(rollout) || weightNow(rollout) <= WAIT_WEIGHT) return undefined;
  const { target: waitsFor, reason } = missing;
  const { remaining } = recallFor(rollout, verdict, at);
  return { type: 'RecallOrdered', at, nth: 0, weight: WAIT_WEIGHT, reason, remaining, waitsFor };
}

/** Why a wait for counts ends, in words: they have come, or what has not come by now is not late. */
function whyWaitEnds(
  rollout: Rollout,
  { waitsFor = '', orderedAt }: Recall,
  verdict: Verdict,
): string | undefined {
  const late = (rollout.lateness?.[waitsFor] ?? 0) * WINDOW_MS;
  if (verdict.to - late < orderedAt) return undefined;
  const found = verdict.findings.find(({ metric, target }) => metric === 'traffic' && target === waitsFor);
  const { newest, windows = 0 } = found ?? {};
  // A verdict on nothing that was read misses nothing either, and one on few minutes may not miss enough of them to say so.
  const isSeen = newest !== undefined && newest >= settledUntil(rollout, orderedAt) - MISSING_MS;
  if (verdict.missing === undefined && isSeen && windows > 0 && found?.status !== 'suspect')
    return "the canary's requests are counted again";
  return verdict.to >= orderedAt + WAIT_SECONDS_MAX * 1000
    ? `the missing counts did not come in ${duration(WAIT_SECONDS_MAX)}, so that they are not late`
    : undefined;
}

/** True for a doubt after which the canary does not come back by itself. */
export const isLastRecall = ({ recalls = [] }: Rollout): boolean => recalls.length + 1 >= RECALLS_MAX;

/**
 * Why a recall may end, in words; undefined while it may not. The comparison beside stable found the canary safe, or nothing
 * against it in all of the recall's least time and nothing strange in its last minutes.
 */
export function whyReturns(rollout: Rollout, verdict: Verdict): string | undefined {
  const bake = bakeOf(rollout);
  if (bake === undefined || rollout.recall === undefined || verdict.from !== bake.from) return undefined;
  if (rollout.recall.waitsFor !== undefined) return whyWaitEnds(rollout, rollout.recall, verdict);
  if (verdict.status !== 'pass' && verdict.status !== 'inconclusive') return undefined;
  const heard = heardTo(rollout, verdict.to);
  const compared = heard - bake.from;
  const time = duration(Math.max(0, compared) / 1000);
  if (verdict.certified === true && compared >= CERTIFIED_MS)
    return `${time} beside stable at ${recallText(rollout, rollout.recall)} proved the canary safe`;
  return verdict.doubt === undefined && heard >= bake.to
    ? `${time} beside stable at ${recallText(rollout, rollout.recall)} showed nothing against the canary, and the last minutes were as before`
    : undefined;
}

const recallText = ({ opening }: Rollout, { weight }: Recall) => weightText(opening.plan.steps, weight);

/** When a recall returns the canary if nothing speaks against it, and when a person is asked if there is no answer. Undefined until every target stands at its weight. */
export function recallAhead(rollout: Rollout): { returns: Instant; asks: Instant } | undefined {
  const bake = rollout.recall === undefined ? undefined : bakeOf(rollout);
  const settle = rollout.opening.settleSeconds * 1000;
  const late = bake === undefined ? 0 : bake.to - heardTo(rollout, bake.to);
  return bake && { returns: bake.to + late + settle, asks: bake.max + settle };
}

/** What a person can order about a doubt that nobody has answered, with the commands. */
export function answersTo(rollout: Rollout): string {
  const id = rollout.opening.rolloutId;
  const more =
    rollout.recall === undefined
      ? `watches it for up to ${duration(DOUBT_SECONDS)} more`
      : `compares it with stable at ${recallText(rollout, rollout.recall)} for up to ${duration(RECALL_SECONDS_MAX)} more`;
  const itself =
    rollout.recall !== undefined && rollout.recall.nth < RECALLS_MAX
      ? 'it resumes by itself if the comparison answers; '
      : '';
  return `${itself}\`spillway resume ${id}\` ${more}, \`spillway promote ${id}\` continues in spite of it, unproven, and \`spillway abort ${id}\` reverts and quarantines the release`;
}

/** Time of verify in which stable had traffic beside the canary, in seconds, up to the end of a verdict. */
export function comparedSeconds({ verifySince, alone = [] }: Rollout, to: Instant): number {
  if (verifySince === undefined || to <= verifySince) return 0;
  const without = alone.reduce(
    (all, stretch) => all + Math.max(0, Math.min(to, stretch.to ?? to) - Math.max(verifySince, stretch.from)),
    0,
  );
  return Math.round((to - verifySince - without) / 1000);
}

/** How long a doubt about failures that no recall can answer must be gone: among few requests a minute, failures leave gaps. Assumed. */
const QUIET_MS = 10 * WINDOW_MS;

/** True if there is doubt, or was a moment ago and nothing but time tells whether it is over. */
export const isInDoubt = (rollout: Rollout, { doubt, to }: Verdict): boolean =>
  doubt !== undefined ||
  (!canRecall(rollout) && rollout.doubtedUntil !== undefined && to < rollout.doubtedUntil + QUIET_MS);

/** True if a doubt keeps verify from its end: from the holdout on, unless a person has ordered to go past it there or past the last recall. */
export const isDoubted = (rollout: Rollout, verdict: Verdict): boolean =>
  isInDoubt(rollout, verdict) &&
  isVerifying(rollout) &&
  rollout.promotion?.step !== rollout.step &&
  rollout.overruled !== true;
