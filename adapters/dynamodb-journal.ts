import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { RolloutError } from '../core/errors.ts';
import type { Clock, HoldToken, Journal, RecentQuery, ServiceRecord, Waiting } from '../core/ports.ts';
import { bounded, bytesOf, OPENING_BYTES_MAX } from '../core/rollout/bounded.ts';
import type { Once } from '../core/rollout/command-request.ts';
import type { RolloutEvent } from '../core/rollout/event.ts';
import { serviceAfter } from '../core/rollout/service.ts';
import { evolve, fold, isEnded, type Rollout } from '../core/rollout/state.ts';
import { tableUnavailable } from './dynamodb-calls.ts';
import {
  eventFrom,
  eventItem,
  headItem,
  type Item,
  lockItem,
  rolloutFrom,
  tokenItem,
  usedFrom,
  usedItem,
} from './dynamodb-items.ts';
import { type Change, dynamodbStore, keyOf, type Refused, type Store, type Write } from './dynamodb-store.ts';
import { BY_RUNNING, BY_SERVICE, keys, PREFIX } from './dynamodb-table.ts';

/** Actions that one transaction takes (DynamoDB service quotas). */
const ACTIONS_MAX = 100;

/** Takers that may be first before taking tokens gives up; each one has woken somebody. */
const TAKES_MAX = 5;

const ABSENT = 'attribute_not_exists(#pk)';

/** The journal on one DynamoDB table; what stands where is in `dynamodb-table.ts`. */
export function dynamodbJournal(
  client: DynamoDBClient,
  { tableName, clock }: { tableName: string; clock: Clock },
): Journal {
  const store = dynamodbStore(client, tableName);
  return {
    async read(rolloutId) {
      const head = await store.get(keys.head(rolloutId));
      return head && rolloutFrom(head);
    },
    async events(rolloutId) {
      return (await store.list(keys.partition(rolloutId), PREFIX.event)).map(eventFrom);
    },
    async eventsAfter(rolloutId, after, limit) {
      const { items, isMore } = await store.page(keys.event(rolloutId, after), PREFIX.event, limit);
      return { events: items.map(eventFrom), isMore };
    },
    open: (events, decidedOn) => open(store, events.map(bounded), decidedOn),
    append: (rollout, events, once) => append(store, rollout, events.map(bounded), once),
    async used(onceId) {
      const item = await store.get(keys.once(onceId));
      return item && usedFrom(item);
    },
    async running() {
      const found = await store.getAll(await store.lately(BY_RUNNING, 'running', 'yes'));
      return found.map(rolloutFrom).filter((rollout) => !isEnded(rollout));
    },
    recent: (query) => recent(store, query),
    countRunning: async () => (await store.lately(BY_RUNNING, 'running', 'yes')).length,
    async service(name) {
      return serviceFrom(await store.get(keys.service(name)));
    },
    wait: (service, waiting) => wait(store, service, waiting),
    async unwait(service, release) {
      await store.update({
        update: keys.service(service),
        change: 'REMOVE #waiting, #waitingRelease, #gaveWay',
        when: '#waitingRelease = :release',
        values: { ':release': release },
      });
    },
    lift: (service, release) => lift(store, service, release),
    async putToken(rolloutId, token) {
      const item = tokenItem(rolloutId, token, clock.now());
      // A token that is not forgotten now is at the next put, so that failing at it is no reason to fail a hold.
      const forgotten = forget(store, rolloutId, token.version).catch(() => {});
      await Promise.all([store.put(item), forgotten]);
    },
    takeTokens: (rolloutId) => takeTokens(store, tableName, rolloutId),
  };
}

async function recent(store: Store, { service, before, limit }: RecentQuery): Promise<Rollout[]> {
  const last = before === undefined ? undefined : await store.get(keys.head(before));
  // What has expired was the oldest of all.
  if (before !== undefined && last?.service !== service) return [];
  const found = await store.newest({ index: BY_SERVICE, attribute: 'service', range: 'openedAt' }, service, {
    limit,
    after: last,
  });
  return (await store.getAll(found)).map(rolloutFrom);
}

async function open(
  store: Store,
  events: RolloutEvent[],
  decidedOn: ServiceRecord | undefined,
): ReturnType<Journal['open']> {
  const rollout = fold(events);
  if (rollout === undefined) throw new Error('A rollout cannot be opened without an event.');
  const { rolloutId, service, targets } = rollout.opening;
  checkSize(rollout);
  const head = { put: headItem(rollout, events), when: ABSENT };
  const locked = isEnded(rollout) ? [] : [...new Set(targets.map(({ key }) => key))];
  const locks = locked.map((key) => ({
    put: lockItem(rolloutId, key),
    when: `${ABSENT} OR #rolloutId = :me`,
    values: { ':me': rolloutId },
  }));
  const checks = decidedOn === undefined ? [] : [memoryCheck(service, decidedOn)];
  const refused = await store.transact([...eventWrites(rollout, 0, events), head, ...locks, ...checks]);
  if (refused.length === 0) return { result: 'opened', rollout: rolloutFrom(head.put) };
  const present = foundBy(refused, head);
  if (present !== undefined) return { result: 'exists', rollout: rolloutFrom(present) };
  const by = locks.map((lock) => foundBy(refused, lock)?.rolloutId).find((holder) => holder !== undefined);
  if (by !== undefined) return { result: 'locked', by: String(by) };
  if (refused.some(({ write }) => checks.some((check) => check === write))) return { result: 'outdated' };
  throw new RolloutError(
    'OpeningRefused',
    `The journal has events of ${rolloutId} but no head; upload the release again under a new release id.`,
  );
}

async function append(
  store: Store,
  before: Rollout,
  events: RolloutEvent[],
  once: Once | undefined,
): Promise<Rollout> {
  const { rolloutId } = before.opening;
  const uses = once === undefined ? [] : [{ put: usedItem(once, rolloutId), when: ABSENT }];
  if (events.length === 0) {
    const present = unchanged(before, await store.get(keys.head(rolloutId)));
    if (uses.length > 0 && (await store.transact(uses)).length > 0) throw repeated(rolloutId);
    return present;
  }
  const after = events.reduce<Rollout>(evolve, before);
  const head = {
    put: headItem(after, events),
    when: '#version = :version',
    values: { ':version': before.version },
  };
  const isEnding = isEnded(after) && !isEnded(before);
  let locks = isEnding ? lockWrites(after) : [];
  for (;;) {
    const memory = isEnding ? [await remembering(store, after)] : [];
    const refused = await store.transact([
      ...eventWrites(after, before.version, events),
      head,
      ...locks,
      ...memory,
      ...uses,
    ]);
    if (refused.length === 0) return rolloutFrom(head.put);
    if (refused.some(({ write }) => uses.some((each) => each === write))) throw repeated(rolloutId);
    const isOurs = refused.every(
      ({ write }) => locks.includes(write) || memory.some((each) => each === write),
    );
    if (!isOurs)
      throw conflict(before, refused.some(({ write }) => write === head) ? foundBy(refused, head) : {});
    // A lock that belongs to another rollout by now is left alone; it must not keep this one from ending.
    locks = locks.filter((write) => !refused.some((each) => each.write === write));
  }
}

async function remembering(store: Store, ended: Rollout): Promise<Change> {
  const { service } = ended.opening;
  const item = await store.get(keys.service(service));
  return memoryWrite(service, serviceAfter(serviceFrom(item), ended), item);
}

function eventWrites(rollout: Rollout, version: number, events: RolloutEvent[]): Write[] {
  return events.map((event, index) => ({
    put: eventItem(rollout, version + index + 1, event),
    when: ABSENT,
  }));
}

/** What the end of a rollout does besides: its locks go. */
function lockWrites({ opening }: Rollout): Write[] {
  const { rolloutId, targets } = opening;
  const locks = [...new Set(targets.map(({ key }) => key))].map((key) => ({
    delete: keys.lock(key),
    when: `${ABSENT} OR #rolloutId = :me`,
    values: { ':me': rolloutId },
  }));
  return locks;
}

/** What the service remembers of an ended rollout, written over what was read and nothing newer. */
function memoryWrite(service: string, record: ServiceRecord, item: Item | undefined): Change {
  const { waiting: _, seq: __, ...memory } = record;
  const { seq = 0 } = serviceFrom(item);
  return {
    update: keys.service(service),
    change: 'SET #memory = :memory, #memorySeq = :next',
    when: 'attribute_not_exists(#memorySeq) OR #memorySeq = :seq',
    values: {
      ':memory': JSON.stringify(memory),
      ':next': seq + 1,
      ':seq': seq,
    },
  };
}

/** Holds while a service remembers what it did; nobody but a rollout's end and `lift` changes that. */
function memoryCheck(service: string, { seq }: ServiceRecord): Write {
  const check = keys.service(service);
  return seq === undefined
    ? { check, when: 'attribute_not_exists(#memorySeq)' }
    : { check, when: '#memorySeq = :seq', values: { ':seq': seq } };
}

/** Changes what a service remembers until nobody writes in between. */
async function lift(store: Store, service: string, release: string): Promise<void> {
  for (let tries = 0; tries < TAKES_MAX; tries++) {
    const item = await store.get(keys.service(service));
    const record = serviceFrom(item);
    const kept = record.quarantined?.filter((each) => each.release !== release);
    const written = await store.update(memoryWrite(service, { ...record, quarantined: kept }, item));
    if ('before' in written) return;
  }
  throw tableUnavailable(service, 'others wrote its record');
}

function unchanged(before: Rollout, head: Item | undefined): Rollout {
  if (head === undefined || head.version !== before.version) throw conflict(before, head);
  return rolloutFrom(head);
}

function repeated(rolloutId: string): RolloutError {
  return new RolloutError(
    'CommandRepeated',
    `This command to ${rolloutId} can be given once, and was given before.`,
  );
}

function conflict({ opening, version }: Rollout, head: Item | undefined): RolloutError {
  const { rolloutId } = opening;
  if (head === undefined)
    return new RolloutError('RolloutUnknown', `Rollout ${rolloutId} is not in the journal; check its id.`);
  return new RolloutError(
    'JournalConflict',
    `${rolloutId} is at version ${head.version ?? 'another'}, not ${version}; read it again and decide again.`,
  );
}

const foundBy = (refused: Refused[], write: Write) => refused.find((each) => each.write === write)?.found;

/** @throws RolloutError OpeningRefused if what a release carries would leave its rollout no room */
function checkSize(rollout: Rollout): void {
  const bytes = bytesOf(rollout);
  if (bytes <= OPENING_BYTES_MAX) return;
  throw new RolloutError(
    'OpeningRefused',
    `${rollout.opening.rolloutId} would take ${bytes} bytes in the journal, and at most ${OPENING_BYTES_MAX} leave it room for its history; shorten its smoke checks, or release its targets in groups.`,
  );
}

function serviceFrom(item: Item | undefined): ServiceRecord {
  const parsed = (text: unknown) => (text === undefined ? undefined : JSON.parse(String(text)));
  const seq = item?.memorySeq === undefined ? undefined : Number(item.memorySeq);
  return { ...parsed(item?.memory), waiting: parsed(item?.waiting), seq };
}

/** One write, which also keeps who gave way: a call whose answer was lost is answered the same when it is made again. */
async function wait(store: Store, service: string, waiting: Waiting): Promise<{ superseded?: Waiting }> {
  const written = await store.update({
    update: keys.service(service),
    change:
      'SET #gaveWay = if_not_exists(#waiting, :nobody), #waiting = :waiting, #waitingRelease = :release',
    when: 'attribute_not_exists(#waiting) OR #waiting <> :waiting',
    values: { ':waiting': JSON.stringify(waiting), ':release': waiting.release, ':nobody': '' },
  });
  const text = 'before' in written ? written.before?.waiting : written.refused?.gaveWay;
  const gaveWay = text ? (JSON.parse(String(text)) as Waiting) : undefined;
  return gaveWay === undefined || gaveWay.release === waiting.release ? {} : { superseded: gaveWay };
}

const tokensOf = (store: Store, rolloutId: string) => store.list(keys.partition(rolloutId), PREFIX.token);

async function forget(store: Store, rolloutId: string, version: number): Promise<void> {
  const older = (await tokensOf(store, rolloutId)).filter((item) => Number(item.version) < version);
  await Promise.all(older.map((item) => store.delete(keyOf(item))));
}

/** Deleted in one transaction, so that each token has one taker, even if the answer to the taker was lost on the way. */
async function takeTokens(store: Store, tableName: string, rolloutId: string): Promise<HoldToken[]> {
  for (let takes = 0; takes < TAKES_MAX; takes++) {
    const found = (await tokensOf(store, rolloutId)).slice(-ACTIONS_MAX);
    if (found.length === 0) return [];
    const refused = await store.transact(
      found.map((item) => ({ delete: keyOf(item), when: 'attribute_exists(#pk)' })),
    );
    if (refused.length === 0) return newest(found);
  }
  throw tableUnavailable(tableName, `others took the tokens of ${rolloutId}`);
}

function newest(items: Item[]): HoldToken[] {
  const tokens = items.map(({ version, token }) => ({ version: Number(version), token: String(token) }));
  const last = Math.max(...tokens.map(({ version }) => version));
  return tokens.filter(({ version }) => version === last);
}
