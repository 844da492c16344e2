import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RolloutEvent } from '../../../core/rollout/event.ts';
import {
  intended,
  inVerify,
  onFirstStep,
  onSecondStep,
  PROBED,
  pairs,
  probed,
  raised,
  shifted,
  stateAfter,
} from '../rollout/given.ts';

describe('what came of probes', () => {
  const probes = (...history: RolloutEvent[]) => stateAfter(history).probes?.api;

  test('is added up tick by tick, for the rollout and for the step', () => {
    const failed = pairs(6, { canary: 2, stable: 1, both: 1, failure: 'GET /cart answered 500' });
    const skipped = pairs(3, { skipped: 1, skippedWhy: 'Rate Exceeded' });
    expect(probes(...onFirstStep(PROBED), probed(3, failed), probed(4, skipped))).toEqual({
      all: {
        ...{ ticks: 2, pairs: 9, canary: 2, stable: 1, both: 1, skipped: 1 },
        ...{ failure: 'GET /cart answered 500', skippedWhy: 'Rate Exceeded' },
      },
      step: expect.objectContaining({ pairs: 9, canary: 2 }),
    });
  });

  test('belongs to its step: the next one begins with none, and what was put on the way belongs to no step', () => {
    const here = [...onFirstStep(PROBED), probed(3, pairs(6))];
    expect(probes(...here, ...raised(50, 2, 3.5))).toMatchObject({ all: { pairs: 6 }, step: { pairs: 0 } });
    const moving = [...here, intended(50, 2, 3.5), probed(4, pairs(5)), shifted(50, 2, 4.2)];
    expect(probes(...moving)).toMatchObject({ all: { pairs: 11 }, step: { pairs: 0 } });
    expect(probes(...inVerify(PROBED), probed(10, pairs(4)))).toMatchObject({ step: { pairs: 4 } });
    expect(probes(...onSecondStep(PROBED))).toBeUndefined();
  });

  test('whatever the ticks, each counts once: all are the sum of the events, and a step has no more than all', () => {
    const counts = fc.nat(60).map((count) => pairs(count, { canary: Math.floor(count / 3) }));
    fc.assert(
      fc.property(fc.array(counts, { maxLength: 30 }), fc.nat(30), (ticks, raisedAfter) => {
        const history = ticks.flatMap((each, index) => [
          ...(index === raisedAfter ? raised(50, 2, 2 + index) : []),
          probed(3 + index, each),
        ]);
        const found = probes(...onFirstStep(PROBED), ...history);
        const sum = ticks.reduce((total, each) => total + each.pairs, 0);
        const sinceRaise = ticks.slice(raisedAfter).reduce((total, each) => total + each.pairs, 0);
        expect(found?.all.pairs ?? 0).toBe(sum);
        expect(found?.step.pairs ?? 0).toBe(raisedAfter < ticks.length ? sinceRaise : sum);
      }),
    );
  });
});
