import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import edge from '../../../edge/built.json' with { type: 'json' };
import { textAnswer } from '../../../local/cdn/http.ts';
import { siteDistribution } from '../../../local/cdn/site.ts';
import { storedFrom } from '../../../targets/cloudfront/value.ts';
import { all, type Graph, graphOf, one } from './graph.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'spillway-site-'));

let graph: Graph;

/** The app of a user, in which one site stands alone and one has an API and a name of its own. */
const SHOP = `
import { RolloutTarget } from 'spillway/sst';
import { RolloutSite } from 'spillway/sst/site';
export function shop() {
  const target = new RolloutTarget('Checkout', {
    service: 'shop', environment: 'production', url: true, function: { handler: 'checkout.handler' },
  });
  const site = new RolloutSite('Web', {
    service: 'shop', environment: 'production', layout: 'spa', countries: true,
    api: { path: '/api', live: target.url, candidate: target.candidateUrl },
    id: { cookie: 'session' },
    domain: { name: 'shop.example', aliases: ['www.shop.example'], cert: 'arn:aws:acm:us-east-1:111122223333:certificate/1' },
  });
  new RolloutSite('Docs', {
    service: 'docs', environment: 'production', id: 'tls-fingerprint', errorPage: true, segmentHeaders: ['X-Beta'],
    reports: { path: '/_s/0f9c2e4a', to: 'https://abc.lambda-url.eu-central-1.on.aws', key: 'a-key-of-the-site' },
  });
  new sst.aws.Function('Caller', { handler: 'caller.handler', link: [site] });
  return { url: site.url };
}`;

const shopWith = (before = '', after = '') =>
  graphOf(
    'production',
    ...['--root', `${folder}/`, '--replaced', JSON.stringify({ 'shop.ts': SHOP.replace(before, after) })],
  );

beforeAll(() => {
  cpSync(join(ROOT, 'examples/shop/'), folder, { recursive: true });
  const packed = execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [{ filename }] = JSON.parse(packed);
  mkdirSync(join(folder, 'node_modules', 'spillway'), { recursive: true });
  execFileSync('tar', [
    ...['-xzf', join(folder, filename), '--strip-components=1'],
    ...['-C', join(folder, 'node_modules', 'spillway')],
  ]);
  graph = shopWith();
}, 120_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('the package brings the code of the edge', () => {
  expect(existsSync(join(folder, 'node_modules/spillway/sst/rollout-site.d.ts'))).toBe(true);
  const brought = readFileSync(join(folder, 'node_modules/spillway/edge/built.json'), 'utf8');
  expect(JSON.parse(brought)).toEqual(edge);
});

test('a store is named by app, stage and site, and says whose the site is and where it lies', () => {
  expect(one(graph, 'cloudfront/keyValueStore:KeyValueStore', 'WebStore').inputs.name).toBe(
    'shop-production-Web',
  );
  const { inputs } = one(graph, 'cloudfront/keyvaluestoreKey:KeyvaluestoreKey', 'WebSite');
  expect(inputs.key).toBe('spillway-site');
  expect(JSON.parse(inputs.value)).toEqual({
    ...{ service: 'shop', environment: 'production', layout: 'spa', url: 'https://shop.example' },
    ...{ bucket: 'webfiles', api: '/api/', id: 'c:session', segments: ['c', 'y'] },
  });
  const docs = one(graph, 'cloudfront/keyvaluestoreKey:KeyvaluestoreKey', 'DocsSite').inputs.value;
  expect(JSON.parse(docs)).toMatchObject({
    layout: 'dir',
    id: 'j',
    url: expect.stringMatching(/^https:\/\//),
  });
  expect(Buffer.byteLength(inputs.value)).toBeLessThan(1_024);
});

test('a release without a page of the site serves first, and no deployment leads visitors back to it', () => {
  const { inputs, options } = one(graph, 'cloudfront/keyvaluestoreKey:KeyvaluestoreKey', 'WebValue');
  expect(inputs.key).toBe('spillway');
  const stored = storedFrom(inputs.value);
  expect(stored).toMatchObject({ s: 'initial', k: expect.stringMatching(/^[\w-]{32}$/) });
  expect(options.ignoreChanges).toEqual(['value']);
  const objects = all(graph, 's3/bucketObjectv2:BucketObjectv2').filter(({ name }) =>
    name.startsWith('WebInitial'),
  );
  expect(objects.map((each) => each.inputs.key).sort()).toEqual([
    '_releases/initial/.spillway-files.json',
    '_releases/initial/index.html',
  ]);
  expect(objects.map((each) => each.inputs.metadata)).toEqual([
    { release: 'initial' },
    { release: 'initial' },
  ]);
  expect(options.dependsOn).toEqual(
    expect.arrayContaining(objects.map(({ name }) => `aws:s3/bucketObjectv2:BucketObjectv2 ${name}`)),
  );
  const list = objects.find(({ inputs: { key } }) => key.endsWith('.json'))?.inputs.content;
  expect(JSON.parse(list)).toMatchObject({ schema: 1, release: 'initial', documents: ['/index.html'] });
});

test('both functions of the edge read that store, and know their layout', () => {
  const store = one(graph, 'cloudfront/keyValueStore:KeyValueStore', 'WebStore');
  for (const name of ['WebRequest', 'WebResponse']) {
    const { inputs } = one(graph, 'cloudfront/function:Function', name);
    expect(inputs.runtime).toBe('cloudfront-js-2.0');
    expect(inputs.keyValueStoreAssociations).toEqual([expect.stringContaining('key-value-store')]);
    expect(Buffer.byteLength(inputs.code)).toBeLessThan(10_000);
    expect(inputs.code).toMatch(/^import cf from "cloudfront";/);
  }
  expect(store.inputs.comment).toContain('shop');
  const { code } = one(graph, 'cloudfront/function:Function', 'WebRequest').inputs;
  expect(code).toContain('import cf from "cloudfront";const LAYOUT="spa";const API="/api/";');
  expect(one(graph, 'cloudfront/function:Function', 'DocsRequest').inputs.code).toContain(
    'const LAYOUT="dir";',
  );
});

test('a distribution keeps pages and files, and nothing of the API', () => {
  const { inputs } = one(graph, 'cloudfront/distribution:Distribution', 'WebDistribution');
  const { defaultCacheBehavior: pages, orderedCacheBehaviors, origins } = inputs;
  expect(pages).toMatchObject({
    ...{ targetOriginId: 'files', cachePolicyId: '658327ea-f89d-4fab-a63d-7e88639e58f6', compress: true },
    ...{ viewerProtocolPolicy: 'redirect-to-https', allowedMethods: ['GET', 'HEAD', 'OPTIONS'] },
  });
  const events = (behavior: { functionAssociations: { eventType: string }[] }) =>
    behavior.functionAssociations.map(({ eventType }) => eventType);
  expect(events(pages)).toEqual(['viewer-request', 'viewer-response']);
  expect(orderedCacheBehaviors).toHaveLength(1);
  expect(orderedCacheBehaviors[0]).toMatchObject({
    ...{
      pathPattern: '/api/*',
      targetOriginId: 'live',
      cachePolicyId: '4135ea2d-6df8-44a3-9df3-4b5a84be39ad',
    },
    originRequestPolicyId: 'b689b0a8-53d0-40ab-baf2-68738e2966ac',
  });
  expect(events(orderedCacheBehaviors[0])).toEqual(['viewer-request']);
  expect(origins.map(({ originId }: { originId: string }) => originId)).toEqual([
    'files',
    'live',
    'candidate',
  ]);
  expect(origins[1].domainName).toMatch(/^[^/:]+$/);
  expect(inputs).not.toHaveProperty('defaultRootObject');
  expect(inputs.customErrorResponses.every((each: object) => !('responsePagePath' in each))).toBe(true);
  expect(inputs.aliases).toEqual(['shop.example', 'www.shop.example']);
  const docs = one(graph, 'cloudfront/distribution:Distribution', 'DocsDistribution').inputs;
  const errors = docs.customErrorResponses.filter((each: object) => 'responsePagePath' in each);
  expect(errors).toEqual([
    { errorCode: 404, responseCode: 404, responsePagePath: '/404.html', errorCachingMinTtl: 0 },
  ]);
  expect(docs.viewerCertificate).toEqual({ cloudfrontDefaultCertificate: true });
});

test('reports go to the controller by a path of the site, with the key that its store has', () => {
  const { inputs } = one(graph, 'cloudfront/distribution:Distribution', 'DocsDistribution');
  const [behavior, ...more] = inputs.orderedCacheBehaviors;
  expect(more).toEqual([]);
  expect(behavior).toMatchObject({
    ...{ pathPattern: '/_s/0f9c2e4a', targetOriginId: 'reports' },
    cachePolicyId: '4135ea2d-6df8-44a3-9df3-4b5a84be39ad',
    allowedMethods: expect.arrayContaining(['POST']),
  });
  expect(behavior).not.toHaveProperty('functionAssociations');
  expect(inputs.origins[1]).toMatchObject({
    ...{ originId: 'reports', domainName: 'abc.lambda-url.eu-central-1.on.aws' },
    customHeaders: [
      { name: 'x-spillway-site', value: 'shop-production-Docs' },
      { name: 'x-spillway-key', value: 'a-key-of-the-site' },
    ],
  });
  const { value } = one(graph, 'cloudfront/keyvaluestoreKey:KeyvaluestoreKey', 'DocsSite').inputs;
  expect(JSON.parse(value)).toMatchObject({ beacon: 'a-key-of-the-site', segments: ['c', 'h:x-beta'] });
  const policy = one(graph, 'cloudfront/originRequestPolicy:OriginRequestPolicy', 'DocsReported').inputs;
  expect(policy).toMatchObject({
    cookiesConfig: { cookieBehavior: 'all' },
    headersConfig: { headers: { items: ['CloudFront-Viewer-Address', 'x-beta'] } },
  });
});

test('the distribution of the embedded world is like it', () => {
  const { inputs } = one(graph, 'cloudfront/distribution:Distribution', 'WebDistribution');
  const { inputs: policy } = one(
    graph,
    'cloudfront/responseHeadersPolicy:ResponseHeadersPolicy',
    'WebHeaders',
  );
  const origin = async () => textAnswer(200, '');
  const api = { path: '/api/', live: origin, candidate: origin };
  const local = siteDistribution({ files: origin, layout: 'spa', api });
  const codes = inputs.customErrorResponses.map(({ errorCode }: { errorCode: number }) => errorCode);
  expect(
    Array.from({ length: 200 }, (_, at) => 400 + at).filter((code) => local.errorSeconds(code) === 0),
  ).toEqual(codes);
  expect(local.behaviours.map(({ path }) => path)).toEqual([
    inputs.orderedCacheBehaviors[0].pathPattern,
    '*',
  ]);
  expect(Object.keys(local.origins)).toEqual(
    inputs.origins.map(({ originId }: { originId: string }) => originId),
  );
  const { referrerPolicy, strictTransportSecurity } = policy.securityHeadersConfig;
  expect(local.headers).toEqual({
    'x-content-type-options': 'nosniff',
    'referrer-policy': referrerPolicy.referrerPolicy,
    'strict-transport-security': `max-age=${strictTransportSecurity.accessControlMaxAgeSec}`,
  });
});

test('what the functions look at besides cookies is named by a policy', () => {
  const shown = (name: string) =>
    one(graph, 'cloudfront/originRequestPolicy:OriginRequestPolicy', name).inputs.headersConfig.headers.items;
  expect(shown('WebShown')).toEqual(['CloudFront-Viewer-Country']);
  expect(shown('DocsShown')).toEqual(['CloudFront-Viewer-JA4-Fingerprint']);
});

test('the files are read by the distribution alone, over TLS, and what is missing is a 404', () => {
  const { inputs } = one(graph, 's3/bucketPolicy:BucketPolicy', 'WebFilesPolicy');
  const { Statement } = JSON.parse(inputs.policy);
  const allowed = Statement.filter(({ Effect }: { Effect: string }) => Effect === 'Allow');
  expect(allowed.map(({ Action }: { Action: string }) => Action)).toEqual(['s3:GetObject', 's3:ListBucket']);
  for (const { Principal, Condition } of allowed) {
    expect(Principal).toEqual({ Service: 'cloudfront.amazonaws.com' });
    expect(Condition.StringEquals['AWS:SourceArn']).toMatch(/distribution/);
  }
  expect(Statement.at(-1)).toMatchObject({
    Effect: 'Deny',
    Condition: { Bool: { 'aws:SecureTransport': 'false' } },
  });
  const open = all(graph, 's3/bucketPublicAccessBlock:BucketPublicAccessBlock').filter(({ name }) =>
    name.startsWith('WebFiles'),
  );
  expect(open.map(({ inputs: { blockPublicPolicy } }) => blockPublicPolicy)).toEqual([true]);
});

test('no input is empty where another resource was to be named', () => {
  const own = graph.resources.filter(({ name }) => /^(?:Web|Docs)/.test(name));
  expect(JSON.stringify(own)).not.toContain('undefined');
});

test('no key of a site stands in the state of the deployment as plain text', () => {
  const secret = graph.resources
    .filter(({ name }) => /^(?:Web|Docs)/.test(name))
    .flatMap(({ name, secretInputs }) => secretInputs.map((input) => `${name} ${input}`));
  expect(secret.sort()).toEqual([
    ...['DocsDistribution origins', 'DocsSite value', 'DocsValue value', 'WebSite value', 'WebValue value'],
  ]);
});

test('nobody writes over a file of a release', () => {
  const { inputs } = one(graph, 's3/bucketPolicy:BucketPolicy', 'WebFilesPolicy');
  const { Statement } = JSON.parse(inputs.policy);
  expect(Statement.filter(({ Action }: { Action: string }) => Action === 's3:PutObject')).toEqual([
    {
      ...{ Effect: 'Deny', Principal: '*', Action: 's3:PutObject' },
      NotResource: 'arn:aws:s3:::webfiles/_releases/initial/*',
      Condition: { Null: { 's3:if-none-match': 'true' }, Bool: { 's3:ObjectCreationOperation': 'true' } },
    },
  ]);
});

test.each([
  [
    "service: 'shop', environment: 'production', layout",
    "service: 'Shop', environment: 'production', layout",
    'service must be 1 to 40',
  ],
  ["environment: 'production', layout", "environment: '', layout", 'environment must name the stage'],
  ["layout: 'spa'", "layout: 'flat'", 'layout must be "dir"'],
  ["path: '/api'", "path: 'api'", 'api.path must be the beginning'],
  ['candidate: target.candidateUrl', '', 'api needs two URLs'],
  ["path: '/_s/0f9c2e4a'", "path: '_s'", 'reports.path must be one path'],
  [", key: 'a-key-of-the-site'", '', 'reports needs the address of the controller'],
  ["cookie: 'session'", "cookie: 'a b'", 'id must be { cookie: NAME }'],
  ["id: { cookie: 'session' }", "id: 'tls-fingerprint'", 'shows an API no fingerprint'],
  ["name: 'shop.example',", '', 'domain needs a name and cert'],
  ["RolloutSite('Docs'", `RolloutSite('${'D'.repeat(60)}'`, 'CloudFront takes 64 characters'],
])('%s changed to %s is refused at deployment', (before, after, says) => {
  expect(() => shopWith(before, after)).toThrow(says);
});
