import { describeCompletions } from '../contract/completions.ts';
import { completionsStage } from '../contract/s3-stage.ts';
import { wiredBucket } from './s3-stage.ts';

describeCompletions({
  name: 's3 over the wire',
  make: async () => {
    const { bucket, ...reached } = await wiredBucket('shared');
    return completionsStage(bucket, reached);
  },
});
