import type { RolloutEvent } from '../core/rollout/event.ts';
import type { Rollout } from '../core/rollout/state.ts';
import { type Instant, WINDOW_MS } from '../core/units.ts';
import { type Random, seededRandom } from '../local/random.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Where in a rollout weather begins: with the first raise, with the holdout, or once the canary serves alone. */
type Phase = 'steps' | 'holdout' | 'alone';

/** So long after a phase of the first rollout begins; never if it does not. */
export interface Beginning {
  phase: Phase;
  ms: number;
}

/**
 * What both versions of a target meet alike, so that it is no fault of either. `isUsual`: it was there in the day before, too.
 * How outages, batches and crowds look is assumed.
 */
export type Weather =
  /** A dependency is out for 1 to 5 minutes, once in `every` minutes: this share fails, by a throw or handled. */
  | { kind: 'outages'; every: number; share: number; as: 'errors' | 'faults'; isUsual: boolean }
  /** The same, once. */
  | { kind: 'outage'; begins: Beginning; minutes: number; share: number }
  /** It begins exactly with each move of traffic. */
  | { kind: 'at moves'; seconds: number; share: number }
  /** Requests of one minute fail more alike than those of two: the share of a minute is a mean of `shape` exponential draws. */
  | { kind: 'dispersed'; share: number; shape: number; isUsual: boolean }
  /** So many times as many requests, of which this share fails. */
  | { kind: 'flash crowd'; begins: Beginning; times: number; minutes: number; share: number }
  /** A job for a minute, once in `every` minutes. */
  | { kind: 'batch'; every: number; times: number; share: number; isUsual: boolean }
  /** Traffic rises to so many times of itself within half an hour from the upload, and failures with it. */
  | { kind: 'ramp'; times: number; share: number; isUsual: boolean }
  /** No requests come. */
  | { kind: 'silence'; begins: Beginning; minutes: number };

/** What the minutes before a world begins left in CloudWatch: a day, an hour or nothing of them; with gaps; or with a bad release that was reverted in them. */
export interface History {
  minutes: number;
  gaps: number;
  hasRollout: boolean;
}

/** The weather at each moment. */
export interface Sky {
  /** How many times as many requests as usual come. */
  factor(at: Instant): number;
  /** Shares of the responses that fail whichever version answers. */
  errors(at: Instant): number;
  faults(at: Instant): number;
  /** Takes in what happens in a rollout, since some weather begins with it. */
  follow(event: RolloutEvent, rollout: Rollout, at: Instant): void;
}

const CALM = { factor: 1, errors: 0, faults: 0 };
type Point = typeof CALM;

/** The weather of a world. @param uploadedAt what was there before this moment is the past of the world */
export function skyOf(weather: Weather | undefined, seed: number, uploadedAt: Instant): Sky {
  const random = seededRandom(seed).fork('weather');
  let since = Number.POSITIVE_INFINITY;
  const isPast = (at: Instant) =>
    at < uploadedAt && !(weather !== undefined && 'isUsual' in weather && weather.isUsual);
  const known = new Map<Instant, Point>();
  const pointAt = (at: Instant): Point => {
    if (weather === undefined || isPast(at)) return CALM;
    const found = known.get(at) ?? { ...CALM, ...pointOf(weather, { at, since, uploadedAt, random }) };
    // The three are asked for together.
    known.clear();
    known.set(at, found);
    return found;
  };
  return {
    factor: (at) => pointAt(at).factor,
    errors: (at) => pointAt(at).errors,
    faults: (at) => pointAt(at).faults,
    follow(event, rollout, at) {
      if (event.type !== 'ShiftIntended' || weather === undefined) return;
      known.clear();
      if (weather.kind === 'at moves') since = at;
      if (!('begins' in weather) || since < Number.POSITIVE_INFINITY) return;
      if (phaseOf(event.weight, rollout) === weather.begins.phase) since = at + weather.begins.ms;
    },
  };
}

function phaseOf(weight: number, { opening: { plan } }: Rollout): Phase {
  if (weight === 100) return 'alone';
  return plan.steps.find((step) => step.weight === weight)?.isHoldout === true ? 'holdout' : 'steps';
}

interface Asked {
  at: Instant;
  since: Instant;
  uploadedAt: Instant;
  random: Random;
}

function pointOf(weather: Weather, { at, since, uploadedAt, random }: Asked): Partial<Point> {
  const isWithin = (ms: number) => at >= since && at < since + ms;
  switch (weather.kind) {
    case 'outages': {
      const { every, share, as } = weather;
      const slot = Math.floor(at / (every * MINUTE));
      const dice = random.fork(`outage ${slot}`);
      const minutes = 1 + dice.int(5);
      const begin = (slot * every + dice.next() * Math.max(0, every - minutes)) * MINUTE;
      return at >= begin && at < begin + minutes * MINUTE ? { [as]: share } : {};
    }
    case 'outage':
      return isWithin(weather.minutes * MINUTE) ? { errors: weather.share } : {};
    case 'at moves':
      return isWithin(weather.seconds * 1000) ? { errors: weather.share } : {};
    case 'dispersed': {
      const dice = random.fork(`minute ${Math.floor(at / WINDOW_MS)}`);
      let sum = 0;
      for (let nth = 0; nth < weather.shape; nth++) sum -= Math.log(1 - dice.next());
      return { errors: Math.min(1, (weather.share * sum) / weather.shape) };
    }
    case 'flash crowd':
      return isWithin(weather.minutes * MINUTE) ? { factor: weather.times, errors: weather.share } : {};
    case 'batch':
      return Math.floor(at / MINUTE) % weather.every === 0
        ? { factor: weather.times, errors: weather.share }
        : {};
    case 'ramp': {
      const past = (((at - uploadedAt) % DAY) + DAY) % DAY;
      const part = past > 12 * HOUR ? 0 : Math.min(1, past / (30 * MINUTE));
      return { factor: 1 + (weather.times - 1) * part, errors: weather.share * part };
    }
    case 'silence':
      return isWithin(weather.minutes * MINUTE) ? { factor: 0 } : {};
  }
}

/** One minute of a target before its world began. */
interface PastMinute {
  start: Instant;
  count: number;
  /** Shares of the responses that fail beside those that always do. */
  errors: number;
  faults: number;
}

/** The minutes before a world began, drawn as counts: nothing runs in them. */
export function pastOf(
  { minutes, gaps, hasRollout }: History,
  { seed, sky, perMinute, until }: { seed: number; sky: Sky; perMinute: number; until: Instant },
): PastMinute[] {
  const random = seededRandom(seed).fork('history');
  const stretches = Array.from({ length: gaps }, () => {
    const begin = random.int(minutes);
    return [begin, begin + 5 + random.int(120)] as const;
  });
  const tried = random.int(Math.max(1, minutes - 30));
  return Array.from({ length: minutes }, (_, nth): PastMinute[] => {
    const start = until - (minutes - nth) * MINUTE;
    const isGap = stretches.some(([begin, end]) => nth >= begin && nth < end);
    // A release that failed a third of its tenth of the traffic for ten minutes.
    const bad = hasRollout && nth >= tried && nth < tried + 10 ? 0.03 : 0;
    const at = start + MINUTE / 2;
    const count = random.poisson(perMinute * sky.factor(at));
    return isGap ? [] : [{ start, count, errors: sky.errors(at) + bad, faults: sky.faults(at) }];
  }).flat();
}
