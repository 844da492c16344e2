import type { Clock, Tokens } from '../ports.ts';
import type { CommandRequest } from '../rollout/command-request.ts';

/** How long a signed command is taken: long enough for a call that Lambda repeats after a minute, and again after two. */
const SIGNED_MS = 5 * 60_000;

/** What the function that takes commands is called with by those who have proven who gives one. */
export const signedCommand = async (
  request: CommandRequest,
  { tokens, clock }: { tokens: Tokens; clock: Clock },
): Promise<{ signed: string }> => ({
  signed: await tokens.sign('command', { request }, clock.now() + SIGNED_MS),
});
