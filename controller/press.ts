import { RolloutError } from '../core/errors.ts';
import { assertMay, givenBy, type Principal, slackPrincipal } from '../core/people/access.ts';
import { buttonValue, commandOf } from '../core/people/slack-button.ts';
import type { Click } from '../core/people/slack-click.ts';
import { rolloutIdParts } from '../core/rollout/service.ts';
import { soon } from '../core/within.ts';
import type { Needs } from './ports.ts';

/** What carrying out a click takes. */
export type Presses = 'access' | 'clock' | 'commands' | 'observer' | 'slackReplies';

/** What each button gives, in a sentence that begins with "Your". */
const NOUNS = {
  abort: 'abort',
  pause: 'pause',
  resume: 'resumption',
  promote: 'promotion',
  approve: 'approval',
  reject: 'rejection',
  acknowledge: 'acknowledgement',
} as const satisfies Record<Click['button'], string>;

/** How long the same click is recognized: longer than Slack, Lambda and whoever recorded a request could repeat it. */
const KEPT_MS = 3_600_000;

/** How long an answer to a person may take. */
const REPLY_MS = 5_000;

/** Carries out what somebody pressed a button in Slack for, once however often the click is delivered, and answers the person what came of it; the rollout is the answer. @throws RolloutError TokenInvalid if the API has not signed it */
export async function press(
  { signed }: { signed: string },
  read: (claims: Record<string, unknown>) => Click,
  ports: Needs<Presses | 'tokens'>,
): Promise<string> {
  const click = read(await ports.tokens.read('click', signed));
  await carryOut(click, ports);
  return click.value.rolloutId;
}

async function carryOut(click: Click, ports: Needs<Presses>): Promise<void> {
  const what = `Your ${NOUNS[click.button]} of ${click.value.rolloutId}`;
  try {
    if (await isFirst(click, ports)) await reply(`${what} was accepted.`, click, ports);
  } catch (error) {
    if (!RolloutError.is(error)) throw error;
    const verb = error.code === 'Unavailable' ? 'may not have been carried out' : 'was refused';
    await reply(`${what} ${verb}: ${error.message}`, click, ports);
  }
}

/** Gives the command; false if it was carried out before. @throws RolloutError as it is refused */
async function isFirst(click: Click, { access, clock, commands }: Needs<Presses>): Promise<boolean> {
  const { team, user, name, button, value, reason, at } = click;
  const who: Principal = slackPrincipal({ teamId: team, userId: user, name }, access);
  const request = commandOf(button, value, reason || 'no reason given');
  if (request === undefined)
    throw new RolloutError('CommandRefused', 'this button is out of date; use the one in a newer message.');
  const { service = '' } = rolloutIdParts(value.rolloutId) ?? {};
  assertMay(who, { service, command: request.command }, access);
  const once = {
    id: `slack:${team}/${user}/${at}`,
    fingerprint: `${button} ${buttonValue(value)}`,
    expiresAt: clock.now() + KEPT_MS,
  };
  const { isRepeated } = await commands.give({ ...request, ...givenBy(who, access), once });
  return isRepeated !== true;
}

/** What was pressed for is done, whether or not Slack can say so. */
async function reply(
  text: string,
  { responseUrl, value }: Click,
  { clock, observer, slackReplies }: Needs<Presses>,
): Promise<void> {
  const send = async () => {
    await slackReplies.reply(responseUrl, text);
    return true;
  };
  const sent = await soon(REPLY_MS, send, { clock });
  if (sent === undefined) observer.warn('unanswered in Slack', { rolloutId: value.rolloutId });
}
