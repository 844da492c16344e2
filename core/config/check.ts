import * as z from 'zod/mini';
import { unknownKey } from './nearest.ts';
import { isMap, own, type Problem, plainProblems } from './plain.ts';

/** A rule over several fields that a value breaks; the message goes on after what stands at the path. */
export interface Fault {
  path: PropertyKey[];
  message: string;
}

/** Says what is wrong with one field, by what stands in it. */
export type Says = (issue: { input?: unknown }) => string;

/** Either the accepted value or a line for each problem. */
type Checked<T> = { value: T; lines?: never } | { lines: string[] };

/** Most lines that are reported: a reason travels in the journal, whose items are limited. */
const LINES_MAX = 100;
const SHOWN_MAX = 60;
/** Most values in all maps and lists together: a wrong one costs more than a good one, and the time to refuse is limited. */
const VALUES_MAX = 10_000;

/** Option of a rule that looks at several fields: it runs even if one of them is wrong, so that all problems are reported at once. */
export const ALWAYS = { when: () => true };

/** Checks a value of unknown origin; `root` names the whole of it. Never throws. */
export function check<S extends z.ZodMiniType>(
  schema: S,
  value: unknown,
  root: string,
  more: readonly Problem[] = [],
): Checked<z.output<S>> {
  const unplain = plainProblems(value);
  if (unplain.length > 0) return { lines: linesFrom(unplain, root) };
  if (countOf(value) > VALUES_MAX)
    return { lines: [`${root} holds more than ${VALUES_MAX} values: shorten it.`] };
  const parsed = schema.safeParse(value);
  const problems = [...(parsed.error?.issues ?? []).flatMap((issue) => problemsFrom(issue, value)), ...more];
  if (problems.length > 0) return { lines: linesFrom(problems, root) };
  return { value: parsed.data as z.output<S> };
}

/** A map with exactly these keys; `later` has a sentence for keys that are known but refused, `synonyms` what other tools call some of them. */
export function strict<const S extends z.core.$ZodLooseShape>(
  shape: S,
  later: Record<string, string> = {},
  synonyms: Record<string, string> = {},
) {
  const known = Object.keys(shape);
  const says = (key: string) => (Object.hasOwn(later, key) ? later[key] : unknownKey(key, known, synonyms));
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map(says).join('\n')
        : `write a map of ${known.join(', ')} here.`,
  });
}

/** A whole number from `least` to `most`. */
export function whole(least: number, most: number, error: Says) {
  // Not z.int(): its failure would keep the rules of the maps around it from running.
  return between(least, most, error).check(
    z.refine(Number.isSafeInteger, { error }),
    z.meta({ type: 'integer' }),
  );
}

/** A number from `least` to `most`. */
export function between(least: number, most: number, error: Says) {
  return z.number({ error }).check(z.gte(least, { error }), z.lte(most, { error }));
}

/** A text that fits a pattern. */
export function textLike(pattern: RegExp, error: Says) {
  return z.string({ error }).check(z.regex(pattern, { error }));
}

/** A list of at most so many. */
export function list<const S extends z.ZodMiniType>(item: S, most: number, error: Says) {
  return z.array(item, { error }).check(z.maxLength(most, { error }));
}

/** Makes a rule over several fields, a check of their map or list, of what finds its faults. */
export function rule(faultsOf: (value: unknown) => Fault[]) {
  return z.superRefine((value: unknown, context) => {
    for (const { path, message } of faultsOf(value)) context.addIssue({ code: 'custom', path, message });
  }, ALWAYS);
}

/** The faults of a map in which exactly one of some keys must stand; `missing` is the fault if none does. */
export function exactlyOne(value: unknown, names: readonly string[], missing: Fault): Fault[] {
  if (!isMap(value)) return [];
  const [first, ...others] = names.filter((name) => Object.hasOwn(value, name));
  if (first === undefined) return [missing];
  return others.map((name) => ({
    path: [name],
    message: `\`${first}\` is set here too; keep one of the two.`,
  }));
}

/** Shows a value in a message, cut if it is long, and without a password that stands in a URL. */
export function shown(value: unknown): string {
  const text = (JSON.stringify(value) ?? 'missing').replaceAll(/:\/\/[^/@"\s]*@/g, '://…@');
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text;
}

/** One problem of a value: what stands there, what is wrong with it, and the fix. */
export function problem(path: Problem['path'], value: unknown, wrong: string): Problem {
  return { path, says: `is ${shown(value)}: ${wrong}` };
}

function problemsFrom(issue: z.core.$ZodIssue, value: unknown): Problem[] {
  // Of forms that say nothing together, the one is meant that the value comes nearest to.
  if (issue.code === 'invalid_union' && issue.message === '') {
    const [nearest = []] = issue.errors.toSorted((a, b) => a.length - b.length);
    return nearest.flatMap((each) => problemsFrom({ ...each, path: [...issue.path, ...each.path] }, value));
  }
  if (issue.code !== 'unrecognized_keys') {
    return [problem(issue.path, issue.path.reduce(own, value), issue.message)];
  }
  const says = issue.message.split('\n');
  return issue.keys.map((key, index) => ({ path: [...issue.path, key], says: says[index] ?? '' }));
}

function countOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1;
  return Object.values(value).reduce<number>((sum, item) => sum + countOf(item), 1);
}

function linesFrom(problems: readonly Problem[], root: string): string[] {
  const lines = [...new Set(problems.map(({ path, says }) => `${pathText(path) || root} ${says}`))];
  if (lines.length <= LINES_MAX) return lines;
  return [...lines.slice(0, LINES_MAX), `and ${lines.length - LINES_MAX} more problems.`];
}

/** Writes a path in the user's words: `steps[2].weight`, `smoke[0].expect["$.total"]`. */
function pathText(path: Problem['path']): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    if (!/^[\w-]{1,60}$/.test(String(part))) return `${text}[${shown(String(part))}]`;
    return text === '' ? String(part) : `${text}.${String(part)}`;
  }, '');
}
