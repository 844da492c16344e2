import { close } from '../controller/close.ts';
import { type Answer, turn } from '../controller/execution.ts';
import type { ExecutionInput } from '../core/ports.ts';
import { awsBudget, awsCompletions, awsDeadMan, awsJournal, awsRouters, clock } from './_aws.ts';
import { ExecutionRef, lambda, type Task } from './_lambda.ts';
import { observer } from './_observe.ts';

/** Ends a completed rollout. */
export const closeRollout: Task<
  ExecutionInput,
  Answer,
  'budget' | 'clock' | 'completions' | 'deadMan' | 'journal' | 'observer' | 'router'
> = {
  input: ExecutionRef,
  run: (ref, ports) => turn(ref, ports, 'close', (rollout) => close(rollout, ports)),
};

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
