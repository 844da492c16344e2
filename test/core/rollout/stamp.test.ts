import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isSameStamp, stampFrom, stampText } from '../../../core/rollout/stamp.ts';
import { ROLLOUT_ID, stamp } from './given.ts';

test('a stamp is written as the target stores it', () => {
  expect(stampText(stamp(4, 2))).toBe(`spillway ${ROLLOUT_ID} 2 4 open`);
  expect(stampText(stamp(4, 2, false))).toBe(`spillway ${ROLLOUT_ID} 2 4 closed`);
});

test('every stamp is read as it was written', () => {
  const any = fc.record({
    rolloutId: fc.stringMatching(/^[a-z0-9-]{1,60}$/),
    epoch: fc.integer({ min: 0, max: 999_999_999 }),
    seq: fc.integer({ min: 0, max: 999_999_999 }),
    open: fc.boolean(),
  });
  fc.assert(
    fc.property(any, (written) => {
      expect(stampFrom(stampText(written))).toEqual(written);
    }),
  );
});

test('a stamp that a person closed carries the name', () => {
  const signed = { ...stamp(4, 2, false), by: 'Ada Lovelace (on call)' };
  expect(stampText(signed)).toBe(`spillway ${ROLLOUT_ID} 2 4 closed by Ada Lovelace (on call)`);
  expect(stampFrom(stampText(signed))).toEqual(signed);
});

test('whatever a person is called, the stamp can be read again and fits into a Description', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 300, unit: 'binary' }), (by) => {
      const text = stampText({
        rolloutId: 'x'.repeat(60),
        epoch: 999_999_999,
        seq: 999_999_999,
        open: false,
        by,
      });
      expect(text.length).toBeLessThanOrEqual(256);
      expect(stampFrom(text)).toMatchObject({ open: false, seq: 999_999_999 });
    }),
  );
});

test('a name that is cut within a character stays a text that can be sent', () => {
  const text = stampText({ ...stamp(4, 2, false), by: `${'a'.repeat(99)}😀` });
  expect(text.isWellFormed()).toBe(true);
  expect(stampFrom(text)?.by).toBe(`${'a'.repeat(99)}\uFFFD`);
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
])("%j is nobody's stamp", (text) => {
  expect(stampFrom(text)).toBeUndefined();
});

test('two stamps are the same only if every part is', () => {
  expect(isSameStamp(stamp(4, 2), stamp(4, 2))).toBe(true);
  expect(isSameStamp(stamp(4, 2), stamp(5, 2))).toBe(false);
  expect(isSameStamp(stamp(4, 2), stamp(4, 3))).toBe(false);
  expect(isSameStamp(stamp(4, 2), stamp(4, 2, false))).toBe(false);
  expect(isSameStamp(stamp(4, 2), { ...stamp(4, 2), rolloutId: 'other' })).toBe(false);
});

test('no stamp is the same as none', () => {
  expect(isSameStamp(undefined, undefined)).toBe(false);
  expect(isSameStamp(stamp(1), undefined)).toBe(false);
});
