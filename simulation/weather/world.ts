import type { Series, Window } from '../../core/analysis/types.ts';
import { type Instant, WINDOW_MS } from '../../core/units.ts';
import type { Random } from '../../local/random.ts';
import type { Drawn, Fault, Moves, Setting, Weather } from './models.ts';

/** How long the failures of a release count after it first could do harm: what nobody finds must not cost more the later the day ends. */
const HARM_MS = 60 * WINDOW_MS;

/** What an all-knowing watcher expects of one minute of the canary, with the fault and without it. */
export interface Expected {
  bad: number;
  good: number;
  badIfGood: number;
  goodIfGood: number;
}

/** One minute as it can be read; a version without any count is absent. */
export interface Minute {
  c: number;
  nc: number;
  s: number;
  ns: number;
  isCanaryShown: boolean;
  isStableShown: boolean;
}

/** What is drawn of one service: its weather, and the release that it may be given. */
interface WorldSpec {
  setting: Setting;
  weather: Weather;
  fault?: Fault | undefined;
  /** Of the weather and the release: the same for all who are tried in it. */
  sky: Random;
  /** Of the requests. */
  dice: Random;
  /** From when on requests are drawn; what came before is not asked about. From the beginning if absent. */
  begins?: Instant | undefined;
}

/**
 * Counts of one service by minute, drawn as time goes on: each request is dealt to a version by its own dice with the weight
 * that stands, whatever it is and whichever way it moved. Time never goes back.
 */
export interface World {
  /** Draws what happens until then. */
  advance(to: Instant): void;
  /** Changes the canary's share of the traffic, 0 to 1, at a moment that was not drawn yet. */
  move(at: Instant, weight: number): void;
  /** When the weight first rose above that of the last step. */
  promote(at: Instant): void;
  /** One minute as it is shown at `now`; `settle` is how long after its end it is complete. */
  minute(start: Instant, now: Instant): Minute;
  /** Minutes of both versions by metric, as they are shown at `now`. */
  series(from: Instant, to: Instant, now: Instant): Series;
  /** Requests of both versions together by minute, as those of stable, as the alias shows them. */
  past(from: Instant, to: Instant): Series;
  /** Start of the newest minute before `to` in which any function of the region shows requests at `now`: those of others are late only if both versions are. */
  heartbeat(to: Instant, now: Instant): Instant;
  expected(start: Instant): Expected;
  /** Requests that hung and have been counted by then. */
  timedOut(now: Instant): number;
  /** Requests that failed so far and would not have failed on stable, within an hour from the first. */
  failed(): number;
  /** When the release first could do harm. */
  onset(): Instant | undefined;
}

type Shown = 'errors' | 'http5xx' | 'http4xx' | 'throttles' | 'custom.orders';

const NONE = { canary: 0, stable: 0 };

/** A service of which nothing is drawn yet. */
export function createWorld({ setting, weather, fault, sky: drawn, dice, begins }: WorldSpec): World {
  const { requestsPerSecond, to: end } = setting;
  const from = begins ?? setting.from;
  const first = Math.floor(from / WINDOW_MS);
  const length = Math.ceil(end / WINDOW_MS) - first + 1;
  const counts = () => new Float64Array(length);
  const [c, nc, s, ns, hanging] = [counts(), counts(), counts(), counts(), counts()];
  // Of the requests: refused and throttled ones, and orders that were lost.
  const [rc, rs, tc, oc, os] = [counts(), counts(), counts(), counts(), counts()];
  const orders = fault?.orders ?? weather.orders;
  const told = { bad: counts(), good: counts(), badIfGood: counts(), goodIfGood: counts() };
  const at = weather.sky(setting, drawn.fork('weather'));
  const release: Drawn = { phase: drawn.fork('release').next() };
  const lateness = (minutes = 0) => minutes * WINDOW_MS;
  const late = { canary: lateness(weather.late?.canary), stable: lateness(weather.late?.stable) };
  const timeout = (fault?.timeoutSeconds ?? 0) * 1000;
  const moves: Moves = {};
  const shown = new Map<Instant, Record<Shown, Window>>();
  let now = from;
  let weight = 0;
  let raised: Instant | undefined;
  let failed = 0;
  let onset: Instant | undefined;

  function draw(until: Instant): void {
    const conditions = at(now, moves);
    const effect =
      fault === undefined || raised === undefined || weight === 0
        ? undefined
        : fault.effect({ at: now, raised, promoted: moves.promoted, weight }, release);
    const minute = Math.floor(now / WINDOW_MS);
    const to = Math.min(
      until,
      (minute + 1) * WINDOW_MS,
      conditions.until,
      effect?.until ?? Number.POSITIVE_INFINITY,
    );
    if (!(to > now)) throw new Error(`The weather ends at ${to} what began at ${now}.`);
    const index = minute - first;
    const seconds = (to - now) / 1000;
    const mean = requestsPerSecond * conditions.load * seconds;
    const usual = dealt(dice.poisson(mean));
    const besides = conditions.extra === 0 ? NONE : dealt(dice.poisson(conditions.extra * seconds));
    const {
      fail,
      lost,
      hang,
      refuse = 0,
      throttle = 0,
      unsold = 0,
    } = effect ?? { fail: 0, lost: 0, hang: 0 };
    const gone = lost === 0 ? 0 : dice.binomial(usual.canary, lost);
    const hangs = hang === 0 ? 0 : dice.binomial(usual.canary - gone, hang);
    const turned = throttle === 0 ? 0 : dice.binomial(usual.canary - gone - hangs, throttle);
    const met = usual.canary - gone - hangs - turned;
    const unlucky = dice.binomial(met, conditions.fail);
    const own = fail === 0 ? 0 : ownFailures(met - unlucky, fail);
    add(c, index, unlucky + own + besides.canary);
    add(nc, index, met + besides.canary);
    add(hanging, index, hangs);
    add(s, index, dice.binomial(usual.stable, conditions.fail) + besides.stable);
    add(ns, index, usual.stable + besides.stable);
    add(tc, index, turned);
    const clients =
      conditions.refused === undefined || conditions.refused === 0
        ? NONE
        : dealt(dice.poisson(conditions.refused * seconds));
    const refused = refuse === 0 ? 0 : dice.binomial(met - unlucky - own, refuse);
    add(nc, index, clients.canary);
    add(ns, index, clients.stable);
    add(rc, index, clients.canary + refused);
    add(rs, index, clients.stable);
    const alreadyLost = orders === undefined ? 0 : dice.binomial(met, orders);
    const unsoldHere = unsold === 0 ? 0 : dice.binomial(met - alreadyLost, unsold);
    if (orders !== undefined) {
      add(oc, index, alreadyLost + unsoldHere);
      add(os, index, dice.binomial(usual.stable, orders));
    }
    const harm = gone + hangs + own + turned + refused + unsoldHere;
    if (fail + lost + hang + refuse + throttle + unsold > 0) {
      onset ??= now;
      if (now < onset + HARM_MS) failed += harm;
    }
    const extra = conditions.extra * seconds * weight;
    const due = mean * weight;
    const counted = due * (1 - lost) * (1 - hang);
    // To an all-knowing watcher whatever hurts is a failure.
    const share = 1 - (1 - conditions.fail) * (1 - fail) * (1 - refuse) * (1 - throttle) * (1 - unsold);
    add(told.bad, index, counted * share + extra);
    add(told.good, index, counted * (1 - share));
    add(told.badIfGood, index, due * conditions.fail + extra);
    add(told.goodIfGood, index, due * (1 - conditions.fail));
    now = to;
  }

  function dealt(requests: number): { canary: number; stable: number } {
    const canary = weight === 0 ? 0 : weight === 1 ? requests : dice.binomial(requests, weight);
    return { canary, stable: requests - canary };
  }

  function ownFailures(requests: number, fail: number): number {
    const cluster = fault?.cluster ?? 1;
    if (cluster === 1) return dice.binomial(requests, fail);
    // A customer's requests are dealt one by one as well: the canary gets its part of each ten.
    const all = cluster * dice.poisson((requests / weight / cluster) * fail);
    return Math.min(requests, dice.binomial(all, weight));
  }

  const indexOf = (start: Instant) => start / WINDOW_MS - first;
  const isFinal = (start: Instant, seen: Instant) =>
    seen >= start + WINDOW_MS + Math.max(late.canary, late.stable, timeout) + 2 * WINDOW_MS;

  function minute(start: Instant, seen: Instant): Minute {
    const index = indexOf(start);
    const over = seen - start - WINDOW_MS;
    const timedOut = over >= timeout ? (hanging[index] ?? 0) : 0;
    const isCanaryShown = over >= late.canary + (late.canary > 0 ? SETTLED_MS : 0);
    const isStableShown = over >= late.stable + (late.stable > 0 ? SETTLED_MS : 0);
    return {
      c: isCanaryShown ? (c[index] ?? 0) + timedOut : 0,
      nc: isCanaryShown ? (nc[index] ?? 0) + timedOut : 0,
      s: isStableShown ? (s[index] ?? 0) : 0,
      ns: isStableShown ? (ns[index] ?? 0) : 0,
      isCanaryShown,
      isStableShown,
    };
  }

  function windowsOf(start: Instant, seen: Instant) {
    const known = shown.get(start);
    if (known !== undefined) return known;
    const counts = minute(start, seen);
    const index = indexOf(start);
    const isCounted = { canary: counts.isCanaryShown, stable: counts.isStableShown };
    const bad = (metric: Shown, name: 'canary' | 'stable') => {
      if (!isCounted[name]) return 0;
      if (metric === 'http4xx') return (name === 'canary' ? rc : rs)[index] ?? 0;
      if (metric === 'throttles') return name === 'canary' ? (tc[index] ?? 0) : 0;
      if (metric === 'custom.orders') return (name === 'canary' ? oc : os)[index] ?? 0;
      // What a call throws, its wrapper counts as a fault as well.
      return name === 'canary' ? counts.c : counts.s;
    };
    const sideOf = (metric: Shown, name: 'canary' | 'stable') => {
      const ran = name === 'canary' ? counts.nc : counts.ns;
      const total = ran + (metric === 'throttles' ? bad(metric, name) : 0);
      return total === 0 ? undefined : { bad: Math.min(total, bad(metric, name)), total };
    };
    const windowOf = (metric: Shown): Window => {
      const canary = sideOf(metric, 'canary');
      const stable = sideOf(metric, 'stable');
      return {
        start,
        ...(canary === undefined ? {} : { canary }),
        ...(stable === undefined ? {} : { stable }),
      };
    };
    const windows = {
      errors: windowOf('errors'),
      http5xx: windowOf('http5xx'),
      http4xx: windowOf('http4xx'),
      throttles: windowOf('throttles'),
      'custom.orders': windowOf('custom.orders'),
    };
    if (isFinal(start, seen)) shown.set(start, windows);
    return windows;
  }

  return {
    advance(to) {
      while (now < to) draw(to);
    },
    move(moved, next) {
      while (now < moved) draw(moved);
      weight = next;
      moves.moved = now;
      if (next > 0) raised ??= now;
    },
    promote(promoted) {
      moves.promoted ??= promoted;
    },
    minute,
    series(start, to, seen) {
      const each = minutesIn(Math.max(start, from), to).map((minute) => windowsOf(minute, seen));
      const of = (metric: Shown) =>
        each.map((windows) => windows[metric]).filter(({ canary, stable }) => canary || stable);
      return {
        ...{
          errors: of('errors'),
          http5xx: of('http5xx'),
          http4xx: of('http4xx'),
          throttles: of('throttles'),
        },
        ...(orders === undefined ? {} : { 'custom.orders': of('custom.orders') }),
      };
    },
    past(start, to) {
      const traffic = minutesIn(Math.max(start, from), to).flatMap((minute): Window[] => {
        const index = indexOf(minute);
        const total = (nc[index] ?? 0) + (ns[index] ?? 0);
        return total === 0 ? [] : [{ start: minute, stable: { bad: 0, total } }];
      });
      return { traffic };
    },
    heartbeat(to, seen) {
      const lag = Math.min(late.canary, late.stable);
      const newest = Math.floor((seen - (lag > 0 ? lag + SETTLED_MS : 0)) / WINDOW_MS) - 1;
      return Math.min(to - WINDOW_MS, newest * WINDOW_MS);
    },
    expected: (start) => {
      const index = indexOf(start);
      return {
        bad: told.bad[index] ?? 0,
        good: told.good[index] ?? 0,
        badIfGood: told.badIfGood[index] ?? 0,
        goodIfGood: told.goodIfGood[index] ?? 0,
      };
    },
    timedOut: (seen) => {
      if (timeout === 0) return 0;
      const last = Math.floor((seen - timeout) / WINDOW_MS) - 1 - first;
      return hanging.reduce((all, count, index) => (index <= last ? all + count : all), 0);
    },
    failed: () => failed,
    onset: () => onset,
  };
}

/** From its end until a minute is read as complete at the earliest; what is late is late beyond that. */
const SETTLED_MS = 63_000;

function minutesIn(from: Instant, to: Instant): Instant[] {
  const first = Math.ceil(from / WINDOW_MS) * WINDOW_MS;
  const length = Math.max(0, Math.ceil((to - first) / WINDOW_MS));
  return Array.from({ length }, (_, nth) => first + nth * WINDOW_MS);
}

function add(counts: Float64Array, index: number, value: number): void {
  counts[index] = (counts[index] ?? 0) + value;
}
