import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { SchedulerClient } from '@aws-sdk/client-scheduler';
import { SFNClient } from '@aws-sdk/client-sfn';
import { SNSClient } from '@aws-sdk/client-sns';
import { awsSecrets } from '../adapters/aws-secrets.ts';
import { cloudwatchAlarms } from '../adapters/cloudwatch-alarms.ts';
import { dynamodbBudget } from '../adapters/dynamodb-budget.ts';
import { dynamodbJournal } from '../adapters/dynamodb-journal.ts';
import { dynamodbNotes } from '../adapters/dynamodb-notes.ts';
import { eventBridgeAnnouncer } from '../adapters/eventbridge-announcer.ts';
import type { StoreCalls } from '../adapters/key-value-store.ts';
import { lambdaClicks } from '../adapters/lambda-clicks.ts';
import { lambdaCommands } from '../adapters/lambda-commands.ts';
import { lambdaOpenings } from '../adapters/lambda-openings.ts';
import { lambdaReports } from '../adapters/lambda-reports.ts';
import { liveSites } from '../adapters/live-sites.ts';
import { byKind, hookChecks, hookRunners } from '../adapters/registry.ts';
import type { S3Calls } from '../adapters/s3-client.ts';
import { s3Completions } from '../adapters/s3-completions.ts';
import { schedulerAgenda } from '../adapters/scheduler-agenda.ts';
import { schedulerWatchdog } from '../adapters/scheduler-watchdog.ts';
import { slackReplies } from '../adapters/slack-replies.ts';
import { snsTopics } from '../adapters/sns-topics.ts';
import { sqsDeadLetters } from '../adapters/sqs-dead-letters.ts';
import { standardWebhook } from '../adapters/standard-webhook.ts';
import { stepFunctions } from '../adapters/step-functions.ts';
import { tokens } from '../adapters/tokens.ts';
import type { Observer } from '../controller/ports.ts';
import { RolloutError } from '../core/errors.ts';
import type { Route } from '../core/people/access.ts';
import type { Sink } from '../core/people/notice.ts';
import type { Clock, Notes, OwnSecret, Tokens } from '../core/ports.ts';
import { paceBy } from '../notify/pace.ts';
import { slackClient } from '../notify/slack/client.ts';
import { slackChannel, slackWebhook } from '../notify/slack/sinks.ts';
import { snsTopic } from '../notify/topic.ts';
import { webhookSink } from '../notify/webhook.ts';
import {
  metricSources,
  metricsByKind,
  publishers,
  routers,
  smokeByKind,
  smokeRunners,
} from '../targets/adapters.ts';

/** How the ports of a controller are made, on AWS as in the embedded world. Each is made on its own, so that a bundle holds only the clients its function needs. */

/** Where a controller runs. */
export interface Host {
  clock: Clock;
  fetch: typeof fetch;
  /** A client of a service of AWS, which gives its calls up after so long. */
  client<Client extends AwsClient>(kind: new (limits: Limits) => Client, limits: Limits): Client;
  /** Objects of S3, and stores of CloudFront, which need no clients of their own: they are reached by the connections of this one. */
  s3(client: LambdaClient): S3Calls;
  stores(client: LambdaClient): StoreCalls;
  /** What the deployment says of this. @throws Error naming what it forgot */
  setting(name: Setting): string;
  /** The same of what a deployment may leave out; empty if it did. */
  optionalSetting(name: Setting): string;
}

/** A host that keeps secrets of the controller as well. */
export interface Keeper extends Host {
  /** A secret of the controller's own, which stands in no variable of a function. */
  secret(name: SecretName): OwnSecret;
}

/** What a deployment says to a controller. */
export type Setting =
  | 'ABORT_ARN'
  | 'AGENDA_GROUP'
  | 'AGENDA_ROLE_ARN'
  | 'COMMAND_ARN'
  | 'COMPLETIONS_BUCKET'
  | 'DEAD_LETTERS_URL'
  | 'ENVIRONMENT'
  | 'HOOK_HOSTS'
  | 'JOURNAL_TABLE'
  | 'NOTIFY_ARN'
  | 'OPEN_ROLLOUT_ARN'
  | 'PUBLIC_URL'
  | 'PUBLISH_RELEASE_ARN'
  | 'RELEASE_BUCKET'
  | 'SCHEDULER_ROLE_ARN'
  | 'SCHEDULE_GROUP'
  | 'SLACK_ACTION_ARN'
  | 'STATE_MACHINE_ARN'
  | 'WATCHDOG_ARN';

/** The controller's own secrets. */
export type SecretName =
  | 'HookSecret'
  | 'OidcClientSecret'
  | 'PeopleKeys'
  | 'SlackSigningSecret'
  | 'SlackToken'
  | 'WebhookKey';

/** What is needed of an AWS SDK v3 client to stand beside each of its tries; `never`, because no type names the outputs of every client. */
export interface AwsClient {
  middlewareStack: {
    add(middleware: Middleware, options: { step: 'finalizeRequest'; priority: 'low'; name: string }): void;
    add(middleware: Middleware, options: { step: 'deserialize'; priority: 'low'; name: string }): void;
  };
}
type Middleware = (next: (args: never) => Promise<unknown>) => (args: object) => Promise<never>;

/** How often a client makes a call, and for how long it waits. */
interface Limits {
  maxAttempts: number;
  requestHandler: { connectionTimeout: number; requestTimeout: number; throwOnRequestTimeout: true };
}

/** A timeout only warns unless it is configured to throw, and a call that hangs must become an error. Short enough for two tries within a function's 10 s, long enough for a slow answer; the state machine retries the rest. */
export const CLIENT: Limits = {
  maxAttempts: 2,
  requestHandler: { connectionTimeout: 1_000, requestTimeout: 2_500, throwOnRequestTimeout: true },
};

/** A smoke test or hook may take 8 s by itself, and is never repeated by the client. */
const PATIENT_CLIENT: Limits = {
  maxAttempts: 1,
  requestHandler: { connectionTimeout: 1_000, requestTimeout: 8_500, throwOnRequestTimeout: true },
};

/** The journal's table. */
export const journalOn = ({ client, clock, setting }: Host) =>
  dynamodbJournal(client(DynamoDBClient, CLIENT), { tableName: setting('JOURNAL_TABLE'), clock });

/** The budget, in the journal's table; of as many calls a second as are known to be free, unless it is said. */
export const budgetOn = ({ client, clock, setting }: Host, perSecond?: number) =>
  dynamodbBudget(client(DynamoDBClient, CLIENT), { tableName: setting('JOURNAL_TABLE'), clock, perSecond });

/** What was reported, in the journal's table. */
export const notesOn = ({ client, clock, setting }: Host) =>
  dynamodbNotes(client(DynamoDBClient, CLIENT), { tableName: setting('JOURNAL_TABLE'), clock });

/** Announces on the event bus. */
export const announcerOn = ({ client, clock }: Host) =>
  eventBridgeAnnouncer(client(EventBridgeClient, CLIENT), clock);

/** The dead letters of the function itself. */
export const deadLettersOn = ({ client, clock, fetch, setting }: Host) =>
  sqsDeadLetters(
    { config: client(EventBridgeClient, CLIENT).config, fetch },
    { clock, queueUrl: setting('DEAD_LETTERS_URL') },
  );

const targetClients = ({ client, s3, stores }: Host) => {
  const lambda = client(LambdaClient, CLIENT);
  return { lambda, stores: stores(lambda), s3: s3(lambda) };
};

/** Sites, for whoever takes reports of their visitors. */
export const liveSitesOn = ({ client, clock, stores }: Host) =>
  liveSites(stores(client(LambdaClient, CLIENT)), clock);

/** Traffic routers by kind of target. */
export const routersOn = (host: Host) => byKind(routers, targetClients(host), host.clock);

/** Publishers by kind of target. */
export const publishersOn = ({ client, clock, fetch }: Host) =>
  byKind(publishers, { lambda: client(LambdaClient, CLIENT), fetch }, clock);

/** Asks the function that publishes. */
export const restoreCodeOn = ({ client, setting }: Host) => {
  const lambda = client(LambdaClient, PATIENT_CLIENT);
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
const OPENING_CLIENT: Limits = {
  maxAttempts: 1,
  requestHandler: { connectionTimeout: 1_000, requestTimeout: 62_000, throwOnRequestTimeout: true },
};

/** Hands openings to the function that opens rollouts. */
export const openingsOn = ({ client, clock, setting }: Host) =>
  lambdaOpenings(client(LambdaClient, OPENING_CLIENT), clock, setting('OPEN_ROLLOUT_ARN'));

const smokeOn = ({ client, clock, fetch, stores }: Host) => {
  const lambda = client(LambdaClient, PATIENT_CLIENT);
  const secrets = awsSecrets({ config: lambda.config, fetch }, clock);
  return smokeByKind(smokeRunners, { lambda, secrets, fetch, stores: stores(lambda) }, clock);
};

/** What measures repeats smoke tests, asks nobody else, and is not given the secret of hooks. */
export const probesOn = (host: Host) => byKind({ smoke: () => smokeOn(host) }, {}, host.clock);

const hostsOn = (list: string) => list.split(',').filter((host) => host !== '');

const hookClients = ({ client, optionalSetting }: Host) => ({
  lambda: client(LambdaClient, PATIENT_CLIENT),
  web: { hosts: hostsOn(optionalSetting('HOOK_HOSTS')) },
});

/** Hook runners by kind of hook. */
export const hooksOn = (host: Keeper) => {
  const { lambda, web } = hookClients(host);
  const clients = { lambda, web: { ...web, fetch: host.fetch, secret: host.secret('HookSecret') } };
  return byKind({ ...hookRunners, smoke: () => smokeOn(host) }, clients, host.clock);
};

/** What refuses hooks, by kind of hook. */
export const hookCheckOn = (host: Host) => byKind(hookChecks, hookClients(host), host.clock);

/** Metrics of CloudWatch. */
export const metricsOn = ({ client, clock }: Host) =>
  metricsByKind(metricSources, { cloudwatch: client(CloudWatchClient, CLIENT) }, clock);

/** Alarms of CloudWatch. */
export const alarmsOn = ({ client }: Host) => cloudwatchAlarms(client(CloudWatchClient, CLIENT));

/** Executions of the rollout machine. */
export const executionsOn = ({ client, setting }: Host) =>
  stepFunctions(client(SFNClient, CLIENT), setting('STATE_MACHINE_ARN'));

/** The watchdog on EventBridge Scheduler. */
export const watchdogOn = ({ client, setting }: Host) =>
  schedulerWatchdog(client(SchedulerClient, CLIENT), {
    functionArn: setting('WATCHDOG_ARN'),
    stateMachineArn: setting('STATE_MACHINE_ARN'),
    roleArn: setting('SCHEDULER_ROLE_ARN'),
    groupName: setting('SCHEDULE_GROUP'),
  });

/** The bucket in which the controllers of several environments publish what completed; a deployment may have none. */
export const completionsOn = ({ optionalSetting }: Host, s3: S3Calls) =>
  s3Completions(s3, optionalSetting('COMPLETIONS_BUCKET') || undefined);

/** What commands, links and sessions are signed with. */
export const tokensOn = ({ clock, secret, setting }: Keeper, newId?: () => string) =>
  tokens(secret('PeopleKeys'), { environment: setting('ENVIRONMENT'), clock, newId });

/** Command may run for 75 s (`infra/controller.json`), and is asked once. */
const COMMAND_CLIENT: Limits = {
  maxAttempts: 1,
  requestHandler: { connectionTimeout: 1_000, requestTimeout: 77_000, throwOnRequestTimeout: true },
};

/** Hands commands to the functions that take them. */
export const commandsOn = ({ client, clock, setting }: Host, tokens: Tokens) =>
  lambdaCommands(
    client(LambdaClient, COMMAND_CLIENT),
    { tokens, clock },
    { Abort: setting('ABORT_ARN'), Command: setting('COMMAND_ARN') },
  );

/** Slack waits 3 s for the answer to a click. */
const CLICK_CLIENT: Limits = {
  maxAttempts: 1,
  requestHandler: { connectionTimeout: 500, requestTimeout: 1_500, throwOnRequestTimeout: true },
};

/** Hands clicks in Slack to the function that carries them out. */
export const clicksOn = ({ client, clock, setting }: Host, tokens: Tokens) =>
  lambdaClicks(client(LambdaClient, CLICK_CLIENT), { tokens, clock }, setting('SLACK_ACTION_ARN'));

/** Answers people who have clicked in Slack. */
export const slackRepliesOn = ({ fetch }: Host) => slackReplies(fetch);

/** By what Slack signs. */
export const slackSecretOn = ({ secret }: Keeper) => secret('SlackSigningSecret');

/** The address of the public API, if the deployment says one. */
export const publicUrlOn = ({ optionalSetting }: Host) => optionalSetting('PUBLIC_URL') || undefined;

/** What it takes to sign people in. */
export const providerOn = ({ fetch, secret }: Keeper) => ({
  clientSecret: secret('OidcClientSecret'),
  fetch,
});

/** Where Notify puts what it cannot do now, and repeats. */
export const agendaOn = ({ client, clock, setting }: Host) =>
  schedulerAgenda(
    client(SchedulerClient, CLIENT),
    {
      functionArn: setting('NOTIFY_ARN'),
      roleArn: setting('AGENDA_ROLE_ARN'),
      groupName: setting('AGENDA_GROUP'),
    },
    clock,
  );

/** Has Notify report. */
export const reportsOn = ({ client, setting }: Host) =>
  lambdaReports(client(LambdaClient, CLIENT), setting('NOTIFY_ARN'));

/** Where routes lead. What Slack is posted with is a bot's token, or the address of an incoming webhook. */
export const sinksOn = (
  { client, clock, fetch, optionalSetting, secret }: Keeper,
  notes: Notes,
  observer: Observer,
) => {
  const token = secret('SlackToken');
  const slack = slackClient({ fetch, token }, clock);
  const pace = paceBy(notes, clock);
  const publish = snsTopics(client(SNSClient, CLIENT));
  const web = {
    fetch,
    hosts: hostsOn(optionalSetting('HOOK_HOSTS')),
    secret: secret('WebhookKey'),
  };
  // Nothing else would say that somebody who is to hear of a rollout does not.
  const gone = () => {
    observer.count({ NotificationsLost: 1 });
    observer.warn('a webhook answered 410', {});
  };
  return async (route: Route): Promise<Sink | undefined> => {
    if ('sns' in route) return snsTopic(route.sns, publish);
    if ('webhook' in route) return webhookSink(standardWebhook(route.webhook, web, clock), gone);
    // Who has no token to post with is one receiver of several.
    const found = await token().catch((error) => {
      if (RolloutError.is(error, 'Unavailable')) throw error;
      return '';
    });
    if (found.startsWith('https://')) return slackWebhook(found, slack, pace);
    return found === '' ? undefined : slackChannel(route.slack, slack, pace);
  };
};

/** The environment that this controller serves. */
export const environmentOn = ({ setting }: Host) => setting('ENVIRONMENT');

/** What the command line asks for first. */
export const aboutOn = (host: Host) => ({
  environment: environmentOn(host),
  bucket: host.setting('RELEASE_BUCKET'),
  scheduleGroup: host.setting('SCHEDULE_GROUP'),
});
