import { createHash } from 'node:crypto';
import {
  type FunctionConfiguration,
  GetFunctionCommand,
  type GetFunctionCommandOutput,
  type LambdaClient,
} from '@aws-sdk/client-lambda';
import { POLL_EVERY_MS, reach } from '../../adapters/_aws.ts';
import type { Clock, VersionState } from '../../core/ports.ts';
import type { Instant } from '../../core/units.ts';

/** A function or one of its versions, as GetFunction returns it. */
export interface Found {
  configuration: FunctionConfiguration;
  code: NonNullable<GetFunctionCommandOutput['Code']>;
  tags: Record<string, string>;
}

/** What code is told apart by: the SHA-256 of a zip in base64, or an image by its digest. */
type CodeName = { sha256: string } | { uri: string };

/** Reads `$LATEST`, or a version. GetFunction has a quota of its own of 100 a second; the other calls share 15 (Lambda quotas). */
export async function functionOf(client: LambdaClient, name: string, qualifier?: string): Promise<Found> {
  const { Configuration, Code, Tags } = await reach(`function ${name}`, () =>
    client.send(
      new GetFunctionCommand({
        FunctionName: name,
        ...(qualifier === undefined ? {} : { Qualifier: qualifier }),
      }),
    ),
  );
  return { configuration: Configuration ?? {}, code: Code ?? {}, tags: Tags ?? {} };
}

/** Reads `$LATEST` once no update of it is under way; undefined if it still is at `until`. */
export async function settledLatest(
  client: LambdaClient,
  clock: Clock,
  name: string,
  until: Instant,
): Promise<Found | undefined> {
  for (;;) {
    const found = await functionOf(client, name);
    if (found.configuration.LastUpdateStatus !== 'InProgress') return found;
    if (clock.now() >= until) return undefined;
    await clock.sleep(POLL_EVERY_MS);
  }
}

/** Whether a version can serve (Lambda developer guide, "Lambda function states"). A state that nobody knows yet is none that serves. */
export function usability({ State = 'Active' }: FunctionConfiguration): VersionState {
  if (State === 'Deleting') return 'gone';
  if (State === 'Inactive') return 'inactive';
  return State === 'Active' || State === 'Pending' ? 'usable' : 'failed';
}

/** True if this is what runs there. */
export function runs({ configuration, code }: Found, wanted: CodeName): boolean {
  if ('sha256' in wanted) return configuration.CodeSha256 === wanted.sha256;
  const [, digest = wanted.uri] = wanted.uri.split('@');
  return [code.ImageUri, code.ResolvedImageUri].some((uri) => uri?.endsWith(`@${digest}`));
}

/** What a version is made of; an image is known by its digest wherever it was pulled from. */
export function digestOf({ configuration, code }: Found): string | undefined {
  return code.ResolvedImageUri?.split('@')[1] ?? codeOf(configuration);
}

/**
 * A digest of the configuration that a version runs with. A version is code and configuration, and both are frozen
 * when it is published (Lambda developer guide, "Manage Lambda function versions"). What Lambda's own `ConfigSha256` covers is not documented, so the
 * fields are named here; those that differ between `$LATEST` and the version published from it are left out. Undefined
 * if the environment variables could not be read (Lambda API reference, EnvironmentResponse: `Error`).
 */
export function configOf(configuration: FunctionConfiguration): string | undefined {
  if (configuration.Environment?.Error !== undefined) return undefined;
  const { Environment, VpcConfig, SnapStart, ImageConfigResponse, Layers = [] } = configuration;
  const frozen = {
    ...pick(configuration, FROZEN),
    variables: Environment?.Variables,
    layers: Layers.map(({ Arn }) => Arn),
    subnets: VpcConfig?.SubnetIds?.toSorted(),
    groups: VpcConfig?.SecurityGroupIds?.toSorted(),
    snapStart: SnapStart?.ApplyOn,
    image: ImageConfigResponse?.ImageConfig,
  };
  return createHash('sha256')
    .update(JSON.stringify(sorted(frozen)))
    .digest('hex')
    .slice(0, CONFIG_DIGITS);
}

/** What `$LATEST` holds, code and configuration, so that a later write can check that it is unchanged; undefined if unknown. */
export function whatStands(found: Found): string | undefined {
  const [code, config] = [digestOf(found), configOf(found.configuration)];
  return code === undefined || config === undefined ? undefined : `${code} ${config}`;
}

/** Digits of a configuration's digest that are kept: 64 bits tell the few versions of a function apart, and it stands in the journal for each target. */
const CONFIG_DIGITS = 16;

/** The fields of a version's configuration that are taken as they are. */
const FROZEN = [
  ...(['Runtime', 'Handler', 'Role', 'Timeout', 'MemorySize', 'KMSKeyArn', 'Architectures'] as const),
  ...([
    'DeadLetterConfig',
    'TracingConfig',
    'EphemeralStorage',
    'FileSystemConfigs',
    'LoggingConfig',
  ] as const),
] satisfies (keyof FunctionConfiguration)[];

function pick(from: FunctionConfiguration, keys: readonly (keyof FunctionConfiguration)[]): object {
  return Object.fromEntries(keys.map((key) => [key, from[key]]));
}

/** The same value with the keys of every map in one order, so that equal values have one text. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, each]) => [key, sorted(each)]));
}

/** The digest of code as GetFunctionConfiguration answers it: of an image it is the hexadecimal digits alone. */
function codeOf({ CodeSha256, PackageType }: FunctionConfiguration): string | undefined {
  return PackageType === 'Image' && CodeSha256 !== undefined ? `sha256:${CodeSha256}` : CodeSha256;
}

/** What a published version is made of, by its configuration alone; nothing if Lambda does not name its code. */
export function contentOf(configuration: FunctionConfiguration): {
  code?: string;
  config?: string | undefined;
} {
  const code = codeOf(configuration);
  return code === undefined ? {} : { code, config: configOf(configuration) };
}
