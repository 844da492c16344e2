import { own } from '../config/plain.ts';
import type { Instant } from '../units.ts';

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
}

/** All releases that do not serve are counted as one, so that no report can open a metric of its own. */
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
  /** What a report adds now, and what was turned away before, each for its release. */
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
  let dropped = new Map<string, Added>();
  let saidAt = Number.NEGATIVE_INFINITY;
  const isFlood = ({ site, address }: Received): boolean => {
    const places = [`${site}`, ...(address === '' ? [] : [`${site} ${address}`])];
    const counts = places.map((place) => reports.get(place) ?? 0);
    if (counts.some((count, at) => count >= (at === 0 ? REPORTS_MAX : FROM_ADDRESS_MAX))) return true;
    places.forEach((place, at) => {
      reports.set(place, (counts[at] ?? 0) + 1);
    });
    return false;
  };
  return {
    added(received, now) {
      const { site, release, report, visitor } = received;
      const present = Math.floor(now / WINDOW_MS);
      if (present !== window) [window, reports, seen] = [present, new Map(), new Set()];
      if (isFlood(received)) {
        const key = `${site} ${release}`;
        const { DroppedVisits = 0 } = dropped.get(key)?.counts ?? {};
        dropped.set(key, { site, release, counts: { DroppedVisits: DroppedVisits + 1 } });
        if (now - saidAt < DROPS_EVERY_MS) return [];
        const due = [...dropped.values()];
        [saidAt, dropped] = [now, new Map()];
        return due;
      }
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
