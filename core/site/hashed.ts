/** Where bundlers put what has a hash in its name: Vite, Astro, Create React App, Next. */
const BUNDLED = /^(?:assets|_astro|static\/(?:js|css|media)|_next\/static\/(?:chunks|css|media))\//;

/** Folders whose files never change: SvelteKit's, and the one that Next names after a build. */
const IMMUTABLE = /^(?:_app\/immutable|_next\/static\/[\w-]{21})\//;

/** Pages, and what is asked for by a name that stays, whatever else the name looks like. */
const NEVER = /\.(?:html?|txt|xml|webmanifest)$/i;

/** Shortest hash that bundlers write. */
const HASH_MIN = 8;

/** A hash of Rollup may have hyphens in it: 8 characters of base64url before the extension. */
const WITH_HYPHENS = /[-.]([\w-]{8})\.[^-]*$/;

/**
 * The files whose name has a hash of their content in it, as bundlers write it, so that one name stands for the same bytes for
 * ever. What only might have one is taken for a hash in a bundler's folder, or beside surer ones of its length; everything else belongs
 * to its release, which is safe for any file.
 */
export function hashedAmong(names: readonly string[]): Set<string> {
  const lengths = new Map<string, Set<number>>();
  for (const name of names)
    for (const part of partsOf(name))
      if (isSurely(part, name)) {
        const folder = folderOf(name);
        lengths.set(folder, (lengths.get(folder) ?? new Set()).add(part.length));
      }
  return new Set(names.filter((name) => isHashed(name, lengths.get(folderOf(name)) ?? new Set())));
}

function isHashed(name: string, sure: ReadonlySet<number>): boolean {
  if (NEVER.test(name)) return false;
  if (IMMUTABLE.test(name)) return true;
  const hyphened = WITH_HYPHENS.exec(name)?.[1] ?? '';
  return [...partsOf(name), hyphened].some(
    (part) =>
      (part !== hyphened && isSurely(part, name)) ||
      (part.length >= HASH_MIN &&
        (sure.has(part.length) || (BUNDLED.test(name) && /[A-Z\d]/.test(part) && !isCounted(part)))),
  );
}

const folderOf = (name: string): string => name.slice(0, name.lastIndexOf('/') + 1);

/** The parts of a file's name, without its extension, that are long enough for a hash. */
const partsOf = (name: string): string[] =>
  name
    .slice(folderOf(name).length)
    .split(/[-.~]/)
    .slice(0, -1)
    .filter((part) => part.length >= HASH_MIN && /^\w+$/.test(part));

/** True for a part that is no word, date, size or number. */
function isSurely(part: string, name: string): boolean {
  // Angular and esbuild write 8 characters of base32.
  if (/^[A-Z2-7]{8}$/.test(part) && /\.(?:m?js|css)$/.test(name)) return true;
  return /\d/.test(part) && /[a-z]/i.test(part) && !isCounted(part);
}

/** True for a number, a size such as `1920x1080`, and a word with a number, such as `IMG20240101`. */
const isCounted = (part: string): boolean =>
  /^\d+$/.test(part) ||
  (!/^[\da-f]+$/.test(part) && /^(?:\d+x\d+|(?:[a-z]+|[A-Z]+|[A-Z][a-z]+)\d+|\d+[A-Za-z]+)$/.test(part));
