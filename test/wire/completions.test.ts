import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { s3Completions } from '../../adapters/s3-completions.ts';
import { awsError } from '../../local/simulate.ts';
import { describeCompletions } from '../contract/completions.ts';
import { around, freshAccount } from './account.ts';

describeCompletions({
  name: 's3 over the wire',
  make: async () => {
    const { id, region, config } = freshAccount();
    const bucket = `shared-${id}`;
    await new S3Client(config).send(
      new CreateBucketCommand({ Bucket: bucket, CreateBucketConfiguration: { LocationConstraint: region } }),
    );
    let isReachable = true;
    const client = around(new S3Client(config), (_command, _input, call) => {
      if (!isReachable) throw awsError('SlowDown', 'Please reduce your request rate.', 503);
      return call();
    });
    return {
      completions: s3Completions(client, bucket),
      disconnect: () => {
        isReachable = false;
      },
    };
  },
});
