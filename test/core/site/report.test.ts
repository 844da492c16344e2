import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  countedAs,
  countsOf,
  droppedReports,
  reporterOf,
  reportFrom,
  reportLimits,
  type VisitReport,
} from '../../../core/site/report.ts';

const VISIT: VisitReport = {
  ...{ release: 'r42', isVisit: true, isFailed: false, isDriven: false, vitals: {} },
};
const SITE = { releases: ['r41', 'r42'], knownBy: '' };

describe('a report', () => {
  test('is what the beacon sends', () => {
    expect(reportFrom('{"r":"r42","n":1,"f":1,"l":1200,"c":120,"i":80}')).toEqual({
      ...VISIT,
      isFailed: true,
      vitals: { LCP: 1_200, CLS: 0.12, INP: 80 },
    });
    expect(reportFrom('{"r":"r42","n":0,"f":0,"w":1}')).toMatchObject({ isDriven: true, isVisit: false });
  });

  test.each([
    ...['', '{', 'null', '[]', '1', '{}', '{"r":"r42"}', '{"r":42,"n":1,"f":0}', '{"r":"","n":1,"f":0}'],
    ...['{"r":"../x","n":1,"f":0}', '{"r":"r42","n":2,"f":0}', '{"r":"r42","n":true,"f":0}'],
    ...[
      '{"r":"r42","n":1,"f":0,"l":-1}',
      '{"r":"r42","n":1,"f":0,"l":1e9}',
      '{"r":"r42","n":1,"f":0,"c":0.5}',
    ],
    ...[
      '{"r":"r42","n":1,"f":0,"w":2}',
      '{"r":"r42","n":1,"f":0,"x":1}',
      '{"r":"r42","n":1,"f":0,"__proto__":1}',
    ],
    `{"r":"r42","n":1,"f":0,"l":1${' '.repeat(512)}}`,
  ])('is none if it is %s', (text) => {
    expect(reportFrom(text)).toBeUndefined();
  });

  test('is never an error', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => void reportFrom(text)));
  });

  test('counts for a release that serves, and else for none by name', () => {
    expect(countedAs(VISIT, SITE)).toBe('r42');
    expect(countedAs({ ...VISIT, release: 'r40' }, SITE)).toBe('unknown');
    expect(countedAs({ ...VISIT, release: 'constructor' }, SITE)).toBe('unknown');
  });

  test.each<[what: string, knownBy: string, cookies: Record<string, string>, reporter: string | undefined]>([
    ['the id that the edge gave out', '', { '__Host-spillway': 'v-1' }, 'v-1'],
    ['none without it', '', { other: 'v-1' }, undefined],
    ['the id of the site itself', 'c:user', { user: 'ada' }, 'ada'],
    ['none without that', 'c:user', { '__Host-spillway': 'v-1' }, undefined],
    ['nobody in particular by a header', 'h:x-user', {}, ''],
    ['nobody in particular by a fingerprint', 'j', {}, ''],
  ])('is of %s', (_what, knownBy, cookies, reporter) => {
    expect(reporterOf({ ...SITE, knownBy }, cookies)).toBe(reporter);
  });

  test.each<[what: string, report: Partial<VisitReport>, counts: object]>([
    ['a visit', {}, { Visits: 1, FailedVisits: 0 }],
    ['a visit that failed', { isFailed: true }, { Visits: 1, FailedVisits: 1 }],
    ['a failure of a visit that was counted', { isVisit: false, isFailed: true }, { FailedVisits: 1 }],
    ['what was measured', { isVisit: false, vitals: { LCP: 9 } }, { LCP: 9 }],
    ['nothing', { isVisit: false }, {}],
  ])('of %s is added so', (_what, report, counts) => {
    expect(countsOf({ ...VISIT, ...report })).toEqual(counts);
  });
});

describe('a flood', () => {
  test('of one visitor counts as one visit and one failure in each window', () => {
    const limits = reportLimits();
    const failed = { ...VISIT, isFailed: true };
    const all = Array.from({ length: 50 }, () => limits.counted(failed, 'v-1', '', 0));
    expect(all.filter((each) => each?.isVisit)).toHaveLength(1);
    expect(all.filter((each) => each?.isFailed)).toHaveLength(1);
    expect(limits.counted(failed, 'v-1', '', 60_000)).toEqual(failed);
  });

  test('from one address, or from all, ends at what a window may have', () => {
    const limits = reportLimits();
    const count = (of: (nth: number) => string, now: number, times: number) =>
      Array.from({ length: times }, (_, nth) => limits.counted(VISIT, `v-${nth}`, of(nth), now)).filter(
        (each) => each !== undefined,
      ).length;
    expect(count(() => '203.0.113.1', 0, 1_000)).toBe(100);
    expect(count((nth) => String(nth), 60_000, 10_000)).toBe(5_000);
    expect(count((nth) => String(nth), 120_000, 10)).toBe(10);
  });

  test('is said in few lines', () => {
    const dropped = droppedReports();
    expect(dropped('r42', 0)).toEqual({ r42: 1 });
    for (let nth = 0; nth < 1_000; nth++) expect(dropped(nth % 2 ? 'r42' : 'r41', 4_999)).toEqual({});
    expect(dropped('r42', 5_000)).toEqual({ r41: 500, r42: 501 });
    expect(dropped('r41', 10_000)).toEqual({ r41: 1 });
  });
});
