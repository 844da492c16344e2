import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isOlder, isSameToken, tokenFrom, tokenText } from '../../../core/rollout/fencing-token.ts';
import { ROLLOUT_ID, token } from './given.ts';

test('a token is written as the target stores it', () => {
  expect(tokenText(token(4, 2))).toBe(`spillway ${ROLLOUT_ID} 2 4 open`);
  expect(tokenText(token(4, 2, false))).toBe(`spillway ${ROLLOUT_ID} 2 4 closed`);
});

test('every token is read as it was written', () => {
  const any = fc.record({
    rolloutId: fc.stringMatching(/^[a-z0-9-]{1,60}$/),
    epoch: fc.integer({ min: 0, max: 999_999_999 }),
    seq: fc.integer({ min: 0, max: 999_999_999 }),
    open: fc.boolean(),
  });
  fc.assert(
    fc.property(any, (written) => {
      expect(tokenFrom(tokenText(written))).toEqual(written);
      expect(tokenFrom(tokenText(written))).not.toHaveProperty('by');
    }),
  );
});

test('a token that a person closed carries the name', () => {
  const signed = { ...token(4, 2, false), by: 'Ada Lovelace (on call)' };
  expect(tokenText(signed)).toBe(`spillway ${ROLLOUT_ID} 2 4 closed by Ada Lovelace (on call)`);
  expect(tokenFrom(tokenText(signed))).toEqual(signed);
});

test('whatever a person is called, the token can be read again and fits into a Description', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 300, unit: 'binary' }), (by) => {
      const text = tokenText({
        rolloutId: 'x'.repeat(60),
        epoch: 999_999_999,
        seq: 999_999_999,
        open: false,
        by,
      });
      expect(text.length).toBeLessThanOrEqual(256);
      expect(tokenFrom(text)).toMatchObject({ open: false, seq: 999_999_999 });
    }),
  );
});

test('a name that is cut within a character stays a text that can be sent', () => {
  const text = tokenText({ ...token(4, 2, false), by: `${'a'.repeat(99)}😀` });
  expect(text.isWellFormed()).toBe(true);
  expect(tokenFrom(text)?.by).toBe(`${'a'.repeat(99)}\uFFFD`);
});

test.each([
  undefined,
  '',
  'the live alias',
  'spillway',
  `spillway ${ROLLOUT_ID} 1 2`,
  `spillway ${ROLLOUT_ID} 1 2 ajar`,
  `spillway ${ROLLOUT_ID} 1 2 open by ada`,
  `spillway ${ROLLOUT_ID} 1 2 closed by `,
  `spillway ${ROLLOUT_ID} 1 2 open `,
  ` spillway ${ROLLOUT_ID} 1 2 open`,
  `spillway ${ROLLOUT_ID} -1 2 open`,
  `spillway ${ROLLOUT_ID} 1 2.5 open`,
  `spillway ${'x'.repeat(61)} 1 2 open`,
  `Deployed by spillway ${ROLLOUT_ID} 1 2 open`,
])("%j is nobody's token", (text) => {
  expect(tokenFrom(text)).toBeUndefined();
});

test('two tokens are the same only if every part is', () => {
  expect(isSameToken(token(4, 2), token(4, 2))).toBe(true);
  expect(isSameToken(token(4, 2), token(5, 2))).toBe(false);
  expect(isSameToken(token(4, 2), token(4, 3))).toBe(false);
  expect(isSameToken(token(4, 2), token(4, 2, false))).toBe(false);
  expect(isSameToken(token(4, 2), { ...token(4, 2), rolloutId: 'other' })).toBe(false);
});

test('a token is older if a later one of its rollout has replaced it, and none is older than nothing', () => {
  const other = { ...token(4), rolloutId: 'other' };
  expect(
    [token(4), token(5), token(6), token(4, 1, false), other, undefined].map((seen) =>
      isOlder(seen, token(5)),
    ),
  ).toEqual([true, false, false, false, false, false]);
  expect(isOlder(token(4), undefined)).toBe(false);
  expect(isOlder(undefined, undefined)).toBe(false);
});

test('no token is the same as none', () => {
  expect(isSameToken(undefined, undefined)).toBe(false);
  expect(isSameToken(token(1), undefined)).toBe(false);
  expect(isSameToken(undefined, token(1))).toBe(false);
});
