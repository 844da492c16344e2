import { DeleteObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import type { S3Calls } from '../../adapters/s3-client.ts';
import { s3Releases } from '../../adapters/s3-releases.ts';
import { awsError } from '../../local/sdk.ts';
import type { ReleaseStage } from './release-store.ts';

/** S3 that can be cut off: before a call reaches it, or within the body of its answer. */
export function unruly(s3: S3Calls) {
  const state = { isReachable: true, breaksOff: false, bodiesRead: 0 };
  const assertReachable = () => {
    if (!state.isReachable) throw awsError('SlowDown', 'Please reduce your request rate.', 503);
  };
  const calls: S3Calls = {
    async getObject(address) {
      assertReachable();
      const { size, bytes } = await s3.getObject(address);
      const read = async () => {
        state.bodiesRead += 1;
        if (state.breaksOff) throw Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
        return bytes();
      };
      return { size, bytes: read };
    },
    async headObject(address) {
      assertReachable();
      return s3.headObject(address);
    },
    async putObject(...object) {
      assertReachable();
      await s3.putObject(...object);
    },
  };
  return { calls, state };
}

/** A store of releases in this bucket, to which `owner` uploads. */
export function s3Stage(bucket: string, owner: S3Client, s3: S3Calls): ReleaseStage {
  const { calls, state } = unruly(s3);
  return {
    store: s3Releases(calls),
    arrange: {
      async put(key, Body) {
        const { VersionId = '' } = await owner.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body }));
        return { bucket, key, versionId: VersionId };
      },
      remove: async ({ key, versionId }) =>
        void (await owner.send(new DeleteObjectCommand({ Bucket: bucket, Key: key, VersionId: versionId }))),
      disconnect: () => {
        state.isReachable = false;
      },
      breakOff: () => {
        state.breaksOff = true;
      },
    },
    bodiesRead: () => state.bodiesRead,
  };
}
