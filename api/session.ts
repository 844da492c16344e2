import * as z from 'zod/mini';
import type { Principal } from '../core/people/access.ts';
import type { Tokens } from '../core/ports.ts';
import { WAYS } from '../core/rollout/actor.ts';
import type { Instant } from '../core/units.ts';

/** The cookie of whoever has signed in: only this origin sets it, and only over TLS. */
export const SESSION = '__Host-session';

const Claims = z.object({
  actor: z.object({
    id: z.string(),
    name: z.optional(z.string()),
    via: z.enum(WAYS),
    isVerified: z.boolean(),
    person: z.optional(z.string()),
  }),
  identities: z.array(z.string()),
});

/** The value of the cookie of somebody who has just proven who it is. What they may do is asked anew each time. */
export const sessionOf = ({ actor, identities }: Principal, tokens: Tokens, expiresAt: Instant): string =>
  tokens.sign('session', { actor, identities }, expiresAt);

/** Whom the cookie of a request names; undefined if there is none. @throws RolloutError TokenInvalid */
export function sessionPrincipal(request: Request, tokens: Tokens): Principal | undefined {
  const cookies = (request.headers.get('cookie') ?? '').split(';').map((each) => each.trim());
  const token = cookies.find((each) => each.startsWith(`${SESSION}=`))?.slice(SESSION.length + 1);
  return token === undefined ? undefined : Claims.safeParse(tokens.read('session', token)).data;
}
