import { DeleteObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { s3Releases } from '../../adapters/s3-releases.ts';
import { awsError, type Intercept } from '../../local/simulate.ts';
import type { ReleaseStage } from './release-store.ts';

interface Answer {
  Body: { transformToByteArray(): Promise<Uint8Array> };
}

/** A store of releases in this bucket, reached by the clients that `connect` makes. */
export function s3Stage(bucket: string, connect: (around?: Intercept) => S3Client): ReleaseStage {
  let bodiesRead = 0;
  let isReachable = true;
  let breaksOff = false;
  const intercept: Intercept = async (_command, _input, call) => {
    if (!isReachable) throw awsError('SlowDown', 'Please reduce your request rate.', 503);
    const answer = (await call()) as Answer;
    const transformToByteArray = async () => {
      bodiesRead += 1;
      if (breaksOff) throw Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
      return answer.Body.transformToByteArray();
    };
    return { ...answer, Body: { transformToByteArray } };
  };
  const owner = connect();
  return {
    store: s3Releases(connect(intercept)),
    arrange: {
      async put(key, Body) {
        const { VersionId = '' } = await owner.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body }));
        return { bucket, key, versionId: VersionId };
      },
      remove: async ({ key, versionId }) =>
        void (await owner.send(new DeleteObjectCommand({ Bucket: bucket, Key: key, VersionId: versionId }))),
      disconnect: () => {
        isReachable = false;
      },
      breakOff: () => {
        breaksOff = true;
      },
    },
    bodiesRead: () => bodiesRead,
  };
}
