import { AsyncLocalStorage } from 'node:async_hooks';
import { FUNCTIONS, type FunctionName } from '../../infra/facts.ts';
import { arnsOf, bucketOf, type Place } from '../../infra/place.ts';
import type { WorldOptions } from '../../local/world.ts';
import { SITE_BUCKET } from '../../simulation/site.ts';
import type { Question } from './iam.ts';

/** Where the controller of the embedded world would stand on AWS. */
export const PLACE: Place = {
  partition: 'aws',
  region: 'eu-west-1',
  account: '111122223333',
  environment: 'production',
  completionsBucket: 'completions',
  topics: ['arn:aws:sns:eu-west-1:111122223333:deploys'],
  siteBuckets: [SITE_BUCKET],
};

const ARNS = arnsOf(PLACE);

/** What a function asked of AWS: the command, and what IAM is asked for it. */
export interface Asked {
  fn: FunctionName;
  command: string;
  questions: Question[];
}

/** Writes down every call that a function of a world makes. */
export function recorder(): {
  asked: Asked[];
  around: NonNullable<WorldOptions['around']>;
  intercept: NonNullable<WorldOptions['intercept']>;
} {
  const running = new AsyncLocalStorage<FunctionName>();
  const asked: Asked[] = [];
  return {
    asked,
    around: (fn, event, call) => running.run(fn, () => call(event)),
    intercept(command, input, call) {
      const fn = running.getStore();
      if (fn !== undefined) asked.push({ fn, command, questions: questionsOf(command, input as Input) });
      return call();
    },
  };
}

type Input = Record<string, never> & {
  FunctionName: string;
  Qualifier?: string;
  S3Bucket?: string;
  S3Key: string;
  S3ObjectVersion?: string;
  VersionId?: string;
  IndexName?: string;
  SecretId: string;
  TransactItems: Record<string, { Key?: { pk: { S: string } }; Item?: { pk: { S: string } } }>[];
  Name: string;
  GroupName: string;
  Target: { RoleArn: string };
  Bucket: string;
  Key: string & { pk: { S: string } };
  Entries: { Source: string }[];
  stateMachineArn: string;
  TopicArn: string;
  KvsARN: string;
  executionArn: string;
};

/**
 * What IAM is asked when a command is sent (Service Authorization Reference of each service; for GetFunction, PassRole
 * and UpdateFunctionCode the notes of their API references).
 * @throws Error for a command that nobody wrote down: which rights it takes has to be looked up
 */
export function questionsOf(command: string, input: Input): Question[] {
  const questions = NEEDS[command];
  if (questions === undefined)
    throw new Error(
      `Nobody wrote down which rights ${command} takes; look them up and add them to test/infra/calls.ts.`,
    );
  return questions(input);
}

const on = (action: string, resource: string): Question => ({ action, resource });

const table = (action: string) => () => [on(`dynamodb:${action}`, ARNS.table)];

const lambda =
  (...actions: string[]) =>
  ({ FunctionName, Qualifier }: Input) => {
    // In the embedded world a function of the controller has no prefix.
    const own = FUNCTIONS.find((name) => name === FunctionName.split(':').at(-1));
    const arn = own ? ARNS.function(own) : ARNS.anyFunction.replace('*', FunctionName);
    return actions.map((action) =>
      on(`lambda:${action}`, Qualifier === undefined ? arn : `${arn}:${Qualifier}`),
    );
  };

const store =
  (action: string) =>
  ({ KvsARN }: Input) => [on(`cloudfront-keyvaluestore:${action}`, KvsARN)];

const schedule =
  (action: string) =>
  ({ GroupName, Name }: Input) => [
    on(`scheduler:${action}`, (isAgenda(GroupName) ? ARNS.agenda : ARNS.schedules).replace('*', Name)),
  ];

/** In the embedded world neither groups nor roles have a prefix. */
const isAgenda = (name: string) => name.endsWith('agenda');

const armed = (action: string) => (input: Input) => [
  ...schedule(action)(input),
  {
    ...on('iam:PassRole', isAgenda(input.Target.RoleArn) ? ARNS.agendaRole : ARNS.schedulerRole),
    context: { 'iam:PassedToService': 'scheduler.amazonaws.com' },
  },
];

/** In the embedded world the bucket of releases has a short name. */
const bucketArn = (Bucket: string) =>
  `arn:aws:s3:::${[PLACE.completionsBucket, SITE_BUCKET].includes(Bucket) ? Bucket : bucketOf(PLACE)}`;

const object = ({
  Bucket,
  Key,
  VersionId,
}: {
  Bucket: string;
  Key: string;
  VersionId?: string | undefined;
}) => [
  on('s3:GetObject', `${bucketArn(Bucket)}/${Key}`),
  ...(VersionId === undefined ? [] : [on('s3:GetObjectVersion', `${bucketArn(Bucket)}/${Key}`)]),
];

/** In a transaction each write is allowed or refused as if it stood alone (DynamoDB developer guide, "IAM and transactions"). */
const WRITES: Record<string, string> = {
  Put: 'PutItem',
  Update: 'UpdateItem',
  Delete: 'DeleteItem',
  // Its own action (DynamoDB developer guide, "Using IAM with DynamoDB transactions").
  ConditionCheck: 'ConditionCheckItem',
};

const NEEDS: Record<string, (input: Input) => Question[]> = {
  GetItemCommand: table('GetItem'),
  PutItemCommand: table('PutItem'),
  UpdateItemCommand: ({ Key: { pk } }) => [
    { ...on('dynamodb:UpdateItem', ARNS.table), context: { 'dynamodb:LeadingKeys': pk.S } },
  ],
  PutEventsCommand: ({ Entries }) =>
    Entries.map(({ Source }) => ({
      ...on('events:PutEvents', ARNS.bus),
      context: { 'events:source': Source },
    })),
  DeleteItemCommand: table('DeleteItem'),
  BatchGetItemCommand: table('BatchGetItem'),
  QueryCommand: ({ IndexName }) => [
    on('dynamodb:Query', IndexName === undefined ? ARNS.table : ARNS.indexes.replace('*', IndexName)),
  ],
  TransactWriteItemsCommand: ({ TransactItems }) =>
    TransactItems.flatMap((item) =>
      Object.entries(item).map(([kind, { Key, Item }]) => ({
        ...on(`dynamodb:${WRITES[kind] ?? 'UnknownWrite'}`, ARNS.table),
        context: { 'dynamodb:LeadingKeys': (Key ?? Item)?.pk.S ?? '' },
      })),
    ),
  GetAliasCommand: lambda('GetAlias'),
  UpdateAliasCommand: lambda('UpdateAlias'),
  CreateAliasCommand: lambda('CreateAlias'),
  DeleteAliasCommand: lambda('DeleteAlias'),
  GetFunctionCommand: lambda('GetFunction', 'ListTags'),
  GetFunctionConfigurationCommand: lambda('GetFunctionConfiguration'),
  InvokeCommand: lambda('InvokeFunction'),
  ListProvisionedConcurrencyConfigsCommand: lambda('ListProvisionedConcurrencyConfigs'),
  GetPolicyCommand: lambda('GetPolicy'),
  ListFunctionUrlConfigsCommand: lambda('ListFunctionUrlConfigs'),
  ListEventSourceMappingsCommand: () => [on('lambda:ListEventSourceMappings', '*')],
  PublishVersionCommand: lambda('PublishVersion'),
  UpdateFunctionCodeCommand: (input) => [
    ...lambda('UpdateFunctionCode')(input),
    ...(input.S3Bucket === undefined
      ? []
      : object({ Bucket: input.S3Bucket, Key: input.S3Key, VersionId: input.S3ObjectVersion })),
  ],
  GetSecretValueCommand: ({ SecretId }) => [
    on('secretsmanager:GetSecretValue', `${ARNS.secrets.replace('spillway/*', '')}${SecretId}-AbCdEf`),
  ],
  GetParameterCommand: ({ Name }) => [on('ssm:GetParameter', ARNS.parameters.replace('/spillway/*', Name))],
  // CloudFront's own call, by a name; its other calls are those of the store.
  FindStoreCommand: ({ Name }) => [on('cloudfront:DescribeKeyValueStore', ARNS.anyStore.replace('*', Name))],
  DescribeKeyValueStoreCommand: store('DescribeKeyValueStore'),
  GetKeyCommand: store('GetKey'),
  UpdateKeysCommand: store('UpdateKeys'),
  GetMetricDataCommand: () => [on('cloudwatch:GetMetricData', '*')],
  DescribeAlarmsCommand: () => [on('cloudwatch:DescribeAlarms', '*')],
  // Else what is missing is refused, as if it were hidden.
  GetObjectCommand: (input) => [...object(input), on('s3:ListBucket', bucketArn(input.Bucket))],
  HeadObjectCommand: (input) => [...object(input), on('s3:ListBucket', bucketArn(input.Bucket))],
  PutObjectCommand: ({ Bucket, Key }) => [on('s3:PutObject', `${bucketArn(Bucket)}/${Key}`)],
  PublishCommand: ({ TopicArn }) => [on('sns:Publish', TopicArn)],
  StartExecutionCommand: () => [on('states:StartExecution', ARNS.machine)],
  StopExecutionCommand: ({ executionArn }) => [
    on('states:StopExecution', ARNS.executions.replace('*', executionArn.split(':').at(-1) ?? '')),
  ],
  SendTaskSuccessCommand: () => [on('states:SendTaskSuccess', '*')],
  CreateScheduleCommand: armed('CreateSchedule'),
  UpdateScheduleCommand: armed('UpdateSchedule'),
  GetScheduleCommand: schedule('GetSchedule'),
  DeleteScheduleCommand: schedule('DeleteSchedule'),
};

/** The commands that are written down. */
export const COMMANDS = Object.keys(NEEDS);
