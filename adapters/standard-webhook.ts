import { createHash, createHmac } from 'node:crypto';
import type { Clock } from '../core/ports.ts';
import { within } from '../core/within.ts';
import { allowedUrl, type HookWeb } from './_hook.ts';

/** Longest wait for an answer. */
const ANSWER_MS = 5_000;

/** An address that takes webhooks, as Standard Webhooks 1.0 says: signed, an id that repeats know each other by, 2xx alone is taken, and 410 ends it. */
export function standardWebhook(
  address: string,
  web: HookWeb,
  clock: Clock,
): { key: string; post(id: string, body: string): Promise<'taken' | 'gone'> } {
  const { fetch, secret } = web;
  const hash = createHash('sha256').update(address).digest('hex').slice(0, 16);
  return {
    key: `webhook ${hash}`,
    async post(id, body) {
      // The address may be a secret, so no error repeats it.
      const url = allowedUrl(address, web, 'the address of a webhook', (what) => new Error(`${what}.`));
      const key = await secret();
      const timestamp = Math.floor(clock.now() / 1000);
      const headers = {
        'content-type': 'application/json',
        'webhook-id': id,
        'webhook-timestamp': `${timestamp}`,
        'webhook-signature': webhookSignature({ id, timestamp, body }, key),
      };
      const late = (): never => {
        throw new Error(`${url.host} did not answer within ${ANSWER_MS / 1000} s.`);
      };
      const response = await within(
        ANSWER_MS,
        // A redirect could lead to a host that nobody allowed, so it is an answer like any other.
        (signal) => fetch(url, { method: 'POST', body, headers, redirect: 'manual', signal }),
        late,
        { clock },
      );
      await response.body?.cancel();
      if (response.status === 410) return 'gone';
      if (response.ok) return 'taken';
      throw new Error(`${url.host} answered with HTTP status ${response.status}.`);
    },
  };
}

/** The value of the header `webhook-signature`, by a secret that begins with `whsec_`. */
export function webhookSignature(
  { id, timestamp, body }: { id: string; timestamp: number; body: string },
  secret: string,
): string {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
}
