import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Installs in a folder what a lock file pins, unless that is there already; no script of a package runs. Answers whether it was installed now. @throws Error with what npm said */
export function installPinned(pinned: string, folder: string, notice: string): boolean {
  const wanted = readFileSync(join(pinned, 'package-lock.json'), 'utf8');
  const mark = join(folder, 'installed.json');
  if (existsSync(mark) && readFileSync(mark, 'utf8') === wanted) return false;
  console.error(notice);
  mkdirSync(folder, { recursive: true });
  for (const name of ['package.json', 'package-lock.json'])
    copyFileSync(join(pinned, name), join(folder, name));
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund'];
  const { status, stderr, error } = spawnSync('npm', args, { cwd: folder, encoding: 'utf8' });
  if (status !== 0) throw new Error(`npm ${args.join(' ')} failed: ${error?.message ?? stderr.trim()}`);
  writeFileSync(mark, wanted);
  return true;
}
