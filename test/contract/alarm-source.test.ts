import {
  CloudWatchClient,
  DeleteAlarmsCommand,
  type DescribeAlarmsOutput,
  PutCompositeAlarmCommand,
  PutMetricAlarmCommand,
  SetAlarmStateCommand,
} from '@aws-sdk/client-cloudwatch';
import { cloudwatchAlarms } from '../../adapters/cloudwatch-alarms.ts';
import { virtualClock } from '../../local/clock.ts';
import { SimulatedCloudWatch } from '../../local/services/cloudwatch.ts';
import { attach, awsError, type Intercept } from '../../local/simulate.ts';
import { type AlarmStage, describeAlarmSource } from './alarm-source.ts';

const REGION = 'eu-west-1';
const STATES = { ok: 'OK', alarm: 'ALARM', insufficient: 'INSUFFICIENT_DATA' } as const;

function cloudwatchStage(): AlarmStage {
  const clock = virtualClock();
  const cloudwatch = new SimulatedCloudWatch({ clock, region: REGION, account: '111122223333' });
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
  const make = (around?: Intercept) => {
    const client = new CloudWatchClient({ region: REGION, cacheMiddleware: true });
    attach(client, cloudwatch.operations, { clock, intercept: around });
    return client;
  };
  const owner = make();
  return {
    source: cloudwatchAlarms(make(intercept)),
    now: () => clock.now(),
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
          .then(() => cloudwatch.evaluate())),
      remove: async (name) => void (await owner.send(new DeleteAlarmsCommand({ AlarmNames: [name] }))),
      confuse: (name) => void confused.add(name),
      pass: (ms) => clock.advance(ms),
      disconnect: () => {
        isReachable = false;
      },
    },
    asked: () => asked,
  };
}

describeAlarmSource({ name: 'cloudwatch', make: cloudwatchStage });
