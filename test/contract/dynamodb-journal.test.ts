import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { dynamodbJournal } from '../../adapters/dynamodb-journal.ts';
import { tableDefinition } from '../../adapters/dynamodb-table.ts';
import { virtualClock } from '../../local/clock.ts';
import { SimulatedDynamoDB } from '../../local/services/dynamodb.ts';
import { attach } from '../../local/simulate.ts';
import { describeJournal } from './journal.ts';

describeJournal({
  name: 'DynamoDB',
  make: () => {
    const clock = virtualClock();
    const dynamodb = new SimulatedDynamoDB({ clock });
    const client = new DynamoDBClient({ region: 'eu-west-1', cacheMiddleware: true });
    attach(client, dynamodb.operations, { clock });
    dynamodb.operations.CreateTableCommand(tableDefinition('journal').table);
    return dynamodbJournal(client, { tableName: 'journal', clock });
  },
});
