import * as z from 'zod';
import { RolloutError } from '../core/errors.ts';
import type { Target } from '../core/rollout/event.ts';
import { isEnded, type Rollout } from '../core/rollout/state.ts';
import { recordEffect, wake } from './_journal.ts';
import { revertTargets } from './_targets.ts';
import { type Ports, readRollout, type Task } from './_task.ts';

const Who = { rolloutId: z.string(), by: z.string().min(1) };
const Input = z.discriminatedUnion('command', [
  z.strictObject({ ...Who, command: z.literal('pause'), reason: z.string() }),
  z.strictObject({ ...Who, command: z.literal('resume') }),
  z.strictObject({
    ...Who,
    command: z.literal('promote'),
    step: z.number().int().optional(),
    full: z.boolean().default(false),
  }),
  z.strictObject({ ...Who, command: z.literal('abort'), reason: z.string() }),
]);
type Input = z.infer<typeof Input>;

/** Carries out what a person wants of a rollout. An abort acts before it is written down, and without a journal if it must. */
export const command: Task<Input, { rolloutId: string; accepted: true }> = {
  input: Input,
  async run(input, ports) {
    const { rolloutId } = input;
    if (input.command === 'abort') await abort(input, ports);
    else await order(input, ports);
    return { rolloutId, accepted: true };
  },
};

async function order(input: Exclude<Input, { command: 'abort' }>, ports: Ports): Promise<void> {
  const rollout = await readRollout(input.rolloutId, ports);
  const { by } = input;
  if (input.command === 'pause')
    await recordEffect(rollout, { type: 'Pause', by, reason: input.reason }, ports);
  if (input.command === 'resume') await recordEffect(rollout, { type: 'Resume', by }, ports);
  if (input.command === 'promote')
    await recordEffect(rollout, { type: 'Promote', by, step: input.step, full: input.full }, ports);
  await wake(input.rolloutId, ports);
}

/** Traffic first: the canary is out before the journal hears of it. */
async function abort(
  { rolloutId, by, reason }: Extract<Input, { command: 'abort' }>,
  ports: Ports,
): Promise<void> {
  const rollout = await ports.journal.read(rolloutId).catch(() => undefined);
  if (rollout !== undefined && isEnded(rollout)) {
    throw new RolloutError(
      'CommandRefused',
      `${rolloutId} has ended (${rollout.outcome}); there is nothing left to abort.`,
    );
  }
  const { targets, epoch } = await known(rollout, rolloutId, ports);
  await revertTargets(targets, { rolloutId, epoch }, ports);
  if (rollout === undefined) return;
  await recordEffect(rollout, { type: 'Abort', by, reason }, ports);
  await wake(rolloutId, ports);
}

/** What to take back: from the journal, or else from what the dead man was armed with. */
async function known(
  rollout: Rollout | undefined,
  rolloutId: string,
  ports: Ports,
): Promise<{ targets: Target[]; epoch: number }> {
  if (rollout !== undefined) return { targets: rollout.opening.targets, epoch: rollout.epoch };
  const frozen = await ports.deadMan.frozen(rolloutId);
  if (frozen === undefined)
    throw new RolloutError(
      'RolloutUnknown',
      `Rollout ${rolloutId} is neither in the journal nor watched by a dead man; check its id.`,
    );
  return frozen;
}
