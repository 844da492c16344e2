import { type ParseArgsConfig, parseArgs } from 'node:util';
import { awsBackend, type Backend, localBackend } from './backend.ts';

/** The command was called wrongly: its message says how it is called. */
export class UsageError extends Error {}

type Options = NonNullable<ParseArgsConfig['options']>;

/** Options of every command that talks to a controller. */
export const WHERE = {
  environment: { type: 'string' },
  local: { type: 'boolean' },
} as const satisfies Options;

/** Reads the arguments of a command: exactly `names` in order, and its options. @throws UsageError */
export function parsed<O extends Options>(args: string[], names: string[], options: O) {
  try {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true, strict: true });
    if (positionals.length !== names.length) {
      throw new UsageError(
        `expected ${names.length === 0 ? 'no arguments' : names.join(' ')}, got ${positionals.length === 0 ? 'none' : positionals.join(' ')}`,
      );
    }
    return { values, positionals };
  } catch (error) {
    throw error instanceof UsageError
      ? error
      : new UsageError(error instanceof Error ? error.message : String(error));
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
  if (local) return localBackend();
  const name = environment ?? process.env.SPILLWAY_ENVIRONMENT;
  if (name === undefined)
    throw new UsageError(
      'say which controller is meant: --environment NAME for the one in your AWS account, or --local for "npm run dev"',
    );
  return awsBackend(name);
}
