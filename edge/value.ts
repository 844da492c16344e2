import type { SegmentLine } from '../core/site/segment.ts';

/**
 * What the store of a site holds under one key: a JSON object of at most 1,024 bytes (CloudFront quotas, "Maximum size of a value"), which is
 * written whole. Every request reads it, so that its names are short.
 */
export interface Value {
  /** The release that serves everybody whom nothing leads to the other: the name of its folder under `/_releases/`. */
  s: string;
  /** The release under way; absent if there is none. */
  c?: string;
  /** Visitors who get it, in hundredths of a percent. */
  w?: number;
  /** The salt of the rollout. */
  t?: string;
  /** Visitors with a weight of their own; the first line that a visitor is in counts. */
  g?: SegmentLine[];
  /** The key that signs what leads a tester to a release; absent if nothing does. */
  k?: string;
  /** Files besides pages that belong to their release, such as `/sw.js`, `/images/*` or `*.txt`. */
  d?: string[];
  /** Beginning of the paths that go to the origin `live` or, with the release under way, `candidate`. */
  a?: string;
  /** What a visitor is known by: `h:` and a header, or `c:` and a cookie, instead of the cookie of this product; `j` sets no cookie and takes the browser's TLS fingerprint. */
  i?: string;
}

/** The key of the store. */
export const KEY = 'spillway';

/** Names of folders of releases, as they stand in paths. */
const RELEASE = /^(?!\.\.?$)[\w.-]{1,64}$/;

/** True for the name of a release. */
export const isRelease = (name: unknown): name is string => typeof name === 'string' && RELEASE.test(name);

/** What was read of the store, if it is what was written there. */
export function valueFrom(read: unknown): Value | undefined {
  const value = read as Value | null | undefined;
  return typeof value === 'object' && value !== null && isRelease(value.s) ? value : undefined;
}
