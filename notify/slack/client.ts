import { RolloutError } from '../../core/errors.ts';
import type { Clock, OwnSecret } from '../../core/ports.ts';
import { within } from '../../core/within.ts';

/** The methods that are called. */
type Method = 'chat.postMessage' | 'chat.update';

/** What Slack answers to a message, as far as it is read. */
interface Posted {
  channel: string;
  ts: string;
}

/** Calls of Slack. None of them is repeated, and none waits for longer than a few seconds. */
export interface SlackClient {
  /** @throws SlackRefusal if Slack answers `ok: false`, RolloutError RateLimited for a 429, Error if nothing came of it */
  call(method: Method, body: object): Promise<Posted>;
  /** Posts to an incoming webhook. @throws as `call` */
  post(url: string, body: object): Promise<void>;
}

/** What Slack has against a message, such as `channel_not_found`. */
export class SlackRefusal extends Error {
  readonly reason: string;

  constructor(reason: string) {
    super(`Slack refused: ${reason}.`);
    this.name = 'SlackRefusal';
    this.reason = reason;
  }
}

/** Longest wait for an answer. */
const ANSWER_MS = 2_500;
/** How long nothing is sent after a 429 that does not say. */
const RETRY_AFTER_SECONDS = 30;
/** Longest text of a refusal that is repeated: a proxy may answer with a page. */
const REASON_MAX = 60;

/** A client with a bot's token, which only `call` needs. */
export function slackClient(
  { fetch, token }: { fetch: typeof globalThis.fetch; token: OwnSecret },
  clock: Clock,
): SlackClient {
  const send = async (url: string, body: object, headers: Record<string, string>): Promise<Response> => {
    const late = (): never => {
      throw new Error(`Slack did not answer within ${ANSWER_MS / 1000} s.`);
    };
    const response = await within(
      ANSWER_MS,
      (signal) =>
        fetch(url, {
          method: 'POST',
          body: JSON.stringify(body),
          headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
          // An address that is a secret must not reach another host.
          redirect: 'error',
          signal,
        }),
      late,
      { clock },
    );
    if (response.status === 429) {
      const after = Number(response.headers.get('retry-after'));
      throw new RolloutError('RateLimited', 'Slack takes no more messages just now.', {
        retryAfter: after > 0 && after <= 3_600 ? after : RETRY_AFTER_SECONDS,
      });
    }
    if (response.status >= 500) throw new Error(`Slack answered with HTTP status ${response.status}.`);
    return response;
  };
  return {
    async call(method, body) {
      const authorization = `Bearer ${await token()}`;
      const response = await send(`https://slack.com/api/${method}`, body, { authorization });
      // What Slack has against a call comes with status 200.
      const answer = (await response.json().catch(() => ({}))) as Record<string, unknown>;
      if (answer.ok !== true) throw new SlackRefusal(reasonIn(answer.error ?? `http_${response.status}`));
      return { channel: String(answer.channel), ts: String(answer.ts) };
    },
    async post(url, body) {
      const response = await send(url, body, {});
      if (!response.ok) throw new SlackRefusal(reasonIn(await response.text().catch(() => '')));
      await response.body?.cancel();
    },
  };
}

const reasonIn = (said: unknown): string =>
  String(said)
    .replace(/[^\w-]/g, ' ')
    .trim()
    .slice(0, REASON_MAX) || 'unknown';
