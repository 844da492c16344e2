import * as z from 'zod';
import { ALWAYS, strict } from '../config/check.ts';
import { acceptedSeconds, secondsFrom } from '../config/duration.ts';
import { own, word } from '../config/plain.ts';
import { bakeField, type Strategy, step, weightField } from './strategy.ts';

const STEPS_MAX = 100;

const oneStep = strict({
  weight: weightField.describe('Share of traffic on the canary: a whole percent from 1 to 99.'),
  bake: bakeField.describe('Least time at this weight, from 1m to 7d.'),
  maxBake: bakeField
    .optional()
    .describe('Longest time at this weight before `onInconclusive` applies; three bakes where it is absent.'),
}).superRefine((value, context) => {
  const [bake, maxBake] = ['bake', 'maxBake'].map((key) => secondsFrom(word(own(value, key))));
  if (bake === undefined || maxBake === undefined || maxBake >= bake) return;
  context.addIssue({ code: 'custom', path: ['maxBake'], message: 'it must be at least as long as `bake`.' });
}, ALWAYS);

const error = () => `write a list of 1 to ${STEPS_MAX} steps; for none, write \`strategy: all-at-once\`.`;

const options = z
  .array(oneStep, { error })
  .min(1, { error })
  .max(STEPS_MAX, { error })
  .superRefine((list, context) => {
    for (const { index, message } of unrisen(list)) {
      context.addIssue({ code: 'custom', path: [index, 'weight'], message });
    }
  }, ALWAYS)
  .describe('The steps, in rising order of weight.');

/** Finds each weight that does not rise above all the weights before it. */
function unrisen(list: unknown): { index: number; message: string }[] {
  const found: { index: number; message: string }[] = [];
  let highest = 0;
  for (const [index, item] of Array.isArray(list) ? list.entries() : []) {
    const weight = weightField.safeParse(own(item, 'weight')).data;
    if (weight === undefined) continue;
    const mend = 'each step must raise the weight; raise it or remove this step.';
    if (weight === highest) found.push({ index, message: `it repeats the weight before it; ${mend}` });
    if (weight < highest) found.push({ index, message: `it is below the ${highest} before it; ${mend}` });
    highest = Math.max(highest, weight);
  }
  return found;
}

/** The steps as the user lists them. */
export const steps = {
  options,
  example: 'steps: [{ weight: 10, bake: 5m }]',
  steps: (value: unknown) =>
    options
      .parse(value)
      .map(({ weight, bake, maxBake }) =>
        step(weight, acceptedSeconds(bake), maxBake === undefined ? undefined : acceptedSeconds(maxBake)),
      ),
  presets: {},
} satisfies Strategy;
