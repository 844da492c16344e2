import {
  type DeleteKeyRequest,
  type DeleteKeyResponse,
  DescribeKeyValueStoreCommand,
  type DescribeKeyValueStoreRequest,
  type DescribeKeyValueStoreResponse,
  GetKeyCommand,
  type GetKeyRequest,
  type GetKeyResponse,
  type ListKeysRequest,
  type ListKeysResponse,
  type PutKeyRequest,
  type PutKeyResponse,
  UpdateKeysCommand,
  type UpdateKeysRequest,
  type UpdateKeysResponse,
} from '@aws-sdk/client-cloudfront-keyvaluestore';
import type { StoreCalls } from '../../adapters/key-value-store.ts';
import type { Instant } from '../../core/units.ts';
import type { WorldClock } from '../clock.ts';
import { LATENCY_MS } from '../latency.ts';
import { awsError, type Operations, onlyFields } from '../sdk.ts';

/** Largest key, value and store, in bytes (CloudFront quotas, "Quotas on key value stores"). */
const KEY_BYTES_MAX = 512;
const VALUE_BYTES_MAX = 1_024;
const STORE_BYTES_MAX = 5 * 1024 * 1024;
/** Most keys, and most bytes, of one UpdateKeys (the same page). */
const UPDATE_KEYS_MAX = 50;
const UPDATE_BYTES_MAX = 3 * 1024 * 1024;
/** Keys on a page of ListKeys, and the most of them (ListKeys API reference). */
const PAGE = 10;
const PAGE_MAX = 50;

const ARN = /^arn:aws:cloudfront::\d{12}:key-value-store\/[\w-]+$/;

/** A value from some moment on; undefined of a key that was deleted. */
interface Version {
  at: Instant;
  value: string | undefined;
}

interface Store {
  arn: string;
  name: string;
  createdAt: Instant;
  modifiedAt: Instant;
  writes: number;
  pairs: Map<string, string>;
  /** What the edge has read or may still read of each key, oldest first. */
  history: Map<string, Version[]>;
}

/** A write that was taken: what stood in the store before and after it. */
interface StoreWrite {
  arn: string;
  name: string;
  before: ReadonlyMap<string, string>;
  after: ReadonlyMap<string, string>;
  /** The ETag that it replaced, and whether its writer had asked for that one. */
  replaced: string;
  isConditional: boolean;
}

/** Named as the operation is called, whose input is the name of a store. */
class FindStoreCommand {
  readonly input: { Name: string };

  constructor(input: { Name: string }) {
    this.input = input;
  }
}

/** The controller's calls of stores, sent to a simulated one. */
export function storeCalls(client: { send(command: { input: object }): Promise<object> }): StoreCalls {
  const send = async <Answer>(command: { input: object }) => (await client.send(command)) as Answer;
  const entry: StoreCalls['entry'] = async (KvsARN, Key) => {
    const { Value: value = '', TotalSizeInBytes: bytes = 0 } = await send<GetKeyResponse>(
      new GetKeyCommand({ KvsARN, Key }),
    );
    return { value, bytes };
  };
  return {
    async find(Name) {
      return (await send<{ ARN: string }>(new FindStoreCommand({ Name }))).ARN;
    },
    async describe(KvsARN) {
      const { ETag: etag = '', TotalSizeInBytes: bytes = 0 } = await send<DescribeKeyValueStoreResponse>(
        new DescribeKeyValueStoreCommand({ KvsARN }),
      );
      return { etag, bytes };
    },
    entry,
    get: async (arn, key) => (await entry(arn, key)).value,
    async update(KvsARN, IfMatch, { puts = [], deletes = [] }) {
      await client.send(
        new UpdateKeysCommand({
          ...{ KvsARN, IfMatch, Puts: puts.map(({ key, value }) => ({ Key: key, Value: value })) },
          ...(deletes.length === 0 ? {} : { Deletes: deletes.map((Key) => ({ Key })) }),
        }),
      );
    },
  };
}

/** What a store's owner, the edge and whoever watches may do without the API. */
interface Helpers {
  /** Makes a store, as its owner's infrastructure does; answers its ARN. */
  create(name: string, pairs?: Record<string, string>): string;
  /** Takes a store away. */
  remove(name: string): void;
  /** Writes pairs as somebody else would who asks nobody; `undefined` deletes. */
  put(name: string, pairs: Record<string, string | undefined>): void;
  /** True if there is a store of this name. */
  isStore(name: string): boolean;
  /** What stands under a key; undefined if nothing does. @throws Error if there is no such store */
  value(name: string, key: string): string | undefined;
  etag(name: string): string;
  /** What functions at the edge read under a key now: what was written an assumed time ago, or where one edge location is nearer, so long ago. */
  atEdge(name: string, key: string, delayMs?: number): string | undefined;
  /** Takes all stores away, or gives them back: for whoever calls, or for the edge as well. */
  away(from: 'callers' | 'all' | 'nobody'): void;
  /** The name of the store with this ARN. */
  nameOf(arn: string | undefined): string | undefined;
}

/**
 * CloudFront's KeyValueStore: its API for the pairs of a store, and what the edge reads of them later. A write names the ETag that it
 * rests on; that a stale one is a ConflictException is what MiniStack 1.5.33 answers, and assumed of AWS.
 */
export class SimulatedKeyValueStore {
  readonly #stores = new Map<string, Store>();
  readonly #clock: WorldClock;
  readonly #account: string;
  #away: 'callers' | 'all' | 'nobody' = 'nobody';
  /** Hear of each change: the traffic of the edge, and whoever watches. */
  onTaken: (name: string) => void = () => {};
  onWrite: (write: StoreWrite) => void = () => {};

  constructor(world: { clock: WorldClock; account: string }) {
    this.#clock = world.clock;
    this.#account = world.account;
  }

  readonly operations = {
    /** CloudFront's own call by a store's name, which is no call of the store; an own name, since both are called DescribeKeyValueStore. */
    FindStoreCommand: (input: { Name?: string | undefined }) => {
      onlyFields('FindStore', input, ['Name']);
      const found = [...this.#stores.values()].find(({ name }) => name === input.Name);
      if (found === undefined) throw awsError('EntityNotFound', `The Key Value Store was not found.`, 404);
      return { ARN: found.arn, Status: 'READY' };
    },
    DescribeKeyValueStoreCommand: (
      input: Partial<DescribeKeyValueStoreRequest>,
    ): DescribeKeyValueStoreResponse => {
      onlyFields('DescribeKeyValueStore', input, ['KvsARN']);
      const store = this.#find(input.KvsARN);
      return {
        ...sizeOf(store.pairs),
        KvsARN: store.arn,
        Created: new Date(store.createdAt),
        LastModified: new Date(store.modifiedAt),
        Status: 'READY',
        ETag: etagOf(store),
      };
    },
    GetKeyCommand: (input: Partial<GetKeyRequest>): GetKeyResponse => {
      onlyFields('GetKey', input, ['KvsARN', 'Key']);
      const store = this.#find(input.KvsARN);
      const Key = keyFrom(input.Key);
      const Value = store.pairs.get(Key);
      if (Value === undefined) throw awsError('ResourceNotFoundException', 'Key was not found.', 404);
      return { Key, Value, ...sizeOf(store.pairs) };
    },
    ListKeysCommand: (input: Partial<ListKeysRequest>): ListKeysResponse => {
      onlyFields('ListKeys', input, ['KvsARN', 'NextToken', 'MaxResults']);
      const { KvsARN, NextToken = '0', MaxResults = PAGE } = input;
      const { pairs } = this.#find(KvsARN);
      if (!Number.isInteger(MaxResults) || MaxResults < 1 || MaxResults > PAGE_MAX)
        throw invalid(`MaxResults must be from 1 to ${PAGE_MAX}.`);
      const from = Number(NextToken);
      if (!Number.isInteger(from) || from < 0) throw invalid('NextToken is not valid.');
      const sorted = [...pairs].sort(([a], [b]) => (a < b ? -1 : 1));
      const Items = sorted.slice(from, from + MaxResults).map(([Key, Value]) => ({ Key, Value }));
      const to = from + Items.length;
      return { Items, ...(to < sorted.length ? { NextToken: `${to}` } : {}) };
    },
    PutKeyCommand: (input: Partial<PutKeyRequest>): PutKeyResponse => {
      onlyFields('PutKey', input, ['KvsARN', 'Key', 'Value', 'IfMatch']);
      const { KvsARN, Key, Value, IfMatch } = input;
      return this.#write(KvsARN, IfMatch, [[keyFrom(Key), valueFrom(Value)]]);
    },
    DeleteKeyCommand: (input: Partial<DeleteKeyRequest>): DeleteKeyResponse => {
      onlyFields('DeleteKey', input, ['KvsARN', 'Key', 'IfMatch']);
      return this.#write(input.KvsARN, input.IfMatch, [[keyFrom(input.Key), undefined]]);
    },
    UpdateKeysCommand: (input: Partial<UpdateKeysRequest>): UpdateKeysResponse => {
      onlyFields('UpdateKeys', input, ['KvsARN', 'IfMatch', 'Puts', 'Deletes']);
      const { KvsARN, IfMatch, Puts = [], Deletes = [] } = input;
      for (const put of Puts) onlyFields('Puts of UpdateKeys', put, ['Key', 'Value']);
      for (const deleted of Deletes) onlyFields('Deletes of UpdateKeys', deleted, ['Key']);
      const changes = [
        ...Puts.map(({ Key, Value }): Change => [keyFrom(Key), valueFrom(Value)]),
        ...Deletes.map(({ Key }): Change => [keyFrom(Key), undefined]),
      ];
      const bytes = changes.reduce((sum, [key, value = '']) => sum + bytesOf(key) + bytesOf(value), 0);
      if (changes.length === 0) throw invalid('At least one key must be put or deleted.');
      if (changes.length > UPDATE_KEYS_MAX || bytes > UPDATE_BYTES_MAX)
        throw invalid(`At most ${UPDATE_KEYS_MAX} keys and ${UPDATE_BYTES_MAX} bytes can be updated.`);
      if (new Set(changes.map(([key]) => key)).size < changes.length)
        throw invalid('A key can be updated only once.');
      return this.#write(KvsARN, IfMatch, changes);
    },
  };

  readonly helpers: Helpers = {
    create: (name, pairs = {}) => {
      if ([...this.#stores.values()].some((store) => store.name === name))
        throw new Error(`There is a store ${name} already.`);
      // The same names give the same ids in every world.
      const id = `00000000-0000-4000-8000-${Buffer.from(name).toString('hex').padStart(12, '0')}`;
      const arn = `arn:aws:cloudfront::${this.#account}:key-value-store/${id}`;
      const at = this.#clock.now();
      // What a store is made with is there before it is used.
      const first = (value: string): Version[] => [{ at: Number.NEGATIVE_INFINITY, value }];
      const history = Object.entries(pairs).map(([key, value]) => [key, first(value)] as const);
      this.#stores.set(arn, {
        ...{ arn, name, createdAt: at, modifiedAt: at, writes: 0 },
        ...{ pairs: new Map(Object.entries(pairs)), history: new Map(history) },
      });
      return arn;
    },
    remove: (name) => {
      this.#stores.delete(this.#named(name).arn);
    },
    put: (name, pairs) => {
      this.#take(this.#named(name), Object.entries(pairs), false);
    },
    isStore: (name) => [...this.#stores.values()].some((store) => store.name === name),
    value: (name, key) => this.#named(name).pairs.get(key),
    etag: (name) => etagOf(this.#named(name)),
    atEdge: (name, key, delayMs = LATENCY_MS.kvsPropagation) => {
      const { history } = this.#named(name);
      if (this.#away === 'all') return undefined;
      const seenTo = this.#clock.now() - delayMs;
      const seen = history.get(key)?.findLast(({ at }) => at <= seenTo);
      return seen?.value;
    },
    away: (from) => {
      for (const { name } of this.#stores.values()) this.onTaken(name);
      this.#away = from;
    },
    nameOf: (arn = '') => this.#stores.get(arn)?.name,
  };

  #named(name: string): Store {
    const store = [...this.#stores.values()].find((each) => each.name === name);
    if (store === undefined) throw new Error(`There is no store ${name}.`);
    return store;
  }

  #find(arn: string | undefined): Store {
    if (arn === undefined || !ARN.test(arn)) throw invalid('KvsARN is not valid.');
    const store = this.#stores.get(arn);
    if (this.#away !== 'nobody') throw awsError('InternalServerException', 'Internal server error.', 500);
    if (store === undefined)
      throw awsError('ResourceNotFoundException', 'Key Value Store was not found.', 404);
    return store;
  }

  #write(arn: string | undefined, ifMatch: string | undefined, changes: Change[]): PutKeyResponse {
    const store = this.#find(arn);
    if (ifMatch === undefined || ifMatch === '') throw invalid('If-Match is required.');
    if (ifMatch !== etagOf(store))
      throw awsError('ConflictException', 'Pre-Condition failed: the ETag is not the current one.', 409);
    // Assumed; nobody else says what becomes of a key that is not there.
    for (const [key, value] of changes)
      if (value === undefined && !store.pairs.has(key))
        throw awsError('ResourceNotFoundException', 'Key was not found.', 404);
    this.#take(store, changes, true);
    return { ...sizeOf(store.pairs), ETag: etagOf(store) };
  }

  #take(store: Store, changes: Change[], isConditional: boolean): void {
    const before = store.pairs;
    const after = new Map(before);
    for (const [key, value] of changes)
      if (value === undefined) after.delete(key);
      else after.set(key, value);
    if (sizeOf(after).TotalSizeInBytes > STORE_BYTES_MAX)
      throw awsError('ServiceQuotaExceededException', 'The Key Value Store is too large.', 402);
    const replaced = etagOf(store);
    const at = this.#clock.now();
    store.pairs = after;
    store.writes += 1;
    store.modifiedAt = at;
    for (const [key, value] of changes) {
      const versions = store.history.get(key) ?? [];
      // Of what the edge has read already only the last one is read again.
      const seen = versions.findLastIndex((version) => version.at <= at - LATENCY_MS.kvsPropagation);
      store.history.set(key, [...versions.slice(Math.max(0, seen)), { at, value }]);
    }
    this.onTaken(store.name);
    this.onWrite({ arn: store.arn, name: store.name, before, after, replaced, isConditional });
  }

  /** As the embedded world takes them. */
  get service(): Operations {
    return this.operations as unknown as Operations;
  }
}

type Change = [key: string, value: string | undefined];

const bytesOf = (text: string) => new TextEncoder().encode(text).length;

const etagOf = ({ writes }: Store) => `KV${(writes + 1).toString(36).toUpperCase().padStart(11, '0')}`;

const invalid = (message: string) => awsError('ValidationException', message, 400);

function keyFrom(key: string | undefined): string {
  if (key === undefined || key === '') throw invalid('Key is required.');
  if (bytesOf(key) > KEY_BYTES_MAX) throw invalid(`Key is longer than ${KEY_BYTES_MAX} bytes.`);
  return key;
}

function valueFrom(value: string | undefined): string {
  if (value === undefined) throw invalid('Value is required.');
  if (bytesOf(value) > VALUE_BYTES_MAX) throw invalid(`Value is longer than ${VALUE_BYTES_MAX} bytes.`);
  return value;
}

function sizeOf(pairs: ReadonlyMap<string, string>): { ItemCount: number; TotalSizeInBytes: number } {
  let bytes = 0;
  for (const [key, value] of pairs) bytes += bytesOf(key) + bytesOf(value);
  return { ItemCount: pairs.size, TotalSizeInBytes: bytes };
}
