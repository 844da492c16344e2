import { TRY_COOKIE, testerCookie } from '../../adapters/tester-cookie.ts';
import type { Client } from '../../client/client.ts';
import type { SiteBucket, StoredObject } from '../../client/site-bucket.ts';
import { secondsFrom } from '../../core/config/duration.ts';
import { RolloutError } from '../../core/errors.ts';
import { folderOf, LIST, RELEASES } from '../../core/site/paths.ts';
import { ERROR_PAGE } from '../../core/site/redirects.ts';
import { listOfRelease, releasesIn, removable } from '../../core/site/retention.ts';
import type { SiteList } from '../../core/site/types.ts';
import { some } from '../../core/site/words.ts';
import { counted, number } from '../../core/words.ts';
import { clientFrom } from '../arguments.ts';
import { UsageError } from '../call.ts';
import type { GivenTo, PRUNE, TRY } from '../calls.ts';
import { isConfirmed } from '../confirm.ts';
import { say, sayJson } from '../print.ts';

/** The edge takes no cookie of a tester that lasts for a day or more. */
const [LEAST_SECONDS, MOST_SECONDS] = [60, 12 * 3600];

/** Prints the signed cookie by which a browser gets a release of a site, whatever its weight. */
export async function tryRelease({ args, options }: GivenTo<typeof TRY>): Promise<number> {
  const [store = '', release = ''] = args;
  const seconds = secondsFrom(options.for ?? '1h') ?? 0;
  if (seconds < LEAST_SECONDS || seconds > MOST_SECONDS)
    throw new UsageError(`--for takes a time from 1m to 12h, such as 30m, not "${options.for}"`);
  const site = await (await clientFrom(options)).site(store);
  const { releases, key } = await site.standing();
  if (!releases.includes(release))
    throw new RolloutError(
      'TargetInvalid',
      `The edge of ${store} leads nobody to ${release} now, only to ${releases.join(' and ')}; a release can be tried from the opening of its rollout on.`,
    );
  if (key === undefined)
    throw new RolloutError(
      'TargetInvalid',
      `Key spillway of site ${store} has no \`k\`, by which testers are led to a release; add a random text of at least 32 characters.`,
    );
  const now = Date.now();
  const value = testerCookie(release, key, now, seconds);
  const until = new Date(now + seconds * 1000).toISOString();
  if (options.json) {
    sayJson({ url: site.url, release, cookie: { name: TRY_COOKIE, value }, until });
    return 0;
  }
  const cookie = `${TRY_COOKIE}=${value}`;
  say(`until ${until} whoever has this cookie gets ${release} at ${site.url}, whatever its weight:`);
  say(`  ${cookie}`);
  say(`in the console of a browser that shows the site:`);
  say(`  document.cookie = "${cookie}; Path=/; Secure; Max-Age=${seconds}"`);
  say(`or: curl --cookie '${cookie}' ${site.url}/`);
  return 0;
}

/** Keys that S3 removes by one call (API reference, "DeleteObjects"). */
const TOGETHER = 1_000;

const DAY_MS = 86_400_000;

/** Says which releases of a site nobody needs any more, and removes their files once that is confirmed. */
export async function prune({ args, options }: GivenTo<typeof PRUNE>): Promise<number> {
  const [store = ''] = args;
  const keep = countFrom('--keep', options.keep ?? '10');
  const before = Date.now() - countFrom('--days', options.days ?? '30') * DAY_MS;
  const client = await clientFrom(options);
  const site = await client.site(store);
  // Another controller knows nothing of what this site may have to go back to.
  const { environment } = await client.about();
  if (site.environment !== undefined && site.environment !== environment)
    throw new RolloutError(
      'TargetInvalid',
      `The site ${store} is moved by the controller of ${site.environment}, and this is that of ${environment}, so nothing is removed.`,
    );
  const needed = () => neededOf(client, site);
  const objects: StoredObject[] = [];
  for await (const object of site.bucket.list('')) objects.push(object);
  const found = releasesIn(objects);
  const wanted = await needed();
  const staying = new Set([
    ...wanted,
    ...(await plainlyServed(site.bucket, objects, found)),
    ...found
      .filter(({ isListed }) => isListed)
      .slice(0, keep)
      .map(({ release }) => release),
  ]);
  const listOf = async (release: string): Promise<SiteList | undefined> =>
    listOfRelease(await site.bucket.read(`${folderOf(release)}${LIST}`), release);
  const kept: SiteList[] = [];
  const gone: Parameters<typeof removable>[2][number][] = [];
  for (const { release, at, isListed } of found) {
    const stays = staying.has(release) || at >= before;
    const list = isListed ? await listOf(release) : undefined;
    if (stays && list !== undefined) kept.push(list);
    // What a release under way still lacks is not known, and of what nobody can read nothing may go.
    else if (stays && (isListed || staying.has(release)))
      throw new RolloutError(
        'TargetInvalid',
        `The list of release ${release}, which stays, cannot be read, so nobody knows which files it needs; upload it again with \`spillway release\`.`,
      );
    else if (!stays) gone.push({ release, list });
  }
  const { releases: served } = await site.standing();
  const missing = served.filter((release) => !found.some((each) => each.release === release));
  if (missing.length > 0)
    throw new RolloutError(
      'TargetInvalid',
      `Bucket and store of ${store} disagree: ${some(missing)} may be needed and has no files there, so nothing is removed.`,
    );
  const keys = removable(objects, kept, gone, before);
  const sizes = new Map(objects.map(({ key, bytes }) => [key, bytes]));
  const bytes = keys.reduce((sum, key) => sum + (sizes.get(key) ?? 0), 0);
  const releases = gone.map(({ release }) => release);
  const what = `${counted(releases.length, 'release')} of ${found.length} (${some(releases)}), ${counted(keys.length, 'file')}, ${number(bytes)} bytes`;
  const answer = { kept: kept.map(({ release }) => release), releases, files: keys.length, bytes };
  if (keys.length === 0) {
    if (options.json) sayJson({ ...answer, removed: false });
    else say(`nothing of ${store} can go: ${counted(kept.length, 'release')} stay`);
    return 0;
  }
  if (!options.json) say(`stay: ${kept.map(({ release }) => release).join(', ')}`);
  if (options['dry-run']) {
    if (options.json) sayJson({ ...answer, removed: false });
    else say(`could go: ${what}`);
    return 0;
  }
  if (!(await isConfirmed(`this removes ${what} of ${store} for good`, options))) return 0;
  // Somebody may have rolled back, or opened a rollout, since.
  const late = (await needed()).filter((release) => releases.includes(release));
  if (late.length > 0)
    throw new RolloutError(
      'TargetInvalid',
      `${some(late)} is needed since a moment ago, so nothing is removed.`,
    );
  // A release that was uploaded since may need files that were there, and that only older ones named.
  const read = new Set([...kept, ...gone.flatMap(({ list }) => list ?? [])].map(({ release }) => release));
  const present: StoredObject[] = [];
  for await (const object of site.bucket.list(RELEASES)) present.push(object);
  const fresh = releasesIn(present).filter(({ release, isListed }) => isListed && !read.has(release));
  if (fresh.length > 0)
    throw new RolloutError(
      'TargetInvalid',
      `${some(fresh.map(({ release }) => release))} has been uploaded since a moment ago, so nothing is removed; prune again.`,
    );
  for (let at = 0; at < keys.length; at += TOGETHER) await site.bucket.remove(keys.slice(at, at + TOGETHER));
  if (options.json) sayJson({ ...answer, removed: true });
  else say(`removed ${what}`);
  return 0;
}

/** Pages that answer at plain paths: the first one, with all others, if the store of the site cannot be read, and the one for what is missing. */
const PLAIN = ['index.html', ERROR_PAGE];

/** The releases that these pages were copied from: they need its files, whatever else serves. */
async function plainlyServed(
  bucket: Pick<SiteBucket, 'sha256'>,
  objects: readonly StoredObject[],
  found: readonly { release: string }[],
): Promise<string[]> {
  const at = new Map(objects.map((object) => [object.key, object]));
  const isCopy = async (plain: StoredObject, of?: StoredObject): Promise<boolean> => {
    if (of === undefined || of.bytes !== plain.bytes) return false;
    if (of.etag === plain.etag) return true;
    const [one, other] = await Promise.all([plain, of].map(({ key }) => bucket.sha256(key)));
    return one !== undefined && one === other;
  };
  const served: string[] = [];
  for (const page of PLAIN) {
    const plain = at.get(page);
    if (plain === undefined) continue;
    // The oldest: its copies are of the first upload.
    for (const { release } of found.toReversed())
      if (await isCopy(plain, at.get(`${folderOf(release)}${page}`))) {
        served.push(release);
        break;
      }
  }
  return served;
}

const countFrom = (option: string, text: string): number => {
  if (!/^\d{1,4}$/.test(text)) throw new UsageError(`${option} takes a whole number, not "${text}"`);
  return Number(text);
};

/** The releases that serve, that a revert, a rollback or a rollout under way may need, or that wait. */
async function neededOf(client: Client, site: Awaited<ReturnType<Client['site']>>): Promise<string[]> {
  const [{ releases }, { completed, earlier = [], waiting }, running] = await Promise.all([
    site.standing(),
    client.service(site.service),
    client.running(),
  ]);
  // Versions of functions are among them, which are no folder of the bucket.
  const remembered = [completed, ...earlier].flatMap((each) =>
    (each?.targets ?? []).map(({ version }) => version),
  );
  const own = running.filter(({ opening }) => opening.service === site.service);
  return [
    ...new Set([
      ...releases,
      ...remembered,
      ...own.map(({ opening }) => opening.release),
      ...(waiting === undefined ? [] : [waiting.release]),
    ]),
  ];
}
