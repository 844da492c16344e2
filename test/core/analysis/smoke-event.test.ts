import { describe, expect, test } from 'vitest';
import { eventOf, pathParametersOf } from '../../../core/analysis/smoke-event.ts';
import type { SmokeCheck } from '../../../core/analysis/types.ts';

const SENT = { at: 1_767_603_600_000, time: '05/Jan/2026:09:00:00 +0000' };
const check = (more: Partial<SmokeCheck>): SmokeCheck => ({
  target: 'api',
  method: 'GET',
  path: '/orders/a%20b?q=1&q=x%2Fy&flag',
  expect: { status: 200, json: {} },
  ...more,
});
const event = (more: Partial<SmokeCheck>) => eventOf(check(more), SENT) as Record<string, unknown>;
const own = { 'X-Api-Key': 'k', authorization: 'Bearer t', 'X-Two': ['1', '2'] };

test('a REST API sends payload 1.0: resource, stage, both kinds of headers and query, in the case that was written', () => {
  expect(
    event({ event: 'rest', route: '/orders/{id}', headers: own, authorizer: { claims: { sub: 's' } } }),
  ).toMatchObject({
    resource: '/orders/{id}',
    path: '/orders/a%20b',
    httpMethod: 'GET',
    headers: { Host: 'smoke.spillway', 'X-Api-Key': 'k', Authorization: 'Bearer t', 'X-Two': '2' },
    multiValueHeaders: { 'X-Two': ['1', '2'], 'User-Agent': ['spillway-smoke'] },
    queryStringParameters: { q: 'x/y', flag: '' },
    multiValueQueryStringParameters: { q: ['1', 'x/y'], flag: [''] },
    pathParameters: { id: 'a b' },
    stageVariables: null,
    requestContext: {
      resourcePath: '/orders/{id}',
      path: '/prod/orders/a%20b',
      stage: 'prod',
      requestTime: SENT.time,
      requestTimeEpoch: SENT.at,
      identity: { sourceIp: '127.0.0.1', userAgent: 'spillway-smoke', cognitoIdentityId: null },
      authorizer: { claims: { sub: 's' } },
    },
    body: null,
    isBase64Encoded: false,
  });
});

test('a REST API without a resource of its own sends that of a proxy, and nulls for what is not there', () => {
  expect(event({ event: 'rest', path: '/a/b' })).toMatchObject({
    resource: '/{proxy+}',
    pathParameters: { proxy: 'a/b' },
    queryStringParameters: null,
    multiValueQueryStringParameters: null,
  });
  expect(event({ event: 'rest', path: '/' })).toMatchObject({ resource: '/', pathParameters: null });
});

test('an HTTP API sends payload 2.0: route key, joined query and headers, cookies apart, claims under jwt', () => {
  const sent = event({
    event: 'http',
    route: '/orders/{id}',
    stage: 'v1',
    headers: { ...own, Cookie: 'a=1; b=2' },
    authorizer: { claims: { sub: 's' } },
  });
  expect(sent).toMatchObject({
    version: '2.0',
    routeKey: 'GET /orders/{id}',
    rawPath: '/v1/orders/a%20b',
    rawQueryString: 'q=1&q=x%2Fy&flag',
    cookies: ['a=1', 'b=2'],
    headers: { 'x-api-key': 'k', 'x-two': '1,2' },
    queryStringParameters: { q: '1,x/y', flag: '' },
    pathParameters: { id: 'a b' },
    requestContext: {
      authorizer: { jwt: { claims: { sub: 's' }, scopes: null } },
      http: { method: 'GET', path: '/v1/orders/a%20b' },
      stage: 'v1',
      time: SENT.time,
    },
  });
  expect(sent.headers).not.toHaveProperty('cookie');
});

test('a load balancer sends the query as it was written, and single or multi-value maps', () => {
  expect(event({ event: 'alb', headers: own })).toEqual({
    requestContext: { elb: { targetGroupArn: expect.stringMatching(/:targetgroup\//) } },
    httpMethod: 'GET',
    path: '/orders/a%20b',
    queryStringParameters: { q: 'x%2Fy', flag: '' },
    headers: expect.objectContaining({ host: 'smoke.spillway', 'x-two': '1,2' }),
    body: '',
    isBase64Encoded: false,
  });
  const multi = event({ event: 'alb', headers: own, multiValue: true });
  expect(multi).toMatchObject({
    multiValueQueryStringParameters: { q: ['1', 'x%2Fy'], flag: [''] },
    multiValueHeaders: { 'x-two': ['1', '2'] },
  });
  expect(multi).not.toHaveProperty('headers');
});

test('a form comes in base64 from all but a REST API, JSON from none', () => {
  const form = { form: { a: 'b c' }, method: 'POST' };
  for (const door of ['url', 'http', 'alb'] as const)
    expect(event({ ...form, event: door })).toMatchObject({ body: btoa('a=b+c'), isBase64Encoded: true });
  expect(event({ ...form, event: 'rest' })).toMatchObject({ body: 'a=b+c', isBase64Encoded: false });
  for (const door of ['url', 'http', 'alb', 'rest'] as const)
    expect(event({ method: 'POST', body: '{}', event: door })).toMatchObject({
      body: '{}',
      isBase64Encoded: false,
    });
});

test('a whole event is sent as it is', () => {
  expect(event({ payload: { Records: [1] } })).toEqual({ Records: [1] });
});

describe('path parameters', () => {
  test.each<[string, string, Record<string, string> | undefined]>([
    ['/orders/{id}', '/orders/7', { id: '7' }],
    ['/orders/{id}/items/{n}', '/orders/7/items/8', { id: '7', n: '8' }],
    ['/{proxy+}', '/a/b/c', { proxy: 'a/b/c' }],
    ['/a/{proxy+}', '/a', undefined],
    ['/orders/{id}', '/orders', undefined],
    ['/orders/{id}', '/orders/', undefined],
    ['/orders/{id}', '/orders/7/x', undefined],
    ['/orders', '/orders', {}],
    ['/orders/{id}', '/orders/%E0%A4%A', { id: '%E0%A4%A' }],
  ])('of %s in %s', (template, path, expected) => {
    expect(pathParametersOf(template, path)).toEqual(expected);
  });
});
