import { LATENCY_EDGES } from '../core/analysis/histogram.ts';
import { judge } from '../core/analysis/judge.ts';
import type { Count, Series, Spread, SpreadWindow } from '../core/analysis/types.ts';
import { planFrom, type RolloutFile, watchFrom } from '../core/config/rollout-file.ts';
import { sourceOf } from '../core/config/targets.ts';
import { SOURCES } from '../core/target.ts';
import { WINDOW_MS } from '../core/units.ts';
import { type Random, seededRandom } from '../local/random.ts';
import { BEFORE_MS, type Filed, manifestWith, play } from './weather/driver.ts';
import { type Fault, WEATHERS } from './weather/models.ts';
import { createWorld, type World } from './weather/world.ts';

/** Traffic of the service before the release. */
interface Traffic {
  requestsPerSecond: number;
  errorRate: number;
}

/** A release on trial. */
interface Trial {
  name: string;
  /** Its own share of failing and of lost requests, and when it begins; none for a good one. */
  harm?: (traffic: Traffic) => { fail?: number; lost?: number; afterPromotionMs?: number };
  /** How many times as long its requests take. */
  slowdown?: number;
}

/** Failures of which a multiple can be taken if stable has none. */
const FAILURES_LEAST = 0.0001;
const failures = ({ errorRate }: Traffic) => Math.max(errorRate, FAILURES_LEAST);
const LATE_MS = 3 * WINDOW_MS;

/** Every release that is rehearsed; the first is good. */
export const TRIALS: readonly Trial[] = [
  { name: 'good' },
  { name: 'fails 2x', harm: (traffic) => ({ fail: failures(traffic) }) },
  { name: 'fails 10x', harm: (traffic) => ({ fail: Math.min(1, 9 * failures(traffic)) }) },
  { name: '2x slower', slowdown: 2 },
  { name: 'crashes at start', harm: () => ({ fail: 1 }) },
  { name: 'half fail late', harm: () => ({ fail: 0.5, afterPromotionMs: LATE_MS }) },
  { name: 'half throttled', harm: () => ({ lost: 0.5 }) },
  { name: 'silent', harm: () => ({ lost: 1 }) },
];

/** What is rehearsed; plain data, so that a worker can be sent it. */
export interface Rehearsed extends Traffic {
  file: RolloutFile;
  seed: number;
}

/** How one release ended. */
export interface Rehearsal {
  trial: number;
  result: 'stopped' | 'held' | 'completed';
  /** From when it could do harm to its end, or to when a person was asked. */
  minutes: number;
  weight: number;
  /** Requests that failed because of it. */
  failed: number;
  by: string;
}

/** The parts of a file that ask nobody: they decide with counts alone. */
const PLAYED = [
  ...['steps', 'linear', 'exponential', 'canary', 'strategy', 'watch', 'verify', 'settle', 'holdout'],
  ...['recall', 'onInconclusive', 'onSuspect', 'alpha', 'warmUp', 'promoteEarly', 'evidence'],
] as const;

/** What of a file is not played, in the words of the file. */
export function leftOutOf(file: RolloutFile): string[] {
  const asks = ['smoke', 'probe', 'hooks', 'gates', 'limits', 'alarms'].filter((key) => key in file);
  return Object.keys(file.targets).length > 1 ? [...asks, 'all targets but one'] : asks;
}

/** True if the file compares how long requests take. */
export const watchesTime = (file: RolloutFile): boolean =>
  watchFrom(file).some(({ metric }) => isOfTime(metric));
const isOfTime = (metric: string) => /^(?:latency|p\d+)$/.test(metric);

const known = new WeakMap<RolloutFile, Filed>();

/** A file as it is played: on one alias of a function, whatever its targets are. */
function filed(file: RolloutFile): Filed {
  const made = known.get(file);
  if (made !== undefined) return made;
  const [target = {}] = Object.values(file.targets);
  const said = sourceOf(target);
  const source = ('lambda' in target && SOURCES.find((each) => each === said)) || 'http';
  const parts = Object.entries(file).filter(([key]) => PLAYED.some((played) => played === key));
  const watch = Object.entries(file.watch ?? {}).filter(([key]) => key !== 'custom');
  const manifest = manifestWith(
    {
      ...Object.fromEntries(parts),
      ...(file.watch === undefined ? {} : { watch: Object.fromEntries(watch) }),
    },
    source,
  );
  const { plan } = planFrom(manifest.rollout);
  const seconds = plan.steps.reduce((sum, { maxBakeSeconds }) => sum + maxBakeSeconds, plan.verifySeconds);
  const horizonMs = Math.min(HORIZON_MAX_MS, (2 * seconds + 30 * 60) * 1000);
  const whole = { manifest, source, highest: plan.steps.at(-1)?.weight ?? 0, horizonMs };
  known.set(file, whole);
  return whole;
}

/** Longest that a rollout is played: what bakes for days is seen in its first half day. */
const HORIZON_MAX_MS = 12 * 60 * WINDOW_MS;
const EPOCH = Date.UTC(2030, 0, 1);

/** Plays the rollout of one release by a file: the controller's own opening, judge and decisions on counts that are drawn by a seed. */
export function rehearse({ file, seed, ...traffic }: Rehearsed, trial: number, nth: number): Rehearsal {
  const { harm, slowdown = 1 } = TRIALS[trial] as Trial;
  // The same dice for all releases: they differ by what they do alone.
  const random = seededRandom(seed).fork(`rehearsal ${nth}`);
  const plan = filed(file);
  const opened = EPOCH + Math.floor(random.fork('second').next() * 60) * 1000;
  const world = createWorld({
    setting: {
      ...{ requestsPerSecond: traffic.requestsPerSecond, base: traffic.errorRate, opened },
      ...{ from: opened - BEFORE_MS - WINDOW_MS, to: opened + plan.horizonMs + 5 * WINDOW_MS },
    },
    weather: WEATHERS.calm,
    fault: harm === undefined ? undefined : faultOf(harm(traffic)),
    ...{ sky: random.fork('sky'), dice: random.fork('dice') },
  });
  const timed = watchesTime(file) ? withTimes(world, slowdown, random) : world;
  const { outcome, reason, cause, ended, weight, isHeld, pauses, weights } = play(timed, {
    plan,
    opened,
    judge,
  });
  const isStopped = outcome === 'reverted' || outcome === 'halted';
  const onset = world.onset() ?? weights[0]?.at ?? opened;
  return {
    trial,
    result: isStopped ? 'stopped' : isHeld || pauses > 0 ? 'held' : 'completed',
    minutes: Math.max(0, ended - (trial === 0 ? opened : onset)) / WINDOW_MS,
    weight,
    failed: world.failed(),
    by: /\b(?:errors|http5xx|http4xx|throttles|latency|p\d+|traffic)\b/.exec(reason)?.[0] ?? cause ?? outcome,
  };
}

function faultOf({ fail = 0, lost = 0, afterPromotionMs }: ReturnType<NonNullable<Trial['harm']>>): Fault {
  return {
    says: '',
    hidden: { share: fail },
    effect: ({ at, promoted = Number.POSITIVE_INFINITY }) => {
      const begins = afterPromotionMs === undefined ? 0 : promoted + afterPromotionMs;
      return at < begins
        ? { fail: 0, lost: 0, hang: 0, until: begins }
        : { fail, lost, hang: 0, until: Number.POSITIVE_INFINITY };
    },
  };
}

/** Durations are lognormal: half above 100 ms, one in forty above 270 ms. */
const MEDIAN_MS = 100;
const SIGMA = 0.5;

/** The same world, in which it is known too how long requests took. */
function withTimes(world: World, slowdown: number, random: Random): World {
  const tails = { canary: tailsOf(slowdown), stable: tailsOf(1) };
  const spreads = new Map<string, Spread>();
  const spreadOf = (start: number, side: 'canary' | 'stable', { total }: Count): Spread => {
    const key = `${side} ${start} ${total}`;
    const found = spreads.get(key);
    if (found !== undefined) return found;
    const dice = random.fork(key);
    let left = total;
    let above = 1;
    const over = tails[side].map((tail) => {
      left = left === 0 || above === 0 ? 0 : dice.binomial(left, Math.min(1, tail / above));
      above = tail;
      return left;
    });
    const spread = { total, edges: LATENCY_EDGES, over };
    spreads.set(key, spread);
    return spread;
  };
  return {
    ...world,
    series(from, to, now): Series {
      const series = world.series(from, to, now);
      const latency = (series.errors ?? []).flatMap((window): SpreadWindow[] => {
        if (window.unknown !== undefined) return [];
        const { start, canary, stable } = window;
        return [
          {
            start,
            ...(canary === undefined ? {} : { canary: spreadOf(start, 'canary', canary) }),
            ...(stable === undefined ? {} : { stable: spreadOf(start, 'stable', stable) }),
          },
        ];
      });
      return { ...series, latency };
    },
  };
}

/** The share of requests that takes longer than each edge. */
function tailsOf(slowdown: number): number[] {
  return LATENCY_EDGES.map((edge) => 1 - normal(Math.log(edge / (MEDIAN_MS * slowdown)) / SIGMA));
}

/** Abramowitz and Stegun, "Handbook of Mathematical Functions", 26.2.17: exact to 8 digits. */
function normal(z: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const series =
    t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const tail = (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * series;
  return z >= 0 ? 1 - tail : tail;
}
