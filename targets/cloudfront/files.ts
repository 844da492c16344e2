import { createHash } from 'node:crypto';
import * as z from 'zod/mini';
import { isPassing, nameOf, patiently, reach } from '../../adapters/_aws.ts';
import type { S3Calls } from '../../adapters/s3-client.ts';
import type { Clock } from '../../core/ports.ts';
import { folderOf, LIST } from '../../core/site/paths.ts';
import { isAmong } from '../../core/site/served.ts';

/** Largest list of a release that is read: a hundred thousand paths. */
const LIST_BYTES_MAX = 10_000_000;

/** Files that are looked up side by side. */
const TOGETHER = 32;

/** Missing files that a refusal names. */
const NAMED_MAX = 3;

const paths = z.array(z.string().check(z.regex(/^[/*]/)));

const listSchema = z.object({
  schema: z.literal(1),
  release: z.string(),
  documents: paths,
  assets: paths,
  releaseBound: paths,
});

/** What a release is made of, as whoever uploaded it says. Paths begin with a slash. */
export type FileList = z.output<typeof listSchema>;

/** The list of a release, in its folder. */
export const listKeyOf = (release: string): string => `${folderOf(release)}${LIST}`;

/** True if S3 says that there is no such object. An answer to HEAD has no body that could name why. */
export function isAbsent(error: unknown): boolean {
  const { $metadata = {} } = error as { $metadata?: { httpStatusCode?: number } };
  return /^(NoSuchKey|NotFound)$/.test(nameOf(error)) || $metadata.httpStatusCode === 404;
}

interface Place {
  s3: S3Calls;
  clock: Clock;
  bucket: string;
}

/** The list of a release, or what is wrong with it. @throws RolloutError Unavailable, or the error of S3 */
export async function listOf(
  { s3, clock, bucket }: Place,
  release: string,
): Promise<FileList | { fault: string }> {
  const key = listKeyOf(release);
  const asked = `${bucket}/${key}`;
  let text: string;
  try {
    const { size, bytes } = await reach(asked, () =>
      patiently(asked, clock, () => s3.getObject({ bucket, key })),
    );
    if (size > LIST_BYTES_MAX)
      return { fault: `has ${size} bytes, and at most ${LIST_BYTES_MAX} are read; release fewer files` };
    text = new TextDecoder().decode(await reach(asked, bytes));
  } catch (error) {
    if (!isAbsent(error)) throw error;
    return { fault: 'is missing; upload the release again with `spillway release`' };
  }
  const list = listFrom(text);
  if (list === undefined) return { fault: 'is malformed; upload the release again with `spillway release`' };
  if (list.release !== release)
    return { fault: `is of release ${list.release}; upload the release again with \`spillway release\`` };
  if (!list.documents.includes('/index.html'))
    return { fault: 'names no /index.html, so the site would have no first page; build it again' };
  return list;
}

function listFrom(text: string): FileList | undefined {
  try {
    return listSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/**
 * Looks up every file of a release: a digest of all of them, or those that are missing. A few are asked for at once, and of each only
 * its place in the digest is kept. @throws RolloutError Unavailable, or the error of S3
 */
export async function lookedUp(
  { s3, clock, bucket }: Place,
  { release, documents, assets }: FileList,
): Promise<{ digest: string } | { missing: string }> {
  const hash = createHash('sha256');
  const all = [
    ...documents.map((path) => ({ path, key: `${folderOf(release)}${path.slice(1)}` })),
    // An asset has its content in its name.
    ...assets.map((path) => ({ path, key: path.slice(1) })),
  ];
  const missing: string[] = [];
  for (let at = 0; at < all.length && missing.length === 0; at += TOGETHER) {
    const found = await Promise.all(
      all.slice(at, at + TOGETHER).map(async ({ path, key }) => {
        try {
          const asked = `${bucket}/${key}`;
          const { etag } = await reach(asked, () =>
            patiently(asked, clock, () => twice(() => s3.headObject({ bucket, key }))),
          );
          return `${path} ${etag}\n`;
        } catch (error) {
          if (!isAbsent(error)) throw error;
          missing.push(key);
          return '';
        }
      }),
    );
    for (const each of found) hash.update(each);
  }
  if (missing.length === 0) return { digest: hash.digest('hex') };
  const named = missing.slice(0, NAMED_MAX).join(', ');
  return { missing: missing.length > NAMED_MAX ? `${named} and others` : named };
}

/** Among thousands of calls one may break off, and nobody should have to upload a release again for it. */
async function twice<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (!isPassing(error)) throw error;
    return call();
  }
}

/** A path that one release keeps for all and the other for itself, so that while both serve some of their visitors would miss it; undefined if there is none. */
export const contested = (one: FileList, other: FileList): string | undefined =>
  one.assets.find((path) => isAmong(path, other.releaseBound)) ??
  other.assets.find((path) => isAmong(path, one.releaseBound));
