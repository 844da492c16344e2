import { describe, expect, test } from 'vitest';
import {
  filledCheck,
  isOnlySlow,
  isPrivate,
  judgeSmoke,
  type SmokeAnswer,
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
