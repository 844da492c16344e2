import { LambdaClient, ListProvisionedConcurrencyConfigsCommand } from '@aws-sdk/client-lambda';
import { expect, test } from 'vitest';
import { FUNCTION } from '../contract/lambda-stage.ts';
import { corrections } from './corrections.ts';
import { wiredLambda } from './lambda-stage.ts';

/** For each correction a check that the program itself, asked past it, still needs it. */
const needed: Record<string, (program: string) => Promise<void>> = {
  ListProvisionedConcurrencyConfigs: async (endpoint) => {
    const { others } = await wiredLambda((_command, _input, call) => call());
    const direct = new LambdaClient({
      region: 'eu-west-1',
      endpoint,
      credentials: others.config.credentials,
    });
    await expect(
      direct.send(new ListProvisionedConcurrencyConfigsCommand({ FunctionName: FUNCTION })),
    ).rejects.toMatchObject({ name: 'ProvisionedConcurrencyConfigNotFoundException' });
  },
};

for (const { what, why } of corrections) {
  test(`the correction of ${what} is still needed: ${why}`, async () => {
    await needed[what]?.(process.env.WIRE_PROGRAM ?? '');
    expect(needed).toHaveProperty(what);
  });
}
