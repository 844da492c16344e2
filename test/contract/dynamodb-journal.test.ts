import { dynamodbJournal } from '../../adapters/dynamodb-journal.ts';
import { describeJournal } from './journal.ts';
import { emptyTable, tableName } from './table.ts';

describeJournal({
  name: 'DynamoDB',
  make: () => {
    const { client, clock } = emptyTable();
    return dynamodbJournal(client, { tableName, clock });
  },
});
