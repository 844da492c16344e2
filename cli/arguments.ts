import { type ParseArgsConfig, parseArgs } from 'node:util';
import { didYouMean } from '../core/config/nearest.ts';
import { rolloutIdParts } from '../core/rollout/service.ts';
import { awsBackend, type Backend, localBackend } from './backend.ts';

/** The command was called wrongly: its message says how it is called. */
export class UsageError extends Error {}

type Options = NonNullable<ParseArgsConfig['options']>;

/** Options of every command that talks to a controller. */
export const WHERE = {
  environment: { type: 'string' },
  local: { type: 'boolean' },
} as const satisfies Options;

/** Reads the arguments of a command: `names` in order, all of them unless `least` says fewer, and its options. @throws UsageError */
export function parsed<O extends Options>(args: string[], names: string[], options: O, least = names.length) {
  try {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true, strict: true });
    if (positionals.length < least || positionals.length > names.length) {
      throw new UsageError(
        `expected ${names.length === 0 ? 'no arguments' : names.join(' ')}, got ${positionals.length === 0 ? 'none' : positionals.join(' ')}`,
      );
    }
    return { values, positionals };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const message = error instanceof Error ? error.message : String(error);
    const [, valueless] =
      /^Option '(?:-\w, )?(--[\w-]+)[^']*' argument (?:missing|is ambiguous)/.exec(message) ?? [];
    if (valueless !== undefined) throw new UsageError(`${valueless} needs a value behind it`);
    // Node goes on with advice on how to pass such a word as an argument, which nobody here wants.
    const [what = ''] = message.split(/\.? To specify /);
    const [, unknown] = /^Unknown option '(--[^']*)'/.exec(what) ?? [];
    const known = Object.keys(options).map((name) => `--${name}`);
    const hint = unknown === undefined ? '' : didYouMean(unknown, known).replaceAll('`', '').trim();
    throw new UsageError(hint === '' ? what : `${what}; ${hint}`);
  }
}

/** Which controller is meant: `--local`, or `--environment NAME` (or SPILLWAY_ENVIRONMENT) on the present AWS profile. @throws UsageError */
export function backendFrom({
  environment,
  local,
}: {
  environment?: string | undefined;
  local?: boolean | undefined;
}): Backend {
  if (local && environment !== undefined)
    throw new UsageError(`say one of --local and --environment ${environment}, not both`);
  if (local) return localBackend();
  const name = environment || process.env.SPILLWAY_ENVIRONMENT;
  if (!name)
    throw new UsageError(
      'say which controller is meant: --environment NAME for the one in your AWS account, or --local for "npm run dev"',
    );
  if (!/^[A-Za-z0-9_-]{1,40}$/.test(name))
    throw new UsageError(
      `"${name}" is no name of an environment: 1 to 40 letters, digits, hyphens and underscores`,
    );
  return awsBackend(name);
}

/** A rollout as it was named. @throws UsageError where it cannot be the id of one */
export function rolloutIdFrom(text = ''): string {
  if (rolloutIdParts(text) !== undefined) return text;
  throw new UsageError(
    `"${text}" is no id of a rollout; it is SERVICE--RELEASE--ATTEMPT, like checkout-api--r8--1, and "status" lists those under way`,
  );
}
