import {
  type AttributeValue,
  BatchGetItemCommand,
  ConditionalCheckFailedException,
  CreateTableCommand,
  type CreateTableCommandInput,
  DeleteItemCommand,
  DescribeTableCommand,
  DynamoDBClient,
  GetItemCommand,
  IdempotentParameterMismatchException,
  PutItemCommand,
  type PutItemCommandInput,
  QueryCommand,
  type QueryCommandInput,
  ResourceInUseException,
  ResourceNotFoundException,
  TransactionCanceledException,
  type TransactWriteItem,
  TransactWriteItemsCommand,
  UpdateItemCommand,
  type UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb';
import { describe, expect, test } from 'vitest';
import { virtualClock } from '../../local/clock.ts';
import { attach } from '../../local/sdk.ts';
import { type ChangeRecord, SimulatedDynamoDB } from '../../local/services/dynamodb.ts';
import { createScenario, SERVICE } from '../../simulation/scenario.ts';

const TableName = 'things';
const MINUTE = 60_000;

const TABLE: CreateTableCommandInput = {
  TableName,
  BillingMode: 'PAY_PER_REQUEST',
  AttributeDefinitions: [
    { AttributeName: 'pk', AttributeType: 'S' },
    { AttributeName: 'sk', AttributeType: 'S' },
    { AttributeName: 'color', AttributeType: 'S' },
    { AttributeName: 'age', AttributeType: 'N' },
  ],
  KeySchema: [
    { AttributeName: 'pk', KeyType: 'HASH' },
    { AttributeName: 'sk', KeyType: 'RANGE' },
  ],
  GlobalSecondaryIndexes: [
    {
      IndexName: 'byColor',
      KeySchema: [
        { AttributeName: 'color', KeyType: 'HASH' },
        { AttributeName: 'age', KeyType: 'RANGE' },
      ],
      Projection: { ProjectionType: 'KEYS_ONLY' },
    },
  ],
  StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_IMAGE' },
};

const key = (sk: string, pk = 'p') => ({ pk: { S: pk }, sk: { S: sk } });
const ABSENT = {
  ConditionExpression: 'attribute_not_exists(#pk)',
  ExpressionAttributeNames: { '#pk': 'pk' },
};

async function world(options: { indexDelayMs?: number } = {}) {
  const clock = virtualClock();
  const records: ChangeRecord[] = [];
  const dynamodb = new SimulatedDynamoDB({ clock, ...options, onRecord: (record) => records.push(record) });
  const client = new DynamoDBClient({ region: 'eu-west-1', cacheMiddleware: true });
  attach(client, dynamodb.operations, { clock });
  await client.send(new CreateTableCommand(TABLE));
  return {
    clock,
    client,
    records,
    get: async (sk: string, ConsistentRead = true) =>
      (await client.send(new GetItemCommand({ TableName, Key: key(sk), ConsistentRead }))).Item,
    put: (sk: string, more: PutItemCommandInput['Item'] = {}, input: Partial<PutItemCommandInput> = {}) =>
      client.send(new PutItemCommand({ TableName, Item: { ...key(sk), ...more }, ...input })),
    update: (sk: string, input: Partial<UpdateItemCommandInput>) =>
      client.send(new UpdateItemCommand({ TableName, Key: key(sk), ...input })),
    query: (input: Partial<QueryCommandInput> = {}) =>
      client.send(
        new QueryCommand({
          TableName,
          KeyConditionExpression: '#pk = :pk',
          ExpressionAttributeNames: { '#pk': 'pk' },
          ExpressionAttributeValues: { ':pk': { S: 'p' } },
          ConsistentRead: true,
          ...input,
        }),
      ),
    byColor: (color: string, input: Partial<QueryCommandInput> = {}) =>
      client.send(
        new QueryCommand({
          TableName,
          IndexName: 'byColor',
          KeyConditionExpression: '#color = :color',
          ExpressionAttributeNames: { '#color': 'color' },
          ExpressionAttributeValues: { ':color': { S: color } },
          ...input,
        }),
      ),
    transact: (TransactItems: TransactWriteItem[], ClientRequestToken?: string) =>
      client.send(new TransactWriteItemsCommand({ TransactItems, ClientRequestToken })),
  };
}

const putting = (sk: string, more: object = {}): TransactWriteItem => ({
  Put: {
    TableName,
    Item: { ...key(sk), ...more },
    ...ABSENT,
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
  },
});
const sks = (answer: { Items?: Record<string, { S?: string }>[] | undefined }) =>
  answer.Items?.map(({ sk }) => sk?.S);
/** What a call throws. */
const thrown = (call: Promise<unknown>) =>
  call.then(
    () => undefined,
    (error: unknown) => error as Error & Record<string, unknown>,
  );

describe('tables', () => {
  test('a table can be created once and described', async () => {
    const { client } = await world();
    await expect(client.send(new CreateTableCommand(TABLE))).rejects.toBeInstanceOf(ResourceInUseException);
    const { Table } = await client.send(new DescribeTableCommand({ TableName }));
    expect(Table).toMatchObject({ TableName, TableStatus: 'ACTIVE', ItemCount: 0 });
    await expect(client.send(new DescribeTableCommand({ TableName: 'other' }))).rejects.toBeInstanceOf(
      ResourceNotFoundException,
    );
  });

  test('an attribute that is no key may not be defined', async () => {
    const { client } = await world();
    const AttributeDefinitions = [
      ...(TABLE.AttributeDefinitions ?? []),
      { AttributeName: 'extra', AttributeType: 'S' as const },
    ];
    const more = { ...TABLE, TableName: 'more', AttributeDefinitions };
    await expect(client.send(new CreateTableCommand(more))).rejects.toThrow('must be exactly the keys');
  });
});

describe('single items', () => {
  test('an item is put, replaced whole, and deleted', async () => {
    const { client, get, put } = await world();
    await put('a', { n: { N: '1' } });
    const { Attributes } = await put('a', { m: { BOOL: true } }, { ReturnValues: 'ALL_OLD' });
    expect(Attributes).toEqual({ ...key('a'), n: { N: '1' } });
    expect(await get('a')).toEqual({ ...key('a'), m: { BOOL: true } });
    const deleted = await client.send(
      new DeleteItemCommand({ TableName, Key: key('a'), ReturnValues: 'ALL_OLD' }),
    );
    expect(deleted.Attributes).toEqual({ ...key('a'), m: { BOOL: true } });
    expect(await get('a')).toBeUndefined();
    await expect(client.send(new DeleteItemCommand({ TableName, Key: key('a') }))).resolves.toBeDefined();
  });

  test('a condition that does not hold writes nothing, and shows the item where it was asked for', async () => {
    const { get, put } = await world();
    await put('a', { n: { N: '1' } });
    const error = await thrown(put('a', {}, { ...ABSENT, ReturnValuesOnConditionCheckFailure: 'ALL_OLD' }));
    expect(error).toBeInstanceOf(ConditionalCheckFailedException);
    expect(error?.Item).toEqual({ ...key('a'), n: { N: '1' } });
    expect((await thrown(put('a', {}, ABSENT)))?.Item).toBeUndefined();
    expect(await get('a')).toMatchObject({ n: { N: '1' } });
  });

  test('an update reads everything before it writes anything', async () => {
    const { get, update } = await world();
    const swap = {
      UpdateExpression: 'SET #new = :new, #old = if_not_exists(#new, :none) REMOVE #gone',
      ExpressionAttributeNames: { '#old': 'old', '#new': 'new', '#gone': 'gone' },
    };
    const values = (S: string) => ({ ExpressionAttributeValues: { ':new': { S }, ':none': { S: '' } } });
    await update('a', { ...swap, ...values('one') });
    expect(await get('a')).toEqual({ ...key('a'), old: { S: '' }, new: { S: 'one' } });
    const { Attributes } = await update('a', { ...swap, ...values('two'), ReturnValues: 'ALL_NEW' });
    expect(Attributes).toEqual({ ...key('a'), old: { S: 'one' }, new: { S: 'two' } });
  });

  test('an update adds up two numbers, of the item or of the request, and nothing else', async () => {
    const { get, update } = await world();
    const add = (operands: string, values: Record<string, AttributeValue>) =>
      update('a', {
        UpdateExpression: `SET #n = ${operands}`,
        ExpressionAttributeNames: { '#n': 'n' },
        ExpressionAttributeValues: values,
      });
    await expect(add('#n + :one', { ':one': { N: '1' } })).rejects.toThrow('does not exist');
    await add(':one + :two', { ':one': { N: '1' }, ':two': { N: '2' } });
    await add('#n + :one', { ':one': { N: '1' } });
    expect(await get('a')).toMatchObject({ n: { N: '4' } });
    await expect(add('#n + :one', { ':one': { S: '1' } })).rejects.toThrow('incorrect data type');
  });

  test('an update may not copy what is not there, nor touch a key, nor one attribute twice', async () => {
    const { update } = await world();
    const names = { ExpressionAttributeNames: { '#a': 'a', '#b': 'b' } };
    await expect(update('a', { ...names, UpdateExpression: 'SET #a = #b' })).rejects.toThrow(
      'does not exist',
    );
    await expect(
      update('a', { UpdateExpression: 'REMOVE #k', ExpressionAttributeNames: { '#k': 'sk' } }),
    ).rejects.toThrow('part of the key');
    await expect(update('a', { ...names, UpdateExpression: 'SET #a = #b REMOVE #a' })).rejects.toThrow(
      'overlap',
    );
  });

  test('an item takes up to 400 KB, its names included', async () => {
    const { put, update } = await world();
    const room = 400 * 1024 - 'pkpska'.length - 'text'.length;
    await put('a', { text: { S: 'x'.repeat(room) } });
    await expect(put('a', { text: { S: 'x'.repeat(room + 1) } })).rejects.toThrow('exceeded the maximum');
    await expect(
      update('a', {
        UpdateExpression: 'SET #b = :b',
        ExpressionAttributeNames: { '#b': 'b' },
        ExpressionAttributeValues: { ':b': { S: 'x' } },
      }),
    ).rejects.toThrow('Item size to update has exceeded');
  });

  test('an empty or foreign key is refused', async () => {
    const { client, put } = await world();
    await expect(put('')).rejects.toThrow('Size of key sk');
    await expect(client.send(new GetItemCommand({ TableName, Key: { pk: { S: 'p' } } }))).rejects.toThrow(
      'does not match the schema',
    );
    await expect(put('a', { age: { S: 'old' } })).rejects.toThrow('Type mismatch for Index Key age');
  });
});

describe('conditions', () => {
  const item = { n: { N: '5' }, s: { S: 'abc' } };
  const cases: [condition: string, holds: boolean][] = [
    ['#n = :five', true],
    ['#n = :text', false],
    ['#n <> :text', true],
    ['#n < :ten AND #n > :one', true],
    ['#n <= :five AND #n >= :five', true],
    ['#n > :ten OR #n = :five', true],
    ['NOT #n = :five', false],
    ['NOT (#n = :ten OR #s = :text)', true],
    ['#n = :ten AND #n = :ten OR #n = :five', true],
    ['#n = :five OR #n = :ten AND #n = :ten', true],
    ['attribute_exists(#n) AND attribute_not_exists(#gone)', true],
    ['begins_with(#s, :ab)', true],
    ['begins_with(#gone, :ab)', false],
    ['#gone = :five', false],
  ];
  const values = {
    ':one': { N: '1' },
    ':five': { N: '5' },
    ':ten': { N: '10' },
    ':text': { S: 'text' },
    ':ab': { S: 'ab' },
  };
  const used = <T>(map: Record<string, T>, text: string) => {
    const found = Object.fromEntries(Object.entries(map).filter(([name]) => text.includes(name)));
    return Object.keys(found).length === 0 ? undefined : found;
  };

  test.each(cases)('%s is %s', async (ConditionExpression, holds) => {
    const { put } = await world();
    await put('a', item);
    const names = { '#n': 'n', '#s': 's', '#gone': 'gone' };
    const call = put('a', item, {
      ConditionExpression,
      ExpressionAttributeNames: used(names, ConditionExpression),
      ExpressionAttributeValues: used(values, ConditionExpression),
    });
    expect((await thrown(call))?.name).toBe(holds ? undefined : 'ConditionalCheckFailedException');
  });

  test.each([
    ['size(#n) > :n', 'no such function'],
    ['#n + :n', 'no such comparator'],
    ['#n = version', 'ExpressionAttributeNames'],
    ['#n = :n extra', 'was not expected'],
    ['#n BETWEEN :n AND :n', 'no such comparator'],
  ])('%s is an error of the test, not an answer', async (ConditionExpression, says) => {
    const { put } = await world();
    const error = await thrown(
      put(
        'a',
        {},
        {
          ConditionExpression,
          ExpressionAttributeNames: { '#n': 'n' },
          ExpressionAttributeValues: { ':n': { N: '1' } },
        },
      ),
    );
    expect(error?.message).toContain(says);
  });

  test('a placeholder that is missing, unused or empty is refused', async () => {
    const { put } = await world();
    const missing = put('a', {}, { ConditionExpression: 'attribute_exists(#x)' });
    await expect(missing).rejects.toThrow('not defined: #x');
    const unused = put('a', {}, { ...ABSENT, ExpressionAttributeValues: { ':v': { S: 'v' } } });
    await expect(unused).rejects.toThrow('unused in expressions: keys: {:v}');
    await expect(put('a', {}, { ExpressionAttributeNames: {} })).rejects.toThrow('must not be empty');
  });

  test('a field that is not simulated is an error', async () => {
    const { put } = await world();
    await expect(put('a', {}, { ReturnConsumedCapacity: 'TOTAL' })).rejects.toThrow('not simulated');
  });
});

describe('queries', () => {
  test('a partition comes in the order of its sort keys, forwards or backwards', async () => {
    const { put, query } = await world();
    for (const sk of ['b', 'a#10', 'a#2', 'c']) await put(sk);
    expect(sks(await query())).toEqual(['a#10', 'a#2', 'b', 'c']);
    expect(sks(await query({ ScanIndexForward: false }))).toEqual(['c', 'b', 'a#2', 'a#10']);
    const begins = await query({
      KeyConditionExpression: '#pk = :pk AND begins_with(#sk, :sk)',
      ExpressionAttributeNames: { '#pk': 'pk', '#sk': 'sk' },
      ExpressionAttributeValues: { ':pk': { S: 'p' }, ':sk': { S: 'a#' } },
    });
    expect(sks(begins)).toEqual(['a#10', 'a#2']);
  });

  test('pages of a limit follow one another, and the last full one promises another', async () => {
    const { put, query } = await world();
    for (const sk of ['a', 'b', 'c', 'd']) await put(sk);
    const first = await query({ Limit: 2 });
    const second = await query({ Limit: 2, ExclusiveStartKey: first.LastEvaluatedKey });
    const third = await query({ Limit: 2, ExclusiveStartKey: second.LastEvaluatedKey });
    expect([first, second, third].map(sks)).toEqual([['a', 'b'], ['c', 'd'], []]);
    expect(third.LastEvaluatedKey).toBeUndefined();
    const back = await query({ Limit: 3, ScanIndexForward: false });
    const rest = await query({ ScanIndexForward: false, ExclusiveStartKey: back.LastEvaluatedKey });
    expect(sks(rest)).toEqual(['a']);
  });

  test('a page holds a megabyte', async () => {
    const { put, query } = await world();
    for (const sk of ['a', 'b', 'c', 'd']) await put(sk, { text: { S: 'x'.repeat(300 * 1024) } });
    const first = await query();
    expect(sks(first)).toEqual(['a', 'b', 'c']);
    expect(sks(await query({ ExclusiveStartKey: first.LastEvaluatedKey }))).toEqual(['d']);
  });

  test('a condition on anything but the keys is refused', async () => {
    const { query } = await world();
    const error = await thrown(query({ KeyConditionExpression: '#pk > :pk' }));
    expect(error?.message).toContain('key condition not supported');
  });

  test('an index holds the items that have its keys, shows keys only, and is never consistent', async () => {
    const { byColor, put } = await world();
    await put('a', { color: { S: 'red' }, age: { N: '10' }, text: { S: 'a' } });
    await put('b', { color: { S: 'red' }, age: { N: '9' } });
    await put('c', { color: { S: 'red' } });
    await put('d', { color: { S: 'blue' }, age: { N: '1' } });
    const found = await byColor('red');
    expect(found.Items).toEqual([
      { ...key('b'), color: { S: 'red' }, age: { N: '9' } },
      { ...key('a'), color: { S: 'red' }, age: { N: '10' } },
    ]);
    const first = await byColor('red', { Limit: 1 });
    expect(sks(await byColor('red', { ExclusiveStartKey: first.LastEvaluatedKey }))).toEqual(['a']);
    await expect(byColor('red', { ConsistentRead: true })).rejects.toThrow('not supported on global');
  });

  test('an index, and a read that asks for no consistency, see a write only after the delay', async () => {
    const { byColor, clock, get, put } = await world({ indexDelayMs: 1000 });
    await put('a', { color: { S: 'red' }, age: { N: '1' } });
    await clock.advance(1000);
    await put('a', { color: { S: 'blue' }, age: { N: '1' } });
    await clock.advance(500);
    await put('a', { color: { S: 'green' }, age: { N: '1' } });
    expect(sks(await byColor('red'))).toEqual(['a']);
    expect(sks(await byColor('green'))).toEqual([]);
    expect(await get('a', false)).toMatchObject({ color: { S: 'red' } });
    expect(await get('a')).toMatchObject({ color: { S: 'green' } });
    await clock.advance(500);
    expect(sks(await byColor('blue'))).toEqual(['a']);
    await clock.advance(500);
    expect(sks(await byColor('green'))).toEqual(['a']);
  });
});

describe('batches', () => {
  const batch = (client: DynamoDBClient, Keys: ReturnType<typeof key>[]) =>
    client.send(new BatchGetItemCommand({ RequestItems: { [TableName]: { Keys, ConsistentRead: true } } }));

  test('a batch reads what exists, and refuses doubles and more than a hundred', async () => {
    const { client, put } = await world();
    await put('a');
    const { Responses, UnprocessedKeys } = await batch(client, [key('a'), key('b')]);
    expect([Responses, UnprocessedKeys]).toEqual([{ [TableName]: [key('a')] }, {}]);
    await expect(batch(client, [key('a'), key('a')])).rejects.toThrow('duplicates');
    const many = Array.from({ length: 101 }, (_, index) => key(`${index}`));
    await expect(batch(client, many)).rejects.toThrow('1 to 100 keys');
  });

  test('a batch over 16 MB comes back in parts', async () => {
    const { client, put } = await world();
    const names = Array.from({ length: 45 }, (_, index) => key(`${index + 10}`));
    for (const { sk } of names) await put(sk.S, { text: { S: 'x'.repeat(390 * 1024) } });
    const { Responses, UnprocessedKeys } = await batch(client, names);
    const left = UnprocessedKeys?.[TableName]?.Keys ?? [];
    expect(left.length).toBeGreaterThan(0);
    expect((Responses?.[TableName]?.length ?? 0) + left.length).toBe(45);
  });
});

describe('transactions', () => {
  test('all is written or nothing, and each action says why', async () => {
    const { get, put, transact } = await world();
    await put('b', { n: { N: '1' } });
    const error = await thrown(transact([putting('a'), putting('b'), putting('c')]));
    expect(error).toBeInstanceOf(TransactionCanceledException);
    expect(error?.message).toContain('[None, ConditionalCheckFailed, None]');
    expect(error?.CancellationReasons).toEqual([
      { Code: 'None' },
      {
        Code: 'ConditionalCheckFailed',
        Message: 'The conditional request failed',
        Item: { ...key('b'), n: { N: '1' } },
      },
      { Code: 'None' },
    ]);
    expect([await get('a'), await get('c')]).toEqual([undefined, undefined]);
    await transact([putting('a'), putting('c')]);
    expect([await get('a'), await get('c')]).toEqual([key('a'), key('c')]);
  });

  test('puts, updates, deletes and checks go together', async () => {
    const { get, put, transact } = await world();
    for (const sk of ['b', 'c', 'd']) await put(sk);
    const exists = { ...ABSENT, ConditionExpression: 'attribute_exists(#pk)' };
    const change = (sk: string): TransactWriteItem[] => [
      putting('a'),
      {
        Update: {
          TableName,
          Key: key('b'),
          UpdateExpression: 'SET #n = :n',
          ExpressionAttributeNames: { '#n': 'n' },
          ExpressionAttributeValues: { ':n': { N: '2' } },
        },
      },
      { Delete: { TableName, Key: key('c'), ...exists } },
      { ConditionCheck: { TableName, Key: key(sk), ...exists } },
    ];
    await expect(transact(change('gone'))).rejects.toBeInstanceOf(TransactionCanceledException);
    expect(await get('c')).toEqual(key('c'));
    await transact(change('d'));
    expect(await get('b')).toEqual({ ...key('b'), n: { N: '2' } });
    expect([await get('a'), await get('c'), await get('d')]).toEqual([key('a'), undefined, key('d')]);
  });

  test('two actions on one item, none, and more than a hundred are refused', async () => {
    const { transact } = await world();
    await expect(transact([putting('a'), putting('a')])).rejects.toThrow('multiple operations on one item');
    await expect(transact([])).rejects.toThrow('1 to 100 actions');
    const many = Array.from({ length: 101 }, (_, index) => putting(`${index}`));
    await expect(transact(many)).rejects.toThrow('1 to 100 actions');
    await transact(many.slice(1));
  });

  test('an item or a transaction that is too large is refused', async () => {
    const { get, put, transact } = await world();
    const large = (KB: number) => ({ text: { S: 'x'.repeat(KB * 1024) } });
    await expect(transact([putting('a'), putting('b', large(400))])).rejects.toThrow('exceeded the maximum');
    const many = Array.from({ length: 11 }, (_, index) => putting(`${index}`, large(390)));
    await expect(transact(many)).rejects.toThrow('at most 4 MB');
    await put('c', large(399));
    const Update = {
      TableName,
      Key: key('c'),
      UpdateExpression: 'SET #n = :n',
      ExpressionAttributeNames: { '#n': 'n' },
      ExpressionAttributeValues: { ':n': { S: 'x'.repeat(2000) } },
    };
    const error = await thrown(transact([putting('a'), { Update }]));
    expect(error?.CancellationReasons).toMatchObject([{ Code: 'None' }, { Code: 'ValidationError' }]);
    expect(await get('a')).toBeUndefined();
  });

  test('the same request takes effect once within ten minutes', async () => {
    const { clock, get, put, transact } = await world();
    await transact([putting('a')], 'token');
    await transact([putting('a')], 'token');
    await put('a', { n: { N: '1' } });
    await transact([putting('a')], 'token');
    expect(await get('a')).toMatchObject({ n: { N: '1' } });
    await expect(transact([putting('b')], 'token')).rejects.toBeInstanceOf(
      IdempotentParameterMismatchException,
    );
    await clock.advance(10 * MINUTE);
    await expect(transact([putting('a')], 'token')).rejects.toBeInstanceOf(TransactionCanceledException);
  });

  test('a request that was cancelled is judged again', async () => {
    const { client, get, put, transact } = await world();
    await put('a');
    await expect(transact([putting('a')], 'token')).rejects.toBeInstanceOf(TransactionCanceledException);
    await client.send(new DeleteItemCommand({ TableName, Key: key('a') }));
    await transact([putting('a')], 'token');
    expect(await get('a')).toEqual(key('a'));
  });
});

describe('the stream', () => {
  test('tells each change in order, and nothing of what changed nothing', async () => {
    const { client, put, records, transact } = await world();
    await put('a', { n: { N: '1' } });
    await put('a', { n: { N: '1' } });
    await expect(transact([putting('x'), putting('a')])).rejects.toThrow();
    await transact([putting('b'), putting('c')]);
    await put('a', { n: { N: '2' } });
    await client.send(new DeleteItemCommand({ TableName, Key: key('a') }));
    const told = records.map(({ eventName, dynamodb }) => [
      eventName,
      dynamodb.Keys.sk?.S,
      dynamodb.NewImage?.n,
    ]);
    expect(told).toEqual([
      ['INSERT', 'a', { N: '1' }],
      ['INSERT', 'b', undefined],
      ['INSERT', 'c', undefined],
      ['MODIFY', 'a', { N: '2' }],
      ['REMOVE', 'a', undefined],
    ]);
    const numbers = records.map(({ dynamodb }) => dynamodb.SequenceNumber);
    expect(numbers).toEqual(numbers.toSorted());
    expect(records.at(-1)?.dynamodb).not.toHaveProperty('NewImage');
  });
});

describe('a world with its journal on it', () => {
  test('opens the release that waited when the stream tells of the end', async () => {
    const clock = virtualClock();
    const manifests: string[] = [];
    const scenario = createScenario({
      clock,
      seed: 3,
      journal: 'dynamodb',
      // The second upload is not heard of, so that only the journal can ask for it.
      around(name, event, call) {
        if (name !== 'OpenRollout' || !Object.hasOwn(event as object, 'detail')) return call(event);
        manifests.push((event as Uploaded).detail.object['version-id']);
        return manifests.length === 2 ? Promise.resolve() : call(event);
      },
    });
    await clock.advance(20 * MINUTE);
    const first = await clock.run(scenario.release({ release: 'first', order: 1 }));
    await clock.advance(4 * MINUTE);
    const second = await clock.run(scenario.release({ release: 'second', order: 2 }));
    await clock.advance(MINUTE);
    const manifest = {
      bucket: scenario.bucket,
      key: `releases/${SERVICE}/second/manifest.json`,
      versionId: manifests[1] ?? '',
    };
    await clock.run(scenario.journal.wait(SERVICE, { release: 'second', attempt: 1, order: 2, manifest }));
    const [one, two] = await clock.run(Promise.all([scenario.ended(first), scenario.ended(second)]));
    expect([one.outcome, two.outcome]).toEqual(['completed', 'completed']);
    expect(two.openedAt).toBeGreaterThan(one.lastEventAt);
    expect(two.openedAt).toBeLessThan(one.lastEventAt + 5000);
    expect(scenario.alias()).toEqual({ primary: '3', weights: {} });
    expect(await clock.run(scenario.journal.service(SERVICE))).toMatchObject({
      completed: { release: 'second', order: 2, rolloutId: second },
      earlier: [{ release: 'first', order: 1, rolloutId: first }, { release: 'before-first' }],
      seq: 2,
    });
  });
});

interface Uploaded {
  detail: { object: { 'version-id': string } };
}
