import type { Random } from '../../local/random.ts';
import type { Minute, Move } from '../../simulation/weather/at-steps.ts';

/** Minutes of a simulated rollout. */
export const MINUTES = 30;

/** What a service and its canary do. */
export interface Cell {
  requestsPerSecond: number;
  /** Share of requests on the canary, 0 to 1. */
  weight: number;
  /** Shares of requests that fail. */
  stable: number;
  canary: number;
}

/** One rollout: `readings[k]` is what a look after minute k finds, `truth` what really happened. */
interface History {
  readings: Minute[][];
  truth: Minute[];
}

/** A way in which traffic may come. */
export type Weather = (cell: Cell, random: Random) => History;

/** Every request fails by itself, and metrics are complete. */
export const calm: Weather = (cell, random) => read(eachMinute(() => minute(cell, random, cell.weight)));

/** One minute in twenty hits both versions alike: a fifth of all requests fail. */
export const bursts: Weather = (cell, random) =>
  read(
    eachMinute(() => {
      const outage = random.next() < 0.05 ? 0.2 : 0;
      const hit = (share: number) => share + (1 - share) * outage;
      return minute({ ...cell, stable: hit(cell.stable), canary: hit(cell.canary) }, random, cell.weight);
    }),
  );

const STEPS = [0.01, 0.05, 0.1, 0.25, 0.5];

/** Six minutes at each of five weights, raised in the middle of a minute, with outages of ten seconds on both versions. */
export const stepped: Weather = (cell, random) =>
  read(
    eachMinute((at) => {
      const [before, after] = [STEPS[Math.floor((at - 1) / 6)] ?? 0, STEPS[Math.floor(at / 6)] ?? 0.5];
      const parts = Array.from({ length: 6 }, (_, part) => {
        const outage = random.next() < 0.05 / 6 ? 0.5 : 0;
        const hit = (share: number) => share + (1 - share) * outage;
        const sixth = { ...cell, requestsPerSecond: cell.requestsPerSecond / 6 };
        const weight = part < 3 ? before : after;
        return minute({ ...sixth, stable: hit(cell.stable), canary: hit(cell.canary) }, random, weight);
      });
      const whole = parts.reduce((sum, part) => added(sum, part));
      const realised = whole.nc / Math.max(1, whole.nc + whole.ns);
      const isMoved = before !== after;
      return { ...whole, weight: after, ...(isMoved ? { share: Math.max(after, realised) } : {}) };
    }),
  );

/** The newest minute shows nine in ten requests and half of the failures; both are complete a minute later. */
export const late: Weather = (cell, random) => {
  const { truth } = calm(cell, random);
  const readings = truth.map((_, k) =>
    truth.slice(0, k + 1).map((window, at) => (at === k ? thinned(window, random) : window)),
  );
  return { truth, readings };
};

/** About once in four minutes an event fails again and again, some thirty times, each try on a version by chance. */
export const storms: Weather = (cell, random) =>
  read(
    eachMinute(() => {
      const window = minute(cell, random, cell.weight);
      const tries = random.next() < 0.25 ? random.poisson(30) : 0;
      const c = random.binomial(tries, cell.weight);
      return added(window, { ...window, c, nc: c, s: tries - c, ns: tries - c });
    }),
  );

/** Every failure comes three times, on the version that had it first, as with asynchronous calls. */
export const triples: Weather = (cell, random) => {
  const third = { ...cell, stable: cell.stable / 3, canary: cell.canary / 3 };
  return read(
    eachMinute(() => {
      const window = minute(third, random, cell.weight);
      const [c, s] = [Math.min(window.nc, 3 * window.c), Math.min(window.ns, 3 * window.s)];
      return { ...window, c, s };
    }),
  );
};

/** How the weight moves in a kind of traffic: once before the first minute, or as `stepped` raises it. */
export function movesOf(weather: Weather, { weight }: Cell): Move[] {
  const percent = (share: number) => Math.round(share * 100);
  if (weather !== stepped) return [{ minute: 0, weight: percent(weight) }];
  const [first, ...later] = STEPS.map((share, nth) => ({ minute: 6 * nth + 0.5, weight: percent(share) }));
  return [{ minute: 0, weight: first?.weight ?? 0 }, ...later];
}

function eachMinute(make: (at: number) => Minute): Minute[] {
  return Array.from({ length: MINUTES }, (_, at) => make(at));
}

function read(truth: Minute[]): History {
  return { truth, readings: truth.map((_, k) => truth.slice(0, k + 1)) };
}

function minute(cell: Cell, random: Random, weight: number): Minute {
  const requests = random.poisson(cell.requestsPerSecond * 60);
  const nc = random.binomial(requests, weight);
  const ns = requests - nc;
  return { c: random.binomial(nc, cell.canary), nc, s: random.binomial(ns, cell.stable), ns, weight };
}

function added(a: Minute, b: Minute): Minute {
  return { ...a, c: a.c + b.c, nc: a.nc + b.nc, s: a.s + b.s, ns: a.ns + b.ns };
}

function thinned({ c, nc, s, ns, ...rest }: Minute, random: Random): Minute {
  const seen = (bad: number, total: number) => {
    const shown = random.binomial(bad, 0.5);
    return [shown, shown + random.binomial(total - bad, 0.9)] as const;
  };
  const [canary, stable] = [seen(c, nc), seen(s, ns)];
  return { ...rest, c: canary[0], nc: canary[1], s: stable[0], ns: stable[1] };
}
