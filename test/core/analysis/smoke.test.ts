import { describe, expect, test } from 'vitest';
import {
  capturedFrom,
  checksOf,
  filledCheck,
  isOnlySlow,
  isPrivate,
  judgeSmoke,
  type SmokeAnswer,
  subjectOf,
} from '../../../core/analysis/smoke.ts';
import type { SmokeCheck } from '../../../core/analysis/types.ts';

const check = (expected: Partial<SmokeCheck['expect']> = {}): SmokeCheck => ({
  target: 'api',
  method: 'POST',
  path: '/checkout?dryRun=1',
  body: '{"sku":"T1"}',
  expect: { status: 200, json: {}, ...expected },
});
const answer = (more: Partial<SmokeAnswer> = {}): SmokeAnswer => ({
  status: 200,
  headers: {},
  bytes: 35,
  body: '{"total":100,"items":[{"id":"T1"}]}',
  tookMs: 120,
  ...more,
});
const full = check({ underMs: 800, text: 'T1', json: { '$.total': 100, '$.items[0]': { id: 'T1' } } });

test('an answer that is all that was expected passes, and says what came', () => {
  expect(judgeSmoke(full, answer())).toEqual({
    status: 'pass',
    reason: 'POST /checkout?dryRun=1 answered 200 in 120 ms',
  });
});

describe('an answer fails', () => {
  test.each<[string, SmokeCheck, Partial<SmokeAnswer>, string]>([
    [
      'by another status, and shows the body',
      full,
      { status: 500, body: 'oh no' },
      'answered 500 instead of 200: oh no',
    ],
    ['by a text that is missing', check({ text: 'ok' }), { body: 'no' }, 'answered without "ok": no'],
    [
      'by another value at a path',
      check({ json: { '$.total': 99 } }),
      {},
      'answered $.total = 100 instead of 99',
    ],
    [
      'by a value of another type',
      check({ json: { '$.total': '100' } }),
      {},
      'answered $.total = 100 instead of "100"',
    ],
    [
      'by a large value, of which the beginning is told',
      check({ json: { '$.rows': [] } }),
      { body: JSON.stringify({ rows: 'x'.repeat(500_000) }) },
      `answered $.rows = "${'x'.repeat(119)}… instead of []`,
    ],
    [
      'by nothing at a path, although null was expected',
      check({ json: { '$.note': null } }),
      {},
      'answered $.note = nothing instead of null',
    ],
    [
      'by a body that is no JSON',
      check({ json: { '$.total': 100 } }),
      { body: '<html>' },
      'answered $.total = nothing instead of 100',
    ],
    ['by its time', full, { tookMs: 800 }, 'took 800 ms; it must stay under 800 ms'],
  ])('%s', (_, expected, came, why) => {
    expect(judgeSmoke(expected, answer(came))).toEqual({
      status: 'fail',
      reason: `POST /checkout?dryRun=1 ${why}`,
    });
  });

  test('for the first thing that is wrong', () => {
    expect(judgeSmoke(full, answer({ status: 500, tookMs: 9_000 })).reason).toContain('answered 500');
  });

  test('with no more of a long body than 120 characters', () => {
    const { reason } = judgeSmoke(full, answer({ status: 500, body: `${'x'.repeat(120)}secret` }));
    expect(reason).toContain(`: ${'x'.repeat(120)}…`);
    expect(reason).not.toContain('secret');
  });
});

test('time is not looked at where no limit was written', () => {
  expect(judgeSmoke(check(), answer({ tookMs: 60_000 })).status).toBe('pass');
  expect(judgeSmoke(full, answer({ tookMs: 799 })).status).toBe('pass');
});

describe('an answer is only slow', () => {
  test('where nothing but time is wrong', () => {
    expect(isOnlySlow(full, answer({ tookMs: 900 }))).toBe(true);
  });

  test.each<[string, Partial<SmokeAnswer>]>([
    ['nothing is wrong', {}],
    ['its status is wrong', { status: 500 }],
    ['its status is wrong too', { status: 500, tookMs: 900 }],
  ])('not where %s', (_, came) => {
    expect(isOnlySlow(full, answer(came))).toBe(false);
  });
});

describe('of a check with filled-in values, the reason quotes no value', () => {
  const written = check({
    status: 200,
    cookies: { session: '{{token}}' },
    headers: { 'x-token': '{{token}}' },
  });
  const filled = filledCheck(written, { token: 's3cr3t' });
  const reasonOf = (more: Partial<SmokeAnswer>) => {
    if ('fault' in filled) throw new Error(filled.fault);
    return judgeSmoke(filled, answer(more), written).reason;
  };

  test.each<[string, Partial<SmokeAnswer>, string]>([
    [
      'in a cookie',
      { headers: { 'x-token': ['s3cr3t'], 'set-cookie': ['session=theirs'] } },
      'answered cookie session = another value instead of "{{token}}"',
    ],
    [
      'in a header',
      { headers: { 'x-token': ['theirs'] } },
      'answered header x-token = another value instead of "{{token}}"',
    ],
    [
      'in the place that a redirect names',
      { status: 302, headers: { location: ['/?token=s3cr3t'] }, body: 's3cr3t' },
      'answered 302 instead of 200',
    ],
  ])('%s', (_, more, why) => {
    expect(reasonOf(more)).toBe(`POST /checkout?dryRun=1 ${why}`);
  });

  test('nor if it only captures or only names its secrets', () => {
    expect(isPrivate(check())).toBe(false);
    expect(isPrivate({ ...check(), capture: { id: '$.id' } })).toBe(true);
    expect(isPrivate({ ...check(), secrets: { token: { secret: 'shop' } as never } })).toBe(true);
  });
});

test.each(['a\u007fb', 'a\nb', 'a\u0000b'])('a value that no header can carry is a fault: %j', (token) => {
  const written = { ...check(), headers: { authorization: '{{token}}' } };
  expect(filledCheck(written, { token })).toEqual({
    fault: expect.stringContaining('its header authorization'),
  });
  expect(filledCheck(written, { token: 'a\tb' })).toHaveProperty('headers', { authorization: 'a\tb' });
});

test('a hook has the checks of its chain, or is the one check itself', () => {
  const [one, two] = [check(), { ...check(), path: '/two' }];
  expect(checksOf({ target: 'api', chain: [one, two] })).toEqual([one, two]);
  expect(checksOf(one)).toEqual([one]);
  expect(checksOf({ url: 'https://ci.example.com', chain: 'a text' })).toHaveLength(1);
});

test.each<[string, Partial<SmokeCheck>]>([
  ['POST /checkout?dryRun=1', {}],
  ['the event', { payload: { Records: [] } }],
  ['the event', { payload: null }],
  ['checkout', { name: 'checkout' }],
  ['checkout', { name: 'checkout', payload: {} }],
])('people read "%s" of a check with %j', (subject, more) => {
  expect(subjectOf({ ...check(), ...more })).toBe(subject);
});

test('a payload passes without a status', () => {
  const event = { ...check({ status: undefined, json: { '$.total': 100 } }), payload: {} };
  expect(judgeSmoke(event, answer({ status: undefined }))).toEqual({
    status: 'pass',
    reason: 'the event answered as expected in 120 ms',
  });
});

describe('a check has values in place of its names', () => {
  const values = { id: 'a/b "c"', n: 7, ok: true };
  const more = (given: Partial<SmokeCheck>): SmokeCheck => ({ ...check(), ...given });

  test.each<[string, SmokeCheck, Partial<SmokeCheck>]>([
    ['in its path, encoded', more({ path: '/x/{{id}}?n={{n}}' }), { path: '/x/a%2Fb%20%22c%22?n=7' }],
    [
      'in its headers, one or several',
      more({ headers: { a: '{{n}}', b: ['{{id}}', 'x'] } }),
      { headers: { a: '7', b: ['a/b "c"', 'x'] } },
    ],
    [
      'in a body that is JSON, which it stays',
      more({ body: '{"a": "{{id}}", "n": "{{n}}"}' }),
      { body: '{"a":"a/b \\"c\\"","n":7}' },
    ],
    ['in a body that is other text', more({ body: 'id={{id}}' }), { body: 'id=a/b "c"' }],
    [
      'not in a body without a name, which stays as written',
      more({ body: '{ "a":  1 }' }),
      { body: '{ "a":  1 }' },
    ],
    ['not where a backslash stands before it', more({ body: 'x \\{{id}}' }), { body: 'x {{id}}' }],
    ['not in bytes', more({ body: '{{id}}', isBase64: true }), { body: '{{id}}', isBase64: true }],
    ['in a form', more({ form: { a: '{{id}}', b: ['{{n}}'] } }), { form: { a: 'a/b "c"', b: ['7'] } }],
    ['in path parameters', more({ pathParameters: { id: '{{id}}' } }), { pathParameters: { id: 'a/b "c"' } }],
    [
      'in an authorizer, where a number stays one',
      more({ authorizer: { n: '{{n}}' } }),
      { authorizer: { n: 7 } },
    ],
    ['in a payload', more({ payload: { list: ['{{ok}}'] } }), { payload: { list: [true] } }],
    [
      'in the text that is expected',
      check({ text: 'is {{n}}' }),
      { expect: { status: 200, text: 'is 7', json: {} } },
    ],
    [
      'in the headers and cookies that are expected',
      check({ headers: { a: '{{n}}', b: true }, cookies: { c: '{{id}}', d: false } }),
      {
        expect: {
          ...{ status: 200, json: {} },
          ...{ headers: { a: '7', b: true }, cookies: { c: 'a/b "c"', d: false } },
        },
      },
    ],
    [
      'in the JSON that is expected',
      check({ json: { '$.n': '{{n}}' } }),
      { expect: { status: 200, json: { '$.n': 7 } } },
    ],
  ])('%s', (_, written, filled) => {
    expect(filledCheck(written, values)).toEqual({ ...written, ...filled });
  });

  test('and nothing that was not written', () => {
    const { body: _, ...bare } = check();
    expect(Object.keys(filledCheck(bare, values))).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/headers|form|pathParameters|authorizer|payload/)]),
    );
    expect(filledCheck({ ...bare, payload: null }, values)).toHaveProperty('payload', null);
  });

  test('is private by any name in it', () => {
    expect(isPrivate(more({ path: '/{{id}}' }))).toBe(true);
    expect(isPrivate(check({ json: { '$.id': '{{id}}' } }))).toBe(true);
  });

  test.each(['a\u001fb', 'a\u007f', 'a b\u0000'])(
    'a fault is told by its header, in a list too: %j',
    (id) => {
      expect(filledCheck(more({ headers: { fine: 'x', token: ['x', '{{id}}'] } }), { id })).toEqual({
        fault: 'cannot be sent: a value that its header token takes has characters no header can carry',
      });
    },
  );

  test.each(['\t', ' ', '~', '\u0080', '\uffff'])('a header carries %j', (id) => {
    expect(filledCheck(more({ headers: { token: '{{id}}' } }), { id })).toHaveProperty('headers.token', id);
  });
});

describe('of an answer are captured', () => {
  const came = answer({
    body: '{"id":"o-1","n":0,"ok":false,"none":null,"items":[{"id":"T1"}]}',
    headers: {
      location: ['/orders/o-1', '/second'],
      'x.y': ['dotted'],
      'set-cookie': ['sid = s1 ; Path=/', 'other=a=b; Secure', 'sid=s2', 'bare; Path=/'],
    },
  });
  const from = (capture: Record<string, string>, of = came) => capturedFrom({ ...check(), capture }, of);

  test.each<[string, string | number | boolean]>([
    ['$.id', 'o-1'],
    ['$.n', 0],
    ['$.ok', false],
    ['$.items[0].id', 'T1'],
    ['header.location', '/orders/o-1'],
    ['header.Location', '/orders/o-1'],
    ['header.x.y', 'dotted'],
    ['cookie.sid', 's1'],
    ['cookie.other', 'a=b'],
  ])('what stands at %s', (path, value) => {
    expect(from({ it: path })).toEqual({ values: { it: value } });
  });

  test.each<[string, string]>([
    ['$.missing', 'nothing'],
    ['$.none', 'nothing'],
    ['$.items', 'a list or map'],
    ['$.items[0]', 'a list or map'],
    ['header.x-none', 'nothing'],
    ['cookie.none', 'nothing'],
    ['cookie.bar', 'nothing'],
    ['cookie.SID', 'nothing'],
  ])('no value from %s, which is a fault', (path, what) => {
    expect(from({ id: '$.id', token: path })).toEqual({
      fault: `answered with ${what} at ${path}, which {{token}} should be; correct \`capture\``,
    });
  });

  test('several values, or none', () => {
    expect(from({ id: '$.id', to: 'header.location' })).toEqual({ values: { id: 'o-1', to: '/orders/o-1' } });
    expect(capturedFrom(check(), came)).toEqual({ values: {} });
    const empty = answer({ body: 'no JSON' });
    for (const path of ['$.id', 'header.a', 'cookie.a'])
      expect(from({ it: path }, empty)).toHaveProperty('fault');
  });
});

/** Why an answer fails, or that it does not. */
const saidOf = (expected: Partial<SmokeCheck['expect']>, more: Partial<SmokeAnswer>) => {
  const { status, reason } = judgeSmoke(check(expected), answer(more));
  return status === 'pass' ? 'pass' : reason.replace('POST /checkout?dryRun=1 answered ', '');
};

describe('a status', () => {
  test.each<[SmokeCheck['expect']['status'], number[], number[]]>([
    [204, [204], [203, 205]],
    ['2xx', [200, 299], [199, 300]],
    ['20x', [200, 209], [210, 199]],
    ['200-204', [200, 202, 204], [199, 205]],
    ['2xx-3xx', [200, 399], [199, 400]],
    [
      [200, '4xx'],
      [200, 400, 499],
      [201, 399, 500],
    ],
  ])('%j is met by %j and not by %j', (status, met, unmet) => {
    for (const came of met) expect(saidOf({ status }, { status: came }), `${came}`).toBe('pass');
    for (const came of unmet)
      expect(saidOf({ status }, { status: came, body: 'no' })).toBe(
        `${came} instead of ${[status].flat().join(' or ')}: no`,
      );
  });

  test('that redirects is told with its place', () => {
    expect(saidOf({}, { status: 302, headers: { location: ['/login', '/other'] }, body: 'no' })).toBe(
      '302 (location: /login) instead of 200: no',
    );
  });
});

describe.each(['header', 'cookie'] as const)('a %s', (kind) => {
  const came = (values?: string[]): Partial<SmokeAnswer> =>
    values === undefined
      ? {}
      : {
          headers:
            kind === 'header'
              ? { 'x-it': values }
              : { 'set-cookie': values.map((value) => `X-It=${value}; Secure`) },
        };
  const said = (wanted: string | boolean, values?: string[]) =>
    saidOf(
      kind === 'header' ? { headers: { 'X-It': wanted } } : { cookies: { 'X-It': wanted } },
      came(values),
    );

  test.each<[string | boolean, string[] | undefined, string]>([
    [true, ['any'], 'pass'],
    [true, [''], 'pass'],
    [true, undefined, 'without it'],
    [false, undefined, 'pass'],
    [false, ['any'], 'with it, which must not be there'],
    ['one', ['one'], 'pass'],
    ['one', ['two', 'one'], 'pass'],
    ['two, one', ['two', 'one'], 'pass'],
    ['one', undefined, 'without it'],
    ['one', ['One'], 'it = "One" instead of "one"'],
    ['one', ['a', 'b'], 'it = "a, b" instead of "one"'],
    ['one', ['one more'], 'it = "one more" instead of "one"'],
  ])('%j of %j: %s', (wanted, values, why) => {
    expect(said(wanted, values)).toBe(why.replace(/\bit\b/, `${kind} X-It`));
  });

  test.each<[string, string[], string[]]>([
    ['*', ['', 'x'], []],
    ['a*', ['a', 'ab'], ['ba', '']],
    ['*a', ['a', 'ba'], ['ab', '']],
    ['a*b', ['ab', 'axb'], ['a', 'b', 'abc', 'cab']],
    ['ab*ba', ['abba', 'abxba'], ['aba', 'ab', 'ba']],
    ['a*b*c', ['abc', 'axbxc'], ['ac', 'acb', 'bac', 'abcd']],
    ['*b*b*', ['bb', 'xbxbx'], ['b', 'xbx']],
    ['a**c', ['ac', 'abc'], ['a', 'c']],
    ['a*bc*c', ['abcc', 'axbcxc'], ['abc', 'acc']],
  ])('%s is like %j and not like %j', (pattern, like, unlike) => {
    for (const value of like) expect(said(pattern, [value]), value).toBe('pass');
    for (const value of unlike) expect(said(pattern, [value]), value).not.toBe('pass');
  });
});

test.each<[SmokeCheck['expect']['length'], number, string]>([
  [{ min: 10 }, 10, 'pass'],
  [{ min: 10 }, 9, '9 bytes instead of 10 to more'],
  [{ max: 10 }, 10, 'pass'],
  [{ max: 10 }, 11, '11 bytes instead of 0 to 10'],
  [{ min: 10, max: 20 }, 21, '21 bytes instead of 10 to 20'],
  [{ min: 10, max: 10 }, 11, '11 bytes instead of 10'],
  [{ max: 0 }, 1, '1 bytes instead of 0'],
  [undefined, 0, 'pass'],
])('a length of %j with %i bytes: %s', (length, bytes, why) => {
  expect(saidOf({ length }, { bytes })).toBe(why);
});

test.each<[string, string]>([
  ['a\r\n\tb', 'a b'],
  ['x'.repeat(120), 'x'.repeat(120)],
  ['x'.repeat(121), `${'x'.repeat(120)}…`],
  [`${'\n'.repeat(499)}xy`, ' x'],
])('of an answer %j is quoted', (body, quoted) => {
  expect(saidOf({}, { status: 500, body })).toBe(`500 instead of 200: ${quoted}`);
});

test('of a private check nothing that came is quoted, and what was wanted as it was written', () => {
  const written = check({
    ...{ text: 'is {{it}}', headers: { a: '{{it}}' }, cookies: { c: '{{it}}' }, json: { '$.id': '{{it}}' } },
  });
  const filled = filledCheck(written, { it: 's3cr3t' }) as SmokeCheck;
  const fine = {
    headers: { a: ['s3cr3t'], 'set-cookie': ['c=s3cr3t'] },
    body: '{"id":"s3cr3t","a":"is s3cr3t"}',
  };
  const said = (more: Partial<SmokeAnswer>) => judgeSmoke(filled, answer({ ...fine, ...more }), written);
  expect(said({})).toMatchObject({ status: 'pass' });
  for (const [more, why] of [
    [{ status: 500 }, 'answered 500 instead of 200'],
    [{ headers: { ...fine.headers, a: ['x'] } }, 'answered header a = another value instead of "{{it}}"'],
    [{ body: '{"id":"s3cr3t"}' }, 'answered without "is {{it}}"'],
    [{ body: '{"id":"theirs","a":"is s3cr3t"}' }, 'answered $.id = another value instead of "{{it}}"'],
  ] as const)
    expect(said(more as Partial<SmokeAnswer>).reason).toBe(`POST /checkout?dryRun=1 ${why}`);
});
