import { beforeEach, describe, expect, test } from 'vitest';
import type { countVisit } from '../../controller/count-visit.ts';
import { RolloutError } from '../../core/errors.ts';
import { reportLimits } from '../../core/site/report.ts';
import type { SegmentLine } from '../../core/site/segment.ts';
import { beacon } from '../../functions/beacon.ts';
import { type Asked, urlEvent } from './url-event.ts';

const KEY = 'a-key-of-the-site';
const HEADERS = { 'x-spillway-site': 'web-shop-prod', 'x-spillway-key': KEY };
const COOKIES = ['other=1', '__Host-spillway=v-1'];
const REPORT = { r: 'r42', n: 1, f: 0 };

let added: [site: string, release: string, counts: object][];
beforeEach(() => {
  added = [];
});

/** The ports of an instance of the function, whose one site serves two releases. */
const instance = ({
  now = () => 0,
  fails = false,
  knownBy = '',
  segments = [] as SegmentLine[],
} = {}): Parameters<typeof countVisit>[1] => ({
  clock: { now, sleep: async () => {} },
  liveSites: {
    async find(site) {
      if (fails) throw new RolloutError('Unavailable', 'not now');
      return site === 'web-shop-prod' ? { key: KEY, releases: ['r41', 'r42'], knownBy, segments } : undefined;
    },
  },
  reportLimits: reportLimits(),
  visits: {
    add: (...counts) => {
      added.push(counts);
    },
  },
});

const send = (
  report: object | string,
  { headers = {}, cookies = COOKIES, ...asked }: Asked = {},
  ports = instance(),
) =>
  beacon.run(
    urlEvent('POST', '/_s/0f9c2e4a', {
      ...{ headers: { ...HEADERS, ...headers }, cookies },
      body: typeof report === 'string' ? report : JSON.stringify(report),
      ...asked,
    }),
    ports,
  );

describe('a report', () => {
  test.each<[what: string, report: object, release: string, counts: object]>([
    ['a visit', REPORT, 'r42', { Visits: 1, FailedVisits: 0 }],
    ['a visit of stable that failed', { r: 'r41', n: 1, f: 1 }, 'r41', { Visits: 1, FailedVisits: 1 }],
    [
      'a page of a release that does not serve',
      { ...REPORT, r: 'r40' },
      'unknown',
      { Visits: 1, FailedVisits: 0 },
    ],
    ['what was measured', { ...REPORT, n: 0, l: 900 }, 'r42', { LCP: 900 }],
  ])('of %s is added to the metrics of its release', async (_what, report, release, counts) => {
    expect(await send(report)).toMatchObject({ statusCode: 204, body: '' });
    expect(added).toEqual([['web-shop-prod', release, counts]]);
  });

  test('counts as bytes, and without a cookie where the site has none', async () => {
    await send('', { body: new TextEncoder().encode(JSON.stringify(REPORT)) });
    await send(REPORT, { cookies: [] }, instance({ knownBy: 'j' }));
    expect(added).toHaveLength(2);
  });

  test.each<[what: string, report: object | string, asked: Asked]>([
    ['forged, without the key', REPORT, { headers: { 'x-spillway-key': '' } }],
    ['forged, with another key', REPORT, { headers: { 'x-spillway-key': 'b-key-of-the-site' } }],
    ['of no site', REPORT, { headers: { 'x-spillway-site': '' } }],
    ['of another site', REPORT, { headers: { 'x-spillway-site': 'web-shop-test' } }],
    ['of a site that cannot be one', REPORT, { headers: { 'x-spillway-site': '../x' } }],
    ['without the cookie that a browser sends back', REPORT, { cookies: ['other=1'] }],
    ['of a browser that a program drives', { ...REPORT, w: 1 }, {}],
    ['oversized', JSON.stringify(REPORT).padEnd(60_000), {}],
    ['malformed', '{"r":"r42"', {}],
    ['empty', '', {}],
    ['with a field of its own', { ...REPORT, Site: 'x' }, {}],
  ])('%s counts for nothing, and is answered as any other', async (_what, report, asked) => {
    expect(await send(report, asked)).toEqual(await send(REPORT));
    expect(added).toHaveLength(1);
  });

  test('that cannot be judged now is none', async () => {
    expect(await send(REPORT, {}, instance({ fails: true }))).toMatchObject({ statusCode: 204 });
    expect(added).toEqual([]);
  });

  test.each([
    ['an address', () => '203.0.113.1:40312'],
    ['a network of IPv6', (nth: number) => `2001:db8:1:2::${nth.toString(16)}:40312`],
  ])('comes in a flood from %s, and few of them count', async (_from, viewer) => {
    const ports = instance();
    for (let nth = 0; nth < 1_000; nth++) {
      const headers = { 'cloudfront-viewer-address': viewer(nth) };
      await send(REPORT, { headers, cookies: [`__Host-spillway=v-${nth}`] }, ports);
    }
    expect(added.map(([, , counts]) => counts)).toEqual(Array(100).fill({ Visits: 1, FailedVisits: 0 }));
  });

  test('is silence if both releases send none: nothing is added', () => {
    expect(added).toEqual([]);
  });
});

test('while segments have shares of their own, a visit is counted once more for its segment, or for those in none', async () => {
  const segments: SegmentLine[] = [
    ['c', 'team', ['staff'], 5_000, 'internal'],
    ['y', '', ['SE'], 1_000, 'nordic'],
  ];
  const asked: Asked[] = [
    { cookies: ['team=staff', '__Host-spillway=v-1'] },
    { cookies: ['__Host-spillway=v-2'], headers: { 'cloudfront-viewer-country': 'SE' } },
    { cookies: ['__Host-spillway=v-3', 'team=no'], headers: { 'cloudfront-viewer-country': 'DE' } },
  ];
  for (const each of asked) await send(REPORT, each, instance({ segments }));
  await send({ ...REPORT, r: 'r1' }, {}, instance({ segments }));
  const all = ['r42', 'r42~internal', 'r42', 'r42~nordic', 'r42', 'r42~others', 'unknown'];
  expect(added.map(([, release]) => release)).toEqual(all);
  for (const [, , counts] of added) expect(counts).toEqual({ Visits: 1, FailedVisits: 0 });
});
