import { LambdaClient } from '@aws-sdk/client-lambda';
import { describe, expect, test } from 'vitest';
import { byKind, hookRunners } from '../../adapters/registry.ts';
import { publishers, routers, smokeRunners } from '../../targets/adapters.ts';
import { clockAt } from './stub.ts';

const nobody = () => Promise.reject(new Error('Nobody is asked here.'));
const clients = {
  lambda: new LambdaClient({ region: 'eu-west-1' }),
  fetch: nobody,
  secrets: { read: nobody },
  stores: { find: nobody, describe: nobody, entry: nobody, get: nobody, update: nobody },
  s3: { getObject: nobody, headObject: nobody, putObject: nobody },
  web: { fetch: nobody, hosts: [], secret: nobody },
};

describe.each([
  ['a router', 'lambda-alias', byKind<unknown, typeof clients>(routers, clients, clockAt(0))],
  ['a publisher', 'lambda-alias', byKind<unknown, typeof clients>(publishers, clients, clockAt(0))],
  [
    'a runner of smoke tests',
    'lambda-alias',
    byKind<unknown, typeof clients>(smokeRunners, clients, clockAt(0)),
  ],
  ['a runner of functions', 'lambda', byKind<unknown, typeof clients>(hookRunners, clients, clockAt(0))],
  ['a runner of web hooks', 'http', byKind<unknown, typeof clients>(hookRunners, clients, clockAt(0))],
])('%s', (_what, known, make) => {
  test('is made once for its kind', () => {
    expect(make(known)).toBe(make(known));
  });

  test.each(['ecs', '', 'toString', '__proto__'])(
    'is refused for the unknown kind "%s", with the known ones',
    (kind) => {
      expect(() => make(kind)).toThrow(expect.objectContaining({ code: 'TargetInvalid' }));
      expect(() => make(kind)).toThrow(new RegExp(`known are .*${known}`));
    },
  );
});
