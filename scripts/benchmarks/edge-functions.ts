import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import built from '../../edge/built.json' with { type: 'json' };
import type { ResponseEvent } from '../../edge/event.ts';
import { edgeFunction, scriptOf } from '../../local/cdn/edge-function.ts';
import type { Figures } from './figures.ts';

const REQUESTS = 20_000;
const NOW = 1_800_000_000_000;
const STORE = JSON.stringify({
  s: 'r41',
  c: 'r42',
  w: 2_500,
  t: 'checkout--r42--1',
  d: ['/sw.js', '/images/*'],
});
const SETTINGS = { LAYOUT: 'dir', BASE: '' };

const { beacon, ...functions } = built;

/** Bytes that each may have, as its test has them. */
const BYTES_MAX: Record<keyof typeof functions, number> = {
  ...{
    'viewer-request': 9_900,
    'viewer-response': 9_900,
    'static-site': 3_500,
    router: 1_000,
    'sst-response': 9_900,
  },
};

/** A visitor who comes again, and the page that is answered. */
const event: ResponseEvent = {
  context: { requestId: 'request-1' },
  request: {
    ...{ method: 'GET', uri: '/cart/items', querystring: {} },
    headers: { 'sec-fetch-mode': { value: 'navigate' } },
    cookies: { '__Host-spillway': { value: '0f9c2e4a-5b1d-4c3e-8a7f-6d5c4b3a2f1e' } },
  },
  response: { statusCode: 200, headers: { 'content-type': { value: 'text/html' } } },
};

/** How large the functions of the edge are, how often each reads its store, and how long it takes in njs, beside an empty function in the same run. */
export async function edgeFunctions(): Promise<Figures> {
  const figures: Figures = {};
  const empty = timeOf('async function run(event){return event.request}');
  if (empty !== undefined) figures['us per request in njs: an empty function'] = empty;
  for (const [name, code] of Object.entries(functions) as [keyof typeof functions, string][]) {
    figures[`bytes: ${name}`] = Buffer.byteLength(code);
    figures[`store reads per request: ${name}`] = await readsOf(code);
    figures[`characters of code run per request: ${name}`] = await ranOf(code);
    const time = timeOf(scriptOf({ code, settings: SETTINGS }));
    if (time !== undefined) figures[`us per request in njs: ${name}`] = time;
    figures[`goal: ${name} has at most ${BYTES_MAX[name]} bytes and one read`] =
      Buffer.byteLength(code) <= BYTES_MAX[name] && figures[`store reads per request: ${name}`] === 1;
  }
  figures['bytes: the beacon, gzipped'] = gzipSync(beacon).length;
  return figures;
}

async function readsOf(code: string): Promise<number> {
  let reads = 0;
  const read = () => {
    reads += 1;
    return STORE;
  };
  await edgeFunction({ code, settings: SETTINGS })(event, { now: NOW, read });
  return reads;
}

/**
 * How many characters of a function's code run for one request, those of a loop at each turn: a number that is the same on every
 * machine, and grows with the work. It is not what CloudFront calls compute utilization, which only CloudFront can say. From V8's precise
 * coverage, whose ranges lie in each other: each character counts as often as the innermost one that holds it.
 */
async function ranOf(code: string): Promise<number> {
  const session = new Session();
  session.connect();
  const ask = <T>(method: string, params: object = {}) =>
    new Promise<T>((resolve, reject) =>
      session.post(method, params, (error, answer) =>
        error === null ? resolve(answer as T) : reject(error),
      ),
    );
  try {
    await ask('Profiler.enable');
    await ask('Debugger.enable');
    await ask('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
    await edgeFunction({ code, settings: SETTINGS })(event, { now: NOW, read: () => STORE });
    const { result } = await ask<{ result: Covered[] }>('Profiler.takePreciseCoverage');
    const ours = result.find(({ functions }) => functions.some(({ functionName }) => functionName === 'run'));
    const ranges = (ours?.functions ?? []).flatMap((each) => each.ranges);
    const counts = new Map<number, { count: number; length: number }>();
    for (const { startOffset, endOffset, count } of ranges)
      for (let at = startOffset; at < endOffset; at++) {
        const length = endOffset - startOffset;
        const inner = counts.get(at);
        if (inner === undefined || length <= inner.length) counts.set(at, { count, length });
      }
    return [...counts.values()].reduce((all, { count }) => all + count, 0);
  } finally {
    session.disconnect();
  }
}

/** A script, as V8 says what of it ran. */
interface Covered {
  functions: {
    functionName: string;
    ranges: { startOffset: number; endOffset: number; count: number }[];
  }[];
}

/** Microseconds for one request in njs; undefined if it is not installed. */
function timeOf(script: string): number | undefined {
  if (spawnSync('njs', ['-v']).status !== 0) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'spillway-edge-'));
  const store = JSON.stringify(STORE);
  writeFileSync(
    join(folder, 'cloudfront'),
    `export default { kvs: function() { return { get: function() { return Promise.resolve(JSON.parse(${store})); } }; }, selectRequestOriginById: function() {} };`,
  );
  writeFileSync(
    join(folder, 'main.js'),
    `import cf from 'cloudfront';
${script}
const event=${JSON.stringify(JSON.stringify(event))};
async function all(){
  const began=Date.now();
  for(let at=0;at<${REQUESTS};at++)await run(JSON.parse(event));
  const whole=Date.now()-began;
  const then=Date.now();
  for(let at=0;at<${REQUESTS};at++)JSON.parse(event);
  console.log(whole-(Date.now()-then));
}
all();
`,
  );
  try {
    const { stdout } = spawnSync('njs', ['-s', '-u', '-p', folder, join(folder, 'main.js')], {
      encoding: 'utf8',
    });
    return Number(((1_000 * Number(stdout.trim().split('\n').at(-1))) / REQUESTS).toFixed(1));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
