import type { Observed } from '../ports.ts';
import type { Target } from '../target.ts';
import type { Instant, Percent } from '../units.ts';
import { percent } from '../words.ts';
import { hasCanaryTraffic } from './due.ts';
import type { RevertBy, RevertedTarget } from './event.ts';
import { SEQ_MAX } from './fencing-token.ts';
import { next } from './next.ts';
import type { Routing } from './raise-plan.ts';
import { isEnded, isStuck, type Rollout } from './state.ts';

/** What serves on a target that does not exist any more. */
export const NOBODY = 'none';

/** True for a target that somebody took away. */
export const isGone = ({ primary }: Pick<Observed, 'primary'>): boolean => primary === NOBODY;

/** What a revert must write on one target, or why there is nothing to revert. */
type RevertPlan = { write: Routing } | { leave: 'completed' | 'left already' | 'another rollout' };

/**
 * Removes our canary from what serves and touches nothing else. A target that another rollout has claimed, or
 * whose fence this one closed after completion, is no longer ours to change.
 */
export function revertPlan(seen: Observed, target: Target, by: RevertBy): RevertPlan {
  const { primary, weights, token } = seen;
  if (token !== undefined && token.rolloutId !== by.rolloutId) return { leave: 'another rollout' };
  const { [target.canary]: share, ...others } = weights;
  const { rolloutId, epoch, person } = by;
  const seq = Math.min(SEQ_MAX, (token?.seq ?? 0) + 1);
  const shut = { rolloutId, epoch, seq, open: false, ...(person === undefined ? {} : { by: person }) };
  if (keptShare(seen, target, by) !== undefined)
    return token?.open === false ? { leave: 'left already' } : { write: { primary, weights, token: shut } };
  if (token?.open === false && share === undefined) {
    if (primary !== target.canary) return { leave: 'left already' };
    if (!by.evenIfClosed) return { leave: 'completed' };
  }
  const serving = primary === target.canary ? target.stable : primary;
  const { [serving]: _, ...weightsLeft } = others;
  return { write: { primary: serving, weights: weightsLeft, token: shut } };
}

/** The share that somebody else gave to a canary that may not be reverted; undefined if there is none. */
function keptShare(
  { primary, weights }: Observed,
  { canary }: Target,
  { keep }: RevertBy,
): Percent | undefined {
  if (keep !== true) return undefined;
  return primary === canary ? 100 : weights[canary];
}

/** True if the version that serves is none of this rollout's. */
export function isForeign(primary: string, target: Target): boolean {
  return primary !== target.stable && primary !== target.canary;
}

/**
 * What others gave to versions and a revert leaves alone, in percent: to those that are neither stable nor canary, beside the one that
 * serves, and to a canary that may not be reverted. Undefined if there is nothing, or if another rollout has the target.
 */
export function foreignShares(
  seen: Observed,
  target: Target,
  by: Pick<RevertBy, 'rolloutId' | 'epoch' | 'keep'>,
): Record<string, Percent> | undefined {
  const { weights, token } = seen;
  if (token !== undefined && token.rolloutId !== by.rolloutId) return undefined;
  const kept = keptShare(seen, target, by);
  const foreign = Object.entries(weights).filter(([version]) => isForeign(version, target));
  const all = [...foreign, ...(kept === undefined ? [] : [[target.canary, kept] as const])];
  return all.length === 0 ? undefined : Object.fromEntries(all);
}

/** True if a canary was left with what somebody else had given it. */
export const isKept = ({ foreign }: RevertedTarget, { canary }: Target): boolean =>
  foreign?.[canary] !== undefined;

/** Shares that others gave to versions, in words. */
export function sharesOf(shares: Record<string, Percent>): string {
  const each = Object.entries(shares).map(
    ([version, share]) => `version ${version} keeps ${percent(share / 100)}`,
  );
  return each.join(' and ');
}

/**
 * What a reverted target looks like when the end is about to be written: a write in between is drift.
 * A canary that had completed serves on purpose, and stays as it was found.
 */
export function lastLook(
  found: RevertedTarget,
  seen: Observed,
  target: Target,
  by: RevertBy,
): RevertedTarget {
  if (found.primary === target.canary || isKept(found, target)) return found;
  const { primary, weights } = seen;
  const isRegained = primary === target.canary || weights[target.canary] !== undefined;
  const { foreign: _, ...before } = found;
  const foreign = foreignShares(seen, target, by);
  const looked = {
    ...before,
    primary,
    drifted: isForeign(primary, target),
    ...(foreign === undefined ? {} : { foreign }),
  };
  return isRegained ? { ...looked, regained: true } : looked;
}

/** True if what was read may be older than the revert: that one closed the token, so an open one was read late or put back by somebody. */
export function mayBeOlder({ token }: Observed, by: RevertBy): boolean {
  return token?.rolloutId === by.rolloutId && token.open;
}

/** What an error may revert: every target, or none if users meet an irreversible release that was not ordered to leave. */
export function revertible(rollout: Rollout, now: Instant): Target[] {
  const isHeld = hasCanaryTraffic(rollout) && next(rollout, now).kind !== 'revert';
  return isHeld ? [] : rollout.opening.targets;
}

/** True for a release that only a person may revert and that this rollout never raised: what somebody else gave it is not its own to remove. */
export const keepsShares = (rollout: Rollout): boolean =>
  !rollout.opening.reversible && !hasCanaryTraffic(rollout) && rollout.leaving?.cause !== 'human';

/** What is left to do after a revert: record it, revert a half-done completion too, or nothing because the weight is held on purpose. */
type Rest = { kind: 'record' } | { kind: 'revert'; targets: Target[] } | { kind: 'held' };

/** Says what is left to do, by what was found on the targets. Completed ones beside others, or beside a command to leave, are half a completion that must not stay; so is what a rollback was to leave. */
export function restOf(rollout: Rollout, found: RevertedTarget[]): Rest {
  if (isEnded(rollout)) return { kind: 'record' };
  if (found.length === 0) return { kind: 'held' };
  const targets = closedAmong(rollout.opening.targets, found);
  const isHalf = rollout.leaving !== undefined || targets.length < found.length;
  return targets.length > 0 && isHalf ? { kind: 'revert', targets } : { kind: 'record' };
}

/** The targets that still serve the canary after a revert although stable exists: a close had closed their fence, or a rollback has not claimed them. */
export function closedAmong(targets: Target[], found: RevertedTarget[]): Target[] {
  return targets.filter(
    (target) =>
      !isStuck(target) &&
      found.some(
        (each) =>
          each.name === target.name &&
          each.primary === target.canary &&
          !each.isStableGone &&
          !isKept(each, target),
      ),
  );
}
