import { describe, expect, test } from 'vitest';
import { believable } from '../../../core/analysis/settled.ts';
import { evidenceOfSilence, pastFrom, whyCliff, whySilent, whyThin } from '../../../core/analysis/silence.ts';
import type { Past, ReadWindow, Window } from '../../../core/analysis/types.ts';
import { WINDOW_MS } from '../../../core/units.ts';
import { inVerify, minute, onFirstStep, stateAfter } from '../rollout/given.ts';

/** Requests of so many minutes before the opening, the newest last. */
const earlier = (...counts: (number | undefined)[]): ReadWindow[] =>
  counts.flatMap((total, at) =>
    total === undefined ? [] : [{ start: minute(at - counts.length), stable: { bad: 0, total } }],
  );
const flat = (minutes: number, count: number) => Array.from({ length: minutes }, () => count);

describe('what was due by the past', () => {
  test('of a steady hour is its median, and no fall was ever seen', () => {
    expect(pastFrom(earlier(...flat(60, 100)), minute(0))).toEqual({
      lately: 100,
      hours: Array.from({ length: 24 }, (_, hour) => (hour === 23 ? 100 : null)),
      falls: [1, 1],
    });
  });

  test('of a whole day knows each hour of it, and its least ten minutes', () => {
    const night = [...flat(12 * 60, 600), ...flat(60, 30), ...flat(11 * 60, 600)];
    const past = pastFrom(earlier(...night), minute(0));
    expect(past?.least).toBe(30);
    expect(past?.hours[12]).toBe(30);
    expect(past?.hours[3]).toBe(600);
    expect(past?.falls).toEqual([1, 1]);
  });

  test('knows the first hour of the day before although its newest minutes are left out as late', () => {
    // Closed for eight hours from twenty minutes on, each day; the newest ten minutes have not been counted yet.
    const day = Array.from({ length: 24 * 60 - 10 }, (_, at) => (at >= 20 && at < 500 ? 0 : 600));
    const read = earlier(...day, ...Array.from({ length: 10 }, () => undefined));
    const past = pastFrom(read, minute(0));
    expect(past?.hours[0]).toBe(0);
    expect(past?.hours[10]).toBe(600);
    expect(pastFrom(read.slice(40), minute(0))?.hours[0]).toBeNull();
  });

  test('of a whole day is not lowered by single minutes without requests', () => {
    const day = Array.from({ length: 24 * 60 }, (_, at) => (at % 10 === 0 ? 0 : 600));
    expect(pastFrom(earlier(...day), minute(0))?.hours).toEqual(flat(24, 600));
  });

  test.each<[string, ReadWindow[] | undefined]>([
    ['was not read', undefined],
    ['has no request', []],
    ['is four minutes long', earlier(...flat(4, 100))],
    ['is of counts that are none', earlier(...flat(60, Number.NaN))],
    ['is known of fewer than half of its minutes', earlier(...flat(30, 100), ...flat(60, -1))],
  ])('is not known if it %s', (_, read) => {
    expect(pastFrom(read, minute(0))).toBeUndefined();
  });

  test.each<[string, ReadWindow[]]>([
    [
      'of which nothing is known',
      earlier(...flat(30, 100), undefined, ...flat(30, 100)).concat({ start: minute(-31), unknown: 'why' }),
    ],
    ['with a count that is none', earlier(...flat(30, 100), Number.NaN, ...flat(30, 100))],
    ['with a count below zero', earlier(...flat(30, 100), -1, ...flat(30, 100))],
    ['with a fraction', earlier(...flat(30, 100), 0.5, ...flat(30, 100))],
    ['that is given twice', [...earlier(...flat(61, 100)), ...earlier(100)]],
  ])('leaves a minute out %s', (_, read) => {
    const ordered = read.toSorted((a, b) => a.start - b.start);
    expect(pastFrom(ordered, minute(0))).toMatchObject({ lately: 100, falls: [1, 1] });
  });

  const gapped = (gaps: number, length: number, whole = 24 * 60) =>
    pastFrom(
      earlier(
        ...Array.from({ length: whole }, (_, at) => {
          const every = Math.floor(whole / (gaps + 1));
          return gaps > 0 && at >= every && at % every < length && at < every * (gaps + 1) ? undefined : 600;
        }),
      ),
      minute(0),
    );

  test.each([
    ['one gap of two minutes', 1, 2, true],
    ['one gap of an hour', 1, 60, true],
    ['two gaps of two hours', 2, 120, true],
    ['three gaps of two minutes', 3, 2, true],
    ['24 gaps of two minutes', 24, 2, false],
    ['12 gaps of a quarter of an hour', 12, 15, false],
  ])('of a day with %s knows whether that is usual', (_, gaps, length, isRare) => {
    expect((gapped(gaps, length)?.falls[0] ?? 0) > 0.9).toBe(isRare);
  });

  test('of an hour with a gap cannot tell that it is rare', () => {
    expect(gapped(1, 12, 60)?.falls).toEqual([0, 0]);
  });

  test('is cut into stretches as long as verify, of which a longer one is likelier to meet a gap', () => {
    const day = earlier(
      ...Array.from({ length: 1_440 }, (_, at) => ([300, 700, 1_100].includes(at - (at % 5)) ? 0 : 600)),
    );
    expect(pastFrom(day, minute(0), 10)?.falls).toEqual([1, 1]);
    expect(pastFrom(day, minute(0), 120)?.falls[0]).toBe(0);
  });

  test('takes a minute without data as one without requests, but not the newest ones, which may be late', () => {
    expect(
      pastFrom(earlier(...flat(30, 100), ...Array.from({ length: 5 }, () => undefined)), minute(0))?.falls,
    ).toEqual([1, 1]);
    expect(
      pastFrom(earlier(...flat(30, 100), undefined, undefined, ...flat(30, 100)), minute(0))?.falls[0],
    ).toBe(0);
    // More of them than can be late are none.
    expect(
      pastFrom(earlier(...flat(30, 100), ...Array.from({ length: 40 }, () => undefined)), minute(0))?.falls,
    ).toEqual([0, 0]);
  });
});

describe('silence', () => {
  const steady: Past = { lately: 1_200, hours: Array.from({ length: 24 }, () => null), falls: [1, 1] };
  /** Requests of both versions from the minute after the first raise on. */
  const later = (...counts: (number | undefined)[]): Window[] =>
    counts.flatMap((total, at) =>
      total === undefined
        ? []
        : [
            {
              start: minute(1 + at),
              canary: { bad: 0, total: Math.floor(total / 10) },
              stable: { bad: 0, total: Math.ceil((total * 9) / 10) },
            },
          ],
    );
  const why = (past: Past | undefined, windows: ReadWindow[], to: number, until = to) =>
    whySilent(stateAfter(onFirstStep()), past, believable(windows), minute(to), minute(until));

  test.each<[string, Past | undefined, (number | undefined)[], boolean]>([
    ['nothing comes for two minutes', steady, [1_200, undefined, undefined], true],
    ['3 % come for two minutes', steady, [1_200, 36, 36], true],
    ['a tenth comes', steady, [1_200, ...flat(20, 120)], false],
    ['a fifth comes', steady, [1_200, ...flat(20, 240)], false],
    ['nothing comes for one minute', steady, [1_200, 1_200, undefined], false],
    ['requests came again', steady, [undefined, undefined, undefined, 1_200, 1_200], false],
    ['nothing is known of the past', undefined, flat(10, 0), false],
    ['the past fell to nothing too', { ...steady, falls: [0, 0] }, flat(15, 0), false],
    ['so little was due that chance explains it', { ...steady, lately: 1 }, flat(15, 0), false],
    [
      'so little was due that chance explains it once in a plan',
      { ...steady, lately: 6 },
      flat(12, 0),
      false,
    ],
    ['little was due, for ten minutes', { ...steady, lately: 12 }, flat(12, 0), true],
    ['the day before had nothing at this hour', { ...steady, hours: flat(24, 0) }, flat(12, 0), false],
    ['less than half of the least of a whole day comes', { ...steady, least: 1_000 }, flat(12, 300), true],
    [
      'it falls to a fiftieth step by step',
      steady,
      [...flat(8, 1_200), ...flat(8, 400), ...flat(8, 130), ...flat(8, 60), ...flat(8, 24)],
      false,
    ],
  ])('is seen or not where %s', (_, past, counts, isSilent) => {
    expect(why(past, later(...counts), 1 + counts.length) !== undefined).toBe(isSilent);
  });

  test('says how many came and how many were due', () => {
    expect(why(steady, later(1_200, undefined, undefined), 4)).toBe(
      '0 requests came in 2 min, where about 2,400 were due by what it had before; look at its callers, at what routes them and at the version that serves',
    );
  });

  test('knows what came just before the first raise: requests that had gone by then are not missed', () => {
    const level = [...flat(10, 1_200)].map((count, at) => (at < 3 ? count : 12));
    expect(why(steady, [...earlier(...level), ...later(12, 12, 12)] as Window[], 4)).toBeUndefined();
    expect(why(steady, [...earlier(...flat(10, 1_200)), ...later(12, 12, 12)] as Window[], 4)).toBeDefined();
  });

  test('is of a bake if it held at its end or began before it, and goes on', () => {
    const gone = later(...flat(5, 1_200), ...Array.from({ length: 3 }, () => undefined));
    for (const until of [7, 8, 9]) expect(why(steady, gone, 9, until)).toBeDefined();
    expect(why(steady, gone, 8, 7)).toBeDefined();
    expect(why(steady, gone, 8, 6)).toBeUndefined();
    const back = later(...flat(5, 1_200), undefined, undefined, 1_200);
    expect(why(steady, back, 9, 8)).toBeUndefined();
  });

  test('lasts as long as nothing comes, however long that is', () => {
    const gone = [...flat(20, 1_200), ...Array.from({ length: 100 }, () => undefined)];
    for (const to of [24, 40, 60, 90]) expect(why(steady, later(...gone), to)).toBeDefined();
  });

  test('is not read into minutes of which nothing is known', () => {
    const unknown = [2, 3].map((at) => ({ start: minute(at), unknown: 'counted by half' }));
    expect(why(steady, [...later(1_200), ...unknown], 4)).toBeUndefined();
  });

  test('is measured by the minutes that were counted: those of which nothing is known are not zero', () => {
    const unknown = Array.from({ length: 8 }, (_, at) => ({ start: minute(9 + at), unknown: 'no answer' }));
    expect(why(steady, [...later(...flat(8, 1_200)), ...unknown], 19)).toMatch(/^0 requests came in 2 min/);
  });

  test('is not ended by minutes of which nothing is known', () => {
    const gone = [...flat(8, 1_200), ...flat(20, 36)];
    const without = (isUnknown: (at: number) => boolean) =>
      later(...gone).map((window, at) =>
        isUnknown(at) ? { start: window.start, unknown: 'counted by half' } : window,
      );
    const every = (nth: number) => without((at) => at % nth === 0);
    for (const nth of [2, 3]) expect(why(steady, every(nth), 29)).toMatch(/^360 requests came in 10 min/);
    const from = (first: number) => without((at) => at >= first);
    expect(why(steady, from(10), 29)).toMatch(/^72 requests came in 2 min/);
    expect(why(steady, from(8), 29)).toBeUndefined();
  });

  test('is evidence that few requests give by chance alone at most once in e to its power', () => {
    expect(evidenceOfSilence(0, 0)).toBeCloseTo(0);
    expect(evidenceOfSilence(0, 10)).toBeGreaterThan(7);
    expect(evidenceOfSilence(10, 10)).toBeLessThan(0);
    // The mean under the boundary is 1: summed over a Poisson count of mean 6.
    let [mean, term] = [0, Math.exp(-6)];
    for (let n = 0; n < 80; n++) {
      mean += term * Math.exp(evidenceOfSilence(n, 6));
      term *= 6 / (n + 1);
    }
    expect(mean).toBeCloseTo(1, 6);
  });

  test('of a canary that serves alone is told already where a third of what was due is missing, since its callers may wait', () => {
    const alone = stateAfter(inVerify());
    const served = (count: number): Window[] =>
      [9, 10, 11, 12].map((at) => ({ start: minute(at), canary: { bad: 0, total: count } }));
    const thin = (past: Past | undefined, count: number) =>
      whyThin(alone, past, believable(served(count)), minute(9) + 4 * WINDOW_MS);
    expect(thin(steady, 200)).toMatch(/^only [\d,]+ requests came in \d min, where about [\d,]+ were due/);
    expect(thin(steady, 600)).toBeUndefined();
    expect(thin(undefined, 0)).toBeUndefined();
    const unknownFrom = (nth: number) =>
      believable(served(200).map((window, at) => (at < nth ? window : { ...window, unknown: 'by half' })));
    expect(whyThin(alone, steady, unknownFrom(3), minute(13))).toMatch(/^only 600 requests came in 3 min/);
    expect(whyThin(alone, steady, unknownFrom(0), minute(13))).toBeUndefined();
    expect(thin({ ...steady, falls: [0.01, 0.5] }, 200)).toBeUndefined();
  });

  test('of half of the requests from promotion on is a cliff, by the minutes that are known', () => {
    const alone = stateAfter(inVerify());
    const promoted = Math.floor(((alone.promotedAt ?? 0) - minute(0)) / WINDOW_MS);
    const read = (after: number, unknown: number[]): ReadWindow[] =>
      Array.from({ length: promoted + 6 }, (_, at) => {
        const total = at <= promoted ? 1_200 : after;
        return unknown.includes(at - promoted)
          ? { start: minute(at), unknown: 'counted by half' }
          : { start: minute(at), canary: { bad: 0, total } };
      });
    const cliff = (after: number, ...unknown: number[]) =>
      whyCliff(
        { ...alone, alone: [{ from: minute(promoted) }] },
        steady,
        believable(read(after, unknown)),
        minute(promoted + 6),
      );
    expect(cliff(1_100)).toBeUndefined();
    expect(cliff(400)).toMatch(/^only 2,000 requests came in the 5 min after promotion/);
    expect(cliff(400, -3, 1, 4)).toMatch(/^only 1,200 requests came in the 3 min after promotion/);
    expect(cliff(400, 1, 2, 3, 4, 5)).toBeUndefined();
    expect(cliff(400, -2, -3, -4, -5, -6)).toBeUndefined();
  });

  test('of half of the requests is a cliff also if the version that served most of them before is not counted in each minute', () => {
    const alone = { ...stateAfter(inVerify()), alone: [{ from: minute(8) }] };
    const before = (at: number) => ({
      ...(at % 3 === 0 ? {} : { canary: { bad: 0, total: 1_100 } }),
      stable: { bad: 0, total: 100 },
    });
    const windows = Array.from({ length: 14 }, (_, at) => ({
      start: minute(at),
      ...(at < 8 ? before(at) : { canary: { bad: 0, total: 400 } }),
    }));
    const cliff = (read: Window[]) => whyCliff(alone, steady, believable(read), minute(14));
    expect(cliff(windows)).toMatch(/^only 2,000 requests came in the 5 min .* where about 6,000 were due/);
    // What neither version counted came to nothing.
    expect(cliff(windows.filter((_, at) => at !== 6))).toBeUndefined();
  });
});
