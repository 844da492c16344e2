import { TARGET_RIGHTS, targetGrants } from '../targets/rights.ts';
import { ASYNCHRONOUS, FUNCTIONS, type FunctionName, type Starter, startedBy } from './facts.ts';
import { arnsOf, type Place } from './place.ts';
import { SECRETS_READ } from './secrets.ts';

/** A statement of an IAM policy. Everything is an allowance; what is not here is refused. */
export interface Statement {
  Sid: string;
  Effect: 'Allow';
  Action: string[];
  Resource: string[];
  Condition?: Record<string, Record<string, string | string[]>>;
}

type Arns = ReturnType<typeof arnsOf>;

/** A right by its purpose, which becomes the statement's id in the console. `everywhere` says why its resource is `*`: AWS offers nothing narrower. */
type Right = { actions: string[]; when?: Statement['Condition'] } & (
  | { on: (arns: Arns) => string[] }
  | { everywhere: string }
);

const table = (arns: Arns) => [arns.table];

/**
 * Every right there is. That each action exists and supports its resource and condition, or no resource at
 * all, is compared with AWS' Service Authorization Reference by a test; AWS has never evaluated these policies.
 */
export const RIGHTS = {
  ...TARGET_RIGHTS,

  // The journal. A transaction is allowed by the actions that it is made of.
  'read the journal': { actions: ['dynamodb:GetItem'], on: table },
  'read events': { actions: ['dynamodb:Query'], on: table },
  'write events': { actions: ['dynamodb:PutItem'], on: table },
  'check the service record': { actions: ['dynamodb:ConditionCheckItem'], on: table },
  'end rollouts': { actions: ['dynamodb:UpdateItem', 'dynamodb:DeleteItem'], on: table },
  'queue releases': { actions: ['dynamodb:UpdateItem'], on: table },
  'reserve calls': { actions: ['dynamodb:UpdateItem'], on: table },
  'store task tokens': { actions: ['dynamodb:PutItem', 'dynamodb:Query', 'dynamodb:DeleteItem'], on: table },
  'use task tokens': { actions: ['dynamodb:Query', 'dynamodb:DeleteItem'], on: table },
  'write notes': {
    actions: ['dynamodb:UpdateItem'],
    on: table,
    when: {
      'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['NOTE#*'] },
      Null: { 'dynamodb:LeadingKeys': 'false' },
    },
  },
  'list running rollouts': { actions: ['dynamodb:Query'], on: ({ indexes }: Arns) => [indexes] },
  'read running rollouts': { actions: ['dynamodb:BatchGetItem'], on: table },

  // Executions. An execution moves any alias that its input names, so few functions may start one. An opening is handed over to
  // OpenRollout, whose input names only what the journal knows. (`startedBy` says who may call a function of the controller.)
  'send task success': {
    actions: ['states:SendTaskSuccess'],
    everywhere: 'a task token names no resource; only its holder can use it',
  },
  'start executions': { actions: ['states:StartExecution'], on: ({ machine }: Arns) => [machine] },
  'stop executions': { actions: ['states:StopExecution'], on: ({ executions }: Arns) => [executions] },

  // The watchdog.
  'arm the watchdog': {
    actions: ['scheduler:CreateSchedule', 'scheduler:UpdateSchedule'],
    on: ({ schedules }: Arns) => [schedules],
  },
  'pass the scheduler role': {
    actions: ['iam:PassRole'],
    on: ({ schedulerRole }: Arns) => [schedulerRole],
    when: { StringEquals: { 'iam:PassedToService': 'scheduler.amazonaws.com' } },
  },
  'disarm the watchdog': { actions: ['scheduler:DeleteSchedule'], on: ({ schedules }: Arns) => [schedules] },
  'read the watchdog': { actions: ['scheduler:GetSchedule'], on: ({ schedules }: Arns) => [schedules] },

  // The agenda of reports.
  'write the agenda': {
    actions: ['scheduler:CreateSchedule', 'scheduler:UpdateSchedule'],
    on: ({ agenda }: Arns) => [agenda],
  },
  'pass the role of the agenda': {
    actions: ['iam:PassRole'],
    on: ({ agendaRole }: Arns) => [agendaRole],
    when: { StringEquals: { 'iam:PassedToService': 'scheduler.amazonaws.com' } },
  },

  // What smoke tests need. Whose name a secret may have is decided by its service's name when the rollout file is read.
  'read secrets of smoke tests': {
    actions: ['secretsmanager:GetSecretValue'],
    on: ({ secrets }: Arns) => [secrets],
  },
  'read parameters of smoke tests': {
    actions: ['ssm:GetParameter'],
    on: ({ parameters }: Arns) => [parameters],
  },

  // Metrics and alarms.
  'read metrics': { actions: ['cloudwatch:GetMetricData'], everywhere: 'the action supports no resource' },
  'read alarms': {
    actions: ['cloudwatch:DescribeAlarms'],
    everywhere: 'asked for composite alarms it answers only if it is allowed on everything',
  },

  // Releases. Lambda reads a zip with the caller's rights.
  'read releases': { actions: ['s3:GetObject', 's3:GetObjectVersion'], on: ({ objects }: Arns) => [objects] },
  // Without ListBucket, S3 answers a missing key with 403 instead of 404 (S3 API reference, GetObject).
  'see missing releases': { actions: ['s3:ListBucket'], on: ({ bucket }: Arns) => [bucket] },
  'publish completions': { actions: ['s3:PutObject'], on: ({ ownCompletions }: Arns) => [ownCompletions] },
  'find completions': {
    actions: ['s3:GetObject', 's3:ListBucket'],
    on: ({ completions }: Arns) => [completions, `${completions}/completions/*`],
  },
  // What is reported.
  announce: {
    actions: ['events:PutEvents'],
    on: ({ bus }: Arns) => [bus],
    when: { StringEquals: { 'events:source': 'spillway' } },
  },

  'publish to topics': { actions: ['sns:Publish'], on: ({ topics }: Arns) => topics },

  // What the services need that act for the controller.
  'write logs': {
    actions: [
      ...[
        'logs:CreateLogDelivery',
        'logs:GetLogDelivery',
        'logs:UpdateLogDelivery',
        'logs:DeleteLogDelivery',
      ],
      ...[
        'logs:ListLogDeliveries',
        'logs:PutResourcePolicy',
        'logs:DescribeResourcePolicies',
        'logs:DescribeLogGroups',
      ],
    ],
    everywhere: 'log deliveries are no resources (Step Functions developer guide, "Logging")',
  },
  'trace executions': {
    actions: [
      'xray:PutTraceSegments',
      'xray:PutTelemetryRecords',
      'xray:GetSamplingRules',
      'xray:GetSamplingTargets',
    ],
    everywhere: 'traces are no resources',
  },
  trace: {
    actions: ['xray:PutTraceSegments', 'xray:PutTelemetryRecords'],
    everywhere: 'traces are no resources',
  },
  'follow the journal': {
    actions: ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'],
    on: ({ stream }: Arns) => [stream],
  },
  'list streams': { actions: ['dynamodb:ListStreams'], everywhere: 'the action supports no resource' },
} satisfies Record<string, Right>;

/** The name of a right. */
type RightName = keyof typeof RIGHTS;

// biome-ignore format: a line for each function, so that all of it is seen at once
/** Which function of the controller may do what, but for what it may do to targets. */
const OWN_GRANTS = {
  // What the state machine calls
  Decide: ['read the journal', 'write events'],
  PublishRelease: ['read the journal', 'write events', 'store task tokens', 'send task success', 'read releases'],
  RunHook: ['read the journal', 'write events', 'store task tokens', 'send task success', 'read functions', 'invoke functions', 'read secrets of smoke tests', 'read parameters of smoke tests'],
  ShiftTraffic: ['read the journal', 'write events', 'reserve calls'],
  Hold: ['read the journal', 'store task tokens', 'send task success'],
  Measure: ['read the journal', 'write events', 'read metrics', 'read alarms', 'read secrets of smoke tests', 'read parameters of smoke tests'],
  PromoteCanary: ['read the journal', 'write events', 'reserve calls'],
  CloseRollout: ['read the journal', 'write events', 'end rollouts', 'disarm the watchdog', 'publish completions'],
  ContinueAsNew: ['read the journal', 'write events', 'start executions', 'arm the watchdog', 'pass the scheduler role'],
  RevertTraffic: ['read the journal', 'write events', 'end rollouts', 'invoke functions', 'read metrics', 'disarm the watchdog'],

  // What events, people and the clock call
  OpenRollout: ['read the journal', 'write events', 'check the service record', 'queue releases', 'reserve calls', 'list running rollouts', 'start executions', 'arm the watchdog', 'pass the scheduler role', 'read metrics', 'read alarms', 'read releases', 'see missing releases', 'find completions', 'publish completions'],
  JournalStream: ['read the journal', 'use task tokens', 'send task success', 'follow the journal', 'list streams'],
  Notify: ['read the journal', 'read events', 'write notes', 'list running rollouts', 'read running rollouts', 'write the agenda', 'pass the role of the agenda', 'publish to topics'],
  Transitions: ['read the journal', 'read events', 'write notes', 'announce', 'follow the journal', 'list streams'],
  AlarmEvent: ['list running rollouts', 'read running rollouts', 'read the journal', 'write events', 'use task tokens', 'send task success'],
  Abort: ['read the journal', 'write events', 'queue releases', 'use task tokens', 'send task success', 'read the watchdog'],
  Command: ['read the journal', 'write events', 'write notes', 'queue releases', 'use task tokens', 'send task success', 'read the watchdog'],
  Watchdog: ['read the journal', 'write events', 'start executions', 'stop executions', 'arm the watchdog', 'pass the scheduler role', 'disarm the watchdog'],
  ReadRollout: ['read the journal', 'read events', 'list running rollouts', 'read running rollouts'],
  ApiIam: ['read the journal', 'read events', 'list running rollouts', 'read running rollouts'],
  ApiPublic: ['read the journal', 'read events', 'list running rollouts', 'read running rollouts'],
  SlackAction: [],
  Beacon: [],
} satisfies Record<FunctionName, RightName[]>;

/**
 * Which function may do what. With the rights that kinds of targets add this is the whole table: a test lists the calls that each
 * function makes and finds each of them allowed, and nothing else.
 */
export const GRANTS = Object.fromEntries(
  FUNCTIONS.map((name) => [name, [...new Set([...OWN_GRANTS[name], ...targetGrants(name)])]]),
) as Record<FunctionName, RightName[]>;

/** What a role may do besides calling the functions that its holder starts, and the service that alone may take it. */
interface Lent {
  to: string;
  may: RightName[];
}

/** The roles that the controller lends to services, each by what `controller.json` calls its holder. */
export const LENT = {
  /** The last-resort revert writes targets without a function. */
  machine: {
    to: 'states.amazonaws.com',
    may: [...targetGrants('states.amazonaws.com'), 'write logs', 'trace executions'],
  },
  scheduler: { to: 'scheduler.amazonaws.com', may: ['start executions'] },
  agenda: { to: 'scheduler.amazonaws.com', may: [] },
} satisfies Partial<Record<Starter, Lent>>;

/** Rights of every function. */
export const EVERYBODY: RightName[] = ['trace'];

/** Who has a role of the controller. */
export type Holder = keyof typeof LENT;

/** What a function of the controller may do: its rights, its own logs and traces, its own dead letters, the secrets of the controller that it reads, and the functions that it starts. */
export function statementsOf(name: FunctionName, place: Place): Statement[] {
  const arns = arnsOf(place);
  const own = (Sid: string, Action: string[], ...Resource: string[]): Statement => ({
    Sid,
    Effect: 'Allow',
    Action,
    Resource,
  });
  const secrets = (SECRETS_READ[name] ?? []).map(arns.ownSecret);
  return [
    ...[...GRANTS[name], ...EVERYBODY]
      .filter((right) => isMeant(right, place))
      .map((right) => statementOf(right, arns)),
    own('WriteLogs', ['logs:CreateLogStream', 'logs:PutLogEvents'], arns.logs(name)),
    ...(ASYNCHRONOUS.includes(name)
      ? [own('SendDeadLetters', ['sqs:SendMessage'], arns.deadLetters(name))]
      : []),
    ...(secrets.length > 0 ? [own('ReadOwnSecrets', ['secretsmanager:GetSecretValue'], ...secrets)] : []),
    ...callsOf(name, arns),
  ];
}

/** Whether a right is of something that this deployment has. */
function isMeant(right: RightName, { completionsBucket, topics, siteBuckets }: Place): boolean {
  if (right.endsWith(' completions')) return completionsBucket !== '';
  if (right.endsWith(' sites')) return siteBuckets.length > 0;
  return right !== 'publish to topics' || topics.length > 0;
}

/** What the role may do that the controller lends to a service. */
export function lentStatementsOf(holder: Holder, place: Place): Statement[] {
  const arns = arnsOf(place);
  const { may }: Lent = LENT[holder];
  const meant = may.filter((right) => isMeant(right, place));
  return [...callsOf(holder, arns), ...meant.map((right) => statementOf(right, arns))];
}

/** Only what starts a function may call it. */
function callsOf(starter: Starter, arns: Arns): Statement[] {
  const Resource = startedBy(starter).map((name) => arns.function(name));
  const call = { Sid: 'InvokeFunctions', Effect: 'Allow' as const, Action: ['lambda:InvokeFunction'] };
  return Resource.length === 0 ? [] : [{ ...call, Resource }];
}

function statementOf(name: RightName, arns: Arns): Statement {
  const right: Right = RIGHTS[name];
  return {
    Sid: name.replace(/(?:^|\s)(\w)/g, (_, letter: string) => letter.toUpperCase()),
    Effect: 'Allow',
    Action: right.actions,
    Resource: 'on' in right ? right.on(arns) : ['*'],
    ...(right.when === undefined ? {} : { Condition: right.when }),
  };
}

/** Who may take a role: one service, and only for this account. */
export function trustOf(service: string, { account }: Place): object {
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Service: service },
        Action: 'sts:AssumeRole',
        ...(service === 'lambda.amazonaws.com'
          ? {}
          : { Condition: { StringEquals: { 'aws:SourceAccount': account } } }),
      },
    ],
  };
}
