import type {
  DescribeExecutionInput,
  DescribeExecutionOutput,
  SendTaskFailureInput,
  SendTaskSuccessInput,
  StartExecutionInput,
  StartExecutionOutput,
  StopExecutionInput,
  StopExecutionOutput,
} from '@aws-sdk/client-sfn';
import type { Instant } from '../../core/units.ts';
import {
  type AslHistoryEvent,
  type AslHost,
  type AslOutcome,
  compile,
  type Machine,
  PAYLOAD_BYTES_MAX,
  run,
  type TaskToken,
} from '../asl/interpreter.ts';
import type { WorldClock } from '../clock.ts';
import type { Random } from '../random.ts';
import { awsError, type Operations, onlyFields } from '../sdk.ts';
import { type AwsEvent, eventId, eventTime } from './eventbridge.ts';

type ExecutionStatus = 'RUNNING' | AslOutcome['status'];

/** An execution as tests see it. */
interface SimulatedExecution {
  readonly arn: string;
  readonly machineArn: string;
  readonly name: string;
  readonly status: ExecutionStatus;
  /** JSON text, as it came in. */
  readonly input: string;
  /** JSON text. */
  readonly output?: string;
  readonly error?: string;
  readonly cause?: string;
  readonly startedAt: Instant;
  readonly stoppedAt?: Instant;
  /** Names of the states entered, in order; those inside a Map too. */
  readonly path: readonly string[];
  readonly historyEvents: number;
  /** States completed, and retries: what AWS bills. */
  readonly transitions: number;
  /** Resolves when the execution has ended, however it ended. */
  readonly done: Promise<void>;
}

type Execution = { -readonly [K in keyof SimulatedExecution]: SimulatedExecution[K] } & {
  path: string[];
  abort: AbortController;
  /** What StopExecution said. */
  reason: { error?: string | undefined; cause?: string | undefined };
};

interface Waiting {
  resolve(output: unknown): void;
  reject(error: Error): void;
}

interface World {
  clock: WorldClock;
  random: Random;
  region: string;
  account: string;
  task: AslHost['task'];
  tokens?: AslHost['tokens'];
  /** Gets the `Step Functions Execution Status Change` events. */
  onStatus?: (event: AwsEvent) => void;
}

/** Names that AWS takes: no white space, brackets, wildcards, other special or control characters (StartExecution API reference). */
const NAME = /^[^\s<>{}[\]?*"#%\\^|~`$&,;:/\p{Cc}\p{Cs}\p{Cn}]{1,80}$/u;
const TOKEN = /^task-token-(\d+)$/;
/** An event leaves input and output out when they are longer, in characters (Step Functions developer guide, "Automating event delivery"). */
const EVENT_DATA_MAX = 248 * 1024;

const machines = new WeakMap<object, Machine>();

/** Many worlds run one definition, which is compiled for the first of them. */
function compiled(definition: unknown): Machine {
  const key = Object(definition) as object;
  const machine = machines.get(key) ?? compile(definition);
  machines.set(key, machine);
  return machine;
}

/** Standard state machines: their executions, task tokens and status events, with AWS's rules. */
export class SimulatedStepFunctions {
  readonly #world: World;
  readonly #machines = new Map<string, Machine>();
  readonly #executions = new Map<string, Execution>();
  readonly #waiting = new Map<string, Waiting>();
  #tokens = 0;
  #events = 0;

  constructor(world: World) {
    this.#world = world;
  }

  readonly operations = {
    StartExecutionCommand: (input: StartExecutionInput) => this.startExecution(input),
    StopExecutionCommand: (input: StopExecutionInput) => this.stopExecution(input),
    DescribeExecutionCommand: (input: DescribeExecutionInput) => this.describeExecution(input),
    SendTaskSuccessCommand: (input: SendTaskSuccessInput) => this.sendTaskSuccess(input),
    SendTaskFailureCommand: (input: SendTaskFailureInput) => this.sendTaskFailure(input),
  } satisfies Operations;

  /** Adds a state machine and answers its ARN. @throws Error if there is one of that name, or the definition is refused, with every problem */
  create(name: string, definition: unknown): string {
    const arn = `${this.#arn('stateMachine')}:${name}`;
    if (this.#machines.has(arn)) throw awsError('StateMachineAlreadyExists', `${arn} exists already.`);
    this.#machines.set(arn, compiled(definition));
    return arn;
  }

  /** All executions that are not forgotten, the first started first. */
  get executions(): readonly SimulatedExecution[] {
    return [...this.#executions.values()];
  }

  /** The execution of this name; with several state machines the one that started first. */
  execution(name: string): SimulatedExecution | undefined {
    return this.executions.find((execution) => execution.name === name);
  }

  /** Drops the ended executions of this name, so that their memory and their name are free. */
  forget(name: string): void {
    for (const [arn, execution] of this.#executions) {
      if (execution.name === name && execution.status !== 'RUNNING') this.#executions.delete(arn);
    }
  }

  async startExecution(given: StartExecutionInput): Promise<StartExecutionOutput> {
    onlyFields('StartExecution', given, ['stateMachineArn', 'name', 'input']);
    const { stateMachineArn: machineArn = '', name, input = '{}' } = given;
    const machine = this.#machines.get(machineArn);
    if (machine === undefined) {
      throw awsError('StateMachineDoesNotExist', `State machine ${machineArn} does not exist.`);
    }
    if (name === undefined)
      throw new Error('StartExecution without a name is not simulated: give the execution a name.');
    if (!NAME.test(name)) throw awsError('InvalidName', `Invalid execution name: '${name}'`);
    const parsed = parseJson(input, 'InvalidExecutionInput');
    const arn = `${this.#arn('execution')}:${machineArn.split(':').at(-1)}:${name}`;
    const known = this.#executions.get(arn);
    if (known !== undefined && (known.status !== 'RUNNING' || known.input !== input)) {
      throw awsError('ExecutionAlreadyExists', `Execution ${arn} already exists.`);
    }
    const { startedAt } = known ?? this.#start(machine, { machineArn, arn, name, input }, parsed);
    return { executionArn: arn, startDate: new Date(startedAt) };
  }

  /** Ends the execution as ABORTED, without any Catch; one that has ended stays as it is. */
  async stopExecution(given: StopExecutionInput): Promise<StopExecutionOutput> {
    onlyFields('StopExecution', given, ['executionArn', 'error', 'cause']);
    const execution = this.#existing(given.executionArn);
    if (execution.status === 'RUNNING') {
      execution.reason = { error: given.error, cause: given.cause };
      execution.abort.abort();
      await execution.done;
    }
    return { stopDate: new Date(execution.stoppedAt ?? this.#world.clock.now()) };
  }

  async describeExecution(given: DescribeExecutionInput): Promise<DescribeExecutionOutput> {
    onlyFields('DescribeExecution', given, ['executionArn']);
    const execution = this.#existing(given.executionArn);
    const { arn, machineArn, name, status, input, output, error, cause, startedAt, stoppedAt } = execution;
    return {
      executionArn: arn,
      stateMachineArn: machineArn,
      name,
      status,
      startDate: new Date(startedAt),
      input,
      inputDetails: { included: true },
      ...(stoppedAt !== undefined && { stopDate: new Date(stoppedAt) }),
      ...(output !== undefined && { output, outputDetails: { included: true } }),
      ...(error !== undefined && { error }),
      ...(cause !== undefined && { cause }),
    };
  }

  async sendTaskSuccess(given: SendTaskSuccessInput): Promise<object> {
    onlyFields('SendTaskSuccess', given, ['taskToken', 'output']);
    const output = parseJson(given.output, 'InvalidOutput');
    this.#completed(given.taskToken).resolve(output);
    return {};
  }

  async sendTaskFailure(given: SendTaskFailureInput): Promise<object> {
    onlyFields('SendTaskFailure', given, ['taskToken', 'error', 'cause']);
    const failure = new Error(given.cause ?? '');
    failure.name = given.error ?? 'States.TaskFailed';
    this.#completed(given.taskToken).reject(failure);
    return {};
  }

  #arn(kind: string): string {
    return `arn:aws:states:${this.#world.region}:${this.#world.account}:${kind}`;
  }

  #existing(arn: string | undefined): Execution {
    const execution = this.#executions.get(arn ?? '');
    if (execution !== undefined) return execution;
    if (!arn?.startsWith('arn:')) throw awsError('InvalidArn', `Invalid Arn: 'Invalid ARN prefix: ${arn}'`);
    throw awsError('ExecutionDoesNotExist', `Execution does not exist: '${arn}'`);
  }

  /** Takes a token out of use. Tokens are numbered, so one that existed is known without being kept. */
  #completed(token = ''): Waiting {
    const waiting = this.#waiting.get(token);
    if (waiting !== undefined) {
      this.#waiting.delete(token);
      return waiting;
    }
    const number = Number(TOKEN.exec(token)?.[1]);
    if (number >= 1 && number <= this.#tokens) {
      throw awsError(
        'TaskTimedOut',
        'Task Timed Out: the token was completed or timed out, or its execution ended.',
      );
    }
    throw awsError('TaskDoesNotExist', 'Task does not exist.');
  }

  #start(
    machine: Machine,
    identity: Pick<Execution, 'machineArn' | 'arn' | 'name' | 'input'>,
    input: unknown,
  ): Execution {
    const startedAt = this.#world.clock.now();
    const execution: Execution = {
      ...identity,
      status: 'RUNNING',
      startedAt,
      path: [],
      historyEvents: 0,
      transitions: 0,
      abort: new AbortController(),
      reason: {},
      done: Promise.resolve(),
    };
    this.#executions.set(identity.arn, execution);
    this.#announce(execution);
    execution.done = this.#run(machine, execution, input);
    return execution;
  }

  async #run(machine: Machine, execution: Execution, input: unknown): Promise<void> {
    const { clock, random, task, tokens } = this.#world;
    const host: AslHost = {
      clock,
      random: () => random.next(),
      task,
      tokens,
      token: () => this.#token(),
      record: (event) => note(execution, event),
    };
    const StartTime = new Date(execution.startedAt).toISOString();
    const identity = { Id: execution.arn, Name: execution.name, StartTime };
    const outcome = await run(machine, input, identity, host, execution.abort.signal);
    const { status } = outcome;
    const ending =
      status === 'SUCCEEDED' ? { output: JSON.stringify(outcome.output) } : failure(outcome, execution);
    Object.assign(execution, ending, { status, stoppedAt: clock.now() });
    this.#announce(execution);
  }

  #token(): TaskToken {
    const token = `task-token-${++this.#tokens}`;
    const done = new Promise<unknown>((resolve, reject) => {
      this.#waiting.set(token, { resolve, reject });
    });
    return { token, done, forget: () => this.#waiting.delete(token) };
  }

  #announce(execution: Execution): void {
    const { region, account, clock, onStatus } = this.#world;
    onStatus?.({
      version: '0',
      id: eventId('aws.states', ++this.#events),
      'detail-type': 'Step Functions Execution Status Change',
      source: 'aws.states',
      account,
      time: eventTime(clock.now()),
      region,
      resources: [execution.arn],
      detail: statusDetail(execution),
    });
  }
}

function failure(outcome: AslOutcome, { reason }: Execution): { error?: string; cause?: string } {
  const { error, cause } = outcome.status === 'FAILED' ? outcome : reason;
  return { ...(error !== undefined && { error }), ...(cause !== undefined && { cause }) };
}

function note(execution: Execution, { id, type, state, stateType, retry = 0 }: AslHistoryEvent): void {
  execution.historyEvents = id;
  if (type === 'StateEntered' && state !== undefined) execution.path.push(state);
  // A Fail state is never exited, and yet it was completed.
  const isCompleted = type === 'StateExited' || (type === 'StateEntered' && stateType === 'Fail');
  if (isCompleted || retry > 0) execution.transitions += 1;
}

function statusDetail(execution: Execution): Record<string, unknown> {
  const { arn, machineArn, name, status, input, output, error, cause, startedAt, stoppedAt } = execution;
  const isOutputIn = output === undefined || output.length <= EVENT_DATA_MAX;
  const isInputIn = input.length + (isOutputIn ? (output ?? '').length : 0) <= EVENT_DATA_MAX;
  return {
    executionArn: arn,
    stateMachineArn: machineArn,
    name,
    status,
    startDate: startedAt,
    stopDate: stoppedAt ?? null,
    input: isInputIn ? input : null,
    inputDetails: { included: isInputIn },
    output: isOutputIn ? (output ?? null) : null,
    outputDetails: output === undefined ? null : { included: isOutputIn },
    ...(error !== undefined && { error }),
    ...(cause !== undefined && { cause }),
  };
}

function parseJson(text: string | undefined, error: 'InvalidExecutionInput' | 'InvalidOutput'): unknown {
  if (Buffer.byteLength(text ?? '') > PAYLOAD_BYTES_MAX) {
    throw awsError(error, `The JSON is longer than ${PAYLOAD_BYTES_MAX} bytes.`);
  }
  try {
    return JSON.parse(text ?? '');
  } catch (cause) {
    throw awsError(error, `Invalid JSON: ${String(cause)}`);
  }
}
