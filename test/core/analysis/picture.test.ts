import { describe, expect, test } from 'vitest';
import { judge } from '../../../core/analysis/judge.ts';
import { type Judged, pictureOf } from '../../../core/analysis/picture.ts';
import type { Finding, Verdict } from '../../../core/analysis/types.ts';
import { trialOf } from '../../../core/rollout/trial.ts';
import { minute, onFirstStep, stateAfter } from '../rollout/given.ts';

const rollout = stateAfter(onFirstStep({ watch: [{ metric: 'errors', ratio: 1.5 }] }));

/** Verdicts minute by minute, of a canary that fails so often of 200 requests each time. */
function told(bad: number, minutes: number): Judged[] {
  const windows = Array.from({ length: minutes }, (_, index) => ({
    start: minute(index + 1),
    canary: { bad, total: 200 },
    stable: { bad: 2, total: 1_800 },
  }));
  return windows.map((_, index): Judged => {
    const at = minute(index + 3);
    const series = { api: { errors: windows.slice(0, index + 1) } };
    return { at, verdict: judge(trialOf(rollout), { series, alarms: [] }, at) };
  });
}

const subject = { target: 'api', metric: 'errors' } as const;

describe('a picture', () => {
  test('shows the newest counts, an interval for each verdict that has one, and the threshold', () => {
    const verdicts = told(3, 6);
    const svg = pictureOf(verdicts, subject);
    const known = verdicts.filter(({ verdict }) => verdict.findings[0]?.odds?.high !== undefined);
    expect(known.length).toBeGreaterThan(3);
    expect(svg).toContain('canary 18 of 1,200 failed, stable 12 of 10,800');
    expect(svg.match(/class="range"/g)).toHaveLength(known.length);
    expect(svg).toContain('class="limit"');
    expect(svg).toMatch(/^<svg [^>]*role="img" aria-label="api errors: /);
  });

  test('draws evidence at and above its threshold where the release is reverted, and below it before', () => {
    const heights = (bad: number) => {
      const svg = pictureOf(told(bad, 3), subject);
      const limit = Number(/class="limit"[^>]*y1="([\d.]+)"/.exec(svg)?.[1]);
      const dot = Number(/class="dot"[^>]*cy="([\d.]+)"/.exec(svg)?.[1]);
      return { dot, limit };
    };
    const [sick, well] = [heights(20), heights(0)];
    expect(sick.dot).toBeLessThan(sick.limit);
    expect(well.dot).toBeGreaterThan(well.limit);
  });

  test('follows the scheme of its reader and holds no script', () => {
    const svg = pictureOf(told(0, 2), subject);
    expect(svg).toContain('@media (prefers-color-scheme: dark)');
    expect(svg).not.toContain('<script');
  });

  test('writes names as text, whatever they hold', () => {
    const evil = '"><script>alert(1)</script>&';
    const svg = pictureOf(told(0, 1), { target: evil, metric: 'errors' });
    expect(svg).not.toContain('<script');
    expect(svg).toContain('&quot;&gt;&lt;script&gt;');
  });

  test('of nothing, or of a verdict without counts, has no number that is none', () => {
    const verdict: Verdict = { status: 'broken', reason: 'no', findings: [], from: 0, to: 0 };
    for (const each of [[], [{ at: minute(1), verdict }]]) {
      const svg = pictureOf(each, subject);
      expect(svg).not.toMatch(/NaN|Infinity|undefined/);
      expect(svg).toContain('no counts yet');
    }
  });
});

describe('what is drawn stands where its number belongs', () => {
  type Odds = { low: number; high?: number };
  const finding = (odds: Odds | undefined, more: Partial<Finding> = {}) =>
    ({
      ...{ target: 'api', metric: 'errors', status: 'pass', windows: 1 },
      ...{ canary: { bad: 1, total: 10 }, stable: { bad: 2, total: 90 } },
      ...(odds === undefined ? {} : { odds }),
      ...more,
    }) as Finding;
  /** Verdicts a minute apart; evidence is in parts of its threshold of 5. */
  const drawn = (...points: { odds?: Odds; share?: number; others?: Finding[] }[]) =>
    pictureOf(
      points.map(({ odds, share = 0, others = [] }, index) => ({
        at: minute(index),
        verdict: {
          ...{ status: 'pass', reason: 'x', from: 0, to: 0, evidence: share * 5, limit: 5 },
          findings: [...others, finding(odds)],
        } as Verdict,
      })),
      subject,
    );

  const numbers = (svg: string, pattern: RegExp) =>
    [...svg.matchAll(pattern)].map(([, ...found]) => found.map(Number));
  const ranges = (svg: string) =>
    numbers(svg, /class="range" x1="([\d.-]+)" x2="([\d.-]+)" y1="([\d.-]+)" y2="([\d.-]+)"/g);
  const path = (svg: string) => /class="line" d="([^"]*)"/.exec(svg)?.[1] ?? '';
  const way = (svg: string) => numbers(path(svg), /[ML]([\d.-]+) ([\d.-]+)/g);
  const texts = (svg: string) =>
    [
      ...svg.matchAll(
        /<text x="([\d.-]+)" y="([\d.-]+)" text-anchor="(\w+)"(?: class="([\w-]+)")?>([^<]*)</g,
      ),
    ].map(([, x, y, anchor, kind, said]) => ({ x: Number(x), y: Number(y), anchor, kind, said }));
  /** The height of the line beside a label, which stands a little lower. */
  const level = (svg: string, label: string) =>
    (texts(svg).find(({ said }) => said === label)?.y ?? Number.NaN) - 4;

  test('odds on a scale of logarithms, beside the lines of 1, 10, 100 and 1000 times', () => {
    const svg = drawn(
      { odds: { low: 1, high: 10 } },
      { odds: { low: 10, high: 100 } },
      { odds: { low: 100 } },
    );
    const [once, ten, hundred, most] = ['as often', '10x', '100x', '1000x'].map((label) => level(svg, label));
    expect([ten, hundred, most].every((at) => Number.isFinite(at))).toBe(true);
    expect((once ?? 0) - (ten ?? 0)).toBeCloseTo((ten ?? 0) - (hundred ?? 0), 0);
    expect((ten ?? 0) - (hundred ?? 0)).toBeCloseTo((hundred ?? 0) - (most ?? 0), 0);
    expect(ranges(svg).map(([, , low, high]) => [low, high])).toEqual([
      [once, ten],
      [ten, hundred],
      [hundred, most],
    ]);
    expect(svg.match(/class="even"/g)).toHaveLength(1);
    expect(svg).toMatch(new RegExp(`class="even" x1="92" x2="616" y1="${once}" y2="${once}"`));
  });

  test('at the edge where it lies beyond, and not at all where nothing is known', () => {
    const svg = drawn(
      { odds: { low: 0, high: 1e9 } },
      { odds: { low: 0 } },
      {},
      { odds: { low: 0, high: 10 } },
    );
    const found = ranges(svg);
    expect(found).toHaveLength(2);
    expect(found[0]?.[3]).toBe(level(svg, '1000x'));
    expect(found[0]?.[2]).toBe(found[1]?.[2]);
    expect(found[0]?.[2]).toBeGreaterThan(level(svg, 'as often'));
    expect(texts(svg).find(({ said }) => said?.startsWith('how many times'))).toMatchObject({
      kind: 'small',
      x: 92,
    });
  });

  test('evidence between nothing and its threshold, and no further than the plot', () => {
    const svg = drawn({ share: 0 }, { share: 0.5 }, { share: 1 }, { share: 99 }, { share: -99 });
    const [none, limit] = [level(svg, 'none'), level(svg, 'reverted')];
    const [zero, half, full, above, below] = way(svg).map(([, y]) => y ?? Number.NaN);
    expect([zero, full]).toEqual([none, limit]);
    expect(half).toBeCloseTo((none + limit) / 2, 0);
    expect((limit - (above ?? 0)) * 2).toBeCloseTo(none - limit, 0);
    expect((below ?? 0) - none).toBeCloseTo(none - limit, 0);
    expect(path(svg)).toMatch(/^M[\d.]+ [\d.]+( L[\d.]+ [\d.]+){4}$/);
    expect(numbers(svg, /class="dot" cx="([\d.]+)" cy="([\d.]+)"/g)).toEqual([way(svg).at(-1)]);
    expect(texts(svg).find(({ said }) => said === 'reverted')).toMatchObject({
      kind: 'limit-text',
      anchor: 'end',
    });
  });

  test('from the first verdict at the left to the newest at the right, evenly', () => {
    const odds = { low: 1, high: 10 };
    const svg = drawn({ odds }, { odds }, { odds });
    expect(way(svg).map(([x]) => x)).toEqual([100, 358, 616]);
    expect(ranges(svg).map(([from, to]) => [from, to])).toEqual([
      [100, 100],
      [358, 358],
      [616, 616],
    ]);
    expect(texts(svg).find(({ said }) => said === 'first verdict')).toMatchObject({ x: 100, kind: 'small' });
    expect(texts(svg).find(({ said }) => said === '2 min later')).toMatchObject({
      x: 616,
      anchor: 'end',
      kind: 'small',
    });
    expect(texts(drawn({ odds })).map(({ said }) => said)).toContain('first verdict');
    expect(drawn({ odds })).not.toContain('min later');
  });

  test('by the metric of this target alone', () => {
    const counts = { canary: { bad: 5, total: 7 } };
    const others = [
      finding(undefined, { ...counts, target: 'worker' }),
      finding(undefined, { ...counts, metric: 'http5xx' }),
    ];
    const svg = drawn({ others });
    expect(svg).toContain('canary 1 of 10 failed');
    expect(texts(svg)[0]).toEqual({ x: 16, y: 26, anchor: 'start', kind: 'title', said: 'api errors: pass' });
    expect(texts(svg)[1]).toMatchObject({ x: 16, y: 46, kind: undefined });
    expect(pictureOf([], subject)).toContain('api errors: not measured yet');
  });

  test('and everything within the paper, one thing below the other', () => {
    const svg = drawn({ odds: { low: 0, high: 1e9 }, share: 99 }, { odds: { low: 900 }, share: -99 });
    const [[width = 0, height = 0] = []] = numbers(svg, /viewBox="0 0 (\d+) (\d+)"/g);
    expect(numbers(svg, /class="paper" width="(\d+)" height="(\d+)"/g)).toEqual([[width, height]]);
    for (const [x = 0] of numbers(svg, /\b(?:x|x1|x2|cx)="([\d.-]+)"/g))
      expect(x >= 0 && x <= width).toBe(true);
    for (const [y = 0] of numbers(svg, /\b(?:y|y1|y2|cy)="([\d.-]+)"/g))
      expect(y >= 0 && y <= height).toBe(true);
    const bottom = (of: number[][], at: number) => Math.max(...of.map((each) => each[at] ?? 0));
    const caption = texts(svg).find(({ said }) => said?.startsWith('evidence against'));
    expect(caption).toMatchObject({ x: 92, kind: 'small' });
    expect(bottom(ranges(svg), 2)).toBeLessThan(caption?.y ?? 0);
    expect(level(svg, 'reverted')).toBeGreaterThan(caption?.y ?? 0);
    expect(texts(svg).at(-1)?.y).toBeGreaterThan(bottom(way(svg), 1));
    expect(svg.trim().endsWith('</svg>')).toBe(true);
    expect(svg.split('\n').length).toBeGreaterThan(30);
  });

  test('with an ampersand as a text', () => {
    expect(pictureOf([], { target: 'a&b', metric: 'errors' })).toContain('>a&amp;b errors');
  });
});
