import {
  AslError,
  compileTemplate,
  type Evaluate,
  isExpression,
  isRecord,
  isReservedName,
  type Place,
  type Scope,
} from './expression.ts';

/** A checked state machine, or the inner one of a Map. */
export interface Machine {
  readonly startAt: string;
  readonly states: ReadonlyMap<string, State>;
}

/** What happens when a state is left: where to, and what is made of its result. */
export interface Leave {
  next: string | undefined;
  assign: Evaluate | undefined;
  output: Evaluate | undefined;
}

interface Retrier {
  errors: string[];
  intervalSeconds: number;
  maxAttempts: number;
  backoffRate: number;
  maxDelaySeconds: number;
  isJittered: boolean;
}

export type Catcher = Leave & { errors: string[] };
type Rule = Leave & { condition: Evaluate };
type WholeNumber = (scope: Scope) => Promise<number>;

interface Fallible {
  leave: Leave;
  retry: Retrier[];
  catch: Catcher[];
}

export type TaskState = Fallible & {
  name: string;
  type: 'Task';
  resource: string;
  waitsForToken: boolean;
  arguments: Evaluate;
  timeoutSeconds: WholeNumber | undefined;
};
export type MapState = Fallible & {
  name: string;
  type: 'Map';
  items: Evaluate | undefined;
  itemSelector: Evaluate | undefined;
  processor: Machine;
  maxConcurrency: WholeNumber;
};
export type State =
  | TaskState
  | MapState
  | { name: string; type: 'Choice'; rules: Rule[]; otherwise: Leave | undefined }
  | { name: string; type: 'Wait'; seconds: WholeNumber; leave: Leave }
  | { name: string; type: 'Pass' | 'Succeed'; leave: Leave }
  | { name: string; type: 'Fail'; error: Evaluate; cause: Evaluate };

const COMMON = ['Type', 'Comment'];
const LEAVE = ['Output', 'Assign', 'Next', 'End'];
const FIELDS: Record<State['type'], string[]> = {
  Task: [...COMMON, ...LEAVE, 'Resource', 'Arguments', 'TimeoutSeconds', 'Retry', 'Catch'],
  Map: [...COMMON, ...LEAVE, 'Items', 'ItemSelector', 'ItemProcessor', 'MaxConcurrency', 'Retry', 'Catch'],
  Choice: [...COMMON, 'Choices', 'Default', 'Output', 'Assign'],
  Wait: [...COMMON, ...LEAVE, 'Seconds'],
  Pass: [...COMMON, ...LEAVE],
  Succeed: [...COMMON, 'Output'],
  Fail: [...COMMON, 'Error', 'Cause'],
};

const RESOURCE =
  /^arn:aws:states:::(lambda:invoke(\.waitForTaskToken)?|aws-sdk:[a-z0-9]+:[a-z][A-Za-z0-9]*)$/;
/** Longest time that a state may wait or a task may take (Amazon States Language, "TimeoutSeconds"). */
const SECONDS_MAX = 99_999_999;
/** Iterations of an inline Map that run at once if it says nothing (Step Functions developer guide, "Inline mode"). */
const CONCURRENCY_MAX = 40;
const STATE_NAME_MAX = 80;
const VARIABLE_NAME = /^[A-Za-z][A-Za-z0-9_]{0,79}$/;

/**
 * Checks a definition as a whole and makes it runnable.
 * @throws Error with every problem that it found, each naming its state and field
 */
export function compile(definition: unknown): Machine {
  const problems: string[] = [];
  const top = recordOf(definition, 'The definition', problems);
  refuseUnknown(top, ['Comment', 'QueryLanguage', 'StartAt', 'States'], 'The definition', problems);
  if (top.QueryLanguage !== 'JSONata') problems.push('The definition.QueryLanguage: must be "JSONata"');
  const machine = compileMachine(top, {
    where: 'The definition',
    outer: new Set(),
    names: new Set(),
    problems,
  });
  if (problems.length === 0) return machine;
  throw new Error(
    `The state machine was refused for ${problems.length} problem(s):\n- ${problems.join('\n- ')}`,
  );
}

interface Level {
  where: string;
  /** Variables of the scopes around this one. */
  outer: ReadonlySet<string>;
  /** Names of all states seen so far: they are unique across the whole definition. */
  names: Set<string>;
  problems: string[];
}

/** What the checks of one state share. */
interface Context extends Level {
  state: string;
  variables: ReadonlySet<string>;
  /** Every state that this level's states lead to, and from where. */
  edges: { from: string; field: string; to: string }[];
}

type Fields = Record<string, unknown>;

function compileMachine(machine: Fields, level: Level): Machine {
  const { where, problems } = level;
  const definitions = Object.entries(recordOf(machine.States, `${where}.States`, problems));
  const assigned = new Set(definitions.flatMap(([, state]) => assignedBy(state)));
  for (const name of assigned) checkVariable(name, level);
  const edges: Context['edges'] = [];
  const states = new Map<string, State>();
  for (const [name, definition] of definitions) {
    checkName(name, level);
    const context = { ...level, state: name, variables: new Set([...level.outer, ...assigned]), edges };
    const state = compileState(recordOf(definition, name, problems), context);
    if (state !== undefined) states.set(name, state);
  }
  const startAt = String(machine.StartAt);
  checkEdges(startAt, new Set(definitions.map(([name]) => name)), edges, level);
  return { startAt, states };
}

function assignedBy(state: unknown): string[] {
  if (!isRecord(state)) return [];
  const branches = [state.Choices, state.Catch].flat().filter(isRecord);
  return [state, ...branches].flatMap(({ Assign }) => (isRecord(Assign) ? Object.keys(Assign) : []));
}

function checkVariable(name: string, { where, outer, problems }: Level): void {
  const says = (problem: string) => problems.push(`${where}: the variable "${name}" ${problem}`);
  if (!VARIABLE_NAME.test(name)) says('must be a letter, then at most 79 letters, digits and underscores');
  if (isReservedName(name)) says('has the name of something that JSONata or Step Functions defines');
  if (outer.has(name)) says('exists in an outer scope, which an inner one may read but not assign');
}

function checkName(name: string, { names, problems }: Level): void {
  if (name.length > STATE_NAME_MAX)
    problems.push(`${name}: the name is longer than ${STATE_NAME_MAX} characters`);
  if (names.has(name)) problems.push(`${name}: another state has this name`);
  names.add(name);
}

function checkEdges(
  startAt: string,
  names: Set<string>,
  edges: Context['edges'],
  { where, problems }: Level,
): void {
  if (!names.has(startAt)) problems.push(`${where}.StartAt: there is no state "${startAt}"`);
  for (const { from, field, to } of edges) {
    if (!names.has(to)) problems.push(`${from}.${field}: there is no state "${to}" beside it`);
  }
  const reached = new Set([startAt]);
  for (const state of reached) for (const { from, to } of edges) if (from === state) reached.add(to);
  for (const name of names) if (!reached.has(name)) problems.push(`${name}: no state leads here`);
}

function compileState(fields: Fields, context: Context): State | undefined {
  const { state: name, problems } = context;
  const type = fields.Type as State['type'];
  if (typeof type !== 'string' || !Object.hasOwn(FIELDS, type)) {
    problems.push(`${name}.Type: ${JSON.stringify(type)} is not one of ${Object.keys(FIELDS).join(', ')}`);
    return undefined;
  }
  refuseUnknown(fields, FIELDS[type], `${name} (${type})`, problems);
  switch (type) {
    case 'Task':
      return compileTask(fields, context);
    case 'Map':
      return compileMap(fields, context);
    case 'Choice':
      return compileChoice(fields, context);
    case 'Wait': {
      const seconds = wholeNumber(fields, 'Seconds', 0, SECONDS_MAX, context);
      return { name, type, seconds, leave: leaveOf(fields, context) };
    }
    case 'Pass':
      return { name, type, leave: leaveOf(fields, context) };
    case 'Succeed':
      return { name, type, leave: { next: undefined, ...shape(fields, context, '') } };
    case 'Fail':
      return {
        name,
        type,
        error: text(fields, 'Error', context),
        cause: text({ Cause: '', ...fields }, 'Cause', context),
      };
  }
}

function compileTask(fields: Fields, context: Context): TaskState {
  const { state: name, problems } = context;
  const resource = String(fields.Resource);
  if (!RESOURCE.test(resource)) problems.push(`${name}.Resource: "${resource}" is not known here`);
  if (fields.Arguments === undefined) problems.push(`${name}.Arguments: is missing`);
  else if (resource.includes(':lambda:invoke')) {
    const place = `${name}.Arguments`;
    const given = recordOf(fields.Arguments, place, problems);
    refuseUnknown(given, ['FunctionName', 'Payload'], place, problems);
    if (given.FunctionName === undefined) problems.push(`${place}.FunctionName: is missing`);
  }
  const limit = fields.TimeoutSeconds;
  return {
    name,
    type: 'Task',
    resource,
    waitsForToken: resource.endsWith('.waitForTaskToken'),
    arguments: compileTemplate(fields.Arguments, at('Arguments', context)),
    timeoutSeconds:
      limit === undefined ? undefined : wholeNumber(fields, 'TimeoutSeconds', 1, SECONDS_MAX, context),
    ...fallible(fields, context),
  };
}

function compileMap(fields: Fields, context: Context): MapState {
  const { state: name, variables, names, problems } = context;
  const where = `${name}.ItemProcessor`;
  const processor = recordOf(fields.ItemProcessor, where, problems);
  refuseUnknown(processor, ['ProcessorConfig', 'StartAt', 'States', 'Comment'], where, problems);
  const config = recordOf(processor.ProcessorConfig ?? {}, `${where}.ProcessorConfig`, problems);
  refuseUnknown(config, ['Mode'], `${where}.ProcessorConfig`, problems);
  if ((config.Mode ?? 'INLINE') !== 'INLINE') problems.push(`${where}.ProcessorConfig.Mode: must be INLINE`);
  const { Items } = fields;
  if (Items !== undefined && !Array.isArray(Items) && !(typeof Items === 'string' && isExpression(Items))) {
    problems.push(`${name}.Items: must be an array or an expression`);
  }
  const optional = (field: string) =>
    fields[field] === undefined ? undefined : compileTemplate(fields[field], at(field, context));
  const limit = wholeNumber({ MaxConcurrency: 0, ...fields }, 'MaxConcurrency', 0, SECONDS_MAX, context);
  return {
    name,
    type: 'Map',
    items: optional('Items'),
    itemSelector: optional('ItemSelector'),
    processor: compileMachine(processor, { where, outer: variables, names, problems }),
    maxConcurrency: async (scope) => Math.min((await limit(scope)) || CONCURRENCY_MAX, CONCURRENCY_MAX),
    ...fallible(fields, context),
  };
}

function compileChoice(fields: Fields, context: Context): State {
  const { state: name, problems, edges } = context;
  const rules = list(fields, 'Choices', context).map((rule, index): Rule => {
    const field = `Choices[${index}]`;
    refuseUnknown(rule, ['Condition', 'Next', 'Assign', 'Output', 'Comment'], `${name}.${field}`, problems);
    const { Condition } = rule;
    if (typeof Condition !== 'string' || !isExpression(Condition)) {
      problems.push(`${name}.${field}.Condition: must be an expression`);
    }
    const condition = compileTemplate(Condition, at(`${field}.Condition`, context));
    return { ...branch(rule, field, undefined, context), condition };
  });
  if (rules.length === 0) problems.push(`${name}.Choices: is empty`);
  const to = fields.Default;
  if (to !== undefined) edges.push({ from: name, field: 'Default', to: String(to) });
  const otherwise = to === undefined ? undefined : { next: String(to), ...shape(fields, context, '') };
  return { name, type: 'Choice', rules, otherwise };
}

function fallible(fields: Fields, context: Context): Fallible {
  const retry = list(fields, 'Retry', context).map((retrier, index) =>
    compileRetrier(retrier, index, context),
  );
  const catchers = list(fields, 'Catch', context).map((catcher, index): Catcher => {
    const field = `Catch[${index}]`;
    const known = ['ErrorEquals', 'Next', 'Assign', 'Output', 'Comment'];
    refuseUnknown(catcher, known, `${context.state}.${field}`, context.problems);
    const errors = errorNames(catcher, field, index === list(fields, 'Catch', context).length - 1, context);
    return { ...branch(catcher, field, 'errorOutput', context), errors };
  });
  return { leave: leaveOf(fields, context, 'result'), retry, catch: catchers };
}

function compileRetrier(fields: Fields, index: number, context: Context): Retrier {
  const field = `Retry[${index}]`;
  const where = `${context.state}.${field}`;
  const known = [
    'ErrorEquals',
    'IntervalSeconds',
    'MaxAttempts',
    'BackoffRate',
    'MaxDelaySeconds',
    'JitterStrategy',
    'Comment',
  ];
  refuseUnknown(fields, known, where, context.problems);
  const number = (name: string, otherwise: number, least: number, isWhole = true): number => {
    const value = fields[name] ?? otherwise;
    const isRight = typeof value === 'number' && value >= least && (!isWhole || Number.isInteger(value));
    if (!isRight)
      context.problems.push(`${where}.${name}: must be a ${isWhole ? 'whole ' : ''}number from ${least}`);
    return Number(value);
  };
  const { JitterStrategy: jitter = 'NONE' } = fields;
  if (jitter !== 'NONE' && jitter !== 'FULL')
    context.problems.push(`${where}.JitterStrategy: must be NONE or FULL`);
  return {
    errors: errorNames(fields, field, true, context),
    intervalSeconds: number('IntervalSeconds', 1, 1),
    maxAttempts: number('MaxAttempts', 3, 0),
    backoffRate: number('BackoffRate', 2, 1, false),
    maxDelaySeconds:
      fields.MaxDelaySeconds === undefined ? Number.POSITIVE_INFINITY : number('MaxDelaySeconds', 1, 1),
    isJittered: jitter === 'FULL',
  };
}

function errorNames(fields: Fields, field: string, isLast: boolean, { state, problems }: Context): string[] {
  const where = `${state}.${field}.ErrorEquals`;
  const names = fields.ErrorEquals;
  if (!Array.isArray(names) || names.length === 0 || !names.every((name) => typeof name === 'string')) {
    problems.push(`${where}: must be a list of error names`);
    return [];
  }
  if (names.includes('States.ALL') && (names.length > 1 || !isLast)) {
    problems.push(`${where}: States.ALL must stand alone and come last`);
  }
  return names;
}

/** Where a state leads that has Next or End, and what is made of its result. */
function leaveOf(fields: Fields, context: Context, outcome?: 'result'): Leave {
  const { state, problems } = context;
  const isEnd = fields.End === true;
  if (isEnd === (fields.Next !== undefined) || (fields.End !== undefined && !isEnd)) {
    problems.push(`${state}: must have either Next or "End": true`);
  }
  if (isEnd) return { next: undefined, ...shape(fields, context, '', outcome) };
  return branch(fields, '', outcome, context);
}

function branch(fields: Fields, field: string, outcome: Place['outcome'], context: Context): Leave {
  const { state, problems, edges } = context;
  const prefix = field === '' ? '' : `${field}.`;
  if (typeof fields.Next === 'string') edges.push({ from: state, field: `${prefix}Next`, to: fields.Next });
  else if (field !== '') problems.push(`${state}.${prefix}Next: is missing`);
  return { next: String(fields.Next), ...shape(fields, context, prefix, outcome) };
}

function shape(
  fields: Fields,
  context: Context,
  prefix: string,
  outcome?: Place['outcome'],
): Omit<Leave, 'next'> {
  const { Assign, Output } = fields;
  const compiled = (field: string, template: unknown) =>
    template === undefined ? undefined : compileTemplate(template, at(prefix + field, context, outcome));
  if (Assign !== undefined) recordOf(Assign, `${context.state}.${prefix}Assign`, context.problems);
  return { assign: compiled('Assign', Assign), output: compiled('Output', Output) };
}

/** A field that is a whole number or an expression of one. */
function wholeNumber(
  fields: Fields,
  field: string,
  least: number,
  most: number,
  context: Context,
): WholeNumber {
  const value = fields[field];
  const where = `${context.state}.${field}`;
  const isRight = (number: unknown): number is number =>
    Number.isInteger(number) && Number(number) >= least && Number(number) <= most;
  const rule = `must be a whole number from ${least} to ${most}`;
  if (!isRight(value) && !(typeof value === 'string' && isExpression(value)))
    context.problems.push(`${where}: ${rule}`);
  const evaluate = compileTemplate(value, at(field, context));
  return async (scope) => {
    const number = await evaluate(scope);
    if (isRight(number)) return number;
    throw new AslError(
      'States.QueryEvaluationError',
      `${where}: ${rule}, but ${value} gave ${JSON.stringify(number)}`,
    );
  };
}

function text(fields: Fields, field: string, context: Context): Evaluate {
  if (typeof fields[field] !== 'string') context.problems.push(`${context.state}.${field}: must be a text`);
  return compileTemplate(fields[field], at(field, context));
}

const at = (field: string, { state, variables, problems }: Context, outcome?: Place['outcome']): Place => ({
  where: `${state}.${field}`,
  variables,
  outcome,
  problems,
});

function list(fields: Fields, field: string, { state, problems }: Context): Fields[] {
  const value = fields[field] ?? [];
  if (Array.isArray(value) && value.every(isRecord)) return value;
  problems.push(`${state}.${field}: must be a list of objects`);
  return [];
}

function recordOf(value: unknown, where: string, problems: string[]): Fields {
  if (isRecord(value)) return value;
  problems.push(`${where}: must be an object`);
  return {};
}

function refuseUnknown(fields: Fields, known: string[], where: string, problems: string[]): void {
  for (const field of Object.keys(fields)) {
    if (!known.includes(field)) problems.push(`${where}: the field ${field} is not known here`);
  }
}
