import { describeReleaseStore } from '../contract/release-store.ts';
import { s3Stage } from '../contract/s3-stage.ts';
import { wiredBucket } from './s3-stage.ts';

describeReleaseStore({
  name: 's3 over the wire',
  make: async () => {
    const { bucket, owner, calls } = await wiredBucket('releases');
    return s3Stage(bucket, owner, calls);
  },
});
