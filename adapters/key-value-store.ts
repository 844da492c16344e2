import { SignatureV4 } from '@smithy/signature-v4';
import {
  type Connection,
  elementOf,
  escaped,
  type HttpResponse,
  httpError,
  type Sending,
  sender,
  xmlError,
} from './_request.ts';
import { SignatureV4A } from './sigv4a.ts';

/** The calls of CloudFront's KeyValueStore that the controller makes. An error has AWS' code as its `name`, and the HTTP status in `$metadata`. */
export interface StoreCalls {
  /** The ARN of the store of this name. @throws an error `EntityNotFound` if there is none */
  find(name: string): Promise<string>;
  /** The store's version, which each write replaces, and how many bytes it holds then. */
  describe(arn: string): Promise<{ etag: string; bytes: number }>;
  /** What stands under a key, and how many bytes the store held when it was read. @throws an error `ResourceNotFoundException` if nothing does */
  entry(arn: string, key: string): Promise<{ value: string; bytes: number }>;
  /** The value alone. @throws as `entry` */
  get(arn: string, key: string): Promise<string>;
  /** Writes all of it if the store is at this version, or nothing. @throws an error `ConflictException` if it is at another one */
  update(arn: string, etag: string, change: { puts?: Pair[]; deletes?: string[] }): Promise<void>;
}

/** One key and its value. */
interface Pair {
  key: string;
  value: string;
}

/** CloudFront itself is in one region only, whatever region its caller is in (AWS General Reference, "Amazon CloudFront endpoints and quotas"). */
const CLOUDFRONT = { hostname: 'cloudfront.amazonaws.com', region: 'us-east-1' };

/**
 * KeyValueStore by signed requests (API reference of CloudFront KeyValueStore, "DescribeKeyValueStore", "GetKey" and "UpdateKeys", and
 * of CloudFront, "DescribeKeyValueStore"), sent with the credentials and HTTP connections of a client that the function has anyway.
 */
export function keyValueStore(config: Connection, sending: Sending): StoreCalls {
  const { clock, endpoint } = sending;
  const { credentials, sha256, streamCollector } = config;
  const send = sender(config, sending);
  const signer = new SignatureV4A({ service: 'cloudfront-keyvaluestore', credentials, sha256 });
  const date = () => ({ signingDate: new Date(clock.now()) });
  const ask = async (
    arn: string,
    path: string,
    more: { method?: string; body?: string; headers?: Record<string, string> } = {},
  ): Promise<{ headers: Record<string, string>; answer: Record<string, unknown> }> => {
    const { method = 'GET', body, headers } = more;
    const sign = async () => {
      const { host, ...place } = placeOf(endpoint, `${accountOf(arn)}.cloudfront-kvs.global.api.aws`);
      const at = `/key-value-stores/${escaped(arn)}${path}`;
      const request = { ...place, method, path: at, query: {}, body, headers: { host, ...headers } };
      return signer.sign(request, date());
    };
    const response = await send(arn, sign, jsonError);
    const text = new TextDecoder().decode(await streamCollector(response.body));
    return { headers: response.headers, answer: parsed(text) };
  };
  const entry: StoreCalls['entry'] = async (arn, key) => {
    const { answer } = await ask(arn, `/keys/${escaped(key)}`);
    return { value: String(answer.Value), bytes: Number(answer.TotalSizeInBytes) };
  };
  return {
    async find(name) {
      const { hostname, region } = CLOUDFRONT;
      const v4 = new SignatureV4({ service: 'cloudfront', region, credentials, sha256 });
      const sign = async () => {
        const { host, ...place } = placeOf(endpoint, hostname);
        const path = `/2020-05-31/key-value-store/${escaped(name)}`;
        return v4.sign({ ...place, method: 'GET', path, query: {}, headers: { host } }, date());
      };
      const { body } = await send(name, sign, xmlError);
      const xml = new TextDecoder().decode(await streamCollector(body));
      const arn = elementOf(xml, 'ARN');
      if (arn === undefined) throw new TypeError(`CloudFront gave no ARN for the store ${name}.`);
      return arn;
    },
    async describe(arn) {
      const { headers, answer } = await ask(arn, '');
      return { etag: headers.etag ?? '', bytes: Number(answer.TotalSizeInBytes) };
    },
    entry,
    get: async (arn, key) => (await entry(arn, key)).value,
    async update(arn, etag, { puts = [], deletes = [] }) {
      const body = JSON.stringify({
        Puts: puts.map(({ key, value }) => ({ Key: key, Value: value })),
        ...(deletes.length === 0 ? {} : { Deletes: deletes.map((key) => ({ Key: key })) }),
      });
      const headers = { 'content-type': 'application/json', 'if-match': etag };
      await ask(arn, '/keys', { method: 'POST', body, headers });
    },
  };
}

/** Reads of a key until it and the version of its store are seen to be of one moment. */
const READS_MAX = 4;

/**
 * A value, and the version of its store that it stood at. They come by two calls, and nobody says that the second one sees all that the
 * first one did: a value that is older than its version would be written back over what came between. So both must show a store of
 * the same size. @throws as `entry`, or an error that passes
 */
export async function versioned(
  stores: StoreCalls,
  arn: string,
  key: string,
): Promise<{ etag: string; value: string }> {
  for (let reads = 0; reads < READS_MAX; reads++) {
    // In this order: what is written in between makes a write on this version a conflict.
    const { etag, bytes } = await stores.describe(arn);
    const entry = await stores.entry(arn, key);
    if (entry.bytes === bytes) return { etag, value: entry.value };
  }
  throw new Error(`The key ${key} was read ${READS_MAX} times, each time while its store changed.`);
}

/** `arn:aws:cloudfront::<account>:key-value-store/<id>`: the account is part of the host. */
const accountOf = (arn: string) => arn.split(':')[4] ?? '';

function placeOf(endpoint: string | undefined, ours: string) {
  const { protocol, hostname, port, host } = new URL(endpoint ?? `https://${ours}`);
  return { protocol, hostname, host, ...(port === '' ? {} : { port: Number(port) }) };
}

/** AWS models no throttle of this service, so the status alone says that it is one. */
function jsonError({ statusCode, headers }: HttpResponse, text: string): Error {
  const { __type, code, Message, message } = parsed(text);
  const said = String(headers['x-amzn-errortype'] ?? __type ?? code ?? `HTTP ${statusCode}`);
  const [name = ''] = said.replace(/^.*#/, '').split(':');
  const isThrottle = statusCode === 429 && !/Throttl|TooManyRequests/.test(name);
  return httpError(statusCode, isThrottle ? 'ThrottlingException' : name, String(Message ?? message ?? name));
}

function parsed(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
