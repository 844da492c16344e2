import { judge } from '../core/analysis/judge.ts';
import { RolloutError } from '../core/errors.ts';
import type { ExecutionInput } from '../core/ports.ts';
import { next } from '../core/rollout/next.ts';
import type { Rollout } from '../core/rollout/state.ts';
import { trialOf } from '../core/rollout/trial.ts';
import { type Unhandled, unhandled } from '../core/rollout/unhandled.ts';
import { type Answer, answer, isSuperseded, readRollout } from './execution.ts';
import type { Needs } from './ports.ts';
import { reconcileTargets } from './reconcile.ts';
import { recordJudgement } from './record.ts';

/**
 * Says what an execution does first, or after it was woken: the targets are read before the journal is believed. After a
 * Measure that could not end, it records the tick as `broken`, so that a tick that is too long for its function is waited
 * for and paged like any other missing measurement, and does not revert a good release.
 */
export async function resume(
  ref: ExecutionInput,
  unmeasured: Unhandled | undefined,
  ports: Needs<'clock' | 'journal' | 'router'>,
): Promise<Answer> {
  const rollout = await readRollout(ref.rolloutId, ports);
  if (isSuperseded(rollout, ref)) return { kind: 'continue', seconds: 1, version: rollout.version };
  if (unmeasured !== undefined) return answer(await recordUnmeasured(rollout, unmeasured, ports), ports);
  try {
    return answer(await reconcileTargets(rollout, ports), ports);
  } catch (error) {
    if (!RolloutError.is(error, 'Unavailable')) throw error;
    // Each raise, close and tick reads its target itself, under the fence.
    return answer(await readRollout(ref.rolloutId, ports), ports);
  }
}

async function recordUnmeasured(
  rollout: Rollout,
  error: Unhandled,
  ports: Needs<'clock' | 'journal'>,
): Promise<Rollout> {
  const at = ports.clock.now();
  if (next(rollout, at).kind !== 'measure') return rollout;
  const verdict = judge(trialOf(rollout), { series: {}, alarms: [], broken: unhandled(error) }, at);
  return recordJudgement(rollout, { type: 'RecordMeasure', verdict, alarms: [] }, ports);
}
