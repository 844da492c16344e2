import * as z from 'zod/mini';
import { type Fault, list, rule, type Says, strict, textLike } from '../config/check.ts';
import { acceptedSeconds, DAY, secondsFrom } from '../config/duration.ts';
import { isMap, own, word } from '../config/plain.ts';
import { kindIn, type TargetKinds } from '../target-kind.ts';
import type { Step } from './plan.ts';
import { BAKE_MIN, bakeField, fineWeightField, isMultiple, type Strategy, step } from './strategy.ts';

const STEPS_MAX = 100;
const INVOCATIONS_MAX = 1_000_000;
const INVOCATIONS = /^([1-9]\d{0,6}) invocations?$/;

const countSays: Says = ({ input }) =>
  /^[1-9]\d*$/.test(word(input))
    ? `a count needs its unit; write \`${word(input)} invocations\`, at most ${INVOCATIONS_MAX}.`
    : `write a number of invocations from 1 to ${INVOCATIONS_MAX}, like \`20 invocations\`.`;

const oneStep = strict({
  weight: fineWeightField.check(
    z.describe(
      'Share of traffic on the canary: a whole percent from 1 to 99, and where every target takes parts of one also less, down to 0.01.',
    ),
  ),
  bake: z
    .optional(bakeField)
    .check(z.describe('Least time at this weight, from 1m to 7d; 1m if it is absent and `until` is set.')),
  maxBake: z
    .optional(bakeField)
    .check(
      z.describe(
        'Longest time at this weight before `onInconclusive` applies; three bakes if it is absent, and with `until` a day at least.',
      ),
    ),
  until: z
    .optional(
      strict({
        canary: textLike(INVOCATIONS, countSays).check(
          z.refine((text) => invocationsFrom(text) <= INVOCATIONS_MAX, { error: countSays }),
          z.describe('Invocations of the new version, like `20 invocations`.'),
        ),
      }),
    )
    .check(z.describe('What must have arrived before this step ends, if a number says more than a time.')),
}).check(rule(stepFaults), z.meta({ anyOf: ['bake', 'until'].map((name) => ({ required: [name] })) }));

const error = () => `write a list of 1 to ${STEPS_MAX} steps; for none, write \`strategy: all-at-once\`.`;

const options = list(oneStep, STEPS_MAX, error).check(
  z.minLength(1, { error }),
  rule(unrisen),
  z.describe('The steps, in rising order of weight.'),
);

function stepFaults(value: unknown): Fault[] {
  if (!isMap(value)) return [];
  if (own(value, 'bake') === undefined && own(value, 'until') === undefined) {
    const message = 'write the least time at this weight, like `5m`, or `until: { canary: 20 invocations }`.';
    return [{ path: ['bake'], message }];
  }
  const [bake, maxBake] = ['bake', 'maxBake'].map((key) => secondsFrom(word(own(value, key))));
  if (bake === undefined || maxBake === undefined || maxBake >= bake) return [];
  return [{ path: ['maxBake'], message: 'it must be at least as long as `bake`.' }];
}

/** Finds each weight that does not rise above all the weights before it. */
function unrisen(list: unknown): Fault[] {
  const found: Fault[] = [];
  let highest = 0;
  for (const [index, item] of Array.isArray(list) ? list.entries() : []) {
    const weight = fineWeightField.safeParse(own(item, 'weight')).data;
    if (weight === undefined) continue;
    const path = [index, 'weight'];
    const fix = 'each step must raise the weight; raise it or remove this step.';
    if (weight === highest) found.push({ path, message: `it repeats the weight before it; ${fix}` });
    if (weight < highest) found.push({ path, message: `it is below the ${highest} before it; ${fix}` });
    highest = Math.max(highest, weight);
  }
  return found;
}

/** Finds each weight that some target cannot have. */
export function fineWeightFaults(file: Record<string, unknown>, kinds: TargetKinds): Fault[] {
  const { steps: list, targets } = file;
  const units = Object.entries(isMap(targets) ? targets : {}).map(([name, spec]) => ({
    name,
    unit: kindIn(kinds, spec)?.weightUnit ?? 0,
  }));
  return (Array.isArray(list) ? list : []).flatMap((item, index) => {
    const weight = fineWeightField.safeParse(own(item, 'weight')).data;
    const rough = units.find(({ unit }) => weight !== undefined && unit > 0 && !isMultiple(weight, unit));
    if (rough === undefined) return [];
    return [
      {
        path: ['steps', index, 'weight'],
        message: `a weight is a whole percent from 1 to 99, since \`${rough.name}\` takes no parts of one.`,
      },
    ];
  });
}

/** The steps as the user lists them. */
export const steps = {
  options,
  example: 'steps: [{ weight: 10, bake: 5m }]',
  steps: (value: unknown) => options.parse(value).map(stepFrom),
  presets: {},
} satisfies Strategy;

/** A step that waits for a number may wait a day at least: the number says that traffic is rare. */
function stepFrom({ weight, bake, maxBake, until }: z.output<typeof oneStep>): Step {
  const longest = maxBake === undefined ? undefined : acceptedSeconds(maxBake);
  const timed = step(weight, bake === undefined ? BAKE_MIN : acceptedSeconds(bake), longest);
  if (until === undefined) return timed;
  const maxBakeSeconds = longest ?? Math.max(DAY, timed.maxBakeSeconds);
  return { ...timed, maxBakeSeconds, untilRequests: invocationsFrom(until.canary) };
}

function invocationsFrom(text: string): number {
  return Number(INVOCATIONS.exec(text)?.[1] ?? 0);
}
