import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { Hono } from 'hono';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { SLACK } from '../../api/slack.ts';
import { uploadSite } from '../../cli/site/upload.ts';
import type { Client } from '../../client/client.ts';
import { localClient } from '../../client/local.ts';
import type { Target } from '../../core/target.ts';
import { appOf, serve } from '../../demo/server.ts';
import { deploy, publish } from '../../demo/shop.ts';
import { SIGNING_SECRET, slackAccess, slackOf } from '../../demo/slack/workspace.ts';
import { SLACK_TOKEN } from '../../local/account.ts';
import { scaledClock } from '../../local/clock.ts';
import { createWorld } from '../../local/world.ts';
import { deployed, FREE, released, sampled, stateOf } from '../api/stage.ts';

const FUNCTION = 'checkout-prod-Api';
const ID = 'checkout-api--r1--1';
const ORDER = { rolloutId: ID, by: { id: 'ada', via: 'iam', isVerified: true } } as const;
const world = createWorld({ clock: scaledClock(60), seed: 7 });
let server: Awaited<ReturnType<typeof serve>>;
let url = '';
let client: Client;

beforeAll(async () => {
  server = await serve(world, 0);
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  client = localClient(url);
});
afterAll(() => server.close());

const asJson = { 'content-type': 'application/json' };
const posted = async (path: string, body: string) => {
  const response = await fetch(`${url}${path}`, { method: 'POST', body, headers: asJson });
  return { status: response.status, answer: (await response.json()) as Record<string, unknown> };
};

describe('the embedded world for the command line', () => {
  test('listens on this machine only', () => {
    expect((server.address() as AddressInfo).address).toBe('127.0.0.1');
  });

  test('cannot be had twice at one port', async () => {
    const { port } = server.address() as AddressInfo;
    await expect(serve(world, port)).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  test('reads the journal', async () => {
    expect(await client.about()).toMatchObject({ environment: 'production', bucket: 'releases' });
    expect(await client.running()).toEqual([]);
    expect(await client.rollout(ID)).toEqual({});
    expect(await client.events(ID, 0)).toEqual({ events: [] });
  });

  test('takes an object once, whatever is in its key, and refuses it the second time', async () => {
    const key = 'releases/checkout-api/r 1/notes.txt';
    const progress: number[] = [];
    const body = new TextEncoder().encode('hello');
    const versionId = await client.upload(key, body, (done) => progress.push(done));
    expect(versionId).toMatch(/./);
    expect(progress).toEqual([0, 5]);
    await expect(client.upload(key, body, () => {})).rejects.toMatchObject({ name: 'PreconditionFailed' });
  });

  test('has the buckets of sites', async () => {
    const owner = { service: 'shop', bucket: 'web', url: 'http://localhost:1', layout: 'spa' };
    world.kvs.helpers.create('web-shop', { 'spillway-site': JSON.stringify(owner) });
    const { bucket, standing, ...facts } = await client.site('web-shop');
    const { service, url, layout } = owner;
    expect(facts).toEqual({ service, url, layout });
    await expect(standing()).rejects.toMatchObject({ code: 'TargetInvalid' });
    world.kvs.helpers.put('web-shop', { spillway: '{"s":"r1","c":"r2","k":"key"}', 'spillway-pin': 'r0 x' });
    expect(await standing()).toEqual({ releases: ['r1', 'r2', 'r0'], key: 'key' });
    const key = '_releases/r1/ä b.html';
    const sha256 = 'LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=';
    const known = { name: 'ä b.html', md5: 'e6a1' };
    const object = { key, body: Buffer.from('hello'), bytes: 5, sha256, contentType: 'text/html', ...known };
    await bucket.put({ ...object, cacheControl: 'no-store', release: 'r1' });
    await expect(bucket.put({ ...object, cacheControl: 'no-store' })).rejects.toMatchObject({
      name: 'PreconditionFailed',
    });
    const listed: string[] = [];
    for await (const { key: each, bytes } of bucket.list('_releases/')) listed.push(`${each} ${bytes}`);
    expect(listed).toEqual([`${key} 5`]);
    expect(await bucket.sha256(key)).toBe(sha256);
    expect(await bucket.read(key)).toBe('hello');
    await expect(client.site('gone')).rejects.toMatchObject({ code: 'TargetInvalid' });
    const folder = await mkdtemp(join(tmpdir(), 'spillway-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    await writeFile(join(folder, 'index.html'), 'hello');
    const build = { release: 'r2', layout: facts.layout, isApart: false };
    await uploadSite({ bucket, folder, build, mayMiss: false, notice: () => {} });
    await bucket.remove([key, 'never-there']);
    await expect(bucket.read(key)).rejects.toThrow();
    expect(new TextDecoder().decode(world.s3.bytes('web', '_releases/r2/index.html'))).toBe('hello');
  });

  test('says what the controller refuses in the controller’s own words', async () => {
    const pause = { command: 'pause', rolloutId: ID, by: 'ada', reason: 'odd' } as const;
    await expect(client.command(pause)).rejects.toMatchObject({ code: 'RolloutUnknown' });
  });

  test('answers nothing but the API, and what only it has', async () => {
    for (const path of ['/functions/Command', '/functions/', '/anything'])
      expect(await posted(path, '{}')).toMatchObject({ status: 404, answer: { code: 'RequestInvalid' } });
    expect(await posted('/', '{}')).toMatchObject({ status: 405 });
    expect(await posted('/rollouts', '{}')).toMatchObject({ status: 405 });
  });

  /** A request as a browser or any other program may send it: fetch would write its own Host. */
  const asked = (headers: Record<string, string> | string[], method = 'PUT', path = '/objects/a/b') =>
    new Promise<{ status: number | undefined; body: string }>((resolve, reject) => {
      const { port } = server.address() as AddressInfo;
      const sent = request({ port, host: '127.0.0.1', method, path, headers, setHost: false }, (response) => {
        let body = '';
        response
          .on('data', (chunk) => (body += chunk))
          .on('end', () => resolve({ status: response.statusCode, body }));
      });
      sent.on('error', reject).end(method === 'PUT' || method === 'POST' ? '{}' : undefined);
    });

  test.each<[string, (port: number) => Record<string, string> | string[]]>([
    ['a name that leads here by DNS', (port) => ({ host: `evil.example:${port}` })],
    ['a name that begins like its own', (port) => ({ host: `localhost.evil.example:${port}` })],
    ['its own name at another port', (port) => ({ host: `localhost:${port + 1}` })],
    ['its own name without the port', () => ({ host: 'localhost' })],
    ['no Host', () => ({})],
    ['two Hosts', (port) => ['host', `127.0.0.1:${port}`, 'host', 'evil.example']],
    ['another address of the machine', (port) => ({ host: `[::ffff:7f00:1]:${port}` })],
    ['a page of another site', (port) => ({ host: `127.0.0.1:${port}`, origin: 'https://evil.example' })],
    ['a page without an origin', (port) => ({ host: `127.0.0.1:${port}`, origin: 'null' })],
    ['a page of another port', (port) => ({ host: `127.0.0.1:${port}`, origin: 'http://127.0.0.1:3000' })],
    ['a page by https', (port) => ({ host: `127.0.0.1:${port}`, origin: `https://127.0.0.1:${port}` })],
    ['an image of another site', (port) => ({ host: `127.0.0.1:${port}`, 'sec-fetch-site': 'cross-site' })],
    ['a page of a sibling', (port) => ({ host: `127.0.0.1:${port}`, 'sec-fetch-site': 'same-site' })],
  ])('refuses %s, whatever the method', async (_, headersAt) => {
    const { port } = server.address() as AddressInfo;
    for (const method of ['PUT', 'POST', 'GET', 'OPTIONS', 'DELETE']) {
      const { status, body } = await asked(headersAt(port), method);
      expect({ method, status, isRefused: body.includes('refused this request') }).toEqual({
        ...{ method, status: 403, isRefused: true },
      });
    }
  });

  test('answers by each of its own names', async () => {
    const { port } = server.address() as AddressInfo;
    for (const name of ['127.0.0.1', 'localhost', 'LocalHost', '[::1]']) {
      const { body } = await asked({ host: `${name}:${port}` }, 'POST', '/anything');
      expect(body).toContain('There is nothing at this address');
    }
    const own = await asked({ host: `localhost:${port}`, origin: `http://localhost:${port}` }, 'POST', '/x');
    expect(own.body).toContain('There is nothing at this address');
  });

  test('survives a body that is no JSON, and methods that no Request can have', async () => {
    expect(await posted(`/rollouts/${ID}/pause`, '{')).toMatchObject({
      status: 400,
      answer: { code: 'RequestInvalid' },
    });
    const { port } = server.address() as AddressInfo;
    const own = { host: `127.0.0.1:${port}` };
    expect((await asked(own, 'TRACE', '/rollouts')).status).toBe(405);
    expect((await asked(own, 'GET', 'http://evil.example/health')).status).toBe(200);
    expect((await asked(own, 'GET', '//')).status).toBe(404);
    expect(await client.running()).toEqual([]);
  });

  test('takes a canary out without the functions, from what the watchdog has frozen', async () => {
    await expect(client.revertDirectly(ID, 'ada')).rejects.toThrow(
      `No watchdog is armed for ${ID}: it has ended, or its id is wrong`,
    );
    await deploy(world, FUNCTION, 'live', 'checkout-api', '7-serving');
    const canary = await publish(world, FUNCTION, '8-cheaper-shipping');
    const router = world.ports.router('lambda-alias');
    const { target } = await router.resolve({
      name: 'api',
      service: 'checkout-api',
      spec: { lambda: FUNCTION, alias: 'live', source: 'http' },
      artifact: { version: canary },
      bucket: 'releases',
    });
    await raised(target);
    expect((await router.observe(target)).weights).toEqual({ [canary]: 10 });
    const armedAt = world.ports.clock.now();
    const input = { rolloutId: ID, epoch: 1, closed: '', targets: [target] };
    await world.ports.watchdog.arm({ ...input, armedAt, deadline: armedAt + 3_600_000 });
    expect(await client.revertDirectly(ID, 'ada')).toEqual([`api: version ${target.stable} serves`]);
    expect(await router.observe(target)).toMatchObject({
      primary: target.stable,
      token: { open: false, by: 'ada' },
    });
    expect((await router.observe(target)).weights).toEqual({});
  });

  test('streams the events of a rollout as they happen, to its end', async () => {
    const running = await deployed();
    const id = await released(running);
    const served = await serve(running, 0);
    onTestFinished(() => void served.close());
    const stream = `http://127.0.0.1:${(served.address() as AddressInfo).port}/rollouts/${id}/stream`;
    const response = await fetch(stream);
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    const decoder = new TextDecoder();
    let text = '';
    const readTo = async (part: string): Promise<void> => {
      while (!text.includes(part)) {
        const { done, value } = await reader.read();
        if (done) throw new Error(`The stream ended before ${part}.`);
        text += decoder.decode(value, { stream: true });
      }
    };
    await readTo('event: Shifted\n');
    expect(text).toMatch(/^id: 1\nevent: RolloutOpened\ndata: \{.*\}\n\nid: 2\n/);
    // Each is read before the next one can have happened.
    await running.command({ ...ORDER, command: 'pause', reason: 'a test\ndata: x' });
    await readTo('event: Paused\n');
    await running.command({ ...ORDER, command: 'abort', reason: 'odd' });
    await readTo('event: RolloutClosed\n');
    while (!(await reader.read()).done);
    const { length } = await running.journal.events(id);
    expect([...text.matchAll(/^id: (\d+)$/gm)].map(([, n]) => Number(n))).toEqual(
      Array.from({ length: (text.match(/^event: /gm) ?? []).length }, (_, index) => index + 1),
    );
    for (const headers of [{ 'last-event-id': String(length) }, {}])
      expect(await (await fetch(`${stream}?after=${length}`, { headers })).text()).toBe('');
  });

  test('refuses to stream what nobody opened, and from where no event can be', async () => {
    const stream = `${url}/rollouts/${ID}/stream`;
    expect((await fetch(stream)).status).toBe(404);
    for (const query of ['?after=x', '?after=-1', '?after=1&after=2', '?aftr=1'])
      expect([query, (await fetch(`${stream}${query}`)).status]).toEqual([query, 422]);
    for (const id of ['x', '-1', '1e3'])
      expect([id, (await fetch(stream, { headers: { 'last-event-id': id } })).status]).toEqual([id, 422]);
  });

  test('refuses a revert that is not said in words, and an object that is too large', async () => {
    for (const [body, status] of [
      ['{', 400],
      ['{}', 422],
      ['{"by":7}', 422],
    ] as const)
      expect(await posted(`/revert/${ID}`, body)).toMatchObject({
        status,
        answer: { code: 'RequestInvalid' },
      });
    const { port } = server.address() as AddressInfo;
    const headers = { host: `127.0.0.1:${port}`, 'content-length': '60000001' };
    expect((await asked(headers)).status).toBe(413);
  });

  test('tells a fault of its own from an object that is there, and writes it to the log', async () => {
    const log = vi.spyOn(console, 'error').mockReturnValue();
    onTestFinished(() => void vi.restoreAllMocks());
    const fault = new TypeError('the disk is full');
    vi.spyOn(world.clients.s3, 'send').mockRejectedValue(fault as never);
    const body = new TextEncoder().encode('hello');
    await expect(client.upload('releases/a/b', body, () => {})).rejects.toMatchObject({
      code: 'Unavailable',
    });
    expect(log.mock.calls).toEqual([[fault]]);
  });

  test('writes to the log what breaks an answer off, unless that is its reader', async () => {
    const log = vi.spyOn(console, 'error').mockReturnValue();
    onTestFinished(() => void vi.restoreAllMocks());
    const fault = new TypeError('torn');
    const left = Promise.withResolvers<void>();
    const torn = new Hono()
      .get('/torn', () => new Response(new ReadableStream({ pull: (one) => one.error(fault) })))
      .get('/endless', () => {
        const body = new ReadableStream({
          pull: (one) => one.enqueue(new Uint8Array(9)),
          cancel: () => left.resolve(),
        });
        return new Response(body);
      });
    const served = await serve(world, 0, { mount: { '/odd': torn } });
    onTestFinished(() => void served.close());
    const odd = `http://127.0.0.1:${(served.address() as AddressInfo).port}/odd`;
    const reader = (await fetch(`${odd}/endless`)).body?.getReader();
    await reader?.read();
    await reader?.cancel();
    await left.promise;
    await expect(fetch(`${odd}/torn`).then((response) => response.text())).rejects.toThrow();
    expect(log.mock.calls).toEqual([[fault]]);
  });

  test('says how to start it where nothing listens', async () => {
    const nobody = localClient('http://127.0.0.1:1');
    await expect(nobody.running()).rejects.toThrow(/start the embedded world with "npm run dev"/);
  });

  test('is found at another port by SPILLWAY_LOCAL', async () => {
    vi.stubEnv('SPILLWAY_LOCAL', url);
    onTestFinished(() => void vi.unstubAllEnvs());
    expect(await localClient().running()).toEqual(await client.running());
  });
});

async function raised(target: Target): Promise<void> {
  const router = world.ports.router('lambda-alias');
  const token = (seq: number) => ({ rolloutId: ID, epoch: 1, seq, open: true });
  await router.claim(target, token(0));
  const expiresAt = world.ports.clock.now() + 600_000;
  await router.raise(target, { expect: token(0), write: token(1), from: 0, weight: 10, expiresAt });
}

test('nothing that this machine serves acts on GET or HEAD', async () => {
  const acted: unknown[] = [];
  const access = slackAccess(`arn:aws:iam::111122223333:user/${userInfo().username}`);
  const world = await deployed({
    access,
    secrets: { SlackSigningSecret: SIGNING_SECRET, SlackToken: SLACK_TOKEN },
    changePorts: (ports) => ({
      ...ports,
      clicks: { hand: async (click) => void acted.push(click) },
      commands: {
        async give(given) {
          acted.push(given);
          return { rolloutId: given.rolloutId };
        },
      },
    }),
  });
  await released(world);
  const slack = slackOf(world, { url: 'http://127.0.0.1:1', command: 'npm run …' });
  const app = appOf(world, { limits: FREE, mount: { [SLACK]: slack } });
  const before = await stateOf(world);
  const paths = [...new Set(app.routes.map(({ path }) => path))].filter((path) => path !== '/*');
  for (const mount of [
    '/objects/*',
    '/revert/:rolloutId',
    '/rollouts/:rolloutId/stream',
    '/slack/press',
    '/slack/actions',
  ])
    expect(paths).toContain(mount);
  const key = 'releases/never/r1/manifest.json';
  for (const path of paths)
    for (const method of ['GET', 'HEAD'])
      for (const query of ['', '?by=ada&reason=odd&_method=POST', '?person=U0ADA&ts=1&action=abort'])
        for (const headers of [{}, { 'x-http-method-override': 'PUT', 'content-type': 'application/json' }]) {
          const address = sampled(path.replace(/:(\w+)/g, '{$1}').replace('*', key)) + query;
          const response = await app.request(`http://127.0.0.1:1${address}`, { method, headers });
          // A stream goes on.
          await response.body?.cancel();
          expect([method, address, response.status]).toEqual([
            method,
            address,
            expect.toBeOneOf([200, 404, 405, 422]),
          ]);
        }
  expect(acted).toEqual([]);
  expect(await stateOf(world)).toBe(before);
  // Nothing was uploaded: the first upload of this key is yet to come.
  const put = () => app.request(`http://127.0.0.1:1/objects/${key}`, { method: 'PUT', body: '{}' });
  expect([(await put()).status, (await put()).status]).toEqual([200, 412]);
});
