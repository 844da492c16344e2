import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { mockClient } from 'aws-sdk-client-mock';
import 'aws-sdk-client-mock-vitest/extend';
import { beforeEach, expect, test } from 'vitest';
import { s3Completions } from '../../adapters/s3-completions.ts';
import type { Completion } from '../../core/ports.ts';
import { s3Calls } from '../../local/services/s3.ts';
import { FINAL } from './stub.ts';

const client = new S3Client({ region: 'eu-west-1' });
const s3 = mockClient(client);
const completions = s3Completions(s3Calls(client), 'shared');
const told: Completion = {
  ...{ environment: 'staging', service: 'checkout', digests: { api: 'abc=' } },
  ...{ rolloutId: 'checkout--r1--1', completed: true, at: 5 },
};

beforeEach(() => void s3.reset());

const keyOf = async (change: Partial<Completion> = {}) => {
  s3.on(PutObjectCommand).resolves({});
  await completions.publish({ ...told, ...change });
  return s3.commandCalls(PutObjectCommand).at(-1)?.args[0].input.Key;
};
const holding = (text: string) => {
  s3.on(GetObjectCommand).resolves({
    Body: { transformToByteArray: async () => new TextEncoder().encode(text) } as never,
  });
  return completions.find(told);
};

test('the object lies under its environment and service, outside of what any release may write', async () => {
  expect(await keyOf()).toMatch(/^completions\/staging\/checkout\/[0-9a-f]{64}\.json$/);
});

test('the name of an environment cannot lead into the folder of another', async () => {
  expect(await keyOf({ environment: 'staging/checkout' })).toMatch(
    /^completions\/staging%2Fcheckout\/checkout\//,
  );
  expect(await keyOf({ environment: '../releases' })).toMatch(/^completions\/\.\.%2Freleases\/checkout\//);
});

test('without a bucket whoever asks is refused, with the fix', async () => {
  const none = s3Completions(s3Calls(client), undefined);
  const wanted = { code: 'OpeningRefused', message: expect.stringContaining('must set COMPLETIONS_BUCKET') };
  await expect(none.find(told)).rejects.toMatchObject(wanted);
  await expect(none.publish(told)).rejects.toMatchObject(wanted);
  expect(s3).not.toHaveReceivedCommand(PutObjectCommand);
});

test.each([
  ['no JSON', 'hello'],
  ['nothing', ''],
  ['another shape', '{"completed":true}'],
  ['another environment', JSON.stringify({ schema: 1, ...told, environment: 'production' })],
  ['other artifacts', JSON.stringify({ schema: 1, ...told, digests: { api: 'def=' } })],
  ['a newer schema', JSON.stringify({ ...told, schema: 2 })],
])('an object that holds %s tells nothing', async (_what, text) => {
  expect(await holding(text)).toBeUndefined();
});

test('an object that holds what was asked for is believed', async () => {
  expect(await holding(JSON.stringify({ schema: 1, ...told }))).toEqual(told);
});

test.each(FINAL)(
  'a read that meets %s fails with that same error and is never taken for silence',
  async (_what, error) => {
    s3.on(GetObjectCommand).rejects(error);
    await expect(completions.find(told)).rejects.toBe(error);
  },
);
