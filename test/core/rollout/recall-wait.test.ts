import { describe, expect, test } from 'vitest';
import type { Verdict } from '../../../core/analysis/types.ts';
import { settledUntil } from '../../../core/analysis/windows.ts';
import type { Opening, RolloutEvent } from '../../../core/rollout/event.ts';
import { next } from '../../../core/rollout/next.ts';
import {
  canRecall,
  comparedSeconds,
  isDoubted,
  recallAhead,
  recallFor,
  waitFor,
  whyReturns,
} from '../../../core/rollout/recall.ts';
import { bakeOf } from '../../../core/rollout/timing.ts';
import {
  intended,
  inVerify,
  measured,
  minute,
  onFirstStep,
  onSecondStep,
  opened,
  plan,
  promotionOrdered,
  raised,
  stateAfter,
  TWO_TARGETS,
  target,
  verdict,
} from './given.ts';

const missing = { target: 'api', reason: 'traffic: 0 of about 100 requests' };
const ordered = (at: number, more: object = {}): RolloutEvent => ({
  ...{ type: 'RecallOrdered', at: minute(at), nth: 0, weight: 1, reason: missing.reason, remaining: 180 },
  ...{ waitsFor: 'api', ...more },
});
const seen = (newest: number, target = 'api', metric: 'traffic' | 'errors' = 'traffic') => ({
  ...{ target, metric, status: 'broken' as const, windows: 1, evidence: 0, reason: '' },
  ...{ canary: { bad: 0, total: 9 }, stable: { bad: 0, total: 90 }, newest },
});

describe('the wait for counts', () => {
  const wait = (history: RolloutEvent[], said: Partial<Verdict> = { missing }) =>
    waitFor(stateAfter(history), { ...verdict('broken', 1, 3), ...said }, minute(4));

  test('begins once if counts are missing, at a lower weight than the present one', () => {
    expect(wait(onFirstStep())).toMatchObject({ nth: 0, weight: 1, waitsFor: 'api', reason: missing.reason });
    expect(wait(onFirstStep(), {})).toBeUndefined();
    expect(wait([...onFirstStep(), ordered(3), ...raised(1, 2, 3.5)])).toBeUndefined();
  });

  test('does not begin at a step at which a person has ordered to go on', () => {
    expect(wait([...onFirstStep(), promotionOrdered(2)])).toBeUndefined();
    expect(wait([...onFirstStep(), promotionOrdered(2, { full: true })])).toBeUndefined();
    expect(wait([...onSecondStep()])).toBeDefined();
    const before = [...onFirstStep(), promotionOrdered(2), ...raised(50, 2, 4.2)];
    expect(wait(before)).toBeDefined();
  });

  test('does not begin of a release that cannot go back', () => {
    expect(wait(onFirstStep({ reversible: false }))).toBeUndefined();
    expect(wait(onFirstStep({ plan: plan({ recall: false }) }))).toBeUndefined();
  });
});

describe('a recall', () => {
  const stuck = target('worker', { stable: '4', canary: '4' });
  const rollsBack = { release: 'r8', rolloutId: 'checkout-api--r8--1', reason: 'odd', made: {} };
  test.each<[string, Partial<Opening>, boolean]>([
    ['can be made of a release that can go back', {}, true],
    ['not where the plan allows none', { plan: plan({ recall: false }) }, false],
    ['not of what is not reversible', { reversible: false }, false],
    ['not of a rollback', { rollsBack }, false],
    ['not of what raises nothing', { adopted: { reason: 'it was moved' } }, false],
    ['but of what was moved beside it', { adopted: { reason: 'it was moved', beside: [stuck] } }, true],
    ['not where one target has no other version', { targets: [target(), stuck] }, false],
  ])('%s', (_what, more, expected) => {
    expect(canRecall(stateAfter(onFirstStep(more)))).toBe(expected);
  });

  test('is for what was left of the bake, or for all of it between two weights', () => {
    const doubt = { reason: 'half failed' };
    const ordered = (history: RolloutEvent[], to: number, more: object = { doubt }) =>
      recallFor(stateAfter(history), { ...verdict('pass', 1, to), ...more }, minute(to + 1));
    const long = { plan: plan({ steps: [{ weight: 10, bakeSeconds: 600, maxBakeSeconds: 900 }] }) };
    expect(ordered(onFirstStep(long), 5)).toMatchObject({
      remaining: 360,
      weight: 10,
      reason: 'half failed',
    });
    expect(ordered(onFirstStep(long), 0).remaining).toBe(600);
    expect(ordered([opened(long), intended(10, 1, 0.5)], 2).remaining).toBe(600);
    const back: RolloutEvent = { type: 'RecallEnded', at: minute(6), reason: 'calm' };
    const recalled = ordered(onFirstStep(long), 5);
    const onItsWay = [...onFirstStep(long), recalled, ...raised(5, 2, 5.5), back];
    expect(ordered(onItsWay, 7).remaining).toBe(360);
    const verified = { plan: plan({ steps: [], verifySeconds: 600 }) };
    expect(ordered([opened(verified), intended(100, 1, 0.5)], 2).remaining).toBe(600);
    expect(ordered(onFirstStep(long), 5, {}).reason).toBe('');
  });
});

describe('a step after a wait', () => {
  const waited = (remaining: number) => [
    ...onFirstStep(),
    ordered(3, { remaining }),
    ...raised(1, 2, 3.5),
    { type: 'RecallEnded' as const, at: minute(9), reason: 'they came' },
    ...raised(10, 3, 9.5),
  ];

  test('is judged anew for what was left of its bake, also if its longest bake is shorter', () => {
    expect(bakeOf(stateAfter(waited(300)))).toMatchObject({ from: minute(10), to: minute(15) });
    const { to = 0, max = 0 } = bakeOf(stateAfter(waited(3_600))) ?? {};
    expect([to, max]).toEqual([minute(70), minute(70)]);
  });

  test('leaves nothing of it to the next step', () => {
    const raisedOn = [...waited(300), measured('pass', [10, 15]), ...raised(50, 4, 16.5)];
    expect(bakeOf(stateAfter(raisedOn))).toEqual(
      bakeOf(stateAfter([...onFirstStep(), measured('pass', [1, 3]), ...raised(50, 4, 16.5)])),
    );
  });
});

describe('a suspect canary', () => {
  const suspect = (minutes: number): RolloutEvent => measured('suspect', [1, minutes]);
  const back: RolloutEvent[] = [
    ...[...onFirstStep(), suspect(3), ordered(4), ...raised(1, 2, 4.5), suspect(16)],
    { type: 'RecallEnded', at: minute(17), reason: 'the missing counts did not come' },
  ];

  test('that comes back from a wait goes to its weight, where it is judged, and no further', () => {
    expect(next(stateAfter(back), minute(17.1))).toEqual({ kind: 'shift', target: 'api', weight: 10 });
    const there = [...back, ...raised(10, 3, 17.5)];
    expect(next(stateAfter(there), minute(17.6)).kind).toBe('hold');
  });
});

describe('a wait for counts ends', () => {
  const waiting = stateAfter(onFirstStep(), [ordered(4), ...raised(1, 2, 4.5)]);
  const needed = settledUntil(waiting, minute(4)) - 2 * 60_000;
  const ends = (to: number, findings: Verdict['findings'], more: Partial<Verdict> = {}, state = waiting) =>
    whyReturns(state, {
      ...verdict('broken', 1, to),
      ...{ from: bakeOf(state)?.from ?? 0, findings },
      ...more,
    });

  test('as soon as the canary was counted in the minutes that were missing when it began', () => {
    expect(ends(6, [seen(needed)])).toBe("the canary's requests are counted again");
    expect(ends(6, [seen(needed - 60_000)])).toBeUndefined();
    expect(ends(6, [seen(needed)], { missing })).toBeUndefined();
    expect(ends(6, [])).toBeUndefined();
  });

  test('by the counts of its own target and of its traffic alone', () => {
    expect(ends(6, [seen(needed, 'worker')])).toBeUndefined();
    expect(ends(6, [seen(needed, 'api', 'errors')])).toBeUndefined();
    expect(ends(6, [seen(needed, 'worker'), seen(needed - 60_000)])).toBeUndefined();
  });

  test('not before the minute in which it was ordered has been judged, as late as counts are known to come', () => {
    expect(ends(4, [seen(needed)])).toBeDefined();
    expect(ends(3.9, [seen(needed)])).toBeUndefined();
    const late = { ...waiting, lateness: { api: 3 } };
    expect(ends(6, [seen(needed)], {}, late)).toBeUndefined();
    expect(ends(7, [seen(needed)], {}, late)).toBeDefined();
  });

  test('after twelve minutes in any case', () => {
    expect(ends(15.9, [], { missing })).toBeUndefined();
    expect(ends(16, [], { missing })).toBe(
      'the missing counts did not come in 12 min, so that they are not late',
    );
  });

  test('by no verdict of another stretch, and by none if there is no recall or it does not stand yet', () => {
    expect(ends(6, [seen(needed)], { from: minute(1) })).toBeUndefined();
    const step = stateAfter(onFirstStep());
    expect(ends(6, [seen(needed)], { status: 'pass', certified: true }, step)).toBeUndefined();
    const moving = stateAfter(onFirstStep(), [ordered(4)]);
    expect(whyReturns(moving, { ...verdict('pass', 5, 20), certified: true })).toBeUndefined();
  });
});

describe('when a recall returns the canary and when a person is asked', () => {
  const recalled = stateAfter(onFirstStep(), [
    ordered(4, { nth: 1, weight: 5, waitsFor: undefined }),
    ...raised(5, 2, 4.5),
  ]);

  test('is known once every target stands at its weight, and later by what counts are known to be late', () => {
    const bake = bakeOf(recalled);
    const settle = recalled.opening.settleSeconds * 1000;
    expect(recallAhead(recalled)).toEqual({
      returns: (bake?.to ?? 0) + settle,
      asks: (bake?.max ?? 0) + settle,
    });
    expect(recallAhead({ ...recalled, lateness: { api: 3 } })).toEqual({
      returns: (bake?.to ?? 0) + settle + 3 * 60_000,
      asks: (bake?.max ?? 0) + settle,
    });
    expect(recallAhead(stateAfter(onFirstStep(), [ordered(4)]))).toBeUndefined();
    expect(recallAhead(stateAfter(onFirstStep()))).toBeUndefined();
  });
});

describe('the time of verify in which stable had traffic beside the canary', () => {
  const rollout = stateAfter(inVerify({ targets: TWO_TARGETS }));
  const seconds = (alone: [from: number, to?: number][], to: number, since = 10) =>
    comparedSeconds(
      {
        ...{ ...rollout, verifySince: minute(since) },
        alone: alone.map(([from, end]) => ({
          ...{ from: minute(from), ...(end === undefined ? {} : { to: minute(end) }) },
        })),
      },
      minute(to),
    );

  test('is verify without the stretches in which the canary served alone', () => {
    expect(seconds([], 20)).toBe(600);
    expect(seconds([[12, 15]], 20)).toBe(420);
    expect(seconds([[12, 15], [18]], 20)).toBe(300);
    expect(seconds([[8, 12]], 20)).toBe(480);
    expect(seconds([[15, 30]], 20)).toBe(300);
    expect(seconds([[5, 9]], 20)).toBe(600);
  });

  test('is none before verify', () => {
    expect(seconds([], 9)).toBe(0);
    expect(comparedSeconds({ ...rollout, verifySince: undefined }, minute(20))).toBe(0);
  });
});

test('a doubt keeps verify from its end unless a person has ordered to go past it', () => {
  const doubt = { ...verdict('pass', 9, 11), doubt: { reason: 'errors' } };
  const verifying = stateAfter(inVerify());
  expect(isDoubted(verifying, doubt)).toBe(true);
  expect(isDoubted(verifying, verdict('pass', 9, 11))).toBe(false);
  expect(isDoubted(stateAfter(onFirstStep()), doubt)).toBe(false);
  expect(isDoubted({ ...verifying, overruled: true }, doubt)).toBe(false);
  expect(isDoubted(stateAfter(inVerify(), [promotionOrdered(9)]), doubt)).toBe(false);
});
