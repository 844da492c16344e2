import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { dynamodbBudget } from '../../adapters/dynamodb-budget.ts';
import { tableDefinition } from '../../adapters/dynamodb-table.ts';
import { memoryBudget } from '../../adapters/memory-budget.ts';
import { virtualClock } from '../../local/clock.ts';
import { SimulatedDynamoDB } from '../../local/services/dynamodb.ts';
import { attach } from '../../local/simulate.ts';
import { describeBudget } from './budget.ts';

describeBudget({
  name: 'memory',
  make: () => {
    const clock = virtualClock();
    return { clock, budget: memoryBudget(clock) };
  },
});

describeBudget({
  name: 'DynamoDB',
  make: () => {
    const clock = virtualClock();
    const dynamodb = new SimulatedDynamoDB({ clock });
    const client = new DynamoDBClient({ region: 'eu-west-1', cacheMiddleware: true });
    attach(client, dynamodb.operations, { clock });
    dynamodb.operations.CreateTableCommand(tableDefinition('journal').table);
    return { clock, budget: dynamodbBudget(client, { tableName: 'journal', clock }) };
  },
});
