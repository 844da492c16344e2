import type { Instant } from '../../core/units.ts';
import type { WorldClock } from '../clock.ts';
import type { Catcher, Leave, Machine, MapState, State, TaskState } from './definition.ts';
import { AslError, isRecord, type States, type Variables } from './expression.ts';

export { compile, type Machine } from './definition.ts';

/** All that the interpreter asks of the world around it. */
export interface AslHost {
  clock: WorldClock;
  /** Evenly in [0, 1); asked for jitter only. */
  random(): number;
  /** Does the work of a Task; rejects with an Error whose `name` is the error name and whose message is the Cause. */
  task(resource: string, args: unknown, context: TaskContext): Promise<unknown>;
  /** Registers a new task token; `done` settles when it is completed, and never after `forget`. */
  token(execution: string): TaskToken;
  /**
   * When a token that is completed while the function that was given it still runs counts. AWS's documents say that the
   * wait begins after the call, and not what such a token does: `at once` lets the end of the call count no more, and
   * `after the call` lets its error or its time count first. A definition must be safe under both.
   */
  tokens?: TokenReading | undefined;
  /** Called as things happen, for histories. */
  record(event: AslHistoryEvent): void;
}

/** When a task token counts that is completed before its call has ended. */
export type TokenReading = 'at once' | 'after the call';

interface TaskContext {
  execution: string;
  state: string;
  token?: string;
}

export interface TaskToken {
  token: string;
  done: Promise<unknown>;
  forget(): void;
}

/** One event of an execution's history, in the words of AWS but without its details. */
export interface AslHistoryEvent {
  /** 1 for the first: the id of the last event is the length of the history. */
  id: number;
  type: AslHistoryEventType;
  at: Instant;
  state?: string;
  stateType?: State['type'];
  /** Retries of this state so far, on the events that start an attempt. */
  retry?: number;
  error?: string;
  cause?: string;
}

type AslHistoryEventType =
  | `Execution${'Started' | 'Succeeded' | 'Failed' | 'Aborted'}`
  | `State${'Entered' | 'Exited'}`
  | `Task${'Scheduled' | 'Started' | 'Submitted' | 'Succeeded' | 'Failed' | 'TimedOut'}`
  | `MapState${'Started' | 'Succeeded' | 'Failed'}`
  | `MapIteration${'Started' | 'Succeeded' | 'Failed'}`
  | 'EvaluationFailed';

/** What `$states.context.Execution` says, but for its Input. */
interface AslExecution {
  Id: string;
  Name: string;
  /** As `2026-01-05T09:00:00.000Z`. */
  StartTime: string;
}

export type AslOutcome =
  | { status: 'SUCCEEDED'; output: unknown }
  | { status: 'FAILED'; error: string; cause: string }
  | { status: 'ABORTED' };

/** Most events that an execution's history may have (Step Functions quotas, Standard). */
export const HISTORY_EVENTS_MAX = 25_000;
/** Largest input or output of a state, in bytes of JSON (Step Functions quotas). */
export const PAYLOAD_BYTES_MAX = 262_144;

/** Work that must end together: an execution, or one Map of it. */
interface Crew {
  isStopped: boolean;
  stops: Set<() => void>;
}

/** Where an execution, or one iteration of a Map, stands. */
interface Thread {
  host: AslHost;
  execution: AslExecution & { Input: unknown };
  history: { events: number };
  crew: Crew;
  variables: Variables;
  item?: { Index: number; Value: unknown };
}

/** One stay in a state. */
interface Visit {
  thread: Thread;
  state: State;
  input: unknown;
  context: Record<string, unknown> & { State: { RetryCount: number } };
}

interface Left {
  next: string | undefined;
  output: unknown;
}

/** Thrown if work was stopped from outside; nothing in a definition can catch it. */
class Stopped extends Error {}

/** Runs an execution to its end; an abort through `signal` lets no Catch run. Rejects only for a fault of this program. */
export async function run(
  machine: Machine,
  input: unknown,
  execution: AslExecution,
  host: AslHost,
  signal: AbortSignal,
): Promise<AslOutcome> {
  const crew: Crew = { isStopped: signal.aborted, stops: new Set() };
  const Input = throughJson(input);
  const variables = Object.create(null) as Variables;
  const thread: Thread = {
    host,
    execution: { ...execution, Input },
    history: { events: 0 },
    crew,
    variables,
  };
  const onAbort = () => stop(crew);
  signal.addEventListener('abort', onAbort, { once: true });
  record(thread, 'ExecutionStarted');
  const outcome = await outcomeOf(runStates(machine, Input, thread));
  signal.removeEventListener('abort', onAbort);
  const types = {
    SUCCEEDED: 'ExecutionSucceeded',
    FAILED: 'ExecutionFailed',
    ABORTED: 'ExecutionAborted',
  } as const;
  const details = outcome.status === 'FAILED' ? { error: outcome.error, cause: outcome.cause } : {};
  host.record({ id: ++thread.history.events, type: types[outcome.status], at: host.clock.now(), ...details });
  return outcome;
}

async function outcomeOf(end: Promise<unknown>): Promise<AslOutcome> {
  try {
    return { status: 'SUCCEEDED', output: await end };
  } catch (error) {
    if (error instanceof Stopped) return { status: 'ABORTED' };
    if (error instanceof AslError) return { status: 'FAILED', error: error.name, cause: error.message };
    throw error;
  }
}

async function runStates(machine: Machine, start: unknown, thread: Thread): Promise<unknown> {
  let input = start;
  for (let name: string | undefined = machine.startAt; name !== undefined; ) {
    const state = machine.states.get(name) as State;
    if (thread.crew.isStopped) throw new Stopped();
    record(thread, 'StateEntered', { state: name, stateType: state.type });
    const left: Left = await runState({ thread, state, input, context: contextOf(state, thread) });
    record(thread, 'StateExited', { state: name, stateType: state.type });
    input = left.output;
    name = left.next;
  }
  return input;
}

function contextOf(state: State, { execution, host, item }: Thread): Visit['context'] {
  const EnteredTime = new Date(host.clock.now()).toISOString();
  const context = { Execution: execution, State: { Name: state.name, EnteredTime, RetryCount: 0 } };
  return item === undefined ? context : { ...context, Map: { Item: item } };
}

async function runState(visit: Visit): Promise<Left> {
  const { state, input, thread } = visit;
  switch (state.type) {
    case 'Task':
      return fallible(visit, state, () => attemptTask(visit, state));
    case 'Map':
      return fallible(visit, state, () => attemptMap(visit, state));
    case 'Wait': {
      const seconds = await state.seconds(scopeOf(visit));
      await pause(thread, seconds * 1000);
      return leave(visit, state.leave, input);
    }
    case 'Choice':
      return choose(visit, state);
    case 'Pass':
    case 'Succeed':
      return leave(visit, state.leave, input);
    case 'Fail': {
      const scope = scopeOf(visit);
      throw new AslError(await textOf(state.error(scope)), await textOf(state.cause(scope)));
    }
  }
}

async function textOf(value: unknown): Promise<string> {
  const text = await value;
  if (typeof text === 'string') return text;
  throw new AslError(
    'States.QueryEvaluationError',
    `Error and Cause must be texts, but one is ${JSON.stringify(text)}`,
  );
}

const scopeOf = (visit: Visit, outcome?: Pick<States, 'result' | 'errorOutput'>) => ({
  states: { input: visit.input, context: visit.context, ...outcome },
  variables: visit.thread.variables,
});

/** Both templates see the variables as they were on entry; only when both are done is anything assigned. */
async function leave(
  visit: Visit,
  { next, assign, output }: Leave,
  otherwise: unknown,
  outcome?: Pick<States, 'result' | 'errorOutput'>,
): Promise<Left> {
  const scope = scopeOf(visit, outcome);
  const assigned = assign && withinLimit(await assign(scope));
  const left = { next, output: output === undefined ? otherwise : withinLimit(await output(scope)) };
  if (visit.thread.crew.isStopped) throw new Stopped();
  Object.assign(visit.thread.variables, assigned);
  return left;
}

async function choose(visit: Visit, { name, rules, otherwise }: State & { type: 'Choice' }): Promise<Left> {
  const scope = scopeOf(visit);
  for (const rule of rules) {
    const holds = await rule.condition(scope);
    if (holds === true) return leave(visit, rule, visit.input);
    if (holds === false) continue;
    throw new AslError(
      'States.QueryEvaluationError',
      `${name}: a Condition gave ${JSON.stringify(holds)}, not a boolean`,
    );
  }
  if (otherwise !== undefined) return leave(visit, otherwise, visit.input);
  throw new AslError('States.NoChoiceMatched', `${name}: no Condition holds and there is no Default`);
}

/** Attempts until one succeeds, no Retry takes the error, or a Catch does. */
async function fallible(
  visit: Visit,
  state: TaskState | MapState,
  attempt: () => Promise<unknown>,
): Promise<Left> {
  const retries = state.retry.map(() => 0);
  for (;;) {
    try {
      const result = await attempt();
      return await leave(visit, state.leave, result, { result });
    } catch (error) {
      if (!(error instanceof AslError)) throw error;
      if (error.name === 'States.QueryEvaluationError')
        record(visit.thread, 'EvaluationFailed', failureOf(visit, error));
      const seconds = retryDelay(state, retries, error.name, visit.thread.host);
      if (seconds === undefined) return recover(visit, state.catch, error);
      await pause(visit.thread, seconds * 1000);
      visit.context.State.RetryCount += 1;
    }
  }
}

/** Seconds until the next attempt, counted in `retries`; undefined if the first Retry for this error is used up or none is for it. */
function retryDelay(
  { retry }: TaskState | MapState,
  retries: number[],
  error: string,
  host: AslHost,
): number | undefined {
  const index = retry.findIndex(({ errors }) => matches(errors, error));
  const retrier = retry[index];
  const before = retries[index] ?? 0;
  if (retrier === undefined || before >= retrier.maxAttempts) return undefined;
  retries[index] = before + 1;
  const seconds = Math.min(retrier.intervalSeconds * retrier.backoffRate ** before, retrier.maxDelaySeconds);
  return retrier.isJittered ? seconds * host.random() : seconds;
}

async function recover(visit: Visit, catchers: Catcher[], error: AslError): Promise<Left> {
  const catcher = catchers.find(({ errors }) => matches(errors, error.name));
  if (catcher === undefined) throw error;
  const errorOutput = { Error: error.name, Cause: error.message };
  return leave(visit, catcher, errorOutput, { errorOutput });
}

/**
 * Nothing takes States.Runtime. A Catch of States.ALL takes States.DataLimitExceeded of a task, although the developer
 * guide ("Error names") says that it does not (recorded from AWS, LocalStack snapshot tests of Step Functions, 2024-03-21).
 */
function matches(names: string[], error: string): boolean {
  if (error === 'States.Runtime') return false;
  if (names.includes(error)) return true;
  return names.includes('States.ALL') || (names.includes('States.TaskFailed') && error !== 'States.Timeout');
}

async function attemptTask(visit: Visit, state: TaskState): Promise<unknown> {
  const { thread, context } = visit;
  const token = state.waitsForToken ? thread.host.token(thread.execution.Id) : undefined;
  try {
    if (token !== undefined) context.Task = { Token: token.token };
    const scope = scopeOf(visit);
    const args = throughJson(await state.arguments(scope));
    const seconds = await state.timeoutSeconds?.(scope);
    if (thread.crew.isStopped) throw new Stopped();
    const retry = context.State.RetryCount;
    record(thread, 'TaskScheduled', { state: state.name, ...(retry > 0 && { retry }) });
    record(thread, 'TaskStarted', { state: state.name });
    const result = throughJson(await within(seconds, work(visit, state, args, token), thread));
    record(thread, 'TaskSucceeded', { state: state.name });
    return result;
  } catch (error) {
    throw taskFailure(visit, error);
  } finally {
    token?.forget();
  }
}

type Start = (
  resolve: (value: unknown) => void,
  reject: (error: unknown) => void,
  isOpen: () => boolean,
) => void;

/** Asks the host; with a token only the token's completion is an answer, and a failed invocation a failure. */
function work(visit: Visit, state: TaskState, args: unknown, token: TaskToken | undefined): Start {
  const { thread } = visit;
  const context = { execution: thread.execution.Id, state: state.name, ...(token && { token: token.token }) };
  return (resolve, reject, isOpen) => {
    const asked = (async () => thread.host.task(state.resource, args, context))();
    if (token === undefined) {
      asked.then(resolve, reject);
      return;
    }
    if (thread.host.tokens === 'after the call') asked.then(() => token.done).then(resolve, reject);
    else token.done.then(resolve, reject);
    const submitted = () => isOpen() && record(thread, 'TaskSubmitted', { state: state.name });
    asked.then(submitted).catch(reject);
  };
}

/** Notes a failed attempt; what the host rejects with becomes an error of the states language. */
function taskFailure(visit: Visit, thrown: unknown): unknown {
  if (thrown instanceof Stopped) return thrown;
  const error =
    thrown instanceof AslError || !(thrown instanceof Error)
      ? thrown
      : new AslError(thrown.name, thrown.message);
  if (error instanceof AslError && error.name !== 'States.QueryEvaluationError') {
    const type = error.name === 'States.Timeout' ? 'TaskTimedOut' : 'TaskFailed';
    record(visit.thread, type, failureOf(visit, error));
  }
  return error;
}

const failureOf = ({ state }: Visit, error: AslError) => ({
  state: state.name,
  error: error.name,
  cause: error.message,
});

async function attemptMap(visit: Visit, state: MapState): Promise<unknown> {
  const { thread, context } = visit;
  const scope = scopeOf(visit);
  const items = state.items === undefined ? visit.input : await state.items(scope);
  if (!Array.isArray(items)) {
    throw new AslError(
      'States.QueryEvaluationError',
      `${state.name}.Items: must be an array, but is ${typeof items}`,
    );
  }
  const atOnce = Math.min(await state.maxConcurrency(scope), items.length);
  const retry = context.State.RetryCount;
  record(thread, 'MapStateStarted', { state: state.name, ...(retry > 0 && { retry }) });
  try {
    const outputs = withinLimit(
      await inCrew(thread.crew, (crew) => iterateAll(visit, state, items, atOnce, crew)),
    );
    record(thread, 'MapStateSucceeded', { state: state.name });
    return outputs;
  } catch (error) {
    if (error instanceof AslError) record(thread, 'MapStateFailed', failureOf(visit, error));
    throw error;
  }
}

/** Runs work whose parts all stop when one of them fails, or when the crew around them stops. */
async function inCrew<T>(outer: Crew, start: (crew: Crew) => Promise<T>): Promise<T> {
  const crew: Crew = { isStopped: outer.isStopped, stops: new Set() };
  const stopCrew = () => stop(crew);
  outer.stops.add(stopCrew);
  try {
    return await start(crew);
  } finally {
    outer.stops.delete(stopCrew);
    stop(crew);
  }
}

async function iterateAll(
  visit: Visit,
  state: MapState,
  items: unknown[],
  atOnce: number,
  crew: Crew,
): Promise<unknown[]> {
  const outputs: unknown[] = new Array(items.length);
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const index = next++;
      outputs[index] = await iterate(visit, state, { Index: index, Value: items[index] }, crew);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return outputs;
}

async function iterate(
  visit: Visit,
  state: MapState,
  item: { Index: number; Value: unknown },
  crew: Crew,
): Promise<unknown> {
  const thread = {
    ...visit.thread,
    crew,
    item,
    variables: Object.create(visit.thread.variables) as Variables,
  };
  record(thread, 'MapIterationStarted', { state: state.name });
  const scope = scopeOf({ ...visit, context: { ...visit.context, Map: { Item: item } } });
  try {
    const input = state.itemSelector === undefined ? item.Value : await state.itemSelector(scope);
    const output = await runStates(state.processor, input, thread);
    record(thread, 'MapIterationSucceeded', { state: state.name });
    return output;
  } catch (error) {
    if (error instanceof AslError) record(thread, 'MapIterationFailed', failureOf(visit, error));
    throw error;
  }
}

function stop(crew: Crew): void {
  crew.isStopped = true;
  for (const end of [...crew.stops]) end();
}

/** Settles with what `start` gives, or fails when the time is over or the crew stops; what comes later is ignored. */
function within(seconds: number | undefined, start: Start, { crew, host }: Thread): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let isOpen = true;
    const settle = (act: () => void) => {
      isOpen = false;
      cancel?.();
      crew.stops.delete(end);
      act();
    };
    const end = () => settle(() => reject(new Stopped()));
    const late = () => settle(() => reject(new AslError('States.Timeout', '')));
    const cancel = seconds === undefined ? undefined : timer(host.clock, seconds * 1000, late);
    crew.stops.add(end);
    start(
      (value) => settle(() => resolve(value)),
      (error) => settle(() => reject(error)),
      () => isOpen,
    );
  });
}

function pause({ crew, host }: Thread, ms: number): Promise<void> {
  if (crew.isStopped) throw new Stopped();
  return new Promise((resolve, reject) => {
    const end = () => {
      cancel();
      reject(new Stopped());
    };
    const cancel = timer(host.clock, ms, () => {
      crew.stops.delete(end);
      resolve();
    });
    crew.stops.add(end);
  });
}

/** Calls `act` after `ms`, once; the answer cancels that, and does nothing afterwards. */
function timer(clock: WorldClock, ms: number, act: () => void): () => void {
  let isOver = false;
  const wait = clock.after(ms);
  void wait.done.then(() => {
    if (isOver) return;
    isOver = true;
    act();
  });
  return () => {
    if (isOver) return;
    isOver = true;
    wait.cancel();
  };
}

function record(
  { host, history }: Thread,
  type: AslHistoryEventType,
  details: Partial<AslHistoryEvent> = {},
): void {
  if (history.events >= HISTORY_EVENTS_MAX - 1) {
    throw new AslError('States.Runtime', `The execution reached ${HISTORY_EVENTS_MAX} history events`);
  }
  host.record({ id: ++history.events, type, at: host.clock.now(), ...details });
}

/** A copy that shares nothing with the value, as it would arrive over the wire. */
function throughJson(value: unknown): unknown {
  const text: string | undefined = JSON.stringify(value);
  if (text === undefined)
    throw new AslError('States.Runtime', 'A task answered with nothing that JSON can say');
  checkLength(text);
  return JSON.parse(text);
}

function withinLimit<T>(value: T): T {
  if (typeof value === 'string' || Array.isArray(value) || isRecord(value))
    checkLength(JSON.stringify(value));
  return value;
}

function checkLength(text: string): void {
  // UTF-8 takes at most three bytes for each UTF-16 unit, so most texts need not be counted.
  if (text.length * 3 <= PAYLOAD_BYTES_MAX) return;
  const bytes = Buffer.byteLength(text);
  if (bytes > PAYLOAD_BYTES_MAX) {
    throw new AslError(
      'States.DataLimitExceeded',
      `${bytes} bytes of JSON, more than the ${PAYLOAD_BYTES_MAX} allowed`,
    );
  }
}
