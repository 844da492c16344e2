import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { awsClient } from '../client/aws.ts';
import type { Client } from '../client/client.ts';
import { localClient } from '../client/local.ts';
import { rolloutIdParts } from '../core/rollout/service.ts';
import { UsageError } from './call.ts';
import { complain } from './print.ts';

/** Options of every command that talks to a controller. */
export const WHERE = {
  environment: {
    value: 'NAME',
    does: 'the controller of this environment, in the AWS account and region of the present profile; without it, SPILLWAY_ENVIRONMENT',
  },
  local: { does: 'the controller of "npm run dev" on this machine' },
} as const;

/** Which controller is meant: `--local`, or `--environment NAME` (or SPILLWAY_ENVIRONMENT) on the present AWS profile. @throws UsageError */
export function clientFrom({ environment, local }: { environment?: string; local?: true }): Client {
  if (local && environment !== undefined)
    throw new UsageError(`say one of --local and --environment ${environment}, not both`);
  if (local) return localClient();
  const name = environment || process.env.SPILLWAY_ENVIRONMENT;
  if (!name)
    throw new UsageError(
      'say which controller is meant: --environment NAME for the one in your AWS account, or --local for "npm run dev"',
    );
  if (!/^[A-Za-z0-9_-]{1,40}$/.test(name))
    throw new UsageError(
      `"${name}" is no name of an environment: 1 to 40 letters, digits, hyphens and underscores`,
    );
  return awsClient(name, complain);
}

/** A rollout as it was named. @throws UsageError if it cannot be the id of one */
export function rolloutIdFrom(text = ''): string {
  if (rolloutIdParts(text) !== undefined) return text;
  throw new UsageError(
    `invalid rollout id "${text}": expected SERVICE--RELEASE--ATTEMPT, like checkout-api--r8--1; "status" lists those under way`,
  );
}

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** A file as the caller named it: npm runs a script in the project's folder, wherever it was called from. */
export function pathFrom(text = ''): string {
  const { INIT_CWD: from, npm_package_json: by } = process.env;
  const isByNpm = by !== undefined && resolve(by) === join(ROOT, 'package.json');
  return !isByNpm || from === undefined || from === process.cwd() ? text : resolve(from, text);
}
