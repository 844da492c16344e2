import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  bestOf,
  boundOf,
  boundsOf,
  DOUBT_MINUTES,
  doubtAt,
  doubtOf,
  failurePastOf,
  isOutage,
  isShared,
  logBeyond,
  NO_FAILURE_PAST,
  outagesOf,
  outsideOutages,
  ownWorstOf,
  steadyDoubtOf,
} from '../../../core/analysis/past.ts';
import { knownWindows } from '../../../core/analysis/settled.ts';
import type { FailurePast, ReadWindow, Window } from '../../../core/analysis/types.ts';
import { seededRandom } from '../../../local/random.ts';
import { times } from '../../deep.ts';
import { minute } from '../rollout/given.ts';

/** So many minutes with the same counts. */
const same = (minutes: number, bad: number, total: number) =>
  Array.from({ length: minutes }, () => [bad, total] as const);
type Minutes = (readonly [bad: number, total: number] | undefined)[];

/** Minutes of the target as a whole before the opening, the newest last; undefined is a minute without data. */
const earlier = (...counts: Minutes): Window[] =>
  counts.flatMap((count, at) =>
    count === undefined
      ? []
      : [{ start: minute(at - counts.length), stable: { bad: count[0], total: count[1] } }],
  );
const past = (read: ReadWindow[] | undefined, verifyMinutes = 10) =>
  failurePastOf(read, { to: minute(0), verifyMinutes });

/** Minutes from the opening on, in which the canary serves alone. */
const alone = (...counts: Minutes): Window[] =>
  counts.flatMap((count, at) =>
    count === undefined ? [] : [{ start: minute(at), canary: { bad: count[0], total: count[1] } }],
  );
const stableOf = (...counts: Minutes): Window[] =>
  alone(...counts).map(({ start, canary }) => ({ start, stable: canary }));

const asked = (minutes: number, more: { since?: number; lengths?: number[]; newest?: number } = {}) => ({
  ...more,
  since: minute(more.since ?? 0),
  to: minute(minutes),
  verifyMinutes: 10,
});
const TOLERATED = { ratio: 1.5 };
const FLOORS = boundsOf(NO_FAILURE_PAST, [], TOLERATED);

describe('what a past shows', () => {
  test.each<[string, ReadWindow[] | undefined]>([
    ['was not read', undefined],
    ['is empty', []],
    ['has minutes without requests alone', earlier(...same(60, 0, 0))],
    [
      'is of minutes that are no counts',
      earlier([Number.NaN, 10], [-1, 10], [0.5, 10], [1, Number.NaN], [9, 3]),
    ],
    ['lies in the future', [{ start: minute(3), stable: { bad: 9, total: 10 } }]],
    ['lies more than a day back', [{ start: minute(-1_500), stable: { bad: 9, total: 10 } }]],
  ])('is nothing if it %s', (_, read) => {
    expect(past(read)).toEqual(NO_FAILURE_PAST);
    expect(boundsOf(past(read), [], TOLERATED)).toEqual([0.005, 0.005, 0.005]);
  });

  test('is not an outage that came once in a day: more than a quarter of its stretches must have had one', () => {
    const day = same(1_440, 0, 1_200).map((count, at) =>
      at % 1_440 === 700 ? ([600, 1_200] as const) : count,
    );
    const once = past(earlier(...day));
    expect(once.worst.every((share) => share < 0.005)).toBe(true);
    expect(once.ever).toBeGreaterThan(0.4);
    const often = day.map((count, at) => (at % 25 === 0 ? ([600, 1_200] as const) : count));
    expect(past(earlier(...often)).worst[0]).toBeGreaterThan(0.4);
  });

  test('is what comes in more than a quarter of its stretches, cut from the newest minute back; what is left of the oldest is none', () => {
    const calm = same(10, 0, 1_200);
    const storm = [...same(9, 0, 1_200), [600, 1_200] as const];
    const hours = (storms: number) =>
      earlier(...Array.from({ length: 20 }, (_, nth) => (nth < storms ? storm : calm)).flat());
    expect(past(hours(4)).worst[0]).toBeLessThan(0.1);
    expect(past(hours(6)).worst[0]).toBeGreaterThan(0.4);
    const seven = [...storm, ...Array.from({ length: 6 }, () => calm).flat()];
    expect(past(earlier(...same(2, 600, 1_200), ...seven)).worst[0]).toBeLessThan(0.1);
  });

  test('is the largest of few stretches: an hour, or a service that began a moment ago', () => {
    const outage = [...same(20, 0, 1_200), [600, 1_200] as const, ...same(9, 0, 1_200)];
    expect(past(earlier(...outage)).worst[0]).toBeGreaterThan(0.4);
    const [one] = past(earlier([600, 1_200], ...same(4, 0, 1_200))).worst;
    expect(one).toBeGreaterThan(0.4);
  });

  test('says in how many of its stretches there was an outage', () => {
    const asked = { to: minute(0), verifyMinutes: 10, share: 0.05 };
    const hourly = same(1_440, 1, 1_200).map((count, at) => (at % 60 < 3 ? ([600, 1_200] as const) : count));
    expect(outagesOf(earlier(...hourly), asked)).toEqual({ stretches: 144, hit: 24 });
    expect(outagesOf(earlier(...same(1_440, 1, 1_200)), asked)).toEqual({ stretches: 144, hit: 0 });
    expect(outagesOf(undefined, asked)).toEqual({ stretches: 0, hit: 0 });
  });

  test('of two days is that of the last one', () => {
    const [bad, calm] = [same(1_440, 600, 1_200), same(1_440, 0, 1_200)];
    expect(past(earlier(...bad, ...calm))).toEqual(past(earlier(...calm)));
  });

  test('of a minute without data is no minute without failures', () => {
    const batch = Array.from({ length: 1_440 }, (_, at) => (at % 5 === 0 ? ([30, 100] as const) : undefined));
    const sparse = past(earlier(...batch));
    // A minute that has a zero in place of nothing would thin the shares of 3 and 10 minutes.
    for (const share of sparse.worst) expect(share).toBeCloseTo(0.3, 2);
    const idle = [...same(480, 30, 100), ...Array.from({ length: 960 }, () => undefined)];
    expect(past(earlier(...idle)).worst[0]).toBeCloseTo(0.3, 2);
  });

  test('leaves out minutes of which nothing is known, such as those marked as of another rollout', () => {
    const calm = earlier(...same(60, 0, 1_200));
    const rolled: ReadWindow[] = calm.map((window, at) =>
      at >= 20 && at < 40 ? { start: window.start, unknown: 'another rollout' } : window,
    );
    expect(past(rolled).mean).toBeCloseTo(0.5 / (40 * 1_200 + 1));
    const unmarked = calm.map((window, at) =>
      at >= 20 && at < 40 ? { ...window, stable: { bad: 600, total: 1_200 } } : window,
    );
    expect(past(unmarked).worst[0]).toBeGreaterThan(0.4);
  });

  test('does not use a minute that was given twice: which of them holds is not known', () => {
    const restated = [...earlier(...same(20, 0, 1_200)), ...earlier([1_200, 1_200])];
    expect(past(restated).mean).toBeCloseTo(0.5 / (19 * 1_200 + 1));
  });

  test('of a verify shorter than ten minutes knows ten minutes in a row too', () => {
    const [one, three, ten] = past(earlier(...same(120, 30, 100)), 2).worst;
    expect([one, three, ten].every((share) => (share ?? 0) > 0.29)).toBe(true);
  });

  test('knows what is typical of its stretches, with and without their worst minutes', () => {
    const hourly = same(1_440, 1, 1_000).map((count, at) => (at % 60 < 3 ? ([500, 1_000] as const) : count));
    expect(past(earlier(...hourly)).typical).toEqual([0.001, 0.001]);
    const batches = same(1_440, 1, 1_000).map((count, at) =>
      at % 15 === 0 ? ([300, 1_000] as const) : count,
    );
    const [whole = 0, best] = past(earlier(...batches)).typical ?? [];
    expect(whole).toBeGreaterThan(0.02);
    expect(best).toBe(0.001);
    expect(past(earlier([3, 1_000])).typical).toEqual([0.003, 0.003]);
    expect(past(earlier(...same(60, 0, 0))).typical).toBeUndefined();
  });

  test('is a few numbers as JSON, which come back as they are', () => {
    const calm = past(earlier(...same(1_440, 0, 1_000_000)));
    expect(JSON.parse(JSON.stringify(calm))).toEqual(calm);
    expect(JSON.stringify(calm).length).toBeLessThan(200);
  });
});

describe("stable's own minutes", () => {
  const calm = past(earlier(...same(1_440, 1, 1_200)));

  test('count in full, each length for itself', () => {
    const own = ownWorstOf(calm, stableOf([40, 900], [0, 900], [0, 900]));
    expect(own[0]).toBeGreaterThan(own[1] ?? 0);
    expect(own[2]).toBe(0);
    expect(boundsOf(calm, own, TOLERATED)[0]).toBeGreaterThan(0.02);
  });

  test('are kept from look to look: what was seen before holds', () => {
    const seen = ownWorstOf(calm, stableOf([40, 900]));
    expect(ownWorstOf(calm, stableOf([0, 900]), seen)).toEqual(seen);
  });

  test('do not count as one minute what is kept as a sum', () => {
    const sum = [{ start: minute(60), minutes: 60, stable: { bad: 2_400, total: 54_000 } }];
    expect(ownWorstOf(calm, sum)).toEqual([0, 0, 0]);
  });

  test('make no run over minutes in which the canary served alone', () => {
    const windows = [
      ...stableOf([40, 900], [40, 900]),
      { start: minute(2), canary: { bad: 0, total: 900 } },
      { start: minute(3), stable: { bad: 40, total: 900 } },
    ];
    expect(ownWorstOf(calm, windows)[1]).toBe(0);
    const quiet = [windows[0], windows[1], windows[3]].filter((window) => window !== undefined);
    expect(ownWorstOf(calm, quiet)[1]).toBeGreaterThan(0.02);
  });
});

describe('a bound', () => {
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  const ratio = fc.double({ min: 1, max: 100, noNaN: true });

  test('is never below the floor, never above 1, and rises with what the past showed and with what is tolerated', () => {
    fc.assert(
      fc.property(share, share, ratio, ratio, (a, b, one, other) => {
        const [worst, more] = [Math.min(a, b), Math.max(a, b)];
        const [less, ratioMore] = [Math.min(one, other), Math.max(one, other)];
        const bound = boundOf(worst, { ratio: less });
        expect(bound).toBeGreaterThanOrEqual(0.005);
        expect(bound).toBeLessThanOrEqual(1);
        expect(boundOf(more, { ratio: less })).toBeGreaterThanOrEqual(bound * (1 - 1e-12));
        expect(boundOf(worst, { ratio: ratioMore })).toBeGreaterThanOrEqual(bound * (1 - 1e-12));
      }),
    );
  });

  test('of a count that is nearly always bad is below 1: passed once no good one is left, and not by chance', () => {
    const custom = past(earlier(...same(60, 985, 1_000)));
    const bounds = boundsOf(custom, [], TOLERATED);
    expect(doubtOf(alone(...same(10, 988, 1_000)), bounds, asked(10))).toBeUndefined();
    expect(doubtOf(alone(...same(10, 1_000, 1_000)), bounds, asked(10))).toMatchObject({ bad: 10_000 });
  });
});

describe('doubt', () => {
  test.each<[string, Minutes, number, boolean]>([
    ['nothing fails', same(10, 0, 1_200), 10, false],
    ['5 % fail in the last minute', [...same(4, 0, 1_200), [60, 1_200]], 5, true],
    ['5 % fail in a minute before the last', [...same(3, 0, 1_200), [60, 1_200], [0, 1_200]], 5, true],
    ['one of three fails', [[1, 3]], 1, false],
    ['1 % fails for ten minutes', same(10, 12, 1_200), 10, true],
    ['nothing came', same(10, 0, 0), 10, false],
    ['there is no minute', [], 10, false],
    ['there is no minute yet', [], 0, false],
    ['the minutes that fail are in the future', [undefined, undefined, [600, 1_200]], 2, false],
  ])('is raised or not if %s', (_, counts, minutes, isDoubted) => {
    expect(doubtOf(alone(...counts), FLOORS, asked(minutes)) !== undefined).toBe(isDoubted);
  });

  test('counts both versions together, and says what it saw', () => {
    const windows = [{ start: minute(0), canary: { bad: 10, total: 900 }, stable: { bad: 50, total: 300 } }];
    expect(doubtOf(windows, FLOORS, asked(1))).toMatchObject({
      ...{ minutes: 1, to: minute(1), bad: 60, total: 1_200, bound: 0.005 },
      evidence: expect.closeTo(83.255, 2),
    });
  });

  test('begins anew with each move of traffic, whose own minute counts', () => {
    const windows = alone([600, 1_200], ...same(2, 0, 1_200));
    expect(doubtOf(windows, FLOORS, asked(3))?.minutes).toBe(3);
    expect(doubtOf(windows, FLOORS, asked(3, { since: 0.9 }))?.minutes).toBe(3);
    expect(doubtOf(windows, FLOORS, asked(3, { since: 1 }))).toBeUndefined();
  });

  test('asks about more than the newest minute if looks were missed, and about single lengths', () => {
    const windows = alone(...same(5, 0, 12_000), [300, 12_000], ...same(2, 0, 12_000));
    expect(doubtOf(windows, FLOORS, asked(8, { lengths: [1] }))).toBeUndefined();
    expect(doubtOf(windows, FLOORS, asked(8, { lengths: [1], newest: 3 }))).toMatchObject({
      ...{ minutes: 1, to: minute(6) },
    });
  });

  test('takes nothing from minutes of which nothing is known', () => {
    const lost: ReadWindow[] = [{ start: minute(0), unknown: 'no answer' }, ...alone(undefined, [0, 1_200])];
    expect(doubtOf(knownWindows(lost), FLOORS, asked(2))).toBeUndefined();
    const twice = [...alone([600, 1_200]), ...alone([600, 1_200])];
    expect(doubtOf(knownWindows(twice), FLOORS, asked(1))).toBeUndefined();
  });

  test('comes by chance alone in at most one stretch of twenty, however often one looks', () => {
    const random = seededRandom(43);
    const runs = times(400, 4_000);
    for (const total of [30, 1_200, 40_000])
      for (const bound of [0.005, 0.2]) {
        let doubted = 0;
        for (let run = 0; run < runs; run++) {
          const windows = alone(
            ...same(10, 0, total).map(() => [random.binomial(total, bound), total] as const),
          );
          const looks = Array.from({ length: 10 }, (_, at) => at + 1);
          if (looks.some((to) => doubtOf(windows, [bound, bound, bound], asked(to)) !== undefined)) doubted++;
        }
        expect(doubted / runs, `${total} at ${bound}`).toBeLessThanOrEqual(0.05);
      }
  });

  test('is evidence: its mean at the bound is at most 1', () => {
    for (const bound of [0.005, 0.1, 0.5, 0.9])
      for (const total of [1, 20, 200]) {
        let [mean, log] = [0, total * Math.log1p(-bound)];
        for (let bad = 0; bad <= total; bad++) {
          mean += Math.exp(log + logBeyond({ bad, total }, bound));
          log += Math.log(((total - bad) / (bad + 1)) * (bound / (1 - bound)));
        }
        expect(mean).toBeLessThanOrEqual(1 + 1e-9);
      }
  });
});

describe('outside of outages', () => {
  const of = (windows: Window[], past = CALM_PAST, more = {}) =>
    outsideOutages(past, windows, { ratio: 1.5, verifyMinutes: 10, ...more }).map(({ start }) => start);
  const CALM_PAST: FailurePast = { mean: 0.001, strength: 1, worst: [0.001, 0.001, 0.001], ever: 0.001 };
  const each = (...stable: Minutes) => knownWindows(stableOf(...stable));

  test('are the minutes in which stable did not surely fail as in an outage', () => {
    const windows = each([1, 1_000], [500, 1_000], [100, 1_000], [3, 6]);
    expect(of(windows)).toEqual([windows[0], windows[2], windows[3]].map((window) => window?.start));
    expect(of(windows, NO_FAILURE_PAST)).toEqual(of(windows));
    expect(of(each([40, 80]), CALM_PAST)).toHaveLength(0);
    expect(of(each([40, 80]), CALM_PAST, { burst: 10 })).toHaveLength(1);
  });

  test('are without the minutes beside those, in which the canary alone met the same', () => {
    const outage = [
      ...alone([1, 1_000], [500, 1_000], [400, 1_000]),
      ...stableOf(undefined, undefined, undefined, [500, 1_000], [1, 1_000]),
      ...alone(undefined, undefined, undefined, undefined, undefined, [500, 1_000]),
    ];
    const kept = of(knownWindows(outage));
    expect(kept).toEqual([minute(0), minute(4), minute(5)]);
  });

  test('are all of them if the day before had as much, and those in which the canary alone failed', () => {
    const often = { ...CALM_PAST, worst: [0.5, 0.5, 0.5] };
    expect(of(each([500, 1_000]), often)).toHaveLength(1);
    expect(of(knownWindows(alone([500, 1_000])))).toHaveLength(1);
    const kept = { start: minute(0), minutes: 5, stable: { bad: 2_500, total: 5_000 } };
    expect(of([kept])).toHaveLength(1);
  });
});

describe('steady doubt', () => {
  const hourly = past(
    earlier(...same(1_440, 1, 1_000).map((count, at) => (at % 15 === 0 ? ([300, 1_000] as const) : count))),
  );
  const asks = (windows: Window[], of = hourly, minutes = windows.length) =>
    steadyDoubtOf(of, windows, { ...asked(minutes), ...TOLERATED, floor: 0.001 });
  const beside = (canary: Minutes[number], stable: Minutes[number], minutes: number): Window[] =>
    Array.from({ length: minutes }, (_, at) => ({
      start: minute(at),
      ...(canary === undefined ? {} : { canary: { bad: canary[0], total: canary[1] } }),
      ...(stable === undefined ? {} : { stable: { bad: stable[0], total: stable[1] } }),
    }));

  test('is raised by harm that is smaller than what single minutes show of a day of batch jobs', () => {
    const steady = alone(...same(6, 20, 1_000));
    expect(doubtOf(steady, boundsOf(hourly, [], TOLERATED), asked(6))).toBeUndefined();
    expect(asks(steady)).toMatchObject({ minutes: 6, to: minute(6), bad: 80, total: 4_000 });
  });

  test.each<[string, ReadWindow[], FailurePast]>([
    ['a third of the minutes fail', alone(...same(4, 1, 1_000), ...same(2, 300, 1_000)), hourly],
    ['there are too few minutes', alone(...same(2, 20, 1_000)), hourly],
    [
      'an outage filled two of the three minutes since a move',
      alone([500, 1_000], [500, 1_000], [1, 1_000]),
      hourly,
    ],
    ['nothing is known of the past', alone(...same(6, 20, 1_000)), NO_FAILURE_PAST],
    ['stable beside it fails as much', beside([19, 950], [1, 50], 6), hourly],
    [
      'stable failed as much before',
      [...stableOf(...same(3, 20, 1_000)), ...alone(...Array<undefined>(3), ...same(3, 20, 1_000))],
      hourly,
    ],
    ['nothing came', alone(...same(6, 0, 0)), hourly],
  ])('is none if %s', (_, windows, of) => {
    expect(asks(knownWindows(windows), of, 6)).toBeUndefined();
  });

  test('is raised if stable beside it fails no more than usual', () => {
    expect(asks(beside([19, 950], [0, 500], 6))).toBeDefined();
  });

  test('is raised by three minutes that all fail', () => {
    expect(asks(alone(...same(3, 300, 1_000)))).toMatchObject({ minutes: 3, bad: 300, total: 1_000 });
  });

  test('is not answered by the last requests that stable had in the minute of a move', () => {
    const move = { start: minute(0), canary: { bad: 15, total: 900 }, stable: { bad: 1, total: 40 } };
    const windows = [...earlier(...same(9, 1, 1_000)), move, ...alone(undefined, ...same(6, 20, 1_000))];
    expect(
      steadyDoubtOf(hourly, windows, { ...asked(7, { since: 0.5 }), ...TOLERATED, floor: 0.001 }),
    ).toBeDefined();
  });

  test('rests on the best minutes, and on at least one', () => {
    const minutes = [
      [0, 0],
      [5, 10],
      [0, 10],
      [1, 10],
    ].map(([bad = 0, total = 0]) => ({ bad, total }));
    expect(bestOf(minutes, 2 / 3)).toEqual({ bad: 1, total: 20 });
    expect(bestOf(minutes, 0)).toEqual({ bad: 0, total: 10 });
    expect(bestOf([], 1)).toEqual({ bad: 0, total: 0 });
  });

  test('is shared with stable only if its counts are likelier under the share of the canary', () => {
    const canary = { bad: 50, total: 1_000 };
    expect(isShared(canary, { bad: 5, total: 100 }, 0.001)).toBe(true);
    expect(isShared(canary, { bad: 0, total: 100 }, 0.001)).toBe(false);
    expect(isShared(canary, { bad: 0, total: 0 }, 0.001)).toBe(false);
    expect(isShared(canary, { bad: 5, total: 100 }, 0)).toBe(true);
  });

  test('comes by chance alone in at most one rollout of twenty', () => {
    const random = seededRandom(44);
    const runs = times(400, 4_000);
    for (const total of [30, 1_200, 40_000]) {
      const drawn = (minutes: number) =>
        same(minutes, 0, total).map(() => [random.binomial(total, 0.002), total] as const);
      const calm = past(earlier(...drawn(1_440)));
      let doubted = 0;
      for (let run = 0; run < runs; run++) {
        const windows = alone(...drawn(10));
        if ([6, 7, 8, 9, 10].some((to) => asks(windows.slice(0, to), calm, to) !== undefined)) doubted++;
      }
      expect(doubted / runs, `${total}`).toBeLessThanOrEqual(0.05);
    }
  });
});

describe('an outage beyond anything that was seen', () => {
  const calm = past(earlier(...same(1_440, 1, 1_200)));
  const isIt = (windows: Window[], minutes: number, of: FailurePast = calm, own: number[] = []) =>
    isOutage(of, own, windows, { ...asked(minutes), ...TOLERATED });

  test('takes six minutes in a row since the last move, each of them surely worse', () => {
    expect(isIt(alone(...same(6, 600, 1_200)), 6)).toBe(true);
    expect(isIt(alone(...same(5, 600, 1_200)), 5)).toBe(false);
    expect(isIt(alone(...same(3, 600, 1_200), [0, 1_200], ...same(5, 600, 1_200)), 9)).toBe(false);
    expect(isIt(alone(...same(3, 600, 1_200), undefined, ...same(5, 600, 1_200)), 9)).toBe(false);
    expect(isIt(alone(...same(6, 1, 2)), 6)).toBe(false);
  });

  test('is none if the past or stable beside it had a minute like it', () => {
    const known = past(earlier(...same(1_439, 1, 1_200), [600, 1_200]));
    expect(isIt(alone(...same(6, 600, 1_200)), 6, known)).toBe(false);
    expect(isIt(alone(...same(6, 600, 1_200)), 6, calm, [0.5])).toBe(false);
  });
});

describe('whatever is read', () => {
  const odd = fc.oneof(
    fc.integer({ min: -3, max: 2_000 }),
    fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, -1, 0.5, 1e12),
  );
  const count = fc.option(fc.record({ bad: odd, total: odd }), { nil: undefined });
  const windows = fc.array(
    fc.oneof(
      fc.record({
        start: fc.oneof(fc.integer({ min: -90, max: 30 }).map(minute), fc.constantFrom(Number.NaN, 0.5)),
        canary: count,
        stable: count,
      }),
      fc.record({ start: fc.integer({ min: -90, max: 30 }).map(minute), unknown: fc.constant('lost') }),
    ),
    { maxLength: 80 },
  );

  test('gives numbers, bounds from the floor to 1, and doubts with requests and evidence', () => {
    fc.assert(
      fc.property(windows, windows, fc.double({ min: 0, max: 100, noNaN: true }), (read, more, minutes) => {
        const sorted = [...read].sort((a, b) => a.start - b.start);
        const found = past(sorted, minutes);
        const { mean, strength, worst, ever } = found;
        for (const share of [mean, ever, ...worst]) {
          expect(share).toBeGreaterThanOrEqual(0);
          expect(share).toBeLessThanOrEqual(1);
        }
        expect(worst).toHaveLength(DOUBT_MINUTES.length);
        expect(strength).toBeGreaterThanOrEqual(0);
        expect(strength).toBeLessThan(1e9);
        const bounds = boundsOf(found, ownWorstOf(found, knownWindows(more)), TOLERATED);
        for (const bound of bounds) {
          expect(bound).toBeGreaterThanOrEqual(0.005);
          expect(bound).toBeLessThanOrEqual(1);
        }
        const doubt = doubtOf(knownWindows(more), bounds, asked(20, { newest: 5 }));
        if (doubt !== undefined) {
          expect(doubt.total).toBeGreaterThan(0);
          expect(doubt.evidence).toBeGreaterThanOrEqual(doubtAt(10));
        }
      }),
      { numRuns: times(200, 2_000) },
    );
  });
});
