import { close } from '../controller/close.ts';
import { type Answer, whenDirected } from '../controller/execution.ts';
import type { ExecutionInput } from '../core/ports.ts';
import { aws, awsS3, clock } from './_aws.ts';
import { ExecutionRef, lambda, type Task } from './_lambda.ts';
import { observer } from './_observe.ts';
import { budgetOn, completionsOn, journalOn, routersOn, watchdogOn } from './_ports.ts';

/** Ends a completed rollout. */
export const closeRollout: Task<
  ExecutionInput,
  Answer,
  'budget' | 'clock' | 'completions' | 'journal' | 'observer' | 'router' | 'watchdog'
> = {
  input: ExecutionRef,
  run: (ref, ports) => whenDirected(ref, ports, 'close', (rollout) => close(rollout, ports)),
};

/** The function on AWS. */
export const handler = lambda(closeRollout, () => ({
  budget: budgetOn(aws),
  clock,
  completions: completionsOn(aws, awsS3()),
  watchdog: watchdogOn(aws),
  journal: journalOn(aws),
  observer,
  router: routersOn(aws),
}));
