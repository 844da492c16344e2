import type { ExecutionInput } from '../core/ports.ts';
import { awsBudget, awsJournal, awsRouters, clock } from './_aws.ts';
import { type Answer, ExecutionRef, lambda, type Task, turn } from './_task.ts';
import { raise } from './shift-traffic.ts';

/** Makes the canary the version that serves one target, in one write under the fence. */
export const promoteCanary: Task<ExecutionInput, Answer, 'budget' | 'clock' | 'journal' | 'router'> = {
  input: ExecutionRef,
  run: (ref, ports) =>
    turn(ref, ports, 'promote', (rollout, { target }) => raise(rollout, target, 100, ports)),
};

/** The function on AWS. */
export const handler = lambda(promoteCanary, () => ({
  budget: awsBudget(),
  clock,
  journal: awsJournal(),
  router: awsRouters(),
}));
