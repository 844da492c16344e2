import type { Value } from './value.ts';

/** How a build names the file of a route `/about`: `/about/index.html`, `/about.html`, or `/index.html` for all. It is built into the code, since it must be known without the store. */
export type Layout = 'dir' | 'html' | 'spa';

/**
 * Nothing of a site is found under such a path, and some of it would leave the folder of its release: S3 reads `%5Freleases` as the
 * folder of releases. No browser encodes letters, digits, `-`, `.`, `_` or `~` (RFC 3986, section 2.3).
 */
const ODD =
  /\/\.\.?(\/|$)|\/\/|\\|\/\.spillway|%(00|2[def]|3\d|4[1-9a-f]|5[\dacf]|6[1-9a-f]|7[\dae])|[^\x21-\x7e]/i;

/** True for a path that no page links: one that tries to get out of its folder, or names the folder of a release. */
export const isOdd = (uri: string): boolean => ODD.test(uri) || uri.startsWith('/_releases/');

/** True for a path with parts that lead elsewhere, by which CloudFront finds another behavior than its beginning says. */
export const isIndirect = (uri: string): boolean => /\/(\.|%2e){1,2}(\/|$)/i.test(uri);

/** The page of a path, or the path itself if it is a file. What ends in a slash, or has no dot in its last part, is a page. */
export function pageOf(uri: string, layout: Layout): string {
  if (uri.startsWith('/.well-known/')) return uri;
  const last = uri.slice(uri.lastIndexOf('/') + 1);
  if (last === '') return layout === 'spa' ? '/index.html' : `${uri}index.html`;
  if (last.includes('.')) return uri;
  return layout === 'spa' ? '/index.html' : layout === 'html' ? `${uri}.html` : `${uri}/index.html`;
}

/**
 * True for what is another file in each release: pages, and what its upload named, by its path or with a `*` for all that begins or
 * ends so. Everything else has its content in its name, or its release under `/_r/`, and one place.
 */
export function isOfRelease(path: string, value: Value): boolean {
  if (path.startsWith('/_r/')) return false;
  if (path.endsWith('.html')) return true;
  const named = Array.isArray(value.d) ? value.d : [];
  for (let at = 0; at < named.length; at++) {
    const each = String(named[at]);
    const rest = each.length - 1;
    if (
      each.charAt(rest) === '*'
        ? path.startsWith(each.slice(0, rest))
        : each.charAt(0) === '*'
          ? path.endsWith(each.slice(1))
          : path === each
    )
      return true;
  }
  return false;
}
