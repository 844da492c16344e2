import type {
  CompositeAlarm,
  DeleteAlarmsInput,
  DescribeAlarmsInput,
  DescribeAlarmsOutput,
  Dimension,
  MetricAlarm,
  MetricDataQuery,
  PutCompositeAlarmInput,
  PutMetricAlarmInput,
  SetAlarmStateInput,
  StateValue,
} from '@aws-sdk/client-cloudwatch';
import type { Clock } from '../../core/ports.ts';
import { type Instant, WINDOW_MS } from '../../core/units.ts';
import { awsError, type Operations, onlyFields } from '../sdk.ts';
import { type AwsEvent, eventId, eventTime } from './eventbridge.ts';

/** One metric, told apart by all three: another set of dimensions is another metric. */
export interface MetricKey {
  namespace: string;
  name: string;
  dimensions: Record<string, string>;
}

/** The statistics that are simulated. */
export const STATISTICS = ['Sum', 'Average', 'Maximum', 'SampleCount'] as const;
export type Statistic = (typeof STATISTICS)[number];

/** Reads one statistic over a stretch of time as it can be seen now, or undefined if there is no data. */
type ReadMetric = (metric: MetricKey, statistic: Statistic, from: Instant, to: Instant) => number | undefined;

interface Standing {
  value: StateValue;
  reason: string;
  /** JSON; absent until the alarm was first evaluated. */
  reasonData?: string;
  at: Instant;
}

interface MetricWatch {
  name: string;
  standing: Standing;
  input: PutMetricAlarmInput;
  /** Absent for an expression or an anomaly band: nobody evaluates those here, and only SetAlarmState changes their state. */
  watch?: Watch | undefined;
}

interface CompositeWatch {
  name: string;
  standing: Standing;
  input: PutCompositeAlarmInput;
  rule: Rule;
  /** The states of its children that it was last evaluated on: it is evaluated when one of them changes, and only then. */
  judged?: (Standing | undefined)[];
}

/** What of a metric alarm decides its state. */
interface Watch {
  metric: MetricKey;
  statistic: Statistic;
  periodMs: number;
  periods: number;
  toAlarm: number;
  threshold: number;
  breaches: (value: number) => boolean;
  /** How a breach compares with the threshold, in words. */
  compares: string;
  missing: string;
}

const METRIC_FIELDS = [
  'AlarmName',
  'AlarmDescription',
  'Namespace',
  'MetricName',
  'Dimensions',
  'Statistic',
  'Period',
  'EvaluationPeriods',
  'DatapointsToAlarm',
  'Threshold',
  'ComparisonOperator',
  'TreatMissingData',
  'Metrics',
  'ThresholdMetricId',
] as const;

const NAMES_MAX = 100;
/** How many alarms one answer has if the caller does not say; assumed. */
const RECORDS_DEFAULT = 50;

/** How many periods beyond the evaluated ones are looked at if data is missing: 2 in the CloudWatch user guide's examples, "Configuring how alarms treat missing data". */
const EXTRA_PERIODS = 2;

/** Alarms as CloudWatch keeps them: evaluated when the world says so, composite ones after their children. */
export class SimulatedAlarms {
  readonly #metrics = new Map<string, MetricWatch>();
  readonly #composites = new Map<string, CompositeWatch>();
  readonly #world: {
    clock: Clock;
    region: string;
    account: string;
    read: ReadMetric;
    onAlarm: (event: AwsEvent) => void;
  };
  #events = 0;

  constructor(world: {
    clock: Clock;
    region: string;
    account: string;
    read: ReadMetric;
    onAlarm: (event: AwsEvent) => void;
  }) {
    this.#world = world;
  }

  readonly operations = {
    DescribeAlarmsCommand: (input: DescribeAlarmsInput): DescribeAlarmsOutput => this.#describe(input),
    PutMetricAlarmCommand: (input: PutMetricAlarmInput): object => this.#putMetric(input),
    PutCompositeAlarmCommand: (input: PutCompositeAlarmInput): object => this.#putComposite(input),
    SetAlarmStateCommand: (input: SetAlarmStateInput): object => this.#set(input),
    DeleteAlarmsCommand: (input: DeleteAlarmsInput): object => this.#delete(input),
  } satisfies Operations;

  /** Evaluates every alarm on the whole minutes before now; CloudWatch does so once a minute. */
  evaluate(): void {
    const now = this.#world.clock.now();
    const end = now - (now % WINDOW_MS);
    for (const alarm of this.#metrics.values())
      if (alarm.watch !== undefined) this.#evaluateMetric(alarm, alarm.watch, end);
    this.#evaluateComposites();
  }

  #evaluateMetric(alarm: MetricWatch, watch: Watch, end: Instant): void {
    const { metric, statistic, periodMs, periods, threshold } = watch;
    const starts = Array.from({ length: periods + EXTRA_PERIODS }, (_, back) => end - (back + 1) * periodMs);
    const read = (from: Instant, what: Statistic) => this.#world.read(metric, what, from, from + periodMs);
    const newestFirst = starts.map((from) => read(from, statistic));
    const next = decide(watch, newestFirst) ?? alarm.standing.value;
    const seen = newestFirst.filter((value) => value !== undefined).slice(0, periods);
    const points = starts.map((from, back) => ({ from, value: newestFirst[back] }));
    // Newest first. What has not come yet is not among them, and without data a point has its time alone (answers of AWS: LocalStack's
    // test_cloudwatch.py, the fixture of `aws_lambda_events`, 2023-08-04); which ones there are if only some are missing is assumed.
    const evaluated =
      seen.length < periods
        ? points.slice(0, periods)
        : points.filter(({ value }) => value !== undefined).slice(0, periods);
    this.#move(alarm, next, metricReason(watch, next, seen), {
      version: '1.0',
      queryDate: timestamp(this.#world.clock.now()),
      startDate: timestamp(end - periods * periodMs),
      statistic,
      period: periodMs / 1000,
      recentDatapoints: seen.toReversed(),
      threshold,
      evaluatedDatapoints: evaluated.map(({ from, value }) => ({
        timestamp: timestamp(from),
        ...(value === undefined ? {} : { sampleCount: read(from, 'SampleCount'), value }),
      })),
    });
  }

  /** Composites may stand on composites, so they are evaluated until none of them moves. */
  #evaluateComposites(): void {
    for (let round = 0; round <= this.#composites.size; round++) {
      const moved = [...this.#composites.values()].filter((alarm) => this.#evaluateComposite(alarm));
      if (moved.length === 0) return;
    }
    throw new Error(
      `The composite alarms ${[...this.#composites.keys()].join(', ')} depend on each other in a circle.`,
    );
  }

  #evaluateComposite(alarm: CompositeWatch): boolean {
    const children = alarm.rule.children.map((name) => this.#find(name)?.standing);
    if (alarm.judged && children.every((standing, at) => standing === alarm.judged?.[at])) return false;
    alarm.judged = children;
    const next = alarm.rule.holds((name) => this.#find(name)?.standing.value) ? 'ALARM' : 'OK';
    const triggering = alarm.rule.children.flatMap((name) => {
      const child = this.#find(name);
      if (child?.standing.value !== next) return [];
      return [{ arn: this.#arn(name), state: { value: next, timestamp: timestamp(child.standing.at) } }];
    });
    const first = triggering[0];
    const reason =
      first === undefined
        ? `${this.#arn(alarm.name)}: its alarm rule evaluates to ${next}`
        : `${first.arn} transitioned to ${next} at ${first.state.timestamp}`;
    return this.#move(alarm, next, reason, { triggeringAlarms: triggering });
  }

  /** True if the state changed. */
  #move(alarm: MetricWatch | CompositeWatch, value: StateValue, reason: string, data: object): boolean {
    const previous = alarm.standing;
    if (previous.value === value) return false;
    alarm.standing = { value, reason, reasonData: JSON.stringify(data), at: this.#world.clock.now() };
    this.#world.onAlarm(this.#event(alarm, previous));
    return true;
  }

  /** The event of a change (CloudWatch user guide, "Alarm events and EventBridge"). */
  #event(alarm: MetricWatch | CompositeWatch, previous: Standing): AwsEvent {
    const { region, account, clock } = this.#world;
    this.#events += 1;
    return {
      version: '0',
      id: eventId('aws.cloudwatch', this.#events),
      'detail-type': 'CloudWatch Alarm State Change',
      source: 'aws.cloudwatch',
      account,
      time: eventTime(clock.now()),
      region,
      resources: [this.#arn(alarm.name)],
      detail: {
        alarmName: alarm.name,
        configuration: configuration(alarm),
        previousState: stateDetail(previous),
        state: stateDetail(alarm.standing),
      },
    };
  }

  #describe(input: DescribeAlarmsInput): DescribeAlarmsOutput {
    onlyFields('DescribeAlarms', input, ['AlarmNames', 'AlarmTypes', 'MaxRecords', 'NextToken']);
    const { AlarmNames: names, AlarmTypes: types = ['MetricAlarm'], MaxRecords = RECORDS_DEFAULT } = input;
    if (names !== undefined && names.length > NAMES_MAX) {
      throw invalid(`AlarmNames has ${names.length} names; at most ${NAMES_MAX} are allowed.`);
    }
    if (MaxRecords < 1 || MaxRecords > NAMES_MAX) throw invalid(`MaxRecords must be from 1 to ${NAMES_MAX}.`);
    const metrics = types.includes('MetricAlarm') ? [...this.#metrics.values()] : [];
    const composites = types.includes('CompositeAlarm') ? [...this.#composites.values()] : [];
    const asked = [...metrics, ...composites].filter(
      ({ name }) => names === undefined || names.includes(name),
    );
    const from = Number(input.NextToken ?? 0);
    const page = asked.slice(from, from + MaxRecords);
    const described = (alarm: MetricWatch | CompositeWatch) => ({ ...alarm.input, ...this.#state(alarm) });
    return {
      MetricAlarms: page.filter((alarm) => !('rule' in alarm)).map((alarm): MetricAlarm => described(alarm)),
      CompositeAlarms: page
        .filter((alarm) => 'rule' in alarm)
        .map((alarm): CompositeAlarm => described(alarm)),
      ...(from + MaxRecords < asked.length && { NextToken: String(from + MaxRecords) }),
    };
  }

  #state({ name, standing }: MetricWatch | CompositeWatch) {
    return {
      AlarmArn: this.#arn(name),
      StateValue: standing.value,
      StateReason: standing.reason,
      StateReasonData: standing.reasonData,
      StateUpdatedTimestamp: new Date(standing.at),
      StateTransitionedTimestamp: new Date(standing.at),
    };
  }

  #putMetric(input: PutMetricAlarmInput): object {
    onlyFields('PutMetricAlarm', input, METRIC_FIELDS);
    const name = this.#free(input.AlarmName, this.#composites);
    const standing = this.#metrics.get(name)?.standing ?? this.#unchecked();
    const watch = input.Metrics === undefined ? watchFrom(input) : undefined;
    this.#metrics.set(name, { name, input, standing, watch });
    return {};
  }

  #putComposite(input: PutCompositeAlarmInput): object {
    onlyFields('PutCompositeAlarm', input, ['AlarmName', 'AlarmDescription', 'AlarmRule']);
    const name = this.#free(input.AlarmName, this.#metrics);
    const rule = ruleFrom(input.AlarmRule ?? '');
    const unknown = rule.children.filter((child) => this.#find(child) === undefined);
    if (unknown.length > 0) throw invalid(`The alarms ${unknown.join(', ')} in the alarm rule do not exist.`);
    const standing = this.#composites.get(name)?.standing ?? this.#unchecked();
    this.#composites.set(name, { name, input, standing, rule });
    return {};
  }

  #set(input: SetAlarmStateInput): object {
    onlyFields('SetAlarmState', input, ['AlarmName', 'StateValue', 'StateReason', 'StateReasonData']);
    const { AlarmName: name = '', StateValue: value, StateReason: reason } = input;
    if (value === undefined || reason === undefined)
      throw invalid('StateValue and StateReason must be given.');
    if (!STATES.includes(value))
      throw awsError('ValidationException', `StateValue must be one of ${STATES.join(', ')}.`);
    this.#move(this.#existing(name), value, reason, JSON.parse(input.StateReasonData ?? '{}'));
    this.#evaluateComposites();
    return {};
  }

  #delete(input: DeleteAlarmsInput): object {
    onlyFields('DeleteAlarms', input, ['AlarmNames']);
    const names = input.AlarmNames ?? [];
    for (const name of names) this.#existing(name);
    for (const name of names) if (!this.#metrics.delete(name)) this.#composites.delete(name);
    return {};
  }

  #free(name: string | undefined, others: Map<string, unknown>): string {
    if (name === undefined || name === '') throw invalid('AlarmName must be given.');
    if (others.has(name)) throw invalid(`The alarm ${name} exists with another type.`);
    return name;
  }

  #unchecked(): Standing {
    return {
      value: 'INSUFFICIENT_DATA',
      reason: 'Unchecked: Initial alarm creation',
      at: this.#world.clock.now(),
    };
  }

  #find(name: string): MetricWatch | CompositeWatch | undefined {
    return this.#metrics.get(name) ?? this.#composites.get(name);
  }

  #existing(name: string): MetricWatch | CompositeWatch {
    const alarm = this.#find(name);
    if (alarm === undefined)
      throw awsError('ResourceNotFound', `There is no alarm with the name ${name}.`, 404);
    return alarm;
  }

  #arn(name: string): string {
    return `arn:aws:cloudwatch:${this.#world.region}:${this.#world.account}:alarm:${name}`;
  }
}

/** The dimensions of a request as a record. @throws awsError ValidationError for an empty name or value (CloudWatch API reference, "Dimension") */
export function dimensionsFrom(dimensions: readonly Dimension[] = []): Record<string, string> {
  return Object.fromEntries(
    dimensions.map(({ Name = '', Value = '' }) => {
      if (Name === '' || Value === '')
        throw invalid('A dimension has a name and a value of 1 to 1,024 characters.');
      return [Name, Value];
    }),
  );
}

const COMPARISONS: Record<string, (threshold: number) => (value: number) => boolean> = {
  GreaterThanThreshold: (threshold) => (value) => value > threshold,
  GreaterThanOrEqualToThreshold: (threshold) => (value) => value >= threshold,
  LessThanThreshold: (threshold) => (value) => value < threshold,
  LessThanOrEqualToThreshold: (threshold) => (value) => value <= threshold,
};

const STATES: readonly string[] = ['INSUFFICIENT_DATA', 'ALARM', 'OK'];

const MISSING = ['missing', 'notBreaching', 'breaching', 'ignore'];

function watchFrom(input: PutMetricAlarmInput): Watch {
  const { Namespace, MetricName, Period, EvaluationPeriods: periods, Threshold: threshold } = input;
  const statistic = STATISTICS.find((known) => known === input.Statistic);
  const compare = COMPARISONS[input.ComparisonOperator ?? ''];
  const toAlarm = input.DatapointsToAlarm ?? periods;
  const missing = input.TreatMissingData ?? 'missing';
  if (!Namespace || !MetricName) throw invalid('Namespace and MetricName must be given.');
  if (!statistic) throw invalid(`Statistic must be one of ${STATISTICS.join(', ')}, not ${input.Statistic}.`);
  if (!compare)
    throw invalid(`ComparisonOperator ${input.ComparisonOperator} is not known or not simulated.`);
  if (!Period || Period % 60 !== 0) throw invalid(`Period must be a multiple of 60, not ${Period}.`);
  if (threshold === undefined) throw invalid('Threshold must be given.');
  if (!MISSING.includes(missing)) throw invalid(`TreatMissingData must be one of ${MISSING.join(', ')}.`);
  if (!periods || !toAlarm || toAlarm > periods) {
    throw invalid(`DatapointsToAlarm (${toAlarm}) must be from 1 to EvaluationPeriods (${periods}).`);
  }
  const metric = { namespace: Namespace, name: MetricName, dimensions: dimensionsFrom(input.Dimensions) };
  return {
    metric,
    statistic,
    periodMs: Period * 1000,
    periods,
    toAlarm,
    threshold,
    breaches: compare(threshold),
    compares: `${input.ComparisonOperator?.startsWith('Less') ? 'less' : 'greater'} than${input.ComparisonOperator?.includes('OrEqual') ? ' or equal to' : ''}`,
    missing,
  };
}

/**
 * The state that the data asks for, or undefined if the present one is kept. The most recent real data points
 * are evaluated, from further back if some are missing; only what still lacks is filled in by the alarm's
 * treatment of missing data (CloudWatch user guide, "Configuring how alarms treat missing data", with its tables).
 */
function decide(watch: Watch, newestFirst: (number | undefined)[]): StateValue | undefined {
  const { periods, toAlarm, breaches, missing } = watch;
  const real = newestFirst.filter((value) => value !== undefined).slice(0, periods);
  const breaching = real.filter(breaches).length;
  const filled = missing === 'breaching' ? periods - real.length : 0;
  if (breaching + filled >= toAlarm) return 'ALARM';
  if (breaching < real.length || missing === 'notBreaching') return 'OK';
  if (real.length === 0) return missing === 'missing' ? 'INSUFFICIENT_DATA' : undefined;
  // All that is known breaches, and it is too little. A breach as old as the alarm's patience is enough by itself.
  const age = newestFirst.slice(0, periods).findLastIndex((value) => value !== undefined) + 1;
  return missing === 'missing' && age >= toAlarm ? 'ALARM' : undefined;
}

function metricReason({ periods, threshold, compares }: Watch, next: StateValue, seen: number[]): string {
  if (next === 'INSUFFICIENT_DATA')
    return `Insufficient Data: no datapoint was received for the last ${periods} periods.`;
  return `Threshold Crossed: ${seen.length} datapoints [${seen.join(', ')}] were ${next === 'ALARM' ? '' : 'not '}${compares} the threshold (${threshold}).`;
}

function configuration(alarm: MetricWatch | CompositeWatch): object {
  const { AlarmDescription } = alarm.input;
  const description = AlarmDescription === undefined ? {} : { description: AlarmDescription };
  if ('rule' in alarm) return { alarmRule: alarm.input.AlarmRule, ...description };
  if (alarm.watch === undefined)
    return { ...description, metrics: (alarm.input.Metrics ?? []).map(readingOf) };
  const { metric, statistic, periodMs } = alarm.watch;
  return {
    ...description,
    metrics: [
      {
        id: eventId(`metric of ${alarm.name}`, 0),
        metricStat: {
          metric: { dimensions: metric.dimensions, name: metric.name, namespace: metric.namespace },
          period: periodMs / 1000,
          stat: statistic,
        },
        returnData: true,
      },
    ],
  };
}

/** One of the metrics of an alarm on an expression, as its event says it. */
function readingOf({ Id, Expression, MetricStat, ReturnData = true }: MetricDataQuery): object {
  if (Expression !== undefined) return { id: Id, expression: Expression, returnData: ReturnData };
  const { Namespace, MetricName, Dimensions } = MetricStat?.Metric ?? {};
  return {
    id: Id,
    metricStat: {
      metric: { namespace: Namespace, name: MetricName, dimensions: dimensionsFrom(Dimensions) },
      period: MetricStat?.Period,
      stat: MetricStat?.Stat,
    },
    returnData: ReturnData,
  };
}

function stateDetail({ at, ...standing }: Standing): object {
  return { ...standing, timestamp: timestamp(at) };
}

/** Alarm events say `+0000` where other events say `Z`. */
function timestamp(at: Instant): string {
  return new Date(at).toISOString().replace('Z', '+0000');
}

function invalid(message: string): Error {
  return awsError('ValidationError', message);
}

type StateOf = (name: string) => StateValue | undefined;

interface Rule {
  children: string[];
  holds(stateOf: StateOf): boolean;
}

const RULE_TOKEN =
  /\s*(?:(ALARM|OK)\s*\(\s*(?:"([^"]+)"|'([^']+)'|([^\s()"']+))\s*\)|(AND|OR|NOT)\b|([()]))/y;

type Token = { leaf: StateValue; name: string } | string;

/** Reads a composite alarm's rule: ALARM(name), OK(name), AND, OR, NOT and parentheses. */
function ruleFrom(text: string): Rule {
  const tokens = ruleTokens(text);
  const children = tokens.flatMap((token) => (typeof token === 'string' ? [] : [token.name]));
  const broken = () => invalid(`The alarm rule "${text}" cannot be read or uses what is not simulated.`);

  const took = (word: string) => tokens[0] === word && tokens.shift() !== undefined;
  const either = (): Rule['holds'] => {
    const parts = [both()];
    while (took('OR')) parts.push(both());
    return (stateOf) => parts.some((part) => part(stateOf));
  };
  const both = (): Rule['holds'] => {
    const parts = [single()];
    while (took('AND')) parts.push(single());
    return (stateOf) => parts.every((part) => part(stateOf));
  };
  const single = (): Rule['holds'] => {
    const token = tokens.shift();
    if (token === 'NOT') {
      const negated = single();
      return (stateOf) => !negated(stateOf);
    }
    if (token === '(') {
      const inner = either();
      if (tokens.shift() !== ')') throw broken();
      return inner;
    }
    if (token === undefined || typeof token === 'string') throw broken();
    return (stateOf) => stateOf(token.name) === token.leaf;
  };

  const holds = either();
  if (tokens.length > 0) throw broken();
  return { children: [...new Set(children)], holds };
}

function ruleTokens(text: string): Token[] {
  const tokens: Token[] = [];
  const trimmed = text.trim();
  RULE_TOKEN.lastIndex = 0;
  while (RULE_TOKEN.lastIndex < trimmed.length) {
    const at = RULE_TOKEN.lastIndex;
    const found = RULE_TOKEN.exec(trimmed);
    if (found === null) throw invalid(`The alarm rule "${text}" cannot be read at "${trimmed.slice(at)}".`);
    const [, state, quoted, single, bare, word, bracket] = found;
    const name = quoted ?? single ?? bare ?? '';
    tokens.push(state === 'ALARM' || state === 'OK' ? { leaf: state, name } : (word ?? bracket ?? ''));
  }
  return tokens;
}
