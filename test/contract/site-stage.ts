import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { S3Calls } from '../../adapters/s3-client.ts';
import type { TargetRequest } from '../../core/ports.ts';
import { tokenFrom, tokenText } from '../../core/rollout/fencing-token.ts';
import { virtualClock } from '../../local/clock.ts';
import { attach, awsError, directClient, type Intercept } from '../../local/sdk.ts';
import { SimulatedKeyValueStore, storeCalls } from '../../local/services/cloudfront-kvs.ts';
import { SimulatedS3, s3Calls } from '../../local/services/s3.ts';
import { traitsOf } from '../../targets/cloudfront/kind.ts';
import { siteRouter } from '../../targets/cloudfront/router.ts';
import { filesRef } from '../../targets/cloudfront/value.ts';
import type { Refusal, TrafficStage } from './traffic-router.ts';

const SITE = 'web-shop';
const BUCKET = 'web-shop-files';
const ACCOUNT = '111122223333';
const OWNER = { service: 'checkout', bucket: BUCKET, url: 'https://shop.example', layout: 'dir' };

/** What the value of a site may hold besides what a rollout writes. */
const OWN = { k: 'a secret', a: '/api/', x: { y: [1] } };

type SiteStage = TrafficStage & {
  kvs: SimulatedKeyValueStore;
  files: S3Calls;
  /** Uploads a file of the site. */
  put(key: string, body: string): Promise<void>;
  /** Uploads a whole release. */
  upload(release: string, list?: object): Promise<void>;
  /** What stands under the key that the edge reads. */
  value(): Record<string, unknown>;
};

const request: TargetRequest = {
  name: 'web',
  service: 'checkout',
  spec: { site: SITE, source: 'http' },
  artifact: { site: { prefix: '_releases/2/' } },
  bucket: 'releases',
};

/** A site of service `checkout` that serves release 1, with releases 1, 2 and 3 uploaded. */
export async function siteStage(): Promise<SiteStage> {
  const clock = virtualClock();
  const kvs = new SimulatedKeyValueStore({ clock, account: ACCOUNT });
  const store = kvs.helpers.create(SITE, {
    'spillway-site': JSON.stringify(OWNER),
    spillway: JSON.stringify({ s: '1', ...OWN }),
    routes: 'of somebody else',
  });
  const s3 = new SimulatedS3({ clock, region: 'eu-west-1', account: ACCOUNT, onEvent: () => {} });
  const credentials = { accessKeyId: 'simulated', secretAccessKey: 'simulated' };
  const bucket = new S3Client({ region: 'eu-west-1', credentials, cacheMiddleware: true });
  attach(bucket, s3.operations, { clock });

  const acts = new Map<number | 'each', (nth: number) => unknown>();
  const lost = new Set<number>();
  const throttled = new Set<number>();
  const updates: { w?: number }[] = [];
  let readMs = 0;
  const intercept: Intercept = async (command, input, call) => {
    if (command === 'GetKeyCommand' && readMs > 0) await clock.advance(readMs);
    const { Puts = [] } = input as { Puts?: { Key: string; Value: string }[] };
    const put = Puts.find(({ Key }) => Key === 'spillway');
    if (put === undefined) return call();
    updates.push(JSON.parse(put.Value));
    const nth = updates.length;
    await (acts.get(nth) ?? acts.get('each'))?.(nth);
    // AWS models no throttle of this service.
    if (throttled.has(nth)) throw awsError('ThrottlingException', 'Rate exceeded', 429);
    const answer = await call();
    // What is thrown when an answer does not come: it carries no HTTP status.
    if (lost.has(nth)) throw Object.assign(new Error('socket timed out'), { name: 'TimeoutError' });
    return answer;
  };
  const others = storeCalls(directClient(kvs.service, { clock }));
  const stores = storeCalls(directClient(kvs.service, { clock, intercept }));
  const files = s3Calls(bucket);
  const value = () => JSON.parse(kvs.helpers.value(SITE, 'spillway') ?? '{}');
  const put: SiteStage['put'] = async (Key, Body) =>
    void (await bucket.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body })));
  const upload: SiteStage['upload'] = async (release, changes = {}) => {
    const [documents, assets] = [['/index.html', '/sw.js'], ['/assets/app-1a2b3c4d.js']];
    for (const path of documents) await put(`_releases/${release}${path}`, `${path} of ${release}`);
    for (const path of assets) await put(path.slice(1), 'app()');
    const list = { schema: 1, release, documents, assets, releaseBound: ['/sw.js'], ...changes };
    await put(`_releases/${release}/.spillway-files.json`, JSON.stringify(list));
  };
  for (const release of ['1', '2', '3']) await upload(release);
  return {
    ...{ kvs, files, put, upload, value },
    // Nobody else advances the clock while the router waits.
    router: siteRouter({ stores, s3: files }, { now: () => clock.now(), sleep: (ms) => clock.advance(ms) }),
    another: siteRouter({ stores: others, s3: files }, clock),
    request,
    serving: { ...request, artifact: { site: { prefix: '_releases/1/' } } },
    target: {
      name: 'web',
      kind: 'cloudfront',
      key: `aws:${ACCOUNT}:global:cloudfront/${SITE}`,
      ref: { store, site: SITE, bucket: BUCKET, url: OWNER.url, ...filesRef({ 1: [], 2: ['/sw.js'] }) },
      stable: '1',
      canary: '2',
      source: 'http',
      traits: traitsOf(SITE),
      revision: kvs.helpers.etag(SITE),
    },
    now: () => clock.now(),
    arrange: {
      set({ primary, weights, token }) {
        const { c: _, w: __, ...before } = value();
        const shared = Object.entries(weights ?? standingOf(value()).weights);
        const after = {
          ...before,
          ...(primary === undefined ? {} : { s: primary }),
          ...(shared[0] === undefined ? {} : { c: shared[0][0], w: shared[0][1] * 100 }),
          ...(token === undefined ? {} : { f: token === null ? 'the team’s own words' : tokenText(token) }),
        };
        kvs.helpers.put(SITE, { spillway: JSON.stringify(after) });
      },
      disown: () =>
        kvs.helpers.put(SITE, { 'spillway-site': JSON.stringify({ ...OWNER, service: 'other' }) }),
      interfere: (nth, act) => void acts.set(nth, act),
      loseAnswer: (nth) => void lost.add(nth),
      throttle: (nth) => void throttled.add(nth),
      slowReads: (ms) => {
        readMs = ms;
      },
    },
    // What is no value stands there as it is.
    standing: async () => {
      const text = kvs.helpers.value(SITE, 'spillway') ?? '';
      return /^\{.+\} ?$/.test(text) ? standingOf(value()) : { primary: text, weights: {}, token: null };
    },
    pinOf: async () => kvs.helpers.value(SITE, 'spillway-pin')?.split(' ')[0],
    writes: () => updates.length,
    largestWeight: () => Math.max(0, ...updates.map(({ w = 0 }) => w / 100)),
  };
}

function standingOf({ s, c, w = 0, f }: { s: string; c?: string; w?: number; f?: string }) {
  return {
    primary: s,
    weights: c === undefined || w === 0 ? {} : { [c]: Math.round(w * 1e6) / 1e8 },
    token: tokenFrom(f) ?? null,
  };
}

const keys = (kvs: SimulatedKeyValueStore, pairs: Record<string, string | undefined>): TargetRequest => {
  kvs.helpers.put(SITE, pairs);
  return request;
};

const list = '_releases/2/.spillway-files.json';

/** What is refused when a site is looked up. */
export const siteRefusals: Refusal<SiteStage>[] = [
  {
    what: 'a store that does not exist',
    arrange: () => ({ ...request, spec: { site: 'web-shpo', source: 'http' } }),
    says: ['targets.web', 'no KeyValueStore web-shpo', 'check site'],
  },
  {
    what: 'a store whose owner is not named',
    arrange: ({ kvs }) => keys(kvs, { 'spillway-site': undefined }),
    says: ['targets.web', 'has no key spillway-site', 'its owner must write there'],
  },
  {
    what: 'a store whose owner is no JSON',
    arrange: ({ kvs }) => keys(kvs, { 'spillway-site': 'checkout' }),
    says: ['targets.web', 'key spillway-site', 'is no JSON', 'correct it'],
  },
  {
    what: 'a store whose site answers nowhere',
    arrange: ({ kvs }) => keys(kvs, { 'spillway-site': JSON.stringify({ ...OWNER, url: 'shop.example/' }) }),
    says: ['targets.web', 'has a wrong `url`', 'without a slash at the end'],
  },
  {
    what: 'a site of another service',
    arrange: async ({ arrange }) => {
      await arrange.disown();
      return request;
    },
    says: ['targets.web', 'belongs to service other', 'checkout is needed', 'its owner must set it'],
  },
  {
    what: 'a site that serves no release yet',
    arrange: ({ kvs }) => keys(kvs, { spillway: undefined }),
    says: ['targets.web', 'has no key spillway', 'write {"s":"<release>"} there'],
  },
  ...['{"s":7}', '{"s":"../1"}', 'null', '{'].map((value) => ({
    what: `a site whose value is ${value}`,
    arrange: ({ kvs }: SiteStage) => keys(kvs, { spillway: value }),
    says: ['targets.web', 'does not name the release that serves', 'write {"s":"<release>"} there'],
  })),
  {
    what: 'a site that shares its visitors already',
    arrange: async ({ arrange }) => {
      await arrange.set({ weights: { '3': 20 } });
      return request;
    },
    says: ['targets.web', 'between releases 1 and 3', 'finish or undo'],
  },
  {
    what: 'a site that another rollout is moving',
    arrange: async ({ arrange }) => {
      await arrange.set({ token: { rolloutId: 'checkout--r0--1', epoch: 1, seq: 3, open: true } });
      return request;
    },
    says: ['targets.web', 'checkout--r0--1', /wait for it to end or abort it/],
  },
  {
    what: 'a site with segments, which would be led before any step',
    arrange: ({ kvs }) => keys(kvs, { spillway: JSON.stringify({ s: '1', g: [['h', 'x', ['1'], 10_000]] }) }),
    says: ['targets.web', 'segments', 'remove them'],
  },
  {
    what: 'a release that was not uploaded',
    arrange: () => ({ ...request, artifact: { site: { prefix: '_releases/9/' } } }),
    says: ['targets.web', '_releases/9/.spillway-files.json', 'is missing', 'upload the release again'],
  },
  {
    what: 'a version of a function',
    arrange: () => ({ ...request, artifact: { version: '2' } }),
    says: ['targets.web', 'names no release of a site', 'write {"site"'],
  },
  {
    what: 'a list that is malformed',
    arrange: async ({ put }) => {
      await put(list, '{"schema":1}');
      return request;
    },
    says: ['targets.web', list, 'is malformed', 'upload the release again'],
  },
  {
    what: 'the list of another release',
    arrange: async ({ upload }) => {
      await upload('2', { release: '3' });
      return request;
    },
    says: ['targets.web', list, 'is of release 3'],
  },
  {
    what: 'a release without a first page',
    arrange: async ({ upload }) => {
      await upload('2', { documents: ['/sw.js'] });
      return request;
    },
    says: ['targets.web', list, 'no /index.html', 'build it again'],
  },
  {
    what: 'a release of which documents and assets are missing',
    arrange: async ({ upload }) => {
      const documents = ['/index.html', '/a.html'];
      await upload('2', { documents, assets: ['/b.js', '/c.js', '/d.js'] });
      return request;
    },
    says: ['targets.web', '_releases/2/a.html, b.js, c.js and others', 'upload the release again'],
  },
  {
    what: 'a file that all releases share in one of them, and not in the other',
    arrange: async ({ upload }) => {
      await upload('2', { releaseBound: ['/assets/*'] });
      return request;
    },
    says: ['targets.web', '/assets/app-1a2b3c4d.js belongs to all releases', 'rename it'],
  },
  {
    what: 'what would not fit into the store',
    arrange: ({ kvs }) => keys(kvs, { spillway: JSON.stringify({ s: '1', x: 'x'.repeat(850) }) }),
    says: ['targets.web', /would take \d+ bytes, and CloudFront takes 1024/, 'shorten'],
  },
];
