import * as z from 'zod/mini';
import { strict } from '../config/check.ts';
import { acceptedSeconds, MINUTE } from '../config/duration.ts';
import { bakeField, type Strategy, step, weightField } from './strategy.ts';

const options = strict({
  weight: weightField.check(z.describe('Share of traffic on the canary: a whole percent from 1 to 99.')),
  bake: bakeField.check(z.describe('Least time at this weight, from 1m to 7d.')),
}).check(z.describe('One step before everything.'));

/** One step, then everything. Presets: CodeDeploy user guide, "Predefined deployment configurations". */
export const canary = {
  options,
  example: 'canary: { weight: 10, bake: 5m }',
  steps: (value: unknown) => {
    const { weight, bake } = options.parse(value);
    return [step(weight, acceptedSeconds(bake))];
  },
  presets: {
    Canary10Percent5Minutes: [step(10, 5 * MINUTE)],
    Canary10Percent10Minutes: [step(10, 10 * MINUTE)],
    Canary10Percent15Minutes: [step(10, 15 * MINUTE)],
    Canary10Percent30Minutes: [step(10, 30 * MINUTE)],
  },
} satisfies Strategy;
