import * as z from 'zod/mini';
import { SOURCES } from '../target.ts';
import { kindIn, type TargetKinds, type TargetSpec } from '../target-kind.ts';
import { type Fault, rule, type Says } from './check.ts';
import { nearest, oneOf } from './nearest.ts';
import { isMap, own, word } from './plain.ts';

const TARGETS_MAX = 20;
/** Names of targets. */
export const TARGET_NAME = /^[A-Za-z][A-Za-z0-9-]{0,39}$/;

const sourceSays: Says = ({ input }) => `unknown source; ${oneOf(word(input), SOURCES)}`;

/** What calls a target. */
export const sourceField = z._default(z.enum(SOURCES, { error: sourceSays }), 'http');

/** What receives traffic, by name. */
export function targetsField(kinds: TargetKinds) {
  return z
    .record(z.string(), specField(kinds), {
      error: () => `write a map of targets, like \`api: ${kinds[0].example}\`.`,
    })
    .check(
      rule((targets) => targetsFaults(targets, kinds)),
      z.meta({
        minProperties: 1,
        maxProperties: TARGETS_MAX,
        propertyNames: { pattern: TARGET_NAME.source },
      }),
      z.describe('What receives traffic, by a name of your choice; targets are raised in this order.'),
    );
}

function specField([first, ...others]: TargetKinds): z.ZodMiniType<TargetSpec> {
  return others.length === 0
    ? first.spec
    : z.union([first.spec, ...others.map(({ spec }) => spec)], { error: () => '' });
}

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

function targetsFaults(value: unknown, kinds: TargetKinds): Fault[] {
  if (!isMap(value)) return [];
  const names = Object.keys(value);
  const isCountGood = names.length >= 1 && names.length <= TARGETS_MAX;
  const badNames = names.filter((name) => !TARGET_NAME.test(name));
  return [
    ...(isCountGood
      ? []
      : [{ path: [], message: `a rollout has 1 to ${TARGETS_MAX} targets; this has ${names.length}.` }]),
    ...badNames.map((name) => ({
      path: [name],
      message:
        "a target's name begins with a letter and has at most 40 letters, digits and hyphens; rename it.",
    })),
    ...sameThings(value, kinds),
  ];
}

function sameThings(targets: Record<string, unknown>, kinds: TargetKinds): Fault[] {
  const first = new Map<string, string>();
  return Object.entries(targets).flatMap(([name, item]) => {
    const { kind, identity } = kindIn(kinds, item) ?? kinds[0];
    const parts = identity.fields.map((field) => word(own(item, field)));
    const key = [kind, ...parts].join(':');
    const other = first.get(key);
    if (other === undefined) first.set(key, name);
    if (other === undefined || parts.includes('')) return [];
    return [{ path: [name], message: `\`${other}\` has the same ${identity.noun}; remove one of the two.` }];
  });
}
