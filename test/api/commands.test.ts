import { expect, test } from 'vitest';
import { LIMITS } from '../../api/limits.ts';
import { ROUTES, type Route, type RouteName } from '../../api/routes.ts';
import { readingsOf } from '../../controller/read.ts';
import { type Access, NO_ACCESS } from '../../core/people/access.ts';
import { ALIAS } from '../../local/account.ts';
import { EMPTY } from '../empty.ts';
import {
  ADA,
  apiOf,
  ask,
  deployed,
  FUNCTION,
  ID,
  released,
  SAMPLES,
  SERVICE,
  sampled,
  taking,
  WHO,
} from './stage.ts';

const at = (command: string, id = ID) => `/rollouts/${id}/${command}`;
const COMMANDS = Object.keys(ROUTES).filter((name) => ROUTES[name as RouteName].acts) as RouteName[];

test('a command carries who gave it, as was proven, whatever the body says', async () => {
  const world = await deployed();
  await released(world);
  const app = apiOf(world);
  const paused = await ask(app, 'POST', at('pause'), { body: { reason: 'lunch' } });
  expect([paused.status, paused.body]).toEqual([202, { rolloutId: ID, accepted: true }]);
  expect(paused.headers.get('location')).toBe(`/rollouts/${ID}`);
  const { pause } = (await ask(app, 'GET', `/rollouts/${ID}`)).body as { pause: object };
  expect(pause).toMatchObject({
    by: { id: ADA, name: 'ada', via: 'iam', isVerified: true },
    reason: 'lunch',
  });
  for (const body of [
    { reason: 'x', by: 'root' },
    { actor: { id: 'root' } },
    { groups: ['leads'] },
    { once: {} },
  ])
    expect((await ask(app, 'POST', at('pause'), { body })).status).toBe(422);
});

test('an abort reverts before it answers, and retry answers the new rollout', async () => {
  const world = await deployed();
  await released(world);
  const app = apiOf(world);
  expect((await ask(app, 'POST', at('abort'), { body: { reason: 'odd' } })).status).toBe(202);
  expect(world.lambda.helpers.routing(FUNCTION, ALIAS)).toMatchObject({ primary: '7', weights: EMPTY });
  await world.ended(ID);
  expect((await ask(app, 'POST', at('abort'))).body).toMatchObject({ status: 409, code: 'CommandRefused' });
  const again = await ask(app, 'POST', at('retry'));
  expect(again.body).toMatchObject({ rolloutId: `${SERVICE}--r1--2` });
  expect(again.headers.get('location')).toBe(`/rollouts/${SERVICE}--r1--2`);
});

test('nobody gives a command, and nobody reads, without being proven', async () => {
  const world = await deployed();
  const { app, commands } = taking(world);
  for (const [name, { method, path, isOpen }] of Object.entries<{
    method: string;
    path: string;
    isOpen?: true;
  }>(ROUTES)) {
    if (isOpen) continue;
    const address = path
      .replace('{rolloutId}', ID)
      .replace('{service}', SERVICE)
      .replace(/\{\w+\}/g, 'api');
    const { body = {} } = SAMPLES[name as RouteName] ?? {};
    const {
      status,
      headers,
      body: answer,
    } = await ask(app, method, address, {
      [WHO]: 'nobody',
      ...(method === 'POST' ? { body } : {}),
    });
    expect([name, status, headers.get('www-authenticate')]).toEqual([name, 401, 'Bearer']);
    expect(answer).toMatchObject({ code: 'NotAllowed' });
  }
  expect(commands).toEqual([]);
});

const [VIEWER, OPERATOR, APPROVER, OTHER] = ['viewer', 'operator', 'approver', 'other'].map(
  (name) => `arn:aws:iam::111122223333:user/${name}`,
) as [string, string, string, string];
const ROLES: Access = {
  ...NO_ACCESS,
  groups: { ops: [OPERATOR] },
  roles: {
    [SERVICE]: { viewer: [VIEWER], operator: ['ops'], approver: [APPROVER] },
    'another-api': { viewer: [OTHER] },
  },
};

test('a role lets do what it is for, with the rollouts of its service alone', async () => {
  const world = await deployed();
  await released(world);
  const { app, commands } = taking(world, { access: ROLES });
  const may = async (who: string, command: string) => {
    const { body = {} } = SAMPLES[command as RouteName] ?? {};
    return (await ask(app, 'POST', at(command), { [WHO]: who, body })).status;
  };
  for (const command of COMMANDS) {
    const needs = command === 'approve' || command === 'reject' ? APPROVER : OPERATOR;
    for (const who of [VIEWER, OPERATOR, APPROVER, OTHER]) {
      const isAllowed = command === 'links' ? who !== OTHER : who === needs;
      expect([command, who, await may(who, command)]).toEqual([
        ...[command, who, isAllowed ? (command === 'links' ? 201 : 202) : 403],
      ]);
    }
  }
  for (const action of ['pause', 'abort'])
    for (const who of [VIEWER, OPERATOR, APPROVER, OTHER])
      expect([
        ...[action, who, (await ask(app, 'POST', at('links'), { [WHO]: who, body: { action } })).status],
      ]).toEqual([action, who, who === OPERATOR ? 201 : 403]);
  expect(new Set(commands.map(({ groups }) => String(groups)))).toEqual(new Set(['ops', '']));
  const routes = Object.values<Route>(ROUTES);
  const reads = routes.filter(({ acts, path, isOpen }) => !(acts || isOpen) && path.includes('{'));
  for (const path of reads.map(({ path }) => sampled(path)))
    for (const who of [VIEWER, OPERATOR, OTHER])
      expect([path, who, (await ask(app, 'GET', path, { [WHO]: who })).status]).toEqual([
        ...[path, who, who === OTHER ? 403 : 200],
      ]);
});

test('a list shows the services that the caller may read, and a refusal reads nothing', async () => {
  const world = await deployed();
  await released(world);
  const app = apiOf(world, { access: ROLES });
  expect((await ask(app, 'GET', '/rollouts', { [WHO]: VIEWER })).body).toHaveLength(1);
  expect((await ask(app, 'GET', '/rollouts', { [WHO]: OTHER })).body).toEqual([]);
  const unread = apiOf(world, { access: ROLES, reads: {} as never });
  for (const path of [`/rollouts/${ID}`, `/rollouts/${SERVICE}--nowhere--1`])
    expect((await ask(unread, 'GET', path, { [WHO]: OTHER })).status).toBe(403);
});

test('a key makes a command one that is carried out once', async () => {
  const world = await deployed();
  const { app, commands } = taking(world);
  const keys = ['"8e03-978e"', '8e03-978e', '"8e03-978e" ', '"another"'];
  for (const key of keys)
    await ask(app, 'POST', at('pause'), { 'idempotency-key': key, body: { reason: 'a' } });
  await ask(app, 'POST', at('pause'), { 'idempotency-key': '8e03-978e', body: { reason: 'b' } });
  await ask(app, 'POST', at('abort'), { 'idempotency-key': '8e03-978e', body: { reason: 'a' } });
  await ask(app, 'POST', at('pause', `${SERVICE}--r2--1`), {
    'idempotency-key': '8e03-978e',
    body: { reason: 'a' },
  });
  await ask(app, 'POST', at('pause'), {
    'idempotency-key': '8e03-978e',
    body: { reason: 'a' },
    [WHO]: OTHER,
  });
  const [first, ...others] = commands.map(({ once }) => once);
  expect(first).toMatchObject({
    id: expect.stringMatching(/^key:[\w-]{43}$/),
    fingerprint: expect.any(String),
  });
  const same = others.map((once) => [once?.id === first?.id, once?.fingerprint === first?.fingerprint]);
  expect(same).toEqual([
    [true, true],
    [true, true],
    [false, true],
    [true, false],
    [false, false],
    [false, false],
    [false, true],
  ]);
  for (const key of ['', '"', '""', 'a b', 'x'.repeat(201), '"a"b"'])
    expect((await ask(app, 'POST', at('pause'), { 'idempotency-key': key })).status).toBe(400);
  expect(commands).toHaveLength(8);
});

test('the second of two that are the same is refused while the first is under way', async () => {
  const world = await deployed();
  let answer = (_: { rolloutId: string }) => {};
  const app = apiOf(world, { command: () => new Promise((resolve) => (answer = resolve)) });
  const given = () => ask(app, 'POST', at('pause'), { 'idempotency-key': 'k' });
  const first = given();
  await world.clock.sleep(1_000);
  const second = await given();
  expect([second.status, second.headers.get('retry-after')]).toEqual([409, '1']);
  expect(second.body).toMatchObject({ code: 'CommandRepeated' });
  answer({ rolloutId: ID });
  expect((await first).status).toBe(202);
});

test('what was accepted before says so', async () => {
  const app = apiOf(await deployed(), {
    command: async ({ rolloutId }) => ({ rolloutId, isRepeated: true }),
  });
  expect((await ask(app, 'POST', at('pause'))).body).toEqual({
    rolloutId: ID,
    accepted: true,
    isRepeated: true,
  });
});

test('with a cookie, only a page of the same origin may give a command', async () => {
  const { app, commands } = taking(await deployed());
  const own = { cookie: '__Host-session=x', 'x-spillway': '1' };
  for (const headers of [
    { ...own, origin: 'https://api.example' },
    { ...own, 'sec-fetch-site': 'same-origin' },
    { ...own, origin: 'https://api.example', 'sec-fetch-site': 'same-origin' },
  ])
    expect((await ask(app, 'POST', at('pause'), headers)).status).toBe(202);
  expect(commands).toHaveLength(3);
  for (const headers of [
    own,
    { ...own, origin: 'https://evil.example' },
    { ...own, origin: 'null' },
    { ...own, origin: 'http://api.example' },
    { ...own, origin: 'https://api.example:8443' },
    { ...own, 'sec-fetch-site': 'cross-site' },
    { ...own, 'sec-fetch-site': 'same-site' },
    { ...own, 'sec-fetch-site': 'none' },
    { ...own, origin: 'https://api.example', 'sec-fetch-site': 'cross-site' },
    { ...own, 'x-spillway': '', origin: 'https://api.example' },
    { cookie: 'a=b', origin: 'https://api.example' },
  ])
    for (const command of COMMANDS) {
      const { body = {} } = SAMPLES[command] ?? {};
      const { status, body: answer } = await ask(app, 'POST', at(command), { ...headers, body });
      expect([headers, status, answer]).toMatchObject([headers, 403, { code: 'NotAllowed' }]);
    }
  expect(commands).toHaveLength(3);
});

test('too many calls are refused in front of the journal, and none of them is in the way of an abort', async () => {
  const world = await deployed();
  await released(world);
  let reads = 0;
  const { app, commands } = taking(world, {
    limits: {
      each: { ...LIMITS.each, read: { burst: 3, everyMs: 1e9 }, command: { burst: 2, everyMs: 1e9 } },
      all: { read: { burst: 5, everyMs: 1e9 }, command: { burst: 3, everyMs: 1e9 } },
    },
    reads: {
      ...readingsOf(world.journal),
      async running() {
        reads += 1;
        return [];
      },
    },
  });
  const read = async (who: string) => (await ask(app, 'GET', '/rollouts', { [WHO]: who })).status;
  expect(await Promise.all(Array.from({ length: 4 }, () => read(VIEWER)))).toEqual([200, 200, 200, 429]);
  expect(await Promise.all(Array.from({ length: 3 }, () => read(OTHER)))).toEqual([200, 200, 429]);
  expect(reads).toBeLessThan(6);
  const limited = await ask(app, 'GET', '/rollouts');
  expect(limited.body).toMatchObject({ status: 429, code: 'RateLimited' });
  expect(Number(limited.headers.get('retry-after'))).toBeGreaterThan(0);
  const pause = async (who: string) => (await ask(app, 'POST', at('pause'), { [WHO]: who })).status;
  expect([await pause(VIEWER), await pause(VIEWER), await pause(VIEWER)]).toEqual([202, 202, 429]);
  expect([await pause(OTHER), await pause(OTHER)]).toEqual([202, 429]);
  expect((await ask(app, 'POST', at('abort'), { [WHO]: VIEWER })).status).toBe(202);
  expect(commands.at(-1)).toMatchObject({ command: 'abort' });
});
