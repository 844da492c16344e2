import { RolloutError } from '../core/errors.ts';
import type { ExecutionInput } from '../core/ports.ts';
import { isEnded, type Rollout } from '../core/rollout/state.ts';
import { awsDeadMan, awsJournal, awsRouters, clock } from './_aws.ts';
import { recordEffect } from './_journal.ts';
import { reconcileTargets } from './_targets.ts';
import { type Answer, ExecutionRef, lambda, type Needs, type Task, turn } from './_task.ts';

/** Ends a completed rollout: traffic is read back against the outcome, the fence is shut, then the lock goes. Repeatable. */
export const closeRollout: Task<ExecutionInput, Answer, 'clock' | 'deadMan' | 'journal' | 'router'> = {
  input: ExecutionRef,
  run: (ref, ports) =>
    turn(ref, ports, 'close', async (rollout) => {
      const closed = isEnded(rollout) ? rollout : await close(rollout, ports);
      await ports.deadMan.disarm(ref.rolloutId);
      return closed;
    }),
};

async function close(
  rollout: Rollout,
  ports: Needs<'clock' | 'deadMan' | 'journal' | 'router'>,
): Promise<Rollout> {
  const present = await reconcileTargets(rollout, ports);
  const { rolloutId } = rollout.opening;
  if (present.leaving !== undefined) {
    throw spoilt(rolloutId, present.leaving.reason);
  }
  for (const target of rollout.opening.targets) {
    const sealed = await ports.router(target.kind).seal(target, { rolloutId, epoch: present.epoch });
    if (sealed.primary !== target.canary || Object.keys(sealed.weights).length > 0)
      throw spoilt(rolloutId, `${target.key} serves version ${sealed.primary}`);
  }
  const after = await recordEffect(present, { type: 'Close' }, ports);
  if (!isEnded(after)) throw spoilt(rolloutId, after.leaving?.reason ?? 'somebody was first');
  return after;
}

/** Ends the state by its Catch: the way out tells a completion from everything else. */
function spoilt(rolloutId: string, why: string): RolloutError {
  return new RolloutError(
    'RevertFailed',
    `The closing audit of ${rolloutId} found that it must not complete: ${why}.`,
  );
}

/** The function on AWS. */
export const handler = lambda(closeRollout, () => ({
  clock,
  deadMan: awsDeadMan(),
  journal: awsJournal(),
  router: awsRouters(),
}));
