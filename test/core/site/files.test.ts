import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CACHE, contentType } from '../../../core/site/content.ts';
import { hashedAmong } from '../../../core/site/hashed.ts';
import { nameFault, requestPath } from '../../../core/site/paths.ts';
import { patternsFor } from '../../../core/site/patterns.ts';
import { isAmong } from '../../../core/site/served.ts';
import { isOdd, isOfRelease } from '../../../edge/path.ts';

describe('a name with a hash in it', () => {
  test.each<[tool: string, hashed: string[], stable: string[]]>([
    [
      'Vite',
      [
        'assets/index-DcECayyb.js',
        'assets/lazy-B-x_3aAb.js',
        'assets/abcdefgh-qwertyui.js',
        'assets/style-C9kq2_Zz.css',
        'assets/worker-B1c2D3e4.js',
      ],
      ['index.html', 'favicon.ico', 'manifest.webmanifest', 'sw.js', 'assets/logo.svg', 'robots.txt'],
    ],
    [
      'Create React App',
      ['static/js/main.8a3f5c21.js', 'static/js/453.a1b2c3d4.chunk.js', 'static/css/main.e6c13ad2.css'],
      ['asset-manifest.json', 'service-worker.js', 'logo192.png'],
    ],
    [
      'Angular',
      ['main-5QZ4C5YP.js', 'chunk-QWERTYUI.js', 'styles-ABCDEFG2.css', 'polyfills-B6TNHZQ6.js'],
      ['ngsw.json', 'ngsw-worker.js', 'safety-worker.js'],
    ],
    [
      'Next',
      [
        '_next/static/chunks/4bd1b696-c023c6e3521b1417.js',
        '_next/static/media/0aa834ed78bf6d07-s.p.woff2',
        '_next/static/V1StGXR8_Z5jdHi6B-myT/_buildManifest.js',
      ],
      ['index.txt', 'about.txt', '_next/static/main/_buildManifest.js', '404.html'],
    ],
    [
      'SvelteKit and Astro',
      ['_app/immutable/entry/start.js', '_astro/index.D_x2aBcd.css'],
      ['_app/version.json', 'blog/__data.json', 'sitemap-index.xml'],
    ],
    [
      'nobody',
      [],
      [
        ...['images/my-component.js', 'photo-IMG20240101.jpg', 'report-20240101.pdf', 'hero-1920x1080.png'],
        ...[
          'jquery-3.7.1.min.js',
          'hello-HelloWorld.js',
          'app.js',
          'docs/a-1b2c3d4e.html',
          'trip-summer2024.jpg',
        ],
      ],
    ],
  ])('of %s', (_tool, hashed, stable) => {
    expect([...hashedAmong([...hashed, ...stable])].sort()).toEqual([...hashed].sort());
  });
});

describe('a path', () => {
  const part = fc.oneof(
    fc.constantFrom('a', '..', '.', '', '%2f', '%', 'ä', 'a b', '\\', '\0', '?', '#', '[x]', '\ud800', '%2E'),
    fc.string({ unit: 'binary' }),
  );
  const name = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));

  test('is good if and only if the edge finds what browsers make of it', () => {
    fc.assert(
      fc.property(name, (given) => {
        fc.pre(given.isWellFormed() && !/^(?:_r|_releases)\/|^\.spillway/.test(given) && given.length < 900);
        expect(nameFault(given) === undefined).toBe(!isOdd(requestPath(given)));
      }),
    );
  });

  test('is the one that a browser sends', () => {
    const [good] = [/^[^/\\\0]+$/];
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (given) => {
        fc.pre(given.isWellFormed() && good.test(given) && !/^\.{1,2}$|[\t\n\r]/.test(given));
        const escaped = given.replace(/[%?#]/g, encodeURIComponent);
        expect(requestPath(given)).toBe(new URL(`https://shop.example/${escaped} `.slice(0, -1)).pathname);
      }),
    );
  });

  test.each([
    ['_releases/r1/index.html', 'where releases are kept'],
    ['_r/r1/a.js', 'where releases are kept'],
    ['.spillway-files.json', 'the list'],
    ['a\\b.js', 'no backslash'],
    [`${'ü'.repeat(500)}.js`, 'has a name of 1003 bytes; 949 are possible'],
  ])('%s is refused', (given, why) => {
    expect(nameFault(given)).toContain(why);
  });
});

describe('patterns of paths', () => {
  test.each<[what: string, own: string[], others: string[], patterns: string[]]>([
    ['a folder of its own', ['/images/a.png', '/images/b/c.png'], ['/assets/x.js'], ['/images/*']],
    ['an extension of its own', ['/a.txt', '/b/c.txt', '/b/d.txt'], ['/b/x.js'], ['*.txt']],
    ['single files', ['/sw.js', '/logo.png'], ['/main-5QZ4C5YP.js'], ['/logo.png', '/sw.js']],
    ['none', [], ['/a'], []],
  ])('name %s', (_what, own, others, patterns) => {
    expect(patternsFor(own, others)).toEqual(patterns);
  });

  test('never take in what a release has for itself', () => {
    expect(isAmong('/_r/r43/a.png', ['*.png', '/_r/*', '/_r/r43/a.png'])).toBe(false);
    expect(patternsFor(['/a.png', '/b.png'], ['/_r/r43/c.png'])).toEqual(['*.png']);
  });

  test('take in what is own and nothing else, as the edge reads them', () => {
    const path = fc
      .array(fc.constantFrom('a', 'b', 'c.js', 'd.txt', 'e.f', '_r'), { minLength: 1, maxLength: 4 })
      .map((parts) => `/${parts.join('/')}`);
    fc.assert(
      fc.property(fc.uniqueArray(path), fc.uniqueArray(path), path, (all, given, any) => {
        const own = all.filter((each) => !each.startsWith('/_r/'));
        const others = given.filter((each) => !own.includes(each));
        const d = patternsFor(own, others);
        expect(own.every((each) => isAmong(each, d))).toBe(true);
        expect(others.some((each) => isAmong(each, d))).toBe(false);
        expect(isOfRelease(any, { s: 'r1', d })).toBe(isAmong(any, d));
      }),
    );
  });
});

test.each([
  ['a.js', 'text/javascript; charset=utf-8'],
  ['A.HTML', 'text/html; charset=utf-8'],
  ['a.css', 'text/css; charset=utf-8'],
  ['a.svg', 'image/svg+xml; charset=utf-8'],
  ['a.webmanifest', 'application/manifest+json; charset=utf-8'],
  ['a.wasm', 'application/wasm'],
  ['a.ico', 'image/vnd.microsoft.icon'],
  ['a.constructor', undefined],
  ['LICENSE', undefined],
])('the type of %s is %s', (name, type) => {
  expect(contentType(name)).toBe(type);
});

test('a page is asked for each time, and a hashed file never', () => {
  expect(CACHE.document).toMatch(/max-age=0,.*must-revalidate/);
  expect(CACHE.asset).toMatch(/immutable/);
});
