import {
  type FunctionConfiguration,
  GetFunctionCommand,
  type GetFunctionCommandOutput,
  type LambdaClient,
} from '@aws-sdk/client-lambda';
import { RolloutError } from '../core/errors.ts';
import type { Clock } from '../core/ports.ts';
import type { Stamp } from '../core/rollout/stamp.ts';
import type { Instant } from '../core/units.ts';
import { reach } from './_aws.ts';

/** The tag by which a function's owner says which service may touch it. */
export const SERVICE_TAG = 'spillway:service';

/** Time between two looks at something that takes a while, such as a code update. */
export const POLL_EVERY_MS = 1_500;

/** A function or one of its versions, as GetFunction tells of it. */
export interface Found {
  configuration: FunctionConfiguration;
  code: NonNullable<GetFunctionCommandOutput['Code']>;
  tags: Record<string, string>;
}

/** What code is told apart by: the SHA-256 of a zip in base64, or an image by its digest. */
export type CodeName = { sha256: string } | { uri: string };

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

/** Reads `$LATEST` once no update of it is under way; undefined where it still is at `until`. */
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

/** True where this is what runs there. */
export function runs({ configuration, code }: Found, wanted: CodeName): boolean {
  if ('sha256' in wanted) return configuration.CodeSha256 === wanted.sha256;
  const [, digest = wanted.uri] = wanted.uri.split('@');
  return [code.ImageUri, code.ResolvedImageUri].some((uri) => uri?.endsWith(`@${digest}`));
}

/** What a version is made of; an image is known by its digest wherever it was pulled from. */
export function digestOf({ configuration, code }: Found): string | undefined {
  return code.ResolvedImageUri?.split('@')[1] ?? configuration.CodeSha256;
}

/** What must be said where another rollout moves a target; whoever asked may wait for it instead of being refused. */
export function held(key: string, stamp: Stamp): RolloutError {
  return new RolloutError(
    'TargetInvalid',
    `${key} is being moved by rollout ${stamp.rolloutId}; wait for it to end or abort it.`,
    { cause: { heldBy: stamp.rolloutId } },
  );
}
