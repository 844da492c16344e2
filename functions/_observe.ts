import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics } from '@aws-lambda-powertools/metrics';
import { RolloutError } from '../core/errors.ts';
import type { Journal } from '../core/ports.ts';
import { COUNTED, type Counted, type Counts, countsOf } from '../core/rollout/counts.ts';
import type { RolloutEvent } from '../core/rollout/event.ts';
import type { Rollout } from '../core/rollout/state.ts';

/** Where nobody asked for logs and no Lambda runs this, such as in the embedded world, nothing is written. */
const isOn =
  (process.env.AWS_LAMBDA_FUNCTION_NAME ?? '') !== '' || (process.env.POWERTOOLS_LOG_LEVEL ?? '') !== '';

const logger = new Logger({ serviceName: 'spillway', ...(isOn ? {} : { logLevel: 'SILENT' }) });
const metrics = new Metrics({ namespace: 'Spillway' });
// Powertools' own dimension says nothing here, and an alarm must name every one.
metrics.clearDefaultDimensions();
metrics.setDefaultDimensions({ environment: process.env.ENVIRONMENT || 'unknown' });

/**
 * Members of inputs, answers and events that may stand in a log: ids, numbers and words of the design. What people, hooks,
 * smoke tests and manifests say is not among them, nor is any token; the journal has what they said.
 */
const LOGGED = [
  'alarm',
  'cause',
  'epoch',
  'found',
  'gate',
  'hook',
  'kind',
  'opened',
  'outcome',
  'result',
  'seconds',
  'status',
  'target',
  'told',
  'version',
  'weight',
] as const;

type Line = Record<string, string | number | string[]>;

/** Adds to the counts of this call; they are written when it ends. A call that is repeated counts again. */
export function count(counts: Counts): void {
  if (!isOn) return;
  for (const [name, value] of Object.entries(counts))
    metrics.addMetric(name, COUNTED[name as Counted], value);
}

/** Writes the counts of this call. */
export function flush(): void {
  if (isOn && metrics.hasStoredMetrics()) metrics.publishStoredMetrics();
}

/** What Lambda knows of a call. */
export type LambdaContext = Parameters<Logger['addContext']>[0];

/** Names the request in each line from here on, where Lambda calls. */
export function began(context: LambdaContext | undefined): void {
  if (isOn && context !== undefined) logger.addContext(context);
}

/** One line for what came of a call. */
export function succeeded(event: unknown, answer: unknown): void {
  if (isOn) logger.info('answered', { rolloutId: rolloutIdIn(answer, event), ...loggable(answer) });
}

/** One line for a call that failed. Only Spillway's own errors are known to name no payload, so of others there is the name. */
export function failed(event: unknown, error: unknown): void {
  if (RolloutError.is(error, 'RevertFailed')) count({ RevertFailed: 1 });
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

/** One line for a read that failed and that the call does without. */
export function unread(rolloutId: string, what: string, error: unknown): void {
  if (!isOn) return;
  const why = RolloutError.is(error) ? { why: error.message } : {};
  logger.warn('unread', { rolloutId, what, error: Object(error).name, ...why });
}

/** The same journal; what it takes in is logged and counted. */
export function observed(journal: Journal): Journal {
  return {
    ...journal,
    async open(events, decidedOn) {
      const opened = await journal.open(events, decidedOn);
      if (opened.result === 'opened') wrote(opened.rollout, events);
      return opened;
    },
    async append(rollout, events) {
      const after = await journal.append(rollout, events);
      wrote(after, events);
      return after;
    },
  };
}

function wrote({ opening, version }: Rollout, events: RolloutEvent[]): void {
  if (!isOn) return;
  events.forEach((event, index) => {
    const status = event.type === 'Measured' ? { status: event.verdict.status } : {};
    logger.info(event.type, {
      ...loggable(event),
      ...status,
      rolloutId: opening.rolloutId,
      version: version - events.length + index + 1,
    });
    count(countsOf(event));
  });
}

function loggable(value: unknown): Line {
  const line: Line = {};
  for (const name of LOGGED) {
    const found = memberOf(value, name);
    if (typeof found === 'string' || typeof found === 'number') line[name] = found;
    if (Array.isArray(found) && found.every((each) => typeof each === 'string')) line[name] = found;
  }
  return line;
}

/** The first that names one rollout; `none` where the call is about none, or about several that have lines of their own. */
function rolloutIdIn(...values: unknown[]): string {
  for (const value of values) {
    const id = memberOf(value, 'rolloutId') ?? memberOf(memberOf(value, 'ref'), 'rolloutId');
    // What is no id must not become a way to write anything into the logs.
    if (typeof id === 'string' && /^[\w-]{1,60}$/.test(id)) return id;
  }
  return 'none';
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;
}
