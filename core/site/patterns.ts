import { isAmong, isApart } from './served.ts';

/** Largest list of them, as JSON: the store of a site takes 1,024 bytes in all, and the rest of it needs its own. */
export const PATTERNS_BYTES_MAX = 600;

/**
 * The shortest list of patterns found that takes in every path of `own` and none of `others`: a folder in which all is own, an
 * extension that only own files have, and what is left by its whole path.
 */
export function patternsFor(own: readonly string[], others: readonly string[]): string[] {
  const shared = others.filter((path) => !isApart(path));
  const found: string[] = [];
  let left = [...own];
  const take = (pattern: string) => {
    found.push(pattern);
    left = left.filter((path) => !isAmong(path, [pattern]));
  };
  for (const folder of foldersOf(own)) {
    const pattern = `${folder}*`;
    const isFree = !shared.some((path) => path.startsWith(folder));
    if (isFree && left.filter((path) => path.startsWith(folder)).length > 1) take(pattern);
  }
  const counts = new Map<string, number>();
  for (const path of left) counts.set(endOf(path), (counts.get(endOf(path)) ?? 0) + 1);
  for (const [end, count] of [...counts].sort(([, a], [, b]) => b - a))
    if (end !== '' && count > 1 && !shared.some((path) => path.endsWith(end))) take(`*${end}`);
  return [...found, ...left].sort();
}

/** Folders of paths, the outer ones first, without the root. */
function foldersOf(paths: readonly string[]): string[] {
  const folders = new Set<string>();
  for (const path of paths)
    for (let at = path.indexOf('/', 1); at > 0; at = path.indexOf('/', at + 1))
      folders.add(path.slice(0, at + 1));
  return [...folders].sort((a, b) => a.length - b.length);
}

const endOf = (path: string): string => /\.[\w-]+$/.exec(path)?.[0] ?? '';
