/** One file that another one names. */
interface Reference {
  /** Its name in the folder of the site. */
  name: string;
  /** True for a script or a style sheet: without it a page does not work. */
  isVital: boolean;
}

/** What a file names. */
export interface References {
  own: Reference[];
  /** Addresses of scripts, styles and images with the site's own host in them: they lead to the site wherever the page is shown. */
  absolute: string[];
  /** The service worker that it registers, if it does. */
  hasWorker: boolean;
}

/** Files that are looked into. */
export const isRead = (name: string): boolean => /\.(?:html?|css|m?js|json)$/i.test(name);

// Every repetition has an end, so that no text takes long.
const TAG =
  /<(script|link|img|source|video|audio|iframe|track|embed|use|image)\b((?:"[^"]{0,2000}"|'[^']{0,2000}'|[^<>"']){0,4000})>/gi;
const ATTRIBUTE = /([\w-]+)\s{0,9}=\s{0,9}(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))/g;
const CSS =
  /url\(\s{0,9}(?:"([^"]{0,2000})"|'([^']{0,2000})'|([^\s"')]{1,2000}))\s{0,9}\)|@import\s{1,9}(?:"([^"]{0,2000})"|'([^']{0,2000})')/gi;
/** What Vite's own code loads beside a chunk, by its name from the root of the site. */
const MAP_DEPS = /__vite__mapDeps\b[^[\]]{0,200}\[([^[\]]{0,100000})\]/g;
const QUOTED = /["'`]([^"'`\n]{1,500})["'`]/g;
/** Modules by a path, as bundles name them. */
const MODULE =
  /\b(?:import\s{0,9}\(\s{0,9}|from\s{0,9}|import\s{0,9})(?:"(\.{0,2}\/[^"\n]{1,500}\.m?js)"|'(\.{0,2}\/[^'\n]{1,500}\.m?js)'|`(\.{0,2}\/[^`\n$]{1,500}\.m?js)`)/g;
const BESIDE =
  /\bnew URL\(\s{0,9}["'`](\.{0,2}\/?[\w./-]{1,500}\.\w{1,20})["'`]\s{0,9},\s{0,9}import\.meta\.url\s{0,9}\)/g;
const IN_LIST = /"(\/?[\w@./-]{1,500}\.\w{1,20})"(?!\s{0,9}:)/g;

/** What a page, style sheet, script or list of a build names of its own site, whose address is `home`. */
export function referencesIn(name: string, text: string, home?: string): References {
  const found: References = {
    own: [],
    absolute: [],
    hasWorker: /serviceWorker\s*\.\s*register\s*\(/.test(text),
  };
  const add = (href: string, isVital: boolean, base = name) => {
    const isOfHome = home !== undefined && /^(?:https?:)?\/\//.test(href) && hostOf(href) === hostOf(home);
    if (isOfHome) found.absolute.push(href);
    const target = targetOf(isOfHome ? href.replace(/^(?:https?:)?\/\/[^/?#]*/, '') || '/' : href, base);
    if (target !== undefined) found.own.push({ name: target, isVital });
  };
  if (/\.html?$/i.test(name)) inHtml(text, add);
  else if (/\.css$/i.test(name)) inCss(text, (href) => add(href, /\.css(?:$|[?#])/i.test(href)));
  else if (/\.m?js$/i.test(name)) inScript(text, add);
  else if (/(?:^|\/)(?:asset-manifest|ngsw)\.json$/.test(name)) inManifest(text, add);
  return found;
}

type Add = (href: string, isVital: boolean, base?: string) => void;

function inHtml(text: string, add: Add): void {
  const base = /<base\b[^>]{0,500}\bhref\s*=\s*["']?([^"'\s>]+)/i.exec(text)?.[1];
  const from = base?.startsWith('/') ? `${base.slice(1)}x` : undefined;
  // What stands in a comment is not asked for.
  const shown = apart(text, '<!--', '-->').outside;
  for (const [, tag = '', attributes = ''] of shown.matchAll(TAG)) {
    const has: Record<string, string> = {};
    for (const [, key = '', ...values] of attributes.matchAll(ATTRIBUTE))
      has[key.toLowerCase()] ??= values.find((value) => value !== undefined) ?? '';
    const { rel = '', src, href } = has;
    if (tag.toLowerCase() === 'link') {
      const isOfPage = /\b(?:stylesheet|modulepreload)\b/i.test(rel);
      const isLoaded = isOfPage || /\b(?:icon|manifest|preload|prefetch|apple-touch-icon)\b/i.test(rel);
      if (href !== undefined && isLoaded) add(href, isOfPage, from);
    } else if (src !== undefined) add(src, tag.toLowerCase() === 'script', from);
  }
  for (const style of apart(shown, '<style', '</style').inside)
    inCss(style, (href) => add(href, false, from));
  for (const code of apart(shown, '<script', '</script').inside)
    inModules(code, (path) => add(path, true, from));
}

function inCss(text: string, add: (href: string) => void): void {
  for (const [, ...hrefs] of apart(text, '/*', '*/').outside.matchAll(CSS))
    add(hrefs.find((href) => href !== undefined) ?? '');
}

function inScript(text: string, add: Add): void {
  for (const [, list = ''] of text.matchAll(MAP_DEPS))
    for (const [, path = ''] of list.matchAll(QUOTED)) add(path, true, path.startsWith('.') ? undefined : '');
  inModules(text, (path) => add(path, true));
  for (const [, path = ''] of text.matchAll(BESIDE)) add(path, false);
}

function inModules(code: string, add: (path: string) => void): void {
  for (const [, ...paths] of code.matchAll(MODULE)) add(paths.find((path) => path !== undefined) ?? '');
}

/** A text without what stands between two marks, and what stands there. */
function apart(text: string, open: string, close: string): { outside: string; inside: string[] } {
  const low = text.toLowerCase();
  const found = { outside: '', inside: [] as string[] };
  for (let from = 0; ; ) {
    const at = low.indexOf(open, from);
    const end = at < 0 ? -1 : low.indexOf(close, at + open.length);
    if (end < 0) return { ...found, outside: found.outside + text.slice(from) };
    found.outside += text.slice(from, at);
    found.inside.push(text.slice(at + open.length, end));
    from = end + close.length;
  }
}

/** The lists of Create React App and Angular: every path in them that has an extension. */
function inManifest(text: string, add: Add): void {
  for (const [, path = ''] of text.matchAll(IN_LIST)) add(path, false, '');
}

/** The name of what a path leads to from a file; undefined if it leads elsewhere, or to a page of the site. */
function targetOf(href: string, base: string): string | undefined {
  const path = href.trim().replace(/[?#].*$/s, '');
  if (path === '' || /^(?:[a-z][a-z\d+.-]*:|\/\/)/i.test(path) || /[${}]/.test(path)) return undefined;
  const folder = path.startsWith('/') ? [] : base.split('/').slice(0, -1);
  const parts = [...folder];
  for (const part of path.split('/'))
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  const name = decoded(parts.join('/'));
  return name?.split('/').at(-1)?.includes('.') ? name : undefined;
}

function decoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

const hostOf = (address: string): string =>
  (/^(?:https?:)?\/\/([^/?#]*)/i.exec(address)?.[1] ?? '').toLowerCase();
