import jsonata from 'jsonata';

/** A failure by a name that Retry and Catch can match; the message is the Cause. */
export class AslError extends Error {
  constructor(name: string, cause: string) {
    super(cause);
    this.name = name;
  }
}

/** What `$states` holds in one state. */
export interface States {
  input: unknown;
  context: unknown;
  result?: unknown;
  errorOutput?: unknown;
}

/** Workflow variables; an inner scope has the outer one as its prototype, and the outermost has none. */
export type Variables = Record<string, unknown>;

export interface Scope {
  states: States;
  variables: Variables;
}

/** Answers the value, or a promise of it if jsonata had to be asked; fails with States.QueryEvaluationError. */
export type Evaluate = (scope: Scope) => unknown;

/** What an expression may speak of at its place in the definition. */
export interface Place {
  /** State and field, for messages. */
  where: string;
  /** Variables that some state assigns in this scope or an outer one. */
  variables: ReadonlySet<string>;
  /** Which of `$states.result` and `$states.errorOutput` exists here. */
  outcome?: 'result' | 'errorOutput' | undefined;
  problems: string[];
}

interface Ast {
  type: string;
  value?: unknown;
  steps?: Ast[];
  lhs?: Ast;
  rhs?: Ast;
  [key: string]: unknown;
}

interface Parsed {
  expression: jsonata.Expression;
  fast: Evaluate | undefined;
  /** Variables that it speaks of, functions of jsonata left out. */
  variables: string[];
  /** Variables that it defines itself. */
  bound: Set<string>;
  /** Each use of `$states`, as the names that follow it. */
  statesPaths: string[][];
  problems: string[];
}

/** Every function that jsonata 2.0.6 knows, but those in BANNED, and what Step Functions adds. */
const FUNCTIONS = new Set(
  (
    'sum count max min average string substring substringBefore substringAfter lowercase uppercase length trim pad match ' +
    'contains replace split join formatNumber formatBase formatInteger parseInteger number floor ceil round abs sqrt power ' +
    'boolean not map zip filter single reduce sift keys lookup append exists spread merge reverse each error assert type ' +
    'sort distinct base64encode base64decode encodeUrlComponent encodeUrl decodeUrlComponent decodeUrl fromMillis clone ' +
    // What Step Functions adds (Step Functions developer guide, "JSONata functions provided by Step Functions"), as far as it is used.
    'parse'
  ).split(' '),
);

/** Clock and chance stay in the world; AWS has no $eval; $toMillis fills today's date into what a picture leaves out. */
const BANNED = new Set(['eval', 'now', 'millis', 'random', 'uuid', 'shuffle', 'toMillis']);

/** The part of the context object that exists here; an empty list stands for any name. */
const CONTEXT: Record<string, string[]> = {
  Execution: ['Id', 'Input', 'Name', 'StartTime'],
  State: ['EnteredTime', 'Name', 'RetryCount'],
  Task: ['Token'],
  Map: ['Item'],
};

const SLOW = Symbol('only jsonata can answer this');
const parsedBySource = new Map<string, Parsed>();

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** True for a name that a variable cannot have, because an expression would mean something else by it. */
export const isReservedName = (name: string): boolean =>
  name === 'states' || FUNCTIONS.has(name) || BANNED.has(name);

/** True if a string of a definition is an expression, not a literal. */
export const isExpression = (text: string): boolean => text.startsWith('{%') && text.endsWith('%}');

/** Turns a JSON value with expressions in it into a function; what is wrong with it is added to the place's problems. */
export function compileTemplate(template: unknown, place: Place): Evaluate {
  if (typeof template === 'string') return compileText(template, place);
  if (typeof template !== 'object' || template === null) return () => template;
  const parts = Object.entries(template).map(([key, part]) =>
    compileTemplate(part, {
      ...place,
      where: Array.isArray(template) ? `${place.where}[${key}]` : `${place.where}.${key}`,
    }),
  );
  if (Array.isArray(template)) return (scope) => evaluateAll(parts, scope);
  const keys = Object.keys(template);
  const build = (values: unknown[]) => Object.fromEntries(keys.map((key, at) => [key, values[at]]));
  return (scope) => {
    const values = evaluateAll(parts, scope);
    return values instanceof Promise ? values.then(build) : build(values);
  };
}

function compileText(text: string, place: Place): Evaluate {
  if (isExpression(text)) return compileExpression(text.slice(2, -2).trim(), place);
  if (text.startsWith('{%') || text.endsWith('%}')) {
    place.problems.push(`${place.where}: "${text}" is half an expression; it needs {% and %}`);
  }
  return () => text;
}

function evaluateAll(parts: Evaluate[], scope: Scope): unknown[] | Promise<unknown[]> {
  const values: unknown[] = [];
  for (const part of parts) {
    const value = part(scope);
    if (value instanceof Promise) return evaluateRest(value, values, parts, scope);
    values.push(value);
  }
  return values;
}

async function evaluateRest(pending: Promise<unknown>, values: unknown[], parts: Evaluate[], scope: Scope) {
  values.push(await pending);
  for (const part of parts.slice(values.length)) values.push(await part(scope));
  return values;
}

function compileExpression(source: string, place: Place): Evaluate {
  const parsed = parse(source, place);
  if (parsed === undefined) return () => undefined;
  for (const problem of parsed.problems) place.problems.push(`${place.where}: {% ${source} %} ${problem}`);
  for (const names of parsed.statesPaths) checkStates(names, source, place);
  const required = parsed.variables.filter((name) => !parsed.bound.has(name));
  for (const name of required) {
    if (!place.variables.has(name))
      place.problems.push(`${place.where}: {% ${source} %} uses $${name}, which no state assigns`);
  }
  const fail = (says: string): never => {
    throw new AslError('States.QueryEvaluationError', `${place.where}: {% ${source} %} ${says}`);
  };
  const { fast } = parsed;
  return (scope) => {
    for (const name of required)
      if (!(name in scope.variables)) fail(`uses $${name}, which is not assigned yet`);
    const value = fast === undefined ? SLOW : fast(scope);
    if (value === SLOW) return ask(parsed, scope, fail);
    return value === undefined ? fail('is undefined') : value;
  };
}

function parse(source: string, place: Place): Parsed | undefined {
  const known = parsedBySource.get(source);
  if (known !== undefined) return known;
  try {
    const expression = jsonata(source);
    expression.registerFunction('parse', (text: string) => JSON.parse(text), '<s:x>');
    const ast = expression.ast() as unknown as Ast;
    const found: Found = { variables: new Set(), bound: new Set(), statesPaths: [], problems: [] };
    inspect(ast, false, found);
    const parsed = { ...found, expression, fast: fastReader(ast), variables: [...found.variables] };
    parsedBySource.set(source, parsed);
    return parsed;
  } catch (error) {
    place.problems.push(`${place.where}: {% ${source} %} is not JSONata 2.0.6: ${messageOf(error)}`);
    return undefined;
  }
}

function checkStates([field, ...rest]: string[], source: string, place: Place): void {
  const says = (problem: string) => place.problems.push(`${place.where}: {% ${source} %} ${problem}`);
  if (field === 'result' || field === 'errorOutput') {
    if (field !== place.outcome) says(`uses $states.${field}, which does not exist here`);
  } else if (field === 'context') {
    const [part, leaf] = rest;
    const leaves = part === undefined ? [] : CONTEXT[part];
    if (leaves === undefined || (leaf !== undefined && !leaves.includes(leaf))) {
      says(`uses $states.context.${rest.join('.')}, which this context object does not have`);
    }
  } else if (field !== 'input') {
    says('uses $states without one of .input, .result, .errorOutput and .context');
  }
}

type Found = Pick<Parsed, 'bound' | 'statesPaths' | 'problems'> & { variables: Set<string> };

/** Walks a parsed expression; `hasContext` is true inside a path, a filter and the like, where `$` and bare names mean something. */
function inspect(node: unknown, hasContext: boolean, found: Found): void {
  if (Array.isArray(node)) {
    for (const part of node) inspect(part, hasContext, found);
    return;
  }
  if (!isRecord(node)) return;
  for (const name of [node.focus, node.index]) if (typeof name === 'string') found.bound.add(name);
  const { type, ...parts } = node;
  if (type === 'path') {
    inspectPath(node as Ast, hasContext, found);
    return;
  }
  if (type === 'variable') inspectVariable(String(node.value), hasContext, found);
  if (type === 'bind') {
    found.bound.add(String((node as Ast).lhs?.value));
    delete parts.lhs;
  }
  if (type === 'lambda') {
    for (const argument of node.arguments as Ast[]) found.bound.add(String(argument.value));
    delete parts.arguments;
  }
  if (!hasContext && ['name', 'wildcard', 'descendant', 'parent'].includes(String(type))) {
    found.problems.push(`names "${node.value}" without saying of what; begin with $states or a variable`);
  }
  const inner = ['stages', 'predicate', 'group', 'pattern', 'update', 'delete'];
  for (const [key, part] of Object.entries(parts)) inspect(part, hasContext || inner.includes(key), found);
}

function inspectPath(path: Ast, hasContext: boolean, found: Found): void {
  const [first, ...rest] = path.steps ?? [];
  if (first?.type === 'variable' && first.value === 'states') {
    const end = rest.findIndex((step) => step.type !== 'name');
    found.statesPaths.push(rest.slice(0, end < 0 ? rest.length : end).map((step) => String(step.value)));
    inspect({ ...first, type: 'states' }, hasContext, found);
  } else inspect(first, hasContext, found);
  inspect(rest, true, found);
  inspect(path.group, true, found);
}

function inspectVariable(name: string, hasContext: boolean, found: Found): void {
  if (name === 'states') found.statesPaths.push([]);
  else if (name === '$' || (name === '' && !hasContext))
    found.problems.push(`uses $${name}, which means nothing here`);
  else if (BANNED.has(name))
    found.problems.push(`uses $${name}, which is refused: clock and chance come from the world alone`);
  else if (name !== '' && !FUNCTIONS.has(name)) found.variables.add(name);
}

/** A reader without jsonata for bare paths, literals and equality of two of them; SLOW if the data decides otherwise. */
function fastReader(ast: Ast): Evaluate | undefined {
  if (ast.type !== 'binary' || ast.value !== '=') return operandReader(ast);
  const left = ast.lhs && operandReader(ast.lhs);
  const right = ast.rhs && operandReader(ast.rhs);
  if (left === undefined || right === undefined) return undefined;
  return (scope) => {
    const a = left(scope);
    const b = right(scope);
    if (a === SLOW || b === SLOW || (isObject(a) && isObject(b))) return SLOW;
    return a !== undefined && a === b;
  };
}

const isObject = (value: unknown) => typeof value === 'object' && value !== null;

function operandReader(ast: Ast): Evaluate | undefined {
  if (['string', 'number', 'value'].includes(ast.type) && isBare(ast)) return () => ast.value;
  const [head, ...names] = ast.type === 'path' ? (ast.steps ?? []) : [ast];
  if (head?.type !== 'variable' || FUNCTIONS.has(String(head.value)) || !isBare(head)) return undefined;
  if (!isBare(ast) || !names.every((step) => step.type === 'name' && isBare(step))) return undefined;
  return pathReader(
    String(head.value),
    names.map((step) => String(step.value)),
  );
}

/** True for a node without filters, groups, bindings or any other mark. */
const isBare = (ast: Ast) =>
  Object.keys(ast).every((key) => ['type', 'value', 'position', 'steps'].includes(key));

function pathReader(head: string, names: string[]): Evaluate {
  return ({ states, variables }) => {
    let value: unknown = head === 'states' ? states : variables[head];
    for (const name of names) {
      if (Array.isArray(value)) return SLOW;
      if (typeof value !== 'object' || value === null) return undefined;
      if (!Object.hasOwn(value, name)) return name in value ? SLOW : undefined;
      value = (value as Record<string, unknown>)[name];
    }
    return value;
  };
}

async function ask(
  parsed: Parsed,
  { states, variables }: Scope,
  fail: (says: string) => never,
): Promise<unknown> {
  const bindings: Variables = Object.create(null);
  bindings.states = states;
  for (const name of parsed.variables) if (name in variables) bindings[name] = variables[name];
  let value: unknown;
  try {
    value = await parsed.expression.evaluate(undefined, bindings);
  } catch (error) {
    return fail(`failed: ${messageOf(error)}`);
  }
  return plainJson(value, fail);
}

/** A copy without jsonata's marks on arrays. */
function plainJson(value: unknown, fail: (says: string) => never): unknown {
  if (Array.isArray(value)) return Array.from(value, (part) => plainJson(part, fail));
  if (isRecord(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, plainJson(part, fail)]));
  }
  if (typeof value === 'number')
    return Number.isFinite(value) ? value : fail(`gives ${value}, which JSON does not have`);
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  return fail(value === undefined ? 'is undefined' : `gives a ${typeof value}`);
}

const messageOf = (error: unknown) =>
  isRecord(error) && 'message' in error ? String(error.message) : String(error);
