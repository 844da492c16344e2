import { Hono } from 'hono';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { tokens } from '../../adapters/tokens.ts';
import { SIGN_IN, type SignInDeps, signIn } from '../../api/oidc.ts';
import { problemResponse } from '../../api/problems.ts';
import { SESSION, sessionPrincipal } from '../../api/session.ts';
import type { Access, Principal } from '../../core/people/access.ts';
import {
  type Browser,
  browser,
  CLIENT,
  type ProviderOptions,
  startProvider,
  type TestProvider,
} from './provider.ts';

const ORIGIN = 'https://spillway.example';
const CALLBACK = `${ORIGIN}${SIGN_IN}/callback`;
const HOUR = 3_600_000;

const PEOPLE: ProviderOptions['people'] = {
  ada: { name: 'Ada', email: 'Ada@x.example', email_verified: true, groups: ['leads', 'chess'] },
  eve: { name: 'Eve', email: 'ada@x.example', email_verified: false, groups: ['chess'] },
  max: { name: 'Max', email: 'max@x.example', email_verified: true, _claim_names: { groups: 'src1' } },
  ivy: { name: 'Ivy', email: 'ivy@x.example', email_verified: true },
};

const ACCESS: Omit<Access, 'oidc'> = {
  groups: { leads: ['oidc-group:leads'] },
  people: {},
  roles: { '*': { approver: ['leads'], operator: ['mail:ada@x.example', 'mail:max@x.example'] } },
  believedSessions: [],
  notify: {},
};

/** One app, its provider, and a browser. */
interface Scene {
  provider: TestProvider;
  deps: SignInDeps;
  /** Why signing in failed, as its log has it. */
  failures: string[];
  ask(request: Request): Response | Promise<Response>;
  eva: Browser;
  advance(ms: number): void;
}

const open: TestProvider[] = [];
afterEach(() => {
  for (const provider of open.splice(0)) provider.close();
});

async function scene(options: Partial<ProviderOptions> = {}, more: Partial<SignInDeps> = {}): Promise<Scene> {
  const provider = await startProvider({ account: 'ada', people: PEOPLE, redirectUri: CALLBACK, ...options });
  open.push(provider);
  let skew = 0;
  const clock = { now: () => Date.now() + skew, sleep: async () => undefined };
  const keys = JSON.stringify({ current: 'k1', keys: { k1: 'ab'.repeat(32) } });
  const failures: string[] = [];
  const deps: SignInDeps = {
    failed: (why) => void failures.push(why),
    access: { ...ACCESS, oidc: { issuer: provider.issuer, clientId: CLIENT.id, groupsClaim: 'groups' } },
    ...{ clientSecret: async () => CLIENT.secret, publicUrl: ORIGIN, clock, fetch, isInsecure: true },
    tokens: tokens(async () => keys, { environment: 'production', clock }),
    ...more,
  };
  const whole = new Hono().route(SIGN_IN, signIn(deps));
  whole.get('*', (context) => context.text('front'));
  whole.onError((error) => problemResponse(error, ORIGIN));
  const ask = (request: Request) => whole.fetch(request);
  const advance = (ms: number) => {
    skew += ms;
  };
  return { provider, deps, failures, ask, eva: browser(ORIGIN, ask), advance };
}

/** Whom the cookies of this browser name, or why they do not. */
const whoIn = async ({ deps, eva }: Scene): Promise<Principal | string | undefined> => {
  const cookie = [...(eva.cookies.get(ORIGIN) ?? [])].map(([name, value]) => `${name}=${value}`).join('; ');
  try {
    return await sessionPrincipal(new Request(ORIGIN, { headers: { cookie } }), deps.access, deps.tokens);
  } catch (error) {
    return Object(error).name;
  }
};

const cookiesOf = ({ eva }: Scene) => eva.cookies.get(ORIGIN) ?? new Map<string, string>();

/** Signs in as far as the provider's last redirect, and answers its address. */
const almost = async ({ eva }: Scene, to = '/rollouts/r1') => {
  const { url } = await eva.open(`${SIGN_IN}/login?to=${encodeURIComponent(to)}`, ({ href }) =>
    href.startsWith(CALLBACK),
  );
  return url.href;
};

describe('signing in', () => {
  test('leads to where somebody wanted to go, as whoever the provider says', async () => {
    const at = await scene();
    const { url, response } = await at.eva.open(`${SIGN_IN}/login?to=/rollouts/r1?after=3`);
    expect([url.href, response.status]).toEqual([`${ORIGIN}/rollouts/r1?after=3`, 200]);
    expect(await whoIn(at)).toEqual({
      actor: { id: 'oidc:ada', name: 'ada@x.example', via: 'oidc', isVerified: true },
      identities: ['oidc:ada', 'mail:ada@x.example', 'oidc-group:leads'],
    });
    expect([...cookiesOf(at).keys()]).toEqual([SESSION]);
  });

  test('works with a provider that tells mail and groups only to who asks once more', async () => {
    const at = await scene({ isThin: true });
    await at.eva.open(`${SIGN_IN}/login`);
    expect(await whoIn(at)).toMatchObject({
      identities: ['oidc:ada', 'mail:ada@x.example', 'oidc-group:leads'],
    });
  });

  test('works with a provider that takes the secret in a header alone', async () => {
    const at = await scene({ authMethod: 'client_secret_basic' });
    await at.eva.open(`${SIGN_IN}/login`);
    expect(await whoIn(at)).toMatchObject({ actor: { id: 'oidc:ada' } });
  });

  test('sets cookies that no script, no other site and no part of the domain gets', async () => {
    const at = await scene();
    const begun = await at.ask(new Request(`${ORIGIN}${SIGN_IN}/login`));
    const ended = await at.eva.open(await almost(at), () => true);
    for (const response of [begun, ended.response])
      for (const line of response.headers.getSetCookie())
        expect(line).toMatch(/^__Host-[\w-]+=.*; Path=\/; HttpOnly; Secure; SameSite=Lax$/);
    expect(begun.headers.getSetCookie()[0]).toContain('Max-Age=600;');
    expect(ended.response.headers.getSetCookie().at(-1)).toContain('Max-Age=28800;');
  });

  test('asks the provider for its description once', async () => {
    const at = await scene();
    await at.eva.open(`${SIGN_IN}/login`);
    await at.eva.open(`${SIGN_IN}/login`);
    expect(at.provider.asked.filter((each) => each.endsWith('/openid-configuration'))).toHaveLength(1);
  });

  test('in two tabs at once ends well in both', async () => {
    const at = await scene();
    const [one, two] = [await almost(at, '/one'), await almost(at, '/two')];
    expect((await at.eva.open(two)).url.pathname).toBe('/two');
    expect((await at.eva.open(one)).url.pathname).toBe('/one');
  });

  test('proves by PKCE that whoever ends it began it', async () => {
    const at = await scene();
    const { url } = await at.eva.open(`${SIGN_IN}/login`, ({ origin }) => origin === at.provider.issuer);
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      ...{ response_type: 'code', code_challenge_method: 'S256', redirect_uri: CALLBACK },
      scope: 'openid email profile groups',
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
    });
  });
});

describe('whoever has no role', () => {
  const said = async (account: string, access: Partial<Access> = {}) => {
    const at = await scene({ account });
    Object.assign(at.deps.access, access);
    const { response } = await at.eva.open(`${SIGN_IN}/login`);
    return { at, status: response.status, text: await response.text() };
  };

  test('is told so, and what a role could be given to', async () => {
    const { at, status, text } = await said('eve');
    expect(status).toBe(403);
    expect(text).toContain('You are signed in as Eve, who has no role in this environment.');
    expect(text).toContain('a role to oidc:eve in the setting access.roles.');
    expect(await whoIn(at)).toBeUndefined();
  });

  test('is told that the provider sent no groups', async () => {
    const { status, text } = await said('ivy');
    expect(status).toBe(403);
    expect(text).toContain(
      'sent no &quot;groups&quot;; roles that depend on groups are not available to you.',
    );
  });

  test('whose groups were too many to be sent is told that, and has no role by them', async () => {
    const { at, status, text } = await said('max');
    expect(status).toBe(200);
    expect(text).toContain('left out your groups, because there are too many');
    expect(text).toContain('<a href="/">Continue</a>');
    expect(await whoIn(at)).toMatchObject({ identities: ['oidc:max', 'mail:max@x.example'] });
  });

  test('is not told of groups where the settings name none', async () => {
    const { text } = await said('ivy', { groups: {}, roles: {} });
    expect(text).not.toContain('groups');
  });

  test('who writes markup into a name has written text', async () => {
    const people = { eve: { name: '<script>alert(1)</script>' } };
    const at = await scene({ account: 'eve', people });
    const { response } = await at.eva.open(`${SIGN_IN}/login`);
    expect(await response.text()).toContain('You are signed in as &lt;script&gt;');
  });

  test('and everybody else is nobody any more once another provider is trusted, or none', async () => {
    const at = await scene();
    await at.eva.open(`${SIGN_IN}/login`);
    const { oidc } = at.deps.access;
    at.deps.access.oidc = { groupsClaim: 'groups', clientId: 'spillway', issuer: 'https://other.example' };
    expect(await whoIn(at)).toBe('NotAllowed');
    at.deps.access.oidc = undefined;
    expect(await whoIn(at)).toBe('NotAllowed');
    at.deps.access.oidc = oidc;
    expect(await whoIn(at)).toMatchObject({ actor: { id: 'oidc:ada' } });
  });
});

const sessionOf = (at: Scene) => ({
  headers: { cookie: `__Host-session=${cookiesOf(at).get(SESSION)}` },
});

describe('a session', () => {
  let at: Scene;
  beforeEach(async () => {
    at = await scene();
    await at.eva.open(`${SIGN_IN}/login`);
  });

  test('holds no group that the settings do not name, and fits into a cookie', () => {
    const token = cookiesOf(at).get(SESSION) ?? '';
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    expect(claims.groups).toEqual(['leads']);
    expect(token.length).toBeLessThan(600);
  });

  test('ends after eight hours', async () => {
    at.advance(8 * HOUR - 60_000);
    expect(await whoIn(at)).toBeDefined();
    at.advance(60_000);
    expect(await whoIn(at)).toBe('TokenInvalid');
  });

  test.each<[string, (token: string, at: Scene) => string | Promise<string>]>([
    ['forged', (token) => `${token.slice(0, -43)}${'A'.repeat(43)}`],
    [
      'altered',
      (token) => token.replace(/\.[^.]+\./, `.${Buffer.from('{"sub":"eve"}').toString('base64url')}.`),
    ],
    ['unsigned', (token) => `${Buffer.from('{"alg":"none"}').toString('base64url')}.${token.split('.')[1]}.`],
    ['cut', (token) => token.slice(0, 200)],
    [
      'a link',
      (_, { deps }) => deps.tokens.sign('link', { iss: at.provider.issuer, sub: 'ada' }, Date.now() + HOUR),
    ],
    ['of another version', (_, { deps }) => deps.tokens.sign('session', { who: 'ada' }, Date.now() + HOUR)],
    ['empty', () => ''],
  ])('that is %s is none', async (_, made) => {
    const cookies = cookiesOf(at);
    cookies.set(SESSION, await made(cookies.get(SESSION) ?? '', at));
    expect(await whoIn(at)).toBe('TokenInvalid');
  });

  test('under a name that a sibling domain could set is none', async () => {
    const cookies = cookiesOf(at);
    cookies.set('session', cookies.get(SESSION) ?? '');
    cookies.delete(SESSION);
    expect(await whoIn(at)).toBeUndefined();
  });

  const leave = (headers: Record<string, string>, method = 'POST') =>
    at.ask(
      new Request(`${ORIGIN}${SIGN_IN}/logout`, {
        method,
        headers: { cookie: sessionOf(at).headers.cookie, ...headers },
      }),
    );

  test('is left by a POST of this origin alone', async () => {
    const own = { origin: ORIGIN, 'sec-fetch-site': 'same-origin', 'x-spillway': '1' };
    const done = await leave(own);
    expect([done.status, done.headers.get('set-cookie')]).toEqual([
      204,
      expect.stringContaining('__Host-session=; Max-Age=0'),
    ]);
    for (const [headers, method] of [
      [own, 'GET'],
      [own, 'HEAD'],
      [{ ...own, origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }, 'POST'],
      [{ origin: ORIGIN, 'sec-fetch-site': 'same-origin' }, 'POST'],
      // A form of another page sends no cookie along, and would have it deleted.
      [{ cookie: '', origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }, 'POST'],
      [{ cookie: '' }, 'POST'],
    ] as [Record<string, string>, string][])
      expect((await leave(headers, method)).headers.get('set-cookie')).toBeNull();
  });
});

describe('what comes back from a sign-in is refused', () => {
  const refusal = async ({ eva }: Scene, address: string) => {
    const { response } = await eva.open(address);
    return { status: response.status, text: await response.text() };
  };
  const begun = 'This sign-in has expired, or was begun in another browser.';

  test('if its code was used before', async () => {
    const at = await scene();
    const address = await almost(at);
    const login = [...cookiesOf(at)].filter(([name]) => name.startsWith('__Host-login'));
    await at.eva.open(address);
    expect(await refusal(at, address)).toMatchObject({ status: 400, text: expect.stringContaining(begun) });
    for (const [name, value] of login) cookiesOf(at).set(name, value);
    expect(await refusal(at, address)).toMatchObject({
      status: 400,
      text: expect.stringContaining('did not sign you in: invalid_grant.'),
    });
    expect(at.failures).toEqual(['invalid_grant']);
  });

  test.each<[string, (address: URL) => void]>([
    ['another state', (address) => address.searchParams.set('state', 'x'.repeat(43))],
    [
      'another state that begins alike',
      (address) =>
        address.searchParams.set(
          'state',
          `${address.searchParams.get('state')?.slice(0, 20)}${'x'.repeat(23)}`,
        ),
    ],
    ['no state', (address) => address.searchParams.delete('state')],
    ['a state that is no name of a cookie', (address) => address.searchParams.set('state', 'a;b=c')],
  ])('with %s', async (_, alter) => {
    const at = await scene();
    const address = new URL(await almost(at));
    alter(address);
    const before = at.provider.asked.length;
    expect(await refusal(at, address.href)).toMatchObject({
      status: 400,
      text: expect.stringContaining(begun),
    });
    expect(at.provider.asked).toHaveLength(before);
    expect(await whoIn(at)).toBeUndefined();
  });

  test('in another browser, without the cookie', async () => {
    const at = await scene();
    const address = await almost(at);
    at.eva.cookies.delete(ORIGIN);
    expect(await refusal(at, address)).toMatchObject({ status: 400, text: expect.stringContaining(begun) });
  });

  test('after ten minutes', async () => {
    const at = await scene();
    const address = await almost(at);
    at.advance(600_000);
    expect(await refusal(at, address)).toMatchObject({ status: 400, text: expect.stringContaining(begun) });
  });

  test('with what a stranger writes into it, which is no fault of the program', async () => {
    const at = await scene();
    for (const more of [
      ...[
        'code=x',
        'code=',
        'code=a&code=b',
        'code=%00',
        `code=${'x'.repeat(10_000)}`,
        'iss=https://evil.example',
      ],
      ...[
        'error=',
        'error=a&error=b',
        'error=%3Cb%3E',
        'response=x.y.z',
        'id_token=x',
        '__proto__=1',
        '%',
        '%FF=%FF',
      ],
    ]) {
      const state = new URL(await almost(at)).searchParams.get('state') ?? '';
      const { response } = await at.eva.open(`${CALLBACK}?state=${state}&${more}`);
      expect([more, response.status]).toEqual([more, expect.toBeOneOf([400, 424])]);
      expect(await whoIn(at)).toBeUndefined();
    }
  });

  test('if the provider says that it refused', async () => {
    const at = await scene();
    const address = new URL(await almost(at));
    address.search = String(
      new URLSearchParams({
        ...{ error: 'access_denied', error_description: '<b>no</b>' },
        ...{ state: address.searchParams.get('state') ?? '', iss: at.provider.issuer },
      }),
    );
    expect(await refusal(at, address.href)).toMatchObject({
      status: 400,
      text: expect.stringMatching(/did not sign you in: access_denied\.(?![\s\S]*<b>)/),
    });
  });

  test('with the token of another provider', async () => {
    let theirs = '';
    const other = await scene(
      {},
      {
        fetch: async (...asks) => {
          const answer = await fetch(...asks);
          if (!String(asks[0]).endsWith('/token')) return answer;
          theirs = ((await answer.clone().json()) as { id_token: string }).id_token;
          return answer;
        },
      },
    );
    await other.eva.open(`${SIGN_IN}/login`);
    expect(theirs).not.toBe('');
    const at = await scene(
      {},
      {
        fetch: async (...asks) => {
          const answer = await fetch(...asks);
          if (!String(asks[0]).endsWith('/token')) return answer;
          return Response.json({ ...((await answer.json()) as object), id_token: theirs });
        },
      },
    );
    expect(await refusal(at, `${SIGN_IN}/login`)).toMatchObject({
      status: 424,
      text: expect.stringContaining('did not sign you in: OAUTH_JWT_CLAIM_COMPARISON_FAILED.'),
    });
    expect(await whoIn(at)).toBeUndefined();
  });

  test.each(['header', 'claims', 'signature'])(
    'with a token whose %s was altered on its way',
    async (part) => {
      const at = await scene(
        {},
        {
          fetch: async (...asks) => {
            const answer = await fetch(...asks);
            if (!String(asks[0]).endsWith('/token')) return answer;
            const said = (await answer.json()) as { id_token: string };
            const parts = said.id_token.split('.');
            const index = ['header', 'claims', 'signature'].indexOf(part);
            const written = Buffer.from(parts[index] ?? '', 'base64url').toString();
            parts[index] =
              part === 'signature'
                ? 'AAAA'
                : Buffer.from(written.replace('"ada"', '"eve"').replace('RS256', 'none')).toString(
                    'base64url',
                  );
            return Response.json({ ...said, id_token: parts.join('.') });
          },
        },
      );
      expect((await refusal(at, `${SIGN_IN}/login`)).status).toBe(424);
      expect(await whoIn(at)).toBeUndefined();
    },
  );
});

test.each([
  ...['https://evil.example/', '//evil.example', '/\\evil.example', '/\t/evil.example', '/..//evil.example'],
  ...['/.//evil.example', 'evil', '', 'javascript:alert(1)', ' //evil.example', '///evil.example'],
  ...[
    `${ORIGIN}.evil.example/`,
    '/auth/login',
    '/auth/callback?state=x',
    `/${'x'.repeat(1_000)}`,
    '/@evil.example/..//evil',
  ],
])('after a sign-in nobody is led away, by %j', async (to) => {
  const at = await scene();
  const { url } = await at.eva.open(`${SIGN_IN}/login?to=${encodeURIComponent(to)}`);
  expect(url.href).toBe(`${ORIGIN}/`);
});

test('a request does not say where the provider is to send people back to', async () => {
  const at = await scene();
  const response = await at.ask(
    new Request(`https://evil.example${SIGN_IN}/login`, {
      headers: { host: 'evil.example', 'x-forwarded-host': 'evil.example' },
    }),
  );
  const to = new URL(response.headers.get('location') ?? '');
  expect(to.searchParams.get('redirect_uri')).toBe(CALLBACK);
});

test('a provider that is down is said to be, and asked again later', async () => {
  let isDown = true;
  let asked = 0;
  const at = await scene(
    {},
    {
      fetch: async (...asks) => {
        asked += 1;
        if (isDown)
          throw new TypeError('fetch failed', {
            cause: Object.assign(new Error('swordfish'), { code: 'ENOTFOUND' }),
          });
        return fetch(...asks);
      },
    },
  );
  const look = async () => (await at.eva.open(`${SIGN_IN}/login`)).response;
  expect((await look()).status).toBe(424);
  expect(await (await look()).text()).toContain('cannot be reached now.');
  expect(asked).toBe(1);
  expect(at.failures).toEqual(['TypeError, ENOTFOUND']);
  isDown = false;
  at.advance(2_000);
  expect((await look()).status).toBe(200);
  at.advance(HOUR);
  await look();
  expect(at.provider.asked.filter((each) => each.endsWith('/openid-configuration'))).toHaveLength(1);
});

test('groups that are too many for a cookie are said, and no session begins', async () => {
  const groups = Array.from({ length: 90 }, (_, index) => `1b4e28ba-2fa1-11d2-883f-0016d3cca4${index + 10}`);
  const people = { ada: { name: 'Ada', groups } };
  const at = await scene({ people });
  at.deps.access.groups = { leads: groups.map((group) => `oidc-group:${group}`) };
  const { response } = await at.eva.open(`${SIGN_IN}/login`);
  expect([response.status, await response.text()]).toEqual([
    403,
    expect.stringContaining(
      'You are in 90 of the groups that the settings name, more than fit into a session cookie.',
    ),
  ]);
  expect(await whoIn(at)).toBeUndefined();
});
