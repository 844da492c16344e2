import { describe, expect, test } from 'vitest';
import { missingFault, missingOf } from '../../../core/site/missing.ts';
import { referenceNotices } from '../../../core/site/notices.ts';
import { referencesIn } from '../../../core/site/references.ts';
import { changedFault, siteRelease } from '../../../core/site/release.ts';
import { listOfRelease, releasesIn, removable } from '../../../core/site/retention.ts';
import type { SiteBuild } from '../../../core/site/types.ts';

const BUILD: SiteBuild = { release: 'r42', layout: 'dir', isApart: false };
const files = (...names: string[]) => names.map((name) => ({ name, bytes: 10 }));
const SITE = files(
  ...['index.html', 'about/index.html', 'sw.js', 'images/a.png', 'images/b.png'],
  ...['assets/index-DcECayyb.js', 'assets/index-DcECayyb.js.map', '.DS_Store', '.well-known/security.txt'],
);

describe('the files of a release', () => {
  test('are documents of its own, and assets that releases share', () => {
    expect(siteRelease(SITE, BUILD)).toMatchObject({
      documents: [
        ...['index.html', 'about/index.html', 'sw.js', 'images/a.png', 'images/b.png'],
        '.well-known/security.txt',
      ],
      assets: [{ name: 'assets/index-DcECayyb.js', key: 'assets/index-DcECayyb.js' }],
      left: ['assets/index-DcECayyb.js.map', '.DS_Store'],
      releaseBound: ['/.well-known/security.txt', '/images/*', '/sw.js'],
    });
  });

  test('share no pattern with hashed files that other releases have, nor another kind', () => {
    const now = files('index.html', 'assets/a.png', 'assets/b.png', 'assets/lazy-qwertyui.js');
    const before = ['assets/a.png', 'assets/index-B1c2D3e4.js', 'index.html'];
    for (const isApart of [false, true]) {
      const alone = siteRelease(now, { ...BUILD, isApart });
      expect(alone.releaseBound).toEqual(['/assets/*']);
      const beside = siteRelease(now, { ...BUILD, isApart }, before);
      expect(beside.releaseBound).toEqual(['*.png']);
      expect(beside.documents).toEqual(['index.html', 'assets/a.png', 'assets/b.png']);
    }
  });

  test('of a build that shares nothing lie in a folder of the release', () => {
    const { assets, documents } = siteRelease(SITE, { ...BUILD, isApart: true });
    expect(assets).toContainEqual({
      name: 'assets/index-DcECayyb.js',
      key: '_r/r42/assets/index-DcECayyb.js',
    });
    expect(assets).toContainEqual({ name: 'images/a.png', key: '_r/r42/images/a.png' });
    expect(documents).toContain('images/a.png');
    expect(documents).not.toContain('assets/index-DcECayyb.js');
  });

  test.each<[what: string, given: ReturnType<typeof files>, says: string]>([
    ['no files', [], 'The folder has no files; build the site first.'],
    ['files that all stay here', files('.DS_Store'), 'has no files'],
    ['no first page', files('dist/index.html'), 'no index.html in the folder itself'],
    ['a file of 6 GB', [...SITE, { name: 'film.mp4', bytes: 6e9 }], 'film.mp4 has 6,000,000,000 bytes'],
    [
      'a name that is not served',
      [...SITE, ...files('a\\b.js')],
      '"a\\\\b.js" has a name that is not served',
    ],
    ['a file where releases are kept', [...SITE, ...files('_releases/r1/a.js')], 'where releases are kept'],
    [
      'too many files among hashed ones',
      [...SITE, ...Array.from({ length: 60 }, (_, at) => ({ name: `assets/f${at}.x${at}`, bytes: 1 }))],
      'Put them into a folder of their own',
    ],
  ])('are refused with %s', (_what, given, says) => {
    expect(() => siteRelease(given, BUILD)).toThrow(says);
  });

  test.each<[what: string, names: string[], layout: SiteBuild['layout'], says: string]>([
    ['a service worker', ['sw.js'], 'dir', 'sw.js is a service worker: it answers with its own release'],
    ['source maps', ['assets/a-1b2c3d4e.js.map'], 'dir', '1 source map stay'],
    [
      'names alike but for case',
      ['Logo.png', 'logo.png'],
      'dir',
      'Logo.png and logo.png differ only in case',
    ],
    ['an unknown extension', ['model.xyz'], 'dir', 'The extension of model.xyz is unknown'],
    ['a file without a dot', ['LICENSE'], 'dir', 'LICENSE cannot be reached'],
    ['pages of another layout', ['about.html'], 'dir', 'only with .html at the end'],
    ['folders of another layout', ['about/index.html'], 'html', 'only with a slash at the end'],
  ])('with %s are uploaded, with a word', (_what, names, layout, says) => {
    const { notices } = siteRelease(files('index.html', ...names), { ...BUILD, layout });
    expect(notices.join('\n')).toContain(says);
  });

  test('that are as they should be need no word', () => {
    const good = files('index.html', '404.html', 'about/index.html', 'robots.txt', 'assets/a-DcECayyb.js');
    expect(siteRelease(good, BUILD).notices).toEqual([]);
  });
});

describe('what a file names', () => {
  const named = (name: string, text: string) =>
    referencesIn(name, text, 'https://shop.example').own.map(
      (each) => `${each.name}${each.isVital ? '!' : ''}`,
    );

  test.each<[what: string, name: string, text: string, found: string[]]>([
    [
      'a page of Vite',
      'index.html',
      '<script type="module" crossorigin src="/assets/i-1.js"></script><link rel="modulepreload" href="/assets/v-1.js"><link rel=stylesheet href=./assets/i-1.css><link rel="icon" href="/fav.svg?v=2"><img src=\'a%20b.png\'>',
      ['assets/i-1.js!', 'assets/v-1.js!', 'assets/i-1.css!', 'fav.svg', 'a b.png'],
    ],
    [
      'what leads elsewhere',
      'index.html',
      '<script src="https://cdn.example/x.js"></script><script src="//cdn.example/y.js"></script><img src="data:image/png;base64,AA"><a href="/gone.html"></a><link rel="canonical" href="https://shop.example/gone.html"><!-- <script src="/old.js"></script> --><img src="{x}.png"><iframe src="/route">',
      [],
    ],
    [
      'a page in a folder',
      'docs/a/index.html',
      '<script src="../x.js"></script><script src="../../../../y.js"></script>',
      ['docs/x.js!', 'y.js!'],
    ],
    [
      'a page with a base',
      'a/index.html',
      '<base href="/"><script src="main-X.js"></script>',
      ['main-X.js!'],
    ],
    [
      'the site by its own host',
      'index.html',
      '<script src="https://shop.example/a.js"></script>',
      ['a.js!'],
    ],
    [
      'code in a page',
      'index.html',
      '<script type="module">import "/a.mjs"; import("./b.js")</script><style>p{background:url(bg.png)}</style>',
      ['bg.png', 'a.mjs!', 'b.js!'],
    ],
    [
      'a style sheet',
      'assets/s.css',
      '@import "./t.css";a{src:url(/f.woff2) , url("g.woff#x")}/* url(old.png) */b{c:url(#id)}',
      ['assets/t.css!', 'f.woff2', 'assets/g.woff'],
    ],
    [
      'a chunk of Vite',
      'assets/i.js',
      'const __vite__mapDeps=(i,m=__vite__mapDeps,d=(m.f||(m.f=["assets/lazy-1.js","assets/lazy-1.css"])))=>i;import{a}from"./v-1.js";import(`./lazy-1.js`);new URL("./w.png",import.meta.url);import"react"',
      ['assets/lazy-1.js!', 'assets/lazy-1.css!', 'assets/v-1.js!', 'assets/lazy-1.js!', 'assets/w.png'],
    ],
    [
      'the list of Create React App',
      'asset-manifest.json',
      '{"files":{"main.js":"/static/js/main.1.js"},"entrypoints":["static/css/a.css"]}',
      ['static/js/main.1.js', 'static/css/a.css'],
    ],
    [
      'the list of Angular',
      'ngsw.json',
      '{"urls":["/main-X.js","/index.html"]}',
      ['main-X.js', 'index.html'],
    ],
    ['a path that is no text', 'index.html', '<img src="/%E0%A4%A.png">', []],
  ])('is found in %s', (_what, name, text, found) => {
    expect(named(name, text)).toEqual(found);
  });

  test('shows a service worker and addresses of the site itself', () => {
    expect(referencesIn('a.js', 'navigator.serviceWorker.register("/x")').hasWorker).toBe(true);
    const { absolute } = referencesIn(
      'index.html',
      '<img src="https://SHOP.example/a.png">',
      'https://shop.example/',
    );
    expect(absolute).toEqual(['https://SHOP.example/a.png']);
  });

  test('takes no long time in what is made to take it', () => {
    const long = [
      '<img '.repeat(20_000),
      '<!--'.repeat(20_000),
      'url('.repeat(20_000),
      '"a":"'.repeat(20_000),
    ];
    for (const text of long) for (const name of ['a.html', 'a.css', 'a.js', 'ngsw.json']) named(name, text);
  });

  test('is missing if the folder has it not', () => {
    const references = [
      { by: 'index.html', ...referencesIn('index.html', '<script src="/_r/r42/a.js"></script>') },
    ];
    const missing = missingOf(references, new Set(['index.html']), { ...BUILD, isApart: true });
    expect(missing.vital).toEqual([{ name: 'a.js', by: 'index.html' }]);
    expect(missingOf(references, new Set(['a.js']), { ...BUILD, isApart: true }).vital).toEqual([]);
    expect(missingFault(missing.vital).message).toMatch(/index.html needs \/a.js.*--allow-missing/s);
  });

  test('is said before the upload', () => {
    const notices = referenceNotices(
      [{ name: 'a.png', by: 'index.html' }],
      new Map([['https://shop.example/a.js', 'index.html']]),
      'assets/i.js',
    );
    expect(notices.join('\n')).toMatch(
      /\/a.png \(index.html\).*https:.*assets\/i.js registers a service worker/s,
    );
  });

  test('and has other bytes than before can be built apart', () => {
    expect(changedFault(['assets/a-1b2c3d4e.js'], BUILD).message).toMatch(
      /base=\/_r\/r42\/.*--assets per-release --release r42/,
    );
  });
});

describe('what may go', () => {
  const list = (release: string, ...assets: string[]) => ({
    ...{ schema: 1 as const, release, documents: ['/index.html'], assets, releaseBound: [], elsewhere: [] },
  });
  const objects = [
    ...[
      'assets/a.js',
      'assets/b-1b2c3d4e.js',
      'index.html',
      '_releases/r41/index.html',
      '_releases/r4/index.html',
    ],
    '_releases/r42/.spillway-files.json',
  ].map((key) => ({ key, at: 1 }));

  const lists = [list('r41', '/assets/a.js'), list('r42', '/assets/a.js')];
  const gone = [{ release: 'r4', list: list('r4', '/assets/a.js', '/assets/b-1b2c3d4e.js') }];

  test('is what releases that go have and no kept one does, their lists last', () => {
    const more = ['_releases/r4/.spillway-files.json', '_r/r4/x.js', 'uploads/photo.jpg', 'assets/other.js'];
    const all = [...more.map((key) => ({ key, at: 1 })), ...objects];
    expect(removable(all, lists, gone, 2)).toEqual([
      ...[
        '_r/r4/x.js',
        'assets/b-1b2c3d4e.js',
        '_releases/r4/index.html',
        '_releases/r4/.spillway-files.json',
      ],
    ]);
  });

  test('is nothing that its list names without having had it', () => {
    const taken = ['_releases/r41/index.html', '_r/r41/x.js', 'uploads/photo.jpg', '404.html'];
    const all = [...objects, ...taken.map((key) => ({ key, at: 1 }))];
    const lying = { release: 'r4', list: list('r4', ...taken.map((key) => `/${key}`)) };
    expect(removable(all, lists, [lying], 2)).toEqual(['_releases/r4/index.html']);
  });

  test('is nothing that is young, and nothing at all without a list', () => {
    expect(removable(objects, lists, gone, 1)).toEqual([]);
    expect(removable(objects, [], gone, 2)).toEqual([]);
    expect(removable(objects, lists, [], 2)).toEqual([]);
  });

  test('names the releases of a bucket, the newest first, also those that were never finished', () => {
    const at = (key: string, when: number) => ({ key, at: when });
    expect(
      releasesIn([
        at('_releases/r1/.spillway-files.json', 3),
        at('_releases/r1/index.html', 9),
        at('_releases/r2/index.html', 5),
        at('assets/a.js', 7),
      ]),
    ).toEqual([
      { release: 'r2', at: 5, isListed: false },
      { release: 'r1', at: 3, isListed: true },
    ]);
    expect(listOfRelease(JSON.stringify(list('r1')), 'r1')).toEqual(list('r1'));
    for (const text of ['', '{}', JSON.stringify(list('r2'))])
      expect(listOfRelease(text, 'r1')).toBeUndefined();
  });
});
