import type { Observed } from '../ports.ts';
import type { Target } from '../target.ts';
import type { Instant } from '../units.ts';
import type { Cause, RolloutEvent } from './event.ts';
import { type FencingToken, isOlder, isSameToken, tokenText } from './fencing-token.ts';
import { isGone } from './revert-plan.ts';
import { outOf, type Rollout } from './state.ts';

/**
 * Compares what a target looks like with what the journal knows, and says what must have happened. Pure; it never
 * leads to a raise: a closed token or a missing canary means that the canary leaves, anything unexplained is drift.
 */
export function reconcile(rollout: Rollout, target: Target, seen: Observed, at: Instant): RolloutEvent[] {
  if (rollout.outcome !== undefined || rollout.leaving !== undefined) return [];
  const token = seen.token;
  if (isGone(seen)) return [drift(target, at, 'is gone')];
  if (isOldNews(rollout, target, seen)) return [];
  if (token?.rolloutId === rollout.opening.rolloutId) return explain(rollout, target, seen, token, at);
  const lost =
    token === undefined
      ? 'lost the token of this rollout to another write'
      : `carries the token "${tokenText(token)}" instead of this rollout's`;
  return [drift(target, at, `${lost}, and serves ${traffic(seen)}`)];
}

/** True if what was seen is an older state of the target than one that the journal knows: Lambda's reads may lag behind its writes. It says nothing, and is to be read again. */
export function isOldNews(rollout: Rollout, { name }: Target, { token }: Observed): boolean {
  return isOlder(token, rollout.traffic[name]?.token);
}

/** True if what was seen may pass by itself, since an older state of the target looks like this too: then another look decides. */
export function isWorthAnotherLook(rollout: Rollout, target: Target, seen: Observed, at: Instant): boolean {
  if (isOldNews(rollout, target, seen)) return true;
  return !seen.token?.open && seen.token?.rolloutId === rollout.opening.rolloutId
    ? false
    : reconcile(rollout, target, seen, at).length > 0;
}

function explain(
  rollout: Rollout,
  target: Target,
  seen: Observed,
  token: FencingToken,
  at: Instant,
): RolloutEvent[] {
  const known = rollout.traffic[target.name];
  const hasOthers = Object.keys(seen.weights).some((version) => version !== target.canary);
  // A shut fence round the promoted canary is a close that was interrupted; it goes on.
  if (!token.open && known?.weight === 100 && seen.primary === target.canary)
    return hasOthers ? [unwritten(target, seen, at)] : [];
  const isForeign = seen.primary !== target.stable && seen.primary !== target.canary;
  // A revert leaves a foreign version as it is, unless a person ordered a rollback.
  if (!token.open)
    return [
      isForeign && token.by === undefined
        ? unwritten(target, seen, at)
        : revertedBy(rollout, target, token, at),
    ];
  const intent = rollout.intents.find(
    (each) => each.target === target.name && isSameToken(each.token, token),
  );
  const weight = intent?.weight ?? known?.weight ?? 0;
  if (intent === undefined && !isSameToken(known?.token, token)) {
    return [
      drift(
        target,
        at,
        `carries the token "${tokenText(token)}", which this rollout's journal does not know`,
      ),
    ];
  }
  const share = seen.primary === target.canary ? 100 : (seen.weights[target.canary] ?? 0);
  if (isForeign || hasOthers || share > weight) return [unwritten(target, seen, at)];
  if (share < weight)
    return [
      gone(rollout, at, 'drift', `somebody took the canary of ${target.name} from ${weight} % to ${share} %`),
    ];
  if (intent === undefined) return [];
  return [
    weight === 100
      ? { type: 'Promoted', at, target: target.name, token }
      : { type: 'Shifted', at, target: target.name, weight, token },
  ];
}

function drift(target: Target, at: Instant, what: string): RolloutEvent {
  return { type: 'DriftDetected', at, target: target.name, found: `${target.traits.noun} ${what}` };
}

function unwritten(target: Target, seen: Observed, at: Instant): RolloutEvent {
  return drift(target, at, `serves ${traffic(seen)}, which this rollout did not write`);
}

/** Who aborts without the journal signs the token, and is believed as if the command had come here; the controller's own reverts are unsigned. */
function revertedBy(rollout: Rollout, { name }: Target, { by }: FencingToken, at: Instant): RolloutEvent {
  return by === undefined
    ? gone(rollout, at, 'environment', `${name} was reverted without the journal`)
    : { ...gone(rollout, at, 'human', `${by} aborted without the journal`), signedBy: by };
}

function gone(
  rollout: Rollout,
  at: Instant,
  cause: Cause,
  reason: string,
): Extract<RolloutEvent, { type: 'RevertOrdered' }> {
  return {
    type: 'RevertOrdered',
    at,
    cause,
    reason,
    outcome: outOf(rollout),
  };
}

function traffic({ primary, weights }: Observed): string {
  const others = Object.entries(weights).map(([version, weight]) => `version ${version} at ${weight} %`);
  return [`version ${primary}`, ...others].join(' and ');
}
