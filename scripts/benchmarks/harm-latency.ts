import { LATENCY_EDGES } from '../../core/analysis/histogram.ts';
import { judge } from '../../core/analysis/judge.ts';
import type { Trial } from '../../core/analysis/trial.ts';
import type { Spread, SpreadWindow, WatchRule } from '../../core/analysis/types.ts';
import { WINDOW_MS } from '../../core/units.ts';
import { type Random, seededRandom } from '../../local/random.ts';
import { traitsOf } from '../../targets/lambda-alias/kind.ts';
import type { Figures } from './figures.ts';
import type { Effort } from './harm-cells.ts';

const REQUESTS_PER_SECOND = 10;
const WEIGHT = 5;
const MINUTES = 30;
const HISTORY = 15;
/** Durations are lognormal: half above 100 ms, one in forty above 270 ms. */
const MEDIAN_MS = 100;
const SIGMA = 0.5;

/** What a file may say, by the name of its figures. */
const RULES: Record<string, WatchRule[]> = {
  'latency 1.25x': [{ metric: 'latency', ratio: 1.25 }],
  'latency 1.1x': [{ metric: 'latency', ratio: 1.1 }],
  'p95 1.25x': [{ metric: 'p95', ratio: 1.25 }],
};

/** A rule, and how many times as long the requests of the canary take. */
interface Case {
  name: string;
  slowdown: number;
}

/** How many of the canaries are reverted, and minutes until then. */
export interface Found {
  found: number;
  minutes: number;
}

/** What is tried: a good canary by each rule, and slower ones. */
export const SLOWNESS: readonly Case[] = Object.keys(RULES).flatMap((name) =>
  [1, 1.5, 2].map((slowdown) => ({ name, slowdown })),
);

/** How soon a slower canary is found beside errors at 10 requests a second and 5 %; a good one must not be. `all` are those of `SLOWNESS`. */
export function slownessFigures(all: readonly Found[]): Figures {
  return Object.fromEntries(
    SLOWNESS.flatMap(({ name, slowdown }, nth): [string, number][] => {
      const { found = Number.NaN, minutes = Number.NaN } = all[nth] ?? {};
      return slowdown === 1
        ? [[`${name}: false reverts`, found]]
        : [
            [`${name}: share of ${slowdown}x slower found`, found],
            [`${name}: minutes until ${slowdown}x slower is found`, minutes],
          ];
    }),
  );
}

/** Plays one case of `SLOWNESS`. */
export function slowness({ name, slowdown }: Case, { runs, seed }: Effort): Found {
  const trial = onTrial([{ metric: 'errors', ratio: 1.5 }, ...(RULES[name] ?? [])]);
  const random = seededRandom(seed).fork(`latency ${slowdown}`);
  let [found, minutes] = [0, 0];
  for (let run = 0; run < runs; run++) {
    const at = minuteFound(trial, history(random, slowdown));
    found += at === undefined ? 0 : 1;
    minutes += at ?? MINUTES;
  }
  return { found: found / runs, minutes: Math.round((minutes / runs) * 10) / 10 };
}

/** Minutes after the first raise at which the judge reverts the release; undefined if it never does. */
function minuteFound(trial: Trial, latency: SpreadWindow[]): number | undefined {
  const errors = latency.map(({ start, canary, stable }) => ({
    start,
    ...(canary === undefined ? {} : { canary: { bad: 0, total: canary.total } }),
    ...(stable === undefined ? {} : { stable: { bad: 0, total: stable.total } }),
  }));
  for (let minute = 2; minute <= MINUTES; minute++) {
    const reading = { series: { api: { errors, latency } }, alarms: [] };
    if (judge(trial, reading, minute * WINDOW_MS).status === 'fail') return minute;
  }
  return undefined;
}

function history(random: Random, slowdown: number): SpreadWindow[] {
  return Array.from({ length: HISTORY + MINUTES }, (_, index): SpreadWindow => {
    const start = (index - HISTORY) * WINDOW_MS;
    const requests = random.poisson(REQUESTS_PER_SECOND * 60);
    const nc = index < HISTORY ? 0 : random.binomial(requests, WEIGHT / 100);
    const stable = spread(random, requests - nc, MEDIAN_MS);
    return nc === 0 ? { start, stable } : { start, stable, canary: spread(random, nc, MEDIAN_MS * slowdown) };
  });
}

function spread(random: Random, total: number, median: number): Spread {
  const over = LATENCY_EDGES.map(() => 0);
  for (let request = 0; request < total; request++) {
    const took = median * Math.exp(SIGMA * normal(random));
    for (let at = 0; at < LATENCY_EDGES.length && (LATENCY_EDGES[at] ?? 0) < took; at++)
      over[at] = (over[at] ?? 0) + 1;
  }
  return { total, edges: LATENCY_EDGES, over };
}

const normal = (random: Random) =>
  Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());

/** A canary at its one step since the first minute. */
function onTrial(watch: WatchRule[]): Trial {
  const [bakeSeconds, length] = [MINUTES * 60, MINUTES * WINDOW_MS];
  return {
    opening: {
      attempt: 1,
      targets: [
        {
          ...{ name: 'api', kind: 'lambda-alias', key: 'api', ref: {}, stable: '1', canary: '2' },
          ...{ source: 'invoke', traits: traitsOf('invoke', {}) },
        },
      ],
      plan: {
        steps: [{ weight: WEIGHT, bakeSeconds, maxBakeSeconds: bakeSeconds }],
        ...{ verifySeconds: 600, onInconclusive: 'pause' },
      },
      ...{ watch, limits: [], alarms: [], settleSeconds: 0 },
    },
    ...{ openedAt: 0, raisedAt: 0, stepSince: 0, moves: [0], heights: [WEIGHT], redAlarms: [] },
    ...{ step: 0, traffic: { api: { weight: WEIGHT } }, bake: { from: 0, to: length, max: length } },
    ...{ isStanding: true, isVerifying: false, canRecall: true, probed: [] },
  };
}
