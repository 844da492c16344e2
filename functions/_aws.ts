import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { SchedulerClient } from '@aws-sdk/client-scheduler';
import { SFNClient } from '@aws-sdk/client-sfn';
import { isThrottle } from '../adapters/_aws.ts';
import { awsSecrets } from '../adapters/aws-secrets.ts';
import { cloudwatchAlarms } from '../adapters/cloudwatch-alarms.ts';
import { dynamodbBudget } from '../adapters/dynamodb-budget.ts';
import { dynamodbJournal } from '../adapters/dynamodb-journal.ts';
import { lambdaOpenings } from '../adapters/lambda-openings.ts';
import { byKind, hookChecks, hookRunners } from '../adapters/registry.ts';
import { s3Client } from '../adapters/s3-client.ts';
import { s3Completions } from '../adapters/s3-completions.ts';
import { s3Releases } from '../adapters/s3-releases.ts';
import { schedulerWatchdog } from '../adapters/scheduler-watchdog.ts';
import { stepFunctions } from '../adapters/step-functions.ts';
import type { Clock } from '../core/ports.ts';
import {
  metricSources,
  metricsByKind,
  publishers,
  routers,
  smokeByKind,
  smokeRunners,
} from '../targets/adapters.ts';
import { observer } from './_observe.ts';

/** The ports as they are on AWS, each made on its own, so that a bundle holds only the clients its function needs. */

/** A timeout only warns unless it is configured to throw, and a call that hangs must become an error. Short enough for two tries within a function's 10 s, long enough for a slow answer; the state machine retries the rest. */
const CLIENT = {
  maxAttempts: 2,
  requestHandler: { connectionTimeout: 1_000, requestTimeout: 2_500, throwOnRequestTimeout: true },
} as const;

/** A smoke test or hook may take 8 s by itself, and is never repeated by the client. */
const PATIENT_CLIENT = {
  maxAttempts: 1,
  requestHandler: { connectionTimeout: 1_000, requestTimeout: 8_500, throwOnRequestTimeout: true },
} as const;

/** @throws Error naming the variable that the deployment forgot */
function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '')
    throw new Error(`The environment variable ${name} is not set; the deployment must set it.`);
  return value;
}

/** What is needed of an AWS SDK v3 client to stand beside each of its tries; `never`, because no type names the outputs of every client. */
interface Sending {
  middlewareStack: {
    add(middleware: Middleware, options: { step: 'finalizeRequest'; priority: 'low'; name: string }): void;
    add(middleware: Middleware, options: { step: 'deserialize'; priority: 'low'; name: string }): void;
  };
}
type Middleware = (next: (args: never) => Promise<unknown>) => (args: object) => Promise<never>;

/** The same client, whose answers put the clock right; each try that AWS refuses for its rate is counted, also one that the client then makes again. */
function watched<Client extends Sending>(client: Client): Client {
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

/** The clock of the machine, put right by what AWS said last where it is off. */
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

/** The journal's table. */
export const awsJournal = () =>
  dynamodbJournal(watched(new DynamoDBClient(CLIENT)), { tableName: setting('JOURNAL_TABLE'), clock });

/** The budget, in the journal's table. */
export const awsBudget = () =>
  dynamodbBudget(watched(new DynamoDBClient(CLIENT)), { tableName: setting('JOURNAL_TABLE'), clock });

const targetClients = () => ({ lambda: watched(new LambdaClient(CLIENT)), fetch });

/** Traffic routers by kind of target. */
export const awsRouters = () => byKind(routers, targetClients(), clock);

/** Publishers by kind of target. */
export const awsPublishers = () => byKind(publishers, targetClients(), clock);

/** Asks the function that publishes. */
export const awsRestoreCode = () => {
  const lambda = watched(new LambdaClient(PATIENT_CLIENT));
  const FunctionName = setting('PUBLISH_RELEASE_ARN');
  return async (rolloutId: string, target: string): Promise<void> => {
    const Payload = new TextEncoder().encode(JSON.stringify({ restore: { rolloutId, target } }));
    const { FunctionError } = await lambda.send(new InvokeCommand({ FunctionName, Payload }));
    if (FunctionError !== undefined)
      throw new Error(
        `PublishRelease could not restore the code of ${target} of ${rolloutId} (${FunctionError}).`,
      );
  };
};

/** The function that opens rollouts may run for 60 s (`infra/controller.json`), and what it was handed is opened once. */
const OPENING_CLIENT = {
  maxAttempts: 1,
  requestHandler: { connectionTimeout: 1_000, requestTimeout: 62_000, throwOnRequestTimeout: true },
} as const;

/** Hands openings to the function that opens rollouts. */
export const awsOpenings = () =>
  lambdaOpenings(watched(new LambdaClient(OPENING_CLIENT)), clock, setting('OPEN_ROLLOUT_ARN'));

const smoke = () => {
  const lambda = watched(new LambdaClient(PATIENT_CLIENT));
  const secrets = awsSecrets({ lambda, fetch }, clock);
  return smokeByKind(smokeRunners, { lambda, secrets }, clock);
};

/** What measures repeats smoke tests, asks nobody else, and is not given the secret of hooks. */
export const awsProbes = () => byKind({ smoke }, {}, clock);

const hookClients = () => ({
  lambda: watched(new LambdaClient(PATIENT_CLIENT)),
  web: {
    fetch,
    hosts: (process.env.HOOK_HOSTS ?? '').split(',').filter((host) => host !== ''),
    secret: process.env.HOOK_SECRET ?? '',
  },
});

/** Hook runners by kind of hook. */
export const awsHooks = () => byKind({ ...hookRunners, smoke }, hookClients(), clock);

/** What refuses hooks, by kind of hook. */
export const awsHookCheck = () => byKind(hookChecks, hookClients(), clock);

/** Metrics of CloudWatch. */
export const awsMetrics = () =>
  metricsByKind(metricSources, { cloudwatch: watched(new CloudWatchClient(CLIENT)) }, clock);

/** Alarms of CloudWatch. */
export const awsAlarms = () => cloudwatchAlarms(watched(new CloudWatchClient(CLIENT)));

/** Executions of the rollout machine. */
export const awsExecutions = () =>
  stepFunctions(watched(new SFNClient(CLIENT)), setting('STATE_MACHINE_ARN'));

/** The watchdog on EventBridge Scheduler. */
export const awsWatchdog = () =>
  schedulerWatchdog(watched(new SchedulerClient(CLIENT)), {
    functionArn: setting('WATCHDOG_ARN'),
    stateMachineArn: setting('STATE_MACHINE_ARN'),
    roleArn: setting('SCHEDULER_ROLE_ARN'),
    groupName: setting('SCHEDULE_GROUP'),
  });

/** S3 as every client: watched, and at the address that the SDK's own variables name. */
function s3() {
  const { config } = new LambdaClient(CLIENT);
  const handle = async (request: never) => {
    const sent = Date.now();
    const answer = await config.requestHandler.handle(request);
    setClock(sent, answer.response.headers.date);
    return answer;
  };
  const endpoint = process.env.AWS_ENDPOINT_URL_S3 ?? process.env.AWS_ENDPOINT_URL;
  const onError = (error: unknown) => {
    if (isThrottle(error)) observer.count({ Throttles: 1 });
  };
  return s3Client({ ...config, requestHandler: { handle } }, { clock, endpoint, onError });
}

/** The bucket that releases are uploaded to. */
export const awsReleases = () => s3Releases(s3());

/** The bucket in which the controllers of several environments publish what completed; a deployment may have none. */
export const awsCompletions = () => s3Completions(s3(), process.env.COMPLETIONS_BUCKET || undefined);

/** The environment that this controller serves. */
export const environment = () => setting('ENVIRONMENT');

/** What the command line asks for first. */
export const about = () => ({
  environment: environment(),
  bucket: setting('RELEASE_BUCKET'),
  scheduleGroup: setting('SCHEDULE_GROUP'),
});
