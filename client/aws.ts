import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { GetBucketNotificationConfigurationCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { SchedulerClient } from '@aws-sdk/client-scheduler';
import { RolloutError } from '../core/errors.ts';
import { type FunctionName, factsOf } from '../infra/facts.ts';
import { reportedByAws } from './aws-errors.ts';
import type { Client } from './client.ts';
import { functionsOf, type Invoke } from './functions.ts';
import { remoteError } from './remote-error.ts';

/** A call that hangs must become an error, a little after Lambda has ended its function. */
const patienceFor = (name: FunctionName) => (factsOf(name).seconds + 5) * 1_000;
const CLIENT = {
  requestHandler: {
    ...{ connectionTimeout: 5_000, throwOnRequestTimeout: true },
    requestTimeout: patienceFor('ReadRollout'),
  },
} as const;

/** Command takes as long as its function may only if an opening is waited for. */
const OPENS = ['retry', 'rollback'];
const OPENING = { requestTimeout: patienceFor('Command') };

/** An upload may take long, but not without a byte on its way. */
const UPLOADER = { requestHandler: { connectionTimeout: 5_000, socketTimeout: 60_000 } } as const;

/** The controller of an environment in the account and region of the present AWS profile. */
export function awsClient(environment: string): Client {
  const lambda = new LambdaClient(CLIENT);
  const s3 = new S3Client(UPLOADER);
  const asking = <T>(needs: string, call: () => Promise<T>) =>
    reportedByAws({ environment, region: () => lambda.config.region(), needs }, call);
  const invoke: Invoke = async (name, payload) => {
    const FunctionName = `spillway-${environment}-${name}`;
    const { FunctionError, Payload } = await asking(`lambda:InvokeFunction on ${FunctionName}`, () =>
      lambda.send(
        new InvokeCommand({ FunctionName, Payload: new TextEncoder().encode(JSON.stringify(payload)) }),
        OPENS.includes(String(payload.command)) ? OPENING : {},
      ),
    );
    const answer = JSON.parse(new TextDecoder().decode(Payload));
    if (FunctionError !== undefined) throw remoteError(answer);
    return answer as never;
  };
  const functions = functionsOf(invoke);
  return {
    ...functions,
    async upload(key, body, onProgress) {
      const { bucket } = await functions.about();
      if (key.endsWith('/manifest.json')) await assertHeard(s3, bucket);
      onProgress(0, body.length);
      const { VersionId = '' } = await asking(`s3:PutObject on ${bucket}/${key}`, () =>
        s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body, IfNoneMatch: '*' })),
      );
      onProgress(body.length, body.length);
      return VersionId;
    },
    async revertDirectly(rolloutId, by) {
      const groupName = `spillway-${environment}`;
      const needs = `scheduler:GetSchedule on ${groupName}, and lambda:GetAlias, GetFunction and UpdateAlias on the targets`;
      return asking(needs, async () => {
        // What moves targets is loaded only if it is needed.
        const { revertDirectly } = await import('./direct.ts');
        const clients = { lambda, scheduler: new SchedulerClient(CLIENT) };
        return revertDirectly(clients, groupName, { rolloutId, by });
      });
    },
  };
}

/** @throws RolloutError OpeningRefused if an upload would go unnoticed, as far as the caller may read that */
async function assertHeard(s3: S3Client, bucket: string): Promise<void> {
  const asked = s3.send(new GetBucketNotificationConfigurationCommand({ Bucket: bucket }));
  const told = await asked.catch(() => undefined);
  if (told === undefined || told.EventBridgeConfiguration !== undefined) return;
  throw new RolloutError(
    'OpeningRefused',
    `The bucket ${bucket} sends no events to EventBridge, so no release would be opened; its notifications were replaced. Deploy the controller again, or set EventBridge in them.`,
  );
}
