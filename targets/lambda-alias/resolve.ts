import {
  type FunctionConfiguration,
  GetAliasCommand,
  type LambdaClient,
  ListProvisionedConcurrencyConfigsCommand,
} from '@aws-sdk/client-lambda';
import { ASKED_AGAIN, nameOf, onceVisible, reach, SERVICE_TAG } from '../../adapters/_aws.ts';
import { held } from '../../adapters/fenced-router.ts';
import type { Artifact } from '../../core/config/artifact.ts';
import { RolloutError } from '../../core/errors.ts';
import type { Clock, ResolvedTarget, TargetRequest } from '../../core/ports.ts';
import { asleep } from '../../core/rollout/reopen.ts';
import { type Publishing, SOURCES, type Target } from '../../core/target.ts';
import { habitOf } from './habit.ts';
import { CANDIDATE, traitsOf } from './kind.ts';
import { describedBy } from './led.ts';
import { allowedOnLatest, type EventSource, eventSourcesOf, urlsOfLatest } from './sources.ts';
import {
  configOf,
  digestOf,
  type Found,
  functionOf,
  runs,
  settledLatest,
  usability,
  whatStands,
} from './versions.ts';

/** The tag by which a function's owner says that nobody else deploys its code: its value is the kind of artifact, `zip` or `image`. */
const MODE_TAG = 'spillway:mode';

/** Tags that infrastructure tools leave on what they own: their next deployment would put their own code back. */
const OWNER_TAGS = ['aws:cloudformation:stack-name', 'sst:app'];

/** How long an update of `$LATEST` may still take at an opening, such as that of a revert just before. */
const SETTLE_MS = 5_000;

/** An artifact that has to be published, and where it lies. */
type Made = Extract<Artifact, { zip: object } | { image: string }>;

/** Looks up everything about a Lambda alias that can be refused before a rollout opens. @throws RolloutError TargetInvalid naming the field and the fix */
export async function resolveLambda(
  client: LambdaClient,
  clock: Clock,
  request: TargetRequest,
): Promise<ResolvedTarget> {
  const { name, service, spec, artifact } = request;
  const { lambda = '', alias = '', queue, dlq, behind, candidate = CANDIDATE } = spec;
  const field = `targets.${name}`;
  if ('site' in artifact)
    throw invalid(field, `function ${lambda} serves no site; release a version, zip or image of it`);
  const version = 'version' in artifact ? artifact.version : undefined;
  const offered = await functionAt(client, clock, request, version);
  assertOwned(field, lambda, service, offered.tags);
  const { primary, revision, arn } = await standingOf(client, clock, { field, lambda, alias });
  await assertUnprovisioned(client, field, lambda, alias);
  const stable = await functionAt(client, clock, request, primary);
  assertPair(field, lambda, offered.configuration, stable.configuration);
  assertNotDurable(field, lambda, [offered.configuration, stable.configuration]);
  const sources = await eventSourcesOf(client, lambda, alias);
  assertBound(field, spec, sources);
  assertReadable(field, spec, sources);
  const moving =
    'version' in artifact
      ? served(field, lambda, artifact.version, offered.configuration)
      : await published(client, clock, { ...request, artifact }, { offered, stable, primary, sources });
  if (behind !== undefined)
    await assertLed(client, clock, { field, lambda, alias: candidate }, { version, canary: moving.canary });
  const ref = {
    functionName: lambda,
    alias,
    ...(queue === undefined ? {} : { queue }),
    ...(dlq === undefined ? {} : { dlq }),
  };
  const source = SOURCES.find((each) => each === spec.source) ?? 'http';
  const target = {
    ...{ name, kind: 'lambda-alias', key: keyOf(field, arn), ref, stable: primary },
    ...moving,
    ...{ source, traits: traitsOf(source, ref), revision },
  };
  const led = { ...ref, ...(behind === undefined ? {} : { behind, candidate }) };
  const last = moving.canary === primary ? await before(client, request, primary) : {};
  return {
    ...(behind === undefined
      ? { target }
      : { target: { ...target, ref: led, traits: traitsOf(source, led) }, alone: target }),
    digest: madeOf(artifact, offered),
    config: configOf(offered.configuration),
    habit: habitOf(offered.tags),
    ...(last.before === undefined ? {} : { before: last.before }),
    timeoutSeconds: offered.configuration.Timeout ?? 3,
    ...uncounted([stable.configuration, offered.configuration]),
    notices: [
      ...strays(lambda, alias, sources),
      ...otherDeadLetters(field, spec, offered.configuration),
      ...(last.notices ?? []),
    ],
  };
}

/** Behind a site, visitors of the release call an alias of their own, which must be there before any of them comes. */
async function assertLed(
  client: LambdaClient,
  clock: Clock,
  where: Record<'field' | 'lambda' | 'alias', string>,
  { version, canary }: { version: string | undefined; canary: string },
): Promise<void> {
  const { field, lambda, alias } = where;
  if (version === undefined)
    throw invalid(
      field,
      `a function behind a site is called by its alias ${alias} before it serves, so its version must be published before; release a version of ${lambda}`,
    );
  const { FunctionVersion, RoutingConfig } = await aliasOf(client, clock, where);
  const others = Object.keys(RoutingConfig?.AdditionalVersionWeights ?? {});
  if (FunctionVersion === canary && others.length === 0) return;
  throw invalid(
    field,
    `alias ${alias} of ${lambda}, which visitors of the release call, points at version ${[FunctionVersion, ...others].join(' and ')}, and the release has version ${canary}; point it at ${canary}`,
  );
}

/** The version that completed here last, if another one serves in its place and it is still there. */
async function before(
  client: LambdaClient,
  { name, spec: { lambda = '' }, completed }: TargetRequest,
  primary: string,
): Promise<{ before?: string; notices?: string[] }> {
  if (completed === undefined || completed === primary) return {};
  try {
    const { configuration } = await functionOf(client, lambda, completed);
    const state = usability(configuration);
    if (state === 'usable') return { before: completed };
    // Nothing has called it since something else took its place.
    return state === 'inactive' ? { before: completed, notices: [asleep({ name, stable: completed })] } : {};
  } catch (error) {
    if (nameOf(error) !== 'ResourceNotFoundException') throw error;
    return {};
  }
}

/** A version that exists: it may still become Active (SnapStart, VPC), which is waited for. */
function served(
  field: string,
  lambda: string,
  canary: string,
  { State = 'Active', StateReason }: FunctionConfiguration,
): Pick<Target, 'canary' | 'publish'> {
  if (State === 'Active') return { canary };
  if (State === 'Pending') return { canary, publish: { from: 'await' } };
  if (State === 'Inactive')
    throw invalid(
      field,
      `version ${canary} of ${lambda} is Inactive, since nothing called it for a long time; invoke it until it is Active, then release it under a new release id`,
    );
  const why = StateReason === undefined ? '' : ` (${StateReason})`;
  throw invalid(field, `version ${canary} of ${lambda} is ${State}${why}; publish one that becomes Active`);
}

/** Code that has to be published first, unless it is what stable runs already. */
async function published(
  client: LambdaClient,
  clock: Clock,
  { name, spec, artifact, bucket }: TargetRequest & { artifact: Made },
  {
    offered,
    stable,
    primary,
    sources,
  }: { offered: Found; stable: Found; primary: string; sources: EventSource[] },
): Promise<Pick<Target, 'canary' | 'publish'>> {
  const { lambda = '' } = spec;
  const field = `targets.${name}`;
  assertFree(field, lambda, artifact, offered);
  const others = [
    ...(await urlsOfLatest(client, lambda)).map((url) => `function URL ${url}`),
    ...(await allowedOnLatest(client, lambda)),
  ];
  assertUnused(field, lambda, sources, others);
  // The same code with another configuration is another version: fixing a variable releases the same zip again.
  const isConfigured = configOf(stable.configuration) === configOf(offered.configuration);
  if (isConfigured && runs(stable, 'zip' in artifact ? artifact.zip : { uri: artifact.image }))
    return { canary: primary };
  const latest = await settledLatest(client, clock, lambda, clock.now() + SETTLE_MS);
  const revision = latest?.configuration.RevisionId;
  if (latest === undefined || revision === undefined)
    throw invalid(field, `an update of ${lambda} is under way; upload the manifest again once it is through`);
  const publish: Publishing =
    'zip' in artifact
      ? { from: 'zip', bucket, ...artifact.zip, revision, was: whatStands(latest) }
      : { from: 'image', uri: artifact.image, revision, was: whatStands(latest) };
  return { canary: '', publish };
}

/** Code is only replaced if its owner said so, and nobody else is known to replace it too. */
function assertFree(field: string, lambda: string, artifact: Made, { configuration, tags }: Found): void {
  const kind = 'zip' in artifact ? 'zip' : 'image';
  if (tags[MODE_TAG] !== kind)
    throw invalid(
      field,
      `function ${lambda} carries ${tags[MODE_TAG] === undefined ? 'no tag' : `the tag ${MODE_TAG}=${tags[MODE_TAG]}`} where ${MODE_TAG}=${kind} is needed, by which its owner says that nobody else deploys its code; set it, or publish a version and name that`,
    );
  const owner = OWNER_TAGS.find((tag) => tags[tag] !== undefined);
  if (owner !== undefined)
    throw invalid(
      field,
      `function ${lambda} is deployed by an infrastructure tool (${owner}=${tags[owner]}), which would put its own code back; publish a version with that tool and name it`,
    );
  const { PackageType = 'Zip' } = configuration;
  if (PackageType.toLowerCase() !== kind)
    throw invalid(
      field,
      `function ${lambda} has the package type ${PackageType}, and Lambda never changes that; release ${kind === 'zip' ? 'an image' : 'a zip'}`,
    );
}

/** Publishing changes `$LATEST` for a while, which must meet nobody. */
function assertUnused(field: string, lambda: string, sources: EventSource[], others: string[]): void {
  const users = [
    ...sources.filter(({ qualifier }) => qualifier === undefined).map(({ what }) => what),
    ...others,
  ];
  if (users.length === 0) return;
  throw invalid(
    field,
    `$LATEST of ${lambda} is in use by ${users.join(', ')}, and would serve the new code before any step; bind them to the alias, and move their permissions there`,
  );
}

/** A target that is fed by events has no traffic to move unless they come through the alias. */
function assertBound(
  field: string,
  { lambda, alias, source, queue }: Record<string, string>,
  sources: EventSource[],
): void {
  if (source !== 'sqs' && source !== 'stream') return;
  const bound = sources.filter(
    (each) => each.qualifier === alias && (each.queue === undefined) === (source === 'stream'),
  );
  const isFed = queue === undefined ? bound.length > 0 : bound.some((each) => each.queue === queue);
  if (isFed) return;
  const wanted =
    queue === undefined
      ? `no ${source === 'sqs' ? 'queue' : 'stream'} calls`
      : `queue ${queue} does not call`;
  const others = sources
    .filter(({ qualifier }) => qualifier !== alias)
    .map(({ what, qualifier }) => `${what} calls ${qualifier ?? '$LATEST'}`);
  const instead = others.length === 0 ? '' : ` (${others.join(', ')})`;
  throw invalid(
    field,
    `${wanted} alias ${alias} of ${lambda}${instead}; bind its event source mapping to the alias`,
  );
}

/** CloudWatch keeps the numbers of a queue in the queue's own account, so those of a foreign one would always read as zero. */
function assertReadable(field: string, { queue }: Record<string, string>, sources: EventSource[]): void {
  if (queue === undefined || !sources.some((each) => each.queue === queue && each.isForeign)) return;
  throw invalid(
    `${field}.queue`,
    `queue ${queue} belongs to another account, whose metrics cannot be read here; take it and limits.oldestMessage out, and name an alarm on it instead`,
  );
}

/** What a function gave up goes to its dead-letter queue or to a destination, of which only the first can be seen here. */
function otherDeadLetters(
  field: string,
  { source, dlq }: Record<string, string>,
  { DeadLetterConfig }: FunctionConfiguration,
): string[] {
  const arn = DeadLetterConfig?.TargetArn;
  if (source !== 'async' || dlq === undefined || arn?.endsWith(`:${dlq}`)) return [];
  return [
    `${field}.dlq: ${dlq} is not the dead-letter queue of the function (${arn ?? 'it has none'}), so it must be its destination on failure`,
  ];
}

/** What the canary will be made of: a zip is known by its hash and an image by its digest before they are published. */
function madeOf(artifact: Artifact, offered: Found): string | undefined {
  if ('zip' in artifact) return artifact.zip.sha256;
  if ('image' in artifact) return artifact.image.split('@')[1];
  return digestOf(offered);
}

/**
 * The versions whose log drops what `withSpillway` prints: it has no level, so Lambda takes it for INFO (Lambda developer guide,
 * "Log-level filtering"). A level of its own would make each answer an error to whoever counts those by their level.
 */
function uncounted(versions: FunctionConfiguration[]): Pick<ResolvedTarget, 'uncounted'> {
  const quiet = versions.flatMap(
    ({ Version = '', LoggingConfig: { LogFormat, ApplicationLogLevel = '' } = {} }) => {
      if (LogFormat !== 'JSON' || !ABOVE_INFO.includes(ApplicationLogLevel)) return [];
      const least = ApplicationLogLevel === 'FATAL' ? 'FATAL' : `${ApplicationLogLevel} and above`;
      return [`${versionText(Version)} logs only ${least}`];
    },
  );
  return quiet.length === 0 ? {} : { uncounted: [...new Set(quiet)].join(', ') };
}

const ABOVE_INFO = ['WARN', 'ERROR', 'FATAL'];

function strays(lambda: string, alias: string, sources: EventSource[]): string[] {
  return sources
    .filter(({ qualifier }) => qualifier !== alias)
    .map(
      ({ what, qualifier }) =>
        `${what} calls ${qualifier ?? '$LATEST'} of ${lambda}, not alias ${alias}: it is no part of this rollout`,
    );
}

function assertOwned(field: string, lambda: string, service: string, tags: Record<string, string>): void {
  const owner = tags[SERVICE_TAG];
  if (owner === service) return;
  throw invalid(
    field,
    `function ${lambda} carries ${owner === undefined ? 'no tag' : `the tag ${SERVICE_TAG}=${owner},`} where ${SERVICE_TAG}=${service} is needed; its owner must set it`,
  );
}

async function functionAt(
  client: LambdaClient,
  clock: Clock,
  { name, service, spec: { lambda = '' } }: TargetRequest,
  version: string | undefined,
): Promise<Found> {
  const field = `targets.${name}`;
  try {
    return await onceVisible(clock, () => functionOf(client, lambda, version));
  } catch (error) {
    // The controller may only look at functions with the tag, and IAM does not say whether there are others.
    if (nameOf(error) === 'AccessDeniedException')
      throw invalid(
        field,
        `function ${lambda} is not in this account and region, or carries no tag ${SERVICE_TAG}; check lambda, or let its owner tag it ${SERVICE_TAG}=${service}; ${ASKED_AGAIN}`,
      );
    if (nameOf(error) !== 'ResourceNotFoundException') throw error;
    const exists =
      version !== undefined &&
      (await functionOf(client, lambda).then(
        () => true,
        () => false,
      ));
    throw invalid(
      field,
      exists
        ? `function ${lambda} has no version ${version}; publish it before its manifest is uploaded; ${ASKED_AGAIN}`
        : `there is no function ${lambda} in this account and region; check lambda; ${ASKED_AGAIN}`,
    );
  }
}

/** The version that an alias serves, if it serves that alone and nobody moves it, and the revision in which that was seen. */
async function standingOf(
  client: LambdaClient,
  clock: Clock,
  { field, lambda, alias }: Record<'field' | 'lambda' | 'alias', string>,
): Promise<{ primary: string; revision: string | undefined; arn: string }> {
  const {
    AliasArn: arn = '',
    FunctionVersion: primary = '',
    RoutingConfig,
    Description,
    RevisionId: revision,
  } = await aliasOf(client, clock, { field, lambda, alias });
  if (primary === '$LATEST')
    throw invalid(
      field,
      `alias ${alias} of ${lambda} points at $LATEST, which cannot share traffic; point it at a published version`,
    );
  const { token } = describedBy(Description);
  if (token?.open) throw held(`${field}: alias ${alias} of ${lambda}`, token);
  const others = Object.keys(RoutingConfig?.AdditionalVersionWeights ?? {});
  if (others.length > 0)
    throw invalid(
      field,
      `alias ${alias} of ${lambda} already shares traffic between versions ${[primary, ...others].join(' and ')}; finish or undo that first`,
    );
  return { primary, revision, arn };
}

const ALIAS_ARN = /^arn:([\w-]+):lambda:([\w-]+):(\d{12}):function:([\w-]+):([\w-]+)$/;

/** What is locked, by an alias' ARN. */
function keyOf(field: string, arn: string): string {
  const [, partition, region, account, name, alias] = ALIAS_ARN.exec(arn) ?? [];
  if (alias === undefined)
    throw invalid(field, `Lambda gave the ARN "${arn}" for its alias, which is none of an alias; try again`);
  return `${partition}:${account}:${region}:lambda-alias/${name}/${alias}`;
}

async function aliasOf(
  client: LambdaClient,
  clock: Clock,
  { field, lambda, alias }: Record<'field' | 'lambda' | 'alias', string>,
) {
  const read = new GetAliasCommand({ FunctionName: lambda, Name: alias });
  try {
    return await onceVisible(clock, () => reach(`alias ${alias}`, () => client.send(read)));
  } catch (error) {
    if (nameOf(error) !== 'ResourceNotFoundException') throw error;
    throw invalid(
      field,
      `function ${lambda} has no alias ${alias}; create it on the version that serves now; ${ASKED_AGAIN}`,
    );
  }
}

async function assertUnprovisioned(
  client: LambdaClient,
  field: string,
  lambda: string,
  alias: string,
): Promise<void> {
  const { ProvisionedConcurrencyConfigs = [] } = await reach(`function ${lambda}`, () =>
    client.send(new ListProvisionedConcurrencyConfigsCommand({ FunctionName: lambda })),
  );
  if (ProvisionedConcurrencyConfigs.some(({ FunctionArn }) => FunctionArn?.endsWith(`:${alias}`))) {
    throw invalid(
      field,
      `alias ${alias} of ${lambda} has provisioned concurrency, with which Lambda refuses weights; remove it from the alias`,
    );
  }
}

/** Lambda lets two versions share an alias only with the same role and dead-letter queue (Lambda developer guide, "Lambda function aliases"). */
function assertPair(
  field: string,
  lambda: string,
  canary: FunctionConfiguration,
  stable: FunctionConfiguration,
): void {
  for (const [what, ours, theirs] of [
    ['execution role', canary.Role, stable.Role],
    ['dead-letter queue', canary.DeadLetterConfig?.TargetArn, stable.DeadLetterConfig?.TargetArn],
  ]) {
    if (ours !== theirs)
      throw invalid(
        field,
        `versions ${stable.Version} and ${canary.Version} of ${lambda} differ in their ${what} (${theirs ?? 'none'} and ${ours ?? 'none'}), and Lambda shares no alias between such versions; publish with the same one`,
      );
  }
}

/**
 * A durable execution stays on the version that started it ("Manage executions" of AWS Durable Execution): a revert leaves those
 * of the canary there, and the replays of stable's are requests that no weight moves, so the canary would seem to lose its share.
 */
function assertNotDurable(field: string, lambda: string, versions: FunctionConfiguration[]): void {
  const durable = versions.find(({ DurableConfig }) => DurableConfig !== undefined);
  if (durable === undefined) return;
  throw invalid(
    field,
    `${versionText(durable.Version)} of ${lambda} is durable (DurableConfig), and its executions end on the version that started them, where no revert reaches them; deploy it by other means, or move its durable work to a function of its own`,
  );
}

const versionText = (version = '') => (version === '$LATEST' ? version : `version ${version}`);

function invalid(field: string, what: string): RolloutError {
  return new RolloutError('TargetInvalid', `${field}: ${what}.`);
}
