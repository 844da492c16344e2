import { createHash, createPublicKey, verify } from 'node:crypto';
import { CloudFrontKeyValueStore } from '@aws-sdk/client-cloudfront-keyvaluestore';
import { LambdaClient } from '@aws-sdk/client-lambda';
import '@aws-sdk/signature-v4a';
import { describe, expect, test } from 'vitest';
import { isPassing, isThrottle } from '../../adapters/_aws.ts';
import { keyValueStore, versioned } from '../../adapters/key-value-store.ts';
import { signingKeyOf } from '../../adapters/sigv4a.ts';
import { refusal, stubbed, type Wire } from './stub.ts';

const NOW = Date.UTC(2026, 0, 5, 9);
const ARN = 'arn:aws:cloudfront::111122223333:key-value-store/3f2a';
const CREDENTIALS = { accessKeyId: 'simulated', secretAccessKey: 'simulated' };

function setUp(...answers: [Wire, ...Wire[]]) {
  const { config, sent } = stubbed(...answers);
  const errors: unknown[] = [];
  const calls = keyValueStore(new LambdaClient(config).config, {
    clock: { now: () => NOW, sleep: async () => {} },
    onError: (error) => errors.push(error),
  });
  return { calls, sent, errors };
}

type Sent = ReturnType<typeof setUp>['sent'][number];

/** Whether the signature is that of this request and of these credentials, by the text that the IAM user guide describes and without any code of the SDK. */
function isSigned({ method, path, headers, body }: Sent): boolean {
  const [, scope = '', names = '', signature = ''] =
    /^AWS4-ECDSA-P256-SHA256 Credential=simulated\/(\S+), SignedHeaders=(\S+), Signature=(\w+)$/.exec(
      headers.authorization ?? '',
    ) ?? [];
  const hash = (text: string) => createHash('sha256').update(text).digest('hex');
  const lines = names.split(';').map((name) => `${name}:${headers[name]?.trim()}\n`);
  const payload = hash(body === undefined ? '' : JSON.stringify(body));
  // Every service but S3 signs the path escaped once more.
  const signed = path.split('/').map(encodeURIComponent).join('/');
  const canonical = [method, signed, '', lines.join(''), names, payload].join('\n');
  const text = ['AWS4-ECDSA-P256-SHA256', headers['x-amz-date'], scope, hash(canonical)].join('\n');
  const key = createPublicKey(signingKeyOf('simulated', 'simulated'));
  return verify('sha256', Buffer.from(text), key, Buffer.from(signature, 'hex'));
}

describe('what is sent', () => {
  const calls: [
    string,
    (ours: ReturnType<typeof keyValueStore>) => Promise<unknown>,
    (sdk: CloudFrontKeyValueStore) => Promise<unknown>,
  ][] = [
    ['a look at a store', (ours) => ours.describe(ARN), (sdk) => sdk.describeKeyValueStore({ KvsARN: ARN })],
    ['a key', (ours) => ours.get(ARN, 'a/b c'), (sdk) => sdk.getKey({ KvsARN: ARN, Key: 'a/b c' })],
    [
      'an update',
      (ours) => ours.update(ARN, 'KV1', { puts: [{ key: 'a', value: 'ü' }], deletes: ['b'] }),
      (sdk) =>
        sdk.updateKeys({
          ...{ KvsARN: ARN, IfMatch: 'KV1' },
          ...{ Puts: [{ Key: 'a', Value: 'ü' }], Deletes: [{ Key: 'b' }] },
        }),
    ],
  ];

  test.each(calls)(
    'for %s is what the SDK sends, under a signature of its own',
    async (_what, ask, askSdk) => {
      const ours = setUp({ body: '{"Value":"1"}' });
      await ask(ours.calls);
      const theirs = stubbed({});
      await askSdk(new CloudFrontKeyValueStore({ ...theirs.config, credentials: CREDENTIALS }));
      const [mine, sdk] = [ours.sent[0], theirs.sent[0]];
      if (mine === undefined || sdk === undefined) throw new Error('nothing was sent');
      const { method, path, query, body, headers } = mine;
      expect({ method, path, query, body }).toEqual({
        method: sdk.method,
        path: sdk.path,
        query: sdk.query,
        body: sdk.body,
      });
      for (const name of ['host', 'content-type', 'if-match', 'x-amz-region-set', 'x-amz-content-sha256'])
        expect([name, headers[name]]).toEqual([name, sdk.headers[name]]);
      const signer = (by: Sent) => by.headers.authorization?.split('/').slice(2, 4).join('/').split(',')[0];
      expect(signer(mine)).toBe(signer(sdk));
      expect(isSigned(mine)).toBe(true);
      // Whoever signed it, the key is the same.
      expect(isSigned(sdk)).toBe(true);
      expect(isSigned({ ...mine, path: `${path}x` })).toBe(false);
    },
  );

  test('to find a store asks CloudFront in its one region', async () => {
    const xml = `<?xml version="1.0"?>\n<KeyValueStore><Name>shop</Name><Id>3f2a</Id><ARN>${ARN}</ARN><Status>READY</Status></KeyValueStore>`;
    const { calls, sent } = setUp({ body: xml });
    expect(await calls.find('shop prod')).toBe(ARN);
    expect(sent[0]).toMatchObject({
      method: 'GET',
      path: '/2020-05-31/key-value-store/shop%20prod',
      headers: { host: 'cloudfront.amazonaws.com' },
    });
    expect(sent[0]?.headers.authorization).toContain('/20260105/us-east-1/cloudfront/aws4_request');
  });
});

test('what is answered is read', async () => {
  const { calls } = setUp({ headers: { etag: 'KV2' }, body: '{"Value":"1","TotalSizeInBytes":2}' });
  expect(await calls.describe(ARN)).toEqual({ etag: 'KV2', bytes: 2 });
  expect(await calls.entry(ARN, 'a')).toEqual({ value: '1', bytes: 2 });
  expect(await calls.get(ARN, 'a')).toBe('1');
});

describe('a refusal', () => {
  test.each([
    [409, 'ConflictException'],
    [404, 'ResourceNotFoundException'],
    [400, 'ValidationException'],
    [403, 'AccessDeniedException'],
  ])('%i has its name and is not sent again', async (status, name) => {
    const { calls, sent, errors } = setUp(refusal(status, name));
    await expect(calls.update(ARN, 'KV1', { deletes: ['a'] })).rejects.toMatchObject({
      name,
      $metadata: { httpStatusCode: status },
    });
    expect(sent).toHaveLength(1);
    expect(errors).toHaveLength(1);
  });

  test('for the rate is a throttle under whatever name, and is sent once more', async () => {
    const { calls, sent } = setUp(refusal(429, 'SlowThereException'));
    const error = await calls.describe(ARN).catch((thrown: unknown) => thrown);
    expect(isThrottle(error)).toBe(true);
    expect(sent).toHaveLength(2);
  });

  test('of CloudFront is named by its document', async () => {
    const xml =
      '<ErrorResponse><Error><Type>Sender</Type><Code>EntityNotFound</Code><Message>no</Message></Error></ErrorResponse>';
    const { calls } = setUp({ status: 404, body: xml });
    await expect(calls.find('shop')).rejects.toMatchObject({ name: 'EntityNotFound', message: 'no' });
  });

  test('without a body has its status', async () => {
    const { calls } = setUp({ status: 503, body: '' }, { headers: { etag: 'KV2' } });
    expect(await calls.describe(ARN)).toMatchObject({ etag: 'KV2' });
  });
});

describe('a value with the version that it stood at', () => {
  const sized = (bytes: number, more = {}): Wire => ({
    headers: { etag: `KV${bytes}` },
    body: JSON.stringify({ TotalSizeInBytes: bytes, ...more }),
  });

  test('is read again while the two reads show stores of different sizes', async () => {
    const { calls, sent } = setUp(
      ...[sized(7), sized(5, { Value: 'old' })],
      ...[sized(7), sized(7, { Value: 'new' })],
    );
    expect(await versioned(calls, ARN, 'a')).toEqual({ etag: 'KV7', value: 'new' });
    expect(sent.map(({ path }) => path.endsWith('/keys/a'))).toEqual([false, true, false, true]);
  });

  test('is none if they always do, which passes', async () => {
    let bytes = 0;
    const changing = {
      ...setUp({}).calls,
      describe: async () => ({ etag: 'KV1', bytes: bytes++ }),
      entry: async () => ({ value: 'old', bytes: bytes++ }),
    };
    const error = await versioned(changing, ARN, 'a').catch((thrown: unknown) => thrown);
    expect(isPassing(error)).toBe(true);
    expect(bytes).toBe(8);
  });
});
