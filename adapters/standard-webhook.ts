import { createHash, createHmac } from 'node:crypto';
import type { Clock } from '../core/ports.ts';
import { within } from '../core/within.ts';
import type { HookWeb } from './http-hook.ts';

/** Longest wait for an answer. */
const ANSWER_MS = 5_000;

/** An address that takes webhooks, as Standard Webhooks 1.0 says: signed, an id that repeats know each other by, 2xx alone is taken, and 410 ends it. */
export function standardWebhook(
  address: string,
  { fetch, hosts, secret }: HookWeb,
  clock: Clock,
): { key: string; post(id: string, body: string): Promise<'taken' | 'gone'> } {
  const hash = createHash('sha256').update(address).digest('hex').slice(0, 16);
  return {
    key: `webhook ${hash}`,
    async post(id, body) {
      const url = allowed(address, hosts);
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

/** @throws Error for an address that this controller may not post to; it does not repeat the address, which may be a secret */
function allowed(address: string, hosts: string[]): URL {
  const url = URL.parse(address);
  if (url?.protocol !== 'https:') throw new Error('The address of a webhook does not begin with https://.');
  if (url.username !== '' || url.password !== '')
    throw new Error(`The address of a webhook on ${url.host} holds a password.`);
  if (!hosts.includes(url.host))
    throw new Error(`${url.host} is not a host that this controller may ask; add it to its list of hosts.`);
  return url;
}
