// What runs inside a worker: imports the user's module once, then answers invocations, several at a time if they come so.
import { AsyncLocalStorage } from 'node:async_hooks';
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';

/**
 * @typedef {{ at: number, began: number, lines: string[], open: string }} Scope Time and output of one invocation.
 * @typedef {{ id: number, event: string, at: number, timeoutMs: number, context: Record<string, string> }} Invocation
 * @typedef {(event: unknown, context: object, callback: (error?: unknown, result?: unknown) => void) => unknown} Handler
 * @typedef {{ handler: Handler } | { errorType: string, errorMessage: string, trace: string[] }} Loaded
 */

/** @type {AsyncLocalStorage<Scope>} */
const scopes = new AsyncLocalStorage();
/** @type {Scope} What the code does outside an invocation; its lines go out with the next answer. */
const outside = { at: workerData.at, began: performance.now(), lines: [], open: '' };
const scope = () => scopes.getStore() ?? outside;

captureOutput();
tellTheWorldsTime();
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
function tellTheWorldsTime() {
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
    if (file === undefined) throw new Error(`Cannot find module '${module}' of the handler ${spec}`);
    const namespace = await import(pathToFileURL(file).href);
    const handler = pick(namespace, path) ?? pick(namespace.default, path);
    if (typeof handler === 'function') return { handler };
    return {
      errorType: 'Runtime.HandlerNotFound',
      errorMessage: `${spec} is undefined or not a function`,
      trace: [],
    };
  } catch (error) {
    const { errorType, errorMessage, trace } = described(error);
    return { errorType: 'Runtime.ImportModuleError', errorMessage: `${errorType}: ${errorMessage}`, trace };
  }
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
 * @param {Invocation} invocation
 * @param {Scope} own
 */
async function answer({ id, event, timeoutMs, context }, own) {
  const getRemainingTimeInMillis = () => Math.max(0, Math.floor(own.began + timeoutMs - performance.now()));
  /** @type {{ result: string } | { error: object }} */
  let outcome;
  try {
    if (!('handler' in loaded)) outcome = { error: loaded };
    else {
      const result = await called(loaded.handler, JSON.parse(event), {
        ...context,
        getRemainingTimeInMillis,
      });
      outcome = { result: JSON.stringify(result) ?? 'null' };
    }
  } catch (error) {
    outcome = { error: described(error) };
  }
  const durationMs = performance.now() - own.began;
  parentPort?.postMessage({ id, ...outcome, durationMs, logs: [...flushed(outside), ...flushed(own)] });
  // What the code prints from here on belongs to no answer of its own.
  own.lines = outside.lines;
}

/**
 * @param {Handler} handler
 * @param {unknown} event
 * @param {object} context
 * @returns {Promise<unknown>}
 */
function called(handler, event, context) {
  return new Promise((resolve, reject) => {
    const result = handler(event, context, (error, value) =>
      error == null ? resolve(value) : reject(error),
    );
    const isPromise = typeof (/** @type {any} */ (result)?.then) === 'function';
    // A handler of three parameters that returns nothing has promised to call back.
    if (isPromise || handler.length < 3) resolve(result);
  });
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
