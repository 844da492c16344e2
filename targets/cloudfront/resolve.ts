import { ASKED_AGAIN, nameOf, onceVisible, patiently, reach } from '../../adapters/_aws.ts';
import { held } from '../../adapters/fenced-router.ts';
import { versioned } from '../../adapters/key-value-store.ts';
import { releaseIn } from '../../core/config/artifact.ts';
import { RolloutError } from '../../core/errors.ts';
import type { Clock, ResolvedTarget, TargetRequest } from '../../core/ports.ts';
import { SEQ_MAX } from '../../core/rollout/fencing-token.ts';
import { OWNER_KEY, ownerFrom, type SiteOwner } from '../../core/site/owner.ts';
import { contested, type FileList, listKeyOf, listOf, lookedUp } from './files.ts';
import { traitsOf } from './kind.ts';
import { ownOf, type SiteClients } from './site.ts';
import {
  bytesOf,
  filesRef,
  type Stored,
  seenFrom,
  segmentsRef,
  storedFrom,
  VALUE_BYTES_MAX,
  VALUE_KEY,
  valueWith,
} from './value.ts';

/** How long a visit may last before it is reported: what is counted of a minute may come that much later. Assumed. */
const VISIT_SECONDS = 10;

/** Looks up everything about a site that can be refused before a rollout opens. @throws RolloutError TargetInvalid naming the field and the fix */
export async function resolveSite(
  clients: SiteClients,
  clock: Clock,
  { name, service, spec, artifact, plan }: TargetRequest,
): Promise<ResolvedTarget> {
  const { site = '' } = spec;
  const field = `targets.${name}`;
  const store = await storeOf(clients, clock, field, site);
  const { etag, owner, stored } = await standingOf(clients, clock, { field, site, store });
  if (owner.service !== service)
    throw invalid(
      field,
      `site ${site} belongs to service ${owner.service}, by key ${OWNER_KEY} of its store, where ${service} is needed; its owner must set it`,
    );
  const { primary: stable, weights, token } = seenFrom(stored, etag);
  if (token?.open) throw held(`${field}: site ${site}`, token);
  const [other] = Object.keys(weights);
  if (other !== undefined)
    throw invalid(
      field,
      `site ${site} already shares its visitors between releases ${stable} and ${other}; finish or undo that first`,
    );
  if (stored.g !== undefined)
    throw invalid(
      field,
      `key ${VALUE_KEY} of site ${site} has segments (\`g\`), which would lead visitors to the release before any step; remove them`,
    );
  assertTold(field, site, owner, plan);
  const canary = releaseOf(field, artifact);
  const place = { s3: clients.s3, clock, bucket: owner.bucket };
  const list = await listFor(place, field, canary);
  const looked = await inBucket(field, owner.bucket, () => lookedUp(place, list));
  if ('missing' in looked)
    throw invalid(
      field,
      `files of release ${canary} are missing in bucket ${owner.bucket}: ${looked.missing}; upload the release again with \`spillway release\``,
    );
  const files = { [stable]: stored.d ?? [], [canary]: list.releaseBound };
  if (canary !== stable) await assertApart(place, field, { list, stable, stored });
  const own = ownOf(owner);
  const ref = {
    ...{ store, site, bucket: owner.bucket, url: owner.url, ...filesRef(files) },
    ...(plan === undefined ? {} : segmentsRef(plan)),
    ...(Object.keys(own).length === 0 ? {} : { own: JSON.stringify(own) }),
  };
  const traits = { ...traitsOf(site), ...(own.a === undefined ? {} : { leads: true as const }) };
  const target = {
    name,
    kind: 'cloudfront',
    key: keyOf(store, site),
    ref,
    stable,
    canary,
    source: 'http' as const,
    traits,
  };
  assertRoom(field, site, stored, target, plan?.steps.map(({ weight }) => weight) ?? []);
  return {
    target: { ...target, revision: etag },
    digest: looked.digest,
    timeoutSeconds: VISIT_SECONDS,
    notices:
      typeof stored.k === 'string' && stored.k !== ''
        ? []
        : [
            `${field}: key ${VALUE_KEY} of site ${site} has no \`k\`, so smoke tests cannot reach the release before its visitors do; add a random text of at least 32 characters`,
          ],
  };
}

/** A site is in no region, and is locked in all of them. */
function keyOf(store: string, site: string): string {
  const [, partition, , , account] = store.split(':');
  return `${partition}:${account}:global:cloudfront/${site}`;
}

function releaseOf(field: string, artifact: TargetRequest['artifact']): string {
  if ('site' in artifact) return releaseIn(artifact.site.prefix);
  throw invalid(
    field,
    'its manifest names no release of a site; write {"site": {"prefix": "_releases/<release>/"}}',
  );
}

async function storeOf({ stores }: SiteClients, clock: Clock, field: string, site: string): Promise<string> {
  const find = () =>
    stores.find(site).catch((error: unknown) => {
      // CloudFront has a name of its own for what others call ResourceNotFoundException.
      if (nameOf(error) !== 'EntityNotFound') throw error;
      throw Object.assign(error as Error, { name: 'ResourceNotFoundException' });
    });
  try {
    return await onceVisible(clock, () => reach(`store ${site}`, () => patiently(site, clock, find)));
  } catch (error) {
    if (isDenied(error)) throw mayNot(field, `look at KeyValueStore ${site}`);
    if (nameOf(error) !== 'ResourceNotFoundException') throw error;
    throw invalid(field, `there is no KeyValueStore ${site} in this account; check site; ${ASKED_AGAIN}`);
  }
}

/** What stands in the store, and its version, which no later write has. */
async function standingOf(
  { stores }: SiteClients,
  clock: Clock,
  { field, site, store }: Record<'field' | 'site' | 'store', string>,
) {
  const ask = <T>(call: () => Promise<T>) => reach(`site ${site}`, () => patiently(store, clock, call));
  const keyOr = async (key: string, fix: string) => {
    try {
      return await onceVisible(clock, () => ask(() => versioned(stores, store, key)));
    } catch (error) {
      if (isDenied(error)) throw mayNot(field, `read the store of site ${site}`);
      if (nameOf(error) !== 'ResourceNotFoundException') throw error;
      throw invalid(field, `the store of site ${site} has no key ${key}; ${fix}`);
    }
  };
  const owned = await keyOr(OWNER_KEY, 'its owner must write there whose it is and where its files lie');
  const owner = ownerFrom(owned.value);
  if ('fault' in owner)
    throw invalid(field, `key ${OWNER_KEY} of the store of site ${site} ${owner.fault}; correct it`);
  const { etag, value } = await keyOr(
    VALUE_KEY,
    'write {"s":"<release>"} there, the release that serves now',
  );
  const stored = storedFrom(value);
  if (stored === undefined)
    throw invalid(
      field,
      `key ${VALUE_KEY} of the store of site ${site} does not name the release that serves; write {"s":"<release>"} there`,
    );
  return { etag, owner, stored };
}

async function listFor(
  place: Parameters<typeof listOf>[0],
  field: string,
  release: string,
): Promise<FileList> {
  const list = await inBucket(field, place.bucket, () => listOf(place, release));
  if ('fault' in list) throw invalid(field, `${listKeyOf(release)} in bucket ${place.bucket} ${list.fault}`);
  return list;
}

/** A controller whose deployment names no bucket of sites may touch neither stores nor files of sites. */
const isDenied = (error: unknown) => /^(AccessDenied(Exception)?|Forbidden|HTTP 403)$/.test(nameOf(error));

const mayNot = (field: string, what: string) =>
  invalid(
    field,
    `the controller may not ${what}; name the site's bucket in \`siteBuckets\` of infra/stages.json and deploy the controller`,
  );

/** What S3 refuses of the bucket as a whole, in words. */
async function inBucket<T>(field: string, bucket: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    const name = nameOf(error);
    if (name === 'NoSuchBucket')
      throw invalid(
        field,
        `there is no bucket ${bucket}; correct \`bucket\` in key ${OWNER_KEY} of its store`,
      );
    if (isDenied(error)) throw mayNot(field, `read bucket ${bucket}`);
    if (/^(PermanentRedirect|HTTP 301|AuthorizationHeaderMalformed)$/.test(name))
      throw invalid(
        field,
        `bucket ${bucket} is in another region than the controller; deploy a controller where the bucket is`,
      );
    throw error;
  }
}

/** While two releases serve, the edge has one list of what belongs to a release, for both of them. */
async function assertApart(
  place: Parameters<typeof listOf>[0],
  field: string,
  { list, stable, stored }: { list: FileList; stable: string; stored: Stored },
): Promise<void> {
  const found = await inBucket(field, place.bucket, () => listOf(place, stable));
  // Of a release that something else uploaded only what the store says of it is known.
  const other = 'fault' in found ? { ...list, assets: [] } : found;
  const path = contested(list, { ...other, releaseBound: stored.d ?? [] });
  if (path === undefined) return;
  throw invalid(
    field,
    `${path} belongs to all releases in one of ${stable} and ${list.release}, and to its own release in the other, so that some visitors would miss it while both serve; rename it, or upload the release with \`--assets per-release\``,
  );
}

/** A segment that the edge cannot see would raise nobody, and one that reports do not tell apart would be compared with everybody. */
function assertTold(
  field: string,
  site: string,
  { segments: told = [] }: SiteOwner,
  plan: TargetRequest['plan'],
): void {
  for (const { name, by, of } of plan?.segments ?? []) {
    const mark = by === 'h' ? `h:${of}` : by;
    if (told.includes(mark)) continue;
    const what = { h: `header ${of}`, c: 'cookies', y: 'countries' }[by];
    throw invalid(
      field,
      `segments.${name} goes by ${what}, which key ${OWNER_KEY} of site ${site} does not list: forward it to the functions of the edge and to its reports, then write "${mark}" into \`segments\` of that key; a site behind SST's Router cannot have segments`,
    );
  }
}

/** The longest that is ever written, but for the name of who aborts, which may be left out. */
function assertRoom(
  field: string,
  site: string,
  stored: Stored,
  target: Parameters<typeof valueWith>[2],
  weights: readonly number[],
): void {
  const token = { rolloutId: 'x'.repeat(60), epoch: SEQ_MAX, seq: SEQ_MAX, open: true };
  const salted = { ...token, rolloutId: 'x'.repeat(40) };
  const longest = Math.max(
    ...[12.34, ...weights].map((weight) => {
      const routing = { primary: target.stable, weights: { [target.canary]: weight }, token: salted };
      return bytesOf(valueWith(stored, routing, target));
    }),
  );
  const bytes = longest + token.rolloutId.length - salted.rolloutId.length;
  if (bytes <= VALUE_BYTES_MAX) return;
  throw invalid(
    field,
    `key ${VALUE_KEY} of site ${site} would take ${bytes} bytes, and CloudFront takes ${VALUE_BYTES_MAX}; shorten what its owner keeps there or the segments of the rollout file, or put the files that belong to a release into one folder`,
  );
}

function invalid(field: string, what: string): RolloutError {
  return new RolloutError('TargetInvalid', `${field}: ${what}.`);
}
