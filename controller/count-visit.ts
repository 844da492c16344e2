import { OTHERS } from '../core/plan/segments.ts';
import { countedAs, type LiveSite, reporterOf, reportFrom } from '../core/site/report.ts';
import { countedAmong, lineOf } from '../core/site/segment.ts';
import type { Needs } from './ports.ts';

/** What counting visits takes. */
export type CountsVisits = 'clock' | 'liveSites' | 'reportLimits' | 'visits';

/** A report as it came. */
interface Sent {
  /** The name of the site, and what proves that its distribution sends this. */
  site: string;
  key: string;
  cookies: Readonly<Record<string, string>>;
  /** By their names in small letters. */
  headers: Readonly<Record<string, string | undefined>>;
  /** The network that the browser is in, as CloudFront says; empty if it does not. */
  address: string;
  text: string;
}

/** Names of stores. */
const SITE = /^[\w-]{1,64}$/;

/** Counts what a page reports of its visitor, if it is a report of a site of ours and no flood; whoever sent it never learns whether it counted. */
export async function countVisit(
  { site, key, cookies, headers, address, text }: Sent,
  { clock, liveSites, reportLimits, visits }: Needs<CountsVisits>,
): Promise<void> {
  const report = reportFrom(text);
  if (report === undefined || report.isDriven || !SITE.test(site)) return;
  const live = await liveSites.find(site);
  if (live === undefined || !isSame(key, live.key)) return;
  const reporter = reporterOf(live, cookies);
  if (reporter === undefined) return;
  const received = { site, release: countedAs(report, live), report, visitor: reporter, address };
  const segment = segmentOf(live, cookies, headers);
  for (const { counts, ...of } of reportLimits.added(received, clock.now())) {
    visits.add(of.site, of.release, counts);
    const { Visits, FailedVisits } = counts;
    // A step inside a segment is judged by its visitors alone, and what follows while it has its own share by all others.
    if (segment !== undefined && live.releases.includes(of.release) && FailedVisits !== undefined)
      visits.add(of.site, countedAmong(of.release, segment), {
        ...(Visits === undefined ? {} : { Visits }),
        FailedVisits,
      });
  }
}

/** The segment that a visitor is in while segments have shares of their own; undefined if none has. */
function segmentOf(
  { segments }: LiveSite,
  cookies: Sent['cookies'],
  headers: Sent['headers'],
): string | undefined {
  if (segments.length === 0) return undefined;
  const shown = (by: 'h' | 'c', name: string) =>
    (by === 'h' ? headers[name] : Object.hasOwn(cookies, name) ? cookies[name] : undefined) ?? '';
  return lineOf(segments, shown)?.[4] ?? OTHERS;
}

/** Takes as long for every key of that length, so that nobody finds it letter by letter. */
function isSame(one: string, other: string): boolean {
  if (one.length !== other.length) return false;
  let difference = 0;
  for (let at = 0; at < one.length; at++) difference |= one.charCodeAt(at) ^ other.charCodeAt(at);
  return difference === 0;
}
