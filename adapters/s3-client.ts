import { SignatureV4 } from '@smithy/signature-v4';
import { type Connection, escaped, type HttpResponse, type Sending, sender, xmlError } from './_request.ts';

/** Where an object is: its key as it was uploaded, and its version if one is meant. */
interface ObjectAddress {
  bucket: string;
  key: string;
  versionId?: string | undefined;
}

/** The calls of S3 that the controller makes. An error of S3 has S3's code as its `name`, and the HTTP status in `$metadata`. */
export interface S3Calls {
  /** The object's size in bytes, known before its body is read. */
  getObject(address: ObjectAddress): Promise<{ size: number; bytes(): Promise<Uint8Array> }>;
  /** What stands there, without reading it. An answer to HEAD has no body, so that an error is named by its status alone. */
  headObject(address: ObjectAddress): Promise<{ etag: string }>;
  putObject(address: ObjectAddress, body: string, contentType: string): Promise<void>;
}

/**
 * S3 by signed requests (API reference of S3, "GetObject", "HeadObject", "PutObject" and "Error responses"), sent with the credentials,
 * region and HTTP connections of a client that the function has anyway: the client of S3 is a fifth of a bundle. `endpoint`
 * replaces S3's own address, with the bucket in the path.
 */
export function s3Client(config: Connection, sending: Sending): S3Calls {
  const { clock, endpoint } = sending;
  const sendOn = sender(config, sending);
  const send = (method: 'GET' | 'HEAD' | 'PUT', address: ObjectAddress, more: Put = {}) => {
    const sign = async () => {
      const region = await config.region();
      const { credentials, sha256 } = config;
      // S3 alone signs paths as they are sent, instead of escaping them again.
      const signer = new SignatureV4({ service: 's3', region, credentials, sha256, uriEscapePath: false });
      const { headers = {}, body } = more;
      const place = placeOf(address, region, endpoint);
      const query: Record<string, string> =
        address.versionId === undefined ? {} : { versionId: address.versionId };
      return signer.sign(
        { ...place, method, query, body, headers: { host: place.host, ...headers } },
        { signingDate: new Date(clock.now()) },
      );
    };
    return sendOn(address.key, sign, xmlError);
  };
  const collected = ({ body }: HttpResponse): Promise<Uint8Array> => config.streamCollector(body);
  return {
    async getObject(address) {
      const answer = await send('GET', address);
      return { size: Number(answer.headers['content-length'] ?? 0), bytes: () => collected(answer) };
    },
    async headObject(address) {
      const { headers } = await send('HEAD', address);
      return { etag: headers.etag ?? '' };
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
