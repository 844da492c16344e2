import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { RolloutError } from '../core/errors.ts';
import type { ReleaseStore } from '../core/ports.ts';
import { nameOf, reach } from './_aws.ts';

/** Uploaded objects, read by their exact version. */
export function s3Releases(client: S3Client): ReleaseStore {
  return {
    async read({ bucket, key, versionId }, limit) {
      try {
        return await reach(key, async () => {
          const { Body, ContentLength = 0 } = await client.send(
            new GetObjectCommand({ Bucket: bucket, Key: key, VersionId: versionId }),
          );
          // Its length is known before its body is read, so an enormous object never reaches memory.
          if (ContentLength > limit)
            throw new RolloutError(
              'ManifestInvalid',
              `${key} has ${ContentLength} bytes; a manifest may have ${limit}. Put artifacts beside it, not into it.`,
            );
          return (await Body?.transformToByteArray()) ?? new Uint8Array();
        });
      } catch (error) {
        if (nameOf(error) !== 'NoSuchKey' && nameOf(error) !== 'NoSuchVersion') throw error;
        throw new RolloutError(
          'ManifestInvalid',
          `${key} (version ${versionId}) is gone from bucket ${bucket}; upload it again.`,
        );
      }
    },
  };
}
