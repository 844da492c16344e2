import type { LambdaClient } from '@aws-sdk/client-lambda';
import { SignatureV4 } from '@smithy/signature-v4';
import type { Clock } from '../core/ports.ts';
import { isPassing, pauseOf } from './_aws.ts';

/** Where an object is: its key as it was uploaded, and its version if one is meant. */
interface ObjectAddress {
  bucket: string;
  key: string;
  versionId?: string | undefined;
}

/** The two calls of S3 that the controller makes. An error of S3 has S3's code as its `name`, and the HTTP status in `$metadata`. */
export interface S3Calls {
  /** The object's size in bytes, known before its body is read. */
  getObject(address: ObjectAddress): Promise<{ size: number; bytes(): Promise<Uint8Array> }>;
  putObject(address: ObjectAddress, body: string, contentType: string): Promise<void>;
}

type Config = LambdaClient['config'];

interface HttpResponse {
  statusCode: number;
  headers: Record<string, string>;
  body?: Parameters<Config['streamCollector']>[0];
}

/** What is taken of the settings of a client. */
type Connection = Pick<Config, 'region' | 'credentials' | 'sha256' | 'streamCollector'> & {
  requestHandler: { handle(request: never): Promise<{ response: HttpResponse }> };
};

/** How often a call is made at most, and how long the second try waits in the mean; Step Functions and EventBridge repeat the rest. */
const TRIES = 2;
const PAUSE_MS = 100;

/**
 * S3 by signed requests (API reference of S3, "GetObject", "PutObject" and "Error responses"), sent with the credentials,
 * region and HTTP connections of a client that the function has anyway: the client of S3 is a fifth of a bundle. `endpoint`
 * replaces S3's own address, with the bucket in the path.
 */
export function s3Client(
  config: Connection,
  {
    clock,
    endpoint,
    onError,
  }: { clock: Clock; endpoint?: string | undefined; onError?: (error: unknown) => void },
): S3Calls {
  const once = async (
    method: 'GET' | 'PUT',
    address: ObjectAddress,
    more: Put = {},
  ): Promise<HttpResponse> => {
    const region = await config.region();
    const { credentials, sha256 } = config;
    // S3 alone signs paths as they are sent, instead of escaping them again.
    const signer = new SignatureV4({ service: 's3', region, credentials, sha256, uriEscapePath: false });
    const { headers = {}, body } = more;
    const place = placeOf(address, region, endpoint);
    const query: Record<string, string> =
      address.versionId === undefined ? {} : { versionId: address.versionId };
    const request = await signer.sign(
      { ...place, method, query, body, headers: { host: place.host, ...headers } },
      { signingDate: new Date(clock.now()) },
    );
    const { response } = await config.requestHandler.handle(request as never);
    if (response.statusCode < 300) return response;
    const text = await collected(response).catch(() => new Uint8Array());
    throw errorOf(response.statusCode, new TextDecoder().decode(text));
  };
  const collected = ({ body }: HttpResponse): Promise<Uint8Array> => config.streamCollector(body);
  const send: typeof once = async (...request) => {
    for (let tries = 1; ; tries++) {
      try {
        return await once(...request);
      } catch (error) {
        onError?.(error);
        if (tries === TRIES || !isPassing(error)) throw error;
        await clock.sleep(pauseOf(PAUSE_MS, request[1].key, clock.now()));
      }
    }
  };
  return {
    async getObject(address) {
      const answer = await send('GET', address);
      return { size: Number(answer.headers['content-length'] ?? 0), bytes: () => collected(answer) };
    },
    async putObject(address, body, contentType) {
      await collected(await send('PUT', address, { body, headers: { 'content-type': contentType } }));
    },
  };
}

interface Put {
  body?: string;
  headers?: Record<string, string>;
}

/** Where a request goes. A bucket with dots is named in the path, since the certificate of S3 is for one label (S3 user guide, "Virtual hosting of buckets"). */
function placeOf({ bucket, key }: ObjectAddress, region: string, endpoint: string | undefined) {
  const domain = `s3.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;
  const { protocol, hostname, port, host } = new URL(endpoint ?? `https://${domain}`);
  const path = `/${key.split('/').map(escaped).join('/')}`;
  if (endpoint === undefined && !bucket.includes('.'))
    return { protocol, hostname: `${bucket}.${hostname}`, host: `${bucket}.${host}`, path };
  return {
    ...{ protocol, hostname, host, path: `/${escaped(bucket)}${path}` },
    ...(port === '' ? {} : { port: Number(port) }),
  };
}

/** Everything but letters, digits and `-._~` is escaped (S3 API reference, "Signature calculations", UriEncode). */
const escaped = (text: string) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);

function errorOf(httpStatusCode: number, xml: string): Error {
  const part = (tag: string) => new RegExp(`<${tag}>([^<]*)</${tag}>`).exec(xml)?.[1];
  const name = part('Code') ?? `HTTP ${httpStatusCode}`;
  return Object.assign(new Error(part('Message') ?? name), { name, $metadata: { httpStatusCode } });
}
