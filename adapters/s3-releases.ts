import { createHash } from 'node:crypto';
import { RolloutError } from '../core/errors.ts';
import type { ReleaseStore } from '../core/ports.ts';
import { UNPACKED_BYTES_MAX, zipFault } from '../core/zip.ts';
import { nameOf, reach } from './_aws.ts';
import type { Objects } from './s3-objects.ts';

type Stored = Parameters<ReleaseStore['read']>[0];

/** Uploaded objects, read by their exact version. */
export function s3Releases(objects: Objects): ReleaseStore {
  return {
    read: (object, limit) =>
      bytesOf(
        objects,
        object,
        limit,
        (size) => `has ${size} bytes; a manifest may have ${limit}. Put artifacts beside it, not into it`,
      ),
    async assertCode(object, sha256) {
      const says = (size: number) =>
        `has ${size} bytes, and Lambda takes at most ${UNPACKED_BYTES_MAX}; leave out what does not run, or use an image`;
      const zip = await bytesOf(objects, object, UNPACKED_BYTES_MAX, says);
      const fault = zipFault(zip) ?? mismatch(zip, sha256);
      if (fault === undefined) return;
      throw new RolloutError('ManifestInvalid', `${object.key} ${fault}.`);
    },
  };
}

async function bytesOf(
  objects: Objects,
  object: Stored,
  limit: number,
  tooLarge: (size: number) => string,
): Promise<Uint8Array> {
  const { bucket, key, versionId } = object;
  try {
    return await reach(key, async () => {
      const { size, bytes } = await objects.get(object);
      // Its length is known before its body is read, so an enormous object never reaches memory.
      if (size > limit) throw new RolloutError('ManifestInvalid', `${key} ${tooLarge(size)}.`);
      return bytes();
    });
  } catch (error) {
    if (nameOf(error) !== 'NoSuchKey' && nameOf(error) !== 'NoSuchVersion') throw error;
    throw new RolloutError(
      'ManifestInvalid',
      `${key} (version ${versionId}) is gone from bucket ${bucket}; upload it again.`,
    );
  }
}

function mismatch(zip: Uint8Array, wanted: string): string | undefined {
  const found = createHash('sha256').update(zip).digest('base64');
  if (found === wanted) return undefined;
  return `has the SHA-256 ${found}, and its manifest says ${wanted}; upload the file that was built, then the manifest again`;
}
