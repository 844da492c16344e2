import { existsSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { strToU8, zipSync } from 'fflate';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { virtualClock } from '../../local/clock.ts';
import { seededRandom } from '../../local/random.ts';
import { attach } from '../../local/sdk.ts';
import { type InvocationRecord, SimulatedLambda } from '../../local/services/lambda.ts';
import { LambdaWorker } from '../../local/services/lambda-worker.ts';

const AT = Date.UTC(2030, 0, 1);
const ARN = 'arn:aws:lambda:eu-central-1:123456789012:function:checkout:live';
const workers: LambdaWorker[] = [];

afterEach(async () => {
  vi.useRealTimers();
  await Promise.all(workers.splice(0).map((worker) => worker.close()));
});

function worker(files: Record<string, string> | string, handler = 'index.handler', runtime = 'nodejs24.x') {
  const named = typeof files === 'string' ? { 'index.mjs': files } : files;
  const zip = zipSync(Object.fromEntries(Object.entries(named).map(([name, text]) => [name, strToU8(text)])));
  const made = new LambdaWorker({
    ...{
      zip,
      handler,
      runtime,
      functionName: 'checkout',
      version: '7',
      region: 'eu-central-1',
      memoryMb: 128,
    },
  });
  workers.push(made);
  return made;
}

async function invoked(from: LambdaWorker, event: unknown = {}, timeoutMs = 3_000) {
  const requestId = 'r-1';
  const outcome = await from.invoke({ requestId, event: JSON.stringify(event), arn: ARN, at: AT, timeoutMs });
  return { ...outcome, payload: JSON.parse(outcome.payload) };
}

describe('code in a worker', () => {
  test('is given the event and a context of its function, version and alias', async () => {
    const code = worker(`export const handler = async (event, context) => ({
      event, ...context, left: context.getRemainingTimeInMillis() });`);
    const { payload, error } = await invoked(code, { a: 1 });
    expect(error).toBe(false);
    expect(payload).toMatchObject({
      ...{ event: { a: 1 }, functionName: 'checkout', functionVersion: '7', invokedFunctionArn: ARN },
      ...{ awsRequestId: 'r-1', memoryLimitInMB: '128' },
    });
    expect(payload.left).toBeGreaterThan(2_000);
    expect(payload.left).toBeLessThanOrEqual(3_000);
  });

  test('sees the environment of a Lambda function, and nothing of this process', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'not-for-the-code');
    const { payload } = await invoked(worker('export const handler = () => ({ ...process.env });'));
    vi.unstubAllEnvs();
    expect(payload).toMatchObject({
      ...{
        AWS_LAMBDA_FUNCTION_NAME: 'checkout',
        AWS_LAMBDA_FUNCTION_VERSION: '7',
        AWS_REGION: 'eu-central-1',
      },
    });
    expect(payload).not.toHaveProperty('AWS_ACCESS_KEY_ID');
    expect(payload).not.toHaveProperty('PATH');
  });

  test('stays loaded between invocations', async () => {
    const code = worker('let calls = 0; export const handler = () => ++calls;');
    expect((await invoked(code)).payload).toBe(1);
    expect((await invoked(code)).payload).toBe(2);
  });

  test.each([
    ['index.cjs', 'exports.handler = async () => "cjs";', 'index.handler'],
    ['index.js', 'module.exports.handler = async () => "cjs";', 'index.handler'],
    ['index.js', 'export const handler = async () => "cjs";', 'index.handler'],
    ['src/api.mjs', 'export const main = async () => "cjs";', 'src/api.main'],
  ])('is found in %s: %s', async (file, source, handler) => {
    expect((await invoked(worker({ [file]: source }, handler))).payload).toBe('cjs');
  });

  test('may import its own files', async () => {
    const files = { 'index.mjs': "import { x } from './lib/x.mjs'; export const handler = () => x;" };
    expect((await invoked(worker({ ...files, 'lib/x.mjs': 'export const x = 42;' }))).payload).toBe(42);
  });

  test('may call back until Node 22, and may answer nothing', async () => {
    const calling =
      'export const handler = (event, context, callback) => { setTimeout(() => callback(null, 5), 1); };';
    expect((await invoked(worker(calling, 'index.handler', 'nodejs22.x'))).payload).toBe(5);
    expect((await invoked(worker(calling))).payload.errorType).toBe('Runtime.CallbackHandlerDeprecated');
    expect((await invoked(worker('export const handler = () => {};'))).payload).toBe(null);
  });

  test('that waits for nothing more ends as Lambda ends it, and the next invocation starts anew', async () => {
    const stuck = `let calls = 0; export const handler = async ({ hang }) => {
      calls += 1;
      if (hang) await new Promise(() => {});
      return calls;
    };`;
    const old = worker(stuck, 'index.handler', 'nodejs20.x');
    expect((await invoked(old, { hang: true })).payload).toBe(null);
    expect((await invoked(old)).payload).toBe(2);
    const code = worker(stuck);
    expect((await invoked(code, { hang: true })).payload).toEqual({
      errorType: 'Runtime.ExitError',
      errorMessage: 'RequestId: r-1 Error: Runtime exited without providing a reason',
      trace: [],
    });
    expect((await invoked(code)).payload).toBe(1);
  });

  test('that streams its response is refused, for that is not simulated', async () => {
    const code = worker('export const handler = awslambda.streamifyResponse(async () => {});');
    expect((await invoked(code)).payload.errorMessage).toBe(
      'index.handler streams its response, which is not simulated',
    );
  });

  test('that throws answers type, message and trace', async () => {
    const { payload, error } = await invoked(
      worker(
        'class NoStock extends Error { name = "NoStock" } export const handler = () => { throw new NoStock("x1"); };',
      ),
    );
    expect(error).toBe(true);
    expect(payload).toEqual({ errorType: 'NoStock', errorMessage: 'x1', trace: expect.any(Array) });
    expect(payload.trace.join()).toContain('index.mjs');
  });

  test('that cannot be imported fails each invocation, and says why', async () => {
    const code = worker("import 'left-pad'; export const handler = () => 1;");
    for (let times = 0; times < 2; times++) {
      const { payload, error } = await invoked(code);
      expect(error).toBe(true);
      expect(payload).toMatchObject({ errorType: 'Error' });
      expect(payload.errorMessage).toContain('left-pad');
    }
    const requiring = worker({ 'index.cjs': "require('left-pad');" });
    expect((await invoked(requiring)).payload).toMatchObject({ errorType: 'Runtime.ImportModuleError' });
    expect(await invoked(worker('export const handler = ('))).toMatchObject({
      payload: { errorType: 'Runtime.UserCodeSyntaxError' },
    });
    expect((await invoked(worker('export const other = 1;'))).payload).toMatchObject({
      errorType: 'Runtime.HandlerNotFound',
    });
    expect((await invoked(worker({ 'other.mjs': '' }))).payload).toMatchObject({
      errorType: 'Runtime.ImportModuleError',
    });
  });

  test('that exits fails what is in flight, and the next invocation starts anew', async () => {
    const code = worker(`let calls = 0;
      export const handler = async ({ exit }) => {
        calls += 1;
        if (exit) process.exit(3);
        if (exit === false) await new Promise((resolve) => setTimeout(resolve, 60_000));
        return calls;
      };`);
    expect((await invoked(code)).payload).toBe(1);
    const [waiting, exiting] = await Promise.all([
      invoked(code, { exit: false }),
      invoked(code, { exit: true }),
    ]);
    for (const outcome of [waiting, exiting]) {
      expect(outcome.error).toBe(true);
      expect(outcome.payload).toEqual({
        errorType: 'Runtime.ExitError',
        errorMessage: 'RequestId: r-1 Error: Runtime exited with error: exit status 3',
      });
    }
    expect((await invoked(code)).payload).toBe(1);
  });

  test.each([
    ['on its heap', `kept.push(...Array.from({ length: 200 }, () => Array.from({ length: 1e5 }, String)));`],
    ['in buffers', `kept.push(Buffer.alloc(150 * 2 ** 20));`],
  ])('that takes more memory %s than its function has is killed, and starts anew', async (_what, take) => {
    const code = worker(`const kept = []; let calls = 0;
      export const handler = async ({ isGreedy }) => {
        calls += 1;
        if (isGreedy) ${take}
        return calls;
      };`);
    expect((await invoked(code)).payload).toBe(1);
    const { payload, error } = await invoked(code, { isGreedy: true }, 20_000);
    expect(error).toBe(true);
    expect(payload).toEqual({
      errorType: 'Runtime.ExitError',
      errorMessage: 'RequestId: r-1 Error: Runtime exited with error: signal: killed',
    });
    expect((await invoked(code)).payload).toBe(1);
  });

  test('that throws where nobody catches it ends the worker, and it is said what it was', async () => {
    const source = `export const handler = () => new Promise(() => setTimeout(() => { throw new RangeError('adrift'); }, 1));`;
    const code = worker(source);
    const { payload, logs } = await invoked(code);
    expect(payload.errorType).toBe('Runtime.ExitError');
    expect(logs.join('\n')).toContain('adrift');
    const old = worker(source, 'index.handler', 'nodejs22.x');
    expect((await invoked(old)).payload).toMatchObject({ errorType: 'RangeError', errorMessage: 'adrift' });
    expect((await invoked(old)).payload).toMatchObject({ errorType: 'RangeError', errorMessage: 'adrift' });
  });

  test('that takes too long ends at its limit in real time, also when it never gives way', async () => {
    const code = worker(`let calls = 0; export const handler = async ({ hang }) => {
      calls += 1;
      if (hang) for (;;);
      return calls;
    };`);
    expect((await invoked(code)).payload).toBe(1);
    const { payload, error, durationMs } = await invoked(code, { hang: true }, 100);
    expect(error).toBe(true);
    expect(payload).toEqual({
      errorType: 'Sandbox.Timedout',
      errorMessage: 'RequestId: r-1 Error: Task timed out after 0.10 seconds',
    });
    expect(durationMs).toBe(100);
    expect((await invoked(code)).payload).toBe(1);
  });

  test('that is slow to start is not timed out for it', async () => {
    const slow = `await new Promise((resolve) => setTimeout(resolve, 300)); export const handler = () => 'ready';`;
    expect((await invoked(worker(slow), {}, 100)).payload).toBe('ready');
  });

  test('leaves each printed line with the invocation that printed it', async () => {
    const code = worker(`console.log('starting');
      export const handler = async ({ name, ms }) => {
        console.log(name, 'begins');
        await new Promise((resolve) => setTimeout(resolve, ms));
        process.stdout.write(name + ' ends\\n' + name + ' is');
        process.stdout.write(' done');
        console.error(name + ' really');
      };`);
    const [a, b] = await Promise.all([
      invoked(code, { name: 'a', ms: 60 }),
      invoked(code, { name: 'b', ms: 5 }),
    ]);
    expect(b.logs).toEqual(['starting', 'b begins', 'b ends', 'b is doneb really']);
    expect(a.logs).toEqual(['a begins', 'a ends', 'a is donea really']);
  });

  test('lives in the time of the world', async () => {
    const { payload } = await invoked(
      worker(
        'export const handler = () => [Date.now(), new Date().getTime(), new Date(5).getTime(), new Date() instanceof Date];',
      ),
    );
    expect(payload[0]).toBeGreaterThanOrEqual(AT);
    expect(payload[0]).toBeLessThan(AT + 1_000);
    expect(payload[1]).toBeLessThan(AT + 1_000);
    expect(payload.slice(2)).toEqual([5, true]);
  });

  test('is ended when it has been idle for a minute, and started again when needed', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const code = worker('let calls = 0; export const handler = () => ++calls;');
    expect((await invoked(code)).payload).toBe(1);
    vi.advanceTimersByTime(59_000);
    expect((await invoked(code)).payload).toBe(2);
    vi.advanceTimersByTime(60_000);
    expect((await invoked(code)).payload).toBe(1);
  });

  test('is unpacked to a folder that is gone after closing', async () => {
    const code = worker('export const handler = () => process.env.LAMBDA_TASK_ROOT;');
    const { payload: folder } = await invoked(code);
    expect(existsSync(folder)).toBe(true);
    await code.close();
    expect(existsSync(folder)).toBe(false);
  });

  test.each(['../evil.mjs', 'a/../../evil.mjs', '/evil.mjs', 'C:\\evil.mjs', '..\\evil.mjs'])(
    'is refused where an entry is called %s',
    async (name) => {
      const folders = () =>
        readdirSync(tmpdir()).filter((entry) => entry.startsWith('spillway-lambda-')).length;
      const before = folders();
      const code = worker({ 'index.mjs': 'export const handler = () => 1;', [name]: '' });
      await expect(invoked(code)).rejects.toThrow(/outside its own folder/);
      expect(folders()).toBe(before);
    },
  );

  test('answers 2,000 invocations, fifty at a time', async () => {
    const code = worker('export const handler = async () => ({ statusCode: 200 });');
    for (let batch = 0; batch < 40; batch++) {
      const answers = await Promise.all(Array.from({ length: 50 }, () => invoked(code)));
      expect(answers.every(({ payload }) => payload.statusCode === 200)).toBe(true);
    }
  });
});

test('each published version of a function runs its own zip behind the alias', async () => {
  const clock = virtualClock(AT);
  const invocations: InvocationRecord[] = [];
  const lambda = new SimulatedLambda({
    ...{ clock, random: seededRandom(1), region: 'eu-central-1', account: '123456789012' },
    onInvocation: (record) => invocations.push(record),
  });
  const client = new LambdaClient({ region: 'eu-central-1', cacheMiddleware: true });
  attach(client, lambda.operations, { clock });
  lambda.helpers.createFunction({ name: 'checkout' });
  const source = (n: number) =>
    zipSync({
      'index.mjs': strToU8(
        `export const handler = (e, { functionVersion }) => { console.log('v${n}'); return ['${n}', functionVersion]; };`,
      ),
    });
  for (const n of [1, 2]) lambda.helpers.publish('checkout', source(n));
  for (const Qualifier of ['1', '2']) {
    const { Payload } = await client.send(new InvokeCommand({ FunctionName: 'checkout', Qualifier }));
    expect(JSON.parse(Payload?.transformToString() ?? '')).toEqual([Qualifier, Qualifier]);
  }
  await lambda.close();
  expect(invocations).toMatchObject([
    { version: '1', at: AT, error: false, logs: ['v1'] },
    { version: '2', at: AT, error: false, logs: ['v2'] },
  ]);
});
