import { expect, test } from 'vitest';
import { statisticsOf } from '../../../core/analysis/statistics.ts';
import type { Finding, Verdict } from '../../../core/analysis/types.ts';

const finding = (more: Partial<Finding>): Finding => ({
  ...{ target: 'api', metric: 'errors', status: 'pass', windows: 3, evidence: Math.log(2.5), reason: '' },
  ...{ canary: { bad: 0, total: 0 }, stable: { bad: 0, total: 0 } },
  ...more,
});
const verdict = (findings: Finding[], more: Partial<Verdict> = {}): Verdict => ({
  ...{ status: 'pass', reason: '', from: 0, to: 0, findings },
  ...more,
});

test('the statistics are told by metric and then together', () => {
  const findings = [
    finding({ odds: { low: 0.5, high: 12.34 } }),
    finding({ metric: 'p95', odds: { low: 0 }, evidence: 40 }),
    finding({ metric: 'traffic', windows: 1_200 }),
  ];
  expect(statisticsOf(verdict(findings, { evidence: Math.log(7), limit: Math.log(100) }))).toEqual([
    'api errors: evidence 2.5, odds at least 0.5 and at most 12 times those of stable; 3 windows of this step',
    'api p95: evidence over 1,000,000, odds at least 0 times those of stable; 3 windows of this step',
    'api traffic: evidence 2.5; 1,200 windows of this step',
    'together: evidence 7, reverted at 100',
  ]);
});

test('a verdict of an older controller has no limit, and none is made up', () => {
  expect(statisticsOf(verdict([finding({})]))).toHaveLength(1);
});
