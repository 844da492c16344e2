import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The folder of the project. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Where `sst install` puts SST's components and the providers; about 320 MB, kept out of git. */
export const PLATFORM = `${ROOT}.sst/platform/`;

/** npm instead of bun, no report to anybody, no look for a newer version: the npm registry is all that is asked. */
const QUIET = {
  SST_NO_BUN: '1',
  SST_SKIP_DEPENDENCY_CHECK: '1',
  SST_TELEMETRY_DISABLED: '1',
  DO_NOT_TRACK: '1',
};

/** Installs SST's platform if the one of the pinned version is missing. @throws Error with what the installer said */
export function ensurePlatform(): void {
  const { devDependencies } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8'));
  const wanted: string = devDependencies.sst;
  const installed = existsSync(`${PLATFORM}version`) ? readFileSync(`${PLATFORM}version`, 'utf8').trim() : '';
  if (installed === wanted && existsSync(`${PLATFORM}node_modules/@pulumi/aws`)) return;
  console.error(
    `SST's platform ${wanted} is not here (${installed || 'none'}): installing it from the npm registry into .sst/platform, about 320 MB and half a minute.`,
  );
  const { status, stdout, stderr, error } = spawnSync(
    process.execPath,
    [`${ROOT}node_modules/sst/bin/sst.mjs`, 'install', '--stage', 'install'],
    { cwd: ROOT, encoding: 'utf8', env: { ...process.env, ...QUIET } },
  );
  if (status === 0 && existsSync(`${PLATFORM}node_modules/@pulumi/aws`)) return;
  throw new Error(
    `SST's platform could not be installed: ${error?.message ?? `${stderr}${stdout}`.trim()}. It needs "npm ci" first and the npm registry.`,
  );
}
