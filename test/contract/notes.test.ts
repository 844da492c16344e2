import { dynamodbNotes } from '../../adapters/dynamodb-notes.ts';
import { virtualClock } from '../../local/clock.ts';
import { memoryNotes } from '../../simulation/memory-notes.ts';
import { describeNotes } from './notes.ts';
import { emptyTable, tableName } from './table.ts';

describeNotes({ name: 'memory', make: () => ({ clock: virtualClock(), notes: memoryNotes() }) });

describeNotes({
  name: 'DynamoDB',
  make: () => {
    const { client, clock } = emptyTable();
    return { clock, notes: dynamodbNotes(client, { tableName, clock }) };
  },
});
