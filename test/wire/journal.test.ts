import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { dynamodbJournal } from '../../adapters/dynamodb-journal.ts';
import { tableDefinition } from '../../adapters/dynamodb-table.ts';
import { virtualClock } from '../../local/clock.ts';
import { describeJournal } from '../contract/journal.ts';
import { connect, freshAccount } from './account.ts';
import { makeTable } from './table.ts';

describeJournal({
  name: 'DynamoDB over the wire',
  make: async () => {
    const client = connect(DynamoDBClient, freshAccount());
    await makeTable(client, tableDefinition('journal').table);
    return dynamodbJournal(client, { tableName: 'journal', clock: virtualClock() });
  },
});
