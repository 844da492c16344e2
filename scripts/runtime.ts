// `npm run test:runtime`: the wrapper's table of handlers under Lambda's own runtime client, aws-lambda-ric, on Node 20, 22 and 24.
// Client and Nodes are installed in `.cache/runtime`, as test/runtime/ric/pinned/package-lock.json says. The client's compiled part is not
// built, for that takes the headers of Node from outside the registry; test/runtime/ric/native-client.mjs stands in for it.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { handedOn } from './arguments.ts';
import { installPinned } from './pinned.ts';

const given = handedOn({
  name: 'npm run test:runtime --',
  takes: ['[ARGUMENT OF VITEST...]'],
  does: 'runs the table of handlers of withSpillway under the runtime client of Lambda, on Node 20, 22 and 24, and the counters for Python; installs 370 MB in .cache/runtime once',
});
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PINNED = join(ROOT, 'test', 'runtime', 'ric', 'pinned');
const FOLDER = join(ROOT, '.cache', 'runtime');

/** Installs the clients and the Nodes unless they are there. */
function install(): void {
  const isNew = installPinned(
    PINNED,
    FOLDER,
    'Installing aws-lambda-ric, Node 20 and Node 22 in .cache/runtime: 370 MB, half a minute.',
  );
  // The file only has to be there: its loading is what the stand-in takes over.
  for (const native of isNew ? ['ric-3/dist', 'ric-4'] : [])
    writeFileSync(join(FOLDER, 'node_modules', native, 'rapid-client.node'), '');
}

/** Installs Lambda's runtime client for Python beside it; where Python is too old or absent, its tests are left out, which is said. */
function installPython(): void {
  const requirements = join(ROOT, 'test', 'runtime', 'ric', 'requirements.txt');
  const [folder, wanted] = [join(FOLDER, 'python'), readFileSync(requirements, 'utf8')];
  const mark = join(folder, 'installed.txt');
  if (existsSync(mark) && readFileSync(mark, 'utf8') === wanted) return;
  const args = ['-m', 'pip', 'install', '--quiet', '--only-binary', ':all:', '--no-deps'];
  const { status, stderr, error } = spawnSync(
    process.env.PYTHON ?? 'python3',
    [...args, '--upgrade', '--target', folder, '--requirement', requirements],
    { encoding: 'utf8' },
  );
  if (status === 0) writeFileSync(mark, wanted);
  else
    console.error(
      `The counters for Python are not tested here: awslambdaric was not installed (${error?.message ?? stderr.trim()}).`,
    );
}

if (process.platform !== 'linux' || process.arch !== 'x64') {
  console.error(
    `npm run test:runtime runs Lambda's Node 20 and 22 for linux-x64; this is ${process.platform}-${process.arch}. Run it in a container or leave it to CI.`,
  );
  process.exit(1);
}
install();
installPython();
const { status } = spawnSync(
  process.execPath,
  [
    join(ROOT, 'node_modules/vitest/vitest.mjs'),
    ...['run', '--config', join(ROOT, 'vitest.runtime.config.ts'), ...given],
  ],
  { cwd: ROOT, stdio: 'inherit' },
);
process.exitCode = status ?? 1;
