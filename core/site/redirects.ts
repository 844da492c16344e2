import { inMarkup } from '../plain-text.ts';
import { nameFault } from './paths.ts';
import type { Layout } from './types.ts';

/** The file of a build that lists redirects, as Netlify and Cloudflare Pages read it. */
export const REDIRECTS = '_redirects';

/** The page of a build that answers for what is missing, whatever release somebody is led to. */
export const ERROR_PAGE = '404.html';

/** A path that leads elsewhere: the page in its place, which carries where to. */
export interface Redirect {
  /** The name of the page in the folder of the release. */
  name: string;
  to: string;
  status: number;
  /** What is shown if nothing makes a redirect of it. */
  body: string;
}

const STATUSES = [301, 302, 303, 307, 308];

/** Where a redirect may lead: a path of the site, or a whole address; browsers read `/\` as `//`, which is another site. */
const TARGET = /^(?:\/(?![/\\])|https?:\/\/[^\s/])[\x21-\x7e]*$/;

/** Longest address; metadata of an object takes 2 KB in all (S3 user guide, "User-defined object metadata"). */
const TARGET_MAX = 1_000;

/** The redirects of a build, and what is to be said of lines that are none here. A file of the build is served rather than a redirect from its path. */
export function redirectsFrom(
  text: string,
  names: ReadonlySet<string>,
  layout: Layout,
): { redirects: Redirect[]; notices: string[] } {
  const redirects = new Map<string, Redirect & { line: number }>();
  const notices: string[] = [];
  for (const [at, line] of text.split(/\r?\n/).entries()) {
    const [from = '', to = '', code = '301', ...more] = line
      .replace(/(^|\s)#.*$/, '')
      .trim()
      .split(/\s+/);
    if (from === '') continue;
    const status = Number(code.replace(/!$/, ''));
    // What the edge does by itself: one page for all routes, and a page for what is missing.
    if (from === '/*' && ((layout === 'spa' && status === 200) || status === 404)) continue;
    const page = pageNameOf(from, layout);
    const name = page === undefined || nameFault(page) !== undefined ? undefined : page;
    const fault =
      more.length > 0
        ? 'conditions are not understood'
        : !STATUSES.includes(status)
          ? `status ${code} is no redirect`
          : name === undefined
            ? layout === 'spa' && !/[*:]/.test(from)
              ? 'every route of this site is its first page, so redirect in the application'
              : 'only whole paths, without `*` or `:`, can be redirected'
            : !TARGET.test(to) || to.length > TARGET_MAX || /\/:|\*/.test(to.replace(/^https?:/, ''))
              ? 'it must lead to a path or an address, of ASCII characters and without `*` or `:`'
              : name === ERROR_PAGE
                ? 'it would lead on from every path that is missing, in all releases at once'
                : names.has(name)
                  ? `there is a page ${name}, which is served`
                  : undefined;
    if (fault !== undefined) notices.push(`${REDIRECTS}, line ${at + 1}: ${fault}; it is left out.`);
    // As elsewhere, the first line of a path counts.
    else if (name !== undefined && !redirects.has(name))
      redirects.set(name, { name, to, status, body: bodyOf(to), line: at + 1 });
  }
  const isEndless = (redirect: Redirect): boolean => {
    const met = new Set<Redirect>();
    let next: Redirect | undefined = redirect;
    while (next !== undefined && !met.has(next)) {
      met.add(next);
      const [path = ''] = next.to.split(/[?#]/);
      next = redirects.get(pageNameOf(path, layout) ?? '');
    }
    return next !== undefined;
  };
  const endless = [...redirects.values()].filter(isEndless);
  for (const { name, line } of endless) {
    redirects.delete(name);
    notices.push(`${REDIRECTS}, line ${line}: it leads back to itself, without end; it is left out.`);
  }
  return { redirects: [...redirects.values()].map(({ line: _, ...redirect }) => redirect), notices };
}

/** The page that the edge looks for at a path; undefined if no redirect can stand there. */
function pageNameOf(from: string, layout: Layout): string | undefined {
  if (!/^(?:\/[\w.~-]+)+\/?$/.test(from)) return undefined;
  const path = from.slice(1);
  if (path.endsWith('.html')) return path;
  if (path.split('/').at(-1)?.includes('.') || layout === 'spa') return undefined;
  if (path.endsWith('/')) return `${path}index.html`;
  return layout === 'dir' ? `${path}/index.html` : `${path}.html`;
}

/** A page that leads on by itself, for browsers that the edge does not redirect. */
const bodyOf = (to: string): string =>
  `<!doctype html><meta charset="utf-8"><title>Moved</title><meta name="robots" content="noindex"><meta http-equiv="refresh" content="0;url=${inMarkup(to)}"><a href="${inMarkup(to)}">${inMarkup(to)}</a>\n`;
