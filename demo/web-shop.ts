import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UpdateAliasCommand } from '@aws-sdk/client-lambda';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { CACHE, contentType } from '../core/site/content.ts';
import { OWNER_KEY } from '../core/site/owner.ts';
import { folderOf, LIST } from '../core/site/paths.ts';
import { siteRelease } from '../core/site/release.ts';
import type { SiteList } from '../core/site/types.ts';
import type { Account } from '../local/account.ts';
import { createCdn } from '../local/cdn/cdn.ts';
import { type CdnRequest, cookiesIn } from '../local/cdn/http.ts';
import { functionOrigin, type Origin, s3Origin } from '../local/cdn/origins.ts';
import { siteDistribution } from '../local/cdn/site.ts';
import { edgeValues } from '../local/cdn/values.ts';
import { placedDice } from '../local/random.ts';
import { packed } from './pack.ts';

/** The release of the example that visitors have at first. */
export const FIRST_RELEASE = '41-serving';
/** A good one, and the one whose details fail. */
export const GOOD_RELEASE = '42-ratings';
export const BROKEN_RELEASE = '43-broken-details';

/** The example site. */
const EXAMPLE = fileURLToPath(new URL('../examples/web-shop', import.meta.url));
const VITE = fileURLToPath(new URL('../node_modules/vite/bin/vite.js', import.meta.url));

/** Names of what a site's infrastructure has made. */
const [STORE, BUCKET, API] = ['web-shop-prod', 'web-shop-prod-files', 'web-shop-prod-Api'];

const SERVICE = 'web-shop';
/** Where the site answers in the embedded world. */
export const SHOP_HOST = 'web-shop.example';
/** What signs the cookies of testers. */
const TRY_KEY = '7c'.repeat(16);

/** How often calls of the API are counted. */
const CALLS_MS = 2_000;

const EDGES = ['AMS1', 'FRA2', 'IAD3', 'NRT4', 'SYD5'];

/** What a store holds of a site, as the edge reads it. */
interface Led {
  /** The release that serves, and the one under way with its visitors in hundredths of a percent. */
  s: string;
  c?: string;
  w?: number;
  t?: string;
}

/** The files of a site by their paths. */
type SiteFiles = Map<string, Uint8Array>;

/** Builds a release of the example with Vite; with `isOffline` its pages are shown by a service worker. */
function builtSite(release: string, { isOffline = false } = {}): SiteFiles {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-site-'));
  try {
    const { status, stderr } = spawnSync(
      process.execPath,
      [VITE, 'build', EXAMPLE, '--outDir', folder, '--emptyOutDir'],
      { encoding: 'utf8', env: { ...process.env, RELEASE: release, OFFLINE: isOffline ? '1' : '' } },
    );
    if (status !== 0) throw new Error(`Vite could not build ${release}: ${stderr}`);
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    return new Map(
      files.map((entry) => {
        const path = join(entry.parentPath, entry.name);
        return [path.slice(folder.length + 1).replaceAll('\\', '/'), readFileSync(path)];
      }),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Deploys the example at a release. `files` may stand between the CDN and its bucket. */
export async function openWebShop(
  account: Account,
  release: string,
  { isOffline = false, files = (bucket: Origin) => bucket } = {},
) {
  const { clients, clock, kvs, lambda } = account;
  const dice = placedDice('edge locations');
  let visits = 0;

  const zipOf = (name: string) => packed(`${EXAMPLE}/api`, `${EXAMPLE}/releases/${name}`);
  const point = (alias: string, FunctionVersion: string) =>
    clients.lambda.send(new UpdateAliasCommand({ FunctionName: API, Name: alias, FunctionVersion }));

  /** Puts what of a release is not there yet, and answers which files besides pages belong to it. */
  const upload = async (name: string): Promise<string[]> => {
    const built = builtSite(name, { isOffline });
    const listed = [...built].map(([path, { length: bytes }]) => ({ name: path, bytes }));
    const { assets, documents, releaseBound } = siteRelease(listed, {
      ...{ release: name, layout: 'dir', isApart: false },
    });
    const put = async (path: string, Key: string, CacheControl: string, more = {}) => {
      const Body = built.get(path) ?? '';
      const object = { Bucket: BUCKET, Key, Body, ContentType: contentType(path) };
      await clients.s3
        .send(new PutObjectCommand({ ...object, CacheControl, ...more }))
        .catch((error: Error) => {
          if (error.name !== 'PreconditionFailed') throw error;
        });
    };
    for (const { name: path, key } of assets) await put(path, key, CACHE.asset, { IfNoneMatch: '*' });
    for (const path of documents)
      await put(path, `${folderOf(name)}${path}`, CACHE.document, { Metadata: { release: name } });
    const list: SiteList = {
      ...{ schema: 1, release: name, releaseBound, elsewhere: [] },
      documents: documents.map((path) => `/${path}`),
      assets: assets.map(({ key }) => `/${key}`),
    };
    built.set(LIST, new TextEncoder().encode(JSON.stringify(list)));
    await put(LIST, `${folderOf(name)}${LIST}`, 'no-store', { Metadata: { release: name } });
    return releaseBound;
  };

  lambda.helpers.createFunction({
    name: API,
    tags: { 'spillway:service': SERVICE, 'spillway:mode': 'version' },
  });
  const first = lambda.helpers.publish(API, zipOf(release));
  lambda.helpers.createAlias(API, 'live', first);
  lambda.helpers.createAlias(API, 'candidate', first);
  const versions = new Map([[release, first]]);
  const releaseBound = await upload(release);

  const value = (led: Led) => JSON.stringify({ ...led, a: '/api/', d: releaseBound, k: TRY_KEY });
  kvs.helpers.create(STORE, {
    spillway: value({ s: release }),
    [OWNER_KEY]: JSON.stringify({
      ...{ service: SERVICE, bucket: BUCKET, url: `https://${SHOP_HOST}`, layout: 'dir', api: '/api' },
    }),
  });
  const cdn = createCdn({
    clock,
    distribution: siteDistribution({
      ...{ files: files(s3Origin(clients.s3, BUCKET, true)), layout: 'dir' },
      api: {
        path: '/api/',
        live: functionOrigin(clients.lambda, API, 'live'),
        candidate: functionOrigin(clients.lambda, API, 'candidate'),
      },
    }),
    values: edgeValues(kvs, STORE),
  });

  return {
    cdn,
    upload,
    /** What the store is to lead visitors by from now on. */
    lead: (led: Led) => kvs.helpers.put(STORE, { spillway: value(led) }),
    /** Publishes the API of a release and points an alias at it. */
    async pointApi(alias: 'live' | 'candidate', name: string): Promise<string> {
      const version = versions.get(name) ?? lambda.helpers.publish(API, zipOf(name));
      versions.set(name, version);
      await point(alias, version);
      return version;
    },
    /** The edge location that a visitor is near: always the same, once there is an id to know the visitor by. */
    edgeOf({ headers }: CdnRequest): string {
      visits += 1;
      const id = cookiesIn(headers.cookie)['__Host-spillway'] ?? `visit ${visits}`;
      return EDGES[Math.floor(dice(id, 0) * EDGES.length)] ?? 'AMS1';
    },
  };
}

/** A day's visitors without browsers: they are counted as the store leads them, with their calls of the API. Of those of the broken release some fail. */
export function countedVisitors(account: Account, perSecond: number): { stop: () => void } {
  const { clock, cloudwatch, kvs, lambda } = account;
  const failing = (release: string) => (release === BROKEN_RELEASE ? 0.2 : 0.001);
  account.addSite({ site: STORE, requestsPerSecond: perSecond, errorRate: failing });
  let isOver = false;
  const calls = async () => {
    while (!isOver) {
      const { c, w = 0 } = JSON.parse(kvs.helpers.atEdge(STORE, 'spillway') ?? '{}') as Led;
      const all = perSecond * (CALLS_MS / 1000);
      const led = c === undefined ? 0 : Math.round((all * w) / 10_000);
      const minute = Math.floor(clock.now() / 60_000) * 60_000;
      for (const [alias, count] of [
        ['candidate', led],
        ['live', all - led],
      ] as const) {
        const { primary: version } = lambda.helpers.routing(API, alias);
        const of = { functionName: API, alias, version, minute };
        if (count > 0) cloudwatch.invocations({ ...of, count, errors: 0, faults: 0 });
      }
      await clock.sleep(CALLS_MS);
    }
  };
  void calls();
  return {
    stop() {
      isOver = true;
    },
  };
}
