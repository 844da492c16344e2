import { describe, expect, test } from 'vitest';
import {
  capitalOfStretches,
  comparedStretches,
  evidenceOfStretches,
  type GuiltQuestion,
  guiltOf,
  type Move,
  placeOf,
} from '../../../core/analysis/guilt.ts';
import type { Window } from '../../../core/analysis/types.ts';
import { seededRandom } from '../../../local/random.ts';
import { times } from '../../deep.ts';
import { minute } from '../rollout/given.ts';

const move = (at: number, weight: number, as: Move['as']): Move => ({ at: minute(at), weight, as });

/** Two steps, a holdout of 10 %, a recall from it and back, and the rest at 100 %. */
const MOVES = [
  move(0.5, 5, 'step'),
  move(5.5, 25, 'step'),
  move(10.5, 90, 'verify'),
  move(14.5, 25, 'recall'),
  move(18.5, 90, 'verify'),
  move(22.5, 100, 'verify'),
  move(24.5, 25, 'recall'),
  move(27.5, 100, 'verify'),
];
const AT_ONCE = [move(0.5, 100, 'verify'), move(4.5, 25, 'recall')];

const QUESTION: GuiltQuestion = {
  ...{ w0: 1.5, planned: 15, verifyMinutes: 10 },
  clustering: { burst: 1, isSticky: false },
};

const window = (at: number, [c, nc]: [number, number], [s, ns]: [number, number]): Window => ({
  start: minute(at),
  canary: { bad: c, total: nc },
  stable: { bad: s, total: ns },
});

const partsOf = (windows: Window[], moves: Move[], question = QUESTION) =>
  evidenceOfStretches(comparedStretches(windows, moves), question);

describe('a minute', () => {
  test.each<[string, number, ReturnType<typeof placeOf>]>([
    ['before the first raise has no control', -1, undefined],
    [
      'of the first raise has its weight at most',
      0,
      { movedTo: 5, isSincePromotion: false, isRecall: false },
    ],
    ['of a step', 3, { movedTo: undefined, isSincePromotion: false, isRecall: false }],
    ['of the promotion', 10, { movedTo: 90, isSincePromotion: false, isRecall: false }],
    ['of the holdout', 11, { movedTo: undefined, isSincePromotion: true, isRecall: false }],
    ['in which a recall begins', 14, { movedTo: 90, isSincePromotion: true, isRecall: false }],
    ['of a recall', 15, { movedTo: undefined, isSincePromotion: true, isRecall: true }],
    ['in which a recall ends', 18, { movedTo: 90, isSincePromotion: true, isRecall: false }],
    ['of the holdout after a recall', 19, { movedTo: undefined, isSincePromotion: true, isRecall: false }],
    ['in which 100 % began has no control', 22, undefined],
    ['at 100 % has no control', 23, undefined],
    ['in which 100 % ended has no control', 24, undefined],
    ['of a recall from 100 %', 25, { movedTo: undefined, isSincePromotion: true, isRecall: true }],
    ['in which the canary returns to 100 % has no control', 27, undefined],
  ])('%s', (_, at, place) => {
    expect(placeOf(minute(at), MOVES)).toEqual(place);
  });

  test('with several moves has the largest weight of all that stood in it', () => {
    const moves = [move(0, 90, 'verify'), move(5.1, 25, 'recall'), move(5.9, 75, 'recall')];
    expect(placeOf(minute(5), moves)?.movedTo).toBe(90);
    expect(placeOf(minute(5), [...moves, move(5.95, 100, 'verify')])).toBeUndefined();
  });

  test('that begins with a move has both weights, since the old one may still stand', () => {
    const moves = [move(0, 5, 'step'), move(5, 25, 'step')];
    expect(placeOf(minute(5), moves)?.movedTo).toBe(25);
    expect(placeOf(minute(4), moves)?.movedTo).toBeUndefined();
  });

  test('after a revert compares nothing', () => {
    expect(placeOf(minute(3), [move(0, 5, 'step'), move(1.5, 0, 'step')])).toBeUndefined();
  });
});

describe('guilt', () => {
  const bad = (at: number): Window => window(at, [15, 300], [1, 900]);
  const good = (at: number): Window => window(at, [1, 300], [3, 900]);

  test('is none without a minute that has a control', () => {
    expect(partsOf([], MOVES)).toEqual({ steps: 0, verify: 0, recall: 0 });
    expect(guiltOf(partsOf([], MOVES), false)).toBeCloseTo(0, 12);
    expect(guiltOf(partsOf([], AT_ONCE), true)).toBe(0);
  });

  test('of the steps bets nothing on verify and recalls', () => {
    const { steps, verify, recall } = partsOf([1, 2, 3, 4].map(bad), MOVES);
    expect(steps).toBeGreaterThan(10);
    expect([verify, recall]).toEqual([0, 0]);
  });

  test('that begins late is found by the start that begins with it', () => {
    const early = [1, 2, 3, 4, 6, 7, 8, 9, 11, 12, 13].map(good);
    const parts = partsOf([...early, ...[15, 16].map(bad)], MOVES);
    expect(parts.recall).toBeGreaterThan(20);
    expect(guiltOf(parts, false)).toBeGreaterThan(Math.log(100));
  });

  test('of a plan that shifts at once is that of its recalls alone', () => {
    const windows = [bad(0), bad(2), bad(4), bad(5), bad(6)];
    const parts = partsOf(windows, AT_ONCE);
    expect(parts.recall).toBeCloseTo(partsOf([bad(5), bad(6)], AT_ONCE).recall, 12);
    expect(guiltOf(parts, true)).toBe(parts.recall);
  });

  test('is not touched by what happens in a minute in which 100 % stood, however bad', () => {
    const calm = [1, 2, 3, 11, 12, 13].map(good);
    const storm = [22, 23, 24, 27, 28].map((at) => window(at, [5_000, 5_000], [0, 40]));
    expect(partsOf([...calm, ...storm], MOVES)).toEqual(partsOf(calm, MOVES));
  });

  test('is not made by a burst that falls into the larger part of a minute with a move', () => {
    // All of it fell into the part at 90 %, and both versions had half of the minute's requests.
    const burst = window(10, [810, 30_000], [90, 30_000]);
    expect(guiltOf(partsOf([burst], MOVES), false)).toBeLessThan(0);
  });

  test('of clustered failures is less, and of sticky clients the smaller of two', () => {
    const windows = [15, 16, 17].map(bad);
    const burst = partsOf(windows, MOVES, { ...QUESTION, clustering: { burst: 3, isSticky: false } });
    const sticky = partsOf(windows, MOVES, { ...QUESTION, clustering: { burst: 3, isSticky: true } });
    expect(burst.recall).toBeLessThan(partsOf(windows, MOVES).recall);
    expect(sticky.recall).toBeLessThan(burst.recall);
  });

  test.each([false, true])(
    'is the same if earlier minutes are kept as what their bets hold; sticky: %s',
    (isSticky) => {
      const question = { ...QUESTION, clustering: { burst: 3, isSticky } };
      const windows = [1, 2, 3, 6, 7, 11, 12, 15, 16, 19, 25, 26].map((at) =>
        at % 3 === 0 ? bad(at) : good(at),
      );
      const whole = partsOf(windows, MOVES, question);
      for (let folded = 0; folded <= windows.length; folded++) {
        const old = comparedStretches(windows.slice(0, folded), MOVES);
        const carried = JSON.parse(JSON.stringify(capitalOfStretches(old, question)));
        const since = comparedStretches(windows.slice(folded), MOVES);
        const parts = evidenceOfStretches(since, question, carried);
        for (const start of ['steps', 'verify', 'recall'] as const)
          expect(parts[start]).toBeCloseTo(whole[start], 9);
      }
    },
  );

  test('stakes no more than it has if verify takes a part of a minute', () => {
    const of = (verifyMinutes: number) =>
      partsOf([11, 12, 13, 15, 16].map(bad), MOVES, { ...QUESTION, verifyMinutes });
    expect(of(1.5)).toEqual(of(2));
  });

  test.each([0, 1])('has numbers for a verify of %i min', (verifyMinutes) => {
    const parts = partsOf([11, 12, 15, 16].map(bad), MOVES, { ...QUESTION, verifyMinutes });
    for (const part of Object.values(parts)) expect(Number.isFinite(part)).toBe(true);
  });
});

describe('a canary at the edge of what is tolerated', () => {
  test('has evidence of mean 1 at most, counted out over all ways in which failures can fall', () => {
    // Three of eight requests fail in each minute, and each way to deal them is as likely: w0 is 1.
    const ways = [0, 1, 2, 3].map((c) => ({ c, chance: ([4, 24, 24, 4][c] ?? 0) / 56 }));
    const minutes = [3, 12, 15];
    let mean = 0;
    for (const first of ways)
      for (const second of ways)
        for (const third of ways) {
          const dealt = [first, second, third].map(({ c }, nth) =>
            window(minutes[nth] ?? 0, [c, 4], [3 - c, 4]),
          );
          const chance = first.chance * second.chance * third.chance;
          mean += chance * Math.exp(guiltOf(partsOf(dealt, MOVES, { ...QUESTION, w0: 1 }), false));
        }
    expect(mean).toBeLessThanOrEqual(1 + 1e-9);
    // The bets are not idle: a bound on the mean that costs nothing would say nothing.
    expect(mean).toBeGreaterThan(0.5);
  });

  test.each([
    ['with steps', false],
    ['that shifts at once', true],
  ])(
    'is reverted in at most one rollout of a hundred of a plan %s, through outages that themselves cause the recalls',
    (_, isAtOnce) => {
      const random = seededRandom(430);
      const runs = times(150, 3_000);
      let [reverted, mean] = [0, 0];
      for (let run = 0; run < runs; run++) {
        const highest = highestEvidence(random, isAtOnce);
        if (highest.ever >= Math.log(100)) reverted++;
        mean += Math.exp(highest.last) / runs;
      }
      expect(reverted / runs).toBeLessThanOrEqual(0.01);
      expect(mean).toBeLessThan(1.2);
    },
  );
});

/** One rollout at exactly 1.5 times stable's odds; each outage after promotion recalls the canary for five minutes. */
function highestEvidence(random: ReturnType<typeof seededRandom>, isAtOnce: boolean) {
  const moves: Move[] = isAtOnce ? [move(0.5, 100, 'verify')] : MOVES.slice(0, 3);
  const windows: Window[] = [];
  let [outage, recalledAt, ever, last] = [0, -10, 0, 0];
  for (let at = 0; at < 30; at++) {
    outage = outage > 0 ? outage - 1 : random.next() < 0.1 ? 1 + random.int(4) : 0;
    const share = outage > 0 ? 0.3 : 0.01;
    const odds = (1.5 * share) / (1 - share);
    const weight = moves.findLast((each) => each.at < minute(at + 1))?.weight ?? 0;
    const nc = random.binomial(600, weight / 100);
    windows.push(
      window(at, [random.binomial(nc, odds / (1 + odds)), nc], [random.binomial(600 - nc, share), 600 - nc]),
    );
    const stood = isAtOnce ? 100 : 90;
    if (moves.at(-1)?.as === 'recall' && at - recalledAt > 5) moves.push(move(at + 1.5, stood, 'verify'));
    else if (outage > 0 && weight === stood) {
      moves.push(move(at + 1.5, 25, 'recall'));
      recalledAt = at;
    }
    last = guiltOf(partsOf(windows, moves), isAtOnce);
    ever = Math.max(ever, last);
  }
  return { ever, last };
}
