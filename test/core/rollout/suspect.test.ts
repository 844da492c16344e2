import { describe, expect, test } from 'vitest';
import type { VerdictStatus } from '../../../core/analysis/types.ts';
import type { Plan } from '../../../core/plan/plan.ts';
import { PLANS, SPILLWAY } from '../../../core/rollout/actor.ts';
import type { Opening, RolloutEvent } from '../../../core/rollout/event.ts';
import { next } from '../../../core/rollout/next.ts';
import { describe as storyOf } from '../../../core/rollout/story.ts';
import {
  actor,
  decided,
  given,
  inVerify,
  measured,
  minute,
  onFirstStep,
  opened,
  paused,
  plan,
  promotionOrdered,
  raised,
  record,
  resumed,
  revertOrdered,
  stateAfter,
  TWO_TARGETS,
} from './given.ts';

const kindAt = (minutes: number, ...history: (RolloutEvent | RolloutEvent[])[]) =>
  next(stateAfter(...history), minute(minutes)).kind;

const planned = (more: Partial<Plan>): Partial<Opening> => ({ plan: plan(more) });

const LOOKS_WORSE = 'the longest bake ended while the canary looked worse: it is suspect';
const RECOVERY =
  'it resumes by itself only after 2 min in which nothing looks worse and no evidence is left; otherwise order promote or abort';
const heldAt = (minutes: number) =>
  paused(minutes, { by: SPILLWAY, why: 'suspect', reason: `${LOOKS_WORSE}; ${RECOVERY}` });

/** A verdict with one finding on errors, and what speaks against the canary in it. */
const judged = (
  status: VerdictStatus,
  [from, to]: [number, number],
  { evidence = 0, doubt, total = 10 }: { evidence?: number; doubt?: number; total?: number },
) => {
  const event = measured(status, [from, to]);
  event.verdict.findings = [
    {
      ...{ target: 'api', metric: 'errors', status, evidence, windows: 1, reason: `it is ${status}` },
      ...{ canary: { bad: 1, total }, stable: { bad: 1, total: 90 } },
      ...(doubt === undefined ? {} : { doubt }),
    },
  ];
  return event;
};

describe('a canary that looks worse on a step', () => {
  test.each<[string, Partial<Plan>]>([
    ['a plan that pauses', {}],
    ['a plan that promotes without evidence', { onInconclusive: 'promote' }],
    ['a plan that leaves a step early', { promoteEarly: true }],
    [
      'a step that waits for a number of requests',
      { steps: [{ weight: 10, bakeSeconds: 120, maxBakeSeconds: 600, untilRequests: 5 }] },
    ],
  ])('is watched longer, then held and reported, by %s', (_, more) => {
    given(onFirstStep(planned(more)))
      .when(record('suspect', [1, 10.99]), 11.99)
      .then(measured('suspect', [1, 10.99]));
    given(onFirstStep(planned(more)))
      .when(record('suspect', [1, 11]), 12)
      .then(measured('suspect', [1, 11]), heldAt(12));
    expect(kindAt(4, onFirstStep(planned(more)), measured('suspect', [1, 3]))).toBe('hold');
    expect(kindAt(12, onFirstStep(planned(more)), measured('suspect', [1, 11]))).toBe('hold');
  });

  test('does not pass by being proven safe at the same time', () => {
    const early = onFirstStep(planned({ promoteEarly: true }));
    const both = measured('suspect', [1, 2]);
    both.verdict.certified = true;
    expect(kindAt(3, early, both)).toBe('hold');
  });

  test('is reverted if the plan says so, which does not blame the release', () => {
    given(onFirstStep(planned({ onSuspect: 'revert' })))
      .when(record('suspect', [1, 11]), 12)
      .then(
        measured('suspect', [1, 11]),
        revertOrdered(12, {
          cause: 'environment',
          reason: `${LOOKS_WORSE}; that is no proof, so the release is not quarantined`,
        }),
      );
  });

  test('goes on by itself once nothing has looked worse for as long as the step bakes, and not on the first pass', () => {
    const doubted = [...onFirstStep(), measured('suspect', [1, 3])];
    expect(kindAt(5, doubted, measured('pass', [1, 4]))).toBe('hold');
    expect(kindAt(6, doubted, measured('pass', [1, 4]), measured('pass', [1, 5]))).toBe('shift');
    const again = [measured('pass', [1, 4]), measured('suspect', [1, 5]), measured('pass', [1, 6])];
    expect(kindAt(7, doubted, again)).toBe('hold');
    const history = [onFirstStep(), measured('suspect', [1, 11]), heldAt(12)].flat();
    given(history)
      .when(record('pass', [1, 12]), 13)
      .then(measured('pass', [1, 12]));
    const better = decided(record('pass', [1, 12]), 13, history);
    given(better)
      .when(record('pass', [1, 13]), 14)
      .then(measured('pass', [1, 13]), resumed(14, SPILLWAY));
    expect(kindAt(14, decided(record('pass', [1, 13]), 14, better))).toBe('shift');
  });

  test.each([
    ['evidence', { evidence: 0.1 }, 'hold'],
    ['doubt', { doubt: 0.1 }, 'hold'],
    ['nothing', { evidence: 0, doubt: -1 }, 'shift'],
  ])('with %s left is treated so', (_, left, kind) => {
    const doubted = [...onFirstStep(), judged('suspect', [1, 3], { evidence: 3.1 })];
    const passes = [4, 5, 6, 7].map((to) => judged('pass', [1, to], left));
    expect(kindAt(8, doubted, passes)).toBe(kind);
  });

  test('has not recovered by a verdict that counts fewer of its requests than the one before', () => {
    const doubted = [...onFirstStep(), judged('suspect', [1, 3], { evidence: 3.1, total: 30 })];
    const passes = (...totals: number[]) =>
      totals.map((total, nth) => judged('pass', [1, 5 + nth], { total, evidence: total < 50 ? 0 : 0.1 }));
    expect(kindAt(7, doubted, passes(50, 40))).toBe('hold');
    expect(kindAt(7, doubted, passes(30, 40))).toBe('shift');
  });

  test('is judged by the evidence as a whole if its own was left out of a verdict', () => {
    const doubted = [...onFirstStep(), judged('suspect', [1, 3], { evidence: 3.1 })];
    const without = (evidence: number) =>
      [4, 5, 6].map((to) => {
        const event = measured('pass', [1, to]);
        event.verdict.evidence = evidence;
        return event;
      });
    expect(kindAt(7, doubted, without(0.5))).toBe('hold');
    expect(kindAt(7, doubted, without(-0.5))).toBe('shift');
  });

  test('that passes again when the longest bake ends is given the time in which it can recover', () => {
    const late = [...onFirstStep(planned({ onSuspect: 'revert' })), measured('suspect', [1, 10])];
    given(late)
      .when(record('pass', [1, 11]), 12)
      .then(measured('pass', [1, 11]));
    expect(kindAt(13, late, measured('pass', [1, 11]), measured('pass', [1, 12]))).toBe('shift');
    const never = [late, measured('pass', [1, 11])];
    expect(decided(record('suspect', [1, 12]), 13, ...never).at(-1)).toMatchObject({ type: 'RevertOrdered' });
  });

  test('says that it is held although the newest verdict is a pass', () => {
    const held = stateAfter(onFirstStep(), measured('suspect', [1, 3]), measured('pass', [1, 4]));
    expect(storyOf(measured('pass', [1, 4]), held)).toBe(
      'no worse any more, and held at its weight because it looked worse until 60 s before: it is pass',
    );
  });

  test.each(['inconclusive', 'broken'] as const)('has not recovered by a verdict %s', (status) => {
    const doubted = [...onFirstStep(planned({ onInconclusive: 'promote' })), measured('suspect', [1, 10])];
    expect(decided(record(status, [1, 11]), 12, doubted).at(-1)).toMatchObject({
      type: 'Paused',
      why: status === 'broken' ? 'broken' : 'suspect',
    });
    given(doubted, measured('suspect', [1, 11]), heldAt(12))
      .when(record(status, [1, 12]), 13)
      .then(measured(status, [1, 12]));
  });

  test('is not passed by a plan that had let it pass before it looked worse', () => {
    const gate = { before: 50, approvers: 1, by: [], timeoutSeconds: 600, onTimeout: 'promote' as const };
    const history = [
      ...onFirstStep({ ...planned({ onInconclusive: 'promote' }), gates: [gate] }),
      measured('inconclusive', [1, 11]),
      promotionOrdered(12, { by: PLANS }),
      { type: 'GateOpened' as const, at: minute(12), gate: 50, until: minute(22) },
    ];
    expect(kindAt(22.5, history, measured('inconclusive', [1, 21]))).toBe('shift');
    expect(kindAt(22.5, history, measured('suspect', [1, 21]))).toBe('hold');
    given(history)
      .when(record('suspect', [1, 12]), 13)
      .then(measured('suspect', [1, 12]), heldAt(13));
  });

  test('is not passed by the time-out of a gate', () => {
    const gate = { before: 50, approvers: 1, by: [], timeoutSeconds: 60, onTimeout: 'promote' as const };
    const history = [
      ...onFirstStep({ gates: [gate] }),
      measured('pass', [1, 3]),
      { type: 'GateOpened' as const, at: minute(4), gate: 50, until: minute(5) },
    ];
    expect(kindAt(5.5, history, measured('pass', [1, 4]))).toBe('shift');
    expect(kindAt(5.5, history, measured('suspect', [1, 4]))).toBe('hold');
  });

  test('goes on by the order of a person, and the outcome says why it is unproven', () => {
    const ordered = [...onFirstStep(), measured('suspect', [1, 3]), promotionOrdered(4)];
    expect(kindAt(4, ordered)).toBe('shift');
    expect(stateAfter(ordered, raised(50, 2, 4.2)).unproven).toContain(
      'at 10 % it looked worse: it is suspect',
    );
    given(ordered)
      .when(record('suspect', [1, 11]), 12)
      .then(measured('suspect', [1, 11]));
  });

  test('is not doubted any more in the outcome if it passed after the command and before the raise', () => {
    const ordered = [...onFirstStep(), measured('suspect', [1, 2]), promotionOrdered(3)];
    const unproven = stateAfter(
      ordered,
      [3, 4].map((to) => measured('pass', [1, to])),
      raised(50, 2, 5.2),
    ).unproven;
    expect(unproven).toEqual(['ada promoted it before its evidence was complete']);
  });
});

describe('a canary that looks worse while a raise stands half done', () => {
  const half = [opened({ targets: TWO_TARGETS }), ...raised(10, 1, 0.5)];

  test('is not raised on the other target, and held after an hour', () => {
    expect(kindAt(2.5, half, measured('inconclusive', [1, 1.5]))).toBe('shift');
    expect(kindAt(2.5, half, measured('suspect', [1, 1.5]))).toBe('hold');
    given(half)
      .when(record('suspect', [1, 60]), 61)
      .then(measured('suspect', [1, 60]));
    expect(decided(record('suspect', [1, 61]), 62, half).at(-1)).toMatchObject({
      type: 'Paused',
      why: 'suspect',
    });
  });

  test('goes on once it does not look worse any more, because a pass cannot be had there', () => {
    const recovered = [measured('suspect', [1, 1.5]), measured('inconclusive', [1, 2.5])];
    expect(kindAt(3.5, half, recovered)).toBe('shift');
  });
});

describe('a canary that looks worse at 100 %', () => {
  test('is not closed at the end of verify; an hour later it is held and reported', () => {
    expect(kindAt(12, inVerify(), measured('suspect', [9, 11]))).toBe('hold');
    given(inVerify())
      .when(record('suspect', [9, 70]), 71)
      .then(measured('suspect', [9, 70]));
    given(inVerify())
      .when(record('suspect', [9, 71]), 72)
      .then(measured('suspect', [9, 71]), heldAt(72));
  });

  test('is closed once it passes, and not by a verdict that says nothing', () => {
    const doubted = [...inVerify(), measured('suspect', [9, 11])];
    expect(kindAt(13, doubted, measured('pass', [9, 12]))).toBe('hold');
    expect(kindAt(14, doubted, measured('pass', [9, 12]), measured('pass', [9, 13]))).toBe('close');
    expect(kindAt(14, doubted, measured('inconclusive', [9, 13]))).toBe('hold');
  });

  test('has recovered if no more is left than at promotion, since the comparison with stable ended there', () => {
    const before = [...onFirstStep(), measured('pass', [1, 3]), ...raised(50, 2, 4.2)];
    const alone = [...before, judged('pass', [5, 7], { evidence: 1.5 }), ...raised(100, 3, 8.5)];
    const doubted = [...alone, judged('suspect', [9, 11], { evidence: 3.2 })];
    const passes = (evidence: number) => [12, 13].map((to) => judged('pass', [9, to], { evidence }));
    expect(kindAt(14, doubted, passes(1.6))).toBe('hold');
    expect(kindAt(14, doubted, passes(1.5))).toBe('close');
  });

  test('is not closed where the plan has no verify and something else was waited for', () => {
    const none = inVerify(planned({ verifySeconds: 0 }));
    expect(kindAt(11, none, measured('suspect', [9, 10]))).toBe('hold');
    expect(kindAt(11, none, measured('pass', [9, 10]))).toBe('close');
  });

  test('is not closed by a command that was given before it looked worse there', () => {
    const full = [
      ...onFirstStep(),
      promotionOrdered(0.7, { full: true }),
      ...raised(100, 2, 8.5),
      measured('suspect', [9, 11]),
    ];
    expect(kindAt(12, full)).toBe('hold');
  });

  test('is closed by the order of a person, at once where verify is over, and the outcome says why it is unproven', () => {
    const doubted = [...inVerify(), measured('suspect', [9, 11])];
    given(inVerify())
      .when({ type: 'Promote', by: actor('ada'), full: false }, 12)
      .thenRefused('CommandRefused', /serves 100 % already/);
    const ordered = decided({ type: 'Promote', by: actor('ada'), full: false }, 12, doubted);
    expect(kindAt(12, ordered)).toBe('close');
    expect(decided({ type: 'Close' }, 12, ordered).at(-1)).toMatchObject({
      outcome: 'completed',
      reason:
        'unproven: ada promoted it before its evidence was complete; at 100 % it looked worse: it is suspect',
    });
  });

  test('is reverted if the plan says so', () => {
    const events = decided(
      record('suspect', [9, 71]),
      72,
      inVerify(planned({ onSuspect: 'revert', onInconclusive: 'promote' })),
    );
    expect(events.at(-1)).toMatchObject({ type: 'RevertOrdered', cause: 'environment' });
  });
});

test('a rollback, which a person ordered, is completed whatever it looks like', () => {
  const back = {
    release: 'r9',
    rolloutId: 'checkout-api--r9--1',
    reason: 'ada rolled it back',
    made: {},
  };
  const history = [
    opened({ ...planned({ steps: [], verifySeconds: 0 }), rollsBack: back }),
    ...raised(100, 1, 0.5),
  ];
  expect(kindAt(3, history, measured('suspect', [1, 2]))).toBe('close');
});
