import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import Provider from 'oidc-provider';

/** What a provider says of somebody, besides who it is. */
type Said = Record<string, unknown>;

/** How the provider is set up. */
export interface ProviderOptions {
  /** Whoever signs in next. */
  account: string;
  people: Record<string, Said>;
  redirectUri: string;
  authMethod?: 'client_secret_post' | 'client_secret_basic';
  /** True if mail and groups are told only to who asks for them once more. */
  isThin?: boolean;
}

/** An OpenID provider that others wrote, listening on this machine. */
export interface TestProvider {
  issuer: string;
  /** Requests that it got, as `METHOD path`. */
  asked: string[];
  options: ProviderOptions;
  close(): void;
}

export const CLIENT = { id: 'spillway', secret: 'a secret, with % and + in it' };

/** Starts one on a free port; it signs in whomever the options name, without a question. */
export async function startProvider(options: ProviderOptions): Promise<TestProvider> {
  const asked: string[] = [];
  let handle: (request: IncomingMessage, response: ServerResponse) => unknown = () => undefined;
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${new URL(request.url ?? '', 'http://provider').pathname}`);
    handle(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const made = { issuer, asked, options, close: () => server.close() };
  handle = handlerOf(made);
  return made;
}

function handlerOf({ issuer, options }: TestProvider) {
  const { redirectUri, authMethod = 'client_secret_post', isThin = false } = options;
  // It warns of keys and of a memory that are made for development, which these tests are.
  const { warn, info } = console;
  Object.assign(console, { warn: () => undefined, info: () => undefined });
  const provider = new Provider(issuer, {
    clients: [
      {
        ...{ client_id: CLIENT.id, client_secret: CLIENT.secret, redirect_uris: [redirectUri] },
        ...{ response_types: ['code'], grant_types: ['authorization_code'] },
        token_endpoint_auth_method: authMethod,
      },
    ],
    clientAuthMethods: [authMethod],
    findAccount: (_: unknown, id: string) => ({
      accountId: id,
      claims: async () => ({ sub: id, ...options.people[id] }),
    }),
    claims: {
      openid: ['sub'],
      email: ['email', 'email_verified'],
      profile: ['name', '_claim_names', 'hasgroups'],
      groups: ['groups'],
    },
    scopes: ['openid', 'email', 'profile', 'groups'],
    conformIdTokenClaims: isThin,
    pkce: { required: () => true },
    cookies: { keys: ['tests-only'] },
    interactions: { url: (_: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
    features: { devInteractions: { enabled: false } },
    ttl: {
      AccessToken: 300,
      IdToken: 300,
      AuthorizationCode: 60,
      Interaction: 300,
      Session: 3600,
      Grant: 3600,
    },
  });
  const callback = provider.callback();
  Object.assign(console, { warn, info });
  return (request: IncomingMessage, response: ServerResponse) =>
    request.url?.startsWith('/interaction/')
      ? answered(provider, options.account, request, response)
      : callback(request, response);
}

/** Signs in and agrees, as a person would on the provider's pages. */
async function answered(
  provider: Provider,
  accountId: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { prompt, params, session, grantId } = await provider.interactionDetails(request, response);
  if (prompt.name === 'login')
    return provider.interactionFinished(
      request,
      response,
      { login: { accountId } },
      { mergeWithLastSubmission: false },
    );
  const grant =
    grantId === undefined
      ? new provider.Grant({ accountId: session?.accountId ?? '', clientId: params.client_id })
      : await provider.Grant.find(grantId);
  grant.addOIDCScope(params.scope);
  const consent = { grantId: await grant.save() };
  return provider.interactionFinished(request, response, { consent }, { mergeWithLastSubmission: true });
}

/** A browser as far as signing in needs one: it follows redirects, and keeps cookies by origin. */
export interface Browser {
  cookies: Map<string, Map<string, string>>;
  /** Asks for an address, here of the app under test or of the provider; follows redirects until `stop` says so. */
  open(address: string, stop?: (url: URL) => boolean): Promise<{ url: URL; response: Response }>;
}

/** Asks `app` for what is at its origin, and the network for the rest. */
export function browser(origin: string, app: (request: Request) => Response | Promise<Response>): Browser {
  const cookies: Browser['cookies'] = new Map();
  const keep = (at: string, response: Response) => {
    const jar = cookies.get(at) ?? new Map<string, string>();
    cookies.set(at, jar);
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (/max-age=0/i.test(line)) jar.delete(name);
      else jar.set(name, value);
    }
  };
  return {
    cookies,
    async open(address, stop = () => false) {
      for (let url = new URL(address, origin); ; ) {
        const cookie = [...(cookies.get(url.origin) ?? [])]
          .map(([name, value]) => `${name}=${value}`)
          .join('; ');
        const request = new Request(url, { headers: cookie === '' ? {} : { cookie }, redirect: 'manual' });
        const response = url.origin === origin ? await app(request) : await fetch(request);
        keep(url.origin, response);
        const to = response.headers.get('location');
        if (to === null) return { url, response };
        url = new URL(to, url);
        if (stop(url)) return { url, response };
      }
    },
  };
}
