import { isMap, own } from '../config/plain.ts';
import { hashedAmong } from './hashed.ts';
import { folderOf, LIST, RELEASES } from './paths.ts';
import { OWN_ASSETS } from './served.ts';
import type { SiteList } from './types.ts';

/** An object of a site's bucket. */
interface Kept {
  key: string;
  /** Milliseconds since 1970. */
  at: number;
}

/** The releases whose folders a bucket has, the newest first: by when their list was stored, or of one that was never finished its newest file. */
export function releasesIn(objects: readonly Kept[]): { release: string; at: number; isListed: boolean }[] {
  const found = new Map<string, { release: string; at: number; isListed: boolean }>();
  for (const { key, at } of objects) {
    if (!key.startsWith(RELEASES)) continue;
    const [release = ''] = key.slice(RELEASES.length).split('/');
    const before = found.get(release) ?? { release, at: 0, isListed: false };
    const isList = key === `${folderOf(release)}${LIST}`;
    if (isList) found.set(release, { release, at, isListed: true });
    else if (!before.isListed) found.set(release, { ...before, at: Math.max(before.at, at) });
  }
  return [...found.values()].sort((a, b) => b.at - a.at || (a.release < b.release ? 1 : -1));
}

/** True for what lies in folders of releases. */
const isKept = (key: string): boolean => key.startsWith(RELEASES) || key.startsWith(OWN_ASSETS);

/** The list of a release, as it was read; undefined if it is none of it. */
export function listOfRelease(text: string, release: string): SiteList | undefined {
  try {
    const list: unknown = JSON.parse(text);
    const isOf = isMap(list) && own(list, 'release') === release;
    const arrays = ['documents', 'assets'].map((field) => own(list, field));
    return isOf && arrays.every(Array.isArray) ? (list as unknown as SiteList) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The objects of a site's bucket that may go with some releases: their folders, and of the files that all releases share those that
 * they name and no kept one does. What no list names is somebody else's, and stays, as does all that is young: an upload may be under way.
 * @param kept lists of all releases that stay
 * @param gone of each release that goes its list; undefined of one that was never finished
 * @param before milliseconds since 1970; what is younger stays
 * @returns the keys, the list of each release after everything that it names
 */
export function removable(
  objects: readonly Kept[],
  kept: readonly SiteList[],
  gone: readonly { release: string; list: SiteList | undefined }[],
  before: number,
): string[] {
  // Without a list nothing is known to be of use.
  if (kept.length === 0) return [];
  const needed = new Set(kept.flatMap(({ assets, documents }) => [...assets, ...documents]));
  // A list says what whoever uploads may write, and they may remove nothing: it counts for hashed files at plain paths.
  const hashed = hashedAmong(objects.map(({ key }) => key).filter((key) => !isKept(key)));
  const named = new Set(gone.flatMap(({ list }) => list?.assets ?? []));
  const folders = gone.flatMap(({ release }) => [folderOf(release), `${OWN_ASSETS}${release}/`]);
  const isList = (key: string) => key.startsWith(RELEASES) && key.endsWith(`/${LIST}`);
  return objects
    .filter(
      ({ key, at }) =>
        at < before &&
        !needed.has(`/${key}`) &&
        ((named.has(`/${key}`) && hashed.has(key)) || folders.some((folder) => key.startsWith(folder))),
    )
    .map(({ key }) => key)
    .sort((a, b) => Number(isList(a)) - Number(isList(b)));
}
