import { RolloutError } from '../core/errors.ts';
import { type CommandRequest, type UnsignedRequest, unverified } from '../core/rollout/command-request.ts';
import type { Command } from '../core/rollout/decide.ts';
import { rolloutIdParts, waitingIn } from '../core/rollout/service.ts';
import type { Rollout } from '../core/rollout/state.ts';
import { type Aborts, abort } from './abort.ts';
import { readRollout } from './execution.ts';
import type { Needs } from './ports.ts';
import { recordEffect } from './record.ts';
import { wake } from './wake.ts';

/** A token in which its giver is proven. */
export interface SignedRequest {
  command?: undefined;
  signed: string;
}

/** Carries out what somebody calls for: by a token, whose claims `read` checks, or by its giver's own word. @throws RolloutError TokenInvalid */
export function obeyCaller(
  input: UnsignedRequest | SignedRequest,
  read: (claims: Record<string, unknown>) => CommandRequest,
  ports: Needs<Aborts | 'openings' | 'tokens'>,
): Promise<string> {
  const isSigned = input.command === undefined;
  return obey(isSigned ? read(ports.tokens.read('command', input.signed)) : unverified(input), ports);
}

/** Carries out a command, and answers the rollout that it led to. An abort acts before it is recorded, and without a journal if it must. */
async function obey(input: CommandRequest, ports: Needs<Aborts | 'openings'>): Promise<string> {
  if (input.command === 'abort') return abort(input, ports);
  const rollout = await opened(input.rolloutId, ports);
  if (input.command === 'rollback' || input.command === 'retry') return reopen(input, ports);
  await recordEffect(rollout, commandOf(input), ports);
  await wake(input.rolloutId, ports);
  return input.rolloutId;
}

/** Synchronous: the caller learns whether a rollout was opened. */
async function reopen(
  input: Extract<CommandRequest, { command: 'rollback' | 'retry' }>,
  { openings }: Needs<'openings'>,
): Promise<string> {
  const { rolloutId } = input;
  const opened = await openings.open(
    input.command === 'retry'
      ? { open: 'retry', rolloutId }
      : { open: 'rollback', rolloutId, by: input.by, reason: input.reason },
  );
  return opened ?? rolloutId;
}

/** @throws RolloutError CommandRefused if it waits in the queue, RolloutUnknown if nobody knows it */
async function opened(rolloutId: string, ports: Needs<'journal'>): Promise<Rollout> {
  const rollout = await ports.journal.read(rolloutId);
  if (rollout !== undefined) return rollout;
  const { service = '' } = rolloutIdParts(rolloutId) ?? {};
  if (waitingIn(await ports.journal.service(service), rolloutId) === undefined)
    return readRollout(rolloutId, ports);
  throw new RolloutError(
    'CommandRefused',
    `${rolloutId} waits in the queue and is not opened yet; until then it can only be aborted.`,
  );
}

function commandOf(input: Exclude<CommandRequest, { command: 'abort' | 'rollback' | 'retry' }>): Command {
  switch (input.command) {
    case 'pause':
      return { type: 'Pause', by: input.by, reason: input.reason };
    case 'resume':
      return { type: 'Resume', by: input.by };
    case 'promote':
      return { type: 'Promote', by: input.by, step: input.step, full: input.full };
    case 'approve':
      return { type: 'Approve', by: input.by, gate: input.gate };
    case 'reject':
      throw new RolloutError('CommandRefused', 'No gate can be rejected yet; abort the rollout.');
    case 'answer':
      return {
        type: 'AnswerHook',
        hook: input.hook,
        status: input.status,
        reason: input.reason,
        isCallback: true,
      };
  }
}
