import {
  GetFunctionConfigurationCommand,
  type LambdaClient,
  PublishVersionCommand,
  UpdateFunctionCodeCommand,
  type UpdateFunctionCodeCommandInput,
} from '@aws-sdk/client-lambda';
import { nameOf, POLL_EVERY_MS, reach, rethrown, wordsOf } from '../../adapters/_aws.ts';
import { RolloutError } from '../../core/errors.ts';
import type { Clock, Publisher } from '../../core/ports.ts';
import type { Made } from '../../core/rollout/event.ts';
import type { Publishing, Target } from '../../core/target.ts';
import type { Instant } from '../../core/units.ts';
import { contentOf, type Found, functionOf, runs, settledLatest, whatStands } from './versions.ts';

/** Longest a call waits for a version before it says `pending`; the function that calls ends within 10 s. */
const POLL_MS = 6_000;

/** Largest zip that can be sent in the call itself (Lambda quotas, "Deployment package size"). */
const DIRECT_BYTES_MAX = 50 * 1024 * 1024;

/** Publishing that replaces `$LATEST`. */
type Replacing = Exclude<Publishing, { from: 'await' }>;

/** Answers by which Lambda says that another write came first; the next look shows its outcome. */
const RACED = ['PreconditionFailedException', 'ResourceConflictException'];

/** Answers that will be the same the next time. */
const FINAL = [
  'CodeVerificationFailedException',
  'InvalidCodeSignatureException',
  'InvalidParameterValueException',
  'InvalidRuntimeException',
  'InvalidZipFileException',
];
/** The function was deleted, which is as final and not the release's doing. */
const GONE = 'ResourceNotFoundException';

/** Why a version cannot become Active, if that is the release's doing (Lambda API reference, "StateReasonCode"). All other codes speak of keys, network, rights and quotas of the account. */
const RELEASES_FAULT =
  /^(FunctionError.*|InvalidConfiguration|InvalidImage|InvalidRuntime|InvalidZipFileException|ImageDeleted)$/;

/** Publishes versions of a Lambda function, and waits for those that are not Active yet (SnapStart, VPC). */
export function lambdaPublisher(client: LambdaClient, clock: Clock, download: typeof fetch): Publisher {
  return {
    async publish(target) {
      const until = clock.now() + POLL_MS;
      const { canary, publish } = target;
      const isThere = publish === undefined || publish.from === 'await';
      const version = isThere ? canary : await made(client, clock, { ...target, publish }, until);
      return version === undefined ? 'pending' : active(client, clock, target, version, until);
    },
    async restore(target) {
      const { functionName = '' } = target.ref;
      const latest = await settledLatest(client, clock, functionName, clock.now() + POLL_MS);
      if (latest === undefined || !(await isOurs(client, target, latest))) return;
      const stable = await functionOf(client, functionName, target.stable);
      const code = await codeOf(stable, download);
      if (code === undefined) return;
      const { RevisionId } = latest.configuration;
      await client.send(new UpdateFunctionCodeCommand({ FunctionName: functionName, ...code, RevisionId }));
      await settledLatest(client, clock, functionName, clock.now() + POLL_MS);
    },
  };
}

/**
 * Goes on from whatever stands there: our code is put into `$LATEST` only over what the opening saw, and only our code
 * is published. An update and its end both change the revision, so each step reads it anew.
 */
async function made(
  client: LambdaClient,
  clock: Clock,
  { ref: { functionName = '' }, publish }: Target & { publish: Replacing },
  until: Instant,
): Promise<string | undefined> {
  for (;;) {
    const latest = await settledLatest(client, clock, functionName, until).catch((error: unknown) =>
      rethrown(`function ${functionName}`, error),
    );
    if (latest === undefined) return undefined;
    if (runs(latest, nameOfCode(publish))) {
      const version = await tried(functionName, () => published(client, functionName, latest));
      if (version !== undefined) return version;
    } else {
      assertUntouched(functionName, latest, publish);
      await tried(functionName, () => client.send(updateOf(functionName, publish, latest)));
    }
    if (clock.now() >= until) return undefined;
    await clock.sleep(POLL_EVERY_MS);
  }
}

async function published(
  client: LambdaClient,
  functionName: string,
  {
    configuration: { RevisionId, LastUpdateStatus, LastUpdateStatusReason, LastUpdateStatusReasonCode },
  }: Found,
): Promise<string | undefined> {
  if (LastUpdateStatus === 'Failed')
    throw failed(
      LastUpdateStatusReasonCode,
      `Lambda could not take the code of ${functionName} (${LastUpdateStatusReason}); fix that and release again`,
    );
  // The revision alone says which code: Lambda would refuse another CodeSha256 as a wrong parameter, like wrong code.
  const { Version } = await client.send(
    new PublishVersionCommand({ FunctionName: functionName, RevisionId }),
  );
  return Version;
}

/** Adding or removing a permission changes the revision too (recorded from AWS, LocalStack snapshot tests of Lambda, 2025-11-25): then code and configuration are those that the opening saw. */
function assertUntouched(functionName: string, latest: Found, { revision, was }: Replacing): void {
  const { RevisionId, LastUpdateStatus, LastUpdateStatusReason, LastUpdateStatusReasonCode } =
    latest.configuration;
  if (RevisionId === revision || (was !== undefined && was === whatStands(latest))) return;
  const changed = (why: string) =>
    `somebody else changed $LATEST of ${functionName} after the rollout was opened${why}; see who deploys it, and release again`;
  throw LastUpdateStatus === 'Failed'
    ? failed(LastUpdateStatusReasonCode, changed(` (its last update failed: ${LastUpdateStatusReason})`))
    : blameless(changed(''));
}

function updateOf(
  functionName: string,
  publish: Replacing,
  { configuration: { RevisionId } }: Found,
): UpdateFunctionCodeCommand {
  const code =
    publish.from === 'zip'
      ? { S3Bucket: publish.bucket, S3Key: publish.key, S3ObjectVersion: publish.versionId }
      : { ImageUri: publish.uri };
  return new UpdateFunctionCodeCommand({ FunctionName: functionName, ...code, RevisionId });
}

function nameOfCode(publish: Replacing) {
  return publish.from === 'zip' ? { sha256: publish.sha256 } : { uri: publish.uri };
}

/** Undefined if somebody else was first. */
async function tried<T>(functionName: string, call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await reach(`function ${functionName}`, call);
  } catch (error) {
    if (RACED.includes(nameOf(error))) return undefined;
    if (nameOf(error) === GONE)
      throw blameless(`function ${functionName} does not exist any more: ${wordsOf(error)}`);
    if (!FINAL.includes(nameOf(error))) return rethrown(`function ${functionName}`, error);
    throw invalid(`Lambda refused the code of ${functionName}: ${wordsOf(error)}`);
  }
}

async function active(
  client: LambdaClient,
  clock: Clock,
  { key, ref }: Target,
  version: string,
  until: Instant,
): Promise<Made | 'pending'> {
  for (;;) {
    const configuration = await reach(key, () =>
      client.send(
        new GetFunctionConfigurationCommand({ FunctionName: ref.functionName, Qualifier: version }),
      ),
    ).catch((error: unknown) => rethrown(key, error));
    const { State, StateReason, StateReasonCode } = configuration;
    if (State === undefined || State === 'Active') return { version, ...contentOf(configuration) };
    if (State !== 'Pending')
      throw failed(
        StateReasonCode,
        `version ${version} of ${ref.functionName} is ${State} (${StateReason ?? 'no reason given'}); publish another one`,
      );
    if (clock.now() >= until) return 'pending';
    await clock.sleep(POLL_EVERY_MS);
  }
}

/** True if `$LATEST` holds what this rollout published, or was about to publish. */
async function isOurs(
  client: LambdaClient,
  { ref: { functionName = '' }, canary, publish }: Target,
  latest: Found,
): Promise<boolean> {
  if (publish !== undefined) return publish.from !== 'await' && runs(latest, nameOfCode(publish));
  const { configuration } = await functionOf(client, functionName, canary);
  return runs(latest, { sha256: configuration.CodeSha256 ?? '' });
}

/** The code of a version in the form in which it can be sent back; undefined if it is too large for that. */
async function codeOf(
  { configuration: { CodeSize = 0 }, code }: Found,
  download: typeof fetch,
): Promise<Pick<UpdateFunctionCodeCommandInput, 'ImageUri' | 'ZipFile'> | undefined> {
  if (code.ResolvedImageUri !== undefined) return { ImageUri: code.ResolvedImageUri };
  if (code.Location === undefined || CodeSize > DIRECT_BYTES_MAX) return undefined;
  const answer = await download(code.Location);
  return answer.ok ? { ZipFile: new Uint8Array(await answer.arrayBuffer()) } : undefined;
}

const sentence = (message: string) => `${message.charAt(0).toUpperCase()}${message.slice(1)}.`;

function invalid(message: string): RolloutError {
  return new RolloutError('TargetInvalid', sentence(message));
}

/** What Lambda could not make is the release's fault or the account's, by the code that Lambda gives. */
function failed(code: string | undefined, message: string): RolloutError {
  const isReleases = code === undefined || RELEASES_FAULT.test(code);
  return isReleases ? invalid(message) : blameless(message);
}

/** What ends a rollout that the release is not to blame for. */
function blameless(message: string): RolloutError {
  return new RolloutError('AccountRefused', sentence(message));
}
