import { createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { HookWeb } from '../../adapters/_hook.ts';
import { httpHook, httpHookCheck } from '../../adapters/http-hook.ts';
import { scaledClock, virtualClock } from '../../local/clock.ts';
import { questionOf } from './question.ts';

const SECRET = 'a secret of this environment';
const URL_OF_HOOK = 'https://hooks.example/ask?v=1';
const pass = { status: 'pass', reason: 'all is well' };

const question = (url = URL_OF_HOOK) =>
  questionOf({ id: 'afterStep.2', point: 'afterStep', kind: 'http', spec: { url } }, { step: 0, weight: 10 });

function stage(answer: (request: Request) => Response | Promise<Response>, more: Partial<HookWeb> = {}) {
  const clock = virtualClock();
  const sent: Request[] = [];
  const fetch: HookWeb['fetch'] = async (input, init) => {
    const request = new Request(input, init);
    sent.push(request.clone());
    return answer(request);
  };
  const web = { fetch, hosts: ['hooks.example'], secret: async () => SECRET, ...more };
  const hook = httpHook(web, clock);
  return {
    clock,
    sent,
    hook,
    check: httpHookCheck(web),
    ask: (url?: string) => clock.run(hook.ask(question(url))),
  };
}

describe('a web server', () => {
  test('is sent the question, signed with the time, and the key of this asking', async () => {
    const { clock, sent, ask } = stage(() => Response.json(pass));
    expect(await ask()).toEqual(pass);
    const [request] = sent;
    const body = (await request?.text()) ?? '';
    expect(request).toMatchObject({ url: URL_OF_HOOK, method: 'POST', redirect: 'manual' });
    expect(request?.headers.get('content-type')).toBe('application/json');
    expect(request?.headers.get('spillway-idempotency-key')).toBe('shop--r8--1/afterStep.2@0');
    const seconds = Math.floor(clock.now() / 1000);
    const mac = createHmac('sha256', SECRET).update(`${seconds}.${body}`).digest('hex');
    expect(request?.headers.get('spillway-signature')).toBe(`t=${seconds},v1=${mac}`);
    expect(JSON.parse(body)).toEqual({
      service: 'shop',
      environment: 'production',
      rolloutId: 'shop--r8--1',
      release: 'r8',
      step: 0,
      weight: 10,
      target: 'api',
      stable: '7',
      canary: '8',
      hook: 'afterStep.2@0',
      idempotencyKey: 'shop--r8--1/afterStep.2@0',
      callback: {
        command: 'answer',
        rolloutId: 'shop--r8--1',
        hook: 'afterStep.2@0',
        by: 'hook afterStep.2',
      },
    });
  });

  test.each([
    [
      'a redirect',
      () => new Response(null, { status: 307, headers: { location: 'https://evil.example' } }),
      'status 307',
    ],
    [
      'an error of its own',
      () => Response.json(pass, { status: 500 }),
      'hooks.example answered with HTTP status 500',
    ],
    ['no body', () => new Response(null, { status: 204 }), 'it answered with nothing'],
    ['HTML', () => new Response('<html>'), 'not JSON'],
    [
      'a lost connection',
      () => Promise.reject(new TypeError('fetch failed', { cause: new Error('ECONNRESET') })),
      'fetch failed (ECONNRESET)',
    ],
    [
      'a body that breaks off',
      () => new Response(new ReadableStream({ start: (body) => body.error(new Error('cut off')) })),
      'cut off',
    ],
  ])('that answers with %s is broken', async (_, answer, reason) => {
    const { ask, sent } = stage(answer);
    expect(await ask()).toMatchObject({ status: 'broken', reason: expect.stringContaining(reason) });
    expect(sent).toHaveLength(1);
  });

  test('that sends without end is read to 64 KB and then left', async () => {
    let sent = 0;
    let isLeft = false;
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        sent += 1024;
        controller.enqueue(new Uint8Array(1024).fill(32));
      },
      cancel: () => {
        isLeft = true;
      },
    });
    const { ask } = stage(() => new Response(body));
    expect(await ask()).toEqual({ status: 'broken', reason: 'its answer is longer than 64 KB' });
    expect(isLeft).toBe(true);
    expect(sent).toBeLessThan(70 * 1024);
  });

  test.each([
    ['says nothing', () => new Promise<Response>(() => {})],
    ['stops in the middle of its body', () => new Response(new ReadableStream())],
  ])('that %s is given up after 8 s', async (_, answer) => {
    const { clock, ask, sent } = stage(answer);
    const began = clock.now();
    expect(await ask()).toMatchObject({ status: 'broken', reason: expect.stringContaining('within 8 s') });
    expect(clock.now() - began).toBe(8_000);
    expect(sent[0]?.signal.aborted).toBe(true);
  });

  test('is let go once its asker gives up', async () => {
    const { clock, hook, sent } = stage(() => new Promise<Response>(() => {}));
    const asker = new AbortController();
    void hook.ask(question(), asker.signal);
    await clock.advance(3_000);
    expect(sent[0]?.signal.aborted).toBe(false);
    asker.abort();
    expect(sent[0]?.signal.aborted).toBe(true);
  });
});

describe('an address that may not be asked', () => {
  const cases: [string, Partial<HookWeb>, string][] = [
    [
      'http://hooks.example/',
      {},
      'hooks.afterStep.2: "http://hooks.example/" is no address that begins with https://',
    ],
    ['hooks.example', {}, 'is no address that begins with https://'],
    ['', {}, 'is no address that begins with https://'],
    [
      'https://other.example/',
      {},
      'other.example is not a host that this controller may ask (hooks.example); add it',
    ],
    ['https://hooks.example.evil.example/', {}, 'is not a host'],
    ['https://evil.example/hooks.example', {}, 'is not a host'],
    ['https://hooks.example:8443/', {}, 'hooks.example:8443 is not a host'],
    ['https://169.254.169.254/', {}, 'is not a host'],
    ['https://ada:pw@hooks.example/', {}, 'the address on hooks.example holds a password'],
    ['https://hooks.example@evil.example/', {}, 'holds a password'],
    [
      URL_OF_HOOK,
      { hosts: [] },
      'hooks.example is not a host that this controller may ask (it may ask none)',
    ],
  ];

  test.each(cases)('%j %j is refused at opening', async (url, web, message) => {
    const { check } = stage(() => Response.json(pass), web);
    await expect(check(question(url).hook, 'shop')).rejects.toMatchObject({
      code: 'OpeningRefused',
      message: expect.stringContaining(message),
    });
  });

  test.each(cases)('%j %j is never asked', async (url, web, message) => {
    const { ask, sent } = stage(() => Response.json(pass), web);
    expect(await ask(url)).toMatchObject({ status: 'broken', reason: expect.stringContaining(message) });
    expect(sent).toEqual([]);
  });

  test('that nothing can be signed for is never asked', async () => {
    const { ask, sent } = stage(() => Response.json(pass), {
      secret: () => Promise.reject(new Error('The secret is away.')),
    });
    expect(await ask()).toMatchObject({ status: 'broken', reason: expect.stringContaining('is away') });
    expect(sent).toEqual([]);
  });

  test.each(['https://HOOKS.example:443/x', 'https://other.example:8443/'])(
    'is not %s, which is listed',
    async (url) => {
      const { check } = stage(() => Response.json(pass), { hosts: ['hooks.example', 'other.example:8443'] });
      await expect(check(question(url).hook, 'shop')).resolves.toBeUndefined();
    },
  );
});

describe('over a real connection', () => {
  const seen: { headers: IncomingHttpHeaders; body: string; path: string | undefined }[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    seen.push({ headers: request.headers, body, path: request.url });
    if (request.url === '/away') response.writeHead(302, { location: '/home' }).end();
    else response.end(JSON.stringify(pass));
  });
  let port = 0;
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ({ port } = server.address() as AddressInfo);
  });
  afterAll(() => void server.close());

  /** Only the scheme is not real: the server has no certificate. */
  const ask = (path: string) => {
    const plain: HookWeb['fetch'] = (input, init) => fetch(String(input).replace('https:', 'http:'), init);
    const host = `127.0.0.1:${port}`;
    return httpHook({ fetch: plain, hosts: [host], secret: async () => SECRET }, scaledClock()).ask(
      question(`https://${host}${path}`),
    );
  };

  test('the signature fits the bytes that arrive, by the check that the guide gives to users', async () => {
    const { isFromSpillway } = await checkOfTheGuide();
    expect(await ask('/')).toEqual(pass);
    const { body = '', headers } = seen.at(-1) ?? {};
    const header = String(headers?.['spillway-signature']);
    expect(isFromSpillway(body, header, SECRET)).toBe(true);
    expect(isFromSpillway(`${body} `, header, SECRET)).toBe(false);
    expect(isFromSpillway(body, header, `${SECRET}!`)).toBe(false);
    expect(isFromSpillway(body, header, SECRET, Date.now() + 301_000)).toBe(false);
    expect(
      isFromSpillway(body, header.replace(/t=\d+/, `t=${Math.floor(Date.now() / 1000) + 1}`), SECRET),
    ).toBe(false);
    for (const bad of [undefined, '', 't=1', `${header},v1=00`])
      expect(isFromSpillway(body, bad, SECRET)).toBe(false);
  });

  test('a redirect is not followed', async () => {
    expect(await ask('/away')).toMatchObject({
      status: 'broken',
      reason: `127.0.0.1:${port} answered with HTTP status 302`,
    });
    expect(seen.at(-1)?.path).toBe('/away');
  });
});

type Check = (body: string, header: string | undefined, secret: string, now?: number) => boolean;

/** Runs the example of the guide as it stands there. */
async function checkOfTheGuide(): Promise<{ isFromSpillway: Check }> {
  const guide = await readFile(new URL('../../docs/guides/hooks.md', import.meta.url), 'utf8');
  const code = [...guide.matchAll(/```js\n(.*?)```/gs)].map(([, block = '']) => block).at(-1) ?? '';
  return import(`data:text/javascript,${encodeURIComponent(code)}`);
}
