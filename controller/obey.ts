import { RolloutError } from '../core/errors.ts';
import {
  type AbortRequest,
  type CommandRequest,
  saidBy,
  type UnsignedAbort,
  type UnsignedRequest,
  unverified,
} from '../core/rollout/command-request.ts';
import type { Command } from '../core/rollout/decide.ts';
import { rolloutIdParts, waitingIn } from '../core/rollout/service.ts';
import type { Rollout } from '../core/rollout/state.ts';
import { soon } from '../core/within.ts';
import { type Aborts, abort, PATIENCE_MS } from './abort.ts';
import { readRollout } from './execution.ts';
import { acknowledge } from './page.ts';
import type { Needs } from './ports.ts';
import { recordEffect, useUp } from './record.ts';
import { wake } from './wake.ts';

/** What carrying out a command takes. */
export type Obeys = Aborts | 'notes' | 'openings' | 'reports';

/** How long it may take to ask for a report. */
const REPORT_MS = 2_000;

/** A token in which its giver is proven. */
export interface SignedRequest {
  command?: undefined;
  signed: string;
}

/** What a command came to: the rollout that it led to, and whether it had been carried out before. */
export interface Obeyed {
  rolloutId: string;
  isRepeated?: true;
}

/** Carries out what somebody calls for: by a token, whose claims `read` checks, or by its giver's own word. @throws RolloutError TokenInvalid */
export async function obeyCaller(
  input: UnsignedRequest | SignedRequest,
  read: (claims: Record<string, unknown>) => CommandRequest,
  ports: Needs<Obeys | 'tokens'>,
): Promise<Obeyed> {
  // Only what is signed needs keys: the emergency door works without them.
  const request =
    input.command === undefined ? read(await ports.tokens.read('command', input.signed)) : unverified(input);
  return obey(request, () => carryOut(request, ports), ports);
}

/** The same for an abort. @throws RolloutError TokenInvalid */
export async function obeyAbort(
  input: UnsignedAbort | SignedRequest,
  read: (claims: Record<string, unknown>) => AbortRequest,
  ports: Needs<Aborts | 'tokens'>,
): Promise<Obeyed> {
  const request =
    input.command === undefined
      ? read(await ports.tokens.read('command', input.signed))
      : { ...input, by: saidBy(input.by) };
  return obey(request, () => abort(request, ports), ports);
}

/**
 * Carries out a command, and what can be given once only once. An abort acts before it is recorded, and without a journal if it must.
 * @throws RolloutError CommandRepeated if what can be given once was used for another command
 */
async function obey(
  input: CommandRequest,
  carryOut: () => Promise<string>,
  ports: Needs<'clock' | 'journal'>,
): Promise<Obeyed> {
  const before = await earlier(input, ports);
  if (before !== undefined) return before;
  try {
    return { rolloutId: await carryOut() };
  } catch (error) {
    if (!RolloutError.is(error, 'CommandRefused') && !RolloutError.is(error, 'CommandRepeated')) throw error;
    // The same command came twice at once, and the other one left nothing to do.
    const twin = await earlier(input, ports);
    if (twin === undefined) throw error;
    return twin;
  }
}

/** What the same command came to when it was given before. Only an abort does without that if the journal cannot say. */
async function earlier(
  { command, once, rolloutId }: CommandRequest,
  ports: Needs<'clock' | 'journal'>,
): Promise<Obeyed | undefined> {
  if (once === undefined) return undefined;
  const asked = () => ports.journal.used(once.id);
  const used = await (command === 'abort' ? soon(PATIENCE_MS, asked, ports) : asked());
  if (used === undefined) return undefined;
  if (used.fingerprint === once.fingerprint) return { rolloutId: used.rolloutId, isRepeated: true };
  throw new RolloutError(
    'CommandRepeated',
    `This command to ${rolloutId} was not carried out: its key or link was used before, for another command to ${used.rolloutId}.`,
  );
}

async function carryOut(input: CommandRequest, ports: Needs<Obeys>): Promise<string> {
  if (input.command === 'abort') return abort(input, ports);
  const rollout = await opened(input.rolloutId, ports);
  if (input.command === 'rollback' || input.command === 'retry') return reopen(input, ports);
  if (input.command === 'acknowledge') {
    await acknowledge(rollout, input, ports);
    await useUp(input.once, rollout, ports);
    // It is certain now that the page is not repeated; the next report says it, if this one does not.
    await soon(REPORT_MS, () => ports.reports.ask(input.rolloutId), ports);
    return input.rolloutId;
  }
  await recordEffect(rollout, commandOf(input), ports, input.once);
  await wake(input.rolloutId, ports);
  return input.rolloutId;
}

/** Synchronous: the caller learns whether a rollout was opened. */
async function reopen(
  input: Extract<CommandRequest, { command: 'rollback' | 'retry' }>,
  ports: Needs<'journal' | 'openings'>,
): Promise<string> {
  const { rolloutId, by, once } = input;
  const opened = await ports.openings.open(
    input.command === 'retry'
      ? { open: 'retry', rolloutId }
      : { open: 'rollback', rolloutId, by, reason: input.reason },
  );
  const ledTo = opened ?? rolloutId;
  // Used up afterwards: to hand it over again is safe, and to lose it is not.
  if (once !== undefined) await useUp(once, await readRollout(ledTo, ports), ports);
  return ledTo;
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

const voiceOf = ({ by, groups, aka }: CommandRequest) => ({ by, groups, aka });

function commandOf(
  input: Exclude<CommandRequest, { command: 'abort' | 'rollback' | 'retry' | 'acknowledge' }>,
): Command {
  switch (input.command) {
    case 'pause':
      return { type: 'Pause', by: input.by, reason: input.reason };
    case 'resume':
      return { type: 'Resume', by: input.by };
    case 'promote':
      return { type: 'Promote', by: input.by, step: input.step, full: input.full };
    case 'approve':
      return { type: 'Approve', ...voiceOf(input), gate: input.gate };
    case 'reject':
      return { type: 'Reject', ...voiceOf(input), gate: input.gate, reason: input.reason };
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
