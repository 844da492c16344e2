import * as z from 'zod/mini';
import { SMOKE_EVENTS } from '../analysis/types.ts';
import { SOURCES } from '../target.ts';
import { type Fault, rule, type Says, strict, textLike } from './check.ts';
import { didYouMean, nearest, oneOf } from './nearest.ts';
import { isMap, own, word } from './plain.ts';

const TARGETS_MAX = 20;
const NAME = /^[A-Za-z][A-Za-z0-9-]{0,39}$/;
const FUNCTION = /^[A-Za-z0-9_-]{1,64}$/;
const ALIAS = /^(?!\d+$)[A-Za-z0-9_-]{1,128}$/;
const QUEUE = /^(?=.{1,80}$)[A-Za-z0-9_-]+(?:\.fifo)?$/;

const functionSays: Says = ({ input }) => {
  const [, region, account, name] = /:([\w-]*):(\d*):function:([\w-]+)/.exec(word(input)) ?? [];
  if (name !== undefined)
    return `write only the function's name: \`${name}\`. It is looked for in the controller's own account and region; where those are not ${account} and ${region}, release it by a controller that is deployed there.`;
  return "write the function's name: 1 to 64 letters, digits, hyphens and underscores, no ARN and no version.";
};

const aliasSays: Says = ({ input }) => {
  if (input === '$LATEST')
    return 'traffic can not be divided on `$LATEST`; write the name of an alias, like `live`.';
  if (/^\d+$/.test(word(input))) return 'a number names a version; write the name of an alias, like `live`.';
  return "write the alias' name, like `live`: 1 to 128 letters, digits, hyphens and underscores.";
};

const sourceSays: Says = ({ input }) => `unknown source; ${oneOf(word(input), SOURCES)}`;

const queueSays: Says = ({ input }) => {
  const [, name] = /^(?:arn:|https:).*[:/]([\w-]{1,80}(?:\.fifo)?)$/.exec(word(input)) ?? [];
  if (name !== undefined) return `write only the queue's name: \`${name}\`.`;
  return "write the queue's name: 1 to 80 letters, digits, hyphens and underscores, with `.fifo` at its end if it has that.";
};

/** Name of a Lambda function. */
export const functionField = textLike(FUNCTION, functionSays);

// Exactly optional, so that the targets of an accepted file are maps of texts.
const queueField = z.exactOptional(textLike(QUEUE, queueSays));

const target = strict({
  lambda: functionField,
  alias: textLike(ALIAS, aliasSays),
  source: z._default(z.enum(SOURCES, { error: sourceSays }), 'http'),
  event: z.exactOptional(
    z.enum(SMOKE_EVENTS, {
      error: ({ input }) =>
        `${didYouMean(word(input), SMOKE_EVENTS)}write the event that its smoke tests send: ${SMOKE_EVENTS.join(', ')}.`,
    }),
  ),
  queue: queueField,
  dlq: queueField,
}).check(rule(queueFaults));

/** What receives traffic, by name. */
export const targetsField = z
  .record(z.string(), target, {
    error: () => 'write a map of targets, like `api: { lambda: my-function, alias: live }`.',
  })
  .check(
    rule(targetsFaults),
    z.meta({ minProperties: 1, maxProperties: TARGETS_MAX, propertyNames: { pattern: NAME.source } }),
    z.describe('What receives traffic, by a name of your choice; targets are raised in this order.'),
  );

/** What calls a target, as far as its file says. */
export function sourceOf(target: unknown): string {
  return word(own(target, 'source') ?? 'http');
}

/** The event that the smoke tests of a target send unless they say otherwise. */
export function eventIn(target: unknown): string | undefined {
  const event = own(target, 'event');
  return event === undefined ? undefined : word(event);
}

/** The fault of a check that names no target of the file, or none if there are several. */
export function askedFaults(targets: unknown, path: PropertyKey[], asking: unknown): Fault[] {
  const names = isMap(targets) ? Object.keys(targets) : [];
  const asked = own(asking, 'target');
  const isGood = asked === undefined ? names.length <= 1 : names.includes(word(asked));
  // Too many targets are refused as such; to look for the nearest of them again and again would take minutes.
  if (isGood || names.length === 0 || names.length > TARGETS_MAX || !isMap(asking)) return [];
  const list = nearest(word(asked), names, 3).join(', ');
  return [{ path: [...path, 'target'], message: `write the target that is asked: ${list}.` }];
}

function queueFaults(target: unknown): Fault[] {
  const [queue, dlq, source] = [own(target, 'queue'), own(target, 'dlq'), sourceOf(target)];
  const found: Fault[] = [];
  if (queue !== undefined && source !== 'sqs')
    found.push({ path: ['queue'], message: 'only a target with `source: sqs` consumes a queue; remove it.' });
  if (dlq !== undefined && !['sqs', 'async'].includes(source))
    found.push({
      path: ['dlq'],
      message: 'only a target with `source: sqs` or `async` is watched by its dead-letter queue; remove it.',
    });
  if (dlq !== undefined && dlq === queue)
    found.push({ path: ['dlq'], message: 'a queue can not be its own dead-letter queue; write the other.' });
  return found;
}

function targetsFaults(value: unknown): Fault[] {
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

function sharedAliases(targets: Record<string, unknown>): Fault[] {
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
