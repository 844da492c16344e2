import { inTurn } from '../controller/budget.ts';
import { type Answer, turn } from '../controller/execution.ts';
import { unpin } from '../controller/pins.ts';
import type { Needs } from '../controller/ports.ts';
import { reconcileTargets } from '../controller/reconcile.ts';
import { recordEffect } from '../controller/record.ts';
import { soon } from '../controller/within.ts';
import { CLOSE_CALLS } from '../core/budget.ts';
import type { ExecutionInput } from '../core/ports.ts';
import { isEnded, type Rollout } from '../core/rollout/state.ts';
import { awsBudget, awsCompletions, awsDeadMan, awsJournal, awsRouters, clock } from './_aws.ts';
import { ExecutionRef, lambda, type Task } from './_lambda.ts';
import { observer } from './_observe.ts';

/** Ends a completed rollout: traffic is read back against the outcome, the fence is shut, then the lock goes. Repeatable. */
export const closeRollout: Task<
  ExecutionInput,
  Answer,
  'budget' | 'clock' | 'completions' | 'deadMan' | 'journal' | 'observer' | 'router'
> = {
  input: ExecutionRef,
  run: (ref, ports) =>
    turn(ref, ports, 'close', async (rollout) => {
      const calls = CLOSE_CALLS * rollout.opening.targets.length;
      const closed = await inTurn(rollout, calls, ports, () => close(rollout, ports));
      // A pin that may be left is removed by the watchdog, which disarms itself then, as it does if it cannot be disarmed here.
      if (isEnded(closed) && (await unpin(closed, ports)))
        await soon(DISARMING_MS, () => ports.deadMan.disarm(ref.rolloutId), ports);
      return closed;
    }),
};

async function close(
  rollout: Rollout,
  ports: Needs<'clock' | 'completions' | 'journal' | 'router'>,
): Promise<Rollout> {
  let present = await reconcileTargets(rollout, ports);
  for (const target of rollout.opening.targets) {
    if (present.leaving !== undefined) return present;
    const by = { rolloutId: rollout.opening.rolloutId, epoch: present.epoch };
    const seen = await ports.router(target.kind).seal(target, by);
    // What the seal closed round must be the canary alone; anything else is news that the way out has to answer.
    const isCanary = seen.primary === target.canary && Object.keys(seen.weights).length === 0;
    if (!isCanary)
      present = await recordEffect(present, { type: 'Reconcile', target: target.name, seen }, ports);
  }
  const closed = await recordEffect(present, { type: 'Close' }, ports);
  // Not before: an abort may have been faster, and what was told once is believed elsewhere.
  if (closed.outcome === 'completed') await tell(closed, ports);
  return closed;
}

/** How long disarming the watchdog may take. */
const DISARMING_MS = 3_000;

/** How long telling other environments may take. */
const TELLING_MS = 3_000;

/** Tells what completed, best effort: a release that serves everybody must not be held up by it, and what is not told is refused elsewhere. */
async function tell({ opening }: Rollout, ports: Needs<'clock' | 'completions'>): Promise<void> {
  const { environment, service, rolloutId, digests } = opening;
  if (digests === undefined) return;
  const at = ports.clock.now();
  const told = { environment, service, digests, rolloutId, completed: true, at };
  await soon(TELLING_MS, () => ports.completions.tell(told), ports);
}

/** The function on AWS. */
export const handler = lambda(closeRollout, () => ({
  budget: awsBudget(),
  clock,
  completions: awsCompletions(),
  deadMan: awsDeadMan(),
  journal: awsJournal(),
  observer,
  router: awsRouters(),
}));
