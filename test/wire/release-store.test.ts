import { describeReleaseStore } from '../contract/release-store.ts';
import { releaseStage } from '../contract/s3-stage.ts';
import { wiredBucket } from './s3-stage.ts';

describeReleaseStore({
  name: 's3 over the wire',
  make: async () => {
    const { bucket, ...reached } = await wiredBucket('releases');
    return releaseStage(bucket, reached);
  },
});
