import { setImmediate } from 'node:timers/promises';
import { LATENCY_EDGES, latencyName } from '../core/analysis/histogram.ts';
import type { Clock } from '../core/ports.ts';
import { type Instant, type Percent, WINDOW_MS } from '../core/units.ts';
import type { Wait, WorldClock } from './clock.ts';
import type { Random } from './random.ts';
import type { CountedSamples, SimulatedCloudWatch } from './services/cloudwatch.ts';

/** Who gets which share of an alias' requests; the primary version takes what the others leave. */
export interface Routing {
  primary: string;
  weights: Record<string, Percent>;
}

/** A share of requests, 0 to 1, that may depend on the version, the time and its share of traffic. */
export type Rate = (version: string, at: Instant, weight: Percent) => number;

const none: Rate = () => 0;

/** What the users of one version met. */
export interface ModelTally {
  requests: number;
  errors: number;
  /** Failed responses, thrown or handled, and lost orders. */
  faults: number;
  /** Of them, those that the other version would have had as well. */
  weather: number;
  /** Answers that the function itself counted. */
  counted: number;
}

/** Traffic that exists as counts only, drawn when somebody asks. */
export interface ModelTraffic {
  /** Draws what has happened since the last call; call it before each change of the routing and each read of a metric. */
  settle(): void;
  /** By version, up to the last call of settle. */
  readonly tally: Readonly<Record<string, ModelTally>>;
  /** Settles, and ends the traffic. */
  stop(): void;
}

/**
 * Count-level traffic on one alias: requests arrive at random at their rate, each is routed by its own dice, and
 * CloudWatch gets the counts of each minute and version as if the functions had run. Nothing waits on the clock.
 */
export function modelTraffic(world: {
  clock: Clock;
  random: Random;
  /** Where it is counted. */
  cloudwatch: Pick<SimulatedCloudWatch, 'invocations'>;
  functionName: string;
  alias: string;
  requestsPerSecond: number | ((at: Instant) => number);
  /** The routing as it is now. */
  routing: () => Routing;
  /** Share of invocations that throw. */
  errorRate: Rate;
  /** Share of the responses that do not throw and are handled failures; none if it is not said. */
  faultRate?: Rate;
  /** Shares of the responses that fail whichever version answers, by a throw or handled: a dependency is out, or a job sends what nobody can answer. */
  weather?: Partial<Record<'errors' | 'faults', (at: Instant) => number>>;
  /** Whether the functions, or which versions, count their responses and faults; all do if it is not said. */
  counters?: boolean | ((version: string) => boolean);
  /** Share of the responses without a fault that lost the order they answer; orders are not counted if it is not said. */
  lostRate?: Rate;
  /** Share of the requests that are throttled instead of run; none if it is not said. */
  throttleRate?: Rate;
  /** Share of the requests that are lost before they are an invocation, so that AWS counts them nowhere: a key, a file system, a network interface or an image that cannot be had (Lambda developer guide, "Troubleshoot invocation issues"; that nothing counts them: "Types of metrics"). */
  uncountedRate?: Rate;
  /** Share of the requests that run into the time-out, after which they are counted as errors of the minute in which they began (Lambda developer guide, "Types of metrics"). */
  hangingRate?: Rate;
  timeoutMs?: number;
  /** Share of the requests whose runs Lambda ends for their memory: errors that it counts, of which no counter of the function's own knows (Lambda developer guide, "Troubleshoot invocation issues", on memory; that such a run logs nothing more is assumed). */
  killedRate?: Rate;
  /** Whether the counts of lost orders come in two units; never if it is absent. */
  mixedUnits?: () => boolean;
  /** How far in the future the function's own counters of a version are stamped, in milliseconds; CloudWatch takes up to two hours (PutMetricData, "Timestamp"). */
  aheadMs?: (version: string) => number;
  /** Share of the requests that are not made, because those who make them still wait for an answer; assumed. */
  unaskedRate?: Rate;
  /** Which share of a version's counts can be read so many milliseconds later than usual; the rest restates what was read before. Assumed. */
  lateness?: (version: string, at: Instant) => { share: number; ms: number } | undefined;
  /** Median duration in milliseconds, lognormal with deviation 0.5; durations are not counted if it is not said. */
  medianMs?: Rate;
}): ModelTraffic {
  const { clock, random, cloudwatch, functionName, alias, requestsPerSecond, errorRate } = world;
  const { weather = {}, faultRate = none, counters = true, throttleRate = none, lostRate, medianMs } = world;
  const { uncountedRate = none, hangingRate = none, unaskedRate = none, timeoutMs = 3_000 } = world;
  const { killedRate = none, mixedUnits = () => false, aheadMs = () => 0 } = world;
  const rateAt = typeof requestsPerSecond === 'number' ? () => requestsPerSecond : requestsPerSecond;
  const tally: Record<string, ModelTally> = {};
  let settledTo = clock.now();
  let stopped = false;

  const draw = (from: Instant, to: Instant, { primary, weights }: Routing) => {
    const at = (from + to) / 2;
    let left = random.poisson((rateAt(at) * (to - from)) / 1000);
    let weightLeft = 100;
    for (const [version, weight] of Object.entries(weights)) {
      const count = random.binomial(left, weight / weightLeft);
      left -= count;
      weightLeft -= weight;
      serve(version, from, at, weight, count);
    }
    serve(primary, from, at, weightLeft, left);
  };

  /** Draws only what can happen, so that a rate of zero moves no dice. */
  const drawn = (of: number, rate: Rate, ...met: Parameters<Rate>) => {
    const share = rate(...met);
    return share === 0 ? 0 : random.binomial(of, share);
  };

  const serve = (version: string, minute: Instant, at: Instant, weight: Percent, due: number) => {
    const met = [version, at, weight] as const;
    const asked = due - drawn(due, unaskedRate, ...met);
    if (due === 0) return;
    const throttles = random.binomial(asked, throttleRate(...met));
    const uncounted = drawn(asked - throttles, uncountedRate, ...met);
    const hanging = drawn(asked - throttles - uncounted, hangingRate, ...met);
    const killed = drawn(asked - throttles - uncounted - hanging, killedRate, ...met);
    const count = asked - throttles - uncounted - hanging - killed;
    const ownErrors = random.binomial(count, errorRate(...met));
    const thrown = drawn(count - ownErrors, () => weather.errors?.(at) ?? 0, ...met);
    const errors = ownErrors + thrown;
    // As with-spillway counts them: an answer that throws is a fault too.
    const ownFaults = errors + random.binomial(count - errors, faultRate(...met));
    const handled = drawn(count - ownFaults, () => weather.faults?.(at) ?? 0, ...met);
    const faults = ownFaults + handled;
    const lost = lostRate && random.binomial(count - faults, lostRate(...met));
    const isCounted = typeof counters === 'boolean' ? counters : counters(version);
    const before = tally[version] ?? { requests: 0, errors: 0, faults: 0, weather: 0, counted: 0 };
    const unanswered = throttles + uncounted + hanging + killed;
    tally[version] = {
      requests: before.requests + asked,
      errors: before.errors + errors + hanging + killed,
      faults: before.faults + faults + unanswered + (lost ?? 0),
      weather: before.weather + thrown + handled,
      counted: before.counted + (isCounted ? count : 0),
    };
    const of = { functionName, alias, version, minute, aheadMs: aheadMs(version) };
    const lostBefore = due - asked + uncounted;
    const late = world.lateness?.(version, at);
    const isRestated = late !== undefined && late.share < 1;
    const shareOf = (all: number) => (isRestated ? random.binomial(all, late.share) : 0);
    const lateErrors = shareOf(errors);
    const lateFaults = lateErrors + shareOf(faults - errors);
    const lateCount = lateFaults + shareOf(count - faults);
    const shared = isCounted ? thrown + handled : thrown;
    const counted = (all: number) => (isCounted ? all : undefined);
    const known = count + throttles + lostBefore;
    if (known > 0)
      cloudwatch.invocations({
        ...{ ...of, throttles, lost: lostBefore, count: count - lateCount, errors: errors - lateErrors },
        faults: counted(faults - lateFaults),
        weather: isRestated ? random.binomial(shared, 1 - late.share) : shared,
        orders: lost === undefined ? undefined : { taken: count, lost, isMixed: mixedUnits() },
        latency: medianMs && latencies(random, count, medianMs(...met)),
        lateMs: late === undefined || isRestated ? 0 : late.ms,
      });
    if (isRestated)
      cloudwatch.invocations({
        ...{ ...of, count: lateCount, errors: lateErrors, faults: counted(lateFaults), lateMs: late.ms },
      });
    if (killed > 0) cloudwatch.invocations({ ...of, count: killed, errors: killed });
    // What is ended by Lambda logs nothing, so no counter of the function's own knows of it.
    if (hanging > 0)
      cloudwatch.invocations({ ...of, count: hanging, errors: hanging, lateMs: timeoutMs, hangs: true });
  };

  const settle = () => {
    if (stopped) return;
    const now = clock.now();
    const routing = world.routing();
    while (settledTo < now) {
      const to = Math.min(now, settledTo - (settledTo % WINDOW_MS) + WINDOW_MS);
      draw(settledTo, to, routing);
      settledTo = to;
    }
  };

  return {
    settle,
    tally,
    stop() {
      settle();
      stopped = true;
    },
  };
}

const DEVIATION = 0.5;

/** Draws how many requests each of the metrics of `withSpillway` counts, and how many of them in its upper part, one part after the other. */
function latencies(random: Random, count: number, median: number): Record<string, CountedSamples> {
  const counts: Record<string, CountedSamples> = {};
  let [left, below] = [count, 0];
  const take = (part: number, taken: number) => {
    if (taken === 0) return;
    const name = latencyName(Math.ceil(part / 2));
    const { samples, ones } = counts[name] ?? { samples: 0, ones: 0 };
    counts[name] = { samples: samples + taken, ones: ones + (part > 0 && part % 2 === 0 ? taken : 0) };
    left -= taken;
  };
  for (const [part, edge] of LATENCY_EDGES.entries()) {
    const to = normalShare(Math.log(edge / median) / DEVIATION);
    take(part, random.binomial(left, Math.min(1, (to - below) / (1 - below))));
    below = to;
    if (left === 0) break;
  }
  take(LATENCY_EDGES.length, left);
  return counts;
}

/** Share of a standard normal variable below `z`, to about 0.02 %, by a logistic curve with a cubic term (Page 1977). */
function normalShare(z: number): number {
  return 1 / (1 + Math.exp(-Math.sqrt(8 / Math.PI) * (z + 0.044715 * z ** 3)));
}

/** What the clients of one version met, and when it first and last answered. */
interface RequestTally {
  requests: number;
  failed: number;
  firstAt: Instant;
  lastAt: Instant;
}

/** Requests that are really made. */
export interface RequestTraffic {
  readonly tally: Readonly<Record<string, RequestTally>>;
  /** Makes no more requests; resolves when the last one is answered. @throws what a request threw */
  stop(): Promise<void>;
}

const IN_FLIGHT_MAX = 64;

/**
 * Real requests that arrive at random at their rate of the clock's time. At most 64 are in flight: past that the
 * rate falls, and no backlog grows that would later arrive as a wave.
 */
export function requestTraffic(world: {
  clock: WorldClock;
  random: Random;
  requestsPerSecond: number;
  request: () => Promise<{ version: string; statusCode?: number; failed: boolean }>;
}): RequestTraffic {
  const { clock, random, requestsPerSecond, request } = world;
  const tally: Record<string, RequestTally> = {};
  const inFlight = new Set<Promise<void>>();
  const errors: unknown[] = [];
  let waiting: Wait | undefined;
  let stopped = false;

  const ask = async () => {
    try {
      const { version, failed } = await request();
      const now = clock.now();
      const before = tally[version] ?? { requests: 0, failed: 0, firstAt: now };
      tally[version] = {
        requests: before.requests + 1,
        failed: before.failed + (failed ? 1 : 0),
        firstAt: before.firstAt,
        lastAt: now,
      };
    } catch (error) {
      errors.push(error);
    }
  };

  const launch = () => {
    const answered = ask().finally(() => inFlight.delete(answered));
    inFlight.add(answered);
  };

  const run = async () => {
    let due = clock.now();
    while (!stopped) {
      due += (-Math.log(1 - random.next()) / requestsPerSecond) * 1000;
      // Several requests that fell due within one tick of a fast clock go out together.
      if (due > clock.now()) {
        waiting = clock.after(due - clock.now());
        await waiting.done;
      }
      if (inFlight.size >= IN_FLIGHT_MAX) {
        await Promise.race(inFlight);
        // Requests that answer at once must not keep the timers of all others waiting.
        await setImmediate();
        due = clock.now();
      }
      if (!stopped) launch();
    }
  };
  void run();

  return {
    tally,
    async stop() {
      stopped = true;
      waiting?.cancel();
      await Promise.all(inFlight);
      if (errors.length > 0)
        throw new AggregateError(errors, `${errors.length} requests ended without an answer.`);
    },
  };
}
