import { type Context, Hono } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import * as client from 'openid-client';
import { RolloutError } from '../core/errors.ts';
import { type Access, namedIn, oidcPrincipal, type Principal, rolesOf } from '../core/people/access.ts';
import { inMarkup, plainText } from '../core/plain-text.ts';
import type { Clock, OwnSecret, Tokens } from '../core/ports.ts';
import { nameOf } from '../core/rollout/actor.ts';
import type { Instant } from '../core/units.ts';
import { cut } from '../core/words.ts';
import type { Status } from './problems.ts';
import { assertSameOrigin } from './secure.ts';
import { principalOf, SESSION, type Session, sessionOf } from './session.ts';

/** Where the app is mounted: the provider sends people back to an address below it. */
export const SIGN_IN = '/auth';

/** What signing in stands on. */
export interface SignInDeps {
  /** It names the provider. */
  access: Access;
  clientSecret: OwnSecret;
  /** The address by which browsers reach the API; what a request says of that is never used. */
  publicUrl: string;
  tokens: Tokens;
  clock: Clock;
  fetch: typeof globalThis.fetch;
  /** Learns why the provider could not be asked or signed nobody in, in codes that hold no secret. */
  failed(why: string): void;
  /** True for a provider without TLS, on this machine. */
  isInsecure?: boolean | undefined;
}

/** How long a session lasts, from its sign-in on: nobody can call it back before. */
const SESSION_MS = 8 * 3_600_000;
/** How long somebody may take to sign in at the provider. */
const LOGIN_MS = 10 * 60_000;
/** How long the provider may take for one answer, in seconds; and how long one that gave none is not asked again, in milliseconds. */
const [TIMEOUT_S, PAUSE_MS] = [5, 2_000];
/** Longest cookie that browsers keep, name and value (RFC 6265bis, 5.6); a longer one is dropped without a word. */
const COOKIE_MAX = 4_096;
/** Longest name, and longest mail address (RFC 3696, erratum 1690), that are kept of somebody. */
const [NAME_MAX, MAIL_MAX] = [100, 254];

/** Where a sign-in leads that says nothing else. */
const FRONT = '/';

/** Longest address within this API that is remembered during a sign-in. */
const PATH_MAX = 1_000;

/** The status if the provider failed. It is no fault of this program: anybody can cause it, and an alarm counts those of 500 and more. */
const UNSERVED = 424 satisfies Status;

/** What the cookie of a session is called besides the prefix that every cookie of ours has. */
const NAME = SESSION.replace('__Host-', '');
const COOKIE = { prefix: 'host', path: '/', secure: true, httpOnly: true, sameSite: 'Lax' } as const;

/** What is remembered of a sign-in that has begun. */
interface Login {
  state: string;
  nonce: string;
  verifier: string;
  to: string;
}

/** Signing in at the deployment's OpenID provider, and who has. */
export function signIn(deps: SignInDeps): Hono {
  const { access, tokens, clock } = deps;
  const { issuer } = access.oidc as NonNullable<Access['oidc']>;
  const provider = discovered(deps);
  const app = new Hono();
  const callback = new URL(`${SIGN_IN}/callback`, deps.publicUrl);

  app.get('/login', async (context) => {
    const config = await provider();
    if (config === undefined) return page(context, UNSERVED, [`${issuer} cannot be reached now.`, AGAIN]);
    const login: Login = {
      state: client.randomState(),
      nonce: client.randomNonce(),
      verifier: client.randomPKCECodeVerifier(),
      to: ownPath(context.req.query('to'), deps.publicUrl),
    };
    const url = client.buildAuthorizationUrl(config, {
      redirect_uri: callback.href,
      scope: scopeOf(config),
      state: login.state,
      nonce: login.nonce,
      code_challenge: await client.calculatePKCECodeChallenge(login.verifier),
      code_challenge_method: 'S256',
    });
    const token = await tokens.sign('login', login, clock.now() + LOGIN_MS);
    setCookie(context, cookieOf(login.state), token, { ...COOKIE, maxAge: LOGIN_MS / 1000 });
    return context.redirect(url.href);
  });

  app.get('/callback', async (context) => {
    const { search, searchParams } = new URL(context.req.url);
    const state = searchParams.get('state') ?? '';
    const name = cookieOf(state);
    const login = await loginIn(getCookie(context, name, 'host') ?? '', tokens);
    if (login?.state !== state)
      return page(context, 400, ['This sign-in has expired, or was begun in another browser.', AGAIN]);
    deleteCookie(context, name, COOKIE);
    const config = await provider();
    if (config === undefined) return page(context, UNSERVED, [`${issuer} cannot be reached now.`, AGAIN]);
    let claims: Claims;
    try {
      claims = await claimsFrom(config, new URL(search, callback), login);
    } catch (error) {
      deps.failed(whyOf(error));
      const isRefusal =
        error instanceof client.AuthorizationResponseError || error instanceof client.ResponseBodyError;
      return page(context, isRefusal ? 400 : UNSERVED, [
        `${issuer} did not sign you in: ${codeOf(error)}.`,
        AGAIN,
      ]);
    }
    return entered(context, claims, login.to);
  });

  /** Begins a session, unless it would be one of somebody who may nothing. */
  const entered = async (context: Context, claims: Claims, to: string) => {
    const { identities } = oidcPrincipal(claims, access);
    const session: Session = {
      iss: claims.iss,
      sub: claims.sub,
      ...(typeof claims.name === 'string' ? { name: cut(plainText(claims.name), NAME_MAX) } : {}),
      ...mailOf(claims),
      groups: identities.flatMap((id) => (id.startsWith(GROUP) ? [id.slice(GROUP.length)] : [])),
    };
    const who = principalOf(session, access);
    const warning = warningOf(claims, access);
    if (!hasRole(who, access))
      return page(context, 403, [
        `You are signed in as ${nameOf(who.actor)}, who has no role in this environment.`,
        ...warning,
        `The deployer can give a role to ${identities.join(' or ')} in the setting access.roles.`,
      ]);
    const token = await sessionOf(session, tokens, clock.now() + SESSION_MS);
    if (SESSION.length + 1 + token.length > COOKIE_MAX)
      return page(context, 403, [
        `You are in ${session.groups.length} of the groups that the settings name, more than fit into a session cookie.`,
        'The deployer can name one group in their place.',
      ]);
    setCookie(context, NAME, token, { ...COOKIE, maxAge: SESSION_MS / 1000 });
    if (warning.length > 0) return page(context, 200, warning, to);
    return context.redirect(new URL(to, deps.publicUrl).href);
  };

  app.post('/logout', (context) => {
    assertSameOrigin(context.req.raw, true);
    deleteCookie(context, NAME, COOKIE);
    return context.body(null, 204);
  });

  return app;
}

/** The provider's endpoints and keys, asked for once for each secret of ours; undefined if it does not answer. */
function discovered({ access, clientSecret, clock, fetch, failed, isInsecure }: SignInDeps) {
  const { issuer, clientId } = access.oidc as NonNullable<Access['oidc']>;
  let found: Promise<client.Configuration | undefined> | undefined;
  let until: Instant = Number.POSITIVE_INFINITY;
  let by: string | undefined;
  return async () => {
    const secret = await clientSecret();
    if (clock.now() >= until || secret !== by) [found, until] = [undefined, Number.POSITIVE_INFINITY];
    by = secret;
    found ??= client
      .discovery(new URL(issuer), clientId, secret, authenticated(secret), {
        [client.customFetch]: (url, options) => fetch(url, options as RequestInit),
        timeout: TIMEOUT_S,
        // The code flow does without the signature of its token, because TLS vouches for it; with it nothing else has to.
        execute: [client.enableNonRepudiationChecks, ...(isInsecure ? [client.allowInsecureRequests] : [])],
      })
      .catch((error) => {
        failed(whyOf(error));
        until = clock.now() + PAUSE_MS;
        return undefined;
      });
    return found;
  };
}

/** The secret by which this deployment proves itself, sent as the provider takes it: in the body if it can, since not all of them decode a header alike. */
function authenticated(secret: string): client.ClientAuth {
  const [inBody, inHeader] = [client.ClientSecretPost(secret), client.ClientSecretBasic(secret)];
  return (server, ...rest) => {
    const taken = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
    return (taken.includes('client_secret_post') ? inBody : inHeader)(server, ...rest);
  };
}

/** Groups have a scope of their own at some providers, and others refuse one that they do not know. */
function scopeOf(config: client.Configuration): string {
  const { scopes_supported: known = [] } = config.serverMetadata();
  return ['openid', 'email', 'profile', ...(known.includes('groups') ? ['groups'] : [])].join(' ');
}

type Claims = client.IDToken & Record<string, unknown>;

/** What the provider says of whoever signed in. Some say all of it in the token, and some only if they are asked once more. @throws Error if it does not vouch for anybody */
async function claimsFrom(
  config: client.Configuration,
  currentUrl: URL,
  { state, nonce, verifier }: Login,
): Promise<Claims> {
  const answer = await client.authorizationCodeGrant(config, currentUrl, {
    expectedState: state,
    expectedNonce: nonce,
    pkceCodeVerifier: verifier,
    idTokenExpected: true,
  });
  const claims = answer.claims() as Claims;
  if (config.serverMetadata().userinfo_endpoint === undefined) return claims;
  return { ...(await client.fetchUserInfo(config, answer.access_token, claims.sub)), ...claims };
}

/** A mail address counts if the provider has verified it: with some, anybody can write any into an account. */
function mailOf({ email, email_verified: isVerified }: Claims): { mail?: string } {
  return isVerified === true && typeof email === 'string' && email.length <= MAIL_MAX ? { mail: email } : {};
}

const GROUP = 'oidc-group:';

/** What to say if the settings name groups of the provider, and it did not say which of them somebody is in. */
function warningOf(claims: Claims, access: Access): string[] {
  const { issuer, groupsClaim } = access.oidc as NonNullable<Access['oidc']>;
  if (Array.isArray(claims[groupsClaim]) || !namedIn(access).some((each) => each.startsWith(GROUP)))
    return [];
  // What Microsoft's providers send in place of more than 200 groups ("Configure group claims", overage).
  const isOverflow =
    claims.hasgroups !== undefined || Object.hasOwn(Object(claims._claim_names), groupsClaim);
  const why = isOverflow ? 'left out your groups, because there are too many' : `sent no "${groupsClaim}"`;
  return [`${issuer} ${why}; roles that depend on groups are not available to you.`];
}

/** True if somebody may do anything with the rollouts of any service. */
const hasRole = (who: Principal, access: Access): boolean =>
  ['*', ...Object.keys(access.roles ?? {})].some((service) => rolesOf(who, service, access).size > 0);

/** A place of this API, for after the sign-in; whatever leads elsewhere, or back into the sign-in, leads to the list of rollouts. */
function ownPath(to: string | undefined, publicUrl: string): string {
  if (to === undefined || to.length > PATH_MAX || !/^\/[^/\\]/.test(to) || !URL.canParse(to, publicUrl))
    return FRONT;
  const { origin, pathname, search } = new URL(to, publicUrl);
  const isOwn = origin === new URL(publicUrl).origin && !/^\/\/|^\/auth(?:\/|$)/.test(pathname);
  return isOwn ? pathname + search : FRONT;
}

/** Each sign-in has a cookie of its own, so that two tabs do not spoil each other's. */
const cookieOf = (state: string): string => `login-${/^[\w-]{1,64}$/.test(state) ? state.slice(0, 16) : ''}`;

/** The sign-in that a cookie of ours remembers; undefined for every other text. */
async function loginIn(token: string, tokens: Tokens): Promise<Login | undefined> {
  try {
    return (await tokens.read('login', token)) as unknown as Login;
  } catch (error) {
    if (RolloutError.is(error, 'TokenInvalid')) return undefined;
    throw error;
  }
}

/** The code by which a provider, or the library that checks what it says, names what is wrong. */
function codeOf(error: unknown): string {
  const { error: said, code, name } = Object(error) as Record<string, unknown>;
  return [said, code, name].find((each) => typeof each === 'string' && /^[\w.-]{1,60}$/.test(each)) as string;
}

/** The codes of an error and of its causes: what else they say may be an answer, and what that holds nobody knows. */
function whyOf(error: unknown): string {
  const { cause } = Object(error) as Error;
  return [codeOf(error), ...(cause instanceof Error ? [whyOf(cause)] : [])].join(', ');
}

const AGAIN = 'Begin again.';

/** A page of a few sentences, with a way on. */
function page(
  context: Context,
  status: 200 | 400 | 403 | typeof UNSERVED,
  says: string[],
  to?: string,
): Response {
  const [href, label] = to === undefined ? [`${SIGN_IN}/login`, 'Sign in'] : [to, 'Continue'];
  const lines = says.map((line) => `<p>${inMarkup(line)}</p>`).join('\n');
  const html = `<!doctype html>
<html lang="en">
<title>Spillway: sign-in</title>
${lines}
<p><a href="${inMarkup(href)}">${label}</a></p>
</html>
`;
  return context.html(html, status);
}
