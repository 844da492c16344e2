import { s3Completions } from '../../adapters/s3-completions.ts';
import { awsError } from '../../local/simulate.ts';
import { describeCompletions } from '../contract/completions.ts';
import { wiredBucket } from './s3-stage.ts';

describeCompletions({
  name: 's3 over the wire',
  make: async () => {
    const { bucket, client } = await wiredBucket('shared');
    let isReachable = true;
    const unruly = client((_command, _input, call) => {
      if (!isReachable) throw awsError('SlowDown', 'Please reduce your request rate.', 503);
      return call();
    });
    return {
      completions: s3Completions(unruly, bucket),
      disconnect: () => {
        isReachable = false;
      },
    };
  },
});
