import { isOfAccount, isPassing, nameOf, patiently, pauseOf, reach, wordsOf } from '../../adapters/_aws.ts';
import { fencedRouter, type RoutingStore } from '../../adapters/fenced-router.ts';
import { type StoreCalls, versioned } from '../../adapters/key-value-store.ts';
import { RolloutError } from '../../core/errors.ts';
import type { Clock, PinResult, TrafficRouter } from '../../core/ports.ts';
import { pinFrom, pinText } from '../../core/rollout/pin.ts';
import { OWNER_KEY, ownerFrom } from '../../core/site/owner.ts';
import type { Target } from '../../core/target.ts';
import { isAbsent, listKeyOf } from './files.ts';
import { resolveSite } from './resolve.ts';
import type { SiteClients } from './site.ts';
import { type Stored, seenFrom, storedFrom, VALUE_KEY, valueWith } from './value.ts';

/** The key that says which release a revert may need while nothing else names it, for whoever removes old ones. */
const PIN_KEY = 'spillway-pin';

/** Most writes of a pin that each met another one. */
const FIGHTS_MAX = 5;

/** No call takes anything of Lambda's control plane. */
const CALLS: TrafficRouter['calls'] = { opening: () => 0, raise: 0, promotion: 0, close: 0 };

/** Visitors of a site between two releases, by one key of its store; the value of that key carries the fence. */
export function siteRouter(clients: SiteClients, clock: Clock): TrafficRouter {
  const { stores, s3 } = clients;
  const has: TrafficRouter['has'] = async ({ ref: { bucket = '' }, key }, release) => {
    try {
      const list = { bucket, key: listKeyOf(release) };
      await reach(key, () => patiently(key, clock, () => s3.headObject(list)));
      return 'usable';
    } catch (error) {
      if (!isAbsent(error)) throw error;
      return 'gone';
    }
  };
  return {
    calls: CALLS,
    ...fencedRouter(siteStore(stores), clock),
    ...sitePin(stores, clock, has),
    has,
    resolve: (request) => resolveSite(clients, clock, request),
  };
}

function siteStore(stores: StoreCalls): RoutingStore {
  return {
    async read({ ref: { store = '' } }) {
      const { etag, value } = await versioned(stores, store, VALUE_KEY);
      const stored = storedFrom(value);
      // The edge leads nobody by what it cannot read.
      if (stored === undefined)
        throw Object.assign(new Error(`${VALUE_KEY} holds no release`), {
          name: 'ResourceNotFoundException',
          $metadata: { httpStatusCode: 404 },
        });
      return seenFrom(stored, etag);
    },
    async write(target, routing, { revision = '', rest }) {
      const { store = '' } = target.ref;
      const value = valueWith(rest as Stored, routing, target);
      await stores.update(store, revision, { puts: [{ key: VALUE_KEY, value }] });
      return undefined;
    },
    refusalOf(error) {
      const name = nameOf(error);
      if (name === 'ResourceNotFoundException') return 'gone';
      if (isOutdated(error)) return 'outdated';
      return isPassing(error) ? 'busy' : undefined;
    },
    async assertOwned({ ref: { store = '' }, traits: { noun } }, rolloutId) {
      const service = rolloutId.split('--')[0];
      const owner = ownerFrom(await reach(noun, () => stores.get(store, OWNER_KEY)));
      if ('fault' in owner || owner.service !== service)
        throw new RolloutError(
          'RevertFailed',
          `${noun} carries no token of ${rolloutId}, and its key ${OWNER_KEY} does not name ${service}, so it was left alone; look at this store by hand.`,
        );
    },
  };
}

/** How a stale version is refused: AWS documents both names, and says of neither what it is for (API reference, UpdateKeys). */
function isOutdated(error: unknown): boolean {
  if (nameOf(error) === 'ConflictException') return true;
  return nameOf(error) === 'ValidationException' && /if-?match|etag|pre-?condition/i.test(wordsOf(error));
}

/** Keeps the stable release by a key of its own in the site's store. */
function sitePin(
  stores: StoreCalls,
  clock: Clock,
  has: TrafficRouter['has'],
): Pick<TrafficRouter, 'pin' | 'unpin'> {
  const standing = async (store: string): Promise<string | undefined> => {
    try {
      return await stores.get(store, PIN_KEY);
    } catch (error) {
      if (nameOf(error) !== 'ResourceNotFoundException') throw error;
      return undefined;
    }
  };

  /** Changes the pin until nobody writes in between; `change` answers undefined if nothing has to be written. */
  const insist = async (
    { key, ref: { store = '' }, traits: { noun } }: Target,
    change: (before: string | undefined) => { value?: string } | undefined,
  ): Promise<void> => {
    for (let fights = 1; ; fights++) {
      try {
        const { etag } = await stores.describe(store);
        const to = change(await standing(store));
        if (to === undefined) return;
        const { value } = to;
        return await stores.update(
          store,
          etag,
          value === undefined ? { deletes: [PIN_KEY] } : { puts: [{ key: PIN_KEY, value }] },
        );
      } catch (error) {
        if (isOfAccount(error)) throw error;
        if (fights === FIGHTS_MAX || !(isOutdated(error) || isPassing(error)))
          return reach(`pin of ${noun}`, () => Promise.reject(error));
        await clock.sleep(pauseOf(100, key, clock.now()));
      }
    }
  };

  return {
    async pin(target, rolloutId): Promise<PinResult> {
      if ((await has(target, target.stable)) === 'gone') return { result: 'gone' };
      const value = `${target.stable} ${pinText(rolloutId)}`;
      try {
        await insist(target, (before) => (before === value ? undefined : { value }));
        return { result: 'pinned' };
      } catch (error) {
        if (!isOfAccount(error)) throw error;
        return { result: 'refused', why: wordsOf(error) };
      }
    },
    unpin: (target, rolloutId) =>
      insist(target, (before = '') =>
        pinFrom(before.slice(before.indexOf(' ') + 1)) === rolloutId ? {} : undefined,
      ),
  };
}
