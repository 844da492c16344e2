import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import built from '../../page/built.json' with { type: 'json' };
import saved from '../../page/saved.json' with { type: 'json' };

const gzipped = (text: string) => gzipSync(text).length;

test('the first view is three files under 35 KB, compressed, and a saved rollout has less', () => {
  const files = Object.values(built.assets);
  expect(gzipped(built.html) + files.map(gzipped).reduce((sum, size) => sum + size, 0)).toBeLessThan(35_000);
  expect(gzipped(saved.script) + gzipped(saved.style)).toBeLessThan(25_000);
});

test('no text becomes markup', () => {
  const folder = new URL('../../page/', import.meta.url);
  const sources = readdirSync(folder).filter((name) => name.endsWith('.ts'));
  expect(sources.length).toBeGreaterThan(5);
  for (const name of sources)
    expect(readFileSync(new URL(name, folder), 'utf8')).not.toMatch(
      /innerHTML|insertAdjacent|document\.write/i,
    );
});

test('the page names its files by their digests, and nothing of another host', () => {
  for (const name of Object.keys(built.assets)) expect(built.html).toContain(`/assets/${name}`);
  for (const text of [built.html, ...Object.values(built.assets), saved.script, saved.style]) {
    const others = [...text.matchAll(/https?:\/\/[^"'`\s)<]+/g)].map(([url]) => url);
    // Names of namespaces, which nobody loads.
    expect(others.filter((url) => !url.startsWith('http://www.w3.org/'))).toEqual([]);
    expect(text).not.toMatch(/\beval\(|new Function\(/);
  }
});
