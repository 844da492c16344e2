import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import type * as z from 'zod/mini';
import { tokens } from '../../adapters/tokens.ts';
import { ANSWERS } from '../../api/answer-shapes.ts';
import { SIGN_IN, signIn } from '../../api/oidc.ts';
import { ROUTES, type Route, type RouteName } from '../../api/routes.ts';
import { sessionPrincipal } from '../../api/session.ts';
import { SLACK, slackActions } from '../../api/slack.ts';
import { readingsOf } from '../../controller/read.ts';
import { ERROR_CODES } from '../../core/errors.ts';
import { NO_ACCESS } from '../../core/people/access.ts';
import { browser, CLIENT, startProvider } from './provider.ts';
import { apiOf, ask, deployed, FREE, ID, released, SAMPLES, sampled, stateOf, taking, WHO } from './stage.ts';

const routes = Object.entries<Route>(ROUTES) as [RouteName, Route][];

test('GET and HEAD act on no route, whatever a request brings along', async () => {
  const world = await deployed();
  await released(world);
  const commands: unknown[] = [];
  const app = apiOf(world, {
    async command(given) {
      commands.push(given);
      return world.command(given);
    },
  });
  const before = await stateOf(world);
  const addresses = new Set(app.routes.map(({ path }) => path.replace(/:(\w+)/g, '{$1}')));
  expect([...addresses].sort()).toEqual([...new Set(['/*', ...routes.map(([, { path }]) => path)])].sort());
  const token = await world.ports.tokens.sign(
    'link',
    { rolloutId: ID, action: 'abort' },
    world.clock.now() + 60_000,
  );
  for (const [name, { path, method }] of routes)
    for (const asked of ['GET', 'HEAD'])
      for (const more of [{}, { authorization: `Bearer ${token}` }, { 'x-http-method-override': 'POST' }]) {
        for (const query of [SAMPLES[name]?.query ?? '', `?token=${token}&reason=odd&_method=POST`]) {
          const { status, text } = await ask(app, asked, sampled(path) + query, more);
          if (method === 'POST') expect([name, asked, status]).toEqual([name, asked, 405]);
          if (asked === 'HEAD') expect(text).toBe('');
        }
      }
  expect(commands).toEqual([]);
  expect(await stateOf(world)).toBe(before);
});

test('nothing that is mounted acts on GET or HEAD either', async () => {
  const world = await deployed();
  await released(world);
  const { tokens, clock } = { tokens: world.ports.tokens, clock: world.clock };
  const acted: unknown[] = [];
  const access = {
    ...NO_ACCESS,
    oidc: { issuer: 'https://id.example', clientId: 'spillway', groupsClaim: 'groups' },
  };
  const fetch = async () => new Response('{}', { status: 503 });
  const app = apiOf(world, {
    access,
    command: async (given) => {
      acted.push(given);
      return { rolloutId: given.rolloutId };
    },
    mount: {
      [SIGN_IN]: signIn({
        ...{ access, tokens, clock, fetch },
        clientSecret: async () => 's',
        publicUrl: 'https://api.example',
        failed() {},
      }),
      [SLACK]: slackActions({
        ...{ slack: { teams: ['T1'], appId: 'A1' }, signingSecret: async () => 's', clock },
        hand: async (click) => void acted.push(click),
        refused() {},
      }),
    },
  });
  const before = await stateOf(world);
  const paths = [...new Set(app.routes.map(({ path }) => path))].filter((path) => path !== '/*');
  expect(paths.length).toBeGreaterThan(routes.length);
  for (const path of paths)
    for (const method of ['GET', 'HEAD']) {
      const address = sampled(path.replace(/:(\w+)/g, '{$1}').replace('*', 'x'));
      const { status } = await ask(app, method, `${address}?code=c&state=s`);
      if (path in MOUNTED) expect([method, path, status]).toEqual([method, path, MOUNTED[path]]);
      else expect(routes.map(([, route]) => route.path)).toContain(path.replace(/:(\w+)/g, '{$1}'));
    }
  expect(acted).toEqual([]);
  expect(await stateOf(world)).toBe(before);
});

test('whoever signs in, through to a session that may do everything, has acted on nothing by GET and HEAD', async () => {
  const world = await deployed();
  await released(world);
  const origin = 'https://api.example';
  const people = { ada: { email: 'ada@x.example', email_verified: true } };
  const provider = await startProvider({
    account: 'ada',
    people,
    redirectUri: `${origin}${SIGN_IN}/callback`,
  });
  onTestFinished(() => provider.close());
  const may = ['mail:ada@x.example'];
  const access = {
    ...NO_ACCESS,
    roles: { '*': { operator: may, approver: may } },
    oidc: { issuer: provider.issuer, clientId: CLIENT.id, groupsClaim: 'groups' },
  };
  // The provider's tokens have the time of this machine.
  const clock = { now: () => Date.now(), sleep: async () => undefined };
  const keys = JSON.stringify({ current: 'k1', keys: { k1: 'ab'.repeat(32) } });
  const signedBy = tokens(async () => keys, { environment: 'production', clock });
  const { app, commands } = taking(world, {
    ...{ access, clock, tokens: signedBy, limits: FREE },
    principal: async (request) => sessionPrincipal(request, access, signedBy),
    mount: {
      [SIGN_IN]: signIn({
        ...{ access, clock, fetch, tokens: signedBy, publicUrl: origin, isInsecure: true },
        clientSecret: async () => CLIENT.secret,
        failed: (why) => expect.fail(why),
      }),
    },
  });
  const before = await stateOf(world);
  const ada = browser(origin, (request) => app.fetch(request));
  const place = `/rollouts/${ID}/events?after=1`;
  const almost = await ada.open(`${SIGN_IN}/login?to=${encodeURIComponent(place)}`, ({ pathname }) =>
    pathname.startsWith(SIGN_IN),
  );
  const signedIn = await ada.open(almost.url.href);
  expect([signedIn.url.href, signedIn.response.status]).toEqual([`${origin}${place}`, 200]);
  const cookie = [...(ada.cookies.get(origin) ?? [])].map(([name, value]) => `${name}=${value}`).join('; ');
  const own = { cookie, origin, 'sec-fetch-site': 'same-origin', 'x-spillway': '1' };
  for (const { path } of app.routes)
    for (const method of ['GET', 'HEAD']) {
      const address = sampled(path.replace(/:(\w+)/g, '{$1}').replace('*', 'x'));
      const { status } = await ask(app, method, `${address}${almost.url.search}&reason=odd`, own);
      expect([method, path, status]).toEqual([
        method,
        path,
        expect.toBeOneOf([200, 302, 400, 404, 405, 422]),
      ]);
    }
  expect(commands).toEqual([]);
  expect(await stateOf(world)).toBe(before);
  // The session could have.
  expect((await ask(app, 'POST', `/rollouts/${ID}/abort`, own)).status).toBe(202);
  expect(commands).toMatchObject([{ command: 'abort', by: { id: 'oidc:ada', isVerified: true } }]);
});

/** What is mounted, and what a GET without a cookie comes to there: the provider is away. */
const MOUNTED: Record<string, number> = {
  [`${SIGN_IN}/login`]: 424,
  [`${SIGN_IN}/callback`]: 400,
  [`${SIGN_IN}/logout`]: 404,
  [`${SLACK}/actions`]: 405,
};

/** Headers without the time of the controller, which goes on. */
const lasting = (headers: Headers) =>
  Object.fromEntries([...headers].filter(([name]) => name !== 'spillway-time'));

test('every route answers in the shape that it promises, and HEAD as GET does', async () => {
  const world = await deployed();
  await released(world);
  const app = apiOf(world);
  for (const [name, route] of routes) {
    const { path, method } = route;
    const { query = '', body = {} } = SAMPLES[name] ?? {};
    const address = sampled(path) + query;
    const {
      status,
      headers,
      body: answer,
    } = await ask(app, method, address, method === 'POST' ? { body } : {});
    if (NOT_NOW.includes(name)) expect([name, status]).toEqual([name, 409]);
    else expect([name, status]).toEqual([name, route.status]);
    // The rollout goes on, so that both may see different moments.
    if (method === 'GET')
      await vi.waitFor(async () => {
        const [got, head] = [await ask(app, 'GET', address), await ask(app, 'HEAD', address)];
        expect([name, head.status, lasting(head.headers)]).toEqual([name, status, lasting(got.headers)]);
      }, 20_000);
    const shape: z.ZodMiniType | string = ANSWERS[name];
    if (typeof shape === 'string') expect(headers.get('content-type')).toContain(shape);
    // What a shape does not name is dropped by reading it.
    else if (status < 300) expect(shape.parse(answer)).toEqual(answer);
  }
});

/** What the rollout of the stage is not ready for. */
const NOT_NOW: RouteName[] = ['approve', 'reject', 'rollback', 'retry', 'acknowledge'];

test.each(routes.filter(([, { isTagged }]) => isTagged))(
  '%s answers 304 to whoever has its tag, with every header of safety',
  async (name, { path }) => {
    const world = await deployed();
    await released(world);
    const app = apiOf(world);
    // What has ended changes no more while it is asked for.
    await ask(app, 'POST', `/rollouts/${ID}/abort`, { body: {} });
    while ((await world.journal.read(ID))?.outcome === undefined) await sleep(5);
    const address = sampled(path) + (SAMPLES[name]?.query ?? '');
    const first = await ask(app, 'GET', address);
    const tag = first.headers.get('etag') ?? '';
    expect(tag).toMatch(/^"[\w.-]+"$/);
    for (const known of [tag, `W/${tag}`, `"0", ${tag}`, '*']) {
      const { status, text, headers } = await ask(app, 'GET', address, { 'if-none-match': known });
      expect([known, status, text, headers.get('etag')]).toEqual([known, 304, '', tag]);
      for (const [header, value] of Object.entries(lasting(first.headers)))
        if (header !== 'content-type') expect([header, headers.get(header)]).toEqual([header, value]);
    }
    expect((await ask(app, 'GET', address, { 'if-none-match': '"0"' })).status).toBe(200);
  },
);

test('the tag of a rollout changes with each event, and once more if what is said of its end changes', async () => {
  const world = await deployed();
  await released(world);
  const app = apiOf(world);
  const tagIn = async (of: typeof app) => (await ask(of, 'GET', `/rollouts/${ID}`)).headers.get('etag');
  const tags = [await tagIn(app)];
  for (const command of ['pause', 'resume', 'abort']) {
    await ask(app, 'POST', `/rollouts/${ID}/${command}`, { body: {} });
    tags.push(await tagIn(app));
  }
  expect(new Set(tags).size).toBe(tags.length);
  await world.ended(ID);
  await world.clock.sleep(1_000);
  const ended = await tagIn(app);
  expect(ended).toMatch(/^"\d+-[\w-]{12}"$/);
  expect(await tagIn(app)).toBe(ended);
  const reads = readingsOf(world.journal);
  const saying = (state: string) =>
    apiOf(world, {
      reads: {
        ...reads,
        async rollout(rolloutId) {
          const { view, ...more } = await reads.rollout(rolloutId);
          return { ...more, ...(view === undefined ? {} : { view: { ...view, state } }) };
        },
      },
    });
  const other = await tagIn(saying('Something else serves by now.'));
  expect(other).not.toBe(ended);
  expect(other?.split('-')[0]).toBe(ended?.split('-')[0]);
});

test('every method but those of an address is refused with those that it takes', async () => {
  const app = apiOf(await deployed());
  for (const [, { path, method }] of routes) {
    const allow = method === 'GET' ? 'GET, HEAD' : 'POST';
    for (const wrong of [
      'PUT',
      'DELETE',
      'PATCH',
      'OPTIONS',
      'XTRACE',
      'PROPFIND',
      method === 'GET' ? 'POST' : 'GET',
    ]) {
      const { status, headers, body } = await ask(app, wrong, sampled(path));
      expect([path, wrong, status, headers.get('allow')]).toEqual([path, wrong, 405, allow]);
      expect(body).toMatchObject({ status: 405, title: 'Method Not Allowed', code: 'RequestInvalid' });
    }
  }
});

test('what is nowhere is a problem as well', async () => {
  const app = apiOf(await deployed());
  for (const path of [
    '//',
    '/view/rollouts',
    '/rollouts/',
    '/rollouts/x/y/z',
    '/services',
    '/favicon.ico',
    '/%2e%2e/etc/passwd',
  ]) {
    const { status, headers, body } = await ask(app, 'GET', path);
    expect([path, status, headers.get('content-type')]).toEqual([path, 404, 'application/problem+json']);
    expect(body).toMatchObject({ type: 'https://api.example/problems/RequestInvalid', title: 'Not Found' });
  }
});

test('a page of the dashboard about what cannot be is a page all the same, which says so', async () => {
  const app = apiOf(await deployed());
  for (const path of ['/view/rollouts/not-an-id', '/view/services/Not%20a%20name']) {
    const { status, headers } = await ask(app, 'GET', path);
    expect([path, status, headers.get('content-type')]).toEqual([path, 200, 'text/html; charset=utf-8']);
  }
  expect((await ask(app, 'GET', '/rollouts/not-an-id/overview')).status).toBe(404);
});

test('the type of a problem is one address, whatever was asked for, where anybody can read of it', async () => {
  const publicUrl = 'https://rollouts.example';
  const world = await deployed();
  for (const [base, app] of [
    ['https://api.example', apiOf(world)],
    [publicUrl, apiOf(world, { publicUrl })],
    [publicUrl, apiOf(world, { publicUrl, isPublic: false })],
  ] as const) {
    const refused = [
      ['GET', '/nowhere', 'RequestInvalid'],
      ['GET', '/rollouts/x/events', 'RequestInvalid'],
      ['PUT', '/rollouts', 'RequestInvalid'],
      ['GET', `/rollouts/${ID}`, 'RolloutUnknown'],
      ['GET', `/rollouts/${ID}/events?after=2`, 'RolloutUnknown'],
    ] as const;
    for (const [method, path, code] of refused) {
      const { body } = await ask(app, method, path);
      const { type } = body as { type: string };
      expect(new URL(type, `https://elsewhere.example${path}`).href).toBe(`${base}/problems/${code}`);
    }
  }
  const app = apiOf(world);
  for (const code of ERROR_CODES) {
    const { status, headers, text } = await ask(app, 'GET', `/problems/${code}`, { [WHO]: 'nobody' });
    expect([code, status, headers.get('content-type')]).toEqual([code, 200, 'text/plain; charset=utf-8']);
    expect(text).toMatch(new RegExp(`^${code}\n\nCause\\. [^]+\nFix\\. `));
    expect(text).not.toMatch(/\]\(|\*\*/);
  }
  for (const none of ['None', 'requestinvalid', '__proto__', 'constructor', '%00'])
    expect((await ask(app, 'GET', `/problems/${none}`)).status).toBe(404);
});

test('every answer has the headers of safety, errors included', async () => {
  const world = await deployed();
  await released(world);
  const app = apiOf(world);
  for (const [method, path, who] of [
    ['GET', '/health'],
    ['GET', `/rollouts/${ID}`],
    ['GET', '/nowhere'],
    ['PUT', '/rollouts'],
    ['GET', `/rollouts/${ID}`, 'nobody'],
    ['POST', `/rollouts/${ID}/approve`],
    ['GET', '/link'],
    ['GET', `/rollouts/${ID}/verdicts/api/errors`],
  ]) {
    const { headers } = await ask(
      app,
      method ?? '',
      path ?? '',
      who === undefined ? {} : { 'x-test-who': who },
    );
    expect([path, Object.fromEntries(headers)]).toMatchObject([
      path,
      {
        'cache-control': 'no-store',
        'content-security-policy': expect.stringMatching(/default-src 'none'.*frame-ancestors 'none'/),
        'referrer-policy': 'no-referrer',
        'strict-transport-security': expect.stringMatching(/^max-age=\d{8}/),
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
      },
    ]);
    expect(headers.get('content-security-policy')).not.toMatch(/script-src[^;]*'unsafe/);
    expect([...headers.keys()].filter((name) => name.startsWith('access-control-'))).toEqual([]);
  }
});
