import type { Seen } from '../../adapters/fenced-router.ts';
import type { Plan, Step } from '../../core/plan/plan.ts';
import { sharesAt } from '../../core/plan/segments.ts';
import { tokenFrom, tokenText } from '../../core/rollout/fencing-token.ts';
import type { Routing } from '../../core/rollout/raise-plan.ts';
import type { SegmentLine } from '../../core/site/segment.ts';
import type { Target } from '../../core/target.ts';
import type { Percent } from '../../core/units.ts';

/** The key that the edge reads. */
export const VALUE_KEY = 'spillway';

/** Largest value of a key, in bytes (CloudFront quotas, "Maximum size of a value"). */
export const VALUE_BYTES_MAX = 1_024;

/** Names of releases as the edge takes them, none of which leads out of its folder. */
const RELEASE = /^(?!\.\.?$)[\w.-]{1,64}$/;

/**
 * What the edge reads (`edge/value.ts`), as far as a rollout writes it, and `f`, the fencing token. What else stands there is its owner's,
 * and is written back as it was read.
 */
export interface Stored {
  /** The release that serves, and the one under way. */
  s: string;
  c?: string;
  /** Its share, in hundredths of a percent, and the salt that visitors are drawn by. */
  w?: number;
  t?: string;
  /** Files besides pages that belong to their release. */
  d?: string[];
  f?: string;
  k?: unknown;
  g?: unknown;
}

/** What a text says, if the edge would take it. */
export function storedFrom(text: string): Stored | undefined {
  try {
    const value = JSON.parse(text) as Partial<Stored> | null;
    const isGood = typeof value === 'object' && value !== null && RELEASE.test(String(value.s));
    return isGood && typeof value.s === 'string' ? (value as Stored) : undefined;
  } catch {
    return undefined;
  }
}

/** Whom the value leads where, at a version of its store. */
export function seenFrom(stored: Stored, revision: string): Seen {
  const { s, c, w, f } = stored;
  const share = typeof w === 'number' ? roundOf(w / 100) : 0;
  const isShared = typeof c === 'string' && c !== '' && c !== s && share > 0;
  return {
    ...{ primary: s, weights: isShared ? { [c]: share } : {}, revision, rest: stored },
    token: tokenFrom(typeof f === 'string' ? f : undefined),
  };
}

/** Without what floating point adds, and with every part of a percent. */
const roundOf = (share: number): Percent => Math.round(share * 1e10) / 1e10;

/**
 * The value with this routing. While the token is open, the release under way is named also without a share, so that smoke tests reach it
 * before anybody does; with it go its salt and the files of both releases. `own` of the target is what its owner wants to stand there.
 */
export function valueWith(stored: Stored, { primary, weights, token }: Routing, target: ToWrite): string {
  const { s: _, c: __, w: ___, t, d, f: ____, g: _____, ...others } = stored;
  const [shared] = Object.entries(weights);
  const own = JSON.parse(target.ref.own ?? '{}') as { a?: string };
  const isOurs = primary === target.stable && token.open && target.canary !== '';
  // The edge leads calls of functions to the release under way: also once it serves, until theirs are those that serve.
  const isServing = primary === target.canary && token.open && own.a !== undefined;
  const [canary, share] = shared ?? (isOurs ? [target.canary, 0] : isServing ? [primary, 100] : []);
  const salt = canary === target.canary ? saltOf(token.rolloutId, target.canary) : t;
  const lines = canary === target.canary && primary === target.stable ? linesAt(target.ref, share ?? 0) : [];
  const files = filesOf(target.ref, canary === undefined ? [primary] : [primary, canary]) ?? d;
  const whole = (text: string) =>
    sized(token.open, {
      s: primary,
      ...(canary === undefined
        ? {}
        : { c: canary, w: roundOf((share ?? 0) * 100), ...(salt && { t: salt }) }),
      ...(lines.length === 0 ? {} : { g: lines }),
      ...(files === undefined || files.length === 0 ? {} : { d: files }),
      ...{ ...others, ...own },
      f: text,
    });
  const text = whole(tokenText(token));
  // Who aborted can be read in the journal too; that it was aborted may only stand here.
  return bytesOf(text) > VALUE_BYTES_MAX ? whole(tokenText({ ...token, by: undefined })) : text;
}

/** What a target keeps of the segments of its plan. */
export const segmentsRef = ({ steps, segments }: SegmentsOf): Record<string, string> =>
  segments === undefined ? {} : { segments: JSON.stringify({ steps: steps.map(placeOf), segments }) };

type SegmentsOf = Pick<Plan, 'steps' | 'segments'>;

const placeOf = ({ weight, within }: Step) => (within === undefined ? { weight } : { weight, within });

/** The segments with shares of their own at a weight, as the edge reads them. */
function linesAt({ segments: text }: Target['ref'], weight: Percent): SegmentLine[] {
  if (text === undefined) return [];
  const { steps, segments = [] } = JSON.parse(text) as SegmentsOf;
  return sharesAt(steps, segments, weight).map(
    ({ by, of, values, weight: share, name }): SegmentLine => [
      by,
      of,
      [...values],
      roundOf(share * 100),
      name,
    ],
  );
}

/** An even number of bytes under an open token and an odd one under a closed one: a value that was read late shows by the size of its store that the fence was closed since. */
function sized(isOpen: boolean, value: object): string {
  const text = JSON.stringify(value);
  return bytesOf(text) % 2 === (isOpen ? 0 : 1) ? text : `${text} `;
}

type ToWrite = Pick<Target, 'stable' | 'canary' | 'ref'>;

/** Bytes of a text as stores count them. */
export const bytesOf = (text: string): number => new TextEncoder().encode(text).length;

/** The same for each try of a release, so that it is seen by the same visitors, and for each site of a service. */
const saltOf = (rolloutId: string, release: string) => `${rolloutId.split('--')[0]}.${release}`;

/** Under which a target keeps the files of a release that belong to it. */
const filesKey = (release: string) => `files of ${release}`;

/** What a target keeps of the files of releases. */
export const filesRef = (files: Record<string, readonly string[]>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(files).map(([release, each]) => [filesKey(release), JSON.stringify(each)]),
  );

/** The files of all these releases; undefined if those of one are not known. */
function filesOf(ref: Target['ref'], releases: readonly string[]): string[] | undefined {
  const known = releases.map((release) => ref[filesKey(release)]);
  if (known.some((each) => each === undefined)) return undefined;
  return [...new Set(known.flatMap((each = '[]') => JSON.parse(each) as string[]))].sort();
}
