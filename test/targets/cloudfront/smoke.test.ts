import { describe, expect, test } from 'vitest';
import type { SmokeCheck } from '../../../core/analysis/types.ts';
import { triedBy } from '../../../edge/try.ts';
import { siteSmoke } from '../../../targets/cloudfront/smoke.ts';
import { smokeQuestion } from '../../contract/hook-runner.ts';
import { targetOf } from '../../contract/rollouts.ts';

const AT = Date.UTC(2026, 0, 5, 9);
const target = {
  ...targetOf('web'),
  ...{ kind: 'cloudfront', stable: 'r41', canary: 'r42' },
  ref: { store: 'arn', site: 'shop', url: 'https://shop.example' },
};
const check = (more: Partial<SmokeCheck> = {}): SmokeCheck => ({
  ...{ target: 'web', method: 'GET', path: '/about', expect: { status: 200, json: {} } },
  ...more,
});

function site(
  answer: (request: Request, nth: number) => Response,
  value: object = { s: 'r41', c: 'r42', k: 'key' },
) {
  const asked: Request[] = [];
  const clock = {
    time: AT,
    now: () => clock.time,
    // The limit of all tries together is never reached.
    sleep: (ms: number) => {
      if (ms >= 8_000) return new Promise<void>(() => {});
      clock.time += ms;
      return Promise.resolve();
    },
  };
  const stores = {
    find: async () => 'arn',
    describe: async () => ({ etag: 'KV1', bytes: 0 }),
    entry: async () => ({ value: JSON.stringify(value), bytes: 0 }),
    get: async () => JSON.stringify(value),
    update: async () => {},
  };
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    asked.push(request);
    return answer(request, asked.length);
  };
  const runner = siteSmoke({ stores, fetch }, clock);
  return { asked, clock, ask: (each: SmokeCheck) => runner.ask(smokeQuestion(target, each)) };
}

const page = (release: string, body = 'fine') =>
  new Response(body, { headers: { 'x-amz-meta-release': release } });

test('asks the site at its own address, with a cookie that leads to the release at the edge', async () => {
  const { asked, ask } = site(() => page('r42'));
  expect(await ask(check({ headers: { cookie: 'a=1', 'x-own': 'b' } }))).toEqual({
    status: 'pass',
    reason: expect.stringContaining('GET /about'),
  });
  const [request] = asked;
  expect(request?.url).toBe('https://shop.example/about');
  expect(request?.headers.get('x-own')).toBe('b');
  const [own, cookie] = request?.headers.get('cookie')?.split('; ') ?? [];
  expect(own).toBe('a=1');
  const [name = '', value = ''] = cookie?.split(/=(.*)/) ?? [];
  const event = { method: 'GET', uri: '/', querystring: {}, headers: {}, cookies: { [name]: { value } } };
  const now = Date.now;
  Date.now = () => AT;
  try {
    expect(triedBy({ s: 'r41', c: 'r42', k: 'key' }, event)).toBe('r42');
    expect(triedBy({ s: 'r41', c: 'r42', k: 'other' }, event)).toBe('');
  } finally {
    Date.now = now;
  }
});

test('sends what a check sends, and judges what comes back', async () => {
  const { asked, ask } = site(
    () => new Response('{"ok":false}', { status: 201, headers: { 'set-cookie': 'a=1' } }),
  );
  const expected = { status: 201, json: { '$.ok': true } };
  expect(await ask(check({ method: 'POST', body: '{"a":1}', expect: expected }))).toMatchObject({
    status: 'fail',
  });
  expect(await asked[0]?.text()).toBe('{"a":1}');
  expect(asked[0]?.headers.get('content-type')).toBe('application/json');
  expect(
    await ask(check({ method: 'POST', form: { a: ['1', '2'] }, expect: { status: 201, json: {} } })),
  ).toMatchObject({
    status: 'pass',
  });
  expect(await asked[1]?.text()).toBe('a=1&a=2');
});

describe('an edge that does not know the release', () => {
  test('yet is asked again for some seconds', async () => {
    const { asked, ask } = site((_, nth) => page(nth < 4 ? 'r41' : 'r42'));
    expect(await ask(check())).toMatchObject({ status: 'pass' });
    expect(asked).toHaveLength(4);
  });

  test('at all is nobody to judge the release by', async () => {
    const { ask } = site(() => page('r41'));
    expect(await ask(check())).toEqual({
      status: 'broken',
      reason: expect.stringMatching(/was answered by release r41, not r42; look whether the functions/),
    });
  });
});

test('says what is missing where nothing leads testers to a release', async () => {
  const { asked, ask } = site(() => page('r42'), { s: 'r41' });
  expect(await ask(check())).toEqual({ status: 'broken', reason: expect.stringContaining('has no `k`') });
  expect(asked).toEqual([]);
});

test('a whole event is nothing that a site takes', async () => {
  const { ask } = site(() => page('r42'));
  expect(await ask(check({ payload: { a: 1 } }))).toMatchObject({ status: 'fail' });
});

test('a probe of a release that the edge leads nobody to is broken, and sends nothing', async () => {
  const { asked, ask } = site(() => page('r43'), { s: 'r43', k: 'key' });
  expect(await ask(check())).toEqual({
    status: 'broken',
    reason: expect.stringContaining('the edge of site shop leads nobody to r42 now'),
  });
  expect(asked).toEqual([]);
});

test('with visitors, every edge knows the release: it is soon said that none does', async () => {
  const { clock, ask } = site(() => page('r41'), { s: 'r41', c: 'r42', w: 100, k: 'key' });
  expect(await ask(check())).toMatchObject({ status: 'broken' });
  expect(clock.time - AT).toBeLessThan(3_000);
});
