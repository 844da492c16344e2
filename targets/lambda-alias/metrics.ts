import type { Dimension, Metric } from '@aws-sdk/client-cloudwatch';
import { type Count, counted, type Kept } from '../../adapters/cloudwatch-metrics.ts';
import type { Target } from '../../core/target.ts';

const lambda = (name: string): Count => ({ namespace: 'AWS/Lambda', name });

/** Lambda gives ages in milliseconds, SQS in seconds (Lambda and SQS developer guides, lists of metrics). */
const MILLISECONDS = 0.001;

/** Where CloudWatch keeps what is known of the versions behind an alias. Traffic that did not come through the alias is not in it. */
export const lambdaMetrics: Kept = {
  // Handled 5xx are no Lambda errors, so `withSpillway` counts them in the function itself.
  counts: {
    errors: { bad: lambda('Errors'), total: lambda('Invocations') },
    http5xx: { bad: counted('Faults'), total: counted('Responses') },
    http4xx: { bad: counted('ClientErrors'), total: counted('Responses') },
    // A throttled request is no invocation (Lambda developer guide, "Types of metrics"), so both are added up.
    throttles: { bad: lambda('Throttles'), total: lambda('Invocations') },
    traffic: { bad: lambda('Throttles'), total: lambda('Invocations') },
  },
  // Lambda counts by the alias as well as by its versions; what functions count themselves has the version alone.
  wholeOf: (count) => (count.namespace === 'AWS/Lambda' ? { ...count, isWhole: true } : count),
  dimensionsOf: (target, version) => [
    ...aliasOf(target, version),
    ...(version === undefined ? [] : [{ Name: 'ExecutedVersion', Value: version }]),
  ],
  gaugeOf(target, limit) {
    const { queue, dlq = '' } = target.ref;
    const alias = (MetricName: string): Metric => ({
      ...{ Namespace: 'AWS/Lambda', MetricName, Dimensions: aliasOf(target) },
    });
    switch (limit) {
      case 'dlqNew':
        return { metric: sqs('ApproximateNumberOfMessagesVisible', dlq), worth: 1 };
      case 'oldestMessage':
        return queue === undefined
          ? { metric: alias('AsyncEventAge'), worth: MILLISECONDS }
          : { metric: sqs('ApproximateAgeOfOldestMessage', queue), worth: 1 };
      case 'iteratorAge':
        return { metric: alias('IteratorAge'), worth: MILLISECONDS };
      case 'batchFailures':
        return undefined;
    }
  },
};

/** Behind a site the release is called by an alias of its own, as long as its rollout goes on. */
const aliasOf = ({ ref, canary }: Target, version?: string): Dimension[] => {
  const isCandidate = ref.behind !== undefined && version !== undefined && version === canary;
  return [
    { Name: 'FunctionName', Value: ref.functionName },
    { Name: 'Resource', Value: `${ref.functionName}:${isCandidate ? ref.candidate : ref.alias}` },
  ];
};

const sqs = (MetricName: string, queue: string): Metric => ({
  ...{ Namespace: 'AWS/SQS', MetricName, Dimensions: [{ Name: 'QueueName', Value: queue }] },
});
