import { describe, expect, test } from 'vitest';
import { RolloutError } from '../../../core/errors.ts';
import type { Completed } from '../../../core/ports.ts';
import { attemptAfter, rollBackOf } from '../../../core/rollout/again.ts';
import type { RolloutEvent } from '../../../core/rollout/event.ts';
import { next } from '../../../core/rollout/next.ts';
import type { Rollout } from '../../../core/rollout/state.ts';
import { thrownBy } from '../config/files.ts';
import {
  aborted,
  closed,
  inVerify,
  minute,
  onFirstStep,
  ROLLOUT_ID,
  reverted,
  smokeHooks,
  stateAfter,
  target,
} from './given.ts';

const completed: Completed = { release: 'r8', order: 8, rolloutId: ROLLOUT_ID };
const previous: Completed = { release: 'r7', order: 7, rolloutId: 'checkout-api--r7--1' };
const done = (more = {}) => stateAfter(inVerify(more), closed(12, 'completed'));
const name = (release: string) => ({ rolloutId: `checkout-api--${release}--2`, attempt: 2 });
const why = { by: 'ada', reason: 'orders look odd' };

function back(rollout: Rollout, service = { completed, previous } as Parameters<typeof rollBackOf>[1]) {
  const event = rollBackOf(rollout, service, why, name, minute(20));
  if (event.type !== 'RolloutOpened') throw new Error(`A rollback is opened, not ${event.type}.`);
  return event;
}

function refusal(run: () => unknown): string {
  const error = thrownBy(run);
  expect(RolloutError.is(error, 'CommandRefused'), error.message).toBe(true);
  return error.message;
}

describe('a rollback', () => {
  test('goes from what serves to what served before, and is named after that', () => {
    const targets = [target('api', { replaced: true, publish: undefined })];
    expect(back(done({ targets }))).toMatchObject({
      rolloutId: 'checkout-api--r7--2',
      attempt: 2,
      release: 'r7',
      order: 7,
      targets: [{ name: 'api', stable: '8', canary: '7', replaced: undefined }],
    });
  });

  test('is one move of all traffic: it asks nobody and waits for nothing', () => {
    const gates = [{ before: 10, approvers: 1, by: [], timeoutSeconds: 60, onTimeout: 'revert' as const }];
    const event = back(done({ hooks: smokeHooks('/health'), gates, alarms: [{ name: 'a', red: true }] }));
    expect(event).toMatchObject({ hooks: [], gates: [], alarms: [], limits: [], reversible: true });
    const state = stateAfter(event);
    expect(next(state, minute(20))).toEqual({ kind: 'promote', target: 'api' });
    const stamp = { rolloutId: event.rolloutId, epoch: 1, seq: 1, open: true };
    const moved: RolloutEvent[] = [
      { type: 'ShiftIntended', at: minute(20), target: 'api', weight: 100, stamp, expiresAt: minute(21) },
      { type: 'Promoted', at: minute(20), target: 'api', stamp },
    ];
    expect(next(stateAfter(event, moved), minute(20))).toEqual({ kind: 'close' });
  });

  test('says whose it is, why, and which versions it blames', () => {
    expect(back(done()).rollsBack).toEqual({
      release: 'r8',
      rolloutId: ROLLOUT_ID,
      reason: 'ada rolled it back: orders look odd',
      made: { api: { version: '8' } },
    });
  });

  test('is possible also where nobody knows what served before, by its version', () => {
    expect(back(done(), { completed })).toMatchObject({ release: 'before-r8', order: 0 });
  });

  test.each<[string, Rollout, RegExp]>([
    ['under way', stateAfter(onFirstStep()), /still under way.*abort it instead/],
    ['reverted', stateAfter(onFirstStep(), reverted(3), closed(3)), /is reverted; only what has completed/],
  ])('of a rollout that is %s is refused', (_what, rollout, message) => {
    expect(refusal(() => back(rollout))).toMatch(message);
  });

  test('of a release that does not serve any more is refused with the one that does', () => {
    const other = { ...completed, rolloutId: 'checkout-api--r9--1' };
    expect(refusal(() => back(done(), { completed: other }))).toContain('checkout-api--r9--1');
    expect(refusal(() => back(done(), {}))).toContain('nothing completed here');
  });
});

describe('a retry', () => {
  test('is the next attempt after one that did not complete', () => {
    expect(attemptAfter(stateAfter(onFirstStep({ attempt: 3 }), reverted(3), closed(3)), {})).toBe(4);
    expect(attemptAfter(stateAfter(onFirstStep(), aborted(2), reverted(3), closed(3, 'halted')), {})).toBe(2);
  });

  test('of a rollout that is under way or has completed is refused', () => {
    expect(refusal(() => attemptAfter(stateAfter(onFirstStep()), {}))).toMatch(
      /still under way; abort it first/,
    );
    expect(refusal(() => attemptAfter(done(), {}))).toMatch(/completed; there is nothing to try again/);
  });

  test('of a release that was rolled back after it completed is possible: its quarantine says so', () => {
    const { release, rolloutId } = done().opening;
    const quarantined = [
      { release, rolloutId, reason: 'ada rolled it back', made: { api: { version: '8' } } },
    ];
    expect(attemptAfter(done(), { quarantined })).toBe(2);
  });
});
