import { describe, expect, test } from 'vitest';
import { COHORT_MAX, cohortOf, visitorId } from '../../core/cohort.ts';
import { isDeep } from '../deep.ts';

const MANY = isDeep ? 1_000_000 : 100_000;

/** Ids as sites have them: random ones, and such that differ little. */
const IDS: Record<string, (nth: number) => string> = {
  numbers: String,
  names: (nth) => `user-${nth}`,
  padded: (nth) => String(nth).padStart(12, '0'),
  hexadecimal: (nth) => (BigInt(nth) * 11_400_714_819_323_198_485n).toString(16).slice(-16).padStart(16, '0'),
};

/** Standard normal deviations that nothing reaches but once in 16,000 looks. */
const DEVIATIONS = 4;

describe.each(Object.entries(IDS))('cohorts of %s', (_name, idOf) => {
  const places = (salt: string) =>
    Array.from({ length: MANY }, (_, nth) => cohortOf(salt, visitorId(idOf(nth))));
  const ofFirst = places('checkout--v41--1');
  const ofSecond = places('checkout--v41--2');

  test('are as large as the weight says', () => {
    for (const weight of [1, 10, 100, 500, 2_500, 5_000, 9_900]) {
      const share = weight / COHORT_MAX;
      const within = ofFirst.filter((place) => place < weight).length;
      expect(Math.abs(within - MANY * share)).toBeLessThan(
        DEVIATIONS * Math.sqrt(MANY * share * (1 - share)) + 1,
      );
    }
  });

  test('are spread evenly', () => {
    const cells = new Array<number>(1_000).fill(0);
    for (const place of ofFirst) cells[Math.floor(place / 10)] = (cells[Math.floor(place / 10)] ?? 0) + 1;
    const due = MANY / cells.length;
    const chiSquare = cells.reduce((all, count) => all + (count - due) ** 2 / due, 0);
    const degrees = cells.length - 1;
    expect(Math.abs(chiSquare - degrees)).toBeLessThan(DEVIATIONS * Math.sqrt(2 * degrees));
  });

  test('of one rollout say nothing of those of the next', () => {
    for (const weight of [500, 1_000, 2_500, 5_000]) {
      const share = weight / COHORT_MAX;
      const both = ofFirst.filter((place, nth) => place < weight && (ofSecond[nth] ?? 0) < weight).length;
      const due = MANY * share * share;
      expect(Math.abs(both - due)).toBeLessThan(DEVIATIONS * Math.sqrt(due * (1 - share * share)));
    }
  });
});

describe('a cohort', () => {
  test('is at least 0 and less than everybody', () => {
    for (const id of ['', 'a', 'v'.repeat(64)]) {
      expect(cohortOf('r', id)).toBeGreaterThanOrEqual(0);
      expect(cohortOf('r', id)).toBeLessThan(COHORT_MAX);
    }
  });

  test('is this one, wherever it is counted', () => {
    // Made by another program: FNV-1a of `salt.id`, then fmix32, in Python.
    expect(cohortOf('checkout--r42--1', 'v-0')).toBeCloseTo(1580.1409631967545, 9);
    expect(cohortOf('checkout--r42--1', 'v-8')).toBeCloseTo(19.708103500306606, 9);
    expect(cohortOf('checkout--r42--1', 'v-1')).toBeCloseTo(9185.290101449937, 9);
  });
});

describe('the id of a visitor', () => {
  test('is what of it every place hashes alike', () => {
    expect(visitorId('Ada@x.example/ä')).toBe('Adaxexample');
    expect(visitorId('a'.repeat(9_000))).toHaveLength(64);
    expect(visitorId('ä ü')).toBe('');
  });
});

test('of an id no more is looked at than a short time at the edge allows, whatever is left of it', () => {
  expect(visitorId(`${'!'.repeat(256)}a`)).toBe('');
  expect(visitorId(`${'!'.repeat(200)}${'a'.repeat(100)}`)).toBe('a'.repeat(56));
});
