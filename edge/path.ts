import { isAmong, isApart, ODD } from '../core/site/served.ts';
import type { Value } from './value.ts';

/** How a build names the file of a route `/about`: `/about/index.html`, `/about.html`, or `/index.html` for all. It is built into the code, since it must be known without the store. */
export type Layout = 'dir' | 'html' | 'spa';

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
export const isOfRelease = (path: string, value: Value): boolean =>
  (path.endsWith('.html') && !isApart(path)) ||
  isAmong(path, Array.isArray(value.d) ? value.d.map(String) : []);
