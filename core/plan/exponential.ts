import * as z from 'zod/mini';
import { between, type Says, strict } from '../config/check.ts';
import { acceptedSeconds } from '../config/duration.ts';
import type { Percent } from '../units.ts';
import { bakeField, type Strategy, step, weightField } from './strategy.ts';

const FACTOR_MIN = 1.1;
const FACTOR_MAX = 99;

const factorSays: Says = () => `write a number from ${FACTOR_MIN} to ${FACTOR_MAX}, like 2.`;

const options = strict({
  from: weightField.check(z.describe('The first weight: a whole percent from 1 to 99.')),
  factor: between(FACTOR_MIN, FACTOR_MAX, factorSays).check(
    z.describe('What each step multiplies the weight by, from 1.1 to 99.'),
  ),
  every: bakeField.check(z.describe('Least time at each weight, from 1m to 7d.')),
}).check(z.describe('Growing steps: from 1 by factor 2 means 1, 2, 4 and so on to 64.'));

/** Growing steps, in whole percents: small while little is known, large once much is. */
export const exponential = {
  options,
  example: 'exponential: { from: 1, factor: 2, every: 5m }',
  steps: (value: unknown) => {
    const { from, factor, every } = options.parse(value);
    return growing(from, factor).map((weight) => step(weight, acceptedSeconds(every)));
  },
  presets: {},
} satisfies Strategy;

/** The rounded weights below 100, each once: a small factor gives the same whole percent several times. */
function growing(from: Percent, factor: number): Percent[] {
  const weights = new Set<Percent>();
  for (let weight = from; Math.round(weight) < 100; weight *= factor) weights.add(Math.round(weight));
  return [...weights];
}
