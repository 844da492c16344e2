import { describe, expect, test } from 'vitest';
import type { ProbeCounts } from '../../../core/analysis/types.ts';
import type { Opening, RolloutEvent } from '../../../core/rollout/event.ts';
import { NO_PROBES } from '../../../core/rollout/probe-counts.ts';
import { probesDue } from '../../../core/rollout/probing.ts';
import {
  type Event,
  inVerify,
  measured,
  minute,
  onFirstStep,
  opened,
  reverted,
  smokeHooks,
  stateAfter,
} from './given.ts';

const PROBED: Partial<Opening> = {
  hooks: smokeHooks('/health', '/cart', '/new'),
  probe: { everySeconds: 10, smoke: ['smoke.1', 'smoke.2'] },
};

const pairs = (count: number, more: Partial<ProbeCounts> = {}): ProbeCounts => ({
  ...NO_PROBES,
  ticks: 1,
  pairs: count,
  ...more,
});

/** A tick that put these probes, so many minutes after the opening. */
const tick = (minutes: number, counts: ProbeCounts): Event<'Measured'> => ({
  ...measured('inconclusive', [1, minutes - 1]),
  probes: { api: counts },
});

describe('probes are due', () => {
  const ids = (minutes: number, ...history: RolloutEvent[]) =>
    probesDue(stateAfter(history), 'api', minute(minutes)).map(({ id }) => id);

  test('as many as `every` says since the last tick, those smoke tests in turn that may be repeated', () => {
    expect(ids(1, ...onFirstStep(PROBED))).toEqual(['smoke.1', 'smoke.2', 'smoke.1']);
    expect(ids(3.5, ...onFirstStep(PROBED), tick(3, pairs(5)))).toEqual(['smoke.2', 'smoke.1', 'smoke.2']);
    expect(ids(3.1, ...onFirstStep(PROBED), tick(3, pairs(5)))).toEqual([]);
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

test('a probe that could not be put had its turn', () => {
  const due = probesDue(stateAfter(onFirstStep(PROBED), tick(3, pairs(3, { unput: 2 }))), 'api', minute(3.4));
  expect(due.map(({ id }) => id)).toEqual(['smoke.2', 'smoke.1']);
});
