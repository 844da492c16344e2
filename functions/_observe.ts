import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics } from '@aws-lambda-powertools/metrics';
import type { MiddlewareObj, Request } from '@middy/core';
import { loggable, rolloutIdIn } from '../controller/observe.ts';
import type { Observer } from '../controller/ports.ts';
import { RolloutError } from '../core/errors.ts';
import type { Visits } from '../core/ports.ts';
import { COUNTED, type Counted } from '../core/rollout/counts.ts';

/** If nobody asked for logs and no Lambda runs this, such as in the embedded world, nothing is written. */
const isOn =
  (process.env.AWS_LAMBDA_FUNCTION_NAME ?? '') !== '' || (process.env.POWERTOOLS_LOG_LEVEL ?? '') !== '';

const logger = new Logger({ serviceName: 'spillway', ...(isOn ? {} : { logLevel: 'SILENT' }) });
const metrics = new Metrics({ namespace: 'Spillway' });
// Powertools' own dimension says nothing here, and an alarm must name every one.
metrics.clearDefaultDimensions();
metrics.setDefaultDimensions({ environment: process.env.ENVIRONMENT || 'unknown' });

/** The port on AWS: Powertools, which write what CloudWatch takes for lines and counts. */
export const observer: Observer = {
  count(counts) {
    if (!isOn) return;
    for (const [name, value] of Object.entries(counts))
      metrics.addMetric(name, COUNTED[name as Counted], value);
  },
  log(message, line) {
    if (isOn) logger.info(message, line);
  },
  warn(message, line) {
    if (isOn) logger.warn(message, line);
  },
};

const ofVisits = new Metrics({ namespace: 'Spillway' });
ofVisits.clearDefaultDimensions();

/** Counts of visits, each in a line of its own, since every release of a site has its own metrics. */
export const visits: Visits = {
  add(Site, Release, counts) {
    if (!isOn) return;
    ofVisits.addDimensions({ Site, Release });
    for (const [name, value] of Object.entries(counts))
      ofVisits.addMetric(name, UNITS[name] ?? 'Count', value);
    ofVisits.publishStoredMetrics();
  },
};

/** Units of what is not counted (CloudWatch API reference, MetricDatum). */
const UNITS: Record<string, 'Milliseconds' | 'None'> = {
  LCP: 'Milliseconds',
  INP: 'Milliseconds',
  CLS: 'None',
};

/** Writes the counts of this call. */
function flush(): void {
  if (isOn && metrics.hasStoredMetrics()) metrics.publishStoredMetrics();
}

/** What Lambda knows of a call. */
export type LambdaContext = Request['context'];

/** Middleware that names the request in each line, says what came of it unless it is to be quiet, and writes its counts. */
export function observing({ isQuiet = false } = {}): MiddlewareObj<unknown, unknown> {
  return {
    before({ context }) {
      if (isOn && context.awsRequestId !== undefined) logger.addContext(context);
    },
    after({ event, response }) {
      if (!isQuiet)
        observer.log('answered', { rolloutId: rolloutIdIn(response, event), ...loggable(response) });
      flush();
    },
    onError({ event, error }) {
      failed(event, error);
      flush();
    },
  };
}

/** One line for a call that Lambda is about to end because its time is over. */
export function runsOut(event: unknown): void {
  if (isOn) logger.error('runs out of time', { rolloutId: rolloutIdIn(event) });
  flush();
}

/** One line for a fault that an answer does not describe, although there is one. */
export const fault = (error: unknown): void => failed(undefined, error);

/** One line for a call that failed. Only Spillway's own errors are known to name no payload, so of others there is the name. */
function failed(event: unknown, error: unknown): void {
  if (RolloutError.is(error, 'RevertFailed')) observer.count({ RevertFailed: 1 });
  if (!isOn) return;
  const {
    name,
    stack = '',
    $metadata = {},
  } = Object(error) as Error & { $metadata?: { requestId?: string } };
  logger.error('failed', {
    rolloutId: rolloutIdIn(event),
    error: name,
    ...(RolloutError.is(error) ? { why: error.message } : {}),
    ...($metadata.requestId === undefined ? {} : { awsRequestId: $metadata.requestId }),
    at: stack.split('\n').filter((line) => /^\s+at /.test(line)),
  });
}
