import { describe, expect, test } from 'vitest';
import { claimOf } from '../../../core/rollout/claim.ts';
import { stamp } from './given.ts';

const theirs = (open: boolean) => ({ ...stamp(3), rolloutId: 'checkout-api--r7--1', open });
const on = (found: Parameters<typeof claimOf>[0]['stamp'], revision: string, isRepeated: boolean) =>
  claimOf({ stamp: found, revision }, { revision: 'at the opening' }, stamp(0), isRepeated);

describe('a claim', () => {
  test.each([
    ['finds no stamp', undefined, 'at the opening', 'may', 'may'],
    ['finds the shut stamp of another rollout', theirs(false), 'at the opening', 'may', 'may'],
    ['finds no stamp, where somebody wrote since the opening', undefined, 'later', 'may', 'touched'],
    ['finds a shut stamp, where somebody wrote since', theirs(false), 'later', 'may', 'touched'],
    ['finds its own stamp', stamp(0), 'later', 'stands', 'stands'],
    ['finds its own stamp, shut', stamp(2, 1, false), 'later', 'stands', 'stands'],
    ['finds the open stamp of another rollout', theirs(true), 'at the opening', 'held', 'held'],
    ['finds such a stamp, written since', theirs(true), 'later', 'held', 'held'],
  ] as const)('that %s', (_, found, revision, first, repeated) => {
    expect(on(found, revision, false)).toBe(first);
    expect(on(found, revision, true)).toBe(repeated);
  });

  test('is not repeated where nobody knows what stood there at the opening', () => {
    expect(claimOf({ stamp: undefined, revision: 'r' }, {}, stamp(0), true)).toBe('touched');
    expect(claimOf({ stamp: undefined, revision: undefined }, {}, stamp(0), true)).toBe('touched');
    expect(claimOf({ stamp: undefined, revision: 'r' }, {}, stamp(0), false)).toBe('may');
  });
});
