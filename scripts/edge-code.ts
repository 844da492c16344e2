import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

/** What CloudFront Functions do not have, by what njs 0.7.9 and 0.8.9 refuse, whose language theirs is: an error where esbuild cannot write it otherwise. */
const SUPPORTED = {
  ...{ destructuring: false, 'default-argument': false, 'for-of': false, class: false, generator: false },
  ...{ 'array-spread': false, 'object-rest-spread': false, 'optional-chain': false, bigint: false },
  ...{ 'logical-assignment': false, 'optional-catch-binding': false },
};

/** The functions of the edge, with the file of each; true for those that run inside functions of SST. */
const FUNCTIONS: [name: string, file: string, isWithin: boolean][] = [
  ['viewer-request', 'viewer-request', false],
  ['viewer-response', 'viewer-response', false],
  ['static-site', 'static-site', true],
  ['router', 'router', true],
  ['sst-response', 'viewer-response', true],
];

/** The code of each function, as it is uploaded, and of the beacon, as it stands in pages, by its name. */
export function edgeCode(): Record<string, string> {
  const functions = FUNCTIONS.map(([name, file, isWithin]) => [name, built(file, isWithin)]);
  return { ...Object.fromEntries(functions), beacon: beacon() };
}

/** The script of a page: browsers of the last years read ES2018, and no name of it is seen by others. */
function beacon(): string {
  const { outputFiles } = buildSync({
    entryPoints: [fileURLToPath(new URL('../edge/beacon.ts', import.meta.url))],
    ...{ bundle: true, write: false, format: 'iife', platform: 'browser', logLevel: 'silent' },
    ...{ target: 'es2018', minify: true },
  });
  return outputFiles[0]?.text ?? '';
}

/** The code of one function. What it needs to know of its site stands before it, as `const LAYOUT` or `const BASE`. */
function built(name: string, isWithin: boolean): string {
  const { outputFiles } = buildSync({
    entryPoints: [fileURLToPath(new URL(`../edge/${name}.ts`, import.meta.url))],
    ...{ bundle: true, write: false, format: 'esm', platform: 'neutral', logLevel: 'silent' },
    // A newer target drops the name of an error that is caught, which is a syntax error at the edge.
    ...{ target: 'es2018', minify: true, supported: SUPPORTED, external: ['cloudfront', 'node:crypto'] },
  });
  const bundled = outputFiles[0]?.text ?? '';
  const [, exported = ''] = /export\s*\{\s*([\w$]+) as \w+\s*\};?\s*$/.exec(bundled) ?? [];
  const imported = [...bundled.matchAll(/import ([\w$]+) from\s*"cloudfront";/g)].map(([, module]) => module);
  const code = bundled
    .replace(/export\s*\{[^}]*\};?\s*$/, '')
    .replace(/import ([\w$]+) from\s*"node:crypto";/, 'const $1=require("crypto");')
    .replaceAll(/import ([\w$]+) from\s*"cloudfront";/g, 'const $1=cf;');
  if (exported === '' || imported.length === 0)
    throw new Error(`edge/${name}.ts: its build exports no handler, or does not read the store: ${bundled}`);
  return !isWithin
    ? `import cf from "cloudfront";${code}async function handler(event){return await ${exported}(event)}\n`
    : // Names of its own: what runs around it has others.
      `await(async()=>{${code}await ${exported}(event)})();\n`;
}
