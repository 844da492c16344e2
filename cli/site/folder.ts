import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { RolloutError } from '../../core/errors.ts';
import { isRead, type References, referencesIn } from '../../core/site/references.ts';
import type { FolderFile } from '../../core/site/types.ts';
import { some } from '../../core/site/words.ts';

/** Larger files are read as streams, and not looked into. */
const WHOLE_BYTES_MAX = 4 * 1024 ** 2;

/** Hashes of a file's bytes: SHA-256 in base64, and MD5 in hex as S3 has it for what was stored by one call. */
export interface Hashes {
  sha256: string;
  md5: string;
}

/** Every file of a folder, by its name in it, in order. @throws RolloutError ManifestInvalid if it cannot be read, or has links that lead out of it */
export async function filesOf(folder: string): Promise<FolderFile[]> {
  const root = await realpath(folder).catch(() => {
    throw new RolloutError('ManifestInvalid', `${folder} cannot be read; build the site first.`);
  });
  const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => {
    throw new RolloutError('ManifestInvalid', `${folder} is no folder; name the one that the build writes.`);
  });
  const files: FolderFile[] = [];
  const strays: string[] = [];
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name);
    const name = relative(root, path).split(sep).join('/');
    if (entry.isDirectory()) continue;
    // A link is as good as a file if it leads to one of this folder: bundlers follow them as well.
    const target = entry.isSymbolicLink() ? await realpath(path).catch(() => '') : path;
    const found = target.startsWith(root + sep) ? await stat(target) : undefined;
    if (found?.isFile()) files.push({ name, bytes: found.size });
    else strays.push(name);
  }
  if (strays.length > 0)
    throw new RolloutError(
      'ManifestInvalid',
      `${some(strays)}: only files, and links to files of this folder, can be uploaded; copy what they lead to.`,
    );
  return files.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The bytes of a file, as a stream if it is large. */
export async function bodyOf(folder: string, { name, bytes }: FolderFile) {
  const path = join(folder, name);
  return bytes > WHOLE_BYTES_MAX ? createReadStream(path) : readFile(path);
}

/** What is to be known of a file before it is uploaded. */
export async function inspected(
  folder: string,
  file: FolderFile,
  home: string | undefined,
  text?: string,
): Promise<Hashes & { references?: References }> {
  const [sha256, md5] = [createHash('sha256'), createHash('md5')];
  const body = text === undefined ? await bodyOf(folder, file) : Buffer.from(text);
  for await (const part of body instanceof Uint8Array ? [body] : body) {
    sha256.update(part);
    md5.update(part);
  }
  return {
    ...{ sha256: sha256.digest('base64'), md5: md5.digest('hex') },
    ...(body instanceof Uint8Array && isRead(file.name)
      ? { references: referencesIn(file.name, body.toString(), home) }
      : {}),
  };
}
