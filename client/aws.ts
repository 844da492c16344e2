import { GetFunctionUrlConfigCommand, InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { GetBucketNotificationConfigurationCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { SchedulerClient } from '@aws-sdk/client-scheduler';
import { RolloutError } from '../core/errors.ts';
import { OPENS, takerOf } from '../core/rollout/command-request.ts';
import { type FunctionName, factsOf } from '../infra/facts.ts';
import { apiClient, type Exchange } from './api.ts';
import { reportedByAws } from './aws-errors.ts';
import type { Client } from './client.ts';
import { functionsOf, type Invoke } from './functions.ts';
import { remoteError } from './remote-error.ts';
import { signed } from './signed.ts';
import type { SiteBucket } from './site-bucket.ts';

/** A call that hangs must become an error, a little after Lambda has ended its function. */
const patienceFor = (name: FunctionName) => (factsOf(name).seconds + 5) * 1_000;
const CLIENT = {
  requestHandler: {
    ...{ connectionTimeout: 5_000, throwOnRequestTimeout: true },
    requestTimeout: patienceFor('ReadRollout'),
  },
} as const;

/** Command takes as long as its function may only if an opening is waited for. */
const patienceOf = (asked: unknown) => {
  if (asked === 'abort') return patienceFor(takerOf(asked));
  return patienceFor(OPENS.some((each) => each === asked) ? 'Command' : 'ReadRollout');
};

/** An upload may take long, but not without a byte on its way. */
const UPLOADER = { requestHandler: { connectionTimeout: 5_000, socketTimeout: 60_000 } } as const;

/** Errors of AWS that leave a caller without the address of the API: there is none, or the caller may not see it. */
const NO_ADDRESS = /^(?:ResourceNotFoundException|AccessDenied(?:Exception)?)$/;

/**
 * The controller of an environment in the account and region of the present AWS profile, by its API. If that has no address
 * for the caller, its functions are called directly; `notice` hears of a command that is given in this way.
 */
export function awsClient(environment: string, notice: (text: string) => void = () => {}): Client {
  const lambda = new LambdaClient(CLIENT);
  const s3 = new S3Client(UPLOADER);
  const asking = <T>(needs: string, call: () => Promise<T>) =>
    reportedByAws({ environment, region: () => lambda.config.region(), needs }, call);
  const invoke: Invoke = async (name, payload) => {
    const FunctionName = `spillway-${environment}-${name}`;
    const { FunctionError, Payload } = await asking(`lambda:InvokeFunction on ${FunctionName}`, () =>
      lambda.send(
        new InvokeCommand({ FunctionName, Payload: new TextEncoder().encode(JSON.stringify(payload)) }),
        { requestTimeout: patienceOf(payload.command) },
      ),
    );
    const answer = JSON.parse(new TextDecoder().decode(Payload));
    if (FunctionError !== undefined) throw remoteError(answer);
    return answer as never;
  };
  const direct = functionsOf(invoke);

  const FunctionName = `spillway-${environment}-ApiIam`;
  const address = () =>
    asking(`lambda:GetFunctionUrlConfig on ${FunctionName}`, async () => {
      try {
        return (await lambda.send(new GetFunctionUrlConfigCommand({ FunctionName }))).FunctionUrl;
      } catch (error) {
        if (error instanceof Error && NO_ADDRESS.test(error.name)) return undefined;
        throw error;
      }
    });
  const needs = `lambda:InvokeFunctionUrl, and lambda:InvokeFunction by the function URL, on ${FunctionName}`;
  const byApi = (url: string) => apiClient((request) => asking(needs, () => atUrl(lambda, url, request)));
  let found: Promise<ReturnType<typeof byApi>> | undefined;
  const present = () => {
    found ??= address()
      .then((url) => (url === undefined ? direct : byApi(url)))
      .catch((error) => {
        // What failed is asked again.
        found = undefined;
        throw error;
      });
    return found;
  };

  return {
    about: async () => (await present()).about(),
    running: async () => (await present()).running(),
    recent: async (query) => (await present()).recent(query),
    service: async (name) => (await present()).service(name),
    rollout: async (rolloutId) => (await present()).rollout(rolloutId),
    events: async (...which) => (await present()).events(...which),
    link: async (...which) => (await present()).link(...which),
    async command(request) {
      const client = await present();
      if (client === direct)
        notice(
          `The API of ${environment} has no address for you (${FunctionName}: lambda:GetFunctionUrlConfig), so the function Command is called directly: who gives this command is recorded as "${request.by}" and not proven, and no gate counts it.`,
        );
      return client.command(request);
    },
    async upload(key, body, onProgress) {
      const { bucket } = await (await present()).about();
      if (key.endsWith('/manifest.json')) await assertHeard(s3, bucket);
      onProgress(0, body.length);
      const { VersionId = '' } = await asking(`s3:PutObject on ${bucket}/${key}`, () =>
        s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body, IfNoneMatch: '*' })),
      );
      onProgress(body.length, body.length);
      return VersionId;
    },
    async site(store) {
      const needs = `cloudfront:DescribeKeyValueStore and cloudfront-keyvaluestore:GetKey on the store ${store}`;
      const { siteOf } = await import('./site.ts');
      const site = await asking(needs, () => siteOf(lambda, s3, store));
      return { ...site, bucket: askedOf(site.bucket, store, asking) };
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

/** The bucket of a site, whose refusals name the right that is missing. */
function askedOf(
  bucket: SiteBucket,
  store: string,
  asking: <T>(needs: string, call: () => Promise<T>) => Promise<T>,
): SiteBucket {
  const of = `on the bucket of the site ${store}`;
  return {
    async *list(prefix, after) {
      const pages = bucket.list(prefix, after)[Symbol.asyncIterator]();
      for (;;) {
        const { done, value } = await asking(`s3:ListBucket ${of}`, () => pages.next());
        if (done) return;
        yield value;
      }
    },
    put: (object) => asking(`s3:PutObject ${of}`, () => bucket.put(object)),
    sha256: (key) => asking(`s3:GetObject ${of}`, () => bucket.sha256(key)),
    read: (key) => asking(`s3:GetObject ${of}`, () => bucket.read(key)),
    remove: (keys) => asking(`s3:DeleteObject ${of}`, () => bucket.remove(keys)),
  };
}

/** One request to the API at its function URL. @throws the error of AWS if it did not come so far */
async function atUrl(
  { config }: LambdaClient,
  address: string,
  { method, path, body = '' }: Parameters<Exchange>[0],
): ReturnType<Exchange> {
  const request = {
    ...{ method, body, url: new URL(path, address).href },
    headers: { ...(method === 'POST' ? { 'content-type': 'application/json' } : {}) },
  };
  const signer = { credentials: config.credentials, region: await config.region(), sha256: config.sha256 };
  const headers = await signed(request, signer, new Date(Date.now() + config.systemClockOffset));
  const patience = patienceOf(path.split('/').at(-1));
  const response = await fetch(request.url, {
    ...{ method, headers, redirect: 'error', signal: AbortSignal.timeout(patience) },
    ...(method === 'POST' ? { body } : {}),
  }).catch((error: Error) => {
    // What went wrong with the connection is the cause of what fetch says.
    throw error.cause instanceof Error ? error.cause : error;
  });
  const answer = (await response.json().catch((cause: Error) => {
    if (!response.ok) return {};
    const message = `The answer of the API cannot be read (${cause.message}); try again.`;
    throw new RolloutError('Unavailable', message, { cause });
  })) as { message?: string; Message?: string };
  const { status, headers: said } = response;
  const isByApi = response.ok || said.get('content-type') === 'application/problem+json';
  if (isByApi) return { status, body: answer };
  const { message = answer.Message ?? `HTTP ${status}` } = answer;
  if (status !== 403)
    throw new RolloutError('Unavailable', `The API did not answer (HTTP ${status}: ${message}); try again.`);
  const name = (said.get('x-amzn-errortype') ?? 'AccessDeniedException').split(':')[0];
  throw Object.assign(new Error(message), { name, $metadata: { httpStatusCode: status } });
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
