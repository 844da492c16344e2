import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { runInNewContext } from 'node:vm';
import { transformSync } from 'esbuild';
import { expect, test } from 'vitest';

/** SST's components, as its platform has them. */
const SST = fileURLToPath(new URL('../../../.sst/platform/src/components/aws/', import.meta.url));

const router = readFileSync(`${SST}router.ts`, 'utf8');

/** The text of a template in SST's sources. */
function template(source: string, pattern: RegExp): string {
  const [, text] = pattern.exec(source) ?? [];
  if (text === undefined) throw new Error(`SST's sources have nothing like ${pattern}.`);
  return text;
}

/** What SST makes of the template, for a site with a domain. */
function generated(source: string, has: string, kvNamespace: string): string {
  const own = template(router, /export const CF_ROUTER_INJECTION = minify`([\s\S]*?)`;\n/)
    // The limit of headers, which stands before it.
    .replace(/\$\{[^}]*\}/g, String(10_240 - 512));
  const minified = transformSync(own, { minifyWhitespace: true, minifySyntax: true, target: 'es2018' });
  const codes = [...source.matchAll(/code: interpolate`([\s\S]*?)`,\n\s*\},\n\s*\{ parent: self \}/g)];
  const code = codes.map(([, text = '']) => text).find((text) => text.includes(has)) ?? '';
  const text = runInNewContext(`\`${code}\``, {
    ...{ userInjection: '/*INJECTION*/', kvNamespace, CF_ROUTER_INJECTION: minified.code },
    blockCloudfrontUrlInjection: template(
      router,
      /export const CF_BLOCK_CLOUDFRONT_URL_INJECTION = `([\s\S]*?)`;\n/,
    ),
  });
  return `${String(text).trimStart()}\n`;
}

test.each([
  ['router', router, 'getRoutes', 'rt01'],
  ['static-site', readFileSync(`${SST}static-site.ts`, 'utf8'), 'routeSite', 'st01'],
])('the copy of what SST generates is what it generates: %s', async (name, source, has, namespace) => {
  const copy = new URL(`../../edge/sst/${name}.txt`, import.meta.url);
  expect(generated(source, has, namespace)).toBe(readFileSync(copy, 'utf8'));
});
