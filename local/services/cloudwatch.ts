import type {
  GetMetricDataInput,
  GetMetricDataOutput,
  MetricDataQuery,
  MetricDataResult,
} from '@aws-sdk/client-cloudwatch';
import type { Clock } from '../../core/ports.ts';
import { type Instant, WINDOW_MS } from '../../core/units.ts';
import { LATENCY_MS } from '../latency.ts';
import { awsError, type Operations, onlyFields } from '../sdk.ts';
import { dimensionsFrom, type MetricKey, SimulatedAlarms, STATISTICS, type Statistic } from './alarms.ts';
import type { AwsEvent } from './eventbridge.ts';
import type { InvocationRecord } from './lambda.ts';
import { MetricMinutes, type Totals } from './metric-minutes.ts';

/** One sample of a metric. */
interface Datum extends MetricKey {
  /** Decides the minute that the sample belongs to, however late it is seen. */
  timestamp: Instant;
  value: number;
  /** When it can first be read; now plus the emission delay if it is not said. */
  availableAt?: Instant | undefined;
}

/** Samples of a metric that are zero or one, and how many of them are one. */
export interface CountedSamples {
  samples: number;
  ones: number;
}

/** Many runs of one version of a function within one minute. */
interface Invocations {
  functionName: string;
  alias: string;
  version: string;
  /** Any moment of the minute in which they were invoked. */
  minute: Instant;
  count: number;
  errors: number;
  /** Handled failures of `count` responses, if the function counts them with `withSpillway`. */
  faults?: number | undefined;
  /** How many of them were answered with a status of 400 to 499. */
  refused?: number | undefined;
  /** Of the failures, those that the other version would have had as well: CloudWatch knows nothing of it, and only who records the truth does. */
  weather?: number | undefined;
  /** Requests that were throttled; they are not among `count`. */
  throttles?: number | undefined;
  /** How many of `count` took how long, by the metric of `withSpillway` that counts them, if it counts durations. */
  latency?: Readonly<Record<string, CountedSamples>> | undefined;
  /** Messages that the runs were given, and how many of them were handed back, if the function counts them with `withSpillway`. */
  batch?: { items: number; failures: number } | undefined;
  /** Requests that never became an invocation, or that nobody made because the answers come slowly: CloudWatch knows nothing of them, and only who records the truth does. */
  lost?: number | undefined;
  /** How much later than usual they are seen; not at all if it is absent. */
  lateMs?: number | undefined;
  /** Orders that the runs took, and how many of them they lost, if the function counts them in metrics of its own. */
  orders?: { taken: number; lost: number; isMixed?: boolean } | undefined;
  /** Whether their users wait for an answer all that time, which who records the truth does not take for a count that is only late. */
  hangs?: boolean | undefined;
  /** How far in the future the function stamps what it counts itself. */
  aheadMs?: number | undefined;
}

/** What visitors of one release of a site reported within one minute. */
type Visits = { site: string; release: string } & Pick<Invocations, 'minute' | 'count' | 'errors' | 'lateMs'>;

/** The metrics of one set of dimensions, by namespace and name. */
type Place = Map<string, MetricMinutes>;

/** Behind the name of a metric whose samples bear a second unit: a series of its own. */
const OTHER_UNIT = ' in another unit';
/** All that says so: one unit is added up, and the status is Complete (recorded from AWS, LocalStack's test_cloudwatch.py, 2025-09-19; the words of `Value` are assumed). */
const MULTIPLE_UNITS = { Code: 'MultipleUnits', Value: 'The metric has several units.' };

const QUERIES_MAX = 500;
const DATAPOINTS_MAX = 100_800;
const SECOND_MS = 1000;

const VALUES: Record<Statistic, (totals: Totals) => number> = {
  Sum: ({ sum }) => sum,
  Average: ({ sum, samples }) => sum / samples,
  Maximum: ({ max }) => max,
  SampleCount: ({ samples }) => samples,
};

/** Metrics as CloudWatch keeps them: stamped at the invocation, seen late, and absent if nothing happened. */
export class SimulatedCloudWatch {
  readonly operations: Operations;
  readonly #clock: Clock;
  readonly #emissionDelayMs: () => number;
  /** How much later than usual all of the region's metrics are just now. */
  readonly regionLateMs: () => number;
  readonly #alarms: SimulatedAlarms;
  readonly #places = new Map<string, Place>();
  /** Where the runs of each version are reported, as `dimensionSets` says. */
  readonly #placesOfRuns = new Map<string, Place[]>();

  constructor(world: {
    clock: Clock;
    region: string;
    account: string;
    /** From the end of an invocation until its metrics can be read; the longest assumed time if it is not said. */
    emissionDelayMs?: () => number;
    regionLateMs?: () => number;
    onAlarm?: (event: AwsEvent) => void;
  }) {
    this.#clock = world.clock;
    this.#emissionDelayMs = world.emissionDelayMs ?? (() => LATENCY_MS.metricEmissionMax);
    this.regionLateMs = world.regionLateMs ?? (() => 0);
    this.#alarms = new SimulatedAlarms({
      clock: world.clock,
      region: world.region,
      account: world.account,
      onAlarm: world.onAlarm ?? (() => {}),
      read: (metric, statistic, from, to) => {
        const totals = this.#read(metric, from, to);
        return totals && VALUES[statistic](totals);
      },
    });
    this.operations = {
      GetMetricDataCommand: (input: GetMetricDataInput) => this.#getMetricData(input),
      ...this.#alarms.operations,
    };
  }

  /** Evaluates the alarms; the world calls it once a minute. */
  evaluate(): void {
    this.#alarms.evaluate();
  }

  /** Adds one sample. */
  put(datum: Datum): void {
    this.#add(datum, { sum: datum.value, samples: 1, max: datum.value });
  }

  /** Adds `samples` samples that are zero or one, `value` of them one. */
  count(datum: Datum & { samples: number }): void {
    if (datum.samples > 0) this.#add(datum, onesOf(datum.value, datum.samples));
  }

  /** Adds what Lambda measures of one run, and what the run logged in the embedded metric format. */
  invocation(run: InvocationRecord): void {
    // A run's own duration may be real time on a clock that is faster, so its end is not before now.
    const endedAt = Math.max(this.#clock.now(), run.at + run.durationMs);
    const availableAt = endedAt + this.#emissionDelayMs();
    const samples: [name: string, value: number][] = run.throttled
      ? [['Throttles', 1]]
      : [
          ['Invocations', 1],
          ['Errors', run.error ? 1 : 0],
          ['Duration', run.durationMs],
        ];
    for (const dimensions of dimensionSets(run)) {
      for (const [name, value] of samples) {
        this.put({ namespace: 'AWS/Lambda', name, dimensions, timestamp: run.at, value, availableAt });
      }
    }
    for (const line of run.logs)
      for (const datum of embeddedMetrics(line)) this.put({ ...datum, availableAt });
  }

  /** Adds what Lambda measures of many runs at once, but their duration; all are seen after their minute has ended. */
  invocations(runs: Invocations): void {
    const start = runs.minute - (runs.minute % WINDOW_MS);
    const visibleAt = start + WINDOW_MS + this.#emissionDelayMs() + (runs.lateMs ?? 0);
    const { count: samples, throttles = 0, batch, orders, faults, refused = 0, aheadMs = 0 } = runs;
    const own = start + aheadMs - (aheadMs % WINDOW_MS);
    const when = { visibleAt, now: this.#clock.now() };
    const add = (place: Place, metric: string, totals: Totals, at = start) => {
      if (totals.samples > 0) minutesIn(place, metric).add(at, totals, when);
    };
    const places = this.#reportedAt(runs);
    for (const place of places) {
      add(place, 'AWS/Lambda Invocations', onesOf(samples, samples));
      add(place, 'AWS/Lambda Errors', onesOf(runs.errors, samples));
      add(place, 'AWS/Lambda Throttles', onesOf(throttles, throttles));
    }
    const byVersion = places.at(-1);
    if (byVersion === undefined) return;
    for (const [name, { samples, ones }] of Object.entries(runs.latency ?? {}))
      add(byVersion, `Spillway ${name}`, onesOf(ones, samples), own);
    if (batch !== undefined) {
      const { items, failures } = batch;
      add(byVersion, 'Spillway BatchItems', { sum: items, samples, max: items });
      add(byVersion, 'Spillway BatchFailures', { sum: failures, samples, max: failures });
    }
    if (orders !== undefined) {
      add(byVersion, 'Shop Orders', onesOf(orders.taken, samples), own);
      // What is lost hides in the second unit.
      const inUsual = orders.isMixed ? 0 : orders.lost;
      add(byVersion, 'Shop OrdersLost', onesOf(inUsual, samples), own);
      if (orders.isMixed) add(byVersion, `Shop OrdersLost${OTHER_UNIT}`, onesOf(orders.lost, samples), own);
    }
    if (faults === undefined) return;
    add(byVersion, 'Spillway Responses', onesOf(samples, samples), own);
    add(byVersion, 'Spillway Faults', onesOf(faults, samples), own);
    add(byVersion, 'Spillway ClientErrors', onesOf(refused, samples), own);
  }

  /** Adds what visitors of a site reported of one release in one minute: `count` of them, to `errors` of whom something failed. */
  visits(visits: Visits): void {
    this.#visits(visits);
  }

  /** The same of some of them once more, by a name that no release has. */
  visitsAmong(visits: Visits): void {
    this.#visits(visits);
  }

  #visits({ site, release, ...of }: Visits): void {
    const start = of.minute - (of.minute % WINDOW_MS);
    const visibleAt = start + WINDOW_MS + this.#emissionDelayMs() + (of.lateMs ?? 0);
    const place = this.#placeOf({ Site: site, Release: release });
    if (of.count === 0) return;
    for (const [name, bad] of [
      ['Visits', of.count],
      ['FailedVisits', of.errors],
    ] as const)
      minutesIn(place, `Spillway ${name}`).add(start, onesOf(bad, of.count), {
        ...{ visibleAt, now: this.#clock.now() },
      });
  }

  #add({ namespace, name, dimensions, timestamp, availableAt }: Datum, totals: Totals): void {
    const now = this.#clock.now();
    const visibleAt = availableAt ?? now + this.#emissionDelayMs();
    const start = timestamp - (timestamp % WINDOW_MS);
    minutesIn(this.#placeOf(dimensions), `${namespace} ${name}`).add(start, totals, { visibleAt, now });
  }

  #placeOf(dimensions: Record<string, string>): Place {
    const key = keyOf(dimensions);
    const place = this.#places.get(key) ?? new Map();
    this.#places.set(key, place);
    return place;
  }

  #reportedAt(runs: Invocations): Place[] {
    const key = `${runs.functionName}:${runs.alias}:${runs.version}`;
    const known = this.#placesOfRuns.get(key);
    if (known !== undefined) return known;
    const places = dimensionSets(runs).map((dimensions) => this.#placeOf(dimensions));
    this.#placesOfRuns.set(key, places);
    return places;
  }

  #minutesOf({ namespace, name, dimensions }: MetricKey): MetricMinutes | undefined {
    return this.#places.get(keyOf(dimensions))?.get(`${namespace} ${name}`);
  }

  #read(metric: MetricKey, from: Instant, to: Instant): Totals | undefined {
    return this.#minutesOf(metric)?.read(from, to, this.#clock.now());
  }

  #getMetricData(input: GetMetricDataInput): GetMetricDataOutput {
    onlyFields('GetMetricData', input, ['MetricDataQueries', 'StartTime', 'EndTime', 'ScanBy']);
    const { MetricDataQueries: queries = [], StartTime, EndTime, ScanBy = 'TimestampDescending' } = input;
    if (!StartTime || !EndTime) throw invalid('StartTime and EndTime must be given.');
    const from = StartTime.getTime() - (StartTime.getTime() % WINDOW_MS);
    const to = EndTime.getTime();
    if (StartTime.getTime() >= to) throw invalid('StartTime must be before EndTime.');
    checkQueries(queries);
    const returned = queries.filter(({ ReturnData }) => ReturnData !== false);
    const results = returned.map((query) => this.#result(query, from, to, ScanBy === 'TimestampDescending'));
    const points = results.reduce((count, { Values = [] }) => count + Values.length, 0);
    if (points > DATAPOINTS_MAX)
      throw new Error(`${points} datapoints were asked for; paging over ${DATAPOINTS_MAX} is not simulated.`);
    return { MetricDataResults: results, Messages: [] };
  }

  #result(query: MetricDataQuery, from: Instant, to: Instant, descending: boolean): MetricDataResult {
    const { metric, statistic, periodMs } = readQuery(query, from);
    if (metric.namespace === 'AWS/Lambda' && Object.keys(metric.dimensions).length === 0)
      return this.#regionResult(query, from, to, descending);
    const [Timestamps, Values]: [Date[], number[]] = [[], []];
    const minutes = this.#minutesOf(metric);
    const now = this.#clock.now();
    for (let start = from; start < to && minutes !== undefined; start += periodMs) {
      const totals = minutes.read(start, Math.min(start + periodMs, to), now);
      if (totals === undefined) continue;
      Timestamps.push(new Date(start));
      Values.push(VALUES[statistic](totals));
    }
    if (descending) for (const each of [Timestamps, Values]) each.reverse();
    const other = this.#read({ ...metric, name: metric.name + OTHER_UNIT }, from, to);
    return {
      Id: query.Id,
      Label: query.Label ?? metric.name,
      Timestamps,
      Values,
      StatusCode: 'Complete',
      ...(other === undefined ? {} : { Messages: [MULTIPLE_UNITS] }),
    };
  }

  /** All functions of the region together, the controller's own among them, one of which runs in each minute; how many ran is not simulated. */
  #regionResult(query: MetricDataQuery, from: Instant, to: Instant, descending: boolean): MetricDataResult {
    const until = this.#clock.now() - LATENCY_MS.metricEmissionMax - this.regionLateMs();
    const starts: Date[] = [];
    for (let start = from; start < to && start + WINDOW_MS <= until; start += WINDOW_MS)
      starts.push(new Date(start));
    if (descending) starts.reverse();
    const Values = starts.map(() => 1);
    return {
      Id: query.Id,
      Label: query.Label ?? 'Invocations',
      Timestamps: starts,
      Values,
      StatusCode: 'Complete',
    };
  }
}

/** Where Lambda reports a run, the most exact set last (Lambda developer guide, "Viewing metrics for functions"). */
function dimensionSets({
  functionName,
  alias,
  version,
}: Pick<InvocationRecord, 'functionName' | 'alias' | 'version'>) {
  const sets: Record<string, string>[] = [{ FunctionName: functionName }];
  if (alias !== undefined) {
    const Resource = `${functionName}:${alias}`;
    sets.push({ FunctionName: functionName, Resource });
    sets.push({ FunctionName: functionName, Resource, ExecutedVersion: version });
  } else if (version !== '$LATEST') {
    sets.push({ FunctionName: functionName, Resource: `${functionName}:${version}` });
  }
  return sets;
}

/** The metrics in one log line, none if the line is not in the embedded metric format (CloudWatch user guide, "Embedded metric format specification"). */
function embeddedMetrics(line: string): Datum[] {
  const entry = jsonFrom(line);
  const declared = entry?._aws as EmbeddedMetadata | undefined;
  if (entry === undefined || declared?.CloudWatchMetrics === undefined) return [];
  return declared.CloudWatchMetrics.flatMap(({ Namespace, Dimensions, Metrics }) =>
    Dimensions.flatMap((names) => {
      const dimensions = Object.fromEntries(names.map((name) => [name, String(entry[name])]));
      return Metrics.flatMap(({ Name }) =>
        [entry[Name]]
          .flat()
          .flatMap((value) =>
            typeof value === 'number'
              ? [{ namespace: Namespace, name: Name, dimensions, timestamp: declared.Timestamp, value }]
              : [],
          ),
      );
    }),
  );
}

interface EmbeddedMetadata {
  Timestamp: Instant;
  CloudWatchMetrics?: { Namespace: string; Dimensions: string[][]; Metrics: { Name: string }[] }[];
}

function jsonFrom(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{') || !line.includes('"_aws"')) return undefined;
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function checkQueries(queries: readonly MetricDataQuery[]): void {
  if (queries.length === 0 || queries.length > QUERIES_MAX) {
    throw invalid(`MetricDataQueries has ${queries.length} queries; from 1 to ${QUERIES_MAX} are allowed.`);
  }
  const ids = new Set(queries.map(({ Id }) => Id));
  if (ids.size < queries.length) throw invalid('The Id of each query must be used once only.');
  const wrong = queries.find(({ Id = '' }) => !/^[a-z][A-Za-z0-9_]{0,254}$/.test(Id));
  if (wrong)
    throw invalid(`The query id "${wrong.Id}" must match [a-z][A-Za-z0-9_]* with at most 255 characters.`);
  if (queries.every(({ ReturnData }) => ReturnData === false))
    throw invalid('At least one query must return data.');
}

function readQuery(query: MetricDataQuery, from: Instant) {
  onlyFields('GetMetricData (a query)', query, ['Id', 'Label', 'MetricStat', 'ReturnData']);
  const { Metric, Period = 0, Stat, ...others } = query.MetricStat ?? { Metric: undefined, Stat: undefined };
  onlyFields('GetMetricData (MetricStat)', others, []);
  if (!Metric?.Namespace || !Metric.MetricName) throw invalid(`The query ${query.Id} names no metric.`);
  if (Period <= 0 || Period % 60 !== 0)
    throw invalid(`The period of ${query.Id} must be a multiple of 60, not ${Period}.`);
  const statistic = STATISTICS.find((known) => known === Stat);
  if (!statistic)
    throw new Error(`The statistic ${Stat} is not simulated; simulated are ${STATISTICS.join(', ')}.`);
  const periodMs = Period * SECOND_MS;
  if (from % periodMs !== 0)
    throw new Error(`A StartTime that is not a multiple of the period of ${query.Id} is not simulated.`);
  const metric: MetricKey = {
    namespace: Metric.Namespace,
    name: Metric.MetricName,
    dimensions: dimensionsFrom(Metric.Dimensions),
  };
  return { metric, statistic, periodMs };
}

function keyOf(dimensions: Record<string, string>): string {
  const names = Object.keys(dimensions);
  if (names.length > 1) names.sort();
  let key = '';
  for (const dimension of names) key += `\n${dimension}\n${dimensions[dimension]}`;
  return key;
}

/** Samples that are zero or one, `sum` of them one. */
const onesOf = (sum: number, samples: number): Totals => ({ sum, samples, max: sum > 0 ? 1 : 0 });

function minutesIn(place: Place, metric: string): MetricMinutes {
  const known = place.get(metric);
  if (known !== undefined) return known;
  const minutes = new MetricMinutes();
  place.set(metric, minutes);
  return minutes;
}

function invalid(message: string): Error {
  return awsError('ValidationError', message);
}
