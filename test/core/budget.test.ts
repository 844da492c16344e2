import { describe, expect, test } from 'vitest';
import { BURST_MS, CALLS_PER_SECOND, isRechecked, readsBack, tickOffset } from '../../core/budget.ts';
import { tickDue } from '../../core/rollout/due.ts';
import type { Rollout } from '../../core/rollout/state.ts';
import { opened, stateAfter } from './rollout/given.ts';

/** A rollout that opened when so many ran. */
const among = (running: number, rolloutId = 'checkout--r1--1', more: Partial<Rollout> = {}): Rollout => {
  const rollout = stateAfter(opened());
  return { ...rollout, ...more, opening: { ...rollout.opening, rolloutId, running } };
};
const crowd = Array.from({ length: 1_000 }, (_, index) => among(index, `svc-${index}--r1--1`));

/** How many of a thousand, opened one after the other, fall on each of the values. */
const spread = (of: (rollout: Rollout) => number): Map<number, number> => {
  const counts = new Map<number, number>();
  for (const rollout of crowd) counts.set(of(rollout), (counts.get(of(rollout)) ?? 0) + 1);
  return counts;
};

describe('ticks of many', () => {
  test('few rollouts tick as soon as their window has settled', () => {
    for (let running = 0; running < 8; running++) expect(tickOffset(among(running).opening)).toBe(0);
    const { running: _, ...old } = among(0).opening;
    expect(tickOffset(old)).toBe(0);
  });

  test('a thousand are spread over the minute: no second has more than CloudWatch takes, 50', () => {
    const seconds = spread(({ opening }) => tickOffset(opening));
    expect(Math.max(...seconds.values())).toBeLessThan(50);
    expect(Math.min(...seconds.keys())).toBe(0);
    expect(Math.max(...seconds.keys())).toBeLessThan(55);
  });

  test('each still ticks once a minute, at its own second', () => {
    for (const rollout of crowd) {
      const first = tickDue({ ...rollout, measuredAt: 1e12 });
      const second = tickDue({ ...rollout, measuredAt: first });
      expect(first - 1e12).toBeGreaterThan(0);
      expect(first - 1e12).toBeLessThanOrEqual(60_000);
      expect(second - first).toBe(60_000);
      // Late by half a minute, as after a retry, it is back at its second.
      expect(tickDue({ ...rollout, measuredAt: first + 30_000 })).toBe(second);
    }
  });
});

describe('reading back', () => {
  const reads = (rollout: Rollout) =>
    Array.from({ length: 60 }, (_, ticks) => ticks).filter((ticks) => readsBack({ ...rollout, ticks }));

  test('is done at each tick where few run', () => {
    expect(reads(among(0))).toHaveLength(60);
    expect(reads(among(60))).toHaveLength(60);
  });

  test('is done at every tenth at least, however many run', () => {
    for (const running of [1_000, 100_000]) expect(reads(among(running))).toEqual([0, 10, 20, 30, 40, 50]);
  });

  test('of a thousand together leaves Lambda room for the budget and for reverts', () => {
    const perHour = crowd.reduce((sum, rollout) => sum + reads(rollout).length, 0);
    expect(perHour / 3600 + CALLS_PER_SECOND).toBeLessThan(12);
    expect((CALLS_PER_SECOND * BURST_MS) / 1000).toBeLessThan(15);
  });
});

test('a revert is followed by a last look, also after a lost call, but not where it took as long as among many', () => {
  expect([0, 100, 2_700].map(isRechecked)).toEqual([true, true, true]);
  expect([3_000, 7_000].map(isRechecked)).toEqual([false, false]);
});
