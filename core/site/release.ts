import { RolloutError } from '../errors.ts';
import { number } from '../words.ts';
import { hashedAmong } from './hashed.ts';
import { fileNotices } from './notices.ts';
import { nameFault, requestPath } from './paths.ts';
import { PATTERNS_BYTES_MAX, patternsFor } from './patterns.ts';
import { REDIRECTS } from './redirects.ts';
import { OWN_ASSETS } from './served.ts';
import type { FolderFile, SiteBuild } from './types.ts';
import { some } from './words.ts';

/** Where the files of a release go. */
interface SiteRelease {
  /** Files that belong to this release alone. */
  documents: string[];
  /** Files that stand for the same bytes for ever, each with its key. */
  assets: { name: string; key: string }[];
  /** Files that nobody asks for: source maps, and what a dot hides. */
  left: string[];
  /** Documents besides pages, as patterns of paths. */
  releaseBound: string[];
  /** What whoever uploads should know. */
  notices: string[];
}

/** Largest object that one call of S3 stores (S3 user guide, "Uploading objects"). */
const FILE_BYTES_MAX = 5 * 1024 ** 3;

/**
 * Sorts the files of a folder into those of the release and those that releases share. `present` are the names that the bucket has at plain
 * paths: what looks like the hashed files among them is one too, and no pattern takes in a hashed file that an open page of another release may ask for.
 * @throws RolloutError ManifestInvalid with a line for each fault
 */
export function siteRelease(
  files: readonly FolderFile[],
  build: SiteBuild,
  present: readonly string[] = [],
): SiteRelease {
  const names = files.map(({ name }) => name);
  const left = names.filter(isLeft);
  const sent = names.filter((name) => !isLeft(name));
  const faults = [
    ...(sent.length === 0 ? ['The folder has no files; build the site first.'] : []),
    ...(sent.length > 0 && !sent.includes('index.html')
      ? [
          'There is no index.html in the folder itself, so the site would have no first page; name the folder that the build writes it to.',
        ]
      : []),
    ...sent.flatMap((name) => {
      const fault = nameFault(name);
      return fault === undefined ? [] : [`${JSON.stringify(name)} ${fault}; rename it.`];
    }),
    ...files
      .filter(({ name, bytes }) => bytes > FILE_BYTES_MAX && !isLeft(name))
      .map(
        ({ name, bytes }) =>
          `${name} has ${number(bytes)} bytes, and S3 stores at most ${number(FILE_BYTES_MAX)} in one call; serve it from a bucket of its own.`,
      ),
  ];
  if (faults.length > 0) throw new RolloutError('ManifestInvalid', faults.join('\n'));

  const hashed = hashedAmong([...new Set([...sent, ...present])]);
  const documents = sent.filter((name) => !hashed.has(name));
  const folder = build.isApart ? `${OWN_ASSETS}${build.release}/` : '';
  const assets = sent
    .filter((name) => (build.isApart ? !isPage(name) : hashed.has(name)))
    .map((name) => ({ name, key: `${folder}${name}` }));
  const releaseBound = patternsFor(
    documents.filter((name) => !isPage(name)).map(requestPath),
    [...assets.map(({ key }) => key), ...hashed].map(requestPath),
  );
  const bytes = new TextEncoder().encode(JSON.stringify(releaseBound)).length;
  if (bytes > PATTERNS_BYTES_MAX)
    throw new RolloutError(
      'ManifestInvalid',
      `${releaseBound.length} files have no hash in their names and lie among others that have, such as ${some(releaseBound)}: ` +
        `naming them takes ${bytes} bytes in the store of the site, and ${PATTERNS_BYTES_MAX} are there. Put them into a folder of their own.`,
    );
  return { documents, assets, left, releaseBound, notices: fileNotices(sent, left, documents, build.layout) };
}

/** The refusal of a release that would change a file which pages of other releases use. */
export function changedFault(keys: readonly string[], { release }: SiteBuild): RolloutError {
  return new RolloutError(
    'ManifestInvalid',
    `${keys.length === 1 ? 'A file has' : `${keys.length} files have`} the same name as in an earlier release, a hash included, and other bytes: ${some(keys)}. ` +
      'Bundlers do that if only what is not hashed changed, such as their version or a setting. The earlier release needs its file as it is, so nothing was changed. ' +
      `Build the site for a folder of its own, as with "vite build --base=/${OWN_ASSETS}${release}/", and upload it with --assets per-release --release ${release}.`,
  );
}

/** True for files that nobody asks for by their name. */
const isLeft = (name: string): boolean =>
  name.endsWith('.map') ||
  name === REDIRECTS ||
  name.split('/').some((part, at) => part.startsWith('.') && !(at === 0 && part === '.well-known'));

const isPage = (name: string): boolean => name.endsWith('.html');
