import type { Step } from '../plan/plan.ts';
import type { Percent } from '../units.ts';
import { duration, number } from '../words.ts';
import { ALPHA, FAILURE_BETS } from './evidence.ts';
import { weightsOf } from './weights.ts';

/** What stable did lately, and what is tolerated of the canary. */
export interface Expected {
  requestsPerSecond: number;
  /** Share of stable's requests that fail, 0 to 1. */
  errorRate: number;
  /** Tolerated odds ratio, at least 1. */
  ratio: number;
  alpha?: number | undefined;
}

/** What one step can see. */
export interface Sight {
  weight: Percent;
  bakeMinutes: number;
  /** Canary requests in the bake. */
  requests: number;
  /** Minutes until ten times stable's failures are found; absent where a day is not enough. */
  tenfoldMinutes?: number | undefined;
  /** Smallest number of times stable's failures that is found within the bake; absent where not even a canary that always fails is. */
  smallest?: number | undefined;
  /** Least bake, in whole minutes, and least weight at which the tenfold is found in this step; absent where there is none. */
  suggestedMinutes?: number | undefined;
  suggestedWeight?: Percent | undefined;
}

const TENFOLD = 10;
const DAY_MINUTES = 24 * 60;

/** Part of the stake that is bet on the comparison while a guard waits for promotion. */
const BEFORE_PROMOTION = 0.9;

/** No service fails so rarely that this is too much: below it the ratio of two rates is one of nothing to nothing. */
const RATE_MIN = 1e-7;

/**
 * Says what each step of a plan can see at this traffic.
 * Source: drift of the best bet against its threshold; within about 20 % of simulation above 3 minutes. One minute is the
 * least, and the wait for CloudWatch comes on top.
 */
export function sightOf(step: Pick<Step, 'weight' | 'bakeSeconds'>, expected: Expected): Sight {
  const bakeMinutes = step.bakeSeconds / 60;
  const tenfoldMinutes = minutesUntil(TENFOLD, step.weight, expected);
  const smallest = smallestFound(step.weight, bakeMinutes, expected);
  const isBlind = tenfoldMinutes === undefined || tenfoldMinutes > bakeMinutes;
  return {
    weight: step.weight,
    bakeMinutes,
    requests: Math.round(expected.requestsPerSecond * step.bakeSeconds * (step.weight / 100)),
    tenfoldMinutes,
    smallest,
    ...(isBlind && tenfoldMinutes !== undefined ? { suggestedMinutes: Math.ceil(tenfoldMinutes) } : {}),
    ...(isBlind ? { suggestedWeight: leastWeight(step.weight, bakeMinutes, expected) } : {}),
  };
}

/** Minutes until a canary that fails `times` as often as stable is found at this weight; undefined where a day is not enough. */
export function minutesUntil(times: number, weight: Percent, expected: Expected): number | undefined {
  const stable = Math.min(0.99, Math.max(RATE_MIN, expected.errorRate));
  const canary = Math.min(1, stable * times);
  const share = weight / 100;
  const bad = {
    canary: expected.requestsPerSecond * 60 * share * canary,
    stable: expected.requestsPerSecond * 60 * (1 - share) * stable,
  };
  const chance = (expected.ratio * share) / (1 - share + expected.ratio * share);
  const part = (weightsOf(['errors', 'traffic']).get('errors') ?? 1) * BEFORE_PROMOTION;
  const required = -Math.log((expected.alpha ?? ALPHA) * part) + Math.log(4) + Math.LN2;
  const each = FAILURE_BETS.map((bet) => {
    const perMinute = bad.canary * Math.log(bet) - (bad.canary + bad.stable) * Math.log1p(chance * (bet - 1));
    return perMinute <= 0 ? Number.POSITIVE_INFINITY : (required + 0.5 * Math.log(bet)) / perMinute;
  });
  const minutes = Math.max(1, Math.min(...each));
  return minutes <= DAY_MINUTES ? minutes : undefined;
}

function smallestFound(weight: Percent, bakeMinutes: number, expected: Expected): number | undefined {
  const isFound = (times: number) =>
    (minutesUntil(times, weight, expected) ?? Number.POSITIVE_INFINITY) <= bakeMinutes;
  let [low, high] = [1, 1 / Math.max(RATE_MIN, expected.errorRate)];
  if (!isFound(high)) return undefined;
  while (high / low > 1.01) {
    const middle = Math.sqrt(low * high);
    if (isFound(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/** Past half of the traffic a canary is no trial any more, so no weight above that is suggested. */
function leastWeight(from: Percent, bakeMinutes: number, expected: Expected): Percent | undefined {
  for (let weight = from + 1; weight <= 50; weight++) {
    if ((minutesUntil(TENFOLD, weight, expected) ?? Number.POSITIVE_INFINITY) <= bakeMinutes) return weight;
  }
  return undefined;
}

/** What a step can see, in words for whoever plans it: counts first, then what follows from them. */
export function sightText(sight: Sight, { errorRate }: Pick<Expected, 'errorRate'>): string[] {
  const { weight, bakeMinutes, requests, smallest } = sight;
  const at = `${weight} % for ${duration(bakeMinutes * 60)}: about ${number(requests)} canary requests`;
  if (smallest === undefined)
    return [`${at}; nothing can be seen here, not even that every request fails`, ...suggestions(sight)];
  const below = `less than ${twoDigits(smallest)}x is not visible in this step`;
  return errorRate * TENFOLD > 1
    ? [`${at}; ${below}`]
    : [`${at}; ${tenfoldText(sight)}; ${below}`, ...suggestions(sight)];
}

function tenfoldText({ tenfoldMinutes, bakeMinutes }: Sight): string {
  if (tenfoldMinutes === undefined) return 'ten times the errors would not be found in a day';
  const minutes = `about ${duration(Math.round(tenfoldMinutes) * 60).replace('60 s', '1 min')}`;
  return tenfoldMinutes <= bakeMinutes
    ? `ten times the errors are found in ${minutes}`
    : `ten times the errors would need ${minutes} and are not found here`;
}

function suggestions({ suggestedMinutes, suggestedWeight, weight, bakeMinutes }: Sight): string[] {
  const bake = suggestedMinutes === undefined ? [] : [`\`bake: ${suggestedMinutes}m\` at ${weight} %`];
  const more = suggestedWeight === undefined ? [] : [`\`weight: ${suggestedWeight}\` for ${bakeMinutes} min`];
  const ways = [...bake, ...more];
  return ways.length === 0 ? [] : [`  it would see ten times the errors with ${ways.join(', or ')}`];
}

function twoDigits(value: number): string {
  return value < 10 ? value.toFixed(1) : number(Number(value.toPrecision(2)));
}
