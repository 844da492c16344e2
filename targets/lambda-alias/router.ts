import {
  type AliasConfiguration,
  GetAliasCommand,
  GetFunctionCommand,
  type LambdaClient,
  UpdateAliasCommand,
} from '@aws-sdk/client-lambda';
import { isPassing, nameOf, patient, patiently, reach, SERVICE_TAG } from '../../adapters/_aws.ts';
import { fencedRouter, type RoutingStore, type Seen } from '../../adapters/fenced-router.ts';
import { RolloutError } from '../../core/errors.ts';
import type { Clock, TrafficRouter } from '../../core/ports.ts';
import type { Target } from '../../core/target.ts';
import type { Percent } from '../../core/units.ts';
import { describedBy, descriptionOf } from './led.ts';
import { lambdaPin } from './pin.ts';
import { resolveLambda } from './resolve.ts';
import { functionOf, usability } from './versions.ts';

/** What a move takes of the calls that Lambda's control plane has for everybody (Lambda quotas, "Lambda API requests"). */
const CALLS: TrafficRouter['calls'] = {
  // Alias, provisioned concurrency, two listings of event sources, and a claim's read and write; behind a site the alias of the candidate besides.
  opening: ({ behind }) => (behind === undefined ? 6 : 7),
  // It reads its alias and writes it.
  raise: 2,
  // It creates the pin of its stable version besides.
  promotion: 3,
  // It reads its alias twice and writes it, and reads and deletes the pin.
  close: 5,
};

/** Traffic between two versions of one Lambda function, by the weights of an alias; the alias' Description carries the fence. */
export function lambdaAlias(client: LambdaClient, clock: Clock): TrafficRouter {
  return {
    calls: CALLS,
    ...fencedRouter(aliasStore(client), clock),
    ...lambdaPin(client, clock),
    async has({ ref, key }, version) {
      try {
        const found = await patiently(key, clock, () => functionOf(client, ref.functionName ?? '', version));
        return usability(found.configuration);
      } catch (error) {
        if (nameOf(error) !== 'ResourceNotFoundException') throw error;
        return 'gone';
      }
    },
    resolve: (request) =>
      resolveLambda(patient(`${request.service} ${request.name}`, client, clock), clock, request),
  };
}

function aliasStore(client: LambdaClient): RoutingStore {
  return {
    async read({ ref }) {
      return seenFrom(
        ref,
        await client.send(new GetAliasCommand({ FunctionName: ref.functionName, Name: ref.alias })),
      );
    },
    /** Always sends every field: an update without RoutingConfig would keep the old weights. */
    async write({ ref }, { primary, weights, token }, { revision }) {
      const answer = await client.send(
        new UpdateAliasCommand({
          FunctionName: ref.functionName,
          Name: ref.alias,
          FunctionVersion: primary,
          RoutingConfig: {
            AdditionalVersionWeights: Object.fromEntries(
              Object.entries(ref.behind === undefined ? weights : {}).map(([version, weight]) => [
                version,
                weight / 100,
              ]),
            ),
          },
          Description: descriptionOf(token, ref.behind === undefined ? undefined : weights),
          RevisionId: revision,
        }),
      );
      return answer.FunctionVersion === undefined ? undefined : seenFrom(ref, answer);
    },
    refusalOf(error) {
      const name = nameOf(error);
      if (name === 'ResourceNotFoundException') return 'gone';
      if (name === 'PreconditionFailedException') return 'outdated';
      // Lambda refuses a write while another change of the function is in progress (UpdateAlias API reference).
      return name === 'ResourceConflictException' || isPassing(error) ? 'busy' : undefined;
    },
    assertOwned: (target, rolloutId) => assertOwned(client, target, rolloutId),
  };
}

function seenFrom(
  { behind }: Target['ref'],
  { FunctionVersion, RoutingConfig, Description, RevisionId }: AliasConfiguration,
): Seen {
  const { token, led } = describedBy(Description);
  const weights = Object.entries(RoutingConfig?.AdditionalVersionWeights ?? {});
  return {
    primary: FunctionVersion ?? '',
    weights: {
      ...(behind === undefined ? {} : led),
      ...Object.fromEntries(weights.map(([version, weight]) => [version, percentOf(weight)])),
    },
    token,
    revision: RevisionId,
  };
}

/** Without what floating point adds, and with every part of a percent: a foreign weight is written back as it was. */
const percentOf = (weight: number): Percent => Math.round(weight * 1e12) / 1e10;

/** A target without any token is only touched if its owner's tag says that it belongs to this service. */
async function assertOwned(client: LambdaClient, target: Target, rolloutId: string): Promise<void> {
  const { Tags } = await reach(target.traits.noun, () =>
    client.send(new GetFunctionCommand({ FunctionName: target.ref.functionName })),
  );
  const service = rolloutId.split('--')[0];
  if (Tags?.[SERVICE_TAG] !== service) {
    throw new RolloutError(
      'RevertFailed',
      `${target.traits.noun} carries neither a token of ${rolloutId} nor the tag ${SERVICE_TAG}=${service}, so it was left alone; look at this alias by hand.`,
    );
  }
}
