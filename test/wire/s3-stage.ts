import { CreateBucketCommand, PutBucketVersioningCommand, S3Client } from '@aws-sdk/client-s3';
import { overHttps } from '../../adapters/s3-objects.ts';
import type { Reached } from '../contract/s3-stage.ts';
import { connect, freshAccount } from './account.ts';

/** A new bucket with versions, and both ways to it. */
export async function wiredBucket(prefix: string): Promise<Reached & { bucket: string }> {
  const account = freshAccount();
  const { id, region, config } = account;
  // Names of buckets are shared by all accounts.
  const bucket = `${account.prefix}${prefix}-${id}`;
  const owner = connect(S3Client, account);
  await owner.send(
    new CreateBucketCommand({ Bucket: bucket, CreateBucketConfiguration: { LocationConstraint: region } }),
  );
  await owner.send(
    new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: 'Enabled' } }),
  );
  const clock = {
    now: () => Date.now(),
    sleep: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms).unref()),
  };
  // An account of AWS is reached with what the SDK finds.
  const credentials = config.credentials ?? (await owner.config.credentials());
  const { endpoint } = config;
  return { bucket, owner, web: { send: overHttps, clock, region, endpoint, credentials: () => credentials } };
}
