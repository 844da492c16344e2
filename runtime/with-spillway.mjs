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
 * Each answer is also counted by the age of its environment: `First` is an environment's first, `Young` are those of its first
 * minute, and `Group0` to `Group7` the others by whose they are. `entity` says whose from the event, of which a hash is taken and
 * nothing is printed but one of eight groups; without it each environment is in one of them by chance. `groups: false` leaves
 * them out.
 *
 * With `latency` it also counts how long each answer took, but for each environment's first, in one of 24 metrics `Latency0` to
 * `Latency23`. Those that ever count something cost money as custom metrics do, so they are not on by themselves.
 *
 * @template {(...args: any[]) => any} H
 * @param {H} handler
 * @param {{ latency?: boolean, groups?: boolean, entity?: (...args: any[]) => unknown }} [options]
 * @returns {H}
 * @throws {TypeError} if the handler is no function, or streams its response
 */
export function withSpillway(handler, { latency = false, groups = true, entity } = {}) {
  if (typeof handler !== 'function')
    throw new TypeError(`withSpillway needs a handler, which is a function; it was given ${typeof handler}.`);
  if (/** @type {any} */ (handler)[STREAMING]) throw new TypeError(STREAMS);
  /** @type {(this: unknown, ...args: any[]) => unknown} */
  const counting = function (...args) {
    const [event, context, callback] = args;
    const invocation = begun(event, context, { latency, groups, entity });
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
 * `isPast` says that a later one began before it ended, so that the environment may have been frozen in between.
 * @typedef {{ answered: (answer: unknown) => void, failed: () => void, isOver: boolean, isPast: boolean, ended: () => void }} Invocation
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
 * @param {{ latency: boolean, groups: boolean, entity?: (...args: any[]) => unknown }} options
 * @returns {Invocation}
 */
function begun(event, context, { latency, groups, entity }) {
  const [startedAt, ticks] = [Date.now(), performance.now()];
  const shape = quietly(() => shapeOf(event));
  const { isFirst, isYoung, group } = servedBy(startedAt, ticks);
  const ofEntity = groups && entity && quietly(() => groupOf(entity(event, context)));
  const { awsRequestId } = context ?? {};
  const isRetry = isTriedAgain(shape, awsRequestId);
  /** @type {(counts: () => Record<string, number> | undefined, isThrown?: boolean) => void} */
  const count = (counts, isThrown = false) => {
    if (invocation.isOver) return;
    invocation.isOver = true;
    unanswered.delete(invocation);
    if (isThrown && !shape && awsRequestId) remember(awsRequestId);
    const counted = quietly(counts);
    if (!counted && !latency) return;
    if (isRetry) return print(context, startedAt, { Retries: shape && 'ids' in shape ? shape.again : 1 });
    const fault = counted?.Faults ?? Number(isThrown);
    print(context, startedAt, {
      ...counted,
      ...(isFirst ? { First: fault } : {}),
      ...(isYoung ? { Young: fault } : groups ? { [`Group${ofEntity ?? group}`]: fault } : {}),
      ...(latency && !isFirst && !invocation.isPast ? timed(performance.now() - ticks) : {}),
    });
  };
  /** @type {Invocation} */
  const invocation = {
    answered: (answer) => {
      const isLate = shape?.givesUpMs !== undefined && Date.now() - startedAt > shape.givesUpMs;
      count(() => shape && (isLate ? failureOf(shape) : countsOf(shape, answer)));
    },
    failed: () => count(() => shape && failureOf(shape), true),
    isOver: false,
    isPast: false,
    // Nothing more can happen: until Node 22 Lambda then answers null, from Node 24 on the process ends, which is an error.
    ended: () => (typeof context?.done === 'function' ? invocation.answered(null) : invocation.failed()),
  };
  quietly(() => expect(invocation));
  return invocation;
}

/** @param {Invocation} invocation */
function expect(invocation) {
  // An environment has one invocation at a time unless it says otherwise, so an older one was answered where it could not be seen.
  if (process.env.AWS_LAMBDA_MAX_CONCURRENCY === undefined) {
    for (const each of unanswered) each.isPast = true;
    unanswered.clear();
  }
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
 * Of a batch, `again` of the items were tried before, `firsts` says which were not.
 * @typedef {{ kind: 'sqs' | 'stream', ids: unknown[], firsts: boolean[], again: number, givesUpMs?: undefined }} Batch
 * @typedef {{ kind: 'rest' | 'http1' | 'http2' | 'alb', givesUpMs?: number } | Batch} Shape
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
      return batch('sqs', records, (each) => each?.messageId);
    case 'aws:kinesis':
      return batch('stream', records, (each) => each?.kinesis?.sequenceNumber);
    case 'aws:dynamodb':
      return batch('stream', records, (each) => each?.dynamodb?.SequenceNumber);
    default:
      return undefined;
  }
}

/**
 * A message that comes again because it failed says nothing new of the version. Only queues say that it does.
 * @param {'sqs' | 'stream'} kind @param {any[]} records @param {(record: any) => unknown} idOf
 * @returns {Batch}
 */
function batch(kind, records, idOf) {
  const firsts = records.map((each) => !(Number(each?.attributes?.ApproximateReceiveCount) > 1));
  return { kind, ids: records.map(idOf), firsts, again: firsts.filter((isFirst) => !isFirst).length };
}

/** Requests whose ids are remembered: what failed is invoked again within minutes, if by this environment at all. */
const REMEMBERED = 64;

/** Ids of asynchronous invocations that failed here, of which Lambda tries the same again (Lambda developer guide, "Error handling for asynchronous invocation").
 * @type {Set<string>} */
const failedBefore = new Set();

/** @param {string} id */
function remember(id) {
  failedBefore.add(id);
  for (const oldest of failedBefore) if (failedBefore.size > REMEMBERED) failedBefore.delete(oldest);
}

/** True if nothing in an invocation comes for the first time. @param {Shape | undefined} shape @param {string} id */
function isTriedAgain(shape, id) {
  return shape && 'ids' in shape ? shape.again === shape.ids.length : !shape && failedBefore.has(id);
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
  if ('ids' in shape) return { Responses: 1, Faults: 0, ...itemsOf(shape, handedBack(shape, sent)) };
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
  return 'ids' in shape ? { ...counts, ...itemsOf(shape, 0) } : { ...counts, ClientErrors: 0 };
}

/** @param {Batch} shape @param {number} failures */
function itemsOf({ ids, again }, failures) {
  const items = { BatchItems: ids.length - again, BatchFailures: failures };
  return again > 0 ? { ...items, Retries: again } : items;
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
 * How many items of a batch come back, of those that came for the first time: of a queue those that are named, of a stream all from the first named on, and the
 * whole batch if a name is empty, missing or of no item (Lambda developer guide, "Success and failure conditions").
 * @param {Batch} shape
 * @param {any} sent
 */
function handedBack({ kind, ids, firsts, again }, sent) {
  const listed = isRecord(sent) ? sent.batchItemFailures : undefined;
  if (listed === undefined || listed === null) return 0;
  const all = ids.length - again;
  if (!Array.isArray(listed)) return all;
  const named = listed.map((each) => {
    const id = each?.itemIdentifier;
    return typeof id === 'string' && id !== '' ? ids.indexOf(id) : -1;
  });
  if (named.length === 0) return 0;
  const first = Math.min(...named);
  if (first === -1) return all;
  return kind === 'sqs' ? [...new Set(named)].filter((at) => firsts[at]).length : ids.length - first;
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

/** For how long the calls of an environment are those of a young one: connections are made and caches filled meanwhile. */
const YOUNG_MS = 60_000;

/** The groups that calls are parted into, by whose they are. */
const GROUPS = 8;

/**
 * When this environment had its first call by both clocks, and its group. Drawn at that call: what is drawn before may be in a
 * snapshot that many environments begin from.
 * @type {{ at: number, ticks: number, group: number } | undefined}
 */
let environment;

/** What serves a call that begins now. A clock that stands still while the environment is frozen, or is set back, makes nothing young. @param {number} at @param {number} ticks */
function servedBy(at, ticks) {
  const isFirst = environment === undefined;
  environment ??= { at, ticks, group: Math.floor(Math.random() * GROUPS) };
  const isYoung = !(Math.max(at - environment.at, ticks - environment.ticks) >= YOUNG_MS);
  return { isFirst, isYoung, group: environment.group };
}

/** Bytes of an entity that its group depends on: longer ones cost no more time. */
const ENTITY_BYTES = 256;

/**
 * The group of an entity, which is the same in each runtime: an FNV-1a hash of the beginning of its UTF-8, mixed once, by 8.
 * @param {unknown} entity
 * @returns {number | undefined} undefined if it is no text and no number, or empty
 */
function groupOf(entity) {
  // A promise says nothing in time; one that is rejected, with nobody to hear of it, would end the process.
  if (entity instanceof Promise) entity.catch(() => {});
  const text = ['string', 'number', 'bigint'].includes(typeof entity) ? String(entity) : '';
  if (text === '') return undefined;
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text.slice(0, ENTITY_BYTES + 1)).subarray(0, ENTITY_BYTES))
    hash = Math.imul(hash ^ byte, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return ((hash ^ (hash >>> 13)) >>> 0) % GROUPS;
}

/**
 * The metric of a duration, the number of powers of two from 0.125 ms on that it is above, with value 1 in the part of its octave above
 * 1.25 times the beginning and 0 below, so that one metric carries two counts.
 * @param {number} ms
 * @returns {Record<string, number>}
 */
function timed(ms) {
  if (Number.isNaN(ms)) return {};
  let [octave, from] = [0, 0];
  for (let start = 0.125; octave < 23 && start < ms; start *= 2) {
    octave++;
    from = start;
  }
  return { [`Latency${octave}`]: octave > 0 && ms > 1.25 * from ? 1 : 0 };
}
