import { describe, expect, test } from 'vitest';
import { gatewayAnswer } from '../../../core/analysis/gateway.ts';
import { SMOKE_EVENTS, type SmokeEvent } from '../../../core/analysis/types.ts';

const seen = (event: SmokeEvent, value: unknown, more = {}) =>
  gatewayAnswer(event, typeof value === 'string' ? value : JSON.stringify(value), more);

describe('a status that is none', () => {
  test.each([
    'abc',
    '',
    '20',
    '2000',
    '0200',
    '200.0',
    ' 200',
    '99',
    '600',
    null,
    99,
    1000,
    600,
    200.5,
    true,
    [200],
    {},
  ])('%j is malformed at every front door', (statusCode) => {
    for (const event of SMOKE_EVENTS)
      expect(seen(event, { statusCode, body: '' }), event).toEqual({
        malformed: expect.stringMatching(
          /^its statusCode is .* from 100 to 599; an? .* turns that into 50[02]$/,
        ),
      });
  });

  test.each([100, 204, '404', 599])('%j is one at every front door', (statusCode) => {
    for (const event of SMOKE_EVENTS)
      expect(seen(event, { statusCode, body: '' }), event).toMatchObject({ status: Number(statusCode) });
  });
});

describe('what a REST API and a load balancer turn into 502', () => {
  test.each<[string, SmokeEvent[], unknown, RegExp]>([
    ['null', ['rest', 'alb'], null, /^its answer is null and must be a map/],
    ['a text', ['rest', 'alb'], '"ok"', /^its answer is a text/],
    ['a list', ['rest', 'alb'], [1], /^its answer is a list/],
    ['no JSON', ['rest', 'alb'], 'plain', /^its answer is no JSON/],
    [
      'a map as body',
      ['rest', 'alb'],
      { statusCode: 200, body: { a: 1 } },
      /^its body is a map .* JSON.stringify/,
    ],
    ['a list as body', [...SMOKE_EVENTS], { statusCode: 200, body: [1] }, /^its body is a list/],
    [
      'a field of its own',
      ['rest'],
      { statusCode: 200, cookies: ['a=b'] },
      /^its answer has the field "cookies"/,
    ],
    ['a bare map', ['rest'], { total: 100 }, /^its answer has the field "total"/],
    ['no status', ['alb'], { body: 'ok' }, /^its statusCode is missing/],
    ['headers in a list', [...SMOKE_EVENTS], { statusCode: 200, headers: [] }, /^its headers are a list/],
    [
      'a header of several values',
      [...SMOKE_EVENTS],
      { statusCode: 200, headers: { 'set-cookie': ['a', 'b'] } },
      /^its header "set-cookie" is a list .* multiValueHeaders/,
    ],
    [
      'a multi-value header of one value',
      ['rest', 'alb'],
      { statusCode: 200, multiValueHeaders: { a: 'b' } },
      /^its multi-value header "a" is a text and must be a list/,
    ],
  ])('%s', (_name, events, value, why) => {
    for (const event of events)
      expect(seen(event, value), event).toEqual({ malformed: expect.stringMatching(why) });
  });

  test('more than a megabyte of JSON at a load balancer, and nowhere else', () => {
    const big = { statusCode: 200, body: 'x'.repeat(1024 * 1024) };
    expect(seen('alb', big)).toEqual({ malformed: expect.stringContaining('1048576 are allowed') });
    expect(seen('alb', { statusCode: 200, body: 'x' }, { bytes: 2_000_000 })).toHaveProperty('malformed');
    for (const event of ['url', 'http', 'rest'] as const)
      expect(seen(event, big)).toHaveProperty('status', 200);
  });
});

test('API Gateway takes a status that is a text, and headers that are numbers or booleans', () => {
  const answer = {
    statusCode: '200',
    body: '7',
    headers: { a: 1, b: true, c: null },
    isBase64Encoded: 'false',
  };
  expect(seen('rest', answer)).toEqual({
    status: 200,
    headers: { a: ['1'], b: ['true'] },
    body: '7',
    isBase64: false,
  });
});

test('a REST API needs no field at all and takes 200 for no status', () => {
  expect(seen('rest', {})).toEqual({ status: 200, headers: {}, body: '', isBase64: false });
  expect(seen('rest', { headers: { 'X-A': 'b' } })).toMatchObject({ status: 200, headers: { 'x-a': ['b'] } });
});

test('a function URL and an HTTP API write a bare value anew as compact JSON, and a text without quotes', () => {
  for (const event of ['url', 'http'] as const) {
    expect(seen(event, '{"hello": "world",  "n": [1, 2]}')).toMatchObject({
      status: 200,
      body: '{"hello":"world","n":[1,2]}',
    });
    expect(seen(event, '"hello"')).toMatchObject({ status: 200, body: 'hello' });
    expect(seen(event, 'null')).toMatchObject({ status: 200, body: 'null' });
    expect(seen(event, '3.1')).toMatchObject({ status: 200, body: '3.1' });
    expect(seen(event, '{"statusCode":200,"body":"{\\"a\\": 1}"}')).toMatchObject({ body: '{"a": 1}' });
  }
});

test('cookies and headers come as the caller gets them', () => {
  expect(
    seen('url', { statusCode: 302, headers: { Location: '/x' }, cookies: ['a=1; Path=/', 'b=2'] }),
  ).toMatchObject({
    status: 302,
    headers: { location: ['/x'], 'set-cookie': ['a=1; Path=/', 'b=2'] },
  });
  expect(
    seen('rest', {
      statusCode: 200,
      headers: { A: 'x' },
      multiValueHeaders: { 'Set-Cookie': ['a=1', 'b=2'] },
    }),
  ).toHaveProperty('headers', { a: ['x'], 'set-cookie': ['a=1', 'b=2'] });
});

test('a load balancer reads single or multi-value headers, as its target group is set', () => {
  const answer = { statusCode: 200, headers: { a: 'single' }, multiValueHeaders: { b: ['multi'] } };
  const read = { status: 200, body: '', isBase64: false };
  expect(seen('alb', answer)).toEqual({ ...read, headers: { a: ['single'] } });
  expect(seen('alb', answer, { multiValue: true })).toEqual({ ...read, headers: { b: ['multi'] } });
});

test('a streamed answer has its head before eight zero bytes, and its body after them', () => {
  const events = 'event: tick\ndata: {"n":1}\n\n';
  const head = '{"statusCode":201,"headers":{"Content-Type":"text/event-stream"},"cookies":["s=1"]}';
  for (const event of ['url', 'rest'] as const)
    expect(seen(event, `${head}${'\0'.repeat(8)}${events}`), event).toEqual({
      status: 201,
      headers: { 'content-type': ['text/event-stream'], 'set-cookie': ['s=1'] },
      body: events,
      isBase64: false,
    });
  expect(seen('url', events)).toMatchObject({ status: 200, body: events });
});

test.each([
  [true, true],
  ['true', true],
  [false, false],
  ['false', false],
  [undefined, false],
])('isBase64Encoded %j is read as %j', (isBase64Encoded, isBase64) => {
  for (const event of SMOKE_EVENTS)
    expect(seen(event, { statusCode: 200, body: 'aGk=', isBase64Encoded }), event).toMatchObject({
      isBase64,
    });
});

/** Longer than what is told of a value. */
const LONG = 'x'.repeat(80);

describe('what people read of an answer that is none', () => {
  test.each<[SmokeEvent, unknown, string]>([
    ['rest', [1], 'its answer is a list and must be a map with a status; a REST API turns that into 502'],
    [
      'alb',
      '7',
      'its answer is a number and must be a map with a status; a load balancer turns that into 502',
    ],
    [
      'alb',
      'true',
      'its answer is a boolean and must be a map with a status; a load balancer turns that into 502',
    ],
    [
      'http',
      { statusCode: 99 },
      'its statusCode is 99 and must be a whole number from 100 to 599; an HTTP API turns that into 500',
    ],
    [
      'url',
      { statusCode: LONG },
      `its statusCode is "${'x'.repeat(59)} and must be a whole number from 100 to 599; a function URL turns that into 502`,
    ],
    [
      'rest',
      { statusCode: 200, [LONG]: 1 },
      `its answer has the field "${'x'.repeat(60)}", and only statusCode, headers, multiValueHeaders, body, isBase64Encoded are allowed; a REST API turns that into 502`,
    ],
    [
      'url',
      { statusCode: 200, body: 7 },
      'its body is a number and must be a text; use JSON.stringify; a function URL turns that into 502',
    ],
    [
      'url',
      { statusCode: 200, headers: 'a: b' },
      'its headers are a text and must be a map of texts; a function URL turns that into 502',
    ],
    [
      'alb',
      { statusCode: 200, headers: { a: 'x', b: 1 } },
      'its header "b" is a number and must be a text; several values go into multiValueHeaders; a load balancer turns that into 502',
    ],
    [
      'alb',
      { statusCode: 200, headers: { a: null } },
      'its header "a" is null and must be a text; several values go into multiValueHeaders; a load balancer turns that into 502',
    ],
    [
      'rest',
      { statusCode: 200, headers: { a: { b: 1 } } },
      'its header "a" is a map and must be a text; several values go into multiValueHeaders; a REST API turns that into 502',
    ],
    [
      'rest',
      { statusCode: 200, multiValueHeaders: [] },
      'its multiValueHeaders are a list and must be a map of lists; a REST API turns that into 502',
    ],
    [
      'alb',
      { statusCode: 200, multiValueHeaders: { a: ['b'], c: true } },
      'its multi-value header "c" is a boolean and must be a list; a load balancer turns that into 502',
    ],
  ])('%s: %j', (event, value, malformed) => {
    expect(seen(event, value)).toEqual({ malformed });
  });

  test('is told by its bytes from one above a megabyte on', () => {
    const text = '{"statusCode":200}';
    expect(gatewayAnswer('alb', text, { bytes: 1_048_576 })).toMatchObject({ status: 200 });
    expect(gatewayAnswer('alb', text, { bytes: 1_048_577 })).toEqual({
      malformed:
        'its answer has 1048577 bytes of JSON, and 1048576 are allowed; a load balancer turns that into 502',
    });
  });
});

test('a front door does not look at what it does not know', () => {
  const strange = { statusCode: 200, headers: null, multiValueHeaders: { a: 'b' }, cookies: 'a=b', extra: 1 };
  const read = { status: 200, headers: {}, body: '', isBase64: false };
  for (const event of ['url', 'http'] as const) expect(seen(event, strange), event).toEqual(read);
  expect(seen('alb', { ...strange, multiValueHeaders: null, cookies: ['a=b'] })).toEqual(read);
  expect(seen('rest', { body: null, headers: null, multiValueHeaders: { a: null } })).toHaveProperty(
    'malformed',
  );
});

test('a bare value comes as JSON, and what is no JSON as it is', () => {
  const json = { status: 200, headers: { 'content-type': ['application/json'] }, isBase64: false };
  for (const event of ['url', 'http'] as const) {
    for (const [text, body] of [
      ['[1, 2]', '[1,2]'],
      ['plain', 'plain'],
      ['', ''],
      ['{"body": "x"}', '{"body":"x"}'],
    ] as const)
      expect(seen(event, text), text).toEqual({ ...json, body });
  }
});

test('an answer is streamed only by a head that is a map, before eight zero bytes', () => {
  const end = '\0'.repeat(8);
  expect(seen('url', `{}${end}x`)).toEqual({ status: 200, headers: {}, body: 'x', isBase64: false });
  expect(seen('url', '{"statusCode":201,"body":"x"}\n')).toMatchObject({ status: 201, body: 'x' });
  expect(seen('url', `{"statusCode":201}${'\0'.repeat(7)}x`)).toMatchObject({ status: 200 });
  expect(seen('url', `{no JSON${end}x`)).toMatchObject({ status: 200, body: `{no JSON${end}x` });
  expect(seen('rest', `{no JSON${end}x`)).toEqual({
    malformed: expect.stringMatching(/^its answer is no JSON/),
  });
  for (const event of ['http', 'alb'] as const)
    expect(seen(event, `{"statusCode":201}${end}x`)).not.toMatchObject({ status: 201 });
});

test('the setting of a target group is a load balancer’s alone, and cookies are of function URLs and HTTP APIs', () => {
  const answer = { statusCode: 200, headers: { a: 'x' }, multiValueHeaders: { b: ['y'] } };
  const headersOf = (event: SmokeEvent, value: object, more = {}) =>
    (seen(event, value, more) as { headers: object }).headers;
  expect(headersOf('rest', answer, { multiValue: true })).toEqual({ a: ['x'], b: ['y'] });
  expect(headersOf('url', answer, { multiValue: true })).toEqual({ a: ['x'] });
  expect(headersOf('http', { ...answer, cookies: ['s=1'] })).toEqual({ a: ['x'], 'set-cookie': ['s=1'] });
});
