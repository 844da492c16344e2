// What runs inside a worker: imports the user's module once, then answers invocations, several at a time if they come so.
// Which answer counts is what Lambda's own runtime client does: aws-lambda-ric 3.3.0 until Node 22, 4.0.2 from Node 24 on;
// test/runtime/ holds one table of handlers against both.
import { AsyncLocalStorage } from 'node:async_hooks';
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';

/**
 * @typedef {{ at: number, began: number, lines: string[], open: string }} Scope Time and output of one invocation.
 * @typedef {{ id: number, event: string, at: number, timeoutMs: number, context: Record<string, string> }} Invocation
 * @typedef {(event: unknown, context: object, callback?: (error?: unknown, result?: unknown) => void) => unknown} Handler
 * @typedef {{ handler: Handler } | { errorType: string, errorMessage: string, trace: string[] }} Loaded
 */

/** @type {AsyncLocalStorage<Scope>} */
const scopes = new AsyncLocalStorage();
/** @type {Scope} What the code does outside an invocation; its lines go out with the next answer. */
const outside = { at: workerData.at, began: performance.now(), lines: [], open: '' };
const scope = () => scopes.getStore() ?? outside;

/** Until Node 22 Lambda takes answers from a callback and from the context, and what is returned at once is none. */
const takesCallbacks = Number(/\d+/.exec(workerData.runtime)?.[0]) < 24;

/**
 * What becomes of an invocation if nothing more can happen in here.
 * @type {Map<number, () => void>}
 */
const unanswered = new Map();

const STREAMING = Symbol.for('aws.lambda.runtime.handler.streaming');

captureOutput();
useWorldTime();
endWithTheLoop();
Object.assign(globalThis, {
  awslambda: {
    streamifyResponse: (/** @type {any} */ handler) => Object.assign(handler, { [STREAMING]: 'response' }),
  },
});
const loaded = await load(workerData.folder, workerData.handler);
parentPort?.on('message', (/** @type {Invocation} */ invocation) => {
  const own = { at: invocation.at, began: performance.now(), lines: [], open: '' };
  void scopes.run(own, () => answer(invocation, own));
});
parentPort?.postMessage({ ready: true });

/** Keeps each line with the invocation that printed it, as a log stream of one environment per invocation would. */
function captureOutput() {
  for (const stream of [process.stdout, process.stderr]) {
    /** @type {(chunk: string | Uint8Array, ...rest: unknown[]) => boolean} */
    const write = (chunk, ...rest) => {
      const target = scope();
      const parts = (target.open + (typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString())).split(
        '\n',
      );
      target.open = parts.pop() ?? '';
      target.lines.push(...parts);
      const done = rest.at(-1);
      if (typeof done === 'function') queueMicrotask(() => done());
      return true;
    };
    stream.write = write;
  }
}

/** The world may run faster than real time; the code must stamp what it prints with the world's time. */
function useWorldTime() {
  const now = () => Math.floor(scope().at + performance.now() - scope().began);
  Date.now = now;
  globalThis.Date = new Proxy(Date, {
    construct: (target, args, newTarget) =>
      Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
  });
}

/**
 * @param {string} folder
 * @param {string} spec such as `src/index.handler`
 * @returns {Promise<Loaded>}
 */
async function load(folder, spec) {
  const [module = '', ...path] = basename(spec).split('.');
  const base = join(folder, dirname(spec), module);
  try {
    const file = ['.js', '.mjs', '.cjs']
      .map((extension) => base + extension)
      .find((name) => existsSync(name));
    if (file === undefined)
      return failed(
        'Runtime.ImportModuleError',
        `Error: Cannot find module '${module}' of the handler ${spec}`,
      );
    const namespace = await import(pathToFileURL(file).href);
    const handler = pick(namespace, path) ?? pick(namespace.default, path);
    if (typeof handler !== 'function')
      return failed('Runtime.HandlerNotFound', `${spec} is undefined or not a function`);
    if (handler[STREAMING])
      return failed('Simulation', `${spec} streams its response, which is not simulated`);
    if (!takesCallbacks && handler.length >= 3)
      return failed(
        'Runtime.CallbackHandlerDeprecated',
        `${spec} calls back, which ${workerData.runtime} refuses`,
      );
    return { handler };
  } catch (error) {
    const { errorType, errorMessage, trace } = described(error);
    if (error instanceof SyntaxError)
      return { ...failed('Runtime.UserCodeSyntaxError', `${errorType}: ${errorMessage}`), trace };
    if (/** @type {any} */ (error)?.code === 'MODULE_NOT_FOUND')
      return { ...failed('Runtime.ImportModuleError', `${errorType}: ${errorMessage}`), trace };
    return { errorType, errorMessage, trace };
  }
}

/** @param {string} errorType @param {string} errorMessage */
function failed(errorType, errorMessage) {
  return { errorType, errorMessage, trace: [] };
}

/**
 * @param {unknown} value
 * @param {string[]} path
 * @returns {any} the user's module has no type here
 */
function pick(value, path) {
  return path.reduce((/** @type {any} */ at, name) => at?.[name], value);
}

/**
 * The thread may end while an invocation is in flight, as a process of Lambda does whose event loop is empty: until Node 22
 * the runtime client answers then, and after it nobody does.
 */
function endWithTheLoop() {
  process.on('beforeExit', () => {
    for (const end of [...unanswered.values()]) end();
  });
  if (!takesCallbacks) return;
  const crash = (/** @type {number} */ code, /** @type {object} */ error) => {
    for (const id of unanswered.keys()) leave(id, error);
    // Messages are lost if the thread is ended at once.
    setImmediate(() => process.exit(code));
  };
  process.on('uncaughtException', (error) => crash(129, described(error)));
  process.on('unhandledRejection', (reason) =>
    crash(128, failed('Runtime.UnhandledPromiseRejection', described(reason).errorMessage)),
  );
}

/**
 * Answers an invocation with the error that ends the environment.
 * @param {number} id
 * @param {object} error
 */
function leave(id, error) {
  parentPort?.postMessage({ id, error, durationMs: 0, logs: flushed(outside), isLast: true });
}

/**
 * @param {Invocation} invocation
 * @param {Scope} own
 */
async function answer({ id, event, timeoutMs, context }, own) {
  const getRemainingTimeInMillis = () => Math.max(0, Math.floor(own.began + timeoutMs - performance.now()));
  /** @type {{ result: string } | { error: object }} */
  let outcome;
  unanswered.set(id, () => {
    const reason = `RequestId: ${context.awsRequestId} Error: Runtime exited without providing a reason`;
    leave(id, failed('Runtime.ExitError', reason));
  });
  parentPort?.unref();
  try {
    if (!('handler' in loaded)) outcome = { error: loaded };
    else {
      const called = takesCallbacks ? calledBack : awaited;
      outcome = {
        result: await called(loaded.handler, JSON.parse(event), { ...context, getRemainingTimeInMillis }, id),
      };
    }
  } catch (error) {
    outcome = { error: described(error) };
  }
  if (isOverMemory()) return process.exit(KILLED);
  unanswered.delete(id);
  if (unanswered.size === 0) parentPort?.ref();
  const durationMs = performance.now() - own.began;
  parentPort?.postMessage({ id, ...outcome, durationMs, logs: [...flushed(outside), ...flushed(own)] });
  // What the code prints from here on belongs to no answer of its own.
  own.lines = outside.lines;
}

/** What the thread ends with if the code holds more memory than its function has; a heap that is too large ends it by itself. */
const KILLED = 137;

function isOverMemory() {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external > Number(process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE) * 2 ** 20;
}

/**
 * From Node 24 on.
 * @param {Handler} handler
 * @param {unknown} event
 * @param {object} context
 */
async function awaited(handler, event, context) {
  return sent(await handler(event, context), 'Runtime.JSONStringifyError');
}

/**
 * Until Node 22: the first answer counts, whoever gives it; one by callback waits until nothing more can happen, unless told
 * not to; and if nobody answers, the answer is null.
 * @param {Handler} handler
 * @param {unknown} event
 * @param {object} given
 * @param {number} id
 * @returns {Promise<string>}
 */
function calledBack(handler, event, given, id) {
  return new Promise((resolve, reject) => {
    let isOver = false;
    const first =
      (/** @type {(...args: any[]) => void} */ take) =>
      (/** @type {any[]} */ ...args) => {
        if (isOver) return;
        take(...args);
        isOver = true;
      };
    const done = (/** @type {unknown} */ error, /** @type {unknown} */ value) => {
      if (error === undefined || error === null) resolve(sent(value, 'Error'));
      else reject(error);
    };
    const context = Object.assign(given, {
      callbackWaitsForEmptyEventLoop: true,
      succeed: first((value) => done(null, value)),
      fail: first((error) => done(error ?? 'handled', null)),
      done: first(done),
    });
    const callback = first((error, value) => {
      if ((error === undefined || error === null) && context.callbackWaitsForEmptyEventLoop)
        unanswered.set(id, () => done(null, value));
      else done(error, value);
    });
    unanswered.set(id, () => {
      isOver = true;
      resolve('null');
    });
    try {
      const result = /** @type {any} */ (handler(event, context, callback));
      if (typeof result?.then === 'function') result.then(context.succeed, context.fail).catch(context.fail);
    } catch (error) {
      callback(error);
    }
  });
}

/**
 * @param {unknown} value
 * @param {string} name of the error where JSON cannot hold it
 * @returns {string}
 */
function sent(value, name) {
  try {
    return JSON.stringify(value) ?? 'null';
  } catch {
    throw Object.assign(new Error('Unable to stringify response body'), { name });
  }
}

/** @param {Scope} from */
function flushed(from) {
  const lines = from.lines.splice(0);
  if (from.open !== '') lines.push(from.open);
  from.open = '';
  return lines;
}

/** @param {unknown} error */
function described(error) {
  if (!(error instanceof Error)) return { errorType: typeof error, errorMessage: String(error), trace: [] };
  return { errorType: error.name, errorMessage: error.message, trace: (error.stack ?? '').split('\n') };
}
