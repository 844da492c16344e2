import { parseArgs } from 'node:util';
import { didYouMean } from '../core/config/nearest.ts';

/** The command was called wrongly: its message says what is wrong and how to call it. */
export class UsageError extends Error {}

/** One option: `value` is what usage calls the value behind it; an option without one is a switch. */
interface Option {
  value?: string;
  does: string;
  /** The only values it takes. */
  oneOf?: readonly string[];
  isMany?: true;
  isRequired?: true;
}

/** The options of a call, by their names. */
export type Options = Record<string, Option>;

/** How something is called: its usage text and the reading of its arguments both come from here. */
export interface Call<O extends Options = Options> {
  /** What is typed before its arguments, such as `spillway status`. */
  name: string;
  does: string;
  /** Its arguments in order; those in brackets may be left out, and dots at the end stand for any number. */
  takes: readonly string[];
  options: O;
}

type Value<O extends Option> = O extends { isMany: true }
  ? string[]
  : O extends { value: string }
    ? string
    : true;
type Required<O extends Options> = { [Name in keyof O]: O[Name] extends { isRequired: true } ? Name : never };

/** What a call was given. */
export interface Given<O extends Options> {
  args: string[];
  options: { [Name in Required<O>[keyof O]]: Value<O[Name]> } & {
    [Name in Exclude<keyof O, Required<O>[keyof O]>]?: Value<O[Name]>;
  };
}

/** Whether these arguments ask how the call is made. */
export function isHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  return args.slice(0, end < 0 ? args.length : end).some((each) => each === '--help' || each === '-h');
}

/** The arguments and options of a call. @throws UsageError */
export function givenTo<O extends Options>(call: Call<O>, args: string[]): Given<O> {
  const { name, options } = call;
  const flags = Object.entries<Option>(options).map(([key, { value }]) => {
    const type: 'boolean' | 'string' = value === undefined ? 'boolean' : 'string';
    return [key, { type }] as const;
  });
  // Not strict: what is wrong is said here, in our words and with the fix.
  const { tokens } = parseArgs({
    ...{ args, options: Object.fromEntries(flags) },
    ...{ allowPositionals: true, strict: false, tokens: true },
  });
  const positionals: string[] = [];
  const values: Record<string, string | string[] | true> = {};
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const { rawName, value, inlineValue } = token;
    const option =
      rawName.startsWith('--') && Object.hasOwn(options, token.name) ? options[token.name] : undefined;
    if (option === undefined) throw new UsageError(unknownOption(call, rawName));
    if (option.value === undefined) {
      if (value !== undefined)
        throw new UsageError(`${rawName} takes no value, but was given "${value}"; write ${rawName} alone`);
      values[token.name] = true;
    } else if (value === undefined || (!inlineValue && /^-./.test(value)))
      throw new UsageError(missingValue(call, rawName, option.value, value));
    else if (option.oneOf !== undefined && !option.oneOf.includes(value))
      throw new UsageError(
        `${rawName} takes ${option.oneOf.join(' or ')}, not "${value}"; ${didYouMean(value, option.oneOf)}`
          .replaceAll('`', '')
          .replace(/;? $/, ''),
      );
    else if (option.isMany) values[token.name] = [...((values[token.name] as string[]) ?? []), value];
    else if (token.name in values)
      throw new UsageError(
        `${rawName} is given twice, as "${values[token.name]}" and "${value}"; give it once`,
      );
    else values[token.name] = value;
  }
  assertCount(call, positionals);
  for (const [key, { value, does, isRequired }] of Object.entries<Option>(options))
    if (isRequired && !(key in values)) throw new UsageError(`${name} needs --${key} ${value}: ${does}`);
  return { args: positionals, options: values as Given<O>['options'] };
}

function missingValue({ options }: Call, option: string, wants: string, next = ''): string {
  const isValue = next !== '' && !Object.keys(options).some((key) => next === `--${key}`);
  return `${option} needs a value: ${option} ${wants}${isValue ? `, or ${option}=${next} if that is the value` : ''}`;
}

function unknownOption({ name, options }: Call, given: string): string {
  const known = Object.keys(options).map((key) => `--${key}`);
  const meant = didYouMean(given, known).replaceAll('`', '').trim();
  const all = known.length === 0 ? 'it has none' : `it has ${known.join(', ')}`;
  return `${name} has no option ${given}; ${meant === '' ? all : meant}`;
}

function assertCount({ name, takes }: Call, given: readonly string[]): void {
  const least = takes.filter((each) => !each.startsWith('[')).length;
  const isAny = takes.some((each) => each.includes('...'));
  if (given.length >= least && (isAny || given.length <= takes.length)) return;
  const wanted = takes.length === 0 ? 'no arguments' : takes.join(' ');
  throw new UsageError(`${name} expects ${wanted}, got ${given.length === 0 ? 'none' : given.join(' ')}`);
}

/** The line that shows how something is called. */
export function synopsis({ name, takes, options }: Call): string {
  const all = Object.entries(options);
  const required = all
    .filter(([, { isRequired }]) => isRequired)
    .map(([key, { value }]) => `--${key} ${value}`);
  return [name, ...takes, ...required, ...(all.length > required.length ? ['[OPTIONS]'] : [])].join(' ');
}

/** All about a call, in lines of at most `width` columns. */
export function usage(call: Call, width: number): string {
  const rows = Object.entries(call.options).map(([key, { value, does, isMany }]): [string, string] => [
    `--${key}${value === undefined ? '' : ` ${value}`}`,
    isMany ? `${does}; may be given several times` : does,
  ]);
  return [
    ...wrapped(`Usage: ${synopsis(call)}`, width),
    '',
    ...wrapped(call.does, width),
    '',
    'Options:',
    ...table([...rows, ['-h, --help', 'prints this text']], width),
  ].join('\n');
}

const LEFT_MAX = 26;
/** Columns that a text beside its name must have to be worth reading there. */
const RIGHT_MIN = 30;

/** Names with what they are for beside them, or below them if there is no room. */
export function table(rows: readonly (readonly [name: string, text: string])[], width: number): string[] {
  const left = Math.min(LEFT_MAX, Math.max(...rows.map(([name]) => name.length))) + 4;
  const isBeside = width - left >= RIGHT_MIN;
  return rows.flatMap(([name, text]) => {
    const indent = ' '.repeat(isBeside ? left : 6);
    const lines = wrapped(text, width - indent.length).map((line) => `${indent}${line}`);
    const head = `  ${name}`;
    return isBeside && head.length + 2 <= left
      ? [head + (lines[0] ?? '').slice(head.length), ...lines.slice(1)]
      : [head, ...lines];
  });
}

/** A text in lines of at most `width` columns, as far as its words are not longer. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}
