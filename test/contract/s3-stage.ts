import { DeleteObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { s3Completions } from '../../adapters/s3-completions.ts';
import { type S3Web, s3Objects } from '../../adapters/s3-objects.ts';
import { s3Releases } from '../../adapters/s3-releases.ts';
import { virtualClock } from '../../local/clock.ts';
import { SimulatedS3, s3Answers } from '../../local/services/s3.ts';
import { attach, type Operations } from '../../local/simulate.ts';
import type { CompletionsStage } from './completions.ts';
import type { ReleaseStage } from './release-store.ts';

/** S3 as the owner of a bucket reaches it, and as the controller does. */
export interface Reached {
  owner: S3Client;
  web: S3Web;
}

/** The simulated S3, behind its form over HTTP. */
export function simulatedS3(): Reached {
  const clock = virtualClock();
  const region = 'eu-west-1';
  const s3 = new SimulatedS3({ clock, region, account: '111122223333', onEvent: () => {} });
  const owner = new S3Client({ region, cacheMiddleware: true });
  attach(owner, s3.operations as Operations, { clock });
  const credentials = () => ({ accessKeyId: 'simulated', secretAccessKey: 'simulated' });
  return { owner, web: { send: s3Answers(owner), clock, region, credentials } };
}

/** The same way to S3, which can be cut off. */
function unruly(web: S3Web) {
  let bodiesRead = 0;
  let isReachable = true;
  let breaksOff = false;
  const slowDown = new TextEncoder().encode('<Error><Code>SlowDown</Code></Error>');
  const send: S3Web['send'] = async (request) => {
    if (!isReachable) return { status: 503, size: slowDown.length, bytes: async () => slowDown };
    const answer = await web.send(request);
    const bytes = async () => {
      bodiesRead += 1;
      if (breaksOff) throw Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
      return answer.bytes();
    };
    return { ...answer, bytes };
  };
  return {
    objects: s3Objects({ ...web, send }),
    disconnect: () => {
      isReachable = false;
    },
    breakOff: () => {
      breaksOff = true;
    },
    bodiesRead: () => bodiesRead,
  };
}

/** A store of releases in this bucket. */
export function releaseStage(bucket: string, { owner, web }: Reached): ReleaseStage {
  const { objects, disconnect, breakOff, bodiesRead } = unruly(web);
  return {
    store: s3Releases(objects),
    arrange: {
      async put(key, Body) {
        const { VersionId = '' } = await owner.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body }));
        return { bucket, key, versionId: VersionId };
      },
      remove: async ({ key, versionId }) =>
        void (await owner.send(new DeleteObjectCommand({ Bucket: bucket, Key: key, VersionId: versionId }))),
      disconnect,
      breakOff,
    },
    bodiesRead,
  };
}

/** What several controllers tell one another in this bucket. */
export function completionsStage(bucket: string, { web }: Reached): CompletionsStage {
  const { objects, disconnect } = unruly(web);
  return { completions: s3Completions(objects, bucket), disconnect };
}
