import { readFileSync } from 'node:fs';
import { strToU8, zipSync } from 'fflate';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { latencyMetric, latencyName } from '../../core/analysis/histogram.ts';
import { LambdaWorker } from '../../local/services/lambda-worker.ts';
import { EVENTS } from './events.mjs';

const FUNCTION = 'arn:aws:lambda:eu-central-1:123456789012:function:checkout';
const STARTED = Date.UTC(2026, 0, 5, 9);
const context = (invokedFunctionArn: string | undefined = `${FUNCTION}:live`) => ({
  ...{ invokedFunctionArn, functionName: 'checkout', functionVersion: '7' },
});
type Context = ReturnType<typeof context>;
type Callback = (error: Error | null, result?: object) => void;

const EVENT = EVENTS['http 2.0'] ?? {};
const REST = EVENTS.rest ?? {};

let printed: string[];
/** That of an environment that has had no call yet. */
let { withSpillway } = await import('../../runtime/with-spillway.mjs');
const listening = process.listeners('beforeExit');
beforeEach(async () => {
  vi.resetModules();
  ({ withSpillway } = await import('../../runtime/with-spillway.mjs'));
  printed = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    printed.push(String(chunk));
    return true;
  });
  vi.useFakeTimers({ now: STARTED, toFake: ['Date', 'performance'] });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
  for (const each of process.listeners('beforeExit'))
    if (!listening.includes(each)) process.off('beforeExit', each);
});

/** Responses and faults of each printed line. */
const counts = () =>
  printed.map((line) => {
    const { Responses, Faults } = JSON.parse(line);
    return [Responses, Faults];
  });

const line = (resource: string, faults: number) =>
  '{"_aws":{"Timestamp":1767603600000,"CloudWatchMetrics":[{"Namespace":"Spillway",' +
  '"Dimensions":[["FunctionName","Resource","ExecutedVersion"]],' +
  '"Metrics":[{"Name":"Responses","Unit":"Count"},{"Name":"Faults","Unit":"Count"},{"Name":"ClientErrors","Unit":"Count"},' +
  '{"Name":"First","Unit":"Count"},{"Name":"Young","Unit":"Count"}]}]},' +
  `"FunctionName":"checkout","Resource":"${resource}","ExecutedVersion":"7","Responses":1,"Faults":${faults},"ClientErrors":0,"First":${faults},"Young":${faults}}\n`;

describe('the printed line', () => {
  test('is exactly one line of Embedded Metric Format', async () => {
    await withSpillway(async (_event: object, _context: Context) => ({ statusCode: 200 }))(EVENT, context());
    expect(printed).toEqual([line('checkout:live', 0)]);
  });

  test.each([
    ['http 2.0', 1],
    ['http 1.0', 1],
    ['url', 0],
    ['rest', 0],
    ['alb', 0],
  ])('counts an answer after 30 s to %s as what its caller got: %s faults', async (event, faults) => {
    const answering = async (ms: number) => {
      vi.setSystemTime(STARTED);
      const handler = withSpillway(async (_event: object, _context: Context) => {
        vi.setSystemTime(STARTED + ms);
        return { statusCode: 200 };
      });
      await handler(EVENTS[event] ?? {}, context());
    };
    await answering(29_900);
    await answering(30_100);
    expect(counts()).toEqual([
      [1, 0],
      [1, faults],
    ]);
  });

  test('is stamped with the start of the invocation, as Lambda stamps its own metrics', async () => {
    const handler = withSpillway(async (_event: object, _context: Context) => {
      vi.setSystemTime(STARTED + 90_000);
      return { statusCode: 503 };
    });
    await handler(EVENT, context());
    expect(printed).toEqual([line('checkout:live', 1)]);
  });

  test.each([
    [`${FUNCTION}:7`, 'checkout:7'],
    [`${FUNCTION}:$LATEST`, 'checkout:$LATEST'],
    [FUNCTION, 'checkout:$LATEST'],
  ])('of %s does not count for the alias', async (arn, resource) => {
    await withSpillway(async (_event: object, _context: Context) => 1)(EVENT, context(arn));
    expect(printed).toEqual([line(resource, 0)]);
  });

  test.each([undefined, {}, { invokedFunctionArn: 5 }, { invokedFunctionArn: `${FUNCTION}:live` }])(
    'is missing where the context is %o, and the answer comes all the same',
    async (poor) => {
      const handler = withSpillway(async (_event: object, _context: unknown) => 'answer');
      expect(await handler(EVENT, poor)).toBe('answer');
      expect(printed).toEqual([]);
    },
  );
});

/** What was counted of each printed line, beside what it says of answers. */
const beside = () =>
  printed.map((line) => {
    const { _aws, FunctionName, Resource, ExecutedVersion, Responses, Faults, ClientErrors, ...rest } =
      JSON.parse(line);
    expect(_aws.CloudWatchMetrics[0].Metrics.map(({ Name }: { Name: string }) => Name)).toEqual(
      ['Responses', 'Faults', 'ClientErrors']
        .filter((name) => name in JSON.parse(line))
        .concat(Object.keys(rest)),
    );
    return rest;
  });

describe('with latency', () => {
  const timing = (took: (event: { ms: number }) => void) =>
    withSpillway(
      async (event: object, _context: Context) => {
        took(event as { ms: number });
        return 'answer';
      },
      { latency: true, groups: false },
    );

  test.each([0, 0.1, 0.125, 0.16, 1, 1.26, 64, 80, 81, 100, 128, 129, 900_000, 9e9])(
    'an answer after %d ms is counted as the controller reads it',
    async (ms) => {
      const handler = timing(() => vi.advanceTimersByTime(ms));
      const at = vi.spyOn(performance, 'now');
      await handler({}, context());
      at.mockReturnValueOnce(1e7).mockReturnValueOnce(1e7 + ms);
      await handler(EVENTS.url ?? {}, context());
      const { metric, value } = latencyMetric(ms);
      expect(beside()[1]).toMatchObject({ [latencyName(metric)]: value });
    },
  );

  test("an environment's first answer is not timed, and counted apart", async () => {
    const handler = timing(() => vi.advanceTimersByTime(100));
    for (let call = 0; call < 2; call++) await handler(EVENTS.url ?? {}, context());
    expect(beside()).toEqual([
      { First: 0, Young: 0 },
      { Young: 0, Latency10: 1 },
    ]);
  });

  test.each([Number.NaN, -5, Number.POSITIVE_INFINITY])(
    'a clock that says %d ms breaks nothing',
    async (ms) => {
      const handler = timing(() => {});
      await handler({}, context());
      vi.spyOn(performance, 'now').mockReturnValueOnce(0).mockReturnValueOnce(ms);
      expect(await handler({}, context())).toBe('answer');
      const timed = Number.isNaN(ms) ? {} : ms < 0 ? { Latency0: 0 } : { Latency23: 1 };
      expect(beside()[1]).toEqual({ Young: 0, ...timed });
    },
  );

  test('an answer that comes once a later call has begun is not timed: its environment may have been frozen', async () => {
    let answer = (_: string) => {};
    const slow = withSpillway(
      (_event: object, _context: Context) =>
        new Promise<string>((resolve) => {
          answer = resolve;
        }),
      { latency: true, groups: false },
    );
    const quick = timing(() => {});
    await quick({}, context());
    const waiting = slow(EVENT, context());
    await quick(EVENT, context());
    vi.advanceTimersByTime(3600_000);
    answer('late');
    await waiting;
    expect(
      beside().map((each) => Object.keys(each).filter((name) => name.startsWith('Latency')).length),
    ).toEqual([0, 1, 0]);
  });
});

describe('the age of an environment', () => {
  const answering = (options?: object) =>
    withSpillway(
      async (event: object, _context: Context) => ({ statusCode: 'fail' in event ? 500 : 200 }),
      options,
    );

  test('parts its first answer, those of its first minute, and the later ones, each with whether it was a fault', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5);
    const handler = answering();
    const fail = { ...EVENT, fail: true };
    await handler(fail, context());
    await handler(EVENT, context());
    vi.advanceTimersByTime(59_999);
    await handler(fail, context());
    vi.advanceTimersByTime(1);
    await handler(fail, context());
    await handler(EVENT, context());
    expect(beside()).toEqual([
      { First: 1, Young: 1 },
      { Young: 0 },
      { Young: 1 },
      { Group4: 1 },
      { Group4: 0 },
    ]);
  });

  test('is that of either clock: one may stand still while it is frozen, the other may be set back', async () => {
    const handler = answering({ groups: false });
    await handler(EVENT, context());
    vi.setSystemTime(STARTED + 3600_000);
    await handler(EVENT, context());
    vi.advanceTimersByTime(60_000);
    vi.setSystemTime(STARTED - 3600_000);
    await handler(EVENT, context());
    expect(beside()).toEqual([{ First: 0, Young: 0 }, {}, {}]);
  });

  test('leaves the groups out where they are not wanted', async () => {
    const handler = answering({ groups: false });
    await handler(EVENT, context());
    vi.advanceTimersByTime(60_000);
    await handler(EVENT, context());
    expect(beside()).toEqual([{ First: 0, Young: 0 }, {}]);
  });
});

describe('an entity', () => {
  const groupOf = async (entity: unknown) => {
    const handler = withSpillway(async (_event: object, _context: Context) => 'answer', {
      entity: () => {
        if (entity instanceof Error) throw entity;
        return entity;
      },
    });
    await handler(EVENT, context());
    vi.advanceTimersByTime(60_000);
    await handler(EVENT, context());
    return Object.keys(beside().at(-1) ?? {}).at(-1);
  };

  test.each([
    ['customer-1', 'Group3'],
    ['customer-2', 'Group0'],
    ['Zürich', 'Group4'],
    [42, 'Group5'],
    ['42', 'Group5'],
    [42n, 'Group5'],
  ])('%s is in %s in each runtime', async (entity, group) => {
    expect(await groupOf(entity)).toBe(group);
  });

  test.each([undefined, null, '', {}, ['a'], Promise.resolve('a'), Symbol('a'), new Error('no')])(
    'of %o is none, so that the group is that of the environment',
    async (entity) => {
      vi.spyOn(Math, 'random').mockReturnValue(0.999);
      expect(await groupOf(entity)).toBe('Group7');
    },
  );

  test('of a promise that is rejected ends no process', async () => {
    const lost = vi.fn();
    process.on('unhandledRejection', lost);
    try {
      const entity = async () => Promise.reject(new Error('no'));
      await withSpillway(async (_event: object, _context: Context) => 'answer', { entity })(EVENT, context());
      await new Promise(setImmediate);
    } finally {
      process.off('unhandledRejection', lost);
    }
    expect(lost).not.toHaveBeenCalled();
  });

  test('is never printed, and ten thousand of them are eight groups of about the same size', async () => {
    const handler = withSpillway(async (_event: object, _context: Context) => 'answer', {
      entity: (event: object) => (event as { id: string }).id,
    });
    await handler(EVENT, context());
    vi.advanceTimersByTime(60_000);
    for (let id = 0; id < 10_000; id++) await handler({ ...EVENT, id: `secret-${id}` }, context());
    expect(printed.join('')).not.toContain('secret');
    const sizes = new Map<string, number>();
    for (const each of beside().slice(1))
      for (const name of Object.keys(each)) sizes.set(name, (sizes.get(name) ?? 0) + 1);
    expect([...sizes.keys()].toSorted()).toEqual([0, 1, 2, 3, 4, 5, 6, 7].map((at) => `Group${at}`));
    for (const size of sizes.values()) expect(Math.abs(size - 1_250)).toBeLessThan(150);
  });

  test('of any length costs the same', async () => {
    expect(await groupOf('x'.repeat(1e6))).toBe(await groupOf('x'.repeat(256)));
  });
});

describe('what is tried again', () => {
  const sqs = (...received: (string | undefined)[]) => ({
    Records: received.map((ApproximateReceiveCount, at) => ({
      ...{ eventSource: 'aws:sqs', messageId: `m${at}`, body: '', attributes: { ApproximateReceiveCount } },
    })),
  });
  const back = (...ids: string[]) => ({
    batchItemFailures: ids.map((itemIdentifier) => ({ itemIdentifier })),
  });
  const of = async (event: object, answer: unknown, options = {}) => {
    const handler = withSpillway(async (_event: object, _context: Context) => answer, options);
    await handler(event, context());
    const { _aws, FunctionName, Resource, ExecutedVersion, First, Young, ...rest } = JSON.parse(
      printed[0] ?? '{}',
    );
    return rest;
  };

  test.each([
    [
      sqs('1', '2', '3'),
      back('m0', 'm1'),
      { Responses: 1, Faults: 0, BatchItems: 1, BatchFailures: 1, Retries: 2 },
    ],
    [
      sqs('1', '1', '2'),
      back('m2'),
      { Responses: 1, Faults: 0, BatchItems: 2, BatchFailures: 0, Retries: 1 },
    ],
    [sqs('1', '2', '1'), back('?'), { Responses: 1, Faults: 0, BatchItems: 2, BatchFailures: 2, Retries: 1 }],
    [sqs('1', undefined), back(), { Responses: 1, Faults: 0, BatchItems: 2, BatchFailures: 0 }],
    [sqs('2', '30'), back('m0'), { Retries: 2 }],
  ])('in a queue counts for nothing but retries: %j, %j', async (event, answer, counted) => {
    expect(await of(event, answer)).toEqual(counted);
  });

  test('of an asynchronous invocation is known by its id, where it failed in this environment', async () => {
    const handler = withSpillway(
      async (event: object, _context: object) => {
        if ('fail' in event) throw new Error('no');
      },
      { latency: true },
    );
    const call = (event: object, awsRequestId: string) =>
      handler(event, { ...context(), awsRequestId }).catch(() => {});
    await call({ fail: 1 }, 'a');
    await call({}, 'b');
    await call({ fail: 1 }, 'a');
    for (let nth = 0; nth < 100; nth++) await call({ fail: 1 }, `c${nth}`);
    await call({}, 'a');
    const seen = beside();
    expect(seen[2]).toEqual({ Retries: 1 });
    expect(seen.filter((each) => 'Retries' in each)).toHaveLength(1);
  });
});

describe('a fault', () => {
  test('is an error, which goes on untouched', async () => {
    const error = new Error('no stock');
    const rejecting = withSpillway(async (_event: object, _context: Context) => Promise.reject(error));
    await expect(rejecting(EVENT, context())).rejects.toBe(error);
    const throwing = withSpillway((_event: object, _context: Context) => {
      throw error;
    });
    expect(() => throwing(EVENT, context())).toThrow(error);
    expect(counts()).toEqual([
      [1, 1],
      [1, 1],
    ]);
  });
});

describe('the handler', () => {
  test('gets the very event and context, and `this`', async () => {
    const event = { ...EVENT };
    const given = context();
    const seen = vi.fn(function (this: unknown, _event: object, _context: Context) {
      return this;
    });
    const self = { handler: withSpillway(seen) };
    expect(self.handler(event, given)).toBe(self);
    expect(seen.mock.calls[0]?.[0]).toBe(event);
    expect(seen.mock.calls[0]?.[1]).toBe(given);
  });

  test('may return at once, and the answer is not made a promise', () => {
    const handler = withSpillway((_event: object, _context: Context) => ({ statusCode: 502 }));
    expect(handler(EVENT, context())).toEqual({ statusCode: 502 });
    expect(counts()).toEqual([[1, 1]]);
  });

  test('keeps its number of parameters, by which Lambda knows the ones that call back', () => {
    expect(withSpillway((_a: unknown, _b: unknown) => 1)).toHaveLength(2);
    expect(withSpillway((_a: unknown, _b: unknown, _c: unknown) => 1)).toHaveLength(3);
    expect(withSpillway(() => 1).length).toBeLessThan(3);
  });

  test.each([
    [null, { statusCode: 200 }, 0],
    [null, { statusCode: 500 }, 1],
    [new Error('no stock'), undefined, 1],
  ])('may call back with %o and %o', (error, result, faults) => {
    const callback = vi.fn();
    const handler = withSpillway((_event: object, _context: Context, done: Callback) => done(error, result));
    handler(EVENT, context(), callback);
    expect(callback.mock.calls).toEqual([[error, result]]);
    expect(counts()).toEqual([[1, faults]]);
  });

  test('is counted once, also where it both calls back and returns a promise, or calls back twice', async () => {
    const handler = withSpillway(async (_event: object, _context: Context, done: Callback) => {
      done(null, { statusCode: 500 });
      done(null, { statusCode: 200 });
    });
    await handler(EVENT, context(), () => {});
    expect(counts()).toEqual([[1, 1]]);
  });

  test('of three parameters is counted when it calls back, not when it returns', async () => {
    const handler = withSpillway((_event: object, _context: Context, done: Callback) => {
      setImmediate(() => done(null, { statusCode: 200 }));
    });
    const done = new Promise((resolve) => handler(EVENT, context(), resolve as Callback));
    expect(printed).toEqual([]);
    await done;
    expect(counts()).toEqual([[1, 0]]);
  });

  test('answers also where the line cannot be written', async () => {
    vi.mocked(process.stdout.write).mockImplementation(() => {
      throw new Error('EPIPE');
    });
    const handler = withSpillway(async (_event: object, _context: Context) => 'answer');
    expect(await handler(EVENT, context())).toBe('answer');
  });
});

describe('on Node 22 and before', () => {
  /** A context as Lambda's runtime client makes it there, which takes the first answer alone. */
  const takingBack = (callback?: Callback) => {
    const taken: unknown[] = [];
    const done = (error: unknown, answer: unknown) => taken.push(error ?? answer);
    const given = {
      ...context(),
      ...{
        done,
        succeed: (answer: unknown) => done(null, answer),
        fail: (error: unknown) => done(error, null),
      },
    };
    return { given, taken, callback };
  };

  test('the functions of the context answer as before, and are counted', () => {
    const { given, taken } = takingBack();
    const { succeed } = given;
    const handler = withSpillway((_event: object, { succeed }: typeof given) => succeed({ statusCode: 502 }));
    handler(EVENT, given);
    expect(taken).toEqual([{ statusCode: 502 }]);
    expect(given.succeed).not.toBe(succeed);
    expect(counts()).toEqual([[1, 1]]);
  });

  test('what is returned at once is no answer, and neither is it counted', () => {
    const { given } = takingBack();
    withSpillway((_event: object, _context: typeof given) => ({ statusCode: 200 }))(EVENT, given);
    expect(printed).toEqual([]);
  });

  test('a context that cannot be changed reaches the handler as it is, and no end of the process is taken for its answer', () => {
    const given = Object.freeze(takingBack().given);
    const handler = withSpillway((_event: object, { done }: typeof given) => done(null, { statusCode: 500 }));
    handler(EVENT, given);
    process.emit('beforeExit', 0);
    expect(printed).toEqual([]);
  });

  test('all that wait are counted at the end of an environment that serves many at once', () => {
    vi.stubEnv('AWS_LAMBDA_MAX_CONCURRENCY', '10');
    const waiting = withSpillway((_event: object, _context: unknown) => {});
    waiting(REST, takingBack().given);
    waiting(REST, takingBack().given);
    process.emit('beforeExit', 0);
    vi.unstubAllEnvs();
    expect(counts()).toEqual([
      [1, 1],
      [1, 1],
    ]);
  });

  test('an invocation that was answered where it cannot be seen is not counted when a later one ends', () => {
    const waiting = withSpillway((_event: object, _context: unknown) => {});
    waiting(EVENT, takingBack().given);
    waiting(REST, takingBack().given);
    process.emit('beforeExit', 0);
    expect(counts()).toEqual([[1, 1]]);
  });
});

describe('an agent', () => {
  // Agents put wrappers around handlers: functions of another length, with a callback of their own (as New Relic does in @newrelic/aws-lambda).
  test('that calls a handler back on Node 24 is waited for, unless the handler returns an answer', async () => {
    const answer = vi.fn();
    const calling = withSpillway((_event: object, _context: Context, done: Callback) => {
      setImmediate(() => done(null, { statusCode: 500 }));
    });
    calling(EVENT, context(), answer);
    expect(printed).toEqual([]);
    await vi.waitFor(() => expect(answer).toHaveBeenCalledOnce());
    expect(counts()).toEqual([[1, 1]]);
    withSpillway((_event: object, _context: Context) => ({ statusCode: 200 }))(EVENT, context());
    expect(counts()[1]).toEqual([1, 0]);
  });
});

test.each([
  [404, 0],
  [503, 1],
])('an error that is returned with the status %i is an answer of that status', async (statusCode, faults) => {
  const handler = withSpillway(async (_event: object, _context: Context) =>
    Object.assign(new Error('no'), { statusCode }),
  );
  await handler(REST, context());
  expect(counts()).toEqual([[1, faults]]);
});

describe('an event that does not say what sent it', () => {
  test('is timed but not counted', async () => {
    const handler = withSpillway(async (_event: object, _context: Context) => ({ statusCode: 500 }), {
      latency: true,
    });
    await handler({}, context());
    const { _aws, FunctionName, Resource, ExecutedVersion, ...values } = JSON.parse(printed[0] ?? '');
    expect(values).toEqual({ First: 0, Young: 0 });
  });

  test.each([
    null,
    undefined,
    'text',
    5,
    [],
    { Records: 'none' },
    { Records: [null] },
    { requestContext: 5 },
  ])('and may be %j', async (event) => {
    const handler = withSpillway(async (_event: unknown, _context: Context) => ({ statusCode: 500 }));
    expect(await handler(event, context())).toEqual({ statusCode: 500 });
    expect(printed).toEqual([]);
  });
});

describe('is refused at load', () => {
  const STREAMING = Symbol.for('aws.lambda.runtime.handler.streaming');
  const streamified = <H extends object>(handler: H): H =>
    Object.assign(handler, { [STREAMING]: 'response' });

  test('a handler that streams, in either order, with what to do', () => {
    const streaming = streamified(async () => {});
    const says = /streams its response.*buffered response, or remove withSpillway.*counters: false/;
    expect(() => withSpillway(streaming)).toThrow(says);
    expect(() => streamified(withSpillway(async () => {}))).toThrow(says);
  });

  test.each([undefined, null, {}, 'index.handler'])('%j, which is no handler', (handler) => {
    expect(() => withSpillway(handler as never)).toThrow(/needs a handler, which is a function/);
  });
});

test('in the simulated Lambda the line is in the log, in the time of the world', async () => {
  const runtime = readFileSync(new URL('../../runtime/with-spillway.mjs', import.meta.url));
  const source = `import { withSpillway } from './with-spillway.mjs';
    export const handler = withSpillway(async () => ({ statusCode: 500 }));`;
  const zip = zipSync({ 'index.mjs': strToU8(source), 'with-spillway.mjs': runtime });
  const worker = new LambdaWorker({
    ...{
      zip,
      handler: 'index.handler',
      functionName: 'checkout',
      version: '7',
      region: 'eu-central-1',
      memoryMb: 128,
    },
  });
  const invocation = {
    requestId: 'r-1',
    event: JSON.stringify(EVENT),
    arn: `${FUNCTION}:live`,
    at: STARTED,
    timeoutMs: 3_000,
  };
  const { logs } = await worker.invoke(invocation);
  await worker.close();
  expect(logs).toHaveLength(1);
  const { Timestamp } = JSON.parse(logs[0] ?? '')._aws;
  expect(Timestamp - STARTED).toBeGreaterThanOrEqual(0);
  expect(Timestamp - STARTED).toBeLessThan(1_000);
  expect(`${logs[0]?.replace(String(Timestamp), String(STARTED))}\n`).toBe(line('checkout:live', 1));
});
