import type { CreateTableCommandInput, UpdateTimeToLiveCommandInput } from '@aws-sdk/client-dynamodb';

/** Where an item stands in the journal's table. */
export interface Key {
  pk: string;
  sk: string;
}

/** Rollouts of one service by the time they were opened. */
export const BY_SERVICE = 'byService';

/** Rollouts that have not ended: only their heads carry the attribute `running`, so nothing else is in this index. */
export const BY_RUNNING = 'byRunning';

/** What DynamoDB deletes an item by, in epoch seconds, once it has passed. */
export const TTL_ATTRIBUTE = 'expiresAt';

/** How the keys of events and tokens begin. */
export const PREFIX = { event: 'EVENT#', token: 'TOKEN#' } as const;

/** DynamoDB sorts keys as text; ten digits are more events than a rollout can have. */
const digits = (n: number) => String(n).padStart(10, '0');

const partition = (rolloutId: string) => `ROLLOUT#${rolloutId}`;

/** The keys of everything that the journal keeps. */
export const keys = {
  partition,
  head: (rolloutId: string): Key => ({ pk: partition(rolloutId), sk: 'HEAD' }),
  event: (rolloutId: string, version: number): Key => ({
    pk: partition(rolloutId),
    sk: `${PREFIX.event}${digits(version)}`,
  }),
  token: (rolloutId: string, version: number, attempt: string): Key => ({
    pk: partition(rolloutId),
    sk: `${PREFIX.token}${digits(version)}#${attempt}`,
  }),
  lock: (targetKey: string): Key => ({ pk: `TARGET#${targetKey}`, sk: 'LOCK' }),
  service: (name: string): Key => ({ pk: `SERVICE#${name}`, sk: 'RECORD' }),
  once: (id: string): Key => ({ pk: `ONCE#${id}`, sk: 'USED' }),
  /** What was reported about something. A partition of its own, so that who reports has no right to write a rollout's. */
  note: (about: string, name: string): Key => ({ pk: `NOTE#${about}`, sk: name }),
  /** One for the whole table: its environment has one region. */
  budget: { pk: 'BUDGET#lambda', sk: 'SPENT' } satisfies Key,
  /** What one service has reserved of the budget; a partition of its own, so that nobody writes where another service does. */
  share: (service: string): Key => ({ pk: `BUDGET#lambda#${service}`, sk: 'SPENT' }),
};

const index = (IndexName: string, hash: string) => ({
  IndexName,
  KeySchema: [
    { AttributeName: hash, KeyType: 'HASH' as const },
    { AttributeName: 'openedAt', KeyType: 'RANGE' as const },
  ],
  // The keys never change while a rollout runs, so an append does not pay for writing the index.
  Projection: { ProjectionType: 'KEYS_ONLY' as const },
});

/** The journal's table, for what creates it: infrastructure, the embedded world and tests over the wire. */
export function tableDefinition(TableName: string): {
  table: CreateTableCommandInput;
  timeToLive: UpdateTimeToLiveCommandInput;
} {
  return {
    table: {
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [
        { AttributeName: 'pk', AttributeType: 'S' },
        { AttributeName: 'sk', AttributeType: 'S' },
        { AttributeName: 'service', AttributeType: 'S' },
        { AttributeName: 'running', AttributeType: 'S' },
        { AttributeName: 'openedAt', AttributeType: 'N' },
      ],
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
      GlobalSecondaryIndexes: [index(BY_SERVICE, 'service'), index(BY_RUNNING, 'running')],
      StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_IMAGE' },
    },
    timeToLive: {
      TableName,
      TimeToLiveSpecification: { AttributeName: TTL_ATTRIBUTE, Enabled: true },
    },
  };
}
