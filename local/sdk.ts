import type { WorldClock } from './clock.ts';

/** One simulated call: typed input in, output (without `$metadata`) out, or an `awsError` thrown. */
type Operation = (input: never) => object | Promise<object>;

/** The simulated calls of a service by command name, such as `UpdateAliasCommand`. */
export type Operations = Readonly<Record<string, Operation>>;

/** Stands around a call: may refuse it, delay it, make it twice, or lose its answer. */
export type Intercept = (command: string, input: object, call: () => Promise<object>) => Promise<object>;

interface Simulation {
  clock: WorldClock;
  /** How long a call takes on the clock: one half before its effect, one half after it. */
  latencyMs?: ((command: string) => number) | undefined;
  intercept?: Intercept | undefined;
}

/** `never` because no type names the outputs of every client; `attach` promises that they fit. */
type Handle = (args: { input: object }) => Promise<{ response: unknown; output: never }>;

/** What is needed of an AWS SDK v3 client to answer in its place. */
interface SimulatedClient {
  middlewareStack: {
    add(
      middleware: (next: unknown, context: { commandName?: string }) => Handle,
      options: { step: 'initialize'; priority: 'high'; name: string },
    ): void;
  };
}

/**
 * Makes a real AWS SDK v3 client answer from simulated operations, before it serializes, signs, retries or sends
 * anything. Create the client with `cacheMiddleware: true`: else each call builds the middleware anew, which takes
 * longer than all the rest. The SDK's own retries stand behind this step, so they do not happen.
 * Inputs and outputs are copied, so that nobody holds a piece of the simulated service.
 */
export function attach(client: SimulatedClient, operations: Operations, simulation: Simulation): void {
  const answer = answering(operations, simulation);
  client.middlewareStack.add(
    (_next, { commandName = '' }) =>
      async ({ input }) => ({ response: {}, output: (await answer(commandName, input)) as never }),
    { step: 'initialize', priority: 'high', name: 'simulated' },
  );
}

/**
 * What answers like an attached client and is none: a client takes 0.4 ms to make and builds its middleware anew for
 * each kind of command, which is more than all the rest if worlds are made by the thousand.
 */
export function directClient(operations: Operations, simulation: Simulation) {
  const answer = answering(operations, simulation);
  return {
    send: (command: { input: object }): Promise<object> => answer(command.constructor.name, command.input),
  };
}

function answering(
  operations: Operations,
  simulation: Simulation,
): (command: string, given: object) => Promise<object> {
  let calls = 0;
  return async (command, given) => {
    const operation = operations[command];
    if (operation === undefined)
      throw new Error(`${command} is not simulated: add it to the service in local/services.`);
    calls += 1;
    const requestId = simulatedUuid(calls);
    const call = () => taken(command, operation, given, simulation);
    const output = simulation.intercept ? await simulation.intercept(command, given, call) : await call();
    return { ...output, $metadata: { httpStatusCode: 200, requestId, attempts: 1, totalRetryDelay: 0 } };
  };
}

/** Commands whose answers are made of numbers anew each time, and that keep nothing of what was sent: a copy would only cost. */
const FRESH: ReadonlySet<string> = new Set(['GetMetricDataCommand']);

async function taken(
  command: string,
  operation: Operation,
  input: object,
  { clock, latencyMs }: Simulation,
): Promise<object> {
  const half = (latencyMs?.(command) ?? 0) / 2;
  if (half > 0) await clock.sleep(half);
  const isFresh = FRESH.has(command);
  try {
    const answer = await operation((isFresh ? input : copied(input)) as never);
    return isFresh ? answer : copied(answer);
  } finally {
    if (half > 0) await clock.sleep(half);
  }
}

/** A copy of plain objects, arrays, bytes and dates; streams and functions are passed on, since they cannot be copied. */
function copied<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(copied) as T;
  if (value instanceof Uint8Array) return Uint8Array.prototype.slice.call(value) as T;
  if (value instanceof Date) return new Date(value) as T;
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  const copy: Record<string, unknown> = {};
  for (const key in value) copy[key] = copied(value[key]);
  return copy as T;
}

/** The n-th id in the form of a UUID: the same world gives the same ids. */
export function simulatedUuid(n: number): string {
  return `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`;
}

/** What AWS throws: told apart by `name`, and an `instanceof` the SDK's exception of that name. */
type AwsError = Error & { $fault: 'client' | 'server'; $metadata: { httpStatusCode: number } };

/** An error as the SDK would throw it; `extra` are further members of the exception, such as `Reason`. */
export function awsError(name: string, message: string, status = 400, extra: object = {}): AwsError {
  const fault = status >= 500 ? ('server' as const) : ('client' as const);
  const error = new Error(message);
  // Not enumerable, as in an Error of one's own class, so that a printed error does not repeat its name.
  Object.defineProperty(error, 'name', { value: name, configurable: true, writable: true });
  return Object.assign(error, { $fault: fault, $metadata: { httpStatusCode: status }, ...extra });
}

/** @throws Error naming the fields that the simulation would otherwise silently ignore. */
export function onlyFields(command: string, input: object, allowed: readonly string[]): void {
  const fields = input as Readonly<Record<string, unknown>>;
  const unknown = Object.keys(fields).filter((key) => !allowed.includes(key) && fields[key] !== undefined);
  if (unknown.length === 0) return;
  const names = unknown.join(', ');
  throw new Error(
    `${command} was sent with ${names}, which is not simulated; simulated are ${allowed.join(', ')}.`,
  );
}
