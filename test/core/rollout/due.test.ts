import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dueAt, HOLD_SECONDS_MAX, PUBLISH_SECONDS_MAX, tickDue } from '../../../core/rollout/due.ts';
import type { RolloutEvent } from '../../../core/rollout/event.ts';
import { next } from '../../../core/rollout/next.ts';
import { evolve } from '../../../core/rollout/state.ts';
import { WINDOW_MS } from '../../../core/units.ts';
import {
  aborted,
  actor,
  closed,
  intended,
  inVerify,
  measured,
  minute,
  onFirstStep,
  opened,
  paused,
  promotionOrdered,
  raised,
  resumed,
  smokeAnswered,
  smokeHooks,
  stateAfter,
  target,
  tookOver,
} from './given.ts';

describe('a tick', () => {
  test('is due when another window has settled since the last one', () => {
    expect(tickDue(stateAfter(onFirstStep({ settleSeconds: 63 })))).toBe(minute(1) + 3_000);
    expect(tickDue(stateAfter(onFirstStep(), measured('pass', [1, 2])))).toBe(minute(4));
  });

  test('is always due after what happened, and within a minute of it', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 60, max: 180 }),
        fc.double({ min: 0, max: 600, noNaN: true }),
        (settleSeconds, at) => {
          const wait = tickDue(stateAfter(opened({ settleSeconds }), raised(10, 1, at))) - minute(at);
          expect(wait).toBeGreaterThan(0);
          expect(wait).toBeLessThanOrEqual(WINDOW_MS);
        },
      ),
    );
  });
});

describe('a rollout is due', () => {
  test('at its next tick while the canary is in traffic, also when it is paused', () => {
    expect(dueAt(stateAfter(onFirstStep()))).toBe(minute(1));
    expect(dueAt(stateAfter(onFirstStep(), measured('pass', [1, 2]), paused(3.5)))).toBe(minute(4));
  });

  test('at once while it is leaving', () => {
    expect(dueAt(stateAfter(onFirstStep(), aborted(0.7)))).toBe(minute(0.7));
    expect(dueAt(stateAfter(onFirstStep(), paused(0.6), aborted(0.7)))).toBe(minute(0.7));
  });

  test('at the end of its pause while no user meets the canary', () => {
    expect(dueAt(stateAfter(opened(), paused(1)))).toBe(minute(1 + 24 * 60));
  });

  test('at once while it has nothing to wait for', () => {
    expect(dueAt(stateAfter(opened()))).toBe(minute(0));
  });

  test('at its next tick once a raise was announced: it may have arrived', () => {
    expect(dueAt(stateAfter(opened(), intended(10, 1, 0.5)))).toBe(minute(1));
  });

  test('never again after its end', () => {
    expect(dueAt(stateAfter(inVerify(), closed(12, 'completed')))).toBe(Number.POSITIVE_INFINITY);
  });

  test('not before the hold of a pause that came before the first raise was confirmed', () => {
    const state = stateAfter(opened(), intended(10, 1, 0.5), paused(0.6));
    expect(next(state, minute(0.6))).toEqual({ kind: 'hold', seconds: 24 });
    expect(dueAt(state)).toBeGreaterThanOrEqual(minute(0.6) + 24_000);
  });
});

test('a gate that was approved is waited for no longer: a death after it is noticed at once', () => {
  const gates = [
    { before: 10, approvers: 1, by: [], timeoutSeconds: 6 * 3600, onTimeout: 'revert' as const },
  ];
  const waiting: RolloutEvent[] = [
    opened({ gates }),
    { type: 'GateOpened', at: minute(1), gate: 10, until: minute(361) },
  ];
  expect(dueAt(stateAfter(waiting))).toBe(minute(361));
  const approved: RolloutEvent = { type: 'Approved', at: minute(5), gate: 10, by: actor('ada') };
  expect(dueAt(stateAfter(waiting, approved))).toBe(minute(5));
});

describe('an answer that is waited for before there is traffic', () => {
  const hooks = smokeHooks('/health', '/cart');
  const started = (hook: string, until: number): RolloutEvent => ({
    type: 'HookStarted',
    at: minute(1),
    hook,
    until: minute(until),
  });

  test('is due by the latest time of those that were asked, and of no other', () => {
    const asked = [opened({ hooks }), started('smoke.1', 3), started('smoke.2', 2)];
    expect(dueAt(stateAfter(asked))).toBe(minute(3));
    expect(dueAt(stateAfter(asked, smokeAnswered(0, 'pass', 1.5)))).toBe(minute(2));
  });

  test('is a version to be published as long as one target has none', () => {
    const publish = { from: 'await' as const };
    const targets = [target('api'), target('worker', { canary: '', publish })];
    expect(dueAt(stateAfter(opened({ targets })))).toBe(minute(0) + PUBLISH_SECONDS_MAX * 1000);
    const published: RolloutEvent = { type: 'Published', at: minute(2), target: 'worker', version: '4' };
    expect(dueAt(stateAfter(opened({ targets }), published))).toBe(minute(2));
  });
});

const ordered = (minutes: number) => promotionOrdered(minutes);
const raisedAlarm = (minutes: number): RolloutEvent => ({
  type: 'AlarmRaised',
  at: minute(minutes),
  alarm: 'a',
  since: minute(minutes),
});
const callback = (minutes: number): RolloutEvent => ({
  ...smokeAnswered(0, 'pass', minutes),
  isCallback: true,
});

describe('what others write', () => {
  test('does not put off when an execution that owes an event is due, however often it comes', () => {
    const times = [2, 3.5, 5, 6.5, 8, 9.5];
    const again = times.flatMap((at) => [ordered(at), raisedAlarm(at), paused(at), resumed(at + 0.3)]);
    expect(dueAt(stateAfter(onFirstStep(), ...again))).toBe(minute(1));
    const unpaused = times.flatMap((at) => [ordered(at), raisedAlarm(at)]);
    expect(dueAt(stateAfter(opened(), ...unpaused))).toBe(minute(0));
  });

  test('wakes an execution that was rightly silent, which has from then on to answer', () => {
    expect(dueAt(stateAfter(opened(), paused(1), resumed(300)))).toBe(minute(300));
    expect(dueAt(stateAfter(opened(), paused(1), ordered(300), ordered(301)))).toBe(minute(300));
  });

  test('takes no time away from one that was due already', () => {
    const hooks = smokeHooks('/health');
    const started: RolloutEvent = { type: 'HookStarted', at: minute(1), hook: 'smoke.1', until: minute(3) };
    expect(dueAt(stateAfter(opened({ hooks }), started, callback(3.1)))).toBe(minute(3));
    expect(dueAt(stateAfter(opened({ hooks }), started, callback(2)))).toBe(minute(2));
  });

  test('lets nobody pause a rollout without traffic for ever', () => {
    const last = minute(4 * 24 * 60) + HOLD_SECONDS_MAX * 1000;
    const days = [1, 2, 3, 4].flatMap((day) => [paused(day * 24 * 60 - 1), resumed(day * 24 * 60 - 0.5)]);
    expect(dueAt(stateAfter(opened(), ...days, paused(4 * 24 * 60 + 30)))).toBe(last);
  });

  test('is told from the answer that the execution writes itself', () => {
    const hooks = smokeHooks('/health');
    expect(dueAt(stateAfter(opened({ hooks }), callback(1)))).toBe(minute(0));
    expect(dueAt(stateAfter(opened({ hooks }), smokeAnswered(0, 'pass', 1)))).toBe(minute(1));
  });
});

test('a takeover gives the fresh execution its time, and so does one that goes on', () => {
  expect(dueAt(stateAfter(opened(), ordered(2), tookOver(2, 4)))).toBe(minute(4));
  expect(dueAt(stateAfter(opened(), ordered(2), { type: 'Continued', at: minute(4), epoch: 2 }))).toBe(
    minute(4),
  );
});

test('a rollout of an earlier version is silent since its last event', () => {
  const before = { ...stateAfter(opened()), silentSince: undefined, lastEventAt: minute(3) };
  expect(dueAt(before)).toBe(minute(3));
  expect(dueAt(evolve(before, ordered(5)))).toBe(minute(3));
});
