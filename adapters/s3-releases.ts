import { createHash } from 'node:crypto';
import { RolloutError } from '../core/errors.ts';
import type { ReleaseStore } from '../core/ports.ts';
import { UNPACKED_BYTES_MAX, zipFault } from '../core/zip.ts';
import { nameOf, reach } from './_aws.ts';
import type { S3Calls } from './s3-client.ts';

/** A version id that S3 never gave out. */
const UNKNOWN = 'is no version of an object in';

/**
 * How S3 says that an object cannot be read because it is not there. An id that it never gave out is InvalidArgument, and
 * the id of a delete marker MethodNotAllowed (recorded from AWS, LocalStack snapshot tests of S3, 2026-02-21).
 */
const ABSENT: Record<string, string> = {
  NoSuchBucket: 'is gone with',
  NoSuchKey: 'is gone from',
  NoSuchVersion: 'is gone from',
  MethodNotAllowed: 'was deleted from',
  InvalidArgument: UNKNOWN,
};

type Stored = Parameters<ReleaseStore['read']>[0];

/** Uploaded objects, read by their exact version. */
export function s3Releases(s3: S3Calls): ReleaseStore {
  return {
    read: (object, limit) =>
      bytesOf(
        s3,
        object,
        limit,
        (size) => `has ${size} bytes; a manifest may have ${limit}. Put artifacts beside it, not into it`,
      ),
    async assertCode(object, sha256) {
      const says = (size: number) =>
        `has ${size} bytes, and Lambda takes at most ${UNPACKED_BYTES_MAX}; leave out what does not run, or use an image`;
      const zip = await bytesOf(s3, object, UNPACKED_BYTES_MAX, says);
      const fault = zipFault(zip) ?? mismatch(zip, sha256);
      if (fault === undefined) return;
      throw new RolloutError('ManifestInvalid', `${object.key} ${fault}.`);
    },
  };
}

async function bytesOf(
  s3: S3Calls,
  { bucket, key, versionId }: Stored,
  limit: number,
  tooLarge: (size: number) => string,
): Promise<Uint8Array> {
  try {
    return await reach(key, async () => {
      const { size, bytes } = await s3.getObject({ bucket, key, versionId });
      // Its size is known before its body is read, so an enormous object never reaches memory.
      if (size > limit) throw new RolloutError('ManifestInvalid', `${key} ${tooLarge(size)}.`);
      return await bytes();
    });
  } catch (error) {
    const why = ABSENT[nameOf(error)];
    if (why === undefined) throw error;
    throw new RolloutError(
      'ManifestInvalid',
      `${key} (version ${versionId}) ${why} bucket ${bucket}; upload it again${why === UNKNOWN ? ', and name the version that S3 answers' : ''}.`,
    );
  }
}

function mismatch(zip: Uint8Array, wanted: string): string | undefined {
  const found = createHash('sha256').update(zip).digest('base64');
  if (found === wanted) return undefined;
  return `has the SHA-256 ${found}, and its manifest says ${wanted}; upload the file that was built, then the manifest again`;
}
