import { describe, expect, test } from 'vitest';
import type { Observed } from '../../../core/ports.ts';
import type { RolloutEvent } from '../../../core/rollout/event.ts';
import { isOldNews, isWorthAnotherLook, reconcile } from '../../../core/rollout/reconcile.ts';
import { targetNamed } from '../../../core/rollout/state.ts';
import {
  aborted,
  closed,
  given,
  intended,
  inVerify,
  minute,
  onFirstStep,
  onSecondStep,
  opened,
  promoted,
  reverted,
  shifted,
  stateAfter,
  TWO_TARGETS,
  target,
  token,
  tookOver,
} from './given.ts';

const serving = (weight: number, seq: number, more: Partial<Observed> = {}): Observed => ({
  primary: weight === 100 ? '8' : '7',
  weights: weight === 0 || weight === 100 ? {} : { 8: weight },
  token: token(seq),
  ...more,
});
const found = (seen: Observed, ...history: RolloutEvent[]) =>
  reconcile(stateAfter(...history), target(), seen, minute(6));
const stranger = (what: string): RolloutEvent => ({
  type: 'DriftDetected',
  at: minute(6),
  target: 'api',
  found: `alias live of checkout-prod-api ${what}`,
});
const gone = (reason: string, outcome: 'reverted' | 'refused' = 'reverted'): RolloutEvent => ({
  type: 'RevertOrdered',
  at: minute(6),
  cause: 'drift',
  reason,
  outcome,
});

test('a target that is gone is drift, whatever is known of it', () => {
  const nobody: Observed = { primary: 'none', weights: {}, token: undefined };
  for (const history of [[opened()], onFirstStep(), inVerify()])
    expect(found(nobody, ...history)).toEqual([stranger('is gone')]);
  expect(isWorthAnotherLook(stateAfter(onFirstStep()), target(), nobody, minute(6))).toBe(true);
});

const unheard = (outcome: 'reverted' | 'refused') => ({
  ...gone('api was reverted without the journal', outcome),
  cause: 'environment',
});

describe('what the journal knows', () => {
  test.each([
    ['before the first raise', serving(0, 0), [opened()]],
    ['on the first step', serving(10, 1), onFirstStep()],
    ['on the second step', serving(50, 2), onSecondStep()],
    ['at 100 %', serving(100, 3), inVerify()],
    ['while an announced raise has not been written', serving(10, 1), [...onFirstStep(), intended(50, 2, 5)]],
    ['after a takeover', serving(10, 1), [...onFirstStep(), tookOver(2, 5)]],
  ])('explains the target %s', (_, seen, history) => {
    expect(found(seen, ...history)).toEqual([]);
  });
});

describe('a raise that was announced and not confirmed', () => {
  test('is written down when its token stands on the target', () => {
    expect(found(serving(10, 1), opened(), intended(10, 1, 0.5))).toEqual([shifted(10, 1, 6)]);
    expect(found(serving(100, 3), ...onSecondStep(), intended(100, 3, 5))).toEqual([promoted(3, 6)]);
  });

  test('is found by its token among several', () => {
    const tries = [intended(10, 1, 0.5), intended(10, 2, 0.6), intended(10, 3, 0.7)];
    expect(found(serving(10, 2), opened(), ...tries)).toEqual([shifted(10, 2, 6)]);
  });

  test('is found after a takeover by the epoch it was announced in', () => {
    const history = [opened(), intended(10, 1, 0.5), tookOver(2, 5)];
    expect(found(serving(10, 1), ...history)).toEqual([shifted(10, 1, 6)]);
    expect(found(serving(10, 1, { token: token(1, 2) }), ...history)).toHaveLength(1);
    expect(found(serving(10, 1, { token: token(1, 2) }), ...history)[0]).toMatchObject({
      type: 'DriftDetected',
    });
  });

  test('of another target explains nothing', () => {
    const history = [opened({ targets: TWO_TARGETS }), intended(10, 1, 0.5, 'worker')];
    expect(found(serving(10, 1), ...history)[0]).toMatchObject({ type: 'DriftDetected' });
  });
});

describe('a closed token of this rollout', () => {
  test('means that the revert path took the canary out when it could not reach the journal, and that nobody meddled', () => {
    const seen = serving(0, 2, { token: token(2, 1, false) });
    expect(found(seen, ...onFirstStep())).toEqual([unheard('reverted')]);
    expect(found(seen, opened())).toEqual([unheard('refused')]);
  });

  test('that a person signed is that person’s abort', () => {
    const seen = serving(0, 2, { token: { ...token(2, 1, false), by: 'ada' } });
    const order = { ...gone('ada aborted without the journal'), cause: 'human', signedBy: 'ada' };
    expect(found(seen, ...onFirstStep())).toEqual([order]);
  });

  test('with a canary share that was added again is left for good too', () => {
    const seen = serving(10, 2, { token: token(2, 1, false) });
    expect(found(seen, ...onFirstStep())).toEqual([unheard('reverted')]);
  });

  test.each([
    ['in a step', onFirstStep()],
    ['in verify', inVerify()],
  ])(
    'round a version of somebody else is a stranger %s, and a person’s abort if one signed it',
    (_, history) => {
      const seen = { primary: '9', token: token(4, 1, false) };
      expect(found(serving(0, 4, seen), ...history)).toEqual([
        stranger('serves version 9, which this rollout did not write'),
      ]);
      const signed = { ...seen, token: { ...seen.token, by: 'ada' } };
      expect(found(serving(0, 4, signed), ...history)).toMatchObject([
        { type: 'RevertOrdered', cause: 'human' },
      ]);
    },
  );

  test('on a promoted canary is the seal of a close that was interrupted: another target must not be reverted', () => {
    const sealed = serving(100, 4, { token: token(4, 1, false) });
    expect(found(sealed, ...inVerify())).toEqual([]);
  });

  test('on a promoted canary that shares its traffic with another version is a stranger', () => {
    const shared = serving(100, 4, { token: token(4, 1, false), weights: { '99': 20 } });
    expect(found(shared, ...inVerify())).toMatchObject([{ type: 'DriftDetected', target: 'api' }]);
  });
});

describe('a canary share', () => {
  test('that is less than what was confirmed was taken by somebody, and the rest leaves', () => {
    expect(found(serving(0, 1), ...onFirstStep())).toEqual([
      gone('somebody took the canary of api from 10 % to 0 %'),
    ]);
    expect(found(serving(20, 2), ...onSecondStep())).toEqual([
      gone('somebody took the canary of api from 50 % to 20 %'),
    ]);
    expect(found(serving(0, 3), ...inVerify())).toEqual([
      gone('somebody took the canary of api from 100 % to 0 %'),
    ]);
  });

  test('that is more than what was confirmed is a stranger', () => {
    expect(found(serving(20, 1), ...onFirstStep())).toEqual([
      stranger('serves version 7 and version 8 at 20 %, which this rollout did not write'),
    ]);
    expect(found(serving(100, 1), ...onFirstStep())).toEqual([
      stranger('serves version 8, which this rollout did not write'),
    ]);
    expect(found(serving(10, 0), opened())).toHaveLength(1);
  });
});

describe('a stranger', () => {
  test('is whoever made another version the primary', () => {
    expect(found(serving(10, 1, { primary: '9' }), ...onFirstStep())).toEqual([
      stranger('serves version 9 and version 8 at 10 %, which this rollout did not write'),
    ]);
    expect(found(serving(100, 3, { primary: '9' }), ...inVerify())).toHaveLength(1);
  });

  test('is whoever wiped the token', () => {
    expect(found(serving(10, 1, { token: undefined }), ...onFirstStep())).toEqual([
      stranger('lost the token of this rollout to another write, and serves version 7 and version 8 at 10 %'),
    ]);
  });

  test('is another rollout', () => {
    const seen = serving(0, 0, { token: { ...token(0), rolloutId: 'checkout-api--r9--1' } });
    expect(found(seen, ...onFirstStep())).toEqual([
      stranger(
        'carries the token "spillway checkout-api--r9--1 1 0 open" instead of this rollout\'s, and serves version 7',
      ),
    ]);
  });

  test('is a token of this rollout that was never announced', () => {
    expect(found(serving(50, 9), ...onFirstStep())).toEqual([
      stranger(
        `carries the token "spillway checkout-api--r8--1 1 9 open", which this rollout's journal does not know`,
      ),
    ]);
  });

  test('is a third version that was given a share before the first raise', () => {
    const seen = serving(0, 0, { weights: { 9: 20 } });
    expect(found(seen, opened(), intended(10, 1, 0.5))).toHaveLength(1);
  });
});

test('a rollout that is leaving or has ended asks no questions', () => {
  const seen = serving(0, 0, { primary: '9', token: undefined });
  expect(found(seen, ...onFirstStep(), aborted(2))).toEqual([]);
  expect(found(seen, ...onFirstStep(), reverted(2), closed(2))).toEqual([]);
});

test('a stranger halts the rollout through the command too', () => {
  given(onFirstStep())
    .when({ type: 'Reconcile', target: 'api', seen: serving(10, 1, { primary: '9' }) }, 6)
    .then(stranger('serves version 9 and version 8 at 10 %, which this rollout did not write'));
});

test('a claim that comes only after a takeover writes the token that the journal knows', () => {
  const state = stateAfter(opened(), tookOver(2, 5), intended(10, 1, 5.5));
  const seen = serving(0, 0, { token: stateAfter(opened(), tookOver(2, 5)).traffic.api?.token });
  expect(reconcile(state, targetNamed(state, 'api'), seen, minute(6))).toEqual([]);
});

describe('what was seen may be an older state, since Lambda’s reads may lag behind its writes', () => {
  const foreign = { ...token(1), rolloutId: 'checkout-api--r9--1' };
  const shut = token(1, 1, false);
  test.each<[string, Observed, RolloutEvent[], { isOld: boolean; isAgain: boolean }]>([
    ['what the journal knows', serving(50, 2), onSecondStep(), { isOld: false, isAgain: false }],
    ['an open token before the known one', serving(10, 1), onSecondStep(), { isOld: true, isAgain: true }],
    [
      'an older token of an earlier execution',
      serving(10, 1),
      [...onSecondStep(), tookOver(2, 5)],
      { isOld: true, isAgain: true },
    ],
    [
      'a closed token of this rollout, which is the last one',
      serving(0, 1, { token: shut }),
      onSecondStep(),
      { isOld: false, isAgain: false },
    ],
    ['no token', serving(50, 2, { token: undefined }), onSecondStep(), { isOld: false, isAgain: true }],
    [
      'the token of another rollout',
      serving(50, 2, { token: foreign }),
      onSecondStep(),
      { isOld: false, isAgain: true },
    ],
    [
      'a closed token of another rollout',
      serving(50, 2, { token: { ...foreign, open: false } }),
      onSecondStep(),
      { isOld: false, isAgain: true },
    ],
    ['less traffic than was written', serving(10, 2), onSecondStep(), { isOld: false, isAgain: true }],
    [
      'a raise that was announced and came',
      serving(50, 2),
      [...onFirstStep(), intended(50, 2, 5)],
      { isOld: false, isAgain: true },
    ],
    [
      'anything once the rollout leaves',
      serving(50, 2, { token: undefined }),
      [...onSecondStep(), aborted(5)],
      { isOld: false, isAgain: false },
    ],
  ])('%s', (_, seen, history, { isOld, isAgain }) => {
    const rollout = stateAfter(history);
    expect(isOldNews(rollout, target(), seen)).toBe(isOld);
    expect(isWorthAnotherLook(rollout, target(), seen, minute(6))).toBe(isAgain);
  });

  test('the token of one target says nothing of another', () => {
    const rollout = stateAfter(opened({ targets: TWO_TARGETS }), shifted(10, 2, 1));
    const [api, worker] = TWO_TARGETS.map((each) => isOldNews(rollout, each, serving(10, 1)));
    expect([api, worker]).toEqual([true, false]);
  });
});
