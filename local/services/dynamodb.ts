import type {
  AttributeValue,
  BatchGetItemInput,
  CancellationReason,
  CreateTableInput,
  DeleteItemInput,
  GetItemInput,
  PutItemInput,
  QueryInput,
  TransactWriteItem,
  TransactWriteItemsInput,
  UpdateItemInput,
} from '@aws-sdk/client-dynamodb';
import type { Clock } from '../../core/ports.ts';
import type { Instant } from '../../core/units.ts';
import { awsError, type Operations, onlyFields } from '../sdk.ts';
import {
  type Attributes,
  type Condition,
  compare,
  expressionReader,
  holds,
  invalid,
  type Placeholders,
  typeOf,
  updated,
} from './dynamodb-expression.ts';

/** One change as Lambda hands it over from a table's stream. */
export interface ChangeRecord {
  eventID: string;
  eventName: 'INSERT' | 'MODIFY' | 'REMOVE';
  eventSource: 'aws:dynamodb';
  dynamodb: {
    /** Epoch seconds. */
    ApproximateCreationDateTime: number;
    Keys: Attributes;
    NewImage?: Attributes;
    SequenceNumber: string;
    StreamViewType: 'NEW_IMAGE';
  };
}

interface Index {
  hash: string;
  range: string;
  keysOnly: boolean;
}

interface Table {
  input: CreateTableInput;
  hash: string;
  range: string;
  types: Record<string, string>;
  indexes: Map<string, Index>;
  partitions: Map<string, Map<string, Attributes>>;
  /** Writes that a read which is not consistent may not see yet, oldest first. */
  recent: { at: Instant; key: Attributes; before: Attributes | undefined }[];
}

/** A write of one item, checked against what stands there. */
interface Prepared {
  table: Table;
  key: Attributes;
  before: Attributes | undefined;
  isAllowed: boolean;
  /** The item after it; undefined deletes. @throws awsError ValidationException */
  after(): Attributes | undefined;
  returnsOnRefusal: boolean;
}

type Kind = 'Put' | 'Update' | 'Delete' | 'ConditionCheck';

/** What the four kinds of writes have in common. */
type WriteInput = Placeholders & {
  TableName?: string | undefined;
  Key?: Attributes | undefined;
  Item?: Attributes | undefined;
  ConditionExpression?: string | undefined;
  UpdateExpression?: string | undefined;
  ReturnValuesOnConditionCheckFailure?: string | undefined;
};

const SHARED = [
  'TableName',
  'ConditionExpression',
  'ExpressionAttributeNames',
  'ExpressionAttributeValues',
  'ReturnValuesOnConditionCheckFailure',
];
const FIELDS: Record<Kind, string[]> = {
  Put: [...SHARED, 'Item'],
  Update: [...SHARED, 'Key', 'UpdateExpression'],
  Delete: [...SHARED, 'Key'],
  ConditionCheck: [...SHARED, 'Key'],
};

// DynamoDB service quotas, and the API reference of Query, BatchGetItem and TransactWriteItems.
const KB = 1024;
const ITEM_BYTES_MAX = 400 * KB;
const PAGE_BYTES_MAX = KB * KB;
const BATCH_BYTES_MAX = 16 * KB * KB;
const TRANSACTION_BYTES_MAX = 4 * KB * KB;
const ACTIONS_MAX = 100;
const BATCH_MAX = 100;
const TOKEN_MS = 10 * 60_000;
const HASH_BYTES_MAX = 2 * KB;
const RANGE_BYTES_MAX = KB;

/**
 * Tables with a text partition and sort key, on demand, as far as the journal uses them. Each call takes effect at one
 * moment, so that transactions never meet; nothing expires by itself.
 */
export class SimulatedDynamoDB {
  readonly #tables = new Map<string, Table>();
  readonly #requests = new Map<string, { at: Instant; text: string }>();
  readonly #clock: Clock;
  readonly #indexDelayMs: number;
  readonly #onRecord: (record: ChangeRecord, tableName: string) => void;
  #changes = 0;

  constructor(world: {
    clock: Clock;
    /** How long a read of an index, or one that does not ask for consistency, does not see a write. */
    indexDelayMs?: number | undefined;
    /** Called for each change of an item in a table with a stream, in order. */
    onRecord?: ((record: ChangeRecord, tableName: string) => void) | undefined;
  }) {
    this.#clock = world.clock;
    this.#indexDelayMs = world.indexDelayMs ?? 0;
    this.#onRecord = world.onRecord ?? (() => {});
  }

  readonly operations = {
    CreateTableCommand: (input: CreateTableInput) => this.#create(input),
    DescribeTableCommand: ({ TableName }: { TableName?: string | undefined }) => ({
      Table: this.#described(this.#table(TableName), 'ACTIVE'),
    }),
    GetItemCommand: (input: GetItemInput) => this.#get(input),
    PutItemCommand: (input: PutItemInput) => this.#write('Put', input),
    UpdateItemCommand: (input: UpdateItemInput) => this.#write('Update', input),
    DeleteItemCommand: (input: DeleteItemInput) => this.#write('Delete', input),
    QueryCommand: (input: QueryInput) => this.#query(input),
    BatchGetItemCommand: (input: BatchGetItemInput) => this.#batchGet(input),
    TransactWriteItemsCommand: (input: TransactWriteItemsInput) => this.#transact(input),
  } satisfies Operations;

  /** Everything that stands in a table now, which no call of AWS tells at one moment. */
  items(name: string): Attributes[] {
    return [...this.#table(name).partitions.values()].flatMap((partition) => [...partition.values()]);
  }

  #table(name: string | undefined): Table {
    const table = this.#tables.get(name ?? '');
    if (table === undefined) throw awsError('ResourceNotFoundException', 'Requested resource not found');
    return table;
  }

  #create(input: CreateTableInput): object {
    const { TableName = '' } = input;
    if (this.#tables.has(TableName))
      throw awsError('ResourceInUseException', `Table already exists: ${TableName}`);
    const table = tableFrom(input);
    this.#tables.set(TableName, table);
    return { TableDescription: this.#described(table, 'CREATING') };
  }

  #described({ input, partitions }: Table, TableStatus: string): object {
    const { BillingMode, GlobalSecondaryIndexes, ...kept } = input;
    const ItemCount = [...partitions.values()].reduce((sum, items) => sum + items.size, 0);
    return {
      ...kept,
      TableStatus,
      ItemCount,
      BillingModeSummary: { BillingMode },
      GlobalSecondaryIndexes: GlobalSecondaryIndexes?.map((index) => ({ ...index, IndexStatus: 'ACTIVE' })),
    };
  }

  #get(input: GetItemInput): object {
    onlyFields('GetItem', input, ['TableName', 'Key', 'ConsistentRead']);
    const table = this.#table(input.TableName);
    const key = keyFrom(table, input.Key);
    return { Item: structuredClone(this.#seen(table, key, input.ConsistentRead === true)) };
  }

  /** An item as a read sees it. */
  #seen(table: Table, key: Attributes, isConsistent: boolean): Attributes | undefined {
    const hidden = isConsistent
      ? undefined
      : this.#hidden(table).find((write) => isSameKey(table, write.key, key));
    return hidden === undefined ? itemAt(table, key) : hidden.before;
  }

  /** The writes that are too fresh for a read that is not consistent. */
  #hidden(table: Table): Table['recent'] {
    const seenUntil = this.#clock.now() - this.#indexDelayMs;
    table.recent = table.recent.filter(({ at }) => at > seenUntil);
    return table.recent;
  }

  #write(
    kind: 'Put' | 'Update' | 'Delete',
    input: WriteInput & { ReturnValues?: string | undefined },
  ): object {
    const { ReturnValues = 'NONE', ...action } = input;
    if (!['NONE', 'ALL_OLD'].includes(ReturnValues) && !(kind === 'Update' && ReturnValues === 'ALL_NEW'))
      throw new Error(`ReturnValues ${ReturnValues} is not simulated for ${kind}Item.`);
    const write = this.#prepare(kind, action);
    if (!write.isAllowed) {
      const Item = write.returnsOnRefusal ? structuredClone(write.before) : undefined;
      throw awsError('ConditionalCheckFailedException', 'The conditional request failed', 400, { Item });
    }
    const after = write.after();
    this.#apply(write, after);
    const returned = { NONE: undefined, ALL_OLD: write.before, ALL_NEW: after }[ReturnValues];
    return { Attributes: structuredClone(returned) };
  }

  #prepare(kind: Kind, action: WriteInput): Prepared {
    onlyFields(kind, action, FIELDS[kind]);
    const table = this.#table(action.TableName);
    const key = keyFrom(table, kind === 'Put' ? keyOf(table, action.Item ?? {}) : action.Key);
    if (kind === 'Put')
      checkItem(table, action.Item ?? {}, 'Item size has exceeded the maximum allowed size');
    const { condition, update } = expressionsOf(table, action);
    if (kind === 'ConditionCheck' && condition === undefined)
      throw invalid('The ConditionCheck needs a ConditionExpression');
    const before = itemAt(table, key);
    const after = () => {
      if (kind === 'Put') return structuredClone(action.Item);
      if (kind === 'Delete') return undefined;
      if (kind === 'ConditionCheck') return before;
      const item = updated(before ?? key, update ?? { set: [], remove: [] });
      checkItem(table, item, 'Item size to update has exceeded the maximum allowed size');
      return item;
    };
    const isAllowed = condition === undefined || holds(condition, before);
    const returnsOnRefusal = action.ReturnValuesOnConditionCheckFailure === 'ALL_OLD';
    return { table, key, before, isAllowed, after, returnsOnRefusal };
  }

  /** A write that changes nothing leaves no record in the stream (DynamoDB developer guide, "Change data capture for DynamoDB Streams"). */
  #apply({ table, key, before }: Prepared, after: Attributes | undefined): void {
    if (JSON.stringify(before) === JSON.stringify(after)) return;
    const { hash, range, partitions } = table;
    const pk = textOf(key, hash);
    const items = partitions.get(pk) ?? new Map<string, Attributes>();
    partitions.set(pk, items);
    if (after === undefined) items.delete(textOf(key, range));
    else items.set(textOf(key, range), after);
    this.#changes += 1;
    if (this.#indexDelayMs > 0) {
      this.#hidden(table);
      table.recent = [...table.recent, { at: this.#clock.now(), key, before }];
    }
    const { StreamSpecification, TableName = '' } = table.input;
    if (StreamSpecification?.StreamEnabled) this.#onRecord(this.#recordOf(key, before, after), TableName);
  }

  #recordOf(Keys: Attributes, before: Attributes | undefined, after: Attributes | undefined): ChangeRecord {
    const SequenceNumber = String(this.#changes).padStart(21, '0');
    return {
      eventID: `change-${SequenceNumber}`,
      eventName: after === undefined ? 'REMOVE' : before === undefined ? 'INSERT' : 'MODIFY',
      eventSource: 'aws:dynamodb',
      dynamodb: {
        ApproximateCreationDateTime: Math.floor(this.#clock.now() / 1000),
        Keys: structuredClone(Keys),
        ...(after === undefined ? {} : { NewImage: structuredClone(after) }),
        SequenceNumber,
        StreamViewType: 'NEW_IMAGE',
      },
    };
  }

  #query(input: QueryInput): object {
    onlyFields('Query', input, [
      ...['TableName', 'IndexName', 'KeyConditionExpression', 'ExpressionAttributeNames'],
      ...['ExpressionAttributeValues', 'ConsistentRead', 'ScanIndexForward', 'Limit', 'ExclusiveStartKey'],
    ]);
    const table = this.#table(input.TableName);
    const index = input.IndexName === undefined ? undefined : table.indexes.get(input.IndexName);
    if (input.IndexName !== undefined && index === undefined)
      throw invalid(`The table does not have the specified index: ${input.IndexName}`);
    if (index !== undefined && input.ConsistentRead)
      throw invalid('Consistent reads are not supported on global secondary indexes');
    const { hash, range } = index ?? table;
    const reader = expressionReader(input);
    const condition = reader.condition(input.KeyConditionExpression ?? '');
    reader.done();
    checkKeyCondition(condition, hash, range);
    const found = this.#visible(table, input.ConsistentRead === true).filter(
      (item) => item[hash] !== undefined && item[range] !== undefined && holds(condition, item),
    );
    const order = (a: Attributes, b: Attributes) =>
      [range, table.hash, table.range].reduce((sum, name) => sum || compareAt(name, a, b), 0);
    const sorted = found.sort(input.ScanIndexForward === false ? (a, b) => order(b, a) : order);
    const start = input.ExclusiveStartKey;
    const direction = input.ScanIndexForward === false ? -1 : 1;
    const rest = start === undefined ? sorted : sorted.filter((item) => order(item, start) * direction > 0);
    return pageOf(rest, input.Limit, table, index);
  }

  /** All items as a read sees them. */
  #visible(table: Table, isConsistent: boolean): Attributes[] {
    const items = [...table.partitions.values()].flatMap((partition) => [...partition.values()]);
    if (isConsistent) return items;
    const hidden = this.#hidden(table);
    const isHidden = (item: Attributes) => hidden.some(({ key }) => isSameKey(table, key, item));
    const first = hidden.filter(
      ({ key }, at) => hidden.findIndex((write) => isSameKey(table, write.key, key)) === at,
    );
    return [
      ...items.filter((item) => !isHidden(item)),
      ...first.map(({ before }) => before).filter((before) => before !== undefined),
    ];
  }

  #batchGet(input: BatchGetItemInput): object {
    onlyFields('BatchGetItem', input, ['RequestItems']);
    const [[name = '', wanted] = [], ...others] = Object.entries(input.RequestItems ?? {});
    if (wanted === undefined || others.length > 0)
      throw new Error('BatchGetItem is simulated for one table at a time.');
    onlyFields('BatchGetItem of a table', wanted, ['Keys', 'ConsistentRead']);
    const table = this.#table(name);
    const Keys = (wanted.Keys ?? []).map((key) => keyFrom(table, key));
    if (Keys.length === 0 || Keys.length > BATCH_MAX)
      throw invalid(`BatchGetItem takes 1 to ${BATCH_MAX} keys, not ${Keys.length}`);
    if (new Set(Keys.map((key) => JSON.stringify(keyOf(table, key)))).size < Keys.length)
      throw invalid('Provided list of item keys contains duplicates');
    const items: Attributes[] = [];
    let bytes = 0;
    for (const [at, key] of Keys.entries()) {
      const item = this.#seen(table, key, wanted.ConsistentRead === true);
      if (item === undefined) continue;
      bytes += sizeOf(item);
      if (bytes > BATCH_BYTES_MAX)
        return {
          Responses: { [name]: structuredClone(items) },
          UnprocessedKeys: { [name]: { ...wanted, Keys: Keys.slice(at) } },
        };
      items.push(item);
    }
    return { Responses: { [name]: structuredClone(items) }, UnprocessedKeys: {} };
  }

  #transact(input: TransactWriteItemsInput): object {
    onlyFields('TransactWriteItems', input, ['TransactItems', 'ClientRequestToken']);
    const actions = (input.TransactItems ?? []).map(actionOf);
    if (actions.length === 0 || actions.length > ACTIONS_MAX)
      throw invalid(`TransactWriteItems takes 1 to ${ACTIONS_MAX} actions, not ${actions.length}`);
    const text = JSON.stringify(input.TransactItems);
    if (this.#isRepeated(input.ClientRequestToken, text)) return {};
    const writes = actions.map(([kind, action]) => this.#prepare(kind, action));
    const places = writes.map(({ table, key }) => JSON.stringify([table.input.TableName, keyOf(table, key)]));
    if (new Set(places).size < places.length)
      throw invalid('Transaction request cannot include multiple operations on one item');
    const bytes = actions.reduce((sum, [, { Item, Key }]) => sum + sizeOf(Item ?? Key ?? {}), 0);
    if (bytes > TRANSACTION_BYTES_MAX)
      throw invalid(`The items of a transaction have ${bytes} bytes; at most 4 MB are taken`);
    const outcomes = writes.map(outcomeOf);
    if (outcomes.some(({ reason }) => reason.Code !== 'None')) throw cancelled(outcomes);
    for (const [at, write] of writes.entries()) this.#apply(write, outcomes[at]?.after);
    if (input.ClientRequestToken !== undefined)
      this.#requests.set(input.ClientRequestToken, { at: this.#clock.now(), text });
    return {};
  }

  /** True if this very request has taken effect already. */
  #isRepeated(token: string | undefined, text: string): boolean {
    if (token === undefined) return false;
    if (token.length < 1 || token.length > 36) throw invalid('A ClientRequestToken has 1 to 36 characters');
    const earlier = this.#requests.get(token);
    if (earlier === undefined || this.#clock.now() - earlier.at >= TOKEN_MS) return false;
    if (earlier.text === text) return true;
    throw awsError(
      'IdempotentParameterMismatchException',
      'The ClientRequestToken was used with other parameters',
    );
  }
}

function tableFrom(input: CreateTableInput): Table {
  onlyFields('CreateTable', input, [
    ...['TableName', 'AttributeDefinitions', 'KeySchema', 'BillingMode'],
    ...['GlobalSecondaryIndexes', 'StreamSpecification'],
  ]);
  if (input.BillingMode !== 'PAY_PER_REQUEST')
    throw new Error('A table that is not PAY_PER_REQUEST is not simulated.');
  const { StreamEnabled, StreamViewType } = input.StreamSpecification ?? {};
  if (StreamEnabled && StreamViewType !== 'NEW_IMAGE')
    throw new Error(`A stream of ${StreamViewType} is not simulated, only NEW_IMAGE.`);
  const definitions = (input.AttributeDefinitions ?? []).map(({ AttributeName, AttributeType }) => [
    AttributeName ?? '',
    AttributeType ?? '',
  ]);
  const types: Record<string, string> = Object.fromEntries(definitions);
  const keys = keySchema(input.KeySchema);
  const indexes = new Map(
    (input.GlobalSecondaryIndexes ?? []).map(({ IndexName = '', KeySchema, Projection }) => {
      const type = Projection?.ProjectionType;
      if (type !== 'KEYS_ONLY' && type !== 'ALL') throw new Error(`Projection ${type} is not simulated.`);
      return [IndexName, { ...keySchema(KeySchema), keysOnly: type === 'KEYS_ONLY' }];
    }),
  );
  const used = new Set([keys, ...indexes.values()].flatMap(({ hash, range }) => [hash, range]));
  if (used.size !== definitions.length || [...used].some((name) => types[name] === undefined))
    throw invalid('One or more parameter values were invalid: AttributeDefinitions must be exactly the keys');
  if (types[keys.hash] !== 'S' || types[keys.range] !== 'S')
    throw new Error('A table key that is not text is not simulated.');
  return { input: structuredClone(input), ...keys, types, indexes, partitions: new Map(), recent: [] };
}

function keySchema(schema: CreateTableInput['KeySchema']): { hash: string; range: string } {
  const [hash, range, ...more] = schema ?? [];
  const isKnown = hash?.KeyType === 'HASH' && range?.KeyType === 'RANGE' && more.length === 0;
  if (!isKnown || !hash.AttributeName || !range.AttributeName)
    throw new Error('A key that is not one HASH and one RANGE is not simulated.');
  return { hash: hash.AttributeName, range: range.AttributeName };
}

const textOf = (item: Attributes, name: string) => item[name]?.S ?? '';

const isSameKey = ({ hash, range }: Table, a: Attributes, b: Attributes) =>
  textOf(a, hash) === textOf(b, hash) && textOf(a, range) === textOf(b, range);

const itemAt = ({ partitions, hash, range }: Table, key: Attributes) =>
  partitions.get(textOf(key, hash))?.get(textOf(key, range));

/** The key attributes of an item, in one order. */
function keyOf({ hash, range }: Table, item: Attributes): Attributes {
  const entries = [hash, range].flatMap((name) => {
    const value = item[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(entries);
}

/** @throws awsError ValidationException for what cannot be a key of this table */
function keyFrom(table: Table, given: Attributes | undefined): Attributes {
  const { hash, range } = table;
  const names = Object.keys(given ?? {});
  if (given === undefined || names.length !== 2 || !names.includes(hash) || !names.includes(range))
    throw invalid('The provided key element does not match the schema');
  for (const [name, most] of [
    [hash, HASH_BYTES_MAX],
    [range, RANGE_BYTES_MAX],
  ] as const) {
    const text = given[name]?.S;
    if (text === undefined) throw invalid(`Type mismatch for key ${name}: expected S`);
    if (text === '' || Buffer.byteLength(text) > most)
      throw invalid(`Size of key ${name} must be 1 to ${most} bytes`);
  }
  return keyOf(table, given);
}

function checkItem(table: Table, item: Attributes, tooLarge: string): void {
  for (const { hash, range } of table.indexes.values())
    for (const name of [hash, range]) {
      const value = item[name];
      if (value !== undefined && (typeOf(value) !== table.types[name] || value.S === ''))
        throw invalid(`One or more parameter values were invalid: Type mismatch for Index Key ${name}`);
    }
  if (sizeOf(item) > ITEM_BYTES_MAX) throw invalid(tooLarge);
}

function sizeOf(item: Attributes): number {
  return Object.entries(item).reduce(
    (sum, [name, value]) => sum + Buffer.byteLength(name) + valueSize(value),
    0,
  );
}

/** Sizes as documented (DynamoDB developer guide, "DynamoDB item sizes and formats"). */
function valueSize(value: AttributeValue): number {
  if (value.S !== undefined) return Buffer.byteLength(value.S);
  if (value.N !== undefined) return numberSize(value.N);
  if (value.SS !== undefined) return setSize(value.SS);
  if (value.BOOL !== undefined || value.NULL !== undefined) return 1;
  throw new Error(`An attribute of type ${typeOf(value)} is not simulated.`);
}

function numberSize(text: string): number {
  if (!/^-?\d{1,38}(\.\d+)?$/.test(text)) throw new Error(`The number ${text} is not simulated.`);
  return Math.ceil(text.replace(/\D/g, '').length / 2) + (text.startsWith('-') ? 2 : 1);
}

function setSize(members: string[]): number {
  if (members.length === 0) throw invalid('A string set may not be empty');
  if (new Set(members).size < members.length) throw invalid('Input collection contains duplicates');
  return members.reduce((sum, member) => sum + Buffer.byteLength(member), 0);
}

function expressionsOf(table: Table, action: WriteInput) {
  const reader = expressionReader(action);
  const { ConditionExpression, UpdateExpression } = action;
  const condition = ConditionExpression === undefined ? undefined : reader.condition(ConditionExpression);
  const update = UpdateExpression === undefined ? undefined : reader.update(UpdateExpression);
  reader.done();
  const touched = [...(update?.set.map(({ name }) => name) ?? []), ...(update?.remove ?? [])];
  const key = touched.find((name) => name === table.hash || name === table.range);
  if (key !== undefined) throw invalid(`Cannot update attribute ${key}. This attribute is part of the key`);
  return { condition, update };
}

/** A partition key that equals, and perhaps a sort key that equals or begins. */
function checkKeyCondition(condition: Condition, hash: string, range: string): void {
  const isKey = (part: Condition, name: string) =>
    (part.op === '=' && 'name' in part.left && part.left.name === name && 'value' in part.right) ||
    (part.op === 'begins_with' && part.name === name && name === range);
  const parts = condition.op === 'AND' ? [condition.left, condition.right] : [condition];
  const [first, second] = parts;
  const isFit = first !== undefined && isKey(first, hash) && (second === undefined || isKey(second, range));
  if (!isFit) throw invalid('Query key condition not supported');
}

const compareAt = (name: string, a: Attributes, b: Attributes): number => {
  const [left, right] = [a[name], b[name]];
  return left === undefined || right === undefined ? 0 : compare(left, right);
};

/** One page; a page that is full says where it ended, even if nothing comes after it. */
function pageOf(items: Attributes[], limit: number | undefined, table: Table, index: Index | undefined) {
  const page: Attributes[] = [];
  let bytes = 0;
  for (const item of items) {
    const isFull = page.length === limit || bytes + sizeOf(item) > PAGE_BYTES_MAX;
    if (isFull && page.length > 0) break;
    bytes += sizeOf(item);
    page.push(item);
  }
  const last = page.at(-1);
  const isWhole = page.length === items.length && page.length !== limit;
  const keys = (item: Attributes): Attributes => {
    const names = [table.hash, table.range, ...(index === undefined ? [] : [index.hash, index.range])];
    return Object.fromEntries(Object.entries(item).filter(([name]) => names.includes(name)));
  };
  const shown = index?.keysOnly ? page.map(keys) : page;
  return {
    Items: structuredClone(shown),
    Count: page.length,
    ScannedCount: page.length,
    LastEvaluatedKey: isWhole || last === undefined ? undefined : structuredClone(keys(last)),
  };
}

function actionOf(item: TransactWriteItem): [Kind, WriteInput] {
  const kinds = (['Put', 'Update', 'Delete', 'ConditionCheck'] as const).filter(
    (kind) => item[kind] !== undefined,
  );
  const [kind] = kinds;
  const action = kind && item[kind];
  if (kind === undefined || action === undefined || kinds.length > 1)
    throw invalid('TransactItems can only contain one of Check, Put, Update or Delete');
  return [kind, action];
}

interface ActionOutcome {
  reason: CancellationReason;
  after?: Attributes | undefined;
}

function outcomeOf(write: Prepared): ActionOutcome {
  if (!write.isAllowed) {
    const Item = write.returnsOnRefusal ? structuredClone(write.before) : undefined;
    const Message = 'The conditional request failed';
    return { reason: { Code: 'ConditionalCheckFailed', Message, ...(Item === undefined ? {} : { Item }) } };
  }
  try {
    return { reason: { Code: 'None' }, after: write.after() };
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'ValidationException') throw error;
    return { reason: { Code: 'ValidationError', Message: error.message } };
  }
}

function cancelled(outcomes: ActionOutcome[]): Error {
  const CancellationReasons = outcomes.map(({ reason }) => reason);
  const codes = CancellationReasons.map(({ Code }) => Code).join(', ');
  return awsError(
    'TransactionCanceledException',
    `Transaction cancelled, please refer cancellation reasons for specific reasons [${codes}]`,
    400,
    { CancellationReasons },
  );
}
