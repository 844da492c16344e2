import { describe, expect, test } from 'vitest';
import { caseOf } from '../../simulation/case.ts';
import { type History, pastOf, skyOf, type Weather } from '../../simulation/sky.ts';

const MINUTE = 60_000;
const UPLOAD = Date.UTC(2026, 0, 5, 9);
const DAY: History = { minutes: 1_440, gaps: 0, hasRollout: false };
const minutesFrom = (from: number, many: number) =>
  Array.from({ length: many }, (_, nth) => from + (nth + 0.5) * MINUTE);
const failing = (weather: Weather, from: number, many: number) => {
  const sky = skyOf(weather, 1, UPLOAD);
  return minutesFrom(from, many).filter((at) => sky.errors(at) > 0).length;
};

describe('weather', () => {
  test('has an outage of one to five minutes in each hour, before the upload only if that is usual', () => {
    const outages: Weather = { kind: 'outages', every: 60, share: 0.5, as: 'errors', isUsual: true };
    for (const hour of [-3, -1, 0, 4]) {
      const minutes = failing(outages, UPLOAD + hour * 60 * MINUTE, 60);
      expect(minutes).toBeGreaterThanOrEqual(1);
      expect(minutes).toBeLessThanOrEqual(6);
    }
    expect(failing({ ...outages, isUsual: false }, UPLOAD - 600 * MINUTE, 600)).toBe(0);
  });

  test('fails minutes more alike than chance does, the more the smaller its shape', () => {
    const spread = (shape: number) => {
      const sky = skyOf({ kind: 'dispersed', share: 0.01, shape, isUsual: true }, 1, UPLOAD);
      const shares = minutesFrom(UPLOAD, 2_000).map((at) => sky.errors(at));
      const mean = shares.reduce((sum, each) => sum + each, 0) / shares.length;
      const variance = shares.reduce((sum, each) => sum + (each - mean) ** 2, 0) / shares.length;
      return { mean, alike: variance / (mean * (1 - mean)) };
    };
    expect(spread(1).mean).toBeCloseTo(0.01, 3);
    expect(spread(1).alike).toBeCloseTo(0.01, 2);
    expect(spread(10).alike).toBeCloseTo(0.001, 3);
  });

  test('rises within half an hour from the upload, and has done so at the same time of the day before if that is usual', () => {
    const sky = skyOf({ kind: 'ramp', times: 3, share: 0.009, isUsual: true }, 1, UPLOAD);
    expect([sky.factor(UPLOAD), sky.factor(UPLOAD + 30 * MINUTE)]).toEqual([1, 3]);
    expect(sky.factor(UPLOAD - (1_440 - 15) * MINUTE)).toBe(2);
    expect(sky.factor(UPLOAD - MINUTE)).toBe(1);
  });
});

describe('what CloudWatch knows of the time before a world', () => {
  const of = (history: History) =>
    pastOf(history, { seed: 1, sky: skyOf(undefined, 1, UPLOAD), perMinute: 600, until: UPLOAD });

  test('is each minute of it, up to the world', () => {
    const past = of(DAY);
    expect([past.length, past[0]?.start, past.at(-1)?.start]).toEqual([
      1_440,
      UPLOAD - 1_440 * MINUTE,
      UPLOAD - MINUTE,
    ]);
    expect(past.reduce((sum, { count }) => sum + count, 0) / past.length).toBeCloseTo(600, -1);
  });

  test('may have gaps, and a release that was reverted', () => {
    expect(of({ ...DAY, gaps: 3 }).length).toBeLessThan(1_440);
    expect(of({ ...DAY, hasRollout: true }).filter(({ errors }) => errors > 0)).toHaveLength(10);
  });
});

test('worlds have every kind of weather, each in each phase, and every kind of past', () => {
  const cases = Array.from({ length: 2_000 }, (_, seed) => caseOf(seed, []));
  const kinds = new Set(cases.map(({ weather }) => weather?.kind));
  expect(kinds.size).toBe(9);
  const phases = cases.flatMap(({ weather }) =>
    weather !== undefined && 'begins' in weather ? [`${weather.kind} ${weather.begins.phase}`] : [],
  );
  expect(new Set(phases).size).toBe(9);
  const pasts = cases.map(({ history }) =>
    history === undefined ? 'none' : `${history.minutes} ${history.gaps > 0}`,
  );
  expect(new Set(pasts).size).toBe(7);
  expect(cases.some(({ late }) => late?.side === 'region' && late.isInVerify)).toBe(true);
  expect(cases.filter(({ release }) => release.kind === 'after promotion').length).toBeGreaterThan(50);
});
