import { describe, expect, test } from 'vitest';
import {
  capitalOfRatio,
  combined,
  evidenceOfRatio,
  FAILURE_BETS,
  type Question,
} from '../../../core/analysis/evidence.ts';
import { partsOf, windowsIn } from '../../../core/analysis/parts.ts';
import type { PartName, Window } from '../../../core/analysis/types.ts';
import { comparedWindows } from '../../../core/analysis/windows.ts';
import type { Rollout } from '../../../core/rollout/state.ts';
import { seededRandom } from '../../../local/random.ts';
import { times } from '../../deep.ts';
import { minute, onFirstStep, plan, stateAfter } from '../rollout/given.ts';

/** One move of a target's traffic, and what the canary is there for at its weight. */
interface Move {
  at: number;
  weight: number;
  as: 'step' | 'verify' | 'recall';
}

const move = (at: number, weight: number, as: Move['as']): Move => ({ at: minute(at), weight, as });

/** The rollout that made these moves, which verifies for so many minutes. */
function rolloutOf(moves: readonly Move[], verifyMinutes = 10): Rollout {
  const state = stateAfter(onFirstStep());
  const stretches = (isIt: (move: Move) => boolean) =>
    moves.flatMap((each, nth) => (isIt(each) ? [{ from: each.at, to: moves[nth + 1]?.at }] : []));
  const isAtOnce = moves[0]?.weight === 100;
  const step = { weight: 5, bakeSeconds: 300, maxBakeSeconds: 840 };
  return {
    ...state,
    moves: moves.map(({ at }) => at),
    heights: moves.map(({ weight }, nth) => Math.max(weight, moves[nth - 1]?.weight ?? 0)),
    alone: stretches(({ weight }) => weight === 100),
    recalls: stretches(({ as }) => as === 'recall'),
    verifySince: moves.find(({ as }) => as === 'verify')?.at,
    opening: {
      ...state.opening,
      plan: plan({ steps: isAtOnce ? [] : [step], verifySeconds: verifyMinutes * 60 }),
    },
  };
}

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

/** Minutes that the steps take at their longest. */
const STEPS = 15;
const QUESTION = { w0: 1.5, clustering: { burst: 1, isSticky: false } };
type Asked = typeof QUESTION & { verifyMinutes?: number };

const window = (at: number, [c, nc]: [number, number], [s, ns]: [number, number]): Window => ({
  start: minute(at),
  canary: { bad: c, total: nc },
  stable: { bad: s, total: ns },
});

/** The windows of each part of the evidence, and how it is asked. */
function asked(windows: Window[], moves: Move[], { verifyMinutes, ...question }: Asked) {
  const rollout = rolloutOf(moves, verifyMinutes);
  const compared = comparedWindows(rollout, windows);
  return partsOf(rollout, STEPS).map((part) => ({
    part,
    windows: windowsIn(rollout, part, compared),
    question: {
      ...{ ...question, planned: part.planned, bets: part.bets ?? FAILURE_BETS, head: part.head },
    } satisfies Question,
  }));
}

type ByPart = Record<PartName, number>;

/** Log evidence of each part; 0 of one that the plan does not have. */
const evidenceIn = (windows: Window[], moves: Move[], question: Asked = QUESTION): ByPart => ({
  ...{ steps: 0, verify: 0, recall: 0 },
  ...Object.fromEntries(
    asked(windows, moves, question).map(({ part, windows, question }) => [
      part.name,
      evidenceOfRatio(windows, question),
    ]),
  ),
});

const guiltIn = (windows: Window[], moves: Move[], question: Asked = QUESTION): number =>
  combined(
    asked(windows, moves, question).map(({ part, windows, question }) => ({
      weight: part.stake,
      evidence: evidenceOfRatio(windows, question),
    })),
  );

describe('a minute', () => {
  /** What the parts rest on of one minute, and the share of the canary if traffic moved in it. */
  const placeOf = (at: number, moves: Move[]) => {
    const parts = asked([window(at, [1, 300], [1, 900])], moves, QUESTION);
    const found = parts.flatMap(({ part, windows }) => (windows.length === 0 ? [] : [part.name]));
    return [found.join(), parts[0]?.windows[0]?.share ?? parts[1]?.windows[0]?.share];
  };

  test.each<[string, number, string, number?]>([
    ['before the first raise has no control', -1, ''],
    ['of the first raise has its weight at most', 0, 'steps', 0.25],
    ['of a step', 3, 'steps'],
    ['of the promotion', 10, 'steps', 0.9],
    ['of the holdout', 11, 'steps,verify'],
    ['in which a recall begins', 14, 'steps,verify', 0.9],
    ['of a recall', 15, 'steps,verify,recall'],
    ['in which a recall ends', 18, 'steps,verify', 0.9],
    ['of the holdout after a recall', 19, 'steps,verify'],
    ['in which 100 % began has no control', 22, ''],
    ['at 100 % has no control', 23, ''],
    ['in which 100 % ended has no control', 24, ''],
    ['of a recall from 100 %', 25, 'steps,verify,recall'],
    ['in which the canary returns to 100 % has no control', 27, ''],
  ])('%s', (_, at, parts, share) => {
    expect(placeOf(at, MOVES)).toEqual([parts, share]);
  });

  test('with several moves has the largest weight of all that stood in it', () => {
    const moves = [move(0, 90, 'verify'), move(5.1, 25, 'recall'), move(5.9, 75, 'recall')];
    expect(placeOf(5, moves)).toEqual(['steps,verify', 0.9]);
    expect(placeOf(5, [...moves, move(5.95, 100, 'verify')])).toEqual(['', undefined]);
  });

  test('that begins with a move has both weights, since the old one may still stand', () => {
    const moves = [move(0, 5, 'step'), move(5, 75, 'step')];
    expect(placeOf(5, moves)).toEqual(['steps', 0.75]);
    expect(placeOf(4, moves)).toEqual(['steps', undefined]);
  });
});

describe('guilt', () => {
  const bad = (at: number): Window => window(at, [15, 300], [1, 900]);
  const good = (at: number): Window => window(at, [1, 300], [3, 900]);

  test('is none without a minute that has a control', () => {
    expect(evidenceIn([], MOVES)).toEqual({ steps: 0, verify: 0, recall: 0 });
    expect(guiltIn([], MOVES)).toBeCloseTo(0, 12);
    expect(guiltIn([], AT_ONCE)).toBe(0);
  });

  test('of the steps bets nothing on verify and recalls', () => {
    const { steps, verify, recall } = evidenceIn([1, 2, 3, 4].map(bad), MOVES);
    expect(steps).toBeGreaterThan(10);
    expect([verify, recall]).toEqual([0, 0]);
  });

  test('that begins late is found by the start that begins with it', () => {
    const early = [1, 2, 3, 4, 6, 7, 8, 9, 11, 12, 13].map(good);
    const windows = [...early, ...[15, 16].map(bad)];
    expect(evidenceIn(windows, MOVES).recall).toBeGreaterThan(20);
    expect(guiltIn(windows, MOVES)).toBeGreaterThan(Math.log(100));
  });

  test('of a plan that shifts at once is that of its recalls alone', () => {
    const windows = [bad(0), bad(2), bad(4), bad(5), bad(6)];
    const { recall } = evidenceIn(windows, AT_ONCE);
    expect(recall).toBeCloseTo(evidenceIn([bad(5), bad(6)], AT_ONCE).recall, 12);
    expect(guiltIn(windows, AT_ONCE)).toBe(recall);
  });

  test('is not touched by what happens in a minute in which 100 % stood, however bad', () => {
    const calm = [1, 2, 3, 11, 12, 13].map(good);
    const storm = [22, 23, 24, 27, 28].map((at) => window(at, [5_000, 5_000], [0, 40]));
    expect(evidenceIn([...calm, ...storm], MOVES)).toEqual(evidenceIn(calm, MOVES));
  });

  test('is not made by a burst that falls into the larger part of a minute with a move', () => {
    // All of it fell into the part at 90 %, and both versions had half of the minute's requests.
    const burst = window(10, [810, 30_000], [90, 30_000]);
    expect(guiltIn([burst], MOVES)).toBeLessThan(0);
  });

  test('of clustered failures is less, and of sticky clients the smaller of two', () => {
    const windows = [15, 16, 17].map(bad);
    const burst = evidenceIn(windows, MOVES, { ...QUESTION, clustering: { burst: 3, isSticky: false } });
    const sticky = evidenceIn(windows, MOVES, { ...QUESTION, clustering: { burst: 3, isSticky: true } });
    expect(burst.recall).toBeLessThan(evidenceIn(windows, MOVES).recall);
    expect(sticky.recall).toBeLessThan(burst.recall);
  });

  test.each([false, true])(
    'is the same if earlier minutes are kept as what their bets hold; sticky: %s',
    (isSticky) => {
      const question = { ...QUESTION, clustering: { burst: 3, isSticky } };
      const windows = [1, 2, 3, 6, 7, 11, 12, 15, 16, 19, 25, 26].map((at) =>
        at % 3 === 0 ? bad(at) : good(at),
      );
      for (let folded = 0; folded <= windows.length; folded++) {
        const all = asked(windows, MOVES, question);
        const old = asked(windows.slice(0, folded), MOVES, question);
        for (const [nth, whole] of all.entries()) {
          const before = old[nth] && capitalOfRatio(old[nth].windows, old[nth].question);
          const since = windows[folded]?.start ?? Number.POSITIVE_INFINITY;
          const newer = whole.windows.filter(({ start }) => start >= since);
          const carried = JSON.parse(JSON.stringify(before));
          expect(evidenceOfRatio(newer, whole.question, carried)).toBeCloseTo(
            evidenceOfRatio(whole.windows, whole.question),
            9,
          );
        }
      }
    },
  );

  test('stakes no more than it has if verify takes a part of a minute', () => {
    const of = (verifyMinutes: number) =>
      evidenceIn([11, 12, 13, 15, 16].map(bad), MOVES, { ...QUESTION, verifyMinutes });
    expect(of(1.5)).toEqual(of(2));
  });

  test.each([0, 1])('has numbers for a verify of %i min', (verifyMinutes) => {
    const parts = evidenceIn([11, 12, 15, 16].map(bad), MOVES, { ...QUESTION, verifyMinutes });
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
          mean += chance * Math.exp(guiltIn(dealt, MOVES, { ...QUESTION, w0: 1 }));
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
    last = guiltIn(windows, moves);
    ever = Math.max(ever, last);
  }
  return { ever, last };
}
