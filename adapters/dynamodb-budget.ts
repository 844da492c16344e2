import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { BURST_MS, CALLS_PER_SECOND, DEBT_MS } from '../core/budget.ts';
import type { Budget, Clock } from '../core/ports.ts';
import type { Instant } from '../core/units.ts';
import { tableUnavailable } from './dynamodb-calls.ts';
import { type Change, dynamodbStore, type Store } from './dynamodb-store.ts';
import { type Key, keys, TTL_ATTRIBUTE } from './dynamodb-table.ts';

/** Times that somebody else may write between two looks at the one item. */
const TRIES_MAX = 5;

/** How long the item of a service is kept after its last reservation, in seconds. */
const KEPT_SECONDS = 24 * 3600;

/**
 * A budget in the journal's table: one item holds the moment up to which all calls are given away, and one per service the
 * moment up to which that service has reserved some. To take is to move both on by what the calls cost, in conditional
 * writes, so that no second is given twice, who asks first goes first, and no service reserves beyond its debt.
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
  const moved = async (attempt: (now: Instant) => Promise<Instant | undefined>): Promise<Instant> => {
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const from = await attempt(clock.now());
      if (from !== undefined) return from;
    }
    throw tableUnavailable(tableName, 'others took from the budget');
  };
  return {
    async take(calls, service) {
      const cost = Math.ceil((calls * 1000) / perSecond);
      const share = keys.share(service);
      let last: Instant | undefined;
      const own = await moved(async (now) => {
        const begun = await idle(store, share, now, cost, expiry(now));
        if (begun !== undefined) return begun;
        const more = await after(store, share, now, cost, now + DEBT_MS);
        if ('refused' in more && more.refused > now) last = more.refused;
        return 'from' in more ? more.from : last;
      });
      if (last !== undefined) return last - BURST_MS;
      const from = await moved(async (now) => {
        const begun = await idle(store, keys.budget, now, cost);
        if (begun !== undefined) return begun;
        const more = await after(store, keys.budget, now, cost, Number.MAX_SAFE_INTEGER);
        return 'from' in more ? more.from : undefined;
      });
      // What waits behind other services is owed until then, so that this one reserves nothing more meanwhile.
      if (from > own) await push(store, share, from + cost);
      return from - BURST_MS;
    },
  };
}

const expiry = (now: Instant) => ({
  change: `, #${TTL_ATTRIBUTE} = :expires`,
  values: { ':expires': Math.ceil(now / 1000) + KEPT_SECONDS },
});

/** Moves on what is given away already, if that is between now and `most`; answers the moment it was moved on from, or what stood there. */
async function after(
  store: Store,
  update: Key,
  now: Instant,
  cost: number,
  most: Instant,
): Promise<{ from: Instant } | { refused: Instant }> {
  const written = await store.update({
    update,
    change: 'SET #spent = #spent + :cost',
    when: '#spent >= :now AND #spent <= :most',
    values: { ':now': now, ':cost': cost, ':most': most },
  } satisfies Change);
  return 'before' in written
    ? { from: Number(written.before?.spent) }
    : { refused: Number(written.refused?.spent ?? 0) };
}

/** Begins anew if nothing is given away any more; undefined if something is. */
async function idle(
  store: Store,
  update: Key,
  now: Instant,
  cost: number,
  more: { change: string; values: Record<string, unknown> } = { change: '', values: {} },
): Promise<Instant | undefined> {
  const written = await store.update({
    update,
    change: `SET #spent = :after${more.change}`,
    when: 'attribute_not_exists(#spent) OR #spent < :now',
    values: { ':now': now, ':after': now + cost, ...more.values },
  } satisfies Change);
  return 'before' in written ? now : undefined;
}

/** Sets what a service owes to the end of its reservation; another request of the same service may have set more. */
async function push(store: Store, update: Key, until: Instant): Promise<void> {
  await store.update({
    update,
    change: 'SET #spent = :until',
    when: '#spent < :until',
    values: { ':until': until },
  } satisfies Change);
}
