import { describe, expect, test } from 'vitest';
import { authorizationOf, type S3Web, s3Objects } from '../../adapters/s3-objects.ts';
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

interface Sent {
  url: string;
  init: RequestInit & { headers: Record<string, string> };
}

/** S3 behind a fetch that answers in order, the last one for all further requests; an Error is thrown. */
function answering(answers: (Response | Error)[], more: Partial<S3Web> = {}) {
  const sent: Sent[] = [];
  const fetch = async (url: unknown, init: unknown) => {
    sent.push({ url: String(url), init: init as Sent['init'] });
    const answer = answers[Math.min(sent.length, answers.length) - 1];
    if (answer instanceof Error || answer === undefined) throw answer;
    return answer.clone();
  };
  const never = {
    ...clockAt(Date.parse('2026-01-05T09:00:00.123Z')),
    sleep: () => new Promise<void>(() => {}),
  };
  const web = { clock: never, region: 'eu-west-1', credentials: () => EXAMPLE, ...more };
  return { sent, objects: s3Objects({ ...web, fetch: fetch as typeof globalThis.fetch }) };
}

const ok = (body = '', headers: Record<string, string> = {}) =>
  new Response(body, { headers: { 'content-length': `${body.length}`, ...headers } });
const refusal = (status: number, code: string) =>
  new Response(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>no</Message></Error>`, { status });
const object = { bucket: 'releases', key: 'releases/checkout/r1/manifest.json', versionId: 'v1' };

describe('a request', () => {
  test('names bucket, key and version, and is signed in the name of whoever asks now', async () => {
    const { sent, objects } = answering([ok('{"a":1}')], {
      credentials: () => ({ ...EXAMPLE, sessionToken: 'token' }),
    });
    const found = await objects.get({ ...object, key: "zips/a b+'(ü).zip", versionId: 'a+/=' });
    expect(new TextDecoder().decode(await found.bytes())).toBe('{"a":1}');
    expect(found).toMatchObject({ size: 7, encoding: undefined });
    expect(sent).toMatchObject([
      {
        url: 'https://releases.s3.eu-west-1.amazonaws.com/zips/a%20b%2B%27%28%C3%BC%29.zip?versionId=a%2B%2F%3D',
        init: {
          method: 'GET',
          redirect: 'manual',
          headers: {
            'x-amz-date': '20260105T090000Z',
            'x-amz-security-token': 'token',
            'x-amz-content-sha256': EMPTY_SHA256,
            authorization: expect.stringContaining(
              'SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token,',
            ),
          },
        },
      },
    ]);
  });

  test('that writes signs its body', async () => {
    const { sent, objects } = answering([ok()]);
    await objects.put({ bucket: 'shared', key: 'completions/a.json' }, '{}');
    expect(sent[0]).toMatchObject({
      url: 'https://shared.s3.eu-west-1.amazonaws.com/completions/a.json',
      init: {
        method: 'PUT',
        body: '{}',
        headers: {
          'content-type': 'application/json',
          'x-amz-content-sha256': '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
        },
      },
    });
  });

  test.each([
    ['a bucket with dots', 'a.b', {}, 'https://s3.eu-west-1.amazonaws.com/a.b/k'],
    ['a region of China', 'b', { region: 'cn-north-1' }, 'https://b.s3.cn-north-1.amazonaws.com.cn/k'],
    ['another endpoint', 'b', { endpoint: 'http://127.0.0.1:4566' }, 'http://127.0.0.1:4566/b/k'],
  ])('to %s goes where it is', async (_what, bucket, more, url) => {
    const { sent, objects } = answering([ok()], more);
    await objects.get({ bucket, key: 'k' });
    expect(sent[0]?.url).toBe(url);
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
    const { objects } = answering([new Response('no', { status: 400 })]);
    await expect(objects.get(object)).rejects.toThrow('S3 answered 400 UnknownError to GET of releases/');
  });

  test.each([
    ['a fault of its own', refusal(503, 'SlowDown')],
    ['nothing', new TypeError('fetch failed')],
  ])('as %s is asked once more', async (_what, first) => {
    const { sent, objects } = answering([first, ok('{}')]);
    expect((await objects.get(object)).size).toBe(2);
    expect(sent).toHaveLength(2);
    const never = answering([first]);
    await expect(never.objects.get(object)).rejects.toThrow(/S3/);
    expect(never.sent).toHaveLength(2);
  });

  test('too late is given up, and its connection ended', async () => {
    let signals: (AbortSignal | null | undefined)[] = [];
    const objects = s3Objects({
      fetch: ((_url: unknown, init: RequestInit) => {
        signals = [...signals, init.signal];
        return new Promise(() => {});
      }) as typeof fetch,
      clock: clockAt(0),
      region: 'eu-west-1',
      credentials: () => EXAMPLE,
    });
    await expect(objects.get(object)).rejects.toMatchObject({ name: 'TimeoutError' });
    expect(signals.map((signal) => signal?.aborted)).toEqual([true, true]);
  });
});
