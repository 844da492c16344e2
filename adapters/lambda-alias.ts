import {
  type AliasConfiguration,
  type FunctionConfiguration,
  GetAliasCommand,
  GetFunctionCommand,
  type LambdaClient,
  ListProvisionedConcurrencyConfigsCommand,
  UpdateAliasCommand,
} from '@aws-sdk/client-lambda';
import { RolloutError } from '../core/errors.ts';
import type {
  Clock,
  Observed,
  Raise,
  RaiseResult,
  ResolvedTarget,
  TargetRequest,
  TrafficRouter,
} from '../core/ports.ts';
import type { RevertedTarget, Target } from '../core/rollout/event.ts';
import { isSameStamp, type Stamp, stampFrom, stampText } from '../core/rollout/stamp.ts';
import { isStranger, wayOut } from '../core/rollout/way-out.ts';
import type { Percent } from '../core/units.ts';
import { isPassing, nameOf, reach } from './_aws.ts';

/** The tag by which a function's owner says which service may touch it. */
export const SERVICE_TAG = 'spillway:service';

/** Times that a revert or a seal reads and writes again because somebody else wrote in between. */
const FIGHTS_MAX = 10;

interface Routing {
  primary: string;
  weights: Record<string, Percent>;
  stamp: Stamp;
}

type Seen = Observed & { revision: string | undefined };

/** Traffic between two versions of one Lambda function, by the weights of an alias; the alias' Description carries the fence. */
export function lambdaAlias(client: LambdaClient, clock: Clock): TrafficRouter {
  const get = async ({ ref, key }: Pick<Target, 'ref' | 'key'>): Promise<Seen> => {
    const alias = await reach(key, () =>
      client.send(new GetAliasCommand({ FunctionName: ref.functionName, Name: ref.alias })),
    );
    return seenFrom(alias);
  };

  /** Always sends every field: an update without RoutingConfig would keep the old weights. */
  const put = async (
    { ref }: Target,
    { primary, weights, stamp }: Routing,
    revision: string | undefined,
  ): Promise<void> => {
    await client.send(
      new UpdateAliasCommand({
        FunctionName: ref.functionName,
        Name: ref.alias,
        FunctionVersion: primary,
        RoutingConfig: {
          AdditionalVersionWeights: Object.fromEntries(
            Object.entries(weights).map(([version, weight]) => [version, weight / 100]),
          ),
        },
        Description: stampText(stamp),
        RevisionId: revision,
      }),
    );
  };

  /** Reads, changes and writes until nobody writes in between. `change` answers undefined where nothing has to be written. */
  const insist = async (
    target: Target,
    change: (seen: Seen) => Promise<Routing | undefined> | Routing | undefined,
  ): Promise<{ first: Seen; seen: Seen }> => {
    let first: Seen | undefined;
    for (let fight = 0; ; fight++) {
      const seen = await get(target);
      first ??= seen;
      const routing = await change(seen);
      if (routing === undefined) return { first, seen };
      if (fight === FIGHTS_MAX) break;
      try {
        await put(target, routing, seen.revision);
      } catch (error) {
        if (nameOf(error) !== 'PreconditionFailedException' && !isPassing(error)) throw error;
      }
    }
    throw new RolloutError(
      'RevertFailed',
      `${target.key} changed ${FIGHTS_MAX} times while it was being written; look who else moves this alias.`,
    );
  };

  return {
    resolve: (request) => resolve(client, request),
    observe: async (target) => observedFrom(await get(target)),
    async claim(target, stamp) {
      await insist(target, (seen) => {
        if (seen.stamp?.rolloutId === stamp.rolloutId) return undefined;
        if (seen.stamp?.open) throw held(target.key, seen.stamp);
        return { primary: seen.primary, weights: seen.weights, stamp };
      });
    },
    async raise(target, raise): Promise<RaiseResult> {
      const seen = await get(target);
      const why = whyFenced(target, seen, raise, clock);
      if (why !== undefined) return { result: 'fenced', why, observed: observedFrom(seen) };
      try {
        await put(target, raised(target, raise), seen.revision);
        return { result: 'raised' };
      } catch (error) {
        if (nameOf(error) !== 'PreconditionFailedException' && !isPassing(error)) throw error;
        // The write may have arrived although its answer did not: the stamp tells.
        const observed = observedFrom(await get(target));
        return isSameStamp(observed.stamp, raise.write)
          ? { result: 'raised' }
          : { result: 'fenced', why: nameOf(error), observed };
      }
    },
    async revert(target, by): Promise<RevertedTarget> {
      const { first, seen } = await insist(target, async (now) => {
        if (now.stamp === undefined) await assertOwned(client, target, by.rolloutId);
        const way = wayOut(now, target, by);
        return 'write' in way ? way.write : undefined;
      });
      const share = ({ weights }: Observed) => weights[target.canary];
      const changed = first.primary !== seen.primary || share(first) !== share(seen);
      return {
        name: target.name,
        primary: seen.primary,
        changed,
        stranger: isStranger(seen.primary, target),
      };
    },
    async seal(target, by) {
      const { seen } = await insist(target, (now) => {
        if (now.stamp?.rolloutId !== by.rolloutId || !now.stamp.open) return undefined;
        return {
          primary: now.primary,
          weights: now.weights,
          stamp: { ...now.stamp, ...by, seq: now.stamp.seq + 1, open: false },
        };
      });
      return observedFrom(seen);
    },
  };
}

function raised(target: Target, { weight, write }: Raise): Routing {
  return weight === 100
    ? { primary: target.canary, weights: {}, stamp: write }
    : { primary: target.stable, weights: { [target.canary]: weight }, stamp: write };
}

/** Why this raise may not be written; undefined where it may. */
function whyFenced(
  target: Target,
  seen: Observed,
  { expect, expiresAt }: Raise,
  clock: Clock,
): string | undefined {
  if (!isSameStamp(seen.stamp, expect))
    return `its stamp is ${seen.stamp === undefined ? 'gone' : stampText(seen.stamp)}`;
  if (
    seen.primary !== target.stable ||
    Object.keys(seen.weights).some((version) => version !== target.canary)
  )
    return 'somebody else moved its traffic';
  if (clock.now() > expiresAt) return 'the raise came too late';
  return undefined;
}

function seenFrom({ FunctionVersion, RoutingConfig, Description, RevisionId }: AliasConfiguration): Seen {
  const weights = Object.entries(RoutingConfig?.AdditionalVersionWeights ?? {});
  return {
    primary: FunctionVersion ?? '',
    weights: Object.fromEntries(weights.map(([version, weight]) => [version, Math.round(weight * 100)])),
    stamp: stampFrom(Description),
    revision: RevisionId,
  };
}

function observedFrom({ primary, weights, stamp }: Observed): Observed {
  return { primary, weights, stamp };
}

function held(key: string, stamp: Stamp): RolloutError {
  return new RolloutError(
    'TargetInvalid',
    `${key} is being moved by rollout ${stamp.rolloutId}; wait for it to end or abort it.`,
    // Whoever asked may wait for that rollout instead of being refused.
    { cause: { heldBy: stamp.rolloutId } },
  );
}

/** A target without any stamp is only touched where its owner's tag says that it belongs to this service. */
async function assertOwned(client: LambdaClient, target: Target, rolloutId: string): Promise<void> {
  const { Tags } = await reach(target.key, () =>
    client.send(new GetFunctionCommand({ FunctionName: target.ref.functionName })),
  );
  const service = rolloutId.split('--')[0];
  if (Tags?.[SERVICE_TAG] !== service) {
    throw new RolloutError(
      'RevertFailed',
      `${target.key} carries neither a stamp of ${rolloutId} nor the tag ${SERVICE_TAG}=${service}, so it was left alone; look at this alias by hand.`,
    );
  }
}

async function resolve(
  client: LambdaClient,
  { name, service, spec, version }: TargetRequest,
): Promise<ResolvedTarget> {
  const { lambda = '', alias = '', source } = spec;
  const field = `targets.${name}`;
  const key = `lambda-alias:${lambda}:${alias}`;
  const canary = await functionAt(client, field, lambda, version);
  if (canary.tags[SERVICE_TAG] !== service) {
    throw invalid(
      field,
      `function ${lambda} carries ${canary.tags[SERVICE_TAG] === undefined ? 'no tag' : `the tag ${SERVICE_TAG}=${canary.tags[SERVICE_TAG]},`} where ${SERVICE_TAG}=${service} is needed; its owner must set it`,
    );
  }
  const seen = await aliasOf(client, field, lambda, alias);
  if (seen.primary === '$LATEST')
    throw invalid(
      field,
      `alias ${alias} of ${lambda} points at $LATEST, which cannot share traffic; point it at a published version`,
    );
  if (seen.stamp?.open) throw held(`${field}: ${key}`, seen.stamp);
  if (Object.keys(seen.weights).length > 0) {
    throw invalid(
      field,
      `alias ${alias} of ${lambda} already shares traffic between versions ${[seen.primary, ...Object.keys(seen.weights)].join(' and ')}; finish or undo that first`,
    );
  }
  await assertUnprovisioned(client, field, lambda, alias);
  const stable = await functionAt(client, field, lambda, seen.primary);
  assertPair(field, lambda, canary.configuration, stable.configuration);
  return {
    target: {
      name,
      kind: 'lambda-alias',
      key,
      ref: { functionName: lambda, alias },
      stable: seen.primary,
      canary: version,
      source: source === 'invoke' ? 'invoke' : 'http',
    },
    timeoutSeconds: canary.configuration.Timeout ?? 3,
    notices: [],
  };
}

async function functionAt(
  client: LambdaClient,
  field: string,
  lambda: string,
  version: string,
): Promise<{ configuration: FunctionConfiguration; tags: Record<string, string> }> {
  const read = (Qualifier?: string) =>
    reach(`function ${lambda}`, () =>
      client.send(
        new GetFunctionCommand({ FunctionName: lambda, ...(Qualifier === undefined ? {} : { Qualifier }) }),
      ),
    );
  try {
    const { Configuration = {}, Tags = {} } = await read(version);
    return { configuration: Configuration, tags: Tags };
  } catch (error) {
    if (nameOf(error) !== 'ResourceNotFoundException') throw error;
    const exists = await read().then(
      () => true,
      () => false,
    );
    throw invalid(
      field,
      exists
        ? `function ${lambda} has no version ${version}; publish it before its manifest is uploaded`
        : `there is no function ${lambda} in this account and region; check lambda`,
    );
  }
}

async function aliasOf(client: LambdaClient, field: string, lambda: string, alias: string): Promise<Seen> {
  try {
    return seenFrom(
      await reach(`alias ${alias}`, () =>
        client.send(new GetAliasCommand({ FunctionName: lambda, Name: alias })),
      ),
    );
  } catch (error) {
    if (nameOf(error) !== 'ResourceNotFoundException') throw error;
    throw invalid(
      field,
      `function ${lambda} has no alias ${alias}; create it on the version that serves now`,
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
  if (canary.State !== undefined && canary.State !== 'Active') {
    throw invalid(
      field,
      `version ${canary.Version} of ${lambda} is ${canary.State}${canary.StateReason === undefined ? '' : ` (${canary.StateReason})`}; upload the manifest once it is Active`,
    );
  }
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

function invalid(field: string, what: string): RolloutError {
  return new RolloutError('TargetInvalid', `${field}: ${what}.`);
}
