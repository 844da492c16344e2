import { Hono, type HonoRequest } from 'hono';
import { RolloutError } from '../core/errors.ts';
import type { Access } from '../core/people/access.ts';
import { type Click, clickFrom } from '../core/people/slack-click.ts';
import type { Clock, OwnSecret } from '../core/ports.ts';
import { bytesFrom } from './body.ts';
import { LIMITS, limiter } from './limits.ts';
import { Refusal, type Status } from './problems.ts';

/** Where the app is mounted: its address stands in the settings of the app in Slack. */
export const SLACK = '/slack';

/** What taking clicks stands on. */
interface SlackDeps {
  slack: NonNullable<Access['slack']>;
  /** By which Slack signs what it sends for this app. */
  signingSecret: OwnSecret;
  clock: Clock;
  /** Hands a click to whoever carries it out, and does not wait for that. @throws if it was not taken */
  hand(click: Click): Promise<void>;
  /** Learns of every request that is refused, and why: whoever pressed sees only that something is wrong. */
  refused(why: string): void;
}

/** Most bytes of a request: it holds the whole message in which somebody clicked, percent-encoded. */
const BYTES_MAX = 512 * 1024;

/** How far a request's time may be off, in both directions ("Verifying requests from Slack"). */
const WINDOW_MS = 300_000;

/** What Slack sends when somebody clicks in a message. It waits 3 s for an answer, so nothing is done before it has one. */
export function slackActions({ slack, signingSecret, clock, hand, refused }: SlackDeps): Hono {
  const count = limiter(LIMITS, clock);
  const take = async (req: HonoRequest): Promise<Response> => {
    const bytes = await bytesFrom(req.raw, BYTES_MAX);
    const header = (name: string) => req.header(name) ?? '';
    const time = header('x-slack-request-timestamp');
    // Digits alone: what is no number would be neither too old nor too new.
    const isNow = /^\d{1,12}$/.test(time) && Math.abs(Number(time) * 1_000 - clock.now()) <= WINDOW_MS;
    const signature = header('x-slack-signature');
    const isGenuine = async (isDoubted: boolean) =>
      isSigned(bytes, time, signature, await signingSecret(isDoubted));
    if (!isNow || !((await isGenuine(false)) || (await isGenuine(true))))
      throw refusal('NotAllowed', 401, 'Slack did not sign this request for this app within five minutes.');
    const click = clickFrom(payloadIn(bytes, header('content-type')), slack);
    switch (click) {
      case 'foreign':
        throw refusal('NotAllowed', 403, 'This app or workspace of Slack is not that of this environment.');
      case 'unreadable':
        throw refusal('RequestInvalid', 422, 'The payload is not one of a button of this app.');
      case 'nothing':
        break;
      default:
        count(click.button === 'abort' ? 'abort' : 'command', `slack:${click.team}/${click.user}`);
        await hand(click);
    }
    return new Response(null);
  };
  return new Hono()
    .post('/actions', async ({ req }) => {
      try {
        return await take(req);
      } catch (error) {
        if (RolloutError.is(error)) refused(error.message);
        throw error;
      }
    })
    .all('/actions', () => {
      throw refusal('RequestInvalid', 405, 'Slack sends a POST here.', { allow: 'POST' });
    });
}

/** Compared by the platform in constant time. */
async function isSigned(bytes: Uint8Array, time: string, header: string, secret: string): Promise<boolean> {
  const [, hex] = /^v0=([0-9a-f]{64})$/.exec(header) ?? [];
  if (hex === undefined || secret === '') return false;
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const key = await crypto.subtle.importKey('raw', Buffer.from(secret), algorithm, false, ['verify']);
  const signed = Buffer.concat([Buffer.from(`v0:${time}:`), bytes]);
  return crypto.subtle.verify('HMAC', key, Buffer.from(hex, 'hex'), signed);
}

/** @throws RolloutError RequestInvalid */
function payloadIn(bytes: Uint8Array, type: string): unknown {
  if (!/^application\/x-www-form-urlencoded *(?:;|$)/i.test(type))
    throw refusal('RequestInvalid', 415, 'Slack sends a form here.', {
      'accept-post': 'application/x-www-form-urlencoded',
    });
  try {
    return JSON.parse(new URLSearchParams(new TextDecoder().decode(bytes)).get('payload') ?? '');
  } catch {
    throw refusal('RequestInvalid', 400, 'The form has no payload in JSON.');
  }
}

/** A refusal of what cannot become right: Slack is not to send it again. */
function refusal(
  code: 'NotAllowed' | 'RequestInvalid',
  status: Status,
  message: string,
  headers: Record<string, string> = {},
): Refusal {
  return new Refusal(code, message, { status, headers: { 'x-slack-no-retry': '1', ...headers } });
}
