import * as z from 'zod/mini';
import { exactlyOne, type Fault } from '../config/check.ts';
import { durationText, MINUTE } from '../config/duration.ts';
import { didYouMean } from '../config/nearest.ts';
import { own, word } from '../config/plain.ts';
import { allAtOnce } from './all-at-once.ts';
import { blueGreen } from './blue-green.ts';
import { canary } from './canary.ts';
import { exponential } from './exponential.ts';
import { linear } from './linear.ts';
import type { Step } from './plan.ts';
import { steps } from './steps.ts';
import { BAKE_MAX, BAKE_MIN, type Strategy } from './strategy.ts';

/** Where a word in the user's file becomes a strategy. Add yours here and nowhere else. */
export const strategies = {
  steps,
  linear,
  exponential,
  canary,
  'blue-green': blueGreen,
  'all-at-once': allAtOnce,
} satisfies Record<string, Strategy>;

type Strategies = typeof strategies;
type OptionFields = {
  [K in keyof Strategies as Strategies[K] extends { options: z.ZodMiniType }
    ? K
    : never]: Strategies[K] extends {
    options: infer Options extends z.ZodMiniType;
  }
    ? z.ZodMiniOptional<Options>
    : never;
};

const all: [string, Strategy][] = Object.entries(strategies);

/** CodeDeploy's own names carry a prefix that SAM leaves out (CodeDeploy user guide; SAM `DeploymentPreference.Type`). */
const PREFIXES = ['', 'Lambda', 'CodeDeployDefault.Lambda'];

const named = new Map<string, { steps: Step[]; imported: boolean }>(
  all.flatMap(([name, { options, steps, presets }]) => [
    ...(options === undefined ? [[name, { steps: steps(), imported: false }] as const] : []),
    ...Object.entries(presets).flatMap(([preset, steps]) =>
      PREFIXES.map((prefix) => [prefix + preset, { steps, imported: true }] as const),
    ),
  ]),
);

const optionFields = Object.fromEntries(
  all.flatMap(([name, { options }]) => (options === undefined ? [] : [[name, z.optional(options)]])),
) as OptionFields;

/** The fields of a rollout file that say how the release goes out; exactly one of them must stand in it. */
export const strategyFields = {
  ...optionFields,
  strategy: z
    .optional(z.enum([...named.keys()], { error: ({ input }) => unknownName(input) }))
    .check(z.describe('A strategy by its name: `all-at-once`, `blue-green`, or a CodeDeploy or SAM preset.')),
};

const examples: Record<string, string> = {
  ...Object.fromEntries(all.flatMap(([name, { options, example }]) => (options ? [[name, example]] : []))),
  strategy: allAtOnce.example,
};

/**
 * The steps that an accepted rollout file means, with `preset` if they are another tool's.
 * @throws Error if the file has none of the fields, which its schema refuses
 */
export function stepsFrom(file: { [K in keyof typeof strategyFields]?: unknown }): {
  steps: Step[];
  preset?: string;
} {
  for (const [name, strategy] of all) {
    const options = (file as Record<string, unknown>)[name];
    if (options !== undefined) return { steps: strategy.steps(options) };
  }
  const name = String(file.strategy);
  const known = named.get(name);
  if (known === undefined) throw new Error(`No strategy is called "${name}", although it was accepted.`);
  return known.imported ? { steps: known.steps, preset: name } : { steps: known.steps };
}

/** The steps of a file that need not be accepted; undefined if its strategy cannot be read. */
export function stepsAsWritten(file: unknown): Step[] | undefined {
  for (const [name, { options, steps }] of all) {
    const written = own(file, name);
    if (written !== undefined && options !== undefined)
      return options.safeParse(written).success ? steps(written) : undefined;
  }
  return named.get(word(own(file, 'strategy')))?.steps;
}

/** What a rollout file says too little or too much of for exactly one strategy. */
export function strategyFaults(file: unknown): Fault[] {
  const list = Object.values(examples).map((example) => `\`${example}\``);
  const message = `write exactly one of ${list.join(', ')}.`;
  const chosen = all.find(([name]) => name === own(file, 'strategy'))?.[1];
  return [
    ...exactlyOne(file, Object.keys(strategyFields), { path: ['steps'], message }),
    ...(chosen?.faults?.(file) ?? []),
  ];
}

/** True if a rollout file names a strategy that goes from 0 to 100 % at once. */
export function isStepless(file: unknown): boolean {
  return named.get(word(own(file, 'strategy')))?.steps.length === 0;
}

function unknownName(input: unknown): string {
  const ours = all.find(([name]) => name === input)?.[1];
  if (ours !== undefined) return `it has a key of its own; write \`${ours.example}\`.`;
  const names = all.flatMap(([name, { options, presets }]) => [
    ...(options === undefined ? [name] : []),
    ...Object.keys(presets),
  ]);
  const name = word(input);
  const own = ownForm(name);
  if (own !== undefined) return `unknown strategy, but its name says what it does; write \`${own}\`.`;
  const plain = name.replace(/^(CodeDeployDefault\.)?Lambda/, '');
  const hint = didYouMean(plain, names);
  return `unknown strategy${hint === '' ? '. ' : `; ${hint}`}${KNOWN}`;
}

const KNOWN =
  'Known are `all-at-once`, `blue-green` and the presets of CodeDeploy and SAM, like `Canary10Percent5Minutes`.';

/** How what a name of CodeDeploy's form says is written here, whatever its numbers: also those of configurations that a team made and named itself. */
function ownForm(name: string): string | undefined {
  const plain = name.replace(/^CodeDeployDefault\./i, '').replace(/^(?:Lambda|ECS)/i, '');
  if (/^AllAtOnce$/i.test(plain)) return 'strategy: all-at-once';
  const [, kind = '', percent, time, unit = ''] =
    /^(Canary|Linear)(\d{1,2})Percent(?:Every)?(\d{1,5})(Minute|Hour)s?$/i.exec(plain) ?? [];
  const seconds = Number(time) * (unit.toLowerCase() === 'hour' ? 60 : 1) * MINUTE;
  if (percent === undefined || Number(percent) < 1 || seconds < BAKE_MIN || seconds > BAKE_MAX)
    return undefined;
  return kind.toLowerCase() === 'canary'
    ? `canary: { weight: ${Number(percent)}, bake: ${durationText(seconds)} }`
    : `linear: { by: ${Number(percent)}, every: ${durationText(seconds)} }`;
}
