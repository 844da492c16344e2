import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Client } from '../client/client.ts';
import { unknownKey } from '../core/config/nearest.ts';
import { rolloutIdParts } from '../core/rollout/service.ts';
import { UsageError } from './call.ts';
import type { Where } from './calls.ts';
import { complain } from './print.ts';

/** Which controller is meant, as `environmentFrom` says, or `--local`. What it needs of AWS is loaded here, and only if it is needed. @throws UsageError */
export async function clientFrom({ environment, local }: Where): Promise<Client> {
  if (local && environment !== undefined)
    throw new UsageError(`say one of --local and --environment ${environment}, not both`);
  if (local) return (await import('../client/local.ts')).localClient();
  const { name } = environmentFrom(environment);
  return (await import('../client/aws.ts')).awsClient(name, complain);
}

/** Which controller is meant, and who says so, for whoever is asked. @throws UsageError */
export function whereText({ environment, local }: Where): string {
  if (local) return 'the world of this machine';
  const { name, by } = environmentFrom(environment);
  return `${name} (${by})`;
}

/** The environment that is meant, and who says so: --environment, SPILLWAY_ENVIRONMENT, or spillway.json of the repository. @throws UsageError */
function environmentFrom(given: string | undefined): { name: string; by: string } {
  const variable = process.env.SPILLWAY_ENVIRONMENT;
  // An empty one is no wish for another controller: it is what a variable gives that is not set.
  const found =
    given !== undefined
      ? { name: given, by: '--environment' }
      : variable
        ? { name: variable, by: 'SPILLWAY_ENVIRONMENT' }
        : configured(pathFrom('.'));
  if (found === undefined)
    throw new UsageError(
      'say which controller is meant: --environment NAME for the one in your AWS account, or --local for "npm run dev"',
    );
  if (!/^[A-Za-z0-9_-]{1,40}$/.test(found.name))
    throw new UsageError(
      `"${found.name}" (${found.by}) is no name of an environment: 1 to 40 letters, digits, hyphens and underscores`,
    );
  return found;
}

const CONFIG = 'spillway.json';

/** What spillway.json says, from this folder up to the root of the repository; outside of one, in this folder alone. @throws UsageError if it cannot be read as what it should be */
function configured(folder: string): { name: string; by: string } | undefined {
  const above = foldersFrom(resolve(folder));
  const root = above.findIndex((at) => existsSync(join(at, '.git')));
  // A folder above that is no part of a repository may be anybody's, such as /tmp.
  const by = above
    .slice(0, Math.max(root, 0) + 1)
    .map((at) => join(at, CONFIG))
    .find((path) => existsSync(path));
  if (by === undefined) return undefined;
  let said: unknown;
  try {
    said = JSON.parse(readFileSync(by, 'utf8'));
  } catch (error) {
    throw new UsageError(`${by} cannot be read: ${(error as Error).message}`);
  }
  const { environment, ...others } = { ...(said as { environment?: unknown }) };
  const [unknown] = Object.keys(others).filter((key) => key !== '$schema');
  if (unknown !== undefined)
    throw new UsageError(`${by}: "${unknown}" ${unknownKey(unknown, ['environment'])}`);
  if (typeof environment !== 'string')
    throw new UsageError(`${by} must say which environment is meant, as in {"environment": "production"}`);
  return { name: environment, by };
}

/** A folder and all that it lies in. */
const foldersFrom = (folder: string): string[] =>
  dirname(folder) === folder ? [folder] : [folder, ...foldersFrom(dirname(folder))];

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
