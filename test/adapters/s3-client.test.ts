import { createHash, createHmac } from 'node:crypto';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { describe, expect, test } from 'vitest';
import { s3Client } from '../../adapters/s3-client.ts';
import { stubbed, type Wire } from './stub.ts';

const NOW = Date.UTC(2026, 0, 5, 9);
const OBJECT = { bucket: 'releases', key: 'releases/shop/r1/manifest.json', versionId: 'v1' };

function setUp(answers: [Wire, ...Wire[]], more: { endpoint?: string; region?: string } = {}) {
  const { config, sent } = stubbed(...answers);
  const pauses: number[] = [];
  const errors: unknown[] = [];
  const { region = config.region, endpoint } = more;
  const s3 = s3Client(new LambdaClient({ ...config, region }).config, {
    clock: { now: () => NOW, sleep: async (ms) => void pauses.push(ms) },
    endpoint,
    onError: (error) => errors.push(error),
  });
  return { s3, sent, pauses, errors };
}

const refused = (status: number, code: string): Wire => ({
  status,
  headers: { 'content-type': 'application/xml' },
  body: `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>no</Message><RequestId>1</RequestId></Error>`,
});

/** Signature version 4 of S3 as its API reference describes it ("Authenticating Requests"), without any code of the SDK. */
function signature(
  method: string,
  path: string,
  query: string,
  headers: Record<string, string>,
  signed: string,
) {
  const hash = (text: string) => createHash('sha256').update(text).digest('hex');
  const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();
  const names = signed.split(';');
  const lines = names.map((name) => `${name}:${headers[name]?.trim()}\n`).join('');
  const canonical = [method, path, query, lines, signed, headers['x-amz-content-sha256']].join('\n');
  const scope = '20260105/eu-west-1/s3/aws4_request';
  const text = ['AWS4-HMAC-SHA256', '20260105T090000Z', scope, hash(canonical)].join('\n');
  const key = scope.split('/').reduce<string | Buffer>((so, part) => hmac(so, part), 'AWS4simulated');
  return hmac(key, text).toString('hex');
}

test.each([
  ['of usual signs', 'releases/shop/r1/manifest.json', '/releases/shop/r1/manifest.json'],
  ['with an escaped slash', 'completions/staging%2Fshop/a.json', '/completions/staging%252Fshop/a.json'],
  ['with signs that are escaped in paths', "a b/ü+&=?#!'()*:.zip", undefined],
  ['with dots that a browser would resolve', 'a/../b/./c.zip', '/a/../b/./c.zip'],
])('a key %s is sent as it is, by a signature that S3 accepts', async (_what, key, path) => {
  const { s3, sent } = setUp([{}]);
  await s3.getObject({ ...OBJECT, key });
  const { method, headers = {}, path: sentPath = '', query } = sent[0] ?? {};
  expect(decodeURIComponent(sentPath)).toBe(`/${key}`);
  if (path !== undefined) expect(sentPath).toBe(path);
  expect(sentPath).toMatch(/^[\w./~%-]+$/);
  expect(query).toEqual({ versionId: 'v1' });
  const [, signed = '', found] =
    /^AWS4-HMAC-SHA256 Credential=simulated\/20260105\/eu-west-1\/s3\/aws4_request, SignedHeaders=([^,]+), Signature=(\w+)$/.exec(
      headers.authorization ?? '',
    ) ?? [];
  expect(signed.split(';')).toEqual(expect.arrayContaining(['host', 'x-amz-content-sha256', 'x-amz-date']));
  expect(found).toBe(signature(String(method), sentPath, 'versionId=v1', headers, signed));
});

test('what is put is signed with its bytes', async () => {
  const { s3, sent } = setUp([{ body: '' }]);
  await s3.putObject({ bucket: 'shared', key: 'completions/a.json' }, '{"a":1}', 'application/json');
  expect(sent).toMatchObject([
    {
      method: 'PUT',
      path: '/completions/a.json',
      headers: {
        host: 'shared.s3.eu-west-1.amazonaws.com',
        'content-type': 'application/json',
        'x-amz-content-sha256': createHash('sha256').update('{"a":1}').digest('hex'),
      },
      body: { a: 1 },
    },
  ]);
  expect(Object.keys(sent[0]?.query ?? { none: 1 })).toEqual([]);
});

test.each([
  ['', 'releases', 'eu-west-1', 'releases.s3.eu-west-1.amazonaws.com', ''],
  [' in China', 'releases', 'cn-north-1', 'releases.s3.cn-north-1.amazonaws.com.cn', ''],
  [' with dots in its name', 'my.releases', 'eu-west-1', 's3.eu-west-1.amazonaws.com', '/my.releases'],
])('a bucket%s is asked at its address', async (_what, bucket, region, host, before) => {
  const { s3, sent } = setUp([{}], { region });
  await s3.getObject({ ...OBJECT, bucket });
  expect(sent[0]?.headers.host).toBe(host);
  expect(sent[0]?.path).toBe(`${before}/${OBJECT.key}`);
});

test('an endpoint of its own is asked with the bucket in the path', async () => {
  const { s3, sent } = setUp([{}], { endpoint: 'http://127.0.0.1:4566' });
  await s3.getObject(OBJECT);
  expect(sent[0]?.headers.host).toBe('127.0.0.1:4566');
  expect(sent[0]?.path).toBe(`/releases/${OBJECT.key}`);
});

test('an object comes with its size, and its bytes when they are asked for', async () => {
  const { s3 } = setUp([{ headers: { 'content-length': '7' }, body: '{"a":1}' }]);
  const { size, bytes } = await s3.getObject(OBJECT);
  expect(size).toBe(7);
  expect(new TextDecoder().decode(await bytes())).toBe('{"a":1}');
});

describe('what S3 refuses', () => {
  test('has its code as name, and its status', async () => {
    const { s3, sent, errors } = setUp([refused(404, 'NoSuchVersion')]);
    const wanted = { name: 'NoSuchVersion', message: 'no', $metadata: { httpStatusCode: 404 } };
    await expect(s3.getObject(OBJECT)).rejects.toMatchObject(wanted);
    expect(sent).toHaveLength(1);
    expect(errors).toMatchObject([wanted]);
  });

  test('for its rate is asked once more, each refusal being reported', async () => {
    const { s3, pauses, errors } = setUp([refused(503, 'SlowDown'), { headers: { 'content-length': '2' } }]);
    expect((await s3.getObject(OBJECT)).size).toBe(2);
    expect(pauses).toHaveLength(1);
    expect(pauses[0]).toBeGreaterThanOrEqual(50);
    expect(pauses[0]).toBeLessThanOrEqual(150);
    expect(errors).toMatchObject([{ name: 'SlowDown' }]);
  });

  test('twice is refused', async () => {
    const { s3, sent } = setUp([refused(503, 'SlowDown')]);
    await expect(s3.putObject(OBJECT, '', 'text/plain')).rejects.toMatchObject({ name: 'SlowDown' });
    expect(sent).toHaveLength(2);
  });

  test('without a word of why is named by its status', async () => {
    const { s3 } = setUp([{ status: 403, body: '' }]);
    await expect(s3.getObject(OBJECT)).rejects.toMatchObject({
      name: 'HTTP 403',
      $metadata: { httpStatusCode: 403 },
    });
  });
});
