import { describe, expect, test } from 'vitest';
import { judge } from '../../../core/analysis/judge.ts';
import { seededRandom } from '../../../local/random.ts';
import {
  type AtSteps,
  byFormula,
  compared,
  decisions,
  formulaOf,
  inReach,
  lookOf,
  type Minute,
  openedAt,
} from '../../../simulation/weather/at-steps.ts';

const MINUTES = 30;
const RUNS = 15;

const calm: AtSteps = {
  ...{ requestsPerSecond: 10, stable: 0.001, ratio: 1.5, isAsync: false, minutes: MINUTES },
  moves: [{ minute: 0, weight: 5 }],
};

/** What each look finds where the canary fails `canary` of its requests, at the weights that `moves` set. */
function readingsOf({ requestsPerSecond, stable, moves }: AtSteps, canary: number, seed: number): Minute[][] {
  const random = seededRandom(seed);
  const all = Array.from({ length: MINUTES }, (_, nth): Minute => {
    const weight = (moves.findLast(({ minute }) => minute <= nth)?.weight ?? 0) / 100;
    const moved = moves.find(({ minute }) => minute > nth && minute < nth + 1);
    const later = (moved?.weight ?? weight * 100) / 100;
    const requests = random.poisson(requestsPerSecond * 60);
    const nc = random.binomial(requests, (weight + later) / 2);
    const ns = requests - nc;
    const counts = { c: random.binomial(nc, canary), nc, s: random.binomial(ns, stable), ns };
    const share = Math.max(later, nc / Math.max(1, requests));
    return { ...counts, weight: later, ...(moved === undefined ? {} : { share }) };
  });
  return all.map((_, nth) => all.slice(0, nth + 1));
}

const stepped: AtSteps = {
  ...calm,
  moves: [1, 5, 10, 25, 50].map((weight, nth) => ({ minute: nth === 0 ? 0 : 6 * nth + 0.5, weight })),
};

const cases: [string, AtSteps, number][] = [
  ['half of the requests fail', calm, 0.5],
  ['1 % fails', calm, 0.01],
  ['1 % fails, and 1x is the rule', { ...calm, ratio: 1 }, 0.01],
  ['a good canary', { ...calm, ratio: 1 }, 0.001],
  ['1 % fails at weights that rise', stepped, 0.01],
  ['5 % fails where events are retried', { ...calm, isAsync: true }, 0.05],
];

const everyRun = (given: AtSteps, canary: number) =>
  Array.from({ length: RUNS }, (_, nth) => readingsOf(given, canary, nth + 1));

describe('a canary at its steps, by whole decisions', () => {
  test.each(cases)(
    'is reverted in the same minute by looks in reach, each look and the formula: %s',
    (_, given, canary) => {
      const opened = openedAt(given);
      for (const readings of everyRun(given, canary)) {
        const { asked, each, formula } = compared(opened, readings);
        expect([asked, formula]).toEqual([each, each]);
      }
    },
  );

  test('is reverted if it fails half of its requests, and stays if it is good', () => {
    const opened = openedAt(calm);
    const looks = (canary: number) =>
      everyRun(calm, canary).map((readings) => lookOf(decisions(opened), readings));
    // Not in the first minute, in which environments are new.
    expect(new Set(looks(0.5))).toEqual(new Set([2]));
    expect(new Set(looks(0.001))).toEqual(new Set([undefined]));
    expect(new Set(looks(0.01)).size).toBeGreaterThan(3);
  });

  test('stakes on the comparison what a plan with steps does', () => {
    const formula = formulaOf(openedAt(calm));
    // 0.5 of 0.6 for errors beside the split of the traffic, and 0.6 of that for all minutes with a control.
    expect(Math.exp(formula.required)).toBeCloseTo((100 - 0.5) / 0.5, 9);
    // Three bakes of half an hour at the most, two minutes until the last is settled, and verify.
    expect(formula.question.planned).toBe(102);
  });

  test('shows a formula that would not revert where the decisions do', () => {
    const opened = openedAt(calm);
    const strict = { ...formulaOf(opened), required: Number.POSITIVE_INFINITY };
    const [readings = []] = everyRun(calm, 0.5);
    expect(compared(opened, readings, strict)).toEqual({ asked: undefined, each: 2, formula: undefined });
  });

  test('shows a formula with another stake, tolerance or number of minutes, and is not led by it', () => {
    const opened = openedAt(calm);
    const right = formulaOf(opened);
    const { question, required } = right;
    const wrong = {
      'the stake before there were parts': { ...right, required: required - Math.log(0.9 / 0.6) },
      tolerance: { ...right, question: { ...question, w0: 1 } },
      'bets from the first minute alone': { ...right, question: { ...question, head: 1 } },
      'no minute in which environments are new': { ...right, settling: () => undefined },
    };
    for (const formula of Object.values(wrong)) {
      const runs = everyRun(calm, 0.01).map((readings) => compared(opened, readings, formula));
      expect(runs.filter((run) => run.formula !== run.each)).not.toEqual([]);
      expect(runs.filter(({ asked, each }) => asked !== each)).toEqual([]);
    }
  });

  test('shows a judge that always reverts, and one that never does', () => {
    const opened = openedAt(calm);
    const [good = []] = everyRun(calm, 0.001);
    const [bad = []] = everyRun(calm, 0.5);
    const saying =
      (status: 'fail' | 'pass'): typeof judge =>
      (...given) => ({ ...judge(...given), status });
    expect(lookOf(decisions(opened, undefined, saying('fail')), good)).toBe(1);
    expect(lookOf(decisions(opened, undefined, saying('pass')), bad)).toBeUndefined();
    expect(lookOf(byFormula(formulaOf(opened)), bad)).toBe(2);
  });

  test('asks far fewer looks than there are', () => {
    const opened = openedAt(calm);
    const isAsked = inReach(formulaOf(opened));
    const asked = everyRun(calm, 0.001).flatMap((readings) => readings.filter(isAsked));
    expect(asked.length).toBeLessThan((RUNS * MINUTES) / 20);
    const [bad = []] = everyRun(calm, 0.5);
    expect(bad.filter(isAsked).length).toBeGreaterThan(MINUTES / 2);
  });
});
