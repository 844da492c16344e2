import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  countedAs,
  networkOf,
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

  test.each<[what: string, report: Partial<VisitReport>, counts: object[]]>([
    ['a visit', {}, [{ Visits: 1, FailedVisits: 0 }]],
    ['a visit that failed', { isFailed: true }, [{ Visits: 1, FailedVisits: 1 }]],
    ['a failure of a visit that was counted', { isVisit: false, isFailed: true }, [{ FailedVisits: 1 }]],
    ['what was measured', { isVisit: false, vitals: { LCP: 9 } }, [{ LCP: 9 }]],
    ['nothing', { isVisit: false }, []],
  ])('of %s is added so', (_what, report, counts) => {
    const added = reportLimits().added(received({ report: { ...VISIT, ...report } }), 0);
    expect(added).toEqual(counts.map((each) => ({ site: 'web', release: 'r42', counts: each })));
  });
});

const received = (given: Partial<Parameters<ReturnType<typeof reportLimits>['added']>[0]> = {}) => ({
  ...{ site: 'web', release: 'r42', report: VISIT, visitor: 'v-1', address: '' },
  ...given,
});

describe('a flood', () => {
  const sum = (added: { counts: Record<string, number> }[], name: string) =>
    added.reduce((all, { counts }) => all + (counts[name] ?? 0), 0);

  test('of one visitor counts as one visit and one failure in each window', () => {
    const limits = reportLimits();
    const failed = received({ report: { ...VISIT, isFailed: true, vitals: { LCP: 9 } } });
    const all = Array.from({ length: 50 }, () => limits.added(failed, 0)).flat();
    expect(['Visits', 'FailedVisits', 'LCP'].map((name) => sum(all, name))).toEqual([1, 1, 9]);
    expect(sum(limits.added(failed, 60_000), 'Visits')).toBe(1);
  });

  const flood = (of: (nth: number) => { address?: string }) => {
    const limits = reportLimits();
    const all = Array.from({ length: 8_000 }, (_, nth) =>
      limits.added(received({ visitor: `v-${nth}`, ...of(nth) }), 120_000 + nth * 4),
    ).flat();
    return { limits, all, drops: all.filter(({ counts }) => counts.DroppedVisits !== undefined) };
  };

  test.each<[from: string, of: (nth: number) => { address?: string }]>([
    ['many addresses', (nth) => ({ address: `${nth}` })],
    ['nowhere', () => ({})],
  ])('from %s ends at what a window may have, in few lines that name no release', (_from, of) => {
    const { limits, all, drops } = flood(of);
    expect(sum(all, 'Visits')).toBe(5_000);
    expect(drops.length).toBeLessThanOrEqual(7);
    expect(drops.map(({ release }) => release)).toEqual(drops.map(() => 'unknown'));
    expect(sum(drops, 'DroppedVisits')).toBeGreaterThan(1_000);
    expect(sum(limits.added(received({ site: 'other' }), 152_000), 'Visits')).toBe(1);
    expect(sum(limits.added(received(), 180_000), 'Visits')).toBe(1);
  });

  test('from one address ends at what that may send, and the rest counts for nothing', () => {
    const { limits, all, drops } = flood(() => ({ address: '203.0.113.1' }));
    expect(sum(all, 'Visits')).toBe(100);
    expect(drops).toEqual([]);
    expect(sum(limits.added(received({ visitor: 'other', address: '203.0.113.2' }), 152_000), 'Visits')).toBe(
      1,
    );
  });

  test.each([
    ['203.0.113.1:40312', '203.0.113.1'],
    ['2001:db8:1:2:3:4:5:6:40312', '2001:db8:1:2'],
    ['2001:0DB8:0001:0002:ffff:4:5:6:443', '2001:db8:1:2'],
    ['2001:db8::6:40312', '2001:db8:0:0'],
    ['2001:db8:1:2::443', '2001:db8:1:2'],
    ['::1:40312', '0:0:0:0'],
    ['[2001:db8:1:2::7]:40312', '2001:db8:1:2'],
    ['::ffff:203.0.113.1:40312', '203.0.113.1'],
    ['::ffff:cb00:7101:40312', '203.0.113.1'],
    ['', ''],
  ])('from %s is from %s', (viewer, network) => {
    expect(networkOf(viewer)).toBe(network);
  });

  test('of visitors whom nothing tells apart counts each report', () => {
    const limits = reportLimits();
    const all = [1, 2, 3].flatMap(() => limits.added(received({ visitor: '' }), 0));
    expect(sum(all, 'Visits')).toBe(3);
  });
});
