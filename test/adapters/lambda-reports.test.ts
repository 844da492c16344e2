import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import 'aws-sdk-client-mock-vitest/extend';
import { beforeEach, expect, test } from 'vitest';
import { lambdaReports } from '../../adapters/lambda-reports.ts';

const client = new LambdaClient({ region: 'eu-west-1' });
const lambda = mockClient(client);

beforeEach(() => void lambda.reset());

test('Notify is asked for a report, and not waited for', async () => {
  lambda.on(InvokeCommand).resolves({ StatusCode: 202 });
  await lambdaReports(client, 'arn:notify').ask('checkout--r1--1');
  const [call] = lambda.commandCalls(InvokeCommand);
  const { Payload, ...input } = call?.args[0].input ?? {};
  expect(input).toEqual({ FunctionName: 'arn:notify', InvocationType: 'Event' });
  expect(JSON.parse(new TextDecoder().decode(Payload as Uint8Array))).toEqual({
    wake: { rolloutId: 'checkout--r1--1' },
  });
});

test('what Lambda did not take is unavailable', async () => {
  lambda.on(InvokeCommand).rejects(
    Object.assign(new Error('busy'), {
      name: 'TooManyRequestsException',
      $metadata: { httpStatusCode: 429 },
    }),
  );
  await expect(lambdaReports(client, 'arn:notify').ask('checkout--r1--1')).rejects.toMatchObject({
    code: 'Unavailable',
  });
});
