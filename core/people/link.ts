import * as z from 'zod/mini';
import { RolloutError } from '../errors.ts';
import type { Actor } from '../rollout/actor.ts';
import type { CommandRequest } from '../rollout/command-request.ts';

/** What a link may do besides reading: no link can raise traffic. */
export const LINK_ACTIONS = ['view', 'pause', 'abort'] as const;

/** What a token of the type `link` says. */
export interface LinkClaims {
  rolloutId: string;
  action: (typeof LINK_ACTIONS)[number];
  jti: string;
}

/** Whoever holds a link: nobody knows who that is, but that the controller made it. */
export const linkActor = ({ jti }: LinkClaims): Actor => ({
  id: `link:${jti}`,
  via: 'link',
  isVerified: true,
});

/** The address of a link, whose token stands in the fragment: no server and no log gets to see that. */
export function linkUrl(publicUrl: string, token: string): string {
  const url = new URL('/link', publicUrl);
  url.hash = token;
  return url.href;
}

const Claims = z.object({
  rolloutId: z.string(),
  action: z.enum(LINK_ACTIONS),
  jti: z.string().check(z.minLength(1)),
  exp: z.number(),
});

/** What a link's token says, if it is for this rollout. @throws RolloutError TokenInvalid */
export function linkFrom(claims: Record<string, unknown>, rolloutId: string): LinkClaims & { exp: number } {
  const { data } = Claims.safeParse(claims);
  if (data === undefined || data.rolloutId !== rolloutId)
    throw new RolloutError(
      'TokenInvalid',
      `The token is no link to ${rolloutId}; open the link as it was sent.`,
    );
  return data;
}

/** The command of whoever presses the button behind a link, which works once. @throws RolloutError NotAllowed for a link that only reads */
export function linkCommand(link: LinkClaims & { exp: number }, reason: string): CommandRequest {
  const { rolloutId, action, jti, exp } = link;
  if (action === 'view')
    throw new RolloutError(
      'NotAllowed',
      'This link only shows the rollout; ask for one that may pause or abort it.',
    );
  const once = { id: `link:${jti}`, fingerprint: `${action} ${rolloutId}`, expiresAt: exp * 1000 };
  return { command: action, rolloutId, by: linkActor(link), reason, once };
}
