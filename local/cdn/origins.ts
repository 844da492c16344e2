import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { type CdnAnswer, type CdnRequest, textAnswer } from './http.ts';

/** Where an edge location gets what it has not. */
export type Origin = (request: CdnRequest) => Promise<CdnAnswer>;

/** A bucket behind origin access control. Without the right to list it, a key that is missing is forbidden. */
export function s3Origin(client: Pick<S3Client, 'send'>, Bucket: string, mayList: boolean): Origin {
  return async ({ url, headers: asked }) => {
    const [path = ''] = url.split('?');
    try {
      const Key = decodeURIComponent(path.slice(1));
      const found = await client.send(new GetObjectCommand({ Bucket, Key }));
      const { ETag = '', LastModified, ContentType, CacheControl, Metadata = {} } = found;
      const headers = {
        ...{ etag: ETag, 'content-type': ContentType ?? 'application/octet-stream' },
        ...(LastModified === undefined ? {} : { 'last-modified': LastModified.toUTCString() }),
        ...(CacheControl === undefined ? {} : { 'cache-control': CacheControl }),
        ...Object.fromEntries(Object.entries(Metadata).map(([name, value]) => [`x-amz-meta-${name}`, value])),
        ...{ 'accept-ranges': 'bytes', server: 'AmazonS3' },
      };
      if (asked['if-none-match'] === ETag)
        return { status: 304, headers, cookies: [], body: new Uint8Array() };
      const body = (await found.Body?.transformToByteArray()) ?? new Uint8Array();
      return {
        status: 200,
        headers: { ...headers, 'content-length': String(body.length) },
        cookies: [],
        body,
      };
    } catch (error) {
      const { name } = error as Error;
      if (name !== 'NoSuchKey' && name !== 'URIError') throw error;
      const code = mayList ? 'NoSuchKey' : 'AccessDenied';
      const headers = { 'content-type': 'application/xml', server: 'AmazonS3' };
      return { ...textAnswer(mayList ? 404 : 403, `<Error><Code>${code}</Code></Error>`), headers };
    }
  };
}

/** What a function answers behind its URL (Lambda developer guide, "Invoking Lambda function URLs"); anything else is its body. */
interface UrlAnswer {
  statusCode?: number;
  headers?: Record<string, string>;
  cookies?: string[];
  body?: string;
  isBase64Encoded?: boolean;
}

/** The URL of an alias. */
export function functionOrigin(
  client: Pick<LambdaClient, 'send'>,
  FunctionName: string,
  Qualifier: string,
): Origin {
  return async ({ method, url, headers, body }) => {
    const [rawPath = '/', ...query] = url.split('?');
    const { cookie, ...others } = headers;
    const event = {
      ...{ version: '2.0', rawPath, rawQueryString: query.join('?'), headers: others },
      ...(cookie === undefined ? {} : { cookies: cookie.split('; ') }),
      requestContext: { http: { method, path: rawPath } },
      ...(body === undefined || body.length === 0
        ? { isBase64Encoded: false }
        : { body: Buffer.from(body).toString('base64'), isBase64Encoded: true }),
    };
    try {
      const said = await client.send(
        new InvokeCommand({ FunctionName, Qualifier, Payload: Buffer.from(JSON.stringify(event)) }),
      );
      if (said.FunctionError !== undefined) return textAnswer(502, 'Internal Server Error');
      return answerFrom(JSON.parse(Buffer.from(said.Payload ?? []).toString('utf8') || 'null'));
    } catch (error) {
      const isThrottled = (error as Error).name === 'TooManyRequestsException';
      return textAnswer(isThrottled ? 429 : 502, isThrottled ? 'Rate exceeded' : 'Internal Server Error');
    }
  };
}

function answerFrom(said: UrlAnswer | null): CdnAnswer {
  if (said?.statusCode === undefined)
    return { ...textAnswer(200, JSON.stringify(said)), headers: { 'content-type': 'application/json' } };
  const { statusCode, headers = {}, cookies = [], body = '', isBase64Encoded = false } = said;
  const bytes = Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8');
  const named = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)]);
  return {
    status: statusCode,
    headers: {
      'content-type': 'application/json',
      ...Object.fromEntries(named),
      'content-length': String(bytes.length),
    },
    cookies,
    body: bytes,
  };
}
