import { executionInput, readRollout } from '../controller/execution.ts';
import { arm } from '../controller/open/begin.ts';
import { recordJudgement } from '../controller/record.ts';
import type { ExecutionInput } from '../core/ports.ts';
import { aws, clock } from './_aws.ts';
import { ExecutionRef, lambda, type Task } from './_lambda.ts';
import { observer } from './_observe.ts';
import { executionsOn, journalOn, watchdogOn } from './_ports.ts';

/** Hands the rollout to a fresh execution of the next epoch, after which this one calls nothing; the watchdog learns the versions too. Repeatable. */
export const continueAsNew: Task<ExecutionInput, object, 'clock' | 'executions' | 'journal' | 'watchdog'> = {
  input: ExecutionRef,
  async run(ref, ports) {
    const rollout = await readRollout(ref.rolloutId, ports);
    const after =
      rollout.epoch === ref.epoch ? await recordJudgement(rollout, { type: 'Continue' }, ports) : rollout;
    // The schedule that stands watches as well; only what it is armed with is older.
    await arm(after, ports).catch((error: Error) =>
      observer.warn('went on without a new schedule', { rolloutId: ref.rolloutId, error: error.name }),
    );
    await ports.executions.start(executionInput(after));
    return {};
  },
};

/** The function on AWS. */
export const handler = lambda(continueAsNew, () => ({
  clock,
  watchdog: watchdogOn(aws),
  executions: executionsOn(aws),
  journal: journalOn(aws),
}));
