import { RolloutError } from '../core/errors.ts';
import type { Clock, LiveSites } from '../core/ports.ts';
import { OWNER_KEY } from '../core/site/owner.ts';
import type { LiveSite } from '../core/site/report.ts';
import type { SegmentLine } from '../core/site/segment.ts';
import type { Instant } from '../core/units.ts';
import { isPassing, nameOf, unavailable } from './_aws.ts';

/** The reads of CloudFront's KeyValueStore that this takes. */
interface Stores {
  /** @throws an error `EntityNotFound` if there is none of this name */
  find(name: string): Promise<string>;
  /** @throws an error `ResourceNotFoundException` if nothing stands under the key */
  get(arn: string, key: string): Promise<string>;
}

/** How long what was read of a site is good: a release that began or ended meanwhile is unknown for so long. */
const KEPT_MS = 10_000;

/** Names come from outside, and each one that is no site's known so far is a call, of which reverts need some as well: so many are looked up in a window, and what is none is known as such for a while. */
const LOOKUPS_MAX = 10;
const MISSED_MS = 60_000;

/** What a store that is read may say. */
const ABSENT = /^(?:EntityNotFound|ResourceNotFoundException|NoSuchResource)$/;

/** Sites by the stores that the edge reads, each read at most once in some seconds however many reports come. */
export function liveSites(stores: Stores, clock: Clock): LiveSites {
  const kept = new Map<string, { until: Instant; site: Promise<LiveSite | undefined> }>();
  const arns = new Map<string, string>();
  let lookups = { until: Number.NEGATIVE_INFINITY, count: 0 };
  const isLookedUp = (now: Instant): boolean => {
    if (lookups.until <= now) lookups = { until: now + KEPT_MS, count: 0 };
    lookups.count += 1;
    return lookups.count <= LOOKUPS_MAX;
  };
  const read = async (name: string): Promise<LiveSite | undefined> => {
    try {
      const arn = arns.get(name) ?? (await stores.find(name));
      arns.set(name, arn);
      const [owner, value] = await Promise.all([stores.get(arn, OWNER_KEY), stores.get(arn, 'spillway')]);
      return siteFrom(owner, value);
    } catch (error) {
      if (ABSENT.test(nameOf(error))) {
        // A store that is made again has another ARN.
        arns.delete(name);
        return undefined;
      }
      if (!RolloutError.is(error) && isPassing(error))
        throw unavailable(`The store ${name} could not be read just now (${nameOf(error)}).`, error);
      throw error;
    }
  };
  return {
    async find(name) {
      const now = clock.now();
      const known = kept.get(name);
      if (known !== undefined && known.until > now) return known.site;
      for (const [each, { until }] of kept) if (until <= now) kept.delete(each);
      if (!arns.has(name) && !isLookedUp(now)) return undefined;
      const site = read(name);
      const entry = { until: now + KEPT_MS, site };
      kept.set(name, entry);
      site.then(
        () => {
          if (!arns.has(name)) entry.until = now + MISSED_MS;
        },
        // What failed is not asked for again at once either: it may be what fails under the flood.
        () => undefined,
      );
      return site;
    },
  };
}

/** What both keys say together; undefined if the owner has set no key for reports, or the edge would not take what stands there. */
function siteFrom(owner: string, value: string): LiveSite | undefined {
  const { beacon: key } = objectFrom(owner);
  const { s, c, i, g } = objectFrom(value);
  if (typeof key !== 'string' || key.length < KEY_MIN || typeof s !== 'string') return undefined;
  return {
    key,
    releases: [s, ...(typeof c === 'string' && c !== '' ? [c] : [])],
    knownBy: typeof i === 'string' ? i : '',
    segments: Array.isArray(g) ? (g as SegmentLine[]) : [],
  };
}

/** Shortest key that is one. */
const KEY_MIN = 16;

function objectFrom(text: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}
