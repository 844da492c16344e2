import { describe, expect, test } from 'vitest';
import { claimOf } from '../../../core/rollout/claim.ts';
import { token } from './given.ts';

const theirs = (open: boolean) => ({ ...token(3), rolloutId: 'checkout-api--r7--1', open });
const on = (found: Parameters<typeof claimOf>[0]['token'], revision: string, isRepeated: boolean) =>
  claimOf({ token: found, revision }, { revision: 'at the opening' }, token(0), isRepeated);

describe('a claim', () => {
  test.each([
    ['finds no token', undefined, 'at the opening', 'may', 'may'],
    ['finds the shut token of another rollout', theirs(false), 'at the opening', 'may', 'may'],
    ['finds no token, where somebody wrote since the opening', undefined, 'later', 'may', 'touched'],
    ['finds a shut token, where somebody wrote since', theirs(false), 'later', 'may', 'touched'],
    ['finds its own token', token(0), 'later', 'stands', 'stands'],
    ['finds its own token, shut', token(2, 1, false), 'later', 'stands', 'stands'],
    ['finds the open token of another rollout', theirs(true), 'at the opening', 'held', 'held'],
    ['finds such a token, written since', theirs(true), 'later', 'held', 'held'],
  ] as const)('that %s', (_, found, revision, first, repeated) => {
    expect(on(found, revision, false)).toBe(first);
    expect(on(found, revision, true)).toBe(repeated);
  });

  test('is not repeated where nobody knows what stood there at the opening', () => {
    expect(claimOf({ token: undefined, revision: 'r' }, {}, token(0), true)).toBe('touched');
    expect(claimOf({ token: undefined, revision: undefined }, {}, token(0), true)).toBe('touched');
    expect(claimOf({ token: undefined, revision: 'r' }, {}, token(0), false)).toBe('may');
  });
});
