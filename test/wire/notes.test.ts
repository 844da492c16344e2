import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { dynamodbNotes } from '../../adapters/dynamodb-notes.ts';
import { tableDefinition } from '../../adapters/dynamodb-table.ts';
import { virtualClock } from '../../local/clock.ts';
import { describeNotes } from '../contract/notes.ts';
import { connect, freshAccount } from './account.ts';
import { makeTable } from './table.ts';

describeNotes({
  name: 'DynamoDB over the wire',
  make: async () => {
    const clock = virtualClock();
    const client = connect(DynamoDBClient, freshAccount());
    await makeTable(client, tableDefinition('journal').table);
    // The wire has its own time: what waits on it must not see the clock run ahead.
    const own = { ...clock, run: <T>(work: Promise<T>) => work };
    return { clock: own, notes: dynamodbNotes(client, { tableName: 'journal', clock }) };
  },
});
