import { LambdaClient } from '@aws-sdk/client-lambda';
import { describe, expect, test, vi } from 'vitest';
import { lambdaHook, lambdaHookCheck } from '../../adapters/lambda-hook.ts';
import { virtualClock } from '../../local/clock.ts';
import { seededRandom } from '../../local/random.ts';
import { attach, awsError, type Intercept } from '../../local/sdk.ts';
import { type Model, SimulatedLambda } from '../../local/services/lambda.ts';
import { questionOf } from './question.ts';

const pass = { status: 'pass', reason: 'all is well' };

const question = (functionName = 'shop-hook') =>
  questionOf(
    { id: 'beforeStep.1', point: 'beforeStep', kind: 'lambda', spec: { functionName } },
    { step: -1, weight: 0 },
  );

/** A region with one function; `tags` says whose it is. */
function stage(
  model: Model,
  tags: Record<string, string> = { 'spillway:service': 'shop' },
  intercept?: Intercept,
) {
  const clock = virtualClock();
  const lambda = new SimulatedLambda({
    clock,
    random: seededRandom(1),
    region: 'eu-west-1',
    account: '111122223333',
    recordCalls: true,
  });
  lambda.helpers.createFunction({ name: 'shop-hook', tags, timeout: 900 });
  lambda.helpers.deployModel('shop-hook', model);
  const client = new LambdaClient({ region: 'eu-west-1', cacheMiddleware: true });
  attach(client, lambda.operations, { clock, intercept });
  const invoked = () => lambda.calls.filter(({ command }) => command === 'InvokeCommand').length;
  return { clock, client, invoked, hook: lambdaHook(client, clock), check: lambdaHookCheck(client, clock) };
}

describe('a function', () => {
  test('is told what is going on, and what to send with an answer that comes later', async () => {
    const seen: unknown[] = [];
    const { clock, hook } = stage((event) => {
      seen.push(event);
      return pass;
    });
    expect(await clock.run(hook.ask(question()))).toEqual(pass);
    expect(seen).toEqual([
      {
        service: 'shop',
        environment: 'production',
        release: 'r8',
        rolloutId: 'shop--r8--1',
        target: 'api',
        stable: '7',
        canary: '8',
        step: -1,
        weight: 0,
        hook: 'beforeStep.1@0',
        idempotencyKey: 'shop--r8--1/beforeStep.1@0',
        callback: {
          command: 'answer',
          rolloutId: 'shop--r8--1',
          hook: 'beforeStep.1@0',
          by: 'hook beforeStep.1',
        },
      },
    ]);
  });

  test('that throws is broken, with the beginning of its error', async () => {
    const { clock, hook } = stage(() => {
      throw new TypeError(`no table ${'z'.repeat(500)}`);
    });
    const answer = await clock.run(hook.ask(question()));
    expect(answer.status).toBe('broken');
    expect(answer.reason).toMatch(/^function shop-hook failed: TypeError: no table z{100,120}$/);
  });

  test('that was written for CodeDeploy is told what to return', async () => {
    const { clock, hook } = stage(() => {
      throw Object.assign(new Error('1 validation error: lifecycleEventHookExecutionId must be a string'), {
        name: 'ValidationException',
      });
    });
    const answer = await clock.run(hook.ask(question()));
    expect(answer).toMatchObject({
      status: 'broken',
      reason: expect.stringContaining('let it return { status, reason }'),
    });
  });

  test.each([
    ['nothing', () => undefined, 'not an object'],
    ['5 MB', () => ({ ...pass, data: 'x'.repeat(5 * 1024 * 1024) }), 'longer than 64 KB'],
    ['another status', () => ({ status: 'ok', reason: '' }), 'no status of'],
  ])('that answers %s is broken', async (_, model, reason) => {
    const { clock, hook } = stage(model);
    expect(await clock.run(hook.ask(question()))).toMatchObject({
      status: 'broken',
      reason: expect.stringContaining(reason),
    });
  });

  test('that is silent is given up after 8 s', async () => {
    const { clock, hook } = stage(() => new Promise(() => {}));
    const began = clock.now();
    expect(await clock.run(hook.ask(question()))).toMatchObject({ status: 'broken' });
    expect(clock.now() - began).toBe(8_000);
  });

  test('is given the whole limit by the client as well, which is then told to stop', async () => {
    const { clock, client, hook } = stage(() => new Promise(() => {}));
    const send = vi.spyOn(client, 'send');
    await clock.run(hook.ask(question()));
    const options: unknown = send.mock.calls.at(-1)?.[1];
    expect(options).toMatchObject({ requestTimeout: 8_000, abortSignal: { aborted: true } });
  });

  test('is not asked any more once its asker gives up, from the look at its tags on', async () => {
    const { clock, client, hook } = stage(() => new Promise(() => {}));
    const send = vi.spyOn(client, 'send');
    const asker = new AbortController();
    void hook.ask(question(), asker.signal);
    await clock.advance(3_000);
    const signals = send.mock.calls.map((call) => (call as { abortSignal?: AbortSignal }[])[1]?.abortSignal);
    expect(signals).toMatchObject([{ aborted: false }, { aborted: false }]);
    asker.abort();
    expect(signals).toMatchObject([{ aborted: true }, { aborted: true }]);
  });

  test.each(['TooManyRequestsException', 'AccessDeniedException'])(
    'that cannot be invoked (%s) is broken',
    async (name) => {
      const { clock, hook } = stage(
        () => pass,
        undefined,
        async (command, _, call) => {
          if (command === 'InvokeCommand') throw awsError(name, 'not now', 429);
          return call();
        },
      );
      expect(await clock.run(hook.ask(question()))).toEqual({
        status: 'broken',
        reason: 'it could not be asked: not now',
      });
    },
  );
});

describe('a function that this service may not call', () => {
  const cases: [string, string, Record<string, string>, string][] = [
    [
      'does not exist',
      'shop-hok',
      { 'spillway:service': 'shop' },
      'hooks.beforeStep.1: there is no function shop-hok in this account and region; create it or correct its name.',
    ],
    [
      'belongs to another service',
      'shop-hook',
      { 'spillway:service': 'bank' },
      'hooks.beforeStep.1: function shop-hook belongs to service bank; its owner must tag it spillway:service=shop, or the hook must name another one.',
    ],
    [
      'carries no tag',
      'shop-hook',
      {},
      'hooks.beforeStep.1: function shop-hook carries no tag spillway:service; its owner must tag it spillway:service=shop, or the hook must name another one.',
    ],
  ];

  test.each(cases)('because it %s is refused at opening', async (_, name, tags, message) => {
    const { clock, check } = stage(() => pass, tags);
    await expect(clock.run(check(question(name).hook, 'shop'))).rejects.toMatchObject({
      code: 'OpeningRefused',
      message,
    });
  });

  test.each(cases)('because it %s is never invoked', async (_, name, tags, message) => {
    const { clock, hook, invoked } = stage(() => pass, tags);
    expect(await clock.run(hook.ask(question(name)))).toEqual({
      status: 'broken',
      reason: `it could not be asked: ${message}`,
    });
    expect(invoked()).toBe(0);
  });

  test('is told from one that may be called, which opening only looks at', async () => {
    const { clock, check, invoked } = stage(() => pass);
    await clock.run(check(question().hook, 'shop'));
    expect(invoked()).toBe(0);
  });

  test('is not refused because Lambda cannot be reached: that passes', async () => {
    const { clock, check } = stage(
      () => pass,
      undefined,
      async () => {
        throw awsError('ServiceException', 'oops', 500);
      },
    );
    await expect(clock.run(check(question().hook, 'shop'))).rejects.toMatchObject({
      code: 'Unavailable',
    });
  });
});

test('a function that IAM hides for want of the tag is refused with the fix', async () => {
  const denied: Intercept = () => Promise.reject(awsError('AccessDeniedException', 'not authorized', 403));
  const { clock, check } = stage(() => pass, {}, denied);
  const refusal = clock.run(check(question().hook, 'shop'));
  await expect(refusal).rejects.toMatchObject({
    code: 'OpeningRefused',
    message: expect.stringContaining('let its owner tag it spillway:service=shop'),
  });
});
