import { describe, expect, test } from 'vitest';
import {
  type GuardDecision,
  type GuardLook,
  guardDecision,
  type RecallStretch,
  type VerifyStretch,
} from '../../../core/rollout/guard.ts';

const HOLDOUT: VerifyStretch = { kind: 'holdout', weight: 90, minutes: 3, planned: 8 };
const REST: VerifyStretch = { kind: 'rest', weight: 100, minutes: 1, planned: 2 };
const full = (stretch: VerifyStretch): VerifyStretch => ({ ...stretch, minutes: stretch.planned });
const recall = (more: Partial<RecallStretch>): RecallStretch => ({
  ...{ kind: 'recall', nth: 1, minutes: 0, elapsed: 1, requests: 100, isCertified: false, isCalm: false },
  from: HOLDOUT,
  ...more,
});

const CALM: GuardLook = {
  ...{ stretch: HOLDOUT, isBroken: false, isGuilty: false, evidence: [0, -1], isDoubted: false },
  ...{ isSilent: false, isOutage: false, recalls: 0, canRecall: true, revertsHeld: false },
};
const SUSPECT = [Math.log(20)];

type Row = [string, Partial<GuardLook>, GuardDecision];

describe('a look after promotion', () => {
  test.each<Row>([
    ['nothing new is known', { isBroken: true, isGuilty: true, isDoubted: true }, { kind: 'broken' }],
    ['a control spoke', { isGuilty: true, isDoubted: true, isSilent: true }, { kind: 'fail' }],
    [
      'a control spoke in a recall',
      { stretch: recall({ isCertified: true }), isGuilty: true },
      { kind: 'fail' },
    ],
    ['a control spoke in the last recall', { stretch: recall({ nth: 3 }), isGuilty: true }, { kind: 'fail' }],
    ['it is in doubt', { isDoubted: true }, { kind: 'recall', nth: 1, weight: 25, pages: false }],
    [
      'it is in doubt and looks worse',
      { isDoubted: true, evidence: SUSPECT },
      { kind: 'recall', nth: 1, weight: 25, pages: false },
    ],
    [
      'it is in doubt at the end of verify',
      { stretch: full(REST), isDoubted: true },
      { kind: 'recall', nth: 1, weight: 25, pages: false },
    ],
    [
      'it is in doubt again',
      { isDoubted: true, recalls: 1 },
      { kind: 'recall', nth: 2, weight: 75, pages: true },
    ],
    [
      'it is in doubt a third time',
      { isDoubted: true, recalls: 2 },
      { kind: 'recall', nth: 3, weight: 25, pages: true },
    ],
    ['requests stopped', { isSilent: true }, { kind: 'recall', nth: 1, weight: 5, pages: false }],
    [
      'it is in doubt again at a holdout of 50 %',
      { stretch: { ...HOLDOUT, weight: 50 }, isDoubted: true, recalls: 1 },
      { kind: 'recall', nth: 2, weight: 50, pages: true },
    ],
    ['it looks worse', { evidence: [0, ...SUSPECT] }, { kind: 'prolong', pages: false }],
    [
      'it looks worse at the end',
      { stretch: full(REST), evidence: SUSPECT },
      { kind: 'prolong', pages: false },
    ],
    [
      'it looks worse an hour after the end',
      { stretch: { ...HOLDOUT, minutes: 68 }, evidence: SUSPECT },
      { kind: 'held', why: 'suspect' },
    ],
    [
      'it looks worse a minute before that',
      { stretch: { ...HOLDOUT, minutes: 67 }, evidence: SUSPECT },
      { kind: 'prolong', pages: false },
    ],
    [
      'it looks worse an hour after the end, and the file reverts',
      { stretch: { ...HOLDOUT, minutes: 68 }, evidence: SUSPECT, revertsHeld: true },
      { kind: 'revert', why: 'suspect' },
    ],
    [
      'its evidence is no number',
      { stretch: full(REST), evidence: [Number.NaN] },
      { kind: 'prolong', pages: false },
    ],
    ['the holdout is not full', {}, { kind: 'wait' }],
    ['the rest is not full', { stretch: REST }, { kind: 'wait' }],
    ['the holdout is full', { stretch: full(HOLDOUT) }, { kind: 'full' }],
    ['the rest is full', { stretch: full(REST) }, { kind: 'close' }],
    ['an outage is seen and nothing is in doubt', { isOutage: true }, { kind: 'wait' }],
  ])('if %s', (_, look, decision) => {
    expect(guardDecision({ ...CALM, ...look })).toEqual(decision);
  });
});

describe('a look in a recall', () => {
  const back: GuardDecision = { kind: 'return', to: 'holdout', weight: 90, minutes: 5 };
  test.each<[string, Partial<RecallStretch>, Partial<GuardLook>, GuardDecision]>([
    ['it is certified', { minutes: 2, isCertified: true }, {}, back],
    ['it is certified by one minute', { minutes: 1, isCertified: true }, {}, { kind: 'wait' }],
    [
      'it is certified and looks worse',
      { minutes: 2, isCertified: true },
      { evidence: SUSPECT },
      { kind: 'wait' },
    ],
    [
      'it is certified and requests stopped',
      { minutes: 2, isCertified: true },
      { isSilent: true },
      { kind: 'wait' },
    ],
    ['five minutes passed in calm', { minutes: 5, isCalm: true }, {}, back],
    ['four minutes passed in calm', { minutes: 4, isCalm: true }, {}, { kind: 'wait' }],
    ['five minutes passed and it is not calm yet', { minutes: 5 }, {}, { kind: 'wait' }],
    [
      'five minutes passed without a request',
      { minutes: 5, requests: 0, isCalm: true },
      {},
      { kind: 'wait' },
    ],
    [
      'five minutes passed in calm, the second time',
      { nth: 2, minutes: 5, isCalm: true },
      {},
      { kind: 'wait' },
    ],
    ['ten minutes passed in calm, the second time', { nth: 2, minutes: 10, isCalm: true }, {}, back],
    ['it is in doubt, as both versions are', { minutes: 3 }, { isDoubted: true }, { kind: 'wait' }],
    ['30 min passed', { minutes: 28, elapsed: 30 }, {}, { kind: 'held', why: 'recall' }],
    ['30 min passed without a settled minute', { elapsed: 30 }, {}, { kind: 'held', why: 'recall' }],
    [
      '30 min passed and the file reverts',
      { minutes: 28, elapsed: 30 },
      { revertsHeld: true },
      { kind: 'revert', why: 'recall' },
    ],
    ['30 min passed and it is certified', { minutes: 28, elapsed: 30, isCertified: true }, {}, back],
    ['it is the third', { nth: 3 }, {}, { kind: 'held', why: 'doubted' }],
    [
      'it is the third, calm and certified',
      { nth: 3, minutes: 12, isCertified: true, isCalm: true },
      {},
      { kind: 'held', why: 'doubted' },
    ],
    [
      'it is the third and the file reverts',
      { nth: 3 },
      { revertsHeld: true },
      { kind: 'revert', why: 'doubted' },
    ],
    ['nothing new is known', { elapsed: 30 }, { isBroken: true }, { kind: 'broken' }],
  ])('if %s', (_, stretch, look, decision) => {
    expect(guardDecision({ ...CALM, recalls: stretch.nth ?? 1, ...look, stretch: recall(stretch) })).toEqual(
      decision,
    );
  });

  test('leads back to where it came from, to be judged for three minutes at least', () => {
    const from = { ...REST, minutes: 2 };
    expect(guardDecision({ ...CALM, stretch: recall({ minutes: 2, isCertified: true, from }) })).toEqual({
      ...{ kind: 'return', to: 'rest', weight: 100, minutes: 3 },
    });
  });
});

describe('a look if no recall is possible', () => {
  const alone = { canRecall: false };
  test.each<Row>([
    ['it is in doubt', { isDoubted: true }, { kind: 'prolong', pages: true }],
    ['requests stopped', { isSilent: true }, { kind: 'prolong', pages: true }],
    ['it is in doubt at the end', { stretch: full(REST), isDoubted: true }, { kind: 'prolong', pages: true }],
    [
      'it is in doubt an hour after the end',
      { stretch: { ...REST, minutes: 62 }, isDoubted: true },
      { kind: 'held', why: 'uncontrolled' },
    ],
    [
      'six minutes were worse than any before',
      { isDoubted: true, isOutage: true },
      { kind: 'revert', why: 'outage' },
    ],
    ['a control spoke all the same', { isGuilty: true, isDoubted: true, isOutage: true }, { kind: 'fail' }],
    ['the rest is full', { stretch: full(REST) }, { kind: 'close' }],
  ])('and %s', (_, look, decision) => {
    expect(guardDecision({ ...CALM, ...alone, ...look })).toEqual(decision);
  });
});

describe('every look', () => {
  const flags = [
    'isBroken',
    'isGuilty',
    'isDoubted',
    'isSilent',
    'isOutage',
    'canRecall',
    'revertsHeld',
  ] as const;
  const stretches = [
    ...[HOLDOUT, REST, full(HOLDOUT), full(REST)],
    ...[1, 2, 3].flatMap((nth) =>
      [0, 2, 10, 40].flatMap((minutes) =>
        [true, false].map((isCertified) =>
          recall({ nth, minutes, elapsed: minutes, isCertified, isCalm: !isCertified }),
        ),
      ),
    ),
  ];
  const looks = stretches.flatMap((stretch) =>
    [CALM.evidence, SUSPECT].flatMap((evidence) =>
      Array.from({ length: 2 ** flags.length }, (_, bits): GuardLook => {
        const set = Object.fromEntries(flags.map((flag, nth) => [flag, ((bits >> nth) & 1) === 1]));
        return { ...CALM, ...set, stretch, evidence, recalls: stretch.kind === 'recall' ? stretch.nth : 0 };
      }),
    ),
  );
  const decided = looks.map((look) => ({ look, decision: guardDecision(look) }));

  test('blames the canary only if a control spoke', () => {
    for (const { look, decision } of decided) if (decision.kind === 'fail') expect(look.isGuilty).toBe(true);
    expect(decided.some(({ decision }) => decision.kind === 'fail')).toBe(true);
  });

  test('raises and closes nothing that is broken, guilty, suspect or silent', () => {
    const rising = decided.filter(({ decision: { kind } }) => ['return', 'full', 'close'].includes(kind));
    expect(rising.length).toBeGreaterThan(0);
    for (const { look } of rising) {
      expect(look.isBroken || look.isGuilty || look.isSilent).toBe(false);
      expect(look.evidence).toBe(CALM.evidence);
    }
  });

  test('ends verify only out of a stretch that is full and not in doubt', () => {
    for (const { look, decision } of decided)
      if (decision.kind === 'full' || decision.kind === 'close') {
        expect(look.isDoubted).toBe(false);
        expect([full(HOLDOUT), full(REST)]).toContainEqual(look.stretch);
      }
  });

  test('reverts without blame only if the file says so, or if no recall was possible', () => {
    const reverts = decided.filter(({ decision }) => decision.kind === 'revert');
    for (const { look } of reverts) expect(look.revertsHeld || !look.canRecall).toBe(true);
    expect(reverts.some(({ look }) => look.revertsHeld && look.canRecall)).toBe(true);
  });
});
