import { LambdaClient } from '@aws-sdk/client-lambda';
import * as z from 'zod/mini';
import { attend } from '../controller/checkpoint.ts';
import { type WaitingState, workAndWake } from '../controller/waiting-state.ts';
import { aws, clock } from './_aws.ts';
import { ExecutionRef, lambda, type Task } from './_lambda.ts';
import { executionsOn, hooksOn, journalOn } from './_ports.ts';
import { keeping } from './_secrets.ts';

const Input = z.object({ ref: ExecutionRef, version: z.number(), token: z.string() });

/** Asks one hook, or opens one gate, and wakes its own state, so that an abort never waits for somebody else's code. */
export const runHook: Task<WaitingState, object, 'clock' | 'executions' | 'hooks' | 'journal'> = {
  input: Input,
  async run(state, ports) {
    await workAndWake(state, ports, 'hook', (rollout, { checkpoint }) => attend(rollout, checkpoint, ports));
    return {};
  },
};

/** The function on AWS. */
export const handler = lambda(runHook, () => ({
  clock,
  executions: executionsOn(aws),
  hooks: hooksOn(keeping(LambdaClient)),
  journal: journalOn(aws),
}));
