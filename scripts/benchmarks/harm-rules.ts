import { logEWorse } from '../../core/analysis/evalue.ts';
import { ALPHA } from '../../core/analysis/evidence.ts';
import {
  decisions,
  formulaOf,
  inReach,
  type Minute,
  type Opened,
  openedAt,
} from '../../simulation/weather/at-steps.ts';
import { alarm, argo, flagger, type Watcher } from '../../simulation/weather/peers.ts';
import { type Cell, MINUTES, movesOf, type Weather } from './harm-traffic.ts';

/** The traffic that a rule watches. */
interface Setting {
  cell: Cell;
  weather: Weather;
}

/** Gives the watcher of one rollout for each call; an informed rule knows the shares that really fail. */
type Rule = (setting: Setting) => () => Watcher<Minute>;

/** Opens a rollout that this judge watches. */
type Judge = (setting: Setting) => Opened;

const judge =
  (ratio: number, isAsync = false): Judge =>
  ({ cell, weather }) => {
    const { requestsPerSecond, stable } = cell;
    const moves = movesOf(weather, cell);
    return openedAt({ requestsPerSecond, stable, ratio, isAsync, minutes: MINUTES, moves });
  };

/** This judge by the margin of its rule. */
export const JUDGES: Record<string, Judge> = {
  'judge 1x': judge(1),
  'judge 1.25x': judge(1.25),
  'judge 1.5x': judge(1.5),
};

/** The same for a target whose events are tried three times. */
export const JUDGES_OF_RETRIES: Record<string, Judge> = {
  'judge 1x, burst 3': judge(1, true),
  'judge 1.5x, burst 3': judge(1.5, true),
};

/** The rules of judges: whole decisions at each look at which the formula is within reach of its threshold. */
export function decidedBy(judges: Record<string, Judge>): Record<string, Rule> {
  const rule =
    (opening: Judge): Rule =>
    (setting) => {
      const opened = opening(setting);
      const isAsked = inReach(formulaOf(opened));
      return () => decisions(opened, isAsked);
    };
  return Object.fromEntries(Object.entries(judges).map(([name, opening]) => [name, rule(opening)]));
}

/** The alarm of SAM's sample: any error in each of two minutes. */
const sam = (): Watcher<Minute> => ({
  see: (minutes) => minutes.length >= 2 && minutes.slice(-2).every(({ c }) => c > 0),
});

/** A chi-square test at 5 % that is repeated each minute on all counts so far. */
const naive = (): Watcher<Minute> => ({
  see(minutes) {
    const { c, s, nc, ns } = added(minutes);
    const [bad, all] = [c + s, nc + ns];
    if (bad === 0 || nc === 0 || ns === 0 || c * ns <= s * nc) return false;
    const chi = (all * (c * (ns - s) - s * (nc - c)) ** 2) / (nc * ns * bad * (all - bad));
    return chi > 3.841;
  },
});

/** Strength of the published mixture's prior. */
const PRIOR = 100;

/**
 * The Beta mixture of Lindon and Malek on the canary's part of the errors, begun anew when the weight changes, which it does
 * not know. It is published for a part equal to the weight; a ratio moves that part to what the tolerated odds make of it.
 */
const mixture = (ratio: number) => (): Watcher<Minute> => ({
  see(minutes) {
    const set = minutes.at(-1)?.weight ?? 0;
    const { c, s } = added(minutes.slice(minutes.findIndex((minute) => minute.weight === set)));
    const weight = (ratio * set) / (1 - set + ratio * set);
    const [a, b] = [PRIOR * weight, PRIOR * (1 - weight)];
    const evidence =
      logRising(a, c) +
      logRising(b, s) -
      logRising(a + b, c + s) -
      c * Math.log(weight) -
      s * Math.log(1 - weight);
    return evidence >= -Math.log(ALPHA) && c > weight * (c + s);
  },
});

/**
 * The fastest test there is of a tolerated ratio: it knows how often the canary fails, bets on that alone from the first
 * minute on, and has all of the alpha to itself. Nobody can use it; it shows what no rule with this margin can beat (Wald 1945).
 */
const oracle =
  (ratio: number): Rule =>
  ({ cell: { stable, canary } }) => {
    const odds = (share: number) => share / (1 - share);
    const bet = odds(canary) / odds(stable) / ratio;
    const question = { T: MINUTES, head: 1, w0: ratio, grid: [bet] };
    return () => ({ see: (windows) => bet > 1 && logEWorse({ windows, ...question }) >= -Math.log(ALPHA) });
  };

/** ln Γ(x + n) − ln Γ(x), by Stirling's series from where it is exact to twelve digits. */
function logRising(x: number, n: number): number {
  return logGamma(x + n) - logGamma(x);
}

function logGamma(x: number): number {
  let [at, shift] = [x, 0];
  for (; at < 20; at++) shift -= Math.log(at);
  const square = 1 / (at * at);
  const series = (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square / 1680))) / at;
  return shift + (at - 0.5) * Math.log(at) - at + 0.5 * Math.log(2 * Math.PI) + series;
}

/** Kayenta's Mann-Whitney judge with one critical metric, every five minutes on the error rates of all minutes so far. */
const kayenta = (): Watcher<Minute> => ({
  see(minutes) {
    if (minutes.length % 5 !== 0) return false;
    const seen = minutes.filter(({ nc, ns }) => nc > 0 && ns > 0);
    const canary = seen.map(({ c, nc }) => c / nc);
    const stable = seen.map(({ s, ns }) => s / ns);
    if (new Set([...canary, ...stable]).size < 2 || mean(canary) < mean(stable)) return false;
    const differences = canary.flatMap((x) => stable.map((y) => x - y)).sort((a, b) => a - b);
    const shift = 0.25 * Math.abs(median(differences));
    return (
      deviation(
        canary,
        stable.map((y) => y + shift),
      ) > 2.326
    );
  },
});

/** How far the rank sum of `xs` is above what it would be by chance, in standard deviations; ties share their ranks. */
function deviation(xs: number[], ys: number[]): number {
  const n = xs.length + ys.length;
  let [above, ties] = [0, 0];
  for (const x of xs) for (const y of ys) above += x > y ? 1 : x === y ? 0.5 : 0;
  const counts = new Map<number, number>();
  for (const value of [...xs, ...ys]) counts.set(value, (counts.get(value) ?? 0) + 1);
  for (const count of counts.values()) ties += count ** 3 - count;
  const pairs = xs.length * ys.length;
  const variance = (pairs / 12) * (n + 1 - ties / (n * (n - 1)));
  return variance <= 0 ? 0 : (above - pairs / 2 - 0.5) / Math.sqrt(variance);
}

const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

function median(sorted: number[]): number {
  const middle = sorted.length / 2;
  const [low = 0, high = 0] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return (low + high) / 2;
}

function added(minutes: readonly Minute[]): { c: number; s: number; nc: number; ns: number } {
  const sums = { c: 0, s: 0, nc: 0, ns: 0 };
  for (const { c, s, nc, ns } of minutes) {
    sums.c += c;
    sums.s += s;
    sums.nc += nc;
    sums.ns += ns;
  }
  return sums;
}

/** What needs to know nothing of the traffic. */
const PEERS: Record<string, () => Watcher<Minute>> = {
  'alarm 1/1': alarm(1, 1),
  'alarm 2/3': alarm(2, 3),
  Kayenta: kayenta,
  Argo: argo,
  Flagger: flagger,
  'SAM sample': sam,
  naive,
  'Beta mixture': mixture(1),
  'Beta mixture 1.5x': mixture(1.5),
};

/** All rules that are compared; those of this judge first. */
export const RULES: Record<string, Rule> = {
  ...decidedBy(JUDGES),
  ...Object.fromEntries(Object.entries(PEERS).map(([name, make]): [string, Rule] => [name, () => make])),
  'oracle 1.5x': oracle(1.5),
};
