import { createHmac } from 'node:crypto';
import { RolloutError } from '../core/errors.ts';
import { ANSWER_BYTES_MAX, broken, type HookAnswer, hookAnswerFrom, tooLong } from '../core/hook-answer.ts';
import type { Clock, HookCheck, HookRunner } from '../core/ports.ts';
import type { Hook } from '../core/rollout/event.ts';
import { allowedUrl, type HookWeb, inTime, payloadOf } from './_hook.ts';

/**
 * Hooks that answer a signed POST; `spec.url` says where. The list of hosts is the only defence against a rollout file
 * that points into a private network: addresses are not looked at, because hooks inside a VPC are wanted, so whoever
 * lists a host answers for what its name resolves to.
 */
export function httpHook(web: HookWeb, clock: Clock): HookRunner {
  const post = async (url: string, body: string, key: string, signal: AbortSignal): Promise<HookAnswer> => {
    const secret = await web.secret();
    const response = await web.fetch(url, {
      method: 'POST',
      body,
      signal,
      // A redirect could lead to a host that nobody allowed, so it is an answer like any other.
      redirect: 'manual',
      headers: {
        'content-type': 'application/json',
        'spillway-signature': signature(body, secret, Math.floor(clock.now() / 1000)),
        'spillway-idempotency-key': key,
      },
    });
    if (!response.ok) {
      await response.body?.cancel();
      return broken(`${new URL(url).host} answered with HTTP status ${response.status}`);
    }
    const text = await limited(response);
    return text === undefined ? tooLong() : hookAnswerFrom(text);
  };
  return {
    ask: (question, signal) =>
      inTime(
        async (stop) => {
          const url = addressOf(question.hook, web);
          return post(url, JSON.stringify(payloadOf(question)), question.idempotencyKey, stop);
        },
        { clock, signal },
      ),
  };
}

/** Refuses an address that `httpHook` would not ask. */
export const httpHookCheck =
  (web: Pick<HookWeb, 'hosts'>): HookCheck =>
  async (hook) =>
    void addressOf(hook, web);

/** The value of the header `spillway-signature` for a body that is sent at `seconds` of Unix time. */
function signature(body: string, secret: string, seconds: number): string {
  return `t=${seconds},v1=${createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')}`;
}

/** @throws RolloutError OpeningRefused naming what must change */
function addressOf({ id, spec }: Hook, web: Pick<HookWeb, 'hosts'>): string {
  const written = 'url' in spec ? spec.url : '';
  const wrong = (what: string) => new RolloutError('OpeningRefused', `hooks.${id}: ${what}.`);
  return allowedUrl(written, web, `"${written}"`, wrong).href;
}

/** Reads at most ANSWER_BYTES_MAX; undefined if there is more. */
async function limited({ body }: Response): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  // Leaving the loop early cancels the rest of the body.
  for await (const chunk of body ?? []) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > ANSWER_BYTES_MAX) return undefined;
  }
  return Buffer.concat(chunks).toString('utf8');
}
