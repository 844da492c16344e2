import * as z from 'zod/mini';
import { type Answer, answer, isSuperseded, readRollout } from '../controller/execution.ts';
import type { Needs } from '../controller/ports.ts';
import { reconcileTargets } from '../controller/reconcile.ts';
import { recordJudgement } from '../controller/record.ts';
import { judge } from '../core/analysis/judge.ts';
import { RolloutError } from '../core/errors.ts';
import type { ExecutionInput } from '../core/ports.ts';
import { next } from '../core/rollout/next.ts';
import type { Rollout } from '../core/rollout/state.ts';
import { type Unhandled, unhandled } from '../core/rollout/unhandled.ts';
import { awsJournal, awsRouters, clock } from './_aws.ts';
import { ExecutionRef, lambda, type Task } from './_lambda.ts';

/** `unmeasured` is the error by which Measure ended, twice in a row. */
const Input = z.union([
  ExecutionRef,
  z.object({
    ref: ExecutionRef,
    unmeasured: z.object({ Error: z.optional(z.string()), Cause: z.optional(z.string()) }),
  }),
]);

/**
 * Says what an execution does first, or after it was woken: the targets are read before the journal is believed. After a
 * Measure that could not end, it records the tick as `broken`, so that a tick that is too long for its function is waited
 * for and paged like any other missing measurement, and does not revert a good release.
 */
export const decide: Task<z.infer<typeof Input>, Answer, 'clock' | 'journal' | 'router'> = {
  input: Input,
  async run(input, ports) {
    const ref: ExecutionInput = 'ref' in input ? input.ref : input;
    const rollout = await readRollout(ref.rolloutId, ports);
    if (isSuperseded(rollout, ref)) return { kind: 'continue', seconds: 1, version: rollout.version };
    if ('ref' in input) return answer(await recordUnmeasured(rollout, input.unmeasured, ports), ports);
    try {
      return answer(await reconcileTargets(rollout, ports), ports);
    } catch (error) {
      if (!RolloutError.is(error, 'Unavailable')) throw error;
      // Whoever raises, seals or measures next reads its target itself, under the fence.
      return answer(await readRollout(ref.rolloutId, ports), ports);
    }
  },
};

async function recordUnmeasured(
  rollout: Rollout,
  error: Unhandled,
  ports: Needs<'clock' | 'journal'>,
): Promise<Rollout> {
  const at = ports.clock.now();
  if (next(rollout, at).kind !== 'measure') return rollout;
  const verdict = judge(rollout, { series: {}, alarms: [], broken: unhandled(error) }, at);
  return recordJudgement(rollout, { type: 'RecordMeasure', verdict, alarms: [] }, ports);
}

/** The function on AWS. */
export const handler = lambda(decide, () => ({ clock, journal: awsJournal(), router: awsRouters() }));
