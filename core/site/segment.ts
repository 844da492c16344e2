// What the edge knows of segments too: it reads no newer language than CloudFront does.

/** Visitors with a share of their own, as a site's store has them: what to look at, its name, the values that are in, the share in hundredths of a percent, and what they are called. */
export type SegmentLine = ['h' | 'c' | 'y', string, string[], number, string?];

/** The header in which CloudFront shows the country of a visitor, if a policy names it. */
const COUNTRY_HEADER = 'cloudfront-viewer-country';

/** The first line that a visitor is in. */
export function lineOf(
  lines: readonly SegmentLine[] | undefined,
  shown: (by: 'h' | 'c', name: string) => string,
): SegmentLine | undefined {
  const all = Array.isArray(lines) ? (lines as SegmentLine[]) : [];
  for (let at = 0; at < all.length; at++) {
    const line = all[at];
    if (line === undefined) continue;
    const value = line[0] === 'y' ? shown('h', COUNTRY_HEADER) : shown(line[0], line[1]);
    if (line[2].indexOf(value) >= 0) return line;
  }
  return undefined;
}

/** As which release visits of a segment are counted, beside those of the release as a whole: no name of a release has this mark. */
export const countedAmong = (release: string, segment: string): string => `${release}~${segment}`;
