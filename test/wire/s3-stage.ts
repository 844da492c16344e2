import { LambdaClient } from '@aws-sdk/client-lambda';
import { CreateBucketCommand, PutBucketVersioningCommand, S3Client } from '@aws-sdk/client-s3';
import { type S3Calls, s3Client } from '../../adapters/s3-client.ts';
import { connect, freshAccount } from './account.ts';

/** A new bucket with versions, its owner, and the controller's own calls of S3. */
export async function wiredBucket(
  prefix: string,
): Promise<{ bucket: string; owner: S3Client; calls: S3Calls }> {
  const account = freshAccount();
  // Names of buckets are shared by all accounts.
  const bucket = `${account.prefix}${prefix}-${account.id}`;
  const owner = connect(S3Client, account);
  await owner.send(
    new CreateBucketCommand({
      Bucket: bucket,
      CreateBucketConfiguration: { LocationConstraint: account.region },
    }),
  );
  await owner.send(
    new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: 'Enabled' } }),
  );
  const clock = { now: () => Date.now(), sleep: async () => {} };
  const { config } = new LambdaClient(account.corrected);
  return { bucket, owner, calls: s3Client(config, { clock, endpoint: account.corrected.endpoint }) };
}
