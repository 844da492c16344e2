import { describe, expect, test } from 'vitest';
import { arrivalFinding } from '../../../core/analysis/arrival.ts';
import { evidenceOfLoss, LOST, leastLossSeen, unseenLoss } from '../../../core/analysis/loss.ts';
import { believable } from '../../../core/analysis/settled.ts';
import type { Window } from '../../../core/analysis/types.ts';
import type { RolloutEvent } from '../../../core/rollout/event.ts';
import { trialOf } from '../../../core/rollout/trial.ts';
import { seededRandom } from '../../../local/random.ts';
import { times } from '../../deep.ts';
import { decided, inVerify, measured, minute, opened, plan, raised, stateAfter } from '../rollout/given.ts';

type Steps = [weight: number, minutes: number][];
const STEPS: [string, Steps][] = [
  [
    '5, 25 and 50 %',
    [
      [5, 10],
      [25, 10],
      [50, 10],
    ],
  ],
  ['one long step', [[10, 300]]],
  ['ten percent more every 2 min', Array.from({ length: 9 }, (_, at) => [10 * (at + 1), 2])],
];

/** Whether a canary is ever suspected of a loss by the minutes of a plan, of which each request is dealt and lost by chance. */
function isSuspected(steps: Steps, { seed, perMinute, loss }: Record<'seed' | 'perMinute' | 'loss', number>) {
  const random = seededRandom(seed);
  const splits: { nc: number; ns: number; w: number }[] = [];
  for (const [weight, minutes] of steps) {
    const split = { nc: 0, ns: 0, w: weight / 100 };
    splits.push(split);
    for (let at = 0; at < minutes; at++) {
      const all = random.poisson(perMinute);
      const dealt = random.binomial(all, split.w);
      split.nc += random.binomial(dealt, 1 - loss);
      split.ns += all - dealt;
      if (evidenceOfLoss(splits, 1) >= LOST) return true;
    }
  }
  return false;
}

const RUNS = times(300, 3_000);
const suspected = (steps: Steps, given: { perMinute: number; loss: number }, runs = RUNS) =>
  Array.from({ length: runs }, (_, seed) => isSuspected(steps, { ...given, seed })).filter(Boolean).length;

describe('a loss of requests that AWS counts nowhere', () => {
  test.each(STEPS)('is suspected of fewer than 1 %% of the canaries that lose none: %s', (_, steps) => {
    for (const perMinute of [3, 120, 12_000])
      expect(suspected(steps, { perMinute, loss: 0 }), `${perMinute} a minute`).toBeLessThan(
        Math.max(2, RUNS / 100),
      );
  });

  test('of 8 % at 20 requests a second is suspected by all steps together, also if no single step shows it', () => {
    const steps: Steps = [
      [5, 10],
      [25, 10],
      [50, 10],
    ];
    const runs = 100;
    const together = suspected(steps, { perMinute: 1_200, loss: 0.08 }, runs);
    const apart = steps.map((step) => suspected([step], { perMinute: 1_200, loss: 0.08 }, runs));
    expect(together).toBeGreaterThan(0.95 * runs);
    expect(together).toBeGreaterThan(Math.max(...apart));
  });

  test('is said to be visible if counts show it with a chance of about 80 %', () => {
    const steps: Steps = [
      [5, 10],
      [25, 10],
      [50, 10],
    ];
    const splits = steps.map(([weight, minutes]) => ({
      w: weight / 100,
      nc: (1_200 * minutes * weight) / 100,
      ns: (1_200 * minutes * (100 - weight)) / 100,
    }));
    const least = leastLossSeen(splits, 1) ?? 1;
    const shown = suspected(steps, { perMinute: 1_200, loss: least }, RUNS) / RUNS;
    expect(shown).toBeGreaterThan(0.72);
    expect(shown).toBeLessThan(0.92);
    expect(unseenLoss(least)).toMatch(
      /^uncounted losses below [67] % of the canary's requests are not visible$/,
    );
  });

  test('is not visible at all in counts that are too few, and needs more of them if events are tried again', () => {
    const few = [{ w: 0.1, nc: 1, ns: 9 }];
    expect(leastLossSeen(few, 1)).toBeNull();
    expect(leastLossSeen([], 1)).toBeNull();
    expect(unseenLoss(null)).toBe("uncounted losses of the canary's requests are not visible, however large");
    const many = [{ w: 0.1, nc: 1_000, ns: 9_000 }];
    expect(leastLossSeen(many, 3)).toBeGreaterThan(leastLossSeen(many, 1) ?? 1);
  });
});

describe('what the steps before lost', () => {
  const steps = [10, 50].map((weight) => ({ weight, bakeSeconds: 600, maxBakeSeconds: 1_200 }));
  const history: RolloutEvent[] = [
    opened({ plan: plan({ steps }) }),
    ...raised(10, 1, 0.5),
    measured('pass', [1, 11]),
    ...raised(50, 2, 12.3),
  ];
  /** Ten minutes at each weight, at which the canary loses these shares. */
  const windows = (before: number, now: number): Window[] =>
    [
      ...Array.from({ length: 10 }, (_, at) => ({ at: 1 + at, nc: 100 * (1 - before), ns: 900 })),
      ...Array.from({ length: 8 }, (_, at) => ({ at: 13 + at, nc: 100 * (1 - now), ns: 100 })),
    ].map(({ at, nc, ns }) => ({
      start: minute(at),
      canary: { bad: 0, total: Math.round(nc) },
      stable: { bad: 0, total: ns },
    }));
  const found = (read: Window[]) =>
    arrivalFinding(
      trialOf(stateAfter(history)),
      'api',
      {
        believed: believable(read),
        step: { from: minute(13), until: minute(21), to: minute(21) },
        isRead: false,
      },
      '',
    ).finding;

  test('is added to what the present one loses', () => {
    expect(found(windows(0, 0)).status).toBe('pass');
    expect(found(windows(0, 0.12)).status).toBe('pass');
    expect(found(windows(0.12, 0)).status).toBe('pass');
    const both = found(windows(0.12, 0.12));
    expect(both).toMatchObject({
      status: 'suspect',
      needed: expect.stringContaining('were counted nowhere'),
    });
    expect(both.needed).toMatch(/^about 192 of 1,600 requests that were due/);
  });

  test('is not compared in the minutes in which traffic moved', () => {
    const moving = { start: minute(12), canary: { bad: 0, total: 0 }, stable: { bad: 0, total: 5_000 } };
    const read = [...windows(0, 0), moving].sort((a, b) => a.start - b.start);
    expect(found(read).status).toBe('pass');
  });
});

test('a proven outcome names the loss that its steps could not show', () => {
  const pass = measured('pass', [5, 7]);
  pass.verdict.findings = [
    {
      ...{ target: 'api', metric: 'traffic', status: 'pass', windows: 2, evidence: 0, reason: 'fine' },
      ...{ canary: { bad: 0, total: 100 }, stable: { bad: 0, total: 100 }, lossSeen: 0.283 },
    },
  ];
  const history = [...inVerify().slice(0, -raised(100, 1, 8).length), pass];
  const promoted = [...history, ...raised(100, 3, 8.5), measured('pass', [9, 11])];
  expect(stateAfter(promoted).lossSeen).toEqual({ api: 0.283 });
  expect(decided({ type: 'Close' }, 12, promoted).at(-1)).toMatchObject({
    outcome: 'completed',
    reason: expect.stringMatching(
      /^proven: .*; api: uncounted losses below 29 % of the canary's requests are not visible$/,
    ),
  });
});
