import { type Answer, whenDirected } from '../controller/execution.ts';
import { raise } from '../controller/raise.ts';
import type { ExecutionInput } from '../core/ports.ts';
import { aws, clock } from './_aws.ts';
import { ExecutionRef, lambda, type Task } from './_lambda.ts';
import { observer } from './_observe.ts';
import { budgetOn, journalOn, routersOn } from './_ports.ts';

/** Makes the canary the version that serves one target, in one write under the fence. */
export const promoteCanary: Task<
  ExecutionInput,
  Answer,
  'budget' | 'clock' | 'journal' | 'observer' | 'router'
> = {
  input: ExecutionRef,
  run: (ref, ports) =>
    whenDirected(ref, ports, 'promote', (rollout, { target }) => raise(rollout, target, 100, ports)),
};

/** The function on AWS. */
export const handler = lambda(promoteCanary, () => ({
  budget: budgetOn(aws),
  clock,
  journal: journalOn(aws),
  observer,
  router: routersOn(aws),
}));
