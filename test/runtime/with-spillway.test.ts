import { readFileSync } from 'node:fs';
import { strToU8, zipSync } from 'fflate';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { LATENCY_EDGES, latencyBucket } from '../../core/analysis/histogram.ts';
import { LambdaWorker } from '../../local/services/lambda-worker.ts';
import { withSpillway } from '../../runtime/with-spillway.mjs';

const FUNCTION = 'arn:aws:lambda:eu-central-1:123456789012:function:checkout';
const STARTED = Date.UTC(2026, 0, 5, 9);
const context = (invokedFunctionArn: string | undefined = `${FUNCTION}:live`) => ({
  ...{ invokedFunctionArn, functionName: 'checkout', functionVersion: '7' },
});
type Context = ReturnType<typeof context>;
type Callback = (error: Error | null, result?: object) => void;

let printed: string[];
beforeEach(() => {
  printed = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    printed.push(String(chunk));
    return true;
  });
  vi.useFakeTimers({ now: STARTED, toFake: ['Date'] });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
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
  '"Metrics":[{"Name":"Responses","Unit":"Count"},{"Name":"Faults","Unit":"Count"}]}]},' +
  `"FunctionName":"checkout","Resource":"${resource}","ExecutedVersion":"7","Responses":1,"Faults":${faults}}\n`;

describe('the printed line', () => {
  test('is exactly one line of Embedded Metric Format', async () => {
    await withSpillway(async (_event: object, _context: Context) => ({ statusCode: 200 }))({}, context());
    expect(printed).toEqual([line('checkout:live', 0)]);
  });

  test('is stamped with the start of the invocation, as Lambda stamps its own metrics', async () => {
    const handler = withSpillway(async (_event: object, _context: Context) => {
      vi.setSystemTime(STARTED + 90_000);
      return { statusCode: 503 };
    });
    await handler({}, context());
    expect(printed).toEqual([line('checkout:live', 1)]);
  });

  test.each([
    [`${FUNCTION}:7`, 'checkout:7'],
    [`${FUNCTION}:$LATEST`, 'checkout:$LATEST'],
    [FUNCTION, 'checkout:$LATEST'],
  ])('of %s does not count for the alias', async (arn, resource) => {
    await withSpillway(async (_event: object, _context: Context) => 1)({}, context(arn));
    expect(printed).toEqual([line(resource, 0)]);
  });

  test.each([undefined, {}, { invokedFunctionArn: 5 }, { invokedFunctionArn: `${FUNCTION}:live` }])(
    'is missing where the context is %o, and the answer comes all the same',
    async (poor) => {
      const handler = withSpillway(async (_event: object, _context: unknown) => 'answer');
      expect(await handler({}, poor)).toBe('answer');
      expect(printed).toEqual([]);
    },
  );
});

describe('with latency', () => {
  test.each([
    [0, 'Latency000'],
    [1, 'Latency000'],
    [100, 'Latency042'],
    [108, 'Latency042'],
    [109, 'Latency043'],
    [900_000, 'Latency123'],
    [9e9, 'Latency125'],
  ])('an answer after %d ms is counted in %s', async (ms, bucket) => {
    const handler = withSpillway(
      async (_event: object, _context: Context) => {
        vi.setSystemTime(STARTED + ms);
        return 'answer';
      },
      { latency: true },
    );
    await handler({}, context());
    const { _aws, ...values } = JSON.parse(printed[0] ?? '');
    expect(values).toMatchObject({ Responses: 1, Faults: 0, [bucket]: 1 });
    expect(_aws.CloudWatchMetrics[0].Metrics.map(({ Name }: { Name: string }) => Name)).toEqual([
      'Responses',
      'Faults',
      bucket,
    ]);
    const edge = LATENCY_EDGES.findIndex((each) => ms <= each);
    expect(latencyBucket(edge === -1 ? LATENCY_EDGES.length : edge)).toBe(bucket);
  });
});

describe('a fault', () => {
  test.each([
    [{ statusCode: 500 }, 1],
    [{ statusCode: 599 }, 1],
    [{ statusCode: 499 }, 0],
    [{ statusCode: '500' }, 0],
    [{}, 0],
    [null, 0],
    [undefined, 0],
    ['500', 0],
    [500, 0],
  ])('of the answer %o is counted %d times', async (answer, faults) => {
    const handler = withSpillway(async (_event: object, _context: Context): Promise<unknown> => answer);
    expect(await handler({}, context())).toBe(answer);
    expect(counts()).toEqual([[1, faults]]);
  });

  test('is an error, which goes on untouched', async () => {
    const error = new Error('no stock');
    const rejecting = withSpillway(async (_event: object, _context: Context) => Promise.reject(error));
    await expect(rejecting({}, context())).rejects.toBe(error);
    const throwing = withSpillway((_event: object, _context: Context) => {
      throw error;
    });
    expect(() => throwing({}, context())).toThrow(error);
    expect(counts()).toEqual([
      [1, 1],
      [1, 1],
    ]);
  });

  test('is not made of an answer whose status cannot be read', async () => {
    const answer = {
      get statusCode(): number {
        throw new Error('hands off');
      },
    };
    const handler = withSpillway(async (_event: object, _context: Context) => answer);
    expect(await handler({}, context())).toBe(answer);
    expect(counts()).toEqual([[1, 0]]);
  });
});

describe('the handler', () => {
  test('gets the very event and context, and `this`', async () => {
    const event = {};
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
    expect(handler({}, context())).toEqual({ statusCode: 502 });
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
    handler({}, context(), callback);
    expect(callback.mock.calls).toEqual([[error, result]]);
    expect(counts()).toEqual([[1, faults]]);
  });

  test('is counted once, also where it both calls back and returns a promise, or calls back twice', async () => {
    const handler = withSpillway(async (_event: object, _context: Context, done: Callback) => {
      done(null, { statusCode: 500 });
      done(null, { statusCode: 200 });
    });
    await handler({}, context(), () => {});
    expect(counts()).toEqual([[1, 1]]);
  });

  test('of three parameters is counted when it calls back, not when it returns', async () => {
    const handler = withSpillway((_event: object, _context: Context, done: Callback) => {
      setImmediate(() => done(null, { statusCode: 200 }));
    });
    const done = new Promise((resolve) => handler({}, context(), resolve as Callback));
    expect(printed).toEqual([]);
    await done;
    expect(counts()).toEqual([[1, 0]]);
  });

  test('answers also where the line cannot be written', async () => {
    vi.mocked(process.stdout.write).mockImplementation(() => {
      throw new Error('EPIPE');
    });
    const handler = withSpillway(async (_event: object, _context: Context) => 'answer');
    expect(await handler({}, context())).toBe('answer');
  });
});

describe('a batch', () => {
  const batch = (eventSource: string, items = 3) => ({
    Records: Array.from({ length: items }, (_, index) => ({ messageId: `m${index}`, eventSource })),
  });
  const failed = (items: number) => ({
    batchItemFailures: Array.from({ length: items }, (_, index) => ({ itemIdentifier: `m${index}` })),
  });
  const batches = () =>
    printed.map((line) => {
      const { BatchItems, BatchFailures, _aws } = JSON.parse(line);
      const names = _aws.CloudWatchMetrics[0].Metrics.map(({ Name }: { Name: string }) => Name);
      return [BatchItems, BatchFailures, names.includes('BatchItems') && names.includes('BatchFailures')];
    });
  const answering = (answer: unknown) => withSpillway(async (_event: object, _context: Context) => answer);

  test.each(['aws:sqs', 'aws:kinesis', 'aws:dynamodb'])(
    'of %s is counted by what is handed back',
    async (source) => {
      expect(await answering(failed(2))(batch(source), context())).toEqual(failed(2));
      await answering({ batchItemFailures: [] })(batch(source), context());
      await answering(undefined)(batch(source), context());
      expect(batches()).toEqual([
        [3, 2, true],
        [3, 0, true],
        [3, 0, true],
      ]);
      expect(counts()).toEqual([
        [1, 0],
        [1, 0],
        [1, 0],
      ]);
    },
  );

  test('that threw is an error and no item of it is counted as handed back', async () => {
    const handler = withSpillway(async (_event: object, _context: Context) => {
      throw new Error('no');
    });
    await expect(handler(batch('aws:sqs'), context())).rejects.toThrow('no');
    expect([batches(), counts()]).toEqual([[[3, 0, true]], [[1, 1]]]);
  });

  test('that is answered by callback is counted too', async () => {
    const handler = withSpillway((_event: object, _context: Context, done: Callback) => {
      setImmediate(() => done(null, failed(1)));
    });
    await new Promise((resolve) => handler(batch('aws:sqs'), context(), resolve as Callback));
    expect(batches()).toEqual([[3, 1, true]]);
  });

  test('never has more failures than items, whatever the answer holds', async () => {
    const trap = {
      get batchItemFailures() {
        throw new Error('trap');
      },
    };
    for (const answer of [failed(9), { batchItemFailures: 'all' }, trap])
      await answering(answer)(batch('aws:sqs'), context());
    expect(batches().map(([, failures]) => failures)).toEqual([3, 0, 0]);
  });

  test.each([
    [{}],
    [{ Records: [] }],
    [null],
    [{ Records: [{ eventSource: 'aws:s3' }] }],
    [{ Records: [{ EventSource: 'aws:sns' }] }],
  ])('is not what %j brings', async (event) => {
    await answering(failed(1))(event as object, context());
    expect(batches()).toEqual([[undefined, undefined, false]]);
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
    event: '{}',
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
