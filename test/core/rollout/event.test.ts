import { expect, test } from 'vitest';
import { isSignOfLife, type RolloutEvent, WAKING } from '../../../core/rollout/event.ts';
import {
  aborted,
  actor,
  measured,
  paused,
  promotionOrdered,
  resumed,
  revertOrdered,
  smokeAnswered,
  tookOver,
} from './given.ts';

test('an event shows that its execution lives if that wrote it, or if a fresh one was started by it', () => {
  const callback = { ...smokeAnswered(0, 'pass'), isCallback: true } as RolloutEvent;
  const newer = { type: 'Postponed', at: 0 } as unknown as RolloutEvent;
  const live = [measured('pass', [1, 2]), smokeAnswered(0, 'pass'), tookOver(2, 3)];
  expect(live.map(isSignOfLife)).toEqual([true, true, true]);
  // A callback's mark counts of an answer alone.
  expect(isSignOfLife({ ...measured('pass', [1, 2]), isCallback: true } as RolloutEvent)).toBe(true);
  const others = [paused(1), resumed(2), aborted(3), promotionOrdered(4), revertOrdered(5), callback, newer];
  expect(others.map(isSignOfLife)).toEqual(others.map(() => false));
  expect(isSignOfLife({ type: 'Approved', at: 0, gate: 50, by: actor('ada') })).toBe(false);
});

test('what people, alarms and the watchdog write wakes a hold, and what an execution writes does not', () => {
  expect([...WAKING].sort()).toEqual([
    ...['Aborted', 'AlarmRaised', 'Approved', 'DriftDetected', 'HookAnswered'],
    ...['Paused', 'PromotionOrdered', 'Rejected', 'Resumed', 'TookOver'],
  ]);
});
