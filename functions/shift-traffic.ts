import { type Answer, whenDirected } from '../controller/execution.ts';
import { raise } from '../controller/raise.ts';
import type { ExecutionInput } from '../core/ports.ts';
import { aws, clock } from './_aws.ts';
import { ExecutionRef, lambda, type Task } from './_lambda.ts';
import { observer } from './_observe.ts';
import { budgetOn, journalOn, routersOn } from './_ports.ts';

/** Puts the directive's weight on one target and writes it down. */
export const shiftTraffic: Task<
  ExecutionInput,
  Answer,
  'budget' | 'clock' | 'journal' | 'observer' | 'router'
> = {
  input: ExecutionRef,
  run: (ref, ports) =>
    whenDirected(ref, ports, 'shift', (rollout, { target, weight }) => raise(rollout, target, weight, ports)),
};

/** The function on AWS. */
export const handler = lambda(shiftTraffic, () => ({
  budget: budgetOn(aws),
  clock,
  journal: journalOn(aws),
  observer,
  router: routersOn(aws),
}));
