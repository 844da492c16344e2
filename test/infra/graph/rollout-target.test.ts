import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { manifestFrom } from '../../formats.ts';
import { all, type Graph, graphOf, one } from './graph.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'spillway-shop-'));
const artifacts = mkdtempSync(join(tmpdir(), 'spillway-artifacts-'));

let graph: Graph;
let dev: Graph;

/** A user's app outside of this tree, with the package as `npm pack` makes it. */
beforeAll(() => {
  cpSync(fileURLToPath(new URL('../../../examples/shop/', import.meta.url)), folder, { recursive: true });
  const [packed] = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
      cwd: ROOT,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  );
  mkdirSync(join(folder, 'node_modules', 'spillway'), { recursive: true });
  execFileSync('tar', [
    ...['-xzf', join(folder, packed.filename), '--strip-components=1'],
    ...['-C', join(folder, 'node_modules', 'spillway')],
  ]);
  graph = graphOf('production', '--root', `${folder}/`, '--artifacts', artifacts);
  dev = graphOf('ada', '--root', `${folder}/`, '--dev');
}, 120_000);

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  rmSync(artifacts, { recursive: true, force: true });
});

const LIVE = /function:\S*CheckoutFunction\S*:live$/;

test('the package brings what users need, and nothing of the controller', () => {
  const has = (path: string) => existsSync(join(folder, 'node_modules', 'spillway', path));
  expect(has('sst/rollout-target.js')).toBe(true);
  expect(has('sst/rollout-target.d.ts')).toBe(true);
  expect(has('runtime/with-spillway.mjs')).toBe(true);
  expect(has('core')).toBe(false);
  expect(has('test')).toBe(false);
});

describe('a target', () => {
  test('is a function with versions, tagged for its service besides its own tags', () => {
    const { inputs } = one(graph, 'lambda/function:Function', 'CheckoutFunctionFunction');
    expect(inputs.publish).toBe(true);
    expect(inputs.tags).toEqual({ team: 'shop', 'spillway:service': 'checkout-api' });
  });

  test('has an alias that no deployment moves, and one that every deployment does', () => {
    const live = one(graph, 'lambda/alias:Alias', 'Checkout-live');
    expect(live.options.ignoreChanges.sort()).toEqual(['description', 'functionVersion', 'routingConfig']);
    const candidate = one(graph, 'lambda/alias:Alias', 'Checkout-candidate');
    expect(candidate.options.ignoreChanges).toEqual([]);
    expect([live.inputs.name, candidate.inputs.name]).toEqual(['live', 'candidate']);
    expect([live.secretInputs, candidate.secretInputs]).toEqual([[], []]);
  });

  test('has URLs on its aliases, with both permissions that they need', () => {
    const urls = all(graph, 'lambda/functionUrl:FunctionUrl').map(({ inputs }) => inputs.qualifier);
    expect(urls.sort()).toEqual(['candidate', 'live']);
    const permissions = all(graph, 'lambda/permission:Permission').filter(
      ({ inputs }) => inputs.principal === '*',
    );
    expect(permissions.map(({ inputs }) => [inputs.qualifier, inputs.action]).sort()).toEqual([
      ['candidate', 'lambda:InvokeFunction'],
      ['candidate', 'lambda:InvokeFunctionUrl'],
      ['live', 'lambda:InvokeFunction'],
      ['live', 'lambda:InvokeFunctionUrl'],
    ]);
  });

  test('is reached by everything through its alias', () => {
    const mapping = all(graph, 'lambda/eventSourceMapping:EventSourceMapping')[0];
    expect(mapping?.inputs.functionName).toMatch(LIVE);
    expect(all(graph, 'cloudwatch/eventTarget:EventTarget')[0]?.inputs.arn).toMatch(LIVE);
    expect(all(graph, 'scheduler/schedule:Schedule')[0]?.inputs.target.arn).toMatch(LIVE);
    expect(all(graph, 'apigatewayv2/integration:Integration')[0]?.inputs.integrationUri).toMatch(/:live/);
    const caller = all(graph, 'iam/role:Role').find(({ name }) => name === 'CallerRole');
    expect(JSON.stringify(caller?.inputs.inlinePolicies)).toMatch(/CheckoutFunction[^"]*:live/);
  });
});

describe('the release', () => {
  test('is a manifest that the controller takes, in its bucket', () => {
    const { inputs, secretInputs } = one(graph, 's3/bucketObjectv2:BucketObjectv2', 'Checkout-manifest');
    expect(secretInputs).toEqual([]);
    expect(inputs.bucket).toBe('spillway-production-releases-111122223333-eu-west-1');
    expect(inputs.key).toBe('releases/checkout-api/v7/manifest.json');
    const key = { service: 'checkout-api', release: 'v7' };
    const manifest = manifestFrom(new TextEncoder().encode(inputs.content), key, 'production');
    expect(manifest).toMatchObject({ order: 7, targets: { function: { version: '7' } } });
    expect(manifest.rollout.targets.function?.alias).toBe('live');
  });

  test('is announced after everything else, and kept when the next one comes', () => {
    const { options } = one(graph, 's3/bucketObjectv2:BucketObjectv2', 'Checkout-manifest');
    expect(options.retainOnDelete).toBe(true);
    for (const before of [
      'aws:lambda/alias:Alias Checkout-live',
      'aws:lambda/alias:Alias Checkout-candidate',
      'aws:apigatewayv2/api:Api ApiApi',
      'aws:sqs/queue:Queue OrdersQueue',
    ])
      expect(options.dependsOn).toContain(before);
  });
});

test('the deployed handler answers as its own does, and counts', async () => {
  const bundle = join(artifacts, 'artifacts', 'CheckoutFunction-src', 'bundle.mjs');
  expect(existsSync(join(dirname(bundle), 'with-spillway.mjs'))).toBe(true);
  const script = join(folder, 'call.mjs');
  const context = {
    functionVersion: '7',
    invokedFunctionArn: 'arn:aws:lambda:eu-west-1:111122223333:function:shop:live',
  };
  writeFileSync(
    script,
    `const { handler } = await import(${JSON.stringify(pathToFileURL(bundle).href)});
     const event = { version: '2.0', requestContext: { http: { method: 'GET', path: '/' } } };
     console.log(JSON.stringify(await handler(event, ${JSON.stringify(context)})));`,
  );
  const lines = execFileSync(process.execPath, [script], { encoding: 'utf8' }).trim().split('\n');
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    Resource: 'shop:live',
    ExecutedVersion: '7',
    Responses: 1,
    Faults: 0,
    // The first call of an environment is not timed.
    First: 0,
  });
  expect(JSON.parse(lines[1] ?? '')).toEqual({ statusCode: 200, body: 'thank you' });
});

test('in `sst dev` it is the plain function, and nothing is announced', () => {
  expect(all(dev, 'lambda/alias:Alias')).toEqual([]);
  expect(
    all(dev, 's3/bucketObjectv2:BucketObjectv2').filter(({ name }) => name.includes('manifest')),
  ).toEqual([]);
  const mapping = all(dev, 'lambda/eventSourceMapping:EventSourceMapping')[0];
  expect(mapping?.inputs.functionName).toMatch(/function:[^:]*CheckoutFunction[^:]*$/);
});

test.each([
  ["service: 'checkout-api'", "service: 'Checkout'", 'service must be 1 to 40 small letters'],
  ["environment: 'production'", "environment: ''", 'environment must name the stage'],
  [
    "environment: 'production'",
    "environment: 'prod'",
    'no controller of the stage "prod" in account 111122223333',
  ],
  ["memory: '256 MB'", 'concurrency: { provisioned: 2 }', 'provisioned concurrency takes no weights'],
  ["memory: '256 MB'", 'url: true', 'function.url would lead to $LATEST'],
  ["memory: '256 MB'", 'versioning: false', 'only published versions share traffic'],
  ["memory: '256 MB'", 'streaming: true', 'set counters: false'],
  ["watch: { http5xx: '1.5x' }", "service: 'other'", 'take them out of release()'],
])('%s changed to %s is refused at deployment', (before, after, says) => {
  const text = readFileSync(join(folder, 'shop.ts'), 'utf8').replace(before, after);
  const replaced = JSON.stringify({ 'shop.ts': text });
  expect(() => graphOf('production', '--root', `${folder}/`, '--replaced', replaced)).toThrow(says);
});
