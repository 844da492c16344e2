import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { aws, clock } from '../../functions/_aws.ts';
import { journalOn } from '../../functions/_ports.ts';

/** A table without items, whose machine says the time that `offMs` makes of it. */
let table: Server;
let offMs = 0;
const before = { ...process.env };

beforeAll(async () => {
  table = createServer((_request, response) => {
    response.sendDate = false;
    response.setHeader('date', new Date(Date.now() + offMs).toUTCString());
    response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' }).end('{}');
  });
  await new Promise<void>((resolve) => table.listen(0, '127.0.0.1', resolve));
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_DYNAMODB: `http://127.0.0.1:${(table.address() as AddressInfo).port}`,
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'simulated',
    AWS_SECRET_ACCESS_KEY: 'simulated',
    JOURNAL_TABLE: 'journal',
  });
});
afterAll(() => {
  process.env = before;
  table.close();
});

test.each([
  ['5 minutes behind AWS', 300_000, 300_000],
  ['5 minutes ahead of AWS', -300_000, -300_000],
  ['as good as right', 1_000, 0],
])('a machine whose clock is %s tells the time of AWS once AWS was asked', async (_, off, corrected) => {
  offMs = off;
  await journalOn(aws).read('checkout-api--r1--1');
  const error = clock.now() - Date.now() - corrected;
  // A Date header tells whole seconds.
  expect(Math.abs(error)).toBeLessThan(5_000);
});

test('a sleep that is cancelled never ends, before it began or while it lasts', async () => {
  const over = new AbortController();
  const ended: string[] = [];
  void clock.sleep(5, over.signal).then(() => ended.push('while it lasted'));
  void clock.sleep(5, AbortSignal.abort()).then(() => ended.push('before it began'));
  over.abort();
  await clock.sleep(20);
  expect(ended).toEqual([]);
});
