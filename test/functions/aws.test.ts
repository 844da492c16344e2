import { createServer, type Server, type Socket } from 'node:net';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { s3Releases } from '../../adapters/s3-releases.ts';
import { aws, awsS3 } from '../../functions/_aws.ts';
import { journalOn, openingsOn, restoreCodeOn } from '../../functions/_ports.ts';

/** A service that takes connections and never answers. */
let silent: Server;
const sockets = new Set<Socket>();
const before = { ...process.env };

beforeAll(async () => {
  silent = createServer((socket) => sockets.add(socket));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const address = silent.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_DYNAMODB: `http://127.0.0.1:${port}`,
    AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${port}`,
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'simulated',
    AWS_SECRET_ACCESS_KEY: 'simulated',
    JOURNAL_TABLE: 'journal',
  });
});

afterAll(() => {
  process.env = before;
  for (const socket of sockets) socket.destroy();
  silent.close();
});

const object = { bucket: 'releases', key: 'releases/checkout-api/r1/manifest.json', versionId: 'v1' };

// Both wait for a client to give up, so they wait together.
test.concurrent.each([
  ['the journal', () => journalOn(aws).read('checkout-api--r1--1')],
  ['S3', () => s3Releases(awsS3()).read(object, 100)],
])('%s that never answers is unavailable before the function that asks it is killed', async (_what, ask) => {
  const late = new Promise<'killed'>((resolve) => setTimeout(() => resolve('killed'), 9_000).unref());
  const asked = ask().then(
    () => 'answered',
    (error: unknown) => (error instanceof Error ? error.name : 'unknown'),
  );
  expect(await Promise.race([asked, late])).toBe('Unavailable');
});

test('an opening is handed to the function that the deployment names', async () => {
  const mocked = mockClient(LambdaClient);
  const Payload = new TextEncoder().encode('{"rolloutId":"checkout-api--r2--1"}') as never;
  mocked.on(InvokeCommand).resolves({ StatusCode: 200, Payload });
  process.env.OPEN_ROLLOUT_ARN = 'arn:aws:lambda:eu-west-1:111122223333:function:spillway-ada-OpenRollout';
  expect(await openingsOn(aws).open({ open: 'waiting', service: 'checkout-api' })).toBe(
    'checkout-api--r2--1',
  );
  expect(mocked.commandCalls(InvokeCommand)[0]?.args[0].input.FunctionName).toBe(
    process.env.OPEN_ROLLOUT_ARN,
  );
  mocked.restore();
});

test('code is restored by a call of the function that publishes, and its failure is an error', async () => {
  const mocked = mockClient(LambdaClient);
  mocked.on(InvokeCommand).resolvesOnce({ StatusCode: 200 }).resolvesOnce({ FunctionError: 'Unhandled' });
  process.env.PUBLISH_RELEASE_ARN =
    'arn:aws:lambda:eu-west-1:111122223333:function:spillway-ada-PublishRelease';
  await restoreCodeOn(aws)('checkout-api--r1--1', 'api');
  const { FunctionName, Payload } = mocked.commandCalls(InvokeCommand)[0]?.args[0].input ?? {};
  expect(FunctionName).toBe(process.env.PUBLISH_RELEASE_ARN);
  expect(JSON.parse(new TextDecoder().decode(Payload as Uint8Array))).toEqual({
    restore: { rolloutId: 'checkout-api--r1--1', target: 'api' },
  });
  await expect(restoreCodeOn(aws)('checkout-api--r1--1', 'api')).rejects.toThrow(
    'could not restore the code of api of checkout-api--r1--1',
  );
  mocked.restore();
});
