import { S3Client } from '@aws-sdk/client-s3';
import { virtualClock } from '../../local/clock.ts';
import { attach, type Operations } from '../../local/sdk.ts';
import { SimulatedS3, s3Calls } from '../../local/services/s3.ts';
import { describeReleaseStore } from './release-store.ts';
import { s3Stage } from './s3-stage.ts';

describeReleaseStore({
  name: 's3',
  make: () => {
    const clock = virtualClock();
    const s3 = new SimulatedS3({ clock, region: 'eu-west-1', account: '111122223333', onEvent: () => {} });
    const client = new S3Client({ region: 'eu-west-1', cacheMiddleware: true });
    attach(client, s3.operations as Operations, { clock });
    return s3Stage('releases', client, s3Calls(client));
  },
});
