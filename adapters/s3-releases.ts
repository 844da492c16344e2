import { createHash } from 'node:crypto';
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { RolloutError } from '../core/errors.ts';
import type { ReleaseStore } from '../core/ports.ts';
import { UNPACKED_BYTES_MAX, zipFault } from '../core/zip.ts';
import { nameOf, reach } from './_aws.ts';

type Stored = Parameters<ReleaseStore['read']>[0];

/** Uploaded objects, read by their exact version. */
export function s3Releases(client: S3Client): ReleaseStore {
  return {
    read: (object, limit) =>
      bytesOf(
        client,
        object,
        limit,
        (size) => `has ${size} bytes; a manifest may have ${limit}. Put artifacts beside it, not into it`,
      ),
    async assertCode(object, sha256) {
      const says = (size: number) =>
        `has ${size} bytes, and Lambda takes at most ${UNPACKED_BYTES_MAX}; leave out what does not run, or use an image`;
      const zip = await bytesOf(client, object, UNPACKED_BYTES_MAX, says);
      const fault = zipFault(zip) ?? mismatch(zip, sha256);
      if (fault === undefined) return;
      throw new RolloutError('ManifestInvalid', `${object.key} ${fault}.`);
    },
  };
}

async function bytesOf(
  client: S3Client,
  { bucket, key, versionId }: Stored,
  limit: number,
  tooLarge: (size: number) => string,
): Promise<Uint8Array> {
  try {
    return await reach(key, async () => {
      const { Body, ContentLength = 0 } = await client.send(
        new GetObjectCommand({ Bucket: bucket, Key: key, VersionId: versionId }),
      );
      // Its length is known before its body is read, so an enormous object never reaches memory.
      if (ContentLength > limit)
        throw new RolloutError('ManifestInvalid', `${key} ${tooLarge(ContentLength)}.`);
      return (await Body?.transformToByteArray()) ?? new Uint8Array();
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
