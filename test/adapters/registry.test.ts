import { LambdaClient } from '@aws-sdk/client-lambda';
import { describe, expect, test } from 'vitest';
import { byKind, hookRunners, publishers, routers } from '../../adapters/registry.ts';
import { clockAt } from './stub.ts';

const clients = {
  lambda: new LambdaClient({ region: 'eu-west-1' }),
  web: {
    fetch: () => Promise.reject(new Error('Nobody is asked here.')),
    hosts: [],
    secret: '',
  },
};

describe.each([
  ['a router', 'lambda-alias', byKind<unknown>(routers, clients, clockAt(0))],
  ['a publisher', 'lambda-alias', byKind<unknown>(publishers, clients, clockAt(0))],
  ['a runner of smoke tests', 'smoke', byKind<unknown>(hookRunners, clients, clockAt(0))],
  ['a runner of functions', 'lambda', byKind<unknown>(hookRunners, clients, clockAt(0))],
  ['a runner of web hooks', 'http', byKind<unknown>(hookRunners, clients, clockAt(0))],
])('%s', (_what, known, make) => {
  test('is made once for its kind', () => {
    expect(make(known)).toBe(make(known));
  });

  test.each(['cloudfront', '', 'toString', '__proto__'])(
    'is refused for the unknown kind "%s", with the known ones',
    (kind) => {
      expect(() => make(kind)).toThrow(expect.objectContaining({ code: 'TargetInvalid' }));
      expect(() => make(kind)).toThrow(new RegExp(`known are .*${known}`));
    },
  );
});
