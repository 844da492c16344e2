import { describe, expect, test } from 'vitest';
import { judge } from '../../../core/analysis/judge.ts';
import { pictureOf, type Told } from '../../../core/analysis/picture.ts';
import type { Verdict } from '../../../core/analysis/types.ts';
import { minute, onFirstStep, stateAfter } from '../rollout/given.ts';

const rollout = stateAfter(onFirstStep({ watch: [{ metric: 'errors', ratio: 1.5 }] }));

/** Verdicts minute by minute, of a canary that fails so often of 200 requests each time. */
function told(bad: number, minutes: number): Told[] {
  const windows = Array.from({ length: minutes }, (_, index) => ({
    start: minute(index + 1),
    canary: { bad, total: 200 },
    stable: { bad: 2, total: 1_800 },
  }));
  return windows.map((_, index): Told => {
    const at = minute(index + 3);
    const series = { api: { errors: windows.slice(0, index + 1) } };
    return { at, verdict: judge(rollout, { series, alarms: [] }, at) };
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

  test('draws evidence at and above its threshold where the release is taken back, and below it before', () => {
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
