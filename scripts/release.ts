// `npm run release -- --dry-run`: looks whether this tree may be released, makes the package, and publishes it with its provenance; with --dry-run
// it shows what would be published. `npm run test:package` tests the same package.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { given } from './arguments.ts';
import { writePackage } from './packaging.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FOLDER = join(ROOT, '.cache', 'package', 'built');

const { 'dry-run': isDry } = given({
  name: 'npm run release --',
  takes: [],
  does: 'publishes the package of this tree to the npm registry, from CI and with its provenance, once all that a release needs is there',
  options: { 'dry-run': { does: 'publishes nothing: says what is missing, and what would be published' } },
}).options;

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const { version, repository } = JSON.parse(read('package.json'));
const run = (command: string, args: string[]) =>
  spawnSync(command, args, { cwd: ROOT, encoding: 'utf8' }).stdout.trim();

/** What a release needs, and how to get it. */
const needs: [what: string, isThere: boolean, fix: string][] = [
  ['everything is committed', run('git', ['status', '--porcelain']) === '', 'commit it'],
  [
    `CHANGELOG.md has the day of ${version}`,
    new RegExp(`^## \\[${version.replaceAll('.', '\\.')}\\] - \\d{4}-`, 'm').test(read('CHANGELOG.md')),
    'write it in the place of "Unreleased"',
  ],
  [
    `what ${version} stores is recorded`,
    existsSync(join(ROOT, 'test/histories', version)),
    'run "npm run histories"',
  ],
  [
    'generated files are current',
    spawnSync(process.execPath, [join(ROOT, 'scripts/reference.ts'), '--check']).status === 0,
    'run "npm run docs"',
  ],
  [
    'the package names its repository',
    repository !== undefined,
    'add "repository" to package.json: provenance is refused without it',
  ],
  [
    'it runs in CI',
    process.env.ACTIONS_ID_TOKEN_REQUEST_URL !== undefined,
    'publish from a workflow with the permission id-token: write, as a trusted publisher',
  ],
];
for (const [what, isThere, fix] of needs)
  console.log(isThere ? `ok       ${what}` : `MISSING  ${what}: ${fix}`);

if (!isDry && needs.some(([, isThere]) => !isThere)) {
  console.error('Nothing is published.');
  process.exitCode = 1;
} else {
  await writePackage(FOLDER);
  const { status } = spawnSync(
    'npm',
    [
      'publish',
      FOLDER,
      '--loglevel',
      'notice',
      '--access',
      'public',
      ...(isDry ? ['--dry-run'] : ['--provenance']),
    ],
    { cwd: ROOT, stdio: 'inherit' },
  );
  process.exitCode = status ?? 1;
}
