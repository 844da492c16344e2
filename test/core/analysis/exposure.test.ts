import { expect, test } from 'vitest';
import { exposureOf } from '../../../core/analysis/exposure.ts';
import type { Count, Window } from '../../../core/analysis/types.ts';
import { minute } from '../rollout/given.ts';

const windows = (...counts: (Count | undefined)[]): Window[] =>
  counts.map((canary, index) => ({ start: minute(index), canary, stable: { bad: 5, total: 900 } }));
const count = (bad: number, total: number): Count => ({ bad, total });

test('users met what the canary served, and nothing of stable', () => {
  const api = { errors: windows(count(1, 20), undefined, count(2, 30)) };
  expect(exposureOf([api], minute(0), minute(0) + 38_400)).toEqual({ requests: 50, failed: 3, seconds: 38 });
});

test('of two metrics the worse one counts, so that no request counts twice', () => {
  const api = { errors: windows(count(0, 50)), http5xx: windows(count(9, 48)) };
  expect(exposureOf([api], minute(0), minute(1))).toMatchObject({ requests: 50, failed: 9 });
});

test('several targets are added up', () => {
  const [api, worker] = [{ errors: windows(count(1, 20)) }, { errors: windows(count(4, 10)) }];
  expect(exposureOf([api, worker], minute(0), minute(1))).toMatchObject({ requests: 30, failed: 5 });
});

test('what was not measured is nothing', () => {
  const none = { requests: 0, failed: 0, seconds: 60 };
  expect(exposureOf([], minute(0), minute(1))).toEqual(none);
  expect(exposureOf([{}], minute(0), minute(1))).toEqual(none);
  expect(exposureOf([{ errors: windows(undefined) }], minute(0), minute(1))).toEqual(none);
});
