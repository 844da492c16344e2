import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { expect, test } from 'vitest';
import { dynamodbBudget } from '../../adapters/dynamodb-budget.ts';
import { keys, TTL_ATTRIBUTE, tableDefinition } from '../../adapters/dynamodb-table.ts';
import { BURST_MS, CALLS_PER_SECOND, DEBT_MS } from '../../core/budget.ts';
import { virtualClock } from '../../local/clock.ts';
import { attach } from '../../local/sdk.ts';
import { SimulatedDynamoDB } from '../../local/services/dynamodb.ts';

/** A budget in a table, and what somebody else writes there just before one of its writes. */
function setUp() {
  const clock = virtualClock();
  const dynamodb = new SimulatedDynamoDB({ clock });
  const client = new DynamoDBClient({ region: 'eu-west-1', cacheMiddleware: true });
  const others = new Map<number, () => void>();
  let writes = 0;
  attach(client, dynamodb.operations, {
    clock,
    intercept: (command, _input, call) => {
      if (command === 'UpdateItemCommand') others.get(++writes)?.();
      return call();
    },
  });
  dynamodb.operations.CreateTableCommand(tableDefinition('journal').table);
  const own = new DynamoDBClient({ region: 'eu-west-1', cacheMiddleware: true });
  attach(own, dynamodb.operations, { clock });
  const Key = (of: { pk: string; sk: string }) => ({ pk: { S: of.pk }, sk: { S: of.sk } });
  const item = async (of: { pk: string; sk: string }) => {
    const { Item } = await own.send(new GetItemCommand({ TableName: 'journal', Key: Key(of) }));
    return Item === undefined ? undefined : unmarshall(Item);
  };
  const write = (of: { pk: string; sk: string }, spent: number) =>
    dynamodb.operations.UpdateItemCommand({
      TableName: 'journal',
      Key: Key(of),
      UpdateExpression: 'SET #spent = :spent',
      ExpressionAttributeNames: { '#spent': 'spent' },
      ExpressionAttributeValues: { ':spent': { N: String(spent) } },
    } as never);
  const budget = dynamodbBudget(client, { tableName: 'journal', clock });
  return {
    budget,
    clock,
    item,
    write,
    before: (nth: number, act: () => void) => others.set(writes + nth, act),
  };
}

const SHARE = keys.share('shop');
const COST_MS = 1000 / CALLS_PER_SECOND;

test('what one service has reserved is deleted a day after its last reservation, and what all have is kept', async () => {
  const { budget, clock, item } = setUp();
  await clock.run(budget.take(1, 'shop'));
  const expires = (await clock.run(item(SHARE)))?.[TTL_ATTRIBUTE];
  expect(expires).toBe(Math.ceil(clock.now() / 1000) + 24 * 3600);
  expect((await clock.run(item(keys.budget)))?.[TTL_ATTRIBUTE]).toBeUndefined();
});

test('what a service owes is never set back, also if it has asked again meanwhile', async () => {
  const { budget, clock, item, write, before } = setUp();
  const now = clock.now();
  write(keys.budget, now + 10_000);
  const later = now + 60_000;
  // The first write begins its share, the next two move the budget on, and the fourth sets what it owes.
  before(4, () => write(SHARE, later));
  await clock.run(budget.take(1, 'shop'));
  expect((await clock.run(item(SHARE)))?.spent).toBe(later);
});

test('a service whose debt is gone between two looks pays for its calls, and has its turn now', async () => {
  const { budget, clock, item, write, before } = setUp();
  const now = clock.now();
  write(SHARE, now + DEBT_MS / 2);
  before(2, () => write(SHARE, now - 1));
  const turn = await clock.run(budget.take(CALLS_PER_SECOND, 'shop'));
  expect(turn).toBe(now - BURST_MS);
  for (const of of [SHARE, keys.budget])
    expect((await clock.run(item(of)))?.spent).toBe(now + CALLS_PER_SECOND * COST_MS);
});
