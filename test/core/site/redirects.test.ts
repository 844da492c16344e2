import { expect, test } from 'vitest';
import { redirectsFrom } from '../../../core/site/redirects.ts';

const of = (text: string, layout: 'dir' | 'html' | 'spa' = 'dir', names: string[] = []) => {
  const { redirects, notices } = redirectsFrom(text, new Set(names), layout);
  return { pages: redirects.map(({ name, to, status }) => [name, to, status]), notices };
};

test('each line is a page at its path, as the edge of the site looks for it', () => {
  const text =
    '# moved\n/old /new\n/a/b/  https://other.example/x?y=1 302 # why\n\n/old /later\n/p.html /q 308!\n';
  const others = [
    ['a/b/index.html', 'https://other.example/x?y=1', 302],
    ['p.html', '/q', 308],
  ];
  expect(of(text)).toEqual({ pages: [['old/index.html', '/new', 301], ...others], notices: [] });
  expect(of(text, 'html').pages).toEqual([['old.html', '/new', 301], ...others]);
});

test('what the edge does by itself needs no line', () => {
  expect(of('/* /index.html 200\n/* /404.html 404', 'spa')).toEqual({ pages: [], notices: [] });
});

test.each([
  ['/a/* /b', 'only whole paths'],
  ['/a/:id /b', 'only whole paths'],
  ['/../x /b', 'only whole paths'],
  ['/_releases//x /b', 'only whole paths'],
  ['/a.pdf /b', 'only whole paths'],
  ['/a /b/:splat', 'it must lead to a path or an address'],
  ['/a //evil.example', 'it must lead to a path or an address'],
  ['/a /\\evil.example', 'it must lead to a path or an address'],
  ['/a/ /a', 'it leads back to itself'],
  ['/a /a/index.html?b#c', 'it leads back to itself'],
  ['/a javascript:alert(1)', 'it must lead to a path or an address'],
  ['/a /\u00e4', 'it must lead to a path or an address'],
  ['/a', 'it must lead to a path or an address'],
  ['/a /b 200', 'status 200 is no redirect'],
  ['/a /b 302 Country=se', 'conditions are not understood'],
  ['/404.html /b', 'it would lead on from every path that is missing'],
  ['/taken /b', 'there is a page taken/index.html, which is served'],
])('%s is left out, and said', (line, said) => {
  const { pages, notices } = of(line, 'dir', ['taken/index.html']);
  expect(pages).toEqual([]);
  expect(notices).toEqual([expect.stringContaining(`_redirects, line 1: ${said}`)]);
});

test('what leads round, or to what does, is left out, and nothing else', () => {
  const { pages, notices } = of('/to /a\n/a /b\n/x /y\n/b /c/\n/c /a\n/y https://other.example/y');
  expect(pages).toEqual([
    ['x/index.html', '/y', 301],
    ['y/index.html', 'https://other.example/y', 301],
  ]);
  expect(notices.map((each) => each.slice(0, 20))).toEqual(
    [1, 2, 4, 5].map((line) => `_redirects, line ${line}: `),
  );
  expect(of('/404 /b', 'html').notices).toEqual([expect.stringContaining('every path that is missing')]);
  // The edge of this layout looks elsewhere for what ends in a slash.
  expect(of('/a/ /a', 'html').notices).toEqual([]);
});

test('of a site with one page for all routes no route is redirected', () => {
  expect(of('/old /new', 'spa').notices).toEqual([expect.stringContaining('redirect in the application')]);
});

test('where it leads is no markup', () => {
  const { redirects } = redirectsFrom('/a /b?"><script>', new Set(), 'dir');
  expect(redirects[0]?.body).not.toContain('"><script>');
});
