import type { Clock, Tokens } from '../ports.ts';
import type { Click } from './slack-click.ts';

/** How long a signed click is taken: longer than Lambda tries to carry it out, and the last try may run (`infra/controller.json`). */
const SIGNED_MS = 15 * 60_000;

/** What carries clicks out is called with by those who have checked what Slack signed: whoever else calls it could press in anybody's name. */
export const signedClick = async (
  click: Click,
  { tokens, clock }: { tokens: Tokens; clock: Clock },
): Promise<{ signed: string }> => ({
  signed: await tokens.sign('click', { click }, clock.now() + SIGNED_MS),
});
