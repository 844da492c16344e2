import { spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from 'vitest';
import { latencyMetric, latencyName } from '../../../core/analysis/histogram.ts';
import { type Came, TOGETHER } from '../cases.mjs';
import { EVENTS } from '../events.mjs';
import { countedIn } from '../run.ts';

/** Where `npm run test:runtime` installs what requirements.txt names. */
const CLIENT = fileURLToPath(new URL('../../../.cache/runtime/python', import.meta.url));
const COUNTERS = fileURLToPath(new URL('../../../runtime/with_spillway.py', import.meta.url));
const PYTHON = process.env.PYTHON ?? 'python3';

/** One invocation, and what the handler does with it. */
interface Asked {
  event: object;
  does: { answer: unknown } | { raises: string };
  id?: string;
}

/** What the handler module of an environment says, which answers as it is told. */
const MODULE = (given: string) => `import json, sys
import with_spillway as counters
with open("asked.json") as file:
    ASKED = json.load(file)
begun = iter(ASKED)
${given}
def answer(event, context):
    does = next(begun)["does"]
    event.clear()
    if "raises" in does:
        raise RuntimeError(does["raises"])
    return does["answer"]
counted = counters.with_spillway(answer, **OPTIONS)
def handler(event, context):
    sys.stdout.write("#began\\n")
    sys.stdout.flush()
    try:
        return counted(event, context)
    finally:
        sys.stdout.write("\\n")
        sys.stdout.flush()
`;

/** Runs an environment under Lambda's own runtime client, and says what came of each invocation and which lines it printed. */
async function run(
  asked: readonly Asked[],
  given = 'OPTIONS = {}',
): Promise<{ came: unknown; lines: string[] }[]> {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-python-'));
  copyFileSync(COUNTERS, join(folder, 'with_spillway.py'));
  writeFileSync(join(folder, 'app.py'), MODULE(given));
  writeFileSync(join(folder, 'asked.json'), JSON.stringify(asked));
  const answers: unknown[] = [];
  let over = () => {};
  const isOver = new Promise<void>((resolve) => {
    over = resolve;
  });
  let nth = 0;
  const api = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      if (request.url?.endsWith('/invocation/next')) {
        const next = asked[nth++];
        // Lambda freezes an environment that waits, and so does not answer.
        if (next === undefined) return over();
        response.writeHead(200, {
          'Lambda-Runtime-Aws-Request-Id': next.id ?? `r-${nth}`,
          'Lambda-Runtime-Deadline-Ms': String(Date.now() + 10_000),
          'Lambda-Runtime-Invoked-Function-Arn':
            'arn:aws:lambda:eu-central-1:123456789012:function:checkout:live',
          'Content-Type': 'application/json',
        });
        return response.end(JSON.stringify(next.event));
      }
      answers.push(
        request.url?.endsWith('/error') ? { error: JSON.parse(body).errorType } : JSON.parse(body),
      );
      response.writeHead(202, { 'Content-Type': 'application/json' }).end('{"status":"OK"}');
    });
  });
  await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve));
  const child = spawn(PYTHON, ['-m', 'awslambdaric', 'app.handler'], {
    cwd: folder,
    env: {
      ...{ PATH: process.env.PATH, PYTHONPATH: CLIENT, PYTHONUNBUFFERED: '1' },
      AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${(api.address() as AddressInfo).port}`,
      ...{ AWS_LAMBDA_FUNCTION_NAME: 'checkout', AWS_LAMBDA_FUNCTION_VERSION: '7' },
      ...{ AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '128', LAMBDA_TASK_ROOT: folder },
    },
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      printed += chunk;
    });
  child.on('close', over);
  await isOver;
  child.kill('SIGKILL');
  api.closeAllConnections();
  await new Promise((resolve) => api.close(resolve));
  rmSync(folder, { recursive: true });
  const parts = printed.split('#began\n').slice(1);
  if (parts.length !== asked.length) throw new Error(`${parts.length} of ${asked.length} began: ${printed}`);
  return parts.map((part, at) => ({ came: answers[at], lines: part.split('\n') }));
}

/** What a line says beside who answered what. */
function countsOf(lines: readonly string[]): Record<string, number> {
  const line = lines.find((each) => each.startsWith('{"_aws"'));
  const { _aws, FunctionName, Resource, ExecutedVersion, ...counts } = JSON.parse(line ?? '{"_aws":0}');
  if (_aws !== 0) {
    expect([FunctionName, Resource, ExecutedVersion]).toEqual(['checkout', 'checkout:live', '7']);
    expect(Number.isSafeInteger(_aws.Timestamp)).toBe(true);
    const [{ Namespace, Metrics }] = _aws.CloudWatchMetrics;
    expect(Namespace).toBe('Spillway');
    expect(Metrics.map(({ Name }: { Name: string }) => Name)).toEqual(Object.keys(counts));
  }
  return counts;
}

describe.runIf(existsSync(join(CLIENT, 'awslambdaric')))(
  "Python's counters under Lambda's runtime client",
  () => {
    test('count every answer of the table that Python can give as those for Node.js do', async () => {
      const cases = await Promise.all(
        TOGETHER.flatMap((each) =>
          [true, false].map(async (fail, nth) => {
            const event = { ...EVENTS[each.event], fail };
            const expected = (each.from24 ?? each.before24)[nth] as Came;
            const answer = await Promise.resolve(each.handler(structuredClone(event))).then(
              (value) => ({ answer: value }),
              () => ({ raises: 'no' }),
            );
            return { name: `${each.event}: ${each.name}`, asked: { event, does: answer }, expected };
          }),
        ),
      );
      const told = cases.filter(
        ({ asked: { does } }) =>
          'raises' in does || isDeepStrictEqual(JSON.parse(JSON.stringify(does.answer) ?? '0'), does.answer),
      );
      expect(told.length).toBeGreaterThan(300);
      const seen = await run(told.map(({ asked }) => asked));
      expect(seen.map(({ lines }, at) => [told[at]?.name, countedIn(lines)])).toEqual(
        told.map(({ name, expected }) => [name, expected.counts]),
      );
      for (const [at, { came }] of seen.entries()) {
        const does = told[at]?.asked.does;
        expect(came).toEqual(
          does !== undefined && 'answer' in does ? does.answer : { error: 'RuntimeError' },
        );
      }
    });

    const EVENT = EVENTS['http 2.0'] ?? {};
    const fine = (event: object = EVENT): Asked => ({ event, does: { answer: { statusCode: 200 } } });
    const CLOCK = `import time
class Clock:
    wall, ticks = 1e9, 5.0
time.time, time.monotonic = (lambda: Clock.wall), (lambda: Clock.ticks)`;

    test('part answers by the age of their environment and by whose they are, with the groups of those for Node.js', async () => {
      const given = `${CLOCK}
IDS = iter(["customer-1", "customer-2", "Zürich", 42, "42", None])
def whose(event, context):
    Clock.ticks += 60
    return next(IDS)
counters.random.randrange = lambda most: most - 1
OPTIONS = {"entity": whose}`;
      const seen = await run(
        Array.from({ length: 6 }, () => fine()),
        given,
      );
      const of = seen.map(({ lines }) => Object.keys(countsOf(lines)).slice(3));
      // The clock goes on only after the first call has begun.
      expect(of).toEqual([['First', 'Young'], ['Group0'], ['Group4'], ['Group5'], ['Group5'], ['Group7']]);
    });

    test('time answers but for the first, whatever the clock says', async () => {
      const times = [5, 0, 0.1, 0.13, 0.16, 1.1, 79, 81, 129, 900_000, -3];
      const given = `${CLOCK}
TOOK = iter(${JSON.stringify(times)})
class Ticking:
    @staticmethod
    def clear():
        pass
original = counters._begun
def begun(*args):
    count = original(*args)
    def counting(answer, is_thrown):
        Clock.ticks += next(TOOK) / 1000
        try:
            count(answer, is_thrown)
        finally:
            Clock.ticks = 5.0
    return counting
counters._begun = begun
OPTIONS = {"latency": True, "groups": False}`;
      const seen = await run(
        times.map(() => fine()),
        given,
      );
      const timed = seen.map(({ lines }) =>
        Object.entries(countsOf(lines)).filter(([name]) => name.startsWith('Latency')),
      );
      expect(timed[0]).toEqual([]);
      expect(timed.slice(1, -1)).toEqual(
        times.slice(1, -1).map((ms) => {
          const { metric, value } = latencyMetric(ms);
          return [[latencyName(metric), value]];
        }),
      );
      expect(timed.at(-1)).toEqual([['Latency0', 0]]);
    });

    test('count what is tried again as retries alone', async () => {
      const sqs = (...received: number[]) => ({
        Records: received.map((count, at) => ({
          ...{
            eventSource: 'aws:sqs',
            messageId: `m${at}`,
            attributes: { ApproximateReceiveCount: String(count) },
          },
        })),
      });
      const failures = (...ids: string[]) => ({
        answer: { batchItemFailures: ids.map((itemIdentifier) => ({ itemIdentifier })) },
      });
      const seen = await run(
        [
          { event: sqs(1, 2, 3), does: failures('m0', 'm1') },
          { event: sqs(2), does: failures('m0') },
          { event: {}, does: { raises: 'no' }, id: 'a' },
          { event: {}, does: { raises: 'no' }, id: 'a' },
          { event: {}, does: { answer: null }, id: 'b' },
        ],
        'OPTIONS = {"latency": True}',
      );
      const counts = seen.map(({ lines }) => countsOf(lines));
      expect(counts[0]).toMatchObject({ BatchItems: 1, BatchFailures: 1, Retries: 2 });
      expect(counts[1]).toEqual({ Retries: 1 });
      expect(counts[2]).toMatchObject({ Young: 1 });
      expect(counts[3]).toEqual({ Retries: 1 });
      expect(counts[4]).toMatchObject({ Young: 0 });
    });

    test('refuse what is no handler', async () => {
      const given = `try:
    counters.with_spillway(5)
    sys.exit(1)
except TypeError:
    pass
OPTIONS = {}`;
      await expect(run([fine()], given)).resolves.toHaveLength(1);
    });
  },
);
