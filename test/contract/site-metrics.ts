import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { virtualClock } from '../../local/clock.ts';
import { attach } from '../../local/sdk.ts';
import { SimulatedCloudWatch } from '../../local/services/cloudwatch.ts';
import { traitsOf } from '../../targets/cloudfront/kind.ts';
import type { MetricStage, Served } from './metric-source.ts';
import { metricStage } from './metric-stage.ts';
import { targetOf } from './rollouts.ts';

const HOUR = 3600_000;
const SITE = 'web-shop';

/** Visits of a site in a simulated CloudWatch. */
export function siteMetricStage(): MetricStage {
  const clock = virtualClock();
  const cloudwatch = new SimulatedCloudWatch({ clock, region: 'eu-west-1', account: '111122223333' });
  const start = clock.now() - 2 * HOUR;
  const stage = metricStage({
    start,
    connect(around) {
      const credentials = { accessKeyId: 'simulated', secretAccessKey: 'simulated' };
      const client = new CloudWatchClient({ region: 'eu-west-1', credentials, cacheMiddleware: true });
      attach(client, cloudwatch.operations, { clock, intercept: around });
      return client;
    },
    count: (datum) => cloudwatch.count(datum),
    put: (datum) => cloudwatch.put(datum),
    pass: (ms) => clock.advance(ms),
  });
  const serve = ({ version, minute, requests, errors, direct, lateMs = 0 }: Served) => {
    // Nobody reports for a smoke test.
    if (direct) return;
    for (const [name, value] of [
      ['Visits', requests],
      ['FailedVisits', errors],
    ] as const)
      if (value !== undefined)
        cloudwatch.count({
          ...{ namespace: 'Spillway', name, dimensions: { Site: SITE, Release: version }, value },
          ...{ timestamp: minute + 7_000, samples: requests },
          availableAt: lateMs === 0 ? minute : minute + lateMs + 2 * HOUR,
        });
  };
  return {
    ...stage,
    target: { ...targetOf('web'), kind: 'cloudfront', ref: { site: SITE }, traits: traitsOf(SITE) },
    arrange: { ...stage.arrange, serve },
  };
}
