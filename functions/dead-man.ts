import * as z from 'zod/mini';
import { arm, beginAgain } from '../controller/open/begin.ts';
import { unpin } from '../controller/pins.ts';
import type { Needs } from '../controller/ports.ts';
import { recordJudgement } from '../controller/record.ts';
import { revertTargets } from '../controller/revert-targets.ts';
import type { DeadManInput } from '../core/ports.ts';
import { dueAt, GRACE_SECONDS } from '../core/rollout/due.ts';
import { isEnded, type Rollout } from '../core/rollout/state.ts';
import { awsDeadMan, awsExecutions, awsJournal, awsRouters, clock } from './_aws.ts';
import { ExecutionRef, lambda, type Task } from './_lambda.ts';
import { observer } from './_observe.ts';

/** How long the journal may be unreadable before the canary is taken out without asking it. */
const UNREADABLE_MS = 10 * 60_000;

/** How long a rollout may be armed without being in the journal: its opening may still be repeated. */
const UNOPENED_MS = 60 * 60_000;

const Input = z.intersection(
  ExecutionRef,
  z.object({ deadline: z.number(), armedAt: z.number(), unreadableSince: z.optional(z.number()) }),
);

/** What the dead man found when he looked. */
type Found = 'alive' | 'ended' | 'unknown' | 'taken over' | 'unreadable' | 'reverted';

/** Looks whether a rollout's execution still lives; a dead one is replaced by another, which first reads the targets. */
export const deadMan: Task<
  DeadManInput,
  { found: Found },
  'clock' | 'deadMan' | 'executions' | 'journal' | 'observer' | 'router'
> = {
  input: Input,
  async run(input, ports) {
    let rollout: Rollout | undefined;
    try {
      rollout = await ports.journal.read(input.rolloutId);
    } catch {
      return { found: await withoutJournal(input, ports) };
    }
    if (input.unreadableSince !== undefined)
      await ports.deadMan.arm({ ...input, armedAt: ports.clock.now(), unreadableSince: undefined });
    return { found: await look(rollout, input, ports) };
  },
};

async function look(
  rollout: Rollout | undefined,
  { rolloutId, armedAt }: DeadManInput,
  ports: Needs<'clock' | 'deadMan' | 'executions' | 'journal' | 'observer' | 'router'>,
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

async function withoutJournal(
  input: DeadManInput,
  ports: Needs<'clock' | 'deadMan' | 'executions' | 'journal' | 'observer' | 'router'>,
): Promise<Found> {
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

/** The function on AWS. */
export const handler = lambda(deadMan, () => ({
  clock,
  deadMan: awsDeadMan(),
  executions: awsExecutions(),
  journal: awsJournal(),
  observer,
  router: awsRouters(),
}));
