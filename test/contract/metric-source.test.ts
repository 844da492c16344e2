import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { virtualClock } from '../../local/clock.ts';
import { attach } from '../../local/sdk.ts';
import { SimulatedCloudWatch } from '../../local/services/cloudwatch.ts';
import { describeMetricSource } from './metric-source.ts';
import { metricStage } from './metric-stage.ts';
import { siteMetricStage } from './site-metrics.ts';

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

const NO_STATUS = 'visitors report no status';
const NOT_FED = 'nothing feeds a site';

describeMetricSource({
  name: 'cloudfront',
  make: siteMetricStage,
  exceptions: {
    'has no windows where there was no traffic at all': NO_STATUS,
    'reads only the metrics that are watched': NO_STATUS,
    'has no responses of a version that counts none': NO_STATUS,
    'counts only what came through the target: no smoke test, no other version': NO_STATUS,
    'reads the limits of a queue from the queues of the target, in one call': NOT_FED,
    'reads the ages of events and records by the alias, in seconds': NOT_FED,
    'takes an answer for none in which a limit is missing': NOT_FED,
    'reads what a target did before, whichever version ran': 'visits are kept by release alone',
  },
});
