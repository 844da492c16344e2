import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { zipSync } from 'fflate';

const wrapper = fileURLToPath(new URL('../runtime/with-spillway.mjs', import.meta.url));

/** Zips folders over one another, as a build would, with the `spillway` package that the code imports. */
export function packed(...folders: string[]): Uint8Array {
  const files: Record<string, Uint8Array> = {
    'node_modules/spillway/package.json': new TextEncoder().encode(
      JSON.stringify({ name: 'spillway', type: 'module', exports: './with-spillway.mjs' }),
    ),
    'node_modules/spillway/with-spillway.mjs': readFileSync(wrapper),
  };
  for (const folder of folders) {
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      files[path.slice(folder.length + 1).replaceAll('\\', '/')] = readFileSync(path);
    }
  }
  return zipSync(files);
}
