import { broken, type HookAnswer } from '../core/hook-answer.ts';
import type { Clock, HookQuestion } from '../core/ports.ts';
import { within } from '../core/within.ts';

/** How long a hook may take to answer at once: the function that asks it must itself end within 10 s. */
export const HOOK_LIMIT_MS = 8_000;

/** What every hook is sent. With a status and a reason added, its `callback` is the command that answers later. */
export function payloadOf({ hook, target, occurrence, idempotencyKey, about }: HookQuestion): object {
  return {
    ...about,
    target: target.name,
    stable: target.stable,
    canary: target.canary,
    hook: occurrence,
    idempotencyKey,
    callback: { command: 'answer', rolloutId: about.rolloutId, hook: occurrence, by: `hook ${hook.id}` },
  };
}

const LATE = `it did not answer within ${HOOK_LIMIT_MS / 1000} s; long work answers by callback`;

/** Asks within the limit; the signal says when to stop, which may also be before. Never throws: what went wrong is `broken`. */
export function inTime(
  ask: (signal: AbortSignal) => Promise<HookAnswer>,
  limited: { clock: Clock; signal: AbortSignal | undefined },
): Promise<HookAnswer> {
  // An aborted request rejects as well, so the limit has to be reported first.
  const asked = (signal: AbortSignal) =>
    ask(signal).catch((error: unknown) => broken(`it could not be asked: ${textOf(error)}`));
  return within(HOOK_LIMIT_MS, asked, () => broken(LATE), limited);
}

/** The fetch of Node hides what happened in the cause of its error. */
function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
}
