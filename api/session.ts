import * as z from 'zod/mini';
import { RolloutError } from '../core/errors.ts';
import { type Access, oidcPrincipal, type Principal } from '../core/people/access.ts';
import type { Tokens } from '../core/ports.ts';
import type { Instant } from '../core/units.ts';

/** The cookie of whoever has signed in: only this origin sets it, and only over TLS. */
export const SESSION = '__Host-session';

const Shape = z.object({
  iss: z.string(),
  sub: z.string(),
  name: z.optional(z.string()),
  mail: z.optional(z.string()),
  groups: z.array(z.string()),
});

/** What a session keeps of what the provider said: mail that it has verified, and of the groups those that the settings name. */
export type Session = z.infer<typeof Shape>;

/** The value of the cookie of somebody who has just proven who it is. */
export const sessionOf = (session: Session, tokens: Tokens, expiresAt: Instant): Promise<string> =>
  tokens.sign('session', session, expiresAt);

/** Whom a session is of. Who that is here, and what they may do, is asked of the present settings. @throws RolloutError NotAllowed if it is of another provider */
export function principalOf({ iss, sub, name, mail, groups }: Session, access: Access): Principal {
  const mails = mail === undefined ? {} : { email: mail, email_verified: true };
  const claim = access.oidc?.groupsClaim ?? '';
  return oidcPrincipal({ iss, sub, name, ...mails, [claim]: groups }, access);
}

/** Whom the cookie of a request names; undefined if there is none. @throws RolloutError TokenInvalid, or NotAllowed if it is of another provider */
export async function sessionPrincipal(
  request: Request,
  access: Access,
  tokens: Tokens,
): Promise<Principal | undefined> {
  const cookies = (request.headers.get('cookie') ?? '').split(';').map((each) => each.trim());
  const token = cookies.find((each) => each.startsWith(`${SESSION}=`))?.slice(SESSION.length + 1);
  if (token === undefined) return undefined;
  const { data } = Shape.safeParse(await tokens.read('session', token));
  if (data === undefined)
    throw new RolloutError('TokenInvalid', 'The session is of another version; sign in.');
  return principalOf(data, access);
}
