import type { Instant } from '../units.ts';
import type { SmokeCheck } from './types.ts';

/** What an event says of its moment and place that core cannot know. */
interface Sent {
  at: Instant;
  /** The same moment as gateways write it: `05/Jan/2026:09:00:00 +0000`. */
  time: string;
}

const HOST = 'smoke.spillway';
const AGENT = 'spillway-smoke';
const SOURCE_IP = '127.0.0.1';
const ACCOUNT = '123456789012';

/** Content types whose bodies come as texts (Elastic Load Balancing user guide, "Lambda functions as targets"; assumed of function URLs and HTTP APIs, which were seen to encode forms). */
const TEXTUAL = /^text\/|^application\/(?:[^;]*\+)?(?:json|javascript|xml)\b/i;

/**
 * The event that a front door sends for a check whose names are filled in: complete, because routers and frameworks tell the
 * doors apart by what stands in it. Sources: API Gateway developer guide, "Lambda proxy integrations" (payloads 1.0 and 2.0);
 * Lambda developer guide, "Invoking Lambda function URLs"; Elastic Load Balancing user guide, "Lambda functions as targets".
 */
export function eventOf(check: SmokeCheck, sent: Sent): unknown {
  if (check.payload !== undefined) return check.payload;
  const request = requestOf(check);
  if (check.event === 'rest') return restEvent(check, request, sent);
  if (check.event === 'alb') return albEvent(check, request);
  return payload2(check, request, sent);
}

/** The path parameters of a path by its route's template, or undefined if the path is not of that route. */
export function pathParametersOf(template: string, path: string): Record<string, string> | undefined {
  const wanted = template.split('/');
  const found = path.split('/');
  const values: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    const [, name, greedy] = /^\{([^{}+]+)(\+?)\}$/.exec(part) ?? [];
    const rest = greedy === '+' ? found.slice(index).join('/') : found[index];
    if (rest === undefined || (name === undefined ? rest !== part : rest === '')) return undefined;
    if (name !== undefined) values[name] = decoded(rest);
    if (greedy === '+') return values;
  }
  return wanted.length === found.length ? values : undefined;
}

/** `/orders/{id}` of `GET /orders/{id}`. */
export const templateOf = (route: string): string => route.replace(/^[A-Z]+ +/, '');

interface Request {
  path: string;
  query: string;
  pairs: [string, string][];
  /** By lower-case name. */
  headers: Record<string, string[]>;
  /** How the check writes the names of its own headers, by lower-case name. */
  names: Record<string, string>;
  body: string | undefined;
  isBase64: boolean;
}

function requestOf({
  path: written,
  headers = {},
  body,
  isBase64 = false,
  form,
  event,
}: SmokeCheck): Request {
  const [path = '/', ...rest] = written.split('?');
  const query = rest.join('?');
  const own = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), [value].flat()] as const);
  const text = form === undefined ? body : encodedForm(form);
  const type = own.find(([name]) => name === 'content-type')?.[1][0] ?? typeOf(text, form, isBase64);
  // A REST API encodes only the types that it lists as binary, and by default it lists none.
  const isEncoded = !isBase64 && text !== undefined && event !== 'rest' && !TEXTUAL.test(type);
  return {
    path,
    query,
    pairs: [...new URLSearchParams(query)],
    headers: {
      accept: ['*/*'],
      host: [HOST],
      'user-agent': [AGENT],
      'x-amzn-trace-id': ['Root=1-00000000-000000000000000000000000'],
      'x-forwarded-for': [SOURCE_IP],
      'x-forwarded-port': ['443'],
      'x-forwarded-proto': ['https'],
      ...(text === undefined ? {} : { 'content-type': [type], 'content-length': [lengthOf(text, isBase64)] }),
      ...Object.fromEntries(own),
    },
    names: Object.fromEntries(Object.keys(headers).map((name) => [name.toLowerCase(), name])),
    body: isEncoded ? base64(text) : text,
    isBase64: isBase64 || isEncoded,
  };
}

function payload2(check: SmokeCheck, request: Request, { at, time }: Sent): object {
  const isUrl = check.event !== 'http';
  const { method, route, authorizer, stage = '$default', pathParameters } = check;
  const { path, query, pairs, body, isBase64 } = request;
  const { cookie, ...headers } = request.headers;
  const routeKey = route === undefined || route === '$default' ? '$default' : keyOf(method, route);
  const rawPath = stage === '$default' ? path : `/${stage}${path}`;
  const parameters = pathParameters ?? (route === undefined ? {} : pathParametersOf(templateOf(route), path));
  const host = headers.host?.[0] ?? HOST;
  return {
    version: '2.0',
    routeKey,
    rawPath,
    rawQueryString: query,
    ...(cookie === undefined ? {} : { cookies: cookie.flatMap((each) => each.split(/; */)) }),
    headers: mapped(headers, (values) => values.join(',')),
    ...(pairs.length === 0
      ? {}
      : { queryStringParameters: mapped(grouped(pairs), (values) => values.join(',')) }),
    requestContext: {
      accountId: isUrl ? 'anonymous' : ACCOUNT,
      apiId: AGENT,
      ...(authorizer === undefined ? {} : { authorizer: isUrl ? authorizer : jwtOf(authorizer) }),
      domainName: host,
      domainPrefix: host.split('.')[0],
      http: {
        method,
        path: rawPath,
        protocol: 'HTTP/1.1',
        sourceIp: SOURCE_IP,
        userAgent: headers['user-agent']?.[0] ?? AGENT,
      },
      requestId: `${AGENT}-${at}`,
      routeKey,
      stage,
      time,
      timeEpoch: at,
    },
    ...(body === undefined ? {} : { body }),
    ...(Object.keys(parameters ?? {}).length === 0 ? {} : { pathParameters: parameters }),
    isBase64Encoded: isBase64,
  };
}

function restEvent(check: SmokeCheck, request: Request, { at, time }: Sent): object {
  const { method, route, authorizer, stage = 'prod', pathParameters } = check;
  const { path, pairs, body, isBase64 } = request;
  const resource = route === undefined ? (path === '/' ? '/' : '/{proxy+}') : templateOf(route);
  const parameters = pathParameters ?? pathParametersOf(resource, path) ?? {};
  const { 'content-length': _, ...others } = request.headers;
  // A REST API keeps the case of names, and writes these two with capitals.
  const headers = Object.fromEntries(
    Object.entries(others).map(([name, values]) => [cased(name, request.names[name]), values]),
  );
  const host = request.headers.host?.[0] ?? HOST;
  const query = grouped(pairs);
  const last = (values: string[]) => values.at(-1) ?? '';
  return {
    resource,
    path,
    httpMethod: method,
    headers: mapped(headers, last),
    multiValueHeaders: headers,
    queryStringParameters: pairs.length === 0 ? null : mapped(query, last),
    multiValueQueryStringParameters: pairs.length === 0 ? null : query,
    pathParameters: Object.keys(parameters).length === 0 ? null : parameters,
    stageVariables: null,
    requestContext: {
      resourceId: 'smoke',
      ...(authorizer === undefined ? {} : { authorizer }),
      resourcePath: resource,
      httpMethod: method,
      extendedRequestId: `${AGENT}-${at}`,
      requestTime: time,
      path: `/${stage}${path}`,
      accountId: ACCOUNT,
      protocol: 'HTTP/1.1',
      stage,
      domainPrefix: host.split('.')[0],
      requestTimeEpoch: at,
      requestId: `${AGENT}-${at}`,
      identity: {
        cognitoIdentityPoolId: null,
        accountId: null,
        cognitoIdentityId: null,
        caller: null,
        sourceIp: SOURCE_IP,
        principalOrgId: null,
        accessKey: null,
        cognitoAuthenticationType: null,
        cognitoAuthenticationProvider: null,
        userArn: null,
        userAgent: request.headers['user-agent']?.[0] ?? AGENT,
        user: null,
      },
      domainName: host,
      deploymentId: 'smoke',
      apiId: AGENT,
    },
    body: body ?? null,
    isBase64Encoded: isBase64,
  };
}

function albEvent({ method, multiValue = false }: SmokeCheck, request: Request): object {
  const { path, query, headers, body = '', isBase64 } = request;
  // A load balancer does not decode what stands in a query.
  const raw = grouped(
    query
      .split('&')
      .filter((part) => part !== '')
      .map((part) => [part.split('=')[0] ?? '', part.split('=').slice(1).join('=')]),
  );
  const last = (values: string[]) => values.at(-1) ?? '';
  return {
    requestContext: {
      elb: {
        targetGroupArn: `arn:aws:elasticloadbalancing:us-east-1:${ACCOUNT}:targetgroup/${AGENT}/0000000000000000`,
      },
    },
    httpMethod: method,
    path,
    ...(multiValue
      ? { multiValueQueryStringParameters: raw, multiValueHeaders: headers }
      : {
          queryStringParameters: mapped(raw, last),
          headers: mapped(headers, (values) => values.join(',')),
        }),
    body,
    isBase64Encoded: isBase64,
  };
}

/** `GET /orders/{id}`: the method may be left out of a route. */
const keyOf = (method: string, route: string) => (route.startsWith('/') ? `${method} ${route}` : route);

/** An HTTP API nests the claims of a token under `jwt`, a REST API does not; whoever writes claims alone means the same. */
function jwtOf(authorizer: Record<string, unknown>): object {
  const { claims, scopes = null, ...others } = authorizer;
  return claims === undefined ? authorizer : { ...others, jwt: { claims, scopes } };
}

function cased(name: string, written = name): string {
  if (name === 'authorization') return 'Authorization';
  const names: Record<string, string> = {
    accept: 'Accept',
    'content-type': 'Content-Type',
    cookie: 'Cookie',
    host: 'Host',
    'user-agent': 'User-Agent',
    'x-amzn-trace-id': 'X-Amzn-Trace-Id',
    'x-forwarded-for': 'X-Forwarded-For',
    'x-forwarded-port': 'X-Forwarded-Port',
    'x-forwarded-proto': 'X-Forwarded-Proto',
  };
  return names[name] ?? written;
}

function typeOf(text: string | undefined, form: unknown, isBase64: boolean): string {
  if (form !== undefined) return 'application/x-www-form-urlencoded';
  if (isBase64) return 'application/octet-stream';
  return isJson(text ?? '') ? 'application/json' : 'text/plain';
}

function encodedForm(form: Record<string, string | string[]>): string {
  const pairs = Object.entries(form).flatMap(([name, value]) =>
    [value].flat().map((each): [string, string] => [name, each]),
  );
  return new URLSearchParams(pairs).toString();
}

function lengthOf(text: string, isBase64: boolean): string {
  const bytes = isBase64
    ? Math.floor((text.replace(/=+$/, '').length * 3) / 4)
    : new TextEncoder().encode(text).length;
  return String(bytes);
}

const base64 = (text: string) =>
  btoa(Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join(''));

function grouped(pairs: string[][]): Record<string, string[]> {
  const found: Record<string, string[]> = Object.create(null);
  for (const [name = '', value = ''] of pairs) found[name] = [...(found[name] ?? []), value];
  return { ...found };
}

const mapped = (map: Record<string, string[]>, to: (values: string[]) => string) =>
  Object.fromEntries(Object.entries(map).map(([name, values]) => [name, to(values)]));

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
