import {
  type CloudWatchClient,
  type CompositeAlarm,
  DescribeAlarmsCommand,
  type Dimension,
  type LogAlarm,
  type MetricAlarm,
} from '@aws-sdk/client-cloudwatch';
import type { Alarm } from '../core/analysis/types.ts';
import type { AlarmSource } from '../core/ports.ts';
import { nameOf, reach } from './_aws.ts';
import { breachedAt, versionsOf } from './alarm-data.ts';

/** Names that one DescribeAlarms takes (CloudWatch API reference). */
const NAMES_MAX = 100;

const STATES: Record<string, Alarm['state']> = {
  OK: 'ok',
  ALARM: 'alarm',
  INSUFFICIENT_DATA: 'insufficient',
};

/** The states in which CloudWatch could not evaluate an alarm. `PARTIAL_DATA` (evaluated on a part of its data) is none of them (CloudWatch user guide, "Alarm evaluation"). */
const UNEVALUATED = new Set<string | undefined>(['EVALUATION_ERROR', 'EVALUATION_FAILURE']);

/** The states of alarms by name, from CloudWatch. Each type is asked for by name: left out, composite and log alarms would be missing in silence. */
export function cloudwatchAlarms(client: CloudWatchClient): AlarmSource {
  return {
    async read(names) {
      const alarms: Alarm[] = [];
      for (let at = 0; at < names.length; at += NAMES_MAX) {
        const some = names.slice(at, at + NAMES_MAX);
        const { MetricAlarms = [], CompositeAlarms = [] } = await reach('alarms', () =>
          client.send(
            new DescribeAlarmsCommand({
              AlarmNames: some,
              AlarmTypes: ['MetricAlarm', 'CompositeAlarm'],
              MaxRecords: NAMES_MAX,
            }),
          ),
        );
        alarms.push(...[...MetricAlarms, ...CompositeAlarms].map(alarmFrom));
        const missing = some.filter((name) => !alarms.some((alarm) => alarm.name === name));
        if (missing.length > 0) alarms.push(...(await logAlarms(client, missing)).map(alarmFrom));
      }
      return alarms;
    },
  };
}

/** Log alarms, asked for only if a name is neither a metric nor a composite alarm: a Region that does not have them refuses the type. */
async function logAlarms(client: CloudWatchClient, names: string[]): Promise<LogAlarm[]> {
  try {
    const { LogAlarms = [] } = await reach('alarms', () =>
      client.send(
        new DescribeAlarmsCommand({ AlarmNames: names, AlarmTypes: ['LogAlarm'], MaxRecords: NAMES_MAX }),
      ),
    );
    return LogAlarms;
  } catch (error) {
    if (/^(Validation|InvalidParameter)/.test(nameOf(error))) return [];
    throw error;
  }
}

/** An alarm in ALARM is red, however it was evaluated; any other that CloudWatch could not evaluate is unknown, whatever state it shows. */
function alarmFrom(alarm: MetricAlarm | CompositeAlarm | LogAlarm): Alarm {
  const state = STATES[alarm.StateValue ?? ''] ?? 'unknown';
  const isEvaluated = !('EvaluationState' in alarm && UNEVALUATED.has(alarm.EvaluationState));
  return {
    name: alarm.AlarmName ?? '',
    state: state === 'alarm' || isEvaluated ? state : 'unknown',
    since: (alarm.StateTransitionedTimestamp ?? alarm.StateUpdatedTimestamp ?? new Date(0)).getTime(),
    ...spanOf(alarm),
    ...(state === 'alarm' ? breachOf(alarm) : {}),
    ...countedBy(alarm),
  };
}

function breachOf(alarm: MetricAlarm | CompositeAlarm | LogAlarm): Pick<Alarm, 'breachedAt'> {
  const at = breachedAt(alarm.StateReasonData, (alarm as MetricAlarm).ComparisonOperator);
  return at === undefined ? {} : { breachedAt: at };
}

/** An alarm on a metric has its dimensions, one on an expression those of its metrics (CloudWatch API reference, "MetricAlarm"). */
function countedBy(alarm: MetricAlarm | CompositeAlarm | LogAlarm): Pick<Alarm, 'versions'> {
  const { Dimensions, Metrics } = alarm as MetricAlarm;
  const reads = Metrics?.map(({ Expression, MetricStat }) => ({
    expression: Expression,
    dimensions: recordOf(MetricStat?.Metric?.Dimensions),
  })) ?? [{ dimensions: recordOf(Dimensions) }];
  const versions = versionsOf(reads);
  return versions === undefined ? {} : { versions };
}

const recordOf = (dimensions: Dimension[] = []): Record<string, string> =>
  Object.fromEntries(dimensions.map(({ Name = '', Value = '' }) => [Name, Value]));

/** An alarm on a metric has one period, one on an expression those of its metrics (CloudWatch API reference, "MetricAlarm"). */
function spanOf(alarm: MetricAlarm | CompositeAlarm | LogAlarm): Pick<Alarm, 'spanSeconds'> {
  if (!('EvaluationPeriods' in alarm)) return {};
  const { EvaluationPeriods = 0, Period = 0, Metrics = [] } = alarm as MetricAlarm;
  const period = Math.max(Period, ...Metrics.map((each) => each.Period ?? each.MetricStat?.Period ?? 0));
  const spanSeconds = period * EvaluationPeriods;
  return spanSeconds > 0 ? { spanSeconds } : {};
}
