import { expect, test } from 'vitest';
import { type Rate, spend } from '../../../core/people/rate.ts';

const RATE: Rate = { burst: 3, everyMs: 1_000 };

test('so many calls at once are free, and one more each second', () => {
  const free = [0, 0, 0].reduce<number | undefined>((at, now) => spend(at, RATE, now), undefined);
  expect(free).toBe(3_000);
  expect(() => spend(free, RATE, 0)).toThrow('Too many calls; make the next one in 1 s.');
  expect(() => spend(free, RATE, 999)).toThrow(
    expect.objectContaining({ code: 'RateLimited', retryAfter: 1 }),
  );
  expect(spend(free, RATE, 1_000)).toBe(4_000);
});

test('what was not used is not kept beyond the burst', () => {
  expect(spend(3_000, RATE, 60_000)).toBe(61_000);
});
