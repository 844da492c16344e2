import { CreateBucketCommand, PutBucketVersioningCommand, S3Client } from '@aws-sdk/client-s3';
import type { Intercept } from '../../local/simulate.ts';
import { around, connect, freshAccount } from './account.ts';

/** A new bucket with versions, and clients that reach it. */
export async function wiredBucket(
  prefix: string,
): Promise<{ bucket: string; client(intercept?: Intercept): S3Client }> {
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
  return { bucket, client: (intercept) => around(connect(S3Client, account), intercept) };
}
