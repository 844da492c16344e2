import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ANSWER_BYTES_MAX, excerpt, hookAnswerFrom, REASON_MAX } from '../../core/hook-answer.ts';

const say = (answer: unknown) => hookAnswerFrom(JSON.stringify(answer));

describe('an answer', () => {
  test.each(['pass', 'fail', 'inconclusive', 'pending'])('of %s is taken with its reason', (status) => {
    expect(say({ status, reason: 'because' })).toEqual({ status, reason: 'because' });
  });

  test('of pending needs no reason, the others do', () => {
    expect(say({ status: 'pending' })).toEqual({ status: 'pending', reason: 'it will answer by callback' });
    expect(say({ status: 'pass' })).toMatchObject({
      status: 'broken',
      reason: 'its answer "pass" has no reason, which must be a text: "{"status":"pass"}"',
    });
  });

  test('keeps the first 1,000 characters of its reason, and no half of one', () => {
    expect(say({ status: 'fail', reason: 'x'.repeat(REASON_MAX) }).reason).toHaveLength(1000);
    expect(say({ status: 'fail', reason: 'x'.repeat(5000) }).reason).toBe('x'.repeat(1000));
    const cut = say({ status: 'fail', reason: `${'x'.repeat(999)}\u{1f600}` }).reason;
    expect(cut).toHaveLength(1000);
    expect(cut.isWellFormed()).toBe(true);
  });

  test('keeps data of up to 4 KB and leaves larger data out', () => {
    const data = { rows: 3 };
    expect(say({ status: 'pass', reason: '', data })).toEqual({ status: 'pass', reason: '', data });
    const large = say({ status: 'pass', reason: '', data: 'x'.repeat(4096) });
    expect(large).toEqual({ status: 'pass', reason: '' });
  });

  test('may carry more than is known, which is left out', () => {
    expect(say({ status: 'pass', reason: 'ok', version: 3 })).toEqual({ status: 'pass', reason: 'ok' });
  });
});

describe('anything else is broken', () => {
  test.each([
    ['', 'it answered with nothing'],
    [' \n', 'it answered with nothing'],
    ['null', 'its answer is not an object with a status and a reason: "null"'],
    ['"pass"', 'its answer is not an object with a status and a reason: ""pass""'],
    ['true', 'its answer is not an object with a status and a reason: "true"'],
    ['[{"status":"pass","reason":""}]', 'its answer is not an object'],
    ['<html>\n<b>502</b>', 'its answer is not JSON: "<html> <b>502</b>"'],
    ['{"status":"pass","reason":""', 'its answer is not JSON'],
    ['{}', 'its answer has no status of pass, fail, inconclusive, pending: "{}"'],
    ['{"status":"PASS","reason":""}', 'its answer has no status of'],
    ['{"status":"broken","reason":""}', 'its answer has no status of'],
    ['{"status":"toString","reason":""}', 'its answer has no status of'],
    ['{"status":["pass"],"reason":""}', 'its answer has no status of'],
    ['{"statusCode":200,"body":"{}"}', 'its answer has no status of'],
    ['{"status":"pass","reason":7}', 'its answer "pass" has no reason'],
    ['{"status":"pending","reason":7}', 'its answer "pending" has no reason'],
    ['{"status":"fail","reason":null}', 'its answer "fail" has no reason'],
    ['{"__proto__":{"status":"pass","reason":"x"}}', 'its answer has no status of'],
    [
      JSON.stringify({ status: 'pass', reason: 'x'.repeat(ANSWER_BYTES_MAX) }),
      'its answer is longer than 64 KB',
    ],
  ])('%.60j', (body, reason) => {
    const answer = hookAnswerFrom(body);
    expect(answer.status).toBe('broken');
    expect(answer.reason).toContain(reason);
  });

  test('and repeats at most 120 characters of it', () => {
    for (const body of ['z'.repeat(5000), `{"status":"${'z'.repeat(5000)}"}`, `[${'"z",'.repeat(2000)}1]`]) {
      const repeated = hookAnswerFrom(body).reason.match(/z/g) ?? [];
      expect(repeated.length).toBeGreaterThan(0);
      expect(repeated.length).toBeLessThanOrEqual(120);
    }
  });

  test('whatever the text is: it never throws, and is only a pass where it says so', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), fc.jsonValue().map(String)), (body) => {
        const answer = hookAnswerFrom(body);
        expect(answer.status).toBe('broken');
        expect(answer.reason.length).toBeLessThan(120 + 100);
      }),
      { seed: 7, numRuns: 500 },
    );
  });
});

test('an excerpt is one line without control characters', () => {
  expect(excerpt(' a\r\n\u001b[31mb\u0000\t c ')).toBe('a [31mb c');
});

test.each([
  ['Succeeded', 'pass'],
  ['Failed', 'fail'],
])('the status %s of a hook of CodeDeploy is broken, and its reason says to write "%s"', (status, word) => {
  expect(say({ status, reason: 'checked' })).toMatchObject({
    status: 'broken',
    reason: expect.stringContaining(`("${status}" is what CodeDeploy calls it; write "${word}")`),
  });
});
