import * as z from 'zod/mini';
import { turn } from '../controller/execution.ts';
import type { Needs } from '../controller/ports.ts';
import { recordJudgement } from '../controller/record.ts';
import type { ExecutionInput } from '../core/ports.ts';
import type { Hook } from '../core/rollout/event.ts';
import { questionOf } from '../core/rollout/question.ts';
import type { Rollout } from '../core/rollout/state.ts';
import { awsExecutions, awsHooks, awsJournal, clock } from './_aws.ts';
import { ExecutionRef, lambda, type Task } from './_lambda.ts';

const Input = z.object({ ref: ExecutionRef, version: z.number(), token: z.string() });

/** Asks one hook, or opens one gate, and wakes its own state, so that an abort never waits for somebody else's code. */
export const runHook: Task<
  { ref: ExecutionInput; version: number; token: string },
  object,
  'clock' | 'executions' | 'hooks' | 'journal'
> = {
  input: Input,
  async run({ ref, version, token }, ports) {
    await ports.journal.putToken(ref.rolloutId, { version, token });
    await turn(ref, ports, 'hook', (rollout, { checkpoint }) =>
      checkpoint.kind === 'gate'
        ? recordJudgement(
            rollout,
            { type: 'OpenGate', gate: checkpoint.gate.before, seconds: checkpoint.gate.timeoutSeconds },
            ports,
          )
        : ask(rollout, checkpoint.id, checkpoint.hook, ports),
    );
    await ports.executions.wake(token);
    return {};
  },
};

async function ask(
  rollout: Rollout,
  occurrence: string,
  hook: Hook,
  ports: Needs<'clock' | 'executions' | 'hooks' | 'journal'>,
): Promise<Rollout> {
  const asked = rollout.hooks[occurrence];
  if (asked?.status === 'started') {
    return recordJudgement(
      rollout,
      {
        type: 'AnswerHook',
        hook: occurrence,
        status: 'broken',
        reason: `no answer came within ${hook.timeoutSeconds} s`,
      },
      ports,
    );
  }
  const reply = await ports.hooks(hook.kind).ask(questionOf(rollout, occurrence, hook));
  return reply.status === 'pending'
    ? recordJudgement(rollout, { type: 'StartHook', hook: occurrence, seconds: hook.timeoutSeconds }, ports)
    : recordJudgement(
        rollout,
        { type: 'AnswerHook', hook: occurrence, status: reply.status, reason: reply.reason },
        ports,
      );
}

/** The function on AWS. */
export const handler = lambda(runHook, () => ({
  clock,
  executions: awsExecutions(),
  hooks: awsHooks(),
  journal: awsJournal(),
}));
