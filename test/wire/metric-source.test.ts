import { CloudWatchClient, PutMetricDataCommand } from '@aws-sdk/client-cloudwatch';
import { describeMetricSource } from '../contract/metric-source.ts';
import { type Datum, metricStage } from '../contract/metric-stage.ts';
import { around, freshAccount } from './account.ts';

type Sent = Omit<Datum, 'samples'>;

const MINUTE = 60_000;
const TWO_HOURS = 120 * MINUTE;

describeMetricSource({
  name: 'cloudwatch over the wire',
  make: () => {
    const { config } = freshAccount();
    const owner = new CloudWatchClient(config);
    const send = async ({ namespace, name, dimensions, timestamp, value }: Sent) =>
      void (await owner.send(
        new PutMetricDataCommand({
          Namespace: namespace,
          MetricData: [
            {
              MetricName: name,
              Dimensions: Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value })),
              Timestamp: new Date(timestamp),
              Value: value,
            },
          ],
        }),
      ));
    let held: Sent[] = [];
    const offer = async (datum: Sent) => {
      if (datum.availableAt > Date.now()) held.push(datum);
      else await send(datum);
    };
    return metricStage({
      start: Math.floor(Date.now() / MINUTE) * MINUTE - TWO_HOURS,
      connect: (intercept) => around(new CloudWatchClient(config), intercept),
      count: offer,
      put: offer,
      // No clock can be advanced here; what was to come later comes now.
      pass: async () => {
        await Promise.all(held.map(send));
        held = [];
      },
    });
  },
});
