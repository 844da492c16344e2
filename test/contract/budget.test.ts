import { dynamodbBudget } from '../../adapters/dynamodb-budget.ts';
import { virtualClock } from '../../local/clock.ts';
import { memoryBudget } from '../../simulation/memory-budget.ts';
import { describeBudget } from './budget.ts';
import { emptyTable, tableName } from './table.ts';

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
    const { client, clock } = emptyTable();
    return { clock, budget: dynamodbBudget(client, { tableName, clock }) };
  },
});
