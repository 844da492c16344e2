import { describe, expect, test } from 'vitest';
import { virtualClock } from '../../../local/clock.ts';
import { directClient } from '../../../local/sdk.ts';
import { storeCalls } from '../../../local/services/cloudfront-kvs.ts';
import { siteRouter } from '../../../targets/cloudfront/router.ts';
import { siteStage } from '../../contract/site-stage.ts';

const BY = { rolloutId: 'checkout--r1--1', epoch: 1 };
const token = (seq: number) => ({ ...BY, seq, open: true });
const SITE = 'web-shop';

const raise = ({ router, target, now }: Awaited<ReturnType<typeof siteStage>>, seq: number, weight: number) =>
  router.raise(target, {
    ...{ expect: token(seq - 1), write: token(seq), from: 0, weight },
    expiresAt: now() + 10_000,
  });

test('a raise leaves the keys of others and what it does not know of its own as they are', async () => {
  const stage = await siteStage();
  await stage.router.claim(stage.target, token(0));
  await raise(stage, 1, 0.01);
  expect(stage.value()).toEqual({
    ...{ s: '1', c: '2', w: 1, t: 'checkout.2', d: ['/sw.js'], f: 'spillway checkout--r1--1 1 1 open' },
    ...{ k: 'a secret', a: '/api/', x: { y: [1] } },
  });
  expect(stage.kvs.helpers.value(SITE, 'routes')).toBe('of somebody else');
});

test('what somebody changes of it meanwhile is kept by the next write', async () => {
  const stage = await siteStage();
  await stage.router.claim(stage.target, token(0));
  stage.kvs.helpers.put(SITE, { spillway: JSON.stringify({ ...stage.value(), k: 'another', i: 'j' }) });
  await raise(stage, 1, 10);
  expect(stage.value()).toMatchObject({ k: 'another', i: 'j', w: 1000 });
});

test('a write of another key between the read and the write of a raise is met as a conflict', async () => {
  const stage = await siteStage();
  await stage.router.claim(stage.target, token(0));
  stage.arrange.interfere(2, () => stage.kvs.helpers.put(SITE, { routes: 'new' }));
  expect(await raise(stage, 1, 10)).toMatchObject({ result: 'fenced' });
  expect(stage.value()).toMatchObject({ w: 0 });
  expect(stage.kvs.helpers.value(SITE, 'routes')).toBe('new');
});

test('what the owner wants the edge to know goes with the first write', async () => {
  const stage = await siteStage();
  const owner = JSON.parse(stage.kvs.helpers.value(SITE, 'spillway-site') ?? '{}');
  stage.kvs.helpers.put(SITE, {
    'spillway-site': JSON.stringify({ ...owner, environment: 'production', api: '/v1/', id: 'c:session' }),
  });
  const { target } = await stage.router.resolve(stage.request);
  await stage.router.claim(target, token(0));
  expect(stage.value()).toMatchObject({ a: '/v1/', i: 'c:session', k: 'a secret' });
});

test('a raise that reads the value of before a revert, and the version of after it, is fenced', async () => {
  const stage = await siteStage();
  const { kvs, target } = stage;
  await stage.router.claim(target, token(0));
  const late = { value: kvs.helpers.value(SITE, 'spillway') ?? '', bytes: 0 };
  const calls = storeCalls(directClient(kvs.service, { clock: virtualClock() }));
  late.bytes = (await calls.describe(target.ref.store ?? '')).bytes;
  await stage.another.revert(target, BY);
  let lates = 2;
  const entry: typeof calls.entry = async (...asked) => (lates-- > 0 ? late : calls.entry(...asked));
  const router = siteRouter({ stores: { ...calls, entry }, s3: stage.files }, virtualClock());
  expect(await raise({ ...stage, router }, 1, 10)).toMatchObject({ result: 'fenced' });
  expect(lates).toBeLessThan(0);
  expect(stage.value()).toMatchObject({ s: '1', f: 'spillway checkout--r1--1 1 1 closed' });
});

describe('a value that the edge cannot read', () => {
  test.each(['{', '{"s":1}'])('serves nobody, and is left as it is by a revert: %s', async (value) => {
    const stage = await siteStage();
    await stage.router.claim(stage.target, token(0));
    stage.kvs.helpers.put(SITE, { spillway: value });
    expect(await stage.router.observe(stage.target)).toEqual({
      primary: 'none',
      weights: {},
      token: undefined,
    });
    expect(await stage.router.revert(stage.target, BY)).toMatchObject({ primary: 'none', drifted: true });
    expect(stage.kvs.helpers.value(SITE, 'spillway')).toBe(value);
  });
});

test('a release is usable as long as its list is there', async () => {
  const { router, target } = await siteStage();
  expect(await router.has(target, '1')).toBe('usable');
  expect(await router.has(target, '9')).toBe('gone');
});

test('a pin is a key of its own, and no traffic', async () => {
  const stage = await siteStage();
  const before = stage.value();
  await stage.router.pin(stage.target, BY.rolloutId);
  expect(stage.kvs.helpers.value(SITE, 'spillway-pin')).toMatch(/^1 Spillway keeps .* checkout--r1--1 /);
  expect(stage.value()).toEqual(before);
});

test('an opening notices that nothing can be tried before visitors see it', async () => {
  const { router, request, kvs } = await siteStage();
  expect((await router.resolve(request)).notices).toEqual([]);
  kvs.helpers.put(SITE, { spillway: '{"s":"1"}' });
  expect((await router.resolve(request)).notices).toEqual([expect.stringContaining('has no `k`')]);
});

test.each([
  ['find', 'AccessDenied', 'look at KeyValueStore web-shop'],
  ['entry', 'AccessDeniedException', 'read the store of site web-shop'],
  ['headObject', 'HTTP 403', 'read bucket web-shop-files'],
] as const)('a controller without rights says what to do where %s is denied', async (denied, name, says) => {
  const { kvs, files, request } = await siteStage();
  const refuse = () =>
    Promise.reject(Object.assign(new Error('no'), { name, $metadata: { httpStatusCode: 403 } }));
  const stores = storeCalls(directClient(kvs.service, { clock: virtualClock() }));
  const router = siteRouter(
    { stores: { ...stores, [denied]: refuse }, s3: { ...files, [denied]: refuse } },
    { now: () => 0, sleep: async () => {} },
  );
  await expect(router.resolve(request)).rejects.toMatchObject({
    code: 'TargetInvalid',
    message: expect.stringContaining(`targets.web: the controller may not ${says}; name the site's bucket`),
  });
});

test('the digest of a release is that of its files, whatever it is called', async () => {
  const { router, request, upload, put } = await siteStage();
  const digestOf = async (release: string) =>
    (await router.resolve({ ...request, artifact: { site: { prefix: `_releases/${release}/` } } })).digest;
  await upload('4');
  for (const [release, text] of [
    ['5', 'one'],
    ['6', 'one'],
    ['7', 'other'],
  ] as const) {
    await upload(release);
    for (const path of ['index.html', 'sw.js']) await put(`_releases/${release}/${path}`, text);
  }
  expect(await digestOf('5')).toBe(await digestOf('6'));
  expect(await digestOf('5')).not.toBe(await digestOf('7'));
  expect(await digestOf('4')).toMatch(/^[0-9a-f]{64}$/);
});
