import {
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  type TransactWriteItemsInput,
} from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import { describe, expect, test, vi } from 'vitest';
import { dynamodbJournal } from '../../adapters/dynamodb-journal.ts';
import { recordsFromStream } from '../../adapters/dynamodb-stream.ts';
import { BY_RUNNING, BY_SERVICE, keys, tableDefinition } from '../../adapters/dynamodb-table.ts';
import type { Journal } from '../../core/ports.ts';
import type { RolloutEvent } from '../../core/rollout/event.ts';
import { fold, type Rollout } from '../../core/rollout/state.ts';
import { virtualClock } from '../../local/clock.ts';
import { attach, awsError, type Intercept } from '../../local/sdk.ts';
import { type ChangeRecord, SimulatedDynamoDB } from '../../local/services/dynamodb.ts';
import { createScenario, type ScenarioOptions } from '../../simulation/scenario.ts';
import { atOnce, refused } from '../contract/cases.ts';
import {
  AT,
  closedEvent,
  declinedEvent,
  longEvent,
  manifestOf,
  noted,
  openedEvent,
  targetOf,
} from '../contract/rollouts.ts';
import { actor } from '../core/rollout/given.ts';
import { stubbed } from './stub.ts';

// A journal in memory takes no time, and two histories can only be equal where both journals take the same.
vi.mock('../../local/latency.ts', async (original) => {
  const { LATENCY_MS } = await original<typeof import('../../local/latency.ts')>();
  return { LATENCY_MS: { ...LATENCY_MS, dynamodb: 0 } };
});

const ID = 'checkout--r1--1';
const tableName = 'journal';
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

function stage(options: { indexDelayMs?: number; clockIsOffMs?: number } = {}) {
  const clock = virtualClock();
  const records: ChangeRecord[] = [];
  const dynamodb = new SimulatedDynamoDB({
    clock,
    indexDelayMs: options.indexDelayMs,
    onRecord: (record) => records.push(record),
  });
  dynamodb.operations.CreateTableCommand(tableDefinition(tableName).table);
  const sent: { command: string; input: object }[] = [];
  const stage = { intercept: ((_command, _input, call) => call()) as Intercept };
  const config = { region: 'eu-west-1', cacheMiddleware: true };
  const client = new DynamoDBClient(config);
  attach(client, dynamodb.operations, {
    clock,
    intercept: (command, input, call) => {
      sent.push({ command, input });
      return stage.intercept(command, input, call);
    },
  });
  /** Goes past the intercept. */
  const direct = new DynamoDBClient(config);
  attach(direct, dynamodb.operations, { clock });
  return Object.assign(stage, {
    clock,
    records,
    sent,
    journal: dynamodbJournal(client, { tableName, clock }),
    other: dynamodbJournal(direct, {
      tableName,
      clock: { now: () => clock.now() - 5 * MINUTE, sleep: (ms) => clock.sleep(ms) },
    }),
    async item(key: { pk: string; sk: string }) {
      const read = new GetItemCommand({ TableName: tableName, Key: marshall(key), ConsistentRead: true });
      const { Item } = await direct.send(read);
      return Item && unmarshall(Item);
    },
    put: (item: object) => direct.send(new PutItemCommand({ TableName: tableName, Item: marshall(item) })),
    /** The sort keys under an index' value, or in a partition. */
    async under(attribute: string, value: string, IndexName?: string) {
      const query = new QueryCommand({
        TableName: tableName,
        IndexName,
        KeyConditionExpression: '#a = :v',
        ExpressionAttributeNames: { '#a': attribute },
        ExpressionAttributeValues: { ':v': { S: value } },
      });
      return ((await direct.send(query)).Items ?? []).map((item) => `${item.pk?.S} ${item.sk?.S}`);
    },
  });
}

async function opening(journal: Journal, changes: Parameters<typeof openedEvent>[0] = {}): Promise<Rollout> {
  const opened = await journal.open([openedEvent(changes)]);
  if (opened.result !== 'opened') throw new Error(`The rollout was not opened but ${opened.result}.`);
  return opened.rollout;
}

const waitingFor = (release: string, order: number) => ({
  release,
  attempt: 1,
  order,
  manifest: manifestOf(release),
});

/** What the SDK does when the first answer was lost: the same request again, token included. */
const answerLostOnce = (lost: string): Intercept => {
  let left = 1;
  return async (command, _input, call) => {
    const answer = await call();
    return command === lost && left-- > 0 ? call() : answer;
  };
};

/** What the caller sees when every answer was lost. */
const answersLost = (lost: string): Intercept => {
  let left = 1;
  return async (command, _input, call) => {
    const answer = await call();
    if (command === lost && left-- > 0) throw new Error('socket hang up');
    return answer;
  };
};

const cancelledFor = (...Codes: string[]) =>
  awsError('TransactionCanceledException', 'Transaction cancelled', 400, {
    CancellationReasons: Codes.map((Code) => ({ Code })),
  });

describe('a lost answer', () => {
  test('is no conflict when the SDK sends the append again', async () => {
    const world = stage();
    const rollout = await opening(world.journal);
    world.intercept = answerLostOnce('TransactWriteItemsCommand');
    expect(await world.journal.append(rollout, [noted('a')])).toMatchObject({ version: 2 });
    expect(await world.journal.events(ID)).toEqual([openedEvent(), noted('a')]);
  });

  test('is a conflict when the caller sends the append again, and the events stand once', async () => {
    const world = stage();
    const rollout = await opening(world.journal);
    world.intercept = answersLost('TransactWriteItemsCommand');
    await refused(world.journal.append(rollout, [noted('a')]), 'Unavailable', tableName);
    await refused(world.journal.append(rollout, [noted('a')]), 'JournalConflict', ID, 'version 2, not 1');
    expect(await world.journal.events(ID)).toEqual([openedEvent(), noted('a')]);
  });

  test('of an opening is answered as opened to the SDK and as existing to the caller', async () => {
    const world = stage();
    world.intercept = answerLostOnce('TransactWriteItemsCommand');
    expect(await world.journal.open([openedEvent()])).toMatchObject({ result: 'opened' });
    world.intercept = answersLost('TransactWriteItemsCommand');
    const second = [openedEvent({ release: 'r2', targets: [targetOf('worker')] })];
    await refused(world.journal.open(second), 'Unavailable');
    expect(await world.journal.open(second)).toMatchObject({ result: 'exists', rollout: { version: 1 } });
  });

  test('of a wait still says who gave way', async () => {
    const world = stage();
    await world.journal.wait('checkout', waitingFor('r2', 2));
    world.intercept = answerLostOnce('UpdateItemCommand');
    expect(await world.journal.wait('checkout', waitingFor('r3', 3))).toEqual({
      superseded: waitingFor('r2', 2),
    });
    world.intercept = answersLost('UpdateItemCommand');
    await refused(world.journal.wait('checkout', waitingFor('r4', 4)), 'Unavailable');
    expect(await world.journal.wait('checkout', waitingFor('r4', 4))).toEqual({
      superseded: waitingFor('r3', 3),
    });
  });

  test('does not lose the tokens that were taken', async () => {
    const world = stage();
    await opening(world.journal);
    for (const token of ['a', 'b']) await world.journal.putToken(ID, { version: 1, token });
    world.intercept = answerLostOnce('TransactWriteItemsCommand');
    expect(await world.journal.takeTokens(ID)).toHaveLength(2);
    expect(await world.journal.takeTokens(ID)).toEqual([]);
  });

  test('makes the real SDK repeat the very same request', async () => {
    const broken = { status: 500, body: '{"__type":"InternalServerError"}' };
    const { config, sent } = stubbed(broken, { body: '{}' });
    const client = new DynamoDBClient({ ...config, maxAttempts: 3 });
    const journal = dynamodbJournal(client, { tableName, clock: virtualClock() });
    expect(await journal.open([openedEvent()])).toMatchObject({ result: 'opened' });
    const [first, second, ...more] = sent.map(({ body }) => body as TransactWriteItemsInput);
    expect(first?.ClientRequestToken).toMatch(/^[0-9a-f-]{36}$/);
    expect(first?.TransactItems).toHaveLength(3);
    expect([second, more]).toEqual([first, []]);
  });
});

describe('a refusal over the wire', () => {
  const answered = (body: object) => {
    const wire = { status: 400, headers: { 'content-type': 'application/x-amz-json-1.0' } };
    const { config } = stubbed({ ...wire, body: JSON.stringify(body) });
    return dynamodbJournal(new DynamoDBClient(config), { tableName, clock: virtualClock() });
  };

  test('says who holds the lock', async () => {
    const refusal = { Code: 'ConditionalCheckFailed', Item: { rolloutId: { S: 'someone--else--1' } } };
    const journal = answered({
      __type: 'com.amazonaws.dynamodb.v20120810#TransactionCanceledException',
      CancellationReasons: [{ Code: 'None' }, { Code: 'None' }, refusal],
    });
    expect(await journal.open([openedEvent()])).toEqual({ result: 'locked', by: 'someone--else--1' });
  });

  test('says who gave way to a release that waits already', async () => {
    const journal = answered({
      __type: 'com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException',
      Item: { gaveWay: { S: JSON.stringify(waitingFor('r2', 2)) } },
    });
    expect(await journal.wait('checkout', waitingFor('r3', 3))).toEqual({ superseded: waitingFor('r2', 2) });
  });
});

describe('what is read', () => {
  test('is what was written last, however far the replicas lag', async () => {
    const { journal } = stage({ indexDelayMs: MINUTE });
    const rollout = await journal.append(await opening(journal), [noted('a')]);
    await journal.putToken(ID, { version: 2, token: 't' });
    await journal.wait('checkout', waitingFor('r2', 2));
    expect(await journal.read(ID)).toEqual(rollout);
    expect(await journal.append(rollout, [])).toEqual(rollout);
    expect(await journal.events(ID)).toHaveLength(2);
    expect(await journal.takeTokens(ID)).toEqual([{ version: 2, token: 't' }]);
    expect(await journal.service('checkout')).toEqual({ waiting: waitingFor('r2', 2) });
  });

  test('does not list a rollout as running that the index has not heard the end of', async () => {
    const { clock, journal } = stage({ indexDelayMs: MINUTE });
    const ending = await opening(journal);
    const going = await opening(journal, { release: 'r2', targets: [targetOf('worker')] });
    await clock.advance(MINUTE);
    const after = await journal.append(going, [noted('a')]);
    await journal.append(ending, [closedEvent()]);
    expect(await journal.running()).toEqual([after]);
  });

  test('comes from indexes that hold heads only, the running ones until they end', async () => {
    const { journal, under } = stage();
    const rollout = await opening(journal);
    await journal.open([declinedEvent('refused', 'r2')]);
    await journal.wait('checkout', waitingFor('r3', 3));
    expect(await under('running', 'yes', BY_RUNNING)).toEqual([`ROLLOUT#${ID} HEAD`]);
    await journal.append(rollout, [noted('a'), closedEvent()]);
    expect(await under('running', 'yes', BY_RUNNING)).toEqual([]);
    expect(await under('service', 'checkout', BY_SERVICE)).toEqual([
      `ROLLOUT#${ID} HEAD`,
      'ROLLOUT#checkout--r2--1 HEAD',
    ]);
  });

  test('is whole where batches are full or come back in parts', async () => {
    const world = stage();
    for (let n = 0; n < 130; n++)
      await opening(world.journal, { release: `r${n}`, targets: [targetOf(`t${n}`)] });
    world.intercept = async (command, input, call) => {
      const answer = await call();
      if (command !== 'BatchGetItemCommand') return answer;
      const { RequestItems } = input as { RequestItems: Record<string, { Keys: object[] }> };
      const { Responses } = answer as { Responses: Record<string, object[]> };
      const half = Math.ceil((RequestItems[tableName]?.Keys.length ?? 0) / 2);
      const left = RequestItems[tableName]?.Keys.slice(half) ?? [];
      return {
        Responses: { [tableName]: Responses[tableName]?.slice(0, half) },
        UnprocessedKeys: left.length === 0 ? {} : { [tableName]: { Keys: left, ConsistentRead: true } },
      };
    };
    const running = await world.journal.running();
    expect(new Set(running.map(({ opening }) => opening.release)).size).toBe(130);
    expect(running).toHaveLength(130);
  });

  test('is given up where a batch never comes back whole', async () => {
    const world = stage();
    await opening(world.journal);
    world.intercept = async (command, input, call) =>
      command === 'BatchGetItemCommand'
        ? { Responses: {}, UnprocessedKeys: (input as { RequestItems: object }).RequestItems }
        : call();
    await refused(world.journal.running(), 'Unavailable', 'in parts');
  });

  test('is a whole history, also over a megabyte', async () => {
    const { journal, sent } = stage();
    let rollout = await opening(journal);
    for (let n = 0; n < 7; n++) rollout = await journal.append(rollout, [longEvent(AT + n)]);
    sent.length = 0;
    expect(fold(await journal.events(ID))).toEqual(rollout);
    expect(sent.map(({ command }) => command)).toEqual(['QueryCommand', 'QueryCommand']);
  });
});

describe('two writers in one item', () => {
  const conflicts = (times: number): Intercept => {
    let left = times;
    return (command, _input, call) => {
      if (command === 'TransactWriteItemsCommand' && left-- > 0)
        throw cancelledFor('None', 'TransactionConflict');
      return call();
    };
  };

  test('are tried again at once, each try as a request of its own', async () => {
    const world = stage();
    const rollout = await opening(world.journal);
    world.sent.length = 0;
    world.intercept = conflicts(2);
    expect(await world.journal.append(rollout, [noted('a')])).toMatchObject({ version: 2 });
    const tokens = world.sent.map(({ input }) => (input as TransactWriteItemsInput).ClientRequestToken);
    expect(new Set(tokens).size).toBe(3);
  });

  test('are told to come back where they keep meeting', async () => {
    const world = stage();
    const rollout = await opening(world.journal);
    world.sent.length = 0;
    world.intercept = conflicts(Number.POSITIVE_INFINITY);
    await refused(world.journal.append(rollout, [noted('a')]), 'Unavailable', 'TransactionConflict');
    expect(world.sent).toHaveLength(3);
  });

  test('meet also outside of a transaction', async () => {
    const world = stage();
    let left = 1;
    world.intercept = (_command, _input, call) => {
      if (left-- > 0) throw awsError('TransactionConflictException', 'Transaction is ongoing for the item');
      return call();
    };
    expect(await world.journal.wait('checkout', waitingFor('r2', 2))).toEqual({});
  });

  test.each([
    ['a throttled transaction', cancelledFor('ThrottlingError', 'None')],
    ['a transaction over its throughput', cancelledFor('None', 'ProvisionedThroughputExceeded')],
    ['a table over its throughput', awsError('ProvisionedThroughputExceededException', 'slow down')],
    ['a request under way', awsError('TransactionInProgressException', 'wait')],
    ['a throttled account', awsError('RequestLimitExceeded', 'slow down')],
    ['a server fault', awsError('InternalServerError', 'oops', 500)],
  ])('are not made worse by repeating %s', async (_what, error) => {
    const world = stage();
    const rollout = await opening(world.journal);
    world.sent.length = 0;
    world.intercept = () => Promise.reject(error);
    await refused(world.journal.append(rollout, [noted('a')]), 'Unavailable');
    expect(world.sent).toHaveLength(1);
  });

  test('a table that is not there is an error for good', async () => {
    const world = stage();
    world.intercept = () =>
      Promise.reject(awsError('ResourceNotFoundException', 'Requested resource not found'));
    await expect(world.journal.read(ID)).rejects.toThrow('Requested resource not found');
  });

  test('are kept in order by the table, also from two controllers whose clocks are apart', async () => {
    const { journal, other } = stage();
    const journals = [journal, other];
    const answers = await atOnce(100, (n) =>
      (journals[n % 2] ?? journal).open([openedEvent({ release: `r${n}` })]),
    );
    const won = answers.flatMap((answer) => (answer.result === 'opened' ? [answer.rollout] : []));
    expect(won).toHaveLength(1);
    const id = won[0]?.opening.rolloutId ?? '';
    const insist = async (from: Journal, event: RolloutEvent): Promise<void> => {
      const rollout = (await from.read(id)) as Rollout;
      await from.append(rollout, [event]).catch((error) => {
        if (error.code !== 'JournalConflict') throw error;
        return insist(from, event);
      });
    };
    await atOnce(100, (n) => insist(journals[n % 2] ?? journal, noted(`alarm ${n}`)));
    const events = await other.events(id);
    expect(new Set(events.map((event) => (event.type === 'AlarmRaised' ? event.alarm : ''))).size).toBe(101);
    expect(await journal.read(id)).toEqual(fold(events));
  });
});

describe('the end of a rollout', () => {
  test('leaves a lock alone that has become another rollout’s', async () => {
    const { item, journal, put } = stage();
    const rollout = await opening(journal, { targets: [targetOf('api'), targetOf('worker')] });
    await put({ ...keys.lock(targetOf('api').key), rolloutId: 'someone--else--1' });
    expect(await journal.append(rollout, [closedEvent()])).toMatchObject({ outcome: 'completed' });
    expect(await item(keys.lock(targetOf('api').key))).toMatchObject({ rolloutId: 'someone--else--1' });
    expect(await item(keys.lock(targetOf('worker').key))).toBeUndefined();
    expect((await journal.service('checkout')).completed).toMatchObject({ release: 'r1' });
  });

  test('comes also where its lock is gone', async () => {
    const { journal } = stage();
    const first = await opening(journal);
    await journal.append(first, [closedEvent()]);
    const second = await opening(journal, { release: 'r2', order: 2 });
    expect(await journal.append(second, [closedEvent()])).toMatchObject({ outcome: 'completed' });
  });

  test('is one read of its service and one transaction with its events, its locks and its service', async () => {
    const { journal, sent } = stage();
    const rollout = await opening(journal);
    sent.length = 0;
    await journal.append(rollout, [noted('a'), closedEvent()]);
    expect(sent.map(({ command }) => command)).toEqual(['GetItemCommand', 'TransactWriteItemsCommand']);
    const input = sent[1]?.input as TransactWriteItemsInput | undefined;
    expect(input?.TransactItems?.flatMap((each) => Object.keys(each))).toEqual([
      'Put',
      'Put',
      'Put',
      'Delete',
      'Update',
    ]);
  });
});

describe('what a service remembers', () => {
  const taken: RolloutEvent[] = [
    { type: 'Aborted', at: AT + 1000, by: actor('ada'), reason: 'too slow' },
    closedEvent('reverted'),
  ];
  const names = async (journal: Journal) =>
    (await journal.service('checkout')).quarantined?.map(({ release }) => release).toSorted();

  test('is what completed last and what completed before it', async () => {
    const { journal } = stage();
    const first = await opening(journal, { order: 1 });
    await journal.append(first, [closedEvent()]);
    const second = await opening(journal, { release: 'r2', order: 2 });
    await journal.append(second, [closedEvent()]);
    expect(await journal.service('checkout')).toMatchObject({
      completed: { release: 'r2', order: 2, rolloutId: 'checkout--r2--1' },
      earlier: [
        { release: 'before-r2' },
        { release: 'r1', order: 1, rolloutId: ID },
        { release: 'before-r1' },
      ],
      seq: 2,
    });
  });

  test('keeps every release whose rollout was reverted at the same time as others', async () => {
    const { journal, other } = stage();
    const journals = [journal, other];
    const rollouts = await atOnce(40, (n) =>
      opening(journal, { release: `r${n}`, targets: [targetOf(`t${n}`)] }),
    );
    await atOnce(40, (n) => (journals[n % 2] ?? journal).append(rollouts[n] as Rollout, taken));
    expect(await names(journal)).toEqual(Array.from({ length: 40 }, (_, n) => `r${n}`).toSorted());
  });

  test('loses neither a lift nor an end of a hundred that race', async () => {
    const { journal, other } = stage();
    const journals = [journal, other];
    const bad = await atOnce(50, (n) => opening(journal, { release: `r${n}`, targets: [targetOf(`t${n}`)] }));
    const ends = bad.slice(25);
    for (const rollout of bad.slice(0, 25)) await journal.append(rollout, taken);
    const insist = async (from: Journal, release: string): Promise<void> =>
      from.lift('checkout', release).catch((error) => {
        if (error.code !== 'Unavailable') throw error;
        return insist(from, release);
      });
    await atOnce(100, (n) => {
      const from = journals[n % 2] ?? journal;
      const ending = n < 25 ? ends[n] : undefined;
      if (ending !== undefined) return from.append(ending, taken).then(() => {});
      return insist(from, `r${n % 25}`);
    });
    expect(await names(journal)).toEqual(ends.map(({ opening }) => opening.release).toSorted());
  });

  test('keeps the release that waits while it is written', async () => {
    const { journal } = stage();
    const rollout = await opening(journal);
    await Promise.all([journal.wait('checkout', waitingFor('r2', 2)), journal.append(rollout, taken)]);
    await journal.lift('checkout', 'r1');
    expect(await journal.service('checkout')).toMatchObject({
      quarantined: [],
      waiting: waitingFor('r2', 2),
    });
  });

  test('is read again where somebody wrote it between the read and the transaction', async () => {
    const world = stage();
    const [one, two] = [
      await opening(world.journal),
      await opening(world.journal, { release: 'r2', targets: [targetOf('worker')] }),
    ];
    let left = 1;
    world.intercept = async (command, _input, call) => {
      if (command === 'TransactWriteItemsCommand' && left-- > 0) await world.other.append(two, taken);
      return call();
    };
    expect(await world.journal.append(one, taken)).toMatchObject({ outcome: 'reverted' });
    expect(await names(world.journal)).toEqual(['r1', 'r2']);
  });

  test('is not lifted for good where others are faster each time, and says so', async () => {
    const world = stage();
    await world.journal.append(await opening(world.journal), taken);
    world.intercept = async (command, _input, call) => {
      if (command === 'UpdateItemCommand') await world.other.lift('checkout', 'r9');
      return call();
    };
    await refused(world.journal.lift('checkout', 'r1'), 'Unavailable', 'checkout');
    expect(await names(world.journal)).toEqual(['r1']);
  });
});

describe('opening', () => {
  test('takes a lock that was its own already', async () => {
    const { item, journal, put } = stage();
    await put({ ...keys.lock(targetOf('api').key), rolloutId: ID });
    expect(await journal.open([openedEvent()])).toMatchObject({ result: 'opened' });
    expect(await item(keys.lock(targetOf('api').key))).toMatchObject({ rolloutId: ID });
  });

  test('locks a target once that two names stand for', async () => {
    const { journal } = stage();
    const targets = [targetOf('api'), { ...targetOf('api'), name: 'again' }];
    const rollout = await opening(journal, { targets });
    expect(await journal.append(rollout, [closedEvent()])).toMatchObject({ outcome: 'completed' });
  });

  test('takes no lock for a rollout that ends as it opens', async () => {
    const { item, journal } = stage();
    await journal.open([openedEvent(), closedEvent('reverted')]);
    expect(await item(keys.lock(targetOf('api').key))).toBeUndefined();
    expect(await journal.running()).toEqual([]);
  });

  test('refuses an id whose old events were not deleted yet', async () => {
    const { journal, put } = stage();
    await put(keys.event(ID, 1));
    await refused(journal.open([openedEvent()]), 'OpeningRefused', ID, 'new release id');
  });

  test('of an unknown rollout cannot be made up for by an append', async () => {
    const { journal } = stage();
    const rollout = fold([openedEvent()]) as Rollout;
    await refused(journal.append(rollout, [noted('a')]), 'RolloutUnknown', ID);
    await refused(journal.append(rollout, []), 'RolloutUnknown', ID);
    expect(await journal.events(ID)).toEqual([]);
  });
});

describe('size', () => {
  test('refuses a release at its opening that would fill the head', async () => {
    const { journal } = stage();
    const notices = ['x'.repeat(300_000)];
    await refused(journal.open([openedEvent({ notices })]), 'OpeningRefused', ID, 'smoke checks');
    expect(await journal.read(ID)).toBeUndefined();
  });

  test('takes an event whose text is far over 400 KB, shortened, so that a rollout always can end', async () => {
    const { journal } = stage();
    const rollout = await opening(journal);
    const reason = 'x'.repeat(410_000);
    const ended = await journal.append(rollout, [
      noted('a'),
      { ...closedEvent('reverted'), reason } as RolloutEvent,
    ]);
    expect(ended.outcome).toBe('reverted');
    expect(ended.reason).toMatch(/^x{1000,2000} … \(cut\)$/);
    expect(fold(await journal.events(ID))).toEqual(ended);
  });

  test('is an error if the transaction finds an item too large all the same', async () => {
    const world = stage();
    const rollout = await opening(world.journal);
    world.intercept = () => Promise.reject(cancelledFor('None', 'ValidationError'));
    await refused(world.journal.append(rollout, [noted('a')]), 'JournalFull');
  });

  test('of the head stays far below 400 KB with 20 targets, 100 steps and 2,000 ticks', async () => {
    const { item, journal } = stage();
    const targets = Array.from({ length: 20 }, (_, n) => targetOf(`checkout-production-function-${n}`));
    const rollout = await opening(journal, largest(targets));
    const events: RolloutEvent[] = [];
    for (let step = 1, seq = 0; step <= 100; step++)
      for (const { name } of targets) {
        const token = { rolloutId: ID, epoch: 1, seq: ++seq, open: true };
        // Each move in a minute of its own, which is the most that the head has to remember.
        const at = AT + seq * MINUTE;
        events.push({ type: 'ShiftIntended', at, target: name, weight: step, token, expiresAt: at });
        events.push({ type: 'Shifted', at, target: name, weight: step, token });
        events.push(measured(targets, at));
      }
    let after = rollout;
    for (let at = 0; at < events.length; at += 90)
      after = await journal.append(after, events.slice(at, at + 90));
    expect(after.ticks).toBe(2000);
    expect(after.moves).toHaveLength(2000);
    const bytes = Buffer.byteLength(String((await item(keys.head(ID)))?.body));
    expect(bytes).toBeGreaterThan(50_000);
    expect(bytes).toBeLessThan(100_000);
  });
});

/** The most that a rollout file can ask for. */
function largest(targets: ReturnType<typeof targetOf>[]): Parameters<typeof openedEvent>[0] {
  return {
    targets,
    plan: {
      steps: Array.from({ length: 100 }, (_, n) => ({
        weight: n + 1,
        bakeSeconds: 180,
        maxBakeSeconds: 3600,
      })),
      verifySeconds: 3600,
      onInconclusive: 'pause',
    },
    alarms: Array.from({ length: 20 }, (_, n) => ({ name: `checkout-production-alarm-${n}`, red: false })),
  };
}

function measured(targets: ReturnType<typeof targetOf>[], at: number): RolloutEvent {
  const findings = targets.flatMap(({ name }) =>
    (['errors', 'http5xx', 'p95', 'throttles'] as const).map((metric) => ({
      target: name,
      metric: metric as 'errors',
      status: 'pass' as const,
      canary: { bad: 12, total: 123_456 },
      stable: { bad: 345, total: 4_567_890 },
      windows: 12,
      evidence: -1.25e-150,
      reason: `${metric}: canary 12 of 123,456 failed, stable 345 of 4,567,890; nothing is worse than it was before`,
    })),
  );
  const verdict = { status: 'pass' as const, reason: 'nothing is worse', findings, from: AT, to: at };
  return { type: 'Measured', at, verdict, alarms: [] };
}

describe('items', () => {
  test('of a head say at a glance where the rollout stands', async () => {
    const { item, journal } = stage();
    const rollout = await opening(journal);
    const { body, ...head } = (await item(keys.head(ID))) ?? {};
    expect(JSON.parse(body)).toEqual(rollout);
    expect(head).toEqual({
      ...{
        pk: `ROLLOUT#${ID}`,
        sk: 'HEAD',
        rolloutId: ID,
        service: 'checkout',
        schema: 1,
        version: 1,
        epoch: 1,
      },
      ...{
        openedAt: AT,
        dueAt: AT,
        executionName: `${ID}-1`,
        running: 'yes',
        wrote: new Set(['RolloutOpened']),
      },
    });
    await journal.append(rollout, [noted('a'), closedEvent('reverted')]);
    const ended = await item(keys.head(ID));
    expect(ended).toMatchObject({ outcome: 'reverted', wrote: new Set(['AlarmRaised', 'RolloutClosed']) });
    expect(ended).not.toHaveProperty('running');
    expect(ended).not.toHaveProperty('dueAt');
  });

  test('expire 400 days after the rollout can have ended, the head last and never while it runs', async () => {
    const { clock, item, journal, under } = stage();
    const rollout = await opening(journal);
    expect(await item(keys.head(ID))).not.toHaveProperty('expiresAt');
    await journal.append(rollout, [closedEvent()]);
    const deadline = AT + DAY;
    const event = await item(keys.event(ID, 2));
    expect(event?.expiresAt).toBe((deadline + 400 * DAY) / 1000);
    expect((await item(keys.head(ID)))?.expiresAt).toBe((deadline + 430 * DAY) / 1000);
    expect(await item(keys.lock(targetOf('api').key))).toBeUndefined();
    await journal.putToken(ID, { version: 2, token: 't' });
    const [token] = (await under('pk', `ROLLOUT#${ID}`)).filter((key) => key.includes('TOKEN#'));
    const [pk = '', sk = ''] = token?.split(' ') ?? [];
    expect((await item({ pk, sk }))?.expiresAt).toBe((clock.now() + DAY) / 1000);
  });

  test('of what was used once stay a day longer than it could come again', async () => {
    const { item, journal } = stage();
    const once = { id: 'link:j', fingerprint: 'abort', expiresAt: AT + 5_500 };
    await journal.append(await opening(journal), [noted('a')], once);
    expect(await item({ pk: 'ONCE#link:j', sk: 'USED' })).toEqual({
      ...keys.once('link:j'),
      ...{ fingerprint: 'abort', rolloutId: ID, expiresAt: Math.ceil((AT + 5_500 + DAY) / 1000) },
    });
  });

  test('of tokens do not pile up while nobody takes them, and one put twice is one', async () => {
    const { journal, under } = stage();
    await opening(journal);
    for (let version = 1; version <= 12; version++) {
      await journal.putToken(ID, { version, token: `t${version}` });
      await journal.putToken(ID, { version, token: `t${version}` });
    }
    const tokens = (await under('pk', `ROLLOUT#${ID}`)).filter((key) => key.includes('TOKEN#'));
    expect(tokens).toEqual([expect.stringContaining('TOKEN#0000000012#')]);
    expect(await journal.takeTokens(ID)).toEqual([{ version: 12, token: 't12' }]);
  });

  test('of older tokens that cannot be deleted now do not fail a hold, and wake nobody', async () => {
    const world = stage();
    await opening(world.journal);
    await world.journal.putToken(ID, { version: 1, token: 'old' });
    world.intercept = async (command, _input, call) => {
      if (command === 'DeleteItemCommand') throw awsError('InternalServerError', 'oops', 500);
      return call();
    };
    await world.journal.putToken(ID, { version: 2, token: 'new' });
    expect(await world.journal.takeTokens(ID)).toEqual([{ version: 2, token: 'new' }]);
    expect(await world.journal.takeTokens(ID)).toEqual([]);
  });
});

describe('the stream', () => {
  test('tells of appends that end a rollout or wake it, once each, and of nothing else', async () => {
    const { journal, records } = stage();
    const told = () => recordsFromStream({ Records: records.splice(0) }).records;
    const rollout = await opening(journal);
    await journal.putToken(ID, { version: 1, token: 't' });
    await journal.wait('checkout', waitingFor('r2', 2));
    await journal.open([declinedEvent('refused', 'r3')]);
    expect(told()).toEqual([]);
    const woken = await journal.append(rollout, [
      { type: 'HookAnswered', at: AT, hook: 'beforeTraffic.1', status: 'pass', reason: '200' },
      { type: 'Aborted', at: AT, by: actor('ada'), reason: 'too slow' },
    ]);
    expect(told()).toEqual([{ rolloutId: ID, service: 'checkout', ended: false, wakes: true }]);
    await journal.takeTokens(ID);
    await journal.append(woken, [closedEvent('reverted')]);
    expect(told()).toEqual([{ rolloutId: ID, service: 'checkout', ended: true, wakes: false }]);
  });

  test('does not take the deletion of an expired head for an append', () => {
    expect(recordsFromStream({ Records: [{ dynamodb: {} }, {}] })).toEqual({ records: [] });
  });
});

describe('whole rollouts', () => {
  const played = async (journal: 'memory' | 'dynamodb', options: Partial<ScenarioOptions>) => {
    const clock = virtualClock();
    const streamed: unknown[] = [];
    const scenario = createScenario({
      clock,
      seed: 11,
      journal,
      around(name, event, call) {
        if (name === 'JournalStream') streamed.push({ at: clock.now(), event });
        return call(event);
      },
      ...options,
    });
    const rollout = await clock.run(scenario.run());
    await clock.advance(5 * MINUTE);
    const { rolloutId, service } = rollout.opening;
    const kept = Promise.all([
      scenario.journal.events(rolloutId),
      scenario.journal.service(service),
      scenario.journal.read(rolloutId),
    ]);
    const [events, record, head] = await clock.run(kept);
    return { outcome: rollout.outcome, events, record, head, streamed, alias: scenario.alias() };
  };

  test.each<[outcome: string, options: Partial<ScenarioOptions>]>([
    ['completed', {}],
    ['reverted', { canaries: { '2': { errors: 0.2 } } }],
  ])('have the same history in DynamoDB as in memory: %s', async (outcome, options) => {
    const dynamodb = await played('dynamodb', options);
    expect(dynamodb.outcome).toBe(outcome);
    expect(dynamodb.events.length).toBeGreaterThan(5);
    expect(dynamodb.streamed.length).toBeGreaterThan(0);
    expect(dynamodb.head).toEqual(fold(dynamodb.events));
    expect(dynamodb).toEqual(await played('memory', options));
  });
});
