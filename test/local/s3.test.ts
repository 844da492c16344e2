import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  NoSuchKey,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { expect, test } from 'vitest';
import { virtualClock } from '../../local/clock.ts';
import { attach } from '../../local/sdk.ts';
import type { AwsEvent } from '../../local/services/eventbridge.ts';
import { SimulatedS3 } from '../../local/services/s3.ts';

const HERE = { Bucket: 'releases', Key: 'releases/shop/r1/manifest.json' };

function world() {
  const clock = virtualClock();
  const events: AwsEvent[] = [];
  const s3 = new SimulatedS3({
    clock,
    region: 'eu-west-1',
    account: '123456789012',
    onEvent: (event) => events.push(event),
  });
  const credentials = { accessKeyId: 'simulated', secretAccessKey: 'simulated' };
  const client = new S3Client({ region: 'eu-west-1', credentials, cacheMiddleware: true });
  attach(client, s3.operations, { clock });
  const put = (Body: string | Uint8Array | Blob, more = {}) =>
    client.send(new PutObjectCommand({ ...HERE, Body, ...more }));
  const get = (more = {}) => client.send(new GetObjectCommand({ ...HERE, ...more }));
  return { client, events, put, get, s3 };
}

test('every put makes a version that can still be read after the next one', async () => {
  const { put, get } = world();
  const first = await put('one', { ContentType: 'text/plain', Metadata: { by: 'ci' } });
  await put(new TextEncoder().encode('zwei'));
  expect(first.VersionId).toMatch(/^[\w-]{32}$/);
  const old = await get({ VersionId: first.VersionId });
  expect(await old.Body?.transformToString()).toBe('one');
  expect(old).toMatchObject({
    ContentLength: 3,
    ContentType: 'text/plain',
    Metadata: { by: 'ci' },
    ETag: first.ETag,
  });
  expect(await (await get()).Body?.transformToByteArray()).toEqual(new TextEncoder().encode('zwei'));
});

test('code can be taken from an exact version', async () => {
  const { put, s3 } = world();
  const { VersionId } = await put('one');
  await put('two');
  expect(new TextDecoder().decode(s3.bytes(HERE.Bucket, HERE.Key, VersionId))).toBe('one');
  expect(() => s3.bytes(HERE.Bucket, 'gone')).toThrow('does not exist');
});

test('the same puts give the same version ids in every world', async () => {
  const ids = await Promise.all([world(), world()].map(async ({ put }) => (await put('one')).VersionId));
  expect(ids[0]).toBe(ids[1]);
});

test('an object that must not exist yet is refused where it does', async () => {
  const { put, get, events } = world();
  await put('one', { IfNoneMatch: '*' });
  await expect(put('two', { IfNoneMatch: '*' })).rejects.toMatchObject({
    name: 'PreconditionFailed',
    $metadata: { httpStatusCode: 412 },
  });
  expect(await (await get()).Body?.transformToString()).toBe('one');
  expect(events).toHaveLength(1);
});

test('a missing key and a missing version are told apart, and HEAD names neither', async () => {
  const { client, put, get } = world();
  const missing = await get().catch((error) => error);
  expect(missing).toBeInstanceOf(NoSuchKey);
  expect(missing.$metadata.httpStatusCode).toBe(404);
  await put('one');
  await expect(get({ VersionId: 'gone' })).rejects.toMatchObject({ name: 'InvalidArgument' });
  const head = new HeadObjectCommand({ ...HERE, VersionId: 'gone' });
  await expect(client.send(head)).rejects.toMatchObject({ name: 'NotFound' });
  expect(await client.send(new HeadObjectCommand(HERE))).toMatchObject({ ContentLength: 3 });
});

test('a deleted version is gone and the one before it is the latest', async () => {
  const { client, put, get } = world();
  await put('one');
  const { VersionId } = await put('two');
  await client.send(new DeleteObjectCommand({ ...HERE, VersionId }));
  expect(await (await get()).Body?.transformToString()).toBe('one');
  await expect(get({ VersionId })).rejects.toMatchObject({ name: 'NoSuchVersion' });
  await expect(client.send(new DeleteObjectCommand(HERE))).rejects.toThrow('not simulated');
});

test('each put is told to EventBridge, and a later one has the greater sequencer', async () => {
  const { put, events } = world();
  const { VersionId } = await put('hello');
  await put('hello');
  expect(events[0]).toEqual({
    version: '0',
    id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    'detail-type': 'Object Created',
    source: 'aws.s3',
    account: '123456789012',
    time: '2026-01-05T09:00:00Z',
    region: 'eu-west-1',
    resources: ['arn:aws:s3:::releases'],
    detail: {
      version: '0',
      'event-version': '1.1',
      bucket: { name: 'releases' },
      object: {
        key: HERE.Key,
        size: 5,
        etag: '5d41402abc4b2a76b9719d911017c592',
        'version-id': VersionId,
        sequencer: expect.stringMatching(/^[0-9a-f]{16}$/),
      },
      'request-id': expect.any(String),
      requester: '123456789012',
      'source-ip-address': '127.0.0.1',
      reason: 'PutObject',
    },
  });
  const sequencers = events.map(({ detail }) => (detail.object as { sequencer: string }).sequencer);
  expect(String(sequencers[1]) > String(sequencers[0])).toBe(true);
  expect(events[0]?.id).not.toBe(events[1]?.id);
});

test('a field that is not simulated is refused', async () => {
  const { put, get } = world();
  await expect(put('one', { ACL: 'private' })).rejects.toThrow('ACL');
  await expect(get({ Range: 'bytes=0-1' })).rejects.toThrow('Range');
  await expect(put(new Blob(['one']))).rejects.toThrow('neither text nor bytes');
});

test('an upload that is not what it announced is refused, and its hash can be asked for', async () => {
  const { put, client } = world();
  const sha256 = 'Li1kO1eHZNhqZnQ0MkMJmdJ1T0ES2aYx7YDLdCLLRSs=';
  await expect(put('other', { ChecksumSHA256: sha256 })).rejects.toMatchObject({ name: 'BadDigest' });
  await expect(put('x', { ContentLength: 2 })).rejects.toMatchObject({ name: 'IncompleteBody' });
  const { createHash } = await import('node:crypto');
  const ChecksumSHA256 = createHash('sha256').update('x').digest('base64');
  await put('x', { ChecksumSHA256, ContentLength: 1 });
  expect(await client.send(new HeadObjectCommand(HERE))).not.toHaveProperty('ChecksumSHA256');
  expect(await client.send(new HeadObjectCommand({ ...HERE, ChecksumMode: 'ENABLED' }))).toMatchObject({
    ChecksumSHA256,
  });
});

test('lists a thousand keys at once, in the order of their bytes', async () => {
  const { client, s3 } = world();
  for (let at = 0; at < 1_001; at++)
    s3.operations.PutObjectCommand({ Bucket: 'web', Key: `a/${at}`, Body: 'x' });
  s3.operations.PutObjectCommand({ Bucket: 'web', Key: 'b', Body: 'x' });
  const first = await client.send(new ListObjectsV2Command({ Bucket: 'web', Prefix: 'a/' }));
  expect(first).toMatchObject({ KeyCount: 1_000, IsTruncated: true });
  const { NextContinuationToken } = first;
  const rest = await client.send(
    new ListObjectsV2Command({ Bucket: 'web', Prefix: 'a/', ContinuationToken: NextContinuationToken }),
  );
  expect(rest).toMatchObject({ IsTruncated: false, Contents: [{ Key: 'a/999', Size: 1 }] });
  const after = await client.send(new ListObjectsV2Command({ Bucket: 'web', StartAfter: 'a/~' }));
  expect(after.Contents?.map(({ Key }) => Key)).toEqual(['b']);
});
