import {
  CreateTableCommand,
  type CreateTableCommandInput,
  type DynamoDBClient,
  type TableDescription,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb';

/** Makes a table and waits until it takes items: AWS answers before it does. */
export async function makeTable(
  client: DynamoDBClient,
  input: CreateTableCommandInput,
): Promise<TableDescription | undefined> {
  const { TableDescription } = await client.send(new CreateTableCommand(input));
  const { TableName } = input;
  await waitUntilTableExists({ client, maxWaitTime: 120, minDelay: 0.05, maxDelay: 2 }, { TableName });
  return TableDescription;
}
