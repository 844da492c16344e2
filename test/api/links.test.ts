import { expect, test } from 'vitest';
import { tokens } from '../../adapters/tokens.ts';
import { ALIAS } from '../../local/account.ts';
import { PEOPLE_KEY } from '../../local/controller.ts';
import type { World } from '../../local/world.ts';
import { EMPTY } from '../empty.ts';
import { apiOf, ask, deployed, FUNCTION, ID, released, SERVICE, taking, WHO } from './stage.ts';

const HOUR = 3_600_000;
const at = (command: string, id = ID) => `/rollouts/${id}/${command}`;
const linkOf = ({ ports, clock }: World, action: string, rolloutId = ID) =>
  ports.tokens.sign('link', { rolloutId, action }, clock.now() + HOUR);
/** Somebody with nothing but a link. */
const by = (token: string) => ({ [WHO]: 'nobody', authorization: `Bearer ${token}` });

test('a link is made by who may do what it does, leads to the page, and carries its token in the fragment', async () => {
  const world = await deployed();
  const app = apiOf(world);
  const { status, body } = await ask(app, 'POST', at('links'), { body: { action: 'abort', seconds: 600 } });
  const { url, expiresAt } = body as { url: string; expiresAt: number };
  expect(status).toBe(201);
  expect(body).toMatchObject({ action: 'abort', rolloutId: ID });
  expect(expiresAt - world.clock.now()).toBeGreaterThan(590_000);
  const { origin, pathname, search, hash } = new URL(url);
  expect([origin, pathname, search]).toEqual(['https://api.example', '/link', '']);
  expect(await world.ports.tokens.read('link', hash.slice(1))).toMatchObject({
    rolloutId: ID,
    action: 'abort',
  });
  for (const seconds of [0, 59, 604_801, 1.5])
    expect((await ask(app, 'POST', at('links'), { body: { action: 'view', seconds } })).status).toBe(422);
  expect((await ask(app, 'POST', at('links'), { body: { action: 'promote' } })).status).toBe(422);
});

test('behind a door that is not public, links lead to the public one, and none is taken', async () => {
  const world = await deployed();
  const app = apiOf(world, { isPublic: false, publicUrl: 'https://public.example' });
  const { body } = await ask(app, 'POST', at('links'), { body: { action: 'view' } });
  expect((body as { url: string }).url).toMatch(/^https:\/\/public\.example\/link#/);
  expect((await ask(app, 'POST', at('abort'), by(await linkOf(world, 'abort')))).status).toBe(401);
  for (const path of ['/link', '/link.js', '/link.css'])
    expect((await ask(app, 'GET', path)).status).toBe(404);
  const lonely = apiOf(world, { isPublic: false });
  expect((await ask(lonely, 'POST', at('links'), { body: { action: 'view' } })).body).toMatchObject({
    ...{ status: 403, code: 'NotAllowed' },
  });
});

test('a link reads its rollout, and does the one thing that it is for, once', async () => {
  const world = await deployed();
  await released(world);
  const app = apiOf(world);
  const token = await linkOf(world, 'abort');
  for (const path of [`/rollouts/${ID}`, `/rollouts/${ID}/events`, `/rollouts/${ID}/verdicts/api/errors`])
    expect((await ask(app, 'GET', path, by(token))).status).toBe(200);
  expect((await ask(app, 'POST', at('abort'), { ...by(token), body: { reason: 'odd' } })).status).toBe(202);
  expect(world.lambda.helpers.routing(FUNCTION, ALIAS)).toMatchObject({ primary: '7', weights: EMPTY });
  await world.ended(ID);
  const again = await ask(app, 'POST', at('abort'), { ...by(token), body: { reason: 'odd' } });
  expect(again.body).toEqual({ rolloutId: ID, accepted: true, isRepeated: true });
  const events = await world.journal.events(ID);
  const aborted = events.find(({ type }) => type === 'Aborted');
  expect(aborted).toMatchObject({ by: { id: expect.stringMatching(/^link:/), via: 'link' }, reason: 'odd' });
});

test('a link can only read, pause and abort', async () => {
  const world = await deployed();
  const { app, commands } = taking(world);
  const given = async (action: string, path: string, body: object = {}) =>
    (await ask(app, 'POST', path, { ...by(await linkOf(world, action)), body })).status;
  for (const action of ['view', 'pause', 'abort'])
    for (const command of [
      'pause',
      'resume',
      'promote',
      'approve',
      'abort',
      'rollback',
      'retry',
      'acknowledge',
      'links',
    ])
      expect([action, command, await given(action, at(command), { gate: 100 })]).toEqual([
        ...[action, command, action === command ? 422 : 403],
      ]);
  expect(commands).toEqual([]);
  expect(await given('pause', at('pause'))).toBe(202);
  expect(commands).toMatchObject([
    { command: 'pause', by: { via: 'link' }, once: { id: expect.stringMatching(/^link:/) } },
  ]);
  for (const path of ['/rollouts', '/about', `/services/${SERVICE}`, `/services/${SERVICE}/rollouts`])
    expect((await ask(app, 'GET', path, by(await linkOf(world, 'view')))).body).toMatchObject({
      status: 403,
    });
});

test('forged, altered, expired and foreign tokens do nothing, wherever they stand', async () => {
  const world = await deployed();
  const { app, commands } = taking(world);
  const good = await linkOf(world, 'abort');
  const [head = '', body = '', signature = ''] = good.split('.');
  const coded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const place = { environment: 'staging', clock: world.clock };
  const claims = { rolloutId: ID, action: 'abort' };
  const { ports, clock } = world;
  for (const [what, token] of Object.entries({
    garbage: 'x',
    empty: '.',
    truncated: good.slice(0, -1),
    padded: `${good}=`,
    unsigned: `${coded({ alg: 'none', typ: 'spillway-link+jwt' })}.${body}.`,
    altered: `${head}.${coded({ ...claims, aud: 'production', exp: 9e9, jti: 'x' })}.${signature}`,
    expired: await ports.tokens.sign('link', claims, clock.now() - 1_000),
    session: await ports.tokens.sign('session', claims, clock.now() + HOUR),
    command: await ports.tokens.sign('command', { request: claims }, clock.now() + HOUR),
    environment: await tokens(
      async () => JSON.stringify({ current: 'local', keys: { local: PEOPLE_KEY } }),
      place,
    ).sign('link', claims, clock.now() + HOUR),
    rollout: await linkOf(world, 'abort', `${SERVICE}--r2--1`),
    long: `${'a'.repeat(100_000)}.b.c`,
  })) {
    const { status, body: answer, text } = await ask(app, 'POST', at('abort'), by(token));
    expect([what, status, answer]).toMatchObject([what, 401, { code: 'TokenInvalid' }]);
    expect(text).not.toContain(token.slice(0, 200) === token && token.length > 3 ? token : good);
    // A token in front of everybody is none.
    for (const query of [`?token=${token}`, `?authorization=Bearer%20${token}`]) {
      const asked = await ask(app, 'POST', at('abort') + query.slice(0, 4_000), { [WHO]: 'nobody' });
      expect([what, asked.status]).toEqual([what, 401]);
    }
  }
  for (const query of [`?token=${good}`, `#${good}`])
    expect((await ask(app, 'POST', at('abort') + query, { [WHO]: 'nobody' })).status).toBe(401);
  expect((await ask(app, 'POST', at('abort'), { [WHO]: 'nobody', cookie: `token=${good}` })).status).toBe(
    403,
  );
  expect(commands).toEqual([]);
});

test('an abort works although the journal is down, from what its token says', async () => {
  let isDown = false;
  const world = await deployed({
    changePorts: (ports) => ({
      ...ports,
      journal: new Proxy(ports.journal, {
        get: (journal, name) =>
          isDown ? () => Promise.reject(new Error('no journal')) : journal[name as keyof typeof journal],
      }),
    }),
  });
  await released(world);
  const app = apiOf(world, {
    reads: new Proxy({} as never, { get: () => () => Promise.reject(new Error('down')) }),
  });
  isDown = true;
  for (const token of [await linkOf(world, 'abort')])
    expect((await ask(app, 'POST', at('abort'), by(token))).status).toBe(202);
  expect(world.lambda.helpers.routing(FUNCTION, ALIAS)).toMatchObject({ primary: '7', weights: EMPTY });
});

test('the page behind a link is the same for everybody, with its script in a file of its own', async () => {
  const app = apiOf(await deployed());
  const page = await ask(app, 'GET', '/link', { [WHO]: 'nobody' });
  expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(page.headers.get('content-security-policy')).toMatch(
    /script-src 'self'; style-src 'self'; connect-src 'self'/,
  );
  expect(page.text).not.toMatch(/<script(?! src="\/link\.js")|<style|\son\w+=|style=|https?:/);
  expect((await ask(app, 'GET', '/link?x=<script>')).text).toBe(page.text);
  expect((await ask(app, 'GET', '/link.js')).headers.get('content-type')).toBe(
    'text/javascript; charset=utf-8',
  );
  expect((await ask(app, 'GET', '/link.css')).headers.get('content-type')).toBe('text/css; charset=utf-8');
});
