import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { S3Client } from '@aws-sdk/client-s3';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { uploadSite } from '../../cli/site/upload.ts';
import { siteOf } from '../../client/site.ts';
import { virtualClock } from '../../local/clock.ts';
import { SimulatedS3 } from '../../local/services/s3.ts';

const OWNER = '{"service":"shop","bucket":"web-files","url":"https://shop.example","layout":"dir"}';
const ARN = 'arn:aws:cloudfront::111122223333:key-value-store/3f2a';

/** CloudFront, its stores and S3 behind their wire forms, as far as an upload asks them. */
async function wire(keys: Record<string, string> = { 'spillway-site': OWNER }) {
  const s3 = new SimulatedS3({
    ...{ clock: virtualClock(), region: 'eu-central-1', account: '111122223333', onEvent: () => {} },
  });
  const puts: { key: string; headers: IncomingHttpHeaders }[] = [];
  const { HeadObjectCommand, ListObjectsV2Command, PutObjectCommand } = s3.operations;
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://aws');
    const path = decodeURIComponent(pathname);
    const [, Bucket = '', ...rest] = path.split('/');
    const Key = rest.join('/');
    const say = (status: number, body: string, headers: Record<string, string> = {}): object =>
      response.writeHead(status, headers).end(request.method === 'HEAD' ? undefined : body);
    const body: Buffer[] = [];
    for await (const part of request) body.push(part);
    try {
      if (path.startsWith('/2020-05-31/key-value-store/'))
        return path.endsWith('/web-shop-prod')
          ? say(200, `<KeyValueStore><Name>x</Name><ARN>${ARN}</ARN></KeyValueStore>`)
          : say(404, '<ErrorResponse><Error><Code>EntityNotFound</Code></Error></ErrorResponse>');
      if (path.startsWith('/key-value-stores/')) {
        const Value = keys[path.split('/keys/')[1] ?? ''];
        return Value === undefined
          ? say(404, '{}', { 'x-amzn-errortype': 'ResourceNotFoundException' })
          : say(200, JSON.stringify({ Value }));
      }
      const { headers } = request;
      const of = (name: string) => headers[name] as string | undefined;
      if (request.method === 'PUT') {
        puts.push({ key: Key, headers });
        await PutObjectCommand({
          ...{ Bucket, Key, Body: Buffer.concat(body), IfNoneMatch: of('if-none-match') },
          ...{ ContentType: of('content-type'), CacheControl: of('cache-control') },
          ChecksumSHA256: of('x-amz-checksum-sha256'),
          ContentLength: Number(of('content-length')),
        });
        return say(200, '', { etag: '"0"' });
      }
      if (request.method === 'HEAD') {
        const found = HeadObjectCommand({ Bucket, Key, ChecksumMode: of('x-amz-checksum-mode') });
        return say(200, '', {
          'x-amz-checksum-sha256': String((found as { ChecksumSHA256?: string }).ChecksumSHA256),
        });
      }
      const listed = ListObjectsV2Command({
        ...{ Bucket, Prefix: searchParams.get('prefix') ?? '' },
        ...{ StartAfter: searchParams.get('start-after') ?? '' },
      }) as { Contents: { Key: string; Size: number; ETag: string }[] };
      const contents = listed.Contents.map(
        (each) =>
          `<Contents><Key>${each.Key}</Key><Size>${each.Size}</Size><ETag>${each.ETag}</ETag></Contents>`,
      );
      return say(200, `<ListBucketResult>${contents.join('')}</ListBucketResult>`);
    } catch (error) {
      const { name, $metadata } = error as Error & { $metadata?: { httpStatusCode: number } };
      return say($metadata?.httpStatusCode ?? 500, `<Error><Code>${name}</Code></Error>`);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  vi.stubEnv('AWS_ENDPOINT_URL', endpoint);
  onTestFinished(() => void vi.unstubAllEnvs());
  const credentials = { accessKeyId: 'AKID', secretAccessKey: 's' };
  const config = { endpoint, credentials, region: 'eu-central-1' };
  return {
    ...{ puts, s3 },
    site: (name: string) =>
      siteOf(new LambdaClient(config), new S3Client({ ...config, forcePathStyle: true }), name),
  };
}

describe('a site on AWS', () => {
  test('is found by its store, and its files arrive as they are, large ones too', async () => {
    const { puts, s3, site } = await wire();
    const { bucket, url, layout } = await site('web-shop-prod');
    expect({ url, layout }).toEqual({ url: 'https://shop.example', layout: 'dir' });
    const folder = await mkdtemp(join(tmpdir(), 'spillway-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    await writeFile(join(folder, 'index.html'), 'hello');
    await writeFile(join(folder, 'film.mp4'), Buffer.alloc(5_000_000, 7));
    await writeFile(join(folder, 'ä b.png'), 'x');
    const upload = () =>
      uploadSite({
        ...{ bucket, folder, mayMiss: false, notice: () => {} },
        build: { release: 'r1', layout, isApart: false },
      });
    await upload();
    expect(s3.bytes('web-files', '_releases/r1/film.mp4')).toEqual(Buffer.alloc(5_000_000, 7));
    expect(new TextDecoder().decode(s3.bytes('web-files', '_releases/r1/ä b.png'))).toBe('x');
    const page = puts.find(({ key }) => key === '_releases/r1/index.html');
    expect(page?.headers).toMatchObject({
      ...{ 'if-none-match': '*', 'content-length': '5', 'x-amz-meta-release': 'r1' },
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'public, max-age=0, s-maxage=31536000, must-revalidate',
      'x-amz-checksum-sha256': 'LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=',
    });
    for (const { headers } of puts) expect(headers).not.toHaveProperty('x-amz-trailer');
    const sent = puts.length;
    await upload();
    expect(puts.slice(sent).map(({ key }) => key)).toEqual(['_releases/r1/.spillway-files.json']);
  });

  test.each<[what: string, name: string, keys: Record<string, string>, says: string]>([
    ['is not there', 'web-shop-test', {}, 'The site web-shop-test does not exist in this account'],
    ['has no owner', 'web-shop-prod', {}, 'The site web-shop-prod has no owner'],
    [
      'has an owner that is no JSON',
      'web-shop-prod',
      { 'spillway-site': 'x' },
      'spillway-site that is no JSON',
    ],
    [
      'has an owner without a layout',
      'web-shop-prod',
      { 'spillway-site': '{"service":"shop","bucket":"web","url":"https://x.example"}' },
      'has a wrong `layout`, which must be dir, html or spa',
    ],
  ])('that %s is refused', async (_what, name, keys, says) => {
    await expect((await wire(keys)).site(name)).rejects.toMatchObject({
      ...{ code: 'TargetInvalid', message: expect.stringContaining(says) },
    });
  });
});
