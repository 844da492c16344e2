import { RolloutError } from '../core/errors.ts';
import type { ExecutionInput } from '../core/ports.ts';
import { awsJournal, awsRouters, clock } from './_aws.ts';
import { reconcileTargets } from './_targets.ts';
import { type Answer, answer, ExecutionRef, isSuperseded, lambda, readRollout, type Task } from './_task.ts';

/** Says what an execution does first, or after it was woken: the targets are read before the journal is believed. */
export const decide: Task<ExecutionInput, Answer, 'clock' | 'journal' | 'router'> = {
  input: ExecutionRef,
  async run(ref, ports) {
    const rollout = await readRollout(ref.rolloutId, ports);
    if (isSuperseded(rollout, ref)) return { kind: 'continue', seconds: 1, version: rollout.version };
    try {
      return answer(await reconcileTargets(rollout, ports), ports);
    } catch (error) {
      if (!RolloutError.is(error, 'Unavailable')) throw error;
      // Whoever raises, seals or measures next reads its target itself, under the fence.
      return answer(await readRollout(ref.rolloutId, ports), ports);
    }
  },
};

/** The function on AWS. */
export const handler = lambda(decide, () => ({ clock, journal: awsJournal(), router: awsRouters() }));
