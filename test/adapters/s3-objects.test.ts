import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import {
  authorizationOf,
  overHttps,
  type S3Answer,
  type S3Request,
  type S3Web,
  s3Objects,
} from '../../adapters/s3-objects.ts';
import { clockAt } from './stub.ts';

const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
/** The examples of the S3 API reference, "Authenticating Requests: Using the Authorization Header". */
const EXAMPLE = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
};
const HEADERS = {
  host: 'examplebucket.s3.amazonaws.com',
  'x-amz-content-sha256': EMPTY_SHA256,
  'x-amz-date': '20130524T000000Z',
};

describe('a signature', () => {
  test.each([
    [
      'GET Object',
      'GET',
      '/test.txt',
      { ...HEADERS, range: 'bytes=0-9' },
      'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
    ],
    [
      'PUT Object',
      'PUT',
      '/test%24file.text',
      {
        ...HEADERS,
        date: 'Fri, 24 May 2013 00:00:00 GMT',
        'x-amz-content-sha256': '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072',
        'x-amz-storage-class': 'REDUCED_REDUNDANCY',
      },
      '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
    ],
    [
      'a query without a value',
      'GET',
      '/?lifecycle',
      HEADERS,
      'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
    ],
    [
      'a query of two names',
      'GET',
      '/?prefix=J&max-keys=2',
      HEADERS,
      '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
    ],
  ])('is that of AWS in its own example of %s', (_what, method, path, headers, signature) => {
    const url = new URL(path, 'https://examplebucket.s3.amazonaws.com');
    const authorization = authorizationOf({ method, url, headers }, EXAMPLE, 'us-east-1');
    expect(authorization).toContain(`Signature=${signature}`);
    expect(authorization).toContain(
      'Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=',
    );
  });
});

/** S3 that answers in order, the last one for all further requests; an Error is thrown. */
function answering(answers: (S3Answer | Error)[], more: Partial<S3Web> = {}) {
  const sent: S3Request[] = [];
  const send: S3Web['send'] = async (request) => {
    sent.push(request);
    const answer = answers[Math.min(sent.length, answers.length) - 1];
    if (answer instanceof Error || answer === undefined) throw answer;
    return answer;
  };
  const never = {
    ...clockAt(Date.parse('2026-01-05T09:00:00.123Z')),
    sleep: () => new Promise<void>(() => {}),
  };
  const web = { clock: never, region: 'eu-west-1', credentials: () => EXAMPLE, ...more };
  return { sent, objects: s3Objects({ ...web, send }) };
}

const answer = (status: number, text: string): S3Answer => ({
  status,
  size: text.length,
  bytes: async () => new TextEncoder().encode(text),
});
const ok = (text = '') => answer(200, text);
const refusal = (status: number, code: string) =>
  answer(status, `<?xml version="1.0"?><Error><Code>${code}</Code><Message>no</Message></Error>`);
const object = { bucket: 'releases', key: 'releases/checkout/r1/manifest.json', versionId: 'v1' };

describe('a request', () => {
  test('names bucket, key and version, and is signed in the name of whoever asks now', async () => {
    const { sent, objects } = answering([ok('{"a":1}')], {
      credentials: () => ({ ...EXAMPLE, sessionToken: 'token' }),
    });
    const found = await objects.get({ ...object, key: "zips/a b+'(ü).zip", versionId: 'a+/=' });
    expect(new TextDecoder().decode(await found.bytes())).toBe('{"a":1}');
    expect(found.size).toBe(7);
    expect(sent).toMatchObject([
      {
        method: 'GET',
        headers: {
          'x-amz-date': '20260105T090000Z',
          'x-amz-security-token': 'token',
          'x-amz-content-sha256': EMPTY_SHA256,
          authorization: expect.stringContaining(
            'SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token,',
          ),
        },
      },
    ]);
    expect(sent.map(({ url }) => url.href)).toEqual([
      'https://releases.s3.eu-west-1.amazonaws.com/zips/a%20b%2B%27%28%C3%BC%29.zip?versionId=a%2B%2F%3D',
    ]);
  });

  test('that writes signs its body', async () => {
    const { sent, objects } = answering([ok()]);
    await objects.put({ bucket: 'shared', key: 'completions/a.json' }, '{}');
    expect(sent[0]).toMatchObject({
      method: 'PUT',
      body: '{}',
      headers: {
        'content-type': 'application/json',
        'x-amz-content-sha256': '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
      },
    });
    expect(sent[0]?.url.href).toBe('https://shared.s3.eu-west-1.amazonaws.com/completions/a.json');
  });

  test.each([
    ['a bucket with dots', 'a.b', {}, 'https://s3.eu-west-1.amazonaws.com/a.b/k'],
    ['a region of China', 'b', { region: 'cn-north-1' }, 'https://b.s3.cn-north-1.amazonaws.com.cn/k'],
    ['another endpoint', 'b', { endpoint: 'http://127.0.0.1:4566' }, 'http://127.0.0.1:4566/b/k'],
  ])('to %s goes where it is', async (_what, bucket, more, url) => {
    const { sent, objects } = answering([ok()], more);
    await objects.get({ bucket, key: 'k' });
    expect(sent[0]?.url.href).toBe(url);
  });

  test.each(['releases/mine/../theirs/a.zip', 'a/./b', '..'])(
    'for %s, which a URL would make another key of, finds nothing and is not sent',
    async (key) => {
      const { sent, objects } = answering([ok()]);
      await expect(objects.get({ bucket: 'b', key })).rejects.toMatchObject({ name: 'NoSuchKey' });
      expect(sent).toEqual([]);
    },
  );
});

describe('what S3 answers', () => {
  test.each([
    [404, 'NoSuchVersion'],
    [403, 'AccessDenied'],
    [301, 'PermanentRedirect'],
  ])('with status %d is an error of the name it gives, at once', async (status, name) => {
    const { sent, objects } = answering([refusal(status, name)]);
    await expect(objects.get(object)).rejects.toMatchObject({
      name,
      $metadata: { httpStatusCode: status },
    });
    expect(sent).toHaveLength(1);
  });

  test('without a name is an error with its status', async () => {
    const { objects } = answering([answer(400, 'no')]);
    await expect(objects.get(object)).rejects.toThrow('S3 answered 400 UnknownError to GET of releases/');
  });

  test.each([
    ['a fault of its own', refusal(503, 'SlowDown')],
    ['nothing', Object.assign(new Error('connect S3'), { code: 'ECONNREFUSED' })],
  ])('as %s is asked once more', async (_what, first) => {
    const { sent, objects } = answering([first, ok('{}')]);
    expect((await objects.get(object)).size).toBe(2);
    expect(sent).toHaveLength(2);
    const never = answering([first]);
    await expect(never.objects.get(object)).rejects.toThrow(/S3/);
    expect(never.sent).toHaveLength(2);
  });

  test('too late is given up, and its connection ended', async () => {
    const signals: AbortSignal[] = [];
    const objects = s3Objects({
      send: ({ signal }) => {
        signals.push(signal);
        return new Promise(() => {});
      },
      clock: clockAt(0),
      region: 'eu-west-1',
      credentials: () => EXAMPLE,
    });
    await expect(objects.get(object)).rejects.toMatchObject({ name: 'TimeoutError' });
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]);
  });
});

describe('over the wire', () => {
  const sent = { headers: { 'x-amz-date': '20260105T090000Z' }, body: '{"a":"ü"}' };

  /** A server that tells what it was sent, byte for byte, as a packed body that nobody is to unpack. */
  async function told(): Promise<[S3Answer, unknown]> {
    const server = createServer(async (request, response) => {
      const body = Buffer.concat(await request.toArray()).toString();
      const { method, url, headers } = request;
      const text = JSON.stringify({ method, url, date: headers['x-amz-date'], body });
      const size = Buffer.byteLength(text);
      response.writeHead(302, { 'content-encoding': 'gzip', location: '/', 'content-length': size });
      response.end(text);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = new URL(
      `http://127.0.0.1:${(server.address() as AddressInfo).port}/b/a%2B%27?versionId=v%2F1`,
    );
    const { signal } = new AbortController();
    const answered = await overHttps({ method: 'PUT', url, signal, ...sent });
    const text = Buffer.from(await answered.bytes()).toString();
    server.close();
    return [answered, JSON.parse(text)];
  }

  test('a request goes as it is, and its answer comes as it is', async () => {
    const [{ status, size }, seen] = await told();
    expect(status).toBe(302);
    expect(seen).toEqual({
      method: 'PUT',
      url: '/b/a%2B%27?versionId=v%2F1',
      date: '20260105T090000Z',
      body: sent.body,
    });
    expect(size).toBe(Buffer.byteLength(JSON.stringify(seen)));
  });

  test('nobody there is an error that passes', async () => {
    const url = new URL('http://127.0.0.1:1/');
    const { signal } = new AbortController();
    await expect(overHttps({ method: 'GET', url, signal, headers: {}, body: '' })).rejects.toMatchObject({
      code: 'ECONNREFUSED',
    });
  });
});
