import { counted } from '../words.ts';
import { contentType } from './content.ts';
import type { Missing } from './missing.ts';
import { REDIRECTS } from './redirects.ts';
import type { Layout } from './types.ts';
import { some } from './words.ts';

const WORKER = /(?:^|\/)(?:sw|service-?worker|ngsw-worker|safety-worker|firebase-messaging-sw)\.m?js$/i;

/** What whoever uploads should know of the files of a release: which stay here, and which do less than they seem to. */
export function fileNotices(
  sent: readonly string[],
  left: readonly string[],
  documents: readonly string[],
  layout: Layout,
): string[] {
  const maps = left.filter((name) => name.endsWith('.map'));
  const worker = sent.find((name) => WORKER.test(name));
  const untyped = sent.filter(
    (name) => contentType(name) === undefined && name.split('/').at(-1)?.includes('.'),
  );
  const bare = documents.filter(
    (name) => !name.startsWith('.well-known/') && !name.split('/').at(-1)?.includes('.'),
  );
  const pages = documents.filter((name) => isPage(name) && !/(?:^|\/)(?:index|404|500)\.html$/.test(name));
  const folders = documents.filter((name) => name.endsWith('/index.html'));
  const alike = sameButCase(sent);
  const hidden = left.filter((name) => !name.endsWith('.map') && name !== REDIRECTS);
  return [
    ...(worker === undefined ? [] : [workerNotice(`${worker} is a service worker`)]),
    ...(maps.length === 0
      ? []
      : [
          `${counted(maps.length, 'source map')} stay here: they change under the same name, and no visitor needs them. Give them to your error tracker.`,
        ]),
    ...(hidden.length === 0
      ? []
      : [`${counted(hidden.length, 'file')} whose names begin with a dot stay here: ${some(hidden)}.`]),
    ...alike.map(
      ([one, other]) =>
        `${one} and ${other} differ only in case: a browser gets the one that it asks for, and some computers keep only one of them.`,
    ),
    ...(untyped.length === 0
      ? []
      : [
          `The extension of ${some(untyped)} is unknown; ${untyped.length === 1 ? 'it is' : 'they are'} served as application/octet-stream, which browsers download.`,
        ]),
    ...(bare.length === 0
      ? []
      : [`${some(bare)} cannot be reached: a path without a dot in its last part leads to a page.`]),
    ...(layout === 'dir' && pages.length > 0
      ? [
          `${some(pages)} can be reached only with .html at the end, since the edge of this site looks for /about/index.html; build the site so, or set its layout to "html".`,
        ]
      : []),
    ...(layout === 'html' && folders.length > 0
      ? [
          `${some(folders)} can be reached only with a slash at the end, since the edge of this site looks for /about.html; build the site so, or set its layout to "dir".`,
        ]
      : []),
  ];
}

const workerNotice = (what: string): string =>
  `${what}: it answers with its own release until the browser replaces it, so that neither weights nor a revert reach its visitors at once. Let it ask before it reloads a page, and do not use skipWaiting.`;

/** What to say of references before they are uploaded. */
export function referenceNotices(
  missing: Missing['others'],
  absolute: ReadonlyMap<string, string>,
  registersWorker: string | undefined,
): string[] {
  const [first] = absolute;
  return [
    ...(missing.length === 0
      ? []
      : [
          `${counted(missing.length, 'file')} that the site names ${missing.length === 1 ? 'is' : 'are'} not in the folder: ${some(missing.map(({ name, by }) => `/${name} (${by})`))}.`,
        ]),
    ...(first === undefined
      ? []
      : [
          `${absolute.size} address${absolute.size === 1 ? '' : 'es'} of the site itself ${absolute.size === 1 ? 'is' : 'are'} written with the host, such as ${first[0]} in ${first[1]}: a preview under another host would load them from here; paths like /assets/ work everywhere.`,
        ]),
    ...(registersWorker === undefined ? [] : [workerNotice(`${registersWorker} registers a service worker`)]),
  ];
}

function sameButCase(names: readonly string[]): [string, string][] {
  const seen = new Map<string, string>();
  return names.flatMap((name) => {
    const other = seen.get(name.toLowerCase());
    seen.set(name.toLowerCase(), name);
    return other === undefined ? [] : [[other, name] as [string, string]];
  });
}

const isPage = (name: string): boolean => name.endsWith('.html');
