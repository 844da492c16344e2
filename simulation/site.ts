import type { Account } from '../local/account.ts';
import { seededRandom } from '../local/random.ts';
import type { SimulatedS3 } from '../local/services/s3.ts';
import type { Case } from './case.ts';
import type { FaultName } from './faults.ts';
import type { Guest, Hosts } from './guest.ts';
import { SERVICE } from './scenario.ts';

/** The site that may go out together with the function, in its store and its bucket. */
export const SITE = 'web-shop';
export const SITE_BUCKET = 'web-shop-files';

type World = Pick<Case, 'seed' | 'release' | 'requestsPerSecond' | 'stableErrors'>;

/** How much of the site fails its visitors if its release is bad. */
const BAD_SHARE = 0.3;

/** Whether the site's release is as good as what it replaces: it is bad in one of three worlds whose own release is. */
const isSiteGood = ({ seed, release }: World): boolean => release.kind === 'good' || seed % 3 > 0;

/** What a rollout file says of it, and what its release is. */
export const SITE_RELEASE = { spec: { site: SITE }, artifact: { site: { prefix: '_releases/2/' } } };

/** The site of a world, beside its functions. */
export const siteGuest = ({ it }: Pick<Hosts, 'it'>): Guest => ({
  name: 'web',
  ...SITE_RELEASE,
  isGood: isSiteGood(it),
  furnish: (stage) => addSite(stage, it),
  foreignWrite: ({ kvs, clock }, trouble, how) => {
    const change = FOREIGN[trouble]?.(JSON.parse(kvs.helpers.value(SITE, 'spillway') ?? '{}'), how);
    if (change !== undefined) kvs.helpers.put(SITE, change);
    // Others write keys of their own now and then, which replaces the version of the store.
    if (trouble === 'otherDeploy' || trouble === 'functionUpdating') void writeRoutes(kvs, clock);
  },
});

/** What others write to the store of a site, by what they do to an alias. */
const FOREIGN: {
  [Trouble in FaultName]?: (before: Led, how: number) => Record<string, string | undefined>;
} = {
  strangerMoves: (before) => led({ ...before, s: '3' }),
  strangerWeights: ({ c: _, w: __, ...before }, how) =>
    led(how < 0.5 ? before : { ...before, s: '1', c: '2', w: Math.round(how * 10_000) }),
  strangerStamps: ({ f: _, ...before }, how) =>
    led(how < 0.5 ? { ...before, f: 'managed by somebody else' } : before),
  otherDeploy: ({ c: _, w: __, t: ___, f: ____, ...before }) => led({ ...before, s: '3' }),
  pinRemoved: () => ({ 'spillway-pin': undefined }),
  strangerPutsBack: ({ c: _, w: __, ...before }, how) => {
    const [s, c] = how < 0.5 ? ['1', '2'] : ['2', '1'];
    return led({ ...before, s, ...(how % 0.5 > 0.3 ? { c, w: 4_000 } : {}) });
  },
};

interface Led {
  s: string;
  c?: string;
  w?: number;
  t?: string;
  f?: string;
}

const led = (value: Led) => ({ spillway: JSON.stringify(value) });

async function writeRoutes(kvs: Account['kvs'], clock: Account['clock']): Promise<void> {
  for (let nth = 1; nth <= 20; nth++) {
    await clock.sleep(500);
    kvs.helpers.put(SITE, { routes: `[${nth}]` });
  }
}

/** Makes the site of a world: its store at release 1, the files of releases 1 and 2, and visitors. */
export function addSite(
  world: Pick<Account, 'kvs' | 's3' | 'addSite'>,
  it: World,
  segments: Parameters<Account['addSite']>[0]['segments'] = {},
): void {
  const owner = {
    ...{ service: SERVICE, bucket: SITE_BUCKET, url: 'https://web-shop.example', layout: 'dir' },
    segments: ['c', 'y'],
  };
  world.kvs.helpers.create(SITE, {
    'spillway-site': JSON.stringify(owner),
    spillway: JSON.stringify({ s: '1', d: ['/sw.js'], k: 'k'.repeat(32) }),
    // Somebody else keeps something there as well.
    routes: '[]',
  });
  for (const release of ['1', '2']) uploadSite(world.s3, release);
  const isGood = isSiteGood(it);
  world.addSite({
    site: SITE,
    requestsPerSecond: it.requestsPerSecond,
    errorRate: (release) => (release === '2' && !isGood ? BAD_SHARE : it.stableErrors),
    segments,
  });
}

/** Uploads a release as `spillway release` does. */
function uploadSite({ operations }: Pick<SimulatedS3, 'operations'>, release: string): void {
  const put = (Key: string, Body: string) => operations.PutObjectCommand({ Bucket: SITE_BUCKET, Key, Body });
  const [documents, assets] = [
    ['/index.html', '/sw.js'],
    [`/assets/app-${seededRandom(1).fork(release).int(1e8)}.js`],
  ];
  for (const path of documents) put(`_releases/${release}${path}`, `${path} of ${release}`);
  for (const path of assets) put(path.slice(1), 'app()');
  const list = { schema: 1, release, documents, assets, releaseBound: ['/sw.js'] };
  put(`_releases/${release}/.spillway-files.json`, JSON.stringify(list));
}
