import {
  type CloudWatchClient,
  type CompositeAlarm,
  DescribeAlarmsCommand,
  type MetricAlarm,
} from '@aws-sdk/client-cloudwatch';
import type { Alarm } from '../core/analysis/types.ts';
import type { AlarmSource } from '../core/ports.ts';
import { reach } from './_aws.ts';

/** Names that one DescribeAlarms takes (CloudWatch API reference). */
const NAMES_MAX = 100;

const STATES: Record<string, Alarm['state']> = {
  OK: 'ok',
  ALARM: 'alarm',
  INSUFFICIENT_DATA: 'insufficient',
};

/** The states of alarms by name, from CloudWatch. Both types are asked for by name: left out, composite ones would be missing in silence. */
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
      }
      return alarms;
    },
  };
}

/** An alarm that CloudWatch could not evaluate is unknown, whatever state it shows. */
function alarmFrom(alarm: MetricAlarm | CompositeAlarm): Alarm {
  const isUnsure = 'EvaluationState' in alarm && alarm.EvaluationState !== undefined;
  return {
    name: alarm.AlarmName ?? '',
    state: isUnsure ? 'unknown' : (STATES[alarm.StateValue ?? ''] ?? 'unknown'),
    since: (alarm.StateTransitionedTimestamp ?? alarm.StateUpdatedTimestamp ?? new Date(0)).getTime(),
  };
}
