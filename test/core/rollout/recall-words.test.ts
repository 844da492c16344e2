import { expect, describe as group, test } from 'vitest';
import { SPILLWAY } from '../../../core/rollout/actor.ts';
import type { RolloutEvent } from '../../../core/rollout/event.ts';
import { outlineOf, outlineText, stateOf } from '../../../core/rollout/outline.ts';
import { describe } from '../../../core/rollout/story.ts';
import {
  intended,
  measured,
  minute,
  opened,
  plan,
  promoted,
  ROLLOUT_ID,
  raised,
  stateAfter,
} from './given.ts';

const HELD_OUT = plan({
  steps: [
    { weight: 25, bakeSeconds: 120, maxBakeSeconds: 600 },
    { weight: 90, bakeSeconds: 480, maxBakeSeconds: 480, isHoldout: true },
  ],
  verifySeconds: 120,
});
const REASON =
  'errors: 90 of 1,000 requests to both versions failed in 60 s, and up to 0.5 % is usual for api';
const recall = (nth: number, weight: number): RolloutEvent => ({
  ...{ type: 'RecallOrdered', at: minute(7), nth, weight, reason: REASON, remaining: 420 },
});
const doubt: RolloutEvent = {
  ...{ type: 'Paused', at: minute(40), by: SPILLWAY, until: minute(40 + 24 * 60), why: 'doubt' },
  reason: `a recall to 25 % gave no answer: ${REASON}`,
};
const inHoldout = [
  opened({ plan: HELD_OUT }),
  ...raised(25, 1, 0.5),
  measured('pass', [1, 3]),
  ...raised(90, 2, 4.5),
];
const inRecall = [...inHoldout, recall(1, 25), ...raised(25, 3, 7.5)];
const told = (...events: RolloutEvent[]) => describe(events.at(-1) as RolloutEvent, stateAfter(events));

group('the story of a verify', () => {
  test('says how much stays on stable, and for how long', () => {
    expect(told(...inHoldout)).toBe('api raised to 90 %; holdout: 10 % stay on stable for 8 min');
  });

  test('says why a canary is recalled, what it waits for and until when', () => {
    expect(told(...inHoldout, recall(1, 25))).toBe(
      `recall 1: ${REASON}; the canary goes back to 25 %, where stable beside it shows whether the release is to blame; it returns after 5 min in which nothing speaks against it, or sooner on proof, and without an answer in 30 min a person decides`,
    );
    expect(told(...inHoldout, recall(2, 75))).toContain('it returns after 10 min');
    expect(told(...inHoldout, recall(2, 90))).toContain('the canary stays at 90 %, where');
    expect(told(...inHoldout, recall(3, 25))).toMatch(/; it stays there until a person decides$/);
    expect(told(...inRecall)).toBe('api went back to 25 %');
  });

  test('says how long a canary waits for its counts', () => {
    const wait = { ...recall(0, 1), reason: 'api: 0 of about 300 requests are counted', waitsFor: 'api' };
    expect(told(...inHoldout, wait)).toBe(
      'api: 0 of about 300 requests are counted; the canary waits for them at 1 %, and continues once they arrive, or after 12 min without evidence against it',
    );
  });

  test('says why a recall ends and what follows', () => {
    const reason =
      '5 min beside stable at 25 % showed nothing against the canary, and the last minutes were as before';
    expect(told(...inRecall, { type: 'RecallEnded', at: minute(14), reason })).toBe(
      `the canary continues at 90 % and is judged anew for 7 min: ${reason}`,
    );
  });

  test('says of a pause in doubt which commands answer it', () => {
    expect(told(...inRecall, doubt)).toBe(
      `paused by spillway: a recall to 25 % gave no answer: ${REASON}; reverts in 24 h unless resumed; it resumes by itself if the comparison answers; \`spillway resume ${ROLLOUT_ID}\` compares it with stable at 25 % for up to 30 min more, \`spillway promote ${ROLLOUT_ID}\` continues in spite of it, unproven, and \`spillway abort ${ROLLOUT_ID}\` reverts and quarantines the release`,
    );
    const alone = { ...doubt, reason: REASON } as RolloutEvent;
    expect(told(...inHoldout, alone)).toContain(
      'in 24 h unless resumed; `spillway resume checkout-api--r8--1` watches it for up to 60 min more',
    );
    expect(told(...inHoldout, recall(3, 25), ...raised(25, 3, 7.5), doubt)).not.toContain('by itself');
  });
});

group('the state of a rollout', () => {
  const state = (...events: RolloutEvent[]) => stateOf(stateAfter(events));

  test('in a holdout says how much stays on stable until when', () => {
    expect(state(...inHoldout)).toMatch(
      /^holdout: 10 % stay on stable until \d\d:\d\d UTC; the first minute at this weight has not settled yet$/,
    );
  });

  test('in a recall says why, when it returns and when a person is asked', () => {
    expect(state(...inHoldout, recall(1, 25))).toBe(
      `recall 1 to 25 %: ${REASON}; the canary is on its way back`,
    );
    expect(state(...inRecall)).toMatch(
      /^recall 1 to 25 %: errors: 90 of 1,000 .*; returns at \d\d:\d\d UTC if nothing speaks against the canary, and a person is asked at \d\d:\d\d UTC$/,
    );
    expect(outlineText(outlineOf(stateAfter(inRecall)))).toContain('api at 25 %; recall 1 to 25 %');
  });

  test('in doubt says which commands answer it, whole', () => {
    const line = outlineText(outlineOf(stateAfter([...inRecall, doubt])));
    for (const command of ['resume', 'promote', 'abort'])
      expect(line).toContain(`spillway ${command} ${ROLLOUT_ID}`);
    expect(line).toMatch(/quarantines the release$/);
  });

  test('is not "just opened" again at each new weight', () => {
    expect(state(opened())).toBe('just opened');
    expect(state(opened(), intended(10, 1, 1))).toBe('the first minute at this weight has not settled yet');
    expect(state(...inHoldout, intended(100, 9, 13), promoted(9, 13))).toBe(
      'the first minute at this weight has not settled yet',
    );
  });
});

group('what an opening says', () => {
  const shown = (notices: string[], outlook: string[], isVerbose = false) => {
    const event = opened({ notices, outlook });
    return describe(event, stateAfter([event]), isVerbose)
      ?.split('\n')
      .slice(1);
  };

  test('is three lines at most: what is strange, what is found, what is not seen', () => {
    expect(shown(['a', 'b'], ['found', 'unseen', 'step 1', 'step 2'])).toEqual([
      'notice: a',
      'notice: found',
      'notice: unseen (3 more with --verbose)',
    ]);
    expect(shown([], ['found', 'unseen'])).toEqual(['notice: found', 'notice: unseen']);
    expect(shown(['a', 'b', 'c', 'd'], [])).toEqual([
      'notice: a',
      'notice: b',
      'notice: c (1 more with --verbose)',
    ]);
  });

  test('is everything if somebody asks for it', () => {
    expect(shown(['a', 'b'], ['found', 'unseen', 'step'], true)).toEqual(
      ['a', 'b', 'found', 'unseen', 'step'].map((line) => `notice: ${line}`),
    );
  });
});
