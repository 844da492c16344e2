import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HOOK_TRIES_MAX } from '../../../core/rollout/checkpoint.ts';
import type { Gate, Hook, RolloutEvent } from '../../../core/rollout/event.ts';
import { next } from '../../../core/rollout/next.ts';
import { RECALLS_MAX } from '../../../core/rollout/state.ts';
import {
  bakeOf,
  DOUBT_SECONDS,
  deadlineOf,
  dueAt,
  PAUSE_SECONDS_MAX,
  PUBLISH_SECONDS_MAX,
  RECALL_SECONDS_MAX,
  settledUntil,
  tickDue,
  windowsOf,
} from '../../../core/rollout/timing.ts';
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
  plan,
  promotionOrdered,
  raised,
  resumed,
  smokeAnswered,
  smokeHooks,
  stateAfter,
  TWO_TARGETS,
  target,
} from './given.ts';

describe('windows', () => {
  test('are read as complete only when they have settled', () => {
    const state = stateAfter(onFirstStep({ settleSeconds: 63 }));
    expect(settledUntil(state, minute(3) + 2_999)).toBe(minute(1));
    expect(settledUntil(state, minute(3) + 3_000)).toBe(minute(2));
  });

  test('of a stretch are whole ones that begin after it did', () => {
    expect(windowsOf(minute(0.5), 120)).toEqual({ from: minute(1), to: minute(3) });
    expect(windowsOf(minute(1), 120)).toEqual({ from: minute(1), to: minute(3) });
  });

  test('of a stretch shorter than a minute are one', () => {
    expect(windowsOf(minute(0.5), 0)).toEqual({ from: minute(1), to: minute(2) });
    expect(windowsOf(minute(0.5), 59)).toEqual({ from: minute(1), to: minute(2) });
  });
});

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

describe('the bake', () => {
  test('has not begun while targets are being raised', () => {
    expect(bakeOf(stateAfter(opened()))).toBeUndefined();
    expect(bakeOf(stateAfter(opened({ targets: TWO_TARGETS }), raised(10, 1, 0.5)))).toBeUndefined();
  });

  test('is the windows of its step, least and longest', () => {
    expect(bakeOf(stateAfter(onFirstStep()))).toEqual({ from: minute(1), to: minute(3), max: minute(11) });
  });

  test('may last its longest once more after a resume, from the same start', () => {
    const again = stateAfter(onFirstStep(), paused(5), resumed(20));
    expect(bakeOf(again)).toEqual({ from: minute(1), to: minute(3), max: minute(30) });
  });

  test('of verify begins at promotion', () => {
    expect(bakeOf(stateAfter(inVerify()))).toMatchObject({ from: minute(9), to: minute(11) });
  });

  test('of a canary that serves alone is what the holdout left of verify, and all of verify if an order went past the holdout', () => {
    const isHoldout = true as const;
    const steps = [...plan().steps, { weight: 90, bakeSeconds: 480, maxBakeSeconds: 480, isHoldout }];
    const held = { plan: plan({ steps, verifySeconds: 120 }) };
    const after = [...onFirstStep(held), promotionOrdered(2, { full: true }), ...raised(100, 2, 3)];
    expect(bakeOf(stateAfter(after))).toMatchObject({ from: minute(3), to: minute(13) });
    const beside = [...onFirstStep(held), ...raised(90, 2, 3), ...raised(100, 3, 12)];
    expect(bakeOf(stateAfter(beside))).toMatchObject({ from: minute(12), to: minute(14) });
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

test('the deadline leaves room for every step at its longest, three recalls, two doubts that wait and three pauses', () => {
  const longest = 600 + 600 + 120;
  const at = deadlineOf(plan(), 60, minute(0));
  const doubts = RECALLS_MAX * (RECALL_SECONDS_MAX + 2 * 180) + 2 * DOUBT_SECONDS;
  expect(at).toBe(minute(0) + (longest + 3 * 180 + doubts + 3 * PAUSE_SECONDS_MAX) * 1000);
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

test('the deadline leaves room for everybody who is asked: each gate once, each hook at every step until it counts as broken', () => {
  const hook = (timeoutSeconds: number): Hook => ({
    id: 'afterStep.1',
    point: 'afterStep',
    kind: 'lambda',
    target: 'api',
    spec: { functionName: 'check' },
    timeoutSeconds,
    onBroken: 'revert',
  });
  const gate = (timeoutSeconds: number): Gate => ({
    before: 50,
    approvers: 1,
    by: [],
    timeoutSeconds,
    onTimeout: 'revert',
  });
  const alone = deadlineOf(plan(), 60, minute(0));
  const asked = { gates: [gate(600), gate(60)], hooks: [hook(30), hook(7)] };
  const steps = plan().steps.length + 1;
  expect(deadlineOf(plan(), 60, minute(0), asked) - alone).toBe((660 + HOOK_TRIES_MAX * steps * 37) * 1000);
  expect(deadlineOf(plan({ verifySeconds: 0 }), 60, minute(0))).toBe(alone - 120_000);
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

test('verify that nobody could measure may last an hour more, also once more after a resume', () => {
  const verifying = stateAfter(inVerify());
  expect(bakeOf(verifying)?.max).toBe(minute(11 + 60));
  const again = stateAfter(inVerify(), paused(20), resumed(30));
  expect(bakeOf(again)).toEqual({ from: minute(9), to: minute(11), max: minute(30 + 60) });
});
