import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { DOOR_CODES, ERROR_CODES } from '../../core/errors.ts';
import { DIRECTIVE_KINDS, type Directive } from '../../core/rollout/next.ts';
import { type FunctionName, factsOf, startedBy } from '../../infra/facts.ts';
import { compile } from '../../local/asl/interpreter.ts';
import { KINDS } from '../../targets/kinds.ts';

/** A state as it is written; what a rule looks at may be missing. */
export interface State {
  Type: string;
  Resource?: string;
  Arguments?: { FunctionName?: string; [name: string]: unknown };
  TimeoutSeconds?: number | string;
  Retry?: Retrier[];
  Catch?: { ErrorEquals: string[]; Next: string }[];
  Choices?: { Condition: string; Next: string; [name: string]: unknown }[];
  Default?: string;
  Next?: string;
  ItemProcessor?: Machine;
  [name: string]: unknown;
}

interface Retrier {
  ErrorEquals: string[];
  IntervalSeconds?: number;
  MaxAttempts?: number;
  BackoffRate?: number;
  MaxDelaySeconds?: number;
  JitterStrategy?: string;
}

/** A state machine as it is written, or the inner one of a Map. */
export interface Machine {
  StartAt: string;
  States: Record<string, State>;
  [name: string]: unknown;
}

/** Finds what is wrong with a definition; nothing if the rule is kept. */
type Rule = (definition: Machine) => string[];

/** The definition as it is deployed, a copy for each caller. */
export function readDefinition(): Machine {
  const file = new URL('../../statemachines/rollout.asl.json', import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')) as Machine;
}

/** The one block that may look at an alias and choose. */
const EXCEPTION = 'RevertDirectly';
/** Where Decide writes down that Measure could not end: a function that is too slow for its tick cannot say so itself. */
const UNMEASURED = 'Unmeasured';

/** Longest that a call of Lambda's control plane takes: the time after which our own clients give up. */
const CONTROL_PLANE_SECONDS = 3;
/** Longest that an error may be retried while users meet the canary, with the time that the attempts take. */
const RETRY_SECONDS_MAX = 60;
/** How long an attempt takes that Lambda refuses at once; assumed. One that hangs ends as States.Timeout, which is counted with all its time. */
const REFUSED_SECONDS = 1;
/** How Lambda refuses at once to run a function, and the next attempt may get through: the 409, 429 and 502 of Lambda's API reference, "Invoke". */
const THROTTLED = [
  'Lambda.TooManyRequestsException',
  'Lambda.EC2ThrottledException',
  'Lambda.ResourceConflictException',
  'Lambda.ResourceNotReadyException',
];
/** How Lambda fails to run a function: Step Functions developer guide, "Handle Lambda service exceptions". The last one is ours: a service was away for seconds. */
const FAILED = [
  'Lambda.ServiceException',
  'Lambda.AWSLambdaException',
  'Lambda.SdkClientException',
  'Lambda.ClientExecutionTimeoutException',
  'Unavailable',
];
/** Both of them. */
export const REFUSED = [...THROTTLED, ...FAILED];
/**
 * How Step Functions names the end of a function that was stopped for its time or its memory, ended its process, or is
 * gone without a word. `Sandbox.Timedout` and `Runtime.ExitError` are recorded from AWS (LocalStack snapshot tests,
 * 2025-11-25), `Lambda.Unknown` and `States.Timeout` stand in the developer guide, and `Runtime.OutOfMemory` is what the
 * REPORT line of Lambda's logs names.
 */
export const DIED = [
  'Sandbox.Timedout',
  'Runtime.ExitError',
  'Runtime.OutOfMemory',
  'Lambda.Unknown',
  'States.Timeout',
];
/** Codes by which somebody else was in the way, or which no state meets. */
const ELSEWHERE: readonly string[] = ['AccountRefused', 'JournalConflict', 'Unavailable', ...DOOR_CODES];
/** Errors of the controller's own code, which would be the same the next time: JavaScript's, and our own codes but for those. */
const OWN = [
  ...['Error', 'TypeError', 'RangeError', 'ReferenceError', 'SyntaxError'],
  ...ERROR_CODES.filter((code) => !ELSEWHERE.includes(code)),
];
/** Every other error, so that a name that nobody has listed does not revert a release the first time; not for the revert path, where a failure must lead on at once. */
const ANY = ['States.TaskFailed'];
/**
 * What a call by Step Functions itself may end with and need not the next time. An error that Lambda's API does not model
 * has the client's base name (recorded for DynamoDB and Secrets Manager, LocalStack snapshot tests, 2023: `DynamoDb.DynamoDbException`).
 */
const SDK_REFUSED = [
  'Lambda.LambdaException',
  'Lambda.ServiceException',
  'Lambda.SdkClientException',
  'Lambda.TooManyRequestsException',
  'States.Timeout',
];
/** The same of a KeyValueStore. Its API models no throttle. */
const STORE_REFUSED = [
  'CloudFrontKeyValueStore.CloudFrontKeyValueStoreException',
  'CloudFrontKeyValueStore.InternalServerException',
  'CloudFrontKeyValueStore.SdkClientException',
  'States.Timeout',
];
/** Another change of the function is in progress: only a write meets it. */
const SDK_WRITE_REFUSED = ['Lambda.ResourceConflictException'];

/** The state that does what a directive says; the last kind is what the Choice falls back to. */
const STATE_OF: Record<Directive['kind'], string> = {
  publish: 'PublishRelease',
  hook: 'RunHook',
  shift: 'ShiftTraffic',
  hold: 'Hold',
  measure: 'Measure',
  promote: 'PromoteCanary',
  close: 'CloseRollout',
  done: 'Completed',
  continue: 'ContinueAsNew',
  left: 'Reverted',
  revert: 'RevertTraffic',
};

const INPUT = '{% $states.context.Execution.Input %}';
const TOKEN = '{% $states.context.Task.Token %}';
const WAITING = { ref: INPUT, version: '{% $version %}', token: TOKEN };
const CAME = '{% $states.input %}';
/** What a function is given that needs more than the input of the execution: its token, or the error that came before. */
const PAYLOADS: Record<string, unknown> = {
  PublishRelease: WAITING,
  RunHook: WAITING,
  Hold: WAITING,
  Unmeasured: { ref: INPUT, unmeasured: CAME },
  RevertTraffic: { ref: INPUT, came: CAME },
};

/** What the arm of a site makes, since no call changes a part of a value. */
const COMPOSED = [
  '{% $parse($states.result.Value) %}',
  "{% $string($merge([$sift($value, function($part, $name) { $not($value.c = $target.canary and $name in ['c', 'w', 't', 'g']) }), {'s': $value.s = $target.canary ? $target.stable : $value.s, 'f': $states.context.Execution.Input.closed}])) %}",
];

const BARE_PATH = /^\{% \$[A-Za-z]+(\.[A-Za-z]+)* %\}$/;

// The package brings no types of its own.
const validate = createRequire(import.meta.url)('asl-validator') as (definition: unknown) => {
  errors: { 'Error code'?: string; Message?: string }[];
};

/** Every rule of the state machine file, by what it says. */
export const RULES = {
  'asl-validator accepts it': (definition) =>
    validate(structuredClone(definition)).errors.map((error) => JSON.stringify(error)),

  'the interpreter of the embedded world compiles it': (definition) => {
    try {
      compile(definition);
      return [];
    } catch (error) {
      return [String(error)];
    }
  },

  'one Choice compares the directive, and its Default is the revert path': ({ States }) => {
    const choices = Object.values(States).filter(({ Type }) => Type === 'Choice');
    const { Choices = [], Default, Assign, Output }: Partial<State> = choices[0] ?? {};
    const expected = DIRECTIVE_KINDS.filter((kind) => kind !== 'revert').map(
      (kind) => `{% $kind = '${kind}' %} -> ${STATE_OF[kind]}`,
    );
    const found = Choices.map(({ Condition, Next, ...more }) =>
      [`${Condition} -> ${Next}`, ...Object.keys(more)].join(),
    );
    return [
      ...(choices.length === 1 ? [] : [`there are ${choices.length} Choice states`]),
      ...(found.sort().join() === expected.sort().join() ? [] : [`it compares ${found.join('; ')}`]),
      ...(Default === STATE_OF.revert ? [] : [`its Default is ${Default}`]),
      ...(Assign === undefined && Output === undefined ? [] : ['it makes something of what it compares']),
    ];
  },

  'every other expression is a bare path': (definition) =>
    expressions(outside(definition))
      .filter(({ path }) => !/^Dispatch\.Choices\.\d+\.Condition$/.test(path))
      .concat(expressions(inside(definition)).filter(({ path }) => !/\.Condition$/.test(path)))
      .filter(({ text }) => !BARE_PATH.test(text) && !COMPOSED.includes(text))
      .map(({ path, text }) => `${path}: ${text}`),

  'there are no states but Task, Choice, Succeed and Fail, and one Map': (definition) =>
    Object.entries(all(definition))
      .filter(([name, { Type }]) =>
        name === EXCEPTION ? Type !== 'Map' : !['Task', 'Choice', 'Succeed', 'Fail'].includes(Type),
      )
      .map(([name, { Type }]) => `${name} is a ${Type}`),

  'the execution as a whole has no timeout, which nothing could catch': (definition) =>
    'TimeoutSeconds' in definition ? ['it has TimeoutSeconds'] : [],

  'every Task is limited in time, a little longer than its function': (definition) =>
    tasks(all(definition))
      .filter(([name, state]) => {
        const { TimeoutSeconds: limit } = state;
        return name === 'Hold' ? limit !== '{% $seconds %}' : !(Number(limit) > secondsOf(state));
      })
      .map(([name, { TimeoutSeconds: limit }]) => `${name}: TimeoutSeconds is ${limit}`),

  'every Task retries, and gives up within a minute whatever comes again and again': (definition) =>
    tasks(all(definition)).flatMap(([name, state]) => {
      const { waits, longest } = timeOf(state);
      return waits > 0 && longest <= RETRY_SECONDS_MAX
        ? []
        : [`${name}: waits for ${waits} s, and may take ${longest} s`];
    }),

  'every Task retries each error that the next attempt need not meet, and all with jitter': (definition) => [
    ...tasks(outside(definition)).flatMap(([name, { Retry = [] }]) => {
      const died = name === 'Hold' ? DIED.filter((error) => error !== 'States.Timeout') : DIED;
      const wanted = [THROTTLED, FAILED, died, ...(name === 'RevertTraffic' ? [] : [OWN, ANY])];
      const found = Retry.map(({ ErrorEquals }) => ErrorEquals);
      return JSON.stringify(found) === JSON.stringify(wanted)
        ? []
        : [`${name}: retries ${JSON.stringify(found)}`];
    }),
    ...tasks(outside(definition)).flatMap(([name, { Retry = [] }]) =>
      Retry.filter(
        ({ ErrorEquals, MaxAttempts }) => ErrorEquals.includes('TypeError') && MaxAttempts !== 0,
      ).map(() => `${name}: tries a fault of its own once more`),
    ),
    ...tasks(inside(definition)).flatMap(([name, { Retry = [], Resource = '' }]) => {
      const wanted = /:cloudfrontkeyvaluestore:/.test(Resource)
        ? STORE_REFUSED
        : [...SDK_REFUSED, ...(Resource.endsWith('updateAlias') ? SDK_WRITE_REFUSED : [])];
      const found = Retry.flatMap(({ ErrorEquals }) => ErrorEquals);
      return found.sort().join() === wanted.toSorted().join() ? [] : [`${name}: retries ${found.join()}`];
    }),
    ...tasks(all(definition)).flatMap(([name, { Retry = [] }]) =>
      Retry.filter(({ JitterStrategy, MaxAttempts }) => JitterStrategy !== 'FULL' && MaxAttempts !== 0).map(
        ({ ErrorEquals }) => `${name}: all rollouts come again at once after ${ErrorEquals.join()}`,
      ),
    ),
  ],

  'a hold begins again only after what kept it from waiting, never when its time is over': ({ States }) =>
    (States.Hold?.Retry ?? [])
      .flatMap(({ ErrorEquals }) => ErrorEquals)
      .filter((error) => error === 'States.Timeout' || error === 'States.ALL')
      .map((error) => `Hold: retries ${error}`),

  'a function that died is called once more': (definition) =>
    tasks(outside(definition)).flatMap(([name, { Retry = [] }]) =>
      Retry.filter(({ ErrorEquals }) => ErrorEquals.includes('Sandbox.Timedout'))
        .filter(({ MaxAttempts }) => MaxAttempts !== 1)
        .map(() => `${name}: gives up at once, or tries on, after a function died`),
    ),

  'an error that nobody handled takes the canary out': (definition) => [
    ...fallibles(outside(definition)).flatMap(([name, state]) =>
      caught(
        name,
        state,
        name === EXCEPTION ? 'Halted' : name === 'RevertTraffic' ? EXCEPTION : 'RevertTraffic',
      ),
    ),
    ...fallibles(inside(definition)).flatMap(([name, state]) => caught(name, state, 'NotReverted')),
  ],

  'a Catch names nothing but the end of a hold, a tick that could not end, and a write in between': (
    definition,
  ) =>
    fallibles(all(definition)).flatMap(([name, { Catch = [] }]) =>
      Catch.slice(0, -1)
        .map(({ ErrorEquals, Next }) => `${name}: ${ErrorEquals.join()} -> ${Next}`)
        .filter(
          (found) =>
            found !== 'Hold: States.Timeout -> Measure' &&
            found !== `Measure: ${DIED.join()} -> ${UNMEASURED}` &&
            found !== 'RestoreSite: CloudFrontKeyValueStore.ConflictException -> ReadStore' &&
            !/^(RestoreStable|RemoveCanary|CloseFence): Lambda\.PreconditionFailedException -> ReadAlias$/.test(
              found,
            ),
        ),
    ),

  'the last-resort revert has an arm for each kind of target, and leaves what it does not know alone': (
    definition,
  ) => {
    const { Choices = [], Default }: Partial<State> = inside(definition).WhichKind ?? {};
    const StartAt = definition.States[EXCEPTION]?.ItemProcessor?.StartAt;
    const found = Choices.map(({ Condition }) => Condition);
    const wanted = KINDS.map(({ kind }) => `{% $states.input.target.kind = '${kind}' %}`);
    return [
      ...(StartAt === 'WhichKind' ? [] : [`it starts at ${StartAt}`]),
      ...(found.sort().join() === wanted.sort().join() ? [] : [`it knows ${found.join('; ')}`]),
      ...(Default === 'NotReverted' ? [] : [`its Default is ${Default}`]),
    ];
  },

  'every state is reached': (definition) => [
    ...unreached(definition),
    ...unreached(definition.States[EXCEPTION]?.ItemProcessor ?? { StartAt: '', States: {} }),
  ],

  'every function is called by the state of its name, and may be': (definition) =>
    tasks(outside(definition)).flatMap(([name, { Arguments }]) => [
      ...(Arguments?.FunctionName === `\${${name === UNMEASURED ? 'Decide' : name}}`
        ? []
        : [`${name}: calls ${Arguments?.FunctionName}`]),
      ...placeholders(definition.States[name])
        .filter((placeholder) => !isCalled(placeholder))
        .map((placeholder) => `${name}: the table does not let it call ${placeholder}`),
    ]),

  'every function is given the input of the execution, and what it needs beside it': (definition) =>
    tasks(outside(definition)).flatMap(([name, { Arguments }]) => {
      const [found, expected] = [Arguments?.Payload, PAYLOADS[name] ?? INPUT].map((each) =>
        JSON.stringify(each),
      );
      return found === expected ? [] : [`${name}: is given ${found} instead of ${expected}`];
    }),

  'only the last-resort revert speaks to the services of targets itself': (definition) => [
    ...tasks(outside(definition))
      .filter(
        ([, { Resource }]) => !/^arn:aws:states:::lambda:invoke(\.waitForTaskToken)?$/.test(Resource ?? ''),
      )
      .map(([name, { Resource }]) => `${name}: asks ${Resource}`),
    ...tasks(inside(definition))
      .filter(
        ([, { Resource }]) =>
          !/^arn:aws:states:::aws-sdk:(lambda:(get|update)Alias|cloudfrontkeyvaluestore:(describeKeyValueStore|getKey|updateKeys))$/.test(
            Resource ?? '',
          ),
      )
      .map(([name, { Resource }]) => `${name}: asks ${Resource}`),
    ...placeholders(inside(definition)).map(
      (placeholder) => `${EXCEPTION}: needs the function ${placeholder}`,
    ),
  ],
} satisfies Record<string, Rule>;

type States = Record<string, State>;

/** The states but for what stands within the exception. */
function outside({ States }: Machine): States {
  return Object.fromEntries(
    Object.entries(States).map(([name, { ItemProcessor: _, ...state }]) => [name, state as State]),
  );
}

function inside({ States }: Machine): States {
  return States[EXCEPTION]?.ItemProcessor?.States ?? {};
}

const all = (definition: Machine): States => ({ ...outside(definition), ...inside(definition) });
const tasks = (states: States) => Object.entries(states).filter(([, { Type }]) => Type === 'Task');
const fallibles = (states: States) =>
  Object.entries(states).filter(([, { Type }]) => Type === 'Task' || Type === 'Map');

/** Every text within that is an expression, or half of one. */
function expressions(value: unknown, path = ''): { path: string; text: string }[] {
  if (typeof value === 'string') return /\{%|%\}/.test(value) ? [{ path, text: value }] : [];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, part]) =>
    expressions(part, path === '' ? key : `${path}.${key}`),
  );
}

/**
 * What the retries of a Task take at most, in seconds, for the kind of error that keeps it longest when it comes again and
 * again: `waits` between the attempts, and `longest` with every attempt at its limit.
 */
export function timeOf(state: State): { waits: number; longest: number } {
  const { Retry = [], TimeoutSeconds } = state;
  // A hold that is retried was refused, or died within its function's time.
  const limit = Number.isFinite(TimeoutSeconds) ? Number(TimeoutSeconds) : secondsOf(state);
  const kinds = Retry.map((retrier) => {
    const { ErrorEquals, MaxAttempts = 3 } = retrier;
    const attempt = ErrorEquals.every((error) => THROTTLED.includes(error)) ? REFUSED_SECONDS : limit;
    return { waits: waitsOf(retrier), longest: waitsOf(retrier) + (MaxAttempts + 1) * attempt };
  });
  return {
    waits: Math.max(0, ...kinds.map(({ waits }) => waits)),
    longest: Math.max(0, ...kinds.map(({ longest }) => longest)),
  };
}

/** Longest time between the attempts of one Retry; the defaults are those of the Amazon States Language, and jitter only makes it shorter. */
function waitsOf({
  IntervalSeconds = 1,
  MaxAttempts = 3,
  BackoffRate = 2,
  MaxDelaySeconds,
}: Retrier): number {
  let sum = 0;
  for (let retry = 0; retry < MaxAttempts; retry++)
    sum += Math.min(IntervalSeconds * BackoffRate ** retry, MaxDelaySeconds ?? Number.POSITIVE_INFINITY);
  return sum;
}

/** Longest that what a Task waits for may run. */
function secondsOf({ Arguments }: State): number {
  const [name = ''] = placeholders(Arguments?.FunctionName);
  return isCalled(name) ? factsOf(name).seconds : CONTROL_PLANE_SECONDS;
}

function caught(name: string, { Catch = [] }: State, to: string): string[] {
  const last = Catch.at(-1);
  return last?.ErrorEquals.join() === 'States.ALL' && last.Next === to
    ? []
    : [`${name}: what nobody handled leads to ${last?.Next}`];
}

function unreached({ StartAt, States }: Machine): string[] {
  const reached = new Set([StartAt]);
  for (const name of reached) {
    const { Next, Default, Choices = [], Catch = [] } = States[name] ?? { Type: '' };
    for (const to of [Next, Default, ...[...Choices, ...Catch].map((each) => each.Next)])
      if (to !== undefined) reached.add(to);
  }
  return Object.keys(States)
    .filter((name) => !reached.has(name))
    .map((name) => `${name}: no state leads here`);
}

const placeholders = (value: unknown): string[] =>
  [...(JSON.stringify(value) ?? '').matchAll(/\$\{(\w+)\}/g)].map(([, name = '']) => name);

function isCalled(name: string): name is FunctionName {
  return (startedBy('machine') as string[]).includes(name);
}
