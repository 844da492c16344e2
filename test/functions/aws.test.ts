import { createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { awsJournal } from '../../functions/_aws.ts';

/** A service that takes connections and never answers. */
let silent: Server;
const sockets = new Set<Socket>();
const before = { ...process.env };

beforeAll(async () => {
  silent = createServer((socket) => sockets.add(socket));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const address = silent.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_DYNAMODB: `http://127.0.0.1:${port}`,
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'simulated',
    AWS_SECRET_ACCESS_KEY: 'simulated',
    JOURNAL_TABLE: 'journal',
  });
});

afterAll(() => {
  process.env = before;
  for (const socket of sockets) socket.destroy();
  silent.close();
});

test('a service that never answers is unavailable before the function that asks it is killed', async () => {
  const late = new Promise<'killed'>((resolve) => setTimeout(() => resolve('killed'), 9_000).unref());
  const asked = awsJournal()
    .read('checkout-api--r1--1')
    .then(
      () => 'answered',
      (error: unknown) => (error instanceof Error ? error.name : 'unknown'),
    );
  expect(await Promise.race([asked, late])).toBe('Unavailable');
});
