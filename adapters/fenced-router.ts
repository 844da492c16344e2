import { RolloutError } from '../core/errors.ts';
import type { Clock, Observed, RaiseResult, TrafficRouter } from '../core/ports.ts';
import { claimOf } from '../core/rollout/claim.ts';
import type { RevertedTarget } from '../core/rollout/event.ts';
import { type FencingToken, isSameToken, SEQ_MAX } from '../core/rollout/fencing-token.ts';
import { type Routing, raisePlan } from '../core/rollout/raise-plan.ts';
import { foreignShares, isForeign, isGone, NOBODY, revertPlan } from '../core/rollout/revert-plan.ts';
import type { Target } from '../core/target.ts';
import type { Instant } from '../core/units.ts';
import {
  isOfAccount,
  isThrottle,
  patiently,
  pauseOf,
  reach,
  rethrown,
  unavailable,
  wordsOf,
} from './_aws.ts';

/** Most tries of a revert, or of closing the fence, that each met another write in between. */
const FIGHTS_MAX = 10;

/** Pause after a write that AWS could not take, in the mean. */
const PAUSE_MS = 300;

/** How long a write goes on being tried that AWS cannot take just now, if nobody says until when: another change of the function takes seconds. */
const BUSY_MS = 3_000;

/** Tries that fit into the longest of these times. */
const BUSY_TRIES_MAX = 25;

/** How long a revert goes on asking if AWS has no room: most of the 10 s of its function, since each new start reads the alias again. */
const REVERT_MS = 7_000;

/** Looks at a target before a revert or a claim believes that it is another rollout's: reads may lag behind writes (assumed: seconds at most; AWS promises nothing). */
const LOOKS_MAX = 4;

/** What was read of a target; `revision` is another one after every write, and `rest` is what else stands there, which its store alone understands. */
export type Seen = Observed & { revision: string | undefined; rest?: unknown };

/**
 * Why a write or read was refused: `gone` if the target or the version does not exist, `outdated` if somebody else wrote since the
 * read, `busy` if the same call may be taken in a moment; undefined if it will be refused again.
 */
type Refusal = 'gone' | 'outdated' | 'busy' | undefined;

/** What is read of a target that does not exist. */
const GONE: Seen = { primary: NOBODY, weights: {}, token: undefined, revision: undefined };

/** Where the routing and the token of a kind of target are kept: anything that takes a write only if nobody wrote since the read. */
export interface RoutingStore {
  /** @throws what its service answered */
  read(target: Pick<Target, 'ref' | 'key'>): Promise<Seen>;
  /** Writes all of it over what was read, and answers what stands there then, if the service says. @throws what its service answered */
  write(target: Target, routing: Routing, over: Seen): Promise<Seen | undefined>;
  refusalOf(error: unknown): Refusal;
  /** Whether a target without any token may be touched for this rollout. @throws RolloutError RevertFailed if not */
  assertOwned(target: Target, rolloutId: string): Promise<void>;
}

/** Moves the traffic of targets whose routing is kept in such a store, behind the fence of their tokens. */
export function fencedRouter(
  store: RoutingStore,
  clock: Clock,
): Pick<TrafficRouter, 'observe' | 'claim' | 'raise' | 'revert' | 'closeFence'> {
  /** A target that somebody took away serves nobody, which is drift like any other write, and no error. */
  const get = async (target: Pick<Target, 'ref' | 'key'>, until?: Instant): Promise<Seen> => {
    const { key } = target;
    try {
      return await reach(key, () => patiently(key, clock, () => store.read(target), until));
    } catch (error) {
      return store.refusalOf(error) === 'gone' ? GONE : rethrown(key, error);
    }
  };

  /** Writes, and answers what stands there then: as the write itself answered, or read again if that does not say. `busy` is why AWS could not take it just now; `failed` is an error that does not pass by itself; `isRefused` if somebody else wrote since the read before, `isVersionGone` if the version does not exist. */
  const written = async (
    target: Target,
    routing: Routing,
    over: Seen,
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
      const seen = await patiently(target.key, clock, () => store.write(target, routing, over), until);
      if (seen !== undefined) return { seen };
    } catch (error) {
      // AWS has had no capacity for seconds: let the caller retry later instead of piling on.
      if (isThrottle(error)) return reach(target.traits.noun, () => Promise.reject(error));
      const refusal = store.refusalOf(error);
      // A target that is gone is found out by reading it; if it is there as it was, the version is not. If not, it was made again meanwhile.
      if (refusal === 'gone') {
        const seen = await get(target, until);
        return seen.revision === over.revision ? { seen, isVersionGone: true } : { seen, isRefused: true };
      }
      if (refusal === 'outdated') return { seen: await get(target, until), isRefused: true };
      await clock.sleep(pauseOf(PAUSE_MS, target.key, clock.now()));
      if (refusal !== 'busy') return { seen: await get(target, until), failed: error };
      busy = error;
    }
    return { seen: await get(target, until), busy };
  };

  /**
   * Reads, changes and writes until nobody writes in between. `change` answers undefined if nothing has to be written, and
   * `look` if that rests on a read that may lag behind. `before` is what each write replaced, or may have.
   * @throws RolloutError Unavailable if AWS could not take the write for all that time, AccountRefused, RevertFailed if others write on and on
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
      const routing = isGone(seen) ? undefined : await change(seen, looks >= LOOKS_MAX);
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
        // A second invocation of the same function may have done it meanwhile, or somebody has taken the target away.
        if (isGone(seen) || (await change(seen, true)) === undefined) return { before, seen };
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
      `${target.traits.noun} changed ${FIGHTS_MAX} times while it was being written; look who else writes it.`,
    );
  };

  return {
    observe: async (target, until) => observedFrom(await get(target, until)),
    async claim(target, token, isRepeated = false) {
      const { seen: claimed } = await insist(target, (seen, isLast) => {
        const claim = claimOf(seen, target, token, isRepeated);
        if (claim === 'stands') return undefined;
        if (claim !== 'may' && !isLast) return 'look';
        if (claim === 'held' && seen.token !== undefined) throw held(target.traits.noun, seen.token);
        if (claim === 'touched') throw touched(target, token);
        return { primary: seen.primary, weights: seen.weights, token };
      });
      if (isGone(claimed))
        throw new RolloutError('TargetInvalid', `${target.traits.noun} is gone; create it again.`);
    },
    async raise(target, raise): Promise<RaiseResult> {
      const seen = await get(target);
      const plan = raisePlan(seen, target, raise, clock.now());
      if ('fenced' in plan) return { result: 'fenced', why: plan.fenced, observed: observedFrom(seen) };
      try {
        await store.write(target, plan.write, seen);
        return { result: 'raised' };
      } catch (error) {
        // Neither a write in between nor another change of the function nor the account is the release's fault: it comes again later.
        const refusal = store.refusalOf(error);
        if (refusal === undefined && !isOfAccount(error)) throw error;
        // The write may have arrived although its answer did not: the token tells.
        const now = await get(target);
        const observed = observedFrom(now);
        if (isSameToken(observed.token, raise.write)) return { result: 'raised' };
        if (refusal === 'gone' && now.revision === seen.revision)
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
        if (now.token === undefined) await store.assertOwned(target, by.rolloutId);
        const plan = revertPlan(now, target, by);
        if ('write' in plan) return plan.write;
        return plan.leave === 'another rollout' && !isLast ? ('look' as const) : undefined;
      };
      const { before, seen, isVersionGone } = await insist(target, change, clock.now() + REVERT_MS);
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

function touched({ key }: Target, { rolloutId }: FencingToken): RolloutError {
  return new RolloutError(
    'TargetInvalid',
    `${key} carries no token of ${rolloutId} and was written by somebody since that was opened; look who else writes it, then upload the release again under a new id.`,
  );
}

function observedFrom({ primary, weights, token }: Observed): Observed {
  return { primary, weights, token };
}

/** The error if another rollout moves the target; the caller may wait for it instead of being refused. */
export function held(key: string, token: FencingToken): RolloutError {
  return new RolloutError(
    'TargetInvalid',
    `${key} is being moved by rollout ${token.rolloutId}; wait for it to end or abort it.`,
    { cause: { heldBy: token.rolloutId } },
  );
}
