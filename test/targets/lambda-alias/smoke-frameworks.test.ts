import { createRequire } from 'node:module';
import { Router } from '@aws-lambda-powertools/event-handler/http';
import httpRouter from '@middy/http-router';
import { Hono } from 'hono';
import { handle } from 'hono/aws-lambda';
import { describe, expect, test } from 'vitest';
import { gatewayAnswer } from '../../../core/analysis/gateway.ts';
import { eventOf } from '../../../core/analysis/smoke-event.ts';
import { SMOKE_EVENTS, type SmokeCheck, type SmokeEvent } from '../../../core/analysis/types.ts';

/** What each handler of these tests answers: what it made of the request. */
interface Echo {
  method: string;
  path: string;
  id: string;
  query: string;
  header: string;
  cookie: string;
  body: string;
}

type Handler = (event: never, context: never) => unknown;

const context = {
  functionName: 'api',
  functionVersion: '2',
  invokedFunctionArn: 'arn:aws:lambda:eu-west-1:111122223333:function:api:2',
  awsRequestId: 'smoke',
  getRemainingTimeInMillis: () => 3_000,
};

/** Two packages whose types are missing or say something else than what they export. */
const require = createRequire(import.meta.url);
interface ExpressRequest {
  method: string;
  path: string;
  params: { id: string };
  query: { q?: string };
  body: unknown;
  get(name: string): string | undefined;
}
interface ExpressApp {
  use(middleware: unknown): void;
  all(path: string, handle: (request: ExpressRequest, response: { json(value: Echo): void }) => void): void;
}
const express = require('express') as { (): ExpressApp; text(options: object): unknown };
const serverlessExpress = require('@codegenie/serverless-express') as (options: object) => Handler;

const hono = new Hono();
hono.all('/orders/:id', async (c) =>
  c.json({
    method: c.req.method,
    path: c.req.path,
    id: c.req.param('id'),
    query: c.req.query('q') ?? '',
    header: c.req.header('x-test') ?? '',
    cookie: c.req.header('cookie') ?? '',
    body: await c.req.text(),
  }),
);

const app = express();
app.use(express.text({ type: () => true }));
app.all('/orders/:id', (request, response) => {
  response.json({
    method: request.method,
    path: request.path,
    id: request.params.id,
    query: request.query.q ?? '',
    header: request.get('x-test') ?? '',
    cookie: request.get('cookie') ?? '',
    body: typeof request.body === 'string' ? request.body : '',
  });
});

/** A router of middy looks at the event by itself, and leaves the rest to the handler. */
const routed = httpRouter([
  {
    method: 'ANY',
    path: '/orders/{id}',
    handler: async (event: unknown) => {
      const { headers, multiValueHeaders, queryStringParameters, body, isBase64Encoded, pathParameters } =
        event as {
          headers?: Record<string, string>;
          multiValueHeaders?: Record<string, string[]>;
          queryStringParameters?: Record<string, string> | null;
          body?: string | null;
          isBase64Encoded: boolean;
          pathParameters?: Record<string, string>;
        };
      const { httpMethod, path, requestContext, rawPath, cookies } = event as never as {
        httpMethod?: string;
        path?: string;
        rawPath?: string;
        cookies?: string[];
        requestContext: { http?: { method: string } };
      };
      const header = (name: string) =>
        Object.entries(headers ?? multiValueHeaders ?? {})
          .filter(([key]) => key.toLowerCase() === name)
          .map(([, value]) => [value].flat().join(', '))[0] ?? '';
      const echo: Echo = {
        method: httpMethod ?? requestContext.http?.method ?? '',
        path: path ?? rawPath ?? '',
        id: decodeURIComponent(pathParameters?.id ?? ''),
        query: queryStringParameters?.q ?? '',
        header: header('x-test'),
        cookie: cookies?.join('; ') ?? header('cookie'),
        body: Buffer.from(body ?? '', isBase64Encoded ? 'base64' : 'utf8').toString(),
      };
      return { statusCode: 200, body: JSON.stringify(echo) };
    },
  },
] as never);

const powertools = new Router();
for (const method of ['get', 'post'] as const)
  powertools[method]('/orders/:id', async ({ req, params }) => ({
    method: req.method,
    path: new URL(req.url).pathname,
    id: params.id,
    query: new URL(req.url).searchParams.get('q') ?? '',
    header: req.headers.get('x-test') ?? '',
    cookie: req.headers.get('cookie') ?? '',
    body: req.method === 'GET' ? '' : await req.text(),
  }));

const HANDLERS: Record<string, Handler> = {
  hono: handle(hono) as Handler,
  'serverless-express': serverlessExpress({ app }),
  'middy http-router': routed as Handler,
  'powertools event handler': (async (event: never) =>
    powertools.resolve(event, context as never)) as Handler,
};

async function asked(handler: Handler, check: SmokeCheck): Promise<Echo> {
  const event = JSON.parse(
    JSON.stringify(eventOf(check, { at: 1_767_600_000_000, time: '05/Jan/2026:08:00:00 +0000' })),
  );
  const answer = gatewayAnswer(
    check.event ?? 'url',
    JSON.stringify(await handler(event as never, context as never)),
  );
  expect(answer).toMatchObject({ status: 200 });
  const { body, isBase64 } = answer as { body: string; isBase64: boolean };
  return JSON.parse(Buffer.from(body, isBase64 ? 'base64' : 'utf8').toString()) as Echo;
}

const checkOf = (event: SmokeEvent, more: Partial<SmokeCheck> = {}): SmokeCheck => ({
  target: 'api',
  event,
  method: 'GET',
  path: '/orders/7?q=x',
  headers: { 'X-Test': 'yes', cookie: 'a=1; b=2' },
  expect: { status: 200, json: {} },
  ...more,
});

describe.each(Object.entries(HANDLERS))('%s accepts a smoke test', (_name, handler) => {
  test.each(SMOKE_EVENTS)('of %s', async (event) => {
    const route = event === 'http' || event === 'rest' ? { route: 'GET /orders/{id}' } : {};
    expect(await asked(handler, checkOf(event, route))).toEqual({
      method: 'GET',
      path: '/orders/7',
      id: '7',
      query: 'x',
      header: 'yes',
      cookie: expect.stringMatching(/^a=1; ?b=2$/),
      body: '',
    });
  });

  test.each(SMOKE_EVENTS)('of %s with JSON, a form and bytes', async (event) => {
    const post = { method: 'POST' } as const;
    expect((await asked(handler, checkOf(event, { ...post, body: '{"name":"Größe"}' }))).body).toBe(
      '{"name":"Größe"}',
    );
    expect((await asked(handler, checkOf(event, { ...post, form: { a: 'b c', d: ['1', '2'] } }))).body).toBe(
      'a=b+c&d=1&d=2',
    );
    const bytes = { body: Buffer.from('bytes').toString('base64'), isBase64: true };
    expect((await asked(handler, checkOf(event, { ...post, ...bytes }))).body).toBe('bytes');
  });
});
