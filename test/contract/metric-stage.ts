import {
  type CloudWatchClient,
  GetMetricDataCommand,
  type GetMetricDataCommandInput,
  type GetMetricDataOutput,
  type MetricDataResult,
} from '@aws-sdk/client-cloudwatch';
import type { Instant } from '../../core/units.ts';
import { awsError, type Intercept } from '../../local/sdk.ts';
import { metricSources, metricsByKind } from '../../targets/adapters.ts';
import { clockAt } from '../adapters/stub.ts';
import type { MetricStage, Served, Shown } from './metric-source.ts';
import { targetOf } from './rollouts.ts';

const HOUR = 3600_000;

/** A datum as it is sent, from this moment on. */
export interface Datum {
  namespace: string;
  name: string;
  dimensions: Record<string, string>;
  timestamp: Instant;
  value: number;
  samples: number;
  availableAt: Instant;
}

interface Metrics {
  /** The beginning of a minute, two hours ago. */
  start: Instant;
  connect(around?: Intercept): CloudWatchClient;
  /** Adds up with what its minute has. */
  count(datum: Datum): void | Promise<void>;
  /** One value of a level. */
  put(datum: Omit<Datum, 'samples'>): void | Promise<void>;
  pass(ms: number): Promise<void>;
}

/** Metrics in CloudWatch, reached by the clients that `connect` makes. */
export function metricStage({ start, connect, count, put, pass }: Metrics): MetricStage {
  const owner = connect();
  const target = targetOf('api');
  let answers: (page: GetMetricDataOutput, token: string | undefined) => GetMetricDataOutput = (page) => page;
  let isReachable = true;
  let calls = 0;
  const intercept: Intercept = async (_command, input, call) => {
    calls += 1;
    if (!isReachable) throw awsError('InternalServiceFault', 'try again', 500);
    const { NextToken, ...asked } = input as { NextToken?: string };
    // The service itself knows no pages, so the second one is cut from the same whole answer.
    const whole =
      NextToken === undefined
        ? await call()
        : await owner.send(new GetMetricDataCommand(asked as GetMetricDataCommandInput));
    return answers(whole as GetMetricDataOutput, NextToken);
  };
  return {
    source: metricsByKind(metricSources, { cloudwatch: connect(intercept) }, clockAt(0)),

    target,
    start,
    arrange: {
      serve: (served) => serve(count, served),
      show: (shown) => show(put, shown),
      pass,
      splitAnswers: () => {
        answers = halved;
      },
      breakAnswers: (status) => {
        answers = ({ MetricDataResults: [first, ...others] = [], ...page }) => ({
          ...page,
          MetricDataResults: status === 'absent' ? others : [{ ...first, StatusCode: status }, ...others],
        });
      },
      disconnect: () => {
        isReachable = false;
      },
    },
    calls: () => calls,
  };
}

async function serve(count: Metrics['count'], served: Served): Promise<void> {
  const { version, minute, requests, errors, faults, batch, direct = false, lateMs = 0 } = served;
  const Resource = direct ? `api:${version}` : 'api:live';
  const dimensions: Record<string, string> = direct
    ? { FunctionName: 'api', Resource }
    : { FunctionName: 'api', Resource, ExecutedVersion: version };
  const counts: [namespace: string, name: string, value: number | undefined][] = [
    ['AWS/Lambda', 'Invocations', requests],
    ['AWS/Lambda', 'Errors', errors],
    ['Spillway', 'Responses', faults === undefined ? undefined : requests],
    ['Spillway', 'Faults', faults],
    ['Spillway', 'BatchFailures', batch?.[0]],
    ['Spillway', 'BatchItems', batch?.[1]],
  ];
  const availableAt = minute + lateMs + 2 * HOUR;
  for (const [namespace, name, value] of counts) {
    if (value === undefined) continue;
    // Lambda reports the function as a whole in every case, its alias without the version, and all functions of the region together.
    const wholes: Record<string, string>[] =
      namespace === 'AWS/Lambda' ? [{}, ...(direct ? [] : [{ FunctionName: 'api', Resource }])] : [];
    for (const each of [dimensions, { FunctionName: 'api' }, ...wholes])
      await count({
        namespace,
        name,
        dimensions: each,
        timestamp: minute + 7000,
        value,
        samples: requests,
        availableAt: lateMs === 0 ? minute : availableAt,
      });
  }
}

/** As SQS and Lambda report it: seconds of a queue, milliseconds of an alias; the smaller value of a minute is no answer. */
async function show(put: Metrics['put'], { of, minute, value }: Shown): Promise<void> {
  const metric =
    'queue' in of
      ? {
          namespace: 'AWS/SQS',
          name: of.is === 'age' ? 'ApproximateAgeOfOldestMessage' : 'ApproximateNumberOfMessagesVisible',
          dimensions: { QueueName: of.queue },
        }
      : {
          namespace: 'AWS/Lambda',
          name: of.is === 'event age' ? 'AsyncEventAge' : 'IteratorAge',
          dimensions: { FunctionName: 'api', Resource: of.alias },
        };
  const unit = 'queue' in of ? 1 : 1000;
  for (const share of [1, 0.5])
    await put({
      ...metric,
      timestamp: minute + 30_000 * share,
      value: value * share * unit,
      availableAt: minute,
    });
}

/** Each half of every series on a page of its own, as CloudWatch pages long answers. */
function halved(whole: GetMetricDataOutput, token: string | undefined): GetMetricDataOutput {
  const half = (result: MetricDataResult): MetricDataResult => {
    const { Timestamps = [], Values = [] } = result;
    const middle = Math.ceil(Values.length / 2);
    const [from, to] = token === undefined ? [0, middle] : [middle, Values.length];
    return {
      ...result,
      Timestamps: Timestamps.slice(from, to),
      Values: Values.slice(from, to),
      StatusCode: token === undefined ? 'PartialData' : 'Complete',
    };
  };
  return {
    MetricDataResults: (whole.MetricDataResults ?? []).map(half),
    ...(token === undefined ? { NextToken: 'second' } : {}),
  };
}
