import { describe, expect, test } from 'vitest';
import type { Hook, RolloutEvent } from '../../../core/rollout/event.ts';
import { probesDue } from '../../../core/rollout/probing.ts';
import {
  intended,
  inVerify,
  minute,
  onFirstStep,
  opened,
  PROBED,
  pairs,
  probed,
  reverted,
  stateAfter,
} from './given.ts';

describe('probes are due', () => {
  const ids = (minutes: number, ...history: RolloutEvent[]) =>
    probesDue(stateAfter(history), 'api', minute(minutes)).map(({ id }) => id);

  test('as many as `every` says since the last tick, those smoke tests in turn that may be repeated', () => {
    expect(ids(1, ...onFirstStep(PROBED))).toEqual(['smoke.1', 'smoke.2', 'smoke.1']);
    expect(ids(3.5, ...onFirstStep(PROBED), probed(3, pairs(5)))).toEqual(['smoke.2', 'smoke.1', 'smoke.2']);
    expect(ids(3.1, ...onFirstStep(PROBED), probed(3, pairs(5)))).toEqual([]);
  });

  test('sixty at most, however long nobody looked', () => {
    expect(ids(300, ...onFirstStep(PROBED))).toHaveLength(60);
  });

  test('only while the canary has traffic, and only where the file asks for them', () => {
    expect(ids(5, opened(PROBED))).toEqual([]);
    expect(ids(5, ...onFirstStep(PROBED), reverted(4))).toEqual([]);
    expect(ids(5, ...onFirstStep({ hooks: PROBED.hooks ?? [] }))).toEqual([]);
    expect(probesDue(stateAfter(onFirstStep(PROBED)), 'worker', minute(5))).toEqual([]);
    expect(ids(9, ...inVerify(PROBED))).toHaveLength(3);
  });
});

test('of three probes, or of another target, each has its turn', () => {
  const three = { ...PROBED, probe: { everySeconds: 20, smoke: ['smoke.1', 'smoke.2', 'smoke.3'] } };
  const due = (minutes: number, ...history: RolloutEvent[]) =>
    probesDue(stateAfter(history), 'api', minute(minutes)).map(({ id }) => id);
  const ticked = probed(3, pairs(3, { skipped: 1 }));
  expect(due(3.7, ...onFirstStep(three), ticked)).toEqual(['smoke.2', 'smoke.3']);
  const other = { ...ticked, probes: { worker: pairs(3, { skipped: 1 }) } };
  expect(due(3.7, ...onFirstStep(three), other)).toEqual(['smoke.1', 'smoke.2']);
  expect(due(1.2, opened(three), intended(10, 1, 0.5))).toEqual(['smoke.1', 'smoke.2']);
});

test('a probe that could not be put had its turn', () => {
  const due = probesDue(
    stateAfter(onFirstStep(PROBED), probed(3, pairs(3, { skipped: 2 }))),
    'api',
    minute(3.4),
  );
  expect(due.map(({ id }) => id)).toEqual(['smoke.2', 'smoke.1']);
});

test('a chain of probes stays one, without retries, on its own target', () => {
  const check = { target: 'api', method: 'GET' as const, path: '/a', expect: { status: 200, json: {} } };
  const [first, ...others] = PROBED.hooks ?? [];
  const chain = { target: 'api', chain: [{ ...check, retries: 2 }, check] };
  const hooks = [{ ...first, spec: chain }, ...others] as Hook[];
  const [probe] = probesDue(stateAfter(onFirstStep({ ...PROBED, hooks })), 'api', minute(1));
  expect(probe?.spec).toStrictEqual({ target: 'api', chain: [check, check] });
});

test('a probe makes no retry: that would hide the failures that it counts', () => {
  const [first, ...others] = PROBED.hooks ?? [];
  const hooks = [{ ...first, spec: { ...first?.spec, retries: 3 } }, ...others] as Hook[];
  const [probe] = probesDue(stateAfter(onFirstStep({ ...PROBED, hooks })), 'api', minute(1));
  expect(probe).toMatchObject({ id: 'smoke.1' });
  expect(JSON.stringify(probe)).not.toContain('retries');
});
