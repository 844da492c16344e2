import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Clock, Notes } from '../core/ports.ts';
import { tableUnavailable } from './dynamodb-calls.ts';
import type { Item } from './dynamodb-items.ts';
import { dynamodbStore } from './dynamodb-store.ts';
import { keys, TTL_ATTRIBUTE } from './dynamodb-table.ts';

/** How often somebody else may write a note between a look at it and the write. */
const TRIES_MAX = 8;

/** How long a note outlives its last change, in seconds: longer than any rollout, and than anybody reports about it. */
const KEPT_SECONDS = 40 * 24 * 3600;

/** Notes in the journal's table, each written over what was read and nothing newer. */
export function dynamodbNotes(
  client: DynamoDBClient,
  { tableName, clock }: { tableName: string; clock: Clock },
): Notes {
  const store = dynamodbStore(client, tableName);
  return {
    async change<Note extends object>(
      about: string,
      name: string,
      how: (before: Note | undefined) => Note | undefined,
    ): Promise<Note | undefined> {
      const update = keys.note(about, name);
      let item = await store.get(update);
      for (let tries = 0; tries < TRIES_MAX; tries++) {
        const before = noteIn<Note>(item);
        const after = how(before);
        if (after === before || after === undefined) return before;
        const seq = item === undefined ? 0 : Number(item.seq);
        const body = JSON.stringify(after);
        const write = {
          update,
          change: `SET #seq = :next, #body = :body, #${TTL_ATTRIBUTE} = :expires`,
          when: item === undefined ? 'attribute_not_exists(#seq)' : '#seq = :seq',
          values: {
            ...(item === undefined ? {} : { ':seq': seq }),
            ...{ ':next': seq + 1, ':body': body },
            ':expires': Math.ceil(clock.now() / 1000) + KEPT_SECONDS,
          },
        };
        // A transaction, because the SDK repeats a try whose answer was lost, and that must not look like somebody else's.
        const [refused] = await store.transact([write]);
        if (refused === undefined) return JSON.parse(body) as Note;
        item = refused.found;
      }
      throw tableUnavailable(tableName, `others wrote the note ${name} about ${about}`);
    },
  };
}

const noteIn = <Note>(item: Item | undefined): Note | undefined =>
  item === undefined ? undefined : (JSON.parse(String(item.body)) as Note);
