import { readFileSync } from 'node:fs';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { eventFrom, rolloutFrom } from '../adapters/dynamodb-items.ts';
import {
  type AppendRecord,
  eventsFromStream,
  recordsFromStream,
  type WrittenEvent,
} from '../adapters/dynamodb-stream.ts';
import { PREFIX, tableDefinition } from '../adapters/dynamodb-table.ts';
import type { S3Calls } from '../adapters/s3-client.ts';
import { s3Releases } from '../adapters/s3-releases.ts';
import type { Ports } from '../controller/ports.ts';
import { type Access, NO_ACCESS } from '../core/people/access.ts';
import { signedClick } from '../core/people/signed-click.ts';
import { signedCommand } from '../core/people/signed-command.ts';
import type { Journal } from '../core/ports.ts';
import { type CommandRequest, takerOf } from '../core/rollout/command-request.ts';
import type { RolloutEvent } from '../core/rollout/event.ts';
import type { Rollout } from '../core/rollout/state.ts';
import { reportLimits } from '../core/site/report.ts';
import type { Handler } from '../functions/_lambda.ts';
import { observer } from '../functions/_observe.ts';
import {
  aboutOn,
  agendaOn,
  alarmsOn,
  announcerOn,
  budgetOn,
  completionsOn,
  deadLettersOn,
  environmentOn,
  executionsOn,
  type Host,
  hookCheckOn,
  hooksOn,
  journalOn,
  type Keeper,
  liveSitesOn,
  metricsOn,
  notesOn,
  openingsOn,
  providerOn,
  publicUrlOn,
  publishersOn,
  routersOn,
  type SecretName,
  type Setting,
  sinksOn,
  slackRepliesOn,
  slackSecretOn,
  tokensOn,
  watchdogOn,
} from '../functions/_ports.ts';
import {
  FUNCTIONS,
  type FunctionName,
  factsOf,
  fileOf,
  patternOf,
  RULES,
  reservedFor,
  startedBy,
} from '../infra/facts.ts';
import { KINDS } from '../targets/kinds.ts';
import type { Account } from './account.ts';
import { clientOf } from './clients.ts';
import type { WorldClock } from './clock.ts';
import { controllerFunctions } from './functions.ts';
import { LATENCY_MS } from './latency.ts';
import type { Random } from './random.ts';
import { runAs } from './running.ts';
import { storeCalls } from './services/cloudfront-kvs.ts';
import { s3Calls } from './services/s3.ts';

/** What HTTP hooks are signed with. */
export const HOOK_SECRET = 'simulated';
/** What commands, links and sessions of the embedded world are signed with. */
export const PEOPLE_KEY = 'ab'.repeat(32);
/** The bucket in which the controllers of an account tell each other what completed. */
const COMPLETIONS = 'completions';
/** How often Lambda tries a function again that failed, and the time before the first of these tries. */
const [RETRIES_MAX, RETRY_MS] = [2, 60_000];
/** The function of the controller that others of it invoke by Lambda. */
const OPENER: FunctionName = 'OpenRollout';

/** What those who follow the journal learn of each append, in order. */
export interface JournalRecord {
  rollout: Rollout;
  events: RolloutEvent[];
}

/** Keeps the journal, the budget and the notes of a controller. `told` is called for each append, with what its stream makes of that. */
export type Store = (controller: {
  clock: Account['clock'];
  /** Calls a second that the controller shares out; as on AWS if it is not said. */
  perSecond: number | undefined;
  told(record: JournalRecord, appended: AppendRecord[], written: WrittenEvent[]): void;
}) => Pick<Ports, 'journal' | 'budget' | 'notes'>;

/** How a controller is deployed. */
export interface ControllerOptions {
  /** What the name of each of its parts begins with; without it the environment. */
  prefix?: string | undefined;
  /** Where the journal and the budget are kept; in the simulated DynamoDB unless said otherwise. */
  store?: Store | undefined;
  /** Stands around every call of a function: where crashes, duplicates and planted faults come in. */
  around?: ((name: FunctionName, event: unknown, call: Handler) => Promise<unknown>) | undefined;
  /** Replaces ports, for tests that plant a fault. */
  changePorts?: ((ports: Ports) => Ports) | undefined;
  /** How many calls a second of Lambda's control plane it shares out; as on AWS unless said otherwise. */
  controlPlane?: { budget: number } | undefined;
  /** Who people are, what they may do, and who is notified. */
  access?: Access | undefined;
  /** What the deployment says besides. */
  settings?: Partial<Record<Setting, string>> | undefined;
  /** Secrets of its own besides those that it always has. */
  secrets?: Partial<Record<SecretName, string>> | undefined;
  /** The text of another version's state machine, in place of the present one. */
  machine?: string | undefined;
}

/** The controller of one environment, in one account and region. */
export interface Controller {
  environment: string;
  /** The bucket that releases are uploaded to. */
  bucket: string;
  /** The table of the journal. */
  table: string;
  machineArn: string;
  ports: Ports;
  journal: Journal;
  /** Calls one of its functions as AWS would. */
  invoke(name: FunctionName, event: unknown): Promise<unknown>;
  /** Gives a command as the API does: signed, so that its giver is proven. */
  command(request: CommandRequest): Promise<{ rolloutId: string }>;
  /** Uploads a manifest, which opens a rollout as on AWS: by its event. Text and bytes are uploaded as they are. */
  upload(key: string, manifest: object | string | Uint8Array): Promise<void>;
  /** Resolves with the rollout once it has ended and its execution too. */
  ended(rolloutId: string): Promise<Rollout>;
  /** Calls `listener` for each append to the journal, in order. */
  follow(listener: (record: JournalRecord) => void): void;
  /** Calls `listener` for each call of a function that is none of the state machine's. */
  overhear(listener: (name: FunctionName, event: unknown, answer: Promise<unknown>) => void): void;
}

/** Deploys the controller of an environment into an account: real handlers, adapters and state machine. @throws Error if something of that name is there already */
export function createController(
  account: Account,
  environment: string,
  options: ControllerOptions = {},
): Controller {
  const { clock, lambda, events, clients } = account;
  const { prefix = `${environment}-` } = options;
  const bucket = `${prefix}releases`;
  const table = `${prefix}journal`;
  const arnOf = (name: FunctionName) => account.arnOf('lambda', `function:${prefix}${name}`);
  const machineArn = account.stepFunctions.create(
    `${prefix}rollout`,
    definitionFrom(options.machine ?? PRESENT_MACHINE, prefix),
  );

  const deadLettersUrl = `https://sqs.${account.region}.amazonaws.com/${account.account}/${prefix}Transitions-dead-letters`;
  account.queues.set(deadLettersUrl, []);
  const settings = {
    ABORT_ARN: arnOf('Abort'),
    COMMAND_ARN: arnOf('Command'),
    COMPLETIONS_BUCKET: COMPLETIONS,
    DEAD_LETTERS_URL: deadLettersUrl,
    ENVIRONMENT: environment,
    HOOK_HOSTS: account.hosts.join(','),
    JOURNAL_TABLE: table,
    NOTIFY_ARN: arnOf('Notify'),
    OPEN_ROLLOUT_ARN: arnOf('OpenRollout'),
    PUBLIC_URL: '',
    PUBLISH_RELEASE_ARN: arnOf('PublishRelease'),
    RELEASE_BUCKET: bucket,
    SCHEDULER_ROLE_ARN: `arn:aws:iam::${account.account}:role/${prefix}scheduler`,
    SCHEDULE_GROUP: `${prefix}spillway`,
    AGENDA_ROLE_ARN: `arn:aws:iam::${account.account}:role/${prefix}agenda`,
    AGENDA_GROUP: `${prefix}spillway-agenda`,
    SLACK_ACTION_ARN: arnOf('SlackAction'),
    STATE_MACHINE_ARN: machineArn,
    WATCHDOG_ARN: arnOf('Watchdog'),
    ...options.settings,
  };
  const secrets = {
    HookSecret: HOOK_SECRET,
    PeopleKeys: JSON.stringify({ current: 'local', keys: { local: PEOPLE_KEY } }),
    ...options.secrets,
  };
  const host = hostOf(account, settings, secrets);

  const followers: ((record: JournalRecord) => void)[] = [];
  const { store = tableStore(account, host) } = options;
  const kept = store({
    clock,
    perSecond: options.controlPlane?.budget,
    told(record, appended, written) {
      for (const follower of followers) follower(record);
      if (appended.length > 0)
        account.feed(`${prefix}journal-stream`, `${prefix}JournalStream`, { records: appended });
      if (written.length > 0)
        account.feed(
          `${prefix}transitions-stream`,
          `${prefix}Transitions`,
          { events: written },
          1_000 * (factsOf('Transitions').triedForSeconds ?? 0),
        );
    },
  });

  const { journal } = kept;
  const listeners: Parameters<Controller['overhear']>[0][] = [];
  const invoke: Controller['invoke'] = (name, event) => {
    const answer = account.call(`${prefix}${name}`, event);
    for (const listener of listeners) listener(name, event, answer);
    return answer;
  };
  /** Calls one that nobody waits for. */
  const send = (name: FunctionName, event: unknown): void => {
    asynchronously(clock, name, () => invoke(name, event)).catch(() => undefined);
  };
  const ids = account.random.fork(`${prefix}tokens`);
  const own: Own = {
    ...kept,
    tokens: tokensOn(host, () => `${ids.int(2 ** 48).toString(36)}`),
    restoreCode: async (rolloutId, target) =>
      void (await invoke('PublishRelease', { restore: { rolloutId, target } })),
    commands: {
      give: async (request) =>
        (await invoke(takerOf(request.command), await signedCommand(request, ports))) as {
          rolloutId: string;
        },
    },
    reports: {
      ask: async (rolloutId) => send('Notify', { wake: { rolloutId } }),
    },
    visits: visitsOf(account),
    clicks: {
      hand: async (click) => send('SlackAction', await signedClick(click, ports)),
    },
  };
  const made = portsOn(host, s3Calls(clients.s3), own, options.access);
  const ports = options.changePorts?.(made) ?? made;
  const functions = controllerFunctions(() => ports);
  const run = async (name: FunctionName, event: unknown): Promise<unknown> => {
    const call: Handler = (given) => runAs(name, () => functions[name](JSON.parse(JSON.stringify(given))));
    return options.around === undefined ? call(event) : options.around(name, event, call);
  };
  for (const name of FUNCTIONS) account.deploy(`${prefix}${name}`, (event) => run(name, event));
  const opener = `${prefix}${OPENER}`;
  lambda.helpers.createFunction({ name: opener, timeout: factsOf(OPENER).seconds });
  lambda.helpers.deployModel(opener, (event) => run(OPENER, event));
  lambda.helpers.limitConcurrency(opener, reservedFor(OPENER, account.concurrency) ?? account.concurrency);

  const openings = account.random.fork(`${prefix}openings`);
  for (const rule of RULES)
    for (const name of startedBy(rule)) {
      const call = async (event: unknown) => void (await invoke(name, event));
      const target = {
        [OPENER]: (event: unknown) => whenFree(account, opener, openings, () => call(event)),
        Notify: (event: unknown) => asynchronously(clock, name, () => call(event)),
      }[name as string];
      events.rule({
        name: `${prefix}${fileOf(rule)}`,
        pattern: patternOf(rule, { bucket, environment, machine: machineArn }),
        target: target ?? call,
        // Lambda takes the event, and tries it again itself.
        ...(name === 'Notify' ? { retry: { maximumRetryAttempts: 0 } } : {}),
      });
    }

  return {
    environment,
    ...{ bucket, table, machineArn, ports, journal, invoke },
    command: (request) => ports.commands.give(request),
    async upload(key, manifest) {
      const Body =
        typeof manifest === 'string' || manifest instanceof Uint8Array ? manifest : JSON.stringify(manifest);
      await clients.s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body }));
    },
    async ended(rolloutId) {
      const present = await journal.read(rolloutId);
      const rollout =
        present?.outcome !== undefined
          ? present
          : await new Promise<Rollout>((resolve) =>
              followers.push(({ rollout }) => {
                if (rollout.opening.rolloutId === rolloutId && rollout.outcome !== undefined)
                  resolve(rollout);
              }),
            );
      const last = account.stepFunctions.executions.filter(
        (execution) => execution.machineArn === machineArn && execution.name.startsWith(`${rolloutId}-`),
      );
      await Promise.all(last.map(({ done }) => done));
      return rollout;
    },
    follow: (listener) => void followers.push(listener),
    overhear: (listener) => void listeners.push(listener),
  };
}

/** The embedded world, with these settings and secrets, in place of AWS. */
function hostOf(
  { clock, fetch, clients }: Account,
  settings: Record<Setting, string>,
  secrets: Partial<Record<SecretName, string>>,
): Keeper {
  const setting = (name: Setting) => settings[name];
  return {
    ...{ s3: () => s3Calls(clients.s3), stores: () => storeCalls(clients.kvs) },
    ...{ clock, fetch, client: (kind) => clientOf(clients, kind), setting, optionalSetting: setting },
    secret: (name) => async () => {
      const value = secrets[name];
      if (value === undefined) throw new Error(`This world has no secret ${name}.`);
      return value;
    },
  };
}

/** Visits go to the metrics of the account, as late as the others. */
function visitsOf({ clock, cloudwatch }: Account): Ports['visits'] {
  return {
    add(Site, Release, counts) {
      const timestamp = clock.now();
      const availableAt = timestamp + LATENCY_MS.metricEmissionMax;
      for (const [name, value] of Object.entries(counts))
        cloudwatch.put({
          ...{ namespace: 'Spillway', name, dimensions: { Site, Release } },
          ...{ value, timestamp, availableAt },
        });
    },
  };
}

/** What is not made as on AWS. */
type Own = Pick<
  Ports,
  'journal' | 'budget' | 'clicks' | 'commands' | 'notes' | 'reports' | 'restoreCode' | 'tokens' | 'visits'
>;

/** All ports, as each function has some of them on AWS, but for these. */
function portsOn(host: Keeper, s3: S3Calls, own: Own, access = NO_ACCESS): Ports {
  return {
    ...own,
    environment: environmentOn(host),
    about: aboutOn(host),
    access,
    publicUrl: publicUrlOn(host),
    provider: providerOn(host),
    clock: host.clock,
    kinds: KINDS,
    router: routersOn(host),
    publisher: publishersOn(host),
    hooks: hooksOn(host),
    hookCheck: hookCheckOn(host),
    metrics: metricsOn(host),
    alarms: alarmsOn(host),
    executions: executionsOn(host),
    openings: openingsOn(host),
    watchdog: watchdogOn(host),
    releases: s3Releases(s3),
    completions: completionsOn(host, s3),
    announcer: announcerOn(host),
    deadLetters: deadLettersOn(host),
    liveSites: liveSitesOn(host),
    reportLimits: reportLimits(),
    slackReplies: slackRepliesOn(host),
    slackSecret: slackSecretOn(host),
    agenda: agendaOn(host),
    sinks: sinksOn(host, own.notes, observer),
    observer,
  };
}

const PRESENT_MACHINE = readFileSync(new URL('../statemachines/rollout.asl.json', import.meta.url), 'utf8');

/** Many worlds run one definition, which is parsed and compiled for the first of them. */
const definitions = new Map<string, unknown>();

/** A state machine by its text, each placeholder replaced by the name of the function that it stands for. */
function definitionFrom(text: string, prefix: string): unknown {
  const named = text.replace(/\$\{(\w+)\}/g, (_, name: string) => {
    if (!(startedBy('machine') as string[]).includes(name))
      throw new Error(`The state machine names a function ${name} that does not exist.`);
    return `${prefix}${name}`;
  });
  const definition = definitions.get(named) ?? JSON.parse(named);
  definitions.set(named, definition);
  return definition;
}

/**
 * As Lambda calls a function for an event: if its reserved concurrency has no room, it is tried again later, from one second
 * to five minutes (Lambda developer guide, "How Lambda handles errors and retries with asynchronous invocation"); that the pauses differ is assumed.
 * @throws Error if the event became too old
 */
async function whenFree(
  { lambda, clock }: Account,
  opener: string,
  random: Random,
  call: () => Promise<void>,
): Promise<void> {
  const { triedForSeconds = 0 } = factsOf(OPENER);
  const until = clock.now() + triedForSeconds * 1_000;
  for (let pauseMs = 1_000; ; pauseMs = Math.min(2 * pauseMs, 300_000)) {
    const giveBack = lambda.helpers.take(opener);
    if (giveBack !== undefined) return call().finally(giveBack);
    const waitMs = pauseMs * random.next();
    if (clock.now() + waitMs > until) throw new Error(`${opener} had no room for an event.`);
    await clock.sleep(waitMs);
  }
}

/**
 * As Lambda calls a function that nobody waits for: what fails is tried twice more, after a minute and after two; what there is no room
 * for is tried as long as the table of functions says, here once a minute (Lambda developer guide, "How Lambda handles errors and
 * retries with asynchronous invocation"). @throws what the last try did
 */
async function asynchronously<T>(clock: WorldClock, name: FunctionName, call: () => Promise<T>): Promise<T> {
  const until = clock.now() + 1_000 * (factsOf(name).triedForSeconds ?? 0);
  for (let failed = 0; ; ) {
    try {
      return await call();
    } catch (error) {
      const isFull = error instanceof Error && error.name === 'Lambda.TooManyRequestsException';
      if (!isFull) failed += 1;
      if (failed > RETRIES_MAX || clock.now() > until) throw error;
      await clock.sleep(isFull ? RETRY_MS : failed * RETRY_MS);
    }
  }
}

/** Journal, budget and notes as they are deployed, in one table. Its stream has the events of a transaction before their head. */
function tableStore({ dynamodb, stream }: Account, host: Host): Store {
  return ({ perSecond, told }) => {
    const tableName = host.setting('JOURNAL_TABLE');
    dynamodb.operations.CreateTableCommand(tableDefinition(tableName).table);
    const events: RolloutEvent[] = [];
    const written: WrittenEvent[] = [];
    stream(tableName, (change) => {
      const { sk, body } = change.dynamodb.NewImage ?? {};
      const item = { body: body?.S };
      if (sk?.S?.startsWith(PREFIX.event)) {
        events.push(eventFrom(item));
        written.push(...eventsFromStream({ Records: [change] }).events);
      }
      if (sk?.S === 'HEAD')
        told(
          { rollout: rolloutFrom(item), events: events.splice(0) },
          recordsFromStream({ Records: [change] }).records,
          written.splice(0),
        );
    });
    return {
      journal: journalOn(host),
      budget: budgetOn(host, perSecond),
      notes: notesOn(host),
    };
  };
}
