import { describe, expect, test } from 'vitest';
import { SESSION, sessionOf } from '../../api/session.ts';
import { NO_ACCESS } from '../../core/people/access.ts';
import { lambda } from '../../functions/_lambda.ts';
import { answerFrom, type UrlAnswer } from '../../functions/_url.ts';
import { apiIam } from '../../functions/api-iam.ts';
import { apiPublic } from '../../functions/api-public.ts';
import type { World } from '../../local/world.ts';
import { ADA, deployed, ID, released } from '../api/stage.ts';
import { type Asked, iam, urlEvent } from './url-event.ts';

type Ask = (
  method: string,
  path: string,
  asked?: Asked,
) => Promise<UrlAnswer & { json: Record<string, unknown> }>;

function doors(world: World): { byIam: Ask; byAnybody: Ask } {
  const asker = (task: typeof apiIam): Ask => {
    const handler = lambda(task, () => world.ports);
    return async (method, path, asked) => {
      const answer = (await handler(urlEvent(method, path, asked))) as UrlAnswer;
      return {
        ...answer,
        json: /json/.test(answer.headers['content-type'] ?? '') ? JSON.parse(answer.body || '{}') : {},
      };
    };
  };
  return { byIam: asker(apiIam), byAnybody: asker(apiPublic) };
}

const JSON_BODY = { 'content-type': 'application/json' };

describe('the API behind its function URLs', () => {
  test('takes the caller of IAM from the context alone', async () => {
    const world = await deployed();
    await released(world);
    const { byIam } = doors(world);
    const forged = { 'x-amzn-iam-user-arn': 'arn:aws:iam::111122223333:user/root', 'x-test-who': 'root' };
    const asked = { headers: { ...JSON_BODY, ...forged }, body: '{"reason":"é"}' };
    for (const authorizer of [undefined, null, {}, { iam: null }]) {
      const { statusCode } = await byIam('POST', `/rollouts/${ID}/pause`, {
        ...asked,
        ...(authorizer === undefined ? {} : { authorizer }),
      });
      expect(statusCode).toBe(401);
    }
    const { statusCode, json } = await byIam('POST', `/rollouts/${ID}/pause`, {
      ...asked,
      authorizer: iam(ADA),
    });
    expect([statusCode, json]).toEqual([202, { rolloutId: ID, accepted: true }]);
    expect((await world.journal.read(ID))?.pause).toMatchObject({
      by: { id: ADA, name: 'ada', via: 'iam', isVerified: true },
      reason: 'é',
    });
  });

  test('never believes the context where anybody may call', async () => {
    const world = await deployed();
    await released(world);
    const { byAnybody } = doors(world);
    for (const path of ['/rollouts', `/rollouts/${ID}`])
      expect((await byAnybody('GET', path, { authorizer: iam(ADA) })).statusCode).toBe(401);
    const pause = await byAnybody('POST', `/rollouts/${ID}/pause`, { authorizer: iam(ADA) });
    expect(pause.statusCode).toBe(401);
    expect((await world.journal.read(ID))?.pause).toBeUndefined();
  });

  test('knows whoever has signed in by a cookie of its own, and lets them do what the settings say', async () => {
    const oidc = { issuer: 'https://id.example', clientId: 'spillway', groupsClaim: 'groups' };
    const ada = { iss: oidc.issuer, sub: '1', name: 'ada', groups: [] };
    const access = { ...NO_ACCESS, oidc, roles: { '*': { operator: ['oidc:1'] } } };
    const world = await deployed({ changePorts: (ports) => ({ ...ports, access }) });
    await released(world);
    const { byAnybody, byIam } = doors(world);
    const { tokens } = world.ports;
    const soon = world.clock.now() + 60_000;
    const cookies = [`other=1`, `${SESSION}=${await sessionOf(ada, tokens, soon)}`];
    expect((await byAnybody('GET', `/rollouts/${ID}`, { cookies })).statusCode).toBe(200);
    const headers = { ...JSON_BODY, 'x-spillway': '1', 'sec-fetch-site': 'same-origin' };
    const paused = await byAnybody('POST', `/rollouts/${ID}/pause`, {
      cookies,
      headers,
      body: '{"reason":"odd"}',
    });
    expect(paused.statusCode).toBe(202);
    const without = await byAnybody('POST', `/rollouts/${ID}/resume`, {
      cookies,
      headers: JSON_BODY,
      body: '{}',
    });
    expect(without.statusCode).toBe(403);
    const origin = 'https://evil.lambda-url.eu-central-1.on.aws';
    const sibling = { ...headers, 'sec-fetch-site': 'same-site', origin };
    expect(
      (await byAnybody('POST', `/rollouts/${ID}/resume`, { cookies, headers: sibling })).statusCode,
    ).toBe(403);
    expect((await byIam('GET', `/rollouts/${ID}`, { cookies })).statusCode).toBe(401);
    for (const token of [
      'x',
      await tokens.sign('link', { rolloutId: ID, action: 'abort' }, soon),
      await sessionOf(ada, tokens, world.clock.now() - 1_000),
    ]) {
      const { statusCode, json } = await byAnybody('GET', `/rollouts/${ID}`, {
        cookies: [`${SESSION}=${token}`],
      });
      expect([statusCode, json.code]).toEqual([401, 'TokenInvalid']);
    }
  });

  test('takes the address that the deployment says for its own, where it says one', async () => {
    const publicUrl = 'https://rollouts.example';
    const oidc = { issuer: 'https://id.example', clientId: 'spillway', groupsClaim: 'groups' };
    const access = { ...NO_ACCESS, oidc, roles: { '*': { operator: ['oidc:1'] } } };
    const told = { issuer: oidc.issuer, authorization_endpoint: `${oidc.issuer}/authorize` };
    const provider = { clientSecret: async () => 's', fetch: async () => Response.json(told) };
    const world = await deployed({ changePorts: (ports) => ({ ...ports, access, provider, publicUrl }) });
    await released(world);
    const { byAnybody } = doors(world);
    const begun = await byAnybody('GET', '/auth/login', { query: 'to=/rollouts' });
    const [location = '', cookies] = [begun.headers.location, begun.cookies];
    expect([begun.statusCode, location.startsWith(told.authorization_endpoint)]).toEqual([302, true]);
    expect(new URL(location).searchParams.get('redirect_uri')).toBe(`${publicUrl}/auth/callback`);
    expect(cookies).toEqual([expect.stringMatching(/^__Host-login-.*; Secure; SameSite=Lax$/)]);
    const session = await sessionOf(
      { iss: oidc.issuer, sub: '1', groups: [] },
      world.ports.tokens,
      world.clock.now() + 60_000,
    );
    const pause = async (origin: string) => {
      const headers = { ...JSON_BODY, 'x-spillway': '1', origin };
      const asked = { cookies: [`${SESSION}=${session}`], headers, body: '{}' };
      return (await byAnybody('POST', `/rollouts/${ID}/pause`, asked)).statusCode;
    };
    expect(await pause('https://abc.lambda-url.eu-central-1.on.aws')).toBe(403);
    expect(await pause(publicUrl)).toBe(202);
  });

  test('takes bodies as bytes or as text, and addresses as they were sent', async () => {
    const world = await deployed();
    await released(world);
    const { byIam } = doors(world);
    const caller = { authorizer: iam(ADA), headers: JSON_BODY };
    const body = new TextEncoder().encode('{"reason":"naïve"}');
    expect((await byIam('POST', `/rollouts/${ID}/pause`, { ...caller, body })).statusCode).toBe(202);
    expect((await world.journal.read(ID))?.pause?.reason).toBe('naïve');
    const events = await byIam('GET', `/rollouts/${ID}/events`, { ...caller, query: 'after=1&limit=1' });
    expect(events.json).toMatchObject({ events: [{ type: 'ShiftIntended' }], isMore: true });
    const again = await byIam('GET', `/rollouts/${ID}`, { ...caller, headers: { 'if-none-match': '*' } });
    expect([again.statusCode, again.body, again.isBase64Encoded]).toEqual([304, '', false]);
    for (const path of ['//', '//evil.example/rollouts', '/rollouts/%2E%2E/x', '/%', '/\u0000', '/a b'])
      expect([path, (await byIam('GET', path, caller)).statusCode]).toEqual([path, 404]);
  });

  test('answers methods and headers that a Request cannot have', async () => {
    const { byIam } = doors(await deployed());
    for (const method of ['TRACE', 'CONNECT', 'TRACK', 'DELETE']) {
      const { statusCode, headers } = await byIam(method, '/rollouts', { authorizer: iam(ADA) });
      expect([method, statusCode, headers.allow]).toEqual([method, 405, 'GET, HEAD']);
    }
    const headers = { 'x-name': 'ада', 'x-line': 'a\u0000b' };
    expect((await byIam('GET', '/health', { headers })).json).toEqual({
      status: 'ok',
      environment: 'production',
    });
    expect((await byIam('GET', '/health', { body: 'a body where none can be' })).statusCode).toBe(200);
  });

  test('answers a stranger who may write anything with no status of a fault, and does not fail', async () => {
    const oidc = { issuer: 'https://id.example', clientId: 'spillway', groupsClaim: 'groups' };
    const access = { ...NO_ACCESS, oidc, slack: { teams: ['T1'], appId: 'A1' }, roles: {} };
    const publicUrl = 'https://rollouts.example';
    const provider = {
      clientSecret: async () => 's',
      fetch: async () => Promise.reject(new TypeError('fetch failed')),
    };
    const slackSecret = async () => 'ab'.repeat(16);
    const world = await deployed({
      changePorts: (ports) => ({ ...ports, access, provider, publicUrl, slackSecret }),
    });
    await released(world);
    const { byAnybody } = doors(world);
    const odd = [
      '',
      '%',
      '%00',
      'é',
      '\u0000',
      'ада',
      '\ud800',
      '__proto__',
      '..',
      '<script>',
      'x'.repeat(20_000),
    ];
    const paths = [
      ...[
        '/',
        '/rollouts',
        `/rollouts/${ID}`,
        `/rollouts/${ID}/abort`,
        `/rollouts/${ID}/links`,
        '/health',
        '/link',
      ],
      ...['/auth/login', '/auth/callback', '/auth/logout', '/slack/actions', '/services/checkout-api'],
    ];
    for (const path of paths)
      for (const method of ['GET', 'POST', 'PUT'])
        for (const text of odd) {
          const asked = {
            query: `code=${text}&state=${text}&to=${text}`,
            headers: {
              authorization: `Bearer ${text}`,
              'x-slack-request-timestamp': text,
              [text || 'x']: text,
            },
            cookies: [text, `${SESSION}=${text}`, `__Host-login-${text.slice(0, 16)}=${text}`],
            body: text,
          };
          const { statusCode } = await byAnybody(method, path, asked);
          expect([method, path, text.slice(0, 20), statusCode < 500]).toEqual([
            ...[method, path, text.slice(0, 20), true],
          ]);
          const under = await byAnybody(method, `${path}/${text}`, asked);
          expect([method, path, text.slice(0, 20), under.statusCode < 500]).toEqual([
            ...[method, path, text.slice(0, 20), true],
          ]);
        }
  });

  test('gives cookies and bytes back as Lambda takes them', async () => {
    const headers = new Headers([
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=2'],
      ['content-type', 'application/octet-stream'],
    ]);
    expect(await answerFrom(new Response(new Uint8Array([255, 0]), { status: 201, headers }))).toEqual({
      ...{ statusCode: 201, cookies: ['a=1', 'b=2'], body: '/wA=', isBase64Encoded: true },
      headers: { 'content-type': 'application/octet-stream' },
    });
  });
});
