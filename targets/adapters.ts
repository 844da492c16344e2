import type { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import type { LambdaClient } from '@aws-sdk/client-lambda';
import { cloudwatchHeartbeat, cloudwatchMetrics } from '../adapters/cloudwatch-metrics.ts';
import type { StoreCalls } from '../adapters/key-value-store.ts';
import { byKind, type Make } from '../adapters/registry.ts';
import type { S3Calls } from '../adapters/s3-client.ts';
import type {
  HookRunner,
  MetricSource,
  Publisher,
  Secrets,
  TargetMetrics,
  TrafficRouter,
} from '../core/ports.ts';
import { siteMetrics } from './cloudfront/metrics.ts';
import { sitePublisher } from './cloudfront/publisher.ts';
import { siteRouter } from './cloudfront/router.ts';
import { siteSmoke } from './cloudfront/smoke.ts';
import { lambdaMetrics } from './lambda-alias/metrics.ts';
import { lambdaPublisher } from './lambda-alias/publisher.ts';
import { lambdaAlias } from './lambda-alias/router.ts';
import { lambdaSmoke } from './lambda-alias/smoke.ts';

interface RouterClients {
  lambda: LambdaClient;
  stores: StoreCalls;
  s3: S3Calls;
}

interface SmokeClients {
  lambda: LambdaClient;
  stores: StoreCalls;
  secrets: Secrets;
  fetch: typeof fetch;
}

interface MetricClients {
  cloudwatch: CloudWatchClient;
}

/** What moves a kind of target. */
export const routers: Record<string, Make<TrafficRouter, RouterClients>> = {
  cloudfront: (clients, clock) => siteRouter(clients, clock),
  'lambda-alias': ({ lambda }, clock) => lambdaAlias(lambda, clock),
};

/** What publishes a kind of target. */
export const publishers: Record<string, Make<Publisher, { lambda: LambdaClient; fetch: typeof fetch }>> = {
  cloudfront: () => sitePublisher,
  'lambda-alias': ({ lambda, fetch }, clock) => lambdaPublisher(lambda, clock, fetch),
};

/** What puts smoke tests to a kind of target. */
export const smokeRunners: Record<string, Make<HookRunner, SmokeClients>> = {
  cloudfront: (clients, clock) => siteSmoke(clients, clock, clients.secrets),
  'lambda-alias': ({ lambda, secrets }, clock) => lambdaSmoke(lambda, clock, secrets),
};

/** What measures a kind of target. */
export const metricSources: Record<string, Make<TargetMetrics, MetricClients>> = {
  cloudfront: ({ cloudwatch }) => cloudwatchMetrics(cloudwatch, siteMetrics),
  'lambda-alias': ({ cloudwatch }) => cloudwatchMetrics(cloudwatch, lambdaMetrics),
};

/** Puts each smoke test by the runner of its target's kind. */
export function smokeByKind(...made: Parameters<typeof byKind<HookRunner, SmokeClients>>): HookRunner {
  const runnerOf = byKind(...made);
  return { ask: async (question, signal) => runnerOf(question.target.kind).ask(question, signal) };
}

/** Measures each target by the source of its kind. */
export function metricsByKind(
  ...made: Parameters<typeof byKind<TargetMetrics, MetricClients>>
): MetricSource {
  const sourceOf = byKind(...made);
  return {
    read: async (target, ...asked) => sourceOf(target.kind).read(target, ...asked),
    past: async (target, ...asked) => sourceOf(target.kind).past(target, ...asked),
    heartbeat: cloudwatchHeartbeat(made[1].cloudwatch),
  };
}
