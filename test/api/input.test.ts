import { expect, test } from 'vitest';
import { api } from '../../api/api.ts';
import { BODY_BYTES_MAX } from '../../api/body.ts';
import { RolloutError } from '../../core/errors.ts';
import { NO_ACCESS } from '../../core/people/access.ts';
import { apiOf, ask, deployed, ID, released, SERVICE, taking } from './stage.ts';

const PAUSE = `/rollouts/${ID}/pause`;

test('a body that is no command is refused in words, and nothing is done', async () => {
  const { app, commands } = taking(await deployed());
  const deep = `${'['.repeat(30_000)}${']'.repeat(30_000)}`;
  const text = 'content-type';
  for (const [headers, body, status, pointer] of [
    [{}, '{', 400],
    [{}, '{"reason":"odd"', 400],
    [{}, new Uint8Array([0x22, 0xff, 0x22]), 400],
    [{}, 'null', 422, ''],
    [{}, '"odd"', 422, ''],
    [{}, '[]', 422, ''],
    [{}, deep, 422, ''],
    [{}, `{"reason":${deep}}`, 422, '/reason'],
    [{}, '{"reason":7}', 422, '/reason'],
    [{}, '{"reason":"odd","by":"root"}', 422, '/by'],
    [{}, '{"a/b~c":1}', 422, '/a~1b~0c'],
    [{}, '{"__proto__":{"reason":"odd"}}', 422, '/__proto__'],
    [{ [text]: 'text/plain' }, '{}', 415],
    [{ [text]: 'application/x-www-form-urlencoded' }, 'reason=odd', 415],
    [{ [text]: 'multipart/form-data; boundary=x' }, '--x--', 415],
    [{ [text]: 'application/json5' }, '{}', 415],
    [{ [text]: '' }, '{}', 415],
    [{}, JSON.stringify({ reason: 'x'.repeat(1_000_000) }), 413],
    [{ 'content-length': '3' }, JSON.stringify({ reason: 'x'.repeat(BODY_BYTES_MAX) }), 413],
  ] as [Record<string, string>, string, number, string?][]) {
    const answer = await ask(app, 'POST', PAUSE, { body, ...headers });
    const { status: said, errors } = answer.body as { status: number; errors?: { pointer: string }[] };
    expect([String(body).slice(0, 30), answer.status, said]).toEqual([
      String(body).slice(0, 30),
      status,
      status,
    ]);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    if (pointer !== undefined) expect(errors?.[0]?.pointer).toBe(pointer);
    expect(answer.text.length).toBeLessThan(5_000);
  }
  expect(commands).toEqual([]);
});

test('a body may be left out where nothing must be said, and JSON has its usual names', async () => {
  const { app, commands } = taking(await deployed());
  expect((await ask(app, 'POST', PAUSE)).status).toBe(202);
  for (const type of ['application/json; charset=utf-8', 'APPLICATION/JSON'])
    expect((await ask(app, 'POST', PAUSE, { body: { reason: 'odd' }, 'content-type': type })).status).toBe(
      202,
    );
  expect((await ask(app, 'POST', `/rollouts/${ID}/approve`)).body).toMatchObject({
    errors: [{ pointer: '/gate' }],
  });
  expect(commands).toMatchObject([
    { command: 'pause', reason: 'no reason given' },
    { command: 'pause', reason: 'odd' },
    { command: 'pause', reason: 'odd' },
  ]);
});

test('a query is held to its fields, each once and in digits', async () => {
  const { app } = taking(await deployed());
  const events = `/rollouts/${ID}/events`;
  for (const [query, pointer] of [
    ['?after=-1', '/query/after'],
    ['?after=1.5', '/query/after'],
    ['?after=1e3', '/query/after'],
    ['?after=', '/query/after'],
    ['?after=1&after=2', '/query/after'],
    ['?limit=0', '/query/limit'],
    ['?limit=99999999999999999999', '/query/limit'],
    ['?afer=1', '/query/afer'],
    ['?__proto__=1', '/query/__proto__'],
  ])
    expect((await ask(app, 'GET', events + query)).body).toMatchObject({
      ...{ status: 422, errors: [{ pointer }] },
    });
  for (const query of ['?before=7', '?before=no-rollout', '?limit=101'])
    expect((await ask(app, 'GET', `/services/${SERVICE}/rollouts${query}`)).status).toBe(422);
});

test('what can be no id leads nowhere', async () => {
  const { app } = taking(await deployed());
  const long = `${'a'.repeat(60)}--r1--1`;
  for (const id of [
    'r1',
    'a--b',
    'A--r1--1',
    'a--r1--0',
    'a--r1--1%2Fabort',
    '..%2F..',
    '%00--r1--1',
    '%E0%A4%A',
    long,
  ])
    for (const path of [`/rollouts/${id}`, `/rollouts/${id}/events`])
      expect([id, (await ask(app, 'GET', path)).status]).toEqual([id, 404]);
  expect((await ask(app, 'GET', '/services/Checkout')).status).toBe(404);
  expect((await ask(app, 'GET', `/rollouts/${ID}/verdicts/api/%3Cscript%3E`)).status).toBe(404);
});

test('what was never opened, or only waits, is unknown; what it waits for is said', async () => {
  const world = await deployed();
  await released(world);
  const app = apiOf(world);
  const other = `${SERVICE}--r2--1`;
  for (const path of [
    `/rollouts/${other}`,
    `/rollouts/${other}/events`,
    `/rollouts/${other}/verdicts/api/errors`,
  ])
    expect((await ask(app, 'GET', path)).body).toMatchObject({ status: 404, code: 'RolloutUnknown' });
  for (const verb of ['pause', 'resume', 'promote', 'abort', 'rollback', 'retry'])
    expect((await ask(app, 'POST', `/rollouts/${other}/${verb}`)).body).toMatchObject({
      ...{ status: 404, code: 'RolloutUnknown' },
    });
  await world.ports.journal.wait(SERVICE, {
    ...{ release: 'r2', attempt: 1, order: 2 },
    manifest: { bucket: 'releases', key: `releases/${SERVICE}/r2/manifest.json`, versionId: 'v' },
  });
  await world.clock.sleep(1_000);
  expect((await ask(app, 'GET', `/rollouts/${other}`)).body).toMatchObject({
    ...{ status: 404, code: 'RolloutUnknown', waitsFor: [ID] },
  });
});

test('hostile text is kept as text: in answers, in pictures and in problems', async () => {
  const world = await deployed();
  await released(world);
  const app = apiOf(world);
  const evil = '<script>alert(1)</script>\u202e\u001b[2J <!channel> *b* \ud800';
  await ask(app, 'POST', PAUSE, { body: JSON.stringify({ reason: evil }) });
  const { text, headers } = await ask(app, 'GET', `/rollouts/${ID}`);
  expect(headers.get('content-type')).toBe('application/json');
  expect(headers.get('x-content-type-options')).toBe('nosniff');
  expect(text).not.toMatch(/\u202e|\\u001b|\\ud800/i);
  const picture = await ask(app, 'GET', `/rollouts/${ID}/verdicts/api/errors`);
  expect(picture.headers.get('content-security-policy')).toContain('sandbox');
  const problem = await ask(app, 'POST', PAUSE, { body: JSON.stringify({ [evil]: 1 }) });
  expect(problem.text).not.toMatch(/\u202e|\\u001b/);
});

test('what nobody foresaw is reported to the log, and says nothing to who asked', async () => {
  const world = await deployed();
  const seen: unknown[] = [];
  const reads = {
    ...{ running: fails, recent: fails, service: fails, rollout: fails, events: fails },
  };
  async function fails(): Promise<never> {
    throw new TypeError('the password is swordfish');
  }
  const app = api({
    ...{ about: world.ports.about, reads, access: NO_ACCESS, tokens: world.ports.tokens, clock: world.clock },
    ...{ isPublic: true, failed: (error) => seen.push(error), command: fails },
    principal: async () => ({ actor: { id: 'ada', via: 'iam', isVerified: true }, identities: [] }),
  });
  for (const [method, path] of [
    ['GET', '/rollouts'],
    ['GET', `/rollouts/${ID}/events`],
    ['POST', PAUSE],
  ]) {
    const { status, body, text } = await ask(app, method ?? '', path ?? '');
    expect([path, status]).toEqual([path, 500]);
    expect(body).toMatchObject({ type: 'about:blank', title: 'Internal Server Error' });
    expect(text).not.toContain('swordfish');
  }
  expect(seen).toHaveLength(3);
});

test('what passes by itself says when to ask again', async () => {
  const world = await deployed();
  const fails = async (): Promise<never> => {
    throw new RolloutError('Unavailable', 'The journal does not answer.');
  };
  const app = apiOf(world, {
    reads: { running: fails, recent: fails, service: fails, rollout: fails, events: fails },
  });
  const { status, headers, body } = await ask(app, 'GET', `/rollouts/${ID}`);
  expect([status, headers.get('retry-after')]).toEqual([503, '1']);
  expect(body).toMatchObject({ code: 'Unavailable', type: 'https://api.example/problems/Unavailable' });
});
