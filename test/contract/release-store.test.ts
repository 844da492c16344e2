import { DeleteObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { s3Releases } from '../../adapters/s3-releases.ts';
import { virtualClock } from '../../local/clock.ts';
import { SimulatedS3 } from '../../local/services/s3.ts';
import { attach, awsError, type Intercept, type Operations } from '../../local/simulate.ts';
import { describeReleaseStore, type ReleaseStage } from './release-store.ts';

const BUCKET = 'releases';

interface Answer {
  Body: { transformToByteArray(): Promise<Uint8Array> };
}

function s3Stage(): ReleaseStage {
  const clock = virtualClock();
  const s3 = new SimulatedS3({ clock, region: 'eu-west-1', account: '111122223333', onEvent: () => {} });
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
  const make = (around?: Intercept) => {
    const client = new S3Client({ region: 'eu-west-1', cacheMiddleware: true });
    attach(client, s3.operations as Operations, { clock, intercept: around });
    return client;
  };
  const owner = make();
  return {
    store: s3Releases(make(intercept)),
    arrange: {
      async put(key, Body) {
        const { VersionId = '' } = await owner.send(new PutObjectCommand({ Bucket: BUCKET, Key: key, Body }));
        return { bucket: BUCKET, key, versionId: VersionId };
      },
      remove: async ({ bucket, key, versionId }) =>
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

describeReleaseStore({ name: 's3', make: s3Stage });
