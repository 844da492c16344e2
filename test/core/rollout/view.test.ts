import { describe, expect, test } from 'vitest';
import type { Gate } from '../../../core/rollout/event.ts';
import { storyteller, viewOf } from '../../../core/rollout/view.ts';
import { actor, closed, inVerify, measured, minute, onFirstStep, paused, stateAfter } from './given.ts';

const gates: Gate[] = [
  { before: 50, approvers: 2, by: ['ada', 'grace'], timeoutSeconds: 3600, onTimeout: 'revert' },
];

describe('the view of a rollout', () => {
  test('says where it stands, of which versions, and when it acts next', () => {
    const view = viewOf(stateAfter([...onFirstStep(), measured('pass', [1, 3])]));
    expect(view).toMatchObject({
      schema: 1,
      opening: { rolloutId: 'checkout-api--r8--1', environment: 'prod' },
      ...{ step: 0, weights: { api: 10 }, isPaused: false, state: 'it is pass', gates: [] },
      targets: [{ name: 'api', kind: 'lambda-alias', stable: '7', canary: '8', noun: expect.any(String) }],
      verdict: { status: 'pass' },
    });
    expect(view.dueAt).toBeGreaterThan(view.lastEventAt);
    expect(view.outcome).toBeUndefined();
  });

  test('says who paused it and until when', () => {
    expect(viewOf(stateAfter([...onFirstStep(), paused(2)]))).toMatchObject({
      isPaused: true,
      pause: { by: { id: 'ada' }, reason: 'lunch', until: expect.any(Number) },
      state: 'lunch',
    });
  });

  test('says what is missing at a gate, and nothing of one that was passed', () => {
    const ahead = onFirstStep({ gates });
    expect(viewOf(stateAfter(ahead)).gates).toEqual([
      { ...gates[0], approvedBy: [], missing: 2, until: undefined },
    ]);
    const open = { type: 'GateOpened', at: minute(3), gate: 50, until: minute(63) } as const;
    const approved = (by: string) => ({ type: 'Approved', at: minute(4), gate: 50, by: actor(by) }) as const;
    expect(viewOf(stateAfter([...ahead, open, approved('ada')])).gates).toMatchObject([
      { before: 50, approvedBy: ['ada'], missing: 1, until: minute(63) },
    ]);
    expect(viewOf(stateAfter([...ahead, open, approved('ada'), approved('grace')])).gates).toEqual([]);
  });

  test('says how it ended and what serves now, and that nothing is due', () => {
    const state = stateAfter([...inVerify(), closed(12, 'completed')]);
    expect(viewOf(state)).toMatchObject({ outcome: 'completed', dueAt: undefined });
    expect(viewOf(state).state).toMatch(/^r8 completed: .*version 8 serves$/);
    const [served] = stateAfter(inVerify()).opening.targets;
    if (served === undefined) throw new Error('There is no target.');
    const completed = { release: 'r9', order: 9, targets: [{ ...served, version: '9' }] };
    expect(viewOf(state, { completed }).state).toMatch(/version 8 served then, and version 9 serves now/);
  });

  test('holds what people may see, and nothing else of the fold', () => {
    const view = viewOf(stateAfter([...inVerify(), closed(12, 'completed')]));
    expect(Object.keys(JSON.parse(JSON.stringify(view))).sort()).toEqual([
      ...['gates', 'isPaused', 'lastEventAt', 'openedAt', 'opening', 'outcome', 'plan', 'reason', 'schema'],
      ...['state', 'step', 'targets', 'unproven', 'version', 'weights'],
    ]);
    expect(Object.keys(JSON.parse(JSON.stringify(view.opening))).sort()).toEqual([
      ...['attempt', 'deadline', 'environment', 'notices', 'order', 'release', 'reversible', 'rolloutId'],
      'service',
    ]);
  });
});

describe('a story', () => {
  test('is told event by event, with the rollout as it was then', () => {
    const tell = storyteller();
    const told = [...onFirstStep(), paused(2)].map((event) => tell(event));
    expect(told[0]?.line).toMatch(/^rollout checkout-api--r8--1 opened/);
    expect(told.at(-1)?.line).toMatch(/^paused by ada: lunch/);
    expect(told.map(({ view }) => view.isPaused)).toEqual(told.map((_, at) => at === told.length - 1));
  });

  test('goes on past an event that only a newer controller knows', () => {
    const tell = storyteller();
    for (const event of onFirstStep()) tell(event);
    const { line, view } = tell({ type: 'Danced', at: minute(2) } as never);
    expect(line).toBe('Danced (of a newer version)');
    expect(view.weights).toEqual({ api: 10 });
  });
});
