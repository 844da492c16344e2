import { LambdaClient } from '@aws-sdk/client-lambda';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { mockClient } from 'aws-sdk-client-mock';
import 'aws-sdk-client-mock-vitest/extend';
import { beforeEach, describe, expect, test } from 'vitest';
import { s3Client } from '../../adapters/s3-client.ts';
import { s3Releases } from '../../adapters/s3-releases.ts';
import { s3Calls } from '../../local/services/s3.ts';
import { clockAt, FINAL, PASSING, stubbed } from './stub.ts';

const client = new S3Client({ region: 'eu-west-1' });
const s3 = mockClient(client);
const store = s3Releases(s3Calls(client));
const object = { bucket: 'releases', key: 'releases/checkout/r1/manifest.json', versionId: 'v1' };

beforeEach(() => void s3.reset());

describe('GetObject', () => {
  test('is asked for the exact version', async () => {
    s3.on(GetObjectCommand).resolves({ ContentLength: 0 });
    expect(await store.read(object, 100)).toHaveLength(0);
    expect(s3.commandCalls(GetObjectCommand).map(({ args }) => args[0].input)).toEqual([
      { Bucket: 'releases', Key: object.key, VersionId: 'v1' },
    ]);
  });

  test.each(['NoSuchKey', 'NoSuchVersion', 'NoSuchBucket', 'InvalidArgument', 'MethodNotAllowed'])(
    'that says %s is a refusal with the fix',
    async (name) => {
      s3.on(GetObjectCommand).rejects(
        Object.assign(new Error(name), { name, $metadata: { httpStatusCode: 404 } }),
      );
      await expect(store.read(object, 100)).rejects.toMatchObject({ code: 'ManifestInvalid' });
      await expect(store.read(object, 100)).rejects.toThrow(/v1\).* bucket releases; upload it again/);
    },
  );

  test.each(PASSING)('that meets %s is Unavailable', async (_what, error) => {
    s3.on(GetObjectCommand).rejects(error);
    await expect(store.read(object, 100)).rejects.toMatchObject({ code: 'Unavailable' });
  });

  test.each(FINAL)('that meets %s fails with that same error', async (_what, error) => {
    s3.on(GetObjectCommand).rejects(error);
    await expect(store.read(object, 100)).rejects.toBe(error);
  });
});

const wired = (config: ReturnType<typeof stubbed>['config']) =>
  s3Releases(s3Client(new LambdaClient(config).config, { clock: clockAt(0) }));

describe('over the wire', () => {
  test('the version goes into the query, and the bytes come back', async () => {
    const { config, sent } = stubbed({ headers: { 'content-length': '7' }, body: '{"a":1}' });
    const read = await wired(config).read(object, 100);
    expect(new TextDecoder().decode(read)).toBe('{"a":1}');
    expect(sent).toMatchObject([{ method: 'GET', query: { versionId: 'v1' } }]);
    expect(`${sent[0]?.headers.host}${sent[0]?.path}`).toMatch(
      /releases.*releases\/checkout\/r1\/manifest\.json$/,
    );
  });

  test('a length over the limit is refused', async () => {
    const { config } = stubbed({ headers: { 'content-length': '101' }, body: 'x'.repeat(101) });
    await expect(wired(config).read(object, 100)).rejects.toThrow(/101 bytes/);
  });

  test('a version that is gone comes back as a refusal', async () => {
    const body = '<Error><Code>NoSuchVersion</Code><Message>gone</Message></Error>';
    const { config } = stubbed({ status: 404, headers: { 'content-type': 'application/xml' }, body });
    await expect(wired(config).read(object, 100)).rejects.toMatchObject({
      code: 'ManifestInvalid',
    });
  });
});
