/**
 * Counts a handler's responses and faults per version, for Spillway to compare.
 *
 * Why this is needed: an HTTP 5xx that a handler returns is an ordinary answer to Lambda. It is no entry in the
 * `Errors` metric, and the metrics of function URLs and API gateways do not say which version answered. A release that
 * answers every request with 500 looks perfectly healthy from outside. So each answer prints one line in CloudWatch's
 * Embedded Metric Format, from which CloudWatch makes the metrics `Responses` and `Faults` in the namespace `Spillway`.
 *
 * A batch of SQS, Kinesis or DynamoDB that is answered with `batchItemFailures` is no Lambda error either, however many of
 * its messages or records are handed back. For such batches the line also has `BatchItems` and `BatchFailures`.
 */

/**
 * The same handler, which also prints what it answered. Event, context, result and error pass through untouched, and
 * nothing that goes wrong with the counting reaches the caller. The number of parameters stays too, because Lambda
 * takes a handler of three for one that calls back (and from Node 24 on refuses it).
 *
 * With `latency` it also counts how long each answer took, in one of 126 metrics `Latency000` to `Latency125`. Those that
 * ever count something cost money as custom metrics do, so they are not on by themselves.
 *
 * @template {(...args: any[]) => any} H
 * @param {H} handler
 * @param {{ latency?: boolean }} [options]
 * @returns {H}
 */
export function withSpillway(handler, { latency = false } = {}) {
  /** @type {(this: unknown, event: any, context: any, ...rest: any[]) => unknown} */
  const promising = function (event, context, ...rest) {
    return counted({ event, context, latency }, (count) =>
      observed(handler.call(this, event, context, ...rest), count, true),
    );
  };
  /** @type {(this: unknown, event: any, context: any, callback: any) => unknown} */
  const calling = function (event, context, callback) {
    return counted({ event, context, latency }, (count) => {
      /** @type {(error?: unknown, result?: unknown, ...rest: unknown[]) => unknown} */
      const answer = (error, result, ...rest) => {
        count(error != null || isFault(result), result);
        return callback(error, result, ...rest);
      };
      const given = typeof callback === 'function' ? answer : callback;
      return observed(handler.call(this, event, context, given), count, false);
    });
  };
  return /** @type {H} */ (handler.length >= 3 ? calling : promising);
}

/**
 * Runs the handler with a `count` that prints at the first answer only, since a handler may both call back and return.
 * @param {{ event: any, context: any, latency: boolean }} called
 * @param {(count: (fault: boolean, result?: unknown) => void) => unknown} run
 */
function counted({ event, context, latency }, run) {
  const startedAt = Date.now();
  const items = itemsOf(event);
  let isCounted = false;
  /** @type {(fault: boolean, result?: unknown) => void} */
  const count = (fault, result) => {
    if (isCounted) return;
    isCounted = true;
    const took = latency ? { [bucketOf(Date.now() - startedAt)]: 1 } : {};
    const batch = items === undefined ? {} : { BatchItems: items, BatchFailures: handedBack(result, items) };
    print(context, startedAt, { Responses: 1, Faults: fault ? 1 : 0, ...took, ...batch });
  };
  try {
    return run(count);
  } catch (error) {
    count(true);
    throw error;
  }
}

/**
 * Counts a promise when it settles, and a plain result at once unless the answer is still to come by callback.
 * @param {any} result
 * @param {(fault: boolean, result?: unknown) => void} count
 * @param {boolean} isAnswer
 */
function observed(result, count, isAnswer) {
  if (typeof result?.then !== 'function') {
    if (isAnswer) count(isFault(result), result);
    return result;
  }
  return result.then(
    (/** @type {unknown} */ value) => {
      count(isFault(value), value);
      return value;
    },
    (/** @type {unknown} */ error) => {
      count(true);
      throw error;
    },
  );
}

/**
 * True for an HTTP answer that blames the server.
 * @param {any} result
 */
function isFault(result) {
  try {
    return typeof result === 'object' && typeof result?.statusCode === 'number' && result.statusCode >= 500;
  } catch {
    return false;
  }
}

/** Event sources that bring batches, and take the failed parts of them back (Lambda developer guide, "ReportBatchItemFailures"). */
const BATCHED = ['aws:sqs', 'aws:kinesis', 'aws:dynamodb'];

/**
 * How many messages or records came in one batch; undefined for every other event.
 * @param {any} event
 * @returns {number | undefined}
 */
function itemsOf(event) {
  try {
    return BATCHED.includes(event?.Records?.[0]?.eventSource) ? event.Records.length : undefined;
  } catch {
    return undefined;
  }
}

/**
 * How many of them the answer hands back. A batch whose handler threw comes back as a whole, which `Errors` tells already.
 * @param {any} result
 * @param {number} items
 */
function handedBack(result, items) {
  try {
    return Array.isArray(result?.batchItemFailures) ? Math.min(result.batchItemFailures.length, items) : 0;
  } catch {
    return 0;
  }
}

/**
 * Straight to stdout: `console.log` would put a timestamp before the JSON, or JSON around it.
 * @param {any} context
 * @param {number} startedAt as Lambda's own metrics are stamped, so that both fall into the same minute
 * @param {Record<string, number>} metrics
 */
function print(context, startedAt, metrics) {
  try {
    const [, , , , , , name, qualifier = '$LATEST'] = context.invokedFunctionArn.split(':');
    if (!context.functionVersion) return;
    const line = {
      _aws: {
        Timestamp: startedAt,
        CloudWatchMetrics: [
          {
            Namespace: 'Spillway',
            Dimensions: [['FunctionName', 'Resource', 'ExecutedVersion']],
            Metrics: Object.keys(metrics).map((Name) => ({ Name, Unit: 'Count' })),
          },
        ],
      },
      FunctionName: name,
      // A version number or $LATEST is no alias: such calls (smoke tests) are counted, but not for any alias.
      Resource: `${name}:${qualifier}`,
      ExecutedVersion: context.functionVersion,
      ...metrics,
    };
    process.stdout.write(`${JSON.stringify(line)}\n`);
  } catch {
    // Without a context there is nobody to count for, and the answer matters more than its count.
  }
}

/** Where one bucket ends and the next begins: each edge is 1.118 times (the root of 1.25) the one before, from 1 ms on. */
const EDGES = Array.from({ length: 125 }, (_, index) => Math.sqrt(1.25) ** index);

/**
 * The metric that counts answers that took so long: above the edge before it and not above its own.
 * @param {number} ms
 */
function bucketOf(ms) {
  const bucket = EDGES.findIndex((edge) => ms <= edge);
  return `Latency${String(bucket === -1 ? EDGES.length : bucket).padStart(3, '0')}`;
}
