import { isEnded, type Rollout } from '../core/rollout/state.ts';
import { soon } from '../core/within.ts';
import { withCalls } from './budget.ts';
import { unpin } from './pins.ts';
import type { Needs } from './ports.ts';
import { reconcileTargets } from './reconcile.ts';
import { recordEffect } from './record.ts';

type Closes = 'budget' | 'clock' | 'completions' | 'journal' | 'observer' | 'router' | 'watchdog';

/** Ends a completed rollout: traffic is read back against the outcome, the fence is closed, then the lock goes. Repeatable. */
export async function close(rollout: Rollout, ports: Needs<Closes>): Promise<Rollout> {
  const { rolloutId, targets } = rollout.opening;
  const calls = targets.reduce((all, { kind }) => all + ports.router(kind).calls.close, 0);
  const closed = await withCalls(rollout, calls, ports, () => closeNow(rollout, ports));
  // A pin that may be left is removed by the watchdog, which disarms itself then, as it does if it cannot be disarmed here.
  if (isEnded(closed) && (await unpin(closed, ports)))
    await soon(DISARMING_MS, () => ports.watchdog.disarm(rolloutId), ports);
  return closed;
}

async function closeNow(
  rollout: Rollout,
  ports: Needs<'clock' | 'completions' | 'journal' | 'router'>,
): Promise<Rollout> {
  let present = await reconcileTargets(rollout, ports);
  for (const target of rollout.opening.targets) {
    if (present.leaving !== undefined) return present;
    const by = { rolloutId: rollout.opening.rolloutId, epoch: present.epoch };
    const seen = await ports.router(target.kind).closeFence(target, by);
    // What the fence closed round must be the canary alone; anything else is drift.
    const isCanary = seen.primary === target.canary && Object.keys(seen.weights).length === 0;
    if (!isCanary)
      present = await recordEffect(present, { type: 'Reconcile', target: target.name, seen }, ports);
  }
  const closed = await recordEffect(present, { type: 'Close' }, ports);
  // Not before: an abort may have been faster, and what was published once is believed elsewhere.
  if (closed.outcome === 'completed') await publish(closed, ports);
  return closed;
}

/** How long disarming the watchdog may take. */
const DISARMING_MS = 3_000;

/** How long publishing to other environments may take. */
const PUBLISHING_MS = 3_000;

/** Publishes what completed, best effort: a release that serves everybody must not wait for it, and what is not published is refused elsewhere. */
async function publish({ opening }: Rollout, ports: Needs<'clock' | 'completions'>): Promise<void> {
  const { environment, service, rolloutId, digests } = opening;
  if (digests === undefined) return;
  const at = ports.clock.now();
  const completion = { environment, service, digests, rolloutId, completed: true, at };
  await soon(PUBLISHING_MS, () => ports.completions.publish(completion), ports);
}
