import * as z from 'zod';
import type { ExecutionInput } from '../core/ports.ts';
import { targetNamed } from '../core/rollout/state.ts';
import { recordJudgement } from './_journal.ts';
import { ExecutionRef, type Task, turn } from './_task.ts';

const Input = z.object({ ref: ExecutionRef, version: z.number(), token: z.string() });

/** Puts one smoke test to the unreleased version and wakes its own state, so that an abort never waits for a test. */
export const runHook: Task<{ ref: ExecutionInput; version: number; token: string }, object> = {
  input: Input,
  async run({ ref, version, token }, ports) {
    await ports.journal.putToken(ref.rolloutId, { version, token });
    await turn(ref, ports, 'hook', async (rollout, { index, check }) => {
      const result = await ports.smoke.run(targetNamed(rollout, check.target), check);
      return recordJudgement(rollout, { type: 'AnswerSmoke', index, ...result }, ports);
    });
    await ports.executions.wake(token);
    return {};
  },
};
