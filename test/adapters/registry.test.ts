import { LambdaClient } from '@aws-sdk/client-lambda';
import { expect, test } from 'vitest';
import { routersFor } from '../../adapters/registry.ts';

const router = routersFor({ lambda: new LambdaClient({ region: 'eu-west-1' }) }, { now: () => 0 });

test('a kind of target has one router, made once', () => {
  expect(router('lambda-alias')).toBe(router('lambda-alias'));
});

test.each(['cloudfront', '', 'toString', '__proto__'])(
  'an unknown kind "%s" is refused with the known ones',
  (kind) => {
    expect(() => router(kind)).toThrow(expect.objectContaining({ code: 'TargetInvalid' }));
    expect(() => router(kind)).toThrow(/known are lambda-alias/);
  },
);
