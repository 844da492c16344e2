// What the edge knows of paths too: it reads no newer language than CloudFront does.

/**
 * Nothing of a site is found under such a path, and some of it would leave the folder of its release: S3 reads `%5Freleases` as the
 * folder of releases. No browser encodes letters, digits, `-`, `.`, `_` or `~` (RFC 3986, section 2.3).
 */
export const ODD =
  /\/\.\.?(\/|$)|\/\/|\\|\/\.spillway|%(00|2[def]|3\d|4[1-9a-f]|5[\dacf]|6[1-9a-f]|7[\dae])|[^\x21-\x7e]/i;

/** The folder of hashed files that a release has for itself, by its id, if it was built for that. */
export const OWN_ASSETS = '_r/';

/** True if a path is one of a list of patterns: a path, or the beginning or the end of some, with a `*` for the rest. What a release has for itself under `/_r/` never is. */
export const isAmong = (path: string, patterns: readonly string[]): boolean =>
  !isApart(path) &&
  patterns.some((each) =>
    each.endsWith('*')
      ? path.startsWith(each.slice(0, -1))
      : each.startsWith('*')
        ? path.endsWith(each.slice(1))
        : path === each,
  );

/** True for what a release has for itself, in a folder of its own. */
export const isApart = (path: string): boolean => path.startsWith(`/${OWN_ASSETS}`);
