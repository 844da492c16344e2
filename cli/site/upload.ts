import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { mayPass } from '../../client/passing.ts';
import type { NewObject, SiteBucket, StoredObject } from '../../client/site-bucket.ts';
import { RolloutError } from '../../core/errors.ts';
import { CACHE, contentType, UNKNOWN_TYPE } from '../../core/site/content.ts';
import { missingFault, missingOf } from '../../core/site/missing.ts';
import { referenceNotices } from '../../core/site/notices.ts';
import { folderOf, LIST, RELEASES } from '../../core/site/paths.ts';
import { ERROR_PAGE, REDIRECTS, type Redirect, redirectsFrom } from '../../core/site/redirects.ts';
import type { References } from '../../core/site/references.ts';
import { changedFault, siteRelease } from '../../core/site/release.ts';
import { OWN_ASSETS } from '../../core/site/served.ts';
import type { FolderFile, SiteBuild, SiteList } from '../../core/site/types.ts';
import { some } from '../../core/site/words.ts';
import { counted, number } from '../../core/words.ts';
import { bodyOf, filesOf, type Hashes, inspected } from './folder.ts';

/** Calls of S3 at the same time, and files read at the same time. */
const PARALLEL = 16;

/** How often a call is made at most; each pause is twice as long as the one before. */
const TRIES = 6;
const PAUSE_MS = 100;

/** Progress is reported ten times at most, and not of a few files. */
const [REPORTS, REPORTED_MIN] = [10, 100];

/** An upload removes nothing. */
type Bucket = Pick<SiteBucket, 'list' | 'put' | 'sha256'>;

export interface Upload {
  bucket: Bucket;
  folder: string;
  build: SiteBuild;
  /** Where the site answers, if that is known. */
  home?: string | undefined;
  /** True if what pages need may lie elsewhere. */
  mayMiss: boolean;
  /** Hears of progress, and of what should be known. */
  notice: (text: string) => void;
}

/** A file that is to be stored. */
interface Sending extends Omit<NewObject, 'body'>, Hashes {
  name: string;
  /** What is sent if it is no file of the folder. */
  text?: string;
}

/**
 * Uploads the files of a release that are not there yet, its list last, and answers the folder of its documents. Whatever stops it, the same call
 * goes on where it ended, and no file that was there changes.
 * @throws RolloutError ManifestInvalid, before anything is stored, if the folder is no site, a page needs a file that nobody has, or a
 * file would change
 */
export async function uploadSite({ bucket, folder, build, home, mayMiss, notice }: Upload): Promise<string> {
  const found = await filesOf(folder);
  const { redirects, notices: redirected } = await redirectsOf(folder, found, build);
  const files = [...found, ...redirects.map(({ name, body }) => ({ name, bytes: body.length }))];
  const moved = new Map(redirects.map((each) => [each.name, each]));
  for (const each of redirected) notice(each);
  const { left, notices } = siteRelease(files, build);
  for (const each of notices) notice(each);

  const names = new Set(files.map(({ name }) => name));
  const unsent = new Set(left);
  const sent = files.filter(({ name }) => !unsent.has(name));
  const hashes = new Map<string, Hashes>();
  const references: (References & { by: string })[] = [];
  await together(sent, async (file) => {
    const { references: found, ...its } = await inspected(folder, file, home, moved.get(file.name)?.body);
    hashes.set(file.name, its);
    if (found === undefined) return;
    const { own, ...others } = found;
    references.push({ by: file.name, own: own.filter(({ name }) => !names.has(name)), ...others });
  });
  references.sort((a, b) => (a.by < b.by ? -1 : 1));
  const missing = missingOf(references, names, build);

  const sizes = new Map(sent.map(({ name, bytes }) => [name, bytes]));
  const sending = (name: string, key: string, cacheControl: string, release?: string): Sending => ({
    ...{
      name,
      key,
      cacheControl,
      bytes: sizes.get(name) ?? 0,
      contentType: contentType(name) ?? UNKNOWN_TYPE,
    },
    ...(hashes.get(name) ?? { sha256: '', md5: '' }),
    ...redirectOf(moved.get(name)),
    ...(release === undefined ? {} : { release }),
  });
  const prefix = folderOf(build.release);
  const { there, present } = await listed(bucket, build, [
    ERROR_PAGE,
    ...sent.flatMap(({ name }) => [name, `${prefix}${name}`, `${OWN_ASSETS}${build.release}/${name}`]),
    ...missing.vital.map(({ name }) => name),
  ]);
  const { documents, assets, releaseBound } = siteRelease(files, build, present);
  const shared = assets.map(({ name, key }) => sending(name, key, CACHE.asset));
  const own = documents.map((name) => sending(name, `${prefix}${name}`, CACHE.document, build.release));

  const vital = missing.vital.filter(({ name }) => !there.has(name));
  if (vital.length > 0 && !mayMiss) throw missingFault(vital);
  const absolute = new Map(references.flatMap((each) => each.absolute.map((address) => [address, each.by])));
  const worker = references.find(({ hasWorker }) => hasWorker)?.by;
  for (const each of referenceNotices(
    [...vital, ...missing.others],
    absolute,
    notices.some((said) => said.includes('service worker')) ? undefined : worker,
  ))
    notice(each);

  const store = storing(bucket, folder);
  const changed = { shared: await store.changed(shared, there), own: await store.changed(own, there) };
  if (changed.shared.length > 0) throw changedFault(changed.shared, build);
  if (changed.own.length > 0) throw takenFault(changed.own, build);

  const lacking = [...shared, ...own].filter(({ key }) => !there.has(key));
  const bytes = lacking.reduce((sum, each) => sum + each.bytes, 0);
  notice(
    `${counted(lacking.length, 'file')} of ${number(shared.length + own.length)} to upload, ${number(bytes)} bytes.`,
  );
  let done = 0;
  const each = async (file: Sending) => {
    await store.put(file, build);
    done += 1;
    if (done % Math.max(REPORTED_MIN, Math.ceil(lacking.length / REPORTS)) === 0)
      notice(`${number(done)} of ${counted(lacking.length, 'file')}`);
  };
  // What pages need is there before they are.
  await together(
    lacking.filter(({ release }) => release === undefined),
    each,
  );
  await together(
    lacking.filter(({ release }) => release !== undefined),
    each,
  );
  if (!there.has('index.html')) await putPlain(store, own, documents, build);
  else await putErrorPage(store, own, there, notice);
  const list: SiteList = {
    ...{ schema: 1, release: build.release },
    documents: documents.map((name) => `/${name}`),
    assets: assets.map(({ key }) => `/${key}`),
    releaseBound,
    elsewhere: [...vital, ...missing.others].map(({ name }) => `/${name}`).sort(),
  };
  await store.putList(`${prefix}${LIST}`, list, build);
  return prefix;
}

/** What leads elsewhere by the build's own list. */
async function redirectsOf(
  folder: string,
  files: readonly FolderFile[],
  { layout }: SiteBuild,
): Promise<ReturnType<typeof redirectsFrom>> {
  const file = files.find(({ name }) => name === REDIRECTS);
  if (file === undefined) return { redirects: [], notices: [] };
  const text = (await readFile(join(folder, REDIRECTS))).toString();
  return redirectsFrom(text, new Set(files.map(({ name }) => name)), layout);
}

const redirectOf = (redirect: Redirect | undefined): Pick<Sending, 'redirect' | 'text'> =>
  redirect === undefined
    ? {}
    : { redirect: { to: redirect.to, status: redirect.status }, text: redirect.body };

/** The page for what is missing is one for all releases, since no function of the edge runs for it: that of the newest upload, if the bucket lets it. */
async function putErrorPage(
  store: ReturnType<typeof storing>,
  own: readonly Sending[],
  there: ReadonlyMap<string, StoredObject>,
  notice: Upload['notice'],
): Promise<void> {
  const file = own.find(({ name }) => name === ERROR_PAGE);
  if (file === undefined || there.get(ERROR_PAGE)?.etag === file.md5) return;
  try {
    await store.replace({ ...file, key: ERROR_PAGE, cacheControl: CACHE.plain });
  } catch (error) {
    if (!/^(?:AccessDenied|Forbidden)/.test((error as Error).name)) throw error;
    notice(
      `The site's page for what is missing stays as it was: its bucket does not let ${ERROR_PAGE} be replaced.`,
    );
  }
}

/** Copies at the plain paths, for when the store of the site cannot be read: of its first release, the first page last. */
async function putPlain(
  store: ReturnType<typeof storing>,
  own: readonly Sending[],
  documents: readonly string[],
  build: SiteBuild,
): Promise<void> {
  const plain = own.map((file, at) => ({ ...file, key: documents[at] ?? '', cacheControl: CACHE.plain }));
  const isFirst = ({ name }: Sending) => name === 'index.html';
  await together(
    plain.filter((file) => !isFirst(file)),
    (file) => store.putPlain(file, build),
  );
  await together(plain.filter(isFirst), (file) => store.putPlain(file, build));
}

/** Which of some keys are there, and all that lies at plain paths, in one reading of the bucket that leaves out other releases. */
async function listed(
  bucket: Bucket,
  { release, isApart }: SiteBuild,
  keys: readonly string[],
): Promise<{ there: Map<string, StoredObject>; present: string[] }> {
  const wanted = new Set(keys);
  const there = new Map<string, StoredObject>();
  const present: string[] = [];
  const kept = [RELEASES, OWN_ASSETS];
  const read = async (prefix: string, after?: string): Promise<void> => {
    for await (const object of bucket.list(prefix, after)) {
      const skipped = prefix === '' ? kept.find((folder) => object.key.startsWith(folder)) : undefined;
      if (skipped !== undefined) return read('', `${skipped}\u{10ffff}`);
      if (wanted.has(object.key)) there.set(object.key, object);
      if (prefix === '') present.push(object.key);
    }
  };
  await read('');
  await read(folderOf(release));
  if (isApart) await read(`${OWN_ASSETS}${release}/`);
  return { there, present };
}

function storing(bucket: Bucket, folder: string) {
  /** True if what is there has other bytes, as far as that can be known. */
  const differs = async ({ key, bytes, md5, sha256 }: Sending, listed?: StoredObject): Promise<boolean> => {
    if (listed !== undefined && listed.bytes !== bytes) return true;
    if (listed?.etag === md5) return false;
    const stored = await patiently(() => bucket.sha256(key));
    if (stored !== undefined) return stored !== sha256;
    // Another tool stored it, without a hash of the whole: its MD5 is known, or nothing but its size.
    const object = listed ?? (await patiently(() => firstOf(bucket.list(key))));
    if (object === undefined || object.bytes !== bytes) return true;
    return object.etag !== md5 && /^[\da-f]{32}$/.test(object.etag);
  };
  const put = ({ name, md5: _, text, ...object }: Sending) =>
    patiently(async () =>
      bucket.put({
        ...object,
        body: text === undefined ? await bodyOf(folder, { name, bytes: object.bytes }) : Buffer.from(text),
      }),
    );
  return {
    async changed(files: readonly Sending[], there: ReadonlyMap<string, StoredObject>): Promise<string[]> {
      const found: string[] = [];
      await together(
        files.filter(({ key }) => there.has(key)),
        async (file) => {
          if (await differs(file, there.get(file.key))) found.push(file.key);
        },
      );
      return found.sort();
    },
    async put(file: Sending, build: SiteBuild): Promise<void> {
      try {
        await put(file);
      } catch (error) {
        if (!isThere(error)) throw error;
        // It came in between, or the answer to an earlier try was lost.
        if (!(await differs(file))) return;
        throw file.release === undefined ? changedFault([file.key], build) : takenFault([file.key], build);
      }
    },
    replace: (file: Sending) => put({ ...file, replaces: true }),
    /** What stands there is as good. */
    async putPlain(file: Sending, _build: SiteBuild): Promise<void> {
      await put(file).catch((error: unknown) => {
        if (!isThere(error)) throw error;
      });
    },
    async putList(key: string, list: SiteList, build: SiteBuild): Promise<void> {
      const body = new TextEncoder().encode(JSON.stringify(list));
      const sha256 = createHash('sha256').update(body).digest('base64');
      const object = { key, body, bytes: body.length, sha256, release: build.release };
      try {
        await patiently(() =>
          bucket.put({ ...object, contentType: 'application/json; charset=utf-8', cacheControl: 'no-store' }),
        );
      } catch (error) {
        if (!isThere(error)) throw error;
        if ((await patiently(() => bucket.sha256(key))) !== sha256) throw takenFault([key], build);
      }
    },
  };
}

async function firstOf<Item>(items: AsyncIterable<Item>): Promise<Item | undefined> {
  for await (const item of items) return item;
  return undefined;
}

const isThere = (error: unknown): boolean => error instanceof Error && error.name === 'PreconditionFailed';

const takenFault = (keys: readonly string[], { release }: SiteBuild): RolloutError =>
  new RolloutError(
    'ManifestInvalid',
    `The release ${release} was begun with other files already (${some(keys)}), and a release never changes; give this one another name with --release.`,
  );

/** Makes a call until it is answered; one that another upload was in the way of, as well. */
async function patiently<T>(call: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await call();
    } catch (error) {
      const isInWay =
        error instanceof Error && /^(?:ConditionalRequestConflict|OperationAborted)$/.test(error.name);
      if (tries === TRIES || !(isInWay || mayPass(error))) throw error;
      await sleep(PAUSE_MS * 2 ** (tries - 1));
    }
  }
}

/** Does something with each item, for some of them at the same time; after the first failure no more are begun. */
async function together<Item>(items: readonly Item[], act: (item: Item) => Promise<void>): Promise<void> {
  const waiting = items[Symbol.iterator]();
  let isFailed = false;
  const worker = async () => {
    for (const item of waiting) {
      if (isFailed) return;
      await act(item).catch((error: unknown) => {
        isFailed = true;
        throw error;
      });
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: PARALLEL }, worker));
  for (const each of ended) if (each.status === 'rejected') throw each.reason;
}
