import * as z from 'zod';
import { exposureOf } from '../core/analysis/exposure.ts';
import type { ExecutionInput } from '../core/ports.ts';
import type { Exposure, RevertedTarget } from '../core/rollout/event.ts';
import { next } from '../core/rollout/next.ts';
import { hasCanaryTraffic, type Rollout } from '../core/rollout/state.ts';
import { recordEffect } from './_journal.ts';
import { revertTargets } from './_targets.ts';
import { ExecutionRef, type Ports, type Task } from './_task.ts';

/** `came` is the answer that named this directive, or the error that nobody handled. */
const Input = z.object({
  ref: ExecutionRef,
  came: z.object({ Error: z.string().optional(), Cause: z.string().optional() }),
});

/** What the end of the execution says. */
export interface Left {
  outcome: string;
  reason: string;
}

/**
 * Takes the canary out of every target and reads it back; only then is anything written down, as well as it goes.
 * @throws RolloutError RevertFailed, upon which Step Functions acts itself
 */
export const revertTraffic: Task<z.infer<typeof Input>, Left> = {
  input: Input,
  async run({ ref, came }, ports) {
    const targets = await revertTargets(ref.targets, ref, ports);
    const why =
      came.Error === undefined ? undefined : `an error that nobody handled: ${came.Error}: ${came.Cause}`;
    try {
      return await writeDown(ref, targets, why, ports);
    } catch (failure) {
      // Traffic is safe. The dead man finds the closed stamp and writes what is missing.
      return {
        outcome: 'reverted',
        reason: `${why ?? 'taken back'}; the journal could not be written (${failure})`,
      };
    }
  },
};

async function writeDown(
  ref: ExecutionInput,
  targets: RevertedTarget[],
  why: string | undefined,
  ports: Ports,
): Promise<Left> {
  const rollout = await ports.journal.read(ref.rolloutId);
  if (rollout === undefined) return { outcome: 'reverted', reason: why ?? 'taken back without a journal' };
  const directive = next(rollout, ports.clock.now());
  const { cause, reason } =
    directive.kind === 'revert' ? directive : { cause: 'environment' as const, reason: why ?? 'taken back' };
  const exposure = await exposed(rollout, ports);
  const after = await recordEffect(
    rollout,
    { type: 'RecordRevert', targets, cause, reason, exposure },
    ports,
  );
  await ports.deadMan.disarm(ref.rolloutId);
  return { outcome: after.outcome ?? 'reverted', reason: after.reason ?? reason };
}

/** What users met, best effort: metrics that cannot be read now are not worth keeping a lock for. */
async function exposed(rollout: Rollout, ports: Ports): Promise<Exposure | undefined> {
  if (!hasCanaryTraffic(rollout) || rollout.raisedAt === undefined) return undefined;
  const now = ports.clock.now();
  try {
    const { targets, watch } = rollout.opening;
    const series = await Promise.all(
      targets.map((target) => ports.metrics.read(target, watch, rollout.raisedAt ?? now, now)),
    );
    return exposureOf(series, rollout.raisedAt, now);
  } catch {
    return undefined;
  }
}
