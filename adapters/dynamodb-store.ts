import { randomUUID } from 'node:crypto';
import {
  type AttributeValue,
  BatchGetItemCommand,
  type BatchGetItemCommandOutput,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  type QueryCommandInput,
  type TransactWriteItem,
  TransactWriteItemsCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import { nameOf } from './_aws.ts';
import { refusals, send, tableUnavailable } from './dynamodb-calls.ts';
import type { Item } from './dynamodb-items.ts';
import type { Key } from './dynamodb-table.ts';

/** What must hold for a write. In expressions every attribute stands as `#name`, so that no reserved word is in the way. */
interface Condition {
  when: string;
  values?: Item;
}

/** A change of some attributes of an item, by an update expression. */
export interface Change extends Condition {
  update: Key;
  change: string;
}

/** One action on one item; `check` writes nothing. */
export type Write =
  | (Condition & { put: Item })
  | (Condition & { delete: Key })
  | (Condition & { check: Key })
  | Change;

/** An index, with the attributes that it is found and ordered by. */
interface Index {
  index: string;
  attribute: string;
  range: string;
}

/** A write whose condition did not hold, and the item that stood there. */
export interface Refused {
  write: Write;
  found: Item | undefined;
}

/** One table, read consistently. Every method rejects with RolloutError `Unavailable` if it cannot be reached. */
export interface Store {
  get(key: Key): Promise<Item | undefined>;
  /** Those of the keys that exist, in the order of the keys. */
  getAll(keys: Key[]): Promise<Item[]>;
  /** The items of a partition whose sort key begins so, in its order. */
  list(pk: string, prefix: string): Promise<Item[]>;
  /** The next of such items after a key, which need not exist: what one Query answers, at most `limit` and at most 1 MB (DynamoDB API reference, Query). */
  page(after: Key, prefix: string, limit?: number): Promise<{ items: Item[]; isMore: boolean }>;
  /** The keys an index had lately under a value: it may lag behind, so what it names has to be read again. */
  lately(index: string, attribute: string, value: string): Promise<Key[]>;
  /** Of such keys the last ones by the index' order, at most `limit`, the last one first; those before the item `after`, if it is given. */
  newest(index: Index, value: string, page: { limit: number; after?: Item | undefined }): Promise<Key[]>;
  put(item: Item): Promise<void>;
  delete(key: Key): Promise<void>;
  /** Updates one item and answers what it was before, or what stood there if the condition did not hold. */
  update(write: Change): Promise<{ before: Item | undefined } | { refused: Item | undefined }>;
  /** Writes all or nothing; answers the writes whose conditions did not hold, none if all is written. @throws RolloutError JournalFull */
  transact(writes: Write[]): Promise<Refused[]>;
}

/** Keys that one BatchGetItem takes (DynamoDB service quotas). */
const BATCH_MAX = 100;

/** Rounds of a batch that may come back unfinished, each over 16 MB or a throttle. */
const ROUNDS_MAX = 10;

/** A table behind a client. */
export function dynamodbStore(client: DynamoDBClient, TableName: string): Store {
  const ask = (input: Omit<QueryCommandInput, 'TableName'>) =>
    send(TableName, () => client.send(new QueryCommand({ TableName, ...input })));

  const query = async (input: Omit<QueryCommandInput, 'TableName'>): Promise<Item[]> => {
    const items: Item[] = [];
    let ExclusiveStartKey: Record<string, AttributeValue> | undefined;
    do {
      const page = await ask({ ...input, ExclusiveStartKey });
      items.push(...(page.Items ?? []).map((item) => unmarshall(item)));
      ExclusiveStartKey = page.LastEvaluatedKey;
    } while (ExclusiveStartKey !== undefined);
    return items;
  };

  const batch = async (wanted: Key[]): Promise<Item[]> => {
    const items: Item[] = [];
    let Keys: Record<string, AttributeValue>[] | undefined = wanted.map(marshalled);
    for (let rounds = 0; Keys !== undefined && Keys.length > 0; rounds++) {
      if (rounds === ROUNDS_MAX) throw tableUnavailable(TableName, 'it answers in parts only');
      const RequestItems = { [TableName]: { Keys, ConsistentRead: true } };
      const page: BatchGetItemCommandOutput = await send(TableName, () =>
        client.send(new BatchGetItemCommand({ RequestItems })),
      );
      items.push(...(page.Responses?.[TableName] ?? []).map((item) => unmarshall(item)));
      Keys = page.UnprocessedKeys?.[TableName]?.Keys;
    }
    return items;
  };

  return {
    async get(key) {
      const { Item } = await send(TableName, () =>
        client.send(new GetItemCommand({ TableName, Key: marshalled(key), ConsistentRead: true })),
      );
      return Item && unmarshall(Item);
    },
    async getAll(keys) {
      const items: Item[] = [];
      for (let at = 0; at < keys.length; at += BATCH_MAX)
        items.push(...(await batch(keys.slice(at, at + BATCH_MAX))));
      const found = new Map(items.map((item) => [`${item.pk} ${item.sk}`, item]));
      return keys.map(({ pk, sk }) => found.get(`${pk} ${sk}`)).filter((item) => item !== undefined);
    },
    list: (pk, prefix) => query(beginning(pk, prefix)),
    async page(after, prefix, Limit) {
      const { Items = [], LastEvaluatedKey } = await ask({
        ...beginning(after.pk, prefix),
        ExclusiveStartKey: marshalled(after),
        ...(Limit === undefined ? {} : { Limit }),
      });
      return { items: Items.map((item) => unmarshall(item)), isMore: LastEvaluatedKey !== undefined };
    },
    async lately(IndexName, attribute, value) {
      const found = await query({ ...under(attribute, value), IndexName });
      return found.map(keyOf);
    },
    async newest({ index, attribute, range }, value, { limit, after }) {
      const { Items = [] } = await ask({
        ...under(attribute, value),
        ...{ IndexName: index, ScanIndexForward: false, Limit: limit },
        // Where to go on in an index is said by its key and the table's together.
        ...(after && {
          ExclusiveStartKey: marshalled({
            ...keyOf(after),
            [attribute]: after[attribute],
            [range]: after[range],
          }),
        }),
      });
      return Items.map((item) => keyOf(unmarshall(item)));
    },
    async put(item) {
      await send(TableName, () => client.send(new PutItemCommand({ TableName, Item: marshalled(item) })));
    },
    async delete(key) {
      await send(TableName, () => client.send(new DeleteItemCommand({ TableName, Key: marshalled(key) })));
    },
    async update(write) {
      const input = { ...asUpdate(write, TableName), ReturnValues: 'ALL_OLD' as const };
      try {
        const { Attributes } = await send(TableName, () => client.send(new UpdateItemCommand(input)));
        return { before: Attributes && unmarshall(Attributes) };
      } catch (error) {
        if (nameOf(error) !== 'ConditionalCheckFailedException') throw error;
        const { Item } = error as { Item?: Record<string, AttributeValue> };
        return { refused: Item && unmarshall(Item) };
      }
    },
    async transact(writes) {
      const TransactItems = writes.map((write) => asTransactItem(write, TableName));
      try {
        // One token per try: the SDK repeats a try whose answer was lost, and that must not look like somebody else's.
        await send(TableName, () =>
          client.send(new TransactWriteItemsCommand({ TransactItems, ClientRequestToken: randomUUID() })),
        );
        return [];
      } catch (error) {
        const refused = refusals(error).flatMap(({ Code, Item }, index) => {
          const write = writes[index];
          if (Code !== 'ConditionalCheckFailed' || write === undefined) return [];
          return [{ write, found: Item && unmarshall(Item) }];
        });
        if (refused.length === 0) throw error;
        return refused;
      }
    },
  };
}

const marshalled = (item: Item | Key): Record<string, AttributeValue> =>
  marshall(item, { removeUndefinedValues: true });

/** A consistent query for the items of a partition whose sort key begins so. */
const beginning = (pk: string, prefix: string) => ({
  ...expressed(
    { KeyConditionExpression: '#pk = :pk AND begins_with(#sk, :prefix)' },
    { ':pk': pk, ':prefix': prefix },
  ),
  ConsistentRead: true,
});

/** A query for what an index has under a value. */
const under = (attribute: string, value: string) =>
  expressed({ KeyConditionExpression: `#${attribute} = :value` }, { ':value': value });

/** Where an item stands. */
export const keyOf = ({ pk, sk }: Item): Key => ({ pk: String(pk), sk: String(sk) });

/** Expressions with the names and values that stand in them. */
function expressed<Expressions extends Record<string, string | undefined>>(
  expressions: Expressions,
  values: Item | undefined,
) {
  const names = Object.values(expressions).join(' ').match(/#\w+/g) ?? [];
  return {
    ...expressions,
    ExpressionAttributeNames: Object.fromEntries(names.map((name) => [name, name.slice(1)])),
    ExpressionAttributeValues: values && marshalled(values),
  };
}

function asTransactItem(write: Write, TableName: string): TransactWriteItem {
  if ('update' in write) return { Update: asUpdate(write, TableName) };
  const shared = {
    TableName,
    ...expressed({ ConditionExpression: write.when }, write.values),
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD' as const,
  };
  if ('check' in write) return { ConditionCheck: { ...shared, Key: marshalled(write.check) } };
  if ('put' in write) return { Put: { ...shared, Item: marshalled(write.put) } };
  return { Delete: { ...shared, Key: marshalled(write.delete) } };
}

function asUpdate({ update, change, when, values }: Change, TableName: string) {
  return {
    TableName,
    Key: marshalled(update),
    ...expressed({ ConditionExpression: when, UpdateExpression: change }, values),
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD' as const,
  };
}
