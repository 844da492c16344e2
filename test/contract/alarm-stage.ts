import {
  type CloudWatchClient,
  DeleteAlarmsCommand,
  type DescribeAlarmsOutput,
  PutCompositeAlarmCommand,
  PutMetricAlarmCommand,
  SetAlarmStateCommand,
} from '@aws-sdk/client-cloudwatch';
import { cloudwatchAlarms } from '../../adapters/cloudwatch-alarms.ts';
import { awsError, type Intercept } from '../../local/sdk.ts';
import type { AlarmStage } from './alarm-source.ts';

const STATES = { ok: 'OK', alarm: 'ALARM', insufficient: 'INSUFFICIENT_DATA' } as const;

interface CloudWatch {
  now(): number;
  connect(around?: Intercept): CloudWatchClient;
  /** Lets composite alarms see what their children are now. */
  settle(): Promise<void>;
  pass(ms: number): Promise<void>;
}

/** Alarms in CloudWatch, reached by the clients that `connect` makes. */
export function alarmStage({ now, connect, settle, pass }: CloudWatch): AlarmStage {
  const confused = new Set<string>();
  const asked: string[][] = [];
  let isReachable = true;
  const intercept: Intercept = async (_command, input, call) => {
    asked.push((input as { AlarmNames: string[] }).AlarmNames);
    if (!isReachable) throw awsError('ThrottlingException', 'Rate exceeded', 400);
    const { MetricAlarms = [], ...others } = (await call()) as DescribeAlarmsOutput;
    const told = MetricAlarms.map((alarm) =>
      confused.has(alarm.AlarmName ?? '') ? { ...alarm, EvaluationState: 'EVALUATION_FAILURE' } : alarm,
    );
    return { ...others, MetricAlarms: told };
  };
  const owner = connect();
  return {
    source: cloudwatchAlarms(connect(intercept)),
    now,
    arrange: {
      async metric(names, state) {
        for (const AlarmName of names) {
          await owner.send(
            new PutMetricAlarmCommand({
              AlarmName,
              Namespace: 'Shop',
              MetricName: 'Orders',
              Statistic: 'Sum',
              Period: 60,
              EvaluationPeriods: 1,
              Threshold: 1,
              ComparisonOperator: 'LessThanThreshold',
            }),
          );
          await owner.send(
            new SetAlarmStateCommand({ AlarmName, StateValue: STATES[state], StateReason: 'by hand' }),
          );
        }
      },
      composite: async (AlarmName, child) =>
        void (await owner
          .send(new PutCompositeAlarmCommand({ AlarmName, AlarmRule: `ALARM("${child}")` }))
          .then(settle)),
      remove: async (name) => void (await owner.send(new DeleteAlarmsCommand({ AlarmNames: [name] }))),
      confuse: (name) => void confused.add(name),
      pass,
      disconnect: () => {
        isReachable = false;
      },
    },
    asked: () => asked,
  };
}
