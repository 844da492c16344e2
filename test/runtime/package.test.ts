import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc');
const ANSWER = 'withSpillway(async (event: { a: 1 }) => ({ statusCode: 200 }))';

let folder: string;
/** What a user has after `npm install spillway`: the files of `npm pack` alone, in a folder elsewhere. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'spillway-package-'));
  const packed = execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
    ...{ cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
  });
  const said = JSON.parse(packed);
  const [{ filename }] = Array.isArray(said) ? said : Object.values(said);
  const installed = join(folder, 'node_modules/spillway');
  mkdirSync(installed, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{}');
  execFileSync('tar', ['xzf', join(folder, filename), '--strip-components=1', '-C', installed]);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function written(files: Record<string, string>): string {
  const at = mkdtempSync(join(folder, 'app-'));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(at, name)), { recursive: true });
    writeFileSync(join(at, name), text);
  }
  return at;
}

test('the wrapper adds less than 7 KB to a bundle', async () => {
  const { outputFiles } = await build({
    ...{ entryPoints: [join(ROOT, 'runtime/with-spillway.mjs')], bundle: true, minify: true, write: false },
    ...{ format: 'esm', platform: 'node' },
  });
  expect(outputFiles[0]?.contents.length).toBeLessThan(7_000);
});

describe('the package, installed elsewhere', () => {
  // Node 20 before 20.19 and 22 before 22.12 cannot require an ES module.
  const OLD = '--no-experimental-require-module';
  test.each([
    ['require', [OLD], 'index.cjs', "const { withSpillway } = require('spillway');"],
    ['require', [], 'index.cjs', "const { withSpillway } = require('spillway');"],
    ['import', [OLD], 'index.mjs', "import { withSpillway } from 'spillway';"],
    ['import', [], 'index.mjs', "import { withSpillway } from 'spillway';"],
  ])('counts after %s with flags %j', (_how, flags, name, line) => {
    const at = written({
      [name]: `${line}
        const handler = withSpillway(async () => ({ statusCode: 500 }));
        const invokedFunctionArn = 'arn:aws:lambda:eu-central-1:123456789012:function:checkout:live';
        void handler({ requestContext: { http: {} } }, { invokedFunctionArn, functionVersion: '7' });`,
    });
    const { stdout, stderr } = spawnSync(process.execPath, [...flags, join(at, name)], { encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toMatchObject({ Responses: 1, Faults: 1, ExecutedVersion: '7' });
  });

  const IMPORT = `import { withSpillway } from 'spillway'; export const handler = ${ANSWER};`;
  const REQUIRE = `import spillway = require('spillway'); export const handler = spillway.${ANSWER};`;
  test.each([
    [
      'ES modules and CommonJS',
      'NodeNext',
      'NodeNext',
      { 'a.mts': IMPORT, 'b.cts': IMPORT, 'c.cts': REQUIRE },
    ],
    ['a bundler', 'ESNext', 'Bundler', { 'a.ts': IMPORT }],
  ])('has types for %s', (_for, module, resolution, right) => {
    const wrong = Object.entries(right).map(
      ([name, text]) => [`wrong-${name}`, `${text}\nexport const wrong: string = handler;\n`] as const,
    );
    const files = { ...right, ...Object.fromEntries(wrong) };
    const flags = ['--noEmit', '--strict', '--target', 'ES2022', '--types', '', '--ignoreConfig'];
    const { stdout } = spawnSync(
      process.execPath,
      [TSC, ...flags, '--module', module, '--moduleResolution', resolution, ...Object.keys(files)],
      { cwd: written(files), encoding: 'utf8' },
    );
    const errors = stdout.split('\n').filter((line) => /: error /.test(line));
    expect(errors.map((line) => line.split('(')[0]).sort()).toEqual(wrong.map(([name]) => name).sort());
    for (const error of errors)
      expect(error).toMatch(
        /error TS2322: Type '\(event: \{ a: 1; \}\) => Promise<\{ statusCode: number; \}>'/,
      );
  });
});
