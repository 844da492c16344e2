import { S3Client } from '@aws-sdk/client-s3';
import { s3Completions } from '../../adapters/s3-completions.ts';
import { virtualClock } from '../../local/clock.ts';
import { attach, type Operations } from '../../local/sdk.ts';
import { SimulatedS3, s3Calls } from '../../local/services/s3.ts';
import { type CompletionsStage, describeCompletions } from './completions.ts';
import { unruly } from './s3-stage.ts';

function s3Stage(): CompletionsStage {
  const clock = virtualClock();
  const s3 = new SimulatedS3({ clock, region: 'eu-west-1', account: '111122223333', onEvent: () => {} });
  const client = new S3Client({ region: 'eu-west-1', cacheMiddleware: true });
  attach(client, s3.operations as Operations, { clock });
  const { calls, state } = unruly(s3Calls(client));
  return {
    completions: s3Completions(calls, 'shared'),
    disconnect: () => {
      state.isReachable = false;
    },
  };
}

describeCompletions({ name: 's3', make: s3Stage });
