import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { dynamodbJournal } from '../../adapters/dynamodb-journal.ts';
import { tableDefinition } from '../../adapters/dynamodb-table.ts';
import { virtualClock } from '../../local/clock.ts';
import { describeJournal } from '../contract/journal.ts';
import { freshAccount } from './account.ts';

describeJournal({
  name: 'DynamoDB over the wire',
  make: async () => {
    const client = new DynamoDBClient(freshAccount().config);
    await client.send(new CreateTableCommand(tableDefinition('journal').table));
    return dynamodbJournal(client, { tableName: 'journal', clock: virtualClock() });
  },
});
