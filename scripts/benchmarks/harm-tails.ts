import { ALPHA } from '../../core/analysis/evidence.ts';
import { LATENCY_EDGES } from '../../core/analysis/histogram.ts';
import { together } from '../../core/analysis/latency.ts';
import { STEPS_STAKE } from '../../core/analysis/parts.ts';
import { capitalOfSlowness, comparisonFrom, evidenceOfSlowness } from '../../core/analysis/slowdown.ts';
import type { Spread } from '../../core/analysis/types.ts';
import { weightsOf } from '../../core/analysis/weights.ts';
import { WINDOW_MS } from '../../core/units.ts';
import { type Random, seededRandom } from '../../local/random.ts';
import type { Figures } from './figures.ts';
import type { Effort } from './harm-cells.ts';
import type { Found } from './harm-latency.ts';

const WEIGHT = 0.05;
const MINUTES = 30;
const HISTORY = 15;
const RATES = [2, 20, 200];
/** The first minute after the raise is left out. */
const FIRST = 1;

/** Part of the requests that take longer than so many milliseconds. */
type Over = (ms: number) => number;

const logNormal =
  (median: number, sigma: number): Over =>
  (ms) =>
    ms <= 0 ? 1 : 1 - normalShare(Math.log(ms / median) / sigma);
const mixed =
  (...parts: [share: number, over: Over][]): Over =>
  (ms) =>
    parts.reduce((sum, [share, over]) => sum + share * over(ms), 0);
const times =
  (factor: number, over: Over): Over =>
  (ms) =>
    over(ms / factor);

/** Durations as services have them. */
export const BASES: Record<string, Over> = {
  lognormal: logNormal(100, 0.5),
  narrow: logNormal(100, 0.2),
  wide: logNormal(100, 1),
  'two modes': mixed([0.7, logNormal(4, 0.3)], [0.3, logNormal(150, 0.3)]),
  '2 % at x15 already': mixed([0.98, logNormal(100, 0.5)], [0.02, logNormal(1_500, 0.5)]),
  'below a millisecond': logNormal(0.4, 0.5),
  'minutes long': logNormal(120_000, 0.5),
};

/** What a release makes of them. */
const CHANGES: Record<string, (over: Over) => Over> = {
  'as fast': (over) => over,
  'all x1.5': (over) => times(1.5, over),
  '2 % x100': (over) => mixed([0.98, over], [0.02, times(100, over)]),
  '0.5 % x10': (over) => mixed([0.995, over], [0.005, times(10, over)]),
  'the slowest 1 % x2': (over) => {
    const from = percentile(over, 0.01);
    return (ms) => (ms < from ? over(ms) : Math.min(0.01, over(ms / 2)));
  },
};

/** A base, what becomes of it, and requests a second. */
export const TAILS = Object.keys(BASES).flatMap((base) =>
  Object.keys(CHANGES).flatMap((change) => RATES.map((rate) => ({ base, change, rate }))),
);

/** How often `latency: 1.25x` by its own evidence reverts each of them at 5 % within half an hour, and after how many minutes. `all` are those of `TAILS`. */
export function tailFigures(all: readonly Found[]): Figures {
  const tails = TAILS.map((cell, nth) => ({ ...cell, ...all[nth] }));
  const good = tails.filter(({ change }) => change === 'as fast');
  return {
    'latency of seven bases: most false reverts': Math.max(...good.map(({ found }) => found ?? Number.NaN)),
    tails,
  };
}

/** Plays one cell of `TAILS`. */
export function tail({ base, change, rate }: (typeof TAILS)[number], { runs, seed }: Effort): Found {
  const random = seededRandom(seed).fork(`tails ${base} ${change} ${rate}`);
  const before = BASES[base] as Over;
  const after = (CHANGES[change] as (over: Over) => Over)(before);
  const weight = weightsOf(['errors', 'http5xx', 'throttles', 'latency', 'traffic']).get('latency') ?? 0;
  const required = -Math.log(ALPHA * weight * STEPS_STAKE);
  let [found, minutes] = [0, 0];
  for (let run = 0; run < runs; run++) {
    const at = minuteFound(random, { before, after, rate, required });
    found += at === undefined ? 0 : 1;
    minutes += at ?? MINUTES;
  }
  return { found: found / runs, minutes: Math.round((minutes / runs) * 10) / 10 };
}

function minuteFound(
  random: Random,
  { before, after, rate, required }: { before: Over; after: Over; rate: number; required: number },
): number | undefined {
  const requests = () => random.poisson(rate * 60);
  const past = together(Array.from({ length: HISTORY }, () => drawn(random, requests(), before)));
  const [history] = past;
  if (history === undefined) return undefined;
  const comparison = comparisonFrom(history, { ratio: 1.25 });
  const question = { planned: MINUTES, burst: 1 };
  let held: ReturnType<typeof capitalOfSlowness> | undefined;
  for (let minute = FIRST; minute < MINUTES; minute++) {
    const all = requests();
    const nc = random.binomial(all, WEIGHT);
    const window = {
      start: minute * WINDOW_MS,
      ...{ canary: drawn(random, nc, after), stable: drawn(random, all - nc, before) },
    };
    held = capitalOfSlowness([window], comparison, question, held);
    if (evidenceOfSlowness([], comparison, question, held) >= required) return minute + 1;
  }
  return undefined;
}

/** So many durations, by how many are over each edge. */
function drawn(random: Random, total: number, of: Over): Spread {
  let [left, before] = [total, 1];
  const over = LATENCY_EDGES.map((edge) => {
    const share = of(edge);
    left = before <= 0 ? 0 : random.binomial(left, Math.min(1, share / before));
    before = share;
    return left;
  });
  return { total, edges: LATENCY_EDGES, over };
}

/** The duration that this part takes longer than. */
function percentile(over: Over, part: number): number {
  let [low, high] = [1e-3, 1e7];
  while (high / low > 1 + 1e-9) {
    const middle = Math.sqrt(low * high);
    if (over(middle) > part) low = middle;
    else high = middle;
  }
  return high;
}

/** Share of a standard normal variable below `z`. Source: Abramowitz and Stegun 7.1.26, to 1.5e-7. */
function normalShare(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  const t = 1 / (1 + 0.3275911 * x);
  const series =
    t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const within = 1 - series * Math.exp(-x * x);
  return (1 + Math.sign(z) * within) / 2;
}
