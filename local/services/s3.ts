import { createHash } from 'node:crypto';
import { GetObjectCommand, HeadObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import type { S3Calls } from '../../adapters/s3-client.ts';
import type { Clock } from '../../core/ports.ts';
import type { Instant } from '../../core/units.ts';
import { awsError, type Operations, onlyFields } from '../sdk.ts';
import { type AwsEvent, eventId, eventTime } from './eventbridge.ts';

interface ObjectVersion {
  versionId: string;
  bytes: Uint8Array;
  contentType: string;
  cacheControl: string | undefined;
  /** In base64, if it was stored with one. */
  sha256: string | undefined;
  metadata: Record<string, string>;
  /** MD5 in hex, without the quotes that the API puts around it. */
  etag: string;
  at: Instant;
}

interface Address {
  Bucket?: string | undefined;
  Key?: string | undefined;
}

interface PutInput extends Address {
  Body?: unknown;
  ContentLength?: number | undefined;
  ContentType?: string | undefined;
  CacheControl?: string | undefined;
  ChecksumSHA256?: string | undefined;
  IfNoneMatch?: string | undefined;
  Metadata?: Record<string, string> | undefined;
}

interface ReadInput extends Address {
  VersionId?: string | undefined;
  ChecksumMode?: string | undefined;
}

interface ListInput {
  Bucket?: string | undefined;
  Prefix?: string | undefined;
  StartAfter?: string | undefined;
  ContinuationToken?: string | undefined;
}

interface DeleteInput {
  Bucket?: string | undefined;
  Delete?: { Objects?: { Key?: string | undefined }[]; Quiet?: boolean } | undefined;
}

/** Keys that one answer lists (S3 API reference, "ListObjectsV2"). */
const KEYS_MAX = 1_000;

/** The controller's calls of S3 through a client of the SDK, behind which a simulated S3 or a program may stand. */
export function s3Calls(client: Pick<S3Client, 'send'>): S3Calls {
  return {
    async getObject({ bucket, key, versionId }) {
      const { Body, ContentLength = 0 } = await client.send(
        new GetObjectCommand({ Bucket: bucket, Key: key, VersionId: versionId }),
      );
      return {
        size: ContentLength,
        bytes: async () => (await Body?.transformToByteArray()) ?? new Uint8Array(),
      };
    },
    async headObject({ bucket, key, versionId }) {
      const { ETag = '' } = await client.send(
        new HeadObjectCommand({ Bucket: bucket, Key: key, VersionId: versionId }),
      );
      return { etag: ETag };
    },
    async putObject({ bucket, key }, Body, ContentType) {
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body, ContentType }));
    },
  };
}

/** Buckets with versioning and EventBridge notification always on; a bucket exists as soon as it is named. */
export class SimulatedS3 {
  readonly #objects = new Map<string, ObjectVersion[]>();
  readonly #world: { clock: Clock; region: string; account: string; onEvent: (event: AwsEvent) => void };
  /** Every version id that was ever given out: another one is no version id at all. */
  readonly #given = new Set<string>();
  #puts = 0;

  constructor(world: { clock: Clock; region: string; account: string; onEvent: (event: AwsEvent) => void }) {
    this.#world = world;
  }

  readonly operations = {
    PutObjectCommand: (input: PutInput) => this.#put(input),
    GetObjectCommand: (input: ReadInput) => {
      onlyFields('GetObject', input, ['Bucket', 'Key', 'VersionId']);
      const found = this.#find(input);
      return { ...described(found), Body: bodyOf(found.bytes) };
    },
    HeadObjectCommand: (input: ReadInput) => {
      onlyFields('HeadObject', input, ['Bucket', 'Key', 'VersionId', 'ChecksumMode']);
      const found = this.#find(input, () => awsError('NotFound', 'NotFound', 404));
      const isAsked = input.ChecksumMode === 'ENABLED' && found.sha256 !== undefined;
      return { ...described(found), ...(isAsked ? { ChecksumSHA256: found.sha256 } : {}) };
    },
    ListObjectsV2Command: (input: ListInput) => this.#list(input),
    DeleteObjectCommand: (input: ReadInput) => this.#delete(input),
    DeleteObjectsCommand: (input: DeleteInput) => this.#deleteAll(input),
  } satisfies Operations;

  /** The bytes of an object, as Lambda takes code from it. @throws awsError NoSuchKey or NoSuchVersion */
  bytes(Bucket: string, Key: string, VersionId?: string): Uint8Array {
    return this.#find({ Bucket, Key, VersionId }).bytes;
  }

  /** A body that is a stream is read before anything is decided, as S3 does. */
  #put(input: PutInput): object | Promise<object> {
    onlyFields('PutObject', input, [
      ...['Bucket', 'Key', 'Body', 'ContentLength', 'ContentType', 'CacheControl'],
      ...['ChecksumSHA256', 'IfNoneMatch', 'Metadata'],
    ]);
    if (!isStream(input.Body)) return this.#store(input);
    return joined(input.Body).then((Body) => this.#store({ ...input, Body }));
  }

  #store(input: PutInput): object {
    const address = addressOf(input);
    const versions = this.#objects.get(address) ?? [];
    if (input.IfNoneMatch !== undefined && input.IfNoneMatch !== '*') {
      throw new Error(`IfNoneMatch "${input.IfNoneMatch}" is not simulated, only "*".`);
    }
    if (input.IfNoneMatch === '*' && versions.length > 0) {
      throw awsError(
        'PreconditionFailed',
        'At least one of the pre-conditions you specified did not hold',
        412,
      );
    }
    assertWhole(input);
    this.#puts += 1;
    const version = versionFrom(input, `${address}#${this.#puts}`, this.#world.clock.now());
    this.#objects.set(address, [...versions, version]);
    this.#given.add(version.versionId);
    this.#world.onEvent(this.#created(input, version));
    return { ETag: `"${version.etag}"`, VersionId: version.versionId };
  }

  #list({ Bucket = '', Prefix = '', StartAfter = '', ContinuationToken, ...others }: ListInput): object {
    onlyFields('ListObjectsV2', others, []);
    const after = ContinuationToken ?? StartAfter;
    const keys = [...this.#objects]
      .filter(([address, versions]) => versions.length > 0 && address.startsWith(`${Bucket}/${Prefix}`))
      .map(([address]) => address.slice(Bucket.length + 1))
      .filter((key) => byBytes(key, after) > 0)
      .sort(byBytes);
    const page = keys.slice(0, KEYS_MAX);
    const isWhole = keys.length <= KEYS_MAX;
    return {
      ...{ IsTruncated: !isWhole, KeyCount: page.length },
      ...(isWhole ? {} : { NextContinuationToken: page.at(-1) }),
      Contents: page.map((Key) => {
        const { bytes, etag, at } = this.#find({ Bucket, Key });
        return { Key, Size: bytes.length, ETag: `"${etag}"`, LastModified: new Date(at) };
      }),
    };
  }

  /** @throws awsError NoSuchKey or NoSuchVersion, or what `absent` makes: HEAD has no body to name the cause in */
  #find(input: ReadInput, absent?: () => Error): ObjectVersion {
    const versions = this.#objects.get(addressOf(input)) ?? [];
    const { VersionId } = input;
    const found =
      VersionId === undefined ? versions.at(-1) : versions.find(({ versionId }) => versionId === VersionId);
    if (found !== undefined) return found;
    if (absent) throw absent();
    this.#assertGiven(VersionId);
    if (VersionId === undefined)
      throw awsError('NoSuchKey', 'The specified key does not exist.', 404, { Key: input.Key });
    throw awsError('NoSuchVersion', 'The specified version does not exist.', 404, {
      Key: input.Key,
      VersionId,
    });
  }

  /** Recorded from AWS (LocalStack snapshot tests of S3, 2026-02-21): an id that S3 never gave out is refused as an argument. */
  #assertGiven(versionId: string | undefined): void {
    if (versionId === undefined || this.#given.has(versionId)) return;
    throw awsError('InvalidArgument', 'Invalid version id specified', 400, {
      ArgumentName: 'versionId',
      ArgumentValue: versionId,
    });
  }

  /** Deleting a version that is gone is no error. */
  #delete(input: ReadInput): object {
    onlyFields('DeleteObject', input, ['Bucket', 'Key', 'VersionId']);
    const { VersionId } = input;
    if (VersionId === undefined)
      throw new Error('DeleteObject without VersionId makes a delete marker, which is not simulated.');
    this.#assertGiven(VersionId);
    const address = addressOf(input);
    const left = (this.#objects.get(address) ?? []).filter(({ versionId }) => versionId !== VersionId);
    this.#objects.set(address, left);
    return { VersionId };
  }

  /** Of a bucket that keeps no versions, as those of sites are. What is gone is no error. */
  #deleteAll(input: DeleteInput): object {
    onlyFields('DeleteObjects', input, ['Bucket', 'Delete']);
    const { Bucket, Delete: { Objects = [] } = {} } = input;
    if (Objects.length > KEYS_MAX) throw awsError('MalformedXML', 'Too many keys.', 400);
    for (const { Key } of Objects) this.#objects.set(addressOf({ Bucket, Key }), []);
    return {};
  }

  /** The event of a put (S3 user guide, "EventBridge event message structure"). */
  #created({ Bucket = '', Key }: Address, { bytes, etag, versionId, at }: ObjectVersion): AwsEvent {
    const { region, account } = this.#world;
    return {
      version: '0',
      id: eventId('aws.s3', this.#puts),
      'detail-type': 'Object Created',
      source: 'aws.s3',
      account,
      time: eventTime(at),
      region,
      resources: [`arn:aws:s3:::${Bucket}`],
      detail: {
        version: '0',
        'event-version': '1.1',
        bucket: { name: Bucket },
        object: {
          key: Key,
          size: bytes.length,
          etag,
          'version-id': versionId,
          sequencer: sequencer(this.#puts),
        },
        'request-id': sequencer(this.#puts).toUpperCase(),
        requester: account,
        'source-ip-address': '127.0.0.1',
        reason: 'PutObject',
      },
    };
  }
}

function addressOf({ Bucket, Key }: Address): string {
  if (!Bucket || !Key) throw new Error(`Bucket and Key must be given; they are ${Bucket} and ${Key}.`);
  return `${Bucket}/${Key}`;
}

function versionFrom(input: PutInput, seed: string, at: Instant): ObjectVersion {
  const bytes = bytesFrom(input.Body);
  return {
    versionId: createHash('sha256').update(seed).digest('base64url').slice(0, 32),
    bytes,
    contentType: input.ContentType ?? 'application/octet-stream',
    ...{ cacheControl: input.CacheControl, sha256: input.ChecksumSHA256 },
    metadata: input.Metadata ?? {},
    etag: createHash('md5').update(bytes).digest('hex'),
    at,
  };
}

const isStream = (body: unknown): body is AsyncIterable<Uint8Array> =>
  typeof body === 'object' && body !== null && Symbol.asyncIterator in body;

async function joined(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of body) parts.push(part);
  return Buffer.concat(parts);
}

/** @throws awsError if the bytes are not those that were announced */
function assertWhole({ Body, ContentLength, ChecksumSHA256 }: PutInput): void {
  const bytes = bytesFrom(Body);
  if (ContentLength !== undefined && ContentLength !== bytes.length)
    throw awsError(
      'IncompleteBody',
      'You did not provide the number of bytes specified by the Content-Length HTTP header.',
    );
  if (ChecksumSHA256 !== undefined && createHash('sha256').update(bytes).digest('base64') !== ChecksumSHA256)
    throw awsError('BadDigest', 'The SHA256 you specified did not match the calculated checksum.');
}

/** Keys are in the order of their bytes (S3 API reference, "ListObjectsV2"). */
function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function bytesFrom(body: unknown): Uint8Array {
  if (body instanceof Uint8Array) return body;
  if (typeof body === 'string') return new TextEncoder().encode(body);
  throw new Error('A Body that is neither text nor bytes is not simulated.');
}

function described({ bytes, versionId, etag, contentType, cacheControl, metadata, at }: ObjectVersion) {
  return {
    ...(cacheControl === undefined ? {} : { CacheControl: cacheControl }),
    ContentLength: bytes.length,
    ContentType: contentType,
    ETag: `"${etag}"`,
    LastModified: new Date(at),
    Metadata: metadata,
    VersionId: versionId,
  };
}

function bodyOf(bytes: Uint8Array) {
  return {
    transformToByteArray: async () => Uint8Array.from(bytes),
    transformToString: async (encoding = 'utf-8') => new TextDecoder(encoding).decode(bytes),
  };
}

/** Hexadecimal, and greater with every put, so that two events of one key can be put in order. */
function sequencer(count: number): string {
  return count.toString(16).padStart(16, '0');
}
