import { folderOf } from './paths.ts';
import type { SiteList } from './types.ts';

/** An object of a site's bucket. */
interface Kept {
  key: string;
  /** Milliseconds since 1970. */
  at: number;
}

/**
 * The objects of a site's bucket that may go: those that no kept release has. What was uploaded lately stays as well, since an
 * upload may be under way.
 * @param lists of the releases that serve, that a revert or a rollback may need, or that an open page may still be of
 * @param before milliseconds since 1970; what is younger stays
 */
export function removable(objects: readonly Kept[], lists: readonly SiteList[], before: number): string[] {
  // Without a list nothing is known to be of use, and nothing known to be of none.
  if (lists.length === 0) return [];
  const folders = lists.map(({ release }) => folderOf(release));
  const assets = new Set(lists.flatMap((list) => list.assets));
  // The copies at plain paths are what serves if the store cannot be read.
  const plain = new Set(lists.flatMap((list) => list.documents));
  return objects
    .filter(
      ({ key, at }) =>
        at < before &&
        !folders.some((folder) => key.startsWith(folder)) &&
        !assets.has(`/${key}`) &&
        !plain.has(`/${key}`),
    )
    .map(({ key }) => key);
}
