import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { GetBucketNotificationConfigurationCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { SchedulerClient } from '@aws-sdk/client-scheduler';
import { revertFrozen } from '../adapters/direct-abort.ts';
import { lambdaAlias } from '../adapters/lambda-alias.ts';
import { schedulerDeadMan } from '../adapters/scheduler-dead-man.ts';
import { RolloutError } from '../core/errors.ts';
import type { Readings } from '../functions/read-rollout.ts';
import { type FunctionName, factsOf } from '../infra/facts.ts';
import { toldByAws } from './aws-errors.ts';

/** A controller somewhere: in an AWS account, or in the embedded world of `npm run dev`. */
export interface Backend {
  read<What extends keyof Readings>(what: What, more?: Record<string, unknown>): Promise<Readings[What]>;
  command(input: Record<string, unknown>): Promise<{ rolloutId: string }>;
  /** Uploads one object of a release and answers its version id; one that exists already is refused. */
  upload(key: string, body: Uint8Array, onProgress: (done: number, total: number) => void): Promise<string>;
  /** Takes the canary out without the controller's functions and journal, in somebody's name. */
  revertDirectly(rolloutId: string, by: string): Promise<string[]>;
}

/** Where `npm run dev` listens. */
export const LOCAL_URL = 'http://127.0.0.1:4747';

/** A call that hangs must become an error, a little after Lambda has ended its function. */
const patienceFor = (name: FunctionName) => (factsOf(name).seconds + 5) * 1_000;
const CLIENT = {
  requestHandler: {
    ...{ connectionTimeout: 5_000, throwOnRequestTimeout: true },
    requestTimeout: patienceFor('ReadRollout'),
  },
} as const;

/** Command takes as long as its function may only where an opening is waited for. */
const OPENS = ['retry', 'rollback'];
const OPENING = { requestTimeout: patienceFor('Command') };

/** An upload may take long, but not without a byte on its way. */
const UPLOADER = { requestHandler: { connectionTimeout: 5_000, socketTimeout: 60_000 } } as const;

/** The controller of an environment in the account and region of the present AWS profile. */
export function awsBackend(environment: string): Backend {
  const lambda = new LambdaClient(CLIENT);
  const s3 = new S3Client(UPLOADER);
  const asking = <T>(needs: string, call: () => Promise<T>) =>
    toldByAws({ environment, region: () => lambda.config.region(), needs }, call);
  const call = async (name: FunctionName, payload: unknown, options = {}): Promise<never> => {
    const FunctionName = `spillway-${environment}-${name}`;
    const { FunctionError, Payload } = await asking(`lambda:InvokeFunction on ${FunctionName}`, () =>
      lambda.send(
        new InvokeCommand({ FunctionName, Payload: new TextEncoder().encode(JSON.stringify(payload)) }),
        options,
      ),
    );
    const answer = JSON.parse(new TextDecoder().decode(Payload));
    if (FunctionError !== undefined) throw remoteError(answer);
    return answer as never;
  };
  const read: Backend['read'] = (what, more = {}) => call('ReadRollout', { read: what, ...more });
  return {
    read,
    command: (input) => call('Command', input, OPENS.includes(String(input.command)) ? OPENING : {}),
    async upload(key, body, onProgress) {
      const { bucket } = await read('about');
      if (key.endsWith('/manifest.json')) await assertHeard(s3, bucket);
      onProgress(0, body.length);
      const { VersionId = '' } = await asking(`s3:PutObject on ${bucket}/${key}`, () =>
        s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body, IfNoneMatch: '*' })),
      );
      onProgress(body.length, body.length);
      return VersionId;
    },
    async revertDirectly(rolloutId, by) {
      const clock = {
        now: () => Date.now(),
        sleep: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)),
      };
      const groupName = `spillway-${environment}`;
      const deadMan = schedulerDeadMan(new SchedulerClient(CLIENT), {
        functionArn: '',
        stateMachineArn: '',
        roleArn: '',
        groupName,
      });
      const needs = `scheduler:GetSchedule on ${groupName}, and lambda:GetAlias, GetFunction and UpdateAlias on the targets`;
      return asking(needs, () => revertFrozen(rolloutId, by, deadMan, () => lambdaAlias(lambda, clock)));
    },
  };
}

/** @throws RolloutError OpeningRefused where nobody would hear of an upload, as far as whoever uploads may ask that */
async function assertHeard(s3: S3Client, bucket: string): Promise<void> {
  const asked = s3.send(new GetBucketNotificationConfigurationCommand({ Bucket: bucket }));
  const told = await asked.catch(() => undefined);
  if (told === undefined || told.EventBridgeConfiguration !== undefined) return;
  throw new RolloutError(
    'OpeningRefused',
    `The bucket ${bucket} sends no events to EventBridge, so no release would be opened; somebody has set its notifications anew. Deploy the controller again, or set EventBridge in them.`,
  );
}

/** The embedded world of `npm run dev` on this machine. */
export function localBackend(url = LOCAL_URL): Backend {
  const call = async (path: string, init: RequestInit): Promise<never> => {
    const response = await fetch(`${url}${path}`, init).catch(() => {
      throw new RolloutError(
        'Unavailable',
        `Nothing listens at ${url}; start the embedded world with "npm run dev".`,
      );
    });
    const answer = (await response.json()) as object;
    if (!response.ok) throw remoteError(answer);
    return answer as never;
  };
  const invoke = (name: FunctionName, payload: unknown): Promise<never> =>
    call(`/functions/${name}`, { method: 'POST', body: JSON.stringify(payload) });
  return {
    read: (what, more = {}) => invoke('ReadRollout', { read: what, ...more }),
    command: (input) => invoke('Command', input),
    async upload(key, body, onProgress) {
      onProgress(0, body.length);
      const { versionId } = (await call(`/objects/${key}`, { method: 'PUT', body: Buffer.from(body) })) as {
        versionId: string;
      };
      onProgress(body.length, body.length);
      return versionId;
    },
    async revertDirectly(rolloutId, by) {
      const body = JSON.stringify({ by });
      return ((await call(`/revert/${rolloutId}`, { method: 'POST', body })) as { reverted: string[] })
        .reverted;
    },
  };
}

function remoteError({
  errorType = 'Error',
  errorMessage = 'no message',
}: {
  errorType?: string;
  errorMessage?: string;
}): Error {
  // The stack of any other error is the controller's, and stands in the log of that function.
  const unknown = () => Object.assign(new Error(errorMessage), { name: errorType, code: errorType });
  return RolloutError.named(errorType, errorMessage) ?? unknown();
}
