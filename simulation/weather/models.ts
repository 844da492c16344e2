import { type Instant, WINDOW_MS } from '../../core/units.ts';
import type { Random } from '../../local/random.ts';

/** What the world does to requests from one moment to another. */
interface Conditions {
  /** Requests, as a multiple of the usual rate. */
  load: number;
  /** Share of requests that fails, on either version. */
  fail: number;
  /** Requests a second that come besides and fail on either version. */
  extra: number;
  /** Requests a second that come besides and are refused by either version, with a status of 400 to 499; none if absent. */
  refused?: number;
  /** Until when it stays so. */
  until: Instant;
}

/** What weather may depend on: it does not know which version is good. */
export interface Moves {
  /** When the weight was last changed. */
  moved?: Instant | undefined;
  /** When the weight first rose above the last step's. */
  promoted?: Instant | undefined;
}

/** What the world does at a moment; asked in rising order. */
export type Sky = (at: Instant, moves: Moves) => Conditions;

/** The service on which weather acts. */
export interface Setting {
  requestsPerSecond: number;
  /** Share of requests that fails on either version in calm weather. */
  base: number;
  opened: Instant;
  /** The stretch of time in which weather may be asked. */
  from: Instant;
  to: Instant;
}

/** A kind of weather: it hits both versions alike, and is drawn in whole before the first request, so that no rule can move it. */
export interface Weather {
  says: string;
  sky(setting: Setting, random: Random): Sky;
  /** Minutes by which the counts of a version come later than they are settled. */
  late?: { canary?: number; stable?: number };
  /** The function counts an order with each request, of which this share is lost on either version; the rollout file compares them. */
  orders?: number;
}

const MINUTE = WINDOW_MS;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const FOREVER = Number.POSITIVE_INFINITY;

/** Every kind of weather of the bench, with its numbers. */
export const WEATHERS = {
  calm: {
    says: 'every request fails by itself, by the base share',
    sky: ({ base }) => spells({ base }, []),
  },
  'outages 1/h, 5 % fail': {
    says: 'outages of 1 to 5 minutes, one an hour on average, in which 5 % of requests fail',
    sky: outages({ perHour: 1, minutes: [1, 5], fail: 0.05 }),
  },
  'outages 1/h, 50 % fail': {
    says: 'outages of 1 to 5 minutes, one an hour on average, in which 50 % of requests fail',
    sky: outages({ perHour: 1, minutes: [1, 5], fail: 0.5 }),
  },
  'one outage in verify': {
    says: 'one outage of 2 minutes in which 10 % fail, the first ever, which begins 0 to 8 minutes after promotion',
    sky: afterPromotion({ within: 8 * MINUTE, lasts: 2 * MINUTE, fail: 0.1 }),
  },
  'an outage at each move': {
    says: '50 % of requests fail for 90 seconds from each move of the weight on, as never before',
    sky: afterMoves({ lasts: 1.5 * MINUTE, fail: 0.5 }),
  },
  'beta-binomial minutes, rho 0.001': {
    says: 'the share that fails is drawn anew each minute from a beta distribution around the base, with correlation 0.001',
    sky: betaMinutes(0.001),
  },
  'beta-binomial minutes, rho 0.005': {
    says: 'the same with correlation 0.005',
    sky: betaMinutes(0.005),
  },
  'beta-binomial minutes, rho 0.01': {
    says: 'the same with correlation 0.01',
    sky: betaMinutes(0.01),
  },
  'ramp x3, errors rise with load': {
    says: 'within 30 minutes from the opening on load triples and ten times as many requests fail as before; the first ever',
    sky: ramp({ within: 30 * MINUTE, load: 3, fail: 10 }),
  },
  'flash x20 with 2 % errors': {
    says: 'for 3 minutes, at some time within 30 minutes from the opening on, 20 times the requests come and 2 % fail; the first ever',
    sky: flash({ within: 30 * MINUTE, lasts: 3 * MINUTE, load: 20, fail: 0.02 }),
  },
  'batch job every 15 min': {
    says: 'for 60 seconds every 15 minutes 3 times the requests come and 30 % fail',
    sky: batch({ every: 15 * MINUTE, lasts: MINUTE, load: 3, fail: 0.3 }),
  },
  'poison jobs of 30 tries': {
    says: 'six times an hour on average a job fails and is tried again for a minute, about 30 times, each on a version by dice',
    sky: poison({ perHour: 6, tries: 30, lasts: MINUTE }),
  },
  'errors of new environments': {
    says: '2 % of requests fail on both versions for a minute from each move on, as never before',
    sky: afterMoves({ lasts: MINUTE, fail: 0.02 }),
  },
  'traffic to zero, first ever': {
    says: 'within 15 minutes load falls evenly to nothing and stays there; it begins within 15 minutes from the opening on, and never happened before',
    sky: toZero({ begins: 15 * MINUTE, within: 15 * MINUTE, isDaily: false }),
  },
  'traffic to zero each day': {
    says: 'the same, at this time of each day, for 8 hours',
    sky: toZero({ begins: 15 * MINUTE, within: 15 * MINUTE, isDaily: true }),
  },
  "canary's metrics 3 min late": {
    says: 'each minute of the canary is shown 3 minutes later than it is settled; those of stable in time',
    sky: ({ base }) => spells({ base }, []),
    late: { canary: 3 },
  },
  "stable's metrics 3 min late": {
    says: 'each minute of stable is shown 3 minutes later than it is settled; those of the canary in time',
    sky: ({ base }) => spells({ base }, []),
    late: { stable: 3 },
  },
  'all metrics 3 min late': {
    says: 'each minute of both versions is shown 3 minutes later than it is settled',
    sky: ({ base }) => spells({ base }, []),
    late: { canary: 3, stable: 3 },
  },
  'storms of 404': {
    says: 'twice an hour on average bots ask for 2 to 5 minutes for what is not there, with 3 times as many requests as usual; one request in 20 is refused at any time',
    sky: storms({ perHour: 2, minutes: [2, 5], times: 3, always: 0.05 }),
  },
  'a storm of 401 in verify': {
    says: 'for 5 minutes, the first ever, clients whose key is no longer valid send as many requests as all others; it begins 0 to 8 minutes after promotion',
    sky: stormAfterPromotion({ within: 8 * MINUTE, lasts: 5 * MINUTE }),
  },
  ...(Object.fromEntries(
    ([0.1, 22, 50, 95, 99] as const).map((share) => [
      `custom counts, ${share} % bad`,
      {
        says: `${share} % of the orders that the function counts are lost`,
        sky: calmSky,
        orders: share / 100,
      },
    ]),
  ) as unknown as Record<`custom counts, ${0.1 | 22 | 50 | 95 | 99} % bad`, Weather>),
} satisfies Record<string, Weather>;

/** The name of a kind of weather. */
export type WeatherName = keyof typeof WEATHERS;

/** What a bad release may know when it fails. */
interface Seen {
  at: Instant;
  /** When it first had traffic, and when its weight first rose above the last step's. */
  raised: Instant;
  promoted?: Instant | undefined;
  /** Its share of the traffic, 0 to 1. */
  weight: number;
}

/** What a bad release does to its own requests; the rest is answered as stable would. */
interface Effect {
  /** Share of them that fails because of the release. */
  fail: number;
  /** Share that is lost before AWS counts it. */
  lost: number;
  /** Share that hangs until the time-out, and is counted only then. */
  hang: number;
  /** Share that is refused with a status of 400 to 499, share that is throttled, and share of the orders that is lost besides; none if absent. */
  refuse?: number;
  throttle?: number;
  unsold?: number;
  /** Until when it stays so, if the weight does. */
  until: Instant;
}

/** A kind of bad release. */
export interface Fault {
  says: string;
  /** The harm that an opening must name for the release to count as one that it calls not found. */
  hidden: Hidden;
  effect(seen: Seen, random: Drawn): Effect;
  /** The function's time-out; 3 seconds if absent. */
  timeoutSeconds?: number;
  /** Requests that come together and fail together; 1 if absent. */
  cluster?: number;
  /** As in weather. */
  orders?: number;
}

/** Which harm an opening names: a share of failing requests, a weight above which it shows, a share of lost requests, or how long requests run. */
export type Hidden = { share: number } | { above: number } | { lost: number } | { runsSeconds: number };

/** What was drawn for one release. */
export interface Drawn {
  /** Evenly in [0, 1). */
  phase: number;
}

const HARMLESS = { fail: 0, lost: 0, hang: 0 };
const HANGS_SECONDS = 900;

/** Every kind of bad release of the bench, with its numbers. Shares are those of the canary's requests that fail because of it. */
export const FAULTS = {
  'fails 50 % from 3 min after promotion': {
    says: 'half of all requests',
    hidden: { share: 0.5 },
    effect: late({ fail: 0.5 }),
  },
  'fails 5 % from 3 min after promotion': {
    says: 'one in 20',
    hidden: { share: 0.05 },
    effect: late({ fail: 0.05 }),
  },
  'fails 1 % from 3 min after promotion': {
    says: 'one in 100',
    hidden: { share: 0.01 },
    effect: late({ fail: 0.01 }),
  },
  'fails 0.4 % from 3 min after promotion': {
    says: 'one in 250',
    hidden: { share: 0.004 },
    effect: late({ fail: 0.004 }),
  },
  'fails 5 % only above 25 % of traffic': {
    says: 'one in 20 at every weight above 25 %',
    hidden: { above: 25 },
    effect: above(0.25, 0.05),
  },
  'fails 5 % only above 96 % of traffic': {
    says: 'one in 20 at every weight above 96 %',
    hidden: { above: 96 },
    effect: above(0.96, 0.05),
  },
  'one route of 20': {
    says: 'one in 20 from the first raise on, as if one route of 20 equal ones failed always',
    hidden: { share: 0.05 },
    effect: always({ fail: 0.05 }),
  },
  'a route of 0.3 %': {
    says: 'three in 1,000 from the first raise on',
    hidden: { share: 0.003 },
    effect: always({ fail: 0.003 }),
  },
  '2 % of customers': {
    says: 'customers who send 10 requests within a minute; one in 50 of them fails always',
    hidden: { share: 0.02 },
    effect: always({ fail: 0.02 }),
    cluster: 10,
  },
  'leak, 0 to 10 % in 30 min': {
    says: 'none at the first raise, one in 10 after 30 minutes, evenly',
    hidden: { share: 0.1 },
    effect: leak({ within: 30 * MINUTE, fail: 0.1 }),
  },
  'loses 45 % at the steps': {
    says: 'before invocation, from the first raise on',
    hidden: { lost: 0.45 },
    effect: always({ lost: 0.45 }),
  },
  'loses 97 % at the steps': {
    says: 'before invocation, from the first raise on',
    hidden: { lost: 0.97 },
    effect: always({ lost: 0.97 }),
  },
  'loses 100 % at the steps': {
    says: 'before invocation, from the first raise on',
    hidden: { lost: 1 },
    effect: always({ lost: 1 }),
  },
  'loses 45 % at 100 %': {
    says: 'before invocation, from promotion on',
    hidden: { lost: 0.45 },
    effect: late({ lost: 0.45 }, 0),
  },
  'loses 97 % at 100 %': {
    says: 'before invocation, from promotion on',
    hidden: { lost: 0.97 },
    effect: late({ lost: 0.97 }, 0),
  },
  'loses 100 % at 100 %': {
    says: 'before invocation, from promotion on',
    hidden: { lost: 1 },
    effect: late({ lost: 1 }, 0),
  },
  '5 % hang for 15 min': {
    says: 'until a time-out of 15 minutes, from the first raise on',
    hidden: { runsSeconds: HANGS_SECONDS },
    effect: always({ hang: 0.05 }),
    timeoutSeconds: HANGS_SECONDS,
  },
  '10 % hang for 15 min': {
    says: 'until a time-out of 15 minutes, from the first raise on',
    hidden: { runsSeconds: HANGS_SECONDS },
    effect: always({ hang: 0.1 }),
    timeoutSeconds: HANGS_SECONDS,
  },
  '90 % hang for 15 min': {
    says: 'until a time-out of 15 minutes, from the first raise on',
    hidden: { runsSeconds: HANGS_SECONDS },
    effect: always({ hang: 0.9 }),
    timeoutSeconds: HANGS_SECONDS,
  },
  'fails 100 % for 5 s each 10 min': {
    says: 'every request for 5 seconds every 10 minutes, from some time of the first 10 minutes on',
    hidden: { share: 5 / 600 },
    effect: bursts({ every: 10 * MINUTE, lasts: 5_000 }),
  },
  'refuses every request': {
    says: 'with a status of 400 to 499, from the first raise on',
    hidden: { share: 1 },
    effect: always({ refuse: 1 }),
  },
  'refuses one route of 20': {
    says: 'with a status of 400 to 499, from the first raise on',
    hidden: { share: 0.05 },
    effect: always({ refuse: 0.05 }),
  },
  'throttles 8 %': {
    says: 'from the first raise on, as AWS counts it by version',
    hidden: { share: 0.08 },
    effect: always({ throttle: 0.08 }),
  },
  'throttles 100 %': {
    says: 'from the first raise on, as AWS counts it by version',
    hidden: { share: 1 },
    effect: always({ throttle: 1 }),
  },
  'loses 8 % at the steps': {
    says: 'before invocation, from the first raise on',
    hidden: { lost: 0.08 },
    effect: always({ lost: 0.08 }),
  },
  'sells to 48 of 100 instead of 60': {
    says: 'from the first raise on; the rollout file compares orders',
    hidden: { share: 0.2 },
    effect: always({ unsold: 0.2 }),
    orders: 0.4,
  },
} satisfies Record<string, Fault>;

/** The name of a kind of bad release. */
export type FaultName = keyof typeof FAULTS;

function always(effect: Partial<Effect>): Fault['effect'] {
  return () => ({ ...HARMLESS, ...effect, until: FOREVER });
}

/** From some time after promotion on. */
function late(effect: Partial<Effect>, after = 3 * MINUTE): Fault['effect'] {
  return ({ at, promoted = FOREVER }) =>
    at < promoted + after
      ? { ...HARMLESS, until: promoted + after }
      : { ...HARMLESS, ...effect, until: FOREVER };
}

function above(least: number, fail: number): Fault['effect'] {
  return ({ weight }) => ({ ...HARMLESS, fail: weight > least ? fail : 0, until: FOREVER });
}

function leak({ within, fail }: { within: number; fail: number }): Fault['effect'] {
  return ({ at, raised }) => {
    const until = nextMinute(at);
    const part = Math.min(1, Math.max(0, ((at + until) / 2 - raised) / within));
    return { ...HARMLESS, fail: fail * part, until };
  };
}

function bursts({ every, lasts }: { every: number; lasts: number }): Fault['effect'] {
  return ({ at, raised }, { phase }) => {
    // Whole milliseconds, so that the rest of a division never ends where it began.
    const into = mod(Math.floor(at) - raised - Math.round(phase * every), every);
    return into < lasts
      ? { ...HARMLESS, fail: 1, until: Math.floor(at) + lasts - into }
      : { ...HARMLESS, until: Math.floor(at) + every - into };
  };
}

/** A stretch of time in which something is otherwise. */
interface Spell {
  from: Instant;
  to: Instant;
  load?: number;
  fail?: number;
  extra?: number;
  refused?: number;
}

function calmSky({ base }: Setting): Sky {
  return spells({ base }, []);
}

/** Calm but for the spells; if several meet, the worst of each counts, and what comes besides adds up. */
function spells({ base }: Pick<Setting, 'base'>, list: Spell[]): Sky {
  const sorted = [...list].sort((a, b) => a.from - b.from);
  let done = 0;
  return (at) => {
    while ((sorted[done]?.to ?? FOREVER) <= at) done += 1;
    const conditions: Conditions = { load: 1, fail: base, extra: 0, until: FOREVER };
    for (let index = done; index < sorted.length; index++) {
      const { from, to, load = 1, fail = 0, extra = 0, refused = 0 } = sorted[index] as Spell;
      if (from > at) {
        conditions.until = Math.min(conditions.until, from);
        break;
      }
      if (to <= at) continue;
      conditions.until = Math.min(conditions.until, to);
      conditions.load = Math.max(conditions.load, load);
      conditions.fail = Math.max(conditions.fail, fail);
      conditions.extra += extra;
      if (refused > 0) conditions.refused = (conditions.refused ?? 0) + refused;
    }
    return conditions;
  };
}

/** Bots that ask for what is not there, at a rate that goes by the service's own. */
function storms({
  perHour,
  minutes: [least, most],
  times,
  always: share,
}: {
  perHour: number;
  minutes: [number, number];
  times: number;
  always: number;
}) {
  return (setting: Setting, random: Random): Sky => {
    const refused = times * setting.requestsPerSecond;
    const each = arrivals(setting, random, HOUR / perHour).map((from) => {
      const to = from + (least + random.next() * (most - least)) * MINUTE;
      return { from, to, refused };
    });
    const usual = { from: setting.from, to: setting.to, refused: share * setting.requestsPerSecond };
    return spells(setting, [usual, ...each]);
  };
}

function stormAfterPromotion({ within, lasts }: { within: number; lasts: number }) {
  return ({ base, requestsPerSecond }: Setting, random: Random): Sky => {
    const after = random.next() * within;
    return (at, { promoted = FOREVER }) => {
      const [from, to] = [promoted + after, promoted + after + lasts];
      const isOn = at >= from && at < to;
      const until = at < from ? from : isOn ? to : FOREVER;
      return { load: 1, fail: base, extra: 0, refused: isOn ? requestsPerSecond : 0, until };
    };
  };
}

function outages({ perHour, minutes, fail }: { perHour: number; minutes: [number, number]; fail: number }) {
  return (setting: Setting, random: Random): Sky => {
    const [least, most] = minutes;
    const each = arrivals(setting, random, HOUR / perHour).map((from) => ({
      from,
      to: from + (least + random.next() * (most - least)) * MINUTE,
      fail,
    }));
    return spells(setting, each);
  };
}

function poison({ perHour, tries, lasts }: { perHour: number; tries: number; lasts: number }) {
  return (setting: Setting, random: Random): Sky => {
    const extra = tries / (lasts / 1000);
    return spells(
      setting,
      arrivals(setting, random, HOUR / perHour).map((from) => ({ from, to: from + lasts, extra })),
    );
  };
}

/** Moments that come at random, `apart` on average. */
function arrivals({ from, to }: Setting, random: Random, apart: number): Instant[] {
  const all = [];
  for (let at = from; ; ) {
    at -= apart * Math.log(1 - random.next());
    if (at >= to) return all;
    all.push(at);
  }
}

function flash({ within, lasts, load, fail }: { within: number; lasts: number; load: number; fail: number }) {
  return (setting: Setting, random: Random): Sky => {
    const from = setting.opened + random.next() * within;
    return spells(setting, [{ from, to: from + lasts, load, fail }]);
  };
}

function batch({ every, lasts, load, fail }: { every: number; lasts: number; load: number; fail: number }) {
  return (setting: Setting, random: Random): Sky => {
    const list = [];
    for (let from = setting.from - random.next() * every; from < setting.to; from += every)
      list.push({ from, to: from + lasts, load, fail });
    return spells(setting, list);
  };
}

function afterMoves({ lasts, fail }: { lasts: number; fail: number }) {
  return ({ base }: Setting): Sky =>
    (at, { moved = -FOREVER }) =>
      at < moved + lasts
        ? { load: 1, fail: Math.max(base, fail), extra: 0, until: moved + lasts }
        : { load: 1, fail: base, extra: 0, until: FOREVER };
}

function afterPromotion({ within, lasts, fail }: { within: number; lasts: number; fail: number }) {
  return ({ base }: Setting, random: Random): Sky => {
    const after = random.next() * within;
    return (at, { promoted = FOREVER }) => {
      const [from, to] = [promoted + after, promoted + after + lasts];
      const isOut = at >= from && at < to;
      const until = at < from ? from : isOut ? to : FOREVER;
      return { load: 1, fail: isOut ? Math.max(base, fail) : base, extra: 0, until };
    };
  };
}

/** Minutes whose share of failures is drawn anew: mean `base`, variance `rho * base * (1 - base)`. */
function betaMinutes(rho: number) {
  return ({ base, from, to }: Setting, random: Random): Sky => {
    const first = Math.floor(from / MINUTE);
    const [a, b] = [base * (1 / rho - 1), (1 - base) * (1 / rho - 1)];
    const shares = new Float64Array(Math.ceil(to / MINUTE) - first + 1);
    for (let nth = 0; nth < shares.length; nth++) shares[nth] = beta(random, a, b);
    return (at) => {
      const minute = Math.floor(at / MINUTE);
      const fail = shares[minute - first] ?? base;
      return { load: 1, fail, extra: 0, until: (minute + 1) * MINUTE };
    };
  };
}

function ramp({ within, load, fail }: { within: number; load: number; fail: number }) {
  return ({ base, opened }: Setting): Sky =>
    (at) => {
      if (at < opened) return { load: 1, fail: base, extra: 0, until: opened };
      const until = nextMinute(at);
      const part = Math.min(1, ((at + until) / 2 - opened) / within);
      return { load: 1 + part * (load - 1), fail: base * (1 + part * (fail - 1)), extra: 0, until };
    };
}

function toZero({ begins, within, isDaily }: { begins: number; within: number; isDaily: boolean }) {
  return ({ base, opened }: Setting, random: Random): Sky => {
    const start = opened + random.next() * begins;
    return (at) => {
      const until = nextMinute(at);
      const since = isDaily ? mod(at - start, DAY) : at - start;
      const part = since < 0 || (isDaily && since > 8 * HOUR) ? 0 : Math.min(1, since / within);
      return { load: 1 - part, fail: base, extra: 0, until };
    };
  };
}

function nextMinute(at: Instant): Instant {
  return (Math.floor(at / MINUTE) + 1) * MINUTE;
}

/** The rest of a division, never negative. */
function mod(value: number, by: number): number {
  return ((value % by) + by) % by;
}

function beta(random: Random, a: number, b: number): number {
  const [x, y] = [gamma(random, a), gamma(random, b)];
  return x + y === 0 ? 0 : x / (x + y);
}

/** Marsaglia and Tsang, "A simple method for generating gamma variables" (2000). */
function gamma(random: Random, shape: number): number {
  if (shape < 1) return gamma(random, shape + 1) * (1 - random.next()) ** (1 / shape);
  const d = shape - 1 / 3;
  for (;;) {
    const z = Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
    const v = (1 + z / Math.sqrt(9 * d)) ** 3;
    if (v > 0 && Math.log(1 - random.next()) < (z * z) / 2 + d - d * v + d * Math.log(v)) return d * v;
  }
}
