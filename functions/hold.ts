import * as z from 'zod/mini';
import { readRollout } from '../controller/execution.ts';
import type { ExecutionInput } from '../core/ports.ts';
import { aws } from './_aws.ts';
import { ExecutionRef, lambda, type Task } from './_lambda.ts';
import { executionsOn, journalOn } from './_ports.ts';

const Input = z.object({ ref: ExecutionRef, version: z.number(), token: z.string() });

/** Stores the token that wakes this hold, then looks once more: a write in between has not seen the token. */
export const hold: Task<
  { ref: ExecutionInput; version: number; token: string },
  object,
  'executions' | 'journal'
> = {
  input: Input,
  async run({ ref, version, token }, ports) {
    await ports.journal.putToken(ref.rolloutId, { version, token });
    const rollout = await readRollout(ref.rolloutId, ports);
    if (rollout.version !== version || rollout.epoch !== ref.epoch) await ports.executions.wake(token);
    return {};
  },
};

/** The function on AWS. */
export const handler = lambda(hold, () => ({ executions: executionsOn(aws), journal: journalOn(aws) }));
