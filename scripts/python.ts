import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** A Python that is at least this new and can make a virtual environment. */
function python(floor: string): string | undefined {
  const asks = `import sys, venv, ensurepip; sys.exit(sys.version_info < (${floor.replace('.', ', ')}))`;
  return ['python3', 'python'].find((name) => spawnSync(name, ['-c', asks]).status === 0);
}

function run(command: string, args: string[]): void {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  if (status === 0) return;
  throw new Error(`${command} ${args.join(' ')} failed: ${error?.message ?? stderr.trim()}`);
}

/**
 * The folder of programs that a file of requirements names, in an environment of their own under `.cache`; installed unless
 * they are there already. Without Python the answer is undefined, after it was said loudly that `what` did not run.
 * @throws Error in CI, which reads no such words
 */
export function programs(
  name: string,
  requirements: string,
  floor: string,
  what: string,
): string | undefined {
  const found = python(floor);
  if (found === undefined) {
    const message = `${what} DID NOT RUN: they need Python ${floor} or newer with venv (Debian: apt-get install python3-venv).`;
    if (process.env.CI !== undefined) throw new Error(message);
    console.error(`\n${'!'.repeat(message.length)}\n${message}\n${'!'.repeat(message.length)}\n`);
    return undefined;
  }
  const folder = join(ROOT, '.cache', name);
  const wanted = readFileSync(join(ROOT, requirements), 'utf8');
  const mark = join(folder, 'installed.txt');
  if (!existsSync(mark) || readFileSync(mark, 'utf8') !== wanted) {
    run(found, ['-m', 'venv', '--clear', folder]);
    const install = ['install', '--quiet', '--disable-pip-version-check', '-r', join(ROOT, requirements)];
    run(join(folder, 'bin', 'pip'), install);
    writeFileSync(mark, wanted);
  }
  return join(folder, 'bin');
}

/** A port of this machine on which nothing listens. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('No free port was found.');
  return address.port;
}
