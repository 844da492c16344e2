import { own } from '../config/plain.ts';
import type { Instant } from '../units.ts';
import type { SegmentLine } from './segment.ts';

/** What a page reports of one visitor, in a window that its browser counts. */
export interface VisitReport {
  /** The release of the page, as it says. */
  release: string;
  /** True once for each visitor and window. */
  isVisit: boolean;
  /** True at most once for each visitor and window. */
  isFailed: boolean;
  /** True if a program drives the browser. */
  isDriven: boolean;
  vitals: Vitals;
}

/** Web vitals, roughly as a browser shows them to the page itself: milliseconds, and a score of shifts. */
type Vitals = { [Name in 'LCP' | 'CLS' | 'INP']?: number };

/** Largest report that is read. */
const REPORT_BYTES_MAX = 512;

const RELEASE = /^[\w.-]{1,64}$/;

/** The largest values that are believed: ten minutes, and a page that shifts a hundred times over. */
const [MS_MAX, SHIFT_MAX] = [600_000, 100_000];

const FIELDS = new Set(['r', 'n', 'f', 'w', 'l', 'c', 'i']);

/** What the text of a report says; undefined if it is none, which is all that anybody learns of it. */
export function reportFrom(text: string): VisitReport | undefined {
  if (text.length > REPORT_BYTES_MAX) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const [release, n, f, w, l, c, i] = [...FIELDS].map((field) => own(value, field));
  const isFlag = (flag: unknown) => flag === 0 || flag === 1;
  const isUpTo = (most: number, number: unknown) =>
    number === undefined || (Number.isInteger(number) && Number(number) >= 0 && Number(number) <= most);
  if (Object.keys(value).some((field) => !FIELDS.has(field))) return undefined;
  if (typeof release !== 'string' || !RELEASE.test(release)) return undefined;
  if (!isFlag(n) || !isFlag(f) || !(w === undefined || isFlag(w))) return undefined;
  if (!isUpTo(MS_MAX, l) || !isUpTo(SHIFT_MAX, c) || !isUpTo(MS_MAX, i)) return undefined;
  return {
    ...{ release, isVisit: n === 1, isFailed: f === 1, isDriven: w === 1 },
    vitals: {
      ...(l === undefined ? {} : { LCP: Number(l) }),
      ...(c === undefined ? {} : { CLS: Number(c) / 1_000 }),
      ...(i === undefined ? {} : { INP: Number(i) }),
    },
  };
}

/** What a site says of itself, as far as reports are judged by it. */
export interface LiveSite {
  /** Known to the site's distribution alone, which sends it with each report. */
  key: string;
  /** The releases that are served. */
  releases: readonly string[];
  /** What its visitors are known by, as the edge reads it. */
  knownBy: string;
  /** Those with shares of their own, as the edge reads them. */
  segments: readonly SegmentLine[];
}

/** All releases that do not serve are counted as one, so that no report can open a metric of its own; with it, what was turned away. */
const UNKNOWN_RELEASE = 'unknown';

/** By which metrics a report is counted. */
export const countedAs = ({ release }: VisitReport, { releases }: Pick<LiveSite, 'releases'>): string =>
  releases.includes(release) ? release : UNKNOWN_RELEASE;

/** Who sent a report, by the id that the edge gave out; undefined if a browser that keeps cookies would have sent one. A site whose visitors are known by a header or a fingerprint gives out none. */
export function reporterOf(
  { knownBy }: Pick<LiveSite, 'knownBy'>,
  cookies: Readonly<Record<string, string>>,
): string | undefined {
  if (knownBy === 'j' || knownBy.startsWith('h:')) return '';
  const name = knownBy.startsWith('c:') ? knownBy.slice(2) : '__Host-spillway';
  const id = Object.hasOwn(cookies, name) ? cookies[name] : undefined;
  return id === undefined || id === '' ? undefined : id.slice(0, 64);
}

/**
 * Whom a report counts against, by the address and port that CloudFront says (`CloudFront-Viewer-Address`): an IPv4 address, or the /64 of an
 * IPv6 address, since whoever has one of its addresses has all of them. Empty if it says none.
 */
export function networkOf(viewer: string): string {
  const address = viewer
    .replace(/:\d+$/, '')
    .replace(/^\[|\]$/g, '')
    .toLowerCase();
  if (!address.includes(':')) return address;
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const [head = '', tail] = (dotted === null ? address : `${dotted[1]}${hexOf(dotted)}`).split('::');
  const partsOf = (text: string) => (text === '' ? [] : text.split(':'));
  const [before, after] = [partsOf(head), partsOf(tail ?? '')];
  const left = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length);
  const groups = [...before, ...Array<string>(left).fill('0'), ...after].map(
    (group) => group.replace(/^0+/, '') || '0',
  );
  const isMapped = groups.length === 8 && groups.slice(0, 6).join(':') === MAPPED;
  return isMapped ? bytesOf(groups.slice(6)).join('.') : groups.slice(0, 4).join(':');
}

/** IPv4 addresses as IPv6 has them (RFC 4291, 2.5.5.2). */
const MAPPED = '0:0:0:0:0:ffff';

/** The last two groups of an address that ends like one of IPv4. */
const hexOf = ([, , a, b, c, d]: readonly string[]): string =>
  [Number(a) * 256 + Number(b), Number(c) * 256 + Number(d)].map((group) => group.toString(16)).join(':');

const bytesOf = (groups: readonly string[]): number[] =>
  groups.map((group) => Number.parseInt(group, 16)).flatMap((group) => [group >> 8, group & 255]);

/** Reports of a site that one instance of a function counts in one window, and those of one address: what a flood may cost, at most. */
const REPORTS_MAX = 5_000;
const FROM_ADDRESS_MAX = 100;
const WINDOW_MS = 60_000;

/** Between two lines about reports that were turned away: a flood of them is not to become a flood of lines. */
const DROPS_EVERY_MS = 5_000;

/** A report of a site, for a release as it is counted, of somebody somewhere; what is empty is unknown. */
interface Received {
  site: string;
  release: string;
  report: VisitReport;
  visitor: string;
  address: string;
}

/** What is added to the metrics of a release of a site. */
interface Added {
  site: string;
  release: string;
  counts: Record<string, number>;
}

/** What an instance of a function remembers of the reports that it took. */
export interface ReportLimits {
  /** What a report adds now, or what was turned away before. */
  added(received: Received, now: Instant): Added[];
}

/**
 * Keeps reports within what a visitor, an address and a site may send in a window: at most one visit and one failure of a
 * visitor. It remembers one window, and no more reports of it than it counts.
 */
export function reportLimits(): ReportLimits {
  let window = -1;
  let reports = new Map<string, number>();
  let seen = new Set<string>();
  let dropped = new Map<string, number>();
  let saidAt = Number.NEGATIVE_INFINITY;
  const sent = (place: string) => reports.get(place) ?? 0;
  return {
    added(received, now) {
      const { site, release, report, visitor, address } = received;
      const present = Math.floor(now / WINDOW_MS);
      if (present !== window) [window, reports, seen] = [present, new Map(), new Set()];
      const from = `${site} ${address}`;
      // One sender is no reason to look at anything: what it sends too much of is as if it had not been sent.
      if (address !== '' && sent(from) >= FROM_ADDRESS_MAX) return [];
      if (sent(site) >= REPORTS_MAX) {
        dropped.set(site, (dropped.get(site) ?? 0) + 1);
        if (now - saidAt < DROPS_EVERY_MS) return [];
        // Whoever sends them says of which release they are, so they are counted as of none.
        const due = [...dropped].map(([of, DroppedVisits]) => ({
          ...{ site: of, release: UNKNOWN_RELEASE, counts: { DroppedVisits } },
        }));
        [saidAt, dropped] = [now, new Map()];
        return due;
      }
      for (const place of address === '' ? [site] : [site, from]) reports.set(place, sent(place) + 1);
      const isNew = (what: string) => {
        const key = `${site} ${release} ${what} ${visitor}`;
        const is = visitor === '' || !seen.has(key);
        seen.add(key);
        return is;
      };
      const counts = countsOf({
        isVisit: report.isVisit && isNew('visit'),
        isFailed: report.isFailed && isNew('failure'),
        vitals: Object.keys(report.vitals).length > 0 && isNew('vitals') ? report.vitals : {},
      });
      return Object.keys(counts).length === 0 ? [] : [{ site, release, counts }];
    },
  };
}

function countsOf({ isVisit, isFailed, vitals }: Pick<VisitReport, 'isVisit' | 'isFailed' | 'vitals'>) {
  return {
    ...(isVisit ? { Visits: 1, FailedVisits: isFailed ? 1 : 0 } : isFailed ? { FailedVisits: 1 } : {}),
    ...vitals,
  };
}
