import * as z from 'zod/mini';
import { OTHERS, type Segment } from '../plan/segments.ts';
import { exactlyOne, type Fault, list, rule, type Says, strict, textLike } from './check.ts';
import { isMap } from './plain.ts';

/** Segments of a file, and what may be listed of one: all of them stand in a value of at most 1,024 bytes. */
const SEGMENTS_MAX = 5;
const VALUES_MAX = 30;

const NAME = /^[a-z][a-z0-9-]{0,19}$/;

const headerSays: Says = () => 'write the name of a header in small letters, like `x-beta`.';
const cookieSays: Says = () => 'write the name of a cookie: letters, digits, hyphens and underscores.';
const countrySays: Says = () =>
  'write a list of countries by their two capital letters (ISO 3166-1), like `[SE, NO]`.';
const isSays: Says = () =>
  `write a list of 1 to ${VALUES_MAX} texts of at most 64 characters, like \`["1"]\`; who shows exactly one of them is in the segment.`;

const some = (pattern: RegExp, says: Says) =>
  list(textLike(pattern, says), VALUES_MAX, says).check(z.minLength(1, { error: says }));

const segment = strict({
  header: z
    .optional(textLike(/^[a-z0-9-]{1,64}$/, headerSays))
    .check(z.describe('Name of a header that its visitors send, in small letters; with `is`.')),
  cookie: z
    .optional(textLike(/^[\w-]{1,64}$/, cookieSays))
    .check(z.describe('Name of a cookie that its visitors have; with `is`.')),
  is: z
    .optional(some(/^[\x21-\x7e]{1,64}$/, isSays))
    .check(z.describe('Who shows exactly one of these texts is in the segment.')),
  country: z
    .optional(some(/^[A-Z]{2}$/, countrySays))
    .check(z.describe('Countries that its visitors are in, as CloudFront sees them, such as `[SE, NO]`.')),
}).check(rule(segmentFaults));

const error = () =>
  `write a map of at most ${SEGMENTS_MAX} segments, like \`internal: { cookie: team, is: [staff] }\`.`;

/** Visitors whom steps may name. */
export const segmentsField = z
  .record(z.string(), segment, { error })
  .check(
    rule(nameFaults),
    z.meta({ maxProperties: SEGMENTS_MAX, propertyNames: { pattern: NAME.source } }),
    z.describe(
      'Visitors of sites whom steps may name, by a name of your choice. A visitor of two keeps the share of the one whose step came first.',
    ),
  );

/** The segments of an accepted file. */
export const segmentsFrom = (written: z.output<typeof segmentsField>): Segment[] =>
  Object.entries(written).map(([name, { header, cookie, is = [], country }]) => ({
    name,
    ...(header !== undefined
      ? { by: 'h', of: header, values: is }
      : cookie !== undefined
        ? { by: 'c', of: cookie, values: is }
        : { by: 'y', of: '', values: country ?? [] }),
  }));

function segmentFaults(value: unknown): Fault[] {
  const names = ['header', 'cookie', 'country'];
  const message = 'write one of `header`, `cookie` and `country`, by which its visitors are known.';
  const faults = exactlyOne(value, names, { path: [], message });
  if (!isMap(value) || faults.length > 0) return faults;
  const isNamed = value.country === undefined;
  if (isNamed && value.is === undefined) return [{ path: ['is'], message: isSays({}) }];
  return !isNamed && value.is !== undefined
    ? [{ path: ['is'], message: 'the countries say who is in it; remove this.' }]
    : [];
}

function nameFaults(value: unknown): Fault[] {
  if (!isMap(value)) return [];
  const names = Object.keys(value);
  const count =
    names.length > SEGMENTS_MAX
      ? [{ path: [], message: `there are at most ${SEGMENTS_MAX} segments; this has ${names.length}.` }]
      : [];
  const bad = names
    .filter((name) => !NAME.test(name) || name === OTHERS)
    .map((name) => ({
      path: [name],
      message:
        name === OTHERS
          ? `\`${OTHERS}\` is everybody whom no segment names; rename it.`
          : "a segment's name begins with a small letter and has at most 20 small letters, digits and hyphens; rename it.",
    }));
  return [...count, ...bad];
}
