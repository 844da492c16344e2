import {
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type PutObjectCommandInput,
  type S3Client,
} from '@aws-sdk/client-s3';

/** An object of a site's bucket. */
export interface StoredObject {
  key: string;
  bytes: number;
  /** When it was stored, in milliseconds since 1970. */
  at: number;
  /** MD5 in hex if it was stored by one call and without a key of KMS, and something else if not. */
  etag: string;
}

/** An object that is to be stored. */
export interface NewObject {
  key: string;
  body: Exclude<PutObjectCommandInput['Body'], undefined>;
  bytes: number;
  contentType: string;
  cacheControl: string;
  /** In base64; S3 refuses other bytes. */
  sha256: string;
  /** The release that it belongs to, if it belongs to one. */
  release?: string;
  /** Where the edge redirects to instead of serving it, and with which status. */
  redirect?: { to: string; status: number } | undefined;
  /** True if it may take the place of what is there. */
  replaces?: true | undefined;
}

/** The bucket of a site. All methods reject with the errors of S3. */
export interface SiteBucket {
  /** Objects in the order of their keys, from the first one after `after`. */
  list(prefix: string, after?: string): AsyncIterable<StoredObject>;
  /** Stores an object. @throws Error PreconditionFailed if there is one of its key */
  put(object: NewObject): Promise<void>;
  /** The SHA-256 that an object was stored with, in base64; undefined if it has none. */
  sha256(key: string): Promise<string | undefined>;
  /** The text of an object. */
  read(key: string): Promise<string>;
  /** Removes objects, in this order and at most a thousand; those that are gone already are no error. */
  remove(keys: readonly string[]): Promise<void>;
}

/** The bucket of a site in S3 (API reference, "ListObjectsV2", "PutObject" and "HeadObject"). */
export function siteBucket(s3: Pick<S3Client, 'send'>, Bucket: string): SiteBucket {
  return {
    async *list(Prefix, StartAfter) {
      for (let ContinuationToken: string | undefined; ; ) {
        const page = await s3.send(
          new ListObjectsV2Command({
            ...{ Bucket, Prefix },
            ...(ContinuationToken === undefined ? { StartAfter } : { ContinuationToken }),
          }),
        );
        for (const { Key = '', Size = 0, ETag = '', LastModified } of page.Contents ?? [])
          yield {
            ...{ key: Key, bytes: Size, etag: ETag.replaceAll('"', '') },
            // What S3 does not say is as young as can be.
            at: LastModified?.getTime() ?? Number.MAX_SAFE_INTEGER,
          };
        ContinuationToken = page.NextContinuationToken;
        if (ContinuationToken === undefined) return;
      }
    },
    async put({ key, body, bytes, contentType, cacheControl, sha256, release, redirect, replaces }) {
      await s3.send(
        new PutObjectCommand({
          ...{ Bucket, Key: key, Body: body, ContentLength: bytes },
          ...(replaces ? {} : { IfNoneMatch: '*' }),
          ...{ ContentType: contentType, CacheControl: cacheControl, ChecksumSHA256: sha256 },
          ...(release === undefined
            ? {}
            : {
                Metadata: {
                  release,
                  ...(redirect === undefined
                    ? {}
                    : { location: redirect.to, status: String(redirect.status) }),
                },
              }),
        }),
      );
    },
    async sha256(key) {
      const head = new HeadObjectCommand({ Bucket, Key: key, ChecksumMode: 'ENABLED' });
      // A checksum of parts is none of the bytes.
      return (await s3.send(head)).ChecksumSHA256?.replace(/.*-\d+$/, '') || undefined;
    },
    async read(key) {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key: key }));
      return (await Body?.transformToString()) ?? '';
    },
    async remove(keys) {
      const Delete = { Objects: keys.map((Key) => ({ Key })), Quiet: true };
      const { Errors = [] } = await s3.send(new DeleteObjectsCommand({ Bucket, Delete }));
      const [first] = Errors;
      if (first === undefined) return;
      throw Object.assign(new Error(`${first.Key} could not be removed: ${first.Message}`), {
        name: first.Code ?? 'InternalError',
      });
    },
  };
}
