import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Observed } from '../../../core/ports.ts';
import { decide } from '../../../core/rollout/decide.ts';
import type { RevertedTarget } from '../../../core/rollout/event.ts';
import { tokenFrom, tokenText } from '../../../core/rollout/fencing-token.ts';
import {
  closedAmong,
  foreignShares,
  isForeign,
  keepsShares,
  lastLook,
  mayBeOlder,
  restOf,
  revertible,
  revertPlan,
} from '../../../core/rollout/revert-plan.ts';
import {
  aborted,
  closed as closing,
  minute,
  onFirstStep,
  opened,
  ROLLOUT_ID,
  stateAfter,
  TWO_TARGETS,
  target,
  token,
} from './given.ts';

const by = { rolloutId: ROLLOUT_ID, epoch: 3 };
const foreign = { ...token(5), rolloutId: 'checkout-api--r9--1' };
const out = (primary: string, weights: Observed['weights'], on: Observed['token']) =>
  revertPlan({ primary, weights, token: on }, target(), by);
const closed = (seq: number) => token(seq, 3, false);

describe('the revert path', () => {
  test.each([
    ['removes our share', '7', { 8: 10 }, token(4), '7', {}],
    ['makes stable the primary again after promotion', '8', {}, token(4), '7', {}],
    ['shuts the fence where nothing has to be removed', '7', {}, token(0), '7', {}],
    ['removes our share and leaves the primary of a stranger', '9', { 8: 10 }, token(4), '9', {}],
    ['leaves the primary of a stranger that has no share of ours', '9', {}, token(4), '9', {}],
    ['leaves the share of a stranger', '7', { 9: 20 }, token(4), '7', { 9: 20 }],
    ['removes our share alone among several', '7', { 8: 10, 9: 20 }, token(4), '7', { 9: 20 }],
    ['removes a share that came back after it was shut', '7', { 8: 10 }, closed(4), '7', {}],
  ])('%s', (_, primary, weights, on, thenPrimary, thenWeights) => {
    expect(out(primary, weights, on)).toEqual({
      write: { primary: thenPrimary, weights: thenWeights, token: closed(on.seq + 1) },
    });
  });

  test('counts from the start where the token was wiped', () => {
    expect(out('7', { 8: 10 }, undefined)).toEqual({
      write: { primary: '7', weights: {}, token: closed(1) },
    });
  });

  test('is left alone where it was taken already', () => {
    expect(out('7', {}, closed(4))).toEqual({ leave: 'left already' });
    expect(out('9', {}, closed(4))).toEqual({ leave: 'left already' });
  });

  test('does not undo a completion, unless the journal says that there was none', () => {
    expect(out('8', {}, closed(4))).toEqual({ leave: 'completed' });
    const half = { ...by, evenIfClosed: true };
    expect(revertPlan({ primary: '8', weights: {}, token: closed(4) }, target(), half)).toEqual({
      write: { primary: '7', weights: {}, token: closed(5) },
    });
  });

  test('is signed where a person ordered it, and there alone', () => {
    const signed = (person?: string) => {
      const way = revertPlan({ primary: '7', weights: { 8: 10 }, token: token(4) }, target(), {
        ...by,
        person,
      });
      return 'write' in way ? way.write.token : undefined;
    };
    expect(signed('ada')).toStrictEqual({ ...closed(5), by: 'ada' });
    expect(signed()).toStrictEqual(closed(5));
  });

  test('keeps what may only be removed by a person, also where the token was wiped, and shuts the fence', () => {
    const kept = { ...by, keep: true };
    const asked = (on: Observed['token']) =>
      revertPlan({ primary: '7', weights: { 8: 10 }, token: on }, target(), kept);
    expect(asked(undefined)).toEqual({ write: { primary: '7', weights: { 8: 10 }, token: closed(1) } });
    expect(asked(closed(4))).toEqual({ leave: 'left already' });
  });

  test('may have been read late as long as its own token is open', () => {
    const late = (on: Observed['token']) => mayBeOlder({ primary: '7', weights: {}, token: on }, by);
    expect([token(4), closed(4), foreign, undefined].map(late)).toEqual([true, false, false, false]);
  });

  test('keeps off what another rollout has stamped', () => {
    expect(out('7', { 8: 10 }, foreign)).toEqual({ leave: 'another rollout' });
    expect(out('8', {}, { ...foreign, open: false })).toEqual({ leave: 'another rollout' });
  });

  test('never gives the new primary a share of its own, which Lambda refuses', () => {
    expect(out('8', { 7: 50 }, token(4))).toEqual({
      write: { primary: '7', weights: {}, token: closed(5) },
    });
  });

  test('writes a token that can be read again after the highest number there is', () => {
    const way = out('7', { 8: 10 }, token(999_999_999, 3, false));
    expect('write' in way && tokenFrom(tokenText(way.write.token))).toMatchObject({ open: false });
  });
});

const seen: fc.Arbitrary<Observed> = fc.record({
  primary: fc.constantFrom('7', '8', '9'),
  weights: fc.dictionary(fc.constantFrom('8', '9', '10'), fc.integer({ min: 0, max: 99 }), {
    noNullPrototype: true,
  }),
  token: fc.option(
    fc.record({
      rolloutId: fc.constantFrom(ROLLOUT_ID, foreign.rolloutId),
      epoch: fc.integer({ min: 1, max: 9 }),
      seq: fc.integer({ min: 0, max: 1000 }),
      open: fc.boolean(),
    }),
    { nil: undefined },
  ),
});

describe('whatever stands on a target', () => {
  test('one revert path leaves nothing for a second', () => {
    fc.assert(
      fc.property(seen, (before) => {
        const way = revertPlan(before, target(), by);
        if ('leave' in way) return;
        expect(revertPlan(way.write, target(), by)).toEqual({ leave: 'left already' });
      }),
    );
  });

  test('after the revert path no request meets the canary, and no later raise fits the token', () => {
    fc.assert(
      fc.property(seen, (before) => {
        const way = revertPlan(before, target(), by);
        if ('leave' in way) return;
        expect(way.write.primary).not.toBe('8');
        expect(way.write.weights).not.toHaveProperty('8');
        expect(way.write.token).toMatchObject({ rolloutId: ROLLOUT_ID, epoch: 3, open: false });
      }),
    );
  });

  test('the primary of a stranger and every foreign share beside it stay as they are', () => {
    fc.assert(
      fc.property(seen, (before) => {
        const way = revertPlan(before, target(), by);
        if ('leave' in way) return;
        const { 8: _, [way.write.primary]: __, ...others } = before.weights;
        expect(way.write.weights).toEqual(others);
        if (isForeign(before.primary, target())) expect(way.write.primary).toBe(before.primary);
      }),
    );
  });

  test('it is left alone only where no request of ours is there, or the token says so', () => {
    fc.assert(
      fc.property(seen, (before) => {
        const way = revertPlan(before, target(), by);
        if ('write' in way) return;
        expect(before.token).toBeDefined();
        if (way.leave !== 'another rollout') {
          expect(before.token?.open).toBe(false);
          expect(before.weights).not.toHaveProperty('8');
        }
      }),
    );
  });
});

test('a stranger is a version that is neither stable nor canary', () => {
  expect(['7', '8', '9'].map((version) => isForeign(version, target()))).toEqual([false, false, true]);
});

describe('what an error may revert', () => {
  const irreversible = { reversible: false };

  test('is every target, while nothing keeps the release there on purpose', () => {
    const fresh = stateAfter(opened({ ...irreversible, targets: TWO_TARGETS }));
    expect(revertible(fresh, minute(1))).toEqual(TWO_TARGETS);
  });

  test('is nothing while users meet it', () => {
    expect(revertible(stateAfter(onFirstStep(irreversible)), minute(2))).toEqual([]);
  });

  test('is every target again once somebody ordered it out', () => {
    const left = stateAfter(onFirstStep(irreversible), aborted(2));
    expect(revertible(left, minute(2))).toEqual([target()]);
  });
});

describe('what is left to do after a revert', () => {
  const found = (name: string, primary: string): RevertedTarget => ({
    name,
    primary,
    changed: false,
    drifted: false,
  });
  const [api, worker] = TWO_TARGETS;
  const running = stateAfter(opened({ targets: TWO_TARGETS }));
  const leaving = stateAfter(opened({ targets: TWO_TARGETS }), aborted(1));

  test.each([
    ['all are back', running, [found('api', '7'), found('worker', '3')], { kind: 'record' }],
    [
      'all are sealed: it had completed',
      running,
      [found('api', '8'), found('worker', '4')],
      { kind: 'record' },
    ],
    [
      'one is sealed beside another that is back',
      running,
      [found('api', '8'), found('worker', '3')],
      { kind: 'revert', targets: [api] },
    ],
    [
      'all are sealed beside a command to leave',
      leaving,
      [found('api', '8'), found('worker', '4')],
      { kind: 'revert', targets: [api, worker] },
    ],
    ['a stranger serves', running, [found('api', '9'), found('worker', '3')], { kind: 'record' }],
    ['nothing was reverted on purpose', running, [], { kind: 'held' }],
  ])('%s', (_, rollout, reverted, rest) => {
    expect(restOf(rollout, reverted)).toEqual(rest);
  });

  test('is only to write it down where the rollout has ended, whatever is found', () => {
    const ended = stateAfter(opened({ targets: TWO_TARGETS }), aborted(1), closing(2));
    expect(restOf(ended, [])).toEqual({ kind: 'record' });
    expect(restOf(ended, [found('api', '8'), found('worker', '3')])).toEqual({ kind: 'record' });
  });
});

describe('what somebody else gave a release that only a person may revert', () => {
  const keep = { ...by, keep: true };
  const kept = (primary: string, weights: Observed['weights'], on: Observed['token'] = token(5)) =>
    revertPlan({ primary, weights, token: on }, target(), keep);

  test('stays, and the fence is closed', () => {
    const shut = { ...token(6), epoch: 3, open: false };
    expect(kept('7', { 8: 59 })).toEqual({ write: { primary: '7', weights: { 8: 59 }, token: shut } });
    expect(kept('8', { 9: 5 })).toEqual({ write: { primary: '8', weights: { 9: 5 }, token: shut } });
    expect(kept('7', { 8: 59 }, closed(5))).toEqual({ leave: 'left already' });
    expect(kept('7', { 9: 5 })).toEqual(out('7', { 9: 5 }, token(5)));
  });

  test('is said', () => {
    const seen = (primary: string, weights: Observed['weights']) => ({ primary, weights, token: closed(5) });
    expect(foreignShares(seen('7', { 8: 59, 9: 5 }), target(), keep)).toEqual({ 8: 59, 9: 5 });
    expect(foreignShares(seen('8', {}), target(), keep)).toEqual({ 8: 100 });
    expect(foreignShares(seen('7', { 8: 59 }), target(), by)).toBeUndefined();
    const found = { name: 'api', primary: '7', changed: false, drifted: false, foreign: { 8: 59 } };
    expect(lastLook(found, seen('7', { 8: 59 }), target(), keep)).toEqual(found);
    expect(closedAmong([target()], [{ ...found, primary: '8', foreign: { 8: 100 } }])).toEqual([]);
  });

  test('is kept for a release that was never raised, until a person orders it to leave', () => {
    const fixed = { reversible: false };
    expect(keepsShares(stateAfter(opened(fixed)))).toBe(true);
    expect(keepsShares(stateAfter(opened()))).toBe(false);
    expect(keepsShares(stateAfter(onFirstStep(fixed)))).toBe(false);
    expect(keepsShares(stateAfter(opened(fixed), aborted(1)))).toBe(false);
  });

  test.each<[string, Partial<RevertedTarget>]>([
    ['a share', { foreign: { 8: 59 } }],
    ['all', { primary: '8', foreign: { 8: 100 } }],
  ])('pages a person: %s', (_, more) => {
    const found = { name: 'api', primary: '7', changed: false, drifted: false, ...more };
    const command = {
      type: 'RecordRevert' as const,
      targets: [found],
      cause: 'environment' as const,
      reason: 'it failed',
    };
    expect(decide(stateAfter(opened({ reversible: false })), command, minute(2)).at(-1)).toMatchObject({
      outcome: 'halted',
      reason: expect.stringMatching(
        /version 8 keeps (?:59|100) % of api, which this rollout did not put there, so it was left as it is; the release is not reversible, so a person must decide whether it stays$/,
      ),
    });
  });
});

describe('the last look', () => {
  const found: RevertedTarget = { name: 'api', primary: '7', changed: true, drifted: false };
  const looked = (primary: string, weights: Observed['weights'], before = found) =>
    lastLook(before, { primary, weights, token: closed(5) }, target(), by);

  test('says the same where nobody wrote', () => {
    expect(looked('7', {})).toEqual(found);
  });

  test('finds a foreign version that keeps a share, unless another rollout has the target', () => {
    expect(looked('7', { 9: 20 })).toEqual({ ...found, foreign: { 9: 20 } });
    expect(looked('7', {}, { ...found, foreign: { 9: 20 } })).toEqual(found);
    expect(foreignShares({ primary: '7', weights: { 9: 20 }, token: foreign }, target(), by)).toBe(undefined);
  });

  test('finds a canary that somebody gave traffic again, beside another version or alone', () => {
    expect(looked('7', { 8: 10 })).toEqual({ ...found, regained: true });
    expect(looked('9', { 8: 10 })).toEqual({ ...found, primary: '9', drifted: true, regained: true });
    expect(looked('8', {})).toEqual({ ...found, primary: '8', regained: true });
  });

  test('finds a version that somebody else put there', () => {
    expect(looked('9', {})).toEqual({ ...found, primary: '9', drifted: true });
  });

  test('takes no completion for a stranger', () => {
    const sealed = { ...found, primary: '8', changed: false };
    expect(looked('8', {}, sealed)).toEqual(sealed);
  });
});
