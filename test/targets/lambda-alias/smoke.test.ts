import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import 'aws-sdk-client-mock-vitest/extend';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { SmokeCheck } from '../../../core/analysis/types.ts';
import type { HookReply, HookRunner } from '../../../core/ports.ts';
import { smokeByKind, smokeRunners } from '../../../targets/adapters.ts';
import { lambdaSmoke } from '../../../targets/lambda-alias/smoke.ts';
import { FINAL, PASSING, refusal, stubbed } from '../../adapters/stub.ts';
import { smokeQuestion } from '../../contract/hook-runner.ts';
import { targetOf } from '../../contract/rollouts.ts';

const client = new LambdaClient({ region: 'eu-west-1' });
const lambda = mockClient(client);
const AT = Date.UTC(2026, 0, 5, 9);
/** Time that stands still, so that no limit is ever reached. */
const still = { now: () => AT, sleep: () => new Promise<void>(() => {}) };
const runner = lambdaSmoke(client, still);
const target = { ...targetOf('api'), canary: '8' };
const check: SmokeCheck = {
  target: 'api',
  method: 'GET',
  path: '/health',
  expect: { status: 200, json: {} },
};
const nobody = () => Promise.reject(new Error('Nobody is asked here.'));
const payload = (value: unknown) => ({
  ExecutedVersion: '8',
  Payload: new TextEncoder().encode(JSON.stringify(value)) as never,
});

const ask = (smoke: HookRunner, spec: SmokeCheck): Promise<HookReply> =>
  smoke.ask(smokeQuestion(target, spec));

/** The event of the only invocation. */
function eventSent(): unknown {
  const input = lambda.commandCalls(InvokeCommand)[0]?.args[0].input;
  return JSON.parse(new TextDecoder().decode(input?.Payload as Uint8Array));
}

beforeEach(() => {
  lambda.reset();
  lambda.on(InvokeCommand).resolves(payload({ statusCode: 200, body: 'ok' }));
});

describe('Invoke', () => {
  test('names the function and the exact version, and waits for the answer', async () => {
    await ask(runner, check);
    expect(lambda).toHaveReceivedCommandTimes(InvokeCommand, 1);
    const { Payload: _, ...input } = lambda.commandCalls(InvokeCommand)[0]?.args[0].input ?? {};
    expect(input).toEqual({ FunctionName: 'api', Qualifier: '8' });
  });

  test('carries the event of a function URL, payload 2.0, unless the check says otherwise', async () => {
    await ask(runner, check);
    expect(eventSent()).toEqual({
      version: '2.0',
      routeKey: '$default',
      rawPath: '/health',
      rawQueryString: '',
      headers: {
        accept: '*/*',
        host: 'smoke.spillway',
        'user-agent': 'spillway-smoke',
        'x-amzn-trace-id': 'Root=1-00000000-000000000000000000000000',
        'x-forwarded-for': '127.0.0.1',
        'x-forwarded-port': '443',
        'x-forwarded-proto': 'https',
      },
      requestContext: {
        accountId: 'anonymous',
        apiId: 'spillway-smoke',
        domainName: 'smoke.spillway',
        domainPrefix: 'smoke',
        http: {
          method: 'GET',
          path: '/health',
          protocol: 'HTTP/1.1',
          sourceIp: '127.0.0.1',
          userAgent: 'spillway-smoke',
        },
        requestId: `spillway-smoke-${AT}`,
        routeKey: '$default',
        stage: '$default',
        time: '05/Jan/2026:09:00:00 +0000',
        timeEpoch: AT,
      },
      isBase64Encoded: false,
    });
  });

  test('carries query and body, with the length in bytes', async () => {
    const body = '{"name":"Größe"}';
    await ask(runner, { ...check, method: 'POST', path: '/checkout?dryRun=1&sku=T%201', body });
    expect(eventSent()).toMatchObject({
      rawPath: '/checkout',
      rawQueryString: 'dryRun=1&sku=T%201',
      queryStringParameters: { dryRun: '1', sku: 'T 1' },
      headers: { 'content-type': 'application/json', 'content-length': '18' },
      requestContext: { http: { method: 'POST', path: '/checkout' } },
      body,
    });
  });

  test.each([...PASSING, ...FINAL])('that meets %s is broken, with the reason', async (_what, error) => {
    lambda.on(InvokeCommand).rejects(error);
    expect(await ask(runner, check)).toEqual({
      status: 'broken',
      reason: `GET /health could not be sent: ${error.message}`,
    });
  });

  test('that reports a FunctionError fails, with type and message, or with a piece of what came', async () => {
    const threw = (value: unknown) =>
      lambda.on(InvokeCommand).resolves({ ...payload(value), FunctionError: 'Unhandled' });
    threw({ errorType: 'RangeError', errorMessage: 'too far' });
    expect(await ask(runner, check)).toMatchObject({
      status: 'fail',
      reason: expect.stringContaining('RangeError: too far'),
    });
    for (const much of ['x'.repeat(1000), { errorType: 'Error', errorMessage: 'x'.repeat(500_000) }]) {
      threw(much);
      const { status, reason } = await ask(runner, check);
      expect(status).toBe('fail');
      expect(reason.length).toBeLessThan(250);
    }
  });

  test('that names no version is broken: nobody knows who answered', async () => {
    lambda.on(InvokeCommand).resolves({ Payload: payload({ statusCode: 200 }).Payload });
    expect(await ask(runner, check)).toMatchObject({ status: 'broken' });
  });
});

describe('over the wire', () => {
  test('the version goes into the query, and the answer comes with its version in a header', async () => {
    const { config, sent } = stubbed({
      headers: { 'x-amz-executed-version': '8' },
      body: JSON.stringify({ statusCode: 200, body: '{"total":100}' }),
    });
    const smoke = lambdaSmoke(new LambdaClient(config), still);
    const answered = await ask(smoke, { ...check, expect: { status: 200, json: { '$.total': 100 } } });
    expect(answered).toMatchObject({ status: 'pass' });
    expect(sent).toMatchObject([
      {
        method: 'POST',
        path: '/2015-03-31/functions/api/invocations',
        query: { Qualifier: '8' },
        body: { rawPath: '/health' },
      },
    ]);
  });

  test('a function error comes in a header too', async () => {
    const { config } = stubbed({
      headers: { 'x-amz-executed-version': '8', 'x-amz-function-error': 'Unhandled' },
      body: JSON.stringify({ errorType: 'Error', errorMessage: 'boom' }),
    });
    const smoke = lambdaSmoke(new LambdaClient(config), still);
    expect(await ask(smoke, check)).toMatchObject({
      status: 'fail',
      reason: expect.stringContaining('Error: boom'),
    });
  });

  test('a throttle is broken', async () => {
    const smoke = lambdaSmoke(
      new LambdaClient(stubbed(refusal(429, 'TooManyRequestsException')).config),
      still,
    );
    expect(await ask(smoke, check)).toMatchObject({ status: 'broken' });
  });
});

test('a canary that hangs is broken before the function that asks it is killed', async () => {
  const hanging = new LambdaClient({ region: 'eu-west-1' });
  hanging.middlewareStack.add(() => () => new Promise(() => {}), {
    step: 'initialize',
    priority: 'high',
    name: 'hangs',
  });
  const sends = vi.spyOn(hanging, 'send');
  const smoke = lambdaSmoke(hanging, { now: () => AT, sleep: async () => {} });
  expect(await ask(smoke, check)).toEqual({
    status: 'broken',
    reason: 'GET /health did not answer within 8 s',
  });
  expect(sends.mock.calls.map(([, options]) => options)).toMatchObject([{ abortSignal: { aborted: true } }]);
});

test('an asker that gives up ends the request, whatever the kind of its target, and no retry or further check follows', async () => {
  let sent = 0;
  const handle = (_request: unknown, options: { abortSignal?: unknown } = {}) => {
    sent += 1;
    const signal = options.abortSignal as AbortSignal;
    return new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  };
  const hanging = new LambdaClient({ ...stubbed({}).config, requestHandler: { handle } });
  const others = {
    ...{ secrets: { read: async () => '' }, fetch: nobody },
    stores: { find: nobody, describe: nobody, entry: nobody, get: nobody, update: nobody },
  };
  const smoke = smokeByKind(smokeRunners, { ...others, lambda: hanging }, still);
  const asker = new AbortController();
  const asked = smoke.ask(smokeQuestion(target, { ...check, retries: 3 }), asker.signal);
  await vi.waitFor(() => expect(sent).toBe(1));
  asker.abort();
  expect(await asked).toMatchObject({ status: 'broken' });
  expect(sent).toBe(1);
});
