import type { WatchdogInput } from '../core/ports.ts';
import { dueAt, GRACE_SECONDS } from '../core/rollout/due.ts';
import { keepsShares } from '../core/rollout/revert-plan.ts';
import { isEnded, type Rollout } from '../core/rollout/state.ts';
import { arm, restart } from './open/begin.ts';
import { unpin } from './pins.ts';
import type { Needs } from './ports.ts';
import { recordJudgement } from './record.ts';
import { revertTargets } from './revert-targets.ts';

type Watches = 'clock' | 'executions' | 'journal' | 'observer' | 'router' | 'watchdog';

/** How long the journal may be unreadable before the canary is taken out without asking it. */
const UNREADABLE_MS = 10 * 60_000;

/** How long a rollout may be armed without being in the journal: its opening may still be repeated. */
const UNOPENED_MS = 60 * 60_000;

/** What the watchdog found when it looked. */
export type Found = 'alive' | 'ended' | 'unknown' | 'taken over' | 'unreadable' | 'reverted';

/** Looks whether a rollout's execution still lives; a dead one is replaced by another, which first reads the targets. */
export async function watch(input: WatchdogInput, ports: Needs<Watches>): Promise<Found> {
  let rollout: Rollout | undefined;
  try {
    rollout = await ports.journal.read(input.rolloutId);
  } catch {
    return await withoutJournal(input, ports);
  }
  if (input.unreadableSince !== undefined)
    await ports.watchdog.arm({ ...input, armedAt: ports.clock.now(), unreadableSince: undefined });
  return look(rollout, input, ports);
}

async function look(
  rollout: Rollout | undefined,
  { rolloutId, armedAt }: WatchdogInput,
  ports: Needs<Watches>,
): Promise<Found> {
  const now = ports.clock.now();
  if (rollout === undefined) {
    if (now > armedAt + UNOPENED_MS) await ports.watchdog.disarm(rolloutId);
    return 'unknown';
  }
  if (isEnded(rollout)) {
    await unpin(rollout, ports);
    await ports.watchdog.disarm(rolloutId);
    return 'ended';
  }
  if (now <= dueAt(rollout) + GRACE_SECONDS * 1000) return 'alive';
  const after = await recordJudgement(
    rollout,
    {
      type: 'TakeOver',
      reason: `the last one was due to write at ${new Date(dueAt(rollout)).toISOString()} and did not`,
    },
    ports,
  );
  if (after.epoch === rollout.epoch) return 'alive';
  const [begun, ...others] = await Promise.allSettled([
    replaced(after, ports),
    // The old one can write nothing any more, and the old schedule looks as well as a new one.
    ports.executions.stop(rolloutId, rollout.epoch, 'taken over by the watchdog'),
    arm(after, ports),
  ]);
  for (const other of others)
    if (other.status === 'rejected')
      ports.observer.warn('took over without a call', { rolloutId, error: nameOf(other.reason) });
  if (begun.status === 'rejected') throw begun.reason;
  return 'taken over';
}

/** Starts another execution. If the canary is to leave, it does so at once, since that execution may come to nothing as well. */
async function replaced(rollout: Rollout, ports: Needs<Watches>): Promise<void> {
  const { rolloutId, targets } = rollout.opening;
  const by = { rolloutId, epoch: rollout.epoch, keep: keepsShares(rollout) };
  const [begun, out] = await Promise.allSettled([
    restart(rollout, ports),
    rollout.leaving === undefined ? [] : revertTargets(targets, by, ports),
  ]);
  if (begun.status === 'rejected') throw begun.reason;
  if (out.status === 'rejected') throw out.reason;
}

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : 'Error');

async function withoutJournal(input: WatchdogInput, ports: Needs<Watches>): Promise<Found> {
  ports.observer.count({ JournalUnreadable: 1 });
  const now = ports.clock.now();
  if (input.unreadableSince === undefined) {
    await ports.watchdog.arm({ ...input, armedAt: now, unreadableSince: now });
    return 'unreadable';
  }
  if (now - input.unreadableSince < UNREADABLE_MS) return 'unreadable';
  await revertTargets(input.targets, input, ports);
  return 'reverted';
}
