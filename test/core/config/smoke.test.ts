import { describe, expect, test } from 'vitest';
import type { SmokeChain, SmokeCheck } from '../../../core/analysis/types.ts';
import { hooksFrom, planFrom, probeFrom } from '../../../core/config/rollout-file.ts';
import { chainsOf } from '../../../core/config/smoke.ts';
import { rolloutFileFrom } from '../../formats.ts';
import { leastFile, thrownBy } from './files.ts';

const ok = { status: 200 };
const fileWith = (smoke: unknown[], more: object = {}) => ({ ...leastFile(), smoke, ...more });
const problemsOf = (smoke: unknown[], more: object = {}) =>
  thrownBy(() => rolloutFileFrom(fileWith(smoke, more))).message.split('\n');
const specsOf = (smoke: unknown[], more: object = {}) =>
  hooksFrom(rolloutFileFrom(fileWith(smoke, more))).map(({ spec }) => spec as SmokeCheck & SmokeChain);

const login = { post: '/login', form: { user: 'smoke' }, capture: { token: '$.token' }, expect: ok };
const me = { get: '/me', headers: { authorization: 'Bearer {{token}}' }, expect: ok };

describe('a smoke test', () => {
  test('may be the request of any front door, by any method and with any body', () => {
    const smoke = [
      { patch: '/orders/7', event: 'rest', route: '/orders/{id}', stage: 'v1', json: { a: 1 }, expect: ok },
      {
        delete: '/orders/7',
        event: 'http',
        route: 'ANY /orders/{proxy+}',
        authorizer: { claims: { sub: 'x' } },
        expect: ok,
      },
      {
        head: '/',
        event: 'alb',
        multiValue: true,
        headers: { accept: ['a', 'b'] },
        expect: { status: ['2xx', 304, '400-404'] },
      },
      {
        options: '/',
        base64: 'AAE=',
        expect: { status: 204, length: 0, headers: { allow: true }, cookies: { s: false } },
      },
    ];
    expect(specsOf(smoke)).toEqual([
      {
        ...{
          target: 'api',
          method: 'PATCH',
          path: '/orders/7',
          event: 'rest',
          route: '/orders/{id}',
          stage: 'v1',
        },
        ...{ body: '{"a":1}', expect: { status: 200, json: {} } },
      },
      {
        ...{
          target: 'api',
          method: 'DELETE',
          path: '/orders/7',
          event: 'http',
          route: 'ANY /orders/{proxy+}',
        },
        ...{ authorizer: { claims: { sub: 'x' } }, expect: { status: 200, json: {} } },
      },
      {
        ...{ target: 'api', method: 'HEAD', path: '/', event: 'alb', multiValue: true },
        ...{ headers: { accept: ['a', 'b'] }, expect: { status: ['2xx', 304, '400-404'], json: {} } },
      },
      {
        ...{ target: 'api', method: 'OPTIONS', path: '/', body: 'AAE=', isBase64: true },
        expect: {
          status: 204,
          length: { min: 0, max: 0 },
          headers: { allow: true },
          cookies: { s: false },
          json: {},
        },
      },
    ]);
  });

  test('sends the event that its target has, unless it says otherwise', () => {
    const targets = { api: { lambda: 'f', alias: 'live', event: 'rest' } };
    const smoke = [
      { get: '/', expect: ok },
      { get: '/', event: 'url', expect: ok },
    ];
    expect(specsOf(smoke, { targets }).map(({ event }) => event)).toEqual(['rest', 'url']);
  });

  test('may be a whole event, of which the payload is checked, or nothing but that it does not fail', () => {
    const event = { Records: [{ body: '{}' }] };
    const targets = { api: { lambda: 'f', alias: 'live', source: 'sqs' } };
    expect(
      specsOf([{ event }, { event, name: 'batch', expect: { '$.batchItemFailures': [] } }], { targets }),
    ).toEqual([
      { target: 'api', method: 'GET', path: '/', payload: event, expect: { json: {} } },
      {
        ...{ target: 'api', name: 'batch', method: 'GET', path: '/', payload: event },
        expect: { json: { '$.batchItemFailures': [] } },
      },
    ]);
  });

  test('becomes one hook together with those that use what it captures', () => {
    const health = { get: '/health', expect: ok };
    const hooks = hooksFrom(rolloutFileFrom(fileWith([login, health, me])));
    expect(hooks.map(({ id, spec }) => [id, 'chain' in spec])).toEqual([
      ['smoke.1', true],
      ['smoke.2', false],
    ]);
    expect(hooks[0]?.spec).toMatchObject({ target: 'api', chain: [{ path: '/login' }, { path: '/me' }] });
  });
});

test('tests that share values, also by way of others, are one chain in the order of the file', () => {
  const capture = (name: string) => ({ capture: { [name]: '$.x' } });
  const use = (...names: string[]) => ({ text: names.map((name) => `{{${name}}}`).join() });
  expect(
    chainsOf([
      capture('a'),
      capture('b'),
      use('c'),
      use('a'),
      { ...use('b', 'a'), ...capture('d') },
      use('d'),
      {},
    ]),
  ).toEqual([[0, 1, 3, 4, 5], [2], [6]]);
});

const targetsOf = (source: string) => ({ targets: { api: { lambda: 'f', alias: 'live', source } } });
const secretOf = (ref: object) => [{ get: '/', headers: { a: '{{s}}' }, secrets: { s: ref }, expect: ok }];

describe('a smoke test that can never work is refused', () => {
  test.each<[string, unknown[], object, string]>([
    ...['sqs', 'stream', 'schedule', 'async'].map((source): [string, unknown[], object, string] => [
      `on a target of ${source}`,
      [{ get: '/', expect: ok }],
      targetsOf(source),
      `target \`api\` has \`source: ${source}\`, and no HTTP request ever reaches it; write the whole event`,
    ]),
    [
      'of an unknown event',
      [{ get: '/', event: 'rset', expect: ok }],
      {},
      'smoke[0].event is "rset": did you mean `rest`?',
    ],
    [
      'of an event far off',
      [{ get: '/', event: 'graphql', expect: ok }],
      {},
      'smoke[0].event is "graphql": write `url`',
    ],
    [
      'with a route at a function URL',
      [{ get: '/', route: '/', expect: ok }],
      {},
      'an event of `url` has no route; write `event: http` or `event: rest`',
    ],
    [
      'with an authorizer at a load balancer',
      [{ get: '/', event: 'alb', authorizer: {}, expect: ok }],
      {},
      'an event of `alb` has no authorizer',
    ],
    [
      'of another route',
      [{ get: '/users/1', event: 'http', route: 'GET /orders/{id}', expect: ok }],
      {},
      'the path /users/1 is not of this route',
    ],
    [
      'of a route of another method',
      [{ get: '/orders/1', event: 'http', route: 'POST /orders/{id}', expect: ok }],
      {},
      'a get request is not of this route',
    ],
    [
      'with a body at GET',
      [{ get: '/', form: { a: 'b' }, expect: ok }],
      {},
      'smoke[0].form is {"a":"b"}: a get request has no body',
    ],
    [
      'with two bodies',
      [{ post: '/', form: {}, base64: 'AA==', expect: ok }],
      {},
      'only one of `form` and `base64`',
    ],
    ['with bytes that are none', [{ post: '/', base64: 'A', expect: ok }], {}, 'write the bytes in base64'],
    ['without an expectation', [{ get: '/' }], {}, 'smoke[0].expect is missing: write what must come'],
    [
      'with a status that is none',
      [{ get: '/', expect: { status: '6xx' } }],
      {},
      'smoke[0].expect.status is "6xx": write an HTTP status',
    ],
    [
      'with a status of a list that is none',
      [{ get: '/', expect: { status: [200, 99] } }],
      {},
      'write an HTTP status',
    ],
    ['with a header over two lines', [{ get: '/', headers: { a: 'b\r\nc: d' }, expect: ok }], {}, 'write'],
    [
      'with a header of no name',
      [{ get: '/', headers: { 'a b': 'c' }, expect: ok }],
      {},
      'is no name of a header',
    ],
    [
      'of a whole event with a status',
      [{ event: {}, expect: ok }],
      {},
      'smoke[0].expect.status is 200: a whole event is answered by a payload, which has JSON paths; write `$.statusCode`',
    ],
    [
      'of a whole event with a method',
      [{ event: {}, get: '/' }],
      {},
      'smoke[0].get is "/": the whole `event` is set here already',
    ],
    [
      'with a value that nobody captures',
      [me],
      {},
      '`{{token}}` stands for a value that no earlier test captures',
    ],
    ['with a value that is captured later', [me, login], {}, 'only this or a later test captures it'],
    ['with a mistyped value', [login, { get: '/{{tokn}}', expect: ok }], {}, 'did you mean `token`?'],
    [
      'that captures what another captures',
      [login, { ...login, post: '/b' }],
      {},
      'smoke[0] captures `token` too',
    ],
    [
      'that captures by no path',
      [{ ...login, capture: { a: 'token' } }],
      {},
      'write what is captured: `$.token`',
    ],
    [
      'with a secret of another service',
      secretOf({ secret: 'spillway/other/key' }),
      {},
      'a service may only have read what is named `spillway/checkout-api/…`',
    ],
    [
      'with a secret by its ARN',
      secretOf({ secret: 'arn:aws:secretsmanager:eu-west-1:1:secret:spillway/checkout-api/a' }),
      {},
      'write the name and no ARN',
    ],
    [
      'with a parameter that climbs',
      secretOf({ parameter: '/spillway/checkout-api/../other/key' }),
      {},
      'a service may only have read what is named `/spillway/checkout-api/…`',
    ],
    [
      'with two references',
      secretOf({ secret: 'spillway/checkout-api/a', parameter: '/spillway/checkout-api/a' }),
      {},
      'exactly one of `secret` and `parameter`',
    ],
    [
      'tried too often',
      [{ get: '/', retries: 9, expect: ok }],
      {},
      'smoke[0].retries is 9: write how often a failure is tried again, from 0 to 5.',
    ],
  ])('%s', (_name, smoke, more, line) => {
    const lines = problemsOf(smoke, more);
    expect(
      lines.some((found) => found.includes(line)),
      lines.join('\n'),
    ).toBe(true);
  });

  test('across two targets, if it uses a value of the other', () => {
    const targets = { api: { lambda: 'f', alias: 'live' }, auth: { lambda: 'g', alias: 'live' } };
    expect(
      problemsOf(
        [
          { ...login, target: 'auth' },
          { ...me, target: 'api' },
        ],
        { targets },
      ),
    ).toEqual([
      'smoke[1].target is "api": it uses a value of smoke[0], which asks another target; tests that share values must ask the same one.',
    ]);
  });
});

test('braces that are no name, or are meant as text, are left alone', () => {
  expect(specsOf([{ post: '/', text: '{{ not a name }} \\{{token}} {{}}', expect: ok }])[0]).toMatchObject({
    body: '{{ not a name }} \\{{token}} {{}}',
  });
});

describe('probes of tests that share values', () => {
  const probe = { every: '10s' };
  test('are all of them or none, and that is said', () => {
    const all = [{ ...login, probe: true }, me, { get: '/health', expect: ok }];
    expect(probeFrom(rolloutFileFrom(fileWith(all, { probe })))?.smoke).toEqual(['smoke.1', 'smoke.3']);
    const some = rolloutFileFrom(fileWith([login, me, { get: '/health', expect: ok }], { probe }));
    expect(probeFrom(some)?.smoke).toEqual(['smoke.3']);
    expect(planFrom(some).notices).toEqual([
      'smoke[1] is no probe, because it shares values with smoke[0], which is none; write `probe: true` there if it may be repeated',
    ]);
  });

  test('are refused in words if one is asked for without the other', () => {
    expect(problemsOf([login, { ...me, probe: true }], { probe })).toEqual([
      'smoke[1].probe is true: it shares values with smoke[0], which is not repeated; write `probe: true` there if it may be, or remove this.',
    ]);
    expect(problemsOf([login, me], { probe })).toEqual([
      expect.stringMatching(/^probe .*there is no smoke test to repeat/),
    ]);
  });
});
