import { LambdaClient } from '@aws-sdk/client-lambda';
import { describe, expect, test } from 'vitest';
import { keyValueStore, versioned } from '../../adapters/key-value-store.ts';
import { accountOf } from './account.ts';

const clock = { now: () => Date.now(), sleep: async () => {} };

/** The account that the program takes every request for whose signature is of version 4A. */
const ACCOUNT = '000000000000';

let made = 0;

/** The adapter, whose requests go to the program, and a store that was made there. */
async function wired() {
  const { config } = accountOf(ACCOUNT);
  made += 1;
  const name = `shop-${made}`;
  const { endpoint = '' } = config;
  const scope = `${config.credentials?.accessKeyId}/20260105/us-east-1/cloudfront/aws4_request`;
  const answer = await fetch(`${endpoint}/2020-05-31/key-value-store`, {
    method: 'POST',
    headers: {
      'content-type': 'application/xml',
      // The program reads the account and the service from it, and checks no signature.
      authorization: `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=unused`,
    },
    body: `<CreateKeyValueStoreRequest xmlns="http://cloudfront.amazonaws.com/doc/2020-05-31/"><Name>${name}</Name></CreateKeyValueStoreRequest>`,
  });
  expect(answer.status, await answer.text()).toBe(201);
  const stores = keyValueStore(new LambdaClient(config).config, { clock, endpoint });
  return { stores, arn: await stores.find(name) };
}

test('a store is found by its name, and what is written to it is read', async () => {
  const { stores, arn } = await wired();
  expect(arn).toMatch(/^arn:aws:cloudfront::\d{12}:key-value-store\/[\w-]+$/);
  const { etag } = await stores.describe(arn);
  await stores.update(arn, etag, { puts: [{ key: 'spillway', value: '{"s":"ü"}' }] });
  const read = await versioned(stores, arn, 'spillway');
  expect(read.value).toBe('{"s":"ü"}');
  expect(read.etag).not.toBe(etag);
  await stores.update(arn, read.etag, { deletes: ['spillway'] });
  await expect(stores.get(arn, 'spillway')).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
});

describe('refused is', () => {
  test('a write on an older version, and of five at once all but one', async () => {
    const { stores, arn } = await wired();
    const { etag } = await stores.describe(arn);
    const puts = [{ key: 'a', value: '1' }];
    const writes = await Promise.allSettled([1, 2, 3, 4, 5].map(() => stores.update(arn, etag, { puts })));
    expect(writes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const write of writes)
      if (write.status === 'rejected') expect(write.reason).toMatchObject({ name: 'ConflictException' });
  });

  test('a store that does not exist, by its name and by its ARN', async () => {
    const { stores, arn } = await wired();
    await expect(stores.find('shpo')).rejects.toMatchObject({ name: 'EntityNotFound' });
    await expect(stores.describe(arn.replace(/[\w-]+$/, 'other'))).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    });
  });
});
