import { describe, expect, test } from 'vitest';
import type { Doubt, Finding, Verdict, VerdictStatus } from '../../../core/analysis/types.ts';
import { decide } from '../../../core/rollout/decide.ts';
import { hasCanaryTraffic } from '../../../core/rollout/due.ts';
import type { Opening, RolloutEvent } from '../../../core/rollout/event.ts';
import { next } from '../../../core/rollout/next.ts';
import { isVerifying, weightNow } from '../../../core/rollout/state.ts';
import { bakeOf } from '../../../core/rollout/timing.ts';
import {
  actor,
  measured,
  minute,
  onFirstStep,
  opened,
  plan,
  raised,
  stateAfter,
  TWO_TARGETS,
  target,
  verdict,
} from './given.ts';

const DOUBT: Doubt = { reason: 'errors: 90 of 1,000 requests of both versions' };

/** One step, eight minutes beside a holdout of 10 %, two minutes at 100 %. */
const HELD_OUT = plan({
  steps: [
    { weight: 25, bakeSeconds: 120, maxBakeSeconds: 600 },
    { weight: 90, bakeSeconds: 480, maxBakeSeconds: 480, isHoldout: true },
  ],
});
const AT_ONCE = plan({ steps: [], verifySeconds: 600 });

const inHoldout = (more: Partial<Opening> = {}): RolloutEvent[] => [
  opened({ plan: HELD_OUT, ...more }),
  ...raised(25, 1, 0.5),
  measured('pass', [1, 3]),
  ...raised(90, 2, 4.5),
];
const at100 = (more: Partial<Opening> = {}): RolloutEvent[] => [
  opened({ plan: AT_ONCE, ...more }),
  ...raised(100, 1, 0.5),
];

/** A tick in the stretch that is judged now, whose windows end at `to`. */
const look = (
  history: RolloutEvent[],
  to: number,
  said: Partial<Verdict> & { status?: VerdictStatus } = {},
): RolloutEvent[] => {
  const from = bakeOf(stateAfter(history))?.from ?? minute(0);
  const found = { ...verdict('inconclusive', 0, to), from, ...said };
  return [
    ...history,
    ...decide(stateAfter(history), { type: 'RecordMeasure', verdict: found, alarms: [] }, minute(to + 1)),
  ];
};
const doubted = (history: RolloutEvent[], to: number, doubt: Doubt = DOUBT) => look(history, to, { doubt });
const typesOf = (events: RolloutEvent[], many: number) => events.slice(-many).map(({ type }) => type);
const orderIn = (events: RolloutEvent[]) =>
  events.findLast(
    (event): event is Extract<RolloutEvent, { type: 'RecallOrdered' }> => event.type === 'RecallOrdered',
  );

/** Recalled from 90 % at minute 7, and standing at 25 % since 7.5. */
const recalled = (more: Partial<Opening> = {}): RolloutEvent[] => [
  ...doubted(inHoldout(more), 6),
  ...raised(25, 3, 7.5),
];

describe('doubt', () => {
  test('returns the canary to a quarter of the traffic, from the holdout as from 100 %', () => {
    for (const [history, seq] of [
      [inHoldout(), 3],
      [at100(), 2],
    ] as const) {
      const after = doubted(history, 6);
      expect(orderIn(after)).toMatchObject({ nth: 1, weight: 25, reason: DOUBT.reason });
      const state = stateAfter(after);
      expect(next(state, minute(7))).toEqual({ kind: 'shift', target: 'api', weight: 25 });
      const there = stateAfter(after, ...raised(25, seq, 7.5));
      expect(there.recall?.since).toBe(minute(7.5));
      expect(next(there, minute(7.6)).kind).toBe('hold');
      expect([hasCanaryTraffic(there), isVerifying(there), weightNow(there)]).toEqual([true, true, 25]);
    }
  });

  test('leads to 5 % if requests stopped, and is not asked before the holdout', () => {
    expect(orderIn(doubted(inHoldout(), 6, { ...DOUBT, isSilence: true }))?.weight).toBe(5);
    const onStep = [opened({ plan: HELD_OUT }), ...raised(25, 1, 0.5)];
    expect(orderIn(doubted(onStep, 2))).toBeUndefined();
  });

  test('holds verify open', () => {
    const off = inHoldout({ plan: { ...HELD_OUT, recall: false } });
    const after = look(off, 13, { status: 'inconclusive', doubt: DOUBT });
    expect(next(stateAfter(after), minute(14.1)).kind).toBe('hold');
    expect(next(stateAfter(look(off, 13)), minute(14.1))).toEqual({ kind: 'promote', target: 'api' });
  });

  test('is stronger than a pause of a person: it takes traffic away', () => {
    const paused: RolloutEvent = {
      ...{
        type: 'Paused',
        at: minute(5),
        by: actor('ada'),
        reason: 'lunch',
        until: minute(600),
        why: 'human',
      },
    };
    const after = doubted([...inHoldout(), paused], 6);
    expect(next(stateAfter(after), minute(7))).toEqual({ kind: 'shift', target: 'api', weight: 25 });
    const back = look([...after, ...raised(25, 3, 7.5)], 16, { status: 'pass', certified: true });
    expect(typesOf(back, 1)).toEqual(['Measured']);
  });

  test.each<[string, Partial<Opening>]>([
    ['the file says so', { plan: { ...HELD_OUT, recall: false } }],
    ['the release is not reversible', { reversible: false }],
  ])('recalls nothing if %s: verify is prolonged by an hour, then a person decides', (_, more) => {
    const early = doubted(inHoldout(more), 6);
    expect(typesOf(early, 1)).toEqual(['Measured']);
    const late = doubted(early, 13 + 60);
    expect(late.at(-1)).toMatchObject({ type: 'Paused', why: 'doubt' });
    const sure = look(early, 8, { doubt: { ...DOUBT, isSure: true } });
    const expected =
      more.reversible === false
        ? { type: 'Paused', why: 'irreversible' }
        : { type: 'RevertOrdered', cause: 'environment' };
    expect(sure.at(-1)).toMatchObject(expected);
  });

  test('that nothing could answer leaves the release unproven, and a recall is an answer', () => {
    const off = { plan: { ...HELD_OUT, recall: false as const } };
    expect(stateAfter(doubted(inHoldout(off), 6)).unanswered).toBe(DOUBT.reason);
    expect(stateAfter(doubted(inHoldout(), 6)).unanswered).toBeUndefined();
    expect(stateAfter(doubted(recalled(), 9)).unanswered).toBeUndefined();
  });

  test.each([
    [[], 'no share of the traffic went back to stable to find out why'],
    [[{ from: minute(7), to: minute(12) }], 'the recall before it did not show why'],
  ])('that nothing answered is named with what was tried: recalls %j', (recalls, tried) => {
    const state = { ...stateAfter(at100()), unanswered: DOUBT.reason, recalls };
    const [closed] = decide(state, { type: 'Close' }, minute(20));
    expect(closed).toMatchObject({ reason: expect.stringContaining(`${DOUBT.reason}; ${tried}`) });
  });

  test('recalls nothing to a stable version that does not exist any more', () => {
    const gone: RolloutEvent = { type: 'StableGone', at: minute(3), target: 'api' };
    expect(typesOf(doubted([...at100(), gone], 6), 1)).toEqual(['Measured']);
    const during = [...doubted(at100(), 6), ...raised(25, 2, 7.5)];
    const after = decide(stateAfter(during), { type: 'ReportGone', target: 'api' }, minute(7.9));
    expect(after.map(({ type }) => type)).toEqual(['StableGone', 'RecallEnded']);
    expect(next(stateAfter(during, after), minute(7.9))).toEqual({ kind: 'promote', target: 'api' });
  });
});

describe('an outage that stable has shown too', () => {
  const outage: Doubt = { reason: 'errors: 500 of 1,000 requests to both versions', isOutage: true };

  test('recalls nothing, and verify waits for its end', () => {
    const during = look(at100(), 12, { doubt: outage });
    expect(typesOf(during, 1)).toEqual(['Measured']);
    expect(next(stateAfter(during), minute(12.2)).kind).toBe('hold');
    const after = look(during, 13);
    expect(next(stateAfter(after), minute(13.2))).toEqual({ kind: 'close' });
    expect(stateAfter(after).unanswered).toBeUndefined();
  });

  test('asks a person if it does not end within an hour', () => {
    const late = look(at100(), 72, { doubt: outage });
    expect(late.at(-1)).toMatchObject({ type: 'Paused', why: 'doubt' });
  });

  test('holds a recall at its weight, unless that proves the canary safe', () => {
    expect(typesOf(look(recalled(), 13, { doubt: outage }), 1)).toEqual(['Measured']);
    expect(typesOf(look(recalled(), 13, { doubt: outage, certified: true }), 1)).toEqual(['RecallEnded']);
  });
});

describe('a recall', () => {
  const inIt = recalled();

  test('ends on proof that the canary is safe after two minutes, and never before', () => {
    expect(typesOf(look(inIt, 9, { status: 'pass', certified: true }), 1)).toEqual(['Measured']);
    const after = look(inIt, 10, { status: 'pass', certified: true });
    expect(after.at(-1)).toMatchObject({
      type: 'RecallEnded',
      reason: '2 min beside stable at 25 % proved the canary safe',
    });
    expect(next(stateAfter(after), minute(11.1))).toEqual({ kind: 'shift', target: 'api', weight: 90 });
  });

  test('ends on proof also while the weather goes on that both versions meet', () => {
    expect(typesOf(look(inIt, 10, { doubt: DOUBT, certified: true }), 1)).toEqual(['RecallEnded']);
  });

  test('ends without proof after five minutes in which nothing looks worse and the last ones are calm', () => {
    expect(typesOf(look(inIt, 12), 1)).toEqual(['Measured']);
    expect(typesOf(look(inIt, 13), 1)).toEqual(['RecallEnded']);
    expect(typesOf(look(inIt, 13, { doubt: DOUBT }), 1)).toEqual(['Measured']);
    expect(typesOf(look(inIt, 13, { status: 'suspect' }), 1)).toEqual(['Measured']);
    expect(typesOf(look(inIt, 13, { status: 'broken' }), 1)).toEqual(['Measured']);
  });

  test.each<[string, Partial<Verdict>, number]>([
    ['as calm', {}, 13],
    ['as proof', { status: 'pass', certified: true }, 10],
  ])('does not end %s while counts that are known to come late may still come', (_, said, due) => {
    const tick = (newest: number, to: number): RolloutEvent => ({
      ...measured('pass', [1, to]),
      verdict: {
        ...verdict('pass', 1, to),
        findings: [
          {
            ...{ target: 'api', metric: 'traffic', status: 'pass', windows: 1, evidence: 0, reason: '' },
            ...{ canary: { bad: 0, total: 9 }, stable: { bad: 0, total: 90 }, newest: minute(newest) },
          },
        ],
      },
    });
    // Minute 0 had settled for three minutes when it was still missing, and came with the next tick.
    const late = [
      ...[opened({ plan: HELD_OUT }), ...raised(25, 1, 0.5)],
      ...[tick(-1, 3), tick(0, 4), ...raised(90, 2, 4.5)],
    ];
    const there = [...doubted(late, 6), ...raised(25, 3, 7.5)];
    expect(stateAfter(there).lateness).toEqual({ api: 3 });
    expect(typesOf(look(there, due, said), 1)).toEqual(['Measured']);
    expect(typesOf(look(there, due + 2, said), 1)).toEqual(['Measured']);
    const after = look(there, due + 3, said);
    expect(typesOf(after, 1)).toEqual(['RecallEnded']);
    expect(after.at(-1)).toMatchObject({ reason: expect.stringMatching(/^[25] min beside stable at 25 %/) });
  });

  describe('that waits for counts', () => {
    const missing = { target: 'api', reason: 'traffic: 0 of about 100 requests' };
    const verdictOf = (event: RolloutEvent | undefined): Verdict => {
      if (event?.type !== 'Measured') throw new Error('Nothing was measured.');
      return event.verdict;
    };
    const tick = (
      to: number,
      newest: number | undefined,
      more: Partial<Verdict> = {},
      found: Partial<Finding> = {},
    ): RolloutEvent => ({
      ...measured('broken', [4, to]),
      verdict: {
        ...verdict('broken', 4, to),
        findings: [
          {
            ...{ target: 'api', metric: 'traffic', status: 'broken', windows: 1, evidence: 0, reason: '' },
            ...{ canary: { bad: 0, total: 9 }, stable: { bad: 0, total: 90 } },
            ...(newest === undefined ? {} : { newest: minute(newest) }),
            ...found,
          },
        ],
        ...more,
      },
    });
    const waiting = [...onFirstStep(), tick(3, undefined, { missing, from: minute(1) })];
    const ordered = decide(
      stateAfter(onFirstStep()),
      { type: 'RecordMeasure', verdict: verdictOf(waiting.at(-1)), alarms: [] },
      minute(3.2),
    );
    const stood = [...onFirstStep(), ...ordered, ...raised(1, 2, 3.5)];
    const ends = (given: RolloutEvent) =>
      decide(
        stateAfter(stood),
        { type: 'RecordMeasure', verdict: verdictOf(given), alarms: [] },
        minute(20),
      ).filter(({ type }) => type === 'RecallEnded');

    test('stands at 1 % until they are counted', () => {
      expect(ordered.at(-1)).toMatchObject({ type: 'RecallOrdered', nth: 0, weight: 1, waitsFor: 'api' });
      expect(ends(tick(6, 5))).toMatchObject([{ reason: "the canary's requests are counted again" }]);
    });

    test('stands while the few minutes that came show them missing still, or none came', () => {
      expect(ends(tick(6, 5, {}, { status: 'suspect' }))).toEqual([]);
      expect(ends(tick(6, 5, {}, { windows: 0 }))).toEqual([]);
    });

    test('is not ended by a verdict on nothing that was read, nor while they are missing', () => {
      expect(ends(tick(6, undefined))).toEqual([]);
      expect(ends(tick(6, 5, { missing }))).toEqual([]);
      expect(ends(tick(6, 5, { from: minute(1) }))).toEqual([]);
    });

    test('ends after twelve minutes: what did not come by then is not late', () => {
      expect(ends(tick(16, undefined, { missing }))).toMatchObject([
        { reason: 'the missing counts did not come in 12 min, so that they are not late' },
      ]);
    });
  });

  test('judges the canary again for what was left of the stretch, three minutes at least', () => {
    const back = [...look(inIt, 13), ...raised(90, 4, 14.5)];
    const bake = bakeOf(stateAfter(back));
    // Of the minutes from 5 to 13 one had settled.
    expect([bake?.from, bake?.to]).toEqual([minute(15), minute(15 + 7)]);
    const late = [...doubted(look(inHoldout(), 12), 12), ...raised(25, 3, 13.5)];
    const again = [...look(late, 19), ...raised(90, 4, 20.5)];
    expect(bakeOf(stateAfter(again))).toMatchObject({ from: minute(21), to: minute(24) });
  });

  test('ends in a revert with blame if the comparison fails the canary', () => {
    expect(look(inIt, 9, { status: 'fail' }).at(-1)).toMatchObject({
      type: 'RevertOrdered',
      cause: 'canary',
    });
  });

  test('without an answer in half an hour waits for a person, or reverts without blame if the file says so', () => {
    const waiting = look(inIt, 38, { doubt: DOUBT });
    expect(waiting.at(-1)).toMatchObject({ type: 'Paused', why: 'doubt' });
    expect(next(stateAfter(waiting), minute(39)).kind).toBe('hold');
    const reverting = recalled({ plan: { ...HELD_OUT, onInconclusive: 'revert' } });
    expect(look(reverting, 38, { doubt: DOUBT }).at(-1)).toMatchObject({
      type: 'RevertOrdered',
      cause: 'environment',
    });
  });

  test('that waits for a person goes on by itself once its answer comes, unless it is the last one', () => {
    const waiting = look(inIt, 38, { doubt: DOUBT });
    expect(typesOf(look(waiting, 39, { doubt: DOUBT }), 1)).toEqual(['Measured']);
    const after = look(waiting, 39);
    expect(typesOf(after, 2)).toEqual(['RecallEnded', 'Resumed']);
    expect(next(stateAfter(after), minute(40))).toEqual({ kind: 'shift', target: 'api', weight: 90 });
  });

  test('gives a suspect canary the same half hour, and then what the file declares for it', () => {
    const suspect = look(look(inIt, 10, { status: 'suspect' }), 38, { status: 'suspect' });
    expect(suspect.at(-1)).toMatchObject({ type: 'Paused', why: 'suspect' });
  });

  test('goes to three quarters the second time, for ten minutes, and the third one waits for a person', () => {
    const first = [...look(inIt, 13), ...raised(90, 4, 14.5)];
    const second = doubted(first, 16);
    expect(orderIn(second)).toMatchObject({ nth: 2, weight: 75 });
    const there = [...second, ...raised(75, 5, 17.5)];
    expect(typesOf(look(there, 23), 1)).toEqual(['Measured']);
    const back = [...look(there, 28), ...raised(90, 6, 29.5)];
    const third = doubted(back, 31);
    expect(typesOf(third, 2)).toEqual(['RecallOrdered', 'Paused']);
    expect(third.at(-2)).toMatchObject({ nth: 3, weight: 25 });
    expect(next(stateAfter(third), minute(32))).toEqual({ kind: 'shift', target: 'api', weight: 25 });
    const held = [...third, ...raised(25, 7, 32.5)];
    expect(typesOf(look(held, 45, { status: 'pass', certified: true }), 1)).toEqual(['Measured']);
  });

  test('that a person ends while traffic moves to its weight leaves no canary there', () => {
    const order: RolloutEvent = { type: 'PromotionOrdered', at: minute(7.4), by: actor('ada'), full: false };
    const fromAll = doubted(at100(), 6);
    const [intent, moved] = raised(25, 2, 7.3) as [RolloutEvent, RolloutEvent];
    const after = stateAfter([...fromAll, intent, order, moved]);
    expect([after.promotedAt, after.recall]).toEqual([undefined, undefined]);
    expect(next(after, minute(7.6))).toEqual({ kind: 'promote', target: 'api' });
    const gone = decide(stateAfter([...fromAll, intent]), { type: 'ReportGone', target: 'api' }, minute(7.4));
    expect(next(stateAfter([...fromAll, intent, ...gone, moved]), minute(7.6)).kind).toBe('promote');
    const [held, shifted] = raised(25, 3, 7.3) as [RolloutEvent, RolloutEvent];
    const beside = stateAfter([...doubted(inHoldout(), 6), held, order, shifted]);
    expect(beside.stepSince).toBeUndefined();
  });

  test('to the weight that the canary has needs no move', () => {
    const narrow = plan({
      steps: [
        { weight: 25, bakeSeconds: 120, maxBakeSeconds: 600 },
        { weight: 75, bakeSeconds: 480, maxBakeSeconds: 480, isHoldout: true },
      ],
    });
    const first: RolloutEvent[] = [
      ...[opened({ plan: narrow }), ...raised(25, 1, 0.5), measured('pass', [1, 3]), ...raised(75, 2, 4.5)],
    ];
    const back = [...look([...doubted(first, 6), ...raised(25, 3, 7.5)], 13), ...raised(75, 4, 14.5)];
    const second = doubted(back, 16);
    expect(stateAfter(second).recall).toMatchObject({ nth: 2, weight: 75, since: minute(17) });
    const after = look(second, 27);
    expect(typesOf(after, 1)).toEqual(['RecallEnded']);
    expect(stateAfter(after).recall).toBeUndefined();
    expect(stateAfter(after).stepSince).toBe(minute(28));
  });

  test('takes all targets back, and stands once the last one does', () => {
    const both: RolloutEvent[] = [
      opened({ plan: AT_ONCE, targets: TWO_TARGETS }),
      ...raised(100, 1, 0.5),
      ...raised(100, 2, 0.6, 'worker'),
    ];
    const half = [...doubted(both, 6), ...raised(25, 3, 7.5)];
    expect(stateAfter(half).recall?.since).toBeUndefined();
    expect(next(stateAfter(half), minute(7.6))).toEqual({ kind: 'shift', target: 'worker', weight: 25 });
    const all = [...half, ...raised(25, 4, 7.8, 'worker')];
    expect(stateAfter(all).recall?.since).toBe(minute(7.8));
    expect(stateAfter(all).alone).toEqual([{ from: minute(0.5), to: minute(7.8) }]);
  });

  test('is ended by a person who promotes, and by one who aborts', () => {
    const promoted = decide(
      stateAfter(inIt),
      { type: 'Promote', by: actor('ada'), full: false },
      minute(7.9),
    );
    expect(next(stateAfter(inIt, promoted), minute(7.9))).toEqual({ kind: 'promote', target: 'api' });
    const aborted = decide(stateAfter(inIt), { type: 'Abort', by: actor('ada'), reason: 'no' }, minute(9));
    expect(next(stateAfter(inIt, aborted), minute(9)).kind).toBe('revert');
  });

  test('does not come again at the step at which a person has ordered to go past it', () => {
    const held = [...doubted(at100(), 6), ...raised(25, 2, 7.5)];
    const order = decide(stateAfter(held), { type: 'Promote', by: actor('ada'), full: false }, minute(7.9));
    const back = [...held, ...order, ...raised(100, 3, 8)];
    expect(typesOf(doubted(back, 10), 1)).toEqual(['Measured']);
    expect(next(stateAfter(doubted(back, 19)), minute(20.1)).kind).toBe('close');
  });

  test('goes on where it was after a takeover', () => {
    const over = decide(stateAfter(inIt), { type: 'TakeOver', reason: 'it was stopped' }, minute(10));
    expect(stateAfter(inIt, over).recall).toEqual(stateAfter(inIt).recall);
  });

  test('is not made of a rollout that raises nothing', () => {
    const adopting = [
      opened({
        ...{ plan: plan({ steps: [] }), targets: [target('api', { stable: '7', canary: '8' })] },
        adopted: { reason: 'SAM moved it' },
      }),
    ];
    expect(orderIn(doubted(adopting, 3))).toBeUndefined();
  });
});

test('a gate that ran out pages a person if the release is not reversible', () => {
  const gate = { before: 50, approvers: 1, by: [], timeoutSeconds: 60, onTimeout: 'revert' as const };
  const waiting: RolloutEvent[] = [
    ...[opened({ reversible: false, gates: [gate] }), ...raised(10, 1, 0.5), measured('pass', [1, 3])],
    { type: 'GateOpened', at: minute(4.1), gate: 50, until: minute(5.1) },
  ];
  expect(typesOf(look(waiting, 3, { status: 'pass' }), 1)).toEqual(['Measured']);
  const late = look(waiting, 5, { status: 'pass' });
  expect(late.at(-1)).toMatchObject({
    type: 'Paused',
    why: 'irreversible',
    reason: expect.stringContaining('the gate before 50 % was not approved in time'),
  });
  expect(next(stateAfter(late), minute(6.1)).kind).toBe('hold');
});
