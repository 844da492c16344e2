import type { MiddlewareHandler } from 'hono';
import { Refusal } from './problems.ts';

/** Nothing may be loaded, framed or sent anywhere, unless a route says more. */
const NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** What a page of ours may do besides: load its own files, and ask this API. */
export const OWN_FILES = `${NOTHING}; script-src 'self'; style-src 'self'; connect-src 'self'`;

/** A picture has styles in it, and is nothing but a picture. */
export const PICTURE = `${NOTHING}; style-src 'unsafe-inline'; sandbox`;

/** Headers of every answer, errors included (Fetch, CSP 3, RFC 6797). */
const HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': NOTHING,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

/** Puts them around everything that answers. */
export const secured: MiddlewareHandler = async (context, next) => {
  await next();
  for (const [name, value] of Object.entries(HEADERS))
    if (!context.res.headers.has(name)) context.res.headers.set(name, value);
};

/** The header that a page of ours sends with every command: no form can, and no page of another origin without being asked first. */
const OURS = 'x-spillway';

/**
 * A browser sends its cookies whosever page made the request. So what they ask for must come from a page of this origin.
 * @throws RolloutError NotAllowed
 */
export function assertSameOrigin(request: Request, isAlways = false): void {
  // A cookie may stay at home, and what the answer sets counts all the same.
  if (!isAlways && !request.headers.has('cookie')) return;
  const { headers } = request;
  const site = headers.get('sec-fetch-site');
  const origin = headers.get('origin');
  const isOwn =
    (origin === null || origin === new URL(request.url).origin) &&
    (site === null || site === 'same-origin') &&
    (origin !== null || site !== null);
  if (isOwn && headers.get(OURS) === '1') return;
  throw new Refusal(
    'NotAllowed',
    `A command with a cookie has to come from a page of this origin, with the header ${OURS}: 1; this one did not.`,
  );
}
