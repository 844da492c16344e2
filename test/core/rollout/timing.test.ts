import { describe, expect, test } from 'vitest';
import { HOOK_TRIES_MAX } from '../../../core/rollout/checkpoint.ts';
import type { Gate, Hook } from '../../../core/rollout/event.ts';
import { RECALLS_MAX } from '../../../core/rollout/state.ts';
import {
  bakeOf,
  DOUBT_SECONDS,
  deadlineOf,
  PAUSE_SECONDS_MAX,
  RECALL_SECONDS_MAX,
  windowsOf,
} from '../../../core/rollout/timing.ts';
import {
  inVerify,
  minute,
  onFirstStep,
  opened,
  paused,
  plan,
  promotionOrdered,
  raised,
  resumed,
  stateAfter,
  TWO_TARGETS,
} from './given.ts';

describe('windows', () => {
  test('of a stretch are whole ones that begin after it did', () => {
    expect(windowsOf(minute(0.5), 120)).toEqual({ from: minute(1), to: minute(3) });
    expect(windowsOf(minute(1), 120)).toEqual({ from: minute(1), to: minute(3) });
  });

  test('of a stretch shorter than a minute are one', () => {
    expect(windowsOf(minute(0.5), 0)).toEqual({ from: minute(1), to: minute(2) });
    expect(windowsOf(minute(0.5), 59)).toEqual({ from: minute(1), to: minute(2) });
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

  test('begins once everybody is led by what was written', () => {
    const state = stateAfter(onFirstStep());
    const targets = state.opening.targets.map((target, nth) => ({
      ...target,
      traits: { ...target.traits, ...(nth === 0 ? { spreadSeconds: 60 } : {}) },
    }));
    expect(bakeOf({ ...state, opening: { ...state.opening, targets } })).toEqual({
      from: minute(2),
      to: minute(4),
      max: minute(12),
    });
  });

  test('of verify begins at promotion', () => {
    expect(bakeOf(stateAfter(inVerify()))).toMatchObject({ from: minute(9), to: minute(11) });
  });

  test('of a canary that serves alone is what the holdout left of verify, and all of verify if a command went past the holdout', () => {
    const isHoldout = true as const;
    const steps = [...plan().steps, { weight: 90, bakeSeconds: 480, maxBakeSeconds: 480, isHoldout }];
    const held = { plan: plan({ steps, verifySeconds: 120 }) };
    const after = [...onFirstStep(held), promotionOrdered(2, { full: true }), ...raised(100, 2, 3)];
    expect(bakeOf(stateAfter(after))).toMatchObject({ from: minute(3), to: minute(13) });
    const beside = [...onFirstStep(held), ...raised(90, 2, 3), ...raised(100, 3, 12)];
    expect(bakeOf(stateAfter(beside))).toMatchObject({ from: minute(12), to: minute(14) });
  });
});

test('the deadline leaves room for every step at its longest, three recalls, two doubts that wait and three pauses', () => {
  const longest = 600 + 600 + 120;
  const at = deadlineOf(plan(), 60, minute(0));
  const doubts = RECALLS_MAX * (RECALL_SECONDS_MAX + 2 * 180) + 2 * DOUBT_SECONDS;
  expect(at).toBe(minute(0) + (longest + 3 * 180 + doubts + 3 * PAUSE_SECONDS_MAX) * 1000);
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

test('verify that nobody could measure may last an hour more, also once more after a resume', () => {
  const verifying = stateAfter(inVerify());
  expect(bakeOf(verifying)?.max).toBe(minute(11 + 60));
  const again = stateAfter(inVerify(), paused(20), resumed(30));
  expect(bakeOf(again)).toEqual({ from: minute(9), to: minute(11), max: minute(30 + 60) });
});
