import { expect, test } from 'vitest';
import { triedAfter, withoutTried } from '../../../core/rollout/tried.ts';
import {
  closed,
  inVerify,
  minute,
  onFirstStep,
  opened,
  reverted,
  revertOrdered,
  stateAfter,
} from './given.ts';

const left = stateAfter(onFirstStep(), revertOrdered(2), reverted(3), closed(3));
const own = { from: minute(0.5), to: minute(3) };
const day = 24 * 60;

test('a service remembers when a canary that did not stay had traffic, once, for a day', () => {
  expect(triedAfter(undefined, left)).toEqual([own]);
  expect(triedAfter([own], left)).toEqual([own]);
  const earlier = { from: minute(-20), to: minute(-9) };
  expect(triedAfter([earlier], left)).toEqual([earlier, own]);
  const [old, kept] = [3, 4].map((at) => ({ from: minute(at - day - 9), to: minute(at - day) }));
  expect(triedAfter([old, kept] as never, left)).toEqual([kept, own]);
});

test('of a canary that stayed, or that never had traffic, nothing is remembered', () => {
  expect(triedAfter(undefined, stateAfter(inVerify(), closed(12, 'completed')))).toBeUndefined();
  expect(triedAfter([own], stateAfter(inVerify(), closed(12, 'completed')))).toEqual([own]);
  const refused = stateAfter([opened()], revertOrdered(2, { outcome: 'refused' }), closed(3, 'refused'));
  expect(triedAfter(undefined, refused)).toBeUndefined();
});

test('twenty attempts are remembered, the newest ones', () => {
  const many = Array.from({ length: 25 }, (_, nth) => ({ from: minute(nth - 60), to: minute(nth - 59) }));
  expect(triedAfter(many, left)).toEqual([...many.slice(6), own]);
});

test('what is usual leaves out each minute in which such a canary had traffic, but not how many requests came', () => {
  const stable = { bad: 0, total: 1 };
  const read = [-1, 0, 1, 2, 3].map((at) => ({ start: minute(at), stable }));
  const starts = (windows: { start: number }[] = []) => windows.map(({ start }) => start);
  const { api = {} } = withoutTried({ api: { errors: read, traffic: read } }, [own]);
  expect(starts(api.errors as never)).toEqual([minute(-1), minute(3)]);
  expect(api.traffic).toBe(read);
  const whole = { api: { errors: read } };
  expect(withoutTried(whole)).toBe(whole);
});
