/**
 * Counts a handler's responses and faults per version, for Spillway to compare.
 *
 * Why this is needed: an HTTP 5xx that a handler returns is an ordinary answer to Lambda. It is no entry in the
 * `Errors` metric, and the metrics of function URLs and API gateways do not say which version answered. A release that
 * answers every request with 500 looks perfectly healthy from outside. So each answer prints one line in CloudWatch's
 * Embedded Metric Format, from which CloudWatch makes metrics in the namespace `Spillway`.
 *
 * An answer is counted as its caller gets it, which depends on what sent the event: a REST API turns a bare value into a
 * 502, an HTTP API turns it into a 200. If the event does not say what sent it, or Lambda's
 * answer cannot be seen, nothing is counted: a missing count makes the verdict `broken`, a guessed one could make it `pass`.
 */

/** How `awslambda.streamifyResponse` marks a handler (aws-lambda-ric 3.3.0 and 4.0.2). */
const STREAMING = Symbol.for('aws.lambda.runtime.handler.streaming');

const STREAMS =
  'withSpillway cannot count a handler that streams its response (awslambda.streamifyResponse): its status is on its way ' +
  'before it can fail. Answer with a buffered response, or remove withSpillway from this handler (on a RolloutTarget: ' +
  'counters: false); its rollouts then complete as unproven.';

/**
 * The same handler, which also prints what it answered. Event, result and error pass through untouched, and nothing that
 * goes wrong with the counting reaches the caller. The number of parameters stays, because Lambda (from Node 24 on) and
 * the wrappers of agents take a handler of three for one that calls back. If Lambda takes answers by `context.succeed`,
 * `fail` and `done`, those three are replaced by ones that count and then do the same.
 *
 * With `latency` it also counts how long each answer took, in one of 126 metrics `Latency000` to `Latency125`. Those that
 * ever count something cost money as custom metrics do, so they are not on by themselves.
 *
 * @template {(...args: any[]) => any} H
 * @param {H} handler
 * @param {{ latency?: boolean }} [options]
 * @returns {H}
 * @throws {TypeError} if the handler is no function, or streams its response
 */
export function withSpillway(handler, { latency = false } = {}) {
  if (typeof handler !== 'function')
    throw new TypeError(`withSpillway needs a handler, which is a function; it was given ${typeof handler}.`);
  if (/** @type {any} */ (handler)[STREAMING]) throw new TypeError(STREAMS);
  /** @type {(this: unknown, ...args: any[]) => unknown} */
  const counting = function (...args) {
    const [event, context, callback] = args;
    const invocation = begun(event, context, latency);
    // Until Node 22 Lambda takes an answer from the callback whatever number of parameters the handler declares.
    if (typeof callback === 'function') args[2] = followed(callback, invocation, byCallback);
    const takesBack = observe(context, invocation);
    let result;
    try {
      result = handler.apply(this, args);
    } catch (error) {
      invocation.failed();
      throw error;
    }
    if (typeof result?.then === 'function') return settling(result, invocation);
    // Until Node 22 Lambda ignores what is returned at once; from Node 24 on it is the answer, unless an agent waits for a callback.
    if (!takesBack && (result !== undefined || typeof callback !== 'function')) invocation.answered(result);
    return result;
  };
  Object.defineProperty(counting, 'length', { value: handler.length, configurable: true });
  Object.defineProperty(counting, STREAMING, {
    configurable: true,
    get: () => undefined,
    set() {
      throw new TypeError(STREAMS);
    },
  });
  return /** @type {H} */ (counting);
}

/**
 * One invocation, of which the first answer counts and prints, as Lambda takes the first.
 * @typedef {{ answered: (answer: unknown) => void, failed: () => void, isOver: boolean, ended: () => void }} Invocation
 */

/**
 * Invocations that have not answered.
 * @type {Set<Invocation>}
 */
const unanswered = new Set();
let isListening = false;

/**
 * The event is read before the handler can change it.
 * @param {any} event
 * @param {any} context
 * @param {boolean} latency
 * @returns {Invocation}
 */
function begun(event, context, latency) {
  const startedAt = Date.now();
  const shape = quietly(() => shapeOf(event));
  /** @type {(counts: () => Record<string, number> | undefined) => void} */
  const count = (counts) => {
    if (invocation.isOver) return;
    invocation.isOver = true;
    unanswered.delete(invocation);
    const took = latency ? { [bucketOf(Date.now() - startedAt)]: 1 } : {};
    print(context, startedAt, { ...quietly(counts), ...took });
  };
  /** @type {Invocation} */
  const invocation = {
    answered: (answer) => {
      const isLate = shape?.givesUpMs !== undefined && Date.now() - startedAt > shape.givesUpMs;
      count(() => shape && (isLate ? failureOf(shape) : countsOf(shape, answer)));
    },
    failed: () => count(() => shape && failureOf(shape)),
    isOver: false,
    // Nothing more can happen: until Node 22 Lambda then answers null, from Node 24 on the process ends, which is an error.
    ended: () => (typeof context?.done === 'function' ? invocation.answered(null) : invocation.failed()),
  };
  quietly(() => expect(invocation));
  return invocation;
}

/** @param {Invocation} invocation */
function expect(invocation) {
  // An environment has one invocation at a time unless it says otherwise, so an older one was answered where it could not be seen.
  if (process.env.AWS_LAMBDA_MAX_CONCURRENCY === undefined) unanswered.clear();
  unanswered.add(invocation);
  if (isListening) return;
  isListening = true;
  process.prependListener('beforeExit', () => {
    for (const each of unanswered) each.ended();
  });
}

/**
 * Replaces the three functions by which a handler may answer until Node 22, and Lambda itself answers for a promise. True if
 * there are any.
 * @param {any} context
 * @param {Invocation} invocation
 */
function observe(context, invocation) {
  if (typeof context?.done !== 'function') return false;
  try {
    context.succeed = followed(context.succeed, invocation, bySucceed);
    context.fail = followed(context.fail, invocation, byFail);
    context.done = followed(context.done, invocation, byCallback);
  } catch {
    // Answers by these cannot be seen, so that no answer cannot be told from one.
    unanswered.delete(invocation);
  }
  return true;
}

/**
 * The same function, which counts what it is given as the answer.
 * @param {(...args: any[]) => unknown} answer
 * @param {Invocation} invocation
 * @param {(invocation: Invocation, first: unknown, second: unknown) => void} takes
 */
function followed(answer, invocation, takes) {
  /** @type {(this: unknown, ...args: unknown[]) => unknown} */
  return function (...args) {
    takes(invocation, args[0], args[1]);
    return answer.apply(this, args);
  };
}

/** @param {Invocation} invocation @param {unknown} error @param {unknown} answer */
function byCallback(invocation, error, answer) {
  if (error === undefined || error === null) invocation.answered(answer);
  else invocation.failed();
}

/** @param {Invocation} invocation @param {unknown} answer */
function bySucceed(invocation, answer) {
  invocation.answered(answer);
}

/** @param {Invocation} invocation */
function byFail(invocation) {
  invocation.failed();
}

/**
 * Counts before Lambda takes the answer. A promise stays the very one; other thenables may begin anew with each `then`, so
 * they are asked once.
 * @param {any} result
 * @param {Invocation} invocation
 */
function settling(result, invocation) {
  const promise = result instanceof Promise ? result : Promise.resolve(result);
  promise.then(invocation.answered, invocation.failed);
  return promise;
}

/**
 * What sent an event, as far as it decides what becomes of an answer.
 * `givesUpMs` is when its sender has answered without it.
 * @typedef {{ kind: 'rest' | 'http1' | 'http2' | 'alb', givesUpMs?: number } | { kind: 'sqs' | 'stream', ids: unknown[], givesUpMs?: undefined }} Shape
 */

/** When an HTTP API answers 503 without the function, which no quota raises (API Gateway quotas, "Maximum integration timeout"). A REST API's may be raised, so it is not known here. */
const HTTP_API_GIVES_UP_MS = 30_000;

/**
 * Undefined if the event does not say: direct calls, WebSocket routes, authorizers, EventBridge, S3, SNS and others.
 * @param {any} event
 * @returns {Shape | undefined}
 */
function shapeOf(event) {
  if (!isRecord(event)) return undefined;
  const { version, requestContext, Records } = event;
  if (Array.isArray(Records) && Records.length > 0) return batchOf(Records);
  // Authorizers get what looks like a request, and answer with a policy.
  if (!isRecord(requestContext) || event.type === 'REQUEST' || event.type === 'TOKEN') return undefined;
  if (isRecord(requestContext.http)) {
    // Function URLs send the same event, and wait for as long as the function may run.
    const isUrl = /\.lambda-url\./.test(String(requestContext.domainName ?? '.lambda-url.'));
    return isUrl ? { kind: 'http2' } : { kind: 'http2', givesUpMs: HTTP_API_GIVES_UP_MS };
  }
  if (typeof event.httpMethod !== 'string') return undefined;
  if (isRecord(requestContext.elb)) return { kind: 'alb' };
  return version === '1.0' ? { kind: 'http1', givesUpMs: HTTP_API_GIVES_UP_MS } : { kind: 'rest' };
}

/**
 * Event sources that bring batches and take the failed parts of them back (Lambda developer guide, "ReportBatchItemFailures").
 * @param {any[]} records
 * @returns {Shape | undefined}
 */
function batchOf(records) {
  switch (records[0]?.eventSource) {
    case 'aws:sqs':
      return { kind: 'sqs', ids: records.map((each) => each?.messageId) };
    case 'aws:kinesis':
      return { kind: 'stream', ids: records.map((each) => each?.kinesis?.sequenceNumber) };
    case 'aws:dynamodb':
      return { kind: 'stream', ids: records.map((each) => each?.dynamodb?.SequenceNumber) };
    default:
      return undefined;
  }
}

/**
 * What is counted of an answer.
 * @param {Shape} shape
 * @param {unknown} answer
 * @returns {Record<string, number>}
 */
function countsOf(shape, answer) {
  let sent;
  try {
    sent = sentOf(answer);
  } catch {
    // What JSON cannot hold Lambda reports as an error.
    return failureOf(shape);
  }
  if ('ids' in shape)
    return { Responses: 1, Faults: 0, BatchItems: shape.ids.length, BatchFailures: handedBack(shape, sent) };
  // A caught error that is returned has no members in JSON; an empty 200 is what a REST API may make of it, and not what the handler meant.
  const isError = answer instanceof Error && !('statusCode' in sent) && shape.kind === 'rest';
  const status = isError ? 502 : statusOf(shape.kind, sent);
  return { Responses: 1, Faults: status >= 500 ? 1 : 0, ClientErrors: status >= 400 && status < 500 ? 1 : 0 };
}

/**
 * What is counted of an error. A batch whose handler threw comes back as a whole, which `Errors` says already.
 * @param {Shape} shape
 * @returns {Record<string, number>}
 */
function failureOf(shape) {
  const counts = { Responses: 1, Faults: 1 };
  return 'ids' in shape
    ? { ...counts, BatchItems: shape.ids.length, BatchFailures: 0 }
    : { ...counts, ClientErrors: 0 };
}

/** What is read of an answer, beside its body. */
const READ = ['statusCode', 'headers', 'multiValueHeaders', 'batchItemFailures'];

/**
 * An answer as its JSON says it, as far as it is read: a second copy of all would cost as much time as the answer itself. What
 * JSON cannot hold in other members is left to `Errors`.
 * @param {any} answer
 * @returns {any}
 * @throws if JSON cannot hold it
 */
function sentOf(answer) {
  if (typeof answer?.toJSON === 'function') return inJson(answer);
  if (!isRecord(answer) || Array.isArray(answer)) return typeof answer === 'bigint' ? inJson(answer) : null;
  /** @type {Record<string, unknown>} */
  const sent = {};
  for (const [name, value] of Object.entries(answer)) {
    if (value === undefined || typeof value === 'function' || typeof value === 'symbol') continue;
    const isRead = READ.includes(name) || (name === 'body' && typeof value?.toJSON === 'function');
    sent[name] = isRead ? inJson(value) : value;
  }
  return sent;
}

/** @param {unknown} value @returns {any} */
function inJson(value) {
  const text = JSON.stringify(value);
  return text === undefined ? null : JSON.parse(text);
}

/** Most that a load balancer takes of an answer (Elastic Load Balancing user guide, "Lambda functions as targets"). */
const ALB_BYTES_MAX = 1024 * 1024;

/** Each other member makes an answer malformed for a REST API (API Gateway developer guide, "Output format of a Lambda function for proxy integration"; seen of `cookies` in nitrojs/nitro#504). */
const REST_MEMBERS = ['statusCode', 'headers', 'multiValueHeaders', 'body', 'isBase64Encoded'];

/**
 * The status that the caller gets. Sources: REST APIs answer 502 to what is malformed (AWS knowledge center, "HTTP 502 errors
 * for API Gateway REST APIs"), HTTP APIs 500 with payload format 1.0, and with 2.0 take an answer without a status for the body of a 200, as
 * function URLs do (API Gateway developer guide, "AWS Lambda integrations for HTTP APIs"; Lambda developer guide, "Invoking
 * function URLs"). That 2.0 refuses a malformed answer with a status is assumed; which of 500 and 502 it is makes no difference here.
 * @param {'rest' | 'http1' | 'http2' | 'alb'} kind
 * @param {any} sent
 * @returns {number}
 */
function statusOf(kind, sent) {
  const malformed = 502;
  const isAnswer = isRecord(sent) && !Array.isArray(sent);
  if (kind === 'http2' && !(isAnswer && 'statusCode' in sent)) return 200;
  if (!isAnswer) return malformed;
  // A REST API takes 200 for a status that is not there (seen by LocalStack's test_lambda_aws_proxy_response_format).
  const { statusCode = kind === 'rest' ? 200 : undefined, body = null } = sent;
  const status =
    typeof statusCode === 'string' && /^\d{3}$/.test(statusCode) ? Number(statusCode) : statusCode;
  if (!Number.isInteger(status) || status < 100 || status > 999) return malformed;
  if (body !== null && typeof body !== 'string') return malformed;
  if (kind === 'alb' && body !== null && Buffer.byteLength(body) > ALB_BYTES_MAX) return malformed;
  if (kind === 'rest' && Object.keys(sent).some((name) => !REST_MEMBERS.includes(name))) return malformed;
  return hasHeaders(kind, sent) ? status : malformed;
}

/**
 * False if a gateway cannot send the headers. Load balancers take texts alone (seen in CodeGenieApp/serverless-express#699 and
 * jeremydaly/lambda-api#117); API Gateway also numbers and booleans.
 * @param {'rest' | 'http1' | 'http2' | 'alb'} kind
 * @param {any} sent
 */
function hasHeaders(kind, { headers = null, multiValueHeaders = null }) {
  /** @param {unknown} value */
  const isValue = (value) =>
    typeof value === 'string' || (kind !== 'alb' && (value === null || typeof value !== 'object'));
  /** @param {any} named @param {(value: unknown) => boolean} isFit */
  const areFit = (named, isFit) =>
    named === null || (isRecord(named) && !Array.isArray(named) && Object.values(named).every(isFit));
  return (
    areFit(headers, isValue) &&
    (kind === 'http2' ||
      areFit(multiValueHeaders, (values) => Array.isArray(values) && values.every(isValue)))
  );
}

/**
 * How many items of a batch come back: of a queue those that are named, of a stream all from the first named on, and the
 * whole batch if a name is empty, missing or of no item (Lambda developer guide, "Success and failure conditions").
 * @param {{ kind: 'sqs' | 'stream', ids: unknown[] }} shape
 * @param {any} sent
 */
function handedBack({ kind, ids }, sent) {
  const listed = isRecord(sent) ? sent.batchItemFailures : undefined;
  if (listed === undefined || listed === null) return 0;
  if (!Array.isArray(listed)) return ids.length;
  const named = listed.map((each) => {
    const id = each?.itemIdentifier;
    return typeof id === 'string' && id !== '' ? ids.indexOf(id) : -1;
  });
  if (named.length === 0) return 0;
  const first = Math.min(...named);
  if (first === -1) return ids.length;
  return kind === 'sqs' ? new Set(named).size : ids.length - first;
}

/** @param {unknown} value @returns {value is Record<string, any>} */
function isRecord(value) {
  return typeof value === 'object' && value !== null;
}

/**
 * Undefined if it throws: the answer matters more than its count.
 * @template T
 * @param {() => T} read
 */
function quietly(read) {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/**
 * Straight to stdout: `console.log` would put a timestamp before the JSON, or JSON around it.
 * @param {any} context
 * @param {number} startedAt as Lambda's own metrics are stamped, so that both fall into the same minute
 * @param {Record<string, number>} metrics
 */
function print(context, startedAt, metrics) {
  const names = Object.keys(metrics);
  if (names.length === 0) return;
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
            Metrics: names.map((Name) => ({ Name, Unit: 'Count' })),
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
