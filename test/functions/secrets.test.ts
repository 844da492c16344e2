import { LambdaClient } from '@aws-sdk/client-lambda';
import { afterEach, expect, test, vi } from 'vitest';
import { RolloutError } from '../../core/errors.ts';
import { signedCommand } from '../../core/people/signed-command.ts';
import { lambda } from '../../functions/_lambda.ts';
import { tokensOn } from '../../functions/_ports.ts';
import { keeping } from '../../functions/_secrets.ts';
import { apiPublic } from '../../functions/api-public.ts';
import { command } from '../../functions/command.ts';
import { ALIAS } from '../../local/account.ts';
import { PEOPLE_KEY } from '../../local/controller.ts';
import { secretServers } from '../../local/services/secrets.ts';
import { deployed, FUNCTION, ID, released } from '../api/stage.ts';
import { proven } from '../core/rollout/given.ts';
import { EMPTY } from '../empty.ts';
import { urlEvent } from './url-event.ts';

const KEYS = JSON.stringify({ current: 'local', keys: { local: PEOPLE_KEY } });

afterEach(() => {
  vi.unstubAllEnvs();
  vi.unstubAllGlobals();
});

/** The secrets of a function on AWS, whose store is the simulated one; it is away while `store.isAway`. */
function kept() {
  vi.stubEnv('ENVIRONMENT', 'production');
  vi.stubEnv('AWS_REGION', 'eu-west-1');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDEXAMPLE');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'example');
  const secrets = new Map([['spillway-production/PeopleKeys', KEYS]]);
  const servers = secretServers({ secrets, parameters: new Map() }, 'eu-west-1');
  const store = { isAway: false, asked: 0, secrets };
  vi.stubGlobal('fetch', async (...given: Parameters<typeof fetch>) => {
    store.asked += 1;
    const request = new Request(...given);
    if (store.isAway) throw new TypeError('fetch failed');
    return servers[new URL(request.url).host]?.(request);
  });
  return { store, tokens: tokensOn(keeping(LambdaClient)) };
}

const ABORT = { command: 'abort', rolloutId: ID, reason: 'odd' } as const;
const standing = ({ lambda: { helpers } }: Awaited<ReturnType<typeof deployed>>) =>
  helpers.routing(FUNCTION, ALIAS)?.weights;

test('what is signed by a key of Secrets Manager is carried out, also while that is away, if the key was read before', async () => {
  const { store, tokens } = kept();
  const world = await deployed();
  await released(world);
  const signer = { tokens: world.ports.tokens, clock: { now: Date.now, sleep: async () => {} } };
  const call = lambda(command, () => ({ ...world.ports, tokens }));
  await call(await signedCommand({ ...ABORT, command: 'pause', by: proven('ada') }, signer));
  expect(store.asked).toBe(1);
  store.isAway = true;
  await call(await signedCommand({ ...ABORT, by: proven('ada') }, signer));
  expect(standing(world)).toEqual(EMPTY);
});

test('a direct call of Command asks for no secret', async () => {
  const { store, tokens } = kept();
  store.isAway = true;
  const world = await deployed();
  await released(world);
  await lambda(command, () => ({ ...world.ports, tokens }))({ ...ABORT, by: 'ada' });
  expect(standing(world)).toEqual(EMPTY);
  expect(store.asked).toBe(0);
});

test('keys that could never be read make a link wait, and tell who has it what to do', async () => {
  const { store, tokens } = kept();
  store.isAway = true;
  const world = await deployed();
  await released(world);
  const link = await world.ports.tokens.sign('link', { rolloutId: ID, action: 'abort' }, Date.now() * 2);
  const handler = lambda(apiPublic, () => ({ ...world.ports, tokens }));
  const headers = { authorization: `Bearer ${link}`, 'content-type': 'application/json' };
  const pressed = async () =>
    (await handler(urlEvent('POST', `/rollouts/${ID}/abort`, { headers, body: '{}' }))) as {
      statusCode: number;
      headers: Record<string, string>;
      body: string;
    };
  const refused = await pressed();
  expect([refused.statusCode, refused.headers['retry-after']]).toEqual([503, '1']);
  expect(JSON.parse(refused.body)).toMatchObject({
    code: 'Unavailable',
    detail: expect.stringContaining('abort --direct'),
  });
  expect(refused.body).not.toContain(PEOPLE_KEY);
  store.isAway = false;
  expect((await pressed()).statusCode).toBe(202);
});

test('a key that is replaced is taken as soon as something is signed by it', async () => {
  const { store, tokens } = kept();
  let now = Date.now();
  vi.spyOn(Date, 'now').mockImplementation(() => now);
  const sign = (kid: string, key: string) => {
    store.secrets.set(
      'spillway-production/PeopleKeys',
      JSON.stringify({ current: kid, keys: { [kid]: key } }),
    );
    return tokensOn(keeping(LambdaClient)).sign('link', { rolloutId: ID }, now + 60_000);
  };
  const before = await tokens.sign('link', { rolloutId: ID }, now + 60_000);
  const after = await sign('k2', 'cd'.repeat(32));
  now += 5_000;
  expect(await tokens.read('link', after)).toMatchObject({ rolloutId: ID });
  const error: unknown = await tokens.read('link', before).catch((thrown: unknown) => thrown);
  expect(RolloutError.is(error, 'TokenInvalid')).toBe(true);
  vi.restoreAllMocks();
});
