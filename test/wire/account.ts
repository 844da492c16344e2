import type { BucketLocationConstraint } from '@aws-sdk/client-s3';
import type { Intercept } from '../../local/sdk.ts';
import { CLOUD_TAG, type Cloud, cloudFrom, prefixOf, roleNameOf } from './cloud.ts';

const REGION = 'eu-west-1';

/** The run on an account of AWS, where it is one. */
export const cloud: Cloud | undefined = cloudFrom(process.env);

/** @throws Error if the tests were not started as they must be */
function setting(name: 'WIRE_PROGRAM' | 'WIRE_FRONT'): string {
  const url = process.env[name];
  if (url === undefined) throw new Error(`${name} is not set; start these tests with npm run test:wire.`);
  return url;
}

/** Each file of tests runs in a thread of its own, so the first half of a number is drawn once for it. */
const thread = 100_000 + Math.floor(Math.random() * 899_999);
let accounts = 0;

/**
 * An account that nobody used before: the program takes twelve digits as access key for the account of that number. In an
 * account of AWS it is names that nobody used before.
 */
export function freshAccount(): Account {
  accounts += 1;
  return cloud === undefined
    ? accountOf(`${thread}${String(accounts).padStart(6, '0')}`)
    : cloudAccount(cloud, `${prefixOf(cloud)}-${thread}-${accounts}-`);
}

/** What tests know of an account. */
export interface Account {
  id: string;
  region: BucketLocationConstraint;
  /** What a client of the SDK is made with. */
  config: {
    region: string;
    endpoint?: string;
    credentials?: { accessKeyId: string; secretAccessKey: string };
    forcePathStyle?: boolean;
    maxAttempts: number;
  };
  /** The same through the corrections, for services that the program gets wrong. */
  corrected: Account['config'];
  /** How everything is named that is made by `connect`; empty if the account is the test's own. */
  prefix: string;
}

/** An account of the program by its number, for what names that number itself. */
export function accountOf(id: string): Account {
  const config = {
    region: REGION,
    endpoint: setting('WIRE_PROGRAM'),
    credentials: { accessKeyId: id, secretAccessKey: 'unused' },
    forcePathStyle: true,
    maxAttempts: 1,
  };
  return {
    id,
    region: REGION,
    config,
    corrected: { ...config, endpoint: setting('WIRE_FRONT') },
    prefix: '',
  };
}

/** The account of a run, whose credentials the SDK finds itself. */
export function cloudAccount({ id, region, endpoint }: Cloud, prefix: string): Account {
  const config: Account['config'] = {
    region,
    maxAttempts: 3,
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
  };
  return { id, region: region as BucketLocationConstraint, config, corrected: config, prefix };
}

interface Interceptable {
  middlewareStack: {
    add(
      middleware: (
        next: (args: { input: object }) => Promise<{ response: unknown; output: object }>,
        context: { commandName?: string },
      ) => (args: { input: object }) => Promise<{ response: unknown; output: never }>,
      options: { step: 'initialize'; priority: 'low'; name: string },
    ): void;
  };
}

/** Stands around the calls of a real client as `attach` does around those of a simulated one. */
export function around<Client>(client: Client, intercept: Intercept | undefined): Client {
  if (intercept === undefined) return client;
  (client as Interceptable).middlewareStack.add(
    (next, { commandName = '' }) =>
      async (args) => {
        const output = await intercept(commandName, args.input, async () => (await next(args)).output);
        return { response: {}, output: output as never };
      },
    { step: 'initialize', priority: 'low', name: 'intercepted' },
  );
  return client;
}

/** A client of an account. Where others use it too, what tests call `journal` has a name there that is theirs alone, and a tag. */
export function connect<Client>(
  Made: new (config: Account['config']) => Client,
  account: Account,
  intercept?: Intercept,
): Client {
  // What stands around the calls is to see the names that the tests know, so it comes before they are changed.
  const client = around(new Made(account.corrected), intercept);
  if (cloud !== undefined) rename(client, account, cloud);
  return client;
}

function rename(client: unknown, { prefix }: Account, run: Cloud): void {
  const back = (text: string) => text.replaceAll(prefix, '').replaceAll(`role/${prefixOf(run)}-`, 'role/');
  (client as Interceptable).middlewareStack.add(
    (next, { commandName = '' }) =>
      async (args) => {
        const input = prefix === '' ? args.input : named(args.input, prefix, run);
        const answer = next({ ...args, input: tagged(commandName, input, run) });
        if (prefix === '') return { response: {}, output: (await answer).output as never };
        const { output } = await answer.catch((error: Error) => {
          error.message = back(error.message);
          throw error;
        });
        return { response: {}, output: unnamed(output, back) as never };
      },
    { step: 'initialize', priority: 'low', name: 'renamed' },
  );
}

/** Fields whose text names something that the account has one of. */
const NAMES = new Set([
  'TableName',
  'FunctionName',
  'AlarmName',
  'AlarmNames',
  'Bucket',
  'GroupName',
  'name',
]);
const ARNS = new Set(['stateMachineArn', 'executionArn', 'Resource', 'EventSourceArn', 'TargetArn']);
const ROLES = new Set(['Role', 'RoleArn', 'roleArn']);

function named(input: object, prefix: string, run: Cloud): object {
  const name = (text: string) => (text === '' || text.startsWith(prefix) ? text : `${prefix}${text}`);
  const value = (key: string, given: unknown): unknown => {
    if (Array.isArray(given)) return given.map((each) => value(key, each));
    if (typeof given === 'object' && given !== null && Object.getPrototypeOf(given) === Object.prototype)
      return Object.fromEntries(
        Object.entries(given).map(([inner, each]) => [
          key === 'RequestItems' ? name(inner) : inner,
          value(inner, each),
        ]),
      );
    if (typeof given !== 'string') return given;
    if (ROLES.has(key))
      return `arn:aws:iam::${run.id}:role/${roleNameOf(run, given.endsWith('/other') ? 'other' : 'service')}`;
    if (ARNS.has(key)) return arnOf(given, name, run);
    return NAMES.has(key) ? name(given) : given;
  };
  // What is started and what is a group are called `name` and `Name` as well.
  const { name: own, Name, definition, AlarmRule, ...others } = input as Record<string, unknown>;
  return {
    ...(value('', others) as object),
    ...(own === undefined ? {} : { name: 'stateMachineArn' in others ? own : name(String(own)) }),
    ...(Name === undefined ? {} : { Name: isGroup(others) ? name(String(Name)) : Name }),
    ...(definition === undefined
      ? {}
      : { definition: JSON.stringify(value('', JSON.parse(String(definition)))) }),
    ...(AlarmRule === undefined
      ? {}
      : {
          AlarmRule: String(AlarmRule).replace(
            /ALARM\("([^"]+)"\)/g,
            (_, each: string) => `ALARM("${name(each)}")`,
          ),
        }),
  };
}

const isGroup = (others: object) =>
  Object.keys(others).filter((key) => key !== 'ClientToken' && key !== 'Tags').length === 0;

/** `arn:aws:service:region:account:` and then one name, of an execution its machine's. Task states name a service, not a thing. */
function arnOf(arn: string, name: (text: string) => string, { region, id }: Cloud): string {
  const [, service = '', kind = '', own = '', rest = ''] =
    /^arn:aws:(\w+):[^:]*:\d{12}:(?:(function|stateMachine|execution):)?([^:]+)(.*)$/.exec(arn) ?? [];
  if (own === '') return arn;
  return `arn:aws:${service}:${region}:${id}:${kind === '' ? '' : `${kind}:`}${name(own)}${rest}`;
}

function tagged(command: string, input: object, { run, region }: Cloud): object {
  const list = [{ Key: CLOUD_TAG, Value: run }];
  const { Tags, CreateBucketConfiguration } = input as { Tags?: object; CreateBucketConfiguration?: object };
  if (command === 'CreateFunctionCommand') return { ...input, Tags: { ...Tags, [CLOUD_TAG]: run } };
  if (command === 'CreateStateMachineCommand') return { ...input, tags: [{ key: CLOUD_TAG, value: run }] };
  if (command === 'CreateBucketCommand')
    return {
      ...input,
      // The first region of S3 has no name here (API reference, CreateBucket).
      CreateBucketConfiguration: {
        ...(region === 'us-east-1' ? {} : CreateBucketConfiguration),
        Tags: list,
      },
    };
  return /^(CreateTable|CreateScheduleGroup|PutMetricAlarm|PutCompositeAlarm)Command$/.test(command)
    ? { ...input, Tags: list }
    : input;
}

function unnamed(output: unknown, back: (text: string) => string): unknown {
  if (typeof output === 'string') return back(output);
  if (Array.isArray(output)) return output.map((each) => unnamed(each, back));
  if (typeof output !== 'object' || output === null || Object.getPrototypeOf(output) !== Object.prototype)
    return output;
  return Object.fromEntries(Object.entries(output).map(([key, each]) => [back(key), unnamed(each, back)]));
}
