import type { Percent } from '../units.ts';

/** Visitors whom a step may name, as a rollout file says who they are. */
export interface Segment {
  name: string;
  /** `h`: a header, `c`: a cookie, `y`: the country that CloudFront sees. */
  by: 'h' | 'c' | 'y';
  /** The name of the header or cookie; empty of a country. */
  of: string;
  /** Who shows one of these is in it. */
  values: readonly string[];
}

/** A segment with the share of it that gets the release, in percent. */
interface Shared extends Segment {
  weight: Percent;
}

/** Everybody whom no segment of the moment names. No segment may be called so. */
export const OTHERS = 'others';

/** What the weight of a step inside a segment is above the whole one before it, for each such step: less than any share that a visitor is drawn by. */
const PLACE: Percent = 0.001;

/** Steps inside segments that may follow each other. */
export const INSIDE_MAX = 9;

/** The weight of the step inside a segment that follows so many others after one of this weight. */
export const placeAfter = (whole: Percent, nth: number): Percent =>
  Math.round((whole + nth * PLACE) * 1000) / 1000;

/** The share by which visitors whom no segment names are drawn, at the weight of a step. */
export const wholeOf = (weight: Percent): Percent => Math.floor(weight * 100 + 1e-6) / 100;

/** Steps, by what segments have to do with: `core/plan/plan.ts`. */
type Steps = readonly { weight: Percent; within?: { segment: string; weight: Percent } | undefined }[];

/** The share of those who are compared at the weight of a step: of its segment, or of everybody whom none names. */
export const shareAt = (steps: Steps, weight: Percent): Percent =>
  steps.find((step) => step.weight === weight)?.within?.weight ?? weight;

/** The segments with shares of their own at a weight, those that began first before others: who is in two of them keeps the share that came first. */
export function sharesAt(steps: Steps, segments: readonly Segment[], weight: Percent): Shared[] {
  const shares = new Map<string, Percent>();
  for (const { weight: place, within } of steps)
    if (within !== undefined && place <= weight)
      shares.set(within.segment, Math.max(within.weight, shares.get(within.segment) ?? 0));
  return [...shares].flatMap(([name, share]) => {
    const segment = segments.find((each) => each.name === name);
    return segment === undefined || share <= wholeOf(weight) ? [] : [{ ...segment, weight: share }];
  });
}

/** Whose visits are compared at a weight: the segment of its step, `others` while some have a share of their own, or undefined for those of everybody. */
export function amongAt(steps: Steps, weight: Percent): string | undefined {
  const within = steps.find((step) => step.weight === weight)?.within;
  if (within !== undefined) return within.segment;
  const isShared = steps.some(
    (step) => step.within !== undefined && step.weight <= weight && step.within.weight > wholeOf(weight),
  );
  return isShared && weight < 100 ? OTHERS : undefined;
}

/** A weight for people: `10 %`, or `50 % of segment internal`. */
export function weightText(steps: Steps, weight: Percent): string {
  const within = steps.find((step) => step.weight === weight)?.within;
  return within === undefined ? `${weight} %` : `${within.weight} % of segment ${within.segment}`;
}
