import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { awsError } from '../sdk.ts';

/** An item as DynamoDB keeps it: each attribute with its type. */
export type Attributes = Record<string, AttributeValue>;

/** What a `#name` and a `:value` of expressions stand for. */
export interface Placeholders {
  ExpressionAttributeNames?: Record<string, string> | undefined;
  ExpressionAttributeValues?: Attributes | undefined;
}

type Comparator = '=' | '<>' | '<' | '<=' | '>' | '>=';
type Operand = { name: string } | { value: AttributeValue };

/** A condition, read. */
export type Condition =
  | { op: 'AND' | 'OR'; left: Condition; right: Condition }
  | { op: 'NOT'; of: Condition }
  | { op: Comparator; left: Operand; right: Operand }
  | { op: 'attribute_exists' | 'attribute_not_exists'; name: string }
  | { op: 'begins_with'; name: string; prefix: Operand };

type Source = Operand | { ifAbsent: Operand; name: string } | { sumOf: [Operand, Operand] };

/** An update, read: what is set and what is removed. */
export interface Update {
  set: { name: string; to: Source }[];
  remove: string[];
}

const TOKEN = /\s*(<>|<=|>=|[=<>(),+]|[#:]?\w+)/y;
const COMPARATORS: readonly string[] = ['=', '<>', '<', '<=', '>', '>='];
const NO_NAMES = 'attribute names outside of ExpressionAttributeNames (reserved words are not known here)';

/**
 * Reads the expressions of one request. What is not written here is an Error, and placeholders that are missing or
 * unused are a ValidationException, as in DynamoDB; call `done` after the last expression.
 */
export function expressionReader({ ExpressionAttributeNames, ExpressionAttributeValues }: Placeholders) {
  const unused = new Set([
    ...Object.keys(ExpressionAttributeNames ?? {}),
    ...Object.keys(ExpressionAttributeValues ?? {}),
  ]);
  if (ExpressionAttributeNames !== undefined && Object.keys(ExpressionAttributeNames).length === 0)
    throw invalid('ExpressionAttributeNames must not be empty');
  if (ExpressionAttributeValues !== undefined && Object.keys(ExpressionAttributeValues).length === 0)
    throw invalid('ExpressionAttributeValues must not be empty');

  const reading = (text: string) => {
    const tokens = tokensOf(text);
    let at = 0;
    const peek = () => tokens[at] ?? '';
    const take = () => tokens[at++] ?? '';
    const expect = (token: string) => {
      const found = take();
      if (found !== token) throw unread(text, `"${token}" was expected, not "${found}"`);
    };
    const lookUp = <T>(map: Record<string, T> | undefined, token: string): T => {
      const found = map?.[token];
      unused.delete(token);
      if (found !== undefined) return found;
      throw invalid(`Invalid expression: An expression attribute used in it is not defined: ${token}`);
    };
    const name = (): string => {
      const token = take();
      if (!token.startsWith('#')) throw unread(text, `it has "${token}": ${NO_NAMES}`);
      return lookUp(ExpressionAttributeNames, token);
    };
    const operand = (): Operand =>
      peek().startsWith(':') ? { value: lookUp(ExpressionAttributeValues, take()) } : { name: name() };
    const end = () => {
      if (at < tokens.length) throw unread(text, `"${peek()}" was not expected`);
    };
    return { peek, take, expect, name, operand, end };
  };
  type Reading = ReturnType<typeof reading>;

  const either = (from: Reading): Condition => {
    let left = both(from);
    while (from.peek() === 'OR') {
      from.take();
      left = { op: 'OR', left, right: both(from) };
    }
    return left;
  };
  const both = (from: Reading): Condition => {
    let left = single(from);
    while (from.peek() === 'AND') {
      from.take();
      left = { op: 'AND', left, right: single(from) };
    }
    return left;
  };
  const single = (from: Reading): Condition => {
    const token = from.peek();
    if (token === 'NOT') {
      from.take();
      return { op: 'NOT', of: single(from) };
    }
    if (token === '(') {
      from.take();
      const inner = either(from);
      from.expect(')');
      return inner;
    }
    return /^\w/.test(token) ? tested(from) : compared(from);
  };
  const tested = (from: Reading): Condition => {
    const op = from.take();
    from.expect('(');
    const name = from.name();
    if (op === 'begins_with') {
      from.expect(',');
      const prefix = from.operand();
      from.expect(')');
      return { op, name, prefix };
    }
    from.expect(')');
    if (op === 'attribute_exists' || op === 'attribute_not_exists') return { op, name };
    throw unread(op, 'no such function is simulated');
  };
  const compared = (from: Reading): Condition => {
    const left = from.operand();
    const op = from.take();
    if (!COMPARATORS.includes(op)) throw unread(op, 'no such comparator is simulated');
    return { op: op as Comparator, left, right: from.operand() };
  };
  const source = (from: Reading): Source => {
    if (from.peek() !== 'if_not_exists') {
      const first = from.operand();
      if (from.peek() !== '+') return first;
      from.take();
      return { sumOf: [first, from.operand()] };
    }
    from.take();
    from.expect('(');
    const name = from.name();
    from.expect(',');
    const ifAbsent = from.operand();
    from.expect(')');
    return { name, ifAbsent };
  };
  const clause = (from: Reading, update: Update): void => {
    const action = from.take();
    do {
      if (from.peek() === ',') from.take();
      const name = from.name();
      if (action === 'REMOVE') update.remove.push(name);
      else if (action === 'SET') {
        from.expect('=');
        update.set.push({ name, to: source(from) });
      } else throw unread(action, 'only SET and REMOVE are simulated');
    } while (from.peek() === ',');
  };

  return {
    condition(text: string): Condition {
      const from = reading(text);
      const read = either(from);
      from.end();
      return read;
    },
    update(text: string): Update {
      const from = reading(text);
      const read: Update = { set: [], remove: [] };
      do clause(from, read);
      while (from.peek() !== '');
      const names = [...read.set.map(({ name }) => name), ...read.remove];
      if (new Set(names).size < names.length)
        throw invalid('Invalid UpdateExpression: Two document paths overlap with each other');
      return read;
    },
    /** @throws awsError ValidationException if a placeholder was given and not used */
    done(): void {
      const [first] = unused;
      if (first === undefined) return;
      throw invalid(`Value provided in the expression attributes unused in expressions: keys: {${first}}`);
    },
  };
}

function tokensOf(text: string): string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.trimEnd().length) {
    const from = TOKEN.lastIndex;
    const [, token] = TOKEN.exec(text) ?? [];
    if (token === undefined) throw unread(text, `nothing is known that begins with "${text.slice(from)}"`);
    tokens.push(token);
  }
  return tokens;
}

/** Whether a condition holds for an item; one that does not exist has no attributes. */
export function holds(condition: Condition, item: Attributes | undefined): boolean {
  switch (condition.op) {
    case 'AND':
      return holds(condition.left, item) && holds(condition.right, item);
    case 'OR':
      return holds(condition.left, item) || holds(condition.right, item);
    case 'NOT':
      return !holds(condition.of, item);
    case 'attribute_exists':
      return item?.[condition.name] !== undefined;
    case 'attribute_not_exists':
      return item?.[condition.name] === undefined;
    case 'begins_with': {
      const prefix = resolved(condition.prefix, item)?.S;
      return prefix !== undefined && item?.[condition.name]?.S?.startsWith(prefix) === true;
    }
    default:
      return isCompared(condition.op, resolved(condition.left, item), resolved(condition.right, item));
  }
}

function isCompared(op: Comparator, left: AttributeValue | undefined, right: AttributeValue | undefined) {
  if (left === undefined || right === undefined) {
    if (op === '<>') throw new Error('<> with an absent attribute is not simulated: ask if it exists first.');
    return false;
  }
  if (typeOf(left) !== typeOf(right)) return op === '<>';
  const order = compare(left, right);
  if (op === '=') return order === 0;
  if (op === '<>') return order !== 0;
  if (op === '<') return order < 0;
  if (op === '<=') return order <= 0;
  return op === '>' ? order > 0 : order >= 0;
}

/** Orders two texts by their UTF-8 bytes, or two numbers, as DynamoDB does; other types are not simulated. */
export function compare(left: AttributeValue, right: AttributeValue): number {
  if (left.S !== undefined && right.S !== undefined)
    return Buffer.compare(Buffer.from(left.S), Buffer.from(right.S));
  if (left.N !== undefined && right.N !== undefined) return Number(left.N) - Number(right.N);
  throw new Error(`Comparing ${typeOf(left)} with ${typeOf(right)} is not simulated.`);
}

/** An item after an update; everything on the right of an equals sign is what it was before. */
export function updated(item: Attributes, { set, remove }: Update): Attributes {
  const after = { ...item };
  for (const { name, to } of set) {
    const value = setValue(to, item);
    if (value === undefined)
      throw invalid('The provided expression refers to an attribute that does not exist in the item');
    after[name] = value;
  }
  for (const name of remove) delete after[name];
  return after;
}

function setValue(source: Source, item: Attributes): AttributeValue | undefined {
  if ('ifAbsent' in source) return item[source.name] ?? resolved(source.ifAbsent, item);
  if (!('sumOf' in source)) return resolved(source, item);
  const parts = source.sumOf.map((operand) => resolved(operand, item));
  if (parts.includes(undefined)) return undefined;
  if (parts.some((part) => part?.N === undefined))
    throw invalid('An operand in the update expression has an incorrect data type');
  return { N: String(parts.reduce((sum, part) => sum + Number(part?.N), 0)) };
}

function resolved(operand: Operand, item: Attributes | undefined): AttributeValue | undefined {
  return 'value' in operand ? operand.value : item?.[operand.name];
}

/** The type of a value, such as `S`. */
export function typeOf(value: AttributeValue): string {
  return Object.keys(value)[0] ?? '';
}

/** What DynamoDB refuses of a request itself. */
export function invalid(message: string): Error {
  return awsError('ValidationException', message);
}

function unread(text: string, why: string): Error {
  return new Error(`The expression "${text}" is not simulated: ${why}.`);
}
