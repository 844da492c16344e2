import type { DeadManInput } from '../core/ports.ts';
import { dueAt, GRACE_SECONDS } from '../core/rollout/due.ts';
import { isEnded, type Rollout } from '../core/rollout/state.ts';
import { arm, beginAgain } from './open/begin.ts';
import { unpin } from './pins.ts';
import type { Needs } from './ports.ts';
import { recordJudgement } from './record.ts';
import { revertTargets } from './revert-targets.ts';

type Watches = 'clock' | 'deadMan' | 'executions' | 'journal' | 'observer' | 'router';

/** How long the journal may be unreadable before the canary is taken out without asking it. */
const UNREADABLE_MS = 10 * 60_000;

/** How long a rollout may be armed without being in the journal: its opening may still be repeated. */
const UNOPENED_MS = 60 * 60_000;

/** What the dead man found when he looked. */
export type Found = 'alive' | 'ended' | 'unknown' | 'taken over' | 'unreadable' | 'reverted';

/** Looks whether a rollout's execution still lives; a dead one is replaced by another, which first reads the targets. */
export async function watch(input: DeadManInput, ports: Needs<Watches>): Promise<Found> {
  let rollout: Rollout | undefined;
  try {
    rollout = await ports.journal.read(input.rolloutId);
  } catch {
    return await withoutJournal(input, ports);
  }
  if (input.unreadableSince !== undefined)
    await ports.deadMan.arm({ ...input, armedAt: ports.clock.now(), unreadableSince: undefined });
  return look(rollout, input, ports);
}

async function look(
  rollout: Rollout | undefined,
  { rolloutId, armedAt }: DeadManInput,
  ports: Needs<Watches>,
): Promise<Found> {
  const now = ports.clock.now();
  if (rollout === undefined) {
    if (now > armedAt + UNOPENED_MS) await ports.deadMan.disarm(rolloutId);
    return 'unknown';
  }
  if (isEnded(rollout)) {
    await unpin(rollout, ports);
    await ports.deadMan.disarm(rolloutId);
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
  await ports.executions.stop(rolloutId, rollout.epoch, 'taken over by the dead man');
  await arm(after, ports);
  await beginAgain(after, ports);
  return 'taken over';
}

async function withoutJournal(input: DeadManInput, ports: Needs<Watches>): Promise<Found> {
  ports.observer.count({ JournalUnreadable: 1 });
  const now = ports.clock.now();
  if (input.unreadableSince === undefined) {
    await ports.deadMan.arm({ ...input, armedAt: now, unreadableSince: now });
    return 'unreadable';
  }
  if (now - input.unreadableSince < UNREADABLE_MS) return 'unreadable';
  await revertTargets(input.targets, input, ports);
  return 'reverted';
}
