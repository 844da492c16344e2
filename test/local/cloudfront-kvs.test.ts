import {
  CloudFrontKeyValueStoreClient,
  ConflictException,
  DeleteKeyCommand,
  DescribeKeyValueStoreCommand,
  GetKeyCommand,
  ListKeysCommand,
  PutKeyCommand,
  ResourceNotFoundException,
  ServiceQuotaExceededException,
  UpdateKeysCommand,
  ValidationException,
} from '@aws-sdk/client-cloudfront-keyvaluestore';
import { describe, expect, test } from 'vitest';
import { virtualClock } from '../../local/clock.ts';
import { LATENCY_MS } from '../../local/latency.ts';
import { attach } from '../../local/sdk.ts';
import { SimulatedKeyValueStore } from '../../local/services/cloudfront-kvs.ts';

function world(pairs: Record<string, string> = { a: '1' }) {
  const clock = virtualClock();
  const kvs = new SimulatedKeyValueStore({ clock, account: '111122223333' });
  const KvsARN = kvs.helpers.create('shop', pairs);
  const credentials = { accessKeyId: 'simulated', secretAccessKey: 'simulated' };
  const client = new CloudFrontKeyValueStoreClient({
    region: 'eu-west-1',
    credentials,
    cacheMiddleware: true,
  });
  attach(client, kvs.service, { clock });
  const etag = async () => (await client.send(new DescribeKeyValueStoreCommand({ KvsARN }))).ETag;
  const put = async (Key: string, Value: string, IfMatch?: string) =>
    client.send(new PutKeyCommand({ KvsARN, Key, Value, IfMatch: IfMatch ?? (await etag()) }));
  return { clock, kvs, client, KvsARN, etag, put };
}

test('a store says its size and its version, which each write replaces and answers', async () => {
  const { client, KvsARN, put } = world();
  const before = await client.send(new DescribeKeyValueStoreCommand({ KvsARN }));
  expect(before).toMatchObject({ KvsARN, ItemCount: 1, TotalSizeInBytes: 2, Status: 'READY' });
  const answer = await put('b', 'zwei', before.ETag);
  expect(answer).toMatchObject({ ItemCount: 2, TotalSizeInBytes: 7 });
  expect(answer.ETag).not.toBe(before.ETag);
  expect((await client.send(new DescribeKeyValueStoreCommand({ KvsARN }))).ETag).toBe(answer.ETag);
});

test('several keys are put and deleted together or not at all', async () => {
  const { client, KvsARN, etag, kvs } = world({ a: '1', b: '2' });
  const Puts = [
    { Key: 'b', Value: '3' },
    { Key: 'c', Value: 'x'.repeat(1_025) },
  ];
  const update = async (input: object) =>
    client.send(new UpdateKeysCommand({ KvsARN, IfMatch: await etag(), ...input }));
  await expect(update({ Puts })).rejects.toBeInstanceOf(ValidationException);
  expect(kvs.helpers.value('shop', 'b')).toBe('2');
  await update({ Puts: Puts.slice(0, 1), Deletes: [{ Key: 'a' }] });
  expect(kvs.helpers.value('shop', 'a')).toBeUndefined();
  expect(kvs.helpers.value('shop', 'b')).toBe('3');
});

test('keys are listed in pages', async () => {
  const { client, KvsARN } = world(
    Object.fromEntries(Array.from({ length: 12 }, (_, n) => [`k${n}`, `${n}`])),
  );
  const first = await client.send(new ListKeysCommand({ KvsARN }));
  expect(first.Items).toHaveLength(10);
  const { NextToken } = first;
  const second = await client.send(new ListKeysCommand({ KvsARN, ...(NextToken && { NextToken }) }));
  expect(second).toMatchObject({ Items: [{ Key: 'k8' }, { Key: 'k9' }] });
  expect(second.NextToken).toBeUndefined();
});

test('of writers who rest on the same version one alone is taken', async () => {
  const { etag, put, client, KvsARN } = world();
  const known = await etag();
  const results = await Promise.allSettled([1, 2, 3, 4, 5].map((n) => put('a', `${n}`, known)));
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  for (const result of results)
    if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(ConflictException);
  // The version is the store's: a write of one key is in the way of all.
  await expect(client.send(new DeleteKeyCommand({ KvsARN, Key: 'a', IfMatch: known }))).rejects.toMatchObject(
    { name: 'ConflictException', $metadata: { httpStatusCode: 409 } },
  );
});

describe('is refused', () => {
  const KvsARN = 'arn:aws:cloudfront::111122223333:key-value-store/other';
  test.each([
    ['a write that names no version', { IfMatch: '' }, ValidationException],
    ['a value over 1,024 bytes', { Value: 'é'.repeat(513) }, ValidationException],
    ['a key over 512 bytes', { Key: 'k'.repeat(513) }, ValidationException],
    ['an unknown store', { KvsARN }, ResourceNotFoundException],
    ['what is no ARN of a store', { KvsARN: 'shop' }, ValidationException],
  ])('%s', async (_what, input, kind) => {
    const { client, etag, ...here } = world();
    const all = { KvsARN: here.KvsARN, Key: 'a', Value: '2', IfMatch: await etag(), ...input };
    await expect(client.send(new PutKeyCommand(all))).rejects.toBeInstanceOf(kind);
    expect(here.kvs.helpers.value('shop', 'a')).toBe('1');
  });

  test('a key that is not there', async () => {
    const { client, KvsARN, etag } = world();
    const gone = { KvsARN, Key: 'gone' };
    await expect(client.send(new GetKeyCommand(gone))).rejects.toBeInstanceOf(ResourceNotFoundException);
    const IfMatch = (await etag()) ?? '';
    await expect(client.send(new DeleteKeyCommand({ ...gone, IfMatch }))).rejects.toBeInstanceOf(
      ResourceNotFoundException,
    );
  });

  test.each([
    ['nothing', {}],
    ['the same key twice', { Puts: [{ Key: 'a', Value: '2' }], Deletes: [{ Key: 'a' }] }],
    ['51 keys', { Puts: Array.from({ length: 51 }, (_, n) => ({ Key: `k${n}`, Value: '' })) }],
  ])('an update of %s', async (_what, input) => {
    const { client, KvsARN, etag } = world();
    const IfMatch = (await etag()) ?? '';
    await expect(client.send(new UpdateKeysCommand({ KvsARN, IfMatch, ...input }))).rejects.toBeInstanceOf(
      ValidationException,
    );
  });

  test('more than 5 MB in one store', async () => {
    const filled = Object.fromEntries(Array.from({ length: 5_120 }, (_, n) => [`${n}`, 'x'.repeat(1_020)]));
    const { put } = world(filled);
    await expect(
      put('more', 'x'.repeat(1_024)).then(() => put('most', 'x'.repeat(1_024))),
    ).rejects.toBeInstanceOf(ServiceQuotaExceededException);
  });

  test('a field that is not simulated', async () => {
    const { kvs, KvsARN } = world();
    const { GetKeyCommand: get } = kvs.operations;
    expect(() => get({ KvsARN, Key: 'a', ...{ Version: 1 } })).toThrow('Version, which is not simulated');
  });
});

test('the edge reads a write an assumed time later, each in its turn', async () => {
  const { clock, kvs, put } = world();
  const { atEdge } = kvs.helpers;
  await put('a', '2');
  await clock.advance(1_000);
  await put('a', '3');
  expect(atEdge('shop', 'a')).toBe('1');
  await clock.advance(LATENCY_MS.kvsPropagation - 1_000);
  expect(atEdge('shop', 'a')).toBe('2');
  await clock.advance(1_000);
  expect(atEdge('shop', 'a')).toBe('3');
  kvs.helpers.put('shop', { a: undefined });
  expect(atEdge('shop', 'a')).toBe('3');
  await clock.advance(LATENCY_MS.kvsPropagation);
  expect(atEdge('shop', 'a')).toBeUndefined();
});

test('whoever watches sees what each write replaced', async () => {
  const { kvs, put, etag } = world();
  const known = await etag();
  const seen: unknown[] = [];
  kvs.onWrite = ({ name, before, after, replaced }) =>
    seen.push([name, before.get('a'), after.get('a'), replaced]);
  await put('a', '2');
  expect(seen).toEqual([['shop', '1', '2', known]]);
});
