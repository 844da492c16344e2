/** Cohorts are counted in hundredths of a percent: a weight of 10,000 is everybody. */
export const COHORT_MAX = 10_000;

/** 2^32 / 10,000: a hash of 32 bits as hundredths of a percent. */
const HASHES_EACH = 429_496.7296;

/**
 * The place of a visitor among all of them in one rollout: the same each time, spread evenly, and independent of other salts. Who is
 * below a weight is below every larger one.
 *
 * FNV-1a (draft-eastlake-fnv, 32 bits) with the salt first, then the finalizer of MurmurHash3: without both, rollouts whose salts are alike
 * pick nearly the same visitors. It runs in the edge as well, so it uses nothing that CloudFront Functions do not have.
 * @param salt of the rollout, ASCII
 * @param id of the visitor, as `visitorId` makes it
 * @returns at least 0 and below 10,000
 */
export function cohortOf(salt: string, id: string): number {
  const text = `${salt}.${id}`;
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ Number(text.codePointAt(at)), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / HASHES_EACH;
}

/** Longest id that is looked at: a hash of a longer one costs time at the edge and tells no more. */
const ID_MAX = 64;

/** Most of what was given that is looked at: replacing takes CloudFront Functions time that grows with the square of the length. */
const GIVEN_MAX = 256;

/** An id as every place of the product hashes it: the letters, digits, `_` and `-` of what was given; empty if there is none of them. */
export const visitorId = (given: string): string =>
  given
    .slice(0, GIVEN_MAX)
    .replace(/[^\w-]/g, '')
    .slice(0, ID_MAX);
