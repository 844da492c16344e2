import { S3Client } from '@aws-sdk/client-s3';
import { s3Completions } from '../../adapters/s3-completions.ts';
import { virtualClock } from '../../local/clock.ts';
import { SimulatedS3 } from '../../local/services/s3.ts';
import { attach, awsError, type Intercept, type Operations } from '../../local/simulate.ts';
import { type CompletionsStage, describeCompletions } from './completions.ts';

function s3Stage(): CompletionsStage {
  const clock = virtualClock();
  const s3 = new SimulatedS3({ clock, region: 'eu-west-1', account: '111122223333', onEvent: () => {} });
  let isReachable = true;
  const intercept: Intercept = async (_command, _input, call) => {
    if (!isReachable) throw awsError('SlowDown', 'Please reduce your request rate.', 503);
    return call();
  };
  const client = new S3Client({ region: 'eu-west-1', cacheMiddleware: true });
  attach(client, s3.operations as Operations, { clock, intercept });
  return {
    completions: s3Completions(client, 'shared'),
    disconnect: () => {
      isReachable = false;
    },
  };
}

describeCompletions({ name: 's3', make: s3Stage });
