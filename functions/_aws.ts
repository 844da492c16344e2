import { LambdaClient } from '@aws-sdk/client-lambda';
import { isThrottle } from '../adapters/_aws.ts';
import type { Connection, Sending } from '../adapters/_request.ts';
import { keyValueStore } from '../adapters/key-value-store.ts';
import { type S3Calls, s3Client } from '../adapters/s3-client.ts';
import type { Clock } from '../core/ports.ts';
import { observer } from './_observe.ts';
import { type AwsClient, CLIENT, type Host } from './_ports.ts';

/** The same client, whose answers put the clock right; each try that AWS refuses for its rate is counted, also one that the client then makes again. */
function watched<Client extends AwsClient>(client: Client): Client {
  client.middlewareStack.add(
    (next) => async (args) => {
      try {
        return (await next(args as never)) as never;
      } catch (error) {
        if (isThrottle(error)) observer.count({ Throttles: 1 });
        throw error;
      }
    },
    { step: 'finalizeRequest', priority: 'low', name: 'countThrottles' },
  );
  client.middlewareStack.add(
    (next) => async (args) => {
      const sent = Date.now();
      const result = (await next(args as never)) as { response: { headers?: Record<string, string> } };
      setClock(sent, result.response.headers?.date);
      return result as never;
    },
    { step: 'deserialize', priority: 'low', name: 'setClock' },
  );
  return client;
}

/** How far this machine's clock may be off before that of AWS is taken, beyond what the answer's way leaves open: a Date header tells whole seconds. Assumed to be far over what Lambda's machines are off by. */
const SKEW_MS = 2_000;

let offsetMs = 0;

/** Machines may be minutes apart, and many of them write one rollout. */
function setClock(sent: number, date = ''): void {
  const halfway = (Date.now() - sent) / 2;
  const off = Date.parse(date) + 500 - (sent + halfway);
  if (!Number.isNaN(off)) offsetMs = Math.abs(off) > SKEW_MS + halfway ? off : 0;
}

/** The clock of the machine, put right by what AWS said last if it is off. */
export const clock: Clock = {
  now: () => Date.now() + offsetMs,
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      const cancel = () => clearTimeout(timer);
      if (signal?.aborted) cancel();
      else signal?.addEventListener('abort', cancel, { once: true });
    }),
};

/** AWS itself: what a deployment says stands in the variables of the function's environment. */
export const aws: Host = {
  clock,
  fetch,
  client: (kind, limits) => watched(new kind(limits)),
  s3: ({ config }) => s3Client(...watching(config, process.env.AWS_ENDPOINT_URL_S3)),
  stores: ({ config }) =>
    keyValueStore(...watching(config, process.env.AWS_ENDPOINT_URL_CLOUDFRONT_KEYVALUESTORE)),
  setting(name) {
    const value = aws.optionalSetting(name);
    if (value === '')
      throw new Error(`The environment variable ${name} is not set; the deployment must set it.`);
    return value;
  },
  optionalSetting: (name) => process.env[name] ?? '',
};

/** S3 for those who have no client at hand. */
export const awsS3 = (): S3Calls => aws.s3(new LambdaClient(CLIENT));

/** What signed requests are sent by: a client's connections, watched as it is itself, and the address that the SDK's own variables name. */
function watching(config: LambdaClient['config'], own: string | undefined): [Connection, Sending] {
  const handle = async (request: never) => {
    const sent = Date.now();
    const answer = await config.requestHandler.handle(request);
    setClock(sent, answer.response.headers.date);
    return answer;
  };
  const endpoint = own ?? process.env.AWS_ENDPOINT_URL;
  const onError = (error: unknown) => {
    if (isThrottle(error)) observer.count({ Throttles: 1 });
  };
  return [
    { ...config, requestHandler: { handle } },
    { clock, endpoint, onError },
  ];
}
