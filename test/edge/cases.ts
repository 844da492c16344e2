import { createHmac } from 'node:crypto';
import type { RequestEvent, ResponseEvent, ViewerRequest } from '../../edge/event.ts';
import type { Value } from '../../edge/value.ts';

/** Which function is asked, what stands before its code, what its store holds and what is to come of it. */
export interface Case {
  name: string;
  asks: 'viewer-request' | 'viewer-response' | 'static-site' | 'router' | 'sst-response';
  settings?: { LAYOUT: string; API?: string } | { BASE: string };
  /** The text under the key; absent if there is none. */
  store?: string | undefined;
  event: RequestEvent | ResponseEvent;
  /** Where the request goes; or the status and cookies of an answer. */
  becomes:
    | { uri: string; origin?: string; ifNoneMatch?: string }
    | { status: number; cookies?: Record<string, string> };
}

/** Everything happens now. */
export const NOW = 1_800_000_000_000;
const SECRET = '6b'.repeat(32);
/** 'v-0' is below 25 % under this salt, and 'v-1' is above. */
const ROLLOUT = { s: 'r41', c: 'r42', w: 2_500, t: 'checkout--r42--1' } satisfies Value;

interface Sent {
  uri?: string;
  cookies?: Record<string, string>;
  headers?: Record<string, string>;
  requestId?: string;
}

const values = (given: Record<string, string> = {}) =>
  Object.fromEntries(Object.entries(given).map(([name, value]) => [name, { value }]));

const event = ({ uri = '/', cookies, headers, requestId = 'request-1' }: Sent): RequestEvent => ({
  context: { requestId },
  request: {
    ...{ method: 'GET', uri, querystring: {} },
    ...{ headers: values(headers), cookies: values(cookies) },
  } satisfies ViewerRequest,
});

const of = (id: string) => ({ cookies: { '__Host-spillway': id } });
export const IN = 'v-0';
export const OUT = 'v-1';

function tried(release: string, seconds: number, key = SECRET): string {
  const text = `${release}~${Math.floor(NOW / 1000) + seconds}`;
  return `${text}~${createHmac('sha256', key).update(text).digest('base64url')}`;
}

/** What a request becomes under a store. */
const request = (
  name: string,
  store: Value | string | undefined,
  sent: Sent,
  uri: string,
  more: object = {},
) => ({
  ...{ name, asks: 'viewer-request' as const },
  store: typeof store === 'object' ? JSON.stringify(store) : store,
  ...{ event: event(sent), becomes: { uri }, ...more },
});

const WITH_API = { ...ROLLOUT, a: '/api/' };
const page = (release: string, path = '/index.html') => `/_releases/${release}${path}`;

export const CASES: readonly Case[] = [
  request('a visitor below the weight gets the release', ROLLOUT, of(IN), page('r42')),
  request('a visitor above it does not', ROLLOUT, of(OUT), page('r41')),
  request('nobody at a weight of 0', { ...ROLLOUT, w: 0 }, of(IN), page('r41')),
  request('everybody at all of it', { ...ROLLOUT, w: 10_000 }, of(OUT), page('r42')),
  request('nobody without a release under way', { s: 'r41' }, of(IN), page('r41')),
  request('a first visit is led by the id of its request', ROLLOUT, { requestId: IN }, page('r42')),
  request('a first visit by another id', ROLLOUT, { requestId: OUT }, page('r41')),
  request('an empty store serves the stable page', undefined, of(IN), '/index.html'),
  request('a value that is no JSON', '{"s":"r41"', of(IN), '/index.html'),
  request('a value of another kind', '["r41"]', of(IN), '/index.html'),
  request('a value that is null', 'null', of(IN), '/index.html'),
  request('a value that leads out of the folder', { ...ROLLOUT, s: '../x' }, of(IN), '/index.html'),
  request('a value without a weight', { s: 'r41', c: 'r42', t: 'x' }, of(IN), page('r41')),
  request('a value with segments that are none', { ...ROLLOUT, g: 'x' as never }, of(IN), page('r42')),
  request('a release that is no text', { ...ROLLOUT, c: 42 as never }, of(IN), page('r41')),
  request('a segment that is broken', { ...ROLLOUT, g: [['h'] as never] }, of(IN), '/index.html'),
  request('a route', ROLLOUT, { ...of(IN), uri: '/cart/items' }, page('r42', '/cart/items/index.html')),
  request('a folder', ROLLOUT, { ...of(IN), uri: '/v1.2/' }, page('r42', '/v1.2/index.html')),
  request(
    'a file of all releases',
    ROLLOUT,
    { ...of(IN), uri: '/assets/a-1b2c3d4e.js' },
    '/assets/a-1b2c3d4e.js',
  ),
  request(
    'a file of each release',
    { ...ROLLOUT, d: ['/sw.js'] },
    { ...of(IN), uri: '/sw.js' },
    page('r42', '/sw.js'),
  ),
  ...(
    [
      ['/images/a/b.png', page('r42', '/images/a/b.png')],
      ['/about.txt', page('r42', '/about.txt')],
      ['/images.png', '/images.png'],
      ['/_r/r43/about.txt', '/_r/r43/about.txt'],
    ] as const
  ).map(([uri, becomes]) =>
    request(
      `${uri} by a part of its path`,
      { ...ROLLOUT, d: ['/images/*', '*.txt'] },
      { ...of(IN), uri },
      becomes,
    ),
  ),
  request('a well-known file', ROLLOUT, { ...of(IN), uri: '/.well-known/security' }, '/.well-known/security'),
  request('a page of a layout of files', ROLLOUT, { ...of(IN), uri: '/about' }, page('r42', '/about.html'), {
    settings: { LAYOUT: 'html' },
  }),
  request('a route of an app of one page', ROLLOUT, { ...of(IN), uri: '/a/b/c/' }, page('r42'), {
    settings: { LAYOUT: 'spa' },
  }),
  request(
    'a chunk that an app of one page misses',
    ROLLOUT,
    { ...of(IN), uri: '/assets/gone-00000000.js' },
    '/assets/gone-00000000.js',
    { settings: { LAYOUT: 'spa' } },
  ),
  ...[
    '/../secret',
    '/a/./b',
    '/a//b',
    '/a\\b',
    '/%2e%2e/x',
    '/a%2Fb',
    '/_releases/r42/index.html',
    // S3 decodes these once.
    '/%5Freleases/r42/index.html',
    '/%5freleases/r42/.spillway-files.json',
    '/index.htm%6C',
    '/s%77.js',
    '/%61pi/cart',
    '/v%31',
    '/a%2db',
    '/%7euser',
    '/.spillway-files.json',
    '/ä',
    '/a\u0000',
  ].map((uri) => ({
    ...request(`${JSON.stringify(uri)} is not found`, ROLLOUT, { ...of(IN), uri }, ''),
    becomes: { status: 404 },
  })),
  request(
    'what a page asks for stays with its release',
    { ...WITH_API, d: ['/data.json'] },
    {
      ...{ uri: '/data.json', headers: { 'sec-fetch-mode': 'cors' } },
      cookies: { '__Host-spillway': IN, '__Host-spillway-release': 'r41' },
    },
    page('r41', '/data.json'),
  ),
  request(
    'what the page says of itself counts more than the last page',
    { ...WITH_API, d: ['/data.json'] },
    {
      ...{ uri: '/data.json', headers: { 'sec-fetch-mode': 'cors', 'x-spillway-release': 'r42' } },
      cookies: { '__Host-spillway': OUT, '__Host-spillway-release': 'r41' },
    },
    page('r42', '/data.json'),
  ),
  request(
    'nobody asks for a release before it has visitors',
    { ...WITH_API, d: ['/data.json'], w: 0 },
    {
      ...{ uri: '/data.json', headers: { 'sec-fetch-mode': 'cors', 'x-spillway-release': 'r42' } },
      cookies: { '__Host-spillway': IN, '__Host-spillway-release': 'r42' },
    },
    page('r41', '/data.json'),
  ),
  request(
    'a release under way that leads out of the folder',
    { ...ROLLOUT, c: '../x', w: 10_000 },
    of(IN),
    page('r41'),
  ),
  request('a release under way that is the folder', { ...ROLLOUT, c: '..', w: 10_000 }, of(IN), page('r41')),
  request(
    'a path of the API that leads elsewhere is none of the API',
    ROLLOUT,
    { ...of(IN), uri: '/api/../_releases/r42/index.html' },
    '',
    { settings: { LAYOUT: 'dir', API: '/api/' }, becomes: { status: 404 } },
  ),
  request(
    'a page of a release that is gone is led by its cohort',
    { ...WITH_API, d: ['/data.json'] },
    {
      ...{ uri: '/data.json', headers: { 'sec-fetch-mode': 'cors' } },
      cookies: { '__Host-spillway': IN, '__Host-spillway-release': 'r40' },
    },
    page('r42', '/data.json'),
  ),
  request(
    'a new page is led by its cohort, whatever the last one was',
    ROLLOUT,
    {
      headers: { 'sec-fetch-mode': 'navigate' },
      cookies: { '__Host-spillway': IN, '__Host-spillway-release': 'r41' },
    },
    page('r42'),
  ),
  ...(
    [
      ['has no id', {}, false],
      ['has an id that says nothing', { '__Host-spillway': '<>', '__Host-spillway-release': 'r42' }, false],
      [
        'has seen no page of this release',
        { '__Host-spillway': IN, '__Host-spillway-release': 'r41' },
        false,
      ],
      ['has seen one', { '__Host-spillway': IN, '__Host-spillway-release': 'r42' }, true],
    ] as const
  ).map(([name, cookies, isAsked]) =>
    request(
      `a visitor who ${name} is ${isAsked ? 'told that nothing has changed' : 'sent the whole page, with its cookies'}`,
      ROLLOUT,
      { requestId: IN, cookies, headers: { 'if-none-match': '"1"' } },
      '',
      { becomes: { uri: page('r42'), ...(isAsked ? { ifNoneMatch: '"1"' } : {}) } },
    ),
  ),
  request(
    'a visitor who is given no cookies is told so as well',
    { ...ROLLOUT, i: 'j' },
    { headers: { 'cloudfront-viewer-ja4-fingerprint': IN, 'if-none-match': '"1"' } },
    '',
    { becomes: { uri: page('r42'), ifNoneMatch: '"1"' } },
  ),
  request(
    'a file that is no page brings no cookies',
    { ...ROLLOUT, d: ['/sw.js'] },
    { requestId: IN, uri: '/sw.js', headers: { 'if-none-match': '"1"' } },
    '',
    { becomes: { uri: page('r42', '/sw.js'), ifNoneMatch: '"1"' } },
  ),
  request('the API of the release', WITH_API, { ...of(IN), uri: '/api/cart' }, '', {
    becomes: { uri: '/api/cart', origin: 'candidate' },
  }),
  request(
    'the API of a release that serves, until its rollout ends',
    { ...WITH_API, s: 'r42', w: 10_000 },
    { ...of(OUT), uri: '/api/cart' },
    '',
    {
      becomes: { uri: '/api/cart', origin: 'candidate' },
    },
  ),
  request('the API of stable', WITH_API, { ...of(OUT), uri: '/api/cart' }, '/api/cart'),
  ...[undefined, '{"s":', JSON.stringify(ROLLOUT)].map((store) =>
    request(
      `the API, known to the code, with the store ${store}`,
      store,
      { ...of(OUT), uri: '/api/cart' },
      '/api/cart',
      {
        settings: { LAYOUT: 'dir', API: '/api/' },
      },
    ),
  ),
  request('the API of the release, known to the code', ROLLOUT, { ...of(IN), uri: '/api/cart' }, '', {
    ...{ settings: { LAYOUT: 'spa', API: '/api/' } },
    becomes: { uri: '/api/cart', origin: 'candidate' },
  }),
  request("a path of the API's own", ROLLOUT, { ...of(OUT), uri: '/api/files/a%2Fb' }, '/api/files/a%2Fb', {
    settings: { LAYOUT: 'dir', API: '/api/' },
  }),
  request('a page beside the API', ROLLOUT, { ...of(OUT), uri: '/api' }, page('r41', '/api/index.html'), {
    settings: { LAYOUT: 'dir', API: '/api/' },
  }),
  ...(
    [
      ['a header', ['h', 'x-staff', ['yes'], 10_000], { headers: { 'x-staff': 'yes' } }],
      [
        'a cookie',
        ['c', 'plan', ['beta', 'pro'], 10_000],
        { cookies: { plan: 'pro', '__Host-spillway': OUT } },
      ],
      ['a country', ['y', '', ['NZ'], 10_000], { headers: { 'cloudfront-viewer-country': 'NZ' } }],
    ] as const
  ).map(([name, segment, sent]) =>
    request(
      `a visitor with ${name} of a segment`,
      { ...ROLLOUT, w: 0, g: [segment as never] },
      { requestId: OUT, ...sent },
      page('r42'),
    ),
  ),
  request(
    'a visitor of a segment that is to wait',
    { ...ROLLOUT, w: 10_000, g: [['y', '', ['NZ'], 0]] },
    { headers: { 'cloudfront-viewer-country': 'NZ' } },
    page('r41'),
  ),
  request(
    'a visitor whom no share of a step inside a segment draws',
    { ...ROLLOUT, w: 0.9 },
    of(IN),
    page('r41'),
  ),
  request('a visitor of no segment', { ...ROLLOUT, g: [['h', 'x-staff', ['yes'], 0]] }, of(IN), page('r42')),
  ...(
    [
      ['h:x-user', { headers: { 'x-user': IN } }],
      ['c:user', { cookies: { user: IN } }],
      ['j', { headers: { 'cloudfront-viewer-ja4-fingerprint': IN } }],
    ] as const
  ).map(([i, sent]) =>
    request(`a visitor known by ${i}`, { ...ROLLOUT, i }, { requestId: OUT, ...sent }, page('r42')),
  ),
  request(
    'a visitor whom nothing shows without a cookie',
    { ...ROLLOUT, i: 'j', w: 9_999 },
    of(IN),
    page('r41'),
  ),
  request('a visitor without an account', { ...ROLLOUT, i: 'h:x-user' }, of(IN), page('r42')),
  request('an id that is too long', ROLLOUT, of(`${IN}${' '.repeat(8_000)}`), page('r42')),
  request('an id of nothing that counts', ROLLOUT, { ...of('<>'), requestId: IN }, page('r42')),
  request(
    'a tester',
    { ...ROLLOUT, w: 0, k: SECRET },
    { cookies: { '__Host-spillway-try': tried('r42', 60) } },
    page('r42'),
  ),
  request(
    'a tester of stable',
    { ...ROLLOUT, w: 10_000, k: SECRET },
    { cookies: { '__Host-spillway-try': tried('r41', 60) } },
    page('r41'),
  ),
  ...(
    [
      ['too late', tried('r42', -1)],
      ['for longer than a day', tried('r42', 90_000)],
      ['with another key', tried('r42', 60, 'other')],
      ['for another release', tried('r43', 60)],
      ['with an altered release', tried('r41', 60).replace('r41', 'r42')],
      ['with nonsense', '~~~'],
    ] as const
  ).map(([name, value]) =>
    request(
      `a tester ${name}`,
      { ...ROLLOUT, w: 0, k: SECRET },
      { cookies: { '__Host-spillway-try': value } },
      page('r41'),
    ),
  ),
  request(
    'a tester where nobody may be one',
    { ...ROLLOUT, w: 0 },
    { cookies: { '__Host-spillway-try': tried('r42', 60, '') } },
    page('r41'),
  ),
  ...(
    [
      ['a page', '/cart', page('r42', '/cart/index.html')],
      ['a file', '/assets/a.js', '/assets/a.js'],
      ['what is odd', '/a/../b', '/a/../b'],
    ] as const
  ).map(([name, uri, becomes]) => ({
    ...request(`${name} inside SST's function`, ROLLOUT, { ...of(IN), uri }, becomes),
    asks: 'static-site' as const,
  })),
  {
    ...request('an empty store inside it', undefined, { ...of(IN), uri: '/cart' }, '/cart'),
    asks: 'static-site',
  },
  ...(
    [
      ['a page', '/docs/cart', '/docs/_releases/r42/cart/index.html'],
      ['the first page', '/docs', '/docs/_releases/r42/index.html'],
      ['the same with a slash', '/docs/', '/docs/_releases/r42/index.html'],
      ['a page by its file', '/docs/a.html', '/docs/_releases/r42/a.html'],
      ['a file', '/docs/assets/a.js', '/docs/assets/a.js'],
      ['another site', '/shop/cart', '/shop/cart'],
      ['what is odd', '/docs/../x', '/docs/../x'],
    ] as const
  ).map(([name, uri, becomes]) => ({
    ...request(`${name} behind SST's Router`, ROLLOUT, { ...of(IN), uri }, becomes),
    ...{ asks: 'router' as const, settings: { BASE: '/docs' } },
  })),
  {
    ...request('an empty store behind it', undefined, { ...of(IN), uri: '/docs/cart' }, '/docs/cart'),
    ...{ asks: 'router', settings: { BASE: '/docs' } },
  },
  ...answers(),
  ...answers().map((given) => ({ ...given, asks: 'sst-response' as const })),
];

/** What an answer becomes. */
function answers(): Case[] {
  const html = { 'content-type': 'text/html; charset=utf-8', 'x-amz-meta-release': 'r42' };
  const answer = (
    name: string,
    cookies: Record<string, string>,
    {
      sent = {},
      headers = html,
      status = 200,
      store = JSON.stringify(ROLLOUT) as string | undefined,
    } = {} as {
      sent?: Sent;
      headers?: Record<string, string>;
      status?: number;
      store?: string | undefined;
    },
  ): Case => ({
    ...{ name, asks: 'viewer-response', store },
    event: { ...event(sent), response: { statusCode: status, headers: values(headers) } },
    becomes: { status, cookies },
  });
  const both = { '__Host-spillway': 'request-1', '__Host-spillway-release': 'r42' };
  return [
    answer('a first page gives the id of its request, and its release', both),
    answer('a later page keeps the id', { '__Host-spillway-release': 'r42' }, { sent: of(IN) }),
    answer('a file gives nothing', {}, { headers: { 'content-type': 'text/javascript' } }),
    answer('an answer without a type gives nothing', {}, { headers: {} }),
    answer('an error gives nothing', {}, { status: 404 }),
    answer('a site that sets no cookie', {}, { store: JSON.stringify({ ...ROLLOUT, i: 'j' }) }),
    answer('an empty store', {}, { store: '' }),
    answer(
      'a visitor whom the site knows gets no id',
      { '__Host-spillway-release': 'r42' },
      { sent: { headers: { 'x-user': 'ada' } }, store: JSON.stringify({ ...ROLLOUT, i: 'h:x-user' }) },
    ),
    answer(
      'a page that says nothing of its release',
      { '__Host-spillway': 'request-1' },
      { headers: { 'content-type': 'text/html' } },
    ),
    answer(
      'a page that says something else of it',
      { '__Host-spillway': 'request-1' },
      { headers: { 'content-type': 'text/html', 'x-amz-meta-release': 'r42; Domain=x' } },
    ),
  ];
}
