import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { virtualClock } from '../../local/clock.ts';
import { attach } from '../../local/sdk.ts';
import { SimulatedCloudWatch } from '../../local/services/cloudwatch.ts';
import { describeMetricSource } from './metric-source.ts';
import { metricStage } from './metric-stage.ts';

const REGION = 'eu-west-1';
const TWO_HOURS = 7200_000;

describeMetricSource({
  name: 'cloudwatch',
  make: () => {
    const clock = virtualClock();
    const cloudwatch = new SimulatedCloudWatch({
      clock,
      region: REGION,
      account: '111122223333',
      emissionDelayMs: () => 0,
    });
    return metricStage({
      start: clock.now() - TWO_HOURS,
      connect: (intercept) => {
        const client = new CloudWatchClient({ region: REGION, cacheMiddleware: true });
        attach(client, cloudwatch.operations, { clock, intercept });
        return client;
      },
      count: (datum) => cloudwatch.count(datum),
      put: (datum) => cloudwatch.put(datum),
      pass: (ms) => clock.advance(ms),
    });
  },
});
