import { bucketOf, type Place } from './place.ts';

/** Days after which a version of an object that was replaced is deleted. */
const REPLACED_DAYS = 90;

/** The bucket that releases are uploaded to: private, versioned, and it tells EventBridge of every object. */
export function releases(place: Place) {
  const isKept = $app.removal === 'retain';
  const bucket = new sst.aws.Bucket('Releases', {
    versioning: true,
    cors: false,
    transform: {
      bucket(args, options) {
        args.bucket = bucketOf(place);
        args.forceDestroy = !isKept;
        options.protect = isKept;
      },
    },
  });
  new aws.s3.BucketLifecycleConfiguration('ReleasesLifecycle', {
    bucket: bucket.name,
    rules: [
      {
        id: 'replaced-versions',
        status: 'Enabled',
        filter: { prefix: '' },
        noncurrentVersionExpiration: { noncurrentDays: REPLACED_DAYS },
      },
      {
        id: 'unfinished-uploads',
        status: 'Enabled',
        filter: { prefix: '' },
        abortIncompleteMultipartUpload: { daysAfterInitiation: 7 },
      },
    ],
  });
  new aws.s3.BucketNotification('ReleasesToEventBridge', { bucket: bucket.name, eventbridge: true });
  return bucket;
}
