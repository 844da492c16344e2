import * as z from 'zod/mini';
import { strict } from '../config/check.ts';
import { acceptedSeconds, MINUTE } from '../config/duration.ts';
import type { Percent, Seconds } from '../units.ts';
import type { Step } from './plan.ts';
import { bakeField, type Strategy, step, weightField } from './strategy.ts';

const options = strict({
  by: weightField.check(z.describe('What each step adds to the weight: a whole percent from 1 to 99.')),
  every: bakeField.check(z.describe('Least time at each weight, from 1m to 7d.')),
}).check(z.describe('Equal steps: by 10 means 10, 20 and so on to 90.'));

/** Equal steps. Presets: CodeDeploy user guide, "Predefined deployment configurations". */
export const linear = {
  options,
  example: 'linear: { by: 10, every: 2m }',
  steps: (value: unknown) => {
    const { by, every } = options.parse(value);
    return equal(by, acceptedSeconds(every));
  },
  presets: {
    Linear10PercentEvery1Minute: equal(10, MINUTE),
    Linear10PercentEvery2Minutes: equal(10, 2 * MINUTE),
    Linear10PercentEvery3Minutes: equal(10, 3 * MINUTE),
    Linear10PercentEvery10Minutes: equal(10, 10 * MINUTE),
  },
} satisfies Strategy;

function equal(by: Percent, bakeSeconds: Seconds): Step[] {
  return Array.from({ length: Math.ceil(100 / by) - 1 }, (_, index) => step(by * (index + 1), bakeSeconds));
}
