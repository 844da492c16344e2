import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { filesOf } from '../../../cli/site/folder.ts';
import { type Upload, uploadSite } from '../../../cli/site/upload.ts';
import { siteBucket } from '../../../client/site-bucket.ts';
import type { SiteBuild } from '../../../core/site/types.ts';
import { virtualClock } from '../../../local/clock.ts';
import { awsError, directClient, type Intercept, type Operations } from '../../../local/sdk.ts';
import { SimulatedS3 } from '../../../local/services/s3.ts';

vi.mock('node:timers/promises', () => ({ setTimeout: async () => {} }));

const SITE: Record<string, string> = {
  'index.html': '<script type="module" src="/assets/index-DcECayyb.js"></script>',
  'about/index.html': 'about',
  'sw.js': 'self.x = 1',
  'assets/index-DcECayyb.js': 'import("./lazy-B1c2D3e4.js")',
  'assets/lazy-B1c2D3e4.js': 'lazy',
  'assets/index-DcECayyb.js.map': '{}',
};

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'spillway-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function write(files: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
}

/** A bucket whose calls go through `intercept`, and how to upload into it. */
function world(intercept: Intercept = (_command, _input, call) => call()) {
  const clock = virtualClock();
  const s3 = new SimulatedS3({ clock, region: 'eu-west-1', account: '123456789012', onEvent: () => {} });
  const through = { intercept };
  const calls: string[] = [];
  const client = directClient(s3.operations as Operations, {
    clock,
    intercept: (command, input, call) => {
      calls.push(`${command} ${(input as { Key?: string }).Key ?? ''}`.trim());
      return through.intercept(command, input, call);
    },
  });
  const bucket = siteBucket(client as never, 'web');
  const said: string[] = [];
  const upload = (build: Partial<SiteBuild> = {}, more: Partial<Upload> = {}) =>
    uploadSite({
      ...{ bucket, folder, mayMiss: false, notice: (text: string) => said.push(text) },
      build: { release: 'r42', layout: 'dir', isApart: false, ...build },
      ...more,
    });
  const stored = async () => {
    const keys: string[] = [];
    for await (const { key, etag } of bucket.list('')) keys.push(`${key} ${etag}`);
    return keys;
  };
  const head = (Key: string) => s3.operations.HeadObjectCommand({ Bucket: 'web', Key });
  return {
    ...{ s3, bucket, upload, stored, head, said, calls, through },
  };
}

const list = ({ s3 }: ReturnType<typeof world>, release = 'r42') =>
  JSON.parse(new TextDecoder().decode(s3.bytes('web', `_releases/${release}/.spillway-files.json`)));
const puts = ({ calls }: ReturnType<typeof world>) =>
  calls.filter((call) => call.startsWith('PutObject')).length;

describe('the upload of a site', () => {
  test('puts each file where it belongs, with its headers, and its list last', async () => {
    await write(SITE);
    const web = world();
    expect(await web.upload()).toBe('_releases/r42/');
    expect(web.calls.at(-1)).toBe('PutObjectCommand _releases/r42/.spillway-files.json');
    expect((await web.stored()).map((each) => each.split(' ')[0])).toEqual([
      ...['_releases/r42/.spillway-files.json', '_releases/r42/about/index.html', '_releases/r42/index.html'],
      ...['_releases/r42/sw.js', 'about/index.html', 'assets/index-DcECayyb.js', 'assets/lazy-B1c2D3e4.js'],
      ...['index.html', 'sw.js'],
    ]);
    expect(web.head('_releases/r42/index.html')).toMatchObject({
      ContentType: 'text/html; charset=utf-8',
      CacheControl: 'public, max-age=0, s-maxage=31536000, must-revalidate',
      Metadata: { release: 'r42' },
    });
    expect(web.head('assets/lazy-B1c2D3e4.js')).toMatchObject({
      ContentType: 'text/javascript; charset=utf-8',
      CacheControl: 'public, max-age=31536000, immutable',
    });
    expect(list(web)).toEqual({
      ...{ schema: 1, release: 'r42', elsewhere: [], releaseBound: ['/sw.js'] },
      documents: ['/about/index.html', '/index.html', '/sw.js'],
      assets: ['/assets/index-DcECayyb.js', '/assets/lazy-B1c2D3e4.js'],
    });
  });

  test('sends only what is new, and the plain pages once', async () => {
    await write(SITE);
    const web = world();
    await web.upload();
    web.calls.length = 0;
    await web.upload();
    expect(puts(web)).toBe(1);
    web.calls.length = 0;
    await write({ 'assets/lazy-Z9y8X7w6.js': 'other', 'index.html': `${SITE['index.html']} ` });
    await web.upload({ release: 'r43' });
    expect(web.calls.filter((call) => call.startsWith('Put')).sort()).toEqual(
      [
        ...[
          '_releases/r43/.spillway-files.json',
          '_releases/r43/about/index.html',
          '_releases/r43/index.html',
        ],
        ...['_releases/r43/sw.js', 'assets/lazy-Z9y8X7w6.js'],
      ].map((key) => `PutObjectCommand ${key}`),
    );
    expect(new TextDecoder().decode(web.s3.bytes('web', 'index.html'))).toBe(SITE['index.html']);
  });

  test.each<[what: string, fault: (command: string) => Error | undefined]>([
    ['refuses calls for its rate', () => awsError('SlowDown', 'Please reduce your request rate.', 503)],
    ['fails', () => awsError('InternalError', 'We encountered an internal error.', 500)],
    [
      'has another upload of the same file',
      (command) =>
        command === 'PutObjectCommand'
          ? awsError('ConditionalRequestConflict', 'A conflicting operation occurred.', 409)
          : undefined,
    ],
    ['is away', () => Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' })],
  ])('goes on if S3 %s', async (_what, fault) => {
    await write(SITE);
    const clean = world();
    await clean.upload();
    for (const isLost of [false, true]) {
      const seen = new Map<string, number>();
      const web = world(async (command, input, call) => {
        const error = fault(command);
        const key = command + ((input as { Key?: string }).Key ?? '');
        const times = (seen.get(key) ?? 0) + 1;
        seen.set(key, times);
        if (error === undefined || times > 2 || command === 'ListObjectsV2Command') return call();
        if (isLost) await call();
        throw error;
      });
      await web.upload();
      expect(await web.stored()).toEqual(await clean.stored());
    }
  });

  test('converges, wherever it was interrupted, before or after the effect of a call', async () => {
    await write(SITE);
    const clean = world();
    await clean.upload();
    const whole = clean.calls.length;
    expect(whole).toBeGreaterThan(8);
    for (let at = 1; at <= whole; at++)
      for (const isLost of [false, true]) {
        let calls = 0;
        const web = world(async (_command, _input, call) => {
          calls += 1;
          if (calls === at && isLost) await call();
          if (calls >= at) throw awsError('AccessDenied', 'Access Denied', 403);
          return call();
        });
        await expect(web.upload()).rejects.toThrow('Access Denied');
        web.through.intercept = (_command, _input, call) => call();
        await web.upload();
        expect(await web.stored()).toEqual(await clean.stored());
      }
  });

  test('by two at once ends as by one', async () => {
    await write(SITE);
    const [web, clean] = [world(), world()];
    await clean.upload();
    await Promise.all([web.upload(), web.upload()]);
    expect(await web.stored()).toEqual(await clean.stored());
  });

  test('changes no file of another release, says so, and has a remedy', async () => {
    await write(SITE);
    const web = world();
    await web.upload();
    const before = await web.stored();
    await write({ 'assets/lazy-B1c2D3e4.js': 'LAZY' });
    await expect(web.upload({ release: 'r43' })).rejects.toThrow(
      /other bytes: assets\/lazy-B1c2D3e4.js.*--base=\/_r\/r43\/.*--assets per-release/s,
    );
    expect(await web.stored()).toEqual(before);
    await write({ 'index.html': '<script type="module" src="/_r/r43/assets/index-DcECayyb.js"></script>' });
    await web.upload({ release: 'r43', isApart: true });
    expect(list(web, 'r43').assets).toContain('/_r/r43/assets/lazy-B1c2D3e4.js');
    expect(await web.stored()).toEqual(expect.arrayContaining(before));
  });

  test('finds a change that came while it was under way', async () => {
    await write(SITE);
    const web = world(async (command, input, call) => {
      if (command === 'PutObjectCommand' && String((input as { Key: string }).Key).includes('lazy-'))
        web.s3.operations.PutObjectCommand({ Bucket: 'web', Key: 'assets/lazy-B1c2D3e4.js', Body: 'theirs' });
      return call();
    });
    await expect(web.upload()).rejects.toThrow('other bytes: assets/lazy-B1c2D3e4.js');
  });

  test('of another build under the same release is refused', async () => {
    await write(SITE);
    const web = world();
    await web.upload();
    await write({ 'about/index.html': 'About' });
    await expect(web.upload()).rejects.toThrow(
      /begun with other files already.*about\/index.html.*--release/s,
    );
  });

  test('takes what another tool stored for the same if its bytes are, or cannot be compared', async () => {
    await write(SITE);
    const web = world();
    const put = (Key: string, Body: string) =>
      web.s3.operations.PutObjectCommand({ Bucket: 'web', Key, Body });
    put('assets/lazy-B1c2D3e4.js', 'lazy');
    put('index.html', 'the page of before');
    await web.upload();
    expect(new TextDecoder().decode(web.s3.bytes('web', 'index.html'))).toBe('the page of before');
    expect(web.calls).not.toContain('PutObjectCommand assets/lazy-B1c2D3e4.js');
    expect(web.calls).not.toContain('PutObjectCommand about/index.html');
    put('assets/lazy-B1c2D3e4.js', 'LAZY');
    await expect(web.upload({ release: 'r43' })).rejects.toThrow('other bytes');
  });

  test('refuses pages that need what nobody has, before anything is stored', async () => {
    await write({
      ...SITE,
      'index.html': '<script src="/assets/gone-1a2b3c4d.js"></script><img src="/a.png">',
    });
    const web = world();
    await expect(web.upload()).rejects.toThrow('index.html needs /assets/gone-1a2b3c4d.js');
    expect(puts(web)).toBe(0);
    await web.upload({}, { mayMiss: true });
    expect(list(web).elsewhere).toEqual(['/a.png', '/assets/gone-1a2b3c4d.js']);
    expect(web.said.join('\n')).toContain('/a.png (index.html)');
  });

  test('finds in the bucket what an earlier release left there', async () => {
    await write(SITE);
    const web = world();
    await web.upload();
    await rm(join(folder, 'assets/lazy-B1c2D3e4.js'));
    await expect(web.upload({ release: 'r43' })).resolves.toBe('_releases/r43/');
  });

  test('leads nobody away from what another release has in the same folder', async () => {
    await write({ 'index.html': '', 'img/hero-DcECayyb.png': '1', 'img/star-B1c2D3e4.png': '2' });
    const web = world();
    await web.upload();
    await rm(join(folder, 'img'), { recursive: true });
    await write({ 'img/a.png': '3', 'img/b.png': '4' });
    await web.upload({ release: 'r43' });
    expect(list(web, 'r43').releaseBound).toEqual(['/img/a.png', '/img/b.png']);
  });

  test('skips other releases as it reads the bucket, and reads all pages of the rest', async () => {
    await write(SITE);
    const web = world();
    const put = (Key: string) => web.s3.operations.PutObjectCommand({ Bucket: 'web', Key, Body: '' });
    for (let at = 0; at < 2_500; at++) put(`_releases/r1/${at}.html`);
    for (let at = 0; at < 1_500; at++) put(`assets/${at}.js`);
    await web.upload();
    expect(web.calls.filter((call) => call.startsWith('List'))).toHaveLength(1 + 2 + 1);
  });

  test('says what whoever uploads should know, and how it goes on', async () => {
    await write(SITE);
    const web = world();
    await web.upload({}, { home: 'https://shop.example' });
    expect(web.said).toEqual([
      expect.stringContaining('sw.js is a service worker'),
      expect.stringContaining('1 source map stay'),
      expect.stringMatching(/^5 files of 5 to upload, \d+ bytes\.$/),
    ]);
  });
});

test('progress is said of many files, in few lines', async () => {
  await write({ 'index.html': '' });
  await Promise.all(Array.from({ length: 1_499 }, (_, at) => writeFile(join(folder, `${at}.png`), '')));
  const web = world();
  await web.upload();
  expect(web.said.slice(1)).toEqual(
    Array.from({ length: 10 }, (_, at) => `${(150 * (at + 1)).toLocaleString('en-US')} of 1,500 files`),
  );
});

describe('a folder', () => {
  test('has files, and links to its own files', async () => {
    await write({ 'a/b.js': 'b' });
    await symlink(join(folder, 'a/b.js'), join(folder, 'c.js'));
    expect(await filesOf(folder)).toEqual([
      { name: 'a/b.js', bytes: 1 },
      { name: 'c.js', bytes: 1 },
    ]);
  });

  test.each([
    ['a link out of it', '/etc/passwd'],
    ['a link to nothing', 'nowhere'],
    ['a link to a folder', '.'],
  ])('with %s is refused', async (_what, to) => {
    await symlink(to, join(folder, 'x.js'));
    await expect(filesOf(folder)).rejects.toThrow('x.js: only files, and links to files of this folder');
  });

  test('that is none is refused', async () => {
    await write({ 'a.js': '' });
    await expect(filesOf(join(folder, 'gone'))).rejects.toThrow('cannot be read; build the site first');
    await expect(filesOf(join(folder, 'a.js'))).rejects.toThrow('is no folder');
  });

  test('with a large file is sent as a stream, and one of 6 GB is refused', async () => {
    await write(SITE);
    await writeFile(join(folder, 'film.mp4'), '');
    await truncate(join(folder, 'film.mp4'), 5_000_000);
    const web = world();
    await web.upload();
    const sha256 = createHash('sha256').update(new Uint8Array(5_000_000)).digest('base64');
    expect(await web.bucket.sha256('_releases/r42/film.mp4')).toBe(sha256);
    await truncate(join(folder, 'film.mp4'), 6e9);
    await expect(web.upload()).rejects.toThrow('film.mp4 has 6,000,000,000 bytes');
  });
});

describe('redirects and the page for what is missing', () => {
  const more = {
    ...SITE,
    '404.html': 'not here',
    _redirects: '/old /new 301\n/* /index.html 404\n/a/* /b/:splat\n',
  };

  test('a line of _redirects becomes a page of the release that carries where it leads', async () => {
    await write(more);
    const web = world();
    await web.upload();
    const page = await web.head('_releases/r42/old/index.html');
    expect(page).toMatchObject({
      ContentType: 'text/html; charset=utf-8',
      Metadata: { release: 'r42', location: '/new', status: '301' },
    });
    expect(list(web).documents).toContain('/old/index.html');
    expect(list(web).documents).not.toContain('/_redirects');
    expect(web.said[0]).toBe(
      '_redirects, line 3: only whole paths, without `*` or `:`, can be redirected; it is left out.',
    );
    expect(new TextDecoder().decode(web.s3.bytes('web', '_releases/r42/old/index.html'))).toContain(
      'url=/new',
    );
  });

  test('the newest upload has the page for what is missing, if the bucket lets it be replaced', async () => {
    await write(more);
    const web = world();
    await web.upload();
    const text = () => new TextDecoder().decode(web.s3.bytes('web', '404.html'));
    expect(text()).toBe('not here');
    await write({ '404.html': 'gone' });
    web.through.intercept = (command, input, call) => {
      const { Key, IfNoneMatch } = input as { Key?: string; IfNoneMatch?: string };
      if (command === 'PutObjectCommand' && Key === '404.html' && IfNoneMatch === undefined)
        throw awsError('AccessDenied', 'Access Denied', 403);
      return call();
    };
    await web.upload({ release: 'r43' });
    expect(web.said.at(-1)).toContain('does not let 404.html be replaced');
    expect(text()).toBe('not here');
    web.through.intercept = (_command, _input, call) => call();
    await web.upload({ release: 'r44' });
    expect(text()).toBe('gone');
  });
});
