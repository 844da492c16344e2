import { describe, expect, test } from 'vitest';
import { judge } from '../../../core/analysis/judge.ts';
import { SHOWN_MINUTES } from '../../../core/analysis/short-reading.ts';
import type { Verdict, Window } from '../../../core/analysis/types.ts';
import type { RolloutEvent } from '../../../core/rollout/event.ts';
import { trialOf } from '../../../core/rollout/trial.ts';
import { directiveAt, minute, onFirstStep, onSecondStep, stateAfter } from '../rollout/given.ts';
import { type Pair, window } from './given.ts';

const WATCH = { watch: [{ metric: 'errors' as const, ratio: 1.5 }] };

const judged = (history: RolloutEvent[], errors: Window[], at: number): Verdict =>
  judge(trialOf(stateAfter(history)), { series: { api: { errors } }, alarms: [] }, minute(at));
const reads = (history: RolloutEvent[], errors: Window[], at: number): RolloutEvent[] => [
  ...history,
  { type: 'Measured', at: minute(at), alarms: [], verdict: judged(history, errors, at) },
];
const every = (minutes: number[], canary: Pair, stable: Pair) =>
  minutes.map((at) => window(at, canary, stable));
const of = ({ findings }: Verdict, metric = 'errors') => findings.find((each) => each.metric === metric);

describe('a reading that shows less than an earlier one', () => {
  const usual = (to: number) =>
    every(
      Array.from({ length: to - 1 }, (_, nth) => nth + 1),
      [2, 200],
      [18, 1_800],
    );
  const seen = reads(onFirstStep(WATCH), usual(6), 7);
  /** Every other minute is missing, and in the others the failures of stable. */
  const short = (bad = 4) => every([1, 3, 5], [bad, 200], [0, 1_800]);

  test('blames nobody, and says why', () => {
    expect(of(judged(onFirstStep(WATCH), short(), 7))?.status).toBe('fail');
    const verdict = judged(seen, short(), 8);
    expect(verdict.status).toBe('broken');
    expect(of(verdict)).toMatchObject({
      status: 'broken',
      shown: {
        from: minute(1),
        to: minute(6),
        canary: { bad: 10, total: 1_000 },
        stable: { bad: 90, total: 9_000 },
      },
      reason:
        'errors: canary 12 of 600 failed, stable 0 of 5,400; an earlier reading had counted 10 of 1,000 and 90 of 9,000 where this one counts 12 of 600 and 0 of 5,400, so that it is read again',
    });
    expect(directiveAt(8, reads(seen, short(), 8))).toMatchObject({ kind: 'hold' });
  });

  test.each<[string, Pair, Pair, string]>([
    ['as much', [300, 1_000], [3, 9_000], 'fail'],
    ['fewer requests of the canary', [300, 999], [3, 9_000], 'broken'],
    ['fewer failures of stable', [300, 1_000], [2, 9_000], 'broken'],
    ['fewer requests of stable', [300, 1_000], [3, 8_999], 'broken'],
  ])('blames if it shows %s: %j beside %j', (_what, canary, stable, status) => {
    const before = reads(onFirstStep(WATCH), [window(5, [3, 1_000], [3, 9_000])], 7);
    expect(of(judged(before, [window(5, canary, stable)], 8))?.status).toBe(status);
  });

  test('blames a canary that is worse by the least of what both show, and is remembered', () => {
    const before = reads(onFirstStep(WATCH), [window(5, [301, 1_000], [30, 9_000])], 7);
    for (const stable of [
      [30, 9_000],
      [3, 9_000],
    ] satisfies Pair[])
      expect(of(judged(before, [window(5, [300, 1_000], stable)], 8))).toMatchObject({
        shown: { canary: { bad: 301 } },
        status: 'fail',
      });
    const many = reads(onFirstStep(WATCH), [window(5, [301, 1_000], [2_700, 9_000])], 7);
    expect(of(judged(many, [window(5, [300, 1_000], [3, 9_000])], 8))?.status).toBe('broken');
  });

  test('is held against an earlier one until that is too old', () => {
    const again = reads(seen, short(), 8);
    expect(of(judged(again, short(5), 6 + SHOWN_MINUTES + 1))?.status).toBe('broken');
    expect(of(judged(again, short(5), 6 + SHOWN_MINUTES + 2))?.status).toBe('fail');
  });

  test('counts at the next step too, as far as the canary is concerned', () => {
    const before = onSecondStep(WATCH);
    const step = reads(before.slice(0, -2), every([1, 2], [2, 200], [18, 1_800]), 4);
    const raised = [...step, ...before.slice(-2)];
    const lost = [window(1, [20, 200], [0, 1_800]), window(5, [20, 200], [0, 1_800])];
    expect(of(judged(raised, lost, 7))?.status).toBe('fail');
    expect(of(judged(raised, lost.slice(1), 7))?.status).toBe('broken');
  });

  test('changes nothing if it passes', () => {
    expect(of(judged(seen, every([1, 2, 3], [2, 200], [18, 1_800]), 8))).toMatchObject({
      shown: { canary: { bad: 10, total: 1_000 } },
      status: 'pass',
    });
    expect(of(judged(seen, usual(7), 8))?.shown).toBeUndefined();
  });
});

describe('a reading of how requests arrive', () => {
  test('that shows less of the canary than an earlier one is no evidence that it loses them', () => {
    const minutes = Array.from({ length: 60 }, (_, nth) => nth + 1);
    const whole = reads(onFirstStep(WATCH), every(minutes.slice(0, 58), [0, 200], [0, 1_800]), 60);
    const gone = every(minutes, [0, 40], [0, 1_800]);
    expect(of(judged(onFirstStep(WATCH), gone, 62), 'traffic')?.status).toBe('fail');
    expect(of(judged(whole, gone, 62), 'traffic')?.status).toBe('broken');
  });
});
