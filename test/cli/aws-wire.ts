import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  GetAliasCommand,
  GetFunctionCommand,
  UpdateAliasCommand,
  type UpdateAliasCommandInput,
} from '@aws-sdk/client-lambda';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { type Handler, lambda } from '../../functions/_lambda.ts';
import type { UrlAnswer } from '../../functions/_url.ts';
import { apiIam } from '../../functions/api-iam.ts';
import type { FunctionName } from '../../infra/facts.ts';
import type { World } from '../../local/world.ts';

/** An answer of AWS that is an error: its status, and how the service names it. */
export interface Denial {
  status: number;
  name: string;
  message: string;
}

/** One request that arrived. */
interface Arrived {
  method: string;
  path: string;
  region: string;
  key: string;
}

/** What stands where AWS would; `deny` refuses what it names. */
export interface Wire {
  url: string;
  arrived: Arrived[];
  deny: (request: Arrived) => Denial | undefined;
  /** Whether the bucket of releases tells EventBridge of its objects. */
  isHeard: boolean;
  /** Whether the API has a function URL. */
  hasUrl: boolean;
  close(): Promise<void>;
}

/**
 * A world behind the wire forms of AWS, for real clients in another process: Lambda's and Scheduler's REST-JSON and
 * S3's PutObject and GetBucketNotificationConfiguration, as botocore's service models say them (rest-json and rest-xml), and the
 * function URL of the API. What is not here answers 501.
 */
export async function aws(world: World, environment: string): Promise<Wire> {
  const wire: Wire = {
    url: '',
    arrived: [],
    deny: () => undefined,
    isHeard: true,
    hasUrl: true,
    close: async () => {},
  };
  const server: Server = createServer((request, response) => {
    const seen = seenOf(request);
    wire.arrived.push(seen);
    const denial = wire.deny(seen);
    const answered =
      denial === undefined ? answer(wire, world, environment, request, response) : refuse(denial);
    answered.catch((error: unknown) => fail(world, response, error, seen));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  wire.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  wire.close = () => new Promise((resolve) => server.close(() => resolve()));
  return wire;
}

function seenOf({ method = '', url = '', headers }: IncomingMessage): Arrived {
  const [, key = '', region = ''] =
    /Credential=([^/]+)\/\d+\/([^/]+)\//.exec(headers.authorization ?? '') ?? [];
  return { method, path: decodeURIComponent(url), region, key };
}

async function refuse({ status, name, message }: Denial): Promise<never> {
  throw Object.assign(new Error(message), { name, $metadata: { httpStatusCode: status } });
}

async function answer(
  wire: Wire,
  world: World,
  environment: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://aws');
  const [first = '', ...rest] = pathname.slice(1).split('/').map(decodeURIComponent);
  const body = await bodyOf(request);
  if (first === world.bucket && request.method === 'GET' && searchParams.has('notification')) {
    const event = wire.isHeard ? '<EventBridgeConfiguration/>' : '';
    const xml = `<NotificationConfiguration>${event}</NotificationConfiguration>`;
    response.writeHead(200, { 'content-type': 'application/xml' }).end(xml);
    return;
  }
  if (first === world.bucket && request.method === 'PUT') {
    const IfNoneMatch = request.headers['if-none-match'];
    const put = {
      Bucket: world.bucket,
      Key: rest.join('/'),
      Body: body,
      ...(IfNoneMatch ? { IfNoneMatch } : {}),
    };
    const { VersionId = '' } = await world.clients.s3.send(new PutObjectCommand(put));
    response.writeHead(200, { 'x-amz-version-id': VersionId, etag: '"0"' }).end();
    return;
  }
  if (first === 'schedules' && request.method === 'GET') {
    if (searchParams.get('groupName') !== `spillway-${environment}`) throw notFound('the schedule group');
    const frozen = await world.ports.watchdog.frozen(rest[0] ?? '');
    if (frozen === undefined) throw notFound(`Schedule ${rest[0]}`);
    json(response, { Target: { Arn: 'arn', RoleArn: 'arn', Input: JSON.stringify(frozen) } });
    return;
  }
  if (first === '2021-10-31') {
    if (!wire.hasUrl || rest[1] !== `spillway-${environment}-ApiIam`)
      throw notFound(`Function not found: ${rest[1]}`);
    json(response, { FunctionUrl: `${wire.url}/`, AuthType: 'AWS_IAM' });
    return;
  }
  if (AT_URL.includes(first)) return atUrl(world, request, body, response);
  const [, FunctionName = '', what, Name = ''] = rest;
  if (first !== '2015-03-31') throw notImplemented(pathname);
  if (what === 'invocations') return invoke(world, environment, FunctionName, body, response);
  const { lambda } = world.clients;
  if (what === undefined) return json(response, await lambda.send(new GetFunctionCommand({ FunctionName })));
  if (what !== 'aliases') throw notImplemented(pathname);
  const change = { ...JSON.parse(body.toString() || '{}'), FunctionName, Name } as UpdateAliasCommandInput;
  json(
    response,
    request.method === 'PUT'
      ? await lambda.send(new UpdateAliasCommand(change))
      : await lambda.send(new GetAliasCommand({ FunctionName, Name })),
  );
}

/** Where paths of the API begin; none of AWS does there. */
const AT_URL = ['about', 'rollouts', 'services'];

/** Who signs with the key of the tests. */
const CALLER = 'arn:aws:iam::111122223333:user/ada';

/** The function URL of the API: IAM has looked at the signature, which covers the body. */
async function atUrl(
  world: World,
  { method = '', url = '/', headers }: IncomingMessage,
  body: Buffer,
  response: ServerResponse,
): Promise<void> {
  const [, service, names = ''] =
    /\/(\w+)\/aws4_request, SignedHeaders=([^,]+), Signature=[0-9a-f]{64}$/.exec(
      headers.authorization ?? '',
    ) ?? [];
  const digest = createHash('sha256').update(body).digest('hex');
  const isCovered = ['host', 'x-amz-content-sha256', 'x-amz-date'].every((name) =>
    names.split(';').includes(name),
  );
  if (service !== 'lambda' || !isCovered || headers['x-amz-content-sha256'] !== digest) {
    response.writeHead(403, { 'content-type': 'application/json' }).end('{"Message":"Forbidden"}');
    return;
  }
  const { pathname, search } = new URL(url, 'http://aws');
  const event = {
    ...{ rawPath: pathname, rawQueryString: search.slice(1), headers: { host: 'abc.example' } },
    requestContext: {
      ...{ domainName: 'abc.example', http: { method } },
      authorizer: { iam: { userArn: CALLER } },
    },
    ...(body.length === 0 ? {} : { body: body.toString('base64'), isBase64Encoded: true }),
  };
  if (headers['content-type'] !== undefined)
    Object.assign(event.headers, { 'content-type': headers['content-type'] });
  const known = doors.get(world) ?? lambda(apiIam, () => world.ports);
  doors.set(world, known);
  const answer = (await known(event)) as UrlAnswer;
  response.writeHead(answer.statusCode, answer.headers).end(answer.body);
}

const doors = new WeakMap<World, Handler>();

async function invoke(
  world: World,
  environment: string,
  name: string,
  body: Buffer,
  response: ServerResponse,
): Promise<void> {
  const prefix = `spillway-${environment}-`;
  if (!name.startsWith(prefix)) throw notFound(`Function not found: ${name}`);
  try {
    const result = await world.invoke(name.slice(prefix.length) as FunctionName, JSON.parse(body.toString()));
    json(response, result as object);
  } catch (error) {
    const { name: errorType, message: errorMessage } = error as Error;
    response.setHeader('x-amz-function-error', 'Unhandled');
    json(response, { errorType, errorMessage });
  }
}

const notFound = (what: string) =>
  Object.assign(new Error(`${what}`), {
    name: 'ResourceNotFoundException',
    $metadata: { httpStatusCode: 404 },
  });
const notImplemented = (path: string) =>
  Object.assign(new Error(`${path} is not here`), {
    name: 'NotImplemented',
    $metadata: { httpStatusCode: 501 },
  });

function json(response: ServerResponse, body: object): void {
  const text = JSON.stringify(body, (key, value) => (key === '$metadata' ? undefined : value));
  response.writeHead(200, { 'content-type': 'application/json' }).end(text);
}

function fail(world: World, response: ServerResponse, error: unknown, { path }: Arrived): void {
  const { name, message, $metadata } = error as Error & { $metadata?: { httpStatusCode?: number } };
  const status = $metadata?.httpStatusCode ?? 500;
  if (path.startsWith(`/${world.bucket}/`)) {
    const xml = `<?xml version="1.0"?><Error><Code>${name}</Code><Message>${message}</Message></Error>`;
    response.writeHead(status, { 'content-type': 'application/xml' }).end(xml);
  } else
    response
      .writeHead(status, { 'content-type': 'application/json', 'x-amzn-errortype': name })
      .end(JSON.stringify({ message }));
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
