import { RolloutError } from '../core/errors.ts';
import type { Observed } from '../core/ports.ts';
import { hasCanaryTraffic } from '../core/rollout/due.ts';
import { isWorthAnotherLook } from '../core/rollout/reconcile.ts';
import type { Rollout } from '../core/rollout/state.ts';
import type { Target } from '../core/target.ts';
import { within } from '../core/within.ts';
import type { Needs } from './ports.ts';
import { recordJudgement } from './record.ts';

/** Time between two looks at a target whose state may be an older one, and how many are taken: Lambda promises no time after which a read shows a write (assumed). */
const LOOK_AGAIN_MS = 500;
const LOOKS_MAX = 4;

/** What a target looks like, read again while it could be an older state of it. */
export async function settled(
  rollout: Rollout,
  target: Target,
  ports: Needs<'clock' | 'router'>,
  signal?: AbortSignal,
): Promise<Observed> {
  for (let looks = 1; ; looks++) {
    const seen = await ports.router(target.kind).observe(target);
    if (looks === LOOKS_MAX || !isWorthAnotherLook(rollout, target, seen, ports.clock.now())) return seen;
    await ports.clock.sleep(LOOK_AGAIN_MS, signal);
  }
}

/** How long all targets together may take to be read: half of a function's 10 s, the rest of which belongs to what it is there for. */
const LOOK_MS = 5_000;

/**
 * Reads every target and records what the journal had not learned of. Comes before anything a resumed rollout does.
 * @throws RolloutError Unavailable if they cannot be read in time
 */
export async function reconcileTargets(
  rollout: Rollout,
  ports: Needs<'clock' | 'journal' | 'router'>,
): Promise<Rollout> {
  if (rollout.leaving !== undefined || rollout.outcome !== undefined || !hasCanaryTraffic(rollout))
    return rollout;
  const { rolloutId, targets } = rollout.opening;
  const until = ports.clock.now() + LOOK_MS;
  const late = (): never => {
    const why = `the targets of ${rolloutId} could not be read within ${LOOK_MS / 1000} s; they will be tried again.`;
    throw new RolloutError('Unavailable', why);
  };
  let present = rollout;
  for (const target of targets) {
    // What comes too late, or after another writer made progress, is not written: by then it may be outdated.
    const look = (signal: AbortSignal) => settled(rollout, target, ports, signal);
    const seen = await within(until - ports.clock.now(), look, late, ports);
    present = await recordJudgement(present, { type: 'Reconcile', target: target.name, seen }, ports);
  }
  return present;
}
