import { ODD, OWN_ASSETS } from './served.ts';

/** The folder of a release's pages and of what belongs to it, as the edge leads to it. */
export const RELEASES = '_releases/';

/** The folder of one release. */
export const folderOf = (release: string): string => `${RELEASES}${release}/`;

/** The list of a release's files, in its folder. */
export const LIST = '.spillway-files.json';

/** Longest key of an object, in bytes of UTF-8 (S3 user guide, "Naming Amazon S3 objects"). */
const KEY_BYTES_MAX = 1_024;

/** Room for the folder of a release, whose id has at most 64 characters. */
const FOLDER_BYTES = RELEASES.length + 64 + 1;

/** The path by which browsers ask for a file of a site (URL Standard, "path percent-encode set"). */
export const requestPath = (name: string): string =>
  `/${encodeURI(name.toWellFormed())
    .replace(/[?#]/g, encodeURIComponent)
    .replace(/%(5B|5D|7C)/gi, decodeURIComponent)}`;

/** Why nobody could get a file of this name; undefined if its name is good. */
export function nameFault(name: string): string | undefined {
  const kept = [RELEASES, OWN_ASSETS].find((folder) => name.startsWith(folder));
  if (kept !== undefined) return `lies under ${kept}, where releases are kept`;
  if (name === LIST) return 'has the name of the list that is uploaded with a release';
  if (!name.isWellFormed() || ODD.test(requestPath(name)))
    return 'has a name that is not served: no backslash, no control character, no `.`, `..` or empty part';
  const bytes = new TextEncoder().encode(name).length;
  if (bytes + FOLDER_BYTES <= KEY_BYTES_MAX) return undefined;
  return `has a name of ${bytes} bytes; ${KEY_BYTES_MAX - FOLDER_BYTES} are possible`;
}
