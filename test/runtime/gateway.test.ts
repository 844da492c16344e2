import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { gatewayAnswer } from '../../core/analysis/gateway.ts';
import { eventOf } from '../../core/analysis/smoke-event.ts';
import { SMOKE_EVENTS } from '../../core/analysis/types.ts';
import { withSpillway } from '../../runtime/with-spillway.mjs';

// The wrapper ships alone and core is not part of it, so each of them knows what a gateway refuses.
let printed: string[];
beforeEach(() => {
  printed = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    printed.push(String(chunk));
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
});

const context = {
  invokedFunctionArn: 'arn:aws:lambda:eu-central-1:123456789012:function:checkout:live',
  functionName: 'checkout',
  functionVersion: '7',
};

const ANSWERS: unknown[] = [
  ...[200, '204', 302, 404, '404', 500, 503, '503', 599, 99, 1000, 'abc', null, 200.5, true, [200]].map(
    (statusCode) => ({ statusCode, body: 'x' }),
  ),
  ...[null, 'text', '', 7, true, [], [1], {}, { total: 1 }, { body: 'x' }, { headers: { a: 'b' } }],
  ...[null, 7, true, { a: 1 }, [1]].map((body) => ({ statusCode: 200, body })),
  ...[null, [], 'x', { a: 1 }, { a: true }, { a: ['b'] }, { a: { b: 1 } }].map((headers) => ({
    statusCode: 200,
    headers,
  })),
  ...[null, { a: ['b'] }, { a: 'b' }].map((multiValueHeaders) => ({ statusCode: 200, multiValueHeaders })),
  { statusCode: 200, cookies: ['a=b'] },
  { statusCode: 200, extra: 1 },
  { statusCode: 200, body: 'x'.repeat(1024 * 1024 + 1) },
];

describe.each(SMOKE_EVENTS)('of an answer to %s the wrapper and a smoke test say the same', (event) => {
  const check = {
    target: 'api',
    event,
    method: 'GET',
    path: '/orders/7',
    expect: { status: 200, json: {} },
  };
  test.each(ANSWERS.map((answer) => [JSON.stringify(answer).slice(0, 60), answer]))(
    '%s',
    async (_, answer) => {
      const request = eventOf(check, { at: 0, time: '01/Jan/1970:00:00:00 +0000' }) as object;
      await withSpillway(async (_event: object, _context: typeof context) => answer)(request, context);
      const { Faults, ClientErrors } = JSON.parse(printed[0] ?? '{}') as {
        Faults: number;
        ClientErrors: number;
      };
      const seen = gatewayAnswer(event, JSON.stringify(answer));
      const status = 'malformed' in seen ? 502 : seen.status;
      expect([Faults, ClientErrors]).toEqual([Number(status >= 500), Number(status >= 400 && status < 500)]);
    },
  );
});
