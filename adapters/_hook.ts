import { broken, type HookAnswer } from '../core/hook-answer.ts';
import type { Clock, HookQuestion, OwnSecret } from '../core/ports.ts';
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

/** What the controller's own configuration says about those that it posts to. */
export interface HookWeb {
  fetch: typeof fetch;
  /** The hosts that may be asked, with their port if it is not 443; none if it is empty. */
  hosts: string[];
  /** What requests are signed with. */
  secret: OwnSecret;
}

/**
 * An address that this controller may post to. `shown` stands for it where it is wrong as a whole, and `wrong` makes the error.
 * @throws what `wrong` makes of what must change
 */
export function allowedUrl(
  address: string,
  { hosts }: Pick<HookWeb, 'hosts'>,
  shown: string,
  wrong: (what: string) => Error,
): URL {
  const url = URL.parse(address);
  if (url?.protocol !== 'https:')
    throw wrong(`${shown} is no address that begins with https://; write the whole address`);
  if (url.username !== '' || url.password !== '')
    throw wrong(`the address on ${url.host} holds a password; take it out and check the signature instead`);
  if (!hosts.includes(url.host))
    throw wrong(
      `${url.host} is not a host that this controller may ask (${hosts.join(', ') || 'it may ask none'}); add it to the controller's list of hosts`,
    );
  return url;
}
