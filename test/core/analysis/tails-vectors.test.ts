import { describe, expect, it } from 'vitest';
import { logFactorExact } from '../../../core/analysis/exact.ts';
import {
  guardBets,
  guardShare,
  mustShow,
  shareAtMost,
  toleratedOdds,
} from '../../../core/analysis/tolerance.ts';
import { enough, minutesTo, share80, visible } from '../../../core/analysis/visible.ts';
import tails from './tails-vectors.json' with { type: 'json' };

/** By name; a list as input means positional arguments. */
// biome-ignore lint/suspicious/noExplicitAny: JSON of many shapes, of which only numbers are compared
const FUNCTIONS: Record<string, (...input: any[]) => unknown> = {
  logFactorExact,
  toleratedOdds,
  shareAtMost,
  guardShare,
  guardBets,
  mustShow,
  enough,
  share80,
  visible,
  minutesTo,
};

const own = tails.vectors.filter(({ fn }) => FUNCTIONS[fn] !== undefined);

describe('the vectors of counts and of what a step can see', () => {
  it.each(own.map(({ fn, input, expected }, nth) => ({ nth, fn, input, expected })))(
    '$nth: $fn agrees to nine digits',
    ({ fn, input, expected }) => {
      const got = FUNCTIONS[fn]?.(...(Array.isArray(input) ? input : [input]));
      const [values, wanted] = [got ?? null, expected].map((each) => (Array.isArray(each) ? each : [each]));
      expect(values).toHaveLength(wanted?.length ?? 0);
      for (const [at, value] of (wanted ?? []).entries())
        if (value === null) expect(values?.[at]).toBeNull();
        else expect(values?.[at]).toBeCloseTo(value as number, 9);
    },
  );

  it('are of functions that are all put to them', () => {
    expect(new Set(own.map(({ fn }) => fn))).toEqual(new Set(Object.keys(FUNCTIONS)));
  });
});
