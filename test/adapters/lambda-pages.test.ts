import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import 'aws-sdk-client-mock-vitest/extend';
import { beforeEach, expect, test } from 'vitest';
import { lambdaPages } from '../../adapters/lambda-pages.ts';

const client = new LambdaClient({ region: 'eu-west-1' });
const lambda = mockClient(client);
const page = {
  rolloutId: 'checkout--r1--1',
  page: 'paused 1',
  by: { id: 'slack:T1/U1', name: 'ada', via: 'slack' as const, isVerified: true },
};

beforeEach(() => void lambda.reset());

test('an acknowledgement is handed to Notify, and not waited for', async () => {
  lambda.on(InvokeCommand).resolves({ StatusCode: 202 });
  await lambdaPages(client, 'arn:notify').acknowledge(page);
  const [call] = lambda.commandCalls(InvokeCommand);
  const { Payload, ...input } = call?.args[0].input ?? {};
  expect(input).toEqual({ FunctionName: 'arn:notify', InvocationType: 'Event' });
  expect(JSON.parse(new TextDecoder().decode(Payload as Uint8Array))).toEqual({ acknowledge: page });
});

test('one that Lambda did not take is unavailable, so that the person hears of it', async () => {
  lambda.on(InvokeCommand).rejects(
    Object.assign(new Error('busy'), {
      name: 'TooManyRequestsException',
      $metadata: { httpStatusCode: 429 },
    }),
  );
  await expect(lambdaPages(client, 'arn:notify').acknowledge(page)).rejects.toMatchObject({
    code: 'Unavailable',
  });
});
