/**
 * Counts a handler's responses and faults per version, for Spillway to compare.
 *
 * Why this is needed: an HTTP 5xx that a handler returns is an ordinary answer to Lambda. It is no entry in the
 * `Errors` metric, and the metrics of function URLs and API gateways do not say which version answered. A release that
 * answers every request with 500 looks perfectly healthy from outside. So each answer prints one line in CloudWatch's
 * Embedded Metric Format, from which CloudWatch makes the metrics `Responses` and `Faults` in the namespace `Spillway`.
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
    return counted(context, latency, (count) =>
      observed(handler.call(this, event, context, ...rest), count, true),
    );
  };
  /** @type {(this: unknown, event: any, context: any, callback: any) => unknown} */
  const calling = function (event, context, callback) {
    return counted(context, latency, (count) => {
      /** @type {(error?: unknown, result?: unknown, ...rest: unknown[]) => unknown} */
      const answer = (error, result, ...rest) => {
        count(error != null || isFault(result));
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
 * @param {any} context
 * @param {boolean} latency
 * @param {(count: (fault: boolean) => void) => unknown} run
 */
function counted(context, latency, run) {
  const startedAt = Date.now();
  let isCounted = false;
  /** @param {boolean} fault */
  const count = (fault) => {
    if (isCounted) return;
    isCounted = true;
    print(context, startedAt, fault, latency);
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
 * @param {(fault: boolean) => void} count
 * @param {boolean} isAnswer
 */
function observed(result, count, isAnswer) {
  if (typeof result?.then !== 'function') {
    if (isAnswer) count(isFault(result));
    return result;
  }
  return result.then(
    (/** @type {unknown} */ value) => {
      count(isFault(value));
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

/**
 * Straight to stdout: `console.log` would put a timestamp before the JSON, or JSON around it.
 * @param {any} context
 * @param {number} startedAt as Lambda's own metrics are stamped, so that both fall into the same minute
 * @param {boolean} fault
 * @param {boolean} latency
 */
function print(context, startedAt, fault, latency) {
  try {
    const [, , , , , , name, qualifier = '$LATEST'] = context.invokedFunctionArn.split(':');
    if (!context.functionVersion) return;
    const took = latency ? { [bucketOf(Date.now() - startedAt)]: 1 } : {};
    const metrics = { Responses: 1, Faults: fault ? 1 : 0, ...took };
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
