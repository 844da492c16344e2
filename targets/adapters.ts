import type { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import type { LambdaClient } from '@aws-sdk/client-lambda';
import { cloudwatchHeartbeat, cloudwatchMetrics } from '../adapters/cloudwatch-metrics.ts';
import { byKind, type Make } from '../adapters/registry.ts';
import type {
  HookRunner,
  MetricSource,
  Publisher,
  Secrets,
  TargetMetrics,
  TrafficRouter,
} from '../core/ports.ts';
import { lambdaMetrics } from './lambda-alias/metrics.ts';
import { lambdaPublisher } from './lambda-alias/publisher.ts';
import { lambdaAlias } from './lambda-alias/router.ts';
import { lambdaSmoke } from './lambda-alias/smoke.ts';

interface SmokeClients {
  lambda: LambdaClient;
  secrets: Secrets;
}

interface MetricClients {
  cloudwatch: CloudWatchClient;
}

/** What moves a kind of target. */
export const routers: Record<string, Make<TrafficRouter, { lambda: LambdaClient }>> = {
  'lambda-alias': ({ lambda }, clock) => lambdaAlias(lambda, clock),
};

/** What publishes a kind of target. */
export const publishers: Record<string, Make<Publisher, { lambda: LambdaClient; fetch: typeof fetch }>> = {
  'lambda-alias': ({ lambda, fetch }, clock) => lambdaPublisher(lambda, clock, fetch),
};

/** What puts smoke tests to a kind of target. */
export const smokeRunners: Record<string, Make<HookRunner, SmokeClients>> = {
  'lambda-alias': ({ lambda, secrets }, clock) => lambdaSmoke(lambda, clock, secrets),
};

/** What measures a kind of target. */
export const metricSources: Record<string, Make<TargetMetrics, MetricClients>> = {
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
