import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type {
  AddPermissionCommandInput,
  AliasConfiguration,
  CreateAliasCommandInput,
  CreateFunctionCommandInput,
  DeleteAliasCommandInput,
  DeleteFunctionCommandInput,
  DurableConfig,
  FunctionCode,
  FunctionConfiguration,
  GetAliasCommandInput,
  GetFunctionCommandInput,
  GetFunctionConfigurationCommandInput,
  GetPolicyCommandInput,
  InvokeCommandInput,
  ListAliasesCommandInput,
  ListEventSourceMappingsCommandInput,
  ListFunctionUrlConfigsCommandInput,
  ListProvisionedConcurrencyConfigsCommandInput,
  ListTagsCommandInput,
  LoggingConfig,
  PublishVersionCommandInput,
  Runtime,
  State,
  TagResourceCommandInput,
  UpdateAliasCommandInput,
  UpdateFunctionCodeCommandInput,
} from '@aws-sdk/client-lambda';
import type { Instant, Percent, Seconds } from '../../core/units.ts';
import type { WorldClock } from '../clock.ts';
import type { Random } from '../random.ts';
import { awsError, onlyFields, simulatedUuid } from '../sdk.ts';
import { killed, LambdaWorker, type Outcome, timeout, unzipped } from './lambda-worker.ts';

export interface SimulatedLambdaOptions {
  clock: WorldClock;
  random: Random;
  region: string;
  account: string;
  /** Called for each invocation when it ends, so that metrics can be made of it. */
  onInvocation?: ((invocation: InvocationRecord) => void) | undefined;
  /** The bucket that code is taken from. @throws if there is no such object */
  fetchObject?: ((bucket: string, key: string, versionId?: string) => Uint8Array) | undefined;
  /** Whether the control plane refuses more calls than AWS would; true unless said otherwise. */
  rateLimits?: boolean | undefined;
  /** Control plane calls a second that are not GetFunction; 15 as on AWS unless said otherwise. */
  controlPlaneRate?: number | undefined;
  /** Whether `calls` is kept. */
  recordCalls?: boolean | undefined;
}

export interface InvocationRecord {
  functionName: string;
  /** Absent if a version was invoked by its number. */
  alias?: string | undefined;
  version: string;
  /** When it started, which is how Lambda stamps its metrics. */
  at: Instant;
  /** World time for models, real time for code in a worker. */
  durationMs: number;
  error: boolean;
  /** Refused for want of concurrency: such a call is neither an invocation nor an error. */
  throttled: boolean;
  /** The lines that the code printed. */
  logs: string[];
}

interface ModelContext {
  functionName: string;
  functionVersion: string;
  invokedFunctionArn: string;
  awsRequestId: string;
  memoryLimitInMB: string;
  getRemainingTimeInMillis(): number;
  /** Prints a line. A model shares the process with the world, so its `console.log` is not caught. */
  log(line: string): void;
}

/** What a model throws to be ended as Lambda ends code that takes more memory than it has (Lambda developer guide, "Troubleshoot invocation issues": `signal: killed`). */
export class KilledForMemory extends Error {}

/** A function's behaviour without a zip, for simulations: quick, and on the world's clock alone. */
export type Model = (event: unknown, context: ModelContext) => unknown;

interface RecordedCall {
  at: Instant;
  command: string;
  ok: boolean;
  /** Name of the error. */
  error?: string;
}

/** Where an alias sends its traffic. */
interface Routing {
  primary: string;
  weights: Record<string, Percent>;
  description: string;
  revisionId: string;
}

interface Code {
  sha256: string;
  size: number;
  /** Present if it is an image and no zip. */
  image?: string;
  zip?: Uint8Array;
  model?: Model;
}

interface VersionRecord {
  version: string;
  code: Code;
  runtime: string;
  handler: string;
  role: string;
  deadLetterArn: string | undefined;
  timeout: Seconds;
  memoryMb: number;
  variables?: Record<string, string> | undefined;
  durable?: DurableConfig | undefined;
  logging?: LoggingConfig | undefined;
  description: string;
  revisionId: string;
  lastModified: Instant;
  state: State;
  /** When a Pending version becomes Active. */
  activeAt?: Instant;
  worker?: LambdaWorker;
}

interface AliasRecord {
  name: string;
  primary: string;
  /** Shares from 0 to 1, as AWS has them. */
  weights: Record<string, number>;
  description: string;
  revisionId: string;
  isProvisioned: boolean;
  /** How it was read before its last writes, oldest first, and until when. */
  past: { until: Instant; answer: AliasConfiguration }[];
}

interface FunctionRecord {
  name: string;
  tags: Record<string, string>;
  latest: VersionRecord;
  /** A code update in progress: until it is through, `$LATEST` runs the code from before. */
  update?: { doneAt: Instant; before: VersionRecord } | undefined;
  versions: Map<string, VersionRecord>;
  aliases: Map<string, AliasRecord>;
  nextVersion: number;
  running: number;
  concurrencyMax: number;
  /** How long a new version stays Pending. */
  pendingMs: number;
  eventSources: { id: string; arn: string; qualifier: string | undefined; isEnabled: boolean }[];
  /** Qualifiers that have a function URL; undefined is `$LATEST`. */
  urls: (string | undefined)[];
  /** Statements of the policy of each qualifier, by their id; undefined is the function itself. */
  policies: Map<string | undefined, Map<string, object>>;
}

/** Calls a second, per account and region (Lambda quotas, "Lambda API requests"); AWS states no burst, so none is given. */
const GET_FUNCTION_RATE = 100;
const GET_POLICY_RATE = 15;
const CONTROL_PLANE_RATE = 15;

/** How long a code update stays `InProgress`. Assumed: AWS states no figure, only that it takes a while. */
const UPDATE_MS = 1_000;

/** Largest request and answer of a synchronous invocation (Lambda quotas, "Invocation payload"). */
const PAYLOAD_BYTES_MAX = 6 * 1024 * 1024;

/** What each call may be sent; anything else would be ignored without a word, so it is refused. */
const FIELDS = {
  CreateFunctionCommand:
    'FunctionName Runtime Role Handler Code Description Timeout MemorySize Publish DeadLetterConfig Tags',
  UpdateFunctionCodeCommand:
    'FunctionName ZipFile S3Bucket S3Key S3ObjectVersion ImageUri Publish DryRun RevisionId',
  PublishVersionCommand: 'FunctionName CodeSha256 Description RevisionId',
  GetFunctionCommand: 'FunctionName Qualifier',
  GetFunctionConfigurationCommand: 'FunctionName Qualifier',
  DeleteFunctionCommand: 'FunctionName Qualifier',
  CreateAliasCommand: 'FunctionName Name FunctionVersion Description RoutingConfig',
  GetAliasCommand: 'FunctionName Name',
  UpdateAliasCommand: 'FunctionName Name FunctionVersion Description RoutingConfig RevisionId',
  DeleteAliasCommand: 'FunctionName Name',
  ListAliasesCommand: 'FunctionName Marker MaxItems',
  ListTagsCommand: 'Resource',
  TagResourceCommand: 'Resource Tags',
  ListProvisionedConcurrencyConfigsCommand: 'FunctionName',
  ListEventSourceMappingsCommand: 'FunctionName Marker',
  ListFunctionUrlConfigsCommand: 'FunctionName Marker',
  AddPermissionCommand: 'FunctionName Qualifier StatementId Action Principal SourceArn InvokedViaFunctionUrl',
  GetPolicyCommand: 'FunctionName Qualifier',
  InvokeCommand: 'FunctionName Qualifier InvocationType Payload',
};

/** A simulated call of Lambda. */
type LambdaCommand = keyof typeof FIELDS;

const ALIAS_NAME = /^(?!\d+$)[a-zA-Z0-9-_]{1,128}$/;
const FUNCTION_REF =
  /^(?:arn:aws[\w-]*:lambda:(?<region>[\w-]+):(?<owner>\d{12}):function:|(?<account>\d{12}):function:)?(?<name>[a-zA-Z0-9-_]{1,64})(?::(?<qualifier>\$LATEST|[a-zA-Z0-9-_]{1,128}))?$/;

/**
 * AWS Lambda of one account and region: functions, versions, weighted aliases, invocations. It refuses what AWS
 * refuses, with the same error names, and throws a plain Error for what it does not simulate.
 */
export class SimulatedLambda {
  /** Every control plane call and invocation since the start, if `recordCalls` is on. */
  readonly calls: RecordedCall[] = [];
  readonly #options: SimulatedLambdaOptions;
  readonly #functions = new Map<string, FunctionRecord>();
  readonly #workers = new Set<LambdaWorker>();
  readonly #modelCodes = new WeakMap<Model, Code>();
  readonly #spendGetFunction: () => boolean;
  readonly #spendGetPolicy: () => boolean;
  readonly #spendOther: () => boolean;
  #ids = 0;
  #lagMs = 0;

  constructor(options: SimulatedLambdaOptions) {
    this.#options = options;
    this.#spendGetFunction = tokenBucket(GET_FUNCTION_RATE, options.clock);
    this.#spendGetPolicy = tokenBucket(GET_POLICY_RATE, options.clock);
    this.#spendOther = tokenBucket(options.controlPlaneRate ?? CONTROL_PLANE_RATE, options.clock);
  }

  /** The calls that `attach` answers from. */
  readonly operations = this.#metered({
    CreateFunctionCommand: (input: CreateFunctionCommandInput) => this.#createFunction(input),
    UpdateFunctionCodeCommand: (input: UpdateFunctionCodeCommandInput) => this.#updateCode(input),
    PublishVersionCommand: (input: PublishVersionCommandInput) => this.#publishVersion(input),
    GetFunctionCommand: (input: GetFunctionCommandInput) => this.#getFunction(input),
    GetFunctionConfigurationCommand: (input: GetFunctionConfigurationCommandInput) =>
      this.#configuration(this.#ref(input.FunctionName, input.Qualifier)),
    DeleteFunctionCommand: (input: DeleteFunctionCommandInput) => this.#deleteVersion(input),
    CreateAliasCommand: (input: CreateAliasCommandInput) => this.#createAlias(input),
    GetAliasCommand: (input: GetAliasCommandInput) => {
      const fn = this.#functionOf(input.FunctionName);
      const alias = this.#alias(fn, input.Name);
      const seenAt = this.#options.clock.now() - this.#lagMs;
      const older = this.#lagMs === 0 ? undefined : alias.past.find(({ until }) => until > seenAt);
      return older?.answer ?? this.#aliasAnswer(fn, alias);
    },
    UpdateAliasCommand: (input: UpdateAliasCommandInput) => this.#updateAlias(input),
    DeleteAliasCommand: (input: DeleteAliasCommandInput) => {
      this.#functionOf(input.FunctionName).aliases.delete(checkedAliasName(input.Name));
      return {};
    },
    ListAliasesCommand: (input: ListAliasesCommandInput) => this.#listAliases(input),
    ListTagsCommand: (input: ListTagsCommandInput) => ({ Tags: this.#tagged(input.Resource).tags }),
    TagResourceCommand: (input: TagResourceCommandInput) => {
      Object.assign(this.#tagged(input.Resource).tags, input.Tags);
      return {};
    },
    ListProvisionedConcurrencyConfigsCommand: (input: ListProvisionedConcurrencyConfigsCommandInput) =>
      this.#provisioned(this.#functionOf(input.FunctionName)),
    ListEventSourceMappingsCommand: (input: ListEventSourceMappingsCommandInput) =>
      this.#eventSources(this.#ref(input.FunctionName)),
    ListFunctionUrlConfigsCommand: (input: ListFunctionUrlConfigsCommandInput) =>
      this.#urls(this.#functionOf(input.FunctionName)),
    AddPermissionCommand: (input: AddPermissionCommandInput) => this.#addPermission(input),
    GetPolicyCommand: (input: GetPolicyCommandInput) => this.#getPolicy(input),
    InvokeCommand: (input: InvokeCommandInput) => this.#invoke(input),
  });

  /** What each version that was ever published is made of, by `function:version`: one text for its code and configuration. */
  readonly artifacts = new Map<string, string>();

  /** The hand of the person or infrastructure around the world: no limits, no latency, and changes are through at once. */
  readonly helpers = {
    createFunction: (spec: {
      name: string;
      tags?: Record<string, string>;
      timeout?: Seconds;
      role?: string;
    }) => {
      const role = spec.role ?? `arn:aws:iam::${this.#options.account}:role/service`;
      this.#add(spec.name, spec.tags ?? {}, {
        ...this.#fresh(this.#countedCode()),
        role,
        timeout: spec.timeout ?? 3,
      });
    },
    /** Changes the configuration of `$LATEST`, which the next version is published with. */
    configure: (
      name: string,
      change: {
        role?: string;
        deadLetterArn?: string;
        variables?: Record<string, string>;
        durable?: DurableConfig;
        logging?: LoggingConfig;
      },
    ) => {
      const fn = this.#functionOf(name);
      fn.latest = { ...fn.latest, ...change, revisionId: this.#id() };
    },
    /** Puts a model behind `$LATEST`; publish it with `publish(name)`. */
    deployModel: (name: string, model: Model) => this.#deploy(this.#functionOf(name), this.#modelCode(model)),
    /** Publishes a zip, a model, or what `$LATEST` holds, and answers the version's number. */
    publish: (name: string, code?: Uint8Array | Model): string => {
      const fn = this.#functionOf(name);
      if (code instanceof Uint8Array) this.#deploy(fn, zipCode(code));
      else if (code !== undefined) this.#deploy(fn, this.#modelCode(code));
      return this.#published(fn, {}).version;
    },
    /** Publishes the code of a version once more, as a pipeline does that builds the same commit again. */
    republish: (name: string, version: string): string => {
      const fn = this.#functionOf(name);
      this.#deploy(fn, this.#version(fn, version).code);
      return this.#published(fn, {}).version;
    },
    /** Publishes a version without any code, for traffic that is only counted. */
    publishCounted: (name: string): string => {
      const fn = this.#functionOf(name);
      this.#deploy(fn, this.#countedCode());
      return this.#published(fn, {}).version;
    },
    createAlias: (name: string, alias: string, version: string) => {
      this.#createAlias({ FunctionName: name, Name: alias, FunctionVersion: version });
    },
    /** Deletes an alias by hand, as somebody outside the controller does; false if there is none. */
    removeAlias: (name: string, alias: string): boolean => this.#functionOf(name).aliases.delete(alias),
    routing: (name: string, alias: string): Routing => {
      const { primary, weights, description, revisionId } = this.#alias(this.#functionOf(name), alias);
      return { primary, weights: percents(weights), description, revisionId };
    },
    /** From now on GetAlias answers what stood there so long ago, as reads of a control plane may for a while after a write; assumed, AWS promises nothing. */
    lagReads: (ms: number) => {
      this.#lagMs = ms;
    },
    isLagging: (): boolean => this.#lagMs > 0,
    setProvisionedConcurrency: (name: string, alias: string) => {
      const record = this.#alias(this.#functionOf(name), alias);
      if (Object.keys(record.weights).length > 0) throw invalid(PROVISIONED_AND_WEIGHTED);
      record.isProvisioned = true;
    },
    setState: (name: string, version: string, state: State) => {
      this.#version(this.#functionOf(name), version).state = state;
    },
    /** From now on new versions stay Pending for a while, as with SnapStart. */
    publishSlowly: (name: string, pendingMs: number) => {
      this.#functionOf(name).pendingMs = pendingMs;
    },
    /** Publishes an image, which this world cannot run: its traffic is only counted. */
    publishImage: (name: string, uri: string): string => {
      const fn = this.#functionOf(name);
      this.#deploy(fn, imageCode(uri));
      return this.#published(fn, {}).version;
    },
    /** Binds an event source to a version or alias, or to `$LATEST`. */
    bindEventSource: (name: string, arn: string, qualifier?: string, isEnabled = true) => {
      this.#functionOf(name).eventSources.push({ id: this.#id(), arn, qualifier, isEnabled });
    },
    createUrl: (name: string, alias?: string) => {
      this.#functionOf(name).urls.push(alias);
    },
    /** The zip at a place that GetFunction has told, as a download answers it. */
    download: (url: string): Uint8Array | undefined => {
      const [, name = '', version = ''] = /\/snapshots\/\d+\/([\w-]+)\/([\w$]+)$/.exec(url) ?? [];
      return this.#version(this.#functionOf(name), version).code.zip;
    },
    /** How many invocations of a function may run at once; more are throttled. */
    limitConcurrency: (name: string, max: number) => {
      this.#functionOf(name).concurrencyMax = max;
    },
    /** Takes one of the executions of a function for what a service calls, and answers what gives it back; undefined if all are taken. */
    take: (name: string): (() => void) | undefined => {
      const fn = this.#functionOf(name);
      if (fn.running >= fn.concurrencyMax) return undefined;
      fn.running += 1;
      return () => {
        fn.running -= 1;
      };
    },
  };

  /** Ends all workers and removes their folders. */
  async close(): Promise<void> {
    await Promise.all([...this.#workers].map((worker) => worker.close()));
    this.#workers.clear();
  }

  #metered<O extends Record<LambdaCommand, (input: never) => object>>(operations: O): O {
    const metered = Object.entries(operations).map(([command, operation]) => {
      const fields = FIELDS[command as LambdaCommand].split(' ');
      return [command, (input: never) => this.#called(command, fields, input, operation)];
    });
    return Object.fromEntries(metered);
  }

  async #called(command: string, fields: string[], input: never, operation: (input: never) => object) {
    const call: RecordedCall = { at: this.#options.clock.now(), command, ok: true };
    if (this.#options.recordCalls) this.calls.push(call);
    try {
      onlyFields(command, input, fields);
      this.#spend(command);
      return await operation(input);
    } catch (error) {
      call.ok = false;
      call.error = error instanceof Error ? error.name : String(error);
      throw error;
    }
  }

  #spend(command: string): void {
    if (this.#options.rateLimits === false || command === 'InvokeCommand') return;
    const own: Record<string, () => boolean> = {
      GetFunctionCommand: this.#spendGetFunction,
      GetPolicyCommand: this.#spendGetPolicy,
    };
    if ((own[command] ?? this.#spendOther)()) return;
    throw awsError('TooManyRequestsException', 'Rate exceeded', 429, {
      Reason: 'CallerRateLimitExceeded',
      retryAfterSeconds: '1',
    });
  }

  #createFunction(input: CreateFunctionCommandInput): FunctionConfiguration {
    const { name } = parsedRef(input.FunctionName);
    if (this.#functions.has(name)) throw conflict(`Function already exist: ${name}`);
    if (!input.Handler || !input.Runtime)
      throw invalid('Runtime and Handler are mandatory for code in a zip.');
    if (!input.Runtime.startsWith('nodejs'))
      throw new Error(`${input.Runtime} is not simulated: only nodejs runtimes are.`);
    if (!input.Role) throw invalidModel('role', input.Role, 'Member must not be null');
    const fn = this.#add(
      name,
      { ...input.Tags },
      {
        ...this.#fresh(zipCode(this.#zipFrom('CreateFunctionCommand Code', input.Code ?? {}))),
        runtime: input.Runtime,
        handler: input.Handler,
        role: input.Role,
        deadLetterArn: input.DeadLetterConfig?.TargetArn || undefined,
        timeout: checkedRange('timeout', input.Timeout ?? 3, 1, 900),
        memoryMb: checkedRange('memorySize', input.MemorySize ?? 128, 128, 32_768),
        description: checkedDescription(input.Description) ?? '',
      },
    );
    return this.#configurationOf(fn, input.Publish ? this.#published(fn, {}) : fn.latest);
  }

  #updateCode(input: UpdateFunctionCodeCommandInput): FunctionConfiguration {
    const { FunctionName, Publish, DryRun, RevisionId, ...source } = input;
    const fn = this.#functionOf(FunctionName);
    this.#refuseWhileUpdating(fn);
    this.#checkRevision(RevisionId, fn.latest.revisionId, this.#arn(fn.name));
    const before = fn.latest;
    const code = this.#codeFrom(fn, source);
    if (DryRun) return this.#configurationOf(fn, { ...before, code });
    this.#deploy(fn, code);
    const answered = Publish ? this.#published(fn, {}) : fn.latest;
    fn.update = { doneAt: this.#options.clock.now() + UPDATE_MS, before };
    return this.#configurationOf(fn, answered);
  }

  /**
   * Nobody is kept out here; but a new permission on the function changes the revision of `$LATEST` (recorded from AWS, LocalStack
   * snapshot tests of Lambda, 2025-11-25). That one on an alias changes no revision is assumed.
   */
  #addPermission(input: AddPermissionCommandInput): object {
    const { fn, qualifier } = this.#ref(input.FunctionName, input.Qualifier);
    // The words of AWS, as github.com/terraform-aws-modules/terraform-aws-lambda/issues/36 shows them.
    if (qualifier === '$LATEST') throw invalid('We currently do not support adding policies for $LATEST.');
    this.#configuration({ fn, qualifier });
    const { StatementId: Sid = '', Action, Principal = '', SourceArn, InvokedViaFunctionUrl } = input;
    const policy = fn.policies.get(qualifier) ?? new Map<string, object>();
    if (policy.has(Sid)) throw conflict(`The statement id (${Sid}) provided already exists.`);
    const conditions = {
      ...(SourceArn !== undefined && { ArnLike: { 'AWS:SourceArn': SourceArn } }),
      ...(InvokedViaFunctionUrl !== undefined && {
        Bool: { 'lambda:InvokedViaFunctionUrl': String(InvokedViaFunctionUrl) },
      }),
    };
    const statement = {
      ...{ Sid, Effect: 'Allow', Principal: principalOf(Principal), Action },
      Resource: this.#arn(fn.name, qualifier),
      ...(Object.keys(conditions).length > 0 && { Condition: conditions }),
    };
    fn.policies.set(qualifier, policy.set(Sid, statement));
    if (qualifier === undefined) fn.latest = { ...fn.latest, revisionId: this.#id() };
    return { Statement: JSON.stringify(statement) };
  }

  /** The policy of the function alone, or that of one qualifier. */
  #getPolicy({ FunctionName, Qualifier }: GetPolicyCommandInput): object {
    const { fn, qualifier } = this.#ref(FunctionName, Qualifier);
    const policy = fn.policies.get(qualifier === '$LATEST' ? undefined : qualifier);
    if (policy === undefined) throw notFound('The resource you requested does not exist.');
    return {
      Policy: JSON.stringify({ Version: '2012-10-17', Id: 'default', Statement: [...policy.values()] }),
      RevisionId: fn.latest.revisionId,
    };
  }

  #publishVersion(input: PublishVersionCommandInput): FunctionConfiguration {
    const fn = this.#functionOf(input.FunctionName);
    const description = checkedDescription(input.Description);
    this.#refuseWhileUpdating(fn);
    this.#checkRevision(input.RevisionId, fn.latest.revisionId, this.#arn(fn.name));
    const { sha256 } = fn.latest.code;
    if (input.CodeSha256 && input.CodeSha256 !== sha256) {
      throw invalid(`CodeSHA256 (${input.CodeSha256}) is not that of the code in $LATEST (${sha256}).`);
    }
    return this.#configurationOf(fn, this.#published(fn, { description }));
  }

  #getFunction(input: GetFunctionCommandInput): object {
    const ref = this.#ref(input.FunctionName, input.Qualifier);
    const Configuration = this.#configuration(ref);
    const { name, tags, concurrencyMax } = ref.fn;
    const bucket = codeHost(this.#options.region);
    const { image } = this.#version(ref.fn, Configuration.Version).code;
    return {
      Configuration,
      Code:
        image === undefined
          ? {
              RepositoryType: 'S3',
              Location: `https://${bucket}/snapshots/${this.#options.account}/${name}/${Configuration.Version}`,
            }
          : { RepositoryType: 'ECR', ImageUri: image, ResolvedImageUri: image },
      ...(Object.keys(tags).length > 0 && { Tags: tags }),
      ...(concurrencyMax < Infinity && { Concurrency: { ReservedConcurrentExecutions: concurrencyMax } }),
    };
  }

  #deleteVersion(input: DeleteFunctionCommandInput): object {
    const { fn, qualifier } = this.#ref(input.FunctionName, input.Qualifier);
    if (qualifier === undefined) throw new Error('DeleteFunctionCommand without Qualifier is not simulated.');
    if (qualifier === '$LATEST')
      throw invalid('$LATEST version cannot be deleted without deleting the function.');
    if (ALIAS_NAME.test(qualifier)) throw invalid(`Qualifier ${qualifier} is an alias: use DeleteAlias.`);
    this.#version(fn, qualifier);
    const users = [...fn.aliases.values()].filter(
      (alias) => alias.primary === qualifier || qualifier in alias.weights,
    );
    if (users.length > 0) {
      // The words of AWS, as github.com/karl-cardenas-coding/go-lambda-cleanup/issues/45 shows them.
      const names = users.map(({ name }) => name).join(', ');
      throw conflict(`Unable to delete version because the following aliases reference it: [${names}]`);
    }
    fn.versions.delete(qualifier);
    return {};
  }

  #createAlias(input: CreateAliasCommandInput): AliasConfiguration {
    const fn = this.#functionOf(input.FunctionName);
    const name = checkedAliasName(input.Name);
    if (fn.aliases.has(name)) throw conflict(`Alias already exists: ${this.#arn(fn.name, name)}`);
    const primary = checkedVersion(input.FunctionVersion);
    const weights = { ...input.RoutingConfig?.AdditionalVersionWeights };
    const description = checkedDescription(input.Description) ?? '';
    this.#checkRouting(fn, primary, weights);
    const alias = {
      name,
      primary,
      weights,
      description,
      revisionId: this.#id(),
      isProvisioned: false,
      past: [],
    };
    fn.aliases.set(name, alias);
    return this.#aliasAnswer(fn, alias);
  }

  #updateAlias(input: UpdateAliasCommandInput): AliasConfiguration {
    const fn = this.#functionOf(input.FunctionName);
    const alias = this.#alias(fn, input.Name);
    const description = checkedDescription(input.Description) ?? alias.description;
    const primary =
      input.FunctionVersion === undefined ? alias.primary : checkedVersion(input.FunctionVersion);
    // Weights that are not sent stay, also under a new primary version: the trap of this call.
    const weights =
      input.RoutingConfig === undefined ? alias.weights : { ...input.RoutingConfig.AdditionalVersionWeights };
    this.#checkRevision(input.RevisionId, alias.revisionId, this.#arn(fn.name, alias.name));
    this.#checkRouting(fn, primary, weights);
    if (alias.isProvisioned && Object.keys(weights).length > 0) throw invalid(PROVISIONED_AND_WEIGHTED);
    const past = { until: this.#options.clock.now(), answer: this.#aliasAnswer(fn, alias) };
    alias.past = [...alias.past.slice(-PAST_MAX), past];
    Object.assign(alias, { primary, weights, description, revisionId: this.#id() });
    return this.#aliasAnswer(fn, alias);
  }

  #listAliases(input: ListAliasesCommandInput): object {
    const fn = this.#functionOf(input.FunctionName);
    const from = Number(input.Marker ?? 0);
    const to = from + checkedRange('maxItems', input.MaxItems ?? 50, 1, 10_000);
    const all = [...fn.aliases.values()];
    return {
      Aliases: all.slice(from, to).map((alias) => this.#aliasAnswer(fn, alias)),
      ...(to < all.length && { NextMarker: String(to) }),
    };
  }

  #provisioned(fn: FunctionRecord): object {
    const aliases = [...fn.aliases.values()].filter(({ isProvisioned }) => isProvisioned);
    return {
      ProvisionedConcurrencyConfigs: aliases.map(({ name }) => ({
        FunctionArn: this.#arn(fn.name, name),
        RequestedProvisionedConcurrentExecutions: 1,
        AvailableProvisionedConcurrentExecutions: 1,
        AllocatedProvisionedConcurrentExecutions: 1,
        Status: 'READY',
        LastModified: lambdaTime(this.#options.clock.now()),
      })),
    };
  }

  /** The bare name finds the mappings of every qualifier; assumed, so nothing may rely on it (the API reference does not say). */
  #eventSources({ fn, qualifier }: { fn: FunctionRecord; qualifier: string | undefined }): object {
    const found = fn.eventSources.filter((each) => qualifier === undefined || each.qualifier === qualifier);
    return {
      EventSourceMappings: found.map(({ id, arn, qualifier: bound, isEnabled }) => ({
        UUID: id,
        EventSourceArn: arn,
        FunctionArn: this.#arn(fn.name, bound),
        State: isEnabled ? 'Enabled' : 'Disabled',
      })),
    };
  }

  #urls(fn: FunctionRecord): object {
    const host = `lambda-url.${this.#options.region}.on.aws`;
    return {
      FunctionUrlConfigs: fn.urls.map((alias) => ({
        FunctionUrl: `https://${[fn.name, alias ?? 'latest'].join('-').toLowerCase()}.${host}/`,
        FunctionArn: this.#arn(fn.name, alias),
        AuthType: 'NONE',
      })),
    };
  }

  async #invoke(input: InvokeCommandInput): Promise<object> {
    const { fn, qualifier } = this.#ref(input.FunctionName, input.Qualifier);
    const kind = input.InvocationType ?? 'RequestResponse';
    if (kind === 'Event') throw new Error('InvokeCommand with InvocationType Event is not simulated.');
    const alias = qualifier === undefined ? undefined : fn.aliases.get(qualifier);
    const drawn = alias && kind === 'RequestResponse' ? this.#drawn(alias) : (alias?.primary ?? qualifier);
    const version = this.#version(fn, drawn);
    if (version.state !== 'Active') {
      throw conflict(
        `${this.#arn(fn.name, version.version)} cannot be invoked now: its state is ${version.state}.`,
      );
    }
    const event = checkedPayload(input.Payload);
    if (kind === 'DryRun') return { StatusCode: 204, ExecutedVersion: version.version };
    const named = { functionName: fn.name, alias: alias?.name, version: version.version };
    return this.#run(fn, version, named, this.#arn(fn.name, qualifier), event);
  }

  async #run(
    fn: FunctionRecord,
    version: VersionRecord,
    named: Pick<InvocationRecord, 'functionName' | 'alias' | 'version'>,
    arn: string,
    event: string,
  ): Promise<object> {
    const { clock, onInvocation } = this.#options;
    const at = clock.now();
    if (fn.running >= fn.concurrencyMax) {
      onInvocation?.({ ...named, at, durationMs: 0, error: false, throttled: true, logs: [] });
      throw awsError('TooManyRequestsException', 'Rate Exceeded.', 429, {
        Reason: 'ReservedFunctionConcurrentInvocationLimitExceeded',
      });
    }
    fn.running += 1;
    const running = version === fn.latest ? (fn.update?.before ?? version) : version;
    const outcome = await this.#outcome(fn, running, arn, event, at).finally(() => {
      fn.running -= 1;
    });
    const { error, durationMs, logs, payload } = withinSize(outcome);
    onInvocation?.({ ...named, at, durationMs, error, throttled: false, logs: kept(logs, running.logging) });
    return {
      StatusCode: 200,
      ExecutedVersion: version.version,
      Payload: new PayloadBytes(Buffer.from(payload)),
      ...(error && { FunctionError: 'Unhandled' }),
    };
  }

  async #outcome(
    fn: FunctionRecord,
    version: VersionRecord,
    arn: string,
    event: string,
    at: Instant,
  ): Promise<Outcome> {
    const requestId = this.#id();
    const timeoutMs = version.timeout * 1000;
    const { zip, model } = version.code;
    if (model !== undefined) {
      const { clock } = this.#options;
      const logs: string[] = [];
      const context: ModelContext = {
        functionName: fn.name,
        functionVersion: version.version,
        invokedFunctionArn: arn,
        awsRequestId: requestId,
        memoryLimitInMB: String(version.memoryMb),
        getRemainingTimeInMillis: () => Math.max(0, at + timeoutMs - clock.now()),
        log: (line) => logs.push(line),
      };
      return { ...(await modelled(model, event, context, clock, timeoutMs)), logs };
    }
    if (zip === undefined)
      throw new Error(
        `${arn} runs version ${version.version}, which has no code: its traffic is only counted.`,
      );
    version.worker ??= this.#startWorker(fn, version, zip);
    return version.worker.invoke({ requestId, event, arn, at, timeoutMs });
  }

  #startWorker(
    fn: FunctionRecord,
    { handler, runtime, version, memoryMb }: VersionRecord,
    zip: Uint8Array,
  ): LambdaWorker {
    const { region } = this.#options;
    const worker = new LambdaWorker({
      zip,
      handler,
      runtime,
      functionName: fn.name,
      version,
      region,
      memoryMb,
    });
    this.#workers.add(worker);
    return worker;
  }

  /** Which version takes this request: one throw of the dice per invocation, as Lambda does, without any stickiness. */
  #drawn({ primary, weights }: AliasRecord): string {
    for (const version in weights) {
      if (this.#options.random.next() < (weights[version] ?? 0)) return version;
    }
    return primary;
  }

  #checkRouting(fn: FunctionRecord, primary: string, weights: Record<string, number>): void {
    const main = this.#version(fn, primary);
    const entries = Object.entries(weights);
    if (entries.length > 1) throw invalid('AdditionalVersionWeights cannot have more than one entry.');
    for (const [key, weight] of entries) {
      checkWeight(key, weight);
      if (key === primary)
        throw invalid(`Version ${key} is the alias' own version and cannot have a weight as well.`);
      if (primary === '$LATEST' || key === '$LATEST') {
        throw invalid('$LATEST is not supported for an alias that points to more than one version.');
      }
      const other = this.#version(fn, key);
      if (other.role !== main.role)
        throw invalid('Specified versions must be associated with the same execution role');
      if (other.deadLetterArn !== main.deadLetterArn) {
        throw invalid('Specified versions must have the same dead letter queue configuration, or none.');
      }
    }
  }

  #checkRevision(sent: string | undefined, latest: string, arn: string): void {
    if (sent === undefined || sent === latest) return;
    throw awsError(
      'PreconditionFailedException',
      `The RevisionId sent is not the latest one of ${arn}. Read it again with GetFunction or GetAlias.`,
      412,
    );
  }

  #refuseWhileUpdating(fn: FunctionRecord): void {
    if (fn.update === undefined) return;
    throw conflict(
      `The operation cannot be performed at this time: an update is in progress for ${this.#arn(fn.name)}.`,
    );
  }

  #codeFrom(fn: FunctionRecord, { ImageUri, ...zip }: FunctionCode): Code {
    const isImage = fn.latest.code.image !== undefined;
    if (isImage !== (ImageUri !== undefined))
      throw invalid(
        `Code of ${fn.name} must be ${isImage ? 'an ImageUri' : 'a zip'}, as its PackageType says.`,
      );
    return ImageUri === undefined
      ? zipCode(this.#zipFrom('UpdateFunctionCodeCommand', zip))
      : imageCode(ImageUri);
  }

  #zipFrom(command: string, source: FunctionCode): Uint8Array {
    onlyFields(command, source, ['ZipFile', 'S3Bucket', 'S3Key', 'S3ObjectVersion']);
    const { ZipFile, S3Bucket, S3Key, S3ObjectVersion } = source;
    if (ZipFile !== undefined && S3Bucket === undefined && S3Key === undefined) return ZipFile;
    if (ZipFile !== undefined || !S3Bucket || !S3Key) {
      throw invalid('Code comes either from ZipFile or from S3Bucket and S3Key.');
    }
    const fetchObject = this.#options.fetchObject;
    if (fetchObject === undefined)
      throw new Error(`${command} names an S3 object, but this world has no bucket: give fetchObject.`);
    try {
      return fetchObject(S3Bucket, S3Key, S3ObjectVersion);
    } catch (error) {
      throw invalid(`Error occurred while GetObject of s3://${S3Bucket}/${S3Key}: ${String(error)}`);
    }
  }

  #add(name: string, tags: Record<string, string>, latest: VersionRecord): FunctionRecord {
    const fn: FunctionRecord = {
      ...{ name, tags, latest, nextVersion: 1, running: 0, concurrencyMax: Infinity, pendingMs: 0 },
      ...{ versions: new Map(), aliases: new Map(), eventSources: [], urls: [], policies: new Map() },
    };
    this.#functions.set(name, fn);
    return fn;
  }

  #fresh(code: Code): VersionRecord {
    return {
      ...{ version: '$LATEST', code, runtime: 'nodejs24.x', handler: 'index.handler', role: '' },
      ...{ deadLetterArn: undefined, timeout: 3, memoryMb: 128, description: '', state: 'Active' as const },
      ...{ revisionId: this.#id(), lastModified: this.#options.clock.now() },
    };
  }

  #deploy(fn: FunctionRecord, code: Code): void {
    fn.update = undefined;
    const { worker: _, ...latest } = fn.latest;
    fn.latest = { ...latest, code, revisionId: this.#id(), lastModified: this.#options.clock.now() };
  }

  /** The version of `$LATEST`; the last one again if nothing has changed since. */
  #published(fn: FunctionRecord, { description }: { description?: string | undefined }): VersionRecord {
    const last = fn.versions.get(String(fn.nextVersion - 1));
    if (last !== undefined && isSame(last, fn.latest)) return last;
    const { worker: _, ...latest } = fn.latest;
    const version: VersionRecord = {
      ...{ ...latest, version: String(fn.nextVersion), revisionId: this.#id() },
      ...{ description: description ?? latest.description, lastModified: this.#options.clock.now() },
    };
    fn.nextVersion += 1;
    if (fn.pendingMs > 0)
      Object.assign(version, { state: 'Pending', activeAt: this.#options.clock.now() + fn.pendingMs });
    fn.versions.set(version.version, version);
    this.artifacts.set(`${fn.name}:${version.version}`, artifactOf(version));
    // Publishing changes the revision of $LATEST as well.
    fn.latest.revisionId = this.#id();
    return version;
  }

  #modelCode(model: Model): Code {
    const code = this.#modelCodes.get(model) ?? { sha256: sha256(`model ${this.#id()}`), size: 1, model };
    this.#modelCodes.set(model, code);
    return code;
  }

  #countedCode(): Code {
    return { sha256: sha256(`counted ${this.#id()}`), size: 1 };
  }

  #functionOf(ref: string | undefined): FunctionRecord {
    const { fn, qualifier } = this.#ref(ref);
    if (qualifier !== undefined) throw invalid(`${ref} must name the function without a version or alias.`);
    return fn;
  }

  #tagged(resource: string | undefined): FunctionRecord {
    if (!resource?.startsWith('arn:'))
      throw invalidModel('resource', resource, 'Member must be a function ARN');
    return this.#functionOf(resource);
  }

  #ref(given: string | undefined, Qualifier?: string): { fn: FunctionRecord; qualifier: string | undefined } {
    const ref = parsedRef(given);
    if (Qualifier !== undefined && ref.qualifier !== undefined && Qualifier !== ref.qualifier) {
      throw invalid(`The qualifier in ${given} is not the one that was sent, ${Qualifier}.`);
    }
    const { region, account } = this.#options;
    const fn = this.#functions.get(ref.name);
    const isHere = (ref.region ?? region) === region && (ref.account ?? account) === account;
    if (fn === undefined || !isHere)
      throw notFound(`Function not found: ${isHere ? this.#arn(ref.name) : given}`);
    if (fn.update !== undefined && this.#options.clock.now() >= fn.update.doneAt) {
      // The end of an update changes the revision once more, so one from before it is stale.
      fn.update = undefined;
      fn.latest.revisionId = this.#id();
    }
    return { fn, qualifier: Qualifier ?? ref.qualifier };
  }

  #version(fn: FunctionRecord, qualifier = '$LATEST'): VersionRecord {
    if (qualifier === '$LATEST') return fn.latest;
    const version = fn.versions.get(qualifier);
    if (version?.activeAt !== undefined && this.#options.clock.now() >= version.activeAt) {
      version.state = 'Active';
      delete version.activeAt;
    }
    if (version !== undefined) return version;
    if (ALIAS_NAME.test(qualifier)) throw notFound(`Cannot find alias arn: ${this.#arn(fn.name, qualifier)}`);
    throw notFound(`Function not found: ${this.#arn(fn.name, qualifier)}`);
  }

  #alias(fn: FunctionRecord, name: string | undefined): AliasRecord {
    const alias = fn.aliases.get(checkedAliasName(name));
    if (alias === undefined) throw notFound(`Cannot find alias arn: ${this.#arn(fn.name, name)}`);
    return alias;
  }

  #aliasAnswer(fn: FunctionRecord, alias: AliasRecord): AliasConfiguration {
    return {
      AliasArn: this.#arn(fn.name, alias.name),
      Name: alias.name,
      FunctionVersion: alias.primary,
      Description: alias.description,
      RevisionId: alias.revisionId,
      ...(Object.keys(alias.weights).length > 0 && {
        RoutingConfig: { AdditionalVersionWeights: alias.weights },
      }),
    };
  }

  #configuration({
    fn,
    qualifier,
  }: {
    fn: FunctionRecord;
    qualifier: string | undefined;
  }): FunctionConfiguration {
    const alias = qualifier === undefined ? undefined : fn.aliases.get(qualifier);
    const answer = this.#configurationOf(fn, this.#version(fn, alias?.primary ?? qualifier));
    return { ...answer, FunctionArn: this.#arn(fn.name, qualifier) };
  }

  #configurationOf(fn: FunctionRecord, version: VersionRecord): FunctionConfiguration {
    const isUpdating = version.version === '$LATEST' && fn.update !== undefined;
    return {
      FunctionName: fn.name,
      FunctionArn: this.#arn(fn.name, version.version === '$LATEST' ? undefined : version.version),
      Runtime: version.runtime as Runtime,
      Role: version.role,
      Handler: version.handler,
      CodeSize: version.code.size,
      Description: version.description,
      Timeout: version.timeout,
      MemorySize: version.memoryMb,
      LastModified: lambdaTime(version.lastModified),
      CodeSha256: version.code.sha256,
      Version: version.version,
      ...(version.deadLetterArn !== undefined && { DeadLetterConfig: { TargetArn: version.deadLetterArn } }),
      ...(version.variables !== undefined && { Environment: { Variables: version.variables } }),
      ...(version.durable !== undefined && { DurableConfig: version.durable }),
      ...(version.logging !== undefined && { LoggingConfig: version.logging }),
      RevisionId: version.revisionId,
      State: version.state,
      LastUpdateStatus: isUpdating ? 'InProgress' : 'Successful',
      PackageType: version.code.image === undefined ? 'Zip' : 'Image',
      Architectures: ['x86_64'],
    };
  }

  #arn(name: string, qualifier?: string): string {
    const arn = `arn:aws:lambda:${this.#options.region}:${this.#options.account}:function:${name}`;
    return qualifier === undefined ? arn : `${arn}:${qualifier}`;
  }

  #id(): string {
    this.#ids += 1;
    return simulatedUuid(this.#ids);
  }
}

/** States of an alias that are kept besides the present one; more than anybody writes within the lag of a read. */
const PAST_MAX = 20;
const PROVISIONED_AND_WEIGHTED = 'Alias with weights can not be used with Provisioned Concurrency';

/** Bytes with the decoding that the SDK gives to an invocation's payload. */
class PayloadBytes extends Uint8Array {
  transformToString(encoding: BufferEncoding = 'utf-8'): string {
    return Buffer.from(this).toString(encoding);
  }
}

async function modelled(
  model: Model,
  event: string,
  context: ModelContext,
  clock: WorldClock,
  timeoutMs: number,
): Promise<Omit<Outcome, 'logs'>> {
  const began = clock.now();
  try {
    let result = model(JSON.parse(event), context);
    if (result instanceof Promise) {
      const limit = clock.after(timeoutMs);
      const late = limit.done.then(() => TIMED_OUT);
      result = await Promise.race([result, late]).finally(() => limit.cancel());
      if (result === TIMED_OUT) return timeout(context.awsRequestId, timeoutMs);
    }
    return { payload: JSON.stringify(result) ?? 'null', error: false, durationMs: clock.now() - began };
  } catch (thrown) {
    if (thrown instanceof KilledForMemory)
      return { ...killed(context.awsRequestId), durationMs: clock.now() - began };
    const error =
      thrown instanceof Error ? thrown : { name: typeof thrown, message: String(thrown), stack: '' };
    const trace = error.stack?.split('\n') ?? [];
    const payload = JSON.stringify({ errorType: error.name, errorMessage: error.message, trace });
    return { payload, error: true, durationMs: clock.now() - began };
  }
}

const TIMED_OUT = Symbol('timed out');

function tokenBucket(perSecond: number, clock: WorldClock): () => boolean {
  let tokens = perSecond;
  let at = clock.now();
  return () => {
    const now = clock.now();
    tokens = Math.min(perSecond, tokens + ((now - at) * perSecond) / 1000);
    at = now;
    if (tokens < 1) return false;
    tokens -= 1;
    return true;
  };
}

/** How a policy writes whom AddPermission named: a service, an account, a role or user, or everybody. */
function principalOf(named: string): object | string {
  if (named === '*') return named;
  if (/^\d{12}$/.test(named)) return { AWS: `arn:aws:iam::${named}:root` };
  return named.startsWith('arn:') ? { AWS: named } : { Service: named };
}

/** What a version freezes beside its code. */
const CONFIGURED = [
  ...(['runtime', 'handler', 'role', 'deadLetterArn', 'timeout', 'memoryMb'] as const),
  ...(['variables', 'durable', 'logging'] as const),
];

function artifactOf(version: VersionRecord): string {
  return JSON.stringify([version.code.sha256, ...CONFIGURED.map((key) => version[key])]);
}

function isSame(a: VersionRecord, b: VersionRecord): boolean {
  return a.code.sha256 === b.code.sha256 && CONFIGURED.every((key) => isDeepStrictEqual(a[key], b[key]));
}

function zipCode(zip: Uint8Array): Code {
  try {
    unzipped(zip);
  } catch (error) {
    throw invalid(`Could not unzip uploaded file: ${String(error)}`);
  }
  return { sha256: sha256(zip), size: zip.length, zip };
}

/** The digest in hexadecimal is the CodeSha256 of an image (recorded from AWS, LocalStack snapshot tests of Lambda, 2025-11-25). */
function imageCode(uri: string): Code {
  const [, digest] = /@sha256:([0-9a-f]{64})$/.exec(uri) ?? [];
  if (digest === undefined) throw new Error(`${uri} is an image without a digest, which is not simulated.`);
  return { sha256: digest, size: 1, image: uri };
}

/** Where the code of functions can be downloaded. */
export function codeHost(region: string): string {
  return `awslambda-${region}-tasks.s3.${region}.amazonaws.com`;
}

const sha256 = (content: string | Uint8Array) => createHash('sha256').update(content).digest('base64');

function parsedRef(ref: string | undefined) {
  const groups = FUNCTION_REF.exec(ref ?? '')?.groups;
  if (groups?.name === undefined)
    throw invalidModel('functionName', ref, 'Member must be a function name or ARN');
  const { name, region, owner, account = owner, qualifier } = groups;
  return { name, region, account, qualifier };
}

function checkedAliasName(name: string | undefined): string {
  if (name !== undefined && ALIAS_NAME.test(name)) return name;
  throw invalidModel('name', name, `Member must satisfy regular expression pattern: ${ALIAS_NAME.source}`);
}

function checkedVersion(version: string | undefined): string {
  if (version !== undefined && /^(\$LATEST|[0-9]{1,1024})$/.test(version)) return version;
  throw invalidModel('functionVersion', version, 'Member must be $LATEST or a version number');
}

function checkWeight(version: string, weight: number): void {
  if (!/^([0-9]{1,1024}|\$LATEST)$/.test(version)) {
    throw invalidModel('routingConfig.additionalVersionWeights', version, 'Map keys must be version numbers');
  }
  if (!(weight >= 0 && weight <= 1)) {
    throw invalidModel(
      'routingConfig.additionalVersionWeights',
      weight,
      'Map values must lie from 0.0 to 1.0',
    );
  }
  // The model allows 1.0, but Lambda was seen to refuse it (aws/aws-cdk-cli#818), so nothing here may rely on it.
  if (weight === 1) throw invalid('Additional version weight must be less than 100 %');
}

function checkedDescription(description: string | undefined): string | undefined {
  if (description === undefined || description.length <= 256) return description;
  throw invalidModel('description', description, 'Member must have length less than or equal to 256');
}

function checkedRange(field: string, value: number, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw invalidModel(field, value, `Member must lie from ${min} to ${max}`);
}

const LEVELS = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'];

/** The lines that reach CloudWatch: in the JSON format one without a level is of level INFO (Lambda developer guide, "Log-level filtering"). */
function kept(lines: string[], { LogFormat, ApplicationLogLevel = 'INFO' }: LoggingConfig = {}): string[] {
  if (LogFormat !== 'JSON') return lines;
  return lines.filter((line) => {
    const [, level = 'INFO'] = /"level":\s*"(\w+)"/.exec(line) ?? [];
    return LEVELS.indexOf(level.toUpperCase()) >= LEVELS.indexOf(ApplicationLogLevel);
  });
}

/** Lambda hands over no answer of more than 6 MB: the call ends in an error, although the handler did well (error text and limit: umihico/pythonista-chromeless#11, DataBiosphere/azul#8258). */
function withinSize(outcome: Outcome): Outcome {
  if (outcome.error || Buffer.byteLength(outcome.payload) <= ANSWER_BYTES_MAX) return outcome;
  const errorMessage = `Response payload size exceeded maximum allowed payload size (${ANSWER_BYTES_MAX} bytes).`;
  const payload = JSON.stringify({ errorType: 'Function.ResponseSizeTooLarge', errorMessage });
  return { ...outcome, error: true, payload };
}

/** Largest answer of a synchronous call (Lambda developer guide, "Quotas"). */
const ANSWER_BYTES_MAX = 6_291_556;

function checkedPayload(payload: InvokeCommandInput['Payload']): string {
  if (payload !== undefined && typeof payload !== 'string' && !(payload instanceof Uint8Array)) {
    throw new Error(
      'InvokeCommand was sent a Payload that is neither text nor bytes, which is not simulated.',
    );
  }
  const text = typeof payload === 'string' ? payload : Buffer.from(payload ?? '').toString();
  if (Buffer.byteLength(text) > PAYLOAD_BYTES_MAX) {
    throw awsError(
      'RequestTooLargeException',
      `Request must be smaller than ${PAYLOAD_BYTES_MAX} bytes.`,
      413,
    );
  }
  if (text === '') return '{}';
  try {
    JSON.parse(text);
  } catch (error) {
    throw awsError(
      'InvalidRequestContentException',
      `Could not parse request body into json: ${String(error)}`,
    );
  }
  return text;
}

/** Percent without the noise of binary fractions: 0.07 is 7. */
function percents(weights: Record<string, number>): Record<string, Percent> {
  return Object.fromEntries(
    Object.entries(weights).map(([version, w]) => [version, Math.round(w * 1e8) / 1e6]),
  );
}

const lambdaTime = (at: Instant) => new Date(at).toISOString().replace('Z', '+0000');

const invalid = (message: string) =>
  awsError('InvalidParameterValueException', message, 400, { Type: 'User' });
const notFound = (message: string) => awsError('ResourceNotFoundException', message, 404, { Type: 'User' });
const conflict = (message: string) => awsError('ResourceConflictException', message, 409, { Type: 'User' });

/** How AWS refuses what its API model already excludes, before Lambda itself looks at it. */
const invalidModel = (field: string, value: unknown, rule: string) =>
  awsError(
    'ValidationException',
    `1 validation error detected: Value '${value}' at '${field}' failed to satisfy constraint: ${rule}`,
  );
