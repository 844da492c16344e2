import { expect } from 'vitest';
import type { SmokeCheck } from '../../core/analysis/types.ts';
import type { HookQuestion, HookReply, HookRunner } from '../../core/ports.ts';
import type { Target } from '../../core/rollout/event.ts';
import { contract, type Implementation } from './cases.ts';

/** A request as a version's code gets it. */
export interface Asked {
  version: string;
  method: string;
  path: string;
  query: string;
  contentType: string | undefined;
  body: string | undefined;
}

/** A target whose canary, version `2`, answers as it is arranged. Version `1` serves and must never be asked. */
export interface SmokeStage {
  runner: HookRunner;
  target: Target;
  /** Runs a check and lets the time pass that it takes. */
  run(check: SmokeCheck): Promise<HookReply>;
  arrange: {
    /** What the canary's code returns; the nth call takes the nth time, and the last one for all further calls. */
    answer(value: unknown, ...tookMs: number[]): void;
    /** The canary's code throws. */
    fail(errorName: string, message: string): void;
    /** Every call is refused for want of capacity. */
    throttle(): void | Promise<void>;
    /** The service lets another version answer. */
    misroute(version: string): void;
    /** The answer is no text that anybody can read. */
    garble(): void;
    /** The service cannot be reached. */
    disconnect(): void;
  };
  asked(): Asked[];
}

const check = (
  changes: Partial<SmokeCheck> = {},
  expected: Partial<SmokeCheck['expect']> = {},
): SmokeCheck => ({
  target: 'api',
  method: 'GET',
  path: '/health',
  expect: { status: 200, json: {}, ...expected },
  ...changes,
});

/** A smoke test as the hook that it is. */
export function smokeQuestion(target: Target, spec: SmokeCheck): HookQuestion {
  return {
    hook: {
      id: 'smoke.1',
      point: 'beforeTraffic',
      kind: 'smoke',
      target: target.name,
      spec,
      timeoutSeconds: 30,
      onBroken: 'revert',
    },
    target,
    idempotencyKey: 'checkout--r1--1/smoke.1',
    occurrence: 'smoke.1',
    about: {
      service: 'checkout',
      environment: 'production',
      rolloutId: 'checkout--r1--1',
      release: 'r1',
      step: -1,
      weight: 0,
    },
  };
}

const answerOf = (statusCode: number, body: unknown) => ({ statusCode, body: JSON.stringify(body) });

/** What every runner of smoke tests promises. */
export function describeSmokeRunner(implementation: Implementation<SmokeStage>): void {
  contract<SmokeStage>('HookRunner of smoke tests', implementation, (keeps) => {
    keeps('asks the canary and passes what answers as expected', async ({ run, asked, arrange }) => {
      arrange.answer(answerOf(200, { ok: true }));
      expect(await run(check())).toEqual({
        status: 'pass',
        reason: expect.stringMatching(/^GET \/health .*200/),
      });
      expect(asked()).toMatchObject([
        { version: '2', method: 'GET', path: '/health', query: '', body: undefined },
      ]);
    });

    keeps('sends method, path, query and body as they are written', async ({ run, asked, arrange }) => {
      arrange.answer(answerOf(201, {}));
      const body = '{"sku":"T1","name":"Größe"}';
      expect(
        await run(check({ method: 'POST', path: '/checkout?dryRun=1&x=a%20b', body }, { status: 201 })),
      ).toMatchObject({
        status: 'pass',
      });
      expect(asked()).toEqual([
        {
          version: '2',
          method: 'POST',
          path: '/checkout',
          query: 'dryRun=1&x=a%20b',
          contentType: 'application/json',
          body,
        },
      ]);
    });

    keeps('fails another status, and quotes what came', async ({ run, arrange }) => {
      arrange.answer(answerOf(503, { message: 'no stock' }));
      expect(await run(check())).toEqual({
        status: 'fail',
        reason: expect.stringMatching(/503.*200.*no stock/),
      });
    });

    keeps('fails a missing text and passes one that is there', async ({ run, arrange }) => {
      arrange.answer({ statusCode: 200, body: 'all is well' });
      expect(await run(check({}, { text: 'is well' }))).toMatchObject({ status: 'pass' });
      expect(await run(check({}, { text: 'on fire' }))).toMatchObject({
        status: 'fail',
        reason: expect.stringContaining('on fire'),
      });
    });

    keeps('compares values at JSON paths by content', async ({ run, arrange }) => {
      arrange.answer(answerOf(200, { total: 100, items: [{ id: null, tags: { b: 1, a: [2] } }] }));
      const good = { '$.total': 100, '$.items[0].id': null, '$.items[0].tags': { a: [2], b: 1 } };
      expect(await run(check({}, { json: good }))).toMatchObject({ status: 'pass' });
      for (const json of [
        { '$.total': '100' },
        { '$.items[1].id': null },
        { '$.items[0].tags': { a: [2] } },
        { '$.none': 1 },
      ])
        expect(await run(check({}, { json }))).toMatchObject({
          status: 'fail',
          reason: expect.stringContaining('$.'),
        });
    });

    keeps('fails a JSON path where the body is no JSON', async ({ run, arrange }) => {
      arrange.answer({ statusCode: 200, body: '<html>' });
      expect(await run(check({}, { json: { '$.total': 100 } }))).toMatchObject({ status: 'fail' });
    });

    keeps('asks once where the first answer is good', async ({ run, asked, arrange }) => {
      arrange.answer(answerOf(200, {}), 100);
      expect(await run(check({}, { underMs: 800 }))).toMatchObject({ status: 'pass' });
      expect(asked()).toHaveLength(1);
    });

    keeps('asks a second time where only a cold start was slow', async ({ run, asked, arrange }) => {
      arrange.answer(answerOf(200, {}), 2500, 100);
      expect(await run(check({}, { underMs: 800 }))).toMatchObject({ status: 'pass' });
      expect(asked()).toHaveLength(2);
    });

    keeps('fails what is slow when it is warm too, and says how slow', async ({ run, asked, arrange }) => {
      arrange.answer(answerOf(200, {}), 2500, 900);
      expect(await run(check({}, { underMs: 800 }))).toEqual({
        status: 'fail',
        reason: expect.stringMatching(/900 ms.*800 ms/),
      });
      expect(asked()).toHaveLength(2);
    });

    keeps('does not ask again where more than the time is wrong', async ({ run, asked, arrange }) => {
      arrange.answer(answerOf(500, {}), 2500, 100);
      expect(await run(check({}, { underMs: 800 }))).toMatchObject({ status: 'fail' });
      expect(asked()).toHaveLength(1);
    });

    keeps('fails a release whose code throws, and names the error', async ({ run, arrange }) => {
      arrange.fail('TypeError', 'price is not a number');
      expect(await run(check())).toEqual({
        status: 'fail',
        reason: expect.stringMatching(/version 2.*TypeError: price is not a number/),
      });
    });

    keeps('fails a throw also where status 500 is expected: it is no answer', async ({ run, arrange }) => {
      arrange.fail('Error', 'boom');
      expect(await run(check({}, { status: 500 }))).toMatchObject({ status: 'fail' });
    });

    keeps('is broken where another version answered', async ({ run, arrange }) => {
      arrange.answer(answerOf(200, {}));
      arrange.misroute('1');
      expect(await run(check())).toEqual({
        status: 'broken',
        reason: expect.stringMatching(/version 1, not 2/),
      });
    });

    keeps(
      'is broken where another version threw: that says nothing of this release',
      async ({ run, arrange }) => {
        arrange.fail('Error', 'boom');
        arrange.misroute('1');
        expect(await run(check())).toMatchObject({ status: 'broken' });
      },
    );

    keeps('is broken where the canary cannot be asked', async ({ run, arrange }) => {
      arrange.answer(answerOf(200, {}));
      await arrange.throttle();
      expect(await run(check())).toEqual({
        status: 'broken',
        reason: expect.stringMatching(/^GET \/health/),
      });
    });

    keeps('is broken where the service cannot be reached', async ({ run, arrange }) => {
      arrange.disconnect();
      expect(await run(check())).toEqual({
        status: 'broken',
        reason: expect.stringMatching(/^GET \/health/),
      });
    });

    keeps('is broken where the target is gone', async ({ runner, target }) => {
      const gone = { ...target, ref: { ...target.ref, functionName: 'gone' }, canary: '99' };
      expect(await runner.ask(smokeQuestion(gone, check()))).toMatchObject({
        status: 'broken',
        reason: expect.stringMatching(/gone/),
      });
    });

    keeps('reads bodies in base64', async ({ run, arrange }) => {
      const body = Buffer.from('{"total":100,"unit":"€"}').toString('base64');
      arrange.answer({ statusCode: 200, body, isBase64Encoded: true });
      expect(await run(check({}, { json: { '$.total': 100 }, text: '€' }))).toMatchObject({ status: 'pass' });
    });

    keeps('takes a bare value for status 200 with that body', async ({ run, arrange }) => {
      arrange.answer({ total: 100 });
      expect(await run(check({}, { json: { '$.total': 100 } }))).toMatchObject({ status: 'pass' });
      expect(await run(check({}, { status: 404 }))).toMatchObject({ status: 'fail' });
      arrange.answer('hello');
      expect(await run(check({}, { text: 'hello' }))).toMatchObject({ status: 'pass' });
      arrange.answer([1, 2]);
      expect(await run(check({}, { json: { '$[1]': 2 } }))).toMatchObject({ status: 'pass' });
    });

    for (const value of [
      null,
      undefined,
      0,
      '',
      { statusCode: 'no number' },
      { statusCode: 200, body: 7 },
      { statusCode: null },
    ]) {
      keeps(
        `never throws, whatever comes: ${JSON.stringify(value) ?? 'nothing'}`,
        async ({ run, arrange }) => {
          arrange.answer(value);
          expect(['pass', 'fail', 'broken']).toContain((await run(check({}, { json: { '$.a': 1 } }))).status);
          expect(await run(check({}, { status: 418 }))).toMatchObject({ status: 'fail' });
        },
      );
    }

    keeps('never throws where the answer cannot be read', async ({ run, arrange }) => {
      arrange.answer(answerOf(200, {}));
      arrange.garble();
      expect(await run(check({}, { text: 'ok' }))).toMatchObject({ status: 'fail' });
    });
  });
}
