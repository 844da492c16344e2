import {
  type AliasConfiguration,
  GetAliasCommand,
  GetFunctionCommand,
  type LambdaClient,
  UpdateAliasCommand,
} from '@aws-sdk/client-lambda';
import {
  isOfAccount,
  isPassing,
  isThrottle,
  nameOf,
  patient,
  patiently,
  pauseOf,
  reach,
  rethrown,
  SERVICE_TAG,
  unavailable,
  wordsOf,
} from '../../adapters/_aws.ts';
import { RolloutError } from '../../core/errors.ts';
import type { Clock, Observed, Raise, RaiseResult, TrafficRouter } from '../../core/ports.ts';
import { claimOf } from '../../core/rollout/claim.ts';
import type { RevertedTarget } from '../../core/rollout/event.ts';
import {
  type FencingToken,
  isSameToken,
  SEQ_MAX,
  tokenFrom,
  tokenText,
} from '../../core/rollout/fencing-token.ts';
import { foreignShares, isForeign, revertPlan } from '../../core/rollout/revert-plan.ts';
import type { Target } from '../../core/target.ts';
import type { Instant, Percent } from '../../core/units.ts';
import { lambdaPin } from './pin.ts';
import { resolveLambda } from './resolve.ts';
import { functionOf, held } from './versions.ts';

/** Most tries of a revert, or of closing the fence, that each met another write in between. */
const FIGHTS_MAX = 10;

/** Pause after a write that AWS could not take, in the mean. */
const PAUSE_MS = 300;

/** How long a write goes on being tried that AWS cannot take just now, if nobody says until when: another change of the function takes seconds. */
const BUSY_MS = 3_000;

/** Tries that fit into the longest of these times. */
const BUSY_TRIES_MAX = 25;

/** How long a revert goes on asking where AWS has no room: most of the 10 s of its function, since each new start reads the alias again. */
const REVERT_MS = 7_000;

/** Looks at an alias before a revert or a claim believes that it is another rollout's: Lambda's reads may lag behind its writes (assumed: seconds at most; AWS promises nothing). */
const LOOKS_MAX = 4;

interface Routing {
  primary: string;
  weights: Record<string, Percent>;
  token: FencingToken;
}

type Seen = Observed & { revision: string | undefined };

/** Traffic between two versions of one Lambda function, by the weights of an alias; the alias' Description carries the fence. */
export function lambdaAlias(client: LambdaClient, clock: Clock): TrafficRouter {
  const get = async ({ ref, key }: Pick<Target, 'ref' | 'key'>, until?: Instant): Promise<Seen> => {
    const read = () => client.send(new GetAliasCommand({ FunctionName: ref.functionName, Name: ref.alias }));
    try {
      return seenFrom(await reach(key, () => patiently(key, clock, read, until)));
    } catch (error) {
      return rethrown(key, error);
    }
  };

  /** Always sends every field: an update without RoutingConfig would keep the old weights. The answer is the alias as it stands now. */
  const put = async (
    { ref }: Target,
    { primary, weights, token }: Routing,
    revision: string | undefined,
  ): Promise<AliasConfiguration> =>
    client.send(
      new UpdateAliasCommand({
        FunctionName: ref.functionName,
        Name: ref.alias,
        FunctionVersion: primary,
        RoutingConfig: {
          AdditionalVersionWeights: Object.fromEntries(
            Object.entries(weights).map(([version, weight]) => [version, weight / 100]),
          ),
        },
        Description: tokenText(token),
        RevisionId: revision,
      }),
    );

  /** Writes, and answers what stands there then: as the write itself answered, or read again where that does not say. `busy` is why AWS could not take it just now; `failed` is an error that does not pass by itself; `isRefused` if somebody else wrote since the read before, `isVersionGone` if the version does not exist. */
  const written = async (
    target: Target,
    routing: Routing,
    { revision }: Seen,
    until?: Instant,
  ): Promise<{
    seen: Seen;
    busy?: unknown;
    failed?: unknown;
    isRefused?: boolean;
    isVersionGone?: boolean;
  }> => {
    let busy: unknown;
    try {
      const answer = await patiently(target.key, clock, () => put(target, routing, revision), until);
      if (answer.FunctionVersion !== undefined) return { seen: seenFrom(answer) };
    } catch (error) {
      // AWS has had no capacity for seconds: let the caller retry later instead of piling on.
      if (isThrottle(error)) return reach(target.traits.noun, () => Promise.reject(error));
      // An alias that is gone is found out by reading it; if it is there, the version is not.
      if (nameOf(error) === 'ResourceNotFoundException')
        return { seen: await get(target, until), isVersionGone: true };
      // Lambda also refuses while another operation on the function is in progress.
      const isTaken = nameOf(error) === 'PreconditionFailedException';
      if (isTaken) return { seen: await get(target, until), isRefused: true };
      await clock.sleep(pauseOf(PAUSE_MS, target.key, clock.now()));
      if (!isBusy(error)) return { seen: await get(target, until), failed: error };
      busy = error;
    }
    return { seen: await get(target, until), busy };
  };

  /**
   * Reads, changes and writes until nobody writes in between. `change` answers undefined if nothing has to be written, and
   * `look` if that rests on a read that may lag behind. `before` is what each write replaced, or may have.
   * @throws RolloutError Unavailable if AWS could not take the write for all that time, AccountRefused, RevertFailed where others write on and on
   */
  const insist = async (
    target: Target,
    change: (
      seen: Seen,
      isLast: boolean,
    ) => Promise<Routing | undefined | 'look'> | Routing | undefined | 'look',
    until?: Instant,
  ): Promise<{ before: Seen[]; seen: Seen; isVersionGone?: boolean | undefined }> => {
    const patience = until ?? clock.now() + BUSY_MS;
    const before: Seen[] = [];
    let seen = await get(target, until);
    for (let fights = 0, looks = 1, tries = 1; ; tries++) {
      const routing = await change(seen, looks >= LOOKS_MAX);
      if (routing === undefined) return { before, seen };
      if (fights === FIGHTS_MAX) break;
      if (routing === 'look') {
        looks += 1;
        await clock.sleep(pauseOf(PAUSE_MS, target.key, clock.now()));
        seen = await get(target, until);
        continue;
      }
      // Who was faster once may have been read late; who goes on being faster needs time.
      if (fights > 1) await clock.sleep(pauseOf(PAUSE_MS, target.key, clock.now()));
      const wrote = await written(target, routing, seen, until);
      const mayStand = !wrote.isRefused && !wrote.isVersionGone && wrote.failed === undefined;
      if (mayStand) before.push(seen);
      seen = wrote.seen;
      if (wrote.isVersionGone) return { before, seen, isVersionGone: true };
      if (wrote.failed !== undefined) {
        // A second invocation of the same function may have done it meanwhile.
        if ((await change(seen, true)) === undefined) return { before, seen };
        return rethrown(target.traits.noun, wrote.failed);
      }
      if (wrote.busy === undefined) fights += 1;
      else if (clock.now() >= patience || tries === BUSY_TRIES_MAX)
        throw unavailable(
          `${target.traits.noun} could not be written just now: ${wordsOf(wrote.busy)}; it will be tried again.`,
          wrote.busy,
        );
    }
    throw new RolloutError(
      'RevertFailed',
      `${target.traits.noun} changed ${FIGHTS_MAX} times while it was being written; look who else moves this alias.`,
    );
  };

  /** An alias that is gone serves nobody, so there is nothing to be reverted; somebody else took it away. */
  const insistOrGone: typeof insist = async (...given) => {
    try {
      return await insist(...given);
    } catch (error) {
      if (nameOf(error) !== 'ResourceNotFoundException') throw error;
      const gone: Seen = { primary: 'none', weights: {}, token: undefined, revision: undefined };
      return { before: [], seen: gone };
    }
  };

  return {
    ...lambdaPin(client, clock),
    async has({ ref, key }, version) {
      try {
        const found = await patiently(key, clock, () => functionOf(client, ref.functionName ?? '', version));
        const { State } = found.configuration;
        return State === 'Failed' ? 'failed' : State === 'Inactive' ? 'inactive' : 'usable';
      } catch (error) {
        if (nameOf(error) !== 'ResourceNotFoundException') throw error;
        return 'gone';
      }
    },
    resolve: (request) =>
      resolveLambda(patient(`${request.service} ${request.name}`, client, clock), clock, request),
    observe: async (target, until) => observedFrom(await get(target, until)),
    async claim(target, token, isRepeated = false) {
      const { seen: claimed } = await insistOrGone(target, (seen, isLast) => {
        const claim = claimOf(seen, target, token, isRepeated);
        if (claim === 'stands') return undefined;
        if (claim !== 'may' && !isLast) return 'look';
        if (claim === 'held' && seen.token !== undefined) throw held(target.traits.noun, seen.token);
        if (claim === 'touched') throw touched(target, token);
        return { primary: seen.primary, weights: seen.weights, token };
      });
      if (claimed.revision === undefined)
        throw new RolloutError('TargetInvalid', `${target.traits.noun} is gone; create its alias again.`);
    },
    async raise(target, raise): Promise<RaiseResult> {
      const seen = await get(target);
      const why = whyFenced(target, seen, raise, clock);
      if (why !== undefined) return { result: 'fenced', why, observed: observedFrom(seen) };
      try {
        await put(target, raised(target, raise), seen.revision);
        return { result: 'raised' };
      } catch (error) {
        // Neither a write in between nor another change of the function nor the account is the release's fault: it comes again later.
        const isGone = nameOf(error) === 'ResourceNotFoundException';
        const isRefused = isGone || nameOf(error) === 'PreconditionFailedException';
        if (!isRefused && !isBusy(error) && !isOfAccount(error)) throw error;
        // The write may have arrived although its answer did not: the token tells.
        const observed = observedFrom(await get(target));
        if (isSameToken(observed.token, raise.write)) return { result: 'raised' };
        if (isGone)
          return {
            result: 'gone',
            why:
              raise.from === 100
                ? `version ${target.stable} of ${target.name} does not exist any more, so no traffic can go back to it`
                : `version ${target.canary} of ${target.name} does not exist any more, so it cannot get traffic; publish the code again and release that version`,
          };
        return { result: 'fenced', why: wordsOf(error), observed };
      }
    },
    async revert(target, by): Promise<RevertedTarget> {
      const change = async (now: Seen, isLast: boolean) => {
        if (now.token === undefined) await assertOwned(client, target, by.rolloutId);
        const plan = revertPlan(now, target, by);
        if ('write' in plan) return plan.write;
        return plan.leave === 'another rollout' && !isLast ? ('look' as const) : undefined;
      };
      const { before, seen, isVersionGone } = await insistOrGone(target, change, clock.now() + REVERT_MS);
      const share = ({ weights }: Observed) => weights[target.canary];
      const foreign = foreignShares(seen, target, by);
      const changed = before.some((each) => each.primary !== seen.primary || share(each) !== share(seen));
      return {
        name: target.name,
        primary: seen.primary,
        changed,
        drifted: isForeign(seen.primary, target),
        ...(isVersionGone && seen.primary === target.canary ? { isStableGone: true } : {}),
        ...(foreign === undefined ? {} : { foreign }),
      };
    },
    async closeFence(target, by) {
      const { seen } = await insist(target, (now) => {
        if (now.token?.rolloutId !== by.rolloutId || !now.token.open) return undefined;
        return {
          primary: now.primary,
          weights: now.weights,
          token: { ...now.token, ...by, seq: Math.min(SEQ_MAX, now.token.seq + 1), open: false },
        };
      });
      return observedFrom(seen);
    },
  };
}

/** True if the same write may be taken in a moment: Lambda refuses one while another change of the function is in progress (UpdateAlias API reference, ResourceConflictException). */
const isBusy = (error: unknown): boolean => nameOf(error) === 'ResourceConflictException' || isPassing(error);

function raised(target: Target, { weight, write }: Raise): Routing {
  return weight === 100
    ? { primary: target.canary, weights: {}, token: write }
    : { primary: target.stable, weights: { [target.canary]: weight }, token: write };
}

function touched({ key }: Target, { rolloutId }: FencingToken): RolloutError {
  return new RolloutError(
    'TargetInvalid',
    `${key} carries no token of ${rolloutId} and was written by somebody since that was opened; look who else writes this alias, then upload the release again under a new id.`,
  );
}

/** Why this raise may not be written; undefined if it may. */
function whyFenced(
  target: Target,
  seen: Observed,
  { expect, expiresAt, from }: Raise,
  clock: Clock,
): string | undefined {
  if (!isSameToken(seen.token, expect))
    return `its token is ${seen.token === undefined ? 'gone' : tokenText(seen.token)}`;
  const { [target.canary]: share = seen.primary === target.canary ? 100 : 0, ...others } = seen.weights;
  const primary = from === 100 ? target.canary : target.stable;
  if (seen.primary !== primary || share !== from || Object.keys(others).length > 0)
    return 'somebody else moved its traffic';
  if (clock.now() > expiresAt) return 'the raise came too late';
  return undefined;
}

function seenFrom({ FunctionVersion, RoutingConfig, Description, RevisionId }: AliasConfiguration): Seen {
  const weights = Object.entries(RoutingConfig?.AdditionalVersionWeights ?? {});
  return {
    primary: FunctionVersion ?? '',
    weights: Object.fromEntries(weights.map(([version, weight]) => [version, percentOf(weight)])),
    token: tokenFrom(Description),
    revision: RevisionId,
  };
}

/** Without what floating point adds, and with every part of a percent: a foreign weight is written back as it was. */
const percentOf = (weight: number): Percent => Math.round(weight * 1e12) / 1e10;

function observedFrom({ primary, weights, token }: Observed): Observed {
  return { primary, weights, token };
}

/** A target without any token is only touched where its owner's tag says that it belongs to this service. */
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
