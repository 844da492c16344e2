import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { BURST_MS, CALLS_PER_SECOND } from '../core/budget.ts';
import type { Budget, Clock } from '../core/ports.ts';
import type { Instant } from '../core/units.ts';
import { unavailable } from './dynamodb-calls.ts';
import { type Change, dynamodbStore, type Store } from './dynamodb-store.ts';
import { keys } from './dynamodb-table.ts';

/** Times that somebody else may write between two looks at the one item. */
const TRIES_MAX = 5;

/**
 * A budget in one item of the journal's table: the moment up to which all calls are given away. To take is to move it on
 * by what the calls cost, in one conditional write, so that no second is given twice and who asks first goes first.
 */
export function dynamodbBudget(
  client: DynamoDBClient,
  {
    tableName,
    clock,
    perSecond = CALLS_PER_SECOND,
  }: { tableName: string; clock: Clock; perSecond?: number | undefined },
): Budget {
  const store = dynamodbStore(client, tableName);
  const cost = (calls: number) => Math.ceil((calls * 1000) / perSecond);
  return {
    async take(calls) {
      for (let tries = 0; tries < TRIES_MAX; tries++) {
        const now = clock.now();
        const from = (await idle(store, now, cost(calls))) ?? (await after(store, now, cost(calls)));
        if (from !== undefined) return from - BURST_MS;
      }
      throw unavailable(tableName, 'others took from the budget');
    },
  };
}

/** Moves on what is given away already; undefined where that is over. */
async function after(store: Store, now: Instant, cost: number): Promise<Instant | undefined> {
  const written = await store.update({
    update: keys.budget,
    change: 'SET #spent = #spent + :cost',
    when: '#spent >= :now',
    values: { ':now': now, ':cost': cost },
  } satisfies Change);
  return 'before' in written ? Number(written.before?.spent) : undefined;
}

/** Begins anew where nothing is given away any more; undefined where something is. */
async function idle(store: Store, now: Instant, cost: number): Promise<Instant | undefined> {
  const written = await store.update({
    update: keys.budget,
    change: 'SET #spent = :after',
    when: 'attribute_not_exists(#spent) OR #spent < :now',
    values: { ':now': now, ':after': now + cost },
  } satisfies Change);
  return 'before' in written ? now : undefined;
}
