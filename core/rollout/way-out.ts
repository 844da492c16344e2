import type { Observed } from '../ports.ts';
import type { Instant, Percent } from '../units.ts';
import { percent } from '../words.ts';
import { hasCanaryTraffic } from './due.ts';
import type { RevertBy, RevertedTarget, Target } from './event.ts';
import { next } from './next.ts';
import { SEQ_MAX, type Stamp } from './stamp.ts';
import { isEnded, isStuck, type Rollout } from './state.ts';

/** What a revert must write on one target, or that nothing of this rollout is there to be taken back. */
type WayOut =
  | { write: { primary: string; weights: Record<string, Percent>; stamp: Stamp } }
  | { leave: 'sealed' | 'left already' | 'another rollout' };

/**
 * Takes our canary out of what stands there and touches nothing else. A target that another rollout has stamped, or
 * that this one sealed after completion, is no longer ours to change.
 */
export function wayOut(seen: Observed, target: Target, by: RevertBy): WayOut {
  const { primary, weights, stamp } = seen;
  if (stamp !== undefined && stamp.rolloutId !== by.rolloutId) return { leave: 'another rollout' };
  const { [target.canary]: share, ...others } = weights;
  const { rolloutId, epoch, person } = by;
  const seq = Math.min(SEQ_MAX, (stamp?.seq ?? 0) + 1);
  const shut = { rolloutId, epoch, seq, open: false, ...(person === undefined ? {} : { by: person }) };
  if (keptShare(seen, target, by) !== undefined)
    return stamp?.open === false ? { leave: 'left already' } : { write: { primary, weights, stamp: shut } };
  if (stamp?.open === false && share === undefined) {
    if (primary !== target.canary) return { leave: 'left already' };
    if (!by.unseal) return { leave: 'sealed' };
  }
  const serving = primary === target.canary ? target.stable : primary;
  const { [serving]: _, ...weightsLeft } = others;
  return { write: { primary: serving, weights: weightsLeft, stamp: shut } };
}

/** The share that somebody else gave to a canary that may not be taken back; undefined if there is none. */
function keptShare(
  { primary, weights }: Observed,
  { canary }: Target,
  { keep }: RevertBy,
): Percent | undefined {
  if (keep !== true) return undefined;
  return primary === canary ? 100 : weights[canary];
}

/** True where the version that serves is none of this rollout's. */
export function isStranger(primary: string, target: Target): boolean {
  return primary !== target.stable && primary !== target.canary;
}

/**
 * What others gave to versions and a revert leaves alone, in percent: to those that are neither stable nor canary, beside the one that
 * serves, and to a canary that may not be taken back. Undefined if there is nothing, or if another rollout has the target.
 */
export function foreignShares(
  seen: Observed,
  target: Target,
  by: Pick<RevertBy, 'rolloutId' | 'epoch' | 'keep'>,
): Record<string, Percent> | undefined {
  const { weights, stamp } = seen;
  if (stamp !== undefined && stamp.rolloutId !== by.rolloutId) return undefined;
  const kept = keptShare(seen, target, by);
  const foreign = Object.entries(weights).filter(([version]) => isStranger(version, target));
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
 * What a target that was taken back looks like when the end is about to be written: whoever wrote in between is a stranger.
 * A canary that a completion had sealed serves on purpose, and stays as it was found.
 */
export function lastLook(
  found: RevertedTarget,
  seen: Observed,
  target: Target,
  by: RevertBy,
): RevertedTarget {
  if (found.primary === target.canary || isKept(found, target)) return found;
  const { primary, weights } = seen;
  const isAgain = primary === target.canary || weights[target.canary] !== undefined;
  const { foreign: _, ...before } = found;
  const foreign = foreignShares(seen, target, by);
  const looked = {
    ...before,
    primary,
    stranger: isStranger(primary, target),
    ...(foreign === undefined ? {} : { foreign }),
  };
  return isAgain ? { ...looked, again: true } : looked;
}

/** True if what stands there may be older than the revert that was made: that one closed the stamp, so an open one is read late, or was put back by somebody. */
export function mayBeOlder({ stamp }: Observed, by: RevertBy): boolean {
  return stamp?.rolloutId === by.rolloutId && stamp.open;
}

/** What an error may take back: every target, or none where users meet an irreversible release and nothing says that it is to leave. */
export function mayBeTakenBack(rollout: Rollout, now: Instant): Target[] {
  const isHeld = hasCanaryTraffic(rollout) && next(rollout, now).kind !== 'revert';
  return isHeld ? [] : rollout.opening.targets;
}

/** True for a release that only a person may take back and that this rollout never raised: what somebody else gave it is not its own to take. */
export const keepsShares = (rollout: Rollout): boolean =>
  !rollout.opening.reversible && !hasCanaryTraffic(rollout) && rollout.leaving?.cause !== 'human';

/** What is left to do after a revert: write it down, take a half-done completion back too, or nothing because the weight is held on purpose. */
type Rest = { kind: 'record' } | { kind: 'unseal'; targets: Target[] } | { kind: 'held' };

/** Says what is left to do, by what was found on the targets. Sealed ones beside others, or beside an order to leave, are half a completion that must not stay; so is what a rollback was to leave. */
export function restOf(rollout: Rollout, found: RevertedTarget[]): Rest {
  if (isEnded(rollout)) return { kind: 'record' };
  if (found.length === 0) return { kind: 'held' };
  const targets = sealedAmong(rollout.opening.targets, found);
  const isHalf = rollout.leaving !== undefined || targets.length < found.length;
  return targets.length > 0 && isHalf ? { kind: 'unseal', targets } : { kind: 'record' };
}

/** The targets that still serve the canary after a revert although stable exists: a close had sealed them, or a rollback has not claimed them. */
export function sealedAmong(targets: Target[], found: RevertedTarget[]): Target[] {
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
