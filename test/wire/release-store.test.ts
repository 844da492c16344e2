import { CreateBucketCommand, PutBucketVersioningCommand, S3Client } from '@aws-sdk/client-s3';
import { describeReleaseStore } from '../contract/release-store.ts';
import { s3Stage } from '../contract/s3-stage.ts';
import { around, freshAccount } from './account.ts';

describeReleaseStore({
  name: 's3 over the wire',
  make: async () => {
    const { id, config, region } = freshAccount();
    // Names of buckets are shared by all accounts.
    const bucket = `releases-${id}`;
    const owner = new S3Client(config);
    await owner.send(
      new CreateBucketCommand({
        Bucket: bucket,
        CreateBucketConfiguration: { LocationConstraint: region },
      }),
    );
    await owner.send(
      new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: 'Enabled' } }),
    );
    return s3Stage(bucket, (intercept) => around(new S3Client(config), intercept));
  },
});
