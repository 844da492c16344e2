import type { ExecutionInput } from '../core/ports.ts';
import { executionInput, readRollout } from './execution.ts';
import { arm } from './open/begin.ts';
import type { Needs } from './ports.ts';
import { recordJudgement } from './record.ts';

/** Hands a rollout to a fresh execution of the next epoch, after which this one calls nothing; the watchdog learns the versions too. Repeatable. */
export async function handOver(
  ref: ExecutionInput,
  ports: Needs<'clock' | 'executions' | 'journal' | 'observer' | 'watchdog'>,
): Promise<void> {
  const rollout = await readRollout(ref.rolloutId, ports);
  const after =
    rollout.epoch === ref.epoch ? await recordJudgement(rollout, { type: 'Continue' }, ports) : rollout;
  // The schedule that stands watches as well; only what it is armed with is older.
  await arm(after, ports).catch((error: Error) =>
    ports.observer.warn('went on without a new schedule', { rolloutId: ref.rolloutId, error: error.name }),
  );
  await ports.executions.start(executionInput(after));
}
