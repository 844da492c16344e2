import * as z from 'zod';
import { ALWAYS, strict } from './check.ts';
import { nearest } from './nearest.ts';
import { isMap, own, word } from './plain.ts';

const TARGETS_MAX = 20;
const NAME = /^[A-Za-z][A-Za-z0-9-]{0,39}$/;
const FUNCTION = /^[A-Za-z0-9_-]{1,64}$/;
const ALIAS = /^(?!\d+$)[A-Za-z0-9_-]{1,128}$/;
const SOURCES = ['http', 'invoke'] as const;
const SOURCES_LATER = ['sqs', 'schedule', 'stream', 'async'];

type Fault = (issue: { input?: unknown }) => string;

const functionFault: Fault = ({ input }) => {
  const [, name] = /:function:([\w-]+)/.exec(word(input)) ?? [];
  if (name !== undefined) return `write only the function's name: \`${name}\`.`;
  return "write the function's name: 1 to 64 letters, digits, hyphens and underscores, no ARN and no version.";
};

const aliasFault: Fault = ({ input }) => {
  if (input === '$LATEST')
    return 'traffic can not be divided on `$LATEST`; write the name of an alias, like `live`.';
  if (/^\d+$/.test(word(input))) return 'a number names a version; write the name of an alias, like `live`.';
  return "write the alias' name, like `live`: 1 to 128 letters, digits, hyphens and underscores.";
};

const sourceFault: Fault = ({ input }) => {
  if (SOURCES_LATER.includes(word(input)))
    return `this source is not supported yet; known are ${SOURCES.join(', ')}.`;
  return `no source is called so; did you mean \`${nearest(word(input), SOURCES)[0]}\`? Known are ${SOURCES.join(', ')}.`;
};

const target = strict({
  lambda: z
    .string({ error: functionFault })
    .regex(FUNCTION, { error: functionFault })
    .describe('Name of the Lambda function; no ARN.'),
  alias: z
    .string({ error: aliasFault })
    .regex(ALIAS, { error: aliasFault })
    .describe('The alias that the callers use; its weights are what moves.'),
  source: z
    .enum(SOURCES, { error: sourceFault })
    .default('http')
    .describe(
      'What calls it: `http` (API Gateway or a function URL) or `invoke` (anything that waits for the answer).',
    ),
});

/** What receives traffic, by name. */
export const targetsField = z
  .record(z.string(), target, {
    error: () => 'write a map of targets, like `api: { lambda: my-function, alias: live }`.',
  })
  .superRefine((value, context) => {
    for (const { path, message } of targetsFaults(value)) context.addIssue({ code: 'custom', path, message });
  }, ALWAYS)
  .meta({ minProperties: 1, maxProperties: TARGETS_MAX, propertyNames: { pattern: NAME.source } })
  .describe('What receives traffic, by a name of your choice; targets are raised in this order.');

function targetsFaults(value: unknown): { path: string[]; message: string }[] {
  if (!isMap(value)) return [];
  const names = Object.keys(value);
  const isCountGood = names.length >= 1 && names.length <= TARGETS_MAX;
  const badNames = names.filter((name) => !NAME.test(name));
  return [
    ...(isCountGood
      ? []
      : [{ path: [], message: `a rollout has 1 to ${TARGETS_MAX} targets; this has ${names.length}.` }]),
    ...badNames.map((name) => ({
      path: [name],
      message:
        "a target's name begins with a letter and has at most 40 letters, digits and hyphens; rename it.",
    })),
    ...sharedAliases(value),
  ];
}

function sharedAliases(targets: Record<string, unknown>): { path: string[]; message: string }[] {
  const first = new Map<string, string>();
  return Object.entries(targets).flatMap(([name, item]) => {
    const parts = [word(own(item, 'lambda')), word(own(item, 'alias'))];
    const key = parts.join(':');
    const other = first.get(key);
    if (other === undefined) first.set(key, name);
    if (other === undefined || parts.includes('')) return [];
    return [
      { path: [name], message: `\`${other}\` has the same function and alias; remove one of the two.` },
    ];
  });
}
