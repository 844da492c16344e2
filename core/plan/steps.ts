import * as z from 'zod/mini';
import { type Fault, list, rule, type Says, strict, textLike } from '../config/check.ts';
import { acceptedSeconds, DAY, secondsFrom } from '../config/duration.ts';
import { oneOf } from '../config/nearest.ts';
import { isMap, own, word } from '../config/plain.ts';
import { kindIn, type TargetKinds } from '../target-kind.ts';
import type { Step } from './plan.ts';
import { INSIDE_MAX, placeAfter } from './segments.ts';
import { BAKE_MIN, bakeField, fineWeightField, isMultiple, type Strategy, step } from './strategy.ts';

const STEPS_MAX = 100;
const INVOCATIONS_MAX = 1_000_000;
const INVOCATIONS = /^([1-9]\d{0,6}) invocations?$/;

const countSays: Says = ({ input }) =>
  /^[1-9]\d*$/.test(word(input))
    ? `a count needs its unit; write \`${word(input)} invocations\`, at most ${INVOCATIONS_MAX}.`
    : `write a number of invocations from 1 to ${INVOCATIONS_MAX}, like \`20 invocations\`.`;

const segmentSays: Says = () => 'write the name of one of the `segments` of this file.';

const oneStep = strict({
  weight: fineWeightField.check(
    z.describe(
      'Share of traffic on the canary: a whole percent from 1 to 99, and where every target takes parts of one also less, down to 0.01.',
    ),
  ),
  segment: z
    .optional(z.string({ error: segmentSays }))
    .check(
      z.describe(
        'The segment whose visitors alone this step raises, to `weight` percent of them; only if every target is a site.',
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

/** Finds each weight that does not rise above all the weights before it that its visitors had. */
function unrisen(list: unknown): Fault[] {
  const found: Fault[] = [];
  const highest = new Map<string, number>();
  const whole = () => highest.get('') ?? 0;
  for (const [index, item] of Array.isArray(list) ? list.entries() : []) {
    const weight = fineWeightField.safeParse(own(item, 'weight')).data;
    if (weight === undefined) continue;
    const segment = word(own(item, 'segment'));
    const before = Math.max(whole(), highest.get(segment) ?? 0);
    const path = [index, 'weight'];
    const fix = 'each step must raise the weight; raise it or remove this step.';
    const whose = segment === '' ? '' : ' that this segment has';
    if (weight === before) found.push({ path, message: `it repeats the weight before it${whose}; ${fix}` });
    if (weight < before) found.push({ path, message: `it is below the ${before} before it${whose}; ${fix}` });
    highest.set(segment, Math.max(before, weight));
  }
  return found;
}

/** Finds steps inside segments that cannot be: of no segment of the file, for targets that know none, too many, or last. */
export function insideFaults(file: Record<string, unknown>, kinds: TargetKinds): Fault[] {
  const { steps: written, targets, segments } = file;
  const steps: unknown[] = Array.isArray(written) ? written : [];
  const known = isMap(segments) ? Object.keys(segments) : [];
  const named = steps.map((item) => word(own(item, 'segment')));
  const faults = named.flatMap((name, index): Fault[] => {
    if (name === '' || known.includes(name)) return [];
    const message =
      known.length === 0
        ? 'unknown segment; write who is in it under `segments`.'
        : `unknown segment; ${oneOf(name, known)}`;
    return [{ path: ['steps', index, 'segment'], message }];
  });
  const unused = known
    .filter((name) => !named.includes(name))
    .map((name) => ({
      path: ['segments', name],
      message: `no step is inside it; write \`- { segment: ${name}, weight: 50, bake: 30m }\` under \`steps\`, or remove it.`,
    }));
  const first = named.findIndex((name) => name !== '');
  if (first < 0) return [...faults, ...unused];
  const rough = Object.entries(isMap(targets) ? targets : {}).find(
    ([, spec]) => kindIn(kinds, spec)?.hasSegments !== true,
  );
  if (rough !== undefined)
    faults.push({
      path: ['steps', first, 'segment'],
      message: `the calls of \`${rough[0]}\` are not told apart by visitor, so only a file whose targets are all sites may have such a step; remove \`segment\`.`,
    });
  if (named.at(-1) !== '')
    faults.push({
      path: ['steps', named.length - 1, 'segment'],
      message:
        'everybody would follow at once; add a step without `segment` after it, like `- { weight: 1, bake: 10m }`.',
    });
  let inRow = 0;
  for (const [index, name] of named.entries()) {
    inRow = name === '' ? 0 : inRow + 1;
    if (inRow === INSIDE_MAX + 1)
      faults.push({
        path: ['steps', index, 'segment'],
        message: `at most ${INSIDE_MAX} steps inside segments may follow each other; remove some.`,
      });
  }
  return [...faults, ...unused];
}

/** Finds each weight that some target cannot have. */
export function fineWeightFaults(file: Record<string, unknown>, kinds: TargetKinds): Fault[] {
  const { steps: list, targets } = file;
  const units = Object.entries(isMap(targets) ? targets : {}).map(([name, spec]) => ({
    name,
    unit: kindIn(kinds, spec)?.weightUnit ?? 0,
  }));
  return (Array.isArray(list) ? list : []).flatMap((item, index) => {
    if (own(item, 'segment') !== undefined) return [];
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
  steps: (value: unknown) => placed(options.parse(value)),
  presets: {},
} satisfies Strategy;

/** The steps with those inside segments between the weights of the others. */
function placed(written: z.output<typeof options>): Step[] {
  let [whole, nth] = [0, 0];
  return written.map((each) => {
    const { segment, weight } = each;
    if (segment === undefined) [whole, nth] = [weight, 0];
    else nth += 1;
    const step = stepFrom(each);
    return segment === undefined
      ? step
      : { ...step, weight: placeAfter(whole, nth), within: { segment, weight } };
  });
}

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
