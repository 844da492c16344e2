import { createHash, createHmac } from 'node:crypto';
import { request as requestByHttp } from 'node:http';
import { request as requestByHttps } from 'node:https';
import type { Clock } from '../core/ports.ts';
import type { Instant } from '../core/units.ts';
import { isPassing } from './_aws.ts';

/** A request of S3, signed. */
export interface S3Request {
  method: 'GET' | 'PUT';
  url: URL;
  headers: Record<string, string>;
  body: string;
  signal: AbortSignal;
}

/** What came of a request. Its body has not been read yet. */
export interface S3Answer {
  status: number;
  /** In bytes. */
  size: number;
  bytes(): Promise<Uint8Array>;
}

/** How S3 is reached. */
export interface S3Web {
  send(request: S3Request): Promise<S3Answer>;
  clock: Clock;
  region: string;
  credentials(): Credentials;
  /** Where buckets are folders of one host that stands in for AWS. */
  endpoint?: string | undefined;
}

/** Whoever signs; those of a role come with a session token. */
export interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string | undefined;
}

/** One object of a bucket; without a version its newest. */
interface ObjectName {
  bucket: string;
  key: string;
  versionId?: string | undefined;
}

/** The two calls of S3 that the controller makes. What S3 refuses is an error of the name it gives, with the status in `$metadata`. */
export interface Objects {
  get(object: ObjectName): Promise<Pick<S3Answer, 'size' | 'bytes'>>;
  put(object: ObjectName, json: string): Promise<void>;
}

/** Tries at one request, as many as the clients of the other services make. */
const TRIES_MAX = 2;
/** After which a request without an answer is given up, as with those clients; a body may take longer. */
const ANSWER_MS = 2_500;

/** Objects by signed requests, since S3's own client would be a sixth of a bundle (decision 20). */
export function s3Objects(web: S3Web): Objects {
  return {
    get: (object) => send(web, 'GET', object, ''),
    async put(object, json) {
      const { bytes } = await send(web, 'PUT', object, json);
      // What nobody reads keeps its connection.
      await bytes();
    },
  };
}

/** Sends a request as it is: node's own fetch would take 30 ms of processor time more at its first call, unpack bodies and follow redirections. */
export const overHttps: S3Web['send'] = ({ method, url, headers, body, signal }) =>
  new Promise((resolve, reject) => {
    const request = url.protocol === 'http:' ? requestByHttp : requestByHttps;
    const sent = request(url, { method, headers, signal }, (response) =>
      resolve({
        status: response.statusCode ?? 0,
        size: Number(response.headers['content-length'] ?? 0),
        bytes: async () => Buffer.concat(await response.toArray()),
      }),
    );
    sent.on('error', reject).end(body);
  });

async function send(
  web: S3Web,
  method: S3Request['method'],
  object: ObjectName,
  body: string,
): Promise<S3Answer> {
  for (let tries = 1; ; tries++) {
    try {
      return await sendOnce(web, method, object, body);
    } catch (error) {
      if (tries >= TRIES_MAX || !isPassing(error)) throw error;
    }
  }
}

async function sendOnce(
  web: S3Web,
  method: S3Request['method'],
  object: ObjectName,
  body: string,
): Promise<S3Answer> {
  const url = urlOf(web, object);
  const headers = signed(web, { method, url, body });
  const stop = new AbortController();
  const sent = web.send({ method, url, headers, body, signal: stop.signal });
  const answer = await Promise.race([sent, web.clock.sleep(ANSWER_MS)]);
  if (answer === undefined) {
    stop.abort();
    throw named('TimeoutError', `S3 did not answer within ${ANSWER_MS} ms.`);
  }
  const { status } = answer;
  if (status >= 200 && status < 300) return answer;
  const text = new TextDecoder().decode(await answer.bytes());
  const [, code = 'UnknownError'] = /<Code>(\w+)<\/Code>/.exec(text) ?? [];
  const refusal = named(code, `S3 answered ${status} ${code} to ${method} of ${object.key}.`);
  throw Object.assign(refusal, { $metadata: { httpStatusCode: status } });
}

const named = (name: string, message: string) => Object.assign(new Error(message), { name });

/** A bucket is a part of the host's name, unless dots in its own would keep it out of the host's certificate. */
function urlOf({ region, endpoint }: S3Web, { bucket, key, versionId }: ObjectName): URL {
  const host = `s3.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;
  const isFolder = endpoint !== undefined || bucket.includes('.');
  const base = endpoint ?? (isFolder ? `https://${host}` : `https://${bucket}.${host}`);
  const path = `${isFolder ? `/${encoded(bucket)}` : ''}/${key.split('/').map(encoded).join('/')}`;
  const url = new URL(path, base);
  // Where `..` is a folder's name, the URL is that of another object.
  if (url.pathname !== path)
    throw Object.assign(named('NoSuchKey', `No request can name ${key}.`), {
      $metadata: { httpStatusCode: 404 },
    });
  if (versionId !== undefined) url.search = `versionId=${encoded(versionId)}`;
  return url;
}

/** As AWS wants it: everything but letters, digits and `-._~` (S3 API reference, "Signature calculations"). */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function signed(
  web: S3Web,
  { method, url, body }: { method: string; url: URL; body: string },
): Record<string, string> {
  const credentials = web.credentials();
  const { sessionToken } = credentials;
  const headers = {
    ...(method === 'PUT' ? { 'content-type': 'application/json' } : {}),
    host: url.host,
    'x-amz-content-sha256': sha256(body),
    'x-amz-date': dateOf(web.clock.now()),
    ...(sessionToken === undefined ? {} : { 'x-amz-security-token': sessionToken }),
  };
  const { host: _, ...sent } = headers;
  return { ...sent, authorization: authorizationOf({ method, url, headers }, credentials, web.region) };
}

/** `20130524T000000Z`. */
const dateOf = (now: Instant) => new Date(now).toISOString().replace(/[-:]|\.\d{3}/g, '');
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();

/**
 * The Authorization header of a request of S3 by Signature Version 4 (S3 API reference, "Authenticating Requests: Using the
 * Authorization Header"). `headers` are all signed: in small letters, with `host`, `x-amz-date` and `x-amz-content-sha256`.
 */
export function authorizationOf(
  { method, url, headers }: { method: string; url: URL; headers: Record<string, string> },
  { accessKeyId, secretAccessKey }: Credentials,
  region: string,
): string {
  const names = Object.keys(headers).sort();
  const query = [...url.searchParams].map(([name, value]) => `${encoded(name)}=${encoded(value)}`).sort();
  const canonical = [
    method,
    url.pathname,
    query.join('&'),
    ...names.map((name) => `${name}:${headers[name]}`),
    '',
    names.join(';'),
    headers['x-amz-content-sha256'],
  ].join('\n');
  const date = headers['x-amz-date'] ?? '';
  const scope = [date.slice(0, 8), region, 's3', 'aws4_request'];
  const text = ['AWS4-HMAC-SHA256', date, scope.join('/'), sha256(canonical)].join('\n');
  const key = scope.reduce<string | Buffer>(hmac, `AWS4${secretAccessKey}`);
  const signature = hmac(key, text).toString('hex');
  return `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope.join('/')},SignedHeaders=${names.join(';')},Signature=${signature}`;
}
