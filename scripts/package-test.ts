// `npm run test:package`: the package that people install, made from this tree, judged by publint and Are The Types Wrong, installed by npm
// and pnpm in empty folders elsewhere, and used there on Node 22 and 24. What does that is installed in `.cache/package`, as
// test/package/pinned/package-lock.json says.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { handedOn } from './arguments.ts';
import { writePackage } from './packaging.ts';
import { installPinned } from './pinned.ts';

const given = handedOn({
  name: 'npm run test:package --',
  takes: ['[ARGUMENT OF VITEST...]'],
  does: 'makes the package that people install, judges it, and uses it as installed by npm and pnpm on Node 22 and 24; installs 250 MB in .cache/package once',
});
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FOLDER = join(ROOT, '.cache', 'package');

if (process.platform !== 'linux' || process.arch !== 'x64') {
  console.error(
    `npm run test:package runs Node 22 for linux-x64; this is ${process.platform}-${process.arch}. Run it in a container or leave it to CI.`,
  );
  process.exit(1);
}
installPinned(
  join(ROOT, 'test', 'package', 'pinned'),
  FOLDER,
  'Installing publint, Are The Types Wrong, pnpm and Node 22 in .cache/package: 250 MB.',
);
await writePackage(join(FOLDER, 'built'));
const { status } = spawnSync(
  process.execPath,
  [
    join(ROOT, 'node_modules/vitest/vitest.mjs'),
    ...['run', '--config', join(ROOT, 'vitest.package.config.ts'), ...given],
  ],
  { cwd: ROOT, stdio: 'inherit' },
);
process.exitCode = status ?? 1;
