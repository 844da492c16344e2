import { gzipSync } from 'node:zlib';
import { expect } from 'vitest';
import type { SmokeChain, SmokeCheck } from '../../core/analysis/types.ts';
import type { HookQuestion, HookReply, HookRunner } from '../../core/ports.ts';
import type { Target } from '../../core/target.ts';
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
  run(check: SmokeCheck | SmokeChain): Promise<HookReply>;
  arrange: {
    /** What the canary's code returns; the nth call takes the nth time, and the last one for all further calls. */
    answer(value: unknown, ...tookMs: number[]): void;
    /** What the canary's code returns for each event. */
    answerBy(answer: (event: never) => unknown): void;
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
export function smokeQuestion(target: Target, spec: SmokeCheck | SmokeChain): HookQuestion {
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

    keeps(
      'measures bytes that are no text, and fails what is asked of their text',
      async ({ run, arrange }) => {
        const image = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0xff, 0xfe, 0xc3]);
        const headers = { 'Content-Type': 'image/png' };
        arrange.answer({ statusCode: 200, headers, body: image.toString('base64'), isBase64Encoded: true });
        expect(await run(check({}, { length: { min: 12, max: 12 } }))).toMatchObject({ status: 'pass' });
        for (const wrong of [{ json: { '$.total': 100 } }, { text: 'hello' }, { length: { min: 13 } }])
          expect(await run(check({}, wrong))).toEqual({
            status: 'fail',
            // biome-ignore lint/suspicious/noControlCharactersInRegex: none of them may come through
            reason: expect.not.stringMatching(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/),
          });
      },
    );

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

    keeps('sends the event of the front door that the check names', async ({ run, arrange }) => {
      const events: Record<string, unknown>[] = [];
      arrange.answerBy((event) => {
        events.push(event);
        return { statusCode: 200, body: 'ok' };
      });
      const rest = check({ event: 'rest', path: '/orders/7', route: '/orders/{id}', stage: 'v1' });
      expect(await run(rest)).toMatchObject({ status: 'pass' });
      expect(await run(check({ event: 'http', path: '/orders/7', route: 'GET /orders/{id}' }))).toMatchObject(
        {
          status: 'pass',
        },
      );
      expect(await run(check({ event: 'alb' }))).toMatchObject({ status: 'pass' });
      expect(events).toMatchObject([
        { resource: '/orders/{id}', pathParameters: { id: '7' }, requestContext: { path: '/v1/orders/7' } },
        { routeKey: 'GET /orders/{id}', pathParameters: { id: '7' }, version: '2.0' },
        { requestContext: { elb: { targetGroupArn: expect.any(String) } }, path: '/health' },
      ]);
    });

    keeps(
      'fails an answer that a REST API or a load balancer turns into 502, and says why',
      async ({ run, arrange }) => {
        arrange.answer({ statusCode: 200, body: { total: 1 } });
        for (const event of ['rest', 'alb'] as const)
          expect(await run(check({ event }, { status: '2xx' }))).toEqual({
            status: 'fail',
            reason: expect.stringMatching(/^GET \/health: its body is a map .* turns that into 502$/),
          });
        arrange.answer({ total: 1 });
        expect(await run(check({ event: 'rest' }))).toMatchObject({ status: 'fail' });
        expect(await run(check({}, { json: { '$.total': 1 } }))).toMatchObject({ status: 'pass' });
      },
    );

    keeps('sends a whole event, and looks at the payload', async ({ run, arrange }) => {
      arrange.answerBy(({ Records }: never) => ({ batchItemFailures: Records }));
      const batch = check({ payload: { Records: [] }, name: 'an empty batch' });
      const expects = (json: object) => ({ ...batch, expect: { json: { ...json } } });
      expect(await run(expects({ '$.batchItemFailures': [] }))).toEqual({
        status: 'pass',
        reason: expect.stringMatching(/^an empty batch answered as expected in \d+ ms$/),
      });
      expect(await run(expects({ '$.batchItemFailures': [1] }))).toMatchObject({ status: 'fail' });
      arrange.answer(null);
      expect(await run(expects({ $: null }))).toMatchObject({ status: 'pass' });
      arrange.fail('Error', 'boom');
      expect(await run(expects({}))).toMatchObject({ status: 'fail' });
    });

    keeps('undoes gzip and base64, and measures the body as its caller would', async ({ run, arrange }) => {
      const big = `{"items":[${Array(500_000).fill('"1234567"').join(',')}]}`;
      const zipped = { statusCode: 200, headers: { 'Content-Encoding': 'gzip' }, isBase64Encoded: true };
      arrange.answer({ ...zipped, body: gzipSync(big).toString('base64') });
      const whole = { length: { min: big.length, max: big.length }, json: { '$.items[499999]': '1234567' } };
      expect(await run(check({}, { ...whole, headers: { 'content-encoding': 'gzip' } }))).toMatchObject({
        status: 'pass',
      });
      expect(await run(check({}, { length: { max: 5_000_000 } }))).toMatchObject({
        status: 'fail',
        reason: expect.stringContaining(`answered ${big.length} bytes instead of 0 to 5000000`),
      });
      arrange.answer({ ...zipped, body: 'bm90IGd6aXA=' });
      expect(await run(check())).toMatchObject({
        status: 'fail',
        reason: expect.stringContaining('content-encoding gzip, but its body is not gzip'),
      });
    });

    keeps(
      'reads an answer of nearly 6 MB, and fails a larger one, which Lambda does not hand over',
      async ({ run, arrange }) => {
        const body = 'x'.repeat(6_000_000);
        arrange.answer({ statusCode: 200, body });
        expect(await run(check({}, { length: { min: body.length, max: body.length } }))).toMatchObject({
          status: 'pass',
        });
        arrange.answer({ statusCode: 200, body: `${body}${'x'.repeat(400_000)}` });
        expect(await run(check())).toEqual({
          status: 'fail',
          reason: expect.stringMatching(/version 2 fail: Function\.ResponseSizeTooLarge: .*6291556 bytes/),
        });
      },
    );

    keeps('reads the events of a server that streams them', async ({ run, arrange }) => {
      arrange.answer('data: {"n":1}\n\ndata: {"n":2}\n\n');
      expect(await run(check({}, { text: 'data: {"n":2}' }))).toMatchObject({ status: 'pass' });
    });

    keeps('does not follow a redirect, and says where it leads', async ({ run, asked, arrange }) => {
      arrange.answer({ statusCode: 302, headers: { Location: '/login' } });
      expect(await run(check({}, { status: '3xx', headers: { location: '/log*' } }))).toMatchObject({
        status: 'pass',
      });
      expect(await run(check())).toMatchObject({
        status: 'fail',
        reason: expect.stringContaining('answered 302 (location: /login) instead of 200'),
      });
      expect(asked()).toHaveLength(2);
    });

    const login = check({
      method: 'POST',
      path: '/login',
      form: { user: 'smoke', password: '{{password}}' },
      secrets: { password: { from: 'secret', name: 'spillway/checkout/login', path: '$.password' } },
      capture: { token: '$.token', csrf: 'header.X-Csrf', session: 'cookie.session' },
    });
    const order = check({
      path: '/orders/{{token}}?c={{csrf}}',
      headers: { authorization: 'Bearer {{token}}', cookie: 'session={{session}}' },
      expect: { status: 200, json: { '$.token': '{{token}}' } },
    });
    const chain = { target: 'api', chain: [login, order] };
    const TOKEN = 'tok/en 4711';
    const answering = (event: { rawPath: string; body?: string; headers: Record<string, string> }) =>
      event.rawPath === '/login'
        ? {
            statusCode: Buffer.from(event.body ?? '', 'base64')
              .toString()
              .includes('hunter2')
              ? 200
              : 401,
            headers: { 'x-csrf': 'c5f' },
            cookies: ['session=s355; HttpOnly'],
            body: JSON.stringify({ token: TOKEN, echo: event.body }),
          }
        : { statusCode: 200, body: JSON.stringify({ token: event.headers.authorization?.slice(7) }) };

    keeps(
      'captures values for the checks after it, in path, header and expectation',
      async ({ run, asked, arrange }) => {
        arrange.answerBy(answering as never);
        expect(await run(chain)).toEqual({
          status: 'pass',
          reason: expect.stringMatching(
            /^POST \/login answered 200 in \d+ ms; GET \/orders\/\{\{token\}\}\?c=\{\{csrf\}\} answered 200 in \d+ ms$/,
          ),
        });
        expect(asked()).toMatchObject([
          { path: '/login' },
          { path: '/orders/tok%2Fen%204711', query: 'c=c5f' },
        ]);
      },
    );

    keeps(
      'fails a captured value that is missing, in words, and sends nothing more',
      async ({ run, asked, arrange }) => {
        arrange.answer({ statusCode: 200, body: '{"tokn":"secret-4711"}' });
        expect(await run(chain)).toEqual({
          status: 'fail',
          reason:
            'POST /login answered with nothing at $.token, which {{token}} should be; correct `capture`',
        });
        expect(asked()).toHaveLength(1);
      },
    );

    keeps(
      'quotes nothing of an answer that may hold a captured value or a secret',
      async ({ run, arrange }) => {
        const bad = [
          {
            ...answering({ rawPath: '/login', headers: {} }),
            statusCode: 200,
            body: `{"token":{"a":"${TOKEN}"}}`,
          },
          { statusCode: 500, body: `no ${TOKEN}, no hunter2`, headers: { location: TOKEN } },
          { statusCode: 200, body: '[]', headers: {} },
        ];
        for (const answer of bad) {
          arrange.answer(answer);
          const { status, reason } = await run(chain);
          expect(status).toBe('fail');
          expect(reason).not.toMatch(/4711|hunter2|s355/);
        }
        arrange.answerBy(((event: never) =>
          (event as { rawPath: string }).rawPath === '/login'
            ? answering(event)
            : { statusCode: 200, body: `{"token":"other than ${TOKEN}"}` }) as never);
        expect(await run(chain)).toEqual({
          status: 'fail',
          reason: 'GET /orders/{{token}}?c={{csrf}} answered $.token = another value instead of "{{token}}"',
        });
        arrange.fail('AuthError', `bad token ${TOKEN} hunter2`);
        expect(await run(chain)).toEqual({
          status: 'fail',
          reason: 'POST /login made version 2 fail: AuthError',
        });
      },
    );

    keeps(
      'is broken where a secret cannot be read, and names only its reference',
      async ({ run, arrange }) => {
        arrange.answerBy(answering as never);
        const missing = { from: 'parameter' as const, name: '/spillway/checkout/none' };
        expect(await run({ ...login, secrets: { password: missing } })).toEqual({
          status: 'broken',
          reason: expect.stringMatching(/^POST \/login could not be sent: .*\/spillway\/checkout\/none/),
        });
      },
    );

    keeps('tries a failure again if that was declared, and says so', async ({ run, asked, arrange }) => {
      let calls = 0;
      arrange.answerBy(() => {
        calls += 1;
        return { statusCode: calls === 3 ? 200 : 503, body: 'not yet' };
      });
      expect(await run(check({ retries: 3 }))).toEqual({
        status: 'pass',
        reason: expect.stringMatching(/^GET \/health answered 200 in \d+ ms, passed at the 3rd try$/),
      });
      expect(asked()).toHaveLength(3);
      arrange.answer({ statusCode: 503, body: 'never' });
      expect(await run(check({ retries: 1 }))).toEqual({
        status: 'fail',
        reason: 'GET /health answered 503 instead of 200: never (try 2 of 2)',
      });
      expect(asked()).toHaveLength(5);
    });

    keeps('begins no retry that could not be heard in time', async ({ run, asked, arrange }) => {
      arrange.answer({ statusCode: 503, body: 'slow' }, 3_500);
      expect(await run(check({ retries: 5 }))).toEqual({
        status: 'fail',
        reason: expect.stringMatching(/503 .*\(try 2 of 6; no time was left for more\)$/),
      });
      expect(asked()).toHaveLength(2);
    });

    keeps('never throws where the answer cannot be read', async ({ run, arrange }) => {
      arrange.answer(answerOf(200, {}));
      arrange.garble();
      expect(await run(check({}, { text: 'ok' }))).toMatchObject({ status: 'fail' });
    });
  });
}
