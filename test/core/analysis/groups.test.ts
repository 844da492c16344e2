import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { logEWorse, type WindowCounts } from '../../../core/analysis/evalue.ts';
import { FAILURE_BETS, HEAD } from '../../../core/analysis/evidence.ts';
import { agesOf, effective, grouped, groupsMet, metIn, withoutGroup } from '../../../core/analysis/groups.ts';
import { judge } from '../../../core/analysis/judge.ts';
import type { Ages, Count, Series, WatchRule, Window } from '../../../core/analysis/types.ts';
import { trialOf } from '../../../core/rollout/trial.ts';
import { minute, onFirstStep, stateAfter } from '../rollout/given.ts';
import tails from './tails-vectors.json' with { type: 'json' };

const vectors = (fn: string) => tails.vectors.filter((each) => each.fn === fn);
const NONE: Count = { bad: 0, total: 0 };
/** Answers by who gave them, which are all there are. */
const answered = (young: Count, ...groups: Count[]): Count => {
  const ages: Ages = { young, groups: Array.from({ length: 8 }, (_, at) => groups[at] ?? NONE) };
  return [young, ...groups].reduce(
    (all, each) => ({ bad: all.bad + each.bad, total: all.total + each.total, ages }),
    { ...NONE, ages },
  );
};
const at = (start: number, canary: Count, stable: Count): Window => ({
  start: minute(start),
  canary,
  stable,
});
const question = { grid: FAILURE_BETS, head: HEAD };

test.each(vectors('effective'))('$input are as many as $expected equal groups', ({ input, expected }) => {
  expect(effective((input as unknown as number[][])[0] ?? [])).toBeCloseTo(expected as number, 9);
});

test('groups are never more than have requests, and as many if they are alike', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(1_000), { minLength: 1, maxLength: 8 }), (counts) => {
      expect(effective(counts)).toBeLessThanOrEqual(groupsMet(counts) + 1e-9);
    }),
  );
  expect(effective([7, 7, 7])).toBeCloseTo(3, 9);
  expect(effective([0, 0])).toBe(0);
});

test.each(vectors('evidenceOfStrata'))(
  'new environments are compared with new ones, as in the vector',
  ({ input, expected }) => {
    const { windows, planned } = input as unknown as {
      windows: { strata: [WindowCounts, WindowCounts]; w0: number }[];
      planned: number;
    };
    const given = windows.map(({ strata: [young, old], w0 }) => ({
      ...{ c: young.c + old.c, s: young.s + old.s, nc: young.nc + old.nc, ns: young.ns + old.ns },
      ...{ young, w0 },
    }));
    expect(logEWorse({ windows: given, T: planned, ...question })).toBeCloseTo(expected as number, 9);
  },
);

test.each(vectors('evidenceOfGroups'))(
  'what is left without any group is that of the vector',
  ({ input, expected }) => {
    const { windows, planned, w0 } = input as unknown as {
      windows: Record<'c' | 'nc' | 's' | 'ns', number[]>[];
      planned: number;
      w0: number;
    };
    const minutes = windows.map(({ c, nc, s, ns }, nth) => {
      const side = (bad: number[], total: number[]) =>
        answered(NONE, ...bad.map((each, group) => ({ bad: each, total: total[group] ?? 0 })));
      return at(nth, side(c, nc), side(s, ns));
    });
    const compared = minutes.map(({ start, canary = NONE, stable = NONE }) => ({
      ...{ start, c: canary.bad, nc: canary.total, s: stable.bad, ns: stable.total },
    }));
    const given = grouped(compared, agesOf(minutes), true);
    const evidence = (of: Parameters<typeof logEWorse>[0]['windows']) =>
      logEWorse({ windows: of, T: planned, w0, ...question });
    const { all, met, least } = expected as { all: number; met: number; least: number };
    expect(evidence(compared)).toBeCloseTo(all, 9);
    expect(groupsMet(metIn(given))).toBe(met);
    const left = Array.from({ length: 8 }, (_, group) => evidence(withoutGroup(given, group)));
    expect(Math.min(...left.slice(0, met))).toBeCloseTo(least, 9);
  },
);

test('a window whose groups do not add up to all of its answers has none', () => {
  const whole = answered({ bad: 1, total: 5 }, { bad: 0, total: 10 });
  const of = (canary: Count, isOwn = true) => {
    const minutes = [at(1, canary, answered(NONE, { bad: 0, total: 90 }))];
    const compared = [{ start: minute(1), c: canary.bad, nc: canary.total, s: 0, ns: 90 }];
    return grouped(compared, agesOf(minutes), isOwn)[0];
  };
  expect(of(whole)?.met).toEqual([10, 0, 0, 0, 0, 0, 0, 0]);
  expect(of({ ...whole, total: 16 })?.met).toBeUndefined();
  expect(of({ ...whole, total: 16 })?.young).toBeDefined();
  expect(of({ ...whole, total: 14 })?.young).toBeUndefined();
  expect(of(whole, false)?.young).toBeUndefined();
  expect(of({ ...whole, total: 16 }, false)?.met).toBeDefined();
});

describe('a canary', () => {
  const rules: WatchRule[] = [
    { metric: 'errors', ratio: 1.5 },
    { metric: 'http5xx', ratio: 1.5 },
  ];
  const said = (http5xx: Window[], isThrown = false) => {
    const plain = http5xx.map(({ start, canary, stable }) => {
      const of = (side: Count | undefined) => ({
        bad: isThrown ? (side?.bad ?? 0) : 0,
        total: side?.total ?? 0,
      });
      return { start, canary: of(canary), stable: of(stable) };
    });
    const series: Series = { errors: plain, http5xx };
    return judge(
      trialOf(stateAfter(onFirstStep({ watch: rules }))),
      { series: { api: series }, alarms: [] },
      minute(9),
    );
  };
  const minutes = (canary: Count, stable: Count) =>
    [2, 3, 4, 5, 6, 7].map((start) => at(start, canary, stable));
  const group = (bad: number, total: number): Count => ({ bad, total });
  const fine = (n: number) => Array.from({ length: 8 }, () => group(0, n));
  const stable = answered(NONE, ...fine(100));

  test.each([false, true])(
    'of which one customer fails alone is held, not reverted; errors: %s',
    (isThrown) => {
      const verdict = said(minutes(answered(NONE, group(12, 12), ...fine(12).slice(1)), stable), isThrown);
      expect(verdict.status).toBe('suspect');
      expect(verdict.reason).toContain(
        'rests on one group of its answers, such as one customer or environment',
      );
    },
  );

  test.each([false, true])('that fails for all is reverted; errors: %s', (isThrown) => {
    const all = answered(NONE, ...fine(12).map(() => group(3, 12)));
    expect(said(minutes(all, stable), isThrown).status).toBe('fail');
  });

  test('that one environment serves is reverted, which is said', () => {
    const verdict = said(minutes(answered(NONE, group(40, 90)), stable));
    expect(verdict.status).toBe('fail');
    expect(verdict.reason).toContain('all its answers came from one environment');
  });

  test('whose new environments fail as those of stable do passes', () => {
    const [young, few] = [group(2, 40), group(2, 40)];
    const canary = answered(young, ...fine(20));
    expect(said(minutes(canary, answered(few, ...fine(200)))).status).toBe('pass');
    const plain = (count: Count) => ({ bad: count.bad, total: count.total });
    expect(said(minutes(plain(canary), plain(answered(few, ...fine(200))))).status).toBe('fail');
  });
});
