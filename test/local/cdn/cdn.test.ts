import { gunzipSync } from 'node:zlib';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { describe, expect, test } from 'vitest';
import { createAccount } from '../../../local/account.ts';
import { CACHING_DISABLED, CACHING_OPTIMIZED, encodingsOf, freshSeconds } from '../../../local/cdn/cache.ts';
import { type Behaviour, createCdn, type Distribution } from '../../../local/cdn/cdn.ts';
import { type CdnAnswer, type CdnRequest, textAnswer } from '../../../local/cdn/http.ts';
import { functionOrigin, type Origin, s3Origin } from '../../../local/cdn/origins.ts';
import { siteDistribution } from '../../../local/cdn/site.ts';
import { edgeValues } from '../../../local/cdn/values.ts';
import { type VirtualClock, virtualClock } from '../../../local/clock.ts';
import { LATENCY_MS } from '../../../local/latency.ts';
import { SimulatedKeyValueStore } from '../../../local/services/cloudfront-kvs.ts';

const ROLLOUT = { s: 'r41', c: 'r42', w: 2_500, t: 'checkout--r42--1', a: '/api/' };
/** Below 25 % under that salt, and above it. */
const [IN, OUT] = ['v-0', 'v-1'];
const LONG = 'x'.repeat(2_000);
const EVERYWHERE_MS = LATENCY_MS.kvsPropagation;

/** A site's store, and what edge locations see of it. */
function storeOf(clock: VirtualClock, text?: string) {
  const { helpers } = new SimulatedKeyValueStore({ clock, account: '111122223333' });
  helpers.create('shop', text === undefined ? {} : { spillway: text });
  return {
    values: edgeValues({ helpers }, 'shop'),
    write: (value: string) => helpers.put('shop', { spillway: value }),
  };
}

const html = (text: string, more: Record<string, string> = {}): CdnAnswer => ({
  ...textAnswer(200, text),
  headers: { 'content-type': 'text/html; charset=utf-8', etag: `"${text.length}${text.at(0)}"`, ...more },
});

/** What an origin was asked for, and answers of its own for some paths. */
function originOf(name: string, pages: Record<string, CdnAnswer> = {}) {
  const asked: CdnRequest[] = [];
  const origin: Origin = async (request) => {
    asked.push(request);
    const answer = pages[request.url] ?? html(`${name} ${request.url}`);
    const isSame =
      answer.headers.etag !== undefined && answer.headers.etag === request.headers['if-none-match'];
    return isSame ? { ...answer, status: 304, body: new Uint8Array() } : answer;
  };
  return { asked, origin, paths: () => asked.map(({ url }) => url) };
}

function cdnOf({
  pages = {},
  change = (distribution: Distribution) => distribution,
  store = ROLLOUT as object | null,
} = {}) {
  const clock = virtualClock();
  const { values, write } = storeOf(clock, store === null ? undefined : JSON.stringify(store));
  const [files, live, candidate] = [originOf('files', pages), originOf('live', pages), originOf('candidate')];
  const distribution = change(
    siteDistribution({
      ...{ files: files.origin, layout: 'dir' },
      api: { path: '/api/', live: live.origin, candidate: candidate.origin },
    }),
  );
  const cdn = createCdn({ clock, distribution, values });
  const set = (value: object) => write(JSON.stringify(value));
  const ask = async (
    url: string,
    { as = OUT, of = '', edge = 'FRA', method = 'GET', ...headers }: Record<string, string> = {},
  ) => {
    const last = of === '' ? '' : `; __Host-spillway-release=${of}`;
    const cookie = as === '' ? {} : { cookie: `__Host-spillway=${as}${last}` };
    const sent = { method, url, headers: { host: 'shop.example', ...cookie, ...headers } };
    const said = await clock.run(cdn.answer(edge, sent));
    return {
      ...said,
      text: new TextDecoder().decode(said.body),
      cache: said.headers['x-cache']?.split(' ')[0],
    };
  };
  return { clock, cdn, write, set, ask, files, live, candidate };
}

/** The distribution with something else in the behaviour of a path. */
const changed = (path: string, change: Partial<Behaviour>) => (distribution: Distribution) => ({
  ...distribution,
  behaviours: distribution.behaviours.map((each) => (each.path === path ? { ...each, ...change } : each)),
});

describe('the key of a cache', () => {
  test('is the path as the function left it, so that two releases of one page are kept apart', async () => {
    const { ask, files } = cdnOf();
    const first = await ask('/', { as: IN });
    const second = await ask('/', { as: OUT });
    expect([first.text, second.text]).toEqual([
      'files /_releases/r42/index.html',
      'files /_releases/r41/index.html',
    ]);
    expect([(await ask('/', { as: IN })).cache, (await ask('/', { as: OUT })).cache]).toEqual(['Hit', 'Hit']);
    expect(files.asked).toHaveLength(2);
  });

  test('would mix releases if it were the path that was asked for', async () => {
    // Planted: a cache in front of the function.
    const { cdn, clock } = cdnOf();
    const kept = new Map<string, CdnAnswer>();
    const planted = async (as: string) => {
      const known = kept.get('/');
      if (known !== undefined) return new TextDecoder().decode(known.body);
      const headers = { cookie: `__Host-spillway=${as}` };
      const said = await clock.run(cdn.answer('FRA', { method: 'GET', url: '/', headers }));
      kept.set('/', said);
      return new TextDecoder().decode(said.body);
    };
    expect(await planted(IN)).toContain('r42');
    expect(await planted(OUT)).not.toContain('r41');
  });

  test('has neither query nor cookies, and an edge location has a cache of its own', async () => {
    const { ask, files } = cdnOf();
    await ask('/cart?utm=1');
    expect((await ask('/cart?utm=2', { as: 'v-2' })).cache).toBe('Hit');
    expect((await ask('/cart', { edge: 'SYD' })).cache).toBe('Miss');
    expect(files.paths()).toEqual(['/_releases/r41/cart/index.html', '/_releases/r41/cart/index.html']);
    expect(files.asked.map(({ headers }) => headers)).toEqual([{}, {}]);
  });

  test('has the encodings of the viewer that count, and no other', async () => {
    expect(['gzip, deflate, br, zstd', 'GZIP', 'gzip;q=0.8', 'br', undefined].map(encodingsOf)).toEqual([
      ...['br,gzip', '', 'gzip', 'br', ''],
    ]);
    const { ask, files } = cdnOf();
    await ask('/', { 'accept-encoding': 'gzip' });
    expect((await ask('/', { 'accept-encoding': 'gzip, deflate' })).cache).toBe('Hit');
    expect((await ask('/', { 'accept-encoding': 'br' })).cache).toBe('Miss');
    expect(files.asked).toHaveLength(2);
  });
});

describe('a behaviour', () => {
  test('is chosen by the path that the viewer asked for, and kept when the function leads elsewhere', async () => {
    const code =
      'import cf from "cloudfront";async function handler(event){event.request.uri="/api/stock";return event.request}';
    const { ask, files, live } = cdnOf({ change: changed('*', { request: { code } }) });
    expect((await ask('/')).text).toBe('files /api/stock');
    expect((await ask('/')).cache).toBe('Hit');
    expect([files.asked.length, live.asked.length]).toEqual([1, 0]);
  });

  test('of files takes no other methods; that of the API does, and keeps nothing', async () => {
    const { ask, live } = cdnOf();
    expect((await ask('/cart', { method: 'POST' })).status).toBe(403);
    expect((await ask('/api/cart?id=1', { method: 'POST' })).text).toBe('live /api/cart?id=1');
    await ask('/api/cart');
    expect((await ask('/api/cart')).cache).toBe('Miss');
    expect(live.asked.map(({ url }) => url)).toEqual(['/api/cart?id=1', '/api/cart', '/api/cart']);
    expect(live.asked[0]?.headers).toEqual({ cookie: `__Host-spillway=${OUT}` });
  });

  test('of the API leads visitors of the release to its origin', async () => {
    const { ask } = cdnOf();
    expect([(await ask('/api/a', { as: IN })).text, (await ask('/api/a')).text]).toEqual([
      'candidate /api/a',
      'live /api/a',
    ]);
  });
});

describe('what is kept', () => {
  const of = (cacheControl?: string, status = 200) => ({
    status,
    headers: cacheControl === undefined ? {} : { 'cache-control': cacheControl },
  });
  const tenSeconds = () => 10;
  test.each([
    ['nothing said', of(), 86_400],
    ['a time for caches', of('public, max-age=0, s-maxage=31536000, must-revalidate'), 31_536_000],
    ['more than the policy has', of('max-age=99999999'), 31_536_000],
    ['no time at all', of('max-age=0'), 1],
    ['no-cache, which the least time of the policy outweighs', of('no-cache'), 1],
    ['no-store', of('no-store'), 1],
    ['private', of('private, max-age=600'), 1],
    ['an error', of(undefined, 404), 10],
    ['an error that says longer', of('max-age=60', 503), 60],
    ['a missing file that refuses', of('no-store', 404), 0],
    ['a failure that refuses', of('no-store', 500), 10],
    ['what is forbidden', of(undefined, 403), 0],
    ['what is forbidden for a time', of('max-age=5', 403), 5],
  ])('%s', (_, answer, seconds) => {
    expect(freshSeconds(answer, CACHING_OPTIMIZED, tenSeconds)).toBe(seconds);
  });

  test('without caching are errors alone', () => {
    expect(freshSeconds(of('max-age=60'), CACHING_DISABLED, tenSeconds)).toBe(0);
    expect(freshSeconds(of('no-store', 500), CACHING_DISABLED, tenSeconds)).toBe(10);
  });

  test('is asked for again by its ETag once it is stale', async () => {
    const { ask, clock, files } = cdnOf({
      pages: { '/a-1b2c3d4e.js': html('a', { 'cache-control': 'max-age=60' }) },
    });
    await ask('/a-1b2c3d4e.js');
    await clock.advance(59_000);
    expect((await ask('/a-1b2c3d4e.js')).headers).toMatchObject({ age: '59' });
    await clock.advance(2_000);
    expect(await ask('/a-1b2c3d4e.js')).toMatchObject({ status: 200, text: 'a', cache: 'RefreshHit' });
    expect((await ask('/a-1b2c3d4e.js')).cache).toBe('Hit');
    expect(files.asked[1]?.headers).toEqual({ 'if-none-match': '"1a"' });
  });

  test('of a missing file is so for ten seconds, unless the distribution says otherwise', async () => {
    const pages: Record<string, CdnAnswer> = { '/late.js': textAnswer(404, 'gone') };
    const { ask, clock } = cdnOf({
      pages,
      change: (distribution) => ({ ...distribution, errorSeconds: tenSeconds }),
    });
    expect((await ask('/late.js')).status).toBe(404);
    pages['/late.js'] = html('there');
    await clock.advance(9_000);
    expect(await ask('/late.js')).toMatchObject({ status: 404, cache: 'Error' });
    await clock.advance(1_001);
    expect((await ask('/late.js')).status).toBe(200);
    const own = cdnOf({ pages: { '/late.js': textAnswer(404, 'gone') } });
    await own.ask('/late.js');
    await own.ask('/late.js');
    expect(own.files.asked).toHaveLength(2);
  });

  test('of a failing API is nothing, or visitors of the other release would get its errors', async () => {
    const pages = { '/api/a': textAnswer(500, 'failed') };
    const errors = async (change?: (distribution: Distribution) => Distribution) => {
      const { ask } = cdnOf({ pages, ...(change ? { change } : {}) });
      expect((await ask('/api/a', { as: OUT })).status).toBe(500);
      return (await ask('/api/a', { as: IN })).status;
    };
    expect(await errors()).toBe(200);
    // Planted: what a distribution does unless it says otherwise.
    expect(await errors((distribution) => ({ ...distribution, errorSeconds: tenSeconds }))).toBe(500);
  });
});

describe('an answer', () => {
  const modified = { 'last-modified': 'Mon, 05 Jan 2026 08:00:00 GMT' };
  const pages = {
    '/_releases/r41/index.html': html(`1${LONG}`, modified),
    '/_releases/r42/index.html': html(`2${LONG}`, modified),
    '/bare.css': { ...textAnswer(200, LONG), headers: { 'content-type': 'text/css', ...modified } },
    '/photo.png': { ...textAnswer(200, LONG), headers: { 'content-type': 'image/png', etag: '"p"' } },
  };

  test('is compressed for who can read it, and has a weak ETag then', async () => {
    const { ask } = cdnOf({ pages });
    const plain = await ask('/');
    const small = await ask('/', { 'accept-encoding': 'gzip, deflate' });
    expect(plain.headers).toMatchObject({ etag: '"20011"' });
    expect(small.headers).toMatchObject({
      ...{ etag: 'W/"20011"', 'content-encoding': 'gzip', vary: 'Accept-Encoding' },
    });
    expect(gunzipSync(small.body).toString()).toBe(plain.text);
    expect((await ask('/', { 'accept-encoding': 'br, gzip' })).headers['content-encoding']).toBe('br');
    expect(
      (await ask('/photo.png', { 'accept-encoding': 'br' })).headers['content-encoding'],
    ).toBeUndefined();
    expect((await ask('/about', { 'accept-encoding': 'br' })).headers['content-encoding']).toBeUndefined();
  });

  test('is empty for whom has it, by its ETag before its date', async () => {
    const { ask } = cdnOf({ pages });
    const asked = (had: Record<string, string>) => ask('/', { of: 'r41', ...had });
    expect(await asked({ 'if-none-match': 'W/"20011"' })).toMatchObject({ status: 304, text: '' });
    expect((await asked({ 'if-none-match': '"x", "20011"' })).status).toBe(304);
    expect((await asked({ 'if-modified-since': 'Mon, 05 Jan 2026 09:00:00 GMT' })).status).toBe(304);
    expect((await asked({ 'if-modified-since': 'Mon, 05 Jan 2026 07:00:00 GMT' })).status).toBe(200);
    const after = { 'if-none-match': '"other"', 'if-modified-since': 'Mon, 05 Jan 2026 09:00:00 GMT' };
    expect((await asked(after)).status).toBe(200);
  });

  test('after a revert is never empty for whom has the page of the release', async () => {
    const { ask, clock, set } = cdnOf({ pages });
    const { headers } = await ask('/', { as: IN });
    set({ s: 'r41' });
    await clock.advance(EVERYWHERE_MS);
    const had = { 'if-none-match': headers.etag ?? '', 'if-modified-since': headers['last-modified'] ?? '' };
    expect(await ask('/', { as: IN, ...had })).toMatchObject({ status: 200, text: `1${LONG}` });
    // By the date alone, which is that of an older page, nothing would be new; a visitor of the release is not asked by it.
    const dated = { 'if-modified-since': headers['last-modified'] ?? '' };
    expect((await ask('/', { as: IN, of: 'r42', ...dated })).status).toBe(200);
    expect((await ask('/', { as: IN, of: 'r41', ...dated })).status).toBe(304);
  });

  test('to a visitor without an id, who has the page from before, is whole and brings the id', async () => {
    const { ask } = cdnOf({ pages, store: { s: 'r41' } });
    const had = { 'if-none-match': '"20011"', 'if-modified-since': 'Mon, 05 Jan 2026 09:00:00 GMT' };
    const { status, cookies } = await ask('/', { as: '', ...had });
    expect([status, cookies.length > 0]).toEqual([200, true]);
  });

  test('has a range of the whole, and no body for HEAD', async () => {
    const { ask } = cdnOf({ pages });
    const part = await ask('/photo.png', { range: 'bytes=0-9', 'accept-encoding': 'gzip' });
    expect(part).toMatchObject({ status: 206, text: 'x'.repeat(10) });
    expect(part.headers['content-range']).toBe('bytes 0-9/2000');
    expect((await ask('/photo.png', { range: 'bytes=-5' })).headers['content-range']).toBe(
      'bytes 1995-1999/2000',
    );
    expect((await ask('/photo.png', { range: 'bytes=2000-' })).status).toBe(416);
    expect((await ask('/photo.png', { range: 'bytes=0-1,4-5' })).status).toBe(200);
    expect((await ask('/photo.png', { range: 'bytes=0-9', 'if-range': '"q"' })).status).toBe(200);
    expect(await ask('/photo.png', { method: 'HEAD' })).toMatchObject({
      status: 200,
      text: '',
      cache: 'Hit',
    });
  });

  test('has the headers of the policy, and cookies on a page alone', async () => {
    const { ask } = cdnOf();
    const first = await ask('/', { as: '' });
    expect(first.headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'x-amz-cf-pop': 'FRA' });
    expect(first.cookies).toEqual([expect.stringMatching(/^__Host-spillway=[\w-]{36}; Path=\/; Secure;/)]);
    expect((await ask('/api/a', { as: '' })).cookies).toEqual([]);
  });

  test('to the first visit is of the release that the cookie in it leads to', async () => {
    const { ask } = cdnOf();
    for (let visitor = 0; visitor < 12; visitor++) {
      const { text, cookies } = await ask('/', { as: '' });
      const [, id = ''] = /^__Host-spillway=([^;]+)/.exec(cookies[0] ?? '') ?? [];
      expect((await ask('/', { as: id })).text).toBe(text);
    }
  });
});

describe('a function', () => {
  const REQUEST = (body: string) => ({
    request: { code: `import cf from "cloudfront";async function handler(event){${body}}` },
  });
  const RESPONSE = (body: string) => ({
    response: { code: `import cf from "cloudfront";async function handler(event){${body}}` },
  });

  test.each([
    ['that throws is a 503', REQUEST('throw new Error("no")'), 503],
    ['that throws on the way out is a 503', RESPONSE('throw new Error("no")'), 503],
    [
      'that sets a forbidden header is a 502',
      REQUEST('event.request.headers["x-real-ip"]={value:"1"};return event.request'),
      502,
    ],
    ['that leads nowhere is a 502', REQUEST('event.request.uri="index.html";return event.request'), 502],
    [
      'that chooses an origin that is not there is a 502',
      REQUEST('cf.selectRequestOriginById("gone");return event.request'),
      502,
    ],
    ['may not make code', REQUEST('return new Function("return 1")()'), 503],
    ['has no Map', REQUEST('return new Map()'), 503],
  ])('%s', async (_, change, status) => {
    const { ask } = cdnOf({ change: changed('*', change) });
    expect((await ask('/')).status).toBe(status);
  });

  test('on the way out is not asked about an error', async () => {
    const pages = { '/gone.js': textAnswer(404, 'gone') };
    const { ask } = cdnOf({ pages, change: changed('*', RESPONSE('throw new Error("asked")')) });
    expect((await ask('/gone.js')).status).toBe(404);
    expect((await ask('/a.js')).status).toBe(503);
  });

  test('on the way out sees the path that the viewer asked for', async () => {
    const code = 'event.response.headers["x-saw"]={value:event.request.uri};return event.response';
    const { ask } = cdnOf({ change: changed('*', RESPONSE(code)) });
    expect((await ask('/cart')).headers['x-saw']).toBe('/cart');
  });

  test('sees nothing of the connection', async () => {
    const code =
      'import cf from "cloudfront";async function handler(event){return {statusCode:200,headers:{},body:JSON.stringify(event.request.headers)}}';
    const { ask } = cdnOf({ change: changed('*', { request: { code } }) });
    const sent = { connection: 'keep-alive', 'x-forwarded-proto': 'https', accept: '*/*' };
    expect(JSON.parse((await ask('/', sent)).text)).toEqual({
      ...{ host: { value: 'shop.example' }, accept: { value: '*/*' } },
    });
  });

  test('answers odd paths itself, and a request that is too long reaches none', async () => {
    const { ask, files } = cdnOf();
    expect(await ask('/a/../../secret')).toMatchObject({ status: 404, cache: 'FunctionGeneratedResponse' });
    expect((await ask(`/?${LONG.repeat(5)}`)).status).toBe(413);
    expect(files.asked).toEqual([]);
  });
});

describe('a value', () => {
  test('reaches each edge location at its own time, and no older one follows', async () => {
    const { ask, clock, set } = cdnOf({ store: { s: 'r41' } });
    const edges = ['FRA', 'SYD', 'GRU', 'NRT'];
    set({ s: 'r42' });
    const seen = edges.map(() => [] as string[]);
    for (let second = 0; second <= EVERYWHERE_MS / 1000; second++) {
      for (const [at, edge] of edges.entries()) {
        const [release = ''] = /r4\d/.exec((await ask('/', { edge })).text) ?? [];
        seen[at]?.push(release);
      }
      await clock.advance(1_000);
    }
    const changes = seen.map((releases) => releases.indexOf('r42'));
    expect(new Set(changes).size).toBeGreaterThan(1);
    for (const [at, first] of changes.entries()) {
      expect(first).toBeGreaterThan(0);
      expect(seen[at]?.slice(first).every((release) => release === 'r42')).toBe(true);
    }
  });

  test('that is missing, or cannot be read, gives the stable page at its plain path', async () => {
    const { ask, write, clock } = cdnOf({ store: null });
    expect((await ask('/')).text).toBe('files /index.html');
    write('{"s":');
    await clock.advance(EVERYWHERE_MS);
    expect((await ask('/', { edge: 'SYD' })).text).toBe('files /index.html');
  });
});

describe('the embedded account behind it', () => {
  test('answers from its bucket, with what was uploaded with an object', async () => {
    const clock = virtualClock();
    const { clients } = createAccount({ clock });
    const put = { Bucket: 'site', Key: '_releases/r41/index.html', Body: LONG, ContentType: 'text/html' };
    await clock.run(
      clients.s3.send(
        new PutObjectCommand({
          ...put,
          CacheControl: 'max-age=0, s-maxage=60',
          Metadata: { release: 'r41' },
        }),
      ),
    );
    const { values } = storeOf(clock, '{"s":"r41"}');
    const at = (mayList: boolean) =>
      createCdn({
        ...{ clock, values },
        distribution: siteDistribution({ files: s3Origin(clients.s3, 'site', mayList), layout: 'spa' }),
      });
    const get = (url: string, mayList = true) =>
      clock.run(at(mayList).answer('FRA', { method: 'GET', url, headers: {} }));
    const page = await get('/a/route');
    expect(page.headers).toMatchObject({
      'cache-control': 'max-age=0, s-maxage=60',
      'x-amz-meta-release': 'r41',
      'content-type': 'text/html',
    });
    expect(page.cookies[1]).toMatch(/^__Host-spillway-release=r41; /);
    // Never a page in place of a chunk: the browser would not say that it is missing.
    const missing = await get('/assets/gone-00000000.js');
    expect([missing.status, missing.headers['content-type']]).toEqual([404, 'application/xml']);
    expect((await get('/assets/gone-00000000.js', false)).status).toBe(403);
  });

  test('answers from an alias, as its URL would', async () => {
    const clock = virtualClock();
    const account = createAccount({ clock });
    const { helpers } = account.lambda;
    helpers.createFunction({ name: 'api' });
    helpers.deployModel('api', (event) => {
      const { rawPath, rawQueryString, cookies, body, requestContext } = event as Record<string, unknown>;
      if (rawPath === '/api/throws') throw new Error('no');
      if (rawPath === '/api/plain') return { items: 1 };
      const heard = JSON.stringify({ rawQueryString, cookies, body, requestContext });
      return { statusCode: 201, headers: { 'X-Release': 'r41' }, cookies: ['a=1'], body: heard };
    });
    helpers.createAlias('api', 'live', helpers.publish('api'));
    const origin = functionOrigin(account.clients.lambda, 'api', 'live');
    const ask = (url: string, body?: Uint8Array) =>
      clock.run(origin({ method: 'POST', url, headers: { cookie: 'a=b; c=d' }, ...(body ? { body } : {}) }));
    const said = await ask('/api/cart?x=1', Buffer.from('hi'));
    expect(said).toMatchObject({ status: 201, cookies: ['a=1'], headers: { 'x-release': 'r41' } });
    expect(JSON.parse(new TextDecoder().decode(said.body))).toEqual({
      ...{ rawQueryString: 'x=1', cookies: ['a=b', 'c=d'], body: 'aGk=' },
      requestContext: { http: { method: 'POST', path: '/api/cart' } },
    });
    expect((await ask('/api/throws')).status).toBe(502);
    expect(await ask('/api/plain')).toMatchObject({
      status: 200,
      headers: { 'content-type': 'application/json' },
    });
  });
});

describe('a site with redirects and a page for what is missing', () => {
  const moved = (status?: string) =>
    html('Moved', {
      ...{ 'x-amz-meta-release': 'r41', 'x-amz-meta-location': '/new/?a=1' },
      ...(status === undefined ? {} : { 'x-amz-meta-status': status }),
    });
  const gone = textAnswer(404, '<Error><Code>NoSuchKey</Code></Error>');
  const lacking: Record<string, CdnAnswer> = {
    '/_releases/r41/old/index.html': moved('301'),
    '/_releases/r41/older/index.html': moved(),
    '/_releases/r41/nope/index.html': gone,
    '/assets/lost-1b2c3d4e.js': gone,
    '/api/lost': gone,
  };
  const withPage = (distribution: Distribution): Distribution => ({
    ...distribution,
    errorPage: { path: '/404.html', origin: 'files' },
  });

  test('leads on by what the page of a path carries, which is asked for each time', async () => {
    const { ask } = cdnOf({ pages: lacking });
    for (const [path, status] of [
      ['/old', 301],
      ['/older/', 302],
    ] as const) {
      const said = await ask(path);
      expect(said).toMatchObject({ status, headers: { location: '/new/?a=1' }, cookies: [] });
      expect(said.headers).not.toHaveProperty('etag');
    }
  });

  test('answers what is missing with that page and status 404, a script as well, and never with the first page', async () => {
    const { ask } = cdnOf({ pages: lacking, change: withPage });
    for (const path of ['/nope', '/assets/lost-1b2c3d4e.js'])
      expect(await ask(path)).toMatchObject({ status: 404, text: 'files /404.html', cookies: [] });
    const without = cdnOf({ pages: { ...lacking, '/404.html': gone }, change: withPage });
    expect(await without.ask('/nope')).toMatchObject({
      status: 404,
      text: expect.stringContaining('NoSuchKey'),
    });
  });
});
