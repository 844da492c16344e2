import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TOOLS = join(ROOT, '.cache/package');
const BUILT = join(TOOLS, 'built');
const NODES = { 'node 22': join(TOOLS, 'node_modules/node-22/bin/node'), 'node 24': process.execPath };
const project: { version: string; repository?: unknown } = JSON.parse(
  readFileSync(join(ROOT, 'package.json'), 'utf8'),
);
const { version } = project;

/** A folder for each way to install it, with nothing of this tree above it. Nothing is fetched: it needs nothing. */
const folder = mkdtempSync(join(tmpdir(), 'spillway-installed-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const tarball = join(folder, `spillway-${version}.tgz`);

function run(program: string, args: string[], cwd = folder, env: Record<string, string> = {}) {
  const { PATH, HOME } = process.env;
  const options = { cwd, encoding: 'utf8' as const, env: { PATH, HOME, ...env } };
  const { status, stdout, stderr } = spawnSync(program, args, options);
  return { status, stdout, stderr };
}
const tool = (path: string, args: string[], cwd = folder) =>
  run(process.execPath, [join(TOOLS, 'node_modules', path), ...args], cwd);
const bytesIn = (path: string): number =>
  statSync(path).isDirectory()
    ? readdirSync(path).reduce((sum, name) => sum + bytesIn(join(path, name)), 0)
    : statSync(path).size;

beforeAll(() => {
  const packed = run('npm', ['pack', BUILT, '--json', '--pack-destination', folder]);
  expect(packed.status, packed.stderr).toBe(0);
});

describe('the package', () => {
  test('is small, and needs no other', () => {
    const {
      dependencies,
      scripts,
      repository,
      private: isPrivate,
    } = JSON.parse(readFileSync(join(BUILT, 'package.json'), 'utf8'));
    expect({ dependencies, scripts, isPrivate }).toEqual({});
    // Its provenance is refused unless it names where it was built.
    expect(repository).toEqual(project.repository);
    expect(bytesIn(BUILT)).toBeLessThan(5_000_000);
    expect(readdirSync(join(BUILT, 'cli')).filter((name) => name.endsWith('.ts'))).toEqual([]);
    expect(readFileSync(join(BUILT, 'THIRD-PARTY.txt'), 'utf8')).toMatch(
      /^@aws-sdk\/client-lambda .*Apache-2\.0/m,
    );
  });

  test('is good to publint', () => {
    const { status, stdout } = tool('publint/src/cli.js', ['run', tarball, '--strict']);
    expect({ status, stdout }).toMatchObject({ status: 0, stdout: expect.stringContaining('All good!') });
  });

  test.each([
    ['the wrapper', ['--entrypoints', '.']],
    // SST's own configuration is an ES module.
    ['SST and schema', ['--exclude-entrypoints', '.', '--ignore-rules', 'cjs-resolves-to-esm']],
  ])('has types of %s that are right for whoever resolves them', (_, which) => {
    const args = [tarball, '--profile', 'node16', '--no-emoji', ...which];
    const { status, stdout } = tool('@arethetypeswrong/cli/dist/index.js', args);
    expect(status, stdout).toBe(0);
  });
});

describe.each([
  ['npm', (at: string) => run('npm', ['install', '--offline', '--no-audit', '--no-fund', tarball], at)],
  ['pnpm', (at: string) => tool('pnpm/bin/pnpm.cjs', ['add', '--offline', tarball], at)],
])('installed by %s in an empty folder', (by, install) => {
  const at = join(folder, by);
  const called = (node: string, ...args: string[]) =>
    run(node, [join(at, 'node_modules/spillway/cli/bin.cjs'), ...args], at);
  beforeAll(() => {
    spawnSync('mkdir', [at]);
    writeFileSync(join(at, 'package.json'), '{}');
    copyFileSync(join(ROOT, 'examples/checkout-api/rollout.yaml'), join(at, 'rollout.yaml'));
    const { status, stdout, stderr } = install(at);
    expect(status, `${stdout}${stderr}`).toBe(0);
  });

  test('is the command spillway', () => {
    expect(existsSync(join(at, 'node_modules/.bin/spillway'))).toBe(true);
    const { status, stdout } = run(join(at, 'node_modules/.bin/spillway'), ['--version'], at, {
      PATH: `${join(NODES['node 24'], '..')}:${process.env.PATH}`,
    });
    expect({ status, stdout }).toEqual({ status: 0, stdout: `${version}\n` });
  });

  test.each(Object.entries(NODES))('runs on plain %s', (_, node) => {
    expect(called(node, '--help')).toMatchObject({ status: 0, stderr: '' });
    const valid = called(node, 'validate', 'rollout.yaml');
    expect(valid).toMatchObject({ status: 0, stderr: '' });
    expect(valid.stdout).toContain('rollout.yaml is a valid rollout file for service checkout-api.');
    const plan = called(
      node,
      'plan',
      'rollout.yaml',
      '--requests-per-second',
      '20',
      '--error-rate',
      '0.1%',
      '--json',
    );
    expect(plan).toMatchObject({ status: 0, stderr: '' });
    expect(JSON.parse(plan.stdout).steps.length).toBeGreaterThan(1);
    // Its workers are files of the package too.
    const traffic = ['--requests-per-second', '20', '--error-rate', '0.1%'];
    const rehearsal = called(node, 'rehearse', 'rollout.yaml', ...traffic, '--runs', '1', '--json');
    expect(JSON.parse(rehearsal.stdout).bad).toHaveLength(7);
    // It comes as far as the AWS SDK, and finds no credentials.
    const aws = called(node, 'status', '--environment', 'production');
    expect(aws).toMatchObject({ status: 1, stdout: '' });
    expect(aws.stderr).toMatch(/^(?:No AWS region|There are no AWS credentials)/);
  });

  test.each([
    ['import', 'a.mjs', "import { withSpillway } from 'spillway'; console.log(typeof withSpillway);"],
    ['require', 'b.cjs', "console.log(typeof require('spillway').withSpillway);"],
    [
      'the schema',
      'c.cjs',
      "console.log(typeof require('spillway/schema.json').properties.service && 'function');",
    ],
  ])('gives %s', (_, name, code) => {
    writeFileSync(join(at, name), code);
    for (const node of Object.values(NODES))
      expect(run(node, [name], at)).toEqual({ status: 0, stdout: 'function\n', stderr: '' });
  });

  test('has the components for SST', () => {
    for (const name of ['sst', 'sst/site']) {
      const find = `console.log(import.meta.resolve('spillway/${name}'))`;
      const { stdout } = run(process.execPath, ['--input-type=module', '-e', find], at);
      expect(existsSync(fileURLToPath(stdout.trim()))).toBe(true);
    }
  });
});
