import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { zipSync } from 'fflate';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const { name, type, exports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

/** Zips folders over one another, as a build would, with the `spillway` package that the code imports. */
export function packed(...folders: string[]): Uint8Array {
  const files: Record<string, Uint8Array> = {
    'node_modules/spillway/package.json': new TextEncoder().encode(JSON.stringify({ name, type, exports })),
  };
  for (const file of ['runtime/with-spillway.mjs', 'runtime/with-spillway.cjs'])
    files[`node_modules/spillway/${file}`] = readFileSync(join(ROOT, file));
  for (const folder of folders) {
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      files[path.slice(folder.length + 1).replaceAll('\\', '/')] = readFileSync(path);
    }
  }
  return zipSync(files);
}
