import { s3Completions } from '../../adapters/s3-completions.ts';
import { describeCompletions } from '../contract/completions.ts';
import { unruly } from '../contract/s3-stage.ts';
import { wiredBucket } from './s3-stage.ts';

describeCompletions({
  name: 's3 over the wire',
  make: async () => {
    const wired = await wiredBucket('shared');
    const { calls, state } = unruly(wired.calls);
    return {
      completions: s3Completions(calls, wired.bucket),
      disconnect: () => {
        state.isReachable = false;
      },
    };
  },
});
