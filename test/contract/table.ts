import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { tableDefinition } from '../../adapters/dynamodb-table.ts';
import { virtualClock } from '../../local/clock.ts';
import { attach } from '../../local/sdk.ts';
import { SimulatedDynamoDB } from '../../local/services/dynamodb.ts';

/** The name of the controller's table. */
export const tableName = 'journal';

/** A client of an empty table of the controller, in a DynamoDB of its own. */
export function emptyTable() {
  const clock = virtualClock();
  const dynamodb = new SimulatedDynamoDB({ clock });
  const client = new DynamoDBClient({ region: 'eu-west-1', cacheMiddleware: true });
  attach(client, dynamodb.operations, { clock });
  dynamodb.operations.CreateTableCommand(tableDefinition(tableName).table);
  return { clock, client };
}
