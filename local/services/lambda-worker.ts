import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { unzipSync } from 'fflate';
import type { Instant } from '../../core/units.ts';

/** One version of a function, as code in a zip. */
interface WorkerCode {
  zip: Uint8Array;
  /** File and export, such as `index.handler`. */
  handler: string;
  /** Such as `nodejs22.x`; it decides which answers count. Absent: `nodejs24.x`. */
  runtime?: string;
  functionName: string;
  version: string;
  region: string;
  memoryMb: number;
}

interface WorkerInvocation {
  requestId: string;
  /** The event as JSON. */
  event: string;
  /** The function's ARN with the qualifier that was asked for. */
  arn: string;
  /** When the invocation starts, in the world's time. */
  at: Instant;
  /** Longest real time that it may take. */
  timeoutMs: number;
}

/** How an invocation ended: the answer or the error as JSON, and what the code printed. */
export interface Outcome {
  payload: string;
  error: boolean;
  logs: string[];
  durationMs: number;
}

/** How long Lambda lets code initialise before the invocation's own time limit counts (Lambda developer guide, "Lambda execution environment lifecycle"). */
const INIT_MS_MAX = 10_000;

const RUNTIME = 'nodejs24.x';

/** The exit status of a process that was killed (Lambda developer guide, "Troubleshoot invocation issues": `signal: killed`), as the runtime ends the thread whose code holds too much memory. */
const KILLED = 137;

/** An environment without work is ended after this much real time, so that old versions do not pile up. */
const IDLE_MS = 60_000;

/** Runs one version's code in one worker, which is started when first needed and again after a crash or a timeout. */
export class LambdaWorker {
  readonly #code: WorkerCode;
  readonly #sandboxes = new Set<Sandbox>();
  #current: Sandbox | undefined;
  #folder: string | undefined;

  constructor(code: WorkerCode) {
    this.#code = code;
  }

  /** Resolves also when the code fails, crashes or takes too long: the outcome says so. */
  async invoke(invocation: WorkerInvocation): Promise<Outcome> {
    this.#folder ??= unpacked(this.#code.zip);
    this.#current ??= this.#start(this.#folder, invocation.at);
    return this.#current.invoke(invocation);
  }

  /** Ends the worker, fails what still runs, and removes the unpacked code. */
  async close(): Promise<void> {
    await Promise.all([...this.#sandboxes].map((sandbox) => sandbox.end()));
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
    this.#folder = undefined;
  }

  #start(folder: string, at: Instant): Sandbox {
    const sandbox = new Sandbox(this.#code, folder, at, (ended) => {
      if (this.#current === sandbox) this.#current = undefined;
      if (ended) this.#sandboxes.delete(sandbox);
    });
    this.#sandboxes.add(sandbox);
    return sandbox;
  }
}

interface Pending {
  invocation: WorkerInvocation;
  began: number;
  timer: NodeJS.Timeout;
  settle(outcome: Outcome): void;
}

interface Answer {
  id: number;
  result?: string;
  error?: object;
  logs: string[];
  durationMs: number;
  /** True if the environment ends with it. */
  isLast?: boolean;
}

/** One worker thread and the invocations in flight in it. */
class Sandbox {
  readonly #worker: Worker;
  readonly #context: Record<string, string>;
  readonly #pending = new Map<number, Pending>();
  readonly #idle: NodeJS.Timeout;
  readonly #onRetire: (ended: boolean) => void;
  #lastId = 0;
  #isReady = false;
  #isRetired = false;
  #isKilled = false;
  #crash: string | undefined;

  constructor(code: WorkerCode, folder: string, at: Instant, onRetire: (ended: boolean) => void) {
    this.#onRetire = onRetire;
    this.#worker = new Worker(new URL('./lambda-runtime.mjs', import.meta.url), {
      workerData: { folder, handler: code.handler, runtime: code.runtime ?? RUNTIME, at },
      env: environment(code, folder),
      argv: [],
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: code.memoryMb },
      stdout: true,
      stderr: true,
    });
    // A world that only waits for idle code may end; the time limit of a running invocation keeps the process.
    this.#worker.unref();
    this.#worker.on('message', (message: Answer | { ready: true }) => {
      if ('ready' in message) this.#ready();
      else this.#answered(message);
    });
    this.#worker.on('error', (error) => {
      this.#isKilled = Object(error).code === 'ERR_WORKER_OUT_OF_MEMORY';
      this.#crash = error instanceof Error ? (error.stack ?? error.message) : String(error);
    });
    this.#worker.on('exit', (exitCode) => this.#exited(exitCode));
    this.#idle = setTimeout(() => this.#retire(), IDLE_MS);
    this.#idle.unref();
    this.#context = {
      functionName: code.functionName,
      functionVersion: code.version,
      memoryLimitInMB: String(code.memoryMb),
    };
  }

  invoke(invocation: WorkerInvocation): Promise<Outcome> {
    this.#idle.refresh();
    const { event, at, timeoutMs, arn, requestId } = invocation;
    const id = ++this.#lastId;
    return new Promise((settle) => {
      const limit = this.#isReady ? timeoutMs : INIT_MS_MAX + timeoutMs;
      const timer = setTimeout(() => this.#timedOut(id), limit);
      this.#pending.set(id, { invocation, began: performance.now(), timer, settle });
      const context = { ...this.#context, awsRequestId: requestId, invokedFunctionArn: arn };
      this.#worker.postMessage({ id, event, at, timeoutMs, context });
    });
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  #ready(): void {
    this.#isReady = true;
    for (const [id, pending] of this.#pending) {
      clearTimeout(pending.timer);
      pending.began = performance.now();
      pending.timer = setTimeout(() => this.#timedOut(id), pending.invocation.timeoutMs);
    }
  }

  #answered({ id, result, error, logs, durationMs, isLast }: Answer): void {
    if (isLast) this.#retire(false);
    const payload = result ?? JSON.stringify(error);
    this.#settle(id, { payload, error: result === undefined, logs, durationMs });
  }

  #timedOut(id: number): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    const { requestId, timeoutMs } = pending.invocation;
    this.#settle(id, { ...timeout(requestId, timeoutMs), logs: [] });
    // The code may still hold the thread, so nothing new is given to it.
    this.#retire();
  }

  #settle(id: number, outcome: Outcome): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    this.#pending.delete(id);
    clearTimeout(pending.timer);
    pending.settle(outcome);
    if (this.#isRetired) this.#retire();
  }

  /** Takes no new invocations, and ends with the last one in flight unless it ends by itself. */
  #retire(isEnded = true): void {
    this.#isRetired = true;
    this.#onRetire(false);
    if (isEnded && this.#pending.size === 0) void this.end();
  }

  #exited(exitCode: number): void {
    clearTimeout(this.#idle);
    this.#onRetire(true);
    const reason =
      exitCode === 0
        ? 'Runtime exited without providing a reason'
        : `Runtime exited with error: ${this.#isKilled || exitCode === KILLED ? 'signal: killed' : `exit status ${exitCode}`}`;
    for (const [id, { invocation, began }] of this.#pending) {
      const { payload } = exited(invocation.requestId, reason);
      const logs = this.#crash === undefined ? [] : this.#crash.split('\n');
      this.#settle(id, { payload, error: true, logs, durationMs: performance.now() - began });
    }
  }
}

/** The error of an invocation that took longer than its function may. */
export function timeout(requestId: string, timeoutMs: number): Omit<Outcome, 'logs'> {
  const errorMessage = `RequestId: ${requestId} Error: Task timed out after ${(timeoutMs / 1000).toFixed(2)} seconds`;
  return {
    payload: JSON.stringify({ errorType: 'Sandbox.Timedout', errorMessage }),
    error: true,
    durationMs: timeoutMs,
  };
}

/** The error of an invocation that took more memory than its function has (Lambda developer guide, "Troubleshoot invocation issues"). */
export function killed(requestId: string): Omit<Outcome, 'logs' | 'durationMs'> {
  return { ...exited(requestId, 'Runtime exited with error: signal: killed'), error: true };
}

function exited(requestId: string, reason: string): { payload: string } {
  const errorMessage = `RequestId: ${requestId} Error: ${reason}`;
  return { payload: JSON.stringify({ errorType: 'Runtime.ExitError', errorMessage }) };
}

/** The files of a zip by path. @throws Error if it is no zip, or an entry would be written outside its folder */
export function unzipped(zip: Uint8Array): Record<string, Uint8Array> {
  const files = unzipSync(zip);
  for (const name of Object.keys(files)) {
    if (/^([/\\]|[a-zA-Z]:)|(^|[/\\])\.\.([/\\]|$)/.test(name)) {
      throw new Error(
        `The zip holds "${name}", which lies outside its own folder. Build it with relative paths.`,
      );
    }
  }
  return files;
}

function unpacked(zip: Uint8Array): string {
  const files = unzipped(zip);
  const folder = mkdtempSync(join(tmpdir(), 'spillway-lambda-'));
  for (const [name, bytes] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(name.endsWith('/') ? path : dirname(path), { recursive: true });
    if (!name.endsWith('/')) writeFileSync(path, bytes);
  }
  return folder;
}

/** Nothing of this process' own environment, and no way to its AWS credentials through the SDK's usual places. */
function environment(code: WorkerCode, folder: string): Record<string, string> {
  return {
    AWS_LAMBDA_FUNCTION_NAME: code.functionName,
    AWS_LAMBDA_FUNCTION_VERSION: code.version,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(code.memoryMb),
    AWS_REGION: code.region,
    LAMBDA_TASK_ROOT: folder,
    _HANDLER: code.handler,
    AWS_EXECUTION_ENV: `AWS_Lambda_${code.runtime ?? RUNTIME}`,
    // A worker answers several at a time, which code can see in Lambda by this variable (aws-lambda-ric 4.0.2).
    AWS_LAMBDA_MAX_CONCURRENCY: '64',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_EC2_METADATA_DISABLED: 'true',
    TZ: 'UTC',
  };
}
