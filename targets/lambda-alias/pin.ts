import { createHash } from 'node:crypto';
import {
  type AliasConfiguration,
  CreateAliasCommand,
  DeleteAliasCommand,
  GetAliasCommand,
  type LambdaClient,
  UpdateAliasCommand,
} from '@aws-sdk/client-lambda';
import { isPassing, nameOf, patiently, reach, unavailable, wordsOf } from '../../adapters/_aws.ts';
import { RolloutError } from '../../core/errors.ts';
import type { Clock, PinResult, TrafficRouter } from '../../core/ports.ts';
import { pinFrom, pinText } from '../../core/rollout/pin.ts';
import type { Target } from '../../core/target.ts';

/** Longest name of an alias (Lambda API reference, CreateAlias). */
const NAME_MAX = 128;
const PREFIX = 'spillway-stable-';
/** Digits that tell long names apart once they are cut. */
const DIGITS = 16;

/** The alias that pins the stable version of a target's alias: one for each, since two aliases of one function may roll out at once. */
export function pinNameOf(alias: string): string {
  const name = `${PREFIX}${alias}`;
  if (name.length <= NAME_MAX) return name;
  const digest = createHash('sha256').update(alias).digest('hex').slice(0, DIGITS);
  return `${name.slice(0, NAME_MAX - DIGITS - 1)}-${digest}`;
}

/** Looks at a pin that exists already before it is left for later. */
const LOOKS_MAX = 3;

/** Keeps the stable version of a target by an alias of its own, whose Description says for which rollout. */
export function lambdaPin(client: LambdaClient, clock: Clock): Pick<TrafficRouter, 'pin' | 'unpin'> {
  const named = ({ ref }: Target) => ({ FunctionName: ref.functionName, Name: pinNameOf(ref.alias ?? '') });

  const find = async (target: Target): Promise<AliasConfiguration | undefined> => {
    try {
      return await patiently(target.key, clock, () => client.send(new GetAliasCommand(named(target))));
    } catch (error) {
      if (nameOf(error) === 'ResourceNotFoundException') return undefined;
      throw error;
    }
  };

  /** Makes the pin that exists this rollout's: one that a dead rollout has left is taken over. `undefined` if it has to be tried again. */
  const takeOver = async (target: Target, rolloutId: string): Promise<PinResult | undefined> => {
    const present = await find(target);
    if (present === undefined) return undefined;
    const owner = pinFrom(present.Description);
    const { FunctionName, Name } = named(target);
    if (owner === undefined)
      return {
        result: 'refused',
        why: `alias ${Name} of ${FunctionName} exists and is not Spillway's; rename or delete it`,
      };
    if (owner === rolloutId && present.FunctionVersion === target.stable) return { result: 'pinned' };
    try {
      const update = new UpdateAliasCommand({
        FunctionName,
        Name,
        FunctionVersion: target.stable,
        RoutingConfig: { AdditionalVersionWeights: {} },
        Description: pinText(rolloutId),
        RevisionId: present.RevisionId,
      });
      await patiently(target.key, clock, () => client.send(update));
      return { result: 'pinned' };
    } catch (error) {
      // Its own write may have arrived although its answer did not; reading it again tells.
      if (nameOf(error) === 'PreconditionFailedException') return undefined;
      throw error;
    }
  };

  return {
    async pin(target, rolloutId) {
      const alias = {
        ...named(target),
        FunctionVersion: target.stable,
        Description: pinText(rolloutId),
      };
      try {
        for (let looks = 0; looks < LOOKS_MAX; looks++) {
          try {
            await patiently(target.key, clock, () => client.send(new CreateAliasCommand(alias)));
            return { result: 'pinned' };
          } catch (error) {
            // It exists, or another change of the function is in progress (CreateAlias API reference).
            if (nameOf(error) !== 'ResourceConflictException') throw error;
            const taken = await takeOver(target, rolloutId);
            if (taken !== undefined) return taken;
          }
        }
      } catch (error) {
        return refusal(target, error);
      }
      throw new RolloutError(
        'Unavailable',
        `the pin of ${target.traits.noun} could not be written just now; it will be tried again.`,
      );
    },
    async unpin(target, rolloutId) {
      await reach(`the pin of ${target.traits.noun}`, async () => {
        const present = await find(target);
        // What another rollout has taken over is not ours to remove.
        if (pinFrom(present?.Description) !== rolloutId) return;
        await patiently(target.key, clock, () => client.send(new DeleteAliasCommand(named(target))));
      });
    },
  };
}

/** What a refused pin means. @throws RolloutError Unavailable if it passes by itself; what is no error of AWS goes on as it is */
function refusal({ key }: Target, error: unknown): PinResult {
  // The alias does not exist yet, so it is the version, or the whole function.
  if (nameOf(error) === 'ResourceNotFoundException') return { result: 'gone' };
  if (isPassing(error) || nameOf(error) === 'ResourceConflictException')
    throw unavailable(
      `the pin of ${key} could not be written just now: ${wordsOf(error)}; it will be tried again.`,
      error,
    );
  if (!Object.hasOwn(Object(error), '$metadata')) throw error;
  return { result: 'refused', why: wordsOf(error) };
}
