import * as z from 'zod/mini';
import { beginHold, type WaitingState } from '../controller/waiting-state.ts';
import { aws } from './_aws.ts';
import { ExecutionRef, lambda, type Task } from './_lambda.ts';
import { executionsOn, journalOn } from './_ports.ts';

const Input = z.object({ ref: ExecutionRef, version: z.number(), token: z.string() });

/** Waits for the journal. */
export const hold: Task<WaitingState, object, 'executions' | 'journal'> = {
  input: Input,
  async run(state, ports) {
    await beginHold(state, ports);
    return {};
  },
};

/** The function on AWS. */
export const handler = lambda(hold, () => ({ executions: executionsOn(aws), journal: journalOn(aws) }));
